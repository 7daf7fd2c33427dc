/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference device: the rings, and the life of a command:
 * fetched -> (queued behind its function's others) -> running for its latency
 * -> carried out -> completed -> its completion written to the ring.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "refdev.h"

#define FETCH_BATCH     64      /* entries a bottom half fetches at a time */

static void cmd_timer(void *opaque);

static int64_t now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* -- producing into a ring ----------------------------------------------- */

static uint32_t ring_entries(const RefdevRing *ring)
{
    return 1u << ring->log;
}

static bool ring_full(const RefdevRing *ring)
{
    return ring->tail - ring->head >= ring_entries(ring);
}

static uint64_t ring_slot(const RefdevRing *ring, uint32_t index,
                          uint32_t bytes)
{
    return ring->base + (uint64_t)(index & (ring_entries(ring) - 1)) * bytes;
}

/* One on the first pass, then toggling. */
static uint32_t ring_phase(const RefdevRing *ring)
{
    return !((ring->tail >> ring->log) & 1);
}

/* The 8 bytes with the phase go last, in one piece: a driver that sees the
 * new phase sees the rest. */
static bool ring_put(RefdevPF *pf, RefdevRing *ring, uint8_t entry[32])
{
    PCIDevice *dev = PCI_DEVICE(pf);
    uint64_t slot = ring_slot(ring, ring->tail, 32);

    stl_le_p(entry + 4, ring_phase(ring));
    if (!refdev_dma(dev, slot + 8, entry + 8, 24,
                    DMA_DIRECTION_FROM_DEVICE)) {
        return false;
    }
    smp_wmb();
    if (!refdev_dma(dev, slot, entry, 8, DMA_DIRECTION_FROM_DEVICE)) {
        return false;
    }
    ring->tail++;
    return true;
}

/* -- events and fatal errors --------------------------------------------- */

static bool event_put(RefdevPF *pf, uint16_t type, uint16_t function,
                      uint64_t data)
{
    uint8_t entry[32] = { 0 };

    if (ring_full(&pf->evtq)) {
        pf->events_dropped++;
        return true;
    }
    stw_le_p(entry, type);
    stw_le_p(entry + 2, function);
    stq_le_p(entry + 8, data);
    if (!ring_put(pf, &pf->evtq, entry)) {
        return false;
    }
    msix_notify(PCI_DEVICE(pf), RD_VECTOR_EVENT);
    return true;
}

void refdev_event(RefdevPF *pf, uint16_t type, uint16_t function,
                  uint64_t data)
{
    if ((pf->status & RD_STATUS_ENABLED) &&
        !event_put(pf, type, function, data)) {
        refdev_fatal(pf, RD_FATAL_RING_ACCESS);
    }
}

void refdev_fatal(RefdevPF *pf, uint32_t code)
{
    if (pf->status & RD_STATUS_FATAL) {
        return;
    }
    pf->status |= RD_STATUS_FATAL;
    pf->fatal_code = code;
    if (pf->status & RD_STATUS_ENABLED) {
        event_put(pf, RD_EVT_FATAL, RD_FUNCTION_PF, code);
    }
    pf->status &= ~RD_STATUS_READY;
    refdev_pf_queues_off(pf);
}

/* -- ends of a command --------------------------------------------------- */

static void cmd_free(RefdevCmd *cmd)
{
    timer_del(&cmd->timer);
    refdev_precopy_undo_free(cmd->undo);
    g_free(cmd->sg);
    cmd->pf->live--;
    g_free(cmd);
}

static bool completion_put(RefdevCmd *cmd)
{
    uint8_t entry[32] = { 0 };

    stw_le_p(entry, cmd->tag);
    stw_le_p(entry + 2, cmd->status);
    for (int i = 0; i < 3; i++) {
        stq_le_p(entry + 8 + 8 * i, cmd->result[i]);
    }
    return ring_put(cmd->pf, &cmd->pf->cplq, entry);
}

/* Write what completions there is room for. */
static void flush(RefdevPF *pf)
{
    RefdevCmd *cmd;
    bool any = false;

    while ((cmd = QTAILQ_FIRST(&pf->done)) &&
           (cmd->control || !ring_full(&pf->cplq))) {
        if (cmd->control) {
            refdev_control_done(cmd);
        } else if (!completion_put(cmd)) {
            refdev_fatal(pf, RD_FATAL_RING_ACCESS);
            return;
        }
        QTAILQ_REMOVE(&pf->done, cmd, next);
        any |= !cmd->control;
        cmd_free(cmd);
    }
    if (any) {
        msix_notify(PCI_DEVICE(pf), RD_VECTOR_COMPLETION);
    }
}

/* The ring is written by the bottom half, so that no caller finds its command
 * freed under it. */
static void cmd_complete(RefdevCmd *cmd, uint16_t status)
{
    RefdevPF *pf = cmd->pf;

    timer_del(&cmd->timer);
    cmd->status = status;
    if (status != RD_OK) {
        memset(cmd->result, 0, sizeof(cmd->result));
    }
    cmd->state = CMD_DONE;
    QTAILQ_REMOVE(&pf->cmds, cmd, next);
    /* What needs no room in the ring waits for none */
    if (cmd->control) {
        QTAILQ_INSERT_HEAD(&pf->done, cmd, next);
    } else {
        QTAILQ_INSERT_TAIL(&pf->done, cmd, next);
    }
    qemu_bh_schedule(pf->bh);
}

/* Undo what a command that will not complete by itself has begun. */
static void cmd_cancel(RefdevCmd *cmd)
{
    RefdevVF *vf = refdev_pf_vf(cmd->pf, cmd->function);

    timer_del(&cmd->timer);
    if (cmd->state == CMD_STOPPING && vf) {
        refdev_vf_stop_cancel(vf);
    }
    if (cmd->undo && vf) {
        refdev_precopy_undo(cmd, vf);
    }
}

/* Without a completion: but a control block has to know. */
static void cmd_drop(RefdevCmd *cmd)
{
    if (cmd->control) {
        refdev_control_done(cmd);
    }
    cmd_free(cmd);
}

void refdev_cmd_drop_all(RefdevPF *pf)
{
    RefdevCmd *cmd, *n;

    QTAILQ_FOREACH_SAFE(cmd, &pf->cmds, next, n) {
        QTAILQ_REMOVE(&pf->cmds, cmd, next);
        cmd_cancel(cmd);
        cmd->status = RD_ABORTED;
        cmd_drop(cmd);
    }
    QTAILQ_FOREACH_SAFE(cmd, &pf->done, next, n) {
        QTAILQ_REMOVE(&pf->done, cmd, next);
        cmd_cancel(cmd);
        cmd_drop(cmd);
    }
}

/* -- starting ------------------------------------------------------------ */

/* ABORT and INJECT do not queue; a command under SILENT or LATE does not
 * hold up those behind it. */
static bool occupies(const RefdevCmd *cmd)
{
    return (cmd->state == CMD_RUNNING || cmd->state == CMD_STOPPING) &&
           cmd->opcode != RD_OP_ABORT && cmd->opcode != RD_OP_INJECT;
}

static bool function_busy(RefdevPF *pf, uint16_t function)
{
    RefdevCmd *cmd;

    QTAILQ_FOREACH(cmd, &pf->cmds, next) {
        if (cmd->function == function && occupies(cmd)) {
            return true;
        }
    }
    return false;
}

/* When the command's latency and its turn on the PF's bandwidth are over. */
static int64_t cmd_due(RefdevCmd *cmd)
{
    RefdevPF *pf = cmd->pf;
    uint64_t bytes = pf->state_bandwidth ? refdev_fw_bytes(cmd) : 0;
    uint64_t latency = pf->latency_ns;
    int64_t start = now();

    if (refdev_fw_known(pf, cmd->opcode)) {
        latency = pf->latency[cmd->opcode];
    }
    if (bytes) {
        start = MAX(start, pf->bandwidth_free);
        start += bytes * NANOSECONDS_PER_SECOND / pf->state_bandwidth;
        pf->bandwidth_free = start;
    }
    return start + MIN(latency, INT64_MAX / 2);
}

static void cmd_start(RefdevCmd *cmd)
{
    if (cmd->fault.kind == RD_FAULT_SILENT) {
        cmd->state = CMD_LOST;
        return;
    }
    cmd->state = CMD_RUNNING;
    if (refdev_fw_has_data(cmd->pf, cmd->opcode)) {
        cmd->early = refdev_sgl_read(cmd);
    }
    timer_mod(&cmd->timer, cmd_due(cmd));
}

static void function_next(RefdevPF *pf, uint16_t function)
{
    RefdevCmd *cmd, *n;

    QTAILQ_FOREACH_SAFE(cmd, &pf->cmds, next, n) {
        if (cmd->function != function || cmd->state != CMD_QUEUED) {
            continue;
        }
        if (function_busy(pf, function)) {
            return;
        }
        cmd_start(cmd);
    }
}

/* -- carrying out -------------------------------------------------------- */

static void cmd_finish(RefdevCmd *cmd, uint16_t status)
{
    RefdevPF *pf = cmd->pf;
    uint16_t function = cmd->function;

    if (cmd->fault.kind == RD_FAULT_LATE) {
        cmd->state = CMD_LATE;
        cmd->status = status;
        timer_mod(&cmd->timer,
                  now() + MIN(cmd->fault.parameter, INT64_MAX / 2));
    } else {
        cmd_complete(cmd, status);
    }
    function_next(pf, function);
}

static void cmd_run(RefdevCmd *cmd)
{
    uint32_t status;

    if (cmd->fault.kind == RD_FAULT_FATAL) {
        refdev_fatal(cmd->pf, RD_FATAL_INJECTED);
        return;
    }
    if (cmd->fault.kind == RD_FAULT_FAIL) {
        status = cmd->fault.parameter;
    } else {
        status = refdev_fw_run(cmd);
    }
    if (status == REFDEV_PENDING) {
        cmd->state = CMD_STOPPING;
    } else {
        cmd_finish(cmd, status);
    }
}

static void cmd_timer(void *opaque)
{
    RefdevCmd *cmd = opaque;

    if (cmd->state == CMD_LATE) {
        cmd_complete(cmd, cmd->status);
    } else {
        cmd_run(cmd);
    }
}

/* The copy under way of this function has ended. */
void refdev_cmd_stopped(RefdevPF *pf, uint16_t function)
{
    RefdevCmd *cmd;

    QTAILQ_FOREACH(cmd, &pf->cmds, next) {
        if (cmd->function == function && cmd->state == CMD_STOPPING) {
            refdev_fw_stopped(cmd);
            cmd_finish(cmd, RD_OK);
            return;
        }
    }
}

/* -- ending others ------------------------------------------------------- */

void refdev_cmd_abort(RefdevCmd *cmd)
{
    RefdevPF *pf = cmd->pf;
    uint16_t function = cmd->function;

    if (cmd->state == CMD_DONE) {
        return;
    }
    cmd_cancel(cmd);
    cmd_complete(cmd, RD_ABORTED);
    function_next(pf, function);
}

bool refdev_cmd_abort_tag(RefdevPF *pf, uint16_t tag, RefdevCmd *by)
{
    RefdevCmd *cmd;

    QTAILQ_FOREACH(cmd, &pf->cmds, next) {
        if (cmd->tag == tag && cmd != by && !cmd->control) {
            refdev_cmd_abort(cmd);
            return true;
        }
    }
    return false;
}

/* By an FLR, by DISABLE, by VF Enable: all commands of a function end. */
void refdev_cmd_end_function(RefdevPF *pf, uint16_t function)
{
    RefdevCmd *cmd, *n;

    QTAILQ_FOREACH_SAFE(cmd, &pf->cmds, next, n) {
        if (cmd->function == function) {
            cmd_cancel(cmd);
            cmd_complete(cmd, RD_ABORTED);
        }
    }
}

/* -- fetching ------------------------------------------------------------ */

static bool tag_in_use(RefdevPF *pf, uint16_t tag)
{
    RefdevCmd *cmd;

    QTAILQ_FOREACH(cmd, &pf->cmds, next) {
        if (cmd->tag == tag && !cmd->control) {
            return true;
        }
    }
    QTAILQ_FOREACH(cmd, &pf->done, next) {
        if (cmd->tag == tag && !cmd->control) {
            return true;
        }
    }
    return false;
}

static unsigned outstanding(RefdevPF *pf)
{
    RefdevCmd *cmd;
    unsigned count = 0;

    QTAILQ_FOREACH(cmd, &pf->cmds, next) {
        count += cmd->opcode != RD_OP_ABORT && !cmd->control;
    }
    return count;
}

RefdevCmd *refdev_cmd_new(RefdevPF *pf)
{
    RefdevCmd *cmd = g_new0(RefdevCmd, 1);

    cmd->pf = pf;
    timer_init_ns(&cmd->timer, QEMU_CLOCK_VIRTUAL, cmd_timer, cmd);
    return cmd;
}

static RefdevCmd *cmd_parse(RefdevPF *pf, const uint8_t *entry)
{
    RefdevCmd *cmd = refdev_cmd_new(pf);

    cmd->opcode = lduw_le_p(entry + 0x00);
    cmd->tag = lduw_le_p(entry + 0x02);
    cmd->function = lduw_le_p(entry + 0x04);
    cmd->flags = lduw_le_p(entry + 0x06);
    cmd->sgl = ldq_le_p(entry + 0x08);
    cmd->sgl_count = ldl_le_p(entry + 0x10);
    for (int i = 0; i < 3; i++) {
        cmd->arg[i] = ldq_le_p(entry + 0x18 + 8 * i);
    }
    return cmd;
}

/* Refusals that do not need the command to be carried out. */
static uint16_t admit(RefdevCmd *cmd)
{
    RefdevPF *pf = cmd->pf;

    if (tag_in_use(pf, cmd->tag)) {
        return RD_BUSY;
    }
    if (cmd->opcode != RD_OP_ABORT && outstanding(pf) >= RD_MAX_OUTSTANDING) {
        return RD_NO_RESOURCES;
    }
    return RD_OK;
}

/* INJECT acts on what is behind it in the ring, so it acts here. */
static void cmd_inject(RefdevCmd *cmd)
{
    cmd->early = refdev_fault_inject(cmd->pf, cmd->function, cmd->arg);
    cmd->state = CMD_RUNNING;
    timer_mod(&cmd->timer, cmd_due(cmd));
}

static void cmd_accept(RefdevCmd *cmd)
{
    RefdevPF *pf = cmd->pf;
    uint16_t refused = admit(cmd);

    pf->live++;
    if (refused == RD_OK && cmd->opcode == RD_OP_DISABLE &&
        refdev_pf_vf(pf, cmd->function)) {
        refdev_cmd_end_function(pf, cmd->function);
    }
    QTAILQ_INSERT_TAIL(&pf->cmds, cmd, next);
    if (refused != RD_OK) {
        cmd_complete(cmd, refused);
        return;
    }
    if (cmd->opcode == RD_OP_INJECT) {
        cmd_inject(cmd);
        return;
    }
    cmd->fault = refdev_fault_take(pf, cmd->function, cmd->opcode);
    if (cmd->opcode == RD_OP_ABORT || !function_busy(pf, cmd->function)) {
        cmd_start(cmd);
    }
}

/* One that has not come by the ring: there is one for each function at most. */
void refdev_cmd_control(RefdevCmd *cmd)
{
    RefdevPF *pf = cmd->pf;

    pf->live++;
    QTAILQ_INSERT_TAIL(&pf->cmds, cmd, next);
    cmd->fault = refdev_fault_take(pf, cmd->function, cmd->opcode);
    if (!function_busy(pf, cmd->function)) {
        cmd_start(cmd);
    }
}

static bool fetch_one(RefdevPF *pf)
{
    uint8_t entry[RD_CMD_BYTES];
    uint64_t slot = ring_slot(&pf->cmdq, pf->cmdq.head, RD_CMD_BYTES);

    if (!refdev_dma(PCI_DEVICE(pf), slot, entry, sizeof(entry),
                    DMA_DIRECTION_TO_DEVICE)) {
        refdev_fatal(pf, RD_FATAL_RING_ACCESS);
        return false;
    }
    pf->cmdq.head++;
    cmd_accept(cmd_parse(pf, entry));
    return true;
}

static bool may_fetch(RefdevPF *pf)
{
    return (pf->status & RD_STATUS_ENABLED) && pf->live < REFDEV_MAX_LIVE &&
           pf->cmdq.head != pf->cmdq.tail;
}

void refdev_cmd_bh(void *opaque)
{
    RefdevPF *pf = opaque;

    flush(pf);
    for (int i = 0; i < FETCH_BATCH && may_fetch(pf); i++) {
        if (!fetch_one(pf)) {
            return;
        }
    }
    if (may_fetch(pf)) {
        qemu_bh_schedule(pf->bh);
    }
}

void refdev_cmd_doorbell(RefdevPF *pf)
{
    if (pf->cmdq.tail - pf->cmdq.head > ring_entries(&pf->cmdq)) {
        refdev_fatal(pf, RD_FATAL_RING_OVERRUN);
    } else {
        qemu_bh_schedule(pf->bh);
    }
}
