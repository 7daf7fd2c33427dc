// SPDX-License-Identifier: GPL-2.0-only
/* Streams of upstream's variant drivers: records of size, flags and tag, and nothing else */
#include <errno.h>
#include <string.h>

#include <linux/types.h>
#include <linux/kernel.h>

#include "lab.h"

#define CHUNK	(2 * LAB_MAX_PIECE + 100)

static struct lab_stream s;

static void record(u64 size, u32 flags, u32 tag, size_t len)
{
	struct stream_upstream rec = {
		.size = htole64(size), .flags = htole32(flags), .tag = htole32(tag),
	};

	memcpy(s.bytes + s.len, &rec, sizeof(rec));
	s.len += sizeof(rec);
	/* A size without data is a lie, told to a reader that must see through it */
	for (size_t i = 0; i < len; i++)
		s.bytes[s.len + i] = tag ? 0xee : lab_state_byte(s.w.state + i);
	s.len += len;
	if (!tag)
		s.w.state += len;
}

static void begin(void)
{
	memset(&s, 0, sizeof(s));
}

static void image(size_t len)
{
	record(len, 0, 0, len);
}

static struct lab_result feed(size_t step)
{
	return lab_feed_upstream(&s, step, CHUNK);
}

static void accepted(u64 state, unsigned int images, u64 largest)
{
	static const size_t steps[] = { 1, 7, 4096, 65536 };

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		struct lab_result res = feed(steps[i]);

		CHECK(!res.err && res.done, "%d: %s", res.err, res.why ? res.why : "");
		CHECK(res.used == s.len && res.state == state && res.state_ok, "%llu bytes",
		      (unsigned long long)res.state);
		CHECK(res.chunks == images && res.largest == largest, "%u images, %llu bytes",
		      res.chunks, (unsigned long long)res.largest);
	}
}

static void refused(int err, const char *why)
{
	static const size_t steps[] = { 1, 7, 65536 };

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		struct lab_result res = feed(steps[i]);

		CHECK(res.err == err && !res.done, "%d instead of %d: %s", res.err, err,
		      res.why ? res.why : "");
		CHECK(res.why && strstr(res.why, why), "'%s' has no '%s'",
		      res.why ? res.why : "(null)", why);
	}
}

static void written(void)
{
	static const u8 wanted[16] = { 0x01, 0x02, 0x03 };
	u8 out[16];

	CHECK(stream_write_upstream(out, 0x030201) == 16, "size");
	CHECK(!memcmp(out, wanted, sizeof(out)), "bytes");
}

static void images(void)
{
	begin();
	image(1);
	accepted(1, 1, 1);
	begin();
	image(CHUNK);
	image(LAB_MAX_PIECE);
	image(7);
	accepted(CHUNK + LAB_MAX_PIECE + 7, 3, CHUNK);
}

static void optional(void)
{
	begin();
	record(8, STREAM_UPSTREAM_OPTIONAL, 1, 8);
	image(100);
	record(0, STREAM_UPSTREAM_OPTIONAL, 7, 0);
	record(4096, STREAM_UPSTREAM_OPTIONAL, ~0u, 4096);
	image(LAB_MAX_PIECE + 1);
	accepted(LAB_MAX_PIECE + 101, 2, LAB_MAX_PIECE + 1);
}

/* It has no end: it may end behind each image, and nowhere else */
static void ends(void)
{
	size_t whole, first;

	begin();
	image(200);
	first = s.len;
	image(LAB_MAX_PIECE + 1);
	whole = s.len;
	for (s.len = 0; s.len <= whole; s.len++) {
		struct lab_result res = feed(whole + 1);

		CHECK(!res.err && res.done == (s.len == first || s.len == whole),
		      "%zu bytes: %d", s.len, res.err);
	}
	begin();
	record(8, STREAM_UPSTREAM_OPTIONAL, 1, 8);
	CHECK(!feed(100).done, "without an image");
}

static void too_large(void)
{
	static const u64 sizes[] = {
		CHUNK + 1, LAB_MAX_STATE + 1, UINT32_MAX, 1ULL << 32, 1ULL << 63, UINT64_MAX
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin();
		record(sizes[i], 0, 0, 0);
		refused(-EFBIG, "chunk that is too large");
		begin();
		record(sizes[i], STREAM_UPSTREAM_OPTIONAL, 1, 0);
		refused(-EFBIG, "optional record that is too large");
	}
}

static void not_known(void)
{
	begin();
	record(0, 0, 0, 0);
	refused(-EINVAL, "empty record");
	begin();
	record(8, 0, 1, 8);
	refused(-EOPNOTSUPP, "record that this kernel must know");
	for (unsigned int bit = 1; bit < 32; bit++) {
		begin();
		record(8, 1u << bit, 0, 8);
		refused(-EOPNOTSUPP, "unknown flags");
	}
	/* Ours */
	lab_usual(&s);
	refused(-EOPNOTSUPP, "unknown flags");
}

const struct test upstream_tests[] = {
	TEST(written, "upstream: a record's header, byte for byte"),
	TEST(images, "upstream: images of one part and of more"),
	TEST(optional, "upstream: optional records are skipped"),
	TEST(ends, "upstream: a stream may end behind an image, and nowhere else"),
	TEST(too_large, "upstream: sizes over the limits, up to 2^64 - 1"),
	TEST(not_known, "upstream: unknown tags and flags, an empty image, a stream of ours"),
	{}
};
