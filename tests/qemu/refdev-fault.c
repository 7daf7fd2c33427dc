/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference device: fault injection. */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "refdev.h"

static RefdevFault *fault_find(RefdevPF *pf, uint16_t function,
                               uint16_t opcode)
{
    for (int i = 0; i < RD_MAX_FAULTS; i++) {
        RefdevFault *f = &pf->faults[i];

        if (f->kind && f->function == function && f->opcode == opcode) {
            return f;
        }
    }
    return NULL;
}

static RefdevFault *fault_free_slot(RefdevPF *pf)
{
    for (int i = 0; i < RD_MAX_FAULTS; i++) {
        if (!pf->faults[i].kind) {
            return &pf->faults[i];
        }
    }
    return NULL;
}

static bool fault_valid(const RefdevPF *pf, const RefdevFault *f)
{
    if (!refdev_fw_known(pf, f->opcode) || f->opcode == RD_OP_INJECT) {
        return false;
    }
    switch (f->kind) {
    case RD_FAULT_FAIL:
        return f->parameter >= 1 && f->parameter <= 0xffff;
    case RD_FAULT_SILENT:
    case RD_FAULT_LATE:
    case RD_FAULT_SHORT:
    case RD_FAULT_FATAL:
        return true;
    case RD_FAULT_AGAIN:
        return f->opcode == RD_OP_PRECOPY;
    default:
        return !f->hits;        /* disarming needs no kind */
    }
}

static uint16_t fault_arm(RefdevPF *pf, const RefdevFault *fault)
{
    RefdevFault *f = fault_find(pf, fault->function, fault->opcode);

    if (!fault->hits) {
        if (f) {
            f->kind = 0;
        }
        return RD_OK;
    }
    f = f ?: fault_free_slot(pf);
    if (!f) {
        return RD_NO_RESOURCES;
    }
    *f = *fault;
    return RD_OK;
}

uint16_t refdev_fault_inject(RefdevPF *pf, uint16_t function,
                             const uint64_t *arg)
{
    const RefdevFault fault = {
        .function = function,
        .opcode = extract64(arg[0], 0, 16),
        .kind = extract64(arg[0], 16, 16),
        .parameter = arg[1],
        .hits = extract64(arg[2], 0, 32),
        .pass = extract64(arg[2], 32, 32),
    };

    if (function != RD_FUNCTION_PF && function >= pf->total_vfs) {
        return RD_BAD_FUNCTION;
    }
    if (arg[0] >> 32) {
        return RD_BAD_ARGUMENT;
    }
    if (!fault.opcode) {
        memset(pf->faults, 0, sizeof(pf->faults));
        return RD_OK;
    }
    return fault_valid(pf, &fault) ? fault_arm(pf, &fault) : RD_BAD_ARGUMENT;
}

/* The fault that hits this command; its kind is 0 if none does. */
RefdevFault refdev_fault_take(RefdevPF *pf, uint16_t function,
                              uint16_t opcode)
{
    RefdevFault *f = fault_find(pf, function, opcode);
    RefdevFault hit = { 0 };

    f = f ?: fault_find(pf, RD_FUNCTION_PF, opcode);
    if (!f) {
        return hit;
    }
    if (f->pass) {
        f->pass--;
        return hit;
    }
    hit = *f;
    if (!--f->hits) {
        f->kind = 0;
    }
    return hit;
}
