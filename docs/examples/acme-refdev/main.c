// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PF's driver: firmware's command queue, polled, and the registration. A driver for a product
 * uses interrupts and several commands at a time, as drivers/vfio/mdev-pci/refdev does.
 */
#include <linux/dma-mapping.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/module.h>

#include "acme.h"

#define ACME_POLL_US	50
#define ACME_TIMEOUT_US	(5 * USEC_PER_SEC)
#define ACME_STOP_US	USEC_PER_SEC

static u32 acme_status(struct acme *acme)
{
	return readl(acme->regs + ACME_STATUS);
}

/* On return firmware does not access memory any more: buffers may be freed */
static void acme_stop(struct acme *acme)
{
	u32 status;

	acme->stopped = true;
	writel(0, acme->regs + ACME_CONTROL);
	if (read_poll_timeout(acme_status, status, status == ~0u || !(status & ACME_ENABLED),
			      ACME_POLL_US, ACME_STOP_US, false, acme))
		pci_clear_master(acme->pf);
}

static bool acme_has_answered(struct acme *acme, const struct acme_completion *cpl)
{
	u32 phase = ~(acme->count >> ACME_RING_SHIFT) & 1;

	return (le32_to_cpu(READ_ONCE(cpl->phase)) & 1) == phase;
}

static bool acme_is_broken(struct acme *acme)
{
	u32 status = acme_status(acme);

	return status == ~0u || status & ACME_FATAL;
}

/* Each of firmware's status words is one of the errnos that operations may return */
static const int acme_errnos[] = {
	0, -EOPNOTSUPP, -ENXIO, -EINVAL, -EBADFD, -EMSGSIZE, -EIO, -EBUSY, -ENOSPC, -ECANCELED,
	-EBADMSG, -EIO,
};

static int acme_errno(struct acme *acme, const struct acme_command *cmd, u16 status)
{
	int ret = status < ARRAY_SIZE(acme_errnos) ? acme_errnos[status] : -EIO;

	if (ret)
		dev_err(&acme->pf->dev, "command %u of VF %u: firmware's status is %u (%pe)\n",
			cmd->opcode, cmd->function, status, ERR_PTR(ret));
	return ret;
}

/* Entries are as long as the IOMMU has mapped them, and the table may be longer than the data */
static int acme_fill_sgl(struct acme *acme, const struct acme_command *cmd)
{
	size_t left = cmd->len;
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(cmd->sgt, sg, i) {
		size_t n = min_t(size_t, sg_dma_len(sg), left);

		if (!left)
			return i;
		if (i == ARRAY_SIZE(acme->mem->sgl))
			return -EMSGSIZE;
		acme->mem->sgl[i].addr = cpu_to_le64(sg_dma_address(sg));
		acme->mem->sgl[i].len = cpu_to_le32(n);
		left -= n;
	}
	return left ? -EMSGSIZE : i;
}

static void acme_post(struct acme *acme, const struct acme_command *cmd, int entries)
{
	dma_addr_t sgl = acme->dma + offsetof(struct acme_memory, sgl);

	acme->mem->cmd[acme->count % ACME_RING] = (struct acme_entry) {
		.opcode = cpu_to_le16(cmd->opcode),
		.tag = cpu_to_le16(acme->count),
		.function = cpu_to_le16(cmd->function),
		.flags = cpu_to_le16(cmd->flags),
		.sgl = cpu_to_le64(entries ? sgl : 0),
		.sgl_count = cpu_to_le32(entries),
		.arg = { cpu_to_le64(cmd->arg[0]), cpu_to_le64(cmd->arg[1]) },
	};
	writel(acme->count + 1, acme->regs + ACME_CMD_TAIL);
}

/* Firmware that does not answer is stopped: no DMA to the caller's buffer may be outstanding */
static int acme_wait(struct acme *acme, const struct acme_completion *cpl)
{
	bool answered;
	int ret;

	ret = read_poll_timeout(acme_has_answered, answered, answered || acme_is_broken(acme),
				ACME_POLL_US, ACME_TIMEOUT_US, false, acme, cpl);
	if (answered)
		return 0;
	acme_stop(acme);
	return ret ?: -EIO;
}

static int acme_run_locked(struct acme *acme, struct acme_command *cmd)
{
	struct acme_completion *cpl = &acme->mem->cpl[acme->count % ACME_RING];
	int ret, entries = 0;

	if (acme->stopped)
		return -ESHUTDOWN;
	if (cmd->sgt)
		entries = acme_fill_sgl(acme, cmd);
	if (entries < 0)
		return entries;
	acme_post(acme, cmd, entries);
	ret = acme_wait(acme, cpl);
	if (ret)
		return ret;
	/* Firmware writes the phase last, so the rest of the entry is complete */
	dma_rmb();
	acme->count++;
	writel(acme->count, acme->regs + ACME_CPL_HEAD);
	if (cpl->tag != cpu_to_le16(acme->count - 1)) {
		acme_stop(acme);
		return -EPROTO;
	}
	cmd->result[0] = le64_to_cpu(cpl->result[0]);
	cmd->result[1] = le64_to_cpu(cpl->result[1]);
	return acme_errno(acme, cmd, le16_to_cpu(cpl->status));
}

/**
 * acme_run() - have firmware carry out a command
 * @acme: the PF
 * @cmd: the command; its results are set
 *
 * Context: process context; sleeps, for five seconds at most.
 * Return: 0 or one of acme_errnos; -ETIMEDOUT, -EIO, -EPROTO: firmware has failed, and was stopped.
 */
int acme_run(struct acme *acme, struct acme_command *cmd)
{
	bool failed;
	int ret;

	mutex_lock(&acme->lock);
	failed = !acme->stopped;
	ret = acme_run_locked(acme, cmd);
	failed = failed && acme->stopped;
	mutex_unlock(&acme->lock);
	if (failed) {
		dev_err(&acme->pf->dev, "firmware has failed in command %u (%pe); reset this device\n",
			cmd->opcode, ERR_PTR(ret));
		mdev_pci_parent_error(acme->pf, "firmware has failed");
	}
	return ret;
}

static void acme_set_ring(struct acme *acme, unsigned int reg, size_t offset)
{
	lo_hi_writeq(acme->dma + offset, acme->regs + reg);
	writel(ACME_RING_SHIFT, acme->regs + reg + 8);
}

static int acme_start(struct acme *acme)
{
	u32 status;

	if (read_poll_timeout(acme_status, status, status & (ACME_READY | ACME_FATAL),
			      ACME_POLL_US, ACME_TIMEOUT_US, false, acme))
		return -ETIMEDOUT;
	acme_stop(acme);
	memset(acme->mem, 0, sizeof(*acme->mem));
	acme->count = 0;
	acme_set_ring(acme, ACME_CMD_BASE, offsetof(struct acme_memory, cmd));
	acme_set_ring(acme, ACME_CPL_BASE, offsetof(struct acme_memory, cpl));
	acme_set_ring(acme, ACME_EVT_BASE, offsetof(struct acme_memory, evt));
	pci_set_master(acme->pf);
	writel(1, acme->regs + ACME_CONTROL);
	if (read_poll_timeout(acme_status, status, status & (ACME_ENABLED | ACME_FATAL),
			      ACME_POLL_US, ACME_STOP_US, false, acme))
		return -ETIMEDOUT;
	acme->stopped = status == ~0u || status & ACME_FATAL;
	return acme->stopped ? -EIO : 0;
}

static int acme_identify(struct acme *acme)
{
	struct acme_command cmd = {
		.opcode = ACME_IDENTIFY, .function = ACME_PF, .len = sizeof(acme->mem->info),
	};
	struct scatterlist sg;
	struct sg_table sgt = { .sgl = &sg, .nents = 1, .orig_nents = 1 };

	sg_init_table(&sg, 1);
	sg_dma_address(&sg) = acme->dma + offsetof(struct acme_memory, info);
	sg_dma_len(&sg) = cmd.len;
	cmd.sgt = &sgt;
	return acme_run(acme, &cmd);
}

static int acme_enable(struct vfio_pci_fn *fn, const struct mdev_pci_type *type,
		       struct mdev_pci_limits *limits)
{
	struct acme_command cmd = {
		.opcode = ACME_ENABLE, .function = fn->id, .arg = { type->profile },
	};

	return acme_run(pci_get_drvdata(fn->pf), &cmd);
}

static void acme_disable(struct vfio_pci_fn *fn)
{
	struct acme_command cmd = { .opcode = ACME_DISABLE, .function = fn->id };

	acme_run(pci_get_drvdata(fn->pf), &cmd);
}

static const struct mdev_pci_parent_ops acme_parent_ops = {
	.enable = acme_enable,
	.disable = acme_disable,
};

static const struct mdev_pci_type acme_types[] = {
	{ .name = "dma", .label = "copies up to 1 MiB", .profile = 1, .mig_ops = &acme_mig_ops },
	{ .name = "dma-lite", .label = "up to 64 KiB", .profile = 2, .mig_ops = &acme_mig_ops },
};

static int acme_register(struct acme *acme)
{
	const struct acme_info *info = &acme->mem->info;

	acme->desc = (struct mdev_pci_parent_desc) {
		.owner = THIS_MODULE,
		.model = "ACME accelerator",
		.ops = &acme_parent_ops,
		.types = acme_types,
		.nr_types = ARRAY_SIZE(acme_types),
		.mig_caps = {
			.max_state = le64_to_cpu(info->state_bytes),
			/* A page an entry at worst, of the list above */
			.chunk = min_t(u32, le32_to_cpu(info->max_transfer),
				       ARRAY_SIZE(acme->mem->sgl) * SZ_4K),
			.compat = le32_to_cpu(info->compat),
		},
	};
	return mdev_pci_register_parent(acme->pf, &acme->desc);
}

static int acme_begin(struct acme *acme, struct pci_dev *pf)
{
	int ret;

	acme->pf = pf;
	mutex_init(&acme->lock);
	ret = pcim_enable_device(pf) ?: dma_set_mask_and_coherent(&pf->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	acme->regs = pcim_iomap(pf, 0, 0);
	acme->mem = dmam_alloc_coherent(&pf->dev, sizeof(*acme->mem), &acme->dma, GFP_KERNEL);
	return acme->regs && acme->mem ? 0 : -ENOMEM;
}

static int acme_probe(struct pci_dev *pf, const struct pci_device_id *id)
{
	struct acme *acme = devm_kzalloc(&pf->dev, sizeof(*acme), GFP_KERNEL);
	int ret;

	if (!acme)
		return -ENOMEM;
	pci_set_drvdata(pf, acme);
	ret = acme_begin(acme, pf);
	if (ret)
		return ret;
	ret = acme_start(acme) ?: acme_identify(acme) ?: acme_register(acme);
	if (ret)
		acme_stop(acme);
	return ret;
}

static void acme_remove(struct pci_dev *pf)
{
	/* First: it waits for users, and disables the VFs by firmware */
	mdev_pci_unregister_parent(pf);
	acme_stop(pci_get_drvdata(pf));
}

static void acme_reset_prepare(struct pci_dev *pf)
{
	struct acme *acme = pci_get_drvdata(pf);

	mdev_pci_parent_error(pf, "its PF is reset");
	mutex_lock(&acme->lock);
	acme_stop(acme);
	mutex_unlock(&acme->lock);
}

static void acme_reset_done(struct pci_dev *pf)
{
	struct acme *acme = pci_get_drvdata(pf);
	int ret;

	mutex_lock(&acme->lock);
	ret = acme_start(acme);
	mutex_unlock(&acme->lock);
	if (!ret)
		mdev_pci_parent_restored(pf);
}

static const struct pci_error_handlers acme_err_handlers = {
	.reset_prepare = acme_reset_prepare,
	.reset_done = acme_reset_done,
};

/* No MODULE_DEVICE_TABLE(): the device has a driver of its own, which udev is to load */
static const struct pci_device_id acme_ids[] = {
	{ PCI_DEVICE_SUB(0x8086, 0xf0d0, 0x1af4, 0x1100) },
	{ }
};

static struct pci_driver acme_driver = {
	.name = "acme-refdev",
	.id_table = acme_ids,
	.probe = acme_probe,
	.remove = acme_remove,
	.sriov_configure = mdev_pci_sriov_configure,
	.err_handler = &acme_err_handlers,
};

module_pci_driver(acme_driver);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("ACME");
MODULE_DESCRIPTION("Skeleton of a vendor module that migrates, for the reference device");
MDEV_PCI_MODULE_DEPS;
