/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The firmware command queue of the reference device.
 *
 * queue.c has the rings, the interrupts and the queue's life; command.c the
 * commands that are outstanding on it; identify.c the limits of firmware.
 */
#ifndef _REFDEV_QUEUE_H
#define _REFDEV_QUEUE_H

#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sbitmap.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "hw.h"

struct refdev_queue;

/* The interface promises this many; a tag is the number of its slot */
#define REFDEV_SLOTS		REFDEV_MIN_OUTSTANDING
/*
 * ABORT has a slot of its own, since all others may be taken when it is needed
 */
#define REFDEV_ABORT_SLOT	(REFDEV_SLOTS - 1)

/*
 * More than can be outstanding, so no ring is ever full; as large as its page
 */
#define REFDEV_RING_SHIFT	7
#define REFDEV_RING_SIZE	BIT(REFDEV_RING_SHIFT)

/* No status that firmware may give */
#define REFDEV_NO_ANSWER	0xffff

/* One page of entries a slot, which describe 1 MiB even in pages of 4 KiB */
#define REFDEV_SLOT_SGL		256

/**
 * struct refdev_cmd - a firmware command
 * @opcode: &enum refdev_opcode.
 * @function: VF number from 0, or REFDEV_PF.
 * @flags: command flags.
 * @quiet: do not log if firmware refuses it.
 * @arg: arguments.
 * @sgt: data, mapped for DMA by the PF; or NULL.
 * @dma: bus address of the data if there is no @sgt.
 * @len: bytes of data; 0: none.
 * @done: called once when the command has ended and firmware has no more access
 *	to the data. In any context, under the queue's lock: it must not sleep,
 *	nor use the queue. Not called if refdev_submit() failed. refdev_run()
 *	sets it.
 * @ctx: for @done; it also names the command for refdev_cancel().
 * @result: what firmware returned. Not checked.
 */
struct refdev_cmd {
	u16 opcode;
	u16 function;
	u16 flags;
	bool quiet;
	u64 arg[3];
	const struct sg_table *sgt;
	dma_addr_t dma;
	size_t len;
	void (*done)(struct refdev_queue *q, struct refdev_cmd *cmd, int error);
	void *ctx;
	u64 result[3];
};

/**
 * struct refdev_slot - room for one outstanding command
 * @cmd: the command.
 * @busy: firmware has the command.
 * @posted: when it got it.
 * @status: &enum refdev_status, as firmware has answered; REFDEV_NO_ANSWER: it
 *	has not.
 * @aborting: errno it ends with, as an ABORT is about to name its tag, which
 *	must not get another command before that has ended; or 0.
 * @sgl: scatter-gather list for firmware.
 * @sgl_dma: its bus address.
 */
struct refdev_slot {
	struct refdev_cmd cmd;
	bool busy;
	ktime_t posted;
	u16 status;
	int aborting;
	struct refdev_sge *sgl;
	dma_addr_t sgl_dma;
};

/**
 * struct refdev_rings - what the queue shares with firmware
 * @cmd: command ring.
 * @cpl: completion ring.
 * @evt: event ring.
 */
struct refdev_rings {
	struct refdev_command_entry cmd[REFDEV_RING_SIZE];
	struct refdev_completion_entry cpl[REFDEV_RING_SIZE];
	struct refdev_event_entry evt[REFDEV_RING_SIZE];
};

/**
 * struct refdev_queue - the command queue of a PF
 * @pdev: the PF.
 * @regs: its BAR 0; while attached.
 * @failed: called in process context when the queue failed: firmware is
 *	stopped, and outstanding commands end right after it, so it must not
 *	wait for any; new ones fail until refdev_queue_start().
 * @info: firmware's identify page, checked.
 * @max_sgl: entries in the largest scatter-gather list.
 * @max_transfer: bytes that a SAVE or LOAD can move, in pages each on its own.
 * @rings: memory shared with firmware.
 * @rings_dma: its bus address.
 * @lock: protects all that follows, and the doorbells. May be taken in
 *	interrupts.
 * @tail: producer index of the command ring.
 * @cpl_head: consumer index of the completion ring.
 * @evt_head: consumer index of the event ring.
 * @error: why new commands fail; 0: they don't.
 * @why: the same in words.
 * @slots: outstanding commands.
 * @tags: slots in use; REFDEV_ABORT_SLOT is not in it. Needs no lock.
 * @freed: woken when a slot gets free.
 * @ended: woken when a command that is being aborted ends.
 * @abort_lock: owns REFDEV_ABORT_SLOT. Taken before @lock.
 * @failure: stops a failed queue.
 * @watch: looks at the device while commands are outstanding.
 */
struct refdev_queue {
	struct pci_dev *pdev;
	void __iomem *regs;
	void (*failed)(struct refdev_queue *q, const char *why);
	struct refdev_identify_page info;
	unsigned int max_sgl;
	size_t max_transfer;
	struct refdev_rings *rings;
	dma_addr_t rings_dma;

	spinlock_t lock; /* of all down to slots */
	u32 tail;
	u32 cpl_head;
	u32 evt_head;
	int error;
	const char *why;
	struct refdev_slot slots[REFDEV_SLOTS];

	struct sbitmap tags;
	wait_queue_head_t freed;
	wait_queue_head_t ended;
	struct mutex abort_lock; /* of REFDEV_ABORT_SLOT */
	struct work_struct failure;
	struct delayed_work watch;
};

/* queue.c, for drivers */
int refdev_queue_init(struct refdev_queue *q, struct pci_dev *pdev,
		      void (*failed)(struct refdev_queue *q, const char *why));
int refdev_queue_attach(struct refdev_queue *q, void __iomem *regs);
void refdev_queue_detach(struct refdev_queue *q);
int refdev_queue_start(struct refdev_queue *q);
void refdev_queue_stop(struct refdev_queue *q);
void refdev_queue_lost(struct refdev_queue *q);

/* queue.c, for command.c */
void refdev_queue_post(struct refdev_queue *q,
		       const struct refdev_command_entry *entry);
void refdev_queue_fail(struct refdev_queue *q, int error, const char *why);

/* command.c, for drivers */
int refdev_submit(struct refdev_queue *q, const struct refdev_cmd *cmd);
void refdev_cancel(struct refdev_queue *q, void *ctx);
int refdev_run(struct refdev_queue *q, struct refdev_cmd *cmd);
int refdev_run_page(struct refdev_queue *q, struct refdev_cmd *cmd, void *page,
		    size_t len);
int refdev_run_anew(struct refdev_queue *q, struct refdev_cmd *cmd,
		    struct refdev_cmd *undo);
unsigned int refdev_timeout_ms(void);
int refdev_status_error(u16 status, const char **words);
const char *refdev_opcode_name(u16 opcode);
int refdev_opcode_by_name(const char *name);

/* command.c, for queue.c */
int refdev_commands_init(struct refdev_queue *q);
void refdev_commands_end(struct refdev_queue *q, int error);
void refdev_command_complete(struct refdev_queue *q,
			     const struct refdev_completion_entry *cpl);

/* identify.c, for queue.c */
int refdev_check_version(struct refdev_queue *q);
int refdev_identify(struct refdev_queue *q);

/* identify.c, for drivers */
bool refdev_can_precopy(const struct refdev_queue *q);

#endif /* _REFDEV_QUEUE_H */
