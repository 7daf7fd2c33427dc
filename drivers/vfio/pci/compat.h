/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that this source is built for (6.1 to 7.3),
 * and nothing else. Each block names the version that made it necessary, and
 * asks the kernel's headers, not its version: stable and distributions' kernels
 * have parts of later ones. The macros HAVE_* are made at build time of what
 * compiles of have.c (../have.mk).
 */
#ifndef VFIO_PCI_ENGINE_COMPAT_H
#define VFIO_PCI_ENGINE_COMPAT_H

#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "have-pci.h"

/*
 * 6.2: VFIO_DEVICE_FEATURE_MIG_DATA_SIZE. On 6.1 the core does not know it, so
 * the engine answers it itself: QEMU from 8.0 on takes a kernel without it for
 * one with 100 GiB of state, and never switches over.
 */
#ifndef HAVE_VFIO_MIG_DATA_SIZE
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE 9

struct vfio_device_feature_mig_data_size {
	__aligned_u64 stop_copy_length;
};

#define COMPAT_ANSWER_MIG_DATA_SIZE 1
#define COMPAT_MIG_OP_DATA_SIZE(fn)
#else
#define COMPAT_ANSWER_MIG_DATA_SIZE 0
#define COMPAT_MIG_OP_DATA_SIZE(fn) .migration_get_data_size = (fn),
#endif

/*
 * 6.2: pre-copy. 6.1's core and its users know nothing of it, but the migration
 * region had such a phase all along: the engine gives its own states the
 * numbers that they have later, and shows none of them to the core.
 */
#ifndef HAVE_VFIO_PRECOPY
#define VFIO_DEVICE_STATE_PRE_COPY	((enum vfio_device_mig_state)6)
#define VFIO_DEVICE_STATE_PRE_COPY_P2P	((enum vfio_device_mig_state)7)

struct vfio_precopy_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 initial_bytes;
	__aligned_u64 dirty_bytes;
};

#define VFIO_MIG_GET_PRECOPY_INFO _IO(VFIO_TYPE, VFIO_BASE + 21)

static inline int compat_next_state(struct vfio_device *vdev,
				    enum vfio_device_mig_state from,
				    enum vfio_device_mig_state to,
				    enum vfio_device_mig_state *next)
{
	bool p2p = to == VFIO_DEVICE_STATE_PRE_COPY_P2P;

	if (from == VFIO_DEVICE_STATE_PRE_COPY_P2P) {
		*next = to == VFIO_DEVICE_STATE_PRE_COPY || to == VFIO_DEVICE_STATE_STOP_COPY ?
			to : VFIO_DEVICE_STATE_RUNNING_P2P;
		return 0;
	}
	if (from == VFIO_DEVICE_STATE_PRE_COPY) {
		*next = p2p || to == VFIO_DEVICE_STATE_STOP_COPY ?
				VFIO_DEVICE_STATE_PRE_COPY_P2P :
				VFIO_DEVICE_STATE_RUNNING;
		return 0;
	}
	if (!p2p && to != VFIO_DEVICE_STATE_PRE_COPY)
		return vfio_mig_get_next_state(vdev, from, to, next);

	if (from == VFIO_DEVICE_STATE_STOP_COPY)
		return -EINVAL;
	if (from == (p2p ? VFIO_DEVICE_STATE_RUNNING_P2P : VFIO_DEVICE_STATE_RUNNING)) {
		*next = to;
		return 0;
	}
	return vfio_mig_get_next_state(vdev, from,
				       p2p ? VFIO_DEVICE_STATE_RUNNING_P2P :
					     VFIO_DEVICE_STATE_RUNNING,
				       next);
}

/* The states that VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE may name */
static inline bool compat_is_v2_state(enum vfio_device_mig_state state)
{
	return state <= VFIO_DEVICE_STATE_RUNNING_P2P;
}

#define COMPAT_PRE_COPY_FLAG 0
#else
#define COMPAT_PRE_COPY_FLAG VFIO_MIGRATION_PRE_COPY
#define compat_next_state vfio_mig_get_next_state

static inline bool compat_is_v2_state(enum vfio_device_mig_state state)
{
	return true;
}
#endif

/* 7.1: pre-copy's initial data may come again */
#ifndef HAVE_VFIO_PRECOPY_INFO_V2
#define VFIO_PRECOPY_INFO_REINIT BIT(0)

static inline bool compat_precopy_info_v2(struct vfio_device *vdev)
{
	return false;
}
#else
static inline bool compat_precopy_info_v2(struct vfio_device *vdev)
{
	return vdev->precopy_info_v2;
}
#endif

/*
 * The iommufd operations; mandatory where CONFIG_IOMMUFD is on, and NULL by the
 * core's own macros where it is off. 6.2: the first three; 6.6: detachment;
 * 6.15: attachment by PASID.
 */
#ifdef HAVE_VFIO_BIND_IOMMUFD
#define COMPAT_BIND_IOMMUFD_OPS						\
	.bind_iommufd = vfio_iommufd_physical_bind,			\
	.unbind_iommufd = vfio_iommufd_physical_unbind,			\
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
#else
#define COMPAT_BIND_IOMMUFD_OPS
#endif

#ifdef HAVE_VFIO_DETACH_IOAS
#define COMPAT_DETACH_IOAS_OP .detach_ioas = vfio_iommufd_physical_detach_ioas,
#else
#define COMPAT_DETACH_IOAS_OP
#endif

#ifdef HAVE_VFIO_PASID_IOAS
#define COMPAT_PASID_IOAS_OPS						\
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,	\
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
#else
#define COMPAT_PASID_IOAS_OPS
#endif

#define COMPAT_IOMMUFD_OPS COMPAT_BIND_IOMMUFD_OPS COMPAT_DETACH_IOAS_OP COMPAT_PASID_IOAS_OPS

/*
 * 6.17: the core calls an operation for the token without asking whether it is
 * there
 */
#ifdef HAVE_VFIO_MATCH_TOKEN
#define COMPAT_MATCH_TOKEN_OP .match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define COMPAT_MATCH_TOKEN_OP
#endif

/* 6.19: region info leaves ops->ioctl */
typedef int (*compat_region_info_fn)(struct vfio_device *vdev,
				     struct vfio_region_info *info,
				     struct vfio_info_cap *caps);

#ifndef HAVE_VFIO_REGION_INFO
#define COMPAT_REGION_INFO_IOCTL 1
#define COMPAT_REGION_INFO_OPS(fn) COMPAT_MATCH_TOKEN_OP

/* The core's is in its ioctl, behind -ENOTTY */
static inline int compat_core_region_info(struct vfio_device *vdev,
					  struct vfio_region_info *info,
					  struct vfio_info_cap *caps)
{
	return -ENOTTY;
}

static inline int compat_put_caps(struct vfio_region_info *info,
				  void __user *behind,
				  struct vfio_info_cap *caps)
{
	u32 need = sizeof(*info) + caps->size;

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->cap_offset = 0;
	if (info->argsz < need) {
		info->argsz = need;
		return 0;
	}
	info->cap_offset = sizeof(*info);
	vfio_info_cap_shift(caps, sizeof(*info));
	return copy_to_user(behind, caps->buf, caps->size) ? -EFAULT : 0;
}

/* VFIO_DEVICE_GET_REGION_INFO as @fn answers it; -ENOTTY: it does not */
static inline int compat_region_info_ioctl(struct vfio_device *vdev,
					   struct vfio_region_info __user *arg,
					   compat_region_info_fn fn)
{
	struct vfio_info_cap caps = {};
	struct vfio_region_info info;
	int ret;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.argsz < sizeof(info))
		return -EINVAL;
	ret = fn(vdev, &info, &caps);
	if (!ret && caps.size)
		ret = compat_put_caps(&info, arg + 1, &caps);
	if (!ret && copy_to_user(arg, &info, sizeof(info)))
		ret = -EFAULT;
	kfree(caps.buf);
	return ret;
}
#else
#define COMPAT_REGION_INFO_IOCTL 0
#define compat_core_region_info vfio_pci_ioctl_get_region_info

static inline int compat_region_info_ioctl(struct vfio_device *vdev,
					   struct vfio_region_info __user *arg,
					   compat_region_info_fn fn)
{
	return -ENOTTY;
}

#define COMPAT_REGION_INFO_OPS(fn) COMPAT_MATCH_TOKEN_OP .get_region_info_caps = (fn),
#endif

/* 6.19: dma-bufs of BARs, of drivers that say where these are */
#ifdef HAVE_VFIO_PCI_DEVICE_OPS
static inline void compat_set_pci_ops(struct vfio_pci_core_device *core,
				      const struct vfio_pci_device_ops *ops)
{
	core->pci_ops = ops;
}
#else
struct p2pdma_provider;
struct phys_vec;

struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

struct vfio_pci_device_ops {
	int (*get_dmabuf_phys)(struct vfio_pci_core_device *core,
			       struct p2pdma_provider **provider,
			       unsigned int index, struct phys_vec *phys,
			       struct vfio_region_dma_range *ranges,
			       size_t nr_ranges);
};

static inline int vfio_pci_core_get_dmabuf_phys(struct vfio_pci_core_device *core,
						struct p2pdma_provider **provider,
						unsigned int index, struct phys_vec *phys,
						struct vfio_region_dma_range *ranges,
						size_t nr_ranges)
{
	return -EOPNOTSUPP;
}

static inline void compat_set_pci_ops(struct vfio_pci_core_device *core,
				      const struct vfio_pci_device_ops *ops)
{
}
#endif

/*
 * 6.7: marking pages in a user's bitmap leaves vfio, where it was always there,
 * for the part of iommufd that drivers use. Without that part the core's
 * LOGGING_REPORT always fails, so nothing must be logged at all.
 */
#ifdef HAVE_IOVA_BITMAP
#define COMPAT_CAN_LOG 1
#else
#define COMPAT_CAN_LOG 0
#endif

/* 6.3: vfio core combines ranges. Without it ranges_combine() does */
#ifdef HAVE_VFIO_COMBINE_RANGES
#define COMPAT_COMBINES 1
static inline void compat_combine_ranges(struct rb_root_cached *root, u32 nr,
					 u32 max)
{
	if (nr > max)
		vfio_combine_iova_ranges(root, nr, max);
}
#else
#define COMPAT_COMBINES 0
static inline void compat_combine_ranges(struct rb_root_cached *root, u32 nr,
					 u32 max)
{
}
#endif

/* 6.13: the name of a symbol namespace becomes a string */
#ifdef HAVE_NAMESPACE_TOKEN
#define COMPAT_IMPORT_IOMMUFD MODULE_IMPORT_NS(IOMMUFD)
#else
#define COMPAT_IMPORT_IOMMUFD MODULE_IMPORT_NS("IOMMUFD")
#endif

/*
 * 6.8: the core has a directory for each registered device in debugfs, if the
 * kernel is built so; NULL: it has none
 */
static inline struct dentry *compat_debug_root(struct vfio_device *vdev)
{
#ifdef HAVE_VFIO_DEBUG_ROOT
	return vdev->debug_root;
#else
	return NULL;
#endif
}

/*
 * 7.1, 6.18.y and 6.12.94: driver_override moves from struct pci_dev to struct
 * device. A match is 1 if it names that driver, 0 if another one, -1 if none.
 */
#ifdef HAVE_DEVICE_OVERRIDE
static inline int compat_set_driver_override(struct pci_dev *pdev,
					     const char *name)
{
	return device_set_driver_override(&pdev->dev, name);
}

static inline int compat_match_driver_override(struct pci_dev *pdev,
					       const struct device_driver *drv)
{
	return device_match_driver_override(&pdev->dev, drv);
}

/* Sets it if it is not set, under device_lock() */
static inline int compat_reserve_override_locked(struct pci_dev *pdev,
						 const char *name)
{
	return device_has_driver_override(&pdev->dev) ? 0 :
	       device_set_driver_override(&pdev->dev, name);
}
#elif defined(HAVE_PCI_OVERRIDE)
static inline int compat_set_driver_override(struct pci_dev *pdev,
					     const char *name)
{
	return driver_set_override(&pdev->dev, &pdev->driver_override, name,
				   strlen(name));
}

static inline int compat_match_driver_override(struct pci_dev *pdev,
					       const struct device_driver *drv)
{
	int ret = -1;

	device_lock(&pdev->dev);
	if (pdev->driver_override)
		ret = !strcmp(pdev->driver_override, drv->name);
	device_unlock(&pdev->dev);
	return ret;
}

static inline int compat_reserve_override_locked(struct pci_dev *pdev,
						 const char *name)
{
	if (!pdev->driver_override)
		pdev->driver_override = kstrdup(name, GFP_KERNEL);
	return pdev->driver_override ? 0 : -ENOMEM;
}
#else
#error "This kernel has driver_override neither in struct device nor in struct pci_dev"
#endif

/* Clears it, if it names that driver */
static inline void compat_clear_driver_override(struct pci_dev *pdev,
						const struct device_driver *drv)
{
	if (compat_match_driver_override(pdev, drv) > 0)
		compat_set_driver_override(pdev, "");
}

/*
 * 6.10: each device has an inode, and with it an address space by which all
 * mappings of it can be found. Before, all devices share one: an empty file has
 * one for each.
 */
#ifndef HAVE_VFIO_INODE
#include <linux/shmem_fs.h>

static inline struct address_space *
compat_address_space(struct vfio_device *vdev)
{
	return NULL;
}

static inline struct file *compat_mapping_file(void)
{
	return shmem_file_setup("vfio-pci-engine", 0, VM_NORESERVE);
}
#else
static inline struct address_space *
compat_address_space(struct vfio_device *vdev)
{
	return vdev->inode->i_mapping;
}

static inline struct file *compat_mapping_file(void)
{
	return NULL;
}
#endif

/*
 * 6.19: a driver can register page frames that have no struct page. The kernel
 * then sends a signal to the users that map a page with an error. Older kernels
 * can't find these users: memory_failure() returns -ENXIO.
 */
typedef int (*compat_pfn_to_pgoff_fn)(struct vm_area_struct *vma,
				      unsigned long pfn, pgoff_t *pgoff);

#ifndef HAVE_PFN_ADDRESS_SPACE
struct compat_pfn_space {};

static inline int compat_register_pfn_space(struct compat_pfn_space *space,
					    unsigned long pfn,
					    unsigned long pages,
					    struct address_space *mapping,
					    compat_pfn_to_pgoff_fn fn)
{
	return -EOPNOTSUPP;
}

static inline void compat_unregister_pfn_space(struct compat_pfn_space *space)
{
}
#else
#include <linux/memory-failure.h>

struct compat_pfn_space {
	struct pfn_address_space space;
};

/* -EOPNOTSUPP too if the kernel is built without CONFIG_MEMORY_FAILURE */
static inline int compat_register_pfn_space(struct compat_pfn_space *space,
					    unsigned long pfn,
					    unsigned long pages,
					    struct address_space *mapping,
					    compat_pfn_to_pgoff_fn fn)
{
	space->space = (struct pfn_address_space) {
		.node.start = pfn,
		.node.last = pfn + pages - 1,
		.mapping = mapping,
		.pfn_to_vma_pgoff = fn,
	};
	return register_pfn_address_space(&space->space);
}

static inline void compat_unregister_pfn_space(struct compat_pfn_space *space)
{
	unregister_pfn_address_space(&space->space);
}
#endif

/* 6.3: flags of a vma are changed by helpers */
#ifndef HAVE_VM_FLAGS_SET
static inline void compat_vm_flags_set(struct vm_area_struct *vma,
				       unsigned long flags)
{
	vma->vm_flags |= flags;
}
#else
#define compat_vm_flags_set vm_flags_set
#endif

/*
 * 6.12: huge pages in mappings of memory that has no struct page. 6.17: page
 * frames are plain numbers.
 */
#if defined(CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP)
#define COMPAT_HUGE_FAULT(fn) .huge_fault = (fn),

#ifndef HAVE_PFN_PLAIN
#include <linux/pfn_t.h>
#define COMPAT_HUGE_PFN(pfn) __pfn_to_pfn_t(pfn, PFN_DEV)
#else
#define COMPAT_HUGE_PFN(pfn) (pfn)
#endif

static inline vm_fault_t
compat_insert_huge(struct vm_fault *vmf, unsigned long pfn, unsigned int order)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;

	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, COMPAT_HUGE_PFN(pfn), write);
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, COMPAT_HUGE_PFN(pfn), write);
#endif
	return VM_FAULT_FALLBACK;
}
#else
#define COMPAT_HUGE_FAULT(fn)

static inline vm_fault_t
compat_insert_huge(struct vm_fault *vmf, unsigned long pfn, unsigned int order)
{
	return VM_FAULT_FALLBACK;
}
#endif

static inline vm_fault_t
compat_insert_pfn(struct vm_fault *vmf, unsigned long pfn, unsigned int order)
{
	return order ? compat_insert_huge(vmf, pfn, order) :
	       vmf_insert_pfn(vmf->vma, vmf->address & PAGE_MASK, pfn);
}

/* 6.8: mac_pton() is in a header of its own */
#ifdef HAVE_HEX_HEADER
#include <linux/hex.h>
#endif

/*
 * 6.15: some network drivers have their operations called under a lock of the
 * interface
 */
#ifndef HAVE_NETDEV_LOCK
struct net_device;

static inline void compat_netdev_lock_ops(struct net_device *dev) {}
static inline void compat_netdev_unlock_ops(struct net_device *dev) {}
#else
#include <net/netdev_lock.h>

static inline void compat_netdev_lock_ops(struct net_device *dev)
{
	netdev_lock_ops(dev);
}

static inline void compat_netdev_unlock_ops(struct net_device *dev)
{
	netdev_unlock_ops(dev);
}
#endif

#endif /* VFIO_PCI_ENGINE_COMPAT_H */
