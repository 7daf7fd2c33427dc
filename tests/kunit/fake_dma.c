// SPDX-License-Identifier: GPL-2.0-only
/* A DMA API that keeps books: see fake_dma.h. */
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "fake_dma.h"

#define MAX_MAPPINGS	8

unsigned long fake_ram;
bool fake_precopy_info_v2;

/* One mapping; @sgt is NULL if it is none */
struct mapping {
	const struct device *dev;
	const struct sg_table *sgt;
	enum dma_data_direction dir;
	bool devices;
};

static struct {
	spinlock_t lock;	/* firmware looks from a work item */
	struct kunit *test;
	struct mapping map[MAX_MAPPINGS];
	unsigned int fail_map;
	unsigned int fail_alloc;
} books = { .lock = __SPIN_LOCK_UNLOCKED(books.lock) };

/**
 * fake_dma_begin() - empty books
 * @test: which is told of errors
 */
void fake_dma_begin(struct kunit *test)
{
	memset(books.map, 0, sizeof(books.map));
	books.test = test;
	books.fail_map = 0;
	books.fail_alloc = 0;
	fake_precopy_info_v2 = false;
	fake_ram = 0;
}

/**
 * fake_totalram_pages() - totalram_pages()
 *
 * Return: pages.
 */
unsigned long fake_totalram_pages(void)
{
	return fake_ram ?: totalram_pages();
}

/**
 * fake_dma_fail_map() - a mapping fails, once
 * @nth: which one, from 1
 */
void fake_dma_fail_map(unsigned int nth)
{
	books.fail_map = nth;
}

/**
 * fake_dma_fail_alloc() - there is no memory for a buffer, once
 * @nth: which one, from 1
 */
void fake_dma_fail_alloc(unsigned int nth)
{
	books.fail_alloc = nth;
}

static struct mapping *find(const struct sg_table *sgt)
{
	unsigned int i;

	lockdep_assert_held(&books.lock);
	for (i = 0; i < MAX_MAPPINGS; i++)
		if (books.map[i].sgt == sgt)
			return &books.map[i];
	return NULL;
}

/**
 * fake_dma_mapped() - how many mappings are there?
 *
 * Return: their number.
 */
unsigned int fake_dma_mapped(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < MAX_MAPPINGS; i++)
		n += !!books.map[i].sgt;
	return n;
}

/**
 * fake_dma_is_mapped() - is this memory mapped?
 * @sgt: the memory
 *
 * Return: true if so.
 */
bool fake_dma_is_mapped(const struct sg_table *sgt)
{
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&books.lock, flags);
	ret = find(sgt);
	spin_unlock_irqrestore(&books.lock, flags);
	return ret;
}

/**
 * fake_dma_is_devices() - may the device use this memory now?
 * @sgt: the memory
 * @dir: DMA_FROM_DEVICE to write it, DMA_TO_DEVICE to read
 *
 * Return: true if so.
 */
bool fake_dma_is_devices(const struct sg_table *sgt, enum dma_data_direction dir)
{
	struct mapping *m;
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&books.lock, flags);
	m = find(sgt);
	ret = m && m->devices && m->dir == dir;
	spin_unlock_irqrestore(&books.lock, flags);
	return ret;
}

/**
 * fake_vmalloc() - __vmalloc(), unless it shall fail
 * @size: bytes
 * @gfp: flags
 *
 * Return: the memory or NULL.
 */
void *fake_vmalloc(unsigned long size, gfp_t gfp)
{
	if (books.fail_alloc && !--books.fail_alloc)
		return NULL;
	return __vmalloc(size, gfp);
}

/**
 * fake_vmap() - vmap(), unless it shall fail
 * @pages: the memory
 * @n: how many
 * @flags: of the area
 * @prot: of its pages
 *
 * Return: the memory's address or NULL.
 */
void *fake_vmap(struct page **pages, unsigned int n, unsigned long flags, pgprot_t prot)
{
	if (books.fail_alloc && !--books.fail_alloc)
		return NULL;
	return vmap(pages, n, flags, prot);
}

/**
 * fake_dma_map() - dma_map_sgtable()
 * @dev: the device that does the DMA
 * @sgt: the memory; not mapped yet
 * @dir: direction
 *
 * Addresses for DMA are the kernel's own of the same memory.
 *
 * Return: 0, or -EIO if it shall fail.
 */
int fake_dma_map(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir)
{
	struct scatterlist *sg;
	unsigned long flags;
	struct mapping *m;
	unsigned int i;

	if (books.fail_map && !--books.fail_map)
		return -EIO;
	for_each_sgtable_sg(sgt, sg, i) {
		sg_dma_address(sg) = (unsigned long)sg_virt(sg);
		sg_dma_len(sg) = sg->length;
	}
	sgt->nents = sgt->orig_nents;
	spin_lock_irqsave(&books.lock, flags);
	KUNIT_EXPECT_NULL_MSG(books.test, find(sgt), "mapped twice");
	m = find(NULL);
	if (m)
		*m = (struct mapping) { .dev = dev, .sgt = sgt, .dir = dir, .devices = true };
	spin_unlock_irqrestore(&books.lock, flags);
	KUNIT_EXPECT_NOT_NULL_MSG(books.test, m, "too many mappings");
	return 0;
}

static struct mapping *same(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir)
{
	struct mapping *m = find(sgt);

	KUNIT_EXPECT_NOT_NULL_MSG(books.test, m, "not mapped");
	if (!m)
		return NULL;
	KUNIT_EXPECT_PTR_EQ(books.test, m->dev, (const struct device *)dev);
	KUNIT_EXPECT_EQ(books.test, m->dir, dir);
	return m;
}

/**
 * fake_dma_unmap() - dma_unmap_sgtable()
 * @dev: as when it was mapped
 * @sgt: the memory
 * @dir: as when it was mapped
 */
void fake_dma_unmap(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir)
{
	unsigned long flags;
	struct mapping *m;

	spin_lock_irqsave(&books.lock, flags);
	m = same(dev, sgt, dir);
	if (m)
		m->sgt = NULL;
	spin_unlock_irqrestore(&books.lock, flags);
}

static void give(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir,
		 bool devices)
{
	unsigned long flags;
	struct mapping *m;

	spin_lock_irqsave(&books.lock, flags);
	m = same(dev, sgt, dir);
	if (m)
		m->devices = devices;
	spin_unlock_irqrestore(&books.lock, flags);
}

/**
 * fake_dma_to_cpu() - dma_sync_sgtable_for_cpu()
 * @dev: as when it was mapped
 * @sgt: the memory
 * @dir: as when it was mapped
 */
void fake_dma_to_cpu(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir)
{
	give(dev, sgt, dir, false);
}

/**
 * fake_dma_to_device() - dma_sync_sgtable_for_device()
 * @dev: as when it was mapped
 * @sgt: the memory
 * @dir: as when it was mapped
 */
void fake_dma_to_device(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir)
{
	give(dev, sgt, dir, true);
}
