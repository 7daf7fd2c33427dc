// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-fuzz: a hostile user of one device of the framework. Several threads throw random but
 * seeded ioctls, reads, writes, mmaps, resets and closes at it.
 *
 *   vfio-fuzz [-c] [--seed N] [--seconds N | --count ROUNDS] [--threads N]
 *             [--inject FILE=VF] [--trace] SYSFS-DIR [NAME]
 *
 * SYSFS-DIR and -c as for vfio-mig; NAME: of the device in its group. Each round is a process of
 * its own with the device open once or twice and 1 to N threads (default 3); it ends
 * by closing everything, by an exit in the middle, or by SIGKILL. What a thread does follows from
 * the seed, the number of the round and its own alone; how threads interleave does not. The
 * seed is printed; without one it is taken from the clock. --inject: faults of the VF's firmware
 * are armed, too, by its debugfs file. --trace: each operation is printed, with its outcome.
 *
 * At the end there is a line for each operation with how often it succeeded and by which
 * errnos it failed, and "name=value" for how far it came. Status 0; 1: the device can't be opened
 * any more; 2: a round hung or crashed, what its threads did is printed, and their kernel stacks;
 * 3: not even SIGKILL ended it.
 */
#include <stdatomic.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vfio-access.h"
#include "vfio-random.h"

#define MAX_THREADS	8
#define HISTORY		12
#define WORDS		112
#define ERRNOS		134

/* A round has so many ms, far more than it needs; firmware has 5 s for a command */
#define ROUND_MS	60000
#define KILL_MS		20000

enum op_number {
	OP_OPEN, OP_STATE, OP_GET_STATE, OP_FEATURE, OP_DATA_READ, OP_DATA_WRITE, OP_DATA_OTHER,
	OP_SAVE, OP_LOAD, OP_RESET, OP_INFO, OP_IRQS, OP_IOCTL, OP_REGION, OP_V1, OP_MMAP, OP_TOUCH,
	OP_LOG, OP_DMA, OP_GROUP, OP_HOSTILE, OP_SYSFS, OP_FD, OP_INJECT, OP_NUMBER,
};

/* Shared with the supervisor, for when the round itself can't tell any more */
static struct shared {
	_Atomic unsigned long outcome[OP_NUMBER][ERRNOS];
	_Atomic unsigned long states[16];
	_Atomic unsigned long saved, loaded, read, written, mapped;
	struct {
		_Atomic unsigned long ops;
		char did[HISTORY][WORDS];
		_Atomic int tid;
	} thread[MAX_THREADS + 1];
	char failure[256];
} *shared;

static struct {
	const char *dir, *name, *inject, *vf;
	bool cdev, trace;
	uint64_t seed;
	unsigned int threads;
} opt = { .threads = 3 };

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

_Noreturn void bad(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(shared->failure, sizeof(shared->failure), fmt, ap);
	va_end(ap);
	_exit(1);
}

static const char *errno_name(int err)
{
	const char *name = err ? strerrorname_np(err) : "ok";

	return name ? name : "?";
}

#include "vfio-fuzz.h"

/* ---- a round ------------------------------------------------------------------------ */

/* The one before has just been killed, and its last file may be on its way */
static void open_device(void)
{
	long until = now_ms() + 10000;
	const char *what = "";
	int err;

	for (;;) {
		err = access_open(opt.dir, opt.name, opt.cdev, &what);
		count(OP_OPEN, err);
		if (!err)
			return;
		vdev_close(&source);
		if (now_ms() > until)
			break;
		sleep_ms(20);
	}
	snprintf(shared->failure, sizeof(shared->failure), "the device can't be opened: %s: %s",
		 what, strerror(err));
	_exit(1);
}

static void run_threads(uint64_t seed, unsigned int n, unsigned int ops)
{
	pthread_t id[MAX_THREADS];
	struct fuzzer *f[MAX_THREADS];

	for (unsigned int i = 0; i < n; i++) {
		f[i] = fuzzer_new(i, seed, ops);
		if (pthread_create(&id[i], NULL, fuzzer_run, f[i]))
			_exit(4);
	}
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(id[i], NULL);
		fuzzer_free(f[i]);
	}
}

static _Noreturn void round_run(uint64_t seed)
{
	struct random r = { seed };
	unsigned int opens = 1 + random_chance(&r, 30);

	random_guard();
	for (unsigned int i = 0; i < opens; i++) {
		unsigned int n = 1 + random_below(&r, opt.threads);
		unsigned int ops = 20 + random_below(&r, 200);

		/* Data files of the first opening go on into the second */
		open_device();
		map_memory();
		hostile_open(&guest, source.fd);
		hostile_enable(&guest);
		find_regions();
		run_threads(random_next(&r), n, ops);
		if (random_chance(&r, 30))
			_exit(0);
		hostile_close(&guest);
		vdev_close(&source);
		stale_files(&r);
	}
	exit(0);
}

/* ---- the supervisor ------------------------------------------------------------------ */

static void show_file(const char *fmt, int pid, int tid)
{
	char path[96], line[256];
	FILE *file;

	snprintf(path, sizeof(path), fmt, pid, tid);
	file = fopen(path, "r");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		printf("     %s", line);
	fclose(file);
}

static void show_round(int pid)
{
	for (unsigned int i = 0; i <= MAX_THREADS; i++) {
		unsigned long n = shared->thread[i].ops;

		if (!n)
			continue;
		printf("   thread %u, its last operations, the newest at the end:\n", i);
		for (unsigned long k = n > HISTORY ? n - HISTORY : 0; k < n; k++)
			printf("     %s\n", shared->thread[i].did[k % HISTORY]);
		show_file("/proc/%d/task/%d/stack", pid, shared->thread[i].tid);
	}
}

static int wait_round(int pid, long ms, int *status)
{
	long until = now_ms() + ms;

	while (!waitpid(pid, status, WNOHANG)) {
		if (now_ms() > until)
			return -1;
		sleep_ms(2);
	}
	return 0;
}

static _Noreturn void give_up(unsigned long nr, int pid, const char *what, int code)
{
	printf("vfio-fuzz: seed %llu, round %lu: %s\n", (unsigned long long)opt.seed, nr, what);
	show_round(pid);
	fflush(stdout);
	_exit(code);
}

static void one_round(unsigned long nr, long limit)
{
	struct random r = { opt.seed * 1000003 + nr };
	uint64_t seed = random_next(&r);
	long kill_after = random_chance(&r, 20) ? 5 + random_below(&r, 400) : 0;
	int pid, status;

	memset(shared->thread, 0, sizeof(shared->thread));
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(4);
	}
	if (!pid)
		round_run(seed);
	if (!wait_round(pid, kill_after ? kill_after : limit, &status))
		goto ended;
	if (!kill_after) {
		printf("vfio-fuzz: seed %llu, round %lu: does not end\n",
		       (unsigned long long)opt.seed, nr);
		show_round(pid);
	}
	kill(pid, SIGKILL);
	if (wait_round(pid, KILL_MS, &status))
		give_up(nr, pid, "SIGKILL does not end it", 3);
	if (!kill_after)
		exit(2);
	return;
ended:
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		give_up(nr, pid, strsignal(WTERMSIG(status)), 2);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		give_up(nr, pid, *shared->failure ? shared->failure : "ended early",
			WEXITSTATUS(status));
}

static void show_op(unsigned int op)
{
	printf("# %-12s ok %lu", op_names[op], shared->outcome[op][0]);
	for (int e = 1; e < ERRNOS; e++) {
		if (shared->outcome[op][e])
			printf(" %s %lu", errno_name(e), shared->outcome[op][e]);
	}
	putchar('\n');
}

static void summary(unsigned long rounds)
{
	unsigned long ops = 0;
	unsigned int states = 0;

	for (unsigned int op = 0; op < OP_NUMBER; op++) {
		show_op(op);
		for (int e = 0; e < ERRNOS; e++)
			ops += shared->outcome[op][e];
	}
	for (unsigned int s = 0; s < 16; s++)
		states += !!shared->states[s];
	printf("rounds=%lu\nops=%lu\nstates=%u\nmapped=%lu\n", rounds, ops, states, shared->mapped);
	printf("saved=%lu\nloaded=%lu\nread=%lu\nwritten=%lu\n", shared->saved, shared->loaded,
	       shared->read, shared->written);
}

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: vfio-fuzz [-c] [--seed N] [--seconds N | --count ROUNDS] [--threads N] "
		"[--inject FILE=VF] [--trace] SYSFS-DIR [NAME], see vfio-fuzz.c\n");
	exit(4);
}

static unsigned long limit_rounds;
static long limit_ms;

static bool option(int o)
{
	switch (o) {
	case 'c':
		opt.cdev = true;
		break;
	case 's':
		opt.seed = strtoull(optarg, NULL, 0);
		break;
	case 'S':
		limit_ms = atol(optarg) * 1000;
		break;
	case 'n':
		limit_rounds = strtoul(optarg, NULL, 0);
		break;
	case 't':
		opt.threads = atoi(optarg);
		break;
	case 'i':
		opt.inject = strsep(&optarg, "=");
		opt.vf = optarg ? optarg : "any";
		break;
	case 'v':
		opt.trace = true;
		break;
	default:
		return false;
	}
	return true;
}

static void options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", 1, NULL, 's' }, { "seconds", 1, NULL, 'S' }, { "count", 1, NULL, 'n' },
		{ "threads", 1, NULL, 't' }, { "inject", 1, NULL, 'i' }, { "trace", 0, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	opt.seed = time(NULL) * 1000 + now_ms() % 1000;
	while ((o = getopt_long(argc, argv, "c", names, NULL)) != -1) {
		if (!option(o))
			usage();
	}
	if (optind >= argc || !opt.threads || opt.threads > MAX_THREADS)
		usage();
	opt.dir = argv[optind];
	opt.name = optind + 1 < argc ? argv[optind + 1] : basename(strdup(opt.dir));
}

/* PATIENCE: how many times as slow as usual this machine is */
static long round_limit(void)
{
	const char *patience = getenv("PATIENCE");
	int times = patience ? atoi(patience) : 1;

	return ROUND_MS * (times > 1 ? times : 1);
}

int main(int argc, char **argv)
{
	unsigned long n = 0;
	long end;

	options(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 4;
	printf("seed=%llu\n", (unsigned long long)opt.seed);
	end = now_ms() + limit_ms;
	do
		one_round(n++, round_limit());
	while (limit_rounds ? n < limit_rounds : now_ms() < end);
	summary(n);
	return 0;
}
