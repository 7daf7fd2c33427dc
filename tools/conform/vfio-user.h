/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A user of VFIO devices that migrate: libvfio-user.a, on which mdev-pci-conform and the programs of
 * the system tests stand. One device is @source, and one more may be @destination.
 */
#ifndef VFIO_USER_H
#define VFIO_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi.h"

/* ---- what the program brings ------------------------------------------------------ */

/* A sentence about what is wrong, and the end of the program, or of what it tries */
_Noreturn void bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct vdev;

/* All optional */
struct user_hooks {
	void (*ready)(struct vdev *v);		/* opened, reset or loaded */
	void (*closing)(struct vdev *v);
	void (*transition)(int from, int to, uint64_t us);
};

extern struct user_hooks user_hooks;

/* What is waited for may take so much longer; no state is larger */
extern unsigned int user_patience;
extern uint64_t user_max_state;

/* ---- time, errnos (user.c) -------------------------------------------------------- */

uint64_t now_us(void);
void sleep_ms(unsigned int ms);
const char *ename(int err);

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
 * @container: the group's, or IOMMUFD
 * @spapr: POWER's container
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
	bool spapr;
	struct vfio_device_info info;
	uint64_t flags;
	bool has_size, has_log, resets;
	int data_fd;
	struct region v1;
	uint64_t v1_data, v1_mapped;
};

extern struct vdev source, destination;

int vdev_find(struct vdev *v, const char *spec, bool group, bool cdev);
int vdev_at(struct vdev *v, const char *dir, const char *name, bool cdev);
/* The device and its DMA, nothing else; 0, or an errno and what has failed */
int vdev_open(struct vdev *v, const char **what);
/* And what it can do; where it must not fail: vdev_must_open() */
int vdev_try_open(struct vdev *v, const char **what);
void vdev_look(struct vdev *v);
void vdev_must_open(struct vdev *v);
void vdev_close(struct vdev *v);
struct region vdev_region(struct vdev *v, uint32_t index);
/* 0 or an errno */
int vdev_map(struct vdev *v, uint64_t iova, void *mem, uint64_t size);
/* Not by the character device */
int vdev_unmap(struct vdev *v, uint64_t iova, uint64_t size);
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
/* One iteration: 1: there was data, 0: there is no more, -errno */
int v1_step(struct vdev *v, struct bytes *b, bool mapped);
void v1_read_all(struct vdev *v, struct bytes *b, bool mapped);
/* 0 or the errno of the access that fails */
int v1_write_all(struct vdev *v, const struct bytes *b, bool mapped);
void v1_save(struct vdev *v, struct bytes *b, bool mapped);
void v1_load(struct vdev *v, const struct bytes *b, bool mapped);
const char *v1_name(uint32_t state);

#endif
