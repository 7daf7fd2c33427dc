/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that firmware has reported dirty and that user space has not asked for
 * yet: a sparse bitmap, which is never larger than one of all pages that are
 * logged.
 */
#ifndef VFIO_PCI_ENGINE_PENDING_H
#define VFIO_PCI_ENGINE_PENDING_H

#include <linux/bits.h>
#include <linux/types.h>
#include <linux/xarray.h>

/* Pages in one part of the bitmap, which has 4 KiB */
#define PENDING_SHIFT	15
#define PENDING_PAGES	BIT(PENDING_SHIFT)

/**
 * struct vfio_pci_dirty_list - the pages
 * @chunks: of the bitmap, by number of page >> PENDING_SHIFT; none: no pages
 * @reported: how many vfio_pci_log_dirty() was called for, some of them more
 *	than once
 *
 * Vendor drivers pass it to vfio_pci_log_dirty(). It has no lock of its own.
 */
struct vfio_pci_dirty_list {
	struct xarray chunks;
	u64 reported;
};

void pending_init(struct vfio_pci_dirty_list *p);
void pending_drop(struct vfio_pci_dirty_list *p);
bool pending_empty(const struct vfio_pci_dirty_list *p);
int pending_add(struct vfio_pci_dirty_list *p, u64 first, u64 n);
unsigned int pending_take(struct vfio_pci_dirty_list *p, u64 first,
			  unsigned int n, unsigned long *bits);

#endif /* VFIO_PCI_ENGINE_PENDING_H */
