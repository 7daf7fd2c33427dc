// SPDX-License-Identifier: GPL-2.0-only
/* What the controller reports, and the resources that its VFs get. */
#include <linux/string.h>

#include "nvme_bed.h"

static void types_follow_what_the_controller_can_do(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_cold(test);
	struct nvme_peer *peer = bed->peer;
	struct npf *npf = &bed->npf;

	KUNIT_ASSERT_EQ(test, npf_queue_start(&npf->queue), 0);
	peer->oacs = NPF_OACS_LIVE_MIGRATION;
	KUNIT_EXPECT_EQ(test, npf_identify(npf), -EOPNOTSUPP);
	peer->oacs = NPF_OACS_VIRT;
	KUNIT_ASSERT_EQ(test, npf_identify(npf), 0);
	KUNIT_EXPECT_STREQ(test, npf->id.model, "NVMe Peer of the tests");
	KUNIT_EXPECT_EQ(test, npf->id.max_transfer, (u32)VFIO_PCI_MIG_CHUNK_MAX);
	KUNIT_EXPECT_EQ(test, npf_set_types(npf), 3);
	KUNIT_EXPECT_NULL(test, npf->types[0].mig_ops);
	KUNIT_EXPECT_STREQ(test, npf->types[0].not_migratable,
			   "the controller does not know NVMe 2.1's live migration commands");

	/* It can't learn anything while others rely on it */
	peer->oacs = NPF_OACS_VIRT | NPF_OACS_LIVE_MIGRATION;
	KUNIT_EXPECT_EQ(test, npf_identify(npf), -ESTALE);
	memset(&npf->id, 0, sizeof(npf->id));
	KUNIT_ASSERT_EQ(test, npf_identify(npf), 0);
	KUNIT_EXPECT_EQ(test, npf_set_types(npf), 3);
	KUNIT_EXPECT_PTR_EQ(test, npf->types[0].mig_ops, &npf_mig_ops);
	KUNIT_EXPECT_NE(test, npf->id.compat, 0U);

	memset(&npf->id, 0, sizeof(npf->id));
	peer->nr_vendor = 0;
	peer->mdts = 3;
	KUNIT_ASSERT_EQ(test, npf_identify(npf), 0);
	KUNIT_EXPECT_EQ(test, npf->id.max_transfer, 8U * NPF_PAGE);
	KUNIT_EXPECT_EQ(test, npf_set_types(npf), 3);
	KUNIT_EXPECT_NULL(test, npf->types[0].mig_ops);
	KUNIT_ASSERT_NOT_NULL(test, npf->types[0].not_migratable);
	KUNIT_EXPECT_STREQ(test, npf->types[0].not_migratable,
			   "the controller's state has no format with its admin queue");
	nvme_bed_end(bed);
}

static void no_crt(void *data)
{
	struct npf_primary *primary = data;

	primary->crt = BIT(NPF_VQ);
}

static void too_many(void *data)
{
	struct npf_primary *primary = data;

	primary->flexible[NPF_VI].secondary = cpu_to_le32(U32_MAX);
}

static void none_own(void *data)
{
	struct npf_primary *primary = data;

	primary->flexible[NPF_VQ].own = 0;
}

static void no_max(void *data)
{
	struct npf_primary *primary = data;

	primary->flexible[NPF_VQ].max = 0;
}

static void long_list(void *data)
{
	struct npf_secondary_list *list = data;

	list->nr = NPF_MAX_SECONDARIES + 1;
}

static void endless(void *data)
{
	struct npf_secondary_list *list = data;

	list->nr = NPF_MAX_SECONDARIES;
	list->entry[1].scid = list->entry[0].scid;
}

static void no_vf(void *data)
{
	struct npf_secondary_list *list = data;
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		list->entry[i].vfn = cpu_to_le16(100);
}

static void long_formats(void *data)
{
	struct npf_state_formats *formats = data;

	formats->nr_versions = 255;
	formats->nr_vendor = 255;
}

static void odd_name(void *data)
{
	struct nvme_id_ctrl *ctrl = data;

	memset(ctrl->mn, '\n', sizeof(ctrl->mn));
}

/* Of the nth Identify of npf_identify(), or of enable */
static const struct {
	const char *name;
	void (*mangle)(void *data);
	bool enable;
	unsigned int nth;
	int error;
} malformed[] = {
	{ "a model of line feeds", odd_name, false, 0, 0 },
	{ "more formats than a page has", long_formats, false, 1, -EPROTO },
	{ "no flexible interrupts", no_crt, false, 2, -EOPNOTSUPP },
	{ "more taken than there are", too_many, false, 2, -EPROTO },
	{ "none of its own", none_own, false, 2, -EPROTO },
	{ "none for a VF", no_max, false, 2, 0 },
	{ "a list longer than a page", long_list, true, 0, -EPROTO },
	{ "a list without an end", endless, true, 0, -EPROTO },
	{ "a list without the VF", no_vf, true, 0, -ENXIO },
	{ "more taken, later", too_many, true, 1, -EPROTO },
};

static void malformed_identify_data_is_refused(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(malformed); i++) {
		nvme_peer_fault(bed->peer, nvme_admin_identify, malformed[i].nth, PEER_MANGLES, 0);
		bed->peer->mangle = malformed[i].mangle;
		if (malformed[i].enable) {
			/* The second VF: a list that ends early has not shown it */
			ret = nvme_bed_enable(bed, 1, 1);
			nvme_bed_has(bed, 1, 0, false);
		} else {
			memset(&bed->npf.id, 0, sizeof(bed->npf.id));
			ret = npf_identify(&bed->npf);
		}
		KUNIT_EXPECT_EQ_MSG(test, ret, malformed[i].error, "%s", malformed[i].name);
		if (malformed[i].mangle == no_max)
			KUNIT_EXPECT_EQ(test, npf_set_types(&bed->npf), -EOPNOTSUPP);
		if (malformed[i].mangle == odd_name)
			KUNIT_EXPECT_NULL(test, strchr(bed->npf.id.model, '\n'));
		nvme_peer_arm(bed->peer);
		if (!malformed[i].enable) {
			memset(&bed->npf.id, 0, sizeof(bed->npf.id));
			KUNIT_ASSERT_EQ(test, npf_identify(&bed->npf), 0);
		}
	}
	nvme_bed_end(bed);
}

static void enable_assigns_queues_and_interrupts(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);
	struct pci_dev *pf = bed->npf.queue.pdev;
	char text[200] = {};

	KUNIT_EXPECT_EQ(test, npf_parent_ops.available(pf, nvme_bed_type(bed, 1)), 5U);
	KUNIT_EXPECT_EQ(test, npf_parent_ops.available(pf, nvme_bed_type(bed, 4)), 2U);
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, 0, 4), 0);
	nvme_bed_has(bed, 0, 5, true);
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, 3, 2), 0);
	nvme_bed_has(bed, 3, 3, true);
	KUNIT_EXPECT_GT(test, npf_parent_ops.show(pf, text, sizeof(text)), 0);
	KUNIT_EXPECT_STREQ(test, text,
			   "queues: 2 of 10 left\ninterrupts: 2 of 10 left\nonline: 2 of 4 secondary controllers\n");
	/* Never more than there is room for */
	KUNIT_EXPECT_EQ(test, npf_parent_ops.show(pf, text, 10), 9);
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, nvme_bed_enable(bed, 1, 2), -ENOSPC);
	/* List, offline, 2 x none, capacity: the controller was not even asked */
	KUNIT_EXPECT_EQ(test, bed->peer->commands, 5U);
	nvme_bed_has(bed, 1, 0, false);
	KUNIT_EXPECT_EQ(test, npf_parent_ops.available(pf, nvme_bed_type(bed, 2)), 0U);
	KUNIT_EXPECT_EQ(test, nvme_bed_enable(bed, 1, 1), 0);
	nvme_bed_disable(bed, 0);
	nvme_bed_has(bed, 0, 0, false);
	nvme_bed_disable(bed, 3);
	/* One whose end was not answered gives way to the new one */
	KUNIT_EXPECT_EQ(test, nvme_bed_enable(bed, 1, 4), 0);
	nvme_bed_has(bed, 1, 5, true);
	nvme_bed_disable(bed, 1);
	nvme_bed_end(bed);
}

/* Each command of enable fails once */
static void a_failed_enable_leaves_nothing_assigned(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_warm(test);
	unsigned int nth;
	int ret = -EIO;

	for (nth = 0; ret; nth++) {
		KUNIT_ASSERT_LT(test, nth, 20U);
		nvme_peer_fault(bed->peer, 0, nth, PEER_FAILS, NVME_SC_INTERNAL);
		ret = nvme_bed_enable(bed, 1, 4);
		nvme_bed_has(bed, 1, ret ? 0 : 5, !ret);
	}
	/* List, offline, 2 x none, capacity, 2 x assign, online */
	KUNIT_EXPECT_EQ(test, nth, 9U);
	nvme_bed_end(bed);
}

static void the_primary_gives_up_its_flexible_resources(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_cold(test);
	struct nvme_peer *peer = bed->peer;
	int r;

	for (r = 0; r < NPF_NR_RESOURCES; r++)
		peer->next_primary[r] = PEER_FLEXIBLE - r;
	KUNIT_ASSERT_EQ(test, npf_queue_start(&bed->npf.queue), 0);
	KUNIT_ASSERT_EQ(test, npf_identify(&bed->npf), 0);
	KUNIT_ASSERT_EQ(test, npf_set_types(&bed->npf), 3);
	KUNIT_EXPECT_EQ(test, nvme_bed_enable(bed, 0, 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, npf_take_primary(&bed->npf), 0);
	KUNIT_EXPECT_EQ(test, peer->primary[NPF_VQ], 0);
	KUNIT_EXPECT_EQ(test, peer->primary[NPF_VI], 0);
	KUNIT_EXPECT_EQ(test, nvme_bed_enable(bed, 0, 1), 0);
	nvme_bed_disable(bed, 0);
	npf_return_primary(&bed->npf);
	KUNIT_EXPECT_EQ(test, peer->next_primary[NPF_VQ], PEER_FLEXIBLE);
	KUNIT_EXPECT_EQ(test, peer->next_primary[NPF_VI], PEER_FLEXIBLE - 1);
	nvme_bed_end(bed);
}

static struct kunit_case resources_cases[] = {
	KUNIT_CASE(types_follow_what_the_controller_can_do),
	KUNIT_CASE(malformed_identify_data_is_refused),
	KUNIT_CASE(enable_assigns_queues_and_interrupts),
	KUNIT_CASE(a_failed_enable_leaves_nothing_assigned),
	KUNIT_CASE(the_primary_gives_up_its_flexible_resources),
	{}
};

static struct kunit_suite resources_suite = {
	.name = "mdev-pci-nvme-resources",
	.test_cases = resources_cases,
};

kunit_test_suite(resources_suite);
