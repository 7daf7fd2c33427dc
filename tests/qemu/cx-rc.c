/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ConnectX: what reliable connections do. SEND, RDMA WRITE and READ between
 * functions of one device, found by LID; a message moves at once, whole.
 */
#include "qemu/osdep.h"
#include "cx.h"

#define BLOCK           64
#define MAX_WQE         1024
#define MAX_SEGMENTS    64
#define RETRY_NS        (200 * SCALE_US)
#define INLINE          0x80000000u
#define END_KEY         0x100

enum { OP_NOP = 0x00, OP_WRITE = 0x08, OP_WRITE_IMM = 0x09, OP_SEND = 0x0a,
       OP_SEND_IMM = 0x0b, OP_READ = 0x10 };
enum { CQE_SENT = 0, CQE_RECEIVED = 2, CQE_RECEIVED_IMM = 3,
       CQE_SEND_ERROR = 13, CQE_RECEIVE_ERROR = 14 };
enum { ERR_LENGTH = 0x01, ERR_QP_OPERATION = 0x02, ERR_PROTECTION = 0x04,
       ERR_FLUSHED = 0x05, ERR_REMOTE_ACCESS = 0x13, ERR_RETRIES = 0x15 };

typedef struct Segment {
    uint64_t addr;
    uint32_t key, len;
    const uint8_t *data;    /* inline */
} Segment;

typedef struct Segments {
    Segment s[MAX_SEGMENTS];
    unsigned nr;
    uint64_t bytes;
} Segments;

/* -- what a WQE names ---------------------------------------------------------------------- */

static bool add_segment(Segments *list, const Segment *s)
{
    if (list->nr == MAX_SEGMENTS) {
        return false;
    }
    list->s[list->nr++] = *s;
    list->bytes += s->len;
    return list->bytes <= CX_MAX_MESSAGE;
}

static bool segments_read(Segments *list, const uint8_t *p, const uint8_t *end)
{
    list->nr = 0;
    list->bytes = 0;
    while (end - p >= 16) {
        uint32_t count = ldl_be_p(p);
        Segment s = { .len = count & ~INLINE };

        if (count & INLINE) {
            if (s.len > end - p - 4) {
                return false;
            }
            s.data = p + 4;
            p += ROUND_UP(4 + s.len, 16);
        } else {
            s.key = ldl_be_p(p + 4);
            s.addr = ldq_be_p(p + 8);
            p += 16;
            if (!count && s.key == END_KEY) {
                break;
            }
        }
        if (!add_segment(list, &s)) {
            return false;
        }
    }
    return true;
}

/* Between the segments and @data, @len bytes; to memory or from it */
static bool segments_dma(CxVhca *v, const Segments *list, uint8_t *data,
                         uint32_t len, bool to)
{
    for (unsigned i = 0; i < list->nr && len; i++) {
        const Segment *s = &list->s[i];
        uint32_t n = MIN(len, s->len);

        if (s->data && to) {
            return false;
        }
        if (s->data) {
            memcpy(data, s->data, n);
        } else if (n && !cx_mkey_dma(v, s->key, to ? CX_LOCAL_WRITE :
                                     CX_LOCAL_READ, s->addr, data, n)) {
            return false;
        }
        data += n;
        len -= n;
    }
    return !len;
}

/* -- the receiver ----------------------------------------------------------------------------- */

static uint16_t posted(CxVhca *v, const CxQp *qp, bool send)
{
    uint32_t word = 0;

    cx_dma(v, qp->record + (send ? 4 : 0), &word, 4, false);
    return be32_to_cpu(word);
}

static void receive_done(CxVhca *v, CxQp *qp, uint32_t qpn, uint8_t *cqe,
                         uint8_t opcode)
{
    stl_be_p(cqe + 0x20, qp->user_index);
    stl_be_p(cqe + 0x38, qpn);
    stw_be_p(cqe + 0x3c, qp->rq_ci);
    qp->rq_ci++;
    cx_cq_post(v, qp->rq_cq, cqe, opcode);
}

/* A message arrives, and takes the next receive WQE */
CxDelivery cx_rc_receive(CxVhca *v, CxQp *qp, uint32_t qpn, uint8_t *data,
                         uint32_t len, const uint32_t *immediate)
{
    uint8_t wqe[2048], cqe[64] = { 0 };
    uint32_t stride = 1u << qp->log_stride;
    uint64_t off = (uint64_t)(qp->rq_ci & ((1u << qp->log_rq) - 1)) * stride;
    Segments list;

    if (!qp->has_rq || qp->state < CX_QP_RTR || qp->state > CX_QP_RTS) {
        return CX_REFUSED;
    }
    if (v->level != CX_RUNNING || posted(v, qp, false) == qp->rq_ci) {
        return CX_NOT_READY;
    }
    if (!cx_pages_dma(v, &qp->pages, off, wqe, stride, false) ||
        !segments_read(&list, wqe, wqe + stride) ||
        !segments_dma(v, &list, data, len, true)) {
        return CX_REFUSED;
    }
    stl_be_p(cqe + 0x24, immediate ? *immediate : 0);
    stl_be_p(cqe + 0x2c, len);
    receive_done(v, qp, qpn, cqe,
                 immediate ? CQE_RECEIVED_IMM : CQE_RECEIVED);
    return CX_DELIVERED;
}

/* -- errors: what is posted comes back unfinished -------------------------------------------------- */

static void send_error(CxVhca *v, CxQp *qp, uint32_t qpn, uint8_t opcode,
                       uint8_t syndrome)
{
    uint8_t cqe[64] = { 0 };

    cqe[0x37] = syndrome;
    stl_be_p(cqe + 0x20, qp->user_index);
    stl_be_p(cqe + 0x38, (uint32_t)opcode << 24 | qpn);
    stw_be_p(cqe + 0x3c, qp->sq_ci);
    cx_cq_post(v, qp->sq_cq, cqe, CQE_SEND_ERROR);
}

static uint8_t wqe_blocks(CxVhca *v, const CxQp *qp, uint8_t *opcode)
{
    uint8_t head[16] = { 0 };
    uint64_t off = cx_qp_rq_bytes(qp) +
                   (uint64_t)(qp->sq_ci & ((1u << qp->log_sq) - 1)) * BLOCK;

    cx_pages_dma(v, &qp->pages, off, head, sizeof(head), false);
    *opcode = head[3];
    return MAX(1, DIV_ROUND_UP(head[7] & 0x3f, 4));
}

void cx_rc_flush(CxVhca *v, CxQp *qp, uint32_t qpn)
{
    unsigned most = 1u << 16;

    qp->state = CX_QP_ERR;
    for (uint16_t end = qp->has_sq ? posted(v, qp, true) : qp->sq_ci;
         qp->sq_ci != end && most; most--) {
        uint8_t opcode, blocks = wqe_blocks(v, qp, &opcode);

        send_error(v, qp, qpn, opcode, ERR_FLUSHED);
        qp->sq_ci = (uint16_t)(end - qp->sq_ci) < blocks ? end :
                    qp->sq_ci + blocks;
    }
    for (uint16_t end = qp->has_rq ? posted(v, qp, false) : qp->rq_ci;
         qp->rq_ci != end && most; most--) {
        uint8_t cqe[64] = { 0 };

        cqe[0x37] = ERR_FLUSHED;
        receive_done(v, qp, qpn, cqe, CQE_RECEIVE_ERROR);
    }
}

/* -- the sender ------------------------------------------------------------------------------------- */

typedef struct Send {
    CxVhca *v, *to;
    CxQp *qp, *peer;
    uint32_t qpn;
    uint8_t wqe[MAX_WQE];
    uint8_t opcode, blocks;
    uint8_t *data;
    Segments list;
    uint8_t error;
} Send;

static CxVhca *by_lid(CxVhca *v, uint16_t lid)
{
    if (!lid || lid == v->s.lid) {
        return v;
    }
    for (unsigned id = 0; id <= v->pf->total_vfs; id++) {
        CxVhca *to = cx_function(v->pf, id);

        if (to && to->enabled && to->s.lid == lid) {
            return to;
        }
    }
    return NULL;
}

/* The queue wraps at a block, and so may a WQE */
static bool fetch_wqe(Send *s)
{
    uint32_t mask = (1u << s->qp->log_sq) - 1;
    const uint8_t *end;

    s->blocks = 1;
    for (unsigned i = 0; i < s->blocks; i++) {
        uint64_t off = cx_qp_rq_bytes(s->qp) +
                       (uint64_t)((s->qp->sq_ci + i) & mask) * BLOCK;

        if (!cx_pages_dma(s->v, &s->qp->pages, off, s->wqe + i * BLOCK, BLOCK,
                          false)) {
            return false;
        }
        if (!i) {
            s->opcode = s->wqe[3];
            s->blocks = MAX(1, DIV_ROUND_UP(s->wqe[7] & 0x3f, 4));
        }
    }
    end = s->wqe + MAX(1, s->wqe[7] & 0x3f) * 16;
    if (s->opcode == OP_NOP) {
        return true;
    }
    return segments_read(&s->list, s->wqe +
                         (s->opcode == OP_SEND || s->opcode == OP_SEND_IMM ?
                          16 : 32), end);
}

static CxDelivery failed(Send *s, uint8_t error)
{
    s->error = error;
    return CX_REFUSED;
}

static CxDelivery send_message(Send *s)
{
    uint32_t immediate = ldl_be_p(s->wqe + 0xc);
    CxDelivery d;

    if (!segments_dma(s->v, &s->list, s->data, s->list.bytes, false)) {
        return failed(s, ERR_PROTECTION);
    }
    d = cx_rc_receive(s->to, s->peer, s->qp->remote, s->data, s->list.bytes,
                      s->opcode == OP_SEND_IMM ? &immediate : NULL);
    return d == CX_REFUSED ? failed(s, ERR_REMOTE_ACCESS) : d;
}

/* The peer's memory may change as long as it is not stopped */
static CxDelivery remote_access(Send *s)
{
    uint64_t addr = ldq_be_p(s->wqe + 0x10);
    uint32_t key = ldl_be_p(s->wqe + 0x18);
    bool read = s->opcode == OP_READ;

    if (s->to->level == CX_STOPPED) {
        return CX_NOT_READY;
    }
    if (!read &&
        !segments_dma(s->v, &s->list, s->data, s->list.bytes, false)) {
        return failed(s, ERR_PROTECTION);
    }
    if (s->list.bytes &&
        !cx_mkey_dma(s->to, key, read ? CX_REMOTE_READ : CX_REMOTE_WRITE, addr,
                     s->data, s->list.bytes)) {
        return failed(s, ERR_REMOTE_ACCESS);
    }
    if (read && !segments_dma(s->v, &s->list, s->data, s->list.bytes, true)) {
        return failed(s, ERR_PROTECTION);
    }
    return CX_DELIVERED;
}

static CxDelivery carry_out(Send *s)
{
    if (s->opcode == OP_NOP) {
        return CX_DELIVERED;
    }
    s->to = by_lid(s->v, s->qp->remote_lid);
    s->peer = s->to ? cx_qp(s->to, s->qp->remote) : NULL;
    if (!s->peer || s->peer->state < CX_QP_RTR || s->peer->state > CX_QP_RTS) {
        return failed(s, ERR_RETRIES);
    }
    s->data = g_malloc0(s->list.bytes + 1);
    switch (s->opcode) {
    case OP_SEND:
    case OP_SEND_IMM:
        return send_message(s);
    case OP_WRITE:
    case OP_READ:
        return remote_access(s);
    default:
        return failed(s, ERR_QP_OPERATION);
    }
}

static void sent(Send *s)
{
    uint8_t cqe[64] = { 0 };

    stl_be_p(cqe + 0x20, s->qp->user_index);
    stl_be_p(cqe + 0x2c, s->list.bytes);
    stl_be_p(cqe + 0x38, (uint32_t)s->opcode << 24 | s->qpn);
    stw_be_p(cqe + 0x3c, s->qp->sq_ci);
    if (s->wqe[0xb] & 8) {
        cx_cq_post(s->v, s->qp->sq_cq, cqe, CQE_SENT);
    }
    s->qp->sq_ci += s->blocks;
}

/* false: the receiver is not ready, to be tried again */
static bool send_one(CxVhca *v, CxQp *qp, uint32_t qpn)
{
    g_autofree Send *s = g_new0(Send, 1);
    CxDelivery d;

    s->v = v;
    s->qp = qp;
    s->qpn = qpn;
    d = fetch_wqe(s) ? carry_out(s) : failed(s, ERR_LENGTH);
    g_free(s->data);
    cx_state_changed(v);
    if (d == CX_NOT_READY) {
        return false;
    }
    if (d == CX_DELIVERED) {
        sent(s);
        return true;
    }
    cx_log(v, "QP %u: WQE %u, opcode %#x: error %#x", qpn, qp->sq_ci,
           s->opcode, s->error);
    send_error(v, qp, qpn, s->opcode, s->error);
    qp->sq_ci += s->blocks;
    cx_rc_flush(v, qp, qpn);
    return true;
}

/* Work of one queue at a time is bounded: it may be without end */
static bool run_queue(CxVhca *v, CxQp *qp, uint32_t qpn)
{
    for (unsigned n = 0; n < 1u << qp->log_sq; n++) {
        if (qp->state != CX_QP_RTS || posted(v, qp, true) == qp->sq_ci) {
            return false;
        }
        if (!send_one(v, qp, qpn)) {
            return true;
        }
    }
    return true;
}

void cx_rc_run(CxVhca *v)
{
    bool again = false;

    for (unsigned n = 0; n < CX_QPS && v->level == CX_RUNNING; n++) {
        CxQp *qp = v->s.qp[n];

        if (qp && qp->has_sq && qp->type == 0 && qp->state == CX_QP_RTS) {
            again |= run_queue(v, qp, n);
        }
    }
    if (again) {
        timer_mod(v->retry,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + RETRY_NS);
    }
}
