/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _NVME_PF_H
#define _NVME_PF_H

#include <linux/mdev_pci.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

#include "queue.h"

#define NPF_NR_TYPES	4

/**
 * struct npf_identity - what the controller says of itself that does not change
 * @cntlid: its identifier.
 * @max_transfer: most data that a command may have, in bytes.
 * @max: flexible resources that one secondary controller can have, by &enum npf_resource.
 * @csvi: index of the version of the standard part of a controller's state.
 * @csuuidi: index of the format of the vendor's part.
 * @compat: stands for both formats: firmware loads a state with the same only.
 * @min_page_shift: log2 of the smallest page that it tracks memory by; 0: it does not.
 * @max_page_shift: of the largest.
 * @logs_user_data: it can log which blocks of a namespace change, in entries that are known here.
 * @not_migratable: why its secondary controllers can't be migrated, or NULL.
 * @model: its name, for people.
 */
struct npf_identity {
	u16 cntlid;
	u32 max_transfer;
	u16 max[NPF_NR_RESOURCES];
	u8 csvi;
	u8 csuuidi;
	u32 compat;
	u8 min_page_shift;
	u8 max_page_shift;
	bool logs_user_data;
	const char *not_migratable;
	char model[48];
};

/**
 * struct npf - an NVMe controller that is the PF of secondary controllers
 * @queue: its admin queue.
 * @id: what it says of itself.
 * @had: flexible resources that it had itself when it was bound: it gets them back.
 * @desc: what the framework was told of it.
 * @types: its types, for @desc.
 * @user_data: &struct npf_user_data of enabled VFs, by their number.
 * @virt_lock: held over Virtualization Management of a secondary controller: the check whether
 *	there is enough and the assignment belong together.
 * @parent_lock: protects @parent from a failure of @queue.
 * @parent: the PF as mdev parent.
 */
struct npf {
	struct npf_queue queue;
	struct npf_identity id;
	u16 had[NPF_NR_RESOURCES];
	struct mdev_pci_parent_desc desc;
	struct mdev_pci_type types[NPF_NR_TYPES];
	struct xarray user_data;
	struct mutex virt_lock; /* see above */
	struct mutex parent_lock; /* of parent */
	struct mdev_pci_parent *parent;
};

static inline struct npf *npf_of(struct vfio_pci_fn *fn)
{
	return pci_get_drvdata(fn->pf);
}

/* Identifier of the controller that is an enabled VF */
static inline u16 npf_cntlid(struct vfio_pci_fn *fn)
{
	return (unsigned long)fn->priv;
}

/**
 * struct npf_capacity - flexible resources of one kind
 * @total: of all controllers.
 * @primary: of these the primary controller has so many.
 * @free: so many nobody has.
 */
struct npf_capacity {
	u32 total;
	u16 primary;
	u32 free;
};

/* identify.c */
int npf_identify(struct npf *npf);
int npf_capacity(struct npf *npf, struct npf_capacity capacity[NPF_NR_RESOURCES]);
int npf_secondaries(struct npf *npf, unsigned int *online, unsigned int *all);
int npf_secondary(struct npf *npf, unsigned int vf, u16 *cntlid);

/* ops.c */
extern const struct mdev_pci_parent_ops npf_parent_ops;

int npf_set_types(struct npf *npf);
int npf_take_primary(struct npf *npf);
void npf_return_primary(struct npf *npf);

/* migrate.c */
extern const struct vfio_pci_mig_ops npf_mig_ops;

struct vfio_pci_mig_caps npf_mig_caps(const struct npf *npf);

/* track.c */
extern const struct vfio_pci_log_ops npf_log_ops;

void npf_identify_tracking(struct npf *npf, struct npf_identity *id, const struct npf_tracking *t);
struct vfio_pci_log_caps npf_log_caps(const struct npf *npf);

/**
 * struct npf_user_data - what changes in the user data of an enabled VF, for one reader at a time
 * @kref: of the VF, and of its reader.
 * @dir: its directory in debugfs.
 * @lock: of all below, and of the entries of @log. Held over commands; no user memory is touched.
 * @queue: the admin queue; NULL: the VF is not enabled any more.
 * @cntlid: identifier of its controller.
 * @open: there is a reader.
 * @log: what the controller logs to, or to what it still may.
 * @error: outcome of each read from now on, or 0.
 * @end: position behind the last entry of a log that has ended.
 * @why: outcome of reads there.
 */
struct npf_user_data {
	struct kref kref;
	struct dentry *dir;
	struct mutex lock; /* see above */
	struct npf_queue *queue;
	u16 cntlid;
	bool open;
	struct npf_data_queue *log;
	int error;
	u64 end;
	int why;
};

/* The longest line of text, and more */
#define NPF_LINE	96

/* user_data.c */
void npf_user_data_add(struct npf *npf, struct vfio_pci_fn *fn);
void npf_user_data_remove(struct npf *npf, struct vfio_pci_fn *fn);
void npf_user_data_put(struct npf_user_data *u);
int npf_user_data_open(struct npf_user_data *u);
ssize_t npf_user_data_read(struct npf_user_data *u, char *text, size_t size, u64 *end);
int npf_user_data_taken(struct npf_user_data *u, u64 end);
void npf_user_data_close(struct npf_user_data *u);

/* debugfs.c */
struct dentry *npf_debugfs_add(struct npf_user_data *u, const char *name);
void npf_debugfs_remove(struct dentry *dir);

#endif /* _NVME_PF_H */
