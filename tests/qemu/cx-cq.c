/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: completion queues. */
#include "qemu/osdep.h"
#include "cx.h"

#define CQE_BYTES   64
#define CQE_OWNER   63
#define MAX_LOG     16
#define MASK24      0xffffff

void cx_cq_free(CxCq *cq)
{
    cx_pages_free(&cq->pages);
    g_free(cq);
}

static bool cq_read(CxVhca *v, CxCq *cq, const CxCmd *c)
{
    const uint8_t *cqc = c->in + 0x10;

    cq->log_size = cx_get(cqc, 0xc, 3, 5);
    cq->eqn = cx_get(cqc, 0x14, 0, 32);
    cq->record = ldq_be_p(cqc + 0x38);
    return !cx_get(cqc, 0, 8, 3) && cq->log_size <= MAX_LOG &&
           cq->eqn < CX_EQS && v->s.eq[cq->eqn] &&
           cx_pages_read(&cq->pages, c, 0x110,
                         (uint64_t)CQE_BYTES << cq->log_size,
                         12 + cx_get(cqc, 0x18, 3, 5), cx_get(cqc, 8, 20, 6));
}

int cx_create_cq(CxVhca *v, CxCmd *c)
{
    unsigned n = 1;
    CxCq *cq;

    while (n < CX_CQS && v->s.cq[n]) {
        n++;
    }
    if (n == CX_CQS) {
        return CX_NO_RES;
    }
    cq = g_new0(CxCq, 1);
    if (!cq_read(v, cq, c)) {
        cx_cq_free(cq);
        return CX_BAD_PARAM;
    }
    v->s.cq[n] = cq;
    cx_set(c->out, 8, 8, 24, n);
    return CX_OK;
}

static CxCq *cq_of(CxVhca *v, uint32_t n)
{
    return n < CX_CQS ? v->s.cq[n] : NULL;
}

int cx_destroy_cq(CxVhca *v, CxCmd *c)
{
    uint32_t n = cx_get(c->in, 8, 8, 24);

    if (!cq_of(v, n)) {
        return CX_BAD_RES;
    }
    for (unsigned i = 0; i < CX_QPS; i++) {
        if (v->s.qp[i] && (v->s.qp[i]->rq_cq == n || v->s.qp[i]->sq_cq == n)) {
            return CX_BAD_STATE;
        }
    }
    cx_cq_free(v->s.cq[n]);
    v->s.cq[n] = NULL;
    return CX_OK;
}

static void notify(CxVhca *v, uint32_t n, CxCq *cq)
{
    uint8_t data[28] = { 0 };

    cq->armed = false;
    stl_be_p(data + 0x18, n);
    cx_eq_post(v, cq->eqn, CX_EV_COMP, data);
}

/* At once if there is something that the driver has not seen */
void cx_cq_doorbell(CxVhca *v, uint64_t value)
{
    uint32_t n = value & MASK24, ci = value >> 32 & MASK24;
    CxCq *cq = cq_of(v, n);

    if (!cq) {
        return;
    }
    cq->armed = true;
    cx_state_changed(v);
    if (((cq->pi - ci) & MASK24) && v->level == CX_RUNNING) {
        notify(v, n, cq);
    }
}

void cx_cq_post(CxVhca *v, uint32_t n, uint8_t *cqe, uint8_t opcode)
{
    CxCq *cq = cq_of(v, n);
    uint64_t off;

    if (!cq) {
        v->lost_events++;
        return;
    }
    off = (uint64_t)(cq->pi & ((1u << cq->log_size) - 1)) * CQE_BYTES;
    cqe[CQE_OWNER] = opcode << 4 | (cq->pi >> cq->log_size & 1);
    cx_pages_dma(v, &cq->pages, off, cqe, CQE_OWNER, true);
    cx_pages_dma(v, &cq->pages, off + CQE_OWNER, cqe + CQE_OWNER, 1, true);
    cq->pi = (cq->pi + 1) & MASK24;
    cx_state_changed(v);
    if (cq->armed) {
        notify(v, n, cq);
    }
}
