/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of migration; docs/tracing.rst has what they say. All are fired
 * by stats.c.
 *
 * Names are kept as text of fixed length: filters can compare them, the binary
 * format is readable without this kernel's enums, and no helper is needed that
 * changes between kernels.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_pci_engine

#if !defined(VFIO_PCI_ENGINE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VFIO_PCI_ENGINE_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#include "stats.h"

#define TRACE_NAME_LEN		16	/* of a state or an operation */

TRACE_EVENT(vfio_pci_mig_state,

	TP_PROTO(const char *device, const char *old, const char *new, int error,
		 const char *trigger),

	TP_ARGS(device, old, new, error, trigger),

	TP_STRUCT__entry(
		__array(char, device, MIG_DEVICE_LEN)
		__array(char, old, TRACE_NAME_LEN)
		__array(char, new, TRACE_NAME_LEN)
		__array(char, trigger, TRACE_NAME_LEN)
		__field(int, error)
	),

	TP_fast_assign(
		strscpy(__entry->device, device, MIG_DEVICE_LEN);
		strscpy(__entry->old, old, TRACE_NAME_LEN);
		strscpy(__entry->new, new, TRACE_NAME_LEN);
		strscpy(__entry->trigger, trigger, TRACE_NAME_LEN);
		__entry->error = error;
	),

	TP_printk("device=%s old=%s new=%s trigger=%s error=%d",
		  __entry->device, __entry->old, __entry->new, __entry->trigger, __entry->error)
);

TRACE_EVENT(vfio_pci_mig_op,

	TP_PROTO(const char *device, const char *op, int error, u64 ns),

	TP_ARGS(device, op, error, ns),

	TP_STRUCT__entry(
		__array(char, device, MIG_DEVICE_LEN)
		__array(char, op, TRACE_NAME_LEN)
		__field(u64, ns)
		__field(int, error)
	),

	TP_fast_assign(
		strscpy(__entry->device, device, MIG_DEVICE_LEN);
		strscpy(__entry->op, op, TRACE_NAME_LEN);
		__entry->ns = ns;
		__entry->error = error;
	),

	TP_printk("device=%s op=%s error=%d ns=%llu",
		  __entry->device, __entry->op, __entry->error, __entry->ns)
);

TRACE_EVENT(vfio_pci_mig_chunk,

	TP_PROTO(const char *device, const char *dir, u64 offset, u64 bytes, bool running,
		 bool last, u64 ns),

	TP_ARGS(device, dir, offset, bytes, running, last, ns),

	TP_STRUCT__entry(
		__array(char, device, MIG_DEVICE_LEN)
		__array(char, dir, TRACE_NAME_LEN)
		__field(u64, offset)
		__field(u64, bytes)
		__field(u64, ns)
		__field(bool, running)
		__field(bool, last)
	),

	TP_fast_assign(
		strscpy(__entry->device, device, MIG_DEVICE_LEN);
		strscpy(__entry->dir, dir, TRACE_NAME_LEN);
		__entry->offset = offset;
		__entry->bytes = bytes;
		__entry->ns = ns;
		__entry->running = running;
		__entry->last = last;
	),

	TP_printk("device=%s dir=%s offset=%llu bytes=%llu running=%d last=%d ns=%llu",
		  __entry->device, __entry->dir, __entry->offset, __entry->bytes,
		  __entry->running, __entry->last, __entry->ns)
);

TRACE_EVENT(vfio_pci_log_report,

	TP_PROTO(const char *device, u64 iova, u64 length, u64 dirty, u64 bitmap, u64 ns),

	TP_ARGS(device, iova, length, dirty, bitmap, ns),

	TP_STRUCT__entry(
		__array(char, device, MIG_DEVICE_LEN)
		__field(u64, iova)
		__field(u64, length)
		__field(u64, dirty)
		__field(u64, bitmap)
		__field(u64, ns)
	),

	TP_fast_assign(
		strscpy(__entry->device, device, MIG_DEVICE_LEN);
		__entry->iova = iova;
		__entry->length = length;
		__entry->dirty = dirty;
		__entry->bitmap = bitmap;
		__entry->ns = ns;
	),

	TP_printk("device=%s iova=0x%llx length=%llu dirty=%llu bitmap=%llu ns=%llu",
		  __entry->device, __entry->iova, __entry->length, __entry->dirty,
		  __entry->bitmap, __entry->ns)
);

#endif /* VFIO_PCI_ENGINE_TRACE_H */

/* Found by the Makefile's -I */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
