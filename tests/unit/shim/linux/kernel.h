/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_KERNEL_H
#define SHIM_LINUX_KERNEL_H

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define min_t(type, a, b) ({	\
	type _a = (a);		\
	type _b = (b);		\
	_a < _b ? _a : _b;	\
})

#define max_t(type, a, b) ({	\
	type _a = (a);		\
	type _b = (b);		\
	_a > _b ? _a : _b;	\
})

#endif
