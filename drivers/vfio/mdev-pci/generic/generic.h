/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PFs whose drivers know nothing of mdev-pci, offered as parents beside their drivers.
 */
#ifndef _MDEV_PCI_GENERIC_H
#define _MDEV_PCI_GENERIC_H

#include <linux/list.h>
#include <linux/mdev_pci.h>
#include <linux/platform_device.h>
#include <linux/workqueue.h>

/**
 * struct generic_pf - a PF that is to be a parent whenever it has a driver
 * @node: main.c's.
 * @work: main.c's.
 * @dev: a device of ours that is bound while the PF is a parent.
 * @pf: the PF.
 * @error: why it could not become a parent, or 0.
 * @leaving: it shall not be one any more.
 * @model: for the description of its type.
 * @type: its only type.
 * @desc: what the framework is told of it.
 * @parent: the PF as mdev parent.
 */
struct generic_pf {
	struct list_head node;
	struct work_struct work;
	struct platform_device *dev;
	struct pci_dev *pf;
	int error;
	bool leaving;
	char model[64];
	struct mdev_pci_type type;
	struct mdev_pci_parent_desc desc;
	struct mdev_pci_parent *parent;
};

/* pf.c */
extern struct platform_driver generic_pf_driver;
struct generic_pf *generic_pf_new(struct pci_dev *pf);
void generic_pf_delete(struct generic_pf *g);

/* ids.c */
int generic_ids_parse(const char *ids);
bool generic_ids_match(struct pci_dev *pf);

#endif /* _MDEV_PCI_GENERIC_H */
