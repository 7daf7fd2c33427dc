// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks the descriptions of parents. Each error has its own log line, since
 * its reader has most likely just written the table.
 */
#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/etherdevice.h>

#include "mdev-pci.h"

/* Names that other entries in an mdev's directory have */
static const char * const taken_names[] = {
	"driver", "function", "iommu_group", "mdev_type", "migratable", "migration_compat",
	"migration_state", "not_migratable", "power", "remove", "subsystem", "uevent", "vfio-dev",
};

/* This function and those below return what is wrong in words, or NULL */
static const char *validate_length(const char *name, size_t max)
{
	if (!name || !*name)
		return "has no name";
	return strlen(name) > max ? "has too long a name" : NULL;
}

static const char *validate_attr_name(const struct mdev_pci_type *type,
				      unsigned int i)
{
	const char *name = type->attrs[i].name;
	const char *why = validate_length(name, MDEV_PCI_ATTR_NAME_MAX);
	const char *c;

	if (why)
		return why;
	for (c = name; *c; c++) {
		if (!islower(*c) && !isdigit(*c) && *c != '_')
			return "has a character in its name that is not a to z, a digit or _";
	}
	if (match_string(taken_names, ARRAY_SIZE(taken_names), name) >= 0)
		return "has a name that the directory of an mdev already has";
	while (i--) {
		if (!strcmp(type->attrs[i].name, name))
			return "has the same name as another one";
	}
	return NULL;
}

static const char *validate_attr(const struct mdev_pci_attr *attr)
{
	u64 mac_max = GENMASK_ULL(ETH_ALEN * BITS_PER_BYTE - 1, 0);

	if (!attr->set)
		return "lacks the operation set";
	if (attr->format == MDEV_PCI_ATTR_MAC &&
	    (attr->max > mac_max || attr->power_of_2))
		return "is a MAC address with a range that is not one of MAC addresses";
	if (attr->from_hw && !attr->get)
		return "sets from_hw without the operation get";
	if (attr->from_hw && attr->guest_visible)
		return "sets both from_hw and guest_visible";
	if (!attr->from_hw &&
	    !mdev_pci_attr_in_range(attr, attr->default_value))
		return "has a default_value out of its range";
	return NULL;
}

static const char *validate_type_name(const struct mdev_pci_parent_desc *desc,
				      unsigned int i)
{
	const char *name = desc->types[i].name;
	const char *why = validate_length(name, MDEV_PCI_TYPE_NAME_MAX);
	const char *c;

	if (why)
		return why;
	for (c = name; *c; c++) {
		if (!isascii(*c) || !isgraph(*c) || *c == '/')
			return "has a character in its name that is blank, / or not ASCII";
	}
	while (i--) {
		if (!strcmp(desc->types[i].name, name))
			return "has the same name as another one";
	}
	return NULL;
}

static bool driver_has_handlers(const struct pci_dev *pf)
{
	return pf->dev.driver &&
	       to_pci_driver(pf->dev.driver)->err_handler == &mdev_pci_err_handlers;
}

/* Firmware's operations use the PF, which the driver has released then */
static const char *validate_pf_type(const struct pci_dev *pf,
				    const struct mdev_pci_parent_desc *desc,
				    const struct mdev_pci_type *type)
{
	if (!type->pf_ops->quiesce || !type->pf_ops->resume)
		return "has pf_ops without quiesce or resume";
	if (type->mig_ops || type->log_ops || type->hidden_range ||
	    type->nr_attrs)
		return "has pf_ops with mig_ops, log_ops, hidden_range or attributes";
	if (desc->external_pf_driver)
		return "has pf_ops with external_pf_driver";
	if (!driver_has_handlers(pf))
		return "has pf_ops, but err_handler is not mdev_pci_err_handlers";
	return NULL;
}

static const char *validate_engine(const struct mdev_pci_parent_desc *desc,
				   const struct mdev_pci_type *type)
{
	struct vfio_pci_engine_desc engine = {
		.type = type->name,
		.mig_ops = type->mig_ops,
		.mig_caps = &desc->mig_caps,
		.log_ops = type->log_ops,
		.log_caps = &desc->log_caps,
	};

	return vfio_pci_engine_validate(&engine);
}

static const char *validate_type(const struct pci_dev *pf,
				 const struct mdev_pci_parent_desc *desc,
				 unsigned int i, bool function_only)
{
	const struct mdev_pci_type *type = &desc->types[i];
	const char *why = validate_type_name(desc, i);

	if (why)
		return why;
	if (type->nr_attrs > MDEV_PCI_ATTRS_MAX)
		return "has too many attributes";
	if (type->nr_attrs && !type->attrs)
		return "has nr_attrs but no attrs";
	if (!type->pf_ops)
		return validate_engine(desc, type);
	return function_only ? "has pf_ops, but is registered by mdev_pci_register_function()" :
		       validate_pf_type(pf, desc, type);
}

/* A driver in the kernel's image has no module */
static bool owner_is_missing(const struct pci_dev *pf,
			     const struct mdev_pci_parent_desc *desc)
{
	return !desc->owner && !desc->external_pf_driver && pf->dev.driver &&
	       pf->dev.driver->owner;
}

static const char *validate_parent(const struct pci_dev *pf,
				   const struct mdev_pci_parent_desc *desc,
				   bool function_only)
{
	if (owner_is_missing(pf, desc))
		return "owner is missing, set it to THIS_MODULE";
	if (!desc->model)
		return "model is missing";
	if (!desc->types || !desc->nr_types)
		return "types or nr_types is missing";
	if (desc->nr_types > MDEV_PCI_TYPES_MAX)
		return "nr_types is too large";
	if (desc->num_vfs && (desc->external_pf_driver || function_only))
		return "num_vfs is set, but this driver does not create VFs";
	return NULL;
}

static int check_type(struct pci_dev *pf,
		      const struct mdev_pci_parent_desc *desc, unsigned int t,
		      bool function_only)
{
	const struct mdev_pci_type *type = &desc->types[t];
	const char *why = validate_type(pf, desc, t, function_only);
	unsigned int i;

	if (why) {
		pci_err(pf, "can't be an mdev parent: type %u (%.40s) %s\n", t, type->name, why);
		return -EINVAL;
	}
	for (i = 0; i < type->nr_attrs; i++) {
		why = validate_attr_name(type, i) ?:
			      validate_attr(&type->attrs[i]);
		if (!why)
			continue;
		pci_err(pf, "can't be an mdev parent: attribute %u (%.32s) of type %s %s\n", i,
			type->attrs[i].name, type->name, why);
		return -EINVAL;
	}
	return 0;
}

/**
 * mdev_pci_desc_check() - check the description of a parent
 * @pf: the PF, or the function that is its own parent; its driver stays
 * @desc: the vendor module's description
 * @function_only: the parent offers itself only
 *
 * Return: 0; -EINVAL: it is invalid, which was logged.
 */
int mdev_pci_desc_check(struct pci_dev *pf,
			const struct mdev_pci_parent_desc *desc,
			bool function_only)
{
	const char *why = validate_parent(pf, desc, function_only);
	unsigned int i;
	int ret = 0;

	if (why) {
		pci_err(pf, "can't be an mdev parent: %s\n", why);
		return -EINVAL;
	}
	for (i = 0; i < desc->nr_types && !ret; i++)
		ret = check_type(pf, desc, i, function_only);
	return ret;
}

/**
 * mdev_pci_interface_check() - compare the vendor module's interface number
 * @interface: VFIO_PCI_ENGINE_INTERFACE of the vendor module
 * @module: its name, for the log
 *
 * Call it before reading the module's descriptions, which may have another
 * layout.
 *
 * Return: 0; -ENOEXEC: it differs, which was logged.
 */
int mdev_pci_interface_check(u32 interface, const char *module)
{
	if (interface == VFIO_PCI_ENGINE_INTERFACE)
		return 0;
	pr_err("mdev-pci: module %s is built against interface %u, this mdev-pci has %u; build it again with the headers of this one\n",
	       module, interface, VFIO_PCI_ENGINE_INTERFACE);
	return -ENOEXEC;
}
