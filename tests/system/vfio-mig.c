// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-mig: a VFIO user of one device of the framework, driven from the command line.
 *
 *   vfio-mig [-c | -n NAME] [-q] SYSFS-DIR COMMAND...
 *
 * SYSFS-DIR is the device's directory: of an mdev or of a PCI function. Its IOMMU
 * group is opened with a type1 container, and the device by NAME (default: the
 * directory's name); with -c its character device, with IOMMUFD. The commands are carried out in order while the device is open; the
 * first one with another outcome than expected ends the program with status 1 and a
 * line that says what happened. Most commands take "=ENAME": the errno that is
 * expected instead of success; of several, any will do: "=EIO,ETIMEDOUT".
 *
 *   state=NAME              the migration state is NAME ("state" alone prints it)
 *   set:STATE[=E]           VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE; keeps its data file
 *   nodata                  the last set: returned no data file
 *   flags=N                 VFIO_DEVICE_FEATURE_MIGRATION says N
 *   size[=E]                VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, prints it; 0 is wrong
 *   read:FILE[:N][=E]       from the data file to FILE, up to its end or N bytes
 *   more:FILE[:N][=E]       the same, behind what FILE has
 *   info[=E]                VFIO_MIG_GET_PRECOPY_INFO, prints it
 *   initial=N, initial>=N, dirty=N, dirty>=N
 *                           what VFIO_MIG_GET_PRECOPY_INFO says
 *   reread                  the data file is at its end: reads nothing again
 *   write:FILE[:CHUNK][=E]  from FILE to the data file, CHUNK bytes a write
 *   read1=E, write1=E       one byte
 *   close                   the data file
 *   reset[=E]               VFIO_DEVICE_RESET
 *   dma:N                   N copies by the engine, waited for and verified
 *   start:N                 N copies, not waited for
 *   adopt:N:K               memory as "start:N" made it, with K copies done, for an
 *                           engine whose state is loaded
 *   wait                    for what start: or adopt: named; verifies
 *   copies=N, copies>=N     counter of the context page ("copies" alone prints it)
 *   errors=N                counter of the context page
 *   frozen:MS               neither counter nor digest changes within MS milliseconds
 *   moving:MS               the counter grows within MS milliseconds
 *   digest:FILE, digest-is:FILE, digest-not:FILE
 *                           write the context digest to FILE or compare it
 *   irq                     arm the request interrupt (VFIO_PCI_REQ_IRQ_INDEX)
 *   irq-wait:MS             until it comes
 *   v1-state:N[=E]          write device_state of the migration region (v1)
 *   v1-is=N                 device_state reads N
 *   v1-pending=N            pending_bytes reads N
 *   v1-touch:[w]OFF:N[=E]   read and write N bytes of the region at OFF; w: write only
 *   v1-nomap                only the data section can be mapped
 *   v1-read:FILE[:map][=E]  save by the region's protocol, until nothing is pending; map: through
 *                           a mapping
 *   v1-more:FILE[:map][=E]  the same, behind what FILE has
 *   v1-write:FILE[:map][=E] load by it
 *   sh:COMMAND              by the shell, device open
 *   sleep:MS
 *   touch:FILE, await:FILE  tell another process; wait for it (60 s)
 *   -                       read lines of commands, separated by tabs, from standard
 *                           input, and print "##done" after each line
 *
 *   vfio-mig create CREATE UUID   time from create to usable: prints
 *                                 "create_us=N usable_us=N"
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "vfio-access.h"

/* Newer than some headers: 6.2 */
#define FEATURE_MIG_DATA_SIZE	9

struct precopy_info {
	uint32_t argsz;
	uint32_t flags;
	uint64_t initial_bytes;
	uint64_t dirty_bytes;
};

#define GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)

static bool quiet;
static const char *command = "";

static void say(const char *fmt, ...)
{
	va_list ap;

	if (quiet)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fflush(stdout);
}

static _Noreturn void bad(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	printf("vfio-mig: %s: ", command);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static const char *errno_name(int err)
{
	const char *name = strerrorname_np(err);

	return err && name ? name : "0";
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static bool one_of(const char *name, const char *wanted)
{
	size_t n = strlen(name);

	for (; wanted; wanted = strchr(wanted, ',')) {
		wanted += *wanted == ',';
		if (!strncmp(wanted, name, n) && (!wanted[n] || wanted[n] == ','))
			return true;
	}
	return false;
}

static bool as_wanted(int err, const char *wanted)
{
	return one_of(errno_name(err), wanted ? wanted : "0");
}

static void expect(int err, const char *wanted)
{
	if (!as_wanted(err, wanted))
		bad("%s (%s), expected %s", errno_name(err), strerror(err),
		    wanted ? wanted : "success");
}

/* ---- the device --------------------------------------------------------------- */

static int data_fd = -1, req_fd = -1;
static struct vfio_region_info bar0 = { .argsz = sizeof(bar0), .index = VFIO_PCI_BAR0_REGION_INDEX };
static struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
static volatile uint8_t *regs;

static bool engine_ready;		/* the DMA engine runs on our ring */
static unsigned int ring_pos;		/* where the next chain begins */

static void close_device(void)
{
	if (data_fd >= 0)
		close(data_fd);
	access_close();
}

static void enable_memory_and_dma(void)
{
	uint16_t cmd = 0x6;

	if (pwrite(device, &cmd, sizeof(cmd), config.offset + 4) != sizeof(cmd))
		bad("config space: %s", strerror(errno));
}

static void enable_device(void)
{
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar0))
		bad("VFIO_DEVICE_GET_REGION_INFO: %s", strerror(errno));
	enable_memory_and_dma();
	regs = mmap(NULL, bar0.size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		    bar0.offset);
	if (regs == MAP_FAILED)
		bad("mmap of BAR 0: %s", strerror(errno));
}

static uint32_t rd32(unsigned int off)
{
	return *(volatile uint32_t *)(regs + off);
}

static uint64_t rd64(unsigned int off)
{
	uint64_t low = rd32(off);	/* first: the high half belongs to it */

	return low | (uint64_t)rd32(off + 4) << 32;
}

static void wr32(unsigned int off, uint32_t v)
{
	*(volatile uint32_t *)(regs + off) = v;
}

static void wr64(unsigned int off, uint64_t v)
{
	wr32(off, v);
	wr32(off + 4, v >> 32);
}

static void wr16(unsigned int off, uint16_t v)
{
	*(volatile uint16_t *)(regs + off) = v;
}

/* ---- migration ---------------------------------------------------------------- */

static const char * const states[] = {
	"ERROR", "STOP", "RUNNING", "STOP_COPY", "RESUMING", "RUNNING_P2P",
	"PRE_COPY", "PRE_COPY_P2P",
};

static unsigned int state_number(const char *name)
{
	for (unsigned int i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (!strcmp(name, states[i]))
			return i;
	}
	return strtoul(name, NULL, 0);
}

struct feature {
	struct vfio_device_feature head;
	union {
		struct vfio_device_feature_migration migration;
		struct vfio_device_feature_mig_state state;
		uint64_t size;
		uint64_t words[4];
	};
};

static int feature(struct feature *f, uint32_t number, uint32_t flags, size_t size)
{
	f->head.argsz = sizeof(f->head) + size;
	f->head.flags = number | flags;
	return ioctl(device, VFIO_DEVICE_FEATURE, f) < 0 ? errno : 0;
}

static void do_state(const char *wanted)
{
	struct feature f = { 0 };
	int err = feature(&f, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			  VFIO_DEVICE_FEATURE_GET, sizeof(f.state));

	if (err)
		bad("%s", strerror(err));
	if (f.state.device_state >= sizeof(states) / sizeof(*states))
		bad("state %u", f.state.device_state);
	if (!wanted)
		say("state=%s\n", states[f.state.device_state]);
	else if (!one_of(states[f.state.device_state], wanted))
		bad("the state is %s, expected %s", states[f.state.device_state], wanted);
}

static bool got_data_fd;

static void do_set(const char *state, const char *wanted)
{
	struct feature f = { 0 };
	int err;

	f.state.device_state = state_number(state);
	f.state.data_fd = -1;
	err = feature(&f, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
		      VFIO_DEVICE_FEATURE_SET, sizeof(f.state));
	expect(err, wanted);
	got_data_fd = !err && (int)f.state.data_fd >= 0;
	if (got_data_fd) {
		if (data_fd >= 0)
			close(data_fd);
		data_fd = f.state.data_fd;
	}
}

static void do_flags(const char *wanted)
{
	struct feature f = { 0 };
	int err = feature(&f, VFIO_DEVICE_FEATURE_MIGRATION, VFIO_DEVICE_FEATURE_GET,
			  sizeof(f.migration));

	if (wanted && *wanted == 'E') {
		expect(err, wanted);
		return;
	}
	if (err)
		bad("%s", strerror(err));
	if (!wanted)
		say("flags=%llu\n", (unsigned long long)f.migration.flags);
	else if (f.migration.flags != strtoull(wanted, NULL, 0))
		bad("flags are %llu", (unsigned long long)f.migration.flags);
}

static void do_size(const char *wanted)
{
	struct feature f = { 0 };
	int err = feature(&f, FEATURE_MIG_DATA_SIZE, VFIO_DEVICE_FEATURE_GET,
			  sizeof(f.size));

	expect(err, wanted);
	if (err)
		return;
	if (!f.size)
		bad("the size is 0");
	say("size=%llu\n", (unsigned long long)f.size);
}

static int get_info(struct precopy_info *info)
{
	*info = (struct precopy_info) { .argsz = sizeof(*info) };
	return ioctl(data_fd, GET_PRECOPY_INFO, info) ? errno : 0;
}

static void do_info(const char *wanted)
{
	struct precopy_info info;

	expect(get_info(&info), wanted);
	if (!wanted)
		say("initial=%llu\ndirty=%llu\n", (unsigned long long)info.initial_bytes,
		    (unsigned long long)info.dirty_bytes);
}

static void do_read(const char *path, bool more, size_t limit, const char *wanted)
{
	static char buf[1 << 20];
	size_t total = 0;
	int err = 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (more ? O_APPEND : O_TRUNC), 0600);

	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	while (total < limit) {
		size_t n = limit - total < sizeof(buf) ? limit - total : sizeof(buf);
		ssize_t got = read(data_fd, buf, n);

		if (got < 0)
			err = errno;
		if (got <= 0)
			break;
		if (write(fd, buf, got) != got)
			bad("%s: %s", path, strerror(errno));
		total += got;
	}
	close(fd);
	if (!as_wanted(err, wanted))
		bad("%s after %zu bytes, expected %s", errno_name(err), total,
		    wanted ? wanted : "success");
	say("read=%zu\n", total);
}

static void do_write(const char *path, size_t chunk, const char *wanted)
{
	static char buf[1 << 20];
	int err = 0;
	size_t total = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	if (!chunk || chunk > sizeof(buf))
		chunk = sizeof(buf);
	while (!err && (n = read(fd, buf, chunk)) > 0) {
		for (ssize_t off = 0; off < n;) {
			ssize_t done = write(data_fd, buf + off, n - off);

			if (done < 0) {
				err = errno;
				break;
			}
			off += done;
			total += done;
		}
	}
	close(fd);
	if (!as_wanted(err, wanted))
		bad("%s after %zu bytes, expected %s", errno_name(err), total,
		    wanted ? wanted : "success");
	say("written=%zu\n", total);
	engine_ready = false;	/* it is the saved one from now on */
	ring_pos = 0;
}

/* ---- the DMA engine: IOAT 3.2, one channel ------------------------------------ */

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
	err = access_map(IOVA, mem, MEM_SIZE);
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
	compare_count(name, *name == 'i' ? info.initial_bytes : info.dirty_bytes, op, wanted);
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

/* ---- other commands ----------------------------------------------------------- */

static void arm_request(void)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_REQ_IRQ_INDEX,
			.count = 1,
		},
	};

	req_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	irq.fd = req_fd;
	if (ioctl(device, VFIO_DEVICE_SET_IRQS, &irq))
		bad("VFIO_DEVICE_SET_IRQS: %s", strerror(errno));
}

static void wait_request(int ms)
{
	struct pollfd p = { .fd = req_fd, .events = POLLIN };

	if (poll(&p, 1, ms) != 1)
		bad("no request to release the device within %d ms", ms);
}

static void await(const char *path)
{
	uint64_t until = now_us() + 60000000;

	while (access(path, F_OK)) {
		if (now_us() > until)
			bad("%s does not appear", path);
		sleep_ms(10);
	}
}

static int one_byte(bool writing)
{
	char c = 0;
	ssize_t n = writing ? write(data_fd, &c, 1) : read(data_fd, &c, 1);

	return n < 0 ? errno : 0;
}

#include "vfio-v1.h"

/* "name:arg1:arg2=wanted"; for sh: nothing is taken apart behind the colon */
static void run(char *text)
{
	char *shown = strdup(text), *arg = NULL, *arg2 = NULL, *wanted = NULL;
	const char *op = "=";

	command = shown;
	if (!strncmp(text, "sh:", 3)) {
		int rc = system(text + 3);

		if (rc)
			bad("status %d", rc);
		return;
	}
	wanted = strchr(text, '=');
	if (wanted) {
		if (wanted > text && wanted[-1] == '>') {
			wanted[-1] = 0;
			op = ">=";
		}
		*wanted++ = 0;
	}
	arg = strchr(text, ':');
	if (arg) {
		*arg++ = 0;
		arg2 = strchr(arg, ':');
		if (arg2)
			*arg2++ = 0;
	}

#define IS(name) (!strcmp(text, name))
	if (IS("state"))
		do_state(wanted);
	else if (IS("set") && arg)
		do_set(arg, wanted);
	else if (IS("nodata"))
		got_data_fd ? bad("there is one") : (void)0;
	else if (IS("flags"))
		do_flags(wanted);
	else if (IS("size"))
		do_size(wanted);
	else if (IS("read") && arg)
		do_read(arg, false, arg2 ? strtoul(arg2, NULL, 0) : SIZE_MAX, wanted);
	else if (IS("more") && arg)
		do_read(arg, true, arg2 ? strtoul(arg2, NULL, 0) : SIZE_MAX, wanted);
	else if (IS("info"))
		do_info(wanted);
	else if (IS("initial") || IS("dirty"))
		compare_info(text, op, wanted);
	else if (IS("reread"))
		expect(one_byte(false), wanted);
	else if (IS("write") && arg)
		do_write(arg, arg2 ? strtoul(arg2, NULL, 0) : 0, wanted);
	else if (IS("read1"))
		expect(one_byte(false), wanted);
	else if (IS("write1"))
		expect(one_byte(true), wanted);
	else if (IS("close"))
		close(data_fd), data_fd = -1;
	else if (IS("reset")) {
		expect(ioctl(device, VFIO_DEVICE_RESET) ? errno : 0, wanted);
		/* After a reset of the PF the VF's config space is not what it was */
		enable_memory_and_dma();
		engine_ready = false;
		ring_pos = 0;
	} else if (IS("dma") && arg) {
		start(atoi(arg));
		wait_batch();
	} else if (IS("start") && arg)
		start(atoi(arg));
	else if (IS("adopt") && arg2)
		adopt(atoi(arg), atoi(arg2));
	else if (IS("wait"))
		wait_batch();
	else if (IS("copies"))
		compare_count("copies", rd64(CTX_COPIES), op, wanted);
	else if (IS("errors"))
		compare_count("errors", rd64(CTX_ERRORS), op, wanted);
	else if (IS("frozen") && arg)
		frozen(atol(arg));
	else if (IS("moving") && arg)
		moving(atol(arg));
	else if (IS("digest") && arg)
		do_digest('w', arg);
	else if (IS("digest-is") && arg)
		do_digest('=', arg);
	else if (IS("digest-not") && arg)
		do_digest('!', arg);
	else if (IS("v1-state") && arg)
		v1_state(arg, wanted);
	else if (IS("v1-is"))
		v1_is(V1(device_state), 4, wanted);
	else if (IS("v1-pending"))
		v1_is(V1(pending_bytes), 8, wanted);
	else if (IS("v1-touch") && arg2)
		v1_touch(arg, arg2, wanted);
	else if (IS("v1-nomap"))
		v1_nomap();
	else if (IS("v1-read") && arg)
		v1_read(arg, false, !!arg2, wanted);
	else if (IS("v1-more") && arg)
		v1_read(arg, true, !!arg2, wanted);
	else if (IS("v1-write") && arg)
		v1_write(arg, !!arg2, wanted);
	else if (IS("irq"))
		arm_request();
	else if (IS("irq-wait") && arg)
		wait_request(atoi(arg));
	else if (IS("sleep") && arg)
		sleep_ms(atol(arg));
	else if (IS("touch") && arg)
		close(open(arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	else if (IS("await") && arg)
		await(arg);
	else
		bad("what is that?");
#undef IS
}

static void run_lines(void)
{
	char *line = NULL, *rest, *text;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		rest = line;
		while ((text = strsep(&rest, "\t"))) {
			if (*text)
				run(text);
		}
		printf("##done\n");
		fflush(stdout);
	}
}

/* ---- time from create to usable ----------------------------------------------- */

static int time_create(const char *path, const char *uuid)
{
	char dir[PATH_MAX];
	const char *what;
	uint64_t t0, t1, t2;
	int err, fd;

	command = "create";
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		bad("%s: %s", path, strerror(errno));
	t0 = now_us();
	if (write(fd, uuid, strlen(uuid)) < 0)
		bad("%s: %s", path, strerror(errno));
	t1 = now_us();
	snprintf(dir, sizeof(dir), "/sys/bus/mdev/devices/%s", uuid);
	err = access_open(dir, uuid, false, &what);
	if (err)
		bad("%s: %s", what, strerror(err));
	t2 = now_us();
	printf("create_us=%llu usable_us=%llu\n", (unsigned long long)(t1 - t0),
	       (unsigned long long)(t2 - t0));
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = NULL, *what = "", *wanted = NULL;
	bool cdev = false;
	int err, opt;

	if (argc == 4 && !strcmp(argv[1], "create"))
		return time_create(argv[2], argv[3]);

	while ((opt = getopt(argc, argv, "+cn:q")) != -1) {
		switch (opt) {
		case 'c':
			cdev = true;
			break;
		case 'n':
			name = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		default:
			return 2;
		}
	}
	if (optind >= argc) {
		fprintf(stderr, "usage: vfio-mig [-c | -n NAME] [-q] SYSFS-DIR COMMAND..., see vfio-mig.c\n");
		return 2;
	}
	command = argv[optind];
	if (!name)
		name = basename(strdup(argv[optind]));
	/* "open=ENAME" as the first command: the open is expected to fail */
	if (optind + 1 < argc && !strncmp(argv[optind + 1], "open=", 5))
		wanted = argv[optind + 1] + 5;
	err = access_open(argv[optind], name, cdev, &what);
	if (wanted) {
		expect(err, wanted);
		return 0;
	}
	if (err)
		bad("%s: %s (%s)", what, errno_name(err), strerror(err));
	enable_device();
	for (int i = optind + 1; i < argc; i++) {
		if (!strcmp(argv[i], "-"))
			run_lines();
		else
			run(argv[i]);
	}
	close_device();
	return 0;
}
