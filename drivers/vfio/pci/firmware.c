// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's calls of firmware. Only this file checks, times, counts and
 * traces the result of an operation; the caller decides what it means.
 */
#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/export.h>

#include "firmware.h"
#include "fw_call.h"
#include "migration.h"
#include "ranges.h"

/*
 * The table in include/linux/vfio_pci_engine.h: what is not in it may mean
 * something to callers
 */
static bool is_allowed(int ret)
{
	switch (ret) {
	case 0:
	case -EACCES:
	case -EADDRINUSE:
	case -EADDRNOTAVAIL:
	case -EBADFD:
	case -EBADMSG:
	case -EBUSY:
	case -ECANCELED:
	case -EEXIST:
	case -EFBIG:
	case -EINVAL:
	case -EIO:
	case -EMSGSIZE:
	case -ENODATA:
	case -ENODEV:
	case -ENOENT:
	case -ENOMEM:
	case -ENOSPC:
	case -ENXIO:
	case -EOPNOTSUPP:
	case -EOVERFLOW:
	case -EPERM:
	case -EPROTO:
	case -EPROTONOSUPPORT:
	case -ERANGE:
	case -ESHUTDOWN:
	case -ESTALE:
	case -ETIMEDOUT:
		return true;
	}
	return false;
}

/**
 * mig_fw_result() - check the result of a vendor operation
 * @mig: the state
 * @op: the operation
 * @ret: what it returned
 *
 * Context: any.
 * Return: @ret; or -EIO, after a line in the log: no operation may return that.
 */
static int mig_fw_result(struct vfio_pci_migration *mig, enum mig_op op,
			 int ret)
{
	if (is_allowed(ret))
		return ret;
	mig_err(mig, ": the vendor driver's operation %s returned %d, which no operation may return: treated as -EIO\n",
		mig_op_name(op), ret);
	return -EIO;
}

static bool changes_level(enum mig_op op)
{
	return op == MIG_OP_SUSPEND_P2P || op == MIG_OP_SUSPEND_FULL ||
	       op == MIG_OP_RESUME_FULL || op == MIG_OP_RESUME_P2P;
}

/*
 * If a suspend or resume timed out, the state of the function is unknown.
 * mig_timed_out() handles operations that have not even returned.
 */
static void no_answer(struct vfio_pci_migration *mig, enum mig_op op,
		      ktime_t begun)
{
	s64 ms;

	lockdep_assert_held(&mig->state_mutex);
	ms = mig_ms_since(begun);
	if (changes_level(op))
		mig_fail(mig, "firmware did not answer %s in %lld ms", mig_op_name(op), ms);
	else if (!mig->stuck)
		mig_err(mig, ": firmware did not answer %s in %lld ms\n", mig_op_name(op), ms);
}

/* Log the refusal of a size, save or load; the vendor driver logs the reason */
static int note_refusal(struct vfio_pci_migration *mig, enum mig_op op, int ret)
{
	if (ret && ret != -ETIMEDOUT && !mig->fw_detached)
		mig_err(mig, ": firmware refused %s (%pe)\n", mig_op_name(op), ERR_PTR(ret));
	return ret;
}

static int end_op(struct vfio_pci_migration *mig, enum mig_op op, ktime_t begun,
		  int ret)
{
	lockdep_assert_held(&mig->state_mutex);
	ret = mig_fw_result(mig, op, ret);
	mig_account_op(&mig->stats, op, begun, ret);
	if (ret == -ETIMEDOUT)
		no_answer(mig, op, begun);
	return ret;
}

/*
 * All operations that may be called by a worker. @call->op says which; it is
 * there
 */
static int run_op(struct vfio_pci_migration *mig, struct mig_call *call)
{
	const struct vfio_pci_mig_ops *ops = mig->ops;

	switch (call->op) {
	case MIG_OP_BEGIN:
		return ops->begin(mig->fn, call->dir);
	case MIG_OP_END:
		ops->end(mig->fn);
		return 0;
	case MIG_OP_ATTACH:
		return ops->attach(mig->fn, call->buf);
	case MIG_OP_DETACH:
		ops->detach(mig->fn, call->buf);
		return 0;
	case MIG_OP_CHUNK_SIZE:
		return ops->chunk_size(mig->fn, &call->bytes);
	case MIG_OP_SUSPEND_P2P:
	case MIG_OP_SUSPEND_FULL:
		return ops->suspend(mig->fn, call->level);
	case MIG_OP_RESUME_P2P:
	case MIG_OP_RESUME_FULL:
		return ops->resume(mig->fn, call->level);
	case MIG_OP_STATE_SIZE:
		return ops->state_size(mig->fn, &call->bytes);
	case MIG_OP_SAVE:
		return ops->save(mig->fn, call->buf);
	case MIG_OP_LOAD:
		return ops->load(mig->fn, call->buf);
	case MIG_OP_CHECK_COMPAT:
		return ops->check_compat(mig->fn, call->compat);
	case MIG_OP_PRECOPY_START:
		return ops->precopy_start(mig->fn);
	case MIG_OP_PRECOPY_STOP:
		return ops->precopy_stop(mig->fn, call->buf);
	case MIG_OP_PRECOPY_SIZE:
		return ops->precopy_size(mig->fn, &call->left);
	default:
		WARN_ON_ONCE(1);
		return -EINVAL;
	}
}

static int call_op(struct vfio_pci_migration *mig, struct mig_call *call)
{
	ktime_t begun = ktime_get();

	lockdep_assert_held(&mig->state_mutex);
	call->run = run_op;
	return end_op(mig, call->op, begun, mig_fw_call(mig, call));
}

/* Call an optional operation */
static int op_or_none(struct vfio_pci_migration *mig, struct mig_call *call,
		      bool there)
{
	return there ? call_op(mig, call) : 0;
}

int vfio_pci_engine_result(struct device *dev, const char *op, int ret)
{
	if (is_allowed(ret))
		return ret;
	dev_err_ratelimited(dev, "the vendor driver's operation %s returned %d, which no operation may return: treated as -EIO\n",
			    op, ret);
	return -EIO;
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_result);

/**
 * mig_fw_begin() - &vfio_pci_mig_ops.begin
 * @mig: the state, locked
 * @dir: what the session is for
 *
 * Return: firmware's result, checked.
 */
int mig_fw_begin(struct vfio_pci_migration *mig, enum vfio_pci_mig_dir dir)
{
	struct mig_call call = { .op = MIG_OP_BEGIN, .dir = dir };

	lockdep_assert_held(&mig->state_mutex);
	/* Check this also without @begin: a session needs firmware */
	return mig_fw_check(mig, MIG_OP_BEGIN) ?:
		       op_or_none(mig, &call, mig->ops->begin);
}

/**
 * mig_fw_end() - &vfio_pci_mig_ops.end
 * @mig: the state, locked
 */
void mig_fw_end(struct vfio_pci_migration *mig)
{
	struct mig_call call = { .op = MIG_OP_END };

	lockdep_assert_held(&mig->state_mutex);
	op_or_none(mig, &call, mig->ops->end);
}

/**
 * mig_fw_attach() - &vfio_pci_mig_ops.attach
 * @mig: the state, locked
 * @buf: a buffer with memory, mapped if it has to be
 *
 * Return: firmware's result, checked.
 */
int mig_fw_attach(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf)
{
	struct mig_call call = { .op = MIG_OP_ATTACH, .buf = buf };

	lockdep_assert_held(&mig->state_mutex);
	return op_or_none(mig, &call, mig->ops->attach);
}

/**
 * mig_fw_detach() - &vfio_pci_mig_ops.detach
 * @mig: the state, locked
 * @buf: an attached buffer that is not busy
 */
void mig_fw_detach(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf)
{
	struct mig_call call = { .op = MIG_OP_DETACH, .buf = buf };

	lockdep_assert_held(&mig->state_mutex);
	op_or_none(mig, &call, mig->ops->detach);
}

/**
 * mig_fw_chunk_size() - &vfio_pci_mig_ops.chunk_size
 * @mig: the state, locked; firmware has that operation
 * @bytes: receives the size; not checked
 *
 * Return: firmware's result, checked.
 */
int mig_fw_chunk_size(struct vfio_pci_migration *mig, u64 *bytes)
{
	struct mig_call call = { .op = MIG_OP_CHUNK_SIZE };
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = call_op(mig, &call);
	*bytes = call.bytes;
	return note_refusal(mig, call.op, ret);
}

/**
 * mig_fw_suspend() - &vfio_pci_mig_ops.suspend
 * @mig: the state, locked
 * @level: to suspend to
 *
 * Return: firmware's result, checked. After -ETIMEDOUT the device is in the
 * ERROR state.
 */
int mig_fw_suspend(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level)
{
	struct mig_call call = {
		.level = level,
		.op = level == VFIO_PCI_FN_FULL ? MIG_OP_SUSPEND_FULL :
						  MIG_OP_SUSPEND_P2P,
	};

	lockdep_assert_held(&mig->state_mutex);
	return call_op(mig, &call);
}

/**
 * mig_fw_resume() - &vfio_pci_mig_ops.resume
 * @mig: the state, locked
 * @level: to leave
 *
 * Return: firmware's result, checked. After -ETIMEDOUT the device is in the
 * ERROR state.
 */
int mig_fw_resume(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level)
{
	struct mig_call call = {
		.level = level,
		.op = level == VFIO_PCI_FN_FULL ? MIG_OP_RESUME_FULL :
						  MIG_OP_RESUME_P2P,
	};

	lockdep_assert_held(&mig->state_mutex);
	return call_op(mig, &call);
}

/**
 * mig_fw_state_size() - &vfio_pci_mig_ops.state_size
 * @mig: the state, locked
 * @size: receives the size; not checked
 *
 * Return: firmware's result, checked.
 */
int mig_fw_state_size(struct vfio_pci_migration *mig, u64 *size)
{
	struct mig_call call = { .op = MIG_OP_STATE_SIZE };
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = call_op(mig, &call);
	*size = call.bytes;
	return note_refusal(mig, call.op, ret);
}

static enum mig_op move_op(const struct vfio_pci_mig_buf *buf)
{
	return buf->dir == DMA_TO_DEVICE ? MIG_OP_LOAD : MIG_OP_SAVE;
}

/* True for the first call for this save or load */
static bool end_move(struct vfio_pci_mig_buf *buf, int status)
{
	struct vfio_pci_migration *mig = buf->mig;

	if (!atomic_xchg(&buf->pending, 0))
		return false;
	mig_account_chunk(&mig->stats, buf, status);
	note_refusal(mig, move_op(buf), status);
	buf->status = status;
	/* The waiter may free the buffer and drop the last reference to @mig */
	rcu_read_lock();
	complete_all(&buf->done);
	wake_up_all(&mig->wait);
	rcu_read_unlock();
	return true;
}

/* Firmware may cause this, so log one line and no WARN */
static void note_twice(struct vfio_pci_migration *mig,
		       const struct vfio_pci_mig_buf *buf)
{
	if (!atomic_xchg(&mig->done_twice, 1))
		mig_err(mig, ": the vendor driver called vfio_pci_mig_buf_done() twice for one %s: ignored\n",
			mig_op_name(move_op(buf)));
}

/*
 * Without @abort nothing ends firmware's work on the buffer, so it is never
 * freed
 */
static int lose_buf(struct vfio_pci_migration *mig,
		    struct vfio_pci_mig_buf *buf)
{
	lockdep_assert_held(&mig->state_mutex);
	buf->lost = end_move(buf, -EIO);
	mig_err(mig, ": the vendor driver's operation %s returned -EINPROGRESS without an operation abort: treated as -EIO%s\n",
		mig_op_name(move_op(buf)), buf->lost ? "; its buffer is lost" : "");
	return -EIO;
}

/**
 * mig_fw_move() - &vfio_pci_mig_ops.save or &vfio_pci_mig_ops.load, as the
 *	buffer's direction says
 * @mig: the state, locked
 * @buf: the chunk
 *
 * Whatever it returns, it ends by &vfio_pci_mig_buf.done, where it is noted.
 *
 * Return: firmware's result, checked; -EINPROGRESS: not known yet. -EIO with
 * @buf->lost: nor will it ever be known.
 */
int mig_fw_move(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf)
{
	struct mig_call call = { .run = run_op,
				 .op = move_op(buf),
				 .buf = buf };
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	reinit_completion(&buf->done);
	buf->mig = mig;
	buf->begun = ktime_get();
	atomic_set(&buf->pending, 1);
	if (mig->caps.unbounded)
		ret = mig_fw_call(mig, &call);
	else if (call.op == MIG_OP_LOAD)
		ret = mig_fw_check(mig, call.op) ?:
						   mig->ops->load(mig->fn, buf);
	else
		ret = mig_fw_check(mig, call.op) ?:
						   mig->ops->save(mig->fn, buf);
	if (ret == -EINPROGRESS)
		return mig->ops->abort && !mig->caps.unbounded ? ret : lose_buf(mig, buf);
	ret = mig_fw_result(mig, move_op(buf), ret);
	if (!end_move(buf, ret))
		note_twice(mig, buf);
	return ret;
}

void vfio_pci_mig_buf_done(struct vfio_pci_mig_buf *buf, int status)
{
	if (!end_move(buf, mig_fw_result(buf->mig, move_op(buf), status)))
		note_twice(buf->mig, buf);
}
EXPORT_SYMBOL_GPL(vfio_pci_mig_buf_done);

/**
 * mig_fw_abort() - &vfio_pci_mig_ops.abort
 * @mig: the state, locked
 * @buf: the chunk that firmware works on
 */
void mig_fw_abort(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf)
{
	ktime_t begun = ktime_get();

	lockdep_assert_held(&mig->state_mutex);
	mig->ops->abort(mig->fn, buf);
	atomic_set(&buf->pending, 0);
	mig_account_op(&mig->stats, MIG_OP_ABORT, begun, 0);
}

/**
 * mig_fw_check_compat() - &vfio_pci_mig_ops.check_compat
 * @mig: the state, locked; there is such an operation
 * @compat: version of the state
 *
 * Return: firmware's result, checked.
 */
int mig_fw_check_compat(struct vfio_pci_migration *mig, u32 compat)
{
	struct mig_call call = { .op = MIG_OP_CHECK_COMPAT, .compat = compat };

	lockdep_assert_held(&mig->state_mutex);
	return call_op(mig, &call);
}

/**
 * mig_fw_precopy_start() - &vfio_pci_mig_ops.precopy_start
 * @mig: the state, locked
 *
 * Return: firmware's result, checked.
 */
int mig_fw_precopy_start(struct vfio_pci_migration *mig)
{
	struct mig_call call = { .op = MIG_OP_PRECOPY_START };

	lockdep_assert_held(&mig->state_mutex);
	return op_or_none(mig, &call, mig->ops->precopy_start);
}

/**
 * mig_fw_precopy_stop() - &vfio_pci_mig_ops.precopy_stop
 * @mig: the state, locked
 * @buf: an attached buffer that is not busy, or NULL
 *
 * Return: firmware's result, checked.
 */
int mig_fw_precopy_stop(struct vfio_pci_migration *mig,
			struct vfio_pci_mig_buf *buf)
{
	struct mig_call call = { .op = MIG_OP_PRECOPY_STOP, .buf = buf };

	lockdep_assert_held(&mig->state_mutex);
	return call_op(mig, &call);
}

/**
 * mig_fw_precopy_size() - &vfio_pci_mig_ops.precopy_size
 * @mig: the state, locked; there is such an operation
 * @size: receives what is left; not checked
 *
 * Return: firmware's result, checked.
 */
int mig_fw_precopy_size(struct vfio_pci_migration *mig,
			struct vfio_pci_precopy_size *size)
{
	struct mig_call call = { .op = MIG_OP_PRECOPY_SIZE };
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = call_op(mig, &call);
	*size = call.left;
	return note_refusal(mig, call.op, ret);
}

/**
 * mig_fw_log_start() - &vfio_pci_log_ops.start
 * @mig: the state, locked
 * @ranges: to log
 * @nr: how many
 * @page_shift: log2 of a page
 *
 * Return: firmware's result, checked.
 */
int mig_fw_log_start(struct vfio_pci_migration *mig,
		     const struct vfio_pci_log_range *ranges, unsigned int nr,
		     unsigned int page_shift)
{
	ktime_t begun = ktime_get();
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = mig_fw_check(mig, MIG_OP_LOG_START) ?:
	      mig->log.ops->start(mig->fn, ranges, nr, page_shift);
	return end_op(mig, MIG_OP_LOG_START, begun, ret);
}

/**
 * mig_fw_log_stop() - &vfio_pci_log_ops.stop
 * @mig: the state, locked
 *
 * Return: firmware's result, checked.
 */
int mig_fw_log_stop(struct vfio_pci_migration *mig)
{
	ktime_t begun = ktime_get();
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = mig->log.ops->stop(mig->fn);
	return end_op(mig, MIG_OP_LOG_STOP, begun, ret);
}

/**
 * mig_fw_log_report() - &vfio_pci_log_ops.report
 * @mig: the state, locked
 * @iova: where the range begins
 * @length: bytes
 * @bitmap: where firmware reports; its numbers are not checked
 *
 * Return: firmware's result, checked.
 */
int mig_fw_log_report(struct vfio_pci_migration *mig, u64 iova, u64 length,
		      struct vfio_pci_log_bitmap *bitmap)
{
	ktime_t begun = ktime_get();
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = mig->log.ops->report(mig->fn, iova, length, bitmap);
	ret = mig_fw_result(mig, MIG_OP_LOG_REPORT, ret);
	mig_account_report(&mig->stats, iova, length, bitmap, begun, ret);
	if (ret == -ETIMEDOUT)
		no_answer(mig, MIG_OP_LOG_REPORT, begun);
	return ret;
}

/**
 * mig_fw_dirty_list() - &vfio_pci_log_ops.dirty_list
 * @mig: the state, locked; it is logging
 * @iova: where the range begins
 * @length: bytes
 *
 * Return: firmware's result, checked: 0 or an errno; 1: there is more.
 */
int mig_fw_dirty_list(struct vfio_pci_migration *mig, u64 iova, u64 length)
{
	struct mig_log *log = &mig->log;
	u64 reported = log->dirty_list.reported;
	struct vfio_pci_log_bitmap bitmap = {};
	ktime_t begun = ktime_get();
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = log->ops->dirty_list(mig->fn, &log->dirty_list, iova, length);
	if (ret != 1)
		ret = mig_fw_result(mig, MIG_OP_LOG_REPORT, ret);
	bitmap.dirty = log->dirty_list.reported - reported;
	mig_account_report(&mig->stats, iova, length, &bitmap, begun,
			   min(ret, 0));
	return ret;
}
