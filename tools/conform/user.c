// SPDX-License-Identifier: GPL-2.0-only
/* What the rest of the library needs. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "vfio-user.h"

struct user_hooks user_hooks;
unsigned int user_patience = 1;
uint64_t user_max_state = UINT64_MAX;

uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

const char *ename(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "no errno";
}
