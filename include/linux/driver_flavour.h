/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * driver_flavour: an attribute of PCI functions that shows the kind of their
 * driver and switches it. The module knows "native" and "vfio". Another module,
 * the provider, can bring one more kind.
 */
#ifndef LINUX_DRIVER_FLAVOUR_H
#define LINUX_DRIVER_FLAVOUR_H

#include <linux/types.h>

struct device_driver;
struct module;
struct pci_dev;

/* Longest reason that a provider gives, with the NUL */
#define DRIVER_FLAVOUR_WHY_MAX	128

/**
 * struct driver_flavour_provider - brings a flavour of its own
 * @owner: the module. It is not unloaded while a function is switched
 * @name: the flavour, as users write it. The module has
 *	MODULE_ALIAS("driver-flavour-" name): it is loaded when the flavour is
 *	written and no provider is there
 * @alias: prefix of the aliases, "ALIAS:v<vendor>d<device>" as in "pci:", of
 *	modules with drivers that @is_driver finds
 * @not_offered: for the log: why a function has neither @driver nor another one
 *	of this flavour
 * @driver: reserves functions: driver_override names it while it or no driver
 *	is bound. Functions that @is_offered accepts are bound to it
 * @is_driver: check whether a driver gives functions this flavour. Drivers
 *	other than @driver have entries with PCI_ID_F_VFIO_DRIVER_OVERRIDE
 * @is_offered: check whether @driver takes a function
 * @is_busy: check whether a function is in use; sets @why to the reason and
 *	what to do, for the log
 * @stop_claims: stop uses of a function that will be unbound; false: it is in
 *	use, and nothing was done
 *
 * Context: process context. @is_driver and @is_offered may be called under
 * device_lock() of any function, the others are called without.
 */
struct driver_flavour_provider {
	struct module *owner;
	const char *name;
	const char *alias;
	const char *not_offered;
	struct device_driver *driver;
	bool (*is_driver)(struct device_driver *drv);
	bool (*is_offered)(struct pci_dev *pdev);
	bool (*is_busy)(struct pci_dev *pdev, char *why, size_t size);
	bool (*stop_claims)(struct pci_dev *pdev);
};

/**
 * driver_flavour_register() - bring a flavour
 * @p: the provider; must live until driver_flavour_unregister()
 *
 * Context: process context; sleeps.
 * Return: 0; -EBUSY: there is a provider already.
 */
int driver_flavour_register(const struct driver_flavour_provider *p);

/**
 * driver_flavour_unregister() - take the flavour away
 * @p: the provider. None of its operations is called any more after return
 *
 * Context: process context, the provider's module exit: nothing is being
 * switched. Sleeps.
 */
void driver_flavour_unregister(const struct driver_flavour_provider *p);

#endif /* LINUX_DRIVER_FLAVOUR_H */
