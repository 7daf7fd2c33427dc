/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of the ConnectX model's command queue (tests/qemu/cx-command.c), mailboxes and commands, which
 * come from a host's or a guest's driver. Each command that is taken ends, and whatever they have made of
 * a VF can be saved and loaded.
 *
 * The first byte of the input has properties of the model, and says whether the rest of it is memory as it
 * stands, queue and mailboxes, or commands for which those are made:
 *
 *   0:16 opcode, 2:8 op_mod, 3:8 bit 0: the PF's; 4:16 bytes, as many of them: input from its byte 8 on
 */
#include "qemu/osdep.h"
#include "cx.h"

#define MUST(cond)  do { if (!(cond)) abort(); } while (0)
#define RAM         (128 * 1024)
#define QUEUE       0x1000
#define IN_BOXES    0x4000
#define OUT_BOXES   0xc000
#define BOX         1024
#define MAX_IN      2048
#define OUT_BYTES   0x1100

QEMUTimer *shim_timer;

static PCIDevice dev = { .msix_entries_nr = 4 };
static CxPF pf;
static CxVhca vf;
static uint8_t ram[RAM];

/* All addresses are of that memory, but for 0 */
bool cx_dma(CxVhca *v, uint64_t addr, void *data, uint64_t len, bool write)
{
    uint8_t *p = data;

    MUST(len <= CX_MAX_MESSAGE);
    if (!addr || v->level == CX_STOPPED) {
        return false;
    }
    if (write) {
        cx_tracker_wrote(v, addr, len);
    }
    for (uint64_t n, at = addr % RAM; len; len -= n, p += n, at = 0) {
        n = MIN(len, RAM - at);
        if (write) {
            memcpy(ram + at, p, n);
        } else {
            memcpy(p, ram + at, n);
        }
    }
    return true;
}

bool cx_bug(const CxVhca *v, const char *name)
{
    (void)v;
    (void)name;
    return false;
}

CxVhca *cx_function(CxPF *p, uint16_t id)
{
    return !id ? &p->vhca : id == 1 ? p->vf[0] : NULL;
}

/* Faults have a fuzzer of their own: the tests */
CxFault cx_fault_take(CxPF *p, uint16_t function, uint16_t opcode)
{
    (void)p;
    (void)function;
    (void)opcode;
    return (CxFault) { 0 };
}

static void retry(void *v)
{
    cx_rc_run(v);
}

static void start(CxVhca *v, uint16_t id)
{
    *v = (CxVhca) {
        .dev = &dev, .pf = &pf, .id = id, .enabled = true,
        .pages = g_array_new(false, false, sizeof(uint64_t)),
        .save.out = g_byte_array_new(), .load.in = g_byte_array_new(),
        .pad_dirty = g_new0(unsigned long, 1), .retry = g_new0(QEMUTimer, 1),
    };
    QTAILQ_INIT(&v->waiting);
    timer_init_ns(v->retry, QEMU_CLOCK_VIRTUAL, retry, v);
    cx_state_init(&v->s, v);
    v->s.cmdq = QUEUE;
}

static void stop(CxVhca *v)
{
    cx_reset(v);
    if (v->tracker) {
        cx_tracker_free(v->tracker);
    }
    cx_state_free(&v->s);
    g_array_unref(v->pages);
    g_byte_array_unref(v->save.out);
    g_byte_array_unref(v->load.in);
    g_free(v->pad_dirty);
    g_free(v->retry);
}

/* A little of the time that passes: what waits for ever waits here, too */
static void tick(void)
{
    for (unsigned i = 0; i < 4 && shim_timer; i++) {
        QEMUTimer *t = shim_timer;

        shim_timer = NULL;
        t->cb(t->opaque);
    }
}

static void ring(CxVhca *v, uint32_t bells)
{
    v->s.doorbells |= bells;
    cx_command_bh(v);
    MUST(!v->waiting.first);
    tick();
}

static void boxes(uint64_t at, uint32_t bytes, const uint8_t *data)
{
    for (uint32_t n = 0, len; bytes; n++, at += BOX, bytes -= len) {
        uint8_t *box = ram + at;

        len = MIN(bytes, 512);
        memset(box, 0, 0x240);
        if (data) {
            memcpy(box, data, len);
            data += len;
        }
        stq_be_p(box + 0x230, len < bytes ? at + BOX : 0);
        stl_be_p(box + 0x238, n);
        box[0x23d] = 0x5a;
    }
}

static void command(CxVhca *v, const uint8_t *head, const uint8_t *data, uint32_t bytes)
{
    uint8_t in[8 + MAX_IN] = { head[0], head[1], 0, 0, 0, 0, 0, head[2] };
    uint8_t *entry = ram + QUEUE;

    memcpy(in + 8, data, bytes);
    bytes += 8;
    memset(entry, 0, 64);
    entry[0] = 7;
    stl_be_p(entry + 4, bytes);
    memcpy(entry + 0x10, in, MIN(bytes, 16));
    if (bytes > 16) {
        stq_be_p(entry + 8, IN_BOXES);
        boxes(IN_BOXES, bytes - 16, in + 16);
    }
    stq_be_p(entry + 0x30, OUT_BOXES);
    boxes(OUT_BOXES, OUT_BYTES - 16, NULL);
    stl_be_p(entry + 0x38, OUT_BYTES);
    entry[0x3c] = 0x5a;
    entry[0x3f] = 1;
    v->s.cmdq = QUEUE;
    ring(v, 1);
}

static void commands(const uint8_t *data, size_t size)
{
    while (size >= 6) {
        uint32_t n = MIN(data[4] << 8 | data[5], MIN(MAX_IN, size - 6));

        command(data[3] & 1 ? &pf.vhca : &vf, data, data + 6, n);
        data += 6 + n;
        size -= 6 + n;
    }
}

/* Whatever a guest has made of its VF */
static void migrate(void)
{
    GByteArray *image;

    vf.level = CX_STOPPED;
    image = cx_image_save(&vf, CX_IMAGE_FULL);
    MUST(image->len == cx_image_bytes(&vf, CX_IMAGE_FULL));
    MUST(cx_image_total(image->data, image->len) == image->len);
    MUST(cx_image_load(&vf, image->data, image->len));
    g_byte_array_unref(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) {
        return 0;
    }
    memset(ram, 0, sizeof(ram));
    pf = (CxPF) {
        .total_vfs = 1, .vf_pages = 6, .pad_state = data[0] & 8 ? CX_PAD_BLOCK : 0, .tracker = true,
        .migration = true, .precopy = true, .chunk = data[0] & 4 ? 4096 : 0,
    };
    start(&pf.vhca, 0);
    start(&vf, 1);
    pf.vf[0] = &vf;
    if (data[0] & 2) {
        memcpy(ram + QUEUE, data + 1, MIN(size - 1, RAM - QUEUE));
        ring(data[0] & 1 ? &pf.vhca : &vf, ~0u);
    } else {
        commands(data + 1, size - 1);
    }
    if (!(data[0] & 16)) {
        migrate();
    }
    stop(&vf);
    stop(&pf.vhca);
    shim_timer = NULL;
    return 0;
}
