// SPDX-License-Identifier: GPL-2.0-only
/* What mdev-pci-virtio asks of the kernel's headers: see ../../have.sh */
#include <linux/pci.h>
#if __has_include("linux/virtio_pci_admin.h")
#include <linux/virtio_pci_admin.h>
#endif

/*
 * HAVE_VIRTIO_DEV_PARTS, required: virtio_pci with device parts (6.13)
 * exports: virtio_pci_admin_has_dev_parts virtio_pci_admin_dev_parts_get
 */
static int have_virtio_dev_parts(struct pci_dev *pdev, struct scatterlist *sg, u32 *size, u32 *id)
{
	if (!virtio_pci_admin_has_dev_parts(pdev))
		return 0;
	return virtio_pci_admin_mode_set(pdev, 0) +
	       virtio_pci_admin_obj_create(pdev, 0, 0, id) +
	       virtio_pci_admin_obj_destroy(pdev, 0, 0) +
	       virtio_pci_admin_dev_parts_metadata_get(pdev, 0, 0, 0, size) +
	       virtio_pci_admin_dev_parts_get(pdev, 0, 0, 0, sg, size) +
	       virtio_pci_admin_dev_parts_set(pdev, sg);
}
