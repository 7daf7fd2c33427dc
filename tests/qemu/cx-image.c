/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ConnectX: a function's state as bytes. The layout is in
 * docs/connectx-model.rst; all of an image is checked before any takes effect.
 */
#include "qemu/osdep.h"
#include "qemu/crc32c.h"
#include "cx.h"

#define MAGIC           0x3130474d49584343ull   /* "CCXIMG01" */
#define BLOCK_HEADER    16
#define MAX_QP_LOG      15

enum {
    H_MAGIC = 0, H_TOTAL = 8, H_KIND = 16, H_CORE = 20, H_EPOCH = 24,
    H_SEQUENCE = 32, H_CORE_CRC = 36, H_PAD_BLOCKS = 40, H_BLOCKS = 44,
    H_DIGEST = 48, H_CRC = 56,
};

/* -- the state as an object ----------------------------------------------------------- */

void cx_state_init(CxState *s, const CxVhca *v)
{
    memset(s, 0, sizeof(*s));
    s->lid = CX_VHCA_ID_BASE + v->id;
    s->mkeys = g_hash_table_new_full(NULL, NULL, NULL, cx_mkey_free);
    s->pad_blocks = v->id ? v->pf->pad_state / CX_PAD_BLOCK : 0;
    s->pad = g_new0(uint64_t, s->pad_blocks + 1);
}

void cx_state_objects_free(CxState *s)
{
    for (unsigned i = 0; i < CX_QPS; i++) {
        g_clear_pointer(&s->qp[i], cx_qp_free);
    }
    for (unsigned i = 0; i < CX_CQS; i++) {
        g_clear_pointer(&s->cq[i], cx_cq_free);
    }
    for (unsigned i = 0; i < CX_EQS; i++) {
        g_clear_pointer(&s->eq[i], cx_eq_free);
    }
    memset(s->ids, 0, sizeof(s->ids));
    g_hash_table_remove_all(s->mkeys);
    s->next_mkey = 0;
}

void cx_state_free(CxState *s)
{
    cx_state_objects_free(s);
    g_hash_table_destroy(s->mkeys);
    g_free(s->pad);
    s->mkeys = NULL;
    s->pad = NULL;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

/* Each change of the state changes a block of the pad, too */
void cx_state_changed(CxVhca *v)
{
    uint32_t n;

    v->generation++;
    if (v->s.pad_blocks) {
        n = mix(v->generation) % v->s.pad_blocks;
        v->s.pad[n] = mix(v->s.pad[n] + v->generation);
        set_bit(n, v->pad_dirty);
    }
}

static uint64_t pad_digest(const CxState *s)
{
    uint64_t digest = s->pad_blocks;

    for (uint32_t i = 0; i < s->pad_blocks; i++) {
        digest = mix(digest + s->pad[i]);
    }
    return digest;
}

/* -- writing --------------------------------------------------------------------------- */

static void put(GByteArray *a, uint64_t value)
{
    value = cpu_to_le64(value);
    g_byte_array_append(a, (uint8_t *)&value, sizeof(value));
}

static void put_pages(GByteArray *a, const CxPages *p)
{
    put(a, p->nr);
    put(a, p->shift);
    put(a, p->base);
    put(a, p->bytes);
    for (uint32_t i = 0; i < p->nr; i++) {
        put(a, p->pa[i]);
    }
}

static void put_eq(GByteArray *a, const CxEq *eq)
{
    put(a, eq->log_size);
    put(a, eq->armed);
    put(a, eq->vector);
    put(a, eq->uar);
    put(a, eq->ci);
    put(a, eq->pi);
    for (unsigned i = 0; i < ARRAY_SIZE(eq->mask); i++) {
        put(a, eq->mask[i]);
    }
    put_pages(a, &eq->pages);
}

static void put_cq(GByteArray *a, const CxCq *cq)
{
    put(a, cq->log_size);
    put(a, cq->armed);
    put(a, cq->eqn);
    put(a, cq->pi);
    put(a, cq->record);
    put_pages(a, &cq->pages);
}

static void put_qp(GByteArray *a, const CxQp *qp)
{
    put(a, qp->type);
    put(a, qp->state);
    put(a, qp->has_rq);
    put(a, qp->has_sq);
    put(a, qp->log_rq);
    put(a, qp->log_stride);
    put(a, qp->log_sq);
    put(a, qp->pd);
    put(a, qp->rq_cq);
    put(a, qp->sq_cq);
    put(a, qp->user_index);
    put(a, qp->remote);
    put(a, qp->remote_lid);
    put(a, qp->rq_ci);
    put(a, qp->sq_ci);
    put(a, qp->record);
    put_pages(a, &qp->pages);
}

static void put_mkeys(GByteArray *a, GHashTable *mkeys)
{
    GHashTableIter it;
    gpointer index, value;

    put(a, g_hash_table_size(mkeys));
    g_hash_table_iter_init(&it, mkeys);
    while (g_hash_table_iter_next(&it, &index, &value)) {
        const CxMkey *m = value;

        put(a, GPOINTER_TO_UINT(index));
        put(a, m->mode);
        put(a, m->key);
        put(a, m->access);
        put(a, m->pd);
        put(a, m->start);
        put(a, m->len);
        put_pages(a, &m->pages);
    }
}

static void put_core(GByteArray *a, const CxState *s)
{
    put(a, s->cmdq);
    put(a, s->nic_interface);
    put(a, s->inited);
    put(a, s->caps_set);
    put(a, s->lid);
    put(a, s->doorbells);
    put(a, s->next_mkey);
    put(a, s->commands);
    g_byte_array_append(a, s->caps, sizeof(s->caps));
    for (unsigned kind = 0; kind < CX_ID_KINDS; kind++) {
        for (unsigned i = 0; i < BITS_TO_LONGS(CX_IDS); i++) {
            put(a, s->ids[kind][i]);
        }
    }
    for (unsigned i = 0; i < CX_EQS; i++) {
        put(a, s->eq[i] != NULL);
        if (s->eq[i]) {
            put_eq(a, s->eq[i]);
        }
    }
    for (unsigned i = 0; i < CX_CQS; i++) {
        put(a, s->cq[i] != NULL);
        if (s->cq[i]) {
            put_cq(a, s->cq[i]);
        }
    }
    for (unsigned i = 0; i < CX_QPS; i++) {
        put(a, s->qp[i] != NULL);
        if (s->qp[i]) {
            put_qp(a, s->qp[i]);
        }
    }
    put_mkeys(a, s->mkeys);
}

static void fill_block(uint8_t *data, uint64_t seed)
{
    for (unsigned i = 0; i < CX_PAD_BLOCK; i += 8) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        stq_le_p(data + i, seed);
    }
}

static void put_block(GByteArray *a, const CxState *s, uint32_t n)
{
    put(a, n);
    put(a, s->pad[n]);
    g_byte_array_set_size(a, a->len + CX_PAD_BLOCK);
    fill_block(a->data + a->len - CX_PAD_BLOCK, s->pad[n]);
}

static bool block_wanted(CxVhca *v, CxImageKind kind, uint32_t n)
{
    return kind == CX_IMAGE_FULL ||
           (kind == CX_IMAGE_DELTA && test_bit(n, v->pad_dirty) &&
            !cx_bug(v, "stale-delta"));
}

static uint32_t blocks_wanted(CxVhca *v, CxImageKind kind)
{
    uint32_t blocks = 0;

    for (uint32_t n = 0; n < v->s.pad_blocks; n++) {
        blocks += block_wanted(v, kind, n);
    }
    return blocks;
}

uint64_t cx_image_bytes(CxVhca *v, CxImageKind kind)
{
    GByteArray *core = g_byte_array_new();
    uint64_t bytes;

    put_core(core, &v->s);
    bytes = CX_IMAGE_HEADER + core->len +
            (uint64_t)blocks_wanted(v, kind) * (BLOCK_HEADER + CX_PAD_BLOCK);
    g_byte_array_unref(core);
    return bytes;
}

GByteArray *cx_image_save(CxVhca *v, CxImageKind kind)
{
    GByteArray *a = g_byte_array_new();
    uint32_t core, blocks = 0;

    g_byte_array_set_size(a, CX_IMAGE_HEADER);
    memset(a->data, 0, CX_IMAGE_HEADER);
    if (kind != CX_IMAGE_END) {
        put_core(a, &v->s);
        blocks = blocks_wanted(v, kind);
    }
    core = a->len - CX_IMAGE_HEADER;
    for (uint32_t n = 0; blocks && n < v->s.pad_blocks; n++) {
        if (block_wanted(v, kind, n)) {
            put_block(a, &v->s, n);
        }
    }
    stq_le_p(a->data + H_MAGIC, MAGIC);
    stq_le_p(a->data + H_TOTAL, a->len);
    stl_le_p(a->data + H_KIND, kind);
    stl_le_p(a->data + H_CORE, core);
    stq_le_p(a->data + H_EPOCH, v->save.epoch);
    stl_le_p(a->data + H_SEQUENCE, v->save.sequence);
    stl_le_p(a->data + H_CORE_CRC,
             crc32c(~0u, a->data + CX_IMAGE_HEADER, core));
    stl_le_p(a->data + H_PAD_BLOCKS, v->s.pad_blocks);
    stl_le_p(a->data + H_BLOCKS, blocks);
    stq_le_p(a->data + H_DIGEST, pad_digest(&v->s));
    stl_le_p(a->data + H_CRC, crc32c(~0u, a->data, H_CRC));
    return a;
}

/* -- reading ------------------------------------------------------------------------------ */

typedef struct Reader {
    const uint8_t *p;
    size_t left;
    bool bad;
} Reader;

/* Once something was wrong all is 0 */
static uint64_t take(Reader *r)
{
    uint64_t value;

    if (r->bad || r->left < 8) {
        r->bad = true;
        return 0;
    }
    value = ldq_le_p(r->p);
    r->p += 8;
    r->left -= 8;
    return value;
}

static uint64_t take_most(Reader *r, uint64_t most)
{
    uint64_t value = take(r);

    if (value > most) {
        r->bad = true;
        return 0;
    }
    return value;
}

static void take_pages(Reader *r, CxPages *p, bool wanted)
{
    uint64_t nr = take(r);

    p->shift = take_most(r, 30);
    p->base = take_most(r, UINT32_MAX);
    p->bytes = take_most(r, 1ull << 41);
    if (r->bad || nr > r->left / 8 || (nr == 0) == wanted) {
        r->bad = true;
        return;
    }
    p->nr = nr;
    p->pa = g_new(uint64_t, nr);
    for (uint32_t i = 0; i < nr; i++) {
        p->pa[i] = take(r);
    }
    if (wanted && !cx_pages_valid(p)) {
        r->bad = true;
    }
}

static CxEq *take_eq(Reader *r, const CxVhca *v)
{
    CxEq *eq = g_new0(CxEq, 1);

    eq->log_size = take_most(r, MAX_QP_LOG);
    eq->armed = take_most(r, 1);
    eq->vector = take_most(r, v->dev->msix_entries_nr - 1);
    eq->uar = take_most(r, CX_IDS - 1);
    eq->ci = take_most(r, 0xffffff);
    eq->pi = take_most(r, 0xffffff);
    for (unsigned i = 0; i < ARRAY_SIZE(eq->mask); i++) {
        eq->mask[i] = take(r);
    }
    take_pages(r, &eq->pages, true);
    r->bad |= eq->pages.bytes != 64ull << eq->log_size;
    if (cx_bug(v, "lose-arm")) {
        eq->armed = false;
    } else if (cx_bug(v, "lose-producer")) {
        eq->pi = 0;
    }
    return eq;
}

static CxCq *take_cq(Reader *r)
{
    CxCq *cq = g_new0(CxCq, 1);

    cq->log_size = take_most(r, 16);
    cq->armed = take_most(r, 1);
    cq->eqn = take_most(r, CX_EQS - 1);
    cq->pi = take_most(r, 0xffffff);
    cq->record = take(r);
    take_pages(r, &cq->pages, true);
    r->bad |= cq->pages.bytes != 64ull << cq->log_size;
    return cq;
}

static CxQp *take_qp(Reader *r)
{
    CxQp *qp = g_new0(CxQp, 1);

    qp->type = take_most(r, 0xff);
    qp->state = take_most(r, CX_QP_ERR);
    qp->has_rq = take_most(r, 1);
    qp->has_sq = take_most(r, 1);
    qp->log_rq = take_most(r, MAX_QP_LOG);
    qp->log_stride = take_most(r, 11);
    qp->log_sq = take_most(r, MAX_QP_LOG);
    qp->pd = take_most(r, 0xffffff);
    qp->rq_cq = take_most(r, 0xffffff);
    qp->sq_cq = take_most(r, 0xffffff);
    qp->user_index = take_most(r, 0xffffff);
    qp->remote = take_most(r, 0xffffff);
    qp->remote_lid = take_most(r, 0xffff);
    qp->rq_ci = take_most(r, 0xffff);
    qp->sq_ci = take_most(r, 0xffff);
    qp->record = take(r);
    take_pages(r, &qp->pages, qp->has_rq || qp->has_sq);
    r->bad |= qp->log_stride < 4 || qp->pages.bytes != cx_qp_bytes(qp);
    return qp;
}

static CxMkey *take_mkey(Reader *r)
{
    CxMkey *m = g_new0(CxMkey, 1);

    m->mode = take_most(r, 1);
    m->key = take_most(r, 0xff);
    m->access = take_most(r, 0xf);
    m->pd = take_most(r, 0xffffff);
    m->start = take(r);
    m->len = take(r);
    take_pages(r, &m->pages, m->mode == 1);
    if (m->mode == 1 && !r->bad) {
        uint64_t skip = m->start & ((1ull << m->pages.shift) - 1);

        r->bad |= m->len > 1ull << 40 || m->pages.bytes != skip + m->len;
    }
    return m;
}

static void take_mkeys(Reader *r, GHashTable *mkeys)
{
    uint64_t n = take_most(r, CX_MKEYS);

    while (n-- && !r->bad) {
        uint64_t index = take_most(r, CX_MKEYS - 1);

        g_hash_table_insert(mkeys, GUINT_TO_POINTER(index), take_mkey(r));
    }
}

static void take_objects(Reader *r, const CxVhca *v, CxState *s)
{
    for (unsigned i = 0; i < CX_EQS; i++) {
        if (take_most(r, 1)) {
            s->eq[i] = take_eq(r, v);
        }
    }
    for (unsigned i = 0; i < CX_CQS; i++) {
        if (take_most(r, 1)) {
            s->cq[i] = take_cq(r);
        }
    }
    for (unsigned i = 0; i < CX_QPS; i++) {
        if (take_most(r, 1)) {
            s->qp[i] = take_qp(r);
        }
    }
    take_mkeys(r, s->mkeys);
}

static bool take_core(Reader *r, const CxVhca *v, CxState *s)
{
    s->cmdq = take(r) & ~0xfffull;
    s->nic_interface = take_most(r, 7);
    s->inited = take_most(r, 1);
    s->caps_set = take_most(r, 1);
    s->lid = take_most(r, 0xffff);
    s->doorbells = take_most(r, UINT32_MAX);
    s->next_mkey = take_most(r, CX_MKEYS);
    s->commands = take(r);
    if (r->bad || r->left < sizeof(s->caps)) {
        return false;
    }
    memcpy(s->caps, r->p, sizeof(s->caps));
    r->p += sizeof(s->caps);
    r->left -= sizeof(s->caps);
    for (unsigned kind = 0; kind < CX_ID_KINDS; kind++) {
        for (unsigned i = 0; i < BITS_TO_LONGS(CX_IDS); i++) {
            s->ids[kind][i] = take(r);
        }
    }
    if (cx_bug(v, "lose-pd")) {
        memset(s->ids[CX_ID_PD], 0, sizeof(s->ids[CX_ID_PD]));
    }
    take_objects(r, v, s);
    return !r->bad && !r->left;
}

static bool take_block(Reader *r, CxState *s)
{
    g_autofree uint8_t *wanted = g_malloc(CX_PAD_BLOCK);
    uint64_t n = take(r), seed = take(r);

    if (r->bad || n >= s->pad_blocks || r->left < CX_PAD_BLOCK) {
        return false;
    }
    fill_block(wanted, seed);
    if (memcmp(wanted, r->p, CX_PAD_BLOCK)) {
        return false;
    }
    s->pad[n] = seed;
    r->p += CX_PAD_BLOCK;
    r->left -= CX_PAD_BLOCK;
    return true;
}

static bool take_pad(const uint8_t *data, size_t len, CxState *s)
{
    uint32_t core = ldl_le_p(data + H_CORE);
    uint32_t blocks = ldl_le_p(data + H_BLOCKS);
    Reader r = {
        .p = data + CX_IMAGE_HEADER + core,
        .left = len - CX_IMAGE_HEADER - core,
    };

    while (blocks--) {
        if (!take_block(&r, s)) {
            return false;
        }
    }
    return !r.left && ldq_le_p(data + H_DIGEST) == pad_digest(s);
}

/* Bytes of the image that begins here; 0: it is none, more than @len: to come */
uint64_t cx_image_total(const uint8_t *data, size_t len)
{
    if (len < CX_IMAGE_HEADER) {
        return len >= 8 && ldq_le_p(data) != MAGIC ? 0 : CX_IMAGE_HEADER;
    }
    if (ldq_le_p(data + H_MAGIC) != MAGIC ||
        ldl_le_p(data + H_CRC) != crc32c(~0u, data, H_CRC)) {
        return 0;
    }
    return ldq_le_p(data + H_TOTAL);
}

/* May it follow what was loaded before? */
static bool in_order(const CxVhca *v, const uint8_t *data)
{
    switch (ldl_le_p(data + H_KIND)) {
    case CX_IMAGE_FULL:
        return true;
    case CX_IMAGE_DELTA:
        return v->load.epoch == ldq_le_p(data + H_EPOCH) &&
               v->load.sequence + 1 == ldl_le_p(data + H_SEQUENCE);
    default:
        return false;
    }
}

static bool read_image(CxVhca *v, const uint8_t *data, size_t len, CxState *s)
{
    uint32_t core = ldl_le_p(data + H_CORE);
    Reader r = { .p = data + CX_IMAGE_HEADER, .left = core };

    if (core > len - CX_IMAGE_HEADER ||
        ldl_le_p(data + H_PAD_BLOCKS) != s->pad_blocks ||
        ldl_le_p(data + H_CORE_CRC) !=
        crc32c(~0u, data + CX_IMAGE_HEADER, core)) {
        return false;
    }
    if (ldl_le_p(data + H_KIND) == CX_IMAGE_DELTA) {
        memcpy(s->pad, v->s.pad, s->pad_blocks * sizeof(*s->pad));
    }
    return take_core(&r, v, s) && take_pad(data, len, s);
}

/* @len: cx_image_total() */
bool cx_image_load(CxVhca *v, const uint8_t *data, size_t len)
{
    CxState s;

    if (len < CX_IMAGE_HEADER || !in_order(v, data)) {
        return false;
    }
    cx_state_init(&s, v);
    if (!read_image(v, data, len, &s)) {
        cx_state_free(&s);
        return false;
    }
    cx_state_free(&v->s);
    v->s = s;
    v->generation++;
    v->save.tracking = false;
    bitmap_fill(v->pad_dirty, MAX(1, s.pad_blocks));
    v->load.epoch = ldq_le_p(data + H_EPOCH);
    v->load.sequence = ldl_le_p(data + H_SEQUENCE);
    return true;
}
