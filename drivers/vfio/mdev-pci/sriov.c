// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creates, binds and removes the VFs of a parent.
 */
#include <linux/module.h>

#include "mdev-pci.h"

static void adopt_vf(struct pci_dev *vf)
{
	int ret;

	if (vf->dev.driver) {
		/*
		 * dev_driver_string() copes with a driver that is being unbound
		 */
		pci_warn(vf, "belongs to driver %s; unbind it and set driver_override to mdev-pci to offer it as an mdev\n",
			 dev_driver_string(&vf->dev));
		return;
	}
	if (mdev_pci_function_override_set(vf))
		return;
	ret = device_attach(&vf->dev);
	if (ret < 0)
		pci_err(vf, "could not be bound to mdev-pci (%pe)\n", ERR_PTR(ret));
}

/**
 * mdev_pci_vfs_adopt() - bind VFs that an earlier driver of the PF has left
 *	behind
 * @parent: the parent
 */
void mdev_pci_vfs_adopt(struct mdev_pci_parent *parent)
{
	struct pci_dev *vf = NULL;

	for_each_pci_dev(vf) {
		if (vf->is_virtfn && pci_physfn(vf) == parent->pf)
			adopt_vf(vf);
	}
}

/**
 * mdev_pci_vfs_create() - create the number of VFs that the vendor driver wants
 * @parent: the parent; it is announced even if this fails: sriov_numvfs can
 *	still create VFs
 */
void mdev_pci_vfs_create(struct mdev_pci_parent *parent)
{
	int total = pci_sriov_get_totalvfs(parent->pf);
	int n = min_t(unsigned int, parent->desc->num_vfs, total);
	int ret;

	if (n < parent->desc->num_vfs)
		pci_warn(parent->pf, "num_vfs is %u, but the device has only %d VFs\n",
			 parent->desc->num_vfs, total);
	if (!n)
		return;
	ret = pci_enable_sriov(parent->pf, n);
	parent->created_vfs = !ret;
	if (ret)
		pci_err(parent->pf, "%d VFs could not be created (%pe)\n", n, ERR_PTR(ret));
}

static struct pci_dev *bound_vf(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;
	struct pci_dev *vf = NULL;

	mutex_lock(&parent->lock);
	function = list_first_entry_or_null(&parent->functions,
					    struct mdev_pci_function, node);
	if (function)
		vf = pci_dev_get(function->fn.pdev);
	mutex_unlock(&parent->lock);
	return vf;
}

/**
 * mdev_pci_vfs_unbind() - unbind the VFs from mdev-pci
 * @parent: the parent
 *
 * The VFs are left without a driver, as after vfio-pci. The PF's driver may
 * remove VFs meanwhile, so this walks the list of bound functions, not the
 * devices.
 */
void mdev_pci_vfs_unbind(struct mdev_pci_parent *parent)
{
	struct pci_dev *vf;

	while ((vf = bound_vf(parent))) {
		device_release_driver(&vf->dev);
		pci_dev_put(vf);
	}
	for_each_pci_dev(vf) {
		if (vf->is_virtfn && pci_physfn(vf) == parent->pf)
			mdev_pci_function_override_clear(vf);
	}
}

/**
 * mdev_pci_vfs_detach() - disable SR-IOV; VFs that an external PF driver has
 *	made are only unbound
 * @parent: the parent
 */
void mdev_pci_vfs_detach(struct mdev_pci_parent *parent)
{
	if (parent->desc->external_pf_driver)
		mdev_pci_vfs_unbind(parent);
	else
		pci_disable_sriov(parent->pf);
}

static bool user_is_waited_for(struct mdev_pci_parent *parent,
			       const struct mdev_pci_instance *user)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (function->instance == user)
			return function->dead;
	}
	return false;
}

static int begin_change(struct mdev_pci_parent *parent)
{
	struct mdev_pci_instance *pf_user, *user;
	int ret = 0;

	mutex_lock(&parent->lock);
	pf_user = parent->self ? parent->self->instance : NULL;
	user = mdev_pci_parent_first_claimed(parent);
	if (pf_user) {
		pci_err(parent->pf,
			"VFs can't be created while an mdev has the whole device; remove mdev %s first\n",
			dev_name(&pf_user->mdev->dev));
		ret = -EBUSY;
	} else if (user && user_is_waited_for(parent, user)) {
		pci_err(parent->pf,
			"a VF is being unbound and waits for the user of mdev %s; stop the guest or program that has it\n",
			dev_name(&user->mdev->dev));
		ret = -EBUSY;
	} else if (user) {
		pci_err(parent->pf,
			"the number of VFs can't change while mdevs exist; remove mdev %s and any other first\n",
			dev_name(&user->mdev->dev));
		ret = -EBUSY;
	} else if (parent->sriov_busy || parent->unregistering) {
		pci_err(parent->pf, "VFs are being created or removed already\n");
		ret = -EBUSY;
	} else {
		parent->sriov_busy = true;
	}
	mutex_unlock(&parent->lock);
	return ret;
}

static void end_change(struct mdev_pci_parent *parent)
{
	mutex_lock(&parent->lock);
	parent->sriov_busy = false;
	if (parent->came && parent->announced)
		mdev_pci_parent_tell_later(parent);
	parent->came = false;
	mutex_unlock(&parent->lock);
}

static int change_vfs(struct pci_dev *pf, int num_vfs)
{
	int ret;

	device_lock_assert(&pf->dev);
	if (!num_vfs) {
		pci_disable_sriov(pf);
		return 0;
	}
	ret = pci_enable_sriov(pf, num_vfs);
	return ret ?: num_vfs;
}

int mdev_pci_sriov_configure(struct pci_dev *pf, int num_vfs)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	int ret;

	device_lock_assert(&pf->dev);
	if (!parent)
		return -ENODEV;
	ret = begin_change(parent);
	if (!ret) {
		ret = change_vfs(pf, num_vfs);
		end_change(parent);
	}
	mdev_pci_parent_put(parent);
	return ret;
}
EXPORT_SYMBOL_GPL(mdev_pci_sriov_configure);
