// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a GPU's RAM or a bridge's ATSD registers may be accessed; and read() and
 * write() of them. Each call maps what it touches and no more: a mapping of all
 * RAM would let the CPU prefetch from it behind a link that is down.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/pm_runtime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "nvlink2.h"
#include "desc.h"

/* The most that is copied at a time under the locks */
#define COPY_MAX	(64 * 1024)
#define POLL_MS		5

static bool is_ready(struct nvlink2 *nv)
{
	u32 status;

	if (!nv->src.ready_at)
		return true;
	/* All ones: it does not answer */
	return !pci_read_config_dword(nv->core->pdev, nv->src.ready_at,
				      &status) &&
	       status != U32_MAX && status & NVLINK2_DVSEC_STATUS_READY;
}

/*
 * Under the locks: 0, -EBUSY: a reset is under way, -EAGAIN: not ready, -EIO:
 * low power
 */
static int state(struct nvlink2 *nv)
{
	if (nv->core->pm_runtime_engaged)
		return -EIO;
	if (nv->resetting)
		return -EBUSY;
	if (!READ_ONCE(nv->recheck))
		return 0;
	if (!is_ready(nv))
		return -EAGAIN;
	/*
	 * Readers of the lock may race here with equal results; a reset holds
	 * it for writing
	 */
	WRITE_ONCE(nv->recheck, false);
	return 0;
}

static int try_begin(struct nvlink2 *nv)
{
	int ret;

	down_read(&nv->core->memory_lock);
	down_read(&nv->lock);
	ret = state(nv);
	if (ret)
		nvlink2_end(nv);
	return ret;
}

static void complain(struct nvlink2 *nv)
{
	if (READ_ONCE(nv->complained))
		return;
	WRITE_ONCE(nv->complained, true);
	pci_err(nv->core->pdev,
		"the GPU's RAM does not answer %u ms after a reset; accesses fail until it does\n",
		nv->src.desc.ready_ms);
}

/**
 * nvlink2_begin() - begin to touch the region's memory
 * @nv: NVLink2 side of an open device
 *
 * Waits until a reset is over, and as long as the device may take until it is
 * ready again.
 *
 * Context: process context, also in page faults; sleeps. On success memory_lock
 * and nvlink2.lock are held until nvlink2_end(), and no user memory may be
 * touched.
 * Return: 0; -EIO: the device is in low power, or not ready in time; -EINTR:
 * the process is to end.
 */
int nvlink2_begin(struct nvlink2 *nv)
{
	unsigned long until = 0;
	int ret;

	while ((ret = try_begin(nv))) {
		if (ret == -EIO)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		/*
		 * A reset is bounded by the PCI core; the device's own time
		 * begins after it
		 */
		if (ret == -EBUSY || !until)
			until = jiffies +
				msecs_to_jiffies(nv->src.desc.ready_ms);
		if (ret == -EAGAIN && time_after_eq(jiffies, until)) {
			complain(nv);
			return -EIO;
		}
		msleep(POLL_MS);
	}
	return 0;
}

/**
 * nvlink2_end() - end an access that nvlink2_begin() has allowed
 * @nv: NVLink2 side of an open device
 */
void nvlink2_end(struct nvlink2 *nv)
{
	up_read(&nv->lock);
	up_read(&nv->core->memory_lock);
}

static int copy_cached(u64 at, void *data, size_t n, bool write)
{
	void *ram = memremap(at, n, MEMREMAP_WB);

	if (!ram)
		return -ENOMEM;
	if (write)
		memcpy(ram, data, n);
	else
		memcpy(data, ram, n);
	memunmap(ram);
	return 0;
}

static int copy_uncached(u64 at, void *data, size_t n, bool wc, bool write)
{
	void __iomem *ram = wc ? ioremap_wc(at, n) : ioremap(at, n);

	if (!ram)
		return -ENOMEM;
	if (write)
		memcpy_toio(ram, data, n);
	else
		memcpy_fromio(data, ram, n);
	iounmap(ram);
	return 0;
}

/*
 * One access, as wide as the user's: it is a register. Bytes stay in their
 * order
 */
static int access_atsd(u64 at, void *data, size_t n, bool write)
{
	void __iomem *reg = ioremap(at, n);

	if (!reg)
		return -ENOMEM;
	if (write && n == sizeof(u64))
		writeq(le64_to_cpup(data), reg);
	else if (write)
		writel(le32_to_cpup(data), reg);
	else if (n == sizeof(u64))
		*(__le64 *)data = cpu_to_le64(readq(reg));
	else
		*(__le32 *)data = cpu_to_le32(readl(reg));
	iounmap(reg);
	return 0;
}

static int access_locked(struct nvlink2 *nv, u64 pos, void *data, size_t n,
			 bool write)
{
	u64 at = nv->base + pos;

	if (nv->src.desc.role == VFIO_PCI_NVLINK2_LINK)
		return access_atsd(at, data, n, write);
	if (nv->src.desc.cache == VFIO_PCI_NVLINK2_WB)
		return copy_cached(at, data, n, write);
	return copy_uncached(at, data, n,
			     nv->src.desc.cache == VFIO_PCI_NVLINK2_WC, write);
}

static int copy_piece(struct nvlink2 *nv, u64 pos, char __user *buf, void *data,
		      size_t n, bool write)
{
	int ret;

	if (write && copy_from_user(data, buf, n))
		return -EFAULT;
	ret = nvlink2_begin(nv);
	if (ret)
		return ret;
	ret = access_locked(nv, pos, data, n, write);
	nvlink2_end(nv);
	if (!ret && !write && copy_to_user(buf, data, n))
		ret = -EFAULT;
	return ret;
}

static ssize_t copy_all(struct nvlink2 *nv, u64 pos, char __user *buf,
			size_t count, bool write)
{
	size_t room = min_t(size_t, count, COPY_MAX), done = 0;
	void *data = kvmalloc(room, GFP_KERNEL_ACCOUNT);
	int ret = 0;

	if (!data)
		return -ENOMEM;
	while (!ret && done < count) {
		size_t n = min(count - done, room);

		ret = copy_piece(nv, pos + done, buf + done, data, n, write);
		if (!ret)
			done += n;
	}
	kvfree(data);
	return done ?: ret;
}

static ssize_t rw_awake(struct nvlink2 *nv, char __user *buf, size_t count,
			u64 pos, bool write)
{
	u64 clipped;
	int ret;

	ret = nvlink2_clip(pos, count, nv->size, &clipped);
	if (ret)
		return ret;
	if (nv->src.desc.role == VFIO_PCI_NVLINK2_LINK &&
	    !nvlink2_atsd_access(pos, clipped))
		return -EINVAL;
	return clipped ? copy_all(nv, pos, buf, clipped, write) : 0;
}

/**
 * nvlink2_rw() - &vfio_pci_regops.rw
 * @core: the device
 * @buf: user memory
 * @count: bytes
 * @ppos: offset in the device's file
 * @write: it is a write()
 *
 * Return: bytes that were copied; -EINVAL: not in the region, or ATSD registers
 * by parts; -EIO, -EINTR: see nvlink2_begin(); -EFAULT; -ENOMEM.
 */
ssize_t nvlink2_rw(struct vfio_pci_core_device *core, char __user *buf,
		   size_t count, loff_t *ppos, bool write)
{
	unsigned int i = VFIO_PCI_OFFSET_TO_INDEX(*ppos) - VFIO_PCI_NUM_REGIONS;
	struct device *dev = &core->pdev->dev;
	ssize_t ret;

	ret = pm_runtime_resume_and_get(dev);
	if (ret)
		return -EIO;
	ret = rw_awake(core->region[i].data, buf, count,
		       *ppos & VFIO_PCI_OFFSET_MASK, write);
	pm_runtime_put(dev);
	if (ret > 0)
		*ppos += ret;
	return ret;
}
