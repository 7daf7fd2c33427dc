// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vendor module to begin with: the PF driver of a device that does not exist. It compiles and
 * binds to nothing. docs/vendor-guide.rst explains each step; include/linux/mdev_pci.h and
 * vfio_pci_engine.h say what each operation may do and return.
 */
#include <linux/mdev_pci.h>
#include <linux/module.h>

struct acme {
	void __iomem *regs;
	/* Here: the firmware's command queue, a lock for it */
};

/* An mdev is created: have firmware give the VF the resources of type->profile */
static int acme_enable(struct vfio_pci_fn *fn, const struct mdev_pci_type *type,
		       struct mdev_pci_limits *limits)
{
	return 0;
}

/* It was removed: take them back */
static void acme_disable(struct vfio_pci_fn *fn)
{
}

/* Firmware stops the VF (P2P: it begins no DMA; FULL: nothing of it changes), and lets it go on */
static int acme_suspend(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	return -EOPNOTSUPP;
}

static int acme_resume(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	return -EOPNOTSUPP;
}

/* The size in bytes of what acme_save() would give now */
static int acme_state_size(struct vfio_pci_fn *fn, u64 *size)
{
	return -EOPNOTSUPP;
}

/* Firmware writes state from buf->offset on to buf->sgt, by DMA; set buf->len and buf->last */
static int acme_save(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	return -EOPNOTSUPP;
}

/* Firmware reads buf->len bytes of state at buf->sgt; with buf->last it takes effect */
static int acme_load(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	return -EOPNOTSUPP;
}

static const struct vfio_pci_mig_ops acme_mig_ops = {
	.suspend = acme_suspend,
	.resume = acme_resume,
	.state_size = acme_state_size,
	.save = acme_save,
	.load = acme_load,
};

static const struct mdev_pci_parent_ops acme_parent_ops = {
	.enable = acme_enable,
	.disable = acme_disable,
};

static const struct mdev_pci_type acme_types[] = {
	{ .name = "vf", .label = "VF, all queues", .profile = 0, .mig_ops = &acme_mig_ops },
	{ .name = "vf-small", .label = "VF, one queue", .profile = 1, .mig_ops = &acme_mig_ops },
};

static const struct mdev_pci_parent_desc acme_desc = {
	.owner = THIS_MODULE,
	.model = "ACME accelerator",
	.ops = &acme_parent_ops,
	.types = acme_types,
	.nr_types = ARRAY_SIZE(acme_types),
	/* As firmware's documents have it: the largest state, and its version */
	.mig_caps = { .max_state = 1024 * 1024, .compat = 1 },
};

static int acme_probe(struct pci_dev *pf, const struct pci_device_id *id)
{
	struct acme *acme = devm_kzalloc(&pf->dev, sizeof(*acme), GFP_KERNEL);

	if (!acme)
		return -ENOMEM;
	/* Here: pcim_enable_device(), BARs, DMA mask, firmware. Registration comes last */
	pci_set_drvdata(pf, acme);
	return mdev_pci_register_parent(pf, &acme_desc);
}

static void acme_remove(struct pci_dev *pf)
{
	/* First: it waits for users, and disables the VFs */
	mdev_pci_unregister_parent(pf);
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
