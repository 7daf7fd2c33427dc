// SPDX-License-Identifier: GPL-2.0-only
/*
 * PFs whose own drivers do not know mdev-pci and stay bound. A vendor module
 * chooses these PFs, and each of them is a parent while its driver is bound.
 *
 * The PF's driver must not leave before the last user of a VF has. So each such
 * PF has a platform device that depends on the PF by a device link: before the
 * driver core unbinds the PF it unbinds that device, without any lock of the PF
 * held, and the device's remove unregisters the parent. It is a platform device
 * because the driver core owns its memory: links drop their devices some time
 * later, when this module may be gone.
 *
 * An external_pf lives from BUS_NOTIFY_BOUND_DRIVER, or a write to "parents",
 * to BUS_NOTIFY_UNBOUND_DRIVER, or another write. The bus calls notifiers with
 * a lock held whose class is also that of the platform bus's, so platform
 * devices are made and deleted by a workqueue.
 *
 * Lock order: device_lock() of the PF, external.lock. A holder of the former
 * may wait for a user of a VF. So only works take it, and waits for works are
 * killable.
 */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "mdev-pci.h"

/**
 * struct external - a vendor module's PFs
 * @node: in the list of all
 * @ext: the vendor module's
 * @driver: binds the platform devices; its directory has the attribute
 *	"parents"
 * @nb: PFs come and go
 * @wq: for works of @pfs
 * @lock: for @pfs
 * @pfs: parents, and PFs that are about to be
 * @starting: number of PFs whose @start has not run
 * @started: wakes waiters for @starting
 */
struct external {
	struct list_head node;
	const struct mdev_pci_external *ext;
	struct platform_driver driver;
	struct notifier_block nb;
	struct workqueue_struct *wq;
	struct mutex lock;		/* order: top of this file */
	struct list_head pfs;
	atomic_t starting;
	wait_queue_head_t started;
};

/**
 * struct external_pf - a PF that is a parent while its driver is bound
 * @kref: held by the list and by a writer that waits for @start
 * @node: in the list, until @stop has unregistered the parent
 * @e: the vendor module's struct external
 * @pf: the PF; a reference
 * @by_address: it was written to "parents", so nothing else need match
 * @start: makes @dev
 * @stop: deletes @dev and drops the list's reference
 * @stopping: @stop is queued. Under external.lock
 * @dev: bound while the PF is a parent; NULL: there is none. Used by the works
 *	only
 * @started: @start has run
 * @error: why the PF is no parent then, or 0
 */
struct external_pf {
	struct kref kref;
	struct list_head node;
	struct external *e;
	struct pci_dev *pf;
	bool by_address;
	struct work_struct start;
	struct work_struct stop;
	bool stopping;
	struct platform_device *dev;
	bool started;
	int error;
};

static DEFINE_MUTEX(externals_lock);
static LIST_HEAD(externals);

static void pf_free(struct kref *kref)
{
	struct external_pf *p = container_of(kref, struct external_pf, kref);

	pci_dev_put(p->pf);
	kfree(p);
}

static void pf_put(struct external_pf *p)
{
	kref_put(&p->kref, pf_free);
}

/* A driver whose probe() still runs is not bound */
static bool is_bound(struct device *dev)
{
	bool ret;

	device_lock(dev);
	ret = dev->driver;
	device_unlock(dev);
	return ret;
}

/*
 * Check that the driver core keeps the PF's driver bound until @dev is unbound.
 * The link's status is the same while a driver's probe() runs, but @stopping is
 * set if the PF was unbound since is_bound() (docs/kernel-internals.rst).
 */
static int hold_driver(struct external_pf *p)
{
	struct device_link *link;

	if (!is_bound(&p->pf->dev))
		return -ENODEV;
	link = device_link_add(&p->dev->dev, &p->pf->dev, 0);
	if (!link)
		return -ENODEV;
	if (READ_ONCE(link->status) != DL_STATE_CONSUMER_PROBE ||
	    READ_ONCE(p->stopping))
		return -ENODEV;
	return 0;
}

static bool is_driver(const struct external *e, const struct pci_dev *pf)
{
	return !e->ext->driver ||
	       !strcmp(dev_driver_string(&pf->dev), e->ext->driver);
}

static bool is_match(struct external_pf *p)
{
	const struct mdev_pci_external *ext = p->e->ext;

	if (!is_driver(p->e, p->pf))
		return false;
	return p->by_address || !ext->match || ext->match(p->pf);
}

static int register_pf(struct external_pf *p)
{
	int ret = mdev_pci_register_parent(p->pf, p->e->ext->desc);

	if (ret) {
		pci_err(p->pf, "could not become an mdev parent of %s (%pe)\n", p->e->ext->name,
			ERR_PTR(ret));
		return ret;
	}
	pci_info(p->pf, "is an mdev parent beside its driver %s: %s offers its VFs\n",
		 dev_driver_string(&p->pf->dev), p->e->ext->name);
	return 0;
}

static void unregister_pf(void *data)
{
	struct external_pf *p = data;

	mdev_pci_unregister_parent(p->pf);
	pci_info(p->pf, "is not an mdev parent of %s any more\n", p->e->ext->name);
}

/*
 * The PF is bound to a VFIO driver and belongs to user space. vfio-pci binds
 * each VF of such a PF, and opens it only with a token.
 */
static int check_driver(struct external_pf *p)
{
	if (!to_pci_driver(p->pf->dev.driver)->driver_managed_dma)
		return 0;
	pci_err(p->pf, "could not become an mdev parent of %s: driver %s assigns it to user space with its VFs; bind the host's driver\n",
		p->e->ext->name, dev_driver_string(&p->pf->dev));
	return -EOPNOTSUPP;
}

static int make_parent(struct external_pf *p)
{
	int ret = hold_driver(p);

	if (ret)
		return ret;
	if (!is_match(p))
		return -ENODEV;
	ret = check_driver(p) ?: register_pf(p);
	if (ret)
		return ret;
	/*
	 * The type of a platform driver's remove() is not the same in all
	 * kernels
	 */
	return devm_add_action_or_reset(&p->dev->dev, unregister_pf, p);
}

static int external_probe(struct platform_device *dev)
{
	struct external_pf *p =
		*(struct external_pf **)dev_get_platdata(&dev->dev);

	p->error = make_parent(p);
	return p->error;
}

/* The driver core keeps its own copy of the pointer */
static int make_device(struct external_pf *p)
{
	int ret;

	p->dev = platform_device_alloc(p->e->ext->name, PLATFORM_DEVID_AUTO);
	if (!p->dev)
		return -ENOMEM;
	ret = platform_device_add_data(p->dev, &p, sizeof(p)) ?:
		      platform_device_add(p->dev);
	if (!ret)
		return 0;
	platform_device_put(p->dev);
	p->dev = NULL;
	return ret;
}

static void delete_device(struct external_pf *p)
{
	if (p->dev)
		platform_device_unregister(p->dev);
	p->dev = NULL;
}

static bool stop_locked(struct external_pf *p)
{
	bool first = !p->stopping;

	lockdep_assert_held(&p->e->lock);
	WRITE_ONCE(p->stopping, true);
	if (first)
		queue_work(p->e->wq, &p->stop);
	return first;
}

static void pf_start(struct work_struct *work)
{
	struct external_pf *p = container_of(work, struct external_pf, start);
	struct external *e = p->e;
	int ret;

	/*
	 * If make_device() does not bind it, the driver is being unregistered
	 */
	p->error = -ENODEV;
	ret = make_device(p);
	if (ret)
		p->error = ret;
	if (p->error) {
		mutex_lock(&e->lock);
		stop_locked(p);
		mutex_unlock(&e->lock);
	}
	/* Pairs with the one in add_by_address(), for @error */
	smp_store_release(&p->started, true);
	atomic_dec(&e->starting);
	wake_up_all(&e->started);
}

static void pf_stop(struct work_struct *work)
{
	struct external_pf *p = container_of(work, struct external_pf, stop);

	flush_work(&p->start);
	/* May wait for users */
	delete_device(p);
	mutex_lock(&p->e->lock);
	list_del(&p->node);
	mutex_unlock(&p->e->lock);
	pf_put(p);
}

static struct external_pf *find_pf(struct external *e, const struct pci_dev *pf)
{
	struct external_pf *p;

	lockdep_assert_held(&e->lock);
	list_for_each_entry(p, &e->pfs, node) {
		if (p->pf == pf && !p->stopping)
			return p;
	}
	return NULL;
}

static bool is_stopping(struct external *e, const struct pci_dev *pf)
{
	struct external_pf *p;

	lockdep_assert_held(&e->lock);
	list_for_each_entry(p, &e->pfs, node) {
		if (p->pf == pf && p->stopping)
			return true;
	}
	return false;
}

static struct external_pf *add_pf(struct external *e, struct pci_dev *pf,
				  bool by_address)
{
	struct external_pf *p;

	lockdep_assert_held(&e->lock);
	if (!READ_ONCE(pf->dev.driver))
		return ERR_PTR(-ENODEV);
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return ERR_PTR(-ENOMEM);
	kref_init(&p->kref);
	INIT_WORK(&p->start, pf_start);
	INIT_WORK(&p->stop, pf_stop);
	p->e = e;
	p->pf = pci_dev_get(pf);
	p->by_address = by_address;
	list_add_tail(&p->node, &e->pfs);
	atomic_inc(&e->starting);
	queue_work(e->wq, &p->start);
	return p;
}

static bool is_pf(struct pci_dev *pdev)
{
	return pdev->is_physfn && pci_sriov_get_totalvfs(pdev) > 0;
}

static void pf_bound(struct external *e, struct pci_dev *pf)
{
	struct external_pf *p = NULL;

	if (!is_pf(pf))
		return;
	mutex_lock(&e->lock);
	if (is_driver(e, pf) && !find_pf(e, pf))
		p = add_pf(e, pf, false);
	mutex_unlock(&e->lock);
	if (PTR_ERR_OR_ZERO(p) == -ENOMEM)
		pci_err(pf, "could not become an mdev parent of %s: no memory; unbind and bind its driver\n",
			e->ext->name);
}

static void pf_unbound(struct external *e, struct pci_dev *pf)
{
	struct external_pf *p;

	mutex_lock(&e->lock);
	p = find_pf(e, pf);
	if (p)
		stop_locked(p);
	mutex_unlock(&e->lock);
}

/* Both with device_lock() of the device held */
static int on_pci_bus(struct notifier_block *nb, unsigned long action,
		      void *data)
{
	struct external *e = container_of(nb, struct external, nb);

	if (action == BUS_NOTIFY_BOUND_DRIVER)
		pf_bound(e, to_pci_dev(data));
	else if (action == BUS_NOTIFY_UNBOUND_DRIVER)
		pf_unbound(e, to_pci_dev(data));
	return NOTIFY_DONE;
}

static struct external *to_external(struct device_driver *drv)
{
	return container_of(to_platform_driver(drv), struct external, driver);
}

static ssize_t parents_show(struct device_driver *drv, char *buf)
{
	struct external *e = to_external(drv);
	struct external_pf *p;
	int n = 0;

	mutex_lock(&e->lock);
	list_for_each_entry(p, &e->pfs, node) {
		if (!p->stopping)
			n += sysfs_emit_at(buf, n, "%s%s", n ? " " : "", pci_name(p->pf));
	}
	mutex_unlock(&e->lock);
	return n + sysfs_emit_at(buf, n, "\n");
}

static struct external_pf *add_locked(struct external *e, struct pci_dev *pf)
{
	struct external_pf *p;

	if (find_pf(e, pf)) {
		pci_err(pf, "is a parent of %s already\n", e->ext->name);
		return ERR_PTR(-EEXIST);
	}
	if (is_stopping(e, pf)) {
		pci_err(pf, "is still a parent of %s until its users have closed their devices; try again then\n",
			e->ext->name);
		return ERR_PTR(-EBUSY);
	}
	p = add_pf(e, pf, true);
	if (PTR_ERR_OR_ZERO(p) == -ENODEV)
		pci_err(pf, "has no driver that could create VFs; bind one first\n");
	else if (!IS_ERR(p))
		kref_get(&p->kref);
	return p;
}

/* If a signal ends the wait the PF still becomes a parent */
static int add_by_address(struct external *e, struct pci_dev *pf)
{
	struct external_pf *p;
	int ret;

	if (!is_pf(pf)) {
		pci_err(pf, "has no SR-IOV, so it has no VFs to offer\n");
		return -EOPNOTSUPP;
	}
	mutex_lock(&e->lock);
	p = add_locked(e, pf);
	mutex_unlock(&e->lock);
	if (IS_ERR(p))
		return PTR_ERR(p);
	/* Pairs with the one in pf_start() */
	ret = wait_event_interruptible(e->started, smp_load_acquire(&p->started)) ?: p->error;
	pf_put(p);
	return ret;
}

static int remove_by_address(struct external *e, struct pci_dev *pf)
{
	struct external_pf *p;

	mutex_lock(&e->lock);
	p = find_pf(e, pf);
	if (p)
		stop_locked(p);
	mutex_unlock(&e->lock);
	if (p)
		return 0;
	pci_err(pf, "is no parent of %s\n", e->ext->name);
	return -ENOENT;
}

static struct pci_dev *get_by_address(const char *address)
{
	unsigned int domain, bus, slot, function;
	char rest;

	if (sscanf(address, "%x:%x:%x.%x%c", &domain, &bus, &slot, &function, &rest) != 4 ||
	    bus > 0xff || slot > 0x1f || function > 7)
		return ERR_PTR(-EINVAL);
	return pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, function)) ?:
		       ERR_PTR(-ENODEV);
}

static ssize_t parents_store(struct device_driver *drv, const char *buf,
			     size_t count)
{
	struct external *e = to_external(drv);
	struct pci_dev *pf = ERR_PTR(-EINVAL);
	char word[24] = "";
	int ret;

	if (strscpy(word, buf, sizeof(word)) > 0) {
		strim(word);
		if (*word == '+' || *word == '-')
			pf = get_by_address(word + 1);
	}
	if (IS_ERR(pf)) {
		pr_err("%s: \"%s\": %s\n", e->ext->name, word, PTR_ERR(pf) == -ENODEV ?
		       "there is no such PCI device" :
		       "write +DDDD:BB:DD.F to make a PF a parent, -DDDD:BB:DD.F to end that");
		return PTR_ERR(pf);
	}
	ret = *word == '+' ? add_by_address(e, pf) : remove_by_address(e, pf);
	pci_dev_put(pf);
	return ret ?: count;
}
static DRIVER_ATTR_RW(parents);

static struct driver_attribute driver_attr_parents_ro =
	__ATTR(parents, 0444, parents_show, NULL);

static struct attribute *rw_attrs[] = { &driver_attr_parents.attr, NULL };
static struct attribute *ro_attrs[] = { &driver_attr_parents_ro.attr, NULL };
ATTRIBUTE_GROUPS(rw);
ATTRIBUTE_GROUPS(ro);

static struct external *external_alloc(const struct mdev_pci_external *ext)
{
	struct external *e = kzalloc(sizeof(*e), GFP_KERNEL);

	if (!e)
		return NULL;
	/* Works that wait for users must not block other works */
	e->wq = alloc_workqueue("%s", WQ_UNBOUND, 0, ext->name);
	if (!e->wq) {
		kfree(e);
		return NULL;
	}
	mutex_init(&e->lock);
	init_waitqueue_head(&e->started);
	INIT_LIST_HEAD(&e->pfs);
	e->ext = ext;
	e->nb.notifier_call = on_pci_bus;
	e->driver = (struct platform_driver) {
		.probe = external_probe,
		.driver = {
			.name = ext->name,
			.probe_type = PROBE_FORCE_SYNCHRONOUS,
			/* The file "parents" replaces bind and unbind */
			.suppress_bind_attrs = true,
			.groups = ext->by_address ? rw_groups : ro_groups,
		},
	};
	return e;
}

static void external_free(struct external *e)
{
	/* Runs what is queued */
	destroy_workqueue(e->wq);
	mutex_destroy(&e->lock);
	kfree(e);
}

static void stop_all(struct external *e)
{
	struct external_pf *p;

	mutex_lock(&e->lock);
	list_for_each_entry(p, &e->pfs, node)
		stop_locked(p);
	mutex_unlock(&e->lock);
}

int __mdev_pci_register_external(const struct mdev_pci_external *ext,
				 u32 interface, const char *module)
{
	struct pci_dev *pdev = NULL;
	struct external *e;
	int ret;

	ret = mdev_pci_interface_check(interface, module);
	if (ret)
		return ret;
	e = external_alloc(ext);
	if (!e)
		return -ENOMEM;
	ret = platform_driver_register(&e->driver);
	if (ret)
		goto free;
	ret = bus_register_notifier(&pci_bus_type, &e->nb);
	if (ret)
		goto driver;
	for_each_pci_dev(pdev)
		pf_bound(e, pdev);
	mutex_lock(&externals_lock);
	list_add_tail(&e->node, &externals);
	mutex_unlock(&externals_lock);
	/* User space finds the parents when modprobe returns */
	ret = wait_event_killable(e->started, !atomic_read(&e->starting));
	if (!ret)
		return 0;
	mdev_pci_unregister_external(ext);
	return ret;

driver:
	platform_driver_unregister(&e->driver);
	stop_all(e);
free:
	external_free(e);
	return ret;
}
EXPORT_SYMBOL_GPL(__mdev_pci_register_external);

static struct external *external_unlist(const struct mdev_pci_external *ext)
{
	struct external *e, *found = NULL;

	mutex_lock(&externals_lock);
	list_for_each_entry(e, &externals, node) {
		if (e->ext == ext)
			found = e;
	}
	if (found)
		list_del(&found->node);
	mutex_unlock(&externals_lock);
	return found;
}

void mdev_pci_unregister_external(const struct mdev_pci_external *ext)
{
	struct external *e = external_unlist(ext);

	if (WARN_ON(!e))
		return;
	bus_unregister_notifier(&pci_bus_type, &e->nb);
	/* No writer is left then, and no device of it is bound or will be */
	platform_driver_unregister(&e->driver);
	stop_all(e);
	external_free(e);
}
EXPORT_SYMBOL_GPL(mdev_pci_unregister_external);
