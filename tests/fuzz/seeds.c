// SPDX-License-Identifier: GPL-2.0-only
/*
 * seeds DIR: right streams as the writer makes them, and accesses that there are, to start a
 * corpus from: DIR/stream and DIR/v1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

static const struct stream_ident ident = {
	.vendor = 0x8086, .device = 0x2021, .subvendor = 0x1af4, .subdevice = 0x1100,
	.type = "refdev-dma",
};

static void save(const char *dir, const char *name, const void *data, size_t len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static void a_stream(const char *dir, const char *name, bool delta, const size_t *pieces)
{
	static u8 out[65536], state[8192];
	struct stream_writer w = { .delta = delta };
	size_t len = 3;

	memcpy(out, "\1\377\7", 3);
	len += stream_write_header(out + len, &ident, 1);
	for (; *pieces; pieces++) {
		memset(state, *pieces, *pieces);
		len += stream_write_state(&w, out + len, state, *pieces);
		memcpy(out + len, state, *pieces);
		len += *pieces;
	}
	len += stream_write_end(&w, out + len);
	save(dir, name, out, len);
}

int main(int argc, char **argv)
{
	static const u8 access[21] = { [8] = 4, [17] = 1 };
	char dir[256];

	if (argc != 2)
		return 2;
	snprintf(dir, sizeof(dir), "%s/stream", argv[1]);
	a_stream(dir, "one", false, (const size_t[]) { 1, 0 });
	a_stream(dir, "three", false, (const size_t[]) { 100, 1, 40, 0 });
	a_stream(dir, "most", false, (const size_t[]) { 8192, 8192, 3616, 0 });
	a_stream(dir, "changes", true, (const size_t[]) { 64, 64, 1, 0 });
	snprintf(dir, sizeof(dir), "%s/v1", argv[1]);
	save(dir, "state", access, sizeof(access));
	return 0;
}
