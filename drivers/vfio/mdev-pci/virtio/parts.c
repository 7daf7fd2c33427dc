// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device parts of virtio 1.4 are a header of 16 bytes and a value each, without
 * padding in between. Zeros may follow the last part up to a multiple of 8
 * bytes.
 *
 *   0  type      le16
 *   2  flags     u8: bit 0: optional
 *   3  reserved
 *   4  selector  8 bytes: which register, or which queue
 *  12  length    le32, of the value
 */
#include <linux/kernel.h>
#include <linux/stddef.h>

#include "parts.h"

#define HEADER		16
#define OPTIONAL	1

enum {
	DEV_FEATURES = 0x100,
	DRV_FEATURES,
	PCI_COMMON_CFG,
	DEVICE_STATUS,
	VQ_CFG,
	VQ_NOTIFY_CFG,
	/* Of a device type each */
	TYPES_FIRST = 0x200,
	TYPES_LAST = 0x5ff,
};

#define COMMON_BYTES	64
#define COMMON_QUEUES	18
#define COMMON_STATUS	20
#define STATUS_BITS	0xcf
#define RING_PACKED	34
#define MAX_QUEUE_SIZE	32768

/* The parts that the parser has seen so far */
struct state {
	const u8 *offered;
	u32 offered_bytes;
	const u8 *accepted;
	u32 accepted_bytes;
	u64 registers;		/* of the common configuration, a bit for each offset */
	bool status;
	u32 num_queues;		/* 0: not told yet */
	u32 queues;		/* VQ_CFG parts */
	bool odd_size;		/* of a queue: not a power of 2 */
	u32 notify;		/* VQ_NOTIFY_CFG parts */
};

/*
 * At any address: a value may have any length, and the next header follows it
 */
static u64 le(const u8 *p, unsigned int bytes)
{
	u64 v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static bool has_bit(const u8 *features, u32 bytes, unsigned int bit)
{
	return bit / 8 < bytes && features[bit / 8] >> bit % 8 & 1;
}

static const char *set_features(const u8 **where, u32 *where_bytes,
				const u8 *value, u32 bytes)
{
	if (*where)
		return "features come twice";
	if (!bytes || bytes % 8 || bytes > 64)
		return "features are not an array of 1 to 8 words of 64 bits";
	*where = value;
	*where_bytes = bytes;
	return NULL;
}

static const char *driver_features(struct state *s, const u8 *value, u32 bytes)
{
	const char *why =
		set_features(&s->accepted, &s->accepted_bytes, value, bytes);
	u32 i;

	if (why)
		return why;
	if (!s->offered)
		return "the driver's features precede the device's";
	for (i = 0; i < bytes; i++) {
		if (value[i] & ~(i < s->offered_bytes ? s->offered[i] : 0))
			return "the driver has features that the device has not offered";
	}
	return NULL;
}

static const char *common_register(struct state *s, const u8 *selector,
				   const u8 *value, u32 bytes)
{
	u32 offset = le(selector, 4);

	if (le(selector + 4, 4))
		return "a register's selector has reserved bits";
	if ((bytes != 1 && bytes != 2 && bytes != 4) ||
	    offset > COMMON_BYTES - bytes || offset % bytes)
		return "there is no such register";
	if (offset == COMMON_STATUS)
		return "device_status is not a register here";
	if (s->registers & 1ull << offset)
		return "a register comes twice";
	s->registers |= 1ull << offset;
	if (offset != COMMON_QUEUES)
		return NULL;
	s->num_queues = le(value, bytes);
	return s->num_queues ? NULL : "the device has no queues";
}

static const char *device_status(struct state *s, const u8 *value, u32 bytes)
{
	if (bytes != 1 || *value & ~STATUS_BITS)
		return "the device status is invalid";
	if (s->status)
		return "the device status comes twice";
	s->status = true;
	return NULL;
}

/* Queues come in order, so that none comes twice */
static const char *queue_index(struct state *s, const u8 *selector,
			       u32 expected)
{
	if (le(selector + 2, 6))
		return "a queue's selector has reserved bits";
	if (!s->num_queues)
		return "a queue precedes the number of queues";
	if (le(selector, 2) != expected || expected >= s->num_queues)
		return "a queue comes twice, out of order, or does not exist";
	return NULL;
}

static bool wraps(u64 address, u64 bytes)
{
	return address + bytes < address;
}

static const char *check_queue(struct state *s, const u8 *selector, const u8 *v,
			       u32 bytes)
{
	const char *why = queue_index(s, selector, s->queues);
	u32 size, enabled;

	if (why)
		return why;
	if (bytes != 32 || le(v + 6, 2))
		return "a queue's configuration is invalid";
	size = le(v, 2);
	enabled = le(v + 4, 2);
	if (enabled > 1 || size > MAX_QUEUE_SIZE || (enabled && !size))
		return "a queue's size or enable is out of range";
	if (size & (size - 1))
		s->odd_size = true;
	if (enabled && (wraps(le(v + 8, 8), 16ull * size) ||
			wraps(le(v + 16, 8), 6 + 2ull * size) ||
			wraps(le(v + 24, 8), 6 + 8ull * size)))
		return "a queue's memory wraps around";
	s->queues++;
	return NULL;
}

static const char *queue_notify(struct state *s, const u8 *selector, u32 bytes)
{
	const char *why = queue_index(s, selector, s->notify);

	if (why)
		return why;
	if (bytes != 8)
		return "a queue's notification is invalid";
	s->notify++;
	return NULL;
}

static const char *check_part(struct state *s, const u8 *p, u32 bytes)
{
	const u8 *value = p + HEADER;
	u32 type = le(p, 2);

	if (p[2] & ~OPTIONAL || p[3])
		return "a header has reserved bits";
	switch (type) {
	case DEV_FEATURES:
		return set_features(&s->offered, &s->offered_bytes, value,
				    bytes);
	case DRV_FEATURES:
		return driver_features(s, value, bytes);
	case PCI_COMMON_CFG:
		return common_register(s, p + 4, value, bytes);
	case DEVICE_STATUS:
		return device_status(s, value, bytes);
	case VQ_CFG:
		return check_queue(s, p + 4, value, bytes);
	case VQ_NOTIFY_CFG:
		return queue_notify(s, p + 4, bytes);
	default:
		/* Only the device knows their meaning */
		return (type >= TYPES_FIRST && type <= TYPES_LAST) || p[2] & OPTIONAL ? NULL :
		       "an unknown part is not optional";
	}
}

static const char *complete(const struct state *s)
{
	if (!s->offered || !s->accepted)
		return "the features are missing";
	/* Checked at the end: a queue may precede the driver's features */
	if (s->odd_size &&
	    !has_bit(s->accepted, s->accepted_bytes, RING_PACKED))
		return "a split queue's size is not a power of 2";
	if (!s->status)
		return "the device status is missing";
	if (!s->num_queues || s->queues != s->num_queues)
		return "a queue is missing";
	return s->notify && s->notify != s->num_queues ? "a notification is missing" : NULL;
}

static const char *padding(const u8 *p, size_t bytes)
{
	if (bytes > 7)
		return "the last header is cut off";
	while (bytes--) {
		if (p[bytes])
			return "there is data behind the last part";
	}
	return NULL;
}

/**
 * virtio_parts_check() - check device parts before a device gets them
 * @data: the parts, at any address
 * @bytes: how many bytes there are
 * @at: gets the offset of the fault
 *
 * Checks what holds for any device: parts are complete, known, in the
 * specification's order and as many as required; the driver has only features
 * of the device; queues can exist. Only the device can check parts of a device
 * type.
 *
 * Context: any, no locks.
 * Return: NULL, or the fault in words, for the log.
 */
const char *virtio_parts_check(const void *data, size_t bytes, size_t *at)
{
	const u8 *p = data;
	struct state s = { };
	const char *why;
	size_t left;
	u64 length;

	for (*at = 0; (left = bytes - *at) >= HEADER; *at += HEADER + length) {
		length = le(p + *at + 12, 4);
		if (length > left - HEADER)
			return "a part is cut off";
		why = check_part(&s, p + *at, length);
		if (why)
			return why;
	}
	return padding(p + *at, left) ?: complete(&s);
}
