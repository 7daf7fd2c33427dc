// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers a parent as the module's parameters describe it, with mistakes that the author of a
 * vendor driver may make. Another driver is bound to the device, so a description that is accepted
 * is unregistered at once unless it is to be kept.
 * The framework's symbols are looked up by name, so that modpost need not know them.
 */
#include <linux/mdev_pci.h>
#include <linux/module.h>

/* More than there may be of anything */
#define MANY	20

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "PCI address, 0000:01:00.0");
static bool function, engine, others;
module_param(function, bool, 0444);
MODULE_PARM_DESC(function, "register it as a function that is offered itself");
module_param(engine, bool, 0444);
MODULE_PARM_DESC(engine, "register it with the engine: a VF of the framework's without an mdev");

module_param(others, bool, 0444);
MODULE_PARM_DESC(others, "register what is offered by PFs of a driver that does not exist");

static bool taken, faults, failing, keep;
module_param(taken, bool, 0444);
MODULE_PARM_DESC(taken, "the device has a directory mdev_supported_types already");
module_param(faults, bool, 0444);
MODULE_PARM_DESC(faults, "register it until no allocation is left that can fail, each of them once");
module_param(failing, bool, 0444);
MODULE_PARM_DESC(failing, "its firmware fails before, while and after it is registered");
module_param(keep, bool, 0444);
MODULE_PARM_DESC(keep, "it stays registered as long as the module is there");

static unsigned int interface = VFIO_PCI_ENGINE_INTERFACE;
module_param(interface, uint, 0444);
MODULE_PARM_DESC(interface, "that it was built against");

static bool owner = true;
module_param(owner, bool, 0444);
static char *model = "made";
module_param(model, charp, 0444);
static unsigned int num_vfs;
module_param(num_vfs, uint, 0444);
static bool external;
module_param(external, bool, 0444);

static char *types[MANY] = { "one" };
static int nr_types = 1;
module_param_array(types, charp, &nr_types, 0444);
MODULE_PARM_DESC(types, "their names");
static bool no_types;
module_param(no_types, bool, 0444);
static bool pf, quiesce = true, migrates, logs;
module_param(pf, bool, 0444);
module_param(quiesce, bool, 0444);
module_param(migrates, bool, 0444);
module_param(logs, bool, 0444);

static char *attrs[MANY];
static int nr_attrs;
module_param_array(attrs, charp, &nr_attrs, 0444);
MODULE_PARM_DESC(attrs, "names of the attributes of each type");
static bool no_attrs, mac, power_of_2, from_hw, guest_visible, set = true, get;
module_param(no_attrs, bool, 0444);
module_param(mac, bool, 0444);
module_param(power_of_2, bool, 0444);
module_param(from_hw, bool, 0444);
module_param(guest_visible, bool, 0444);
module_param(set, bool, 0444);
module_param(get, bool, 0444);
static unsigned long long lowest = 1, highest = 8, default_value = 1;
module_param(lowest, ullong, 0444);
module_param(highest, ullong, 0444);
module_param(default_value, ullong, 0444);

static struct mdev_pci_attr attr_table[MANY];
static struct mdev_pci_type type_table[MANY];
static struct mdev_pci_parent_desc desc;
static struct pci_dev *pdev;

static int do_set(struct vfio_pci_fn *fn, const struct mdev_pci_attr *attr, u64 value)
{
	return 0;
}

static int do_get(struct vfio_pci_fn *fn, const struct mdev_pci_attr *attr, u64 *value)
{
	return 0;
}

static int do_quiesce(struct pci_dev *pf, const struct mdev_pci_type *type)
{
	return 0;
}

static int do_resume(struct pci_dev *pf)
{
	return 0;
}

static void firmware_fails(void)
{
	typeof(mdev_pci_parent_error) *call = symbol_get(mdev_pci_parent_error);

	call(pdev, "made to fail");
	symbol_put(mdev_pci_parent_error);
}

static int do_show(struct pci_dev *pf, char *buf, size_t size)
{
	firmware_fails();
	return scnprintf(buf, size, "made: to fail\n");
}

static const struct mdev_pci_parent_ops failing_ops = { .show = do_show };

static struct mdev_pci_pf_ops pf_ops = { .resume = do_resume };
static const struct vfio_pci_mig_ops mig_ops;
static const struct vfio_pci_log_ops log_ops;

static void make_attrs(void)
{
	int i;

	for (i = 0; i < nr_attrs; i++)
		attr_table[i] = (struct mdev_pci_attr) {
			.name = attrs[i],
			.format = mac ? MDEV_PCI_ATTR_MAC : MDEV_PCI_ATTR_NUMBER,
			.min = lowest,
			.max = highest,
			.power_of_2 = power_of_2,
			.default_value = default_value,
			.from_hw = from_hw,
			.guest_visible = guest_visible,
			.set = set ? do_set : NULL,
			.get = get ? do_get : NULL,
		};
}

static void make_types(void)
{
	int i;

	pf_ops.quiesce = quiesce ? do_quiesce : NULL;
	for (i = 0; i < nr_types; i++)
		type_table[i] = (struct mdev_pci_type) {
			.name = types[i],
			.pf_ops = pf ? &pf_ops : NULL,
			.mig_ops = migrates ? &mig_ops : NULL,
			.log_ops = logs ? &log_ops : NULL,
			.attrs = no_attrs ? NULL : attr_table,
			.nr_attrs = nr_attrs,
		};
}

static void make_desc(void)
{
	make_attrs();
	make_types();
	desc = (struct mdev_pci_parent_desc) {
		.owner = owner ? THIS_MODULE : NULL,
		.model = *model ? model : NULL,
		.ops = failing ? &failing_ops : NULL,
		.types = no_types ? NULL : type_table,
		.nr_types = nr_types,
		.num_vfs = num_vfs,
		.external_pf_driver = external,
	};
}

static struct pci_dev *find(void)
{
	unsigned int domain, bus, slot, func;

	if (!device || sscanf(device, "%x:%x:%x.%x", &domain, &bus, &slot, &func) != 4)
		return NULL;
	return pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, func));
}

static int register_function(void)
{
	typeof(__mdev_pci_register_function) *call = symbol_get(__mdev_pci_register_function);
	typeof(mdev_pci_unregister_function) *undo = symbol_get(mdev_pci_unregister_function);
	int ret = call(pdev, &desc, interface, KBUILD_MODNAME);

	if (!ret)
		undo(pdev);
	symbol_put(__mdev_pci_register_function);
	symbol_put(mdev_pci_unregister_function);
	return ret ?: -ECANCELED;
}

static int register_engine(void)
{
	typeof(__vfio_pci_engine_register) *call = symbol_get(__vfio_pci_engine_register);
	typeof(vfio_pci_engine_unregister) *undo = symbol_get(vfio_pci_engine_unregister);
	struct vfio_pci_fn fn = { .pf = pci_physfn(pdev), .pdev = pdev };
	struct vfio_pci_engine_desc engine_desc = {
		.fn = &fn,
		.owner = THIS_MODULE,
		.type = types[0],
		.mig_ops = migrates ? &mig_ops : NULL,
		.log_ops = logs ? &log_ops : NULL,
	};
	struct vfio_pci_engine_device *edev = call(&engine_desc, interface, KBUILD_MODNAME);

	if (!IS_ERR(edev))
		undo(edev);
	symbol_put(__vfio_pci_engine_register);
	symbol_put(vfio_pci_engine_unregister);
	return PTR_ERR_OR_ZERO(edev) ?: -ECANCELED;
}

static int register_others(void)
{
	typeof(__mdev_pci_register_external) *call = symbol_get(__mdev_pci_register_external);
	typeof(mdev_pci_unregister_external) *undo = symbol_get(mdev_pci_unregister_external);
	static const struct mdev_pci_external ext = {
		.name = "faulty-parent", .driver = "no-such-driver", .desc = &desc,
	};
	int ret = call(&ext, interface, KBUILD_MODNAME);

	if (!ret)
		undo(&ext);
	symbol_put(__mdev_pci_register_external);
	symbol_put(mdev_pci_unregister_external);
	return ret ?: -ECANCELED;
}

static int call_register(void)
{
	typeof(__mdev_pci_register_parent) *call = symbol_get(__mdev_pci_register_parent);
	int ret = call(pdev, &desc, interface, KBUILD_MODNAME);

	symbol_put(__mdev_pci_register_parent);
	return ret;
}

static void call_unregister(void)
{
	typeof(mdev_pci_unregister_parent) *call = symbol_get(mdev_pci_unregister_parent);

	call(pdev);
	symbol_put(mdev_pci_unregister_parent);
}

static int register_taken(void)
{
	struct kobject *dir = kobject_create_and_add("mdev_supported_types", &pdev->dev.kobj);
	int ret;

	if (!dir)
		return -EEXIST;
	ret = call_register();
	kobject_put(dir);
	if (!ret)
		call_unregister();
	return ret ?: -ECANCELED;
}

#ifdef CONFIG_FAULT_INJECTION
static int register_with_fault(int nth)
{
	int ret;

	current->fail_nth = nth;
	ret = call_register();
	nth = current->fail_nth;
	current->fail_nth = 0;
	if (!ret)
		call_unregister();
	if (ret && nth)
		return ret;
	return nth ? -ECANCELED : 0;
}

/* Until there is no Nth */
static int register_with_faults(void)
{
	int nth, ret = 0, vfs = pci_num_vf(pdev);

	for (nth = 1; !ret; nth++) {
		ret = register_with_fault(nth);
		if (pci_num_vf(pdev) != vfs) {
			pr_err("faulty-parent: fault %d: %d VFs instead of %d\n", nth,
			       pci_num_vf(pdev), vfs);
			return -EIO;
		}
	}
	pr_info("faulty-parent: %d faults\n", nth - 2);
	return ret;
}
#else
static int register_with_faults(void)
{
	return -EOPNOTSUPP;
}
#endif

static int register_parent(void)
{
	int ret;

	if (taken)
		return register_taken();
	if (faults)
		return register_with_faults();
	if (failing)
		firmware_fails();
	ret = call_register();
	if (ret || keep)
		return ret;
	call_unregister();
	if (failing)
		firmware_fails();
	return -ECANCELED;
}

static int __init faulty_parent_init(void)
{
	int ret = -ENXIO;

	/* As long as one of its symbols is held all others are there */
	if (!symbol_get(__mdev_pci_register_parent))
		return -ENOENT;
	pdev = find();
	if (pdev) {
		make_desc();
		device_lock(&pdev->dev);
		ret = others ? register_others() : engine ? register_engine() :
		      function ? register_function() : register_parent();
		device_unlock(&pdev->dev);
		if (!ret)
			return 0;
		pci_dev_put(pdev);
	}
	symbol_put(__mdev_pci_register_parent);
	return ret;
}
module_init(faulty_parent_init);

/* Only if it was kept */
static void __exit faulty_parent_exit(void)
{
	device_lock(&pdev->dev);
	call_unregister();
	device_unlock(&pdev->dev);
	pci_dev_put(pdev);
	symbol_put(__mdev_pci_register_parent);
}
module_exit(faulty_parent_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("A parent made of parameters, to see that mistakes are refused");
