/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine: migration of PCI functions on top of vfio-pci-core.
 *
 * A user of the engine names a PCI function and the firmware operations that
 * move its state. The engine makes the vfio_device, and owns the migration
 * state machine, the migration files, the stream format and the buffers.
 */
#ifndef _LINUX_VFIO_PCI_ENGINE_H
#define _LINUX_VFIO_PCI_ENGINE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/vfio_pci_nvlink2.h>

/*
 * Number of the interface of this header, vfio_pci_nvlink2.h and mdev_pci.h. It
 * is raised whenever a module that was built before would misunderstand them: a
 * structure, parameters or a meaning has changed. docs/release-notes.rst says
 * what. Registration refuses modules with another number.
 */
#define VFIO_PCI_ENGINE_INTERFACE	2

struct vfio_pci_engine_device;
struct vfio_pci_dirty_list;
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
 * @VFIO_PCI_FN_RUNNING: not suspended.
 * @VFIO_PCI_FN_P2P: it begins no DMA, but accepts and remembers writes
 *	(VFIO_DEVICE_STATE_RUNNING_P2P).
 * @VFIO_PCI_FN_FULL: its state does not change at all (VFIO_DEVICE_STATE_STOP).
 */
enum vfio_pci_fn_level {
	VFIO_PCI_FN_RUNNING,
	VFIO_PCI_FN_P2P,
	VFIO_PCI_FN_FULL,
};

/**
 * enum vfio_pci_buf_kind - how migration buffers are accessed
 * @VFIO_PCI_BUF_DMA: by DMA of &vfio_pci_fn.pf: &vfio_pci_mig_buf.sgt is mapped
 *	for it.
 * @VFIO_PCI_BUF_CPU: by the vendor driver, at &vfio_pci_mig_buf.vaddr. Implied
 *	by &vfio_pci_engine_desc.hidden_range.
 * @VFIO_PCI_BUF_SG: by a device that others map it for: &vfio_pci_mig_buf.sg is
 *	not mapped. &vfio_pci_mig_buf.vaddr is the same memory for the CPU.
 */
enum vfio_pci_buf_kind {
	VFIO_PCI_BUF_DMA,
	VFIO_PCI_BUF_CPU,
	VFIO_PCI_BUF_SG,
};

/**
 * enum vfio_pci_mig_dir - what a session is for
 * @VFIO_PCI_MIG_SAVE: to save a function at VFIO_PCI_FN_FULL.
 * @VFIO_PCI_MIG_PRECOPY: to save it, beginning while it runs; see
 *	&vfio_pci_mig_caps.precopy.
 * @VFIO_PCI_MIG_LOAD: to load.
 */
enum vfio_pci_mig_dir {
	VFIO_PCI_MIG_SAVE,
	VFIO_PCI_MIG_PRECOPY,
	VFIO_PCI_MIG_LOAD,
};

/**
 * struct vfio_pci_mig_buf - a chunk of a function's state
 * @sgt: VFIO_PCI_BUF_DMA: the memory, mapped for DMA by &vfio_pci_fn.pf. It may
 *	be longer than @len.
 * @sg: VFIO_PCI_BUF_SG: the memory, not mapped; its last entry has the end
 *	mark. On save exactly @len bytes of room. On load exactly
 *	&vfio_pci_mig_caps.headroom and @len bytes. Valid in the operation only.
 * @vaddr: VFIO_PCI_BUF_CPU and VFIO_PCI_BUF_SG: the chunk for the CPU. On load
 *	&vfio_pci_mig_caps.headroom writable bytes precede it.
 * @offset: where the chunk begins in the state, in bytes.
 * @len: save: bytes of room, the vendor driver replaces it by the bytes saved.
 *	Load: bytes to load.
 * @last: save: set by the vendor driver if nothing is left after this chunk.
 *	Load: this chunk is the last one, the state is to take effect.
 * @delta: the chunk is of a session with a pre-copy phase: it has what was not
 *	saved yet or has changed since, in a form that only firmware knows. All
 *	chunks of a session are of one kind. Of such chunks @offset counts the
 *	bytes of those before.
 * @level: save: where the function is.
 * @priv: the vendor driver's, such as a memory key: NULL before
 *	&vfio_pci_mig_ops.attach, then not touched by the engine until
 *	&vfio_pci_mig_ops.detach has returned.
 *
 * The other members are the engine's.
 */
struct vfio_pci_mig_buf {
	struct sg_table sgt;
	struct scatterlist *sg;
	void *vaddr;
	u64 offset;
	size_t len;
	bool last;
	bool delta;
	enum vfio_pci_fn_level level;
	void *priv;

	/* private: of the engine */
	enum vfio_pci_buf_kind kind;
	void *mem;
	struct page **pages;
	unsigned int nr_pages;
	unsigned int borrowed;
	size_t headroom;
	bool precopy;
	bool attached;
	bool cleared;
	size_t size;
	size_t room;
	enum dma_data_direction dir;
	bool busy;
	bool lost;
	int status;
	atomic_t pending;
	struct completion done;
	struct vfio_pci_migration *mig;
	ktime_t begun;
};

/**
 * struct vfio_pci_precopy_size - what is left to save of a function, in bytes
 * @initial: not saved since the pre-copy began. May grow again if the function
 *	was set up again.
 * @dirty: saved, and changed since.
 * @stopped: additional bytes that only VFIO_PCI_FN_FULL saves; may be an
 *	estimate.
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
 * not answer, and that the function's state is unknown. After a @suspend, a
 * @resume or the last @load of a state the engine then takes the device to
 * VFIO_DEVICE_STATE_ERROR, which only a reset leaves. Any other operation that
 * fails ends only the migration file or the query, and the device goes on.
 *
 * The engine checks the sizes that these operations report, and their results:
 * see vfio_pci_engine_result().
 *
 * Chunks are moved in sessions: @begin, @attach of each buffer, @save or @load
 * of chunks, @detach of each buffer, @end. A session ends on every way out: in
 * order, on an error, by a reset of the function, when the user closes the
 * device, by vfio_pci_engine_detach_fw(). @end is called after a reset, too,
 * since a reset does not undo @begin. A buffer is attached before its first
 * @save or @load at the latest, and may be detached, grown, and attached again
 * within a session.
 *
 * When a @save or @load ends, also with -ETIMEDOUT, no DMA to or from its
 * buffer may be outstanding: the engine may unmap and free it at once.
 *
 * @suspend: take the function to @level. To VFIO_PCI_FN_P2P only from running,
 *	to VFIO_PCI_FN_FULL only from VFIO_PCI_FN_P2P. It takes effect before
 *	the return: no DMA of the function is outstanding. No @save or @load is
 *	in progress; the same holds for @resume.
 * @resume: leave @level: VFIO_PCI_FN_FULL to VFIO_PCI_FN_P2P, VFIO_PCI_FN_P2P
 *	to running.
 * @state_size: the size in bytes of the state that @save would give now. Called
 *	in any state.
 * @begin: optional. A session begins. On error it does not, and @end is not
 *	called.
 * @end: optional. The session has ended: no buffer is attached, no @save or
 *	@load is in progress. Also in VFIO_DEVICE_STATE_ERROR. Not for a session
 *	with an operation that has not returned in time, see
 *	&vfio_pci_mig_caps.unbounded, unless it returns before the device is
 *	closed.
 * @attach: optional. @buf has got its memory, of &vfio_pci_mig_caps.kind;
 *	@buf->sgt is mapped. @buf->len and the content have no meaning yet. On
 *	error @detach is not called.
 * @detach: optional. @buf is about to lose its memory.
 * @chunk_size: optional. How many bytes of room the next @save needs, for
 *	firmware that saves whole images. More than &vfio_pci_mig_caps.max_chunk
 *	is an error. The engine grows the buffer to that, and @save is called
 *	with as much room. Before VFIO_PCI_FN_FULL 0 says that there is nothing
 *	to save now; @save is not called then. Without it there is
 *	&vfio_pci_mig_caps.chunk of room.
 * @save: write the state from @buf->offset on into @buf, at VFIO_PCI_FN_FULL.
 *	Chunks are asked for in order. Return 0 with @buf->len and @buf->last
 *	set; or -EINPROGRESS, and set them before vfio_pci_mig_buf_done(). With
 *	@buf->delta, at any level between @precopy_start and @precopy_stop:
 *	write what is not saved yet or has changed since; before
 *	VFIO_PCI_FN_FULL @buf->len may be 0, and @buf->last says only that there
 *	is nothing more now. A @save that fails or is aborted has saved nothing.
 * @load: take @buf->len bytes of state at @buf->offset, at VFIO_PCI_FN_FULL.
 *	Chunks come in order, and from offset 0 in a new session. Nothing may
 *	take effect before the chunk with @buf->last, unless
 *	&vfio_pci_mig_caps.immediate says so; of chunks with @buf->delta a later
 *	one replaces what earlier ones said. Chunks without @buf->delta may have
 *	other bounds than @save gave them, unless &vfio_pci_mig_caps.framed is
 *	set. Returns as @save does. Both may call vfio_pci_mig_buf_done() before
 *	they return -EINPROGRESS.
 * @abort: end a @save or @load that returned -EINPROGRESS. On return
 *	vfio_pci_mig_buf_done() was called or never will be, and no DMA to or
 *	from @buf is outstanding. Required with -EINPROGRESS: without @abort it
 *	counts as -EIO, and the buffer's memory is never used or freed again.
 * @check_compat: optional. Return 0 if firmware can load a state of version
 *	@compat, else an errno. Without it versions must be equal.
 * @precopy_start: optional; see &vfio_pci_mig_caps.precopy. Begin to record
 *	which parts of the state change; none of it counts as saved. Running or
 *	at VFIO_PCI_FN_P2P. If firmware still records, because a @precopy_stop
 *	failed: begin anew. Without it the first @save of a session does all
 *	that.
 * @precopy_stop: required with &vfio_pci_mig_caps.precopy. End the recording,
 *	at any level. The engine does not save more, even on error. @buf is for
 *	firmware that needs a last @save to end it: an attached buffer of the
 *	session with as much room as for @save, in @buf->len; what is in it is
 *	dropped. NULL: there is none (no memory, or @chunk_size has failed); do
 *	without. Called before @end. A reset of the function ends it without a
 *	call, and so may a @load that takes effect.
 * @precopy_size: optional with @chunk_size. How much is left to save now;
 *	between @precopy_start and @precopy_stop, also while a @save is in
 *	progress. Without it @chunk_size is asked that:
 *	&vfio_pci_precopy_size.initial before the first @save has ended,
 *	&vfio_pci_precopy_size.dirty after it.
 */
struct vfio_pci_mig_ops {
	int (*begin)(struct vfio_pci_fn *fn, enum vfio_pci_mig_dir dir);
	void (*end)(struct vfio_pci_fn *fn);
	int (*attach)(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
	void (*detach)(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
	int (*suspend)(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level);
	int (*resume)(struct vfio_pci_fn *fn, enum vfio_pci_fn_level level);
	int (*state_size)(struct vfio_pci_fn *fn, u64 *size);
	int (*chunk_size)(struct vfio_pci_fn *fn, u64 *bytes);
	int (*save)(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
	int (*load)(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
	void (*abort)(struct vfio_pci_fn *fn, struct vfio_pci_mig_buf *buf);
	int (*check_compat)(struct vfio_pci_fn *fn, u32 compat);
	int (*precopy_start)(struct vfio_pci_fn *fn);
	int (*precopy_stop)(struct vfio_pci_fn *fn,
			    struct vfio_pci_mig_buf *buf);
	int (*precopy_size)(struct vfio_pci_fn *fn,
			    struct vfio_pci_precopy_size *size);
};

/**
 * struct vfio_pci_mig_caps - limits of the firmware that moves the state
 * @max_state: largest state of a function in bytes. The engine refuses larger
 *	ones, from firmware and from a stream.
 * @chunk: largest chunk that @save and @load take, in bytes; 0 or more than
 *	VFIO_PCI_MIG_CHUNK_MAX: the engine uses VFIO_PCI_MIG_CHUNK_MAX.
 * @max_chunk: only with @framed: largest chunk in bytes, up to
 *	VFIO_PCI_MIG_CHUNK_BOUND; buffers grow to that if they must. They are
 *	charged to the user's memory control group, and all users' together have
 *	at most a quarter of the host's memory. 0: @chunk.
 * @kind: how the buffers are accessed.
 * @headroom: with VFIO_PCI_BUF_CPU and VFIO_PCI_BUF_SG: number of writable
 *	bytes before the chunk on load; in &vfio_pci_mig_buf.sg they come first.
 *	A multiple of 8, up to VFIO_PCI_MIG_HEADROOM_MAX.
 * @compat: version of the state that firmware saves.
 * @timeout_ms: how long a @save or @load in progress may take, in milliseconds;
 *	0: VFIO_PCI_MIG_TIMEOUT_MS.
 * @precopy: firmware can save the state while the function runs, and load such
 *	a state. Needs the precopy operations. Without it streams with pre-copy
 *	are refused.
 * @framed: firmware loads only whole images: @load gets each chunk as @save
 *	gave it. Without it the engine may cut up those without
 *	&vfio_pci_mig_buf.delta, for firmware with a smaller @chunk.
 * @immediate: a @load takes effect at once, not only the last. Once one has, an
 *	error or a session that ends before the state is complete takes the
 *	device to VFIO_DEVICE_STATE_ERROR, which only a reset leaves. The engine
 *	checks the whole stream before the last @load, so a state of one chunk
 *	is checked completely before firmware sees it.
 * @upstream: the streams can be those of upstream's variant driver for such
 *	functions: records of 8 bytes length, 4 bytes flags and 4 bytes tag 0,
 *	each with a chunk; see vfio_pci_engine_set_upstream(). @load gets each
 *	record when it is complete, with &vfio_pci_mig_buf.last. Without
 *	@precopy each has all of the state: @save must return it as one chunk,
 *	@load gets it from offset 0, also several times in a session. With
 *	@precopy nothing tells a session with pre-copy from others: @load gets
 *	all chunks with &vfio_pci_mig_buf.delta. Requires @framed.
 * @unbounded: operations may never return. The engine calls each in a worker
 *	and waits at most @timeout_ms. Then the device goes to
 *	VFIO_DEVICE_STATE_ERROR, and all operations of the function are refused
 *	with -ETIMEDOUT until the one has returned; its buffer is neither used
 *	nor freed until then. Unregistration does not wait for it. The
 *	operations get a copy of &vfio_pci_engine_desc.fn that lives as long as
 *	any of them, with what &vfio_pci_fn.priv was at registration; they may
 *	change that. What it points to must outlive the operations: use it as a
 *	number. None of them may return -EINPROGRESS. Not with VFIO_PCI_BUF_DMA,
 *	nor with &vfio_pci_engine_desc.log_ops or
 *	&vfio_pci_engine_desc.hidden_range.
 */
struct vfio_pci_mig_caps {
	u64 max_state;
	u32 chunk;
	u32 compat;
	unsigned int timeout_ms;
	bool precopy;
	u64 max_chunk;
	enum vfio_pci_buf_kind kind;
	u32 headroom;
	bool framed;
	bool immediate;
	bool unbounded;
	bool upstream;
};

/* QEMU reads at most 1 MiB at a time; more would only delay the first byte */
#define VFIO_PCI_MIG_CHUNK_MAX	(1024 * 1024)
/*
 * Images of framed firmware are bounded only by the memory that a user may have
 */
#define VFIO_PCI_MIG_CHUNK_BOUND	(256 * 1024 * 1024)
#define VFIO_PCI_MIG_HEADROOM_MAX	64
/*
 * Several times what upstream's drivers wait for one firmware command (1 to 10
 * s)
 */
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
 * @sgt: the memory, mapped for DMA by &vfio_pci_fn.pf. A little-endian bitmap:
 *	bit 0 of byte 0 is the first page.
 * @len: bytes that the bitmap has; the vendor driver replaces it by the bytes
 *	that firmware has written.
 * @dirty: set by the vendor driver: bits that are set. 0: the engine does not
 *	look at the bitmap at all.
 */
struct vfio_pci_log_bitmap {
	struct sg_table *sgt;
	size_t len;
	u64 dirty;
};

/**
 * struct vfio_pci_log_ops - firmware operations that log what a function's DMA
 *	writes
 *
 * Called and bounded as those of &struct vfio_pci_mig_ops, under the same
 * mutex. They do not change the function's migration state, and are called in
 * any state; -ETIMEDOUT has no special meaning here. A reset of the function
 * ends logging without a call.
 *
 * The engine checks what they report. Firmware that reports a bitmap of a range
 * has @report; firmware that lists written memory has @dirty_list. Exactly one
 * of them is set.
 *
 * @start: begin to log, in pages of 1 << @page_shift bytes; none of them is
 *	dirty. There are @nr @ranges, in order, apart from each other, within
 *	the limits. If firmware still logs, because a @stop failed or a reset
 *	came at the same time: begin anew.
 * @stop: end logging. The engine does not report again, also on error.
 * @report: write the dirty pages of a range into @bitmap, and clear them. The
 *	range is aligned, lies within one of those of @start, and its bitmap is
 *	at most &vfio_pci_log_caps.chunk bytes. On error the engine tells user
 *	space that what was logged is lost.
 * @dirty_list: call vfio_pci_log_dirty() with @list for each range of memory
 *	that was written since the last call, and clear it. Report all of the
 *	@length bytes from @iova on; other logged memory may be reported as
 *	well. The range is aligned and lies within one of those of @start.
 *	Return 0 at the end, or 1 if there is more; the engine calls again if
 *	the function does no DMA any more, until the return is 0. Reported
 *	memory stays dirty until a user asks for it. On error as for @report.
 */
struct vfio_pci_log_ops {
	int (*start)(struct vfio_pci_fn *fn,
		     const struct vfio_pci_log_range *ranges, unsigned int nr,
		     unsigned int page_shift);
	int (*stop)(struct vfio_pci_fn *fn);
	int (*report)(struct vfio_pci_fn *fn, u64 iova, u64 length,
		      struct vfio_pci_log_bitmap *bitmap);
	int (*dirty_list)(struct vfio_pci_fn *fn,
			  struct vfio_pci_dirty_list *list, u64 iova,
			  u64 length);
};

/**
 * struct vfio_pci_log_caps - limits of the firmware that logs
 * @max_ranges: largest number of ranges of a function; the engine combines them
 *	to this number. 0: this firmware can't log at all.
 * @min_page_shift: log2 of the smallest page, at least 12.
 * @max_page_shift: log2 of the largest page, at most 30.
 * @max_pages: pages of one function, of all its ranges.
 * @min_bytes: shortest range in bytes; the engine widens those that are
 *	shorter. 0: any.
 * @max_bytes: longest range in bytes; 0: any.
 * @max_addr: highest address that can be logged; 0: any.
 * @chunk: largest bitmap that @report accepts, in bytes; 0 or more than
 *	VFIO_PCI_LOG_CHUNK_MAX: the engine uses VFIO_PCI_LOG_CHUNK_MAX. Not used
 *	with @dirty_list.
 */
struct vfio_pci_log_caps {
	unsigned int max_ranges;
	unsigned int min_page_shift;
	unsigned int max_page_shift;
	u64 max_pages;
	u64 min_bytes;
	u64 max_bytes;
	u64 max_addr;
	u32 chunk;
};

/* 2 GiB in pages of 4 KiB: a larger bitmap would save no noticeable time */
#define VFIO_PCI_LOG_CHUNK_MAX	(64 * 1024)

/**
 * struct vfio_pci_use_ops - called when the device is opened and closed
 *
 * Called in process context, under vfio core's locks; may sleep, but must end
 * within a bounded time, and must not wait for device_lock() of the function.
 *
 * @open: a user opens the device; the function's setup must not change from now
 *	on. Set @setup to a number that stands for the setup that state depends
 *	on: state moves only between functions with equal numbers. 0: the setup
 *	of the type. On error, which is what the user gets, the device is not
 *	opened.
 * @close: the user has closed it, or could not open it.
 */
struct vfio_pci_use_ops {
	int (*open)(struct vfio_pci_fn *fn, u32 *setup);
	void (*close)(struct vfio_pci_fn *fn);
};

/**
 * struct vfio_pci_hidden_range - the hidden range: migration control in the
 *	function itself
 * @bar: number of the BAR, a memory BAR.
 * @offset: where the range begins in it, in bytes.
 * @length: bytes; 0: up to the BAR's end.
 *
 * A whole BAR is invisible to the function's user. A part of a BAR, in whole
 * pages of the kernel, reads as zero and can't be mapped. The range must be the
 * same on each host, since the user sees the rest.
 */
struct vfio_pci_hidden_range {
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
 * @type: the kind of function, the same on every host: state moves only between
 *	equal types. Copied.
 * @mig_ops: firmware operations; NULL if the function can't be migrated.
 * @mig_caps: limits; required with @mig_ops. Copied.
 * @log_ops: firmware operations that log dirty pages; NULL if firmware can't.
 *	Needs @mig_ops.
 * @log_caps: limits; required with @log_ops. Copied.
 * @use_ops: optional: called for open and close.
 * @hidden_range: the function has its migration control in a BAR, which the
 *	operations of @mig_ops access by vfio_pci_hidden_begin(); NULL: it has
 *	not. Not used after vfio_pci_engine_register().
 * @nvlink2: look for GPU RAM and ATSD registers; NULL: the function has none.
 *	Must live as @fn does.
 * @keep_driver_pm: the function's driver also serves other users and devices:
 *	its struct dev_pm_ops are kept. The caller keeps the function from
 *	runtime suspend, with one reference more than VFIO drops, until
 *	vfio_pci_engine_unregister() has returned.
 * @watch: the function may be reset without notice to its driver: by a reset of
 *	a PF whose driver does not know the engine. While a user has it open,
 *	the engine reads the MSI or MSI-X enable bit every 5 s if the user has
 *	enabled interrupts (one read of the configuration space). If it is not,
 *	the device goes to VFIO_DEVICE_STATE_ERROR as by
 *	vfio_pci_engine_error(), and the user gets its error interrupt
 *	(VFIO_PCI_ERR_IRQ_INDEX).
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
	const struct vfio_pci_hidden_range *hidden_range;
	const struct vfio_pci_nvlink2_ops *nvlink2;
	bool keep_driver_pm;
	bool watch;
};

/**
 * __vfio_pci_engine_register() - register a vfio_device for a function
 * @desc: the function and its firmware
 * @interface: VFIO_PCI_ENGINE_INTERFACE of the caller, by
 *	vfio_pci_engine_register()
 * @module: the caller's name, for the log
 *
 * The function's driver must not do DMA by the kernel's API
 * (driver_managed_dma), and must have vfio_pci_engine_err_handlers, or call
 * them. The function must have no driver data: until
 * vfio_pci_engine_unregister() that is the engine's. From the return on users
 * can open the device.
 *
 * Context: process context, under device_lock() of the function; sleeps.
 * Return: the device; -EINVAL: no IOMMU group, @desc is invalid (see
 * vfio_pci_engine_validate()), or its control can't be hidden; -ENOEXEC:
 * @interface is another one, and @desc was not looked at; -ENOMEM; others from
 * vfio_pci_core_register_device().
 */
struct vfio_pci_engine_device *
__vfio_pci_engine_register(const struct vfio_pci_engine_desc *desc,
			   u32 interface, const char *module);

/* See __vfio_pci_engine_register() */
#define vfio_pci_engine_register(desc) \
	__vfio_pci_engine_register(desc, VFIO_PCI_ENGINE_INTERFACE, \
				   KBUILD_MODNAME)

/**
 * vfio_pci_engine_validate() - find a fault in the operations and limits of a
 *	vendor driver
 * @desc: only its type, mig_ops, mig_caps, log_ops and log_caps are looked at
 *
 * Context: any.
 * Return: NULL: there is none, and vfio_pci_engine_register() will not refuse
 * them; else words for the log, to follow the name of what @desc describes.
 */
const char *vfio_pci_engine_validate(const struct vfio_pci_engine_desc *desc);

/**
 * vfio_pci_engine_unregister() - unregister a vfio_device
 * @edev: the device
 *
 * Asks the user of an open device to close it, and blocks until the user has.
 *
 * Context: process context, under device_lock() of the function; sleeps.
 */
void vfio_pci_engine_unregister(struct vfio_pci_engine_device *edev);

/**
 * vfio_pci_engine_of() - get the vfio_device that a driver has made for its
 *	function
 * @pdev: the function
 *
 * For drivers that are bound to the function themselves: its driver data is the
 * engine's.
 *
 * Context: between vfio_pci_engine_register() and vfio_pci_engine_unregister().
 * Return: what vfio_pci_engine_register() has returned.
 */
struct vfio_pci_engine_device *vfio_pci_engine_of(struct pci_dev *pdev);

/**
 * vfio_pci_engine_dev() - get the "vfioN" device below the function
 * @edev: the device
 *
 * Context: any.
 * Return: its struct device; valid until vfio_pci_engine_unregister(). A caller
 * that takes a reference may use it, vfio_pci_engine_detach_fw() and
 * vfio_pci_engine_attach_fw() until it drops that.
 */
struct device *vfio_pci_engine_dev(struct vfio_pci_engine_device *edev);

/**
 * vfio_pci_engine_set_upstream() - choose the format of a device's streams
 * @edev: the device, with &vfio_pci_mig_caps.upstream; nobody has it open
 * @upstream: the format of upstream's variant driver, else the native one
 *
 * Upstream's streams have no magic number, no identity and no checksum. The
 * administrator must choose the format, since the engine cannot detect it.
 *
 * Context: process context; sleeps, takes the state mutex.
 */
void vfio_pci_engine_set_upstream(struct vfio_pci_engine_device *edev,
				  bool upstream);

/**
 * vfio_pci_engine_assert_locked() - assert that the driver core holds
 *	device_lock()
 * @dev: the function
 *
 * In place of device_lock_assert() where a driver's probe() may be the caller:
 * the PCI core has probe() called by a worker on the device's NUMA node, while
 * another task holds the lock.
 */
static inline void vfio_pci_engine_assert_locked(struct device *dev)
{
	lockdep_assert(mutex_is_locked(&dev->mutex));
}

/**
 * vfio_pci_engine_can_reset() - check whether a function can be reset
 * @pdev: the function
 *
 * A function that can't be reset can't be migrated: nothing would recover it
 * from a failed migration, or from what a user has left.
 *
 * Context: any.
 * Return: true if so.
 */
static inline bool vfio_pci_engine_can_reset(struct pci_dev *pdev)
{
	return pdev->reset_methods[0];
}

/* At most 10, 30, 100, 300, 1000, 3000 ms, and longer */
#define VFIO_PCI_ENGINE_STOP_BUCKETS	7

/**
 * struct vfio_pci_engine_counters - what has happened to a device since it was
 *	registered
 * @saved: migrations whose state the user has read to its end
 * @loaded: migrations whose state firmware has accepted
 * @failed: other migrations; not loads to which nothing was written
 * @errors: how often the device went to VFIO_DEVICE_STATE_ERROR
 * @resets: of the function, as the engine has seen them
 * @bytes_saved: bytes of state that firmware has saved, also for migrations
 *	that failed
 * @bytes_loaded: bytes of state that firmware has loaded, as well
 * @stopped_ns: nanoseconds from the stop of the function to the end of the
 *	save, for all of @saved
 * @stopped: how many of @saved took so long, in each of
 *	VFIO_PCI_ENGINE_STOP_BUCKETS
 */
struct vfio_pci_engine_counters {
	u64 saved;
	u64 loaded;
	u64 failed;
	u64 errors;
	u64 resets;
	u64 bytes_saved;
	u64 bytes_loaded;
	u64 stopped_ns;
	u64 stopped[VFIO_PCI_ENGINE_STOP_BUCKETS];
};

/**
 * vfio_pci_engine_state() - get the name of the device's migration state
 * @edev: the device
 *
 * Context: any; takes no lock and does not wait for firmware.
 * Return: the uapi's name without its prefix, such as "RUNNING"; "none" if the
 * device can't be migrated.
 */
const char *vfio_pci_engine_state(struct vfio_pci_engine_device *edev);

/**
 * vfio_pci_engine_count() - get what a device has counted
 * @edev: the device
 * @count: receives the counters; all zero if the device can't be migrated
 *
 * Context: any; takes a spinlock and does not wait for firmware.
 */
void vfio_pci_engine_count(struct vfio_pci_engine_device *edev,
			   struct vfio_pci_engine_counters *count);

/**
 * vfio_pci_engine_logging() - describe whether dirty pages can be logged
 * @ops: firmware operations, or NULL
 * @caps: firmware's limits
 *
 * Context: any.
 * Return: "yes" or "no", with the kernel's reason for it, for people.
 */
const char *vfio_pci_engine_logging(const struct vfio_pci_log_ops *ops,
				    const struct vfio_pci_log_caps *caps);

/**
 * vfio_pci_engine_precopy() - describe whether a function can be saved while it
 *	runs
 * @caps: firmware's limits
 *
 * Context: any.
 * Return: "yes", "no", or what is missing, for people.
 */
const char *vfio_pci_engine_precopy(const struct vfio_pci_mig_caps *caps);

/**
 * vfio_pci_engine_error() - report that firmware has failed
 * @edev: the device
 * @why: what happened, for the log
 *
 * The device goes to VFIO_DEVICE_STATE_ERROR until it is reset, by a reset that
 * begins after this; a migration session ends. It is logged if the device was
 * not in that state.
 *
 * Context: any.
 */
void vfio_pci_engine_error(struct vfio_pci_engine_device *edev,
			   const char *why);

/**
 * vfio_pci_engine_detach_fw() - end the session and block firmware operations
 * @edev: the device
 *
 * For a PF driver that is about to take the function away from its firmware for
 * a while, with all that sessions have made there. On return no buffer is
 * attached, the session has ended, and no operation is in progress, but one
 * that has not returned in time; see &vfio_pci_mig_caps.unbounded. Logging of
 * dirty pages has ended. Until vfio_pci_engine_attach_fw() operations are
 * refused with -ENODEV. A device that is not RUNNING goes to
 * VFIO_DEVICE_STATE_ERROR.
 *
 * Context: process context; sleeps, takes the state mutex, calls operations of
 * the vendor driver.
 */
void vfio_pci_engine_detach_fw(struct vfio_pci_engine_device *edev);

/**
 * vfio_pci_engine_attach_fw() - undo vfio_pci_engine_detach_fw()
 * @edev: the device, of which vfio_pci_engine_detach_fw() was called
 *
 * Context: process context; sleeps, takes the state mutex.
 */
void vfio_pci_engine_attach_fw(struct vfio_pci_engine_device *edev);

/**
 * vfio_pci_engine_result() - check the result of an operation of a vendor
 *	driver
 * @dev: the function, for the log
 * @op: name of the operation, for the log
 * @ret: what it returned
 *
 * The engine does this with the result of each operation of &struct
 * vfio_pci_mig_ops and &struct vfio_pci_log_ops, and with the status that
 * vfio_pci_mig_buf_done() is given; mdev-pci does it with those of its own
 * operations. Vendor drivers translate firmware's status into 0 or one of these
 * errnos:
 *
 * =================================== =========================================
 * -EIO                                firmware or the device has failed
 * -EPROTO, -EBADMSG                   firmware's answer is invalid; data is
 *                                     damaged
 * -ETIMEDOUT                          firmware did not answer in time: the
 *                                     outcome is not known
 * -ECANCELED                          a reset or an abort has ended it
 * -ENODEV, -ENXIO, -ESHUTDOWN         the device is gone; has no such function;
 *                                     is being stopped
 * -EBUSY, -EBADFD                     something else is under way; the function
 *                                     is in a wrong state
 * -EINVAL, -ERANGE                    firmware does not accept a value; it is
 *                                     out of range
 * -EOPNOTSUPP, -EPROTONOSUPPORT       firmware can't do that; not with that
 *                                     version of the state
 * -EPERM, -EACCES                     firmware does not allow it
 * -ENOMEM, -ENOSPC                    the host has no memory; firmware has no
 *                                     resources left
 * -EMSGSIZE, -EFBIG, -EOVERFLOW       it is too large for firmware, or for this
 *                                     driver
 * -ENODATA, -ENOENT, -EEXIST, -ESTALE there is none; is one already; it has
 *                                     changed meanwhile
 * -EADDRINUSE, -EADDRNOTAVAIL         of addresses that are set by attributes
 * =================================== =========================================
 *
 * Beside them @save and @load may return -EINPROGRESS, and @dirty_list 1. Other
 * values, such as positive firmware status words, -EAGAIN, -EINTR or -ENOMSG,
 * count as -EIO.
 *
 * Context: any.
 * Return: @ret; or -EIO, after a line in the log with @op and @ret.
 */
int vfio_pci_engine_result(struct device *dev, const char *op, int ret);

/**
 * vfio_pci_hidden_begin() - begin to access a function's migration control
 * @fn: the function, with &vfio_pci_engine_desc.hidden_range; one of its
 *	operations has been called and has not ended
 *
 * Hold it for a short time: a register or two, a window of data. Resets and the
 * user's page faults in the BARs wait for it. To wait for firmware, end the
 * access and begin again; the vendor driver sees in the registers if a reset
 * came in between. The function is awake and decodes memory meanwhile, whatever
 * its user has set. Reading all ones means that the function is gone.
 *
 * Context: process context; sleeps. On success the device's memory_lock is held
 * until vfio_pci_hidden_end(): no user memory may be touched, and no other of
 * the engine's functions called.
 * Return: where the range begins; -EBUSY: the function is being reset, what it
 * was told is lost; -EIO: it is in low power, by its user's wish; -ENODEV: it
 * is gone, or its link has failed.
 */
void __iomem *vfio_pci_hidden_begin(struct vfio_pci_fn *fn);

/**
 * vfio_pci_hidden_end() - end an access that vfio_pci_hidden_begin() has begun
 * @fn: the function
 *
 * Context: the task that vfio_pci_hidden_begin() has succeeded for; sleeps.
 */
void vfio_pci_hidden_end(struct vfio_pci_fn *fn);

/**
 * vfio_pci_log_dirty() - report pages that firmware says are dirty
 * @list: what &vfio_pci_log_ops.dirty_list was given
 * @iova: where they begin, aligned to the tracker's page
 * @length: bytes, a multiple of the tracker's page, not 0
 *
 * Pages may be reported more than once. They are dirty until a user has asked
 * for them, whatever the operation returns.
 *
 * Context: that of the operation; may sleep.
 * Return: 0; -EIO: the pages are outside of the logged ranges, which was
 * logged; -ENOMEM. An operation that gets an errno should end with it.
 */
int vfio_pci_log_dirty(struct vfio_pci_dirty_list *list, u64 iova, u64 length);

/**
 * vfio_pci_mig_buf_done() - complete a save or load that was in progress
 * @buf: its buffer
 * @status: 0, or an errno as &vfio_pci_mig_ops.save and &vfio_pci_mig_ops.load
 *	return it
 *
 * To be called exactly once after -EINPROGRESS.
 *
 * Context: any, also hard interrupt.
 */
void vfio_pci_mig_buf_done(struct vfio_pci_mig_buf *buf, int status);

/* For the &pci_driver.err_handler of a driver that is bound to the functions */
extern const struct pci_error_handlers vfio_pci_engine_err_handlers;

#endif /* _LINUX_VFIO_PCI_ENGINE_H */
