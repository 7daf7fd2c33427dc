// SPDX-License-Identifier: GPL-2.0-only
/* See fake_log.h. */
#include <linux/bitmap.h>
#include <linux/scatterlist.h>

#include "bed.h"
#include "dirty.h"
#include "fake_dma.h"
#include "fake_log.h"

#define CONTRACT(what) KUNIT_EXPECT_TRUE_MSG(log.test, what, "the contract of firmware operations")

/* There is one function at a time */
static struct fake_log log;

const struct vfio_pci_log_caps fake_log_caps = {
	.max_ranges = ARRAY_SIZE(log.range),
	.min_page_shift = LOG_SHIFT,
	.max_page_shift = 16,
	.max_pages = LOG_PAGES,
	.chunk = 4096,
};

/**
 * fake_log_begin() - nothing is logged, nothing goes wrong
 * @test: the test
 *
 * Return: the log.
 */
struct fake_log *fake_log_begin(struct kunit *test)
{
	log = (struct fake_log) {
		.test = test,
		.dirty = kunit_kcalloc(test, BITS_TO_LONGS(LOG_PAGES), sizeof(long), GFP_KERNEL),
		.marked = kunit_kcalloc(test, BITS_TO_LONGS(LOG_PAGES), sizeof(long), GFP_KERNEL),
	};
	KUNIT_ASSERT_NOT_NULL(test, log.dirty);
	KUNIT_ASSERT_NOT_NULL(test, log.marked);
	return &log;
}

static int fails(unsigned int *calls, enum log_act *act)
{
	*act = (*calls)++ == log.nth ? log.act : LOG_WELL;
	return *act == LOG_FAILS ? log.err : 0;
}

static int log_start(struct vfio_pci_fn *fn, const struct vfio_pci_log_range *ranges,
		     unsigned int nr, unsigned int page_shift)
{
	u64 mask = BIT_ULL(page_shift) - 1;
	enum log_act act;
	unsigned int i;
	int ret;

	CONTRACT(nr && nr <= ARRAY_SIZE(log.range));
	CONTRACT(page_shift >= fake_log_caps.min_page_shift);
	CONTRACT(page_shift <= fake_log_caps.max_page_shift);
	for (i = 0; i < nr; i++) {
		CONTRACT(ranges[i].length && !((ranges[i].iova | ranges[i].length) & mask));
		CONTRACT(!i || ranges[i].iova > ranges[i - 1].iova + ranges[i - 1].length);
	}
	ret = fails(&log.starts, &act);
	if (ret)
		return ret;
	log.on = true;
	log.shift = page_shift;
	log.nr = nr;
	memcpy(log.range, ranges, nr * sizeof(*ranges));
	bitmap_zero(log.dirty, LOG_PAGES);
	return 0;
}

static int log_stop(struct vfio_pci_fn *fn)
{
	enum log_act act;
	int ret;

	CONTRACT(log.on);
	ret = fails(&log.stops, &act);
	log.on = ret;
	return ret;
}

static bool is_logged(u64 iova, u64 length)
{
	unsigned int i;

	for (i = 0; i < log.nr; i++)
		if (iova >= log.range[i].iova &&
		    iova + length <= log.range[i].iova + log.range[i].length)
			return true;
	return false;
}

/* Takes them for clean */
static u64 dirty_pages(u8 *bits, u64 iova, u64 pages)
{
	unsigned long i, first = (iova - LOG_BASE) >> log.shift;
	u64 n = 0;

	for (i = 0; i < pages; i++) {
		if (!__test_and_clear_bit(first + i, log.dirty))
			continue;
		bits[i / 8] |= 1 << i % 8;
		n++;
	}
	return n;
}

/* That does not end by itself what firmware is at */
static void reset_meanwhile(enum log_act act)
{
	if (act != LOG_RESET)
		return;
	log.on = false;
	bitmap_zero(log.dirty, LOG_PAGES);
	bed_reset(log.bed);
}

static int log_report(struct vfio_pci_fn *fn, u64 iova, u64 length,
		      struct vfio_pci_log_bitmap *bitmap)
{
	u64 pages = length >> log.shift;
	enum log_act act;
	u8 *bits;
	int ret;

	CONTRACT(log.on);
	CONTRACT(is_logged(iova, length));
	CONTRACT(bitmap->len == DIV_ROUND_UP_ULL(pages, 8) && bitmap->len <= fake_log_caps.chunk);
	CONTRACT(fake_dma_is_devices(bitmap->sgt, DMA_FROM_DEVICE));
	ret = fails(&log.reports, &act);
	if (ret)
		return ret;
	reset_meanwhile(act);
	bits = kunit_kzalloc(log.test, bitmap->len, GFP_KERNEL);
	if (!bits)
		return -ENOMEM;
	bitmap->dirty = dirty_pages(bits, iova, pages) + (act == LOG_LESS);
	if (act == LOG_MANY)
		bitmap->dirty = pages + 1;
	bitmap->len -= act == LOG_SHORT;
	sg_copy_from_buffer(bitmap->sgt->sgl, bitmap->sgt->orig_nents, bits, bitmap->len);
	kunit_kfree(log.test, bits);
	return 0;
}

const struct vfio_pci_log_ops fake_log_ops = {
	.start = log_start,
	.stop = log_stop,
	.report = log_report,
};

/* What is wrong is refused, and firmware hands the errno on */
static int wrong_change(struct vfio_pci_dirty_list *list, enum log_act act)
{
	u64 page = BIT_ULL(log.shift), size = LOG_PAGES * page;

	switch (act) {
	case LOG_ODD:
		return vfio_pci_log_dirty(list, LOG_BASE, page + 512);
	case LOG_EMPTY:
		return vfio_pci_log_dirty(list, LOG_BASE, 0);
	case LOG_BELOW:
		return vfio_pci_log_dirty(list, LOG_BASE - page, 2 * page);
	case LOG_ABOVE:
		return vfio_pci_log_dirty(list, LOG_BASE, size + page);
	case LOG_WRAPS:
		return vfio_pci_log_dirty(list, LOG_BASE, -page);
	default:
		return 0;
	}
}

/* A run of dirty pages is a change */
static int log_changes(struct vfio_pci_fn *fn, struct vfio_pci_dirty_list *list, u64 iova,
		       u64 length)
{
	unsigned int b, e, n = 0;
	enum log_act act;
	int ret;

	CONTRACT(log.on);
	if (log.act == LOG_ENDLESS && log.reports >= log.nth) {
		log.reports++;
		return 1;
	}
	ret = fails(&log.reports, &act) ?: wrong_change(list, act);
	if (ret)
		return ret;
	reset_meanwhile(act);
	for_each_set_bitrange(b, e, log.dirty, LOG_PAGES) {
		if (log.batch && n++ == log.batch)
			return 1;
		ret = vfio_pci_log_dirty(list, LOG_BASE + ((u64)b << log.shift),
					 (u64)(e - b) << log.shift);
		if (ret)
			return ret;
		bitmap_clear(log.dirty, b, e - b);
	}
	return 0;
}

const struct vfio_pci_log_ops fake_dirty_list_ops = {
	.start = log_start,
	.stop = log_stop,
	.dirty_list = log_changes,
};

/**
 * fake_iova_bitmap_set() - iova_bitmap_set(): the user's bitmap is fake_log.marked
 * @dirty: not looked at
 * @iova: where it begins
 * @length: bytes that are dirty
 */
void fake_iova_bitmap_set(struct iova_bitmap *dirty, u64 iova, size_t length)
{
	KUNIT_EXPECT_TRUE(log.test, iova >= LOG_BASE);
	KUNIT_EXPECT_LE(log.test, (iova - LOG_BASE + length) >> LOG_SHIFT, LOG_PAGES);
	bitmap_set(log.marked, (iova - LOG_BASE) >> LOG_SHIFT, length >> LOG_SHIFT);
}
