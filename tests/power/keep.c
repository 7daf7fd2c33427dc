// SPDX-License-Identifier: GPL-2.0-only
/*
 * LD_PRELOAD for QEMU 7.2: nothing is freed. It reads a region's capability (the GPU's target
 * address) after it has freed what the capability is in, and finds there what malloc() has left,
 * which is 0.
 */
void free(void *p)
{
	(void)p;
}
