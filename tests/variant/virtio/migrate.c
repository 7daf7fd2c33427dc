// SPDX-License-Identifier: GPL-2.0-only
/* That of mdev-pci-virtio */
#include "../../../drivers/vfio/mdev-pci/virtio/migrate.c"
