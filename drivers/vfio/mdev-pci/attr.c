// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes: values that firmware applies to a VF between "create" and its first user. The
 * vendor driver brings a table; files, ranges, errors and what a migration must know are here.
 */
#include <linux/crc32.h>
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "mdev-pci.h"

/* Others' entries in the directory of an mdev */
static const char * const taken_names[] = {
	"driver", "function", "iommu_group", "mdev_type", "migratable", "migration_state",
	"power", "remove", "subsystem", "uevent", "vfio-dev",
};

static bool name_is_valid(const char *name)
{
	const char *c;

	if (!name || !*name || strlen(name) > MDEV_PCI_ATTR_NAME_MAX)
		return false;
	for (c = name; *c; c++) {
		if (!islower(*c) && !isdigit(*c) && *c != '_')
			return false;
	}
	return match_string(taken_names, ARRAY_SIZE(taken_names), name) < 0;
}

static bool is_in_range(const struct mdev_pci_attr *attr, u64 value)
{
	return value >= attr->min && value <= attr->max &&
	       (!attr->power_of_2 || is_power_of_2(value));
}

static bool attr_is_valid(const struct mdev_pci_type *type, unsigned int i)
{
	const struct mdev_pci_attr *attr = &type->attrs[i];
	unsigned int other;

	for (other = 0; other < i; other++) {
		if (!strcmp(type->attrs[other].name, attr->name))
			return false;
	}
	return name_is_valid(attr->name) && attr->set && is_in_range(attr, attr->initial);
}

/**
 * mdev_pci_attrs_valid() - can the attributes of a type be files?
 * @type: the type
 *
 * Return: true if names, ranges and operations are complete.
 */
bool mdev_pci_attrs_valid(const struct mdev_pci_type *type)
{
	unsigned int i;

	if (type->nr_attrs > MDEV_PCI_ATTRS_MAX)
		return false;
	for (i = 0; i < type->nr_attrs; i++) {
		if (!attr_is_valid(type, i))
			return false;
	}
	return true;
}

/**
 * struct attr_file - an attribute's file in the directory of each mdev of a type
 * @dev_attr: for sysfs
 * @index: of the attribute in the type's table
 */
struct attr_file {
	struct device_attribute dev_attr;
	unsigned int index;
};

static const struct mdev_pci_attr *attr_of(const struct mdev_pci_instance *instance,
					   struct device_attribute *dev_attr, unsigned int *index)
{
	*index = container_of(dev_attr, struct attr_file, dev_attr)->index;
	return &instance->type->attrs[*index];
}

static ssize_t attr_show(struct device *dev, struct device_attribute *dev_attr, char *buf)
{
	struct mdev_pci_instance *instance = dev_get_drvdata(dev);
	struct mdev_pci_function *function = instance->function;
	unsigned int index;
	u64 value;

	attr_of(instance, dev_attr, &index);
	/* Not under fw_lock: who looks does not wait for firmware */
	value = READ_ONCE(function->values[index]);
	return sysfs_emit(buf, "%llu\n", value);
}

/* One line for each refusal, whoever may write so often */
static int refuse(const struct mdev_pci_instance *instance, const struct mdev_pci_attr *attr,
		  int err, const char *why)
{
	pci_err(instance->function->fn.pdev, "%s of mdev %s: %s (%pe)\n", attr->name,
		dev_name(&instance->mdev->dev), why, ERR_PTR(err));
	return err;
}

static int refuse_range(const struct mdev_pci_instance *instance,
			const struct mdev_pci_attr *attr, u64 value)
{
	pci_err(instance->function->fn.pdev,
		"%s of mdev %s: %llu is not allowed, %llu to %llu%s%s%s is (%pe)\n",
		attr->name, dev_name(&instance->mdev->dev), value, attr->min, attr->max,
		attr->unit ? " " : "", attr->unit ?: "",
		attr->power_of_2 ? ", a power of 2," : "", ERR_PTR(-ERANGE));
	return -ERANGE;
}

/* Firmware may have taken another value than it was given */
static int apply(struct mdev_pci_function *function, const struct mdev_pci_attr *attr,
		 unsigned int index, u64 value)
{
	int ret;

	ret = attr->set(&function->fn, attr, value);
	if (!ret && attr->get)
		ret = attr->get(&function->fn, attr, &value);
	if (!ret)
		WRITE_ONCE(function->values[index], value);
	return ret;
}

static int set_locked(struct mdev_pci_instance *instance, const struct mdev_pci_attr *attr,
		      unsigned int index, u64 value)
{
	struct mdev_pci_function *function = instance->function;
	int ret;

	lockdep_assert_held(&function->fw_lock);
	if (!function->enabled)
		return refuse(instance, attr, -ENODEV,
			      "the mdev has lost its VF and can only be removed");
	if (function->in_use)
		return refuse(instance, attr, -EBUSY,
			      "it is in use; stop the guest, or unplug the device");
	ret = apply(function, attr, index, value);
	if (ret)
		return refuse(instance, attr, ret, "firmware could not set it");
	return 0;
}

static ssize_t attr_store(struct device *dev, struct device_attribute *dev_attr, const char *buf,
			  size_t count)
{
	struct mdev_pci_instance *instance = dev_get_drvdata(dev);
	const struct mdev_pci_attr *attr;
	unsigned int index;
	u64 value;
	int ret;

	attr = attr_of(instance, dev_attr, &index);
	ret = kstrtou64(buf, 0, &value);
	if (ret == -ERANGE)
		value = U64_MAX;
	else if (ret)
		return refuse(instance, attr, -EINVAL, "what was written is not a number");
	if (ret || !is_in_range(attr, value))
		return refuse_range(instance, attr, value);

	mutex_lock(&instance->function->fw_lock);
	ret = set_locked(instance, attr, index, value);
	mutex_unlock(&instance->function->fw_lock);
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
 * mdev_pci_attrs_make() - files for the attributes of a type
 * @offer: the type
 *
 * Return: 0 or -ENOMEM; mdev_pci_attrs_unmake() in any case.
 */
int mdev_pci_attrs_make(struct mdev_pci_offer *offer)
{
	unsigned int i, n = offer->type->nr_attrs;
	struct attr_file *files;

	files = kcalloc(n, sizeof(*files), GFP_KERNEL);
	offer->group.attrs = kcalloc(n + 1, sizeof(*offer->group.attrs), GFP_KERNEL);
	offer->files = files;
	if (!files || !offer->group.attrs)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		make_file(&files[i], &offer->type->attrs[i], i);
		offer->group.attrs[i] = &files[i].dev_attr.attr;
	}
	return 0;
}

/**
 * mdev_pci_attrs_unmake() - the opposite
 * @offer: the type; no mdev of it exists
 */
void mdev_pci_attrs_unmake(struct mdev_pci_offer *offer)
{
	kfree(offer->group.attrs);
	kfree(offer->files);
}

/**
 * mdev_pci_attrs_initial() - firmware has enabled a function for a type
 * @function: the function
 * @type: the type
 *
 * Context: under mdev_pci_function.fw_lock.
 */
void mdev_pci_attrs_initial(struct mdev_pci_function *function, const struct mdev_pci_type *type)
{
	unsigned int i;

	lockdep_assert_held(&function->fw_lock);
	for (i = 0; i < type->nr_attrs; i++)
		WRITE_ONCE(function->values[i], type->attrs[i].initial);
}

/**
 * mdev_pci_attrs_again() - firmware has forgotten what was set
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

		if (function->values[i] != attr->initial)
			ret = attr->set(&function->fn, attr, function->values[i]);
	}
	return ret;
}

/*
 * Only what differs from the type's own values counts: a driver with more attributes than that
 * of the other host agrees with it as long as nobody uses them.
 */
static u32 sum_up(const struct mdev_pci_function *function, const struct mdev_pci_type *type)
{
	unsigned int i;
	u32 sum = 0;

	for (i = 0; i < type->nr_attrs; i++) {
		const struct mdev_pci_attr *attr = &type->attrs[i];
		__le64 value = cpu_to_le64(function->values[i]);

		if (!attr->guest_visible || function->values[i] == attr->initial)
			continue;
		sum = crc32_le(sum ?: ~0, attr->name, strlen(attr->name) + 1);
		sum = crc32_le(sum, (const u8 *)&value, sizeof(value));
	}
	return sum;
}

static u32 use_begin(struct vfio_pci_fn *fn)
{
	struct mdev_pci_function *function = container_of(fn, struct mdev_pci_function, fn);
	u32 setup = 0;

	mutex_lock(&function->fw_lock);
	function->in_use = true;
	if (function->enabled)
		setup = sum_up(function, function->enabled);
	mutex_unlock(&function->fw_lock);
	return setup;
}

static void use_end(struct vfio_pci_fn *fn)
{
	struct mdev_pci_function *function = container_of(fn, struct mdev_pci_function, fn);

	mutex_lock(&function->fw_lock);
	function->in_use = false;
	mutex_unlock(&function->fw_lock);
}

/* The number that stands for the set-up is documented in docs/migration-stream.rst */
const struct vfio_pci_use_ops mdev_pci_use_ops = {
	.begin = use_begin,
	.end = use_end,
};

/**
 * mdev_pci_attrs_describe() - the attributes, for the type's description
 * @type: the type
 * @buf: a page
 * @at: where to write in it
 *
 * Return: bytes written.
 */
int mdev_pci_attrs_describe(const struct mdev_pci_type *type, char *buf, int at)
{
	static const char only_equal[] = "; migrates only between equal ones";
	int begin = at;
	unsigned int i;

	for (i = 0; i < type->nr_attrs; i++) {
		const struct mdev_pci_attr *attr = &type->attrs[i];

		at += sysfs_emit_at(buf, at, "attribute %s: %llu to %llu%s%s%s, at first %llu%s\n",
				    attr->name, attr->min, attr->max, attr->unit ? " " : "",
				    attr->unit ?: "", attr->power_of_2 ? ", a power of 2" : "",
				    attr->initial, attr->guest_visible ? only_equal : "");
	}
	return at - begin;
}
