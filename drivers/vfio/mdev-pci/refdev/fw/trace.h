/* SPDX-License-Identifier: GPL-2.0-only */
/* The trace event of firmware commands; docs/tracing.rst has what it says. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mdev_pci_refdev

#if !defined(_REFDEV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _REFDEV_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#include "queue.h"

#define REFDEV_TRACE_PF_LEN	20	/* a PCI address with the longest domain */
#define REFDEV_TRACE_OPCODE_LEN	16

TRACE_EVENT(refdev_command,

	TP_PROTO(const char *pf, const struct refdev_slot *slot, unsigned int tag, int error),

	TP_ARGS(pf, slot, tag, error),

	TP_STRUCT__entry(
		__array(char, pf, REFDEV_TRACE_PF_LEN)
		__array(char, opcode, REFDEV_TRACE_OPCODE_LEN)
		__field(u64, ns)
		__field(int, error)
		__field(u16, function)
		__field(u16, tag)
		__field(u16, status)
	),

	TP_fast_assign(
		strscpy(__entry->pf, pf, REFDEV_TRACE_PF_LEN);
		strscpy(__entry->opcode, refdev_opcode_name(slot->cmd.opcode),
			REFDEV_TRACE_OPCODE_LEN);
		__entry->ns = ktime_to_ns(ktime_sub(ktime_get(), slot->posted));
		__entry->error = error;
		__entry->function = slot->cmd.function;
		__entry->tag = tag;
		__entry->status = slot->status;
	),

	TP_printk("pf=%s function=%d opcode=%s tag=%u status=%d error=%d ns=%llu",
		  __entry->pf, (s16)__entry->function, __entry->opcode, __entry->tag,
		  (s16)__entry->status, __entry->error, __entry->ns)
);

#endif /* _REFDEV_TRACE_H */

/* Found by the Makefile's -I */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
