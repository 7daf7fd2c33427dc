// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds PCI drivers of a function: the bound one, the native one, and the best of VFIO's, which
 * bind only a function whose driver_override names them.
 */
#include <linux/kmod.h>
#include <linux/module.h>

#include "mdev-pci.h"

/* The search of bus_for_each_drv() */
struct search {
	struct pci_dev *pdev;
	bool whole;
	int below;
	int score;
	struct device_driver *found;
};

/**
 * mdev_pci_match_is_whole() - check for a driver that offers whole functions as mdevs
 * @drv: a PCI driver that is held
 *
 * Return: true if it has the handlers that mdev_pci_register_function() requires.
 */
bool mdev_pci_match_is_whole(struct device_driver *drv)
{
	return to_pci_driver(drv)->err_handler == &vfio_pci_engine_err_handlers &&
	       to_pci_driver(drv) != &mdev_pci_function_driver;
}

/* How closely an ID of a VFIO driver matches, as user space counts it; -1: it does not match */
static int score_id(struct pci_dev *pdev, const struct pci_device_id *id)
{
	const struct pci_device_id one[2] = { *id };

	if (id->override_only != PCI_ID_F_VFIO_DRIVER_OVERRIDE || !pci_match_id(one, pdev))
		return -1;
	return (id->vendor != PCI_ANY_ID) + (id->device != PCI_ANY_ID) +
	       (id->subvendor != PCI_ANY_ID) + (id->subdevice != PCI_ANY_ID) + !!id->class_mask;
}

static int score_driver(struct pci_dev *pdev, struct device_driver *drv)
{
	const struct pci_device_id *id = to_pci_driver(drv)->id_table;
	int best = -1;

	for (; id && (id->vendor || id->subvendor || id->class_mask); id++)
		best = max(best, score_id(pdev, id));
	return best;
}

/**
 * mdev_pci_match_is_vfio() - check for a VFIO driver
 * @pdev: the function
 * @drv: a PCI driver that is held
 *
 * Return: true for vfio-pci and its variants.
 */
bool mdev_pci_match_is_vfio(struct pci_dev *pdev, struct device_driver *drv)
{
	return !mdev_pci_match_is_whole(drv) && score_driver(pdev, drv) >= 0;
}

/**
 * mdev_pci_match_put() - drop the reference to a driver
 * @drv: what one of the functions here has returned, or NULL
 */
void mdev_pci_match_put(struct device_driver *drv)
{
	if (drv)
		module_put(drv->owner);
}

/* bus_for_each_drv() keeps a driver registered, even if it is being unbound */
static int is_bound(struct device_driver *drv, void *data)
{
	struct search *s = data;

	if (READ_ONCE(s->pdev->dev.driver) != drv)
		return 0;
	if (try_module_get(drv->owner))
		s->found = drv;
	return 1;
}

/**
 * mdev_pci_match_bound() - get the driver that a function is bound to
 * @pdev: the function
 *
 * Does not wait for probe or remove of the function.
 *
 * Return: the driver, for mdev_pci_match_put(); NULL: none, or one that is being unloaded.
 */
struct device_driver *mdev_pci_match_bound(struct pci_dev *pdev)
{
	struct search s = { .pdev = pdev };

	bus_for_each_drv(&pci_bus_type, NULL, &s, is_bound);
	return s.found;
}

/* By the bus's rules, which include dynamic IDs; these may match a VFIO driver */
static int is_native(struct device_driver *drv, void *data)
{
	struct search *s = data;

	if (!drv->bus->match(&s->pdev->dev, drv) || mdev_pci_match_is_whole(drv) ||
	    mdev_pci_match_is_vfio(s->pdev, drv) || !try_module_get(drv->owner))
		return 0;
	s->found = drv;
	return 1;
}

/**
 * mdev_pci_match_native() - find the driver that the kernel would bind by itself
 * @pdev: the function, whose driver_override is empty
 *
 * Loads the driver, if modprobe knows one.
 *
 * Context: process context; waits for modprobe, so under no lock.
 * Return: the driver, for mdev_pci_match_put(), or NULL.
 */
struct device_driver *mdev_pci_match_native(struct pci_dev *pdev)
{
	struct search s = { .pdev = pdev };

	request_module("pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", pdev->vendor, pdev->device,
		       pdev->subsystem_vendor, pdev->subsystem_device, (u8)(pdev->class >> 16),
		       (u8)(pdev->class >> 8), (u8)pdev->class);
	bus_for_each_drv(&pci_bus_type, NULL, &s, is_native);
	return s.found;
}

static int is_better(struct device_driver *drv, void *data)
{
	struct search *s = data;
	int score;

	if (mdev_pci_match_is_whole(drv) != s->whole)
		return 0;
	score = score_driver(s->pdev, drv);
	if (score <= s->score || score >= s->below || !try_module_get(drv->owner))
		return 0;
	mdev_pci_match_put(s->found);
	s->found = drv;
	s->score = score;
	return 0;
}

/**
 * mdev_pci_match_load_vfio() - load all drivers that only driver_override binds to a function
 * @pdev: the function
 *
 * modprobe loads every module that has a fitting alias. The kernel's names of modules are too
 * short for all that an alias can have: those with subsystem and class are not found.
 *
 * Context: process context; waits for modprobe, so under no lock.
 */
void mdev_pci_match_load_vfio(struct pci_dev *pdev)
{
	request_module("vfio_pci:v%08Xd%08Xsv%08Xsd%08Xbcsci", pdev->vendor, pdev->device,
		       pdev->subsystem_vendor, pdev->subsystem_device);
	request_module("vfio_pci:v%08Xd%08Xsvsdbc%02Xsc%02Xi%02X", pdev->vendor, pdev->device,
		       (u8)(pdev->class >> 16), (u8)(pdev->class >> 8), (u8)pdev->class);
}

/**
 * mdev_pci_match_load_whole() - load all drivers that offer a function as a whole, as an mdev
 * @pdev: the function
 *
 * They have their own kind of alias. By a "vfio_pci:" alias user space would take them for drivers
 * that make a VFIO device.
 *
 * Context: process context; waits for modprobe, so under no lock.
 */
void mdev_pci_match_load_whole(struct pci_dev *pdev)
{
	request_module("mdev_pci:v%08Xd%08X", pdev->vendor, pdev->device);
}

/**
 * mdev_pci_match_override() - find the best driver that needs driver_override
 * @pdev: the function
 * @whole: one that offers it as a whole, as an mdev; else one of VFIO's
 * @below: it must fit less closely than this; set to how closely it does. INT_MAX at first
 *
 * Return: the driver, for mdev_pci_match_put(), or NULL.
 */
struct device_driver *mdev_pci_match_override(struct pci_dev *pdev, bool whole, int *below)
{
	struct search s = { .pdev = pdev, .whole = whole, .below = *below, .score = -1 };

	bus_for_each_drv(&pci_bus_type, NULL, &s, is_better);
	*below = s.score;
	return s.found;
}
