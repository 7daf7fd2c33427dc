/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the engine's sources are compiled with here: calls that leave the engine and that a test
 * wants to see, or to let fail. The headers that declare the real ones come first.
 */
#ifndef KUNIT_INTERPOSE_H
#define KUNIT_INTERPOSE_H

/* As the sources that say so: they come too late here */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/iova_bitmap.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "fake_core.h"
#include "fake_dma.h"
#include "fake_lock.h"
#include "fake_log.h"

/* The symbols are those of vfio-pci-engine */
#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(symbol)

#define totalram_pages()	fake_totalram_pages()

#undef __vmalloc
#define __vmalloc(size, gfp)	fake_vmalloc(size, gfp)
#define vmap(pages, n, flags, prot)	fake_vmap(pages, n, flags, prot)

#define dma_map_sgtable(dev, sgt, dir, attrs)	fake_dma_map(dev, sgt, dir)
#define dma_unmap_sgtable(dev, sgt, dir, attrs)	fake_dma_unmap(dev, sgt, dir)
#define dma_sync_sgtable_for_cpu(dev, sgt, dir)	fake_dma_to_cpu(dev, sgt, dir)
#define dma_sync_sgtable_for_device(dev, sgt, dir)	fake_dma_to_device(dev, sgt, dir)

#define mutex_unlock(lock)	fake_unlock(lock)

/* In a kernel thread fput() would be done some time later */
#define fput(file)	__fput_sync(file)

#define iova_bitmap_set(bitmap, iova, length)	fake_iova_bitmap_set(bitmap, iova, length)

#define vfio_pci_core_register_device(core) fake_core_register(core)

/* So that both kinds of user space are there on each kernel */
#define compat_precopy_info_v2(vdev)	fake_precopy_info_v2

#endif /* KUNIT_INTERPOSE_H */
