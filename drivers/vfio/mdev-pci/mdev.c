// SPDX-License-Identifier: GPL-2.0-only
/*
 * An mdev, from its creation to its removal, with its attributes
 * (docs/ABI/testing/sysfs-bus-mdev-pci). Creating one claims a function; the
 * vfio_device hangs on the function and not on the mdev: an mdev is no hardware
 * and has no place in the IOMMU layer.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <uapi/linux/vfio.h>

#include "mdev-pci.h"

static void log_sysfs(struct mdev_pci_instance *instance, int err)
{
	pci_err(instance->function->fn.pdev, "mdev %s refused: its sysfs entries could not be created (%pe)\n",
		dev_name(&instance->mdev->dev), ERR_PTR(err));
}

static int release(struct mdev_pci_instance *instance)
{
	mdev_pci_reclaim(instance, instance->function);
	mdev_pci_function_unclaim(instance->function);
	return 0;
}

static void detach(struct mdev_pci_instance *instance,
		   struct mdev_pci_function *function)
{
	device_lock_assert(&function->fn.pdev->dev);
	if (!function->live)
		return;
	pci_warn(function->fn.pdev, "is detached from mdev %s; remove that mdev\n",
		 dev_name(&instance->mdev->dev));
	mdev_pci_reclaim(instance, function);
	kobject_uevent(&instance->mdev->dev.kobj, KOBJ_CHANGE);
}

static void error(struct mdev_pci_instance *instance, const char *why)
{
	mutex_lock(&instance->lock);
	if (instance->edev)
		vfio_pci_engine_error(instance->edev, why);
	mutex_unlock(&instance->lock);
}

/*
 * Removal and errors of the function or the parent call these of the mdev that
 * has claimed it
 */
static const struct mdev_pci_claim_ops claim_ops = {
	.release = release,
	.detach = detach,
	.error = error,
};

static struct mdev_pci_instance *instance_alloc(struct mdev_device *mdev)
{
	static atomic64_t numbers;
	struct mdev_pci_instance *instance =
		kzalloc(sizeof(*instance), GFP_KERNEL);

	if (!instance)
		return NULL;
	mutex_init(&instance->move_lock);
	mutex_init(&instance->lock);
	instance->number = atomic64_inc_return(&numbers);
	instance->ops = &claim_ops;
	instance->mdev = mdev;
	instance->type = container_of(mdev->type, struct mdev_pci_type_entry, mtype)->type;
	return instance;
}

static void instance_free(struct mdev_pci_instance *instance)
{
	mutex_destroy(&instance->lock);
	mutex_destroy(&instance->move_lock);
	kfree(instance);
}

static void stop_at(struct mdev_pci_instance *instance,
		    struct mdev_pci_function *function)
{
	device_lock(&function->fn.pdev->dev);
	mdev_pci_reclaim(instance, function);
	device_unlock(&function->fn.pdev->dev);
}

static int start_at(struct mdev_pci_instance *instance,
		    struct mdev_pci_function *function,
		    const struct mdev_pci_values *kept)
{
	int ret;

	device_lock(&function->fn.pdev->dev);
	mutex_lock(&instance->lock);
	instance->function = function;
	mutex_unlock(&instance->lock);
	ret = mdev_pci_assign(instance, kept);
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
static int move(struct mdev_pci_instance *instance,
		struct mdev_pci_function *from, struct mdev_pci_function *to)
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

/*
 * The mdev keeps the values of its attributes. If the VF is not available, the
 * mdev keeps its VF.
 */
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
	/* Without a reference the engine's device may be freed meanwhile */
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

	/* The mdev does not move meanwhile */
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

static ssize_t function_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct mdev_pci_instance *instance = to_instance(dev);
	const char *name = "none";

	mutex_lock(&instance->lock);
	if (instance->edev)
		name = pci_name(instance->function->fn.pdev);
	mutex_unlock(&instance->lock);
	return sysfs_emit(buf, "%s\n", name);
}

static ssize_t function_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
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

static ssize_t migratable_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct mdev_pci_instance *instance = to_instance(dev);

	return sysfs_emit(buf, "%d\n", instance->type->mig_ops && !not_migratable(instance));
}
static DEVICE_ATTR_RO(migratable);

static ssize_t not_migratable_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", not_migratable(to_instance(dev)) ?: "");
}
static DEVICE_ATTR_RO(not_migratable);

static ssize_t migration_state_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
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

static ssize_t migration_compat_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	return mdev_pci_show_compat(to_instance(dev), buf);
}
static DEVICE_ATTR_RO(migration_compat);

static const char * const stream_names[] = { "native", "upstream" };

static ssize_t stream_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%s\n", stream_names[READ_ONCE(to_instance(dev)->upstream)]);
}

static ssize_t stream_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t count)
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

static umode_t instance_attr_is_visible(struct kobject *kobj,
					struct attribute *attr, int i)
{
	const struct mdev_pci_instance *instance =
		to_instance(kobj_to_dev(kobj));
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

/* Fill @groups, of four entries, with what an mdev has, and NULL at the end */
static void list_groups(const struct mdev_pci_instance *instance,
			const struct attribute_group **groups)
{
	*groups++ = &instance_group;
	if (instance->type->mig_ops)
		*groups++ = &mdev_pci_counters_group;
	*groups++ = &container_of(instance->mdev->type, struct mdev_pci_type_entry, mtype)->group;
	*groups = NULL;
}

/*
 * The driver core would add a driver's groups after probe(), too late for the
 * uevent at its end.
 */
static int add_attributes(struct mdev_pci_instance *instance)
{
	const struct attribute_group *groups[4];

	list_groups(instance, groups);
	return sysfs_create_groups(&instance->mdev->dev.kobj, groups);
}

/* Waits for readers and writers */
static void remove_attributes(struct mdev_pci_instance *instance)
{
	const struct attribute_group *groups[4];

	list_groups(instance, groups);
	sysfs_remove_groups(&instance->mdev->dev.kobj, groups);
}

static int set_up(struct mdev_pci_instance *instance)
{
	struct mdev_pci_function *function = instance->function;
	int ret;

	instance->may_try_another = false;
	ret = mdev_pci_function_call(function, mdev_pci_assign_new);
	if (ret == -ESHUTDOWN && READ_ONCE(function->parent->unregistering))
		pci_err(function->fn.pdev, "mdev %s refused: the device is being unbound or removed\n",
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

/*
 * Tries each VF at most once, unless other creators of mdevs try them as well
 */
static int claim_and_set_up(struct mdev_pci_parent *parent,
			    struct mdev_pci_instance *instance)
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

/*
 * lockdep's class of device_lock() of mdevs, as function_locks[] in assign.c.
 * Nothing holds two of these locks at a time.
 */
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
	/*
	 * libvirt reads the device's attributes at this uevent, and only then
	 */
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
