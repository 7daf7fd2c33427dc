/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference device: CRC-32C of what is copied. It is the most expensive part
 * of a copy, so the processor's own instruction is used if there is one.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/crc32c.h"
#include "refdev.h"

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t crc_sse42(uint32_t crc, const uint8_t *data, size_t bytes)
{
    uint64_t wide = crc;

    for (; bytes >= 8; bytes -= 8, data += 8) {
        wide = __builtin_ia32_crc32di(wide, ldq_le_p(data));
    }
    for (; bytes; bytes--, data++) {
        wide = __builtin_ia32_crc32qi(wide, *data);
    }
    return wide;
}
#endif

/* Goes on with a CRC: starts with, and returns, what is not yet inverted. */
uint32_t refdev_crc(uint32_t crc, const uint8_t *data, size_t bytes)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) {
        return crc_sse42(crc, data, bytes);
    }
#endif
    return crc32c(crc, data, bytes) ^ 0xffffffff;
}
