/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_WATCH_H
#define VFIO_PCI_ENGINE_WATCH_H

#include <linux/vfio_pci_core.h>
#include <linux/workqueue.h>

/**
 * struct watch - detects resets of an open function by others
 * @work: looks at it
 * @core: the function's device
 * @lost: is called if so
 * @suspected: the last check found it reset, and may have come in the middle of
 *	a reset
 * @told: @lost was called, and the function has not been set up since
 */
struct watch {
	struct delayed_work work;
	struct vfio_pci_core_device *core;
	void (*lost)(struct vfio_pci_core_device *core);
	bool suspected;
	bool told;
};

void watch_init(struct watch *w, struct vfio_pci_core_device *core,
		void (*lost)(struct vfio_pci_core_device *core));
void watch_begin(struct watch *w);
void watch_end(struct watch *w);

#endif /* VFIO_PCI_ENGINE_WATCH_H */
