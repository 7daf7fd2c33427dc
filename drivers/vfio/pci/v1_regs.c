// SPDX-License-Identifier: GPL-2.0-only
/* The registers of the migration region (v1): see v1_regs.h. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/stddef.h>

#include "v1_regs.h"

#define AT(member) offsetof(struct vfio_device_migration_info, member)

static const struct v1_reg {
	u32 offset;
	u32 width;
	bool writable;
	enum v1_access access;
} v1_regs[] = {
	{ AT(device_state), sizeof(u32), true, V1_STATE },
	{ AT(reserved), sizeof(u32), true, V1_RESERVED },
	{ AT(pending_bytes), sizeof(u64), false, V1_PENDING },
	{ AT(data_offset), sizeof(u64), false, V1_OFFSET },
	{ AT(data_size), sizeof(u64), true, V1_SIZE },
};

/**
 * v1_decode() - decode an access to the migration region
 * @pos: offset in the region
 * @count: bytes
 * @write: it is a write
 *
 * Registers are accessed whole or not at all.
 *
 * Return: enum v1_access, or -EINVAL: there is no such access.
 */
int v1_decode(u64 pos, u64 count, bool write)
{
	unsigned int i;

	if (pos >= V1_DATA_OFFSET && pos < V1_REGION_SIZE &&
	    count <= V1_REGION_SIZE - pos)
		return V1_DATA;
	for (i = 0; i < ARRAY_SIZE(v1_regs); i++) {
		const struct v1_reg *reg = &v1_regs[i];

		if (pos != reg->offset || count != reg->width)
			continue;
		if (write && !reg->writable)
			return -EINVAL;
		return reg->access;
	}
	return -EINVAL;
}

/**
 * v1_to_state() - translate a device_state to a state
 * @device_state: what the user wrote
 * @pre_copy: receives whether the user also wants to read what is there already
 *
 * Return: enum vfio_device_mig_state, or -EINVAL: bits that are no state, or
 * that the user should have left as they were.
 */
int v1_to_state(u32 device_state, bool *pre_copy)
{
	*pre_copy = false;
	switch (device_state) {
	case VFIO_DEVICE_STATE_V1_STOP:
		return VFIO_DEVICE_STATE_STOP;
	case VFIO_DEVICE_STATE_V1_RUNNING:
		return VFIO_DEVICE_STATE_RUNNING;
	case VFIO_DEVICE_STATE_V1_SAVING:
		return VFIO_DEVICE_STATE_STOP_COPY;
	case VFIO_DEVICE_STATE_V1_SAVING | VFIO_DEVICE_STATE_V1_RUNNING:
		*pre_copy = true;
		return VFIO_DEVICE_STATE_RUNNING;
	case VFIO_DEVICE_STATE_V1_RESUMING:
		return VFIO_DEVICE_STATE_RESUMING;
	}
	return -EINVAL;
}

/**
 * v1_from_state() - translate a state to a device_state
 * @state: the state
 * @pre_copy: the user is in the pre-copy phase
 *
 * Return: VFIO_DEVICE_STATE_V1_* bits.
 */
u32 v1_from_state(enum vfio_device_mig_state state, bool pre_copy)
{
	switch (state) {
	case VFIO_DEVICE_STATE_STOP:
		return VFIO_DEVICE_STATE_V1_STOP;
	case VFIO_DEVICE_STATE_STOP_COPY:
		return VFIO_DEVICE_STATE_V1_SAVING;
	case VFIO_DEVICE_STATE_RESUMING:
		return VFIO_DEVICE_STATE_V1_RESUMING;
	case VFIO_DEVICE_STATE_RUNNING:
	case VFIO_DEVICE_STATE_RUNNING_P2P:
		return VFIO_DEVICE_STATE_V1_RUNNING |
		       (pre_copy ? VFIO_DEVICE_STATE_V1_SAVING : 0);
	default:
		return VFIO_DEVICE_STATE_V1_SAVING |
		       VFIO_DEVICE_STATE_V1_RESUMING;
	}
}
