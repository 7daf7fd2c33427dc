// SPDX-License-Identifier: GPL-2.0-only
/*
 * Logging of the pages that a function's DMA writes. Firmware logs; this file
 * makes what users ask for fit what firmware can do, and hands them what it
 * reports.
 *
 * It is part of migration and has its locks: see the top of mig_core.c. A reset
 * drops the log, as it drops a migration file: at the next mig_lock().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "buffer.h"
#include "compat.h"
#include "firmware.h"
#include "migration.h"
#include "ranges.h"

/*
 * The rest of a larger page is kept in pages of 4 KiB, the smallest size that
 * users may ask for
 */
#define REST_SHIFT	12

static int refuse(struct vfio_pci_migration *mig, int err, const char *why)
{
	mig_err(mig, ": a request of dirty page logging is refused: %s\n", why);
	return err;
}

/**
 * mig_log_init() - initialize logging of a function
 * @mig: its state, in the making
 * @desc: the function, valid
 *
 * Where firmware or this kernel can't, &mig_log.ops stays NULL.
 */
void mig_log_init(struct vfio_pci_migration *mig,
		  const struct vfio_pci_engine_desc *desc)
{
	struct mig_log *log = &mig->log;

	pending_init(&log->dirty_list);
	pending_init(&log->rest);
	if (!desc->log_ops || !desc->log_caps->max_ranges)
		return;
	if (!COMPAT_CAN_LOG) {
		pr_info_once("this kernel is built without IOMMUFD_DRIVER: devices can't log dirty pages, live migration treats all memory as dirty\n");
		return;
	}
	log->ops = desc->log_ops;
	log->caps = *desc->log_caps;
	if (!log->caps.chunk || log->caps.chunk > VFIO_PCI_LOG_CHUNK_MAX)
		log->caps.chunk = VFIO_PCI_LOG_CHUNK_MAX;
}

static int stop_logging(struct vfio_pci_migration *mig)
{
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = mig_fw_log_stop(mig);
	if (ret)
		mig_err(mig, ": firmware did not stop logging dirty pages (%pe)\n", ERR_PTR(ret));
	mig_log_drop(mig);
	return ret;
}

/**
 * mig_log_close() - end logging when the user closes the device
 * @mig: the state, locked
 */
void mig_log_close(struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	if (mig->log.ranges)
		stop_logging(mig);
}

/*
 * The core has checked alignment, overflow and overlap; but not for empty
 * ranges, whose end is before their beginning or wraps round.
 */
static int check_ranges(struct vfio_pci_migration *mig,
			struct rb_root_cached *root)
{
	struct interval_tree_node *node;

	for (node = interval_tree_iter_first(root, 0, ULONG_MAX); node;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX))
		if (node->last < node->start || node->last == ULONG_MAX)
			return refuse(mig, -EINVAL, "a range is empty");
	return 0;
}

static unsigned int copy_ranges(struct mig_range *r, unsigned int nr,
				struct rb_root_cached *root)
{
	struct interval_tree_node *node;
	unsigned int n = 0;

	for (node = interval_tree_iter_first(root, 0, ULONG_MAX);
	     node && n < nr; node = interval_tree_iter_next(node, 0, ULONG_MAX))
		r[n++] = (struct mig_range){ .first = node->start,
					     .last = node->last };
	return n;
}

static bool pages_fit(struct vfio_pci_migration *mig, const struct mig_range *r,
		      unsigned int n, unsigned int shift)
{
	u64 pages = ranges_pages(r, n, shift);

	/* The second: a range of the whole address space has no length */
	if (pages <= mig->log.caps.max_pages && pages <= U64_MAX >> shift)
		return true;
	mig_err(mig, ": can't log %llu pages of %u KiB, firmware's limit is %llu; ask for larger pages\n",
		pages, 1U << (shift - 10), mig->log.caps.max_pages);
	return false;
}

/* Fit the ranges to firmware's limits. Returns their number, or an errno */
static int fit_ranges(struct vfio_pci_migration *mig, struct mig_range *r,
		      unsigned int n, unsigned int shift)
{
	const struct vfio_pci_log_caps *caps = &mig->log.caps;
	u64 max_addr = round_down(caps->max_addr + 1, BIT_ULL(shift)) - 1;
	u64 min = round_up(caps->min_bytes, BIT_ULL(shift));

	lockdep_assert_held(&mig->state_mutex);
	if (!caps->max_addr)
		max_addr = U64_MAX;
	n = ranges_align(r, n, shift);
	if (r[n - 1].last > max_addr || (min && min - 1 > max_addr)) {
		mig_err(mig, ": can't log addresses up to 0x%llx, firmware's limit is 0x%llx\n",
			r[n - 1].last, max_addr);
		return -ERANGE;
	}
	if (min)
		n = ranges_widen(r, n, min, max_addr);
	if (!COMPAT_COMBINES)
		n = ranges_combine(r, n, caps->max_ranges);
	if (caps->max_bytes && ranges_longest(r, n) > caps->max_bytes - 1) {
		mig_err(mig, ": can't log a range of 0x%llx bytes, firmware's limit is 0x%llx\n",
			ranges_longest(r, n) + 1, caps->max_bytes);
		return -ENOSPC;
	}
	return pages_fit(mig, r, n, shift) ? n : -ENOSPC;
}

static int tell_firmware(struct vfio_pci_migration *mig,
			 const struct mig_range *r, unsigned int n,
			 unsigned int shift)
{
	struct vfio_pci_log_range *ranges;
	unsigned int i;
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ranges = kmalloc_array(n, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		ranges[i].iova = r[i].first;
		ranges[i].length = r[i].last - r[i].first + 1;
	}
	ret = mig_fw_log_start(mig, ranges, n, shift);
	kfree(ranges);
	if (ret)
		mig_err(mig, ": firmware does not log dirty pages (%pe)\n", ERR_PTR(ret));
	return ret;
}

static int start_logging(struct vfio_pci_migration *mig, struct mig_range *r,
			 unsigned int n, unsigned int shift)
{
	struct mig_log *log = &mig->log;
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	if (log->ranges)
		return refuse(mig, -EBUSY, "logging is already on; stop it first");
	ret = fit_ranges(mig, r, n, shift);
	if (ret < 0)
		return ret;
	n = ret;
	ret = tell_firmware(mig, r, n, shift);
	if (ret)
		return ret;
	log->ranges = r;
	log->nr = n;
	log->page_shift = shift;
	mig_account_log(&mig->stats, n, ranges_pages(r, n, shift), shift);
	return 0;
}

/**
 * mig_log_start() - begin to log
 * @mig: the state
 * @root: ranges, as vfio core makes them of the user's
 * @nr: how many, at least 1
 * @page_size: the page that the user would like; receives the one that firmware
 *	logs by
 *
 * Context: process context, sleeps; takes state_mutex.
 * Return: 0; -EINVAL: the page size is not a power of 2, or a range is empty;
 * -EBUSY: it is logging; -ENOSPC: too many pages for firmware, or too long a
 * range; -ERANGE: too high an address; -ENOMEM; others from firmware. On error
 * nothing has changed.
 */
int mig_log_start(struct vfio_pci_migration *mig, struct rb_root_cached *root,
		  u32 nr, u64 *page_size)
{
	const struct vfio_pci_log_caps *caps = &mig->log.caps;
	struct mig_range *r;
	unsigned int shift, n;
	int ret;

	if (hweight64(*page_size) != 1)
		return refuse(mig, -EINVAL, "the page size is not a power of 2");
	shift = clamp_t(unsigned int, ilog2(*page_size), caps->min_page_shift,
			caps->max_page_shift);
	ret = check_ranges(mig, root);
	if (ret)
		return ret;
	compat_combine_ranges(root, nr, caps->max_ranges);
	r = kmalloc_array(nr, sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	n = copy_ranges(r, nr, root);
	mig_lock(mig);
	ret = n ? start_logging(mig, r, n, shift) : -EINVAL;
	mig_unlock(mig);
	if (ret)
		kfree(r);
	else
		*page_size = 1ULL << shift;
	return ret;
}

/**
 * mig_log_stop() - end logging
 * @mig: the state
 *
 * Context: process context, sleeps; takes state_mutex.
 * Return: 0; -EINVAL: it is not logging; others from firmware: it has ended
 * nevertheless.
 */
int mig_log_stop(struct vfio_pci_migration *mig)
{
	int ret;

	mig_lock(mig);
	if (mig->log.ranges)
		ret = stop_logging(mig);
	else
		ret = refuse(mig, -EINVAL, "logging is off");
	mig_unlock(mig);
	return ret;
}

/* Firmware has then forgotten what was dirty: "nothing" would be no answer */
static int check_reset(struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	return mig_is_reset(mig) ? refuse(mig, -EAGAIN, "the function was reset meanwhile") : 0;
}

/*
 * Called between two parts of a long report. A fatal signal ends it: dirty
 * pages are lost then, as is their user.
 */
static int may_go_on(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/**
 * struct report - what a user has asked for
 * @first: first byte of it
 * @last: last byte
 * @shift: log2 of the page that the log is of: its first and last page may be
 *	there in part only
 * @dirty: vfio core's way to the user's bitmap
 */
struct report {
	u64 first;
	u64 last;
	unsigned int shift;
	struct iova_bitmap *dirty;
};

static u64 report_iova(const struct report *r)
{
	return round_down(r->first, BIT_ULL(r->shift));
}

static u64 report_pages(const struct report *r)
{
	return (r->last >> r->shift) - (r->first >> r->shift) + 1;
}

/*
 * The user's part of what is dirty. Under no lock: this may fault in pages of
 * the user's
 */
static void mark(const struct report *r, u64 iova, u64 length)
{
	u64 first = max(iova, r->first);

	iova_bitmap_set(r->dirty, first,
			min(iova + (length - 1), r->last) - first + 1);
}

/*
 * Firmware takes a reported page for clean; parts that no user has read stay
 * dirty here
 */
static int keep_rest(struct mig_log *log, const struct report *r, u64 iova)
{
	u64 last = iova + (BIT_ULL(r->shift) - 1);
	int ret = 0;

	if (iova < r->first)
		ret = pending_add(&log->rest, iova >> REST_SHIFT,
				  (r->first - iova) >> REST_SHIFT);
	if (!ret && last > r->last)
		ret = pending_add(&log->rest, (r->last + 1) >> REST_SHIFT,
				  (last - r->last) >> REST_SHIFT);
	return ret;
}

/* The same of a part of a report, whose first or last page is dirty */
static int keep_rests(struct mig_log *log, const struct report *r, u64 iova,
		      u64 pages, bool first, bool last)
{
	int ret = first ? keep_rest(log, r, iova) : 0;

	return last && !ret ?
		       keep_rest(log, r, iova + ((pages - 1) << r->shift)) :
		       ret;
}

/*
 * One chunk of a report: firmware's answer is in @buf then. Returns the dirty
 * pages' number
 */
static s64 ask_firmware(struct vfio_pci_migration *mig,
			struct vfio_pci_mig_buf *buf, const struct report *r,
			u64 iova, u64 pages)
{
	struct device *dev = &mig->fn->pf->dev;
	size_t len = DIV_ROUND_UP_ULL(pages, BITS_PER_BYTE);
	struct vfio_pci_log_bitmap bitmap = { .sgt = &buf->sgt, .len = len };
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	mig_buf_to_device(buf, dev);
	ret = mig_fw_log_report(mig, iova, pages << r->shift, &bitmap);
	mig_buf_to_cpu(buf, dev);
	if (ret) {
		mig_err(mig, ": firmware does not report dirty pages (%pe)\n", ERR_PTR(ret));
		return ret;
	}
	if (bitmap.len != len || bitmap.dirty > pages) {
		mig_err(mig, ": firmware reports %llu dirty pages of %llu in %zu bytes: the log is lost\n",
			bitmap.dirty, pages, bitmap.len);
		return -EIO;
	}
	ret = check_reset(mig);
	if (!ret && bitmap.dirty)
		ret = keep_rests(&mig->log, r, iova, pages,
				 test_bit_le(0, buf->vaddr),
				 test_bit_le(pages - 1, buf->vaddr));
	return ret ?: bitmap.dirty;
}

int vfio_pci_log_dirty(struct vfio_pci_dirty_list *list, u64 iova, u64 length)
{
	struct mig_log *log = container_of(list, struct mig_log, dirty_list);
	struct vfio_pci_migration *mig =
		container_of(log, struct vfio_pci_migration, log);

	lockdep_assert_held(&mig->state_mutex);
	/* The second refuses what is empty or wraps round, too */
	if (!IS_ALIGNED(iova | length, BIT_ULL(log->page_shift)) ||
	    !ranges_hold(log->ranges, log->nr, iova, iova + length - 1)) {
		mig_err(mig, ": firmware reports 0x%llx bytes from 0x%llx on dirty, which is outside the logged ranges: the log is lost\n",
			length, iova);
		return -EIO;
	}
	return pending_add(list, iova >> log->page_shift,
			   length >> log->page_shift);
}
EXPORT_SYMBOL_GPL(vfio_pci_log_dirty);

/*
 * Does no DMA: what firmware has not reported by now is all that there will be
 */
static bool is_quiet(const struct vfio_pci_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	return mig->state != VFIO_DEVICE_STATE_RUNNING &&
	       mig->state != VFIO_DEVICE_STATE_PRE_COPY &&
	       mig->state != VFIO_DEVICE_STATE_ERROR;
}

/*
 * Has firmware report all that it has of a range, and of others what it likes.
 * While the function runs what it did not have time for waits for the next
 * request: it would never be all.
 */
static int collect_changes(struct vfio_pci_migration *mig, u64 iova, u64 length)
{
	ktime_t end = ktime_add_ms(ktime_get(), mig->caps.timeout_ms);
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	do {
		ret = mig_fw_dirty_list(mig, iova, length);
		if (ret > 0 && is_quiet(mig) && ktime_after(ktime_get(), end))
			ret = -ETIMEDOUT;
		if (ret > 0 && may_go_on())
			return -EINTR;
	} while (ret > 0 && is_quiet(mig));
	if (ret >= 0)
		return check_reset(mig);
	mig_err(mig, ": firmware does not report dirty pages (%pe)\n", ERR_PTR(ret));
	return ret;
}

/*
 * Nothing between the chunks of a report keeps a reset or another thread from
 * changing the log
 */
static int check_request(struct vfio_pci_migration *mig, const struct report *r)
{
	const struct mig_log *log = &mig->log;

	lockdep_assert_held(&mig->state_mutex);
	if (!log->ranges || log->page_shift != r->shift)
		return refuse(mig, -EINVAL, "logging is off, or was started again");
	if (!IS_ALIGNED(r->first | (r->last + 1), BIT_ULL(REST_SHIFT)))
		return refuse(mig, -EINVAL, "the range does not consist of whole 4 KiB pages");
	/*
	 * Ranges are of whole pages of the log: they have what is around it,
	 * too
	 */
	if (!ranges_hold(log->ranges, log->nr, r->first, r->last))
		return refuse(mig, -EINVAL, "the range is not logged");
	return 0;
}

static s64 report_chunk(struct vfio_pci_migration *mig,
			struct vfio_pci_mig_buf *buf, const struct report *r,
			u64 iova, u64 pages)
{
	s64 ret;

	mig_lock(mig);
	ret = check_request(mig, r);
	if (!ret)
		ret = ask_firmware(mig, buf, r, iova, pages);
	mig_unlock(mig);
	return ret;
}

/* Returns the pages that it has marked */
static u64 mark_dirty(const void *bitmap, const struct report *r, u64 iova,
		      unsigned int pages)
{
	unsigned long first, end = 0;
	u64 marked = 0;

	while (end < pages) {
		first = find_next_bit_le(bitmap, pages, end);
		if (first >= pages)
			break;
		end = find_next_zero_bit_le(bitmap, pages, first);
		mark(r, iova + ((u64)first << r->shift),
		     (u64)(end - first) << r->shift);
		marked += end - first;
	}
	return marked;
}

static int report_all(struct vfio_pci_migration *mig,
		      struct vfio_pci_mig_buf *buf, const struct report *r)
{
	u64 n, iova = report_iova(r), pages = report_pages(r);
	s64 ret;

	for (; pages; pages -= n, iova += n << r->shift) {
		n = min_t(u64, pages, buf->size * BITS_PER_BYTE);
		ret = may_go_on() ?: report_chunk(mig, buf, r, iova, n);
		if (ret < 0)
			return ret;
		/* A clean chunk costs firmware's answer and nothing more */
		if (ret && mark_dirty(buf->vaddr, r, iova, n) != ret) {
			mig_err(mig, ": firmware counts %lld dirty pages, but its bitmap has another number\n",
				ret);
			return -EIO;
		}
	}
	return 0;
}

/*
 * Move pending pages of one part of the bitmap into @bits. Returns their number
 */
static int take_chunk(struct vfio_pci_migration *mig, const struct report *r,
		      struct vfio_pci_dirty_list *p, u64 page, unsigned int n,
		      unsigned long *bits)
{
	unsigned int at = page % PENDING_PAGES;
	int ret, err = 0;

	mig_lock(mig);
	ret = check_request(mig, r);
	if (!ret)
		ret = pending_take(p, page, n, bits);
	if (ret > 0 && p == &mig->log.dirty_list)
		err = keep_rests(&mig->log, r, page << r->shift, n,
				 test_bit(at, bits),
				 test_bit(at + n - 1, bits));
	mig_unlock(mig);
	return err ?: ret;
}

static int mark_pending(struct vfio_pci_migration *mig, const struct report *r,
			struct vfio_pci_dirty_list *p, unsigned int shift,
			unsigned long *bits)
{
	u64 page = r->first >> shift, pages = (r->last >> shift) - page + 1,
	    chunk;
	unsigned int n, b, e;
	int ret;

	for (; pages; pages -= n, page += n) {
		n = min_t(u64, pages, PENDING_PAGES - page % PENDING_PAGES);
		ret = may_go_on() ?: take_chunk(mig, r, p, page, n, bits);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		chunk = round_down(page, PENDING_PAGES);
		for_each_set_bitrange(b, e, bits, PENDING_PAGES)
			mark(r, (chunk + b) << shift, (u64)(e - b) << shift);
	}
	return 0;
}

/* For firmware that lists all written memory, also outside of the range */
static int report_changes(struct vfio_pci_migration *mig,
			  const struct report *r, unsigned long *bits)
{
	bool clean = false;
	int ret;

	mig_lock(mig);
	ret = check_request(mig, r);
	if (!ret)
		ret = collect_changes(mig, report_iova(r),
				      report_pages(r) << r->shift);
	if (!ret)
		clean = pending_empty(&mig->log.dirty_list);
	mig_unlock(mig);
	return ret || clean ? ret :
			      mark_pending(mig, r, &mig->log.dirty_list,
					   r->shift, bits);
}

/* For firmware that writes a bitmap of the range */
static int report_bitmaps(struct vfio_pci_migration *mig,
			  const struct report *r)
{
	struct device *dev = &mig->fn->pf->dev;
	struct vfio_pci_mig_buf buf = {};
	int ret;

	ret = mig_buf_alloc(&buf, min_t(u64, mig->log.caps.chunk,
					DIV_ROUND_UP_ULL(report_pages(r), BITS_PER_BYTE)), dev);
	if (ret)
		return -ENOMEM;
	ret = mig_buf_map(&buf, dev, DMA_FROM_DEVICE);
	if (!ret) {
		ret = report_all(mig, &buf, r);
		mig_buf_unmap(&buf, dev);
	}
	mig_buf_free(&buf);
	return ret;
}

/* Report the parts of pages that earlier reports left at their ends */
static int report_rest(struct vfio_pci_migration *mig, const struct report *r,
		       unsigned long *bits)
{
	bool clean;

	mig_lock(mig);
	clean = pending_empty(&mig->log.rest);
	mig_unlock(mig);
	return clean ? 0 :
		       mark_pending(mig, r, &mig->log.rest, REST_SHIFT, bits);
}

static int report(struct vfio_pci_migration *mig, const struct report *r)
{
	unsigned long *bits;
	int ret;

	/* Allocate first: without memory firmware's report would be lost */
	bits = kmalloc_array(BITS_TO_LONGS(PENDING_PAGES), sizeof(long),
			     GFP_KERNEL);
	if (!bits)
		return -ENOMEM;
	if (mig->log.ops->dirty_list)
		ret = report_changes(mig, r, bits);
	else
		ret = report_bitmaps(mig, r);
	if (!ret)
		ret = report_rest(mig, r, bits);
	kfree(bits);
	return ret;
}

/**
 * mig_log_report() - report dirty pages into a user's bitmap and clear them
 * @mig: the state
 * @iova: where the range begins
 * @length: bytes
 * @dirty: vfio core's way to the bitmap
 *
 * The log's pages may be larger than the range's. If a dirty page is only
 * partly in the range that part is reported, and the rest stays dirty.
 *
 * Context: process context, sleeps; takes state_mutex, and touches user memory
 * outside of it.
 * Return: 0; -EINVAL: it is not logging, or not in all of this range, or the
 * range is not of whole pages of 4 KiB; -EIO: firmware's report contradicts
 * itself; -EAGAIN: the function was reset, which has ended the log; -ENOMEM;
 * -ETIMEDOUT: the report has no end; -EINTR: the caller was killed; others from
 * firmware. On error what was dirty may be lost.
 */
int mig_log_report(struct vfio_pci_migration *mig, u64 iova, u64 length,
		   struct iova_bitmap *dirty)
{
	struct report r = { .first = iova,
			    .last = iova + (length - 1),
			    .dirty = dirty };
	int ret;

	/*
	 * The whole request first: refused, it must not have cleared half of
	 * the log
	 */
	mig_lock(mig);
	r.shift = mig->log.page_shift;
	ret = check_request(mig, &r);
	mig_unlock(mig);
	return ret ?: report(mig, &r);
}

const char *vfio_pci_engine_logging(const struct vfio_pci_log_ops *ops,
				    const struct vfio_pci_log_caps *caps)
{
	if (!ops || !caps->max_ranges)
		return "no";
	return COMPAT_CAN_LOG ? "yes" : "no, the kernel is built without IOMMUFD_DRIVER";
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_logging);

COMPAT_IMPORT_IOMMUFD;
