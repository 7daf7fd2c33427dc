// SPDX-License-Identifier: GPL-2.0-only
/*
 * User Data Migration Queues: sections 5.1.4 and 8.1.6 of the specification, and Log User Data
 * Changes of Track Send.
 *
 * The controller writes to such a queue whenever it wants, until it says that the queue is deleted,
 * or is disabled. Before that its memory is not given back, whoever has lost interest: what could
 * not be deleted is freed when the controller is disabled.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "queue.h"

#define NPF_RING_SIZE	(NPF_ENTRIES * sizeof(struct npf_entry))

static struct npf_cmd npf_data_queue_cmd(struct npf_data_queue *dq, u8 opcode, const char *what)
{
	struct npf_cmd cmd = { .what = what, .cntlid = dq->cntlid, .stale = &dq->quiet };

	cmd.sqe.common.opcode = opcode;
	cmd.sqe.common.cdw11 = cpu_to_le32(dq->id);
	return cmd;
}

static void npf_data_queue_free(struct npf_data_queue *dq)
{
	dma_free_coherent(&dq->queue->pdev->dev, NPF_RING_SIZE, dq->ring, dq->dma);
	kfree(dq);
}

static struct npf_data_queue *npf_data_queue_alloc(struct npf_queue *q, u16 cntlid)
{
	struct npf_data_queue *dq = kzalloc(sizeof(*dq), GFP_KERNEL);

	if (!dq)
		return NULL;
	dq->queue = q;
	dq->cntlid = cntlid;
	/* Zeroed, as the phase of a fresh queue has to be: section 8.1.6.2 */
	dq->ring = dma_alloc_coherent(&q->pdev->dev, NPF_RING_SIZE, &dq->dma, GFP_KERNEL);
	if (dq->ring)
		return dq;
	kfree(dq);
	return NULL;
}

static int npf_send_create(struct npf_data_queue *dq)
{
	struct npf_cmd cmd = npf_data_queue_cmd(dq, NPF_DATA_QUEUE,
						"Controller Data Queue (create)");
	int ret;

	cmd.sqe.common.cdw10 = cpu_to_le32(NPF_DATA_QUEUE_CREATE);
	cmd.sqe.common.cdw11 = cpu_to_le32((u32)dq->cntlid << 16 | NPF_CONTIGUOUS);
	cmd.sqe.common.cdw12 = cpu_to_le32(NPF_RING_SIZE / sizeof(u32));
	cmd.sqe.common.dptr.prp1 = cpu_to_le64(dq->dma);
	ret = npf_run(dq->queue, &cmd);
	dq->id = cmd.result & NPF_DATA_QUEUE_ID;
	return ret;
}

/**
 * npf_data_queue_create() - make a queue for changes of user data
 * @q: the admin queue.
 * @cntlid: of the controller whose namespaces they are.
 *
 * Nothing is logged to it before npf_data_queue_start().
 *
 * Return: the queue, or an ERR_PTR() as npf_run() returns, or of -ENOMEM; the reason was logged.
 */
struct npf_data_queue *npf_data_queue_create(struct npf_queue *q, u16 cntlid)
{
	struct npf_data_queue *dq = npf_data_queue_alloc(q, cntlid);
	int ret;

	if (!dq) {
		dev_err_ratelimited(&q->pdev->dev, "no memory for a data queue of controller %u: try again\n",
				    cntlid);
		return ERR_PTR(-ENOMEM);
	}
	/* Before it can be written to */
	spin_lock_irq(&q->lock);
	list_add(&dq->list, &q->data_queues);
	spin_unlock_irq(&q->lock);
	ret = npf_send_create(dq);
	if (!ret)
		return dq;
	/* Refused, not sent, or its controller is disabled */
	spin_lock_irq(&q->lock);
	list_del_init(&dq->list);
	spin_unlock_irq(&q->lock);
	npf_data_queue_free(dq);
	return ERR_PTR(ret);
}

/**
 * npf_data_queue_delete() - the opposite of npf_data_queue_create()
 * @dq: the queue; freed on success, also if its controller was disabled since.
 *
 * Return: 0, or as npf_run(); then the controller may still write to the queue, which stays.
 */
int npf_data_queue_delete(struct npf_data_queue *dq)
{
	struct npf_cmd cmd = npf_data_queue_cmd(dq, NPF_DATA_QUEUE,
						"Controller Data Queue (delete)");
	struct npf_queue *q = dq->queue;
	int ret;

	cmd.sqe.common.cdw10 = cpu_to_le32(NPF_DATA_QUEUE_DELETE);
	ret = npf_run(q, &cmd);
	spin_lock_irq(&q->lock);
	if (dq->quiet || ret == -ENOENT)
		ret = 0;
	if (!ret)
		list_del_init(&dq->list);
	spin_unlock_irq(&q->lock);
	if (!ret)
		npf_data_queue_free(dq);
	return ret;
}

/**
 * npf_data_queue_abandon() - leave a queue to the controller, which does not give it back
 * @dq: the queue; freed when the controller is disabled.
 */
void npf_data_queue_abandon(struct npf_data_queue *dq)
{
	struct npf_queue *q = dq->queue;
	bool quiet;

	spin_lock_irq(&q->lock);
	quiet = dq->quiet;
	dq->orphan = true;
	spin_unlock_irq(&q->lock);
	/* Else it may be gone already */
	if (quiet)
		npf_data_queue_free(dq);
}

/**
 * npf_data_queues_end() - the controller has forgotten all its data queues
 * @q: the admin queue, whose controller is disabled.
 */
void npf_data_queues_end(struct npf_queue *q)
{
	struct npf_data_queue *dq, *next;
	LIST_HEAD(orphans);

	spin_lock_irq(&q->lock);
	list_for_each_entry_safe(dq, next, &q->data_queues, list) {
		dq->quiet = true;
		if (dq->orphan)
			list_move(&dq->list, &orphans);
		else
			list_del_init(&dq->list);
	}
	spin_unlock_irq(&q->lock);
	list_for_each_entry_safe(dq, next, &orphans, list)
		npf_data_queue_free(dq);
}

static int npf_log_user_data(struct npf_data_queue *dq, const char *what, u32 action)
{
	struct npf_cmd cmd = npf_data_queue_cmd(dq, NPF_TRACK_SEND, what);

	cmd.sqe.common.cdw10 = cpu_to_le32(NPF_LOG_USER_DATA | action);
	return npf_run(dq->queue, &cmd);
}

/**
 * npf_data_queue_start() - begin to log changes
 * @dq: the queue.
 *
 * Return: as npf_run().
 */
int npf_data_queue_start(struct npf_data_queue *dq)
{
	return npf_log_user_data(dq, "Track Send (log user data)", NPF_LOG_START);
}

/**
 * npf_data_queue_stop() - the opposite of npf_data_queue_start()
 * @dq: the queue.
 *
 * Return: as npf_run().
 */
int npf_data_queue_stop(struct npf_data_queue *dq)
{
	return npf_log_user_data(dq, "Track Send (stop logging)", 0);
}

/**
 * npf_data_queue_peek() - look at an entry
 * @dq: the queue.
 * @nr: which one, from 0 since its creation; not before the first that was not taken.
 * @entry: gets a copy of it. Not checked.
 *
 * Return: true; false: the controller has not written it yet.
 */
bool npf_data_queue_peek(struct npf_data_queue *dq, u64 nr, struct npf_entry *entry)
{
	struct npf_entry *slot = &dq->ring[nr % NPF_ENTRIES];
	u8 phase = nr / NPF_ENTRIES % 2 ? 0 : NPF_ENTRY_PHASE;

	if (nr - dq->taken >= NPF_ENTRIES)
		return false;
	if ((READ_ONCE(slot->attributes) & NPF_ENTRY_PHASE) != phase)
		return false;
	/* The phase is valid before the rest is read */
	dma_rmb();
	*entry = *slot;
	return true;
}

/**
 * npf_data_queue_take() - let the controller have the room of entries again
 * @dq: the queue.
 * @nr: those before this one, counted as npf_data_queue_peek() does.
 *
 * Return: as npf_run(); on error they were not taken.
 */
int npf_data_queue_take(struct npf_data_queue *dq, u64 nr)
{
	struct npf_cmd cmd = npf_data_queue_cmd(dq, nvme_admin_set_features,
						"Set Features (Controller Data Queue)");
	int ret;

	cmd.sqe.common.cdw10 = cpu_to_le32(NPF_FEAT_DATA_QUEUE);
	cmd.sqe.common.cdw12 = cpu_to_le32(nr % NPF_ENTRIES);
	ret = npf_run(dq->queue, &cmd);
	if (!ret)
		dq->taken = nr;
	return ret;
}

/**
 * npf_data_queue_lost() - is there still a controller that fills it?
 * @dq: the queue.
 *
 * Return: true: not any more, and there will not be one.
 */
bool npf_data_queue_lost(struct npf_data_queue *dq)
{
	struct npf_queue *q = dq->queue;
	bool lost;

	spin_lock_irq(&q->lock);
	lost = dq->quiet || q->error;
	spin_unlock_irq(&q->lock);
	return lost;
}
