/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: the InfiniBand port, as mlx5_ib asks for it. */
#include "qemu/osdep.h"
#include "cx.h"

#define GUID            0x0002c90300000000ull
#define GID_PREFIX      0xfe80000000000000ull
#define DEFAULT_PKEY    0xffff
#define MTU             4096

enum { REG_PMTU = 0x5003, REG_PTYS = 0x5004, REG_PVLC = 0x500f };
enum { LINK_UP = 5, PORT_ACTIVE = 4 };

static uint64_t guid(const CxVhca *v, unsigned kind)
{
    return GUID + (kind << 16) + v->s.lid;
}

int cx_query_vport(CxVhca *v, CxCmd *c)
{
    uint8_t *context = c->out + 0x10;

    cx_set(context, 0x20, 16, 4, LINK_UP);
    cx_set(context, 0x20, 24, 4, PORT_ACTIVE);
    cx_set(context, 0x20, 28, 4, PORT_ACTIVE);
    stq_be_p(context + 0x28, GUID);
    stq_be_p(context + 0x30, guid(v, 1));
    stq_be_p(context + 0x38, guid(v, 2));
    cx_set(context, 0x60, 0, 16, v->s.lid);
    cx_set(context, 0x64, 0, 16, 1);        /* LID of the subnet manager */
    return CX_OK;
}

int cx_query_gid(CxVhca *v, CxCmd *c)
{
    stw_be_p(c->out + 0xc, 1);
    stq_be_p(c->out + 0x10, GID_PREFIX);
    stq_be_p(c->out + 0x18, guid(v, 1));
    return CX_OK;
}

int cx_query_pkey(CxVhca *v, CxCmd *c)
{
    stl_be_p(c->out + 0x10, DEFAULT_PKEY);
    return CX_OK;
}

int cx_query_special(CxVhca *v, CxCmd *c)
{
    stl_be_p(c->out + 0xc, CX_RESERVED_LKEY);
    return CX_OK;
}

/* Others are zeroes */
int cx_access_reg(CxVhca *v, CxCmd *c)
{
    uint8_t reg[0x40] = { 0 };

    if (c->op_mod == 0) {
        return CX_OK;
    }
    switch (cx_get(c->in, 8, 16, 16)) {
    case REG_PMTU:
        stw_be_p(reg + 0x4, MTU);
        stw_be_p(reg + 0x8, MTU);
        stw_be_p(reg + 0xc, MTU);
        break;
    case REG_PTYS:
        stw_be_p(reg + 0x28, 2);            /* 4 lanes */
        stw_be_p(reg + 0x2a, 0x20);         /* EDR */
        break;
    case REG_PVLC:
        cx_set(reg, 4, 28, 4, 1);
        break;
    }
    memcpy(c->out + 0x10, reg, MIN(sizeof(reg), c->outlen - 0x10));
    return CX_OK;
}
