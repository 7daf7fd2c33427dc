// SPDX-License-Identifier: GPL-2.0-only
/*
 * copyload: memory copies on a dmaengine channel, every byte verified
 *
 * A guest's workload: copies of random length between random offsets go on until
 * the module is unloaded. Each one's destination is compared with what the source
 * was made of, together with the guard bytes around it. A copy that is lost, done
 * twice, done late or to a wrong place shows as an error.
 *
 * Nothing here gives up in less than a minute: the guest may be paused, slow or
 * under migration at any time.
 *
 * /sys/kernel/copyload/status  "copies=N bytes=N errors=N gap_ms=N pending=N state=S"
 * /sys/kernel/copyload/run     0 lets outstanding copies end and pauses, 1 goes on
 * /sys/kernel/copyload/hold    1: the next copies wait between all that the processor
 *				writes for them and their start ("held"), until 0
 * /sys/kernel/copyload/check   any write while paused: compare the last copies' destinations
 *				once more; reads 1 until that is done
 * /sys/kernel/copyload/gap     longest time between two completions in ms; any write
 *				begins a new measurement
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/gfp.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>

#define GUARD		64
#define MAX_DEPTH	32
/* A copy that takes longer than this is lost */
#define LOST_S		180

static unsigned int rate = 200;
module_param(rate, uint, 0644);
MODULE_PARM_DESC(rate, "copies per second, 0: as many as possible (default 200)");

static unsigned int depth = 4;
module_param(depth, uint, 0444);
MODULE_PARM_DESC(depth, "copies outstanding at a time, 1 to 32 (default 4)");

static unsigned int max_len = 32768;
module_param(max_len, uint, 0444);
MODULE_PARM_DESC(max_len, "longest copy in bytes (default 32768)");

static unsigned int report;
module_param(report, uint, 0644);
MODULE_PARM_DESC(report, "seconds between summaries on the console, 0: none (default 0)");

static bool verbose = true;
module_param(verbose, bool, 0644);
MODULE_PARM_DESC(verbose, "log the first wrong bytes found (default 1)");

struct copy {
	u8 *src;
	u8 *dst;
	dma_addr_t src_dma;
	dma_addr_t dst_dma;
	u32 src_off;
	u32 dst_off;
	u32 len;
	u64 seed;
	enum dmaengine_tx_result result;
	struct completion done;
};

struct copyload {
	struct dma_chan *chan;
	struct device *dev;
	struct task_struct *task;
	struct kobject *kobj;
	struct copy copy[MAX_DEPTH];
	size_t bufsize;
	u64 seed;
	unsigned int last_n;	/* copies in the last round */
	bool run;
	bool stuck;
	bool hold;
	bool held;
	bool paused;		/* no copy is under way, nor will be before "run" */
	bool check;

	/* protects what follows: the completions come in softirq context */
	spinlock_t lock;
	u64 copies;
	u64 bytes;
	u64 errors;
	unsigned int pending;
	ktime_t last;
	s64 gap_ms;
};

static struct copyload load;

static u64 next_random(u64 *x)
{
	/* xorshift64*: fast, and no zero bytes in a row */
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * 0x2545f4914f6cdd1dULL;
}

static void fill(u8 *p, u32 len, u64 seed)
{
	u64 w;

	for (; len >= sizeof(w); len -= sizeof(w), p += sizeof(w)) {
		w = next_random(&seed);
		memcpy(p, &w, sizeof(w));
	}
	if (len) {
		w = next_random(&seed);
		memcpy(p, &w, len);
	}
}

static u8 guard_byte(const struct copy *c)
{
	return c->seed >> 7 | 1;
}

static u32 count_wrong(const struct copy *c)
{
	const u8 *p = c->dst + c->dst_off;
	u64 seed = c->seed, w;
	u32 i, n, wrong = 0;

	for (i = 0; i < c->len; i += n) {
		n = min_t(u32, c->len - i, sizeof(w));
		w = next_random(&seed);
		if (memcmp(p + i, &w, n)) {
			if (!wrong && READ_ONCE(verbose))
				pr_err("byte %u of %u: %*ph, expected %*ph\n",
				       i, c->len, n, p + i, n, &w);
			wrong++;
		}
	}

	for (i = 1; i <= GUARD; i++) {
		if (p[c->len + i - 1] != guard_byte(c) ||
		    *(p - i) != guard_byte(c)) {
			if (!wrong && READ_ONCE(verbose))
				pr_err("guard byte %u around a copy of %u overwritten\n",
				       i, c->len);
			wrong++;
		}
	}
	return wrong;
}

static void copy_done(void *data, const struct dmaengine_result *result)
{
	struct copy *c = data;
	ktime_t now = ktime_get();
	unsigned long flags;

	c->result = result ? result->result : DMA_TRANS_NOERROR;

	spin_lock_irqsave(&load.lock, flags);
	if (load.last) {
		s64 gap = ktime_ms_delta(now, load.last);

		if (gap > load.gap_ms)
			load.gap_ms = gap;
	}
	load.last = now;
	load.pending--;
	spin_unlock_irqrestore(&load.lock, flags);

	complete(&c->done);
}

static void count_error(const char *what)
{
	unsigned long flags;

	spin_lock_irqsave(&load.lock, flags);
	load.errors++;
	spin_unlock_irqrestore(&load.lock, flags);
	if (READ_ONCE(verbose))
		pr_err("%s\n", what);
}

static void unmap_copy(struct copy *c)
{
	dma_unmap_single(load.dev, c->src_dma, load.bufsize, DMA_TO_DEVICE);
	dma_unmap_single(load.dev, c->dst_dma, load.bufsize, DMA_BIDIRECTIONAL);
}

/* All that the processor writes for it */
static void prepare_copy(struct copy *c)
{
	c->seed = next_random(&load.seed) | 1;
	c->len = 1 + (u32)next_random(&load.seed) % max_len;
	c->src_off = (u32)next_random(&load.seed) % (load.bufsize - c->len + 1);
	c->dst_off = GUARD + (u32)next_random(&load.seed) %
		     (load.bufsize - 2 * GUARD - c->len + 1);
	c->result = DMA_TRANS_NOERROR;
	reinit_completion(&c->done);

	fill(c->src + c->src_off, c->len, c->seed);
	/* Bytes that differ from both the pattern to come and the guard's */
	memset(c->dst + c->dst_off, ~guard_byte(c), c->len);
	memset(c->dst + c->dst_off - GUARD, guard_byte(c), GUARD);
	memset(c->dst + c->dst_off + c->len, guard_byte(c), GUARD);
}

static int start_copy(struct copy *c)
{
	struct dma_async_tx_descriptor *tx;
	unsigned long flags;

	c->src_dma = dma_map_single(load.dev, c->src, load.bufsize,
				    DMA_TO_DEVICE);
	if (dma_mapping_error(load.dev, c->src_dma))
		return -ENOMEM;
	c->dst_dma = dma_map_single(load.dev, c->dst, load.bufsize,
				    DMA_BIDIRECTIONAL);
	if (dma_mapping_error(load.dev, c->dst_dma)) {
		dma_unmap_single(load.dev, c->src_dma, load.bufsize,
				 DMA_TO_DEVICE);
		return -ENOMEM;
	}

	tx = dmaengine_prep_dma_memcpy(load.chan, c->dst_dma + c->dst_off,
				       c->src_dma + c->src_off, c->len,
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	if (!tx) {
		unmap_copy(c);
		return -EBUSY;
	}
	tx->callback_result = copy_done;
	tx->callback_param = c;

	spin_lock_irqsave(&load.lock, flags);
	load.pending++;
	spin_unlock_irqrestore(&load.lock, flags);

	if (dma_submit_error(dmaengine_submit(tx))) {
		spin_lock_irqsave(&load.lock, flags);
		load.pending--;
		spin_unlock_irqrestore(&load.lock, flags);
		unmap_copy(c);
		return -EIO;
	}
	return 0;
}

static bool finish_copy(struct copy *c)
{
	unsigned long flags;
	u32 wrong;

	if (!wait_for_completion_timeout(&c->done, LOST_S * HZ)) {
		count_error("a copy never completed");
		return false;
	}

	unmap_copy(c);
	wrong = count_wrong(c);
	if (c->result != DMA_TRANS_NOERROR) {
		count_error("a copy was aborted");
		return true;
	}

	spin_lock_irqsave(&load.lock, flags);
	load.copies++;
	load.bytes += c->len;
	if (wrong)
		load.errors++;
	spin_unlock_irqrestore(&load.lock, flags);
	return true;
}

static int format_status(char *buf, size_t size)
{
	u64 copies, bytes, errors;
	unsigned long flags;
	unsigned int pending;
	const char *state;
	bool paused;
	s64 gap;

	/* Before the counters, which are final then */
	paused = smp_load_acquire(&load.paused);
	spin_lock_irqsave(&load.lock, flags);
	copies = load.copies;
	bytes = load.bytes;
	errors = load.errors;
	pending = load.pending;
	gap = load.gap_ms;
	spin_unlock_irqrestore(&load.lock, flags);

	if (READ_ONCE(load.stuck))
		state = "stuck";
	else if (READ_ONCE(load.held))
		state = "held";
	else
		state = paused ? "paused" : "running";
	return scnprintf(buf, size,
			 "copies=%llu bytes=%llu errors=%llu gap_ms=%lld pending=%u state=%s\n",
			 copies, bytes, errors, gap, pending, state);
}

/* The next completion ends no gap */
static void forget_last(void)
{
	unsigned long flags;

	spin_lock_irqsave(&load.lock, flags);
	load.last = 0;
	spin_unlock_irqrestore(&load.lock, flags);
}

/* The processor has written to no destination since its copy */
static void check_again(void)
{
	unsigned int i;

	for (i = 0; i < load.last_n; i++) {
		if (count_wrong(&load.copy[i]))
			count_error("the destination of a copy has changed since");
	}
	WRITE_ONCE(load.check, false);
}

static void wait_while_held(void)
{
	while (READ_ONCE(load.hold) && !kthread_should_stop()) {
		WRITE_ONCE(load.held, true);
		forget_last();
		schedule_timeout_interruptible(HZ / 20);
	}
	WRITE_ONCE(load.held, false);
}

static int copyload_thread(void *unused)
{
	ktime_t report_at = ktime_get();
	ktime_t next = ktime_get();
	unsigned int i, n, hz;
	char line[160];

	while (!kthread_should_stop()) {
		if (!READ_ONCE(load.run)) {
			/* After the last copy was counted: who sees it set knows all copies */
			smp_store_release(&load.paused, true);
			if (READ_ONCE(load.check))
				check_again();
			forget_last();
			schedule_timeout_interruptible(HZ / 20);
			next = ktime_get();
			continue;
		}
		WRITE_ONCE(load.paused, false);

		for (n = 0; n < depth; n++)
			prepare_copy(&load.copy[n]);
		wait_while_held();
		for (n = 0; n < depth; n++) {
			int ret = start_copy(&load.copy[n]);

			if (ret) {
				count_error("a copy could not be started");
				break;
			}
		}
		load.last_n = n;
		dma_async_issue_pending(load.chan);
		for (i = 0; i < n; i++) {
			if (!finish_copy(&load.copy[i]))
				break;
		}
		if (i < n) {
			/* Its buffers may still be written to: touch nothing again */
			WRITE_ONCE(load.stuck, true);
			break;
		}
		if (!n)
			schedule_timeout_interruptible(HZ);

		if (READ_ONCE(report) &&
		    ktime_ms_delta(ktime_get(), report_at) >=
		    1000LL * READ_ONCE(report)) {
			report_at = ktime_get();
			format_status(line, sizeof(line));
			pr_notice("%s", line);
		}

		hz = READ_ONCE(rate);
		if (hz) {
			ktime_t now = ktime_get();
			s64 wait;

			next = ktime_add_ns(next, div_u64((u64)NSEC_PER_SEC * depth, hz));
			wait = ktime_us_delta(next, now);
			if (wait > 0)
				usleep_range(wait, wait + wait / 8 + 50);
			else
				next = now;	/* too slow: don't catch up */
		}
		cond_resched();
	}

	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static ssize_t status_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return format_status(buf, PAGE_SIZE);
}

static ssize_t run_show(struct kobject *kobj, struct kobj_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(load.run));
}

static ssize_t run_store(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t count)
{
	bool run;
	int ret = kstrtobool(buf, &run);

	if (ret)
		return ret;
	WRITE_ONCE(load.run, run);
	return count;
}

static ssize_t hold_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(load.hold));
}

static ssize_t hold_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count)
{
	bool hold;
	int ret = kstrtobool(buf, &hold);

	if (ret)
		return ret;
	WRITE_ONCE(load.hold, hold);
	return count;
}

static ssize_t check_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(load.check));
}

static ssize_t check_store(struct kobject *kobj, struct kobj_attribute *attr,
			   const char *buf, size_t count)
{
	WRITE_ONCE(load.check, true);
	return count;
}

static ssize_t gap_show(struct kobject *kobj, struct kobj_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%lld\n", READ_ONCE(load.gap_ms));
}

static ssize_t gap_store(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t count)
{
	unsigned long flags;

	spin_lock_irqsave(&load.lock, flags);
	load.gap_ms = 0;
	spin_unlock_irqrestore(&load.lock, flags);
	return count;
}

static struct kobj_attribute status_attr = __ATTR_RO(status);
static struct kobj_attribute run_attr = __ATTR_RW(run);
static struct kobj_attribute hold_attr = __ATTR_RW(hold);
static struct kobj_attribute check_attr = __ATTR_RW(check);
static struct kobj_attribute gap_attr = __ATTR_RW(gap);

static struct attribute *copyload_attrs[] = {
	&status_attr.attr,
	&run_attr.attr,
	&hold_attr.attr,
	&check_attr.attr,
	&gap_attr.attr,
	NULL
};

static const struct attribute_group copyload_group = {
	.attrs = copyload_attrs,
};

static void free_buffers(void)
{
	unsigned int i;

	/* After a lost copy the device may still write: leak, don't corrupt */
	if (load.stuck)
		return;
	for (i = 0; i < depth; i++) {
		if (load.copy[i].src)
			free_pages_exact(load.copy[i].src, load.bufsize);
		if (load.copy[i].dst)
			free_pages_exact(load.copy[i].dst, load.bufsize);
	}
}

static int __init copyload_init(void)
{
	dma_cap_mask_t mask;
	unsigned int i;
	int ret;

	if (!depth || depth > MAX_DEPTH || !max_len || max_len > SZ_1M)
		return -EINVAL;

	spin_lock_init(&load.lock);
	load.seed = ktime_get_ns() | 1;
	load.run = true;
	load.bufsize = PAGE_ALIGN(max_len + 4 * GUARD) + PAGE_SIZE;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	load.chan = dma_request_chan_by_mask(&mask);
	if (IS_ERR(load.chan)) {
		pr_err("no DMA channel that copies: %pe\n", load.chan);
		return PTR_ERR(load.chan);
	}
	load.dev = load.chan->device->dev;

	ret = -ENOMEM;
	for (i = 0; i < depth; i++) {
		struct copy *c = &load.copy[i];

		init_completion(&c->done);
		c->src = alloc_pages_exact(load.bufsize, GFP_KERNEL | __GFP_ZERO);
		c->dst = alloc_pages_exact(load.bufsize, GFP_KERNEL | __GFP_ZERO);
		if (!c->src || !c->dst)
			goto out_free;
	}

	load.kobj = kobject_create_and_add("copyload", kernel_kobj);
	if (!load.kobj)
		goto out_free;
	ret = sysfs_create_group(load.kobj, &copyload_group);
	if (ret)
		goto out_kobj;

	load.task = kthread_run(copyload_thread, NULL, "copyload");
	if (IS_ERR(load.task)) {
		ret = PTR_ERR(load.task);
		goto out_kobj;
	}
	pr_info("%u copies a second of up to %u bytes on %s (%s)\n", rate,
		max_len, dma_chan_name(load.chan), dev_name(load.dev));
	return 0;

out_kobj:
	kobject_put(load.kobj);
out_free:
	free_buffers();
	dma_release_channel(load.chan);
	return ret;
}

static void __exit copyload_exit(void)
{
	kobject_put(load.kobj);
	kthread_stop(load.task);
	dmaengine_terminate_sync(load.chan);
	free_buffers();
	dma_release_channel(load.chan);
}

module_init(copyload_init);
module_exit(copyload_exit);

MODULE_DESCRIPTION("Verified memory copies on a dmaengine channel");
MODULE_LICENSE("GPL");
