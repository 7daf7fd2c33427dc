/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_FW_CALL_H
#define VFIO_PCI_ENGINE_FW_CALL_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/vfio_pci_engine.h>
#include <linux/workqueue.h>

#include "stats.h"

struct vfio_pci_migration;

/**
 * struct mig_call - a call of a vendor operation
 * @run: calls it
 * @op: which it is
 * @buf: its buffer, or NULL
 * @dir: argument of begin
 * @level: argument of suspend and resume
 * @compat: argument of check_compat
 * @bytes: result of state_size and chunk_size
 * @left: result of precopy_size
 */
struct mig_call {
	int (*run)(struct vfio_pci_migration *mig, struct mig_call *call);
	enum mig_op op;
	struct vfio_pci_mig_buf *buf;
	enum vfio_pci_mig_dir dir;
	enum vfio_pci_fn_level level;
	u32 compat;
	u64 bytes;
	struct vfio_pci_precopy_size left;
};

/**
 * struct mig_fw_worker - calls operations that may never return
 * @work: runs @call
 * @call: a copy, since the caller may be gone
 * @ret: its result
 * @done: it has returned
 * @state: whether the operation returned before the time-out: see fw_call.c
 * @begun: when it was called
 */
struct mig_fw_worker {
	struct work_struct work;
	struct mig_call call;
	int ret;
	struct completion done;
	atomic_t state;
	ktime_t begun;
};

int mig_fw_worker_init(struct vfio_pci_migration *mig);
void mig_fw_worker_exit(void);
int mig_fw_check(struct vfio_pci_migration *mig, enum mig_op op);
int mig_fw_call(struct vfio_pci_migration *mig, struct mig_call *call);

#endif /* VFIO_PCI_ENGINE_FW_CALL_H */
