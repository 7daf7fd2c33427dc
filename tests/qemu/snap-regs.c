/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: registers of the virtio transport (BAR 0). */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "snap.h"

static SnapQueue *selected_queue(SnapFn *fn)
{
    unsigned queues = fn->queues + snap_is_pf(fn);

    return fn->queue_select < queues ? &fn->queue[fn->queue_select] : NULL;
}

static uint32_t half(uint64_t value, hwaddr at)
{
    return extract64(value, at & 4 ? 32 : 0, 32);
}

static void set_half(uint64_t *value, hwaddr at, uint32_t half)
{
    *value = deposit64(*value, at & 4 ? 32 : 0, 32, half);
}

/* The half of a 64-bit mask of features that a select register names */
static uint32_t feature_half(uint64_t features, uint32_t select)
{
    return select < 2 ? extract64(features, 32 * select, 32) : 0;
}

static uint64_t queue_read(SnapFn *fn, SnapQueue *q, hwaddr at)
{
    if (!q) {
        return 0;
    }
    switch (at) {
    case SNAP_QUEUE_SIZE:
        return q->size;
    case SNAP_QUEUE_MSIX_VECTOR:
        return q->vector;
    case SNAP_QUEUE_ENABLE:
        return q->enabled;
    case SNAP_QUEUE_NOTIFY_OFF:
        return fn->queue_select;
    case SNAP_QUEUE_DESC ... SNAP_QUEUE_DESC + 7:
        return half(q->desc, at);
    case SNAP_QUEUE_DRIVER ... SNAP_QUEUE_DRIVER + 7:
        return half(q->driver, at);
    case SNAP_QUEUE_DEVICE ... SNAP_QUEUE_DEVICE + 7:
        return half(q->device, at);
    default:
        return 0;
    }
}

static uint64_t common_read(SnapFn *fn, hwaddr at)
{
    switch (at) {
    case SNAP_DEVICE_FEATURE_SELECT:
        return fn->offered_select;
    case SNAP_DEVICE_FEATURE:
        return feature_half(fn->offered, fn->offered_select);
    case SNAP_DRIVER_FEATURE_SELECT:
        return fn->accepted_select;
    case SNAP_DRIVER_FEATURE:
        return feature_half(fn->accepted, fn->accepted_select);
    case SNAP_CONFIG_MSIX_VECTOR:
        return fn->config_vector;
    case SNAP_NUM_QUEUES:
        return fn->queues;
    case SNAP_DEVICE_STATUS:
        return fn->status;
    case SNAP_QUEUE_SELECT:
        return fn->queue_select;
    case SNAP_ADMIN_QUEUE_INDEX:
        return snap_is_pf(fn) ? fn->queues : 0;
    case SNAP_ADMIN_QUEUE_NUM:
        return snap_is_pf(fn);
    default:
        return queue_read(fn, selected_queue(fn), at);
    }
}

/* A vector that is not there reads back as none */
static uint16_t valid_vector(SnapFn *fn, uint16_t vector)
{
    return vector < PCI_DEVICE(fn)->msix_entries_nr ? vector : SNAP_NO_VECTOR;
}

static void queue_enable(SnapQueue *q, uint16_t value)
{
    if (value == 1) {
        q->enabled = 1;
        q->taken = q->given = 0;
        q->signalled_valid = false;
    }
}

/* An enabled queue stays as it is until a reset, but for its vector */
static void queue_write(SnapFn *fn, SnapQueue *q, hwaddr at, uint32_t value)
{
    if (!q || (q->enabled && at != SNAP_QUEUE_MSIX_VECTOR)) {
        return;
    }
    switch (at) {
    case SNAP_QUEUE_SIZE:
        if (value && value <= SNAP_RING_SIZE && !(value & (value - 1))) {
            q->size = value;
        }
        break;
    case SNAP_QUEUE_MSIX_VECTOR:
        q->vector = valid_vector(fn, value);
        break;
    case SNAP_QUEUE_ENABLE:
        queue_enable(q, value);
        break;
    case SNAP_QUEUE_DESC ... SNAP_QUEUE_DESC + 7:
        set_half(&q->desc, at, value);
        break;
    case SNAP_QUEUE_DRIVER ... SNAP_QUEUE_DRIVER + 7:
        set_half(&q->driver, at, value);
        break;
    case SNAP_QUEUE_DEVICE ... SNAP_QUEUE_DEVICE + 7:
        set_half(&q->device, at, value);
        break;
    }
}

static bool features_fit(const SnapFn *fn)
{
    return fn->accepted & SNAP_F_VERSION_1 && !(fn->accepted & ~fn->offered);
}

static void status_write(SnapFn *fn, uint8_t value)
{
    bool was_ok = fn->status & SNAP_S_DRIVER_OK;

    if (!value) {
        snap_fn_reset(fn);
        return;
    }
    /* NEEDS_RESET is the device's; what the driver has set stays set */
    value = fn->status | (value & SNAP_S_ALL & ~SNAP_S_NEEDS_RESET);
    if (!(fn->status & SNAP_S_FEATURES_OK) && !features_fit(fn)) {
        value &= ~SNAP_S_FEATURES_OK;
    }
    if (!(value & SNAP_S_FEATURES_OK)) {
        value &= ~SNAP_S_DRIVER_OK;
    }
    fn->status = value;
    if (value & SNAP_S_DRIVER_OK && !was_ok) {
        snap_oracle_begin(fn);
        qemu_bh_schedule(fn->bh);
    }
}

static void accept_features(SnapFn *fn, uint32_t value)
{
    if (fn->accepted_select < 2 && !(fn->status & SNAP_S_FEATURES_OK)) {
        fn->accepted = deposit64(fn->accepted, 32 * fn->accepted_select, 32,
                                 value);
    }
}

static void common_write(SnapFn *fn, hwaddr at, uint32_t value)
{
    switch (at) {
    case SNAP_DEVICE_FEATURE_SELECT:
        fn->offered_select = value;
        break;
    case SNAP_DRIVER_FEATURE_SELECT:
        fn->accepted_select = value;
        break;
    case SNAP_DRIVER_FEATURE:
        accept_features(fn, value);
        break;
    case SNAP_CONFIG_MSIX_VECTOR:
        fn->config_vector = valid_vector(fn, value);
        break;
    case SNAP_DEVICE_STATUS:
        status_write(fn, value);
        break;
    case SNAP_QUEUE_SELECT:
        fn->queue_select = value;
        break;
    default:
        queue_write(fn, selected_queue(fn), at, value);
    }
}

static uint64_t isr_read(SnapFn *fn)
{
    uint8_t isr = fn->isr;

    fn->isr = 0;
    return isr;
}

static uint64_t reg_read(void *opaque, hwaddr at, unsigned size)
{
    SnapFn *fn = opaque;
    hwaddr in = at & 0xfff;

    switch (at & ~0xfffull) {
    case SNAP_AT_COMMON:
        return in < SNAP_COMMON_BYTES ? common_read(fn, in) : 0;
    case SNAP_AT_ISR:
        return in ? 0 : isr_read(fn);
    case SNAP_AT_DEVICE:
        return snap_blk_config(fn, in, size);
    default:
        return 0;
    }
}

/* A doorbell says only that there may be something: all queues are looked at */
static void reg_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
    SnapFn *fn = opaque;
    hwaddr in = at & 0xfff;

    switch (at & ~0xfffull) {
    case SNAP_AT_COMMON:
        if (in < SNAP_COMMON_BYTES) {
            common_write(fn, in, value);
        }
        break;
    case SNAP_AT_NOTIFY:
        qemu_bh_schedule(fn->bh);
        break;
    }
}

const MemoryRegionOps snap_reg_ops = {
    .read = reg_read,
    .write = reg_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};
