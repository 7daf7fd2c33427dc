// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets, link errors, system sleep and shutdown of the PF: the command queue
 * is stopped and started, and the framework is told what becomes of the VFs.
 */
#include <linux/pm.h>

#include "refdev.h"

/**
 * refdev_shutdown() - &pci_driver.shutdown
 * @pdev: the PF.
 *
 * Firmware must not write to the rings after kexec: their memory belongs to the
 * next kernel.
 */
void refdev_shutdown(struct pci_dev *pdev)
{
	struct refdev *r = mdev_pci_get_drvdata(pdev);

	if (r->acquired)
		refdev_queue_stop(&r->queue);
}

/* This and the functions below are not called while an mdev has the PF */
static void refdev_reset_prepare(struct pci_dev *pdev)
{
	struct refdev *r = pci_get_drvdata(pdev);

	mdev_pci_parent_error(pdev, "its PF is reset");
	if (r->acquired)
		refdev_queue_stop(&r->queue);
}

static void refdev_reset_done(struct pci_dev *pdev)
{
	struct refdev *r = pci_get_drvdata(pdev);

	if (!(r->acquired ? refdev_queue_start(&r->queue) : refdev_acquire(r)))
		mdev_pci_parent_restored(pdev);
}

static pci_ers_result_t refdev_error_detected(struct pci_dev *pdev,
					      pci_channel_state_t state)
{
	struct refdev *r = pci_get_drvdata(pdev);

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	refdev_queue_lost(&r->queue);
	refdev_reset_prepare(pdev);
	return state == pci_channel_io_frozen ? PCI_ERS_RESULT_NEED_RESET :
						PCI_ERS_RESULT_DISCONNECT;
}

static pci_ers_result_t refdev_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	/* Restoring forgets it */
	pci_save_state(pdev);
	refdev_reset_done(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

const struct pci_error_handlers refdev_err_handlers = {
	.error_detected = refdev_error_detected,
	.slot_reset = refdev_slot_reset,
	.reset_prepare = refdev_reset_prepare,
	.reset_done = refdev_reset_done,
};

static int refdev_suspend(struct device *dev)
{
	struct refdev *r = mdev_pci_get_drvdata(to_pci_dev(dev));
	int ret = mdev_pci_parent_suspend(to_pci_dev(dev));

	if (!ret && r->acquired)
		refdev_queue_stop(&r->queue);
	return ret;
}

static int refdev_resume(struct device *dev)
{
	struct refdev *r = mdev_pci_get_drvdata(to_pci_dev(dev));
	int ret = r->acquired ? refdev_queue_start(&r->queue) : 0;

	if (!ret)
		mdev_pci_parent_restored(to_pci_dev(dev));
	return ret;
}

DEFINE_SIMPLE_DEV_PM_OPS(refdev_pm_ops, refdev_suspend, refdev_resume);
