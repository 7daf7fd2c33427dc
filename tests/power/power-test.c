// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user of the engine without mdev, and a device tree that can be edited: what the firmware of a
 * POWER9 machine says of a GPU and its bridge, on two of QEMU's edu devices. The first one on the
 * buses is the GPU, the next one the bridge.
 *
 *   parameters/set    "NODE PROPERTY none", "... u32 N...", "... u64 N..." or "... node NODE"
 *   parameters/refs   references of the nodes that only we and the engine look at
 *   parameters/errors "ADDRESS SIZE": we see to errors in that memory, or "none"
 */
#include <linux/module.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio_pci_engine.h>

#include "compat.h"

enum { GPU, LINK, HOST, NPU, MEM, NVL, NR_NODES };

static const char * const names[NR_NODES] = { "gpu", "link", "host", "npu", "mem", "nvl" };
static struct device_node *nodes[NR_NODES];
static struct of_changeset made;

static struct device_node *node_of(const char *name)
{
	int i = match_string(names, NR_NODES, name);

	return i < 0 ? NULL : nodes[i];
}

/* The next word as number, in the big-endian cells of a device tree */
static int add_number(struct property *p, char *word, bool wide)
{
	__be32 *cells = p->value + p->length;
	u64 v;

	if (kstrtou64(word, 0, &v))
		return -EINVAL;
	if (wide)
		*cells++ = cpu_to_be32(upper_32_bits(v));
	*cells = cpu_to_be32(lower_32_bits(v));
	p->length += wide ? 8 : 4;
	return 0;
}

static int fill(struct property *p, char *kind, char *rest)
{
	struct device_node *np;
	char *word;
	int ret = 0;

	if (!strcmp(kind, "node")) {
		np = rest ? node_of(rest) : NULL;
		*(__be32 *)p->value = cpu_to_be32(np ? np->phandle : 0x7fffffff);
		p->length = 4;
		return 0;
	}
	if (strcmp(kind, "u32") && strcmp(kind, "u64"))
		return -EINVAL;
	while (!ret && (word = strsep(&rest, " ")))
		ret = add_number(p, word, kind[1] == '6');
	return ret;
}

/* Never freed: the kernel keeps removed ones, too */
static int set_property(struct device_node *np, char *name, char *kind, char *rest)
{
	struct property *old = of_find_property(np, name, NULL);
	struct property *p;
	int ret;

	if (old)
		of_remove_property(np, old);
	if (!strcmp(kind, "none"))
		return 0;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->name = kstrdup(name, GFP_KERNEL);
	p->value = kzalloc(256, GFP_KERNEL);
	if (!p->name || !p->value)
		return -ENOMEM;
	ret = fill(p, kind, rest);
	return ret ?: of_add_property(np, p);
}

static int set_by_words(const char *text, const struct kernel_param *kp)
{
	char *copy = kstrdup(text, GFP_KERNEL), *rest, *node, *name, *kind;
	struct device_node *np;
	int ret = -EINVAL;

	if (!copy)
		return -ENOMEM;
	rest = strim(copy);
	node = strsep(&rest, " ");
	name = strsep(&rest, " ");
	kind = strsep(&rest, " ");
	np = node_of(node);
	if (np && name && kind)
		ret = set_property(np, name, kind, rest);
	kfree(copy);
	return ret;
}

static int show_refs(char *buf, const struct kernel_param *kp)
{
	int i, n = 0;

	for (i = NPU; i < NR_NODES; i++)
		n += sysfs_emit_at(buf, n, "%s=%u ", names[i], kref_read(&nodes[i]->kobj.kref));
	return n + sysfs_emit_at(buf, n, "\n");
}

static struct compat_pfn_space errors;
static bool see_to_errors;

static int has_no_page(struct vm_area_struct *vma, unsigned long pfn, pgoff_t *pgoff)
{
	return -ENOENT;
}

/* Registers for errors of RAM that has no mapping; no error may come meanwhile */
static int set_errors(const char *text, const struct kernel_param *kp)
{
	u64 base, size;
	int ret;

	if (see_to_errors)
		compat_unregister_pfn_space(&errors);
	see_to_errors = false;
	if (!strncmp(text, "none", 4))
		return 0;
	if (sscanf(text, "%llx %llx", &base, &size) != 2)
		return -EINVAL;
	ret = compat_register_pfn_space(&errors, PHYS_PFN(base), PHYS_PFN(size), NULL, has_no_page);
	see_to_errors = !ret;
	return ret;
}

static const struct kernel_param_ops errors_ops = { .set = set_errors };
module_param_cb(errors, &errors_ops, NULL, 0200);
MODULE_PARM_DESC(errors, "memory in which we see to errors");

static const struct kernel_param_ops set_ops = { .set = set_by_words };
static const struct kernel_param_ops refs_ops = { .get = show_refs };
module_param_cb(set, &set_ops, NULL, 0200);
MODULE_PARM_DESC(set, "change a property of a node");
module_param_cb(refs, &refs_ops, NULL, 0400);
MODULE_PARM_DESC(refs, "references of the nodes");

static const struct vfio_pci_nvlink2_ops no_ops;
static struct vfio_pci_fn functions[2];
static struct vfio_pci_engine_device *edevs[2];

static int test_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int i = pdev->dev.of_node == nodes[LINK];
	struct vfio_pci_engine_desc desc = {
		.fn = &functions[i],
		.owner = THIS_MODULE,
		.type = "power-test",
		.nvlink2 = &no_ops,
	};

	functions[i] = (struct vfio_pci_fn) { .pf = pdev, .pdev = pdev };
	edevs[i] = vfio_pci_engine_register(&desc);
	return PTR_ERR_OR_ZERO(edevs[i]);
}

static void test_remove(struct pci_dev *pdev)
{
	vfio_pci_engine_unregister(edevs[pdev->dev.of_node == nodes[LINK]]);
}

static const struct pci_device_id test_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{}
};
MODULE_DEVICE_TABLE(pci, test_ids);

static struct pci_driver test_driver = {
	.name = "power-test",
	.id_table = test_ids,
	.probe = test_probe,
	.remove = test_remove,
	.err_handler = &vfio_pci_engine_err_handlers,
	.driver_managed_dma = true,
};

static int find_devices(void)
{
	struct pci_dev *pdev = NULL;
	int n = 0;

	while (n < 2 && (pdev = pci_get_device(0x1234, 0x11e8, pdev))) {
		if (!pdev->dev.of_node)
			pci_err(pdev, "has no node in the device tree\n");
		nodes[n++] = pdev->dev.of_node;
		nodes[HOST] = pci_find_host_bridge(pdev->bus)->bus->dev.of_node;
	}
	pci_dev_put(pdev);
	return n == 2 && nodes[GPU] && nodes[LINK] && nodes[HOST] ? 0 : -ENODEV;
}

/* The kernel takes a phandle from a property only when it unpacks a tree itself */
static int make_nodes(void)
{
	int i, ret;

	of_changeset_init(&made);
	for (i = NPU; i < NR_NODES; i++) {
		nodes[i] = of_changeset_create_node(&made, of_root, names[i]);
		if (!nodes[i])
			return -ENOMEM;
	}
	ret = of_changeset_apply(&made);
	for (i = NPU; i < NR_NODES; i++)
		nodes[i]->phandle = 0x7f000000 + i;
	return ret;
}

static int __init test_init(void)
{
	int ret = find_devices() ?: make_nodes();

	return ret ?: pci_register_driver(&test_driver);
}

/* The nodes stay: there is one boot, and one load */
static void __exit test_exit(void)
{
	pci_unregister_driver(&test_driver);
}
module_init(test_init);
module_exit(test_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("Device tree and user of the engine for the tests on POWER");
