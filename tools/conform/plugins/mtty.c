// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plug-in for upstream's sample driver mtty: a serial port of the 16550 kind, by registers. The state
 * is what they were set to.
 */
#include <errno.h>
#include <linux/vfio.h>

#include "conform-plugin.h"

/* Those that read as they were written: IER, LCR, MCR, SCR */
static const struct {
	uint8_t reg, mask;
} registers[] = { { 1, 0x0f }, { 3, 0x7f }, { 4, 0x1f }, { 7, 0xff } };

#define N	(sizeof(registers) / sizeof(registers[0]))

static int work(struct conform_dev *dev, uint64_t seed)
{
	int ret = 0;

	for (unsigned int i = 0; i < N && !ret; i++) {
		uint8_t value = (seed * 37 + i * 11 + 1) & registers[i].mask;

		ret = dev->write(dev, VFIO_PCI_BAR0_REGION_INDEX, registers[i].reg, &value, 1);
	}
	return ret;
}

static int digest(struct conform_dev *dev, uint64_t *value)
{
	int ret = 0;

	*value = 0;
	for (unsigned int i = 0; i < N && !ret; i++) {
		uint8_t byte = 0;

		ret = dev->read(dev, VFIO_PCI_BAR0_REGION_INDEX, registers[i].reg, &byte, 1);
		*value = *value << 8 | (byte & registers[i].mask);
	}
	return ret;
}

const struct conform_plugin conform_plugin_entry = {
	.abi = CONFORM_PLUGIN_ABI,
	.name = "mtty",
	.work = work,
	.digest = digest,
};
