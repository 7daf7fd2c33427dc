// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO device without a kernel, for mdev-pci-conform, whose system calls it is linked to by ld's
 * --wrap: a model of what the uapi says, and of one mistake that a driver may make, named by
 * FAKE_MISTAKE. FAKE_FLAGS: of migration, as a number (default 7: P2P and PRE_COPY); FAKE_V1: it has the
 * migration region.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conform.h"

#define MEM		40000		/* bytes of state */
#define MAGIC		0x65656b6166ULL
#define BASE		0x20000000ULL
#define PAGES		4096
#define V1_SIZE		0x11000
#define V1_DATA		0x1000

enum kind { NONE, IOMMU, DEVICE, DATA };

struct file {
	enum kind kind;
	unsigned int session;
	bool saving, early;
	size_t at;
};

struct image {
	uint64_t magic, sum;
	uint8_t mem[MEM];
};

static struct file files[1024];

static struct {
	int state;
	uint8_t mem[MEM];
	uint64_t work;			/* done by the device itself */
	bool busy;
	unsigned int session;		/* that is open, 0: none */
	unsigned int sessions;
	struct image image;		/* of the session */
	size_t size;			/* bytes of it */
	uint64_t initial;
	bool changed;			/* since it was read in PRE_COPY */
	bool skipped;			/* PRE_COPY's bytes, when it was loaded */
	bool logging, logged_once;
	uint8_t dirty[PAGES];
	int opens;
	uint8_t target[4096];		/* that the workload writes */
	bool dead;			/* answers no feature any more */
	/* v1 */
	uint32_t v1_state;
	uint64_t v1_off;
	size_t v1_written;
	uint8_t v1_data[V1_SIZE];
} dev = { .state = ST_RUNNING, .v1_state = V1_RUNNING };

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __real_ioctl(int fd, unsigned long request, void *arg);
ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __real_write(int fd, const void *buf, size_t n);
ssize_t __real_pread(int fd, void *buf, size_t n, off_t at);
ssize_t __real_pwrite(int fd, const void *buf, size_t n, off_t at);
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __real_access(const char *path, int mode);
void *__real_mmap(void *addr, size_t n, int prot, int flags, int fd, off_t at);

static bool has(const char *mistake)
{
	const char *now = getenv("FAKE_MISTAKE");

	return now && !strcmp(now, mistake);
}

static uint64_t flags(void)
{
	const char *text = getenv("FAKE_FLAGS");

	return text ? strtoull(text, NULL, 0) : 7;
}

static bool has_v1(void) { return getenv("FAKE_V1"); }

static int fail(int err)
{
	errno = err;
	return -1;
}

static struct file *file_of(int fd)
{
	return fd >= 0 && fd < 1024 && files[fd].kind ? &files[fd] : NULL;
}

static int new_file(enum kind kind)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	files[fd] = (struct file) { .kind = kind };
	return fd;
}

static uint64_t sum(const uint8_t *at, size_t n)
{
	uint64_t d = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < n; i++)
		d = (d ^ at[i]) * 0x100000001b3ULL;
	return d;
}

/* ---- states ------------------------------------------------------------------------ */

static bool moves(void)
{
	return dev.busy && (dev.state == ST_RUNNING || dev.state == ST_PRE_COPY ||
			    (has("dma-in-stop") && dev.state == ST_STOP) ||
			    (has("dma-in-stop-copy") && dev.state == ST_STOP_COPY)) &&
	       !(has("stays-stopped") && dev.work > 4000000) &&
	       !(has("precopy-stops") && dev.state == ST_PRE_COPY);
}

static bool supported(int state)
{
	if (state <= ST_ERROR || state > ST_PRE_COPY_P2P)
		return false;
	if (has("optional"))
		return true;
	return !((state == ST_RUNNING_P2P || state == ST_PRE_COPY_P2P) && !(flags() & MIG_P2P)) &&
	       !(state >= ST_PRE_COPY && !(flags() & MIG_PRE_COPY));
}

static void fill_image(void)
{
	dev.image.magic = MAGIC;
	memcpy(dev.image.mem, dev.mem, MEM);
	if (has("lose-byte"))
		dev.image.mem[600] = 0;
	dev.image.sum = sum(dev.image.mem, MEM);
}

static bool loadable(void)
{
	const struct image *i = &dev.image;

	if (has("takes-anything"))
		return true;
	if (has("loads-fail"))
		return false;
	dev.dead = !dev.size && has("none-breaks");
	if (!dev.size)
		return !dev.skipped;
	if (has("takes-cut"))
		return i->magic == MAGIC;
	return dev.size == sizeof(*i) && i->magic == MAGIC && i->sum == sum(i->mem, MEM);
}

static int begin_session(bool saving, bool early)
{
	int fd = new_file(DATA);

	dev.session = ++dev.sessions;
	files[fd].session = dev.session;
	files[fd].saving = saving;
	files[fd].early = early;
	memset(&dev.image, 0, sizeof(dev.image));
	dev.size = 0;
	dev.skipped = false;
	dev.initial = early ? 1000 : 0;
	dev.changed = false;
	if (has("no-initial"))
		dev.initial = 0;
	if (saving) {
		fill_image();
		dev.size = sizeof(dev.image);
	}
	return fd;
}

static void end_session(void)
{
	if (!has("session-survives"))
		dev.session = 0;
}

/* 0 or an errno, *fd as the uapi has it */
static int set_state(int to, int *fd)
{
	int from = dev.state;

	*fd = -1;
	if (to == ST_ERROR && has("takes-error")) {
		dev.state = ST_ERROR;
		return 0;
	}
	if (to < 0 || to > 7)
		return has("takes-nonsense") ? 0 : EINVAL;
	if (!supported(to))
		return EINVAL;
	if (from == ST_ERROR)
		return has("error-without-reset") ? (dev.state = to, 0) : ENODEV;
	if (from == ST_STOP_COPY && (to == ST_PRE_COPY || to == ST_PRE_COPY_P2P)) {
		if (!has("stop-copy-precopy"))
			return EINVAL;
		dev.state = to;
		return 0;
	}
	if (has("blocked-arc") && from == ST_STOP && to == ST_RUNNING_P2P)
		return EINVAL;
	if (has("refuses-same") && from == to)
		return EINVAL;
	if (from == to)
		return 0;
	if (has("unread-blocks") && from == ST_STOP_COPY && to == ST_RUNNING)
		return EBUSY;
	if (has("stop-is-lost") && from == ST_RUNNING && to == ST_STOP)
		return 0;
	if (has("wrong-state") && to == ST_RUNNING_P2P) {
		dev.state = ST_STOP;
		return 0;
	}
	if (from == ST_RESUMING) {
		bool good = loadable();

		end_session();
		if (!good) {
			dev.state = has("stuck-resuming") ? ST_RUNNING : ST_ERROR;
			return has("invalid-accepted") ? (dev.state = to, 0) : EINVAL;
		}
		if (dev.size && !has("loads-nothing"))
			memcpy(dev.mem, dev.image.mem, MEM);
		if (has("load-changes"))
			dev.mem[7]++;
		if (has("lose-page"))
			memset(dev.mem, 0, 4096);
	} else if (is_saving(from) && !is_saving(to)) {
		end_session();
	}
	if (is_saving(from) && is_saving(to)) {
		if (has("new-fd-in-group"))
			*fd = begin_session(true, to != ST_STOP_COPY);
		if (to == ST_STOP_COPY && (!has("stale-precopy") || !dev.changed)) {
			size_t size = dev.size;

			fill_image();
			dev.size = size;
		}
		if (to == ST_STOP_COPY && has("stale-precopy") && dev.changed)
			dev.image.sum = sum(dev.image.mem, MEM);
	} else if (is_saving(to)) {
		*fd = begin_session(true, to != ST_STOP_COPY);
	} else if (to == ST_RESUMING) {
		*fd = begin_session(false, false);
	}
	dev.state = to;
	if (has("extra-fd") && to == ST_STOP && from == ST_RUNNING)
		*fd = new_file(DATA);
	if (has("no-fd") && to == ST_RESUMING)
		*fd = -1;
	if (has("state-changes-in-stop") && to == ST_STOP_COPY)
		dev.mem[5]++;
	return 0;
}

static void reset(void)
{
	if (has("reset-keeps-state") || (has("error-stays") && dev.state == ST_ERROR))
		return;
	if (!has("session-survives-reset"))
		dev.session = 0;
	dev.state = ST_RUNNING;
	dev.v1_state = V1_RUNNING;
	dev.busy = false;
	memset(dev.mem, 0, MEM);
}

/* ---- the migration file ----------------------------------------------------------------- */

static int file_number(struct file *f) { return f - files; }

static ssize_t data_read(struct file *f, uint8_t *buf, size_t n)
{
	const uint8_t *from = (const uint8_t *)&dev.image;

	if (has("eagain") && fcntl(file_number(f), F_GETFL) & O_NONBLOCK)
		return fail(EAGAIN);
	if (!f->saving)
		return has("reads-resuming") ? (ssize_t)n : fail(EBADF);
	if (f->session != dev.session)
		return has("old-session-reads") ? (memset(buf, 0, n), (ssize_t)n) : fail(ENODEV);
	if (!n)
		return has("zero-read");
	if (buf == (void *)4096) {
		f->at += has("efault-loses") ? n : 0;
		return fail(EFAULT);
	}
	if (dev.state == ST_PRE_COPY || dev.state == ST_PRE_COPY_P2P) {
		if (has("precopy-eof") && !dev.initial)
			return 0;
		if (!dev.initial)
			return fail(ENOMSG);
		/* Bytes that say nothing: the complete state comes in STOP_COPY */
		if (n > 100)
			n = 100;
		if (n > dev.initial)
			n = dev.initial;
		if (has("initial-grows"))
			dev.initial += 5;
		else if (!has("initial-stays"))
			dev.initial -= n;
		memset(buf, 0, n);
		return n;
	}
	if (has("enomsg-in-stop-copy") && f->early && f->at == dev.size)
		return fail(ENOMSG);
	if (f->at >= dev.size) {
		if (has("endless"))
			return memset(buf, 0, n), n;
		if (has("end-once") && f->at++ > dev.size + 1)
			return fail(EIO);
		return 0;
	}
	if (has("crashes"))
		raise(SIGSEGV);
	if (has("short-reads-lose") && n < 100)
		f->at++;
	if (n > dev.size - f->at)
		n = dev.size - f->at;
	memcpy(buf, from + f->at, n);
	f->at += n;
	return n;
}

static ssize_t data_write(struct file *f, const uint8_t *buf, size_t n)
{
	size_t skipped = 0;

	if (f->saving)
		return has("writes-saving") ? (ssize_t)n : fail(EBADF);
	if (f->session != dev.session)
		return has("old-session-writes") ? (ssize_t)n : fail(ENODEV);
	if (has("needs-segments") && n < 100 && n)
		return fail(EINVAL);
	while (!dev.size && skipped < n && !buf[skipped])
		skipped++;
	dev.skipped = dev.skipped || skipped;
	buf += skipped;
	n -= skipped;
	if (dev.size + n > sizeof(dev.image)) {
		dev.dead = has("full-breaks");
		if (has("takes-anything"))
			return n;
		return fail(EINVAL);
	}
	memcpy((uint8_t *)&dev.image + dev.size, buf, n);
	dev.size += n;
	return skipped + n;
}

/* ---- VFIO_DEVICE_FEATURE -------------------------------------------------------------- */

static int log_start(const struct log_control *c)
{
	const struct log_range *r = (const void *)(uintptr_t)c->ranges;

	if (dev.logging && !has("log-twice"))
		return EBUSY;
	if (has("log-anything"))
		return dev.logging = true, 0;
	if (!c->num_ranges || (uintptr_t)r < 4096)
		return EINVAL;
	if (c->page_size & (c->page_size - 1))
		return EINVAL;
	for (uint32_t i = 0; i < c->num_ranges; i++) {
		if (!r[i].length || r[i].iova + r[i].length < r[i].iova)
			return EINVAL;
		if (i && !has("log-overlap") && r[i].iova < r[i - 1].iova + r[i - 1].length)
			return EINVAL;
	}
	dev.logging = true;
	dev.logged_once = true;
	memset(dev.dirty, 0, sizeof(dev.dirty));
	return 0;
}

static int log_report(const struct log_report *r)
{
	uint64_t *bits = (void *)(uintptr_t)r->bitmap;

	if (!dev.logging && !(has("log-always") && dev.logged_once))
		return EINVAL;
	if (has("log-state") && dev.state == ST_STOP)
		return EBUSY;
	if (!r->page_size || r->page_size & (r->page_size - 1))
		return has("report-odd-page") ? 0 : EINVAL;
	for (uint64_t i = 0; i < r->length / 4096; i++) {
		uint64_t n = i * 4096 / r->page_size;

		if (has("log-clears") && i % 64 == 0)
			bits[n / 64] = 0;
		if (dev.dirty[i] && !(has("log-coarse") && r->page_size > 4096))
			bits[n / 64] |= 1ULL << n % 64;
		if (!has("log-keeps"))
			dev.dirty[i] = 0;
	}
	return 0;
}

static int do_feature(struct vfio_device_feature *f)
{
	bool stopped = dev.state == ST_STOP || dev.state == ST_STOP_COPY;
	uint32_t number = f->flags & VFIO_DEVICE_FEATURE_MASK, op = f->flags & ~VFIO_DEVICE_FEATURE_MASK;
	bool get = op & VFIO_DEVICE_FEATURE_GET, set = op & VFIO_DEVICE_FEATURE_SET;
	size_t room = f->argsz - sizeof(*f);
	struct mig_state *s = (void *)f->data;
	uint64_t *word = (void *)f->data;
	bool can_get = number != FEATURE_LOG_START && number != FEATURE_LOG_STOP;
	bool can_set = number == FEATURE_STATE || !can_get;
	int fd, err;

	if (dev.busy && (!stopped || has("memory-in-stop")))
		memset(dev.target, 0x11, sizeof(dev.target));
	if (dev.dead)
		return EIO;
	if (!flags() || (number > 2 && number < 6) || number > 9)
		return has("probes-anything") ? 0 : ENOTTY;
	if ((get && !can_get) || (set && !can_set && !has("set-flags")))
		return EINVAL;
	if (op & VFIO_DEVICE_FEATURE_PROBE)
		return has("no-probe") && number == FEATURE_STATE ? EINVAL : 0;
	if (get && set) {
		while (has("hangs"))
			pause();
		return has("get-and-set") ? 0 : EINVAL;
	}
	if (room < 8 && number != FEATURE_LOG_STOP && !has("argsz"))
		return EINVAL;
	switch (number) {
	case FEATURE_MIGRATION:
		*word = has("no-stop-copy") ? MIG_P2P : flags();
		return 0;
	case FEATURE_STATE:
		if (get) {
			if (has("async") && dev.state == ST_STOP && dev.sessions++ > 3)
				dev.state = ST_RUNNING;
			s->state = dev.state;
			s->data_fd = has("get-fd") ? 0 : -1;
			return 0;
		}
		err = set_state(s->state, &fd);
		s->data_fd = fd;
		return err;
	case FEATURE_LOG_START:
		return log_start((void *)f->data);
	case FEATURE_LOG_STOP:
		if (!dev.logging)
			return EINVAL;
		dev.logging = false;
		return 0;
	case FEATURE_LOG_REPORT:
		return log_report((void *)f->data);
	default:
		if (has("size-state") && dev.state == ST_RESUMING)
			return EINVAL;
		*word = has("size-0") ? 0 : sizeof(dev.image);
		return 0;
	}
}

static int precopy_info(struct file *f, struct precopy_info *i)
{
	bool valid = f->session == dev.session &&
		     (dev.state == ST_PRE_COPY || dev.state == ST_PRE_COPY_P2P);

	if (!f->early && !has("info-anywhere"))
		return fail(EINVAL);
	if (!valid && !has("info-anywhere"))
		return fail(has("info-errno") ? ENODEV : EINVAL);
	if (i->argsz < sizeof(*i) && !has("info-argsz"))
		return fail(EINVAL);
	i->initial_bytes = dev.initial;
	i->dirty_bytes = 0;
	return 0;
}

/* ---- regions: BAR 0 is the state, config space, and v1's --------------------------------- */

static int region_info(struct vfio_region_info *r)
{
	uint8_t *caps = (uint8_t *)r + sizeof(*r);
	struct vfio_region_info_cap_type *t = (void *)caps;
	struct vfio_region_info_cap_sparse_mmap *m = (void *)(caps + sizeof(*t));
	uint32_t i = r->index;

	r->offset = (uint64_t)i << 40;
	r->size = i == VFIO_PCI_BAR0_REGION_INDEX ? MEM : i == VFIO_PCI_CONFIG_REGION_INDEX ? 256 : 0;
	r->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (i != VFIO_PCI_NUM_REGIONS || !has_v1())
		return 0;
	r->size = V1_SIZE;
	r->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	r->cap_offset = sizeof(*r);
	*t = (struct vfio_region_info_cap_type) {
		.header = { VFIO_REGION_INFO_CAP_TYPE, 1, sizeof(*r) + sizeof(*t) },
		.type = V1_REGION_TYPE,
		.subtype = V1_REGION_SUBTYPE,
	};
	m->header = (struct vfio_info_cap_header) { VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 0 };
	m->nr_areas = 1;
	m->areas[0].offset = V1_DATA;
	m->areas[0].size = V1_SIZE - V1_DATA;
	return 0;
}

static const uint8_t *image_bytes(void) { return (const uint8_t *)&dev.image; }

static uint64_t v1_pending(void)
{
	if (dev.v1_state == V1_PRE_COPY)
		return 0;
	return dev.v1_state == V1_SAVING ? sizeof(dev.image) - dev.v1_off : 0;
}

static uint64_t v1_chunk(void)
{
	uint64_t left = v1_pending();

	return left < 10000 ? left : 10000;
}

static int v1_set(uint32_t to)
{
	uint32_t from = dev.v1_state;

	if (to == 5 || to == 6 || to == 7)
		return has("v1-invalid") ? (dev.v1_state = to, 0) : EINVAL;
	if (to > 7)
		return EINVAL;
	dev.v1_data[0] = 0;
	if (has("v1-stuck"))
		return 0;
	if (has("v1-no-precopy") && to == V1_PRE_COPY)
		return EINVAL;
	if (from == V1_RESUMING && to != from) {
		dev.size = dev.v1_written;
		if (!loadable())
			return EINVAL;
		if (dev.size && !has("v1-loads-nothing"))
			memcpy(dev.mem, dev.image.mem, MEM);
	}
	if ((to & V1_SAVING) && !(from & V1_SAVING))
		dev.v1_off = 0;
	if (to == V1_SAVING && from == V1_PRE_COPY && has("v1-precopy-offset"))
		dev.v1_off = 10;
	if (to == V1_SAVING && !has("v1-stale"))
		fill_image();
	if (to == V1_PRE_COPY)
		fill_image();
	if (to == V1_RESUMING)
		dev.v1_written = 0;
	if (has("v1-stop-is-lost") && to == V1_STOP)
		return 0;
	dev.v1_state = to;
	dev.state = to & V1_RUNNING ? ST_RUNNING : has("v1-moves-in-stop") ? ST_RUNNING : ST_STOP;
	return 0;
}

static int v1_read(uint64_t off, void *buf, size_t n)
{
	uint64_t value;

	if (off >= V1_DATA) {
		if (off - V1_DATA + n > v1_chunk())
			return EINVAL;
		memcpy(buf, image_bytes() + dev.v1_off + off - V1_DATA, n);
		return 0;
	}
	switch (off) {
	case 0:
		value = has("v1-initial") && dev.v1_state == V1_RUNNING ? V1_STOP : dev.v1_state;
		break;
	case 4:
		value = has("v1-reserved") ? 7 : 0;
		break;
	case 8:
		/* What was told before has been taken */
		value = v1_pending();
		if (dev.v1_data[0] && value) {
			dev.v1_off += v1_chunk();
			dev.v1_data[0] = 0;
			value = v1_pending();
		}
		if (has("v1-pending") && value)
			dev.v1_off++;
		break;
	case 16:
		dev.v1_data[0] = dev.v1_state == V1_SAVING;
		value = has("v1-offset") ? 0x20000 : V1_DATA;
		break;
	case 24:
		value = v1_chunk();
		break;
	default:
		return EINVAL;
	}
	if (n != (off < 8 ? 4 : 8) && !has("v1-width"))
		return EINVAL;
	memcpy(buf, &value, n);
	return 0;
}

static int v1_write(uint64_t off, const void *buf, size_t n)
{
	uint64_t value = 0;

	if (off >= V1_DATA) {
		if (off - V1_DATA + n > V1_SIZE - V1_DATA)
			return EINVAL;
		memcpy(dev.v1_data + off, buf, n);
		return 0;
	}
	if (n != (off < 8 ? 4 : 8) && !has("v1-width"))
		return EINVAL;
	memcpy(&value, buf, n);
	switch (off) {
	case 0:
		return v1_set(value);
	case 24:
		if (dev.v1_state != V1_RESUMING || dev.v1_written + value > sizeof(dev.image))
			return EINVAL;
		memcpy((uint8_t *)&dev.image + dev.v1_written, dev.v1_data + V1_DATA, value);
		dev.v1_written += value;
		return 0;
	default:
		return 0;
	}
}

static ssize_t region_access(void *buf, const void *from, size_t n, uint64_t at)
{
	uint32_t index = at >> 40;
	uint64_t off = at & 0xffffffffffULL;
	int err = 0;

	dev.dead |= has("touched") && dev.state == ST_STOP && index == VFIO_PCI_BAR0_REGION_INDEX;
	if (index == VFIO_PCI_BAR0_REGION_INDEX && off + n <= MEM) {
		if (from)
			memcpy(dev.mem + off, from, n);
		else
			memcpy(buf, dev.mem + off, n);
		dev.changed = dev.changed || from;
	} else if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		if (has("config-in-stop") && dev.state != ST_RUNNING)
			return fail(EIO);
		if (!from)
			memset(buf, 0x42, n);
	} else if (index == VFIO_PCI_NUM_REGIONS && has_v1()) {
		err = from ? v1_write(off, from, n) : v1_read(off, buf, n);
	} else {
		err = EINVAL;
	}
	return err ? fail(err) : (ssize_t)n;
}

/* ---- system calls ---------------------------------------------------------------------- */

int __wrap_access(const char *path, int mode)
{
	return !strcmp(path, "/dev/vfio/devices/vfio77") ? 0 : __real_access(path, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	if (!strcmp(path, "/dev/iommu"))
		return new_file(IOMMU);
	if (strcmp(path, "/dev/vfio/devices/vfio77"))
		return __real_open(path, flags, mode);
	while (has("open-hangs"))
		pause();
	if (dev.opens++ && has("opens-once"))
		return fail(EBUSY);
	if (has("initial-stop"))
		dev.state = ST_STOP;
	return new_file(DEVICE);
}

int __wrap_close(int fd)
{
	struct file *f = file_of(fd);

	if (f && f->kind == DATA && f->saving && has("close-changes-state") && dev.state == ST_STOP_COPY)
		dev.state = ST_STOP;
	if (f && f->kind == DEVICE) {
		bool loading = dev.state == ST_RESUMING;

		if (!has("close-keeps-state"))
			reset();
		if (!has("close-keeps-log"))
			dev.logging = false;
		if (has("close-keeps-session"))
			dev.session = dev.sessions, dev.size = loading ? 0 : dev.size;
	}
	if (f)
		f->kind = NONE;
	return __real_close(fd);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct file *f = file_of(fd);
	struct vfio_device_info *info;
	va_list ap;
	void *arg;
	int err;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (!f)
		return __real_ioctl(fd, request, arg);
	if (f->kind == DATA && request == GET_PRECOPY_INFO)
		return precopy_info(f, arg);
	if (f->kind == DATA)
		return has("any-ioctl") ? 0 : fail(ENOTTY);
	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		info = arg;
		info->flags = VFIO_DEVICE_FLAGS_PCI | (has("no-reset") ? 0 : VFIO_DEVICE_FLAGS_RESET);
		info->num_regions = VFIO_PCI_NUM_REGIONS + has_v1();
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(arg);
	case VFIO_DEVICE_FEATURE:
		err = do_feature(arg);
		return err ? fail(err) : 0;
	case VFIO_DEVICE_RESET:
		if (has("reset-fails"))
			return fail(EIO);
		reset();
		return 0;
	default:	/* what IOMMUFD is asked for */
		return 0;
	}
}

ssize_t __wrap_read(int fd, void *buf, size_t n)
{
	struct file *f = file_of(fd);

	return f && f->kind == DATA ? data_read(f, buf, n) : __real_read(fd, buf, n);
}

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
	struct file *f = file_of(fd);

	return f && f->kind == DATA ? data_write(f, buf, n) : __real_write(fd, buf, n);
}

ssize_t __wrap_pread(int fd, void *buf, size_t n, off_t at)
{
	return file_of(fd) ? region_access(buf, NULL, n, at) : __real_pread(fd, buf, n, at);
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t n, off_t at)
{
	return file_of(fd) ? region_access(NULL, buf, n, at) : __real_pwrite(fd, buf, n, at);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct file *f = n == 1 ? file_of(fds->fd) : NULL;

	if (!f)
		return __real_poll(fds, n, ms);
	fds->revents = has("poll-never") || has("eagain") ? 0 : fds->events;
	if (has("poll-error") && dev.state == ST_PRE_COPY)
		fds->revents = POLLERR;
	return !!fds->revents;
}

/* The present data section of v1, for a caller that copies it at once */
void *__wrap_mmap(void *addr, size_t n, int prot, int flags, int fd, off_t at)
{
	uint8_t *map;

	if (!file_of(fd))
		return __real_mmap(addr, n, prot, flags, fd, at);
	map = __real_mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (prot & PROT_WRITE)
		return dev.v1_state == V1_RESUMING ? dev.v1_data + V1_DATA : map;
	memcpy(map, image_bytes() + dev.v1_off, v1_chunk());
	if (has("v1-map"))
		map[0] ^= 1;
	return map;
}

int __real_munmap(void *addr, size_t n);
int __wrap_munmap(void *addr, size_t n)
{
	return addr == dev.v1_data + V1_DATA ? 0 : __real_munmap(addr, n);
}

/* ---- the plug-in: workload of the device above ---------------------------------------------- */

static int work(struct conform_dev *d, uint64_t seed)
{
	uint8_t data[512];

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i * seed + seed;
	return d->write(d, VFIO_PCI_BAR0_REGION_INDEX, seed % 70 * sizeof(data), data, sizeof(data));
}

static int digest(struct conform_dev *d, uint64_t *value)
{
	uint8_t mem[MEM];
	int ret = d->read(d, VFIO_PCI_BAR0_REGION_INDEX, 0, mem, MEM);

	*value = sum(mem, MEM);
	return ret;
}

static int begin(struct conform_dev *d)
{
	(void)d;
	dev.busy = true;
	dev.work = now_us();
	return 0;
}

static int progress(struct conform_dev *d, uint64_t *value)
{
	(void)d;
	if (moves())
		dev.work++;
	*value = dev.work;
	return 0;
}

static int where(struct conform_dev *d, void **at, size_t *size)
{
	(void)d;
	*at = dev.target;
	*size = sizeof(dev.target);
	return 0;
}

static int dma(struct conform_dev *d, uint64_t iova, uint64_t size)
{
	(void)d;
	for (uint64_t i = (iova - BASE) / 4096; i < (iova + size - BASE) / 4096; i++)
		dev.dirty[i] = dev.logging && !has("lose-write");
	return 0;
}

static const struct conform_plugin fake = {
	.abi = CONFORM_PLUGIN_ABI,
	.name = "fake",
	.work = work,
	.digest = digest,
	.begin = begin,
	.progress = progress,
	.target = where,
	.dma = dma,
};

const struct conform_plugin * const linked_plugins[] = { &fake, NULL };
