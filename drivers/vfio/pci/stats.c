// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has happened to a function: counters, and the trace events beside them. Noted by the
 * engine, in any context and under any of its locks; debugfs.c shows the counters.
 */
#include <linux/kernel.h>

#include "migration.h"
#include "stats.h"
#include "trace.h"

static const char * const op_names[] = {
	[MIG_OP_SUSPEND_P2P] = "suspend_p2p",
	[MIG_OP_SUSPEND_FULL] = "suspend_full",
	[MIG_OP_RESUME_FULL] = "resume_full",
	[MIG_OP_RESUME_P2P] = "resume_p2p",
	[MIG_OP_STATE_SIZE] = "state_size",
	[MIG_OP_SAVE] = "save",
	[MIG_OP_LOAD] = "load",
	[MIG_OP_PRECOPY_START] = "precopy_start",
	[MIG_OP_PRECOPY_STOP] = "precopy_stop",
	[MIG_OP_PRECOPY_SIZE] = "precopy_size",
	[MIG_OP_ABORT] = "abort",
	[MIG_OP_BEGIN] = "begin",
	[MIG_OP_END] = "end",
	[MIG_OP_ATTACH] = "attach",
	[MIG_OP_DETACH] = "detach",
	[MIG_OP_CHUNK_SIZE] = "chunk_size",
	[MIG_OP_CHECK_COMPAT] = "check_compat",
	[MIG_OP_LOG_START] = "log_start",
	[MIG_OP_LOG_STOP] = "log_stop",
	[MIG_OP_LOG_REPORT] = "log_report",
};

static const char * const state_names[] = {
	[VFIO_DEVICE_STATE_ERROR] = "ERROR",
	[VFIO_DEVICE_STATE_STOP] = "STOP",
	[VFIO_DEVICE_STATE_RUNNING] = "RUNNING",
	[VFIO_DEVICE_STATE_STOP_COPY] = "STOP_COPY",
	[VFIO_DEVICE_STATE_RESUMING] = "RESUMING",
	[VFIO_DEVICE_STATE_RUNNING_P2P] = "RUNNING_P2P",
	[VFIO_DEVICE_STATE_PRE_COPY] = "PRE_COPY",
	[VFIO_DEVICE_STATE_PRE_COPY_P2P] = "PRE_COPY_P2P",
};

static const char * const who_names[] = {
	[MIG_WHO_V2] = "v2",
	[MIG_WHO_V1] = "v1",
	[MIG_WHO_RESET] = "reset",
	[MIG_WHO_ERROR] = "error",
	[MIG_WHO_OPEN] = "open",
};

static_assert(ARRAY_SIZE(op_names) == MIG_NR_OPS);

/**
 * mig_op_name() - name a firmware operation for trace events and debugfs
 * @op: the operation
 *
 * Return: the name.
 */
const char *mig_op_name(enum mig_op op)
{
	return op_names[op];
}

/**
 * mig_state_name() - get the uapi's name of a state
 * @state: the state
 *
 * Return: what follows VFIO_DEVICE_STATE_ in the header.
 */
const char *mig_state_name(enum vfio_device_mig_state state)
{
	if ((unsigned int)state >= ARRAY_SIZE(state_names))
		return "unknown";
	return state_names[state];
}

/**
 * mig_stats_init() - initialize the counters
 * @mig: the state, with nothing but its function
 */
void mig_stats_init(struct vfio_pci_migration *mig)
{
	strscpy(mig->stats.device, pci_name(mig->fn->pdev), sizeof(mig->stats.device));
	spin_lock_init(&mig->stats.lock);
	mig->stats.session.dir = DMA_NONE;
	mig->stats.ended.dir = DMA_NONE;
}

/**
 * mig_stats_read() - read the counters
 * @mig: the state
 * @copy: receives the counters; its lock is not to be used
 *
 * Context: any.
 */
void mig_stats_read(struct vfio_pci_migration *mig, struct mig_stats *copy)
{
	unsigned long flags;

	spin_lock_irqsave(&mig->stats.lock, flags);
	*copy = mig->stats;
	spin_unlock_irqrestore(&mig->stats.lock, flags);
}

static u64 ns_since(ktime_t begun)
{
	return ktime_to_ns(ktime_sub(ktime_get(), begun));
}

/* No other arcs stop a function */
static bool is_stop(enum vfio_device_mig_state old, enum vfio_device_mig_state new)
{
	return (old == VFIO_DEVICE_STATE_RUNNING_P2P && new == VFIO_DEVICE_STATE_STOP) ||
	       (old == VFIO_DEVICE_STATE_PRE_COPY_P2P && new == VFIO_DEVICE_STATE_STOP_COPY);
}

/**
 * mig_note_state() - account a change of state, or its failure
 * @mig: the state
 * @old: where it was
 * @new: where it goes, or should have gone
 * @error: 0, or why it is still at @old
 * @who: the trigger
 */
void mig_note_state(struct vfio_pci_migration *mig, enum vfio_device_mig_state old,
		    enum vfio_device_mig_state new, int error, enum mig_who who)
{
	unsigned long flags;

	/* A reset of a device that runs is worth knowing, too */
	if (old == new && who != MIG_WHO_RESET)
		return;
	trace_vfio_pci_mig_state(mig->stats.device, mig_state_name(old), mig_state_name(new),
				 error, who_names[who]);
	if (error)
		return;
	spin_lock_irqsave(&mig->stats.lock, flags);
	if (new == VFIO_DEVICE_STATE_ERROR)
		mig->stats.count.errors++;
	else if (is_stop(old, new))
		mig->stats.stopped = ktime_get();
	spin_unlock_irqrestore(&mig->stats.lock, flags);
}

static void note_op(struct vfio_pci_migration *mig, enum mig_op op, u64 ns, int error)
{
	struct mig_op_stats *s = &mig->stats.op[op];
	unsigned long flags;

	trace_vfio_pci_mig_op(mig->stats.device, op_names[op], error, ns);
	spin_lock_irqsave(&mig->stats.lock, flags);
	s->count++;
	s->errors += !!error;
	s->last_ns = ns;
	s->max_ns = max(s->max_ns, ns);
	s->total_ns += ns;
	spin_unlock_irqrestore(&mig->stats.lock, flags);
}

/**
 * mig_note_op() - account a firmware operation that has ended
 * @mig: the state
 * @op: the operation
 * @begun: when it was asked for
 * @error: its result
 */
void mig_note_op(struct vfio_pci_migration *mig, enum mig_op op, ktime_t begun, int error)
{
	note_op(mig, op, ns_since(begun), error);
}

/**
 * mig_note_piece() - account a saved or loaded chunk, or its failure
 * @mig: the state
 * @buf: the chunk; its memory belongs to firmware no more
 * @error: the result
 *
 * Notes the operation, too.
 */
void mig_note_piece(struct vfio_pci_migration *mig, const struct vfio_pci_mig_buf *buf, int error)
{
	/* The consumer of the chunk refuses a length beyond the buffer */
	u64 bytes = min(buf->len, buf->size);
	u64 ns = ns_since(buf->begun);
	bool load = buf->dir == DMA_TO_DEVICE;
	struct mig_stats *s = &mig->stats;
	unsigned long flags;

	note_op(mig, load ? MIG_OP_LOAD : MIG_OP_SAVE, ns, error);
	/* Before the function was stopped there may be nothing to save: that is no chunk */
	if (error || !bytes)
		return;
	trace_vfio_pci_mig_chunk(s->device, load ? "load" : "save", buf->offset, bytes,
				 buf->early, buf->last && !buf->early, ns);
	spin_lock_irqsave(&s->lock, flags);
	s->session.bytes += bytes;
	s->session.pieces++;
	*(load ? &s->count.bytes_loaded : &s->count.bytes_saved) += bytes;
	spin_unlock_irqrestore(&s->lock, flags);
}

/**
 * mig_note_session() - account the start of a session
 * @mig: the state, locked
 * @dir: DMA_FROM_DEVICE to save, DMA_TO_DEVICE to load
 * @buffers: bytes of memory that it has
 */
void mig_note_session(struct vfio_pci_migration *mig, enum dma_data_direction dir, u64 buffers)
{
	struct mig_stats *s = &mig->stats;

	spin_lock_irq(&s->lock);
	s->session = (struct mig_session_stats) {
		.dir = dir,
		.begun = ktime_get(),
		.buffers = buffers,
	};
	spin_unlock_irq(&s->lock);
}

/**
 * mig_note_session_end() - account the end of a session
 * @mig: the state, locked
 * @load: it was one of RESUMING
 * @whole: the stream was read to its end, or firmware has accepted the complete state
 * @failed: it was not, but should have been
 */
void mig_note_session_end(struct vfio_pci_migration *mig, bool load, bool whole, bool failed)
{
	struct mig_stats *s = &mig->stats;

	spin_lock_irq(&s->lock);
	s->ended = s->session;
	s->ended_ns = ns_since(s->session.begun);
	s->session = (struct mig_session_stats) { .dir = DMA_NONE };
	s->ended.whole = whole;
	if (whole)
		*(load ? &s->count.loaded : &s->count.saved) += 1;
	if (whole && !load)
		s->count.stopped_ns += ns_since(s->stopped);
	s->count.failed += failed;
	spin_unlock_irq(&s->lock);
}

/**
 * mig_note_log() - account start or stop of dirty page logging
 * @mig: the state
 * @ranges: how many; 0: it does not
 * @pages: in all of them
 * @shift: log2 of a page
 */
void mig_note_log(struct vfio_pci_migration *mig, unsigned int ranges, u64 pages,
		  unsigned int shift)
{
	struct mig_stats *s = &mig->stats;
	unsigned long flags;

	spin_lock_irqsave(&s->lock, flags);
	s->log_ranges = ranges;
	s->log_pages = pages;
	s->log_shift = shift;
	spin_unlock_irqrestore(&s->lock, flags);
}

/**
 * mig_note_report() - account a report of dirty pages, or its failure
 * @mig: the state
 * @iova: where the range begins
 * @length: bytes
 * @bitmap: what it says; not checked
 * @begun: when it was asked
 * @error: the result
 *
 * Notes the operation, too.
 */
void mig_note_report(struct vfio_pci_migration *mig, u64 iova, u64 length,
		     const struct vfio_pci_log_bitmap *bitmap, ktime_t begun, int error)
{
	struct mig_stats *s = &mig->stats;
	u64 ns = ns_since(begun);

	note_op(mig, MIG_OP_LOG_REPORT, ns, error);
	if (error)
		return;
	trace_vfio_pci_log_report(s->device, iova, length, bitmap->dirty, bitmap->len, ns);
	spin_lock_irq(&s->lock);
	s->log_reports++;
	s->log_dirty += bitmap->dirty;
	spin_unlock_irq(&s->lock);
}
