/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The migration stream: its format, a writer and a reader. Pure logic: no
 * locks, no memory of its own, nothing of VFIO. tests/unit and tests/fuzz build
 * it in user space.
 *
 * docs/migration-stream.rst is the specification.
 */
#ifndef VFIO_PCI_ENGINE_STREAM_H
#define VFIO_PCI_ENGINE_STREAM_H

#include <linux/types.h>

#define STREAM_MAGIC		0x47494d4943505646ULL	/* "FVPCIMIG" */
#define STREAM_VERSION		1
#define STREAM_VERSION_FRAMED	2	/* has records with STREAM_CONTINUED */
#define STREAM_TYPE_LEN		64

/* Records that a reader may skip are small: they are no way to keep it busy */
#define STREAM_OPTIONAL_MAX	4096

/*
 * Records of state are not larger; a chunk that is goes on in the next record
 */
#define STREAM_RECORD_MAX	(1024 * 1024)

/**
 * struct stream_header - what a stream begins with
 * @magic: STREAM_MAGIC
 * @version: STREAM_VERSION or STREAM_VERSION_FRAMED; a reader refuses any other
 * @size: sizeof(struct stream_header)
 * @vendor: PCI vendor of the function
 * @device: PCI device
 * @subvendor: PCI subsystem vendor
 * @subdevice: PCI subsystem
 * @compat: version of the state inside, by the firmware that saved it
 * @type: type of the function, NUL padded
 * @reserved: zero
 * @setup: how the function was set up, &vfio_pci_use_ops.open
 * @crc: CRC-32C of all before
 */
struct stream_header {
	__le64 magic;
	__le16 version;
	__le16 size;
	__le16 vendor;
	__le16 device;
	__le16 subvendor;
	__le16 subdevice;
	__le32 compat;
	char type[STREAM_TYPE_LEN];
	__u8 reserved[32];
	__le32 setup;
	__le32 crc;
} __packed;

enum stream_tag {
	STREAM_STATE	= 1,	/* a part of the function's state */
	STREAM_END	= 2,	/* the last record: struct stream_end */
	STREAM_DELTA	= 3,	/* instead of STREAM_STATE: what was not saved, or has changed */
};

#define STREAM_MANDATORY	1u	/* flags: refuse the stream if the tag is unknown */
#define STREAM_CONTINUED	2u	/* flags: the next record goes on with this chunk */

/**
 * struct stream_record - what each record begins with
 * @tag: enum stream_tag
 * @flags: STREAM_MANDATORY, STREAM_CONTINUED
 * @length: bytes that follow
 * @seq: 0 in the first record, then one more in each
 * @crc: CRC-32C of this structure with crc as zero, then of the bytes that
 *	follow
 */
struct stream_record {
	__le32 tag;
	__le32 flags;
	__le64 length;
	__le32 seq;
	__le32 crc;
} __packed;

/**
 * struct stream_end - content of the STREAM_END record
 * @state: bytes of all STREAM_STATE or STREAM_DELTA records
 */
struct stream_end {
	__le64 state;
} __packed;

/**
 * struct stream_upstream - what each record of upstream's variant drivers
 *	begins with
 * @size: bytes that follow
 * @flags: STREAM_UPSTREAM_OPTIONAL
 * @tag: STREAM_UPSTREAM_IMAGE
 *
 * The streams of upstream's virtio and mlx5 drivers have such records and
 * nothing else: no magic number, no identity, no checksum, no end.
 */
struct stream_upstream {
	__le64 size;
	__le32 flags;
	__le32 tag;
} __packed;

#define STREAM_UPSTREAM_OPTIONAL	1u	/* a reader may skip an unknown tag */
#define STREAM_UPSTREAM_IMAGE		0

/* The most bytes that the writer puts before state: header and record */
#define STREAM_META_MAX		(sizeof(struct stream_header) + sizeof(struct stream_record))

/**
 * struct stream_ident - what two ends must have in common
 * @vendor: PCI vendor
 * @device: PCI device
 * @subvendor: PCI subsystem vendor
 * @subdevice: PCI subsystem
 * @setup: how the function is set up
 * @type: type name, shorter than STREAM_TYPE_LEN
 */
struct stream_ident {
	u16 vendor;
	u16 device;
	u16 subvendor;
	u16 subdevice;
	u32 setup;
	char type[STREAM_TYPE_LEN];
};

/**
 * struct stream_writer - where a writer is
 * @seq: next record's number
 * @state: bytes of state so far
 * @delta: it is written as STREAM_DELTA
 */
struct stream_writer {
	u32 seq;
	u64 state;
	bool delta;
};

size_t stream_write_header(void *dst, const struct stream_ident *ident,
			   u32 compat, bool framed);
size_t stream_write_state(struct stream_writer *w, void *dst, const void *state,
			  size_t len, bool continued);
size_t stream_write_end(struct stream_writer *w, void *dst);
size_t stream_write_upstream(void *dst, u64 len);

/**
 * enum stream_event - what stream_got() has found
 * @STREAM_MORE: nothing yet
 * @STREAM_HEADER: the header is right, &stream_reader.compat is valid
 * @STREAM_STATE_BEGIN: a record of state follows: stream_payload() wants its
 *	buffer
 * @STREAM_STATE_END: the record is complete and undamaged
 * @STREAM_DONE: the end record is right: nothing may follow
 */
enum stream_event {
	STREAM_MORE,
	STREAM_HEADER,
	STREAM_STATE_BEGIN,
	STREAM_STATE_END,
	STREAM_DONE,
};

/**
 * struct stream_limits - what a reader accepts
 * @max_state: most bytes of state in all STREAM_STATE records. Of STREAM_DELTA
 *	ones only firmware can tell how much is too much
 * @max_record: most bytes of state in one record
 * @max_delta: most bytes in a STREAM_DELTA record; 0: there must be none
 * @max_chunk: most bytes of state in a chunk; 0: all that fits into a record,
 *	and no record may have STREAM_CONTINUED
 */
struct stream_limits {
	u64 max_state;
	size_t max_record;
	size_t max_delta;
	u64 max_chunk;
};

/**
 * struct stream_reader - where a reader is
 * @ident: what the stream must be of
 * @limits: what is accepted
 * @framed: the stream is of STREAM_VERSION_FRAMED
 * @upstream: it is of an upstream variant driver. Its records are read in parts
 *	of max_record bytes
 * @delta: the records of state are STREAM_DELTA records
 * @continued: the next record goes on with the chunk of the current or last one
 * @compat: from the header
 * @length: bytes in the current record
 * @chunk: bytes of the current chunk in records before the current one
 * @state: bytes of state in the records so far
 * @why: after an error: a sentence for a person
 */
struct stream_reader {
	const struct stream_ident *ident;
	struct stream_limits limits;
	bool framed;
	bool upstream;
	bool delta;
	bool continued;
	u32 compat;
	u64 length;
	u64 chunk;
	u64 state;
	const char *why;

	/* private: */
	enum {
		READ_HEADER,
		READ_RECORD,
		READ_STATE,
		READ_END,
		READ_SKIP,
		READ_NOTHING,
		READ_UPSTREAM,
		READ_NEXT_PART
	} phase;
	u64 left;
	u32 seq;
	u32 crc;
	u32 wanted_crc;
	u64 have;
	u8 *payload;
	union {
		struct stream_header header;
		struct stream_record record;
		struct stream_end end;
		struct stream_upstream up;
		u8 skipped[128];
	} u;
};

void stream_reader_init(struct stream_reader *r,
			const struct stream_ident *ident,
			const struct stream_limits *limits);
void stream_reader_init_upstream(struct stream_reader *r,
				 const struct stream_limits *limits);
void stream_next_part(struct stream_reader *r);
bool stream_at_record(const struct stream_reader *r);
size_t stream_want(struct stream_reader *r, void **dst);
int stream_got(struct stream_reader *r, size_t n);
void stream_payload(struct stream_reader *r, void *buf);

#endif /* VFIO_PCI_ENGINE_STREAM_H */
