// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flavour "mdev" of driver_flavour (../flavour): VFs of parents, which are
 * bound to mdev-pci, and functions that their driver offers as mdevs.
 */
#include <linux/driver_flavour.h>
#include <linux/module.h>

#include "mdev-pci.h"

/*
 * A driver that is made for mdev_pci_register_function(), which asks for these
 * handlers; or ours
 */
static bool is_driver(struct device_driver *drv)
{
	return to_pci_driver(drv)->err_handler == &vfio_pci_engine_err_handlers;
}

static bool is_offered(struct pci_dev *pdev)
{
	struct mdev_pci_parent *parent;
	bool ret;

	if (!pdev->is_virtfn)
		return false;
	parent = mdev_pci_parent_find(pci_physfn(pdev));
	if (!parent)
		return false;
	ret = !parent->function_only && !READ_ONCE(parent->unregistering);
	mdev_pci_parent_put(parent);
	return ret;
}

static bool is_busy(struct pci_dev *pdev, char *why, size_t size)
{
	char uuid[UUID_STRING_LEN + 1];

	if (!mdev_pci_function_user(pdev, uuid, sizeof(uuid)))
		return false;
	snprintf(why, size, "mdev %s uses the function; remove the mdev first", uuid);
	return true;
}

static const char not_offered[] =
	"the function is neither a VF of an mdev-pci parent nor a whole function with a driver";

static const struct driver_flavour_provider provider = {
	.owner = THIS_MODULE,
	.name = "mdev",
	.alias = "mdev_pci",
	.not_offered = not_offered,
	.driver = &mdev_pci_function_driver.driver,
	.is_driver = is_driver,
	.is_offered = is_offered,
	.is_busy = is_busy,
	.stop_claims = mdev_pci_function_stop_claims,
};

/**
 * mdev_pci_flavour_init() - let users switch functions to "mdev"
 *
 * Return: 0; -EBUSY: another module brings a flavour.
 */
int mdev_pci_flavour_init(void)
{
	return driver_flavour_register(&provider);
}

/**
 * mdev_pci_flavour_exit() - undo mdev_pci_flavour_init()
 */
void mdev_pci_flavour_exit(void)
{
	driver_flavour_unregister(&provider);
}

/* With it driver_flavour finds this module when "mdev" is written */
MODULE_ALIAS("driver-flavour-mdev");
