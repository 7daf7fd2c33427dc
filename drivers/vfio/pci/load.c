// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data file of VFIO_DEVICE_STATE_RESUMING: user space writes one piece of state while
 * firmware loads the one before. The last piece waits until the end record has been
 * checked, and firmware applies nothing before it gets that piece: a stream that is cut
 * off or refused leaves no half-loaded function behind.
 */
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "mig_file.h"

/* Firmware gets the piece that waits, and after it buffers change places */
static int load_held(struct mig_file *mf, bool last)
{
	struct vfio_pci_mig_buf *buf = mf->load.held;
	int ret;

	if (!buf)
		return 0;
	ret = mig_file_enter(mf);
	if (ret)
		return ret;
	buf->offset = mf->offset;
	buf->last = last;
	mf->offset += buf->len;
	mf->load.held = NULL;
	ret = mig_file_submit(mf, buf, mf->mig->ops->load);
	mig_unlock(mf->mig);
	return ret;
}

static int check_compat(struct mig_file *mf)
{
	struct vfio_pci_migration *mig = mf->mig;
	u32 compat = mf->load.reader.compat;
	int ret;

	ret = mig_file_enter(mf);
	if (ret)
		return ret;
	if (mig->ops->check_compat)
		ret = mig_fw_check_compat(mig, compat);
	else if (compat != mig->caps.compat)
		ret = -EPROTONOSUPPORT;
	if (ret)
		mig_err(mig, " data refused: saved by firmware with state version %u, this firmware has %u\n",
			compat, mig->caps.compat);
	mig_unlock(mig);
	return ret;
}

static int begin_piece(struct mig_file *mf)
{
	struct vfio_pci_mig_buf *buf = &mf->buf[mf->cur];
	int ret;

	ret = mig_file_wait(mf, buf);
	if (!ret)
		ret = load_held(mf, false);
	if (ret)
		return ret;
	buf->len = mf->load.reader.length;
	buf->delta = mf->load.reader.delta;
	stream_payload(&mf->load.reader, buf->vaddr);
	return 0;
}

static int end_piece(struct mig_file *mf)
{
	mf->load.held = &mf->buf[mf->cur];
	mf->cur ^= 1;
	return 0;
}

static int end_stream(struct mig_file *mf)
{
	struct vfio_pci_mig_buf *last = mf->load.held;
	int ret;

	ret = mig_file_wait(mf, &mf->buf[mf->cur]);
	if (!ret)
		ret = load_held(mf, true);
	if (!ret)
		ret = mig_file_wait(mf, last);
	if (!ret)
		WRITE_ONCE(mf->load.complete, true);
	return ret;
}

static void log_refusal(struct mig_file *mf, const char *why)
{
	if (mig_file_enter(mf))
		return;
	mig_err(mf->mig, " data refused: %s\n", why);
	mig_unlock(mf->mig);
}

static int handle(struct mig_file *mf, int event)
{
	switch (event) {
	case STREAM_HEADER:
		return check_compat(mf);
	case STREAM_STATE_BEGIN:
		return begin_piece(mf);
	case STREAM_STATE_END:
		return end_piece(mf);
	case STREAM_DONE:
		return end_stream(mf);
	default:
		return 0;
	}
}

static int junk(struct mig_file *mf)
{
	log_refusal(mf, "there is something behind the end of the stream");
	WRITE_ONCE(mf->load.complete, false);
	return -EINVAL;
}

static int got(struct mig_file *mf, size_t n)
{
	struct stream_reader *r = &mf->load.reader;
	int ret = stream_got(r, n);

	if (ret < 0) {
		log_refusal(mf, r->why);
		return ret;
	}
	return handle(mf, ret);
}

static int take_some(struct mig_file *mf, struct iov_iter *from)
{
	size_t n;
	void *dst;
	int ret;

	n = min(iov_iter_count(from), stream_want(&mf->load.reader, &dst));
	if (!n) {
		mf->error = junk(mf);
		return mf->error;
	}
	/* What can't be copied whole is copied again by the next write */
	if (!copy_from_iter_full(dst, n, from))
		return -EFAULT;
	WRITE_ONCE(mf->load.begun, true);
	cond_resched();
	ret = got(mf, n);
	if (ret)
		mf->error = ret;
	return ret;
}

static ssize_t take_locked(struct mig_file *mf, struct iov_iter *from)
{
	size_t len = iov_iter_count(from);
	int ret;

	ret = mig_file_check(mf);
	while (!ret && iov_iter_count(from))
		ret = fatal_signal_pending(current) ? -EINTR : take_some(mf, from);
	/* A refusal does not wait for a next write that may never come */
	if (mf->error)
		return mf->error;
	return len - iov_iter_count(from) ?: ret;
}

/**
 * mig_load_take() - the next bytes of the stream have come
 * @mf: the file
 * @from: where they are; may be user memory
 *
 * Context: process context; sleeps. Takes mig_file.lock.
 * Return: bytes taken, or a negative errno: see stream_got() and mig_file_wait().
 */
ssize_t mig_load_take(struct mig_file *mf, struct iov_iter *from)
{
	ssize_t ret;

	if (!iov_iter_count(from))
		return 0;
	ret = mutex_lock_interruptible(&mf->lock);
	if (ret)
		return ret;
	ret = take_locked(mf, from);
	mutex_unlock(&mf->lock);
	return ret;
}

static ssize_t load_write(struct kiocb *iocb, struct iov_iter *from)
{
	return mig_load_take(iocb->ki_filp->private_data, from);
}

static const struct file_operations load_fops = {
	.owner = THIS_MODULE,
	.write_iter = load_write,
	.release = mig_file_release,
};

/**
 * mig_load_is_complete() - may the device leave RESUMING?
 * @mf: the attached file
 *
 * Return: true if the whole state was loaded, or nothing was written at all.
 */
bool mig_load_is_complete(struct mig_file *mf)
{
	return READ_ONCE(mf->load.complete) || !READ_ONCE(mf->load.begun);
}

/**
 * mig_load_open() - begin to load
 * @mig: the state, locked; the function is at VFIO_PCI_FN_FULL
 *
 * Return: the file to write the stream to, or an errno: -ENOMEM, or of DMA mapping.
 */
struct file *mig_load_open(struct vfio_pci_migration *mig)
{
	struct mig_file *mf = mig_file_alloc(mig, VFIO_PCI_MIG_LOAD);

	if (IS_ERR(mf))
		return ERR_CAST(mf);

	stream_reader_init(&mf->load.reader, &mig->ident, mig->caps.max_state,
			   mig->caps.chunk, mig->caps.precopy);
	return mig_file_open(mf, "[vfio-pci-engine load]", &load_fops, O_WRONLY);
}
