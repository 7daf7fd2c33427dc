// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of a GPU's RAM or a bridge's ATSD registers by users. Page faults
 * map the pages, so that a reset can unmap all of them and the next access
 * checks the device again.
 */
#include <linux/file.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "nvlink2.h"
#include "desc.h"

/**
 * struct nvlink2_map - one mmap(), with the vmas that fork() and munmap() of
 *	parts made of it
 * @kref: one for each vma
 * @nv: whose memory it is
 * @user: the device's file, if the vma does not hold it itself
 */
struct nvlink2_map {
	struct kref kref;
	struct nvlink2 *nv;
	struct file *user;
};

static void map_free(struct kref *kref)
{
	struct nvlink2_map *map = container_of(kref, struct nvlink2_map, kref);

	nvlink2_power_unmap(map->nv, map);
	/* May close the device, and so end @map->nv */
	if (map->user)
		fput(map->user);
	kfree(map);
}

static void vma_open(struct vm_area_struct *vma)
{
	struct nvlink2_map *map = vma->vm_private_data;

	kref_get(&map->kref);
}

static void vma_close(struct vm_area_struct *vma)
{
	struct nvlink2_map *map = vma->vm_private_data;

	kref_put(&map->kref, map_free);
}

static unsigned long first_pfn(struct vm_area_struct *vma)
{
	struct nvlink2_map *map = vma->vm_private_data;

	return PHYS_PFN(map->nv->base) + (vma->vm_pgoff & NVLINK2_PGOFF_MASK);
}

/*
 * The page frame for a fault, if all of the huge page is in the vma, and
 * aligned as such
 */
static bool find_pfn(struct vm_fault *vmf, unsigned int order,
		     unsigned long *pfn)
{
	unsigned long bytes = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, bytes);
	struct vm_area_struct *vma = vmf->vma;

	if (addr < vma->vm_start || bytes > vma->vm_end - addr)
		return false;
	*pfn = first_pfn(vma) + ((addr - vma->vm_start) >> PAGE_SHIFT);
	return IS_ALIGNED(*pfn, 1UL << order);
}

static vm_fault_t fault_of_order(struct vm_fault *vmf, unsigned int order)
{
	struct nvlink2_map *map = vmf->vma->vm_private_data;
	struct nvlink2 *nv = map->nv;
	unsigned long pfn;
	vm_fault_t ret;
	int err;

	if (!find_pfn(vmf, order, &pfn))
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
	err = nvlink2_begin(nv);
	/* A process that is to end sees to its signal first */
	if (err)
		return err == -EINTR ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
	ret = compat_insert_pfn(vmf, pfn, order);
	nvlink2_end(nv);
	return ret;
}

static vm_fault_t vma_fault(struct vm_fault *vmf)
{
	return fault_of_order(vmf, 0);
}

static const struct vm_operations_struct nvlink2_vm_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = vma_fault,
	COMPAT_HUGE_FAULT(fault_of_order)
};

/*
 * x86 takes the cacheability of what is no RAM of the host's from mappings that
 * exist: without one it is uncached, whatever the vma says
 */
static int hold(struct nvlink2 *nv)
{
	int ret = 0;

	if (!IS_ENABLED(CONFIG_X86) ||
	    nv->src.desc.role != VFIO_PCI_NVLINK2_GPU ||
	    nv->src.desc.cache == VFIO_PCI_NVLINK2_UC)
		return 0;
	down_write(&nv->lock);
	if (!nv->held) {
		nv->held = memremap(nv->base, nv->size,
				    nv->src.desc.cache == VFIO_PCI_NVLINK2_WB ? MEMREMAP_WB :
									       MEMREMAP_WC);
		if (!nv->held)
			ret = -ENOMEM;
	}
	up_write(&nv->lock);
	return ret;
}

static pgprot_t protection(const struct vfio_pci_nvlink2_desc *desc,
			   pgprot_t prot)
{
	if (desc->role == VFIO_PCI_NVLINK2_LINK ||
	    desc->cache == VFIO_PCI_NVLINK2_UC)
		return pgprot_noncached(prot);
	return desc->cache == VFIO_PCI_NVLINK2_WC ? pgprot_writecombine(prot) :
						    prot;
}

/*
 * Where the kernel has no address space a device, all our mappings are moved to
 * one of our own
 */
static struct nvlink2_map *map_alloc(struct nvlink2 *nv,
				     struct vm_area_struct *vma)
{
	struct nvlink2_map *map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);

	if (!map)
		return NULL;
	kref_init(&map->kref);
	map->nv = nv;
	if (nv->file) {
		map->user = get_file(vma->vm_file);
		vma_set_file(vma, nv->file);
	}
	return map;
}

/**
 * nvlink2_mmap() - &vfio_pci_regops.mmap
 * @core: the device
 * @region: the region
 * @vma: where it is wanted
 *
 * Return: 0; -EINVAL: not all of it is in the region; -ENOMEM; others from
 * nvlink2_power_map().
 */
int nvlink2_mmap(struct vfio_pci_core_device *core,
		 struct vfio_pci_region *region, struct vm_area_struct *vma)
{
	struct nvlink2 *nv = region->data;
	struct nvlink2_map *map;
	int ret;

	if (!nvlink2_mmap_fits(vma->vm_pgoff & NVLINK2_PGOFF_MASK,
			       vma_pages(vma), nv->size, PAGE_SIZE))
		return -EINVAL;
	ret = hold(nv);
	if (ret)
		return ret;
	map = map_alloc(nv, vma);
	if (!map)
		return -ENOMEM;
	ret = nvlink2_power_map(nv, vma, map);
	if (ret) {
		kref_put(&map->kref, map_free);
		return ret;
	}
	vma->vm_private_data = map;
	vma->vm_page_prot = protection(&nv->src.desc, vma->vm_page_prot);
	compat_vm_flags_set(vma,
			    VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &nvlink2_vm_ops;
	return 0;
}

static struct address_space *address_space(struct nvlink2 *nv)
{
	return nv->file ? nv->file->f_mapping :
			  compat_address_space(&nv->core->vdev);
}

/**
 * nvlink2_zap() - unmap the region from user space; the next access faults
 * @nv: NVLink2 side of the device
 *
 * Context: process context; sleeps.
 */
void nvlink2_zap(struct nvlink2 *nv)
{
	down_read(&nv->lock);
	if (nv->open && nv->size)
		unmap_mapping_range(address_space(nv),
				    VFIO_PCI_INDEX_TO_OFFSET((u64)nv->index),
				    nv->size, true);
	up_read(&nv->lock);
}

/*
 * There is an error in a page of the RAM: where does this mapping have it? With
 * an answer its process gets a signal. Must not sleep; the mapping stays, and
 * with it what it belongs to.
 */
static int bad_page_at(struct vm_area_struct *vma, unsigned long pfn,
		       pgoff_t *pgoff)
{
	unsigned long first;

	/* BARs are in the same address space */
	if (vma->vm_ops != &nvlink2_vm_ops)
		return -ENOENT;
	first = first_pfn(vma);
	/*
	 * For a page behind its end the kernel would kill the process as one
	 * that it can't tell
	 */
	if (pfn < first || pfn - first >= vma_pages(vma))
		return -EFAULT;
	*pgoff = vma->vm_pgoff + (pfn - first);
	return 0;
}

/* Some kernels can't report memory errors to users of such RAM */
static int tell_errors(struct nvlink2 *nv)
{
	int ret;

	if (nv->src.desc.role != VFIO_PCI_NVLINK2_GPU)
		return 0;
	ret = compat_register_pfn_space(&nv->errors, PHYS_PFN(nv->base),
					PHYS_PFN(nv->size), address_space(nv),
					bad_page_at);
	nv->tells_errors = !ret;
	if (!ret || ret == -EOPNOTSUPP)
		return 0;
	pci_err(nv->core->pdev,
		"NVLink2 refused, as described by %s: another driver already handles errors of its RAM (%pe)\n",
		nv->src.from, ERR_PTR(ret));
	return ret;
}

/**
 * nvlink2_mmap_open() - prepare for mappings
 * @nv: NVLink2 side of a device that is being opened
 *
 * Context: process context; sleeps.
 * Return: 0; -ENOMEM; or, with a line in the log, -EBUSY: another driver sees
 * to errors in the RAM.
 */
int nvlink2_mmap_open(struct nvlink2 *nv)
{
	struct file *file = compat_mapping_file();

	if (IS_ERR(file))
		return PTR_ERR(file);
	nv->file = file;
	return tell_errors(nv);
}

/**
 * nvlink2_mmap_close() - undo nvlink2_mmap_open(); nothing is mapped any more
 * @nv: NVLink2 side of a device that is being closed
 */
void nvlink2_mmap_close(struct nvlink2 *nv)
{
	if (nv->tells_errors)
		compat_unregister_pfn_space(&nv->errors);
	nv->tells_errors = false;
	nvlink2_power_close(nv);
	if (nv->file)
		fput(nv->file);
	nv->file = NULL;
	if (nv->held)
		memunmap(nv->held);
	nv->held = NULL;
}
