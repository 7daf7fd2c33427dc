// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detects resets of functions without their user's knowledge: a reset of the PF
 * resets its VFs, too, and a PF driver that does not know mdev-pci does not
 * report it. The function then does nothing until its user sets it up anew, and
 * neither user nor guest knows.
 *
 * The kernel knows whether it has enabled MSI or MSI-X for the user. A function
 * that has lost the enable bit was reset. A check reads 16 bits of the
 * configuration space, every WATCH_MS, while the device is open. A function
 * without such interrupts is not watched.
 */
#include <linux/pci.h>

#include "watch.h"

#define WATCH_MS	5000
/* After a first suspicion: resets that are known take less */
#define SUSPECT_MS	1000

static bool has_lost_bit(struct pci_dev *pdev, int where, u16 bit)
{
	u16 value;

	/* A function that is not there reads as all ones */
	return !pci_read_config_word(pdev, where, &value) && !(value & bit);
}

static bool has_lost_interrupts(struct pci_dev *pdev)
{
	/* Asleep it has other things to lose */
	if (pdev->current_state != PCI_D0)
		return false;
	if (pdev->msix_enabled)
		return has_lost_bit(pdev, pdev->msix_cap + PCI_MSIX_FLAGS,
				    PCI_MSIX_FLAGS_ENABLE);
	return pdev->msi_enabled &&
	       has_lost_bit(pdev, pdev->msi_cap + PCI_MSI_FLAGS,
			    PCI_MSI_FLAGS_ENABLE);
}

static void look(struct work_struct *work)
{
	struct watch *w =
		container_of(to_delayed_work(work), struct watch, work);
	bool lost = false;

	/* Held while VFIO resets the function */
	if (down_read_trylock(&w->core->memory_lock)) {
		lost = has_lost_interrupts(w->core->pdev);
		up_read(&w->core->memory_lock);
	}
	if (lost && w->suspected && !w->told)
		w->lost(w->core);
	w->told = lost && w->suspected;
	w->suspected = lost;
	schedule_delayed_work(&w->work,
			      msecs_to_jiffies(lost && !w->told ? SUSPECT_MS : WATCH_MS));
}

/**
 * watch_init() - prepare to watch a function
 * @w: the watch
 * @core: its device
 * @lost: to be called in process context, without locks, when the function was
 *	reset
 */
void watch_init(struct watch *w, struct vfio_pci_core_device *core,
		void (*lost)(struct vfio_pci_core_device *core))
{
	INIT_DELAYED_WORK(&w->work, look);
	w->core = core;
	w->lost = lost;
}

/**
 * watch_begin() - watch from now on
 * @w: the watch, of a device that was opened
 */
void watch_begin(struct watch *w)
{
	w->suspected = false;
	w->told = false;
	schedule_delayed_work(&w->work, msecs_to_jiffies(WATCH_MS));
}

/**
 * watch_end() - watch no more
 * @w: the watch, of a device that is about to be closed
 *
 * Waits for &watch.lost.
 */
void watch_end(struct watch *w)
{
	cancel_delayed_work_sync(&w->work);
}
