/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: BAR 0, with the initialization segment and the UARs behind it. */
#include "qemu/osdep.h"
#include "cx.h"

#define FW_MAJOR        28
#define FW_MINOR        39
#define COMMAND_IF      5
#define LOG_SLOTS       5
#define LOG_STRIDE      6

enum {
    R_FW = 0x00, R_COMMAND_IF = 0x04, R_QUEUE_HIGH = 0x10, R_QUEUE_LOW = 0x14,
    R_DOORBELL = 0x18, R_INITIALIZING = 0x1fc, R_HEALTH_FW = 0x230,
    R_HEALTH_HW = 0x234, R_HEALTH_RFR = 0x238, R_HEALTH_SYNDROME = 0x23c,
    R_COMMAND_MS = 0xff8, R_INIT_MS = 0xffc, R_TIMER_HIGH = 0x1000,
    R_TIMER_LOW = 0x1004, R_HEALTH_COUNTER = 0x1010,
};

enum {
    UAR_CQ = 0x20, UAR_CQ_LOW = 0x24, UAR_EQ_ARM = 0x40, UAR_EQ = 0x48,
    UAR_SEND = 0x800,
};

/* A driver that finds no time-outs here takes its own */
static uint32_t timeout_word(const CxVhca *v, bool command)
{
    if (!v->pf->command_ms) {
        return 0;
    }
    return command ? v->pf->command_ms : 120000;
}

static uint32_t iseg_word(CxVhca *v, hwaddr at)
{
    uint64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    switch (at) {
    case R_FW:
        return FW_MINOR << 16 | FW_MAJOR;
    case R_COMMAND_IF:
        return COMMAND_IF << 16 | v->pf->fw_subminor;
    case R_QUEUE_HIGH:
        return v->s.cmdq >> 32;
    case R_QUEUE_LOW:
        return (v->s.cmdq & 0xfffff000) | v->s.nic_interface << 8 |
               LOG_SLOTS << 4 | LOG_STRIDE;
    case R_INITIALIZING:
        return v->enabled ? 0 : 1u << 31;
    case R_HEALTH_FW:
        return FW_MAJOR << 24 | FW_MINOR << 16 | v->pf->fw_subminor;
    case R_HEALTH_HW:
        return 0x218;
    case R_HEALTH_RFR:
        return v->syndrome ? 1u << 31 : 0;
    case R_HEALTH_SYNDROME:
        return v->syndrome << 16;
    case R_COMMAND_MS:
        return timeout_word(v, true);
    case R_INIT_MS:
        return timeout_word(v, false);
    case R_TIMER_HIGH:
        return now >> 32;
    case R_TIMER_LOW:
        return now;
    case R_HEALTH_COUNTER:
        return (now / 10000000) & 0xffffff;
    default:
        return 0;
    }
}

static uint64_t bar_read(void *opaque, hwaddr at, unsigned size)
{
    CxVhca *v = opaque;
    uint32_t word;

    if (at >= CX_ISEG_BYTES) {
        return 0;
    }
    word = iseg_word(v, at & ~3ull);
    return extract32(word, (4 - size - (at & 3)) * 8, size * 8);
}

static void iseg_write(CxVhca *v, hwaddr at, uint32_t value)
{
    switch (at) {
    case R_QUEUE_HIGH:
        v->s.cmdq = deposit64(v->s.cmdq, 32, 32, value);
        break;
    case R_QUEUE_LOW:
        v->s.cmdq = deposit64(v->s.cmdq, 0, 32, value & 0xfffff000);
        v->s.nic_interface = extract32(value, 8, 3);
        break;
    case R_DOORBELL:
        v->s.doorbells |= value;
        qemu_bh_schedule(v->bh);
        break;
    default:
        return;
    }
    cx_state_changed(v);
}

/* An UAR that no driver has been given does nothing */
static void uar_write(CxVhca *v, hwaddr at, uint32_t value)
{
    unsigned off = at % CX_UAR_BYTES;

    if (!cx_uar_valid(v, at / CX_UAR_BYTES)) {
        return;
    }
    if (off >= UAR_SEND) {
        /* What there is to send stands in memory */
        qemu_bh_schedule(v->bh);
        return;
    }
    switch (off) {
    case UAR_CQ:
        v->cq_doorbell = value;
        break;
    case UAR_CQ_LOW:
        cx_cq_doorbell(v, (uint64_t)v->cq_doorbell << 32 | value);
        break;
    case UAR_EQ_ARM:
        cx_eq_doorbell(v, value, true);
        break;
    case UAR_EQ:
        cx_eq_doorbell(v, value, false);
        break;
    }
}

/* Registers are words; what is narrower is no access of a driver */
static void bar_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
    CxVhca *v = opaque;

    if (size != 4 || !v->enabled) {
        return;
    }
    if (at < CX_ISEG_BYTES) {
        iseg_write(v, at, value);
    } else {
        uar_write(v, at, value);
    }
}

static const MemoryRegionOps bar_ops = {
    .read = bar_read,
    .write = bar_write,
    .endianness = DEVICE_BIG_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};

void cx_bar_init(CxVhca *v, uint64_t bytes)
{
    memory_region_init_io(&v->bar, OBJECT(v->dev), &bar_ops, v, "connectx",
                          bytes);
}
