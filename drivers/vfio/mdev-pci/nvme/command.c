// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that are outstanding on the admin queue.
 *
 * A command that is not answered in time ends the queue and all other commands.
 * Abort may fail, so that only a reset of the controller ends its access to the
 * command's memory.
 */
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/module.h>

#include "queue.h"

/* How soon a fatal error or a removal that sent no interrupt is seen */
#define NPF_CHECK	msecs_to_jiffies(250)

static unsigned int timeout_ms = 30000;
module_param(timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms, "How long to wait for an admin command, in ms (default 30000)");

/**
 * npf_timeout_ms() - get the time that a command may take
 *
 * Return: milliseconds; the module parameter, within bounds.
 */
unsigned int npf_timeout_ms(void)
{
	return clamp(READ_ONCE(timeout_ms), 10U, 600000U);
}

/**
 * npf_commands_init() - initialize the slots of commands
 * @q: the queue.
 *
 * Return: 0 or -ENOMEM.
 */
int npf_commands_init(struct npf_queue *q)
{
	unsigned int i;

	init_waitqueue_head(&q->freed);
	for (i = 0; i < NPF_SLOTS; i++)
		init_completion(&q->slots[i].done);
	return sbitmap_init_node(&q->tags, NPF_SLOTS, -1, GFP_KERNEL,
				 NUMA_NO_NODE, false, true);
}

/**
 * npf_commands_free() - undo npf_commands_init()
 * @q: the queue; no command is outstanding.
 */
void npf_commands_free(struct npf_queue *q)
{
	sbitmap_free(&q->tags);
}

static void npf_end(struct npf_slot *slot, int error)
{
	slot->busy = false;
	slot->error = error;
	complete(&slot->done);
}

/**
 * npf_commands_end() - end all outstanding commands
 * @q: the queue, which takes no new commands, and whose controller is disabled.
 * @error: their outcome.
 */
void npf_commands_end(struct npf_queue *q, int error)
{
	unsigned int i;

	spin_lock_irq(&q->lock);
	for (i = 0; i < NPF_SLOTS; i++)
		if (q->slots[i].busy)
			npf_end(&q->slots[i], error);
	spin_unlock_irq(&q->lock);
}

/**
 * npf_command_complete() - handle a completion
 * @q: the queue, locked.
 * @cqe: a copy of its answer.
 */
void npf_command_complete(struct npf_queue *q,
			  const struct nvme_completion *cqe)
{
	u16 tag = le16_to_cpu((__force __le16)cqe->command_id);

	if (tag >= NPF_SLOTS || !q->slots[tag].busy) {
		npf_queue_fail(q, -EIO, "the controller completed an unknown command");
		return;
	}
	q->slots[tag].status = le16_to_cpu(cqe->status) >> 1;
	q->slots[tag].result = le32_to_cpu(cqe->result.u32);
	npf_end(&q->slots[tag], 0);
}

/*
 * Physical Region Pages, section 4.3.1: all but the first begin on a page
 * boundary, and all but the last end on one. The command has the first one, and
 * the second one if it is the last; otherwise the list has all but the first.
 */
static int npf_fill_prps(struct npf_slot *slot, const struct npf_cmd *cmd,
			 struct nvme_command *sqe)
{
	size_t left = cmd->len;
	struct scatterlist *sg;
	unsigned int i, n = 0;

	for_each_sgtable_dma_sg(cmd->sgt, sg, i) {
		dma_addr_t addr = sg_dma_address(sg);
		size_t len = min_t(size_t, sg_dma_len(sg), left);

		left -= len;
		if (addr % NPF_PAGE || (left && len % NPF_PAGE))
			return -EINVAL;
		for (; len; len -= min_t(size_t, len, NPF_PAGE), addr += NPF_PAGE, n++) {
			if (n > NPF_PRPS)
				return -EMSGSIZE;
			if (n)
				slot->prps[n - 1] = cpu_to_le64(addr);
			else
				sqe->common.dptr.prp1 = cpu_to_le64(addr);
		}
		if (!left)
			break;
	}
	if (left)
		return -EMSGSIZE;
	if (n > 1)
		sqe->common.dptr.prp2 =
			n == 2 ? slot->prps[0] : cpu_to_le64(slot->prps_dma);
	return 0;
}

static int npf_fill_data(struct npf_queue *q, struct npf_slot *slot,
			 struct npf_cmd *cmd)
{
	struct nvme_command *sqe = &cmd->sqe;
	int ret;

	if (!cmd->len)
		return 0;
	if (!cmd->sgt) {
		sqe->common.dptr.prp1 = cpu_to_le64(cmd->dma);
		return 0;
	}
	ret = npf_fill_prps(slot, cmd, sqe);
	if (ret)
		dev_err_ratelimited(&q->pdev->dev, "the data of %s fits no list of pages: please report this\n",
				    cmd->what);
	return ret;
}

static int npf_get_tag(struct npf_queue *q, const struct npf_cmd *cmd)
{
	int tag;

	wait_event_timeout(q->freed, (tag = sbitmap_get(&q->tags)) >= 0,
			   msecs_to_jiffies(npf_timeout_ms()));
	if (tag < 0) {
		dev_err_ratelimited(&q->pdev->dev, "no room for %s: all %u commands are outstanding, try again\n",
				    cmd->what, NPF_SLOTS);
		return -EBUSY;
	}
	return tag;
}

static void npf_put_tag(struct npf_queue *q, unsigned int tag)
{
	sbitmap_put(&q->tags, tag);
	wake_up(&q->freed);
}

static int npf_post(struct npf_queue *q, unsigned int tag,
		    const struct npf_cmd *cmd)
{
	struct npf_slot *slot = &q->slots[tag];
	int ret;

	reinit_completion(&slot->done);
	spin_lock_irq(&q->lock);
	ret = q->error;
	if (!ret) {
		slot->busy = true;
		npf_queue_post(q, tag, &cmd->sqe);
	}
	spin_unlock_irq(&q->lock);
	return ret;
}

static void npf_wait(struct npf_queue *q, struct npf_slot *slot,
		     const struct npf_cmd *cmd)
{
	unsigned long end = jiffies + msecs_to_jiffies(npf_timeout_ms());

	while (time_before(jiffies, end)) {
		if (wait_for_completion_timeout(&slot->done, min_t(unsigned long, NPF_CHECK,
								   end - jiffies + 1)))
			return;
		npf_queue_check(q);
	}
	spin_lock_irq(&q->lock);
	if (slot->busy) {
		dev_err(&q->pdev->dev, "%s of controller %u was not answered within %u ms\n",
			cmd->what, cmd->cntlid, npf_timeout_ms());
		npf_queue_fail(q, -ETIMEDOUT, "the controller does not answer");
	}
	spin_unlock_irq(&q->lock);
	/* Bounded: it has ended, or the queue has failed, which ends it */
	wait_for_completion(&slot->done);
}

static const struct {
	u16 status;
	int error;
	const char *words;
} npf_refusals[] = {
	{ NVME_SC_INVALID_OPCODE, -EOPNOTSUPP, "it does not know the command" },
	{ NVME_SC_INVALID_FIELD, -EINVAL, "invalid field" },
	{ NVME_SC_CMD_SEQ_ERROR, -EPROTO, "out of sequence" },
	/*
	 * Of Set Controller State also: the controller is in no condition for
	 * it (figure 362)
	 */
	{ NVME_SC_CTRL_ID_INVALID, -ENXIO, "invalid controller identifier" },
	{ NVME_SC_SEC_CTRL_STATE_INVALID, -EBUSY, "the controller is not in a state for that" },
	{ NVME_SC_CTRL_RES_NUM_INVALID, -ENOSPC, "there are not so many resources" },
	{ NPF_SC_NO_RESOURCES, -ENOSPC, "not enough resources" },
	{ NPF_SC_SUSPENDED, -EBUSY, "the controller is suspended" },
	{ NPF_SC_NOT_SUSPENDED, -EBADFD, "the controller is not suspended" },
};

/*
 * Type and code of a status are 11 bits; those above say whether to try again
 */
static int npf_outcome(struct npf_queue *q, const struct npf_slot *slot,
		       const struct npf_cmd *cmd)
{
	u16 status = slot->status & 0x7ff;
	const char *words = "see the specification";
	int error = -EIO;
	unsigned int i;

	if (slot->error || !status)
		return slot->error;
	for (i = 0; i < ARRAY_SIZE(npf_refusals); i++)
		if (npf_refusals[i].status == status) {
			error = npf_refusals[i].error;
			words = npf_refusals[i].words;
		}
	dev_err_ratelimited(&q->pdev->dev, "firmware refused %s of controller %u: %s (status 0x%03x)\n",
			    cmd->what, cmd->cntlid, words, status);
	return error;
}

/**
 * npf_run() - give a command to the controller and wait until it has ended
 * @q: the queue.
 * @cmd: the command; gets the result.
 *
 * Context: process context; sleeps, up to three times the time-out.
 * Return: 0 or a negative errno; the reason was logged. -ETIMEDOUT: the
 * controller did not answer, and the queue has ended; -ENODEV: the device is
 * gone; -EBUSY: too many commands are outstanding, or refused; -ENXIO, -ENOSPC,
 * -EINVAL, -EOPNOTSUPP, -EPROTO, -EBADFD, -EIO: refused; -ESHUTDOWN: the queue
 * is stopped. The controller has no access to the data any more.
 */
int npf_run(struct npf_queue *q, struct npf_cmd *cmd)
{
	struct npf_slot *slot;
	int tag, ret;

	tag = npf_get_tag(q, cmd);
	if (tag < 0)
		return tag;
	slot = &q->slots[tag];
	ret = npf_fill_data(q, slot, cmd) ?: npf_post(q, tag, cmd);
	if (!ret) {
		npf_wait(q, slot, cmd);
		ret = npf_outcome(q, slot, cmd);
		cmd->result = slot->result;
	}
	npf_put_tag(q, tag);
	return ret;
}

/**
 * npf_run_page() - run a command that returns data
 * @q: the queue.
 * @cmd: the command, without data.
 * @data: where the data goes. Bytes that the controller did not write are zero.
 * @len: bytes of it, at most a page.
 *
 * Return: as npf_run(), or -ENOMEM.
 */
int npf_run_page(struct npf_queue *q, struct npf_cmd *cmd, void *data,
		 size_t len)
{
	struct device *dev = &q->pdev->dev;
	void *page;
	int ret;

	page = dma_alloc_coherent(dev, NPF_PAGE, &cmd->dma, GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	cmd->len = len;
	ret = npf_run(q, cmd);
	if (!ret)
		memcpy(data, page, len);
	dma_free_coherent(dev, NPF_PAGE, page, cmd->dma);
	return ret;
}
