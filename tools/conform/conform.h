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
#include "uapi.h"

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

/* End the point; what a child has open is closed by its end */
_Noreturn void bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line for the report that judges nothing */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- options -------------------------------------------------------------------- */

struct options {
	const char *device, *destination, *plugin, *plugin_arg;
	const char *only[16], *except[16];
	const char *json, *foreign, *save;
	int n_only, n_except;
	unsigned int patience, rounds;
	uint64_t max_state;
	bool group, cdev, list, quiet;
};

extern struct options options;

/* ---- a device (device.c) -------------------------------------------------------- */

struct region {
	uint64_t at, size;
	uint32_t flags;
};

/**
 * struct vdev - a VFIO device
 * @spec: as the user named it
 * @dir: its directory in sysfs; empty: only the character device is known
 * @cdev: path of its character device; empty: by its group
 * @name: in its group
 * @fd: -1: not open
 * @info: VFIO_DEVICE_GET_INFO
 * @flags: VFIO_MIGRATION_*, 0: no v2
 * @resets: it has VFIO_DEVICE_RESET
 * @data_fd: of the last transition that returned one
 * @v1: the migration region, size 0: none
 * @v1_data, @v1_mapped: the part of it that can be mapped
 */
struct vdev {
	const char *spec;
	char dir[512], cdev[64], name[64];
	int fd, group, container;
	uint32_t ioas;
	struct vfio_device_info info;
	uint64_t flags;
	bool has_size, has_log, resets;
	int data_fd;
	struct region v1;
	uint64_t v1_data, v1_mapped;
};

extern struct vdev source, destination;

int vdev_find(struct vdev *v, const char *spec, bool group, bool cdev);
/* 0, or an errno and what has failed; where it must not fail: vdev_must_open() */
int vdev_try_open(struct vdev *v, const char **what);
void vdev_must_open(struct vdev *v);
void vdev_close(struct vdev *v);
struct region vdev_region(struct vdev *v, uint32_t index);
int vdev_map(struct vdev *v, uint64_t iova, void *mem, uint64_t size);
/* The device that streams are loaded into: --destination, or the same; it is open */
struct vdev *target(void);
const char *reset_by_ioctl(struct vdev *v);

/* ---- the v2 interface (v2.c) ------------------------------------------------------ */

#define MAX_STATES	8

extern const char * const state_names[MAX_STATES];

int v2_feature(struct vdev *v, uint32_t flags, void *data, size_t size);
bool v2_has(struct vdev *v, int state);
bool v2_can(struct vdev *v, int from, int to);
int v2_get(struct vdev *v, int *state, int *fd);
/* An errno or 0. A data_fd that is returned replaces the one in @v and sets *got */
int v2_try(struct vdev *v, int state, bool *got);
void v2_set(struct vdev *v, int state);
void v2_is(struct vdev *v, int state);
void v2_close_data(struct vdev *v);
/* RUNNING from whatever it is in; false: it can't */
bool v2_calm(struct vdev *v);
bool has_file(int state);
bool is_saving(int state);

/* A stream of bytes in memory */
struct bytes {
	uint8_t *at;
	size_t n, room;
};

void bytes_add(struct bytes *b, const void *at, size_t n);
/* All of a data_fd up to its end, @chunk bytes a read (0: a large one) */
void v2_read_all(struct vdev *v, struct bytes *b, size_t chunk);
/* Some of it; -errno, 0 at the end */
long v2_read_some(struct vdev *v, struct bytes *b, size_t n);
/* 0 or the errno of the write that fails */
int v2_write_all(struct vdev *v, const uint8_t *at, size_t n, size_t chunk);
/* From RUNNING to STOP, with a stream of it */
void v2_save(struct vdev *v, struct bytes *b);
/* Into a device that is RUNNING or STOP; it ends in STOP. 0 or an errno, *what has failed */
int v2_try_load(struct vdev *v, const struct bytes *b, size_t chunk, const char **what);
void v2_load(struct vdev *v, const struct bytes *b);
/* A stream of this device, saved once */
const struct bytes *good_stream(struct vdev *v);
/* To @state from RUNNING; RESUMING with a whole stream in it */
void v2_reach(struct vdev *v, int state);

/* ---- the v1 interface (v1.c) -------------------------------------------------------- */

void v1_find(struct vdev *v);
int v1_get(struct vdev *v, size_t off, void *value, size_t width);
int v1_put(struct vdev *v, size_t off, uint64_t value, size_t width);
int v1_state(struct vdev *v, uint32_t state);
void v1_must(struct vdev *v, uint32_t state);
void v1_is(struct vdev *v, uint32_t state);
bool v1_calm(struct vdev *v);
bool v1_step(struct vdev *v, struct bytes *b, bool mapped);
void v1_read_all(struct vdev *v, struct bytes *b, bool mapped);
int v1_write_all(struct vdev *v, const struct bytes *b, bool mapped);
void v1_save(struct vdev *v, struct bytes *b, bool mapped);
void v1_load(struct vdev *v, const struct bytes *b, bool mapped);
const char *v1_name(uint32_t state);

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

/* Latency of a transition, and of what all are compared with: a GET of the state */
void latency(int from, int to, uint64_t us);
void latency_unit(uint64_t us);
uint64_t now_us(void);
void sleep_ms(unsigned int ms);
const char *ename(int err);

#endif
