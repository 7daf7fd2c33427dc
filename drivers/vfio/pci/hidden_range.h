/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_CONTROL_H
#define VFIO_PCI_ENGINE_CONTROL_H

#include <linux/vfio_pci_engine.h>

struct vfio_info_cap;
struct vfio_pci_core_device;
struct vfio_region_info;
struct vm_area_struct;

struct hidden_range;

struct hidden_range *hidden_create(struct vfio_pci_core_device *core,
				   const struct vfio_pci_hidden_range *where);
void hidden_destroy(struct hidden_range *ctl);
void hidden_reset_prepare(struct hidden_range *ctl);
void hidden_reset_done(struct hidden_range *ctl);
void __iomem *hidden_begin(struct hidden_range *ctl);
void hidden_end(struct hidden_range *ctl);
bool hidden_is_in(const struct hidden_range *ctl, u32 index);
int hidden_region_info(const struct hidden_range *ctl,
		       struct vfio_region_info *info,
		       struct vfio_info_cap *caps);
ssize_t hidden_read(const struct hidden_range *ctl, char __user *buf,
		    size_t count, loff_t *ppos);
ssize_t hidden_write(const struct hidden_range *ctl, const char __user *buf,
		     size_t count, loff_t *ppos);
int hidden_mmap(const struct hidden_range *ctl, struct vm_area_struct *vma);
int hidden_dma_buf(const struct hidden_range *ctl, u32 index, u64 pos,
		   u64 length);
int hidden_ioeventfd(const struct hidden_range *ctl);

#endif /* VFIO_PCI_ENGINE_CONTROL_H */
