/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference device: what each command does, once its time has passed. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "refdev.h"

/* -- data, with SHORT ----------------------------------------------------- */

uint64_t refdev_fw_cut(const RefdevCmd *cmd, uint64_t bytes)
{
    return cmd->fault.kind == RD_FAULT_SHORT
           ? MIN(bytes, cmd->fault.parameter) : bytes;
}

static uint16_t page_out(RefdevCmd *cmd, const uint8_t *page, uint64_t bytes)
{
    if (cmd->sg_bytes < bytes) {
        return RD_BAD_SGL;
    }
    cmd->result[0] = refdev_fw_cut(cmd, bytes);
    return refdev_sgl_out(cmd, page, cmd->result[0]);
}

/* -- PF ------------------------------------------------------------------ */

static uint32_t fw_identify(RefdevCmd *cmd, RefdevVF *vf)
{
    RefdevPF *pf = cmd->pf;
    uint8_t page[RD_IDENTIFY_BYTES] = { 0 };
    const char *name = pf->fw_name ?: "refdev";

    stl_le_p(page + 0x00, RD_IDENTIFY_MAGIC);
    stl_le_p(page + 0x04, pf->fw_version);
    stl_le_p(page + 0x08, pf->compat);
    stw_le_p(page + 0x0c, pf->total_vfs);
    stw_le_p(page + 0x0e, 2);
    stw_le_p(page + 0x10, RD_MAX_OUTSTANDING);
    stw_le_p(page + 0x12, RD_MAX_SGL);
    stl_le_p(page + 0x14, RD_MAX_TRANSFER);
    stq_le_p(page + 0x18, pf->context_size);
    stq_le_p(page + 0x20, refdev_image_bytes(pf->context_size));
    stw_le_p(page + 0x28, RD_MAX_RANGES);
    page[0x2a] = MAX(pf->tracker_log, RD_PAGE_LOG_MIN);
    page[0x2b] = RD_PAGE_LOG_MAX;
    stl_le_p(page + 0x2c, pf->events_dropped);
    stq_le_p(page + 0x30, cmd->pf->tracker_pages);
    stl_le_p(page + 0x38, (pf->precopy ? RD_FEATURE_PRECOPY : 0) |
                          (pf->configure ? RD_FEATURE_CONFIGURE : 0) |
                          (pf->vf_control ? RD_FEATURE_VF_CTRL : 0));
    if (pf->vf_control) {
        page[RD_ID_CONTROL_BAR] = pf->vf_control->bar;
        stl_le_p(page + RD_ID_CONTROL_OFFSET, pf->vf_control->offset);
        stl_le_p(page + RD_ID_CONTROL_BYTES, pf->vf_control->bytes);
        stl_le_p(page + RD_ID_WINDOW_OFFSET, pf->vf_control->window);
        stl_le_p(page + RD_ID_WINDOW_BYTES,
                 pf->vf_control->bytes - pf->vf_control->window);
    }
    memcpy(page + 0x80, name, MIN(strlen(name), 32));
    return page_out(cmd, page, sizeof(page));
}

static uint32_t fw_abort(RefdevCmd *cmd, RefdevVF *vf)
{
    if (cmd->arg[0] > 0xffff) {
        return RD_BAD_ARGUMENT;
    }
    cmd->result[0] = refdev_cmd_abort_tag(cmd->pf, cmd->arg[0], cmd);
    return RD_OK;
}

/* It has acted when it was fetched. */
static uint32_t fw_inject(RefdevCmd *cmd, RefdevVF *vf)
{
    return cmd->early;
}

/* -- lifetime and level of a VF ------------------------------------------ */

static uint32_t fw_enable(RefdevCmd *cmd, RefdevVF *vf)
{
    if (cmd->arg[0] < 1 || cmd->arg[0] > 2) {
        return RD_BAD_ARGUMENT;
    }
    if (vf->enabled) {
        return RD_BAD_STATE;
    }
    return refdev_vf_enable(vf, cmd->arg[0]) ? RD_OK : RD_NO_RESOURCES;
}

static uint32_t fw_disable(RefdevCmd *cmd, RefdevVF *vf)
{
    refdev_vf_disable(vf);
    return RD_OK;
}

static uint32_t fw_configure(RefdevCmd *cmd, RefdevVF *vf)
{
    uint64_t value = cmd->arg[1];

    if (vf->level != RD_LEVEL_RUNNING) {
        return RD_BAD_STATE;
    }
    switch (cmd->arg[0]) {
    case RD_CONFIGURE_MAX_COPY:
        if (value < RD_MAX_COPY_MIN || value > refdev_vf_profile_copy(vf) ||
            !is_power_of_2(value)) {
            return RD_BAD_ARGUMENT;
        }
        vf->max_copy = value;
        return RD_OK;
    case RD_CONFIGURE_BANDWIDTH:
        if (value > RD_BANDWIDTH_MAX) {
            return RD_BAD_ARGUMENT;
        }
        vf->bandwidth = value;
        return RD_OK;
    default:
        return RD_BAD_ARGUMENT;
    }
}

static uint32_t fw_suspend(RefdevCmd *cmd, RefdevVF *vf)
{
    if (cmd->arg[0] != RD_LEVEL_P2P && cmd->arg[0] != RD_LEVEL_FULL) {
        return RD_BAD_ARGUMENT;
    }
    if (cmd->arg[0] < vf->level) {
        return RD_BAD_STATE;
    }
    refdev_vf_stop(vf);
    if (vf->copying && cmd->pf->bug != REFDEV_BUG_DMA_AFTER_SUSPEND) {
        return REFDEV_PENDING;
    }
    refdev_fw_stopped(cmd);
    return RD_OK;
}

/* No copy is under way any more: the SUSPEND takes effect. */
void refdev_fw_stopped(RefdevCmd *cmd)
{
    RefdevVF *vf = refdev_pf_vf(cmd->pf, cmd->function);

    if (vf) {
        refdev_vf_set_level(vf, cmd->arg[0]);
    }
}

static uint32_t fw_resume(RefdevCmd *cmd, RefdevVF *vf)
{
    if (cmd->arg[0] != RD_LEVEL_P2P && cmd->arg[0] != RD_LEVEL_FULL) {
        return RD_BAD_ARGUMENT;
    }
    if (cmd->arg[0] != vf->level || vf->loading) {
        return RD_BAD_STATE;
    }
    refdev_vf_set_level(vf, vf->level - 1);
    return RD_OK;
}

/* -- state ---------------------------------------------------------------- */

static uint32_t fw_state_size(RefdevCmd *cmd, RefdevVF *vf)
{
    cmd->result[0] = refdev_image_bytes(cmd->pf->context_size);
    return RD_OK;
}

static bool flags_good(const RefdevCmd *cmd, uint16_t plain, uint16_t delta)
{
    return !(cmd->flags & ~(plain | (cmd->pf->precopy ? delta : 0)));
}

static uint64_t save_bytes(const RefdevCmd *cmd)
{
    uint64_t image = refdev_image_bytes(cmd->pf->context_size);

    return MIN(MIN(cmd->sg_bytes, RD_MAX_TRANSFER),
               image - MIN(image, cmd->arg[0]));
}

static uint32_t save_plain(RefdevCmd *cmd, RefdevVF *vf)
{
    uint64_t image = refdev_image_bytes(cmd->pf->context_size);
    uint64_t bytes = refdev_fw_cut(cmd, save_bytes(cmd));

    if (vf->level != RD_LEVEL_FULL) {
        return RD_BAD_STATE;
    }
    if (cmd->arg[0] > image) {
        return RD_BAD_ARGUMENT;
    }
    refdev_context_seal(vf);
    cmd->result[0] = bytes;
    cmd->result[1] = image - cmd->arg[0] - bytes;
    return refdev_sgl_out(cmd, vf->image.data + cmd->arg[0], bytes);
}

static uint32_t save_delta(RefdevCmd *cmd, RefdevVF *vf)
{
    if (!vf->precopy.on) {
        return RD_BAD_STATE;
    }
    if (cmd->arg[0]) {
        return RD_BAD_ARGUMENT;
    }
    if (cmd->sg_bytes < RD_EXTENT_HEADER + RD_IMAGE_PAGE) {
        return RD_BAD_SGL;
    }
    return refdev_precopy_save(cmd, vf);
}

static uint32_t fw_save(RefdevCmd *cmd, RefdevVF *vf)
{
    if (!flags_good(cmd, 0, RD_SAVE_DELTA)) {
        return RD_BAD_ARGUMENT;
    }
    return cmd->flags & RD_SAVE_DELTA ? save_delta(cmd, vf)
                                      : save_plain(cmd, vf);
}

static bool load_is_delta(const RefdevCmd *cmd)
{
    return cmd->flags & RD_LOAD_DELTA;
}

/* Anew, or where the LOAD before it has ended */
static bool load_continues(const RefdevCmd *cmd, const RefdevVF *vf)
{
    return !cmd->arg[0] || (vf->loading && cmd->arg[0] == vf->load_offset &&
                            vf->load_delta == load_is_delta(cmd));
}

static bool load_fits(const RefdevCmd *cmd, const RefdevVF *vf)
{
    uint64_t image = refdev_image_bytes(cmd->pf->context_size);

    return cmd->arg[1] <= RD_MAX_TRANSFER && load_continues(cmd, vf) &&
           (load_is_delta(cmd) || cmd->arg[1] <= image - cmd->arg[0]);
}

static bool load_begin(const RefdevCmd *cmd, RefdevVF *vf)
{
    refdev_vf_load_drop(vf);
    vf->loading = refdev_image_alloc(&vf->staged, vf->pf->context_size);
    vf->load_delta = load_is_delta(cmd);
    return vf->loading;
}

/* A piece of the image into the staging memory. */
static uint32_t load_piece(RefdevCmd *cmd, RefdevVF *vf)
{
    uint64_t bytes = refdev_fw_cut(cmd, cmd->arg[1]);
    uint16_t status;

    if (!cmd->arg[0] && !load_begin(cmd, vf)) {
        return RD_NO_RESOURCES;
    }
    status = refdev_sgl_in(cmd, vf->staged.data + cmd->arg[0], bytes);
    if (status != RD_OK) {
        if (!cmd->arg[0]) {
            refdev_vf_load_drop(vf);
        }
        return status;
    }
    refdev_image_touch(&vf->staged, cmd->arg[0], bytes);
    vf->load_offset = cmd->arg[0] + bytes;
    cmd->result[0] = bytes;
    return RD_OK;
}

/* The same for extents: they are looked at before any is taken. */
static uint32_t load_extents(RefdevCmd *cmd, RefdevVF *vf)
{
    uint64_t image = refdev_image_bytes(cmd->pf->context_size);
    uint64_t bytes = refdev_fw_cut(cmd, cmd->arg[1]);
    g_autofree uint8_t *data = g_malloc(bytes);
    uint16_t status = refdev_sgl_in(cmd, data, bytes);

    if (status != RD_OK) {
        if (!cmd->arg[0]) {
            refdev_vf_load_drop(vf);
        }
        return status;
    }
    if (!refdev_extents_valid(data, bytes, image)) {
        return RD_BAD_ARGUMENT;
    }
    if (!cmd->arg[0] && !load_begin(cmd, vf)) {
        return RD_NO_RESOURCES;
    }
    refdev_extents_apply(&vf->staged, data, bytes);
    vf->load_offset += bytes;
    cmd->result[0] = bytes;
    return RD_OK;
}

static bool load_complete(const RefdevCmd *cmd, const RefdevVF *vf)
{
    return vf->load_delta ||
           vf->load_offset == refdev_image_bytes(cmd->pf->context_size);
}

static uint32_t load_last(RefdevCmd *cmd, RefdevVF *vf)
{
    bool good = load_complete(cmd, vf) && refdev_context_apply(vf);

    refdev_vf_load_drop(vf);
    return good ? RD_OK : RD_BAD_IMAGE;
}

static uint32_t fw_load(RefdevCmd *cmd, RefdevVF *vf)
{
    uint32_t status;

    if (!flags_good(cmd, RD_LOAD_LAST, RD_LOAD_DELTA)) {
        return RD_BAD_ARGUMENT;
    }
    if (vf->level != RD_LEVEL_FULL) {
        return RD_BAD_STATE;
    }
    if (!load_fits(cmd, vf)) {
        return RD_BAD_ARGUMENT;
    }
    if (cmd->sg_bytes < cmd->arg[1]) {
        return RD_BAD_SGL;
    }
    status = load_is_delta(cmd) ? load_extents(cmd, vf)
                                : load_piece(cmd, vf);
    if (status == RD_OK && (cmd->flags & RD_LOAD_LAST)) {
        status = load_last(cmd, vf);
    }
    return status;
}

static uint32_t fw_precopy(RefdevCmd *cmd, RefdevVF *vf)
{
    bool start = cmd->arg[0] == RD_PRECOPY_START;
    uint16_t status = RD_OK;

    if (cmd->arg[0] > RD_PRECOPY_STOP) {
        return RD_BAD_ARGUMENT;
    }
    if (start ? vf->precopy.on || vf->loading : !vf->precopy.on) {
        return RD_BAD_STATE;
    }
    if (cmd->arg[0] == RD_PRECOPY_STOP) {
        refdev_precopy_end(vf);
        return RD_OK;
    }
    if (start) {
        status = refdev_precopy_start(vf);
    } else if (cmd->fault.kind == RD_FAULT_AGAIN) {
        refdev_precopy_again(vf);
    }
    if (status == RD_OK) {
        refdev_precopy_count(vf, &cmd->result[0], &cmd->result[1]);
    }
    return status;
}

static uint32_t fw_query(RefdevCmd *cmd, RefdevVF *vf)
{
    uint8_t page[RD_QUERY_BYTES] = { 0 };

    stl_le_p(page + 0x00, (vf->enabled ? RD_QUERY_ENABLED : 0) |
                          (vf->loading ? RD_QUERY_LOADING : 0) |
                          (vf->tracker.running ? RD_QUERY_TRACKING : 0) |
                          (vf->precopy.on ? RD_QUERY_PRECOPY : 0));
    stw_le_p(page + 0x04, vf->level);
    stw_le_p(page + 0x06, vf->profile);
    stq_le_p(page + 0x08, vf->copies);
    stq_le_p(page + 0x10, vf->copied);
    stq_le_p(page + 0x18, vf->errors + vf->dropped);
    stq_le_p(page + 0x20, refdev_context_reported(vf));
    stq_le_p(page + 0x28, vf->digest_applied);
    stq_le_p(page + 0x30, vf->dma_stopped);
    stq_le_p(page + 0x38, vf->resets);
    stq_le_p(page + 0x40, vf->max_copy);
    stq_le_p(page + 0x48, vf->bandwidth);
    stq_le_p(page + RD_QUERY_ACCESSES, vf->control.accesses);
    return page_out(cmd, page, sizeof(page));
}

/* -- tracker --------------------------------------------------------------- */

static uint32_t fw_tracker_start(RefdevCmd *cmd, RefdevVF *vf)
{
    uint64_t ranges[2 * RD_MAX_RANGES];
    uint16_t status;

    if (vf->tracker.running) {
        return RD_BAD_STATE;
    }
    if (cmd->arg[0] < MAX(cmd->pf->tracker_log, RD_PAGE_LOG_MIN) || cmd->arg[0] > RD_PAGE_LOG_MAX ||
        !cmd->arg[1]) {
        return RD_BAD_ARGUMENT;
    }
    if (cmd->arg[1] > RD_MAX_RANGES) {
        return RD_NO_RESOURCES;
    }
    status = refdev_sgl_in(cmd, ranges, cmd->arg[1] * 16);
    if (status != RD_OK) {
        return status;
    }
    for (int i = 0; i < 2 * cmd->arg[1]; i++) {
        le64_to_cpus(&ranges[i]);
    }
    return refdev_tracker_start(&vf->tracker, cmd->pf->tracker_pages,
                                cmd->arg[0], ranges, cmd->arg[1]);
}

static uint32_t report(RefdevCmd *cmd, RefdevVF *vf, RefdevRange *range)
{
    unsigned log = vf->tracker.page_log;
    uint64_t first = (cmd->arg[0] - range->iova) >> log;
    uint64_t pages = cmd->arg[1] >> log;
    uint64_t bytes = refdev_fw_cut(cmd, DIV_ROUND_UP(pages, 8));
    g_autofree uint8_t *bitmap = g_malloc0(bytes);
    uint16_t status;

    if (cmd->sg_bytes < DIV_ROUND_UP(pages, 8)) {
        return RD_BAD_SGL;
    }
    pages = MIN(pages, bytes * 8);
    cmd->result[0] = refdev_tracker_get(&vf->tracker, range, first, pages,
                                        bitmap);
    cmd->result[1] = bytes;
    status = refdev_sgl_out(cmd, bitmap, bytes);
    if (status == RD_OK) {
        refdev_tracker_clear(&vf->tracker, range, first, pages);
    }
    return status;
}

static uint32_t fw_tracker_report(RefdevCmd *cmd, RefdevVF *vf)
{
    RefdevRange *range;

    if (!vf->tracker.running) {
        return RD_BAD_STATE;
    }
    range = refdev_tracker_find(&vf->tracker, cmd->arg[0], cmd->arg[1]);
    return range ? report(cmd, vf, range) : RD_BAD_ARGUMENT;
}

static uint32_t fw_tracker_stop(RefdevCmd *cmd, RefdevVF *vf)
{
    if (!vf->tracker.running) {
        return RD_BAD_STATE;
    }
    refdev_tracker_stop(&vf->tracker);
    return RD_OK;
}

/* -- the table ------------------------------------------------------------- */

#define FW_PF       0x1     /* a command of the PF */
#define FW_ANY      0x2     /* names a function, wherever it is */
#define FW_OFF      0x4     /* also of a VF that is not enabled */
#define FW_DATA     0x8     /* has a scatter-gather list */

static const struct {
    const char *name;
    uint32_t (*run)(RefdevCmd *cmd, RefdevVF *vf);
    unsigned flags;
} fw_table[REFDEV_OPCODES] = {
    [RD_OP_IDENTIFY] = { "identify", fw_identify, FW_PF | FW_DATA },
    [RD_OP_ENABLE] = { "enable", fw_enable, FW_OFF },
    [RD_OP_DISABLE] = { "disable", fw_disable },
    [RD_OP_CONFIGURE] = { "configure", fw_configure },
    [RD_OP_SUSPEND] = { "suspend", fw_suspend },
    [RD_OP_RESUME] = { "resume", fw_resume },
    [RD_OP_STATE_SIZE] = { "state_size", fw_state_size },
    [RD_OP_SAVE] = { "save", fw_save, FW_DATA },
    [RD_OP_LOAD] = { "load", fw_load, FW_DATA },
    [RD_OP_PRECOPY] = { "precopy", fw_precopy },
    [RD_OP_QUERY] = { "query", fw_query, FW_OFF | FW_DATA },
    [RD_OP_TRACKER_START] = { "tracker_start", fw_tracker_start, FW_DATA },
    [RD_OP_TRACKER_REPORT] = { "tracker_report", fw_tracker_report, FW_DATA },
    [RD_OP_TRACKER_STOP] = { "tracker_stop", fw_tracker_stop },
    [RD_OP_ABORT] = { "abort", fw_abort, FW_PF },
    [RD_OP_INJECT] = { "inject", fw_inject, FW_ANY },
};

bool refdev_fw_known(const RefdevPF *pf, uint16_t opcode)
{
    return opcode < REFDEV_OPCODES && fw_table[opcode].run &&
           (opcode != RD_OP_PRECOPY || pf->precopy) &&
           (opcode != RD_OP_CONFIGURE || pf->configure);
}

const char *refdev_fw_name(uint16_t opcode)
{
    return fw_table[opcode].name;
}

bool refdev_fw_has_data(const RefdevPF *pf, uint16_t opcode)
{
    return refdev_fw_known(pf, opcode) && (fw_table[opcode].flags & FW_DATA);
}

static uint64_t delta_bytes(const RefdevCmd *cmd)
{
    RefdevVF *vf = refdev_pf_vf(cmd->pf, cmd->function);

    return vf ? refdev_precopy_most(vf, cmd->sg_bytes) : 0;
}

/* What the command will move, for the bandwidth of the PF. */
uint64_t refdev_fw_bytes(RefdevCmd *cmd)
{
    switch (cmd->opcode) {
    case RD_OP_SAVE:
        return cmd->flags & RD_SAVE_DELTA ? delta_bytes(cmd)
                                          : save_bytes(cmd);
    case RD_OP_LOAD:
        return MIN(cmd->arg[1], RD_MAX_TRANSFER);
    default:
        return 0;
    }
}

static uint32_t fw_run_vf(RefdevCmd *cmd, unsigned flags)
{
    RefdevVF *vf = refdev_pf_vf(cmd->pf, cmd->function);

    if (!vf) {
        return RD_BAD_FUNCTION;
    }
    if (!vf->enabled && !(flags & FW_OFF)) {
        return RD_BAD_STATE;
    }
    if (cmd->early != RD_OK) {
        return cmd->early;
    }
    return fw_table[cmd->opcode].run(cmd, vf);
}

static uint32_t fw_run_pf(RefdevCmd *cmd, unsigned flags)
{
    if (!(flags & FW_ANY) && cmd->function != RD_FUNCTION_PF) {
        return RD_BAD_FUNCTION;
    }
    if (cmd->early != RD_OK) {
        return cmd->early;
    }
    return fw_table[cmd->opcode].run(cmd, NULL);
}

uint32_t refdev_fw_run(RefdevCmd *cmd)
{
    unsigned flags;

    if (!refdev_fw_known(cmd->pf, cmd->opcode) ||
        !cmd->control != !refdev_control_has(cmd->pf, cmd->opcode)) {
        return RD_BAD_OPCODE;
    }
    flags = fw_table[cmd->opcode].flags;
    return flags & (FW_PF | FW_ANY) ? fw_run_pf(cmd, flags)
                                    : fw_run_vf(cmd, flags);
}
