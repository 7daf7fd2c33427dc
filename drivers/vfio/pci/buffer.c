// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration buffers: memory that firmware reads or writes by DMA, and user
 * space by copy.
 *
 * The memory and its DMA mapping have lives of their own: the mapping ends when
 * the device leaves the data transfer state, since the PF may be gone a moment
 * later; the memory may have to stay, since a reader may be in the middle of a
 * copy that nothing bounds.
 *
 * The memory is a list of pages, and contiguous for the CPU only. So a buffer
 * grows by more pages, without a copy.
 */
#include <linux/atomic.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "buffer.h"

/* @max: bytes of the largest segment */
static int buf_sg(struct vfio_pci_mig_buf *buf, size_t size, unsigned int max)
{
	return sg_alloc_table_from_pages_segment(&buf->sgt, buf->pages,
						 DIV_ROUND_UP(size, PAGE_SIZE), 0, size, max,
						 GFP_KERNEL_ACCOUNT);
}

/*
 * Bytes of all buffers. They are charged to their users, and have a limit all
 * the same, so that they do not starve the host.
 */
static atomic64_t used = ATOMIC64_INIT(0);

/**
 * mig_buf_used() - get the memory that the buffers of all functions have
 *
 * Return: bytes.
 */
u64 mig_buf_used(void)
{
	return atomic64_read(&used);
}

/**
 * mig_buf_limit() - get the limit for the buffers of all functions
 *
 * Return: bytes.
 */
u64 mig_buf_limit(void)
{
	return ((u64)totalram_pages() << PAGE_SHIFT) / 4;
}

static bool reserve(unsigned int pages)
{
	u64 bytes = (u64)pages << PAGE_SHIFT;

	if (atomic64_add_return(bytes, &used) <= mig_buf_limit())
		return true;
	atomic64_sub(bytes, &used);
	return false;
}

static void unreserve(unsigned int pages)
{
	atomic64_sub((u64)pages << PAGE_SHIFT, &used);
}

/*
 * The user writes such a buffer before firmware reads it, so it need not be
 * cleared
 */
static bool is_written(const struct vfio_pci_mig_buf *buf)
{
	return buf->dir == DMA_TO_DEVICE && buf->kind != VFIO_PCI_BUF_CPU;
}

static void free_pages_from(struct vfio_pci_mig_buf *buf, unsigned int first)
{
	unsigned int i;

	for (i = first; i < buf->nr_pages && buf->pages[i]; i++)
		__free_page(buf->pages[i]);
}

/* Charged to the caller's memory control group */
static int alloc_pages_from(struct vfio_pci_mig_buf *buf, unsigned int first)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | (is_written(buf) ? 0 : __GFP_ZERO);
	unsigned int i;

	for (i = first; i < buf->nr_pages; i++) {
		if (!fatal_signal_pending(current))
			buf->pages[i] = alloc_page(gfp);
		if (!buf->pages[i])
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

/* The pages of @old, if any, and as many more as are needed */
static int get_pages(struct vfio_pci_mig_buf *buf,
		     const struct vfio_pci_mig_buf *old)
{
	buf->pages = kvcalloc(buf->nr_pages, sizeof(*buf->pages),
			      GFP_KERNEL_ACCOUNT);
	if (!buf->pages)
		return -ENOMEM;
	if (old)
		memcpy(buf->pages, old->pages,
		       old->nr_pages * sizeof(*buf->pages));
	if (!alloc_pages_from(buf, buf->borrowed))
		buf->mem = vmap(buf->pages, buf->nr_pages, VM_MAP, PAGE_KERNEL);
	if (buf->mem)
		return 0;
	free_pages_from(buf, buf->borrowed);
	kvfree(buf->pages);
	buf->pages = NULL;
	return -ENOMEM;
}

/**
 * mig_buf_grow() - get memory that begins with that of a smaller buffer
 * @buf: the buffer, all zero but for kind, headroom and dir
 * @size: bytes, without the headroom; not less than @old has
 * @dev: as in mig_buf_alloc()
 * @old: a buffer with the same kind, headroom and dir, or NULL. Its owner may
 *	use it until mig_buf_replace(). If that does not follow, @buf must be
 *	freed before it.
 *
 * Return: as mig_buf_alloc().
 */
int mig_buf_grow(struct vfio_pci_mig_buf *buf, size_t size, struct device *dev,
		 const struct vfio_pci_mig_buf *old)
{
	/* No driver of a PF can do with less than a page */
	unsigned int max = dev ? max_t(unsigned int, dma_get_max_seg_size(dev), PAGE_SIZE) :
				 UINT_MAX;
	int ret;

	init_completion(&buf->done);
	/* Whole pages, which it takes in any case: see mig_buf_clear_rest() */
	buf->nr_pages = DIV_ROUND_UP(buf->headroom + size, PAGE_SIZE);
	buf->borrowed = old ? old->nr_pages : 0;
	buf->size = size;
	if (!reserve(buf->nr_pages - buf->borrowed))
		return -ENOSPC;
	ret = get_pages(buf, old);
	if (ret) {
		unreserve(buf->nr_pages - buf->borrowed);
		return ret;
	}
	memset(buf->mem, 0, buf->headroom);
	buf->vaddr = buf->mem + buf->headroom;
	ret = buf->kind == VFIO_PCI_BUF_DMA ? buf_sg(buf, size, max) : 0;
	if (ret)
		mig_buf_free(buf);
	return ret;
}

/**
 * mig_buf_alloc() - get memory, charged to the caller's memory control group
 * @buf: the buffer, all zero but for kind, headroom and dir; that of a load is
 *	not cleared but for the headroom
 * @size: bytes, without the headroom
 * @dev: the function that does the DMA; NULL: none
 *
 * Return: 0; -ENOMEM; -ENOSPC: all buffers together would be too large. Nothing
 * is left to free on error.
 */
int mig_buf_alloc(struct vfio_pci_mig_buf *buf, size_t size, struct device *dev)
{
	return mig_buf_grow(buf, size, dev, NULL);
}

/**
 * mig_buf_clear_rest() - clear what a load does not use, up to the end of the
 *	last page
 * @buf: a buffer of a load, with &vfio_pci_mig_buf.len bytes
 *
 * Firmware can reach it, and must find nothing of the kernel's there.
 */
void mig_buf_clear_rest(struct vfio_pci_mig_buf *buf)
{
	void *end = buf->mem + PAGE_ALIGN(buf->headroom + buf->size);

	/* Later there is what was loaded before */
	if (is_written(buf) && !buf->cleared)
		memset(buf->vaddr + buf->len, 0, end - (buf->vaddr + buf->len));
	buf->cleared = true;
}

/**
 * mig_buf_list() - make the scatter list of a save or load
 * @buf: the buffer, of VFIO_PCI_BUF_SG
 * @len: bytes, without the headroom
 *
 * Return: 0 or -ENOMEM.
 */
int mig_buf_list(struct vfio_pci_mig_buf *buf, size_t len)
{
	int ret;

	mig_buf_unlist(buf);
	ret = buf_sg(buf, buf->headroom + len, UINT_MAX);
	if (!ret)
		buf->sg = buf->sgt.sgl;
	return ret;
}

/**
 * mig_buf_unlist() - drop the scatter list
 * @buf: the buffer, of VFIO_PCI_BUF_SG; may have none
 */
void mig_buf_unlist(struct vfio_pci_mig_buf *buf)
{
	sg_free_table(&buf->sgt);
	buf->sg = NULL;
}

/**
 * mig_buf_replace() - give a buffer larger memory
 * @buf: an unmapped buffer
 * @new: of mig_buf_grow() with @buf; has nothing afterwards
 */
void mig_buf_replace(struct vfio_pci_mig_buf *buf, struct vfio_pci_mig_buf *new)
{
	swap(buf->mem, new->mem);
	swap(buf->vaddr, new->vaddr);
	swap(buf->size, new->size);
	swap(buf->sgt, new->sgt);
	swap(buf->sg, new->sg);
	swap(buf->cleared, new->cleared);
	swap(buf->pages, new->pages);
	swap(buf->nr_pages, new->nr_pages);
	/* The pages that were borrowed are all that the smaller one had */
	new->borrowed = new->nr_pages;
	buf->borrowed = 0;
	mig_buf_free(new);
}

/**
 * mig_buf_free() - give the memory back
 * @buf: an unmapped buffer, or one for which mig_buf_alloc() has failed or was
 *	never called
 */
void mig_buf_free(struct vfio_pci_mig_buf *buf)
{
	if (!buf->mem)
		return;
	mig_buf_unlist(buf);
	vunmap(buf->mem);
	free_pages_from(buf, buf->borrowed);
	kvfree(buf->pages);
	unreserve(buf->nr_pages - buf->borrowed);
	buf->mem = NULL;
	buf->vaddr = NULL;
	buf->pages = NULL;
	buf->nr_pages = 0;
}

/**
 * mig_buf_map() - map for DMA
 * @buf: the buffer
 * @dev: the function that does the DMA; NULL: none
 * @dir: DMA_FROM_DEVICE to save, DMA_TO_DEVICE to load
 *
 * Return: 0 or an errno of dma_map_sgtable().
 */
int mig_buf_map(struct vfio_pci_mig_buf *buf, struct device *dev,
		enum dma_data_direction dir)
{
	buf->dir = dir;
	return !dev ? 0 : dma_map_sgtable(dev, &buf->sgt, dir, 0);
}

/**
 * mig_buf_unmap() - end the mapping; no DMA may be outstanding
 * @buf: the buffer
 * @dev: as in mig_buf_map()
 */
void mig_buf_unmap(struct vfio_pci_mig_buf *buf, struct device *dev)
{
	if (dev)
		dma_unmap_sgtable(dev, &buf->sgt, buf->dir, 0);
}

/**
 * mig_buf_to_cpu() - sync a buffer for the CPU
 * @buf: the buffer
 * @dev: as in mig_buf_map()
 */
void mig_buf_to_cpu(struct vfio_pci_mig_buf *buf, struct device *dev)
{
	if (!dev)
		return;
	dma_sync_sgtable_for_cpu(dev, &buf->sgt, buf->dir);
	invalidate_kernel_vmap_range(buf->vaddr, buf->size);
}

/**
 * mig_buf_to_device() - sync a buffer for the device
 * @buf: the buffer
 * @dev: as in mig_buf_map()
 */
void mig_buf_to_device(struct vfio_pci_mig_buf *buf, struct device *dev)
{
	if (!dev)
		return;
	flush_kernel_vmap_range(buf->vaddr, buf->size);
	dma_sync_sgtable_for_device(dev, &buf->sgt, buf->dir);
}
