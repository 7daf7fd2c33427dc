// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the framework asks of the kernel's headers, besides what the engine does: see
 * ../pci/have.c.
 */
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/pci.h>

/* HAVE_VFIO_MDEV, required: CONFIG_VFIO_MDEV */
static_assert(IS_ENABLED(CONFIG_VFIO_MDEV));

/* HAVE_MDEV_TYPES, required: mdev parents with an array of types (6.1) */
static int have_mdev_types(struct mdev_parent *parent, struct device *dev,
			   struct mdev_driver *drv, struct mdev_type **types)
{
	drv->probe = NULL;
	drv->remove = NULL;
	drv->get_available = NULL;
	drv->show_description = NULL;
	drv->device_api = NULL;
	return mdev_register_driver(drv) + mdev_register_parent(parent, dev, drv, types, 1);
}

/* HAVE_MANAGED_DMA, required: drivers that leave DMA to their users (5.19) */
static struct pci_driver have_managed_dma = {
	.driver_managed_dma = true,
};
