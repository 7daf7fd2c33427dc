// SPDX-License-Identifier: GPL-2.0-only
/* Points: what was saved is what is loaded, once and many times. */
#include <errno.h>
#include <string.h>

#include "conform.h"

#define RULE_ENTIRE	"End of stream on the FD indicates the entire device state has been transferred."
#define RULE_LOAD	"The kernel migration driver should complete the incorporation of data written to the data transfer FD into the device internal state [...]"
#define RULE_TRACK	"PRE_COPY - The device is running normally but tracking internal state changes"

static void one(const struct point *p)
{
	struct bytes b = { 0 };

	(void)p;
	v2_save(&source, &b);
	v2_load(target(), &b);
	v2_set(target(), ST_RUNNING);
}

/* Where the stream of a stopped device is the same each time, so it must be after a load */
static void same(const struct point *p)
{
	struct bytes a = { 0 }, b = { 0 }, c = { 0 };

	(void)p;
	v2_save(&source, &a);
	v2_save(&source, &b);
	if (a.n != b.n || memcmp(a.at, b.at, a.n))
		skip("two streams of the stopped device differ: there is nothing to compare");
	v2_load(target(), &b);
	v2_save(target(), &c);
	if (c.n != b.n)
		bad("%zu bytes were loaded, %zu are saved", b.n, c.n);
	for (size_t i = 0; i < b.n; i++) {
		if (c.at[i] != b.at[i])
			bad("byte %zu of %zu is 0x%02x, 0x%02x was loaded", i, b.n, c.at[i], b.at[i]);
	}
}

static void compare_digest(uint64_t before, struct vdev *v, const char *where)
{
	uint64_t now = plugin_digest(v);

	if (now != before)
		bad("in %s the digest of the state is 0x%llx, saved was 0x%llx", where,
		    (unsigned long long)now, (unsigned long long)before);
}

static void state(const struct point *p)
{
	struct bytes b = { 0 };
	uint64_t digest;

	(void)p;
	plugin_work(&source, 1);
	digest = plugin_digest(&source);
	v2_save(&source, &b);
	v2_set(&source, ST_RUNNING);
	plugin_work(target(), 2);
	if (plugin_digest(target()) == digest)
		bad("the plug-in: its digest does not change with its work");
	v2_load(target(), &b);
	compare_digest(digest, target(), "STOP");
	v2_set(target(), ST_RUNNING);
	compare_digest(digest, target(), "RUNNING");
	plugin_ready(target());
	plugin_work(target(), 3);
}

static void early_state(const struct point *p)
{
	struct bytes b = { 0 };
	uint64_t digest;
	long n;

	(void)p;
	plugin_work(&source, 1);
	v2_set(&source, ST_PRE_COPY);
	for (int i = 0; i < 4; i++) {
		do {
			n = v2_read_some(&source, &b, 1 << 20);
		} while (n > 0);
		if (n != -ENOMSG)
			bad("read() in PRE_COPY: %s", n ? ename(-n) : "0, the end");
		plugin_work(&source, 10 + i);
	}
	digest = plugin_digest(&source);
	v2_set(&source, ST_STOP_COPY);
	do {
		n = v2_read_some(&source, &b, 1 << 20);
	} while (n > 0);
	v2_set(&source, ST_RUNNING);
	plugin_work(target(), 2);
	v2_load(target(), &b);
	compare_digest(digest, target(), "STOP");
	v2_set(target(), ST_RUNNING);
	compare_digest(digest, target(), "RUNNING");
}

static void many(const struct point *p)
{
	struct bytes b = { 0 };
	uint64_t began = now_us(), digest = 0;
	bool work = plugin_can() & NEED_WORK;
	struct vdev *from = &source, *to = target(), *other;

	(void)p;
	for (unsigned int i = 0; i < options.rounds; i++) {
		if (work) {
			plugin_work(from, 100 + i);
			digest = plugin_digest(from);
		}
		v2_save(from, &b);
		if (from != to)
			v2_set(from, ST_RUNNING);
		v2_load(to, &b);
		if (work)
			compare_digest(digest, to, "STOP");
		v2_set(to, ST_RUNNING);
		plugin_ready(to);
		other = from;
		from = to;
		to = other;
	}
	note("%u round trips, %.1f a second", options.rounds,
	     options.rounds * 1e6 / (now_us() - began + 1));
}

static const struct point table[] = {
	{ "roundtrips.one", "what is saved loads, and the device runs", RULE_LOAD,
	  NEED_V2, 60, one, 0, 0 },
	{ "roundtrips.same", "a loaded state saves to the same stream", RULE_ENTIRE,
	  NEED_V2, 60, same, 0, 0 },
	{ "roundtrips.state", "the loaded state equals the saved one, and the device works", RULE_ENTIRE,
	  NEED_V2 | NEED_WORK, 60, state, 0, 0 },
	{ "roundtrips.precopy-state", "the loaded state equals the saved one if it changed during the save", RULE_TRACK,
	  NEED_V2 | NEED_WORK | NEED_PRECOPY, 60, early_state, 0, 0 },
	{ "roundtrips.many", "the loaded state equals the saved one in many rounds (--rounds)", RULE_ENTIRE,
	  NEED_V2, 1800, many, 0, 0 },
};

POINTS(points_roundtrips, table);
