/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
uint32_t crc32c(uint32_t crc, const void *data, unsigned long len);
