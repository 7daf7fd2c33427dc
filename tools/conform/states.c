// SPDX-License-Identifier: GPL-2.0-only
/* Points: every pair of states, what is refused, and what a state is by itself. */
#include <errno.h>
#include <stdio.h>

#include "conform.h"

#define RULE_ARC	"The remaining possible transitions are interpreted as combinations of the above FSM arcs. [...] The kernel migration driver must fully transition the device to the new state value before the operation returns to the user."
#define RULE_BLOCKED	"These arcs are not permitted and return error if requested."
#define RULE_OPTIONAL	"The optional states cannot be used with SET_STATE if the device does not support them."

/* Does going from @a to @b start a session? Within the saving group it goes on */
static bool starts_session(int a, int b)
{
	if (a == b || !has_file(b))
		return false;
	return !(is_saving(a) && is_saving(b));
}

static void refused(int from, int to, const char *why)
{
	bool got;
	int err = v2_try(&source, to, &got);

	if (!err)
		bad("SET_STATE succeeds: %s", why);
	if (err != EINVAL)
		note("the errno is %s; the core says EINVAL", ename(err));
	v2_is(&source, from);
}

static void arc(const struct point *p)
{
	bool got;
	int err;

	if (!v2_has(&source, p->a))
		skip("the device has no %s", state_names[p->a]);
	v2_reach(&source, p->a);
	if (!v2_can(&source, p->a, p->b)) {
		refused(p->a, p->b, v2_has(&source, p->b) ? RULE_BLOCKED : RULE_OPTIONAL);
		return;
	}
	err = v2_try(&source, p->b, &got);
	if (err)
		bad("SET_STATE: %s", ename(err));
	v2_is(&source, p->b);
	if (got && !starts_session(p->a, p->b))
		bad("it returns a data_fd, but starts no data transfer session");
	if (!got && starts_session(p->a, p->b))
		bad("it starts a data transfer session, but returns no data_fd");
}

static void initial(const struct point *p)
{
	int state, fd, err;

	(void)p;
	err = v2_get(&source, &state, &fd);
	if (err)
		bad("GET of MIG_DEVICE_STATE: %s", ename(err));
	v2_is(&source, ST_RUNNING);
}

static void get_fd(const struct point *p)
{
	int state, fd;

	(void)p;
	for (int i = ST_STOP; i < MAX_STATES; i++) {
		if (!v2_has(&source, i))
			continue;
		v2_reach(&source, i);
		v2_get(&source, &state, &fd);
		if (fd != -1)
			bad("in %s data_fd is %d", state_names[i], fd);
		v2_set(&source, ST_RUNNING);
	}
}

static void to_error(const struct point *p)
{
	(void)p;
	for (int i = ST_STOP; i < MAX_STATES; i++) {
		if (!v2_has(&source, i))
			continue;
		v2_reach(&source, i);
		refused(i, ST_ERROR, state_names[i]);
		v2_set(&source, ST_RUNNING);
	}
}

static void nonsense(const struct point *p)
{
	static const int numbers[] = { 8, 9, 99, 0x7fffffff, -1 };

	(void)p;
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		refused(ST_RUNNING, numbers[i], "no state has that number");
		v2_set(&source, ST_STOP);
		refused(ST_STOP, numbers[i], "no state has that number");
		v2_set(&source, ST_RUNNING);
	}
}

static void steady(const struct point *p)
{
	(void)p;
	for (int i = ST_STOP; i < MAX_STATES; i++) {
		if (!v2_has(&source, i))
			continue;
		v2_reach(&source, i);
		sleep_ms(50);
		v2_is(&source, i);
		v2_set(&source, ST_RUNNING);
	}
	sleep_ms(50);
	v2_is(&source, ST_RUNNING);
}

static void size(const struct point *p)
{
	uint64_t n;
	int err;

	(void)p;
	for (int i = ST_STOP; i < MAX_STATES; i++) {
		if (!v2_has(&source, i))
			continue;
		v2_reach(&source, i);
		n = 0;
		err = v2_feature(&source, FEATURE_DATA_SIZE | VFIO_DEVICE_FEATURE_GET, &n, sizeof(n));
		if (err)
			bad("in %s: %s", state_names[i], ename(err));
		v2_is(&source, i);
		v2_set(&source, ST_RUNNING);
	}
}

static void size_estimate(const struct point *p)
{
	struct bytes b = { 0 };
	uint64_t n = 0;

	(void)p;
	v2_set(&source, ST_STOP);
	v2_feature(&source, FEATURE_DATA_SIZE | VFIO_DEVICE_FEATURE_GET, &n, sizeof(n));
	v2_save(&source, &b);
	note("estimated %llu bytes, streamed %zu", (unsigned long long)n, b.n);
	if (!n && b.n)
		bad("0 bytes are estimated, %zu streamed", b.n);
}

static const struct point table[] = {
	{ "states.initial", "a device that was just opened is RUNNING",
	  "RUNNING - The device is running normally [...] If this GET succeeds, the RUNNING and ERROR states are always supported.",
	  NEED_V2, 10, initial, 0, 0 },
	{ "states.data-fd", "GET of the state has data_fd -1 in each state",
	  "Upon VFIO_DEVICE_FEATURE_GET, get the current migration state of the VFIO device, data_fd will be -1.",
	  NEED_V2, 30, get_fd, 0, 0 },
	{ "states.STOP-STOP", "STOP is reached from STOP",
	  RULE_ARC, NEED_V2, 15, arc, ST_STOP, ST_STOP },
	{ "states.STOP-RUNNING", "RUNNING is reached from STOP",
	  RULE_ARC, NEED_V2, 15, arc, ST_STOP, ST_RUNNING },
	{ "states.STOP-STOP_COPY", "STOP_COPY is reached from STOP",
	  RULE_ARC, NEED_V2, 15, arc, ST_STOP, ST_STOP_COPY },
	{ "states.STOP-RESUMING", "RESUMING is reached from STOP",
	  RULE_ARC, NEED_V2, 15, arc, ST_STOP, ST_RESUMING },
	{ "states.STOP-RUNNING_P2P", "RUNNING_P2P is reached from STOP, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_STOP, ST_RUNNING_P2P },
	{ "states.STOP-PRE_COPY", "PRE_COPY is reached from STOP, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_STOP, ST_PRE_COPY },
	{ "states.STOP-PRE_COPY_P2P", "PRE_COPY_P2P is reached from STOP, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_STOP, ST_PRE_COPY_P2P },
	{ "states.RUNNING-STOP", "STOP is reached from RUNNING",
	  RULE_ARC, NEED_V2, 15, arc, ST_RUNNING, ST_STOP },
	{ "states.RUNNING-RUNNING", "RUNNING is reached from RUNNING",
	  RULE_ARC, NEED_V2, 15, arc, ST_RUNNING, ST_RUNNING },
	{ "states.RUNNING-STOP_COPY", "STOP_COPY is reached from RUNNING",
	  RULE_ARC, NEED_V2, 15, arc, ST_RUNNING, ST_STOP_COPY },
	{ "states.RUNNING-RESUMING", "RESUMING is reached from RUNNING",
	  RULE_ARC, NEED_V2, 15, arc, ST_RUNNING, ST_RESUMING },
	{ "states.RUNNING-RUNNING_P2P", "RUNNING_P2P is reached from RUNNING, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_RUNNING, ST_RUNNING_P2P },
	{ "states.RUNNING-PRE_COPY", "PRE_COPY is reached from RUNNING, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_RUNNING, ST_PRE_COPY },
	{ "states.RUNNING-PRE_COPY_P2P", "PRE_COPY_P2P is reached from RUNNING, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_RUNNING, ST_PRE_COPY_P2P },
	{ "states.STOP_COPY-STOP", "STOP is reached from STOP_COPY",
	  RULE_ARC, NEED_V2, 15, arc, ST_STOP_COPY, ST_STOP },
	{ "states.STOP_COPY-RUNNING", "RUNNING is reached from STOP_COPY",
	  RULE_ARC, NEED_V2, 15, arc, ST_STOP_COPY, ST_RUNNING },
	{ "states.STOP_COPY-STOP_COPY", "STOP_COPY is reached from STOP_COPY",
	  RULE_ARC, NEED_V2, 15, arc, ST_STOP_COPY, ST_STOP_COPY },
	{ "states.STOP_COPY-RESUMING", "RESUMING is reached from STOP_COPY",
	  RULE_ARC, NEED_V2, 15, arc, ST_STOP_COPY, ST_RESUMING },
	{ "states.STOP_COPY-RUNNING_P2P", "RUNNING_P2P is reached from STOP_COPY, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_STOP_COPY, ST_RUNNING_P2P },
	{ "states.STOP_COPY-PRE_COPY", "PRE_COPY is refused from STOP_COPY, and the state stays",
	  RULE_BLOCKED, NEED_V2, 15, arc, ST_STOP_COPY, ST_PRE_COPY },
	{ "states.STOP_COPY-PRE_COPY_P2P", "PRE_COPY_P2P is refused from STOP_COPY, and the state stays",
	  RULE_BLOCKED, NEED_V2, 15, arc, ST_STOP_COPY, ST_PRE_COPY_P2P },
	{ "states.RESUMING-STOP", "STOP is reached from RESUMING",
	  RULE_ARC, NEED_V2, 15, arc, ST_RESUMING, ST_STOP },
	{ "states.RESUMING-RUNNING", "RUNNING is reached from RESUMING",
	  RULE_ARC, NEED_V2, 15, arc, ST_RESUMING, ST_RUNNING },
	{ "states.RESUMING-STOP_COPY", "STOP_COPY is reached from RESUMING",
	  RULE_ARC, NEED_V2, 15, arc, ST_RESUMING, ST_STOP_COPY },
	{ "states.RESUMING-RESUMING", "RESUMING is reached from RESUMING",
	  RULE_ARC, NEED_V2, 15, arc, ST_RESUMING, ST_RESUMING },
	{ "states.RESUMING-RUNNING_P2P", "RUNNING_P2P is reached from RESUMING, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_RESUMING, ST_RUNNING_P2P },
	{ "states.RESUMING-PRE_COPY", "PRE_COPY is reached from RESUMING, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_RESUMING, ST_PRE_COPY },
	{ "states.RESUMING-PRE_COPY_P2P", "PRE_COPY_P2P is reached from RESUMING, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2, 15, arc, ST_RESUMING, ST_PRE_COPY_P2P },
	{ "states.RUNNING_P2P-STOP", "STOP is reached from RUNNING_P2P",
	  RULE_ARC, NEED_V2 | NEED_P2P, 15, arc, ST_RUNNING_P2P, ST_STOP },
	{ "states.RUNNING_P2P-RUNNING", "RUNNING is reached from RUNNING_P2P",
	  RULE_ARC, NEED_V2 | NEED_P2P, 15, arc, ST_RUNNING_P2P, ST_RUNNING },
	{ "states.RUNNING_P2P-STOP_COPY", "STOP_COPY is reached from RUNNING_P2P",
	  RULE_ARC, NEED_V2 | NEED_P2P, 15, arc, ST_RUNNING_P2P, ST_STOP_COPY },
	{ "states.RUNNING_P2P-RESUMING", "RESUMING is reached from RUNNING_P2P",
	  RULE_ARC, NEED_V2 | NEED_P2P, 15, arc, ST_RUNNING_P2P, ST_RESUMING },
	{ "states.RUNNING_P2P-RUNNING_P2P", "RUNNING_P2P is reached from RUNNING_P2P, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_P2P, 15, arc, ST_RUNNING_P2P, ST_RUNNING_P2P },
	{ "states.RUNNING_P2P-PRE_COPY", "PRE_COPY is reached from RUNNING_P2P, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_P2P, 15, arc, ST_RUNNING_P2P, ST_PRE_COPY },
	{ "states.RUNNING_P2P-PRE_COPY_P2P", "PRE_COPY_P2P is reached from RUNNING_P2P, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_P2P, 15, arc, ST_RUNNING_P2P, ST_PRE_COPY_P2P },
	{ "states.PRE_COPY-STOP", "STOP is reached from PRE_COPY",
	  RULE_ARC, NEED_V2 | NEED_PRECOPY, 15, arc, ST_PRE_COPY, ST_STOP },
	{ "states.PRE_COPY-RUNNING", "RUNNING is reached from PRE_COPY",
	  RULE_ARC, NEED_V2 | NEED_PRECOPY, 15, arc, ST_PRE_COPY, ST_RUNNING },
	{ "states.PRE_COPY-STOP_COPY", "STOP_COPY is reached from PRE_COPY",
	  RULE_ARC, NEED_V2 | NEED_PRECOPY, 15, arc, ST_PRE_COPY, ST_STOP_COPY },
	{ "states.PRE_COPY-RESUMING", "RESUMING is reached from PRE_COPY",
	  RULE_ARC, NEED_V2 | NEED_PRECOPY, 15, arc, ST_PRE_COPY, ST_RESUMING },
	{ "states.PRE_COPY-RUNNING_P2P", "RUNNING_P2P is reached from PRE_COPY, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_PRECOPY, 15, arc, ST_PRE_COPY, ST_RUNNING_P2P },
	{ "states.PRE_COPY-PRE_COPY", "PRE_COPY is reached from PRE_COPY, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_PRECOPY, 15, arc, ST_PRE_COPY, ST_PRE_COPY },
	{ "states.PRE_COPY-PRE_COPY_P2P", "PRE_COPY_P2P is reached from PRE_COPY, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_PRECOPY, 15, arc, ST_PRE_COPY, ST_PRE_COPY_P2P },
	{ "states.PRE_COPY_P2P-STOP", "STOP is reached from PRE_COPY_P2P",
	  RULE_ARC, NEED_V2 | NEED_P2P | NEED_PRECOPY, 15, arc, ST_PRE_COPY_P2P, ST_STOP },
	{ "states.PRE_COPY_P2P-RUNNING", "RUNNING is reached from PRE_COPY_P2P",
	  RULE_ARC, NEED_V2 | NEED_P2P | NEED_PRECOPY, 15, arc, ST_PRE_COPY_P2P, ST_RUNNING },
	{ "states.PRE_COPY_P2P-STOP_COPY", "STOP_COPY is reached from PRE_COPY_P2P",
	  RULE_ARC, NEED_V2 | NEED_P2P | NEED_PRECOPY, 15, arc, ST_PRE_COPY_P2P, ST_STOP_COPY },
	{ "states.PRE_COPY_P2P-RESUMING", "RESUMING is reached from PRE_COPY_P2P",
	  RULE_ARC, NEED_V2 | NEED_P2P | NEED_PRECOPY, 15, arc, ST_PRE_COPY_P2P, ST_RESUMING },
	{ "states.PRE_COPY_P2P-RUNNING_P2P", "RUNNING_P2P is reached from PRE_COPY_P2P, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_P2P | NEED_PRECOPY, 15, arc, ST_PRE_COPY_P2P, ST_RUNNING_P2P },
	{ "states.PRE_COPY_P2P-PRE_COPY", "PRE_COPY is reached from PRE_COPY_P2P, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_P2P | NEED_PRECOPY, 15, arc, ST_PRE_COPY_P2P, ST_PRE_COPY },
	{ "states.PRE_COPY_P2P-PRE_COPY_P2P", "PRE_COPY_P2P is reached from PRE_COPY_P2P, or refused if the device does not have it",
	  RULE_ARC " " RULE_OPTIONAL, NEED_V2 | NEED_P2P | NEED_PRECOPY, 15, arc, ST_PRE_COPY_P2P, ST_PRE_COPY_P2P },
	{ "states.to-ERROR", "ERROR is refused from each state, and the state stays",
	  "ERROR cannot be specified as a device state [...]",
	  NEED_V2, 30, to_error, 0, 0 },
	{ "states.nonsense", "numbers that are not states are refused, and the state stays",
	  "The new state is supplied in device_state, see enum vfio_device_mig_state for details",
	  NEED_V2, 15, nonsense, 0, 0 },
	{ "states.steady", "no state changes by itself",
	  "The kernel migration driver must not generate asynchronous device state transitions outside of manipulation by the user or the VFIO_DEVICE_RESET ioctl as described above.",
	  NEED_V2, 30, steady, 0, 0 },
	{ "states.data-size", "the data size can be asked for in each state",
	  "Upon VFIO_DEVICE_FEATURE_GET read back the estimated data length that will be required to complete stop copy. Note: Can be called on each device state.",
	  NEED_V2 | NEED_SIZE, 30, size, 0, 0 },
	{ "states.data-size-estimate", "the data size is not 0 if there is state to stream",
	  "Upon VFIO_DEVICE_FEATURE_GET read back the estimated data length that will be required to complete stop copy.",
	  NEED_V2 | NEED_SIZE, 30, size_estimate, 0, 0 },
};

POINTS(points_states, table);
