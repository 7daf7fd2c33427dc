// SPDX-License-Identifier: GPL-2.0-only
/*
 * The base of migration: its lock, the state that user space sees, resets, and
 * errors. Sessions are above: they are called by
 * &vfio_pci_migration.sessions.
 *
 * Lock order, outermost first:
 *
 *	vfio core's group_lock and dev_set->lock, device_lock() of the function
 *	mig_v1.lock			one access to the migration region
 *	mig_file.lock			one reader or writer of a migration file
 *	vfio_pci_migration.state_mutex	states, dirty log, firmware operations
 *	vfio_pci_core_device.memory_lock, hidden_range.lock
 *					in vendor operations: hidden_range.c
 *	mig_stats.lock			counters; a spinlock
 *
 * User memory is touched under mig_v1.lock and mig_file.lock only, which no
 * path that resets or closes the device takes: a page fault may need the
 * device's memory_lock, which a reset holds. A reset itself takes none of these
 * locks but those of hidden_range.c, which are held for an access to registers
 * and no longer: it counts, and the next holder of state_mutex applies it. The
 * bitmap of a dirty page report, too, is user memory: it is touched under none
 * of these locks.
 */
#include <linux/slab.h>
#include <linux/vfio.h>

#include "migration.h"
#include "pending.h"

/**
 * mig_err() - log an error of migration
 * @mig: the state
 * @fmt: what follows "migration"
 *
 * A user with an open device can cause each of these lines as often as it
 * likes. The rate is limited for each device, so that one device does not
 * suppress the lines of another. The line has the stored name, since a user may
 * keep a migration file longer than the device exists.
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

/**
 * mig_log_drop() - forget the log without telling firmware
 * @mig: the state, locked or without a user
 */
void mig_log_drop(struct vfio_pci_migration *mig)
{
	kfree(mig->log.ranges);
	mig->log.ranges = NULL;
	pending_drop(&mig->log.dirty_list);
	pending_drop(&mig->log.rest);
	mig_account_log(&mig->stats, 0, 0, 0);
}

static void mig_free(struct kref *kref)
{
	struct vfio_pci_migration *mig =
		container_of(kref, struct vfio_pci_migration, kref);

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

/**
 * mig_fw_stuck_ms() - get how long an operation has not returned
 * @mig: the state, locked; such an operation was called
 *
 * Return: milliseconds.
 */
s64 mig_fw_stuck_ms(const struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	return mig_ms_since(mig->worker.begun);
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

	lockdep_assert_held(&mig->state_mutex);
	/* Pairs with mig_reset_done(): one of the two is seen */
	smp_rmb();
	return now || atomic_read(&mig->resets_pending) != mig->resets_applied;
}

/* An operation that timed out has returned: its session can end */
static void apply_answer(struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->lost && !mig->stuck)
		mig->sessions->end_lost(mig);
}

static void apply_reset(struct vfio_pci_migration *mig)
{
	int seen;

	lockdep_assert_held(&mig->state_mutex);
	seen = atomic_read(&mig->resets_pending);
	if (seen == mig->resets_applied)
		return;
	mig->sessions->detach(mig);
	mig->user = MIG_USER_NONE;
	mig_log_drop(mig);
	mig_account_state(&mig->stats, mig->state, VFIO_DEVICE_STATE_RUNNING, 0,
			  MIG_TRIGGER_RESET);
	WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_RUNNING);
	/* Last: mig_state() looks at the state only if no reset waits */
	smp_store_release(&mig->resets_applied, seen);
	if (atomic_xchg(&mig->reset_raced_suspend, 0))
		mig_fail(mig, "a suspend raced with a reset");
}

static void apply_fw_error(struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	if (!atomic_xchg(&mig->fw_error, 0))
		return;
	mig->sessions->detach(mig);
	mig_log_drop(mig);
	mig_account_state(&mig->stats, mig->state, VFIO_DEVICE_STATE_ERROR, 0,
			  MIG_TRIGGER_ERROR);
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
	apply_fw_error(mig);
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
	mig->sessions->detach(mig);
	mig_log_drop(mig);
	mig_account_state(&mig->stats, mig->state, VFIO_DEVICE_STATE_ERROR, 0,
			  MIG_TRIGGER_ERROR);
	WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_ERROR);
}

/**
 * mig_timed_out() - firmware did not answer an operation that leaves the
 *	function as it is
 * @mig: the state, locked
 *
 * Only the file or the query fails, and the device goes on, unless the
 * operation has not returned.
 */
void mig_timed_out(struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->stuck)
		mig_fail(mig, "an operation has not returned");
}

/**
 * mig_reset_begins() - block arcs until the reset has ended
 * @mig: the state
 *
 * mig_reset_done() follows; between the two the state of the function is
 * unknown. Takes no lock and does not sleep.
 */
void mig_reset_begins(struct vfio_pci_migration *mig)
{
	/* This reset comes after any suspend that raced with an earlier one */
	atomic_set(&mig->reset_raced_suspend, 0);
	/*
	 * Clear it now: this reset may not clear an error that comes during it
	 */
	atomic_set(&mig->fw_error, 0);
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
	atomic_inc(&mig->resets_pending);
	/* Pairs with mig_is_reset() */
	smp_mb__after_atomic();
	atomic_set(&mig->resetting, 0);
	wake_up_all(&mig->wait);
}

/**
 * mig_reset_failed() - record a reset that may have failed
 * @mig: the state
 *
 * In place of mig_reset_done(), or after it: VFIO_DEVICE_STATE_ERROR until a
 * reset that succeeds. Takes no lock and does not sleep.
 */
void mig_reset_failed(struct vfio_pci_migration *mig)
{
	atomic_set(&mig->fw_error, 1);
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
	return atomic_read(&mig->resets_pending);
}

/**
 * mig_fw_error() - record that firmware has failed
 * @mig: the state
 *
 * Takes no lock and does not sleep.
 *
 * Return: true if that is new: the state was not ERROR.
 */
bool mig_fw_error(struct vfio_pci_migration *mig)
{
	bool is_new = mig_state(mig) != VFIO_DEVICE_STATE_ERROR;

	atomic_set(&mig->fw_error, 1);
	wake_up_all(&mig->wait);
	return is_new;
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
 * @setup: how the function is set up, &vfio_pci_use_ops.open
 * @reset: vfio-pci-core has reset the function before, whatever it was left in.
 *	Else it is as the user before has left it
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
		mig_account_state(&mig->stats, mig->state,
				  VFIO_DEVICE_STATE_RUNNING, 0,
				  MIG_TRIGGER_OPEN);
		WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_RUNNING);
	} else if (mig->state != VFIO_DEVICE_STATE_RUNNING) {
		mig_fail(mig, "it was left in %s and could not be reset",
			 mig_state_name(mig->state));
	}
	apply_fw_error(mig);
	mig_unlock(mig);
}

/**
 * mig_closed() - set the state after the user has closed the device
 * @mig: the state
 * @reset: vfio-pci-core has reset the function, so the state of the previous
 *	user is not shown
 *
 * A failure of firmware stays visible until the next user.
 */
void mig_closed(struct vfio_pci_migration *mig, bool reset)
{
	mig_lock(mig);
	if (reset && mig->state != VFIO_DEVICE_STATE_ERROR &&
	    mig->state != VFIO_DEVICE_STATE_RUNNING) {
		mig_account_state(&mig->stats, mig->state,
				  VFIO_DEVICE_STATE_RUNNING, 0,
				  MIG_TRIGGER_RESET);
		WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_RUNNING);
	}
	mig->user = MIG_USER_NONE;
	mig_unlock(mig);
}

/**
 * mig_gone() - detach the state from a function that is unregistered
 * @mig: the state of a device that is not open, or NULL
 *
 * A session that waits for the return of an operation ends now, if that has
 * returned; else firmware is never told of its end: its vendor driver may be
 * gone by then.
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
	if (atomic_read(&mig->fw_error))
		return VFIO_DEVICE_STATE_ERROR;
	/* Pairs with the release in apply_reset() */
	if (atomic_read(&mig->resets_pending) != smp_load_acquire(&mig->resets_applied))
		return VFIO_DEVICE_STATE_RUNNING;
	return READ_ONCE(mig->state);
}

/**
 * mig_get_state() - get the migration state
 * @mig: the state
 * @state: receives it
 * @user: receives the interface that has taken the device there
 */
void mig_get_state(struct vfio_pci_migration *mig,
		   enum vfio_device_mig_state *state, enum mig_user *user)
{
	mig_lock(mig);
	*state = mig->state;
	*user = mig->user;
	mig_unlock(mig);
}
