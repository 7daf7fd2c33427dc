// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds users of a PCI function, by the devices that its driver has made:
 * VFIO's device, a network interface, disks, an RDMA device.
 */
#include <linux/blkdev.h>
#include <linux/netdevice.h>
#include <linux/vfio.h>

#include "flavour.h"

/*
 * This reads private data of VFIO. Each open file has a reference, and the
 * registration one
 */
static bool vfio_is_open(struct device *dev, char *name, size_t size)
{
	return refcount_read(&container_of(dev, struct vfio_device, device)->refcount) > 1;
}

static bool net_is_up(struct device *dev, char *name, size_t size)
{
	return READ_ONCE(to_net_dev(dev)->flags) & IFF_UP;
}

/**
 * struct nvme_path - one of the ways to an NVMe namespace, by the name of its
 *	hidden disk
 * @subsys: number of the subsystem
 * @ctrl: number of the controller, in the subsystem
 * @ns: number of the namespace, in the subsystem
 */
struct nvme_path {
	unsigned int subsys;
	unsigned int ctrl;
	unsigned int ns;
};

/*
 * "nvme0c1n2" is a controller's hidden disk behind "nvme0n2", which users open
 */
static bool nvme_path_parse(struct device *dev, struct nvme_path *path)
{
	return dev_to_disk(dev)->flags & GENHD_FL_HIDDEN &&
	       sscanf(dev_name(dev), "nvme%uc%un%u", &path->subsys, &path->ctrl, &path->ns) == 3;
}

static int is_other_path(struct device *dev, const void *data)
{
	const struct nvme_path *of = data;
	struct nvme_path path;

	/* A partition is of the same class */
	return !strcmp(dev->type->name, "disk") &&
	       nvme_path_parse(dev, &path) && path.subsys == of->subsys &&
	       path.ns == of->ns && path.ctrl != of->ctrl;
}

static bool nvme_head_is_open(struct device *dev, char *name, size_t size)
{
	struct nvme_path path;
	struct device *other, *head;
	bool ret;

	if (!nvme_path_parse(dev, &path))
		return false;
	other = class_find_device(dev->class, NULL, &path, is_other_path);
	put_device(other);
	/* The namespace stays reachable */
	if (other)
		return false;
	snprintf(name, size, "nvme%un%u", path.subsys, path.ns);
	head = class_find_device_by_name(dev->class, name);
	ret = head && disk_openers(dev_to_disk(head));
	put_device(head);
	return ret;
}

static bool disk_is_open(struct device *dev, char *name, size_t size)
{
	return disk_openers(dev_to_disk(dev)) ||
	       nvme_head_is_open(dev, name, size);
}

/* Only ib_core knows its users. Where it can't count them, there may be some */
static bool rdma_is_used(struct device *dev, char *name, size_t size)
{
	bool (*in_use)(struct device *dev) =
		symbol_request(flavour_rdma_in_use);
	bool ret;

	if (!in_use) {
		dev_warn(dev, "its users can't be counted: load the module driver-flavour-rdma\n");
		return true;
	}
	ret = in_use(dev);
	symbol_put(flavour_rdma_in_use);
	return ret;
}

/* @is_used: may replace @name by the name of the disk that is in use instead */
static const struct {
	const char *class;
	bool (*is_used)(struct device *dev, char *name, size_t size);
	const char *words;
} kinds[] = {
	{ "vfio-dev", vfio_is_open, "is open; stop the guest or program that has it" },
	{ "net", net_is_up, "is up; take it down first" },
	{ "block", disk_is_open, "is in use; unmount it first" },
	{ "infiniband", rdma_is_used, "is in use; stop what uses RDMA first" },
};

/* Argument of device_for_each_child() */
struct search {
	char *why;
	size_t size;
};

static int find_use(struct device *dev, void *data)
{
	struct search *s = data;
	char name[32];
	int i;

	for (i = 0; dev->class && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(dev->class->name, kinds[i].class))
			continue;
		strscpy(name, dev_name(dev), sizeof(name));
		if (!kinds[i].is_used(dev, name, sizeof(name)))
			continue;
		snprintf(s->why, s->size, "%s %s", name, kinds[i].words);
		return 1;
	}
	return device_for_each_child(dev, s, find_use);
}

/**
 * flavour_is_busy() - check whether what a function's driver has created is in
 *	use
 * @pdev: the function
 * @why: set to what is used, and what to do about it, for the log
 * @size: bytes there
 *
 * Takes no lock: a device may be opened or closed just after this. A multipath
 * NVMe disk is not below the function: it counts as the function's if no other
 * controller has the namespace now.
 *
 * Return: true if so.
 */
bool flavour_is_busy(struct pci_dev *pdev, char *why, size_t size)
{
	struct search s = { .why = why, .size = size };

	return device_for_each_child(&pdev->dev, &s, find_use);
}
