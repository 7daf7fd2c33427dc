/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVLink2 as the engine uses it: all that is known of nvlink2/ outside of it.
 * Without CONFIG_VFIO_PCI_ENGINE_NVLINK2 no device has such a part.
 */
#ifndef VFIO_PCI_ENGINE_NVLINK2_ENGINE_H
#define VFIO_PCI_ENGINE_NVLINK2_ENGINE_H

#include <linux/err.h>
#include <linux/pci.h>
#include <linux/vfio_pci_nvlink2.h>

struct nvlink2;
struct vfio_pci_core_device;

#ifdef ENGINE_NVLINK2
struct nvlink2 *nvlink2_create(struct vfio_pci_core_device *core,
			       struct vfio_pci_fn *fn,
			       const struct vfio_pci_nvlink2_ops *ops);
void nvlink2_destroy(struct nvlink2 *nv);
int nvlink2_open(struct nvlink2 *nv);
void nvlink2_reset_prepare(struct nvlink2 *nv);
void nvlink2_reset_done(struct nvlink2 *nv);
void nvlink2_low_power(struct nvlink2 *nv);
void nvlink2_exit(void);
#else
static inline struct nvlink2 *
nvlink2_create(struct vfio_pci_core_device *core, struct vfio_pci_fn *fn,
	       const struct vfio_pci_nvlink2_ops *ops)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void nvlink2_destroy(struct nvlink2 *nv)
{
}

static inline int nvlink2_open(struct nvlink2 *nv)
{
	return 0;
}

static inline void nvlink2_reset_prepare(struct nvlink2 *nv)
{
}

static inline void nvlink2_reset_done(struct nvlink2 *nv)
{
}

static inline void nvlink2_low_power(struct nvlink2 *nv)
{
}

static inline void nvlink2_exit(void)
{
}
#endif

#endif /* VFIO_PCI_ENGINE_NVLINK2_ENGINE_H */
