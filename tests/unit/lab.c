// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/crc32c.h>
#include <linux/kernel.h>

#include "lab.h"

const struct stream_ident lab_ident = {
	.vendor = 0x8086,
	.device = 0x2021,
	.subvendor = 0x1af4,
	.subdevice = 0x1100,
	.type = "refdev-dma",
};

/* Bit by bit: slow, and so short that it is plainly right */
u32 crc32c(u32 crc, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

u8 lab_state_byte(size_t offset)
{
	return offset * 167 + (offset >> 8);
}

void lab_header(struct lab_stream *s)
{
	memset(s, 0, sizeof(*s));
	s->len = stream_write_header(s->bytes, &lab_ident, LAB_COMPAT, false);
}

void lab_framed_header(struct lab_stream *s)
{
	memset(s, 0, sizeof(*s));
	s->len = stream_write_header(s->bytes, &lab_ident, LAB_COMPAT, true);
}

static void put_state(struct lab_stream *s, size_t len, bool continued)
{
	u8 *state = malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		state[i] = lab_state_byte(s->w.state + i);
	s->rec[s->nr_recs++] = s->len;
	s->len += stream_write_state(&s->w, s->bytes + s->len, state, len, continued);
	memcpy(s->bytes + s->len, state, len);
	s->len += len;
	free(state);
}

void lab_state(struct lab_stream *s, size_t len)
{
	put_state(s, len, false);
}

void lab_part(struct lab_stream *s, size_t len)
{
	put_state(s, len, true);
}

void lab_end(struct lab_stream *s)
{
	s->rec[s->nr_recs++] = s->len;
	s->len += stream_write_end(&s->w, s->bytes + s->len);
}

void lab_record(struct lab_stream *s, u32 tag, u32 flags, const void *data, u64 len)
{
	struct stream_record *rec = (void *)(s->bytes + s->len);
	unsigned int i = s->nr_recs++;

	s->rec[i] = s->len;
	rec->tag = htole32(tag);
	rec->flags = htole32(flags);
	rec->length = htole64(len);
	rec->seq = htole32(s->w.seq++);
	s->len += sizeof(*rec);
	/* A length without data is a lie, told to a reader that must see through it */
	if (data) {
		memcpy(s->bytes + s->len, data, len);
		s->len += len;
	}
	lab_seal_record(s, i);
}

void lab_usual(struct lab_stream *s)
{
	lab_header(s);
	lab_state(s, 100);
	lab_state(s, 1);
	lab_state(s, LAB_MAX_PIECE);
	lab_end(s);
}

void lab_precopy(struct lab_stream *s)
{
	lab_header(s);
	s->w.delta = true;
	lab_state(s, 100);
	lab_state(s, 1);
	lab_state(s, LAB_MAX_PIECE);
	lab_end(s);
}

struct stream_header *lab_the_header(struct lab_stream *s)
{
	return (void *)s->bytes;
}

struct stream_record *lab_the_record(struct lab_stream *s, unsigned int i)
{
	return (void *)(s->bytes + s->rec[i]);
}

void lab_seal_header(struct lab_stream *s)
{
	struct stream_header *h = lab_the_header(s);

	h->crc = htole32(crc32c(~0, h, offsetof(struct stream_header, crc)));
}

void lab_seal_record(struct lab_stream *s, unsigned int i)
{
	size_t end = i + 1 < s->nr_recs ? s->rec[i + 1] : s->len;
	struct stream_record *rec = lab_the_record(s, i);

	rec->crc = 0;
	rec->crc = htole32(crc32c(~0, rec, end - s->rec[i]));
}

struct lab_feeder {
	struct stream_reader r;
	u8 *payload;	/* as large as the record, and no byte larger: ASan looks */
	size_t piece;	/* bytes in it */
	u64 chunk;	/* bytes of the chunk in records before */
	size_t max_piece;
	struct lab_result res;
};

static void piece_begins(struct lab_feeder *f)
{
	/* A reader that let this through would make the engine's buffer overflow */
	if (f->r.length > f->max_piece || f->r.chunk != f->chunk ||
	    (f->r.limits.max_chunk && f->r.length > f->r.limits.max_chunk - f->chunk))
		abort();
	f->piece = f->r.length;
	f->res.begun += f->piece;
	free(f->payload);
	f->payload = malloc(f->piece);
	stream_payload(&f->r, f->payload);
}

static void piece_ends(struct lab_feeder *f)
{
	struct lab_result *res = &f->res;

	for (size_t i = 0; i < f->piece; i++) {
		if (f->payload[i] != lab_state_byte(res->state + i))
			res->state_ok = false;
	}
	res->pieces++;
	res->state = f->r.state;
	f->chunk += f->piece;
	if (f->r.continued)
		return;
	res->chunks++;
	if (f->chunk > res->largest)
		res->largest = f->chunk;
	f->chunk = 0;
}

static int feed_some(struct lab_feeder *f, const u8 *p, size_t len)
{
	size_t n;
	void *dst;
	int ev;

	n = stream_want(&f->r, &dst);
	if (!n)
		return -ENOTEMPTY;
	n = min_t(size_t, n, len);
	memcpy(dst, p, n);
	ev = stream_got(&f->r, n);
	f->res.used += n;
	switch (ev) {
	case STREAM_HEADER:
		f->res.header = true;
		f->res.compat = f->r.compat;
		break;
	case STREAM_STATE_BEGIN:
		if (stream_want(&f->r, &dst))
			abort();
		piece_begins(f);
		break;
	case STREAM_STATE_END:
		piece_ends(f);
		if (f->r.upstream && f->r.continued) {
			stream_next_part(&f->r);
			piece_begins(f);
		}
		break;
	case STREAM_DONE:
		f->res.done = true;
		break;
	}
	return ev < 0 ? ev : (int)n;
}

static struct lab_result feed_as(const struct lab_stream *s, size_t split, size_t step,
				 const struct stream_limits *limits, bool upstream)
{
	struct lab_feeder f = { .max_piece = limits->max_record, .res.state_ok = true };
	size_t pos = 0;
	void *dst;
	int n;

	if (upstream)
		stream_reader_init_upstream(&f.r, limits);
	else
		stream_reader_init(&f.r, &lab_ident, limits);
	while (pos < s->len) {
		size_t end = pos < split ? split : s->len;

		n = feed_some(&f, s->bytes + pos, min_t(size_t, step, end - pos));
		if (n < 0) {
			f.res.err = n;
			f.res.why = f.r.why;
			/* Whoever was refused stays so */
			if (stream_want(&f.r, &dst) || stream_got(&f.r, 0) >= 0)
				abort();
			break;
		}
		pos += n;
	}
	free(f.payload);
	f.res.delta = f.r.delta;
	if (upstream)
		f.res.done = stream_at_record(&f.r);
	return f.res;
}

static struct lab_result feed(const struct lab_stream *s, size_t split, size_t step,
			      const struct stream_limits *limits)
{
	return feed_as(s, split, step, limits, false);
}

struct lab_result lab_feed_upstream(const struct lab_stream *s, size_t step, u64 max_chunk)
{
	struct stream_limits limits = {
		.max_state = LAB_MAX_STATE, .max_record = LAB_MAX_PIECE, .max_chunk = max_chunk,
	};

	return feed_as(s, 0, step, &limits, true);
}

struct lab_result lab_feed_limits(const struct lab_stream *s, size_t split, size_t step,
				  u64 max_state, size_t max_piece)
{
	struct stream_limits limits = {
		.max_state = max_state, .max_record = max_piece, .max_delta = max_piece,
	};

	return feed(s, split, step, &limits);
}

struct lab_result lab_feed_plain(const struct lab_stream *s)
{
	struct stream_limits limits = {
		.max_state = LAB_MAX_STATE, .max_record = LAB_MAX_PIECE,
	};

	return feed(s, 0, 4096, &limits);
}

struct lab_result lab_feed_framed(const struct lab_stream *s, size_t step, u64 max_chunk)
{
	struct stream_limits limits = {
		.max_state = LAB_MAX_STATE, .max_record = LAB_MAX_PIECE,
		.max_delta = LAB_MAX_PIECE, .max_chunk = max_chunk,
	};

	return feed(s, 0, step, &limits);
}

struct lab_result lab_feed(const struct lab_stream *s, size_t split, size_t step)
{
	return lab_feed_limits(s, split, step, LAB_MAX_STATE, LAB_MAX_PIECE);
}

void lab_refused(const struct lab_stream *s, int err, const char *why)
{
	const size_t steps[] = { 1, 7, 4096, 65536 };

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		struct lab_result res = lab_feed(s, 0, steps[i]);

		CHECK(!res.done, "%zu bytes at a time", steps[i]);
		CHECK(res.err == err, "%d instead of %d: %s", res.err, err,
		      res.why ? res.why : "");
		CHECK(res.why && strstr(res.why, why), "'%s' has no '%s'",
		      res.why ? res.why : "(null)", why);
	}
}

void lab_accepted(const struct lab_stream *s, u64 state)
{
	const size_t steps[] = { 1, 7, 4096, 65536 };

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		struct lab_result res = lab_feed(s, 0, steps[i]);

		CHECK(!res.err, "%d: %s", res.err, res.why ? res.why : "");
		CHECK(res.done && res.header && res.used == s->len, "used %zu of %zu",
		      res.used, s->len);
		CHECK(res.compat == LAB_COMPAT, "%#x", res.compat);
		CHECK(res.state == state && res.state_ok, "%llu bytes",
		      (unsigned long long)res.state);
	}
}
