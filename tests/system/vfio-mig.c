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
 *   set:STATE[=E]           VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE; keeps its migration file
 *   nodata                  the last set: returned no migration file
 *   flags=N                 VFIO_DEVICE_FEATURE_MIGRATION says N
 *   size[=E]                VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, prints it; 0 is wrong
 *   read:FILE[:N][=E]       from the migration file to FILE, up to its end or N bytes
 *   more:FILE[:N][=E]       the same, behind what FILE has
 *   info[=E]                VFIO_MIG_GET_PRECOPY_INFO, prints it
 *   initial=N, initial>=N, dirty=N, dirty>=N
 *                           what VFIO_MIG_GET_PRECOPY_INFO says
 *   flags-of-info=N         and its flags
 *   precopy-v2[=E]          set VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2: there are such flags now
 *   reread                  the migration file is at its end: reads nothing again
 *   write:FILE[:CHUNK][=E]  from FILE to the migration file, CHUNK bytes a write
 *   read1=E, write1=E       one byte
 *   close                   the migration file
 *   reset[=E]               VFIO_DEVICE_RESET
 *   renew                   somebody else has reset the function: the engine is set up anew
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
 *   err, err-wait:MS        the same of the error interrupt (VFIO_PCI_ERR_IRQ_INDEX)
 *   hostile:SEED[:bars]     from now on, beside all else, what a hostile guest may do: random
 *                           accesses of BARs and config space, or of BARs only
 *   hostile-end             no more of that; prints how much it was
 *   v1-state:N[=E]          write device_state of the migration region (v1)
 *   v1-is=N                 device_state reads N
 *   v1-pending=N            pending_bytes reads N
 *   v1-touch:[w]OFF:N[=E]   read and write N bytes of the region at OFF; w: write only
 *   v1-nomap                only the data section can be mapped
 *   v1-read:FILE[:map][=E]  save by the region's protocol, until nothing is pending; map: through
 *                           a mapping
 *   v1-more:FILE[:map][=E]  the same, behind what FILE has
 *   v1-write:FILE[:map][=E] load by it
 *   cx:N                    of a ConnectX VF: N commands ALLOC_PD, each of which has to answer with
 *                           the next number; the first time its command queue is set up
 *   cx-adopt:K              its state is loaded, and K were answered before
 *   cx-command:OP:MOD[=N]   one command without more input; N is its status
 *   cx-log[=E], cx-log-stop[=E]
 *                           log the dirty pages of its memory
 *   cx-dirty=BITMAP         those since the last time; or =E
 *   cx-page:N               its command queue moves to page N of its memory
 *   reg:OFFSET=N, poke:OFFSET:N
 *                           compare or write 32 bits of BAR 0
 *   memory:off, memory:on   memory decoding, by the Command register
 *   memory-is:off, memory-is:on
 *   hidden-part:BAR:OFFSET  from there on the BAR is the migration control: all ways to it are tried
 *   hidden-bar:BAR:BYTES    the same of a whole BAR
 *   dma-buf:BAR:BYTES[=E]   a dma-buf of the BAR's first BYTES
 *   sh:COMMAND              by the shell, device open
 *   drop                    close the device, but not its group: the last command that needs it
 *   sleep:MS
 *   lap:NAME                prints "NAME_us=N", microseconds since the last one
 *   touch:FILE, await:FILE  tell another process; wait for it (60 s)
 *   -                       read lines of commands, separated by tabs, from standard
 *                           input, and print "##done" after each line
 *
 *   vfio-mig create CREATE UUID   times of create, and of opening the device then: prints
 *                                 "create_us=N open_us=N"
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
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
#include "vfio-random.h"

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

_Noreturn void bad(const char *fmt, ...)
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
	return err ? ename(err) : "0";
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

static int req_fd = -1, err_fd = -1;
static struct vfio_region_info bar0 = { .argsz = sizeof(bar0), .index = VFIO_PCI_BAR0_REGION_INDEX };
static struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
static volatile uint8_t *regs;

static bool engine_ready;		/* the DMA engine runs on our ring */
static unsigned int ring_pos;		/* where the next chain begins */

static void enable_memory_and_dma(void)
{
	uint16_t cmd = 0x6;

	if (pwrite(source.fd, &cmd, sizeof(cmd), config.offset + 4) != sizeof(cmd))
		bad("config space: %s", strerror(errno));
}

#include "vfio-control.h"

static void enable_device(void)
{
	if (ioctl(source.fd, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    ioctl(source.fd, VFIO_DEVICE_GET_REGION_INFO, &bar0))
		bad("VFIO_DEVICE_GET_REGION_INFO: %s", strerror(errno));
	enable_memory_and_dma();
	regs = mmap(NULL, mappable(), PROT_READ | PROT_WRITE, MAP_SHARED, source.fd,
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

#include "vfio-v2.h"
#include "vfio-copies.h"
#include "vfio-cx.h"
#include "vfio-v1.h"

/* ---- other commands ----------------------------------------------------------- */

/* An eventfd for an interrupt of the device's that has one vector */
static int arm_irq(unsigned int index)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = index,
			.count = 1,
		},
	};

	irq.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ioctl(source.fd, VFIO_DEVICE_SET_IRQS, &irq))
		bad("VFIO_DEVICE_SET_IRQS: %s", strerror(errno));
	return irq.fd;
}

static void wait_irq(int fd, int ms, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n;

	if (poll(&p, 1, ms) != 1 || read(fd, &n, sizeof(n)) != sizeof(n))
		bad("no %s within %d ms", what, ms);
}

static void renew(void)
{
	/* After a reset of the PF the VF's config space is not what it was */
	enable_memory_and_dma();
	engine_ready = false;
	ring_pos = 0;
}

static void drop(void)
{
	munmap((void *)regs, mappable());
	close(source.fd);
	source.fd = -1;
}

static void is_reg(unsigned int off, const char *wanted)
{
	uint32_t v = rd32(off);

	if (!wanted || v != strtoul(wanted, NULL, 0))
		bad("it is 0x%x", v);
}

static struct {
	struct hostile at;
	struct random random;
	pthread_t thread;
	bool on, bars;
	volatile bool stop;
	unsigned long done;
} hostile;

static void *be_hostile(void *unused)
{
	(void)unused;
	while (!hostile.stop) {
		if (hostile.bars)
			hostile_bar(&hostile.at, &hostile.random);
		else
			hostile_act(&hostile.at, &hostile.random);
		hostile.done++;
	}
	return NULL;
}

static void begin_hostile(const char *seed, bool bars)
{
	int err;

	if (hostile.on)
		bad("it is at it");
	hostile_open(&hostile.at, source.fd);
	random_guard();
	hostile.random.state = strtoull(seed, NULL, 0);
	hostile.bars = bars;
	hostile.stop = false;
	hostile.done = 0;
	err = pthread_create(&hostile.thread, NULL, be_hostile, NULL);
	if (err)
		bad("no thread: %s", strerror(err));
	hostile.on = true;
}

static void end_hostile(void)
{
	if (!hostile.on)
		bad("it is not at it");
	hostile.stop = true;
	pthread_join(hostile.thread, NULL);
	hostile_close(&hostile.at);
	hostile.on = false;
	engine_ready = false;
	say("hostile=%lu\n", hostile.done);
}

static void lap(const char *name)
{
	static uint64_t last;
	uint64_t now = now_us();

	say("%s_us=%llu\n", name, (unsigned long long)(now - last));
	last = now;
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
	ssize_t n = writing ? write(source.data_fd, &c, 1) : read(source.data_fd, &c, 1);

	return n < 0 ? errno : 0;
}

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
	else if (IS("precopy-v2"))
		precopy_v2(wanted);
	else if (IS("initial") || IS("dirty") || IS("flags-of-info"))
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
		v2_close_data(&source);
	else if (IS("reset")) {
		expect(ioctl(source.fd, VFIO_DEVICE_RESET) ? errno : 0, wanted);
		cx_forget();
		renew();
	} else if (IS("renew"))
		renew();
	else if (IS("dma") && arg) {
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
		do_v1_state(arg, wanted);
	else if (IS("v1-is"))
		do_v1_is(V1(device_state), 4, wanted);
	else if (IS("v1-pending"))
		do_v1_is(V1(pending_bytes), 8, wanted);
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
	else if (IS("cx") && arg)
		cx_pds(atoi(arg));
	else if (IS("cx-adopt") && arg)
		cx_adopt(atoi(arg));
	else if (IS("cx-command") && arg2)
		cx_expect(strtoul(arg, NULL, 0), strtoul(arg2, NULL, 0), wanted);
	else if (IS("cx-log"))
		cx_log(wanted);
	else if (IS("cx-log-stop"))
		cx_log_stop(wanted);
	else if (IS("cx-dirty"))
		cx_dirty(wanted);
	else if (IS("cx-page") && arg)
		cx_page(atoi(arg));
	else if (IS("irq"))
		req_fd = arm_irq(VFIO_PCI_REQ_IRQ_INDEX);
	else if (IS("irq-wait") && arg)
		wait_irq(req_fd, atoi(arg), "request to release the device");
	else if (IS("err"))
		err_fd = arm_irq(VFIO_PCI_ERR_IRQ_INDEX);
	else if (IS("err-wait") && arg)
		wait_irq(err_fd, atoi(arg), "error interrupt");
	else if (IS("hostile") && arg)
		begin_hostile(arg, !!arg2);
	else if (IS("hostile-end"))
		end_hostile();
	else if (IS("reg") && arg)
		is_reg(strtoul(arg, NULL, 0), wanted);
	else if (IS("poke") && arg2)
		wr32(strtoul(arg, NULL, 0), strtoul(arg2, NULL, 0));
	else if (IS("memory") && arg)
		memory(arg);
	else if (IS("memory-is") && arg)
		memory_is(arg);
	else if (IS("hidden-part") && arg2)
		hidden_part(atoi(arg), strtoull(arg2, NULL, 0));
	else if (IS("hidden-bar") && arg2)
		hidden_bar(atoi(arg), strtoull(arg2, NULL, 0));
	else if (IS("dma-buf") && arg2)
		expect(dma_buf(atoi(arg), 0, strtoull(arg2, NULL, 0), 1), wanted);
	else if (IS("drop"))
		drop();
	else if (IS("sleep") && arg)
		sleep_ms(atol(arg));
	else if (IS("lap") && arg)
		lap(arg);
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
	printf("create_us=%llu open_us=%llu\n", (unsigned long long)(t1 - t0),
	       (unsigned long long)(t2 - t1));
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
	vdev_close(&source);
	return 0;
}
