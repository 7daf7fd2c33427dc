/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: fault injection, by the property "inject". */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "cx.h"

static const char *const kinds[CX_FAULT_KINDS] = {
    [CX_FAULT_NONE] = "off", [CX_FAULT_FAIL] = "fail",
    [CX_FAULT_SILENT] = "silent", [CX_FAULT_LATE] = "late",
    [CX_FAULT_DELIVERY] = "delivery", [CX_FAULT_VALUE] = "value",
    [CX_FAULT_FATAL] = "fatal",
};

static CxFault *find(CxPF *pf, uint16_t function, uint16_t opcode)
{
    for (unsigned i = 0; i < CX_FAULTS; i++) {
        CxFault *f = &pf->faults[i];

        if (f->kind && f->function == function && f->opcode == opcode) {
            return f;
        }
    }
    return NULL;
}

static CxFault *free_slot(CxPF *pf)
{
    for (unsigned i = 0; i < CX_FAULTS; i++) {
        if (!pf->faults[i].kind) {
            return &pf->faults[i];
        }
    }
    return NULL;
}

/* The fault that hits this command; its kind is CX_FAULT_NONE if none does */
CxFault cx_fault_take(CxPF *pf, uint16_t function, uint16_t opcode)
{
    CxFault *f = find(pf, function, opcode) ?:
                 find(pf, CX_ANY_FUNCTION, opcode);
    CxFault hit = { 0 };

    if (!f) {
        return hit;
    }
    if (f->pass) {
        f->pass--;
        return hit;
    }
    hit = *f;
    if (!--f->hits) {
        f->kind = CX_FAULT_NONE;
    }
    return hit;
}

static bool number(const char *word, uint32_t most, uint32_t *value)
{
    unsigned int n;

    if (qemu_strtoui(word, NULL, 0, &n) < 0 || n > most) {
        return false;
    }
    *value = n;
    return true;
}

static bool parse_function(const CxPF *pf, const char *word, uint16_t *function)
{
    uint32_t n;

    if (!strcmp(word, "any")) {
        *function = CX_ANY_FUNCTION;
        return true;
    }
    if (!strcmp(word, "pf")) {
        *function = 0;
        return true;
    }
    if (!number(word, pf->total_vfs - 1, &n)) {
        return false;
    }
    *function = n + 1;
    return true;
}

static bool parse_opcode(const char *word, uint16_t *opcode)
{
    const CxOp *op = cx_op_by_name(word);
    uint32_t n;

    if (!op && number(word, 0xffff, &n)) {
        op = cx_op(n);
    }
    if (op) {
        *opcode = op->opcode;
    }
    return op;
}

static bool parse_kind(const char *word, CxFaultKind *kind)
{
    for (unsigned i = 0; i < CX_FAULT_KINDS; i++) {
        if (!strcmp(word, kinds[i])) {
            *kind = i;
            return true;
        }
    }
    return false;
}

static const char *parse(const CxPF *pf, char **word, CxFault *f)
{
    unsigned n = g_strv_length(word);
    uint32_t most = UINT32_MAX;

    *f = (CxFault) { .hits = 1 };
    if (n < 3 || n > 6) {
        return "VF|pf|any OPCODE KIND [PARAMETER [COUNT [SKIP]]]";
    }
    if (!parse_function(pf, word[0], &f->function)) {
        return "there is no such function";
    }
    if (!parse_opcode(word[1], &f->opcode)) {
        return "there is no such command";
    }
    if (!parse_kind(word[2], &f->kind)) {
        return "kinds are off, fail, silent, late, delivery, value and fatal";
    }
    if (f->kind == CX_FAULT_FAIL || f->kind == CX_FAULT_FATAL) {
        most = 0xff;
    } else if (f->kind == CX_FAULT_DELIVERY) {
        most = 0x7f;
    }
    if ((n > 3 && !number(word[3], most, &f->parameter)) ||
        (n > 4 && !number(word[4], UINT32_MAX, &f->hits)) ||
        (n > 5 && !number(word[5], UINT32_MAX, &f->pass))) {
        return "a number is wrong or too large";
    }
    if (!f->hits) {
        return "COUNT must not be 0";
    }
    if ((f->kind == CX_FAULT_FAIL || f->kind == CX_FAULT_DELIVERY) &&
        !f->parameter) {
        return "this kind needs a PARAMETER, not 0";
    }
    return NULL;
}

/* "clear", or one fault */
void cx_fault_property(Object *obj, const char *value, Error **errp)
{
    g_auto(GStrv) word = g_strsplit(value, " ", 0);
    CxPF *pf = CX_PF(obj);
    const char *error;
    CxFault fault, *f;

    if (!strcmp(value, "clear")) {
        memset(pf->faults, 0, sizeof(pf->faults));
        return;
    }
    error = parse(pf, word, &fault);
    if (error) {
        error_setg(errp, "inject '%s': %s", value, error);
        return;
    }
    f = find(pf, fault.function, fault.opcode) ?: free_slot(pf);
    if (!f) {
        error_setg(errp, "there are %u faults already", CX_FAULTS);
        return;
    }
    *f = fault;
}
