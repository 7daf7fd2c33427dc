// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller's registers, and the rings of its admin queue with their start
 * and stop.
 *
 * The controller is not trusted. Entries are copied out of the ring before they
 * are checked, an unknown command identifier ends the queue, and an interrupt
 * handles at most a ring of entries. Memory is freed only when the controller
 * can't reach it any more: after it has reported that it stopped or, if it does
 * not report that in time, after bus mastering was disabled.
 *
 * No timer checks an idle queue: the next command finds a controller that has
 * failed.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/minmax.h>

#include "queue.h"

#define NPF_POLL_US		1000
/* CAP.TO and CRTO count in these */
#define NPF_TO_US		(500 * USEC_PER_MSEC)

static u32 npf_status(struct npf_queue *q)
{
	return readl(q->regs + NVME_REG_CSTS);
}

static u32 npf_sq_doorbell(struct npf_queue *q)
{
	return NVME_REG_DBS;
}

static u32 npf_cq_doorbell(struct npf_queue *q)
{
	return NVME_REG_DBS + (4 << NVME_CAP_STRIDE(q->cap));
}

/*
 * How long it may take to become ready, or to stop. At least one unit, at most
 * 65535
 */
static u64 npf_ready_us(struct npf_queue *q)
{
	u32 units = max_t(u32, 1, NVME_CAP_TIMEOUT(q->cap));

	if (q->cap & NVME_CAP_CRMS_CRWMS)
		units = max_t(u32, units,
			      NVME_CRTO_CRWMT(readl(q->regs + NVME_REG_CRTO)));
	return (u64)units * NPF_TO_US;
}

static irqreturn_t npf_irq(int irq, void *data)
{
	struct npf_queue *q = data;
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&q->lock, flags);
	for (n = 0; n < NPF_DEPTH && !q->error; n++) {
		struct nvme_completion *slot = &q->rings->cq[q->head], cqe;

		if ((le16_to_cpu(READ_ONCE(slot->status)) & 1) != q->phase)
			break;
		/* The phase is valid before the rest is read */
		dma_rmb();
		cqe = *slot;
		if (++q->head == NPF_DEPTH) {
			q->head = 0;
			q->phase ^= 1;
		}
		npf_command_complete(q, &cqe);
	}
	if (n)
		writel(q->head, q->regs + npf_cq_doorbell(q));
	spin_unlock_irqrestore(&q->lock, flags);
	return IRQ_HANDLED;
}

/* On return the controller makes no access to host memory */
static void npf_controller_disable(struct npf_queue *q)
{
	u32 status;

	if (q->error == -ENODEV) {
		/*
		 * A controller that does not answer may still write to memory
		 */
		pci_clear_master(q->pdev);
		return;
	}
	writel(0, q->regs + NVME_REG_CC);
	if (read_poll_timeout(npf_status, status,
			      status == NPF_GONE || !(status & NVME_CSTS_RDY),
			      NPF_POLL_US, npf_ready_us(q), false, q)) {
		dev_err(&q->pdev->dev, "the controller does not stop: bus mastering was disabled\n");
		pci_clear_master(q->pdev);
	}
}

/*
 * Section 3.6.1: the controller saves its volatile caches before it loses power
 */
static void npf_controller_shutdown(struct npf_queue *q)
{
	u32 status, cc;

	if (q->error == -ENODEV)
		return;
	cc = readl(q->regs + NVME_REG_CC);
	if (cc == NPF_GONE || !(cc & NVME_CC_ENABLE))
		return;
	writel((cc & ~NVME_CC_SHN_MASK) | NVME_CC_SHN_NORMAL,
	       q->regs + NVME_REG_CC);
	if (read_poll_timeout(npf_status, status, status == NPF_GONE ||
			      (status & NVME_CSTS_SHST_MASK) == NVME_CSTS_SHST_CMPLT,
			      NPF_POLL_US, q->shutdown_us, false, q))
		dev_err(&q->pdev->dev, "the controller has not shut down within %lu ms: data that it had not written to its medium may be lost\n",
			q->shutdown_us / USEC_PER_MSEC);
}

static void npf_failure_work(struct work_struct *work)
{
	struct npf_queue *q = container_of(work, struct npf_queue, failure);

	dev_err(&q->pdev->dev, "%s: its VFs can't be used until it is reset (write 1 to its \"reset\" attribute)\n",
		q->why);
	npf_controller_disable(q);
	/*
	 * Set the error first: a waiter that sees its command end must also see
	 * the failure
	 */
	q->failed(q, q->why);
	npf_commands_end(q, q->error);
}

/**
 * npf_queue_fail() - end the queue
 * @q: the queue, locked.
 * @error: errno of outstanding and of new commands; -ENODEV: registers are not
 *	there.
 * @why: a string literal for the log.
 *
 * The first failure counts. Outstanding commands end a little later: they do so
 * when the controller has no more access to their data.
 */
void npf_queue_fail(struct npf_queue *q, int error, const char *why)
{
	lockdep_assert_held(&q->lock);
	if (q->error)
		return;
	q->error = error;
	q->why = why;
	schedule_work(&q->failure);
}

/**
 * npf_queue_lost() - end the queue of a device that can't be reached
 * @q: the queue.
 *
 * No register is accessed from here on.
 */
void npf_queue_lost(struct npf_queue *q)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	npf_queue_fail(q, -ENODEV, "the device can't be reached");
	spin_unlock_irqrestore(&q->lock, flags);
}

/**
 * npf_queue_check() - check that the controller still works
 * @q: the queue.
 *
 * Ends the queue if not.
 */
void npf_queue_check(struct npf_queue *q)
{
	u32 status = pci_channel_offline(q->pdev) ? NPF_GONE : npf_status(q);

	spin_lock_irq(&q->lock);
	if (status == NPF_GONE)
		npf_queue_fail(q, -ENODEV, "the device is gone");
	else if (status & NVME_CSTS_CFS)
		npf_queue_fail(q, -EIO, "the controller has a fatal error");
	else if (!(status & NVME_CSTS_RDY))
		/* A reset that this driver was not told of */
		npf_queue_fail(q, -EIO, "the controller has stopped by itself");
	spin_unlock_irq(&q->lock);
}

/**
 * npf_queue_post() - give a command to the controller
 * @q: the queue, locked and without error.
 * @tag: the slot of the command.
 * @sqe: the command.
 */
void npf_queue_post(struct npf_queue *q, unsigned int tag,
		    const struct nvme_command *sqe)
{
	struct nvme_command *entry = &q->rings->sq[q->tail];

	lockdep_assert_held(&q->lock);
	*entry = *sqe;
	entry->common.command_id = (__force __u16)cpu_to_le16(tag);
	q->tail = (q->tail + 1) % NPF_DEPTH;
	writel(q->tail, q->regs + npf_sq_doorbell(q));
}

static int npf_read_cap(struct npf_queue *q)
{
	struct device *dev = &q->pdev->dev;

	q->cap = lo_hi_readq(q->regs + NVME_REG_CAP);
	if (q->cap == U64_MAX) {
		dev_err(dev, "the device does not answer: is it still plugged in?\n");
		return -ENODEV;
	}
	if (NVME_CAP_MPSMIN(q->cap)) {
		dev_err(dev, "the controller wants memory pages of %u KiB at least, this driver uses 4\n",
			4 << NVME_CAP_MPSMIN(q->cap));
		return -EOPNOTSUPP;
	}
	if (npf_cq_doorbell(q) + sizeof(u32) > pci_resource_len(q->pdev, 0)) {
		dev_err(dev, "the controller's doorbells are not in its registers\n");
		return -EPROTO;
	}
	return 0;
}

static void npf_write_rings(struct npf_queue *q)
{
	memset(q->rings, 0, sizeof(*q->rings));
	q->tail = 0;
	q->head = 0;
	q->phase = 1;
	writel((NPF_DEPTH - 1) << 16 | (NPF_DEPTH - 1), q->regs + NVME_REG_AQA);
	lo_hi_writeq(q->rings_dma + offsetof(struct npf_rings, sq),
		     q->regs + NVME_REG_ASQ);
	lo_hi_writeq(q->rings_dma + offsetof(struct npf_rings, cq),
		     q->regs + NVME_REG_ACQ);
}

static int npf_controller_enable(struct npf_queue *q)
{
	u32 status, cc = NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES;

	if (!(NVME_CAP_CSS(q->cap) & NVME_CAP_CSS_NVM))
		cc |= NVME_CC_CSS_CSI;
	pci_set_master(q->pdev);
	writel(cc, q->regs + NVME_REG_CC);
	if (read_poll_timeout(npf_status, status,
			      status & (NVME_CSTS_RDY | NVME_CSTS_CFS),
			      NPF_POLL_US, npf_ready_us(q), false, q) ||
	    status & NVME_CSTS_CFS) {
		dev_err(&q->pdev->dev, "the controller does not become ready (CSTS 0x%08x): reset it (write 1 to its \"reset\" attribute)\n",
			status);
		npf_controller_disable(q);
		return -EIO;
	}
	return 0;
}

/**
 * npf_queue_start() - make the queue ready for commands
 * @q: the queue, fresh or stopped.
 *
 * Return: 0 or a negative errno; the reason was logged, and the queue is
 * stopped.
 */
int npf_queue_start(struct npf_queue *q)
{
	int ret;

	ret = npf_read_cap(q);
	if (ret)
		return ret;
	/*
	 * A previous driver may have left it running, on memory that is no ring
	 * now
	 */
	q->error = -ESHUTDOWN;
	npf_controller_disable(q);
	npf_write_rings(q);
	ret = npf_controller_enable(q);
	if (ret)
		return ret;

	spin_lock_irq(&q->lock);
	q->error = 0;
	spin_unlock_irq(&q->lock);
	return 0;
}

static void npf_stop(struct npf_queue *q, bool shutdown)
{
	spin_lock_irq(&q->lock);
	if (!q->error)
		q->error = -ESHUTDOWN;
	spin_unlock_irq(&q->lock);
	cancel_work_sync(&q->failure);
	if (shutdown)
		npf_controller_shutdown(q);
	npf_controller_disable(q);
	npf_commands_end(q, q->error);
}

/**
 * npf_queue_stop() - end all commands and take no new ones
 * @q: the queue, running, failed or stopped.
 *
 * On return no command is outstanding, &npf_queue.failed is not running, and
 * the controller makes no access to host memory. Its secondary controllers are
 * offline then: section 8.2.6.
 */
void npf_queue_stop(struct npf_queue *q)
{
	npf_stop(q, false);
}

/**
 * npf_queue_shutdown() - end all commands and shut the controller down
 * @q: the queue, running, failed or stopped.
 *
 * Waits as long as the controller has said (RTD3E), 5 to 60 s.
 */
void npf_queue_shutdown(struct npf_queue *q)
{
	npf_stop(q, true);
}

static int npf_alloc(struct npf_queue *q)
{
	struct device *dev = &q->pdev->dev;
	unsigned int i;

	q->rings = dmam_alloc_coherent(dev, sizeof(*q->rings), &q->rings_dma,
				       GFP_KERNEL);
	if (!q->rings)
		return -ENOMEM;
	for (i = 0; i < NPF_SLOTS; i++) {
		struct npf_slot *slot = &q->slots[i];

		slot->prps = dmam_alloc_coherent(dev, NPF_PAGE, &slot->prps_dma,
						 GFP_KERNEL);
		if (!slot->prps)
			return -ENOMEM;
	}
	return 0;
}

static int npf_request_irq(struct npf_queue *q)
{
	int ret;

	ret = pci_alloc_irq_vectors(q->pdev, 1, 1, PCI_IRQ_MSIX | PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	ret = pci_request_irq(q->pdev, 0, npf_irq, NULL, q, "nvme-pf %s", pci_name(q->pdev));
	if (ret)
		pci_free_irq_vectors(q->pdev);
	return ret;
}

/**
 * npf_queue_init() - get memory and the interrupt of a queue
 * @q: the queue, zeroed.
 * @pdev: the PF. Memory goes with its binding to the driver.
 * @regs: its BAR 0.
 * @failed: see &npf_queue.failed.
 *
 * Return: 0 or a negative errno; the reason was logged.
 */
int npf_queue_init(struct npf_queue *q, struct pci_dev *pdev,
		   void __iomem *regs,
		   void (*failed)(struct npf_queue *q, const char *why))
{
	int ret;

	q->pdev = pdev;
	q->regs = regs;
	q->failed = failed;
	q->shutdown_us = NPF_MIN_SHUTDOWN_US;
	q->error = -ESHUTDOWN;
	spin_lock_init(&q->lock);
	INIT_WORK(&q->failure, npf_failure_work);
	ret = npf_commands_init(q);
	if (!ret) {
		ret = npf_alloc(q) ?: npf_request_irq(q);
		if (ret)
			npf_commands_free(q);
	}
	if (ret)
		dev_err(&pdev->dev, "no memory or interrupt for the admin queue (error %d)\n", ret);
	return ret;
}

/**
 * npf_queue_free() - give back what npf_queue_init() got
 * @q: the queue, stopped.
 */
void npf_queue_free(struct npf_queue *q)
{
	pci_free_irq(q->pdev, 0, q);
	pci_free_irq_vectors(q->pdev);
	npf_commands_free(q);
}
