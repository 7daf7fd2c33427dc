// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing of what reads streams of upstream's variant drivers, against a parser that is written for
 * this only and sees the stream as a whole. There is no checksum that random bytes would have to get
 * past.
 *
 * The input's first bytes say how: STEP (2 bytes: how many bytes at a time). The rest is the stream.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "stream.h"

#define MAX_STATE	20000
#define MAX_PART	512
#define MAX_IMAGE	12000
#define PREFIX		2

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

static u64 get(const u8 *p, int bytes)
{
	u64 v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

struct verdict {
	bool refused;
	bool may_end;
	u64 state;
};

static struct verdict parse(const u8 *p, size_t len)
{
	struct verdict v = { 0 };
	size_t at = 0;

	while (len - at >= 16) {
		u64 size = get(p + at, 8);
		u32 flags = get(p + at + 8, 4), tag = get(p + at + 12, 4);

		at += 16;
		if (flags > 1 || (tag && (!flags || size > 4096)) ||
		    (!tag && (!size || size > MAX_IMAGE))) {
			v.refused = true;
			return v;
		}
		if (size > len - at)
			return v;
		at += size;
		if (!tag)
			v.state += size;
	}
	v.may_end = at == len && v.state;
	return v;
}

static void give_part(struct stream_reader *r, u8 **part, u64 chunk)
{
	MUST(r->length && r->length <= MAX_PART && r->chunk == chunk);
	MUST(chunk + r->length <= MAX_IMAGE);
	free(*part);
	*part = malloc(r->length);
	stream_payload(r, *part);
}

static bool read_stream(struct stream_reader *r, const u8 *p, size_t len, size_t step)
{
	u64 chunk = 0, length = 0;
	u8 *part = NULL;
	int event = 0;
	void *dst;

	for (size_t used = 0, n; used < len && event >= 0; used += n) {
		n = stream_want(r, &dst);
		MUST(n);
		n = min_t(size_t, n, min_t(size_t, step, len - used));
		memcpy(dst, p + used, n);
		event = stream_got(r, n);
		if (event == STREAM_STATE_BEGIN) {
			give_part(r, &part, chunk);
			length = r->length;
		} else if (event == STREAM_STATE_END) {
			chunk = r->continued ? chunk + length : 0;
			if (r->continued) {
				stream_next_part(r);
				give_part(r, &part, chunk);
				length = r->length;
			}
		}
	}
	free(part);
	return event >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct stream_limits limits = {
		.max_state = MAX_STATE, .max_record = MAX_PART, .max_chunk = MAX_IMAGE,
	};
	struct stream_reader r;
	struct verdict v;
	void *dst;

	if (size < PREFIX)
		return 0;
	v = parse(data + PREFIX, size - PREFIX);
	stream_reader_init_upstream(&r, &limits);
	if (read_stream(&r, data + PREFIX, size - PREFIX, 1 + get(data, 2))) {
		MUST(!v.refused);
		MUST(stream_at_record(&r) == v.may_end);
		MUST(!v.may_end || r.state == v.state);
	} else {
		/* Whoever was refused stays so, and is told why */
		MUST(v.refused && r.why && !stream_want(&r, &dst) && !stream_at_record(&r));
	}
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* Random sizes are far over all limits */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	static const u32 sizes[] = { 0, 1, 8, 511, 512, 513, 4096, 4097, 12000, 12001 };
	size_t at = PREFIX;

	if (seed % 4 || size < PREFIX + 16)
		return LLVMFuzzerMutate(data, size, max_size);
	for (unsigned int n = seed / 4 % 4; n && get(data + at, 8) <= size - at - 16; n--) {
		size_t next = at + 16 + get(data + at, 8);

		if (next + 16 > size)
			break;
		at = next;
	}
	memset(data + at, 0, 16);
	memcpy(data + at, &sizes[seed / 16 % ARRAY_SIZE(sizes)], 4);
	data[at + 8] = seed / 256 % 3;
	data[at + 12] = seed / 1024 % 2;
	return size;
}
