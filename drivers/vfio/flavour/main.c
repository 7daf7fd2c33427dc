// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_flavour: an attribute of PCI functions. It shows the kind of driver
 * that a function has, the host's own (native), one of VFIO's (vfio) or the
 * provider's, and switches it by one write.
 *
 * Each function but bridges has it, from before its uevent until it leaves the
 * bus.
 */
#include <linux/kernfs.h>
#include <linux/module.h>
#include <linux/modules_version.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "flavour.h"

/**
 * struct deleted - a function that is leaving the bus
 * @node: in the list of all that are
 * @pdev: the function
 */
struct deleted {
	struct list_head node;
	struct pci_dev *pdev;
};

/*
 * Held while functions of the bus are walked through: none that is found there
 * and is not in the list loses its directory in sysfs meanwhile, since the
 * notifier waits.
 */
static DEFINE_MUTEX(files_lock);
static LIST_HEAD(deleted);
static bool exiting;

static bool has_provided(struct pci_dev *pdev,
			 const struct driver_flavour_provider *p)
{
	struct device_driver *drv;
	int below = INT_MAX;

	if (p->is_offered(pdev))
		return true;
	drv = flavour_best_driver(pdev, FLAVOUR_PROVIDED, &below);
	flavour_put_driver(drv);
	return drv;
}

static ssize_t show_locked(struct pci_dev *pdev,
			   const struct driver_flavour_provider *p, char *buf)
{
	struct device_driver *drv = flavour_bound_driver(pdev);
	int now = drv ? flavour_of(pdev, drv) : NR_FLAVOURS;
	int i, n = 0;

	flavour_put_driver(drv);
	for (i = 0; i < NR_FLAVOURS; i++) {
		if (i == FLAVOUR_PROVIDED &&
		    (!p || (now != i && !has_provided(pdev, p))))
			continue;
		n += sysfs_emit_at(buf, n, i == now ? "%s[%s]" : "%s%s", n ? " " : "",
				   flavour_name(p, i));
	}
	return n + sysfs_emit_at(buf, n, "\n");
}

static ssize_t driver_flavour_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	const struct driver_flavour_provider *p;
	ssize_t ret;
	int index;

	index = srcu_read_lock(&flavour_srcu);
	p = srcu_dereference(flavour_provider, &flavour_srcu);
	ret = show_locked(to_pci_dev(dev), p, buf);
	srcu_read_unlock(&flavour_srcu, index);
	return ret;
}

/*
 * Removal of the function waits for users of its files, with device_lock() of
 * the PF or pci_lock_rescan_remove() held. modprobe and drivers may take such
 * locks, and may call this file when they remove a parent. So the sysfs
 * reference is dropped meanwhile; the module must stay.
 */
static ssize_t driver_flavour_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t count)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct kernfs_node *file;
	int ret;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	pci_dev_get(pdev);
	file = sysfs_break_active_protection(&dev->kobj, &attr->attr);
	ret = flavour_switch(pdev, buf);
	if (file)
		sysfs_unbreak_active_protection(file);
	pci_dev_put(pdev);
	/*
	 * The file may be gone without waiting for its users: flavour_exit()
	 * does
	 */
	module_put(THIS_MODULE);
	return ret ?: count;
}
static DEVICE_ATTR_RW(driver_flavour);

static bool has_file(struct pci_dev *pdev)
{
	struct kernfs_node *kn = kernfs_find_and_get(pdev->dev.kobj.sd,
						     dev_attr_driver_flavour.attr.name);

	kernfs_put(kn);
	return kn;
}

static struct deleted *find_deleted(struct pci_dev *pdev)
{
	struct deleted *d;

	lockdep_assert_held(&files_lock);
	list_for_each_entry(d, &deleted, node) {
		if (d->pdev == pdev)
			return d;
	}
	return NULL;
}

/* From the first steps of device_del() on, in which it still is on the bus */
static void begin_deletion(struct pci_dev *pdev)
{
	struct deleted *d = kmalloc(sizeof(*d), GFP_KERNEL | __GFP_NOFAIL);

	d->pdev = pdev;
	mutex_lock(&files_lock);
	list_add(&d->node, &deleted);
	mutex_unlock(&files_lock);
}

/* Until it is not on the bus any more, and still has its directory */
static void end_deletion(struct pci_dev *pdev)
{
	struct deleted *d;

	mutex_lock(&files_lock);
	d = find_deleted(pdev);
	if (d)
		list_del(&d->node);
	mutex_unlock(&files_lock);
	kfree(d);
}

static bool may_have_file(struct pci_dev *pdev)
{
	return device_is_registered(&pdev->dev) && !find_deleted(pdev);
}

static void add_file_locked(struct pci_dev *pdev)
{
	int ret;

	lockdep_assert_held(&files_lock);
	if (exiting || pdev->hdr_type != PCI_HEADER_TYPE_NORMAL ||
	    !may_have_file(pdev) || has_file(pdev))
		return;
	ret = device_create_file(&pdev->dev, &dev_attr_driver_flavour);
	if (ret)
		pci_err(pdev, "attribute driver_flavour could not be created (%pe)\n",
			ERR_PTR(ret));
}

static void add_file(struct pci_dev *pdev)
{
	mutex_lock(&files_lock);
	add_file_locked(pdev);
	mutex_unlock(&files_lock);
}

static void add_files(void)
{
	struct pci_dev *pdev = NULL;

	mutex_lock(&files_lock);
	for_each_pci_dev(pdev)
		add_file_locked(pdev);
	mutex_unlock(&files_lock);
}

static void remove_files(void)
{
	struct pci_dev *pdev = NULL;

	mutex_lock(&files_lock);
	exiting = true;
	for_each_pci_dev(pdev) {
		if (may_have_file(pdev))
			device_remove_file(&pdev->dev,
					   &dev_attr_driver_flavour);
	}
	mutex_unlock(&files_lock);
}

static void reserve_locked(struct pci_dev *pdev,
			   const struct driver_flavour_provider *p)
{
	int ret;

	device_lock_assert(&pdev->dev);
	if (!p->is_offered(pdev))
		return;
	ret = flavour_override_reserve(pdev, p->driver);
	if (ret)
		pci_err(pdev, "could not be reserved for %s (%pe); bind it by driver_override\n",
			p->driver->name, ERR_PTR(ret));
}

/*
 * A driver of VFIO's leaves a function that the provider offers: libvirt gives
 * it back, with managed='yes', and has cleared driver_override. It is reserved
 * again before libvirt has the bus probe it.
 */
static void reserve_returned(struct pci_dev *pdev)
{
	const struct driver_flavour_provider *p;
	int index;

	if (flavour_of(pdev, pdev->dev.driver) != FLAVOUR_VFIO ||
	    flavour_is_switched(pdev))
		return;
	index = srcu_read_lock(&flavour_srcu);
	p = srcu_dereference(flavour_provider, &flavour_srcu);
	if (p)
		reserve_locked(pdev, p);
	srcu_read_unlock(&flavour_srcu, index);
}

static int on_pci_bus(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		add_file(pdev);
		return NOTIFY_OK;
	case BUS_NOTIFY_UNBIND_DRIVER:
		reserve_returned(pdev);
		return NOTIFY_OK;
	case BUS_NOTIFY_DEL_DEVICE:
		begin_deletion(pdev);
		return NOTIFY_OK;
	case BUS_NOTIFY_REMOVED_DEVICE:
		end_deletion(pdev);
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block pci_bus_nb = {
	.notifier_call = on_pci_bus,
};

static int __init flavour_init(void)
{
	int ret = bus_register_notifier(&pci_bus_type, &pci_bus_nb);

	if (!ret)
		add_files();
	return ret;
}
module_init(flavour_init);

/*
 * Writers have a reference to the module. Readers take no lock that a notifier
 * is called under
 */
static void __exit flavour_exit(void)
{
	struct deleted *d, *next;

	remove_files();
	bus_unregister_notifier(&pci_bus_type, &pci_bus_nb);
	list_for_each_entry_safe(d, next, &deleted, node)
		kfree(d);
	/*
	 * Tasks may still be in the last instructions of driver_flavour_store()
	 */
	synchronize_rcu_tasks();
}
module_exit(flavour_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("Attribute of PCI functions that shows and switches the kind of driver");
MODULE_VERSION(MODULES_VERSION);
