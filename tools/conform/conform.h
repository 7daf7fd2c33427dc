/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdev-pci-conform: does a VFIO device that migrates do what the uapi says?
 *
 * A point is a function that uses the device and calls bad() if a sentence of the uapi does not
 * hold. Points run in a child process; the parent (run.c) limits the time of each, so that
 * none can hang it. Points of one child share an open device, which is RUNNING when a point begins.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conform-plugin.h"
#include "vfio-user.h"

/* ---- what is judged ------------------------------------------------------------- */

/* What a point needs of device and command line; run.c says in words what is missing */
enum {
	NEED_V2		= 1 << 0,	/* VFIO_DEVICE_FEATURE_MIGRATION */
	NEED_V1		= 1 << 1,	/* the migration region */
	NEED_PRECOPY	= 1 << 2,
	NEED_P2P	= 1 << 3,
	NEED_RESET	= 1 << 4,
	NEED_SIZE	= 1 << 5,	/* VFIO_DEVICE_FEATURE_MIG_DATA_SIZE */
	NEED_LOG	= 1 << 6,	/* VFIO_DEVICE_FEATURE_DMA_LOGGING_* */
	NEED_WORK	= 1 << 7,	/* of the plug-in: work and digest */
	NEED_PROGRESS	= 1 << 8,	/* of the plug-in: a device that goes on by itself */
	NEED_DMA	= 1 << 9,	/* of the plug-in: writes to memory */
	NEED_FOREIGN	= 1 << 10,	/* --foreign */
	NEED_SAVE	= 1 << 11,	/* --save */
	NEED_TARGET	= 1 << 12,	/* of the plug-in: memory that its workload writes */
};

/**
 * struct point - one thing that is judged
 * @name: GROUP.NAME, as --only and reports have it
 * @title: what is true if it passes
 * @rule: the sentence of include/uapi/linux/vfio.h that it stands on
 * @needs: NEED_*
 * @seconds: it may take, times --patience
 * @run: returns if it passes
 * @a, @b: for @run
 */
struct point {
	const char *name;
	const char *title;
	const char *rule;
	unsigned int needs;
	unsigned int seconds;
	void (*run)(const struct point *p);
	int a, b;
};

struct points {
	const struct point *point;
	size_t n;
};

extern const struct points points_features, points_states, points_files, points_precopy,
	points_stop, points_reset, points_close, points_log, points_streams, points_roundtrips,
	points_region;

#define POINTS(group, table) \
	const struct points group = { table, sizeof(table) / sizeof(*(table)) }

enum verdict { NOT_RUN, PASSED, FAILED, SKIPPED };

/* In memory that parent and children share */
struct result {
	enum verdict verdict;
	char why[512];
	char notes[1024];
	uint64_t us;
};

_Noreturn void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line for the report that judges nothing */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- options -------------------------------------------------------------------- */

struct options {
	const char *device, *destination, *plugin, *plugin_arg;
	const char *only[16], *except[16];
	const char *json, *foreign, *save;
	int n_only, n_except;
	unsigned int rounds;
	bool group, cdev, list, quiet;
};

extern struct options options;

/* ---- plug-in (plugin.c) --------------------------------------------------------------- */

bool plugin_load(const char *name);
unsigned int plugin_can(void);		/* NEED_WORK, NEED_PROGRESS... */
void plugin_ready(struct vdev *v);	/* after an open, a reset or a load */
void plugin_forget(struct vdev *v);	/* it is about to be closed */
void plugin_work(struct vdev *v, uint64_t seed);
uint64_t plugin_digest(struct vdev *v);
void plugin_begin(struct vdev *v);
uint64_t plugin_progress(struct vdev *v);
void *plugin_target(struct vdev *v, size_t *size);
void plugin_write(struct vdev *v, uint64_t iova, uint64_t size);

/* ---- the run (run.c) and its report (report.c) -------------------------------------------- */

int run_all(void);
bool wanted(const char *name);
void report_begin(size_t n);
void report_point(const struct point *p, const struct result *r);
void report_bail(const char *why);
int report_end(void);

/* Latency of a transition, and from -1 to -1 of what all are compared with: a GET of the state */
void latency(int from, int to, uint64_t us);

#endif
