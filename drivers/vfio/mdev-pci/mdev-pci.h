/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdev-pci: what its files share.
 *
 * A parent is a registered PF, a function one of its VFs, bound to the
 * framework's pci_driver, and an instance an mdev that has claimed a function.
 * The parent may also be a function itself, bound to the vendor driver: its
 * only one, or one that excludes VFs.
 *
 * Lock order, outermost first:
 *
 *	mdev core's unreg_sem, device_lock() of the mdev
 *	mdev_pci_instance.move_lock		an mdev moves to another VF
 *	device_lock() of the function		function->live, function->dead
 *	mdev_pci_parent.cache_lock		asking what firmware has left
 *	vfio core's locks			opening and closing
 *	mdev_pci_function.fw_lock		enable, disable, attributes
 *	mdev_pci_function.edev_lock		the device, for notifiers
 *	the engine's state mutex		firmware's migration operations
 *	mdev_pci_parent.lock			functions and their claims
 *	mdev_pci_instance.lock			instance->edev, for readers
 *
 * device_lock() of the PF is outside of all: PF removal and sriov_numvfs hold
 * it while they wait for mdevs and VFs. So nothing here takes it. Removal of a
 * VF holds device_lock() of the VF, and must not wait for the mdev's: it leaves
 * a detached mdev. An mdev that moves takes device_lock() of its two VFs one
 * after the other.
 *
 * If the function is the parent itself, these two are the same lock, and
 * creation and removal of its mdev must not wait for it: unregistration waits
 * for them while it has the lock. They wait for a worker that takes it instead,
 * or for unregistration to tell them that it has done their work
 * (mdev_pci_function_call(), mdev_pci_function_del()).
 *
 * No operation of the vendor driver is called under mdev_pci_parent.lock: any
 * of them may end in mdev_pci_parent_error().
 *
 * lockdep checks this order, also of device_lock() while an mdev exists and has
 * the function: see set_lock_class(). device_lock() of a PF belongs to its
 * driver, and lockdep does not see it.
 */
#ifndef MDEV_PCI_INTERNAL_H
#define MDEV_PCI_INTERNAL_H

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/mdev_pci.h>
#include <linux/mutex.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

struct mdev_pci_call;
struct mdev_pci_function;
struct mdev_pci_instance;

/*
 * "<driver>-<name>" travels in the header of the migration stream, which has 64
 * bytes
 */
#define MDEV_PCI_TYPE_NAME_MAX	40
#define MDEV_PCI_TYPES_MAX	16
/* A type's description, with a line for each, is a page */
#define MDEV_PCI_ATTRS_MAX	16
#define MDEV_PCI_ATTR_NAME_MAX	32

/**
 * struct mdev_pci_type_entry - a type of a parent, as the mdev core knows it
 * @mtype: the mdev core's
 * @type: the vendor driver's
 * @visible: bit for each of the type's attributes: this parent has it
 * @group: files for those
 * @files: what they are, attr.c's
 * @available: what &mdev_pci_parent_ops.available has said last
 * @parent: whose it is
 * @ktype: that of the mdev core's kobject, with our release()
 * @core_release: the mdev core's
 */
struct mdev_pci_type_entry {
	struct mdev_type mtype;
	const struct mdev_pci_type *type;
	unsigned long visible;
	struct attribute_group group;
	void *files;
	unsigned int available;
	struct mdev_pci_parent *parent;
	struct kobj_type ktype;
	void (*core_release)(struct kobject *kobj);
};

/**
 * struct mdev_pci_parent - a registered PF
 * @kref: held by the registration, by each function, and by the mdev core's
 *	kobject of each type
 * @node: in the list of parents
 * @pf: the PF
 * @desc: the vendor driver's description; not used after unregistration
 * @mdev_parent: the mdev core's
 * @type_entries: types
 * @nr_type_entries: entries in it
 * @mtypes: the same as the mdev core wants them
 * @lock: see the top of this file
 * @functions: bound VFs, by struct mdev_pci_function.node
 * @self: the PF as a function, if it is offered itself, or NULL
 * @function_only: the only function that it offers is itself; its driver does
 *	not use it
 * @pf_assignable: an mdev can have the PF; otherwise its driver uses it
 * @drvdata: of @pf_assignable: the vendor driver's data. Does not change
 * @pf_assigned: of @pf_assignable: the driver has let go of it. Under
 *	device_lock() of the PF
 * @sriov_busy: VFs are being created or removed. Under @lock
 * @came: while @sriov_busy, VFs were bound. Under @lock
 * @unregistering: unregistration has begun
 * @failed: firmware has failed
 * @reset_gen: how often
 * @created_vfs: VFs were created by the registration
 * @announced: its uevent was sent or is being sent. Under @lock
 * @tell: tells user space of VFs that have come since
 * @cache_lock: held while the vendor driver is asked for @text and
 *	&mdev_pci_type_entry.available
 * @text: what &mdev_pci_parent_ops.show has said last, or NULL. Under @lock
 */
struct mdev_pci_parent {
	struct kref kref;
	struct list_head node;
	struct pci_dev *pf;
	const struct mdev_pci_parent_desc *desc;
	struct mdev_parent mdev_parent;
	struct mdev_pci_type_entry *type_entries;
	unsigned int nr_type_entries;
	struct mdev_type **mtypes;
	struct mutex lock;		/* order: top of this file */
	struct list_head functions;
	struct mdev_pci_function *self;
	bool function_only;
	bool pf_assignable;
	void *drvdata;
	bool pf_assigned;
	bool sriov_busy;
	bool came;
	bool unregistering;
	bool failed;
	unsigned int reset_gen;
	bool created_vfs;
	bool announced;
	struct delayed_work tell;
	struct mutex cache_lock;	/* order: top of this file */
	char *text;
};

/**
 * struct mdev_pci_claim_ops - what a function and its parent ask of the mdev
 *	that has claimed it
 * @release: release the function and end the claim; the mdev does not know the
 *	function any more. Blocks until the user has closed the device. Under
 *	device_lock() of the function. Returns 0
 * @detach: release the function, which goes away, and keep the claim: the mdev
 *	is detached. As @release
 * @error: put the mdev's device into ERROR; @why is for the log. Under
 *	&mdev_pci_parent.lock
 *
 * By pointer: functions are below mdevs, and call nothing of them.
 */
struct mdev_pci_claim_ops {
	int (*release)(struct mdev_pci_instance *instance);
	void (*detach)(struct mdev_pci_instance *instance,
		       struct mdev_pci_function *function);
	void (*error)(struct mdev_pci_instance *instance, const char *why);
};

/**
 * struct mdev_pci_function - a VF bound to the framework, or the parent itself
 * @kref: held by the binding and by the instance that has claimed it
 * @free: for the last of them
 * @node: of a VF: in the parent's list, while bound
 * @parent: a reference
 * @fn: the function, as the engine and firmware know it
 * @instance: the claim, or NULL. Changes under the parent's lock; what it
 *	points to lives as long as device_lock() of the function or the parent's
 *	lock is held
 * @dead: being unbound, or unbound. Written under device_lock() of the function
 * @live: enabled for @instance, and has a VFIO device. Under device_lock() of
 *	the function
 * @refused: number of the mdev that it could not be given to, while another VF
 *	could; 0: none; %MDEV_PCI_REFUSED_BY_GROUP: no mdev can be, as its IOMMU
 *	group is. Under the parent's lock
 * @tried: number of the mdev that has claimed it last. Under the parent's lock
 * @fw_lock: serializes enable, disable and the setting of attributes
 * @enabled: the type that firmware has enabled it for, or NULL. Under @fw_lock
 * @suspended: disabled all the same, by system sleep, and maybe not enabled
 *	since. Under @fw_lock
 * @limits: of @enabled, for this function. Do not change while it is enabled
 * @edev_lock: for notifiers of the PF driver: &mdev_pci_parent_ops.enable and
 *	@disable, which register them and wait for them, are called under
 *	@fw_lock
 * @edev: the engine's device, and a reference to it; NULL: there is none. Under
 *	@edev_lock
 * @shown: users may open @edev. Under @fw_lock
 * @detached: the PF driver has taken it from firmware. Under @edev_lock
 * @in_use: a user has it open. Under @fw_lock
 * @values: of the attributes of @enabled. Written under @fw_lock
 * @before: what those that are inherited have been before
 * @written: bit for each attribute that has been written since. Under @fw_lock
 * @command: PCI Command register before a reset of the PF
 * @work: of the parent itself: has @call called
 * @call: what an mdev waits for, or NULL. Under the parent's lock
 * @gone: of the parent itself: unregistration has taken the function from its
 *	mdev
 */
struct mdev_pci_function {
	struct kref kref;
	void (*free)(struct kref *kref);
	struct list_head node;
	struct mdev_pci_parent *parent;
	struct vfio_pci_fn fn;
	struct mdev_pci_instance *instance;
	bool dead;
	bool live;
	u64 refused;
	u64 tried;
	struct mutex fw_lock;		/* order: top of this file */
	struct mutex edev_lock;		/* the same */
	const struct mdev_pci_type *enabled;
	bool suspended;
	struct mdev_pci_limits limits;
	struct vfio_pci_engine_device *edev;
	bool shown;
	bool detached;
	bool in_use;
	u64 values[MDEV_PCI_ATTRS_MAX];
	u64 before[MDEV_PCI_ATTRS_MAX];
	unsigned long written;
	u16 command;
	struct work_struct work;
	struct mdev_pci_call *call;
	struct completion gone;
};

/**
 * struct mdev_pci_instance - an mdev
 * @ops: what its function calls
 * @mdev: the mdev core's
 * @type: what it is
 * @function: the function that it has claimed; a reference. Changes under
 *	@move_lock and @lock
 * @number: no other mdev has or had the same
 * @may_try_another: this function could not be made ready, another VF may be.
 *	Of the thread that creates the mdev
 * @moving: it moves to the VF that the user chose, and tries no other. Under
 *	@move_lock
 * @upstream: its streams are those of upstream's variant driver. Under
 *	@move_lock
 * @move_lock: serializes moves to another VF
 * @lock: for readers of @function and @edev without device_lock()
 * @edev: the engine's device, or NULL
 */
struct mdev_pci_instance {
	const struct mdev_pci_claim_ops *ops;
	struct mdev_device *mdev;
	const struct mdev_pci_type *type;
	struct mdev_pci_function *function;
	u64 number;
	bool may_try_another;
	bool moving;
	bool upstream;
	struct mutex move_lock;		/* order: top of this file */
	struct mutex lock;		/* order: top of this file */
	struct vfio_pci_engine_device *edev;
};

/**
 * struct mdev_pci_values - what was written to the attributes of an mdev
 * @values: of each attribute of the type
 * @written: bit for each that was written
 */
struct mdev_pci_values {
	u64 values[MDEV_PCI_ATTRS_MAX];
	unsigned long written;
};

/**
 * mdev_pci_parent_of() - get the parent that offers a type
 * @mtype: the mdev core's type
 *
 * Return: the parent; no reference is taken.
 */
static inline struct mdev_pci_parent *
mdev_pci_parent_of(struct mdev_type *mtype)
{
	return container_of(mtype->parent, struct mdev_pci_parent, mdev_parent);
}

/**
 * mdev_pci_type_is_pf() - check whether mdevs of a type are the parent itself
 * @parent: the parent
 * @type: one of its types
 *
 * Return: false if they are VFs.
 */
static inline bool mdev_pci_type_is_pf(const struct mdev_pci_parent *parent,
				       const struct mdev_pci_type *type)
{
	return parent->function_only || type->pf_ops;
}

/**
 * mdev_pci_function_is_pf() - check whether a function is the parent itself
 * @function: the function
 *
 * Return: false if it is a VF.
 */
static inline bool
mdev_pci_function_is_pf(const struct mdev_pci_function *function)
{
	return function->fn.pdev == function->parent->pf;
}

/**
 * mdev_pci_function_type_str() - name a function for the log: "VF" or "device"
 * @function: the function
 *
 * Return: a word for the log.
 */
static inline const char *
mdev_pci_function_type_str(const struct mdev_pci_function *function)
{
	return mdev_pci_function_is_pf(function) ? "device" : "VF";
}

/**
 * mdev_pci_function_put() - drop a reference
 * @function: the function
 */
static inline void mdev_pci_function_put(struct mdev_pci_function *function)
{
	kref_put(&function->kref, function->free);
}

/*
 * The files, from the bottom to the top. A file calls only those that stand
 * before it, and what is above by a pointer (tests/calls.py). netdev.c, a
 * library for vendor modules, calls none of them; external.c and main.c are on
 * top.
 */

/* claim.c */
unsigned int mdev_pci_parent_available(struct mdev_pci_parent *parent,
				       const struct mdev_pci_type *type);
struct mdev_pci_instance *
mdev_pci_parent_first_claimed(struct mdev_pci_parent *parent);
int mdev_pci_parent_claim(struct mdev_pci_parent *parent,
			  struct mdev_pci_instance *instance);
struct mdev_pci_function *
mdev_pci_parent_claim_vf(struct mdev_pci_parent *parent,
			 struct mdev_pci_instance *instance,
			 const char *address);
bool mdev_pci_parent_has_another(struct mdev_pci_parent *parent,
				 const struct mdev_pci_instance *instance);
void mdev_pci_parent_forget_refusals(struct mdev_pci_parent *parent,
				     u64 number);
struct mdev_pci_function *
mdev_pci_instance_function(struct mdev_pci_instance *instance);
void mdev_pci_function_unclaim(struct mdev_pci_function *function);
#define MDEV_PCI_REFUSED_BY_GROUP	U64_MAX
void mdev_pci_function_set_refused(struct mdev_pci_function *function,
				   u64 number);

/* attr.c */
extern const struct vfio_pci_use_ops mdev_pci_use_ops;
bool mdev_pci_attr_in_range(const struct mdev_pci_attr *attr, u64 value);
int mdev_pci_attrs_make(struct mdev_pci_type_entry *entry, struct pci_dev *pf);
void mdev_pci_attrs_unmake(struct mdev_pci_type_entry *entry);
int mdev_pci_attrs_default(struct mdev_pci_function *function,
			   const struct mdev_pci_type *type);
void mdev_pci_attrs_forget(struct mdev_pci_function *function);
int mdev_pci_attrs_again(struct mdev_pci_function *function);
void mdev_pci_attrs_keep(const struct mdev_pci_function *function,
			 struct mdev_pci_values *kept);
int mdev_pci_attrs_apply(struct mdev_pci_function *function,
			 const struct mdev_pci_type *type,
			 const struct mdev_pci_values *kept);
u32 mdev_pci_attrs_setup(const struct mdev_pci_function *function,
			 const struct mdev_pci_type *type);
int mdev_pci_attrs_show(const struct mdev_pci_type_entry *entry, char *buf,
			int at);

/* migration_compat.c */
int mdev_pci_describe_compat(struct mdev_pci_parent *parent,
			     const struct mdev_pci_type *type, char *buf,
			     int at);
int mdev_pci_show_compat(struct mdev_pci_instance *instance, char *buf);

/* type.c */
int mdev_pci_types_make(struct mdev_pci_parent *parent);
void mdev_pci_types_unmake(struct mdev_pci_parent *parent);
void mdev_pci_parent_refresh(struct mdev_pci_parent *parent);
unsigned int mdev_pci_get_available(struct mdev_type *mtype);
ssize_t mdev_pci_show_description(struct mdev_type *mtype, char *buf);

/* parent.c */
struct mdev_pci_parent *
mdev_pci_parent_alloc(struct pci_dev *pf,
		      const struct mdev_pci_parent_desc *desc,
		      bool function_only);
void mdev_pci_parent_put(struct mdev_pci_parent *parent);
struct mdev_pci_parent *mdev_pci_parent_find(struct pci_dev *pf);
int mdev_pci_parent_list(struct mdev_pci_parent *parent);
void mdev_pci_parent_unlist(struct mdev_pci_parent *parent);
void mdev_pci_parents_wait(void);
void mdev_pci_types_hold(struct mdev_pci_parent *parent);
bool mdev_pci_parent_add(struct mdev_pci_parent *parent,
			 struct mdev_pci_function *function);
void mdev_pci_parent_tell_later(struct mdev_pci_parent *parent);

/* pf.c */
struct device *mdev_pci_pf_neighbour(struct pci_dev *pf);
struct device *mdev_pci_group_owner(struct pci_dev *pdev);
int mdev_pci_pf_assign(struct mdev_pci_parent *parent,
		       const struct mdev_pci_type *type);
void mdev_pci_pf_reclaim(struct mdev_pci_parent *parent,
			 const struct mdev_pci_type *type);

/* function.c */
extern struct pci_driver mdev_pci_function_driver;
extern struct workqueue_struct *mdev_pci_wq;
int mdev_pci_function_override_set(struct pci_dev *vf);
int mdev_pci_function_add(struct pci_dev *pdev, struct mdev_pci_parent *parent);
void mdev_pci_function_del(struct mdev_pci_parent *parent);
int mdev_pci_function_call(struct mdev_pci_function *function,
			   int (*call)(struct mdev_pci_instance *instance));
int mdev_pci_functions_init(void);
void mdev_pci_functions_exit(void);
void mdev_pci_function_override_clear(struct pci_dev *vf);
bool mdev_pci_function_user(struct pci_dev *pdev, char *name, size_t size);
bool mdev_pci_function_stop_claims(struct pci_dev *pdev);

/* assign.c */
int mdev_pci_assign(struct mdev_pci_instance *instance,
		    const struct mdev_pci_values *kept);
int mdev_pci_assign_new(struct mdev_pci_instance *instance);
void mdev_pci_reclaim(struct mdev_pci_instance *instance,
		      struct mdev_pci_function *function);
int mdev_pci_function_hide(struct mdev_pci_function *function, bool force);
void mdev_pci_function_remember(struct mdev_pci_function *function);
void mdev_pci_function_suspend(struct mdev_pci_function *function);
void mdev_pci_function_restore(struct mdev_pci_function *function);

/* sriov.c */
void mdev_pci_vfs_adopt(struct mdev_pci_parent *parent);
void mdev_pci_vfs_create(struct mdev_pci_parent *parent);
void mdev_pci_vfs_unbind(struct mdev_pci_parent *parent);
void mdev_pci_vfs_detach(struct mdev_pci_parent *parent);

/* counters.c */
extern const struct attribute_group mdev_pci_counters_group;

/* mdev.c */
extern struct mdev_driver mdev_pci_driver;

/* desc.c */
int mdev_pci_interface_check(u32 interface, const char *module);
int mdev_pci_desc_check(struct pci_dev *pf,
			const struct mdev_pci_parent_desc *desc,
			bool function_only);

/* register.c */
void mdev_pci_parent_suspend_vfs(struct mdev_pci_parent *parent);

/* sleep.c */
int mdev_pci_sleep_init(void);
void mdev_pci_sleep_exit(void);

/* flavour.c, if driver_flavour is built */
#ifdef MDEV_PCI_FLAVOUR
int mdev_pci_flavour_init(void);
void mdev_pci_flavour_exit(void);
#else
static inline int mdev_pci_flavour_init(void)
{
	return 0;
}

static inline void mdev_pci_flavour_exit(void)
{
}
#endif

#endif /* MDEV_PCI_INTERNAL_H */
