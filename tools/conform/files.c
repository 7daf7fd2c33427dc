// SPDX-License-Identifier: GPL-2.0-only
/* Points: the migration file of STOP_COPY and of RESUMING. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"

#define RULE_FLOW	"Some of the FSM arcs will create a migration data transfer session by returning a FD, in this case the migration data will flow over the FD using read() and write() as discussed below."
#define RULE_END	"End of stream on the FD indicates the entire device state has been transferred."
#define RULE_PERMANENT	"Once in STOP_COPY the migration data FD has a permanent end of stream signaled in the usual way by read() always returning 0 and poll always returning readable."
#define RULE_TERMINATE	"The STOP_COPY arc will terminate a data transfer session."
#define RULE_LEAVING	"Leaving RESUMING terminates a data transfer session [...]"
#define RULE_NEW	"These arcs begin the process of saving the device state and will return a new data_fd."

static int poll_for(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms * (int)user_patience) == 1 ? p.revents : 0;
}

/* A file of a session that has ended gives no data and takes none */
static void is_dead(int fd, bool saving)
{
	char c[64] = { 0 };
	ssize_t n = saving ? read(fd, c, sizeof(c)) : write(fd, c, sizeof(c));

	if (n > 0)
		bad("the session has ended, and its file %s %zd bytes",
		    saving ? "still gives" : "still takes", n);
	if (!n)
		note("%s returns 0", saving ? "read()" : "write()");
	else
		note("%s says %s", saving ? "read()" : "write()", ename(errno));
}

/* The file of the session that just began; the device keeps none */
static int take(struct vdev *v)
{
	int fd = v->data_fd;

	v->data_fd = -1;
	return fd;
}

static void save(const struct point *p)
{
	struct bytes b = { 0 };

	(void)p;
	v2_save(&source, &b);
	if (!b.n)
		bad("the stream has no bytes");
	note("%zu bytes", b.n);
}

static void at_end(const struct point *p)
{
	struct bytes b = { 0 };

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	v2_read_all(&source, &b, 0);
	for (int i = 0; i < 5; i++) {
		long n = v2_read_some(&source, &b, 100);

		if (n)
			bad("read() after the end: %s", n < 0 ? ename(-n) : "more data");
	}
	if (!(poll_for(source.data_fd, POLLIN, 1000) & POLLIN))
		bad("poll() at the end: not readable");
}

static void readable(const struct point *p)
{
	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	if (!(poll_for(source.data_fd, POLLIN, 5000) & POLLIN))
		bad("poll() of a file with data: not readable");
}

static void writable(const struct point *p)
{
	(void)p;
	v2_set(&source, ST_RESUMING);
	if (!(poll_for(source.data_fd, POLLOUT, 5000) & POLLOUT))
		bad("poll() of a file that takes data: not writable");
}

static void small_reads(const struct point *p)
{
	struct bytes b = { 0 };

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	v2_read_all(&source, &b, 17);
	v2_set(&source, ST_STOP);
	v2_load(target(), &b);
	v2_set(target(), ST_RUNNING);
}

static void small_writes(const struct point *p)
{
	const char *what;
	int err;

	(void)p;
	err = v2_try_load(target(), good_stream(&source), 17, &what);
	if (err)
		bad("%s: %s", what, ename(err));
	v2_set(target(), ST_RUNNING);
}

static void nonblock(const struct point *p)
{
	struct bytes b = { 0 };
	struct vdev *v = target();
	int err;

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	fcntl(source.data_fd, F_SETFL, fcntl(source.data_fd, F_GETFL) | O_NONBLOCK);
	v2_read_all(&source, &b, 0);
	v2_set(&source, ST_STOP);
	v2_set(v, ST_RESUMING);
	fcntl(v->data_fd, F_SETFL, fcntl(v->data_fd, F_GETFL) | O_NONBLOCK);
	err = v2_write_all(v, b.at, b.n, 0);
	if (err)
		bad("write() with O_NONBLOCK: %s", ename(err));
	v2_set(v, ST_RUNNING);
}

static void direction(const struct point *p)
{
	char c[8] = { 0 };

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	if (write(source.data_fd, c, sizeof(c)) > 0)
		bad("the file of STOP_COPY takes data");
	v2_set(&source, ST_RUNNING);
	v2_set(&source, ST_RESUMING);
	if (read(source.data_fd, c, sizeof(c)) > 0)
		bad("the file of RESUMING gives data");
}

static void bad_memory(const struct point *p)
{
	struct bytes b = { 0 };
	ssize_t n;

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	n = read(source.data_fd, (void *)4096, 4096);
	if (n > 0)
		bad("read() into no memory returns %zd", n);
	v2_read_all(&source, &b, 0);
	v2_set(&source, ST_STOP);
	v2_load(target(), &b);
}

static void ended_save(const struct point *p)
{
	int fd;

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	fd = take(&source);
	v2_set(&source, ST_STOP);
	is_dead(fd, true);
	v2_set(&source, ST_RUNNING);
	is_dead(fd, true);
	close(fd);
}

static void ended_load(const struct point *p)
{
	int fd;

	(void)p;
	v2_reach(&source, ST_RESUMING);
	fd = take(&source);
	v2_set(&source, ST_STOP);
	is_dead(fd, false);
	close(fd);
}

static void two(const struct point *p)
{
	struct bytes b = { 0 };
	int fd;

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	fd = take(&source);
	v2_set(&source, ST_STOP);
	v2_set(&source, ST_STOP_COPY);
	if (source.data_fd < 0)
		bad("the second session has no data_fd");
	is_dead(fd, true);
	v2_read_all(&source, &b, 0);
	is_dead(fd, true);
	close(fd);
	if (!b.n)
		bad("the second session's stream is empty");
	v2_set(&source, ST_STOP);
	v2_load(target(), &b);
}

static void two_loads(const struct point *p)
{
	const struct bytes *b = good_stream(&source);
	int fd;

	(void)p;
	v2_reach(&source, ST_RESUMING);
	fd = take(&source);
	v2_set(&source, ST_STOP);
	v2_set(&source, ST_RESUMING);
	if (source.data_fd < 0)
		bad("the second session has no data_fd");
	is_dead(fd, false);
	close(fd);
	if (v2_write_all(&source, b->at, b->n, 0))
		bad("the second session takes no data");
	v2_set(&source, ST_STOP);
}

static void closed(const struct point *p)
{
	struct bytes b = { 0 };

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	if (v2_read_some(&source, &b, 100) < 0)
		bad("read() fails");
	v2_close_data(&source);
	v2_is(&source, ST_STOP_COPY);
	v2_set(&source, ST_STOP);
	v2_save(&source, &b);
	v2_load(target(), &b);
}

static void unread(const struct point *p)
{
	struct bytes b = { 0 };

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	if (v2_read_some(&source, &b, 1) < 0)
		bad("read() fails");
	v2_set(&source, ST_RUNNING);
	v2_close_data(&source);
	v2_save(&source, &b);
	v2_load(target(), &b);
}

static void zero(const struct point *p)
{
	char c;

	(void)p;
	v2_reach(&source, ST_STOP_COPY);
	if (read(source.data_fd, &c, 0) > 0)
		bad("read() of 0 bytes returns more");
	v2_set(&source, ST_RUNNING);
	v2_set(&source, ST_RESUMING);
	if (write(source.data_fd, &c, 0) > 0)
		bad("write() of 0 bytes takes more");
}

static void keep(const struct point *p)
{
	const struct bytes *b = good_stream(&source);
	int fd = open(options.save, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)p;
	if (fd < 0 || write(fd, b->at, b->n) != (ssize_t)b->n || close(fd))
		bad("%s: %s", options.save, strerror(errno));
}

static const struct point table[] = {
	{ "files.save", "a stream is read to its end, and has bytes", RULE_END,
	  NEED_V2, 60, save, 0, 0 },
	{ "files.keep", "a stream was written to the file of --save", RULE_FLOW,
	  NEED_V2 | NEED_SAVE, 60, keep, 0, 0 },
	{ "files.end", "after the end read() goes on returning 0, and poll() says readable",
	  RULE_PERMANENT, NEED_V2, 60, at_end, 0, 0 },
	{ "files.readable", "poll() says that there is data to read", RULE_FLOW,
	  NEED_V2, 20, readable, 0, 0 },
	{ "files.writable", "poll() says that data can be written", RULE_FLOW,
	  NEED_V2, 20, writable, 0, 0 },
	{ "files.small-reads", "a stream that was read in odd sizes loads",
	  "The user must consider the migration data stream carried over the FD to be opaque and must preserve the byte order of the stream.",
	  NEED_V2, 60, small_reads, 0, 0 },
	{ "files.small-writes", "a stream that is written in odd sizes loads",
	  "The user is not required to preserve buffer segmentation when writing the data stream during the RESUMING operation.",
	  NEED_V2, 60, small_writes, 0, 0 },
	{ "files.nonblock", "with O_NONBLOCK a stream is read and written, with poll() where it says EAGAIN",
	  RULE_FLOW, NEED_V2, 60, nonblock, 0, 0 },
	{ "files.direction", "the file of STOP_COPY can't be written, that of RESUMING not read",
	  "STOP_COPY - The device internal state can be read out. RESUMING - The device is stopped and is loading a new internal state.",
	  NEED_V2, 20, direction, 0, 0 },
	{ "files.no-memory", "a read into unmapped memory fails, and the stream loses no byte", RULE_FLOW,
	  NEED_V2, 60, bad_memory, 0, 0 },
	{ "files.zero", "reads and writes of no bytes transfer none", RULE_FLOW,
	  NEED_V2, 20, zero, 0, 0 },
	{ "files.ended-save", "the file of a save returns no data after STOP_COPY", RULE_TERMINATE,
	  NEED_V2, 30, ended_save, 0, 0 },
	{ "files.ended-load", "the file of a load accepts no data after RESUMING", RULE_LEAVING,
	  NEED_V2, 30, ended_load, 0, 0 },
	{ "files.two-saves", "a second saving session has a file of its own; the first stays ended",
	  RULE_NEW, NEED_V2, 60, two, 0, 0 },
	{ "files.two-loads", "a second loading session has a file of its own; the first stays ended",
	  "Entering the RESUMING state starts a process of restoring the device state and will return a new data_fd.",
	  NEED_V2, 60, two_loads, 0, 0 },
	{ "files.closed", "a file that is closed early does not change the state, and a new save works",
	  "The user is responsible to close this FD when it is finished.",
	  NEED_V2, 60, closed, 0, 0 },
	{ "files.unread", "a save can be abandoned before its end, and a new one works", RULE_TERMINATE,
	  NEED_V2, 60, unread, 0, 0 },
};

POINTS(points_files, table);
