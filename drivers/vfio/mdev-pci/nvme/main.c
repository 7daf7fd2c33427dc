// SPDX-License-Identifier: GPL-2.0-only
/*
 * PF driver for NVMe controllers with SR-IOV as mdev parents. It uses only the
 * admin queue and standard commands. To use namespaces on the host, leave the
 * PF to the nvme driver.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/modules_version.h>

#include "nvme.h"

static unsigned int num_vfs;
module_param(num_vfs, uint, 0444);
MODULE_PARM_DESC(num_vfs, "VFs to create on each PF when it is bound (default 0)");

static void npf_failed(struct npf_queue *q, const char *why)
{
	mdev_pci_parent_error(q->pdev, why);
}

static int npf_register(struct npf *npf)
{
	int nr_types = npf_set_types(npf);

	if (nr_types < 0)
		return nr_types;
	npf->desc = (struct mdev_pci_parent_desc) {
		.owner = THIS_MODULE,
		.model = npf->id.model,
		.ops = &npf_parent_ops,
		.types = npf->types,
		.nr_types = nr_types,
		.mig_caps = npf_mig_caps(npf),
		.num_vfs = num_vfs,
	};
	return mdev_pci_register_parent(npf->queue.pdev, &npf->desc);
}

static int npf_map(struct pci_dev *pdev)
{
	int ret = pcim_enable_device(pdev) ?: pcim_iomap_regions(pdev, BIT(0), "nvme-pf") ?:
		  dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));

	if (ret)
		dev_err_probe(&pdev->dev, ret, "can't use the controller's registers or DMA\n");
	return ret;
}

static int npf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct npf *npf;
	int ret;

	if (pdev->class != PCI_CLASS_STORAGE_EXPRESS ||
	    !pci_sriov_get_totalvfs(pdev)) {
		dev_err(&pdev->dev, "is no NVMe controller with SR-IOV; clear its driver_override\n");
		return -ENODEV;
	}
	npf = devm_kzalloc(&pdev->dev, sizeof(*npf), GFP_KERNEL);
	if (!npf)
		return -ENOMEM;
	mutex_init(&npf->virt_lock);
	pci_set_drvdata(pdev, npf);

	ret = npf_map(pdev);
	if (ret)
		return ret;
	ret = npf_queue_init(&npf->queue, pdev, pcim_iomap_table(pdev)[0],
			     npf_failed);
	if (ret)
		return ret;
	ret = npf_queue_start(&npf->queue);
	if (ret)
		goto err_queue;
	/* For npf_slot_reset() */
	pci_save_state(pdev);
	ret = npf_identify(npf) ?: npf_take_primary(npf) ?: npf_register(npf);
	if (!ret)
		return 0;

	npf_return_primary(npf);
	npf_queue_stop(&npf->queue);
err_queue:
	npf_queue_free(&npf->queue);
	return ret;
}

static void npf_remove(struct pci_dev *pdev)
{
	struct npf *npf = pci_get_drvdata(pdev);

	/* Needs the queue, to take the resources back */
	mdev_pci_unregister_parent(pdev);
	npf_return_primary(npf);
	npf_queue_shutdown(&npf->queue);
	npf_queue_free(&npf->queue);
}

/*
 * The controller must not write to the rings after kexec: the next kernel owns
 * their memory
 */
static void npf_shutdown(struct pci_dev *pdev)
{
	struct npf *npf = pci_get_drvdata(pdev);

	npf_queue_shutdown(&npf->queue);
}

static void npf_reset_prepare(struct pci_dev *pdev)
{
	struct npf *npf = pci_get_drvdata(pdev);

	mdev_pci_parent_error(pdev, "its PF is reset");
	npf_queue_stop(&npf->queue);
}

static int npf_restart(struct pci_dev *pdev)
{
	struct npf *npf = pci_get_drvdata(pdev);
	int ret = npf_queue_start(&npf->queue);

	if (ret)
		return ret;
	ret = npf_identify(npf);
	if (ret)
		npf_queue_stop(&npf->queue);
	else
		mdev_pci_parent_restored(pdev);
	return ret;
}

static void npf_reset_done(struct pci_dev *pdev)
{
	npf_restart(pdev);
}

static int npf_suspend(struct device *dev)
{
	struct npf *npf = dev_get_drvdata(dev);
	int ret = mdev_pci_parent_suspend(to_pci_dev(dev));

	if (!ret)
		npf_queue_shutdown(&npf->queue);
	return ret;
}

static int npf_resume(struct device *dev)
{
	return npf_restart(to_pci_dev(dev));
}

static DEFINE_SIMPLE_DEV_PM_OPS(npf_pm_ops, npf_suspend, npf_resume);

static pci_ers_result_t npf_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	struct npf *npf = pci_get_drvdata(pdev);

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	npf_queue_lost(&npf->queue);
	npf_reset_prepare(pdev);
	return state == pci_channel_io_frozen ? PCI_ERS_RESULT_NEED_RESET :
						PCI_ERS_RESULT_DISCONNECT;
}

static pci_ers_result_t npf_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	/* Restoring forgets it */
	pci_save_state(pdev);
	npf_reset_done(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers npf_err_handlers = {
	.error_detected = npf_error_detected,
	.slot_reset = npf_slot_reset,
	.reset_prepare = npf_reset_prepare,
	.reset_done = npf_reset_done,
};

/*
 * No ID table: a controller is bound only on request, by driver_override or
 * new_id, and not because the module is loaded. The name nvme belongs to the
 * kernel's own driver.
 */
static struct pci_driver npf_driver = {
	.name = "nvme-pf",
	.probe = npf_probe,
	.remove = npf_remove,
	.shutdown = npf_shutdown,
	.sriov_configure = mdev_pci_sriov_configure,
	.err_handler = &npf_err_handlers,
	.driver.pm = pm_sleep_ptr(&npf_pm_ops),
};
module_pci_driver(npf_driver);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("mdev-pci backend for NVMe controllers with SR-IOV");
MODULE_VERSION(MODULES_VERSION);
MDEV_PCI_MODULE_DEPS;
