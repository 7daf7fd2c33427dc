/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: queue pairs and the commands that move their state. */
#include "qemu/osdep.h"
#include "cx.h"

#define QPC         0x18    /* the context in commands */
#define FIRST_QP    2       /* 0 and 1 are for management */
#define SQ_BLOCK    64

void cx_qp_free(CxQp *qp)
{
    cx_pages_free(&qp->pages);
    g_free(qp);
}

CxQp *cx_qp(CxVhca *v, uint32_t n)
{
    return n < CX_QPS ? v->s.qp[n] : NULL;
}

uint64_t cx_qp_rq_bytes(const CxQp *qp)
{
    return qp->has_rq ? 1ull << (qp->log_rq + qp->log_stride) : 0;
}

uint64_t cx_qp_bytes(const CxQp *qp)
{
    return cx_qp_rq_bytes(qp) +
           (qp->has_sq ? (uint64_t)SQ_BLOCK << qp->log_sq : 0);
}

static bool cq_there(const CxVhca *v, uint32_t n)
{
    return n < CX_CQS && v->s.cq[n];
}

static bool qp_read(CxVhca *v, CxQp *qp, const CxCmd *c)
{
    const uint8_t *qpc = c->in + QPC;

    qp->type = cx_get(qpc, 0, 8, 8);
    qp->pd = cx_get(qpc, 4, 8, 24);
    qp->log_rq = cx_get(qpc, 8, 9, 4);
    qp->log_stride = 4 + cx_get(qpc, 8, 13, 3);
    qp->has_sq = !cx_get(qpc, 8, 16, 1);
    qp->log_sq = cx_get(qpc, 8, 17, 4);
    qp->user_index = cx_get(qpc, 0x10, 8, 24);
    qp->sq_cq = cx_get(qpc, 0x7c, 8, 24);
    qp->rq_cq = cx_get(qpc, 0x9c, 8, 24);
    qp->record = ldq_be_p(qpc + 0xa0);
    qp->has_rq = cx_get(qpc, 0xac, 5, 3) == 0;
    if ((qp->has_rq && !cq_there(v, qp->rq_cq)) ||
        (qp->has_sq && !cq_there(v, qp->sq_cq))) {
        return false;
    }
    return (!qp->has_rq && !qp->has_sq) ||
           cx_pages_read(&qp->pages, c, 0x110, cx_qp_bytes(qp),
                         12 + cx_get(qpc, 0x14, 3, 5),
                         cx_get(qpc, 0x90, 20, 6));
}

int cx_create_qp(CxVhca *v, CxCmd *c)
{
    unsigned n = FIRST_QP;
    CxQp *qp;

    while (n < CX_QPS && v->s.qp[n]) {
        n++;
    }
    if (n == CX_QPS) {
        return CX_NO_RES;
    }
    qp = g_new0(CxQp, 1);
    if (!qp_read(v, qp, c)) {
        cx_qp_free(qp);
        return CX_BAD_PARAM;
    }
    v->s.qp[n] = qp;
    cx_set(c->out, 8, 8, 24, n);
    return CX_OK;
}

int cx_destroy_qp(CxVhca *v, CxCmd *c)
{
    uint32_t n = cx_get(c->in, 8, 8, 24);

    if (!cx_qp(v, n)) {
        return CX_BAD_RES;
    }
    cx_qp_free(v->s.qp[n]);
    v->s.qp[n] = NULL;
    return CX_OK;
}

static void move(CxVhca *v, CxQp *qp, uint32_t n, const CxCmd *c)
{
    const uint8_t *qpc = c->in + QPC;

    switch (c->op->opcode) {
    case 0x502:
        qp->state = CX_QP_INIT;
        break;
    case 0x503:
        qp->state = CX_QP_RTR;
        qp->remote = cx_get(qpc, 0x14, 8, 24);
        qp->remote_lid = cx_get(qpc, 0x18 + 4, 16, 16);
        break;
    case 0x504:
        qp->state = CX_QP_RTS;
        break;
    case 0x507:
        cx_rc_flush(v, qp, n);
        break;
    case 0x50a:
        qp->state = CX_QP_RESET;
        qp->rq_ci = 0;
        qp->sq_ci = 0;
        break;
    }
}

static bool may_move(const CxQp *qp, uint16_t opcode)
{
    switch (opcode) {
    case 0x502:
        return qp->state == CX_QP_RESET;
    case 0x503:
        return qp->state == CX_QP_INIT;
    case 0x504:
        return qp->state == CX_QP_RTR;
    case 0x505:
        return qp->state == CX_QP_RTS;
    default:
        return true;
    }
}

int cx_modify_qp(CxVhca *v, CxCmd *c)
{
    uint32_t n = cx_get(c->in, 8, 8, 24);
    CxQp *qp = cx_qp(v, n);

    if (!qp) {
        return CX_BAD_RES;
    }
    if (!may_move(qp, c->op->opcode)) {
        return CX_BAD_STATE;
    }
    move(v, qp, n, c);
    return CX_OK;
}

int cx_query_qp(CxVhca *v, CxCmd *c)
{
    CxQp *qp = cx_qp(v, cx_get(c->in, 8, 8, 24));

    if (!qp) {
        return CX_BAD_RES;
    }
    cx_set(c->out, QPC, 0, 4, qp->state);
    return CX_OK;
}
