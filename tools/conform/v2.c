// SPDX-License-Identifier: GPL-2.0-only
/* The migration features (v2): transitions and their migration files. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio-user.h"

const char * const state_names[MAX_STATES] = {
	"ERROR", "STOP", "RUNNING", "STOP_COPY", "RESUMING", "RUNNING_P2P", "PRE_COPY",
	"PRE_COPY_P2P",
};

#define LARGE	(1 << 20)

static const char *name_of(int state)
{
	return state >= 0 && state < MAX_STATES ? state_names[state] : "no state of the uapi";
}

/* A GET of the state: from and to are -1 */
static void timed(int from, int to, uint64_t us)
{
	if (user_hooks.transition)
		user_hooks.transition(from, to, us);
}

/* 0 or an errno */
int v2_feature(struct vdev *v, uint32_t flags, void *data, size_t size)
{
	uint64_t buf[16] = { 0 };
	struct vfio_device_feature *f = (void *)buf;
	int err;

	f->argsz = sizeof(*f) + size;
	f->flags = flags;
	if (size)
		memcpy(f->data, data, size);
	err = ioctl(v->fd, VFIO_DEVICE_FEATURE, f) < 0 ? errno : 0;
	if (size)
		memcpy(data, f->data, size);
	return err;
}

bool is_saving(int state)
{
	return state == ST_STOP_COPY || state == ST_PRE_COPY || state == ST_PRE_COPY_P2P;
}

bool has_file(int state)
{
	return is_saving(state) || state == ST_RESUMING;
}

/* Does the device have that state, by its flags? */
bool v2_has(struct vdev *v, int state)
{
	switch (state) {
	case ST_RUNNING_P2P:
		return v->flags & MIG_P2P;
	case ST_PRE_COPY:
		return v->flags & MIG_PRE_COPY;
	case ST_PRE_COPY_P2P:
		return (v->flags & MIG_P2P) && (v->flags & MIG_PRE_COPY);
	default:
		return true;
	}
}

/* Is there a way through the FSM? */
bool v2_can(struct vdev *v, int from, int to)
{
	if (!v2_has(v, to))
		return false;
	return from != ST_STOP_COPY || (to != ST_PRE_COPY && to != ST_PRE_COPY_P2P);
}

int v2_get(struct vdev *v, int *state, int *fd)
{
	struct mig_state s = { .data_fd = -77 };
	uint64_t t = now_us();
	int err = v2_feature(v, FEATURE_STATE | VFIO_DEVICE_FEATURE_GET, &s, sizeof(s));

	timed(-1, -1, now_us() - t);
	*state = s.state;
	*fd = s.data_fd;
	return err;
}

void v2_close_data(struct vdev *v)
{
	if (v->data_fd >= 0)
		close(v->data_fd);
	v->data_fd = -1;
}

static int try_set(struct vdev *v, int state, bool *got)
{
	struct mig_state s = { .state = state, .data_fd = -1 };
	int err = v2_feature(v, FEATURE_STATE | VFIO_DEVICE_FEATURE_SET, &s, sizeof(s));

	*got = !err && s.data_fd >= 0;
	if (*got) {
		v2_close_data(v);
		v->data_fd = s.data_fd;
	}
	return err;
}

int v2_try(struct vdev *v, int state, bool *got)
{
	int from = -1, fd, err;
	uint64_t t;

	v2_get(v, &from, &fd);
	t = now_us();
	err = try_set(v, state, got);
	if (!err)
		timed(from, state, now_us() - t);
	return err;
}

void v2_is(struct vdev *v, int state)
{
	int now, fd, err = v2_get(v, &now, &fd);

	if (err)
		bad("the state can't be read: %s", ename(err));
	if (now != state)
		bad("the state is %s (%d), not %s", name_of(now), now, name_of(state));
}

void v2_set(struct vdev *v, int state)
{
	bool got;
	int err = v2_try(v, state, &got);

	if (err)
		bad("SET_STATE to %s: %s", name_of(state), ename(err));
	v2_is(v, state);
}

bool v2_calm(struct vdev *v)
{
	int state, fd;
	bool got;

	v2_close_data(v);
	if (v2_get(v, &state, &fd))
		return false;
	if (state == ST_RUNNING)
		return true;
	/* Not by SET_STATE if possible: the previous user may have left any state */
	if (reset_by_ioctl(v))
		v2_try(v, ST_RUNNING, &got);
	return !v2_get(v, &state, &fd) && state == ST_RUNNING;
}

/* ---- streams -------------------------------------------------------------------- */

void bytes_add(struct bytes *b, const void *at, size_t n)
{
	if (b->n + n > user_max_state)
		bad("more than %llu bytes; is there no end? (--max-state)",
		    (unsigned long long)user_max_state);
	if (b->n + n > b->room) {
		b->room = (b->n + n) * 2;
		b->at = realloc(b->at, b->room);
		if (!b->at)
			bad("out of memory with %zu bytes of state", b->n);
	}
	memcpy(b->at + b->n, at, n);
	b->n += n;
}

static long wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 5000 * user_patience) == 1 ? 0 : -ETIMEDOUT;
}

long v2_read_some(struct vdev *v, struct bytes *b, size_t n)
{
	static uint8_t buf[LARGE];
	ssize_t got;

	for (;;) {
		got = read(v->data_fd, buf, n < sizeof(buf) ? n : sizeof(buf));
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
		if (wait_readable(v->data_fd))
			bad("read() says EAGAIN, and poll() not when there is more");
	}
	if (got < 0)
		return -errno;
	if ((size_t)got > n)
		bad("read() of %zu bytes returns %zd", n, got);
	if (got)
		bytes_add(b, buf, got);
	return got;
}

/* Chunks of odd sizes first; then large ones, that it has an end */
static size_t piece(size_t chunk, size_t done)
{
	if (!chunk)
		return LARGE;
	return done < 4096 ? 1 + done % chunk : 4093;
}

void v2_read_all(struct vdev *v, struct bytes *b, size_t chunk)
{
	long n;

	do {
		n = v2_read_some(v, b, piece(chunk, b->n));
	} while (n > 0);
	if (n)
		bad("read(): %s after %zu bytes", ename(-n), b->n);
}

int v2_write_all(struct vdev *v, const uint8_t *at, size_t n, size_t chunk)
{
	struct pollfd p = { .fd = v->data_fd, .events = POLLOUT };
	size_t done = 0;

	while (done < n) {
		size_t part = piece(chunk, done);
		ssize_t m = write(v->data_fd, at + done, part < n - done ? part : n - done);

		if (m < 0 && errno == EAGAIN && poll(&p, 1, 5000 * user_patience) == 1)
			continue;
		if (m < 0 && errno != EINTR)
			return errno;
		if (!m)
			bad("write() returns 0 after %zu of %zu bytes", done, n);
		if (m > 0)
			done += m;
	}
	return 0;
}

void v2_save(struct vdev *v, struct bytes *b)
{
	v2_set(v, ST_STOP_COPY);
	if (v->data_fd < 0)
		bad("no data_fd from SET_STATE to STOP_COPY");
	b->n = 0;
	v2_read_all(v, b, 0);
	v2_set(v, ST_STOP);
	v2_close_data(v);
}

int v2_try_load(struct vdev *v, const struct bytes *b, size_t chunk, const char **what)
{
	bool got;
	int err;

	*what = "SET_STATE to RESUMING";
	err = v2_try(v, ST_RESUMING, &got);
	if (err)
		return err;
	if (v->data_fd < 0)
		bad("no data_fd from SET_STATE to RESUMING");
	*what = "write()";
	err = v2_write_all(v, b->at, b->n, chunk);
	if (err)
		return err;
	*what = "SET_STATE from RESUMING to STOP";
	err = v2_try(v, ST_STOP, &got);
	if (!err)
		v2_is(v, ST_STOP);
	v2_close_data(v);
	return err;
}

void v2_load(struct vdev *v, const struct bytes *b)
{
	const char *what;
	int err = v2_try_load(v, b, 0, &what);

	if (err)
		bad("a stream of %zu bytes, unchanged: %s: %s", b->n, what, ename(err));
}

const struct bytes *good_stream(struct vdev *v)
{
	static struct bytes stream;

	if (!stream.n) {
		v2_save(v, &stream);
		v2_set(v, ST_RUNNING);
		if (!stream.n)
			bad("the saved stream is empty");
	}
	return &stream;
}

void v2_reach(struct vdev *v, int state)
{
	const struct bytes *b = state == ST_RESUMING ? good_stream(v) : NULL;
	int err;

	v2_set(v, state);
	if (has_file(state) && v->data_fd < 0)
		bad("no data_fd from SET_STATE to %s", name_of(state));
	err = b ? v2_write_all(v, b->at, b->n, 0) : 0;
	if (err)
		bad("write() of a good stream: %s", ename(err));
}
