// SPDX-License-Identifier: GPL-2.0-only
/* Pages that were reported dirty and not asked for yet: see pending.h. */
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "pending.h"

/**
 * pending_init() - initialize an empty set of pages
 * @p: the pages
 */
void pending_init(struct vfio_pci_dirty_list *p)
{
	xa_init(&p->chunks);
	p->reported = 0;
}

/**
 * pending_drop() - remove all pages
 * @p: the pages
 */
void pending_drop(struct vfio_pci_dirty_list *p)
{
	unsigned long i;
	void *chunk;

	xa_for_each(&p->chunks, i, chunk)
		bitmap_free(chunk);
	xa_destroy(&p->chunks);
	p->reported = 0;
}

static unsigned long *get_chunk(struct vfio_pci_dirty_list *p, unsigned long i)
{
	unsigned long *chunk = xa_load(&p->chunks, i);

	if (chunk)
		return chunk;
	chunk = bitmap_zalloc(PENDING_PAGES, GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return NULL;
	if (!xa_err(xa_store(&p->chunks, i, chunk, GFP_KERNEL_ACCOUNT)))
		return chunk;
	bitmap_free(chunk);
	return NULL;
}

/**
 * pending_empty() - check that there are no pages
 * @p: the pages
 *
 * Return: true if so.
 */
bool pending_empty(const struct vfio_pci_dirty_list *p)
{
	return xa_empty(&p->chunks);
}

/**
 * pending_add() - add pages
 * @p: the pages
 * @first: number of the first one
 * @n: how many
 *
 * Context: process context; may sleep.
 * Return: 0, or -ENOMEM: some may be missing.
 */
int pending_add(struct vfio_pci_dirty_list *p, u64 first, u64 n)
{
	unsigned int at, len;
	unsigned long *chunk;

	for (; n; n -= len, first += len) {
		at = first % PENDING_PAGES;
		len = min_t(u64, n, PENDING_PAGES - at);
		chunk = get_chunk(p, first >> PENDING_SHIFT);
		if (!chunk)
			return -ENOMEM;
		bitmap_set(chunk, at, len);
		p->reported += len;
	}
	return 0;
}

/**
 * pending_take() - take pages out
 * @p: the pages
 * @first: number of the first that may be one of them
 * @n: so many may be; none in the next chunk
 * @bits: gets them, PENDING_PAGES bits; bit 0 is the first page of the chunk
 *
 * Return: how many they are.
 */
unsigned int pending_take(struct vfio_pci_dirty_list *p, u64 first,
			  unsigned int n, unsigned long *bits)
{
	unsigned long *chunk = xa_load(&p->chunks, first >> PENDING_SHIFT);
	unsigned int at = first % PENDING_PAGES;

	if (!chunk)
		return 0;
	bitmap_copy(bits, chunk, PENDING_PAGES);
	bitmap_clear(bits, 0, at);
	bitmap_clear(bits, at + n, PENDING_PAGES - at - n);
	bitmap_clear(chunk, at, n);
	if (bitmap_empty(chunk, PENDING_PAGES))
		bitmap_free(xa_erase(&p->chunks, first >> PENDING_SHIFT));
	return bitmap_weight(bits, PENDING_PAGES);
}
