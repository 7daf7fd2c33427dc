// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices whose VFs are suspended, saved, loaded and resumed by a control block
 * of their own, in a BAR that the engine hides: the same commands as those of
 * the PF's queue, one at a time, with data that the CPU copies through a
 * window. Nothing is outstanding when an operation returns.
 */
#include <linux/delay.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/jiffies.h>
#include <linux/sizes.h>

#include "refdev.h"

#define REFDEV_POLL_US	50

/* The most that one save returns: the user waits until the CPU has copied it */
#define REFDEV_PIECE	SZ_64K

/**
 * struct refdev_call - a command by the control block
 * @opcode: &enum refdev_opcode.
 * @flags: command flags.
 * @arg: arguments.
 * @bytes: of data, at most a window; 0: none.
 * @in: data for firmware, or NULL.
 * @out: room for data from firmware, or NULL.
 * @result: what firmware returned. Not checked.
 * @ring: what the doorbell was written with.
 */
struct refdev_call {
	u16 opcode;
	u16 flags;
	u64 arg[2];
	u32 bytes;
	const void *in;
	void *out;
	u64 result[2];
	u32 ring;
};

static void __iomem *refdev_window(struct vfio_pci_fn *fn, void __iomem *regs)
{
	return regs + le32_to_cpu(refdev_queue_of(fn)->info.window_offset);
}

static void refdev_ring(struct vfio_pci_fn *fn, void __iomem *regs,
			struct refdev_call *call)
{
	unsigned int i;

	writel(call->opcode | call->flags << REFDEV_VC_FLAGS_SHIFT,
	       regs + REFDEV_VC_COMMAND);
	for (i = 0; i < ARRAY_SIZE(call->arg); i++)
		lo_hi_writeq(call->arg[i], regs + REFDEV_VC_ARG(i));
	writel(call->bytes, regs + REFDEV_VC_BYTES);
	if (call->in)
		memcpy_toio(refdev_window(fn, regs), call->in, call->bytes);
	/* 0 is what a reset leaves */
	call->ring = readl(regs + REFDEV_VC_DONE) + 1 ?: 1;
	writel(call->ring, regs + REFDEV_VC_DOORBELL);
}

static int refdev_call_begin(struct vfio_pci_fn *fn, struct refdev_call *call)
{
	void __iomem *regs = vfio_pci_hidden_begin(fn);
	int ret = 0;

	if (IS_ERR(regs))
		return PTR_ERR(regs);
	if (readl(regs + REFDEV_VC_MAGIC) != REFDEV_VC_MAGIC_VALUE)
		ret = -ENODEV;
	else if (readl(regs + REFDEV_VC_DOORBELL) !=
		 readl(regs + REFDEV_VC_DONE))
		ret = -EBUSY;
	else
		refdev_ring(fn, regs, call);
	vfio_pci_hidden_end(fn);
	if (ret)
		dev_err_ratelimited(&fn->pdev->dev, "%s refused: the control block %s\n",
				    refdev_opcode_name(call->opcode), ret == -EBUSY ?
				    "has a command that did not end" : "does not answer");
	return ret;
}

static void refdev_call_results(struct vfio_pci_fn *fn, void __iomem *regs,
				struct refdev_call *call)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(call->result); i++)
		call->result[i] = lo_hi_readq(regs + REFDEV_VC_RESULT(i));
	/* Firmware may report more than the room */
	if (call->out)
		memcpy_fromio(call->out, refdev_window(fn, regs),
			      min_t(u64, call->bytes, call->result[0]));
}

/* -EAGAIN: it has not ended */
static int refdev_call_end(struct vfio_pci_fn *fn, struct refdev_call *call)
{
	void __iomem *regs = vfio_pci_hidden_begin(fn);
	u32 status = REFDEV_OK;
	const char *words;
	int ret = 0;

	if (IS_ERR(regs))
		return PTR_ERR(regs);
	if (readl(regs + REFDEV_VC_DOORBELL) != call->ring)
		ret = -ECANCELED;
	else if (readl(regs + REFDEV_VC_DONE) != call->ring)
		ret = -EAGAIN;
	else
		status = readl(regs + REFDEV_VC_STATUS);
	if (!ret && status == REFDEV_OK)
		refdev_call_results(fn, regs, call);
	vfio_pci_hidden_end(fn);
	if (ret || status == REFDEV_OK)
		return ret;
	ret = refdev_status_error(min_t(u32, status, U16_MAX), &words);
	dev_err_ratelimited(&fn->pdev->dev, "firmware refused %s: %s (%u)\n",
			    refdev_opcode_name(call->opcode), words, status);
	return ret;
}

/* false: the control block has a command that did not end */
static bool refdev_call_ended(struct vfio_pci_fn *fn)
{
	void __iomem *regs = vfio_pci_hidden_begin(fn);
	bool ended;

	if (IS_ERR(regs))
		return true;
	ended = readl(regs + REFDEV_VC_DOORBELL) == readl(regs + REFDEV_VC_DONE);
	vfio_pci_hidden_end(fn);
	return ended;
}

/*
 * Whether the command is carried out is unknown. The control block is free some
 * time after the write; wait for that, so that the next command can use it.
 */
static int refdev_call_abort(struct vfio_pci_fn *fn, struct refdev_call *call)
{
	unsigned long until = jiffies + msecs_to_jiffies(refdev_timeout_ms());
	void __iomem *regs = vfio_pci_hidden_begin(fn);

	if (!IS_ERR(regs)) {
		writel(1, regs + REFDEV_VC_ABORT);
		vfio_pci_hidden_end(fn);
	}
	dev_err(&fn->pdev->dev, "firmware did not answer %s within %u ms: aborted\n",
		refdev_opcode_name(call->opcode), refdev_timeout_ms());
	while (!refdev_call_ended(fn) && time_before(jiffies, until))
		usleep_range(REFDEV_POLL_US, 2 * REFDEV_POLL_US);
	return -ETIMEDOUT;
}

static int refdev_call(struct vfio_pci_fn *fn, struct refdev_call *call)
{
	unsigned long until = jiffies + msecs_to_jiffies(refdev_timeout_ms());
	int ret = refdev_call_begin(fn, call);

	if (ret)
		return ret;
	while ((ret = refdev_call_end(fn, call)) == -EAGAIN) {
		if (time_after(jiffies, until))
			return refdev_call_abort(fn, call);
		usleep_range(REFDEV_POLL_US, 2 * REFDEV_POLL_US);
	}
	return ret;
}

static int refdev_call_level(struct vfio_pci_fn *fn, u16 opcode,
			     enum vfio_pci_fn_level level)
{
	struct refdev_call call = {
		.opcode = opcode,
		.arg = { level == VFIO_PCI_FN_FULL ? REFDEV_FULL : REFDEV_P2P },
	};

	return refdev_call(fn, &call);
}

static int refdev_vf_ctrl_suspend(struct vfio_pci_fn *fn,
				  enum vfio_pci_fn_level level)
{
	return refdev_call_level(fn, REFDEV_SUSPEND, level);
}

static int refdev_vf_ctrl_resume(struct vfio_pci_fn *fn,
				 enum vfio_pci_fn_level level)
{
	return refdev_call_level(fn, REFDEV_RESUME, level);
}

static int refdev_vf_ctrl_size(struct vfio_pci_fn *fn, u64 *size)
{
	struct refdev_call call = { .opcode = REFDEV_STATE_SIZE };
	int ret = refdev_call(fn, &call);

	*size = call.result[0];
	return ret;
}

/* Copy one window of a chunk, @at bytes from its beginning */
static size_t refdev_next(struct vfio_pci_fn *fn,
			  const struct vfio_pci_mig_buf *buf, size_t at)
{
	return min_t(size_t, buf->len - at,
		     le32_to_cpu(refdev_queue_of(fn)->info.window_bytes));
}

static int refdev_vf_ctrl_save(struct vfio_pci_fn *fn,
			       struct vfio_pci_mig_buf *buf)
{
	struct refdev_call call = { .opcode = REFDEV_SAVE };
	size_t at = 0;
	int ret;

	buf->len = min_t(size_t, buf->len, REFDEV_PIECE);
	do {
		call.arg[0] = buf->offset + at;
		call.bytes = refdev_next(fn, buf, at);
		call.out = buf->vaddr + at;
		ret = refdev_call(fn, &call);
		if (ret)
			return ret;
		at += min_t(u64, call.bytes, call.result[0]);
		/* No progress: the engine refuses an empty chunk */
	} while (at < buf->len && call.result[0] && call.result[1]);
	buf->len = at;
	buf->last = !call.result[1];
	return 0;
}

static int refdev_vf_ctrl_load(struct vfio_pci_fn *fn,
			       struct vfio_pci_mig_buf *buf)
{
	struct refdev_call call = { .opcode = REFDEV_LOAD };
	size_t at = 0;
	int ret;

	do {
		call.arg[0] = buf->offset + at;
		call.bytes = refdev_next(fn, buf, at);
		call.arg[1] = call.bytes;
		call.in = buf->vaddr + at;
		at += call.bytes;
		call.flags = buf->last && at == buf->len ? REFDEV_LOAD_LAST : 0;
		ret = refdev_call(fn, &call);
	} while (!ret && at < buf->len);
	return ret;
}

static const struct vfio_pci_mig_ops refdev_vf_ctrl_ops = {
	.suspend = refdev_vf_ctrl_suspend,
	.resume = refdev_vf_ctrl_resume,
	.state_size = refdev_vf_ctrl_size,
	.save = refdev_vf_ctrl_save,
	.load = refdev_vf_ctrl_load,
};

/**
 * refdev_vf_ctrl() - have the types use the VFs' control blocks, if there are
 *	any
 * @r: the PF, with its types; its queue has been started.
 */
void refdev_vf_ctrl(struct refdev *r)
{
	const struct refdev_identify_page *info = &r->queue.info;
	unsigned int i;

	if (!(le32_to_cpu(info->features) & REFDEV_FEATURE_VF_CTRL))
		return;
	r->control = (struct vfio_pci_hidden_range) {
		.bar = info->control_bar,
		.offset = le32_to_cpu(info->control_offset),
		.length = le32_to_cpu(info->control_bytes),
	};
	for (i = 0; i < REFDEV_NR_TYPES; i++) {
		r->types[i].mig_ops = &refdev_vf_ctrl_ops;
		r->types[i].hidden_range = &r->control;
	}
}
