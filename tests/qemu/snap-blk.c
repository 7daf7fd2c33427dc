/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: block requests. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "snap.h"

static bool loses_write(SnapFn *fn)
{
    return fn->pf->bug == SNAP_BUG_LOSE_WRITE && !snap_is_pf(fn) &&
           fn->requests % 64 == 63;
}

static uint8_t write_sectors(SnapFn *fn, SnapChain *chain, uint64_t sector)
{
    uint64_t bytes = chain->out_bytes - SNAP_BLK_HEADER;
    uint8_t *at = snap_volume_at(fn, sector, bytes);

    if (!at) {
        return SNAP_BLK_IOERR;
    }
    if (loses_write(fn)) {
        return SNAP_BLK_OK;
    }
    if (snap_chain_read(fn, chain, SNAP_BLK_HEADER, at, bytes) != bytes) {
        return SNAP_BLK_IOERR;
    }
    snap_oracle_wrote(fn, sector);
    return SNAP_BLK_OK;
}

static uint8_t read_sectors(SnapFn *fn, SnapChain *chain, uint64_t sector,
                            uint64_t bytes)
{
    uint8_t *at = snap_volume_at(fn, sector, bytes);

    return at && snap_chain_write(fn, chain, 0, at, bytes) == bytes ?
           SNAP_BLK_OK : SNAP_BLK_IOERR;
}

static uint8_t get_id(SnapFn *fn, SnapChain *chain, uint64_t room)
{
    char id[SNAP_BLK_ID_BYTES + 1] = "";

    snap_oracle_say(fn, id, sizeof(id));
    snap_chain_write(fn, chain, 0, id, MIN(SNAP_BLK_ID_BYTES, room));
    return SNAP_BLK_OK;
}

/*
 * The last writable byte is the request's status. Returns the bytes written
 * to memory, 0 for a chain that is no request.
 */
uint32_t snap_blk_run(SnapFn *fn, SnapChain *chain)
{
    uint8_t header[SNAP_BLK_HEADER], status = SNAP_BLK_UNSUPP;
    uint64_t room, sector;

    if (!chain->in_bytes || snap_chain_read(fn, chain, 0, header,
                                            sizeof(header)) != sizeof(header)) {
        snap_needs_reset(fn, "a block request has no header or no status");
        return 0;
    }
    room = chain->in_bytes - 1;
    sector = ldq_le_p(header + 8);
    switch (ldl_le_p(header)) {
    case SNAP_BLK_IN:
        status = read_sectors(fn, chain, sector, room);
        break;
    case SNAP_BLK_OUT:
        status = write_sectors(fn, chain, sector);
        break;
    case SNAP_BLK_FLUSH:
        status = SNAP_BLK_OK;
        break;
    case SNAP_BLK_GET_ID:
        status = get_id(fn, chain, room);
        break;
    }
    snap_chain_write(fn, chain, room, &status, 1);
    return MIN(chain->in_bytes, UINT32_MAX);
}

uint64_t snap_blk_config(SnapFn *fn, uint64_t offset, unsigned size)
{
    uint8_t config[SNAP_DEVICE_BYTES] = { };

    if (offset > sizeof(config) - size) {
        return 0;
    }
    stq_le_p(config, snap_volume_sectors(fn));
    stl_le_p(config + 8, SNAP_BLK_SEGMENT);
    stl_le_p(config + 12, SNAP_BLK_SEGMENTS);
    stl_le_p(config + 20, SNAP_SECTOR);
    stw_le_p(config + 34, fn->queues);
    return ldn_le_p(config + offset, size);
}
