/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Check that device parts of virtio 1.4 are a function's complete and valid
 * state. Pure logic.
 */
#ifndef _MDEV_PCI_VIRTIO_PARTS_H
#define _MDEV_PCI_VIRTIO_PARTS_H

#include <linux/types.h>

const char *virtio_parts_check(const void *data, size_t bytes, size_t *at);

#endif /* _MDEV_PCI_VIRTIO_PARTS_H */
