// SPDX-License-Identifier: GPL-2.0-only
/* A simulated function for the tests: see bed.h. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "bed.h"
#include "fake_dma.h"
#include "fake_log.h"
#include "mig_file.h"

static void pdev_release(struct device *dev)
{
	kfree(to_pci_dev(dev));
}

/* The device has only what messages print */
static struct pci_dev *new_pdev(struct kunit *test, const char *name)
{
	struct pci_dev *pdev = kzalloc(sizeof(*pdev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	device_initialize(&pdev->dev);
	pdev->dev.release = pdev_release;
	KUNIT_ASSERT_EQ(test, dev_set_name(&pdev->dev, "%s", name), 0);
	pdev->vendor = 0x1234;
	pdev->device = 0x5678;
	return pdev;
}

/**
 * bed_on() - a function that runs, with any firmware
 * @test: the test
 * @desc: the function
 *
 * Return: the bed; ends by bed_drop().
 */
struct bed *bed_on(struct kunit *test, const struct vfio_pci_engine_desc *desc)
{
	struct bed *bed = kunit_kzalloc(test, sizeof(*bed), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bed);
	bed->test = test;
	bed->vdev = kunit_kzalloc(test, sizeof(*bed->vdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bed->vdev);
	bed->vdev->migration_flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
				     (desc->mig_caps->precopy ? VFIO_MIGRATION_PRE_COPY : 0);
	bed->mig = mig_create(desc, bed->vdev);
	KUNIT_ASSERT_NOT_NULL(test, bed->mig);
	mig_open(bed->mig, 0, true);
	return bed;
}

const struct vfio_pci_mig_caps bed_caps = {
	.max_state = FW_MAX_STATE,
	.chunk = BED_CHUNK,
	.compat = 3,
	.timeout_ms = BED_LONG_MS,
};

/**
 * bed_new() - a function that runs, with the fake firmware
 * @test: the test
 * @precopy: its firmware can save it so
 *
 * Return: the bed; ends by bed_drop().
 */
struct bed *bed_new(struct kunit *test, bool precopy)
{
	struct vfio_pci_mig_caps caps = bed_caps;

	caps.precopy = precopy;
	return bed_with(test, &fake_fw_ops, &caps);
}

/**
 * bed_with() - the same, with some other limits
 * @test: the test
 * @ops: of the fake firmware
 * @caps: its limits
 *
 * Return: the bed; ends by bed_drop().
 */
struct bed *bed_with(struct kunit *test, const struct vfio_pci_mig_ops *ops,
		     const struct vfio_pci_mig_caps *caps)
{
	struct fake_fw *fw = kunit_kzalloc(test, sizeof(*fw), GFP_KERNEL);
	struct vfio_pci_fn fn = {
		.pf = new_pdev(test, "fake-pf"), .pdev = new_pdev(test, "fake-vf"), .priv = fw
	};
	struct vfio_pci_engine_desc desc = {
		.fn = &fn,
		.type = "fake-one",
		.mig_ops = ops,
		.mig_caps = caps,
		.log_ops = &fake_log_ops,
		.log_caps = &fake_log_caps,
	};
	struct bed *bed;

	KUNIT_ASSERT_NOT_NULL(test, fw);
	fake_dma_begin(test);
	fw_init(fw, test, caps->chunk);
	fw->headroom = caps->headroom;
	bed = bed_on(test, &desc);
	bed->pf = fn.pf;
	bed->pdev = fn.pdev;
	bed->fn = fn;
	if (!caps->unbounded)
		bed->mig->fn = &bed->fn;
	bed->fw = fw;
	fw->mig = bed->mig;
	return bed;
}

/**
 * bed_drop() - the device is closed and gone, and has left nothing behind
 * @bed: the bed
 */
void bed_drop(struct bed *bed)
{
	struct kunit *test = bed->test;

	mig_close(bed->mig);
	KUNIT_EXPECT_EQ_MSG(test, fake_dma_mapped(), 0, "the device is closed");
	if (bed->fw) {
		KUNIT_EXPECT_NULL_MSG(test, bed->fw->buf, "the device is closed");
		KUNIT_EXPECT_FALSE_MSG(test, bed->fw->session, "the device is closed");
	}
	bed_close(bed);
	/* The worker drops its reference only after its waiter has gone on */
	if (bed->mig->caps.unbounded)
		flush_work(&bed->mig->worker.work);
	KUNIT_EXPECT_EQ_MSG(test, kref_read(&bed->mig->kref), 1, "no one else has a reference");
	mig_put(bed->mig);
	if (bed->fw) {
		fw_end(bed->fw);
		put_device(&bed->pf->dev);
		put_device(&bed->pdev->dev);
		kunit_kfree(test, bed->fw);
	}
	kunit_kfree(test, bed->vdev);
	kunit_kfree(test, bed);
}

/**
 * bed_impatient() - the engine waits for firmware a short time only
 * @bed: the bed
 */
void bed_impatient(struct bed *bed)
{
	bed->mig->caps.timeout_ms = BED_SHORT_MS;
}

/**
 * bed_set_state() - what user space does by v2
 * @bed: the bed
 * @state: to go to
 *
 * Return: 0, with a migration file that comes in place of what was open; or the errno.
 */
int bed_set_state(struct bed *bed, enum vfio_device_mig_state state)
{
	struct file *file = mig_set_state(bed->mig, state, MIG_USER_V2);

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (!file)
		return 0;
	bed_close(bed);
	bed->file = file;
	return 0;
}

/**
 * bed_go() - the same, where it must succeed
 * @bed: the bed
 * @state: to go to
 */
void bed_go(struct bed *bed, enum vfio_device_mig_state state)
{
	KUNIT_ASSERT_EQ_MSG(bed->test, bed_set_state(bed, state), 0, "to %s",
			    mig_state_name(state));
}

/**
 * bed_state() - what user space reads by v2
 * @bed: the bed
 *
 * Return: the state.
 */
enum vfio_device_mig_state bed_state(struct bed *bed)
{
	enum vfio_device_mig_state state;
	enum mig_user user;

	mig_get_state(bed->mig, &state, &user);
	return state;
}

/**
 * bed_close() - user space closes the migration file
 * @bed: the bed; may have none
 */
void bed_close(struct bed *bed)
{
	/* fput() would be done some time later, in a kernel thread */
	if (bed->file)
		__fput_sync(bed->file);
	bed->file = NULL;
}

/**
 * bed_reset() - the function is reset
 * @bed: the bed
 */
void bed_reset(struct bed *bed)
{
	mig_reset_begins(bed->mig);
	if (bed->fw)
		fw_reset(bed->fw);
	mig_reset_done(bed->mig);
}

/**
 * bed_read() - read(2) of the migration file
 * @bed: the bed
 * @data: room
 * @len: bytes of it
 *
 * Return: bytes, 0 or an errno.
 */
ssize_t bed_read(struct bed *bed, void *data, size_t len)
{
	struct kvec kvec = { .iov_base = data, .iov_len = len };
	struct iov_iter to;
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, bed->file);
	iov_iter_kvec(&to, ITER_DEST, &kvec, 1, len);
	return bed->file->f_op->read_iter(&kiocb, &to);
}

/**
 * bed_write() - write(2) of the migration file
 * @bed: the bed
 * @data: what
 * @len: bytes of it
 *
 * Return: bytes, or an errno.
 */
ssize_t bed_write(struct bed *bed, const void *data, size_t len)
{
	struct kvec kvec = { .iov_base = (void *)data, .iov_len = len };
	struct iov_iter from;
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, bed->file);
	iov_iter_kvec(&from, ITER_SOURCE, &kvec, 1, len);
	return bed->file->f_op->write_iter(&kiocb, &from);
}

/**
 * bed_read_all() - read to the end
 * @bed: the bed
 * @data: room
 * @room: bytes of it
 * @step: bytes to read at a time
 *
 * Return: bytes in all, or the errno that the last read met.
 */
ssize_t bed_read_all(struct bed *bed, void *data, size_t room, size_t step)
{
	size_t done = 0;
	ssize_t n;

	while (done < room) {
		n = bed_read(bed, data + done, min(step, room - done));
		if (n <= 0)
			return n ?: done;
		done += n;
	}
	return -ENOSPC;
}

/**
 * bed_write_all() - write a whole stream
 * @bed: the bed
 * @data: the stream
 * @len: bytes of it
 * @step: bytes to write at a time
 *
 * Return: bytes in all, or the errno that a write met.
 */
ssize_t bed_write_all(struct bed *bed, const void *data, size_t len, size_t step)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = bed_write(bed, data + done, min(step, len - done));
		if (n <= 0)
			return n;
		done += n;
	}
	return done;
}

/**
 * bed_stream_room() - memory for the longest stream
 * @test: which frees it at its end
 *
 * Return: BED_STREAM_MAX bytes.
 */
u8 *bed_stream_room(struct kunit *test)
{
	u8 *room = kunit_kzalloc(test, BED_STREAM_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, room);
	return room;
}

static enum fw_level level_of(enum vfio_device_mig_state state)
{
	switch (state) {
	case VFIO_DEVICE_STATE_RUNNING:
	case VFIO_DEVICE_STATE_PRE_COPY:
		return FW_RUNNING;
	case VFIO_DEVICE_STATE_RUNNING_P2P:
	case VFIO_DEVICE_STATE_PRE_COPY_P2P:
		return FW_P2P;
	default:
		return FW_FULL;
	}
}

/* The number of buffers that firmware must have attached */
static int bufs_attached(struct bed *bed)
{
	const struct mig_file *mf = bed->mig->file;

	if (!mf)
		return 0;
	if (mf->buf[0].dir == DMA_TO_DEVICE ? bed->mig->caps.framed : !!bed->mig->ops->chunk_size)
		return mf->buf[0].attached + mf->buf[1].attached;
	return 2;
}

/**
 * bed_is() - all agree that the device is in a state
 * @bed: the bed
 * @state: which
 */
void bed_is(struct bed *bed, enum vfio_device_mig_state state)
{
	struct kunit *test = bed->test;

	KUNIT_EXPECT_STREQ(test, mig_state_name(bed_state(bed)), mig_state_name(state));
	KUNIT_EXPECT_STREQ(test, mig_state_name(mig_state(bed->mig)), mig_state_name(state));
	if (state != VFIO_DEVICE_STATE_ERROR)
		KUNIT_EXPECT_EQ_MSG(test, bed->fw->level, level_of(state), "in %s",
				    mig_state_name(state));
	/* Two buffers while there is a session, else none; those that grow when they are used */
	KUNIT_EXPECT_EQ_MSG(test, fake_dma_mapped(), bed->mig->dma_dev ? bufs_attached(bed) : 0,
			    "in %s", mig_state_name(state));
	KUNIT_EXPECT_EQ_MSG(test, bed->fw->attached, bufs_attached(bed), "in %s",
			    mig_state_name(state));
	KUNIT_EXPECT_EQ_MSG(test, bed->fw->session, !!bed->mig->file, "in %s",
			    mig_state_name(state));
	if (bed->mig->file)
		KUNIT_EXPECT_TRUE_MSG(test, mig_state_has_file(state), "a session in %s",
				      mig_state_name(state));
	else
		KUNIT_EXPECT_NULL_MSG(test, bed->fw->buf, "firmware works on a buffer in %s",
				      mig_state_name(state));
}

/**
 * bed_recovers() - after a reset all is well, whatever was before
 * @bed: the bed
 */
void bed_recovers(struct bed *bed)
{
	struct kunit *test = bed->test;
	u8 *stream = bed_stream_room(test);

	fw_arm(bed->fw);
	bed->mig->caps.timeout_ms = BED_LONG_MS;
	bed_reset(bed);
	bed_is(bed, VFIO_DEVICE_STATE_RUNNING);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, VFIO_DEVICE_STATE_STOP_COPY), 0);
	if (bed->mig->file)
		KUNIT_EXPECT_GT(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), 0);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, VFIO_DEVICE_STATE_RUNNING), 0);
	bed_is(bed, VFIO_DEVICE_STATE_RUNNING);
	kunit_kfree(test, stream);
}

/**
 * bed_image_caps() - limits of firmware that saves and loads whole images
 *
 * Return: the limits.
 */
struct vfio_pci_mig_caps bed_image_caps(void)
{
	struct vfio_pci_mig_caps caps = bed_caps;

	caps.framed = true;
	caps.precopy = true;
	caps.max_chunk = FW_MAX_STATE;
	return caps;
}

/**
 * bed_of_images() - make a function whose state is in images
 * @test: the test
 * @caps: limits of firmware
 * @size: bytes of state
 * @image: bytes of an image; records are as small as a buffer
 *
 * Return: the bed.
 */
struct bed *bed_of_images(struct kunit *test, const struct vfio_pci_mig_caps *caps,
			  size_t size, size_t image)
{
	struct bed *bed = bed_with(test, &fake_image_ops, caps);

	bed->mig->record = BED_CHUNK;
	fw_set_size(bed->fw, size);
	bed->fw->image = image;
	return bed;
}

/**
 * bed_forget() - overwrite the state of the function
 * @bed: the bed
 */
void bed_forget(struct bed *bed)
{
	memset(bed->fw->state, 0xa5, sizeof(bed->fw->state));
}

/**
 * bed_has_state() - expect the state that fw_set_size() makes
 * @bed: the bed
 * @size: bytes of it
 */
void bed_has_state(struct bed *bed, size_t size)
{
	KUNIT_EXPECT_EQ(bed->test, bed->fw->size, size);
	memcpy(bed->fw->incoming, bed->fw->state, size);
	fw_set_size(bed->fw, size);
	KUNIT_EXPECT_MEMEQ(bed->test, bed->fw->incoming, bed->fw->state, size);
}

/**
 * bed_save_all() - save a function that is stopped
 * @bed: the bed
 * @stream: receives the stream
 * @step: bytes of each read
 *
 * Return: bytes of the stream.
 */
ssize_t bed_save_all(struct bed *bed, u8 *stream, size_t step)
{
	ssize_t len;

	bed_go(bed, VFIO_DEVICE_STATE_STOP_COPY);
	len = bed_read_all(bed, stream, BED_STREAM_MAX, step);
	KUNIT_EXPECT_GT(bed->test, len, 0);
	bed_go(bed, VFIO_DEVICE_STATE_STOP);
	return len;
}

/**
 * bed_load_all() - load a stream into a function that has forgotten its state
 * @bed: the bed
 * @stream: the stream
 * @len: bytes of it
 * @step: bytes of each write
 */
void bed_load_all(struct bed *bed, const u8 *stream, ssize_t len, size_t step)
{
	bed_forget(bed);
	bed_go(bed, VFIO_DEVICE_STATE_RESUMING);
	KUNIT_EXPECT_EQ(bed->test, bed_write_all(bed, stream, len, step), len);
	bed_go(bed, VFIO_DEVICE_STATE_STOP);
	bed_is(bed, VFIO_DEVICE_STATE_STOP);
}
