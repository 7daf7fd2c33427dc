// SPDX-License-Identifier: GPL-2.0-only
/* Buffers: memory and mapping, each of which may not be had. */
#include <linux/highmem.h>

#include "bed.h"
#include "buffer.h"
#include "fake_dma.h"

#define S(name)	VFIO_DEVICE_STATE_##name

static size_t sg_bytes(const struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;
	size_t n = 0;

	for_each_sgtable_sg(sgt, sg, i)
		n += sg->length;
	return n;
}

static void a_buffer_has_the_size_that_was_asked_for(struct kunit *test)
{
	static const size_t size[] = { 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 77777, SZ_1M };
	unsigned int i;

	fake_dma_begin(test);
	for (i = 0; i < ARRAY_SIZE(size); i++) {
		struct vfio_pci_mig_buf buf = {};

		KUNIT_ASSERT_EQ(test, mig_buf_alloc(&buf, size[i], NULL), 0);
		KUNIT_EXPECT_EQ(test, sg_bytes(&buf.sgt), size[i]);
		/* The table and the address are of the same memory, to its last byte */
		((u8 *)buf.vaddr)[size[i] - 1] = 0x77;
		sg_pcopy_to_buffer(buf.sgt.sgl, buf.sgt.orig_nents, &buf.status, 1, size[i] - 1);
		KUNIT_EXPECT_EQ(test, buf.status, 0x77);
		mig_buf_free(&buf);
		KUNIT_EXPECT_NULL(test, buf.vaddr);
		mig_buf_free(&buf);
	}
}

/* Memory may be contiguous for more bytes than a segment of the device may have */
static void segments_keep_to_the_devices_limit(struct kunit *test)
{
	static const unsigned int max[] = { 512, PAGE_SIZE, 3 * PAGE_SIZE, SZ_64K };
	struct device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	struct device_dma_parameters parms = {};
	struct scatterlist *sg;
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	dev->dma_parms = &parms;
	fake_dma_begin(test);
	for (i = 0; i < ARRAY_SIZE(max); i++) {
		struct vfio_pci_mig_buf buf = {};

		parms.max_segment_size = max[i];
		KUNIT_ASSERT_EQ(test, mig_buf_alloc(&buf, 16 * SZ_1M, dev), 0);
		KUNIT_EXPECT_EQ(test, sg_bytes(&buf.sgt), 16 * SZ_1M);
		for_each_sgtable_sg(&buf.sgt, sg, j)
			if (sg->length > max(max[i], PAGE_SIZE))
				break;
		KUNIT_EXPECT_EQ_MSG(test, j, buf.sgt.orig_nents, "a segment is too large for %u",
				    max[i]);
		mig_buf_free(&buf);
	}
}

static void a_failed_allocation_is_enomem(struct kunit *test)
{
	struct vfio_pci_mig_buf buf = {};

	fake_dma_begin(test);
	fake_dma_fail_alloc(1);
	KUNIT_EXPECT_EQ(test, mig_buf_alloc(&buf, 100, NULL), -ENOMEM);
	mig_buf_free(&buf);
}

static void fill(struct vfio_pci_mig_buf *buf)
{
	size_t i;

	for (i = 0; i < buf->size; i++)
		((u8 *)buf->vaddr)[i] = i % 251;
}

static bool is_filled(const struct vfio_pci_mig_buf *buf, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (((u8 *)buf->vaddr)[i] != i % 251)
			return false;
	return true;
}

static void a_larger_buffer_begins_with_the_smaller_one(struct kunit *test)
{
	static const size_t sizes[] = { PAGE_SIZE - 8, PAGE_SIZE - 7, 77777, SZ_1M, 3 * SZ_1M };
	struct vfio_pci_mig_buf buf = {
		.kind = VFIO_PCI_BUF_SG, .headroom = 8, .dir = DMA_TO_DEVICE,
	};
	const struct vfio_pci_mig_buf none = buf;
	u64 used = mig_buf_used();
	unsigned int i;

	fake_dma_begin(test);
	KUNIT_ASSERT_EQ(test, mig_buf_alloc(&buf, 5, NULL), 0);
	fill(&buf);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct vfio_pci_mig_buf new = none;
		size_t before = buf.size;

		fake_dma_fail_alloc(1);
		KUNIT_EXPECT_EQ(test, mig_buf_grow(&new, sizes[i], NULL, &buf), -ENOMEM);
		new = none;
		KUNIT_ASSERT_EQ(test, mig_buf_grow(&new, sizes[i], NULL, &buf), 0);
		mig_buf_free(&new);
		KUNIT_EXPECT_TRUE(test, is_filled(&buf, before));
		new = none;
		KUNIT_ASSERT_EQ(test, mig_buf_grow(&new, sizes[i], NULL, &buf), 0);
		mig_buf_replace(&buf, &new);
		KUNIT_EXPECT_NULL(test, new.mem);
		KUNIT_EXPECT_TRUE(test, is_filled(&buf, before));
		fill(&buf);
		KUNIT_ASSERT_EQ(test, mig_buf_list(&buf, sizes[i]), 0);
		KUNIT_EXPECT_EQ(test, sg_bytes(&buf.sgt), 8 + sizes[i]);
		KUNIT_EXPECT_EQ(test, mig_buf_used() - used, PAGE_ALIGN(8 + sizes[i]));
	}
	mig_buf_free(&buf);
	KUNIT_EXPECT_EQ(test, mig_buf_used(), used);
}

/* A session that does not begin leaves the device where it is; the next one does */
static void refuse(struct kunit *test, enum vfio_device_mig_state from,
		   enum vfio_device_mig_state to, unsigned int nth, bool map)
{
	struct bed *bed = bed_new(test, true);

	bed_go(bed, from);
	if (map)
		fake_dma_fail_map(nth);
	else
		fake_dma_fail_alloc(nth);
	KUNIT_EXPECT_EQ(test, bed_set_state(bed, to), map ? -EIO : -ENOMEM);
	bed_is(bed, from);
	KUNIT_EXPECT_FALSE(test, bed->fw->recording);
	bed_go(bed, to);
	bed_is(bed, to);
	bed_drop(bed);
}

static void no_session_begins_without_its_buffers(struct kunit *test)
{
	unsigned int nth;
	int map;

	for (map = 0; map < 2; map++)
		for (nth = 1; nth <= 2; nth++) {
			refuse(test, S(STOP), S(STOP_COPY), nth, map);
			refuse(test, S(STOP), S(RESUMING), nth, map);
			refuse(test, S(RUNNING), S(PRE_COPY), nth, map);
			refuse(test, S(RUNNING_P2P), S(PRE_COPY_P2P), nth, map);
		}
}

static struct kunit_case buffer_cases[] = {
	KUNIT_CASE(a_buffer_has_the_size_that_was_asked_for),
	KUNIT_CASE(segments_keep_to_the_devices_limit),
	KUNIT_CASE(a_failed_allocation_is_enomem),
	KUNIT_CASE(a_larger_buffer_begins_with_the_smaller_one),
	KUNIT_CASE(no_session_begins_without_its_buffers),
	{}
};

static struct kunit_suite buffer_suite = {
	.name = "vfio-pci-engine-buffer",
	.test_cases = buffer_cases,
};

kunit_test_suite(buffer_suite);
