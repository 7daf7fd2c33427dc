// SPDX-License-Identifier: GPL-2.0-only
/*
 * Assigns a claimed function to the users of an mdev, and reclaims it: firmware
 * enables the function, the engine registers its vfio_device, and the mdev's
 * directory gets the links by which users find that. Also what a PF reset and
 * system sleep do to an assigned function.
 */
#include <linux/iommu.h>
#include <linux/kernfs.h>
#include <linux/lockdep.h>
#include <linux/sysfs.h>

#include "mdev-pci.h"

static void set_limits(struct mdev_pci_limits *limits,
		       const struct mdev_pci_parent_desc *desc,
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

static int fw_enable(struct mdev_pci_function *function,
		     const struct mdev_pci_type *type,
		     struct mdev_pci_limits *limits)
{
	const struct mdev_pci_parent_desc *desc = function->parent->desc;

	lockdep_assert_held(&function->fw_lock);
	set_limits(limits, desc, type, function->fn.pdev);
	if (type->pf_ops)
		return mdev_pci_pf_assign(function->parent, type);
	if (!desc->ops || !desc->ops->enable)
		return 0;
	return vfio_pci_engine_result(&function->fn.pdev->dev, "enable",
				      desc->ops->enable(&function->fn, type, limits));
}

static void fw_disable(struct mdev_pci_function *function,
		       const struct mdev_pci_type *type)
{
	const struct mdev_pci_parent_ops *ops = function->parent->desc->ops;

	lockdep_assert_held(&function->fw_lock);
	if (type->pf_ops)
		mdev_pci_pf_reclaim(function->parent, type);
	else if (ops && ops->disable)
		ops->disable(&function->fn);
}

/*
 * Have firmware enable a claimed function for a type. @kept is what was written
 * to the attributes of an mdev that moves. From now on PF drivers that ask
 * pci_vfs_assigned() remove no VFs.
 */
static int function_enable(struct mdev_pci_function *function,
			   const struct mdev_pci_type *type,
			   const struct mdev_pci_values *kept)
{
	int ret;

	mutex_lock(&function->fw_lock);
	ret = fw_enable(function, type, &function->limits);
	if (!ret) {
		ret = mdev_pci_attrs_default(function, type);
		if (!ret && kept)
			ret = mdev_pci_attrs_apply(function, type, kept);
		if (ret)
			fw_disable(function, type);
	}
	if (!ret) {
		function->enabled = type;
		pci_set_dev_assigned(function->fn.pdev);
	}
	mutex_unlock(&function->fw_lock);
	return ret;
}

static void function_disable(struct mdev_pci_function *function)
{
	const struct mdev_pci_type *type;

	mutex_lock(&function->fw_lock);
	if (!function->suspended)
		mdev_pci_attrs_forget(function);
	type = function->enabled;
	function->enabled = NULL;
	if (!function->suspended)
		fw_disable(function, type);
	function->suspended = false;
	pci_clear_dev_assigned(function->fn.pdev);
	mutex_unlock(&function->fw_lock);
}

/* Let users open the device, which has just been registered */
static void show_device(struct mdev_pci_function *function,
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

/*
 * Drop a device that was unregistered and is closed. Until it is closed the PF
 * driver may detach the function from its last user.
 */
static void forget_device(struct mdev_pci_function *function)
{
	struct vfio_pci_engine_device *edev;

	mutex_lock(&function->edev_lock);
	edev = function->edev;
	function->edev = NULL;
	mutex_unlock(&function->edev_lock);
	put_device(vfio_pci_engine_dev(edev));
}

/**
 * mdev_pci_function_remember() - save a VF's Command register before a PF reset
 * @function: the function
 *
 * The PCI core restores VFs after the reset, but not their Command registers.
 * Without the right value there the user's reset of the VF would restore
 * nothing.
 */
void mdev_pci_function_remember(struct mdev_pci_function *function)
{
	u16 command;

	if (pci_read_config_word(function->fn.pdev, PCI_COMMAND, &command) ||
	    command == 0xffff)
		return;
	function->command = command;
}

/**
 * mdev_pci_function_suspend() - disable a function that firmware is about to
 *	forget
 * @function: the function; mdev_pci_function_restore() enables it again, as it
 *	was set up
 */
void mdev_pci_function_suspend(struct mdev_pci_function *function)
{
	mutex_lock(&function->fw_lock);
	if (function->enabled && !function->suspended) {
		fw_disable(function, function->enabled);
		function->suspended = true;
	}
	mutex_unlock(&function->fw_lock);
}

/**
 * mdev_pci_function_restore() - enable a function again after firmware has lost
 *	it
 * @function: the function
 */
void mdev_pci_function_restore(struct mdev_pci_function *function)
{
	struct mdev_pci_limits now;
	int ret = 0;

	mutex_lock(&function->fw_lock);
	if (function->enabled) {
		if (function->command)
			pci_write_config_word(function->fn.pdev, PCI_COMMAND,
					      function->command);
		/*
		 * The VFIO device is there already, with the limits of the
		 * first time
		 */
		ret = fw_enable(function, function->enabled, &now);
		if (!ret) {
			function->suspended = false;
			ret = mdev_pci_attrs_again(function);
		}
	}
	mutex_unlock(&function->fw_lock);
	if (ret)
		pci_err(function->fn.pdev,
			"could not be enabled again (%pe); remove its mdev\n", ERR_PTR(ret));
}

/*
 * Check, when an mdev could not be created on this VF, whether another VF may
 * do. None may if firmware does not answer or has no resources left.
 */
static bool try_another(struct mdev_pci_instance *instance, int err)
{
	struct mdev_pci_parent *parent = instance->function->parent;

	if (err == -ETIMEDOUT || err == -ENOSPC || err == -ENOMEM)
		return false;
	if (mdev_pci_type_is_pf(parent, instance->type))
		return false;
	mdev_pci_function_set_refused(instance->function, instance->number);
	instance->may_try_another =
		!instance->moving &&
		mdev_pci_parent_has_another(parent, instance);
	return instance->may_try_another;
}

/* For the log */
static const char *verdict(struct mdev_pci_instance *instance, int err)
{
	return try_another(instance, err) ? "tries another VF" : "refused";
}

/*
 * The kernel's names are bounded: 40 of the type, 16 would do for any PCI
 * driver's
 */
static int stream_type(const struct mdev_pci_instance *instance, char *buf,
		       size_t size)
{
	struct pci_dev *pf = instance->function->fn.pf;
	int n = snprintf(buf, size, "%s-%s", dev_driver_string(&pf->dev), instance->type->name);

	if (n < size)
		return 0;
	pci_err(pf, "the name of type %s is too long\n", instance->type->name);
	return -ENAMETOOLONG;
}

static int make_device(struct mdev_pci_instance *instance)
{
	struct mdev_pci_function *function = instance->function;
	const struct mdev_pci_parent_desc *parent = function->parent->desc;
	const struct mdev_pci_limits *limits = &function->limits;
	struct vfio_pci_engine_device *edev;
	char type[64];
	struct vfio_pci_engine_desc desc = {
		.fn = &function->fn,
		.owner = parent->owner,
		.alias = dev_name(&instance->mdev->dev),
		.type = type,
		.mig_caps = &limits->mig_caps,
		.log_caps = &limits->log_caps,
		.use_ops = &mdev_pci_use_ops,
		.hidden_range = instance->type->hidden_range,
		.nvlink2 = instance->type->nvlink2,
		.keep_driver_pm = instance->type->pf_ops,
		.watch = parent->external_pf_driver,
	};
	int ret;

	device_lock_assert(&instance->function->fn.pdev->dev);
	ret = stream_type(instance, type, sizeof(type));
	if (ret)
		return ret;
	if (!limits->not_migratable) {
		desc.mig_ops = instance->type->mig_ops;
		desc.log_ops = instance->type->log_ops;
	} else if (instance->type->mig_ops) {
		pci_warn(function->fn.pdev, "mdev %s will not migrate: %s\n", desc.alias,
			 limits->not_migratable);
	}
	edev = vfio_pci_engine_register(&desc);
	if (IS_ERR(edev)) {
		pci_err(function->fn.pdev, "mdev %s refused: its VFIO device could not be registered (%pe)\n",
			desc.alias, edev);
		return PTR_ERR(edev);
	}
	vfio_pci_engine_set_upstream(edev, instance->upstream);
	mutex_lock(&instance->lock);
	instance->edev = edev;
	mutex_unlock(&instance->lock);
	show_device(function, edev);
	return 0;
}

static void unmake_device(struct mdev_pci_instance *instance)
{
	struct vfio_pci_engine_device *edev = instance->edev;

	device_lock_assert(&instance->function->fn.pdev->dev);
	mutex_lock(&instance->lock);
	instance->edev = NULL;
	mutex_unlock(&instance->lock);
	if (mdev_pci_function_hide(instance->function, true))
		pci_warn(instance->function->fn.pdev,
			 "mdev %s is open: waiting until its user has closed it; stop the guest or program that has it\n",
			 dev_name(&instance->mdev->dev));
	/* Blocks until the user has closed it */
	vfio_pci_engine_unregister(edev);
	forget_device(instance->function);
}

static int check_group(struct mdev_pci_instance *instance)
{
	struct pci_dev *pdev = instance->function->fn.pdev;
	struct device *owner = mdev_pci_group_owner(pdev);

	device_lock_assert(&instance->function->fn.pdev->dev);
	if (!owner)
		return 0;
	mdev_pci_function_set_refused(instance->function,
				      MDEV_PCI_REFUSED_BY_GROUP);
	pci_err(pdev,
		"mdev %s %s: the VF shares its IOMMU group with %s, which has a driver: the platform does not isolate them (no ACS); put the card into another slot, or unbind that driver\n",
		dev_name(&instance->mdev->dev), verdict(instance, -EPERM),
		dev_name(owner));
	put_device(owner);
	return -EPERM;
}

static int check_function(struct mdev_pci_instance *instance)
{
	struct pci_dev *pdev = instance->function->fn.pdev;
	const char *name = dev_name(&instance->mdev->dev);
	struct device *neighbour;

	device_lock_assert(&instance->function->fn.pdev->dev);
	if (instance->function->dead) {
		pci_err(pdev, "mdev %s %s: the VF was just removed; try again\n", name,
			verdict(instance, -EAGAIN));
		return -EAGAIN;
	}
	if (!device_iommu_mapped(&pdev->dev)) {
		pci_err(pdev, "mdev %s refused: the %s has no IOMMU; enable the IOMMU in the firmware setup and on the kernel command line\n",
			name, mdev_pci_function_type_str(instance->function));
		return -EOPNOTSUPP;
	}
	if (!instance->type->pf_ops)
		return check_group(instance);
	neighbour = mdev_pci_pf_neighbour(pdev);
	if (neighbour) {
		pci_err(pdev, "mdev %s refused: the device shares its IOMMU group with %s; bind both to vfio-pci\n",
			name, dev_name(neighbour));
		put_device(neighbour);
		return -EPERM;
	}
	return 0;
}

static int enable_function(struct mdev_pci_instance *instance,
			   const struct mdev_pci_values *kept)
{
	struct mdev_pci_function *function = instance->function;
	const char *name = dev_name(&instance->mdev->dev);
	int ret;

	device_lock_assert(&instance->function->fn.pdev->dev);
	ret = function_enable(function, instance->type, kept);
	if (!ret)
		return 0;
	if (instance->type->pf_ops)
		pci_err(function->fn.pdev,
			"mdev %s refused: its driver could not release the device (%pe)\n",
			name, ERR_PTR(ret));
	else
		pci_err(function->fn.pdev,
			"mdev %s %s: firmware could not enable the %s as %s (%pe)\n",
			name, verdict(instance, ret),
			mdev_pci_function_type_str(function),
			instance->type->name, ERR_PTR(ret));
	return ret;
}

/*
 * Users take the last component of the link's target for the group's number, so
 * it must point at the group, not at the function's link to it. The group's
 * kobject is private to the IOMMU layer; the link knows it
 * (docs/kernel-internals.rst).
 */
static struct kobject *group_kobj(struct pci_dev *pdev)
{
	struct kernfs_node *kn;
	struct kobject *kobj = NULL;

	/*
	 * Its directory may be gone: a function that leaves the bus still has
	 * its driver
	 */
	kn = pdev->dev.kobj.sd ? kernfs_find_and_get(pdev->dev.kobj.sd, "iommu_group") : NULL;
	if (kn && kernfs_type(kn) == KERNFS_LINK)
		kobj = kn->symlink.target_kn->priv;
	kernfs_put(kn);
	return kobj;
}

/*
 * iommu_group and vfio-dev: QEMU and libvirt find the function's VFIO group by
 * the one, its VFIO device node by the other.
 */
static int add_links(struct mdev_pci_instance *instance)
{
	struct kobject *mdev = &instance->mdev->dev.kobj;
	struct kobject *group = group_kobj(instance->function->fn.pdev);
	int ret;

	if (!group)
		return -ENODEV;
	ret = sysfs_create_link(mdev, group, "iommu_group");
	if (ret)
		return ret;
	ret = sysfs_create_link(mdev, vfio_pci_engine_dev(instance->edev)->kobj.parent,
				"vfio-dev");
	if (ret)
		sysfs_remove_link(mdev, "iommu_group");
	return ret;
}

static void remove_links(struct mdev_pci_instance *instance)
{
	sysfs_remove_link(&instance->mdev->dev.kobj, "vfio-dev");
	sysfs_remove_link(&instance->mdev->dev.kobj, "iommu_group");
}

/*
 * The driver core exempts device_lock() from lockdep. While an mdev has a
 * function, that function's lock has a class of its own, so that lockdep checks
 * the order at the top of mdev-pci.h. There is one class for each number on a
 * bus: the PCI core may lock all functions of a bus at once. A PF whose driver
 * releases it keeps the class that its driver has given it.
 */
static struct lock_class_key function_locks[U8_MAX + 1];

static bool has_own_class(const struct mdev_pci_function *function)
{
	return !mdev_pci_function_is_pf(function) ||
	       function->parent->function_only;
}

static void set_lock_class(struct mdev_pci_function *function)
{
	struct pci_dev *pdev = function->fn.pdev;

	device_lock_assert(&pdev->dev);
	if (has_own_class(function))
		device_lock_set_class(&pdev->dev, &function_locks[pdev->devfn]);
}

static void reset_lock_class(struct mdev_pci_function *function)
{
	device_lock_assert(&function->fn.pdev->dev);
	if (has_own_class(function))
		device_lock_reset_class(&function->fn.pdev->dev);
}

/**
 * mdev_pci_assign() - assign the claimed function to the mdev's users
 * @instance: the mdev
 * @kept: of an mdev that moves: what was written to its attributes; else NULL
 *
 * Context: under device_lock() of the function; sleeps.
 * Return: 0; or, with a line in the log: -EAGAIN: the function is being
 * unbound; -EOPNOTSUPP: there is no IOMMU; -EPERM: another device in its IOMMU
 * group has a driver; the vendor driver's errno; or an errno of
 * vfio_pci_engine_register() or of sysfs.
 */
int mdev_pci_assign(struct mdev_pci_instance *instance,
		    const struct mdev_pci_values *kept)
{
	struct mdev_pci_function *function = instance->function;
	int ret;

	set_lock_class(function);
	ret = check_function(instance) ?: enable_function(instance, kept);
	if (ret)
		goto reset_class;
	ret = make_device(instance);
	if (ret)
		goto disable;
	ret = add_links(instance);
	if (ret)
		goto unmake;
	function->live = true;
	mdev_pci_function_set_refused(function, 0);
	return 0;

unmake:
	pci_err(function->fn.pdev, "mdev %s refused: its sysfs entries could not be created (%pe)\n",
		dev_name(&instance->mdev->dev), ERR_PTR(ret));
	unmake_device(instance);
disable:
	function_disable(function);
reset_class:
	reset_lock_class(function);
	return ret;
}

/**
 * mdev_pci_assign_new() - mdev_pci_assign() for an mdev that is being created
 * @instance: the mdev
 *
 * Context: as mdev_pci_assign(); for mdev_pci_function_call().
 * Return: as mdev_pci_assign().
 */
int mdev_pci_assign_new(struct mdev_pci_instance *instance)
{
	return mdev_pci_assign(instance, NULL);
}

/**
 * mdev_pci_reclaim() - take the function from the mdev's users
 * @instance: the mdev, which is detached then
 * @function: the function. Of an mdev that moves, the one that it leaves is not
 *	live any more, and the one that it moves to not yet: nothing is done
 *
 * Blocks until the user has closed the device.
 *
 * Context: under device_lock() of the function; sleeps.
 */
void mdev_pci_reclaim(struct mdev_pci_instance *instance,
		      struct mdev_pci_function *function)
{
	device_lock_assert(&function->fn.pdev->dev);
	if (!function->live)
		return;
	function->live = false;
	remove_links(instance);
	unmake_device(instance);
	function_disable(function);
	reset_lock_class(function);
}
