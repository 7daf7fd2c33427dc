/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: the migration commands of the PF. */
#include "qemu/osdep.h"
#include "cx.h"

/* A state may grow between the query and the SAVE of a function that runs */
#define MARGIN  (64 * KiB)

CxVhca *cx_subject(CxVhca *v, const CxCmd *c)
{
    uint32_t id = cx_get(c->in, 8, 16, 16);

    if (v->id || id <= CX_VHCA_ID_BASE) {
        return NULL;
    }
    v = cx_function(v->pf, id - CX_VHCA_ID_BASE);
    return v && v->enabled && v->pf->migration ? v : NULL;
}

static void drop_images(CxVhca *v)
{
    g_byte_array_set_size(v->save.out, 0);
    v->save.out_pos = 0;
    g_byte_array_set_size(v->load.in, 0);
}

void cx_migration_reset(CxVhca *v)
{
    drop_images(v);
    v->save.tracking = false;
    v->save.chunked = false;
    v->load.epoch = 0;
    v->load.sequence = 0;
}

int cx_suspend(CxVhca *v, CxCmd *c)
{
    CxVhca *of = cx_subject(v, c);

    if (!of || c->op_mod > 1) {
        return CX_BAD_PARAM;
    }
    if (of->level != (c->op_mod ? CX_P2P : CX_RUNNING)) {
        return CX_BAD_STATE;
    }
    of->level = c->op_mod ? CX_STOPPED : CX_P2P;
    if (of->level == CX_P2P) {
        cx_commands_hold(of);
        timer_del(of->retry);
    }
    drop_images(of);
    return CX_OK;
}

int cx_resume(CxVhca *v, CxCmd *c)
{
    CxVhca *of = cx_subject(v, c);

    if (!of || c->op_mod > 1) {
        return CX_BAD_PARAM;
    }
    if (of->level != (c->op_mod ? CX_P2P : CX_STOPPED)) {
        return CX_BAD_STATE;
    }
    of->level = c->op_mod ? CX_RUNNING : CX_P2P;
    drop_images(of);
    if (of->level == CX_RUNNING) {
        of->load.epoch = 0;
        cx_eq_kick(of);
        qemu_bh_schedule(of->bh);
    }
    return CX_OK;
}

static bool nothing_new(const CxVhca *of)
{
    return of->level != CX_STOPPED && of->save.generation == of->generation;
}

int cx_query_state(CxVhca *v, CxCmd *c)
{
    CxVhca *of = cx_subject(v, c);
    bool incremental = cx_get(c->in, 8, 0, 1), chunk = cx_get(c->in, 8, 1, 1);
    uint64_t bytes, next;

    if (!of || (chunk && !of->pf->chunk)) {
        return CX_BAD_PARAM;
    }
    if (incremental && !of->save.tracking) {
        return CX_BAD_STATE;
    }
    if (incremental && nothing_new(of)) {
        return CX_OK;
    }
    bytes = ROUND_UP(cx_image_bytes(of, incremental ? CX_IMAGE_DELTA :
                                    CX_IMAGE_FULL) + MARGIN, 4096);
    next = bytes;
    of->save.chunked = chunk;
    if (chunk && of->level == CX_STOPPED) {
        next = MIN(bytes, of->pf->chunk);
    }
    stl_be_p(c->out + 0x10, next);
    stq_be_p(c->out + 0x18, bytes);
    return CX_OK;
}

/* -- SAVE ----------------------------------------------------------------------------- */

static bool may_save(const CxVhca *of, bool incremental, bool track)
{
    if (track && (!of->pf->precopy || of->level == CX_STOPPED)) {
        return false;
    }
    if (of->save.out_pos) {
        return !track && of->level == CX_STOPPED;
    }
    if (incremental && !of->save.tracking) {
        return false;
    }
    /* While it runs a SAVE without tracking is only there to end that */
    return track || of->level == CX_STOPPED ||
           (of->save.tracking && !incremental);
}

static CxImageKind image_kind(const CxVhca *of, bool incremental, bool track)
{
    if (!track && of->level != CX_STOPPED) {
        return CX_IMAGE_END;
    }
    return incremental ? CX_IMAGE_DELTA : CX_IMAGE_FULL;
}

static void take_image(CxVhca *of, CxImageKind kind)
{
    GByteArray *image;

    if (kind == CX_IMAGE_FULL) {
        of->save.epoch = (uint64_t)g_random_int() << 32 | g_random_int() | 1;
        of->save.sequence = 0;
    }
    image = cx_image_save(of, kind);
    g_byte_array_set_size(of->save.out, 0);
    g_byte_array_append(of->save.out, image->data, image->len);
    g_byte_array_unref(image);
}

/* What was saved counts as such only when it has arrived */
static void image_left(CxVhca *of, CxImageKind kind, bool track)
{
    drop_images(of);
    of->save.tracking = track;
    if (kind == CX_IMAGE_END) {
        return;
    }
    of->save.sequence++;
    of->save.generation = of->generation;
    bitmap_zero(of->pad_dirty, MAX(1, of->s.pad_blocks));
}

int cx_save_state(CxVhca *v, CxCmd *c)
{
    CxVhca *of = cx_subject(v, c);
    bool incremental = cx_get(c->in, 8, 0, 1), track = cx_get(c->in, 8, 1, 1);
    uint32_t mkey = ldl_be_p(c->in + 0x18), room = ldl_be_p(c->in + 0x1c), n;
    CxImageKind kind;

    if (!of || ldq_be_p(c->in + 0x10)) {
        return CX_BAD_PARAM;
    }
    if (!may_save(of, incremental, track)) {
        return CX_BAD_STATE;
    }
    kind = image_kind(of, incremental, track);
    if (!of->save.out_pos) {
        take_image(of, kind);
    }
    n = of->save.out->len - of->save.out_pos;
    if (of->save.chunked && of->level == CX_STOPPED) {
        n = MIN(n, MIN(room, of->pf->chunk));
    } else if (kind == CX_IMAGE_END && n > room) {
        n = 0;
        g_byte_array_set_size(of->save.out, 0);
    } else if (n > room) {
        drop_images(of);
        return CX_BAD_PARAM;
    }
    if (n && !cx_mkey_dma(v, mkey, CX_LOCAL_WRITE, 0,
                          of->save.out->data + of->save.out_pos, n)) {
        drop_images(of);
        return CX_BAD_RES;
    }
    of->save.out_pos += n;
    stl_be_p(c->out + 8, n);
    if (of->save.out_pos < of->save.out->len) {
        stl_be_p(c->out + 0xc, MIN(of->pf->chunk,
                                   of->save.out->len - of->save.out_pos));
    } else {
        image_left(of, kind, track);
    }
    return CX_OK;
}

/* -- LOAD ----------------------------------------------------------------------------- */

/* An image may come in chunks, as it has left; whole it takes effect */
int cx_load_state(CxVhca *v, CxCmd *c)
{
    CxVhca *of = cx_subject(v, c);
    uint32_t mkey = ldl_be_p(c->in + 0x18), size = ldl_be_p(c->in + 0x1c);
    GByteArray *in;
    uint64_t total;
    bool ok;

    if (!of || !size || ldq_be_p(c->in + 0x10)) {
        return CX_BAD_PARAM;
    }
    if (of->level != CX_STOPPED) {
        return CX_BAD_STATE;
    }
    in = of->load.in;
    if (size > CX_MAX_IMAGE || in->len > CX_MAX_IMAGE - size) {
        return CX_LIMIT;
    }
    g_byte_array_set_size(in, in->len + size);
    if (!cx_mkey_dma(v, mkey, CX_LOCAL_READ, 0, in->data + in->len - size,
                     size)) {
        g_byte_array_set_size(in, in->len - size);
        return CX_BAD_RES;
    }
    total = cx_image_total(in->data, in->len);
    if (total > in->len && total <= CX_MAX_IMAGE) {
        return CX_OK;
    }
    ok = total == in->len && cx_image_load(of, in->data, in->len);
    g_byte_array_set_size(in, 0);
    return ok ? CX_OK : CX_BAD_PARAM;
}
