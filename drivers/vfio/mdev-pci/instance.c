// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instances: mdevs. Creating one claims a function; the vfio_device hangs on the function
 * and not on the mdev: an mdev is no hardware and has no place in the IOMMU layer.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <uapi/linux/vfio.h>

#include "mdev-pci.h"

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
	};
	int ret;

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
		pci_err(function->fn.pdev, "mdev %s refused: no VFIO device could be made (%pe)\n",
			desc.alias, edev);
		return PTR_ERR(edev);
	}
	mutex_lock(&instance->lock);
	instance->edev = edev;
	mutex_unlock(&instance->lock);
	return 0;
}

static void unmake_device(struct mdev_pci_instance *instance)
{
	struct vfio_pci_engine_device *edev = instance->edev;

	mutex_lock(&instance->lock);
	instance->edev = NULL;
	mutex_unlock(&instance->lock);
	/* Blocks until the user has closed it */
	vfio_pci_engine_unregister(edev);
}

static int check_function(struct mdev_pci_instance *instance)
{
	struct pci_dev *pdev = instance->function->fn.pdev;
	const char *name = dev_name(&instance->mdev->dev);
	struct device *neighbour;

	if (instance->function->dead) {
		pci_err(pdev, "mdev %s refused: the VF was just removed; try again\n", name);
		return -EAGAIN;
	}
	if (!device_iommu_mapped(&pdev->dev)) {
		pci_err(pdev, "mdev %s refused: the %s is behind no IOMMU; enable it in the firmware setup and on the kernel command line\n",
			name, mdev_pci_function_noun(instance->function));
		return -EOPNOTSUPP;
	}
	if (!instance->type->whole)
		return 0;
	neighbour = mdev_pci_whole_neighbour(pdev);
	if (neighbour) {
		pci_err(pdev, "mdev %s refused: the device shares its IOMMU group with %s; bind both to vfio-pci\n",
			name, dev_name(neighbour));
		put_device(neighbour);
		return -EPERM;
	}
	return 0;
}

static int enable_function(struct mdev_pci_instance *instance)
{
	int ret = mdev_pci_function_enable(instance->function, instance->type);

	if (ret && instance->type->whole)
		pci_err(instance->function->fn.pdev,
			"mdev %s refused: its driver does not let go of the device (%pe)\n",
			dev_name(&instance->mdev->dev), ERR_PTR(ret));
	else if (ret)
		pci_err(instance->function->fn.pdev,
			"mdev %s refused: firmware could not enable the %s as %s (%pe)\n",
			dev_name(&instance->mdev->dev), mdev_pci_function_noun(instance->function),
			instance->type->name, ERR_PTR(ret));
	return ret;
}

static void log_sysfs(struct mdev_pci_instance *instance, int err)
{
	pci_err(instance->function->fn.pdev, "mdev %s refused: no entries in sysfs (%pe)\n",
		dev_name(&instance->mdev->dev), ERR_PTR(err));
}

/* Under device_lock() of the function */
static int start(struct mdev_pci_instance *instance)
{
	int ret;

	ret = check_function(instance);
	if (ret)
		return ret;
	ret = enable_function(instance);
	if (ret)
		return ret;
	ret = make_device(instance);
	if (ret)
		goto disable;
	ret = mdev_pci_sysfs_link(instance);
	if (ret)
		goto unmake;
	instance->live = true;
	return 0;

unmake:
	log_sysfs(instance, ret);
	unmake_device(instance);
disable:
	mdev_pci_function_disable(instance->function);
	return ret;
}

/**
 * mdev_pci_instance_stop() - let go of the function; without it the mdev is a shell
 * @instance: the instance
 *
 * Blocks until the user has closed the device.
 *
 * Context: process context, under device_lock() of the function.
 */
void mdev_pci_instance_stop(struct mdev_pci_instance *instance)
{
	device_lock_assert(&instance->function->fn.pdev->dev);
	if (!instance->live)
		return;
	instance->live = false;
	mdev_pci_sysfs_unlink(instance);
	unmake_device(instance);
	mdev_pci_function_disable(instance->function);
}

/**
 * mdev_pci_instance_part() - the same, and others may claim the function
 * @instance: the instance, which does not know the function any more
 *
 * Context: as mdev_pci_instance_stop().
 * Return: 0.
 */
int mdev_pci_instance_part(struct mdev_pci_instance *instance)
{
	mdev_pci_instance_stop(instance);
	mdev_pci_function_unclaim(instance->function);
	return 0;
}

/**
 * mdev_pci_instance_orphan() - the function goes away under the mdev
 * @instance: the instance
 *
 * Context: as mdev_pci_instance_stop().
 */
void mdev_pci_instance_orphan(struct mdev_pci_instance *instance)
{
	pci_warn(instance->function->fn.pdev,
		 "is taken away from mdev %s, which can only be removed now\n",
		 dev_name(&instance->mdev->dev));
	mdev_pci_instance_stop(instance);
	kobject_uevent(&instance->mdev->dev.kobj, KOBJ_CHANGE);
}

/**
 * mdev_pci_instance_error() - the firmware behind it has failed
 * @instance: the instance
 * @why: what happened
 */
void mdev_pci_instance_error(struct mdev_pci_instance *instance, const char *why)
{
	mutex_lock(&instance->lock);
	if (instance->edev)
		vfio_pci_engine_error(instance->edev, why);
	mutex_unlock(&instance->lock);
}

static struct mdev_pci_instance *instance_alloc(struct mdev_device *mdev)
{
	struct mdev_pci_instance *instance = kzalloc(sizeof(*instance), GFP_KERNEL);

	if (!instance)
		return NULL;
	mutex_init(&instance->lock);
	instance->mdev = mdev;
	instance->type = container_of(mdev->type, struct mdev_pci_offer, mtype)->type;
	return instance;
}

static void instance_free(struct mdev_pci_instance *instance)
{
	mutex_destroy(&instance->lock);
	kfree(instance);
}

static int set_up(struct mdev_pci_instance *instance)
{
	struct mdev_pci_function *function = instance->function;
	int ret;

	ret = mdev_pci_function_call(function, start);
	if (ret == -ESHUTDOWN && READ_ONCE(function->parent->going))
		pci_err(function->fn.pdev, "mdev %s refused: the device is going away\n",
			dev_name(&instance->mdev->dev));
	if (ret)
		return ret;
	ret = mdev_pci_sysfs_add(instance);
	if (ret)
		log_sysfs(instance, ret);
	return ret;
}

static void tear_down(struct mdev_pci_instance *instance)
{
	/* If it is not called, the function was taken from it already */
	mdev_pci_function_call(instance->function, mdev_pci_instance_part);
	mdev_pci_function_put(instance->function);
	instance_free(instance);
}

static int mdev_pci_probe(struct mdev_device *mdev)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_of(mdev->type);
	struct mdev_pci_instance *instance = instance_alloc(mdev);
	int ret;

	if (!instance)
		return -ENOMEM;
	ret = mdev_pci_parent_claim(parent, instance);
	if (ret) {
		instance_free(instance);
		return ret;
	}
	dev_set_drvdata(&mdev->dev, instance);
	ret = set_up(instance);
	if (ret) {
		dev_set_drvdata(&mdev->dev, NULL);
		tear_down(instance);
		return ret;
	}
	/* libvirt looks at the device when it hears of this, and only then */
	kobject_uevent(&mdev->dev.kobj, KOBJ_CHANGE);
	return 0;
}

static void mdev_pci_remove(struct mdev_device *mdev)
{
	struct mdev_pci_instance *instance = dev_get_drvdata(&mdev->dev);

	mdev_pci_sysfs_remove(instance);
	tear_down(instance);
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
