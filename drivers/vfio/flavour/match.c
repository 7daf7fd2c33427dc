// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds PCI drivers: the one that a function has, its native one, and the best
 * of those that only take a function when driver_override names them.
 */
#include <linux/kmod.h>
#include <linux/module.h>

#include "flavour.h"

/* The search of bus_for_each_drv() */
struct search {
	struct pci_dev *pdev;
	enum flavour flavour;
	int below;
	int score;
	struct device_driver *found;
};

/*
 * How closely an ID of a VFIO driver matches, as user space counts it; -1: it
 * does not match
 */
static int score_id(struct pci_dev *pdev, const struct pci_device_id *id)
{
	const struct pci_device_id one[2] = { *id };

	if (id->override_only != PCI_ID_F_VFIO_DRIVER_OVERRIDE ||
	    !pci_match_id(one, pdev))
		return -1;
	return (id->vendor != PCI_ANY_ID) + (id->device != PCI_ANY_ID) +
	       (id->subvendor != PCI_ANY_ID) + (id->subdevice != PCI_ANY_ID) +
	       !!id->class_mask;
}

static int score_driver(struct pci_dev *pdev, struct device_driver *drv)
{
	const struct pci_device_id *id = to_pci_driver(drv)->id_table;
	int best = -1;

	for (; id && (id->vendor || id->subvendor || id->class_mask); id++)
		best = max(best, score_id(pdev, id));
	return best;
}

static bool is_provided(struct device_driver *drv)
{
	const struct driver_flavour_provider *p;
	bool ret;
	int index;

	index = srcu_read_lock(&flavour_srcu);
	p = srcu_dereference(flavour_provider, &flavour_srcu);
	ret = p && p->is_driver(drv);
	srcu_read_unlock(&flavour_srcu, index);
	return ret;
}

/**
 * flavour_of() - tell which flavour a driver gives a function
 * @pdev: the function
 * @drv: a PCI driver that is held
 *
 * Return: the flavour. VFIO's drivers are vfio-pci and its variants.
 */
enum flavour flavour_of(struct pci_dev *pdev, struct device_driver *drv)
{
	if (is_provided(drv))
		return FLAVOUR_PROVIDED;
	return score_driver(pdev, drv) < 0 ? FLAVOUR_NATIVE : FLAVOUR_VFIO;
}

/**
 * flavour_put_driver() - drop the reference to a driver
 * @drv: what one of the functions here has returned, or NULL
 */
void flavour_put_driver(struct device_driver *drv)
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
 * flavour_bound_driver() - get the driver that a function is bound to
 * @pdev: the function
 *
 * Does not wait for probe or remove of the function.
 *
 * Return: the driver, for flavour_put_driver(); NULL: none, or one that is
 * being unloaded.
 */
struct device_driver *flavour_bound_driver(struct pci_dev *pdev)
{
	struct search s = { .pdev = pdev };

	bus_for_each_drv(&pci_bus_type, NULL, &s, is_bound);
	return s.found;
}

/*
 * By the bus's rules, which include dynamic IDs; these may match a VFIO driver
 */
static int is_native(struct device_driver *drv, void *data)
{
	struct search *s = data;

	if (!drv->bus->match(&s->pdev->dev, drv) ||
	    flavour_of(s->pdev, drv) != FLAVOUR_NATIVE ||
	    !try_module_get(drv->owner))
		return 0;
	s->found = drv;
	return 1;
}

/**
 * flavour_native_driver() - find the driver that the kernel would bind by
 *	itself
 * @pdev: the function, whose driver_override is empty
 *
 * Loads the driver, if modprobe knows one.
 *
 * Context: process context; waits for modprobe, so under no lock.
 * Return: the driver, for flavour_put_driver(), or NULL.
 */
struct device_driver *flavour_native_driver(struct pci_dev *pdev)
{
	struct search s = { .pdev = pdev };

	request_module("pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X",
		       pdev->vendor, pdev->device, pdev->subsystem_vendor,
		       pdev->subsystem_device, (u8)(pdev->class >> 16),
		       (u8)(pdev->class >> 8), (u8)pdev->class);
	bus_for_each_drv(&pci_bus_type, NULL, &s, is_native);
	return s.found;
}

static int is_better(struct device_driver *drv, void *data)
{
	struct search *s = data;
	int score;

	if (flavour_of(s->pdev, drv) != s->flavour)
		return 0;
	score = score_driver(s->pdev, drv);
	if (score <= s->score || score >= s->below ||
	    !try_module_get(drv->owner))
		return 0;
	flavour_put_driver(s->found);
	s->found = drv;
	s->score = score;
	return 0;
}

/**
 * flavour_load_vfio() - load all drivers that only driver_override binds to a
 *	function
 * @pdev: the function
 *
 * modprobe loads every module that has a fitting alias. The kernel's names of
 * modules are too short for all that an alias can have: those with subsystem
 * and class are not found.
 *
 * Context: process context; waits for modprobe, so under no lock.
 */
void flavour_load_vfio(struct pci_dev *pdev)
{
	request_module("vfio_pci:v%08Xd%08Xsv%08Xsd%08Xbcsci", pdev->vendor, pdev->device,
		       pdev->subsystem_vendor, pdev->subsystem_device);
	request_module("vfio_pci:v%08Xd%08Xsvsdbc%02Xsc%02Xi%02X", pdev->vendor,
		       pdev->device, (u8)(pdev->class >> 16),
		       (u8)(pdev->class >> 8), (u8)pdev->class);
}

/**
 * flavour_load_provided() - load all drivers that give a function the
 *	provider's flavour
 * @pdev: the function
 * @p: the provider, which is kept
 *
 * They have their own kind of alias. By a "vfio_pci:" alias user space would
 * take them for drivers that make a VFIO device.
 *
 * Context: process context; waits for modprobe, so under no lock.
 */
void flavour_load_provided(struct pci_dev *pdev,
			   const struct driver_flavour_provider *p)
{
	request_module("%s:v%08Xd%08X", p->alias, pdev->vendor, pdev->device);
}

/**
 * flavour_best_driver() - find the best driver that needs driver_override
 * @pdev: the function
 * @flavour: of this flavour, which is not native
 * @below: it must fit less closely than this; set to how closely it does.
 *	INT_MAX at first
 *
 * Return: the driver, for flavour_put_driver(), or NULL.
 */
struct device_driver *flavour_best_driver(struct pci_dev *pdev,
					  enum flavour flavour, int *below)
{
	struct search s = {
		.pdev = pdev, .flavour = flavour, .below = *below, .score = -1
	};

	bus_for_each_drv(&pci_bus_type, NULL, &s, is_better);
	*below = s.score;
	return s.found;
}
