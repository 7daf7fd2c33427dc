/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_MODULES_VERSION_H
#define _LINUX_MODULES_VERSION_H

/* Version of all modules of this repository: modinfo, /sys/module/NAME/version. As in debian/changelog */
#define MODULES_VERSION	"0.1"

#endif
