// SPDX-License-Identifier: GPL-2.0-only
/* Every refusal: its errno, and the beginning of what the log says */
#include <errno.h>
#include <string.h>

#include <linux/kernel.h>

#include "lab.h"

static const struct stream_limits limits = { .max_state = 1, .max_record = 1 };
static struct lab_stream s;

static void bit_flips(void)
{
	lab_header(&s);
	lab_state(&s, 40);
	lab_state(&s, 3);
	lab_end(&s);
	for (size_t bit = 0; bit < s.len * 8; bit++) {
		struct lab_result res;

		s.bytes[bit / 8] ^= 1 << bit % 8;
		res = lab_feed(&s, 0, s.len);
		s.bytes[bit / 8] ^= 1 << bit % 8;
		CHECK(!res.done, "bit %zu", bit);
		/* A length that has grown may make the reader wait for more */
		CHECK(res.err == 0 || res.why, "bit %zu: %d without a reason", bit, res.err);
	}
}

struct flip {
	const char *field;
	size_t offset;
	u8 mask;
	int err;
	const char *why;
};

/* Each field of the header, flipped: what damage looks like */
static void damaged_header(void)
{
	static const struct flip flips[] = {
		{ "magic", 0, 1, -EINVAL, "wrong magic number" },
		{ "magic's end", 7, 0x80, -EINVAL, "wrong magic number" },
		{ "version", 8, 2, -EOPNOTSUPP, "version is not known" },
		{ "version, upper half", 9, 1, -EOPNOTSUPP, "version is not known" },
		{ "size", 10, 1, -EINVAL, "wrong size" },
		{ "size, upper half", 11, 1, -EINVAL, "wrong size" },
		{ "vendor", 12, 1, -EPROTO, "header is damaged" },
		{ "device", 14, 1, -EPROTO, "header is damaged" },
		{ "subvendor", 16, 1, -EPROTO, "header is damaged" },
		{ "subdevice", 18, 1, -EPROTO, "header is damaged" },
		{ "compat", 20, 1, -EPROTO, "header is damaged" },
		{ "type", 24, 1, -EPROTO, "header is damaged" },
		{ "type's end", 87, 1, -EPROTO, "header is damaged" },
		{ "reserved", 88, 1, -EPROTO, "header is damaged" },
		{ "reserved's end", 119, 1, -EPROTO, "header is damaged" },
		{ "setup", 120, 1, -EPROTO, "header is damaged" },
		{ "setup's end", 123, 0x80, -EPROTO, "header is damaged" },
		{ "crc", 124, 1, -EPROTO, "header is damaged" },
		{ "crc's end", 127, 0x80, -EPROTO, "header is damaged" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flips); i++) {
		lab_usual(&s);
		s.bytes[flips[i].offset] ^= flips[i].mask;
		lab_refused(&s, flips[i].err, flips[i].why);
		CHECK(!tap_has_failed(), "%s", flips[i].field);
	}
}

static void damaged_record(void)
{
	static const struct flip flips[] = {
		{ "tag", 0, 4, -EOPNOTSUPP, "must know" },
		{ "tag, upper end", 3, 0x80, -EOPNOTSUPP, "must know" },
		{ "flags", 4, 1, -EPROTO, "damaged record" },
		{ "flags, unknown", 4, 2, -EOPNOTSUPP, "unknown flags" },
		{ "flags, upper end", 7, 0x80, -EOPNOTSUPP, "unknown flags" },
		{ "length, shorter", 8, 4, -EPROTO, "damaged record" },
		{ "length, huge", 15, 0x80, -EFBIG, "too large" },
		{ "seq", 16, 1, -EPROTO, "not in order" },
		{ "seq, upper end", 19, 0x80, -EPROTO, "not in order" },
		{ "crc", 20, 1, -EPROTO, "damaged record" },
		{ "crc's end", 23, 0x80, -EPROTO, "damaged record" },
		{ "data", 24, 1, -EPROTO, "damaged record" },
		{ "data's end", 123, 1, -EPROTO, "damaged record" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flips); i++) {
		lab_usual(&s);
		s.bytes[s.rec[0] + flips[i].offset] ^= flips[i].mask;
		lab_refused(&s, flips[i].err, flips[i].why);
		CHECK(!tap_has_failed(), "%s", flips[i].field);
	}
}

static void damaged_end(void)
{
	static const struct flip flips[] = {
		{ "length", 8, 1, -EINVAL, "end record has a wrong length" },
		{ "seq", 16, 1, -EPROTO, "not in order" },
		{ "crc", 20, 1, -EPROTO, "damaged record" },
		{ "state", 24, 1, -EPROTO, "damaged record" },
		{ "state's end", 31, 0x80, -EPROTO, "damaged record" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flips); i++) {
		lab_usual(&s);
		s.bytes[s.rec[3] + flips[i].offset] ^= flips[i].mask;
		lab_refused(&s, flips[i].err, flips[i].why);
		CHECK(!tap_has_failed(), "%s", flips[i].field);
	}
}

/* From here on all checksums are right: what an enemy sends */

static void other_device(void)
{
	for (size_t offset = 12; offset < 20; offset++) {
		lab_usual(&s);
		s.bytes[offset] ^= 1;
		lab_seal_header(&s);
		lab_refused(&s, -EMEDIUMTYPE, "another kind of PCI device");
		CHECK(!tap_has_failed(), "offset %zu", offset);
	}
}

static void type_is(const char *bytes, size_t len)
{
	struct stream_header *h;

	lab_usual(&s);
	h = lab_the_header(&s);
	memset(h->type, 0, sizeof(h->type));
	memcpy(h->type, bytes, len);
	lab_seal_header(&s);
	lab_refused(&s, -EMEDIUMTYPE, "another type");
}

static void other_type(void)
{
	static const char * const types[] = {
		"", "r", "refdev-dm", "refdev-dmaa", "refdev-dma-lite", "Refdev-dma", " refdev-dma",
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		type_is(types[i], strlen(types[i]));
		CHECK(!tap_has_failed(), "'%s'", types[i]);
	}
}

/* Of a function that was set up otherwise; 0 is as the type says */
static void other_setup(void)
{
	static const u32 setups[][2] = { { 0, 1 }, { 1, 0 }, { 1, 2 }, { 0x80000000, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(setups); i++) {
		struct stream_ident ident = lab_ident;
		struct stream_header h;
		struct stream_reader r;
		void *dst;
		int ev;

		ident.setup = setups[i][0];
		stream_write_header(&h, &ident, LAB_COMPAT, false);
		for (int equal = 0; equal < 2; equal++) {
			ident.setup = setups[i][1 - equal];
			stream_reader_init(&r, &ident, &limits);
			stream_want(&r, &dst);
			memcpy(dst, &h, sizeof(h));
			ev = stream_got(&r, sizeof(h));
			CHECK(ev == (equal ? STREAM_HEADER : -EREMCHG), "%zu: %d", i, ev);
			CHECK(equal || strstr(r.why, "other attributes"), "%s", r.why);
		}
	}
}

static void type_without_nul(void)
{
	char type[STREAM_TYPE_LEN];

	memset(type, 'x', sizeof(type));
	type_is(type, sizeof(type));
	CHECK_HELPER();

	/* Also where the two are equal as far as the field goes */
	struct stream_ident ident = lab_ident;
	struct stream_header h;
	struct stream_reader r;
	void *dst;
	int ev;

	memset(ident.type, 'x', sizeof(ident.type));
	memset(&s, 0, sizeof(s));
	s.len = stream_write_header(s.bytes, &lab_ident, 0, false);
	memset(lab_the_header(&s)->type, 'x', STREAM_TYPE_LEN);
	lab_seal_header(&s);
	memcpy(&h, s.bytes, sizeof(h));
	stream_reader_init(&r, &ident, &limits);
	stream_want(&r, &dst);
	memcpy(dst, &h, sizeof(h));
	ev = stream_got(&r, sizeof(h));
	CHECK(ev == -EMEDIUMTYPE && r.why, "%d", ev);
}

static void header_sizes(void)
{
	static const u16 sizes[] = { 0, 127, 129, 65535 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		lab_usual(&s);
		lab_the_header(&s)->size = htole16(sizes[i]);
		lab_seal_header(&s);
		lab_refused(&s, -EINVAL, "header has a wrong size");
		CHECK_HELPER();
	}
}

static void other_versions(void)
{
	static const u16 versions[] = { 0, 3, 256, 65535 };

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		lab_usual(&s);
		lab_the_header(&s)->version = htole16(versions[i]);
		lab_seal_header(&s);
		lab_refused(&s, -EOPNOTSUPP, "version is not known");
		CHECK_HELPER();
	}
}

static void unknown_flags(void)
{
	for (unsigned int bit = 1; bit < 32; bit++) {
		lab_header(&s);
		lab_record(&s, LAB_OPTIONAL, 1u << bit, "x", 1);
		lab_refused(&s, -EOPNOTSUPP, "unknown flags");
		CHECK(!tap_has_failed(), "bit %u", bit);

		lab_usual(&s);
		lab_the_record(&s, 0)->flags |= htole32(1u << bit);
		lab_seal_record(&s, 0);
		lab_refused(&s, -EOPNOTSUPP, "unknown flags");
		CHECK(!tap_has_failed(), "bit %u of a known record", bit);
	}
}

static void mandatory_tags(void)
{
	static const u32 tags[] = { 0, 4, LAB_OPTIONAL, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		lab_header(&s);
		lab_record(&s, tags[i], STREAM_MANDATORY, "", 0);
		lab_refused(&s, -EOPNOTSUPP, "record that this kernel must know");
		CHECK(!tap_has_failed(), "tag %#x", tags[i]);
	}
}

static void large_optional(void)
{
	static const u64 lens[] = { 4097, 65536, UINT32_MAX, 1ULL << 32, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		lab_header(&s);
		lab_record(&s, LAB_OPTIONAL, 0, NULL, lens[i]);
		lab_refused(&s, -EFBIG, "optional record that is too large");
		CHECK(!tap_has_failed(), "%llu bytes", (unsigned long long)lens[i]);
	}
}

static void damaged_optional(void)
{
	lab_header(&s);
	lab_record(&s, LAB_OPTIONAL, 0, "12345", 5);
	lab_state(&s, 1);
	s.bytes[s.rec[0] + 24 + 4] ^= 1;
	lab_refused(&s, -EPROTO, "damaged record");
	CHECK_HELPER();

	lab_header(&s);
	lab_record(&s, LAB_OPTIONAL, 0, "", 0);
	lab_state(&s, 1);
	lab_the_record(&s, 0)->crc ^= htole32(1);
	lab_refused(&s, -EPROTO, "damaged record");
}

static void empty_piece(void)
{
	lab_header(&s);
	lab_record(&s, STREAM_STATE, STREAM_MANDATORY, "", 0);
	lab_refused(&s, -EINVAL, "empty record");
}

static void large_piece(void)
{
	static const u64 lens[] = {
		LAB_MAX_PIECE + 1, LAB_MAX_STATE + 1, 1ULL << 31, UINT32_MAX, 1ULL << 32,
		(1ULL << 32) + 1, 1ULL << 63, UINT64_MAX,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		lab_header(&s);
		lab_record(&s, STREAM_STATE, STREAM_MANDATORY, NULL, lens[i]);
		lab_refused(&s, -EFBIG, "record of state that is too large");
		CHECK(!tap_has_failed(), "%llu bytes", (unsigned long long)lens[i]);
	}
}

static void too_much_state(void)
{
	lab_header(&s);
	lab_state(&s, LAB_MAX_PIECE);
	lab_state(&s, LAB_MAX_PIECE);
	lab_state(&s, LAB_MAX_STATE - 2 * LAB_MAX_PIECE + 1);
	lab_end(&s);
	lab_refused(&s, -EFBIG, "more state than such a function can have");
	CHECK_HELPER();

	lab_header(&s);
	lab_state(&s, LAB_MAX_PIECE);
	lab_state(&s, LAB_MAX_PIECE);
	lab_state(&s, LAB_MAX_STATE - 2 * LAB_MAX_PIECE);
	lab_state(&s, 1);
	lab_end(&s);
	lab_refused(&s, -EFBIG, "more state than such a function can have");
}

static void end_lengths(void)
{
	static const u64 lens[] = { 0, 7, 9, 4096, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		lab_header(&s);
		lab_state(&s, 1);
		lab_record(&s, STREAM_END, STREAM_MANDATORY, NULL, lens[i]);
		lab_refused(&s, -EINVAL, "end record has a wrong length");
		CHECK(!tap_has_failed(), "%llu bytes", (unsigned long long)lens[i]);
	}
}

static void no_state(void)
{
	lab_header(&s);
	lab_end(&s);
	lab_refused(&s, -EINVAL, "ends without any state");
}

static void end_disagrees(void)
{
	static const u64 states[] = { 0, 99, 101, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		__le64 state = htole64(states[i]);

		lab_header(&s);
		lab_state(&s, 100);
		lab_record(&s, STREAM_END, STREAM_MANDATORY, &state, sizeof(state));
		lab_refused(&s, -EPROTO, "end does not agree with its state");
		CHECK(!tap_has_failed(), "%llu", (unsigned long long)states[i]);
	}
}

/* Copy record @from of a right stream to the end of another */
static void append(const struct lab_stream *right, unsigned int from)
{
	size_t end = from + 1 < right->nr_recs ? right->rec[from + 1] : right->len;
	size_t len = end - right->rec[from];

	memcpy(s.bytes + s.len, right->bytes + right->rec[from], len);
	s.len += len;
}

static void reordered(void)
{
	static const unsigned int orders[][5] = {
		{ 0, 0, 1, 2, 3 },	/* repeated */
		{ 0, 2, 3 },		/* one lost */
		{ 1, 2, 3 },		/* the first one lost */
		{ 1, 0, 2, 3 },		/* exchanged */
		{ 0, 1, 3 },		/* the last one lost */
		{ 3 },			/* only the end */
	};
	static const unsigned int lens[] = { 5, 3, 3, 4, 3, 1 };
	static struct lab_stream right;

	lab_header(&right);
	lab_state(&right, 64);
	lab_state(&right, 64);
	lab_state(&right, 64);
	lab_end(&right);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		lab_header(&s);
		for (unsigned int j = 0; j < lens[i]; j++)
			append(&right, orders[i][j]);
		lab_refused(&s, -EPROTO, "records are not in order");
		CHECK(!tap_has_failed(), "order %zu", i);
	}
}

static void junk(void)
{
	lab_usual(&s);
	s.bytes[s.len++] = 0;
	CHECK(lab_feed(&s, 0, 1).err == -ENOTEMPTY, "one byte behind the end");

	/* Another stream is no less junk, nor is an optional record */
	lab_usual(&s);
	memcpy(s.bytes + s.len, s.bytes, 128);
	s.len += 128;
	CHECK(lab_feed(&s, 0, 4096).err == -ENOTEMPTY, "a header behind the end");
	lab_usual(&s);
	lab_record(&s, LAB_OPTIONAL, 0, "x", 1);
	CHECK(lab_feed(&s, 0, 4096).err == -ENOTEMPTY, "a record behind the end");
}

const struct test refusal_tests[] = {
	TEST(bit_flips, "refusal: every single bit flipped"),
	TEST(damaged_header, "refusal: each field of the header damaged"),
	TEST(damaged_record, "refusal: each field of a record damaged"),
	TEST(damaged_end, "refusal: each field of the end damaged"),
	TEST(other_versions, "refusal: other versions"),
	TEST(header_sizes, "refusal: other header sizes"),
	TEST(other_device, "refusal: another PCI device"),
	TEST(other_type, "refusal: another type"),
	TEST(other_setup, "refusal: a function with other attributes"),
	TEST(type_without_nul, "refusal: type without a NUL"),
	TEST(unknown_flags, "refusal: unknown flags"),
	TEST(mandatory_tags, "refusal: unknown mandatory records"),
	TEST(large_optional, "refusal: optional records over 4096 bytes"),
	TEST(damaged_optional, "refusal: damaged optional records"),
	TEST(empty_piece, "refusal: empty record of state"),
	TEST(large_piece, "refusal: record over the limit, up to 2^64 - 1"),
	TEST(too_much_state, "refusal: more state than the limit"),
	TEST(end_lengths, "refusal: end record of a wrong length"),
	TEST(no_state, "refusal: no state at all"),
	TEST(end_disagrees, "refusal: end that disagrees with the state"),
	TEST(reordered, "refusal: records lost, repeated or out of order"),
	TEST(junk, "refusal: data behind the end"),
	{}
};
