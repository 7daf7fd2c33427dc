/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_DIRTY_H
#define VFIO_PCI_ENGINE_DIRTY_H

#include <linux/vfio_pci_engine.h>

#include "pending.h"

struct iova_bitmap;
struct mig_range;
struct rb_root_cached;
struct vfio_pci_migration;

/**
 * struct mig_log - which dirty pages of a function are logged
 * @ops: firmware operations; NULL: not possible
 * @caps: limits, made sane
 * @ranges: what firmware logs; NULL: it does not
 * @nr: how many
 * @page_shift: log2 of the page that it logs by
 * @dirty_list: what it has reported and no user has asked for, of firmware that
 *	reports all it has
 * @rest: pages of 4 KiB that are dirty yet, of larger ones of which users have
 *	asked for a part
 *
 * Part of &struct vfio_pci_migration, whose state_mutex protects the last five.
 */
struct mig_log {
	const struct vfio_pci_log_ops *ops;
	struct vfio_pci_log_caps caps;
	struct mig_range *ranges;
	unsigned int nr;
	unsigned int page_shift;
	struct vfio_pci_dirty_list dirty_list;
	struct vfio_pci_dirty_list rest;
};

void mig_log_init(struct vfio_pci_migration *mig,
		  const struct vfio_pci_engine_desc *desc);
void mig_log_close(struct vfio_pci_migration *mig);
int mig_log_start(struct vfio_pci_migration *mig, struct rb_root_cached *root,
		  u32 nr, u64 *page_size);
int mig_log_stop(struct vfio_pci_migration *mig);
int mig_log_report(struct vfio_pci_migration *mig, u64 iova, u64 length,
		   struct iova_bitmap *dirty);

#endif /* VFIO_PCI_ENGINE_DIRTY_H */
