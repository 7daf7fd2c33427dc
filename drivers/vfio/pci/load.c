// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration file of VFIO_DEVICE_STATE_RESUMING: user space writes one chunk
 * of state while firmware loads the one before. The last chunk waits until the
 * end record has been checked, and firmware applies nothing before it gets that
 * chunk. So a stream that is truncated or refused leaves no half-loaded
 * function.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "buffer.h"
#include "load.h"

/* Give firmware the chunk that waits, then swap the buffers */
static int submit_held(struct mig_file *mf, bool last)
{
	struct vfio_pci_mig_buf *buf = to_load(mf)->held;
	int ret;

	lockdep_assert_held(&mf->lock);
	if (!buf)
		return 0;
	ret = mig_file_enter(mf);
	if (ret)
		return ret;
	buf->offset = mf->offset;
	buf->last = last;
	mf->offset += buf->len;
	to_load(mf)->held = NULL;
	ret = mig_file_submit(mf, buf);
	/* A load that firmware refused at once has changed nothing */
	to_load(mf)->touched |= !ret;
	mig_unlock(mf->mig);
	return ret;
}

static int check_compat(struct mig_file *mf)
{
	struct vfio_pci_migration *mig = mf->mig;
	u32 compat = to_load(mf)->reader.compat;
	int ret;

	lockdep_assert_held(&mf->lock);
	ret = mig_file_enter(mf);
	if (ret)
		return ret;
	if (mig->ops->check_compat)
		ret = mig_fw_check_compat(mig, compat);
	else if (compat != mig->caps.compat)
		ret = -EPROTONOSUPPORT;
	if (ret == -ETIMEDOUT)
		mig_timed_out(mig);
	else if (ret)
		mig_err(mig, " data refused: saved by firmware with state version %u, this firmware has %u\n",
			compat, mig->caps.compat);
	mig_unlock(mig);
	return ret;
}

/*
 * The next buffer is the user side's, and firmware works on what waited before
 * it
 */
static int wait_for_buf(struct mig_file *mf)
{
	lockdep_assert_held(&mf->lock);
	return mig_file_wait(mf, &mf->buf[mf->cur]) ?: submit_held(mf, false);
}

static void hold_chunk(struct mig_file *mf, size_t len)
{
	struct vfio_pci_mig_buf *buf = &mf->buf[mf->cur];

	lockdep_assert_held(&mf->lock);
	buf->len = len;
	buf->delta = to_load(mf)->reader.delta;
	to_load(mf)->held = buf;
	mf->cur ^= 1;
}

/*
 * Grow with the data received, not to the length in the stream: by half each
 * time
 */
static int grow(struct mig_file *mf, size_t size)
{
	struct vfio_pci_mig_buf *buf = &mf->buf[mf->cur], new;
	const struct vfio_pci_mig_caps *caps = &mf->mig->caps;
	int ret;

	lockdep_assert_held(&mf->lock);
	if (size <= buf->size)
		return 0;
	size = max_t(u64, size,
		     clamp_t(u64, buf->size + (u64)buf->size / 2, caps->chunk,
			     caps->max_chunk));
	/* If the session has ended, @buf may have lost its memory */
	ret = mig_file_check(mf) ?: mig_file_prepare(mf, buf, size, &new);
	if (ret)
		return ret;
	ret = mig_file_enter(mf);
	if (ret) {
		mig_buf_free(&new);
		return ret;
	}
	mig_file_replace(mf, buf, &new);
	mig_unlock(mf->mig);
	return 0;
}

/*
 * The engine checks such a record completely before firmware gets a part of it
 */
static int begin_staged(struct mig_file *mf)
{
	struct mig_load *l = to_load(mf);

	lockdep_assert_held(&mf->lock);
	if (!l->staged)
		l->staged = __vmalloc(mf->mig->record, GFP_KERNEL_ACCOUNT);
	if (!l->staged)
		return -ENOMEM;
	l->staged_len = l->reader.length;
	stream_payload(&l->reader, l->staged);
	return 0;
}

static int end_staged(struct mig_file *mf)
{
	struct mig_load *l = to_load(mf);
	size_t at, n;
	int ret;

	lockdep_assert_held(&mf->lock);
	for (at = 0; at < l->staged_len; at += n) {
		ret = wait_for_buf(mf);
		if (ret)
			return ret;
		n = min_t(size_t, l->staged_len - at, mf->mig->caps.chunk);
		memcpy(mf->buf[mf->cur].vaddr, l->staged + at, n);
		hold_chunk(mf, n);
	}
	l->staged_len = 0;
	return 0;
}

static int begin_record(struct mig_file *mf)
{
	struct stream_reader *r = &to_load(mf)->reader;
	int ret;

	lockdep_assert_held(&mf->lock);
	if (!mf->mig->caps.framed && r->length > mf->mig->caps.chunk)
		return begin_staged(mf);
	ret = r->chunk ? 0 : wait_for_buf(mf);
	if (!ret)
		ret = grow(mf, r->chunk + r->length);
	if (ret)
		return ret;
	to_load(mf)->chunk_len = r->chunk + r->length;
	stream_payload(r, mf->buf[mf->cur].vaddr + r->chunk);
	return 0;
}

static int end_stream(struct mig_file *mf)
{
	struct vfio_pci_mig_buf *last = to_load(mf)->held;
	int ret;

	lockdep_assert_held(&mf->lock);
	ret = mig_file_wait(mf, &mf->buf[mf->cur]);
	if (!ret)
		ret = submit_held(mf, true);
	if (!ret)
		ret = mig_file_wait(mf, last);
	if (!ret)
		WRITE_ONCE(to_load(mf)->complete, true);
	return ret;
}

/*
 * Upstream's streams have no end: each image takes effect when it is there, as
 * with its driver
 */
static int end_part(struct mig_file *mf)
{
	struct stream_reader *r = &to_load(mf)->reader;

	lockdep_assert_held(&mf->lock);
	if (r->continued) {
		stream_next_part(r);
		return begin_record(mf);
	}
	/* Without pre-copy each image has all of the state */
	if (!r->delta)
		mf->offset = 0;
	hold_chunk(mf, to_load(mf)->chunk_len);
	return end_stream(mf);
}

static int end_record(struct mig_file *mf)
{
	lockdep_assert_held(&mf->lock);
	if (mf->upstream)
		return end_part(mf);
	if (to_load(mf)->staged_len)
		return end_staged(mf);
	if (!to_load(mf)->reader.continued)
		hold_chunk(mf, to_load(mf)->chunk_len);
	return 0;
}

/* The stream is wrong: so says this call and each one that follows */
static int refuse_stream(struct mig_file *mf, int err, const char *why)
{
	lockdep_assert_held(&mf->lock);
	if (!mig_file_enter(mf)) {
		mig_err(mf->mig, " data refused: %s\n", why);
		mig_unlock(mf->mig);
	}
	WRITE_ONCE(to_load(mf)->complete, false);
	mf->error = err;
	return err;
}

/*
 * Copy what the reader wants next. Returns the &enum stream_event that this is,
 * or an errno
 */
static int copy_in(struct mig_file *mf, struct iov_iter *from)
{
	struct stream_reader *r = &to_load(mf)->reader;
	int event;
	size_t n;
	void *dst;

	lockdep_assert_held(&mf->lock);
	n = min(iov_iter_count(from), stream_want(r, &dst));
	if (!n)
		return refuse_stream(mf, -EINVAL, "there is data behind the end of the stream");
	/* If a part can't be copied, the next write copies all of it again */
	if (!copy_from_iter_full(dst, n, from))
		return -EFAULT;
	WRITE_ONCE(to_load(mf)->begun, true);
	event = stream_got(r, n);
	return event < 0 ? refuse_stream(mf, event, r->why) : event;
}

static int handle_event(struct mig_file *mf, enum stream_event event)
{
	int ret = 0;

	lockdep_assert_held(&mf->lock);
	switch (event) {
	case STREAM_MORE:
		break;
	case STREAM_HEADER:
		ret = check_compat(mf);
		break;
	case STREAM_STATE_BEGIN:
		ret = begin_record(mf);
		break;
	case STREAM_STATE_END:
		ret = end_record(mf);
		break;
	case STREAM_DONE:
		ret = end_stream(mf);
		break;
	}
	if (mf->upstream)
		WRITE_ONCE(to_load(mf)->complete,
			   !ret && stream_at_record(&to_load(mf)->reader));
	mf->error = ret;
	return ret;
}

/**
 * mig_load_may_end() - check whether the device may leave RESUMING
 * @mf: the attached file
 *
 * Return: true if the complete state was loaded, or nothing was written at all.
 */
bool mig_load_may_end(const struct mig_file *mf)
{
	return READ_ONCE(to_load(mf)->complete) ||
	       !READ_ONCE(to_load(mf)->begun);
}

/* Has only a part of the state taken effect? */
static bool is_partial(const struct mig_file *mf)
{
	return (mf->mig->caps.immediate || mf->upstream) &&
	       to_load(mf)->touched && !READ_ONCE(to_load(mf)->complete);
}

/* Loads that take effect at once can't be undone */
static void fail_partial(struct mig_file *mf)
{
	lockdep_assert_held(&mf->lock);
	if (mig_file_enter(mf))
		return;
	if (is_partial(mf))
		mig_fail(mf->mig,
			 "a part of the migration data has taken effect, the rest was refused");
	mig_unlock(mf->mig);
}

/**
 * mig_load_consume() - consume the next bytes of the stream
 * @mf: the file
 * @from: where they are; may be user memory
 *
 * Context: process context; sleeps. Takes mig_file.lock.
 * Return: bytes taken, or a negative errno: see stream_got() and
 * mig_file_wait().
 */
ssize_t mig_load_consume(struct mig_file *mf, struct iov_iter *from)
{
	size_t len = iov_iter_count(from);
	ssize_t ret;

	if (!len)
		return 0;
	ret = mutex_lock_interruptible(&mf->lock);
	if (ret)
		return ret;

	ret = mig_file_check(mf);
	while (!ret && iov_iter_count(from)) {
		ret = fatal_signal_pending(current) ? -EINTR :
						      copy_in(mf, from);
		if (ret >= 0)
			ret = handle_event(mf, ret);
		cond_resched();
	}
	/* Refuse now: the next write may never come */
	if (mf->error)
		fail_partial(mf);
	ret = mf->error ?: (ssize_t)(len - iov_iter_count(from)) ?: ret;
	mutex_unlock(&mf->lock);
	return ret;
}

static ssize_t load_write(struct kiocb *iocb, struct iov_iter *from)
{
	return mig_load_consume(iocb->ki_filp->private_data, from);
}

static const struct file_operations load_fops = {
	.owner = THIS_MODULE,
	.write_iter = load_write,
	.release = mig_file_release,
};

static bool load_is_complete(const struct mig_file *mf)
{
	return READ_ONCE(to_load(mf)->complete);
}

static void load_close(struct mig_file *mf)
{
	struct vfio_pci_migration *mig = mf->mig;

	lockdep_assert_held(&mig->state_mutex);
	mig->loaded = mig_load_may_end(mf);
	if (is_partial(mf))
		mig_fail(mig,
			 "a part of the migration data has taken effect, the rest did not arrive");
	else
		mig_file_end(mig);
}

static void load_destroy(struct mig_file *mf)
{
	vfree(to_load(mf)->staged);
}

static const struct mig_file_ops load_ops = {
	.size = sizeof(struct mig_load),
	.is_complete = load_is_complete,
	.may_end = mig_load_may_end,
	.close = load_close,
	.destroy = load_destroy,
};

/**
 * mig_load_open() - begin to load
 * @mig: the state, locked; the function is at VFIO_PCI_FN_FULL
 *
 * Return: the file to write the stream to, or an errno: -ENOMEM, or of DMA
 * mapping.
 */
struct file *mig_load_open(struct vfio_pci_migration *mig)
{
	const struct vfio_pci_mig_caps *caps = &mig->caps;
	struct stream_limits limits = {
		.max_state = caps->max_state,
		.max_record = mig->record,
		.max_chunk = caps->framed ? caps->max_chunk : 0,
	};
	struct mig_file *mf;

	lockdep_assert_held(&mig->state_mutex);
	mf = mig_file_alloc(mig, VFIO_PCI_MIG_LOAD, &load_ops);
	if (IS_ERR(mf))
		return ERR_CAST(mf);

	/* Only firmware knows where a chunk of changes can be split */
	if (caps->precopy)
		limits.max_delta = caps->framed ? mig->record : caps->chunk;
	if (mf->upstream) {
		stream_reader_init_upstream(&to_load(mf)->reader, &limits);
		to_load(mf)->reader.delta = caps->precopy;
	} else {
		stream_reader_init(&to_load(mf)->reader, &mig->ident, &limits);
	}
	return mig_file_open(mf, "[vfio-pci-engine load]", &load_fops, O_WRONLY);
}
