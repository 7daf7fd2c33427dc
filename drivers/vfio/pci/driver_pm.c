// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power management of a driver one of whose devices is assigned.
 *
 * vfio-pci-core puts its own struct dev_pm_ops into the driver of the function
 * that it registers, as if all devices of that driver were its own. This
 * file puts the driver's own back. Until then none of its devices may be
 * suspended or resumed (docs/kernel-internals.rst).
 */
#include <linux/list.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "driver_pm.h"

/**
 * struct pin - a device that stays awake
 * @node: in the list of all
 * @dev: the device, with a reference
 */
struct pin {
	struct list_head node;
	struct device *dev;
};

static int add_pin(struct device *dev, void *data)
{
	struct pin *pin = kmalloc(sizeof(*pin), GFP_KERNEL);
	struct list_head *pins = data;

	if (!pin)
		return -ENOMEM;
	/* Awake or, after an error, not in suspend or resume either */
	pm_runtime_get_sync(dev);
	pin->dev = get_device(dev);
	list_add(&pin->node, pins);
	return 0;
}

static void remove_pins(struct list_head *pins)
{
	struct pin *pin, *next;

	list_for_each_entry_safe(pin, next, pins, node) {
		pm_runtime_put(pin->dev);
		put_device(pin->dev);
		kfree(pin);
	}
}

/**
 * driver_pm_register() - register with vfio-pci-core, but keep the driver's
 *	dev_pm_ops
 * @core: the device
 *
 * System sleep can't begin meanwhile, since the calling task is not frozen.
 *
 * Context: process context, under device_lock() of the function; sleeps.
 * Return: 0; -ENOMEM; others from vfio_pci_core_register_device().
 */
int driver_pm_register(struct vfio_pci_core_device *core)
{
	struct device_driver *drv = core->pdev->dev.driver;
	const struct dev_pm_ops *pm = drv->pm;
	LIST_HEAD(pins);
	int ret;

	ret = driver_for_each_device(drv, NULL, &pins, add_pin);
	if (!ret) {
		ret = vfio_pci_core_register_device(core);
		drv->pm = pm;
	}
	remove_pins(&pins);
	return ret;
}
