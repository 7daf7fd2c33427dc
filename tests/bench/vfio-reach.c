// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-reach: how long a VFIO user needs to reach two VFs of the reference device with different VFIO drivers.
 *
 *   vfio-reach NAME1 DIR1 NAME2 DIR2
 *
 * DIR is the directory in sysfs of an mdev, or of a function that vfio-pci has and firmware has enabled. Both are
 * open, and each sample of the one is followed by one of the other: whatever slows the machine meets both. Prints
 * "STEP.NAME=NS", medians:
 *
 *   mapped      a register, by a mapping of BAR 0
 *   read        the same, by read()
 *   config      configuration space, by read()
 *   map         2 MiB of memory are mapped for DMA, and unmapped
 *   sleeping    from the doorbell of a copy of 64 bytes until the program, which sleeps in poll(), has read the
 *               eventfd of its MSI-X vector
 *   polling     the same, but the program does not sleep: it reads the eventfd again and again
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

_Noreturn void bad(const char *fmt, ...);

#include "../system/vfio-access.h"
#include "../system/vfio-ioat.h"

#define SAMPLES		1001
/* Copies after which the model has all memory of a function: it gets a page when a copy changes the first line in it */
#define WARM_UP		2048
#define IOVA		(1ULL << 40)
#define IOVA_SIZE	(2UL << 20)

/* The engine's registers and descriptors for interrupts */
#define INTRCTRL	0x03
#define INTRCTRL_ON	0x01
#define CHANSTS		0x88
#define CHANCTRL_AGAIN	0x1d
#define DESC_INTERRUPT	0x09

/* What the steps use: @source, @ioat, and these */
static struct reach {
	uint64_t bar0;
	void *memory;
	int event;
} reach;

/* The two devices, while the other one is in use */
static struct parked {
	const char *name;
	struct vdev source;
	struct ioat ioat;
	struct reach reach;
} parked[2];

_Noreturn void bad(const char *fmt, ...)
{
	va_list ap;

	printf("vfio-reach: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

/* ---- one step of each kind ---------------------------------------------------- */

static void mapped(void)
{
	(void)*(volatile uint32_t *)(ioat.regs + IOAT_CHANERR);
}

static void by_read(void)
{
	uint32_t v;

	ioat_must(pread(source.fd, &v, sizeof(v), reach.bar0 + IOAT_CHANERR), "reading a register");
}

static void config(void)
{
	uint32_t v;

	ioat_must(pread(source.fd, &v, sizeof(v), ioat.config.offset), "reading configuration space");
}

static void map(void)
{
	int err = vdev_map(&source, IOVA, reach.memory, IOVA_SIZE) ?: vdev_unmap(&source, IOVA, IOVA_SIZE);

	if (err)
		bad("mapping memory: %s", strerror(err));
}

/* The engine's doorbell, for one copy of 64 bytes with an interrupt */
static void ring(void)
{
	uint64_t last;

	if (!ioat.ready || ioat.copies == IOAT_DESCS)
		ioat_start();
	*(volatile uint16_t *)(ioat.regs + IOAT_CHANCTRL) = CHANCTRL_AGAIN;
	last = IOAT_RING + ioat.copies * 64;
	((struct ioat_desc *)ioat.ring)[ioat.copies] = (struct ioat_desc) {
		.size = 64,
		.ctl = DESC_INTERRUPT,
		.src = IOAT_RING + IOAT_SOURCE,
		.dst = IOAT_RING + IOAT_SOURCE + 4096,
		.next = last + 64,
	};
	__sync_synchronize();
	*(volatile uint16_t *)(ioat.regs + IOAT_DMACOUNT) = ++ioat.copies;
}

static void no_interrupt(void)
{
	bad("no interrupt of copy %u: INTRCTRL %#x, CHANSTS %#x, CHANERR %#x", ioat.copies, ioat.regs[INTRCTRL],
	    *(volatile uint32_t *)(ioat.regs + CHANSTS), *(volatile uint32_t *)(ioat.regs + IOAT_CHANERR));
}

static void sleeping(void)
{
	struct pollfd p = { .fd = reach.event, .events = POLLIN };
	uint64_t count;

	ring();
	if (poll(&p, 1, 5000) != 1 || read(reach.event, &count, sizeof(count)) != sizeof(count))
		no_interrupt();
}

static void polling(void)
{
	uint64_t until = ioat_now_ms() + 5000, count;

	ring();
	while (read(reach.event, &count, sizeof(count)) < 0) {
		if (errno != EAGAIN || ioat_now_ms() > until)
			no_interrupt();
	}
}

/* ---- many of them ---------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void park(struct parked *p)
{
	p->source = source;
	p->ioat = ioat;
	p->reach = reach;
}

static void use(const struct parked *p)
{
	source = p->source;
	ioat = p->ioat;
	reach = p->reach;
}

/* A sample is @batch steps: one is short beside the clock's own time */
static uint64_t sample(void (*step)(void), unsigned int batch)
{
	uint64_t start = now_ns();

	for (unsigned int n = 0; n < batch; n++)
		step();
	return (now_ns() - start) / batch;
}

static void measure(const char *name, void (*step)(void), unsigned int batch)
{
	static uint64_t ns[2][SAMPLES];

	for (unsigned int i = 0; i < SAMPLES; i++) {
		for (unsigned int d = 0; d < 2; d++) {
			use(&parked[d]);
			ns[d][i] = sample(step, batch);
			park(&parked[d]);
		}
	}
	for (unsigned int d = 0; d < 2; d++) {
		qsort(ns[d], SAMPLES, sizeof(**ns), order);
		printf("%s.%s=%llu\n", name, parked[d].name, (unsigned long long)ns[d][SAMPLES / 2]);
	}
}

static void open_device(const char *dir)
{
	ioat_open_device(dir);
	reach.bar0 = vdev_region(&source, VFIO_PCI_BAR0_REGION_INDEX).at;
	reach.memory = mmap(NULL, IOVA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (reach.memory == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
}

static void open_interrupt(void)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irq = {
		.set.argsz = sizeof(irq),
		.set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.set.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.set.count = 1,
	};

	reach.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	irq.fd = reach.event;
	ioat_must(ioctl(source.fd, VFIO_DEVICE_SET_IRQS, &irq), "MSI-X");
	ioat.regs[INTRCTRL] = INTRCTRL_ON;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return fprintf(stderr, "usage: vfio-reach NAME1 DIR1 NAME2 DIR2\n"), 2;
	for (unsigned int d = 0; d < 2; d++) {
		memset(&source, 0, sizeof(source));
		memset(&ioat, 0, sizeof(ioat));
		parked[d].name = argv[1 + 2 * d];
		open_device(argv[2 + 2 * d]);
		open_interrupt();
		for (unsigned int i = 0; i < WARM_UP; i++)
			polling();
		park(&parked[d]);
	}
	measure("mapped", mapped, 100);
	measure("read", by_read, 100);
	measure("config", config, 100);
	measure("map", map, 1);
	measure("sleeping", sleeping, 1);
	measure("polling", polling, 1);
	return 0;
}
