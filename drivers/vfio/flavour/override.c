// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_override of functions, in a file of its own: sparse takes the guard in
 * the kernel's header for a lock that is not released.
 */
#include "../pci/compat.h"
#include "flavour.h"

/**
 * flavour_override_set() - set driver_override
 * @pdev: the function; device_lock() of it is not held, unless it is said
 *	otherwise below
 * @drv: the driver
 *
 * Return: 0 or -ENOMEM.
 */
int flavour_override_set(struct pci_dev *pdev, const struct device_driver *drv)
{
	return compat_set_driver_override(pdev, drv->name);
}

/**
 * flavour_override_match() - compare driver_override with a driver
 * @pdev: the function
 * @drv: a driver
 *
 * Return: 1: only that one; 0: only some other one; -1: any.
 */
int flavour_override_match(struct pci_dev *pdev,
			   const struct device_driver *drv)
{
	return compat_match_driver_override(pdev, drv);
}

/**
 * flavour_override_clear() - clear driver_override if it names a driver
 * @pdev: the function. Another driver_override that was set meanwhile is kept
 * @drv: the driver
 */
void flavour_override_clear(struct pci_dev *pdev,
			    const struct device_driver *drv)
{
	compat_clear_driver_override(pdev, drv);
}

/**
 * flavour_override_reserve() - set driver_override unless it is set
 * @pdev: the function
 * @drv: the driver
 *
 * Context: under device_lock() of the function.
 * Return: 0 or -ENOMEM.
 */
int flavour_override_reserve(struct pci_dev *pdev,
			     const struct device_driver *drv)
{
	device_lock_assert(&pdev->dev);
	return compat_reserve_override_locked(pdev, drv->name);
}
