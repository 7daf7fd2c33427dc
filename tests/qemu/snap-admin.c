/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: administration commands. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pcie_sriov.h"
#include "snap.h"

#define SELF    (1u << SNAP_GROUP_SELF)
#define SRIOV   (1u << SNAP_GROUP_SRIOV)

static uint16_t list_query(SnapCmd *cmd);
static uint16_t list_use(SnapCmd *cmd);
static uint16_t mode_set(SnapCmd *cmd);

static const struct {
    const char *name;
    uint16_t (*run)(SnapCmd *cmd);
    uint8_t groups;
    bool member;
} commands[SNAP_NR_OPCODES] = {
    [SNAP_LIST_QUERY] = { "list-query", list_query, SELF | SRIOV },
    [SNAP_LIST_USE] = { "list-use", list_use, SELF | SRIOV },
    [SNAP_CAP_ID_LIST_QUERY] = {
        "cap-id-list-query", snap_cap_id_list_query, SELF },
    [SNAP_DEVICE_CAP_GET] = { "device-cap-get", snap_device_cap_get, SELF },
    [SNAP_DRIVER_CAP_SET] = { "driver-cap-set", snap_driver_cap_set, SELF },
    [SNAP_OBJ_CREATE] = { "obj-create", snap_obj_create, SRIOV, true },
    [SNAP_OBJ_MODIFY] = { "obj-modify", snap_obj_modify, SRIOV, true },
    [SNAP_OBJ_QUERY] = { "obj-query", snap_obj_query, SRIOV, true },
    [SNAP_OBJ_DESTROY] = { "obj-destroy", snap_obj_destroy, SRIOV, true },
    [SNAP_PARTS_METADATA_GET] = {
        "parts-metadata-get", snap_parts_metadata_get, SRIOV, true },
    [SNAP_PARTS_GET] = { "parts-get", snap_parts_get, SRIOV, true },
    [SNAP_PARTS_SET] = { "parts-set", snap_parts_set, SRIOV, true },
    [SNAP_MODE_SET] = { "mode-set", mode_set, SRIOV, true },
};

/* NULL: there is no such command */
const char *snap_admin_name(uint16_t opcode)
{
    return opcode < SNAP_NR_OPCODES ? commands[opcode].name : NULL;
}

/* What a command lacks of its data counts as zero */
uint64_t snap_cmd_arg(const SnapCmd *cmd, uint64_t at, unsigned size)
{
    return at + size <= cmd->bytes ? ldn_le_p(cmd->data + at, size) : 0;
}

uint16_t snap_cmd_fail(SnapCmd *cmd, uint16_t status, uint16_t qualifier)
{
    cmd->qualifier = qualifier;
    return status;
}

void snap_put(GByteArray *out, uint64_t value, unsigned size)
{
    uint8_t le[8];

    stq_le_p(le, value);
    g_byte_array_append(out, le, size);
}

/* -- commands of a group or a member ---------------------------------------------- */

static uint64_t known_commands(void)
{
    uint64_t known = 0;

    for (int op = 0; op < SNAP_NR_OPCODES; op++) {
        known |= (uint64_t)!!commands[op].run << op;
    }
    return known;
}

static uint16_t list_query(SnapCmd *cmd)
{
    snap_put(cmd->result, known_commands(), 8);
    return 0;
}

static uint16_t list_use(SnapCmd *cmd)
{
    uint64_t use = snap_cmd_arg(cmd, 0, 8);

    if (use & ~known_commands()) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_FIELD);
    }
    cmd->pf->used_commands[cmd->group] = use;
    return 0;
}

static uint16_t mode_set(SnapCmd *cmd)
{
    uint8_t flags = snap_cmd_arg(cmd, 0, 1);

    if (flags & ~SNAP_MODE_STOPPED) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_FIELD);
    }
    if (flags) {
        snap_io_stop(cmd->fn);
    } else if (cmd->fn->stopped) {
        snap_io_resume(cmd->fn);
    }
    return 0;
}

/* -- may it? ------------------------------------------------------------------------ */

/*
 * Linux negotiates for the SR-IOV group only, and means both by it; and it
 * does so before there are VFs. A device that insists on the specification's
 * letter (x-bug) has no device parts for Linux.
 */
static bool in_use(const SnapCmd *cmd)
{
    const SnapPF *pf = cmd->pf;
    uint64_t used = pf->used_commands[SNAP_GROUP_SELF] |
                    pf->used_commands[SNAP_GROUP_SRIOV];

    if (pf->bug == SNAP_BUG_STRICT_SELF) {
        used = pf->used_commands[cmd->group];
    }
    return cmd->opcode <= SNAP_LIST_USE || used & (1ull << cmd->opcode);
}

static bool group_there(const SnapCmd *cmd)
{
    if (cmd->group == SNAP_GROUP_SRIOV &&
        cmd->pf->bug == SNAP_BUG_STRICT_GROUP) {
        return pcie_sriov_num_vfs(PCI_DEVICE(cmd->pf));
    }
    return cmd->group <= SNAP_GROUP_SRIOV;
}

static bool find_member(SnapCmd *cmd)
{
    PCIDevice *pf = PCI_DEVICE(cmd->pf);

    if (!cmd->member || cmd->member > pcie_sriov_num_vfs(pf)) {
        return false;
    }
    cmd->fn = SNAP_FN(pcie_sriov_get_vf_at_index(pf, cmd->member - 1));
    return cmd->fn;
}

/* First the group, then the opcode, then the member [S] */
static uint16_t run(SnapCmd *cmd)
{
    if (!group_there(cmd)) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_GROUP);
    }
    if (!snap_admin_name(cmd->opcode) || !in_use(cmd)) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_OPCODE);
    }
    if (!(commands[cmd->opcode].groups & (1u << cmd->group))) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_GROUP);
    }
    if (commands[cmd->opcode].member && !find_member(cmd)) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_MEMBER);
    }
    cmd->pf->count[cmd->opcode]++;
    cmd->fault = snap_fault_take(cmd->pf, cmd->member, cmd->opcode);
    switch (cmd->fault.kind) {
    case SNAP_FAULT_FAIL:
        return snap_cmd_fail(cmd, cmd->fault.parameter,
                             SNAP_Q_INVALID_COMMAND);
    case SNAP_FAULT_SILENT:
        return 0;
    default:
        return commands[cmd->opcode].run(cmd);
    }
}

/* -- answers ------------------------------------------------------------------------ */

static void answer(SnapPF *pf, SnapChain *chain, uint32_t bytes)
{
    uint16_t queue = chain->queue;

    snap_ring_give(&pf->fn, chain, bytes);
    snap_ring_signal(&pf->fn, queue, false);
}

static void next_answer(SnapPF *pf)
{
    int64_t due = INT64_MAX;
    SnapAnswer *a;

    QTAILQ_FOREACH(a, &pf->answers, next) {
        due = MIN(due, a->due);
    }
    if (due != INT64_MAX) {
        timer_mod(&pf->answer_timer, due);
    }
}

void snap_admin_timer(void *opaque)
{
    SnapPF *pf = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    SnapAnswer *a, *other;

    QTAILQ_FOREACH_SAFE(a, &pf->answers, next, other) {
        if (a->due <= now) {
            QTAILQ_REMOVE(&pf->answers, a, next);
            answer(pf, a->chain, a->bytes);
            g_free(a);
        }
    }
    next_answer(pf);
}

static void answer_later(SnapCmd *cmd, SnapChain *chain, uint32_t bytes)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    uint64_t ns = cmd->pf->command_ns;
    SnapAnswer *a = g_new0(SnapAnswer, 1);

    if (cmd->fault.kind == SNAP_FAULT_LATE) {
        ns += MIN(cmd->fault.parameter, 1000000) * SCALE_MS;
    }
    a->chain = chain;
    a->bytes = bytes;
    a->due = cmd->fault.kind == SNAP_FAULT_SILENT ? INT64_MAX : now + ns;
    QTAILQ_INSERT_TAIL(&cmd->pf->answers, a, next);
    next_answer(cmd->pf);
}

/* The driver has reset the PF: nothing of what it had negotiated is left */
void snap_admin_reset(SnapPF *pf)
{
    SnapAnswer *a;

    memset(pf->used_commands, 0, sizeof(pf->used_commands));
    memset(pf->object, 0, sizeof(pf->object));
    memset(pf->limit, 0, sizeof(pf->limit));
    timer_del(&pf->answer_timer);
    while ((a = QTAILQ_FIRST(&pf->answers))) {
        QTAILQ_REMOVE(&pf->answers, a, next);
        snap_chain_free(a->chain);
        g_free(a);
    }
}

/* -- the life of a command ----------------------------------------------------------- */

static void trace(const SnapCmd *cmd, uint16_t status)
{
    g_autoptr(GString) data = g_string_new(NULL);

    for (uint64_t i = 0; i < MIN(cmd->bytes, 24); i++) {
        g_string_append_printf(data, "%02x", cmd->data[i]);
    }
    fprintf(stderr, "snap: %s (0x%x) group %u member %" PRIu64
            " data %" PRIu64 " [%s] room %" PRIu64
            ": status %u, qualifier %u, result %u, fault %d\n",
            snap_admin_name(cmd->opcode) ?: "?", cmd->opcode, cmd->group,
            cmd->member, cmd->bytes, data->str, cmd->room, status,
            cmd->qualifier, cmd->result->len, cmd->fault.kind);
}

/* What is wrong with a result on purpose */
static void spoil(SnapCmd *cmd)
{
    GByteArray *result = cmd->result;

    switch (cmd->fault.kind) {
    case SNAP_FAULT_SHORT:
        g_byte_array_set_size(result, MIN(result->len, cmd->fault.parameter));
        break;
    case SNAP_FAULT_SIZE:
        if (result->len >= 4) {
            stl_le_p(result->data, cmd->fault.parameter);
        }
        break;
    case SNAP_FAULT_GARBLE:
        if (cmd->fault.parameter < result->len) {
            result->data[cmd->fault.parameter] ^= 0xff;
        }
        break;
    default:
        break;
    }
}

static uint32_t write_answer(SnapCmd *cmd, SnapChain *chain, uint16_t status)
{
    uint8_t head[SNAP_CMD_STATUS] = { };
    uint64_t bytes;

    stw_le_p(head, status);
    stw_le_p(head + 2, cmd->qualifier);
    bytes = snap_chain_write(&cmd->pf->fn, chain, 0, head, sizeof(head));
    bytes += snap_chain_write(&cmd->pf->fn, chain, SNAP_CMD_STATUS,
                              cmd->result->data,
                              MIN(cmd->result->len, cmd->room));
    if (cmd->fault.kind == SNAP_FAULT_LENGTH) {
        bytes = SNAP_CMD_STATUS + cmd->fault.parameter;
    }
    return bytes;
}

static void read_command(SnapCmd *cmd, SnapChain *chain)
{
    uint8_t header[SNAP_CMD_HEADER] = { };

    snap_chain_read(&cmd->pf->fn, chain, 0, header, sizeof(header));
    cmd->opcode = lduw_le_p(header);
    cmd->group = lduw_le_p(header + 2);
    cmd->member = ldq_le_p(header + 16);
    cmd->bytes = MIN(chain->out_bytes - MIN(chain->out_bytes, SNAP_CMD_HEADER),
                     SNAP_MAX_DATA);
    cmd->room = chain->in_bytes - MIN(chain->in_bytes, SNAP_CMD_STATUS);
    cmd->data = g_malloc0(cmd->bytes + SNAP_OBJ_HEADER);
    snap_chain_read(&cmd->pf->fn, chain, SNAP_CMD_HEADER, cmd->data,
                    cmd->bytes);
}

void snap_admin_serve(SnapPF *pf, SnapChain *chain)
{
    g_autoptr(GByteArray) result = g_byte_array_new();
    SnapCmd cmd = { .pf = pf, .result = result };
    uint32_t bytes = 0;
    uint16_t status;

    read_command(&cmd, chain);
    status = run(&cmd);
    if (status) {
        g_byte_array_set_size(result, 0);
    }
    spoil(&cmd);
    if (pf->trace) {
        trace(&cmd, status);
    }
    if (cmd.fault.kind != SNAP_FAULT_SILENT) {
        bytes = write_answer(&cmd, chain, status);
    }
    g_free(cmd.data);
    if (cmd.fault.kind == SNAP_FAULT_SILENT ||
        cmd.fault.kind == SNAP_FAULT_LATE || pf->command_ns) {
        answer_later(&cmd, chain, bytes);
    } else {
        answer(pf, chain, bytes);
    }
}
