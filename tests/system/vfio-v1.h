/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The migration region (v1), for vfio-mig.c: its registers, and the protocol as QEMU 5.2 to
 * 7.2 speak it.
 */
#define V1(member) offsetof(struct vfio_device_migration_info, member)

static struct {
	uint64_t at, size;		/* the region in the device fd */
	uint64_t data, data_size;	/* what of it can be mapped */
	uint8_t *map;
} v1;

static void v1_caps(const uint8_t *info, const struct vfio_region_info *r)
{
	uint32_t type = 0, subtype = 0, off = r->cap_offset;
	uint64_t data = 0, size = 0;

	while (off) {
		const struct vfio_info_cap_header *h = (const void *)(info + off);

		if (h->id == VFIO_REGION_INFO_CAP_TYPE) {
			type = ((const struct vfio_region_info_cap_type *)h)->type;
			subtype = ((const struct vfio_region_info_cap_type *)h)->subtype;
		} else if (h->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			const struct vfio_region_info_cap_sparse_mmap *s = (const void *)h;

			data = s->areas[0].offset;
			size = s->nr_areas == 1 ? s->areas[0].size : 0;
		}
		off = h->next;
	}
	if (type != VFIO_REGION_TYPE_MIGRATION_DEPRECATED ||
	    subtype != VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED)
		return;
	v1.at = r->offset;
	v1.size = r->size;
	v1.data = data;
	v1.data_size = size;
}

static void v1_find(void)
{
	struct vfio_device_info dev = { .argsz = sizeof(dev) };

	if (v1.size)
		return;
	if (ioctl(device, VFIO_DEVICE_GET_INFO, &dev))
		bad("VFIO_DEVICE_GET_INFO: %s", strerror(errno));
	for (uint32_t i = VFIO_PCI_NUM_REGIONS; i < dev.num_regions && !v1.size; i++) {
		union {
			struct vfio_region_info r;
			uint8_t bytes[1024];
		} info = { .r = { .argsz = sizeof(info), .index = i } };

		if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
			bad("VFIO_DEVICE_GET_REGION_INFO %u: %s", i, strerror(errno));
		if (info.r.flags & VFIO_REGION_INFO_FLAG_CAPS)
			v1_caps(info.bytes, &info.r);
	}
	if (!v1.size)
		bad("there is no migration region");
	if (!v1.data_size || v1.data + v1.data_size > v1.size)
		bad("its mappable section is %llu + %llu of %llu bytes",
		    (unsigned long long)v1.data, (unsigned long long)v1.data_size,
		    (unsigned long long)v1.size);
}

/* Any access, right or wrong; the errno */
static int v1_access(uint64_t off, void *buf, size_t width, bool write)
{
	ssize_t n = write ? pwrite(device, buf, width, v1.at + off) :
			    pread(device, buf, width, v1.at + off);

	if (n >= 0 && n != (ssize_t)width)
		bad("%zd bytes of %zu at 0x%llx", n, width, (unsigned long long)off);
	return n < 0 ? errno : 0;
}

static int v1_get(uint64_t off, size_t width, uint64_t *value)
{
	*value = 0;
	return v1_access(off, value, width, false);
}

static int v1_put(uint64_t off, size_t width, uint64_t value)
{
	return v1_access(off, &value, width, true);
}

static void v1_state(const char *value, const char *wanted)
{
	v1_find();
	expect(v1_put(V1(device_state), 4, strtoul(value, NULL, 0)), wanted);
	engine_ready = false;
}

static void v1_is(uint64_t off, size_t width, const char *wanted)
{
	uint64_t value;
	int err;

	v1_find();
	err = v1_get(off, width, &value);
	if (err)
		bad("%s", errno_name(err));
	if (!wanted || value != strtoull(wanted, NULL, 0))
		bad("it is %llu", (unsigned long long)value);
}

/* OFFSET:WIDTH, read and written: for accesses that must be refused */
static void v1_touch(const char *off, const char *width, const char *wanted)
{
	static uint8_t buf[64];
	size_t n = strtoul(width, NULL, 0);

	v1_find();
	if (n > sizeof(buf))
		bad("too wide");
	if (*off != 'w')
		expect(v1_access(strtoull(off, NULL, 0), buf, n, false), wanted);
	expect(v1_access(strtoull(off + (*off == 'w'), NULL, 0), buf, n, true), wanted);
}

static uint8_t *v1_map(void)
{
	if (!v1.map)
		v1.map = mmap(NULL, v1.data_size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
			      v1.at + v1.data);
	if (v1.map == MAP_FAILED)
		bad("mmap of the data section: %s", strerror(errno));
	return v1.map;
}

/* Nothing but the data section can be mapped */
static void v1_nomap(void)
{
	v1_find();
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, v1.at) != MAP_FAILED)
		bad("the registers can be mapped");
	if (mmap(NULL, v1.data_size + 4096, PROT_READ, MAP_SHARED, device, v1.at + v1.data) !=
	    MAP_FAILED)
		bad("more than the region can be mapped");
}

/* One iteration: its bytes in @buf; 0: the data has ended */
static int v1_iteration(uint8_t *buf, size_t *n, bool mapped)
{
	uint64_t pending, again, state, off, size;
	int err;

	err = v1_get(V1(pending_bytes), 8, &pending) ?: v1_get(V1(pending_bytes), 8, &again) ?:
	      v1_get(V1(device_state), 4, &state);
	if (err)
		return err;
	if (pending != again && !(state & VFIO_DEVICE_STATE_V1_RUNNING))
		bad("pending_bytes changes by being read: %llu, %llu",
		    (unsigned long long)pending, (unsigned long long)again);
	*n = 0;
	if (!pending)
		return 0;
	err = v1_get(V1(data_offset), 8, &off) ?: v1_get(V1(data_size), 8, &size);
	if (err)
		return err;
	if (!size || size > v1.data_size || off < v1.data || off + size > v1.size)
		bad("pending %llu, but %llu bytes at 0x%llx", (unsigned long long)pending,
		    (unsigned long long)size, (unsigned long long)off);
	*n = size;
	if (!mapped)
		return v1_access(off, buf, size, false);
	memcpy(buf, v1_map() + (off - v1.data), size);
	return 0;
}

static void v1_read(const char *path, bool more, bool mapped, const char *wanted)
{
	static uint8_t buf[1 << 20];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (more ? O_APPEND : O_TRUNC), 0600);
	size_t n;
	int err;

	v1_find();
	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	do {
		err = v1_iteration(buf, &n, mapped);
		if (!err && write(fd, buf, n) != (ssize_t)n)
			bad("%s: %s", path, strerror(errno));
	} while (!err && n);
	close(fd);
	expect(err, wanted);
}

static int v1_give(const uint8_t *buf, size_t n, bool mapped)
{
	uint64_t off;
	int err = v1_get(V1(data_offset), 8, &off);

	if (err)
		return err;
	if (mapped)
		memcpy(v1_map() + (off - v1.data), buf, n);
	else
		err = v1_access(off, (void *)buf, n, true);
	return err ?: v1_put(V1(data_size), 8, n);
}

static void v1_write(const char *path, bool mapped, const char *wanted)
{
	static uint8_t buf[300000];
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	v1_find();
	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	while (!err && (n = read(fd, buf, sizeof(buf))) > 0)
		err = v1_give(buf, n, mapped);
	close(fd);
	expect(err, wanted);
	engine_ready = false;
	ring_pos = 0;
}
