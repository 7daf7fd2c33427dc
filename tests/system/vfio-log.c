// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-log: logging of dirty pages as a VFIO user sees it, from the command line.
 *
 *   vfio-log [-c] SYSFS-DIR COMMAND...
 *
 * Opens the device of SYSFS-DIR (an mdev) by its IOMMU group, with -c by its character
 * device and IOMMUFD, and carries out the commands in order. The first one with another outcome than expected ends the program with status 1
 * and a line that says what happened. "=ENAME" is the errno that is expected instead of
 * success. Numbers as in C.
 *
 *   probe[=E]                    is VFIO_DEVICE_FEATURE_DMA_LOGGING_START there?
 *   start:PAGE:RANGES[=E]        RANGES: IOVA+LENGTH,IOVA+LENGTH,...
 *   many:PAGE:IOVA:LENGTH:STRIDE:N[=E]   start with N ranges
 *   page:N                       the page size that start gave back
 *   stop[=E]
 *   report:IOVA:LENGTH:PAGE:PAGES[=E]    PAGES: those that must be dirty, counted from IOVA:
 *                                "0,7-9", or "none"; "any" prints how many
 *   copy:IOVA:BYTES              the engine writes there. Memory is at LOW and HIGH below
 *   reset                        VFIO_DEVICE_RESET
 *   sh:COMMAND
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vfio-access.h"

/* Where the engine may write */
#define LOW		0x20000000ULL
#define LOW_SIZE	(16 << 20)
#define HIGH		0x200000000ULL
#define HIGH_SIZE	(1 << 20)

static const char *command;

_Noreturn void bad(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	printf("vfio-log: %s: ", command);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static void expect(int err, const char *wanted)
{
	const char *name = err ? strerrorname_np(err) : "0";

	if (strcmp(name, wanted ? wanted : "0"))
		bad("%s, expected %s", err ? name : "success", wanted ? wanted : "success");
}

static void must(int ret, const char *what)
{
	if (ret < 0)
		bad("%s: %s", what, strerror(errno));
}

#include "vfio-ioat.h"

static void open_device(char *dir, bool cdev)
{
	const char *what;
	int err = access_open(dir, basename(strdup(dir)), cdev, &what);

	if (err)
		bad("%s: %s", what, strerror(err));
	ioat_open();
	ioat_memory(LOW, LOW_SIZE);
	ioat_memory(HIGH, HIGH_SIZE);
}

/* ---- logging ------------------------------------------------------------------ */

static uint64_t page_size;

static int start(uint64_t page, struct vfio_device_feature_dma_logging_range *r, unsigned int n)
{
	struct vfio_device_feature_dma_logging_control c = {
		.page_size = page,
		.num_ranges = n,
		.ranges = (uintptr_t)r,
	};
	int err = v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_START | VFIO_DEVICE_FEATURE_SET,
				 &c, sizeof(c));

	page_size = c.page_size;
	return err;
}

static int start_ranges(char **arg)
{
	struct vfio_device_feature_dma_logging_range r[512];
	unsigned int n = 0;
	char *p = arg[2];

	do {
		r[n].iova = strtoull(p, &p, 0);
		if (*p++ != '+')
			bad("no range");
		r[n++].length = strtoull(p, &p, 0);
	} while (*p++ == ',' && n < 512);
	return start(strtoull(arg[1], NULL, 0), r, n);
}

static int start_many(char **arg)
{
	struct vfio_device_feature_dma_logging_range r[512];
	uint64_t iova = strtoull(arg[2], NULL, 0), length = strtoull(arg[3], NULL, 0);
	uint64_t stride = strtoull(arg[4], NULL, 0);
	unsigned int n = strtoul(arg[5], NULL, 0);

	for (unsigned int i = 0; i < n && i < 512; i++) {
		r[i].iova = iova + i * stride;
		r[i].length = length;
	}
	return start(strtoull(arg[1], NULL, 0), r, n);
}

static bool bit(const uint64_t *map, uint64_t i)
{
	return map[i / 64] >> i % 64 & 1;
}

/* "0,7-9" */
static char *in_words(const uint64_t *map, uint64_t n, uint64_t *count)
{
	char *text, *end;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	*count = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t first = i;

		if (!bit(map, i))
			continue;
		while (i + 1 < n && bit(map, i + 1))
			i++;
		*count += i - first + 1;
		if (i == first)
			fprintf(f, "%llu,", (unsigned long long)i);
		else
			fprintf(f, "%llu-%llu,", (unsigned long long)first, (unsigned long long)i);
	}
	fclose(f);
	end = strrchr(text, ',');
	if (end)
		*end = 0;
	return *count ? text : "none";
}

static int report(char **arg)
{
	uint64_t iova = strtoull(arg[1], NULL, 0), length = strtoull(arg[2], NULL, 0);
	uint64_t page = strtoull(arg[3], NULL, 0), count;
	uint64_t bits = (length + page - 1) / page, words = (bits + 63) / 64;
	uint64_t *map = calloc(words + 1, sizeof(*map));
	struct vfio_device_feature_dma_logging_report r = {
		.iova = iova,
		.length = length,
		.page_size = page,
		.bitmap = (uintptr_t)map,
	};
	const char *got;
	int err;

	map[words] = 0x123456789abcdefULL;
	err = v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT | VFIO_DEVICE_FEATURE_GET, &r,
			     sizeof(r));
	if (map[words] != 0x123456789abcdefULL)
		bad("written behind the bitmap");
	got = in_words(map, words * 64, &count);
	if (err)
		return err;
	if (!strcmp(arg[4], "any"))
		printf("dirty=%llu\n", (unsigned long long)count);
	else if (strcmp(got, arg[4]))
		bad("dirty are %.200s", got);
	return 0;
}

static void run(const char *text)
{
	char *copy_of = strdup(text), *wanted, *arg[8] = { 0 };
	unsigned int n = 0;

	command = text;
	if (!strncmp(text, "sh:", 3)) {
		if (system(text + 3))
			bad("failed");
		return;
	}
	wanted = strchr(copy_of, '=');
	if (wanted)
		*wanted++ = 0;
	while (n < 7 && (arg[n] = strsep(&copy_of, ":")))
		n++;
	if (!strcmp(arg[0], "probe"))
		expect(v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_START |
				      VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET, "", 0), wanted);
	else if (!strcmp(arg[0], "start") && n == 3)
		expect(start_ranges(arg), wanted);
	else if (!strcmp(arg[0], "many") && n == 6)
		expect(start_many(arg), wanted);
	else if (!strcmp(arg[0], "stop"))
		expect(v2_feature(&source, VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP |
				      VFIO_DEVICE_FEATURE_SET, "", 0), wanted);
	else if (!strcmp(arg[0], "report") && n == 5)
		expect(report(arg), wanted);
	else if (!strcmp(arg[0], "page") && n == 2) {
		if (page_size != strtoull(arg[1], NULL, 0))
			bad("it is %llu", (unsigned long long)page_size);
	} else if (!strcmp(arg[0], "copy") && n == 3) {
		ioat_copy(strtoull(arg[1], NULL, 0), strtoul(arg[2], NULL, 0));
	} else if (!strcmp(arg[0], "reset")) {
		must(ioctl(source.fd, VFIO_DEVICE_RESET), "VFIO_DEVICE_RESET");
		ioat_was_reset();
	} else {
		bad("what is that?");
	}
}

int main(int argc, char **argv)
{
	bool cdev = argc > 1 && !strcmp(argv[1], "-c");

	argv += cdev;
	argc -= cdev;
	if (argc < 3) {
		fprintf(stderr, "usage: vfio-log [-c] SYSFS-DIR COMMAND..., see vfio-log.c\n");
		return 2;
	}
	command = argv[1];
	open_device(argv[1], cdev);
	for (int i = 2; i < argc; i++)
		run(argv[i]);
	return 0;
}
