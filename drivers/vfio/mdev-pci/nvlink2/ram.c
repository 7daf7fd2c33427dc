// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module parameter that describes GPU RAM of devices without a description
 * of their own.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "nvlink2.h"

static char ram[512];
module_param_string(ram, ram, sizeof(ram), 0644);
MODULE_PARM_DESC(ram, "GPU RAM that is described nowhere else: BDF=base/bytes[/target address], separated by commas. Wrong values crash the machine");

/* Parse the part of an entry that follows "BDF=" */
static int parse(const char *text, struct vfio_pci_nvlink2_desc *desc)
{
	char end;
	int n = sscanf(text, "%lli/%lli/%lli%c", &desc->base, &desc->size, &desc->tgt, &end);

	desc->role = VFIO_PCI_NVLINK2_GPU;
	desc->has_tgt = n == 3;
	return n == 2 || n == 3 ? 0 : -EINVAL;
}

static int describe_by(char *entries, struct pci_dev *pdev,
		       struct vfio_pci_nvlink2_desc *desc)
{
	const char *name = pci_name(pdev);
	size_t n = strlen(name);
	char *entry;

	while ((entry = strsep(&entries, ",\n"))) {
		if (!strncmp(entry, name, n) && entry[n] == '=')
			return parse(entry + n + 1, desc);
	}
	return -ENODEV;
}

static int nvlink2_describe(struct vfio_pci_fn *fn,
			    struct vfio_pci_nvlink2_desc *desc)
{
	char *copy;
	int ret;

	/*
	 * The parameter can be written meanwhile, so hold its lock to the end
	 */
	kernel_param_lock(THIS_MODULE);
	copy = kstrdup(ram, GFP_KERNEL);
	ret = copy ? describe_by(copy, fn->pdev, desc) : -ENOMEM;
	if (ret == -EINVAL)
		pci_err(fn->pdev, "the module's parameter \"ram\" is not BDF=base/bytes[/target address]: %s\n",
			ram);
	kernel_param_unlock(THIS_MODULE);
	kfree(copy);
	return ret;
}

const struct vfio_pci_nvlink2_ops nvlink2_ops = {
	.describe = nvlink2_describe,
};
