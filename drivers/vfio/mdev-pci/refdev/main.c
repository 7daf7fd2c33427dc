// SPDX-License-Identifier: GPL-2.0-only
/* The reference device's PF driver: offers its VFs as mediated devices. */
#include <linux/module.h>
#include <linux/modules_version.h>

#include "refdev.h"

static unsigned int num_vfs;
module_param(num_vfs, uint, 0444);
MODULE_PARM_DESC(num_vfs, "VFs to create on each PF when it is bound (default 0)");

static void refdev_failed(struct refdev_queue *q, const char *why)
{
	mdev_pci_parent_error(q->pdev, why);
}

static int refdev_register(struct refdev *r)
{
	const struct refdev_identify_page *info = &r->queue.info;
	unsigned int nr_types = refdev_make_types(r);

	r->desc = (struct mdev_pci_parent_desc) {
		.owner = THIS_MODULE,
		.model = "mdev-pci reference device",
		.ops = &refdev_parent_ops,
		.types = r->types,
		.nr_types = nr_types,
		.mig_caps = {
			.max_state = le64_to_cpu(info->state_bytes),
			.chunk = r->queue.max_transfer,
			.compat = le32_to_cpu(info->compat),
			.timeout_ms = refdev_timeout_ms(), .precopy = refdev_can_precopy(&r->queue),
		},
		.log_caps = refdev_log_caps(&r->queue),
		.num_vfs = num_vfs,
		.err_handlers = &refdev_err_handlers,
	};
	return mdev_pci_register_parent(r->queue.pdev, &r->desc);
}

static int refdev_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct refdev *r;
	int ret;

	r = devm_kzalloc(&pdev->dev, sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	pci_set_drvdata(pdev, r);

	ret = refdev_queue_init(&r->queue, pdev, refdev_failed) ?:
		      refdev_acquire(r);
	if (ret)
		return ret;
	refdev_debugfs_add(r);
	ret = refdev_register(r);
	if (!ret)
		return 0;

	refdev_debugfs_remove(r);
	refdev_release(r);
	return ret;
}

static void refdev_remove(struct pci_dev *pdev)
{
	struct refdev *r = mdev_pci_get_drvdata(pdev);

	/* Needs the queue, to take the VFs back */
	mdev_pci_unregister_parent(pdev);
	refdev_debugfs_remove(r);
	refdev_release(r);
}

static const struct pci_device_id refdev_ids[] = {
	{ PCI_DEVICE_SUB(REFDEV_VENDOR_ID, REFDEV_DEVICE_ID,
			 REFDEV_SUBVENDOR_ID, REFDEV_SUBDEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, refdev_ids);

static struct pci_driver refdev_driver = {
	.name = "refdev",
	.id_table = refdev_ids,
	.probe = refdev_probe,
	.remove = refdev_remove,
	.shutdown = refdev_shutdown,
	.sriov_configure = mdev_pci_sriov_configure,
	.err_handler = &mdev_pci_err_handlers,
	.driver.pm = pm_sleep_ptr(&refdev_pm_ops),
};
module_pci_driver(refdev_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("mdev-pci backend for the mdev-pci reference device");
MODULE_VERSION(MODULES_VERSION);
MDEV_PCI_MODULE_DEPS;
