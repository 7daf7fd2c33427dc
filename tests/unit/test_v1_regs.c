// SPDX-License-Identifier: GPL-2.0-only
/* Registers of the migration region: every access near them, every device_state */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "tap.h"
#include "v1_regs.h"

/* From the uapi's description, not from the code */
static int wanted(uint64_t pos, uint64_t count, bool write)
{
	if (pos == 0 && count == 4)
		return V1_STATE;
	if (pos == 4 && count == 4)
		return V1_RESERVED;
	if (pos == 8 && count == 8)
		return write ? -EINVAL : V1_PENDING;
	if (pos == 16 && count == 8)
		return write ? -EINVAL : V1_OFFSET;
	if (pos == 24 && count == 8)
		return V1_SIZE;
	return -EINVAL;
}

static void registers(void)
{
	for (uint64_t pos = 0; pos < 64; pos++)
		for (uint64_t count = 0; count < 64; count++)
			for (int write = 0; write < 2; write++)
				CHECK(v1_decode(pos, count, write) == wanted(pos, count, write),
				      "%d bytes at %d, write %d: %d", (int)count, (int)pos, write,
				      v1_decode(pos, count, write));
}

static void between(void)
{
	for (uint64_t pos = 64; pos < V1_DATA_OFFSET; pos += 4)
		CHECK(v1_decode(pos, 4, false) == -EINVAL, "0x%llx", (unsigned long long)pos);
	CHECK(v1_decode(V1_DATA_OFFSET - 1, 2, true) == -EINVAL, "into the data");
}

static void data(void)
{
	CHECK(v1_decode(V1_DATA_OFFSET, V1_DATA_SIZE, true) == V1_DATA, "all of it");
	CHECK(v1_decode(V1_DATA_OFFSET, V1_DATA_SIZE + 1, true) == -EINVAL, "more");
	CHECK(v1_decode(V1_REGION_SIZE - 1, 1, false) == V1_DATA, "the last byte");
	CHECK(v1_decode(V1_REGION_SIZE - 1, 2, false) == -EINVAL, "one too many");
	CHECK(v1_decode(V1_REGION_SIZE, 1, false) == -EINVAL, "behind it");
	CHECK(v1_decode(V1_DATA_OFFSET + 1, UINT64_MAX, false) == -EINVAL, "overflow");
	CHECK(v1_decode(UINT64_MAX, 8, false) == -EINVAL, "the end of everything");
}

/* State bits: RUNNING 1, SAVING 2, RESUMING 4 */
static void states(void)
{
	static const int state[8] = {
		[0] = VFIO_DEVICE_STATE_STOP, [1] = VFIO_DEVICE_STATE_RUNNING,
		[2] = VFIO_DEVICE_STATE_STOP_COPY, [3] = VFIO_DEVICE_STATE_RUNNING,
		[4] = VFIO_DEVICE_STATE_RESUMING, [5] = -EINVAL, [6] = -EINVAL, [7] = -EINVAL,
	};
	bool pre_copy;

	for (uint32_t v = 0; v < 4096; v++) {
		CHECK(v1_to_state(v, &pre_copy) == (v < 8 ? state[v] : -EINVAL), "%u", v);
		CHECK(pre_copy == (v == 3), "%u", v);
	}
	CHECK(v1_to_state(0x80000001, &pre_copy) == -EINVAL, "the highest bit");
}

static void there_and_back(void)
{
	bool pre_copy;

	for (uint32_t v = 0; v < 5; v++) {
		int state = v1_to_state(v, &pre_copy);

		CHECK(v1_from_state(state, pre_copy) == v, "%u", v);
	}
	CHECK(v1_from_state(VFIO_DEVICE_STATE_ERROR, false) == 6, "error");
	CHECK(v1_from_state(VFIO_DEVICE_STATE_RUNNING_P2P, false) == 1, "P2P is v2's");
}

const struct test v1_tests[] = {
	TEST(registers, "v1: registers are accessed whole or not at all"),
	TEST(between, "v1: nothing between registers and data"),
	TEST(data, "v1: the data section has an end"),
	TEST(states, "v1: each device_state, and those that are none"),
	TEST(there_and_back, "v1: what is written is what is read"),
	{}
};
