/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A firmware that does as it is told: struct vfio_pci_mig_ops on a function whose state is an
 * array. It checks by itself that the engine keeps to the contract of those operations, and it
 * fails, is late or does not answer where a test says so.
 */
#ifndef KUNIT_FAKE_FW_H
#define KUNIT_FAKE_FW_H

#include <kunit/test.h>
#include <linux/vfio_pci_engine.h>
#include <linux/workqueue.h>

#include "stats.h"

#define FW_BLOCK	64	/* bytes of state that are recorded as changed together */
#define FW_BLOCKS	512	/* at most */
#define FW_MAX_STATE	(FW_BLOCK * FW_BLOCKS)
#define FW_MAX_LOG	64	/* calls that are remembered */

/* Of pre-copy: a block as it is saved */
struct fw_entry {
	__le32 block;
	u8 data[FW_BLOCK];
} __packed;

#define FW_CONTEXT	FW_BLOCKS	/* the block that is saved at VFIO_PCI_FN_FULL only */

/**
 * enum fw_level - where the function is
 * @FW_RUNNING: it runs
 * @FW_P2P: at VFIO_PCI_FN_P2P
 * @FW_FULL: at VFIO_PCI_FN_FULL
 * @FW_UNKNOWN: firmware has not answered: the state is unknown
 */
enum fw_level {
	FW_RUNNING,
	FW_P2P,
	FW_FULL,
	FW_UNKNOWN,
};

/**
 * enum fw_speed - when a save or load ends
 * @FW_AT_ONCE: with the call
 * @FW_EARLY: before the call returns -EINPROGRESS
 * @FW_LATER: after the call has returned it
 */
enum fw_speed {
	FW_AT_ONCE,
	FW_EARLY,
	FW_LATER,
};

/**
 * enum fw_act - what goes wrong
 * @FW_RETURNS: the call returns an errno
 * @FW_ENDS: a save or load in progress ends with an errno
 * @FW_NEVER: a save or load in progress does not end
 * @FW_TWICE: a save or load ends well, and then again with an errno
 * @FW_ALSO: a save or load ends well before the call says so, too
 * @FW_EMPTY: a chunk of no bytes is saved
 * @FW_SHORT: a chunk of one byte is saved
 * @FW_TOO_LONG: it claims more bytes than there was room for
 * @FW_SIZE: it reports a size, that is not the right one
 * @FW_RESET: the function is reset just before; it is suspended nevertheless, and all else fails
 */
enum fw_act {
	FW_RETURNS,
	FW_ENDS,
	FW_NEVER,
	FW_TWICE,
	FW_ALSO,
	FW_EMPTY,
	FW_SHORT,
	FW_TOO_LONG,
	FW_SIZE,
	FW_RESET,
};

/**
 * struct fw_fault - one that is to happen
 * @armed: it is there
 * @nth: at which call since fw_arm(), from 0
 * @op: of which operation; MIG_NR_OPS: of all
 * @act: what happens
 * @err: errno of it
 */
struct fw_fault {
	bool armed;
	unsigned int nth;
	enum mig_op op;
	enum fw_act act;
	int err;
};

/**
 * struct fake_fw - the firmware of one function
 * @test: which is told of errors
 * @mig: whose firmware it is
 * @speed: of saving and loading
 * @level: where the function is
 * @state: of the function
 * @context: and what is saved of it at VFIO_PCI_FN_FULL only
 * @size: bytes in @state
 * @room: the most that a chunk may have
 * @image: chunks are whole images of so many bytes, the last one of less; 0: they are not
 * @headroom: bytes before a chunk that is loaded
 * @session: between begin and end
 * @dir: what it is for
 * @attached: buffers between attach and detach
 * @level_seen: of the last save
 * @hangs: the next call of @hang_op does not return before @release
 * @hang_op: which operation
 * @hung: it was called
 * @release: it returns
 * @stop_room: bytes of room that the last precopy_stop had; 0: no buffer
 * @recording: between precopy_start and precopy_stop
 * @unsaved: blocks that were not saved yet
 * @changed: blocks that have changed since
 * @pos: bytes of state that were saved, or taken to load
 * @incoming: what was loaded, and has no effect yet
 * @incoming_context: the same of @context
 * @fault: what is to go wrong
 * @count: calls of each operation since fw_arm()
 * @log: operations since fw_arm(), in order
 * @calls: how many
 * @buf: of a save or load in progress
 * @work: which ends it
 * @act: how
 * @err: with which errno
 */
struct fake_fw {
	struct kunit *test;
	struct vfio_pci_migration *mig;
	enum fw_speed speed;
	enum fw_level level;
	u8 state[FW_MAX_STATE];
	u8 context[FW_BLOCK];
	size_t size;
	size_t room;
	size_t image;
	size_t headroom;
	bool session;
	enum vfio_pci_mig_dir dir;
	unsigned int attached;
	enum vfio_pci_fn_level level_seen;
	bool hangs;
	enum mig_op hang_op;
	struct completion hung;
	struct completion release;
	size_t stop_room;
	bool recording;
	DECLARE_BITMAP(unsaved, FW_BLOCKS);
	DECLARE_BITMAP(changed, FW_BLOCKS);
	u64 pos;
	u8 incoming[FW_MAX_STATE];
	u8 incoming_context[FW_BLOCK];
	struct fw_fault fault[2];
	unsigned int count[MIG_NR_OPS];
	enum mig_op log[FW_MAX_LOG];
	unsigned int calls;
	struct vfio_pci_mig_buf *buf;
	struct delayed_work work;
	enum fw_act act;
	int err;
};

extern const struct vfio_pci_mig_ops fake_fw_ops;
/* Of firmware that says how much room it needs */
extern const struct vfio_pci_mig_ops fake_image_ops;

void fw_init(struct fake_fw *fw, struct kunit *test, size_t room);
void fw_arm(struct fake_fw *fw);
void fw_fault(struct fake_fw *fw, enum mig_op op, unsigned int nth, enum fw_act act, int err);
void fw_set_size(struct fake_fw *fw, size_t size);
void fw_change(struct fake_fw *fw, size_t pos, u8 value);
void fw_reset(struct fake_fw *fw);
void fw_hang(struct fake_fw *fw, enum mig_op op);
void fw_answer(struct fake_fw *fw);
void fw_end(struct fake_fw *fw);

#endif /* KUNIT_FAKE_FW_H */
