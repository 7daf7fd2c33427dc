// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of a VF, which the firmware command CONFIGURE sets before a guest
 * uses the VF.
 */
#include <linux/sizes.h>

#include "refdev.h"

static int refdev_attr_set(struct vfio_pci_fn *fn,
			   const struct mdev_pci_attr *attr, u64 value)
{
	struct refdev_cmd cmd = {
		.opcode = REFDEV_CONFIGURE,
		.function = fn->id,
		.arg = { attr->id, value },
	};

	return refdev_run(refdev_queue_of(fn), &cmd);
}

#define REFDEV_BANDWIDTH_ATTR {								\
	.name = "bandwidth", .unit = "MiB/s (0: no limit)",				\
	.id = REFDEV_CONFIGURE_BANDWIDTH, .max = SZ_1M, .set = refdev_attr_set,		\
}

static const struct mdev_pci_attr refdev_attrs[REFDEV_NR_TYPES][2] = {
	{
		/*
		 * The guest's driver reads this limit once, and must find it
		 * after a migration
		 */
		{
			.name = "max_copy",
			.unit = "bytes",
			.id = REFDEV_CONFIGURE_MAX_COPY,
			.min = SZ_4K,
			.max = SZ_1M,
			.default_value = SZ_1M,
			.power_of_2 = true,
			.guest_visible = true,
			.set = refdev_attr_set,
		},
		REFDEV_BANDWIDTH_ATTR,
	},
	{
		{
			.name = "max_copy",
			.unit = "bytes",
			.id = REFDEV_CONFIGURE_MAX_COPY,
			.min = SZ_4K,
			.max = SZ_64K,
			.default_value = SZ_64K,
			.power_of_2 = true,
			.guest_visible = true,
			.set = refdev_attr_set,
		},
		REFDEV_BANDWIDTH_ATTR,
	},
};

/**
 * refdev_make_types() - make the types of a PF, with the attributes of its
 *	firmware
 * @r: the PF; its queue has been started.
 *
 * Return: how many there are in @r now: those of VFs that firmware has profiles
 * for, and the PF.
 */
unsigned int refdev_make_types(struct refdev *r)
{
	bool configure =
		le32_to_cpu(r->queue.info.features) & REFDEV_FEATURE_CONFIGURE;
	unsigned int i, n = min_t(unsigned int, REFDEV_NR_TYPES,
				  le16_to_cpu(r->queue.info.profiles));

	memcpy(r->types, refdev_types, sizeof(refdev_types));
	for (i = 0; i < REFDEV_NR_TYPES && configure; i++) {
		r->types[i].attrs = refdev_attrs[i];
		r->types[i].nr_attrs = ARRAY_SIZE(refdev_attrs[i]);
	}
	refdev_vf_ctrl(r);
#ifdef REFDEV_PF_TYPE
	r->types[n++] = refdev_pf_type;
#endif
	return n;
}
