/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies by the VF's engine (IOAT 3.2, one channel), for vfio-mig.c: of patterns that are
 * verified, waited for or not, and taken up where another process has left them. What the engine's
 * context page says of them.
 */
#define CHAN		0x80
#define CHANCTRL	(CHAN + 0x00)
#define CHANCMD		(CHAN + 0x04)
#define DMACOUNT	(CHAN + 0x06)
#define CHANSTS		(CHAN + 0x08)
#define CHAINADDR	(CHAN + 0x10)
#define CHANCMP		(CHAN + 0x18)
#define CHANERR		(CHAN + 0x28)

#define CTX_COPIES	0x2010
#define CTX_ERRORS	0x2020
#define CTX_DIGEST	0x2028

#define IOVA		0x10000000ULL
#define RING		2048			/* descriptors, and copies at a time */
#define SLOT		4096
#define RING_OFF	0
#define DONE_OFF	(RING * 64)
#define SRC_OFF		(1 << 20)
#define DST_OFF		(SRC_OFF + RING * SLOT)
#define MEM_SIZE	(DST_OFF + RING * SLOT)

struct desc {
	uint32_t size;
	uint32_t ctl;
	uint64_t src;
	uint64_t dst;
	uint64_t next;
	uint64_t unused[4];
};

#define CTL_COMPLETION	0x8

static uint8_t *mem;
static uint16_t dmacount;
static unsigned int batch, batch_pos;	/* the last one */

static void map_memory(void)
{
	int err;

	if (mem)
		return;
	mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
	err = vdev_map(&source, IOVA, mem, MEM_SIZE);
	if (err)
		bad("mapping memory: %s", strerror(err));
}

static unsigned int copy_size(unsigned int slot)
{
	return 1 + slot * 977 % (SLOT - 64);
}

static uint8_t pattern(unsigned int slot, unsigned int i)
{
	return (slot * 31 + i * 7 + (i >> 8)) ^ 0x5a;
}

/* Memory for @n copies from the ring's current position on */
static void prepare(unsigned int n)
{
	struct desc *ring;

	if (!n || n > RING)
		bad("1 to %d copies", RING);
	map_memory();
	ring = (struct desc *)(mem + RING_OFF);
	for (unsigned int k = 0; k < n; k++) {
		unsigned int slot = (ring_pos + k) % RING;
		uint8_t *src = mem + SRC_OFF + slot * SLOT;

		for (unsigned int i = 0; i < copy_size(slot); i++)
			src[i] = pattern(slot, i);
		memset(mem + DST_OFF + slot * SLOT, 0xee, SLOT);
		ring[slot] = (struct desc) {
			.size = copy_size(slot),
			.ctl = CTL_COMPLETION,
			.src = IOVA + SRC_OFF + slot * SLOT,
			.dst = IOVA + DST_OFF + slot * SLOT + 32,
			.next = IOVA + RING_OFF + (slot + 1) % RING * 64,
		};
	}
	batch = n;
	batch_pos = ring_pos;
	ring_pos = (ring_pos + n) % RING;
	__sync_synchronize();
}

static void start_engine(void)
{
	uint64_t until = now_us() + 5000000;

	if (engine_ready)
		return;
	wr32(CHANERR, rd32(CHANERR));
	*(volatile uint8_t *)(regs + CHANCMD) = 0x20;	/* reset */
	while (*(volatile uint8_t *)(regs + CHANCMD) & 0x20) {
		if (now_us() > until)
			bad("the engine's reset does not end");
	}
	wr64(CHANCMP, IOVA + DONE_OFF);
	wr16(CHANCTRL, 0x1d);
	wr64(CHAINADDR, IOVA + RING_OFF + ring_pos * 64);
	dmacount = 0;
	engine_ready = true;
}

static void start(unsigned int n)
{
	map_memory();
	start_engine();
	*(volatile uint64_t *)(mem + DONE_OFF) = 0;
	prepare(n);
	dmacount += n;
	wr16(DMACOUNT, dmacount);
}

static void verify(void)
{
	for (unsigned int k = 0; k < batch; k++) {
		unsigned int slot = (batch_pos + k) % RING;
		const uint8_t *dst = mem + DST_OFF + slot * SLOT;

		for (unsigned int i = 0; i < SLOT; i++) {
			bool inside = i >= 32 && i < 32 + copy_size(slot);
			uint8_t want = inside ? pattern(slot, i - 32) : 0xee;

			if (dst[i] != want)
				bad("copy %u: byte %d of %u is %02x, expected %02x",
				    k, (int)i - 32, copy_size(slot), dst[i], want);
		}
	}
}

/* After adopt: what was copied before the save is in another process's memory */
static bool adopted;
static unsigned int adopted_done;

static void wait_batch(void)
{
	unsigned int last = (batch_pos + batch - 1) % RING;
	uint64_t until = now_us() + 20000000, done;

	while (!adopted || adopted_done < batch) {
		done = *(volatile uint64_t *)(mem + DONE_OFF);
		if ((done & 7) == 3 || (rd64(CHANSTS) & 7) == 3)
			bad("the engine has halted, CHANERR %#x", rd32(CHANERR));
		if ((done & ~0x3fULL) == IOVA + RING_OFF + last * 64)
			break;
		if (now_us() > until)
			bad("copies do not end: completion %#llx, status %#llx",
			    (unsigned long long)done, (unsigned long long)rd64(CHANSTS));
		sleep_ms(1);
	}
	if (adopted) {
		batch_pos = (batch_pos + adopted_done) % RING;
		batch -= adopted_done;
		adopted = false;
		say("verified=%u\n", batch);
	}
	verify();
}

static void adopt(unsigned int n, unsigned int done)
{
	if (done > n)
		bad("more than all");
	ring_pos = 0;
	prepare(n);
	adopted = true;
	adopted_done = done;
	engine_ready = true;
	dmacount = n;
}

static void compare_count(const char *name, uint64_t v, const char *op, const char *wanted)
{
	uint64_t w;

	if (!wanted) {
		say("%s=%llu\n", name, (unsigned long long)v);
		return;
	}
	w = strtoull(wanted, NULL, 0);
	if (*op == '>' ? v < w : v != w)
		bad("%llu, expected %s%llu", (unsigned long long)v, op, (unsigned long long)w);
}

static void compare_info(const char *name, const char *op, const char *wanted)
{
	struct precopy_info info;

	expect(get_info(&info), NULL);
	compare_count(name, *name == 'i' ? info.initial_bytes :
		      *name == 'd' ? info.dirty_bytes : info.flags, op, wanted);
}

static void frozen(long ms)
{
	uint64_t copies = rd64(CTX_COPIES), digest = rd64(CTX_DIGEST);

	sleep_ms(ms);
	if (rd64(CTX_COPIES) != copies)
		bad("%llu copies were done meanwhile",
		    (unsigned long long)(rd64(CTX_COPIES) - copies));
	if (rd64(CTX_DIGEST) != digest)
		bad("the digest has changed");
}

static void moving(long ms)
{
	uint64_t copies = rd64(CTX_COPIES), until = now_us() + ms * 1000;

	while (rd64(CTX_COPIES) == copies) {
		if (now_us() > until)
			bad("no copy was done within %ld ms", ms);
		sleep_ms(1);
	}
}

static void do_digest(char how, const char *path)
{
	uint64_t digest = rd64(CTX_DIGEST);
	unsigned long long other;
	FILE *f = fopen(path, how == 'w' ? "w" : "r");

	if (!f)
		bad("%s: %s", path, strerror(errno));
	if (how == 'w') {
		fprintf(f, "%016llx\n", (unsigned long long)digest);
		fclose(f);
		return;
	}
	if (fscanf(f, "%llx", &other) != 1)
		bad("%s: no digest", path);
	fclose(f);
	if ((digest == other) != (how == '='))
		bad("digest %016llx, that of %s is %016llx", (unsigned long long)digest,
		    path, other);
}
