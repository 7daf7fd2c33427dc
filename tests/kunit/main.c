// SPDX-License-Identifier: GPL-2.0-only
/* The module; each suite is in a file of its own. */
#include <linux/module.h>

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("KUnit suites of vfio-pci-engine and mdev-pci-nvme");
