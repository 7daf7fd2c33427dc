/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A DMA API that keeps books: what is mapped, in which direction, and whose it is now. There is
 * no DMA: firmware is in fake_fw.c.
 */
#ifndef KUNIT_FAKE_DMA_H
#define KUNIT_FAKE_DMA_H

#include <kunit/test.h>
#include <linux/dma-direction.h>
#include <linux/scatterlist.h>

/* VFIO_PRECOPY_INFO_REINIT: user space has asked for it */
extern bool fake_precopy_info_v2;

/* Of the host, in pages; 0: as it is */
extern unsigned long fake_ram;

unsigned long fake_totalram_pages(void);
void fake_dma_begin(struct kunit *test);
void fake_dma_fail_map(unsigned int nth);
void fake_dma_fail_alloc(unsigned int nth);
unsigned int fake_dma_mapped(void);
bool fake_dma_is_mapped(const struct sg_table *sgt);
bool fake_dma_is_devices(const struct sg_table *sgt, enum dma_data_direction dir);

void *fake_vmalloc(unsigned long size, gfp_t gfp);
void *fake_vmap(struct page **pages, unsigned int n, unsigned long flags, pgprot_t prot);
int fake_dma_map(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir);
void fake_dma_unmap(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir);
void fake_dma_to_cpu(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir);
void fake_dma_to_device(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir);

#endif /* KUNIT_FAKE_DMA_H */
