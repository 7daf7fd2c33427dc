/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of the migration region (v1): which accesses there are, and
 * what the device_state bits mean. Pure logic, as stream.h.
 */
#ifndef VFIO_PCI_ENGINE_V1_REGS_H
#define VFIO_PCI_ENGINE_V1_REGS_H

#include <linux/types.h>
#include <linux/vfio.h>

/* The data section begins on a page of any kernel, so that it can be mapped */
#define V1_DATA_OFFSET	0x10000
#define V1_DATA_SIZE	0x100000
#define V1_REGION_SIZE	(V1_DATA_OFFSET + V1_DATA_SIZE)

/**
 * enum v1_access - what an access to the region means
 * @V1_STATE: device_state
 * @V1_RESERVED: reads zero, ignores writes
 * @V1_PENDING: pending_bytes, read only
 * @V1_OFFSET: data_offset, read only
 * @V1_SIZE: data_size
 * @V1_DATA: the data section, any width
 */
enum v1_access {
	V1_STATE,
	V1_RESERVED,
	V1_PENDING,
	V1_OFFSET,
	V1_SIZE,
	V1_DATA,
};

int v1_decode(u64 pos, u64 count, bool write);
int v1_to_state(u32 device_state, bool *pre_copy);
u32 v1_from_state(enum vfio_device_mig_state state, bool pre_copy);

#endif /* VFIO_PCI_ENGINE_V1_REGS_H */
