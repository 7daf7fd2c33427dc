/* SPDX-License-Identifier: GPL-2.0-only */
/* In front of each file of upstream's libvfio, see names.c. */
#include <stddef.h>

void *names_calloc(size_t n, size_t size);
