/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GPU RAM and ATSD registers as regions of an open device: what its files
 * share.
 *
 * Lock order, outermost first:
 *
 *	mmap_lock of a process			by mmap() and page faults
 *	vfio_pci_core_device.memory_lock	a reset by the user writes it,
 *						accesses read it
 *	nvlink2.lock				all of struct nvlink2;
 *						a reset by anyone writes it
 *
 * power.c's left_lock, and the lock of POWER's IOMMU code, are inside of all of
 * them. The function that the kernel calls for a mapping when the RAM has an
 * error takes none of them: it must not sleep.
 *
 * A reset takes the first of these only from the user's ioctl, and waits for no
 * access to user memory: user memory is not accessed under the last two.
 */
#ifndef VFIO_PCI_ENGINE_NVLINK2_H
#define VFIO_PCI_ENGINE_NVLINK2_H

#include <linux/rwsem.h>
#include <linux/vfio_pci_core.h>
#include <linux/vfio_pci_nvlink2.h>

#include "compat.h"
#include "engine.h"

/**
 * struct nvlink2_source - a description, and where it comes from
 * @desc: checked
 * @ready_at: offset in config space of a dword with NVLINK2_DVSEC_STATUS_READY,
 *	or 0
 * @from: the source's name, for the log
 */
struct nvlink2_source {
	struct vfio_pci_nvlink2_desc desc;
	unsigned int ready_at;
	const char *from;
};

/**
 * struct nvlink2 - what one device has; lives as long as it
 * @core: the device
 * @fn: the function
 * @ops: the vendor driver's, or NULL
 * @lock: see the top of this file
 * @src: while @open
 * @base: physical address of the region
 * @size: bytes of it; 0: a bridge without ATSD registers
 * @index: of the region
 * @open: there is a region
 * @resetting: between reset_prepare and reset_done
 * @recheck: a reset has been since the RAM was last known to answer
 * @complained: the log has it that the RAM does not
 * @claimed: the RAM, as the kernel's resources have it
 * @held: mapping that makes the RAM's cacheability known to the kernel while
 *	users map it
 * @power: RAM as POWER's IOMMU code knows it, or NULL
 * @file: whose address space the mappings are in where the kernel has none a
 *	device, or NULL
 * @errors: the RAM, for the kernel's handling of errors in memory
 * @tells_errors: @errors is registered
 */
struct nvlink2 {
	struct vfio_pci_core_device *core;
	struct vfio_pci_fn *fn;
	const struct vfio_pci_nvlink2_ops *ops;
	struct rw_semaphore lock;	/* order: top of this file */
	struct nvlink2_source src;
	u64 base;
	u64 size;
	unsigned int index;
	bool open;
	bool resetting;
	bool recheck;
	bool complained;
	struct resource *claimed;
	void *held;
	struct nvlink2_power *power;
	struct file *file;
	struct compat_pfn_space errors;
	bool tells_errors;
};

/* The part of a vma's offset below the region's index, in pages */
#define NVLINK2_PGOFF_MASK	((1UL << (VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)) - 1)

/* find.c */
int nvlink2_find(struct vfio_pci_fn *fn, const struct vfio_pci_nvlink2_ops *ops,
		 struct nvlink2_source *src);

/* of.c */
int nvlink2_from_of(struct pci_dev *pdev, struct nvlink2_source *src,
		    const char **why);

/* access.c */
int nvlink2_begin(struct nvlink2 *nv);
void nvlink2_end(struct nvlink2 *nv);
ssize_t nvlink2_rw(struct vfio_pci_core_device *core, char __user *buf,
		   size_t count, loff_t *ppos, bool write);

/* mmap.c */
int nvlink2_mmap(struct vfio_pci_core_device *core,
		 struct vfio_pci_region *region, struct vm_area_struct *vma);
void nvlink2_zap(struct nvlink2 *nv);
int nvlink2_mmap_open(struct nvlink2 *nv);
void nvlink2_mmap_close(struct nvlink2 *nv);

/* power.c, where the kernel has what it is about */
#ifdef CONFIG_SPAPR_TCE_IOMMU
bool nvlink2_power_allowed(const char **why);
int nvlink2_power_map(struct nvlink2 *nv, struct vm_area_struct *vma,
		      const void *map);
void nvlink2_power_unmap(struct nvlink2 *nv, const void *map);
void nvlink2_power_close(struct nvlink2 *nv);
void nvlink2_power_exit(void);
#else
static inline bool nvlink2_power_allowed(const char **why)
{
	return true;
}

static inline int nvlink2_power_map(struct nvlink2 *nv,
				    struct vm_area_struct *vma, const void *map)
{
	return 0;
}

static inline void nvlink2_power_unmap(struct nvlink2 *nv, const void *map)
{
}

static inline void nvlink2_power_close(struct nvlink2 *nv)
{
}

static inline void nvlink2_power_exit(void)
{
}
#endif

#endif /* VFIO_PCI_ENGINE_NVLINK2_H */
