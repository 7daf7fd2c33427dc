// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of an mdev that migrates, for monitoring: a file in sysfs for each
 * (docs/ABI/testing/sysfs-bus-mdev-pci). The engine counts.
 */
#include <linux/sysfs.h>

#include "mdev-pci.h"

static void read_counters(struct device *dev,
			  struct vfio_pci_engine_counters *count)
{
	struct mdev_pci_instance *instance = dev_get_drvdata(dev);

	mutex_lock(&instance->lock);
	if (instance->edev)
		vfio_pci_engine_count(instance->edev, count);
	mutex_unlock(&instance->lock);
}

/*
 * struct dev_ext_attribute.var is the offset in struct vfio_pci_engine_counters
 */
static ssize_t counter_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	size_t offset =
		(size_t)container_of(attr, struct dev_ext_attribute, attr)->var;
	struct vfio_pci_engine_counters count = {};

	read_counters(dev, &count);
	return sysfs_emit(buf, "%llu\n", *(u64 *)((void *)&count + offset));
}

#define COUNTER(what)									\
static struct dev_ext_attribute counter_##what = {					\
	.attr.attr = { .name = #what, .mode = 0444 },					\
	.attr.show = counter_show,							\
	.var = (void *)offsetof(struct vfio_pci_engine_counters, what),			\
}

COUNTER(saved);
COUNTER(loaded);
COUNTER(failed);
COUNTER(errors);
COUNTER(resets);
COUNTER(bytes_saved);
COUNTER(bytes_loaded);
COUNTER(stopped_ns);

static ssize_t stopped_histogram_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	struct vfio_pci_engine_counters count = {};
	unsigned int i;
	int len = 0;

	read_counters(dev, &count);
	for (i = 0; i < ARRAY_SIZE(count.stopped); i++)
		len += sysfs_emit_at(buf, len, "%s%llu", i ? " " : "",
				     count.stopped[i]);
	return len + sysfs_emit_at(buf, len, "\n");
}
static DEVICE_ATTR_RO(stopped_histogram);

static struct attribute *counter_attrs[] = {
	&counter_saved.attr.attr,
	&counter_loaded.attr.attr,
	&counter_failed.attr.attr,
	&counter_errors.attr.attr,
	&counter_resets.attr.attr,
	&counter_bytes_saved.attr.attr,
	&counter_bytes_loaded.attr.attr,
	&counter_stopped_ns.attr.attr,
	&dev_attr_stopped_histogram.attr,
	NULL
};

/* A directory of mdevs that can migrate */
const struct attribute_group mdev_pci_counters_group = {
	.name = "migration",
	.attrs = counter_attrs,
};
