/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_MODULES_VERSION_H
#define _LINUX_MODULES_VERSION_H

/*
 * Version of all modules here, in modinfo and /sys/module/NAME/version: that of
 * debian/changelog
 */
#define MODULES_VERSION	"0.1"

#endif
