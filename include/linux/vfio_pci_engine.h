/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine: migration of PCI functions on top of vfio-pci-core.
 *
 * A user of the engine names a PCI function and the firmware operations that
 * move its state. The engine makes the vfio_device, and owns the migration
 * state machine, the data files, the stream format and the buffers.
 */
#ifndef _LINUX_VFIO_PCI_ENGINE_H
#define _LINUX_VFIO_PCI_ENGINE_H

#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/vfio_pci_nvlink2.h>

struct vfio_pci_engine_device;
struct vfio_pci_log_changes;
struct vfio_pci_migration;

/**
 * struct vfio_pci_fn - a PCI function as firmware knows it
 * @pf: the function whose firmware carries out the operations. It does the DMA
 *	to and from migration buffers.
 * @pdev: the function that is migrated: a VF of @pf, or @pf itself.
 * @id: number of the VF from 0, as pci_iov_vf_id() gives it.
 * @priv: for the vendor driver; the engine never looks at it.
 */
struct vfio_pci_fn {
	struct pci_dev *pf;
	struct pci_dev *pdev;
	unsigned int id;
	void *priv;
};

/**
 * enum vfio_pci_fn_level - how far a function is suspended
 * @VFIO_PCI_FN_P2P: it begins no DMA, but accepts and remembers what is written
 *	to it (VFIO_DEVICE_STATE_RUNNING_P2P).
 * @VFIO_PCI_FN_FULL: its state does not change at all (VFIO_DEVICE_STATE_STOP).
 */
enum vfio_pci_fn_level {
	VFIO_PCI_FN_P2P,
	VFIO_PCI_FN_FULL,
};

/**
 * struct vfio_pci_mig_buf - a piece of a function's state
 * @sgt: the memory, mapped for DMA by &vfio_pci_fn.pf; not of functions with
 *	&vfio_pci_engine_desc.control.
 * @vaddr: the same memory for the CPU. Only of functions with &vfio_pci_engine_desc.control: the
 *	vendor driver copies, nobody does DMA.
 * @offset: where the piece begins in the state, in bytes.
 * @len: save: bytes of room, the vendor driver replaces it by the bytes saved.
 *	Load: bytes to load.
 * @last: save: set by the vendor driver if nothing is left after this piece.
 *	Load: this piece is the last one, the state is to take effect.
 * @delta: the piece is of a session with a pre-copy phase: it has what was not saved yet or
 *	has changed since, in a form that only firmware knows. All pieces of a session are of one
 *	kind. Of such pieces @offset counts the bytes of those before.
 *
 * The other members are the engine's.
 */
struct vfio_pci_mig_buf {
	struct sg_table sgt;
	void *vaddr;
	u64 offset;
	size_t len;
	bool last;
	bool delta;

	/* private: of the engine */
	bool early;
	size_t size;
	enum dma_data_direction dir;
	bool busy;
	int status;
	struct completion done;
	struct vfio_pci_migration *mig;
	ktime_t begun;
};

/**
 * struct vfio_pci_precopy_size - what is left to save of a function, in bytes
 * @initial: what was not saved since the pre-copy began. May grow again if the function was
 *	set up anew.
 * @dirty: what was saved, and has changed since.
 * @stopped: what is beside that saved at VFIO_PCI_FN_FULL only; may be an estimate.
 *
 * Without @initial and @dirty there is nothing to save at the function's level.
 */
struct vfio_pci_precopy_size {
	u64 initial;
	u64 dirty;
	u64 stopped;
};

/**
 * struct vfio_pci_mig_ops - firmware operations that move a function's state
 *
 * The engine calls them in process context under its state mutex, so never two
 * at a time for one function; they may sleep, but each must end within a time
 * that the vendor driver bounds. On error (a negative errno) the function is as
 * it was before the call, with one exception: -ETIMEDOUT says that firmware did
 * not answer, and that nobody knows. The engine then takes the device to
 * VFIO_DEVICE_STATE_ERROR, which only a reset leaves.
 *
 * Sizes that these operations report are checked by the engine.
 *
 * However a @save or @load ends, with -ETIMEDOUT too: no DMA to or from its buffer is outstanding
 * then. The engine may unmap and free it at once.
 *
 * @suspend: take the function to @level. VFIO_PCI_FN_P2P is asked for only when
 *	it runs, VFIO_PCI_FN_FULL only at VFIO_PCI_FN_P2P. Takes effect before the
 *	return: no DMA of the function is outstanding. As for @resume, no @save or @load is
 *	in progress.
 * @resume: leave @level: VFIO_PCI_FN_FULL to VFIO_PCI_FN_P2P, VFIO_PCI_FN_P2P to
 *	running.
 * @state_size: the size in bytes of the state that @save would give now. Called
 *	in any state.
 * @save: write the state from @buf->offset on into @buf, at VFIO_PCI_FN_FULL.
 *	Pieces are asked for in order. Return 0 with @buf->len and @buf->last set;
 *	or -EINPROGRESS, and set them before vfio_pci_mig_buf_done().
 *	With @buf->delta, at any level between @precopy_start and @precopy_stop: write what is
 *	not saved yet or has changed since; before VFIO_PCI_FN_FULL @buf->len may be 0, and
 *	@buf->last says only that there is nothing more now. What an errno or @abort ends has
 *	saved nothing.
 * @load: take @buf->len bytes of state at @buf->offset, at VFIO_PCI_FN_FULL. Pieces
 *	come in order, and from offset 0 in a new session. Nothing may take effect before
 *	the piece with @buf->last; of pieces with @buf->delta a later one replaces what earlier
 *	ones said. Returns as @save does. For both, vfio_pci_mig_buf_done() may be called before
 *	-EINPROGRESS is returned.
 * @abort: end a @save or @load that returned -EINPROGRESS. On return
 *	vfio_pci_mig_buf_done() was called or never will be, and no DMA to or from
 *	@buf is outstanding. Mandatory for those who return -EINPROGRESS.
 * @check_compat: optional. May firmware load a state that was saved by firmware
 *	of state version @compat? 0 or an errno. Without it versions must be equal.
 * @precopy_start: optional, as are the two below; see &vfio_pci_mig_caps.precopy. Begin to
 *	record which parts of the state change; none of it counts as saved. Running or at
 *	VFIO_PCI_FN_P2P. If firmware still records, because a @precopy_stop failed: begin anew.
 * @precopy_stop: end that, at any level. The engine does not save more, also on error. A reset
 *	of the function ends it without a call, and so may a @load that takes effect.
 * @precopy_size: how much is left to save now; between @precopy_start and @precopy_stop.
 */
struct vfio_pci_mig_ops {
	int (*suspend)(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level);
	int (*resume)(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level);
	int (*state_size)(struct vfio_pci_fn *fn, u64 *size);
	int (*save)(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
	int (*load)(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
	void (*abort)(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
	int (*check_compat)(struct vfio_pci_fn *fn, u32 compat);
	int (*precopy_start)(struct vfio_pci_fn *fn);
	int (*precopy_stop)(struct vfio_pci_fn *fn);
	int (*precopy_size)(struct vfio_pci_fn *fn, struct vfio_pci_precopy_size *size);
};

/**
 * struct vfio_pci_mig_caps - limits of the firmware that moves the state
 * @max_state: largest state of a function in bytes. The engine refuses more, from
 *	firmware as from a stream.
 * @chunk: largest piece that @save and @load take, in bytes; 0 or more than
 *	VFIO_PCI_MIG_CHUNK_MAX: the engine uses VFIO_PCI_MIG_CHUNK_MAX.
 * @compat: version of the state that firmware saves.
 * @timeout_ms: how long a @save or @load in progress may take, in milliseconds; 0:
 *	VFIO_PCI_MIG_TIMEOUT_MS.
 * @precopy: firmware can save the state while the function runs, and load what was saved so:
 *	the precopy operations are there. Without it such streams are refused.
 */
struct vfio_pci_mig_caps {
	u64 max_state;
	u32 chunk;
	u32 compat;
	unsigned int timeout_ms;
	bool precopy;
};

/* QEMU reads at most 1 MiB at a time; more would only delay the first byte */
#define VFIO_PCI_MIG_CHUNK_MAX	(1024 * 1024)
/* Several times what upstream's drivers wait for one firmware command (1 to 10 s) */
#define VFIO_PCI_MIG_TIMEOUT_MS	30000

/**
 * struct vfio_pci_log_range - memory whose dirty pages are logged
 * @iova: where it begins, aligned to the tracker's page.
 * @length: bytes, a multiple of the tracker's page, not 0.
 */
struct vfio_pci_log_range {
	u64 iova;
	u64 length;
};

/**
 * struct vfio_pci_log_bitmap - where firmware reports dirty pages
 * @sgt: the memory, mapped for DMA by &vfio_pci_fn.pf. A little-endian bitmap: bit 0 of
 *	byte 0 is the first page.
 * @len: bytes that the bitmap has; the vendor driver replaces it by the bytes that
 *	firmware has written.
 * @dirty: set by the vendor driver: bits that are set. 0: the engine does not look at
 *	the bitmap at all.
 */
struct vfio_pci_log_bitmap {
	struct sg_table *sgt;
	size_t len;
	u64 dirty;
};

/**
 * struct vfio_pci_log_ops - firmware operations that log what a function's DMA writes
 *
 * Called and bounded as those of &struct vfio_pci_mig_ops, under the same mutex. They do not
 * move the function's migration state, and are called in any; -ETIMEDOUT has no special
 * meaning here. A reset of the function ends logging without a call.
 *
 * What they report is checked by the engine. Firmware that can tell of a range has @report;
 * firmware that gives away all it knows, wherever it is, has @changes. One of them, not both.
 *
 * @start: begin to log, in pages of 1 << @page_shift bytes; none of them is dirty. There are
 *	@nr @ranges, in order, apart from each other, within the limits. If firmware still logs,
 *	because a @stop failed or a reset came at the same time: begin anew.
 * @stop: end logging. The engine does not report again, also on error.
 * @report: write the dirty pages of a range into @bitmap, and take them for clean from then
 *	on. The range is aligned, lies within one of those of @start, and its bitmap is at most
 *	&vfio_pci_log_caps.chunk bytes. On error the engine tells user space that what was
 *	logged is lost.
 * @changes: call vfio_pci_log_dirty() with @changes for each piece of memory that was written
 *	since the last time, and take it for clean. Return 0: that is all, or 1: there is more; the
 *	engine calls again if the function does no DMA any more, until it is all. What is reported
 *	stays dirty until a user asks for it. On error as for @report.
 */
struct vfio_pci_log_ops {
	int (*start)(struct vfio_pci_fn *fn, const struct vfio_pci_log_range *ranges,
		     unsigned int nr, unsigned int page_shift);
	int (*stop)(struct vfio_pci_fn *fn);
	int (*report)(struct vfio_pci_fn *fn, u64 iova, u64 length,
		      struct vfio_pci_log_bitmap *bitmap);
	int (*changes)(struct vfio_pci_fn *fn, struct vfio_pci_log_changes *changes);
};

/**
 * struct vfio_pci_log_caps - limits of the firmware that logs
 * @max_ranges: ranges of one function; the engine combines them to so many. 0: this firmware
 *	can't log at all.
 * @min_page_shift: log2 of the smallest page, at least 12.
 * @max_page_shift: log2 of the largest page, at most 30.
 * @max_pages: pages of one function, of all its ranges.
 * @chunk: largest bitmap that @report takes, in bytes; 0 or more than VFIO_PCI_LOG_CHUNK_MAX:
 *	the engine uses VFIO_PCI_LOG_CHUNK_MAX. Not of firmware with @changes.
 */
struct vfio_pci_log_caps {
	unsigned int max_ranges;
	unsigned int min_page_shift;
	unsigned int max_page_shift;
	u64 max_pages;
	u32 chunk;
};

/* 2 GiB in pages of 4 KiB: firmware's latency does not count any more */
#define VFIO_PCI_LOG_CHUNK_MAX	(64 * 1024)

/**
 * struct vfio_pci_use_ops - told when the device is opened and closed
 *
 * Called in process context, under vfio core's locks; may sleep, but must end within a bounded
 * time, and must not wait for device_lock() of the function.
 *
 * @begin: a user opens the device; from now on how the function is set up must not change.
 *	Returns a number that stands for that, as far as state depends on it: state moves only
 *	between functions with equal numbers. 0: as its type says.
 * @end: the user has closed it, or could not open it.
 */
struct vfio_pci_use_ops {
	u32 (*begin)(struct vfio_pci_fn *fn);
	void (*end)(struct vfio_pci_fn *fn);
};

/**
 * struct vfio_pci_control - migration control in the function itself: what of it is hidden
 * @bar: number of the BAR, a memory BAR.
 * @offset: where the range begins in it, in bytes.
 * @length: bytes; 0: up to the BAR's end.
 *
 * All of a BAR: the function's user sees none. A part, in whole pages of the kernel: it reads
 * as zero and can't be mapped. It must be the same on each host, since the user sees what is
 * left.
 */
struct vfio_pci_control {
	unsigned int bar;
	u64 offset;
	u64 length;
};

/**
 * struct vfio_pci_engine_desc - what the engine needs to know of a function
 * @fn: the function. Must live until vfio_pci_engine_unregister() returns.
 * @owner: module with the operations; pinned while the device is open.
 * @alias: optional: a second name by which users open the device beside the
 *	PCI address (VFIO_GROUP_GET_DEVICE_FD). Copied.
 * @type: what kind of function this is, the same on every host: state moves only
 *	between equal types. Copied.
 * @mig_ops: firmware operations; NULL if the function can't be migrated.
 * @mig_caps: limits; required with @mig_ops. Copied.
 * @log_ops: firmware operations that log dirty pages; NULL if firmware can't. Needs @mig_ops.
 * @log_caps: limits; required with @log_ops. Copied.
 * @use_ops: optional: told of users.
 * @control: the function has its migration control in a BAR, for the operations of @mig_ops to
 *	use by vfio_pci_control_begin(); NULL: it is elsewhere. Not used after
 *	vfio_pci_engine_register().
 * @nvlink2: look for GPU RAM and ATSD registers; NULL: the function has none. Must live as
 *	@fn does.
 * @lent: the function's driver is not there for VFIO's users only, and may have other devices: its
 *	struct dev_pm_ops stay what they are. The caller keeps the function from runtime suspend,
 *	with one reference more than VFIO drops, until vfio_pci_engine_unregister() has returned.
 */
struct vfio_pci_engine_desc {
	struct vfio_pci_fn *fn;
	struct module *owner;
	const char *alias;
	const char *type;
	const struct vfio_pci_mig_ops *mig_ops;
	const struct vfio_pci_mig_caps *mig_caps;
	const struct vfio_pci_log_ops *log_ops;
	const struct vfio_pci_log_caps *log_caps;
	const struct vfio_pci_use_ops *use_ops;
	const struct vfio_pci_control *control;
	const struct vfio_pci_nvlink2_ops *nvlink2;
	bool lent;
};

struct vfio_pci_engine_device *
vfio_pci_engine_register(const struct vfio_pci_engine_desc *desc);
const char *vfio_pci_engine_mistake(const struct vfio_pci_engine_desc *desc);
void vfio_pci_engine_unregister(struct vfio_pci_engine_device *edev);
struct device *vfio_pci_engine_dev(struct vfio_pci_engine_device *edev);
bool vfio_pci_engine_is_open(struct device *dev);
const char *vfio_pci_engine_state(struct vfio_pci_engine_device *edev);
const char *vfio_pci_engine_logging(const struct vfio_pci_log_ops *ops,
				    const struct vfio_pci_log_caps *caps);
const char *vfio_pci_engine_precopy(const struct vfio_pci_mig_caps *caps);
void vfio_pci_engine_error(struct vfio_pci_engine_device *edev, const char *why);
void __iomem *vfio_pci_control_begin(struct vfio_pci_fn *fn);
void vfio_pci_control_end(struct vfio_pci_fn *fn);
int vfio_pci_log_dirty(struct vfio_pci_log_changes *changes, u64 iova, u64 length);
void vfio_pci_mig_buf_done(struct vfio_pci_mig_buf *buf, int status);

extern const struct pci_error_handlers vfio_pci_engine_err_handlers;

#endif /* _LINUX_VFIO_PCI_ENGINE_H */
