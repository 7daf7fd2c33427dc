// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-bench: times of migration and of dirty page logging as a VFIO user sees them.
 *
 *   vfio-bench save DIR               saves by STOP_COPY and throws away what it reads
 *   vfio-bench beside DIR BYTES       saves that many by STOP_COPY and loads them again; beside it, in turns, reads
 *                                     and writes a memfd in the same way
 *   vfio-bench move FROM TO COPIES PAGES   moves the state of FROM to TO after COPIES copies; with
 *                                     pre-copy if PAGES is a number: that many copies after the
 *                                     bulk is there; "stop": without. Prints all system calls of VFIO
 *                                     since the order to stop: "# call START END"
 *   vfio-bench dirty DIR LENGTH STEP BYTES   logs LENGTH bytes of addresses, of which the engine has
 *                                     written BYTES at each multiple of STEP
 *
 * Prints "name=value": times in microseconds ("_us"), amounts in bytes. The engine's state
 * changes in one line of 64 bytes for each copy, so n copies change at most n pages of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

_Noreturn void bad(const char *fmt, ...);

#include "../system/vfio-access.h"
#include "../system/vfio-ioat.h"

/* What QEMU reads at a time */
#define PIECE		(1 << 20)

/* Newer than some headers: 6.2 */
#define STATE_PRE_COPY	6

static char piece[PIECE];

_Noreturn void bad(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	printf("vfio-bench: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static void say(const char *name, uint64_t value)
{
	printf("%s=%llu\n", name, (unsigned long long)value);
	fflush(stdout);
}

/* ---- states -------------------------------------------------------------------- */

#define MAX_CALLS	8192

/*
 * What both ends of a move share. @stopped_at: when the order to stop was given, 0: not yet; the system calls of
 * VFIO since then, microseconds
 */
static struct shared {
	uint64_t stopped_at;
	struct calls {
		unsigned int n;
		uint64_t start[MAX_CALLS], end[MAX_CALLS];
	} calls[2];
} *shared;

static struct calls *calls;

static void called(uint64_t start)
{
	if (!shared || !shared->stopped_at)
		return;
	if (calls->n == MAX_CALLS)
		bad("more than %u system calls", MAX_CALLS);
	calls->start[calls->n] = start;
	calls->end[calls->n++] = now_us();
}

static void say_calls(void)
{
	for (unsigned int end = 0; end < 2; end++) {
		const struct calls *c = &shared->calls[end];

		for (unsigned int i = 0; i < c->n; i++)
			printf("# call %llu %llu\n", (unsigned long long)c->start[i], (unsigned long long)c->end[i]);
	}
}

static int set_state(uint32_t state)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_mig_state state;
	} f = {
		.head.argsz = sizeof(f),
		.head.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
		.state.device_state = state,
		.state.data_fd = -1,
	};

	uint64_t start = now_us();

	if (ioctl(source.fd, VFIO_DEVICE_FEATURE, &f))
		bad("state %u: %s", state, strerror(errno));
	called(start);
	return f.state.data_fd;
}

/* Reads to the end, or in pre-copy until there is nothing for now; @out: -1 or where to */
static uint64_t read_all(int fd, int out)
{
	uint64_t total = 0, start;
	ssize_t n;

	while (start = now_us(), n = read(fd, piece, sizeof(piece)), called(start), n > 0) {
		total += n;
		if (out >= 0 && write(out, piece, n) != n)
			bad("passing on: %s", strerror(errno));
	}
	if (n < 0 && errno != ENOMSG)
		bad("reading: %s", strerror(errno));
	return total;
}

static void save(const char *dir)
{
	uint64_t start, bytes;
	int fd;

	ioat_open_device(dir);
	start = now_us();
	fd = set_state(VFIO_DEVICE_STATE_STOP_COPY);
	say("stop_us", now_us() - start);
	start = now_us();
	bytes = read_all(fd, -1);
	say("read_us", now_us() - start);
	say("bytes", bytes);
	close(fd);
	set_state(VFIO_DEVICE_STATE_RUNNING);
}

/* ---- beside a memfd -------------------------------------------------------------- */

static uint8_t *stream;

/* Pages that are there already, as a migration's buffers are */
static int full_memfd(uint64_t bytes)
{
	int fd = memfd_create("bench", 0);

	memset(piece, 1, sizeof(piece));
	for (uint64_t done = 0; done < bytes; done += sizeof(piece)) {
		if (fd < 0 || pwrite(fd, piece, sizeof(piece), done) != sizeof(piece))
			bad("memfd: %s", strerror(errno));
	}
	return fd;
}

/* The state to @stream; returns its length. Each read has one of @memfd beside it */
static uint64_t save_beside(int memfd, uint64_t max)
{
	uint64_t start, len = 0, file_us = 0, memfd_us = 0;
	int fd = set_state(VFIO_DEVICE_STATE_STOP_COPY);
	ssize_t n;

	while (start = now_us(), n = read(fd, piece, sizeof(piece)), file_us += now_us() - start, n > 0) {
		if (len + n > max)
			bad("the state is larger than %llu bytes", (unsigned long long)max);
		memcpy(stream + len, piece, n);
		start = now_us();
		if (pread(memfd, piece, n, len) != n)
			bad("reading a memfd: %s", strerror(errno));
		memfd_us += now_us() - start;
		len += n;
	}
	if (n < 0)
		bad("reading: %s", strerror(errno));
	close(fd);
	set_state(VFIO_DEVICE_STATE_RUNNING);
	say("save.file_us", file_us);
	say("save.memfd_us", memfd_us);
	return len;
}

static void load_beside(int memfd, uint64_t len)
{
	uint64_t start, file_us = 0, memfd_us = 0, n;
	int fd = set_state(VFIO_DEVICE_STATE_RESUMING);

	for (uint64_t at = 0; at < len; at += n) {
		n = len - at < sizeof(piece) ? len - at : sizeof(piece);
		memcpy(piece, stream + at, n);
		start = now_us();
		if (write(fd, piece, n) != (ssize_t)n)
			bad("loading after %llu bytes: %s", (unsigned long long)at, strerror(errno));
		file_us += now_us() - start;
		start = now_us();
		if (pwrite(memfd, piece, n, at) != (ssize_t)n)
			bad("writing a memfd: %s", strerror(errno));
		memfd_us += now_us() - start;
	}
	close(fd);
	set_state(VFIO_DEVICE_STATE_RUNNING);
	say("load.file_us", file_us);
	say("load.memfd_us", memfd_us);
}

static void beside(const char *dir, uint64_t bytes)
{
	uint64_t max = bytes + sizeof(piece), len;
	int memfd = full_memfd(max);

	stream = mmap(NULL, max, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (stream == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
	ioat_open_device(dir);
	len = save_beside(memfd, max);
	load_beside(memfd, len);
	say("bytes", len);
}

/* ---- from one to another --------------------------------------------------------- */

/* Takes what comes through the pipe; says when the function runs */
static void run_destination(const char *dir, int pipe_in, int ready)
{
	uint64_t start;
	size_t have = 0;
	ssize_t n;
	int fd;

	calls = &shared->calls[1];
	ioat_open_device(dir);
	fd = set_state(VFIO_DEVICE_STATE_RESUMING);
	if (write(ready, "", 1) != 1)
		bad("pipe: %s", strerror(errno));
	while ((n = read(pipe_in, piece, sizeof(piece))) > 0) {
		have += n;
		start = now_us();
		if (write(fd, piece, n) != n)
			bad("loading after %zu bytes: %s", have, strerror(errno));
		called(start);
	}
	set_state(VFIO_DEVICE_STATE_RUNNING);
	say("runs_at_us", now_us());
}

static void run_source(const char *dir, int pipe_out, int ready, unsigned int copies, const char *pages)
{
	bool precopy = strcmp(pages, "stop");
	uint64_t bytes, before = 0;
	int fd = -1;
	char c;

	calls = &shared->calls[0];
	ioat_open_device(dir);
	for (unsigned int i = 0; i < copies; i++)
		ioat_copy(IOAT_RING + IOAT_SOURCE + 65536, 64);
	if (read(ready, &c, 1) != 1)
		bad("the destination is not there");
	if (precopy) {
		fd = set_state(STATE_PRE_COPY);
		before = read_all(fd, pipe_out);
		for (unsigned long i = strtoul(pages, NULL, 0); i; i--)
			ioat_copy(IOAT_RING + IOAT_SOURCE + 65536, 64);
	}
	shared->stopped_at = now_us();
	if (precopy)
		set_state(VFIO_DEVICE_STATE_STOP_COPY);
	else
		fd = set_state(VFIO_DEVICE_STATE_STOP_COPY);
	bytes = read_all(fd, pipe_out);
	say("before", before);
	say("after", bytes);
	say("stopped_at_us", shared->stopped_at);
}

static void move(const char *from, const char *to, unsigned int copies, const char *pages)
{
	int data[2], ready[2], status;
	pid_t child;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pipe(data) || pipe(ready))
		bad("a pipe and memory: %s", strerror(errno));
	fcntl(data[0], F_SETPIPE_SZ, PIECE);
	fflush(stdout);
	child = fork();
	if (!child) {
		close(data[1]);
		run_destination(to, data[0], ready[1]);
		exit(0);
	}
	close(data[0]);
	close(ready[1]);
	run_source(from, data[1], ready[0], copies, pages);
	close(data[1]);
	if (waitpid(child, &status, 0) < 0 || status)
		bad("the destination has failed");
	say_calls();
}

/* ---- dirty pages ------------------------------------------------------------------- */

#define LOG_IOVA	(1ULL << 40)
#define LOG_PAGE	4096

static void start_log(uint64_t length)
{
	struct vfio_device_feature_dma_logging_range range = { .iova = LOG_IOVA, .length = length };
	struct vfio_device_feature_dma_logging_control control = {
		.page_size = LOG_PAGE, .num_ranges = 1, .ranges = (uintptr_t)&range,
	};
	int err = v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_START | VFIO_DEVICE_FEATURE_SET,
				 &control, sizeof(control));

	if (err)
		bad("VFIO_DEVICE_FEATURE_DMA_LOGGING_START: %s", strerror(err));
}

/* One piece of memory, again and again: pages are dirty by their address */
static void make_dirty(uint64_t length, uint64_t step, uint32_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	for (uint64_t at = 0; at < length; at += step) {
		err = vdev_map(&source, LOG_IOVA + at, mem, bytes);
		if (err)
			bad("mapping memory: %s", strerror(err));
		ioat_copy(LOG_IOVA + at, bytes);
	}
}

static void report(const char *name, uint64_t length, uint64_t *map)
{
	struct vfio_device_feature_dma_logging_report r = {
		.iova = LOG_IOVA, .length = length, .page_size = LOG_PAGE, .bitmap = (uintptr_t)map,
	};
	uint64_t start = now_us();
	int err = v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT | VFIO_DEVICE_FEATURE_GET,
				 &r, sizeof(r));

	if (err)
		bad("VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT: %s", strerror(err));
	say(name, now_us() - start);
}

static void dirty(const char *dir, uint64_t length, uint64_t step, uint32_t bytes)
{
	uint64_t words = length / LOG_PAGE / 64, pages = 0;
	/* Populated: no time is to go into the bitmap's own pages */
	uint64_t *map = mmap(NULL, words * sizeof(*map), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (map == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
	ioat_open_device(dir);
	start_log(length);
	make_dirty(length, step, bytes);
	report("report_us", length, map);
	for (uint64_t i = 0; i < words; i++)
		pages += __builtin_popcountll(map[i]);
	say("pages", length / LOG_PAGE);
	say("dirty", pages);
	if (pages != length / step * (bytes / LOG_PAGE))
		bad("%llu pages are dirty", (unsigned long long)pages);
	report("clean_us", length, map);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "save"))
		save(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "beside"))
		beside(argv[2], strtoull(argv[3], NULL, 0));
	else if (argc == 6 && !strcmp(argv[1], "move"))
		move(argv[2], argv[3], atoi(argv[4]), argv[5]);
	else if (argc == 6 && !strcmp(argv[1], "dirty"))
		dirty(argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0),
		      strtoul(argv[5], NULL, 0));
	else
		return fprintf(stderr, "usage: see vfio-bench.c\n"), 2;
	return 0;
}
