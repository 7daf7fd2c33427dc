/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _REFDEV_H
#define _REFDEV_H

#include <linux/mdev_pci.h>
#include <linux/mutex.h>

#include "fw/queue.h"

/* Of VFs */
#define REFDEV_NR_TYPES	2

struct refdev_debugfs_vf;

/**
 * struct refdev - a PF of the reference device
 * @queue: its firmware command queue.
 * @desc: its registration with the framework.
 * @types: its types, for @desc.
 * @control: where VFs have their control blocks, for @types.
 * @acquired: the device is this driver's now. Under device_lock() of the PF.
 * @debugfs: the PF in debugfs.
 * @debugfs_vfs: its VFs there, or NULL: no memory.
 */
struct refdev {
	struct refdev_queue queue;
	struct mdev_pci_parent_desc desc;
	struct mdev_pci_type types[REFDEV_NR_TYPES + 1];
	struct vfio_pci_hidden_range control;
	bool acquired;
	struct dentry *debugfs;
	struct refdev_debugfs_vf *debugfs_vfs;
};

extern const struct mdev_pci_parent_ops refdev_parent_ops;
extern const struct mdev_pci_type refdev_types[REFDEV_NR_TYPES];

/* Of a VF: while there are any, the PF and its driver data are this driver's */
static inline struct refdev_queue *refdev_queue_of(struct vfio_pci_fn *fn)
{
	struct refdev *r = pci_get_drvdata(fn->pf);

	return &r->queue;
}

int refdev_command(struct vfio_pci_fn *fn, u16 opcode, u64 arg);

/* attr.c */
unsigned int refdev_make_types(struct refdev *r);

/* tracker.c */
extern const struct vfio_pci_log_ops refdev_log_ops;

struct vfio_pci_log_caps refdev_log_caps(const struct refdev_queue *q);

/* precopy.c */
int refdev_precopy_start(struct vfio_pci_fn *fn);
int refdev_precopy_stop(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
int refdev_precopy_size(struct vfio_pci_fn *fn,
			struct vfio_pci_precopy_size *size);

/* fw/device.c */
int refdev_acquire(struct refdev *r);
void refdev_release(struct refdev *r);

/* fw/recovery.c */
extern const struct pci_error_handlers refdev_err_handlers;
extern const struct dev_pm_ops refdev_pm_ops;

void refdev_shutdown(struct pci_dev *pdev);

/* Optional parts, which a driver of real hardware does not need. pf.c */
#ifdef REFDEV_PF_TYPE
extern const struct mdev_pci_type refdev_pf_type;
#endif

/* vf_ctrl.c */
#ifdef REFDEV_VF_CTRL
void refdev_vf_ctrl(struct refdev *r);
#else
static inline void refdev_vf_ctrl(struct refdev *r)
{
}
#endif

/* debugfs.c */
#ifdef REFDEV_DEBUGFS
void refdev_debugfs_add(struct refdev *r);
void refdev_debugfs_remove(struct refdev *r);
void refdev_debugfs_enabled(struct vfio_pci_fn *fn, bool enabled);
#else
static inline void refdev_debugfs_add(struct refdev *r)
{
}

static inline void refdev_debugfs_remove(struct refdev *r)
{
}

static inline void refdev_debugfs_enabled(struct vfio_pci_fn *fn, bool enabled)
{
}
#endif

#endif /* _REFDEV_H */
