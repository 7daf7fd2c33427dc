// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plug-in for the VFs of the reference device: IOAT 3.2 engines with one channel (docs/reference-device.rst).
 * Their context page tells the digest of their state, and the copies done.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conform-plugin.h"

#define CHANCTRL	0x80
#define CHANCMD		0x84
#define DMACOUNT	0x86
#define CHAINADDR	0x90
#define CHANCMP		0x98
#define CHANERR		0xa8
#define CTX_COPIES	0x2010
#define CTX_DIGEST	0x2028
#define BAR_SIZE	0x4000

#define CHANCMD_RESET	0x20
#define CTL_COMPLETION	0x8

/* In memory at IOVA: the ring, the completion, what is copied and to where */
#define IOVA		0x10000000ULL
#define DESCS		256
#define DONE		(DESCS * 64)
#define SOURCE		0x10000
#define TARGET		0x20000
#define SIZE		0x30000
#define CHUNK		0x10000

struct desc {
	uint32_t size, ctl;
	uint64_t src, dst, next, unused[4];
};

struct engine {
	volatile uint8_t *regs;
	uint8_t *mem;
};

static uint32_t rd32(struct engine *e, unsigned int off)
{
	return *(volatile uint32_t *)(e->regs + off);
}

static uint64_t rd64(struct engine *e, unsigned int off)
{
	uint64_t low = rd32(e, off);	/* first: the high half belongs to it */

	return low | (uint64_t)rd32(e, off + 4) << 32;
}

static void wr64(struct engine *e, unsigned int off, uint64_t v)
{
	*(volatile uint32_t *)(e->regs + off) = v;
	*(volatile uint32_t *)(e->regs + off + 4) = v >> 32;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* The engine of @dev, which may have been opened anew */
static struct engine *engine_of(struct conform_dev *dev)
{
	struct engine *e = dev->priv;

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->regs = dev->map_bar(dev, VFIO_PCI_BAR0_REGION_INDEX, BAR_SIZE);
	e->mem = dev->memory(dev, IOVA, SIZE);
	if (!e->regs || !e->mem)
		return NULL;
	dev->priv = e;
	return e;
}

static int stop_channel(struct conform_dev *dev, struct engine *e)
{
	uint64_t until = now_ms() + 5000;

	*(volatile uint32_t *)(e->regs + CHANERR) = rd32(e, CHANERR);
	e->regs[CHANCMD] = CHANCMD_RESET;
	while (e->regs[CHANCMD] & CHANCMD_RESET) {
		if (now_ms() > until) {
			dev->say(dev, "the channel's reset does not end");
			return -ETIMEDOUT;
		}
	}
	return 0;
}

static int ready(struct conform_dev *dev)
{
	uint16_t command = 6;
	struct engine *e;
	int ret;

	ret = dev->write(dev, VFIO_PCI_CONFIG_REGION_INDEX, 4, &command, sizeof(command));
	if (ret)
		return ret;
	e = engine_of(dev);
	return e ? stop_channel(dev, e) : -ENODEV;
}

/* @count copies of @size bytes to @iova, of a ring that goes round */
static int start(struct conform_dev *dev, struct engine *e, uint64_t iova, uint32_t size,
		 uint16_t count)
{
	struct desc *ring = (struct desc *)e->mem;
	int ret = stop_channel(dev, e);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < DESCS; i++)
		ring[i] = (struct desc) {
			.size = size,
			.ctl = CTL_COMPLETION,
			.src = IOVA + SOURCE,
			.dst = iova,
			.next = IOVA + (i + 1) % DESCS * 64,
		};
	*(volatile uint64_t *)(e->mem + DONE) = 0;
	__sync_synchronize();
	wr64(e, CHANCMP, IOVA + DONE);
	*(volatile uint16_t *)(e->regs + CHANCTRL) = 0x1d;
	wr64(e, CHAINADDR, IOVA);
	*(volatile uint16_t *)(e->regs + DMACOUNT) = count;
	return 0;
}

static int wait_for(struct conform_dev *dev, struct engine *e, uint16_t count)
{
	volatile uint64_t *done = (volatile uint64_t *)(e->mem + DONE);
	uint64_t last = IOVA + (count - 1) % DESCS * 64, until = now_ms() + 5000;

	while ((*done & ~0x3fULL) != last || !*done) {
		if ((*done & 7) == 3 || now_ms() > until) {
			dev->say(dev, "a copy does not end, completion 0x%llx, CHANERR 0x%x",
				 (unsigned long long)*done, rd32(e, CHANERR));
			return -EIO;
		}
	}
	return 0;
}

static int work(struct conform_dev *dev, uint64_t seed)
{
	struct engine *e = engine_of(dev);
	uint16_t n = 3 + seed % 20;
	int ret;

	for (unsigned int i = 0; i < CHUNK; i++)
		e->mem[SOURCE + i] = i * 7 + seed * 31;
	ret = start(dev, e, IOVA + TARGET, 100 + seed % 50 * 64, n);
	return ret ? ret : wait_for(dev, e, n);
}

static int digest(struct conform_dev *dev, uint64_t *value)
{
	*value = rd64(engine_of(dev), CTX_DIGEST);
	return 0;
}

static int begin(struct conform_dev *dev)
{
	return start(dev, engine_of(dev), IOVA + TARGET, CHUNK, 65000);
}

static int progress(struct conform_dev *dev, uint64_t *value)
{
	*value = rd64(engine_of(dev), CTX_COPIES);
	return 0;
}

static int target(struct conform_dev *dev, void **at, size_t *size)
{
	*at = engine_of(dev)->mem + TARGET;
	*size = CHUNK;
	return 0;
}

static int dma(struct conform_dev *dev, uint64_t iova, uint64_t size)
{
	struct engine *e = engine_of(dev);
	int ret = 0;

	/* All of it at once: two mappings would overlap */
	if (!dev->memory(dev, 0x20000000ULL, 16 << 20))
		return -ENOMEM;
	for (uint64_t n; size && !ret; iova += n, size -= n) {
		n = size < CHUNK ? size : CHUNK;
		ret = start(dev, e, iova, n, 1);
		if (!ret)
			ret = wait_for(dev, e, 1);
	}
	return ret;
}

const struct conform_plugin conform_plugin_entry = {
	.abi = CONFORM_PLUGIN_ABI,
	.name = "ioat",
	.ready = ready,
	.work = work,
	.digest = digest,
	.begin = begin,
	.progress = progress,
	.target = target,
	.dma = dma,
};
