// SPDX-License-Identifier: GPL-2.0-only
/* Points: VFIO_DEVICE_RESET in each state. */
#include <errno.h>
#include <unistd.h>

#include "conform.h"

#define RULE	"To recover from ERROR VFIO_DEVICE_RESET must be used to return the device_state back to RUNNING. [...] To abort a RESUMING session the device must be reset."

static void must_reset(void)
{
	const char *err = reset_by_ioctl(&source);

	if (err)
		bad("VFIO_DEVICE_RESET: %s", err);
	v2_is(&source, ST_RUNNING);
}

static void reset(const struct point *p)
{
	char c[64] = { 0 };
	struct bytes b = { 0 };
	ssize_t n = 0;
	int fd;

	if (!v2_has(&source, p->a))
		skip("the device has no %s", state_names[p->a]);
	v2_reach(&source, p->a);
	fd = source.data_fd;
	source.data_fd = -1;
	must_reset();
	if (is_saving(p->a))
		n = read(fd, c, sizeof(c));
	else if (p->a == ST_RESUMING)
		n = write(fd, c, sizeof(c));
	if (n > 0)
		bad("the session's file still transfers data after the reset");
	if (fd >= 0)
		close(fd);
	plugin_ready(&source);
	v2_save(&source, &b);
	v2_load(&source, &b);
	v2_set(&source, ST_RUNNING);
}

static void half_loaded(const struct point *p)
{
	const struct bytes *b = good_stream(&source);
	struct bytes again = { 0 };

	(void)p;
	v2_set(&source, ST_RESUMING);
	if (v2_write_all(&source, b->at, b->n / 2, 0))
		bad("half a stream can't be written");
	must_reset();
	v2_close_data(&source);
	plugin_ready(&source);
	v2_save(&source, &again);
	v2_load(&source, &again);
}

static void many(const struct point *p)
{
	(void)p;
	for (int i = 0; i < 10; i++)
		must_reset();
	plugin_ready(&source);
}

#define STATE(state, needs) \
	{ "reset." #state, "a reset in " #state " ends in RUNNING, ends a session, and the device then saves and loads", \
	  RULE, NEED_V2 | NEED_RESET | (needs), 60, reset, ST_##state, 0 }

static const struct point table[] = {
	STATE(RUNNING, 0),
	STATE(STOP, 0),
	STATE(STOP_COPY, 0),
	STATE(RESUMING, 0),
	STATE(RUNNING_P2P, NEED_P2P),
	STATE(PRE_COPY, NEED_PRECOPY),
	STATE(PRE_COPY_P2P, NEED_PRECOPY | NEED_P2P),
	{ "reset.half-loaded", "a reset aborts a load, and the device then saves and loads", RULE,
	  NEED_V2 | NEED_RESET, 60, half_loaded, 0, 0 },
	{ "reset.many", "ten resets in a row", RULE, NEED_V2 | NEED_RESET, 60, many, 0, 0 },
};

POINTS(points_reset, table);
