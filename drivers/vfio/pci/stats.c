// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a function, and the trace events beside them. The engine accounts
 * in any context and under any of its locks; debugfs.c shows the counters.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "compat.h"
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

static const char * const trigger_names[] = {
	[MIG_TRIGGER_V2] = "v2",
	[MIG_TRIGGER_V1] = "v1",
	[MIG_TRIGGER_RESET] = "reset",
	[MIG_TRIGGER_ERROR] = "error",
	[MIG_TRIGGER_OPEN] = "open",
};

static_assert(ARRAY_SIZE(op_names) == MIG_NR_OPS);

/* The last bucket has no bound */
static const unsigned int stop_bounds_ms[] = { 10, 30, 100, 300, 1000, 3000 };

static_assert(ARRAY_SIZE(stop_bounds_ms) == VFIO_PCI_ENGINE_STOP_BUCKETS - 1);

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
 * @stats: the counters, all zero
 * @device: PCI address of the function
 */
void mig_stats_init(struct mig_stats *stats, const char *device)
{
	strscpy(stats->device, device, sizeof(stats->device));
	spin_lock_init(&stats->lock);
	stats->session.dir = DMA_NONE;
	stats->ended.dir = DMA_NONE;
}

/**
 * mig_stats_read() - read the counters
 * @stats: the counters
 * @copy: receives the counters; its lock is not to be used
 *
 * Context: any.
 */
void mig_stats_read(struct mig_stats *stats, struct mig_stats *copy)
{
	unsigned long flags;

	spin_lock_irqsave(&stats->lock, flags);
	*copy = *stats;
	spin_unlock_irqrestore(&stats->lock, flags);
}

static u64 ns_since(ktime_t begun)
{
	return ktime_to_ns(ktime_sub(ktime_get(), begun));
}

/* No other arcs stop a function */
static bool is_stop(enum vfio_device_mig_state old,
		    enum vfio_device_mig_state new)
{
	return (old == VFIO_DEVICE_STATE_RUNNING_P2P &&
		new == VFIO_DEVICE_STATE_STOP) ||
	       (old == VFIO_DEVICE_STATE_PRE_COPY_P2P &&
		new == VFIO_DEVICE_STATE_STOP_COPY);
}

/**
 * mig_account_state() - account a change of state, or its failure
 * @stats: the counters
 * @old: where it was
 * @new: where it goes, or should have gone
 * @error: 0, or why it is still at @old
 * @trigger: the trigger
 */
void mig_account_state(struct mig_stats *stats, enum vfio_device_mig_state old,
		       enum vfio_device_mig_state new, int error,
		       enum mig_trigger trigger)
{
	unsigned long flags;

	/* A reset of a device that runs is worth knowing, too */
	if (old == new && trigger != MIG_TRIGGER_RESET)
		return;
	trace_vfio_pci_mig_state(stats->device, mig_state_name(old),
				 mig_state_name(new), error,
				 trigger_names[trigger]);
	if (error)
		return;
	spin_lock_irqsave(&stats->lock, flags);
	if (new == VFIO_DEVICE_STATE_ERROR)
		stats->count.errors++;
	else if (is_stop(old, new))
		stats->stopped = ktime_get();
	spin_unlock_irqrestore(&stats->lock, flags);
}

static void account_op(struct mig_stats *stats, enum mig_op op, u64 ns,
		       int error)
{
	struct mig_op_stats *s = &stats->op[op];
	unsigned long flags;

	trace_vfio_pci_mig_op(stats->device, op_names[op], error, ns);
	spin_lock_irqsave(&stats->lock, flags);
	s->count++;
	s->errors += !!error;
	s->last_ns = ns;
	s->max_ns = max(s->max_ns, ns);
	s->total_ns += ns;
	spin_unlock_irqrestore(&stats->lock, flags);
}

/**
 * mig_account_op() - account a firmware operation that has ended
 * @stats: the counters
 * @op: the operation
 * @begun: when it was asked for
 * @error: its result
 */
void mig_account_op(struct mig_stats *stats, enum mig_op op, ktime_t begun,
		    int error)
{
	account_op(stats, op, ns_since(begun), error);
}

/**
 * mig_account_chunk() - account a saved or loaded chunk, or its failure
 * @stats: the counters
 * @buf: the chunk; its memory belongs to firmware no more
 * @error: the result
 *
 * Accounts the operation, too.
 */
void mig_account_chunk(struct mig_stats *stats,
		       const struct vfio_pci_mig_buf *buf, int error)
{
	/* The consumer of the chunk refuses a length beyond the buffer */
	u64 bytes = min(buf->len, buf->size);
	u64 ns = ns_since(buf->begun);
	bool load = buf->dir == DMA_TO_DEVICE;
	unsigned long flags;

	account_op(stats, load ? MIG_OP_LOAD : MIG_OP_SAVE, ns, error);
	/*
	 * Before the function was stopped there may be nothing to save: that is
	 * no chunk
	 */
	if (error || !bytes)
		return;
	trace_vfio_pci_mig_chunk(stats->device, load ? "load" : "save", buf->offset, bytes,
				 buf->precopy, buf->last && !buf->precopy, ns);
	spin_lock_irqsave(&stats->lock, flags);
	stats->session.bytes += bytes;
	stats->session.chunks++;
	*(load ? &stats->count.bytes_loaded : &stats->count.bytes_saved) +=
		bytes;
	spin_unlock_irqrestore(&stats->lock, flags);
}

/**
 * mig_account_session() - account the start of a session
 * @stats: the counters
 * @dir: DMA_FROM_DEVICE to save, DMA_TO_DEVICE to load
 * @buffers: bytes of memory that it has
 */
void mig_account_session(struct mig_stats *stats, enum dma_data_direction dir,
			 u64 buffers)
{
	spin_lock_irq(&stats->lock);
	stats->session = (struct mig_session_stats) {
		.dir = dir,
		.begun = ktime_get(),
		.buffers = buffers,
	};
	spin_unlock_irq(&stats->lock);
}

static void account_stop(struct mig_stats *stats)
{
	u64 ns = ns_since(stats->stopped);
	unsigned int i;

	lockdep_assert_held(&stats->lock);
	for (i = 0; i < ARRAY_SIZE(stop_bounds_ms); i++) {
		if (ns <= (u64)stop_bounds_ms[i] * NSEC_PER_MSEC)
			break;
	}
	stats->count.stopped_ns += ns;
	stats->count.stopped[i]++;
}

/**
 * mig_account_session_end() - account the end of a session
 * @stats: the counters
 * @load: it was one of RESUMING
 * @complete: the stream was read to its end, or firmware has accepted the
 *	complete state
 * @failed: it was not, but should have been
 */
void mig_account_session_end(struct mig_stats *stats, bool load, bool complete,
			     bool failed)
{
	spin_lock_irq(&stats->lock);
	stats->ended = stats->session;
	stats->ended_ns = ns_since(stats->session.begun);
	stats->session = (struct mig_session_stats) { .dir = DMA_NONE };
	stats->ended.complete = complete;
	if (complete)
		*(load ? &stats->count.loaded : &stats->count.saved) += 1;
	if (complete && !load)
		account_stop(stats);
	stats->count.failed += failed;
	spin_unlock_irq(&stats->lock);
}

/**
 * mig_account_log() - account start or stop of dirty page logging
 * @stats: the counters
 * @ranges: how many; 0: it does not
 * @pages: in all of them
 * @shift: log2 of a page
 */
void mig_account_log(struct mig_stats *stats, unsigned int ranges, u64 pages,
		     unsigned int shift)
{
	unsigned long flags;

	spin_lock_irqsave(&stats->lock, flags);
	stats->log_ranges = ranges;
	stats->log_pages = pages;
	stats->log_shift = shift;
	spin_unlock_irqrestore(&stats->lock, flags);
}

/**
 * mig_account_report() - account a report of dirty pages, or its failure
 * @stats: the counters
 * @iova: where the range begins
 * @length: bytes
 * @bitmap: what it says; not checked
 * @begun: when it was asked
 * @error: the result
 *
 * Accounts the operation, too.
 */
void mig_account_report(struct mig_stats *stats, u64 iova, u64 length,
			const struct vfio_pci_log_bitmap *bitmap, ktime_t begun,
			int error)
{
	u64 ns = ns_since(begun);

	account_op(stats, MIG_OP_LOG_REPORT, ns, error);
	if (error)
		return;
	trace_vfio_pci_log_report(stats->device, iova, length, bitmap->dirty,
				  bitmap->len, ns);
	spin_lock_irq(&stats->lock);
	stats->log_reports++;
	stats->log_dirty += bitmap->dirty;
	spin_unlock_irq(&stats->lock);
}
