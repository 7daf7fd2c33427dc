/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFs of ConnectX adapters. The PF stays bound to mlx5_core, whose exported
 * functions carry out commands: it bounds the wait for each (60 s unless
 * firmware says otherwise), and has the syndrome of one that failed in the log.
 */
#ifndef _MDEV_PCI_MLX5_H
#define _MDEV_PCI_MLX5_H

#include <linux/mdev_pci.h>
#include <linux/mlx5/driver.h>
#include <linux/notifier.h>

/*
 * Structures that headers of some supported kernels lack. A u8 is a bit, as in
 * mlx5_ifc.h. The first one begins as any command that names a VF; the second
 * one is the answer to QUERY, SAVE and LOAD.
 */
struct mlx5_ifc_mvf_in_bits {
	u8 opcode[0x10];
	u8 reserved_at_10[0x20];
	u8 op_mod[0x10];
	u8 incremental[0x1];
	u8 chunk_or_track[0x1];
	u8 reserved_at_42[0xe];
	u8 vhca_id[0x10];
	u8 reserved_at_60[0x60];
	u8 mkey[0x20];
	u8 size[0x20];
};

struct mlx5_ifc_mvf_out_bits {
	u8 status[0x8];
	u8 reserved_at_8[0x38];
	u8 actual_image_size[0x20];
	u8 next_required_umem_size[0x20];
	u8 required_umem_size[0x20];
	u8 reserved_at_a0[0x20];
	u8 remaining_total_size[0x40];
	u8 reserved_at_100[0x100];
};

struct mlx5_ifc_mvf_cap_2_bits {
	u8 reserved_at_0[0x80];
	u8 migratable[0x1];
	u8 reserved_at_81[0x47];
	u8 migration_multi_load[0x1];
	u8 migration_tracking_state[0x1];
	u8 reserved_at_ca[0x6];
	u8 migration_in_chunks[0x1];
	u8 reserved_at_d1[0x2f];
};

/* A VF that is an mdev. The engine's state mutex guards it */
struct mvf {
	struct vfio_pci_fn *fn;
	struct mlx5_core_dev *mdev;	/* the PF's; good as long as the VF is on the PCI bus */
	struct notifier_block nb;	/* told when mlx5_core disables and enables the VF */
	u16 vhca_id;			/* firmware's number of the VF */
	bool chunks;			/* firmware saves in chunks, at VFIO_PCI_FN_FULL */
	u32 pdn;			/* protection domain of the session */
	struct mlx5_async_ctx async;	/* commands of the session that were not answered */
	bool tracking;			/* firmware tracks changes since the last SAVE */
	bool lost;			/* it does no more: the next save is of the stopped VF */
	struct mvf_tracker *tracker;	/* the log of dirty pages, or NULL */
	u32 next;			/* bytes to go on with an image in chunks, or 0 */
	struct {			/* the SAVE or LOAD in progress, until it is answered */
		struct mlx5_async_work work;
		struct vfio_pci_mig_buf *buf;
		u32 in[MLX5_ST_SZ_DW(mvf_in)];
		u32 out[MLX5_ST_SZ_DW(mvf_out)];
	} move;
};

/*
 * Firmware that is busy or out of resources is -EAGAIN to mlx5_core; no
 * operation returns that
 */
static inline int mvf_errno(int ret)
{
	return ret == -EAGAIN ? -ENOSPC : ret;
}

/* Of the states that firmware saves */
static inline u32 mvf_version(struct mlx5_core_dev *mdev)
{
	return fw_rev_maj(mdev) << 16 | fw_rev_min(mdev);
}

extern const struct vfio_pci_mig_ops mvf_mig_ops;
extern const struct vfio_pci_log_ops mvf_log_ops;

u32 *mvf_mkey_in(u32 pdn, u32 pages, unsigned int page_shift, int *len,
		 __be64 **mtt);
void mvf_tracker_free(struct mvf *v);
void mvf_log_limits(struct mlx5_core_dev *mdev, struct vfio_pci_log_caps *caps);

#endif /* _MDEV_PCI_MLX5_H */
