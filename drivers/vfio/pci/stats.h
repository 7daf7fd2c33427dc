/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a function: only stats.c counts and fires trace events. It knows
 * nothing of the rest of the engine, which accounts each event with one call.
 */
#ifndef VFIO_PCI_ENGINE_STATS_H
#define VFIO_PCI_ENGINE_STATS_H

#include <linux/dma-direction.h>
#include <linux/ktime.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vfio_pci_engine.h>
#include <uapi/linux/vfio.h>

struct vfio_pci_log_bitmap;
struct vfio_pci_mig_buf;

/**
 * enum mig_op - firmware operations; mig_op_name() has their names
 * @MIG_OP_SUSPEND_P2P: &vfio_pci_mig_ops.suspend to VFIO_PCI_FN_P2P
 * @MIG_OP_SUSPEND_FULL: the same to VFIO_PCI_FN_FULL
 * @MIG_OP_RESUME_FULL: &vfio_pci_mig_ops.resume out of VFIO_PCI_FN_FULL
 * @MIG_OP_RESUME_P2P: the same out of VFIO_PCI_FN_P2P
 * @MIG_OP_STATE_SIZE: &vfio_pci_mig_ops.state_size
 * @MIG_OP_SAVE: &vfio_pci_mig_ops.save, until vfio_pci_mig_buf_done()
 * @MIG_OP_LOAD: &vfio_pci_mig_ops.load, until vfio_pci_mig_buf_done()
 * @MIG_OP_PRECOPY_START: &vfio_pci_mig_ops.precopy_start
 * @MIG_OP_PRECOPY_STOP: &vfio_pci_mig_ops.precopy_stop
 * @MIG_OP_PRECOPY_SIZE: &vfio_pci_mig_ops.precopy_size
 * @MIG_OP_ABORT: &vfio_pci_mig_ops.abort
 * @MIG_OP_BEGIN: &vfio_pci_mig_ops.begin
 * @MIG_OP_END: &vfio_pci_mig_ops.end
 * @MIG_OP_ATTACH: &vfio_pci_mig_ops.attach
 * @MIG_OP_DETACH: &vfio_pci_mig_ops.detach
 * @MIG_OP_CHUNK_SIZE: &vfio_pci_mig_ops.chunk_size
 * @MIG_OP_CHECK_COMPAT: &vfio_pci_mig_ops.check_compat
 * @MIG_OP_LOG_START: &vfio_pci_log_ops.start
 * @MIG_OP_LOG_STOP: &vfio_pci_log_ops.stop
 * @MIG_OP_LOG_REPORT: &vfio_pci_log_ops.report or .dirty_list
 * @MIG_NR_OPS: how many there are
 */
enum mig_op {
	MIG_OP_SUSPEND_P2P,
	MIG_OP_SUSPEND_FULL,
	MIG_OP_RESUME_FULL,
	MIG_OP_RESUME_P2P,
	MIG_OP_STATE_SIZE,
	MIG_OP_SAVE,
	MIG_OP_LOAD,
	MIG_OP_PRECOPY_START,
	MIG_OP_PRECOPY_STOP,
	MIG_OP_PRECOPY_SIZE,
	MIG_OP_ABORT,
	MIG_OP_BEGIN,
	MIG_OP_END,
	MIG_OP_ATTACH,
	MIG_OP_DETACH,
	MIG_OP_CHUNK_SIZE,
	MIG_OP_CHECK_COMPAT,
	MIG_OP_LOG_START,
	MIG_OP_LOG_STOP,
	MIG_OP_LOG_REPORT,
	MIG_NR_OPS
};

/**
 * enum mig_trigger - what triggered a change of state
 * @MIG_TRIGGER_V2: the migration features
 * @MIG_TRIGGER_V1: the migration region
 * @MIG_TRIGGER_RESET: a reset of the function
 * @MIG_TRIGGER_ERROR: a failure of firmware, or of the data
 * @MIG_TRIGGER_OPEN: a new user has opened the device, which was reset
 */
enum mig_trigger {
	MIG_TRIGGER_V2,
	MIG_TRIGGER_V1,
	MIG_TRIGGER_RESET,
	MIG_TRIGGER_ERROR,
	MIG_TRIGGER_OPEN,
};

/**
 * struct mig_op_stats - calls of one firmware operation
 * @count: how many have ended
 * @errors: how many of them with an errno
 * @last_ns: what the last one took, in nanoseconds
 * @max_ns: the longest
 * @total_ns: all together
 */
struct mig_op_stats {
	u64 count;
	u64 errors;
	u64 last_ns;
	u64 max_ns;
	u64 total_ns;
};

/**
 * struct mig_session_stats - one migration file, while it is attached or after
 *	that
 * @dir: DMA_FROM_DEVICE: saves, DMA_TO_DEVICE: loads, DMA_NONE: there is or was
 *	none
 * @begun: when it was attached
 * @bytes: of state that firmware has saved or loaded
 * @chunks: chunks that they came in
 * @buffers: bytes of memory for them
 * @complete: after its end: all of the state was moved
 */
struct mig_session_stats {
	enum dma_data_direction dir;
	ktime_t begun;
	u64 bytes;
	u64 chunks;
	u64 buffers;
	bool complete;
};

#define MIG_DEVICE_LEN	20	/* a PCI address with the longest domain */

/**
 * struct mig_stats - what has happened to a function since it was registered
 * @device: its PCI address; the function itself may be gone before its last
 *	migration file
 * @lock: of all below; taken in any context, so readers wait for no firmware
 * @op: firmware operations
 * @session: the attached migration file
 * @ended: the one before
 * @ended_ns: how long that one was attached
 * @stopped: when the function was stopped last
 * @count: what operators see, but @count.resets
 * @log_ranges: ranges that firmware logs; 0: it does not
 * @log_pages: pages in them
 * @log_shift: log2 of a page
 * @log_reports: reports that firmware has given
 * @log_dirty: dirty pages in them
 */
struct mig_stats {
	char device[MIG_DEVICE_LEN];
	spinlock_t lock;	/* of all below */
	struct mig_op_stats op[MIG_NR_OPS];
	struct mig_session_stats session;
	struct mig_session_stats ended;
	u64 ended_ns;
	ktime_t stopped;
	struct vfio_pci_engine_counters count;
	unsigned int log_ranges;
	u64 log_pages;
	unsigned int log_shift;
	u64 log_reports;
	u64 log_dirty;
};

const char *mig_op_name(enum mig_op op);
const char *mig_state_name(enum vfio_device_mig_state state);
void mig_stats_init(struct mig_stats *stats, const char *device);
void mig_stats_read(struct mig_stats *stats, struct mig_stats *copy);
void mig_account_state(struct mig_stats *stats, enum vfio_device_mig_state old,
		       enum vfio_device_mig_state new, int error,
		       enum mig_trigger trigger);
void mig_account_op(struct mig_stats *stats, enum mig_op op, ktime_t begun,
		    int error);
void mig_account_chunk(struct mig_stats *stats,
		       const struct vfio_pci_mig_buf *buf, int error);
void mig_account_session(struct mig_stats *stats, enum dma_data_direction dir,
			 u64 buffers);
void mig_account_session_end(struct mig_stats *stats, bool load, bool complete,
			     bool failed);
void mig_account_log(struct mig_stats *stats, unsigned int ranges, u64 pages,
		     unsigned int shift);
void mig_account_report(struct mig_stats *stats, u64 iova, u64 length,
			const struct vfio_pci_log_bitmap *bitmap, ktime_t begun,
			int error);

#endif /* VFIO_PCI_ENGINE_STATS_H */
