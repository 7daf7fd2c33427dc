// SPDX-License-Identifier: GPL-2.0-only
/* The bed: see nvme_bed.h. */
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "nvme_bed.h"

/* Each way in which a command goes wrong */
const struct nvme_fault nvme_faults[NVME_NR_FAULTS] = {
	{ "invalid opcode", PEER_FAILS, NVME_SC_INVALID_OPCODE, -EOPNOTSUPP },
	{ "invalid field, don't retry", PEER_FAILS, 0x4000 | NVME_SC_INVALID_FIELD, -EINVAL },
	{ "internal error", PEER_FAILS, NVME_SC_INTERNAL, -EIO },
	{ "out of sequence", PEER_FAILS, NVME_SC_CMD_SEQ_ERROR, -EPROTO },
	{ "invalid controller", PEER_FAILS, NVME_SC_CTRL_ID_INVALID, -ENXIO },
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

/**
 * nvme_bed_type() - the type with so many I/O queues
 * @bed: the bed
 * @queues: how many
 *
 * Return: the type, or NULL.
 */
const struct mdev_pci_type *nvme_bed_type(struct nvme_bed *bed, unsigned int queues)
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

static struct pci_dev *new_pdev(struct kunit *test, const char *name, unsigned int nr)
{
	struct pci_dev *pdev = kzalloc(sizeof(*pdev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	device_initialize(&pdev->dev);
	pdev->dev.release = release;
	KUNIT_ASSERT_EQ(test, dev_set_name(&pdev->dev, "%s%u", name, nr), 0);
	pdev->error_state = pci_channel_io_normal;
	pdev->resource[0].start = 0x10000;
	pdev->resource[0].end = 0x10000 + PEER_REGS - 1;
	return pdev;
}

/**
 * nvme_bed_cold() - a PF whose queue was not started yet
 * @test: the test
 *
 * Return: the bed; ends by nvme_bed_end().
 */
struct nvme_bed *nvme_bed_cold(struct kunit *test)
{
	struct nvme_bed *bed = kunit_kzalloc(test, sizeof(*bed), GFP_KERNEL);
	struct pci_dev *pf;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, bed);
	bed->test = test;
	bed->peer = nvme_peer_begin(test);
	pf = new_pdev(test, "nvme-peer", 0);
	mutex_init(&bed->npf.virt_lock);
	pci_set_drvdata(pf, &bed->npf);
	for (i = 0; i < PEER_NR_VFS; i++)
		bed->fn[i] = (struct vfio_pci_fn) {
			.pf = pf, .pdev = new_pdev(test, "nvme-peer-vf", i), .id = i
		};
	KUNIT_ASSERT_EQ(test, npf_queue_init(&bed->npf.queue, pf, bed->peer->regs, failed), 0);
	return bed;
}

/**
 * nvme_bed_warm() - a PF that has been bound
 * @test: the test
 *
 * Return: the bed; ends by nvme_bed_end().
 */
struct nvme_bed *nvme_bed_warm(struct kunit *test)
{
	struct nvme_bed *bed = nvme_bed_cold(test);

	KUNIT_ASSERT_EQ(test, npf_queue_start(&bed->npf.queue), 0);
	KUNIT_ASSERT_EQ(test, npf_identify(&bed->npf), 0);
	KUNIT_ASSERT_EQ(test, npf_set_types(&bed->npf), 3);
	return bed;
}

/**
 * nvme_bed_both() - two VFs with a state each, of which one is to move
 * @test: the test
 * @size: bytes of the state of FROM
 *
 * Return: the bed; ends by nvme_bed_end().
 */
struct nvme_bed *nvme_bed_both(struct kunit *test, size_t size)
{
	struct nvme_bed *bed = nvme_bed_warm(test);

	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, FROM, 1), 0);
	KUNIT_ASSERT_EQ(test, nvme_bed_enable(bed, TO, 1), 0);
	nvme_bed_set_state(bed, FROM, size);
	nvme_bed_set_state(bed, TO, sizeof(struct npf_state_header) + 8);
	return bed;
}

/**
 * nvme_bed_end() - the PF is unbound, and has left nothing behind
 * @bed: the bed
 */
void nvme_bed_end(struct nvme_bed *bed)
{
	struct pci_dev *pf = bed->npf.queue.pdev;
	unsigned int i;

	/* What was enabled: mdevs go first */
	for (i = 0; i < PEER_NR_VFS; i++)
		if (bed->fn[i].priv)
			nvme_bed_disable(bed, i);
	npf_queue_stop(&bed->npf.queue);
	KUNIT_EXPECT_FALSE(bed->test, nvme_peer_get32(bed->peer, NVME_REG_CC) & NVME_CC_ENABLE);
	npf_queue_free(&bed->npf.queue);
	nvme_peer_end();
	for (i = 0; i < PEER_NR_VFS; i++)
		put_device(&bed->fn[i].pdev->dev);
	put_device(&pf->dev);
}

/**
 * nvme_bed_enable() - an mdev is created
 * @bed: the bed
 * @vf: of this VF
 * @queues: with so many I/O queues
 *
 * Return: 0 or an errno.
 */
int nvme_bed_enable(struct nvme_bed *bed, unsigned int vf, unsigned int queues)
{
	struct mdev_pci_limits limits = {};

	return npf_parent_ops.enable(&bed->fn[vf], nvme_bed_type(bed, queues), &limits);
}

/**
 * nvme_bed_disable() - and removed
 * @bed: the bed
 * @vf: the VF
 */
void nvme_bed_disable(struct nvme_bed *bed, unsigned int vf)
{
	npf_parent_ops.disable(&bed->fn[vf]);
	bed->fn[vf].priv = NULL;
}

/**
 * nvme_bed_has() - the controller agrees on what a VF has
 * @bed: the bed
 * @vf: the VF
 * @number: flexible resources of each kind
 * @online: whether it is
 */
void nvme_bed_has(struct nvme_bed *bed, unsigned int vf, unsigned int number, bool online)
{
	const struct peer_vf *v = &bed->peer->vf[vf];

	KUNIT_EXPECT_EQ(bed->test, v->number[NPF_VQ], number);
	KUNIT_EXPECT_EQ(bed->test, v->number[NPF_VI], number);
	KUNIT_EXPECT_EQ(bed->test, v->online, online);
}

/**
 * nvme_bed_set_state() - the controller that is a VF gets a state
 * @bed: the bed
 * @vf: the VF
 * @size: bytes of the state
 */
void nvme_bed_set_state(struct nvme_bed *bed, unsigned int vf, size_t size)
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

/**
 * nvme_bed_equal() - have both VFs the same state?
 * @bed: the bed
 *
 * Return: true: yes.
 */
bool nvme_bed_equal(struct nvme_bed *bed)
{
	const struct peer_vf *a = &bed->peer->vf[FROM], *b = &bed->peer->vf[TO];

	return a->size == b->size && !memcmp(a->state, b->state, a->size);
}
