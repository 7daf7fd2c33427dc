/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reference device: registers and structures, as docs/reference-device.rst
 * defines them. Everything is little-endian.
 */
#ifndef _REFDEV_HW_H
#define _REFDEV_HW_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>

#define REFDEV_VENDOR_ID		0x8086
#define REFDEV_DEVICE_ID		0xf0d0
#define REFDEV_SUBVENDOR_ID		0x1af4
#define REFDEV_SUBDEVICE_ID		0x1100

/* Registers in BAR 0 */
#define REFDEV_MAGIC			0x000
#define  REFDEV_MAGIC_VALUE		0x56454452
#define REFDEV_VERSION			0x004
#define  REFDEV_VERSION_MAJOR(v)	((v) >> 16)
#define  REFDEV_VERSION_MINOR(v)	((v) & 0xffff)
#define REFDEV_STATUS			0x008
#define  REFDEV_STATUS_READY		BIT(0)
#define  REFDEV_STATUS_FATAL		BIT(1)
#define  REFDEV_STATUS_ENABLED		BIT(2)
#define REFDEV_CONTROL			0x00c
#define  REFDEV_CONTROL_ENABLE		BIT(0)
#define REFDEV_CMDQ_BASE		0x010
#define REFDEV_CMDQ_SIZE		0x018
#define REFDEV_CMDQ_TAIL		0x01c
#define REFDEV_CPLQ_BASE		0x020
#define REFDEV_CPLQ_SIZE		0x028
#define REFDEV_CPLQ_HEAD		0x02c
#define REFDEV_EVTQ_BASE		0x030
#define REFDEV_EVTQ_SIZE		0x038
#define REFDEV_EVTQ_HEAD		0x03c
#define REFDEV_FATAL_CODE		0x040

/* Reads of a function that is gone from the bus return this */
#define REFDEV_GONE			0xffffffffu

#define REFDEV_VECTOR_COMPLETION	0
#define REFDEV_VECTOR_EVENT		1
#define REFDEV_NR_VECTORS		2

/* Function number of the PF */
#define REFDEV_PF			0xffff

#define REFDEV_MAX_VFS			255
#define REFDEV_MIN_OUTSTANDING		32
#define REFDEV_MAX_SGL			4096

/**
 * enum refdev_opcode - firmware commands
 * @REFDEV_IDENTIFY: give the &struct refdev_identify_page.
 * @REFDEV_ENABLE: give a VF the resources of a profile.
 * @REFDEV_DISABLE: stop a VF and clear its context.
 * @REFDEV_CONFIGURE: set a value of a VF: see &enum refdev_configure.
 * @REFDEV_SUSPEND: take a VF to a &enum refdev_level.
 * @REFDEV_RESUME: take a VF out of a &enum refdev_level.
 * @REFDEV_STATE_SIZE: bytes of a VF's state image.
 * @REFDEV_SAVE: write a chunk of the state image to host memory.
 * @REFDEV_LOAD: read a chunk of a state image from host memory.
 * @REFDEV_PRECOPY: begin, end or ask for pre-copy: see &enum refdev_precopy.
 * @REFDEV_QUERY: give the &struct refdev_function_page of a VF.
 * @REFDEV_TRACKER_START: begin to record the pages that a VF writes.
 * @REFDEV_TRACKER_REPORT: give and clear what was recorded.
 * @REFDEV_TRACKER_STOP: end recording.
 * @REFDEV_ABORT: end an outstanding command.
 * @REFDEV_INJECT: arm a fault.
 */
enum refdev_opcode {
	REFDEV_IDENTIFY		= 0x01,
	REFDEV_ENABLE		= 0x02,
	REFDEV_DISABLE		= 0x03,
	REFDEV_CONFIGURE	= 0x04,
	REFDEV_SUSPEND		= 0x10,
	REFDEV_RESUME		= 0x11,
	REFDEV_STATE_SIZE	= 0x12,
	REFDEV_SAVE		= 0x13,
	REFDEV_LOAD		= 0x14,
	REFDEV_PRECOPY		= 0x15,
	REFDEV_QUERY		= 0x16,
	REFDEV_TRACKER_START	= 0x20,
	REFDEV_TRACKER_REPORT	= 0x21,
	REFDEV_TRACKER_STOP	= 0x22,
	REFDEV_ABORT		= 0x30,
	REFDEV_INJECT		= 0x31,
};

/*
 * Command flags of SAVE: extents of what is to be saved, see struct
 * refdev_extent
 */
#define REFDEV_SAVE_DELTA		BIT(0)

/*
 * Command flags of LOAD: the image is complete; extents, as such a SAVE wrote
 * them
 */
#define REFDEV_LOAD_LAST		BIT(0)
#define REFDEV_LOAD_DELTA		BIT(1)

/**
 * enum refdev_configure - what REFDEV_CONFIGURE sets
 * @REFDEV_CONFIGURE_MAX_COPY: largest copy of one descriptor in bytes.
 * @REFDEV_CONFIGURE_BANDWIDTH: most that the engine copies, in MiB a second; 0:
 *	no limit.
 */
enum refdev_configure {
	REFDEV_CONFIGURE_MAX_COPY	= 1,
	REFDEV_CONFIGURE_BANDWIDTH	= 2,
};

/**
 * enum refdev_precopy - what REFDEV_PRECOPY does
 * @REFDEV_PRECOPY_QUERY: ask how much is to be saved.
 * @REFDEV_PRECOPY_START: begin to record what was saved and what has changed
 *	since.
 * @REFDEV_PRECOPY_STOP: end that.
 */
enum refdev_precopy {
	REFDEV_PRECOPY_QUERY	= 0,
	REFDEV_PRECOPY_START	= 1,
	REFDEV_PRECOPY_STOP	= 2,
};

/* Offsets and bytes of extents are multiples of it */
#define REFDEV_EXTENT_ALIGN		4096

/**
 * struct refdev_extent - header of a part of the image, which follows it
 * @offset: where it belongs.
 * @bytes: how long it is, without this header.
 * @reserved: zero.
 */
struct refdev_extent {
	__le64 offset;
	__le32 bytes;
	__le32 reserved;
};

static_assert(sizeof(struct refdev_extent) == 16);

/**
 * enum refdev_status - how a command ended
 * @REFDEV_OK: carried out.
 * @REFDEV_BAD_OPCODE: firmware does not know the command.
 * @REFDEV_BAD_FUNCTION: there is no such function.
 * @REFDEV_BAD_ARGUMENT: an argument is outside its range.
 * @REFDEV_BAD_STATE: not possible in this state of the function.
 * @REFDEV_BAD_SGL: the scatter-gather list is too long, or too short for the
 *	data.
 * @REFDEV_DMA_ERROR: an access to host memory failed.
 * @REFDEV_BUSY: a conflicting command is outstanding.
 * @REFDEV_NO_RESOURCES: a limit of the device is reached.
 * @REFDEV_ABORTED: ended by ABORT, a reset of the function, or DISABLE.
 * @REFDEV_BAD_IMAGE: the loaded state is not acceptable.
 * @REFDEV_INTERNAL: firmware fault.
 */
enum refdev_status {
	REFDEV_OK		= 0,
	REFDEV_BAD_OPCODE	= 1,
	REFDEV_BAD_FUNCTION	= 2,
	REFDEV_BAD_ARGUMENT	= 3,
	REFDEV_BAD_STATE	= 4,
	REFDEV_BAD_SGL		= 5,
	REFDEV_DMA_ERROR	= 6,
	REFDEV_BUSY		= 7,
	REFDEV_NO_RESOURCES	= 8,
	REFDEV_ABORTED		= 9,
	REFDEV_BAD_IMAGE	= 10,
	REFDEV_INTERNAL		= 11,
};

/**
 * enum refdev_level - how far a VF is suspended
 * @REFDEV_RUNNING: not at all.
 * @REFDEV_P2P: it begins no DMA.
 * @REFDEV_FULL: its state does not change.
 */
enum refdev_level {
	REFDEV_RUNNING		= 0,
	REFDEV_P2P		= 1,
	REFDEV_FULL		= 2,
};

/**
 * struct refdev_sge - an entry of a scatter-gather list
 * @addr: bus address.
 * @len: bytes.
 * @reserved: zero.
 */
struct refdev_sge {
	__le64 addr;
	__le32 len;
	__le32 reserved;
};

/**
 * struct refdev_command_entry - entry of the command ring
 * @opcode: &enum refdev_opcode.
 * @tag: unique among outstanding commands.
 * @function: VF number from 0, or REFDEV_PF.
 * @flags: see each command.
 * @sgl: bus address of an array of &struct refdev_sge.
 * @sgl_count: entries in it; 0: no data.
 * @reserved: zero.
 * @arg: see each command.
 * @reserved2: zero.
 */
struct refdev_command_entry {
	__le16 opcode;
	__le16 tag;
	__le16 function;
	__le16 flags;
	__le64 sgl;
	__le32 sgl_count;
	__le32 reserved;
	__le64 arg[3];
	__le64 reserved2[2];
};

static_assert(sizeof(struct refdev_command_entry) == 64);

/**
 * struct refdev_completion_entry - entry of the completion ring
 * @tag: of the command.
 * @status: &enum refdev_status, or a number that is in none.
 * @phase: bit 0 tells a new entry from an old one.
 * @result: see each command.
 */
struct refdev_completion_entry {
	__le16 tag;
	__le16 status;
	__le32 phase;
	__le64 result[3];
};

static_assert(sizeof(struct refdev_completion_entry) == 32);

#define REFDEV_EVENT_FUNCTION_RESET	1
#define REFDEV_EVENT_FATAL		2

/**
 * struct refdev_event_entry - entry of the event ring
 * @type: REFDEV_EVENT_*.
 * @function: VF number from 0, or REFDEV_PF.
 * @phase: as in &struct refdev_completion_entry.
 * @data: of REFDEV_EVENT_FATAL: the fatal code.
 * @reserved: zero.
 */
struct refdev_event_entry {
	__le16 type;
	__le16 function;
	__le32 phase;
	__le64 data;
	__le64 reserved[2];
};

static_assert(sizeof(struct refdev_event_entry) == 32);

/* Registers in the control block of a VF, see REFDEV_FEATURE_VF_CTRL */
#define REFDEV_VC_MAGIC			0x00
#define  REFDEV_VC_MAGIC_VALUE		0x43564452
#define REFDEV_VC_COMMAND		0x04
#define  REFDEV_VC_FLAGS_SHIFT		16
#define REFDEV_VC_ARG(n)		(0x08 + 8 * (n))
#define REFDEV_VC_BYTES			0x20
#define REFDEV_VC_DOORBELL		0x24
#define REFDEV_VC_DONE			0x28
#define REFDEV_VC_STATUS		0x2c
#define REFDEV_VC_RESULT(n)		(0x30 + 8 * (n))
#define REFDEV_VC_ABORT			0x48
#define REFDEV_VC_REGS_END		0x80

#define REFDEV_IDENTIFY_MAGIC		0x44495652

/* From minor version 1 of the interface on */
#define REFDEV_FEATURE_PRECOPY		BIT(0)
#define REFDEV_FEATURE_CONFIGURE	BIT(1)
#define REFDEV_FEATURE_VF_CTRL		BIT(2)

/**
 * struct refdev_identify_page - what firmware says of itself
 * @magic: REFDEV_IDENTIFY_MAGIC.
 * @fw_version: major << 16 | minor << 8 | patch.
 * @compat: version of the state image.
 * @total_vfs: VFs of the device.
 * @profiles: resource profiles, numbered from 1.
 * @outstanding: commands that may be outstanding.
 * @max_sgl: entries of the largest scatter-gather list.
 * @max_transfer: largest SAVE or LOAD in bytes.
 * @context_bytes: context memory of a VF.
 * @state_bytes: state image of a VF.
 * @tracker_ranges: largest number of tracked ranges.
 * @tracker_min_shift: log2 of the smallest tracked page.
 * @tracker_max_shift: log2 of the largest tracked page.
 * @events_dropped: events that found no room.
 * @tracker_pages: largest number of tracked pages of a VF.
 * @features: REFDEV_FEATURE_*; unknown ones may be set.
 * @control_bar: with REFDEV_FEATURE_VF_CTRL: BAR of a VF with its control
 *	block.
 * @reserved2: zero.
 * @control_offset: where the block begins in the BAR.
 * @control_bytes: of the block.
 * @window_offset: where the data window begins in the block.
 * @window_bytes: of the window.
 * @reserved4: zero.
 * @name: firmware's name, NUL padded.
 * @reserved3: zero.
 */
struct refdev_identify_page {
	__le32 magic;
	__le32 fw_version;
	__le32 compat;
	__le16 total_vfs;
	__le16 profiles;
	__le16 outstanding;
	__le16 max_sgl;
	__le32 max_transfer;
	__le64 context_bytes;
	__le64 state_bytes;
	__le16 tracker_ranges;
	u8 tracker_min_shift;
	u8 tracker_max_shift;
	__le32 events_dropped;
	__le64 tracker_pages;
	__le32 features;
	u8 control_bar;
	u8 reserved2[3];
	__le32 control_offset;
	__le32 control_bytes;
	__le32 window_offset;
	__le32 window_bytes;
	u8 reserved4[0x30];
	char name[32];
	u8 reserved3[0x60];
};

static_assert(sizeof(struct refdev_identify_page) == 256);

#define REFDEV_FUNCTION_ENABLED		BIT(0)
#define REFDEV_FUNCTION_LOAD_BEGUN	BIT(1)
#define REFDEV_FUNCTION_TRACKER		BIT(2)
#define REFDEV_FUNCTION_PRECOPY		BIT(3)

/**
 * struct refdev_function_page - what firmware says of a VF
 * @flags: REFDEV_FUNCTION_*.
 * @level: &enum refdev_level.
 * @profile: resource profile.
 * @copies: copies completed.
 * @bytes: bytes copied.
 * @errors: DMA errors, bad descriptors, writes dropped while suspended.
 * @digest: of the context memory now.
 * @load_digest: of the context memory when the last image was applied.
 * @illegal_dma: DMA accesses while the level allowed none.
 * @resets: resets of the function.
 * @max_copy: largest copy of one descriptor, in bytes.
 * @bandwidth: most that the engine copies, in MiB a second; 0: no limit.
 * @accesses: to its control block, by anyone.
 * @reserved: zero.
 */
struct refdev_function_page {
	__le32 flags;
	__le16 level;
	__le16 profile;
	__le64 copies;
	__le64 bytes;
	__le64 errors;
	__le64 digest;
	__le64 load_digest;
	__le64 illegal_dma;
	__le64 resets;
	__le64 max_copy;
	__le64 bandwidth;
	__le64 accesses;
	u8 reserved[0x28];
};

static_assert(sizeof(struct refdev_function_page) == 128);

/**
 * enum refdev_fault - kinds of injected faults
 * @REFDEV_FAULT_FAIL: complete with a status.
 * @REFDEV_FAULT_SILENT: never complete.
 * @REFDEV_FAULT_LATE: complete some nanoseconds later.
 * @REFDEV_FAULT_SHORT: cut the data to some bytes.
 * @REFDEV_FAULT_FATAL: have a fatal error.
 * @REFDEV_FAULT_AGAIN: of PRECOPY: all is to be saved from the start again.
 */
enum refdev_fault {
	REFDEV_FAULT_FAIL	= 1,
	REFDEV_FAULT_SILENT	= 2,
	REFDEV_FAULT_LATE	= 3,
	REFDEV_FAULT_SHORT	= 4,
	REFDEV_FAULT_FATAL	= 5,
	REFDEV_FAULT_AGAIN	= 6,
};

#endif /* _REFDEV_HW_H */
