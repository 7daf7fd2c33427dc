/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: event queues, and the interrupts that tell of them. */
#include "qemu/osdep.h"
#include "cx.h"

#define EQE_BYTES   64
#define EQE_OWNER   63
#define MAX_LOG     15
#define MASK24      0xffffff

void cx_eq_free(CxEq *eq)
{
    cx_pages_free(&eq->pages);
    g_free(eq);
}

static bool eq_read(CxVhca *v, CxEq *eq, const CxCmd *c)
{
    const uint8_t *eqc = c->in + 0x10;

    eq->log_size = cx_get(eqc, 0xc, 3, 5);
    eq->uar = cx_get(eqc, 0xc, 8, 24);
    eq->vector = cx_get(eqc, 0x14, 20, 12);
    for (unsigned i = 0; i < ARRAY_SIZE(eq->mask); i++) {
        eq->mask[i] = ldq_be_p(c->in + 0x58 + i * 8);
    }
    return eq->log_size <= MAX_LOG && cx_uar_valid(v, eq->uar) &&
           eq->vector < v->dev->msix_entries_nr &&
           cx_pages_read(&eq->pages, c, 0x110,
                         (uint64_t)EQE_BYTES << eq->log_size,
                         12 + cx_get(eqc, 0x18, 3, 5), cx_get(eqc, 8, 20, 6));
}

int cx_create_eq(CxVhca *v, CxCmd *c)
{
    unsigned n = 1;
    CxEq *eq;

    while (n < CX_EQS && v->s.eq[n]) {
        n++;
    }
    if (n == CX_EQS) {
        return CX_NO_RES;
    }
    eq = g_new0(CxEq, 1);
    if (!eq_read(v, eq, c)) {
        cx_eq_free(eq);
        return CX_BAD_PARAM;
    }
    v->s.eq[n] = eq;
    cx_set(c->out, 8, 24, 8, n);
    return CX_OK;
}

int cx_destroy_eq(CxVhca *v, CxCmd *c)
{
    uint32_t n = cx_get(c->in, 8, 24, 8);

    if (n >= CX_EQS || !v->s.eq[n]) {
        return CX_BAD_RES;
    }
    cx_eq_free(v->s.eq[n]);
    v->s.eq[n] = NULL;
    return CX_OK;
}

/* Armed and not empty: one interrupt, then it must be armed again */
static void notify(CxVhca *v, CxEq *eq)
{
    if (eq->armed && ((eq->pi - eq->ci) & MASK24) && v->level == CX_RUNNING) {
        eq->armed = false;
        msix_notify(v->dev, eq->vector);
    }
}

/* After a resume all is looked at again */
void cx_eq_kick(CxVhca *v)
{
    for (unsigned i = 0; i < CX_EQS; i++) {
        if (v->s.eq[i]) {
            notify(v, v->s.eq[i]);
        }
    }
}

void cx_eq_post(CxVhca *v, unsigned n, uint8_t type, const uint8_t *data)
{
    CxEq *eq = n < CX_EQS ? v->s.eq[n] : NULL;
    uint8_t eqe[EQE_BYTES] = { 0 };
    uint64_t off;

    if (!eq || ((eq->pi - eq->ci) & MASK24) >= 1u << eq->log_size) {
        v->lost_events++;
        return;
    }
    off = (uint64_t)(eq->pi & ((1u << eq->log_size) - 1)) * EQE_BYTES;
    eqe[1] = type;
    memcpy(eqe + 0x20, data, 28);
    eqe[EQE_OWNER] = eq->pi >> eq->log_size & 1;
    cx_pages_dma(v, &eq->pages, off, eqe, EQE_OWNER, true);
    cx_pages_dma(v, &eq->pages, off + EQE_OWNER, eqe + EQE_OWNER, 1, true);
    eq->pi = (eq->pi + 1) & MASK24;
    v->events++;
    cx_state_changed(v);
    notify(v, eq);
}

static int eq_for(const CxVhca *v, uint8_t type)
{
    for (unsigned i = 0; i < CX_EQS; i++) {
        if (v->s.eq[i] && (v->s.eq[i]->mask[type / 64] >> (type % 64) & 1)) {
            return i;
        }
    }
    return -1;
}

bool cx_has_command_eq(const CxVhca *v)
{
    return eq_for(v, CX_EV_CMD) >= 0;
}

/* For whoever has asked for events of this type */
void cx_event(CxVhca *v, uint8_t type, const uint8_t *data)
{
    int n = eq_for(v, type);

    if (n >= 0) {
        cx_eq_post(v, n, type, data);
    }
}

void cx_eq_doorbell(CxVhca *v, uint32_t value, bool arm)
{
    uint32_t n = value >> 24;
    CxEq *eq = n < CX_EQS ? v->s.eq[n] : NULL;

    if (!eq) {
        return;
    }
    eq->ci = value & MASK24;
    eq->armed |= arm;
    cx_state_changed(v);
    notify(v, eq);
}
