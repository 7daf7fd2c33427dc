// SPDX-License-Identifier: GPL-2.0-only
/* Points: streams that are not what was saved. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"

#define RULE_INVALID	"If the user provided data is found to be incomplete, inconsistent, or otherwise invalid, the migration driver must fail the SET_STATE ioctl and optionally go to the ERROR state as described below."
#define RULE_RECOVER	"To recover from ERROR VFIO_DEVICE_RESET must be used to return the device_state back to RUNNING."

/* Whatever came of a stream: no other way out of ERROR than a reset, and then all works */
static void recover(struct vdev *v)
{
	const char *err;
	int state, fd;
	bool got;

	v2_close_data(v);
	if (v2_get(v, &state, &fd))
		bad("then the state can't be read");
	if (state == ST_ERROR && !v2_try(v, ST_RUNNING, &got))
		bad("RUNNING is reached from ERROR without a reset");
	err = reset_by_ioctl(v);
	if (err && source.resets)
		bad("then VFIO_DEVICE_RESET: %s", err);
	if (err) {
		vdev_close(v);
		vdev_must_open(v);
	}
	v2_is(v, ST_RUNNING);
	plugin_ready(v);
	v2_load(v, good_stream(&source));
	v2_set(v, ST_RUNNING);
}

static void load(const struct bytes *b, bool must_fail)
{
	struct vdev *v = target();
	const char *what = "";
	int err = v2_try_load(v, b, 0, &what);

	if (!err && must_fail)
		bad("it is accepted");
	if (err)
		note("%s: %s", what, ename(err));
	else
		note("it is accepted");
	recover(v);
}

static struct bytes copy_of(const struct bytes *b, size_t room)
{
	struct bytes c = { .at = calloc(1, b->n + room + 1), .n = b->n, .room = b->n + room };

	memcpy(c.at, b->at, b->n);
	return c;
}

/* @a: eighths of it that are left, then less @b bytes */
static void cut(const struct point *p)
{
	struct bytes c = copy_of(good_stream(&source), 0);

	c.n = c.n * p->a / 8 - p->b;
	load(&c, true);
}

static void none(const struct point *p)
{
	struct bytes c = { 0 };

	(void)p;
	good_stream(&source);
	load(&c, false);
}

/* @a: where, in 64ths */
static void flipped(const struct point *p)
{
	struct bytes c = copy_of(good_stream(&source), 0);
	size_t at = (c.n - 1) * p->a / 64;

	c.at[at] ^= 0x10;
	note("byte %zu of %zu", at, c.n);
	load(&c, false);
}

static void repeated(const struct point *p)
{
	const struct bytes *b = good_stream(&source);
	struct bytes c = copy_of(b, b->n);

	(void)p;
	memcpy(c.at + c.n, b->at, b->n);
	c.n *= 2;
	load(&c, false);
}

static void tail(const struct point *p)
{
	struct bytes c = copy_of(good_stream(&source), 4096);

	(void)p;
	c.n += 4096;
	load(&c, false);
}

static void filled(const struct point *p)
{
	struct bytes c = copy_of(good_stream(&source), 0);
	uint64_t x = 88172645463325252ULL;

	for (size_t i = 0; i < c.n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		c.at[i] = p->a ? x : 0;
	}
	load(&c, true);
}

/* Blocks change places */
static void shuffled(const struct point *p)
{
	struct bytes c = copy_of(good_stream(&source), 0);
	size_t half = c.n / 2;
	uint8_t *t = malloc(half + 1);

	(void)p;
	memcpy(t, c.at, half);
	memmove(c.at, c.at + c.n - half, half);
	memcpy(c.at + c.n - half, t, half);
	load(&c, false);
}

static void foreign(const struct point *p)
{
	struct bytes c = { 0 };
	uint8_t buf[65536];
	int fd = open(options.foreign, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	(void)p;
	if (fd < 0)
		bad("%s: %s", options.foreign, strerror(errno));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		bytes_add(&c, buf, n);
	close(fd);
	load(&c, true);
}

/* A stream that goes on: the driver has to say no at some time, not run out of memory */
static void endless(const struct point *p)
{
	static uint8_t buf[1 << 20];
	struct vdev *v = target();
	const struct bytes *b = good_stream(&source);
	uint64_t total = 0, limit = b->n * 4 + (64 << 20);
	int err;

	(void)p;
	v2_set(v, ST_RESUMING);
	err = v2_write_all(v, b->at, b->n - 1, 0);
	for (; !err && total < limit; total += sizeof(buf))
		err = v2_write_all(v, buf, sizeof(buf), 0);
	note("%s after %llu bytes too many", err ? ename(err) : "no refusal",
	     (unsigned long long)total);
	recover(v);
}

#define CUT(name, title, a, b) \
	{ "streams.cut-" name, title, RULE_INVALID, NEED_V2, 60, cut, a, b }
#define FLIP(name, title, a) \
	{ "streams.flipped-" name, title, RULE_RECOVER, NEED_V2, 60, flipped, a, 0 }

static const struct point table[] = {
	{ "streams.none", "a load without data is refused or not, and the device can be recovered", RULE_RECOVER,
	  NEED_V2, 60, none, 0, 0 },
	CUT("eighth", "an eighth of a stream is refused, and the device can be recovered", 1, 0),
	CUT("half", "half a stream is refused", 4, 0),
	CUT("end", "a stream without its last byte is refused", 8, 1),
	FLIP("begin", "a reset recovers the device from a stream with a bit flipped at its start", 0),
	FLIP("head", "a reset recovers the device from a stream with a bit flipped in its first part", 1),
	FLIP("middle", "a reset recovers the device from a stream with a bit flipped in the middle", 32),
	FLIP("end", "a reset recovers the device from a stream with a bit flipped at its end", 64),
	{ "streams.repeated", "a reset recovers the device from a stream that is written twice", RULE_RECOVER,
	  NEED_V2, 60, repeated, 0, 0 },
	{ "streams.tail", "a reset recovers the device from a stream with data behind its end", RULE_RECOVER,
	  NEED_V2, 60, tail, 0, 0 },
	{ "streams.shuffled", "a reset recovers the device from a stream whose halves are swapped", RULE_RECOVER,
	  NEED_V2, 60, shuffled, 0, 0 },
	{ "streams.zeros", "a stream of zeros is refused", RULE_INVALID, NEED_V2, 60, filled, 0, 0 },
	{ "streams.random", "a stream of random bytes is refused", RULE_INVALID,
	  NEED_V2, 60, filled, 1, 0 },
	{ "streams.foreign", "a stream of another device is refused",
	  "The data stream fed into the data_fd should be taken from the data transfer output of a single FD during saving from a compatible device.",
	  NEED_V2 | NEED_FOREIGN, 60, foreign, 0, 0 },
	{ "streams.endless", "a reset recovers the device from an endless stream", RULE_RECOVER,
	  NEED_V2, 120, endless, 0, 0 },
};

POINTS(points_streams, table);
