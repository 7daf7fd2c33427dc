// SPDX-License-Identifier: GPL-2.0-only
/*
 * Start and stop using the device: at bind and unbind, and while this driver
 * stays bound and an mdev has the PF.
 */
#include <linux/dma-mapping.h>

#include "refdev.h"

#define REFDEV_BAR	0

/* No devres: it releases resources only when the driver is unbound */
static void __iomem *refdev_map(struct pci_dev *pdev)
{
	void __iomem *regs;
	int ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return IOMEM_ERR_PTR(ret);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64)) ?:
	      pci_request_region(pdev, REFDEV_BAR, "refdev");
	if (ret)
		goto disable;
	regs = pci_iomap(pdev, REFDEV_BAR, 0);
	if (regs)
		return regs;
	ret = -ENOMEM;
	pci_release_region(pdev, REFDEV_BAR);
disable:
	pci_disable_device(pdev);
	return IOMEM_ERR_PTR(ret);
}

static void refdev_unmap(struct pci_dev *pdev, void __iomem *regs)
{
	pci_iounmap(pdev, regs);
	pci_release_region(pdev, REFDEV_BAR);
	pci_disable_device(pdev);
}

/**
 * refdev_acquire() - start using the device
 * @r: the PF; its queue has been initialized.
 *
 * Context: process context, under device_lock() of the PF; sleeps.
 * Return: 0 or a negative errno; the reason was logged.
 */
int refdev_acquire(struct refdev *r)
{
	struct pci_dev *pdev = r->queue.pdev;
	void __iomem *regs = refdev_map(pdev);
	int ret;

	if (IS_ERR(regs))
		return dev_err_probe(&pdev->dev, PTR_ERR(regs),
				     "can't use the device's registers or DMA\n");
	ret = refdev_queue_attach(&r->queue, regs);
	if (ret)
		goto unmap;
	ret = refdev_queue_start(&r->queue);
	if (ret)
		goto detach;
	/* For refdev_slot_reset() */
	pci_save_state(pdev);
	r->acquired = true;
	return 0;

detach:
	refdev_queue_detach(&r->queue);
unmap:
	refdev_unmap(pdev, regs);
	return ret;
}

/**
 * refdev_release() - stop using the device
 * @r: the PF; it may be stopped already.
 *
 * Context: as refdev_acquire().
 */
void refdev_release(struct refdev *r)
{
	void __iomem *regs = r->queue.regs;

	if (!r->acquired)
		return;
	r->acquired = false;
	refdev_queue_stop(&r->queue);
	refdev_queue_detach(&r->queue);
	refdev_unmap(r->queue.pdev, regs);
}
