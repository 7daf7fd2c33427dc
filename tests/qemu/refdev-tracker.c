/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference device: a function's dirty page tracker. */
#include "qemu/osdep.h"
#include "refdev.h"

static bool range_valid(uint64_t iova, uint64_t length, unsigned page_log)
{
    uint64_t mask = (1ull << page_log) - 1;

    return length && !((iova | length) & mask) && iova + length - 1 >= iova;
}

static bool overlap(const uint64_t *a, const uint64_t *b)
{
    return a[0] <= b[0] + b[1] - 1 && b[0] <= a[0] + a[1] - 1;
}

static uint16_t ranges_check(uint64_t max_pages, unsigned page_log,
                             const uint64_t *ranges, unsigned count)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < count; i++) {
        const uint64_t *r = ranges + 2 * i;

        if (!range_valid(r[0], r[1], page_log)) {
            return RD_BAD_ARGUMENT;
        }
        for (unsigned j = 0; j < i; j++) {
            if (overlap(r, ranges + 2 * j)) {
                return RD_BAD_ARGUMENT;
            }
        }
        pages += r[1] >> page_log;
    }
    return pages > max_pages ? RD_NO_RESOURCES : RD_OK;
}

uint16_t refdev_tracker_start(RefdevTracker *t, uint64_t max_pages,
                              unsigned page_log, const uint64_t *ranges,
                              unsigned count)
{
    uint16_t status = ranges_check(max_pages, page_log, ranges, count);

    if (status != RD_OK) {
        return status;
    }
    t->page_log = page_log;
    for (t->ranges = 0; t->ranges < count; t->ranges++) {
        RefdevRange *r = &t->range[t->ranges];

        r->iova = ranges[2 * t->ranges];
        r->length = ranges[2 * t->ranges + 1];
        r->dirty = bitmap_try_new(r->length >> page_log);
        if (!r->dirty) {
            refdev_tracker_stop(t);
            return RD_NO_RESOURCES;
        }
    }
    t->running = true;
    return RD_OK;
}

void refdev_tracker_stop(RefdevTracker *t)
{
    for (unsigned i = 0; i < t->ranges; i++) {
        g_free(t->range[i].dirty);
    }
    memset(t, 0, sizeof(*t));
}

static void range_wrote(RefdevTracker *t, RefdevRange *r, uint64_t first,
                        uint64_t last)
{
    first = MAX(first, r->iova);
    last = MIN(last, r->iova + r->length - 1);
    if (first <= last) {
        first = (first - r->iova) >> t->page_log;
        last = (last - r->iova) >> t->page_log;
        bitmap_set(r->dirty, first, last - first + 1);
    }
}

void refdev_tracker_wrote(RefdevTracker *t, uint64_t iova, uint64_t bytes)
{
    if (!t->running || !bytes) {
        return;
    }
    for (unsigned i = 0; i < t->ranges; i++) {
        range_wrote(t, &t->range[i], iova, iova + bytes - 1);
    }
}

/* The tracked range that holds all of this one, if it is aligned. */
RefdevRange *refdev_tracker_find(RefdevTracker *t, uint64_t iova,
                                 uint64_t length)
{
    if (!range_valid(iova, length, t->page_log)) {
        return NULL;
    }
    for (unsigned i = 0; i < t->ranges; i++) {
        RefdevRange *r = &t->range[i];

        if (iova >= r->iova &&
            iova + length - 1 <= r->iova + r->length - 1) {
            return r;
        }
    }
    return NULL;
}

/* Dirty pages as a little-endian bitmap, bit 0 = the first; returns how many */
uint64_t refdev_tracker_get(RefdevTracker *t, RefdevRange *r, uint64_t first,
                            uint64_t pages, uint8_t *bitmap)
{
    uint64_t end = first + pages;
    uint64_t count = 0;
    uint64_t page;

    for (page = find_next_bit(r->dirty, end, first); page < end;
         page = find_next_bit(r->dirty, end, page + 1)) {
        bitmap[(page - first) / 8] |= 1 << ((page - first) % 8);
        count++;
    }
    return count;
}

void refdev_tracker_clear(RefdevTracker *t, RefdevRange *r, uint64_t first,
                          uint64_t pages)
{
    if (pages) {
        bitmap_clear(r->dirty, first, pages);
    }
}
