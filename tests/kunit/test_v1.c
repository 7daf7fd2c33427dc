// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration region: every pair of device_state values with each firmware operation failing,
 * state through the data section, and the region as its user accesses it. The front end's own
 * source is part of this file, for its registers.
 */
#include "interpose.h"

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

/* Tests use kernel memory as user memory. While this is set each access to it faults */
static bool user_faults;

static unsigned long fake_copy(void *to, const void *from, unsigned long n)
{
	if (user_faults)
		return n;
	memcpy(to, from, n);
	return 0;
}

#define copy_from_user(to, from, n)	fake_copy(to, (__force const void *)(from), n)
#define copy_to_user(to, from, n)	fake_copy((__force void *)(to), from, n)
#include "../../drivers/vfio/pci/migration_v1.c"
#undef copy_from_user
#undef copy_to_user

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

/* From each value that can be read to each value of the three known bits, and one other */
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

/* As v1_rw() of the user's access: under the region's lock */
static int get_register(struct mig_v1 *v1, int reg, u64 *value)
{
	int ret;

	mutex_lock(&v1->lock);
	ret = read_register(v1, reg, value);
	mutex_unlock(&v1->lock);
	return ret;
}

static int set_register(struct mig_v1 *v1, int reg, u64 value)
{
	int ret;

	mutex_lock(&v1->lock);
	ret = write_register(v1, reg, value);
	mutex_unlock(&v1->lock);
	return ret;
}

static u64 v1_read(struct bed *bed, struct mig_v1 *v1, int reg)
{
	u64 value = 0;

	KUNIT_EXPECT_EQ_MSG(bed->test, get_register(v1, reg, &value), 0, "register %d", reg);
	return value;
}

static int v1_set(struct mig_v1 *v1, u32 device_state)
{
	return set_register(v1, V1_STATE, device_state);
}

/* The v2 state that a value asks for; -EINVAL: none */
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
		mig_fw_error(bed->mig);
		m->state = S(ERROR);
		return;
	}
	KUNIT_ASSERT_EQ(bed->test, v1_set(v1, p->from), 0);
	model_walk(m, wanted(p->from, p->precopy), -1, 0);
}

/* Without firmware's pre-copy the value depends on the interface that moved the device last */
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

static void each_pair_of_device_states_is_as_in_the_model(struct kunit *test)
{
	v1_walk(test, test->param_value, -1, 0);
}

static void each_failed_operation_leaves_the_models_device_state(struct kunit *test)
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

/* Read until nothing is pending, as the protocol demands. Returns the bytes read. */
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
		ret = set_register(v1, V1_SIZE, n);
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

static void state_migrates_by_the_region(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);

	v1_round_trip_with(test, false, stream);
	v1_round_trip_with(test, true, stream);
}

struct v1_failure {
	enum fw_act act;
	int err;
	int result;
};

static const struct v1_failure failures[] = {
	{ FW_RETURNS, -EIO, -EIO },
	{ FW_RETURNS, -ETIMEDOUT, -ETIMEDOUT },
	{ FW_ENDS, -EIO, -EIO },
	{ FW_ENDS, -ETIMEDOUT, -ETIMEDOUT },
	{ FW_NEVER, 0, -ETIMEDOUT },
	/* These are of a save */
	{ FW_EMPTY, 0, -EIO },
	{ FW_TOO_LONG, 0, -EIO },
};

#define LOAD_FAILURES	5

static struct bed *bed_that_fails(struct kunit *test, enum mig_op op, unsigned int nth,
				  enum fw_speed speed, const struct v1_failure *f)
{
	struct bed *bed = bed_new(test, false);

	bed->fw->speed = speed;
	if (f->act == FW_NEVER)
		bed_impatient(bed);
	fw_set_size(bed->fw, SIZE);
	fw_fault(bed->fw, op, nth, f->act, f->err);
	return bed;
}

/* In the middle of a save data_offset returns the error */
static void save_that_fails(struct kunit *test, unsigned int nth, enum fw_speed speed,
			    const struct v1_failure *f)
{
	struct bed *bed = bed_that_fails(test, MIG_OP_SAVE, nth, speed, f);
	struct mig_v1 *v1 = v1_new(bed);
	u64 value;

	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(SAVING)), 0);
	KUNIT_EXPECT_GT(test, v1_read(bed, v1, V1_PENDING), 0);
	KUNIT_EXPECT_EQ(test, get_register(v1, V1_OFFSET, &value), f->result);
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_SIZE), 0);
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_STATE), V1(SAVING));
	bed_reset(bed);
	v1_free(v1);
	bed_recovers(bed);
	bed_drop(bed);
}

static void a_failed_save_reaches_the_reader_of_the_region(struct kunit *test)
{
	enum fw_speed speed;
	unsigned int nth, i;

	for (nth = 1; nth < 4; nth++)
		for (speed = FW_AT_ONCE; speed <= FW_LATER; speed++)
			for (i = 0; i < ARRAY_SIZE(failures); i++)
				save_that_fails(test, nth, speed, &failures[i]);
}

/* pending_bytes is an estimate, which may be too small or fail */
static void a_wrong_estimate_loses_nothing(struct kunit *test)
{
	static const struct v1_failure estimates[] = {
		{ FW_SIZE, 10 },
		{ FW_RETURNS, -EIO },
	};
	u8 *stream = bed_stream_room(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(estimates); i++) {
		struct bed *bed = bed_new(test, false);
		struct mig_v1 *v1 = v1_new(bed);

		fw_set_size(bed->fw, SIZE);
		fw_fault(bed->fw, MIG_OP_STATE_SIZE, 0, estimates[i].act,
			 estimates[i].err);
		KUNIT_EXPECT_EQ(test, v1_set(v1, V1(SAVING)), 0);
		KUNIT_EXPECT_GT(test, v1_save(bed, v1, stream), SIZE);
		KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_PENDING), 0);
		KUNIT_EXPECT_EQ(test, v1_set(v1, V1(STOP)), 0);
		v1_free(v1);
		bed_drop(bed);
	}
}

/* In a load this data_size, or the next one, returns the error */
static void load_that_fails(struct kunit *test, unsigned int nth, enum fw_speed speed,
			    const struct v1_failure *f, const u8 *stream, size_t len)
{
	struct bed *bed = bed_that_fails(test, MIG_OP_LOAD, nth, speed, f);
	/* The last one may have taken effect */
	bool unknown = f->result == -ETIMEDOUT && nth == 3;
	struct mig_v1 *v1 = v1_new(bed);

	memset(bed->fw->state, 0xa5, SIZE);
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(RESUMING)), 0);
	KUNIT_EXPECT_EQ(test, v1_load(v1, stream, len, 1000), f->result);
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_STATE), unknown ? V1_ERROR : V1(RESUMING));
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(RUNNING)), unknown ? -EINVAL : -ENODATA);
	KUNIT_EXPECT_EQ(test, v1_read(bed, v1, V1_STATE), V1_ERROR);
	KUNIT_EXPECT_NULL(test, memchr_inv(bed->fw->state, 0xa5, SIZE));
	bed_reset(bed);
	v1_free(v1);
	bed_recovers(bed);
	bed_drop(bed);
}

static size_t make_stream(struct kunit *test, u8 *stream)
{
	struct bed *bed = bed_new(test, false);
	struct mig_v1 *v1 = v1_new(bed);
	size_t len;

	fw_set_size(bed->fw, SIZE);
	KUNIT_ASSERT_EQ(test, v1_set(v1, V1(SAVING)), 0);
	len = v1_save(bed, v1, stream);
	v1_free(v1);
	bed_drop(bed);
	return len;
}

static void a_failed_load_reaches_the_writer_of_the_region(struct kunit *test)
{
	u8 *stream = bed_stream_room(test);
	size_t len = make_stream(test, stream);
	enum fw_speed speed;
	unsigned int nth, i;

	for (nth = 0; nth < 4; nth++)
		for (speed = FW_AT_ONCE; speed <= FW_LATER; speed++)
			for (i = 0; i < LOAD_FAILURES; i++)
				load_that_fails(test, nth, speed, &failures[i], stream, len);
}

/* ---- as the user accesses it -------------------------------------------------------------- */

/* vfio-pci-core's regions: this one, and another one before it */
static struct vfio_pci_core_device *core_new(struct kunit *test, struct mig_v1 *v1)
{
	struct vfio_pci_core_device *core = kunit_kzalloc(test, sizeof(*core), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, core);
	core->num_regions = 2;
	core->region = kunit_kzalloc(test, 2 * sizeof(*core->region), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, core->region);
	core->region[1].data = v1;
	return core;
}

static ssize_t user_once(struct kunit *test, struct vfio_pci_core_device *core, u64 pos,
			 void *data, size_t count, bool write)
{
	loff_t begin = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_NUM_REGIONS + 1) + pos;
	loff_t end = begin;
	ssize_t n = v1_rw(core, (__force char __user *)data, count, &end, write);

	KUNIT_EXPECT_EQ(test, end, n < 0 ? begin : begin + n);
	return n;
}

/* An access that faults fails and does not affect the next one */
static void user(struct kunit *test, struct vfio_pci_core_device *core, u64 pos, void *data,
		 size_t count, bool write)
{
	user_faults = true;
	KUNIT_EXPECT_EQ(test, user_once(test, core, pos, data, count, write), -EFAULT);
	user_faults = false;
	KUNIT_EXPECT_EQ(test, user_once(test, core, pos, data, count, write), count);
}

/* The registers as <linux/vfio.h> describes them */
#define AT_STATE	0
#define AT_PENDING	8
#define AT_OFFSET	16
#define AT_SIZE		24

static u64 user_get(struct kunit *test, struct vfio_pci_core_device *core, u64 pos)
{
	__le64 value = 0;

	user(test, core, pos, &value, pos == AT_STATE ? 4 : 8, false);
	return le64_to_cpu(value);
}

static void user_put(struct kunit *test, struct vfio_pci_core_device *core, u64 pos, u64 v)
{
	__le64 value = cpu_to_le64(v);

	user(test, core, pos, &value, pos == AT_STATE ? 4 : 8, true);
}

static bool is_register(u64 pos, size_t count, bool write)
{
	if (pos == 0 || pos == 4)
		return count == 4;
	if (pos == AT_PENDING || pos == AT_OFFSET)
		return count == 8 && !write;
	return pos == AT_SIZE && count == 8;
}

static void only_whole_registers_can_be_accessed(struct kunit *test)
{
	struct bed *bed = bed_new(test, true);
	struct mig_v1 *v1 = v1_new(bed);
	struct vfio_pci_core_device *core = core_new(test, v1);
	u8 data[64];
	size_t count;
	int write, want;
	u64 pos;

	for (pos = 0; pos < 40; pos++)
		for (count = 1; count < 20; count++)
			for (write = 0; write < 2; write++) {
				/* The state that it is in */
				memset(data, 0, sizeof(data));
				data[0] = V1(RUNNING);
				want = is_register(pos, count, write) ? count : -EINVAL;
				if (want > 0 && write && pos == AT_SIZE)
					want = -EPERM;
				KUNIT_EXPECT_EQ_MSG(test,
						    user_once(test, core, pos, data, count, write),
						    want, "%zu bytes at %llu, write %d", count, pos,
						    write);
			}
	KUNIT_EXPECT_EQ(test, user_get(test, core, AT_STATE), V1(RUNNING));
	KUNIT_EXPECT_EQ(test, bed->fw->calls, 0);
	/* Not by half: nothing has moved where the value could not be read */
	user_faults = true;
	data[0] = V1(STOP);
	KUNIT_EXPECT_EQ(test, user_once(test, core, AT_STATE, data, 4, true), -EFAULT);
	user_faults = false;
	bed_is(bed, S(RUNNING));
	data[0] = V1_ERROR;
	KUNIT_EXPECT_EQ(test, user_once(test, core, AT_STATE, data, 4, true), -EINVAL);
	bed_is(bed, S(RUNNING));
	v1_free(v1);
	bed_drop(bed);
}

#define USER_STEP	1000

static void user_data(struct kunit *test, struct vfio_pci_core_device *core, u64 pos, u8 *data,
		      size_t count, bool write)
{
	size_t n, done;

	for (done = 0; done < count; done += n) {
		n = min_t(size_t, USER_STEP, count - done);
		user(test, core, pos + done, data + done, n, write);
	}
}

static size_t user_save(struct kunit *test, struct vfio_pci_core_device *core, u8 *stream)
{
	size_t n, done = 0;
	u64 pos;

	while (user_get(test, core, AT_PENDING)) {
		pos = user_get(test, core, AT_OFFSET);
		n = user_get(test, core, AT_SIZE);
		if (!n)
			break;
		KUNIT_ASSERT_LE(test, done + n, BED_STREAM_MAX);
		user_data(test, core, pos, stream + done, n, false);
		done += n;
	}
	return done;
}

static void user_load(struct kunit *test, struct vfio_pci_core_device *core, u8 *stream, size_t len)
{
	size_t n, done;

	for (done = 0; done < len; done += n) {
		n = min_t(size_t, 3333, len - done);
		user_data(test, core, user_get(test, core, AT_OFFSET), stream + done, n, true);
		user_put(test, core, AT_SIZE, n);
	}
}

static void state_migrates_by_reads_and_writes(struct kunit *test)
{
	u8 *whole = bed_stream_room(test), *stream = bed_stream_room(test);
	size_t len = make_stream(test, whole);
	struct bed *bed = bed_new(test, false);
	struct mig_v1 *v1 = v1_new(bed);
	struct vfio_pci_core_device *core = core_new(test, v1);

	fw_set_size(bed->fw, SIZE);
	user_put(test, core, AT_STATE, V1_PRE_COPY);
	KUNIT_EXPECT_EQ(test, user_get(test, core, AT_PENDING), 0);
	user_put(test, core, AT_STATE, V1(SAVING));
	KUNIT_EXPECT_EQ(test, user_save(test, core, stream), len);
	KUNIT_EXPECT_MEMEQ(test, stream, whole, len);
	user_put(test, core, AT_STATE, V1(STOP));
	bed_is(bed, S(STOP));

	memset(bed->fw->state, 0, SIZE);
	user_put(test, core, AT_STATE, V1(RESUMING));
	user_load(test, core, stream, len);
	user_put(test, core, AT_STATE, V1(RUNNING));
	bed_is(bed, S(RUNNING));
	v1_free(v1);
	memcpy(bed->fw->incoming, bed->fw->state, SIZE);
	fw_set_size(bed->fw, SIZE);
	KUNIT_EXPECT_MEMEQ(test, bed->fw->incoming, bed->fw->state, SIZE);
	bed_drop(bed);
}

struct waiter {
	struct kunit *test;
	struct vfio_pci_core_device *core;
	struct completion ended;
	ssize_t ret;
};

static int user_waits(void *arg)
{
	struct waiter *w = arg;
	u32 value;

	allow_signal(SIGKILL);
	w->ret = user_once(w->test, w->core, AT_STATE, &value, sizeof(value), false);
	complete_all(&w->ended);
	return 0;
}

/* The user waits for another access, which waits for firmware */
static void a_waiting_user_can_be_killed(struct kunit *test)
{
	struct bed *bed = bed_new(test, false);
	struct mig_v1 *v1 = v1_new(bed);
	struct waiter w = { .test = test, .core = core_new(test, v1) };
	struct task_struct *task;

	init_completion(&w.ended);
	mutex_lock(&v1->lock);
	task = kthread_run(user_waits, &w, "vfio-test-waiter");
	KUNIT_EXPECT_FALSE(test, IS_ERR(task));
	if (!IS_ERR(task)) {
		get_task_struct(task);
		msleep(50);
		KUNIT_EXPECT_FALSE(test, completion_done(&w.ended));
		send_sig(SIGKILL, task, 1);
		KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&w.ended, 10 * HZ), 0);
		KUNIT_EXPECT_EQ(test, w.ret, -EINTR);
	}
	mutex_unlock(&v1->lock);
	if (!IS_ERR(task)) {
		wait_for_completion(&w.ended);
		put_task_struct(task);
	}
	v1_free(v1);
	bed_drop(bed);
}

static void only_the_data_section_can_be_mapped(struct kunit *test)
{
	struct bed *bed = bed_new(test, false);
	struct mig_v1 *v1 = v1_new(bed);
	struct vfio_pci_core_device *core = core_new(test, v1);
	struct vm_area_struct *vma = kunit_kzalloc(test, sizeof(*vma), GFP_KERNEL);
	unsigned long first = V1_DATA_OFFSET >> PAGE_SHIFT;
	unsigned long pages = V1_DATA_SIZE >> PAGE_SHIFT;
	unsigned long pgoff, i;
	static const long bad[][2] = { { -1, 1 }, { 0, 1 }, { 1, 0 } };

	KUNIT_ASSERT_NOT_NULL(test, vma);
	for (i = 0; i < first; i++) {
		vma->vm_pgoff = i;
		vma->vm_end = PAGE_SIZE;
		KUNIT_EXPECT_EQ(test, v1_mmap(core, &core->region[1], vma), -EINVAL);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		pgoff = first + bad[i][0];
		vma->vm_pgoff = pgoff;
		vma->vm_end = (pages + bad[i][1]) << PAGE_SHIFT;
		KUNIT_EXPECT_EQ(test, v1_mmap(core, &core->region[1], vma), -EINVAL);
	}
	v1_free(v1);
	bed_drop(bed);
}

/* ---- both front ends --------------------------------------------------------------------- */

static void v1_and_v2_exclude_each_other(struct kunit *test)
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
	KUNIT_EXPECT_EQ(test, set_register(v1, V1_SIZE, 1), -EPERM);
	bed_is(bed, S(PRE_COPY));
	bed_reset(bed);
	KUNIT_EXPECT_EQ(test, v1_set(v1, V1(STOP)), 0);
	v1_free(v1);
	bed_recovers(bed);
	bed_drop(bed);
}

static struct kunit_case v1_cases[] = {
	KUNIT_CASE_PARAM(each_pair_of_device_states_is_as_in_the_model, v1_pair_gen_params),
	KUNIT_CASE_PARAM(each_failed_operation_leaves_the_models_device_state, v1_pair_gen_params),
	KUNIT_CASE(state_migrates_by_the_region),
	KUNIT_CASE(a_failed_save_reaches_the_reader_of_the_region),
	KUNIT_CASE(a_wrong_estimate_loses_nothing),
	KUNIT_CASE(a_failed_load_reaches_the_writer_of_the_region),
	KUNIT_CASE(only_whole_registers_can_be_accessed),
	KUNIT_CASE(state_migrates_by_reads_and_writes),
	KUNIT_CASE(a_waiting_user_can_be_killed),
	KUNIT_CASE(only_the_data_section_can_be_mapped),
	KUNIT_CASE(v1_and_v2_exclude_each_other),
	{}
};

static struct kunit_suite v1_suite = {
	.name = "vfio-pci-engine-v1",
	.suite_init = make_pairs,
	.test_cases = v1_cases,
};

kunit_test_suite(v1_suite);
