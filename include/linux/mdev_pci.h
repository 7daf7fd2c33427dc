/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdev-pci: PCI functions offered as mediated devices. The vendor driver's
 * side.
 *
 * The driver of a PF registers it as a parent with a table of types and with
 * operations by which its firmware prepares and migrates a VF. Or the parent
 * itself is the function that is offered: by a driver that only holds it, or by
 * the PF's own driver, which releases it for a time. The framework handles
 * VFIO, mdev and sysfs. docs/vendor-guide.rst explains an example.
 */
#ifndef _LINUX_MDEV_PCI_H
#define _LINUX_MDEV_PCI_H

#include <linux/vfio_pci_engine.h>

/**
 * MDEV_PCI_MODULE_DEPS - have "modprobe -r" of a vendor module remove what it
 * has loaded
 *
 * Beside MODULE_LICENSE(). "modprobe -r" of recent kmods removes modules that
 * the module itself needs, but not those that only mdev-pci needs.
 */
#define MDEV_PCI_MODULE_DEPS	MODULE_SOFTDEP("pre: vfio-pci-engine driver-flavour mdev-pci")

/**
 * enum mdev_pci_attr_format - how the value of an attribute is read and written
 * @MDEV_PCI_ATTR_NUMBER: as a number, decimal when it is read
 * @MDEV_PCI_ATTR_MAC: as a MAC address, 01:23:45:67:89:ab; the number is that
 *	of ether_addr_to_u64(). Never a multicast address. All zero stands for
 *	none.
 */
enum mdev_pci_attr_format {
	MDEV_PCI_ATTR_NUMBER,
	MDEV_PCI_ATTR_MAC,
};

/**
 * struct mdev_pci_attr - a value that can be set on an mdev before a guest gets
 *	it
 * @name: name of the file in the mdev's directory: lower case letters, digits
 *	and '_', at most 32. It never changes, as a type's name does not.
 * @format: how the value is read and written.
 * @unit: unit such as "bytes", or NULL. Shown in the type's "description".
 * @min: smallest value.
 * @max: largest value.
 * @power_of_2: between them only powers of two are allowed.
 * @default_value: value after &mdev_pci_parent_ops.enable; the same on every
 *	host.
 * @from_hw: instead of @default_value the mdev starts with the value of @get at
 *	its creation. If a value was written, @set restores it at removal. For
 *	values that the host can also set in another way. Not together with
 *	@guest_visible.
 * @mask: with @from_hw: the bits of the result of @get that are the value; 0:
 *	all. @set gets the other bits as @get returned them when it restores the
 *	value, and zeros there with a value that was written to the file.
 * @guest_visible: a driver in the guest may rely on the value. The framework
 *	migrates state only between VFs with equal values. Without it each host
 *	keeps its own value.
 * @id: for the vendor driver.
 * @set: have firmware apply @value, which is in range. On error the VF is
 *	unchanged; the writer of the file gets the errno. Log the reason. A
 *	reset of the VF must not change what was set, disable must forget it.
 *	Also called after enable when firmware has forgotten the VF, see
 *	mdev_pci_parent_restored(); the device may be open then.
 * @get: optional, required with @from_hw: the value that firmware has applied,
 *	if firmware may change it. Called after @set.
 * @is_visible: optional: whether this parent has the attribute. Called once, at
 *	registration. Without the attribute mdevs do not have the file.
 *
 * The operations are called and bounded as those of &struct
 * mdev_pci_parent_ops, and never while the VF is open, except for the case
 * named at @set.
 */
struct mdev_pci_attr {
	const char *name;
	enum mdev_pci_attr_format format;
	const char *unit;
	u64 min;
	u64 max;
	bool power_of_2;
	u64 default_value;
	bool from_hw;
	u64 mask;
	bool guest_visible;
	unsigned long id;
	int (*set)(struct vfio_pci_fn *fn, const struct mdev_pci_attr *attr,
		   u64 value);
	int (*get)(struct vfio_pci_fn *fn, const struct mdev_pci_attr *attr,
		   u64 *value);
	bool (*is_visible)(struct pci_dev *pf,
			   const struct mdev_pci_attr *attr);
};

struct mdev_pci_type;

/**
 * struct mdev_pci_pf_ops - the PF itself becomes an mdev, and its driver stays
 *	bound
 *
 * Called in process context under device_lock() of the PF, while no VF exists
 * and none can be made; may sleep, but must end within a bounded time.
 *
 * @quiesce: release @pf: end its use and its DMA, stop queues, free interrupts,
 *	unmap BARs and release their regions, disable the device as probe() has
 *	enabled it. Memory may stay mapped for DMA. On error nothing has
 *	changed; the writer of "create" gets the errno. Log the reason.
 * @resume: take @pf back. It was reset, its config space is as @quiesce has
 *	left it, and the user's DMA has ended. On error the driver stays bound
 *	without its device, and no mdev can be created until
 *	mdev_pci_parent_restored(); log the reason. Also called when @pf is
 *	being unplugged.
 *
 * The driver must not access the device between the two. The PF's driver data
 * belongs to the framework then: see mdev_pci_get_drvdata().
 */
struct mdev_pci_pf_ops {
	int (*quiesce)(struct pci_dev *pf, const struct mdev_pci_type *type);
	int (*resume)(struct pci_dev *pf);
};

/**
 * struct mdev_pci_type - a kind of mdev that a parent offers
 * @name: name of the type. User space sees "<PF driver>-<name>"; it must be the
 *	same on every host, since migration matches on it. At most 40 characters
 *	of ASCII, neither blank nor '/'.
 * @label: name for people (the type's "name" attribute).
 * @profile: for the vendor driver: the resource profile that firmware applies.
 * @mig_ops: operations that move the state; NULL if firmware can't.
 * @log_ops: operations that log dirty pages; NULL if firmware can't. Needs
 *	@mig_ops.
 * @hidden_range: the range of a BAR with the migration control, which the user
 *	does not see; NULL: there is none.
 * @nvlink2: look for GPU RAM or ATSD registers behind NVLink2; NULL: there are
 *	none.
 * @not_migratable: without @mig_ops: the reason, shown in the type's
 *	"description".
 * @pf_ops: an mdev is the PF itself, which its driver releases as long as the
 *	mdev exists; NULL: an mdev is a VF. Such a type has no @mig_ops,
 *	@log_ops, @hidden_range and @attrs; the parent needs
 *	&mdev_pci_parent_desc.err_handlers, and no @external_pf_driver.
 * @attrs: table of values that can be set on mdevs of this type.
 * @nr_attrs: entries in it, at most 16.
 */
struct mdev_pci_type {
	const char *name;
	const char *label;
	u32 profile;
	const struct vfio_pci_mig_ops *mig_ops;
	const struct vfio_pci_log_ops *log_ops;
	const struct vfio_pci_hidden_range *hidden_range;
	const struct vfio_pci_nvlink2_ops *nvlink2;
	const char *not_migratable;
	const struct mdev_pci_pf_ops *pf_ops;
	const struct mdev_pci_attr *attrs;
	unsigned int nr_attrs;
};

/**
 * struct mdev_pci_limits - what one function can do
 * @mig_caps: limits of its migration. Not used if its type has no mig_ops
 * @log_caps: limits of its log of dirty pages. Not used if its type has no
 *	log_ops
 * @not_migratable: NULL: the function can migrate; else the reason why not, as
 *	a string that stays valid. The mdev then works without migration, and
 *	user space sees the reason
 */
struct mdev_pci_limits {
	struct vfio_pci_mig_caps mig_caps;
	struct vfio_pci_log_caps log_caps;
	const char *not_migratable;
};

/**
 * struct mdev_pci_parent_ops - firmware operations for creation and removal of
 *	mdevs
 *
 * Called in process context; may sleep, but must end within a bounded time.
 * Never called twice at a time for one VF. NULL: firmware has nothing to do.
 *
 * @enable: give the VF the resources of @type->profile, and @type->attrs their
 *	initial values. @limits are those of the description: lower them for
 *	this VF, or set &mdev_pci_limits.not_migratable to the reason why it
 *	can't migrate. &vfio_pci_fn.priv is the vendor driver's from here to
 *	@disable. On error the VF is as before; the errno is what the writer of
 *	"create" gets: -ETIMEDOUT if firmware did not answer, else one that says
 *	why it refused. Log the reason. Also called when firmware has forgotten
 *	the VF, see mdev_pci_parent_restored(); @limits are ignored then.
 * @disable: take the resources back. The VF is closed and does no DMA any more.
 * @show: optional: more lines "key: value" for the "description" of each type,
 *	into @buf of @size bytes; returns how many it has written. Called when
 *	mdevs and VFs have come or gone, and by mdev_pci_parent_changed(), also
 *	while an mdev has @pf itself; users read the last result.
 * @available: optional: the number of further mdevs of @type for which firmware
 *	has resources, without regard to VFs. Called as @show is, but not while
 *	an mdev has @pf itself.
 */
struct mdev_pci_parent_ops {
	int (*enable)(struct vfio_pci_fn *fn, const struct mdev_pci_type *type,
		      struct mdev_pci_limits *limits);
	void (*disable)(struct vfio_pci_fn *fn);
	int (*show)(struct pci_dev *pf, char *buf, size_t size);
	unsigned int (*available)(struct pci_dev *pf,
				  const struct mdev_pci_type *type);
};

/**
 * struct mdev_pci_parent_desc - a PF as an mdev parent
 * @owner: the vendor module (THIS_MODULE, which is NULL in the kernel's image);
 *	pinned while a VF is open.
 * @model: name of the device, as shown in each type's "description".
 * @ops: see &struct mdev_pci_parent_ops; NULL: firmware has nothing to do.
 * @types: table of types.
 * @nr_types: entries in it, 1 to 16.
 * @mig_caps: limits of migration; needed if a type has mig_ops.
 * @log_caps: limits of logging dirty pages; needed if a type has log_ops.
 * @num_vfs: not with mdev_pci_register_function(): VFs to create before the
 *	parent is announced, so that mdevctl's autostart finds them; 0: none.
 *	Ignored if VFs exist.
 * @external_pf_driver: the PF is bound to a driver that does not know mdev-pci,
 *	and that creates and removes the VFs. At unregistration they are
 *	unbound, and @num_vfs must be 0. Open VFs that a reset of the PF has
 *	reset are found: see &vfio_pci_engine_desc.watch. See
 *	mdev_pci_register_external().
 * @err_handlers: with types that have &mdev_pci_type.pf_ops: the PF driver's
 *	own handlers. mdev_pci_err_handlers, which the struct pci_driver must
 *	have, call them while no mdev has the PF (except cor_error_detected).
 *
 * Everything that it points to must live as long as the parent.
 */
struct mdev_pci_parent_desc {
	struct module *owner;
	const char *model;
	const struct mdev_pci_parent_ops *ops;
	const struct mdev_pci_type *types;
	unsigned int nr_types;
	struct vfio_pci_mig_caps mig_caps;
	struct vfio_pci_log_caps log_caps;
	unsigned int num_vfs;
	bool external_pf_driver;
	const struct pci_error_handlers *err_handlers;
};

/**
 * struct mdev_pci_external - PFs that are parents while their own drivers stay
 *	bound
 * @name: of the vendor module, such as "mdev-pci-virtio": the log has it, and
 *	/sys/bus/platform/drivers/@name/parents lists the parents.
 * @driver: name of the PFs' driver; NULL: any.
 * @match: optional: whether @pf becomes a parent; it stays bound to @driver
 *	during the call. In process context without locks; may sleep and ask
 *	firmware, must end within a bounded time.
 * @by_address: PFs can also be made parents one by one: their addresses are
 *	written to "parents", and @match is not asked.
 * @desc: of each of the parents; has @external_pf_driver set.
 *
 * All that it points to must live until mdev_pci_unregister_external() has
 * returned.
 */
struct mdev_pci_external {
	const char *name;
	const char *driver;
	bool (*match)(struct pci_dev *pf);
	bool by_address;
	const struct mdev_pci_parent_desc *desc;
};

/**
 * mdev_pci_register_external() - offer the VFs of PFs whose own drivers stay
 *	bound
 * @ext: which PFs, and what they offer
 *
 * Each PF that matches is registered as a parent when its driver has been
 * bound, now or later, and unregistered before it is unbound: the driver core
 * waits, with no lock of the PF held, until the users of its VFs have closed
 * their devices. If a PF can't be a parent, the log has the reason.
 *
 * Context: process context, the vendor module's init; sleeps. Operations of the
 * description may be called before the return.
 * Return: 0; -ENOMEM; -EBUSY: @ext->name is another platform driver's; -EINTR:
 * the caller was killed; -ENOEXEC: the module was built against another
 * interface, which is logged; others from bus_register_notifier().
 */
#define mdev_pci_register_external(ext) \
	__mdev_pci_register_external(ext, VFIO_PCI_ENGINE_INTERFACE, \
				     KBUILD_MODNAME)
int __mdev_pci_register_external(const struct mdev_pci_external *ext,
				 u32 interface, const char *module);

/**
 * mdev_pci_unregister_external() - undo mdev_pci_register_external()
 * @ext: what was registered
 *
 * Unregisters the parents. Blocks until the users of their VFs have closed
 * their devices; none is open if this is the module's exit. The PFs keep their
 * drivers and VFs.
 *
 * Context: process context, the vendor module's exit; sleeps.
 */
void mdev_pci_unregister_external(const struct mdev_pci_external *ext);

/**
 * mdev_pci_register_parent() - offer the VFs of a PF as mdevs
 * @pf: the PF, bound to the caller's driver, or (@desc->external_pf_driver) to
 *	any
 * @desc: what is offered, and how; must live as long as the parent
 *
 * From the call on, VFs of @pf are bound to mdev-pci as they appear;
 * @desc->num_vfs of them are created before user space is told of the parent.
 * Operations of @desc may be called before the return, and from them
 * mdev_pci_parent_error().
 *
 * Context: process context, usually the PF driver's probe(); sleeps. The PF's
 * driver must stay bound until mdev_pci_unregister_parent() has returned. With
 * a type that has &mdev_pci_type.pf_ops: under device_lock() of @pf, and the
 * driver data are set, for good.
 * Return: 0; -EINVAL: @desc is invalid, which is logged; -EEXIST: @pf is a
 * parent already; -ENOEXEC: the module was built against another interface,
 * which is logged; -ENOMEM; others from mdev_register_parent().
 */
#define mdev_pci_register_parent(pf, desc) \
	__mdev_pci_register_parent(pf, desc, VFIO_PCI_ENGINE_INTERFACE, \
				   KBUILD_MODNAME)
int __mdev_pci_register_parent(struct pci_dev *pf,
			       const struct mdev_pci_parent_desc *desc,
			       u32 interface, const char *module);

/**
 * mdev_pci_unregister_parent() - undo mdev_pci_register_parent()
 * @pf: the PF
 *
 * Removes all mdevs and VFs; VFs that an external PF driver created are only
 * unbound. Asks users of open devices to close them, and blocks until they
 * have. If an mdev is the PF itself, the driver takes the PF back. No operation
 * of the vendor driver is called after that.
 *
 * Context: as mdev_pci_register_parent(); usually the PF driver's remove().
 */
void mdev_pci_unregister_parent(struct pci_dev *pf);

/**
 * __mdev_pci_register_function() - offer a PCI function itself, as one mdev
 * @pdev: the function
 * @desc: what is offered; must live as long as the parent
 * @interface: VFIO_PCI_ENGINE_INTERFACE of the caller, by
 *	mdev_pci_register_function()
 * @module: the caller's name, for the log
 *
 * For drivers that only hold the function for its user: they have
 * driver_managed_dma and vfio_pci_engine_err_handlers, and leave it alone. The
 * function's driver data is the framework's, and the driver's struct dev_pm_ops
 * are vfio-pci-core's.
 *
 * Context: process context, the driver's probe(), under device_lock() of @pdev;
 * sleeps.
 * Return: 0; -EINVAL: @desc is invalid, which is logged; -EEXIST: it is a
 * parent already; -ENOEXEC: @interface is another one, which is logged;
 * -ENOMEM; others from mdev_register_parent().
 */
int __mdev_pci_register_function(struct pci_dev *pdev,
				 const struct mdev_pci_parent_desc *desc,
				 u32 interface, const char *module);

/* See __mdev_pci_register_function() */
#define mdev_pci_register_function(pdev, desc) \
	__mdev_pci_register_function(pdev, desc, VFIO_PCI_ENGINE_INTERFACE, \
				     KBUILD_MODNAME)

/**
 * mdev_pci_unregister_function() - undo mdev_pci_register_function()
 * @pdev: the function
 *
 * Removes the function's mdev. Asks the user of an open device to close it, and
 * blocks until the user has.
 *
 * Context: process context, the driver's remove(), under device_lock() of
 * @pdev; sleeps.
 */
void mdev_pci_unregister_function(struct pci_dev *pdev);

/**
 * mdev_pci_sriov_configure() - &pci_driver.sriov_configure for the PF driver
 * @pf: the PF
 * @num_vfs: VFs to create; 0: remove all
 *
 * Context: process context, under device_lock() of @pf; sleeps.
 * Return: @num_vfs; -EBUSY: mdevs exist, of VFs or of @pf itself; -ENODEV: @pf
 * is no parent; or an errno of pci_enable_sriov().
 */
int mdev_pci_sriov_configure(struct pci_dev *pf, int num_vfs);

/**
 * mdev_pci_parent_error() - report that the PF's firmware has failed
 * @pf: the PF; if it is no parent yet, or not any more, nothing is done
 * @why: what happened, for the log
 *
 * Migration of all VFs goes to VFIO_DEVICE_STATE_ERROR; no mdev can be created
 * until mdev_pci_parent_restored(). Also call it before a reset of the PF,
 * while the VFs still answer: the reset clears their Command registers.
 *
 * Context: process context; may be called from any operation, also before
 * mdev_pci_register_parent() has returned. Waits neither for firmware nor for
 * device_lock() of the PF.
 */
void mdev_pci_parent_error(struct pci_dev *pf, const char *why);

/**
 * mdev_pci_parent_suspend() - disable claimed VFs before the PF loses power
 * @pf: the PF; if it is no parent, nothing is done
 *
 * For the PF driver's &struct dev_pm_ops: suspend, freeze and poweroff, while
 * firmware still executes commands. VFs that mdevs have claimed are disabled.
 * As after mdev_pci_parent_error() no mdev can be created;
 * mdev_pci_parent_restored() ends that and enables the VFs again, in resume,
 * thaw and restore.
 *
 * Context: process context, while tasks are frozen; sleeps. Calls
 * &mdev_pci_parent_ops.disable.
 * Return: 0; -EBUSY: a device is open, which was logged; nothing was disabled.
 */
int mdev_pci_parent_suspend(struct pci_dev *pf);

/**
 * mdev_pci_parent_restored() - report that firmware works again and has lost
 *	all VFs
 * @pf: the PF; if it is no parent yet, or not any more, nothing is done
 *
 * For a PF driver that has brought its firmware back after a reset of the PF.
 * VFs that mdevs have claimed are enabled again; their users must still reset
 * them.
 *
 * Context: process context; sleeps. Calls &mdev_pci_parent_ops.enable.
 */
void mdev_pci_parent_restored(struct pci_dev *pf);

/**
 * mdev_pci_parent_changed() - refresh the cached results of show and available
 * @pf: the PF; if it is no parent yet, or not any more, nothing is done
 *
 * The framework caches the results of &mdev_pci_parent_ops.show and @available,
 * and refreshes them when mdevs and VFs come and go. Call this if something
 * else changes them, such as an event of firmware.
 *
 * Context: process context; not from an operation; sleeps. Calls @show and
 * @available.
 */
void mdev_pci_parent_changed(struct pci_dev *pf);

/**
 * mdev_pci_get_drvdata() - get the PF driver's own data
 * @pf: the PF, bound to the driver
 *
 * Drivers with &mdev_pci_type.pf_ops call it instead of pci_get_drvdata()
 * wherever they may be called while an mdev has the PF, as in remove() and
 * shutdown(). It returns what probe() has set with pci_set_drvdata() before it
 * registered the parent.
 *
 * Context: process context; sleeps.
 * Return: the data.
 */
void *mdev_pci_get_drvdata(struct pci_dev *pf);

/**
 * mdev_pci_function_error() - report that firmware has lost one function
 * @fn: the function, between &mdev_pci_parent_ops.enable and @disable
 * @why: what happened, for the log
 *
 * Its migration goes to VFIO_DEVICE_STATE_ERROR, which only a reset leaves.
 *
 * Context: process context; may be called from any operation. Does not wait for
 * firmware.
 */
void mdev_pci_function_error(struct vfio_pci_fn *fn, const char *why);

/**
 * mdev_pci_function_detach() - take a function from its firmware for a while
 * @fn: the function, between &mdev_pci_parent_ops.enable and @disable
 *
 * See vfio_pci_engine_detach_fw(): on return no buffer is attached, no
 * operation is in progress, and until mdev_pci_function_attach() no migration
 * operation is called. Those of &struct mdev_pci_parent_ops still are. Also
 * counts for a device that is registered later.
 *
 * Context: process context, such as a blocking notifier of the PF driver; not
 * from an operation. Sleeps until an operation in progress has ended.
 */
void mdev_pci_function_detach(struct vfio_pci_fn *fn);

/**
 * mdev_pci_function_attach() - undo mdev_pci_function_detach()
 * @fn: the function
 *
 * Context: as mdev_pci_function_detach().
 */
void mdev_pci_function_attach(struct vfio_pci_fn *fn);

/* For the &pci_driver.err_handler of a driver with &mdev_pci_type.pf_ops */
extern const struct pci_error_handlers mdev_pci_err_handlers;

/*
 * MAC address, VLAN, rate and spoof check of a VF, set through the network
 * interface of its PF: for types of PFs that have one. Attributes that the
 * driver can't set have no file.
 */
#define MDEV_PCI_NETDEV_ATTRS	4
extern const struct mdev_pci_attr mdev_pci_netdev_attrs[MDEV_PCI_NETDEV_ATTRS];

#endif /* _LINUX_MDEV_PCI_H */
