/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of a firmware that logs dirty pages: as it is told. Who asks for what is against the
 * contract of struct vfio_pci_log_ops is told so; what it reports is wrong where a test says so.
 */
#ifndef KUNIT_FAKE_LOG_H
#define KUNIT_FAKE_LOG_H

#include <kunit/test.h>
#include <linux/iova_bitmap.h>
#include <linux/vfio_pci_engine.h>

#define LOG_BASE	0x100000000ULL	/* where its memory begins, and how much of it there is */
#define LOG_PAGES	(5 * 32768)
#define LOG_SHIFT	12

/**
 * enum log_act - what goes wrong
 * @LOG_WELL: nothing
 * @LOG_FAILS: the call returns an errno
 * @LOG_SHORT: a report is a byte short
 * @LOG_MANY: it has more dirty pages than pages
 * @LOG_LESS: it has one dirty page less than it says
 * @LOG_ODD: a change is not of whole pages
 * @LOG_EMPTY: a change is of no bytes
 * @LOG_BELOW: a change begins before what is logged
 * @LOG_ABOVE: a change ends behind it
 * @LOG_WRAPS: a change ends before it begins
 * @LOG_ENDLESS: from that call on there is always more
 * @LOG_RESET: the function is reset by someone else, as a report is made: all is forgotten
 */
enum log_act {
	LOG_WELL,
	LOG_FAILS,
	LOG_SHORT,
	LOG_MANY,
	LOG_LESS,
	LOG_ODD,
	LOG_EMPTY,
	LOG_BELOW,
	LOG_ABOVE,
	LOG_WRAPS,
	LOG_ENDLESS,
	LOG_RESET,
};

struct bed;

/**
 * struct fake_log - what firmware logs
 * @test: which is told of errors
 * @on: it does
 * @shift: log2 of the page
 * @nr: ranges
 * @range: where
 * @dirty: a bit for each page of the log from LOG_BASE on
 * @marked: the user's bitmap, of pages of 1 << LOG_SHIFT
 * @starts: calls
 * @stops: calls
 * @reports: calls
 * @batch: runs of pages that a call has room for, of firmware that reports changes; 0: for all
 * @act: what is to go wrong
 * @nth: with which call of the kind, from 0
 * @err: errno of it
 * @bed: the bed of the function that LOG_RESET resets
 */
struct fake_log {
	struct kunit *test;
	bool on;
	unsigned int shift;
	unsigned int nr;
	struct vfio_pci_log_range range[4];
	unsigned long *dirty;
	unsigned long *marked;
	unsigned int starts;
	unsigned int stops;
	unsigned int reports;
	unsigned int batch;
	enum log_act act;
	unsigned int nth;
	int err;
	struct bed *bed;
};

extern const struct vfio_pci_log_ops fake_log_ops;
/* The same firmware, if it gives away all that it knows */
extern const struct vfio_pci_log_ops fake_dirty_list_ops;
extern const struct vfio_pci_log_caps fake_log_caps;

struct fake_log *fake_log_begin(struct kunit *test);
void fake_iova_bitmap_set(struct iova_bitmap *dirty, u64 iova, size_t length);

#endif /* KUNIT_FAKE_LOG_H */
