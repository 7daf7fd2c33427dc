// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chunks that firmware saves: how long the next one may be, and its
 * submission. save.c and precopy.c use this.
 */
#include "buffer.h"
#include "save.h"

static int chunk_size(struct vfio_pci_migration *mig, u64 *bytes)
{
	int ret;

	lockdep_assert_held(&mig->state_mutex);
	ret = mig_fw_chunk_size(mig, bytes);
	if (ret == -ETIMEDOUT)
		mig_timed_out(mig);
	if (ret || *bytes <= mig->caps.max_chunk)
		return ret;
	mig_err(mig, ": firmware asks for %llu bytes for a chunk, its limit is %llu\n", *bytes,
		mig->caps.max_chunk);
	return -EIO;
}

/* How much room the next save gets; 0: firmware has nothing to save now */
static int get_room(struct mig_file *mf, u64 *room)
{
	lockdep_assert_held(&mf->mig->state_mutex);
	*room = mf->mig->caps.chunk;
	return mf->mig->ops->chunk_size ? chunk_size(mf->mig, room) : 0;
}

static int make_room(struct mig_file *mf, struct vfio_pci_mig_buf *buf,
		     u64 room)
{
	struct vfio_pci_mig_buf new;
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	ret = mig_file_prepare(mf, buf, room, &new);
	if (!ret)
		mig_file_replace(mf, buf, &new);
	return ret;
}

static enum vfio_pci_fn_level level(const struct mig_file *mf)
{
	enum vfio_device_mig_state state = mf->mig->state;

	lockdep_assert_held(&mf->mig->state_mutex);
	if (!to_save(mf)->running)
		return VFIO_PCI_FN_FULL;
	return state == VFIO_DEVICE_STATE_RUNNING_P2P ||
			       state == VFIO_DEVICE_STATE_PRE_COPY_P2P ?
		       VFIO_PCI_FN_P2P :
		       VFIO_PCI_FN_RUNNING;
}

/**
 * mig_chunk_spare() - get a buffer for the save that ends pre-copy
 * @mf: the file, entered; firmware works on no buffer of it
 *
 * Return: the buffer, with room; or NULL: there is none.
 */
struct vfio_pci_mig_buf *mig_chunk_spare(struct mig_file *mf)
{
	struct vfio_pci_mig_buf *buf = &mf->buf[mf->cur];
	u64 room;

	lockdep_assert_held(&mf->mig->state_mutex);
	if (get_room(mf, &room) || !mf->attached)
		return NULL;
	room = room ?: max_t(u64, buf->size, mf->mig->caps.chunk);
	if (make_room(mf, buf, room) || mig_file_attach(mf, buf) ||
	    !mf->attached)
		return NULL;
	buf->len = room;
	if (buf->kind == VFIO_PCI_BUF_SG && mig_buf_list(buf, buf->len))
		return NULL;
	buf->level = level(mf);
	mig_buf_to_device(buf, mf->mig->dma_dev);
	return buf;
}

/*
 * Complete the buffer like a save that has found nothing, without asking
 * firmware
 */
static int nothing_now(struct mig_file *mf, struct vfio_pci_mig_buf *buf)
{
	lockdep_assert_held(&mf->mig->state_mutex);
	if (!to_save(mf)->running) {
		mig_err(mf->mig, ": firmware asks for 0 bytes for the rest of the state\n");
		return -EIO;
	}
	buf->len = 0;
	buf->last = true;
	buf->precopy = true;
	buf->status = 0;
	buf->busy = true;
	complete_all(&buf->done);
	return 0;
}

/**
 * mig_chunk_submit() - have firmware save the next chunk
 * @mf: the file, entered; its current buffer is not busy
 *
 * Return: 0, or firmware's errno.
 */
int mig_chunk_submit(struct mig_file *mf)
{
	struct vfio_pci_mig_buf *buf = &mf->buf[mf->cur];
	u64 room;
	int ret;

	lockdep_assert_held(&mf->mig->state_mutex);
	ret = get_room(mf, &room);
	if (ret)
		return ret;
	if (!room)
		return nothing_now(mf, buf);
	ret = make_room(mf, buf, room);
	if (ret)
		return ret;
	buf->offset = mf->offset;
	buf->len = room;
	buf->room = room;
	buf->level = level(mf);
	buf->last = false;
	buf->delta = mf->precopy;
	buf->precopy = to_save(mf)->running;
	return mig_file_submit(mf, buf);
}
