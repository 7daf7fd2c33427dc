// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions, their buffers and chunks, as other hardware than the reference device needs them. That
 * a session begins and ends, and that its buffers are attached in between, the fake firmware
 * checks in all suites.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "bed.h"
#include "buffer.h"
#include "fake_dma.h"
#include "mig_file.h"
#include "save.h"
#include "stream.h"

#define S(name)	VFIO_DEVICE_STATE_##name
#define IMAGE	20000	/* of five records */
/* The timeout for an operation that does not return */
#define HANG_MS	1000

static struct vfio_pci_mig_caps image_caps(void)
{
	struct vfio_pci_mig_caps caps = bed_caps;

	caps.framed = true;
	caps.precopy = true;
	caps.max_chunk = FW_MAX_STATE;
	return caps;
}

/* A function whose state is in images of so many bytes; records are as small as a buffer */
static struct bed *image_bed(struct kunit *test, const struct vfio_pci_mig_caps *caps,
			     size_t size, size_t image)
{
	struct bed *bed = bed_with(test, &fake_image_ops, caps);

	bed->mig->record = BED_CHUNK;
	fw_set_size(bed->fw, size);
	bed->fw->image = image;
	return bed;
}

static void forget(struct bed *bed)
{
	memset(bed->fw->state, 0xa5, sizeof(bed->fw->state));
}

static void is_there(struct bed *bed, size_t size)
{
	KUNIT_EXPECT_EQ(bed->test, bed->fw->size, size);
	memcpy(bed->fw->incoming, bed->fw->state, size);
	fw_set_size(bed->fw, size);
	KUNIT_EXPECT_MEMEQ(bed->test, bed->fw->incoming, bed->fw->state, size);
}

static ssize_t save_all(struct bed *bed, u8 *stream, size_t step)
{
	ssize_t len;

	bed_go(bed, S(STOP_COPY));
	len = bed_read_all(bed, stream, BED_STREAM_MAX, step);
	KUNIT_EXPECT_GT(bed->test, len, 0);
	bed_go(bed, S(STOP));
	return len;
}

static void load_all(struct bed *bed, const u8 *stream, ssize_t len, size_t step)
{
	forget(bed);
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(bed->test, bed_write_all(bed, stream, len, step), len);
	bed_go(bed, S(STOP));
	bed_is(bed, S(STOP));
}

/* ---- buffers by kind ---------------------------------------------------------------------- */

static void each_kind_of_buffer_migrates(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct vfio_pci_mig_caps caps = bed_caps;
	struct bed *bed;
	ssize_t len;

	for (caps.kind = VFIO_PCI_BUF_DMA; caps.kind <= VFIO_PCI_BUF_SG; caps.kind++)
		for (caps.headroom = 0; caps.headroom <= 64; caps.headroom += 8) {
			if (caps.headroom && caps.kind == VFIO_PCI_BUF_DMA)
				continue;
			bed = bed_with(test, &fake_fw_ops, &caps);
			fw_set_size(bed->fw, 2 * BED_CHUNK + 77);
			len = save_all(bed, stream, 1000);
			load_all(bed, stream, len, 999);
			is_there(bed, 2 * BED_CHUNK + 77);
			bed_drop(bed);
		}
}

/* ---- chunks that are whole images --------------------------------------------------------- */

static void whole_images_migrate(struct kunit *test)
{
	static const size_t sizes[] = {
		1, BED_CHUNK, BED_CHUNK + 1, 3 * BED_CHUNK, IMAGE, FW_MAX_STATE
	};
	struct vfio_pci_mig_caps caps = image_caps();
	u8 *stream = bed_stream_room(test);
	unsigned int i, j;
	struct bed *bed;
	ssize_t len;

	for (caps.kind = VFIO_PCI_BUF_DMA; caps.kind <= VFIO_PCI_BUF_SG; caps.kind++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			for (j = 0; j <= i; j++) {
				bed = image_bed(test, &caps, sizes[i], sizes[j]);
				if (DIV_ROUND_UP(sizes[i], sizes[j]) < 100) {
					len = save_all(bed, stream, 1000 + i);
					load_all(bed, stream, len, 777 * (j + 1));
					is_there(bed, sizes[i]);
				}
				bed_drop(bed);
			}
}

static void whole_images_of_precopy_migrate(struct kunit *test)
{
	const size_t image = 3 * BED_CHUNK;
	struct vfio_pci_mig_caps caps = image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = image_bed(test, &caps, IMAGE, image);
	ssize_t len, n;

	bed_go(bed, S(PRE_COPY));
	for (len = 0; (n = bed_read(bed, stream + len, 5000)) > 0; len += n)
		;
	KUNIT_EXPECT_EQ(test, n, -ENOMSG);
	fw_change(bed->fw, 100, 0x11);
	bed_go(bed, S(STOP_COPY));
	n = bed_read_all(bed, stream + len, BED_STREAM_MAX - len, 5000);
	KUNIT_EXPECT_GT(test, n, 0);
	bed_go(bed, S(STOP));
	KUNIT_EXPECT_EQ(test, bed->fw->stop_room, image);
	load_all(bed, stream, len + n, 4096);
	KUNIT_EXPECT_EQ(test, bed->fw->state[100], 0x11);
	bed_drop(bed);
}

/* Firmware that says only what the next image needs */
static void images_need_no_precopy_size(struct kunit *test)
{
	const size_t image = 3 * BED_CHUNK;
	struct vfio_pci_mig_ops ops = fake_image_ops;
	struct vfio_pci_mig_caps caps = image_caps();
	struct vfio_precopy_info info = {};
	u8 *stream = bed_stream_room(test);
	struct mig_file *mf;
	struct bed *bed;

	ops.precopy_size = NULL;
	bed = bed_with(test, &ops, &caps);
	bed->mig->record = BED_CHUNK;
	fw_set_size(bed->fw, IMAGE);
	bed->fw->image = image;
	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_CHUNK_SIZE, 0, FW_SIZE, 0);
	bed_go(bed, S(PRE_COPY));
	mf = bed->file->private_data;
	KUNIT_EXPECT_EQ(test, mig_precopy_info(mf, &info), 0);
	KUNIT_EXPECT_EQ(test, info.initial_bytes, image);
	KUNIT_EXPECT_EQ(test, info.dirty_bytes, 0);
	KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), -ENOMSG);
	KUNIT_EXPECT_EQ(test, mig_precopy_info(mf, &info), 0);
	KUNIT_EXPECT_EQ(test, info.initial_bytes, 0);
	KUNIT_EXPECT_EQ(test, info.dirty_bytes, image);
	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_GT(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), 0);
	bed_go(bed, S(STOP));
	bed_drop(bed);
}

/* Firmware of a stopped function must report some data */
static void no_room_is_needed_only_in_precopy(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = image_bed(test, &caps, IMAGE, IMAGE);

	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_CHUNK_SIZE, 0, FW_SIZE, 0);
	bed_go(bed, S(PRE_COPY));
	KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), -ENOMSG);
	KUNIT_EXPECT_GT(test, bed->fw->count[MIG_OP_SAVE], 0);
	bed_go(bed, S(STOP));
	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_CHUNK_SIZE, 0, FW_SIZE, 0);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP_COPY)), -EIO);
	bed_is(bed, S(STOP));
	bed_drop(bed);
}

static void more_room_than_max_state_is_refused(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = image_caps();
	struct bed *bed = image_bed(test, &caps, IMAGE, IMAGE);

	bed_go(bed, S(STOP));
	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_CHUNK_SIZE, 0, FW_SIZE, FW_MAX_STATE + 1);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP_COPY)), -EIO);
	bed_is(bed, S(STOP));
	bed_drop(bed);
}

/* The engine allocates and attaches such a buffer when it knows the size */
static void a_growing_buffer_is_attached_once(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = image_bed(test, &caps, IMAGE, IMAGE);
	ssize_t len;

	bed_go(bed, S(STOP));
	fw_arm(bed->fw);
	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_EQ(test, mig_buf_used(), PAGE_ALIGN(IMAGE));
	len = bed_read_all(bed, stream, BED_STREAM_MAX, 1000);
	KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_ATTACH], 1);
	bed_go(bed, S(STOP));
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, mig_buf_used(), 0);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), len);
	KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_ATTACH], 2);
	bed_drop(bed);
}

/* The next session succeeds */
static void no_memory_refuses_save_and_load(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = image_bed(test, &caps, IMAGE, IMAGE);
	ssize_t len;

	bed_go(bed, S(STOP));
	fake_dma_fail_alloc(1);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP_COPY)), -ENOMEM);
	bed_is(bed, S(STOP));
	len = save_all(bed, stream, 1000);
	bed_go(bed, S(RESUMING));
	fake_dma_fail_alloc(1);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -ENOMEM);
	bed_is(bed, S(RESUMING));
	bed_recovers(bed);
	bed_go(bed, S(STOP));
	load_all(bed, stream, len, 1000);
	is_there(bed, IMAGE);
	bed_drop(bed);
}

static void all_buffers_of_the_host_share_a_limit(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = image_caps();
	struct bed *bed = image_bed(test, &caps, IMAGE, IMAGE);

	bed_go(bed, S(STOP));
	fake_ram = 3 * IMAGE / PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP_COPY)), -ENOMEM);
	bed_is(bed, S(STOP));
	KUNIT_EXPECT_EQ(test, mig_buf_used(), 0);
	fake_ram *= 2;
	bed_go(bed, S(STOP_COPY));
	bed_drop(bed);
	KUNIT_EXPECT_EQ(test, mig_buf_used(), 0);
}

/* Into smaller and larger chunks, and into whole images */
static void a_stream_loads_into_other_chunk_sizes(struct kunit *test)
{
	static const u32 chunks[] = { 1, 1000, BED_CHUNK - 1, BED_CHUNK, 3 * BED_CHUNK };
	struct vfio_pci_mig_caps caps = bed_caps;
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_with(test, &fake_fw_ops, &caps);
	unsigned int i;
	ssize_t len;

	fw_set_size(bed->fw, BED_CHUNK + 300);
	len = save_all(bed, stream, 1000);
	bed_drop(bed);
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		caps.chunk = chunks[i];
		bed = bed_with(test, &fake_fw_ops, &caps);
		bed_go(bed, S(STOP));
		load_all(bed, stream, len, 500);
		is_there(bed, BED_CHUNK + 300);
		bed_drop(bed);
	}
	caps = image_caps();
	bed = image_bed(test, &caps, 1, BED_CHUNK);
	bed_go(bed, S(STOP));
	load_all(bed, stream, len, 500);
	is_there(bed, BED_CHUNK + 300);
	bed_drop(bed);
}

/* Only firmware knows where a chunk of changes can be split */
static void precopy_chunks_are_not_split(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = bed_caps;
	u8 *stream = bed_stream_room(test);
	struct bed *bed;
	ssize_t len;

	caps.precopy = true;
	bed = bed_with(test, &fake_fw_ops, &caps);
	fw_set_size(bed->fw, BED_CHUNK);
	bed_go(bed, S(PRE_COPY));
	bed_go(bed, S(STOP_COPY));
	len = bed_read_all(bed, stream, BED_STREAM_MAX, 1000);
	bed_drop(bed);
	caps.chunk = 1000;
	bed = bed_with(test, &fake_fw_ops, &caps);
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -EFBIG);
	bed_drop(bed);
}

/* Firmware claims more than its room, but not more than the buffer's size */
static void more_data_than_room_is_refused(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = image_bed(test, &caps, IMAGE, 100);

	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_SAVE, 0, FW_TOO_LONG, 0);
	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), -EIO);
	bed_drop(bed);
}

/* ---- levels, sessions and detach of firmware ---------------------------------------------- */

static void save_sees_the_level_of_the_function(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_new(test, true);

	bed_go(bed, S(PRE_COPY));
	KUNIT_EXPECT_EQ(test, bed->fw->level_seen, VFIO_PCI_FN_RUNNING);
	KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), -ENOMSG);
	bed_go(bed, S(PRE_COPY_P2P));
	KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), -ENOMSG);
	KUNIT_EXPECT_EQ(test, bed->fw->level_seen, VFIO_PCI_FN_P2P);
	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_EQ(test, bed->fw->level_seen, VFIO_PCI_FN_FULL);
	bed_go(bed, S(RUNNING_P2P));
	bed_go(bed, S(PRE_COPY_P2P));
	KUNIT_EXPECT_EQ(test, bed->fw->level_seen, VFIO_PCI_FN_P2P);
	bed_go(bed, S(RUNNING));
	KUNIT_EXPECT_EQ(test, bed->fw->stop_room, BED_CHUNK);
	bed_drop(bed);
}

/* Firmware refuses to begin the session, or to attach a buffer */
static void a_refused_session_keeps_the_state(struct kunit *test)
{
	static const enum vfio_device_mig_state to[][2] = {
		{ S(STOP), S(STOP_COPY) }, { S(STOP), S(RESUMING) }, { S(RUNNING), S(PRE_COPY) },
	};
	static const struct {
		enum mig_op op;
		unsigned int nth;
	} ops[] = { { MIG_OP_BEGIN, 0 }, { MIG_OP_ATTACH, 0 }, { MIG_OP_ATTACH, 1 } };
	static const int errs[] = { -ENOSPC, -ETIMEDOUT };
	unsigned int i, j, e;
	struct bed *bed;

	for (i = 0; i < ARRAY_SIZE(to); i++)
		for (j = 0; j < ARRAY_SIZE(ops); j++)
			for (e = 0; e < ARRAY_SIZE(errs); e++) {
				bed = bed_new(test, true);
				bed_go(bed, to[i][0]);
				fw_arm(bed->fw);
				fw_fault(bed->fw, ops[j].op, ops[j].nth, FW_RETURNS, errs[e]);
				KUNIT_EXPECT_EQ(test, bed_set_state(bed, to[i][1]), errs[e]);
				bed_is(bed, to[i][0]);
				KUNIT_EXPECT_EQ(test, bed->fw->calls, 0);
				KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_END],
						ops[j].op != MIG_OP_BEGIN);
				bed_recovers(bed);
				bed_drop(bed);
			}
}

/* Firmware is detached in each state, and attached again */
static void a_device_without_firmware_is_enodev(struct kunit *test)
{
	static const enum vfio_device_mig_state states[] = {
		S(RUNNING), S(RUNNING_P2P), S(STOP), S(STOP_COPY), S(RESUMING), S(PRE_COPY),
		S(PRE_COPY_P2P),
	};
	unsigned long bytes;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct bed *bed = bed_new(test, true);

		bed_go(bed, states[i]);
		mig_detach_fw(bed->mig);
		KUNIT_EXPECT_FALSE(test, bed->fw->session);
		bed_is(bed, states[i] == S(RUNNING) ? S(RUNNING) : S(ERROR));
		fw_arm(bed->fw);
		bed_reset(bed);
		KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP)), -ENODEV);
		KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(PRE_COPY)), -ENODEV);
		KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &bytes), -ENODEV);
		bed_is(bed, S(RUNNING));
		KUNIT_EXPECT_EQ(test, bed->fw->calls, 0);
		KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_BEGIN], 0);
		mig_attach_fw(bed->mig);
		bed_recovers(bed);
		bed_drop(bed);
	}
}

/* ---- loads that take effect at once ------------------------------------------------------- */

static struct bed *immediate_bed(struct kunit *test, size_t image)
{
	struct vfio_pci_mig_caps caps = image_caps();

	caps.immediate = true;
	return image_bed(test, &caps, IMAGE, image);
}

static ssize_t immediate_stream(struct kunit *test, u8 *stream, size_t image)
{
	struct bed *bed = immediate_bed(test, image);
	ssize_t len = save_all(bed, stream, 1000);

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
	static const size_t images[] = { IMAGE, BED_CHUNK };
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
	struct vfio_pci_mig_caps caps = image_caps();
	struct bed *bed;

	caps.precopy = false;
	caps.upstream = true;
	bed = image_bed(test, &caps, IMAGE, IMAGE);
	bed->mig->upstream = true;
	return bed;
}

#define RECORD	((ssize_t)sizeof(struct stream_upstream) + IMAGE)

/* The size that the user reads is that of the record */
static void an_upstream_stream_is_one_record(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = upstream_bed(test);
	struct stream_upstream rec = { .size = cpu_to_le64(IMAGE) };
	unsigned long size;

	KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &size), 0);
	KUNIT_EXPECT_EQ(test, size, RECORD);
	KUNIT_EXPECT_EQ(test, save_all(bed, stream, 1000), RECORD);
	KUNIT_EXPECT_MEMEQ(test, stream, &rec, sizeof(rec));
	KUNIT_EXPECT_MEMEQ(test, stream + sizeof(rec), bed->fw->state, IMAGE);
	bed_drop(bed);
}

static void the_last_upstream_image_counts(struct kunit *test)
{
	static const size_t steps[] = { 1, 999, 4096, BED_STREAM_MAX };
	u8 *stream = bed_stream_room(test);
	struct bed *bed = upstream_bed(test);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, save_all(bed, stream, 1000), RECORD);
	memcpy(stream + RECORD, stream, RECORD);
	memset(stream + sizeof(struct stream_upstream), 0x77, IMAGE);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		fw_arm(bed->fw);
		load_all(bed, stream, 2 * RECORD, steps[i]);
		is_there(bed, IMAGE);
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

	KUNIT_EXPECT_EQ(test, save_all(bed, stream, 1000), RECORD);
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

	KUNIT_EXPECT_EQ(test, save_all(bed, stream, 1000), RECORD);
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
	KUNIT_EXPECT_GT(test, save_all(bed, stream, 1000), RECORD);
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
	struct vfio_pci_mig_caps caps = image_caps();
	struct stream_upstream rec = {};
	u8 *stream = bed_stream_room(test);
	unsigned int records = 0;
	struct bed *bed;
	ssize_t len, at;

	caps.upstream = true;
	bed = image_bed(test, &caps, IMAGE, image);
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
	load_all(bed, stream, len, 4096);
	KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_LOAD], records);
	KUNIT_EXPECT_EQ(test, bed->fw->state[100], 0x11);
	bed_drop(bed);
}

/* ---- operations that may never return ----------------------------------------------------- */

struct hang {
	enum mig_op op;
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
};

static const struct hang hangs[] = {
	{ MIG_OP_SUSPEND_P2P, S(RUNNING), S(RUNNING_P2P) },
	{ MIG_OP_SUSPEND_FULL, S(RUNNING_P2P), S(STOP) },
	{ MIG_OP_RESUME_FULL, S(STOP), S(RUNNING_P2P) },
	{ MIG_OP_RESUME_P2P, S(RUNNING_P2P), S(RUNNING) },
	{ MIG_OP_BEGIN, S(STOP), S(STOP_COPY) },
	{ MIG_OP_BEGIN, S(RUNNING), S(PRE_COPY) },
	{ MIG_OP_ATTACH, S(STOP), S(STOP_COPY) },
	{ MIG_OP_CHUNK_SIZE, S(STOP), S(STOP_COPY) },
	{ MIG_OP_SAVE, S(STOP), S(STOP_COPY) },
	{ MIG_OP_SAVE, S(RUNNING), S(PRE_COPY) },
	{ MIG_OP_PRECOPY_START, S(RUNNING), S(PRE_COPY) },
	{ MIG_OP_PRECOPY_STOP, S(PRE_COPY), S(RUNNING) },
	{ MIG_OP_DETACH, S(STOP_COPY), S(STOP) },
	{ MIG_OP_END, S(STOP_COPY), S(STOP) },
	{ MIG_OP_END, S(RESUMING), S(STOP) },
};

static void hang_desc(const struct hang *h, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s to %s", mig_op_name(h->op),
		 mig_state_name(h->from), mig_state_name(h->to));
}

KUNIT_ARRAY_PARAM(hang, hangs, hang_desc);

static struct bed *unbounded_bed(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = image_caps();

	caps.unbounded = true;
	caps.kind = VFIO_PCI_BUF_SG;
	caps.headroom = 8;
	return image_bed(test, &caps, IMAGE, IMAGE);
}

static bool is_stuck(struct bed *bed)
{
	bool stuck;

	mutex_lock(&bed->mig->state_mutex);
	stuck = bed->mig->stuck;
	mutex_unlock(&bed->mig->state_mutex);
	return stuck;
}

/* Let the operation return. Nothing waits for it */
static void release(struct bed *bed)
{
	unsigned int i;

	complete(&bed->fw->release);
	for (i = 0; i < BED_LONG_MS / 20 && is_stuck(bed); i++)
		msleep(20);
	KUNIT_EXPECT_FALSE(bed->test, is_stuck(bed));
}

/* The user got -ETIMEDOUT, and the engine calls firmware no more */
static void is_refused(struct bed *bed)
{
	struct kunit *test = bed->test;
	unsigned long bytes;

	KUNIT_EXPECT_TRUE(test, completion_done(&bed->fw->hung));
	KUNIT_EXPECT_EQ(test, bed_state(bed), S(ERROR));
	fw_arm(bed->fw);
	KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &bytes), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP)), -EINVAL);
	mig_reset_begins(bed->mig);
	mig_reset_done(bed->mig);
	/* Nothing is called, so nothing changes */
	KUNIT_EXPECT_EQ(test, bed_state(bed), S(RUNNING));
	KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &bytes), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, bed_state(bed), S(RUNNING));
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(PRE_COPY)), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(RUNNING_P2P)), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, bed_state(bed), S(RUNNING));
	KUNIT_EXPECT_EQ(test, bed->fw->calls, 0);
}

static struct bed *hung_bed(struct kunit *test)
{
	const struct hang *h = test->param_value;
	struct bed *bed = unbounded_bed(test);

	bed_go(bed, h->from);
	bed->mig->caps.timeout_ms = HANG_MS;
	fw_hang(bed->fw, h->op);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, h->to), -ETIMEDOUT);
	is_refused(bed);
	bed->mig->caps.timeout_ms = BED_LONG_MS;
	return bed;
}

static void a_late_return_ends_the_session(struct kunit *test)
{
	struct bed *bed = hung_bed(test);

	release(bed);
	bed_recovers(bed);
	KUNIT_EXPECT_NULL(test, bed->mig->lost);
	bed_drop(bed);
}

/* The engine ends firmware's session before the next user gets the device */
static void a_return_after_close_ends_the_session_at_open(struct kunit *test)
{
	struct bed *bed = hung_bed(test);

	mig_close(bed->mig);
	mig_closed(bed->mig, true);
	bed_close(bed);
	release(bed);
	mig_open(bed->mig, 0, true);
	KUNIT_EXPECT_FALSE(test, bed->fw->session);
	KUNIT_EXPECT_NULL(test, bed->mig->lost);
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_return_after_close_ends_the_session_at_detach(struct kunit *test)
{
	struct bed *bed = hung_bed(test);

	mig_close(bed->mig);
	mig_closed(bed->mig, true);
	bed_close(bed);
	release(bed);
	mig_gone(bed->mig);
	KUNIT_EXPECT_FALSE(test, bed->fw->session);
	bed_drop(bed);
}

/* The engine frees the operation's memory when it returns */
static void detach_does_not_wait_for_an_operation(struct kunit *test)
{
	struct bed *bed = hung_bed(test);
	unsigned int i;

	mig_close(bed->mig);
	mig_closed(bed->mig, true);
	bed_close(bed);
	mig_gone(bed->mig);
	KUNIT_EXPECT_GT(test, kref_read(&bed->mig->kref), 1);
	release(bed);
	for (i = 0; i < BED_LONG_MS / 20 && kref_read(&bed->mig->kref) > 1; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, mig_buf_used(), 0);
	/* It was not told of an end, and need not be */
	bed->fw->session = false;
	bed->fw->attached = 0;
	bed_drop(bed);
}

static void a_late_return_frees_the_device_for_the_next_user(struct kunit *test)
{
	struct bed *bed = hung_bed(test);

	mig_close(bed->mig);
	mig_closed(bed->mig, true);
	mig_open(bed->mig, 0, true);
	release(bed);
	bed_recovers(bed);
	bed_drop(bed);
}

static void state_size_times_out(struct kunit *test)
{
	struct bed *bed = unbounded_bed(test);
	unsigned long bytes;

	bed->mig->caps.timeout_ms = HANG_MS;
	fw_hang(bed->fw, MIG_OP_STATE_SIZE);
	KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &bytes), -ETIMEDOUT);
	is_refused(bed);
	release(bed);
	bed_recovers(bed);
	bed_drop(bed);
}

static void load_times_out(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = unbounded_bed(test);
	ssize_t len = save_all(bed, stream, 1000);

	forget(bed);
	bed_go(bed, S(RESUMING));
	bed->mig->caps.timeout_ms = HANG_MS;
	fw_hang(bed->fw, MIG_OP_LOAD);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -ETIMEDOUT);
	bed->mig->caps.timeout_ms = BED_LONG_MS;
	is_refused(bed);
	/* The user closes the file; what is loaded stays */
	bed_close(bed);
	KUNIT_EXPECT_GT(test, mig_buf_used(), IMAGE);
	release(bed);
	is_there(bed, IMAGE);
	bed_recovers(bed);
	bed_drop(bed);
}

static void check_compat_times_out(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = unbounded_bed(test);
	ssize_t len = save_all(bed, stream, 1000);

	bed_go(bed, S(RESUMING));
	bed->mig->caps.timeout_ms = HANG_MS;
	fw_hang(bed->fw, MIG_OP_CHECK_COMPAT);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -ETIMEDOUT);
	bed->mig->caps.timeout_ms = BED_LONG_MS;
	is_refused(bed);
	bed_close(bed);
	release(bed);
	bed_recovers(bed);
	bed_drop(bed);
}

static void operations_with_a_timeout_migrate(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = unbounded_bed(test);
	ssize_t len = save_all(bed, stream, 1000);

	load_all(bed, stream, len, 1000);
	is_there(bed, IMAGE);
	bed_drop(bed);
}

static void workers_exit(struct kunit_suite *suite)
{
	mig_fw_worker_exit();
}

static struct kunit_case sessions_cases[] = {
	KUNIT_CASE(each_kind_of_buffer_migrates),
	KUNIT_CASE(whole_images_migrate),
	KUNIT_CASE(whole_images_of_precopy_migrate),
	KUNIT_CASE(images_need_no_precopy_size),
	KUNIT_CASE(no_room_is_needed_only_in_precopy),
	KUNIT_CASE(more_room_than_max_state_is_refused),
	KUNIT_CASE(a_growing_buffer_is_attached_once),
	KUNIT_CASE(no_memory_refuses_save_and_load),
	KUNIT_CASE(all_buffers_of_the_host_share_a_limit),
	KUNIT_CASE(a_stream_loads_into_other_chunk_sizes),
	KUNIT_CASE(precopy_chunks_are_not_split),
	KUNIT_CASE(more_data_than_room_is_refused),
	KUNIT_CASE(save_sees_the_level_of_the_function),
	KUNIT_CASE(a_refused_session_keeps_the_state),
	KUNIT_CASE(a_device_without_firmware_is_enodev),
	KUNIT_CASE(a_refused_immediate_image_is_an_error_after_the_first),
	KUNIT_CASE(a_cut_immediate_load_is_an_error_if_firmware_got_any),
	KUNIT_CASE(a_damaged_immediate_image_does_not_reach_firmware),
	KUNIT_CASE(an_upstream_stream_is_one_record),
	KUNIT_CASE(the_last_upstream_image_counts),
	KUNIT_CASE(an_upstream_stream_ends_after_an_image),
	KUNIT_CASE(a_refused_upstream_image_is_an_error_after_the_first),
	KUNIT_CASE(upstream_images_of_precopy_load_in_order),
	KUNIT_CASE(operations_with_a_timeout_migrate),
	KUNIT_CASE_PARAM(a_late_return_ends_the_session, hang_gen_params),
	KUNIT_CASE_PARAM(a_return_after_close_ends_the_session_at_open, hang_gen_params),
	KUNIT_CASE_PARAM(a_return_after_close_ends_the_session_at_detach, hang_gen_params),
	KUNIT_CASE_PARAM(detach_does_not_wait_for_an_operation, hang_gen_params),
	KUNIT_CASE_PARAM(a_late_return_frees_the_device_for_the_next_user, hang_gen_params),
	KUNIT_CASE(state_size_times_out),
	KUNIT_CASE(load_times_out),
	KUNIT_CASE(check_compat_times_out),
	{}
};

static struct kunit_suite sessions_suite = {
	.name = "vfio-pci-engine-sessions",
	.suite_exit = workers_exit,
	.test_cases = sessions_cases,
};

kunit_test_suite(sessions_suite);
