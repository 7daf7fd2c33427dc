// SPDX-License-Identifier: GPL-2.0-only
/* Streams of firmware whose chunks are whole images: chunks that go on in the next record */
#include <errno.h>
#include <string.h>

#include <linux/types.h>
#include <linux/kernel.h>

#include "lab.h"

#define CHUNK	(2 * LAB_MAX_PIECE + 100)

static struct lab_stream s;

/* A chunk of CHUNK bytes, in three records */
static void a_chunk(void)
{
	lab_part(&s, LAB_MAX_PIECE);
	lab_part(&s, LAB_MAX_PIECE);
	lab_state(&s, 100);
}

static void accepted(u64 state, unsigned int chunks, u64 largest)
{
	static const size_t steps[] = { 1, 7, 4096, 65536 };

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		struct lab_result res = lab_feed_framed(&s, steps[i], CHUNK);

		CHECK(!res.err && res.done, "%d: %s", res.err, res.why ? res.why : "");
		CHECK(res.state == state && res.state_ok, "%llu bytes",
		      (unsigned long long)res.state);
		CHECK(res.chunks == chunks && res.largest == largest, "%u chunks, %llu bytes",
		      res.chunks, (unsigned long long)res.largest);
	}
}

static void refused(int err, const char *why)
{
	static const size_t steps[] = { 1, 7, 65536 };

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		struct lab_result res = lab_feed_framed(&s, steps[i], CHUNK);

		CHECK(res.err == err && !res.done, "%d instead of %d: %s", res.err, err,
		      res.why ? res.why : "");
		CHECK(res.why && strstr(res.why, why), "'%s' has no '%s'",
		      res.why ? res.why : "(null)", why);
	}
}

static void written(void)
{
	lab_framed_header(&s);
	a_chunk();
	lab_end(&s);
	CHECK(le16_to_cpu(lab_the_header(&s)->version) == 2, "version");
	for (unsigned int i = 0; i < 4; i++)
		CHECK(le32_to_cpu(lab_the_record(&s, i)->flags) ==
		      (i < 2 ? STREAM_MANDATORY | STREAM_CONTINUED : STREAM_MANDATORY),
		      "record %u", i);
}

static void read_back(void)
{
	lab_framed_header(&s);
	a_chunk();
	lab_end(&s);
	accepted(CHUNK, 1, CHUNK);
}

static void several(void)
{
	lab_framed_header(&s);
	lab_state(&s, 7);
	lab_part(&s, LAB_MAX_PIECE);
	lab_state(&s, LAB_MAX_PIECE);
	lab_record(&s, LAB_OPTIONAL, 0, "x", 1);
	lab_state(&s, 9);
	lab_end(&s);
	accepted(2 * LAB_MAX_PIECE + 16, 3, 2 * LAB_MAX_PIECE);
}

static void of_precopy(void)
{
	lab_framed_header(&s);
	s.w.delta = true;
	a_chunk();
	a_chunk();
	lab_end(&s);
	accepted(2 * CHUNK, 2, CHUNK);
}

/* Of an engine from before framed chunks: each record is one */
static void first_version(void)
{
	lab_usual(&s);
	accepted(101 + LAB_MAX_PIECE, 3, LAB_MAX_PIECE);
}

static void cut(void)
{
	size_t whole;

	lab_framed_header(&s);
	a_chunk();
	lab_end(&s);
	whole = s.len;
	for (s.len = 0; s.len < whole; s.len++) {
		struct lab_result res = lab_feed_framed(&s, whole, CHUNK);

		CHECK(!res.err && !res.done, "cut at %zu: %d", s.len, res.err);
		CHECK(!res.chunks || s.len >= s.rec[3], "cut at %zu", s.len);
	}
}

static void too_large(void)
{
	lab_framed_header(&s);
	lab_part(&s, LAB_MAX_PIECE);
	lab_part(&s, LAB_MAX_PIECE);
	lab_state(&s, 101);
	refused(-EFBIG, "chunk that is too large");

	lab_framed_header(&s);
	s.w.delta = true;
	lab_part(&s, LAB_MAX_PIECE);
	lab_part(&s, LAB_MAX_PIECE);
	lab_part(&s, LAB_MAX_PIECE);
	refused(-EFBIG, "chunk that is too large");
}

static void too_much_state(void)
{
	lab_framed_header(&s);
	a_chunk();
	lab_state(&s, LAB_MAX_STATE - CHUNK);
	lab_state(&s, 1);
	refused(-EFBIG, "more state than such a function can have");
}

static void small_part(void)
{
	static const size_t lens[] = { 1, LAB_MAX_PIECE - 1 };

	for (unsigned int i = 0; i < ARRAY_SIZE(lens); i++) {
		lab_framed_header(&s);
		lab_part(&s, lens[i]);
		refused(-EINVAL, "part of a chunk that is too small");
	}
}

static void broken_off(void)
{
	lab_framed_header(&s);
	lab_part(&s, LAB_MAX_PIECE);
	lab_end(&s);
	refused(-EINVAL, "in the middle of a chunk");

	lab_framed_header(&s);
	lab_part(&s, LAB_MAX_PIECE);
	lab_record(&s, LAB_OPTIONAL, 0, "x", 1);
	refused(-EINVAL, "in the middle of a chunk");

	lab_framed_header(&s);
	lab_part(&s, LAB_MAX_PIECE);
	s.w.delta = true;
	lab_state(&s, 1);
	refused(-EINVAL, "mixes state");
}

static void flag_of_others(void)
{
	static const u32 tags[] = { STREAM_END, LAB_OPTIONAL };

	for (unsigned int i = 0; i < ARRAY_SIZE(tags); i++) {
		lab_framed_header(&s);
		lab_state(&s, 1);
		lab_record(&s, tags[i], STREAM_CONTINUED, "12345678", 8);
		refused(-EOPNOTSUPP, "unknown flags");
	}
	lab_header(&s);
	lab_part(&s, LAB_MAX_PIECE);
	refused(-EOPNOTSUPP, "unknown flags");
}

/* Firmware that takes chunks as they come has no whole images */
static void not_known_to_firmware(void)
{
	lab_framed_header(&s);
	lab_state(&s, 1);
	lab_end(&s);
	lab_refused(&s, -EOPNOTSUPP, "saved in whole images");
}

const struct test framed_tests[] = {
	TEST(written, "framed: a chunk goes on in records that say so"),
	TEST(read_back, "framed: what was written is read"),
	TEST(several, "framed: chunks of one record and of more"),
	TEST(of_precopy, "framed: chunks of a session with pre-copy"),
	TEST(first_version, "framed: each record of a stream of version 1 is a chunk"),
	TEST(cut, "framed: a stream cut at every byte is never complete"),
	TEST(too_large, "framed: a chunk over the limit"),
	TEST(too_much_state, "framed: more state than the limit"),
	TEST(small_part, "framed: a part that is smaller than a record can be"),
	TEST(broken_off, "framed: a chunk that does not go on"),
	TEST(flag_of_others, "framed: the flag where nothing can go on"),
	TEST(not_known_to_firmware, "framed: firmware that has no whole images"),
	{}
};
