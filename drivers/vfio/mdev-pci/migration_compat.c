// SPDX-License-Identifier: GPL-2.0-only
/*
 * The values that source and destination must share, in one line that can be
 * compared before a migration: docs/ABI/testing/sysfs-bus-mdev-pci. By the same
 * values the engine refuses a stream.
 */
#include <linux/sysfs.h>

#include "mdev-pci.h"

static int emit_type(struct pci_dev *pf, const struct mdev_pci_type *type,
		     const struct vfio_pci_mig_caps *caps, char *buf, int at)
{
	return sysfs_emit_at(buf, at,
			     "type=%s-%s state=%u accepts=%s framed=%d precopy=%d max_state=%llu",
			     dev_driver_string(&pf->dev), type->name, caps->compat,
			     type->mig_ops->check_compat ? "driver" : "equal",
			     caps->framed, caps->precopy, caps->max_state);
}

static int emit_ids(const struct pci_dev *pdev, char *buf, int at)
{
	return sysfs_emit_at(buf, at, " device=%04x:%04x subsystem=%04x:%04x",
			     pdev->vendor, pdev->device, pdev->subsystem_vendor,
			     pdev->subsystem_device);
}

/**
 * mdev_pci_describe_compat() - write the values that all mdevs of a type share
 * @parent: the parent
 * @type: the type; it migrates
 * @buf: a page
 * @at: bytes in it
 *
 * PCI IDs are written only if there is a VF, since the PF has others.
 *
 * Return: bytes written.
 */
int mdev_pci_describe_compat(struct mdev_pci_parent *parent,
			     const struct mdev_pci_type *type, char *buf,
			     int at)
{
	const struct mdev_pci_function *vf;
	int n = sysfs_emit_at(buf, at, "migration_compat: ");

	n += emit_type(parent->pf, type, &parent->desc->mig_caps, buf, at + n);
	mutex_lock(&parent->lock);
	vf = list_first_entry_or_null(&parent->functions,
				      struct mdev_pci_function, node);
	if (vf)
		n += emit_ids(vf->fn.pdev, buf, at + n);
	mutex_unlock(&parent->lock);
	return n + sysfs_emit_at(buf, at + n, "\n");
}

static int emit_function(const struct mdev_pci_instance *instance, char *buf)
{
	const struct mdev_pci_function *function = instance->function;
	const struct mdev_pci_type *type = instance->type;
	int n = emit_type(function->fn.pf, type, &function->limits.mig_caps,
			  buf, 0);

	n += emit_ids(function->fn.pdev, buf, n);
	return n + sysfs_emit_at(buf, n, " setup=%08x%s\n", mdev_pci_attrs_setup(function, type),
				 instance->upstream ? " stream=upstream" : "");
}

/**
 * mdev_pci_show_compat() - show the mdev's attribute migration_compat
 * @instance: the mdev
 * @buf: a page
 *
 * Does not wait and sends no firmware command.
 *
 * Return: bytes written.
 */
int mdev_pci_show_compat(struct mdev_pci_instance *instance, char *buf)
{
	const struct mdev_pci_function *function;
	int n;

	mutex_lock(&instance->lock);
	function = instance->function;
	if (!instance->edev || !instance->type->mig_ops ||
	    function->limits.not_migratable)
		n = sysfs_emit(buf, "none\n");
	else
		n = emit_function(instance, buf);
	mutex_unlock(&instance->lock);
	return n;
}
