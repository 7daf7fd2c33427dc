// SPDX-License-Identifier: GPL-2.0-only
/*
 * seeds DIR: right streams as the writer makes them, accesses and device parts that there are, to
 * start a corpus from: DIR/stream, DIR/v1 and DIR/parts.
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

/* Chunks; those that do not fit into a record go on in the next one, in a stream of version 2 */
static void a_stream(const char *dir, const char *name, bool delta, bool framed,
		     const size_t *pieces)
{
	static u8 out[65536], state[8192];
	struct stream_writer w = { .delta = delta };
	size_t len = 3, left, n;

	memcpy(out, framed ? "\3\377\7" : "\1\377\7", 3);
	len += stream_write_header(out + len, &ident, 1, framed);
	for (; *pieces; pieces++) {
		for (left = *pieces; left; left -= n) {
			n = left < sizeof(state) ? left : sizeof(state);
			memset(state, *pieces, n);
			len += stream_write_state(&w, out + len, state, n, n < left);
			memcpy(out + len, state, n);
			len += n;
		}
	}
	len += stream_write_end(&w, out + len);
	save(dir, name, out, len);
}

static size_t put(u8 *to, u64 value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[i] = value >> 8 * i;
	return bytes;
}

static size_t part(u8 *to, u16 type, u64 selector, u64 value, u32 bytes)
{
	size_t n = put(to, type, 4);

	n += put(to + n, selector, 8);
	n += put(to + n, bytes, 4);
	return n + put(to + n, value, bytes);
}

/* A block device with one queue */
static void parts(const char *dir, bool packed)
{
	u8 out[512];
	u64 features = 1ull << 32 | (packed ? 1ull << 34 : 0);
	size_t len = part(out, 0x100, 0, features, 8);

	len += part(out + len, 0x101, 0, features, 8);
	len += part(out + len, 0x102, 16, 0xffff, 2);
	len += part(out + len, 0x102, 18, 1, 2);
	len += part(out + len, 0x103, 0, 0xf, 1);
	len += put(out + len, 0x104, 12);
	len += put(out + len, 32, 4);
	len += put(out + len, 128 | 1 << 16 | 1ull << 32, 8);
	len += put(out + len, 0x1000, 8);
	len += put(out + len, 0x2000, 8);
	len += put(out + len, 0x3000, 8);
	len += part(out + len, 0x105, 0, 0, 8);
	save(dir, packed ? "packed" : "split", out, len);
}

int main(int argc, char **argv)
{
	static const u8 access[21] = { [8] = 4, [17] = 1 };
	char dir[256];

	if (argc != 2)
		return 2;
	snprintf(dir, sizeof(dir), "%s/stream", argv[1]);
	a_stream(dir, "one", false, false, (const size_t[]) { 1, 0 });
	a_stream(dir, "three", false, false, (const size_t[]) { 100, 1, 40, 0 });
	a_stream(dir, "most", false, false, (const size_t[]) { 8192, 8192, 3616, 0 });
	a_stream(dir, "changes", true, false, (const size_t[]) { 64, 64, 1, 0 });
	a_stream(dir, "framed", false, true, (const size_t[]) { 12000, 7, 7992, 0 });
	a_stream(dir, "images", true, true, (const size_t[]) { 9000, 64, 12000, 0 });
	snprintf(dir, sizeof(dir), "%s/v1", argv[1]);
	save(dir, "state", access, sizeof(access));
	snprintf(dir, sizeof(dir), "%s/parts", argv[1]);
	parts(dir, false);
	parts(dir, true);
	return 0;
}
