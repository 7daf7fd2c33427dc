// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine by v2: every pair of states, and each firmware operation between them
 * failing, or meeting a reset.
 */
#include <linux/kernel.h>

#include "bed.h"
#include "fake_dma.h"
#include "model.h"

#define S(name)	VFIO_DEVICE_STATE_##name

/* The state in which a walk begins; @precopy: STOP_COPY was reached by PRE_COPY */
struct pair {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	bool precopy;
};

#define STATES	(S(PRE_COPY_P2P) + 1)

/* STOP_COPY is there twice */
static struct pair pairs[(STATES + 1) * STATES];

static int make_pairs(struct kunit_suite *suite)
{
	struct pair *p = pairs;
	unsigned int from, to;

	for (from = 0; from <= STATES; from++)
		for (to = 0; to < STATES; to++) {
			p->precopy = from == STATES;
			p->from = p->precopy ? S(STOP_COPY) : from;
			p->to = to;
			p++;
		}
	return 0;
}

static void pair_desc(struct pair *p, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s%s to %s", mig_state_name(p->from),
		 p->precopy ? " after PRE_COPY" : "", mig_state_name(p->to));
}

KUNIT_ARRAY_PARAM(pair, pairs, pair_desc);

static void model_begin(struct model *m, struct bed *bed)
{
	*m = (struct model) { .vdev = bed->vdev, .state = S(RUNNING) };
}

/* Both the device and the model go where the walk begins */
static void begin_at(struct bed *bed, struct model *m, const struct pair *p)
{
	model_begin(m, bed);
	if (p->precopy) {
		bed_go(bed, S(PRE_COPY));
		model_walk(m, S(PRE_COPY), -1, 0);
	}
	if (p->from == S(ERROR)) {
		mig_fw_error(bed->mig);
		m->state = S(ERROR);
	} else {
		bed_go(bed, p->from);
		model_walk(m, p->from, -1, 0);
	}
	bed_is(bed, p->from);
}

static void compare(struct bed *bed, const struct model *m, int ret)
{
	struct kunit *test = bed->test;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, ret, m->ret);
	bed_is(bed, m->state);
	KUNIT_EXPECT_EQ_MSG(test, bed->fw->calls, m->nr, "firmware operations");
	for (i = 0; i < min(m->nr, bed->fw->calls); i++)
		KUNIT_EXPECT_EQ_MSG(test, bed->fw->log[i], m->op[i], "firmware operation %u", i);
	if (mig_state_has_file(m->state))
		KUNIT_EXPECT_NOT_NULL(test, bed->mig->file);
}

/* Returns how many firmware operations there were */
static unsigned int walk(struct kunit *test, const struct pair *p, int fault, int err)
{
	struct bed *bed = bed_new(test, true);
	struct model m;
	int ret;

	begin_at(bed, &m, p);
	fw_arm(bed->fw);
	if (fault >= 0)
		fw_fault(bed->fw, MIG_NR_OPS, fault, FW_RETURNS, err);
	model_walk(&m, p->to, fault, err);
	ret = bed_set_state(bed, p->to);
	compare(bed, &m, ret);
	bed_recovers(bed);
	bed_drop(bed);
	return m.nr;
}

static void each_pair_of_states_is_as_in_the_model(struct kunit *test)
{
	walk(test, test->param_value, -1, 0);
}

static void each_failed_operation_leaves_the_models_state(struct kunit *test)
{
	static const int errs[] = { -EBUSY, -EIO, -ETIMEDOUT };
	const struct pair *p = test->param_value;
	unsigned int nr, i, e;

	nr = walk(test, p, -1, 0);
	for (i = 0; i < nr; i++)
		for (e = 0; e < ARRAY_SIZE(errs); e++)
			walk(test, p, i, errs[e]);
}

static void reset_during(struct kunit *test, const struct pair *p, unsigned int nth)
{
	struct bed *bed = bed_new(test, true);
	struct model m;

	begin_at(bed, &m, p);
	fw_arm(bed->fw);
	fw_fault(bed->fw, MIG_NR_OPS, nth, FW_RESET, 0);
	bed_set_state(bed, p->to);
	/* It runs and is said to run; or it may not, and is not said to */
	KUNIT_EXPECT_EQ_MSG(test, bed_state(bed),
			    bed->fw->level == FW_RUNNING ? S(RUNNING) : S(ERROR),
			    "firmware operation %u", nth);
	bed_is(bed, bed_state(bed));
	bed_recovers(bed);
	bed_drop(bed);
}

/* Another thread resets the function just before each firmware operation */
static void a_reset_during_an_operation_leaves_running(struct kunit *test)
{
	const struct pair *p = test->param_value;
	unsigned int nr, i;

	nr = walk(test, p, -1, 0);
	for (i = 0; i < nr; i++)
		reset_during(test, p, i);
}

/* The reset of open clears an error before it, and not one after it */
static void an_error_after_the_reset_of_open_is_kept(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);

	mig_close(bed->mig);
	mig_closed(bed->mig, true);
	bed_reset(bed);
	mig_fw_error(bed->mig);
	mig_open(bed->mig, 0, true);
	bed_is(bed, S(ERROR));
	mig_close(bed->mig);
	mig_closed(bed->mig, true);
	mig_fw_error(bed->mig);
	bed_reset(bed);
	mig_open(bed->mig, 0, true);
	bed_is(bed, S(RUNNING));
	bed_recovers(bed);
	bed_drop(bed);
}

/* The function may have been reset before the error came */
static void an_error_during_a_reset_is_kept(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);

	mig_reset_begins(bed->mig);
	KUNIT_EXPECT_TRUE(test, mig_fw_error(bed->mig));
	KUNIT_EXPECT_FALSE(test, mig_fw_error(bed->mig));
	mig_reset_done(bed->mig);
	bed_is(bed, S(ERROR));
	bed_recovers(bed);
	bed_drop(bed);
}

/* The state of the last user stays until a reset succeeds */
static void an_open_without_reset_finds_error(struct kunit *test)
{
	static const enum vfio_device_mig_state states[] = {
		S(RUNNING_P2P), S(STOP), S(STOP_COPY)
	};
	struct bed *bed = bed_new(test, true);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		bed_go(bed, states[i]);
		mig_close(bed->mig);
		mig_closed(bed->mig, false);
		KUNIT_EXPECT_EQ(test, mig_state(bed->mig), states[i]);
		mig_open(bed->mig, 0, false);
		bed_is(bed, S(ERROR));
		KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(RUNNING)), -EINVAL);
		bed_recovers(bed);
	}
	mig_close(bed->mig);
	mig_closed(bed->mig, false);
	mig_open(bed->mig, 0, false);
	bed_is(bed, S(RUNNING));
	bed_drop(bed);
}

/* Whether the function was reset is unknown, so sessions end and the function is not RUNNING */
static void a_failed_reset_leaves_error(struct kunit *test)
{
	static const enum vfio_device_mig_state states[] = {
		S(ERROR), S(RUNNING), S(STOP), S(STOP_COPY), S(RESUMING), S(PRE_COPY)
	};
	struct bed *bed = bed_new(test, true);
	unsigned int i, late;

	for (i = 0; i < ARRAY_SIZE(states); i++)
		for (late = 0; late < 2; late++) {
			if (states[i] == S(ERROR))
				mig_fw_error(bed->mig);
			else
				bed_go(bed, states[i]);
			mig_reset_begins(bed->mig);
			if (late)
				mig_reset_done(bed->mig);
			mig_reset_failed(bed->mig);
			KUNIT_EXPECT_EQ(test, mig_state(bed->mig), S(ERROR));
			bed_is(bed, S(ERROR));
			bed_recovers(bed);
		}
	bed_drop(bed);
}

/* A reset is pending when the function is removed, and a migration file is still open */
static void a_file_of_a_detached_function_is_enodev(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);
	u8 byte;

	bed_go(bed, S(STOP_COPY));
	mig_close(bed->mig);
	mig_closed(bed->mig, true);
	atomic_set(&bed->mig->reset_raced_suspend, 1);
	mig_reset_done(bed->mig);
	bed->mig->fn = NULL;
	KUNIT_EXPECT_EQ(test, bed_read(bed, &byte, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, mig_state(bed->mig), S(ERROR));
	bed_close(bed);
	bed->mig->fn = &bed->fn;
	bed_drop(bed);
}

static struct kunit_case states_cases[] = {
	KUNIT_CASE_PARAM(each_pair_of_states_is_as_in_the_model, pair_gen_params),
	KUNIT_CASE_PARAM(each_failed_operation_leaves_the_models_state, pair_gen_params),
	KUNIT_CASE_PARAM(a_reset_during_an_operation_leaves_running, pair_gen_params),
	KUNIT_CASE(an_error_after_the_reset_of_open_is_kept),
	KUNIT_CASE(an_error_during_a_reset_is_kept),
	KUNIT_CASE(an_open_without_reset_finds_error),
	KUNIT_CASE(a_failed_reset_leaves_error),
	KUNIT_CASE(a_file_of_a_detached_function_is_enodev),
	{}
};

static struct kunit_suite states_suite = {
	.name = "vfio-pci-engine-states",
	.suite_init = make_pairs,
	.test_cases = states_cases,
};

kunit_test_suite(states_suite);
