/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_DRIVER_PM_H
#define VFIO_PCI_ENGINE_DRIVER_PM_H

struct vfio_pci_core_device;

int driver_pm_register(struct vfio_pci_core_device *core);

#endif /* VFIO_PCI_ENGINE_DRIVER_PM_H */
