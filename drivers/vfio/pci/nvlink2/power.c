// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU RAM on POWER: whether it may be accessed, and its registration with the
 * IOMMU code for DMA of devices. RAM without struct page must be registered for
 * the range of user addresses at which it is mapped (mm_iommu_newdev()). A
 * registration can't be ended while any of it is mapped for DMA.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <asm/mmu_context.h>

#include "nvlink2.h"

static bool links_up;
module_param(links_up, bool, 0644);
MODULE_PARM_DESC(links_up, "POWER9: the NVLink2 links are trained, and GPU RAM may be accessed. If they are not, an access stops the host (default: no)");

/**
 * struct nvlink2_power - a registration of GPU RAM
 * @mm: the process that it is of
 * @mem: the kernel's side of it
 * @map: the mapping that it is for, or NULL: it is gone
 * @node: among those that could not be ended when their device was closed
 */
struct nvlink2_power {
	struct mm_struct *mm;
	struct mm_iommu_table_group_mem_t *mem;
	const void *map;
	struct list_head node;
};

/*
 * Migration states of closed devices, still mapped for DMA; each has a
 * reference of this module
 */
static LIST_HEAD(left);
static DEFINE_MUTEX(left_lock);
static void end_left(struct work_struct *work);
static DECLARE_DELAYED_WORK(left_work, end_left);

/*
 * False: it is mapped for DMA. If a container has registered the same range, it
 * goes on by that
 */
static bool end(struct nvlink2_power *power)
{
	if (mm_iommu_put(power->mm, power->mem))
		return false;
	mmdrop(power->mm);
	kfree(power);
	return true;
}

static void end_left(struct work_struct *work)
{
	struct nvlink2_power *power, *next;

	mutex_lock(&left_lock);
	list_for_each_entry_safe(power, next, &left, node) {
		list_del(&power->node);
		if (end(power))
			module_put(THIS_MODULE);
		else
			list_add(&power->node, &left);
	}
	if (!list_empty(&left))
		schedule_delayed_work(&left_work, HZ);
	mutex_unlock(&left_lock);
}

/**
 * nvlink2_power_allowed() - check whether memory behind NVLink2 may be accessed
 * @why: receives the reason why not
 *
 * Nothing in today's kernels trains the links of these machines, or can tell
 * whether they are.
 *
 * Return: true if the administrator says so.
 */
bool nvlink2_power_allowed(const char **why)
{
	*why = "its links are not known to work; see the parameter links_up of vfio-pci-engine";
	return links_up;
}

/*
 * mm_iommu_is_devmem() finds such memory and forgets rcu_read_unlock(). If the
 * kernel counts preemption, a task that unmaps it for DMA can never sleep again
 */
static bool is_safe(struct nvlink2 *nv)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT))
		return true;
	dev_warn_once(&nv->core->pdev->dev,
		      "the RAM of GPUs can't be mapped for DMA: this kernel's IOMMU code would hang\n");
	return false;
}

static int register_ram(struct nvlink2 *nv, struct vm_area_struct *vma,
			const void *map)
{
	unsigned long pgoff = vma->vm_pgoff & NVLINK2_PGOFF_MASK;
	struct nvlink2_power *power =
		kzalloc(sizeof(*power), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!power)
		return -ENOMEM;
	ret = mm_iommu_newdev(vma->vm_mm, vma->vm_start, vma_pages(vma),
			      nv->base + PFN_PHYS(pgoff), &power->mem);
	if (ret) {
		dev_err_ratelimited(&nv->core->pdev->dev,
				    "the RAM of the GPU can't be registered for DMA at these addresses of the process: other memory is registered there (%pe)\n",
				    ERR_PTR(ret));
		kfree(power);
		return ret;
	}
	power->mm = vma->vm_mm;
	mmgrab(power->mm);
	power->map = map;
	nv->power = power;
	return 0;
}

/**
 * nvlink2_power_map() - let devices do DMA to what a user maps
 * @nv: NVLink2 side of an open device
 * @vma: the new mapping
 * @map: stands for it until nvlink2_power_unmap()
 *
 * An open device has one registration, for the first mapping. Others can be
 * used by the CPU alone, until that one is gone and not mapped for DMA any
 * more.
 *
 * Context: process context, under mmap_lock; sleeps.
 * Return: 0, also without a registration; -ENOMEM; or, with a line in the log,
 * -EINVAL: other memory is registered there.
 */
int nvlink2_power_map(struct nvlink2 *nv, struct vm_area_struct *vma,
		      const void *map)
{
	int ret = 0;

	if (nv->src.desc.role != VFIO_PCI_NVLINK2_GPU || !is_safe(nv))
		return 0;
	down_write(&nv->lock);
	if (nv->power && !nv->power->map && end(nv->power))
		nv->power = NULL;
	if (!nv->power)
		ret = register_ram(nv, vma, map);
	up_write(&nv->lock);
	return ret;
}

/**
 * nvlink2_power_unmap() - undo nvlink2_power_map()
 * @nv: NVLink2 side of an open device
 * @map: the mapping, as nvlink2_power_map() had it
 *
 * Context: as nvlink2_power_map().
 */
void nvlink2_power_unmap(struct nvlink2 *nv, const void *map)
{
	down_write(&nv->lock);
	if (nv->power && nv->power->map == map) {
		nv->power->map = NULL;
		if (end(nv->power))
			nv->power = NULL;
	}
	up_write(&nv->lock);
}

/**
 * nvlink2_power_close() - drop all mappings of a device that is closed
 * @nv: its NVLink2 side
 *
 * The user's container may have the RAM mapped for DMA still. Then the
 * registration ends when it has not, at the latest with the container.
 *
 * Context: process context; sleeps.
 */
void nvlink2_power_close(struct nvlink2 *nv)
{
	struct nvlink2_power *power = nv->power;

	nv->power = NULL;
	if (!power || end(power))
		return;
	__module_get(THIS_MODULE);
	mutex_lock(&left_lock);
	list_add(&power->node, &left);
	schedule_delayed_work(&left_work, HZ);
	mutex_unlock(&left_lock);
}

/**
 * nvlink2_power_exit() - clean up when the module is unloaded
 */
void nvlink2_power_exit(void)
{
	cancel_delayed_work_sync(&left_work);
}
