// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference device's command queue: its rings, interrupts, start and stop.
 *
 * Firmware is not trusted. Entries are copied out of the rings before they are
 * checked, an unknown tag ends the queue, and an interrupt handles at most a
 * ring of entries. Memory is freed only when firmware can't reach it any more:
 * after it has reported that it stopped or, if it does not report that in time,
 * after bus mastering was disabled.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>

#include "queue.h"

#define REFDEV_POLL_US		100
#define REFDEV_ENABLE_US	(1 * USEC_PER_SEC)
/* Firmware may have to boot after a reset */
#define REFDEV_READY_US		(5 * USEC_PER_SEC)

/* Room for " (code 4294967295)" */
#define REFDEV_CODE_WORDS	20

/* How soon a removal or a fatal error that sent no interrupt is seen */
#define REFDEV_WATCH		msecs_to_jiffies(250)

/* Each ring begins on a page, and holds more than can be outstanding */
static_assert(offsetof(struct refdev_rings, cpl) % SZ_4K == 0);
static_assert(offsetof(struct refdev_rings, evt) % SZ_4K == 0);
static_assert(REFDEV_RING_SIZE > REFDEV_SLOTS);

static u32 refdev_read(struct refdev_queue *q, unsigned int reg)
{
	return readl(q->regs + reg);
}

static void refdev_write(struct refdev_queue *q, unsigned int reg, u32 value)
{
	writel(value, q->regs + reg);
}

/* A new entry at @head has this phase: one on the first pass, then toggling */
static bool refdev_is_new(__le32 phase, u32 head)
{
	return (le32_to_cpu(phase) & 1) == (~(head >> REFDEV_RING_SHIFT) & 1);
}

static void refdev_drain_completions(struct refdev_queue *q)
{
	u32 n;

	for (n = 0; n < REFDEV_RING_SIZE && !q->error; n++) {
		struct refdev_completion_entry *slot, cpl;

		slot = &q->rings->cpl[q->cpl_head % REFDEV_RING_SIZE];
		if (!refdev_is_new(READ_ONCE(slot->phase), q->cpl_head))
			break;
		/* The phase is valid before the rest is read */
		dma_rmb();
		cpl = *slot;
		q->cpl_head++;
		refdev_command_complete(q, &cpl);
	}
	if (n)
		refdev_write(q, REFDEV_CPLQ_HEAD, q->cpl_head);
}

static irqreturn_t refdev_completion_irq(int irq, void *data)
{
	struct refdev_queue *q = data;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (!q->error)
		refdev_drain_completions(q);
	spin_unlock_irqrestore(&q->lock, flags);
	return IRQ_HANDLED;
}

static void refdev_handle_event(struct refdev_queue *q,
				const struct refdev_event_entry *evt)
{
	struct device *dev = &q->pdev->dev;
	u16 function = le16_to_cpu(evt->function);
	u16 type = le16_to_cpu(evt->type);

	if (type == REFDEV_EVENT_FATAL)
		refdev_queue_fail(q, -EIO, "firmware reports a fatal error");
	else if (type == REFDEV_EVENT_FUNCTION_RESET &&
		 function < le16_to_cpu(q->info.total_vfs))
		dev_dbg(dev, "VF %u was reset\n", function);
	else
		dev_warn_ratelimited(dev, "firmware sent event %u of function %u, which this driver does not know: ignored\n",
				     type, function);
}

static void refdev_drain_events(struct refdev_queue *q)
{
	u32 n;

	for (n = 0; n < REFDEV_RING_SIZE && !q->error; n++) {
		struct refdev_event_entry *slot, evt;

		slot = &q->rings->evt[q->evt_head % REFDEV_RING_SIZE];
		if (!refdev_is_new(READ_ONCE(slot->phase), q->evt_head))
			break;
		/* The phase is valid before the rest is read */
		dma_rmb();
		evt = *slot;
		q->evt_head++;
		refdev_handle_event(q, &evt);
	}
	if (n)
		refdev_write(q, REFDEV_EVTQ_HEAD, q->evt_head);
}

static irqreturn_t refdev_event_irq(int irq, void *data)
{
	struct refdev_queue *q = data;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (!q->error)
		refdev_drain_events(q);
	spin_unlock_irqrestore(&q->lock, flags);
	return IRQ_HANDLED;
}

/*
 * Waiters must not wait until their time-out after a lost interrupt or a
 * removal
 */
static void refdev_watch_work(struct work_struct *work)
{
	struct refdev_queue *q =
		container_of(work, struct refdev_queue, watch.work);
	bool offline = pci_channel_offline(q->pdev);
	u32 status = offline ? REFDEV_GONE : refdev_read(q, REFDEV_STATUS);

	spin_lock_irq(&q->lock);
	if (status == REFDEV_GONE)
		refdev_queue_fail(q, -ENODEV, "the device is gone");
	else if (status & REFDEV_STATUS_FATAL)
		refdev_queue_fail(q, -EIO, "firmware has a fatal error");
	else if (!(status & REFDEV_STATUS_ENABLED))
		/*
		 * A reset that this driver was not told of; some bridges give
		 * zeroes, not ones
		 */
		refdev_queue_fail(q, -EIO, "the command queue has stopped by itself");
	else if (!q->error && sbitmap_any_bit_set(&q->tags))
		schedule_delayed_work(&q->watch, REFDEV_WATCH);
	spin_unlock_irq(&q->lock);
}

/* On return firmware makes no access to host memory */
static void refdev_stop_firmware(struct refdev_queue *q)
{
	u32 status;

	if (q->error == -ENODEV)
		return;
	refdev_write(q, REFDEV_CONTROL, 0);
	if (read_poll_timeout(refdev_read, status,
			      status == REFDEV_GONE ||
				      !(status & REFDEV_STATUS_ENABLED),
			      REFDEV_POLL_US, REFDEV_ENABLE_US, false, q,
			      REFDEV_STATUS)) {
		dev_err(&q->pdev->dev, "firmware does not stop its queue: bus mastering was disabled\n");
		pci_clear_master(q->pdev);
	}
}

static void refdev_log_failure(struct refdev_queue *q)
{
	struct device *dev = &q->pdev->dev;
	char code[REFDEV_CODE_WORDS] = "";
	u32 fatal;

	if (q->error == -ENODEV) {
		dev_err(dev, "%s: its VFs can't be used any more\n", q->why);
		return;
	}
	fatal = refdev_read(q, REFDEV_FATAL_CODE);
	if (fatal)
		snprintf(code, sizeof(code), " (code %u)", fatal);
	dev_err(dev, "%s%s: its VFs can't be managed until this device is reset (write 1 to its \"reset\" attribute)\n",
		q->why, code);
}

static void refdev_failure_work(struct work_struct *work)
{
	struct refdev_queue *q =
		container_of(work, struct refdev_queue, failure);

	refdev_log_failure(q);
	refdev_stop_firmware(q);
	/*
	 * Set the error first: a waiter that sees its command end must also see
	 * the failure
	 */
	q->failed(q, q->why);
	refdev_commands_end(q, q->error);
}

/**
 * refdev_queue_fail() - end the queue
 * @q: the queue, locked.
 * @error: errno of outstanding and of new commands; -ENODEV: registers are not
 *	there.
 * @why: a string literal for the log.
 *
 * The first failure counts. Outstanding commands end a little later: they do so
 * when firmware has no more access to their data.
 */
void refdev_queue_fail(struct refdev_queue *q, int error, const char *why)
{
	lockdep_assert_held(&q->lock);
	if (q->error)
		return;
	q->error = error;
	q->why = why;
	schedule_work(&q->failure);
}

/**
 * refdev_queue_lost() - end the queue of a device that can't be reached
 * @q: the queue.
 *
 * No register is accessed from here on.
 */
void refdev_queue_lost(struct refdev_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	refdev_queue_fail(q, -ENODEV, "the device can't be reached");
	spin_unlock_irqrestore(&q->lock, flags);
}

/**
 * refdev_queue_post() - give a command to firmware
 * @q: the queue, locked and without error.
 * @entry: the command.
 */
void refdev_queue_post(struct refdev_queue *q,
		       const struct refdev_command_entry *entry)
{
	lockdep_assert_held(&q->lock);
	q->rings->cmd[q->tail % REFDEV_RING_SIZE] = *entry;
	refdev_write(q, REFDEV_CMDQ_TAIL, ++q->tail);
	schedule_delayed_work(&q->watch, REFDEV_WATCH);
}

static void refdev_write_ring(struct refdev_queue *q, unsigned int base,
			      unsigned int size, const void *ring)
{
	size_t offset = ring - (void *)q->rings;

	lo_hi_writeq(q->rings_dma + offset, q->regs + base);
	refdev_write(q, size, REFDEV_RING_SHIFT);
}

static int refdev_wait_ready(struct refdev_queue *q)
{
	struct device *dev = &q->pdev->dev;
	u32 status;

	if (read_poll_timeout(refdev_read, status,
			      status & (REFDEV_STATUS_READY | REFDEV_STATUS_FATAL),
			      REFDEV_POLL_US, REFDEV_READY_US, false, q, REFDEV_STATUS)) {
		dev_err(dev, "firmware is not ready after %lu s: reset the device or check its firmware\n",
			REFDEV_READY_US / USEC_PER_SEC);
		return -ETIMEDOUT;
	}
	if (status == REFDEV_GONE) {
		dev_err(dev, "the device does not answer: is it still plugged in?\n");
		return -ENODEV;
	}
	if (status & REFDEV_STATUS_FATAL) {
		dev_err(dev, "firmware had a fatal error (code %u): reset the device (write 1 to its \"reset\" attribute) and bind it again\n",
			refdev_read(q, REFDEV_FATAL_CODE));
		return -EIO;
	}
	return 0;
}

static void refdev_write_rings(struct refdev_queue *q)
{
	memset(q->rings, 0, sizeof(*q->rings));
	q->tail = 0;
	q->cpl_head = 0;
	q->evt_head = 0;
	refdev_write_ring(q, REFDEV_CMDQ_BASE, REFDEV_CMDQ_SIZE, q->rings->cmd);
	refdev_write_ring(q, REFDEV_CPLQ_BASE, REFDEV_CPLQ_SIZE, q->rings->cpl);
	refdev_write_ring(q, REFDEV_EVTQ_BASE, REFDEV_EVTQ_SIZE, q->rings->evt);
}

static int refdev_enable_rings(struct refdev_queue *q)
{
	u32 status;

	pci_set_master(q->pdev);
	refdev_write(q, REFDEV_CONTROL, REFDEV_CONTROL_ENABLE);
	if (read_poll_timeout(refdev_read, status,
			      status & (REFDEV_STATUS_ENABLED | REFDEV_STATUS_FATAL),
			      REFDEV_POLL_US, REFDEV_ENABLE_US, false, q, REFDEV_STATUS) ||
	    !(status & REFDEV_STATUS_ENABLED)) {
		dev_err(&q->pdev->dev, "firmware does not start the command queue (fatal code %u): check its version\n",
			refdev_read(q, REFDEV_FATAL_CODE));
		refdev_stop_firmware(q);
		return -EIO;
	}
	return 0;
}

/**
 * refdev_queue_stop() - end all commands and take none any more
 * @q: the queue, running, failed or stopped.
 *
 * On return no command is outstanding, &refdev_queue.failed is not running, and
 * firmware makes no access to host memory.
 */
void refdev_queue_stop(struct refdev_queue *q)
{
	spin_lock_irq(&q->lock);
	if (!q->error)
		q->error = -ESHUTDOWN;
	spin_unlock_irq(&q->lock);
	cancel_delayed_work_sync(&q->watch);
	cancel_work_sync(&q->failure);
	refdev_stop_firmware(q);
	refdev_commands_end(q, q->error);
}

/**
 * refdev_queue_start() - make the queue ready for commands
 * @q: the queue, fresh or stopped.
 *
 * Return: 0 or a negative errno; the reason was logged, and the queue is
 * stopped.
 */
int refdev_queue_start(struct refdev_queue *q)
{
	int ret;

	ret = refdev_wait_ready(q);
	if (ret)
		return ret;
	/*
	 * A previous kernel may have left it running, on memory that is no ring
	 * now
	 */
	q->error = -ESHUTDOWN;
	refdev_stop_firmware(q);
	refdev_write_rings(q);
	ret = refdev_enable_rings(q);
	if (ret)
		return ret;

	spin_lock_irq(&q->lock);
	q->error = 0;
	spin_unlock_irq(&q->lock);
	ret = refdev_identify(q);
	if (ret)
		refdev_queue_stop(q);
	return ret;
}

static int refdev_alloc(struct refdev_queue *q)
{
	struct device *dev = &q->pdev->dev;
	unsigned int i;

	q->rings = dmam_alloc_coherent(dev, sizeof(*q->rings), &q->rings_dma,
				       GFP_KERNEL);
	if (!q->rings)
		return -ENOMEM;
	for (i = 0; i < REFDEV_SLOTS; i++) {
		struct refdev_slot *slot = &q->slots[i];

		slot->sgl = dmam_alloc_coherent(dev, REFDEV_SLOT_SGL * sizeof(*slot->sgl),
						&slot->sgl_dma, GFP_KERNEL);
		if (!slot->sgl)
			return -ENOMEM;
	}
	return 0;
}

static void log_resources(struct refdev_queue *q, int err)
{
	dev_err(&q->pdev->dev, "no memory or interrupts for the command queue (error %d)\n", err);
}

static int refdev_request_irqs(struct refdev_queue *q)
{
	int ret;

	ret = pci_alloc_irq_vectors(q->pdev, REFDEV_NR_VECTORS,
				    REFDEV_NR_VECTORS, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	ret = pci_request_irq(q->pdev, REFDEV_VECTOR_COMPLETION,
			      refdev_completion_irq, NULL, q,
			      "refdev-completion %s", pci_name(q->pdev));
	if (ret)
		goto err_vectors;
	ret = pci_request_irq(q->pdev, REFDEV_VECTOR_EVENT, refdev_event_irq,
			      NULL, q, "refdev-event %s", pci_name(q->pdev));
	if (ret)
		goto err_completion;
	return 0;

err_completion:
	pci_free_irq(q->pdev, REFDEV_VECTOR_COMPLETION, q);
err_vectors:
	pci_free_irq_vectors(q->pdev);
	return ret;
}

/**
 * refdev_queue_init() - get the memory of a queue
 * @q: the queue, zeroed.
 * @pdev: the PF. Memory goes with its binding to the driver.
 * @failed: see &refdev_queue.failed.
 *
 * Return: 0 or a negative errno; the reason was logged.
 */
int refdev_queue_init(struct refdev_queue *q, struct pci_dev *pdev,
		      void (*failed)(struct refdev_queue *q, const char *why))
{
	int ret;

	q->pdev = pdev;
	q->failed = failed;
	q->error = -ESHUTDOWN;
	q->max_sgl = REFDEV_SLOT_SGL;
	spin_lock_init(&q->lock);
	mutex_init(&q->abort_lock);
	init_waitqueue_head(&q->ended);
	INIT_WORK(&q->failure, refdev_failure_work);
	INIT_DELAYED_WORK(&q->watch, refdev_watch_work);

	ret = refdev_commands_init(q) ?: refdev_alloc(q);
	if (ret)
		log_resources(q, ret);
	return ret;
}

/**
 * refdev_queue_attach() - give a queue its registers and interrupts
 * @q: the queue; its PF is enabled.
 * @regs: BAR 0 of it.
 *
 * Return: 0 or a negative errno; the reason was logged.
 */
int refdev_queue_attach(struct refdev_queue *q, void __iomem *regs)
{
	int ret;

	q->regs = regs;
	ret = refdev_check_version(q);
	if (ret)
		return ret;
	ret = refdev_request_irqs(q);
	if (ret)
		log_resources(q, ret);
	return ret;
}

/**
 * refdev_queue_detach() - release a queue's registers and interrupts
 * @q: the queue, stopped.
 */
void refdev_queue_detach(struct refdev_queue *q)
{
	pci_free_irq(q->pdev, REFDEV_VECTOR_EVENT, q);
	pci_free_irq(q->pdev, REFDEV_VECTOR_COMPLETION, q);
	pci_free_irq_vectors(q->pdev);
	q->regs = NULL;
}
