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
#define SCALE_MS            1000000ll
#define NANOSECONDS_PER_SECOND 1000000000
#define ROUND_UP(n, d)      (((n) + (d) - 1) / (d) * (d))
#define BITS_PER_LONG       (sizeof(long) * 8)
#define BITS_TO_LONGS(n)    (((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)

/* -- devices --------------------------------------------------------------------- */

typedef struct PCIDevice { int msix_entries_nr; } PCIDevice;
typedef struct MemoryRegion { int unused; } MemoryRegion;
typedef struct QEMUBH QEMUBH;
typedef struct QEMUTimer { void (*cb)(void *); void *opaque; } QEMUTimer;
typedef struct Object Object;
typedef struct Error Error;

#define DECLARE_INSTANCE_CHECKER(type, name, string)
#define QTAILQ_ENTRY(type)      struct { struct type *next, **prev; }
#define QTAILQ_HEAD(name, type) struct name { struct type *first, **last; }
#define QTAILQ_INIT(head) ((head)->first = NULL, (head)->last = &(head)->first)
#define QTAILQ_INSERT_TAIL(head, item, field) \
    ((item)->field.next = NULL, (item)->field.prev = (head)->last, \
     *(head)->last = (item), (head)->last = &(item)->field.next)
#define QTAILQ_REMOVE(head, item, field) \
    (*((item)->field.next ? &(item)->field.next->field.prev : &(head)->last) = \
     (item)->field.prev, *(item)->field.prev = (item)->field.next)
#define QTAILQ_FOREACH_SAFE(item, head, field, after) \
    for ((item) = (head)->first; (item) && ((after) = (item)->field.next, true); \
         (item) = (after))
#define QEMU_CLOCK_VIRTUAL      0

static inline void msix_notify(PCIDevice *dev, unsigned vector)
{
    g_assert(vector < (unsigned)dev->msix_entries_nr);
}

/* The timer that was set last, for whoever plays the clock */
extern QEMUTimer *shim_timer;

static inline void timer_init_ns(QEMUTimer *t, int clock, void (*cb)(void *), void *opaque)
{
    (void)clock;
    t->cb = cb;
    t->opaque = opaque;
}

static inline void timer_mod(QEMUTimer *t, int64_t at) { (void)at; shim_timer = t; }

static inline void timer_del(QEMUTimer *t)
{
    if (shim_timer == t) {
        shim_timer = NULL;
    }
}

static inline bool timer_pending(QEMUTimer *t) { (void)t; return false; }
static inline int64_t qemu_clock_get_ns(int clock) { return clock; }
static inline void qemu_bh_schedule(QEMUBH *bh) { (void)bh; }

static inline uint64_t muldiv64(uint64_t a, uint32_t b, uint32_t c)
{
    return (unsigned __int128)a * b / c;
}

static inline int ctz32(uint32_t v) { return v ? __builtin_ctz(v) : 32; }

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

static inline uint64_t cpu_to_be64(uint64_t v) { return __builtin_bswap64(v); }
static inline uint64_t cpu_to_le64(uint64_t v) { return v; }
static inline uint32_t be32_to_cpu(uint32_t v) { return __builtin_bswap32(v); }

static inline uint32_t extract32(uint32_t v, unsigned at, unsigned len)
{
    return v >> at & (~0u >> (32 - len));
}

static inline uint64_t extract64(uint64_t v, unsigned at, unsigned len)
{
    return v >> at & (~0ull >> (64 - len));
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

static inline void bitmap_zero(unsigned long *map, long n)
{
    memset(map, 0, BITS_TO_LONGS(n) * sizeof(*map));
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
