// SPDX-License-Identifier: GPL-2.0-only
/*
 * mig-stream: looks into migration streams, and makes wrong ones of right ones.
 *
 *   mig-stream mutate IN OUT MUTATION...
 *
 * makes another stream from one (docs/migration-stream.rst). Records are counted from
 * 0, or with -1 from the end. Checksums are made right again, but for those marked *.
 *
 *   cut:N*              to N bytes, or to all but the last -N
 *   flip:N*             bit N, or from the end with -N
 *   junk:N              N bytes behind the end
 *   head:FIELD:VALUE    magic version size vendor device subvendor subdevice compat type
 *                       reserved setup
 *   headcrc:VALUE*
 *   rec:I:FIELD:VALUE   tag flags length seq
 *   reccrc:I:VALUE*
 *   drop:I dup:I swap:I:J        sequence numbers stay
 *   renumber            gives the records their numbers again
 *   insert:I:TAG:FLAGS:LENGTH    a record of zeroes before record I; renumbers
 *   split:I:N           record I in two, the first of N bytes; renumbers
 *   end:VALUE           what the end record counts
 *   state:BYTE:VALUE    a byte of the firmware's image, or of its extents after pre-copy
 *
 *   mig-stream info FILE            the stream's records, one a line
 *   mig-stream bounds FILE          lengths to which it may be cut off: at, before and behind each
 *                                   end of a header, record header and record, and in the middle
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *command = "";

static _Noreturn void bad(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	printf("mig-stream: %s: ", command);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

#define HEAD_SIZE	128
#define REC_SIZE	24
#define MAX_RECS	65536

struct rec {
	uint8_t head[REC_SIZE];
	uint8_t *data;
	size_t len;		/* of data; the head's may be a lie */
	bool keep_crc;
};

static uint8_t head[HEAD_SIZE];
static bool keep_head_crc;
static struct rec recs[MAX_RECS];
static int nrecs;
static uint8_t *raw;
static size_t rawlen;

/* As the kernel's: reflected, no final inversion */
static uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	static uint32_t table[256];
	const uint8_t *b = p;

	if (!table[1]) {
		for (int i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int k = 0; k < 8; k++)
				c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
			table[i] = c;
		}
	}
	while (n--)
		crc = crc >> 8 ^ table[(crc ^ *b++) & 0xff];
	return crc;
}

static uint64_t get(const uint8_t *p, int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static void put(uint8_t *p, int n, uint64_t v)
{
	for (; n--; v >>= 8)
		*p++ = v;
}

static void slurp(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		bad("%s: %s", path, strerror(errno));
	rawlen = st.st_size;
	raw = malloc(rawlen + (1 << 20));
	if (!raw || read(fd, raw, rawlen) != (ssize_t)rawlen)
		bad("%s: short read", path);
	close(fd);
}

static void parse(void)
{
	size_t off = HEAD_SIZE;

	if (rawlen < HEAD_SIZE)
		bad("not even a header");
	memcpy(head, raw, HEAD_SIZE);
	while (off < rawlen) {
		struct rec *r = &recs[nrecs++];

		if (nrecs == MAX_RECS || rawlen - off < REC_SIZE)
			bad("cannot parse at %zu", off);
		memcpy(r->head, raw + off, REC_SIZE);
		r->len = get(r->head + 8, 8);
		if (r->len > rawlen - off - REC_SIZE)
			bad("record %d is longer than the file", nrecs - 1);
		r->data = raw + off + REC_SIZE;
		off += REC_SIZE + r->len;
	}
}

static void assemble(void)
{
	uint8_t *out;
	size_t size = HEAD_SIZE;

	for (int i = 0; i < nrecs; i++)
		size += REC_SIZE + recs[i].len;
	out = malloc(size + (1 << 20));
	if (!out)
		bad("out of memory");
	if (!keep_head_crc)
		put(head + 124, 4, crc32c(~0, head, 124));
	memcpy(out, head, HEAD_SIZE);
	size = HEAD_SIZE;
	for (int i = 0; i < nrecs; i++) {
		struct rec *r = &recs[i];

		if (!r->keep_crc) {
			put(r->head + 20, 4, 0);
			put(r->head + 20, 4, crc32c(crc32c(~0, r->head, REC_SIZE),
						    r->data, r->len));
		}
		memcpy(out + size, r->head, REC_SIZE);
		memcpy(out + size + REC_SIZE, r->data, r->len);
		size += REC_SIZE + r->len;
	}
	raw = out;
	rawlen = size;
}

static struct rec *rec(const char *text)
{
	int i = atoi(text);

	if (i < 0)
		i += nrecs;
	if (i < 0 || i >= nrecs)
		bad("no record %s", text);
	return &recs[i];
}

static struct rec *insert_rec(struct rec *at)
{
	if (nrecs + 1 >= MAX_RECS)
		bad("too many records");
	memmove(at + 1, at, (recs + nrecs - at) * sizeof(*at));
	nrecs++;
	memset(at, 0, sizeof(*at));
	return at;
}

static void renumber(void)
{
	for (int i = 0; i < nrecs; i++)
		put(recs[i].head + 16, 4, i);
}

static const struct field {
	const char *name;
	int off, size;
} head_fields[] = {
	{ "magic", 0, 8 }, { "version", 8, 2 }, { "size", 10, 2 }, { "vendor", 12, 2 },
	{ "device", 14, 2 }, { "subvendor", 16, 2 }, { "subdevice", 18, 2 },
	{ "compat", 20, 4 }, { "reserved", 88, 4 }, { "setup", 120, 4 }, { NULL }
}, rec_fields[] = {
	{ "tag", 0, 4 }, { "flags", 4, 4 }, { "length", 8, 8 }, { "seq", 16, 4 }, { NULL }
};

static void set_field(uint8_t *p, const struct field *f, const char *name, const char *value)
{
	for (; f->name; f++) {
		if (!strcmp(f->name, name)) {
			put(p + f->off, f->size, strtoull(value, NULL, 0));
			return;
		}
	}
	bad("no field '%s'", name);
}

static void set_state_byte(size_t at, uint8_t value)
{
	for (int i = 0; i < nrecs; i++) {
		if (get(recs[i].head, 4) != 1 && get(recs[i].head, 4) != 3)
			continue;
		if (at < recs[i].len) {
			recs[i].data[at] = value;
			return;
		}
		at -= recs[i].len;
	}
	bad("there is less state");
}

/* true if it was done on the records, false if it is for the assembled bytes */
static bool mutate_records(char **arg, int n)
{
#define IS(name, args) (!strcmp(arg[0], name) && n == (args) + 1)
	if (IS("head", 2)) {
		if (!strcmp(arg[1], "type"))
			strncpy((char *)head + 24, arg[2], 64);
		else
			set_field(head, head_fields, arg[1], arg[2]);
	} else if (IS("headcrc", 1)) {
		put(head + 124, 4, strtoull(arg[1], NULL, 0));
		keep_head_crc = true;
	} else if (IS("rec", 3)) {
		set_field(rec(arg[1])->head, rec_fields, arg[2], arg[3]);
	} else if (IS("reccrc", 2)) {
		put(rec(arg[1])->head + 20, 4, strtoull(arg[2], NULL, 0));
		rec(arg[1])->keep_crc = true;
	} else if (IS("drop", 1)) {
		struct rec *r = rec(arg[1]);

		memmove(r, r + 1, (recs + nrecs - r - 1) * sizeof(*r));
		nrecs--;
	} else if (IS("dup", 1)) {
		struct rec *r = rec(arg[1]);
		struct rec copy = *r;

		*insert_rec(r) = copy;
	} else if (IS("swap", 2)) {
		struct rec *a = rec(arg[1]), *b = rec(arg[2]), t = *a;

		*a = *b;
		*b = t;
	} else if (IS("renumber", 0)) {
		renumber();
	} else if (IS("insert", 4)) {
		struct rec *r = insert_rec(rec(arg[1]));

		r->len = strtoull(arg[4], NULL, 0);
		r->data = calloc(1, r->len + 1);
		put(r->head, 4, strtoull(arg[2], NULL, 0));
		put(r->head + 4, 4, strtoull(arg[3], NULL, 0));
		put(r->head + 8, 8, r->len);
		renumber();
	} else if (IS("split", 2)) {
		struct rec *r = rec(arg[1]), *first;
		size_t at = strtoull(arg[2], NULL, 0);

		if (at >= r->len)
			bad("the record has %zu bytes", r->len);
		first = insert_rec(r);
		*first = first[1];
		first->len = at;
		first[1].data += at;
		first[1].len -= at;
		put(first->head + 8, 8, first->len);
		put(first[1].head + 8, 8, first[1].len);
		renumber();
	} else if (IS("end", 1)) {
		put(rec("-1")->data, 8, strtoull(arg[1], NULL, 0));
	} else if (IS("state", 2)) {
		set_state_byte(strtoull(arg[1], NULL, 0), strtoul(arg[2], NULL, 0));
	} else {
		return false;
	}
	return true;
}

static void mutate_bytes(char **arg, int n)
{
	long long v = n == 2 ? strtoll(arg[1], NULL, 0) : 0;

	if (IS("cut", 1)) {
		if (v < 0)
			v += rawlen;
		if (v < 0 || v > (long long)rawlen)
			bad("the stream has %zu bytes", rawlen);
		rawlen = v;
	} else if (IS("flip", 1)) {
		if (v < 0)
			v += rawlen * 8;
		if (v < 0 || v >= (long long)rawlen * 8)
			bad("the stream has %zu bytes", rawlen);
		raw[v / 8] ^= 1 << v % 8;
	} else if (IS("junk", 1) && v >= 0 && v < 1 << 20) {
		memset(raw + rawlen, 'x', v);
		rawlen += v;
	} else {
		bad("what is that?");
	}
#undef IS
}

static int mutate(const char *in, const char *out, char **mutation)
{
	bool assembled = false;
	int fd;

	slurp(in);
	parse();
	for (; *mutation; mutation++) {
		char *arg[8] = { 0 }, *text = strdup(*mutation);
		int n = 0;

		command = *mutation;
		while (n < 7 && (arg[n] = strsep(&text, ":")))
			n++;
		if (!assembled && mutate_records(arg, n))
			continue;
		if (!assembled)
			assemble();
		assembled = true;
		mutate_bytes(arg, n);
	}
	if (!assembled)
		assemble();
	fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, raw, rawlen) != (ssize_t)rawlen)
		bad("%s: %s", out, strerror(errno));
	close(fd);
	return 0;
}

static int info(const char *in)
{
	size_t state = 0;

	slurp(in);
	parse();
	printf("header version=%llu vendor=%04llx device=%04llx compat=%llu type=%.64s\n",
	       (unsigned long long)get(head + 8, 2), (unsigned long long)get(head + 12, 2),
	       (unsigned long long)get(head + 14, 2), (unsigned long long)get(head + 20, 4),
	       head + 24);
	for (int i = 0; i < nrecs; i++) {
		struct rec *r = &recs[i];

		if (get(r->head, 4) == 1 || get(r->head, 4) == 3)
			state += r->len;
		printf("record %d tag=%llu flags=%llu length=%zu\n", i,
		       (unsigned long long)get(r->head, 4),
		       (unsigned long long)get(r->head + 4, 4), r->len);
	}
	printf("records=%d state=%zu bytes=%zu\n", nrecs, state, rawlen);
	return 0;
}

static void around(size_t at)
{
	for (size_t i = at ? at - 1 : 0; i <= at + 1; i++) {
		if (i && i < rawlen)
			printf("%zu\n", i);
	}
}

static int bounds(const char *in)
{
	size_t off = HEAD_SIZE;

	slurp(in);
	parse();
	around(HEAD_SIZE / 2);
	for (int i = 0; i < nrecs; i++) {
		around(off);
		around(off + REC_SIZE);
		printf("%zu\n", off + REC_SIZE + recs[i].len / 2);
		off += REC_SIZE + recs[i].len;
	}
	around(off);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 5 && !strcmp(argv[1], "mutate"))
		return mutate(argv[2], argv[3], argv + 4);
	if (argc == 3 && !strcmp(argv[1], "info"))
		return info(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "bounds"))
		return bounds(argv[2]);
	fprintf(stderr, "usage: mig-stream mutate IN OUT MUTATION...|info FILE|bounds FILE, see mig-stream.c\n");
	return 2;
}
