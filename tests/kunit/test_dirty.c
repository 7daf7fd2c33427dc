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

static void a_report_has_the_pages_that_were_written(struct kunit *test)
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

static void a_failed_start_leaves_no_log(struct kunit *test)
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

/* The next start begins with a clean log */
static void a_failed_stop_ends_the_log(struct kunit *test)
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

/* At each chunk. The engine asks for no chunk after the failed one */
static void a_failed_report_does_not_end_the_log(struct kunit *test)
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

static void bad_ranges_do_not_reach_firmware(struct kunit *test)
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

static void a_reset_or_close_ends_the_log(struct kunit *test)
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

/* "Nothing is dirty" would be a lie: firmware has forgotten */
static void meets_reset(struct bed *bed)
{
	struct kunit *test = bed->test;
	struct fake_log *log = fake_log_begin(test);

	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	write_some(log);
	log->act = LOG_RESET;
	log->bed = bed;
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), -EAGAIN);
	KUNIT_EXPECT_EQ(test, log->reports, 1U);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), -EINVAL);
	bed_is(bed, S(RUNNING));
	KUNIT_EXPECT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	logs(bed, log);
	bed_drop(bed);
}

static void a_reset_during_a_report_ends_the_log(struct kunit *test)
{
	meets_reset(bed_new(test, true));
}

/* ---- firmware that gives away all that it knows ----------------------------------- */

static struct bed *bed_of_changes(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);

	bed->mig->log.ops = &fake_dirty_list_ops;
	return bed;
}

/* Firmware forgets what it has listed. The engine keeps the pages outside of the report */
static void a_dirty_list_keeps_unreported_pages(struct kunit *test)
{
	struct bed *bed = bed_of_changes(test);
	struct fake_log *log = fake_log_begin(test);
	unsigned int written;

	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	logs(bed, log);
	KUNIT_EXPECT_EQ_MSG(test, log->reports, 3U, "one for each request, not for each chunk");

	write_some(log);
	written = bitmap_weight(log->dirty, LOG_PAGES);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE + 7 * PAGE, PAGE), 0);
	KUNIT_EXPECT_EQ(test, marked(log), 1U);
	KUNIT_EXPECT_TRUE(test, test_bit(7, log->marked));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(log->dirty, LOG_PAGES));
	/* Across the border of two chunks of the engine's bitmap */
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE + (CHUNK - 1) * PAGE, 2 * PAGE), 0);
	KUNIT_EXPECT_EQ(test, marked(log), 2U);
	KUNIT_EXPECT_TRUE(test, test_bit(CHUNK - 1, log->marked) && test_bit(CHUNK, log->marked));
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_EQ(test, marked(log), written - 3);
	KUNIT_EXPECT_FALSE(test, test_bit(7, log->marked));
	KUNIT_EXPECT_TRUE(test, test_bit(8, log->marked));
	KUNIT_EXPECT_TRUE(test, test_bit(LOG_PAGES - 1, log->marked));
	logs(bed, log);
	bed_drop(bed);
}

/* A running function never stops writing, so the engine asks it once for each report */
static void a_dirty_list_is_read_to_its_end_when_stopped(struct kunit *test)
{
	struct bed *bed = bed_of_changes(test);
	struct fake_log *log = fake_log_begin(test);

	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	log->batch = 1;
	write_some(log);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_EQ(test, marked(log), 1U);
	KUNIT_EXPECT_EQ(test, log->reports, 1U);
	bed_go(bed, S(PRE_COPY));
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_EQ(test, marked(log), 2U);
	KUNIT_EXPECT_EQ(test, log->reports, 2U);
	bed_go(bed, S(PRE_COPY_P2P));
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_EQ(test, marked(log), 1003U);
	KUNIT_EXPECT_EQ(test, log->reports, 5U);
	logs(bed, log);
	bed_go(bed, S(STOP_COPY));
	logs(bed, log);
	bed_go(bed, S(STOP));
	logs(bed, log);
	bed_go(bed, S(RESUMING));
	logs(bed, log);
	bed_go(bed, S(RUNNING_P2P));
	logs(bed, log);
	bed_drop(bed);
}

/* At each call; what firmware listed before it stays dirty */
static void a_failed_dirty_list_loses_no_page(struct kunit *test)
{
	static const struct {
		enum log_act act;
		int err;
		int result;
	} failures[] = {
		{ LOG_FAILS, -EPROTO, -EPROTO },
		{ LOG_FAILS, -ETIMEDOUT, -ETIMEDOUT },
		{ LOG_ODD, 0, -EIO },
		{ LOG_EMPTY, 0, -EIO },
		{ LOG_BELOW, 0, -EIO },
		{ LOG_ABOVE, 0, -EIO },
		{ LOG_WRAPS, 0, -EIO },
		{ LOG_ENDLESS, 0, -ETIMEDOUT },
	};
	unsigned int i, nth;

	for (i = 0; i < ARRAY_SIZE(failures); i++)
		for (nth = 0; nth < 5; nth++) {
			struct bed *bed = bed_of_changes(test);
			struct fake_log *log = fake_log_begin(test);

			if (failures[i].act == LOG_ENDLESS)
				bed_impatient(bed);
			KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
			bed_go(bed, S(RUNNING_P2P));
			write_some(log);
			log->batch = 1;
			log->act = failures[i].act;
			log->err = failures[i].err;
			log->nth = nth;
			KUNIT_EXPECT_EQ_MSG(test, report(bed, log, LOG_BASE, ALL),
					    failures[i].result, "failure %u at call %u", i, nth);
			KUNIT_EXPECT_EQ(test, marked(log), 0U);
			bed_is(bed, S(RUNNING_P2P));
			log->act = LOG_WELL;
			KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
			KUNIT_EXPECT_EQ_MSG(test, marked(log), 1006U, "failure %u at call %u", i,
					    nth);
			logs(bed, log);
			bed_drop(bed);
		}
}

static void a_reset_during_a_dirty_list_ends_the_log(struct kunit *test)
{
	meets_reset(bed_of_changes(test));
}

static void a_new_dirty_list_is_empty(struct kunit *test)
{
	struct bed *bed = bed_of_changes(test);
	struct fake_log *log = fake_log_begin(test);

	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	write_some(log);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, PAGE), 0);
	KUNIT_EXPECT_EQ(test, mig_log_stop(bed->mig), 0);
	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_EQ_MSG(test, marked(log), 0U, "what was dirty before");

	write_some(log);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, PAGE), 0);
	bed_reset(bed);
	log->on = false;
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), -EINVAL);
	KUNIT_ASSERT_EQ(test, start(bed, LOG_BASE, ALL, PAGE), 0);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, ALL), 0);
	KUNIT_EXPECT_EQ_MSG(test, marked(log), 0U, "what was dirty before the reset");
	write_some(log);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, PAGE), 0);
	bed_drop(bed);
}

/* ---- a log of larger pages than a user asks for ------------------------------------ */

#define LARGE	16	/* pages of the user's in one of the log */

/* Pages of the user's from @first on, before @end; and no others are marked */
static void part(struct bed *bed, struct fake_log *log, unsigned int first, unsigned int end,
		 const char *wanted)
{
	char *got = kunit_kzalloc(bed->test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(bed->test, got);
	KUNIT_EXPECT_EQ(bed->test,
			report(bed, log, LOG_BASE + first * PAGE, (end - first) * PAGE), 0);
	scnprintf(got, PAGE_SIZE, "%*pbl", LOG_PAGES, log->marked);
	KUNIT_EXPECT_STREQ_MSG(bed->test, got, wanted, "pages %u to %u", first, end);
	kunit_kfree(bed->test, got);
}

static void start_large(struct bed *bed)
{
	struct interval_tree_node node = { .start = LOG_BASE, .last = LOG_BASE + ALL - 1 };
	struct rb_root_cached root = RB_ROOT_CACHED;
	u64 page = LARGE * PAGE;

	interval_tree_insert(&node, &root);
	KUNIT_ASSERT_EQ(bed->test, mig_log_start(bed->mig, &root, 1, &page), 0);
	KUNIT_EXPECT_EQ(bed->test, page, LARGE * PAGE);
}

static void parts_of(struct kunit *test, struct bed *bed)
{
	struct fake_log *log = fake_log_begin(test);

	start_large(bed);
	/* In the middle of one; the rest of it comes, once */
	set_bit(2, log->dirty);
	part(bed, log, 35, 37, "35-36");
	part(bed, log, 35, 37, "");
	part(bed, log, 32, 48, "32-34,37-47");
	part(bed, log, 0, LOG_PAGES, "");
	/* At both ends of a range, with a whole one between */
	bitmap_set(log->dirty, 3, 3);
	part(bed, log, 50, 85, "50-84");
	part(bed, log, 0, 49, "48");
	part(bed, log, 49, LOG_PAGES, "49,85-95");
	part(bed, log, 0, LOG_PAGES, "");
	/* Written again before the rest was asked for */
	set_bit(1, log->dirty);
	part(bed, log, 16, 20, "16-19");
	set_bit(1, log->dirty);
	part(bed, log, 18, 24, "18-23");
	part(bed, log, 0, LOG_PAGES, "16-17,24-31");
	/* What lies next to it is clean */
	set_bit(LOG_PAGES / LARGE - 1, log->dirty);
	part(bed, log, LOG_PAGES - 17, LOG_PAGES - 1, "163824-163838");
	part(bed, log, LOG_PAGES - 32, LOG_PAGES, "163839");
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE + 512, PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, PAGE + 512), -EINVAL);
	KUNIT_EXPECT_EQ(test, report(bed, log, LOG_BASE, 0), -EINVAL);
	/* Nothing is left for the next log */
	set_bit(0, log->dirty);
	part(bed, log, 0, 1, "0");
	KUNIT_EXPECT_EQ(test, mig_log_stop(bed->mig), 0);
	start_large(bed);
	part(bed, log, 0, LOG_PAGES, "");
	bed_drop(bed);
}

static void each_part_of_a_large_page_is_reported_once(struct kunit *test)
{
	parts_of(test, bed_new(test, true));
}

static void each_part_of_a_listed_large_page_is_reported_once(struct kunit *test)
{
	parts_of(test, bed_of_changes(test));
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(a_report_has_the_pages_that_were_written),
	KUNIT_CASE(a_failed_start_leaves_no_log),
	KUNIT_CASE(a_failed_stop_ends_the_log),
	KUNIT_CASE(a_failed_report_does_not_end_the_log),
	KUNIT_CASE(a_reset_during_a_report_ends_the_log),
	KUNIT_CASE(bad_ranges_do_not_reach_firmware),
	KUNIT_CASE(a_reset_or_close_ends_the_log),
	KUNIT_CASE(a_dirty_list_keeps_unreported_pages),
	KUNIT_CASE(a_dirty_list_is_read_to_its_end_when_stopped),
	KUNIT_CASE(a_failed_dirty_list_loses_no_page),
	KUNIT_CASE(a_reset_during_a_dirty_list_ends_the_log),
	KUNIT_CASE(a_new_dirty_list_is_empty),
	KUNIT_CASE(each_part_of_a_large_page_is_reported_once),
	KUNIT_CASE(each_part_of_a_listed_large_page_is_reported_once),
	{}
};

static struct kunit_suite dirty_suite = {
	.name = "vfio-pci-engine-dirty",
	.test_cases = dirty_cases,
};

kunit_test_suite(dirty_suite);
