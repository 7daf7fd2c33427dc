// SPDX-License-Identifier: GPL-2.0-only
/* The module parameter "ids": kinds of PFs, written as for vfio-pci. */
#include <linux/slab.h>
#include <linux/string.h>

#include "generic.h"

#define IDS_MAX	16

/* Ends with an empty entry */
static struct pci_device_id table[IDS_MAX + 1];

static bool parse_one(const char *word, struct pci_device_id *id)
{
	char rest;
	int n;

	*id = (struct pci_device_id) {
		.subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID,
	};
	n = sscanf(word, "%x:%x:%x:%x:%x:%x%c", &id->vendor, &id->device, &id->subvendor,
		   &id->subdevice, &id->class, &id->class_mask, &rest);
	return n >= 2 && n <= 6 && id->vendor;
}

/**
 * generic_ids_parse() - take the module parameter in
 * @ids: "VENDOR:DEVICE[:SUBVENDOR[:SUBDEVICE[:CLASS[:MASK]]]],...", or empty.
 *
 * Return: 0; -EINVAL with a line in the log; -ENOMEM.
 */
int generic_ids_parse(const char *ids)
{
	char *copy = kstrdup(ids, GFP_KERNEL);
	char *next = copy, *word;
	unsigned int n = 0;
	int ret = 0;

	if (!copy)
		return -ENOMEM;
	while (!ret && (word = strsep(&next, ","))) {
		if (!*word)
			continue;
		if (n == IDS_MAX) {
			pr_err("mdev-pci-generic: ids has more than %d entries\n", IDS_MAX);
			ret = -EINVAL;
		} else if (!parse_one(word, &table[n++])) {
			pr_err("mdev-pci-generic: \"%s\" in ids is not VENDOR:DEVICE[:SUBVENDOR[:SUBDEVICE[:CLASS[:MASK]]]], in hexadecimal\n",
			       word);
			ret = -EINVAL;
		}
	}
	kfree(copy);
	return ret;
}

/**
 * generic_ids_match() - does the parameter name a PF of this kind?
 * @pf: the PF.
 *
 * Return: true if so.
 */
bool generic_ids_match(struct pci_dev *pf)
{
	return pci_match_id(table, pf);
}
