/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_CONTROL_H
#define VFIO_PCI_ENGINE_CONTROL_H

#include <linux/vfio_pci_engine.h>

struct vfio_info_cap;
struct vfio_pci_core_device;
struct vfio_region_info;
struct vm_area_struct;

struct control;

struct control *control_create(struct vfio_pci_core_device *core,
			       const struct vfio_pci_control *where);
void control_destroy(struct control *ctl);
void control_reset_prepare(struct control *ctl);
void control_reset_done(struct control *ctl);
void __iomem *control_begin(struct control *ctl);
void control_end(struct control *ctl);
bool control_is_in(const struct control *ctl, u32 index);
int control_region_info(const struct control *ctl, struct vfio_region_info *info,
			struct vfio_info_cap *caps);
ssize_t control_read(const struct control *ctl, char __user *buf, size_t count, loff_t *ppos);
ssize_t control_write(const struct control *ctl, const char __user *buf, size_t count,
		      loff_t *ppos);
int control_mmap(const struct control *ctl, struct vm_area_struct *vma);
int control_dma_buf(const struct control *ctl, u32 index, u64 pos, u64 length);
int control_ioeventfd(const struct control *ctl);

#endif /* VFIO_PCI_ENGINE_CONTROL_H */
