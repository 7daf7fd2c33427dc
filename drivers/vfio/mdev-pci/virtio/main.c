// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFs of virtio PFs as mdevs. virtio_pci stays bound to the PF, creates its VFs
 * and sends its administration commands.
 */
#include <linux/crc32.h>
#include <linux/module.h>
#include <linux/modules_version.h>
#include <linux/sizes.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_pci_admin.h>
#include <linux/virtio_pci_modern.h>

#include "virtio.h"

static unsigned int timeout_ms = 10000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "how long a PF may take to answer a command, in milliseconds (default 10000)");

/*
 * A state depends on the features that the VF offers, as in the part
 * DEV_FEATURES, and on its queues. Read both from the VF's registers: a command
 * may never be answered.
 */
static int virtio_compat(struct pci_dev *vf, u32 *compat)
{
	struct virtio_pci_modern_device modern = { .pci_dev = vf };
	__le64 offer[3];
	int ret;

	ret = pci_enable_device(vf);
	if (ret)
		return ret;
	ret = vp_modern_probe(&modern);
	if (ret)
		goto disable;
	offer[0] = cpu_to_le64(vf->device);
	offer[1] = cpu_to_le64(vp_modern_get_features(&modern));
	offer[2] = cpu_to_le64(vp_modern_get_num_queues(&modern));
	*compat = crc32_le(~0, (u8 *)offer, sizeof(offer));
	vp_modern_remove(&modern);
disable:
	pci_disable_device(vf);
	return ret;
}

static int virtio_enable(struct vfio_pci_fn *fn,
			 const struct mdev_pci_type *type,
			 struct mdev_pci_limits *limits)
{
	int ret;

	if (!virtio_pci_admin_has_dev_parts(fn->pdev)) {
		limits->not_migratable = "its PF has no device parts";
		return 0;
	}
	ret = virtio_compat(fn->pdev, &limits->mig_caps.compat);
	if (ret)
		dev_err(&fn->pdev->dev, "its virtio registers can't be read (%pe)\n", ERR_PTR(ret));
	return ret;
}

static const struct mdev_pci_parent_ops virtio_ops = {
	.enable = virtio_enable,
};

static const struct mdev_pci_type virtio_type = {
	.name = "vf",
	.label = "virtio VF",
	.mig_ops = &virtio_mig_ops,
};

static struct mdev_pci_parent_desc virtio_desc = {
	.owner = THIS_MODULE,
	.model = "virtio PF",
	.ops = &virtio_ops,
	.types = &virtio_type,
	.nr_types = 1,
	.mig_caps = {
		/*
		 * Virtio names no limit; block and net of today have a few KiB
		 */
		.max_state = SZ_16M,
		.max_chunk = SZ_16M,
		.kind = VFIO_PCI_BUF_SG,
		.headroom = sizeof(struct virtio_admin_cmd_resource_obj_cmd_hdr),
		.framed = true,
		.unbounded = true,
		.upstream = true,
	},
	.external_pf_driver = true,
};

/*
 * 0x1000 to 0x103f: transitional devices, which also support virtio before 1.0
 */
static bool virtio_match(struct pci_dev *pf)
{
	return pf->vendor == PCI_VENDOR_ID_REDHAT_QUMRANET &&
	       pf->device >= 0x1000 && pf->device <= 0x107f;
}

static const struct mdev_pci_external virtio_external = {
	.name = "mdev-pci-virtio",
	.driver = "virtio-pci",
	.match = virtio_match,
	.desc = &virtio_desc,
};

static int __init virtio_mdev_init(void)
{
	virtio_desc.mig_caps.timeout_ms = timeout_ms;
	return mdev_pci_register_external(&virtio_external);
}
module_init(virtio_mdev_init);

static void __exit virtio_mdev_exit(void)
{
	mdev_pci_unregister_external(&virtio_external);
}
module_exit(virtio_mdev_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("virtio functions that their PF migrates, as mediated devices");
MODULE_VERSION(MODULES_VERSION);
MDEV_PCI_MODULE_DEPS;
