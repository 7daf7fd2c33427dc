// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes: values that firmware, or the PF's driver, applies to a VF between
 * "create" and its first user. The vendor module has a table of them; this file
 * has the sysfs files, the range checks, the errors and the number that
 * migration compares.
 */
#include <linux/bitops.h>
#include <linux/crc32.h>
#include <linux/etherdevice.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "../pci/compat.h"
#include "mdev-pci.h"

/**
 * mdev_pci_attr_in_range() - check a value against an attribute's range
 * @attr: the attribute
 * @value: the value
 *
 * Return: true if so.
 */
bool mdev_pci_attr_in_range(const struct mdev_pci_attr *attr, u64 value)
{
	return value >= attr->min && value <= attr->max &&
	       (!attr->power_of_2 || hweight64(value) == 1);
}

/**
 * struct attr_file - an attribute's file in the directory of each mdev of a
 *	type
 * @dev_attr: for sysfs
 * @index: of the attribute in the type's table
 */
struct attr_file {
	struct device_attribute dev_attr;
	unsigned int index;
};

static const struct mdev_pci_attr *
attr_of(const struct mdev_pci_instance *instance,
	struct device_attribute *dev_attr, unsigned int *index)
{
	*index = container_of(dev_attr, struct attr_file, dev_attr)->index;
	return &instance->type->attrs[*index];
}

static ssize_t attr_show(struct device *dev, struct device_attribute *dev_attr,
			 char *buf)
{
	struct mdev_pci_instance *instance = dev_get_drvdata(dev);
	struct mdev_pci_function *function =
		mdev_pci_instance_function(instance);
	const struct mdev_pci_attr *attr;
	u8 mac[ETH_ALEN];
	unsigned int index;
	u64 value;

	attr = attr_of(instance, dev_attr, &index);
	/* Readers do not wait for firmware, so this is not under fw_lock */
	value = READ_ONCE(function->values[index]);
	mdev_pci_function_put(function);
	if (attr->mask)
		value &= attr->mask;
	if (attr->format != MDEV_PCI_ATTR_MAC)
		return sysfs_emit(buf, "%llu\n", value);
	u64_to_ether_addr(value, mac);
	return sysfs_emit(buf, "%pM\n", mac);
}

/* One line for each refusal: only root can write */
static int refuse(const struct mdev_pci_instance *instance,
		  const struct mdev_pci_attr *attr, int err, const char *why)
{
	pci_err(instance->function->fn.pdev, "%s of mdev %s: %s (%pe)\n", attr->name,
		dev_name(&instance->mdev->dev), why, ERR_PTR(err));
	return err;
}

static int refuse_range(const struct mdev_pci_instance *instance,
			const struct mdev_pci_attr *attr, u64 value)
{
	pci_err(instance->function->fn.pdev,
		"%s of mdev %s: %llu is out of range: must be %s%llu to %llu%s%s (%pe)\n",
		attr->name, dev_name(&instance->mdev->dev), value,
		attr->power_of_2 ? "a power of 2 from " : "", attr->min, attr->max,
		attr->unit ? " " : "", attr->unit ?: "", ERR_PTR(-ERANGE));
	return -ERANGE;
}

static int vendor_set(struct mdev_pci_function *function,
		      const struct mdev_pci_attr *attr, u64 value)
{
	lockdep_assert_held(&function->fw_lock);
	return vfio_pci_engine_result(&function->fn.pdev->dev, "set of an attribute",
				      attr->set(&function->fn, attr, value));
}

static int vendor_get(struct mdev_pci_function *function,
		      const struct mdev_pci_attr *attr, u64 *value)
{
	lockdep_assert_held(&function->fw_lock);
	return vfio_pci_engine_result(&function->fn.pdev->dev, "get of an attribute",
				      attr->get(&function->fn, attr, value));
}

/* Firmware may have applied another value */
static int apply(struct mdev_pci_function *function,
		 const struct mdev_pci_attr *attr, unsigned int index,
		 u64 value)
{
	int ret;

	lockdep_assert_held(&function->fw_lock);
	ret = vendor_set(function, attr, value);
	if (!ret)
		__set_bit(index, &function->written);
	if (!ret && attr->get)
		ret = vendor_get(function, attr, &value);
	if (!ret)
		WRITE_ONCE(function->values[index], value);
	return ret;
}

static int set_locked(struct mdev_pci_instance *instance,
		      struct mdev_pci_function *function,
		      const struct mdev_pci_attr *attr, unsigned int index,
		      u64 value)
{
	int ret;

	lockdep_assert_held(&function->fw_lock);
	if (!function->enabled || function->suspended)
		return refuse(instance, attr, -ENODEV,
			      "the mdev has lost its VF; remove the mdev");
	if (function->in_use)
		return refuse(instance, attr, -EBUSY,
			      "it is in use; stop the guest, or unplug the device");
	ret = apply(function, attr, index, value);
	if (ret)
		return refuse(instance, attr, ret, "firmware could not set it");
	return 0;
}

static int parse_number(const struct mdev_pci_instance *instance,
			const struct mdev_pci_attr *attr, const char *buf,
			u64 *value)
{
	int ret = kstrtou64(buf, 0, value);

	if (ret == -ERANGE)
		return refuse_range(instance, attr, U64_MAX);
	if (ret)
		return refuse(instance, attr, -EINVAL, "not a number");
	return mdev_pci_attr_in_range(attr, *value) ? 0 : refuse_range(instance, attr, *value);
}

static int parse_mac(const struct mdev_pci_instance *instance,
		     const struct mdev_pci_attr *attr, const char *buf,
		     u64 *value)
{
	const char *end = buf + strnlen(buf, 3 * ETH_ALEN - 1);
	u8 mac[ETH_ALEN];

	if (!mac_pton(buf, mac) || !sysfs_streq(end, ""))
		return refuse(instance, attr, -EINVAL,
			      "not a MAC address such as 52:54:00:12:34:56");
	if (is_multicast_ether_addr(mac))
		return refuse(instance, attr, -EADDRNOTAVAIL,
			      "this is a multicast address; the second digit must be even");
	*value = ether_addr_to_u64(mac);
	return mdev_pci_attr_in_range(attr, *value) ? 0 :
	       refuse(instance, attr, -ERANGE, "this address is out of range");
}

static ssize_t attr_store(struct device *dev, struct device_attribute *dev_attr,
			  const char *buf, size_t count)
{
	struct mdev_pci_instance *instance = dev_get_drvdata(dev);
	struct mdev_pci_function *function;
	const struct mdev_pci_attr *attr;
	unsigned int index;
	u64 value;
	int ret;

	attr = attr_of(instance, dev_attr, &index);
	if (attr->format == MDEV_PCI_ATTR_MAC)
		ret = parse_mac(instance, attr, buf, &value);
	else
		ret = parse_number(instance, attr, buf, &value);
	if (ret)
		return ret;

	/* The mdev does not move meanwhile */
	mutex_lock(&instance->move_lock);
	function = instance->function;
	mutex_lock(&function->fw_lock);
	ret = set_locked(instance, function, attr, index, value);
	mutex_unlock(&function->fw_lock);
	mutex_unlock(&instance->move_lock);
	return ret ?: count;
}

static void make_file(struct attr_file *file, const struct mdev_pci_attr *attr,
		      unsigned int index)
{
	sysfs_attr_init(&file->dev_attr.attr);
	file->dev_attr.attr.name = attr->name;
	file->dev_attr.attr.mode = 0644;
	file->dev_attr.show = attr_show;
	file->dev_attr.store = attr_store;
	file->index = index;
}

/**
 * mdev_pci_attrs_make() - create files for the attributes of a type that a
 *	parent has
 * @entry: the type
 * @pf: the parent
 *
 * Return: 0 or -ENOMEM; mdev_pci_attrs_unmake() in any case.
 */
int mdev_pci_attrs_make(struct mdev_pci_type_entry *entry, struct pci_dev *pf)
{
	unsigned int i, files_made = 0, n = entry->type->nr_attrs;
	struct attr_file *files;

	files = kcalloc(n, sizeof(*files), GFP_KERNEL);
	entry->group.attrs =
		kcalloc(n + 1, sizeof(*entry->group.attrs), GFP_KERNEL);
	entry->files = files;
	if (!files || !entry->group.attrs)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const struct mdev_pci_attr *attr = &entry->type->attrs[i];

		if (attr->is_visible && !attr->is_visible(pf, attr))
			continue;
		__set_bit(i, &entry->visible);
		make_file(&files[i], attr, i);
		entry->group.attrs[files_made++] = &files[i].dev_attr.attr;
	}
	return 0;
}

/**
 * mdev_pci_attrs_unmake() - undo mdev_pci_attrs_make()
 * @entry: the type; no mdev of it exists
 */
void mdev_pci_attrs_unmake(struct mdev_pci_type_entry *entry)
{
	kfree(entry->group.attrs);
	kfree(entry->files);
}

static bool is_visible(const struct mdev_pci_function *function,
		       const struct mdev_pci_type *type, unsigned int i)
{
	const struct mdev_pci_parent *parent = function->parent;

	return test_bit(i, &parent->type_entries[type - parent->desc->types].visible);
}

static int read_from_hw(struct mdev_pci_function *function,
			const struct mdev_pci_attr *attr, u64 *value)
{
	int ret;

	lockdep_assert_held(&function->fw_lock);
	ret = vendor_get(function, attr, value);
	if (ret)
		pci_err(function->fn.pdev, "%s could not be read (%pe); the mdev is refused\n",
			attr->name, ERR_PTR(ret));
	return ret;
}

/**
 * mdev_pci_attrs_default() - store the initial values of a function that was
 *	enabled
 * @function: the function
 * @type: the type
 *
 * Context: under mdev_pci_function.fw_lock.
 * Return: 0 or the vendor driver's errno.
 */
int mdev_pci_attrs_default(struct mdev_pci_function *function,
			   const struct mdev_pci_type *type)
{
	unsigned int i;
	int ret;

	lockdep_assert_held(&function->fw_lock);
	function->written = 0;
	for (i = 0; i < type->nr_attrs; i++) {
		const struct mdev_pci_attr *attr = &type->attrs[i];
		u64 value = attr->default_value;

		if (attr->from_hw && is_visible(function, type, i)) {
			ret = read_from_hw(function, attr, &value);
			if (ret)
				return ret;
		}
		function->before[i] = value;
		WRITE_ONCE(function->values[i], value);
	}
	return 0;
}

/**
 * mdev_pci_attrs_forget() - set attributes of from_hw back when an mdev is
 *	removed
 * @function: the function; firmware is about to disable it
 *
 * Disabling the function resets the others.
 *
 * Context: under mdev_pci_function.fw_lock.
 */
void mdev_pci_attrs_forget(struct mdev_pci_function *function)
{
	const struct mdev_pci_type *type = function->enabled;
	unsigned int i;
	int ret;

	lockdep_assert_held(&function->fw_lock);
	for_each_set_bit(i, &function->written, type->nr_attrs) {
		const struct mdev_pci_attr *attr = &type->attrs[i];

		if (!attr->from_hw)
			continue;
		ret = vendor_set(function, attr, function->before[i]);
		if (ret)
			pci_err(function->fn.pdev,
				"%s could not be set back (%pe); set it by hand before others use the VF\n",
				attr->name, ERR_PTR(ret));
	}
	function->written = 0;
}

/**
 * mdev_pci_attrs_keep() - save written attributes before an mdev moves
 * @function: the function that it leaves
 * @kept: set to that
 *
 * Context: under mdev_pci_instance.move_lock, so nothing is written meanwhile.
 */
void mdev_pci_attrs_keep(const struct mdev_pci_function *function,
			 struct mdev_pci_values *kept)
{
	memcpy(kept->values, function->values, sizeof(kept->values));
	kept->written = function->written;
}

/**
 * mdev_pci_attrs_apply() - set an mdev's attributes at the VF that it moves to
 * @function: the function; firmware has enabled it
 * @type: the type
 * @kept: what was written
 *
 * Context: under mdev_pci_function.fw_lock.
 * Return: 0 or the vendor driver's errno.
 */
int mdev_pci_attrs_apply(struct mdev_pci_function *function,
			 const struct mdev_pci_type *type,
			 const struct mdev_pci_values *kept)
{
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&function->fw_lock);
	for_each_set_bit(i, &kept->written, type->nr_attrs) {
		ret = apply(function, &type->attrs[i], i, kept->values[i]);
		if (ret)
			break;
	}
	return ret;
}

/* Must firmware get the attribute again? */
static bool is_changed(const struct mdev_pci_function *function,
		       const struct mdev_pci_attr *attr, unsigned int i)
{
	lockdep_assert_held(&function->fw_lock);
	return attr->from_hw ? test_bit(i, &function->written) :
	       function->values[i] != attr->default_value;
}

/**
 * mdev_pci_attrs_again() - set attributes again after firmware has lost them
 * @function: the function; firmware has enabled it again
 *
 * Context: under mdev_pci_function.fw_lock.
 * Return: 0 or the vendor driver's errno.
 */
int mdev_pci_attrs_again(struct mdev_pci_function *function)
{
	const struct mdev_pci_type *type = function->enabled;
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&function->fw_lock);
	for (i = 0; i < type->nr_attrs && !ret; i++) {
		const struct mdev_pci_attr *attr = &type->attrs[i];

		if (is_changed(function, attr, i))
			ret = vendor_set(function, attr, function->values[i]);
	}
	return ret;
}

/**
 * mdev_pci_attrs_setup() - compute the number by which migration compares
 *	attributes
 * @function: the function
 * @type: the type that it is enabled for
 *
 * Only values that differ from the type's own count: hosts whose drivers have
 * different attributes agree as long as the additional ones are not set.
 *
 * Return: the number; 0: nothing differs.
 */
u32 mdev_pci_attrs_setup(const struct mdev_pci_function *function,
			 const struct mdev_pci_type *type)
{
	unsigned int i;
	u32 sum = 0;

	for (i = 0; i < type->nr_attrs; i++) {
		const struct mdev_pci_attr *attr = &type->attrs[i];
		u64 value = READ_ONCE(function->values[i]);
		__le64 bytes = cpu_to_le64(value);

		if (!attr->guest_visible || value == attr->default_value)
			continue;
		sum = crc32_le(sum ?: ~0, attr->name, strlen(attr->name) + 1);
		sum = crc32_le(sum, (const u8 *)&bytes, sizeof(bytes));
	}
	return sum;
}

static int use_open(struct vfio_pci_fn *fn, u32 *setup)
{
	struct mdev_pci_function *function =
		container_of(fn, struct mdev_pci_function, fn);
	int ret = 0;

	mutex_lock(&function->fw_lock);
	if (function->suspended) {
		pci_err(fn->pdev, "the mdev has lost its VF in system sleep; remove the mdev\n");
		ret = -ENODEV;
	} else if (!function->shown) {
		/* The mdev is being created, removed, or moves to another VF */
		ret = -EAGAIN;
	} else {
		function->in_use = true;
		*setup = mdev_pci_attrs_setup(function, function->enabled);
	}
	mutex_unlock(&function->fw_lock);
	return ret;
}

static void use_close(struct vfio_pci_fn *fn)
{
	struct mdev_pci_function *function =
		container_of(fn, struct mdev_pci_function, fn);

	mutex_lock(&function->fw_lock);
	function->in_use = false;
	mutex_unlock(&function->fw_lock);
}

/* docs/migration-stream.rst documents this number */
const struct vfio_pci_use_ops mdev_pci_use_ops = {
	.open = use_open,
	.close = use_close,
};

static int show_attr(const struct mdev_pci_attr *attr, char *buf, int at)
{
	int begin = at;

	if (attr->format == MDEV_PCI_ATTR_MAC)
		at += sysfs_emit_at(buf, at, "attribute %s: a MAC address", attr->name);
	else
		at += sysfs_emit_at(buf, at, "attribute %s: %llu to %llu%s%s%s", attr->name,
				    attr->min, attr->max, attr->unit ? " " : "",
				    attr->unit ?: "", attr->power_of_2 ? ", a power of 2" : "");
	if (attr->from_hw)
		at += sysfs_emit_at(buf, at, ", at first as the host has it");
	else
		at += sysfs_emit_at(buf, at, ", at first %llu", attr->default_value);
	at += sysfs_emit_at(buf, at, "%s\n", attr->guest_visible ?
			    "; migrates only between equal ones" : "");
	return at - begin;
}

/**
 * mdev_pci_attrs_show() - write the attributes' lines of a type's description
 * @entry: the type
 * @buf: a page
 * @at: where to write in it
 *
 * Return: bytes written.
 */
int mdev_pci_attrs_show(const struct mdev_pci_type_entry *entry, char *buf,
			int at)
{
	int begin = at;
	unsigned int i;

	for_each_set_bit(i, &entry->visible, entry->type->nr_attrs)
		at += show_attr(&entry->type->attrs[i], buf, at);
	return at - begin;
}
