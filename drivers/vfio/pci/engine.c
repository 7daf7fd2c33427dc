// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vfio_device of a PCI function: vfio-pci-core's, and beside it migration,
 * memory behind NVLink2, and what is hidden from the user.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/modules_version.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/vfio_pci_core.h>

#include "compat.h"
#include "hidden_range.h"
#include "debugfs.h"
#include "driver_pm.h"
#include "migration.h"
#include "migration_v1.h"
#include "nvlink2/engine.h"
#include "watch.h"

/*
 * The recovery of a link takes a second and less (PCIe 6.0, 6.6.1: 1 s until a
 * function answers)
 */
#define RESET_WAIT_MS	5000
#define RESET_STEP_MS	20

/**
 * struct vfio_pci_engine_device - one function's vfio_device
 * @core: must be first: 6.1's vfio_pci_core_release_dev() frees the device by
 *	it
 * @owner: module with the firmware operations
 * @fn: the function, as the vendor driver knows it
 * @use_ops: called for open and close, or NULL
 * @alias: second name for user space, or NULL
 * @mig: migration, or NULL
 * @hidden_range: migration control in the function, or NULL
 * @nvlink2: GPU RAM or ATSD registers, or NULL
 * @debugfs: for mig_debugfs_remove()
 * @watched: resets of the PF come without notice
 * @watch: detects them
 * @no_bus_reset: a quirk of the kernel already keeps the function from bus
 *	resets
 */
struct vfio_pci_engine_device {
	struct vfio_pci_core_device core;
	struct module *owner;
	struct vfio_pci_fn *fn;
	const struct vfio_pci_use_ops *use_ops;
	char *alias;
	struct vfio_pci_migration *mig;
	struct hidden_range *hidden_range;
	struct nvlink2 *nvlink2;
	struct dentry *debugfs;
	bool watched;
	struct watch watch;
	bool no_bus_reset;
};

/*
 * Including devices that are unregistered but still have a reference: VFIO's
 * character device drops a user's reference after close_device().
 */
static atomic_t nr_devices = ATOMIC_INIT(0);

static struct vfio_pci_engine_device *to_edev(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_pci_engine_device, core.vdev);
}

static int engine_init(struct vfio_device *vdev)
{
	return vfio_pci_core_init_dev(vdev);
}

static void engine_release(struct vfio_device *vdev)
{
	struct vfio_pci_engine_device *edev = to_edev(vdev);

	mig_put(edev->mig);
	nvlink2_destroy(edev->nvlink2);
	hidden_destroy(edev->hidden_range);
	kfree(edev->alias);
	/* On 6.1 @edev is gone after this */
	vfio_pci_core_release_dev(vdev);
	if (atomic_dec_and_test(&nr_devices))
		wake_up_var(&nr_devices);
}

static int use_open(struct vfio_pci_engine_device *edev, u32 *setup)
{
	*setup = 0;
	return edev->use_ops ? edev->use_ops->open(edev->fn, setup) : 0;
}

static void use_close(struct vfio_pci_engine_device *edev)
{
	if (edev->use_ops)
		edev->use_ops->close(edev->fn);
}

/*
 * If an FLR of a VF fails, the PCI core resets the hotplug slot that the VF is
 * in: the PF, and all other VFs under their users. The flag keeps it from that.
 * It is set only while the VF is reset: error recovery, which resets a slot on
 * purpose, looks at it, too.
 */
static void spare_slot(struct vfio_pci_engine_device *edev, bool spare)
{
	struct pci_dev *pdev = edev->core.pdev;

	if (!pdev->is_virtfn || edev->no_bus_reset)
		return;
	if (spare)
		pdev->dev_flags |= PCI_DEV_FLAGS_NO_BUS_RESET;
	else
		pdev->dev_flags &= ~PCI_DEV_FLAGS_NO_BUS_RESET;
}

/* VFs only: others are absent in D3cold, too, from which the core wakes them */
static bool is_absent(struct pci_dev *vf)
{
	u32 command;

	if (!vf->is_virtfn || pci_channel_offline(vf))
		return false;
	pci_read_config_dword(vf, PCI_COMMAND, &command);
	return PCI_POSSIBLE_ERROR(command);
}

/*
 * VFs are absent while their PF is reset. Newer kernels (7.3) reset no function
 * that is absent; older ones wait for it.
 */
static void wait_until_present(struct pci_dev *pdev, unsigned long end)
{
	while (is_absent(pdev) && time_before(jiffies, end)) {
		if (msleep_interruptible(RESET_STEP_MS))
			return;
	}
}

static int engine_open(struct vfio_device *vdev)
{
	struct vfio_pci_engine_device *edev = to_edev(vdev);
	u32 setup;
	int ret;

	/*
	 * vfio pins the function's driver, but not the module with the firmware
	 * operations
	 */
	if (!try_module_get(edev->owner))
		return -ENODEV;
	ret = use_open(edev, &setup);
	if (ret)
		goto put_owner;
	/* The core resets it, and takes a failure for a device without reset */
	wait_until_present(edev->core.pdev,
			   jiffies + msecs_to_jiffies(RESET_WAIT_MS));
	ret = vfio_pci_core_enable(&edev->core);
	if (ret)
		goto put;
	if (edev->mig) {
		mig_open(edev->mig, setup, edev->core.reset_works);
		ret = mig_v1_register(&edev->core, edev->mig);
		if (ret)
			goto disable;
	}
	if (edev->nvlink2) {
		ret = nvlink2_open(edev->nvlink2);
		if (ret)
			goto disable;
	}
	vfio_pci_core_finish_enable(&edev->core);
	if (edev->watched)
		watch_begin(&edev->watch);
	return 0;

disable:
	spare_slot(edev, true);
	vfio_pci_core_disable(&edev->core);
	spare_slot(edev, false);
put:
	use_close(edev);
put_owner:
	module_put(edev->owner);
	return ret;
}

static void engine_close(struct vfio_device *vdev)
{
	struct vfio_pci_engine_device *edev = to_edev(vdev);

	if (edev->watched)
		watch_end(&edev->watch);
	if (edev->mig)
		mig_close(edev->mig);
	/* This resets the function without a call of engine_reset_prepare() */
	spare_slot(edev, true);
	vfio_pci_core_close_device(vdev);
	spare_slot(edev, false);
	/*
	 * The next open resets the function once more, and checks that it
	 * answers
	 */
	if (edev->mig)
		mig_closed(edev->mig, !edev->core.needs_reset);
	use_close(edev);
	module_put(edev->owner);
}

/*
 * The alias stands for the PCI address: replace it, keep options such as
 * vf_token=UUID
 */
static int engine_match(struct vfio_device *vdev, char *buf)
{
	struct vfio_pci_engine_device *edev = to_edev(vdev);
	size_t n = edev->alias ? strlen(edev->alias) : 0;
	char *name;
	int ret;

	if (!n || strncasecmp(buf, edev->alias, n) || (buf[n] && buf[n] != ' '))
		return vfio_pci_core_match(vdev, buf);

	name = kasprintf(GFP_KERNEL, "%s%s", pci_name(edev->core.pdev), buf + n);
	if (!name)
		return -ENOMEM;
	ret = vfio_pci_core_match(vdev, name);
	kfree(name);
	return ret;
}

static int answer_data_size(struct vfio_device *vdev, u32 flags,
			    void __user *arg, size_t argsz)
{
	struct vfio_device_feature_mig_data_size size = {};
	unsigned long bytes;
	int ret;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(size));
	if (ret != 1)
		return ret;
	ret = mig_data_size(to_edev(vdev)->mig, &bytes);
	if (ret)
		return ret;
	size.stop_copy_length = bytes;
	return copy_to_user(arg, &size, sizeof(size)) ? -EFAULT : 0;
}

static bool is_low_power(u32 flags)
{
	u32 feature = flags & VFIO_DEVICE_FEATURE_MASK;

	return feature == VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY ||
	       feature == VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP;
}

static int engine_feature(struct vfio_device *vdev, u32 flags, void __user *arg,
			  size_t argsz)
{
	struct nvlink2 *nv = to_edev(vdev)->nvlink2;
	int ret;

	if (COMPAT_ANSWER_MIG_DATA_SIZE && to_edev(vdev)->mig &&
	    (flags & VFIO_DEVICE_FEATURE_MASK) == VFIO_DEVICE_FEATURE_MIG_DATA_SIZE)
		return answer_data_size(vdev, flags, arg, argsz);
	ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);
	if (!ret && nv && is_low_power(flags))
		nvlink2_low_power(nv);
	return ret;
}

static ssize_t engine_read(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos)
{
	struct hidden_range *ctl = to_edev(vdev)->hidden_range;

	return ctl ? hidden_read(ctl, buf, count, ppos) :
		     vfio_pci_core_read(vdev, buf, count, ppos);
}

static ssize_t engine_write(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	struct hidden_range *ctl = to_edev(vdev)->hidden_range;

	return ctl ? hidden_write(ctl, buf, count, ppos) :
		     vfio_pci_core_write(vdev, buf, count, ppos);
}

static int engine_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct hidden_range *ctl = to_edev(vdev)->hidden_range;

	return (ctl ? hidden_mmap(ctl, vma) : 0) ?: vfio_pci_core_mmap(vdev, vma);
}

/*
 * For a dma-buf of a BAR, which other devices map. The core makes and revokes
 * it, and takes @phys only if this succeeds.
 */
static int engine_dmabuf_phys(struct vfio_pci_core_device *core,
			      struct p2pdma_provider **provider,
			      unsigned int index, struct phys_vec *phys,
			      struct vfio_region_dma_range *ranges,
			      size_t nr_ranges)
{
	const struct hidden_range *ctl = to_edev(&core->vdev)->hidden_range;
	/*
	 * The core checks that all ranges are in the BAR, so their ends below
	 * can't overflow
	 */
	int ret = vfio_pci_core_get_dmabuf_phys(core, provider, index, phys,
						ranges, nr_ranges);
	size_t i;

	for (i = 0; ctl && !ret && i < nr_ranges; i++)
		ret = hidden_dma_buf(ctl, index, ranges[i].offset,
				     ranges[i].length);
	return ret;
}

static const struct vfio_pci_device_ops engine_pci_ops = {
	.get_dmabuf_phys = engine_dmabuf_phys,
};

static int engine_region_info(struct vfio_device *vdev,
			      struct vfio_region_info *info,
			      struct vfio_info_cap *caps)
{
	struct hidden_range *ctl = to_edev(vdev)->hidden_range;

	if (ctl && hidden_is_in(ctl, info->index))
		return hidden_region_info(ctl, info, caps);
	return compat_core_region_info(vdev, info, caps);
}

/*
 * The PCI core tells of the end of a reset, not whether it was one: only its
 * caller gets to know
 */
static long reset_by_core(struct vfio_device *vdev, unsigned int cmd,
			  unsigned long arg)
{
	struct vfio_pci_migration *mig = to_edev(vdev)->mig;
	int before = mig ? mig_resets(mig) : 0;
	long ret = vfio_pci_core_ioctl(vdev, cmd, arg);

	/*
	 * EAGAIN: another reset has the function, and the reset that was seen
	 * is that one
	 */
	if (ret && ret != -EAGAIN && mig && mig_resets(mig) != before)
		mig_reset_failed(mig);
	return ret;
}

/*
 * vfio-pci-core gives up at once if another reset or the recovery of the link
 * has the function. QEMU ends a guest whose device it can't reset, so try again
 * for a while. The attempts must end: removal of the function waits until its
 * user has closed it.
 */
static long engine_reset(struct vfio_device *vdev, unsigned long arg)
{
	unsigned long end = jiffies + msecs_to_jiffies(RESET_WAIT_MS);
	long ret;

	for (;;) {
		wait_until_present(to_edev(vdev)->core.pdev, end);
		ret = reset_by_core(vdev, VFIO_DEVICE_RESET, arg);
		if (ret != -EAGAIN || time_after(jiffies, end) ||
		    msleep_interruptible(RESET_STEP_MS))
			return ret;
	}
}

static long engine_ioctl(struct vfio_device *vdev, unsigned int cmd,
			 unsigned long arg)
{
	struct hidden_range *ctl = to_edev(vdev)->hidden_range;
	long ret = -ENOTTY;

	if (cmd == VFIO_DEVICE_RESET)
		return engine_reset(vdev, arg);
	if (cmd == VFIO_DEVICE_PCI_HOT_RESET)
		return reset_by_core(vdev, cmd, arg);
	if (ctl && cmd == VFIO_DEVICE_IOEVENTFD)
		return hidden_ioeventfd(ctl);
	if (COMPAT_REGION_INFO_IOCTL && ctl &&
	    cmd == VFIO_DEVICE_GET_REGION_INFO)
		ret = compat_region_info_ioctl(vdev, (void __user *)arg,
					       engine_region_info);
	return ret == -ENOTTY ? vfio_pci_core_ioctl(vdev, cmd, arg) : ret;
}

static const struct vfio_device_ops engine_ops = {
	.name = "vfio-pci-engine",
	.init = engine_init,
	.release = engine_release,
	.open_device = engine_open,
	.close_device = engine_close,
	.read = engine_read,
	.write = engine_write,
	.ioctl = engine_ioctl,
	.mmap = engine_mmap,
	.request = vfio_pci_core_request,
	.match = engine_match,
	.device_feature = engine_feature,
	COMPAT_IOMMUFD_OPS
	COMPAT_REGION_INFO_OPS(engine_region_info)
};

static struct file *engine_set_state(struct vfio_device *vdev,
				     enum vfio_device_mig_state state)
{
	if (!compat_is_v2_state(state))
		return ERR_PTR(-EINVAL);
	return mig_set_state(to_edev(vdev)->mig, state, MIG_USER_V2);
}

static int engine_get_state(struct vfio_device *vdev,
			    enum vfio_device_mig_state *state)
{
	enum mig_user user;

	mig_get_state(to_edev(vdev)->mig, state, &user);
	/*
	 * The migration region has states that this kernel's v2 does not have
	 */
	if (!compat_is_v2_state(*state))
		*state = VFIO_DEVICE_STATE_RUNNING;
	return 0;
}

static int __maybe_unused engine_data_size(struct vfio_device *vdev,
					   unsigned long *bytes)
{
	return mig_data_size(to_edev(vdev)->mig, bytes);
}

static const struct vfio_migration_ops engine_mig_ops = {
	.migration_set_state = engine_set_state,
	.migration_get_state = engine_get_state,
	COMPAT_MIG_OP_DATA_SIZE(engine_data_size)
};

static int engine_log_start(struct vfio_device *vdev,
			    struct rb_root_cached *ranges, u32 nnodes,
			    u64 *page_size)
{
	return mig_log_start(to_edev(vdev)->mig, ranges, nnodes, page_size);
}

static int engine_log_stop(struct vfio_device *vdev)
{
	return mig_log_stop(to_edev(vdev)->mig);
}

static int engine_log_report(struct vfio_device *vdev, unsigned long iova,
			     unsigned long length, struct iova_bitmap *dirty)
{
	return mig_log_report(to_edev(vdev)->mig, iova, length, dirty);
}

static const struct vfio_log_ops engine_log_ops = {
	.log_start = engine_log_start,
	.log_stop = engine_log_stop,
	.log_read_and_clear = engine_log_report,
};

/*
 * Report a fatal error: the uapi has nothing but the user's error interrupt for
 * this
 */
static void lost_by_reset(struct vfio_pci_core_device *core)
{
	vfio_pci_engine_error(to_edev(&core->vdev),
			      "the function has lost its state without a reset by its user, such as in a reset of its PF: restart its guest");
	vfio_pci_core_aer_err_detected(core->pdev, pci_channel_io_frozen);
}

static int set_up(struct vfio_pci_engine_device *edev,
		  const struct vfio_pci_engine_desc *desc)
{
	struct vfio_device *vdev = &edev->core.vdev;
	struct vfio_pci_migration *mig;

	edev->owner = desc->owner;
	edev->fn = desc->fn;
	edev->no_bus_reset =
		desc->fn->pdev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET;
	edev->use_ops = desc->use_ops;
	edev->watched = desc->watch;
	watch_init(&edev->watch, &edev->core, lost_by_reset);
	compat_set_pci_ops(&edev->core, &engine_pci_ops);
	if (desc->alias) {
		edev->alias = kstrdup(desc->alias, GFP_KERNEL);
		if (!edev->alias)
			return -ENOMEM;
	}
	if (desc->hidden_range) {
		struct hidden_range *ctl =
			hidden_create(&edev->core, desc->hidden_range);

		if (IS_ERR(ctl))
			return PTR_ERR(ctl);
		edev->hidden_range = ctl;
	}
	if (desc->nvlink2) {
		struct nvlink2 *nv =
			nvlink2_create(&edev->core, desc->fn, desc->nvlink2);

		if (IS_ERR(nv))
			return PTR_ERR(nv);
		edev->nvlink2 = nv;
	}
	if (!desc->mig_ops)
		return 0;
	if (!vfio_pci_engine_can_reset(desc->fn->pdev)) {
		pci_warn(desc->fn->pdev, "can't be migrated: it has no way to be reset, see its reset_method\n");
		return 0;
	}

	mig = mig_create(desc, vdev);
	if (!mig)
		return -ENOMEM;
	edev->mig = mig;
	vdev->mig_ops = &engine_mig_ops;
	vdev->migration_flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P;
	if (mig->caps.precopy)
		vdev->migration_flags |= COMPAT_PRE_COPY_FLAG;
	if (mig->log.ops)
		vdev->log_ops = &engine_log_ops;
	return 0;
}

struct vfio_pci_engine_device *
__vfio_pci_engine_register(const struct vfio_pci_engine_desc *desc,
			   u32 interface, const char *module)
{
	struct vfio_pci_engine_device *edev;
	struct pci_dev *pdev;
	const char *why;
	int ret;

	if (interface != VFIO_PCI_ENGINE_INTERFACE) {
		pr_err("vfio-pci-engine: module %s is built against interface %u, this engine has %u; build it again with the headers of this one\n",
		       module, interface, VFIO_PCI_ENGINE_INTERFACE);
		return ERR_PTR(-ENOEXEC);
	}
	pdev = desc->fn->pdev;
	why = vfio_pci_engine_validate(desc);
	vfio_pci_engine_assert_locked(&pdev->dev);
	if (why) {
		pci_err(pdev, "can't be a VFIO device: its description %s\n", why);
		return ERR_PTR(-EINVAL);
	}
	edev = vfio_alloc_device(vfio_pci_engine_device, core.vdev, &pdev->dev,
				 &engine_ops);
	if (IS_ERR(edev))
		return edev;
	atomic_inc(&nr_devices);

	ret = set_up(edev, desc);
	if (ret)
		goto put;

	pci_set_drvdata(pdev, &edev->core);
	ret = desc->keep_driver_pm ? driver_pm_register(&edev->core) :
			   vfio_pci_core_register_device(&edev->core);
	if (ret)
		goto clear;
	if (edev->mig)
		edev->debugfs = mig_debugfs_add(&edev->core.vdev, edev->mig);
	return edev;

clear:
	pci_set_drvdata(pdev, NULL);
put:
	vfio_put_device(&edev->core.vdev);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(__vfio_pci_engine_register);

void vfio_pci_engine_unregister(struct vfio_pci_engine_device *edev)
{
	struct pci_dev *pdev = edev->core.pdev;

	vfio_pci_engine_assert_locked(&pdev->dev);
	mig_debugfs_remove(edev->debugfs);
	vfio_pci_core_unregister_device(&edev->core);
	mig_gone(edev->mig);
	/* Runtime PM and AER use the driver data until here */
	pci_set_drvdata(pdev, NULL);
	vfio_put_device(&edev->core.vdev);
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_unregister);

struct vfio_pci_engine_device *vfio_pci_engine_of(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = pci_get_drvdata(pdev);

	return container_of(core, struct vfio_pci_engine_device, core);
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_of);

void vfio_pci_engine_set_upstream(struct vfio_pci_engine_device *edev,
				  bool upstream)
{
	if (!edev->mig || WARN_ON_ONCE(upstream && !edev->mig->caps.upstream))
		return;
	mig_lock(edev->mig);
	edev->mig->upstream = upstream;
	mig_unlock(edev->mig);
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_set_upstream);

struct device *vfio_pci_engine_dev(struct vfio_pci_engine_device *edev)
{
	return &edev->core.vdev.device;
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_dev);

const char *vfio_pci_engine_state(struct vfio_pci_engine_device *edev)
{
	return edev->mig ? mig_state_name(mig_state(edev->mig)) : "none";
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_state);

void vfio_pci_engine_count(struct vfio_pci_engine_device *edev,
			   struct vfio_pci_engine_counters *count)
{
	struct mig_stats stats;

	*count = (struct vfio_pci_engine_counters) {};
	if (!edev->mig)
		return;
	mig_stats_read(&edev->mig->stats, &stats);
	*count = stats.count;
	count->resets = (unsigned int)mig_resets(edev->mig);
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_count);

void vfio_pci_engine_error(struct vfio_pci_engine_device *edev, const char *why)
{
	if (edev->mig && !mig_fw_error(edev->mig))
		return;
	pci_err(edev->core.pdev,
		"%s; the device is in the ERROR state until it is reset\n", why);
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_error);

void vfio_pci_engine_detach_fw(struct vfio_pci_engine_device *edev)
{
	if (edev->mig)
		mig_detach_fw(edev->mig);
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_detach_fw);

void vfio_pci_engine_attach_fw(struct vfio_pci_engine_device *edev)
{
	if (edev->mig)
		mig_attach_fw(edev->mig);
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_attach_fw);

/*
 * A function that no one uses has no driver data, and vfio-pci-core's handler
 * does not expect that. The PCI core calls both under device_lock() of the
 * function.
 */
static pci_ers_result_t engine_error_detected(struct pci_dev *pdev,
					      pci_channel_state_t state)
{
	if (!pci_get_drvdata(pdev))
		return PCI_ERS_RESULT_CAN_RECOVER;
	return vfio_pci_core_aer_err_detected(pdev, state);
}

static struct vfio_pci_engine_device *edev_of(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = pci_get_drvdata(pdev);

	return core ? to_edev(&core->vdev) : NULL;
}

void __iomem *vfio_pci_hidden_begin(struct vfio_pci_fn *fn)
{
	struct vfio_pci_engine_device *edev = edev_of(fn->pdev);

	if (!edev || !edev->hidden_range)
		return IOMEM_ERR_PTR(-ENODEV);
	return hidden_begin(edev->hidden_range);
}
EXPORT_SYMBOL_GPL(vfio_pci_hidden_begin);

void vfio_pci_hidden_end(struct vfio_pci_fn *fn)
{
	hidden_end(edev_of(fn->pdev)->hidden_range);
}
EXPORT_SYMBOL_GPL(vfio_pci_hidden_end);

static void engine_reset_prepare(struct pci_dev *pdev)
{
	struct vfio_pci_engine_device *edev = edev_of(pdev);

	if (!edev)
		return;
	spare_slot(edev, true);
	if (edev->mig)
		mig_reset_begins(edev->mig);
	if (edev->hidden_range)
		hidden_reset_prepare(edev->hidden_range);
	if (edev->nvlink2)
		nvlink2_reset_prepare(edev->nvlink2);
}

/* The function does not answer after the reset */
static bool has_come_back(struct pci_dev *pdev)
{
	u16 command;

	return !pci_read_config_word(pdev, PCI_COMMAND, &command) &&
	       command != U16_MAX;
}

static void reset_done(struct vfio_pci_engine_device *edev)
{
	struct pci_dev *pdev = edev->core.pdev;

	if (has_come_back(pdev)) {
		mig_reset_done(edev->mig);
		return;
	}
	pci_err(pdev, "does not answer after a reset; the device is in the ERROR state until it is reset\n");
	mig_reset_failed(edev->mig);
}

static void engine_reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_engine_device *edev = edev_of(pdev);

	if (!edev)
		return;
	spare_slot(edev, false);
	if (edev->nvlink2)
		nvlink2_reset_done(edev->nvlink2);
	if (edev->hidden_range)
		hidden_reset_done(edev->hidden_range);
	if (edev->mig)
		reset_done(edev);
}

/* For the pci_driver that binds the functions */
const struct pci_error_handlers vfio_pci_engine_err_handlers = {
	.error_detected = engine_error_detected,
	.reset_prepare = engine_reset_prepare,
	.reset_done = engine_reset_done,
};
EXPORT_SYMBOL_GPL(vfio_pci_engine_err_handlers);

static void __exit engine_exit(void)
{
	wait_var_event(&nr_devices, !atomic_read(&nr_devices));
	/* A task may still be in the last instructions of engine_release() */
	synchronize_rcu_tasks();
	mig_fw_worker_exit();
	nvlink2_exit();
}
module_exit(engine_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The mdev-pci developers");
MODULE_DESCRIPTION("Migration of PCI functions on top of vfio-pci-core");
MODULE_VERSION(MODULES_VERSION);
