// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who uses a PCI function, by what its driver has made below it: VFIO's device, a network
 * interface, disks.
 */
#include <linux/blkdev.h>
#include <linux/netdevice.h>

#include "mdev-pci.h"

static bool net_is_up(struct device *dev)
{
	return READ_ONCE(to_net_dev(dev)->flags) & IFF_UP;
}

static bool disk_is_open(struct device *dev)
{
	return disk_openers(dev_to_disk(dev));
}

static const struct {
	const char *class;
	bool (*is_used)(struct device *dev);
	const char *words;
} kinds[] = {
	{ "vfio-dev", vfio_pci_engine_is_open, "is open; stop the guest or program that has it" },
	{ "net", net_is_up, "is up; take it down first" },
	{ "block", disk_is_open, "is in use; unmount it first" },
};

static int find_use(struct device *dev, void *data)
{
	struct mdev_pci_use *use = data;
	int i;

	for (i = 0; dev->class && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(dev->class->name, kinds[i].class) || !kinds[i].is_used(dev))
			continue;
		strscpy(use->name, dev_name(dev), sizeof(use->name));
		use->words = kinds[i].words;
		return 1;
	}
	return device_for_each_child(dev, use, find_use);
}

/**
 * mdev_pci_use_find() - does somebody use what a function's driver has made?
 * @pdev: the function
 * @use: set to what, and what to do about it
 *
 * A look, and no lock: it may be closed or opened a moment later. The disk of an NVMe namespace
 * with more than one way to it is not below the function, and not seen.
 *
 * Return: true if so.
 */
bool mdev_pci_use_find(struct pci_dev *pdev, struct mdev_pci_use *use)
{
	return device_for_each_child(&pdev->dev, use, find_use);
}
