// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration region (v1): the protocol of QEMU 5.2 to 7.2. A second front
 * end to the state machine and the migration files; what goes through the data
 * section is the same stream.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/vfio_pci_core.h>
#include <linux/vmalloc.h>

#include "load.h"
#include "mig_file.h"
#include "migration.h"
#include "migration_v1.h"
#include "save.h"
#include "v1_regs.h"

/**
 * struct mig_v1 - the region of an open device
 * @lock: one access at a time; outside mig_file.lock. User memory is touched
 *	under it, so no path that a page fault may need takes it
 * @mig: the migration state, which outlives the region
 * @data: the data section
 * @file: the session, while the state is PRE_COPY, STOP_COPY or RESUMING
 * @filled: the data section has what @size says, and the user has not asked for
 *	more
 * @size: bytes in the data section
 * @ended: the stream has been read to its end
 * @left: estimate of the bytes that follow in STOP_COPY
 */
struct mig_v1 {
	struct mutex lock;		/* outside mig_file.lock */
	struct vfio_pci_migration *mig;
	void *data;
	struct file *file;
	bool filled;
	size_t size;
	bool ended;
	unsigned long left;
};

static struct mig_file *session(struct mig_v1 *v1)
{
	return v1->file ? v1->file->private_data : NULL;
}

static void end_session(struct mig_v1 *v1)
{
	if (v1->file)
		fput(v1->file);
	v1->file = NULL;
	v1->filled = false;
	v1->size = 0;
	v1->ended = false;
}

static void begin_session(struct mig_v1 *v1, struct file *file)
{
	end_session(v1);
	v1->file = file;
}

static int write_state(struct mig_v1 *v1, u32 device_state)
{
	enum mig_user user = MIG_USER_V1;
	struct file *file;
	bool pre_copy;
	int state;

	lockdep_assert_held(&v1->lock);
	state = v1_to_state(device_state, &pre_copy);
	if (state < 0)
		return state;
	if (pre_copy && v1->mig->caps.precopy)
		state = VFIO_DEVICE_STATE_PRE_COPY;
	else if (pre_copy)
		user = MIG_USER_V1_PRE_COPY;
	file = mig_set_state(v1->mig, state, user);
	if (IS_ERR(file))
		return PTR_ERR(file);
	/* No file for a state that has one: the session goes on */
	if (file)
		begin_session(v1, file);
	else if (!mig_state_has_file(state))
		end_session(v1);
	if (state == VFIO_DEVICE_STATE_STOP_COPY &&
	    mig_data_size(v1->mig, &v1->left))
		v1->left = 0;
	return 0;
}

static u32 read_state(struct mig_v1 *v1)
{
	enum vfio_device_mig_state state;
	enum mig_user user;

	lockdep_assert_held(&v1->lock);
	mig_get_state(v1->mig, &state, &user);
	if (mig_state_is_precopy(state))
		return v1_from_state(VFIO_DEVICE_STATE_RUNNING, true);
	return v1_from_state(state, user == MIG_USER_V1_PRE_COPY);
}

static bool is_in(struct mig_v1 *v1, enum vfio_device_mig_state state)
{
	lockdep_assert_held(&v1->lock);
	return v1->file && mig_state(v1->mig) == state;
}

static bool is_saving(struct mig_v1 *v1)
{
	lockdep_assert_held(&v1->lock);
	return is_in(v1, VFIO_DEVICE_STATE_STOP_COPY) ||
	       is_in(v1, VFIO_DEVICE_STATE_PRE_COPY);
}

/*
 * Have the data section filled, so that its size is known when it is asked for
 */
static int fill_data(struct mig_v1 *v1)
{
	struct kvec kvec = { .iov_base = v1->data, .iov_len = V1_DATA_SIZE };
	struct iov_iter to;
	ssize_t n;

	lockdep_assert_held(&v1->lock);
	if (v1->filled || v1->ended)
		return 0;
	iov_iter_kvec(&to, READ, &kvec, 1, V1_DATA_SIZE);
	/* A short read is not the end: an error may follow */
	while (iov_iter_count(&to)) {
		n = mig_save_fill(session(v1), &to, false);
		if (n < 0 && n != -ENOMSG)
			return n;
		v1->ended = !n;
		if (n <= 0)
			break;
	}
	v1->size = V1_DATA_SIZE - iov_iter_count(&to);
	v1->filled = v1->size;
	v1->left -= min_t(unsigned long, v1->left, v1->size);
	return 0;
}

/* Pre-copy may have nothing to read for now, and more later */
static int precopy_pending(struct mig_v1 *v1, u64 *value)
{
	struct vfio_precopy_info info = {};
	int ret;

	lockdep_assert_held(&v1->lock);
	ret = mig_precopy_info(session(v1), &info);
	*value = info.initial_bytes + info.dirty_bytes;
	return ret;
}

/* By this read the user also releases the data section */
static int read_pending(struct mig_v1 *v1, u64 *value)
{
	lockdep_assert_held(&v1->lock);
	*value = 0;
	if (!is_saving(v1))
		return 0;
	v1->filled = false;
	v1->size = 0;
	if (is_in(v1, VFIO_DEVICE_STATE_PRE_COPY))
		return precopy_pending(v1, value);
	/* An estimate; zero is the one value that must be exact */
	if (!v1->ended)
		*value = max(v1->left, 1UL);
	return 0;
}

static int read_offset(struct mig_v1 *v1, u64 *value)
{
	lockdep_assert_held(&v1->lock);
	*value = V1_DATA_OFFSET;
	return is_saving(v1) ? fill_data(v1) : 0;
}

static int write_size(struct mig_v1 *v1, u64 size)
{
	struct kvec kvec = { .iov_base = v1->data, .iov_len = size };
	struct iov_iter from;
	ssize_t n;

	lockdep_assert_held(&v1->lock);
	if (size > V1_DATA_SIZE)
		return -EINVAL;
	if (!is_in(v1, VFIO_DEVICE_STATE_RESUMING))
		return -EPERM;
	iov_iter_kvec(&from, WRITE, &kvec, 1, size);
	n = mig_load_consume(session(v1), &from);
	return n < 0 ? n : 0;
}

static int read_register(struct mig_v1 *v1, int reg, u64 *value)
{
	lockdep_assert_held(&v1->lock);
	switch (reg) {
	case V1_STATE:
		*value = read_state(v1);
		return 0;
	case V1_PENDING:
		return read_pending(v1, value);
	case V1_OFFSET:
		return read_offset(v1, value);
	case V1_SIZE:
		*value = v1->size;
		return 0;
	default:
		*value = 0;
		return 0;
	}
}

static int write_register(struct mig_v1 *v1, int reg, u64 value)
{
	lockdep_assert_held(&v1->lock);
	switch (reg) {
	case V1_STATE:
		return write_state(v1, value);
	case V1_SIZE:
		return write_size(v1, value);
	default:
		return 0;
	}
}

static int register_from_user(struct mig_v1 *v1, int reg,
			      const char __user *buf, size_t width)
{
	u32 v32;
	u64 v64;

	/*
	 * Users access a struct vfio_device_migration_info: in the CPU's order
	 * of bytes
	 */
	if (copy_from_user(width == sizeof(v32) ? (void *)&v32 : (void *)&v64,
			   buf, width))
		return -EFAULT;
	return write_register(v1, reg, width == sizeof(v32) ? v32 : v64);
}

static int register_to_user(struct mig_v1 *v1, int reg, char __user *buf,
			    size_t width)
{
	u64 value;
	u32 v32;
	int ret;

	ret = read_register(v1, reg, &value);
	if (ret)
		return ret;
	v32 = value;
	return copy_to_user(buf, width == sizeof(v32) ? (void *)&v32 : (void *)&value, width) ?
	       -EFAULT : 0;
}

static int data_access(struct mig_v1 *v1, u64 pos, char __user *buf,
		       size_t count, bool write)
{
	void *data = v1->data + (pos - V1_DATA_OFFSET);

	lockdep_assert_held(&v1->lock);
	if (write)
		return copy_from_user(data, buf, count) ? -EFAULT : 0;
	return copy_to_user(buf, data, count) ? -EFAULT : 0;
}

static int access_locked(struct mig_v1 *v1, u64 pos, char __user *buf,
			 size_t count, bool write)
{
	int access;

	lockdep_assert_held(&v1->lock);
	access = v1_decode(pos, count, write);
	if (access < 0)
		return access;
	if (access == V1_DATA)
		return data_access(v1, pos, buf, count, write);
	if (write)
		return register_from_user(v1, access, buf, count);
	return register_to_user(v1, access, buf, count);
}

static ssize_t v1_rw(struct vfio_pci_core_device *core, char __user *buf,
		     size_t count, loff_t *ppos, bool write)
{
	unsigned int i = VFIO_PCI_OFFSET_TO_INDEX(*ppos) - VFIO_PCI_NUM_REGIONS;
	struct mig_v1 *v1 = core->region[i].data;
	int ret;

	ret = mutex_lock_interruptible(&v1->lock);
	if (ret)
		return ret;
	ret = access_locked(v1, *ppos & VFIO_PCI_OFFSET_MASK, buf, count,
			    write);
	mutex_unlock(&v1->lock);
	if (ret)
		return ret;
	*ppos += count;
	return count;
}

/* Below the region's index, 28 bits of the offset are left: in pages */
#define V1_PGOFF_MASK	((1UL << (VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)) - 1)

/* The pages outlive the region where they are mapped */
static int map_data(struct mig_v1 *v1, struct vm_area_struct *vma, u64 at)
{
	unsigned long addr;
	int ret = 0;

	if (at > V1_DATA_SIZE ||
	    vma->vm_end - vma->vm_start > V1_DATA_SIZE - at)
		return -EINVAL;
	for (addr = vma->vm_start; addr < vma->vm_end && !ret;
	     addr += PAGE_SIZE, at += PAGE_SIZE)
		ret = vm_insert_page(vma, addr, vmalloc_to_page(v1->data + at));
	return ret;
}

static int v1_mmap(struct vfio_pci_core_device *core,
		   struct vfio_pci_region *region, struct vm_area_struct *vma)
{
	unsigned long first = V1_DATA_OFFSET >> PAGE_SHIFT;
	unsigned long pgoff = vma->vm_pgoff & V1_PGOFF_MASK;
	struct mig_v1 *v1 = region->data;

	if (pgoff < first)
		return -EINVAL;
	return map_data(v1, vma, (pgoff - first) << PAGE_SHIFT);
}

/*
 * Static, since an allocation that fails before the core adds this capability
 * makes 6.12 lose those before it.
 */
static struct vfio_region_info_cap_sparse_mmap v1_sparse = {
	.header = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1 },
	.nr_areas = 1,
	.areas = { { .offset = V1_DATA_OFFSET, .size = V1_DATA_SIZE } },
};

static int v1_add_capability(struct vfio_pci_core_device *core,
			     struct vfio_pci_region *region,
			     struct vfio_info_cap *caps)
{
	return vfio_info_add_capability(caps, &v1_sparse.header,
					struct_size(&v1_sparse, areas, 1));
}

static void v1_free(struct mig_v1 *v1)
{
	end_session(v1);
	mig_put(v1->mig);
	vfree(v1->data);
	mutex_destroy(&v1->lock);
	kfree(v1);
}

static void v1_release(struct vfio_pci_core_device *core,
		       struct vfio_pci_region *region)
{
	v1_free(region->data);
}

static const struct vfio_pci_regops v1_regops = {
	.rw = v1_rw,
	.mmap = v1_mmap,
	.add_capability = v1_add_capability,
	.release = v1_release,
};

static struct mig_v1 *v1_alloc(struct vfio_pci_migration *mig)
{
	struct mig_v1 *v1 = kzalloc(sizeof(*v1), GFP_KERNEL_ACCOUNT);

	if (!v1)
		return NULL;
	/* vmalloc_user() would not charge the user's memory control group */
	v1->data = __vmalloc(V1_DATA_SIZE, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!v1->data) {
		kfree(v1);
		return NULL;
	}
	mutex_init(&v1->lock);
	mig_get(mig);
	v1->mig = mig;
	return v1;
}

/**
 * mig_v1_register() - add the migration region to a device that is being opened
 * @core: the device, enabled; it frees the region when it is closed
 * @mig: its migration state
 *
 * Return: 0 or -ENOMEM.
 */
int mig_v1_register(struct vfio_pci_core_device *core,
		    struct vfio_pci_migration *mig)
{
	struct mig_v1 *v1 = v1_alloc(mig);
	int ret;

	if (!v1)
		return -ENOMEM;
	ret = vfio_pci_core_register_dev_region(core, VFIO_REGION_TYPE_MIGRATION_DEPRECATED,
						VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED,
						&v1_regops, V1_REGION_SIZE,
						VFIO_REGION_INFO_FLAG_READ |
						VFIO_REGION_INFO_FLAG_WRITE |
						VFIO_REGION_INFO_FLAG_MMAP, v1);
	if (ret)
		v1_free(v1);
	return ret;
}
