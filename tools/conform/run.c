// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run: points in child processes, one child for as many as pass in a row. The parent touches no
 * device, so that nothing of a device's driver can hang it.
 */
#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conform.h"

static const struct points * const groups[] = {
	&points_features, &points_states, &points_files, &points_precopy, &points_stop,
	&points_reset, &points_close, &points_log, &points_streams, &points_roundtrips,
	&points_region,
};

static const struct point *chosen[512];
static size_t n_chosen;

/* What a child says to its parent */
static struct shared {
	size_t current;		/* the point that runs */
	uint64_t began;
	struct vdev seen;	/* what the first child has found */
	struct result opened;
	struct result results[512];
} *shared;

static struct result *result;	/* of the child's point */

static _Noreturn void end_point(enum verdict verdict, const char *fmt, va_list ap)
{
	vsnprintf(result->why, sizeof(result->why), fmt, ap);
	result->us = now_us() - shared->began;
	__atomic_store_n(&result->verdict, verdict, __ATOMIC_RELEASE);
	_exit(0);
}

void bad(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end_point(FAILED, fmt, ap);
}

void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end_point(SKIPPED, fmt, ap);
}

void note(const char *fmt, ...)
{
	size_t n = strlen(result->notes);
	va_list ap;

	if (n && n + 1 < sizeof(result->notes)) {
		result->notes[n++] = '\n';
		result->notes[n] = 0;
	}
	va_start(ap, fmt);
	vsnprintf(result->notes + n, sizeof(result->notes) - n, fmt, ap);
	va_end(ap);
}

/* ---- which points ------------------------------------------------------------------ */

bool wanted(const char *name)
{
	bool yes = !options.n_only;

	for (int i = 0; i < options.n_only; i++)
		yes = yes || !fnmatch(options.only[i], name, 0);
	for (int i = 0; i < options.n_except; i++)
		yes = yes && fnmatch(options.except[i], name, 0);
	return yes;
}

static void choose(void)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		for (size_t i = 0; i < groups[g]->n; i++) {
			if (wanted(groups[g]->point[i].name))
				chosen[n_chosen++] = &groups[g]->point[i];
		}
	}
}

static const struct {
	unsigned int need;
	const char *words;
} reasons[] = {
	{ NEED_V2, "the device has no migration by v2 (VFIO_DEVICE_FEATURE_MIGRATION)" },
	{ NEED_V1, "the device has no migration region (v1)" },
	{ NEED_PRECOPY, "the device has no PRE_COPY" },
	{ NEED_P2P, "the device has no P2P states" },
	{ NEED_RESET, "the device has no VFIO_DEVICE_RESET" },
	{ NEED_SIZE, "there is no VFIO_DEVICE_FEATURE_MIG_DATA_SIZE" },
	{ NEED_LOG, "there is no DMA logging" },
	{ NEED_WORK, "no plug-in that changes the device's state (--plugin)" },
	{ NEED_PROGRESS, "no plug-in with a workload that goes on by itself (--plugin)" },
	{ NEED_TARGET, "no plug-in that tells where its workload writes (--plugin)" },
	{ NEED_DMA, "no plug-in that has the device write to memory (--plugin)" },
	{ NEED_FOREIGN, "no stream of another device (--foreign)" },
	{ NEED_SAVE, "no --save" },
};

static unsigned int have(const struct vdev *v)
{
	return (v->flags ? NEED_V2 : 0) | (v->v1.size ? NEED_V1 : 0) |
	       (v->flags & MIG_PRE_COPY ? NEED_PRECOPY : 0) | (v->flags & MIG_P2P ? NEED_P2P : 0) |
	       (v->resets ? NEED_RESET : 0) |
	       (v->has_size ? NEED_SIZE : 0) | (v->has_log ? NEED_LOG : 0) | plugin_can() |
	       (options.foreign ? NEED_FOREIGN : 0) | (options.save ? NEED_SAVE : 0);
}

static const char *missing(const struct point *p, unsigned int having)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (p->needs & ~having & reasons[i].need)
			return reasons[i].words;
	}
	return NULL;
}

/* ---- a child ------------------------------------------------------------------------- */

static void begin_point(size_t i)
{
	result = &shared->results[i];
	shared->began = now_us();
	__atomic_store_n(&shared->current, i, __ATOMIC_RELEASE);
}

/* As the next point wants to find the device; if that does not work the next child opens it anew */
static bool calm(struct vdev *v)
{
	if (v->fd < 0)
		return true;
	if ((v->flags && !v2_calm(v)) || !v1_calm(v))
		return false;
	plugin_ready(v);
	return true;
}

static size_t next_of(size_t i)
{
	while (i < n_chosen && shared->results[i].verdict != NOT_RUN)
		i++;
	return i;
}

static _Noreturn void child(size_t i)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	begin_point(i);
	vdev_must_open(&source);
	/* Of the point before, if it failed; how a device is found is a matter of states.initial and close.* */
	if (strcmp(chosen[i]->name, "states.initial") && !calm(&source))
		bad("the device can't be brought to RUNNING after it was opened");
	for (;;) {
		chosen[i]->run(chosen[i]);
		result->us = now_us() - shared->began;
		__atomic_store_n(&result->verdict, PASSED, __ATOMIC_RELEASE);
		i = next_of(i + 1);
		if (i == n_chosen)
			_exit(0);
		/* Part of the next one, whose time is watched */
		begin_point(i);
		if (source.fd < 0 || !calm(&source) || !calm(&destination))
			_exit(0);
	}
}

/* What does the device have? */
static _Noreturn void look_child(void)
{
	const char *what = "";
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	result = &shared->opened;
	shared->began = now_us();
	err = vdev_try_open(&source, &what);
	if (err)
		bad("%s: %s (%s)", what, ename(err), strerror(err));
	/* Some drivers have it and do not say so */
	source.resets = (source.info.flags & VFIO_DEVICE_FLAGS_RESET) || !reset_by_ioctl(&source);
	shared->seen = source;
	shared->opened.verdict = PASSED;
	_exit(0);
}

/* ---- the parent ------------------------------------------------------------------------ */

/* Time that the point has left, at most what poll() is asked to wait */
static int left_ms(unsigned int seconds)
{
	uint64_t end = shared->began + seconds * 1000000ULL * user_patience;
	uint64_t now = now_us();

	return now >= end ? 0 : (int)((end - now) / 1000 + 1);
}

static bool ended(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

enum outcome { ENDED, CRASHED, TIMED_OUT, STUCK };

static unsigned int limit_of(size_t i)
{
	return i < n_chosen ? chosen[i]->seconds : 30;
}

static size_t reported;

/* As far as points are done, in their order */
static void report_done(void)
{
	while (reported < n_chosen &&
	       __atomic_load_n(&shared->results[reported].verdict, __ATOMIC_ACQUIRE) != NOT_RUN) {
		report_point(chosen[reported], &shared->results[reported]);
		reported++;
	}
}

static enum outcome watch(pid_t pid, int *status, bool points)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	enum outcome outcome = ENDED;
	size_t i;

	for (;;) {
		i = points ? __atomic_load_n(&shared->current, __ATOMIC_ACQUIRE) : n_chosen;
		if (ended(fd, left_ms(limit_of(i)) < 100 ? 10 : 100))
			break;
		if (points)
			report_done();
		if (left_ms(limit_of(i)))
			continue;
		kill(pid, SIGKILL);
		outcome = ended(fd, 15000 * user_patience) ? TIMED_OUT : STUCK;
		break;
	}
	close(fd);
	if (outcome == STUCK)
		return STUCK;
	waitpid(pid, status, 0);
	if (outcome == ENDED && !(WIFEXITED(*status) && !WEXITSTATUS(*status)))
		return CRASHED;
	return outcome;
}

static void fail_current(enum outcome outcome, int status)
{
	struct result *r = &shared->results[shared->current];

	if (r->verdict != NOT_RUN)
		return;
	r->us = now_us() - shared->began;
	r->verdict = FAILED;
	if (outcome == CRASHED)
		snprintf(r->why, sizeof(r->why), "the process that used the device ended with signal %d",
			 WTERMSIG(status));
	else
		snprintf(r->why, sizeof(r->why), "not done after %u s%s",
			 limit_of(shared->current) * user_patience,
			 outcome == STUCK ? ", and the process can't be killed: it hangs in the kernel" : "");
}

static pid_t start(size_t i, bool points)
{
	pid_t pid;

	fflush(NULL);
	shared->began = now_us();
	shared->current = i;
	pid = fork();
	if (pid < 0) {
		perror("mdev-pci-conform: fork");
		exit(3);
	}
	if (!pid && points)
		child(i);
	if (!pid)
		look_child();
	return pid;
}

static bool look_first(void)
{
	int status;

	switch (watch(start(0, false), &status, false)) {
	case ENDED:
		if (shared->opened.verdict == PASSED) {
			source = shared->seen;
			source.fd = source.group = source.container = source.data_fd = -1;
			return true;
		}
		fprintf(stderr, "mdev-pci-conform: %s can't be opened: %s\n", options.device,
			shared->opened.why);
		return false;
	case CRASHED:
		fprintf(stderr, "mdev-pci-conform: crashed while %s was opened\n", options.device);
		return false;
	default:
		fprintf(stderr, "mdev-pci-conform: %s: open hangs\n", options.device);
		return false;
	}
}

static void list(void)
{
	for (size_t i = 0; i < n_chosen; i++)
		printf("%s: %s\n    uapi: %s\n", chosen[i]->name, chosen[i]->title, chosen[i]->rule);
}

int run_all(void)
{
	size_t i, idle = 0;
	enum outcome outcome;
	unsigned int having;
	const char *why;
	int status = 0;

	choose();
	if (options.list) {
		list();
		return 0;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED || !look_first())
		return 3;
	report_begin(n_chosen);
	having = have(&source);
	for (i = 0; i < n_chosen; i++) {
		why = missing(chosen[i], having);
		if (!why)
			continue;
		shared->results[i].verdict = SKIPPED;
		snprintf(shared->results[i].why, sizeof(shared->results[i].why), "%s", why);
	}
	for (report_done(); reported < n_chosen; report_done()) {
		i = next_of(reported);
		outcome = watch(start(i, true), &status, true);
		if (outcome != ENDED)
			fail_current(outcome, status);
		/* One child after the other that does nothing must not go on for ever */
		idle = shared->results[i].verdict == NOT_RUN ? idle + 1 : 0;
		if (idle > 3)
			fail_current(CRASHED, 0);
		if (outcome == STUCK) {
			report_done();
			report_bail("a process hangs in the kernel with the device open");
			report_end();
			return 3;
		}
	}
	return report_end();
}
