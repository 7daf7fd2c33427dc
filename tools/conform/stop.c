// SPDX-License-Identifier: GPL-2.0-only
/* Points: a device that is stopped stands still, and can still be spoken to. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conform.h"

#define RULE_STILL	"While in STOP the device must stop the operation of the device. The device must not generate interrupts, DMA, or any other change to external state. It must not change its internal state."
#define RULE_ACCESS	"When stopped the device and kernel migration driver must accept and respond to interaction to support external subsystems in the STOP state, for example PCI MSI-X and PCI config space."

static void config(const struct point *p)
{
	struct region r = vdev_region(&source, VFIO_PCI_CONFIG_REGION_INDEX);
	uint8_t before[64], now[64];

	if (!(source.info.flags & VFIO_DEVICE_FLAGS_PCI))
		skip("it is no PCI device");
	if (pread(source.fd, before, sizeof(before), r.at) != sizeof(before))
		bad("config space can't be read in RUNNING: %s", ename(errno));
	v2_set(&source, p->a);
	if (pread(source.fd, now, sizeof(now), r.at) != sizeof(now))
		bad("config space can't be read in %s: %s", state_names[p->a], ename(errno));
	if (memcmp(before, now, 4))
		bad("in %s config space reads vendor and device 0x%02x%02x 0x%02x%02x",
		    state_names[p->a], now[1], now[0], now[3], now[2]);
	if (memcmp(before, now, sizeof(now)))
		note("config space reads otherwise than in RUNNING");
}

/* A user who does not care what state the device is in */
static void touched(const struct point *p)
{
	uint32_t word;
	int state, fd;

	(void)p;
	v2_set(&source, ST_STOP);
	for (uint32_t i = VFIO_PCI_BAR0_REGION_INDEX; i <= VFIO_PCI_BAR5_REGION_INDEX; i++) {
		struct region r = vdev_region(&source, i);

		if (r.size < 4 || !(r.flags & VFIO_REGION_INFO_FLAG_READ))
			continue;
		if (pread(source.fd, &word, sizeof(word), r.at) < 0)
			note("region %u: %s", i, ename(errno));
	}
	if (v2_get(&source, &state, &fd))
		bad("then the state can't be read");
	note("then the state is %s", state_names[state]);
	if (reset_by_ioctl(&source) && state != ST_RUNNING)
		v2_set(&source, ST_RUNNING);
	v2_is(&source, ST_RUNNING);
}

static void moves(uint64_t before, const char *where)
{
	uint64_t until = now_us() + 5000000ULL * user_patience;

	while (plugin_progress(&source) == before) {
		if (now_us() > until)
			bad("the workload does not go on in %s", where);
		sleep_ms(5);
	}
}

static void stands(const char *where)
{
	uint64_t before = plugin_progress(&source), now;

	sleep_ms(300);
	now = plugin_progress(&source);
	if (now != before)
		bad("in %s it goes on: progress %llu, 300 ms later %llu", where,
		    (unsigned long long)before, (unsigned long long)now);
}

static void still(const struct point *p)
{
	plugin_begin(&source);
	moves(plugin_progress(&source), "RUNNING");
	v2_set(&source, p->a);
	stands(state_names[p->a]);
	v2_set(&source, ST_RUNNING);
	moves(plugin_progress(&source), "RUNNING, after it was stopped");
}

static bool all(const uint8_t *at, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++) {
		if (((const volatile uint8_t *)at)[i] != value)
			return false;
	}
	return true;
}

/* What the device would write is overwritten: in STOP it must stay so */
static void memory(const struct point *p)
{
	uint64_t until = now_us() + 5000000ULL * user_patience;
	uint8_t *at;
	size_t n;

	plugin_begin(&source);
	at = plugin_target(&source, &n);
	memset(at, 0xee, n);
	while (all(at, n, 0xee)) {
		if (now_us() > until)
			bad("the workload writes no memory in RUNNING");
		v2_is(&source, ST_RUNNING);
	}
	v2_set(&source, p->a);
	memset(at, 0xee, n);
	sleep_ms(300);
	v2_is(&source, p->a);
	if (!all(at, n, 0xee))
		bad("in %s the device writes memory", state_names[p->a]);
	v2_set(&source, ST_RUNNING);
}

static void tracked(const struct point *p)
{
	(void)p;
	plugin_begin(&source);
	moves(plugin_progress(&source), "RUNNING");
	v2_set(&source, ST_PRE_COPY);
	moves(plugin_progress(&source), "PRE_COPY");
}

static void same_state(const struct point *p)
{
	uint64_t before;

	(void)p;
	plugin_work(&source, 11);
	v2_set(&source, ST_STOP);
	before = plugin_digest(&source);
	sleep_ms(100);
	if (plugin_digest(&source) != before)
		bad("the digest of its state changes in STOP");
	v2_set(&source, ST_STOP_COPY);
	v2_set(&source, ST_STOP);
	if (plugin_digest(&source) != before)
		bad("the digest of its state is another after STOP_COPY");
	v2_set(&source, ST_RUNNING);
	if (plugin_digest(&source) != before)
		bad("the digest of its state is another when it is RUNNING again, without work");
}

static const struct point table[] = {
	{ "stop.config-STOP", "config space can be read in STOP", RULE_ACCESS,
	  NEED_V2, 20, config, ST_STOP, 0 },
	{ "stop.config-STOP_COPY", "config space can be read in STOP_COPY",
	  "While in the STOP_COPY state the device has the same behavior as STOP [...]",
	  NEED_V2, 20, config, ST_STOP_COPY, 0 },
	{ "stop.touched", "reads of registers in STOP do no harm",
	  "Failure by the user to restrict device access while in STOP must not result in error conditions outside the user context (ex. host system faults).",
	  NEED_V2, 20, touched, 0, 0 },
	{ "stop.still-STOP", "a busy device does not change in STOP, and then goes on", RULE_STILL,
	  NEED_V2 | NEED_PROGRESS, 30, still, ST_STOP, 0 },
	{ "stop.still-STOP_COPY", "a busy device does not change in STOP_COPY, and then goes on",
	  "While in the STOP_COPY state the device has the same behavior as STOP [...]",
	  NEED_V2 | NEED_PROGRESS, 30, still, ST_STOP_COPY, 0 },
	{ "stop.memory-STOP", "a busy device writes no memory in STOP", RULE_STILL,
	  NEED_V2 | NEED_TARGET, 30, memory, ST_STOP, 0 },
	{ "stop.memory-STOP_COPY", "a busy device writes no memory in STOP_COPY",
	  "While in the STOP_COPY state the device has the same behavior as STOP [...]",
	  NEED_V2 | NEED_TARGET, 30, memory, ST_STOP_COPY, 0 },
	{ "stop.not-PRE_COPY", "a busy device goes on in PRE_COPY",
	  "PRE_COPY - The device is running normally but tracking internal state changes",
	  NEED_V2 | NEED_PROGRESS | NEED_PRECOPY, 30, tracked, 0, 0 },
	{ "stop.state", "the device's state does not change in STOP and STOP_COPY", RULE_STILL,
	  NEED_V2 | NEED_WORK, 30, same_state, 0, 0 },
};

POINTS(points_stop, table);
