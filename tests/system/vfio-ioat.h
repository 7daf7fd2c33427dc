/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VF's engine, IOAT 3.2 with one channel, for programs that only want it to write: one copy
 * at a time, waited for. Needs bad() and vfio-access.h.
 */
#include <sys/mman.h>
#include <time.h>

/* The descriptors and what is copied */
#define IOAT_RING	0x10000000ULL
#define IOAT_RING_SIZE	(2 << 20)
#define IOAT_DESCS	1024
#define IOAT_DONE	(IOAT_DESCS * 64)
#define IOAT_SOURCE	(IOAT_DONE + 4096)

#define IOAT_CHANCTRL	0x80
#define IOAT_CHANCMD	0x84
#define IOAT_DMACOUNT	0x86
#define IOAT_CHAINADDR	0x90
#define IOAT_CHANCMP	0x98
#define IOAT_CHANERR	0xa8

struct ioat_desc {
	uint32_t size, ctl;
	uint64_t src, dst, next, unused[4];
};

static struct ioat {
	struct vfio_region_info config;
	volatile uint8_t *regs, *ring;
	bool ready;
	unsigned int copies;		/* in the ring */
} ioat;

static void ioat_must(int ret, const char *what)
{
	if (ret < 0)
		bad("%s: %s", what, strerror(errno));
}

/* Memory for the engine at that address */
static void *ioat_memory(uint64_t iova, size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (mem == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
	err = vdev_map(&source, iova, mem, size);
	if (err)
		bad("mapping memory: %s", strerror(err));
	return mem;
}

/* Also to be called after a reset: memory and bus mastering are off then */
static void ioat_was_reset(void)
{
	uint16_t cmd = 6;

	ioat_must(pwrite(source.fd, &cmd, sizeof(cmd), ioat.config.offset + 4), "config space");
	ioat.ready = false;
}

static void ioat_open(void)
{
	struct vfio_region_info bar0 = { .argsz = sizeof(bar0), .index = VFIO_PCI_BAR0_REGION_INDEX };

	ioat.config.argsz = sizeof(ioat.config);
	ioat.config.index = VFIO_PCI_CONFIG_REGION_INDEX;
	ioat_must(ioctl(source.fd, VFIO_DEVICE_GET_REGION_INFO, &ioat.config), "config space");
	ioat_must(ioctl(source.fd, VFIO_DEVICE_GET_REGION_INFO, &bar0), "BAR 0");
	ioat.regs = mmap(NULL, bar0.size, PROT_READ | PROT_WRITE, MAP_SHARED, source.fd, bar0.offset);
	if (ioat.regs == MAP_FAILED)
		bad("BAR 0: %s", strerror(errno));
	ioat_was_reset();
	ioat.ring = ioat_memory(IOAT_RING, IOAT_RING_SIZE);
}

/* The device of that directory in sysfs, an mdev's or a function's, with its engine */
static inline void ioat_open_device(const char *dir)
{
	const char *what;
	int err = access_open(dir, NULL, false, &what);

	if (err)
		bad("%s: %s: %s", dir, what, strerror(err));
	ioat_open();
}

static void ioat_wr32(unsigned int off, uint32_t v)
{
	*(volatile uint32_t *)(ioat.regs + off) = v;
}

static void ioat_wr64(unsigned int off, uint64_t v)
{
	ioat_wr32(off, v);
	ioat_wr32(off + 4, v >> 32);
}

static uint64_t ioat_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static void ioat_start(void)
{
	uint64_t until = ioat_now_ms() + 5000;

	ioat_wr32(IOAT_CHANERR, *(volatile uint32_t *)(ioat.regs + IOAT_CHANERR));
	ioat.regs[IOAT_CHANCMD] = 0x20;	/* reset */
	while (ioat.regs[IOAT_CHANCMD] & 0x20) {
		if (ioat_now_ms() > until)
			bad("the engine's reset does not end");
	}
	ioat.copies = 0;
	ioat_wr64(IOAT_CHANCMP, IOAT_RING + IOAT_DONE);
	*(volatile uint16_t *)(ioat.regs + IOAT_CHANCTRL) = 0x1d;
	ioat_wr64(IOAT_CHAINADDR, IOAT_RING);
	ioat.ready = true;
}

/* The engine writes that many bytes there */
static inline void ioat_copy(uint64_t iova, uint32_t bytes)
{
	volatile uint64_t *done = (volatile uint64_t *)(ioat.ring + IOAT_DONE);
	uint64_t until = ioat_now_ms() + 5000, last;

	if (bytes > IOAT_RING_SIZE - IOAT_SOURCE)
		bad("too much for this program");
	if (!ioat.ready || ioat.copies == IOAT_DESCS)
		ioat_start();
	last = IOAT_RING + ioat.copies * 64;
	((struct ioat_desc *)ioat.ring)[ioat.copies] = (struct ioat_desc) {
		.size = bytes,
		.ctl = 8,	/* write the completion */
		.src = IOAT_RING + IOAT_SOURCE,
		.dst = iova,
		.next = last + 64,
	};
	*done = 0;
	__sync_synchronize();
	*(volatile uint16_t *)(ioat.regs + IOAT_DMACOUNT) = ++ioat.copies;
	while ((*done & ~0x3fULL) != last) {
		if ((*done & 7) == 3)
			bad("the engine has halted, CHANERR %#x",
			    *(volatile uint32_t *)(ioat.regs + IOAT_CHANERR));
		if (ioat_now_ms() > until)
			bad("the copy does not end, completion %#llx", (unsigned long long)*done);
	}
}
