/* SPDX-License-Identifier: GPL-2.0-only */
/* The migration region (v1), for vfio-mig.c. */
#define V1(member) offsetof(struct v1_regs, member)

static void need_region(void)
{
	if (source.v1.size)
		return;
	vdev_look(&source);
	if (!source.v1.size)
		bad("there is no migration region");
	if (!source.v1_mapped || source.v1_data + source.v1_mapped > source.v1.size)
		bad("its mappable section is %llu + %llu of %llu bytes",
		    (unsigned long long)source.v1_data, (unsigned long long)source.v1_mapped,
		    (unsigned long long)source.v1.size);
}

static void do_v1_state(const char *value, const char *wanted)
{
	need_region();
	expect(v1_state(&source, strtoul(value, NULL, 0)), wanted);
	engine_ready = false;
}

static void do_v1_is(uint64_t off, size_t width, const char *wanted)
{
	uint64_t value = 0;
	int err;

	need_region();
	err = v1_get(&source, off, &value, width);
	if (err)
		bad("%s", errno_name(err));
	if (!wanted || value != strtoull(wanted, NULL, 0))
		bad("it is %llu", (unsigned long long)value);
}

/* Any access, right or wrong; the errno */
static int v1_access(uint64_t off, void *buf, size_t width, bool write)
{
	ssize_t n = write ? pwrite(source.fd, buf, width, source.v1.at + off) :
			    pread(source.fd, buf, width, source.v1.at + off);

	if (n >= 0 && n != (ssize_t)width)
		bad("%zd bytes of %zu at 0x%llx", n, width, (unsigned long long)off);
	return n < 0 ? errno : 0;
}

/* OFFSET:WIDTH, read and written: for accesses that must be refused */
static void v1_touch(const char *off, const char *width, const char *wanted)
{
	static uint8_t buf[64];
	size_t n = strtoul(width, NULL, 0);

	need_region();
	if (n > sizeof(buf))
		bad("too wide");
	if (*off != 'w')
		expect(v1_access(strtoull(off, NULL, 0), buf, n, false), wanted);
	expect(v1_access(strtoull(off + (*off == 'w'), NULL, 0), buf, n, true), wanted);
}

/* Nothing but the data section can be mapped */
static void v1_nomap(void)
{
	need_region();
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, source.fd, source.v1.at) != MAP_FAILED)
		bad("the registers can be mapped");
	if (mmap(NULL, source.v1_mapped + 4096, PROT_READ, MAP_SHARED, source.fd,
		 source.v1.at + source.v1_data) != MAP_FAILED)
		bad("more than the region can be mapped");
}

static void v1_read(const char *path, bool more, bool mapped, const char *wanted)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (more ? O_APPEND : O_TRUNC), 0600);
	struct bytes b = { 0 };
	int ret;

	need_region();
	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	do {
		b.n = 0;
		ret = v1_step(&source, &b, mapped);
		if (ret > 0 && !b.n)
			bad("pending_bytes is not 0, but there is no data");
		if (write(fd, b.at, b.n) != (ssize_t)b.n)
			bad("%s: %s", path, strerror(errno));
	} while (ret > 0);
	close(fd);
	free(b.at);
	expect(-ret, wanted);
}

static void v1_write(const char *path, bool mapped, const char *wanted)
{
	static uint8_t buf[300000];
	struct bytes b = { .at = buf };
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	need_region();
	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	while (!err && (n = read(fd, buf, sizeof(buf))) > 0) {
		b.n = n;
		err = v1_write_all(&source, &b, mapped);
	}
	close(fd);
	expect(err, wanted);
	engine_ready = false;
	ring_pos = 0;
}
