// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-nth: what becomes of a sequence of system calls whose first, second, third... allocation or
 * copy from or to user memory fails (/proc/thread-self/fail-nth, CONFIG_FAULT_INJECTION).
 *
 *   vfio-nth [-c] SYSFS-DIR SEQUENCE...
 *       of the device of SYSFS-DIR (an mdev), opened by its IOMMU group, with -c by its character
 *       device: open, save, precopy, load, log, reset, region
 *   vfio-nth create CREATE UUID
 *       mdevs by writing to CREATE, and their removal. Their UUIDs differ from UUID in the last 12
 *       digits
 *   vfio-nth read FILE...
 *
 * A sequence is carried out with its Nth fault, for N = 1, 2... until one has no Nth place. Each
 * time: if it failed, then by an errno of a fault and with a state that user space can do something
 * about; and the same sequence works at once without a fault. Prints for each sequence
 * "NAME: faults=N failed=M", and what they failed by. Status 1 and a line that says what
 * happened at the first that goes wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio-access.h"

#define MOST		2000		/* faults in a sequence: it does not end */
#define LOG_IOVA	0x20000000ULL
#define LOG_SIZE	(1 << 20)

static const char *sequence = "";
static unsigned int nth;		/* 0: without a fault */
static const char *step = "";		/* the one that has failed */

_Noreturn void bad(const char *fmt, ...)
{
	va_list ap;

	printf("vfio-nth: %s, fault %u, %s: ", sequence, nth, step);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static const char *name_of(int err)
{
	return err ? strerrorname_np(err) : "0";
}

/* ---- faults ------------------------------------------------------------------- */

static int fail_nth = -1;

static void arm(unsigned int n)
{
	char text[16];

	if (fail_nth < 0)
		fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	snprintf(text, sizeof(text), "%u", n);
	if (fail_nth < 0 || pwrite(fail_nth, text, strlen(text), 0) < 0) {
		step = "fail-nth";
		bad("%s", strerror(errno));
	}
}

/* Was there a fault? Both calls here have a copy that may get it, if no other has */
static bool disarm(void)
{
	char text[16] = "";
	ssize_t n = pread(fail_nth, text, sizeof(text) - 1, 0);

	while (pwrite(fail_nth, "0", 1, 0) < 0)
		;
	return n > 0 && !atoi(text);
}

/* ---- the device --------------------------------------------------------------- */

/* The largest is some pieces of the stream, read at once */
static uint8_t image[8 << 20], buf[8 << 20];
static size_t image_size;
static int data_fd = -1;

static int reached(const char *where, int err)
{
	if (err)
		step = where;
	return err;
}

static int get_state(unsigned int *state)
{
	struct vfio_device_feature_mig_state s = { 0 };
	int err = v2_feature(&source, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE | VFIO_DEVICE_FEATURE_GET,
				 &s, sizeof(s));

	*state = s.device_state;
	return reached("reading the state", err);
}

static int set_state(unsigned int state)
{
	static const char * const steps[] = {
		"set ERROR", "set STOP", "set RUNNING", "set STOP_COPY", "set RESUMING",
		"set RUNNING_P2P", "set PRE_COPY", "set PRE_COPY_P2P",
	};
	struct vfio_device_feature_mig_state s = { .device_state = state, .data_fd = -1 };
	int err = v2_feature(&source, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE | VFIO_DEVICE_FEATURE_SET,
				 &s, sizeof(s));

	if (!err && (int)s.data_fd >= 0)
		data_fd = s.data_fd;
	return reached(steps[state], err);
}

static int get_size(void)
{
	uint64_t size = 0;
	int err = v2_feature(&source, FEATURE_DATA_SIZE | VFIO_DEVICE_FEATURE_GET, &size,
				 sizeof(size));

	if (!err && !size)
		bad("the size is 0");
	return reached("size", err);
}

static void close_data(void)
{
	if (data_fd >= 0)
		close(data_fd);
	data_fd = -1;
}

static int do_reset(void)
{
	return reached("reset", ioctl(source.fd, VFIO_DEVICE_RESET) ? errno : 0);
}

/* Up to the end of the stream, or until in pre-copy there is nothing for now */
static int read_data(size_t *size)
{
	while (*size < sizeof(buf)) {
		ssize_t n = read(data_fd, buf + *size, sizeof(buf) - *size);

		if (n < 0 && errno == ENOMSG)
			return 0;
		if (n < 0)
			return reached("reading data", errno);
		if (!n)
			return 0;
		*size += n;
	}
	bad("the data does not end");
}

static int write_data(void)
{
	size_t done = 0;

	while (done < image_size) {
		ssize_t n = write(data_fd, image + done, image_size - done);

		if (n < 0)
			return reached("writing data", errno);
		done += n;
	}
	return 0;
}

/* ---- sequences: 0 or the errno of the first step that has failed --------------- */

static int stop_function(void)
{
	return set_state(VFIO_DEVICE_STATE_RUNNING_P2P) ?: set_state(VFIO_DEVICE_STATE_STOP);
}

static int run_function(void)
{
	return set_state(VFIO_DEVICE_STATE_RUNNING_P2P) ?: set_state(VFIO_DEVICE_STATE_RUNNING);
}

static int save(void)
{
	size_t size = 0;
	int err = get_size() ?: stop_function() ?: set_state(VFIO_DEVICE_STATE_STOP_COPY) ?:
		  read_data(&size);

	if (err)
		return err;
	if (!image_size) {
		memcpy(image, buf, size);
		image_size = size;
	}
	/* Faults or not: the function was not touched, its state is the same */
	if (size != image_size || memcmp(image, buf, size))
		bad("other data than in the beginning, %zu bytes of %zu", size, image_size);
	close_data();
	return set_state(VFIO_DEVICE_STATE_STOP) ?: run_function();
}

static int precopy_info(void)
{
	struct {
		uint32_t argsz, flags;
		uint64_t initial, dirty;
	} info = { .argsz = sizeof(info) };

	return reached("pre-copy info", ioctl(data_fd, GET_PRECOPY_INFO, &info) ? errno : 0);
}

static int precopy(void)
{
	size_t size = 0;
	int err = set_state(ST_PRE_COPY) ?: precopy_info() ?: read_data(&size) ?: get_size() ?:
		  set_state(ST_PRE_COPY_P2P) ?: set_state(ST_PRE_COPY) ?:
		  set_state(ST_PRE_COPY_P2P) ?: set_state(VFIO_DEVICE_STATE_STOP_COPY) ?:
		  read_data(&size);

	if (err)
		return err;
	close_data();
	return set_state(VFIO_DEVICE_STATE_STOP) ?: run_function();
}

static int load(void)
{
	int err;

	if (!image_size)
		bad("nothing was saved before");
	err = stop_function() ?: set_state(VFIO_DEVICE_STATE_RESUMING) ?: write_data();

	if (err)
		return err;
	close_data();
	return set_state(VFIO_DEVICE_STATE_STOP) ?: run_function();
}

static int log_stop(void)
{
	return reached("stopping the log",
		       v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP |
				      VFIO_DEVICE_FEATURE_SET, "", 0));
}

static int logging(void)
{
	struct vfio_device_feature_dma_logging_range r = { .iova = LOG_IOVA, .length = LOG_SIZE };
	struct vfio_device_feature_dma_logging_control c = {
		.page_size = 4096, .num_ranges = 1, .ranges = (uintptr_t)&r,
	};
	struct vfio_device_feature_dma_logging_report report = {
		.iova = LOG_IOVA, .length = LOG_SIZE, .page_size = 4096, .bitmap = (uintptr_t)buf,
	};
	int err;

	err = reached("starting the log",
		      v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_START |
				     VFIO_DEVICE_FEATURE_SET, &c, sizeof(c)));
	for (int i = 0; !err && i < 2; i++)
		err = reached("a report",
			      v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT |
					     VFIO_DEVICE_FEATURE_GET, &report, sizeof(report)));
	return err ?: log_stop();
}

static int reset(void)
{
	unsigned int state;
	int err = do_reset() ?: get_state(&state);

	if (!err && state != VFIO_DEVICE_STATE_RUNNING)
		bad("it is in state %u", state);
	return err;
}

/* The migration region; found once, without faults */
#define V1(member) offsetof(struct vfio_device_migration_info, member)

static uint64_t region_at;

static bool is_region(const uint8_t *info, uint32_t off)
{
	while (off) {
		const struct vfio_info_cap_header *h = (const void *)(info + off);
		const struct vfio_region_info_cap_type *t = (const void *)h;

		if (h->id == VFIO_REGION_INFO_CAP_TYPE)
			return t->type == VFIO_REGION_TYPE_MIGRATION_DEPRECATED;
		off = h->next;
	}
	return false;
}

/* The info is asked for in each sequence: it is allocated, too */
static int find_region(void)
{
	struct vfio_device_info dev = { .argsz = sizeof(dev) };

	if (ioctl(source.fd, VFIO_DEVICE_GET_INFO, &dev))
		return reached("device info", errno);
	for (uint32_t i = VFIO_PCI_NUM_REGIONS; i < dev.num_regions; i++) {
		union {
			struct vfio_region_info r;
			uint8_t bytes[1024];
		} info = { .r = { .argsz = sizeof(info), .index = i } };

		if (ioctl(source.fd, VFIO_DEVICE_GET_REGION_INFO, &info))
			return reached("region info", errno);
		if (!(info.r.flags & VFIO_REGION_INFO_FLAG_CAPS) ||
		    !is_region(info.bytes, info.r.cap_offset))
			continue;
		region_at = info.r.offset;
		return 0;
	}
	bad("there is no migration region");
}

static int region_get(uint64_t off, size_t width, uint64_t *value)
{
	*value = 0;
	return reached("reading a register",
		       pread(source.fd, value, width, region_at + off) < 0 ? errno : 0);
}

static int region_put(uint64_t off, size_t width, uint64_t value)
{
	return reached("writing a register",
		       pwrite(source.fd, &value, width, region_at + off) < 0 ? errno : 0);
}

static int region_save(size_t *total)
{
	uint64_t pending, off, size;
	int err;

	for (;;) {
		err = region_get(V1(pending_bytes), 8, &pending);
		if (err || !pending)
			return err;
		err = region_get(V1(data_offset), 8, &off) ?: region_get(V1(data_size), 8, &size);
		if (err)
			return err;
		if (size > sizeof(buf) - *total)
			bad("the data does not end");
		if (pread(source.fd, buf + *total, size, region_at + off) < 0)
			return reached("reading the data section", errno);
		*total += size;
	}
}

static int region_load(size_t total)
{
	uint64_t off;
	size_t n;
	int err = 0;

	for (size_t done = 0; !err && done < total; done += n) {
		n = total - done < 300000 ? total - done : 300000;
		err = region_get(V1(data_offset), 8, &off);
		if (!err && pwrite(source.fd, buf + done, n, region_at + off) < 0)
			err = reached("writing the data section", errno);
		if (!err)
			err = region_put(V1(data_size), 8, n);
	}
	return err;
}

static int region(void)
{
	size_t size = 0;

	return find_region() ?: region_put(V1(device_state), 4, V1_SAVING) ?:
	       region_save(&size) ?: region_put(V1(device_state), 4, 0) ?:
	       region_put(V1(device_state), 4, V1_RESUMING) ?: region_load(size) ?:
	       region_put(V1(device_state), 4, 0) ?:
	       region_put(V1(device_state), 4, V1_RUNNING);
}

/* ---- after a fault ------------------------------------------------------------ */

static void must(int err)
{
	if (err)
		bad("%s, without a fault", name_of(err));
}

/* Back to RUNNING: by transitions if possible, otherwise by a reset */
static void recover(void)
{
	unsigned int state;
	int err;

	close_data();
	log_stop();
	step = "recovery";
	must(get_state(&state));
	if (state > ST_PRE_COPY_P2P)
		bad("state %u", state);
	if (state != VFIO_DEVICE_STATE_ERROR) {
		err = set_state(VFIO_DEVICE_STATE_RUNNING);
		/* What was loaded by half must not run; the region has its own way */
		if (err && err != ENODATA && err != EBUSY)
			bad("%s", name_of(err));
		if (!err)
			return;
		if (err == ENODATA) {
			must(get_state(&state));
			if (state != VFIO_DEVICE_STATE_ERROR)
				bad("incomplete data, and state %u", state);
		}
	}
	must(do_reset());
}

static const char *dir;
static char *name;

static int open_step(void)
{
	int err = 0;

	if (!*source.cdev) {
		source.fd = ioctl(source.group, VFIO_GROUP_GET_DEVICE_FD, name);
		return reached("open", source.fd < 0 ? errno : 0);
	}
	source.fd = open(source.cdev, O_RDWR | O_CLOEXEC);
	if (source.fd < 0)
		return reached("open", errno);
	{
		struct cdev_bind bind = { .argsz = sizeof(bind), .iommufd = source.container };

		if (ioctl(source.fd, CDEV_BIND, &bind))
			err = reached("bind", errno);
	}
	return err;
}

static void close_it(void)
{
	if (source.fd >= 0)
		close(source.fd);
	source.fd = -1;
}

/* ---- mdevs -------------------------------------------------------------------- */

#define UUID	"01234567-89ab-cdef-0123-456789abcdef"

static char *create_file, mdev[PATH_MAX], remove_file[PATH_MAX + 16];

static int write_once(const char *path, const char *text, const char *what)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	return reached(what, err);
}

static int create(void)
{
	return write_once(create_file, name, "create");
}

static int remove_it(void)
{
	return write_once(remove_file, "1", "remove");
}

/* The mdev core knows a UUID until the last reference to its mdev is dropped, maybe later */
static void next_uuid(void)
{
	static unsigned int n;

	snprintf(name + strlen(UUID) - 12, 13, "%012x", n++);
	snprintf(mdev, sizeof(mdev), "/sys/bus/mdev/devices/%s", name);
	snprintf(remove_file, sizeof(remove_file), "%s/remove", mdev);
}

static void have_no_mdev(void)
{
	if (!access(mdev, F_OK))
		must(remove_it());
	next_uuid();
}

static void have_mdev(void)
{
	if (!access(mdev, F_OK))
		return;
	next_uuid();
	must(create());
}

static void not_created(void)
{
	if (!access(mdev, F_OK))
		bad("it has failed, and there is an mdev");
}

static void not_removed(void)
{
	if (access(mdev, F_OK))
		bad("it has failed, and there is no mdev");
}

static char *file;

static int read_file(void)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	if (fd < 0)
		return reached("open", errno);
	while ((n = read(fd, buf, 65536)) > 0)
		;
	if (n < 0)
		err = errno;
	close(fd);
	return reached("read", err);
}

/* ---- sequences with faults ---------------------------------------------------- */

static const struct sequence {
	const char *name;
	void (*before)(void);
	int (*call)(void);
	void (*failed)(void);
} sequences[] = {
	{ "open", close_it, open_step, close_it },
	{ "save", NULL, save, recover },
	{ "precopy", NULL, precopy, recover },
	{ "load", NULL, load, recover },
	{ "log", NULL, logging, recover },
	{ "reset", NULL, reset, recover },
	{ "region", NULL, region, recover },
	{ "create", have_no_mdev, create, not_created },
	{ "remove", have_mdev, remove_it, not_removed },
	{ "read", NULL, read_file, NULL },
};

static struct {
	unsigned int failed, by_memory, by_copy;
} count;

static void without_fault(const struct sequence *s)
{
	if (s->before)
		s->before();
	must(s->call());
}

/* false: there is no such place */
static bool with_fault(const struct sequence *s)
{
	bool hit;
	int err;

	if (s->before)
		s->before();
	arm(nth);
	err = s->call();
	hit = disarm();
	if (err && !hit)
		bad("%s, without a fault", name_of(err));
	if (err && err != ENOMEM && err != EFAULT)
		bad("%s, for a fault of memory", name_of(err));
	count.failed += !!err;
	count.by_memory += err == ENOMEM;
	count.by_copy += err == EFAULT;
	if (err && s->failed)
		s->failed();
	return hit;
}

static void each_fault(const char *what)
{
	const struct sequence *s = sequences;

	while (strcmp(s->name, what)) {
		if (++s == sequences + sizeof(sequences) / sizeof(*sequences)) {
			fprintf(stderr, "vfio-nth: no sequence '%s'\n", what);
			exit(2);
		}
	}
	sequence = what;
	nth = 0;
	count.failed = count.by_memory = count.by_copy = 0;
	without_fault(s);
	for (nth = 1; with_fault(s); nth++) {
		if (nth == MOST)
			bad("there is no end");
		without_fault(s);
	}
	printf("%s: faults=%u failed=%u ENOMEM=%u EFAULT=%u\n", what, nth - 1, count.failed,
	       count.by_memory, count.by_copy);
	fflush(stdout);
}

static int do_mdev(char **arg)
{
	create_file = arg[0];
	name = arg[1];
	if (strlen(name) != strlen(UUID)) {
		fprintf(stderr, "vfio-nth: '%s' is no UUID\n", name);
		return 2;
	}
	next_uuid();
	each_fault("create");
	each_fault("remove");
	have_no_mdev();
	return 0;
}

int main(int argc, char **argv)
{
	const char *what;
	bool cdev;
	int err;

	/* No fault for the memory that faults are looked for with */
	memset(buf, 1, sizeof(buf));
	memset(image, 1, sizeof(image));
	setvbuf(stdout, NULL, _IOLBF, 4096);
	if (argc == 4 && !strcmp(argv[1], "create"))
		return do_mdev(argv + 2);
	if (argc > 2 && !strcmp(argv[1], "read")) {
		for (int i = 2; i < argc; i++) {
			file = argv[i];
			each_fault("read");
		}
		return 0;
	}
	cdev = argc > 1 && !strcmp(argv[1], "-c");
	argv += cdev;
	argc -= cdev;
	if (argc < 3) {
		fprintf(stderr, "usage: vfio-nth [-c] SYSFS-DIR SEQUENCE..., see vfio-nth.c\n");
		return 2;
	}
	dir = argv[1];
	name = basename(strdup(dir));
	err = access_open(dir, name, cdev, &what);
	step = what;
	must(err);
	for (int i = 2; i < argc; i++)
		each_fault(argv[i]);
	vdev_close(&source);
	return 0;
}
