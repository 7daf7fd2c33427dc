// SPDX-License-Identifier: GPL-2.0-only
/* Streams of sessions with pre-copy: STREAM_DELTA records */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <linux/types.h>
#include <linux/kernel.h>

#include "lab.h"

static struct lab_stream s;

static void written(void)
{
	lab_precopy(&s);
	for (unsigned int i = 0; i < 3; i++)
		CHECK(le32_to_cpu(lab_the_record(&s, i)->tag) == STREAM_DELTA, "record %u", i);
	CHECK(le32_to_cpu(lab_the_record(&s, 3)->tag) == STREAM_END, "record 3");
	lab_usual(&s);
	CHECK(le32_to_cpu(lab_the_record(&s, 0)->tag) == STREAM_STATE, "record 0");
}

static void read_back(void)
{
	lab_precopy(&s);
	lab_accepted(&s, 101 + LAB_MAX_PIECE);
	CHECK(lab_feed(&s, 0, 4096).delta, "it is of pre-copy");
	lab_usual(&s);
	CHECK(!lab_feed(&s, 0, 4096).delta, "it is not");
}

/* The same page may come again and again: only firmware knows what is too much */
static void more_than_state(void)
{
	lab_header(&s);
	s.w.delta = true;
	for (unsigned int i = 0; i < 4; i++)
		lab_state(&s, LAB_MAX_PIECE);
	lab_end(&s);
	static_assert(4 * LAB_MAX_PIECE > LAB_MAX_STATE, "that is no more");
	lab_accepted(&s, 4 * LAB_MAX_PIECE);
}

static void too_large(void)
{
	lab_header(&s);
	s.w.delta = true;
	lab_state(&s, LAB_MAX_PIECE + 1);
	lab_refused(&s, -EFBIG, "record of state that is too large");
}

static void empty(void)
{
	lab_header(&s);
	lab_record(&s, STREAM_DELTA, STREAM_MANDATORY, "", 0);
	lab_refused(&s, -EINVAL, "empty record of state");
}

static void mixed(void)
{
	lab_header(&s);
	lab_state(&s, 10);
	s.w.delta = true;
	lab_state(&s, 10);
	lab_end(&s);
	lab_refused(&s, -EINVAL, "mixes state with and without pre-copy");

	lab_header(&s);
	s.w.delta = true;
	lab_state(&s, 10);
	s.w.delta = false;
	lab_state(&s, 10);
	lab_end(&s);
	lab_refused(&s, -EINVAL, "mixes state with and without pre-copy");
}

static void not_known_to_firmware(void)
{
	struct lab_result res;

	lab_precopy(&s);
	res = lab_feed_plain(&s);
	CHECK(res.err == -EOPNOTSUPP && !res.begun && !res.done, "%d", res.err);
	CHECK(res.why && strstr(res.why, "saved with pre-copy"), "%s", res.why ?: "(null)");
	lab_usual(&s);
	CHECK(lab_feed_plain(&s).done, "a plain one is accepted");
}

const struct test precopy_tests[] = {
	TEST(written, "pre-copy: records have their own tag"),
	TEST(read_back, "pre-copy: what was written is read"),
	TEST(more_than_state, "pre-copy: more bytes than the state has"),
	TEST(too_large, "pre-copy: a record that is too large"),
	TEST(empty, "pre-copy: an empty record"),
	TEST(mixed, "pre-copy: records of both kinds"),
	TEST(not_known_to_firmware, "pre-copy: firmware that can't load it"),
	{}
};
