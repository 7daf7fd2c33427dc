// SPDX-License-Identifier: GPL-2.0-only
/* Registering with vfio-pci-core: see fake_core.h. */
#include "fake_core.h"

static int (*armed)(struct vfio_pci_core_device *core);

/**
 * fake_core_begin() - what is done in vfio-pci-core's stead
 * @registers: with the function that is registered
 */
void fake_core_begin(int (*registers)(struct vfio_pci_core_device *core))
{
	armed = registers;
}

/**
 * fake_core_register() - vfio_pci_core_register_device()
 * @core: the function
 *
 * Return: what the test's call returns.
 */
int fake_core_register(struct vfio_pci_core_device *core)
{
	return armed(core);
}
