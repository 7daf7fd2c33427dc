// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration files: the common part of saving and loading. A session attaches
 * two buffers to the function. It ends by detaching them; from then on the file
 * answers -ENODEV.
 */
#include <linux/anon_inodes.h>
#include <linux/slab.h>

#include "buffer.h"
#include "firmware.h"
#include "mig_file.h"

static void detach_buf(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	lockdep_assert_held(&mf->mig->state_mutex);
	if (mf->mig->stuck || !buf->attached || buf->lost)
		return;
	buf->attached = false;
	mig_fw_detach(mf->mig, buf);
	if (mf->mig->stuck)
		return;
	buf->priv = NULL;
	mig_buf_unmap(buf, mf->mig->dma_dev);
}

static int attach_buf(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	struct vfio_pci_migration *mig = mf->mig;
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	ret = mig_buf_map(buf, mig->dma_dev, buf->dir);
	if (ret)
		return ret;
	ret = mig_fw_attach(mig, buf);
	if (ret) {
		mig_err(mig, ": firmware refused a buffer of %zu bytes (%pe)\n", buf->size,
			ERR_PTR(ret));
		mig_buf_unmap(buf, mig->dma_dev);
		return ret;
	}
	buf->attached = true;
	return 0;
}

static void detach_bufs(struct mig_file *mf)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mf->buf); i++)
		detach_buf(mf, &mf->buf[i]);
}

static int attach_bufs(struct mig_file *mf)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(mf->buf) && !ret; i++)
		if (mf->buf[i].mem)
			ret = attach_buf(mf, &mf->buf[i]);
	return ret;
}

static void free_bufs(struct mig_file *mf)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mf->buf); i++)
		if (!mf->buf[i].lost)
			mig_buf_free(&mf->buf[i]);
}

static bool has_lost(const struct mig_file *mf)
{
	return mf->buf[0].lost || mf->buf[1].lost;
}

/* @old: the buffer that is to grow, or NULL */
static int alloc_buf(struct vfio_pci_migration *mig,
		     struct vfio_pci_mig_buf *buf, size_t size,
		     const struct vfio_pci_mig_buf *old)
{
	int ret = mig_buf_grow(buf, size, mig->dma_dev, old);

	if (ret != -ENOSPC)
		return ret;
	mig_err(mig, ": a buffer of %zu KiB is refused: all functions have buffers of %llu KiB, the limit is %llu KiB (a quarter of the memory); migrate fewer functions at a time\n",
		size / 1024, mig_buf_used() / 1024, mig_buf_limit() / 1024);
	return -ENOMEM;
}

/*
 * Buffers of a size that only firmware or the stream knows get memory when they
 * are needed
 */
static int alloc_bufs(struct mig_file *mf, bool load)
{
	const struct vfio_pci_mig_caps *caps = &mf->mig->caps;
	bool later = load ? caps->framed : !!mf->mig->ops->chunk_size;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(mf->buf) && !ret; i++) {
		struct vfio_pci_mig_buf *buf = &mf->buf[i];

		buf->kind = caps->kind;
		buf->headroom = load ? caps->headroom : 0;
		buf->dir = load ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
		init_completion(&buf->done);
		if (!later)
			ret = alloc_buf(mf->mig, buf, caps->chunk, NULL);
	}
	return ret;
}

static void lose_session(struct mig_file *mf)
{
	lockdep_assert_held(&mf->mig->state_mutex);
	kref_get(&mf->kref);
	mf->mig->lost = mf;
}

/*
 * No operation is called as long as one has not returned, and what it may use
 * stays: the buffers are neither detached nor freed then.
 */
static void end_session(struct mig_file *mf)
{
	struct vfio_pci_migration *mig = mf->mig;

	lockdep_assert_held(&mf->mig->state_mutex);
	detach_bufs(mf);
	if (!mig->stuck && !has_lost(mf))
		mig_fw_end(mig);
	if (mig->stuck)
		lose_session(mf);
}

static int begin_session(struct mig_file *mf, enum vfio_pci_mig_dir dir)
{
	struct vfio_pci_migration *mig = mf->mig;
	bool was_stuck = mig->stuck;
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	ret = mig_fw_begin(mig, dir);
	if (mig->stuck && !was_stuck)
		lose_session(mf);
	if (ret) {
		mig_err(mig, ": firmware refused to begin a session (%pe)\n", ERR_PTR(ret));
		return ret;
	}
	ret = attach_bufs(mf);
	if (ret)
		end_session(mf);
	return ret;
}

/**
 * mig_file_alloc() - begin a session
 * @mig: the state, locked; has no session
 * @dir: what it is for
 * @ops: saving or loading
 *
 * Return: the file, attached, or -ENOMEM, or an errno of DMA mapping or
 * firmware.
 */
struct mig_file *mig_file_alloc(struct vfio_pci_migration *mig,
				enum vfio_pci_mig_dir dir,
				const struct mig_file_ops *ops)
{
	struct mig_file *mf;
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	mf = kzalloc(ops->size, GFP_KERNEL_ACCOUNT);
	if (!mf)
		return ERR_PTR(-ENOMEM);

	kref_init(&mf->kref);
	mutex_init(&mf->lock);
	mf->ops = ops;
	kref_get(&mig->kref);
	mf->mig = mig;
	mf->upstream = mig->upstream;
	ret = alloc_bufs(mf, dir == VFIO_PCI_MIG_LOAD);
	if (!ret)
		ret = begin_session(mf, dir);
	if (ret == -ETIMEDOUT)
		mig_timed_out(mig);
	if (ret) {
		mig_file_put(mf);
		return ERR_PTR(ret);
	}
	mf->attached = true;
	mig->file = mf;
	mig_account_session(&mig->stats, mf->buf[0].dir,
			    ARRAY_SIZE(mf->buf) * mig->caps.chunk);
	return mf;
}

static void free_file(struct kref *kref)
{
	struct mig_file *mf = container_of(kref, struct mig_file, kref);

	free_bufs(mf);
	if (mf->ops->destroy)
		mf->ops->destroy(mf);
	if (has_lost(mf))
		return;
	mutex_destroy(&mf->lock);
	mig_put(mf->mig);
	kfree(mf);
}

/**
 * mig_file_put() - drop a reference to a session that has ended
 * @mf: a detached file; its memory is freed with the last reference
 *
 * A buffer that firmware has for ever stays, with all that
 * vfio_pci_mig_buf_done() looks at.
 */
void mig_file_put(struct mig_file *mf)
{
	kref_put(&mf->kref, free_file);
}

/* On return firmware works on no buffer, and no task waits for it */
static void abort_bufs(struct mig_file *mf)
{
	struct vfio_pci_migration *mig = mf->mig;
	unsigned int i;

	lockdep_assert_held(&mf->mig->state_mutex);
	for (i = 0; i < ARRAY_SIZE(mf->buf); i++) {
		struct vfio_pci_mig_buf *buf = &mf->buf[i];

		if (buf->busy && !completion_done(&buf->done))
			mig_fw_abort(mig, buf);
		buf->busy = false;
		complete_all(&buf->done);
	}
}

/*
 * Does not wait for a reader or writer: progress that it is about to record
 * does not count
 */
static void note_end(struct mig_file *mf)
{
	bool complete = mf->ops->is_complete(mf);

	lockdep_assert_held(&mf->mig->state_mutex);
	mig_account_session_end(&mf->mig->stats,
				mf->buf[0].dir == DMA_TO_DEVICE, complete,
				!mf->ops->may_end(mf));
}

/**
 * mig_file_detach() - end the session, if there is one
 * @mig: the state, locked
 *
 * On return firmware does not access the buffers any more, and they are not
 * attached. Waiters for firmware wake up.
 */
void mig_file_detach(struct vfio_pci_migration *mig)
{
	struct mig_file *mf = mig->file;

	lockdep_assert_held(&mig->state_mutex);
	if (!mf)
		return;

	abort_bufs(mf);
	end_session(mf);
	mf->attached = false;
	mig->file = NULL;
	note_end(mf);
	wake_up_all(&mig->wait);
	/* If a copy is in progress, mig_file_put() frees them */
	if (mig->lost != mf && mutex_trylock(&mf->lock)) {
		free_bufs(mf);
		mutex_unlock(&mf->lock);
	}
}

/*
 * Firmware has not saved or loaded in time, and has ended since or was aborted:
 * the file has failed, and the device goes on. If a state may have taken
 * effect, the device's state is unknown.
 */
static void chunk_timed_out(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	struct vfio_pci_migration *mig = mf->mig;
	const char *op = buf->dir == DMA_TO_DEVICE ? "load" : "save";
	s64 ms;

	lockdep_assert_held(&mf->mig->state_mutex);
	ms = mig_ms_since(buf->begun);
	if (mig->stuck ||
	    (buf->dir == DMA_TO_DEVICE && (buf->last || mig->caps.immediate))) {
		mig_fail(mig, "firmware did not answer %s in %lld ms", op, ms);
		return;
	}
	mig_err(mig, ": firmware did not answer %s in %lld ms; this migration has failed\n", op,
		ms);
	abort_bufs(mf);
	mf->failed = -ETIMEDOUT;
}

/**
 * mig_file_end() - end the session and firmware's recording of changes, if
 *	there is a session
 * @mig: the state, locked; firmware is well
 *
 * As mig_file_detach(), and firmware records no more what changes.
 *
 * Return: 0; or -ETIMEDOUT: an operation has not returned, and the device is in
 * the ERROR state.
 */
int mig_file_end(struct vfio_pci_migration *mig)
{
	struct mig_file *mf = mig->file;

	lockdep_assert_held(&mig->state_mutex);
	if (mf && mf->precopy) {
		abort_bufs(mf);
		mf->ops->precopy_end(mf);
	}
	mig_file_detach(mig);
	if (!mig->stuck || !mf)
		return 0;
	if (mig->state != VFIO_DEVICE_STATE_ERROR)
		mig_timed_out(mig);
	return -ETIMEDOUT;
}

static void end_lost(struct vfio_pci_migration *mig)
{
	const struct mig_fw_worker *w = &mig->worker;
	struct mig_file *mf = mig->lost;

	lockdep_assert_held(&mig->state_mutex);
	mig->lost = NULL;
	if (w->call.op == MIG_OP_ATTACH)
		w->call.buf->attached = !w->ret;
	if (w->call.op != MIG_OP_END && (w->call.op != MIG_OP_BEGIN || !w->ret))
		end_session(mf);
	mig_file_put(mf);
}

const struct mig_session_ops mig_file_sessions = {
	.detach = mig_file_detach,
	.end_lost = end_lost,
	.put = mig_file_put,
};

/**
 * mig_file_prepare() - get memory for a larger buffer
 * @mf: the file
 * @buf: a buffer that is not busy
 * @size: bytes that it must have at least
 * @new: receives the memory, for mig_file_replace(); or none: there is room
 *
 * If mig_file_replace() does not follow, @new must be freed before @buf.
 *
 * Takes no lock, since it may allocate much memory; mig_file.lock protects a
 * writer. Memory that a load does not use is not cleared: see
 * mig_buf_clear_rest().
 *
 * Return: 0 or -ENOMEM.
 */
int mig_file_prepare(struct mig_file *mf, struct vfio_pci_mig_buf *buf,
		     size_t size, struct vfio_pci_mig_buf *new)
{
	*new = (struct vfio_pci_mig_buf) {
		.kind = buf->kind, .headroom = buf->headroom, .dir = buf->dir,
	};
	return size <= buf->size ? 0 : alloc_buf(mf->mig, new, size, buf);
}

/**
 * mig_file_replace() - grow a buffer
 * @mf: the file, entered
 * @buf: a buffer that is not busy
 * @new: of mig_file_prepare(); has nothing afterwards
 *
 * Firmware hears of the new memory when it is to work on it: mig_file_submit(),
 * mig_file_attach().
 */
void mig_file_replace(struct mig_file *mf, struct vfio_pci_mig_buf *buf,
		      struct vfio_pci_mig_buf *new)
{
	lockdep_assert_held(&mf->mig->state_mutex);
	if (new->mem) {
		detach_buf(mf, buf);
		if (mf->mig->stuck)
			mig_buf_free(new);
		else
			mig_buf_replace(buf, new);
	}
}

/**
 * mig_file_attach() - tell firmware of a buffer, unless it knows
 * @mf: the file, entered
 * @buf: a buffer with memory that is not busy
 *
 * Return: 0; or an errno of DMA mapping or firmware: the session can't go on.
 */
int mig_file_attach(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	if (buf->attached)
		return 0;
	ret = mf->mig->stuck ? -ETIMEDOUT : attach_buf(mf, buf);
	if (ret == -ETIMEDOUT)
		mig_timed_out(mf->mig);
	return ret;
}

/**
 * mig_file_open() - make the file for user space
 * @mf: an attached file; freed on error
 * @name: of the anonymous inode
 * @fops: with mig_file_release()
 * @flags: O_RDONLY or O_WRONLY
 *
 * Return: the file or an errno.
 */
struct file *mig_file_open(struct mig_file *mf, const char *name,
			   const struct file_operations *fops, int flags)
{
	struct file *filp;

	lockdep_assert_held(&mf->mig->state_mutex);
	filp = anon_inode_getfile(name, fops, mf, flags);
	if (IS_ERR(filp)) {
		mig_file_end(mf->mig);
		mig_file_put(mf);
		return filp;
	}
	stream_open(filp->f_inode, filp);
	return filp;
}

/**
 * mig_file_release() - handle close of the migration file
 * @inode: unused
 * @filp: the file
 *
 * Return: 0.
 */
int mig_file_release(struct inode *inode, struct file *filp)
{
	struct mig_file *mf = filp->private_data;
	struct vfio_pci_migration *mig = mf->mig;

	mig_lock(mig);
	if (mf->attached) {
		mig->loaded = false;
		mf->ops->close(mf);
	}
	mig_unlock(mig);
	mig_file_put(mf);
	return 0;
}

/**
 * mig_file_enter() - lock the state for a session that must be alive
 * @mf: the file
 *
 * Return: 0 with the state locked. Without: -ENODEV: the session has ended; or
 * why it has failed.
 */
int mig_file_enter(struct mig_file *mf)
{
	int ret;

	mig_lock(mf->mig);
	ret = mf->attached ? mf->failed : -ENODEV;
	if (ret)
		mig_unlock(mf->mig);
	return ret;
}

/**
 * mig_file_check() - check that the session is alive
 * @mf: the file
 *
 * Return: 0; why it has failed; or -ENODEV: it has ended.
 */
int mig_file_check(struct mig_file *mf)
{
	int ret = mf->error ?: mig_file_enter(mf);

	if (!ret)
		mig_unlock(mf->mig);
	return ret;
}

/**
 * mig_file_submit() - have firmware work on a buffer
 * @mf: the file, entered
 * @buf: a buffer that is not busy
 *
 * Return: 0: firmware is at it or done, see mig_file_wait(); or firmware's
 * errno. After -ETIMEDOUT the session has failed, or the device is in the ERROR
 * state.
 */
int mig_file_submit(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	struct vfio_pci_migration *mig = mf->mig;
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = mig_file_attach(mf, buf);
	if (!ret && buf->kind == VFIO_PCI_BUF_SG)
		ret = mig_buf_list(buf, buf->len);
	if (ret)
		return ret;
	if (buf->dir == DMA_TO_DEVICE)
		mig_buf_clear_rest(buf);
	buf->busy = true;
	mig_buf_to_device(buf, mig->dma_dev);
	ret = mig_fw_move(mig, buf);
	if (ret == -EINPROGRESS)
		return 0;
	if (ret)
		buf->busy = false;
	if (buf->lost)
		mf->failed = ret;
	if (ret == -ETIMEDOUT)
		chunk_timed_out(mf, buf);
	return ret;
}

/**
 * mig_file_wait_idle() - wait until firmware is done with all buffers of a
 *	session
 * @mf: the file, entered
 *
 * For changes of the function's level in the middle of a session. The user
 * still reads what firmware has saved before. If it does not end in time it is
 * aborted, and the session has failed.
 *
 * Return: 0; -EINTR: the caller was killed; -ETIMEDOUT: the device is in the
 * ERROR state.
 */
int mig_file_wait_idle(struct mig_file *mf)
{
	unsigned long timeout = msecs_to_jiffies(mf->mig->caps.timeout_ms);
	unsigned int i;
	long left;

	lockdep_assert_held(&mf->mig->state_mutex);
	for (i = 0; i < ARRAY_SIZE(mf->buf); i++) {
		if (!mf->buf[i].busy)
			continue;
		left = wait_for_completion_killable_timeout(&mf->buf[i].done,
							    timeout);
		if (left < 0)
			return -EINTR;
		if (!left && !completion_done(&mf->buf[i].done))
			chunk_timed_out(mf, &mf->buf[i]);
	}
	return mf->mig->state == VFIO_DEVICE_STATE_ERROR ? -ETIMEDOUT : 0;
}

/* Take a buffer back from firmware. On success the state stays locked */
static int reap(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	int ret = -ETIMEDOUT;

	lockdep_assert_held(&mf->mig->state_mutex);
	if (completion_done(&buf->done)) {
		buf->busy = false;
		/*
		 * A buffer without data before its first save was never mapped
		 */
		if (buf->attached)
			mig_buf_to_cpu(buf, mf->mig->dma_dev);
		ret = buf->status;
	}
	if (ret == -ETIMEDOUT)
		chunk_timed_out(mf, buf);
	if (ret)
		mig_unlock(mf->mig);
	return ret;
}

/**
 * mig_file_wait_enter() - wait until firmware is done with a buffer, and lock
 *	the state
 * @mf: the file; the state is not locked
 * @buf: the buffer; may have been idle all along
 *
 * For consumers of the buffer: a change of state finds the buffer busy before,
 * and consumed after. An idle buffer would be given to firmware again.
 *
 * Return: 0 with the state locked. Without: -ENODEV: the session has ended;
 * -ETIMEDOUT: firmware did not answer, and the session has failed, or the
 * device is in the ERROR state; -EINTR: the caller was killed; or firmware's
 * errno.
 */
int mig_file_wait_enter(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	unsigned long timeout = msecs_to_jiffies(mf->mig->caps.timeout_ms);
	long left;
	int ret;

	ret = mig_file_enter(mf);
	if (ret || !buf->busy)
		return ret;
	mig_unlock(mf->mig);

	left = wait_for_completion_killable_timeout(&buf->done, timeout);
	if (left < 0)
		return -EINTR;
	return mig_file_enter(mf) ?: reap(mf, buf);
}

/**
 * mig_file_wait() - wait until firmware is done with a buffer
 * @mf: the file; the state is not locked
 * @buf: the buffer; may have been idle all along
 *
 * Return: 0; or as mig_file_wait_enter().
 */
int mig_file_wait(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	int ret = mig_file_wait_enter(mf, buf);

	if (!ret)
		mig_unlock(mf->mig);
	return ret;
}
