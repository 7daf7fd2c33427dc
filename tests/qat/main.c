// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives the reference device's PF as a QAT driver drives its own: it creates the VFs, and knows
 * nothing of VFIO and mdev-pci.
 */
#include <linux/module.h>

#include "stand-in.h"

static void stand_in_failed(struct refdev_queue *q, const char *why)
{
	pci_err(q->pdev, "stand-in: %s\n", why);
}

static int stand_in_vf(struct pci_dev *pf, u16 opcode, unsigned int vf)
{
	struct refdev_cmd cmd = { .opcode = opcode, .function = vf, .arg = { 1 } };

	return refdev_run(stand_in_queue(pf), &cmd);
}

static int stand_in_sriov(struct pci_dev *pf, int vfs)
{
	int n, ret;

	if (!vfs) {
		for (n = pci_num_vf(pf); n--;)
			stand_in_vf(pf, REFDEV_DISABLE, n);
		pci_disable_sriov(pf);
		return 0;
	}
	ret = pci_enable_sriov(pf, vfs);
	for (n = 0; n < vfs && !ret; n++)
		ret = stand_in_vf(pf, REFDEV_ENABLE, n);
	if (ret)
		pci_disable_sriov(pf);
	return ret ?: vfs;
}

static int stand_in_probe(struct pci_dev *pf, const struct pci_device_id *id)
{
	struct refdev *r = devm_kzalloc(&pf->dev, sizeof(*r), GFP_KERNEL);

	if (!r)
		return -ENOMEM;
	pci_set_drvdata(pf, r);
	return refdev_queue_init(&r->queue, pf, stand_in_failed) ?: refdev_acquire(r);
}

static void stand_in_remove(struct pci_dev *pf)
{
	stand_in_sriov(pf, 0);
	refdev_release(pci_get_drvdata(pf));
}

/* No MODULE_DEVICE_TABLE(): the device has a driver of its own, which udev is to load */
static const struct pci_device_id stand_in_ids[] = {
	{ PCI_DEVICE_SUB(REFDEV_VENDOR_ID, REFDEV_DEVICE_ID,
			 REFDEV_SUBVENDOR_ID, REFDEV_SUBDEVICE_ID) },
	{}
};

static struct pci_driver stand_in_driver = {
	.name = "4xxx",
	.id_table = stand_in_ids,
	.probe = stand_in_probe,
	.remove = stand_in_remove,
	.sriov_configure = stand_in_sriov,
};
module_pci_driver(stand_in_driver);

/* NULL: it is none of its PFs */
struct refdev_queue *stand_in_queue(struct pci_dev *pf)
{
	struct refdev *r;

	if (pf->driver != &stand_in_driver)
		return NULL;
	r = pci_get_drvdata(pf);
	return &r->queue;
}

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("A stand-in for intel_qat and 4xxx, on the reference device, for tests");
