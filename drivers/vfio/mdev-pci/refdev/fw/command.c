// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that are outstanding on the reference device's queue: tags,
 * time-outs, status and errno.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/string.h>

#include "queue.h"
#include "trace.h"

#define REFDEV_TIMEOUT_MIN_MS	10
#define REFDEV_TIMEOUT_MAX_MS	(10 * 60 * 1000)

static unsigned int timeout_ms = 5000;
module_param(timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms, "milliseconds to wait for a firmware command before it is aborted (default 5000)");

/* Room for "VF 65535" and for "the PF" */
#define REFDEV_FUNCTION_NAME	16

static const struct {
	u16 opcode;
	const char *name;
} refdev_opcodes[] = {
	{ REFDEV_IDENTIFY, "IDENTIFY" },
	{ REFDEV_ENABLE, "ENABLE" },
	{ REFDEV_DISABLE, "DISABLE" },
	{ REFDEV_CONFIGURE, "CONFIGURE" },
	{ REFDEV_SUSPEND, "SUSPEND" },
	{ REFDEV_RESUME, "RESUME" },
	{ REFDEV_STATE_SIZE, "STATE_SIZE" },
	{ REFDEV_SAVE, "SAVE" },
	{ REFDEV_LOAD, "LOAD" },
	{ REFDEV_QUERY, "QUERY" },
	{ REFDEV_PRECOPY, "PRECOPY" },
	{ REFDEV_TRACKER_START, "TRACKER_START" },
	{ REFDEV_TRACKER_REPORT, "TRACKER_REPORT" },
	{ REFDEV_TRACKER_STOP, "TRACKER_STOP" },
	{ REFDEV_ABORT, "ABORT" },
	{ REFDEV_INJECT, "INJECT" },
};

static const struct {
	int error;
	const char *words;
} refdev_statuses[] = {
	[REFDEV_OK] = { 0, "done" },
	[REFDEV_BAD_OPCODE] = { -EOPNOTSUPP, "unknown command" },
	[REFDEV_BAD_FUNCTION] = { -ENXIO, "no such function" },
	[REFDEV_BAD_ARGUMENT] = { -EINVAL, "bad argument" },
	[REFDEV_BAD_STATE] = { -EBADFD, "bad state" },
	[REFDEV_BAD_SGL] = { -EMSGSIZE, "bad scatter-gather list" },
	[REFDEV_DMA_ERROR] = { -EIO, "DMA error, see the IOMMU's messages" },
	[REFDEV_BUSY] = { -EBUSY, "a conflicting command is outstanding" },
	[REFDEV_NO_RESOURCES] = { -ENOSPC, "a limit of the device is reached" },
	[REFDEV_ABORTED] = { -ECANCELED, "aborted, or the function was reset" },
	[REFDEV_BAD_IMAGE] = { -EBADMSG, "not a state image of this type, or damaged" },
	[REFDEV_INTERNAL] = { -EIO, "firmware fault" },
};

/**
 * refdev_opcode_name() - name a command as the document does
 * @opcode: &enum refdev_opcode, or any other number.
 *
 * Return: the name, never NULL.
 */
const char *refdev_opcode_name(u16 opcode)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refdev_opcodes); i++)
		if (refdev_opcodes[i].opcode == opcode)
			return refdev_opcodes[i].name;
	return "an unknown command";
}

/**
 * refdev_opcode_by_name() - find a command by its name
 * @name: the name, in any case.
 *
 * Return: &enum refdev_opcode, or -EINVAL.
 */
int refdev_opcode_by_name(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refdev_opcodes); i++)
		if (!strcasecmp(refdev_opcodes[i].name, name))
			return refdev_opcodes[i].opcode;
	return -EINVAL;
}

static const char *refdev_function_name(char *name, u16 function)
{
	if (function == REFDEV_PF)
		return "the PF";
	snprintf(name, REFDEV_FUNCTION_NAME, "VF %u", function);
	return name;
}

/**
 * refdev_timeout_ms() - get the time that a command may take
 *
 * Return: milliseconds; the module parameter, within bounds.
 */
unsigned int refdev_timeout_ms(void)
{
	return clamp_t(unsigned int, READ_ONCE(timeout_ms),
		       REFDEV_TIMEOUT_MIN_MS, REFDEV_TIMEOUT_MAX_MS);
}

static unsigned long refdev_timeout(void)
{
	return msecs_to_jiffies(refdev_timeout_ms());
}

static void refdev_free_tags(void *tags)
{
	sbitmap_free(tags);
}

/**
 * refdev_commands_init() - initialize the slots of commands
 * @q: the queue. Memory goes with the PF's binding to the driver.
 *
 * Return: 0 or -ENOMEM.
 */
int refdev_commands_init(struct refdev_queue *q)
{
	int ret;

	init_waitqueue_head(&q->freed);
	/* The last slot is not in it: it belongs to the holder of abort_lock */
	ret = sbitmap_init_node(&q->tags, REFDEV_ABORT_SLOT, -1, GFP_KERNEL,
				NUMA_NO_NODE, false, true);
	return ret ?:
		       devm_add_action_or_reset(&q->pdev->dev, refdev_free_tags,
						&q->tags);
}

static void refdev_put_tag(struct refdev_queue *q, unsigned int tag)
{
	if (tag == REFDEV_ABORT_SLOT)
		return;
	sbitmap_put(&q->tags, tag);
	wake_up(&q->freed);
}

/*
 * The command in slot @tag ends; the tag is free again unless an ABORT names it
 */
static void refdev_end(struct refdev_queue *q, unsigned int tag, int error)
{
	struct refdev_slot *slot = &q->slots[tag];

	lockdep_assert_held(&q->lock);
	trace_refdev_command(pci_name(q->pdev), slot, tag, error);
	slot->cmd.done(q, &slot->cmd, error);
	slot->busy = false;
	if (slot->aborting)
		wake_up_all(&q->ended);
	else
		refdev_put_tag(q, tag);
}

/**
 * refdev_commands_end() - end all commands
 * @q: the queue; firmware has no access to host memory.
 * @error: errno they end with.
 */
void refdev_commands_end(struct refdev_queue *q, int error)
{
	unsigned int tag;

	spin_lock_irq(&q->lock);
	for (tag = 0; tag < REFDEV_SLOTS; tag++)
		if (q->slots[tag].busy)
			refdev_end(q, tag, error);
	spin_unlock_irq(&q->lock);
}

/**
 * refdev_status_error() - translate a status to an errno
 * @status: &enum refdev_status, or any other number.
 * @words: gets the meaning of @status, for the log.
 *
 * Return: 0 or an errno.
 */
int refdev_status_error(u16 status, const char **words)
{
	*words = "a status that the interface does not define";
	if (status >= ARRAY_SIZE(refdev_statuses))
		return -EIO;
	*words = refdev_statuses[status].words;
	return refdev_statuses[status].error;
}

static int refdev_outcome(struct refdev_queue *q,
			  const struct refdev_slot *slot, u16 status)
{
	char name[REFDEV_FUNCTION_NAME];
	const char *words;
	int error;

	if (status == REFDEV_OK)
		return 0;
	if (status == REFDEV_ABORTED && slot->aborting)
		return slot->aborting;
	error = refdev_status_error(status, &words);
	if (!slot->cmd.quiet)
		dev_err_ratelimited(&q->pdev->dev, "firmware refused %s of %s: %s (%u)\n",
				    refdev_opcode_name(slot->cmd.opcode),
				    refdev_function_name(name, slot->cmd.function), words, status);
	return error;
}

/**
 * refdev_command_complete() - handle a completion
 * @q: the queue, locked.
 * @cpl: a copy of what firmware wrote.
 */
void refdev_command_complete(struct refdev_queue *q,
			     const struct refdev_completion_entry *cpl)
{
	u16 tag = le16_to_cpu(cpl->tag);
	struct refdev_slot *slot;
	unsigned int i;

	lockdep_assert_held(&q->lock);
	if (tag >= REFDEV_SLOTS || !q->slots[tag].busy) {
		/*
		 * Firmware may mean any outstanding command, and may still
		 * write to its data
		 */
		refdev_queue_fail(q, -EIO, "firmware completed a command that was not submitted");
		return;
	}
	slot = &q->slots[tag];
	for (i = 0; i < ARRAY_SIZE(cpl->result); i++)
		slot->cmd.result[i] = le64_to_cpu(cpl->result[i]);
	slot->status = le16_to_cpu(cpl->status);
	refdev_end(q, tag, refdev_outcome(q, slot, slot->status));
}

static int refdev_fill_sge(struct refdev_queue *q, struct refdev_slot *slot,
			   unsigned int n, dma_addr_t addr, size_t len)
{
	if (n >= q->max_sgl)
		return -EMSGSIZE;
	slot->sgl[n] = (struct refdev_sge) {
		.addr = cpu_to_le64(addr),
		.len = cpu_to_le32(len),
	};
	return 0;
}

/*
 * Describes exactly cmd->len bytes: firmware takes the list's length as the
 * data's
 */
static int refdev_fill_sgl(struct refdev_queue *q, struct refdev_slot *slot)
{
	const struct refdev_cmd *cmd = &slot->cmd;
	size_t left = cmd->len;
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	if (!left)
		return 0;
	if (!cmd->sgt)
		return refdev_fill_sge(q, slot, 0, cmd->dma, left) ?: 1;
	for_each_sgtable_dma_sg(cmd->sgt, sg, i) {
		size_t len = min_t(size_t, left, sg_dma_len(sg));

		ret = refdev_fill_sge(q, slot, i, sg_dma_address(sg), len);
		if (ret)
			return ret;
		left -= len;
		if (!left)
			return i + 1;
	}
	return -EMSGSIZE;
}

static int refdev_post(struct refdev_queue *q, unsigned int tag,
		       const struct refdev_cmd *cmd)
{
	struct refdev_slot *slot = &q->slots[tag];
	struct refdev_command_entry entry = {
		.opcode = cpu_to_le16(cmd->opcode),
		.tag = cpu_to_le16(tag),
		.function = cpu_to_le16(cmd->function),
		.flags = cpu_to_le16(cmd->flags),
		.arg = { cpu_to_le64(cmd->arg[0]), cpu_to_le64(cmd->arg[1]),
			 cpu_to_le64(cmd->arg[2]) },
	};
	int count;

	slot->cmd = *cmd;
	count = refdev_fill_sgl(q, slot);
	if (count < 0) {
		dev_err_ratelimited(&q->pdev->dev, "the data of %s does not fit a list of %u entries: please report this\n",
				    refdev_opcode_name(cmd->opcode), q->max_sgl);
		return count;
	}
	if (count) {
		entry.sgl = cpu_to_le64(slot->sgl_dma);
		entry.sgl_count = cpu_to_le32(count);
	}
	slot->busy = true;
	slot->status = REFDEV_NO_ANSWER;
	slot->posted = ktime_get();
	refdev_queue_post(q, &entry);
	return 0;
}

/**
 * refdev_submit() - give a command to firmware and don't wait
 * @q: the queue.
 * @cmd: the command; copied. Its data must stay until &refdev_cmd.done.
 *
 * May sleep for the time-out if many commands are outstanding. &refdev_cmd.done
 * may be called before it returns.
 *
 * Return: 0 or a negative errno: -ENODEV: the device is gone; -EBUSY: too many
 * commands are outstanding; else why the queue does not run. On an error
 * firmware has not seen the command.
 */
int refdev_submit(struct refdev_queue *q, const struct refdev_cmd *cmd)
{
	int tag, ret;

	if (pci_channel_offline(q->pdev))
		return -ENODEV;
	wait_event_timeout(q->freed, (tag = sbitmap_get(&q->tags)) >= 0,
			   refdev_timeout());
	if (tag < 0) {
		dev_err_ratelimited(&q->pdev->dev, "no room for %s: all %u commands are outstanding, try again\n",
				    refdev_opcode_name(cmd->opcode), REFDEV_ABORT_SLOT);
		return -EBUSY;
	}
	spin_lock_irq(&q->lock);
	ret = q->error ?: refdev_post(q, tag, cmd);
	if (ret)
		refdev_put_tag(q, tag);
	spin_unlock_irq(&q->lock);
	return ret;
}

/**
 * struct refdev_waiter - a waiter for a command
 * @ended: it has ended.
 * @error: its outcome.
 * @cmd: where its results go.
 */
struct refdev_waiter {
	struct completion ended;
	int error;
	struct refdev_cmd *cmd;
};

static void refdev_wake(struct refdev_queue *q, struct refdev_cmd *cmd,
			int error)
{
	struct refdev_waiter *waiter = cmd->ctx;

	memcpy(waiter->cmd->result, cmd->result, sizeof(cmd->result));
	waiter->error = error;
	complete(&waiter->ended);
}

/* 0: the command in slot @tag has ended or will never end by itself */
static int refdev_run_abort(struct refdev_queue *q, unsigned int tag)
{
	struct refdev_cmd cmd = {
		.opcode = REFDEV_ABORT,
		.function = REFDEV_PF,
		.arg = { tag },
		.done = refdev_wake,
	};
	struct refdev_waiter waiter = { .cmd = &cmd };
	int ret;

	init_completion(&waiter.ended);
	cmd.ctx = &waiter;
	spin_lock_irq(&q->lock);
	ret = q->error ?: refdev_post(q, REFDEV_ABORT_SLOT, &cmd);
	spin_unlock_irq(&q->lock);
	if (ret)
		return ret;
	if (!wait_for_completion_timeout(&waiter.ended, refdev_timeout())) {
		spin_lock_irq(&q->lock);
		refdev_queue_fail(q, -ETIMEDOUT, "firmware does not answer, not even to ABORT");
		spin_unlock_irq(&q->lock);
		/* Bounded: the failure ends it */
		wait_for_completion(&waiter.ended);
	}
	return waiter.error;
}

/*
 * On return the command in slot @tag, which is marked, has ended, and the tag
 * is free
 */
static void refdev_abort(struct refdev_queue *q, unsigned int tag)
{
	struct refdev_slot *slot = &q->slots[tag];
	int ret = 0;

	mutex_lock(&q->abort_lock);
	if (READ_ONCE(slot->busy))
		ret = refdev_run_abort(q, tag);
	mutex_unlock(&q->abort_lock);

	spin_lock_irq(&q->lock);
	if (ret)
		/*
		 * The outcome of the command is unknown, as if it had timed out
		 */
		refdev_queue_fail(q, -ETIMEDOUT, "firmware refused ABORT");
	else if (slot->busy)
		refdev_end(q, tag, slot->aborting);
	spin_unlock_irq(&q->lock);
	/* Bounded: it has ended, or the queue has failed, which ends it */
	wait_event(q->ended, !READ_ONCE(slot->busy));

	spin_lock_irq(&q->lock);
	slot->aborting = 0;
	refdev_put_tag(q, tag);
	spin_unlock_irq(&q->lock);
}

static int refdev_find_and_mark(struct refdev_queue *q, void *ctx, int error)
{
	unsigned int tag;
	int found = -ENOENT;

	spin_lock_irq(&q->lock);
	for (tag = 0; tag < REFDEV_ABORT_SLOT; tag++) {
		struct refdev_slot *slot = &q->slots[tag];

		if (slot->busy && !slot->aborting && slot->cmd.ctx == ctx) {
			slot->aborting = error;
			found = tag;
			break;
		}
	}
	spin_unlock_irq(&q->lock);
	return found;
}

/**
 * refdev_cancel() - end an outstanding command
 * @q: the queue.
 * @ctx: &refdev_cmd.ctx of the command. Only one caller at a time for each.
 *
 * On return &refdev_cmd.done was called, with -ECANCELED unless the command
 * ended by itself meanwhile. If firmware does not answer ABORT, the queue
 * fails.
 */
void refdev_cancel(struct refdev_queue *q, void *ctx)
{
	int tag = refdev_find_and_mark(q, ctx, -ECANCELED);

	if (tag >= 0)
		refdev_abort(q, tag);
}

/**
 * refdev_run() - give a command to firmware and wait until it has ended
 * @q: the queue.
 * @cmd: the command; gets the results.
 *
 * Return: 0 or a negative errno; the reason was logged. -ETIMEDOUT: firmware
 * did not answer; it has no access to the data any more. -ENODEV: the device is
 * gone.
 */
int refdev_run(struct refdev_queue *q, struct refdev_cmd *cmd)
{
	struct refdev_waiter waiter = { .cmd = cmd };
	char name[REFDEV_FUNCTION_NAME];
	int ret, tag;

	init_completion(&waiter.ended);
	cmd->done = refdev_wake;
	cmd->ctx = &waiter;
	ret = refdev_submit(q, cmd);
	if (ret)
		return ret;
	if (wait_for_completion_timeout(&waiter.ended, refdev_timeout()))
		return waiter.error;
	tag = refdev_find_and_mark(q, &waiter, -ETIMEDOUT);
	if (tag >= 0) {
		dev_err(&q->pdev->dev,
			"firmware did not answer %s of %s within %u ms: aborting it\n",
			refdev_opcode_name(cmd->opcode),
			refdev_function_name(name, cmd->function),
			refdev_timeout_ms());
		refdev_abort(q, tag);
	}
	return waiter.error;
}

/**
 * refdev_run_page() - run a command that returns a page of data
 * @q: the queue.
 * @cmd: the command, without data.
 * @page: where the page goes. Bytes that firmware did not write are zero.
 * @len: bytes in it.
 *
 * Return: as refdev_run().
 */
int refdev_run_page(struct refdev_queue *q, struct refdev_cmd *cmd, void *page,
		    size_t len)
{
	struct device *dev = &q->pdev->dev;
	void *buf;
	int ret;

	buf = dma_alloc_coherent(dev, len, &cmd->dma, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	cmd->len = len;
	ret = refdev_run(q, cmd);
	if (!ret)
		memcpy(page, buf, len);
	dma_free_coherent(dev, len, buf, cmd->dma);
	return ret;
}

/**
 * refdev_run_anew() - run a command that begins something, also if that was
 *	begun before
 * @q: the queue.
 * @cmd: the command; gets the results.
 * @undo: the command that ends it.
 *
 * If an earlier command was not answered, firmware may have carried it out
 * nevertheless, and then refuses @cmd. @undo ends what that command began.
 *
 * Return: as refdev_run().
 */
int refdev_run_anew(struct refdev_queue *q, struct refdev_cmd *cmd,
		    struct refdev_cmd *undo)
{
	char name[REFDEV_FUNCTION_NAME];
	int ret = refdev_run(q, cmd);

	if (ret != -EBADFD)
		return ret;
	dev_info(&q->pdev->dev,
		 "%s of %s was still in effect: it is done again\n",
		 refdev_opcode_name(cmd->opcode),
		 refdev_function_name(name, cmd->function));
	return refdev_run(q, undo) ?: refdev_run(q, cmd);
}
