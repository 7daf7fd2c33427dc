// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads that take effect at once, and the streams of upstream's variant drivers, whose images do
 * so: what a stream that ends early or is refused leaves behind.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "bed.h"
#include "stream.h"

#define S(name)	VFIO_DEVICE_STATE_##name

/* ---- loads that take effect at once ------------------------------------------------------- */

static struct bed *immediate_bed(struct kunit *test, size_t image)
{
	struct vfio_pci_mig_caps caps = bed_image_caps();

	caps.immediate = true;
	return bed_of_images(test, &caps, BED_IMAGE, image);
}

static ssize_t immediate_stream(struct kunit *test, u8 *stream, size_t image)
{
	struct bed *bed = immediate_bed(test, image);
	ssize_t len = bed_save_all(bed, stream, 1000);

	bed_drop(bed);
	return len;
}

/* Firmware refuses image @nth of five */
static void refuses_image(struct kunit *test, const u8 *stream, ssize_t len, unsigned int nth)
{
	struct bed *bed = immediate_bed(test, BED_CHUNK);

	bed_go(bed, S(RESUMING));
	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_LOAD, nth, FW_RETURNS, -EINVAL);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -EINVAL);
	bed_is(bed, nth ? S(ERROR) : S(RESUMING));
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_refused_immediate_image_is_an_error_after_the_first(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	ssize_t len = immediate_stream(test, stream, BED_CHUNK);
	unsigned int nth;

	for (nth = 0; nth < 5; nth++)
		refuses_image(test, stream, len, nth);
}

/* The user stops after @part bytes */
static void stops(struct kunit *test, const u8 *stream, ssize_t part)
{
	struct bed *bed = immediate_bed(test, BED_CHUNK);
	bool touched;

	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, part, 1000), part);
	touched = bed->fw->count[MIG_OP_LOAD];
	bed_close(bed);
	bed_is(bed, touched ? S(ERROR) : S(RESUMING));
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_cut_immediate_load_is_an_error_if_firmware_got_any(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	ssize_t part, len = immediate_stream(test, stream, BED_CHUNK);

	for (part = 100; part < len; part += 1500)
		stops(test, stream, part);
}

/* The engine checks the whole image before firmware gets any of it */
static void a_damaged_immediate_image_does_not_reach_firmware(struct kunit *test)
{
	static const size_t images[] = { BED_IMAGE, BED_CHUNK };
	u8 *stream = bed_stream_room(test);
	unsigned int i;
	ssize_t len;

	for (i = 0; i < ARRAY_SIZE(images); i++) {
		struct bed *bed;

		len = immediate_stream(test, stream, images[i]);
		stream[len - 1] ^= 1;
		bed = immediate_bed(test, images[i]);
		bed_go(bed, S(RESUMING));
		KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -EPROTO);
		KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_LOAD], i ? 4 : 0);
		bed_is(bed, i ? S(ERROR) : S(RESUMING));
		bed_recovers(bed);
		bed_drop(bed);
	}
}

/* ---- streams of upstream's variant drivers ------------------------------------------------ */

static struct bed *upstream_bed(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = bed_image_caps();
	struct bed *bed;

	caps.precopy = false;
	caps.upstream = true;
	bed = bed_of_images(test, &caps, BED_IMAGE, BED_IMAGE);
	bed->mig->upstream = true;
	return bed;
}

#define RECORD	((ssize_t)sizeof(struct stream_upstream) + BED_IMAGE)

/* The size that the user reads is that of the record */
static void an_upstream_stream_is_one_record(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = upstream_bed(test);
	struct stream_upstream rec = { .size = cpu_to_le64(BED_IMAGE) };
	unsigned long size;

	KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &size), 0);
	KUNIT_EXPECT_EQ(test, size, RECORD);
	KUNIT_EXPECT_EQ(test, bed_save_all(bed, stream, 1000), RECORD);
	KUNIT_EXPECT_MEMEQ(test, stream, &rec, sizeof(rec));
	KUNIT_EXPECT_MEMEQ(test, stream + sizeof(rec), bed->fw->state, BED_IMAGE);
	bed_drop(bed);
}

static void the_last_upstream_image_counts(struct kunit *test)
{
	static const size_t steps[] = { 1, 999, 4096, BED_STREAM_MAX };
	u8 *stream = bed_stream_room(test);
	struct bed *bed = upstream_bed(test);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, bed_save_all(bed, stream, 1000), RECORD);
	memcpy(stream + RECORD, stream, RECORD);
	memset(stream + sizeof(struct stream_upstream), 0x77, BED_IMAGE);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		fw_arm(bed->fw);
		bed_load_all(bed, stream, 2 * RECORD, steps[i]);
		bed_has_state(bed, BED_IMAGE);
		KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_LOAD], 2);
	}
	bed_drop(bed);
}

static void an_upstream_stream_ends_after_an_image(struct kunit *test)
{
	static const ssize_t parts[] = {
		1, 16, 17, RECORD - 1, RECORD + 1, RECORD + 16, 2 * RECORD - 1
	};
	u8 *stream = bed_stream_room(test);
	struct bed *bed = upstream_bed(test);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, bed_save_all(bed, stream, 1000), RECORD);
	memcpy(stream + RECORD, stream, RECORD);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		bed_go(bed, S(RESUMING));
		KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, parts[i], 1000), parts[i]);
		KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP)), -ENODATA);
		bed_is(bed, S(ERROR));
		bed_recovers(bed);
	}
	bed_drop(bed);
}

/* The second image is refused after the first has taken effect */
static void a_refused_upstream_image_is_an_error_after_the_first(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = upstream_bed(test);
	unsigned int nth;

	KUNIT_EXPECT_EQ(test, bed_save_all(bed, stream, 1000), RECORD);
	memcpy(stream + RECORD, stream, RECORD);
	for (nth = 0; nth < 2; nth++) {
		bed_go(bed, S(RESUMING));
		fw_arm(bed->fw);
		fw_fault(bed->fw, MIG_OP_LOAD, nth, FW_RETURNS, -EINVAL);
		KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, 2 * RECORD, 1000), -EINVAL);
		bed_is(bed, nth ? S(ERROR) : S(RESUMING));
		bed_recovers(bed);
	}
	bed->mig->upstream = false;
	bed_go(bed, S(RESUMING));
	fw_arm(bed->fw);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, RECORD, 1000), -EINVAL);
	KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_LOAD], 0);
	bed_recovers(bed);
	KUNIT_EXPECT_GT(test, bed_save_all(bed, stream, 1000), RECORD);
	bed->mig->upstream = true;
	bed_go(bed, S(RESUMING));
	fw_arm(bed->fw);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, RECORD, 1000), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_LOAD], 0);
	bed_recovers(bed);
	bed_drop(bed);
}

/* Each record is a chunk of the session, and takes effect when it is there */
static void upstream_images_of_precopy_load_in_order(struct kunit *test)
{
	const size_t image = 3 * BED_CHUNK;
	struct vfio_pci_mig_caps caps = bed_image_caps();
	struct stream_upstream rec = {};
	u8 *stream = bed_stream_room(test);
	unsigned int records = 0;
	struct bed *bed;
	ssize_t len, at;

	caps.upstream = true;
	bed = bed_of_images(test, &caps, BED_IMAGE, image);
	bed->mig->upstream = true;
	bed_go(bed, S(PRE_COPY));
	for (len = 0; (at = bed_read(bed, stream + len, 5000)) > 0; len += at)
		;
	KUNIT_EXPECT_EQ(test, at, -ENOMSG);
	fw_change(bed->fw, 100, 0x11);
	bed_go(bed, S(STOP_COPY));
	len += bed_read_all(bed, stream + len, BED_STREAM_MAX - len, 5000);
	bed_go(bed, S(STOP));
	for (at = 0; at < len; at += sizeof(rec) + le64_to_cpu(rec.size)) {
		memcpy(&rec, stream + at, sizeof(rec));
		KUNIT_ASSERT_LE(test, le64_to_cpu(rec.size), image);
		records++;
	}
	KUNIT_EXPECT_EQ(test, at, len);
	KUNIT_EXPECT_GT(test, records, 2);
	fw_arm(bed->fw);
	bed_load_all(bed, stream, len, 4096);
	KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_LOAD], records);
	KUNIT_EXPECT_EQ(test, bed->fw->state[100], 0x11);
	bed_drop(bed);
}

static struct kunit_case immediate_cases[] = {
	KUNIT_CASE(a_refused_immediate_image_is_an_error_after_the_first),
	KUNIT_CASE(a_cut_immediate_load_is_an_error_if_firmware_got_any),
	KUNIT_CASE(a_damaged_immediate_image_does_not_reach_firmware),
	KUNIT_CASE(an_upstream_stream_is_one_record),
	KUNIT_CASE(the_last_upstream_image_counts),
	KUNIT_CASE(an_upstream_stream_ends_after_an_image),
	KUNIT_CASE(a_refused_upstream_image_is_an_error_after_the_first),
	KUNIT_CASE(upstream_images_of_precopy_load_in_order),
	{}
};

static struct kunit_suite immediate_suite = {
	.name = "vfio-pci-engine-immediate",
	.test_cases = immediate_cases,
};

kunit_test_suite(immediate_suite);
