// SPDX-License-Identifier: GPL-2.0-only
/*
 * An mdev, from its creation to its removal, with its links and attributes
 * (docs/ABI/testing/sysfs-bus-mdev-pci). Creating one claims a function; the vfio_device hangs on
 * the function and not on the mdev: an mdev is no hardware and has no place in the IOMMU layer.
 */
#include <linux/iommu.h>
#include <linux/kernfs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <uapi/linux/vfio.h>

#include "mdev-pci.h"

/*
 * Check, when an mdev could not be created on this VF, whether another VF may do. None may if
 * firmware does not answer or has no resources left.
 */
static bool try_another(struct mdev_pci_instance *instance, int err)
{
	struct mdev_pci_parent *parent = instance->function->parent;

	if (err == -ETIMEDOUT || err == -ENOSPC || err == -ENOMEM)
		return false;
	if (mdev_pci_type_is_whole(parent, instance->type))
		return false;
	mdev_pci_function_set_refused(instance->function, instance->number);
	instance->may_try_another = !instance->moving &&
				    mdev_pci_parent_has_another(parent, instance);
	return instance->may_try_another;
}

/* For the log */
static const char *verdict(struct mdev_pci_instance *instance, int err)
{
	return try_another(instance, err) ? "tries another VF" : "refused";
}

/* The kernel's names are bounded: 40 of the type, 16 would do for any PCI driver's */
static int stream_type(const struct mdev_pci_instance *instance, char *buf, size_t size)
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
		.control = instance->type->control,
		.nvlink2 = instance->type->nvlink2,
		.lent = instance->type->whole,
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
	return mdev_pci_function_show(function, edev);
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
	mdev_pci_function_forget(instance->function);
}

static int check_group(struct mdev_pci_instance *instance)
{
	struct pci_dev *pdev = instance->function->fn.pdev;
	struct device *owner = mdev_pci_group_owner(pdev);

	device_lock_assert(&instance->function->fn.pdev->dev);
	if (!owner)
		return 0;
	mdev_pci_function_set_refused(instance->function, MDEV_PCI_REFUSED_BY_GROUP);
	pci_err(pdev, "mdev %s %s: the VF shares its IOMMU group with %s, which has a driver: the platform does not isolate them (no ACS); put the card into another slot, or unbind that driver\n",
		dev_name(&instance->mdev->dev), verdict(instance, -EPERM), dev_name(owner));
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
			name, mdev_pci_function_noun(instance->function));
		return -EOPNOTSUPP;
	}
	if (!instance->type->whole)
		return check_group(instance);
	neighbour = mdev_pci_whole_neighbour(pdev);
	if (neighbour) {
		pci_err(pdev, "mdev %s refused: the device shares its IOMMU group with %s; bind both to vfio-pci\n",
			name, dev_name(neighbour));
		put_device(neighbour);
		return -EPERM;
	}
	return 0;
}

static int enable_function(struct mdev_pci_instance *instance, const struct mdev_pci_values *kept)
{
	struct mdev_pci_function *function = instance->function;
	const char *name = dev_name(&instance->mdev->dev);
	int ret;

	device_lock_assert(&instance->function->fn.pdev->dev);
	ret = mdev_pci_function_enable(function, instance->type, kept);
	if (!ret)
		return 0;
	if (instance->type->whole)
		pci_err(function->fn.pdev,
			"mdev %s refused: its driver could not release the device (%pe)\n",
			name, ERR_PTR(ret));
	else
		pci_err(function->fn.pdev,
			"mdev %s %s: firmware could not enable the %s as %s (%pe)\n", name,
			verdict(instance, ret), mdev_pci_function_noun(function),
			instance->type->name, ERR_PTR(ret));
	return ret;
}

/*
 * Users take the last component of the link's target for the group's number, so it must
 * point at the group, not at the function's link to it. The group's kobject is private to
 * the IOMMU layer; the link knows it.
 */
static struct kobject *group_kobj(struct pci_dev *pdev)
{
	struct kernfs_node *kn;
	struct kobject *kobj = NULL;

	/* Its directory may be gone: a function that leaves the bus still has its driver */
	kn = pdev->dev.kobj.sd ? kernfs_find_and_get(pdev->dev.kobj.sd, "iommu_group") : NULL;
	if (kn && kernfs_type(kn) == KERNFS_LINK)
		kobj = kn->symlink.target_kn->priv;
	kernfs_put(kn);
	return kobj;
}

/*
 * iommu_group and vfio-dev: QEMU and libvirt find the function's VFIO group by the one, its VFIO
 * device node by the other.
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

static void log_sysfs(struct mdev_pci_instance *instance, int err)
{
	pci_err(instance->function->fn.pdev, "mdev %s refused: its sysfs entries could not be created (%pe)\n",
		dev_name(&instance->mdev->dev), ERR_PTR(err));
}

/*
 * The driver core exempts device_lock() from lockdep. While an mdev has a function, that function's
 * lock has a class of its own, so that lockdep checks the order at the top of mdev-pci.h. There is
 * one class for each number on a bus: the PCI core may lock all functions of a bus at once. A PF
 * whose driver releases it keeps the class that its driver has given it.
 */
static struct lock_class_key function_locks[U8_MAX + 1];

static bool has_own_class(const struct mdev_pci_function *function)
{
	return !mdev_pci_function_is_whole(function) || function->parent->whole;
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

static int start(struct mdev_pci_instance *instance, const struct mdev_pci_values *kept)
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
	log_sysfs(instance, ret);
	unmake_device(instance);
disable:
	mdev_pci_function_disable(function);
reset_class:
	reset_lock_class(function);
	return ret;
}

static int start_new(struct mdev_pci_instance *instance)
{
	return start(instance, NULL);
}

/*
 * Release the function; the mdev is detached then. Blocks until the user has closed the
 * device. Of an mdev that moves, the function that it leaves is not live any more, and the one that
 * it moves to not yet.
 */
static void stop(struct mdev_pci_instance *instance, struct mdev_pci_function *function)
{
	device_lock_assert(&function->fn.pdev->dev);
	if (!function->live)
		return;
	function->live = false;
	remove_links(instance);
	unmake_device(instance);
	mdev_pci_function_disable(function);
	reset_lock_class(function);
}

static int release(struct mdev_pci_instance *instance)
{
	stop(instance, instance->function);
	mdev_pci_function_unclaim(instance->function);
	return 0;
}

static void detach(struct mdev_pci_instance *instance, struct mdev_pci_function *function)
{
	device_lock_assert(&function->fn.pdev->dev);
	if (!function->live)
		return;
	pci_warn(function->fn.pdev, "is detached from mdev %s; remove that mdev\n",
		 dev_name(&instance->mdev->dev));
	stop(instance, function);
	kobject_uevent(&instance->mdev->dev.kobj, KOBJ_CHANGE);
}

static void error(struct mdev_pci_instance *instance, const char *why)
{
	mutex_lock(&instance->lock);
	if (instance->edev)
		vfio_pci_engine_error(instance->edev, why);
	mutex_unlock(&instance->lock);
}

/* What the function's and the parent's removal and errors ask of the mdev that has claimed it */
static const struct mdev_pci_claim_ops claim_ops = {
	.release = release,
	.detach = detach,
	.error = error,
};

static struct mdev_pci_instance *instance_alloc(struct mdev_device *mdev)
{
	static atomic64_t numbers;
	struct mdev_pci_instance *instance = kzalloc(sizeof(*instance), GFP_KERNEL);

	if (!instance)
		return NULL;
	mutex_init(&instance->move_lock);
	mutex_init(&instance->lock);
	instance->number = atomic64_inc_return(&numbers);
	instance->ops = &claim_ops;
	instance->mdev = mdev;
	instance->type = container_of(mdev->type, struct mdev_pci_offer, mtype)->type;
	return instance;
}

static void instance_free(struct mdev_pci_instance *instance)
{
	mutex_destroy(&instance->lock);
	mutex_destroy(&instance->move_lock);
	kfree(instance);
}

static void stop_at(struct mdev_pci_instance *instance, struct mdev_pci_function *function)
{
	device_lock(&function->fn.pdev->dev);
	stop(instance, function);
	device_unlock(&function->fn.pdev->dev);
}

static int start_at(struct mdev_pci_instance *instance, struct mdev_pci_function *function,
		    const struct mdev_pci_values *kept)
{
	int ret;

	device_lock(&function->fn.pdev->dev);
	mutex_lock(&instance->lock);
	instance->function = function;
	mutex_unlock(&instance->lock);
	ret = start(instance, kept);
	device_unlock(&function->fn.pdev->dev);
	return ret;
}

static void leave_at(struct mdev_pci_function *function)
{
	device_lock(&function->fn.pdev->dev);
	mdev_pci_function_unclaim(function);
	device_unlock(&function->fn.pdev->dev);
	mdev_pci_function_put(function);
}

/* Release one VF before the other is used: an mdev has only one at a time */
static int move(struct mdev_pci_instance *instance, struct mdev_pci_function *from,
		struct mdev_pci_function *to)
{
	struct mdev_pci_values kept;
	int ret, back;

	lockdep_assert_held(&instance->move_lock);
	mdev_pci_attrs_keep(from, &kept);
	stop_at(instance, from);
	ret = start_at(instance, to, &kept);
	if (!ret) {
		leave_at(from);
		return 0;
	}
	back = start_at(instance, from, &kept);
	if (back)
		pci_err(from->fn.pdev,
			"could not be enabled again for mdev %s (%pe); remove that mdev\n",
			dev_name(&instance->mdev->dev), ERR_PTR(back));
	leave_at(to);
	return ret;
}

static int move_locked(struct mdev_pci_instance *instance, const char *address)
{
	struct mdev_pci_function *from = instance->function, *to;
	int ret;

	lockdep_assert_held(&instance->move_lock);
	to = mdev_pci_parent_claim_vf(from->parent, instance, address);
	if (IS_ERR_OR_NULL(to))
		return PTR_ERR_OR_ZERO(to);
	ret = mdev_pci_function_hide(from, false);
	if (ret) {
		pci_err(from->fn.pdev,
			"mdev %s not moved: it is in use; stop the guest, or unplug the device\n",
			dev_name(&instance->mdev->dev));
		leave_at(to);
		return ret;
	}
	instance->moving = true;
	ret = move(instance, from, to);
	instance->moving = false;
	/* Its links were removed and created again, also on error */
	kobject_uevent(&instance->mdev->dev.kobj, KOBJ_CHANGE);
	return ret;
}

/* What was written to its attributes stays. If the VF can't be had, the mdev stays where it is */
static int move_to(struct mdev_pci_instance *instance, const char *address)
{
	int ret;

	mutex_lock(&instance->move_lock);
	ret = move_locked(instance, address);
	mutex_unlock(&instance->move_lock);
	return ret;
}

static int set_stream_locked(struct mdev_pci_instance *instance, bool upstream)
{
	struct mdev_pci_function *function = instance->function;

	lockdep_assert_held(&function->fw_lock);
	/* Else the engine's device may be going */
	if (!function->shown)
		return -ENODEV;
	if (function->in_use)
		return -EBUSY;
	instance->upstream = upstream;
	vfio_pci_engine_set_upstream(function->edev, upstream);
	return 0;
}

static int set_stream(struct mdev_pci_instance *instance, bool upstream)
{
	struct mdev_pci_function *function;
	int ret;

	/* It does not move meanwhile */
	mutex_lock(&instance->move_lock);
	function = instance->function;
	mutex_lock(&function->fw_lock);
	ret = set_stream_locked(instance, upstream);
	mutex_unlock(&function->fw_lock);
	if (ret)
		pci_err(function->fn.pdev, "stream of mdev %s: %s (%pe)\n",
			dev_name(&instance->mdev->dev),
			ret == -EBUSY ? "it is in use; stop the guest, or unplug the device" :
			"the mdev has lost its VF; remove the mdev", ERR_PTR(ret));
	mutex_unlock(&instance->move_lock);
	return ret;
}

static struct mdev_pci_instance *to_instance(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t function_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdev_pci_instance *instance = to_instance(dev);
	const char *name = "none";

	mutex_lock(&instance->lock);
	if (instance->edev)
		name = pci_name(instance->function->fn.pdev);
	mutex_unlock(&instance->lock);
	return sysfs_emit(buf, "%s\n", name);
}

static ssize_t function_store(struct device *dev, struct device_attribute *attr, const char *buf,
			      size_t count)
{
	return move_to(to_instance(dev), buf) ?: count;
}
static DEVICE_ATTR_RW(function);

/* The string stays when the function does not */
static const char *not_migratable(struct mdev_pci_instance *instance)
{
	const char *why;

	mutex_lock(&instance->lock);
	why = instance->function->limits.not_migratable;
	mutex_unlock(&instance->lock);
	return why;
}

static ssize_t migratable_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdev_pci_instance *instance = to_instance(dev);

	return sysfs_emit(buf, "%d\n", instance->type->mig_ops && !not_migratable(instance));
}
static DEVICE_ATTR_RO(migratable);

static ssize_t not_migratable_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", not_migratable(to_instance(dev)) ?: "");
}
static DEVICE_ATTR_RO(not_migratable);

static ssize_t migration_state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct mdev_pci_instance *instance = to_instance(dev);
	const char *state = "none";

	mutex_lock(&instance->lock);
	if (instance->edev)
		state = vfio_pci_engine_state(instance->edev);
	mutex_unlock(&instance->lock);
	return sysfs_emit(buf, "%s\n", state);
}
static DEVICE_ATTR_RO(migration_state);

static ssize_t migration_compat_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return mdev_pci_show_compat(to_instance(dev), buf);
}
static DEVICE_ATTR_RO(migration_compat);

static const char * const stream_names[] = { "native", "upstream" };

static ssize_t stream_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", stream_names[READ_ONCE(to_instance(dev)->upstream)]);
}

static ssize_t stream_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	struct mdev_pci_instance *instance = to_instance(dev);
	int i = sysfs_match_string(stream_names, buf);

	if (i >= 0)
		return set_stream(instance, i) ?: count;
	dev_err(dev, "stream of mdev %s: must be native or upstream (%pe)\n", dev_name(dev),
		ERR_PTR(i));
	return i;
}
static DEVICE_ATTR_RW(stream);

static umode_t instance_attr_is_visible(struct kobject *kobj, struct attribute *attr, int i)
{
	const struct mdev_pci_instance *instance = to_instance(kobj_to_dev(kobj));
	const struct mdev_pci_parent *parent = instance->function->parent;

	if (attr == &dev_attr_stream.attr &&
	    !(instance->type->mig_ops && parent->desc->mig_caps.upstream))
		return 0;
	return attr->mode;
}

static struct attribute *instance_attrs[] = {
	&dev_attr_function.attr,
	&dev_attr_migratable.attr,
	&dev_attr_migration_compat.attr,
	&dev_attr_migration_state.attr,
	&dev_attr_not_migratable.attr,
	&dev_attr_stream.attr,
	NULL
};

static const struct attribute_group instance_group = {
	.attrs = instance_attrs,
	.is_visible = instance_attr_is_visible,
};

static const struct attribute_group *attr_group(struct mdev_pci_instance *instance)
{
	return &container_of(instance->mdev->type, struct mdev_pci_offer, mtype)->group;
}

/*
 * The driver core would add a driver's groups after probe(), too late for the uevent at its end.
 */
static int add_attributes(struct mdev_pci_instance *instance)
{
	struct kobject *kobj = &instance->mdev->dev.kobj;
	int ret;

	ret = sysfs_create_group(kobj, &instance_group);
	if (ret)
		return ret;
	ret = mdev_pci_counters_add(instance);
	if (ret)
		goto remove_instance;
	ret = sysfs_create_group(kobj, attr_group(instance));
	if (ret)
		goto remove_counters;
	return 0;

remove_counters:
	mdev_pci_counters_remove(instance);
remove_instance:
	sysfs_remove_group(kobj, &instance_group);
	return ret;
}

/* Waits for readers and writers */
static void remove_attributes(struct mdev_pci_instance *instance)
{
	sysfs_remove_group(&instance->mdev->dev.kobj, attr_group(instance));
	mdev_pci_counters_remove(instance);
	sysfs_remove_group(&instance->mdev->dev.kobj, &instance_group);
}

static int set_up(struct mdev_pci_instance *instance)
{
	struct mdev_pci_function *function = instance->function;
	int ret;

	instance->may_try_another = false;
	ret = mdev_pci_function_call(function, start_new);
	if (ret == -ESHUTDOWN && READ_ONCE(function->parent->going))
		pci_err(function->fn.pdev, "mdev %s refused: the device is going away\n",
			dev_name(&instance->mdev->dev));
	if (ret)
		return ret;
	ret = add_attributes(instance);
	if (ret)
		log_sysfs(instance, ret);
	return ret;
}

static void unclaim(struct mdev_pci_instance *instance)
{
	/* If it is not called, the function was taken from it already */
	mdev_pci_function_call(instance->function, release);
	mdev_pci_function_put(instance->function);
}

/* Tries each VF at most once, unless other creators of mdevs try them as well */
static int claim_and_set_up(struct mdev_pci_parent *parent, struct mdev_pci_instance *instance)
{
	unsigned int left = max(pci_num_vf(parent->pf), 1);
	int ret;

	do {
		ret = mdev_pci_parent_claim(parent, instance);
		if (ret)
			return ret;
		ret = set_up(instance);
		if (!ret)
			return 0;
		unclaim(instance);
	} while (instance->may_try_another && --left);
	mdev_pci_parent_forget_refusals(parent, instance->number);
	return ret;
}

/* As for function_locks[]. Nothing holds this lock of two mdevs */
static struct lock_class_key mdev_lock;

static int mdev_pci_probe(struct mdev_device *mdev)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_of(mdev->type);
	struct mdev_pci_instance *instance = instance_alloc(mdev);
	int ret;

	if (!instance)
		return -ENOMEM;
	device_lock_set_class(&mdev->dev, &mdev_lock);
	dev_set_drvdata(&mdev->dev, instance);
	ret = claim_and_set_up(parent, instance);
	if (ret) {
		device_lock_reset_class(&mdev->dev);
		dev_set_drvdata(&mdev->dev, NULL);
		instance_free(instance);
		return ret;
	}
	mdev_pci_parent_refresh(parent);
	pci_info(parent->pf, "mdev %s of type %s was created\n", dev_name(&mdev->dev),
		 instance->type->name);
	/* libvirt reads the device's attributes at this uevent, and only then */
	kobject_uevent(&mdev->dev.kobj, KOBJ_CHANGE);
	return 0;
}

static void mdev_pci_remove(struct mdev_device *mdev)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_of(mdev->type);
	struct mdev_pci_instance *instance = dev_get_drvdata(&mdev->dev);

	remove_attributes(instance);
	unclaim(instance);
	instance_free(instance);
	device_lock_reset_class(&mdev->dev);
	pci_info(parent->pf, "mdev %s was removed\n", dev_name(&mdev->dev));
	mdev_pci_parent_refresh(parent);
}

struct mdev_driver mdev_pci_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.probe = mdev_pci_probe,
	.remove = mdev_pci_remove,
	.get_available = mdev_pci_get_available,
	.show_description = mdev_pci_show_description,
	.driver = {
		.name = "mdev-pci",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
};
