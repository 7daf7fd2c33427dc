// SPDX-License-Identifier: GPL-2.0-only
/*
 * System sleep and hibernation. The state of a VF is lost in them, and VFIO has
 * no way to tell the user of an open device. So the system does not sleep while
 * a device is open. VFs of closed devices are enabled again when it wakes up.
 */
#include <linux/notifier.h>
#include <linux/suspend.h>

#include "mdev-pci.h"

static int refuse_open(struct mdev_pci_function *function, const char *name)
{
	if (!READ_ONCE(function->in_use))
		return 0;
	pci_err(function->fn.pdev,
		"system sleep refused: mdev %s is open; stop the guest or program that has it\n",
		name);
	return -EBUSY;
}

/*
 * Tasks are not frozen yet: one may be creating or removing the mdev, and wait
 * for the user of the device with device_lock() of the mdev held.
 */
static int check_mdev(struct device *dev, void *data)
{
	struct mdev_pci_instance *instance;
	struct mdev_pci_function *function;
	int ret = 0;

	if (!device_trylock(dev)) {
		dev_err(dev, "system sleep refused: this mdev is being created or removed; try again\n");
		return -EBUSY;
	}
	instance = dev_get_drvdata(dev);
	if (instance) {
		function = mdev_pci_instance_function(instance);
		ret = refuse_open(function, dev_name(dev));
		mdev_pci_function_put(function);
	}
	device_unlock(dev);
	return ret;
}

static int on_sleep(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action != PM_SUSPEND_PREPARE && action != PM_HIBERNATION_PREPARE)
		return NOTIFY_DONE;
	return notifier_from_errno(driver_for_each_device(&mdev_pci_driver.driver, NULL, NULL,
							  check_mdev));
}

static struct notifier_block sleep_nb = {
	.notifier_call = on_sleep,
};

/**
 * mdev_pci_sleep_init() - refuse system sleep while mdevs are open
 *
 * Context: process context, after &mdev_pci_driver was registered; sleeps.
 * Return: 0 or an errno of register_pm_notifier().
 */
int mdev_pci_sleep_init(void)
{
	return register_pm_notifier(&sleep_nb);
}

/**
 * mdev_pci_sleep_exit() - undo mdev_pci_sleep_init()
 *
 * Context: process context, before &mdev_pci_driver is unregistered; sleeps.
 */
void mdev_pci_sleep_exit(void)
{
	unregister_pm_notifier(&sleep_nb);
}

/*
 * A device may have been opened after the notifier was called and before tasks
 * were frozen
 */
static int check_parent(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;
	int ret = 0;

	mutex_lock(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (!ret && function->instance)
			ret = refuse_open(function, dev_name(&function->instance->mdev->dev));
	}
	mutex_unlock(&parent->lock);
	return ret;
}

int mdev_pci_parent_suspend(struct pci_dev *pf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	int ret;

	if (!parent)
		return 0;
	ret = check_parent(parent);
	if (!ret)
		mdev_pci_parent_suspend_vfs(parent);
	mdev_pci_parent_put(parent);
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_pci_parent_suspend);
