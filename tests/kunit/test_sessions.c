// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions, their buffers and chunks, as other hardware than the reference device needs them. That
 * a session begins and ends, and that its buffers are attached in between, the fake firmware
 * checks in all suites.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "bed.h"
#include "buffer.h"
#include "fake_dma.h"
#include "mig_file.h"
#include "save.h"
#include "stream.h"

#define S(name)	VFIO_DEVICE_STATE_##name

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
			len = bed_save_all(bed, stream, 1000);
			bed_load_all(bed, stream, len, 999);
			bed_has_state(bed, 2 * BED_CHUNK + 77);
			bed_drop(bed);
		}
}

/* ---- chunks that are whole images --------------------------------------------------------- */

static void whole_images_migrate(struct kunit *test)
{
	static const size_t sizes[] = {
		1, BED_CHUNK, BED_CHUNK + 1, 3 * BED_CHUNK, BED_IMAGE, FW_MAX_STATE
	};
	struct vfio_pci_mig_caps caps = bed_image_caps();
	u8 *stream = bed_stream_room(test);
	unsigned int i, j;
	struct bed *bed;
	ssize_t len;

	for (caps.kind = VFIO_PCI_BUF_DMA; caps.kind <= VFIO_PCI_BUF_SG; caps.kind++)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			for (j = 0; j <= i; j++) {
				bed = bed_of_images(test, &caps, sizes[i], sizes[j]);
				if (DIV_ROUND_UP(sizes[i], sizes[j]) < 100) {
					len = bed_save_all(bed, stream, 1000 + i);
					bed_load_all(bed, stream, len, 777 * (j + 1));
					bed_has_state(bed, sizes[i]);
				}
				bed_drop(bed);
			}
}

static void whole_images_of_precopy_migrate(struct kunit *test)
{
	const size_t image = 3 * BED_CHUNK;
	struct vfio_pci_mig_caps caps = bed_image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of_images(test, &caps, BED_IMAGE, image);
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
	bed_load_all(bed, stream, len + n, 4096);
	KUNIT_EXPECT_EQ(test, bed->fw->state[100], 0x11);
	bed_drop(bed);
}

/* Firmware that says only what the next image needs */
static void images_need_no_precopy_size(struct kunit *test)
{
	const size_t image = 3 * BED_CHUNK;
	struct vfio_pci_mig_ops ops = fake_image_ops;
	struct vfio_pci_mig_caps caps = bed_image_caps();
	struct vfio_precopy_info info = {};
	u8 *stream = bed_stream_room(test);
	struct mig_file *mf;
	struct bed *bed;

	ops.precopy_size = NULL;
	bed = bed_with(test, &ops, &caps);
	bed->mig->record = BED_CHUNK;
	fw_set_size(bed->fw, BED_IMAGE);
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
	struct vfio_pci_mig_caps caps = bed_image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of_images(test, &caps, BED_IMAGE, BED_IMAGE);

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
	struct vfio_pci_mig_caps caps = bed_image_caps();
	struct bed *bed = bed_of_images(test, &caps, BED_IMAGE, BED_IMAGE);

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
	struct vfio_pci_mig_caps caps = bed_image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of_images(test, &caps, BED_IMAGE, BED_IMAGE);
	ssize_t len;

	bed_go(bed, S(STOP));
	fw_arm(bed->fw);
	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_EQ(test, mig_buf_used(), PAGE_ALIGN(BED_IMAGE));
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
	struct vfio_pci_mig_caps caps = bed_image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of_images(test, &caps, BED_IMAGE, BED_IMAGE);
	ssize_t len;

	bed_go(bed, S(STOP));
	fake_dma_fail_alloc(1);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP_COPY)), -ENOMEM);
	bed_is(bed, S(STOP));
	len = bed_save_all(bed, stream, 1000);
	bed_go(bed, S(RESUMING));
	fake_dma_fail_alloc(1);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -ENOMEM);
	bed_is(bed, S(RESUMING));
	bed_recovers(bed);
	bed_go(bed, S(STOP));
	bed_load_all(bed, stream, len, 1000);
	bed_has_state(bed, BED_IMAGE);
	bed_drop(bed);
}

static void all_buffers_of_the_host_share_a_limit(struct kunit *test)
{
	struct vfio_pci_mig_caps caps = bed_image_caps();
	struct bed *bed = bed_of_images(test, &caps, BED_IMAGE, BED_IMAGE);

	bed_go(bed, S(STOP));
	fake_ram = 3 * BED_IMAGE / PAGE_SIZE;
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
	len = bed_save_all(bed, stream, 1000);
	bed_drop(bed);
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		caps.chunk = chunks[i];
		bed = bed_with(test, &fake_fw_ops, &caps);
		bed_go(bed, S(STOP));
		bed_load_all(bed, stream, len, 500);
		bed_has_state(bed, BED_CHUNK + 300);
		bed_drop(bed);
	}
	caps = bed_image_caps();
	bed = bed_of_images(test, &caps, 1, BED_CHUNK);
	bed_go(bed, S(STOP));
	bed_load_all(bed, stream, len, 500);
	bed_has_state(bed, BED_CHUNK + 300);
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
	struct vfio_pci_mig_caps caps = bed_image_caps();
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of_images(test, &caps, BED_IMAGE, 100);

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
	{}
};

static struct kunit_suite sessions_suite = {
	.name = "vfio-pci-engine-sessions",
	.test_cases = sessions_cases,
};

kunit_test_suite(sessions_suite);
