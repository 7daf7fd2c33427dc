/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: split virtqueues. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "snap.h"

/*
 * A ring of SIZE entries: the driver's area is {flags le16, index le16, heads
 * le16[SIZE], used_event le16}, the device's {flags le16, index le16,
 * {head le32, bytes le32}[SIZE], avail_event le16}.
 */
#define DRIVER_FLAGS        0
#define DRIVER_INDEX        2
#define DRIVER_HEADS        4
#define NO_INTERRUPT        1
#define DEVICE_INDEX        2
#define DEVICE_ENTRIES      4
#define DEVICE_ENTRY        8

static bool read16(SnapFn *fn, uint64_t at, uint16_t *value)
{
    uint16_t le = 0;
    bool ok = snap_dma(fn, at, &le, sizeof(le), DMA_DIRECTION_TO_DEVICE);

    *value = le16_to_cpu(le);
    return ok;
}

static bool write16(SnapFn *fn, uint64_t at, uint16_t value)
{
    uint16_t le = cpu_to_le16(value);

    return snap_dma(fn, at, &le, sizeof(le), DMA_DIRECTION_FROM_DEVICE);
}

/* -- chains ---------------------------------------------------------------- */

static SnapChain *chain_new(uint16_t queue, uint16_t head)
{
    SnapChain *chain = g_new0(SnapChain, 1);

    chain->queue = queue;
    chain->head = head;
    chain->out = g_array_new(false, false, sizeof(SnapSeg));
    chain->in = g_array_new(false, false, sizeof(SnapSeg));
    return chain;
}

void snap_chain_free(SnapChain *chain)
{
    g_array_free(chain->out, true);
    g_array_free(chain->in, true);
    g_free(chain);
}

/* What is readable comes first [S]: a chain that mixes the two is not valid. */
static bool chain_add(SnapChain *chain, const SnapSeg *seg, bool writable)
{
    if (chain->out->len + chain->in->len >= SNAP_MAX_SEGMENTS ||
        (!writable && chain->in->len)) {
        return false;
    }
    if (writable) {
        g_array_append_val(chain->in, *seg);
        chain->in_bytes += seg->length;
    } else {
        g_array_append_val(chain->out, *seg);
        chain->out_bytes += seg->length;
    }
    return true;
}

/*
 * Reads the chain that begins at entry "at" of a table. A table has at most
 * "entries" of them, so a loop of descriptors ends.
 */
static bool chain_walk(SnapFn *fn, SnapChain *chain, uint64_t table,
                       uint32_t entries, uint32_t at, bool indirect)
{
    for (uint32_t n = 0; n < entries && n <= SNAP_MAX_SEGMENTS; n++) {
        uint8_t desc[SNAP_DESC_BYTES];
        SnapSeg seg;
        uint16_t flags;

        if (at >= entries ||
            !snap_dma(fn, table + (uint64_t)at * SNAP_DESC_BYTES, desc,
                      sizeof(desc), DMA_DIRECTION_TO_DEVICE)) {
            return false;
        }
        seg.address = ldq_le_p(desc);
        seg.length = ldl_le_p(desc + 8);
        flags = lduw_le_p(desc + 12);
        if (flags & SNAP_DESC_INDIRECT) {
            return !indirect && !(flags & SNAP_DESC_NEXT) &&
                   fn->accepted & SNAP_F_INDIRECT_DESC &&
                   seg.length && !(seg.length % SNAP_DESC_BYTES) &&
                   chain_walk(fn, chain, seg.address,
                              seg.length / SNAP_DESC_BYTES, 0, true);
        }
        if (!chain_add(chain, &seg, flags & SNAP_DESC_WRITE)) {
            return false;
        }
        if (!(flags & SNAP_DESC_NEXT)) {
            return true;
        }
        at = lduw_le_p(desc + 14);
    }
    return false;
}

static uint64_t chain_copy(SnapFn *fn, const GArray *segs, uint64_t offset,
                           uint8_t *data, uint64_t bytes, DMADirection dir)
{
    uint64_t done = 0;

    for (unsigned i = 0; i < segs->len && done < bytes; i++) {
        const SnapSeg *seg = &g_array_index(segs, SnapSeg, i);
        uint64_t n;

        if (offset >= seg->length) {
            offset -= seg->length;
            continue;
        }
        n = MIN(seg->length - offset, bytes - done);
        if (!snap_dma(fn, seg->address + offset, data + done, n, dir)) {
            break;
        }
        done += n;
        offset = 0;
    }
    return done;
}

/* Both return how many bytes there were and could be copied. */
uint64_t snap_chain_read(SnapFn *fn, SnapChain *chain, uint64_t offset,
                         void *data, uint64_t bytes)
{
    return chain_copy(fn, chain->out, offset, data, bytes,
                      DMA_DIRECTION_TO_DEVICE);
}

uint64_t snap_chain_write(SnapFn *fn, SnapChain *chain, uint64_t offset,
                          const void *data, uint64_t bytes)
{
    return chain_copy(fn, chain->in, offset, (uint8_t *)data, bytes,
                      DMA_DIRECTION_FROM_DEVICE);
}

/* -- taking ------------------------------------------------------------------ */

static bool event_index(const SnapFn *fn)
{
    return fn->accepted & SNAP_F_EVENT_IDX;
}

/* Has the driver made something available? False also after an error */
static bool is_available(SnapFn *fn, unsigned nr)
{
    SnapQueue *q = &fn->queue[nr];
    uint16_t index;

    if (!read16(fn, q->driver + DRIVER_INDEX, &index)) {
        return false;
    }
    if (index == q->taken && event_index(fn)) {
        /* Tell from which entry on to notify; one may just have come */
        write16(fn, q->device + DEVICE_ENTRIES + DEVICE_ENTRY * q->size,
                q->taken);
        smp_mb();
        if (!read16(fn, q->driver + DRIVER_INDEX, &index)) {
            return false;
        }
    }
    if ((uint16_t)(index - q->taken) > q->size) {
        g_autofree char *why = g_strdup_printf("queue %u: the driver's index "
                                               "is %u, the device's %u", nr,
                                               index, q->taken);

        snap_needs_reset(fn, why);
        return false;
    }
    return index != q->taken;
}

/* The next chain of a queue, or NULL if there is none, or none that is valid */
SnapChain *snap_ring_take(SnapFn *fn, unsigned nr)
{
    SnapQueue *q = &fn->queue[nr];
    SnapChain *chain;
    uint16_t head;

    if (!q->enabled || fn->status & SNAP_S_NEEDS_RESET ||
        !is_available(fn, nr)) {
        return NULL;
    }
    smp_rmb();
    if (!read16(fn, q->driver + DRIVER_HEADS + 2 * (q->taken & (q->size - 1)),
                &head)) {
        return NULL;
    }
    chain = chain_new(nr, head);
    if (!chain_walk(fn, chain, q->desc, q->size, head, false)) {
        snap_chain_free(chain);
        snap_needs_reset(fn, "a chain of descriptors is not valid");
        return NULL;
    }
    q->taken++;
    return chain;
}

/* -- giving back ------------------------------------------------------------- */

/* "bytes": that were written to it. Frees the chain; snap_ring_signal() later */
void snap_ring_give(SnapFn *fn, SnapChain *chain, uint32_t bytes)
{
    SnapQueue *q = &fn->queue[chain->queue];
    uint8_t entry[DEVICE_ENTRY];

    stl_le_p(entry, chain->head);
    stl_le_p(entry + 4, bytes);
    snap_dma(fn, q->device + DEVICE_ENTRIES +
             DEVICE_ENTRY * (q->given & (q->size - 1)), entry, sizeof(entry),
             DMA_DIRECTION_FROM_DEVICE);
    q->given++;
    smp_wmb();
    write16(fn, q->device + DEVICE_INDEX, q->given);
    snap_chain_free(chain);
}

static bool wants_interrupt(SnapFn *fn, SnapQueue *q)
{
    uint16_t before = q->signalled, event, flags;
    bool valid = q->signalled_valid;

    smp_mb();
    if (!event_index(fn)) {
        return read16(fn, q->driver + DRIVER_FLAGS, &flags) &&
               !(flags & NO_INTERRUPT);
    }
    q->signalled = q->given;
    q->signalled_valid = true;
    if (!read16(fn, q->driver + DRIVER_HEADS + 2 * q->size, &event)) {
        return false;
    }
    return !valid || (uint16_t)(q->given - event - 1) <
                     (uint16_t)(q->given - before);
}

void snap_ring_signal(SnapFn *fn, unsigned nr, bool always)
{
    SnapQueue *q = &fn->queue[nr];

    if (always || wants_interrupt(fn, q)) {
        snap_interrupt(fn, q->vector, SNAP_ISR_QUEUE);
    }
}

/*
 * No part says where in its ring a queue is. The driver's memory does, if
 * whoever stopped the function has given back all that it had taken.
 */
void snap_ring_rewind(SnapFn *fn, unsigned nr)
{
    SnapQueue *q = &fn->queue[nr];
    uint16_t index;

    if (read16(fn, q->device + DEVICE_INDEX, &index)) {
        q->taken = q->given = index;
        q->signalled_valid = false;
    }
}
