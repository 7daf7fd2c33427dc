// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data files without pre-copy: what is saved can be loaded; firmware that fails, is late or
 * does not answer at each chunk; and sessions that end at each point.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/string.h>

#include "bed.h"
#include "fake_dma.h"
#include "stream.h"

#define S(name)	VFIO_DEVICE_STATE_##name

static const enum fw_speed speeds[] = { FW_AT_ONCE, FW_EARLY, FW_LATER };

static void speed_desc(const enum fw_speed *speed, char *desc)
{
	static const char * const names[] = { "at once", "early", "later" };

	strscpy(desc, names[*speed], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(speed, speeds, speed_desc);

static struct bed *bed_of(struct kunit *test, size_t size)
{
	struct bed *bed = bed_new(test, true);

	if (test->param_value)
		bed->fw->speed = *(const enum fw_speed *)test->param_value;
	fw_set_size(bed->fw, size);
	return bed;
}

/* By the format's specification */
static size_t stream_length(size_t state)
{
	return 128 + DIV_ROUND_UP(state, BED_CHUNK) * 24 + state + 24 + 8;
}

static void save(struct kunit *test, size_t size, size_t step, u8 *stream)
{
	struct bed *bed = bed_of(test, size);
	unsigned long bytes;

	bed_go(bed, S(STOP_COPY));
	KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &bytes), 0);
	KUNIT_EXPECT_EQ(test, bytes, stream_length(size));
	KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, step),
			stream_length(size));
	KUNIT_EXPECT_EQ_MSG(test, bed_read(bed, stream + bytes, 1), 0, "behind the end");
	KUNIT_EXPECT_NULL_MSG(test, bed->fw->buf, "after the end");
	bed_is(bed, S(STOP_COPY));
	bed_go(bed, S(RUNNING));
	KUNIT_EXPECT_EQ(test, bed_read(bed, stream + bytes, 1), -ENODEV);
	bed_is(bed, S(RUNNING));
	bed_drop(bed);
}

#define BEFORE	0xa5	/* what the state is made of where one is to be loaded */

static struct bed *bed_to_load(struct kunit *test, size_t size)
{
	struct bed *bed = bed_of(test, size);

	memset(bed->fw->state, BEFORE, sizeof(bed->fw->state));
	return bed;
}

/* Nothing takes effect before the last chunk */
static void is_untouched(struct bed *bed, size_t size)
{
	KUNIT_EXPECT_EQ(bed->test, bed->fw->size, size);
	KUNIT_EXPECT_NULL(bed->test,
			  memchr_inv(bed->fw->state, BEFORE, sizeof(bed->fw->state)));
}

static void is_loaded(struct bed *bed, size_t size)
{
	KUNIT_EXPECT_EQ(bed->test, bed->fw->size, size);
	memcpy(bed->fw->incoming, bed->fw->state, size);
	fw_set_size(bed->fw, size);
	KUNIT_EXPECT_MEMEQ(bed->test, bed->fw->incoming, bed->fw->state, size);
}

static void load(struct kunit *test, size_t size, size_t step, const u8 *stream)
{
	struct bed *bed = bed_to_load(test, 1);

	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, stream_length(size), step),
			stream_length(size));
	bed_is(bed, S(RESUMING));
	bed_go(bed, S(STOP));
	KUNIT_EXPECT_EQ(test, bed_write(bed, stream, 1), -ENODEV);
	bed_go(bed, S(RUNNING));
	is_loaded(bed, size);
	bed_drop(bed);
}

static void state_of_any_size_migrates(struct kunit *test)
{
	static const size_t sizes[] = {
		1, BED_CHUNK - 1, BED_CHUNK, BED_CHUNK + 1, 5 * BED_CHUNK + 7, FW_MAX_STATE
	};
	static const size_t steps[] = { 7, 128, 5000, BED_STREAM_MAX };
	u8 *stream = bed_stream_room(test);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(steps); j++) {
			save(test, sizes[i], steps[j], stream);
			load(test, sizes[i], steps[ARRAY_SIZE(steps) - 1 - j], stream);
		}
}

/* ---- firmware that fails -------------------------------------------------------------- */

#define SIZE	(3 * BED_CHUNK + 100)
#define PIECES	4

struct failure {
	enum fw_act act;
	int err;
	int result;
};

static const struct failure save_failures[] = {
	{ FW_RETURNS, -EIO, -EIO },
	{ FW_RETURNS, -ETIMEDOUT, -ETIMEDOUT },
	{ FW_ENDS, -ENOSPC, -ENOSPC },
	{ FW_ENDS, -ETIMEDOUT, -ETIMEDOUT },
	{ FW_NEVER, 0, -ETIMEDOUT },
	{ FW_EMPTY, 0, -EIO },
	{ FW_TOO_LONG, 0, -EIO },
};

static const struct failure load_failures[] = {
	{ FW_RETURNS, -EIO, -EIO },
	{ FW_RETURNS, -ETIMEDOUT, -ETIMEDOUT },
	{ FW_ENDS, -EINVAL, -EINVAL },
	{ FW_ENDS, -ETIMEDOUT, -ETIMEDOUT },
	{ FW_NEVER, 0, -ETIMEDOUT },
};

static struct bed *bed_that_fails(struct kunit *test, enum mig_op op, unsigned int nth,
				  const struct failure *f)
{
	struct bed *bed = op == MIG_OP_LOAD ? bed_to_load(test, SIZE) : bed_of(test, SIZE);

	if (f->act == FW_NEVER)
		bed_impatient(bed);
	fw_arm(bed->fw);
	fw_fault(bed->fw, op, nth, f->act, f->err);
	return bed;
}

static void after_failure(struct bed *bed, const struct failure *f,
			  enum vfio_device_mig_state state)
{
	bed_is(bed, state);
	if (f->act == FW_NEVER)
		KUNIT_EXPECT_EQ(bed->test, bed->fw->count[MIG_OP_ABORT], 1);
}

/* The first chunk is asked for as the state is entered */
static bool fails_at_once(struct bed *bed, unsigned int nth, const struct failure *f)
{
	return !nth && (f->act == FW_RETURNS ||
			(f->act == FW_ENDS && bed->fw->speed == FW_AT_ONCE));
}

static void save_that_fails(struct kunit *test, unsigned int nth, const struct failure *f,
			    u8 *stream)
{
	struct bed *bed = bed_that_fails(test, MIG_OP_SAVE, nth, f);
	int ret;

	ret = bed_set_state(bed, S(STOP_COPY));
	if (fails_at_once(bed, nth, f)) {
		KUNIT_EXPECT_EQ(test, ret, f->result);
		after_failure(bed, f, S(STOP));
	} else {
		KUNIT_ASSERT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), f->result);
		KUNIT_EXPECT_EQ_MSG(test, bed_read(bed, stream, 1), f->result, "again");
		after_failure(bed, f, S(STOP_COPY));
	}
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_failed_save_reaches_the_reader(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	unsigned int i, nth;

	for (nth = 0; nth < PIECES; nth++)
		for (i = 0; i < ARRAY_SIZE(save_failures); i++)
			save_that_fails(test, nth, &save_failures[i], stream);
}

/* A time-out belongs to the reader. The device goes on without one */
static void an_unread_timeout_changes_no_state(struct kunit *test)
{
	static const enum vfio_device_mig_state to[] = { S(STOP), S(RUNNING), S(RESUMING) };
	const struct failure f = { FW_ENDS, -ETIMEDOUT, -ETIMEDOUT };
	struct bed *bed;
	unsigned int i;

	for (i = 0; i <= ARRAY_SIZE(to); i++) {
		bed = bed_that_fails(test, MIG_OP_SAVE, 0, &f);
		bed->fw->speed = FW_EARLY;
		bed_go(bed, S(STOP_COPY));
		if (i < ARRAY_SIZE(to))
			KUNIT_EXPECT_EQ(test, bed_set_state(bed, to[i]), 0);
		else
			bed_close(bed);
		bed_is(bed, i < ARRAY_SIZE(to) ? to[i] : S(STOP_COPY));
		bed_recovers(bed);
		bed_drop(bed);
	}
}

static size_t make_stream(struct kunit *test, u8 *stream)
{
	save(test, SIZE, BED_STREAM_MAX, stream);
	return stream_length(SIZE);
}

static void load_that_fails(struct kunit *test, unsigned int nth, const struct failure *f,
			    const u8 *stream, size_t len)
{
	struct bed *bed = bed_that_fails(test, MIG_OP_LOAD, nth, f);
	/* It may have taken effect */
	bool unknown = f->result == -ETIMEDOUT && nth == PIECES - 1;

	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), f->result);
	KUNIT_EXPECT_EQ_MSG(test, bed_write(bed, stream, 1), f->result, "again");
	after_failure(bed, f, unknown ? S(ERROR) : S(RESUMING));
	is_untouched(bed, SIZE);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP)), unknown ? -EINVAL : -ENODATA);
	bed_is(bed, S(ERROR));
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_failed_load_reaches_the_writer(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	size_t len = make_stream(test, stream);
	unsigned int i, nth;

	for (nth = 0; nth < PIECES; nth++)
		for (i = 0; i < ARRAY_SIZE(load_failures); i++)
			load_that_fails(test, nth, &load_failures[i], stream, len);
}

static void short_chunks_migrate(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	struct bed *bed = bed_of(test, SIZE);
	ssize_t len;

	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_SAVE, 0, FW_SHORT, 0);
	fw_fault(bed->fw, MIG_OP_SAVE, 2, FW_SHORT, 0);
	bed_go(bed, S(STOP_COPY));
	len = bed_read_all(bed, stream, BED_STREAM_MAX, 300);
	/* Two of the chunks have one byte */
	KUNIT_EXPECT_EQ(test, len, stream_length(SIZE) + 2 * 24);
	bed_drop(bed);

	bed = bed_to_load(test, SIZE);
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 4000), len);
	bed_go(bed, S(RUNNING));
	is_loaded(bed, SIZE);
	bed_drop(bed);
}

static void more_state_than_max_state_is_refused(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	unsigned long bytes;
	struct bed *bed;
	size_t max, len;

	for (max = SIZE - 1; max > BED_CHUNK; max -= BED_CHUNK / 2) {
		bed = bed_of(test, SIZE);
		bed->mig->caps.max_state = max;
		bed_go(bed, S(STOP_COPY));
		KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &bytes), -EIO);
		KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream, BED_STREAM_MAX, 1000), -EIO);
		bed_is(bed, S(STOP_COPY));
		bed_go(bed, S(RUNNING));
		bed_drop(bed);
	}

	len = make_stream(test, stream);
	bed = bed_to_load(test, SIZE);
	bed->mig->caps.max_state = SIZE - 1;
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, 1000), -EFBIG);
	is_untouched(bed, SIZE);
	bed_drop(bed);
}

/* ---- sessions that end ----------------------------------------------------------------- */

enum event { CLOSE, RESET, BROKEN, DEVICE_CLOSE, LEAVE, NR_EVENTS };

static const enum vfio_device_mig_state then[NR_EVENTS] = {
	[RESET] = S(RUNNING), [BROKEN] = S(ERROR), [LEAVE] = S(STOP),
};

static void happens(struct bed *bed, enum event event)
{
	switch (event) {
	case CLOSE:
		bed_close(bed);
		break;
	case RESET:
		bed_reset(bed);
		break;
	case BROKEN:
		mig_fw_error(bed->mig);
		break;
	case DEVICE_CLOSE:
		mig_close(bed->mig);
		break;
	default:
		break;
	}
}

static void save_ends(struct kunit *test, size_t at, enum event event, bool never, u8 *stream)
{
	struct bed *bed = bed_of(test, SIZE);
	size_t n;

	if (never)
		fw_fault(bed->fw, MIG_OP_SAVE, 2, FW_NEVER, 0);
	bed_go(bed, S(STOP_COPY));
	for (n = 0; n < at; n += 100)
		KUNIT_EXPECT_EQ(test, bed_read(bed, stream, 100), 100);
	happens(bed, event);
	if (event == LEAVE)
		bed_go(bed, S(STOP));
	if (event != CLOSE)
		KUNIT_EXPECT_EQ_MSG(test, bed_read(bed, stream, 1), -ENODEV, "event %d at %zu",
				    event, at);
	bed_is(bed, event == CLOSE || event == DEVICE_CLOSE ? S(STOP_COPY) : then[event]);
	KUNIT_EXPECT_EQ(test, fake_dma_mapped(), 0);
	KUNIT_EXPECT_NULL(test, bed->fw->buf);
	if (event == CLOSE)
		bed_go(bed, S(RUNNING));
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_save_may_end_after_any_byte(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	enum event event;
	size_t at;

	for (event = 0; event < NR_EVENTS; event++)
		for (at = 0; at < stream_length(SIZE) - 100; at += 700)
			save_ends(test, at, event, false, stream);
	/* The third chunk is asked for when the first one is given */
	for (event = 0; event < NR_EVENTS; event++)
		save_ends(test, BED_CHUNK + 1000, event, true, stream);
}

static void load_ends(struct kunit *test, size_t at, enum event event, bool never,
		      const u8 *stream)
{
	struct bed *bed = bed_to_load(test, SIZE);

	if (never)
		fw_fault(bed->fw, MIG_OP_LOAD, 1, FW_NEVER, 0);
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, at, 100), at);
	happens(bed, event);
	if (event != CLOSE && event != LEAVE)
		KUNIT_EXPECT_EQ_MSG(test, bed_write(bed, stream, 1), -ENODEV, "event %d at %zu",
				    event, at);
	if (event == CLOSE || event == LEAVE) {
		/* Nothing at all is as good as everything */
		KUNIT_EXPECT_EQ_MSG(test, bed_set_state(bed, S(STOP)), at ? -ENODATA : 0,
				    "event %d at %zu", event, at);
		bed_is(bed, at ? S(ERROR) : S(STOP));
	} else {
		bed_is(bed, event == DEVICE_CLOSE ? S(RESUMING) : then[event]);
	}
	KUNIT_EXPECT_EQ(test, fake_dma_mapped(), 0);
	KUNIT_EXPECT_NULL(test, bed->fw->buf);
	is_untouched(bed, SIZE);
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_load_may_end_after_any_byte(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	size_t at, len = make_stream(test, stream);
	enum event event;

	for (event = 0; event < NR_EVENTS; event++) {
		for (at = 0; at < len; at += 700)
			load_ends(test, at, event, false, stream);
		load_ends(test, len - 1, event, false, stream);
		/* Firmware gets the second chunk when the third one begins */
		load_ends(test, 2 * BED_CHUNK + 1000, event, true, stream);
	}
}

/* Data after the end of the stream spoils the load */
static void a_complete_load_survives_close(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	size_t len = make_stream(test, stream);
	struct bed *bed = bed_to_load(test, SIZE);

	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len, len), len);
	bed_close(bed);
	bed_is(bed, S(RESUMING));
	bed_go(bed, S(RUNNING));
	is_loaded(bed, SIZE);
	bed_go(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write_all(bed, stream, len + 1, len + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP)), -ENODATA);
	bed_is(bed, S(ERROR));
	bed_recovers(bed);
	bed_drop(bed);
}

/* ---- a reader that waits ---------------------------------------------------------------- */

struct reader {
	struct bed *bed;
	struct completion begun;
	struct completion done;
	ssize_t ret;
};

static int read_on(void *arg)
{
	struct reader *r = arg;
	u8 data[1000];

	complete(&r->begun);
	do {
		r->ret = bed_read(r->bed, data, sizeof(data));
	} while (r->ret > 0);
	complete(&r->done);
	return 0;
}

/* A reader that waits for firmware holds no lock that the end of a session takes */
static void the_end_of_a_session_wakes_its_reader(struct kunit *test)
{
	static const enum event events[] = { RESET, BROKEN, DEVICE_CLOSE, LEAVE };
	struct task_struct *task;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		struct bed *bed = bed_of(test, SIZE);
		struct reader r = { .bed = bed };

		init_completion(&r.begun);
		init_completion(&r.done);
		fw_fault(bed->fw, MIG_OP_SAVE, 2, FW_NEVER, 0);
		bed_go(bed, S(STOP_COPY));
		task = kthread_run(read_on, &r, "vfio-test-reader");
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		wait_for_completion(&r.begun);
		/* Sooner or later, it makes no difference */
		if (i & 1)
			msleep(20);
		happens(bed, events[i]);
		if (events[i] == LEAVE)
			bed_go(bed, S(STOP));
		bed_state(bed);
		wait_for_completion(&r.done);
		KUNIT_EXPECT_EQ(test, r.ret, -ENODEV);
		KUNIT_EXPECT_EQ(test, fake_dma_mapped(), 0);
		bed_recovers(bed);
		bed_drop(bed);
	}
}

/* ---- a user that is killed while it waits ------------------------------------------------ */

struct victim {
	struct bed *bed;
	u8 *data;
	size_t room;
	size_t done;
	bool writes;
	struct completion begun;
	struct completion ended;
	ssize_t ret;
};

static int go_on_till_killed(void *arg)
{
	struct victim *v = arg;

	allow_signal(SIGKILL);
	complete(&v->begun);
	do {
		if (v->writes)
			v->ret = bed_write(v->bed, v->data + v->done, min(v->room - v->done, 1000));
		else
			v->ret = bed_read(v->bed, v->data + v->done, min(v->room - v->done, 1000));
		if (v->ret > 0)
			v->done += v->ret;
	} while (v->ret > 0);
	complete(&v->ended);
	return 0;
}

/* The user would wait for firmware for BED_LONG_MS */
static void kill_it(struct victim *v)
{
	struct kunit *test = v->bed->test;
	struct task_struct *task;
	unsigned int i;

	init_completion(&v->begun);
	init_completion(&v->ended);
	task = kthread_run(go_on_till_killed, v, "vfio-test-victim");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wait_for_completion(&v->begun);
	for (i = 0; !READ_ONCE(v->bed->fw->buf) && i < 500; i++)
		msleep(20);
	KUNIT_EXPECT_NOT_NULL(test, v->bed->fw->buf);
	msleep(20);
	KUNIT_EXPECT_FALSE(test, completion_done(&v->ended));
	send_sig(SIGKILL, task, 1);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&v->ended, 10 * HZ), 0);
	put_task_struct(task);
	KUNIT_EXPECT_EQ(test, v->ret, -EINTR);
}

/* Another user of the migration file can read on when firmware has answered */
static void a_killed_reader_loses_nothing(struct kunit *test)
{
	u8 *whole = bed_stream_room(test), *stream = bed_stream_room(test);
	size_t len = make_stream(test, whole);
	struct bed *bed = bed_of(test, SIZE);
	struct victim v = { .bed = bed, .data = stream, .room = BED_STREAM_MAX };

	fw_fault(bed->fw, MIG_OP_SAVE, 2, FW_NEVER, 0);
	bed_go(bed, S(STOP_COPY));
	kill_it(&v);
	bed_is(bed, S(STOP_COPY));
	fw_answer(bed->fw);
	KUNIT_EXPECT_EQ(test, bed_read_all(bed, stream + v.done, BED_STREAM_MAX - v.done, 1000),
			len - v.done);
	KUNIT_EXPECT_MEMEQ(test, stream, whole, len);
	bed_go(bed, S(RUNNING));
	bed_drop(bed);
}

/* A chunk that did not reach firmware spoils the load */
static void a_killed_writer_loads_nothing(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	size_t len = make_stream(test, stream);
	struct bed *bed = bed_to_load(test, SIZE);
	struct victim v = { .bed = bed, .data = stream, .room = len, .writes = true };

	fw_fault(bed->fw, MIG_OP_LOAD, 0, FW_NEVER, 0);
	bed_go(bed, S(RESUMING));
	kill_it(&v);
	bed_is(bed, S(RESUMING));
	KUNIT_EXPECT_EQ(test, bed_write(bed, stream, 1), -EINTR);
	is_untouched(bed, SIZE);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(STOP)), -ENODATA);
	bed_is(bed, S(ERROR));
	bed_recovers(bed);
	bed_drop(bed);
}

static struct kunit_case files_cases[] = {
	KUNIT_CASE_PARAM(state_of_any_size_migrates, speed_gen_params),
	KUNIT_CASE_PARAM(a_failed_save_reaches_the_reader, speed_gen_params),
	KUNIT_CASE(an_unread_timeout_changes_no_state),
	KUNIT_CASE_PARAM(a_failed_load_reaches_the_writer, speed_gen_params),
	KUNIT_CASE_PARAM(short_chunks_migrate, speed_gen_params),
	KUNIT_CASE_PARAM(more_state_than_max_state_is_refused, speed_gen_params),
	KUNIT_CASE_PARAM(a_save_may_end_after_any_byte, speed_gen_params),
	KUNIT_CASE_PARAM(a_load_may_end_after_any_byte, speed_gen_params),
	KUNIT_CASE_PARAM(a_complete_load_survives_close, speed_gen_params),
	KUNIT_CASE_PARAM(the_end_of_a_session_wakes_its_reader, speed_gen_params),
	KUNIT_CASE(a_killed_reader_loses_nothing),
	KUNIT_CASE(a_killed_writer_loads_nothing),
	{}
};

static struct kunit_suite files_suite = {
	.name = "vfio-pci-engine-files",
	.test_cases = files_cases,
};

kunit_test_suite(files_suite);
