// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration of one function as a whole: what exists while the function is
 * registered, and ends with it, or with its last user.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "firmware.h"
#include "mig_file.h"
#include "migration.h"
#include "save.h"

static void make_ident(struct stream_ident *ident,
		       const struct vfio_pci_engine_desc *desc)
{
	struct pci_dev *pdev = desc->fn->pdev;

	ident->vendor = pdev->vendor;
	ident->device = pdev->device;
	ident->subvendor = pdev->subsystem_vendor;
	ident->subdevice = pdev->subsystem_device;
	strscpy(ident->type, desc->type, sizeof(ident->type));
}

/*
 * Operations use these members, so they live until the last operation has
 * returned
 */
static int own_all(struct vfio_pci_migration *mig)
{
	int ret = mig_fw_worker_init(mig);

	if (ret)
		return ret;
	mig->own_fn = *mig->fn;
	pci_dev_get(mig->own_fn.pf);
	pci_dev_get(mig->own_fn.pdev);
	mig->fn = &mig->own_fn;
	return 0;
}

/**
 * mig_create() - create the migration state of a function
 * @desc: the function, with valid, with mig_ops
 * @vdev: its vfio_device, for as long as that is open
 *
 * Return: the state, RUNNING, to be freed by mig_put(); or NULL, no memory.
 */
struct vfio_pci_migration *mig_create(const struct vfio_pci_engine_desc *desc,
				      struct vfio_device *vdev)
{
	struct vfio_pci_migration *mig = kzalloc(sizeof(*mig), GFP_KERNEL);

	if (!mig)
		return NULL;

	kref_init(&mig->kref);
	mutex_init(&mig->state_mutex);
	ratelimit_state_init(&mig->log_limit, HZ, MIG_LOG_BURST);
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	mig->vdev = vdev;
	mig->sessions = &mig_file_sessions;
	mig->fn = desc->fn;
	mig_stats_init(&mig->stats, pci_name(mig->fn->pdev));
	snprintf(mig->log_name, sizeof(mig->log_name), "%s %s",
		 dev_driver_string(&mig->fn->pdev->dev), mig->stats.device);
	init_waitqueue_head(&mig->wait);
	mig->owner = desc->owner;
	mig->ops = desc->mig_ops;
	mig->caps = *desc->mig_caps;
	if (desc->hidden_range)
		mig->caps.kind = VFIO_PCI_BUF_CPU;
	if (mig->caps.kind == VFIO_PCI_BUF_DMA)
		mig->dma_dev = &desc->fn->pf->dev;
	if (!mig->caps.chunk || mig->caps.chunk > VFIO_PCI_MIG_CHUNK_MAX)
		mig->caps.chunk = VFIO_PCI_MIG_CHUNK_MAX;
	if (!mig->caps.max_chunk)
		mig->caps.max_chunk = mig->caps.chunk;
	mig->record = STREAM_RECORD_MAX;
	if (!mig->caps.timeout_ms)
		mig->caps.timeout_ms = VFIO_PCI_MIG_TIMEOUT_MS;
	make_ident(&mig->ident, desc);
	mig_log_init(mig, desc);
	if (mig->caps.unbounded && own_all(mig)) {
		kfree(mig);
		return NULL;
	}
	return mig;
}

/**
 * mig_close() - end session and logging when the user closes the device
 * @mig: the state
 *
 * On return nothing refers to the function or to firmware any more; migration
 * files may still be open, and answer -ENODEV.
 */
void mig_close(struct vfio_pci_migration *mig)
{
	mig_lock(mig);
	mig_file_end(mig);
	mig_log_close(mig);
	mig_unlock(mig);
}

/**
 * mig_detach_fw() - end the session and block firmware operations
 * @mig: the state
 *
 * See vfio_pci_engine_detach_fw().
 */
void mig_detach_fw(struct vfio_pci_migration *mig)
{
	mig_lock(mig);
	mig_file_end(mig);
	mig_log_close(mig);
	if (mig->state != VFIO_DEVICE_STATE_RUNNING &&
	    mig->state != VFIO_DEVICE_STATE_ERROR)
		mig_fail(mig, "the PF driver has detached the function");
	mig->fw_detached = true;
	mig_unlock(mig);
}

static int state_size(struct vfio_pci_migration *mig, u64 *bytes)
{
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	/* Said already, and what is refused fails nothing */
	if (mig->stuck)
		return -ETIMEDOUT;
	ret = mig_fw_state_size(mig, bytes);
	if (ret == -ETIMEDOUT)
		mig_timed_out(mig);
	if (ret || (*bytes && *bytes <= mig->caps.max_state))
		return ret;
	mig_err(mig, ": firmware reports an impossible state size of %llu bytes\n", *bytes);
	return -EIO;
}

/**
 * mig_data_size() - estimate the bytes of a stream if the function stopped now
 * @mig: the state
 * @bytes: receives the size of the stream in bytes, or of the rest of it after
 *	pre-copy; never zero
 *
 * Return: 0; -EIO: firmware names an impossible size; or firmware's errno.
 */
int mig_data_size(struct vfio_pci_migration *mig, unsigned long *bytes)
{
	u64 state, records;
	bool upstream;
	size_t chunk;
	int ret;

	mig_lock(mig);
	upstream = mig->upstream;
	if (mig->file && mig->file->precopy)
		ret = mig_precopy_left(mig->file, &state);
	else
		ret = state_size(mig, &state);
	mig_unlock(mig);
	if (ret)
		return ret;

	if (upstream) {
		*bytes = sizeof(struct stream_upstream) + state;
		return 0;
	}
	chunk = mig->caps.framed ? mig->record :
				   min_t(size_t, mig->caps.chunk, mig->record);
	records = DIV_ROUND_UP_ULL(state, chunk) + 1;
	*bytes = sizeof(struct stream_header) +
		 records * sizeof(struct stream_record) + state +
		 sizeof(struct stream_end);
	return 0;
}
