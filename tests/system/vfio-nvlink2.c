// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user of a device with memory behind NVLink2.
 *
 *   vfio-nvlink2 [-c] DIR COMMAND...   DIR: the mdev's directory; -c: by its character device
 *
 * Each command succeeds, or ends the program with a line that says what it wanted. OFF, LEN and
 * values as strtoull() takes them; ENAME is an errno's name.
 *
 *   open=ENAME              opening the device fails so; the only command then
 *   region:TYPE:SUBTYPE     finds the region; prints what it is
 *   is:WORDS                the last command printed just that
 *   write|put:OFF:LEN:SEED  a pattern by pwrite(), or by the mapping
 *   read|get:OFF:LEN:SEED   the pattern is read by pread(), or in the mapping
 *   rw=ENAME:OFF:LEN        reading and writing fail so
 *   short:OFF:LEN:N         reading gives N bytes
 *   reg:OFF:WIDTH:VALUE     writes a register by pwrite()
 *   map:OFF:LEN             maps that part of the region, in place of what was mapped
 *   map=ENAME:OFF:LEN       mapping fails so
 *   unmap                   takes it away
 *   put64:OFF:VALUE         one access in the mapping
 *   sigbus:OFF              an access in the mapping is refused
 *   fault:OFF=N             does an access in the mapping fault? 0 or 1
 *   touch:OFF:LEN:MAX       every page is touched, in at most MAX faults; prints them
 *   populate:SHIFT          all of the region is mapped, SHIFT bytes from where huge pages fit, and
 *                           every page touched; prints bytes, faults and microseconds
 *   early                   wants to be told of errors in memory at once, not when it meets them
 *   poison:PHYS             makes the kernel report an error in that page to this process
 *   poison=ENAME:PHYS       that fails so
 *   told:OFF                SIGBUS has told, or will in 10 s, of an error there in the mapping
 *   untold                  it has told of none
 *   bars                    BAR 0 is mapped, too, and stays so
 *   fork                    a child sees what its parent sees
 *   reset                   VFIO_DEVICE_RESET
 *   sleep, wake             the device goes to low power and leaves it
 *   bar:OFF=VALUE           a 64-bit register of BAR 0
 *   dma:OFF:LEN             the device copies to its own RAM and from it, through the IOMMU
 *   edu:OFF:LEN             the same by QEMU's edu device, LEN up to 2048
 *   hold:OFF:LEN            that part of the mapping is mapped for DMA, and stays so
 *   hold=ENAME:OFF:LEN      that fails so
 *   drop:LEN                not any more
 *   mark:FILE, await:FILE   makes FILE; waits until it is there, a minute at most
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vfio-access.h"

#define CAP_TGT		4
#define CAP_SPEED	5
#define LOW_POWER_ENTRY	3
#define LOW_POWER_EXIT	5
#define SPACE		(1ULL << 32)	/* address space that mappings are put into */
#define HUGE		(1ULL << 30)	/* and how it is aligned */

static const char *command = "open";
static char printed[256];
static struct vfio_region_info region;
static uint8_t *space, *mapped;
static uint64_t mapped_at, mapped_len;

_Noreturn __attribute__((format(printf, 1, 2))) void bad(const char *fmt, ...)
{
	va_list ap;

	printf("%s: ", command);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

static __attribute__((format(printf, 1, 2))) void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(printed, sizeof(printed), fmt, ap);
	va_end(ap);
	puts(printed);
}

static void expect(int err, const char *name)
{
	const char *got = err ? strerrorname_np(err) : "0";

	if (strcmp(got, name))
		bad("%s, wanted %s", got, name);
}

/* "OFF:LEN:..." -> numbers; returns how many */
static int numbers(const char *text, uint64_t *v, int max)
{
	int n = 0;
	char *end;

	while (n < max && *text) {
		v[n++] = strtoull(text, &end, 0);
		if (end == text || (*end && *end != ':'))
			bad("'%s' is no number", text);
		text = *end ? end + 1 : end;
	}
	return n;
}

static void need(const char *text, uint64_t *v, int n)
{
	if (numbers(text, v, n) != n)
		bad("wants %d numbers", n);
}

static uint8_t pattern(uint64_t at, uint64_t seed)
{
	uint64_t x = (at + seed * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	return x >> 56;
}

static uint8_t *make_pattern(uint64_t off, uint64_t len, uint64_t seed)
{
	uint8_t *p = malloc(len);

	for (uint64_t i = 0; i < len; i++)
		p[i] = pattern(off + i, seed);
	return p;
}

static void compare(const uint8_t *got, uint64_t off, uint64_t len, uint64_t seed)
{
	for (uint64_t i = 0; i < len; i++) {
		if (got[i] != pattern(off + i, seed))
			bad("at 0x%llx: 0x%02x, wanted 0x%02x", (unsigned long long)(off + i), got[i],
			    pattern(off + i, seed));
	}
}

/* ---- the region ---------------------------------------------------------------------------- */

static struct vfio_region_info *get_info(unsigned int index)
{
	struct vfio_region_info *info = calloc(1, 4096);

	info->argsz = 4096;
	info->index = index;
	if (ioctl(source.fd, VFIO_DEVICE_GET_REGION_INFO, info))
		bad("VFIO_DEVICE_GET_REGION_INFO %u: %s", index, strerror(errno));
	return info;
}

static void *find_cap(struct vfio_region_info *info, uint16_t id)
{
	uint32_t at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	while (at) {
		struct vfio_info_cap_header *h = (void *)((uint8_t *)info + at);

		if (h->id == id && h->version == 1)
			return h;
		at = h->next;
	}
	return NULL;
}

static void describe(struct vfio_region_info *info)
{
	uint8_t *tgt = find_cap(info, CAP_TGT), *speed = find_cap(info, CAP_SPEED);
	char words[128] = "";

	/* The uapi's structs: a header of 8 bytes, then the value */
	if (tgt)
		sprintf(words, " tgt=0x%llx", *(unsigned long long *)(tgt + 8));
	if (speed)
		sprintf(words + strlen(words), " speed=%u", *(uint32_t *)(speed + 8));
	say("size=0x%llx flags=%s%s%s%s", (unsigned long long)info->size,
	    info->flags & VFIO_REGION_INFO_FLAG_READ ? "r" : "",
	    info->flags & VFIO_REGION_INFO_FLAG_WRITE ? "w" : "",
	    info->flags & VFIO_REGION_INFO_FLAG_MMAP ? "m" : "", words);
}

static void do_region(const char *arg)
{
	struct vfio_device_info dev = { .argsz = sizeof(dev) };
	uint64_t v[2];

	need(arg, v, 2);
	if (ioctl(source.fd, VFIO_DEVICE_GET_INFO, &dev))
		bad("VFIO_DEVICE_GET_INFO: %s", strerror(errno));
	for (unsigned int i = VFIO_PCI_NUM_REGIONS; i < dev.num_regions; i++) {
		struct vfio_region_info *info = get_info(i);
		struct vfio_region_info_cap_type *type;

		type = find_cap(info, VFIO_REGION_INFO_CAP_TYPE);
		if (type && type->type == v[0] && type->subtype == v[1]) {
			region = *info;
			describe(info);
			return;
		}
	}
	say("none");
}

static void do_is(const char *arg)
{
	if (strcmp(printed, arg))
		bad("it was '%s'", printed);
}

/* ---- read() and write() -------------------------------------------------------------------- */

static void do_write(const char *arg)
{
	uint64_t v[3];
	uint8_t *p;

	need(arg, v, 3);
	p = make_pattern(v[0], v[1], v[2]);
	if (pwrite(source.fd, p, v[1], region.offset + v[0]) != (ssize_t)v[1])
		bad("%s", strerror(errno));
	free(p);
}

static void do_read(const char *arg)
{
	uint64_t v[3];
	uint8_t *p;

	need(arg, v, 3);
	p = calloc(1, v[1]);
	if (pread(source.fd, p, v[1], region.offset + v[0]) != (ssize_t)v[1])
		bad("%s", strerror(errno));
	compare(p, v[0], v[1], v[2]);
	free(p);
}

static void do_rw_fails(const char *name, const char *arg)
{
	uint64_t v[2];
	uint8_t *p;

	need(arg, v, 2);
	p = calloc(1, v[1] + 1);
	expect(pread(source.fd, p, v[1], region.offset + v[0]) < 0 ? errno : 0, name);
	expect(pwrite(source.fd, p, v[1], region.offset + v[0]) < 0 ? errno : 0, name);
	free(p);
}

static void do_short(const char *arg)
{
	uint64_t v[3];
	uint8_t *p;
	ssize_t n;

	need(arg, v, 3);
	p = calloc(1, v[1]);
	n = pread(source.fd, p, v[1], region.offset + v[0]);
	if (n != (ssize_t)v[2])
		bad("%zd bytes", n);
	free(p);
}

static void do_reg(const char *arg)
{
	uint64_t v[3];

	need(arg, v, 3);
	if (pwrite(source.fd, &v[2], v[1], region.offset + v[0]) != (ssize_t)v[1])
		bad("%s", strerror(errno));
}

/* ---- mappings ------------------------------------------------------------------------------ */

static void do_unmap(void)
{
	if (mapped)
		munmap(mapped, mapped_len);
	mapped = NULL;
}

static int map_shifted(uint64_t off, uint64_t len, uint64_t shift)
{
	uint8_t *p;

	do_unmap();
	if (!space) {
		p = mmap(NULL, SPACE + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0);
		if (p == MAP_FAILED)
			bad("no address space");
		space = (uint8_t *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	}
	/* So that huge pages are aligned in the address space as in the memory */
	p = mmap(space + off % HUGE + shift, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, source.fd,
		 region.offset + off);
	if (p == MAP_FAILED)
		return errno;
	mapped = p;
	mapped_at = off;
	mapped_len = len;
	return 0;
}

static int map(uint64_t off, uint64_t len)
{
	return map_shifted(off, len, 0);
}

static void do_map(const char *name, const char *arg)
{
	uint64_t v[2];

	need(arg, v, 2);
	expect(map(v[0], v[1]), name);
}

static uint8_t *at(uint64_t off)
{
	if (!mapped || off < mapped_at || off >= mapped_at + mapped_len)
		bad("0x%llx is not mapped", (unsigned long long)off);
	return mapped + (off - mapped_at);
}

static void do_put(const char *arg)
{
	uint64_t v[3];
	uint8_t *p;

	need(arg, v, 3);
	p = make_pattern(v[0], v[1], v[2]);
	memcpy(at(v[0]), p, v[1]);
	free(p);
}

static void do_get(const char *arg)
{
	uint64_t v[3];

	need(arg, v, 3);
	compare(at(v[0]), v[0], v[1], v[2]);
}

static void do_put64(const char *arg)
{
	uint64_t v[2];

	need(arg, v, 2);
	*(volatile uint64_t *)at(v[0]) = v[1];
}

static sigjmp_buf refused;

static void on_sigbus(int sig)
{
	(void)sig;
	siglongjmp(refused, 1);
}

static void do_sigbus(const char *arg)
{
	volatile uint8_t *p;
	uint64_t v[1];

	need(arg, v, 1);
	p = at(v[0]);
	signal(SIGBUS, on_sigbus);
	if (!sigsetjmp(refused, 1)) {
		*p;
		bad("could be read");
	}
	signal(SIGBUS, SIG_DFL);
}

static uint64_t minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static void do_fault(const char *arg)
{
	uint64_t off, before;
	char *end;

	off = strtoull(arg, &end, 0);
	before = minor_faults();
	(void)*(volatile uint8_t *)at(off);
	if (*end != '=' || (minor_faults() > before) != (end[1] == '1'))
		bad("no");
}

/* Returns how many faults it took */
static uint64_t touch(uint64_t off, uint64_t len)
{
	uint64_t before;

	at(off + len - 1);
	before = minor_faults();
	for (uint64_t i = 0; i < len; i += 4096)
		(void)*(volatile uint8_t *)at(off + i);
	return minor_faults() - before;
}

static void do_touch(const char *arg)
{
	uint64_t v[3], faults;

	need(arg, v, 3);
	faults = touch(v[0], v[1]);
	say("faults=%llu", (unsigned long long)faults);
	if (faults > v[2])
		bad("more than %llu faults", (unsigned long long)v[2]);
}

static void do_populate(const char *arg)
{
	uint64_t v[1], faults, start;

	need(arg, v, 1);
	expect(map_shifted(0, region.size, v[0]), "0");
	start = now_us();
	faults = touch(0, region.size);
	say("bytes=%llu\nfaults=%llu\nus=%llu", (unsigned long long)region.size,
	    (unsigned long long)faults, (unsigned long long)(now_us() - start));
}

static void do_fork(void)
{
	uint8_t mine = *(volatile uint8_t *)mapped;
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		alarm(30);
		_exit(*(volatile uint8_t *)mapped != mine);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		bad("the child says 0x%x", status);
}

/* ---- errors in memory ---------------------------------------------------------------------- */

static siginfo_t told;
static volatile sig_atomic_t times_told;

static void on_error(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	told = *info;
	times_told++;
}

static void listen_to_errors(void)
{
	struct sigaction action = { .sa_sigaction = on_error, .sa_flags = SA_SIGINFO };

	times_told = 0;
	sigaction(SIGBUS, &action, NULL);
}

static void do_early(void)
{
	listen_to_errors();
	if (prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0))
		bad("%s", strerror(errno));
}

/* No other way leads to memory without struct page: neither MADV_HWPOISON nor hwpoison-inject does */
static void do_poison(const char *name, const char *phys)
{
	int fd = open("/sys/devices/system/memory/hard_offline_page", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		bad("hard_offline_page: %s", strerror(errno));
	listen_to_errors();
	expect(write(fd, phys, strlen(phys)) < 0 ? errno : 0, name);
	close(fd);
}

static void do_told(const char *arg)
{
	uint64_t v[1];

	need(arg, v, 1);
	for (int i = 0; i < 1000 && !times_told; i++)
		usleep(10000);
	if (times_told != 1 || (told.si_code != BUS_MCEERR_AR && told.si_code != BUS_MCEERR_AO))
		bad("told %d times, last with code %d", (int)times_told, told.si_code);
	if (told.si_addr != at(v[0]) || 1L << told.si_addr_lsb != sysconf(_SC_PAGESIZE))
		bad("told of %p, 1 << %d bytes; it is at %p", told.si_addr, told.si_addr_lsb, at(v[0]));
	times_told = 0;
}

static void do_untold(void)
{
	usleep(100000);
	if (times_told)
		bad("told %d times", (int)times_told);
}

/* ---- the device ---------------------------------------------------------------------------- */

static void do_reset(void)
{
	if (ioctl(source.fd, VFIO_DEVICE_RESET))
		bad("%s", strerror(errno));
}

static void low_power(uint32_t feature)
{
	int err = v2_feature(&source, feature | VFIO_DEVICE_FEATURE_SET, NULL, 0);

	if (err)
		bad("%s", strerror(err));
}

/* Memory space and bus master, as any driver would */
static void enable(void)
{
	struct vfio_region_info *config = get_info(VFIO_PCI_CONFIG_REGION_INDEX);
	uint16_t cmd;

	if (pread(source.fd, &cmd, 2, config->offset + 4) != 2)
		bad("config space");
	cmd |= 6;
	if (pwrite(source.fd, &cmd, 2, config->offset + 4) != 2)
		bad("config space");
	free(config);
}

/* Mapped: 6.1's read() and write() have 4 bytes at most, the registers have 8 */
static void *bar_map(uint64_t *size)
{
	struct vfio_region_info *bar = get_info(0);
	void *page;

	enable();
	page = mmap(NULL, bar->size, PROT_READ | PROT_WRITE, MAP_SHARED, source.fd, bar->offset);
	if (page == MAP_FAILED)
		bad("BAR 0: %s", strerror(errno));
	*size = bar->size;
	free(bar);
	return page;
}

static void do_bars(void)
{
	uint64_t size;

	bar_map(&size);
}

static uint64_t bar_access(uint64_t off, const uint64_t *set)
{
	uint64_t v = 0, size;
	char *page = bar_map(&size);
	volatile uint64_t *reg = (volatile uint64_t *)(page + off);

	if (set)
		*reg = *set;
	else
		v = *reg;
	munmap(page, size);
	return v;
}

static uint64_t bar_read(uint64_t off)
{
	return bar_access(off, NULL);
}

static void bar_write(uint64_t off, uint64_t v)
{
	bar_access(off, &v);
}

static void do_bar(const char *arg)
{
	char *end;
	uint64_t off = strtoull(arg, &end, 0), got = bar_read(off);

	if (*end != '=' || got != strtoull(end + 1, NULL, 0))
		bad("0x%llx", (unsigned long long)got);
}

static void copy_by_device(uint64_t from, uint64_t to, uint64_t len)
{
	bar_write(0x00, from);
	bar_write(0x08, to);
	bar_write(0x10, len);
	bar_write(0x18, 1);
	if (bar_read(0x18) != 1)
		bad("the device could not copy 0x%llx to 0x%llx", (unsigned long long)from,
		    (unsigned long long)to);
}

/* What the device wrote is in its RAM for us, what we wrote there it reads */
static void do_dma(const char *arg)
{
	const uint64_t host = 0x10000000, ram = 0x40000000;
	uint64_t v[2];
	uint8_t *mem;
	int err;

	need(arg, v, 2);
	mem = mmap(NULL, v[1], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	err = vdev_map(&source, host, mem, v[1]);
	if (err)
		bad("mapping memory: %s", strerror(err));
	err = vdev_map(&source, ram, at(v[0]), v[1]);
	if (err)
		bad("mapping the GPU's RAM: %s", strerror(err));
	for (uint64_t i = 0; i < v[1]; i++)
		mem[i] = pattern(v[0] + i, 77);
	copy_by_device(host, ram, v[1]);
	compare(at(v[0]), v[0], v[1], 77);
	for (uint64_t i = 0; i < v[1]; i++)
		at(v[0])[i] = pattern(v[0] + i, 78);
	copy_by_device(ram, host, v[1]);
	compare(mem, v[0], v[1], 78);
}

/* Its registers have the endianness that the emulator takes for the machine's */
static bool edu_is_swapped(void)
{
	uint64_t size;
	volatile uint32_t *page = bar_map(&size);
	uint32_t id = page[0];

	munmap((void *)page, size);
	if ((id & 0xff) != 0xed && id >> 24 != 0xed)
		bad("no edu device: 0x%x", id);
	return id >> 24 == 0xed;
}

static void edu_copy(uint64_t from, uint64_t to, uint64_t len, bool to_host)
{
	bool swapped = edu_is_swapped();
	const uint64_t set[4] = { from, to, len, to_host ? 3 : 1 };
	uint64_t command;
	int tries = 2000;

	for (int i = 0; i < 4; i++)
		bar_write(0x80 + 8 * i, swapped ? __builtin_bswap64(set[i]) : set[i]);
	do {
		usleep(1000);
		command = bar_read(0x98);
	} while ((swapped ? __builtin_bswap64(command) : command) & 1 && --tries);
	if (!tries)
		bad("edu does not end its DMA");
}

#define EDU_BUFFER	0x40000
#define EDU_HOST	0x1000000
#define EDU_RAM		0x2000000

static void map_for_dma(uint64_t iova, void *mem, uint64_t len)
{
	int err = vdev_map(&source, iova, mem, len);

	if (err)
		bad("mapping 0x%llx for DMA: %s", (unsigned long long)iova, strerror(err));
}

static void do_edu(const char *arg)
{
	uint64_t v[2], page = sysconf(_SC_PAGESIZE), in;
	uint8_t *mem;

	need(arg, v, 2);
	in = v[0] & (page - 1);
	mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map_for_dma(EDU_HOST, mem, page);
	map_for_dma(EDU_RAM, at(v[0] - in), page);
	for (uint64_t i = 0; i < v[1]; i++)
		mem[i] = pattern(v[0] + i, 77);
	edu_copy(EDU_HOST, EDU_BUFFER, v[1], false);
	edu_copy(EDU_BUFFER, EDU_RAM + in, v[1], true);
	compare(at(v[0]), v[0], v[1], 77);
	for (uint64_t i = 0; i < v[1]; i++)
		at(v[0])[i] = pattern(v[0] + i, 78);
	edu_copy(EDU_RAM + in, EDU_BUFFER, v[1], false);
	edu_copy(EDU_BUFFER, EDU_HOST, v[1], true);
	compare(mem, v[0], v[1], 78);
	if (vdev_unmap(&source, EDU_HOST, page) || vdev_unmap(&source, EDU_RAM, page))
		bad("unmapping");
}

static void do_hold(const char *name, const char *arg)
{
	uint64_t v[2];

	need(arg, v, 2);
	expect(vdev_map(&source, EDU_RAM, at(v[0]), v[1]), name);
}

static void do_drop(const char *arg)
{
	uint64_t v[1];

	need(arg, v, 1);
	expect(vdev_unmap(&source, EDU_RAM, v[0]), "0");
}

/* ---- commands ------------------------------------------------------------------------------ */

static void do_mark(const char *file)
{
	int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		bad("%s", strerror(errno));
	close(fd);
}

static void do_await(const char *file)
{
	for (int i = 0; i < 6000; i++) {
		if (!access(file, F_OK))
			return;
		usleep(10000);
	}
	bad("not in a minute");
}

static const struct {
	const char *name;
	void (*plain)(void);
	void (*with)(const char *arg);
} commands[] = {
	{ "region:", .with = do_region },
	{ "is:", .with = do_is },
	{ "write:", .with = do_write },
	{ "read:", .with = do_read },
	{ "put:", .with = do_put },
	{ "get:", .with = do_get },
	{ "short:", .with = do_short },
	{ "reg:", .with = do_reg },
	{ "put64:", .with = do_put64 },
	{ "sigbus:", .with = do_sigbus },
	{ "fault:", .with = do_fault },
	{ "touch:", .with = do_touch },
	{ "populate:", .with = do_populate },
	{ "bar:", .with = do_bar },
	{ "dma:", .with = do_dma },
	{ "edu:", .with = do_edu },
	{ "drop:", .with = do_drop },
	{ "told:", .with = do_told },
	{ "mark:", .with = do_mark },
	{ "await:", .with = do_await },
	{ "unmap", .plain = do_unmap },
	{ "early", .plain = do_early },
	{ "untold", .plain = do_untold },
	{ "bars", .plain = do_bars },
	{ "fork", .plain = do_fork },
	{ "reset", .plain = do_reset },
};

/* "NAME=ENAME:ARG" */
static bool run_failing(const char *text)
{
	const char *arg = strchr(text, ':');
	char name[32];

	if (sscanf(text, "map=%31[A-Z0-9]", name) == 1 && arg)
		do_map(name, arg + 1);
	else if (sscanf(text, "rw=%31[A-Z0-9]", name) == 1 && arg)
		do_rw_fails(name, arg + 1);
	else if (sscanf(text, "hold=%31[A-Z0-9]", name) == 1 && arg)
		do_hold(name, arg + 1);
	else if (sscanf(text, "poison=%31[A-Z0-9]", name) == 1 && arg)
		do_poison(name, arg + 1);
	else
		return false;
	return true;
}

static void run(const char *text)
{
	command = text;
	if (!strncmp(text, "map:", 4)) {
		do_map("0", text + 4);
		return;
	}
	if (!strncmp(text, "hold:", 5)) {
		do_hold("0", text + 5);
		return;
	}
	if (!strncmp(text, "poison:", 7)) {
		do_poison("0", text + 7);
		return;
	}
	if (!strcmp(text, "sleep") || !strcmp(text, "wake")) {
		low_power(*text == 's' ? LOW_POWER_ENTRY : LOW_POWER_EXIT);
		return;
	}
	if (run_failing(text))
		return;
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		size_t n = strlen(commands[i].name);

		if (commands[i].plain && !strcmp(text, commands[i].name)) {
			commands[i].plain();
			return;
		}
		if (commands[i].with && !strncmp(text, commands[i].name, n)) {
			commands[i].with(text + n);
			return;
		}
	}
	bad("no such command");
}

int main(int argc, char **argv)
{
	bool cdev = argc > 1 && !strcmp(argv[1], "-c");
	const char *what = "", *wanted = "0", *dir;
	char *copy;
	int err, i = cdev ? 2 : 1;

	setbuf(stdout, NULL);
	if (argc < i + 2) {
		fprintf(stderr, "usage: vfio-nvlink2 [-c] DIR COMMAND...\n");
		return 2;
	}
	dir = argv[i++];
	copy = strdup(dir);
	if (!strncmp(argv[i], "open=", 5))
		wanted = argv[i] + 5;
	err = access_open(dir, basename(copy), cdev, &what);
	if (strcmp(err ? strerrorname_np(err) : "0", wanted))
		bad("%s: %s, wanted %s", what, err ? strerrorname_np(err) : "0", wanted);
	if (err)
		return 0;
	for (; i < argc; i++)
		run(argv[i]);
	vdev_close(&source);
	return 0;
}
