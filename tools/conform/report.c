// SPDX-License-Identifier: GPL-2.0-only
/* What has come out: TAP on standard output, JSON in a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "conform.h"

#define SAMPLES	64

struct arc {
	unsigned int n;
	uint32_t us[SAMPLES];
};

/* Shared with the children, which measure */
static struct measures {
	struct arc unit, arcs[MAX_STATES][MAX_STATES];
} *measures;

static FILE *json;
static unsigned int number, passed, failed, skipped;
static uint64_t began;

static void measure(struct arc *a, uint64_t us)
{
	a->us[a->n++ % SAMPLES] = us < UINT32_MAX ? us : UINT32_MAX;
}

void latency(int from, int to, uint64_t us)
{
	if (measures && from < 0 && to < 0)
		measure(&measures->unit, us);
	if (measures && from >= 0 && from < MAX_STATES && to >= 0 && to < MAX_STATES)
		measure(&measures->arcs[from][to], us);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t median(struct arc *a)
{
	unsigned int n = a->n < SAMPLES ? a->n : SAMPLES;

	if (!n)
		return 0;
	qsort(a->us, n, sizeof(a->us[0]), compare);
	return a->us[n / 2];
}

static void quoted(const char *s)
{
	putc('"', json);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(json, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			fprintf(json, "\\u%04x", *s);
		else
			putc(*s, json);
	}
	putc('"', json);
}

static void member(const char *name, const char *value)
{
	fprintf(json, ", \"%s\": ", name);
	quoted(value);
}

static void json_begin(void)
{
	struct utsname u;

	if (!options.json)
		return;
	json = fopen(options.json, "we");
	if (!json) {
		fprintf(stderr, "mdev-pci-conform: %s: %s\n", options.json, strerror(errno));
		exit(2);
	}
	uname(&u);
	fprintf(json, "{\"format\": 1");
	member("device", options.device);
	if (options.destination)
		member("destination", options.destination);
	member("kernel", u.release);
	fprintf(json, ", \"v2_flags\": %llu, \"v1\": %s, \"dma_logging\": %s, \"points\": [",
		(unsigned long long)source.flags, source.v1.size ? "true" : "false",
		source.has_log ? "true" : "false");
}

void report_begin(size_t n)
{
	void *at = mmap(NULL, sizeof(*measures), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	measures = at == MAP_FAILED ? NULL : at;
	began = now_us();
	json_begin();
	printf("TAP version 13\n1..%zu\n", n);
	printf("# %s: %s%s%s%s%s%s%s\n", options.device, source.flags ? "v2" : "",
	       source.flags & MIG_P2P ? ", P2P" : "", source.flags & MIG_PRE_COPY ? ", PRE_COPY" : "",
	       source.has_size ? ", data size" : "", source.has_log ? ", DMA logging" : "",
	       source.v1.size ? (source.flags ? ", v1" : "v1") : "",
	       source.flags || source.v1.size ? "" : "no migration");
}

/* Lines for people */
static void diagnose(const char *head, const char *text)
{
	const char *end;

	for (; *text; text = end + !!*end) {
		end = strchrnul(text, '\n');
		printf("#   %s%.*s\n", head, (int)(end - text), text);
	}
}

void report_point(const struct point *p, const struct result *r)
{
	static const char * const words[] = { "not run", "passed", "failed", "skipped" };
	bool ok = r->verdict == PASSED || r->verdict == SKIPPED;

	number++;
	passed += r->verdict == PASSED;
	failed += !ok;
	skipped += r->verdict == SKIPPED;
	printf("%sok %u - %s: %s%s%s\n", ok ? "" : "not ", number, p->name, p->title,
	       r->verdict == SKIPPED ? " # SKIP " : "", r->verdict == SKIPPED ? r->why : "");
	if (!ok) {
		diagnose("why: ", r->why);
		diagnose("uapi: ", p->rule);
	}
	if (!ok || !options.quiet)
		diagnose("", r->notes);
	fflush(stdout);
	if (!json)
		return;
	fprintf(json, "%s\n  {\"name\": ", number > 1 ? "," : "");
	quoted(p->name);
	member("title", p->title);
	member("result", words[r->verdict]);
	if (*r->why)
		member("why", r->why);
	member("uapi", p->rule);
	if (*r->notes)
		member("notes", r->notes);
	fprintf(json, ", \"seconds\": %.3f}", r->us / 1e6);
}

static void latencies(void)
{
	uint32_t unit = median(&measures->unit), m;
	bool first = true;

	if (!unit)
		unit = 1;
	if (json)
		fprintf(json, "], \"latencies\": {");
	for (int i = 0; i < MAX_STATES * MAX_STATES; i++) {
		int from = i / MAX_STATES, to = i % MAX_STATES;

		m = median(&measures->arcs[from][to]);
		if (!m)
			continue;
		if (first && !options.quiet)
			printf("# latencies, as a multiple of a GET of the state (median):\n");
		if (!options.quiet)
			printf("#   %-12s -> %-12s %8.1f\n", state_names[from], state_names[to],
			       (double)m / unit);
		if (json)
			fprintf(json, "%s\n  \"%s->%s\": %.1f", first ? "" : ",",
				state_names[from], state_names[to], (double)m / unit);
		first = false;
	}
	if (json)
		fprintf(json, "}");
}

/* No more points can be judged */
void report_bail(const char *why)
{
	printf("Bail out! %s\n", why);
	failed++;
}

int report_end(void)
{
	double seconds = (now_us() - began) / 1e6;

	latencies();
	printf("# %u passed, %u failed, %u skipped, %.1f s\n", passed, failed, skipped, seconds);
	fflush(stdout);
	if (json) {
		fprintf(json, ", \"passed\": %u, \"failed\": %u, \"skipped\": %u, \"seconds\": %.1f}\n",
			passed, failed, skipped, seconds);
		if (fclose(json)) {
			fprintf(stderr, "mdev-pci-conform: %s: %s\n", options.json, strerror(errno));
			return 1;
		}
	}
	if (failed)
		return 1;
	/* Nothing was judged: as kselftest has it */
	return passed ? 0 : 4;
}
