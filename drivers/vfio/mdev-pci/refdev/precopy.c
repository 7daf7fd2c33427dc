// SPDX-License-Identifier: GPL-2.0-only
/* Pre-copy: firmware saves a VF that runs, and remembers what has changed since. */
#include "refdev.h"

static int refdev_run_precopy(struct vfio_pci_fn *fn, enum refdev_precopy what,
			      struct refdev_cmd *cmd)
{
	*cmd = (struct refdev_cmd) {
		.opcode = REFDEV_PRECOPY, .function = fn->id, .arg = { what },
	};
	return refdev_run(refdev_queue_of(fn), cmd);
}

int refdev_precopy_stop(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct refdev_cmd cmd;

	return refdev_run_precopy(fn, REFDEV_PRECOPY_STOP, &cmd);
}

int refdev_precopy_start(struct vfio_pci_fn *fn)
{
	struct refdev_cmd cmd;
	int ret = refdev_run_precopy(fn, REFDEV_PRECOPY_START, &cmd);

	if (ret != -EBADFD)
		return ret;
	/* Whether the unanswered START or STOP was carried out is unknown */
	dev_info(&fn->pf->dev, "pre-copy of VF %u was still on: starting it again\n", fn->id);
	return refdev_precopy_stop(fn, NULL) ?: refdev_run_precopy(fn, REFDEV_PRECOPY_START, &cmd);
}

int refdev_precopy_size(struct vfio_pci_fn *fn, struct vfio_pci_precopy_size *size)
{
	const struct refdev_identify_page *info = &refdev_queue_of(fn)->info;
	struct refdev_cmd cmd;
	int ret = refdev_run_precopy(fn, REFDEV_PRECOPY_QUERY, &cmd);

	/* The engine checks firmware's number */
	size->initial = cmd.result[0];
	size->dirty = cmd.result[1];
	/* The image's header, as an extent */
	size->stopped = sizeof(struct refdev_extent) +
			le64_to_cpu(info->state_bytes) - le64_to_cpu(info->context_bytes);
	return ret;
}
