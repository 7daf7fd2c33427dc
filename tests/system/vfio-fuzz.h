/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the threads of vfio-fuzz.c do. Each operation draws from random numbers of its own, so that
 * what follows it is the same whatever its outcome was.
 */
#define ARENA		(1 << 20)
#define FILES		6
#define MAPS		6
#define STREAM		(2 << 20)
#define REGIONS		16

#define DMA_IOVA	0x10000000ULL
#define DMA_SIZE	(1 << 20)
#define DMA_DESCS	32

static const char * const op_names[OP_NUMBER] = {
	"open", "state", "get-state", "feature", "data-read", "data-write", "data-other", "save",
	"load", "reset", "info", "irqs", "ioctl", "region", "v1", "mmap", "touch", "log", "dma", "group",
	"hostile", "sysfs", "fd", "inject",
};

/**
 * struct fuzzer - a thread
 * @nr: its number
 * @r: chooses its operations
 * @ops: how many
 * @arena: memory for arguments, with a page behind it that can't be accessed
 * @event: an eventfd
 * @map: mappings of regions
 */
struct fuzzer {
	unsigned int nr;
	struct random r;
	unsigned int ops;
	uint8_t *arena;
	int event;
	struct {
		volatile uint8_t *at;
		size_t size;
	} map[MAPS];
};

static struct hostile guest;

/* All threads': migration files, the regions, memory for DMA, and the last stream that was read */
static _Atomic int files[FILES] = { -1, -1, -1, -1, -1, -1 };
static struct {
	uint64_t offset, size;
} region[REGIONS];
static unsigned int nr_regions;
static uint64_t v1_offset, v1_size;
static uint8_t *dma;
static uint8_t stream[STREAM];
static _Atomic size_t stream_len;

static void count(enum op_number op, int err)
{
	shared->outcome[op][err < ERRNOS ? err : ERRNOS - 1]++;
}

/* The next operation, to be read when a round hangs */
static void tell(struct fuzzer *f, const char *fmt, ...)
{
	unsigned long n = shared->thread[f->nr].ops;
	char *did = shared->thread[f->nr].did[n % HISTORY];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(did, WORDS, fmt, ap);
	va_end(ap);
	shared->thread[f->nr].ops = n + 1;
}

/* An outcome: ret < 0 is errno's */
static long done(struct fuzzer *f, enum op_number op, long ret)
{
	unsigned long n = shared->thread[f->nr].ops;
	int err = ret < 0 ? errno : 0;

	count(op, err);
	if (opt.trace)
		printf("%u %lu %s %s: %s %ld\n", f->nr, n, op_names[op],
		       shared->thread[f->nr].did[(n - 1) % HISTORY], errno_name(err), ret);
	return ret;
}

static void map_memory(void)
{
	if (!dma) {
		dma = mmap(NULL, DMA_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (dma == MAP_FAILED)
			_exit(4);
	}
	vdev_map(&source, DMA_IOVA, dma, DMA_SIZE);
}

static bool is_v1(const uint8_t *info, const struct vfio_region_info *r)
{
	uint32_t off = r->flags & VFIO_REGION_INFO_FLAG_CAPS ? r->cap_offset : 0;

	while (off) {
		const struct vfio_info_cap_header *h = (const void *)(info + off);

		if (h->id == VFIO_REGION_INFO_CAP_TYPE)
			return ((const struct vfio_region_info_cap_type *)h)->type ==
			       VFIO_REGION_TYPE_MIGRATION_DEPRECATED;
		off = h->next;
	}
	return false;
}

static void find_regions(void)
{
	struct vfio_device_info dev = { .argsz = sizeof(dev) };

	if (ioctl(source.fd, VFIO_DEVICE_GET_INFO, &dev))
		_exit(4);
	nr_regions = dev.num_regions < REGIONS ? dev.num_regions : REGIONS;
	for (uint32_t i = 0; i < nr_regions; i++) {
		union {
			struct vfio_region_info r;
			uint8_t bytes[1024];
		} info = { .r = { .argsz = sizeof(info), .index = i } };

		region[i].size = 0;
		if (ioctl(source.fd, VFIO_DEVICE_GET_REGION_INFO, &info))
			continue;
		region[i].offset = info.r.offset;
		region[i].size = info.r.size;
		if (!is_v1(info.bytes, &info.r))
			continue;
		v1_offset = info.r.offset;
		v1_size = info.r.size;
	}
}

/* @len bytes that may be anything: mostly memory, at times half of it, a BAR, or nothing */
static void *some_memory(struct fuzzer *f, struct random *r, size_t len)
{
	unsigned int what = random_below(r, 100), slot = random_below(r, MAPS);
	uint64_t number = random_number(r), at = random_next(r);

	if (len > ARENA)
		len = ARENA;
	if (what < 60)
		return f->arena + ARENA - len;
	if (what < 82)
		return f->arena + at % (ARENA - len + 1);
	if (what < 87)
		return f->arena + ARENA - len / 2;
	if (what < 94 && f->map[slot].at)
		return (void *)(f->map[slot].at + at % f->map[slot].size);
	if (what < 97)
		return stream;
	return (void *)number;
}

/* Bytes for an argument, in front of the page that can't be accessed */
static void *argument(struct fuzzer *f, struct random *r, size_t len)
{
	uint32_t *p = (uint32_t *)(f->arena + ((ARENA - len) & ~7UL));

	for (size_t i = 0; i < (len + 3) / 4 && (uint8_t *)(p + i + 1) <= f->arena + ARENA; i++)
		p[i] = random_chance(r, 50) ? 0 : random_number(r);
	return p;
}

static size_t some_size(struct random *r)
{
	uint64_t n = random_below(r, ARENA + 1);

	switch (random_below(r, 3)) {
	case 0:
		return n % 64;
	case 1:
		return n % 8192;
	default:
		return n;
	}
}

static void keep_file(struct random *r, int fd)
{
	int old = atomic_exchange(&files[random_below(r, FILES)], fd);

	if (old >= 0)
		close(old);
}

static int some_file(struct random *r)
{
	unsigned int from = random_below(r, FILES);

	for (unsigned int i = 0; i < FILES; i++) {
		int fd = files[(from + i) % FILES];

		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* ---- states and migration files ------------------------------------------------------------ */

static long set_state(struct fuzzer *f, struct random *r, uint32_t state)
{
	uint8_t buf[sizeof(struct vfio_device_feature) +
		    sizeof(struct vfio_device_feature_mig_state)] = { 0 };
	struct vfio_device_feature *feature = (void *)buf;
	struct vfio_device_feature_mig_state *set = (void *)feature->data;
	long ret;

	feature->argsz = sizeof(buf);
	feature->flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
	set->device_state = state;
	set->data_fd = -1;
	tell(f, "to %u", state);
	ret = done(f, OP_STATE, ioctl(source.fd, VFIO_DEVICE_FEATURE, feature));
	if (ret < 0)
		return ret;
	shared->states[state & 15]++;
	if (set->data_fd >= 0)
		keep_file(r, set->data_fd);
	return set->data_fd;
}

static void do_state(struct fuzzer *f, struct random *r)
{
	set_state(f, r, random_chance(r, 95) ? 1 + random_below(r, 7) : random_number(r));
}

static void do_get_state(struct fuzzer *f, struct random *r)
{
	struct vfio_device_feature *feature = argument(f, r, sizeof(*feature) + 8);

	feature->argsz = sizeof(*feature) + 8;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
	tell(f, "get");
	done(f, OP_GET_STATE, ioctl(source.fd, VFIO_DEVICE_FEATURE, feature));
}

static void do_feature(struct fuzzer *f, struct random *r)
{
	size_t len = sizeof(struct vfio_device_feature) + random_below(r, 80);
	struct vfio_device_feature *feature = argument(f, r, len);
	uint32_t number = random_chance(r, 90) ? random_below(r, 14) : random_number(r);
	uint32_t how = random_below(r, 8) << 16;
	uint64_t where = random_number(r);
	long ret;

	if (random_chance(r, 80))
		how = 1 << (16 + random_below(r, 3));
	feature->argsz = random_chance(r, 80) ? len : random_number(r);
	feature->flags = number | how;
	if (random_chance(r, 2))
		feature->flags = random_number(r);
	tell(f, "%#x argsz %u", feature->flags, feature->argsz);
	ret = ioctl(source.fd, VFIO_DEVICE_FEATURE, random_chance(r, 97) ? feature : (void *)where);
	done(f, OP_FEATURE, ret);
	/* It may have been a state with a migration file, which is the user's to close */
	if (!ret && number == VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE &&
	    how & VFIO_DEVICE_FEATURE_SET) {
		int fd = ((struct vfio_device_feature_mig_state *)feature->data)->data_fd;

		if (fd > 2 && len >= sizeof(*feature) + 8)
			keep_file(r, fd);
	}
}

/* Keeps what it reads: that is what is loaded */
static ssize_t read_stream(int fd, size_t n)
{
	size_t at = stream_len;
	ssize_t got;

	if (n > STREAM - at)
		n = STREAM - at;
	got = read(fd, stream + at, n);
	if (got > 0) {
		stream_len = at + got;
		shared->read += got;
	}
	return got;
}

static void do_data_read(struct fuzzer *f, struct random *r)
{
	int fd = some_file(r);
	size_t n = some_size(r);
	struct iovec iov[3] = {
		{ some_memory(f, r, n), n }, { some_memory(f, r, 100), 100 }, { stream, n },
	};

	tell(f, "%zu of %d", n, fd);
	switch (random_below(r, 4)) {
	case 0:
		done(f, OP_DATA_READ, readv(fd, iov, 3));
		break;
	case 1:
		done(f, OP_DATA_READ, read(fd, iov[0].iov_base, n));
		break;
	case 2:
		done(f, OP_DATA_READ, preadv2(fd, iov, 1 + random_below(r, 3), -1,
					      random_below(r, 64)));
		break;
	default:
		done(f, OP_DATA_READ, read_stream(fd, n));
	}
}

static void do_data_write(struct fuzzer *f, struct random *r)
{
	int fd = some_file(r);
	size_t n = some_size(r), at = random_chance(r, 80) ? 0 : random_below(r, STREAM - ARENA);
	struct iovec iov[2] = { { stream + at, n }, { some_memory(f, r, n), n } };

	tell(f, "%zu to %d", n, fd);
	switch (random_below(r, 4)) {
	case 0:
		done(f, OP_DATA_WRITE, writev(fd, iov, 2));
		break;
	case 1:
		done(f, OP_DATA_WRITE, write(fd, iov[1].iov_base, n));
		break;
	case 2:
		done(f, OP_DATA_WRITE, pwritev2(fd, iov, 2, -1, random_below(r, 64)));
		break;
	default:
		done(f, OP_DATA_WRITE, write(fd, stream + at, n));
	}
}

static long other_data_call(struct fuzzer *f, struct random *r, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	uint32_t *info = argument(f, r, 24);
	uint64_t number = random_number(r);
	void *map;

	switch (random_below(r, 8)) {
	case 0:
		return lseek(fd, number, random_below(r, 5));
	case 1:
		return poll(&p, 1, 0);
	case 2:
		map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		return map == MAP_FAILED ? -1 : munmap(map, 4096);
	case 3:
		return ioctl(fd, number, info);
	case 4:
		return ftruncate(fd, number);
	case 5:
		return fsync(fd);
	default:
		*info = random_chance(r, 80) ? 24 : number;
		return ioctl(fd, _IO(VFIO_TYPE, VFIO_BASE + 21),
			     random_chance(r, 90) ? info : (void *)number);
	}
}

static void do_data_other(struct fuzzer *f, struct random *r)
{
	int fd = some_file(r);

	tell(f, "to %d", fd);
	done(f, OP_DATA_OTHER, other_data_call(f, r, fd));
}

/* In the right order: what others do meanwhile makes it wrong often enough */
static void do_save(struct fuzzer *f, struct random *r)
{
	bool precopy = random_chance(r, 50);
	long fd = set_state(f, r, precopy ? 6 : 3);
	size_t chunk = 4096 + random_below(r, STREAM);
	ssize_t n;

	if (fd < 0)
		return;
	stream_len = 0;
	tell(f, "from %ld by %zu", fd, chunk);
	while ((n = read_stream(fd, chunk)) > 0)
		;
	if (precopy && set_state(f, r, 3) >= -1) {
		while ((n = read_stream(fd, chunk)) > 0)
			;
	}
	shared->saved += !done(f, OP_SAVE, n);
	if (random_chance(r, 70))
		set_state(f, r, 2);
}

static void spoil(struct random *r, size_t len)
{
	for (unsigned int i = random_below(r, 3); i && len; i--) {
		size_t at = random_chance(r, 50) ? random_below(r, 300) : random_next(r);

		stream[at % len] ^= 1 << random_below(r, 8);
	}
}

static void do_load(struct fuzzer *f, struct random *r)
{
	size_t len = stream_len, at = 0, chunk = 4096 + random_below(r, STREAM);
	long fd = set_state(f, r, 4);
	ssize_t n = 1;

	if (fd < 0)
		return;
	if (random_chance(r, 50))
		spoil(r, len);
	if (random_chance(r, 20))
		len = len * random_below(r, 100) / 100;
	tell(f, "%zu to %ld by %zu", len, fd, chunk);
	while (n > 0 && at < len) {
		n = write(fd, stream + at, chunk < len - at ? chunk : len - at);
		at += n > 0 ? n : 0;
	}
	done(f, OP_LOAD, n);
	shared->written += at;
	if (set_state(f, r, 2) == -1 && n > 0 && len)
		shared->loaded++;
}

/* ---- the device ------------------------------------------------------------------------ */

static void do_reset(struct fuzzer *f, struct random *r)
{
	tell(f, "reset");
	done(f, OP_RESET, ioctl(source.fd, VFIO_DEVICE_RESET));
	if (random_chance(r, 90))
		hostile_enable(&guest);
}

static void do_info(struct fuzzer *f, struct random *r)
{
	static const unsigned long calls[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_QUERY_GFX_PLANE,
	};
	unsigned long call = calls[random_below(r, 5)];
	size_t len = 8 + random_below(r, 400);
	uint32_t *p = argument(f, r, len);

	*p = random_chance(r, 70) ? len & ~7UL : random_number(r);
	if (call == VFIO_DEVICE_GET_REGION_INFO && len >= 16)
		p[2] = random_chance(r, 90) ? random_below(r, 14) : random_number(r);
	tell(f, "%#lx argsz %u", call, *p);
	done(f, OP_INFO, ioctl(source.fd, call, p));
}

static void do_irqs(struct fuzzer *f, struct random *r)
{
	unsigned int n = random_chance(r, 80) ? 1 + random_below(r, 2) : random_below(r, 5);
	int32_t fd;
	size_t len = sizeof(struct vfio_irq_set) + n * 4;
	struct vfio_irq_set *set = argument(f, r, len);

	set->argsz = random_chance(r, 90) ? len : random_number(r);
	set->flags = random_chance(r, 90) ? 1U << random_below(r, 3) | 8U << random_below(r, 3) :
					    random_number(r);
	set->index = random_chance(r, 90) ? random_below(r, 6) : random_number(r);
	set->start = random_chance(r, 80) ? random_below(r, 3) : random_number(r);
	if (random_chance(r, 50)) {
		set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
		set->index = random_chance(r, 60) ? VFIO_PCI_MSIX_IRQ_INDEX : set->index;
		set->start = 0;
	}
	set->count = random_chance(r, 80) ? n : random_number(r);
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		for (unsigned int i = 0; i < n; i++) {
			fd = random_number(r);
			((int32_t *)set->data)[i] = random_chance(r, 80) ? f->event : fd;
		}
	}
	tell(f, "argsz %u flags %#x index %u start %u count %u", set->argsz, set->flags, set->index,
	     set->start, set->count);
	done(f, OP_IRQS, ioctl(source.fd, VFIO_DEVICE_SET_IRQS, set));
}

static void do_ioctl(struct fuzzer *f, struct random *r)
{
	unsigned int nr = random_chance(r, 90) ? 7 + random_below(r, 18) : random_below(r, 256);
	uint32_t *p = argument(f, r, 8 + random_below(r, 64));
	uint64_t number = random_number(r);

	/* IRQs and resets have operations of their own, with better arguments */
	*p = random_chance(r, 70) ? random_below(r, 80) : random_number(r);
	tell(f, "%u argsz %u", nr, *p);
	done(f, OP_IOCTL, ioctl(source.fd, _IO(VFIO_TYPE, VFIO_BASE + nr),
				random_chance(r, 95) ? p : (void *)number));
}

static uint64_t some_offset(struct random *r, uint64_t size)
{
	uint64_t at = random_next(r);

	switch (random_below(r, 8)) {
	case 0:
		return random_number(r);
	case 1:
		return size - at % 16;
	case 2:
	case 3:
	case 4:
		return at % 512 & ~3ULL;
	default:
		return size ? at % size : 0;
	}
}

static void do_region(struct fuzzer *f, struct random *r)
{
	unsigned int i = random_below(r, REGIONS);
	size_t n = random_chance(r, 70) ? 1UL << random_below(r, 4) : some_size(r);
	uint64_t at = some_offset(r, region[i].size);
	void *mem = some_memory(f, r, n);

	/* Registers by the byte: a millisecond for each page */
	if (n > 16384)
		n = 16384;
	at += region[i].size ? region[i].offset : (uint64_t)i << 40;
	if (random_chance(r, 60)) {
		tell(f, "read %zu at %#llx", n, (unsigned long long)at);
		done(f, OP_REGION, pread(source.fd, mem, n, at));
	} else {
		tell(f, "write %zu at %#llx", n, (unsigned long long)at);
		done(f, OP_REGION, pwrite(source.fd, mem, n, at));
	}
}

/* The migration region: its registers as they should be used, and data at any place */
static void do_v1(struct fuzzer *f, struct random *r)
{
	static const struct {
		unsigned int at, width;
	} regs[] = { { 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 8 }, { 24, 8 } };
	unsigned int i = random_below(r, 5);
	uint64_t value = random_chance(r, 80) ? random_below(r, 6) : random_number(r);
	bool data = random_chance(r, 25), write = random_chance(r, 60);
	uint64_t at = v1_offset + v1_size - (1 << 20);
	size_t n = some_size(r);

	/* Often beyond the end */
	if (random_chance(r, 50))
		at += random_below(r, 1 << 20);
	if (i == 4 && random_chance(r, 70))
		value = random_below(r, 1 << 20);
	if (!v1_size)
		return;
	tell(f, "%s %s %u %llu", write ? "write" : "read", data ? "data" : "register", regs[i].at,
	     (unsigned long long)value);
	if (data && write)
		done(f, OP_V1, pwrite(source.fd, stream, n, at));
	else if (data)
		done(f, OP_V1, pread(source.fd, f->arena, n, at));
	else if (write)
		done(f, OP_V1, pwrite(source.fd, &value, regs[i].width, v1_offset + regs[i].at));
	else
		done(f, OP_V1, pread(source.fd, &value, regs[i].width, v1_offset + regs[i].at));
}

static void do_mmap(struct fuzzer *f, struct random *r)
{
	unsigned int i = random_below(r, nr_regions), slot = random_below(r, MAPS);
	uint64_t at = random_chance(r, 70) ? 0 : some_offset(r, region[i].size) & ~0xfffULL;
	size_t size = random_chance(r, 80) ? region[i].size : 4096 * (1 + random_below(r, 300));
	int prot = random_chance(r, 80) ? PROT_READ | PROT_WRITE : (int)random_below(r, 8);
	void *map;

	if (f->map[slot].at)
		munmap((void *)f->map[slot].at, f->map[slot].size);
	f->map[slot].at = NULL;
	if (random_chance(r, 50) && v1_size) {
		i = nr_regions - 1;
		at = random_chance(r, 80) ? v1_size - (1 << 20) : at;
		size = random_chance(r, 80) ? 1 << 20 : size;
	}
	if (size > ARENA || !size)
		size = 4096;
	tell(f, "region %u at %#llx, %zu bytes", i, (unsigned long long)at, size);
	map = mmap(NULL, size, prot, random_chance(r, 90) ? MAP_SHARED : MAP_PRIVATE, source.fd,
		   region[i].offset + at);
	done(f, OP_MMAP, map == MAP_FAILED ? -1 : 0);
	if (map == MAP_FAILED)
		return;
	shared->mapped++;
	f->map[slot].at = map;
	f->map[slot].size = size;
}

static void do_touch(struct fuzzer *f, struct random *r)
{
	unsigned int slot = random_below(r, MAPS), width = 1 << random_below(r, 4);
	uint64_t at = random_next(r), value = random_number(r);
	bool write = random_chance(r, 50);

	if (!f->map[slot].at)
		return;
	tell(f, "mapping %u", slot);
	if (random_chance(r, 10)) {
		done(f, OP_TOUCH,
		     madvise((void *)f->map[slot].at, f->map[slot].size, MADV_DONTNEED));
		return;
	}
	errno = EFAULT;
	at = at % f->map[slot].size & -width;
	done(f, OP_TOUCH, random_touch(f->map[slot].at + at, width, write, value) ? 0 : -1);
}

static void do_log(struct fuzzer *f, struct random *r)
{
	uint64_t *ranges = (uint64_t *)f->arena;
	struct vfio_device_feature *feature = argument(f, r, sizeof(*feature) + 32);
	uint64_t *p = (uint64_t *)feature->data;
	uint32_t n = random_chance(r, 90) ? random_below(r, 4) : random_number(r);
	uint64_t page = 1ULL << (random_chance(r, 80) ? 12 : random_below(r, 64));

	for (unsigned int i = 0; i < 4; i++) {
		ranges[2 * i] = random_chance(r, 80) ? DMA_IOVA + i * 0x40000 : random_number(r);
		ranges[2 * i + 1] = random_chance(r, 80) ? 0x40000 : random_number(r);
	}
	feature->argsz = sizeof(*feature) + 24;
	switch (random_below(r, 4)) {
	case 0:
	case 1:
		feature->flags = VFIO_DEVICE_FEATURE_SET | 6;
		p[0] = page;
		((uint32_t *)p)[2] = n;
		((uint32_t *)p)[3] = 0;
		p[2] = random_chance(r, 90) ? (uintptr_t)ranges : random_number(r);
		break;
	case 2:
		feature->flags = VFIO_DEVICE_FEATURE_SET | 7;
		break;
	default:
		feature->argsz += 8;
		feature->flags = VFIO_DEVICE_FEATURE_GET | 8;
		p[0] = random_chance(r, 80) ? DMA_IOVA : random_number(r);
		p[1] = random_chance(r, 80) ? 0x40000 : random_number(r);
		p[2] = page;
		p[3] = random_chance(r, 90) ? (uintptr_t)f->arena + 4096 : random_number(r);
	}
	tell(f, "%#x page %#llx", feature->flags, (unsigned long long)page);
	done(f, OP_LOG, ioctl(source.fd, VFIO_DEVICE_FEATURE, feature));
}

/* Copies as they should be, to memory that is mapped, but with the registers anyhow */
static void do_dma(struct fuzzer *f, struct random *r)
{
	struct desc {
		uint32_t size, ctl;
		uint64_t src, dst, next, unused[4];
	} *d = (void *)dma;
	volatile uint8_t *bar = guest.bar[0].map;
	unsigned int n = 1 + random_below(r, DMA_DESCS);

	for (unsigned int i = 0; i < DMA_DESCS; i++) {
		d[i] = (struct desc) {
			.size = 1 + random_below(r, 4096),
			.ctl = 8,
			.src = DMA_IOVA + 0x10000 + random_below(r, 0x40000),
			.dst = DMA_IOVA + 0x80000 + random_below(r, 0x40000),
			.next = DMA_IOVA + (i + 1) % DMA_DESCS * 64,
		};
	}
	tell(f, "%u copies", n);
	if (!bar)
		return;
	errno = EFAULT;
	done(f, OP_DMA,
	     random_touch(bar + 0x84, 1, true, 0x20) &&
	     random_touch(bar + 0x98, 8, true, DMA_IOVA + 0x8000) &&
	     random_touch(bar + 0x80, 2, true, 0x1d) &&
	     random_touch(bar + 0x90, 8, true, DMA_IOVA) &&
	     random_touch(bar + 0x86, 2, true, n) ? 0 : -1);
}

/* A second device file of the group, or binding and attaching what is bound */
static long group_call(struct fuzzer *f, struct random *r)
{
	struct cdev_attach attach = { .argsz = sizeof(attach), .pt_id = source.ioas };
	uint32_t detach[2] = { sizeof(detach), 0 };
	struct cdev_bind bind = { .argsz = sizeof(bind), .iommufd = source.container };
	uint64_t number = random_number(r);
	long fd;

	if (*source.cdev) {
		attach.pt_id = random_chance(r, 80) ? source.ioas : number;
		switch (random_below(r, 4)) {
		case 0:
			return ioctl(source.fd, CDEV_BIND, &bind);
		case 1:
			return ioctl(source.fd, _IO(VFIO_TYPE, VFIO_BASE + 20), detach);
		default:
			return ioctl(source.fd, CDEV_ATTACH, &attach);
		}
	}
	switch (random_below(r, 4)) {
	case 0:
		return ioctl(source.group, VFIO_GROUP_UNSET_CONTAINER);
	case 1:
		snprintf((char *)f->arena, 64, "%s",
			 random_chance(r, 50) ? opt.name : "0000:00:00.0");
		fd = ioctl(source.group, VFIO_GROUP_GET_DEVICE_FD, f->arena);
		return fd < 0 ? fd : close(fd);
	case 2:
		return ioctl(source.group, _IO(VFIO_TYPE, VFIO_BASE + random_below(r, 25)),
			     number);
	default:
		return ioctl(source.group, VFIO_GROUP_GET_DEVICE_FD, number);
	}
}

static void do_group(struct fuzzer *f, struct random *r)
{
	tell(f, "group");
	done(f, OP_GROUP, group_call(f, r));
}

static void do_hostile(struct fuzzer *f, struct random *r)
{
	tell(f, "a guest's access");
	for (unsigned int i = 0; i < 16; i++)
		hostile_act(&guest, r);
	done(f, OP_HOSTILE, 0);
}

static void do_sysfs(struct fuzzer *f, struct random *r)
{
	static const char * const names[] = {
		"migration_state", "function", "migratable", "iommu_group/devices", "../reset",
	};
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", opt.dir, names[random_below(r, 5)]);
	tell(f, "%s", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		done(f, OP_SYSFS, fd);
		return;
	}
	done(f, OP_SYSFS, read(fd, f->arena, 4096));
	close(fd);
}

/* What others work with disappears */
static void do_fd(struct fuzzer *f, struct random *r)
{
	unsigned int slot = random_below(r, FILES);
	int fd;

	tell(f, "file %u", slot);
	if (random_chance(r, 30)) {
		fd = dup(some_file(r));
		if (fd >= 0)
			keep_file(r, fd);
		done(f, OP_FD, fd);
		return;
	}
	fd = atomic_exchange(&files[slot], -1);
	done(f, OP_FD, close(fd));
}

static void do_inject(struct fuzzer *f, struct random *r)
{
	static const char * const faults[] = {
		"fail 11", "fail 4", "late 3000000", "late 30000000", "short 4096", "short 0",
		"silent", "off",
	};
	static const char * const commands[] = {
		"suspend", "resume", "state_size", "save", "load", "precopy", "tracker_start",
		"tracker_report", "tracker_stop",
	};
	const char *fault = faults[random_below(r, 8)], *what = commands[random_below(r, 9)];
	char line[96];
	int fd;

	if (!opt.inject)
		return;
	snprintf(line, sizeof(line), "%s %s %s", opt.vf, what, fault);
	tell(f, "%s", line);
	fd = open(opt.inject, O_WRONLY | O_CLOEXEC);
	done(f, OP_INJECT, fd < 0 ? fd : write(fd, line, strlen(line)));
	if (fd >= 0)
		close(fd);
}

static const struct {
	enum op_number op;
	unsigned int weight;
	void (*run)(struct fuzzer *f, struct random *r);
} operations[] = {
	{ OP_STATE, 14, do_state }, { OP_GET_STATE, 3, do_get_state },
	{ OP_FEATURE, 10, do_feature }, { OP_DATA_READ, 10, do_data_read },
	{ OP_DATA_WRITE, 8, do_data_write }, { OP_DATA_OTHER, 5, do_data_other },
	{ OP_SAVE, 2, do_save }, { OP_LOAD, 2, do_load }, { OP_RESET, 2, do_reset },
	{ OP_INFO, 5, do_info }, { OP_IRQS, 5, do_irqs }, { OP_IOCTL, 4, do_ioctl },
	{ OP_REGION, 10, do_region }, { OP_V1, 8, do_v1 }, { OP_MMAP, 6, do_mmap },
	{ OP_TOUCH, 10, do_touch }, { OP_LOG, 6, do_log }, { OP_DMA, 4, do_dma },
	{ OP_GROUP, 2, do_group }, { OP_HOSTILE, 6, do_hostile }, { OP_SYSFS, 3, do_sysfs },
	{ OP_FD, 4, do_fd }, { OP_INJECT, 2, do_inject },
};

#define NR_OPERATIONS (sizeof(operations) / sizeof(*operations))

static void one_op(struct fuzzer *f)
{
	struct random r = { random_next(&f->r) };
	unsigned int total = 0, chosen, i;

	for (i = 0; i < NR_OPERATIONS; i++)
		total += operations[i].weight;
	chosen = random_below(&r, total);
	for (i = 0; chosen >= operations[i].weight; i++)
		chosen -= operations[i].weight;
	operations[i].run(f, &r);
}

static struct fuzzer *fuzzer_new(unsigned int nr, uint64_t seed, unsigned int ops)
{
	struct fuzzer *f = calloc(1, sizeof(*f));

	f->nr = nr;
	f->r.state = seed + nr * 7919;
	f->ops = ops;
	f->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->arena = mmap(NULL, ARENA + 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->arena == MAP_FAILED || f->event < 0 || mprotect(f->arena + ARENA, 4096, PROT_NONE))
		_exit(4);
	return f;
}

static void *fuzzer_run(void *arg)
{
	struct fuzzer *f = arg;

	shared->thread[f->nr].tid = gettid();
	for (unsigned int i = 0; i < f->ops; i++)
		one_op(f);
	return NULL;
}

static void fuzzer_free(struct fuzzer *f)
{
	for (unsigned int i = 0; i < MAPS; i++) {
		if (f->map[i].at)
			munmap((void *)f->map[i].at, f->map[i].size);
	}
	munmap(f->arena, ARENA + 4096);
	close(f->event);
	free(f);
}

/* The device is closed: its migration files are what is left of it */
static void stale_files(struct random *r)
{
	struct fuzzer *f = fuzzer_new(MAX_THREADS, random_next(r), 0);

	for (unsigned int i = 0; i < 12; i++) {
		do_data_read(f, r);
		do_data_write(f, r);
		do_data_other(f, r);
	}
	fuzzer_free(f);
}
