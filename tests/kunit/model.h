/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the state machine should do, told a second time: for each arc the firmware operations
 * that it needs, and where the device is if one of them fails. Which arcs lead from state to
 * state is the uapi's, and vfio core's to say.
 */
#ifndef KUNIT_MODEL_H
#define KUNIT_MODEL_H

#include <linux/vfio.h>

#include "stats.h"

#define MODEL_MAX	16

/**
 * struct model - a device, and what it did last
 * @vdev: for vfio core
 * @state: where it is
 * @precopy: its session has begun in PRE_COPY
 * @file: the last walk has begun a session
 * @ret: result of the last walk
 * @op: firmware operations of the last walk
 * @nr: how many
 * @fault: which of them fails, -1: none
 * @err: with which errno
 */
struct model {
	struct vfio_device *vdev;
	enum vfio_device_mig_state state;
	bool precopy;
	bool file;
	int ret;
	enum mig_op op[MODEL_MAX];
	unsigned int nr;
	int fault;
	int err;
};

void model_walk(struct model *m, enum vfio_device_mig_state wanted, int fault, int err);

#endif /* KUNIT_MODEL_H */
