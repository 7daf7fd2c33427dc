// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pre-copy: firmware saves a VF that runs, and remembers what has changed
 * since.
 */
#include "refdev.h"

static struct refdev_cmd refdev_precopy(struct vfio_pci_fn *fn,
					enum refdev_precopy what)
{
	return (struct refdev_cmd) {
		.opcode = REFDEV_PRECOPY, .function = fn->id, .arg = { what },
	};
}

int refdev_precopy_stop(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	return refdev_command(fn, REFDEV_PRECOPY, REFDEV_PRECOPY_STOP);
}

int refdev_precopy_start(struct vfio_pci_fn *fn)
{
	struct refdev_cmd start = refdev_precopy(fn, REFDEV_PRECOPY_START);
	struct refdev_cmd stop = refdev_precopy(fn, REFDEV_PRECOPY_STOP);

	return refdev_run_anew(refdev_queue_of(fn), &start, &stop);
}

int refdev_precopy_size(struct vfio_pci_fn *fn,
			struct vfio_pci_precopy_size *size)
{
	const struct refdev_identify_page *info = &refdev_queue_of(fn)->info;
	struct refdev_cmd cmd = refdev_precopy(fn, REFDEV_PRECOPY_QUERY);
	int ret = refdev_run(refdev_queue_of(fn), &cmd);

	/* The engine checks firmware's number */
	size->initial = cmd.result[0];
	size->dirty = cmd.result[1];
	/* The image's header, as an extent */
	size->stopped = sizeof(struct refdev_extent) +
			le64_to_cpu(info->state_bytes) -
			le64_to_cpu(info->context_bytes);
	return ret;
}
