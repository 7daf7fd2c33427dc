/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The admin queue of an NVMe controller. This driver uses no other queue.
 *
 * queue.c has the controller's registers and the rings; command.c has the
 * outstanding commands.
 */
#ifndef _NVME_PF_QUEUE_H
#define _NVME_PF_QUEUE_H

#include <linux/completion.h>
#include <linux/pci.h>
#include <linux/sbitmap.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/time64.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "hw.h"

struct npf_queue;

/* More entries than can be outstanding, so neither ring is ever full */
#define NPF_DEPTH	16
#define NPF_SLOTS	8

/* RTD3E is a typical time, and 0 if the controller does not say */
#define NPF_MIN_SHUTDOWN_US	(5 * USEC_PER_SEC)
#define NPF_MAX_SHUTDOWN_US	(60 * USEC_PER_SEC)

/* The page of the controller, CC.MPS = 0: of rings, and of entries of lists */
#define NPF_PAGE	SZ_4K
#define NPF_PRPS	(NPF_PAGE / sizeof(__le64))

/**
 * struct npf_rings - both rings, each on a page
 * @sq: submission queue.
 * @reserved: rest of its page.
 * @cq: completion queue.
 */
struct npf_rings {
	struct nvme_command sq[NPF_DEPTH];
	u8 reserved[NPF_PAGE - NPF_DEPTH * sizeof(struct nvme_command)];
	struct nvme_completion cq[NPF_DEPTH];
};

static_assert(offsetof(struct npf_rings, cq) == NPF_PAGE);

/**
 * struct npf_cmd - an admin command
 * @sqe: as it goes to the controller; its identifier and its data are filled
 *	in.
 * @what: what it is, for the log.
 * @cntlid: the controller that it is about, for the log.
 * @sgt: data, mapped for DMA by the PF; or NULL.
 * @dma: bus address of the data if there is no @sgt, within one page.
 * @len: bytes of data; 0: none.
 * @result: dword 0 of its completion. Not checked.
 */
struct npf_cmd {
	struct nvme_command sqe;
	const char *what;
	u16 cntlid;
	const struct sg_table *sgt;
	dma_addr_t dma;
	size_t len;
	u32 result;
};

/**
 * struct npf_slot - room for one outstanding command
 * @prps: list of the pages of its data, if they are more than two.
 * @prps_dma: its bus address.
 * @busy: the controller has the command.
 * @error: errno if it has ended without an answer, or 0.
 * @status: of the controller's answer, without phase.
 * @result: dword 0 of the answer.
 * @done: it has ended.
 */
struct npf_slot {
	__le64 *prps;
	dma_addr_t prps_dma;
	bool busy;
	int error;
	u16 status;
	u32 result;
	struct completion done;
};

/**
 * struct npf_queue - the admin queue
 * @pdev: the PF.
 * @regs: its BAR 0.
 * @failed: told when the queue has failed, before the outstanding commands end.
 *	In process context; may sleep.
 * @cap: what the register CAP says.
 * @shutdown_us: how long it may take to shut down.
 * @rings: the rings.
 * @rings_dma: their bus address.
 * @tags: slots that are taken.
 * @freed: woken when a slot gets free.
 * @failure: work that ends a failed queue.
 * @lock: of all below. Taken in interrupts.
 * @slots: the slots; a command's identifier is the number of its slot.
 * @tail: entry of the submission queue to fill next.
 * @head: entry of the completion queue to look at next.
 * @phase: a new entry there has this phase.
 * @error: 0: the queue runs; else the errno for new commands.
 * @why: what has failed, for the log.
 */
struct npf_queue {
	struct pci_dev *pdev;
	void __iomem *regs;
	void (*failed)(struct npf_queue *q, const char *why);
	u64 cap;
	unsigned long shutdown_us;
	struct npf_rings *rings;
	dma_addr_t rings_dma;
	struct sbitmap tags;
	wait_queue_head_t freed;
	struct work_struct failure;
	spinlock_t lock; /* see above */
	struct npf_slot slots[NPF_SLOTS];
	u16 tail;
	u16 head;
	u16 phase;
	int error;
	const char *why;
};

int npf_queue_init(struct npf_queue *q, struct pci_dev *pdev,
		   void __iomem *regs,
		   void (*failed)(struct npf_queue *q, const char *why));
void npf_queue_free(struct npf_queue *q);
int npf_queue_start(struct npf_queue *q);
void npf_queue_stop(struct npf_queue *q);
void npf_queue_shutdown(struct npf_queue *q);
void npf_queue_fail(struct npf_queue *q, int error, const char *why);
void npf_queue_lost(struct npf_queue *q);
void npf_queue_check(struct npf_queue *q);
void npf_queue_post(struct npf_queue *q, unsigned int tag,
		    const struct nvme_command *sqe);

/* command.c */
unsigned int npf_timeout_ms(void);
int npf_commands_init(struct npf_queue *q);
void npf_commands_free(struct npf_queue *q);
void npf_commands_end(struct npf_queue *q, int error);
void npf_command_complete(struct npf_queue *q,
			  const struct nvme_completion *cqe);
int npf_run(struct npf_queue *q, struct npf_cmd *cmd);
int npf_run_page(struct npf_queue *q, struct npf_cmd *cmd, void *data,
		 size_t len);

#endif /* _NVME_PF_QUEUE_H */
