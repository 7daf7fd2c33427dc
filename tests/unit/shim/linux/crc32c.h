/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_CRC32C_H
#define SHIM_LINUX_CRC32C_H

#include <linux/types.h>

/* As the kernel's: the caller gives the initial value, nothing is inverted at the end */
u32 crc32c(u32 crc, const void *data, size_t len);

#endif
