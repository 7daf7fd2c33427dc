// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that may never return: the engine waits in a worker, and for a bounded time.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "bed.h"
#include "buffer.h"
#include "mig_file.h"
#include "stream.h"

#define S(name)	VFIO_DEVICE_STATE_##name
/* The timeout for an operation that does not return */
#define HANG_MS	1000

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
	struct vfio_pci_mig_caps caps = bed_image_caps();

	caps.unbounded = true;
	caps.kind = VFIO_PCI_BUF_SG;
	caps.headroom = 8;
	return bed_of_images(test, &caps, BED_IMAGE, BED_IMAGE);
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

static void user_closes(struct bed *bed)
{
	mig_close(bed->mig);
	mig_closed(bed->mig, true);
	bed_close(bed);
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

	user_closes(bed);
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

	user_closes(bed);
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

	user_closes(bed);
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
	ssize_t len = bed_save_all(bed, stream, 1000);

	bed_forget(bed);
	bed_go(bed, S(RESUMING));
	bed->mig->caps.timeout_ms = HANG_MS;
	fw_hang(bed->fw, MIG_OP_LOAD);
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -ETIMEDOUT);
	bed->mig->caps.timeout_ms = BED_LONG_MS;
	is_refused(bed);
	/* The user closes the file; what is loaded stays */
	bed_close(bed);
	KUNIT_EXPECT_GT(test, mig_buf_used(), BED_IMAGE);
	release(bed);
	bed_has_state(bed, BED_IMAGE);
	bed_recovers(bed);
	bed_drop(bed);
}

static void check_compat_times_out(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = unbounded_bed(test);
	ssize_t len = bed_save_all(bed, stream, 1000);

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
	ssize_t len = bed_save_all(bed, stream, 1000);

	bed_load_all(bed, stream, len, 1000);
	bed_has_state(bed, BED_IMAGE);
	bed_drop(bed);
}

static void workers_exit(struct kunit_suite *suite)
{
	mig_fw_worker_exit();
}

static struct kunit_case unbounded_cases[] = {
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

static struct kunit_suite unbounded_suite = {
	.name = "vfio-pci-engine-unbounded",
	.suite_exit = workers_exit,
	.test_cases = unbounded_cases,
};

kunit_test_suite(unbounded_suite);
