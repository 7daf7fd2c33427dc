// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFs of any SR-IOV device as mdevs, while the PF keeps its driver. The module
 * parameter "ids" and the driver's file "parents" choose the PFs.
 */
#include <linux/mdev_pci.h>
#include <linux/module.h>
#include <linux/modules_version.h>
#include <linux/slab.h>
#include <linux/string.h>

#define IDS_MAX	16

static char *ids = "";
module_param(ids, charp, 0444);
MODULE_PARM_DESC(ids, "PFs that become mdev parents when they get a driver: VENDOR:DEVICE[:SUBVENDOR[:SUBDEVICE[:CLASS[:MASK]]]],... (default none)");

/* Ends with an empty entry */
static struct pci_device_id id_table[IDS_MAX + 1];

static int parse_id(const char *word, unsigned int n)
{
	struct pci_device_id id = { .subvendor = PCI_ANY_ID,
				    .subdevice = PCI_ANY_ID };
	char rest;
	int fields;

	if (n == IDS_MAX) {
		pr_err("mdev-pci-generic: ids has more than %d entries\n", IDS_MAX);
		return -EINVAL;
	}
	fields = sscanf(word, "%x:%x:%x:%x:%x:%x%c", &id.vendor, &id.device, &id.subvendor,
			&id.subdevice, &id.class, &id.class_mask, &rest);
	if (fields < 2 || fields > 6 || !id.vendor) {
		pr_err("mdev-pci-generic: \"%s\" in ids is not VENDOR:DEVICE[:SUBVENDOR[:SUBDEVICE[:CLASS[:MASK]]]], in hexadecimal\n",
		       word);
		return -EINVAL;
	}
	id_table[n] = id;
	return 0;
}

static int parse_ids(void)
{
	char *copy = kstrdup(ids, GFP_KERNEL);
	char *next = copy, *word;
	unsigned int n = 0;
	int ret = 0;

	if (!copy)
		return -ENOMEM;
	while (!ret && (word = strsep(&next, ","))) {
		if (*word)
			ret = parse_id(word, n++);
	}
	kfree(copy);
	return ret;
}

static bool generic_match(struct pci_dev *pf)
{
	return pci_match_id(id_table, pf);
}

static int generic_show(struct pci_dev *pf, char *buf, size_t size)
{
	return scnprintf(buf, size, "pf: PCI device %04x:%04x, driver %s\n", pf->vendor, pf->device,
			 dev_driver_string(&pf->dev));
}

static const struct mdev_pci_parent_ops generic_ops = {
	.show = generic_show,
};

static const struct mdev_pci_type generic_type = {
	.name = "vf",
	.label = "VF, as the PF's driver has made it",
	.not_migratable = "the PF's driver has no way to save its state",
	.attrs = mdev_pci_netdev_attrs,
	.nr_attrs = MDEV_PCI_NETDEV_ATTRS,
};

static const struct mdev_pci_parent_desc generic_desc = {
	.owner = THIS_MODULE,
	.model = "any SR-IOV device",
	.ops = &generic_ops,
	.types = &generic_type,
	.nr_types = 1,
	.external_pf_driver = true,
};

static const struct mdev_pci_external generic_external = {
	.name = "mdev-pci-generic",
	.match = generic_match,
	.by_address = true,
	.desc = &generic_desc,
};

static int __init generic_init(void)
{
	return parse_ids() ?: mdev_pci_register_external(&generic_external);
}
module_init(generic_init);

static void __exit generic_exit(void)
{
	mdev_pci_unregister_external(&generic_external);
}
module_exit(generic_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("VFs of any SR-IOV device as mediated devices");
MODULE_VERSION(MODULES_VERSION);
MDEV_PCI_MODULE_DEPS;
