// SPDX-License-Identifier: GPL-2.0-only
/* Points: the device is closed in each state; the next user finds it as new. */
#include <errno.h>
#include <unistd.h>

#include "conform.h"

#define RULE	"RUNNING - The device is running normally. [...] If this GET succeeds, the RUNNING and ERROR states are always supported."

static void reopen(void)
{
	vdev_close(&source);
	vdev_must_open(&source);
	v2_is(&source, ST_RUNNING);
}

static void closed(const struct point *p)
{
	struct bytes b = { 0 };

	if (!v2_has(&source, p->a))
		skip("the device has no %s", state_names[p->a]);
	v2_reach(&source, p->a);
	reopen();
	v2_save(&source, &b);
	v2_load(&source, &b);
	v2_set(&source, ST_RUNNING);
}

/* The file lives longer than the device's: it must be harmless, and the device usable */
static void file_left(const struct point *p)
{
	char c[64] = { 0 };
	struct bytes b = { 0 };
	ssize_t n;
	int fd;

	v2_reach(&source, p->a);
	fd = source.data_fd;
	source.data_fd = -1;
	vdev_close(&source);
	n = p->a == ST_RESUMING ? write(fd, c, sizeof(c)) : read(fd, c, sizeof(c));
	if (n > 0)
		note("the file of a closed device still transfers %zd bytes", n);
	vdev_must_open(&source);
	v2_is(&source, ST_RUNNING);
	n = p->a == ST_RESUMING ? write(fd, c, sizeof(c)) : read(fd, c, sizeof(c));
	if (n > 0)
		bad("the file of the user before transfers %zd bytes", n);
	v2_save(&source, &b);
	v2_load(&source, &b);
	close(fd);
	v2_set(&source, ST_RUNNING);
}

#define STATE(state, needs) \
	{ "close." #state, "closed in " #state " the next user finds it RUNNING, and saves and loads", \
	  RULE, NEED_V2 | (needs), 60, closed, ST_##state, 0 }

static const struct point table[] = {
	STATE(RUNNING, 0),
	STATE(STOP, 0),
	STATE(STOP_COPY, 0),
	STATE(RESUMING, 0),
	STATE(RUNNING_P2P, NEED_P2P),
	STATE(PRE_COPY, NEED_PRECOPY),
	STATE(PRE_COPY_P2P, NEED_PRECOPY | NEED_P2P),
	{ "close.file-left-saving", "the file of a save that outlives close does not return the next user's state",
	  "The user is responsible to close this FD when it is finished.",
	  NEED_V2, 60, file_left, ST_STOP_COPY, 0 },
	{ "close.file-left-loading", "the file of a load that outlives close accepts no data",
	  "The user is responsible to close this FD when it is finished.",
	  NEED_V2, 60, file_left, ST_RESUMING, 0 },
};

POINTS(points_close, table);
