/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: numbered objects, pages of the host, memory keys and their DMA. */
#include "qemu/osdep.h"
#include "cx.h"

/* -- numbers -------------------------------------------------------------------------- */

static const struct {
    uint16_t alloc, free;
    uint8_t kind;
    uint16_t first;
} numbers[] = {
    { 0x800, 0x801, CX_ID_PD, 1 },
    { 0x802, 0x803, CX_ID_UAR, CX_FIRST_UAR },
    { 0x80e, 0x80f, CX_ID_XRCD, 1 },
    { 0x705, 0x706, CX_ID_SRQ, 1 },
    /* mlx5_ib has SRQs and RMPs in one table */
    { 0x90c, 0x90e, CX_ID_RMP, CX_FIRST_RMP },
    { 0x816, 0x817, CX_ID_TD, 1 },
};

static int number_kind(uint16_t opcode)
{
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (numbers[i].alloc == opcode || numbers[i].free == opcode) {
            return i;
        }
    }
    g_assert_not_reached();
}

static unsigned number_end(const CxVhca *v, unsigned kind)
{
    if (kind == CX_ID_SRQ) {
        return CX_FIRST_RMP;
    }
    if (kind != CX_ID_UAR) {
        return CX_IDS;
    }
    return (v->id ? CX_VF_BAR : CX_PF_BAR) / CX_UAR_BYTES;
}

bool cx_uar_valid(const CxVhca *v, uint32_t uar)
{
    return uar < number_end(v, CX_ID_UAR) &&
           test_bit(uar, v->s.ids[CX_ID_UAR]);
}

int cx_alloc_id(CxVhca *v, CxCmd *c)
{
    int i = number_kind(c->op->opcode);
    unsigned kind = numbers[i].kind, end = number_end(v, kind);
    unsigned long n = find_next_zero_bit(v->s.ids[kind], end, numbers[i].first);

    if (n >= end) {
        return CX_NO_RES;
    }
    set_bit(n, v->s.ids[kind]);
    cx_set(c->out, 8, 8, 24, n);
    return CX_OK;
}

int cx_free_id(CxVhca *v, CxCmd *c)
{
    unsigned kind = numbers[number_kind(c->op->opcode)].kind;
    uint32_t n = cx_get(c->in, 8, 8, 24);

    if (n >= CX_IDS || !test_bit(n, v->s.ids[kind])) {
        return CX_BAD_RES;
    }
    clear_bit(n, v->s.ids[kind]);
    return CX_OK;
}

/* -- pages ------------------------------------------------------------------------------ */

bool cx_pages_valid(const CxPages *p)
{
    return p->nr && p->shift >= 12 && p->shift <= 30 &&
           p->base < 1u << p->shift &&
           ((uint64_t)p->nr << p->shift) >= p->base + p->bytes;
}

/*
 * As many addresses as @bytes need stand in the command from @at on; @offset,
 * in 64ths of a page, is where the memory begins in the first page.
 */
bool cx_pages_read(CxPages *p, const CxCmd *c, uint32_t at, uint64_t bytes,
                   unsigned shift, unsigned offset)
{
    uint64_t nr;

    if (shift < 12 || shift > 30 || !bytes || bytes > 1ull << 40) {
        return false;
    }
    p->shift = shift;
    p->base = (offset << shift) / 64;
    p->bytes = bytes;
    nr = (p->base + bytes + (1ull << shift) - 1) >> shift;
    if (c->inlen < at || nr > (c->inlen - at) / 8) {
        return false;
    }
    p->nr = nr;
    p->pa = g_new(uint64_t, nr);
    for (uint32_t i = 0; i < nr; i++) {
        /* The low bits are flags */
        p->pa[i] = ldq_be_p(c->in + at + i * 8) & ~7ull;
    }
    return true;
}

void cx_pages_free(CxPages *p)
{
    g_free(p->pa);
    p->pa = NULL;
    p->nr = 0;
}

bool cx_pages_dma(CxVhca *v, const CxPages *p, uint64_t off, void *data,
                  uint64_t len, bool write)
{
    uint64_t mask = (1ull << p->shift) - 1;
    uint8_t *at = data;

    if (off > p->bytes || len > p->bytes - off) {
        return false;
    }
    for (off += p->base; len;) {
        uint64_t n = MIN(len, mask + 1 - (off & mask));

        if (!cx_dma(v, p->pa[off >> p->shift] + (off & mask), at, n, write)) {
            return false;
        }
        at += n;
        off += n;
        len -= n;
    }
    return true;
}

/* -- memory keys ---------------------------------------------------------------------------- */

#define MKC 0x10        /* the key's context in CREATE_MKEY */

void cx_mkey_free(void *mkey)
{
    CxMkey *m = mkey;

    cx_pages_free(&m->pages);
    g_free(m);
}

static uint8_t mkey_access(const uint8_t *mkc)
{
    return (cx_get(mkc, 0, 21, 1) ? CX_LOCAL_READ : 0) |
           (cx_get(mkc, 0, 20, 1) ? CX_LOCAL_WRITE : 0) |
           (cx_get(mkc, 0, 19, 1) ? CX_REMOTE_READ : 0) |
           (cx_get(mkc, 0, 18, 1) ? CX_REMOTE_WRITE : 0);
}

static bool mkey_read(CxMkey *m, const CxCmd *c)
{
    const uint8_t *mkc = c->in + MKC;
    unsigned shift = cx_get(mkc, 0x38, 26, 6);
    uint64_t skip;

    m->mode = cx_get(mkc, 0, 22, 2);
    m->access = mkey_access(mkc);
    m->key = cx_get(mkc, 4, 24, 8);
    m->pd = cx_get(mkc, 0xc, 8, 24);
    m->start = ldq_be_p(mkc + 0x10);
    m->len = ldq_be_p(mkc + 0x18);
    if (m->mode == 0) {
        return true;
    }
    if (m->mode != 1 || shift < 12 || shift > 30 || m->len > 1ull << 40) {
        return false;
    }
    skip = m->start & ((1ull << shift) - 1);
    return cx_pages_read(&m->pages, c, 0x110, skip + m->len, shift, 0);
}

static uint32_t new_index(CxVhca *v)
{
    if (g_hash_table_size(v->s.mkeys) >= CX_MKEYS - 1) {
        return 0;
    }
    do {
        v->s.next_mkey = v->s.next_mkey % (CX_MKEYS - 1) + 1;
    } while (g_hash_table_contains(v->s.mkeys,
                                   GUINT_TO_POINTER(v->s.next_mkey)));
    return v->s.next_mkey;
}

int cx_create_mkey(CxVhca *v, CxCmd *c)
{
    uint32_t index = new_index(v);
    CxMkey *m;

    if (!index) {
        return CX_NO_RES;
    }
    m = g_new0(CxMkey, 1);
    if (!mkey_read(m, c)) {
        cx_mkey_free(m);
        return CX_BAD_PARAM;
    }
    g_hash_table_insert(v->s.mkeys, GUINT_TO_POINTER(index), m);
    cx_set(c->out, 8, 8, 24, index);
    return CX_OK;
}

int cx_destroy_mkey(CxVhca *v, CxCmd *c)
{
    uint32_t index = cx_get(c->in, 8, 8, 24);

    return g_hash_table_remove(v->s.mkeys, GUINT_TO_POINTER(index)) ?
           CX_OK : CX_BAD_RES;
}

/* The key's access includes what is wanted, which says the direction too */
bool cx_mkey_dma(CxVhca *v, uint32_t mkey, uint8_t access, uint64_t va,
                 void *data, uint64_t len)
{
    CxMkey *m = g_hash_table_lookup(v->s.mkeys, GUINT_TO_POINTER(mkey >> 8));
    bool write = access & (CX_LOCAL_WRITE | CX_REMOTE_WRITE);
    uint64_t skip;

    if (mkey == CX_RESERVED_LKEY &&
        !(access & (CX_REMOTE_READ | CX_REMOTE_WRITE))) {
        return cx_dma(v, va, data, len, write);
    }
    if (!m || m->key != (mkey & 0xff) || (m->access & access) != access) {
        return false;
    }
    if (m->mode == 0) {
        return cx_dma(v, va, data, len, write);
    }
    if (va < m->start || va - m->start > m->len ||
        len > m->len - (va - m->start)) {
        return false;
    }
    skip = m->start & ((1ull << m->pages.shift) - 1);
    return cx_pages_dma(v, &m->pages, skip + (va - m->start), data, len, write);
}
