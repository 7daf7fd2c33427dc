// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host managed live migration: sections 5.1.16, 5.1.17 and 8.1.12 of the
 * specification. The PF is what it calls the Migration Management Controller.
 *
 * A controller has one suspended state: it fetches no command and begins no
 * transaction, but doorbells and other properties can be written. That is
 * VFIO_PCI_FN_P2P. Nothing else changes the state, so VFIO_PCI_FN_FULL is the
 * same.
 */
#include <linux/minmax.h>
#include <linux/sizes.h>

#include "nvme.h"

/*
 * The specification names no limit. The I/O queues need at most 3 MiB (twice
 * 65535 of 24 bytes); a vendor's part has features and logs.
 */
#define NPF_MAX_STATE	SZ_16M

static struct npf_cmd npf_send(struct vfio_pci_fn *fn, const char *what,
			       u32 dw10, u32 dw11)
{
	struct npf_cmd cmd = { .what = what, .cntlid = npf_cntlid(fn) };

	cmd.sqe.common.opcode = NPF_MIGRATION_SEND;
	cmd.sqe.common.cdw10 = cpu_to_le32(dw10);
	cmd.sqe.common.cdw11 = cpu_to_le32(dw11 | cmd.cntlid);
	return cmd;
}

static int npf_suspend(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	/* No error if it is suspended already: section 5.1.17.1.1 */
	struct npf_cmd cmd = npf_send(fn, "Migration Send (Suspend)", NPF_SEND_SUSPEND,
				      NPF_SUSPEND_NOW);

	return npf_run(&npf_of(fn)->queue, &cmd);
}

static int npf_resume(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level)
{
	struct npf_cmd cmd = npf_send(fn, "Migration Send (Resume)", NPF_SEND_RESUME, 0);

	return level == VFIO_PCI_FN_FULL ? 0 :
					   npf_run(&npf_of(fn)->queue, &cmd);
}

static void npf_set_offset(struct npf_cmd *cmd, u64 offset)
{
	cmd->sqe.common.cdw12 = cpu_to_le32(lower_32_bits(offset));
	cmd->sqe.common.cdw13 = cpu_to_le32(upper_32_bits(offset));
}

/*
 * Figures 344 to 346. The number of dwords counts from 0. CSUIDXP, bits 24 to
 * 31 of dword 11, is a parameter of the vendor's format that only the vendor
 * knows: 0.
 */
static struct npf_cmd npf_receive(struct vfio_pci_fn *fn, u64 offset,
				  size_t len)
{
	const struct npf_identity *id = &npf_of(fn)->id;
	struct npf_cmd cmd = { .what = "Migration Receive (Get Controller State)",
			       .cntlid = npf_cntlid(fn), .len = len };

	cmd.sqe.common.opcode = NPF_MIGRATION_RECEIVE;
	cmd.sqe.common.cdw10 = cpu_to_le32(id->csvi << 16);
	cmd.sqe.common.cdw11 = cpu_to_le32(id->csuuidi << 16 | cmd.cntlid);
	cmd.sqe.common.cdw15 = cpu_to_le32(len / sizeof(u32) - 1);
	npf_set_offset(&cmd, offset);
	return cmd;
}

static int npf_bad_state(struct vfio_pci_fn *fn, const char *what)
{
	dev_err_ratelimited(&fn->pf->dev, "the state of controller %u %s: update its firmware\n",
			    npf_cntlid(fn), what);
	return -EPROTO;
}

static int npf_state_size(struct vfio_pci_fn *fn, u64 *size)
{
	struct npf_state_header header;
	struct npf_cmd cmd = npf_receive(fn, 0, sizeof(header));
	u64 standard, vendor;
	int ret;

	ret = npf_run_page(&npf_of(fn)->queue, &cmd, &header, sizeof(header));
	if (ret)
		return ret;
	standard = le64_to_cpu(header.standard[0]);
	vendor = le64_to_cpu(header.vendor[0]);
	if (header.standard[1] || header.vendor[1] ||
	    standard > NPF_MAX_STATE || vendor > NPF_MAX_STATE)
		return npf_bad_state(fn, "has an impossible size");
	/* The engine compares it with the limit */
	*size = sizeof(header) + (standard + vendor) * sizeof(u32);
	return 0;
}

static int npf_save(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	struct npf_cmd cmd;
	size_t len;
	u64 size;
	int ret;

	ret = npf_state_size(fn, &size);
	if (ret)
		return ret;
	if (buf->offset >= size)
		return npf_bad_state(fn, "has changed while it was suspended");
	len = min_t(u64, buf->len, size - buf->offset);
	cmd = npf_receive(fn, buf->offset, len);
	cmd.sgt = &buf->sgt;
	ret = npf_run(&npf_of(fn)->queue, &cmd);
	if (ret)
		return ret;
	if (!(cmd.result & NPF_WAS_SUSPENDED))
		return npf_bad_state(fn, "was saved while it was not suspended");
	buf->len = len;
	buf->last = buf->offset + len == size;
	return 0;
}

/*
 * Section 5.1.17.1.3: the last chunk applies the state; a first chunk drops
 * earlier ones
 */
static int npf_load(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf)
{
	const struct npf_identity *id = &npf_of(fn)->id;
	struct npf_cmd cmd;

	if (buf->len % sizeof(u32)) {
		dev_err_ratelimited(&fn->pf->dev, "the state for controller %u is not a whole number of dwords: this driver did not save it\n",
				    npf_cntlid(fn));
		return -EINVAL;
	}
	cmd = npf_send(fn, "Migration Send (Set Controller State)",
		       NPF_SEND_SET_STATE | (buf->offset ? 0 : NPF_SEQ_FIRST) |
			       (buf->last ? NPF_SEQ_LAST : 0),
		       (u32)id->csuuidi << 24 | id->csvi << 16);
	npf_set_offset(&cmd, buf->offset);
	/* The number itself: Migration Receive counts from 0 */
	cmd.sqe.common.cdw15 = cpu_to_le32(buf->len / sizeof(u32));
	cmd.sgt = &buf->sgt;
	cmd.len = buf->len;
	return npf_run(&npf_of(fn)->queue, &cmd);
}

const struct vfio_pci_mig_ops npf_mig_ops = {
	.suspend = npf_suspend,
	.resume = npf_resume,
	.state_size = npf_state_size,
	.save = npf_save,
	.load = npf_load,
};

/**
 * npf_mig_caps() - get the limits of migration
 * @npf: the PF, which has been identified.
 *
 * Return: the limits; valid only if the PF can migrate its secondary
 * controllers.
 */
struct vfio_pci_mig_caps npf_mig_caps(const struct npf *npf)
{
	return (struct vfio_pci_mig_caps) {
		.max_state = NPF_MAX_STATE,
		.chunk = npf->id.max_transfer,
		.compat = npf->id.compat,
	};
}
