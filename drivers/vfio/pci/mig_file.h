/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_MIG_FILE_H
#define VFIO_PCI_ENGINE_MIG_FILE_H

#include <linux/fs.h>
#include <linux/mutex.h>

#include "firmware.h"
#include "migration.h"

/**
 * struct mig_save - reading side of a migration file: what the user gets next
 * @writer: of the stream
 * @meta: headers that precede the record of state
 * @meta_len: bytes in it
 * @meta_pos: bytes of it that were read
 * @data: the chunk of state
 * @chunk_len: bytes in it
 * @data_len: bytes of it in records up to the current one
 * @data_pos: bytes of it that were read
 * @last: firmware has no more
 * @ended: the end record is in @meta
 * @nowait: the reader does not wait for firmware
 * @running: the session is in its pre-copy phase; under the state mutex
 * @initial_end: of pre-copy: bytes of state with which initial data ends; 0: not known yet. Under
 *	the state mutex
 * @given: bytes of state that were read; others look at it without @lock
 */
struct mig_save {
	struct stream_writer writer;
	u8 meta[STREAM_META_MAX];
	size_t meta_len;
	size_t meta_pos;
	const u8 *data;
	size_t chunk_len;
	size_t data_len;
	size_t data_pos;
	bool last;
	bool ended;
	bool nowait;
	bool running;
	u64 initial_end;
	u64 given;
};

/**
 * struct mig_load - writing side of a migration file
 * @reader: of the stream
 * @staged: a record that is larger than what firmware takes at once, to be cut up; NULL: there was
 *	none yet
 * @staged_len: bytes of state in it; 0: the current record is no such one
 * @chunk_len: bytes of the current chunk, with those of the current record
 * @held: the last complete chunk of state; firmware gets it when the engine knows whether it is
 *	the last one. NULL: there is none
 * @begun: the user has written something
 * @touched: firmware has accepted some of the state
 * @complete: firmware has accepted the complete state
 */
struct mig_load {
	struct stream_reader reader;
	u8 *staged;
	size_t staged_len;
	size_t chunk_len;
	struct vfio_pci_mig_buf *held;
	bool begun;
	bool touched;
	bool complete;
};

/**
 * struct mig_file - a migration file: the session of an fd of PRE_COPY, STOP_COPY or RESUMING
 * @kref: the user's, and &vfio_pci_migration.lost
 * @lock: one reader or writer at a time; the only lock under which user memory is touched.
 *	Protects all but what is said otherwise
 * @mig: a reference
 * @attached: the session is alive: the buffers are attached and firmware may use them. Under
 *	the state mutex
 * @failed: 0, or why the session can't go on: what mig_file_enter() returns. Under the state mutex
 * @precopy: the session began in PRE_COPY: firmware records what changes, until @precopy_end
 * @precopy_end: has firmware end that. Set with @precopy; by pointer, as it is above
 * @upstream: its stream is one of upstream's variant driver
 * @buf: two buffers: firmware works on one while the user works on the other. Their members
 *	are under the state mutex; a buffer that is not busy is the user's side's own
 * @cur: the buffer whose turn it is
 * @offset: bytes of state that firmware has saved, or was given to load
 * @error: the session has failed; the errno of all further calls
 * @save: of a file that is read
 * @load: of a file that is written
 */
struct mig_file {
	struct kref kref;
	struct mutex lock;		/* outside state_mutex */
	struct vfio_pci_migration *mig;
	bool attached;
	int failed;
	bool precopy;
	void (*precopy_end)(struct mig_file *mf);
	bool upstream;
	struct vfio_pci_mig_buf buf[2];
	unsigned int cur;
	u64 offset;
	int error;
	union {
		struct mig_save save;
		struct mig_load load;
	};
};

struct vfio_precopy_info;

/**
 * mig_load_is_complete() - check whether the device may leave RESUMING
 * @mf: the attached file
 *
 * Return: true if the complete state was loaded, or nothing was written at all.
 */
static inline bool mig_load_is_complete(struct mig_file *mf)
{
	return READ_ONCE(mf->load.complete) || !READ_ONCE(mf->load.begun);
}

/**
 * mig_load_is_partial() - check whether only part of the state has taken effect
 * @mf: the attached file
 *
 * Return: true if so.
 */
static inline bool mig_load_is_partial(struct mig_file *mf)
{
	return (mf->mig->caps.immediate || mf->upstream) && mf->load.touched &&
	       !READ_ONCE(mf->load.complete);
}

struct mig_file *mig_file_alloc(struct vfio_pci_migration *mig, enum vfio_pci_mig_dir dir);
void mig_file_put(struct mig_file *mf);
struct file *mig_file_open(struct mig_file *mf, const char *name,
			   const struct file_operations *fops, int flags);
int mig_file_release(struct inode *inode, struct file *filp);
extern const struct mig_session_ops mig_file_sessions;
void mig_file_detach(struct vfio_pci_migration *mig);
int mig_file_end(struct vfio_pci_migration *mig);
int mig_file_prepare(struct mig_file *mf, struct vfio_pci_mig_buf *buf, size_t size, size_t keep,
		     struct vfio_pci_mig_buf *new);
int mig_file_attach(struct mig_file *mf, struct vfio_pci_mig_buf *buf);
void mig_file_replace(struct mig_file *mf, struct vfio_pci_mig_buf *buf,
		      struct vfio_pci_mig_buf *new);
int mig_file_enter(struct mig_file *mf);
int mig_file_check(struct mig_file *mf);
int mig_file_submit(struct mig_file *mf, struct vfio_pci_mig_buf *buf);
int mig_file_wait_enter(struct mig_file *mf, struct vfio_pci_mig_buf *buf);
int mig_file_wait(struct mig_file *mf, struct vfio_pci_mig_buf *buf);
int mig_file_settle(struct mig_file *mf);

struct file *mig_save_open(struct vfio_pci_migration *mig, bool precopy);
int mig_save_submit(struct mig_file *mf);
struct vfio_pci_mig_buf *mig_save_spare(struct mig_file *mf);
struct file *mig_load_open(struct vfio_pci_migration *mig);
ssize_t mig_save_fill(struct mig_file *mf, struct iov_iter *to, bool nowait);
ssize_t mig_load_consume(struct mig_file *mf, struct iov_iter *from);

int mig_precopy_start(struct mig_file *mf);
bool mig_precopy_has_more(struct mig_file *mf);
void mig_precopy_stopped(struct vfio_pci_migration *mig);
int mig_precopy_left(struct mig_file *mf, u64 *bytes);
int mig_precopy_info(struct mig_file *mf, struct vfio_precopy_info *info);
long mig_precopy_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);

#endif /* VFIO_PCI_ENGINE_MIG_FILE_H */
