/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of the ConnectX model's images (tests/qemu/cx-image.c), which come from another host: what is
 * taken can be used, saved and loaded again; what is refused changes nothing. The input is an image
 * (first byte odd) or the core of one, for which the header is made.
 */
#include "qemu/osdep.h"
#include "qemu/crc32c.h"
#include "cx.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

QEMUTimer *shim_timer;

static PCIDevice dev = { .msix_entries_nr = 4 };
static QEMUTimer timer;
static unsigned long dirty[1];
static CxPF pf = { .total_vfs = 1, .precopy = true };
static const uint8_t *ram;
static size_t ram_bytes;

/* Of the host's memory, which has the input again and again: queues are hostile, too */
bool cx_dma(CxVhca *v, uint64_t addr, void *data, uint64_t len, bool write)
{
    MUST(v->level != CX_STOPPED && len <= CX_MAX_MESSAGE);
    for (uint64_t i = 0; !write && i < len; i++) {
        ((uint8_t *)data)[i] = ram[(addr + i) % ram_bytes];
    }
    return addr != 0;
}

bool cx_bug(const CxVhca *v, const char *name)
{
    (void)v;
    (void)name;
    return false;
}

CxVhca *cx_function(CxPF *p, uint16_t id)
{
    return id ? p->vf[0] : &p->vhca;
}

static void start(CxVhca *v, uint16_t id)
{
    *v = (CxVhca) {
        .dev = &dev, .pf = &pf, .id = id, .enabled = true, .level = CX_STOPPED,
        .pad_dirty = dirty, .retry = &timer,
    };
    cx_state_init(&v->s, v);
    v->save.epoch = 1;
}

/* The layout is in docs/connectx-model.rst */
static GByteArray *with_header(const uint8_t *core, size_t len)
{
    GByteArray *a = g_byte_array_new();

    g_byte_array_set_size(a, CX_IMAGE_HEADER);
    memset(a->data, 0, CX_IMAGE_HEADER);
    g_byte_array_append(a, core, len);
    memcpy(a->data, "CCXIMG01", 8);
    stq_le_p(a->data + 8, a->len);
    stl_le_p(a->data + 20, len);
    stq_le_p(a->data + 24, 1);
    stl_le_p(a->data + 36, crc32c(~0u, a->data + CX_IMAGE_HEADER, len));
    stl_le_p(a->data + 56, crc32c(~0u, a->data, 56));
    return a;
}

/* What a guest may do with what was loaded */
static void use(CxVhca *v)
{
    uint8_t data[64] = { 0 };

    v->level = CX_RUNNING;
    cx_eq_kick(v);
    for (uint32_t n = 0; n < CX_EQS + 2; n++) {
        cx_eq_doorbell(v, n << 24 | 1, true);
    }
    for (uint32_t n = 0; n < CX_CQS + 2; n++) {
        cx_cq_doorbell(v, 3ull << 32 | n);
        cx_cq_post(v, n, data, 2);
    }
    cx_event(v, CX_EV_CMD, data);
    cx_rc_run(v);
    for (uint32_t n = 0; n < 300; n++) {
        cx_mkey_dma(v, n << 8 | n % 7, CX_LOCAL_WRITE, 0, data, sizeof(data));
        if (cx_qp(v, n)) {
            cx_rc_receive(v, cx_qp(v, n), n, data, 64, NULL);
            cx_rc_flush(v, cx_qp(v, n), n);
        }
    }
    v->level = CX_STOPPED;
}

static void again(CxVhca *from)
{
    GByteArray *image = cx_image_save(from, CX_IMAGE_FULL), *second;
    CxVhca to;

    MUST(image->len == cx_image_bytes(from, CX_IMAGE_FULL));
    start(&to, 1);
    MUST(cx_image_total(image->data, image->len) == image->len);
    MUST(cx_image_load(&to, image->data, image->len));
    second = cx_image_save(&to, CX_IMAGE_FULL);
    MUST(second->len == image->len);
    cx_state_free(&to.s);
    g_byte_array_unref(second);
    g_byte_array_unref(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GByteArray *image = g_byte_array_new();
    CxVhca v;

    if (!size) {
        g_byte_array_unref(image);
        return 0;
    }
    if (data[0] & 1) {
        g_byte_array_append(image, data + 1, size - 1);
    } else {
        g_byte_array_unref(image);
        image = with_header(data + 1, size - 1);
    }
    ram = data;
    ram_bytes = size;
    start(&v, 1);
    pf.vf[0] = &v;
    if (cx_image_total(image->data, image->len) == image->len &&
        cx_image_load(&v, image->data, image->len)) {
        again(&v);
        use(&v);
    } else {
        MUST(!v.s.cmdq && !v.s.next_mkey && !g_hash_table_size(v.s.mkeys) && !v.load.epoch);
    }
    cx_state_free(&v.s);
    g_byte_array_unref(image);
    return 0;
}
