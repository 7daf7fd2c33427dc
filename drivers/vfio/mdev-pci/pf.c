// SPDX-License-Identifier: GPL-2.0-only
/*
 * PFs that are assigned themselves while their own driver stays bound: the
 * driver releases the device, a VFIO user has it, and the driver takes it back.
 *
 * This file does what the driver core does between two drivers of a device: the
 * owner of the IOMMU group, the driver data, runtime power management, a reset.
 * vfio-pci-core finds its device by the driver data, so the vendor driver's are
 * saved. A call of the PF's driver meanwhile, such as an error or a reset by
 * the PCI core, would use the wrong driver data: mdev_pci_err_handlers and
 * mdev_pci_get_drvdata() prevent that.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>

#include "mdev-pci.h"

/* VFIO assigns no bridges, so they have no user */
static int find_neighbour(struct device *dev, void *data)
{
	struct device **found = data;

	if (dev == *found ||
	    (dev_is_pci(dev) && pci_is_bridge(to_pci_dev(dev))))
		return 0;
	*found = get_device(dev);
	return 1;
}

/**
 * mdev_pci_pf_neighbour() - find another device in the PF's IOMMU group
 * @pf: the PF, which has one
 *
 * A user of that could keep the driver from taking the PF back.
 *
 * Context: process context; sleeps.
 * Return: one of the others, with a reference; NULL: there are none but
 * bridges.
 */
struct device *mdev_pci_pf_neighbour(struct pci_dev *pf)
{
	struct iommu_group *group = iommu_group_get(&pf->dev);
	struct device *dev = &pf->dev;
	int found;

	if (!group)
		return NULL;
	found = iommu_group_for_each_dev(group, &dev, find_neighbour);
	iommu_group_put(group);
	return found ? dev : NULL;
}

/* bus_for_each_drv() keeps a driver registered, even if it is being unbound */
static int bound_uses_dma(struct device_driver *drv, void *data)
{
	const struct device *dev = data;

	return READ_ONCE(dev->driver) == drv &&
	       !to_pci_driver(drv)->driver_managed_dma;
}

static bool uses_dma(struct device *dev)
{
	if (!dev_is_pci(dev))
		return READ_ONCE(dev->driver);
	return bus_for_each_drv(&pci_bus_type, NULL, dev, bound_uses_dma);
}

static int find_owner(struct device *dev, void *data)
{
	struct device **found = data;

	if (dev == *found || !uses_dma(dev))
		return 0;
	*found = get_device(dev);
	return 1;
}

/**
 * mdev_pci_group_owner() - find the device whose driver keeps the IOMMU group
 *	from VFIO
 * @pdev: the function
 *
 * Context: process context; sleeps.
 * Return: one of the others in the group, with a reference; NULL: there is
 * none.
 */
struct device *mdev_pci_group_owner(struct pci_dev *pdev)
{
	struct iommu_group *group = iommu_group_get(&pdev->dev);
	struct device *dev = &pdev->dev;
	int found;

	if (!group)
		return NULL;
	found = iommu_group_for_each_dev(group, &dev, find_owner);
	iommu_group_put(group);
	return found ? dev : NULL;
}

/*
 * The bus's own operations, by which the driver core gives the group to a
 * driver's DMA and takes it back: iommu_device_use_default_domain() is not
 * exported (docs/kernel-internals.rst). Of drivers with driver_managed_dma they
 * do nothing.
 */
static void disown_dma(struct pci_dev *pf)
{
	device_lock_assert(&pf->dev);
	pf->dev.bus->dma_cleanup(&pf->dev);
}

static int own_dma(struct pci_dev *pf)
{
	device_lock_assert(&pf->dev);
	/* The bus makes the map again, as it does between two drivers */
	kfree(pf->dev.dma_range_map);
	pf->dev.dma_range_map = NULL;
	return pf->dev.bus->dma_configure(&pf->dev);
}

/**
 * mdev_pci_pf_assign() - assign the PF: its driver releases it
 * @parent: the parent
 * @type: its type
 *
 * Context: process context, under device_lock() of the PF; sleeps.
 * Return: 0; an errno of &mdev_pci_pf_ops.quiesce; or the device could not be
 * woken up.
 */
int mdev_pci_pf_assign(struct mdev_pci_parent *parent,
		       const struct mdev_pci_type *type)
{
	struct pci_dev *pf = parent->pf;
	int ret;

	device_lock_assert(&pf->dev);
	ret = pm_runtime_resume_and_get(&pf->dev);
	if (ret)
		return ret;
	ret = vfio_pci_engine_result(&pf->dev, "quiesce", type->pf_ops->quiesce(pf, type));
	if (ret) {
		pm_runtime_put(&pf->dev);
		return ret;
	}
	/*
	 * vfio-pci-core drops one; if it were the last, the PF's driver would
	 * be called
	 */
	pm_runtime_get_noresume(&pf->dev);
	pci_set_drvdata(pf, NULL);
	parent->pf_assigned = true;
	disown_dma(pf);
	return 0;
}

/* VFIO could not reset the PF at close if this thread held its lock then */
static void clean_after_user(struct pci_dev *pf)
{
	int ret;

	device_lock_assert(&pf->dev);
	/*
	 * Some kernels wait a minute for a device that is gone to come out of a
	 * reset
	 */
	if (!pci_device_is_present(pf))
		return;
	ret = pci_reset_function_locked(pf);
	if (ret)
		pci_warn(pf, "could not be reset after its user has closed it (%pe)\n",
			 ERR_PTR(ret));
}

static int hand_back(struct mdev_pci_parent *parent,
		     const struct mdev_pci_type *type)
{
	struct pci_dev *pf = parent->pf;
	int ret;

	device_lock_assert(&parent->pf->dev);
	clean_after_user(pf);
	ret = own_dma(pf);
	pci_set_drvdata(pf, parent->drvdata);
	parent->pf_assigned = false;
	return ret ?: vfio_pci_engine_result(&pf->dev, "resume", type->pf_ops->resume(pf));
}

/**
 * mdev_pci_pf_reclaim() - reclaim the PF: its driver takes it back
 * @parent: the parent; its user has closed it
 * @type: its type
 *
 * Context: as mdev_pci_pf_assign().
 */
void mdev_pci_pf_reclaim(struct mdev_pci_parent *parent,
			 const struct mdev_pci_type *type)
{
	struct pci_dev *pf = parent->pf;
	int ret;

	device_lock_assert(&pf->dev);
	ret = hand_back(parent, type);
	if (ret) {
		pci_err(pf, "driver %s could not take the device back (%pe); reset it, or unbind the driver and bind it again\n",
			dev_driver_string(&pf->dev), ERR_PTR(ret));
		mutex_lock(&parent->lock);
		parent->failed = true;
		parent->reset_gen++;
		mutex_unlock(&parent->lock);
	}
	pm_runtime_put(&pf->dev);
	pm_runtime_put(&pf->dev);
}

void *mdev_pci_get_drvdata(struct pci_dev *pf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	void *data;

	if (!parent)
		return pci_get_drvdata(pf);
	data = parent->pf_assignable ? parent->drvdata : pci_get_drvdata(pf);
	mdev_pci_parent_put(parent);
	return data;
}
EXPORT_SYMBOL_GPL(mdev_pci_get_drvdata);

/*
 * The handlers that are responsible now; under device_lock() of @pf this does
 * not change
 */
static const struct pci_error_handlers *handlers_of(struct pci_dev *pf)
{
	static const struct pci_error_handlers none;
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	const struct pci_error_handlers *handlers;

	if (!parent)
		return &none;
	handlers = parent->pf_assigned ? &vfio_pci_engine_err_handlers :
					 parent->desc->err_handlers;
	mdev_pci_parent_put(parent);
	return handlers ?: &none;
}

static pci_ers_result_t pf_error_detected(struct pci_dev *pf,
					  pci_channel_state_t state)
{
	const struct pci_error_handlers *h = handlers_of(pf);

	return h->error_detected ? h->error_detected(pf, state) :
				   PCI_ERS_RESULT_NO_AER_DRIVER;
}

static pci_ers_result_t pf_mmio_enabled(struct pci_dev *pf)
{
	const struct pci_error_handlers *h = handlers_of(pf);

	return h->mmio_enabled ? h->mmio_enabled(pf) : PCI_ERS_RESULT_NONE;
}

static pci_ers_result_t pf_slot_reset(struct pci_dev *pf)
{
	const struct pci_error_handlers *h = handlers_of(pf);

	return h->slot_reset ? h->slot_reset(pf) : PCI_ERS_RESULT_NONE;
}

static void pf_resume(struct pci_dev *pf)
{
	const struct pci_error_handlers *h = handlers_of(pf);

	if (h->resume)
		h->resume(pf);
}

static void pf_reset_prepare(struct pci_dev *pf)
{
	const struct pci_error_handlers *h = handlers_of(pf);

	if (h->reset_prepare)
		h->reset_prepare(pf);
}

static void pf_reset_done(struct pci_dev *pf)
{
	const struct pci_error_handlers *h = handlers_of(pf);

	if (h->reset_done)
		h->reset_done(pf);
}

/*
 * For the pci_driver of a PF that can be assigned: its own handlers are in its
 * description. No cor_error_detected: the PCI core calls it without
 * device_lock(), while the PF changes hands.
 */
const struct pci_error_handlers mdev_pci_err_handlers = {
	.error_detected = pf_error_detected,
	.mmio_enabled = pf_mmio_enabled,
	.slot_reset = pf_slot_reset,
	.resume = pf_resume,
	.reset_prepare = pf_reset_prepare,
	.reset_done = pf_reset_done,
};
EXPORT_SYMBOL_GPL(mdev_pci_err_handlers);
