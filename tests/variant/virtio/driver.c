// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO driver for virtio VFs of upstream's shape, on the engine alone: it is bound to the VF, and
 * neither mdev nor mdev-pci is loaded. Firmware's operations are those of mdev-pci-virtio.
 */
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_pci_admin.h>

#include "../../../drivers/vfio/mdev-pci/virtio/virtio.h"

static const struct vfio_pci_mig_caps virtiovf_caps = {
	.max_state = SZ_16M,
	.max_chunk = SZ_16M,
	.compat = 1,
	.timeout_ms = 10000,
	.kind = VFIO_PCI_BUF_SG,
	.headroom = sizeof(struct virtio_admin_cmd_resource_obj_cmd_hdr),
	.framed = true,
	.unbounded = true,
};

static int virtiovf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	bool migrates = pdev->is_virtfn && virtio_pci_admin_has_dev_parts(pdev);
	struct vfio_pci_fn *fn = devm_kzalloc(&pdev->dev, sizeof(*fn), GFP_KERNEL);
	struct vfio_pci_engine_desc desc = {
		.fn = fn,
		.owner = THIS_MODULE,
		.type = "virtio-vf",
		.mig_ops = migrates ? &virtio_mig_ops : NULL,
		.mig_caps = &virtiovf_caps,
	};

	if (!fn)
		return -ENOMEM;
	fn->pdev = pdev;
	fn->pf = pci_physfn(pdev);
	fn->id = pdev->is_virtfn ? pci_iov_vf_id(pdev) : 0;
	return PTR_ERR_OR_ZERO(vfio_pci_engine_register(&desc));
}

static void virtiovf_remove(struct pci_dev *pdev)
{
	vfio_pci_engine_unregister(vfio_pci_engine_of(pdev));
}

static const struct pci_device_id virtiovf_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1041) },
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1042) },
	{ }
};
MODULE_DEVICE_TABLE(pci, virtiovf_ids);

static struct pci_driver virtiovf_driver = {
	.name = "virtio-engine-vfio-pci",
	.id_table = virtiovf_ids,
	.probe = virtiovf_probe,
	.remove = virtiovf_remove,
	.err_handler = &vfio_pci_engine_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(virtiovf_driver);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("VFIO driver for virtio VFs on vfio-pci-engine, without mdevs");
