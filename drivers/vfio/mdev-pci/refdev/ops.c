// SPDX-License-Identifier: GPL-2.0-only
/*
 * The types that the reference device offers, and the firmware commands behind
 * them.
 */
#include "refdev.h"

int refdev_command(struct vfio_pci_fn *fn, u16 opcode, u64 arg)
{
	struct refdev_cmd cmd = { .opcode = opcode,
				  .function = fn->id,
				  .arg = { arg } };

	return refdev_run(refdev_queue_of(fn), &cmd);
}

static int refdev_enable(struct vfio_pci_fn *fn,
			 const struct mdev_pci_type *type,
			 struct mdev_pci_limits *limits)
{
	struct refdev_cmd enable = {
		.opcode = REFDEV_ENABLE,
		.function = fn->id,
		.arg = { type->profile },
	};
	struct refdev_cmd disable = { .opcode = REFDEV_DISABLE,
				      .function = fn->id };
	int ret = refdev_run_anew(refdev_queue_of(fn), &enable, &disable);

	if (!ret)
		refdev_debugfs_enabled(fn, true);
	return ret;
}

static void refdev_disable(struct vfio_pci_fn *fn)
{
	refdev_debugfs_enabled(fn, false);
	refdev_command(fn, REFDEV_DISABLE, 0);
}

const struct mdev_pci_parent_ops refdev_parent_ops = {
	.enable = refdev_enable,
	.disable = refdev_disable,
};

static int refdev_suspend(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	return refdev_command(fn, REFDEV_SUSPEND,
			      level == VFIO_PCI_FN_FULL ? REFDEV_FULL :
							  REFDEV_P2P);
}

static int refdev_resume(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	return refdev_command(fn, REFDEV_RESUME,
			      level == VFIO_PCI_FN_FULL ? REFDEV_FULL :
							  REFDEV_P2P);
}

static int refdev_state_size(struct vfio_pci_fn *fn, u64 *size)
{
	struct refdev_cmd cmd = { .opcode = REFDEV_STATE_SIZE,
				  .function = fn->id };
	int ret = refdev_run(refdev_queue_of(fn), &cmd);

	*size = cmd.result[0];
	return ret;
}

static int refdev_move(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf,
		       struct refdev_cmd *cmd)
{
	cmd->function = fn->id;
	cmd->sgt = &buf->sgt;
	cmd->len = buf->len;
	cmd->ctx = buf;
	return refdev_submit(refdev_queue_of(fn), cmd) ?: -EINPROGRESS;
}

static void refdev_save_done(struct refdev_queue *q, struct refdev_cmd *cmd,
			     int error)
{
	struct vfio_pci_mig_buf *buf = cmd->ctx;

	if (!error) {
		/* The engine checks firmware's number */
		buf->len = min_t(u64, cmd->result[0], SIZE_MAX);
		buf->last = !cmd->result[1];
	}
	vfio_pci_mig_buf_done(buf, error);
}

static int refdev_save(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct refdev_cmd cmd = {
		.opcode = REFDEV_SAVE, .done = refdev_save_done,
		.flags = buf->delta ? REFDEV_SAVE_DELTA : 0,
		.arg = { buf->delta ? 0 : buf->offset },
	};

	return refdev_move(fn, buf, &cmd);
}

static void refdev_load_done(struct refdev_queue *q, struct refdev_cmd *cmd,
			     int error)
{
	vfio_pci_mig_buf_done(cmd->ctx, error);
}

static int refdev_load(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct refdev_cmd cmd = {
		.opcode = REFDEV_LOAD,
		.done = refdev_load_done,
		.arg = { buf->offset, buf->len },
		.flags = (buf->last ? REFDEV_LOAD_LAST : 0) |
			 (buf->delta ? REFDEV_LOAD_DELTA : 0),
	};

	return refdev_move(fn, buf, &cmd);
}

static void refdev_abort(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	refdev_cancel(refdev_queue_of(fn), buf);
}

static const struct vfio_pci_mig_ops refdev_mig_ops = {
	.suspend = refdev_suspend,
	.resume = refdev_resume,
	.state_size = refdev_state_size,
	.save = refdev_save,
	.load = refdev_load,
	.abort = refdev_abort,
	.precopy_start = refdev_precopy_start,
	.precopy_stop = refdev_precopy_stop,
	.precopy_size = refdev_precopy_size,
};

/* Profile n is entry n - 1; firmware with fewer profiles has the first ones */
const struct mdev_pci_type refdev_types[REFDEV_NR_TYPES] = {
	{
		.name = "dma",
		.label = "DMA engine, copies of up to 1 MiB",
		.profile = 1,
		.mig_ops = &refdev_mig_ops,
		.log_ops = &refdev_log_ops,
	},
	{
		.name = "dma-lite",
		.label = "DMA engine, copies of up to 64 KiB",
		.profile = 2,
		.mig_ops = &refdev_mig_ops,
		.log_ops = &refdev_log_ops,
	},
};
