// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PF as a parent, for as long as it has a driver of its own.
 *
 * The PF's driver must not be gone before the last user of a VF: so there is a device of ours
 * that depends on the PF by a device link. The driver core binds it when the PF has got a
 * driver, and unbinds it, without any lock of the PF, before it takes the driver away.
 *
 * It is a platform device because the memory of that is the driver core's: links let go of their
 * devices some time later, when this module may be gone. It is no child of the PF's, after which it
 * may be deleted (main.c): the link alone is what orders the two.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "generic.h"

/* Does the driver core see to it that the PF keeps its driver until we are unbound? */
static int hold_driver(struct generic_pf *g)
{
	struct device_link *link;

	if (READ_ONCE(g->pf->dev.links.status) != DL_DEV_DRIVER_BOUND)
		return -EPROBE_DEFER;
	link = device_link_add(&g->dev->dev, &g->pf->dev, DL_FLAG_AUTOPROBE_CONSUMER);
	if (!link)
		return -ENOMEM;
	/* As yet without a driver, or not any more */
	return READ_ONCE(link->status) == DL_STATE_CONSUMER_PROBE ? 0 : -EPROBE_DEFER;
}

static void describe(struct generic_pf *g)
{
	snprintf(g->model, sizeof(g->model), "VF of PCI device %04x:%04x, PF driver %s",
		 g->pf->vendor, g->pf->device, dev_driver_string(&g->pf->dev));
	g->type = (struct mdev_pci_type) {
		.name = "vf",
		.label = "VF, as the PF's driver has made it",
		.not_migratable = "the PF's driver has no way to save its state",
		.attrs = mdev_pci_netdev_attrs,
		.nr_attrs = MDEV_PCI_NETDEV_ATTRS,
	};
	g->desc = (struct mdev_pci_parent_desc) {
		.owner = THIS_MODULE,
		.model = g->model,
		.types = &g->type,
		.nr_types = 1,
		.borrowed = true,
	};
}

static int register_pf(struct generic_pf *g)
{
	describe(g);
	g->parent = mdev_pci_register_parent(g->pf, &g->desc);
	if (IS_ERR(g->parent)) {
		pci_err(g->pf, "could not become an mdev parent (%pe)\n", g->parent);
		return PTR_ERR(g->parent);
	}
	pci_info(g->pf, "is an mdev parent beside its driver %s: VFs are mdev-pci's\n",
		 dev_driver_string(&g->pf->dev));
	return 0;
}

static void unregister_pf(void *data)
{
	struct generic_pf *g = data;

	mdev_pci_unregister_parent(g->parent);
	pci_info(g->pf, "is no mdev parent any more\n");
}

static int make_parent(struct generic_pf *g)
{
	int ret;

	if (g->leaving)
		return -ENODEV;
	ret = hold_driver(g) ?: register_pf(g);
	if (ret)
		return ret;
	/* The type of a platform driver's remove() is not the same in all kernels */
	return devm_add_action_or_reset(&g->dev->dev, unregister_pf, g);
}

static int generic_pf_probe(struct platform_device *dev)
{
	struct generic_pf *g = *(struct generic_pf **)dev_get_platdata(&dev->dev);
	int ret;

	ret = make_parent(g);
	g->error = ret == -EPROBE_DEFER ? 0 : ret;
	return ret;
}

struct platform_driver generic_pf_driver = {
	.probe = generic_pf_probe,
	.driver = {
		.name = "mdev-pci-generic",
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
		/* Written to "parents", it is remembered */
		.suppress_bind_attrs = true,
	},
};

/* The driver core keeps its own copy of the pointer */
static int make_device(struct generic_pf *g)
{
	struct platform_device *dev;
	int ret;

	dev = platform_device_alloc(generic_pf_driver.driver.name, PLATFORM_DEVID_AUTO);
	if (!dev)
		return -ENOMEM;
	g->dev = dev;
	ret = platform_device_add_data(dev, &g, sizeof(g)) ?: platform_device_add(dev);
	if (ret)
		platform_device_put(dev);
	return ret;
}

/**
 * generic_pf_new() - from now on it is a parent whenever it has a driver
 * @pf: a PF with SR-IOV.
 *
 * Context: process context, under pci_lock_rescan_remove(), so that @pf stays for a while.
 * Return: a new object, for generic_pf_delete(); @error of it says if something was in the way.
 * Or -ENOMEM, or what the driver core says.
 */
struct generic_pf *generic_pf_new(struct pci_dev *pf)
{
	struct generic_pf *g = kzalloc(sizeof(*g), GFP_KERNEL);
	int ret;

	if (!g)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&g->node);
	g->pf = pci_dev_get(pf);
	ret = make_device(g);
	if (!ret)
		return g;
	pci_dev_put(pf);
	kfree(g);
	return ERR_PTR(ret);
}

/**
 * generic_pf_delete() - the opposite of generic_pf_new()
 * @g: what it has returned; not bound any more.
 *
 * Context: as generic_pf_new().
 */
void generic_pf_delete(struct generic_pf *g)
{
	platform_device_unregister(g->dev);
	pci_dev_put(g->pf);
	kfree(g);
}
