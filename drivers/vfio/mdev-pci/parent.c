// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents: PFs whose drivers have registered them, functions that are offered as a whole, and
 * the module itself.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "mdev-pci.h"

static DEFINE_MUTEX(parents_lock);
static LIST_HEAD(parents);
/* With those that are no parent any more, but were not freed yet */
static atomic_t nr_parents = ATOMIC_INIT(0);

static void unmake_offers(struct mdev_pci_parent *parent)
{
	unsigned int i;

	for (i = 0; i < parent->nr_offers; i++)
		mdev_pci_attrs_unmake(&parent->offers[i]);
	kfree(parent->mtypes);
	kfree(parent->offers);
}

static void parent_free(struct kref *kref)
{
	struct mdev_pci_parent *parent = container_of(kref, struct mdev_pci_parent, kref);

	unmake_offers(parent);
	mutex_destroy(&parent->cache_lock);
	mutex_destroy(&parent->lock);
	pci_dev_put(parent->pf);
	kfree(parent->text);
	kfree(parent);
	if (atomic_dec_and_test(&nr_parents))
		wake_up_var(&nr_parents);
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

/**
 * mdev_pci_parent_of() - get the parent that offers a type
 * @mtype: the mdev core's type
 *
 * Return: the parent; no reference is taken.
 */
struct mdev_pci_parent *mdev_pci_parent_of(struct mdev_type *mtype)
{
	return container_of(mtype->parent, struct mdev_pci_parent, mdev_parent);
}

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

/* Not while there are VFs: they would stop with their PF */
static bool self_is_idle(struct mdev_pci_parent *parent)
{
	return parent->self && !parent->self->instance && !pci_num_vf(parent->pf);
}

/**
 * mdev_pci_parent_available() - count the mdevs that can be created now
 * @parent: the parent
 * @type: of this type
 *
 * Return: the number of idle functions that firmware has not refused to enable, 0 if none of them
 * can be used.
 */
unsigned int mdev_pci_parent_available(struct mdev_pci_parent *parent,
				       const struct mdev_pci_type *type)
{
	unsigned int n = 0;

	mutex_lock(&parent->lock);
	if (!parent->going && !parent->changing && !parent->failed)
		n = mdev_pci_type_is_whole(parent, type) ? self_is_idle(parent) :
							   count_available(parent);
	mutex_unlock(&parent->lock);
	return n;
}

/* In the order of their numbers, however they were bound */
static void list_add_vf(struct mdev_pci_parent *parent, struct mdev_pci_function *function)
{
	struct mdev_pci_function *next;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(next, &parent->functions, node) {
		if (next->fn.id > function->fn.id)
			break;
	}
	list_add_tail(&function->node, &next->node);
}

/*
 * Once for all VFs that are created at a time. While mdev_pci_sriov_configure() creates them no
 * mdev can be created; where another driver creates them, they follow each other closely.
 */
static void tell_later(struct mdev_pci_parent *parent)
{
	lockdep_assert_held(&parent->lock);
	if (parent->changing)
		parent->came = true;
	else
		mod_delayed_work(mdev_pci_wq, &parent->tell, msecs_to_jiffies(100));
}

/**
 * mdev_pci_parent_add() - add a function to the parent's list
 * @parent: the parent
 * @function: the function
 *
 * Return: false if the parent takes none any more.
 */
bool mdev_pci_parent_add(struct mdev_pci_parent *parent, struct mdev_pci_function *function)
{
	bool ok;

	mutex_lock(&parent->lock);
	ok = !parent->going;
	if (ok && mdev_pci_function_is_whole(function))
		parent->self = function;
	else if (ok)
		list_add_vf(parent, function);
	if (ok && parent->announced)
		tell_later(parent);
	mutex_unlock(&parent->lock);
	return ok;
}

static int refuse(struct mdev_pci_parent *parent, const struct mdev_pci_instance *instance,
		  int err, const char *why)
{
	pci_err(parent->pf, "mdev %s refused: %s\n", dev_name(&instance->mdev->dev), why);
	return err;
}

static struct mdev_pci_instance *a_user(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	list_for_each_entry(function, &parent->functions, node) {
		if (function->instance)
			return function->instance;
	}
	return NULL;
}

static int check_claim_whole(struct mdev_pci_parent *parent,
			     const struct mdev_pci_instance *instance)
{
	if (parent->self->instance)
		return refuse(parent, instance, -EUSERS,
			      "the whole device is in use; remove its mdev");
	if (a_user(parent))
		return refuse(parent, instance, -EBUSY,
			      "VFs of the device are in use; remove their mdevs, and write 0 to sriov_numvfs");
	if (pci_num_vf(parent->pf))
		return refuse(parent, instance, -EBUSY,
			      "the device has VFs; write 0 to sriov_numvfs");
	return 0;
}

static int check_claim(struct mdev_pci_parent *parent, const struct mdev_pci_instance *instance)
{
	if (parent->going)
		return refuse(parent, instance, -ESHUTDOWN, "the PF is going away");
	if (parent->failed)
		return refuse(parent, instance, -EREMOTEIO,
			      "the PF's firmware has failed; reset the PF");
	if (parent->changing)
		return refuse(parent, instance, -EBUSY,
			      "VFs are being created or removed; try again");
	if (mdev_pci_type_is_whole(parent, instance->type))
		return check_claim_whole(parent, instance);
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
 * The one with the lowest number; those that were refused come last. NULL: this mdev has tried
 * them all.
 */
static struct mdev_pci_function *idle_vf(struct mdev_pci_parent *parent,
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
 * mdev_pci_parent_has_another() - check for an idle VF that an mdev has not tried yet
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

static void claim(struct mdev_pci_function *function, struct mdev_pci_instance *instance)
{
	function->instance = instance;
	function->tried = instance->number;
	kref_get(&function->kref);
}

/**
 * mdev_pci_parent_claim() - claim an idle VF, or the whole PF, for an instance
 * @parent: the parent
 * @instance: the instance; gets the function, with a reference
 *
 * mdev_pci_function_unclaim() gives it back.
 *
 * Return: 0, or, with a line in the log: -ESHUTDOWN: the PF is going away; -EREMOTEIO: its
 * firmware has failed; -EBUSY: SR-IOV is being changed, or there are VFs and the PF is asked for,
 * or the other way round; -ENODEV: there is no VF; -ENXIO: none is bound; -ENOSPC: all are in
 * use; -EUSERS: the PF is in use as a whole.
 */
int mdev_pci_parent_claim(struct mdev_pci_parent *parent, struct mdev_pci_instance *instance)
{
	struct mdev_pci_function *function;
	int ret;

	mutex_lock(&parent->lock);
	ret = check_claim(parent, instance);
	if (ret)
		goto unlock;
	function = mdev_pci_type_is_whole(parent, instance->type) ? parent->self :
								    idle_vf(parent, instance);
	if (!function) {
		ret = refuse(parent, instance, -EAGAIN,
			     "VFs appeared or went away meanwhile; try again");
		goto unlock;
	}
	/* Both at once: from here on removal of the function may find the instance */
	instance->function = function;
	claim(function, instance);
unlock:
	mutex_unlock(&parent->lock);
	return ret;
}

static struct mdev_pci_function *vf_by_address(struct mdev_pci_parent *parent, const char *address)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node) {
		if (sysfs_streq(pci_name(function->fn.pdev), address))
			return function;
	}
	return NULL;
}

static int check_move(struct mdev_pci_parent *parent, const struct mdev_pci_instance *instance,
		      const struct mdev_pci_function *to)
{
	const char *name = dev_name(&instance->mdev->dev);

	if (parent->going || parent->failed || parent->changing ||
	    mdev_pci_type_is_whole(parent, instance->type)) {
		pci_err(parent->pf, "mdev %s not moved: %s\n", name,
			parent->going ? "the PF is going away" :
			parent->failed ? "the PF's firmware has failed; reset the PF" :
			parent->changing ? "VFs are being created or removed; try again" :
			"it has the whole device, not a VF");
		return parent->going ? -ESHUTDOWN : parent->failed ? -EREMOTEIO :
		       parent->changing ? -EBUSY : -EOPNOTSUPP;
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
 * mdev_pci_parent_claim_vf() - claim a given VF for an mdev that has another one
 * @parent: the parent
 * @instance: the mdev; keeps the one that it has
 * @address: PCI address of the VF
 *
 * Context: process context, under mdev_pci_instance.move_lock.
 * Return: the VF, with a reference; NULL: the mdev is there already; or, with a line in the log:
 * -ENXIO: there is no such VF bound to mdev-pci; -EBUSY: another mdev has it, or SR-IOV is being
 * changed; -ENODEV: the mdev has lost its VF; -EOPNOTSUPP: the mdev is no VF; -ESHUTDOWN,
 * -EREMOTEIO: as mdev_pci_parent_claim().
 */
struct mdev_pci_function *mdev_pci_parent_claim_vf(struct mdev_pci_parent *parent,
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

/*
 * The mdev core has a kobject in each type. Its mdevs' struct device and users of sysfs have
 * references to it. When the last one is dropped the core accesses the type and the parent. Its
 * drivers are not told, so its release() is wrapped: the parent lives until then. In the kernel's
 * tree mdev_unregister_parent() would wait, or struct mdev_parent have a release().
 */
static void type_release(struct kobject *kobj)
{
	struct mdev_pci_offer *offer = container_of(kobj, struct mdev_pci_offer, mtype.kobj);
	struct mdev_pci_parent *parent = offer->parent;

	offer->core_release(kobj);
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

/* A registration that has failed may have initialized some, and has dropped its references */
static void hold_type(struct mdev_pci_offer *offer)
{
	struct kobject *kobj = &offer->mtype.kobj;

	if (!kobj->state_initialized)
		return;
	if (!kobject_get_unless_zero(kobj)) {
		release_now(kobj);
		return;
	}
	offer->ktype = *kobj->ktype;
	offer->core_release = offer->ktype.release;
	offer->ktype.release = type_release;
	kref_get(&offer->parent->kref);
	kobj->ktype = &offer->ktype;
	kobject_put(kobj);
}

static void hold_types(struct mdev_pci_parent *parent)
{
	unsigned int i;

	for (i = 0; i < parent->nr_offers; i++)
		hold_type(&parent->offers[i]);
}

static int make_offers(struct mdev_pci_parent *parent)
{
	unsigned int i, n = parent->desc->nr_types;
	int ret;

	parent->offers = kcalloc(n, sizeof(*parent->offers), GFP_KERNEL);
	parent->mtypes = kcalloc(n, sizeof(*parent->mtypes), GFP_KERNEL);
	if (!parent->offers || !parent->mtypes)
		return -ENOMEM;

	for (i = 0; i < n; i++) {
		const struct mdev_pci_type *type = &parent->desc->types[i];
		struct mdev_pci_offer *offer = &parent->offers[i];

		offer->type = type;
		offer->parent = parent;
		offer->mtype.sysfs_name = type->name;
		offer->mtype.pretty_name = type->label ?: type->name;
		parent->mtypes[i] = &offer->mtype;
		parent->nr_offers++;
		ret = mdev_pci_attrs_make(offer, parent->pf);
		if (ret)
			return ret;
	}
	return 0;
}

/* While @describe works, users read what it has written the time before */
static void describe(struct mdev_pci_parent *parent, const struct mdev_pci_parent_ops *ops)
{
	char *text, *old;
	int n;

	text = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!text)
		return;
	n = ops->describe(parent->pf, text, PAGE_SIZE);
	/* Neither an errno nor more than there is space for makes bytes of the description */
	if (n < 0 || n >= PAGE_SIZE) {
		vfio_pci_engine_result(&parent->pf->dev, "describe", n);
		n = 0;
	}
	text[n] = '\0';
	mutex_lock(&parent->lock);
	old = parent->text;
	parent->text = text;
	mutex_unlock(&parent->lock);
	kfree(old);
}

/* An errno, or what is none, is no room */
static unsigned int room(struct mdev_pci_parent *parent, const struct mdev_pci_parent_ops *ops,
			 const struct mdev_pci_type *type)
{
	unsigned int n = ops->room(parent->pf, type);

	if (n <= INT_MAX)
		return n;
	vfio_pci_engine_result(&parent->pf->dev, "room", n);
	return 0;
}

static void refresh_locked(struct mdev_pci_parent *parent, const struct mdev_pci_parent_ops *ops)
{
	unsigned int i;

	lockdep_assert_held(&parent->cache_lock);
	if (ops->describe)
		describe(parent, ops);
	if (!ops->room || READ_ONCE(parent->given))
		return;
	for (i = 0; i < parent->nr_offers; i++) {
		struct mdev_pci_offer *offer = &parent->offers[i];

		if (!offer->type->whole)
			WRITE_ONCE(offer->room, room(parent, ops, offer->type));
	}
}

/**
 * mdev_pci_parent_refresh() - refresh the cached results of describe and room
 * @parent: the parent
 *
 * Reading attributes never reaches firmware: everybody may read them, and firmware's commands are
 * shared with migration.
 *
 * Context: process context; sleeps. Not under a lock that an operation of the vendor driver takes.
 */
void mdev_pci_parent_refresh(struct mdev_pci_parent *parent)
{
	mutex_lock(&parent->cache_lock);
	/* After unregistration the description may be gone */
	if (!READ_ONCE(parent->going) && parent->desc->ops)
		refresh_locked(parent, parent->desc->ops);
	mutex_unlock(&parent->cache_lock);
}

/* As mdev_register_parent() has told of the parent: mdevctl's autostart waits for that */
static void tell_of_vfs(struct work_struct *work)
{
	struct mdev_pci_parent *parent = container_of(work, struct mdev_pci_parent, tell.work);
	char *env[2] = { "MDEV_STATE=registered", NULL };

	mdev_pci_parent_refresh(parent);
	kobject_uevent_env(&parent->pf->dev.kobj, KOBJ_CHANGE, env);
}

static struct mdev_pci_parent *parent_alloc(struct pci_dev *pf,
					    const struct mdev_pci_parent_desc *desc, bool whole)
{
	struct mdev_pci_parent *parent = kzalloc(sizeof(*parent), GFP_KERNEL);
	int ret;

	if (!parent)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&nr_parents);
	kref_init(&parent->kref);
	mutex_init(&parent->lock);
	mutex_init(&parent->cache_lock);
	INIT_DELAYED_WORK(&parent->tell, tell_of_vfs);
	INIT_LIST_HEAD(&parent->functions);
	parent->pf = pci_dev_get(pf);
	parent->desc = desc;
	parent->whole = whole;
	parent->kept = !whole && mdev_pci_whole_is_offered(desc);
	parent->drvdata = pci_get_drvdata(pf);
	ret = make_offers(parent);
	if (ret) {
		mdev_pci_parent_put(parent);
		return ERR_PTR(ret);
	}
	return parent;
}

static void adopt_vf(struct pci_dev *vf)
{
	int ret;

	if (vf->dev.driver) {
		/* By this function, since the driver may just be leaving */
		pci_warn(vf, "belongs to driver %s; unbind it and set driver_override to mdev-pci to offer it as an mdev\n",
			 dev_driver_string(&vf->dev));
		return;
	}
	if (mdev_pci_function_capture(vf))
		return;
	ret = device_attach(&vf->dev);
	if (ret < 0)
		pci_err(vf, "could not be bound to mdev-pci (%pe)\n", ERR_PTR(ret));
}

/* VFs that an earlier driver of the PF has left behind */
static void adopt_vfs(struct mdev_pci_parent *parent)
{
	struct pci_dev *vf = NULL;

	for_each_pci_dev(vf) {
		if (vf->is_virtfn && pci_physfn(vf) == parent->pf)
			adopt_vf(vf);
	}
}

/* The parent is announced in any case: VFs can still be made by sriov_numvfs */
static void create_vfs(struct mdev_pci_parent *parent)
{
	int total = pci_sriov_get_totalvfs(parent->pf);
	int n = min_t(unsigned int, parent->desc->num_vfs, total);
	int ret;

	if (n < parent->desc->num_vfs)
		pci_warn(parent->pf, "%u VFs were asked for, the device has %d\n",
			 parent->desc->num_vfs, total);
	if (!n)
		return;
	ret = pci_enable_sriov(parent->pf, n);
	parent->created_vfs = !ret;
	if (ret)
		pci_err(parent->pf, "%d VFs could not be created (%pe)\n", n, ERR_PTR(ret));
}

static int parent_list(struct mdev_pci_parent *parent)
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

static void parent_unlist(struct mdev_pci_parent *parent)
{
	mutex_lock(&parents_lock);
	list_del(&parent->node);
	mutex_unlock(&parents_lock);
}

static struct pci_dev *bound_vf(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;
	struct pci_dev *vf = NULL;

	mutex_lock(&parent->lock);
	function = list_first_entry_or_null(&parent->functions, struct mdev_pci_function, node);
	if (function)
		vf = pci_dev_get(function->fn.pdev);
	mutex_unlock(&parent->lock);
	return vf;
}

/*
 * The VFs are left without a driver, as after vfio-pci. The PF's driver may remove VFs meanwhile,
 * so this walks the list of bound functions, not the devices.
 */
static void give_back_vfs(struct mdev_pci_parent *parent)
{
	struct pci_dev *vf;

	while ((vf = bound_vf(parent))) {
		device_release_driver(&vf->dev);
		pci_dev_put(vf);
	}
	for_each_pci_dev(vf) {
		if (vf->is_virtfn && pci_physfn(vf) == parent->pf)
			mdev_pci_function_let_go(vf);
	}
}

static void part_from_vfs(struct mdev_pci_parent *parent)
{
	if (parent->desc->external_pf_driver)
		give_back_vfs(parent);
	else
		pci_disable_sriov(parent->pf);
}

static void set_going(struct mdev_pci_parent *parent)
{
	mutex_lock(&parent->lock);
	WRITE_ONCE(parent->going, true);
	mutex_unlock(&parent->lock);
	/* Who asks the vendor driver has done so */
	mutex_lock(&parent->cache_lock);
	mutex_unlock(&parent->cache_lock);
}

static int add_whole(struct mdev_pci_parent *parent)
{
	device_lock_assert(&parent->pf->dev);
	kref_get(&parent->kref);
	return mdev_pci_function_add(parent->pf, parent);
}

/* VFs that were bound meanwhile are told of again, which does no harm */
static int announce(struct mdev_pci_parent *parent)
{
	int ret;

	mdev_pci_parent_refresh(parent);
	mutex_lock(&parent->lock);
	parent->announced = true;
	mutex_unlock(&parent->lock);
	ret = mdev_register_parent(&parent->mdev_parent, &parent->pf->dev, &mdev_pci_driver,
				   parent->mtypes, parent->nr_offers);
	hold_types(parent);
	if (ret)
		return ret;
	/* external.c has a line of its own */
	if (!parent->desc->external_pf_driver)
		pci_info(parent->pf, "is an mdev parent with %u types and %d VFs\n",
			 parent->nr_offers, pci_num_vf(parent->pf));
	return 0;
}

/* Stop claims, and detach the mdev that has the whole PF */
static void leave(struct mdev_pci_parent *parent)
{
	set_going(parent);
	cancel_delayed_work_sync(&parent->tell);
	if (parent->self)
		mdev_pci_function_del(parent);
}

int __mdev_pci_register_parent(struct pci_dev *pf, const struct mdev_pci_parent_desc *desc,
			       u32 interface, const char *module)
{
	struct mdev_pci_parent *parent;
	int ret;

	ret = mdev_pci_interface_check(interface, module) ?: mdev_pci_desc_check(pf, desc, false);
	if (ret)
		return ret;
	parent = parent_alloc(pf, desc, false);
	if (IS_ERR(parent))
		return PTR_ERR(parent);

	ret = parent_list(parent);
	if (ret)
		goto put;
	if (parent->kept)
		ret = add_whole(parent);
	if (ret)
		goto unlist;
	mdev_pci_flavours_offer(parent);
	if (pci_num_vf(pf))
		adopt_vfs(parent);
	else
		create_vfs(parent);

	ret = announce(parent);
	if (!ret)
		return 0;

	leave(parent);
	if (parent->created_vfs)
		pci_disable_sriov(pf);
	else
		give_back_vfs(parent);
unlist:
	parent_unlist(parent);
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
	leave(parent);
	/* In this order: removal of a VF would wait for its user with the VF's lock held */
	mdev_unregister_parent(&parent->mdev_parent);
	part_from_vfs(parent);
	parent_unlist(parent);
	mdev_pci_parent_put(parent);
	/* That of the registration */
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_unregister_parent);

/**
 * __mdev_pci_register_function() - offer a PCI function as a whole, as one mdev
 * @pdev: the function
 * @desc: what is offered; must live as long as the parent
 * @interface: VFIO_PCI_ENGINE_INTERFACE of the caller, by mdev_pci_register_function()
 * @module: the caller's name, for the log
 *
 * For drivers that only hold the function for its user: they have driver_managed_dma and
 * vfio_pci_engine_err_handlers, and leave it alone. The function's driver data is the
 * framework's, and the driver's struct dev_pm_ops are vfio-pci-core's.
 *
 * Context: process context, the driver's probe(), under device_lock() of @pdev; sleeps.
 * Return: 0; -EINVAL: @desc has a mistake, which is logged; -EEXIST: it is a parent already;
 * -ENOEXEC: @interface is another one, which is logged; -ENOMEM; others from
 * mdev_register_parent().
 */
int __mdev_pci_register_function(struct pci_dev *pdev, const struct mdev_pci_parent_desc *desc,
				 u32 interface, const char *module)
{
	struct mdev_pci_parent *parent;
	int ret;

	device_lock_assert(&pdev->dev);
	ret = mdev_pci_interface_check(interface, module) ?: mdev_pci_desc_check(pdev, desc, true);
	if (ret)
		return ret;
	parent = parent_alloc(pdev, desc, true);
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	ret = parent_list(parent);
	if (ret)
		goto put;
	mdev_pci_flavours_offer(parent);
	ret = add_whole(parent);
	if (ret)
		goto unlist;
	ret = announce(parent);
	if (!ret)
		return 0;

	leave(parent);
unlist:
	parent_unlist(parent);
put:
	mdev_pci_parent_put(parent);
	return ret;
}
EXPORT_SYMBOL_GPL(__mdev_pci_register_function);

/**
 * mdev_pci_unregister_function() - undo mdev_pci_register_function()
 * @pdev: the function
 *
 * Removes its mdev. The user of an open device is asked to let go; blocks until it has closed
 * it.
 *
 * Context: process context, the driver's remove(), under device_lock() of @pdev; sleeps.
 */
void mdev_pci_unregister_function(struct pci_dev *pdev)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pdev);

	device_lock_assert(&pdev->dev);
	if (WARN_ON(!parent))
		return;
	/* Detach first: create and remove wait for it while mdev core waits for them */
	leave(parent);
	mdev_unregister_parent(&parent->mdev_parent);
	parent_unlist(parent);
	mdev_pci_parent_put(parent);
	/* That of the registration */
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_unregister_function);

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
	struct mdev_pci_instance *whole, *user;
	int ret = 0;

	mutex_lock(&parent->lock);
	whole = parent->self ? parent->self->instance : NULL;
	user = a_user(parent);
	if (whole) {
		pci_err(parent->pf,
			"VFs can't be created while an mdev has the whole device; remove mdev %s first\n",
			dev_name(&whole->mdev->dev));
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
	} else if (parent->changing || parent->going) {
		pci_err(parent->pf, "VFs are being created or removed already\n");
		ret = -EBUSY;
	} else {
		parent->changing = true;
	}
	mutex_unlock(&parent->lock);
	return ret;
}

static void end_change(struct mdev_pci_parent *parent)
{
	mutex_lock(&parent->lock);
	parent->changing = false;
	if (parent->came && parent->announced)
		tell_later(parent);
	parent->came = false;
	mutex_unlock(&parent->lock);
}

void mdev_pci_parent_changed(struct pci_dev *pf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);

	if (!parent)
		return;
	mdev_pci_parent_refresh(parent);
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_parent_changed);

static int change_vfs(struct pci_dev *pf, int num_vfs)
{
	int ret;

	if (!num_vfs) {
		pci_disable_sriov(pf);
		return 0;
	}
	ret = pci_enable_sriov(pf, num_vfs);
	return ret ?: num_vfs;
}

/**
 * mdev_pci_sriov_configure() - &pci_driver.sriov_configure for the PF driver
 * @pf: the PF
 * @num_vfs: VFs to create; 0: remove all
 *
 * Context: process context, under device_lock() of @pf; sleeps.
 * Return: @num_vfs; -EBUSY: mdevs exist, of VFs or of @pf as a whole; -ENODEV: @pf is no parent; or
 * an errno of pci_enable_sriov().
 */
int mdev_pci_sriov_configure(struct pci_dev *pf, int num_vfs)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	int ret;

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

void mdev_pci_parent_error(struct pci_dev *pf, const char *why)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	struct mdev_pci_function *function;

	if (!parent)
		return;
	mutex_lock(&parent->lock);
	parent->failed = true;
	parent->failures++;
	list_for_each_entry(function, &parent->functions, node) {
		mdev_pci_function_remember(function);
		if (function->instance)
			mdev_pci_instance_error(function->instance, why);
	}
	mutex_unlock(&parent->lock);
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_parent_error);

static struct mdev_pci_function *get_function(struct mdev_pci_parent *parent, unsigned int id)
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

/* Who has reset a VF since mdev_pci_parent_error() did so too early */
static void users_must_reset(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node)
		if (function->instance && function->instance->type->mig_ops)
			mdev_pci_instance_error(function->instance, "its PF was reset");
}

/* Firmware was reset, or has failed for all VFs: each VF may be tried again */
static void forget_refusals_locked(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;

	lockdep_assert_held(&parent->lock);
	list_for_each_entry(function, &parent->functions, node)
		function->refused = 0;
}

/**
 * mdev_pci_parent_forget_refusals() - clear the marks of VFs that firmware refused
 * @parent: the parent
 * @number: the mdev's
 *
 * Then it need not be the VFs' fault. They count as available again: mdevctl does not even try
 * where none is.
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

void mdev_pci_parent_restored(struct pci_dev *pf)
{
	struct mdev_pci_parent *parent = mdev_pci_parent_find(pf);
	struct mdev_pci_function *function;
	unsigned int id, failures, n = pci_num_vf(pf);

	if (!parent)
		return;
	mutex_lock(&parent->lock);
	failures = parent->failures;
	users_must_reset(parent);
	mutex_unlock(&parent->lock);

	for (id = 0; id < n; id++) {
		function = get_function(parent, id);
		if (!function)
			continue;
		mdev_pci_function_restore(function);
		mdev_pci_function_put(function);
	}

	/* Not before: an mdev that was created meanwhile would be enabled twice */
	mutex_lock(&parent->lock);
	if (parent->failures == failures)
		parent->failed = false;
	forget_refusals_locked(parent);
	mutex_unlock(&parent->lock);
	mdev_pci_parent_refresh(parent);
	mdev_pci_parent_put(parent);
}
EXPORT_SYMBOL_GPL(mdev_pci_parent_restored);

/**
 * mdev_pci_parent_suspend_vfs() - disable the VFs of mdevs for mdev_pci_parent_suspend()
 * @parent: the parent; none of its devices is open
 */
void mdev_pci_parent_suspend_vfs(struct mdev_pci_parent *parent)
{
	struct mdev_pci_function *function;
	unsigned int id, n = pci_num_vf(parent->pf);

	mutex_lock(&parent->lock);
	parent->failed = true;
	parent->failures++;
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

/* VFs get the framework's driver as they appear, before any other can have them */
static int on_pci_bus(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *vf = to_pci_dev(data);
	struct mdev_pci_parent *parent;

	if (action != BUS_NOTIFY_ADD_DEVICE || !vf->is_virtfn)
		return NOTIFY_DONE;
	parent = mdev_pci_parent_find(pci_physfn(vf));
	if (!parent)
		return NOTIFY_DONE;
	if (!parent->whole && !READ_ONCE(parent->going))
		mdev_pci_function_capture(vf);
	mdev_pci_parent_put(parent);
	return NOTIFY_OK;
}

static struct notifier_block pci_bus_nb = {
	.notifier_call = on_pci_bus,
};

static int __init mdev_pci_init(void)
{
	int ret;

	ret = mdev_pci_functions_init();
	if (ret)
		return ret;
	ret = bus_register_notifier(&pci_bus_type, &pci_bus_nb);
	if (ret)
		goto functions;
	ret = pci_register_driver(&mdev_pci_function_driver);
	if (ret)
		goto notifier;
	ret = mdev_register_driver(&mdev_pci_driver);
	if (ret)
		goto driver;
	ret = mdev_pci_sleep_init();
	if (ret)
		goto mdev;
	ret = mdev_pci_flavours_init();
	if (ret)
		goto sleep;
	return 0;

sleep:
	mdev_pci_sleep_exit();
mdev:
	mdev_unregister_driver(&mdev_pci_driver);
driver:
	pci_unregister_driver(&mdev_pci_function_driver);
notifier:
	bus_unregister_notifier(&pci_bus_type, &pci_bus_nb);
functions:
	mdev_pci_functions_exit();
	return ret;
}
module_init(mdev_pci_init);

static void __exit mdev_pci_exit(void)
{
	mdev_pci_flavours_exit();
	mdev_pci_sleep_exit();
	mdev_unregister_driver(&mdev_pci_driver);
	pci_unregister_driver(&mdev_pci_function_driver);
	bus_unregister_notifier(&pci_bus_type, &pci_bus_nb);
	mdev_pci_functions_exit();
	/* See type_release() */
	wait_var_event(&nr_parents, !atomic_read(&nr_parents));
	/* Tasks may still be in the last instructions of driver_flavour_store() or parent_free() */
	synchronize_rcu_tasks();
}
module_exit(mdev_pci_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("PCI functions as mediated devices");
