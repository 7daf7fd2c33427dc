// SPDX-License-Identifier: GPL-2.0-only
/* Data files that begin in PRE_COPY: what changes, what is left, and firmware that fails then. */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/poll.h>
#include <linux/string.h>

#include "bed.h"
#include "fake_dma.h"
#include "fake_lock.h"
#include "mig_file.h"
#include "save.h"

#define S(name)	VFIO_DEVICE_STATE_##name
#define SIZE	(100 * FW_BLOCK + 10)
#define BLOCKS	101
#define ENTRY	sizeof(struct fw_entry)

static const enum fw_speed speeds[] = { FW_AT_ONCE, FW_EARLY, FW_LATER };

static void speed_desc(const enum fw_speed *speed, char *desc)
{
	static const char * const names[] = { "at once", "early", "later" };

	strscpy(desc, names[*speed], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(speed, speeds, speed_desc);

static struct bed *bed_of(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);

	if (test->param_value)
		bed->fw->speed = *(const enum fw_speed *)test->param_value;
	fw_set_size(bed->fw, SIZE);
	return bed;
}

/* Read until no data is left. Returns the bytes read */
static size_t drain(struct bed *bed, u8 *stream)
{
	ssize_t n, done = 0;

	do {
		n = bed_read(bed, stream + done, 1000);
		if (n > 0)
			done += n;
	} while (n > 0);
	KUNIT_EXPECT_EQ(bed->test, n, -ENOMSG);
	return done;
}

static void change(struct bed *bed, unsigned int first, unsigned int nr, u8 value)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		fw_change(bed->fw, (first + i) * FW_BLOCK + i % FW_BLOCK, value);
}

static void load_and_compare(struct kunit *test, const u8 *stream, size_t len,
			     const struct fake_fw *saved)
{
	struct bed *bed = bed_of(test);

	memset(bed->fw->state, 0, sizeof(bed->fw->state));
	memset(bed->fw->context, 0, sizeof(bed->fw->context));
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 999), len);
	bed_go(bed, S(RUNNING));
	KUNIT_EXPECT_MEMEQ(test, bed->fw->state, saved->state, SIZE);
	KUNIT_EXPECT_MEMEQ(test, bed->fw->context, saved->context, FW_BLOCK);
	bed_drop(bed);
}

/* @drains: how often the user reads all data before the function is stopped */
static void round_trip_with(struct kunit *test, unsigned int drains, bool p2p, u8 *stream)
{
	struct fake_fw *saved = kunit_kmalloc(test, sizeof(*saved), GFP_KERNEL);
	struct bed *bed = bed_of(test);
	size_t len = 0;
	unsigned int i;
	ssize_t n;

	KUNIT_ASSERT_NOT_NULL(test, saved);
	bed_go(bed, p2p ? S(PRE_COPY_P2P) : S(PRE_COPY));
	for (i = 0; i < drains; i++) {
		len += drain(bed, stream + len);
		change(bed, 10 * i, 20, 0xe0 + i);
	}
	bed_go(bed, S(PRE_COPY_P2P));
	change(bed, 90, 5, 0x99);
	memset(bed->fw->context, 0xc7, FW_BLOCK);
	bed_go(bed, S(STOP_COPY));
	n = bed_read_all(bed, stream + len, BED_STREAM_MAX - len, 700);
	KUNIT_EXPECT_GT(test, n, 0);
	len += n;
	KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 1), 0);
	bed_is(bed, S(STOP_COPY));
	bed_go(bed, S(STOP));
	KUNIT_EXPECT_FALSE(test, bed->fw->recording);
	*saved = *bed->fw;
	bed_drop(bed);
	load_and_compare(test, stream, len, saved);
	kunit_kfree(test, saved);
}

static void precopy_state_migrates(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	unsigned int drains;

	for (drains = 0; drains < 4; drains++) {
		round_trip_with(test, drains, false, stream);
		round_trip_with(test, drains, true, stream);
	}
}

static void firmware_without_precopy_refuses_the_stream(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of(test);
	ssize_t len;

	bed_go(bed, S(PRE_COPY));
	bed_go(bed, S(STOP_COPY));
	len = bed_read_all(bed, stream, BED_STREAM_MAX, 700);
	bed_drop(bed);

	bed = bed_new(test, false);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(PRE_COPY)), -EINVAL);
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, len), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP)), -ENODATA);
	bed_drop(bed);
}

/* ---- what is left ------------------------------------------------------------------------ */

static void left(struct bed *bed, u32 flags, u64 initial, u64 dirty)
{
	struct vfio_precopy_info info = { .flags = 0x100 };
	struct kunit *test = bed->test;

	KUNIT_EXPECT_EQ(test, mig_precopy_info(bed->file->private_data, &info), 0);
	/* Without v2 they stay as they were */
	KUNIT_EXPECT_EQ(test, info.flags, fake_precopy_info_v2 ? flags : 0x100);
	KUNIT_EXPECT_EQ(test, info.initial_bytes, initial);
	KUNIT_EXPECT_EQ(test, info.dirty_bytes, dirty);
}

static void precopy_info_has_the_bytes_that_are_left(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of(test);
	unsigned long bytes;

	bed_go(bed, S(PRE_COPY));
	left(bed, 0, BLOCKS * ENTRY, 0);
	KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &bytes), 0);
	KUNIT_EXPECT_GE(test, bytes, (BLOCKS + 1) * ENTRY);
	drain(bed, stream);
	left(bed, 0, 0, 0);
	change(bed, 5, 3, 0x11);
	left(bed, 0, 0, 3 * ENTRY);
	/* 24 bytes are the record's, and are not state */
	KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 24 + 10), 34);
	left(bed, 0, 0, 3 * ENTRY - 10);
	drain(bed, stream);
	left(bed, 0, 0, 0);
	bed_drop(bed);
}

/* The function is set up anew. Only a user of v2 can see that; initial data comes to an end */
static void initial_again(struct kunit *test, bool v2, u8 *stream)
{
	struct bed *bed = bed_of(test);

	fake_precopy_info_v2 = v2;
	bed_go(bed, S(PRE_COPY));
	left(bed, 0, BLOCKS * ENTRY, 0);
	drain(bed, stream);
	left(bed, 0, 0, 0);
	bitmap_set(bed->fw->unsaved, 0, 7);
	change(bed, 50, 2, 0x22);
	if (v2)
		left(bed, VFIO_PRECOPY_INFO_REINIT, 9 * ENTRY, 0);
	else
		left(bed, 0, 0, 9 * ENTRY);
	/* Said once; the user counts from there */
	left(bed, 0, v2 ? 7 * ENTRY : 0, v2 ? 2 * ENTRY : 9 * ENTRY);
	drain(bed, stream);
	left(bed, 0, 0, 0);
	bed_drop(bed);
}

static void initial_bytes_begin_anew_after_reinit(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);

	initial_again(test, false, stream);
	initial_again(test, true, stream);
}

/* Who reads before asking is told afterwards, even if the first end was not asked for either */
static void initial_data_that_was_read_unasked_is_told(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of(test);
	int i;

	fake_precopy_info_v2 = true;
	bed_go(bed, S(PRE_COPY));
	left(bed, 0, BLOCKS * ENTRY, 0);
	drain(bed, stream);
	for (i = 0; i < 2; i++) {
		bitmap_set(bed->fw->unsaved, 0, 7);
		drain(bed, stream);
		left(bed, VFIO_PRECOPY_INFO_REINIT, 0, 0);
		left(bed, 0, 0, 0);
	}
	bed_drop(bed);
}

/* Nothing that it could take for an end */
static void who_has_not_asked_is_told_nothing(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of(test);

	fake_precopy_info_v2 = true;
	bed_go(bed, S(PRE_COPY));
	drain(bed, stream);
	bitmap_set(bed->fw->unsaved, 0, 7);
	drain(bed, stream);
	left(bed, 0, 0, 0);
	bed_drop(bed);
}

static void precopy_info_is_refused_outside_precopy(struct kunit *test)
{
	struct vfio_precopy_info info = {};
	struct bed *bed = bed_of(test);
	struct mig_file *mf;

	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_EQ(test, mig_precopy_info(bed->file->private_data, &info), -EINVAL);
	bed_go(bed, S(RUNNING));
	KUNIT_EXPECT_EQ(test, mig_precopy_info(bed->file->private_data, &info), -ENODEV);
	bed_go(bed, S(PRE_COPY));
	mf = bed->file->private_data;
	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_PRECOPY_SIZE, 0, FW_SIZE, -1);
	fw_fault(bed->fw, MIG_OP_PRECOPY_SIZE, 1, FW_RETURNS, -EBUSY);
	KUNIT_EXPECT_EQ(test, mig_precopy_info(mf, &info), -EIO);
	KUNIT_EXPECT_EQ(test, mig_precopy_info(mf, &info), -EBUSY);
	bed_is(bed, S(PRE_COPY));
	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_PRECOPY_SIZE, 0, FW_RETURNS, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, mig_precopy_info(mf, &info), -ETIMEDOUT);
	bed_is(bed, S(PRE_COPY));
	KUNIT_EXPECT_EQ(test, mig_precopy_info(mf, &info), 0);
	bed_recovers(bed);

	bed_go(bed, S(PRE_COPY));
	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_EQ(test, mig_precopy_info(bed->file->private_data, &info), -EINVAL);
	bed_drop(bed);
}

/* ---- firmware at work while the state changes --------------------------------------------- */

static const enum vfio_device_mig_state next_states[] = {
	S(PRE_COPY_P2P), S(STOP_COPY), S(RUNNING), S(RUNNING_P2P), S(STOP), S(RESUMING),
};

/*
 * Firmware does not answer. A transition that needs the answer waits a bounded time. The file
 * fails, and the device reaches the new state.
 */
static void an_unanswered_save_changes_no_state(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	enum vfio_device_mig_state to;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(next_states); i++) {
		struct bed *bed = bed_of(test);
		bool waits;

		to = next_states[i];
		waits = to == S(PRE_COPY_P2P) || to == S(STOP_COPY);
		if (waits)
			bed_impatient(bed);
		fw_arm(bed->fw);
		fw_fault(bed->fw, MIG_OP_SAVE, 0, FW_NEVER, 0);
		bed_go(bed, S(PRE_COPY));
		KUNIT_EXPECT_EQ_MSG(test, bed_set_state(bed, to), 0, "to %s", mig_state_name(to));
		bed_is(bed, to);
		if (waits)
			KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 1), -ETIMEDOUT);
		KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_ABORT], 1);
		bed_recovers(bed);
		bed_drop(bed);
	}
}

static void ends_silent_with(struct kunit *test, enum fw_speed speed,
			     enum vfio_device_mig_state to)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of(test);

	bed->fw->speed = speed;
	fw_fault(bed->fw, MIG_OP_SAVE, 0, FW_ENDS, -ETIMEDOUT);
	bed_go(bed, S(PRE_COPY));
	KUNIT_EXPECT_EQ_MSG(test, bed_set_state(bed, to), 0, "to %s", mig_state_name(to));
	bed_is(bed, to);
	if (bed->mig->file && to != S(RESUMING))
		KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000),
				-ETIMEDOUT);
	bed_go(bed, S(RUNNING));
	bed_recovers(bed);
	bed_drop(bed);
}

/* Firmware reports the time-out before a user reads it */
static void a_timed_out_save_changes_no_state(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(next_states); i++)
		ends_silent_with(test, FW_EARLY, next_states[i]);
	ends_silent_with(test, FW_LATER, S(PRE_COPY_P2P));
	ends_silent_with(test, FW_LATER, S(STOP_COPY));
}

/* The reader gets the errno, and the state changes */
static void a_failed_save_reaches_only_the_reader(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct bed *bed = bed_of(test);

		bed->fw->speed = FW_LATER;
		fw_fault(bed->fw, MIG_OP_SAVE, 0, FW_ENDS, -ENOSPC);
		bed_go(bed, S(PRE_COPY));
		bed_go(bed, next_states[i]);
		bed_is(bed, next_states[i]);
		KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 100), -ENOSPC);
		KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 1), -ENOSPC);
		bed_go(bed, S(RUNNING));
		bed_recovers(bed);
		bed_drop(bed);
	}
}

/* The user had read all data before the function was stopped */
static void stopping_saves_the_rest(struct kunit *test)
{
	static const int errs[] = { 0, -EIO, -ETIMEDOUT };
	u8 *stream = bed_stream_room(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errs); i++) {
		struct bed *bed = bed_of(test);
		bool silent = errs[i] == -ETIMEDOUT;
		ssize_t n;

		bed_go(bed, S(PRE_COPY));
		drain(bed, stream);
		fw_arm(bed->fw);
		if (errs[i])
			fw_fault(bed->fw, MIG_OP_SAVE, 0, FW_RETURNS, errs[i]);
		bed_go(bed, S(STOP_COPY));
		KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_SAVE], 1);
		bed_is(bed, S(STOP_COPY));
		n = bed_read_all(bed, stream, BED_STREAM_MAX, 100);
		if (silent)
			KUNIT_EXPECT_EQ(test, n, -ETIMEDOUT);
		else
			KUNIT_EXPECT_GT(test, n, 0);
		bed_go(bed, S(RUNNING));
		bed_recovers(bed);
		bed_drop(bed);
	}
}

/* Firmware refuses the first chunk, and then fails to stop recording */
static void a_failed_begin_stops_recording(struct kunit *test)
{
	static const int errs[] = { 0, -EBUSY, -ETIMEDOUT };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errs); i++) {
		struct bed *bed = bed_of(test);

		fw_fault(bed->fw, MIG_OP_SAVE, 0, FW_RETURNS, -EIO);
		if (errs[i])
			fw_fault(bed->fw, MIG_OP_PRECOPY_STOP, 0, FW_RETURNS, errs[i]);
		KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(PRE_COPY)), -EIO);
		KUNIT_EXPECT_EQ(test, bed->fw->count[MIG_OP_PRECOPY_STOP], 1);
		bed_is(bed, S(RUNNING));
		bed_recovers(bed);
		bed_drop(bed);
	}
}

/* The second of two chunks fails, or the third, which would be empty */
static void a_failed_later_chunk_reaches_the_reader(struct kunit *test)
{
	static const int errs[] = { -EIO, -ETIMEDOUT };
	u8 *stream = bed_stream_room(test);
	unsigned int nth, e;

	for (nth = 1; nth < 3; nth++)
		for (e = 0; e < ARRAY_SIZE(errs); e++) {
			struct bed *bed = bed_of(test);

			fw_fault(bed->fw, MIG_OP_SAVE, nth, FW_ENDS, errs[e]);
			bed_go(bed, S(PRE_COPY));
			KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 100),
					errs[e]);
			KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 1), errs[e]);
			bed_is(bed, S(PRE_COPY));
			bed_go(bed, S(RUNNING));
			bed_recovers(bed);
			bed_drop(bed);
		}
}

/* The engine counts the chunk as saved, and refuses it when it is read */
static void a_chunk_that_is_too_long_wraps_no_size(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct vfio_precopy_info info = {};
	struct bed *bed = bed_of(test);
	struct mig_file *mf;

	bed->fw->speed = FW_AT_ONCE;
	fw_fault(bed->fw, MIG_OP_SAVE, 1, FW_TOO_LONG, 0);
	bed_go(bed, S(PRE_COPY));
	mf = bed->file->private_data;
	KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 1000), 1000);
	/* That was all, it says */
	bitmap_zero(bed->fw->unsaved, FW_BLOCKS);
	KUNIT_EXPECT_EQ(test, mig_precopy_info(mf, &info), 0);
	KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 100), -EIO);
	KUNIT_EXPECT_EQ(test, mig_precopy_info(mf, &info), 0);
	KUNIT_EXPECT_LT(test, info.initial_bytes + info.dirty_bytes, BED_STREAM_MAX);
	KUNIT_EXPECT_LT(test, info.dirty_bytes, BED_STREAM_MAX);
	bed_go(bed, S(RUNNING));
	bed_recovers(bed);
	bed_drop(bed);
}

/* ---- sessions that end ---------------------------------------------------------------------- */

/* Nothing is saved without a file */
static void a_closed_file_blocks_no_state(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	unsigned int i, drains;

	for (i = 0; i < ARRAY_SIZE(next_states); i++)
		for (drains = 0; drains < 2; drains++) {
			struct bed *bed = bed_of(test);

			bed_go(bed, S(PRE_COPY));
			if (drains)
				drain(bed, stream);
			bed_close(bed);
			bed_is(bed, S(PRE_COPY));
			KUNIT_EXPECT_FALSE(test, bed->fw->recording);
			bed_go(bed, next_states[i]);
			bed_is(bed, next_states[i]);
			bed_go(bed, S(RUNNING));
			bed_recovers(bed);
			bed_drop(bed);
		}
}

static void ends_in(struct kunit *test, enum vfio_device_mig_state state, size_t at, bool broken,
		    u8 *stream)
{
	struct vfio_precopy_info info = {};
	struct bed *bed = bed_of(test);
	size_t n;

	bed_go(bed, S(PRE_COPY));
	for (n = 0; n < at; n += 100)
		KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 100), 100);
	bed_go(bed, state);
	if (broken)
		mig_fw_error(bed->mig);
	else
		bed_reset(bed);
	KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, mig_precopy_info(bed->file->private_data, &info), -ENODEV);
	bed_is(bed, broken ? S(ERROR) : S(RUNNING));
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_reset_ends_a_session_after_any_byte(struct kunit *test)
{
	static const enum vfio_device_mig_state states[] = {
		S(PRE_COPY), S(PRE_COPY_P2P), S(STOP_COPY)
	};
	u8 *stream = bed_stream_room(test);
	unsigned int i;
	size_t at;

	for (i = 0; i < ARRAY_SIZE(states); i++)
		for (at = 0; at < SIZE; at += 1500) {
			ends_in(test, states[i], at, false, stream);
			ends_in(test, states[i], at, true, stream);
		}
}

struct late_reset {
	struct delayed_work work;
	struct bed *bed;
};

/* A reset ends what firmware was doing, as on hardware */
static void reset_late(struct work_struct *work)
{
	struct late_reset *late = container_of(work, struct late_reset, work.work);
	struct vfio_pci_mig_buf *buf = late->bed->fw->buf;

	bed_reset(late->bed);
	late->bed->fw->buf = NULL;
	vfio_pci_mig_buf_done(buf, -ECANCELED);
}

/* The reset comes while the transition waits for firmware */
static void a_reset_while_stopping_leaves_running(struct kunit *test)
{
	static const enum vfio_device_mig_state states[] = { S(PRE_COPY_P2P), S(STOP_COPY) };
	struct late_reset late;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		late.bed = bed_of(test);
		INIT_DELAYED_WORK_ONSTACK(&late.work, reset_late);
		fw_fault(late.bed->fw, MIG_OP_SAVE, 0, FW_NEVER, 0);
		bed_go(late.bed, S(PRE_COPY));
		schedule_delayed_work(&late.work, msecs_to_jiffies(BED_SHORT_MS));
		KUNIT_EXPECT_EQ(test, bed_set_state(late.bed, states[i]), -EAGAIN);
		flush_delayed_work(&late.work);
		destroy_delayed_work_on_stack(&late.work);
		bed_is(late.bed, S(RUNNING));
		bed_recovers(late.bed);
		bed_drop(late.bed);
	}
}

static void stop_it(void *data)
{
	struct bed *bed = data;

	change(bed, 30, 20, 0x77);
	memset(bed->fw->context, 0xc8, FW_BLOCK);
	KUNIT_EXPECT_EQ(bed->test, bed_set_state(bed, S(STOP_COPY)), 0);
}

/* Read all data, also what is saved when the function is stopped meanwhile */
static ssize_t read_to_the_end(struct bed *bed, u8 *stream)
{
	ssize_t n, done = 0;

	do {
		n = bed_read(bed, stream + done, BED_STREAM_MAX - done);
		if (n > 0)
			done += n;
	} while (n > 0 || (n == -ENOMSG && mig_state(bed->mig) == S(STOP_COPY)));
	return n ?: done;
}

static bool stopped_at_unlock(struct kunit *test, unsigned int nth, u8 *stream,
			      struct fake_fw *saved)
{
	struct bed *bed = bed_of(test);
	ssize_t len;

	bed_go(bed, S(PRE_COPY));
	fake_lock_then(&bed->mig->state_mutex, nth, stop_it, bed);
	len = read_to_the_end(bed, stream);
	if (!fake_lock_done()) {
		KUNIT_EXPECT_EQ(test, len, -ENOMSG);
		bed_drop(bed);
		return false;
	}
	KUNIT_EXPECT_GT_MSG(test, len, 0, "at %u", nth);
	*saved = *bed->fw;
	bed_drop(bed);
	if (len > 0)
		load_and_compare(test, stream, len, saved);
	return true;
}

/* Another thread stops the function wherever the reader drops the state lock */
static void a_stop_during_a_read_loses_nothing(struct kunit *test)
{
	struct fake_fw *saved = kunit_kmalloc(test, sizeof(*saved), GFP_KERNEL);
	u8 *stream = bed_stream_room(test);
	unsigned int nth = 0;

	KUNIT_ASSERT_NOT_NULL(test, saved);
	while (stopped_at_unlock(test, nth, stream, saved))
		nth++;
	/* A check, and three for each of two chunks and for none */
	KUNIT_EXPECT_GT(test, nth, 7);
	kunit_kfree(test, saved);
}

static bool readable(struct bed *bed)
{
	return vfs_poll(bed->file, NULL) & EPOLLIN;
}

/* In PRE_COPY a file is readable if it has data; in STOP_COPY it always is */
static void poll_reports_data_or_the_end(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of(test);

	bed_go(bed, S(PRE_COPY));
	KUNIT_EXPECT_TRUE(test, readable(bed));
	drain(bed, stream);
	KUNIT_EXPECT_FALSE(test, readable(bed));
	KUNIT_EXPECT_FALSE(test, readable(bed));
	change(bed, 3, 1, 0x33);
	KUNIT_EXPECT_TRUE(test, readable(bed));
	KUNIT_EXPECT_GT(test, bed_read(bed, stream, 10), 0);
	KUNIT_EXPECT_TRUE(test, readable(bed));
	drain(bed, stream);
	KUNIT_EXPECT_FALSE(test, readable(bed));
	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_TRUE(test, readable(bed));
	KUNIT_EXPECT_GT(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), 0);
	KUNIT_EXPECT_TRUE(test, readable(bed));
	bed_go(bed, S(RUNNING));
	KUNIT_EXPECT_TRUE(test, readable(bed));
	bed_drop(bed);
}

/* It still gets -ETIMEDOUT of firmware that does not answer */
static void a_nonblocking_read_does_not_wait(struct kunit *test)
{
	static const enum vfio_device_mig_state states[] = { S(PRE_COPY), S(STOP_COPY) };
	unsigned int i;
	u8 data[1000];

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct bed *bed = bed_new(test, true);

		bed->fw->speed = FW_LATER;
		fw_set_size(bed->fw, SIZE);
		fw_arm(bed->fw);
		fw_fault(bed->fw, MIG_OP_SAVE, 0, FW_NEVER, 0);
		bed_go(bed, states[i]);
		bed->file->f_flags |= O_NONBLOCK;
		KUNIT_EXPECT_GT(test, bed_read(bed, data, sizeof(data)), 0);
		KUNIT_EXPECT_EQ(test, bed_read(bed, data, sizeof(data)), -EAGAIN);
		KUNIT_EXPECT_EQ(test, readable(bed), states[i] == S(STOP_COPY));
		bed_impatient(bed);
		msleep(2 * BED_SHORT_MS);
		KUNIT_EXPECT_EQ(test, bed_read(bed, data, sizeof(data)), -ETIMEDOUT);
		KUNIT_EXPECT_TRUE(test, readable(bed));
		bed_is(bed, states[i]);
		bed_drop(bed);
	}
}

static struct kunit_case precopy_cases[] = {
	KUNIT_CASE_PARAM(precopy_state_migrates, speed_gen_params),
	KUNIT_CASE(firmware_without_precopy_refuses_the_stream),
	KUNIT_CASE(precopy_info_has_the_bytes_that_are_left),
	KUNIT_CASE(initial_bytes_begin_anew_after_reinit),
	KUNIT_CASE(initial_data_that_was_read_unasked_is_told),
	KUNIT_CASE(who_has_not_asked_is_told_nothing),
	KUNIT_CASE(precopy_info_is_refused_outside_precopy),
	KUNIT_CASE(an_unanswered_save_changes_no_state),
	KUNIT_CASE(a_timed_out_save_changes_no_state),
	KUNIT_CASE(a_failed_save_reaches_only_the_reader),
	KUNIT_CASE(stopping_saves_the_rest),
	KUNIT_CASE(a_failed_begin_stops_recording),
	KUNIT_CASE_PARAM(a_failed_later_chunk_reaches_the_reader, speed_gen_params),
	KUNIT_CASE(a_chunk_that_is_too_long_wraps_no_size),
	KUNIT_CASE(a_reset_while_stopping_leaves_running),
	KUNIT_CASE_PARAM(a_stop_during_a_read_loses_nothing, speed_gen_params),
	KUNIT_CASE_PARAM(a_closed_file_blocks_no_state, speed_gen_params),
	KUNIT_CASE_PARAM(a_reset_ends_a_session_after_any_byte, speed_gen_params),
	KUNIT_CASE_PARAM(poll_reports_data_or_the_end, speed_gen_params),
	KUNIT_CASE(a_nonblocking_read_does_not_wait),
	{}
};

static struct kunit_suite precopy_suite = {
	.name = "vfio-pci-engine-precopy",
	.test_cases = precopy_cases,
};

kunit_test_suite(precopy_suite);
