// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions that PF drivers call: they register parents, which are PFs with
 * VFs, or functions that are offered themselves, and report failures and resets
 * of firmware.
 */
#include <linux/module.h>

#include "mdev-pci.h"

static void set_unregistering(struct mdev_pci_parent *parent)
{
	mutex_lock(&parent->lock);
	WRITE_ONCE(parent->unregistering, true);
	mutex_unlock(&parent->lock);
	/* Wait for a refresh that still calls @show and @available */
	mutex_lock(&parent->cache_lock);
	mutex_unlock(&parent->cache_lock);
}

static int add_self(struct mdev_pci_parent *parent)
{
	vfio_pci_engine_assert_locked(&parent->pf->dev);
	kref_get(&parent->kref);
	return mdev_pci_function_add(parent->pf, parent);
}

/* VFs that were bound meanwhile are announced twice, which does no harm */
static int announce(struct mdev_pci_parent *parent)
{
	int ret;

	mdev_pci_parent_refresh(parent);
	mutex_lock(&parent->lock);
	parent->announced = true;
	mutex_unlock(&parent->lock);
	ret = mdev_register_parent(&parent->mdev_parent, &parent->pf->dev,
				   &mdev_pci_driver, parent->mtypes,
				   parent->nr_type_entries);
	mdev_pci_types_hold(parent);
	if (ret)
		return ret;
	/* external.c has a line of its own */
	if (!parent->desc->external_pf_driver)
		pci_info(parent->pf, "is an mdev parent with %u types and %d VFs\n",
			 parent->nr_type_entries, pci_num_vf(parent->pf));
	return 0;
}

/* Stop claims, and detach the mdev that has the PF */
static void stop_claims(struct mdev_pci_parent *parent)
{
	set_unregistering(parent);
	cancel_delayed_work_sync(&parent->tell);
	if (parent->self)
		mdev_pci_function_del(parent);
}

int __mdev_pci_register_parent(struct pci_dev *pf,
			       const struct mdev_pci_parent_desc *desc,
			       u32 interface, const char *module)
{
	struct mdev_pci_parent *parent;
	int ret;

	ret = mdev_pci_interface_check(interface, module) ?:
		      mdev_pci_desc_check(pf, desc, false);
	if (ret)
		return ret;
	parent = mdev_pci_parent_alloc(pf, desc, false);
	if (IS_ERR(parent))
		return PTR_ERR(parent);

	ret = mdev_pci_parent_list(parent);
	if (ret)
		goto put;
	if (parent->pf_assignable)
		ret = add_self(parent);
	if (ret)
		goto unlist;
	if (pci_num_vf(pf))
		mdev_pci_vfs_adopt(parent);
	else
		mdev_pci_vfs_create(parent);

	ret = announce(parent);
	if (!ret)
		return 0;

	stop_claims(parent);
	if (parent->created_vfs)
		pci_disable_sriov(pf);
	else
		mdev_pci_vfs_unbind(parent);
unlist:
	mdev_pci_parent_unlist(parent);
put:
	mdev_pci_parent_put(parent);
	return ret;
}
EXPORT_SYMBOL_GPL(__mdev_pci_register_parent);

void mdev_pci_unregister_parent(struct pci_dev *pf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);

	if (WARN_ON(!parent))
		return;
	stop_claims(parent);
	/*
	 * In this order: removal of a VF would wait for its user with the VF's
	 * lock held
	 */
	mdev_unregister_parent(&parent->mdev_parent);
	mdev_pci_vfs_detach(parent);
	mdev_pci_parent_unlist(parent);
	mdev_pci_parent_put(parent);
	/* The reference of the registration */
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_unregister_parent);

int __mdev_pci_register_function(struct pci_dev *pdev,
				 const struct mdev_pci_parent_desc *desc,
				 u32 interface, const char *module)
{
	struct mdev_pci_parent *parent;
	int ret;

	vfio_pci_engine_assert_locked(&pdev->dev);
	ret = mdev_pci_interface_check(interface, module) ?:
		      mdev_pci_desc_check(pdev, desc, true);
	if (ret)
		return ret;
	parent = mdev_pci_parent_alloc(pdev, desc, true);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	ret = mdev_pci_parent_list(parent);
	if (ret)
		goto put;
	ret = add_self(parent);
	if (ret)
		goto unlist;
	ret = announce(parent);
	if (!ret)
		return 0;

	stop_claims(parent);
unlist:
	mdev_pci_parent_unlist(parent);
put:
	mdev_pci_parent_put(parent);
	return ret;
}
EXPORT_SYMBOL_GPL(__mdev_pci_register_function);

void mdev_pci_unregister_function(struct pci_dev *pdev)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pdev);

	device_lock_assert(&pdev->dev);
	if (WARN_ON(!parent))
		return;
	/*
	 * Detach first: create and remove wait for it while mdev core waits for
	 * them
	 */
	stop_claims(parent);
	mdev_unregister_parent(&parent->mdev_parent);
	mdev_pci_parent_unlist(parent);
	mdev_pci_parent_put(parent);
	/* The reference of the registration */
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_unregister_function);

void mdev_pci_parent_changed(struct pci_dev *pf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);

	if (!parent)
		return;
	mdev_pci_parent_refresh(parent);
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_parent_changed);

void mdev_pci_parent_error(struct pci_dev *pf, const char *why)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	struct mdev_pci_function *function;

	if (!parent)
		return;
	mutex_lock(&parent->lock);
	parent->failed = true;
	parent->reset_gen++;
	list_for_each_entry(function, &parent->functions, node) {
		mdev_pci_function_remember(function);
		if (function->instance)
			function->instance->ops->error(function->instance, why);
	}
	mutex_unlock(&parent->lock);
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_parent_error);

static struct mdev_pci_function *get_function(struct mdev_pci_parent *parent,
					      unsigned int id)
{
	struct mdev_pci_function *function, *found = NULL;

	mutex_lock(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (function->fn.id == id) {
			kref_get(&function->kref);
			found = function;
			break;
		}
	}
	mutex_unlock(&parent->lock);
	return found;
}

/* Resets of VFs since mdev_pci_parent_error() came too early */
static void users_must_reset(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node)
		if (function->instance && function->instance->type->mig_ops)
			function->instance->ops->error(function->instance,
						       "its PF was reset");
}

/* Firmware was reset, or has failed for all VFs: each VF may be tried again */
static void forget_refusals_locked(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node)
		function->refused = 0;
}

void mdev_pci_parent_restored(struct pci_dev *pf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	struct mdev_pci_function *function;
	unsigned int id, reset_gen, n = pci_num_vf(pf);

	if (!parent)
		return;
	mutex_lock(&parent->lock);
	reset_gen = parent->reset_gen;
	users_must_reset(parent);
	mutex_unlock(&parent->lock);

	for (id = 0; id < n; id++) {
		function = get_function(parent, id);
		if (!function)
			continue;
		mdev_pci_function_restore(function);
		mdev_pci_function_put(function);
	}

	/*
	 * Clear it last: an mdev that is created before would be enabled twice
	 */
	mutex_lock(&parent->lock);
	if (parent->reset_gen == reset_gen)
		parent->failed = false;
	forget_refusals_locked(parent);
	mutex_unlock(&parent->lock);
	mdev_pci_parent_refresh(parent);
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_parent_restored);

/**
 * mdev_pci_parent_suspend_vfs() - disable the VFs of mdevs for
 *	mdev_pci_parent_suspend()
 * @parent: the parent; none of its devices is open
 */
void mdev_pci_parent_suspend_vfs(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;
	unsigned int id, n = pci_num_vf(parent->pf);

	mutex_lock(&parent->lock);
	parent->failed = true;
	parent->reset_gen++;
	list_for_each_entry(function, &parent->functions, node)
		mdev_pci_function_remember(function);
	mutex_unlock(&parent->lock);

	for (id = 0; id < n; id++) {
		function = get_function(parent, id);
		if (!function)
			continue;
		mdev_pci_function_suspend(function);
		mdev_pci_function_put(function);
	}
}
