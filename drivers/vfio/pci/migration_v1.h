/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_MIGRATION_V1_H
#define VFIO_PCI_ENGINE_MIGRATION_V1_H

struct vfio_pci_core_device;
struct vfio_pci_migration;

int mig_v1_register(struct vfio_pci_core_device *core,
		    struct vfio_pci_migration *mig);

#endif /* VFIO_PCI_ENGINE_MIGRATION_V1_H */
