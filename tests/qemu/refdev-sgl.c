/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference device: where commands have their data: lists for the PF's DMA, or a
 * window of a control block. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "refdev.h"

#define SG_BYTES    16

static void sgl_parse(RefdevCmd *cmd, const uint8_t *raw)
{
    cmd->sg = g_new(RefdevSg, cmd->sgl_count);
    cmd->sg_bytes = 0;
    for (uint32_t i = 0; i < cmd->sgl_count; i++) {
        cmd->sg[i].address = ldq_le_p(raw + i * SG_BYTES);
        cmd->sg[i].length = ldl_le_p(raw + i * SG_BYTES + 8);
        cmd->sg_bytes += cmd->sg[i].length;
    }
}

/* Take a copy of the list: what the driver changes later is not seen. */
uint16_t refdev_sgl_read(RefdevCmd *cmd)
{
    g_autofree uint8_t *raw = NULL;
    uint32_t bytes = cmd->sgl_count * SG_BYTES;

    /* Of a control block: sg_bytes of the window */
    if (!cmd->sgl_count) {
        return RD_OK;
    }
    if (cmd->sgl_count > RD_MAX_SGL) {
        return RD_BAD_SGL;
    }
    raw = g_malloc(bytes);
    if (!refdev_dma(PCI_DEVICE(cmd->pf), cmd->sgl, raw, bytes,
                    DMA_DIRECTION_TO_DEVICE)) {
        return RD_DMA_ERROR;
    }
    sgl_parse(cmd, raw);
    return RD_OK;
}

static void window_move(uint8_t *window, uint8_t *data, uint64_t bytes,
                        DMADirection dir)
{
    if (dir == DMA_DIRECTION_FROM_DEVICE) {
        memcpy(window, data, bytes);
    } else {
        memcpy(data, window, bytes);
    }
}

static uint16_t sgl_move(RefdevCmd *cmd, uint8_t *data, uint64_t bytes,
                         DMADirection dir)
{
    if (bytes > cmd->sg_bytes) {
        return RD_BAD_SGL;
    }
    if (cmd->control) {
        window_move(cmd->control->control.window, data, bytes, dir);
        return RD_OK;
    }
    for (uint32_t i = 0; bytes; i++) {
        uint64_t part = MIN(bytes, cmd->sg[i].length);

        if (part && !refdev_dma(PCI_DEVICE(cmd->pf), cmd->sg[i].address,
                                data, part, dir)) {
            return RD_DMA_ERROR;
        }
        data += part;
        bytes -= part;
    }
    return RD_OK;
}

uint16_t refdev_sgl_out(RefdevCmd *cmd, const void *data, uint64_t bytes)
{
    return sgl_move(cmd, (uint8_t *)data, bytes, DMA_DIRECTION_FROM_DEVICE);
}

uint16_t refdev_sgl_in(RefdevCmd *cmd, void *data, uint64_t bytes)
{
    return sgl_move(cmd, data, bytes, DMA_DIRECTION_TO_DEVICE);
}
