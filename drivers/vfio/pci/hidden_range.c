// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration control that is in the function itself: a BAR, or a part of one,
 * that the engine hides from the function's user and gives to the vendor
 * driver.
 *
 * A user reaches BARs by read(), write() and mmap() of the device's file, by
 * VFIO_DEVICE_IOEVENTFD, and by dma-bufs, which vfio-pci-core exports only of
 * drivers with vfio_pci_device_ops: the engine has none. It learns of them by
 * region info and config space. Resets, interrupts and the ROM do not reach
 * them.
 *
 * Lock order, outermost first:
 *
 *	vfio_pci_migration.state_mutex		firmware operations
 *	vfio_pci_core_device.memory_lock	the user's resets and power
 *						states, Command register
 *	hidden_range.lock			resets by anyone
 *
 * The last two are held while the vendor driver has access, so it must not
 * touch user memory then: a page fault may need memory_lock, with mmap_lock
 * held.
 */
#include <linux/io.h>
#include <linux/mutex.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

#include "hidden_range.h"

/**
 * struct hidden_range - the hidden range of one device; lives as long as it
 * @core: the device
 * @bar: number of the BAR
 * @start: where the range begins in it
 * @end: where it ends
 * @size: of the BAR
 * @regs: the range, mapped
 * @lock: see the top of this file
 * @resetting: between reset_prepare and reset_done
 * @command: PCI Command register before hidden_begin(). Under memory_lock
 */
struct hidden_range {
	struct vfio_pci_core_device *core;
	unsigned int bar;
	u64 start;
	u64 end;
	u64 size;
	void __iomem *regs;
	struct mutex lock;		/* order: top of this file */
	bool resetting;
	u16 command;
};

static bool hides_bar(const struct hidden_range *ctl)
{
	return !ctl->start && ctl->end == ctl->size;
}

/* Bytes of the MSI-X table, or of its pending bits, which are in words of 64 */
static u64 msix_bytes(struct pci_dev *pdev, unsigned int reg)
{
	u64 vectors;
	u16 flags;

	pci_read_config_word(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, &flags);
	vectors = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;
	return reg == PCI_MSIX_TABLE ? vectors * PCI_MSIX_ENTRY_SIZE :
				       DIV_ROUND_UP(vectors, 64) * sizeof(u64);
}

/*
 * Does MSI-X have its table or its pending bits there? The user must see both
 */
static bool has_msix(const struct hidden_range *ctl, unsigned int reg)
{
	struct pci_dev *pdev = ctl->core->pdev;
	u32 at;

	if (!pdev->msix_cap)
		return false;
	pci_read_config_dword(pdev, pdev->msix_cap + reg, &at);
	if ((at & PCI_MSIX_TABLE_BIR) != ctl->bar)
		return false;
	at &= PCI_MSIX_TABLE_OFFSET;
	return at + msix_bytes(pdev, reg) > ctl->start && at < ctl->end;
}

static const char *what_is_wrong(const struct hidden_range *ctl,
				 const struct vfio_pci_hidden_range *where)
{
	if (!ctl->size ||
	    !(pci_resource_flags(ctl->core->pdev, where->bar) & IORESOURCE_MEM))
		return "the function has no such memory BAR";
	if (where->offset >= ctl->size ||
	    where->length > ctl->size - where->offset)
		return "it is not inside the BAR";
	if (!hides_bar(ctl) && !PAGE_ALIGNED(ctl->start | ctl->end))
		return "it shares a page of this kernel with registers that users map";
	if (has_msix(ctl, PCI_MSIX_TABLE) || has_msix(ctl, PCI_MSIX_PBA))
		return "it contains the MSI-X table or pending bits";
	return NULL;
}

static int locate(struct hidden_range *ctl,
		  const struct vfio_pci_hidden_range *where)
{
	struct pci_dev *pdev = ctl->core->pdev;
	const char *why = "there is no such BAR";

	if (where->bar < PCI_STD_NUM_BARS) {
		ctl->bar = where->bar;
		ctl->size = pci_resource_len(pdev, where->bar);
		ctl->start = where->offset;
		ctl->end = where->length ? where->offset + where->length :
					   ctl->size;
		why = what_is_wrong(ctl, where);
	}
	if (!why)
		return 0;
	pci_err(pdev, "the migration control at 0x%llx of BAR %u (0x%llx bytes) can't be hidden: %s (page size 0x%lx)\n",
		where->offset, where->bar, where->length, why, PAGE_SIZE);
	return -EINVAL;
}

/**
 * hidden_create() - map a function's control
 * @core: the device, which is not registered yet
 * @where: the vendor driver's description; not used after the return
 *
 * Return: the control; -EINVAL: @where can't be hidden, for the reason in the
 * log; -ENOMEM.
 */
struct hidden_range *hidden_create(struct vfio_pci_core_device *core,
				   const struct vfio_pci_hidden_range *where)
{
	struct hidden_range *ctl = kzalloc(sizeof(*ctl), GFP_KERNEL);
	int ret;

	if (!ctl)
		return ERR_PTR(-ENOMEM);
	ctl->core = core;
	ret = locate(ctl, where);
	if (ret)
		goto free;
	/*
	 * The core claims BARs at their first use, so as a whole: there is
	 * nothing to claim here
	 */
	ctl->regs = pci_iomap_range(core->pdev, ctl->bar, ctl->start,
				    ctl->end - ctl->start);
	if (!ctl->regs) {
		ret = -ENOMEM;
		goto free;
	}
	mutex_init(&ctl->lock);
	return ctl;

free:
	kfree(ctl);
	return ERR_PTR(ret);
}

/**
 * hidden_destroy() - undo hidden_create()
 * @ctl: the control, or NULL
 */
void hidden_destroy(struct hidden_range *ctl)
{
	if (!ctl)
		return;
	pci_iounmap(ctl->core->pdev, ctl->regs);
	mutex_destroy(&ctl->lock);
	kfree(ctl);
}

/**
 * hidden_reset_prepare() - block access to the hidden range during a reset
 * @ctl: the control
 *
 * Context: process context; maybe under memory_lock. Waits for an access that
 * has begun.
 */
void hidden_reset_prepare(struct hidden_range *ctl)
{
	mutex_lock(&ctl->lock);
	ctl->resetting = true;
	mutex_unlock(&ctl->lock);
}

/**
 * hidden_reset_done() - allow access again after a reset
 * @ctl: the control
 *
 * Context: as hidden_reset_prepare().
 */
void hidden_reset_done(struct hidden_range *ctl)
{
	mutex_lock(&ctl->lock);
	ctl->resetting = false;
	mutex_unlock(&ctl->lock);
}

static int reachable(struct hidden_range *ctl)
{
	struct pci_dev *pdev = ctl->core->pdev;

	if (pci_channel_offline(pdev))
		return -ENODEV;
	if (ctl->resetting)
		return -EBUSY;
	if (pdev->current_state != PCI_D3hot &&
	    pdev->current_state != PCI_D3cold)
		return 0;
	dev_err_ratelimited(&pdev->dev,
			    "the migration control can't be reached: the user has put the function in low power (%s)\n",
			    pci_power_name(pdev->current_state));
	return -EIO;
}

/*
 * The user may have disabled memory decoding. Enable it for this access,
 * invisible to holders of memory_lock. On a VF, which has no such bit, the
 * write has no effect.
 */
static void decode(struct hidden_range *ctl)
{
	struct pci_dev *pdev = ctl->core->pdev;

	pci_read_config_word(pdev, PCI_COMMAND, &ctl->command);
	if (!(ctl->command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND,
				      ctl->command | PCI_COMMAND_MEMORY);
}

/**
 * hidden_begin() - begin to access the hidden range of a function
 * @ctl: the control
 *
 * Return: see there.
 */
void __iomem *hidden_begin(struct hidden_range *ctl)
{
	struct device *dev = &ctl->core->pdev->dev;
	int ret;

	ret = pm_runtime_resume_and_get(dev);
	if (ret)
		return IOMEM_ERR_PTR(-EIO);
	down_write(&ctl->core->memory_lock);
	mutex_lock(&ctl->lock);
	ret = reachable(ctl);
	if (!ret) {
		decode(ctl);
		return ctl->regs;
	}
	mutex_unlock(&ctl->lock);
	up_write(&ctl->core->memory_lock);
	pm_runtime_put(dev);
	return IOMEM_ERR_PTR(ret);
}

/**
 * hidden_end() - undo hidden_begin()
 * @ctl: the control
 */
void hidden_end(struct hidden_range *ctl)
{
	struct pci_dev *pdev = ctl->core->pdev;

	if (!(ctl->command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, ctl->command);
	mutex_unlock(&ctl->lock);
	up_write(&ctl->core->memory_lock);
	pm_runtime_put(&pdev->dev);
}

/**
 * hidden_is_in() - check whether a region contains the hidden range
 * @ctl: the control
 * @index: number of the region
 *
 * Return: true if hidden_region_info() describes that region.
 */
bool hidden_is_in(const struct hidden_range *ctl, u32 index)
{
	return index == ctl->bar;
}

/* User space can map the rest of the BAR */
static int add_sparse(const struct hidden_range *ctl,
		      struct vfio_info_cap *caps)
{
	struct {
		struct vfio_region_info_cap_sparse_mmap cap;
		struct vfio_region_sparse_mmap_area areas[2];
	} sparse = {
		.cap.header = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP,
				.version = 1 },
	};
	unsigned int n = 0;

	if (ctl->start)
		sparse.areas[n++].size = ctl->start;
	if (ctl->end < ctl->size) {
		sparse.areas[n].offset = ctl->end;
		sparse.areas[n++].size = ctl->size - ctl->end;
	}
	sparse.cap.nr_areas = n;
	return vfio_info_add_capability(caps, &sparse.cap.header,
					struct_size(&sparse.cap, areas, n));
}

/* Without it users may not map the table, nor what shares its page */
static int add_msix_mappable(struct vfio_info_cap *caps)
{
	struct vfio_info_cap_header header = {
		.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .version = 1,
	};

	return vfio_info_add_capability(caps, &header, sizeof(header));
}

/**
 * hidden_region_info() - report the BAR's region without the hidden range
 * @ctl: the control
 * @info: of its region; size, offset and flags are set
 * @caps: to add capabilities to
 *
 * Return: 0 or -ENOMEM.
 */
int hidden_region_info(const struct hidden_range *ctl,
		       struct vfio_region_info *info,
		       struct vfio_info_cap *caps)
{
	int ret = 0;

	info->offset = VFIO_PCI_INDEX_TO_OFFSET(ctl->bar);
	info->size = 0;
	info->flags = 0;
	if (hides_bar(ctl))
		return 0;
	info->size = ctl->size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (!ctl->core->bar_mmap_supported[ctl->bar])
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	if (ctl->core->msix_bar == ctl->bar && ctl->core->pdev->msix_cap)
		ret = add_msix_mappable(caps);
	return ret ?: add_sparse(ctl, caps);
}

/*
 * Cut an access where the range begins or ends. Returns true if the rest of it
 * is inside
 */
static bool clip(const struct hidden_range *ctl, u64 pos, size_t *count)
{
	if (pos < ctl->start)
		*count = min_t(u64, *count, ctl->start - pos);
	else if (pos < ctl->end)
		*count = min_t(u64, *count, ctl->end - pos);
	return pos >= ctl->start && pos < ctl->end;
}

/* The BAR's registers in the user's config space, which it sees as reserved */
static int hide_bar(const struct hidden_range *ctl, char __user *buf, u64 pos,
		    size_t count)
{
	u64 bar = PCI_BASE_ADDRESS_0 + 4 * ctl->bar, from, to;
	bool wide = pci_resource_flags(ctl->core->pdev, ctl->bar) &
		    IORESOURCE_MEM_64;

	from = max(pos, bar);
	to = min_t(u64, pos + count, bar + (wide ? 8 : 4));
	if (from >= to)
		return 0;
	return clear_user(buf + (from - pos), to - from) ? -EFAULT : 0;
}

/**
 * hidden_read() - &vfio_device_ops.read
 * @ctl: the control
 * @buf: user memory
 * @count: bytes
 * @ppos: offset in the device's file
 *
 * The range reads as zero, as do the registers of a BAR that is hidden as a
 * whole.
 *
 * Return: bytes that were read, which may be fewer: up to where the range
 * begins or ends; -EINVAL: the BAR is hidden as a whole; -EFAULT; others from
 * the core.
 */
ssize_t hidden_read(const struct hidden_range *ctl, char __user *buf,
		    size_t count, loff_t *ppos)
{
	unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	ssize_t ret;

	if (index == ctl->bar) {
		if (hides_bar(ctl))
			return -EINVAL;
		if (clip(ctl, pos, &count)) {
			if (clear_user(buf, count))
				return -EFAULT;
			*ppos += count;
			return count;
		}
	}
	ret = vfio_pci_core_read(&ctl->core->vdev, buf, count, ppos);
	/* For a moment the register had the user's value, or the BAR's size */
	if (ret > 0 && index == VFIO_PCI_CONFIG_REGION_INDEX &&
	    hides_bar(ctl) && hide_bar(ctl, buf, pos, ret))
		return -EFAULT;
	return ret;
}

/**
 * hidden_write() - &vfio_device_ops.write
 * @ctl: the control
 * @buf: user memory
 * @count: bytes
 * @ppos: offset in the device's file
 *
 * What is written to the range is ignored.
 *
 * Return: as hidden_read().
 */
ssize_t hidden_write(const struct hidden_range *ctl, const char __user *buf,
		     size_t count, loff_t *ppos)
{
	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) == ctl->bar) {
		if (hides_bar(ctl))
			return -EINVAL;
		if (clip(ctl, *ppos & VFIO_PCI_OFFSET_MASK, &count)) {
			*ppos += count;
			return count;
		}
	}
	return vfio_pci_core_write(&ctl->core->vdev, buf, count, ppos);
}

/*
 * -EINVAL: the user has no such BAR; -EACCES: a byte of it is in the range;
 * else 0
 */
static int may_map(const struct hidden_range *ctl, u32 index, u64 pos,
		   u64 length)
{
	if (index != ctl->bar)
		return 0;
	if (hides_bar(ctl))
		return -EINVAL;
	return pos < ctl->end && pos + length > ctl->start ? -EACCES : 0;
}

/**
 * hidden_mmap() - check that a user's mapping does not touch the hidden range
 * @ctl: the control
 * @vma: the mapping
 *
 * Return: 0: vfio-pci-core decides; -EINVAL: the BAR is hidden as a whole;
 * -EACCES, with a line in the log: a part of it is the range.
 */
int hidden_mmap(const struct hidden_range *ctl, struct vm_area_struct *vma)
{
	u64 at = (u64)vma->vm_pgoff << PAGE_SHIFT;
	int ret =
		may_map(ctl, VFIO_PCI_OFFSET_TO_INDEX(at),
			at & VFIO_PCI_OFFSET_MASK, vma->vm_end - vma->vm_start);

	if (ret == -EACCES)
		dev_err_ratelimited(&ctl->core->pdev->dev,
				    "mmap of BAR %u refused: 0x%llx to 0x%llx of it is the migration control, see the region's sparse mmap capability\n",
				    ctl->bar, ctl->start, ctl->end - 1);
	return ret;
}

/**
 * hidden_dma_buf() - may the user have this range in a dma-buf, for other
 *	devices?
 * @ctl: the control
 * @index: the BAR
 * @pos: bytes from its beginning
 * @length: bytes, all of them in the BAR
 *
 * Return: 0; -EINVAL: the BAR is hidden as a whole; -EACCES, with a line in the
 * log: a part of it is the range.
 */
int hidden_dma_buf(const struct hidden_range *ctl, u32 index, u64 pos,
		   u64 length)
{
	int ret = may_map(ctl, index, pos, length);

	if (ret == -EACCES)
		dev_err_ratelimited(&ctl->core->pdev->dev,
				    "dma-buf of BAR %u refused: 0x%llx to 0x%llx of it is the migration control, see the region's sparse mmap capability\n",
				    ctl->bar, ctl->start, ctl->end - 1);
	return ret;
}

/**
 * hidden_ioeventfd() - handle VFIO_DEVICE_IOEVENTFD of a function with a hidden
 *	range
 * @ctl: the control
 *
 * Refused for the whole function: the core reads its argument again, and
 * another thread of the user could have changed the address.
 *
 * Return: -EOPNOTSUPP, with a line in the log.
 */
int hidden_ioeventfd(const struct hidden_range *ctl)
{
	dev_err_ratelimited(&ctl->core->pdev->dev,
			    "VFIO_DEVICE_IOEVENTFD refused: it could reach the migration control in BAR %u\n",
			    ctl->bar);
	return -EOPNOTSUPP;
}
