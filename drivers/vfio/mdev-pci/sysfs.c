// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space sees of mdevs in sysfs: docs/ABI/testing/sysfs-bus-mdev-pci.
 */
#include <linux/kernfs.h>
#include <linux/sysfs.h>

#include "mdev-pci.h"

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
	return mdev_pci_instance_move(to_instance(dev), buf) ?: count;
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
		return mdev_pci_instance_set_stream(instance, i) ?: count;
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

/**
 * mdev_pci_sysfs_add() - create the mdev's attributes
 * @instance: the instance
 *
 * Not by the driver core, which adds a driver's groups after probe(): too late for the
 * uevent that ends it.
 *
 * Return: 0 or an errno.
 */
int mdev_pci_sysfs_add(struct mdev_pci_instance *instance)
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

/**
 * mdev_pci_sysfs_remove() - remove the mdev's attributes; waits for readers and writers
 * @instance: the instance
 */
void mdev_pci_sysfs_remove(struct mdev_pci_instance *instance)
{
	sysfs_remove_group(&instance->mdev->dev.kobj, attr_group(instance));
	mdev_pci_counters_remove(instance);
	sysfs_remove_group(&instance->mdev->dev.kobj, &instance_group);
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

/**
 * mdev_pci_sysfs_link() - create the mdev's links iommu_group and vfio-dev
 * @instance: the instance, with its VFIO device
 *
 * QEMU and libvirt find the function's VFIO group by the one, its VFIO device node by the
 * other.
 *
 * Context: under device_lock() of the function.
 * Return: 0 or an errno.
 */
int mdev_pci_sysfs_link(struct mdev_pci_instance *instance)
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

/**
 * mdev_pci_sysfs_unlink() - remove the mdev's links
 * @instance: the instance
 */
void mdev_pci_sysfs_unlink(struct mdev_pci_instance *instance)
{
	sysfs_remove_link(&instance->mdev->dev.kobj, "vfio-dev");
	sysfs_remove_link(&instance->mdev->dev.kobj, "iommu_group");
}
