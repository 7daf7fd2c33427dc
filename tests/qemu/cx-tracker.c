/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ConnectX: the page tracker, a general object of the PF. It records where a
 * function's DMA writes, and reports by messages through a queue pair.
 */
#include "qemu/osdep.h"
#include "cx.h"

#define OBJECT_TYPE     0x46
#define ID_BASE         0x1000
#define CONTEXT         0x10
#define RANGES          0x40
#define MAX_RANGES      16
#define MAX_DIRTY       (1u << 20)

enum { TRACKING, REPORTING, FAILED };

struct CxTracker {
    CxVhca *of;
    unsigned ranges;
    struct { uint64_t start, len; } range[MAX_RANGES];
    unsigned shift;
    uint32_t message;
    uint32_t qpn;
    uint8_t state;
    GHashTable *dirty;      /* page numbers */
    GArray *report;         /* addresses, as they are sent */
    uint32_t sent;
    uint32_t idle;          /* messages with nothing before the next one, a fault */
    QEMUTimer timer;
};

void cx_tracker_free(CxTracker *t)
{
    t->of->tracker = NULL;
    timer_del(&t->timer);
    g_hash_table_destroy(t->dirty);
    g_array_unref(t->report);
    g_free(t);
}

static bool in_range(const CxTracker *t, uint64_t addr)
{
    for (unsigned i = 0; i < t->ranges; i++) {
        if (addr >= t->range[i].start &&
            addr - t->range[i].start < t->range[i].len) {
            return true;
        }
    }
    return false;
}

void cx_tracker_wrote(CxVhca *v, uint64_t iova, uint64_t len)
{
    CxTracker *t = v->tracker;

    if (!t || !len || cx_bug(v, "lose-dirty")) {
        return;
    }
    for (uint64_t page = iova >> t->shift;
         page <= (iova + len - 1) >> t->shift; page++) {
        if (!in_range(t, page << t->shift)) {
            continue;
        }
        if (g_hash_table_size(t->dirty) >= MAX_DIRTY) {
            t->state = FAILED;
            return;
        }
        g_hash_table_add(t->dirty, GSIZE_TO_POINTER(page));
    }
}

/* -- reports ---------------------------------------------------------------------------- */

/* As many messages as the host has room for; the last one says so */
static void send_report(void *opaque)
{
    CxTracker *t = opaque;
    CxVhca *pf = &t->of->pf->vhca;
    CxQp *own = cx_qp(pf, t->qpn);
    CxQp *host = own ? cx_qp(pf, own->remote) : NULL;

    while (host && t->state == REPORTING) {
        uint32_t n = t->idle ? 0 : MIN(t->report->len - t->sent, t->message / 8);
        bool last = !t->idle && t->sent + n == t->report->len;
        uint32_t immediate = (last ? TRACKING : REPORTING) << 28;

        switch (cx_rc_receive(pf, host, own->remote, (uint8_t *)t->report->data +
                              t->sent * 8ull, n * 8, &immediate)) {
        case CX_DELIVERED:
            t->sent += n;
            t->idle -= !!t->idle;
            if (last) {
                t->state = TRACKING;
            }
            break;
        case CX_NOT_READY:
            timer_mod(&t->timer,
                      qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + SCALE_MS);
            return;
        case CX_REFUSED:
            t->state = FAILED;
            return;
        }
    }
    if (!host) {
        t->state = FAILED;
    }
}

/* What is reported is clean */
static void collect(CxTracker *t, uint64_t start, uint64_t len)
{
    GHashTableIter it;
    gpointer key;

    g_array_set_size(t->report, 0);
    t->sent = 0;
    g_hash_table_iter_init(&it, t->dirty);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        uint64_t addr = (uint64_t)GPOINTER_TO_SIZE(key) << t->shift;

        if (addr >= start && addr - start < len) {
            uint64_t be = cpu_to_be64(addr);

            g_array_append_val(t->report, be);
            g_hash_table_iter_remove(&it);
        }
    }
}

/* -- commands ------------------------------------------------------------------------------ */

static bool ranges_read(CxTracker *t, const CxCmd *c)
{
    unsigned log_space = cx_get(c->in + CONTEXT, 0x10, 8, 8);
    uint64_t all = 0;

    if (!t->ranges || t->ranges > MAX_RANGES ||
        c->inlen < RANGES + t->ranges * 16) {
        return false;
    }
    for (unsigned i = 0; i < t->ranges; i++, all += t->range[i - 1].len) {
        t->range[i].start = ldq_be_p(c->in + RANGES + i * 16);
        t->range[i].len = ldq_be_p(c->in + RANGES + i * 16 + 8);
        if (!t->range[i].len ||
            t->range[i].len - 1 > UINT64_MAX - t->range[i].start) {
            return false;
        }
    }
    /* Upstream's driver rounds the logarithm down */
    return log_space >= CX_TRACK_LOG_MIN && log_space <= CX_TRACK_LOG_MAX &&
           all <= 2ull << log_space;
}

static bool tracker_read(CxTracker *t, CxVhca *v, const CxCmd *c)
{
    const uint8_t *context = c->in + CONTEXT;
    unsigned log_message = cx_get(context, 0x10, 27, 5);

    t->shift = cx_get(context, 0x10, 19, 5);
    t->qpn = cx_get(context, 0x14, 8, 24);
    t->ranges = cx_get(context, 0x18, 24, 8);
    t->message = 1u << log_message;
    return t->shift >= 12 && t->shift <= 20 && log_message >= 12 &&
           log_message <= 13 && cx_get(context, 0x10, 4, 4) == 1 &&
           cx_qp(v, t->qpn) && ranges_read(t, c);
}

static CxTracker *find(CxVhca *v, const CxCmd *c)
{
    uint32_t id = ldl_be_p(c->in + 8) - ID_BASE;
    CxVhca *of = NULL;

    if (lduw_be_p(c->in + 6) == OBJECT_TYPE && id && id <= v->pf->total_vfs) {
        of = cx_function(v->pf, id);
    }
    return of ? of->tracker : NULL;
}

int cx_create_object(CxVhca *v, CxCmd *c)
{
    uint32_t id = cx_get(c->in + CONTEXT, 8, 16, 16);
    CxVhca *of = NULL;
    CxTracker *t;

    if (lduw_be_p(c->in + 6) != OBJECT_TYPE || !v->pf->tracker) {
        return CX_BAD_PARAM;
    }
    if (id > CX_VHCA_ID_BASE) {
        of = cx_function(v->pf, id - CX_VHCA_ID_BASE);
    }
    if (!of || !of->enabled) {
        return CX_BAD_PARAM;
    }
    if (of->tracker) {
        return CX_NO_RES;
    }
    t = g_new0(CxTracker, 1);
    t->of = of;
    if (!tracker_read(t, v, c)) {
        g_free(t);
        return CX_BAD_PARAM;
    }
    t->dirty = g_hash_table_new(NULL, NULL);
    t->report = g_array_new(false, false, sizeof(uint64_t));
    timer_init_ns(&t->timer, QEMU_CLOCK_VIRTUAL, send_report, t);
    of->tracker = t;
    stl_be_p(c->out + 8, ID_BASE + of->id);
    return CX_OK;
}

int cx_modify_object(CxVhca *v, CxCmd *c)
{
    const uint8_t *context = c->in + CONTEXT;
    CxTracker *t = find(v, c);

    if (!t) {
        return CX_BAD_RES;
    }
    if (ldq_be_p(context) != 3 || cx_get(context, 0x10, 0, 4) != REPORTING) {
        return CX_BAD_PARAM;
    }
    if (t->state != TRACKING) {
        return CX_BAD_STATE;
    }
    collect(t, ldq_be_p(context + 0x20), ldq_be_p(context + 0x28));
    t->state = REPORTING;
    t->idle = c->fault.kind == CX_FAULT_VALUE ? c->fault.parameter : 0;
    if (t->idle == UINT32_MAX) {
        return CX_OK;
    }
    timer_mod(&t->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
    return CX_OK;
}

int cx_query_object(CxVhca *v, CxCmd *c)
{
    CxTracker *t = find(v, c);

    if (!t) {
        return CX_BAD_RES;
    }
    cx_set(c->out + CONTEXT, 0x10, 0, 4, t->state);
    return CX_OK;
}

int cx_destroy_object(CxVhca *v, CxCmd *c)
{
    CxTracker *t = find(v, c);

    if (!t) {
        return CX_BAD_RES;
    }
    cx_tracker_free(t);
    return CX_OK;
}
