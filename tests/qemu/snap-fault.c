/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SNAP model: fault injection. The PF's driver is a stock one, so faults are
 * ordered at L0's monitor, not by a command.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "snap.h"

static const struct {
    const char *name;
    bool parameter;         /* it has to be given */
} kinds[] = {
    [SNAP_FAULT_FAIL] = { "fail", true },
    [SNAP_FAULT_SILENT] = { "silent", false },
    [SNAP_FAULT_LATE] = { "late", true },
    [SNAP_FAULT_SHORT] = { "short", true },
    [SNAP_FAULT_LENGTH] = { "length", true },
    [SNAP_FAULT_SIZE] = { "size", true },
    [SNAP_FAULT_STALE] = { "stale", false },
    [SNAP_FAULT_MISSING] = { "missing", true },
    [SNAP_FAULT_GARBLE] = { "garble", true },
};

static SnapFault *find(SnapPF *pf, uint64_t member, uint16_t opcode)
{
    for (int i = 0; i < SNAP_MAX_FAULTS; i++) {
        SnapFault *f = &pf->fault[i];

        if (f->kind && f->opcode == opcode && f->member == member) {
            return f;
        }
    }
    return NULL;
}

static SnapFault *unused(SnapPF *pf)
{
    for (int i = 0; i < SNAP_MAX_FAULTS; i++) {
        if (!pf->fault[i].kind) {
            return &pf->fault[i];
        }
    }
    return NULL;
}

static bool parse_who(SnapFault *f, const char *word)
{
    uint64_t vf;

    if (!strcmp(word, "any")) {
        f->member = SNAP_ANY_MEMBER;
        return true;
    }
    if (!g_str_has_prefix(word, "vf") ||
        qemu_strtou64(word + 2, NULL, 10, &vf) < 0 || vf > 255) {
        return false;
    }
    f->member = vf + 1;
    return true;
}

static bool parse_opcode(SnapFault *f, const char *word)
{
    for (int op = 0; op < SNAP_NR_OPCODES; op++) {
        if (!g_strcmp0(snap_admin_name(op), word)) {
            f->opcode = op;
            return true;
        }
    }
    return false;
}

static bool parse_kind(SnapFault *f, const char *word)
{
    for (int k = SNAP_FAULT_FAIL; k < ARRAY_SIZE(kinds); k++) {
        if (!strcmp(kinds[k].name, word)) {
            f->kind = k;
            return true;
        }
    }
    return false;
}

/* The words from the fourth on: parameter, hits, passes */
static bool parse_numbers(SnapFault *f, char **words, unsigned nr)
{
    uint64_t value[3] = { 0, 1, 0 };

    for (unsigned i = 0; i < nr; i++) {
        if (i >= ARRAY_SIZE(value) ||
            qemu_strtou64(words[i], NULL, 0, &value[i]) < 0) {
            return false;
        }
    }
    if ((kinds[f->kind].parameter && !nr) || value[1] > UINT32_MAX ||
        value[2] > UINT32_MAX) {
        return false;
    }
    f->parameter = value[0];
    f->hits = value[1];
    f->pass = value[2];
    return true;
}

/* "any|vfN COMMAND KIND [PARAMETER [HITS [PASSES]]]", or "clear" */
bool snap_fault_inject(SnapPF *pf, const char *text, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    unsigned nr = g_strv_length(words);
    SnapFault fault = { }, *f;

    if (!strcmp(text, "clear")) {
        memset(pf->fault, 0, sizeof(pf->fault));
        return true;
    }
    if (nr < 3 || !parse_who(&fault, words[0]) ||
        !parse_opcode(&fault, words[1]) || !parse_kind(&fault, words[2]) ||
        !parse_numbers(&fault, words + 3, nr - 3)) {
        error_setg(errp, "'%s' is not \"any|vfN COMMAND KIND [PARAMETER "
                   "[HITS [PASSES]]]\"", text);
        return false;
    }
    f = find(pf, fault.member, fault.opcode) ?: unused(pf);
    if (!f) {
        error_setg(errp, "%d faults are the most", SNAP_MAX_FAULTS);
        return false;
    }
    *f = fault;
    if (!fault.hits) {
        f->kind = SNAP_FAULT_NONE;
    }
    return true;
}

/* The fault that hits this command; its kind is NONE if none does. */
SnapFault snap_fault_take(SnapPF *pf, uint64_t member, uint16_t opcode)
{
    SnapFault *f = find(pf, member, opcode), hit = { };

    f = f ?: find(pf, SNAP_ANY_MEMBER, opcode);
    if (!f) {
        return hit;
    }
    if (f->pass) {
        f->pass--;
        return hit;
    }
    hit = *f;
    if (!--f->hits) {
        f->kind = SNAP_FAULT_NONE;
    }
    return hit;
}
