// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU RAM and ATSD registers behind NVLink2: the region of an open device, and
 * its resets. The uapi is that of Linux 5.12.
 */
#include <linux/ioport.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "nvlink2.h"

static int add_tgt(struct nvlink2 *nv, struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_nvlink2_ssatgt cap = {
		.header.id = VFIO_REGION_INFO_CAP_NVLINK2_SSATGT,
		.header.version = 1,
		.tgt = nv->src.desc.tgt,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

static int add_speed(struct nvlink2 *nv, struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_nvlink2_lnkspd cap = {
		.header.id = VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD,
		.header.version = 1,
		.link_speed = nv->src.desc.link_speed,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

static int add_capability(struct vfio_pci_core_device *core,
			  struct vfio_pci_region *region,
			  struct vfio_info_cap *caps)
{
	struct nvlink2 *nv = region->data;
	int ret = 0;

	if (nv->src.desc.has_tgt)
		ret = add_tgt(nv, caps);
	if (!ret && nv->src.desc.role == VFIO_PCI_NVLINK2_LINK)
		ret = add_speed(nv, caps);
	return ret;
}

static void close_region(struct nvlink2 *nv)
{
	down_write(&nv->lock);
	nv->open = false;
	up_write(&nv->lock);
	/* Mappings hold the device's file, so there is none */
	nvlink2_mmap_close(nv);
	if (nv->claimed)
		release_mem_region(nv->base, nv->size);
	nv->claimed = NULL;
}

static void release(struct vfio_pci_core_device *core,
		    struct vfio_pci_region *region)
{
	close_region(region->data);
}

static const struct vfio_pci_regops nvlink2_regops = {
	.rw = nvlink2_rw,
	.mmap = nvlink2_mmap,
	.add_capability = add_capability,
	.release = release,
};

/* Two devices that are said to have the same RAM, or a driver that uses it */
static int claim(struct nvlink2 *nv)
{
	if (nv->src.desc.role != VFIO_PCI_NVLINK2_GPU)
		return 0;
	nv->claimed = request_mem_region(nv->base, nv->size, "vfio-pci-engine NVLink2");
	if (nv->claimed)
		return 0;
	pci_err(nv->core->pdev,
		"NVLink2 refused, as described by %s: its RAM is in use by another driver or device, see /proc/iomem (%pe)\n",
		nv->src.from, ERR_PTR(-EADDRINUSE));
	return -EADDRINUSE;
}

static void describe(struct nvlink2 *nv)
{
	const struct vfio_pci_nvlink2_desc *desc = &nv->src.desc;

	nv->base = desc->role == VFIO_PCI_NVLINK2_GPU ? desc->base : desc->atsd;
	nv->size = desc->role == VFIO_PCI_NVLINK2_GPU ? desc->size :
		   desc->has_atsd ? PAGE_SIZE : 0;
	nv->index = VFIO_PCI_NUM_REGIONS + nv->core->num_regions;
	nv->recheck = true;
	nv->complained = false;
}

static int register_region(struct nvlink2 *nv)
{
	bool gpu = nv->src.desc.role == VFIO_PCI_NVLINK2_GPU;
	u32 flags = 0;

	/* An empty region only carries capabilities */
	if (nv->size)
		flags = VFIO_REGION_INFO_FLAG_READ |
			VFIO_REGION_INFO_FLAG_WRITE |
			VFIO_REGION_INFO_FLAG_MMAP;
	return vfio_pci_core_register_dev_region(nv->core, VFIO_REGION_TYPE_PCI_VENDOR_TYPE |
						 (gpu ? PCI_VENDOR_ID_NVIDIA : PCI_VENDOR_ID_IBM),
						 gpu ? VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM :
						       VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD,
						 &nvlink2_regops, nv->size, flags, nv);
}

/**
 * nvlink2_open() - add the region to a device that is being opened
 * @nv: its NVLink2 side; the device is enabled, and frees the region when it is
 *	closed
 *
 * Context: process context; sleeps.
 * Return: 0, also for a plain PCI device; else, with a line in the log:
 * -EADDRINUSE: another driver or device has the RAM; -ENOMEM; others from
 * nvlink2_find().
 */
int nvlink2_open(struct nvlink2 *nv)
{
	int ret;

	down_write(&nv->lock);
	ret = nvlink2_find(nv->fn, nv->ops, &nv->src);
	if (!ret)
		describe(nv);
	up_write(&nv->lock);
	if (ret)
		return ret == -ENODEV ? 0 : ret;
	ret = claim(nv) ?: nvlink2_mmap_open(nv) ?: register_region(nv);
	if (ret) {
		close_region(nv);
		return ret;
	}
	down_write(&nv->lock);
	nv->open = true;
	up_write(&nv->lock);
	return 0;
}

/**
 * nvlink2_reset_prepare() - block access during a reset
 * @nv: NVLink2 side of the device
 *
 * Context: process context; maybe under memory_lock. Waits for accesses that
 * have begun.
 */
void nvlink2_reset_prepare(struct nvlink2 *nv)
{
	down_write(&nv->lock);
	nv->resetting = true;
	up_write(&nv->lock);
	nvlink2_zap(nv);
}

/**
 * nvlink2_reset_done() - allow access again once the device is ready
 * @nv: NVLink2 side of the device
 *
 * Context: as nvlink2_reset_prepare().
 */
void nvlink2_reset_done(struct nvlink2 *nv)
{
	down_write(&nv->lock);
	nv->resetting = false;
	nv->recheck = true;
	nv->complained = false;
	up_write(&nv->lock);
}

/**
 * nvlink2_low_power() - handle the user's entry to low power
 * @nv: NVLink2 side of the device
 *
 * Accesses from now on see the core's flag, and fail until it is back. The
 * device loses its power after the user's call at the earliest.
 *
 * Context: process context.
 */
void nvlink2_low_power(struct nvlink2 *nv)
{
	nvlink2_zap(nv);
}

/**
 * nvlink2_create() - create the NVLink2 part of a device
 * @core: the device
 * @fn: its function
 * @ops: operations of the vendor driver; none of them need be there
 *
 * Return: it; -ENOMEM; or -EOPNOTSUPP: the engine was built without.
 */
struct nvlink2 *nvlink2_create(struct vfio_pci_core_device *core,
			       struct vfio_pci_fn *fn,
			       const struct vfio_pci_nvlink2_ops *ops)
{
	struct nvlink2 *nv = kzalloc(sizeof(*nv), GFP_KERNEL);

	if (!nv)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&nv->lock);
	nv->core = core;
	nv->fn = fn;
	nv->ops = ops;
	return nv;
}

/**
 * nvlink2_destroy() - undo nvlink2_create()
 * @nv: it, or NULL; its device is closed
 */
void nvlink2_destroy(struct nvlink2 *nv)
{
	kfree(nv);
}

/**
 * nvlink2_exit() - clean up when the module is unloaded
 */
void nvlink2_exit(void)
{
	nvlink2_power_exit();
}
