// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "tap.h"

static bool failed;

void tap_failed(const char *file, int line, const char *cond, const char *fmt, ...)
{
	va_list ap;

	failed = true;
	printf("# %s:%d: not true: %s (", file, line, cond);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(")\n");
}

bool tap_has_failed(void)
{
	return failed;
}

int main(void)
{
	const struct test *suites[] = { writer_tests, reader_tests, refusal_tests,
					range_tests, precopy_tests, v1_tests, nvlink2_tests,
					parts_tests, framed_tests, upstream_tests };
	int n_passed = 0, n_failed = 0;

	setbuf(stdout, NULL);
	for (unsigned int i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		for (const struct test *t = suites[i]; t->name; t++) {
			failed = false;
			t->run();
			if (failed)
				n_failed++;
			else
				n_passed++;
			printf("%sok %d - %s\n", failed ? "not " : "", n_passed + n_failed,
			       t->name);
		}
	}
	printf("1..%d\n%d passed, %d failed\n", n_passed + n_failed, n_passed, n_failed);
	return n_failed || !n_passed;
}
