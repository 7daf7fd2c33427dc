// SPDX-License-Identifier: GPL-2.0-only
/* Descriptions of GPU RAM and ATSD registers: the DVSEC as docs/nvlink2.rst has it, byte by byte */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nvlink2/desc.h"
#include "tap.h"

#define PAGE	4096ULL
#define ALL	(~0ULL)

/* From the document, not from the header */
static struct nvlink2_dvsec gpu(void)
{
	return (struct nvlink2_dvsec) { .dw = {
		0x00010023, 0x040110de, 0x00514e32, 0x324c564e,	/* WB, tgt, ready */
		0x00000000, 1500, 0x00000000, 0x00000060,	/* base 0x6000000000 */
		0x80000000, 0x00000003, 0x12340000, 0x00000005,	/* 14 GiB */
		0, 0, 0, 0,
	} };
}

static struct nvlink2_dvsec link(void)
{
	return (struct nvlink2_dvsec) { .dw = {
		0x00010023, 0x04011014, 0x00324e32, 0x324c564e,	/* tgt, ATSD */
		0, 0, 0, 0,
		0, 0, 0x12340000, 0x00000005,
		0xfe00a000, 0x00000007, 9, 0,
	} };
}

static int read_it(const struct nvlink2_dvsec *dvsec, struct vfio_pci_nvlink2_desc *desc,
		   const char **why)
{
	bool ready;
	int ret;

	*why = NULL;
	ret = nvlink2_parse_dvsec(dvsec, desc, &ready, why);
	return ret ? ret : nvlink2_check(desc, PAGE, why);
}

static void refused(struct nvlink2_dvsec dvsec, int wanted, const char *words)
{
	struct vfio_pci_nvlink2_desc desc;
	const char *why;
	int ret = read_it(&dvsec, &desc, &why);

	CHECK(ret == wanted, "%d, wanted %d (%s)", ret, wanted, words);
	CHECK(why && strstr(why, words), "the reason is '%s', not '%s'", why ? why : "", words);
}

/* A dword of the DVSEC is another one; checks and goes back from the test if not refused */
#define WITH(make, at, value, err, words) do {				\
	struct nvlink2_dvsec _d = make();				\
	_d.dw[(at) / 4] = (value);					\
	refused(_d, err, words);					\
	CHECK_HELPER();							\
} while (0)

static void a_gpu(void)
{
	struct nvlink2_dvsec dvsec = gpu();
	struct vfio_pci_nvlink2_desc d;
	const char *why;
	bool ready = false;

	CHECK(nvlink2_dvsec_is_ours(&dvsec), "signature");
	CHECK(!nvlink2_parse_dvsec(&dvsec, &d, &ready, &why), "parsed");
	CHECK(!nvlink2_check(&d, PAGE, &why), "checked: %s", why);
	CHECK(d.role == VFIO_PCI_NVLINK2_GPU && d.cache == VFIO_PCI_NVLINK2_WB, "role, cache");
	CHECK(d.base == 0x6000000000ULL && d.size == 0x380000000ULL, "RAM");
	CHECK(d.has_tgt && d.tgt == 0x512340000ULL, "tgt");
	CHECK(ready && d.ready_ms == 1500, "ready");
	CHECK(!d.has_atsd && !d.link_speed, "nothing of a bridge's");
}

static void a_link(void)
{
	struct nvlink2_dvsec dvsec = link();
	struct vfio_pci_nvlink2_desc d;
	const char *why;
	bool ready = true;

	CHECK(!nvlink2_parse_dvsec(&dvsec, &d, &ready, &why), "parsed");
	CHECK(!nvlink2_check(&d, PAGE, &why), "checked: %s", why);
	CHECK(d.role == VFIO_PCI_NVLINK2_LINK && d.has_atsd, "role, ATSD");
	CHECK(d.atsd == 0x7fe00a000ULL && d.link_speed == 9, "ATSD, speed");
	CHECK(d.has_tgt && d.tgt == 0x512340000ULL && !ready, "tgt, ready");
	dvsec.dw[2] = 0x00124e32;
	dvsec.dw[12] = 5;	/* means nothing without the flag */
	CHECK(!read_it(&dvsec, &d, &why) && !d.has_atsd, "without ATSD: %s", why);
}

static void caches(void)
{
	for (u32 cache = 0; cache < 3; cache++) {
		struct nvlink2_dvsec dvsec = gpu();
		struct vfio_pci_nvlink2_desc d;
		const char *why;

		dvsec.dw[2] |= cache << 18;
		CHECK(!read_it(&dvsec, &d, &why) && d.cache == cache, "%u", cache);
	}
	WITH(gpu, 0x08, 0x005d4e32, -EINVAL, "cacheability");
}

static void not_ours(void)
{
	struct nvlink2_dvsec dvsec = gpu();

	for (int bit = 0; bit < 32; bit++) {
		dvsec.dw[3] = 0x324c564eU ^ 1U << bit;
		CHECK(!nvlink2_dvsec_is_ours(&dvsec), "bit %d of the signature", bit);
	}
}

static void layouts(void)
{
	WITH(gpu, 0x04, 0x040010de, -EOPNOTSUPP, "revision");
	WITH(gpu, 0x04, 0x040210de, -EOPNOTSUPP, "revision");
	WITH(gpu, 0x04, 0x03c110de, -EMSGSIZE, "length");
	WITH(gpu, 0x04, 0x044110de, -EMSGSIZE, "length");
	for (int bit = 7; bit < 16; bit++)
		WITH(gpu, 0x08, 0x00514e32 | 0x10000U << bit, -EINVAL, "reserved");
	WITH(gpu, 0x08, 0x00504e32, -EINVAL, "neither GPU nor bridge");
	WITH(gpu, 0x08, 0x00534e32, -EINVAL, "neither GPU nor bridge");
}

static void what_is_missing(void)
{
	WITH(gpu, 0x08, 0x00414e32, -EFAULT, "no target address");
	WITH(link, 0x08, 0x00224e32, -EFAULT, "no target address");
	WITH(link, 0x38, 0, -EFAULT, "no link speed");
}

static void times(void)
{
	struct nvlink2_dvsec dvsec = gpu();
	struct vfio_pci_nvlink2_desc d;
	const char *why;

	dvsec.dw[5] = 60000;
	CHECK(!read_it(&dvsec, &d, &why) && d.ready_ms == 60000, "a minute");
	WITH(gpu, 0x14, 60001, -ERANGE, "more than a minute");
	WITH(gpu, 0x14, 0xffffffff, -ERANGE, "more than a minute");
}

static void ram_refused(u64 base, u64 size, int err, const char *words)
{
	struct nvlink2_dvsec dvsec = gpu();

	dvsec.dw[6] = base;
	dvsec.dw[7] = base >> 32;
	dvsec.dw[8] = size;
	dvsec.dw[9] = size >> 32;
	refused(dvsec, err, words);
}

static void ram(void)
{
	struct vfio_pci_nvlink2_desc d = { .role = VFIO_PCI_NVLINK2_GPU, .has_tgt = true };
	const char *why;

	ram_refused(0x6000000000, 0, -EINVAL, "no size");
	CHECK_HELPER();
	ram_refused(0x6000000800, PAGE, -EINVAL, "whole pages");
	CHECK_HELPER();
	ram_refused(0x6000000000, PAGE + 1, -EINVAL, "whole pages");
	CHECK_HELPER();
	ram_refused(0, (1ULL << 40) + PAGE, -E2BIG, "larger than a region");
	CHECK_HELPER();
	ram_refused(ALL - PAGE + 1, 2 * PAGE, -EOVERFLOW, "beyond the end");
	CHECK_HELPER();
	ram_refused(ALL - 0xfffff, 1ULL << 40, -EOVERFLOW, "beyond the end");
	CHECK_HELPER();
	d.base = 1ULL << 40;
	d.size = 1ULL << 40;
	CHECK(!nvlink2_check(&d, PAGE, &why), "the largest: %s", why);
	d.base = ALL - PAGE + 1;
	d.size = PAGE;
	CHECK(!nvlink2_check(&d, PAGE, &why), "the last page: %s", why);
	d.base = 0x60000f0000;
	CHECK(!nvlink2_check(&d, PAGE, &why), "on pages of 4 KiB: %s", why);
	CHECK(nvlink2_check(&d, 65536, &why) == -EINVAL, "not on pages of 64 KiB");
	WITH(gpu, 0x08, 0x00714e32, -EINVAL, "GPU cannot have ATSD");
}

static void atsd(void)
{
	WITH(link, 0x30, 0xfe00a800, -EINVAL, "do not begin on a page");
	WITH(link, 0x20, 0x1000, -EINVAL, "bridge cannot have RAM");
	struct nvlink2_dvsec dvsec = link();

	dvsec.dw[12] = 0;
	dvsec.dw[13] = 0;
	refused(dvsec, -EINVAL, "have no address");
}

static void properties(void)
{
	u64 base = 0x6000000000, size = 1 << 30;
	struct vfio_pci_nvlink2_desc d;
	const char *why = NULL;

	CHECK(nvlink2_parse_properties(NULL, NULL, &d, &why) == -ENODEV && !why, "neither");
	CHECK(nvlink2_parse_properties(&base, NULL, &d, &why) == -EINVAL, "no size");
	CHECK(strstr(why, "nvidia,gpu-mem-size is missing"), "%s", why);
	CHECK(nvlink2_parse_properties(NULL, &size, &d, &why) == -EINVAL, "no base");
	CHECK(strstr(why, "nvidia,gpu-mem-base-pa is missing"), "%s", why);
	CHECK(!nvlink2_parse_properties(&base, &size, &d, &why), "both");
	CHECK(d.role == VFIO_PCI_NVLINK2_GPU && d.base == base && d.size == size, "RAM");
	CHECK(!d.has_tgt && !d.has_atsd, "nothing else");
	CHECK(!nvlink2_check(&d, PAGE, &why), "checked: %s", why);
}

static void clips(void)
{
	u64 n;

	CHECK(!nvlink2_clip(0, 100, 4096, &n) && n == 100, "inside");
	CHECK(!nvlink2_clip(4095, 100, 4096, &n) && n == 1, "across the end");
	CHECK(nvlink2_clip(4096, 1, 4096, &n) == -EINVAL, "behind it");
	CHECK(nvlink2_clip(0, 1, 0, &n) == -EINVAL, "an empty region");
	CHECK(!nvlink2_clip(1, ALL, 4096, &n) && n == 4095, "overflow");
}

static void registers(void)
{
	for (u64 pos = 0; pos < 32; pos++)
		for (u64 n = 0; n < 32; n++)
			CHECK(nvlink2_atsd_access(pos, n) ==
			      ((n == 4 && pos % 4 == 0) || (n == 8 && pos % 8 == 0)),
			      "%d bytes at %d", (int)n, (int)pos);
}

static void mappings(void)
{
	CHECK(nvlink2_mmap_fits(0, 4, 4 * PAGE, PAGE), "all of it");
	CHECK(nvlink2_mmap_fits(3, 1, 4 * PAGE, PAGE), "the last page");
	CHECK(!nvlink2_mmap_fits(3, 2, 4 * PAGE, PAGE), "one page too many");
	CHECK(!nvlink2_mmap_fits(4, 1, 4 * PAGE, PAGE), "behind it");
	CHECK(!nvlink2_mmap_fits(0, 1, 0, PAGE), "an empty region");
	CHECK(!nvlink2_mmap_fits(0, 0, 4 * PAGE, PAGE), "nothing");
	CHECK(!nvlink2_mmap_fits(2, ALL, 4 * PAGE, PAGE), "overflow");
	CHECK(!nvlink2_mmap_fits(ALL, 2, 4 * PAGE, PAGE), "overflow of the offset");
}

const struct test nvlink2_tests[] = {
	TEST(a_gpu, "nvlink2: the DVSEC of a GPU"),
	TEST(a_link, "nvlink2: the DVSEC of a bridge, with and without ATSD"),
	TEST(caches, "nvlink2: each cacheability"),
	TEST(not_ours, "nvlink2: another DVSEC"),
	TEST(layouts, "nvlink2: revision, length, reserved flags, no role"),
	TEST(what_is_missing, "nvlink2: no target address, no link speed"),
	TEST(times, "nvlink2: time until it is ready"),
	TEST(ram, "nvlink2: RAM that can't be"),
	TEST(atsd, "nvlink2: ATSD registers that can't be"),
	TEST(properties, "nvlink2: properties of a firmware node"),
	TEST(clips, "nvlink2: reading ends at the region's end"),
	TEST(registers, "nvlink2: ATSD registers are accessed whole or not at all"),
	TEST(mappings, "nvlink2: mappings end at the region's end"),
	{}
};
