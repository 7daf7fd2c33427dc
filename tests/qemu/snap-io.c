/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: requests in flight; stopping and resuming a function. */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "snap.h"

static int64_t now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void finish(SnapFn *fn, SnapChain *chain)
{
    uint32_t bytes = snap_blk_run(fn, chain);

    fn->requests++;
    snap_ring_give(fn, chain, bytes);
}

static void arm(SnapFn *fn)
{
    SnapChain *chain = QTAILQ_FIRST(&fn->flying);

    if (chain && chain->due != SNAP_HELD) {
        timer_mod(&fn->timer, chain->due);
    }
}

/* All requests that end until then; one interrupt for each queue's */
static void finish_until(SnapFn *fn, int64_t until)
{
    uint32_t queues = 0;
    SnapChain *chain;

    while ((chain = QTAILQ_FIRST(&fn->flying)) && chain->due <= until) {
        QTAILQ_REMOVE(&fn->flying, chain, next);
        queues |= 1u << chain->queue;
        finish(fn, chain);
    }
    for (unsigned nr = 0; nr < fn->queues; nr++) {
        if (queues & (1u << nr)) {
            snap_ring_signal(fn, nr, false);
        }
    }
    arm(fn);
}

void snap_io_timer(void *opaque)
{
    finish_until(opaque, now());
}

/*
 * 0.5 to 1.5 times the mean, spread evenly (by the golden ratio) and the same
 * in each run: requests end in another order than they came. What is lost at a
 * stop is then not by luck the youngest.
 */
static int64_t latency(SnapFn *fn)
{
    uint64_t mean = fn->pf->latency_ns;
    uint64_t spread = (fn->order++ * 0x9e3779b97f4a7c15ull) >> 32;

    return mean ? mean / 2 + spread % mean : 0;
}

/*
 * Held back are some that are not the youngest: drivers that lose these do
 * more harm than those that carry out the last ones again.
 */
static int64_t due(SnapFn *fn)
{
    int64_t ns = latency(fn);

    return fn->hold && fn->order % 2 ? SNAP_HELD : now() + ns;
}

static void fly(SnapFn *fn, SnapChain *chain)
{
    SnapChain *other;

    chain->due = due(fn);
    QTAILQ_FOREACH(other, &fn->flying, next) {
        if (other->due > chain->due) {
            break;
        }
    }
    if (other) {
        QTAILQ_INSERT_BEFORE(other, chain, next);
    } else {
        QTAILQ_INSERT_TAIL(&fn->flying, chain, next);
    }
    arm(fn);
}

void snap_io_bh(void *opaque)
{
    SnapFn *fn = opaque;
    SnapChain *chain;

    if (fn->stopped || !(fn->status & SNAP_S_DRIVER_OK)) {
        return;
    }
    for (unsigned nr = 0; nr < fn->queues; nr++) {
        while ((chain = snap_ring_take(fn, nr))) {
            fly(fn, chain);
        }
    }
    while (snap_is_pf(fn) && (chain = snap_ring_take(fn, fn->queues))) {
        snap_admin_serve(fn->pf, chain);
    }
}

void snap_io_drop(SnapFn *fn)
{
    SnapChain *chain;

    timer_del(&fn->timer);
    qemu_bh_cancel(fn->bh);
    while ((chain = QTAILQ_FIRST(&fn->flying))) {
        QTAILQ_REMOVE(&fn->flying, chain, next);
        snap_chain_free(chain);
    }
}

static void count_in_flight(SnapFn *fn)
{
    SnapChain *chain;

    fn->in_flight_at_stop = 0;
    QTAILQ_FOREACH(chain, &fn->flying, next) {
        fn->in_flight_at_stop++;
    }
}

/* Requests that wait for a stop */
unsigned snap_io_held(const SnapFn *fn)
{
    const SnapChain *chain;
    unsigned held = 0;

    QTAILQ_FOREACH(chain, &fn->flying, next) {
        held += chain->due == SNAP_HELD;
    }
    return held;
}

/*
 * Carries out what was taken, gives it back, and begins nothing more: a split
 * ring's place is then one index, which the driver's memory has.
 */
void snap_io_stop(SnapFn *fn)
{
    if (fn->stopped) {
        return;
    }
    count_in_flight(fn);
    if (fn->pf->bug == SNAP_BUG_DMA_STOPPED) {
        fn->stopped = true;
    }
    if (fn->pf->bug != SNAP_BUG_DROP_REQUESTS) {
        finish_until(fn, INT64_MAX);
    }
    snap_io_drop(fn);
    fn->hold = false;
    fn->stopped = true;
    fn->loaded = false;
}

void snap_io_resume(SnapFn *fn)
{
    bool loaded = fn->loaded;

    fn->stopped = false;
    fn->loaded = false;
    if (!(fn->status & SNAP_S_DRIVER_OK)) {
        return;
    }
    for (unsigned nr = 0; loaded && nr < fn->queues; nr++) {
        if (!fn->queue[nr].enabled) {
            continue;
        }
        if (fn->pf->bug != SNAP_BUG_STALE_INDEX) {
            snap_ring_rewind(fn, nr);
        }
        /* One that waited in the source's MSI-X table did not come along */
        snap_ring_signal(fn, nr, true);
    }
    qemu_bh_schedule(fn->bh);
}
