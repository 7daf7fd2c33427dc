/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests/qemu/cx-*.c need of QEMU, for a fuzzer: no more of it than they use. Devices, timers and
 * bottom halves do nothing.
 */
#ifndef SHIM_OSDEP_H
#define SHIM_OSDEP_H

#include <glib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KiB 1024ull
#define MiB (1024 * KiB)
#define GiB (1024 * MiB)
#define ARRAY_SIZE(a)       (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d)  (((n) + (d) - 1) / (d))
#define SCALE_US            1000ll
#define ROUND_UP(n, d)      (((n) + (d) - 1) / (d) * (d))
#define BITS_PER_LONG       (sizeof(long) * 8)
#define BITS_TO_LONGS(n)    (((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)

/* -- devices --------------------------------------------------------------------- */

typedef struct PCIDevice { int msix_entries_nr; } PCIDevice;
typedef struct MemoryRegion { int unused; } MemoryRegion;
typedef struct QEMUBH QEMUBH;
typedef struct QEMUTimer { int unused; } QEMUTimer;
typedef struct Object Object;
typedef struct Error Error;

#define DECLARE_INSTANCE_CHECKER(type, name, string)
#define QTAILQ_ENTRY(type)      struct { struct type *next, **prev; }
#define QTAILQ_HEAD(name, type) struct name { struct type *first, **last; }
#define QEMU_CLOCK_VIRTUAL      0

static inline void msix_notify(PCIDevice *dev, unsigned vector)
{
    g_assert(vector < (unsigned)dev->msix_entries_nr);
}

static inline void timer_mod(QEMUTimer *t, int64_t at) { (void)t, (void)at; }
static inline void timer_del(QEMUTimer *t) { (void)t; }
static inline bool timer_pending(QEMUTimer *t) { (void)t; return false; }
static inline int64_t qemu_clock_get_ns(int clock) { return clock; }
static inline void qemu_bh_schedule(QEMUBH *bh) { (void)bh; }

/* -- bytes and bits; of a host that is little-endian ------------------------------ */

#define SHIM_ACCESS(size, name, type, be) \
static inline type ld##name##_be_p(const void *p) \
{ type v; memcpy(&v, p, size); return be(v); } \
static inline type ld##name##_le_p(const void *p) \
{ type v; memcpy(&v, p, size); return v; } \
static inline void st##name##_be_p(void *p, type v) \
{ v = be(v); memcpy(p, &v, size); } \
static inline void st##name##_le_p(void *p, type v) \
{ memcpy(p, &v, size); }
SHIM_ACCESS(4, l, uint32_t, __builtin_bswap32)
SHIM_ACCESS(8, q, uint64_t, __builtin_bswap64)

static inline uint16_t lduw_be_p(const void *p)
{
    const uint8_t *b = p;

    return b[0] << 8 | b[1];
}

static inline void stw_be_p(void *p, uint16_t v)
{
    uint8_t *b = p;

    b[0] = v >> 8;
    b[1] = v;
}

static inline uint64_t cpu_to_le64(uint64_t v) { return v; }
static inline uint32_t be32_to_cpu(uint32_t v) { return __builtin_bswap32(v); }

static inline uint32_t extract32(uint32_t v, unsigned at, unsigned len)
{
    return v >> at & (~0u >> (32 - len));
}

static inline uint32_t deposit32(uint32_t v, unsigned at, unsigned len, uint32_t field)
{
    uint32_t mask = (~0u >> (32 - len)) << at;

    return (v & ~mask) | (field << at & mask);
}

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
    return map[n / BITS_PER_LONG] >> n % BITS_PER_LONG & 1;
}

static inline void set_bit(unsigned long n, unsigned long *map)
{
    map[n / BITS_PER_LONG] |= 1ul << n % BITS_PER_LONG;
}

static inline void clear_bit(unsigned long n, unsigned long *map)
{
    map[n / BITS_PER_LONG] &= ~(1ul << n % BITS_PER_LONG);
}

static inline void bitmap_fill(unsigned long *map, long n)
{
    memset(map, 0xff, BITS_TO_LONGS(n) * sizeof(*map));
}

static inline unsigned long find_next_zero_bit(const unsigned long *map, unsigned long end,
                                               unsigned long n)
{
    while (n < end && test_bit(n, map)) {
        n++;
    }
    return n;
}

#endif
