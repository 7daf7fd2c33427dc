/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_ENGINE_LOAD_H
#define VFIO_PCI_ENGINE_LOAD_H

#include "mig_file.h"

/**
 * struct mig_load - a migration file that is written
 * @file: the migration file
 * @reader: of the stream
 * @staged: a record that is larger than what firmware takes at once, to be cut
 *	up; NULL: there was none yet
 * @staged_len: bytes of state in it; 0: the current record is no such one
 * @chunk_len: bytes of the current chunk, with those of the current record
 * @held: the last complete chunk of state; firmware gets it when the engine
 *	knows whether it is the last one. NULL: there is none
 * @begun: the user has written something
 * @touched: firmware has accepted some of the state
 * @complete: firmware has accepted the complete state
 */
struct mig_load {
	struct mig_file file;
	struct stream_reader reader;
	u8 *staged;
	size_t staged_len;
	size_t chunk_len;
	struct vfio_pci_mig_buf *held;
	bool begun;
	bool touched;
	bool complete;
};

static inline struct mig_load *to_load(const struct mig_file *mf)
{
	return container_of(mf, struct mig_load, file);
}

bool mig_load_may_end(const struct mig_file *mf);
struct file *mig_load_open(struct vfio_pci_migration *mig);
ssize_t mig_load_consume(struct mig_file *mf, struct iov_iter *from);

#endif /* VFIO_PCI_ENGINE_LOAD_H */
