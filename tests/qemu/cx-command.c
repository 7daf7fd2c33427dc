/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: the command queue with its mailboxes, and a command's life. */
#include "qemu/osdep.h"
#include "cx.h"

#define ENTRY_BYTES     64
#define ENTRY_TYPE      7
#define BOX_DATA        512
#define BOX_BYTES       0x240
#define BOX_ALIGN       1024

enum {
    E_TYPE = 0x00, E_INLEN = 0x04, E_INBOX = 0x08, E_IN = 0x10, E_OUT = 0x20,
    E_OUTBOX = 0x30, E_OUTLEN = 0x38, E_TOKEN = 0x3c, E_STATUS = 0x3f,
    BOX_NEXT = 0x230, BOX_NUMBER = 0x238, BOX_TOKEN = 0x23d,
};

/* Delivery status */
enum {
    D_TOKEN = 2, D_BLOCK = 3, D_OUTBOX = 4, D_INBOX = 5, D_INLEN = 7,
    D_OUTLEN = 8, D_TYPE = 0x10,
};

static CxRun nothing;

static const CxOp ops[] = {
    { 0x100, 12, 0x110, 0, 0, "query_hca_cap", cx_query_hca_cap },
    { 0x101, 8, 0x110, 0, 0, "query_adapter", cx_query_adapter },
    { 0x102, 8, 8, 0, 0, "init_hca", cx_init_hca },
    { 0x103, 8, 8, 0, 0, "teardown_hca", cx_teardown_hca },
    { 0x104, 12, 8, 0, 0, "enable_hca", cx_enable_hca },
    { 0x105, 12, 8, 0, 0, "disable_hca", cx_disable_hca },
    { 0x107, 12, 16, 0, 0xc, "query_pages", cx_query_pages },
    { 0x108, 16, 16, 0, 8, "manage_pages", cx_manage_pages },
    { 0x109, 0x110, 8, 0, 0, "set_hca_cap", cx_set_hca_cap },
    { 0x10a, 8, 0x70, 0, 0, "query_issi", cx_query_issi },
    { 0x10b, 12, 8, 0, 0, "set_issi", nothing },
    { 0x115, 12, 8, CX_PF_ONLY | CX_SUBJECT, 0, "suspend", cx_suspend },
    { 0x116, 12, 8, CX_PF_ONLY | CX_SUBJECT, 0, "resume", cx_resume },
    { 0x117, 12, 0x20, CX_PF_ONLY | CX_SUBJECT, 0x10, "query_state",
      cx_query_state },
    { 0x118, 0x20, 0x10, CX_PF_ONLY | CX_SUBJECT | CX_TRANSFER, 8, "save",
      cx_save_state },
    { 0x119, 0x20, 8, CX_PF_ONLY | CX_SUBJECT | CX_TRANSFER, 0, "load",
      cx_load_state },
    { 0x200, 0x110, 12, 0, 8, "create_mkey", cx_create_mkey },
    { 0x202, 12, 8, 0, 0, "destroy_mkey", cx_destroy_mkey },
    { 0x203, 8, 16, 0, 0, "query_special_contexts", cx_query_special },
    { 0x301, 0x110, 12, 0, 0, "create_eq", cx_create_eq },
    { 0x302, 12, 8, 0, 0, "destroy_eq", cx_destroy_eq },
    { 0x400, 0x110, 12, 0, 0, "create_cq", cx_create_cq },
    { 0x401, 12, 8, 0, 0, "destroy_cq", cx_destroy_cq },
    { 0x500, 0x110, 12, 0, 0, "create_qp", cx_create_qp },
    { 0x501, 12, 8, 0, 0, "destroy_qp", cx_destroy_qp },
    { 0x502, 12, 8, 0, 0, "rst2init_qp", cx_modify_qp },
    { 0x503, 0xc0, 8, 0, 0, "init2rtr_qp", cx_modify_qp },
    { 0x504, 12, 8, 0, 0, "rtr2rts_qp", cx_modify_qp },
    { 0x505, 12, 8, 0, 0, "rts2rts_qp", cx_modify_qp },
    { 0x507, 12, 8, 0, 0, "2err_qp", cx_modify_qp },
    { 0x50a, 12, 8, 0, 0, "2rst_qp", cx_modify_qp },
    { 0x50b, 12, 0x20, 0, 0, "query_qp", cx_query_qp },
    { 0x50d, 8, 8, 0, 0, "mad_ifc", nothing },
    { 0x705, 8, 12, 0, 0, "create_xrc_srq", cx_alloc_id },
    { 0x706, 12, 8, 0, 0, "destroy_xrc_srq", cx_free_id },
    { 0x762, 8, 0x210, 0, 0, "query_hca_vport_context", cx_query_vport },
    { 0x763, 8, 8, 0, 0, "modify_hca_vport_context", nothing },
    { 0x764, 8, 0x20, 0, 0, "query_hca_vport_gid", cx_query_gid },
    { 0x765, 8, 0x14, 0, 0, "query_hca_vport_pkey", cx_query_pkey },
    { 0x800, 8, 12, 0, 0, "alloc_pd", cx_alloc_id },
    { 0x801, 12, 8, 0, 0, "dealloc_pd", cx_free_id },
    { 0x802, 8, 12, 0, 0, "alloc_uar", cx_alloc_id },
    { 0x803, 12, 8, 0, 0, "dealloc_uar", cx_free_id },
    { 0x805, 16, 16, 0, 0, "access_reg", cx_access_reg },
    { 0x80d, 8, 8, 0, 0, "nop", nothing },
    { 0x80e, 8, 12, 0, 0, "alloc_xrcd", cx_alloc_id },
    { 0x80f, 12, 8, 0, 0, "dealloc_xrcd", cx_free_id },
    { 0x816, 8, 12, 0, 0, "alloc_transport_domain", cx_alloc_id },
    { 0x817, 12, 8, 0, 0, "dealloc_transport_domain", cx_free_id },
    { 0x90c, 8, 12, 0, 0, "create_rmp", cx_alloc_id },
    { 0x90e, 12, 8, 0, 0, "destroy_rmp", cx_free_id },
    { 0xa00, 0x40, 16, CX_PF_ONLY, 8, "create_object", cx_create_object },
    { 0xa01, 0x40, 8, CX_PF_ONLY, 0, "modify_object", cx_modify_object },
    { 0xa02, 16, 0x40, CX_PF_ONLY, 0, "query_object", cx_query_object },
    { 0xa03, 16, 8, CX_PF_ONLY, 0, "destroy_object", cx_destroy_object },
};

static int nothing(CxVhca *v, CxCmd *c)
{
    return CX_OK;
}

const CxOp *cx_op(uint16_t opcode)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        if (ops[i].opcode == opcode) {
            return &ops[i];
        }
    }
    return NULL;
}

const CxOp *cx_op_by_name(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        if (!strcmp(ops[i].name, name)) {
            return &ops[i];
        }
    }
    return NULL;
}

/* -- mailboxes ------------------------------------------------------------------- */

/* 0 or the delivery status, @pointer for one that leads nowhere */
static uint8_t boxes(CxCmd *c, uint64_t at, uint8_t *data, uint32_t len,
                     bool write, uint8_t pointer)
{
    uint8_t box[BOX_BYTES];

    for (uint32_t n = 0; len; n++) {
        uint32_t bytes = MIN(len, BOX_DATA);

        if (!at || at % BOX_ALIGN ||
            !cx_dma(c->v, at, box, sizeof(box), false)) {
            return pointer;
        }
        if (box[BOX_TOKEN] != c->entry[E_TOKEN]) {
            return D_TOKEN;
        }
        if (ldl_be_p(box + BOX_NUMBER) != n) {
            return D_BLOCK;
        }
        if (write && !cx_dma(c->v, at, data, bytes, true)) {
            return pointer;
        }
        if (!write) {
            memcpy(data, box, bytes);
        }
        data += bytes;
        len -= bytes;
        at = ldq_be_p(box + BOX_NEXT);
    }
    return 0;
}

/* Buffers have at least the bytes that the fields of any command reach */
static uint8_t read_input(CxCmd *c)
{
    c->inlen = ldl_be_p(c->entry + E_INLEN);
    c->outlen = ldl_be_p(c->entry + E_OUTLEN);
    if (c->entry[E_TYPE] != ENTRY_TYPE) {
        return D_TYPE;
    }
    if (c->inlen < 8 || c->inlen > CX_MAX_COMMAND) {
        return D_INLEN;
    }
    if (c->outlen < 8 || c->outlen > CX_MAX_COMMAND) {
        return D_OUTLEN;
    }
    c->in = g_malloc0(MAX(c->inlen, 16));
    c->out = g_malloc0(MAX(c->outlen, 16));
    memcpy(c->in, c->entry + E_IN, MIN(c->inlen, 16));
    if (c->inlen <= 16) {
        return 0;
    }
    return boxes(c, ldq_be_p(c->entry + E_INBOX), c->in + 16, c->inlen - 16,
                 false, D_INBOX);
}

/* -- a command's life -------------------------------------------------------------- */

static void command_free(CxCmd *c)
{
    QTAILQ_REMOVE(&c->v->waiting, c, next);
    timer_del(&c->timer);
    g_free(c->in);
    g_free(c->out);
    g_free(c);
}

/* The owner bit last; then the event, if its queue was there all the time */
static void complete(CxCmd *c, uint8_t delivery)
{
    CxVhca *v = c->v;
    uint64_t at = v->s.cmdq + c->slot * ENTRY_BYTES;
    uint8_t data[28] = { 0 };

    if (!delivery && c->outlen > 16) {
        delivery = boxes(c, ldq_be_p(c->entry + E_OUTBOX), c->out + 16,
                         c->outlen - 16, true, D_OUTBOX);
    }
    if (c->out) {
        memcpy(c->entry + E_OUT, c->out, 16);
    }
    c->entry[E_STATUS] = delivery << 1;
    cx_dma(v, at + E_OUT, c->entry + E_OUT, 16, true);
    cx_dma(v, at + E_STATUS, c->entry + E_STATUS, 1, true);
    if (c->with_event && cx_has_command_eq(v)) {
        stl_be_p(data, 1u << c->slot);
        cx_event(v, CX_EV_CMD, data);
    }
    command_free(c);
}

static int run(CxCmd *c)
{
    CxVhca *v = c->v;

    if (!c->op || (c->op->flags & CX_PF_ONLY && v->id)) {
        return CX_BAD_OP;
    }
    if (c->inlen < c->op->in) {
        return CX_BAD_INLEN;
    }
    if (c->outlen < c->op->out) {
        return CX_BAD_OUTLEN;
    }
    if (c->fault.kind == CX_FAULT_FAIL) {
        return c->fault.parameter;
    }
    return c->op->run(v, c);
}

static void execute(CxCmd *c)
{
    CxVhca *v = c->v;
    int status;

    v->s.commands++;
    status = run(c);
    c->out[0] = status;
    if (status) {
        stl_be_p(c->out + 4, c->syndrome ?: 0x1000 + status);
    } else if (c->fault.kind == CX_FAULT_VALUE && c->op->value) {
        stl_be_p(c->out + c->op->value, c->fault.parameter);
    }
    cx_state_changed(v);
    cx_log(v, "%03x %s.%x in %u out %u: %#x", lduw_be_p(c->in),
           c->op ? c->op->name : "unknown", c->op_mod, c->inlen, c->outlen,
           status);
    complete(c, c->fault.kind == CX_FAULT_DELIVERY ? c->fault.parameter : 0);
}

static void waited(void *opaque)
{
    execute(opaque);
}

/* What the transfer of a state takes, one after another in the device */
static int64_t transfer_ns(CxCmd *c)
{
    CxPF *pf = c->v->pf;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    uint64_t bytes;

    if (!pf->state_bandwidth || !(c->op->flags & CX_TRANSFER) ||
        c->inlen < c->op->in) {
        return 0;
    }
    bytes = ldl_be_p(c->in + 0x1c);
    pf->transfer_end = MAX(pf->transfer_end, now) +
                       muldiv64(bytes, NANOSECONDS_PER_SECOND,
                                pf->state_bandwidth);
    return pf->transfer_end - now;
}

static void begin(CxCmd *c)
{
    CxVhca *subject = c->v;
    int64_t delay = 0;

    if (c->op) {
        if (c->op->flags & CX_SUBJECT && !c->v->id && c->inlen >= 12) {
            subject = cx_subject(c->v, c) ?: c->v;
        }
        c->fault = cx_fault_take(c->v->pf, subject->id, c->op->opcode);
        delay = transfer_ns(c);
    }
    switch (c->fault.kind) {
    case CX_FAULT_SILENT:
        command_free(c);
        return;
    case CX_FAULT_FATAL:
        c->v->pf->vhca.syndrome = c->fault.parameter ?: 1;
        command_free(c);
        return;
    case CX_FAULT_LATE:
        delay += c->fault.parameter * (int64_t)SCALE_MS;
        break;
    default:
        break;
    }
    if (delay) {
        timer_mod(&c->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + delay);
    } else {
        execute(c);
    }
}

static void fetch(CxVhca *v, unsigned slot)
{
    CxCmd *c = g_new0(CxCmd, 1);
    uint8_t delivery;

    c->v = v;
    c->slot = slot;
    timer_init_ns(&c->timer, QEMU_CLOCK_VIRTUAL, waited, c);
    QTAILQ_INSERT_TAIL(&v->waiting, c, next);
    if (!v->s.cmdq ||
        !cx_dma(v, v->s.cmdq + slot * ENTRY_BYTES, c->entry, ENTRY_BYTES,
                false) || !(c->entry[E_STATUS] & 1)) {
        command_free(c);
        return;
    }
    c->with_event = cx_has_command_eq(v);
    delivery = read_input(c);
    if (delivery) {
        complete(c, delivery);
        return;
    }
    c->op = cx_op(lduw_be_p(c->in));
    c->op_mod = lduw_be_p(c->in + 6);
    begin(c);
}

void cx_command_bh(void *opaque)
{
    CxVhca *v = opaque;

    while (v->s.doorbells && v->level == CX_RUNNING && v->enabled) {
        unsigned slot = ctz32(v->s.doorbells);

        v->s.doorbells &= ~(1u << slot);
        fetch(v, slot);
    }
    cx_rc_run(v);
}

/* A reset: nobody waits for them any more */
void cx_commands_drop(CxVhca *v)
{
    CxCmd *c, *next;

    QTAILQ_FOREACH_SAFE(c, &v->waiting, next, next) {
        command_free(c);
    }
}

/* The function is suspended: as if their doorbells had come only now */
void cx_commands_hold(CxVhca *v)
{
    CxCmd *c, *next;

    QTAILQ_FOREACH_SAFE(c, &v->waiting, next, next) {
        v->s.doorbells |= 1u << c->slot;
        command_free(c);
    }
}
