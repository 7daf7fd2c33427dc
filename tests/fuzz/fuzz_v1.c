// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing of the migration region's decoder: every access is one of those that the uapi
 * describes or refused, and what a state is written as is what it reads as.
 *
 * Input: offset (8 bytes), count (8), write (1), device_state (4), little-endian.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "v1_regs.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

struct input {
	u64 pos, count;
	u8 write;
	u32 device_state;
} __packed;

/* What an access may come to, by the widths and rights in the uapi's comment */
static void check_access(u64 pos, u64 count, bool write)
{
	static const struct { u64 at, width; bool ro; int is; } regs[] = {
		{ 0, 4, false, V1_STATE }, { 4, 4, false, V1_RESERVED }, { 8, 8, true, V1_PENDING },
		{ 16, 8, true, V1_OFFSET }, { 24, 8, false, V1_SIZE },
	};
	int got = v1_decode(pos, count, write), want = -EINVAL;

	for (unsigned int i = 0; i < 5; i++) {
		if (regs[i].at == pos && regs[i].width == count && !(write && regs[i].ro))
			want = regs[i].is;
	}
	/* In 128 bits: no sum wraps */
	if (pos >= V1_DATA_OFFSET && (unsigned __int128)pos + count <= V1_REGION_SIZE &&
	    pos < V1_REGION_SIZE)
		want = V1_DATA;
	MUST(got == want);
}

static void check_state(u32 device_state)
{
	bool pre_copy;
	int state = v1_to_state(device_state, &pre_copy);

	if (state < 0) {
		MUST(device_state > 4);
		return;
	}
	MUST(device_state <= 4);
	MUST(v1_from_state(state, pre_copy) == device_state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	check_access(le64_to_cpu(in.pos), le64_to_cpu(in.count), in.write & 1);
	check_state(le32_to_cpu(in.device_state));
	return 0;
}
