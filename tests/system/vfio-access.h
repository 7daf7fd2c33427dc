/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one device of a program here or in tests/bench, for those that say no more of it than a directory
 * in sysfs: @source of libvfio-user.a (tools/conform/vfio-user.h).
 */
#include <linux/vfio.h>
#include "vfio-user.h"

/* @name: of the device in its group, NULL: the directory's. 0 or the errno of the step that failed, named in *what */
static int access_open(const char *dir, const char *name, bool cdev, const char **what)
{
	*what = "vfio-dev";
	return vdev_at(&source, dir, name, cdev) ?: vdev_open(&source, what);
}
