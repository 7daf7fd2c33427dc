/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For vfio-mig.c: a function whose migration control the engine hides from its user, which tries
 * all ways to it.
 */

static void put_config(unsigned int at, uint32_t value)
{
	if (pwrite(source.fd, &value, 4, config.offset + at) != 4)
		bad("config space at 0x%x: %s", at, strerror(errno));
}

static uint32_t get_config(unsigned int at)
{
	uint32_t value;

	if (pread(source.fd, &value, 4, config.offset + at) != 4)
		bad("config space at 0x%x: %s", at, strerror(errno));
	return value;
}

static void memory_is(const char *on)
{
	if (!(get_config(4) & 2) != !strcmp(on, "off"))
		bad("the Command register reads 0x%x", get_config(4) & 0xffff);
}

/* Memory decoding, with bus mastering left on, as a driver turns it on and off */
static void memory(const char *on)
{
	uint16_t cmd = strcmp(on, "off") ? 0x6 : 0x4;

	if (pwrite(source.fd, &cmd, 2, config.offset + 4) != 2)
		bad("config space: %s", strerror(errno));
	memory_is(on);
}

static union {
	struct vfio_region_info r;
	uint8_t bytes[1024];
} region;

/* Into the above */
static void get_region(unsigned int index)
{
	region.r = (struct vfio_region_info){ .argsz = sizeof(region), .index = index };
	if (ioctl(source.fd, VFIO_DEVICE_GET_REGION_INFO, &region))
		bad("VFIO_DEVICE_GET_REGION_INFO %u: %s", index, strerror(errno));
}

static const struct vfio_region_info_cap_sparse_mmap *sparse_of(void)
{
	uint32_t at = region.r.flags & VFIO_REGION_INFO_FLAG_CAPS ? region.r.cap_offset : 0;

	while (at) {
		const struct vfio_info_cap_header *h = (const void *)(region.bytes + at);

		if (h->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			return (const void *)h;
		at = h->next;
	}
	return NULL;
}

/* What of BAR 0 can be mapped, from its beginning on */
static uint64_t mappable(void)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse;

	get_region(VFIO_PCI_BAR0_REGION_INDEX);
	sparse = sparse_of();
	return !sparse ? region.r.size : sparse->areas[0].offset ? 0 : sparse->areas[0].size;
}

static void cannot_map(uint64_t at, size_t len, const char *wanted)
{
	void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, source.fd, at);

	expect(map == MAP_FAILED ? errno : 0, wanted);
	/* Nor for reading alone, nor privately */
	map = mmap(NULL, len, PROT_READ, MAP_SHARED, source.fd, at);
	expect(map == MAP_FAILED ? errno : 0, wanted);
	if (mmap(NULL, len, PROT_READ, MAP_PRIVATE, source.fd, at) != MAP_FAILED)
		bad("it can be mapped privately");
}

static void no_ioeventfd(uint64_t at)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io), .flags = VFIO_DEVICE_IOEVENTFD_32, .offset = at, .data = 1,
		.fd = eventfd(0, EFD_CLOEXEC),
	};

	expect(ioctl(source.fd, VFIO_DEVICE_IOEVENTFD, &io) ? errno : 0, "EOPNOTSUPP");
	close(io.fd);
}

/* VFIO_DEVICE_FEATURE_DMA_BUF, 6.19: @nr ranges of @length bytes from @offset on -> errno or 0 */
static int dma_buf(unsigned int index, uint64_t offset, uint64_t length, unsigned int nr)
{
	struct {
		struct vfio_device_feature f;
		uint32_t region, open_flags, flags, nr;
		struct { uint64_t offset, length; } range[2];
	} buf = {
		.f = { .argsz = sizeof(buf), .flags = VFIO_DEVICE_FEATURE_GET | 11 },
		.region = index, .open_flags = O_CLOEXEC | O_RDWR, .nr = nr,
		.range = { { offset, length }, { offset + length, length } },
	};
	int fd = ioctl(source.fd, VFIO_DEVICE_FEATURE, &buf);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Does the kernel make dma-bufs? Not all that are new enough */
static bool has_dma_buf(void)
{
	return !v2_feature(&source, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET | 11, NULL, 0);
}

static void no_dma_buf(unsigned int index, uint64_t offset, uint64_t length, const char *wanted)
{
	expect(dma_buf(index, offset, length, 1), has_dma_buf() ? wanted : "ENOTTY");
}

/* One access of each width: reads as zero, may be written */
static void reads_zero(uint64_t at)
{
	for (unsigned int n = 1; n <= 8; n *= 2) {
		uint64_t value = ~0ULL;

		if (pwrite(source.fd, &value, n, at) != n)
			bad("write of %u bytes: %s", n, strerror(errno));
		if (pread(source.fd, &value, n, at) != n)
			bad("read of %u bytes: %s", n, strerror(errno));
		if (n < 8 ? value << (64 - 8 * n) : value)
			bad("%u bytes read 0x%llx", n, (unsigned long long)value);
	}
}

/* What begins before the range ends there */
static void is_cut(uint64_t bar, uint64_t start)
{
	static uint8_t buf[65536];
	ssize_t n;

	n = pread(source.fd, buf, 16, bar + start - 8);
	if (n != 8)
		bad("a read across its beginning: %zd (%s)", n, strerror(errno));
	n = pread(source.fd, buf, sizeof(buf), bar);
	if (n != (ssize_t)start)
		bad("a read of all before it: %zd", n);
}

/* A part of a BAR: hidden-part:BAR:OFFSET, up to the BAR's end */
static void hidden_part(unsigned int index, uint64_t offset)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse;
	uint64_t bar, size;

	get_region(index);
	bar = region.r.offset, size = region.r.size;
	sparse = sparse_of();
	if (!sparse || sparse->nr_areas != 1 || sparse->areas[0].offset ||
	    sparse->areas[0].size != offset)
		bad("the sparse mmap capability says something else");
	for (uint64_t at = offset; at < size; at += 8)
		reads_zero(bar + at);
	is_cut(bar, offset);
	cannot_map(bar, size, "EACCES");
	cannot_map(bar + offset, size - offset, "EACCES");
	cannot_map(bar + offset - 4096, 8192, "EACCES");
	no_ioeventfd(bar + offset + 0x24);
	no_ioeventfd(bar);
	no_dma_buf(index, offset, 4096, "EACCES");
	no_dma_buf(index, 0, size, "EACCES");
	no_dma_buf(index, offset - 4096, 8192, "EACCES");
	no_dma_buf(index, offset + (size - offset) / 2 / 4096 * 4096, 4096, "EACCES");
	/* Ends that overflow, and a range of two that is the control */
	no_dma_buf(index, -4096ULL, 8192, "EOVERFLOW");
	no_dma_buf(index, size, 4096, "EINVAL");
	expect(dma_buf(index, offset - 4096, 4096, 2), has_dma_buf() ? "EACCES" : "ENOTTY");
	/* All that is not the control */
	expect(dma_buf(index, 0, offset, 1), has_dma_buf() ? NULL : "ENOTTY");
}

/* In config space: no BAR, whatever is written and however it is read */
static void no_bar(unsigned int index)
{
	uint8_t header[64];

	for (unsigned int at = 0x10 + 4 * index; at < 0x18 + 4 * index; at += 4) {
		put_config(at, ~0U);
		if (get_config(at))
			bad("the BAR reads 0x%x", get_config(at));
		put_config(at, 0);
	}
	put_config(0x10 + 4 * index, ~0U);
	if (pread(source.fd, header, sizeof(header), config.offset) != sizeof(header))
		bad("config space: %s", strerror(errno));
	for (unsigned int i = 0; i < 8; i++) {
		if (header[0x10 + 4 * index + i])
			bad("byte %u of the BAR is 0x%x", i, header[0x10 + 4 * index + i]);
	}
	if (!(header[0] | header[1]) || (header[0x10] & 0xf) != 0xc)
		bad("what is around it is gone, too");
	for (unsigned int i = 0; i < 8; i++) {
		uint8_t byte = 1;

		if (pread(source.fd, &byte, 1, config.offset + 0x10 + 4 * index + i) != 1 || byte)
			bad("byte %u alone is 0x%x", i, byte);
	}
}

/* A BAR as a whole: hidden-bar:BAR:BYTES that it really has */
static void hidden_bar(unsigned int index, uint64_t bytes)
{
	uint64_t bar = (uint64_t)index << 40, value = 0;

	get_region(index);
	if (region.r.size || region.r.flags || region.r.offset != bar)
		bad("the region has 0x%llx bytes, flags 0x%x", (unsigned long long)region.r.size,
		    region.r.flags);
	for (uint64_t at = 0; at < bytes; at += 8) {
		expect(pread(source.fd, &value, 8, bar + at) == 8 ? 0 : errno, "EINVAL");
		expect(pwrite(source.fd, &value, 8, bar + at) == 8 ? 0 : errno, "EINVAL");
	}
	cannot_map(bar, bytes, "EINVAL");
	cannot_map(bar + 4096, 4096, "EINVAL");
	no_ioeventfd(bar + 0x24);
	no_dma_buf(index, 0, 4096, "EINVAL");
	no_bar(index);
}
