// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the engine and the framework ask of the kernel's headers. This file is no part of any
 * module: have.sh compiles it, and compat.h has the macros of those probes in which there is no
 * error.
 */
#include <linux/device.h>
#include <linux/iova_bitmap.h>
#include <linux/mm.h>
#include <linux/huge_mm.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>
#if __has_include("linux/hex.h")
#include <linux/hex.h>
#define HAVE_HEX 1
#endif
#if __has_include("linux/memory-failure.h")
#include <linux/memory-failure.h>
#endif
#if __has_include("net/netdev_lock.h")
#include <net/netdev_lock.h>
#endif

/* HAVE_VFIO_PCI_CORE, required: CONFIG_VFIO_PCI_CORE */
static_assert(IS_ENABLED(CONFIG_VFIO_PCI_CORE));

/* HAVE_VFIO_MIG_OPS, required: VFIO's operations of migration and of dirty page logging (6.1) */
static const struct vfio_migration_ops have_mig_ops = {
	.migration_set_state = NULL,
	.migration_get_state = NULL,
};

static const struct vfio_log_ops have_log_ops = {
	.log_start = NULL,
	.log_stop = NULL,
	.log_read_and_clear = NULL,
};

static void have_vfio_mig_ops(struct vfio_device *vdev)
{
	vdev->mig_ops = &have_mig_ops;
	vdev->log_ops = &have_log_ops;
	vdev->migration_flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P;
}

/* HAVE_VFIO_ALLOC_DEVICE, required: VFIO devices that VFIO itself allocates (6.1) */
static struct vfio_pci_core_device *have_vfio_alloc_device(struct device *dev,
							   const struct vfio_device_ops *ops)
{
	return vfio_alloc_device(vfio_pci_core_device, vdev, dev, ops);
}

/* HAVE_VFIO_CORE_OPS, required: vfio-pci-core with the operations that it has from 6.1 to 7.3 */
static const struct vfio_device_ops have_vfio_core_ops = {
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.close_device = vfio_pci_core_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
};

/* HAVE_VFIO_CORE_CALLS, required: vfio-pci-core with the functions that it has from 6.1 to 7.3 */
static int have_vfio_core_calls(struct vfio_pci_core_device *core,
				const struct vfio_pci_regops *regops, struct pci_dev *pdev)
{
	int (*enable)(struct vfio_pci_core_device *) = vfio_pci_core_enable;
	void (*finish)(struct vfio_pci_core_device *) = vfio_pci_core_finish_enable;
	void (*disable)(struct vfio_pci_core_device *) = vfio_pci_core_disable;
	int (*reg)(struct vfio_pci_core_device *) = vfio_pci_core_register_device;
	void (*unreg)(struct vfio_pci_core_device *) = vfio_pci_core_unregister_device;
	pci_ers_result_t (*aer)(struct pci_dev *pdev, pci_channel_state_t state) =
		vfio_pci_core_aer_err_detected;

	finish(core);
	disable(core);
	unreg(core);
	return aer(pdev, pci_channel_io_frozen) + enable(core) + reg(core) +
	       vfio_pci_core_register_dev_region(core, 0, 0, regops, 0, 0, NULL);
}

/* HAVE_VFIO_MIG_DATA_SIZE: the operation migration_get_data_size (6.2) */
static const struct vfio_migration_ops have_vfio_mig_data_size = {
	.migration_get_data_size = NULL,
};

/* HAVE_VFIO_PRECOPY: the states of pre-copy (6.2) */
static const int have_vfio_precopy[] = {
	VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_MIGRATION_PRE_COPY,
	sizeof(struct vfio_precopy_info),
};

/* HAVE_VFIO_PRECOPY_INFO_V2: pre-copy's initial data may come again (7.1) */
static int have_vfio_precopy_info_v2(struct vfio_device *vdev)
{
	return vdev->precopy_info_v2 ? VFIO_PRECOPY_INFO_REINIT : 0;
}

/* HAVE_VFIO_BIND_IOMMUFD: operations for IOMMUFD (6.2) */
static const struct vfio_device_ops have_vfio_bind_iommufd = {
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
};

/* HAVE_VFIO_DETACH_IOAS: detachment from an IOAS (6.6) */
static const struct vfio_device_ops have_vfio_detach_ioas = {
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};

/* HAVE_VFIO_PASID_IOAS: attachment by PASID (6.15) */
static const struct vfio_device_ops have_vfio_pasid_ioas = {
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
};

/* HAVE_VFIO_MATCH_TOKEN: an operation for the token, which the core calls without asking (6.17) */
static const struct vfio_device_ops have_vfio_match_token = {
	.match_token_uuid = NULL,
};

/* HAVE_VFIO_REGION_INFO: an operation for region info, which leaves ops->ioctl (6.19) */
static const struct vfio_device_ops have_vfio_region_info = {
	.get_region_info_caps = NULL,
};

/* HAVE_VFIO_PCI_DEVICE_OPS: drivers say where a BAR is, of which a dma-buf is made (6.19) */
static const struct vfio_pci_device_ops have_vfio_pci_device_ops = {
	.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
};

static void have_pci_ops(struct vfio_pci_core_device *core)
{
	core->pci_ops = &have_vfio_pci_device_ops;
}

/*
 * A function that the header only declares can be defined here; one that it defines itself, because
 * the kernel is built without it, can't.
 */
/* HAVE_IOVA_BITMAP: marking pages in a user's bitmap (6.1; from 6.7 on with IOMMUFD_DRIVER only) */
void iova_bitmap_set(struct iova_bitmap *bitmap, unsigned long iova, size_t length)
{
}

/* HAVE_VFIO_COMBINE_RANGES: a helper that combines ranges (6.3) */
static void have_vfio_combine_ranges(struct rb_root_cached *root)
{
	vfio_combine_iova_ranges(root, 2, 1);
}

/* HAVE_NAMESPACE_TOKEN: the name of a symbol namespace is no string (until 6.12) */
MODULE_IMPORT_NS(HAVE_NAMESPACE);

/* HAVE_VFIO_DEBUG_ROOT: each device has a directory in debugfs (6.8) */
static struct dentry *have_vfio_debug_root(struct vfio_device *vdev)
{
	return vdev->debug_root;
}

/* HAVE_DEVICE_OVERRIDE: driver_override is in struct device (7.1, 6.12.94, 6.18.y) */
static int have_device_override(struct device *dev, const struct device_driver *drv)
{
	return device_has_driver_override(dev) + device_set_driver_override(dev, "") +
	       device_match_driver_override(dev, drv);
}

/* HAVE_PCI_OVERRIDE: driver_override is in struct pci_dev (until then) */
static int have_pci_override(struct pci_dev *pdev)
{
	return driver_set_override(&pdev->dev, &pdev->driver_override, "", 0);
}

/* HAVE_VFIO_INODE: each device has an inode (6.10) */
static struct address_space *have_vfio_inode(struct vfio_device *vdev)
{
	return vdev->inode->i_mapping;
}

/* HAVE_PFN_ADDRESS_SPACE: page frames without struct page can be registered (6.19) */
static int have_pfn_address_space(struct pfn_address_space *space,
				  int (*fn)(struct vm_area_struct *vma, unsigned long pfn,
					    pgoff_t *pgoff))
{
	space->pfn_to_vma_pgoff = fn;
	unregister_pfn_address_space(space);
	return register_pfn_address_space(space);
}

/* HAVE_VM_FLAGS_SET: flags of a vma are changed by helpers (6.3) */
static void have_vm_flags_set(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO);
}

/* HAVE_PFN_PLAIN: page frames of huge mappings are plain numbers (6.17) */
static vm_fault_t have_pfn_plain(struct vm_fault *vmf)
{
	vm_fault_t (*insert)(struct vm_fault *vmf, unsigned long pfn, bool write) =
		vmf_insert_pfn_pmd;

	return insert(vmf, 0, false);
}

/* HAVE_NETDEV_LOCK: some network drivers are called under a lock of the interface (6.15) */
static void have_netdev_lock(struct net_device *dev)
{
	netdev_lock_ops(dev);
	netdev_unlock_ops(dev);
}

/* HAVE_HEX_HEADER: mac_pton() is in a header of its own (6.8) */
static int have_hex_header(const char *mac, u8 *to)
{
	return HAVE_HEX && mac_pton(mac, to);
}
