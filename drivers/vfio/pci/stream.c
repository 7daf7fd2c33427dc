// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration stream: see stream.h.
 *
 * All that is read here may come from an enemy. Nothing is believed before it
 * was compared with what the reader's owner knows; no length of the stream's
 * sizes memory.
 */
#include <linux/build_bug.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "stream.h"

static_assert(sizeof(struct stream_header) == 128);
static_assert(sizeof(struct stream_record) == 24);

static u32 record_crc(struct stream_record *rec)
{
	rec->crc = 0;
	return crc32c(~0, rec, sizeof(*rec));
}

/**
 * stream_write_header() - begin a stream
 * @dst: room for struct stream_header
 * @ident: what the stream is of
 * @compat: version of the state, by the firmware that saves it
 * @framed: chunks may go on in the next record
 *
 * Return: bytes written.
 */
size_t stream_write_header(void *dst, const struct stream_ident *ident,
			   u32 compat, bool framed)
{
	struct stream_header h = {
		.magic = cpu_to_le64(STREAM_MAGIC),
		.version = cpu_to_le16(framed ? STREAM_VERSION_FRAMED :
						STREAM_VERSION),
		.size = cpu_to_le16(sizeof(h)),
		.vendor = cpu_to_le16(ident->vendor),
		.device = cpu_to_le16(ident->device),
		.subvendor = cpu_to_le16(ident->subvendor),
		.subdevice = cpu_to_le16(ident->subdevice),
		.compat = cpu_to_le32(compat),
		.setup = cpu_to_le32(ident->setup),
	};

	strscpy(h.type, ident->type, sizeof(h.type));
	h.crc = cpu_to_le32(crc32c(~0, &h, offsetof(struct stream_header, crc)));
	memcpy(dst, &h, sizeof(h));
	return sizeof(h);
}

static struct stream_record new_record(struct stream_writer *w, u32 tag,
				       u64 len)
{
	return (struct stream_record) {
		.tag = cpu_to_le32(tag),
		.flags = cpu_to_le32(STREAM_MANDATORY),
		.length = cpu_to_le64(len),
		.seq = cpu_to_le32(w->seq++),
	};
}

/**
 * stream_write_state() - begin a record of state
 * @w: the writer
 * @dst: room for struct stream_record
 * @state: a chunk of state, or a part of one; the caller sends it after what is
 *	in @dst
 * @len: its bytes
 * @continued: the next record goes on with the chunk; @len is the reader's
 *	max_record then
 *
 * Return: bytes written to @dst.
 */
size_t stream_write_state(struct stream_writer *w, void *dst, const void *state,
			  size_t len, bool continued)
{
	struct stream_record rec =
		new_record(w, w->delta ? STREAM_DELTA : STREAM_STATE, len);

	if (continued)
		rec.flags |= cpu_to_le32(STREAM_CONTINUED);
	rec.crc = cpu_to_le32(crc32c(record_crc(&rec), state, len));
	memcpy(dst, &rec, sizeof(rec));
	w->state += len;
	return sizeof(rec);
}

/**
 * stream_write_end() - end the stream
 * @w: the writer
 * @dst: room for struct stream_record and struct stream_end
 *
 * Return: bytes written.
 */
size_t stream_write_end(struct stream_writer *w, void *dst)
{
	struct stream_record rec =
		new_record(w, STREAM_END, sizeof(struct stream_end));
	struct stream_end end = { .state = cpu_to_le64(w->state) };

	rec.crc = cpu_to_le32(crc32c(record_crc(&rec), &end, sizeof(end)));
	memcpy(dst, &rec, sizeof(rec));
	memcpy(dst + sizeof(rec), &end, sizeof(end));
	return sizeof(rec) + sizeof(end);
}

/**
 * stream_write_upstream() - begin a record as upstream's variant drivers write
 *	it
 * @dst: room for struct stream_upstream
 * @len: bytes of the image; the caller sends it after what is in @dst
 *
 * Return: bytes written to @dst.
 */
size_t stream_write_upstream(void *dst, u64 len)
{
	struct stream_upstream rec = {
		.size = cpu_to_le64(len),
		.tag = cpu_to_le32(STREAM_UPSTREAM_IMAGE),
	};

	memcpy(dst, &rec, sizeof(rec));
	return sizeof(rec);
}

/**
 * stream_reader_init() - expect a stream
 * @r: the reader
 * @ident: what it must be of; must live as long as the reader
 * @limits: what is accepted
 */
void stream_reader_init(struct stream_reader *r,
			const struct stream_ident *ident,
			const struct stream_limits *limits)
{
	memset(r, 0, sizeof(*r));
	r->ident = ident;
	r->limits = *limits;
	r->length = sizeof(struct stream_header);
}

static int refuse(struct stream_reader *r, int err, const char *why)
{
	r->why = why;
	r->phase = READ_NOTHING;
	return err;
}

static void expect(struct stream_reader *r, int phase, u64 length)
{
	r->phase = phase;
	r->length = length;
	r->have = 0;
}

/* The reader knows all records of streams with these versions */
static bool version_is_known(struct stream_reader *r, u16 version)
{
	r->framed = version == STREAM_VERSION_FRAMED;
	return version == STREAM_VERSION || r->framed;
}

static int got_header(struct stream_reader *r)
{
	const struct stream_header *h = &r->u.header;
	const struct stream_ident *id = r->ident;

	if (le64_to_cpu(h->magic) != STREAM_MAGIC)
		return refuse(r, -EINVAL, "this is not a migration stream (wrong magic number)");
	if (!version_is_known(r, le16_to_cpu(h->version)))
		return refuse(r, -EOPNOTSUPP, "the stream's version is not known to this kernel");
	if (le16_to_cpu(h->size) != sizeof(*h))
		return refuse(r, -EINVAL, "the stream's header has a wrong size");
	if (le32_to_cpu(h->crc) !=
	    crc32c(~0, h, offsetof(struct stream_header, crc)))
		return refuse(r, -EPROTO, "the stream's header is damaged (checksum)");
	if (le16_to_cpu(h->vendor) != id->vendor ||
	    le16_to_cpu(h->device) != id->device ||
	    le16_to_cpu(h->subvendor) != id->subvendor ||
	    le16_to_cpu(h->subdevice) != id->subdevice)
		return refuse(r, -EMEDIUMTYPE, "the stream is of another kind of PCI device");
	if (strnlen(h->type, sizeof(h->type)) == sizeof(h->type) ||
	    strncmp(h->type, id->type, sizeof(h->type)))
		return refuse(r, -EMEDIUMTYPE, "the stream is of another type of function");
	if (le32_to_cpu(h->setup) != id->setup)
		return refuse(r, -EREMCHG,
			      "the function was set up with other attributes at the source");

	if (r->framed && !r->limits.max_chunk)
		return refuse(r, -EOPNOTSUPP,
			      "the state was saved in whole images, this firmware can't load that");

	r->compat = le32_to_cpu(h->compat);
	expect(r, READ_RECORD, sizeof(struct stream_record));
	return STREAM_HEADER;
}

/* Earlier records of the chunk were within the limit */
static int check_chunk(struct stream_reader *r, u64 length, bool continued)
{
	if (continued && length != r->limits.max_record)
		return refuse(r, -EINVAL, "the stream has a part of a chunk that is too small");
	if (r->limits.max_chunk && length > r->limits.max_chunk - r->chunk)
		return refuse(r, -EFBIG, "the stream has a chunk that is too large");
	return 0;
}

static int state_record(struct stream_reader *r, u64 length, bool delta,
			bool continued)
{
	size_t max = delta ? r->limits.max_delta : r->limits.max_record;
	int ret;

	if (delta && !max)
		return refuse(r, -EOPNOTSUPP,
			      "the state was saved with pre-copy, this firmware can't load that");
	if (r->state && delta != r->delta)
		return refuse(r, -EINVAL, "the stream mixes state with and without pre-copy");
	if (!length)
		return refuse(r, -EINVAL, "the stream has an empty record of state");
	if (length > max)
		return refuse(r, -EFBIG, "the stream has a record of state that is too large");
	if (!delta && length > r->limits.max_state - r->state)
		return refuse(r, -EFBIG, "the stream has more state than such a function can have");
	ret = check_chunk(r, length, continued);
	if (ret)
		return ret;
	expect(r, READ_STATE, length);
	r->delta = delta;
	r->continued = continued;
	r->payload = NULL;
	return STREAM_STATE_BEGIN;
}

static int end_record(struct stream_reader *r, u64 length)
{
	if (r->continued)
		return refuse(r, -EINVAL, "the stream breaks off in the middle of a chunk");
	if (length != sizeof(struct stream_end))
		return refuse(r, -EINVAL, "the stream's end record has a wrong length");
	if (!r->state)
		return refuse(r, -EINVAL, "the stream ends without any state");
	expect(r, READ_END, length);
	return STREAM_MORE;
}

static int other_record(struct stream_reader *r, u32 flags, u64 length)
{
	if (r->continued)
		return refuse(r, -EINVAL, "the stream breaks off in the middle of a chunk");
	if (flags & STREAM_MANDATORY)
		return refuse(r, -EOPNOTSUPP, "the stream has a record that this kernel must know");
	if (length > STREAM_OPTIONAL_MAX)
		return refuse(r, -EFBIG, "the stream has an optional record that is too large");
	expect(r, READ_SKIP, length);
	return STREAM_MORE;
}

static u32 known_flags(const struct stream_reader *r, u32 tag)
{
	return r->framed && (tag == STREAM_STATE || tag == STREAM_DELTA) ?
	       STREAM_MANDATORY | STREAM_CONTINUED : STREAM_MANDATORY;
}

static int skipped_record(struct stream_reader *r);

static int got_record(struct stream_reader *r)
{
	struct stream_record *rec = &r->u.record;
	u32 flags = le32_to_cpu(rec->flags);
	u64 length = le64_to_cpu(rec->length);
	u32 tag = le32_to_cpu(rec->tag);
	int ret;

	if (le32_to_cpu(rec->seq) != r->seq++)
		return refuse(r, -EPROTO, "the stream's records are not in order");
	if (flags & ~known_flags(r, tag))
		return refuse(r, -EOPNOTSUPP, "the stream has a record with unknown flags");

	r->wanted_crc = le32_to_cpu(rec->crc);
	r->crc = record_crc(rec);
	switch (tag) {
	case STREAM_STATE:
		return state_record(r, length, false, flags & STREAM_CONTINUED);
	case STREAM_DELTA:
		return state_record(r, length, true, flags & STREAM_CONTINUED);
	case STREAM_END:
		return end_record(r, length);
	}
	ret = other_record(r, flags, length);
	if (!ret && !length)
		return skipped_record(r);
	return ret;
}

/**
 * stream_next_part() - go on with an image
 * @r: the reader, which has returned STREAM_STATE_END and
 *	&stream_reader.continued, of a stream of an upstream variant driver
 *
 * As if it had returned STREAM_STATE_BEGIN. An image is read in parts, so that
 * memory for it grows by what has come.
 */
void stream_next_part(struct stream_reader *r)
{
	expect(r, READ_STATE, min_t(u64, r->left, r->limits.max_record));
	r->continued = r->left > r->length;
	r->payload = NULL;
}

static int got_upstream(struct stream_reader *r)
{
	u64 size = le64_to_cpu(r->u.up.size);
	u32 flags = le32_to_cpu(r->u.up.flags);

	if (flags & ~STREAM_UPSTREAM_OPTIONAL)
		return refuse(r, -EOPNOTSUPP, "the stream has a record with unknown flags");
	if (le32_to_cpu(r->u.up.tag) != STREAM_UPSTREAM_IMAGE) {
		if (!(flags & STREAM_UPSTREAM_OPTIONAL))
			return refuse(r, -EOPNOTSUPP,
				      "the stream has a record that this kernel must know");
		if (size > STREAM_OPTIONAL_MAX)
			return refuse(r, -EFBIG,
				      "the stream has an optional record that is too large");
		expect(r, size ? READ_SKIP : READ_UPSTREAM,
		       size ?: sizeof(r->u.up));
		return STREAM_MORE;
	}
	if (!size)
		return refuse(r, -EINVAL, "the stream has an empty record of state");
	if (size > r->limits.max_chunk || size > r->limits.max_state)
		return refuse(r, -EFBIG, "the stream has a chunk that is too large");
	r->left = size;
	stream_next_part(r);
	return STREAM_STATE_BEGIN;
}

static int got_part(struct stream_reader *r)
{
	r->state += r->length;
	r->left -= r->length;
	r->chunk = r->left ? r->chunk + r->length : 0;
	if (r->left)
		expect(r, READ_NEXT_PART, 0);
	else
		expect(r, READ_UPSTREAM, sizeof(r->u.up));
	return STREAM_STATE_END;
}

/**
 * stream_reader_init_upstream() - expect a stream of an upstream variant driver
 * @r: the reader
 * @limits: what is accepted; max_delta is not looked at
 *
 * Such a stream has nothing that tells it from other data: the caller must know
 * its format.
 */
void stream_reader_init_upstream(struct stream_reader *r,
				 const struct stream_limits *limits)
{
	memset(r, 0, sizeof(*r));
	r->limits = *limits;
	r->upstream = true;
	expect(r, READ_UPSTREAM, sizeof(r->u.up));
}

/**
 * stream_at_record() - check for the boundary between two records of an
 *	upstream variant driver
 * @r: the reader
 *
 * Return: true if the stream may end here.
 */
bool stream_at_record(const struct stream_reader *r)
{
	return r->phase == READ_UPSTREAM && !r->have && r->state;
}

static int check_crc(struct stream_reader *r)
{
	if (r->crc != r->wanted_crc)
		return refuse(r, -EPROTO, "the stream has a damaged record (checksum)");
	return 0;
}

static int got_state(struct stream_reader *r)
{
	int ret;

	if (r->upstream)
		return got_part(r);
	r->crc = crc32c(r->crc, r->payload, r->length);
	ret = check_crc(r);
	if (ret)
		return ret;
	r->state += r->length;
	r->chunk = r->continued ? r->chunk + r->length : 0;
	expect(r, READ_RECORD, sizeof(struct stream_record));
	return STREAM_STATE_END;
}

static int got_end(struct stream_reader *r)
{
	int ret;

	r->crc = crc32c(r->crc, &r->u.end, sizeof(r->u.end));
	ret = check_crc(r);
	if (ret)
		return ret;
	if (le64_to_cpu(r->u.end.state) != r->state)
		return refuse(r, -EPROTO, "the stream's end does not agree with its state");
	r->phase = READ_NOTHING;
	r->length = 0;
	return STREAM_DONE;
}

static int skipped_record(struct stream_reader *r)
{
	int ret;

	if (r->upstream) {
		expect(r, READ_UPSTREAM, sizeof(r->u.up));
		return STREAM_MORE;
	}
	ret = check_crc(r);
	if (ret)
		return ret;
	expect(r, READ_RECORD, sizeof(struct stream_record));
	return STREAM_MORE;
}

/**
 * stream_want() - say where the next bytes of the stream belong
 * @r: the reader
 * @dst: receives the address
 *
 * Return: how many bytes may be put there at most; 0: none, the stream has
 * ended (what follows is junk), was refused, or waits for stream_payload().
 */
size_t stream_want(struct stream_reader *r, void **dst)
{
	switch (r->phase) {
	case READ_NOTHING:
	case READ_NEXT_PART:
		return 0;
	case READ_STATE:
		if (!r->payload)
			return 0;
		*dst = r->payload + r->have;
		return r->length - r->have;
	case READ_SKIP:
		*dst = r->u.skipped;
		return min_t(u64, r->length - r->have, sizeof(r->u.skipped));
	default:
		*dst = (u8 *)&r->u + r->have;
		return r->length - r->have;
	}
}

/**
 * stream_got() - accept bytes that were put where stream_want() said
 * @r: the reader
 * @n: how many; at most what stream_want() returned
 *
 * Return: an enum stream_event, or a negative errno with &stream_reader.why:
 * -EINVAL: malformed; -EPROTO: damaged or out of order; -EFBIG: larger than
 * allowed; -EOPNOTSUPP: a version, a flag or a mandatory record that is not
 * known; -EMEDIUMTYPE: of another kind of function; -EREMCHG: of one with other
 * attributes.
 */
int stream_got(struct stream_reader *r, size_t n)
{
	r->have += n;
	if (r->phase == READ_SKIP)
		r->crc = crc32c(r->crc, r->u.skipped, n);
	if (r->have < r->length)
		return STREAM_MORE;

	switch (r->phase) {
	case READ_HEADER:
		return got_header(r);
	case READ_RECORD:
		return got_record(r);
	case READ_STATE:
		return got_state(r);
	case READ_END:
		return got_end(r);
	case READ_SKIP:
		return skipped_record(r);
	case READ_UPSTREAM:
		return got_upstream(r);
	default:
		return -EINVAL;
	}
}

/**
 * stream_payload() - set the buffer for a chunk of state
 * @r: the reader, which has returned STREAM_STATE_BEGIN
 * @buf: room for &stream_reader.length bytes, which max_record bounds
 */
void stream_payload(struct stream_reader *r, void *buf)
{
	r->payload = buf;
}
