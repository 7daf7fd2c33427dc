/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_DEBUGFS_H
#define VFIO_PCI_ENGINE_DEBUGFS_H

struct dentry;
struct vfio_device;
struct vfio_pci_migration;

struct dentry *mig_debugfs_add(struct vfio_device *vdev,
			       struct vfio_pci_migration *mig);
void mig_debugfs_remove(struct dentry *own);

#endif /* VFIO_PCI_ENGINE_DEBUGFS_H */
