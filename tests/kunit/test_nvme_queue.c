// SPDX-License-Identifier: GPL-2.0-only
/* The admin queue and its commands, on a scripted controller. */
#include "nvme_bed.h"

static void start_follows_the_capability_register(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_cold(test);
	struct npf_queue *q = &bed->npf.queue;
	struct nvme_peer *peer = bed->peer;

	KUNIT_EXPECT_EQ(test, npf_queue_start(q), 0);
	KUNIT_EXPECT_EQ(test, nvme_peer_get32(peer, NVME_REG_AQA), 0x000f000fU);
	KUNIT_EXPECT_EQ(test, nvme_peer_get32(peer, NVME_REG_CC), 0x00460001U);
	npf_queue_stop(q);
	KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), -ESHUTDOWN);

	/* Only the command sets of NVMe 2.0, doorbells 2 KiB apart */
	nvme_peer_set_cap(peer, 1ULL << 43 | 9ULL << 32 | 1ULL << 24);
	KUNIT_EXPECT_EQ(test, npf_queue_start(q), 0);
	KUNIT_EXPECT_EQ(test, nvme_peer_get32(peer, NVME_REG_CC), 0x00460061U);
	npf_queue_stop(q);

	nvme_peer_set_cap(peer, 10ULL << 32);
	KUNIT_EXPECT_EQ(test, npf_queue_start(q), -EPROTO);
	nvme_peer_set_cap(peer, 1ULL << 48);
	KUNIT_EXPECT_EQ(test, npf_queue_start(q), -EOPNOTSUPP);
	WRITE_ONCE(peer->gone, true);
	KUNIT_EXPECT_EQ(test, npf_queue_start(q), -ENODEV);
	WRITE_ONCE(peer->gone, false);
	nvme_peer_set_cap(peer, 0);
	peer->never_ready = true;
	KUNIT_EXPECT_EQ(test, npf_queue_start(q), -EIO);
	nvme_peer_set32(peer, NVME_REG_CSTS, NVME_CSTS_CFS);
	peer->never_stops = true;
	KUNIT_EXPECT_EQ(test, npf_queue_start(q), -EIO);
	peer->never_ready = false;
	peer->never_stops = false;
	nvme_peer_set32(peer, NVME_REG_CSTS, 0);
	KUNIT_EXPECT_EQ(test, npf_queue_start(q), 0);
	KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), 0);
	KUNIT_EXPECT_EQ(test, bed->failed, 0);
	nvme_bed_end(bed);
}

/* It must not write to memory that is freed */
static void a_controller_that_does_not_stop_loses_bus_mastering(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);

	bed->peer->never_stops = true;
	npf_queue_stop(&bed->npf.queue);
	KUNIT_EXPECT_FALSE(test, bed->peer->master);
	bed->peer->never_stops = false;
	nvme_bed_end(bed);
}

static void shutdown_waits_as_long_as_the_controller_asks(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);
	struct npf_queue *q = &bed->npf.queue;
	struct nvme_peer *peer = bed->peer;

	KUNIT_EXPECT_EQ(test, q->shutdown_us, (unsigned long)NPF_MIN_SHUTDOWN_US);
	npf_queue_stop(q);
	KUNIT_EXPECT_EQ(test, peer->shutdowns, 0U);
	npf_queue_shutdown(q);
	KUNIT_EXPECT_EQ_MSG(test, peer->shutdowns, 0U, "a stopped controller is not shut down");
	KUNIT_ASSERT_EQ(test, npf_queue_start(q), 0);
	npf_queue_shutdown(q);
	KUNIT_EXPECT_EQ(test, peer->shutdowns, 1U);
	KUNIT_EXPECT_FALSE(test, nvme_peer_get32(peer, NVME_REG_CC) & NVME_CC_ENABLE);
	KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), -ESHUTDOWN);
	KUNIT_ASSERT_EQ(test, npf_queue_start(q), 0);
	KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), 0);

	peer->never_shuts_down = true;
	q->shutdown_us = 20 * USEC_PER_MSEC;
	npf_queue_shutdown(q);
	KUNIT_EXPECT_EQ(test, peer->shutdowns, 2U);
	KUNIT_EXPECT_FALSE(test, nvme_peer_get32(peer, NVME_REG_CC) & NVME_CC_ENABLE);

	peer->rtd3e = 7 * USEC_PER_SEC;
	KUNIT_ASSERT_EQ(test, npf_queue_start(q), 0);
	KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), 0);
	KUNIT_EXPECT_EQ(test, q->shutdown_us, 7UL * USEC_PER_SEC);
	peer->rtd3e = U32_MAX;
	KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), 0);
	KUNIT_EXPECT_EQ(test, q->shutdown_us, (unsigned long)NPF_MAX_SHUTDOWN_US);
	nvme_bed_end(bed);
}

/* More commands than the rings have entries */
static void the_rings_wrap(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);
	int i;

	for (i = 0; i < 5 * NPF_DEPTH; i++)
		KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), 0);
	nvme_bed_end(bed);
}

static void a_reset_restores_the_queue_after_each_fault(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);
	struct npf_queue *q = &bed->npf.queue;
	int i;

	for (i = 0; i < NVME_NR_FAULTS; i++) {
		const struct nvme_fault *fault = &nvme_faults[i];

		bed->failed = 0;
		nvme_peer_fault(bed->peer, NPF_MIGRATION_SEND, 0, fault->act, fault->status);
		KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
		if (fault->act == PEER_IS_SILENT)
			*nvme_peer_timeout_ms = PEER_SHORT_MS;
		KUNIT_EXPECT_EQ_MSG(test, npf_mig_ops.suspend(&bed->fn[FROM], VFIO_PCI_FN_P2P),
				    fault->error, "%s", fault->name);
		*nvme_peer_timeout_ms = PEER_LONG_MS;
		KUNIT_EXPECT_EQ_MSG(test, bed->failed, fault->fatal, "%s", fault->name);
		KUNIT_EXPECT_EQ_MSG(test, npf_identify(&bed->npf),
				    fault->fatal ? fault->error : 0, "%s", fault->name);
		nvme_peer_arm(bed->peer);
		WRITE_ONCE(bed->peer->gone, false);
		npf_queue_stop(q);
		KUNIT_ASSERT_EQ_MSG(test, npf_queue_start(q), 0, "%s", fault->name);
		KUNIT_EXPECT_EQ_MSG(test, npf_identify(&bed->npf), 0, "%s", fault->name);
	}
	nvme_bed_end(bed);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE(start_follows_the_capability_register),
	KUNIT_CASE(a_controller_that_does_not_stop_loses_bus_mastering),
	KUNIT_CASE(shutdown_waits_as_long_as_the_controller_asks),
	KUNIT_CASE(the_rings_wrap),
	KUNIT_CASE(a_reset_restores_the_queue_after_each_fault),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "mdev-pci-nvme-queue",
	.test_cases = queue_cases,
};

kunit_test_suite(queue_suite);
