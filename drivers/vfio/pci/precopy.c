// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pre-copy: firmware saves the state while the function runs, and again what
 * has changed since; little is left when the function is stopped. This
 * file has what the migration file of the PRE_COPY states does beyond that of
 * STOP_COPY.
 */
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "compat.h"
#include "save.h"

/**
 * mig_precopy_end() - &mig_file_ops.precopy_end
 * @mf: the file, entered; firmware works on no buffer of it
 *
 * If firmware fails to stop, it goes on recording; the next precopy_start
 * begins again.
 */
void mig_precopy_end(struct mig_file *mf)
{
	struct vfio_pci_migration *mig = mf->mig;
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	/* A reset ends pre-copy in firmware */
	if (mig_is_reset(mig))
		return;
	ret = mig_fw_precopy_stop(mig, mig_chunk_spare(mf));
	if (ret && ret != -ETIMEDOUT)
		mig_err(mig, ": firmware refused to end pre-copy (%pe)\n", ERR_PTR(ret));
}

/**
 * mig_precopy_start() - begin recording of changes
 * @mf: the file, entered; the function runs or is at VFIO_PCI_FN_P2P
 *
 * Return: 0, or firmware's errno.
 */
int mig_precopy_start(struct mig_file *mf)
{
	struct vfio_pci_migration *mig = mf->mig;
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	ret = mig_fw_precopy_start(mig);
	if (ret == -ETIMEDOUT)
		mig_timed_out(mig);
	else if (ret)
		mig_err(mig, ": firmware refused to begin pre-copy (%pe)\n", ERR_PTR(ret));
	mf->precopy = !ret;
	return ret;
}

/**
 * mig_precopy_stopped() - continue a session after the function was stopped
 * @mig: the state, locked; the function is at VFIO_PCI_FN_FULL
 */
void mig_precopy_stopped(struct vfio_pci_migration *mig)
{
	struct mig_file *mf = mig->file;

	lockdep_assert_held(&mig->state_mutex);
	/* The file was closed or has failed: there is no reader */
	if (!mf || mf->failed)
		return;
	to_save(mf)->running = false;
	/*
	 * The guest waits from here on: do not wait for a reader. A reader sees
	 * an error, too
	 */
	if (!mf->buf[mf->cur].busy)
		mig_chunk_submit(mf);
	wake_up_all(&mig->wait);
}

static bool size_is_sane(const struct vfio_pci_precopy_size *size)
{
	/* No sum of these and of the bytes saved so far can wrap */
	return size->initial < S64_MAX / 4 && size->dirty < S64_MAX / 4 &&
	       size->stopped < S64_MAX / 4;
}

/*
 * Bytes of state that firmware has saved so far, with a chunk that no reader
 * has copied yet
 */
static u64 saved(struct mig_file *mf)
{
	struct vfio_pci_mig_buf *next = &mf->buf[mf->cur];

	lockdep_assert_held(&mf->mig->state_mutex);
	if (next->busy && completion_done(&next->done) && !next->status)
		return mf->offset + min(next->len, next->room);
	return mf->offset;
}

/* Firmware of whole images may say no more than what the next one needs */
static int ask_size(struct vfio_pci_migration *mig,
		    struct vfio_pci_precopy_size *size)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->ops->precopy_size)
		return mig_fw_precopy_size(mig, size);
	*size = (struct vfio_pci_precopy_size) {};
	return mig_fw_chunk_size(mig, saved(mig->file) ? &size->dirty :
							 &size->initial);
}

static int get_size(struct vfio_pci_migration *mig,
		    struct vfio_pci_precopy_size *size)
{
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = ask_size(mig, size);
	if (ret == -ETIMEDOUT)
		mig_timed_out(mig);
	if (ret || size_is_sane(size))
		return ret;
	mig_err(mig, ": firmware reports impossible sizes in pre-copy: %llu, %llu and %llu bytes\n",
		size->initial, size->dirty, size->stopped);
	return -EIO;
}

/**
 * mig_precopy_has_more() - check for something to save while the function runs
 * @mf: the file, entered
 *
 * Return: true if so, or if the question has failed: a reader gets to know.
 */
bool mig_precopy_has_more(struct mig_file *mf)
{
	struct vfio_pci_precopy_size size = {};

	lockdep_assert_held(&mf->mig->state_mutex);
	return get_size(mf->mig, &size) || size.initial || size.dirty;
}

/**
 * mig_precopy_left() - get the bytes that a session with pre-copy still has to
 *	transfer
 * @mf: the file, entered
 * @bytes: receives an estimate, with what comes only when the function is
 *	stopped
 *
 * Return: 0; -EIO: firmware names impossible sizes; or firmware's errno.
 */
int mig_precopy_left(struct mig_file *mf, u64 *bytes)
{
	struct vfio_pci_precopy_size size = {};
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	ret = get_size(mf->mig, &size);
	if (ret)
		return ret;
	*bytes = size.initial + size.dirty + saved(mf) -
		 READ_ONCE(to_save(mf)->given);
	/* At VFIO_PCI_FN_FULL the other two include it */
	if (to_save(mf)->running)
		*bytes += size.stopped;
	return 0;
}

/*
 * User space expects that initial data ends, even if there is always data to
 * read. It ends with what firmware has saved when firmware has none left. If
 * there is initial data again later, only users of VFIO_PRECOPY_INFO_REINIT see
 * it.
 */
static void note_initial(struct mig_file *mf,
			 const struct vfio_pci_precopy_size *size)
{
	struct mig_save *s = to_save(mf);

	lockdep_assert_held(&mf->mig->state_mutex);
	if (!size->initial && !s->initial_end) {
		s->initial_end = saved(mf);
	} else if (size->initial && s->initial_end &&
		   compat_precopy_info_v2(mf->mig->vdev)) {
		s->initial_end = 0;
		s->reinit = true;
	}
}

/**
 * mig_precopy_look() - find out whether the next save has initial data again
 * @mf: the file, entered
 *
 * The reader may get such data before it asks for sizes. Users of
 * VFIO_PRECOPY_INFO_REINIT have to learn of it nevertheless, so for them
 * firmware is asked before each save.
 *
 * Return: 0; -EIO: firmware names impossible sizes; or firmware's errno.
 */
int mig_precopy_look(struct mig_file *mf)
{
	struct vfio_pci_precopy_size size = {};
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	if (!to_save(mf)->running || !to_save(mf)->asked ||
	    !compat_precopy_info_v2(mf->mig->vdev))
		return 0;
	ret = get_size(mf->mig, &size);
	if (!ret)
		note_initial(mf, &size);
	return ret;
}

static void divide(struct mig_file *mf,
		   const struct vfio_pci_precopy_size *size,
		   struct vfio_precopy_info *info)
{
	u64 read = READ_ONCE(to_save(mf)->given);
	struct mig_save *s = to_save(mf);
	u64 left = size->initial + size->dirty + saved(mf) - read;

	lockdep_assert_held(&mf->mig->state_mutex);
	note_initial(mf, size);
	/* A chunk that was counted may have been refused meanwhile */
	if (s->initial_end)
		info->initial_bytes =
			min(left, s->initial_end - min(read, s->initial_end));
	else
		info->initial_bytes = s->reinit ? left : left - size->dirty;
	info->dirty_bytes = left - info->initial_bytes;
	/*
	 * Users that did not ask for version 2 get flags back unchanged, as
	 * they always did
	 */
	if (compat_precopy_info_v2(mf->mig->vdev))
		info->flags = s->reinit ? VFIO_PRECOPY_INFO_REINIT : 0;
	s->reinit = false;
	s->asked = true;
}

/**
 * mig_precopy_info() - compute the answer to VFIO_MIG_GET_PRECOPY_INFO
 * @mf: the file
 * @info: receives flags, initial_bytes and dirty_bytes
 *
 * Context: process context, sleeps; takes state_mutex.
 * Return: 0; -EINVAL: the device is not in a PRE_COPY state; -ENODEV: the
 * session has ended; or as mig_precopy_left().
 */
int mig_precopy_info(struct mig_file *mf, struct vfio_precopy_info *info)
{
	struct vfio_pci_precopy_size size = {};
	int ret = mig_file_enter(mf);

	if (ret)
		return ret;
	ret = mf->precopy && to_save(mf)->running ? get_size(mf->mig, &size) :
						    -EINVAL;
	if (!ret)
		divide(mf, &size, info);
	mig_unlock(mf->mig);
	return ret;
}

/**
 * mig_precopy_ioctl() - handle VFIO_MIG_GET_PRECOPY_INFO
 * @filp: a migration file that is read
 * @cmd: request
 * @arg: user's struct vfio_precopy_info
 *
 * Not by vfio_check_precopy_ioctl(): a migration file may live longer than the
 * device that this would look at.
 *
 * Return: 0; -ENOTTY; -EFAULT; or as mig_precopy_info().
 */
long mig_precopy_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	const size_t minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);
	struct mig_file *mf = filp->private_data;
	struct vfio_precopy_info info;
	int ret;

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, (void __user *)arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = mig_precopy_info(mf, &info);
	if (ret)
		return ret;
	return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}

const char *vfio_pci_engine_precopy(const struct vfio_pci_mig_caps *caps)
{
	if (!caps->precopy)
		return "no";
	return COMPAT_PRE_COPY_FLAG != 0 ? "yes" :
	       "by the migration region only, the kernel is older than 6.2";
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_precopy);
