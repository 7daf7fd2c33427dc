// SPDX-License-Identifier: GPL-2.0-only
/* The module with the nvme suites. */
#include <linux/module.h>

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("KUnit suites of mdev-pci-nvme");
