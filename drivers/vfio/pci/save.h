/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_SAVE_H
#define VFIO_PCI_ENGINE_SAVE_H

#include "mig_file.h"

struct vfio_precopy_info;

/**
 * struct mig_save - a migration file that is read: what the user gets next
 * @file: the migration file
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
 * @initial_end: of pre-copy: bytes of state with which initial data ends; 0:
 *	not known yet. Under the state mutex
 * @asked: the user has asked for sizes in pre-copy; under the state mutex
 * @reinit: there was initial data again, and the user was not told; under the
 *	state mutex
 * @given: bytes of state that were read; others look at it without @lock
 */
struct mig_save {
	struct mig_file file;
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
	bool asked;
	bool reinit;
	u64 given;
};

static inline struct mig_save *to_save(const struct mig_file *mf)
{
	return container_of(mf, struct mig_save, file);
}

/* save_chunk.c */
int mig_chunk_submit(struct mig_file *mf);
struct vfio_pci_mig_buf *mig_chunk_spare(struct mig_file *mf);

/* save.c */
struct file *mig_save_open(struct vfio_pci_migration *mig, bool precopy);
ssize_t mig_save_fill(struct mig_file *mf, struct iov_iter *to, bool nowait);

/* precopy.c */
int mig_precopy_start(struct mig_file *mf);
void mig_precopy_end(struct mig_file *mf);
bool mig_precopy_has_more(struct mig_file *mf);
int mig_precopy_look(struct mig_file *mf);
void mig_precopy_stopped(struct vfio_pci_migration *mig);
int mig_precopy_left(struct mig_file *mf, u64 *bytes);
int mig_precopy_info(struct mig_file *mf, struct vfio_precopy_info *info);
long mig_precopy_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);

#endif /* VFIO_PCI_ENGINE_SAVE_H */
