// SPDX-License-Identifier: GPL-2.0-only
/*
 * blkload DEVICE [THREADS [BLOCKS]]: writes to a block device and verifies what it reads.
 *
 * Each thread has BLOCKS blocks of 4 KiB of its own. It writes one, chosen by chance, which says
 * who wrote it, where and as which one, and reads another back that it has written before, all
 * without a cache. Each second a line says how it goes:
 *
 *   BLKLOAD ops=N errors=N gap_ms=N		gap_ms: the longest time without a request that ended
 *
 * SIGUSR1: the threads pause, every block that was written is read and compared, and
 *
 *   BLKLOAD verified=N errors=N
 *
 * SIGUSR2: the longest gap is measured anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	4096
#define WORDS	(BLOCK / 8)

struct thread {
	pthread_t id;
	unsigned int number;
	unsigned int seed;
	uint64_t sequence;
	uint64_t *written;	/* sequence of each block, 0: never */
	uint64_t *block;
};

static int fd;
static unsigned int blocks = 256;
static atomic_ulong ops, errors;
static _Atomic uint64_t last_op, longest;
static volatile sig_atomic_t verify_wanted, gap_wanted;
/* The verifier comes before the threads, which never leave it free */
static pthread_rwlock_t running = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static uint64_t next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static void fill(uint64_t *block, unsigned int thread, unsigned int slot, uint64_t sequence)
{
	uint64_t x = 0x9e3779b97f4a7c15ull * (sequence + 1) ^ (uint64_t)thread << 40 ^ slot;

	block[0] = thread;
	block[1] = slot;
	block[2] = sequence;
	for (int i = 3; i < WORDS; i++)
		block[i] = x = next(x);
}

static off_t place(const struct thread *t, unsigned int slot)
{
	return ((off_t)t->number * blocks + slot) * BLOCK;
}

static void complain(const struct thread *t, const char *what, unsigned int slot, uint64_t got)
{
	/* The first few tell the story */
	if (atomic_fetch_add(&errors, 1) < 10)
		printf("BLKLOAD failed: %s, thread %u block %u: got %llu, expected %llu\n", what, t->number,
		       slot, (unsigned long long)got, (unsigned long long)t->written[slot]);
}

static void done(void)
{
	uint64_t now = now_ms(), gap = now - atomic_exchange(&last_op, now);

	atomic_fetch_add(&ops, 1);
	if (gap < 1ull << 40 && gap > atomic_load(&longest))
		atomic_store(&longest, gap);
}

static void write_block(struct thread *t, unsigned int slot)
{
	fill(t->block, t->number, slot, ++t->sequence);
	t->written[slot] = t->sequence;
	if (pwrite(fd, t->block, BLOCK, place(t, slot)) != BLOCK)
		complain(t, strerror(errno), slot, 0);
	done();
}

static void read_block(struct thread *t, unsigned int slot)
{
	uint64_t expected[WORDS];

	fill(expected, t->number, slot, t->written[slot]);
	memset(t->block, 0, BLOCK);
	if (pread(fd, t->block, BLOCK, place(t, slot)) != BLOCK)
		complain(t, strerror(errno), slot, 0);
	else if (memcmp(t->block, expected, BLOCK))
		complain(t, "wrong block", slot, t->block[2]);
	done();
}

static void *work(void *arg)
{
	struct thread *t = arg;

	for (;;) {
		unsigned int slot = rand_r(&t->seed) % blocks, other = rand_r(&t->seed) % blocks;

		pthread_rwlock_rdlock(&running);
		write_block(t, slot);
		if (t->written[other])
			read_block(t, other);
		pthread_rwlock_unlock(&running);
	}
	return NULL;
}

static void verify(struct thread *threads, unsigned int nr)
{
	unsigned long verified = 0;

	pthread_rwlock_wrlock(&running);
	for (unsigned int i = 0; i < nr; i++) {
		for (unsigned int slot = 0; slot < blocks; slot++) {
			if (!threads[i].written[slot])
				continue;
			read_block(&threads[i], slot);
			verified++;
		}
	}
	printf("BLKLOAD verified=%lu errors=%lu\n", verified, atomic_load(&errors));
	pthread_rwlock_unlock(&running);
}

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		verify_wanted = 1;
	else
		gap_wanted = 1;
}

static void *allocate(size_t size)
{
	void *p = NULL;

	if (posix_memalign(&p, BLOCK, size)) {
		fprintf(stderr, "blkload: no memory\n");
		exit(2);
	}
	memset(p, 0, size);
	return p;
}

static void watch(struct thread *threads, unsigned int nr)
{
	for (;;) {
		sleep(1);
		if (verify_wanted) {
			verify_wanted = 0;
			verify(threads, nr);
		}
		if (gap_wanted) {
			gap_wanted = 0;
			atomic_store(&longest, 0);
		}
		printf("BLKLOAD ops=%lu errors=%lu gap_ms=%llu\n", atomic_load(&ops), atomic_load(&errors),
		       (unsigned long long)atomic_load(&longest));
	}
}

int main(int argc, char **argv)
{
	unsigned int nr = argc > 2 ? atoi(argv[2]) : 4;
	struct thread *threads;

	if (argc > 3)
		blocks = atoi(argv[3]);
	if (argc < 2 || !nr || nr > 64 || !blocks) {
		fprintf(stderr, "usage: blkload DEVICE [THREADS [BLOCKS]]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	atomic_store(&last_op, now_ms());
	threads = allocate(nr * sizeof(*threads));
	for (unsigned int i = 0; i < nr; i++) {
		threads[i] = (struct thread) {
			.number = i,
			.seed = i + 1,
			.written = allocate(blocks * sizeof(uint64_t)),
			.block = allocate(BLOCK),
		};
		if (pthread_create(&threads[i].id, NULL, work, &threads[i])) {
			fprintf(stderr, "blkload: no thread\n");
			return 2;
		}
	}
	watch(threads, nr);
}
