// SPDX-License-Identifier: GPL-2.0-only
/* The PF itself as an mdev, while this driver stays bound. */
#include "refdev.h"

/*
 * If firmware does not answer now, this driver could not take the device back
 * later either
 */
static int refdev_quiesce(struct pci_dev *pdev,
			  const struct mdev_pci_type *type)
{
	struct refdev *r = pci_get_drvdata(pdev);
	int ret = refdev_identify(&r->queue);

	if (!ret)
		refdev_release(r);
	return ret;
}

static int refdev_resume_pf(struct pci_dev *pdev)
{
	return refdev_acquire(pci_get_drvdata(pdev));
}

static const struct mdev_pci_pf_ops refdev_pf_ops = {
	.quiesce = refdev_quiesce,
	.resume = refdev_resume_pf,
};

const struct mdev_pci_type refdev_pf_type = {
	.name = "whole", .label = "the whole device, with its firmware's command queue",
	.pf_ops = &refdev_pf_ops, .not_migratable = "firmware moves the state of VFs only",
};
