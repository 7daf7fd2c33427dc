// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each vendor operation returns a value that it must not return, in each state in
 * which it is called. The user gets -EIO, once, and no incomplete data.
 */
#include <linux/bitmap.h>
#include <linux/interval_tree.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "bed.h"
#include "buffer.h"
#include "fake_dma.h"
#include "fake_log.h"
#include "mig_file.h"
#include "save.h"

#define S(name)	VFIO_DEVICE_STATE_##name
#define SIZE	(2 * BED_CHUNK + 100)

static const int values[] = {
	1, 4, INT_MAX, -EAGAIN, -EINTR, -ENOMSG, -ERESTARTSYS, -EINPROGRESS, -4095, INT_MIN
};

static void value_desc(const int *value, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%d", *value);
}

KUNIT_ARRAY_PARAM(value, values, value_desc);

/* What check_compat returns */
static int compat_result;

static int fw_check_compat(struct vfio_pci_fn *fn, u32 compat)
{
	return compat_result;
}

/* A user goes through these states, and reads or writes in each what it can. ERROR ends the list */
static const enum vfio_device_mig_state walks[][12] = {
	{ S(RUNNING), S(RUNNING_P2P), S(STOP), S(STOP_COPY), S(STOP), S(RESUMING), S(STOP),
	  S(RUNNING_P2P), S(RUNNING) },
	{ S(PRE_COPY), S(PRE_COPY_P2P), S(PRE_COPY), S(PRE_COPY_P2P), S(STOP_COPY), S(STOP),
	  S(RESUMING), S(STOP), S(RUNNING) },
	{ S(RUNNING_P2P), S(PRE_COPY_P2P), S(RUNNING_P2P), S(RUNNING), S(PRE_COPY), S(RUNNING) },
};

/**
 * struct walk - one user's way through the states
 * @bed: the bed
 * @log: its log
 * @stream: what was read
 * @len: bytes of it
 * @loaded: it was loaded
 */
struct walk {
	struct bed *bed;
	struct fake_log *log;
	u8 *stream;
	size_t len;
	bool loaded;
};

static int log_once(struct walk *w)
{
	struct interval_tree_node node = { .start = LOG_BASE, .last = LOG_BASE + SZ_1M - 1 };
	struct rb_root_cached root = RB_ROOT_CACHED;
	u64 page = BIT_ULL(LOG_SHIFT);
	int ret;

	interval_tree_insert(&node, &root);
	ret = mig_log_start(w->bed->mig, &root, 1, &page);
	if (ret)
		return ret;
	ret = mig_log_report(w->bed->mig, LOG_BASE, SZ_1M, NULL);
	return mig_log_stop(w->bed->mig) ?: ret;
}

static int read_all(struct walk *w, bool precopy)
{
	ssize_t n;

	do {
		n = bed_read(w->bed, w->stream + w->len, BED_STREAM_MAX - w->len);
		if (n > 0)
			w->len += n;
	} while (n > 0);
	/* For now, and that is no error */
	return precopy && n == -ENOMSG ? 0 : n;
}

/* The function has the state that was saved */
static int write_all(struct walk *w)
{
	ssize_t n;

	memset(w->bed->fw->state, 0xa5, sizeof(w->bed->fw->state));
	n = bed_write_all(w->bed, w->stream, w->len, 1000);
	w->loaded = n == w->len;
	return min_t(ssize_t, n, 0);
}

static int do_data(struct walk *w, enum vfio_device_mig_state state)
{
	struct vfio_precopy_info info = {};
	unsigned long bytes;
	int ret;

	ret = mig_data_size(w->bed->mig, &bytes) ?: log_once(w);
	if (!ret && mig_state_is_precopy(state))
		ret = mig_precopy_info(w->bed->file->private_data, &info) ?: read_all(w, true);
	if (!ret && state == S(STOP_COPY))
		ret = read_all(w, false);
	if (!ret && state == S(RESUMING))
		ret = write_all(w);
	return ret;
}

/* Returns 0, or the errno of the first step that failed */
static int go_along(struct walk *w, const enum vfio_device_mig_state *states)
{
	int ret = 0;

	for (; !ret && *states; states++) {
		/* Each session has a stream of its own */
		if (mig_state_is_precopy(*states) && !w->bed->mig->file)
			w->len = 0;
		ret = bed_set_state(w->bed, *states) ?: do_data(w, *states);
	}
	return ret;
}

static void walk_begin(struct kunit *test, struct walk *w)
{
	static struct vfio_pci_mig_ops ops;

	ops = fake_fw_ops;
	ops.check_compat = fw_check_compat;
	compat_result = 0;
	w->bed = bed_new(test, true);
	w->bed->mig->ops = &ops;
	w->log = fake_log_begin(test);
	w->stream = bed_stream_room(test);
	w->len = 0;
	w->loaded = false;
	fw_set_size(w->bed->fw, SIZE);
	fw_arm(w->bed->fw);
}

static void walk_end(struct kunit *test, struct walk *w)
{
	w->log->act = LOG_WELL;
	compat_result = 0;
	bed_recovers(w->bed);
	bed_drop(w->bed);
	kunit_kfree(test, w->stream);
	kunit_kfree(test, w->log->dirty);
	kunit_kfree(test, w->log->marked);
}

static void is_whole(struct kunit *test, struct walk *w)
{
	struct fake_fw *fw = w->bed->fw;
	u8 *wanted = bed_stream_room(test);

	memcpy(wanted, fw->state, SIZE);
	fw_set_size(fw, SIZE);
	KUNIT_EXPECT_MEMEQ_MSG(test, wanted, fw->state, SIZE, "what was loaded");
	kunit_kfree(test, wanted);
}

/* A user can go on if these fail: the engine repeats them, or the state ends without them */
static bool may_be_tolerated(enum mig_op op)
{
	return op == MIG_OP_SAVE || op == MIG_OP_PRECOPY_STOP || op == MIG_OP_DETACH ||
	       op == MIG_OP_END;
}

/* Returns whether there was such a call */
static bool walk_with(struct kunit *test, unsigned int i, enum fw_speed speed, enum mig_op op,
		      unsigned int nth, enum fw_act act, int value)
{
	struct walk w;
	bool fired;
	int ret;

	walk_begin(test, &w);
	w.bed->fw->speed = speed;
	fw_fault(w.bed->fw, op, nth, act, value);
	ret = go_along(&w, walks[i]);
	fired = w.bed->fw->count[op] > nth;
	if (fired && !may_be_tolerated(op))
		KUNIT_EXPECT_NE_MSG(test, ret, 0, "walk %u, %s %u returns %d", i, mig_op_name(op),
				    nth, value);
	if (ret)
		KUNIT_EXPECT_EQ_MSG(test, ret, -EIO, "walk %u, %s %u returns %d", i,
				    mig_op_name(op), nth, value);
	else if (w.loaded)
		is_whole(test, &w);
	KUNIT_EXPECT_NE_MSG(test, bed_state(w.bed), S(ERROR), "%s", mig_op_name(op));
	walk_end(test, &w);
	return fired;
}

static void every_call(struct kunit *test, unsigned int i, enum fw_speed speed, enum mig_op op,
		       enum fw_act act, int value)
{
	unsigned int nth = 0;

	while (nth < FW_MAX_LOG && walk_with(test, i, speed, op, nth, act, value))
		nth++;
	KUNIT_EXPECT_LT(test, nth, FW_MAX_LOG);
}

static void forbidden_results_become_eio(struct kunit *test)
{
	int value = *(const int *)test->param_value;
	unsigned int i;
	enum mig_op op;

	for (i = 0; i < ARRAY_SIZE(walks); i++)
		for (op = 0; op < MIG_NR_OPS; op++)
			/* Those may: it is the next two cases' */
			if (value != -EINPROGRESS || (op != MIG_OP_SAVE && op != MIG_OP_LOAD))
				every_call(test, i, FW_AT_ONCE, op, FW_RETURNS, value);
}

static void forbidden_completions_become_eio(struct kunit *test)
{
	static const enum fw_speed speeds[] = { FW_EARLY, FW_LATER };
	int value = *(const int *)test->param_value;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(walks); i++)
		for (j = 0; j < ARRAY_SIZE(speeds); j++) {
			every_call(test, i, speeds[j], MIG_OP_SAVE, FW_ENDS, value);
			every_call(test, i, speeds[j], MIG_OP_LOAD, FW_ENDS, value);
		}
}

static void forbidden_results_of_check_compat_become_eio(struct kunit *test)
{
	int value = *(const int *)test->param_value;
	struct walk w;

	walk_begin(test, &w);
	compat_result = value;
	KUNIT_EXPECT_EQ(test, go_along(&w, walks[0]), -EIO);
	walk_end(test, &w);
}

static int log_call(struct walk *w, unsigned int call, int value)
{
	unsigned int *calls[] = { &w->log->starts, &w->log->reports, &w->log->stops };
	unsigned int i;
	int ret;

	/* The others are so many calls away */
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		*calls[i] = 10;
	*calls[call] = 0;
	w->log->nth = 0;
	w->log->err = value;
	w->log->act = LOG_FAILS;
	ret = log_once(w);
	w->log->act = LOG_WELL;
	return ret;
}

/* In each state, also in ERROR */
static void forbidden_results_of_the_log_become_eio(struct kunit *test)
{
	int value = *(const int *)test->param_value;
	unsigned int state, call, list;
	struct walk w;

	for (state = S(ERROR); state <= S(PRE_COPY_P2P); state++) {
		walk_begin(test, &w);
		if (state == S(ERROR))
			mig_fw_error(w.bed->mig);
		else
			bed_go(w.bed, state);
		for (list = 0; list < 2; list++)
			for (call = 0; call < 3; call++) {
				w.bed->mig->log.ops = list ? &fake_dirty_list_ops : &fake_log_ops;
				/* That there is more */
				if (list && call == 1 && value == 1)
					continue;
				KUNIT_EXPECT_EQ_MSG(test, log_call(&w, call, value), -EIO,
						    "log call %u in %s", call,
						    mig_state_name(state));
			}
		KUNIT_EXPECT_EQ(test, log_once(&w), 0);
		walk_end(test, &w);
	}
}

/* User space can query the size in ERROR, too */
static void forbidden_results_of_state_size_become_eio(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);
	unsigned long bytes;

	mig_fw_error(bed->mig);
	bed_is(bed, S(ERROR));
	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_OP_STATE_SIZE, 0, FW_RETURNS, *(const int *)test->param_value);
	KUNIT_EXPECT_EQ(test, mig_data_size(bed->mig, &bytes), -EIO);
	bed_recovers(bed);
	bed_drop(bed);
}

static bool is_last_resort(enum mig_op op, enum vfio_device_mig_state state)
{
	switch (op) {
	case MIG_OP_SUSPEND_P2P:
	case MIG_OP_SUSPEND_FULL:
	case MIG_OP_RESUME_FULL:
	case MIG_OP_RESUME_P2P:
		return true;
	case MIG_OP_LOAD:
		/* Of the last one, see load_fails of the migration files */
		return state == S(ERROR);
	default:
		return false;
	}
}

/* Firmware does not answer the nth call of an operation. Returns false if there was no such call */
static bool silent_at(struct kunit *test, unsigned int i, enum mig_op op, unsigned int nth,
		      enum fw_act act)
{
	struct walk w;
	bool fired;
	int ret;

	walk_begin(test, &w);
	if (act == FW_NEVER)
		bed_impatient(w.bed);
	fw_fault(w.bed->fw, op, nth, act, -ETIMEDOUT);
	ret = go_along(&w, walks[i]);
	fired = w.bed->fw->count[op] > nth;
	if (ret)
		KUNIT_EXPECT_EQ_MSG(test, ret, -ETIMEDOUT, "walk %u, %s %u", i, mig_op_name(op),
				    nth);
	if (!ret || op == MIG_OP_LOAD)
		goto end;
	if (is_last_resort(op, bed_state(w.bed))) {
		bed_is(w.bed, S(ERROR));
		goto end;
	}
	KUNIT_EXPECT_NE_MSG(test, bed_state(w.bed), S(ERROR), "walk %u, %s %u", i, mig_op_name(op),
			    nth);
	bed_is(w.bed, bed_state(w.bed));
	bed_go(w.bed, S(RUNNING));
end:
	walk_end(test, &w);
	return fired;
}

/* The error belongs to the file or to the query, not to the device */
static void the_next_migration_after_a_timeout_succeeds(struct kunit *test)
{
	static const enum fw_act acts[] = { FW_ENDS, FW_NEVER };
	unsigned int i, j, nth;
	enum mig_op op;

	for (i = 0; i < ARRAY_SIZE(walks); i++) {
		for (op = 0; op < MIG_NR_OPS; op++)
			for (nth = 0; silent_at(test, i, op, nth, FW_RETURNS); nth++)
				;
		for (j = 0; j < ARRAY_SIZE(acts); j++)
			for (nth = 0; silent_at(test, i, MIG_OP_SAVE, nth, acts[j]); nth++)
				;
	}
}

/* In each session and for each chunk */
static void only_the_first_completion_counts(struct kunit *test)
{
	static const enum fw_act acts[] = { FW_TWICE, FW_ALSO };
	unsigned int i, j, nth;
	struct walk w;

	for (i = 0; i < ARRAY_SIZE(walks); i++)
		for (j = 0; j < ARRAY_SIZE(acts); j++)
			for (nth = 0; nth < 3; nth++) {
				walk_begin(test, &w);
				fw_fault(w.bed->fw, MIG_OP_SAVE, nth, acts[j], -ENOSPC);
				fw_fault(w.bed->fw, MIG_OP_LOAD, nth, acts[j], -ENOSPC);
				KUNIT_EXPECT_EQ(test, go_along(&w, walks[i]), 0);
				if (w.loaded)
					is_whole(test, &w);
				walk_end(test, &w);
			}
}

/* The engine keeps buffers that firmware may still use. End the save, then free them here */
static void is_lost(struct walk *w, struct mig_file *mf)
{
	struct kunit *test = w->bed->test;
	unsigned int i;

	bed_reset(w->bed);
	KUNIT_EXPECT_EQ(test, bed_state(w->bed), S(RUNNING));
	bed_close(w->bed);
	flush_delayed_work(&w->bed->fw->work);
	KUNIT_EXPECT_EQ(test, kref_read(&w->bed->mig->kref), 2);
	for (i = 0; i < ARRAY_SIZE(mf->buf); i++) {
		if (!mf->buf[i].lost)
			continue;
		KUNIT_EXPECT_NOT_NULL(test, mf->buf[i].vaddr);
		mf->buf[i].lost = false;
		mig_buf_unmap(&mf->buf[i], w->bed->mig->dma_dev);
	}
	/* Its last reference is gone, but nothing was freed */
	kref_init(&mf->kref);
	mig_file_put(mf);
	KUNIT_EXPECT_EQ(test, fake_dma_mapped(), 0);
	/* Nor was any of it taken from firmware */
	KUNIT_EXPECT_TRUE(test, w->bed->fw->session);
	KUNIT_EXPECT_EQ(test, w->bed->fw->attached, 1);
	w->bed->fw->session = false;
	w->bed->fw->attached = 0;
}

static void a_save_without_abort_keeps_its_buffers_until_it_ends(struct kunit *test)
{
	struct vfio_pci_mig_ops ops = fake_fw_ops;
	struct mig_file *mf;
	struct walk w;
	ssize_t n;

	ops.abort = NULL;
	walk_begin(test, &w);
	w.bed->mig->ops = &ops;
	bed_go(w.bed, S(STOP_COPY));
	mf = w.bed->file->private_data;
	w.bed->fw->speed = FW_LATER;
	n = bed_read_all(w.bed, w.stream, BED_STREAM_MAX, 1000);
	KUNIT_EXPECT_EQ(test, n, -EIO);
	KUNIT_EXPECT_EQ(test, bed_read(w.bed, w.stream, 1), -EIO);
	KUNIT_EXPECT_EQ(test, fake_dma_mapped(), 2);
	w.bed->fw->speed = FW_AT_ONCE;
	is_lost(&w, mf);
	walk_end(test, &w);
}

static struct kunit_case results_cases[] = {
	KUNIT_CASE_PARAM(forbidden_results_become_eio, value_gen_params),
	KUNIT_CASE_PARAM(forbidden_completions_become_eio, value_gen_params),
	KUNIT_CASE_PARAM(forbidden_results_of_check_compat_become_eio, value_gen_params),
	KUNIT_CASE_PARAM(forbidden_results_of_the_log_become_eio, value_gen_params),
	KUNIT_CASE_PARAM(forbidden_results_of_state_size_become_eio, value_gen_params),
	KUNIT_CASE(the_next_migration_after_a_timeout_succeeds),
	KUNIT_CASE(only_the_first_completion_counts),
	KUNIT_CASE(a_save_without_abort_keeps_its_buffers_until_it_ends),
	{}
};

static struct kunit_suite results_suite = {
	.name = "vfio-pci-engine-results",
	.test_cases = results_cases,
};

kunit_test_suite(results_suite);
