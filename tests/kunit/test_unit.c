// SPDX-License-Identifier: GPL-2.0-only
/* The cases of tests/unit, a file at a time: the very same ones that run in user space. */
#include <linux/prandom.h>

#include "unit.h"
#include "../unit/tap.h"

static struct rnd_state rnd;
static bool failed;

void unit_srand(u32 seed)
{
	prandom_seed_state(&rnd, seed);
}

int unit_rand(void)
{
	return prandom_u32_state(&rnd) & INT_MAX;
}

void tap_failed(const char *file, int line, const char *cond, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	failed = true;
	va_start(args, fmt);
	vaf.va = &args;
	KUNIT_FAIL(kunit_get_current_test(), "%s:%d: not true: %s (%pV)", file, line, cond, &vaf);
	va_end(args);
}

bool tap_has_failed(void)
{
	return failed;
}

static void each(struct kunit *test, const struct test *t)
{
	for (; t->name; t++) {
		failed = false;
		t->run();
		if (failed)
			kunit_err(test, "%s", t->name);
	}
}

static void stream_writer_cases_pass(struct kunit *test)
{
	each(test, writer_tests);
}

static void stream_reader_cases_pass(struct kunit *test)
{
	each(test, reader_tests);
}

static void stream_refusal_cases_pass(struct kunit *test)
{
	each(test, refusal_tests);
}

static void address_range_cases_pass(struct kunit *test)
{
	each(test, range_tests);
}

static void precopy_stream_cases_pass(struct kunit *test)
{
	each(test, precopy_tests);
}

static void v1_register_cases_pass(struct kunit *test)
{
	each(test, v1_tests);
}

static void nvlink2_description_cases_pass(struct kunit *test)
{
	each(test, nvlink2_tests);
}

static void device_part_cases_pass(struct kunit *test)
{
	each(test, parts_tests);
}

static void framed_stream_cases_pass(struct kunit *test)
{
	each(test, framed_tests);
}

static void upstream_stream_cases_pass(struct kunit *test)
{
	each(test, upstream_tests);
}

static struct kunit_case unit_cases[] = {
	KUNIT_CASE(stream_writer_cases_pass),
	KUNIT_CASE(stream_reader_cases_pass),
	KUNIT_CASE(stream_refusal_cases_pass),
	KUNIT_CASE(address_range_cases_pass),
	KUNIT_CASE(precopy_stream_cases_pass),
	KUNIT_CASE(framed_stream_cases_pass),
	KUNIT_CASE(upstream_stream_cases_pass),
	KUNIT_CASE(v1_register_cases_pass),
	KUNIT_CASE(nvlink2_description_cases_pass),
	KUNIT_CASE(device_part_cases_pass),
	{}
};

static struct kunit_suite unit_suite = {
	.name = "vfio-pci-engine-unit",
	.test_cases = unit_cases,
};

kunit_test_suite(unit_suite);
