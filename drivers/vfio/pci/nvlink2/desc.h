/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptions of GPU RAM and ATSD registers: how they stand in a DVSEC, and
 * what makes one unusable. Pure logic, as stream.h.
 */
#ifndef VFIO_PCI_ENGINE_NVLINK2_DESC_H
#define VFIO_PCI_ENGINE_NVLINK2_DESC_H

#include <linux/types.h>
#include <linux/vfio_pci_nvlink2.h>

/* The DVSEC: docs/nvlink2.rst. Offsets are those of the capability */
#define NVLINK2_DVSEC_ID		0x4e32
#define NVLINK2_DVSEC_BYTES		0x40
#define NVLINK2_DVSEC_REVISION		1
#define NVLINK2_DVSEC_SIGNATURE		0x324c564e	/* "NVL2" */

#define NVLINK2_DVSEC_AT_HEADER1	0x04
#define NVLINK2_DVSEC_AT_HEADER2	0x08
#define NVLINK2_DVSEC_AT_SIGNATURE	0x0c
#define NVLINK2_DVSEC_AT_STATUS		0x10
#define NVLINK2_DVSEC_AT_READY_MS	0x14
#define NVLINK2_DVSEC_AT_BASE		0x18
#define NVLINK2_DVSEC_AT_SIZE		0x20
#define NVLINK2_DVSEC_AT_TGT		0x28
#define NVLINK2_DVSEC_AT_ATSD		0x30
#define NVLINK2_DVSEC_AT_SPEED		0x38

/* The upper half of header 2 */
#define NVLINK2_DVSEC_ROLE		0x0003
#define NVLINK2_DVSEC_CACHE		0x000c
#define NVLINK2_DVSEC_CACHE_SHIFT	2
#define NVLINK2_DVSEC_HAS_TGT		0x0010
#define NVLINK2_DVSEC_HAS_ATSD		0x0020
#define NVLINK2_DVSEC_HAS_READY		0x0040
#define NVLINK2_DVSEC_FLAGS		0x007f

#define NVLINK2_DVSEC_STATUS_READY	0x00000001

/**
 * struct nvlink2_dvsec - the capability's bytes
 * @dw: its dwords, from the extended capability header on
 */
struct nvlink2_dvsec {
	u32 dw[NVLINK2_DVSEC_BYTES / 4];
};

bool nvlink2_dvsec_is_ours(const struct nvlink2_dvsec *dvsec);
int nvlink2_parse_dvsec(const struct nvlink2_dvsec *dvsec,
			struct vfio_pci_nvlink2_desc *desc, bool *has_ready,
			const char **why);
int nvlink2_parse_properties(const u64 *base, const u64 *size,
			     struct vfio_pci_nvlink2_desc *desc,
			     const char **why);
int nvlink2_check(const struct vfio_pci_nvlink2_desc *desc, u64 page,
		  const char **why);
int nvlink2_clip(u64 pos, u64 count, u64 size, u64 *clipped);
bool nvlink2_atsd_access(u64 pos, u64 count);
bool nvlink2_mmap_fits(u64 pgoff, u64 pages, u64 size, u64 page);

#endif /* VFIO_PCI_ENGINE_NVLINK2_DESC_H */
