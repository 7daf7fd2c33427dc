// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration region: every pair of device_state values with each firmware operation failing,
 * and state through the data section. The front end's own source is part of this file, for its
 * registers; which access means which of them is for tests/unit and tests/system.
 */
#include "interpose.h"
#include "../../drivers/vfio/pci/migration_v1.c"

#include "bed.h"
#include "model.h"

#define S(name)	VFIO_DEVICE_STATE_##name
#define V1(name) VFIO_DEVICE_STATE_V1_##name
#define V1_PRE_COPY	(V1(SAVING) | V1(RUNNING))
#define V1_ERROR	(V1(SAVING) | V1(RESUMING))
#define SIZE	(3 * BED_CHUNK + 100)

/* @precopy: firmware has it */
struct v1_pair {
	u32 from;
	u32 to;
	bool precopy;
};

/* From all that can be read, to all that has no more than the three known bits, and one more */
static const u32 froms[] = {
	V1(STOP), V1(RUNNING), V1(SAVING), V1_PRE_COPY, V1(RESUMING), V1_ERROR
};

#define TOS	9

static struct v1_pair v1_pairs[2 * ARRAY_SIZE(froms) * TOS];

static int make_pairs(struct kunit_suite *suite)
{
	unsigned int precopy, from, to;
	struct v1_pair *p = v1_pairs;

	for (precopy = 0; precopy < 2; precopy++)
		for (from = 0; from < ARRAY_SIZE(froms); from++)
			for (to = 0; to < TOS; to++)
				*p++ = (struct v1_pair) { froms[from], to, precopy };
	return 0;
}

static void v1_pair_desc(struct v1_pair *p, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u to %u%s", p->from, p->to,
		 p->precopy ? ", firmware has pre-copy" : "");
}

KUNIT_ARRAY_PARAM(v1_pair, v1_pairs, v1_pair_desc);

static struct mig_v1 *v1_new(struct bed *bed)
{
	struct mig_v1 *v1 = v1_alloc(bed->mig);

	KUNIT_ASSERT_NOT_NULL(bed->test, v1);
	return v1;
}

static u64 v1_read(struct bed *bed, struct mig_v1 *v1, int reg)
{
	u64 value = 0;

	KUNIT_EXPECT_EQ_MSG(bed->test, read_register(v1, reg, &value), 0, "register %d", reg);
	return value;
}

static int v1_set(struct mig_v1 *v1, u32 device_state)
{
	return write_register(v1, V1_STATE, device_state);
}

/* What the device is asked for; -EINVAL: nothing at all */
static int wanted(u32 device_state, bool precopy)
{
	switch (device_state) {
	case V1(STOP):
		return S(STOP);
	case V1(RUNNING):
		return S(RUNNING);
	case V1(SAVING):
		return S(STOP_COPY);
	case V1_PRE_COPY:
		return precopy ? S(PRE_COPY) : S(RUNNING);
	case V1(RESUMING):
		return S(RESUMING);
	default:
		return -EINVAL;
	}
}

static u32 shown(const struct model *m, bool pre_copy)
{
	switch (m->state) {
	case S(STOP):
		return V1(STOP);
	case S(STOP_COPY):
		return V1(SAVING);
	case S(RESUMING):
		return V1(RESUMING);
	case S(ERROR):
		return V1_ERROR;
	case S(RUNNING):
	case S(RUNNING_P2P):
		return pre_copy ? V1_PRE_COPY : V1(RUNNING);
	default:
		return V1_PRE_COPY;
	}
}

static void v1_begin_at(struct bed *bed, struct mig_v1 *v1, struct model *m,
			const struct v1_pair *p)
{
	*m = (struct model) { .vdev = bed->vdev, .state = S(RUNNING) };
	if (p->from == V1_ERROR) {
		mig_broken(bed->mig);
		m->state = S(ERROR);
		return;
	}
	KUNIT_ASSERT_EQ(bed->test, v1_set(v1, p->from), 0);
	model_walk(m, wanted(p->from, p->precopy), -1, 0);
}

/* Without firmware's help pre-copy is a matter of who asks: of the last one who moved the device */
static bool shows_precopy(const struct v1_pair *p, bool moved)
{
	return !p->precopy && (moved ? p->to : p->from) == V1_PRE_COPY;
}

static unsigned int v1_walk(struct kunit *test, const struct v1_pair *p, int fault, int err)
{
	struct bed *bed = bed_new(test, p->precopy);
	struct mig_v1 *v1 = v1_new(bed);
	enum vfio_device_mig_state began;
	unsigned int ops = 0, i;
	struct model m;
	bool moved;

	v1_begin_at(bed, v1, &m, p);
	began = m.state;
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_STATE), p->from);
	fw_arm(bed->fw);
	if (fault >= 0)
		fw_fault(bed->fw, MIG_NR_OPS, fault, FW_RETURNS, err);
	if (wanted(p->to, p->precopy) < 0) {
		m.ret = -EINVAL;
		m.nr = 0;
	} else {
		model_walk(&m, wanted(p->to, p->precopy), fault, err);
	}
	KUNIT_EXPECT_EQ(test, v1_set(v1, p->to), m.ret);
	moved = !m.ret || m.state != began;
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_STATE), shown(&m, shows_precopy(p, moved)));
	bed_is(bed, m.state);
	/* In STOP_COPY the size is asked for, too */
	for (i = 0; i < bed->fw->calls && bed->fw->log[i] != MIG_OP_STATE_SIZE &&
	     bed->fw->log[i] != MIG_OP_PRECOPY_SIZE; i++)
		ops++;
	KUNIT_EXPECT_EQ(test, ops, m.nr);
	bed_reset(bed);
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_STATE), V1(RUNNING));
	fw_arm(bed->fw);
	v1_free(v1);
	bed_recovers(bed);
	bed_drop(bed);
	return m.nr;
}

static void every_pair(struct kunit *test)
{
	v1_walk(test, test->param_value, -1, 0);
}

static void every_failure(struct kunit *test)
{
	static const int errs[] = { -EBUSY, -ETIMEDOUT };
	const struct v1_pair *p = test->param_value;
	unsigned int nr, i, e;

	nr = v1_walk(test, p, -1, 0);
	for (i = 0; i < nr; i++)
		for (e = 0; e < ARRAY_SIZE(errs); e++)
			v1_walk(test, p, i, errs[e]);
}

/* ---- data ------------------------------------------------------------------------------- */

/* As the protocol wants it: until nothing is pending. Returns bytes. */
static size_t v1_save(struct bed *bed, struct mig_v1 *v1, u8 *stream)
{
	size_t n, done = 0;

	while (v1_read(bed, v1, V1_PENDING)) {
		KUNIT_EXPECT_EQ(bed->test, v1_read(bed, v1, V1_OFFSET), V1_DATA_OFFSET);
		n = v1_read(bed, v1, V1_SIZE);
		if (!n)
			break;
		memcpy(stream + done, v1->data, n);
		done += n;
	}
	return done;
}

static int v1_load(struct mig_v1 *v1, const u8 *stream, size_t len, size_t step)
{
	size_t n, done;
	int ret = 0;

	for (done = 0; !ret && done < len; done += n) {
		n = min(step, len - done);
		memcpy(v1->data, stream + done, n);
		ret = write_register(v1, V1_SIZE, n);
	}
	return ret;
}

static void v1_round_trip_with(struct kunit *test, bool precopy, u8 *stream)
{
	struct bed *bed = bed_new(test, precopy);
	struct mig_v1 *v1 = v1_new(bed);
	size_t len = 0;

	bed->fw->speed = FW_LATER;
	fw_set_size(bed->fw, SIZE);
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1_PRE_COPY), 0);
	len += v1_save(bed, v1, stream);
	KUNIT_EXPECT_EQ(test, len > 0, precopy);
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(SAVING)), 0);
	len += v1_save(bed, v1, stream + len);
	KUNIT_EXPECT_GT(test, len, SIZE);
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_PENDING), 0);
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(STOP)), 0);
	bed_is(bed, S(STOP));
	v1_free(v1);
	bed_drop(bed);

	bed = bed_new(test, precopy);
	v1 = v1_new(bed);
	fw_set_size(bed->fw, SIZE);
	memcpy(bed->fw->incoming, bed->fw->state, SIZE);
	memset(bed->fw->state, 0, SIZE);
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(RESUMING)), 0);
	KUNIT_EXPECT_EQ(test, v1_load(v1, stream, len, 3000), 0);
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(RUNNING)), 0);
	bed_is(bed, S(RUNNING));
	v1_free(v1);
	memcpy(bed->fw->incoming, bed->fw->state, SIZE);
	fw_set_size(bed->fw, SIZE);
	KUNIT_EXPECT_MEMEQ(test, bed->fw->incoming, bed->fw->state, SIZE);
	bed_drop(bed);
}

static void round_trip(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);

	v1_round_trip_with(test, false, stream);
	v1_round_trip_with(test, true, stream);
}

/* Firmware fails in the middle: the offset is what tells */
static void save_fails(struct kunit *test)
{
	static const int errs[] = { -EIO, -ETIMEDOUT };
	unsigned int nth, e;
	u64 value;

	for (nth = 1; nth < 4; nth++)
		for (e = 0; e < ARRAY_SIZE(errs); e++) {
			struct bed *bed = bed_new(test, false);
			struct mig_v1 *v1 = v1_new(bed);

			bed->fw->speed = FW_LATER;
			fw_set_size(bed->fw, SIZE);
			fw_fault(bed->fw, MIG_OP_SAVE, nth, FW_ENDS, errs[e]);
			KUNIT_EXPECT_EQ(test, v1_set(v1, V1(SAVING)), 0);
			KUNIT_EXPECT_GT(test, v1_read(bed, v1, V1_PENDING), 0);
			KUNIT_EXPECT_EQ(test, read_register(v1, V1_OFFSET, &value), errs[e]);
			KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_SIZE), 0);
			KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_STATE),
					errs[e] == -ETIMEDOUT ? V1_ERROR : V1(SAVING));
			bed_reset(bed);
			v1_free(v1);
			bed_recovers(bed);
			bed_drop(bed);
		}
}

/* ---- both front ends --------------------------------------------------------------------- */

static void one_at_a_time(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);
	struct mig_v1 *v1 = v1_new(bed);

	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(SAVING)), 0);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, S(RUNNING)), -EBUSY);
	bed_is(bed, S(STOP_COPY));
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(RUNNING)), 0);
	bed_go(bed, S(PRE_COPY));
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(RUNNING)), -EBUSY);
	/* It may look */
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_STATE), V1_PRE_COPY);
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_PENDING), 0);
	KUNIT_EXPECT_EQ(test, write_register(v1, V1_SIZE, 1), -EPERM);
	bed_is(bed, S(PRE_COPY));
	bed_reset(bed);
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(STOP)), 0);
	v1_free(v1);
	bed_recovers(bed);
	bed_drop(bed);
}

static struct kunit_case v1_cases[] = {
	KUNIT_CASE_PARAM(every_pair, v1_pair_gen_params),
	KUNIT_CASE_PARAM(every_failure, v1_pair_gen_params),
	KUNIT_CASE(round_trip),
	KUNIT_CASE(save_fails),
	KUNIT_CASE(one_at_a_time),
	{}
};

static struct kunit_suite v1_suite = {
	.name = "vfio-pci-engine-v1",
	.suite_init = make_pairs,
	.test_cases = v1_cases,
};

kunit_test_suite(v1_suite);
