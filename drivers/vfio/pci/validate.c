// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks the operations and limits of a vendor driver. Pure logic, so that a
 * parent can be checked before any function exists.
 */
#include <linux/export.h>
#include <linux/string.h>
#include <linux/vfio_pci_engine.h>

#include "stream.h"

/*
 * The uapi reports in pages of at least 4 KiB; no DMA page is larger than 1 GiB
 */
#define LOG_MIN_SHIFT	12
#define LOG_MAX_SHIFT	30

static const char *validate_precopy(const struct vfio_pci_mig_ops *ops)
{
	if (!ops->precopy_stop)
		return "sets mig_caps.precopy without precopy_stop";
	if (!ops->precopy_size && !ops->chunk_size)
		return "sets mig_caps.precopy without precopy_size or chunk_size";
	return NULL;
}

static const char *validate_caps(const struct vfio_pci_mig_caps *caps)
{
	if (caps->max_chunk && !caps->framed)
		return "sets mig_caps.max_chunk without mig_caps.framed";
	if (caps->max_chunk > VFIO_PCI_MIG_CHUNK_BOUND)
		return "has mig_caps.max_chunk above VFIO_PCI_MIG_CHUNK_BOUND";
	if (caps->upstream && !caps->framed)
		return "sets mig_caps.upstream without mig_caps.framed";
	if ((unsigned int)caps->kind > VFIO_PCI_BUF_SG)
		return "has an unknown mig_caps.kind";
	if (caps->headroom % 8 || caps->headroom > VFIO_PCI_MIG_HEADROOM_MAX)
		return "has mig_caps.headroom above its maximum, or not a multiple of 8";
	if (caps->headroom && caps->kind == VFIO_PCI_BUF_DMA)
		return "sets mig_caps.headroom with VFIO_PCI_BUF_DMA";
	if (caps->unbounded && caps->kind == VFIO_PCI_BUF_DMA)
		return "sets mig_caps.unbounded with VFIO_PCI_BUF_DMA";
	return NULL;
}

static const char *validate_mig(const struct vfio_pci_mig_ops *ops,
				const struct vfio_pci_mig_caps *caps)
{
	if (!ops->suspend || !ops->resume)
		return "has mig_ops without suspend or resume";
	if (!ops->state_size || !ops->save || !ops->load)
		return "has mig_ops without state_size, save or load";
	if (!caps || !caps->max_state)
		return "has mig_ops but mig_caps.max_state is 0";
	return caps->precopy ? validate_precopy(ops) ?: validate_caps(caps) :
			       validate_caps(caps);
}

static const char *validate_log(const struct vfio_pci_log_ops *ops,
				const struct vfio_pci_log_caps *caps)
{
	if (!ops->start || !ops->stop)
		return "has log_ops without start or stop";
	if (!ops->report == !ops->dirty_list)
		return "must have exactly one of log_ops.report and log_ops.dirty_list";
	if (!caps)
		return "has log_ops but no log_caps";
	if (!caps->max_ranges)
		return NULL;
	if (caps->min_page_shift < LOG_MIN_SHIFT ||
	    caps->max_page_shift > LOG_MAX_SHIFT ||
	    caps->min_page_shift > caps->max_page_shift)
		return "has log_caps.min_page_shift or max_page_shift out of range";
	if (caps->max_bytes && caps->min_bytes > caps->max_bytes)
		return "has log_caps.min_bytes above log_caps.max_bytes";
	return NULL;
}

const char *vfio_pci_engine_validate(const struct vfio_pci_engine_desc *desc)
{
	const char *why;

	if (!desc->mig_ops)
		return desc->log_ops ? "has log_ops without mig_ops" : NULL;
	if (!desc->type || strlen(desc->type) >= STREAM_TYPE_LEN)
		return "has mig_ops but its type has no name, or too long a name";
	why = validate_mig(desc->mig_ops, desc->mig_caps);
	if (!why && desc->mig_caps->unbounded &&
	    (desc->log_ops || desc->hidden_range))
		why = "sets mig_caps.unbounded with log_ops or hidden_range";
	if (!why && desc->log_ops)
		why = validate_log(desc->log_ops, desc->log_caps);
	return why;
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_validate);
