// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptions: what is wrong with the operations and limits of a vendor driver. Pure logic, so
 * that who registers parents can ask before there is a function.
 */
#include <linux/export.h>
#include <linux/string.h>
#include <linux/vfio_pci_engine.h>

#include "stream.h"

/* The uapi reports in pages of 4 KiB and up; nobody has DMA pages of more than 1 GiB */
#define LOG_MIN_SHIFT	12
#define LOG_MAX_SHIFT	30

static const char *precopy_mistake(const struct vfio_pci_mig_ops *ops)
{
	if (!ops->precopy_start || !ops->precopy_stop || !ops->precopy_size)
		return "has a pre-copy phase and lacks an operation of it, precopy_*";
	return NULL;
}

static const char *caps_mistake(const struct vfio_pci_mig_caps *caps)
{
	if (caps->max_chunk && !caps->framed)
		return "has a largest chunk, max_chunk, and its chunks are not framed";
	if (caps->max_chunk > VFIO_PCI_MIG_CHUNK_BOUND)
		return "has a largest chunk over the engine's bound, VFIO_PCI_MIG_CHUNK_BOUND";
	if ((unsigned int)caps->kind > VFIO_PCI_BUF_SG)
		return "has buffers of a kind that is none";
	if (caps->headroom % 8 || caps->headroom > VFIO_PCI_MIG_HEADROOM_MAX)
		return "has headroom that is no multiple of 8, or too much of it";
	if (caps->headroom && caps->kind == VFIO_PCI_BUF_DMA)
		return "has headroom in buffers for DMA";
	if (caps->unbounded && caps->kind == VFIO_PCI_BUF_DMA)
		return "does DMA to buffers by operations that may never return";
	return NULL;
}

static const char *mig_mistake(const struct vfio_pci_mig_ops *ops,
			       const struct vfio_pci_mig_caps *caps)
{
	if (!ops->suspend || !ops->resume)
		return "migrates and lacks the operation suspend or resume";
	if (!ops->state_size || !ops->save || !ops->load)
		return "migrates and lacks the operation state_size, save or load";
	if (!caps || !caps->max_state)
		return "migrates and has no largest size of a state, max_state";
	return caps->precopy ? precopy_mistake(ops) ?: caps_mistake(caps) : caps_mistake(caps);
}

static const char *log_mistake(const struct vfio_pci_log_ops *ops,
			       const struct vfio_pci_log_caps *caps)
{
	if (!ops->start || !ops->stop)
		return "logs dirty pages and lacks the operation start or stop";
	if (!ops->report == !ops->changes)
		return "logs dirty pages and has not just one of the operations report and changes";
	if (!caps)
		return "logs dirty pages and has no limits of that";
	if (!caps->max_ranges)
		return NULL;
	if (caps->min_page_shift < LOG_MIN_SHIFT || caps->max_page_shift > LOG_MAX_SHIFT ||
	    caps->min_page_shift > caps->max_page_shift)
		return "logs dirty pages of a size that is none, min_page_shift or max_page_shift";
	if (caps->max_bytes && caps->min_bytes > caps->max_bytes)
		return "logs ranges whose min_bytes are more than their max_bytes";
	return NULL;
}

/**
 * vfio_pci_engine_mistake() - what is wrong with the operations and limits of a vendor driver?
 * @desc: only its type, mig_ops, mig_caps, log_ops and log_caps are looked at
 *
 * Context: any.
 * Return: NULL if nothing is: vfio_pci_engine_register() will not refuse them. Else words for the
 * log, to follow the name of whatever @desc stands for.
 */
const char *vfio_pci_engine_mistake(const struct vfio_pci_engine_desc *desc)
{
	const char *why;

	if (!desc->mig_ops)
		return desc->log_ops ? "logs dirty pages and does not migrate" : NULL;
	if (!desc->type || strlen(desc->type) >= STREAM_TYPE_LEN)
		return "migrates and has no name of its type, or too long a one";
	why = mig_mistake(desc->mig_ops, desc->mig_caps);
	if (!why && desc->mig_caps->unbounded && (desc->log_ops || desc->control))
		why = "can't have operations that may never return with log_ops or control";
	if (!why && desc->log_ops)
		why = log_mistake(desc->log_ops, desc->log_caps);
	return why;
}
EXPORT_SYMBOL_GPL(vfio_pci_engine_mistake);
