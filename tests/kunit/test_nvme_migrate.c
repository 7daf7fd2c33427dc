// SPDX-License-Identifier: GPL-2.0-only
/* The operations that save and load a VF's state, without the engine. */
#include <linux/scatterlist.h>

#include "nvme_bed.h"

#define PIECE	(64 * 1024)

/**
 * struct pages - a buffer as the engine passes it
 * @sgt: the table
 * @nr: pages
 * @page: not contiguous
 */
struct pages {
	struct sg_table sgt;
	unsigned int nr;
	void *page[1 + PIECE / PAGE_SIZE];
};

static struct pages *pages_new(struct kunit *test, size_t size)
{
	struct pages *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct scatterlist *sg;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->nr = DIV_ROUND_UP(size, PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, sg_alloc_table(&p->sgt, p->nr, GFP_KERNEL), 0);
	for_each_sgtable_sg(&p->sgt, sg, i) {
		p->page[i] = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p->page[i]);
		sg_set_buf(sg, p->page[i], PAGE_SIZE);
		sg_dma_address(sg) = (unsigned long)p->page[i];
		sg_dma_len(sg) = PAGE_SIZE;
	}
	return p;
}

static void pages_free(struct kunit *test, struct pages *p)
{
	sg_free_table(&p->sgt);
	kunit_kfree(test, p);
}

static int stop(struct nvme_bed *bed, unsigned int vf)
{
	return npf_mig_ops.suspend(&bed->fn[vf], VFIO_PCI_FN_P2P) ?:
	       npf_mig_ops.suspend(&bed->fn[vf], VFIO_PCI_FN_FULL);
}

static int go(struct nvme_bed *bed, unsigned int vf)
{
	return npf_mig_ops.resume(&bed->fn[vf], VFIO_PCI_FN_FULL) ?:
	       npf_mig_ops.resume(&bed->fn[vf], VFIO_PCI_FN_P2P);
}

/* Copy the state from one VF to the other, in chunks of @chunk bytes, as the engine does */
static int move(struct nvme_bed *bed, size_t chunk)
{
	struct pages *p = pages_new(bed->test, chunk);
	struct vfio_pci_mig_buf buf = { .sgt = p->sgt };
	u64 size;
	int ret;

	ret = npf_mig_ops.state_size(&bed->fn[FROM], &size);
	while (!ret && !buf.last) {
		buf.len = chunk;
		ret = npf_mig_ops.save(&bed->fn[FROM], &buf) ?:
		      npf_mig_ops.load(&bed->fn[TO], &buf);
		buf.offset += buf.len;
		if (!ret && buf.offset > size)
			ret = -EOVERFLOW;
	}
	if (!ret && buf.offset != size)
		ret = -ENODATA;
	pages_free(bed->test, p);
	return ret;
}

static void state_of_any_size_migrates(struct kunit *test)
{
	static const size_t size[] = { 56, 4092, 4096, 4100, 8192, 8196, 65536, 65540, 262144,
				       299996 };
	static const size_t chunk[] = { 4096, 8192, 12288, PIECE };
	struct nvme_bed *bed = nvme_bed_both(test, 56);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		for (k = 0; k < ARRAY_SIZE(chunk); k++) {
			nvme_bed_set_state(bed, FROM, size[i]);
			nvme_bed_set_state(bed, TO, 60);
			KUNIT_EXPECT_EQ(test, stop(bed, FROM), 0);
			KUNIT_EXPECT_TRUE(test, bed->peer->vf[FROM].suspended);
			KUNIT_EXPECT_EQ(test, stop(bed, TO), 0);
			KUNIT_EXPECT_EQ_MSG(test, move(bed, chunk[k]), 0, "%zu bytes by %zu",
					    size[i], chunk[k]);
			KUNIT_EXPECT_TRUE_MSG(test, nvme_bed_equal(bed), "%zu bytes by %zu",
					      size[i], chunk[k]);
			KUNIT_EXPECT_EQ(test, go(bed, TO), 0);
			KUNIT_EXPECT_FALSE(test, bed->peer->vf[TO].suspended);
			KUNIT_EXPECT_EQ(test, go(bed, FROM), 0);
		}
	}
	nvme_bed_end(bed);
}

/* Each command of a migration fails in each way */
static void the_next_migration_after_each_fault_succeeds(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_both(test, 10000);
	unsigned int nth, i;
	bool ended;
	int ret;

	for (i = 0; i < NVME_NR_FAULTS; i++) {
		const struct nvme_fault *fault = &nvme_faults[i];

		if (fault->fatal)
			continue;
		for (nth = 0; nth < 50; nth++) {
			KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
			KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, TO, 1), 0);
			nvme_bed_set_state(bed, TO, 60);
			nvme_peer_fault(bed->peer, 0, nth, fault->act, fault->status);
			ret = stop(bed, FROM) ?: stop(bed, TO) ?: move(bed, 4096);
			ended = bed->peer->count <= nth;
			nvme_peer_arm(bed->peer);
			if (ended) {
				KUNIT_EXPECT_EQ(test, ret, 0);
				KUNIT_EXPECT_TRUE(test, nvme_bed_equal(bed));
				break;
			}
			KUNIT_EXPECT_EQ_MSG(test, ret, fault->error, "%s, command %u",
					    fault->name, nth);
			/* All or nothing */
			KUNIT_EXPECT_EQ_MSG(test, nvme_bed_equal(bed), !ret, "%s, command %u",
					    fault->name, nth);
			KUNIT_EXPECT_EQ(test, stop(bed, FROM) ?: stop(bed, TO) ?: move(bed, 4096),
					0);
			KUNIT_EXPECT_TRUE(test, nvme_bed_equal(bed));
			KUNIT_EXPECT_EQ(test, go(bed, TO) ?: go(bed, FROM), 0);
		}
		/* 4 x suspend, size, 3 x (size, save, load) */
		KUNIT_EXPECT_EQ(test, nth, 14U);
	}
	nvme_bed_end(bed);
}

static void huge(void *data)
{
	struct npf_state_header *header = data;

	header->vendor[0] = cpu_to_le64(U64_MAX / 4);
}

static void huge_128(void *data)
{
	struct npf_state_header *header = data;

	header->standard[1] = cpu_to_le64(1);
}

static void shrinks(void *data)
{
	struct npf_state_header *header = data;

	header->vendor[0] = 0;
}

static void impossible_sizes_of_a_state_are_refused(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_both(test, 10000);
	struct pages *p = pages_new(test, 4096);
	struct vfio_pci_mig_buf buf = { .sgt = p->sgt, .offset = 4096, .len = 4096 };
	u64 size;

	KUNIT_ASSERT_EQ(test, stop(bed, FROM), 0);
	nvme_peer_fault(bed->peer, NPF_MIGRATION_RECEIVE, 0, PEER_MANGLES, 0);
	bed->peer->mangle = huge;
	KUNIT_EXPECT_EQ(test, npf_mig_ops.state_size(&bed->fn[FROM], &size), -EPROTO);
	nvme_peer_fault(bed->peer, NPF_MIGRATION_RECEIVE, 0, PEER_MANGLES, 0);
	bed->peer->mangle = huge_128;
	KUNIT_EXPECT_EQ(test, npf_mig_ops.state_size(&bed->fn[FROM], &size), -EPROTO);
	nvme_peer_fault(bed->peer, NPF_MIGRATION_RECEIVE, 0, PEER_MANGLES, 0);
	bed->peer->mangle = shrinks;
	KUNIT_EXPECT_EQ(test, npf_mig_ops.save(&bed->fn[FROM], &buf), -EPROTO);
	/* The chunk itself: it says that the controller was not suspended */
	nvme_peer_fault(bed->peer, NPF_MIGRATION_RECEIVE, 1, PEER_MANGLES, 0);
	KUNIT_EXPECT_EQ(test, npf_mig_ops.save(&bed->fn[FROM], &buf), -EPROTO);
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, npf_mig_ops.save(&bed->fn[FROM], &buf), 0);
	KUNIT_EXPECT_EQ(test, buf.len, (size_t)4096);
	KUNIT_EXPECT_FALSE(test, buf.last);
	pages_free(test, p);
	nvme_bed_end(bed);
}

static void malformed_buffers_do_not_reach_firmware(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_both(test, 10000);
	struct pages *p = pages_new(test, 8192);
	struct vfio_pci_mig_buf buf = { .sgt = p->sgt, .len = 4095, .last = true };
	unsigned int before;

	KUNIT_ASSERT_EQ(test, stop(bed, TO), 0);
	before = bed->peer->commands;
	KUNIT_EXPECT_EQ(test, npf_mig_ops.load(&bed->fn[TO], &buf), -EINVAL);
	/* A list that the controller could not read is not given to it */
	buf.len = 8192;
	sg_dma_address(p->sgt.sgl) += 512;
	KUNIT_EXPECT_EQ(test, npf_mig_ops.load(&bed->fn[TO], &buf), -EINVAL);
	sg_dma_address(p->sgt.sgl) -= 512;
	sg_dma_len(p->sgt.sgl) = 512;
	KUNIT_EXPECT_EQ(test, npf_mig_ops.load(&bed->fn[TO], &buf), -EINVAL);
	sg_dma_len(p->sgt.sgl) = PAGE_SIZE;
	buf.len = 8196;
	KUNIT_EXPECT_EQ(test, npf_mig_ops.load(&bed->fn[TO], &buf), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, bed->peer->commands, before);
	/* A state that is none is refused by the controller, and changes nothing */
	buf.len = 8192;
	KUNIT_EXPECT_EQ(test, npf_mig_ops.load(&bed->fn[TO], &buf), -EINVAL);
	KUNIT_EXPECT_EQ(test, bed->peer->vf[TO].size, (size_t)56);
	pages_free(test, p);
	nvme_bed_end(bed);
}

static struct kunit_case migrate_cases[] = {
	KUNIT_CASE(state_of_any_size_migrates),
	KUNIT_CASE(the_next_migration_after_each_fault_succeeds),
	KUNIT_CASE(impossible_sizes_of_a_state_are_refused),
	KUNIT_CASE(malformed_buffers_do_not_reach_firmware),
	{}
};

static struct kunit_suite migrate_suite = {
	.name = "mdev-pci-nvme-migrate",
	.test_cases = migrate_cases,
};

kunit_test_suite(migrate_suite);
