/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine: GPU RAM and ATSD registers behind NVLink2, which no BAR holds.
 *
 * A GPU has RAM in the host's address space. An NPU2 bridge has a page of
 * registers that invalidate translations of the GPU. Users get each as a region
 * of the VFIO device, with the types and capabilities of
 * include/uapi/linux/vfio.h.
 */
#ifndef _LINUX_VFIO_PCI_NVLINK2_H
#define _LINUX_VFIO_PCI_NVLINK2_H

#include <linux/bits.h>
#include <linux/types.h>

struct pci_dev;
struct vfio_pci_fn;

/**
 * enum vfio_pci_nvlink2_role - which end of a link a function is
 * @VFIO_PCI_NVLINK2_GPU: the GPU; it has RAM
 * @VFIO_PCI_NVLINK2_LINK: the bridge; it has ATSD registers and a speed
 */
enum vfio_pci_nvlink2_role {
	VFIO_PCI_NVLINK2_GPU = 1,
	VFIO_PCI_NVLINK2_LINK = 2,
};

/**
 * enum vfio_pci_nvlink2_cache - how CPUs may map a GPU's RAM
 * @VFIO_PCI_NVLINK2_WB: cached, the link keeps caches coherent
 * @VFIO_PCI_NVLINK2_WC: write-combining
 * @VFIO_PCI_NVLINK2_UC: uncached
 */
enum vfio_pci_nvlink2_cache {
	VFIO_PCI_NVLINK2_WB,
	VFIO_PCI_NVLINK2_WC,
	VFIO_PCI_NVLINK2_UC,
};

/* A region's offset has 40 bits below its index */
#define VFIO_PCI_NVLINK2_SIZE_MAX	BIT_ULL(40)
#define VFIO_PCI_NVLINK2_READY_MS_MAX	60000

/**
 * struct vfio_pci_nvlink2_desc - a GPU or bridge
 * @role: which end it is.
 * @cache: GPU: how its RAM is mapped.
 * @base: GPU: where its RAM is, a host physical address of whole pages.
 * @size: GPU: bytes of it, whole pages, at most VFIO_PCI_NVLINK2_SIZE_MAX.
 * @tgt: compressed address of the RAM, equal for a GPU and its bridges.
 * @atsd: bridge: physical address of the page of ATSD registers.
 * @link_speed: bridge: as the GPU's driver wants it.
 * @ready_ms: DVSEC: how long the GPU may need after a reset until its RAM
 *	answers; at most VFIO_PCI_NVLINK2_READY_MS_MAX.
 * @has_tgt: @tgt is known.
 * @has_atsd: bridge: it has such registers.
 */
struct vfio_pci_nvlink2_desc {
	enum vfio_pci_nvlink2_role role;
	enum vfio_pci_nvlink2_cache cache;
	u64 base;
	u64 size;
	u64 tgt;
	u64 atsd;
	u32 link_speed;
	u32 ready_ms;
	bool has_tgt;
	bool has_atsd;
};

/**
 * struct vfio_pci_nvlink2_ops - a vendor driver's description, instead of
 *	firmware tables
 *
 * @describe: optional: fill in @desc, which is zero. -ENODEV: the engine reads
 *	the tables; any other errno fails the open of the device, log the
 *	reason. The engine checks @desc. Process context.
 */
struct vfio_pci_nvlink2_ops {
	int (*describe)(struct vfio_pci_fn *fn,
			struct vfio_pci_nvlink2_desc *desc);
};

/**
 * vfio_pci_nvlink2_describe() - describe a function's memory behind NVLink2
 * @fn: the function
 * @ops: operations of the vendor driver, or NULL
 * @desc: receives the description
 *
 * For vendor drivers that show which functions belong together. The engine asks
 * anew when the device is opened.
 *
 * Context: process context; sleeps.
 * Return: 0; -ENODEV: there is none, or others, with a line in the log: it is
 * malformed.
 */
int vfio_pci_nvlink2_describe(struct vfio_pci_fn *fn,
			      const struct vfio_pci_nvlink2_ops *ops,
			      struct vfio_pci_nvlink2_desc *desc);

#endif /* _LINUX_VFIO_PCI_NVLINK2_H */
