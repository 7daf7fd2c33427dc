/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference device: the control block of a VF (property "vf-ctrl"), by which it is
 * suspended, saved, loaded and resumed without the rings and DMA of the PF.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "refdev.h"

static const RefdevControlKind kinds[] = {
    { "bar", 4, 0, 64 * KiB, 32 * KiB },
    { "part", 0, 0x3000, 0x1000, 0x800 },
    /* What no host can hide, for tests */
    { "odd", 0, 0x3800, 0x800, 0x400 },
};

const RefdevControlKind *refdev_control_kind(const char *name)
{
    for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(kinds[i].name, name)) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* These commands go by the control block, and then not by the ring. */
bool refdev_control_has(const RefdevPF *pf, uint16_t opcode)
{
    return pf->vf_control && opcode >= RD_OP_SUSPEND && opcode <= RD_OP_LOAD;
}

static uint32_t window_bytes(const RefdevVF *vf)
{
    return vf->pf->vf_control->bytes - vf->pf->vf_control->window;
}

static void doorbell(RefdevVF *vf, uint32_t value)
{
    uint8_t *regs = vf->control.regs;
    RefdevCmd *cmd;

    if (vf->control.cmd || !value) {
        return;
    }
    stl_le_p(regs + RD_VC_DOORBELL, value);
    cmd = refdev_cmd_new(vf->pf);
    cmd->control = vf;
    cmd->function = refdev_vf_number(vf);
    cmd->opcode = lduw_le_p(regs + RD_VC_COMMAND);
    cmd->flags = lduw_le_p(regs + RD_VC_COMMAND + 2);
    for (int i = 0; i < 3; i++) {
        cmd->arg[i] = ldq_le_p(regs + RD_VC_ARG0 + 8 * i);
    }
    cmd->sg_bytes = MIN(ldl_le_p(regs + RD_VC_BYTES), window_bytes(vf));
    vf->control.cmd = cmd;
    refdev_cmd_control(cmd);
}

/* Its command has ended; not called after an FLR, which has forgotten it. */
void refdev_control_done(RefdevCmd *cmd)
{
    RefdevControl *control = &cmd->control->control;

    if (control->cmd != cmd) {
        return;
    }
    control->cmd = NULL;
    stl_le_p(control->regs + RD_VC_STATUS, cmd->status);
    for (int i = 0; i < 3; i++) {
        stq_le_p(control->regs + RD_VC_RESULT0 + 8 * i,
                 cmd->status == RD_OK ? cmd->result[i] : 0);
    }
    stl_le_p(control->regs + RD_VC_DONE,
             ldl_le_p(control->regs + RD_VC_DOORBELL));
}

void refdev_control_reset(RefdevVF *vf)
{
    if (!vf->pf->vf_control) {
        return;
    }
    vf->control.cmd = NULL;
    memset(vf->control.regs, 0, sizeof(vf->control.regs));
    stl_le_p(vf->control.regs + RD_VC_MAGIC, RD_VC_MAGIC_VALUE);
    memset(vf->control.window, 0, window_bytes(vf));
}

/* -- the block ------------------------------------------------------------- */

static uint8_t *block_at(RefdevVF *vf, hwaddr offset)
{
    uint32_t window = vf->pf->vf_control->window;

    if (offset < RD_VC_REGS_END) {
        return vf->control.regs + offset;
    }
    return offset < window ? NULL : vf->control.window + offset - window;
}

static uint64_t control_read(void *opaque, hwaddr offset, unsigned size)
{
    RefdevVF *vf = opaque;
    uint8_t *at = block_at(vf, offset);

    vf->control.accesses++;
    return at ? ldn_le_p(at, size) : 0;
}

static bool writable(hwaddr offset)
{
    return offset >= RD_VC_COMMAND && offset < RD_VC_DOORBELL;
}

static void control_write(void *opaque, hwaddr offset, uint64_t value,
                          unsigned size)
{
    RefdevVF *vf = opaque;
    uint8_t *at = block_at(vf, offset);

    vf->control.accesses++;
    if (offset == RD_VC_DOORBELL && size == 4) {
        doorbell(vf, value);
    } else if (offset == RD_VC_ABORT && size == 4) {
        if (vf->control.cmd && (value & 1)) {
            refdev_cmd_abort(vf->control.cmd);
        }
    } else if (at && (offset >= RD_VC_REGS_END || writable(offset))) {
        stn_le_p(at, size, value);
    }
}

static const MemoryRegionOps control_ops = {
    .read = control_read,
    .write = control_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

void refdev_control_init(RefdevVF *vf, MemoryRegion *bar0)
{
    const RefdevControlKind *kind = vf->pf->vf_control;

    if (!kind) {
        return;
    }
    vf->control.window = g_malloc0(window_bytes(vf));
    memory_region_init_io(&vf->control.bar, OBJECT(vf), &control_ops, vf,
                          "refdev-vf-control", kind->bytes);
    if (kind->offset) {
        memory_region_add_subregion(bar0, kind->offset, &vf->control.bar);
    } else {
        pci_register_bar(PCI_DEVICE(vf), kind->bar, REFDEV_BAR_TYPE,
                         &vf->control.bar);
    }
    refdev_control_reset(vf);
}

void refdev_control_free(RefdevVF *vf)
{
    g_free(vf->control.window);
    vf->control.window = NULL;
}
