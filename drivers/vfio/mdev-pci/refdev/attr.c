// SPDX-License-Identifier: GPL-2.0-only
/* What can be set on a VF before a guest gets it, by the firmware command CONFIGURE. */
#include <linux/sizes.h>

#include "refdev.h"

static int refdev_attr_set(struct vfio_pci_fn *fn, const struct mdev_pci_attr *attr, u64 value)
{
	struct refdev_cmd cmd = {
		.opcode = REFDEV_CONFIGURE, .function = fn->id, .arg = { attr->id, value },
	};

	return refdev_run(refdev_queue_of(fn), &cmd);
}

#define REFDEV_BANDWIDTH_ATTR {								\
	.name = "bandwidth", .unit = "MiB/s (0: no limit)",				\
	.id = REFDEV_CONFIGURE_BANDWIDTH, .max = SZ_1M, .set = refdev_attr_set,		\
}

/* The guest's driver asks the engine how much it copies at a time, and relies on it */
static const struct mdev_pci_attr refdev_dma_attrs[] = {
	{
		.name = "max_copy", .unit = "bytes", .id = REFDEV_CONFIGURE_MAX_COPY,
		.min = SZ_4K, .max = SZ_1M, .initial = SZ_1M, .power_of_2 = true,
		.guest_visible = true, .set = refdev_attr_set,
	},
	REFDEV_BANDWIDTH_ATTR,
};

static const struct mdev_pci_attr refdev_dma_lite_attrs[] = {
	{
		.name = "max_copy", .unit = "bytes", .id = REFDEV_CONFIGURE_MAX_COPY,
		.min = SZ_4K, .max = SZ_64K, .initial = SZ_64K, .power_of_2 = true,
		.guest_visible = true, .set = refdev_attr_set,
	},
	REFDEV_BANDWIDTH_ATTR,
};

/**
 * refdev_types_of() - the types of a PF, with attributes if its firmware has them
 * @r: the PF; its queue has been started.
 *
 * Return: REFDEV_NR_TYPES types, which live as long as @r.
 */
const struct mdev_pci_type *refdev_types_of(struct refdev *r)
{
	memcpy(r->types, refdev_types, sizeof(r->types));
	if (le32_to_cpu(r->queue.info.features) & REFDEV_FEATURE_CONFIGURE) {
		r->types[0].attrs = refdev_dma_attrs;
		r->types[0].nr_attrs = ARRAY_SIZE(refdev_dma_attrs);
		r->types[1].attrs = refdev_dma_lite_attrs;
		r->types[1].nr_attrs = ARRAY_SIZE(refdev_dma_lite_attrs);
	}
	refdev_resident(r);
	return r->types;
}
