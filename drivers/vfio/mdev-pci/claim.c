// SPDX-License-Identifier: GPL-2.0-only
/*
 * Claims of functions: of an idle VF of a parent, or of the PF itself, for an
 * mdev.
 */
#include "mdev-pci.h"

static bool is_idle(const struct mdev_pci_function *function)
{
	return !function->instance && !function->dead;
}

static bool has_idle(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (is_idle(function))
			return true;
	}
	return false;
}

/* A VF that firmware has refused to enable may be idle, but is not available */
static unsigned int count_available(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;
	unsigned int n = 0;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node)
		n += is_idle(function) && !function->refused;
	return n;
}

/* The PF is not available while VFs exist, which would stop with it */
static bool self_is_idle(struct mdev_pci_parent *parent)
{
	lockdep_assert_held(&parent->lock);
	return parent->self && !parent->self->instance &&
	       !pci_num_vf(parent->pf);
}

/**
 * mdev_pci_parent_available() - count the mdevs that can be created now
 * @parent: the parent
 * @type: of this type
 *
 * Return: the number of idle functions that firmware has not refused to enable,
 * 0 if none of them can be used.
 */
unsigned int mdev_pci_parent_available(struct mdev_pci_parent *parent,
				       const struct mdev_pci_type *type)
{
	unsigned int n = 0;

	mutex_lock(&parent->lock);
	if (!parent->unregistering && !parent->sriov_busy && !parent->failed)
		n = mdev_pci_type_is_pf(parent, type) ? self_is_idle(parent) :
							count_available(parent);
	mutex_unlock(&parent->lock);
	return n;
}

static int refuse(struct mdev_pci_parent *parent,
		  const struct mdev_pci_instance *instance, int err,
		  const char *why)
{
	pci_err(parent->pf, "mdev %s refused: %s\n", dev_name(&instance->mdev->dev), why);
	return err;
}

/**
 * mdev_pci_parent_first_claimed() - one of the mdevs that have claimed VFs
 * @parent: the parent
 *
 * Context: under &mdev_pci_parent.lock.
 * Return: the mdev, or NULL.
 */
struct mdev_pci_instance *
mdev_pci_parent_first_claimed(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (function->instance)
			return function->instance;
	}
	return NULL;
}

static int check_claim_pf(struct mdev_pci_parent *parent,
			  const struct mdev_pci_instance *instance)
{
	if (parent->self->instance)
		return refuse(parent, instance, -EUSERS,
			      "the whole device is in use; remove its mdev");
	if (mdev_pci_parent_first_claimed(parent))
		return refuse(parent, instance, -EBUSY,
			      "VFs of the device are in use; remove their mdevs, and write 0 to sriov_numvfs");
	if (pci_num_vf(parent->pf))
		return refuse(parent, instance, -EBUSY,
			      "the device has VFs; write 0 to sriov_numvfs");
	return 0;
}

static int check_claim(struct mdev_pci_parent *parent,
		       const struct mdev_pci_instance *instance)
{
	lockdep_assert_held(&parent->lock);
	if (parent->unregistering)
		return refuse(parent, instance, -ESHUTDOWN, "the PF is being unbound or removed");
	if (parent->failed)
		return refuse(parent, instance, -EREMOTEIO,
			      "the PF's firmware has failed; reset the PF");
	if (parent->sriov_busy)
		return refuse(parent, instance, -EBUSY,
			      "VFs are being created or removed; try again");
	if (mdev_pci_type_is_pf(parent, instance->type))
		return check_claim_pf(parent, instance);
	if (parent->self && parent->self->instance)
		return refuse(parent, instance, -EBUSY,
			      "an mdev has the whole device; remove that mdev");
	if (!pci_num_vf(parent->pf))
		return refuse(parent, instance, -ENODEV,
			      "there are no VFs; write their number to sriov_numvfs");
	if (list_empty(&parent->functions))
		return refuse(parent, instance, -ENXIO,
			      "no VF is bound to mdev-pci; bind one");
	if (!has_idle(parent))
		return refuse(parent, instance, -ENOSPC,
			      "all VFs are in use; remove an mdev, or create more VFs");
	return 0;
}

/*
 * Find the idle VF with the lowest number; VFs that firmware refused come last.
 * NULL: this mdev has tried all of them.
 */
static struct mdev_pci_function *
idle_vf(struct mdev_pci_parent *parent,
	const struct mdev_pci_instance *instance)
{
	struct mdev_pci_function *function, *refused = NULL;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (!is_idle(function) || function->tried == instance->number)
			continue;
		if (!function->refused)
			return function;
		refused = refused ?: function;
	}
	return refused;
}

/**
 * mdev_pci_parent_has_another() - check for an idle VF that an mdev has not
 *	tried yet
 * @parent: the parent
 * @instance: the mdev
 *
 * Return: true if so.
 */
bool mdev_pci_parent_has_another(struct mdev_pci_parent *parent,
				 const struct mdev_pci_instance *instance)
{
	bool ret;

	mutex_lock(&parent->lock);
	ret = idle_vf(parent, instance);
	mutex_unlock(&parent->lock);
	return ret;
}

static void claim(struct mdev_pci_function *function,
		  struct mdev_pci_instance *instance)
{
	lockdep_assert_held(&function->parent->lock);
	function->instance = instance;
	function->tried = instance->number;
	kref_get(&function->kref);
}

/**
 * mdev_pci_parent_claim() - claim an idle VF, or the PF itself, for an instance
 * @parent: the parent
 * @instance: the instance; gets the function, with a reference
 *
 * mdev_pci_function_unclaim() gives it back.
 *
 * Return: 0, or, with a line in the log: -ESHUTDOWN: the PF is going away;
 * -EREMOTEIO: its firmware has failed; -EBUSY: SR-IOV is being changed, or the
 * PF is wanted and VFs exist, or a VF is wanted and an mdev has the PF;
 * -ENODEV: there is no VF; -ENXIO: none is bound; -ENOSPC: all are in use;
 * -EUSERS: an mdev has the PF.
 */
int mdev_pci_parent_claim(struct mdev_pci_parent *parent,
			  struct mdev_pci_instance *instance)
{
	struct mdev_pci_function *function;
	int ret;

	mutex_lock(&parent->lock);
	ret = check_claim(parent, instance);
	if (ret)
		goto unlock;
	function = mdev_pci_type_is_pf(parent, instance->type) ? parent->self :
								    idle_vf(parent, instance);
	if (!function) {
		ret = refuse(parent, instance, -EAGAIN,
			     "VFs were created or removed meanwhile; try again");
		goto unlock;
	}
	/*
	 * Set both under the lock: removal of the function may find the
	 * instance from now on
	 */
	instance->function = function;
	claim(function, instance);
unlock:
	mutex_unlock(&parent->lock);
	return ret;
}

static struct mdev_pci_function *vf_by_address(struct mdev_pci_parent *parent,
					       const char *address)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (sysfs_streq(pci_name(function->fn.pdev), address))
			return function;
	}
	return NULL;
}

static int check_move(struct mdev_pci_parent *parent,
		      const struct mdev_pci_instance *instance,
		      const struct mdev_pci_function *to)
{
	const char *name = dev_name(&instance->mdev->dev);

	if (parent->unregistering || parent->failed || parent->sriov_busy ||
	    mdev_pci_type_is_pf(parent, instance->type)) {
		pci_err(parent->pf, "mdev %s not moved: %s\n", name,
			parent->unregistering ? "the PF is being unbound or removed" :
			parent->failed ? "the PF's firmware has failed; reset the PF" :
			parent->sriov_busy ? "VFs are being created or removed; try again" :
			"it has the whole device, not a VF");
		return parent->unregistering ? -ESHUTDOWN : parent->failed ? -EREMOTEIO :
		       parent->sriov_busy ? -EBUSY : -EOPNOTSUPP;
	}
	if (instance->function->dead) {
		pci_err(parent->pf, "mdev %s has lost its VF; remove the mdev\n", name);
		return -ENODEV;
	}
	if (!to) {
		pci_err(parent->pf, "mdev %s not moved: write the address of a VF of this PF that is bound to mdev-pci, such as %s\n",
			name, pci_name(instance->function->fn.pdev));
		return -ENXIO;
	}
	if (is_idle(to) || to->instance == instance)
		return 0;
	pci_err(parent->pf, "mdev %s not moved: VF %s is in use by mdev %s\n", name,
		pci_name(to->fn.pdev),
		to->instance ? dev_name(&to->instance->mdev->dev) : "none, and being unbound");
	return -EBUSY;
}

/**
 * mdev_pci_parent_claim_vf() - claim a given VF for an mdev that has another
 *	one
 * @parent: the parent
 * @instance: the mdev; keeps the one that it has
 * @address: PCI address of the VF
 *
 * Context: process context, under mdev_pci_instance.move_lock.
 * Return: the VF, with a reference; NULL: the mdev is there already; or, with a
 * line in the log: -ENXIO: there is no such VF bound to mdev-pci; -EBUSY:
 * another mdev has it, or SR-IOV is being changed; -ENODEV: the mdev has lost
 * its VF; -EOPNOTSUPP: the mdev is no VF; -ESHUTDOWN, -EREMOTEIO: as
 * mdev_pci_parent_claim().
 */
struct mdev_pci_function *
mdev_pci_parent_claim_vf(struct mdev_pci_parent *parent,
			 struct mdev_pci_instance *instance,
			 const char *address)
{
	struct mdev_pci_function *to;
	int ret;

	lockdep_assert_held(&instance->move_lock);
	mutex_lock(&parent->lock);
	to = vf_by_address(parent, address);
	ret = check_move(parent, instance, to);
	if (!ret && to->instance == instance)
		to = NULL;
	else if (!ret)
		claim(to, instance);
	mutex_unlock(&parent->lock);
	return ret ? ERR_PTR(ret) : to;
}

/**
 * mdev_pci_parent_forget_refusals() - clear the marks of VFs that firmware
 *	refused
 * @parent: the parent
 * @number: the mdev's
 *
 * If firmware refused all VFs, the cause may not be the VFs. They count as
 * available again, since mdevctl does not try to start an mdev if none is.
 */
void mdev_pci_parent_forget_refusals(struct mdev_pci_parent *parent, u64 number)
{
	struct mdev_pci_function *function;

	mutex_lock(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (function->refused == number)
			function->refused = 0;
	}
	mutex_unlock(&parent->lock);
}

/**
 * mdev_pci_instance_function() - get the function that an mdev has claimed
 * @instance: the instance
 *
 * For callers that do not hold @move_lock.
 *
 * Return: the function, with a reference.
 */
struct mdev_pci_function *
mdev_pci_instance_function(struct mdev_pci_instance *instance)
{
	struct mdev_pci_function *function;

	mutex_lock(&instance->lock);
	function = instance->function;
	kref_get(&function->kref);
	mutex_unlock(&instance->lock);
	return function;
}

/**
 * mdev_pci_function_unclaim() - release a VF that mdev_pci_parent_claim() has
 *	claimed
 * @function: the function; the caller still has the reference
 *
 * Context: under device_lock() of the function: its removal may be looking at
 * the instance.
 */
void mdev_pci_function_unclaim(struct mdev_pci_function *function)
{
	device_lock_assert(&function->fn.pdev->dev);
	mutex_lock(&function->parent->lock);
	function->instance = NULL;
	mutex_unlock(&function->parent->lock);
}

/**
 * mdev_pci_function_set_refused() - mark a function that firmware could not
 *	enable
 * @function: the function
 * @number: of the mdev, which has claimed it; 0: it could; or
 *	%MDEV_PCI_REFUSED_BY_GROUP
 *
 * The function counts as available no more, and others are tried first. A
 * mark that another mdev has set before stays.
 */
void mdev_pci_function_set_refused(struct mdev_pci_function *function,
				   u64 number)
{
	mutex_lock(&function->parent->lock);
	if (!number || !function->refused)
		function->refused = number;
	mutex_unlock(&function->parent->lock);
}
