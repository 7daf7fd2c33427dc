/* SPDX-License-Identifier: GPL-2.0-only */
/* Test output as TAP: one line a test. A test ends at its first CHECK that fails. */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

struct test {
	const char *name;
	void (*run)(void);
};

extern const struct test writer_tests[], reader_tests[], refusal_tests[], range_tests[],
	precopy_tests[], v1_tests[], nvlink2_tests[], parts_tests[], framed_tests[],
	upstream_tests[];

#define TEST(fn, what) { .name = what, .run = fn }

#define CHECK(cond, fmt, ...) do {						\
	if (!(cond)) {								\
		tap_failed(__FILE__, __LINE__, #cond, fmt, ##__VA_ARGS__);	\
		return;								\
	}									\
} while (0)

void tap_failed(const char *file, int line, const char *cond, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool tap_has_failed(void);

/* Leave a test whose helper has failed */
#define CHECK_HELPER() do { if (tap_has_failed()) return; } while (0)

#endif
