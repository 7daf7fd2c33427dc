// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing of the stream reader. What it makes of any bytes must agree with a parser that is
 * written for this only, sees the stream as a whole, and trusts nothing either; and it must
 * never write where it was not told to, which the sanitizers see.
 *
 * The input's first bytes say how: FLAGS (1: changes are taken, 2: chunks are whole images), STEP
 * (2 bytes: how many bytes at a time). The rest is the stream. Random bytes do not get past a
 * checksum, so the mutator makes checksums and numbers right again most of the time.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/crc32c.h>
#include <linux/kernel.h>

#include "stream.h"

#define MAX_STATE	20000
#define MAX_PIECE	8192
#define PREFIX		3
#define MAX_CHUNK	12000
#define TAKE_DELTA	1
#define FRAMED		2

static const struct stream_ident ident = {
	.vendor = 0x8086, .device = 0x2021, .subvendor = 0x1af4, .subdevice = 0x1100,
	.type = "refdev-dma",
};

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

/* ---- the other parser ------------------------------------------------------------ */

struct verdict {
	bool whole;		/* a right stream, to its end */
	size_t end;		/* where that is */
	u64 state;
};

static u32 sum(const void *head, size_t len, size_t crc_at, const u8 *data, size_t data_len)
{
	u8 copy[128];

	memcpy(copy, head, len);
	memset(copy + crc_at, 0, 4);
	return crc32c(crc32c(~0u, copy, len), data, data_len);
}

static u64 get(const u8 *p, int bytes)
{
	u64 v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static bool header_is_right(const u8 *p, u16 version)
{
	const u8 start[] = {
		'F', 'V', 'P', 'C', 'I', 'M', 'I', 'G', version, 0, 128, 0,
		0x86, 0x80, 0x21, 0x20, 0xf4, 0x1a, 0x00, 0x11,
	};

	return !memcmp(p, start, sizeof(start)) && !strncmp((const char *)p + 24, "refdev-dma", 64) &&
	       !get(p + 120, 4) && get(p + 124, 4) == crc32c(~0u, p, 124);
}

static struct verdict parse(const u8 *p, size_t len, u8 how)
{
	struct verdict v = { 0 };
	u64 chunk = 0, most = how & FRAMED ? MAX_CHUNK : MAX_PIECE;
	bool goes_on = false, framed;
	size_t at = 128;
	u32 kind = 0;

	if (len < 128)
		return v;
	framed = how & FRAMED && header_is_right(p, 2);
	if (!framed && !header_is_right(p, 1))
		return v;
	for (u32 seq = 0; len - at >= 24; seq++) {
		const u8 *rec = p + at;
		u32 tag = get(rec, 4), flags = get(rec + 4, 4);
		u64 length = get(rec + 8, 8);

		at += 24;
		if (get(rec + 16, 4) != seq || length > len - at ||
		    flags > (framed && (tag == 1 || tag == 3) ? 3 : 1) ||
		    get(rec + 20, 4) != sum(rec, 24, 20, rec + 24, length))
			return v;
		at += length;
		if (goes_on && tag != kind)
			return v;
		if (tag == 2) {
			v.whole = length == 8 && v.state && get(rec + 24, 8) == v.state;
			v.end = at;
			return v;
		}
		if (tag != 1 && tag != 3) {
			if (flags || length > 4096)
				return v;
			continue;
		}
		chunk = goes_on ? chunk + length : length;
		goes_on = flags & 2;
		if (!length || length > MAX_PIECE || (tag == 3 && !(how & TAKE_DELTA)) ||
		    chunk > most || (goes_on && length != MAX_PIECE) ||
		    (kind && kind != tag) || (tag == 1 && v.state + length > MAX_STATE))
			return v;
		kind = tag;
		v.state += length;
	}
	return v;
}

/* ---- the reader, fed as load.c does it ------------------------------------------- */

struct feed {
	struct stream_reader r;
	u8 *payload;
	u64 chunk;
	u64 state;
	bool done;
	size_t used;
};

static int take(struct feed *f, const u8 *p, size_t len)
{
	void *dst;
	size_t n = stream_want(&f->r, &dst);
	int event;

	if (!n)
		return -1;
	n = min_t(size_t, n, len);
	memcpy(dst, p, n);
	event = stream_got(&f->r, n);
	f->used += n;
	if (event == STREAM_STATE_BEGIN) {
		MUST(f->r.length && f->r.length <= MAX_PIECE && f->r.chunk == f->chunk);
		f->chunk += f->r.length;
		MUST(!f->r.limits.max_chunk || f->chunk <= MAX_CHUNK);
		free(f->payload);
		f->payload = malloc(f->r.length);
		stream_payload(&f->r, f->payload);
	} else if (event == STREAM_STATE_END) {
		f->state = f->r.state;
		if (!f->r.continued)
			f->chunk = 0;
		MUST(f->r.delta || f->state <= MAX_STATE);
	} else if (event == STREAM_DONE) {
		f->done = true;
	}
	return event;
}

static void read_stream(struct feed *f, const u8 *p, size_t len, size_t step, u8 how)
{
	const struct stream_limits limits = {
		.max_state = MAX_STATE, .max_record = MAX_PIECE,
		.max_delta = how & TAKE_DELTA ? MAX_PIECE : 0,
		.max_chunk = how & FRAMED ? MAX_CHUNK : 0,
	};
	void *dst;

	stream_reader_init(&f->r, &ident, &limits);
	while (f->used < len) {
		size_t before = f->used;

		if (take(f, p + f->used, min_t(size_t, step, len - f->used)) < 0) {
			/* Whoever was refused stays so, and is told why */
			MUST(f->done || f->r.why);
			MUST(!stream_want(&f->r, &dst));
			break;
		}
		MUST(f->used > before);
	}
	free(f->payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = { 0 };
	struct verdict v;

	if (size < PREFIX)
		return 0;
	v = parse(data + PREFIX, size - PREFIX, data[0]);
	read_stream(&f, data + PREFIX, size - PREFIX, 1 + get(data + 1, 2), data[0]);
	MUST(f.done == v.whole);
	MUST(!f.done || (f.state == v.state && f.used == v.end));
	return 0;
}

/* ---- mutation ---------------------------------------------------------------------- */

static void put(u8 *p, u32 v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> (8 * i);
}

static void seal(u8 *p, size_t len, bool numbers)
{
	size_t at = 128;

	if (len < 128)
		return;
	put(p + 124, crc32c(~0u, p, 124));
	for (u32 seq = 0; len - at >= 24; seq++) {
		u64 length = get(p + at + 8, 8);

		if (length > len - at - 24)
			return;
		if (numbers)
			put(p + at + 16, seq);
		put(p + at + 20, sum(p + at, 24, 20, p + at + 24, length));
		at += 24 + length;
	}
}

/* Where record @n begins; @len: there is none */
static size_t record(const u8 *p, size_t len, unsigned int n)
{
	size_t at = 128;

	while (len >= at + 24) {
		u64 length = get(p + at + 8, 8);

		if (!n--)
			return at;
		if (length > len - at - 24)
			break;
		at += 24 + length;
	}
	return len;
}

/* Room of @length bytes for a record's data, all zero where it is new */
static size_t resize(u8 *p, size_t len, size_t room, size_t at, u64 length)
{
	size_t data = at + 24, old = get(p + at + 8, 8), rest;

	if (old > len - data || len - old + length > room)
		return len;
	rest = len - data - old;
	memmove(p + data + length, p + data + old, rest);
	if (length > old)
		memset(p + data + old, 0, length - old);
	put(p + at + 8, length);
	put(p + at + 12, 0);
	return len - old + length;
}

/* Once more what is there already */
static size_t repeat(u8 *p, size_t len, size_t room, size_t at)
{
	u64 length = get(p + at + 8, 8);

	if (length > len - at - 24 || len + 24 + length > room)
		return len;
	memmove(p + at + 24 + length, p + at, len - at);
	return len + 24 + length;
}

/* The end says what there is */
static void count(u8 *p, size_t len)
{
	u64 state = 0;

	for (unsigned int n = 0; ; n++) {
		size_t at = record(p, len, n);
		u32 tag;

		if (at == len)
			return;
		tag = get(p + at, 4);
		if (tag == 1 || tag == 3)
			state += get(p + at + 8, 8);
		if (tag == 2 && get(p + at + 8, 8) == 8 && len - at >= 32) {
			put(p + at + 24, state);
			put(p + at + 28, 0);
			return;
		}
	}
}

static size_t mutate_record(u8 *p, size_t len, size_t room, unsigned int seed)
{
	static const u32 tags[] = { 1, 1, 2, 3, 3, 7 };
	static const u32 lengths[] = { 0, 1, 8, 4096, 4097, MAX_PIECE, MAX_PIECE + 1, 3616, 3617,
					3808, 3809 };
	size_t at = record(p, len, seed / 64 % 4);

	if (len < 128 || at == len)
		return len;
	switch (seed / 8 % 5) {
	case 0:
		put(p + at, tags[seed / 256 % ARRAY_SIZE(tags)]);
		break;
	case 1:
		put(p + at + 4, seed / 256 % 5);
		break;
	case 2:
		return resize(p, len, room, at, lengths[seed / 256 % ARRAY_SIZE(lengths)]);
	case 3:
		return repeat(p, len, room, at);
	case 4:
		count(p, len);
		break;
	}
	return len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	if (seed & 4 && size > PREFIX)
		size = PREFIX + mutate_record(data + PREFIX, size - PREFIX, max_size - PREFIX,
					      seed);
	else
		size = LLVMFuzzerMutate(data, size, max_size);
	if (size > PREFIX && seed % 8)
		seal(data + PREFIX, size - PREFIX, seed % 4);
	return size;
}
