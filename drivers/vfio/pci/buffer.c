// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration buffers: memory that firmware reads or writes by DMA, and user space by copy.
 *
 * The memory and its DMA mapping have lives of their own: the mapping ends when the
 * device leaves the data transfer state, since the PF may be gone a moment later; the
 * memory may have to stay, since a reader may be in the middle of a copy that nothing
 * bounds.
 */
#include <linux/atomic.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "buffer.h"

/* @max: bytes of the largest segment */
static int buf_sg(struct vfio_pci_mig_buf *buf, size_t size, unsigned int max)
{
	unsigned int i, n = DIV_ROUND_UP(size, PAGE_SIZE);
	struct page **pages;
	int ret;

	pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		pages[i] = vmalloc_to_page(buf->mem + i * PAGE_SIZE);
	ret = sg_alloc_table_from_pages_segment(&buf->sgt, pages, n, 0, size, max,
						GFP_KERNEL_ACCOUNT);
	kvfree(pages);
	return ret;
}

/* Bytes of all buffers. What is charged to users must not starve the host all the same */
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

static bool reserve(size_t size)
{
	if (atomic64_add_return(size, &used) <= mig_buf_limit())
		return true;
	atomic64_sub(size, &used);
	return false;
}

/* The user writes such a buffer before firmware reads it, so it need not be cleared */
static bool is_written(const struct vfio_pci_mig_buf *buf)
{
	return buf->dir == DMA_TO_DEVICE && buf->kind != VFIO_PCI_BUF_CPU;
}

/**
 * mig_buf_alloc() - get memory, charged to the caller's memory control group
 * @buf: the buffer, all zero but for kind, headroom and dir; that of a load is not cleared but for
 *	the headroom
 * @size: bytes, without the headroom
 * @dev: the function that does the DMA; NULL: none
 *
 * Return: 0; -ENOMEM; -ENOSPC: all buffers together would be too large. Nothing is left to free on
 * error.
 */
int mig_buf_alloc(struct vfio_pci_mig_buf *buf, size_t size, struct device *dev)
{
	/* No driver of a PF can do with less than a page */
	unsigned int max = dev ? max_t(unsigned int, dma_get_max_seg_size(dev), PAGE_SIZE) :
				 UINT_MAX;
	int ret;

	init_completion(&buf->done);
	buf->size = size;
	if (!reserve(size))
		return -ENOSPC;
	/* Whole pages, which it takes in any case: see mig_buf_clear_rest() */
	buf->mem = __vmalloc(PAGE_ALIGN(buf->headroom + size),
			     GFP_KERNEL_ACCOUNT | (is_written(buf) ? 0 : __GFP_ZERO));
	if (!buf->mem) {
		atomic64_sub(size, &used);
		return -ENOMEM;
	}
	memset(buf->mem, 0, buf->headroom);
	buf->vaddr = buf->mem + buf->headroom;
	ret = buf->kind == VFIO_PCI_BUF_DMA ? buf_sg(buf, size, max) : 0;
	if (ret)
		mig_buf_free(buf);
	return ret;
}

/**
 * mig_buf_clear_rest() - clear what a load does not use, up to the end of the last page
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
 * mig_buf_swap() - exchange the memory of two buffers
 * @a: an unmapped buffer
 * @b: another one
 */
void mig_buf_swap(struct vfio_pci_mig_buf *a, struct vfio_pci_mig_buf *b)
{
	swap(a->mem, b->mem);
	swap(a->vaddr, b->vaddr);
	swap(a->size, b->size);
	swap(a->sgt, b->sgt);
	swap(a->sg, b->sg);
	swap(a->cleared, b->cleared);
}

/**
 * mig_buf_free() - give the memory back
 * @buf: an unmapped buffer, or one for which mig_buf_alloc() has failed or was never called
 */
void mig_buf_free(struct vfio_pci_mig_buf *buf)
{
	if (!buf->mem)
		return;
	mig_buf_unlist(buf);
	vfree(buf->mem);
	atomic64_sub(buf->size, &used);
	buf->mem = NULL;
	buf->vaddr = NULL;
}

/**
 * mig_buf_map() - map for DMA
 * @buf: the buffer
 * @dev: the function that does the DMA; NULL: none
 * @dir: DMA_FROM_DEVICE to save, DMA_TO_DEVICE to load
 *
 * Return: 0 or an errno of dma_map_sgtable().
 */
int mig_buf_map(struct vfio_pci_mig_buf *buf, struct device *dev, enum dma_data_direction dir)
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
