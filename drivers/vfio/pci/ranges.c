// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets of address ranges: see ranges.h. They are arrays, in ascending order and
 * without overlap unless said otherwise.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "ranges.h"

/* r[i] and the one behind it become one */
static unsigned int join(struct mig_range *r, unsigned int n, unsigned int i)
{
	r[i].first = min_t(u64, r[i].first, r[i + 1].first);
	r[i].last = max_t(u64, r[i].last, r[i + 1].last);
	memmove(&r[i + 1], &r[i + 2], (n - i - 2) * sizeof(*r));
	return n - 1;
}

/* Between r[i] and the one behind it; 0 if they touch or share a page */
static u64 gap(const struct mig_range *r, unsigned int i)
{
	return r[i].last < r[i + 1].first ? r[i + 1].first - r[i].last - 1 : 0;
}

/**
 * ranges_align() - widen ranges to whole pages
 * @r: the ranges
 * @n: how many
 * @shift: log2 of the page size
 *
 * Ranges that touch become one, so that a request across the border finds one
 * range.
 *
 * Return: how many are left.
 */
unsigned int ranges_align(struct mig_range *r, unsigned int n,
			  unsigned int shift)
{
	u64 mask = (1ULL << shift) - 1;
	unsigned int i;

	for (i = 0; i < n; i++) {
		r[i].first &= ~mask;
		r[i].last |= mask;
	}
	for (i = 0; i + 1 < n;)
		if (!gap(r, i))
			n = join(r, n, i);
		else
			i++;
	return n;
}

static void widen(struct mig_range *r, u64 min, u64 max_addr)
{
	if (r->last - r->first >= min - 1)
		return;
	if (max_addr - r->first < min - 1)
		r->first = max_addr - (min - 1);
	r->last = r->first + (min - 1);
}

/**
 * ranges_widen() - make ranges longer that are too short
 * @r: the ranges
 * @n: how many
 * @min: bytes that each must have, not 0
 * @max_addr: the last address that there is, at least @min - 1 and no range's
 *	last less
 *
 * Upwards, or downwards where there is no room. Ranges that touch then become
 * one.
 *
 * Return: how many are left.
 */
unsigned int ranges_widen(struct mig_range *r, unsigned int n, u64 min,
			  u64 max_addr)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		widen(&r[i], min, max_addr);
	/*
	 * From above: one that has become longer downwards may touch those
	 * below
	 */
	for (i = n; i--;)
		while (i + 1 < n && !gap(r, i))
			n = join(r, n, i);
	return n;
}

/**
 * ranges_longest() - get the length of the longest range
 * @r: the ranges
 * @n: how many
 *
 * Return: bytes less 1: a range may be of the whole address space.
 */
u64 ranges_longest(const struct mig_range *r, unsigned int n)
{
	u64 longest = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		longest = max_t(u64, longest, r[i].last - r[i].first);
	return longest;
}

static unsigned int smallest_gap(const struct mig_range *r, unsigned int n)
{
	unsigned int i, best = 0;

	for (i = 1; i + 1 < n; i++)
		if (gap(r, i) < gap(r, best))
			best = i;
	return best;
}

/**
 * ranges_combine() - make fewer ranges of many
 * @r: the ranges
 * @n: how many
 * @max: how many may be left, at least 1
 *
 * Joins those with the smallest gap between them, so as to add as little as
 * possible.
 *
 * Return: how many are left.
 */
unsigned int ranges_combine(struct mig_range *r, unsigned int n,
			    unsigned int max)
{
	while (n > max)
		n = join(r, n, smallest_gap(r, n));
	return n;
}

/**
 * ranges_pages() - get the number of pages in a set
 * @r: the ranges
 * @n: how many, below 4096
 * @shift: log2 of the page size, at least 12: no sum overflows
 *
 * Return: pages in all.
 */
u64 ranges_pages(const struct mig_range *r, unsigned int n, unsigned int shift)
{
	u64 pages = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		pages += (r[i].last >> shift) - (r[i].first >> shift) + 1;
	return pages;
}

/**
 * ranges_hold() - check that an interval is within one range
 * @r: the ranges
 * @n: how many
 * @first: first byte
 * @last: last byte
 *
 * Return: true if so.
 */
bool ranges_hold(const struct mig_range *r, unsigned int n, u64 first, u64 last)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (first >= r[i].first && last <= r[i].last)
			return first <= last;
	return false;
}
