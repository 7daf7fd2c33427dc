// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration file of VFIO_DEVICE_STATE_STOP_COPY, and of
 * VFIO_DEVICE_STATE_PRE_COPY before it: firmware saves the next chunk of state
 * while user space reads the one before.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "save.h"

/*
 * Check what firmware reports. Only firmware knows how long the changes of
 * pre-copy can be
 */
static int check_chunk(struct mig_file *mf, const struct vfio_pci_mig_buf *buf)
{
	u64 left = mf->mig->caps.max_state - mf->offset;

	lockdep_assert_held(&mf->mig->state_mutex);
	if (buf->len && buf->len <= buf->room &&
	    (buf->delta || buf->len <= left))
		return 0;
	mig_err(mf->mig, ": firmware reports %zu bytes saved at offset %llu; the buffer has %zu, the largest state %llu\n",
		buf->len, mf->offset, buf->room, mf->mig->caps.max_state);
	return -EIO;
}

/*
 * While the function runs, firmware may have nothing to save now and more
 * later: no end yet
 */
static bool is_end(const struct mig_file *mf,
		   const struct vfio_pci_mig_buf *buf)
{
	lockdep_assert_held(&mf->mig->state_mutex);
	return buf->last && (!buf->precopy || to_save(mf)->running);
}

/*
 * Results of the wait for a chunk; no errnos, which firmware could return, too
 */
enum save_got {
	SAVE_CHUNK,
	SAVE_NOTHING,	/* there is nothing to save now, and there may be later */
	SAVE_AGAIN,	/* there was nothing, and the function was stopped since: ask again */
	SAVE_BUSY,	/* firmware is working, and the reader does not wait */
	SAVE_FAILED,
};

/* When firmware has no more data in pre-copy, only a read asks it again */
static int submit_if_idle(struct mig_file *mf)
{
	int ret = mig_file_enter(mf);

	if (ret)
		return ret;
	if (!mf->buf[mf->cur].busy)
		ret = mig_precopy_look(mf) ?: mig_chunk_submit(mf);
	mig_unlock(mf->mig);
	return ret;
}

/* Once the time-out is over this is false, so that the reader gets the error */
static bool is_at_work(const struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	return READ_ONCE(buf->busy) && !completion_done(&buf->done) &&
	       mig_ms_since(buf->begun) <= mf->mig->caps.timeout_ms;
}

/* On SAVE_CHUNK with the state locked, else without */
static enum save_got wait_for_chunk(struct mig_file *mf,
				    struct vfio_pci_mig_buf *buf, int *err)
{
	enum save_got got;

	lockdep_assert_held(&mf->lock);
	do {
		*err = submit_if_idle(mf);
		if (!*err && to_save(mf)->nowait && is_at_work(mf, buf))
			return SAVE_BUSY;
		if (!*err)
			*err = mig_file_wait_enter(mf, buf);
		if (*err)
			return SAVE_FAILED;
		if (!buf->precopy || buf->len)
			return SAVE_CHUNK;
		got = to_save(mf)->running ? SAVE_NOTHING : SAVE_AGAIN;
		mig_unlock(mf->mig);
	} while (got == SAVE_AGAIN);
	return got;
}

/* Begin a record with the next part of the chunk that firmware has saved */
static void begin_record(struct mig_file *mf)
{
	struct mig_save *s = to_save(mf);
	size_t len = min(s->chunk_len - s->data_pos, mf->mig->record);

	lockdep_assert_held(&mf->lock);
	s->meta_pos = 0;
	if (mf->upstream) {
		s->data_len = s->chunk_len;
		s->meta_len = stream_write_upstream(s->meta, s->chunk_len);
		return;
	}
	s->data_len = s->data_pos + len;
	s->meta_len =
		stream_write_state(&s->writer, s->meta, s->data + s->data_pos,
				   len, s->data_len < s->chunk_len);
}

/*
 * Take the chunk that firmware has saved, and have firmware save the one after
 * it. Firmware must not get the buffer again before the chunk is taken: both
 * are done under one lock.
 */
static enum save_got next_chunk(struct mig_file *mf, int *err)
{
	struct vfio_pci_mig_buf *buf = &mf->buf[mf->cur];
	struct mig_save *s = to_save(mf);
	enum save_got got;

	lockdep_assert_held(&mf->lock);
	got = wait_for_chunk(mf, buf, err);
	if (got != SAVE_CHUNK)
		return got;
	*err = check_chunk(mf, buf);
	if (!*err) {
		mf->offset += buf->len;
		mf->cur ^= 1;
		if (!is_end(mf, buf))
			*err = mig_precopy_look(mf) ?: mig_chunk_submit(mf);
	}
	mig_unlock(mf->mig);
	if (*err)
		return SAVE_FAILED;

	s->last = buf->last && !buf->precopy;
	s->data = buf->vaddr;
	s->chunk_len = buf->len;
	s->data_pos = 0;
	begin_record(mf);
	return SAVE_CHUNK;
}

/* Returns as next_record(). Upstream's streams have no end record */
static int end_stream(struct mig_file *mf)
{
	struct mig_save *s = to_save(mf);

	lockdep_assert_held(&mf->lock);
	s->ended = true;
	if (mf->upstream)
		return 0;
	s->meta_pos = 0;
	s->meta_len = stream_write_end(&s->writer, s->meta);
	return 1;
}

/* More for the user: 1, end of the stream: 0 */
static int next_record(struct mig_file *mf)
{
	struct mig_save *s = to_save(mf);
	int err;

	lockdep_assert_held(&mf->lock);
	if (s->ended)
		return 0;
	if (s->data_pos < s->chunk_len) {
		begin_record(mf);
		return 1;
	}
	if (s->last)
		return end_stream(mf);
	switch (next_chunk(mf, &err)) {
	case SAVE_CHUNK:
		return 1;
	case SAVE_NOTHING:
		return -ENOMSG;
	case SAVE_BUSY:
		return -EAGAIN;
	default:
		/*
		 * A reader that was killed has consumed nothing: the file stays
		 * valid
		 */
		if (err != -EINTR)
			mf->error = err;
		return err;
	}
}

static ssize_t copy_bytes(struct iov_iter *to, const u8 *src, size_t src_len,
			  size_t *pos)
{
	/*
	 * Bytes that can't be copied are not lost: the position moves only by
	 * those that were
	 */
	size_t n = copy_to_iter(src + *pos, src_len - *pos, to);

	*pos += n;
	return n ?: -EFAULT;
}

/*
 * Copy the current record: its header, then its part of the chunk. 0: nothing
 * is left
 */
static ssize_t copy_out(struct mig_file *mf, struct iov_iter *to)
{
	struct mig_save *s = to_save(mf);
	ssize_t n;

	lockdep_assert_held(&mf->lock);
	if (s->meta_pos < s->meta_len)
		return copy_bytes(to, s->meta, s->meta_len, &s->meta_pos);
	if (s->data_pos == s->data_len)
		return 0;
	n = copy_bytes(to, s->data, s->data_len, &s->data_pos);
	if (n > 0)
		WRITE_ONCE(s->given, s->given + n);
	return n;
}

/**
 * mig_save_fill() - produce the next bytes of the stream
 * @mf: the file
 * @to: where to; may be user memory
 * @nowait: wait neither for firmware nor for another reader
 *
 * Context: process context; sleeps. Takes mig_file.lock.
 * Return: bytes; 0: the stream has ended; -ENOMSG: in pre-copy, there is
 * nothing to save now; -EAGAIN: there is something to wait for, and @nowait; or
 * another negative errno, see mig_file_wait(). No vendor operation may return
 * -ENOMSG or -EINTR.
 */
ssize_t mig_save_fill(struct mig_file *mf, struct iov_iter *to, bool nowait)
{
	ssize_t n, done = 0;

	if (!iov_iter_count(to))
		return 0;
	if (nowait)
		n = mutex_trylock(&mf->lock) ? 0 : -EAGAIN;
	else
		n = mutex_lock_interruptible(&mf->lock);
	if (n)
		return n;

	to_save(mf)->nowait = nowait;
	n = mig_file_check(mf) ?: 1;
	while (n > 0 && iov_iter_count(to)) {
		n = fatal_signal_pending(current) ? -EINTR : copy_out(mf, to);
		if (n > 0)
			done += n;
		else if (!n)
			n = next_record(mf);
		cond_resched();
	}
	mutex_unlock(&mf->lock);
	/* Pollers could not see what is left while this reader held the lock */
	wake_up_all(&mf->mig->wait);
	return done ?: n;
}

static ssize_t save_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *filp = iocb->ki_filp;

	return mig_save_fill(filp->private_data, to,
			     filp->f_flags & O_NONBLOCK);
}

/* In pre-copy, with both locks held: check for data to read, or an error */
static bool has_more(struct mig_file *mf)
{
	struct vfio_pci_mig_buf *buf = &mf->buf[mf->cur];
	const struct mig_save *s = to_save(mf);

	lockdep_assert_held(&mf->lock);
	lockdep_assert_held(&mf->mig->state_mutex);
	if (s->meta_pos < s->meta_len || s->data_pos < s->chunk_len ||
	    mf->error)
		return true;
	if (buf->busy && !completion_done(&buf->done))
		return false;
	if (buf->busy && (buf->len || buf->status))
		return true;
	/*
	 * Firmware had nothing, which may have changed: the next reader asks it
	 */
	buf->busy = false;
	return mig_precopy_has_more(mf);
}

/*
 * In STOP_COPY, and when the session has ended, a read always ends. In pre-copy
 * firmware does not report new data by itself, so each poll asks it.
 */
static __poll_t save_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct mig_file *mf = filp->private_data;
	bool locked, more = true;

	poll_wait(filp, &mf->mig->wait, wait);
	/*
	 * If another reader has the lock, it reads what there is, and wakes
	 * pollers at its end
	 */
	locked = mutex_trylock(&mf->lock);
	if (!mig_file_enter(mf)) {
		if (to_save(mf)->running)
			more = locked && has_more(mf);
		mig_unlock(mf->mig);
	}
	if (locked)
		mutex_unlock(&mf->lock);
	return more ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations save_fops = {
	.owner = THIS_MODULE,
	.read_iter = save_read,
	.poll = save_poll,
	.unlocked_ioctl = mig_precopy_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = mig_file_release,
};

static bool save_is_complete(const struct mig_file *mf)
{
	return READ_ONCE(to_save(mf)->ended);
}

static void save_close(struct mig_file *mf)
{
	mig_file_end(mf->mig);
}

static const struct mig_file_ops save_ops = {
	.size = sizeof(struct mig_save),
	.is_complete = save_is_complete,
	.may_end = save_is_complete,
	.precopy_end = mig_precopy_end,
	.close = save_close,
};

/**
 * mig_save_open() - begin to save
 * @mig: the state, locked; the function is at VFIO_PCI_FN_FULL
 * @precopy: the function is not, and firmware records what changes
 *
 * Return: the file to read the stream from, or an errno: -ENOMEM, or
 * firmware's.
 */
struct file *mig_save_open(struct vfio_pci_migration *mig, bool precopy)
{
	struct mig_file *mf;
	struct mig_save *s;
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	mf = mig_file_alloc(mig,
			    precopy ? VFIO_PCI_MIG_PRECOPY : VFIO_PCI_MIG_SAVE,
			    &save_ops);
	if (IS_ERR(mf))
		return ERR_CAST(mf);

	s = to_save(mf);
	s->running = precopy;
	s->writer.delta = precopy;
	if (!mf->upstream)
		s->meta_len =
			stream_write_header(s->meta, &mig->ident,
					    mig->caps.compat, mig->caps.framed);
	ret = precopy ? mig_precopy_start(mf) : 0;
	if (!ret)
		ret = mig_chunk_submit(mf);
	if (ret) {
		ret = mig_file_end(mig) ?: ret;
		mig_file_put(mf);
		return ERR_PTR(ret);
	}
	return mig_file_open(mf, "[vfio-pci-engine save]", &save_fops, O_RDONLY);
}
