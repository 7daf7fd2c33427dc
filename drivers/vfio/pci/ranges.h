/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of address ranges, made to fit what a dirty page tracker can do. Pure
 * logic: also built in user space, for the unit tests.
 */
#ifndef VFIO_PCI_ENGINE_RANGES_H
#define VFIO_PCI_ENGINE_RANGES_H

#include <linux/types.h>

/**
 * struct mig_range - a range of addresses; never empty
 * @first: its first byte
 * @last: its last byte, so that a range can reach the end of the address space
 */
struct mig_range {
	u64 first;
	u64 last;
};

unsigned int ranges_align(struct mig_range *r, unsigned int n,
			  unsigned int shift);
unsigned int ranges_widen(struct mig_range *r, unsigned int n, u64 min,
			  u64 max_addr);
u64 ranges_longest(const struct mig_range *r, unsigned int n);
unsigned int ranges_combine(struct mig_range *r, unsigned int n,
			    unsigned int max);
u64 ranges_pages(const struct mig_range *r, unsigned int n, unsigned int shift);
bool ranges_hold(const struct mig_range *r, unsigned int n, u64 first,
		 u64 last);

#endif /* VFIO_PCI_ENGINE_RANGES_H */
