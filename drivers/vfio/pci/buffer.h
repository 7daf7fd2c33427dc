/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_BUFFER_H
#define VFIO_PCI_ENGINE_BUFFER_H

#include <linux/vfio_pci_engine.h>

int mig_buf_alloc(struct vfio_pci_mig_buf *buf, size_t size,
		  struct device *dev);
int mig_buf_grow(struct vfio_pci_mig_buf *buf, size_t size, struct device *dev,
		 const struct vfio_pci_mig_buf *old);
void mig_buf_clear_rest(struct vfio_pci_mig_buf *buf);
int mig_buf_list(struct vfio_pci_mig_buf *buf, size_t len);
void mig_buf_unlist(struct vfio_pci_mig_buf *buf);
void mig_buf_replace(struct vfio_pci_mig_buf *buf,
		     struct vfio_pci_mig_buf *new);
u64 mig_buf_used(void);
u64 mig_buf_limit(void);
void mig_buf_free(struct vfio_pci_mig_buf *buf);
int mig_buf_map(struct vfio_pci_mig_buf *buf, struct device *dev,
		enum dma_data_direction dir);
void mig_buf_unmap(struct vfio_pci_mig_buf *buf, struct device *dev);
void mig_buf_to_cpu(struct vfio_pci_mig_buf *buf, struct device *dev);
void mig_buf_to_device(struct vfio_pci_mig_buf *buf, struct device *dev);

#endif /* VFIO_PCI_ENGINE_BUFFER_H */
