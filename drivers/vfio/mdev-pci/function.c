// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions: VFs of registered parents, held by a pci_driver of the framework, and parents that
 * are offered as a whole.
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
	struct mdev_pci_function *function = container_of(kref, struct mdev_pci_function, kref);

	mutex_destroy(&function->edev_lock);
	mutex_destroy(&function->fw_lock);
	pci_dev_put(function->fn.pdev);
	mdev_pci_parent_put(function->parent);
	kfree(function);
}

/**
 * mdev_pci_function_unclaim() - release a VF that mdev_pci_parent_claim() has claimed
 * @function: the function; the caller still has the reference
 *
 * Context: under device_lock() of the function: its removal may be looking at the instance.
 */
void mdev_pci_function_unclaim(struct mdev_pci_function *function)
{
	device_lock_assert(&function->fn.pdev->dev);
	mutex_lock(&function->parent->lock);
	function->instance = NULL;
	mutex_unlock(&function->parent->lock);
}

/**
 * mdev_pci_function_set_refused() - mark a function that firmware could not enable
 * @function: the function
 * @number: of the mdev, which has claimed it; 0: it could; or %MDEV_PCI_REFUSED_BY_GROUP
 *
 * The function counts as available no more, and others are tried first. What another mdev has found
 * out before stays.
 */
void mdev_pci_function_set_refused(struct mdev_pci_function *function, u64 number)
{
	mutex_lock(&function->parent->lock);
	if (!number || !function->refused)
		function->refused = number;
	mutex_unlock(&function->parent->lock);
}

/**
 * mdev_pci_function_capture() - reserve a VF for mdev-pci by driver_override
 * @vf: a VF that is not bound
 *
 * Return: 0 or -ENOMEM.
 */
int mdev_pci_function_capture(struct pci_dev *vf)
{
	int ret = compat_set_driver_override(vf, mdev_pci_function_driver.driver.name);

	if (ret)
		pci_err(vf, "could not be reserved for mdev-pci (%pe); bind it by driver_override\n",
			ERR_PTR(ret));
	return ret;
}

/**
 * mdev_pci_function_noun() - name a function for the log: "VF" or "device"
 * @function: the function
 *
 * Return: a word for the log.
 */
const char *mdev_pci_function_noun(const struct mdev_pci_function *function)
{
	return mdev_pci_function_is_whole(function) ? "device" : "VF";
}

/**
 * struct mdev_pci_call - a call that an mdev waits for; each mdev has its own, as another one may
 * claim the function and wait for a call before the first one has read its result
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
	struct mdev_pci_function *function = container_of(work, struct mdev_pci_function, work);
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
	bool going;

	mutex_lock(&parent->lock);
	going = parent->going;
	if (!going) {
		function->call = &c;
		kref_get(&function->kref);
		queue_work(mdev_pci_wq, &function->work);
	}
	mutex_unlock(&parent->lock);
	wait_for_completion(going ? &function->gone : &c.done);
	return c.ret;
}

/**
 * mdev_pci_function_call() - call something under device_lock() of the function
 * @function: a claimed function
 * @call: what to call, with the instance that has claimed it
 *
 * Context: process context, from an mdev's probe and remove; sleeps.
 * Return: what @call returns; or -ESHUTDOWN: it was not called. The function is a whole one and
 * is being unregistered, which has taken it from the instance.
 */
int mdev_pci_function_call(struct mdev_pci_function *function,
			   int (*call)(struct mdev_pci_instance *instance))
{
	struct device *dev = &function->fn.pdev->dev;
	int ret;

	if (mdev_pci_function_is_whole(function))
		return call_by_worker(function, call);
	device_lock(dev);
	ret = call(function->instance);
	device_unlock(dev);
	return ret;
}

/**
 * mdev_pci_function_let_go() - undo mdev_pci_function_capture()
 * @vf: a VF that is not bound to mdev-pci. Another driver_override is kept
 */
void mdev_pci_function_let_go(struct pci_dev *vf)
{
	compat_clear_driver_override(vf, &mdev_pci_function_driver.driver);
}

static void set_limits(struct mdev_pci_limits *limits, const struct mdev_pci_parent_desc *desc,
		       const struct mdev_pci_type *type, struct pci_dev *pdev)
{
	*limits = (struct mdev_pci_limits) {
		.mig_caps = desc->mig_caps,
		.log_caps = desc->log_caps,
	};
	if (!type->mig_ops)
		limits->not_migratable = type->not_migratable ?:
					 "the device's driver gives no reason";
	else if (!vfio_pci_engine_can_reset(pdev))
		limits->not_migratable = "it has no way to be reset, see its reset_method";
}

static int enable(struct mdev_pci_function *function, const struct mdev_pci_type *type,
		  struct mdev_pci_limits *limits)
{
	const struct mdev_pci_parent_desc *desc = function->parent->desc;

	lockdep_assert_held(&function->fw_lock);
	set_limits(limits, desc, type, function->fn.pdev);
	if (type->whole)
		return mdev_pci_whole_give(function->parent, type);
	if (!desc->ops || !desc->ops->enable)
		return 0;
	return vfio_pci_engine_result(&function->fn.pdev->dev, "enable",
				      desc->ops->enable(&function->fn, type, limits));
}

static void disable(struct mdev_pci_function *function, const struct mdev_pci_type *type)
{
	const struct mdev_pci_parent_ops *ops = function->parent->desc->ops;

	lockdep_assert_held(&function->fw_lock);
	if (type->whole)
		mdev_pci_whole_take_back(function->parent, type);
	else if (ops && ops->disable)
		ops->disable(&function->fn);
}

/**
 * mdev_pci_function_enable() - have firmware enable a function for a type
 * @function: a claimed function
 * @type: the type
 * @kept: of an mdev that moves: what was written to its attributes; else NULL
 *
 * From now on PF drivers that ask pci_vfs_assigned() remove no VFs.
 *
 * Context: under device_lock() of the function.
 * Return: 0 or the vendor driver's errno.
 */
int mdev_pci_function_enable(struct mdev_pci_function *function, const struct mdev_pci_type *type,
			     const struct mdev_pci_values *kept)
{
	int ret;

	mutex_lock(&function->fw_lock);
	ret = enable(function, type, &function->limits);
	if (!ret) {
		ret = mdev_pci_attrs_initial(function, type);
		if (!ret && kept)
			ret = mdev_pci_attrs_apply(function, type, kept);
		if (ret)
			disable(function, type);
	}
	if (!ret) {
		function->enabled = type;
		pci_set_dev_assigned(function->fn.pdev);
	}
	mutex_unlock(&function->fw_lock);
	return ret;
}

/**
 * mdev_pci_function_disable() - have firmware disable a function
 * @function: the function
 */
void mdev_pci_function_disable(struct mdev_pci_function *function)
{
	const struct mdev_pci_type *type;

	mutex_lock(&function->fw_lock);
	mdev_pci_attrs_forget(function);
	type = function->enabled;
	function->enabled = NULL;
	disable(function, type);
	pci_clear_dev_assigned(function->fn.pdev);
	mutex_unlock(&function->fw_lock);
}

/**
 * mdev_pci_function_show() - let users open its device
 * @function: an enabled function
 * @edev: the device, which has just been registered
 *
 * Return: 0.
 */
int mdev_pci_function_show(struct mdev_pci_function *function,
			   struct vfio_pci_engine_device *edev)
{
	mutex_lock(&function->fw_lock);
	mutex_lock(&function->edev_lock);
	get_device(vfio_pci_engine_dev(edev));
	function->edev = edev;
	if (function->detached)
		vfio_pci_engine_detach_fw(edev);
	mutex_unlock(&function->edev_lock);
	function->shown = true;
	mutex_unlock(&function->fw_lock);
	return 0;
}

/**
 * mdev_pci_function_hide() - let no more users open its device
 * @function: the function
 * @force: also if one has it open
 *
 * Return: 0; -EBUSY: a user has it open.
 */
int mdev_pci_function_hide(struct mdev_pci_function *function, bool force)
{
	int ret;

	mutex_lock(&function->fw_lock);
	ret = function->in_use ? -EBUSY : 0;
	if (!ret || force)
		function->shown = false;
	mutex_unlock(&function->fw_lock);
	return ret;
}

/**
 * mdev_pci_function_forget() - drop a device that was unregistered and is closed
 * @function: a hidden function
 *
 * Call it only after close: until then a PF driver may detach the function from its last user.
 */
void mdev_pci_function_forget(struct mdev_pci_function *function)
{
	struct vfio_pci_engine_device *edev;

	mutex_lock(&function->edev_lock);
	edev = function->edev;
	function->edev = NULL;
	mutex_unlock(&function->edev_lock);
	put_device(vfio_pci_engine_dev(edev));
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

/**
 * mdev_pci_function_remember() - save a VF's Command register before a PF reset
 * @function: the function
 *
 * The PCI core restores VFs after the reset, but not their Command registers. Without the right
 * value there the user's reset of the VF would restore nothing.
 */
void mdev_pci_function_remember(struct mdev_pci_function *function)
{
	u16 command;

	if (pci_read_config_word(function->fn.pdev, PCI_COMMAND, &command) || command == 0xffff)
		return;
	function->command = command;
}

/**
 * mdev_pci_function_suspend() - disable a function that firmware is about to forget
 * @function: the function; mdev_pci_function_restore() enables it again, as it was set up
 */
void mdev_pci_function_suspend(struct mdev_pci_function *function)
{
	mutex_lock(&function->fw_lock);
	if (function->enabled)
		disable(function, function->enabled);
	mutex_unlock(&function->fw_lock);
}

/**
 * mdev_pci_function_restore() - enable a function again after firmware has lost it
 * @function: the function
 */
void mdev_pci_function_restore(struct mdev_pci_function *function)
{
	struct mdev_pci_limits now;
	int ret = 0;

	mutex_lock(&function->fw_lock);
	if (function->enabled) {
		if (function->command)
			pci_write_config_word(function->fn.pdev, PCI_COMMAND, function->command);
		/* The VFIO device is there already, with the limits of the first time */
		ret = enable(function, function->enabled, &now) ?: mdev_pci_attrs_again(function);
	}
	mutex_unlock(&function->fw_lock);
	if (ret)
		pci_err(function->fn.pdev,
			"could not be enabled again (%pe); remove its mdev\n", ERR_PTR(ret));
}

static struct mdev_pci_function *function_alloc(struct pci_dev *pdev,
						struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function = kzalloc(sizeof(*function), GFP_KERNEL);

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
	if (!mdev_pci_function_is_whole(function))
		function->fn.id = pci_iov_vf_id(pdev);
	return function;
}

/**
 * mdev_pci_function_add() - make a PCI function one that mdevs can claim
 * @pdev: a bound VF, or the parent itself
 * @parent: the parent; the reference to it is the function's, or dropped on error
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

static struct mdev_pci_function *whole_function(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	mutex_lock(&parent->lock);
	function = parent->self;
	mutex_unlock(&parent->lock);
	return function;
}

/**
 * mdev_pci_function_del() - undo mdev_pci_function_add(), for a parent that is offered as a whole
 * @parent: the parent, which is being unregistered: no claims and calls come any more
 *
 * Its mdev is detached from the function. Waiters of mdev_pci_function_call() wake up only after
 * that, since the instance is accessed until then.
 *
 * Context: process context, under device_lock() of the function; blocks until the user has closed
 * it.
 */
void mdev_pci_function_del(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function = whole_function(parent);
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
	if (!parent || parent->whole) {
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
 * Driver data belongs to the engine, and an idle function has none. One that
 * mdev_pci_function_retire() was called for is not there. No mdev claims the function from now on.
 */
static struct mdev_pci_function *mark_dead(struct mdev_pci_parent *parent, struct pci_dev *vf)
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

static bool retire(struct mdev_pci_parent *parent, struct pci_dev *pdev)
{
	struct mdev_pci_function *function;
	bool claimed;

	mutex_lock(&parent->lock);
	function = find_function(parent, pdev);
	claimed = function && function->instance;
	/* A whole parent's is taken out when that is unregistered */
	if (function && !claimed && !mdev_pci_function_is_whole(function))
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
 * mdev_pci_function_retire() - stop claims of a function that will be unbound
 * @pdev: any PCI function
 *
 * Context: process context; sleeps. Takes device_lock() of the function.
 * Return: false: an mdev has claimed it, and nothing was done.
 */
bool mdev_pci_function_retire(struct pci_dev *pdev)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pci_physfn(pdev));
	bool ret;

	if (!parent)
		return true;
	device_lock(&pdev->dev);
	ret = retire(parent, pdev);
	device_unlock(&pdev->dev);
	mdev_pci_parent_put(parent);
	return ret;
}

/*
 * While its user is waited for, the function is still in the list: it counts as claimed, and SR-IOV
 * is not disabled, which would wait for the same user with device_lock() of the PF held.
 */
static void remove_from(struct mdev_pci_parent *parent, struct pci_dev *vf)
{
	struct mdev_pci_function *function = mark_dead(parent, vf);

	device_lock_assert(&vf->dev);
	if (!function)
		return;
	/* That lock keeps the instance alive */
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

/* No ID table: only driver_override binds a function to this driver, and it has no alias */
struct pci_driver mdev_pci_function_driver = {
	.name = "mdev-pci",
	.probe = function_probe,
	.remove = function_remove,
	.err_handler = &vfio_pci_engine_err_handlers,
	.driver_managed_dma = true,
};
