// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flavours: what a PCI function is used as. By the host's own driver (native), by one of VFIO's
 * (vfio), or by the framework's (mdev); and an attribute of the function, driver_flavour, that
 * shows it and switches.
 *
 * The flavour is not stored: it is that of the bound driver. driver_override is left as it was,
 * except for VFs of parents, which are reserved for mdev-pci, also when a VFIO driver leaves them.
 * A driver_override that the administrator has set is kept.
 */
#include <linux/kernfs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "mdev-pci.h"

enum flavour { NATIVE, VFIO, MDEV, NR_FLAVOURS };

static const char * const names[] = { "native", "vfio", "mdev" };

static char *flavours = "parents";
module_param(flavours, charp, 0444);
MODULE_PARM_DESC(flavours, "which PCI functions have the attribute driver_flavour: \"parents\": registered parents and their VFs (default), \"all\": each one");

/**
 * struct change - one function is being switched
 * @node: in the list of all that are
 * @pdev: the function; a reference
 * @wanted: what to
 * @was: what from, if it has a driver
 * @from: its driver, or NULL; held
 * @reserved: driver_override was mdev-pci's
 */
struct change {
	struct list_head node;
	struct pci_dev *pdev;
	enum flavour wanted;
	enum flavour was;
	struct device_driver *from;
	bool reserved;
};

static DEFINE_MUTEX(changes_lock);
static LIST_HEAD(changes);

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
 * Held while functions of the bus are walked through: none that is found there and is not in the
 * list loses its directory in sysfs meanwhile, since the notifier waits.
 */
static DEFINE_MUTEX(files_lock);
static LIST_HEAD(deleted);
static bool exiting;

static bool for_all(void)
{
	return !strcmp(flavours, "all");
}

static enum flavour flavour_of(struct pci_dev *pdev, struct device_driver *drv)
{
	if (drv == &mdev_pci_function_driver.driver || mdev_pci_match_is_whole(drv))
		return MDEV;
	return mdev_pci_match_is_vfio(pdev, drv) ? VFIO : NATIVE;
}

/* The VFs' */
static bool has_parent(struct pci_dev *pdev)
{
	struct mdev_pci_parent *parent;
	bool ret;

	if (!pdev->is_virtfn)
		return false;
	parent = mdev_pci_parent_find(pci_physfn(pdev));
	if (!parent)
		return false;
	ret = !parent->whole && !READ_ONCE(parent->going);
	mdev_pci_parent_put(parent);
	return ret;
}

static bool is_offered(struct pci_dev *pdev)
{
	struct device_driver *drv;
	int below = INT_MAX;

	if (has_parent(pdev))
		return true;
	drv = mdev_pci_match_override(pdev, true, &below);
	mdev_pci_match_put(drv);
	return drv;
}

static int change_begin(struct change *c)
{
	struct change *other;
	int ret = 0;

	mutex_lock(&changes_lock);
	list_for_each_entry(other, &changes, node) {
		if (other->pdev == c->pdev)
			ret = -EALREADY;
	}
	if (!ret)
		list_add_tail(&c->node, &changes);
	mutex_unlock(&changes_lock);
	if (ret)
		pci_err(c->pdev, "flavour %s refused: another switch is in progress\n",
			names[c->wanted]);
	return ret;
}

static void change_end(struct change *c)
{
	mutex_lock(&changes_lock);
	list_del(&c->node);
	mutex_unlock(&changes_lock);
}

static int check_override(struct change *c)
{
	int match = mdev_pci_override_match(c->pdev, &mdev_pci_function_driver.driver);

	c->reserved = match > 0;
	if (match)
		return 0;
	pci_err(c->pdev, "flavour %s refused: driver_override is already set; clear it first\n",
		names[c->wanted]);
	return -EEXIST;
}

static int check_mdev(struct change *c)
{
	char uuid[UUID_STRING_LEN + 1];

	if (!mdev_pci_function_user(c->pdev, uuid, sizeof(uuid)))
		return 0;
	pci_err(c->pdev, "flavour %s refused: mdev %s uses the function; remove the mdev first\n",
		names[c->wanted], uuid);
	return -EBUSY;
}

static int check_use(struct change *c)
{
	struct mdev_pci_use use;
	int ret = check_mdev(c);

	if (ret)
		return ret;
	if (pci_num_vf(c->pdev)) {
		pci_err(c->pdev, "flavour %s refused: it has %d VFs; write 0 to sriov_numvfs first\n",
			names[c->wanted], pci_num_vf(c->pdev));
		return -EBUSY;
	}
	if (mdev_pci_use_find(c->pdev, &use)) {
		pci_err(c->pdev, "flavour %s refused: %s %s\n", names[c->wanted], use.name,
			use.words);
		return -EBUSY;
	}
	return 0;
}

static int check_change(struct change *c)
{
	int ret = check_override(c);

	if (ret)
		return ret;
	if (c->from && c->from->suppress_bind_attrs) {
		pci_err(c->pdev, "flavour %s refused: driver %s cannot be unbound\n",
			names[c->wanted], c->from->name);
		return -EPERM;
	}
	return check_use(c);
}

static int reserve_again(struct change *c)
{
	return c->reserved ? mdev_pci_function_capture(c->pdev) : 0;
}

static struct device_driver *find_native(struct change *c)
{
	struct device_driver *drv;

	if (c->reserved)
		mdev_pci_function_let_go(c->pdev);
	drv = mdev_pci_match_native(c->pdev);
	if (drv)
		return drv;
	reserve_again(c);
	pci_err(c->pdev, "flavour native refused: no driver for the function is loaded, and modprobe finds none; look for a blacklist\n");
	return ERR_PTR(-ENODEV);
}

static struct device_driver *find_vfio(struct change *c, int *below)
{
	struct device_driver *drv;

	mdev_pci_match_load_vfio(c->pdev);
	drv = mdev_pci_match_override(c->pdev, false, below);
	if (drv)
		return drv;
	/* It has an alias for each function, which may be on a blacklist */
	request_module("vfio-pci");
	*below = INT_MAX;
	drv = mdev_pci_match_override(c->pdev, false, below);
	if (drv)
		return drv;
	pci_err(c->pdev, "flavour vfio refused: there is no module vfio-pci\n");
	return ERR_PTR(-ENODEV);
}

static struct device_driver *find_mdev(struct change *c)
{
	struct device_driver *drv;
	int below = INT_MAX;

	if (has_parent(c->pdev)) {
		__module_get(THIS_MODULE);
		return &mdev_pci_function_driver.driver;
	}
	mdev_pci_match_load_whole(c->pdev);
	drv = mdev_pci_match_override(c->pdev, true, &below);
	if (drv)
		return drv;
	pci_err(c->pdev, "flavour mdev refused: it is neither a VF of an mdev-pci parent nor a whole function with a driver\n");
	return ERR_PTR(-EOPNOTSUPP);
}

static struct device_driver *find_wanted(struct change *c, int *below)
{
	if (c->wanted == NATIVE)
		return find_native(c);
	return c->wanted == VFIO ? find_vfio(c, below) : find_mdev(c);
}

/* By its name, since some drivers want that, and VFs of some PFs are bound in no other way */
static int bind(struct pci_dev *pdev, struct device_driver *drv)
{
	int ret;

	if (drv == &mdev_pci_function_driver.driver)
		return mdev_pci_function_capture(pdev) ?: device_driver_attach(drv, &pdev->dev);
	ret = mdev_pci_override_set(pdev, drv);
	if (ret)
		return ret;
	ret = device_driver_attach(drv, &pdev->dev);
	mdev_pci_override_clear(pdev, drv);
	/* Loading it may have bound it already */
	return READ_ONCE(pdev->dev.driver) == drv ? 0 : ret;
}

/* Only the best of VFIO's drivers may be choosy: it is there beside others */
static int bind_next_best(struct change *c, struct device_driver **to, int below)
{
	int ret = bind(c->pdev, *to);

	while (ret && c->wanted == VFIO) {
		struct device_driver *next = mdev_pci_match_override(c->pdev, false, &below);

		if (!next)
			break;
		pci_warn(c->pdev, "driver %s refuses the function (%pe), trying %s\n", (*to)->name,
			 ERR_PTR(ret), next->name);
		mdev_pci_match_put(*to);
		*to = next;
		ret = bind(c->pdev, next);
	}
	return ret;
}

static void restore(struct change *c)
{
	int ret = c->from ? bind(c->pdev, c->from) : reserve_again(c);

	if (ret)
		pci_err(c->pdev, "could not be bound to driver %s again (%pe); it has no driver now\n",
			c->from ? c->from->name : mdev_pci_function_driver.name, ERR_PTR(ret));
}

static int rebind(struct change *c, struct device_driver **to, int below)
{
	int ret;

	/* Since it was looked at, an mdev may have been created */
	if (!mdev_pci_function_retire(c->pdev)) {
		reserve_again(c);
		return check_mdev(c) ?: -EBUSY;
	}
	device_release_driver(&c->pdev->dev);
	ret = bind_next_best(c, to, below);
	if (!ret) {
		pci_info(c->pdev, "flavour %s: driver %s instead of %s\n", names[c->wanted],
			 (*to)->name, c->from ? c->from->name : "none");
		return 0;
	}
	pci_err(c->pdev, "flavour %s refused: driver %s refuses the function (%pe)\n",
		names[c->wanted], (*to)->name, ERR_PTR(ret));
	restore(c);
	return ret;
}

static int change_locked(struct change *c)
{
	struct device_driver *to;
	int below = INT_MAX;
	int ret = check_change(c);

	if (ret)
		return ret;
	to = find_wanted(c, &below);
	if (IS_ERR(to))
		return PTR_ERR(to);
	ret = rebind(c, &to, below);
	mdev_pci_match_put(to);
	return ret;
}

static int change(struct pci_dev *pdev, enum flavour wanted)
{
	struct change c = { .pdev = pdev, .wanted = wanted };
	int ret = change_begin(&c);

	if (ret)
		return ret;
	c.from = mdev_pci_match_bound(pdev);
	if (c.from)
		c.was = flavour_of(pdev, c.from);
	if (!c.from || c.was != wanted)
		ret = change_locked(&c);
	mdev_pci_match_put(c.from);
	change_end(&c);
	return ret;
}

static ssize_t driver_flavour_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct device_driver *drv = mdev_pci_match_bound(pdev);
	int now = drv ? flavour_of(pdev, drv) : NR_FLAVOURS;
	int i, n = 0;

	mdev_pci_match_put(drv);
	for (i = 0; i < NR_FLAVOURS; i++) {
		if (i == MDEV && now != MDEV && !is_offered(pdev))
			continue;
		n += sysfs_emit_at(buf, n, i == now ? "%s[%s]" : "%s%s", n ? " " : "", names[i]);
	}
	return n + sysfs_emit_at(buf, n, "\n");
}

/*
 * Removal of the function waits for users of its files, with device_lock() of the PF or
 * pci_lock_rescan_remove() held. modprobe and drivers may take such locks, and may call this file
 * when they remove a parent. So the sysfs reference is dropped meanwhile; the module must stay.
 */
static ssize_t driver_flavour_store(struct device *dev, struct device_attribute *attr,
				    const char *buf, size_t count)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct kernfs_node *file;
	int wanted, ret;

	wanted = __sysfs_match_string(names, NR_FLAVOURS, buf);
	if (wanted < 0) {
		pci_err(pdev, "not a flavour; write native, vfio or mdev\n");
		return -EINVAL;
	}
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	pci_dev_get(pdev);
	file = sysfs_break_active_protection(&dev->kobj, &attr->attr);
	ret = change(pdev, wanted);
	if (file)
		sysfs_unbreak_active_protection(file);
	pci_dev_put(pdev);
	/* The file may be gone without waiting for its users: mdev_pci_exit() does */
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
	if (exiting || pdev->hdr_type != PCI_HEADER_TYPE_NORMAL || !may_have_file(pdev) ||
	    has_file(pdev))
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

/**
 * mdev_pci_flavours_offer() - add driver_flavour to a new parent and its VFs
 * @parent: the parent. VFs that come later get it by themselves
 *
 * Each keeps it until it leaves the bus: a parent that was switched to another driver can be
 * switched back, and unregistration can't wait for a writer that waits for it.
 */
void mdev_pci_flavours_offer(struct mdev_pci_parent *parent)
{
	struct pci_dev *pdev = NULL;

	mutex_lock(&files_lock);
	for_each_pci_dev(pdev) {
		if (pdev == parent->pf || (pdev->is_virtfn && pci_physfn(pdev) == parent->pf))
			add_file_locked(pdev);
	}
	mutex_unlock(&files_lock);
}

static bool is_switched(struct pci_dev *pdev)
{
	struct change *c;
	bool ret = false;

	mutex_lock(&changes_lock);
	list_for_each_entry(c, &changes, node)
		ret |= c->pdev == pdev;
	mutex_unlock(&changes_lock);
	return ret;
}

/*
 * A driver of VFIO's leaves a VF of a parent: libvirt gives it back, with managed='yes', and has
 * cleared driver_override. It is reserved again before libvirt has the bus probe it.
 */
static void reserve_returned(struct pci_dev *vf)
{
	device_lock_assert(&vf->dev);
	if (vf->is_virtfn && mdev_pci_match_is_vfio(vf, vf->dev.driver) && !is_switched(vf) &&
	    has_parent(vf))
		mdev_pci_function_capture_free(vf);
}

static int on_pci_bus(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		if (for_all() || has_parent(pdev))
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

/**
 * mdev_pci_flavours_init() - check the parameter, and watch the PCI bus
 *
 * Return: 0; -EINVAL: the parameter is none of its words; or an errno of bus_register_notifier().
 */
int mdev_pci_flavours_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	if (!for_all() && strcmp(flavours, "parents")) {
		pr_err("mdev-pci: flavours=%s: must be \"parents\" or \"all\"\n", flavours);
		return -EINVAL;
	}
	ret = bus_register_notifier(&pci_bus_type, &pci_bus_nb);
	if (ret || !for_all())
		return ret;
	mutex_lock(&files_lock);
	for_each_pci_dev(pdev)
		add_file_locked(pdev);
	mutex_unlock(&files_lock);
	return 0;
}

static void remove_files(void)
{
	struct pci_dev *pdev = NULL;

	mutex_lock(&files_lock);
	exiting = true;
	for_each_pci_dev(pdev) {
		if (may_have_file(pdev))
			device_remove_file(&pdev->dev, &dev_attr_driver_flavour);
	}
	mutex_unlock(&files_lock);
}

/**
 * mdev_pci_flavours_exit() - remove all driver_flavour attributes; wait for readers
 *
 * Writers have a reference to the module. Readers take no lock that a notifier is called under.
 */
void mdev_pci_flavours_exit(void)
{
	struct deleted *d, *next;

	remove_files();
	bus_unregister_notifier(&pci_bus_type, &pci_bus_nb);
	list_for_each_entry_safe(d, next, &deleted, node)
		kfree(d);
}
