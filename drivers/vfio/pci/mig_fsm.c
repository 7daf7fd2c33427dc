// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration state machine. Firmware moves the state of the function; this
 * file decides when.
 */
#include <linux/file.h>
#include <linux/vfio.h>

#include "compat.h"
#include "firmware.h"
#include "load.h"
#include "mig_file.h"
#include "migration.h"
#include "save.h"

/* Log a failed suspend or resume; see struct vfio_pci_mig_ops */
static int firmware_said(struct vfio_pci_migration *mig, int ret,
			 const char *what)
{
	if (ret && ret != -ETIMEDOUT)
		mig_err(mig, ": firmware refused to %s the function (%pe)\n", what, ERR_PTR(ret));
	return ret;
}

static int suspend(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level)
{
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = firmware_said(mig, mig_fw_suspend(mig, level), "suspend");
	if (ret || !mig_is_reset(mig))
		return ret;
	/*
	 * The order of suspend and reset is unknown, so the function may be
	 * suspended
	 */
	atomic_set(&mig->reset_raced_suspend, 1);
	return -EAGAIN;
}

static int resume(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level)
{
	lockdep_assert_held(&mig->state_mutex);
	return firmware_said(mig, mig_fw_resume(mig, level), "resume");
}

/*
 * In a session firmware may be working. A reset meanwhile has ended the
 * session: the function runs again and must not be suspended.
 */
static int wait_idle(struct vfio_pci_migration *mig)
{
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = mig->file ? mig_file_wait_idle(mig->file) : 0;
	return ret ?: mig_is_reset(mig) ? -EAGAIN : 0;
}

static int stop_precopy(struct vfio_pci_migration *mig)
{
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = wait_idle(mig) ?: suspend(mig, VFIO_PCI_FN_FULL);
	if (ret)
		return ret;
	mig_precopy_stopped(mig);
	return mig->state == VFIO_DEVICE_STATE_ERROR ? -ETIMEDOUT : 0;
}

static int finish_loading(struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->file)
		mig->loaded = mig_load_may_end(mig->file);
	if (mig->loaded) {
		mig_file_detach(mig);
		if (!mig->stuck)
			return 0;
		mig_fail(mig, "an operation has not returned");
		return -ETIMEDOUT;
	}
	mig_fail(mig, "the migration data was refused or is not complete");
	return -ENODATA;
}

#define ARC(from, to) ((from) << 8 | (to))

/* One arc of the machine: no state between @mig->state and @next */
static struct file *step(struct vfio_pci_migration *mig,
			 enum vfio_device_mig_state next)
{
	lockdep_assert_held(&mig->state_mutex);
	switch (ARC(mig->state, next)) {
	case ARC(VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_RUNNING_P2P):
		return ERR_PTR(suspend(mig, VFIO_PCI_FN_P2P));
	case ARC(VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_STOP):
		return ERR_PTR(suspend(mig, VFIO_PCI_FN_FULL));
	case ARC(VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RUNNING_P2P):
		return ERR_PTR(resume(mig, VFIO_PCI_FN_FULL));
	case ARC(VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_RUNNING):
		return ERR_PTR(resume(mig, VFIO_PCI_FN_P2P));
	case ARC(VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_STOP_COPY):
		return mig_save_open(mig, false);
	case ARC(VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_PRE_COPY):
	case ARC(VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_PRE_COPY_P2P):
		return mig_save_open(mig, true);
	case ARC(VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_PRE_COPY_P2P):
		return ERR_PTR(wait_idle(mig) ?: suspend(mig, VFIO_PCI_FN_P2P));
	case ARC(VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_PRE_COPY):
		return ERR_PTR(wait_idle(mig) ?: resume(mig, VFIO_PCI_FN_P2P));
	case ARC(VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_STOP_COPY):
		return ERR_PTR(stop_precopy(mig));
	case ARC(VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_RUNNING):
	case ARC(VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_RUNNING_P2P):
	case ARC(VFIO_DEVICE_STATE_STOP_COPY, VFIO_DEVICE_STATE_STOP):
		return ERR_PTR(mig_file_end(mig));
	case ARC(VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RESUMING):
		return mig_load_open(mig);
	case ARC(VFIO_DEVICE_STATE_RESUMING, VFIO_DEVICE_STATE_STOP):
		return ERR_PTR(finish_loading(mig));
	}
	/* vfio core asks for no other arc with the engine's migration_flags */
	WARN_ON_ONCE(1);
	return ERR_PTR(-EINVAL);
}

/* Call no operation while one has not returned; the state stays */
static int refuse_stuck(struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	mig_err(mig, ": refused, operation %s has not returned for %lld ms; unbind the driver of the PF\n",
		mig_op_name(mig->worker.call.op), mig_fw_stuck_ms(mig));
	return -ETIMEDOUT;
}

static struct file *arc(struct vfio_pci_migration *mig,
			enum vfio_device_mig_state next)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->stuck)
		return ERR_PTR(refuse_stuck(mig));
	/*
	 * A function that was reset runs, and must not be suspended by an older
	 * request
	 */
	return mig_is_reset(mig) ? ERR_PTR(-EAGAIN) : step(mig, next);
}

static enum mig_trigger trigger_of(enum mig_user user)
{
	return user == MIG_USER_V2 ? MIG_TRIGGER_V2 : MIG_TRIGGER_V1;
}

/* One arc, with its trace event; the arc itself may have ended in ERROR */
static struct file *step_locked(struct vfio_pci_migration *mig,
				enum vfio_device_mig_state next,
				enum mig_user user)
{
	enum vfio_device_mig_state from = mig->state;
	struct file *file;

	lockdep_assert_held(&mig->state_mutex);
	file = arc(mig, next);
	mig_account_state(&mig->stats, from, next, PTR_ERR_OR_ZERO(file),
			  trigger_of(user));
	return file;
}

static bool is_others(const struct vfio_pci_migration *mig, enum mig_user user)
{
	lockdep_assert_held(&mig->state_mutex);
	return mig->user != MIG_USER_NONE &&
	       (mig->user == MIG_USER_V2) != (user == MIG_USER_V2);
}

static int may_set_state(struct vfio_pci_migration *mig, enum mig_user user)
{
	lockdep_assert_held(&mig->state_mutex);
	if (is_others(mig, user)) {
		mig_err(mig, ": a request by the %s is refused: the other protocol is in use\n",
			user == MIG_USER_V2 ? "migration features" : "migration region");
		return -EBUSY;
	}
	/*
	 * No arc leads out of ERROR, and vfio core would WARN if asked for one
	 */
	return mig->state == VFIO_DEVICE_STATE_ERROR ? -EINVAL : 0;
}

static void set_user(struct vfio_pci_migration *mig, enum mig_user user)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->state == VFIO_DEVICE_STATE_RUNNING &&
	    user != MIG_USER_V1_PRE_COPY)
		user = MIG_USER_NONE;
	mig->user = user;
}

/*
 * The failed transition may have come back to RUNNING: then either interface
 * may begin
 */
static void set_user_on_error(struct vfio_pci_migration *mig,
			      enum mig_user user)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->state != VFIO_DEVICE_STATE_RUNNING)
		set_user(mig, user);
	else if (mig->user != MIG_USER_V1_PRE_COPY)
		mig->user = MIG_USER_NONE;
}

/*
 * vfio core never passes through a state with a file, which no caller could
 * close
 */
static struct file *only_at_end(struct file *file, bool end)
{
	if (IS_ERR_OR_NULL(file) || !WARN_ON_ONCE(!end))
		return file;
	fput(file);
	return ERR_PTR(-EINVAL);
}

/**
 * mig_set_state() - go to a state through the states between
 * @mig: the state
 * @wanted: the state
 * @user: the interface that asks
 *
 * Context: process context, sleeps; takes state_mutex.
 * Return: the migration file of a session that has begun, else NULL, or an
 * errno: -EBUSY: the other front end is in use; -EINVAL: no way leads there, or
 * the state is ERROR; -ENODATA: the data that was loaded is not complete;
 * -ETIMEDOUT: firmware did not answer, or an operation before has not returned;
 * -EAGAIN: the function is being reset, or was meanwhile: it runs then, or is
 * in ERROR; -EINTR: the caller was killed; others from firmware operations. On
 * error the state is the last one that was reached, or ERROR.
 */
struct file *mig_set_state(struct vfio_pci_migration *mig,
			   enum vfio_device_mig_state wanted,
			   enum mig_user user)
{
	enum vfio_device_mig_state next;
	struct file *file;
	int ret;

	mig_lock(mig);
	ret = may_set_state(mig, user);
	if (ret) {
		mig_account_state(&mig->stats, mig->state, wanted, ret,
				  trigger_of(user));
		mig_unlock(mig);
		return ERR_PTR(ret);
	}
	file = NULL;
	while (!IS_ERR(file) && mig->state != wanted) {
		ret = compat_next_state(mig->vdev, mig->state, wanted, &next);
		file = ret ? ERR_PTR(ret) : step_locked(mig, next, user);
		if (!IS_ERR(file))
			WRITE_ONCE(mig->state, next);
		file = only_at_end(file, next == wanted);
	}
	if (IS_ERR(file))
		set_user_on_error(mig, user);
	else
		set_user(mig, user);
	mig_unlock(mig);
	return file;
}
