/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The workload of a device, for mdev-pci-conform: a shared object that defines conform_plugin_entry,
 * or a C file that is linked in (make PLUGINS=...). What it does not have it leaves NULL; the points that need
 * it are skipped.
 *
 * Functions return 0 or a negative errno; after a failure they may say why by dev->say().
 */
#ifndef CONFORM_PLUGIN_H
#define CONFORM_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define CONFORM_PLUGIN_ABI	1

/**
 * struct conform_dev - the device, as the plug-in sees it
 * @fd: VFIO's
 * @arg: what --plugin-arg has, or NULL
 * @priv: the plug-in's; NULL again once the device was closed, and with it mappings and memory
 * @read, @write: @n bytes of a region (VFIO_PCI_BAR0_REGION_INDEX...)
 * @map_bar: a mapping of @n bytes from the start of a region, NULL if it can't be
 * @memory: @size bytes that the device finds at @iova; the same memory each time that it is asked for
 * @say: a line for the report
 */
struct conform_dev {
	int fd;
	const char *arg;
	void *priv;
	int (*read)(struct conform_dev *dev, uint32_t region, uint64_t off, void *to, size_t n);
	int (*write)(struct conform_dev *dev, uint32_t region, uint64_t off, const void *from,
		     size_t n);
	void *(*map_bar)(struct conform_dev *dev, uint32_t region, size_t n);
	void *(*memory)(struct conform_dev *dev, uint64_t iova, size_t size);
	void (*say)(struct conform_dev *dev, const char *fmt, ...);
};

/**
 * struct conform_plugin - what a plug-in defines, as conform_plugin_entry
 * @abi: CONFORM_PLUGIN_ABI
 * @name: for the report, and for --plugin where it is linked in
 * @ready: the device was opened, reset, or has got another state: make it usable. It is RUNNING
 * @work: change the device's state in a way that depends on @seed; returns when it is done
 * @digest: of the state that must survive a migration. Is called in RUNNING and in STOP
 * @begin: let the device work by itself from now on, for at least 10 s
 * @progress: a number that grows while the device works. Is called in STOP, too
 * @target: memory that the device writes all the time after @begin: where, and how much. It is overwritten
 *	in STOP, to see that it stays so
 * @dma: have the device write to all of [@iova, @iova + @size), which memory() has given; returns
 *	when it is done
 */
struct conform_plugin {
	uint32_t abi;
	const char *name;
	int (*ready)(struct conform_dev *dev);
	int (*work)(struct conform_dev *dev, uint64_t seed);
	int (*digest)(struct conform_dev *dev, uint64_t *digest);
	int (*begin)(struct conform_dev *dev);
	int (*progress)(struct conform_dev *dev, uint64_t *progress);
	int (*target)(struct conform_dev *dev, void **at, size_t *size);
	int (*dma)(struct conform_dev *dev, uint64_t iova, uint64_t size);
};

#ifdef CONFORM_PLUGIN_NAME	/* linked in */
#define conform_plugin_entry CONFORM_PLUGIN_NAME
#endif

extern const struct conform_plugin conform_plugin_entry;

#endif
