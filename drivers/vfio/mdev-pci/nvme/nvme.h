/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _NVME_PF_H
#define _NVME_PF_H

#include <linux/mdev_pci.h>
#include <linux/mutex.h>

#include "queue.h"

#define NPF_NR_TYPES	4

/**
 * struct npf_identity - Identify data of the controller that must not change
 * @cntlid: its identifier.
 * @max_transfer: most data that a command may have, in bytes.
 * @max: flexible resources that one secondary controller can have, by &enum
 *	npf_resource.
 * @csvi: index of the version of the standard part of a controller's state.
 * @csuuidi: index of the format of the vendor's part.
 * @compat: identifies both formats; firmware loads only a state with the same
 *	formats.
 * @not_migratable: why its secondary controllers can't be migrated, or NULL.
 * @model: its model name, for the log and the description.
 */
struct npf_identity {
	u16 cntlid;
	u32 max_transfer;
	u16 max[NPF_NR_RESOURCES];
	u8 csvi;
	u8 csuuidi;
	u32 compat;
	const char *not_migratable;
	char model[48];
};

/**
 * struct npf - an NVMe controller that is the PF of secondary controllers
 * @queue: its admin queue.
 * @id: its Identify data.
 * @saved: flexible resources that it had when it was bound, and gets back when
 *	it is unbound.
 * @desc: its registration with the framework.
 * @types: its types, for @desc.
 * @virt_lock: held from the check for free resources to their assignment, so
 *	that no other secondary controller gets them in between.
 */
struct npf {
	struct npf_queue queue;
	struct npf_identity id;
	u16 saved[NPF_NR_RESOURCES];
	struct mdev_pci_parent_desc desc;
	struct mdev_pci_type types[NPF_NR_TYPES];
	struct mutex virt_lock; /* see above */
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
 * @primary: those of the primary controller.
 * @free: those without an owner.
 */
struct npf_capacity {
	u32 total;
	u16 primary;
	u32 free;
};

/* identify.c */
int npf_identify(struct npf *npf);
int npf_capacity(struct npf *npf,
		 struct npf_capacity capacity[NPF_NR_RESOURCES]);
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

#endif /* _NVME_PF_H */
