/* SPDX-License-Identifier: GPL-2.0-only */
/* Device parts of virtio 1.4: is this a function's whole state, and a sane one? Pure logic. */
#ifndef _MDEV_PCI_VIRTIO_PARTS_H
#define _MDEV_PCI_VIRTIO_PARTS_H

#include <linux/types.h>

const char *virtio_parts_check(const void *data, size_t bytes, size_t *at);

#endif /* _MDEV_PCI_VIRTIO_PARTS_H */
