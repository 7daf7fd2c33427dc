// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVMe's migration as a VFIO user sees it: states and migration files of the engine, on the
 * module's operations and a simulated controller.
 */
#include <linux/sizes.h>

#include "bed.h"
#include "fake_dma.h"
#include "nvme_bed.h"

#define S(name)	VFIO_DEVICE_STATE_##name

#define STREAM_MAX	SZ_512K
#define LARGE		299996

/* A migration: 2 x suspend, 3 x (size, save); 2 x suspend, 3 x load, resume. From 0 */
#define PIECE		4096U
#define THREE_PIECES	10000
#define LAST_LOAD	12U
#define NR_COMMANDS	14U

/**
 * struct pair - two VFs of one controller, as two devices of VFIO
 * @test: the test
 * @nvme: their controller
 * @from: the source
 * @to: the destination
 * @stream: room for the stream from one to the other
 * @len: bytes of it
 */
struct pair {
	struct kunit *test;
	struct nvme_bed *nvme;
	struct bed *from;
	struct bed *to;
	u8 *stream;
	ssize_t len;
};

static struct bed *device(struct nvme_bed *nvme, unsigned int vf, u32 compat)
{
	struct vfio_pci_mig_caps caps = npf_mig_caps(&nvme->npf);
	const struct vfio_pci_engine_desc desc = {
		.fn = &nvme->fn[vf],
		.type = "nvme-pf-q1",
		.mig_ops = &npf_mig_ops,
		.mig_caps = &caps,
	};

	caps.chunk = PIECE;
	caps.compat ^= compat;
	return bed_on(nvme->test, &desc);
}

/* @compat: 0, or the destination's controller has another format */
static struct pair *pair_new(struct kunit *test, size_t size, u32 compat)
{
	struct pair *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->test = test;
	p->stream = kunit_kzalloc(test, STREAM_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p->stream);
	fake_dma_begin(test);
	p->nvme = nvme_bed_both(test, size);
	p->from = device(p->nvme, FROM, 0);
	p->to = device(p->nvme, TO, compat);
	return p;
}

static void pair_drop(struct pair *p)
{
	bed_close(p->from);
	bed_close(p->to);
	/* The first may not be the last that has memory mapped */
	bed_set_state(p->to, S(RUNNING));
	bed_set_state(p->from, S(RUNNING));
	bed_drop(p->to);
	bed_drop(p->from);
	nvme_bed_end(p->nvme);
	kunit_kfree(p->test, p->stream);
	kunit_kfree(p->test, p);
}

static bool suspended(struct pair *p, unsigned int vf)
{
	return p->nvme->peer->vf[vf].suspended;
}

/* A reset of a VF, which resumes its controller as this driver expects it */
static void reset(struct pair *p, struct bed *bed, unsigned int vf)
{
	mig_reset_begins(bed->mig);
	p->nvme->peer->vf[vf].suspended = false;
	mig_reset_done(bed->mig);
	KUNIT_EXPECT_EQ(p->test, bed_state(bed), S(RUNNING));
}

static int save(struct pair *p, size_t step)
{
	int ret = bed_set_state(p->from, S(STOP_COPY));

	if (ret)
		return ret;
	p->len = bed_read_all(p->from, p->stream, STREAM_MAX, step);
	return p->len < 0 ? p->len : bed_set_state(p->from, S(STOP));
}

static int load(struct pair *p, size_t step)
{
	int ret = bed_set_state(p->to, S(RESUMING));
	ssize_t len;

	if (ret)
		return ret;
	len = bed_write_all(p->to, p->stream, p->len, step);
	return len < 0 ? len : bed_set_state(p->to, S(RUNNING));
}

static void migrates(struct pair *p, size_t size, size_t step)
{
	struct kunit *test = p->test;

	nvme_bed_set_state(p->nvme, FROM, size);
	nvme_bed_set_state(p->nvme, TO, 56);
	KUNIT_ASSERT_EQ_MSG(test, save(p, step), 0, "%zu bytes by %zu", size, step);
	KUNIT_EXPECT_TRUE(test, suspended(p, FROM));
	KUNIT_EXPECT_GT(test, p->len, (ssize_t)size);
	KUNIT_ASSERT_EQ_MSG(test, load(p, step), 0, "%zu bytes by %zu", size, step);
	KUNIT_EXPECT_TRUE_MSG(test, nvme_bed_equal(p->nvme), "%zu bytes by %zu", size, step);
	KUNIT_EXPECT_FALSE(test, suspended(p, TO));
	KUNIT_EXPECT_EQ(test, bed_set_state(p->from, S(RUNNING)), 0);
	KUNIT_EXPECT_FALSE(test, suspended(p, FROM));
}

static void state_of_any_size_migrates(struct kunit *test)
{
	static const size_t sizes[] = { 56, 4092, 4096, 4100, 65536, 65540, LARGE };
	static const size_t steps[] = { 1000, 4096, SZ_128K };
	struct pair *p = pair_new(test, 56, 0);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < ARRAY_SIZE(steps); k++)
			migrates(p, sizes[i], steps[k]);
	pair_drop(p);
}

/* A controller knows one suspended state for P2P and FULL. Suspending it again is no error */
static void p2p_and_stop_suspend_the_controller(struct kunit *test)
{
	struct pair *p = pair_new(test, LARGE, 0);

	bed_go(p->from, S(RUNNING_P2P));
	KUNIT_EXPECT_TRUE(test, suspended(p, FROM));
	bed_go(p->from, S(STOP));
	KUNIT_EXPECT_TRUE(test, suspended(p, FROM));
	bed_go(p->from, S(RUNNING_P2P));
	KUNIT_EXPECT_TRUE(test, suspended(p, FROM));
	bed_go(p->from, S(RUNNING));
	KUNIT_EXPECT_FALSE(test, suspended(p, FROM));
	migrates(p, LARGE, 4096);
	pair_drop(p);
}

/* Firmware applies a state with its last chunk, and gets that chunk at the end of the stream */
static void a_truncated_stream_takes_no_effect(struct kunit *test)
{
	struct pair *p = pair_new(test, LARGE, 0);
	ssize_t whole, cut[3];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, save(p, 4096), 0);
	whole = p->len;
	cut[0] = whole - 1;
	cut[1] = whole / 2;
	cut[2] = 100;
	for (i = 0; i < ARRAY_SIZE(cut); i++) {
		p->len = cut[i];
		KUNIT_EXPECT_EQ_MSG(test, load(p, 4096), -ENODATA, "%zd bytes", cut[i]);
		KUNIT_EXPECT_EQ(test, bed_state(p->to), S(ERROR));
		KUNIT_EXPECT_FALSE(test, nvme_bed_equal(p->nvme));
		KUNIT_EXPECT_EQ(test, p->nvme->peer->vf[TO].size, (size_t)56);
		reset(p, p->to, TO);
	}
	p->len = whole;
	KUNIT_EXPECT_EQ(test, load(p, 4096), 0);
	KUNIT_EXPECT_TRUE(test, nvme_bed_equal(p->nvme));
	pair_drop(p);
}

static void another_state_format_is_refused(struct kunit *test)
{
	struct pair *p = pair_new(test, LARGE, 1);

	KUNIT_ASSERT_EQ(test, save(p, 4096), 0);
	nvme_peer_arm(p->nvme->peer);
	KUNIT_EXPECT_EQ(test, load(p, 4096), -EPROTONOSUPPORT);
	KUNIT_EXPECT_EQ(test, bed_set_state(p->to, S(STOP)), -ENODATA);
	KUNIT_EXPECT_EQ(test, bed_state(p->to), S(ERROR));
	KUNIT_EXPECT_EQ(test, p->nvme->peer->vf[TO].size, (size_t)56);
	KUNIT_EXPECT_EQ(test, bed_set_state(p->from, S(RUNNING)), 0);
	pair_drop(p);
}

/* The source goes on, after a reset if it must, and the next migration succeeds */
static void try_again(struct pair *p)
{
	if (bed_set_state(p->from, S(RUNNING)))
		reset(p, p->from, FROM);
	if (bed_set_state(p->to, S(RUNNING)))
		reset(p, p->to, TO);
	KUNIT_EXPECT_FALSE(p->test, suspended(p, FROM));
	KUNIT_EXPECT_FALSE(p->test, suspended(p, TO));
	migrates(p, THREE_PIECES, SZ_128K);
}

/* Returns false when there were no more commands */
static bool nth_fails(struct pair *p, unsigned int nth, const struct nvme_fault *fault)
{
	struct kunit *test = p->test;
	bool ended;
	int ret;

	nvme_bed_set_state(p->nvme, TO, 56);
	nvme_peer_fault(p->nvme->peer, 0, nth, fault->act, fault->status);
	ret = save(p, 4096) ?: load(p, 4096);
	ended = p->nvme->peer->count <= nth;
	nvme_peer_arm(p->nvme->peer);
	KUNIT_EXPECT_EQ_MSG(test, !ret, ended || !fault->error, "%s, command %u: %d", fault->name,
			    nth, ret);
	/* All or nothing */
	KUNIT_EXPECT_EQ_MSG(test, nvme_bed_equal(p->nvme), !ret || nth > LAST_LOAD,
			    "%s, command %u", fault->name, nth);
	try_again(p);
	return !ended;
}

static void the_source_goes_on_after_each_fault(struct kunit *test)
{
	struct pair *p = pair_new(test, THREE_PIECES, 0);
	unsigned int nth, i;

	for (i = 0; i < NVME_NR_FAULTS; i++) {
		if (nvme_faults[i].fatal)
			continue;
		for (nth = 0; nth < 50 && nth_fails(p, nth, &nvme_faults[i]); nth++)
			;
		KUNIT_EXPECT_EQ_MSG(test, nth, NR_COMMANDS, "%s", nvme_faults[i].name);
	}
	pair_drop(p);
}

/* The state of a failed controller's VFs is unknown */
static void a_timed_out_command_fails_the_controller(struct kunit *test)
{
	struct pair *p = pair_new(test, 10000, 0);

	nvme_peer_fault(p->nvme->peer, NPF_MIGRATION_SEND, 0, PEER_IS_SILENT, 0);
	*nvme_peer_timeout_ms = PEER_SHORT_MS;
	KUNIT_EXPECT_EQ(test, bed_set_state(p->from, S(STOP)), -ETIMEDOUT);
	*nvme_peer_timeout_ms = PEER_LONG_MS;
	KUNIT_EXPECT_EQ(test, bed_state(p->from), S(ERROR));
	KUNIT_EXPECT_EQ(test, p->nvme->failed, 1);
	KUNIT_EXPECT_LT(test, bed_set_state(p->to, S(STOP)), 0);
	pair_drop(p);
}

static struct kunit_case engine_cases[] = {
	KUNIT_CASE(state_of_any_size_migrates),
	KUNIT_CASE(p2p_and_stop_suspend_the_controller),
	KUNIT_CASE(a_truncated_stream_takes_no_effect),
	KUNIT_CASE(another_state_format_is_refused),
	KUNIT_CASE(the_source_goes_on_after_each_fault),
	KUNIT_CASE(a_timed_out_command_fails_the_controller),
	{}
};

static struct kunit_suite engine_suite = {
	.name = "mdev-pci-nvme-engine",
	.test_cases = engine_cases,
};

kunit_test_suite(engine_suite);
