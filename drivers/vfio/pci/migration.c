// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration state machine. Firmware moves the state of the function; this file
 * decides when.
 *
 * Lock order, outermost first:
 *
 *	vfio core's group_lock and dev_set->lock, device_lock() of the function
 *	mig_v1.lock			one access to the migration region
 *	mig_file.lock			one reader or writer of a migration file
 *	vfio_pci_migration.state_mutex	states, dirty logging, firmware operations
 *	vfio_pci_core_device.memory_lock, control.lock
 *					by vendor drivers in operations, see control.c
 *	mig_stats.lock			counters; a spinlock
 *
 * User memory is touched under mig_v1.lock and mig_file.lock only, which no path that resets
 * or closes the device takes: a page fault may need the device's memory_lock, which
 * a reset holds. A reset itself takes none of these locks but those of control.c, which are held
 * for an access to registers and no longer: it counts, and the next holder of state_mutex
 * applies it. The bitmap of a dirty page report, too, is user memory: it is
 * touched under none of these locks.
 */
#include <linux/file.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "compat.h"
#include "firmware.h"
#include "mig_file.h"
#include "migration.h"

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
 * mig_err() - log an error of migration
 * @mig: the state
 * @fmt: what follows "migration"
 *
 * A user with an open device can bring all of these about, as often as it likes. Limited for
 * each device, so that one does not keep another from being heard. By name: a user may keep a
 * migration file for longer than there is such a device.
 */
void mig_err(struct vfio_pci_migration *mig, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (!__ratelimit(&mig->log_limit))
		return;
	va_start(args, fmt);
	vaf.va = &args;
	pr_err("%s: migration%pV", mig->log_name, &vaf);
	va_end(args);
}

static void make_ident(struct stream_ident *ident, const struct vfio_pci_engine_desc *desc)
{
	struct pci_dev *pdev = desc->fn->pdev;

	ident->vendor = pdev->vendor;
	ident->device = pdev->device;
	ident->subvendor = pdev->subsystem_vendor;
	ident->subdevice = pdev->subsystem_device;
	strscpy(ident->type, desc->type, sizeof(ident->type));
}

/* What operations look at must live as long as the last of them */
static int own_all(struct vfio_pci_migration *mig)
{
	int ret = mig_fw_worker_init(mig);

	if (ret)
		return ret;
	mig->own_fn = *mig->fn;
	pci_dev_get(mig->own_fn.pf);
	pci_dev_get(mig->own_fn.pdev);
	mig->fn = &mig->own_fn;
	return 0;
}

/**
 * mig_create() - create the migration state of a function
 * @desc: the function, with mig_ops and no mistake
 * @vdev: its vfio_device, for as long as that is open
 *
 * Return: the state, RUNNING, to be freed by mig_put(); or NULL, no memory.
 */
struct vfio_pci_migration *mig_create(const struct vfio_pci_engine_desc *desc,
				      struct vfio_device *vdev)
{
	struct vfio_pci_migration *mig = kzalloc(sizeof(*mig), GFP_KERNEL);

	if (!mig)
		return NULL;

	kref_init(&mig->kref);
	mutex_init(&mig->state_mutex);
	ratelimit_state_init(&mig->log_limit, HZ, MIG_LOG_BURST);
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	mig->vdev = vdev;
	mig->fn = desc->fn;
	mig_stats_init(mig);
	snprintf(mig->log_name, sizeof(mig->log_name), "%s %s",
		 dev_driver_string(&mig->fn->pdev->dev), mig->stats.device);
	init_waitqueue_head(&mig->wait);
	mig->owner = desc->owner;
	mig->ops = desc->mig_ops;
	mig->caps = *desc->mig_caps;
	if (desc->control)
		mig->caps.kind = VFIO_PCI_BUF_CPU;
	if (mig->caps.kind == VFIO_PCI_BUF_DMA)
		mig->dma_dev = &desc->fn->pf->dev;
	if (!mig->caps.chunk || mig->caps.chunk > VFIO_PCI_MIG_CHUNK_MAX)
		mig->caps.chunk = VFIO_PCI_MIG_CHUNK_MAX;
	if (!mig->caps.max_chunk)
		mig->caps.max_chunk = mig->caps.chunk;
	mig->record = STREAM_RECORD_MAX;
	if (!mig->caps.timeout_ms)
		mig->caps.timeout_ms = VFIO_PCI_MIG_TIMEOUT_MS;
	make_ident(&mig->ident, desc);
	mig_log_init(mig, desc);
	if (mig->caps.unbounded && own_all(mig)) {
		kfree(mig);
		return NULL;
	}
	return mig;
}

static void mig_free(struct kref *kref)
{
	struct vfio_pci_migration *mig = container_of(kref, struct vfio_pci_migration, kref);

	mig_log_drop(mig);
	mutex_destroy(&mig->state_mutex);
	if (mig->caps.unbounded) {
		pci_dev_put(mig->own_fn.pf);
		pci_dev_put(mig->own_fn.pdev);
	}
	/* See end_move() */
	kfree_rcu(mig, rcu);
}

/**
 * mig_get() - take a reference
 * @mig: the state
 */
void mig_get(struct vfio_pci_migration *mig)
{
	kref_get(&mig->kref);
}

/**
 * mig_put() - drop a reference
 * @mig: the state, or NULL
 */
void mig_put(struct vfio_pci_migration *mig)
{
	if (mig)
		kref_put(&mig->kref, mig_free);
}

/* An operation that was given up has returned: what it belongs to can end */
static void apply_answer(struct vfio_pci_migration *mig)
{
	if (mig->lost && !mig->stuck)
		mig_file_end_lost(mig);
}

static void apply_reset(struct vfio_pci_migration *mig)
{
	int seen = atomic_read(&mig->resets_seen);

	if (seen == mig->resets)
		return;
	mig_file_detach(mig);
	mig->user = MIG_USER_NONE;
	mig_log_drop(mig);
	mig_note_state(mig, mig->state, VFIO_DEVICE_STATE_RUNNING, 0, MIG_WHO_RESET);
	WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_RUNNING);
	/* Last: mig_state() looks at the state only if no reset waits */
	smp_store_release(&mig->resets, seen);
	if (atomic_xchg(&mig->unsure, 0))
		mig_fail(mig, "a suspend raced with a reset");
}

static void apply_broken(struct vfio_pci_migration *mig)
{
	if (!atomic_xchg(&mig->broken, 0))
		return;
	mig_file_detach(mig);
	mig_log_drop(mig);
	mig_note_state(mig, mig->state, VFIO_DEVICE_STATE_ERROR, 0, MIG_WHO_ERROR);
	WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_ERROR);
}

/**
 * mig_lock() - take the state mutex and apply what has happened meanwhile
 * @mig: the state
 */
void mig_lock(struct vfio_pci_migration *mig)
{
	mutex_lock(&mig->state_mutex);
	apply_answer(mig);
	apply_reset(mig);
	apply_broken(mig);
}

/**
 * mig_unlock() - release the state mutex
 * @mig: the state
 */
void mig_unlock(struct vfio_pci_migration *mig)
{
	mutex_unlock(&mig->state_mutex);
}

/**
 * mig_fail() - go to VFIO_DEVICE_STATE_ERROR
 * @mig: the state, locked
 * @fmt: what happened, for the log
 */
void mig_fail(struct vfio_pci_migration *mig, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	lockdep_assert_held(&mig->state_mutex);
	va_start(args, fmt);
	vaf.va = &args;
	if (mig->stuck)
		mig_err(mig, ": operation %s has not returned for %lld ms; the device is in the ERROR state; reset it once the operation has returned\n",
			mig_op_name(mig->worker.call.op), mig_fw_stuck_ms(mig));
	else
		mig_err(mig, ": %pV; the device is in the ERROR state until it is reset\n", &vaf);
	va_end(args);
	mig_file_detach(mig);
	mig_log_drop(mig);
	mig_note_state(mig, mig->state, VFIO_DEVICE_STATE_ERROR, 0, MIG_WHO_ERROR);
	WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_ERROR);
}

/**
 * mig_timed_out() - firmware did not answer an operation that leaves the function as it is
 * @mig: the state, locked
 *
 * What it was for has failed, and the device goes on; unless the operation has not even returned.
 */
void mig_timed_out(struct vfio_pci_migration *mig)
{
	if (mig->stuck)
		mig_fail(mig, "an operation has not returned");
}

/**
 * mig_reset_begins() - block arcs until the reset has ended
 * @mig: the state
 *
 * mig_reset_done() follows; between the two the state of the function is unknown. Takes no lock and
 * does not sleep.
 */
void mig_reset_begins(struct vfio_pci_migration *mig)
{
	/* Of a reset before: this one comes after all that was suspended then */
	atomic_set(&mig->unsure, 0);
	/* Not at its end: what breaks meanwhile need not be mended by it */
	atomic_set(&mig->broken, 0);
	atomic_set(&mig->resetting, 1);
}

/**
 * mig_reset_done() - record that the function was reset and runs
 * @mig: the state
 *
 * Takes no lock and does not sleep: see the top of this file.
 */
void mig_reset_done(struct vfio_pci_migration *mig)
{
	atomic_inc(&mig->resets_seen);
	/* Pairs with mig_is_reset() */
	smp_mb__after_atomic();
	atomic_set(&mig->resetting, 0);
	wake_up_all(&mig->wait);
}

/**
 * mig_reset_failed() - record a reset that may have failed
 * @mig: the state
 *
 * In place of mig_reset_done(), or after it: VFIO_DEVICE_STATE_ERROR until a reset that succeeds.
 * Takes no lock and does not sleep.
 */
void mig_reset_failed(struct vfio_pci_migration *mig)
{
	atomic_set(&mig->broken, 1);
	/* Ends sessions, as a reset does */
	mig_reset_done(mig);
}

/**
 * mig_resets() - get the number of resets
 * @mig: the state
 *
 * Return: a number that each reset changes, also one that has failed.
 */
int mig_resets(struct vfio_pci_migration *mig)
{
	return atomic_read(&mig->resets_seen);
}

/**
 * mig_broken() - record that firmware has failed
 * @mig: the state
 *
 * Takes no lock and does not sleep.
 *
 * Return: true if that is new: the state was not ERROR.
 */
bool mig_broken(struct vfio_pci_migration *mig)
{
	bool is_new = mig_state(mig) != VFIO_DEVICE_STATE_ERROR;

	atomic_set(&mig->broken, 1);
	wake_up_all(&mig->wait);
	return is_new;
}

/**
 * mig_detach_fw() - end the session and block firmware operations
 * @mig: the state
 *
 * See vfio_pci_engine_detach_fw().
 */
void mig_detach_fw(struct vfio_pci_migration *mig)
{
	mig_lock(mig);
	mig_file_end(mig);
	mig_log_close(mig);
	if (mig->state != VFIO_DEVICE_STATE_RUNNING && mig->state != VFIO_DEVICE_STATE_ERROR)
		mig_fail(mig, "the PF driver has detached the function");
	mig->fw_detached = true;
	mig_unlock(mig);
}

/**
 * mig_attach_fw() - allow firmware operations again
 * @mig: the state
 */
void mig_attach_fw(struct vfio_pci_migration *mig)
{
	mig_lock(mig);
	mig->fw_detached = false;
	mig_unlock(mig);
}

/**
 * mig_open() - prepare migration when a user opens the device
 * @mig: the state
 * @setup: how the function is set up, &vfio_pci_use_ops.begin
 * @reset: vfio-pci-core has reset the function before, whatever it was left in. Else it is as the
 *	user before has left it
 *
 * Firmware may have failed since the reset: that stays.
 */
void mig_open(struct vfio_pci_migration *mig, u32 setup, bool reset)
{
	mutex_lock(&mig->state_mutex);
	apply_answer(mig);
	apply_reset(mig);
	mig->ident.setup = setup;
	mig->user = MIG_USER_NONE;
	if (reset) {
		mig_note_state(mig, mig->state, VFIO_DEVICE_STATE_RUNNING, 0, MIG_WHO_OPEN);
		WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_RUNNING);
	} else if (mig->state != VFIO_DEVICE_STATE_RUNNING) {
		mig_fail(mig, "it was left in %s and could not be reset",
			 mig_state_name(mig->state));
	}
	apply_broken(mig);
	mig_unlock(mig);
}

/**
 * mig_close() - end session and logging when the user closes the device
 * @mig: the state
 *
 * On return nothing refers to the function or to firmware any more; migration files may
 * still be open, and answer -ENODEV.
 */
void mig_close(struct vfio_pci_migration *mig)
{
	mig_lock(mig);
	mig_file_end(mig);
	mig_log_close(mig);
	mig_unlock(mig);
}

/**
 * mig_closed() - set the state after the user has closed the device
 * @mig: the state
 * @reset: vfio-pci-core has reset the function, so the state of the previous user is not shown
 *
 * A failure of firmware stays visible until the next user.
 */
void mig_closed(struct vfio_pci_migration *mig, bool reset)
{
	mig_lock(mig);
	if (reset && mig->state != VFIO_DEVICE_STATE_ERROR &&
	    mig->state != VFIO_DEVICE_STATE_RUNNING) {
		mig_note_state(mig, mig->state, VFIO_DEVICE_STATE_RUNNING, 0, MIG_WHO_RESET);
		WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_RUNNING);
	}
	mig->user = MIG_USER_NONE;
	mig_unlock(mig);
}

/**
 * mig_gone() - detach the state from a function that is unregistered
 * @mig: the state of a device that is not open, or NULL
 *
 * A session that waits for the return of an operation ends now, if that has returned; else firmware
 * is never told of its end: its vendor driver may be gone by then.
 */
void mig_gone(struct vfio_pci_migration *mig)
{
	if (!mig)
		return;
	mig_lock(mig);
	mig->gone = true;
	mig_unlock(mig);
}

/**
 * mig_state() - get the current state without waiting for firmware
 * @mig: the state
 *
 * Return: the state, with a reset or error that is not applied yet.
 */
enum vfio_device_mig_state mig_state(struct vfio_pci_migration *mig)
{
	if (atomic_read(&mig->broken))
		return VFIO_DEVICE_STATE_ERROR;
	/* Pairs with the release in apply_reset() */
	if (atomic_read(&mig->resets_seen) != smp_load_acquire(&mig->resets))
		return VFIO_DEVICE_STATE_RUNNING;
	return READ_ONCE(mig->state);
}

/* What a failed suspend or resume means; see struct vfio_pci_mig_ops */
static int firmware_said(struct vfio_pci_migration *mig, int ret, const char *what)
{
	if (ret && ret != -ETIMEDOUT)
		mig_err(mig, ": firmware refused to %s the function (%pe)\n", what, ERR_PTR(ret));
	return ret;
}

/**
 * mig_is_reset() - check for a reset since the state was locked
 * @mig: the state, locked
 *
 * Return: true: firmware has forgotten what it was told, or is about to.
 */
bool mig_is_reset(struct vfio_pci_migration *mig)
{
	bool now = atomic_read(&mig->resetting);

	/* Pairs with mig_reset_done(): one of the two is seen */
	smp_rmb();
	return now || atomic_read(&mig->resets_seen) != mig->resets;
}

static int suspend(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level)
{
	int ret = firmware_said(mig, mig_fw_suspend(mig, level), "suspend");

	if (ret || !mig_is_reset(mig))
		return ret;
	/* Else the reset would be taken for the last word */
	atomic_set(&mig->unsure, 1);
	return -EAGAIN;
}

static int resume(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level)
{
	return firmware_said(mig, mig_fw_resume(mig, level), "resume");
}

/*
 * In a session firmware may be working. A reset meanwhile has ended the session: the function runs
 * again and must not be suspended.
 */
static int settle(struct vfio_pci_migration *mig)
{
	int ret = mig->file ? mig_file_settle(mig->file) : 0;

	return ret ?: mig_is_reset(mig) ? -EAGAIN : 0;
}

static int stop_precopy(struct vfio_pci_migration *mig)
{
	int ret = settle(mig) ?: suspend(mig, VFIO_PCI_FN_FULL);

	if (ret)
		return ret;
	mig_precopy_stopped(mig);
	return mig->state == VFIO_DEVICE_STATE_ERROR ? -ETIMEDOUT : 0;
}

static int finish_loading(struct vfio_pci_migration *mig)
{
	if (mig->file)
		mig->loaded = mig_load_is_complete(mig->file);
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
static struct file *step(struct vfio_pci_migration *mig, enum vfio_device_mig_state next)
{
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
		return ERR_PTR(settle(mig) ?: suspend(mig, VFIO_PCI_FN_P2P));
	case ARC(VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_PRE_COPY):
		return ERR_PTR(settle(mig) ?: resume(mig, VFIO_PCI_FN_P2P));
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
	/* There is no other arc for the flags that we advertise */
	WARN_ON_ONCE(1);
	return ERR_PTR(-EINVAL);
}

/* Nothing is called, so nothing changes */
static int refuse_stuck(struct vfio_pci_migration *mig)
{
	mig_err(mig, ": refused, operation %s has not returned for %lld ms; unbind the driver of the PF\n",
		mig_op_name(mig->worker.call.op), mig_fw_stuck_ms(mig));
	return -ETIMEDOUT;
}

static struct file *arc(struct vfio_pci_migration *mig, enum vfio_device_mig_state next)
{
	if (mig->stuck)
		return ERR_PTR(refuse_stuck(mig));
	/* What runs again must not be suspended, and firmware has nothing to say meanwhile */
	return mig_is_reset(mig) ? ERR_PTR(-EAGAIN) : step(mig, next);
}

static enum mig_who who(enum mig_user user)
{
	return user == MIG_USER_V2 ? MIG_WHO_V2 : MIG_WHO_V1;
}

/* One arc, with its trace event; the arc itself may have ended in ERROR */
static struct file *walk(struct vfio_pci_migration *mig, enum vfio_device_mig_state next,
			 enum mig_user user)
{
	enum vfio_device_mig_state from = mig->state;
	struct file *file = arc(mig, next);

	mig_note_state(mig, from, next, PTR_ERR_OR_ZERO(file), who(user));
	return file;
}

static bool is_others(const struct vfio_pci_migration *mig, enum mig_user user)
{
	return mig->user != MIG_USER_NONE && (mig->user == MIG_USER_V2) != (user == MIG_USER_V2);
}

static int may_set_state(struct vfio_pci_migration *mig, enum mig_user user)
{
	if (is_others(mig, user)) {
		mig_err(mig, ": refused by the %s, the other front end is in use\n",
			user == MIG_USER_V2 ? "migration features" : "migration region");
		return -EBUSY;
	}
	/* No way leads out of it, and vfio core would WARN about the question */
	return mig->state == VFIO_DEVICE_STATE_ERROR ? -EINVAL : 0;
}

static void set_user(struct vfio_pci_migration *mig, enum mig_user user)
{
	if (mig->state == VFIO_DEVICE_STATE_RUNNING && user != MIG_USER_V1_PRE_COPY)
		user = MIG_USER_NONE;
	mig->user = user;
}

/* It may have come back to RUNNING on the way to where it could not go: then either may begin */
static void set_user_on_error(struct vfio_pci_migration *mig, enum mig_user user)
{
	if (mig->state != VFIO_DEVICE_STATE_RUNNING)
		set_user(mig, user);
	else if (mig->user != MIG_USER_V1_PRE_COPY)
		mig->user = MIG_USER_NONE;
}

/* vfio core never passes through a state with a file, which no caller could close */
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
 * Return: the migration file of a session that has begun, else NULL, or an errno: -EBUSY: the
 * other front end is at it; -EINVAL: no way leads there, or the state is ERROR; -ENODATA: the
 * data that was loaded is not complete; -ETIMEDOUT: firmware did not answer, or
 * an operation before has not returned; -EAGAIN: the function is being reset, or was meanwhile: it
 * runs then, or is in ERROR; -EINTR: the caller was killed; others from firmware operations. On
 * error the state is the last one that was reached, or ERROR.
 */
struct file *mig_set_state(struct vfio_pci_migration *mig, enum vfio_device_mig_state wanted,
			   enum mig_user user)
{
	enum vfio_device_mig_state next;
	struct file *file;
	int ret;

	mig_lock(mig);
	ret = may_set_state(mig, user);
	if (ret) {
		mig_note_state(mig, mig->state, wanted, ret, who(user));
		mig_unlock(mig);
		return ERR_PTR(ret);
	}
	file = NULL;
	while (!IS_ERR(file) && mig->state != wanted) {
		ret = compat_next_state(mig->vdev, mig->state, wanted, &next);
		file = ret ? ERR_PTR(ret) : walk(mig, next, user);
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

/**
 * mig_get_state() - get the migration state
 * @mig: the state
 * @state: receives it
 * @user: receives the interface that has taken the device there
 */
void mig_get_state(struct vfio_pci_migration *mig, enum vfio_device_mig_state *state,
		   enum mig_user *user)
{
	mig_lock(mig);
	*state = mig->state;
	*user = mig->user;
	mig_unlock(mig);
}

static int state_size(struct vfio_pci_migration *mig, u64 *bytes)
{
	int ret;

	/* Said already, and what is refused fails nothing */
	if (mig->stuck)
		return -ETIMEDOUT;
	ret = mig_fw_state_size(mig, bytes);
	if (ret == -ETIMEDOUT)
		mig_timed_out(mig);
	if (ret || (*bytes && *bytes <= mig->caps.max_state))
		return ret;
	mig_err(mig, ": firmware reports an impossible state size of %llu bytes\n", *bytes);
	return -EIO;
}

/**
 * mig_data_size() - estimate the bytes of a stream if the function stopped now
 * @mig: the state
 * @bytes: receives the size of the stream in bytes, or of the rest of it after pre-copy; never
 *	zero
 *
 * Return: 0; -EIO: firmware names an impossible size; or firmware's errno.
 */
int mig_data_size(struct vfio_pci_migration *mig, unsigned long *bytes)
{
	u64 state, records;
	bool upstream;
	size_t piece;
	int ret;

	mig_lock(mig);
	upstream = mig->upstream;
	if (mig->file && mig->file->precopy)
		ret = mig_precopy_left(mig->file, &state);
	else
		ret = state_size(mig, &state);
	mig_unlock(mig);
	if (ret)
		return ret;

	if (upstream) {
		*bytes = sizeof(struct stream_upstream) + state;
		return 0;
	}
	piece = mig->caps.framed ? mig->record : min_t(size_t, mig->caps.chunk, mig->record);
	records = DIV_ROUND_UP_ULL(state, piece) + 1;
	*bytes = sizeof(struct stream_header) + records * sizeof(struct stream_record) +
		 state + sizeof(struct stream_end);
	return 0;
}
