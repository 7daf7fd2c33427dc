/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SNAP model: the volume, and the oracle of what happens to a VF's state.
 *
 * As with a DPU the disk is elsewhere, and only the controller moves: all VFs
 * of a PF show one volume, and PFs of several hosts that name the same file.
 * One VF at a time may write to it.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/units.h"
#include "snap.h"

#define OWN_BYTES   (256 * KiB)     /* the PF's volume: memory, of no use */

/* A write is at most as long as the segments that the device allows */
#define MOST_BYTES  ((uint64_t)SNAP_BLK_SEGMENTS * SNAP_BLK_SEGMENT)

bool snap_volume_open(SnapPF *pf, Error **errp)
{
    uint64_t bytes = pf->volume_size + sizeof(SnapTruth) + pf->ballast;
    int flags = MAP_SHARED | (pf->volume_path ? 0 : MAP_ANONYMOUS);
    int fd = -1;
    void *at;

    if (pf->volume_path) {
        fd = open(pf->volume_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, bytes) < 0) {
            error_setg_errno(errp, errno, "volume %s", pf->volume_path);
            if (fd >= 0) {
                close(fd);
            }
            return false;
        }
    }
    at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (fd >= 0) {
        close(fd);
    }
    if (at == MAP_FAILED) {
        error_setg_errno(errp, errno, "volume of %" PRIu64 " bytes", bytes);
        return false;
    }
    pf->volume = at;
    pf->truth = (SnapTruth *)(pf->volume + pf->volume_size);
    pf->own_volume = g_malloc0(OWN_BYTES);
    return true;
}

void snap_volume_close(SnapPF *pf)
{
    if (pf->volume) {
        munmap(pf->volume,
               pf->volume_size + sizeof(SnapTruth) + pf->ballast);
    }
    pf->volume = NULL;
    pf->truth = NULL;
    g_free(pf->own_volume);
    pf->own_volume = NULL;
}

uint64_t snap_volume_sectors(const SnapFn *fn)
{
    return (snap_is_pf(fn) ? OWN_BYTES : fn->pf->volume_size) / SNAP_SECTOR;
}

/* The place of some whole sectors, or NULL if they are not on the volume */
uint8_t *snap_volume_at(SnapFn *fn, uint64_t sector, uint64_t bytes)
{
    uint64_t sectors = snap_volume_sectors(fn);
    uint8_t *volume = snap_is_pf(fn) ? fn->pf->own_volume : fn->pf->volume;

    if (bytes % SNAP_SECTOR || bytes > MOST_BYTES || sector > sectors ||
        bytes / SNAP_SECTOR > sectors - sector) {
        return NULL;
    }
    return volume + sector * SNAP_SECTOR;
}

/* -- the oracle ---------------------------------------------------------------- */

static uint64_t mix(uint64_t digest, uint64_t value)
{
    digest = (digest ^ value) * 0x9e3779b97f4a7c15ull;
    return digest ^ digest >> 29;
}

static void step(uint64_t *writes, uint64_t *digest, uint64_t *ballast,
                 uint64_t words, uint64_t value)
{
    ++*writes;
    *digest = mix(*digest, value);
    if (words) {
        uint64_t *word = &ballast[*digest % words];

        *digest = mix(*digest, *word);
        *word = *digest;
    }
}

/*
 * The function counts and digests its writes, and so does the volume. The
 * function's move with it, the volume's stay: they differ if state was lost,
 * is old, or a write was carried out twice.
 */
void snap_oracle_wrote(SnapFn *fn, uint64_t sector)
{
    SnapTruth *truth = fn->pf->truth;
    uint64_t words = fn->pf->ballast / 8, value;

    if (snap_is_pf(fn)) {
        return;
    }
    memcpy(&value, fn->pf->volume + sector * SNAP_SECTOR, sizeof(value));
    value = mix(sector, value);
    step(&fn->writes, &fn->digest, fn->ballast, words, value);
    step(&truth->writes, &truth->digest, truth->ballast, words, value);
}

/* A driver begins: from what the volume has */
void snap_oracle_begin(SnapFn *fn)
{
    if (!snap_is_pf(fn)) {
        fn->writes = fn->pf->truth->writes;
        fn->digest = fn->pf->truth->digest;
        memcpy(fn->ballast, fn->pf->truth->ballast, fn->pf->ballast);
    }
}

/* What VIRTIO_BLK_T_GET_ID answers, in the guest /sys/block/vda/serial */
void snap_oracle_say(const SnapFn *fn, char *id, size_t size)
{
    const SnapTruth *truth = fn->pf->truth;

    if (snap_is_pf(fn)) {
        snprintf(id, size, "snap");
    } else if (fn->writes == truth->writes && fn->digest == truth->digest &&
               !memcmp(fn->ballast, truth->ballast, fn->pf->ballast)) {
        snprintf(id, size, "ok %" PRIu64, fn->writes);
    } else {
        snprintf(id, size, "BAD %" PRIu64 "/%" PRIu64, fn->writes,
                 truth->writes);
    }
}
