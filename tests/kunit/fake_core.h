/* SPDX-License-Identifier: GPL-2.0-only */
/* vfio-pci-core as the engine registers a function with it: a call of the test's. */
#ifndef KUNIT_FAKE_CORE_H
#define KUNIT_FAKE_CORE_H

#include <linux/vfio_pci_core.h>

void fake_core_begin(int (*registers)(struct vfio_pci_core_device *core));
int fake_core_register(struct vfio_pci_core_device *core);

#endif /* KUNIT_FAKE_CORE_H */
