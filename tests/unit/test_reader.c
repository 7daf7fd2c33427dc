// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

static struct lab_stream s;

static void splits(void)
{
	lab_usual(&s);
	for (size_t split = 0; split <= s.len; split++) {
		struct lab_result res = lab_feed(&s, split, s.len);

		CHECK(!res.err && res.done, "split at %zu: %d", split, res.err);
		CHECK(res.state == 101 + LAB_MAX_PIECE && res.state_ok && res.pieces == 3,
		      "split at %zu: %llu bytes in %u records", split,
		      (unsigned long long)res.state, res.pieces);
	}
}

static void steps(void)
{
	lab_usual(&s);
	for (size_t step = 1; step < 400; step++) {
		struct lab_result res = lab_feed(&s, 0, step);

		CHECK(!res.err && res.done && res.state_ok, "step %zu: %d", step, res.err);
	}
}

static void smallest(void)
{
	lab_header(&s);
	lab_state(&s, 1);
	lab_end(&s);
	lab_accepted(&s, 1);
}

static void largest(void)
{
	lab_header(&s);
	lab_state(&s, LAB_MAX_PIECE);
	lab_state(&s, LAB_MAX_PIECE);
	lab_state(&s, LAB_MAX_STATE - 2 * LAB_MAX_PIECE);
	lab_end(&s);
	lab_accepted(&s, LAB_MAX_STATE);
}

static void truncated(void)
{
	size_t whole;

	lab_usual(&s);
	whole = s.len;
	for (s.len = 0; s.len < whole; s.len++) {
		struct lab_result res = lab_feed(&s, 0, whole);

		CHECK(!res.err && !res.done, "cut at %zu: %d", s.len, res.err);
		CHECK(res.header == (s.len >= 128), "cut at %zu", s.len);
		CHECK(res.used == s.len, "cut at %zu: used %zu", s.len, res.used);
	}
}

static void events(void)
{
	struct lab_result res;

	lab_usual(&s);
	s.len = s.rec[0] + 23;
	res = lab_feed(&s, 0, 1);
	CHECK(res.header && !res.begun, "a payload begins before its record is complete");
	s.len = s.rec[0] + 24;
	res = lab_feed(&s, 0, 1);
	CHECK(res.begun == 100 && !res.state, "%llu", (unsigned long long)res.begun);
	s.len = s.rec[1] - 1;
	res = lab_feed(&s, 0, 1);
	CHECK(!res.state, "a payload ends before it is complete");
	s.len = s.rec[1];
	res = lab_feed(&s, 0, 1);
	CHECK(res.state == 100, "%llu", (unsigned long long)res.state);
}

static void optional_of(size_t len)
{
	u8 *data = calloc(1, len + 1);

	lab_header(&s);
	lab_record(&s, LAB_OPTIONAL, 0, data, len);
	lab_state(&s, 100);
	lab_record(&s, 0, 0, data, len);
	lab_record(&s, ~0u, 0, data, len);
	lab_state(&s, 100);
	lab_record(&s, LAB_OPTIONAL, 0, data, len);
	lab_end(&s);
	free(data);
	lab_accepted(&s, 200);
}

static void optional(void)
{
	static const size_t lens[] = { 0, 1, 127, 128, 129, 256, 4095, 4096 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		optional_of(lens[i]);
		CHECK_HELPER();
	}
}

static void longest_type(void)
{
	static const struct stream_limits limits = { .max_state = 1, .max_record = 1 };
	struct stream_ident ident = lab_ident;
	struct stream_reader r;
	struct stream_header h;
	void *dst;
	int ev;

	memset(ident.type, 'x', sizeof(ident.type) - 1);
	stream_write_header(&h, &ident, 7, false);
	stream_reader_init(&r, &ident, &limits);
	CHECK(stream_want(&r, &dst) == sizeof(h), "%zu", stream_want(&r, &dst));
	memcpy(dst, &h, sizeof(h));
	ev = stream_got(&r, sizeof(h));
	CHECK(ev == STREAM_HEADER && r.compat == 7, "%d %u", ev, r.compat);
}

static void mandatory_flag_of_known(void)
{
	lab_header(&s);
	lab_state(&s, 10);
	lab_end(&s);
	lab_the_record(&s, 0)->flags = 0;
	lab_seal_record(&s, 0);
	lab_the_record(&s, 1)->flags = 0;
	lab_seal_record(&s, 1);
	lab_accepted(&s, 10);
}

/* Sums of lengths must not wrap where the limits are as large as their types */
static void no_wrap(void)
{
	struct lab_result res;

	lab_header(&s);
	lab_state(&s, 16);
	lab_record(&s, STREAM_STATE, STREAM_MANDATORY, NULL, UINT64_MAX - 15);
	res = lab_feed_limits(&s, 0, s.len, UINT64_MAX, 16);
	CHECK(res.err == -EFBIG, "%d", res.err);

	lab_header(&s);
	lab_state(&s, 16);
	lab_record(&s, STREAM_STATE, STREAM_MANDATORY, NULL, UINT64_MAX - 15);
	res = lab_feed_limits(&s, 0, s.len, UINT64_MAX - 32, SIZE_MAX);
	CHECK(res.err == -EFBIG && res.begun == 16, "%d", res.err);
}

const struct test reader_tests[] = {
	TEST(splits, "reader: a stream split at every byte"),
	TEST(steps, "reader: a stream in steps of 1 to 399 bytes"),
	TEST(smallest, "reader: one byte of state"),
	TEST(largest, "reader: as much state as allowed, in the largest records"),
	TEST(truncated, "reader: a stream cut at every byte is never complete"),
	TEST(events, "reader: nothing happens before a record is complete"),
	TEST(optional, "reader: optional records are skipped"),
	TEST(longest_type, "reader: type name of 63 bytes"),
	TEST(mandatory_flag_of_known, "reader: known records without the mandatory flag"),
	TEST(no_wrap, "reader: sums of lengths do not wrap"),
	{}
};
