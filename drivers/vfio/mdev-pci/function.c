// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions: VFs of registered parents, held by a pci_driver of the framework,
 * and parents that are offered as a whole.
 */
#include <linux/slab.h>

#include "../pci/compat.h"
#include "mdev-pci.h"

/* The module's own workqueue, so that its exit can wait for the last work */
struct workqueue_struct *mdev_pci_wq;

/**
 * mdev_pci_functions_init() - create the workqueue of mdev_pci_function_call()
 *
 * Return: 0 or -ENOMEM.
 */
int mdev_pci_functions_init(void)
{
	/* A call that waits for a user must not block other calls */
	mdev_pci_wq = alloc_workqueue("mdev-pci", WQ_UNBOUND, 0);
	return mdev_pci_wq ? 0 : -ENOMEM;
}

/**
 * mdev_pci_functions_exit() - destroy the workqueue of mdev_pci_function_call()
 */
void mdev_pci_functions_exit(void)
{
	destroy_workqueue(mdev_pci_wq);
}

static void function_free(struct kref *kref)
{
	struct mdev_pci_function *function =
		container_of(kref, struct mdev_pci_function, kref);

	mutex_destroy(&function->edev_lock);
	mutex_destroy(&function->fw_lock);
	pci_dev_put(function->fn.pdev);
	mdev_pci_parent_put(function->parent);
	kfree(function);
}

/**
 * mdev_pci_function_override_set() - reserve a VF for mdev-pci by
 *	driver_override
 * @vf: a VF that is not bound
 *
 * Return: 0 or -ENOMEM.
 */
int mdev_pci_function_override_set(struct pci_dev *vf)
{
	int ret = compat_set_driver_override(vf, mdev_pci_function_driver.driver.name);

	if (ret)
		pci_err(vf, "could not be reserved for mdev-pci (%pe); bind it by driver_override\n",
			ERR_PTR(ret));
	return ret;
}

/**
 * struct mdev_pci_call - a call that an mdev waits for; each mdev has its own,
 *	as another one may
 * claim the function and wait for a call before the first one has read its
 * result
 * @call: what is called
 * @ret: what it has returned
 * @done: it has returned, or never will be called
 */
struct mdev_pci_call {
	int (*call)(struct mdev_pci_instance *instance);
	int ret;
	struct completion done;
};

static struct mdev_pci_call *take_call(struct mdev_pci_function *function)
{
	struct mdev_pci_call *c;

	mutex_lock(&function->parent->lock);
	c = function->call;
	function->call = NULL;
	mutex_unlock(&function->parent->lock);
	return c;
}

static void work_on_call(struct work_struct *work)
{
	struct mdev_pci_function *function =
		container_of(work, struct mdev_pci_function, work);
	struct mdev_pci_call *c;

	device_lock(&function->fn.pdev->dev);
	c = take_call(function);
	/* No call: unregistration has made it while it held the lock */
	if (c)
		c->ret = c->call(function->instance);
	device_unlock(&function->fn.pdev->dev);
	if (c)
		complete(&c->done);
	mdev_pci_function_put(function);
}

static int call_by_worker(struct mdev_pci_function *function,
			  int (*call)(struct mdev_pci_instance *instance))
{
	struct mdev_pci_parent *parent = function->parent;
	struct mdev_pci_call c = {
		.call = call,
		.ret = -ESHUTDOWN,
		.done = COMPLETION_INITIALIZER_ONSTACK(c.done),
	};
	bool unregistering;

	mutex_lock(&parent->lock);
	unregistering = parent->unregistering;
	if (!unregistering) {
		function->call = &c;
		kref_get(&function->kref);
		queue_work(mdev_pci_wq, &function->work);
	}
	mutex_unlock(&parent->lock);
	wait_for_completion(unregistering ? &function->gone : &c.done);
	return c.ret;
}

/**
 * mdev_pci_function_call() - call something under device_lock() of the function
 * @function: a claimed function
 * @call: what to call, with the instance that has claimed it
 *
 * Context: process context, from an mdev's probe and remove; sleeps.
 * Return: what @call returns; or -ESHUTDOWN: it was not called. The function is
 * its own parent, and is being unregistered, which has taken it from the
 * instance.
 */
int mdev_pci_function_call(struct mdev_pci_function *function,
			   int (*call)(struct mdev_pci_instance *instance))
{
	struct device *dev = &function->fn.pdev->dev;
	int ret;

	if (mdev_pci_function_is_pf(function))
		return call_by_worker(function, call);
	device_lock(dev);
	ret = call(function->instance);
	device_unlock(dev);
	return ret;
}

/**
 * mdev_pci_function_override_clear() - undo mdev_pci_function_override_set()
 * @vf: a VF that is not bound to mdev-pci. Another driver_override is kept
 */
void mdev_pci_function_override_clear(struct pci_dev *vf)
{
	compat_clear_driver_override(vf, &mdev_pci_function_driver.driver);
}

static struct mdev_pci_function *to_function(struct vfio_pci_fn *fn)
{
	return container_of(fn, struct mdev_pci_function, fn);
}

void mdev_pci_function_error(struct vfio_pci_fn *fn, const char *why)
{
	struct mdev_pci_function *function = to_function(fn);

	mutex_lock(&function->parent->lock);
	if (function->instance)
		function->instance->ops->error(function->instance, why);
	mutex_unlock(&function->parent->lock);
}
EXPORT_SYMBOL_GPL(mdev_pci_function_error);

void mdev_pci_function_detach(struct vfio_pci_fn *fn)
{
	struct mdev_pci_function *function = to_function(fn);

	mutex_lock(&function->edev_lock);
	function->detached = true;
	if (function->edev)
		vfio_pci_engine_detach_fw(function->edev);
	mutex_unlock(&function->edev_lock);
}
EXPORT_SYMBOL_GPL(mdev_pci_function_detach);

void mdev_pci_function_attach(struct vfio_pci_fn *fn)
{
	struct mdev_pci_function *function = to_function(fn);

	mutex_lock(&function->edev_lock);
	function->detached = false;
	if (function->edev)
		vfio_pci_engine_attach_fw(function->edev);
	mutex_unlock(&function->edev_lock);
}
EXPORT_SYMBOL_GPL(mdev_pci_function_attach);

static struct mdev_pci_function *function_alloc(struct pci_dev *pdev,
						struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function =
		kzalloc(sizeof(*function), GFP_KERNEL);

	if (!function)
		return NULL;
	kref_init(&function->kref);
	function->free = function_free;
	mutex_init(&function->fw_lock);
	mutex_init(&function->edev_lock);
	INIT_WORK(&function->work, work_on_call);
	init_completion(&function->gone);
	function->parent = parent;
	function->fn.pf = parent->pf;
	function->fn.pdev = pci_dev_get(pdev);
	if (!mdev_pci_function_is_pf(function))
		function->fn.id = pci_iov_vf_id(pdev);
	return function;
}

/**
 * mdev_pci_function_add() - make a PCI function one that mdevs can claim
 * @pdev: a bound VF, or the parent itself
 * @parent: the parent; the reference to it is the function's, or dropped on
 *	error
 *
 * Return: 0, -ENOMEM, or -ENODEV if the parent is being unregistered.
 */
int mdev_pci_function_add(struct pci_dev *pdev, struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function = function_alloc(pdev, parent);

	if (!function) {
		mdev_pci_parent_put(parent);
		return -ENOMEM;
	}
	if (mdev_pci_parent_add(parent, function))
		return 0;
	mdev_pci_function_put(function);
	return -ENODEV;
}

static struct mdev_pci_function *parent_self(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	mutex_lock(&parent->lock);
	function = parent->self;
	mutex_unlock(&parent->lock);
	return function;
}

/**
 * mdev_pci_function_del() - undo mdev_pci_function_add(), for a parent that is
 *	offered itself
 * @parent: the parent, which is being unregistered: no claims and calls come
 *	any more
 *
 * Its mdev is detached from the function. Waiters of mdev_pci_function_call()
 * wake up only after that, since the instance is accessed until then.
 *
 * Context: process context, under device_lock() of the function; blocks until
 * the user has closed it.
 */
void mdev_pci_function_del(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function = parent_self(parent);
	struct mdev_pci_call *c = take_call(function);

	vfio_pci_engine_assert_locked(&function->fn.pdev->dev);
	if (function->instance)
		function->instance->ops->release(function->instance);
	mutex_lock(&parent->lock);
	parent->self = NULL;
	mutex_unlock(&parent->lock);
	if (c)
		complete(&c->done);
	complete_all(&function->gone);
	mdev_pci_function_put(function);
}

static int function_probe(struct pci_dev *vf, const struct pci_device_id *id)
{
	struct mdev_pci_parent *parent = NULL;
	int ret;

	if (vf->is_virtfn)
		parent = mdev_pci_parent_find(pci_physfn(vf));
	if (!parent || parent->function_only) {
		pci_err(vf, "is not a VF of an mdev-pci parent; clear its driver_override\n");
		if (parent)
			mdev_pci_parent_put(parent);
		return -ENODEV;
	}
	ret = mdev_pci_function_add(vf, parent);
	if (ret == -ENODEV)
		pci_err(vf, "the PF is no mdev-pci parent any more; clear the VF's driver_override\n");
	if (!ret)
		pci_info(vf, "is VF %d of mdev parent %s\n", pci_iov_vf_id(vf),
			 pci_name(pci_physfn(vf)));
	return ret;
}

static struct mdev_pci_function *find_function(struct mdev_pci_parent *parent,
					       struct pci_dev *pdev)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	if (pdev == parent->pf)
		return parent->self;
	list_for_each_entry(function, &parent->functions, node) {
		if (function->fn.pdev == pdev)
			return function;
	}
	return NULL;
}

/*
 * Driver data belongs to the engine, and an idle function has none. A function
 * whose claims mdev_pci_function_stop_claims() has ended is not in the list. No
 * mdev claims it from now on.
 */
static struct mdev_pci_function *mark_dead(struct mdev_pci_parent *parent,
					   struct pci_dev *vf)
{
	struct mdev_pci_function *found;

	mutex_lock(&parent->lock);
	found = find_function(parent, vf);
	if (found)
		WRITE_ONCE(found->dead, true);
	mutex_unlock(&parent->lock);
	return found;
}

/**
 * mdev_pci_function_user() - name the mdev that has claimed a function
 * @pdev: any PCI function
 * @name: set to the mdev's UUID
 * @size: bytes there
 *
 * Return: false: none.
 */
bool mdev_pci_function_user(struct pci_dev *pdev, char *name, size_t size)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pci_physfn(pdev));
	struct mdev_pci_function *function;
	bool ret = false;

	if (!parent)
		return false;
	mutex_lock(&parent->lock);
	function = find_function(parent, pdev);
	if (function && function->instance) {
		strscpy(name, dev_name(&function->instance->mdev->dev), size);
		ret = true;
	}
	mutex_unlock(&parent->lock);
	mdev_pci_parent_put(parent);
	return ret;
}

static bool stop_claims(struct mdev_pci_parent *parent, struct pci_dev *pdev)
{
	struct mdev_pci_function *function;
	bool claimed;

	mutex_lock(&parent->lock);
	function = find_function(parent, pdev);
	claimed = function && function->instance;
	/* If it is its own parent: unregistration takes it out */
	if (function && !claimed && !mdev_pci_function_is_pf(function))
		list_del(&function->node);
	else
		function = NULL;
	mutex_unlock(&parent->lock);
	if (function) {
		WRITE_ONCE(function->dead, true);
		mdev_pci_function_put(function);
	}
	return !claimed;
}

/**
 * mdev_pci_function_stop_claims() - stop claims of a function that will be
 *	unbound
 * @pdev: any PCI function
 *
 * Context: process context; sleeps. Takes device_lock() of the function.
 * Return: false: an mdev has claimed it, and nothing was done.
 */
bool mdev_pci_function_stop_claims(struct pci_dev *pdev)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pci_physfn(pdev));
	bool ret;

	if (!parent)
		return true;
	device_lock(&pdev->dev);
	ret = stop_claims(parent, pdev);
	device_unlock(&pdev->dev);
	mdev_pci_parent_put(parent);
	return ret;
}

/*
 * While its user is waited for, the function is still in the list: it counts as
 * claimed, and SR-IOV is not disabled, which would wait for the same user with
 * device_lock() of the PF held.
 */
static void remove_from(struct mdev_pci_parent *parent, struct pci_dev *vf)
{
	struct mdev_pci_function *function = mark_dead(parent, vf);

	device_lock_assert(&vf->dev);
	if (!function)
		return;
	/* parent->lock keeps the instance alive */
	if (function->instance)
		function->instance->ops->detach(function->instance, function);
	mutex_lock(&parent->lock);
	list_del(&function->node);
	mutex_unlock(&parent->lock);
	mdev_pci_function_put(function);
}

static void function_remove(struct pci_dev *vf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pci_physfn(vf));

	if (!parent)
		return;
	remove_from(parent, vf);
	mdev_pci_parent_put(parent);
}

/*
 * No ID table: only driver_override binds a function to this driver, and it has
 * no alias
 */
struct pci_driver mdev_pci_function_driver = {
	.name = "mdev-pci",
	.probe = function_probe,
	.remove = function_remove,
	.err_handler = &vfio_pci_engine_err_handlers,
	.driver_managed_dma = true,
};
