/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GPUs and bridges with NVLink2 as mdevs: declarations shared by this module's
 * files.
 */
#ifndef MDEV_PCI_NVLINK2_H
#define MDEV_PCI_NVLINK2_H

#include <linux/mdev_pci.h>

/* ram.c */
extern const struct vfio_pci_nvlink2_ops nvlink2_ops;

/* peers.c */
int nvlink2_peers_add(struct pci_dev *pdev);
void nvlink2_peers_del(struct pci_dev *pdev);
void nvlink2_peers_changed(void);
int nvlink2_peers_show(struct pci_dev *pdev, char *buf, size_t size);

#endif /* MDEV_PCI_NVLINK2_H */
