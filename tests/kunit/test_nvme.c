// SPDX-License-Identifier: GPL-2.0-only
/* The nvme module's own operations, on a scripted controller. */
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "nvme.h"
#include "nvme_peer.h"

#define PIECE	(64 * 1024)
#define FROM	0
#define TO	2

/**
 * struct nvme_bed - a PF with its VFs
 * @test: the test
 * @peer: the controller
 * @npf: what is under test
 * @fn: its VFs
 * @failed: how often its queue has said that it has failed
 */
struct nvme_bed {
	struct kunit *test;
	struct nvme_peer *peer;
	struct npf npf;
	struct vfio_pci_fn fn[PEER_NR_VFS];
	int failed;
};

static const struct mdev_pci_type *type_of(struct nvme_bed *bed, unsigned int queues)
{
	unsigned int i;

	for (i = 0; i < NPF_NR_TYPES; i++)
		if (bed->npf.types[i].profile == queues)
			return &bed->npf.types[i];
	KUNIT_FAIL(bed->test, "no type with %u queues", queues);
	return NULL;
}

static void failed(struct npf_queue *q, const char *why)
{
	container_of(q, struct nvme_bed, npf.queue)->failed++;
}

static void release(struct device *dev)
{
	kfree(to_pci_dev(dev));
}

static struct pci_dev *new_pf(struct kunit *test)
{
	struct pci_dev *pf = kzalloc(sizeof(*pf), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pf);
	device_initialize(&pf->dev);
	pf->dev.release = release;
	KUNIT_ASSERT_EQ(test, dev_set_name(&pf->dev, "nvme-peer"), 0);
	pf->error_state = pci_channel_io_normal;
	pf->resource[0].start = 0x10000;
	pf->resource[0].end = 0x10000 + PEER_REGS - 1;
	return pf;
}

/* Not started yet */
static struct nvme_bed *bed_cold(struct kunit *test)
{
	struct nvme_bed *bed = kunit_kzalloc(test, sizeof(*bed), GFP_KERNEL);
	struct pci_dev *pf;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, bed);
	bed->test = test;
	bed->peer = nvme_peer_begin(test);
	pf = new_pf(test);
	mutex_init(&bed->npf.virt_lock);
	pci_set_drvdata(pf, &bed->npf);
	for (i = 0; i < PEER_NR_VFS; i++)
		bed->fn[i] = (struct vfio_pci_fn) { .pf = pf, .pdev = pf, .id = i };
	KUNIT_ASSERT_EQ(test, npf_queue_init(&bed->npf.queue, pf, bed->peer->regs, failed), 0);
	return bed;
}

static struct nvme_bed *bed_warm(struct kunit *test)
{
	struct nvme_bed *bed = bed_cold(test);

	KUNIT_ASSERT_EQ(test, npf_queue_start(&bed->npf.queue), 0);
	KUNIT_ASSERT_EQ(test, npf_identify(&bed->npf), 0);
	KUNIT_ASSERT_EQ(test, npf_set_types(&bed->npf), 3);
	return bed;
}

static void bed_end(struct nvme_bed *bed)
{
	struct pci_dev *pf = bed->npf.queue.pdev;

	npf_queue_stop(&bed->npf.queue);
	KUNIT_EXPECT_FALSE(bed->test, nvme_peer_get32(bed->peer, NVME_REG_CC) & NVME_CC_ENABLE);
	npf_queue_free(&bed->npf.queue);
	nvme_peer_end();
	put_device(&pf->dev);
}

static int enable(struct nvme_bed *bed, unsigned int vf, unsigned int queues)
{
	return npf_parent_ops.enable(&bed->fn[vf], type_of(bed, queues));
}

static void disable(struct nvme_bed *bed, unsigned int vf)
{
	npf_parent_ops.disable(&bed->fn[vf]);
}

static void has(struct nvme_bed *bed, unsigned int vf, unsigned int number, bool online)
{
	const struct peer_vf *v = &bed->peer->vf[vf];

	KUNIT_EXPECT_EQ(bed->test, v->number[NPF_VQ], number);
	KUNIT_EXPECT_EQ(bed->test, v->number[NPF_VI], number);
	KUNIT_EXPECT_EQ(bed->test, v->online, online);
}

/* ---- the controller's life ------------------------------------------------------- */

static void start(struct kunit *test)
{
	struct nvme_bed *bed = bed_cold(test);
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
	bed_end(bed);
}

/* A controller that does not stop keeps nothing to write to */
static void never_stops(struct kunit *test)
{
	struct nvme_bed *bed = bed_warm(test);

	bed->peer->never_stops = true;
	npf_queue_stop(&bed->npf.queue);
	KUNIT_EXPECT_FALSE(test, bed->peer->master);
	bed->peer->never_stops = false;
	bed_end(bed);
}

/* More commands than the rings have entries */
static void many(struct kunit *test)
{
	struct nvme_bed *bed = bed_warm(test);
	int i;

	for (i = 0; i < 5 * NPF_DEPTH; i++)
		KUNIT_EXPECT_EQ(test, npf_identify(&bed->npf), 0);
	bed_end(bed);
}

static const struct {
	const char *name;
	enum peer_act act;
	u16 status;
	int error;
	bool fatal;
} faults[] = {
	{ "invalid opcode", PEER_FAILS, NVME_SC_INVALID_OPCODE, -EOPNOTSUPP },
	{ "invalid field, don't retry", PEER_FAILS, 0x4000 | NVME_SC_INVALID_FIELD, -EINVAL },
	{ "internal error", PEER_FAILS, NVME_SC_INTERNAL, -EIO },
	{ "out of sequence", PEER_FAILS, NVME_SC_CMD_SEQ_ERROR, -EPROTO },
	{ "invalid controller", PEER_FAILS, NVME_SC_CTRL_ID_INVALID, -ENODEV },
	{ "invalid state", PEER_FAILS, NVME_SC_SEC_CTRL_STATE_INVALID, -EBUSY },
	{ "no resources", PEER_FAILS, NVME_SC_CTRL_RES_NUM_INVALID, -ENOSPC },
	{ "not enough resources", PEER_FAILS, NPF_SC_NO_RESOURCES, -ENOSPC },
	{ "not suspended", PEER_FAILS, NPF_SC_NOT_SUSPENDED, -EBADFD },
	{ "unknown status", PEER_FAILS, 0x7ff, -EIO },
	{ "late", PEER_IS_LATE, 0, 0 },
	{ "silent", PEER_IS_SILENT, 0, -ETIMEDOUT, true },
	{ "fatal", PEER_HAS_FATAL, 0, -EIO, true },
	{ "stopped", PEER_STOPS, 0, -EIO, true },
	{ "gone", PEER_IS_GONE, 0, -ENODEV, true },
	{ "answers another command", PEER_ANSWERS_OTHER, 0, -EIO, true },
};

/* Each outcome of a command, what becomes of the queue, and that a reset brings it back */
static void outcomes(struct kunit *test)
{
	struct nvme_bed *bed = bed_warm(test);
	struct npf_queue *q = &bed->npf.queue;
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		bed->failed = 0;
		nvme_peer_fault(bed->peer, NPF_MIGRATION_SEND, 0, faults[i].act, faults[i].status);
		KUNIT_ASSERT_EQ(test, enable(bed, FROM, 1), 0);
		if (faults[i].act == PEER_IS_SILENT)
			*nvme_peer_timeout_ms = PEER_SHORT_MS;
		KUNIT_EXPECT_EQ_MSG(test, npf_mig_ops.suspend(&bed->fn[FROM], VFIO_PCI_FN_P2P),
				    faults[i].error, "%s", faults[i].name);
		*nvme_peer_timeout_ms = PEER_LONG_MS;
		KUNIT_EXPECT_EQ_MSG(test, bed->failed, faults[i].fatal, "%s", faults[i].name);
		KUNIT_EXPECT_EQ_MSG(test, npf_identify(&bed->npf),
				    faults[i].fatal ? faults[i].error : 0, "%s", faults[i].name);
		nvme_peer_arm(bed->peer);
		WRITE_ONCE(bed->peer->gone, false);
		npf_queue_stop(q);
		KUNIT_ASSERT_EQ_MSG(test, npf_queue_start(q), 0, "%s", faults[i].name);
		KUNIT_EXPECT_EQ_MSG(test, npf_identify(&bed->npf), 0, "%s", faults[i].name);
	}
	bed_end(bed);
}

/* ---- what the controller says of itself ------------------------------------------- */

static void abilities(struct kunit *test)
{
	struct nvme_bed *bed = bed_cold(test);
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
	bed_end(bed);
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

static void bad_pages(struct kunit *test)
{
	struct nvme_bed *bed = bed_warm(test);
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(malformed); i++) {
		nvme_peer_fault(bed->peer, nvme_admin_identify, malformed[i].nth, PEER_MANGLES, 0);
		bed->peer->mangle = malformed[i].mangle;
		if (malformed[i].enable) {
			/* The second VF: a list that ends early has not shown it */
			ret = enable(bed, 1, 1);
			has(bed, 1, 0, false);
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
	bed_end(bed);
}

/* ---- resources ------------------------------------------------------------------- */

static void resources(struct kunit *test)
{
	struct nvme_bed *bed = bed_warm(test);
	struct pci_dev *pf = bed->npf.queue.pdev;
	char text[200] = {};

	KUNIT_EXPECT_EQ(test, npf_parent_ops.room(pf, type_of(bed, 1)), 5U);
	KUNIT_EXPECT_EQ(test, npf_parent_ops.room(pf, type_of(bed, 4)), 2U);
	KUNIT_ASSERT_EQ(test, enable(bed, 0, 4), 0);
	has(bed, 0, 5, true);
	KUNIT_ASSERT_EQ(test, enable(bed, 3, 2), 0);
	has(bed, 3, 3, true);
	KUNIT_EXPECT_GT(test, npf_parent_ops.describe(pf, text, sizeof(text)), 0);
	KUNIT_EXPECT_STREQ(test, text,
			   "queues: 2 of 10 left\ninterrupts: 2 of 10 left\nonline: 2 of 4 secondary controllers\n");
	/* Never more than there is room for */
	KUNIT_EXPECT_EQ(test, npf_parent_ops.describe(pf, text, 10), 9);
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, enable(bed, 1, 2), -ENOSPC);
	/* List, offline, 2 x none, capacity: the controller was not even asked */
	KUNIT_EXPECT_EQ(test, bed->peer->commands, 5U);
	has(bed, 1, 0, false);
	KUNIT_EXPECT_EQ(test, npf_parent_ops.room(pf, type_of(bed, 2)), 0U);
	KUNIT_EXPECT_EQ(test, enable(bed, 1, 1), 0);
	disable(bed, 0);
	has(bed, 0, 0, false);
	disable(bed, 3);
	/* One whose end was not answered gives way to the new one */
	KUNIT_EXPECT_EQ(test, enable(bed, 1, 4), 0);
	has(bed, 1, 5, true);
	disable(bed, 1);
	bed_end(bed);
}

/* Whichever command of enable fails, nothing is left */
static void half_enabled(struct kunit *test)
{
	struct nvme_bed *bed = bed_warm(test);
	unsigned int nth;
	int ret = -EIO;

	for (nth = 0; ret; nth++) {
		KUNIT_ASSERT_LT(test, nth, 20U);
		nvme_peer_fault(bed->peer, 0, nth, PEER_FAILS, NVME_SC_INTERNAL);
		ret = enable(bed, 1, 4);
		has(bed, 1, ret ? 0 : 5, !ret);
	}
	/* List, offline, 2 x none, capacity, 2 x assign, online */
	KUNIT_EXPECT_EQ(test, nth, 9U);
	bed_end(bed);
}

static void primary(struct kunit *test)
{
	struct nvme_bed *bed = bed_cold(test);
	struct nvme_peer *peer = bed->peer;
	int r;

	for (r = 0; r < NPF_NR_RESOURCES; r++)
		peer->next_primary[r] = PEER_FLEXIBLE - r;
	KUNIT_ASSERT_EQ(test, npf_queue_start(&bed->npf.queue), 0);
	KUNIT_ASSERT_EQ(test, npf_identify(&bed->npf), 0);
	KUNIT_ASSERT_EQ(test, npf_set_types(&bed->npf), 3);
	KUNIT_EXPECT_EQ(test, enable(bed, 0, 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, npf_take_primary(&bed->npf), 0);
	KUNIT_EXPECT_EQ(test, peer->primary[NPF_VQ], 0);
	KUNIT_EXPECT_EQ(test, peer->primary[NPF_VI], 0);
	KUNIT_EXPECT_EQ(test, enable(bed, 0, 1), 0);
	disable(bed, 0);
	npf_return_primary(&bed->npf);
	KUNIT_EXPECT_EQ(test, peer->next_primary[NPF_VQ], PEER_FLEXIBLE);
	KUNIT_EXPECT_EQ(test, peer->next_primary[NPF_VI], PEER_FLEXIBLE - 1);
	bed_end(bed);
}

/* ---- migration ------------------------------------------------------------------- */

/**
 * struct pages - data as the engine hands it over
 * @sgt: the table
 * @nr: pages
 * @page: each from elsewhere
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

static void set_state(struct nvme_bed *bed, unsigned int vf, size_t size)
{
	struct peer_vf *v = &bed->peer->vf[vf];
	struct npf_state_header h = {
		.standard = { cpu_to_le64(2) },
		.vendor = { cpu_to_le64((size - sizeof(h)) / sizeof(u32) - 2) },
	};
	size_t i;

	v->size = size;
	memcpy(v->state, &h, sizeof(h));
	for (i = sizeof(h); i < size; i++)
		v->state[i] = i * 7 + (i >> 8) + (i >> 16);
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

/* What the engine does with @piece bytes at a time, from one VF to the other */
static int move(struct nvme_bed *bed, size_t piece)
{
	struct pages *p = pages_new(bed->test, piece);
	struct vfio_pci_mig_buf buf = { .sgt = p->sgt };
	u64 size;
	int ret;

	ret = npf_mig_ops.state_size(&bed->fn[FROM], &size);
	while (!ret && !buf.last) {
		buf.len = piece;
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

static struct nvme_bed *bed_both(struct kunit *test, size_t size)
{
	struct nvme_bed *bed = bed_warm(test);

	KUNIT_ASSERT_EQ(test, enable(bed, FROM, 1), 0);
	KUNIT_ASSERT_EQ(test, enable(bed, TO, 1), 0);
	set_state(bed, FROM, size);
	set_state(bed, TO, sizeof(struct npf_state_header) + 8);
	return bed;
}

static bool equal(struct nvme_bed *bed)
{
	const struct peer_vf *a = &bed->peer->vf[FROM], *b = &bed->peer->vf[TO];

	return a->size == b->size && !memcmp(a->state, b->state, a->size);
}

static void migrate(struct kunit *test)
{
	static const size_t size[] = { 56, 4092, 4096, 4100, 8192, 8196, 65536, 65540, 262144,
				       299996 };
	static const size_t piece[] = { 4096, 8192, 12288, PIECE };
	struct nvme_bed *bed = bed_both(test, 56);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		for (k = 0; k < ARRAY_SIZE(piece); k++) {
			set_state(bed, FROM, size[i]);
			set_state(bed, TO, 60);
			KUNIT_EXPECT_EQ(test, stop(bed, FROM), 0);
			KUNIT_EXPECT_TRUE(test, bed->peer->vf[FROM].suspended);
			KUNIT_EXPECT_EQ(test, stop(bed, TO), 0);
			KUNIT_EXPECT_EQ_MSG(test, move(bed, piece[k]), 0, "%zu bytes by %zu",
					    size[i], piece[k]);
			KUNIT_EXPECT_TRUE_MSG(test, equal(bed), "%zu bytes by %zu", size[i],
					      piece[k]);
			KUNIT_EXPECT_EQ(test, go(bed, TO), 0);
			KUNIT_EXPECT_FALSE(test, bed->peer->vf[TO].suspended);
			KUNIT_EXPECT_EQ(test, go(bed, FROM), 0);
		}
	}
	bed_end(bed);
}

/* Each command of a migration goes wrong in each way, and then it goes well */
static void migrate_faults(struct kunit *test)
{
	struct nvme_bed *bed = bed_both(test, 10000);
	unsigned int nth, i;
	bool ended;
	int ret;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (faults[i].fatal)
			continue;
		for (nth = 0; nth < 50; nth++) {
			KUNIT_ASSERT_EQ(test, enable(bed, FROM, 1), 0);
			KUNIT_ASSERT_EQ(test, enable(bed, TO, 1), 0);
			set_state(bed, TO, 60);
			nvme_peer_fault(bed->peer, 0, nth, faults[i].act, faults[i].status);
			ret = stop(bed, FROM) ?: stop(bed, TO) ?: move(bed, 4096);
			ended = bed->peer->count <= nth;
			nvme_peer_arm(bed->peer);
			if (ended) {
				KUNIT_EXPECT_EQ(test, ret, 0);
				KUNIT_EXPECT_TRUE(test, equal(bed));
				break;
			}
			KUNIT_EXPECT_EQ_MSG(test, ret, faults[i].error, "%s, command %u",
					    faults[i].name, nth);
			/* All or nothing */
			KUNIT_EXPECT_EQ_MSG(test, equal(bed), !ret, "%s, command %u",
					    faults[i].name, nth);
			KUNIT_EXPECT_EQ(test, stop(bed, FROM) ?: stop(bed, TO) ?: move(bed, 4096),
					0);
			KUNIT_EXPECT_TRUE(test, equal(bed));
			KUNIT_EXPECT_EQ(test, go(bed, TO) ?: go(bed, FROM), 0);
		}
		/* 4 x suspend, size, 3 x (size, save, load) */
		KUNIT_EXPECT_EQ(test, nth, 14U);
	}
	bed_end(bed);
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

static void bad_state(struct kunit *test)
{
	struct nvme_bed *bed = bed_both(test, 10000);
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
	/* The piece itself: it says that the controller was not suspended */
	nvme_peer_fault(bed->peer, NPF_MIGRATION_RECEIVE, 1, PEER_MANGLES, 0);
	KUNIT_EXPECT_EQ(test, npf_mig_ops.save(&bed->fn[FROM], &buf), -EPROTO);
	nvme_peer_arm(bed->peer);
	KUNIT_EXPECT_EQ(test, npf_mig_ops.save(&bed->fn[FROM], &buf), 0);
	KUNIT_EXPECT_EQ(test, buf.len, (size_t)4096);
	KUNIT_EXPECT_FALSE(test, buf.last);
	pages_free(test, p);
	bed_end(bed);
}

static void bad_pieces(struct kunit *test)
{
	struct nvme_bed *bed = bed_both(test, 10000);
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
	bed_end(bed);
}

/* ---- dirty pages ----------------------------------------------------------------- */

static void track_abilities(struct kunit *test)
{
	struct nvme_bed *bed = bed_cold(test);
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
	bed_end(bed);
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
	return npf_log_ops.changes(&bed->fn[FROM], NULL);
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
	struct nvme_bed *bed = bed_warm(test);

	KUNIT_ASSERT_EQ(test, enable(bed, FROM, 1), 0);
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
	bed_end(bed);
}

/* Each command goes wrong in each way, and then it goes well */
static void track_faults(struct kunit *test)
{
	struct nvme_bed *bed = bed_tracking(test);
	unsigned int i, step;
	int ret;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (faults[i].fatal)
			continue;
		for (step = 0; step < 4; step++) {
			u8 opcode = step == 1 || step == 2 ? NPF_TRACK_RECEIVE : NPF_TRACK_SEND;

			if (!step)
				KUNIT_EXPECT_EQ(test, untrack(bed), 0);
			write_some(bed);
			bed->peer->per_list = 1;
			/* Start, the first list, one in the middle, stop */
			nvme_peer_fault(bed->peer, opcode, step == 2, faults[i].act,
					faults[i].status);
			ret = !step ? track(bed, 12) : step == 3 ? untrack(bed) :
			      read_changes(bed);
			/* "invalid controller": it tracks already, and is told to begin anew */
			KUNIT_EXPECT_EQ_MSG(test, ret, !step && faults[i].error == -ENODEV ? 0 :
					    faults[i].error, "%s, step %u", faults[i].name, step);
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
	bed_end(bed);
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
	bed_end(bed);
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
	bed_end(bed);
}

static struct kunit_case nvme_cases[] = {
	KUNIT_CASE(start),
	KUNIT_CASE(never_stops),
	KUNIT_CASE(many),
	KUNIT_CASE(outcomes),
	KUNIT_CASE(abilities),
	KUNIT_CASE(bad_pages),
	KUNIT_CASE(resources),
	KUNIT_CASE(half_enabled),
	KUNIT_CASE(primary),
	KUNIT_CASE(migrate),
	KUNIT_CASE(migrate_faults),
	KUNIT_CASE(bad_state),
	KUNIT_CASE(bad_pieces),
	KUNIT_CASE(track_abilities),
	KUNIT_CASE(track_changes),
	KUNIT_CASE(track_faults),
	KUNIT_CASE(track_anew),
	KUNIT_CASE(track_bad_lists),
	{}
};

static struct kunit_suite nvme_suite = {
	.name = "mdev-pci-nvme",
	.test_cases = nvme_cases,
};

kunit_test_suite(nvme_suite);
