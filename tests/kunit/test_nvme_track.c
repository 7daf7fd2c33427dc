// SPDX-License-Identifier: GPL-2.0-only
/* Dirty pages by Track Send and Track Receive. */
#include "nvme_bed.h"

static void track_abilities(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_cold(test);
	struct nvme_peer *peer = bed->peer;
	struct npf *npf = &bed->npf;
	const struct {
		const char *name;
		bool wanted;
		struct npf_tracking says;
		u8 min;
		u8 max;
	} cases[] = {
		{ "as most will be", true, { cpu_to_le16(1), 0, 0, 0, 1 }, 12, 12 },
		{ "nobody has asked for it", false, { cpu_to_le16(1), 0, 0, 0, 1 } },
		{ "can't", true, { cpu_to_le16(1), 0, 0, 0, 2 } },
		{ "no ranges", true, { 0, cpu_to_le16(9), 0, 0, 1 } },
		{ "limited lengths", true, { cpu_to_le16(1), 0, 0, 0, 5 } },
		{ "no pages", true, { cpu_to_le16(1), 0, 2, 1, 1 } },
		{ "huge pages", true, { cpu_to_le16(1), 0, 19, 20, 1 } },
		{ "many sizes", true, { cpu_to_le16(1), 0, 1, 40, 3 }, 13, 30 },
	};
	unsigned int i;

	KUNIT_ASSERT_EQ(test, npf_queue_start(&npf->queue), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		*nvme_peer_track_memory = cases[i].wanted;
		peer->tracking = cases[i].says;
		memset(&npf->id, 0, sizeof(npf->id));
		KUNIT_ASSERT_EQ(test, npf_identify(npf), 0);
		KUNIT_EXPECT_EQ(test, npf_set_types(npf), 3);
		KUNIT_EXPECT_EQ_MSG(test, npf_log_caps(npf).max_ranges,
				    (unsigned int)!!cases[i].min, "%s", cases[i].name);
		KUNIT_EXPECT_EQ(test, npf_log_caps(npf).min_page_shift, cases[i].min);
		KUNIT_EXPECT_EQ(test, npf_log_caps(npf).max_page_shift, cases[i].max);
		KUNIT_EXPECT_EQ_MSG(test, npf->types[0].log_ops == &npf_log_ops, !!cases[i].min,
				    "%s", cases[i].name);
	}
	/* Of no use without the other commands */
	peer->nr_vendor = 0;
	memset(&npf->id, 0, sizeof(npf->id));
	KUNIT_ASSERT_EQ(test, npf_identify(npf), 0);
	KUNIT_EXPECT_EQ(test, npf_set_types(npf), 3);
	KUNIT_EXPECT_NULL(test, npf->types[0].log_ops);
	nvme_bed_end(bed);
}

static int track(struct nvme_bed *bed, unsigned int shift)
{
	const struct vfio_pci_log_range range = {
		.iova = PEER_TRACKED_BASE,
		.length = (u64)PEER_TRACKED << 12,
	};

	return npf_log_ops.start(&bed->fn[FROM], &range, 1, shift);
}

static int untrack(struct nvme_bed *bed)
{
	return npf_log_ops.stop(&bed->fn[FROM]);
}

static int read_changes(struct nvme_bed *bed)
{
	return npf_log_ops.changes(&bed->fn[FROM], NULL, 0, 0);
}

static unsigned long *dirty(struct nvme_bed *bed)
{
	return bed->peer->vf[FROM].dirty;
}

static unsigned int told(struct nvme_bed *bed)
{
	return bitmap_weight(bed->peer->told, PEER_TRACKED);
}

/* At the ends, and all together */
static void write_some(struct nvme_bed *bed)
{
	bitmap_zero(bed->peer->told, PEER_TRACKED);
	bitmap_set(dirty(bed), 0, 1);
	bitmap_set(dirty(bed), 100, 1000);
	bitmap_set(dirty(bed), PEER_TRACKED - 1, 1);
}

static struct nvme_bed *bed_tracking(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);

	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
	KUNIT_ASSERT_EQ(test, track(bed, 12), 0);
	return bed;
}

/* It still tracks, or again */
static void tracks(struct nvme_bed *bed)
{
	struct kunit *test = bed->test;

	bed->peer->refuse = 0;
	bed->peer->per_list = 0;
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_TRUE(test, bed->peer->vf[FROM].tracks);
	KUNIT_EXPECT_EQ(test, bed->peer->vf[FROM].tracked, PEER_TRACKED);
	KUNIT_EXPECT_EQ(test, bed->peer->vf[FROM].granularity, 0U);
	KUNIT_EXPECT_EQ(test, read_changes(bed), 0);
	write_some(bed);
	KUNIT_EXPECT_EQ(test, read_changes(bed), 0);
	KUNIT_EXPECT_EQ(test, told(bed), 1002U);
	KUNIT_EXPECT_TRUE(test, test_bit(0, bed->peer->told) &&
			  test_bit(1099, bed->peer->told) &&
			  test_bit(PEER_TRACKED - 1, bed->peer->told));
	bitmap_zero(bed->peer->told, PEER_TRACKED);
	KUNIT_EXPECT_EQ(test, read_changes(bed), 0);
	KUNIT_EXPECT_EQ(test, told(bed), 0U);
}

static void track_changes(struct kunit *test)
{
	struct nvme_bed *bed = bed_tracking(test);
	unsigned int i;

	tracks(bed);
	/* One list at a time, 16 at most: the engine comes again if it wants more */
	write_some(bed);
	bed->peer->per_list = 1;
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, read_changes(bed), 0);
	KUNIT_EXPECT_EQ(test, told(bed), 1002U);
	KUNIT_EXPECT_EQ_MSG(test, bed->peer->commands, 4U, "until one is empty");
	bitmap_zero(bed->peer->told, PEER_TRACKED);
	for (i = 0; i < 40; i++)
		set_bit(2 * i, dirty(bed));
	KUNIT_EXPECT_EQ(test, read_changes(bed), 1);
	KUNIT_EXPECT_EQ(test, told(bed), 16U);
	KUNIT_EXPECT_EQ(test, read_changes(bed), 1);
	KUNIT_EXPECT_EQ(test, read_changes(bed), 0);
	KUNIT_EXPECT_EQ(test, told(bed), 40U);

	/* Each list full, to its last change */
	bed->peer->per_list = 0;
	bitmap_zero(bed->peer->told, PEER_TRACKED);
	for (i = 0; i < PEER_TRACKED; i += 2)
		set_bit(i, dirty(bed));
	KUNIT_EXPECT_EQ(test, read_changes(bed), 1);
	KUNIT_EXPECT_EQ(test, told(bed), 16U * 255);
	KUNIT_EXPECT_EQ(test, read_changes(bed), 1);
	KUNIT_EXPECT_EQ(test, read_changes(bed), 0);
	KUNIT_EXPECT_EQ(test, told(bed), PEER_TRACKED / 2U);
	KUNIT_EXPECT_EQ(test, untrack(bed), 0);
	KUNIT_EXPECT_FALSE(test, bed->peer->vf[FROM].tracks);

	/* By larger pages */
	KUNIT_ASSERT_EQ(test, track(bed, 14), 0);
	KUNIT_EXPECT_EQ(test, bed->peer->vf[FROM].granularity, 2U);
	KUNIT_EXPECT_EQ(test, bed->peer->vf[FROM].tracked, PEER_TRACKED / 4U);
	bitmap_zero(bed->peer->told, PEER_TRACKED);
	set_bit(5, dirty(bed));
	KUNIT_EXPECT_EQ(test, read_changes(bed), 0);
	KUNIT_EXPECT_EQ(test, told(bed), 4U);
	KUNIT_EXPECT_EQ(test, find_first_bit(bed->peer->told, PEER_TRACKED), 20UL);
	KUNIT_EXPECT_EQ(test, untrack(bed), 0);
	nvme_bed_end(bed);
}

/* Each command goes wrong in each way, and then it goes well */
static void track_faults(struct kunit *test)
{
	struct nvme_bed *bed = bed_tracking(test);
	unsigned int i, step;
	int ret;

	for (i = 0; i < NVME_NR_FAULTS; i++) {
		const struct nvme_fault *fault = &nvme_faults[i];

		if (fault->fatal)
			continue;
		for (step = 0; step < 4; step++) {
			u8 opcode = step == 1 || step == 2 ? NPF_TRACK_RECEIVE : NPF_TRACK_SEND;

			if (!step)
				KUNIT_EXPECT_EQ(test, untrack(bed), 0);
			write_some(bed);
			bed->peer->per_list = 1;
			/* Start, the first list, one in the middle, stop */
			nvme_peer_fault(bed->peer, opcode, step == 2, fault->act,
					fault->status);
			ret = !step ? track(bed, 12) : step == 3 ? untrack(bed) :
			      read_changes(bed);
			/* "invalid controller": it tracks already, and is told to begin anew */
			KUNIT_EXPECT_EQ_MSG(test, ret, !step && fault->error == -ENODEV ? 0 :
					    fault->error, "%s, step %u", fault->name, step);
			nvme_peer_arm(bed->peer);
			if (step == 2 && ret)
				KUNIT_EXPECT_EQ_MSG(test, told(bed), 1U, "the first list");
			if (!step && ret)
				KUNIT_EXPECT_FALSE(test, bed->peer->vf[FROM].tracks);
			if (!bed->peer->vf[FROM].tracks)
				KUNIT_EXPECT_EQ(test, track(bed, 12), 0);
			tracks(bed);
		}
	}
	nvme_bed_end(bed);
}

/* One that tracks since before: after a stop that failed, or a reset that has not ended it */
static void track_anew(struct kunit *test)
{
	struct nvme_bed *bed = bed_tracking(test);

	write_some(bed);
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, track(bed, 12), 0);
	KUNIT_EXPECT_EQ_MSG(test, bed->peer->commands, 3U, "start, stop, start");
	KUNIT_EXPECT_EQ(test, read_changes(bed), 0);
	KUNIT_EXPECT_EQ_MSG(test, told(bed), 0U, "of before");
	tracks(bed);
	/* Neither of these */
	nvme_peer_fault(bed->peer, NPF_TRACK_SEND, 1, PEER_FAILS, NVME_SC_INTERNAL);
	KUNIT_EXPECT_EQ(test, track(bed, 12), -EIO);
	nvme_peer_fault(bed->peer, NPF_TRACK_SEND, 2, PEER_FAILS, NVME_SC_INTERNAL);
	KUNIT_EXPECT_EQ(test, track(bed, 12), -EIO);
	KUNIT_EXPECT_FALSE(test, bed->peer->vf[FROM].tracks);
	/* A page that was not asked for: what is reported would be misread */
	nvme_peer_fault(bed->peer, NPF_TRACK_SEND, 0, PEER_MANGLES, 0);
	KUNIT_EXPECT_EQ(test, track(bed, 12), -EPROTO);
	KUNIT_EXPECT_FALSE(test, bed->peer->vf[FROM].tracks);
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, track(bed, 12), 0);
	tracks(bed);
	nvme_bed_end(bed);
}

static void other_version(void *data)
{
	struct npf_changes *list = data;

	list->version = 1;
}

static void other_controller(void *data)
{
	struct npf_changes *list = data;

	list->cntlid = cpu_to_le16(PEER_CNTLID + 1 + TO);
}

static void too_many_changes(void *data)
{
	struct npf_changes *list = data;

	list->nr = cpu_to_le32(256);
}

static void too_large_pages(void *data)
{
	struct npf_changes *list = data;

	list->granularity = cpu_to_le16(19);
}

static void track_bad_lists(struct kunit *test)
{
	static void (*const mangles[])(void *data) = {
		other_version, other_controller, too_many_changes, too_large_pages,
	};
	struct nvme_bed *bed = bed_tracking(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mangles); i++) {
		write_some(bed);
		nvme_peer_fault(bed->peer, NPF_TRACK_RECEIVE, 0, PEER_MANGLES, 0);
		bed->peer->mangle = mangles[i];
		KUNIT_EXPECT_EQ_MSG(test, read_changes(bed), -EPROTO, "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, told(bed), 0U, "nothing of it is believed");
		tracks(bed);
	}
	/* What the engine does not accept */
	write_some(bed);
	bed->peer->refuse = -EIO;
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, read_changes(bed), -EIO);
	KUNIT_EXPECT_EQ(test, bed->peer->commands, 1U);
	KUNIT_EXPECT_EQ(test, bed->peer->refused, 1U);
	tracks(bed);
	nvme_bed_end(bed);
}

static struct kunit_case track_cases[] = {
	KUNIT_CASE(track_abilities),
	KUNIT_CASE(track_changes),
	KUNIT_CASE(track_faults),
	KUNIT_CASE(track_anew),
	KUNIT_CASE(track_bad_lists),
	{}
};

static struct kunit_suite track_suite = {
	.name = "mdev-pci-nvme-track",
	.test_cases = track_cases,
};

kunit_test_suite(track_suite);
