/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio functions whose PF migrates them by commands of its administration
 * virtqueue
 */
#ifndef _MDEV_PCI_VIRTIO_H
#define _MDEV_PCI_VIRTIO_H

#include <linux/mdev_pci.h>

extern const struct vfio_pci_mig_ops virtio_mig_ops;

#endif /* _MDEV_PCI_VIRTIO_H */
