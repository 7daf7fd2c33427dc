// SPDX-License-Identifier: GPL-2.0-only
/* Ranges for the dirty page tracker */
#include <stdlib.h>
#include <string.h>

#include "ranges.h"
#include "tap.h"

#define MAX_RANGES	64

/* "first-last first-last ..." in hex, to compare sets by eye */
static unsigned int parse(struct mig_range *r, const char *text)
{
	unsigned int n = 0;
	char *p = (char *)text;

	while (*p) {
		r[n].first = strtoull(p, &p, 16);
		r[n++].last = strtoull(p + 1, &p, 16);
		while (*p == ' ')
			p++;
	}
	return n;
}

static void same(const struct mig_range *r, unsigned int n, const char *text)
{
	struct mig_range want[MAX_RANGES];
	unsigned int m = parse(want, text);

	CHECK(n == m, "%u ranges instead of %s", n, text);
	for (unsigned int i = 0; i < n; i++)
		CHECK(r[i].first == want[i].first && r[i].last == want[i].last,
		      "range %u is %llx-%llx, wanted %s", i, (unsigned long long)r[i].first,
		      (unsigned long long)r[i].last, text);
}

static void aligned(const char *in, unsigned int shift, const char *out)
{
	struct mig_range r[MAX_RANGES];
	unsigned int n = parse(r, in);

	same(r, ranges_align(r, n, shift), out);
}

static void combined(const char *in, unsigned int max, const char *out)
{
	struct mig_range r[MAX_RANGES];
	unsigned int n = parse(r, in);

	same(r, ranges_combine(r, n, max), out);
}

static void widened(const char *in, u64 min, u64 max_addr, const char *out)
{
	struct mig_range r[MAX_RANGES];
	unsigned int n = parse(r, in);

	same(r, ranges_widen(r, n, min, max_addr), out);
}

static void widen_the_short(void)
{
	static const struct {
		const char *in;
		u64 min, max_addr;
		const char *out;
	} cases[] = {
		{ "1000-1fff", 0x1000, ~0ULL, "1000-1fff" },
		{ "1000-1fff", 0x3000, ~0ULL, "1000-3fff" },
		{ "1000-4fff 9000-9fff", 0x3000, ~0ULL, "1000-4fff 9000-bfff" },
		{ "1000-1fff 3000-3fff", 0x2000, ~0ULL, "1000-4fff" },
		{ "1000-1fff 2000-2fff 4000-4fff a000-afff", 0x5000, ~0ULL, "1000-8fff a000-efff" },
		{ "fffffffffffff000-ffffffffffffffff", 0x3000, ~0ULL,
		  "ffffffffffffd000-ffffffffffffffff" },
		{ "1000-1fff 5000-5fff 7000-7fff", 0x3000, 0x7fff, "1000-3fff 5000-7fff" },
		{ "1000-1fff 6000-6fff 7000-7fff", 0x5000, 0x7fff, "1000-7fff" },
		{ "6000-6fff 7000-7fff", 0x8000, 0x7fff, "0-7fff" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		widened(cases[i].in, cases[i].min, cases[i].max_addr, cases[i].out);
		CHECK_HELPER();
	}
}

static void longest(void)
{
	struct mig_range r[MAX_RANGES];

	CHECK(ranges_longest(r, parse(r, "1000-1fff 3000-5fff")) == 0x2fff, "the second");
	CHECK(ranges_longest(r, parse(r, "0-ffffffffffffffff")) == ~0ULL, "all there is");
}

static void align_widens(void)
{
	aligned("1000-1fff", 12, "1000-1fff");
	CHECK_HELPER();
	aligned("1001-1001", 12, "1000-1fff");
	CHECK_HELPER();
	aligned("1fff-2000 9000-9fff", 12, "1000-2fff 9000-9fff");
	CHECK_HELPER();
	aligned("1000-1fff", 30, "0-3fffffff");
}

static void align_joins(void)
{
	aligned("1000-1fff 2000-2fff", 12, "1000-2fff");
	CHECK_HELPER();
	aligned("1000-1fff 3000-3fff", 12, "1000-1fff 3000-3fff");
	CHECK_HELPER();
	aligned("1000-1fff 3000-3fff 20000-20fff", 16, "0-ffff 20000-2ffff");
	CHECK_HELPER();
	aligned("0-fff 1000-1fff 2000-2fff 5000-5fff 6000-6fff", 12, "0-2fff 5000-6fff");
}

static void align_at_the_end(void)
{
	aligned("fffffffffffff000-fffffffffffffffe", 12, "fffffffffffff000-ffffffffffffffff");
	CHECK_HELPER();
	aligned("0-fff fffffffffffffffe-fffffffffffffffe", 30,
		"0-3fffffff ffffffffc0000000-ffffffffffffffff");
	CHECK_HELPER();
	aligned("ffffffffffffe000-ffffffffffffefff fffffffffffff000-ffffffffffffffff", 12,
		"ffffffffffffe000-ffffffffffffffff");
}

static void combine_smallest_gap(void)
{
	combined("0-fff 2000-2fff 8000-8fff", 3, "0-fff 2000-2fff 8000-8fff");
	CHECK_HELPER();
	combined("0-fff 2000-2fff 8000-8fff", 2, "0-2fff 8000-8fff");
	CHECK_HELPER();
	combined("0-fff 5000-5fff 8000-8fff", 2, "0-fff 5000-8fff");
	CHECK_HELPER();
	combined("0-fff 2000-2fff 8000-8fff a000-afff", 2, "0-2fff 8000-afff");
	CHECK_HELPER();
	combined("0-fff 2000-2fff 8000-8fff", 1, "0-8fff");
	CHECK_HELPER();
	combined("0-fff", 1, "0-fff");
}

static void combine_what_qemu_asks_for(void)
{
	/* RAM below 4 GiB, RAM above, BARs far above */
	combined("0-bfffffff 100000000-43fffffff 380000000000-3800000fffff", 2,
		 "0-43fffffff 380000000000-3800000fffff");
}

static void counts(const struct mig_range *r, unsigned int n, u64 want)
{
	u64 got = ranges_pages(r, n, 12);

	CHECK(got == want, "%llu pages, wanted %llu", (unsigned long long)got,
	      (unsigned long long)want);
}

static void pages(void)
{
	struct mig_range r[2] = { { 0, 0xfff }, { 0x1000, 0x2fff } };
	struct mig_range all = { 0, ~0ULL };

	counts(r, 0, 0);
	CHECK_HELPER();
	counts(r + 1, 1, 2);
	CHECK_HELPER();
	counts(r, 2, 3);
	CHECK_HELPER();
	counts(&all, 1, 1ULL << 52);
}

static void hold(void)
{
	struct mig_range r[2] = { { 0x1000, 0x1fff }, { 0x3000, 0x4fff } };

	CHECK(ranges_hold(r, 2, 0x1000, 0x1fff), "all of the first");
	CHECK(ranges_hold(r, 2, 0x4000, 0x4fff), "end of the second");
	CHECK(!ranges_hold(r, 2, 0xfff, 0x1fff), "a byte before");
	CHECK(!ranges_hold(r, 2, 0x1000, 0x2000), "a byte behind");
	CHECK(!ranges_hold(r, 2, 0x1000, 0x4fff), "across the gap");
	CHECK(!ranges_hold(r, 2, 0x2000, 0x2fff), "the gap");
	CHECK(!ranges_hold(r, 1, 0x3000, 0x3fff), "not among the first");
	CHECK(!ranges_hold(r, 2, 0x4000, 0x3fff), "empty");
}

/* Whatever comes in: order, no overlap, nothing lost, and never more than asked for */
static void random_sets(void)
{
	srand(1);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int n = 1 + rand() % MAX_RANGES, max = 1 + rand() % 16, m;
		unsigned int shift = 12 + rand() % 9;
		static struct mig_range in[MAX_RANGES], r[MAX_RANGES];
		u64 at = 0;

		for (unsigned int i = 0; i < n; i++) {
			in[i].first = at + (u64)(rand() % 64) * 0x1000;
			in[i].last = in[i].first + (u64)(1 + rand() % 64) * 0x1000 - 1;
			at = in[i].last + 1;
		}
		memcpy(r, in, sizeof(r));
		m = ranges_combine(r, ranges_align(r, n, shift), max);
		CHECK(m >= 1 && m <= max, "%u of %u ranges", m, max);
		for (unsigned int i = 0; i < m; i++) {
			CHECK(!(r[i].first & ((1ULL << shift) - 1)), "unaligned");
			CHECK(!((r[i].last + 1) & ((1ULL << shift) - 1)), "unaligned");
			CHECK(r[i].first < r[i].last, "empty");
			CHECK(!i || r[i - 1].last + 1 < r[i].first, "out of order");
		}
		for (unsigned int i = 0; i < n; i++)
			CHECK(ranges_hold(r, m, in[i].first, in[i].last), "range %u is lost", i);
	}
}

const struct test range_tests[] = {
	TEST(align_widens, "ranges: widened to whole pages"),
	TEST(align_joins, "ranges: those that touch become one"),
	TEST(align_at_the_end, "ranges: up to the end of the address space"),
	TEST(widen_the_short, "ranges: those that are too short are widened, up or down"),
	TEST(longest, "ranges: the longest one"),
	TEST(combine_smallest_gap, "ranges: the smallest gap goes first"),
	TEST(combine_what_qemu_asks_for, "ranges: memory and BARs of a guest"),
	TEST(pages, "ranges: pages are counted"),
	TEST(hold, "ranges: inside, outside, across"),
	TEST(random_sets, "ranges: random sets lose nothing"),
	{}
};
