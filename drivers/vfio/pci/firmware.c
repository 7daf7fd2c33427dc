// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the engine calls firmware: each operation is timed, counted and traced here, and
 * nowhere else. What an answer means is for the caller to say.
 */
#include "firmware.h"
#include "migration.h"
#include "ranges.h"

/**
 * mig_fw_begin() - &vfio_pci_mig_ops.begin
 * @mig: the state, locked
 * @dir: what the session is for
 *
 * Return: firmware's result.
 */
int mig_fw_begin(struct vfio_pci_migration *mig, enum vfio_pci_mig_dir dir)
{
	ktime_t begun = ktime_get();
	int ret;

	if (!mig->ops->begin)
		return 0;
	ret = mig->ops->begin(mig->fn, dir);
	mig_note_op(mig, MIG_OP_BEGIN, begun, ret);
	return ret;
}

/**
 * mig_fw_end() - &vfio_pci_mig_ops.end
 * @mig: the state, locked
 */
void mig_fw_end(struct vfio_pci_migration *mig)
{
	ktime_t begun = ktime_get();

	if (!mig->ops->end)
		return;
	mig->ops->end(mig->fn);
	mig_note_op(mig, MIG_OP_END, begun, 0);
}

/**
 * mig_fw_attach() - &vfio_pci_mig_ops.attach
 * @mig: the state, locked
 * @buf: a buffer with memory, mapped if it has to be
 *
 * Return: firmware's result.
 */
int mig_fw_attach(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf)
{
	ktime_t begun = ktime_get();
	int ret;

	if (!mig->ops->attach)
		return 0;
	ret = mig->ops->attach(mig->fn, buf);
	mig_note_op(mig, MIG_OP_ATTACH, begun, ret);
	return ret;
}

/**
 * mig_fw_detach() - &vfio_pci_mig_ops.detach
 * @mig: the state, locked
 * @buf: an attached buffer that is not busy
 */
void mig_fw_detach(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf)
{
	ktime_t begun = ktime_get();

	if (!mig->ops->detach)
		return;
	mig->ops->detach(mig->fn, buf);
	mig_note_op(mig, MIG_OP_DETACH, begun, 0);
}

/**
 * mig_fw_chunk_size() - &vfio_pci_mig_ops.chunk_size
 * @mig: the state, locked; firmware has that operation
 * @bytes: receives the size; not checked
 *
 * Return: firmware's result.
 */
int mig_fw_chunk_size(struct vfio_pci_migration *mig, u64 *bytes)
{
	ktime_t begun = ktime_get();
	int ret = mig->ops->chunk_size(mig->fn, bytes);

	mig_note_op(mig, MIG_OP_CHUNK_SIZE, begun, ret);
	return ret;
}

/**
 * mig_fw_suspend() - &vfio_pci_mig_ops.suspend
 * @mig: the state, locked
 * @level: to suspend to
 *
 * Return: firmware's result.
 */
int mig_fw_suspend(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level)
{
	ktime_t begun = ktime_get();
	int ret = mig->ops->suspend(mig->fn, level);

	mig_note_op(mig, level == VFIO_PCI_FN_FULL ? MIG_OP_SUSPEND_FULL : MIG_OP_SUSPEND_P2P,
		    begun, ret);
	return ret;
}

/**
 * mig_fw_resume() - &vfio_pci_mig_ops.resume
 * @mig: the state, locked
 * @level: to leave
 *
 * Return: firmware's result.
 */
int mig_fw_resume(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level)
{
	ktime_t begun = ktime_get();
	int ret = mig->ops->resume(mig->fn, level);

	mig_note_op(mig, level == VFIO_PCI_FN_FULL ? MIG_OP_RESUME_FULL : MIG_OP_RESUME_P2P,
		    begun, ret);
	return ret;
}

/**
 * mig_fw_state_size() - &vfio_pci_mig_ops.state_size
 * @mig: the state, locked
 * @size: receives the size; not checked
 *
 * Return: firmware's result.
 */
int mig_fw_state_size(struct vfio_pci_migration *mig, u64 *size)
{
	ktime_t begun = ktime_get();
	int ret = mig->ops->state_size(mig->fn, size);

	mig_note_op(mig, MIG_OP_STATE_SIZE, begun, ret);
	return ret;
}

/**
 * mig_fw_move() - &vfio_pci_mig_ops.save or &vfio_pci_mig_ops.load
 * @mig: the state, locked
 * @buf: the piece
 * @op: which of them
 *
 * Whatever it returns, it ends with vfio_pci_mig_buf_done(), where it is noted.
 *
 * Return: firmware's result, -EINPROGRESS: not known yet.
 */
int mig_fw_move(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf, mig_buf_op op)
{
	buf->mig = mig;
	buf->begun = ktime_get();
	return op(mig->fn, buf);
}

/**
 * mig_fw_abort() - &vfio_pci_mig_ops.abort
 * @mig: the state, locked
 * @buf: the piece that firmware works on
 */
void mig_fw_abort(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf)
{
	ktime_t begun = ktime_get();

	mig->ops->abort(mig->fn, buf);
	mig_note_op(mig, MIG_OP_ABORT, begun, 0);
}

/**
 * mig_fw_precopy_start() - &vfio_pci_mig_ops.precopy_start
 * @mig: the state, locked
 *
 * Return: firmware's result.
 */
int mig_fw_precopy_start(struct vfio_pci_migration *mig)
{
	ktime_t begun = ktime_get();
	int ret = mig->ops->precopy_start(mig->fn);

	mig_note_op(mig, MIG_OP_PRECOPY_START, begun, ret);
	return ret;
}

/**
 * mig_fw_precopy_stop() - &vfio_pci_mig_ops.precopy_stop
 * @mig: the state, locked
 * @buf: an attached buffer that is not busy, or NULL
 *
 * Return: firmware's result.
 */
int mig_fw_precopy_stop(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf)
{
	ktime_t begun = ktime_get();
	int ret = mig->ops->precopy_stop(mig->fn, buf);

	mig_note_op(mig, MIG_OP_PRECOPY_STOP, begun, ret);
	return ret;
}

/**
 * mig_fw_precopy_size() - &vfio_pci_mig_ops.precopy_size
 * @mig: the state, locked
 * @size: receives what is left; not checked
 *
 * Return: firmware's result.
 */
int mig_fw_precopy_size(struct vfio_pci_migration *mig, struct vfio_pci_precopy_size *size)
{
	ktime_t begun = ktime_get();
	int ret = mig->ops->precopy_size(mig->fn, size);

	mig_note_op(mig, MIG_OP_PRECOPY_SIZE, begun, ret);
	return ret;
}

/**
 * mig_fw_log_start() - &vfio_pci_log_ops.start
 * @mig: the state, locked
 * @ranges: to log
 * @nr: how many
 * @page_shift: log2 of a page
 *
 * Return: firmware's result.
 */
int mig_fw_log_start(struct vfio_pci_migration *mig, const struct vfio_pci_log_range *ranges,
		     unsigned int nr, unsigned int page_shift)
{
	ktime_t begun = ktime_get();
	int ret = mig->log.ops->start(mig->fn, ranges, nr, page_shift);

	mig_note_op(mig, MIG_OP_LOG_START, begun, ret);
	return ret;
}

/**
 * mig_fw_log_stop() - &vfio_pci_log_ops.stop
 * @mig: the state, locked
 *
 * Return: firmware's result.
 */
int mig_fw_log_stop(struct vfio_pci_migration *mig)
{
	ktime_t begun = ktime_get();
	int ret = mig->log.ops->stop(mig->fn);

	mig_note_op(mig, MIG_OP_LOG_STOP, begun, ret);
	return ret;
}

/**
 * mig_fw_log_report() - &vfio_pci_log_ops.report
 * @mig: the state, locked
 * @iova: where the range begins
 * @length: bytes
 * @bitmap: where firmware reports; its numbers are not checked
 *
 * Return: firmware's result.
 */
int mig_fw_log_report(struct vfio_pci_migration *mig, u64 iova, u64 length,
		      struct vfio_pci_log_bitmap *bitmap)
{
	ktime_t begun = ktime_get();
	int ret = mig->log.ops->report(mig->fn, iova, length, bitmap);

	mig_note_report(mig, iova, length, bitmap, begun, ret);
	return ret;
}

/**
 * mig_fw_log_changes() - &vfio_pci_log_ops.changes
 * @mig: the state, locked; it is logging
 * @iova: where the range begins
 * @length: bytes
 *
 * Return: firmware's result: 0 or an errno; 1: there is more.
 */
int mig_fw_log_changes(struct vfio_pci_migration *mig, u64 iova, u64 length)
{
	struct mig_log *log = &mig->log;
	u64 reported = log->changes.reported;
	struct vfio_pci_log_bitmap bitmap = {};
	ktime_t begun = ktime_get();
	int ret = log->ops->changes(mig->fn, &log->changes, iova, length);

	bitmap.dirty = log->changes.reported - reported;
	mig_note_report(mig, iova, length, &bitmap, begun, min(ret, 0));
	return ret;
}
