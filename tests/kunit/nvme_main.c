// SPDX-License-Identifier: GPL-2.0-only
/* The module with the nvme suite. */
#include <linux/module.h>

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("KUnit suite of mdev-pci-nvme");
