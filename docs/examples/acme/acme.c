// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vendor module to begin with: the PF driver of a device that does not exist. It compiles and
 * binds to nothing. docs/vendor-guide.rst explains each step; linux/mdev_pci.h says what each
 * operation may do and return. ../acme-refdev is the same for real firmware, with migration.
 */
#include <linux/mdev_pci.h>
#include <linux/module.h>

/* An mdev is created: have firmware give the VF the resources of type->profile */
static int acme_enable(struct vfio_pci_fn *fn, const struct mdev_pci_type *type,
		       struct mdev_pci_limits *limits)
{
	return 0;
}

/* The mdev is removed: have firmware free these resources */
static void acme_disable(struct vfio_pci_fn *fn)
{
}

static const struct mdev_pci_parent_ops acme_parent_ops = {
	.enable = acme_enable,
	.disable = acme_disable,
};

/*
 * To migrate: .mig_ops in place of .not_migratable. Firmware suspends and resumes a VF (P2P: it
 * begins no DMA; FULL: nothing of it changes), tells the size of its state, saves it to buf->sgt,
 * and loads it from there. Copy acme-refdev/migrate.c, which has all five operations.
 */
#define ACME_WHY "this driver has no migration yet"

static const struct mdev_pci_type acme_types[] = {
	{ .name = "vf", .label = "all queues", .profile = 0, .not_migratable = ACME_WHY },
	{ .name = "vf-small", .label = "one queue", .profile = 1, .not_migratable = ACME_WHY },
};

static const struct mdev_pci_parent_desc acme_desc = {
	.owner = THIS_MODULE,
	.model = "ACME accelerator",
	.ops = &acme_parent_ops,
	.types = acme_types,
	.nr_types = ARRAY_SIZE(acme_types),
	/* With migration: .mig_caps, the largest state and its version, by firmware's documents */
};

static int acme_probe(struct pci_dev *pf, const struct pci_device_id *id)
{
	/* First: pcim_enable_device(), BARs, DMA mask, firmware, pci_set_drvdata() */
	return mdev_pci_register_parent(pf, &acme_desc);
}

static void acme_remove(struct pci_dev *pf)
{
	/* It waits for users and disables the VFs, so firmware is still needed */
	mdev_pci_unregister_parent(pf);
	/* Last: what probe began with */
}

static const struct pci_device_id acme_ids[] = {
	/* Here: { PCI_DEVICE(vendor, device) }, */
	{ }
};
MODULE_DEVICE_TABLE(pci, acme_ids);

static struct pci_driver acme_driver = {
	.name = "acme",
	.id_table = acme_ids,
	.probe = acme_probe,
	.remove = acme_remove,
	.sriov_configure = mdev_pci_sriov_configure,
};
module_pci_driver(acme_driver);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("ACME");
MODULE_DESCRIPTION("ACME accelerator: its VFs as mediated devices");
MDEV_PCI_MODULE_DEPS;
