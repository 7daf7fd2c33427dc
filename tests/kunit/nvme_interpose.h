/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the nvme module's sources are compiled with here: registers, memory and interrupt are the
 * peer's. The headers that declare the real ones come first.
 */
#ifndef KUNIT_NVME_INTERPOSE_H
#define KUNIT_NVME_INTERPOSE_H

#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>

#include "nvme_peer.h"

#undef readl
#undef writel
#define readl(addr)		nvme_peer_readl(addr)
#define writel(value, addr)	nvme_peer_writel(value, addr)
#define lo_hi_readq(addr)	nvme_peer_readq(addr)
#define lo_hi_writeq(value, addr)	nvme_peer_writeq(value, addr)

#undef dmam_alloc_coherent
#undef dma_alloc_coherent
#undef dma_free_coherent
#define dmam_alloc_coherent(dev, size, dma, gfp)	\
	((void)(dev), nvme_peer_alloc_managed(size, dma))
#define dma_alloc_coherent(dev, size, dma, gfp)	((void)(dev), nvme_peer_alloc(size, dma))
#define dma_free_coherent(dev, size, page, dma)	((void)(dev), nvme_peer_free(page, size))

#define pci_set_master(pdev)	nvme_peer_set_master(true)
#define pci_clear_master(pdev)	nvme_peer_set_master(false)
#define pci_alloc_irq_vectors(pdev, min, max, flags)	1
#define pci_free_irq_vectors(pdev)	do { } while (0)
#define pci_request_irq(pdev, nr, handler, thread, data, fmt, name)	\
	nvme_peer_request_irq(handler, data)
#define pci_free_irq(pdev, nr, data)	nvme_peer_request_irq(NULL, NULL)

/* Tests are impatient */
#undef module_param
#define module_param(name, type, perm)	type *nvme_peer_##name = &(name)

#endif /* KUNIT_NVME_INTERPOSE_H */
