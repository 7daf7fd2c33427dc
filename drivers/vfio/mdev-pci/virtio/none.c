// SPDX-License-Identifier: GPL-2.0-only
/* In place of the module on kernels whose virtio_pci has no device parts */
#include <linux/module.h>

static int __init virtio_none_init(void)
{
	pr_err("mdev-pci-virtio: virtio_pci of this kernel has no device parts; boot 6.13 or later\n");
	return -EOPNOTSUPP;
}
module_init(virtio_none_init);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("virtio functions that their PF migrates (not on this kernel)");
