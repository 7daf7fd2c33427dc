/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference device: the VF's copy engine, one channel of an I/OAT 3.2.
 *
 * A chain is started by CHAINADDR and then DMACOUNT, the number of descriptors
 * that may be carried out, free running from the start of the chain. One
 * descriptor is under way at a time: it is fetched, takes copy-ns, then its
 * data moves and its completion is written.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "refdev.h"

#define COPY_CHUNK      (64 * KiB)
#define COPY_BATCH      32          /* descriptors per timer if copy-ns is 0 */
#define COPY_BATCH_MAX  MiB         /* and bytes */

static uint8_t chunk[COPY_CHUNK];   /* under the big lock */

static unsigned xfercap(const RefdevVF *vf)
{
    return vf->enabled ? ctz64(vf->max_copy) : ctz64(MiB);
}

/* -- interrupt ------------------------------------------------------------- */

static void interrupt_update(RefdevVF *vf)
{
    RefdevIoat *io = &vf->io;

    if (io->pending && io->armed && refdev_vf_may_dma(vf) &&
        (io->intrctrl & (IO_INTRCTRL_MASTER | IO_INTRCTRL_MSIX))) {
        io->pending = 0;
        io->armed = 0;
        msix_notify(PCI_DEVICE(vf), 0);
    }
}

static void interrupt_raise(RefdevVF *vf)
{
    vf->io.attention = 1;
    vf->io.pending = 1;
    interrupt_update(vf);
}

/* -- states ---------------------------------------------------------------- */

static uint64_t chansts(const RefdevVF *vf)
{
    return (vf->io.completed & ~(uint64_t)(IO_DESC_BYTES - 1)) | vf->io.state;
}

static bool write_completion(RefdevVF *vf)
{
    uint8_t qword[8];

    stq_le_p(qword, chansts(vf));
    return refdev_vf_dma(vf, vf->io.chancmp & ~7ull, qword, sizeof(qword),
                         DMA_DIRECTION_FROM_DEVICE);
}

static bool chain_pending(const RefdevVF *vf)
{
    return vf->io.dmacount != vf->io.done;
}

/* The copy under way, if any, is over, one way or the other. */
static void copy_over(RefdevVF *vf)
{
    vf->copying = false;
    vf->suspend_after = false;
    timer_del(&vf->copy_timer);
}

static void halt_on_error(RefdevVF *vf, uint32_t error)
{
    RefdevIoat *io = &vf->io;

    copy_over(vf);
    vf->errors++;
    io->chanerr |= error;
    io->state = IO_STS_HALTED;
    if ((io->chanctrl & IO_CHANCTRL_ERR_CPL) && error != IO_ERR_COMPLETION &&
        refdev_vf_may_dma(vf)) {
        write_completion(vf);
    }
    if ((io->chanctrl & IO_CHANCTRL_ERR_INT) && !(io->chanerrmsk & error)) {
        interrupt_raise(vf);
    }
}

/* -- descriptors ------------------------------------------------------------ */

static uint32_t desc_check(RefdevVF *vf)
{
    const RefdevDesc *d = &vf->desc;

    if (d->control >> IO_DESC_OP_SHIFT) {
        return IO_ERR_CONTROL;
    }
    if (d->control & IO_DESC_NULL) {
        return 0;
    }
    return !d->size || d->size > vf->max_copy ? IO_ERR_LENGTH : 0;
}

/* Reads the next descriptor. Returns an error bit, or 0. */
static uint32_t desc_fetch(RefdevVF *vf)
{
    uint64_t address = vf->io.next;
    uint8_t raw[IO_DESC_BYTES];

    if (address & (IO_DESC_BYTES - 1)) {
        return IO_ERR_ALIGN;
    }
    if (!refdev_vf_dma(vf, address, raw, sizeof(raw),
                       DMA_DIRECTION_TO_DEVICE)) {
        return vf->io.completed ? IO_ERR_CHAIN_READ : IO_ERR_CHAIN_VALUE;
    }
    vf->desc = (RefdevDesc) {
        .address = address,
        .size = ldl_le_p(raw),
        .control = ldl_le_p(raw + 4),
        .source = ldq_le_p(raw + 8),
        .target = ldq_le_p(raw + 16),
        .next = ldq_le_p(raw + 24),
    };
    return desc_check(vf);
}

/* Begins the next copy if there is one and it may. Does not set the timer. */
static bool copy_begin(RefdevVF *vf)
{
    uint32_t error;

    if (vf->copying || vf->io.state != IO_STS_ACTIVE ||
        !chain_pending(vf) || !refdev_vf_may_begin(vf)) {
        return false;
    }
    error = desc_fetch(vf);
    if (error) {
        halt_on_error(vf, error);
        return false;
    }
    vf->copying = true;
    return true;
}

/* How long the copy under way takes */
static uint64_t copy_time(const RefdevVF *vf)
{
    uint64_t ns = MIN(vf->pf->copy_ns, INT64_MAX / 2);

    return vf->bandwidth
           ? MAX(ns, muldiv64(vf->desc.size, NANOSECONDS_PER_SECOND,
                              vf->bandwidth * MiB)) : ns;
}

static void copy_schedule(RefdevVF *vf)
{
    timer_mod(&vf->copy_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                               copy_time(vf));
}

static void kick(RefdevVF *vf)
{
    if (copy_begin(vf)) {
        copy_schedule(vf);
    }
}

/* Moves the data of the copy under way. Returns an error bit, or 0. */
static uint32_t copy_data(RefdevVF *vf, uint32_t *crc)
{
    const RefdevDesc *d = &vf->desc;
    uint32_t running = 0xffffffff;

    for (uint32_t at = 0; at < d->size; at += COPY_CHUNK) {
        uint32_t bytes = MIN(COPY_CHUNK, d->size - at);

        if (!refdev_vf_dma(vf, d->source + at, chunk, bytes,
                           DMA_DIRECTION_TO_DEVICE)) {
            return IO_ERR_READ;
        }
        running = refdev_crc(running, chunk, bytes);
        if (!refdev_vf_dma(vf, d->target + at, chunk, bytes,
                           DMA_DIRECTION_FROM_DEVICE)) {
            return IO_ERR_WRITE;
        }
    }
    *crc = running ^ 0xffffffff;
    return 0;
}

static uint32_t copy_do(RefdevVF *vf)
{
    uint32_t crc = 0;
    uint32_t error;

    if (vf->desc.control & IO_DESC_NULL) {
        return 0;
    }
    error = copy_data(vf, &crc);
    if (!error) {
        vf->copies++;
        vf->copied += vf->desc.size;
        refdev_context_copied(vf, crc);
    }
    return error;
}

/* The descriptor is done: registers, completion, interrupt. */
static void desc_done(RefdevVF *vf)
{
    RefdevIoat *io = &vf->io;
    bool suspend = vf->suspend_after;

    copy_over(vf);
    io->done++;
    io->completed = vf->desc.address;
    io->next = vf->desc.next;
    if (suspend) {
        io->state = IO_STS_SUSPENDED;
    } else if (!chain_pending(vf)) {
        io->state = IO_STS_IDLE;
    }
    if ((vf->desc.control & IO_DESC_COMPLETE) && !write_completion(vf)) {
        halt_on_error(vf, IO_ERR_COMPLETION);
    } else if (vf->desc.control & IO_DESC_INT) {
        interrupt_raise(vf);
    }
}

static void copy_end(RefdevVF *vf)
{
    uint32_t error = copy_do(vf);

    if (error) {
        halt_on_error(vf, error);
    } else {
        desc_done(vf);
    }
    if (vf->stopping) {
        refdev_cmd_stopped(vf->pf, refdev_vf_number(vf));
    }
}

void refdev_ioat_timer(void *opaque)
{
    RefdevVF *vf = opaque;
    uint64_t moved = 0;

    for (int i = 0; i < COPY_BATCH && moved < COPY_BATCH_MAX; i++) {
        moved += vf->desc.size;
        copy_end(vf);
        if (!copy_begin(vf)) {
            return;
        }
        if (copy_time(vf)) {
            break;
        }
    }
    copy_schedule(vf);
}

/* The function may run again: go on where the chain stands. */
void refdev_ioat_resumed(RefdevVF *vf)
{
    interrupt_update(vf);
    kick(vf);
}

/* -- channel commands -------------------------------------------------------- */

/* A copy that a command has cut off: a SUSPEND that waits for it is through. */
static void copy_cut(RefdevVF *vf)
{
    bool copying = vf->copying;

    copy_over(vf);
    if (copying && vf->stopping) {
        refdev_cmd_stopped(vf->pf, refdev_vf_number(vf));
    }
}

/* CHANCTRL and the error registers outlive it. */
static void channel_reset(RefdevVF *vf)
{
    RefdevIoat *io = &vf->io;

    io->state = IO_STS_HALTED;
    io->dmacount = 0;
    io->done = 0;
    io->pending = 0;
    io->attention = 0;
    io->chainaddr = 0;
    io->chancmp = 0;
    io->completed = 0;
    io->next = 0;
    copy_cut(vf);
}

static void channel_suspend(RefdevVF *vf)
{
    if (vf->copying) {
        vf->suspend_after = true;
    } else if (vf->io.state != IO_STS_HALTED) {
        vf->io.state = IO_STS_SUSPENDED;
    }
}

static void channel_resume(RefdevVF *vf)
{
    vf->suspend_after = false;
    if (vf->io.state == IO_STS_SUSPENDED) {
        vf->io.state = chain_pending(vf) ? IO_STS_ACTIVE : IO_STS_IDLE;
        kick(vf);
    }
}

static void channel_abort(RefdevVF *vf)
{
    vf->io.state = IO_STS_HALTED;
    copy_cut(vf);
}

static void chancmd_write(RefdevVF *vf, uint8_t value)
{
    switch (value) {
    case 0:
    case IO_CMD_START:      /* version 3 starts by DMACOUNT */
    case IO_CMD_APPEND:
        break;
    case IO_CMD_RESET:
        channel_reset(vf);
        break;
    case IO_CMD_SUSPEND:
        channel_suspend(vf);
        break;
    case IO_CMD_RESUME:
        channel_resume(vf);
        break;
    case IO_CMD_ABORT:
        channel_abort(vf);
        break;
    default:
        vf->io.state = IO_STS_HALTED;
        copy_cut(vf);
        halt_on_error(vf, IO_ERR_COMMAND);
        break;
    }
}

/* -- chain ------------------------------------------------------------------- */

/* A new chain, unless one is being carried out. */
static void chainaddr_write(RefdevVF *vf, uint64_t value)
{
    RefdevIoat *io = &vf->io;

    if (io->state == IO_STS_ACTIVE) {
        return;
    }
    io->chainaddr = value;
    io->next = value;
    io->completed = 0;
    io->dmacount = 0;
    io->done = 0;
    io->state = IO_STS_ARMED;
}

static void dmacount_write(RefdevVF *vf, uint16_t value)
{
    RefdevIoat *io = &vf->io;

    io->dmacount = value;
    if ((io->state == IO_STS_ARMED || io->state == IO_STS_IDLE) &&
        chain_pending(vf)) {
        io->state = IO_STS_ACTIVE;
    }
    kick(vf);
}

static void chanctrl_write(RefdevVF *vf, uint16_t value)
{
    vf->io.chanctrl = value & 0xf33d;
    if (value & IO_CHANCTRL_REARM) {
        vf->io.armed = 1;
        interrupt_update(vf);
    }
}

static void intrctrl_write(RefdevVF *vf, uint8_t value)
{
    vf->io.intrctrl = value & (IO_INTRCTRL_MASTER | IO_INTRCTRL_MSIX);
    interrupt_update(vf);
}

/* -- registers --------------------------------------------------------------- */

static const struct {
    uint8_t offset;
    uint8_t bytes;
} registers[] = {
    { IO_CHANCNT, 1 }, { IO_XFERCAP, 1 }, { IO_GENCTRL, 1 },
    { IO_INTRCTRL, 1 }, { IO_ATTNSTATUS, 4 }, { IO_CBVER, 1 },
    { IO_INTRDELAY, 2 }, { IO_DMACAP, 4 },
    { IO_CHANCTRL, 2 }, { IO_COMPAT, 2 }, { IO_CHANCMD, 1 },
    { IO_DMACOUNT, 2 }, { IO_CHANSTS, 8 }, { IO_CHAINADDR, 8 },
    { IO_CHANCMP, 8 }, { IO_CDAR, 8 }, { IO_CHANERR, 4 },
    { IO_CHANERRMSK, 4 }, { IO_DCACTRL, 4 },
};

static uint8_t intrctrl_read(const RefdevIoat *io)
{
    uint8_t value = io->intrctrl;

    if (io->attention) {
        value |= IO_INTRCTRL_STATUS;
        value |= value & IO_INTRCTRL_MASTER ? IO_INTRCTRL_INT : 0;
    }
    return value;
}

static uint64_t reg_read(RefdevVF *vf, uint8_t reg)
{
    const RefdevIoat *io = &vf->io;

    switch (reg) {
    case IO_CHANCNT:
        return vf->enabled;
    case IO_XFERCAP:
        return xfercap(vf);
    case IO_GENCTRL:
        return io->genctrl;
    case IO_INTRCTRL:
        return intrctrl_read(io);
    case IO_ATTNSTATUS:
        return io->attention;
    case IO_CBVER:
        return 0x32;
    case IO_INTRDELAY:
        return io->intrdelay;
    case IO_CHANCTRL:
        return io->chanctrl;
    case IO_COMPAT:
        return 0x2;
    case IO_DMACOUNT:
        return io->dmacount;
    case IO_CHANSTS:
        return chansts(vf);
    case IO_CHAINADDR:
        return io->chainaddr;
    case IO_CHANCMP:
        return io->chancmp;
    case IO_CDAR:
        return vf->copying ? vf->desc.address : io->completed;
    case IO_CHANERR:
        return io->chanerr;
    case IO_CHANERRMSK:
        return io->chanerrmsk;
    case IO_DCACTRL:
        return io->dcactrl;
    default:
        return 0;
    }
}

/* Reading ATTNSTATUS clears it, except at FULL: nothing changes there. */
static void reg_was_read(RefdevVF *vf, uint8_t reg)
{
    if (reg == IO_ATTNSTATUS && vf->level != RD_LEVEL_FULL) {
        vf->io.attention = 0;
    }
}

/* "written" is what the access wrote, "value" the register with it merged. */
static void reg_write(RefdevVF *vf, uint8_t reg, uint64_t value,
                           uint64_t written)
{
    RefdevIoat *io = &vf->io;

    switch (reg) {
    case IO_GENCTRL:
        io->genctrl = value & 1;
        break;
    case IO_INTRCTRL:
        intrctrl_write(vf, value);
        break;
    case IO_INTRDELAY:
        io->intrdelay = value & 0x3fff;
        break;
    case IO_CHANCTRL:
        chanctrl_write(vf, value);
        break;
    case IO_CHANCMD:
        chancmd_write(vf, written);
        break;
    case IO_DMACOUNT:
        dmacount_write(vf, value);
        break;
    case IO_CHAINADDR:
        chainaddr_write(vf, value);
        break;
    case IO_CHANCMP:
        io->chancmp = value;
        break;
    case IO_CHANERR:
        io->chanerr &= ~written;
        break;
    case IO_CHANERRMSK:
        io->chanerrmsk = value;
        break;
    case IO_DCACTRL:
        io->dcactrl = value;
        break;
    }
}

/* An access may cover several registers, or a part of one. */
uint64_t refdev_ioat_read(RefdevVF *vf, hwaddr offset, unsigned size)
{
    uint64_t result = 0;

    for (int i = 0; i < ARRAY_SIZE(registers); i++) {
        int64_t shift = ((int64_t)registers[i].offset - (int64_t)offset) * 8;
        uint64_t value;

        if (shift >= size * 8 || shift <= -registers[i].bytes * 8) {
            continue;
        }
        value = reg_read(vf, registers[i].offset);
        result |= shift >= 0 ? value << shift : value >> -shift;
        reg_was_read(vf, registers[i].offset);
    }
    return result;
}

void refdev_ioat_write(RefdevVF *vf, hwaddr offset, uint64_t value,
                       unsigned size)
{
    uint64_t mask = size == 8 ? ~0ull : (1ull << size * 8) - 1;

    for (int i = 0; i < ARRAY_SIZE(registers); i++) {
        uint8_t reg = registers[i].offset;
        int64_t shift = ((int64_t)reg - (int64_t)offset) * 8;
        uint64_t part, bits;

        if (shift >= size * 8 || shift <= -registers[i].bytes * 8) {
            continue;
        }
        bits = shift >= 0 ? mask >> shift : mask << -shift;
        part = shift >= 0 ? value >> shift : value << -shift;
        part &= bits;
        reg_write(vf, reg, (reg_read(vf, reg) & ~bits) | part, part);
    }
}

/* To the defaults: by ENABLE, DISABLE and FLR. */
void refdev_ioat_reset(RefdevVF *vf)
{
    copy_over(vf);
    memset(&vf->io, 0, sizeof(vf->io));
    vf->io.state = IO_STS_HALTED;
}

/* Could the engine have come into this state? (An image is hostile input.) */
bool refdev_ioat_sane(const RefdevIoat *io)
{
    return io->state <= IO_STS_ARMED && io->armed <= 1 && io->pending <= 1 &&
           io->attention <= 1 &&
           (io->state != IO_STS_IDLE || io->dmacount == io->done);
}
