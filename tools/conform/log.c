// SPDX-License-Identifier: GPL-2.0-only
/* Points: logging of the pages that the device writes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"

#define LOW	0x20000000ULL
#define SIZE	(16 << 20)
#define PAGE	4096

#define RULE_ONE	"A single call to start device DMA logging can be issued and a matching stop should follow at the end. Another start is not allowed in the meantime."
#define RULE_RANGE	"When DMA logging is started a range of IOVAs to monitor is provided [...]"
#define RULE_REPORT	"Query the device's DMA log for written pages within the given IOVA range. During querying the log is cleared for the IOVA range."
#define RULE_SET	"The LOGGING_REPORT will only set bits in the bitmap and never clear or perform any initialization of the user provided bitmap."

static int start_with(uint64_t page, const struct log_range *ranges, uint32_t n)
{
	struct log_control c = { .page_size = page, .num_ranges = n, .ranges = (uintptr_t)ranges };

	return v2_feature(&source, FEATURE_LOG_START | VFIO_DEVICE_FEATURE_SET, &c, sizeof(c));
}

static void start(void)
{
	static const struct log_range all = { LOW, SIZE };
	int err = start_with(PAGE, &all, 1);

	if (err)
		bad("DMA_LOGGING_START of 16 MiB: %s", ename(err));
}

static int stop(void)
{
	return v2_feature(&source, FEATURE_LOG_STOP | VFIO_DEVICE_FEATURE_SET, NULL, 0);
}

static void must_stop(void)
{
	int err = stop();

	if (err)
		bad("DMA_LOGGING_STOP: %s", ename(err));
}

static int report(uint64_t iova, uint64_t length, uint64_t page, uint64_t *bits)
{
	struct log_report r = {
		.iova = iova, .length = length, .page_size = page, .bitmap = (uintptr_t)bits,
	};

	return v2_feature(&source, FEATURE_LOG_REPORT | VFIO_DEVICE_FEATURE_GET, &r, sizeof(r));
}

static uint64_t *must_report(uint64_t page)
{
	uint64_t *bits = calloc(SIZE / page / 64 + 1, 8);
	int err = report(LOW, SIZE, page, bits);

	if (err)
		bad("DMA_LOGGING_REPORT by pages of %llu: %s", (unsigned long long)page, ename(err));
	return bits;
}

static bool is_set(const uint64_t *bits, uint64_t n)
{
	return bits[n / 64] >> n % 64 & 1;
}

static unsigned int count(const uint64_t *bits)
{
	unsigned int n = 0;

	for (uint64_t i = 0; i < SIZE / PAGE; i++)
		n += is_set(bits, i);
	return n;
}

static void arguments(const struct point *p)
{
	static const struct log_range overlap[] = { { LOW, SIZE }, { LOW + PAGE, SIZE } };
	static const struct log_range wrap = { ~0ULL - PAGE + 1, 2 * SIZE };
	static const struct log_range empty = { LOW, 0 };

	(void)p;
	if (!start_with(PAGE, overlap, 2))
		bad("ranges that overlap are accepted");
	if (!start_with(PAGE, &wrap, 1))
		bad("a range that goes past the end of all addresses is accepted");
	if (!start_with(PAGE, (void *)8, 1))
		bad("ranges in no memory are accepted");
	if (!start_with(PAGE, overlap, 0))
		bad("no ranges are accepted");
	/* Of that the uapi does not speak */
	if (!start_with(PAGE, &empty, 1)) {
		note("a range of no bytes is accepted");
		must_stop();
	}
	start();
	must_stop();
}

static void granularity(const struct point *p)
{
	static const struct log_range all = { LOW, SIZE };
	uint64_t bits[8] = { 0 };

	(void)p;
	/* A hint: a driver may take it for another */
	if (!start_with(3000, &all, 1)) {
		note("START by pages of 3000 bytes is accepted");
		must_stop();
	}
	start();
	if (!report(LOW, SIZE, 3000, bits))
		bad("REPORT by pages of 3000 bytes is accepted");
	must_stop();
}

static void twice(const struct point *p)
{
	static const struct log_range all = { LOW, SIZE };

	(void)p;
	start();
	if (!start_with(PAGE, &all, 1))
		bad("a second START is accepted");
	must_stop();
	start();
	must_stop();
}

static void off(const struct point *p)
{
	static uint64_t bits[SIZE / PAGE / 64];

	(void)p;
	if (!report(LOW, SIZE, PAGE, bits))
		bad("REPORT without START succeeds");
	start();
	must_stop();
	if (!report(LOW, SIZE, PAGE, bits))
		bad("REPORT after STOP succeeds");
}

static void only_sets(const struct point *p)
{
	uint64_t *bits = malloc(SIZE / PAGE / 8);
	int err;

	(void)p;
	memset(bits, 0xff, SIZE / PAGE / 8);
	start();
	err = report(LOW, SIZE, PAGE, bits);
	if (err)
		bad("REPORT: %s", ename(err));
	for (uint64_t i = 0; i < SIZE / PAGE; i++) {
		if (!is_set(bits, i))
			bad("the bit of page %llu is cleared", (unsigned long long)i);
	}
	must_stop();
}

static void states(const struct point *p)
{
	(void)p;
	start();
	for (int i = ST_STOP; i < MAX_STATES; i++) {
		if (!v2_has(&source, i))
			continue;
		v2_reach(&source, i);
		free(must_report(PAGE));
		v2_set(&source, ST_RUNNING);
	}
	must_stop();
}

static void closed(const struct point *p)
{
	(void)p;
	start();
	vdev_close(&source);
	vdev_must_open(&source);
	start();
	must_stop();
}

/* Pages that the plug-in's device wrote: here and there, one of them in part, some in a row */
static const struct { uint64_t page, n; } written[] = { { 0, 1 }, { 7, 3 }, { 1000, 16 }, { 4095, 1 } };

static void write_pages(void)
{
	for (unsigned int i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		plugin_write(&source, LOW + written[i].page * PAGE, written[i].n * PAGE);
}

static void reports(const struct point *p)
{
	uint64_t page = p->a ? p->a : PAGE, *bits;
	unsigned int n = 0;

	start();
	free(must_report(PAGE));
	write_pages();
	bits = must_report(page);
	for (unsigned int i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		for (uint64_t k = written[i].page; k < written[i].page + written[i].n; k++, n++) {
			if (!is_set(bits, k * PAGE / page))
				bad("page 0x%llx was written, and is not reported",
				    (unsigned long long)(LOW + k * PAGE));
		}
	}
	if (page == PAGE)
		note("%u pages written, %u reported", n, count(bits));
	must_stop();
}

static void cleared(const struct point *p)
{
	uint64_t *bits;

	(void)p;
	start();
	write_pages();
	bits = must_report(PAGE);
	if (!count(bits))
		bad("nothing is reported");
	bits = must_report(PAGE);
	if (count(bits))
		bad("%u pages are reported again", count(bits));
	must_stop();
}

static void while_stopped(const struct point *p)
{
	uint64_t *bits;

	(void)p;
	start();
	free(must_report(PAGE));
	write_pages();
	v2_set(&source, ST_STOP);
	bits = must_report(PAGE);
	if (!count(bits))
		bad("what was written before STOP is not reported in STOP");
	v2_set(&source, ST_RUNNING);
	must_stop();
}

static const struct point table[] = {
	{ "log.arguments", "invalid ranges are refused, and then logging starts", RULE_RANGE,
	  NEED_V2 | NEED_LOG, 20, arguments, 0, 0 },
	{ "log.granularity", "a report with a page size that is not a power of 2 is refused",
	  "The input page_size can be any power of two value and does not have to match the value given to VFIO_DEVICE_FEATURE_DMA_LOGGING_START.",
	  NEED_V2 | NEED_LOG, 20, granularity, 0, 0 },
	{ "log.twice", "a second start is refused until the first was stopped", RULE_ONE,
	  NEED_V2 | NEED_LOG, 20, twice, 0, 0 },
	{ "log.off", "a report without logging is refused",
	  "If DMA logging is not enabled, an error will be returned.",
	  NEED_V2 | NEED_LOG, 20, off, 0, 0 },
	{ "log.only-sets", "a report clears no bits in the user's bitmap", RULE_SET,
	  NEED_V2 | NEED_LOG, 20, only_sets, 0, 0 },
	{ "log.states", "logging continues in each migration state",
	  "Only DMA WRITEs are logged, and this API is not connected to VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE.",
	  NEED_V2 | NEED_LOG, 60, states, 0, 0 },
	{ "log.closed", "logging ends when the user closes the device", RULE_ONE,
	  NEED_V2 | NEED_LOG, 30, closed, 0, 0 },
	{ "log.reports", "each page that the device writes is reported", RULE_REPORT,
	  NEED_V2 | NEED_LOG | NEED_DMA, 60, reports, 0, 0 },
	{ "log.reports-64K", "each page of 64 KiB that the device writes is reported",
	  "The driver will format its internal logging to match the reporting page size, possibly by replicating bits if the internal page size is lower than requested.",
	  NEED_V2 | NEED_LOG | NEED_DMA, 60, reports, 65536, 0 },
	{ "log.cleared", "a page is reported once for each time that it is written", RULE_REPORT,
	  NEED_V2 | NEED_LOG | NEED_DMA, 60, cleared, 0, 0 },
	{ "log.stopped", "the last writes are reported in STOP", RULE_REPORT,
	  NEED_V2 | NEED_LOG | NEED_DMA, 60, while_stopped, 0, 0 },
};

POINTS(points_log, table);
