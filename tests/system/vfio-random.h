/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random choices that can be repeated, and what a hostile guest does with them: it writes anything
 * anywhere in its function, that is in config space and the BARs. For vfio-mig.c and vfio-fuzz.c.
 */
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

struct random {
	uint64_t state;
};

/* splitmix64: each seed, also a small one, has a sequence of its own */
static uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static uint64_t random_below(struct random *r, uint64_t n)
{
	return random_next(r) % n;
}

static bool random_chance(struct random *r, unsigned int percent)
{
	return random_below(r, 100) < percent;
}

/* Numbers at which programs are wrong, more often than others */
static uint64_t random_number(struct random *r)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 4, 7, 8, 16, 24, 32, 63, 64, 127, 128, 255, 256, 4095, 4096, 4097,
		65536, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xfffffffffffff000, 0xffffffffffffffff,
	};

	switch (random_below(r, 4)) {
	case 0:
		return edges[random_below(r, sizeof(edges) / sizeof(*edges))];
	case 1:
		return random_below(r, 64);
	case 2:
		return 1ULL << random_below(r, 64);
	default:
		return random_next(r) >> random_below(r, 64);
	}
}

/* ---- accesses to mappings that may not be there ------------------------------------ */

static __thread sigjmp_buf random_back;
static __thread volatile bool random_armed;

static void random_on_fault(int sig)
{
	if (random_armed)
		siglongjmp(random_back, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* A BAR whose memory is disabled: SIGBUS, by which the kernel keeps it from the user */
static void random_guard(void)
{
	struct sigaction sa = { .sa_handler = random_on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

/* One access of a register's width; false if there is no memory */
static bool random_touch(volatile uint8_t *at, unsigned int width, bool write, uint64_t value)
{
	if (sigsetjmp(random_back, 0))
		return random_armed = false;
	random_armed = true;
	switch (width) {
	case 1:
		value = write ? *at = value : *at;
		break;
	case 2:
		value = write ? *(volatile uint16_t *)at = value : *(volatile uint16_t *)at;
		break;
	case 4:
		value = write ? *(volatile uint32_t *)at = value : *(volatile uint32_t *)at;
		break;
	default:
		value = write ? *(volatile uint64_t *)at = value : *(volatile uint64_t *)at;
	}
	random_armed = false;
	return true;
}

/* ---- a hostile guest --------------------------------------------------------------- */

#define HOSTILE_BARS	6

/**
 * struct hostile - the function as a guest sees it
 * @device: its VFIO device
 * @config: offset of config space in it
 * @bar: offsets and sizes of the BARs, size 0 for none
 * @map: their mappings, NULL where there is none
 */
struct hostile {
	int device;
	uint64_t config;
	struct {
		uint64_t offset, size;
		volatile uint8_t *map;
	} bar[HOSTILE_BARS];
};

static void hostile_open(struct hostile *h, int device)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};

	memset(h, 0, sizeof(*h));
	h->device = device;
	if (!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		h->config = info.offset;
	for (int i = 0; i < HOSTILE_BARS; i++) {
		void *map;

		info = (struct vfio_region_info) { .argsz = sizeof(info), .index = i };
		if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) || !info.size)
			continue;
		h->bar[i].offset = info.offset;
		h->bar[i].size = info.size;
		map = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
			   info.offset);
		h->bar[i].map = map == MAP_FAILED ? NULL : map;
	}
}

static void hostile_close(struct hostile *h)
{
	for (int i = 0; i < HOSTILE_BARS; i++) {
		if (h->bar[i].map)
			munmap((void *)h->bar[i].map, h->bar[i].size);
	}
}

/* Memory and DMA: without them nothing else that it does arrives */
static void hostile_enable(struct hostile *h)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	(void)!pwrite(h->device, &command, sizeof(command), h->config + PCI_COMMAND);
}

static void hostile_config(struct hostile *h, struct random *r)
{
	uint64_t value = random_number(r);
	unsigned int width = 1 << random_below(r, 3);
	uint64_t at = random_chance(r, 70) ? random_below(r, 256) : random_below(r, 4096);

	(void)!pwrite(h->device, &value, width, h->config + (at & -width));
	if (random_chance(r, 50))
		hostile_enable(h);
}

/* The engine's registers, more often than what is behind them */
static void hostile_bar(struct hostile *h, struct random *r)
{
	unsigned int i = random_chance(r, 80) ? 0 : random_below(r, HOSTILE_BARS);
	unsigned int width = 1 << random_below(r, 4);
	uint64_t at = random_next(r), value = random_number(r);
	bool map = random_chance(r, 60), write = random_chance(r, 85);

	if (!h->bar[i].size)
		return;
	at = (random_chance(r, 60) ? at % 256 : at % h->bar[i].size) & -width;
	if (map && h->bar[i].map)
		random_touch(h->bar[i].map + at, width, write, value);
	else if (write)
		(void)!pwrite(h->device, &value, width, h->bar[i].offset + at);
	else
		(void)!pread(h->device, &value, width, h->bar[i].offset + at);
}

/* One thing that a guest may do to its function at any time */
static void hostile_act(struct hostile *h, struct random *r)
{
	if (random_chance(r, 20))
		hostile_config(h, r);
	else
		hostile_bar(h, r);
}
