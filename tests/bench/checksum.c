// SPDX-License-Identifier: GPL-2.0-only
/*
 * checksum: what CRC-32C costs on a processor that has an instruction for it, beside reading a memfd. For the
 * machine on which the test hosts are emulated: in them that instruction is a function.
 *
 * Three streams at a time, as the kernel does it: the instruction needs three clocks for a result, and
 * one can begin in each. Prints two lines in microseconds for a MiB, medians, and the ratio.
 */
#include <nmmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PIECE	(1 << 20)
#define PIECES	256

static uint8_t piece[PIECE] __attribute__((aligned(64)));

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static int order(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

__attribute__((target("sse4.2"))) static uint64_t checksum(const uint8_t *data)
{
	const size_t words = PIECE / 8 / 3;
	const uint64_t *at = (const uint64_t *)data;
	uint64_t a = ~0U, b = 0, c = 0;

	for (size_t i = 0; i < words; i++) {
		a = _mm_crc32_u64(a, at[i]);
		b = _mm_crc32_u64(b, at[words + i]);
		c = _mm_crc32_u64(c, at[2 * words + i]);
	}
	return a ^ b ^ c;
}

int main(void)
{
	static double reads[PIECES], sums[PIECES];
	int fd = memfd_create("bench", 0);
	volatile uint64_t sum = 0;

	if (!__builtin_cpu_supports("sse4.2"))
		return 0;
	for (unsigned int i = 0; i < PIECES; i++) {
		memset(piece, i, PIECE);
		if (pwrite(fd, piece, PIECE, (off_t)i * PIECE) != PIECE)
			return 1;
	}
	for (unsigned int i = 0; i < PIECES; i++) {
		double start = now_us();

		if (pread(fd, piece, PIECE, (off_t)i * PIECE) != PIECE)
			return 1;
		reads[i] = now_us() - start;
		start = now_us();
		sum += checksum(piece);
		sums[i] = now_us() - start;
	}
	qsort(reads, PIECES, sizeof(*reads), order);
	qsort(sums, PIECES, sizeof(*sums), order);
	printf("On the processor that emulates the machine, which has an instruction for the checksum\n");
	printf("  %-46s %10.1f us for a MiB\n", "checksum", sums[PIECES / 2]);
	printf("  %-46s %10.1f us for a MiB\n", "reading a memfd", reads[PIECES / 2]);
	printf("  %-46s %10.2f\n", "ratio of both to reading", 1 + sums[PIECES / 2] / reads[PIECES / 2]);
	return 0;
}
