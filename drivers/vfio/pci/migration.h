/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_MIGRATION_H
#define VFIO_PCI_ENGINE_MIGRATION_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>
#include <linux/vfio_pci_engine.h>
#include <uapi/linux/vfio.h>

#include "compat.h"
#include "dirty.h"
#include "fw_call.h"
#include "stats.h"
#include "stream.h"

struct mig_file;
struct vfio_device;
struct vfio_pci_migration;

/**
 * enum mig_user - which front end drives the state machine; the other gets
 *	-EBUSY
 * @MIG_USER_NONE: the device is RUNNING, either may begin
 * @MIG_USER_V2: the migration features
 * @MIG_USER_V1: the migration region
 * @MIG_USER_V1_PRE_COPY: the same, in pre-copy of a function whose firmware
 *	can't: RUNNING
 */
enum mig_user {
	MIG_USER_NONE,
	MIG_USER_V2,
	MIG_USER_V1,
	MIG_USER_V1_PRE_COPY,
};

#define MIG_LOG_BURST	10	/* lines a second */
#define MIG_LOG_NAME	48

/**
 * struct mig_session_ops - what the core asks of sessions
 * @detach: end the session, if there is one, without telling firmware that
 *	changes need not be recorded any more; under the state mutex
 * @end_lost: end the session of an operation that has returned after all,
 *	&vfio_pci_migration.lost; under the state mutex
 * @put: drop the reference to a session that has ended
 *
 * By pointer: sessions are above the core, and call it.
 */
struct mig_session_ops {
	void (*detach)(struct vfio_pci_migration *mig);
	void (*end_lost)(struct vfio_pci_migration *mig);
	void (*put)(struct mig_file *mf);
};

/**
 * struct vfio_pci_migration - the migration state of one function
 * @kref: held by the device, and by each migration file: a file may be closed
 *	after the device
 * @state_mutex: see the lock order in mig_core.c. Protects all below but the
 *	atomics
 * @state: the state that user space sees, unless a reset or an error waits to
 *	be applied
 * @user: the interface that has taken the device out of RUNNING
 * @resets_applied: how many resets have been applied
 * @resets_pending: how many have happened
 * @resetting: a reset is in progress
 * @reset_raced_suspend: a suspend raced with a reset; the order is unknown
 * @fw_error: the vendor driver says that firmware has failed
 * @owner: module with the vendor operations, or NULL
 * @own_fn: the copy of the function that operations which may never return get
 * @worker: calls these operations
 * @stuck: an operation has not returned in time: no operation is called
 * @lost: reference to the session of that operation; it ends once the operation
 *	has returned
 * @gone: the function is unregistered: no operation is called
 * @fw_detached: firmware does not have the function: no operation is called
 * @file: the attached migration file
 * @sessions: calls what @file and @lost are
 * @done_twice: a second vfio_pci_mig_buf_done() of an operation was logged
 * @loaded: result of a RESUMING session whose file was closed
 * @vdev: its vfio_device; valid only while that is open
 * @fn: the function
 * @dma_dev: the function that does DMA to migration buffers, or NULL, see
 *	caps.kind
 * @ops: its firmware operations
 * @caps: limits, made sane
 * @record: bytes of state in the largest record of a stream: %STREAM_RECORD_MAX
 * @upstream: streams are those of upstream's variant driver
 * @ident: identity in streams
 * @log_limit: of messages
 * @log_name: start of messages: the function
 * @wait: waiters for a readable migration file
 * @rcu: for its release
 * @log: which dirty pages are logged
 * @stats: counters, with a lock of their own
 */
struct vfio_pci_migration {
	struct kref kref;
	struct mutex state_mutex;	/* order: mig_core.c */
	enum vfio_device_mig_state state;
	enum mig_user user;
	int resets_applied;
	atomic_t resets_pending;
	atomic_t resetting;
	atomic_t reset_raced_suspend;
	atomic_t fw_error;
	struct module *owner;
	struct vfio_pci_fn own_fn;
	struct mig_fw_worker worker;
	bool stuck;
	struct mig_file *lost;
	bool gone;
	bool fw_detached;
	const struct mig_session_ops *sessions;
	atomic_t done_twice;
	struct mig_file *file;
	bool loaded;
	struct vfio_device *vdev;
	struct vfio_pci_fn *fn;
	struct device *dma_dev;
	const struct vfio_pci_mig_ops *ops;
	struct vfio_pci_mig_caps caps;
	size_t record;
	bool upstream;
	struct stream_ident ident;
	struct ratelimit_state log_limit;
	char log_name[MIG_LOG_NAME];
	wait_queue_head_t wait;
	struct rcu_head rcu;
	struct mig_log log;
	struct mig_stats stats;
};

/* mig_core.c */
__printf(2, 3) void mig_err(struct vfio_pci_migration *mig, const char *fmt,
			    ...);
__printf(2, 3) void mig_fail(struct vfio_pci_migration *mig, const char *fmt,
			     ...);
void mig_timed_out(struct vfio_pci_migration *mig);
s64 mig_fw_stuck_ms(const struct vfio_pci_migration *mig);
void mig_get(struct vfio_pci_migration *mig);
void mig_put(struct vfio_pci_migration *mig);
void mig_log_drop(struct vfio_pci_migration *mig);
void mig_lock(struct vfio_pci_migration *mig);
void mig_unlock(struct vfio_pci_migration *mig);
void mig_open(struct vfio_pci_migration *mig, u32 setup, bool reset);
void mig_closed(struct vfio_pci_migration *mig, bool reset);
void mig_gone(struct vfio_pci_migration *mig);
void mig_attach_fw(struct vfio_pci_migration *mig);
void mig_reset_begins(struct vfio_pci_migration *mig);
bool mig_is_reset(struct vfio_pci_migration *mig);
void mig_reset_done(struct vfio_pci_migration *mig);
void mig_reset_failed(struct vfio_pci_migration *mig);
int mig_resets(struct vfio_pci_migration *mig);
bool mig_fw_error(struct vfio_pci_migration *mig);
enum vfio_device_mig_state mig_state(struct vfio_pci_migration *mig);
void mig_get_state(struct vfio_pci_migration *mig,
		   enum vfio_device_mig_state *state, enum mig_user *user);

/* mig_fsm.c */
struct file *mig_set_state(struct vfio_pci_migration *mig,
			   enum vfio_device_mig_state wanted,
			   enum mig_user user);

/* migration.c */
struct vfio_pci_migration *mig_create(const struct vfio_pci_engine_desc *desc,
				      struct vfio_device *vdev);
void mig_close(struct vfio_pci_migration *mig);
void mig_detach_fw(struct vfio_pci_migration *mig);
int mig_data_size(struct vfio_pci_migration *mig, unsigned long *bytes);

static inline s64 mig_ms_since(ktime_t begun)
{
	return ktime_ms_delta(ktime_get(), begun);
}

static inline bool mig_state_is_precopy(enum vfio_device_mig_state state)
{
	return state == VFIO_DEVICE_STATE_PRE_COPY ||
	       state == VFIO_DEVICE_STATE_PRE_COPY_P2P;
}

static inline bool mig_state_has_file(enum vfio_device_mig_state state)
{
	return state == VFIO_DEVICE_STATE_STOP_COPY ||
	       state == VFIO_DEVICE_STATE_RESUMING ||
	       mig_state_is_precopy(state);
}

#endif /* VFIO_PCI_ENGINE_MIGRATION_H */
