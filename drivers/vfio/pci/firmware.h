/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_FIRMWARE_H
#define VFIO_PCI_ENGINE_FIRMWARE_H

#include <linux/vfio_pci_engine.h>

struct vfio_pci_migration;

int mig_fw_begin(struct vfio_pci_migration *mig, enum vfio_pci_mig_dir dir);
void mig_fw_end(struct vfio_pci_migration *mig);
int mig_fw_attach(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf);
void mig_fw_detach(struct vfio_pci_migration *mig,
		   struct vfio_pci_mig_buf *buf);
int mig_fw_chunk_size(struct vfio_pci_migration *mig, u64 *bytes);
int mig_fw_suspend(struct vfio_pci_migration *mig,
		   enum vfio_pci_fn_level level);
int mig_fw_resume(struct vfio_pci_migration *mig, enum vfio_pci_fn_level level);
int mig_fw_state_size(struct vfio_pci_migration *mig, u64 *size);
int mig_fw_move(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf);
int mig_fw_check_compat(struct vfio_pci_migration *mig, u32 compat);
int mig_fw_precopy_start(struct vfio_pci_migration *mig);
int mig_fw_precopy_stop(struct vfio_pci_migration *mig,
			struct vfio_pci_mig_buf *buf);
int mig_fw_precopy_size(struct vfio_pci_migration *mig,
			struct vfio_pci_precopy_size *size);
void mig_fw_abort(struct vfio_pci_migration *mig, struct vfio_pci_mig_buf *buf);
int mig_fw_log_start(struct vfio_pci_migration *mig,
		     const struct vfio_pci_log_range *ranges, unsigned int nr,
		     unsigned int page_shift);
int mig_fw_log_stop(struct vfio_pci_migration *mig);
int mig_fw_log_report(struct vfio_pci_migration *mig, u64 iova, u64 length,
		      struct vfio_pci_log_bitmap *bitmap);
int mig_fw_dirty_list(struct vfio_pci_migration *mig, u64 iova, u64 length);

#endif /* VFIO_PCI_ENGINE_FIRMWARE_H */
