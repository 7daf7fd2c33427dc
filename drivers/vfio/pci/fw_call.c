// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls vendor operations: directly, or in a worker if they may never return.
 *
 * A worker has references to all that it touches: the migration state, with the
 * copy of struct vfio_pci_fn that the operations get, both functions, and the
 * module that they are in. So a call that has not returned in time is left to
 * itself. Until it returns no other operation of the function is called, and a
 * session that it belongs to is lost: its buffers stay.
 */
#include <linux/mutex.h>
#include <linux/module.h>

#include "fw_call.h"
#include "migration.h"

/*
 * Either the operation or its waiter leaves FW_CALLED; the other one sees that
 */
enum fw_state { FW_CALLED, FW_RETURNED, FW_GIVEN_UP };

static DEFINE_MUTEX(workers_lock);
static struct workqueue_struct *workers;

/* An operation returns after its waiter has given up */
static void returned_late(struct vfio_pci_migration *mig)
{
	struct mig_file *lost = NULL;

	mutex_lock(&mig->state_mutex);
	pr_info("%s: migration: operation %s has returned after %lld ms\n", mig->log_name,
		mig_op_name(mig->worker.call.op), mig_fw_stuck_ms(mig));
	mig->stuck = false;
	/*
	 * The next one to look at the function ends the session, with a limit
	 * of time
	 */
	if (mig->gone)
		swap(mig->lost, lost);
	mutex_unlock(&mig->state_mutex);
	if (lost)
		mig->sessions->put(lost);
}

static void fw_work(struct work_struct *work)
{
	struct mig_fw_worker *w =
		container_of(work, struct mig_fw_worker, work);
	struct vfio_pci_migration *mig =
		container_of(w, struct vfio_pci_migration, worker);

	w->ret = w->call.run(mig, &w->call);
	if (atomic_cmpxchg(&w->state, FW_CALLED, FW_RETURNED) == FW_GIVEN_UP)
		returned_late(mig);
	else
		complete(&w->done);
	module_put(mig->owner);
	/* With @w; the module of this function waits in mig_fw_worker_exit() */
	mig_put(mig);
}

/**
 * mig_fw_worker_init() - prepare a worker for unbounded operations
 * @mig: its state, in the making
 *
 * Return: 0 or -ENOMEM.
 */
int mig_fw_worker_init(struct vfio_pci_migration *mig)
{
	INIT_WORK(&mig->worker.work, fw_work);
	init_completion(&mig->worker.done);
	mutex_lock(&workers_lock);
	if (!workers)
		workers = alloc_workqueue("vfio-pci-engine", WQ_UNBOUND, 0);
	mutex_unlock(&workers_lock);
	return workers ? 0 : -ENOMEM;
}

/**
 * mig_fw_worker_exit() - destroy the worker when the engine is unloaded
 */
void mig_fw_worker_exit(void)
{
	if (workers)
		destroy_workqueue(workers);
	workers = NULL;
}

static int call_worker(struct vfio_pci_migration *mig, struct mig_call *call)
{
	unsigned long timeout = msecs_to_jiffies(mig->caps.timeout_ms);
	struct mig_fw_worker *w = &mig->worker;

	lockdep_assert_held(&mig->state_mutex);
	w->call = *call;
	w->begun = ktime_get();
	atomic_set(&w->state, FW_CALLED);
	reinit_completion(&w->done);
	mig_get(mig);
	__module_get(mig->owner);
	queue_work(workers, &w->work);
	if (!wait_for_completion_timeout(&w->done, timeout)) {
		if (atomic_cmpxchg(&w->state, FW_CALLED, FW_GIVEN_UP) == FW_CALLED) {
			mig->stuck = true;
			return -ETIMEDOUT;
		}
		/* It returned between the time-out and the exchange */
		wait_for_completion(&w->done);
	}
	*call = w->call;
	return w->ret;
}

/**
 * mig_fw_call() - call a vendor operation
 * @mig: the state, locked
 * @call: the operation and its arguments; receives its other results
 *
 * Return: its result, not checked; -ETIMEDOUT: it has not returned, or one
 * before it has not; -ENODEV: firmware does not have the function now.
 */
int mig_fw_call(struct vfio_pci_migration *mig, struct mig_call *call)
{
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = mig_fw_check(mig, call->op);
	if (ret)
		return ret;
	return mig->caps.unbounded ? call_worker(mig, call) :
				     call->run(mig, call);
}

/**
 * mig_fw_check() - check whether operations may be called
 * @mig: the state, locked
 * @op: which is about to be called
 *
 * Return: 0, or -ETIMEDOUT or -ENODEV as mig_fw_call().
 */
int mig_fw_check(struct vfio_pci_migration *mig, enum mig_op op)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->stuck)
		return -ETIMEDOUT;
	if (!mig->fw_detached)
		return 0;
	mig_err(mig, ": operation %s is refused: the PF driver has detached the function; try again later\n",
		mig_op_name(op));
	return -ENODEV;
}
