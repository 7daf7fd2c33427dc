// SPDX-License-Identifier: GPL-2.0-only
/* Points: PRE_COPY, its file and VFIO_MIG_GET_PRECOPY_INFO. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "conform.h"

#define RULE_VALID	"This ioctl is valid only in PRE_COPY states and kernel driver should return -EINVAL from any other migration state."
#define RULE_GROUP	"Moving between these states alters what is streamed in session, but does not terminate or otherwise affect the associated fd."
#define RULE_ENOMSG	"When read() is done on this temporary end of stream the kernel driver should return ENOMSG from read()."
#define RULE_INITIAL	"The initial_bytes field indicates the amount of initial precopy data available from the device. This field should have a non-zero initial value and decrease as migration data is read from the device."

static int get(struct vdev *v, struct precopy_info *info)
{
	*info = (struct precopy_info) { .argsz = sizeof(*info) };
	return ioctl(v->data_fd, GET_PRECOPY_INFO, info) ? errno : 0;
}

static void must_get(struct precopy_info *info)
{
	int err = get(&source, info);

	if (err)
		bad("VFIO_MIG_GET_PRECOPY_INFO in PRE_COPY: %s", ename(err));
}

static void info(const struct point *p)
{
	struct precopy_info i;

	(void)p;
	v2_reach(&source, ST_PRE_COPY);
	must_get(&i);
	note("initial_bytes %llu, dirty_bytes %llu", (unsigned long long)i.initial_bytes,
	     (unsigned long long)i.dirty_bytes);
	if (!i.initial_bytes)
		bad("initial_bytes is 0 before anything is read");
}

static void decrease(const struct point *p)
{
	struct precopy_info i, j;
	struct bytes b = { 0 };
	long n;

	(void)p;
	v2_reach(&source, ST_PRE_COPY);
	must_get(&i);
	for (int k = 0; k < 1000; k++) {
		n = v2_read_some(&source, &b, 1 << 20);
		must_get(&j);
		if (j.initial_bytes > i.initial_bytes)
			bad("initial_bytes grows from %llu to %llu", (unsigned long long)i.initial_bytes,
			    (unsigned long long)j.initial_bytes);
		i = j;
		if (n == -ENOMSG || !j.initial_bytes)
			return;
		if (n <= 0)
			bad("read() with initial_bytes %llu: %s", (unsigned long long)j.initial_bytes,
			    n ? ename(-n) : "0, the end");
	}
	bad("initial_bytes is still %llu after %zu bytes", (unsigned long long)i.initial_bytes, b.n);
}

/* What there is now of the session's data. A busy device may always have more */
static void read_until_idle(struct bytes *b)
{
	long n = 1;

	for (int i = 0; i < 2000 && n > 0; i++)
		n = v2_read_some(&source, b, 1 << 20);
	if (!n)
		bad("read() in PRE_COPY returns 0, the permanent end");
	if (n < 0 && n != -ENOMSG)
		bad("read() in PRE_COPY: %s", ename(-n));
	if (n > 0)
		note("never at the temporary end in 2000 reads: is the device busy?");
}

static void enomsg(const struct point *p)
{
	struct precopy_info i;
	struct bytes b = { 0 };
	struct pollfd f;

	(void)p;
	v2_reach(&source, ST_PRE_COPY);
	read_until_idle(&b);
	must_get(&i);
	if (!i.initial_bytes && !i.dirty_bytes) {
		long n = v2_read_some(&source, &b, 4096);

		if (n != -ENOMSG)
			note("then read() returned %ld", n);
	}
	f = (struct pollfd) { .fd = source.data_fd, .events = POLLIN };
	if (poll(&f, 1, 0) < 0 || (f.revents & (POLLERR | POLLNVAL)))
		bad("poll() at the temporary end: revents 0x%x", f.revents);
	v2_is(&source, ST_PRE_COPY);
}

static void info_size(const struct point *p)
{
	struct precopy_info i = { .argsz = 8 };

	(void)p;
	v2_reach(&source, ST_PRE_COPY);
	if (!ioctl(source.data_fd, GET_PRECOPY_INFO, &i))
		bad("argsz 8 is accepted, and the structure has 24");
}

static void info_elsewhere(const struct point *p)
{
	struct precopy_info i;
	int err;

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	err = get(&source, &i);
	if (err != EINVAL)
		bad("in STOP_COPY: %s", err ? ename(err) : "success");
	v2_set(&source, ST_RUNNING);
	v2_reach(&source, ST_PRE_COPY);
	v2_set(&source, ST_STOP_COPY);
	err = get(&source, &i);
	if (err != EINVAL)
		bad("in STOP_COPY after PRE_COPY: %s", err ? ename(err) : "success");
	v2_set(&source, ST_STOP);
	err = get(&source, &i);
	if (!err)
		bad("after the session: success");
}

static void ioctl_unknown(const struct point *p)
{
	uint64_t buf[8] = { sizeof(buf) };

	(void)p;
	v2_reach(&source, ST_PRE_COPY);
	if (!ioctl(source.data_fd, _IO(VFIO_TYPE, VFIO_BASE + 99), buf))
		bad("an ioctl that there is not succeeds on the migration file");
}

static void whole(const struct point *p)
{
	struct bytes b = { 0 };
	size_t early;
	bool got;
	long n;

	v2_reach(&source, ST_PRE_COPY);
	if (p->a)
		read_until_idle(&b);
	else if (v2_read_some(&source, &b, 1000) <= 0)
		bad("read() at the begin of PRE_COPY gives nothing");
	early = b.n;
	if (v2_has(&source, ST_PRE_COPY_P2P) &&
	    (v2_try(&source, ST_PRE_COPY_P2P, &got) || got))
		bad("PRE_COPY_P2P fails, or has a data_fd of its own");
	if (v2_try(&source, ST_STOP_COPY, &got))
		bad("STOP_COPY fails after PRE_COPY");
	if (got)
		bad("STOP_COPY returns a new data_fd, and the session goes on");
	do {
		n = v2_read_some(&source, &b, 1 << 20);
	} while (n > 0);
	if (n)
		bad("read() in STOP_COPY: %s", ename(-n));
	note("%zu bytes early, %zu in STOP_COPY", early, b.n - early);
	v2_set(&source, ST_STOP);
	v2_load(target(), &b);
	v2_set(target(), ST_RUNNING);
}

static void there_and_back(const struct point *p)
{
	struct precopy_info i;
	struct bytes b = { 0 };
	bool got;

	(void)p;
	v2_reach(&source, ST_PRE_COPY);
	for (int k = 0; k < 4; k++) {
		if (v2_try(&source, k % 2 ? ST_PRE_COPY : ST_PRE_COPY_P2P, &got))
			bad("SET_STATE fails");
		if (got)
			bad("it returns a data_fd, and the session goes on");
		must_get(&i);
	}
	read_until_idle(&b);
	if (!b.n)
		bad("nothing to read");
}

static void given_up(const struct point *p)
{
	struct bytes b = { 0 };
	char c[16];
	int fd;

	(void)p;
	v2_reach(&source, ST_PRE_COPY);
	read_until_idle(&b);
	fd = source.data_fd;
	source.data_fd = -1;
	v2_set(&source, ST_RUNNING);
	if (read(fd, c, sizeof(c)) > 0)
		bad("the file of a session that has ended gives data");
	close(fd);
	b.n = 0;
	v2_save(&source, &b);
	v2_load(target(), &b);
}

static const struct point table[] = {
	{ "precopy.info", "initial_bytes is not 0 at the start", RULE_INITIAL,
	  NEED_V2 | NEED_PRECOPY, 20, info, 0, 0 },
	{ "precopy.decrease", "initial_bytes decreases to 0 as data is read", RULE_INITIAL,
	  NEED_V2 | NEED_PRECOPY, 60, decrease, 0, 0 },
	{ "precopy.enomsg", "at the temporary end read() says ENOMSG, never 0", RULE_ENOMSG,
	  NEED_V2 | NEED_PRECOPY, 60, enomsg, 0, 0 },
	{ "precopy.info-argsz", "a structure that is too small is refused",
	  "Support for this ioctl is mandatory if a driver claims to support VFIO_MIGRATION_PRE_COPY. [...] Return: 0 on success, -1 and errno set on failure.",
	  NEED_V2 | NEED_PRECOPY, 20, info_size, 0, 0 },
	{ "precopy.info-states", "the information is refused with EINVAL in STOP_COPY, and after the session",
	  RULE_VALID, NEED_V2 | NEED_PRECOPY, 30, info_elsewhere, 0, 0 },
	{ "precopy.ioctl", "unknown ioctls of the migration file are refused",
	  "This ioctl is used on the migration data FD in the precopy phase of the migration data transfer.",
	  NEED_V2 | NEED_PRECOPY, 20, ioctl_unknown, 0, 0 },
	{ "precopy.whole", "a session from PRE_COPY to STOP_COPY is one stream, and it loads", RULE_GROUP,
	  NEED_V2 | NEED_PRECOPY, 60, whole, 1, 0 },
	{ "precopy.early", "the stream loads if PRE_COPY is left long before initial_bytes is 0",
	  "It is recommended to leave PRE_COPY for STOP_COPY only after this field reaches zero. Leaving PRE_COPY earlier might make things slower.",
	  NEED_V2 | NEED_PRECOPY, 60, whole, 0, 0 },
	{ "precopy.p2p", "PRE_COPY_P2P and back do not end the session", RULE_GROUP,
	  NEED_V2 | NEED_PRECOPY | NEED_P2P, 60, there_and_back, 0, 0 },
	{ "precopy.given-up", "back to RUNNING the session ends, and a new save works",
	  "The PRE_COPY arc will terminate a data transfer session.",
	  NEED_V2 | NEED_PRECOPY, 60, given_up, 0, 0 },
};

POINTS(points_precopy, table);
