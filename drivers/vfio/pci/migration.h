/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_MIGRATION_H
#define VFIO_PCI_ENGINE_MIGRATION_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/vfio_pci_engine.h>
#include <uapi/linux/vfio.h>

#include "dirty.h"
#include "stream.h"

struct mig_file;
struct vfio_device;

/**
 * struct vfio_pci_migration - the migration state of one function
 * @kref: held by the device, and by each data file: a file may be closed after the device
 * @state_mutex: see the lock order in migration.c. Protects all below but the atomics
 * @state: the state that user space sees, unless a reset or an error waits to be applied
 * @resets: how many resets have been applied
 * @resets_seen: how many have happened
 * @broken: the vendor driver says that firmware has failed
 * @file: the attached data file
 * @loaded: what became of a RESUMING session whose file was closed
 * @fn: the function
 * @ops: its firmware operations
 * @caps: limits, made sane
 * @ident: identity in streams
 * @log: which dirty pages are logged
 */
struct vfio_pci_migration {
	struct kref kref;
	struct mutex state_mutex;	/* order: migration.c */
	enum vfio_device_mig_state state;
	int resets;
	atomic_t resets_seen;
	atomic_t broken;
	struct mig_file *file;
	bool loaded;
	struct vfio_pci_fn *fn;
	const struct vfio_pci_mig_ops *ops;
	struct vfio_pci_mig_caps caps;
	struct stream_ident ident;
	struct mig_log log;
};

/* A user with an open device can bring all of these about, as often as it likes */
#define mig_err(mig, fmt, ...) \
	dev_err_ratelimited(&(mig)->fn->pdev->dev, "migration" fmt, ##__VA_ARGS__)

struct vfio_pci_migration *mig_create(const struct vfio_pci_engine_desc *desc);
void mig_put(struct vfio_pci_migration *mig);
void mig_open(struct vfio_pci_migration *mig);
void mig_close(struct vfio_pci_migration *mig);
void mig_reset_done(struct vfio_pci_migration *mig);
void mig_broken(struct vfio_pci_migration *mig);
void mig_lock(struct vfio_pci_migration *mig);
void mig_unlock(struct vfio_pci_migration *mig);
void mig_fail(struct vfio_pci_migration *mig, const char *why);
enum vfio_device_mig_state mig_state(struct vfio_pci_migration *mig);
const char *mig_state_name(enum vfio_device_mig_state state);
struct file *mig_set_state(struct vfio_pci_migration *mig, struct vfio_device *vdev,
			   enum vfio_device_mig_state wanted);
int mig_get_state(struct vfio_pci_migration *mig, enum vfio_device_mig_state *state);
int mig_data_size(struct vfio_pci_migration *mig, unsigned long *bytes);

#endif /* VFIO_PCI_ENGINE_MIGRATION_H */
