// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVIDIA GPUs with NVLink2 and IBM's NPU2 bridges as mdevs, each as a whole
 * function. vfio-pci's vendor code did this up to Linux 5.12.
 */
#include <linux/module.h>
#include <linux/modules_version.h>
#include <linux/pci.h>

#include "nvlink2.h"

static const struct mdev_pci_parent_ops parent_ops = {
	.show = nvlink2_peers_show,
};

static const struct mdev_pci_type gpu_types[] = {
	{ .name = "gpu", .label = "GPU with its RAM behind NVLink2", .nvlink2 = &nvlink2_ops,
	  .not_migratable = "a GPU's state can't be saved" },
};

static const struct mdev_pci_type link_types[] = {
	{ .name = "link", .label = "NVLink2 bridge", .nvlink2 = &nvlink2_ops,
	  .not_migratable = "a bridge's state can't be saved" },
};

static const struct mdev_pci_parent_desc gpu_desc = {
	.owner = THIS_MODULE,
	.model = "NVIDIA GPU",
	.ops = &parent_ops,
	.types = gpu_types,
	.nr_types = ARRAY_SIZE(gpu_types),
};

static const struct mdev_pci_parent_desc link_desc = {
	.owner = THIS_MODULE,
	.model = "IBM NPU2 bridge",
	.ops = &parent_ops,
	.types = link_types,
	.nr_types = ARRAY_SIZE(link_types),
};

static int nvlink2_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = nvlink2_peers_add(pdev);

	if (ret)
		return ret;
	ret = mdev_pci_register_function(pdev, pdev->vendor == PCI_VENDOR_ID_NVIDIA ?
					       &gpu_desc : &link_desc);
	if (ret)
		nvlink2_peers_del(pdev);
	else
		nvlink2_peers_changed();
	return ret;
}

static void nvlink2_remove(struct pci_dev *pdev)
{
	mdev_pci_unregister_function(pdev);
	nvlink2_peers_del(pdev);
	nvlink2_peers_changed();
}

/*
 * No MODULE_DEVICE_TABLE(): it would give the module "vfio_pci:" aliases, by
 * which libvirt finds a driver that makes a VFIO device of a function. This
 * driver makes one only for an mdev. A function is bound to it by
 * driver_override or driver_flavour.
 */
static const struct pci_device_id nvlink2_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_NVIDIA, PCI_ANY_ID) },
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_IBM, PCI_ANY_ID) },
	{}
};

/* For driver_flavour only */
MODULE_ALIAS("mdev_pci:v000010DEd*");
MODULE_ALIAS("mdev_pci:v00001014d*");

static struct pci_driver nvlink2_driver = {
	.name = "nvlink2",
	.id_table = nvlink2_ids,
	.probe = nvlink2_probe,
	.remove = nvlink2_remove,
	.err_handler = &vfio_pci_engine_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(nvlink2_driver);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("mdev-pci backend for GPUs and bridges with NVLink2");
MODULE_VERSION(MODULES_VERSION);
MDEV_PCI_MODULE_DEPS;
