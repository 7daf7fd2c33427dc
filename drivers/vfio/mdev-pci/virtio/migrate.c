// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration by device parts (virtio 1.4): the commands of the PF's
 * administration virtqueue, as virtio_pci sends them.
 *
 * A device has one stopped state: it begins no DMA and sends no interrupt, but
 * registers can be written. That is VFIO_PCI_FN_P2P. Nothing else changes its
 * state, so VFIO_PCI_FN_FULL is the same.
 *
 * virtio_pci waits for an answer without a limit. The engine does not wait for
 * virtio_pci: see &vfio_pci_mig_caps.unbounded. virtio_begin() says
 * why fn->priv is a number.
 */
#include <linux/virtio_pci.h>
#include <linux/virtio_pci_admin.h>

#include "parts.h"
#include "virtio.h"

#define DEV_PARTS	VIRTIO_RESOURCE_OBJ_DEV_PARTS

/*
 * virtio_pci returns any status of the device. A device that answers has not
 * timed out.
 */
static int virtio_result(int ret)
{
	switch (ret) {
	case 0:
	case -EINVAL:
	case -ENOMEM:
	case -ENOSPC:
	case -EBUSY:
	case -ENODEV:
	case -EOPNOTSUPP:
		return ret;
	default:
		return -EIO;
	}
}

static int virtio_mode(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level,
		       u8 flags)
{
	if (level == VFIO_PCI_FN_FULL)
		return 0;
	return virtio_result(virtio_pci_admin_mode_set(fn->pdev, flags));
}

static int virtio_suspend(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	return virtio_mode(fn, level, BIT(VIRTIO_ADMIN_CMD_DEV_MODE_F_STOPPED));
}

static int virtio_resume(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	return virtio_mode(fn, level, 0);
}

static u32 object(const struct vfio_pci_fn *fn)
{
	return (unsigned long)fn->priv >> 1;
}

/*
 * fn->priv: the id of the object and 1, since 0 is one, too; NULL: no session
 */
static int virtio_begin(struct vfio_pci_fn *fn, enum vfio_pci_mig_dir dir)
{
	u8 op = dir == VFIO_PCI_MIG_LOAD ?
			VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_SET :
			VIRTIO_RESOURCE_OBJ_DEV_PARTS_TYPE_GET;
	u32 id;
	int ret;

	ret = virtio_result(virtio_pci_admin_obj_create(fn->pdev, DEV_PARTS, op, &id));
	if (!ret)
		fn->priv = (void *)((unsigned long)id << 1 | 1);
	return ret;
}

static void virtio_end(struct vfio_pci_fn *fn)
{
	virtio_pci_admin_obj_destroy(fn->pdev, DEV_PARTS, object(fn));
	fn->priv = NULL;
}

static int virtio_chunk_size(struct vfio_pci_fn *fn, u64 *bytes)
{
	u32 size = 0;
	int ret;

	ret = virtio_pci_admin_dev_parts_metadata_get(fn->pdev, DEV_PARTS, object(fn),
						      VIRTIO_ADMIN_CMD_DEV_PARTS_METADATA_TYPE_SIZE,
						      &size);
	*bytes = size;
	return virtio_result(ret);
}

/*
 * There may be no session, or one that loads, whose object has no size: use
 * another object
 */
static int virtio_state_size(struct vfio_pci_fn *fn, u64 *bytes)
{
	void *session = fn->priv;
	int ret;

	ret = virtio_begin(fn, VFIO_PCI_MIG_SAVE);
	if (ret)
		return ret;
	ret = virtio_chunk_size(fn, bytes);
	virtio_end(fn);
	fn->priv = session;
	return ret;
}

static int virtio_check(struct vfio_pci_fn *fn, const char *what,
			const void *parts, size_t bytes)
{
	size_t at;
	const char *why = virtio_parts_check(parts, bytes, &at);

	if (!why)
		return 0;
	dev_err(&fn->pdev->dev, "device parts %s refused, at byte %zu of %zu: %s\n",
		what, at, bytes, why);
	return -EINVAL;
}

/* All of the state at once: commands know no offset */
static int virtio_save(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	u32 size = buf->len;
	int ret;

	ret = virtio_result(virtio_pci_admin_dev_parts_get(fn->pdev, DEV_PARTS, object(fn),
							   VIRTIO_ADMIN_CMD_DEV_PARTS_GET_TYPE_ALL,
							   buf->sg, &size));
	if (ret)
		return ret;
	/* The engine refuses a size above the room */
	if (size <= buf->len && virtio_check(fn, "of the device", buf->vaddr, size))
		return -EIO;
	buf->len = size;
	buf->last = true;
	return 0;
}

/*
 * A command begins with its object's header, for which the engine has left room
 */
static int virtio_load(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct virtio_admin_cmd_resource_obj_cmd_hdr *hdr =
		buf->vaddr - sizeof(*hdr);
	int ret;

	if (buf->offset || !buf->last)
		return -EINVAL;
	ret = virtio_check(fn, "of the migration data", buf->vaddr, buf->len);
	if (ret)
		return ret;
	*hdr = (struct virtio_admin_cmd_resource_obj_cmd_hdr) {
		.type = cpu_to_le16(DEV_PARTS),
		.id = cpu_to_le32(object(fn)),
	};
	return virtio_result(virtio_pci_admin_dev_parts_set(fn->pdev, buf->sg));
}

const struct vfio_pci_mig_ops virtio_mig_ops = {
	.suspend = virtio_suspend,
	.resume = virtio_resume,
	.begin = virtio_begin,
	.end = virtio_end,
	.state_size = virtio_state_size,
	.chunk_size = virtio_chunk_size,
	.save = virtio_save,
	.load = virtio_load,
};
