/* SPDX-License-Identifier: GPL-2.0-only */
/* Making streams, right and wrong ones, and feeding them to the reader */
#ifndef LAB_H
#define LAB_H

#include <linux/types.h>
#include <stdio.h>

#include "stream.h"
#include "tap.h"

#define LAB_COMPAT	0x01020304
#define LAB_MAX_STATE	20000
#define LAB_MAX_PIECE	8192
#define LAB_OPTIONAL	0x7ffffff0	/* a tag that no version defines */

extern const struct stream_ident lab_ident;

/* A stream in the making; rec[i] is the offset of record i */
struct lab_stream {
	u8 bytes[65536];
	size_t len;
	size_t rec[16];
	unsigned int nr_recs;
	struct stream_writer w;
};

void lab_header(struct lab_stream *s);
/* Of firmware whose chunks are whole images */
void lab_framed_header(struct lab_stream *s);
void lab_state(struct lab_stream *s, size_t len);
/* A part of a chunk that goes on in the next record */
void lab_part(struct lab_stream *s, size_t len);
void lab_end(struct lab_stream *s);
/* Any record at all, with a right checksum and the next number */
void lab_record(struct lab_stream *s, u32 tag, u32 flags, const void *data, u64 len);
/* Header, records of 100, 1 and LAB_MAX_PIECE bytes, end */
void lab_usual(struct lab_stream *s);
/* The same of a session with pre-copy */
void lab_precopy(struct lab_stream *s);

struct stream_header *lab_the_header(struct lab_stream *s);
struct stream_record *lab_the_record(struct lab_stream *s, unsigned int i);
/* Make the checksum right again after a change */
void lab_seal_header(struct lab_stream *s);
void lab_seal_record(struct lab_stream *s, unsigned int i);

/* State is not random, so that a test can tell one byte from its neighbours */
u8 lab_state_byte(size_t offset);

/*
 * What a reader made of a stream. Bytes are handed to it as load.c does it, at most
 * @step at a time; a split stream ends a "write" at @split too.
 */
struct lab_result {
	int err;		/* 0 or a negative errno; -ENOTEMPTY: junk behind the end */
	const char *why;
	bool header;
	bool done;
	u32 compat;
	unsigned int pieces;
	unsigned int chunks;	/* whole ones */
	u64 largest;		/* bytes in the largest of them */
	u64 state;		/* bytes of it in complete records */
	u64 begun;		/* and in those that were begun */
	bool state_ok;		/* as lab_state_byte() made them */
	bool delta;		/* of a session with pre-copy */
	size_t used;		/* bytes that the reader took */
};

struct lab_result lab_feed(const struct lab_stream *s, size_t split, size_t step);
/* To firmware that knows nothing of pre-copy */
struct lab_result lab_feed_plain(const struct lab_stream *s);
struct lab_result lab_feed_limits(const struct lab_stream *s, size_t split, size_t step,
				  u64 max_state, size_t max_piece);
/* To firmware whose chunks are whole images */
struct lab_result lab_feed_framed(const struct lab_stream *s, size_t step, u64 max_chunk);
/* Of an upstream variant driver; done: it may end where it does */
struct lab_result lab_feed_upstream(const struct lab_stream *s, size_t step, u64 max_chunk);

/* The whole stream is refused with this errno, and the reader says why */
void lab_refused(const struct lab_stream *s, int err, const char *why);
/* It is accepted, with that much state */
void lab_accepted(const struct lab_stream *s, u64 state);

#endif
