// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptions in a device tree, as the firmware of POWER9 machines writes it:
 * a GPU names the nodes of its bridges, which have what is to be known of its
 * RAM; a bridge names its GPU and its link, and the host bridge above it has
 * the ATSD registers of all links.
 */
#include <linux/of.h>
#include <linux/pci.h>

#include "nvlink2.h"

static int refuse(int err, const char **why, const char *words)
{
	*why = words;
	return err;
}

static bool has(struct device_node *np, const char *name)
{
	return of_find_property(np, name, NULL);
}

static int read_tgt(struct device_node *np, struct vfio_pci_nvlink2_desc *desc,
		    const char **why)
{
	desc->has_tgt = true;
	if (of_property_read_u64(np, "ibm,device-tgt-addr", &desc->tgt))
		return refuse(-EFAULT, why, "the bridge's node has no ibm,device-tgt-addr");
	return 0;
}

static int read_ram(struct device_node *npu, struct vfio_pci_nvlink2_desc *desc,
		    const char **why)
{
	struct device_node *np;
	u64 reg[2];
	int ret;

	if (!has(npu, "memory-region"))
		return refuse(-ENODEV, why, "its bridge's node has no memory-region");
	np = of_parse_phandle(npu, "memory-region", 0);
	if (!np)
		return refuse(-EINVAL, why, "memory-region names a node that does not exist");
	ret = of_property_read_variable_u64_array(np, "reg", reg, 2, 2);
	of_node_put(np);
	if (ret != 2)
		return refuse(-EINVAL, why, "reg of memory-region is not an address and a size");
	desc->base = reg[0];
	desc->size = reg[1];
	return 0;
}

static int read_gpu(struct device_node *gpu, struct vfio_pci_nvlink2_desc *desc,
		    const char **why)
{
	/* Today's kernels have no PCI device for it */
	struct device_node *npu = of_parse_phandle(gpu, "ibm,npu", 0);
	int ret;

	if (!npu)
		return refuse(-EINVAL, why, "ibm,npu names a node that does not exist");
	desc->role = VFIO_PCI_NVLINK2_GPU;
	desc->cache = VFIO_PCI_NVLINK2_WB;
	ret = read_ram(npu, desc, why) ?: read_tgt(npu, desc, why);
	of_node_put(npu);
	return ret;
}

static bool is_pci_device(struct device_node *np)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (pdev->dev.of_node == np) {
			pci_dev_put(pdev);
			return true;
		}
	}
	return false;
}

/* A guest can't use a bridge without its GPU */
static int find_gpu(struct device_node *link, const char **why)
{
	struct device_node *gpu = of_parse_phandle(link, "ibm,gpu", 0);
	bool found = gpu && is_pci_device(gpu);

	of_node_put(gpu);
	return found ? 0 : refuse(-ENODEV, why, "ibm,gpu names no PCI device");
}

static int read_index(struct device_node *link, u32 *index, const char **why)
{
	struct device_node *np = of_parse_phandle(link, "ibm,nvlink", 0);
	int ret;

	if (!np)
		return refuse(-ENODEV, why, "ibm,nvlink is missing or names no node that exists");
	ret = of_property_read_u32(np, "ibm,npu-link-index", index);
	of_node_put(np);
	return ret ? refuse(-ENODEV, why, "its link's node has no ibm,npu-link-index") : 0;
}

/* One a link; where there are fewer, the first one is shared */
static void read_atsd(struct pci_dev *pdev, u32 index,
		      struct vfio_pci_nvlink2_desc *desc)
{
	struct device_node *host =
		pci_find_host_bridge(pdev->bus)->bus->dev.of_node;

	if (!of_property_read_u64_index(host, "ibm,mmio-atsd", index, &desc->atsd)) {
		desc->has_atsd = true;
	} else if (!of_property_read_u64_index(host, "ibm,mmio-atsd", 0, &desc->atsd)) {
		desc->has_atsd = true;
		pci_warn(pdev, "NVLink2 link %u has no ATSD registers; those of link 0 are used\n",
			 index);
	} else {
		pci_warn(pdev, "there are no ATSD registers, its region is empty\n");
	}
}

static int read_link(struct pci_dev *pdev, struct vfio_pci_nvlink2_desc *desc,
		     const char **why)
{
	struct device_node *np = pdev->dev.of_node;
	u32 index;
	int ret;

	desc->role = VFIO_PCI_NVLINK2_LINK;
	ret = find_gpu(np, why);
	if (ret)
		return ret;
	if (!has(np, "memory-region"))
		return refuse(-ENODEV, why, "it has no memory-region");
	ret = read_index(np, &index, why);
	if (ret)
		return ret;
	ret = read_tgt(np, desc, why);
	if (ret)
		return ret;
	if (of_property_read_u32(np, "ibm,nvlink-speed", &desc->link_speed))
		return refuse(-EFAULT, why, "it has no ibm,nvlink-speed");
	read_atsd(pdev, index, desc);
	return 0;
}

/**
 * nvlink2_from_of() - read a description out of the device tree
 * @pdev: the function
 * @src: receives the description, which nvlink2_check() has still to check
 * @why: receives the reason of a refusal
 *
 * Properties are those of POWER9's firmware; docs/nvlink2.rst lists them. Each
 * node that is looked at is put again.
 *
 * Context: process context; sleeps.
 * Return: 0; -ENODEV: it is a plain PCI device for the device tree, with a line
 * in the log if the tree begins to say something else; -EINVAL: a node or the
 * RAM's address is missing; -EFAULT: no target address or link speed.
 */
int nvlink2_from_of(struct pci_dev *pdev, struct nvlink2_source *src,
		    const char **why)
{
	struct device_node *np = pdev->dev.of_node;
	bool gpu = has(np, "ibm,npu");
	int ret;

	if (!gpu && !has(np, "ibm,gpu"))
		return -ENODEV;
	src->from = "the device tree";
	if (!nvlink2_power_allowed(why))
		ret = -ENODEV;
	else if (gpu)
		ret = read_gpu(np, &src->desc, why);
	else
		ret = read_link(pdev, &src->desc, why);
	if (ret == -ENODEV) {
		pci_info(pdev, "NVLink2 in the device tree is left alone: %s\n", *why);
		src->desc = (struct vfio_pci_nvlink2_desc) {};
	}
	return ret;
}
