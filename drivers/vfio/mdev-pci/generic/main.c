// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any SR-IOV device's VFs as mdevs, beside whatever driver its PF has. Which PFs: by their IDs,
 * or one by one.
 *
 * Lock order: a writer's and the module's exit: kernel_param_lock(); pci_lock_rescan_remove();
 * pfs_lock. The PCI core holds the second one while it adds and removes PFs. Nothing waits for
 * users under any but the first.
 *
 * The PCI bus tells of its devices with its notifiers' lock held. A device of ours made or deleted
 * then would have another bus take its own, of the same class: that is left to a workqueue.
 */
#include <linux/module.h>

#include "generic.h"

static DEFINE_MUTEX(pfs_lock);
static LIST_HEAD(pfs);
/* In this order what the PCI bus has told of is done */
static struct workqueue_struct *later;
/* Before init and after exit nothing can be written */
static bool open_for_writing;

static char *ids = "";
module_param(ids, charp, 0444);
MODULE_PARM_DESC(ids, "PFs that become mdev parents when they get a driver: VENDOR:DEVICE[:SUBVENDOR[:SUBDEVICE[:CLASS[:MASK]]]],... (default none)");

static struct generic_pf *find(const struct pci_dev *pf)
{
	struct generic_pf *g;

	lockdep_assert_held(&pfs_lock);
	list_for_each_entry(g, &pfs, node) {
		if (g->pf == pf)
			return g;
	}
	return NULL;
}

static bool is_there(const struct pci_dev *pf)
{
	bool there;

	mutex_lock(&pfs_lock);
	there = find(pf);
	mutex_unlock(&pfs_lock);
	return there;
}

/*
 * Under pci_lock_rescan_remove(), so nobody else adds it meanwhile. Returns what was in the way; a
 * PF without a driver is no mistake
 */
static int add(struct pci_dev *pf)
{
	struct generic_pf *g;
	int ret;

	if (is_there(pf)) {
		pci_err(pf, "is on mdev-pci-generic's list of parents already\n");
		return -EEXIST;
	}
	g = generic_pf_new(pf);
	if (IS_ERR(g))
		return PTR_ERR(g);
	ret = g->error;
	if (ret) {
		generic_pf_delete(g);
		return ret;
	}
	mutex_lock(&pfs_lock);
	list_add_tail(&g->node, &pfs);
	mutex_unlock(&pfs_lock);
	return 0;
}

/* If it is there: the PF itself may have gone, and have taken it along */
static struct generic_pf *take_from_list(const struct pci_dev *pf)
{
	struct generic_pf *g;

	mutex_lock(&pfs_lock);
	g = find(pf);
	if (g)
		list_del(&g->node);
	mutex_unlock(&pfs_lock);
	return g;
}

static bool is_pf(struct pci_dev *pdev)
{
	return pdev->is_physfn && pci_sriov_get_totalvfs(pdev) > 0;
}

static int add_by_address(struct pci_dev *pf)
{
	int ret;

	if (!is_pf(pf)) {
		pci_err(pf, "has no VFs to offer: it is no PF with SR-IOV\n");
		return -EOPNOTSUPP;
	}
	pci_lock_rescan_remove();
	ret = device_is_registered(&pf->dev) ? add(pf) : -ENODEV;
	pci_unlock_rescan_remove();
	return ret;
}

static int remove_by_address(struct pci_dev *pf)
{
	struct platform_device *dev = NULL;
	struct generic_pf *g;

	mutex_lock(&pfs_lock);
	g = find(pf);
	if (g) {
		g->leaving = true;
		dev = g->dev;
		get_device(&dev->dev);
	}
	mutex_unlock(&pfs_lock);
	if (!dev) {
		pci_err(pf, "is not on mdev-pci-generic's list of parents\n");
		return -ENOENT;
	}
	/* Waits for users, so first of all, and under no lock */
	device_release_driver(&dev->dev);
	put_device(&dev->dev);
	pci_lock_rescan_remove();
	g = take_from_list(pf);
	if (g)
		generic_pf_delete(g);
	pci_unlock_rescan_remove();
	return 0;
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

static int write_parents(const char *val, const struct kernel_param *kp)
{
	struct pci_dev *pf = ERR_PTR(-EINVAL);
	char word[24];
	int ret;

	if (!open_for_writing)
		return -EINVAL;
	if (strscpy(word, val, sizeof(word)) > 0) {
		strim(word);
		if (*word == '+' || *word == '-')
			pf = get_by_address(word + 1);
	}
	if (IS_ERR(pf)) {
		pr_err("mdev-pci-generic: \"%s\": %s\n", word, PTR_ERR(pf) == -ENODEV ?
		       "there is no such PCI device" :
		       "write +DDDD:BB:DD.F to have a PF as a parent, -DDDD:BB:DD.F to end that");
		return PTR_ERR(pf);
	}
	ret = *word == '+' ? add_by_address(pf) : remove_by_address(pf);
	pci_dev_put(pf);
	return ret;
}

static int read_parents(char *buf, const struct kernel_param *kp)
{
	struct generic_pf *g;
	int n = 0;

	mutex_lock(&pfs_lock);
	list_for_each_entry(g, &pfs, node)
		n += scnprintf(buf + n, PAGE_SIZE - n, "%s%s", n ? " " : "", pci_name(g->pf));
	mutex_unlock(&pfs_lock);
	return n + scnprintf(buf + n, PAGE_SIZE - n, "\n");
}

static const struct kernel_param_ops parents_ops = {
	.set = write_parents,
	.get = read_parents,
};
module_param_cb(parents, &parents_ops, NULL, 0644);
MODULE_PARM_DESC(parents, "PFs that are mdev parents when they have a driver; +ADDRESS and -ADDRESS, written after loading, add and remove one");

/**
 * struct new_pf - a PF that the PCI bus has told of
 * @work: adds it
 * @pf: the PF, with a reference
 */
struct new_pf {
	struct work_struct work;
	struct pci_dev *pf;
};

static void add_new(struct work_struct *work)
{
	struct new_pf *new = container_of(work, struct new_pf, work);

	pci_lock_rescan_remove();
	if (device_is_registered(&new->pf->dev))
		add(new->pf);
	pci_unlock_rescan_remove();
	pci_dev_put(new->pf);
	kfree(new);
}

static void add_later(struct pci_dev *pf)
{
	struct new_pf *new = kmalloc(sizeof(*new), GFP_KERNEL);

	if (new) {
		new->pf = pci_dev_get(pf);
		INIT_WORK(&new->work, add_new);
		queue_work(later, &new->work);
		return;
	}
	/* Nobody has asked who could be told by an errno */
	pci_err(pf, "no memory to make it a parent; write +%s to mdev-pci-generic's parents\n",
		pci_name(pf));
}

static void delete_old(struct work_struct *work)
{
	struct generic_pf *g = container_of(work, struct generic_pf, work);

	pci_lock_rescan_remove();
	generic_pf_delete(g);
	pci_unlock_rescan_remove();
}

static void delete_later(struct pci_dev *pf)
{
	struct generic_pf *g = take_from_list(pf);

	if (!g)
		return;
	INIT_WORK(&g->work, delete_old);
	queue_work(later, &g->work);
}

/* Before a PF goes it has lost its driver, and so has our device */
static int on_pci_bus(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_ADD_DEVICE && is_pf(pdev) && generic_ids_match(pdev))
		add_later(pdev);
	else if (action == BUS_NOTIFY_DEL_DEVICE && pdev->is_physfn)
		delete_later(pdev);
	else
		return NOTIFY_DONE;
	return NOTIFY_OK;
}

static struct notifier_block pci_bus_nb = {
	.notifier_call = on_pci_bus,
};

static void add_by_ids(void)
{
	struct pci_dev *pdev = NULL;

	/* One that can't be a parent has its line in the log, and is in nobody's way */
	pci_lock_rescan_remove();
	for_each_pci_dev(pdev) {
		if (is_pf(pdev) && generic_ids_match(pdev))
			add(pdev);
	}
	pci_unlock_rescan_remove();
}

static int __init generic_init(void)
{
	int ret;

	ret = generic_ids_parse(ids);
	if (ret)
		return ret;
	later = alloc_ordered_workqueue("mdev-pci-generic", 0);
	if (!later)
		return -ENOMEM;
	ret = platform_driver_register(&generic_pf_driver);
	if (ret)
		goto no_driver;
	pci_lock_rescan_remove();
	ret = bus_register_notifier(&pci_bus_type, &pci_bus_nb);
	pci_unlock_rescan_remove();
	if (ret)
		goto no_notifier;
	add_by_ids();
	kernel_param_lock(THIS_MODULE);
	open_for_writing = true;
	kernel_param_unlock(THIS_MODULE);
	return 0;

no_notifier:
	platform_driver_unregister(&generic_pf_driver);
no_driver:
	destroy_workqueue(later);
	return ret;
}
module_init(generic_init);

static void __exit generic_exit(void)
{
	struct generic_pf *g, *next;
	LIST_HEAD(rest);

	kernel_param_lock(THIS_MODULE);
	open_for_writing = false;
	kernel_param_unlock(THIS_MODULE);
	/* Waits for users. What is left then has nothing to wait for */
	platform_driver_unregister(&generic_pf_driver);
	pci_lock_rescan_remove();
	bus_unregister_notifier(&pci_bus_type, &pci_bus_nb);
	pci_unlock_rescan_remove();
	destroy_workqueue(later);
	/* It may still be read */
	mutex_lock(&pfs_lock);
	list_replace_init(&pfs, &rest);
	mutex_unlock(&pfs_lock);
	pci_lock_rescan_remove();
	list_for_each_entry_safe(g, next, &rest, node)
		generic_pf_delete(g);
	pci_unlock_rescan_remove();
}
module_exit(generic_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("VFs of any SR-IOV device as mediated devices");
