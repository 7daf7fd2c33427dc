// SPDX-License-Identifier: GPL-2.0-only
/*
 * Points: the migration region (v1). Its sentences are those of struct vfio_device_migration_info in the
 * headers of Linux 5.8 to 5.17, when it was the uapi.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"

#define REG(member)	offsetof(struct v1_regs, member)

#define RULE_STATE	"After successful transition to a given state, the vendor driver should return success on write(device_state, state) system call. If the device state transition fails, the vendor driver should return an appropriate -errno for the fault condition."
#define RULE_PREVIOUS	"The vendor driver should return previous state of the device unless the vendor driver has encountered an internal error, in which case the vendor driver may report the device_state VFIO_DEVICE_STATE_ERROR."
#define RULE_SEQUENCE	"Read pending_bytes, indicating the start of a new iteration to get device data. [...] The user application should iterate in _SAVING (stop-and-copy) until pending_bytes is 0."

static bool must_step(struct bytes *b)
{
	int ret = v1_step(&source, b, false);

	if (ret < 0)
		bad("the migration region: %s after %zu bytes", ename(-ret), b->n);
	return ret > 0;
}

static void need_calm(void)
{
	if (!v1_calm(&source))
		bad("device_state can't be brought to _RUNNING");
}

static void initial(const struct point *p)
{
	(void)p;
	v1_is(&source, V1_RUNNING);
}

/* @a to @b, @a reached from _RUNNING */
static void arc(const struct point *p)
{
	v1_must(&source, p->a);
	v1_must(&source, p->b);
	need_calm();
}

static void refused(const struct point *p)
{
	static const uint32_t from[] = { V1_RUNNING, V1_STOP, V1_SAVING, V1_PRE_COPY };
	static const uint32_t to[] = { 5, 6, 7 };

	(void)p;
	for (int i = 0; i < 4; i++) {
		v1_must(&source, from[i]);
		for (int k = 0; k < 3; k++) {
			if (!v1_state(&source, to[k]))
				bad("%s is accepted in %s", v1_name(to[k]), v1_name(from[i]));
			v1_is(&source, from[i]);
		}
		v1_must(&source, V1_RUNNING);
	}
}

static void width(const struct point *p)
{
	uint8_t buf[8] = { 0 };

	(void)p;
	if (!v1_get(&source, REG(device_state), buf, 1) || !v1_get(&source, REG(device_state), buf, 8))
		bad("device_state is read by other than 4 bytes");
	if (!v1_get(&source, REG(pending_bytes), buf, 2))
		bad("pending_bytes is read by 2 bytes");
	if (!v1_put(&source, REG(device_state), 0, 2))
		bad("device_state is written by 2 bytes");
	v1_is(&source, V1_RUNNING);
}

static void reserved(const struct point *p)
{
	uint32_t value = ~0;

	(void)p;
	if (v1_get(&source, REG(reserved), &value, 4) || value)
		bad("reserved does not read 0");
	if (v1_put(&source, REG(reserved), 0xffffffff, 4))
		bad("a write to reserved is not ignored, but refused");
}

static void stable(const struct point *p)
{
	uint64_t a[2] = { 0 }, b[2] = { 0 };

	(void)p;
	v1_must(&source, V1_SAVING);
	if (v1_get(&source, REG(pending_bytes), &a[0], 8) ||
	    v1_get(&source, REG(pending_bytes), &a[1], 8))
		bad("pending_bytes can't be read");
	if (!a[0] || a[0] != a[1])
		bad("pending_bytes reads %llu, then %llu", (unsigned long long)a[0],
		    (unsigned long long)a[1]);
	for (int i = 0; i < 2; i++) {
		if (v1_get(&source, REG(data_offset), &a[i], 8) ||
		    v1_get(&source, REG(data_size), &b[i], 8))
			bad("data_offset or data_size can't be read");
	}
	if (!a[0] || a[0] != a[1] || b[0] != b[1])
		bad("data_offset and data_size read another time are others");
}

static void round_trip(const struct point *p)
{
	struct bytes b = { 0 };

	if (p->a && !source.v1_mapped)
		skip("nothing of the region can be mapped");
	v1_save(&source, &b, p->a);
	v1_must(&source, V1_RUNNING);
	v1_load(target(), &b, p->b);
	note("%zu bytes", b.n);
}

static void early(const struct point *p)
{
	struct bytes b = { 0 };

	v1_must(&source, V1_PRE_COPY);
	for (int i = 0; i < p->a; i++)
		must_step(&b);
	v1_must(&source, V1_SAVING);
	v1_read_all(&source, &b, false);
	v1_must(&source, V1_STOP);
	v1_must(&source, V1_RUNNING);
	v1_load(target(), &b, false);
}

static void state(const struct point *p)
{
	struct bytes b = { 0 };
	uint64_t digest, now;

	plugin_work(&source, 1);
	if (p->a) {
		v1_must(&source, V1_PRE_COPY);
		for (int i = 0; i < 3; i++) {
			for (int k = 0; k < 2000 && must_step(&b); k++)
				;
			plugin_work(&source, 10 + i);
		}
	}
	digest = plugin_digest(&source);
	v1_must(&source, V1_SAVING);
	v1_read_all(&source, &b, false);
	v1_must(&source, V1_RUNNING);
	plugin_work(target(), 2);
	v1_load(target(), &b, false);
	now = plugin_digest(target());
	if (now != digest)
		bad("the digest of the state is 0x%llx, saved was 0x%llx", (unsigned long long)now,
		    (unsigned long long)digest);
	plugin_work(target(), 3);
}

static void still(const struct point *p)
{
	uint64_t before;

	(void)p;
	plugin_begin(&source);
	v1_must(&source, V1_STOP);
	before = plugin_progress(&source);
	sleep_ms(300);
	if (plugin_progress(&source) != before)
		bad("it goes on in _STOP");
	v1_must(&source, V1_RUNNING);
}

static void reset(const struct point *p)
{
	const char *err;

	v1_must(&source, p->a);
	err = reset_by_ioctl(&source);
	if (err)
		bad("VFIO_DEVICE_RESET: %s", err);
	v1_is(&source, V1_RUNNING);
	plugin_ready(&source);
	v1_must(&source, V1_SAVING);
	need_calm();
}

static void closed(const struct point *p)
{
	v1_must(&source, p->a);
	vdev_close(&source);
	vdev_must_open(&source);
	v1_is(&source, V1_RUNNING);
}

/* Data that is not what was saved: whatever comes of it, a reset mends it */
static void hostile(const struct point *p)
{
	struct bytes b = { 0 };
	struct vdev *v = target();
	int err;

	v1_save(&source, &b, false);
	v1_must(&source, V1_RUNNING);
	switch (p->a) {
	case 0:
		b.n /= 2;
		break;
	case 1:
		b.at[0] ^= 0x10;
		break;
	case 2:
		b.at[b.n / 2] ^= 0x10;
		break;
	default: memset(b.at, 0, b.n);
	}
	v1_must(v, V1_RESUMING);
	err = v1_write_all(v, &b, false);
	if (!err) {
		err = v1_state(v, V1_RUNNING);
		note("device_state: %s", err ? ename(err) : "success");
	} else {
		note("writing the data: %s", ename(err));
	}
	reset_by_ioctl(v);
	v1_is(v, V1_RUNNING);
	plugin_ready(v);
	v1_save(v, &b, false);
	v1_must(v, V1_RUNNING);
	v1_load(v, &b, false);
}

static void many(const struct point *p)
{
	struct bytes b = { 0 };
	uint64_t began = now_us();

	(void)p;
	for (unsigned int i = 0; i < options.rounds; i++) {
		v1_save(&source, &b, false);
		v1_must(&source, V1_RUNNING);
		v1_load(target(), &b, false);
	}
	note("%u round trips, %.1f a second", options.rounds,
	     options.rounds * 1e6 / (now_us() - began + 1));
}

#define ARC(name, title, from, to) \
	{ "region." name, title, RULE_STATE, NEED_V1, 20, arc, from, to }
#define RESET(name, state) \
	{ "region.reset-" name, "a reset in " #state " ends in _RUNNING", \
	  "The user application must use the device reset ioctl to recover the device from VFIO_DEVICE_STATE_ERROR state.", \
	  NEED_V1 | NEED_RESET, 20, reset, state, 0 }
#define CLOSE(name, state) \
	{ "region.close-" name, "closed in " #state " the next user finds it _RUNNING", \
	  "Default state of VFIO device is _RUNNING when the user application starts.", \
	  NEED_V1, 20, closed, state, 0 }
#define HOSTILE(name, title, kind) \
	{ "region.hostile-" name, title, \
	  "If an error occurs during the above sequences, the vendor driver can return an error code for next read() or write() operation, which will terminate the loop.", \
	  NEED_V1, 60, hostile, kind, 0 }

static const struct point table[] = {
	{ "region.initial", "device_state is _RUNNING at the start",
	  "Default state of VFIO device is _RUNNING when the user application starts.",
	  NEED_V1, 10, initial, 0, 0 },
	ARC("stop", "_RUNNING to _STOP", V1_RUNNING, V1_STOP),
	ARC("run", "_STOP to _RUNNING", V1_STOP, V1_RUNNING),
	ARC("save", "_RUNNING to _SAVING", V1_RUNNING, V1_SAVING),
	ARC("saved", "_SAVING to _STOP", V1_SAVING, V1_STOP),
	ARC("save-failed", "_SAVING to _RUNNING", V1_SAVING, V1_RUNNING),
	ARC("precopy", "_RUNNING to _SAVING|_RUNNING", V1_RUNNING, V1_PRE_COPY),
	ARC("precopy-save", "_SAVING|_RUNNING to _SAVING", V1_PRE_COPY, V1_SAVING),
	ARC("precopy-failed", "_SAVING|_RUNNING to _RUNNING", V1_PRE_COPY, V1_RUNNING),
	ARC("load", "_RUNNING to _RESUMING", V1_RUNNING, V1_RESUMING),
	{ "region.refused", "invalid states are refused, and the state stays", RULE_PREVIOUS,
	  NEED_V1, 20, refused, 0, 0 },
	{ "region.width", "registers have one width",
	  "Field accesses from this structure are only supported at their native width and alignment. Otherwise, the result is undefined and vendor drivers should return an error.",
	  NEED_V1, 10, width, 0, 0 },
	{ "region.reserved", "reserved reads 0, and writes are ignored",
	  "Reads on this field return zero and writes are ignored.", NEED_V1, 10, reserved, 0, 0 },
	{ "region.stable", "registers that are read twice have the same value",
	  "Repeated read on pending_bytes at this stage should have no side effects. [...] Read on data_offset and data_size should return the offset and size of the current buffer if the user application reads data_offset and data_size more than once here.",
	  NEED_V1, 20, stable, 0, 0 },
	{ "region.round-trip", "what is saved loads", RULE_SEQUENCE, NEED_V1, 60, round_trip, 0, 0 },
	{ "region.mapped-save", "what is saved by a mapping loads",
	  "The user is not required to access through mmap regardless of the capabilities of the region mmap.",
	  NEED_V1, 60, round_trip, 1, 0 },
	{ "region.mapped-load", "what is saved by a mapping loads by a mapping",
	  "The user is not required to access through mmap regardless of the capabilities of the region mmap.",
	  NEED_V1, 60, round_trip, 1, 1 },
	{ "region.early", "pre-copy and stop-and-copy are one stream, which loads",
	  "The user application can transition from the _SAVING|_RUNNING (pre-copy state) to the _SAVING (stop-and-copy) state regardless of the number of pending bytes.",
	  NEED_V1, 60, early, 3, 0 },
	{ "region.early-unread", "the stream loads if nothing of pre-copy is read",
	  "The user must not be required to consume all migration data before the device transitions to a new state, including the stop-and-copy state.",
	  NEED_V1, 60, early, 0, 0 },
	{ "region.still", "a busy device does not change in _STOP",
	  "When the device state is changed to _STOP, driver should stop the device before write() returns.",
	  NEED_V1 | NEED_PROGRESS, 30, still, 0, 0 },
	{ "region.state", "the loaded state equals the saved one, and the device works",
	  "In the _RESUMING state, the driver should use the device state data received through the migration region to resume the device.",
	  NEED_V1 | NEED_WORK, 60, state, 0, 0 },
	{ "region.precopy-state", "the loaded state equals the saved one if it changed during the save",
	  "On state transition from pre-copy to stop-and-copy, the driver must stop the device, save the device state and send it to the user application through the migration region.",
	  NEED_V1 | NEED_WORK, 60, state, 1, 0 },
	RESET("running", V1_RUNNING),
	RESET("stop", V1_STOP),
	RESET("saving", V1_SAVING),
	RESET("precopy", V1_PRE_COPY),
	RESET("resuming", V1_RESUMING),
	CLOSE("stop", V1_STOP),
	CLOSE("saving", V1_SAVING),
	CLOSE("precopy", V1_PRE_COPY),
	CLOSE("resuming", V1_RESUMING),
	HOSTILE("cut", "a reset recovers the device from half of the data", 0),
	HOSTILE("begin", "a reset recovers the device from data with a bit flipped at its start", 1),
	HOSTILE("middle", "a reset recovers the device from data with a bit flipped in the middle", 2),
	HOSTILE("zeros", "a reset recovers the device from zeros", 3),
	{ "region.many", "round trips, many times (--rounds)", RULE_SEQUENCE,
	  NEED_V1, 1800, many, 0, 0 },
};

POINTS(points_region, table);
