// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small things that shell tests can't do themselves.
 *
 *   tool write FILE DATA     write DATA with one write(); prints 0 or the errno's
 *                            name, and always succeeds: the caller compares
 *   tool uevents FILE        append "action@devpath KEY=..." of each kernel uevent to
 *                            FILE until killed; FILE exists once it listens
 *   tool qmp SOCKET COMMAND [SECONDS]
 *                            send one QMP command (a name, or JSON), print the
 *                            answer as one line of JSON. Exit 1 if it is an error,
 *                            2 if there is no answer within SECONDS (default 30)
 *   tool send SOCKET LINE [SECONDS]
 *                            send LINE to a stream socket or a character device and
 *                            print what comes within SECONDS (default 1)
 *   tool log [SEQ]           the kernel's log, from the message after number SEQ on
 *   tool logseq              the number of its last message
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "tool: %s: %s\n", what, strerror(errno));
	exit(2);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int do_write(const char *path, const char *data)
{
	int err = 0;
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, data, strlen(data)) < 0)
		err = errno;
	puts(err ? strerrorname_np(err) : "0");
	return 0;
}

static _Noreturn void do_uevents(const char *path)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	char buf[8192];
	FILE *out;

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die("uevent socket");
	out = fopen(path, "a");
	if (!out)
		die(path);
	setvbuf(out, NULL, _IOLBF, 0);
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

		if (n < 0) {
			if (errno == EINTR || errno == ENOBUFS)
				continue;
			die("recv");
		}
		/* The strings of one event on one line */
		for (ssize_t i = 0; i < n - 1; i++) {
			if (!buf[i])
				buf[i] = ' ';
		}
		buf[n] = 0;
		fprintf(out, "%s\n", buf);
	}
}

static int open_stream(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (stat(path, &st))
		die(path);
	if (!S_ISSOCK(st.st_mode)) {
		fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			die(path);
		return fd;
	}
	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		die(path);
	return fd;
}

/* One line, without its end; false if none comes in time */
static bool read_line(int fd, char *line, size_t size, long until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	char c;

	while (n < size - 1) {
		long left = until - now_ms();

		if (left <= 0 || poll(&p, 1, left) <= 0 || read(fd, &c, 1) != 1)
			return false;
		if (c == '\n')
			break;
		if (c != '\r')
			line[n++] = c;
	}
	line[n] = 0;
	return true;
}

static bool qmp_answer(int fd, char *line, size_t size, long until)
{
	do {
		if (!read_line(fd, line, size, until))
			return false;
	} while (strncmp(line, "{\"return\"", 9) && strncmp(line, "{\"error\"", 8) &&
		 strncmp(line, "{\"QMP\"", 6));
	return true;
}

static void send_text(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t done = write(fd, text, n);

		if (done < 0)
			die("write");
		text += done;
		n -= done;
	}
}

static int do_qmp(const char *path, const char *command, long seconds)
{
	static char line[1 << 20];
	long until = now_ms() + seconds * 1000;
	int fd = open_stream(path);
	char *text;

	if (!qmp_answer(fd, line, sizeof(line), until))
		goto silent;
	send_text(fd, "{\"execute\":\"qmp_capabilities\"}\n");
	if (!qmp_answer(fd, line, sizeof(line), until))
		goto silent;
	if (asprintf(&text, *command == '{' ? "%s\n" : "{\"execute\":\"%s\"}\n",
		     command) < 0)
		die("asprintf");
	send_text(fd, text);
	if (!qmp_answer(fd, line, sizeof(line), until))
		goto silent;
	puts(line);
	return line[2] == 'e';
silent:
	fprintf(stderr, "tool: %s: QEMU does not answer\n", path);
	return 2;
}

static int do_send(const char *path, const char *text, long seconds)
{
	long until = now_ms() + seconds * 1000;
	int fd = open_stream(path);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[4096];

	send_text(fd, text);
	send_text(fd, "\n");
	for (;;) {
		long left = until - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, left) <= 0)
			return 0;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return 0;
		fwrite(buf, 1, n, stdout);
		fflush(stdout);
	}
}

static int do_log(long long after, bool only_number)
{
	long long seq = 0, us = 0;
	char buf[8192];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		die("/dev/kmsg");
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf) - 1);
		char *text, *end;

		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;	/* overwritten: the next read finds the oldest */
		if (n <= 0)
			break;
		buf[n] = 0;
		if (sscanf(buf, "%*u,%lld,%lld", &seq, &us) != 2)
			continue;
		text = strchr(buf, ';');
		if (only_number || seq <= after || !text)
			continue;
		/* The first line is the message, others are the device's KEY=value */
		end = strchr(text, '\n');
		if (end)
			*end = 0;
		printf("[%5lld.%06lld] %s\n", us / 1000000, us % 1000000, text + 1);
	}
	if (only_number)
		printf("%lld\n", seq);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "write") && argc == 4)
		return do_write(argv[2], argv[3]);
	if (!strcmp(what, "uevents") && argc == 3)
		do_uevents(argv[2]);
	if (!strcmp(what, "qmp") && (argc == 4 || argc == 5))
		return do_qmp(argv[2], argv[3], argc == 5 ? atol(argv[4]) : 30);
	if (!strcmp(what, "send") && (argc == 4 || argc == 5))
		return do_send(argv[2], argv[3], argc == 5 ? atol(argv[4]) : 1);
	if (!strcmp(what, "log") && argc <= 3)
		return do_log(argc == 3 ? atoll(argv[2]) : -1, false);
	if (!strcmp(what, "logseq") && argc == 2)
		return do_log(-1, true);
	fprintf(stderr, "usage: tool write|uevents|qmp|send|log|logseq ..., see tool.c\n");
	return 2;
}
