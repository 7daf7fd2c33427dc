// SPDX-License-Identifier: GPL-2.0-only
/* Dirty page logging: the firmware's tracker of what a VF's DMA writes. */
#include <linux/dma-mapping.h>

#include "refdev.h"

/* On the wire: a range of TRACKER_START */
struct refdev_range {
	__le64 iova;
	__le64 length;
};

static_assert(sizeof(struct refdev_range) == 16);

/**
 * refdev_log_caps() - get the limits of the tracker
 * @q: the queue, whose firmware has identified itself.
 *
 * Return: the limits; no ranges if firmware has no tracker.
 */
struct vfio_pci_log_caps refdev_log_caps(const struct refdev_queue *q)
{
	return (struct vfio_pci_log_caps) {
		.max_ranges = le16_to_cpu(q->info.tracker_ranges),
		.min_page_shift = q->info.tracker_min_shift,
		.max_page_shift = q->info.tracker_max_shift,
		.max_pages = le64_to_cpu(q->info.tracker_pages),
		.chunk = q->max_transfer,
	};
}

static int refdev_log_stop(struct vfio_pci_fn *fn)
{
	return refdev_command(fn, REFDEV_TRACKER_STOP, 0);
}

static int refdev_log_start(struct vfio_pci_fn *fn,
			    const struct vfio_pci_log_range *ranges,
			    unsigned int nr, unsigned int page_shift)
{
	struct refdev_cmd stop = { .opcode = REFDEV_TRACKER_STOP,
				   .function = fn->id };
	struct refdev_cmd start = {
		.opcode = REFDEV_TRACKER_START,
		.function = fn->id,
		.arg = { page_shift, nr },
		.len = nr * sizeof(struct refdev_range),
	};
	struct refdev_range *wire;
	unsigned int i;
	int ret;

	wire = dma_alloc_coherent(&fn->pf->dev, start.len, &start.dma,
				  GFP_KERNEL);
	if (!wire)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		wire[i].iova = cpu_to_le64(ranges[i].iova);
		wire[i].length = cpu_to_le64(ranges[i].length);
	}
	ret = refdev_run_anew(refdev_queue_of(fn), &start, &stop);
	dma_free_coherent(&fn->pf->dev, start.len, wire, start.dma);
	return ret;
}

static int refdev_log_report(struct vfio_pci_fn *fn, u64 iova, u64 length,
			     struct vfio_pci_log_bitmap *bitmap)
{
	struct refdev_cmd cmd = {
		.opcode = REFDEV_TRACKER_REPORT,
		.function = fn->id,
		.arg = { iova, length },
		.sgt = bitmap->sgt,
		.len = bitmap->len,
	};
	int ret = refdev_run(refdev_queue_of(fn), &cmd);

	/* The engine checks firmware's number */
	bitmap->dirty = cmd.result[0];
	bitmap->len = min_t(u64, cmd.result[1], SIZE_MAX);
	return ret;
}

const struct vfio_pci_log_ops refdev_log_ops = {
	.start = refdev_log_start,
	.stop = refdev_log_stop,
	.report = refdev_log_report,
};
