// SPDX-License-Identifier: GPL-2.0-only
/* How a VF's state moves: all that a vendor's driver has to do with migration. */
#include "acme.h"

static int acme_do(struct vfio_pci_fn *fn, struct acme_command *cmd)
{
	cmd->function = fn->id;
	return acme_run(pci_get_drvdata(fn->pf), cmd);
}

/* Firmware's levels are VFIO's: 1 is P2P, 2 is FULL */
static int acme_suspend(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	struct acme_command cmd = { .opcode = ACME_SUSPEND, .arg = { level } };

	return acme_do(fn, &cmd);
}

static int acme_resume(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	struct acme_command cmd = { .opcode = ACME_RESUME, .arg = { level } };

	return acme_do(fn, &cmd);
}

static int acme_state_size(struct vfio_pci_fn *fn, u64 *size)
{
	struct acme_command cmd = { .opcode = ACME_STATE_SIZE };
	int ret = acme_do(fn, &cmd);

	*size = cmd.result[0];
	return ret;
}

static int acme_save(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct acme_command cmd = {
		.opcode = ACME_SAVE, .arg = { buf->offset }, .sgt = &buf->sgt, .len = buf->len,
	};
	int ret = acme_do(fn, &cmd);

	if (ret)
		return ret;
	/* The engine compares them with the buffer and with max_state */
	buf->len = cmd.result[0];
	buf->last = !cmd.result[1];
	return 0;
}

static int acme_load(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct acme_command cmd = {
		.opcode = ACME_LOAD, .arg = { buf->offset, buf->len },
		.flags = buf->last ? ACME_LAST : 0, .sgt = &buf->sgt, .len = buf->len,
	};

	return acme_do(fn, &cmd);
}

const struct vfio_pci_mig_ops acme_mig_ops = {
	.suspend = acme_suspend,
	.resume = acme_resume,
	.state_size = acme_state_size,
	.save = acme_save,
	.load = acme_load,
};
