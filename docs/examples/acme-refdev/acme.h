/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The second skeleton: a PF driver whose VFs migrate, against firmware that exists: the reference
 * device's (docs/reference-device.rst), which QEMU emulates. Put your device's firmware commands
 * in the place of these.
 */
#ifndef _ACME_H
#define _ACME_H

#include <linux/mdev_pci.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

/* As the device's documents have it */
#define ACME_MAGIC		0x000
#define ACME_VERSION		0x004
#define ACME_STATUS		0x008
#define  ACME_READY		BIT(0)
#define  ACME_FATAL		BIT(1)
#define  ACME_ENABLED		BIT(2)
#define ACME_CONTROL		0x00c
#define ACME_CMD_BASE		0x010
#define ACME_CMD_TAIL		0x01c
#define ACME_CPL_BASE		0x020
#define ACME_CPL_HEAD		0x02c
#define ACME_EVT_BASE		0x030
#define ACME_RING_SHIFT		5
#define ACME_RING		BIT(ACME_RING_SHIFT)
#define ACME_PF			0xffff
#define ACME_LAST		BIT(0)

enum acme_opcode {
	ACME_IDENTIFY = 0x01, ACME_ENABLE, ACME_DISABLE,
	ACME_SUSPEND = 0x10, ACME_RESUME, ACME_STATE_SIZE, ACME_SAVE, ACME_LOAD,
};

struct acme_entry {
	__le16 opcode, tag, function, flags;
	__le64 sgl;
	__le32 sgl_count, reserved;
	__le64 arg[5];
};

struct acme_completion {
	__le16 tag, status;
	__le32 phase;
	__le64 result[3];
};

struct acme_sge {
	__le64 addr;
	__le32 len, reserved;
};

struct acme_info {
	__le32 magic, fw_version, compat;
	__le16 total_vfs, profiles, outstanding, max_sgl;
	__le32 max_transfer;
	__le64 context_bytes, state_bytes;
	u8 more[216];
};

/* Memory that firmware reads and writes by DMA; each member is on a page of its own */
struct acme_memory {
	struct acme_entry cmd[SZ_4K / sizeof(struct acme_entry)];
	struct acme_completion cpl[SZ_4K / sizeof(struct acme_completion)];
	u8 evt[SZ_4K];
	struct acme_sge sgl[SZ_4K / sizeof(struct acme_sge)];
	struct acme_info info;
};

/**
 * struct acme - a PF
 * @pf: its device
 * @regs: BAR 0
 * @mem: what firmware reads and writes
 * @dma: its bus address
 * @lock: see below
 * @count: number of commands that were submitted
 * @stopped: no command is submitted any more
 * @desc: what is offered
 */
struct acme {
	struct pci_dev *pf;
	void __iomem *regs;
	struct acme_memory *mem;
	dma_addr_t dma;
	struct mutex lock; /* one command at a time */
	u32 count;
	bool stopped;
	struct mdev_pci_parent_desc desc;
};

/**
 * struct acme_command - a firmware command
 * @opcode: which
 * @function: number of the VF, or ACME_PF
 * @flags: as the opcode has them
 * @arg: as the opcode has them
 * @sgt: its data, mapped for DMA by the PF; NULL: none
 * @len: bytes of data
 * @result: set by firmware
 */
struct acme_command {
	u16 opcode, function, flags;
	u64 arg[2];
	const struct sg_table *sgt;
	size_t len;
	u64 result[2];
};

int acme_run(struct acme *acme, struct acme_command *cmd);

extern const struct vfio_pci_mig_ops acme_mig_ops;

#endif /* _ACME_H */
