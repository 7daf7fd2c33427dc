// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing of the check of virtio's device parts: what is taken can be walked from its beginning to
 * its end, with lengths that fit, and has what a device cannot do without; whoever is asked twice
 * says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static void walk(const uint8_t *data, size_t bytes)
{
	size_t seen[0x106] = { }, at = 0;

	while (bytes - at >= 16) {
		uint32_t type = data[at] | data[at + 1] << 8, length = le32(data + at + 12);

		MUST(length <= bytes - at - 16);
		if (type < 0x106)
			seen[type]++;
		at += 16 + length;
	}
	MUST(bytes - at < 8);
	for (; at < bytes; at++)
		MUST(!data[at]);
	MUST(seen[0x100] == 1 && seen[0x101] == 1 && seen[0x103] == 1);
	MUST(seen[0x104] && (!seen[0x105] || seen[0x105] == seen[0x104]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* At its end by the sanitizer's, at an odd address */
	uint8_t *copy = malloc(size + 1);
	size_t at = ~0ul, again = ~0ul;
	const char *why, *whyagain;

	MUST(copy);
	memcpy(copy + 1, data, size);
	why = virtio_parts_check(copy + 1, size, &at);
	whyagain = virtio_parts_check(copy + 1, size, &again);
	MUST(why == whyagain && at == again && at <= size);
	if (!why)
		walk(copy + 1, size);
	free(copy);
	return 0;
}
