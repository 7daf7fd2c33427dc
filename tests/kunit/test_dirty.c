// SPDX-License-Identifier: GPL-2.0-only
/*
 * Logging of dirty pages: each page that firmware reports reaches the user, once; firmware that
 * fails or reports nonsense at each call; and what ends the log.
 */
#include <linux/bitmap.h>
#include <linux/interval_tree.h>

#include "bed.h"
#include "fake_dma.h"
#include "fake_log.h"

#define S(name)	VFIO_DEVICE_STATE_##name

#define PAGE	BIT_ULL(LOG_SHIFT)
#define ALL	(LOG_PAGES * PAGE)
#define CHUNK	32768	/* pages whose bits fake_log_caps.chunk has room for */

static int start(struct bed *bed, u64 iova, u64 length, u64 page)
{
	struct interval_tree_node node = { .start = iova, .last = iova + length - 1 };
	struct rb_root_cached root = RB_ROOT_CACHED;
	int ret;

	interval_tree_insert(&node, &root);
	ret = mig_log_start(bed->mig, &root, 1, &page);
	if (!ret)
		KUNIT_EXPECT_EQ(bed->test, page, PAGE);
	return ret;
}

static int report(struct bed *bed, struct fake_log *log, u64 iova, u64 length)
{
	int ret;

	bitmap_zero(log->marked, LOG_PAGES);
	ret = mig_log_report(bed->mig, iova, length, NULL);
	KUNIT_EXPECT_EQ(bed->test, fake_dma_mapped(), bed->mig->file ? 2 : 0);
	return ret;
}

/* A page here and there, at the ends of chunks, and some together */
static void write_some(struct fake_log *log)
{
	bitmap_set(log->dirty, 0, 1);
	bitmap_set(log->dirty, 7, 2);
	bitmap_set(log->dirty, CHUNK - 1, 2);
	bitmap_set(log->dirty, 2 * CHUNK + 100, 1000);
	bitmap_set(log->dirty, LOG_PAGES - 1, 1);
}

static unsigned int marked(const struct fake_log *log)
{
	return bitmap_weight(log->marked, LOG_PAGES);
}

/* It still logs, or again */
static void logs(struct bed *bed, struct fake_log *log)
{
	struct kunit *test = bed->test;
	unsigned long *wanted = kunit_kcalloc(test, BITS_TO_LONGS(LOG_PAGES), sizeof(long),
					      GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, wanted);
	log->act = LOG_WELL;
	report(bed, log, LOG_BASE, ALL);
	write_some(log);
	bitmap_copy(wanted, log->dirty, LOG_PAGES);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_TRUE(test, bitmap_equal(wanted, log->marked, LOG_PAGES));
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_EQ(test, marked(log), 0);
	kunit_kfree(test, wanted);
}

static void reports(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);
	struct fake_log *log = fake_log_begin(test);

	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	logs(bed, log);
	KUNIT_EXPECT_EQ_MSG(test, log->reports, 3 * LOG_PAGES / CHUNK, "one for each chunk");

	/* A part of it leaves the rest dirty */
	write_some(log);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE + 7 * PAGE, PAGE), 0);
	KUNIT_EXPECT_EQ(test, marked(log), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(7, log->marked));
	KUNIT_EXPECT_TRUE(test, test_bit(8, log->dirty));
	KUNIT_EXPECT_EQ(test, mig_log_stop(bed->mig), 0);
	KUNIT_EXPECT_FALSE(test, log->on);
	bed_drop(bed);
}

static void start_fails(struct kunit *test)
{
	static const int errs[] = { -EIO, -ENOSPC, -ETIMEDOUT };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errs); i++) {
		struct bed *bed = bed_new(test, true);
		struct fake_log *log = fake_log_begin(test);

		log->act = LOG_FAILS;
		log->err = errs[i];
		KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), errs[i]);
		KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), -EINVAL);
		KUNIT_EXPECT_EQ(test, mig_log_stop(bed->mig), -EINVAL);
		KUNIT_EXPECT_EQ(test, log->stops + log->reports, 0);
		bed_is(bed, S(RUNNING));
		KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
		logs(bed, log);
		bed_drop(bed);
	}
}

/* It has ended all the same; the next start begins anew */
static void stop_fails(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);
	struct fake_log *log = fake_log_begin(test);

	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	write_some(log);
	log->act = LOG_FAILS;
	log->err = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, mig_log_stop(bed->mig), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), -EINVAL);
	KUNIT_EXPECT_EQ(test, mig_log_stop(bed->mig), -EINVAL);
	KUNIT_EXPECT_EQ(test, log->stops, 1);
	log->nth = ~0;
	KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_EQ_MSG(test, marked(log), 0, "what was dirty before");
	logs(bed, log);
	bed_drop(bed);
}

/* At each chunk: what is behind it is not asked for, and the log goes on */
static void report_fails(struct kunit *test)
{
	static const struct {
		enum log_act act;
		int err;
		int result;
	} failures[] = {
		{ LOG_FAILS, -EIO, -EIO },
		{ LOG_FAILS, -ETIMEDOUT, -ETIMEDOUT },
		{ LOG_SHORT, 0, -EIO },
		{ LOG_MANY, 0, -EIO },
		{ LOG_LESS, 0, -EIO },
	};
	unsigned int i, nth;

	for (i = 0; i < ARRAY_SIZE(failures); i++)
		for (nth = 0; nth < LOG_PAGES / CHUNK; nth++) {
			struct bed *bed = bed_new(test, true);
			struct fake_log *log = fake_log_begin(test);

			KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
			write_some(log);
			log->act = failures[i].act;
			log->err = failures[i].err;
			log->nth = nth;
			KUNIT_EXPECT_EQ_MSG(test, report(bed, log, LOG_BASE, ALL),
					    failures[i].result, "failure %u at chunk %u", i, nth);
			KUNIT_EXPECT_EQ(test, log->reports, nth + 1);
			KUNIT_EXPECT_GE(test, find_next_bit(log->marked, LOG_PAGES,
							    (nth + 1) * CHUNK), LOG_PAGES);
			bed_is(bed, S(RUNNING));
			logs(bed, log);
			bed_drop(bed);
		}
}

/* Without a word to firmware */
static void refused(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);
	struct fake_log *log = fake_log_begin(test);

	KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, ALL, 3 * PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, ALL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, 0, PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, ALL + PAGE, PAGE), -ENOSPC);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, mig_log_stop(bed->mig), -EINVAL);
	KUNIT_EXPECT_EQ(test, log->starts + log->stops + log->reports, 0);

	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), -EBUSY);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL + PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE - PAGE, PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE + 1, PAGE), -EINVAL);
	fake_dma_fail_alloc(1);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), -ENOMEM);
	fake_dma_fail_map(1);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), -EIO);
	KUNIT_EXPECT_EQ(test, log->starts, 1);
	KUNIT_EXPECT_EQ(test, log->stops + log->reports, 0);
	logs(bed, log);
	bed_drop(bed);
}

static void ends(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);
	struct fake_log *log = fake_log_begin(test);

	/* A reset, without a call */
	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	write_some(log);
	bed_reset(bed);
	log->on = false;
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), -EINVAL);
	KUNIT_EXPECT_EQ(test, mig_log_stop(bed->mig), -EINVAL);
	KUNIT_EXPECT_EQ(test, log->stops + log->reports, 0);

	/* It goes on through the states of migration */
	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	bed_go(bed, S(PRE_COPY));
	logs(bed, log);
	bed_go(bed, S(STOP_COPY));
	logs(bed, log);
	bed_go(bed, S(RESUMING));
	logs(bed, log);
	bed_go(bed, S(RUNNING));
	logs(bed, log);

	/* Closing ends it, with one call */
	KUNIT_EXPECT_EQ(test, log->stops, 0);
	bed_drop(bed);
	KUNIT_EXPECT_EQ(test, log->stops, 1);
	KUNIT_EXPECT_FALSE(test, log->on);
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(reports),
	KUNIT_CASE(start_fails),
	KUNIT_CASE(stop_fails),
	KUNIT_CASE(report_fails),
	KUNIT_CASE(refused),
	KUNIT_CASE(ends),
	{}
};

static struct kunit_suite dirty_suite = {
	.name = "vfio-pci-engine-dirty",
	.test_cases = dirty_cases,
};

kunit_test_suite(dirty_suite);
