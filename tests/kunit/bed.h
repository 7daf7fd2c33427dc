/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The test bed, struct bed: a simulated function on no bus, its fake firmware, and its migration
 * state.
 */
#ifndef KUNIT_BED_H
#define KUNIT_BED_H

#include <kunit/test.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_engine.h>

#include "compat.h"
#include "fake_fw.h"
#include "migration.h"

#define BED_CHUNK	4096
#define BED_IMAGE	20000	/* of five records */
#define BED_STREAM_MAX	(2 * FW_MAX_STATE + 4096)
/* BED_SHORT_MS is for firmware that never answers. BED_LONG_MS is enough on a loaded machine */
#define BED_SHORT_MS	50
#define BED_LONG_MS	30000

/**
 * struct bed - a function under test
 * @test: the test
 * @pf: the PF that has the firmware and does the DMA, or NULL
 * @pdev: the function, or NULL
 * @fn: the function as firmware knows it
 * @fw: the fake firmware; NULL if the test brings its own operations
 * @vdev: its vfio_device, as far as the engine reads it
 * @mig: the migration state
 * @file: the migration file that user space has open, or NULL
 */
struct bed {
	struct kunit *test;
	struct pci_dev *pf;
	struct pci_dev *pdev;
	struct vfio_pci_fn fn;
	struct fake_fw *fw;
	struct vfio_device *vdev;
	struct vfio_pci_migration *mig;
	struct file *file;
};

struct bed *bed_new(struct kunit *test, bool precopy);
struct bed *bed_with(struct kunit *test, const struct vfio_pci_mig_ops *ops,
		     const struct vfio_pci_mig_caps *caps);
extern const struct vfio_pci_mig_caps bed_caps;
struct bed *bed_on(struct kunit *test, const struct vfio_pci_engine_desc *desc);
void bed_drop(struct bed *bed);
void bed_impatient(struct bed *bed);
int bed_set_state(struct bed *bed, enum vfio_device_mig_state state);
void bed_go(struct bed *bed, enum vfio_device_mig_state state);
enum vfio_device_mig_state bed_state(struct bed *bed);
void bed_close(struct bed *bed);
void bed_reset(struct bed *bed);
ssize_t bed_read(struct bed *bed, void *data, size_t len);
ssize_t bed_write(struct bed *bed, const void *data, size_t len);
ssize_t bed_write_all(struct bed *bed, const void *data, size_t len, size_t step);
u8 *bed_stream_room(struct kunit *test);
ssize_t bed_read_all(struct bed *bed, void *data, size_t room, size_t step);
void bed_is(struct bed *bed, enum vfio_device_mig_state state);
void bed_recovers(struct bed *bed);

/* Firmware of whole images */
struct vfio_pci_mig_caps bed_image_caps(void);
struct bed *bed_of_images(struct kunit *test, const struct vfio_pci_mig_caps *caps,
			  size_t size, size_t image);
void bed_forget(struct bed *bed);
void bed_has_state(struct bed *bed, size_t size);
ssize_t bed_save_all(struct bed *bed, u8 *stream, size_t step);
void bed_load_all(struct bed *bed, const u8 *stream, ssize_t len, size_t step);

#endif /* KUNIT_BED_H */
