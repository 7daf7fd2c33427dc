/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the cases of tests/unit take from the C library, so that they are compiled here as they are:
 * against the kernel's own checksum, under its own sanitizers. Their tap.h needs two functions.
 */
#ifndef KUNIT_UNIT_H
#define KUNIT_UNIT_H

#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/build_bug.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>

#define UINT32_MAX	U32_MAX
#define UINT64_MAX	U64_MAX

#define htole16(x)	cpu_to_le16(x)
#define htole32(x)	cpu_to_le32(x)
#define htole64(x)	cpu_to_le64(x)

#define malloc(size)	kmalloc(size, GFP_KERNEL | __GFP_NOFAIL)
#define calloc(n, size)	kcalloc(n, size, GFP_KERNEL | __GFP_NOFAIL)
#define free(p)		kfree(p)
#define abort()		KUNIT_ASSERT_TRUE(kunit_get_current_test(), false)
#define strtoull(s, end, base)	simple_strtoull(s, end, base)

#define srand(seed)	unit_srand(seed)
#define rand()		unit_rand()

/* Theirs, bit by bit, to compare the kernel's with */
#ifdef UNIT_CRC32C
u32 unit_crc32c(u32 crc, const void *data, size_t len);
#define crc32c(crc, data, len)	unit_crc32c(crc, data, len)
#endif

void unit_srand(u32 seed);
int unit_rand(void);

#endif /* KUNIT_UNIT_H */
