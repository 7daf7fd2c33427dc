// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty pages: Track Send and Track Receive, sections 5.1.26 and 5.1.27 of the specification. Not
 * all of it could be compared with its text, and a page that is missed is memory of a guest that is
 * lost without a word: see docs/nvme.rst. So it is off unless somebody asks for it, and what two
 * readings would tell apart is not used:
 *
 * - there is one range, since nothing says whether the descriptors of ranges have padding;
 * - a list is the last one if it is empty, whatever its attributes say;
 * - a controller that limits the lengths of ranges in some way is not asked to track.
 */
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "nvme.h"

static bool track_memory;
module_param(track_memory, bool, 0444);
MODULE_PARM_DESC(track_memory, "Ask controllers for the dirty pages of their VFs: never tried with hardware (default N)");

/* Then the engine may have another request first. 4080 changes: most have fewer */
#define NPF_READS	16
#define NPF_CHANGES	((NPF_PAGE - sizeof(struct npf_changes)) / sizeof(struct npf_change))

/* The largest page that the engine knows */
#define NPF_MAX_PAGE_SHIFT	30

static const char *npf_why_not(const struct npf_tracking *t)
{
	if (!(t->attributes & NPF_TRACKS_MEMORY) || !le16_to_cpu(t->max_ranges))
		return "can't do it";
	if (t->attributes & NPF_TRACKS_LIMITED)
		return "limits the lengths of ranges in a way that is not known here";
	if (t->min_granularity > t->max_granularity ||
	    NPF_PAGE_SHIFT + t->min_granularity > NPF_MAX_PAGE_SHIFT)
		return "has no sensible limits of pages";
	return NULL;
}

/**
 * npf_identify_tracking() - can the controller tell of dirty pages?
 * @npf: the PF.
 * @id: gets the answer.
 * @t: what the controller says of it.
 *
 * If it can't although somebody has asked for it, the reason is logged.
 */
void npf_identify_tracking(struct npf *npf, struct npf_identity *id, const struct npf_tracking *t)
{
	const char *why = npf_why_not(t);

	if (!track_memory)
		return;
	if (why) {
		dev_notice(&npf->queue.pdev->dev, "dirty pages are not tracked: the controller %s\n",
			   why);
		return;
	}
	id->min_page_shift = NPF_PAGE_SHIFT + t->min_granularity;
	id->max_page_shift = min(NPF_PAGE_SHIFT + t->max_granularity, NPF_MAX_PAGE_SHIFT);
}

/**
 * npf_log_caps() - limits of the tracker
 * @npf: the PF, which has been identified.
 *
 * Return: the limits; no ranges if there is none.
 */
struct vfio_pci_log_caps npf_log_caps(const struct npf *npf)
{
	if (!npf->id.min_page_shift)
		return (struct vfio_pci_log_caps) {};
	return (struct vfio_pci_log_caps) {
		.max_ranges = 1,
		.min_page_shift = npf->id.min_page_shift,
		.max_page_shift = npf->id.max_page_shift,
		.max_pages = U32_MAX,
	};
}

static int npf_broken(struct vfio_pci_fn *fn, const char *what)
{
	dev_err_ratelimited(&fn->pf->dev, "what controller %u says of dirty pages %s: update its firmware, or load mdev-pci-nvme without track_memory\n",
			    npf_cntlid(fn), what);
	return -EPROTO;
}

static struct npf_cmd npf_track(struct vfio_pci_fn *fn, const char *what, u32 action)
{
	struct npf_cmd cmd = { .what = what, .cntlid = npf_cntlid(fn) };

	cmd.sqe.common.opcode = NPF_TRACK_SEND;
	cmd.sqe.common.cdw10 = cpu_to_le32(NPF_TRACK_MEMORY | action);
	cmd.sqe.common.cdw11 = cpu_to_le32(cmd.cntlid);
	return cmd;
}

static int npf_log_stop(struct vfio_pci_fn *fn)
{
	struct npf_cmd cmd = npf_track(fn, "Track Send (stop)", 0);

	return npf_run(&npf_of(fn)->queue, &cmd);
}

static int npf_send_start(struct vfio_pci_fn *fn, const struct npf_track_memory *what)
{
	struct npf_cmd cmd = npf_track(fn, "Track Send (start)", NPF_TRACK_START);
	int ret;

	ret = npf_run_with(&npf_of(fn)->queue, &cmd, what, sizeof(*what));
	if (ret || (cmd.result & NPF_TRACK_GRANULARITY) == what->granularity)
		return ret;
	npf_log_stop(fn);
	return npf_broken(fn, "comes in other pages than it was asked for");
}

static int npf_log_start(struct vfio_pci_fn *fn, const struct vfio_pci_log_range *ranges,
			 unsigned int nr, unsigned int page_shift)
{
	struct npf_track_memory what = {
		.granularity = page_shift - NPF_PAGE_SHIFT,
		.nr = cpu_to_le32(nr),
		.range.address = cpu_to_le64(ranges->iova),
		.range.length = cpu_to_le32(ranges->length >> page_shift),
	};
	int ret = npf_send_start(fn, &what);

	/* Figure 462: it tracks already. A stop was not answered, or a reset has not ended it */
	if (ret == -ENODEV) {
		dev_info(&fn->pf->dev, "controller %u may be tracking memory already: telling it to stop first\n",
			 npf_cntlid(fn));
		ret = npf_log_stop(fn) ?: npf_send_start(fn, &what);
	}
	return ret;
}

/* Returns how many there were */
static int npf_read_changes(struct vfio_pci_fn *fn, struct npf_changes *list,
			    struct vfio_pci_log_changes *changes)
{
	struct npf_cmd cmd = { .what = "Track Receive", .cntlid = npf_cntlid(fn) };
	unsigned int shift, i, nr;
	int ret;

	cmd.sqe.common.opcode = NPF_TRACK_RECEIVE;
	cmd.sqe.common.cdw11 = cpu_to_le32(cmd.cntlid);
	cmd.sqe.common.cdw12 = cpu_to_le32(NPF_PAGE / sizeof(u32) - 1);
	ret = npf_run_page(&npf_of(fn)->queue, &cmd, list, NPF_PAGE);
	if (ret)
		return ret;
	nr = le32_to_cpu(list->nr);
	shift = NPF_PAGE_SHIFT + le16_to_cpu(list->granularity);
	if (list->version || le16_to_cpu(list->cntlid) != cmd.cntlid || nr > NPF_CHANGES ||
	    shift > NPF_MAX_PAGE_SHIFT)
		return npf_broken(fn, "is no list of them");
	for (i = 0; i < nr && !ret; i++)
		ret = vfio_pci_log_dirty(changes, le64_to_cpu(list->change[i].address),
					 (u64)le32_to_cpu(list->change[i].length) << shift);
	return ret ?: nr;
}

/* What was read, the controller has forgotten */
static int npf_log_changes(struct vfio_pci_fn *fn, struct vfio_pci_log_changes *changes, u64 iova,
			   u64 length)
{
	struct npf_changes *list;
	int i, ret = 1;

	list = kmalloc(NPF_PAGE, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	for (i = 0; i < NPF_READS && ret > 0; i++)
		ret = npf_read_changes(fn, list, changes);
	kfree(list);
	return min(ret, 1);
}

const struct vfio_pci_log_ops npf_log_ops = {
	.start = npf_log_start,
	.stop = npf_log_stop,
	.changes = npf_log_changes,
};
