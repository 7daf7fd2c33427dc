// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents as objects: their lifetime, the list of all, and the functions of
 * each.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "mdev-pci.h"

static DEFINE_MUTEX(parents_lock);
static LIST_HEAD(parents);
/* Including parents that were unregistered but not freed yet */
static atomic_t nr_parents = ATOMIC_INIT(0);

static void parent_free(struct kref *kref)
{
	struct mdev_pci_parent *parent =
		container_of(kref, struct mdev_pci_parent, kref);

	mdev_pci_types_unmake(parent);
	mutex_destroy(&parent->cache_lock);
	mutex_destroy(&parent->lock);
	pci_dev_put(parent->pf);
	kfree(parent->text);
	kfree(parent);
	if (atomic_dec_and_test(&nr_parents))
		wake_up_var(&nr_parents);
}

/**
 * mdev_pci_parents_wait() - wait until all parents have been freed
 *
 * Context: the module's exit. See type_release(). Tasks may still be in the
 * last instructions of the release.
 */
void mdev_pci_parents_wait(void)
{
	wait_var_event(&nr_parents, !atomic_read(&nr_parents));
}

/**
 * mdev_pci_parent_put() - drop a reference
 * @parent: the parent
 */
void mdev_pci_parent_put(struct mdev_pci_parent *parent)
{
	kref_put(&parent->kref, parent_free);
}

/**
 * mdev_pci_parent_find() - find the parent of a PF
 * @pf: the PF
 *
 * Return: the parent with a reference, or NULL.
 */
struct mdev_pci_parent *mdev_pci_parent_find(struct pci_dev *pf)
{
	struct mdev_pci_parent *parent, *found = NULL;

	mutex_lock(&parents_lock);
	list_for_each_entry(parent, &parents, node) {
		if (parent->pf == pf) {
			kref_get(&parent->kref);
			found = parent;
			break;
		}
	}
	mutex_unlock(&parents_lock);
	return found;
}

static bool has_pf_type(const struct mdev_pci_parent_desc *desc)
{
	unsigned int i;

	for (i = 0; i < desc->nr_types; i++) {
		if (desc->types[i].pf_ops)
			return true;
	}
	return false;
}

/* The uevent of mdev_register_parent(), for which mdevctl's autostart waits */
static void tell(struct work_struct *work)
{
	struct mdev_pci_parent *parent =
		container_of(work, struct mdev_pci_parent, tell.work);
	char *env[2] = { "MDEV_STATE=registered", NULL };

	mdev_pci_parent_refresh(parent);
	kobject_uevent_env(&parent->pf->dev.kobj, KOBJ_CHANGE, env);
}

/**
 * mdev_pci_parent_alloc() - allocate a parent with its types
 * @pf: the PF
 * @desc: what it offers
 * @function_only: the PF is itself the one function that it offers
 *
 * Return: the parent, with a reference; or an ERR_PTR(): -ENOMEM.
 */
struct mdev_pci_parent *
mdev_pci_parent_alloc(struct pci_dev *pf,
		      const struct mdev_pci_parent_desc *desc,
		      bool function_only)
{
	struct mdev_pci_parent *parent = kzalloc(sizeof(*parent), GFP_KERNEL);
	int ret;

	if (!parent)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&nr_parents);
	kref_init(&parent->kref);
	mutex_init(&parent->lock);
	mutex_init(&parent->cache_lock);
	INIT_DELAYED_WORK(&parent->tell, tell);
	INIT_LIST_HEAD(&parent->functions);
	parent->pf = pci_dev_get(pf);
	parent->desc = desc;
	parent->function_only = function_only;
	parent->pf_assignable = !function_only && has_pf_type(desc);
	parent->drvdata = pci_get_drvdata(pf);
	ret = mdev_pci_types_make(parent);
	if (ret) {
		mdev_pci_parent_put(parent);
		return ERR_PTR(ret);
	}
	return parent;
}

/**
 * mdev_pci_parent_list() - let mdev_pci_parent_find() find a parent
 * @parent: the parent
 *
 * Return: 0; -EEXIST: the PF is a parent already, which is logged.
 */
int mdev_pci_parent_list(struct mdev_pci_parent *parent)
{
	struct mdev_pci_parent *other;
	int ret = 0;

	mutex_lock(&parents_lock);
	list_for_each_entry(other, &parents, node) {
		if (other->pf == parent->pf)
			ret = -EEXIST;
	}
	if (!ret)
		list_add_tail(&parent->node, &parents);
	mutex_unlock(&parents_lock);
	if (ret)
		pci_err(parent->pf, "is an mdev parent already, of driver %s\n",
			dev_driver_string(&parent->pf->dev));
	return ret;
}

/**
 * mdev_pci_parent_unlist() - undo mdev_pci_parent_list()
 * @parent: the parent
 */
void mdev_pci_parent_unlist(struct mdev_pci_parent *parent)
{
	mutex_lock(&parents_lock);
	list_del(&parent->node);
	mutex_unlock(&parents_lock);
}

/*
 * The mdev core has a kobject in each type. Its mdevs' struct device and users
 * of sysfs have references to it. When the last one is dropped the core
 * accesses the type and the parent. Its drivers are not told, so its release()
 * is wrapped: the parent lives until then. In the kernel's tree
 * mdev_unregister_parent() would wait, or struct mdev_parent have a release().
 */
static void type_release(struct kobject *kobj)
{
	struct mdev_pci_type_entry *entry =
		container_of(kobj, struct mdev_pci_type_entry, mtype.kobj);
	struct mdev_pci_parent *parent = entry->parent;

	entry->core_release(kobj);
	mdev_pci_parent_put(parent);
}

#ifdef CONFIG_DEBUG_KOBJECT_RELEASE
static void release_now(struct kobject *kobj)
{
	flush_delayed_work(&kobj->release);
}
#else
static void release_now(struct kobject *kobj)
{
}
#endif

/*
 * A registration that has failed may have initialized some, and has dropped its
 * references
 */
static void hold_type(struct mdev_pci_type_entry *entry)
{
	struct kobject *kobj = &entry->mtype.kobj;

	if (!kobj->state_initialized)
		return;
	if (!kobject_get_unless_zero(kobj)) {
		release_now(kobj);
		return;
	}
	entry->ktype = *kobj->ktype;
	entry->core_release = entry->ktype.release;
	entry->ktype.release = type_release;
	kref_get(&entry->parent->kref);
	kobj->ktype = &entry->ktype;
	kobject_put(kobj);
}

/**
 * mdev_pci_types_hold() - keep the parent until mdev core has freed its types
 * @parent: the parent. mdev_register_parent() has just been called, with
 *	success or without
 */
void mdev_pci_types_hold(struct mdev_pci_parent *parent)
{
	unsigned int i;

	for (i = 0; i < parent->nr_type_entries; i++)
		hold_type(&parent->type_entries[i]);
}

/* VFs may be bound in any order; the list is sorted by their numbers */
static void list_add_vf(struct mdev_pci_parent *parent,
			struct mdev_pci_function *function)
{
	struct mdev_pci_function *next;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(next, &parent->functions, node) {
		if (next->fn.id > function->fn.id)
			break;
	}
	list_add_tail(&function->node, &next->node);
}

/**
 * mdev_pci_parent_tell_later() - tell user space of VFs that have come since
 *	registration
 * @parent: the parent
 *
 * Sends one event for all VFs that are created together. No mdev can be created
 * while mdev_pci_sriov_configure() creates VFs; if another driver creates them,
 * they follow closely.
 */
void mdev_pci_parent_tell_later(struct mdev_pci_parent *parent)
{
	lockdep_assert_held(&parent->lock);
	if (parent->sriov_busy)
		parent->came = true;
	else
		mod_delayed_work(mdev_pci_wq, &parent->tell,
				 msecs_to_jiffies(100));
}

/**
 * mdev_pci_parent_add() - add a function to the parent's list
 * @parent: the parent
 * @function: the function
 *
 * Return: false if the parent is being unregistered.
 */
bool mdev_pci_parent_add(struct mdev_pci_parent *parent,
			 struct mdev_pci_function *function)
{
	bool ok;

	mutex_lock(&parent->lock);
	ok = !parent->unregistering;
	if (ok && mdev_pci_function_is_pf(function))
		parent->self = function;
	else if (ok)
		list_add_vf(parent, function);
	if (ok && parent->announced)
		mdev_pci_parent_tell_later(parent);
	mutex_unlock(&parent->lock);
	return ok;
}
