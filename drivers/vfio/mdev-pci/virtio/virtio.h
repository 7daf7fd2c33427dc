/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtio functions whose PF migrates them by commands of its administration virtqueue */
#ifndef _MDEV_PCI_VIRTIO_H
#define _MDEV_PCI_VIRTIO_H

#include <linux/sizes.h>
#include <linux/vfio_pci_engine.h>

/* Virtio names no limit; blk and net of today have a few KiB */
#define VIRTIO_MAX_STATE	SZ_16M

extern const struct vfio_pci_mig_ops virtio_mig_ops;

#endif /* _MDEV_PCI_VIRTIO_H */
