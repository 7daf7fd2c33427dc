/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_MIG_FILE_H
#define VFIO_PCI_ENGINE_MIG_FILE_H

#include <linux/fs.h>
#include <linux/mutex.h>

#include "firmware.h"
#include "migration.h"

/**
 * struct mig_file_ops - what a migration file asks of saving or loading, which
 *	are above it
 * @size: bytes of the structure that begins with the struct mig_file
 * @is_complete: all of the state was moved. Takes no lock
 * @may_end: the session may end in order, with all of the state or with none
 * @precopy_end: have firmware end the recording of changes; under the state
 *	mutex
 * @close: the user has closed the file of a session that is alive: end the
 *	session; under the state mutex
 * @destroy: free what there is beside the buffers; no lock is held
 */
struct mig_file_ops {
	size_t size;
	bool (*is_complete)(const struct mig_file *mf);
	bool (*may_end)(const struct mig_file *mf);
	void (*precopy_end)(struct mig_file *mf);
	void (*close)(struct mig_file *mf);
	void (*destroy)(struct mig_file *mf);
};

/**
 * struct mig_file - a migration file: the session of an fd of PRE_COPY,
 *	STOP_COPY or RESUMING
 * @kref: the user's, and &vfio_pci_migration.lost
 * @lock: one reader or writer at a time; the only lock under which user memory
 *	is touched. Protects all but what is said otherwise
 * @ops: saving or loading
 * @mig: a reference
 * @attached: the session is alive: the buffers are attached and firmware may
 *	use them. Under the state mutex
 * @failed: 0, or why the session can't go on: what mig_file_enter() returns.
 *	Under the state mutex
 * @precopy: the session began in PRE_COPY: firmware records what changes, until
 *	&mig_file_ops.precopy_end
 * @upstream: its stream is one of upstream's variant driver
 * @buf: two buffers: firmware works on one while the user works on the other.
 *	Their members are under the state mutex; a buffer that is not busy is
 *	the user's side's own
 * @cur: the buffer whose turn it is
 * @offset: bytes of state that firmware has saved, or was given to load
 * @error: the session has failed; the errno of all further calls
 */
struct mig_file {
	struct kref kref;
	struct mutex lock;		/* outside state_mutex */
	const struct mig_file_ops *ops;
	struct vfio_pci_migration *mig;
	bool attached;
	int failed;
	bool precopy;
	bool upstream;
	struct vfio_pci_mig_buf buf[2];
	unsigned int cur;
	u64 offset;
	int error;
};

struct mig_file *mig_file_alloc(struct vfio_pci_migration *mig,
				enum vfio_pci_mig_dir dir,
				const struct mig_file_ops *ops);
void mig_file_put(struct mig_file *mf);
struct file *mig_file_open(struct mig_file *mf, const char *name,
			   const struct file_operations *fops, int flags);
int mig_file_release(struct inode *inode, struct file *filp);
extern const struct mig_session_ops mig_file_sessions;
void mig_file_detach(struct vfio_pci_migration *mig);
int mig_file_end(struct vfio_pci_migration *mig);
int mig_file_prepare(struct mig_file *mf, struct vfio_pci_mig_buf *buf,
		     size_t size, struct vfio_pci_mig_buf *new);
int mig_file_attach(struct mig_file *mf, struct vfio_pci_mig_buf *buf);
void mig_file_replace(struct mig_file *mf, struct vfio_pci_mig_buf *buf,
		      struct vfio_pci_mig_buf *new);
int mig_file_enter(struct mig_file *mf);
int mig_file_check(struct mig_file *mf);
int mig_file_submit(struct mig_file *mf, struct vfio_pci_mig_buf *buf);
int mig_file_wait_enter(struct mig_file *mf, struct vfio_pci_mig_buf *buf);
int mig_file_wait(struct mig_file *mf, struct vfio_pci_mig_buf *buf);
int mig_file_wait_idle(struct mig_file *mf);

#endif /* VFIO_PCI_ENGINE_MIG_FILE_H */
