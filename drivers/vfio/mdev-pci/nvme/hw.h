/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What <linux/nvme.h> does not have of Linux 6.1 on. Figures and sections are those of the NVM
 * Express Base Specification, revision 2.1.
 */
#ifndef _NVME_PF_HW_H
#define _NVME_PF_HW_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/nvme.h>
#include <linux/uuid.h>

/* What registers of a device read that is not there */
#define NPF_GONE		0xffffffff

/* Figure 312, Optional Admin Command Support */
#define NPF_OACS_VIRT		BIT(7)
#define NPF_OACS_LIVE_MIGRATION	BIT(11)

/* Identify, section 5.1.13: CNS values */
#define NPF_CNS_PRIMARY		0x14
#define NPF_CNS_SECONDARY	0x15
#define NPF_CNS_STATE_FORMATS	0x20

/* Virtualization Management, section 5.2.6 */
enum npf_virt_action {
	NPF_VIRT_PRIMARY	= 0x1,
	NPF_VIRT_OFFLINE	= 0x7,
	NPF_VIRT_ASSIGN		= 0x8,
	NPF_VIRT_ONLINE		= 0x9,
};

/**
 * enum npf_resource - what a primary controller shares out
 * @NPF_VQ: a queue pair, those of the admin queue among them.
 * @NPF_VI: an interrupt.
 * @NPF_NR_RESOURCES: how many kinds there are.
 *
 * The numbers are those of the field Resource Type of Virtualization Management, and of the bits of
 * the field CRT of &struct npf_primary.
 */
enum npf_resource {
	NPF_VQ,
	NPF_VI,
	NPF_NR_RESOURCES,
};

/**
 * struct npf_flexible - flexible resources of one kind, in &struct npf_primary
 * @total: of all controllers.
 * @secondary: assigned to secondary controllers.
 * @primary: assigned to the primary controller.
 * @own: private ones of the primary controller.
 * @max: most that one secondary controller can have.
 * @granularity: in steps of so many.
 * @reserved: zero.
 */
struct npf_flexible {
	__le32 total;
	__le32 secondary;
	__le16 primary;
	__le16 own;
	__le16 max;
	__le16 granularity;
	u8 reserved[16];
};

static_assert(sizeof(struct npf_flexible) == 32);

/**
 * struct npf_primary - Primary Controller Capabilities, Figure 330
 * @cntlid: identifier of the controller.
 * @portid: of its port.
 * @crt: BIT(&enum npf_resource): it has flexible ones.
 * @reserved: zero.
 * @flexible: by &enum npf_resource.
 */
struct npf_primary {
	__le16 cntlid;
	__le16 portid;
	u8 crt;
	u8 reserved[27];
	struct npf_flexible flexible[NPF_NR_RESOURCES];
};

static_assert(sizeof(struct npf_primary) == 96);

#define NPF_SECONDARY_ONLINE	BIT(0)

/**
 * struct npf_secondary - a secondary controller, Figure 332
 * @scid: its identifier.
 * @pcid: that of its primary controller.
 * @state: NPF_SECONDARY_ONLINE.
 * @reserved1: zero.
 * @vfn: number of its VF, from 1.
 * @nvq: flexible queue resources that it has.
 * @nvi: flexible interrupt resources that it has.
 * @reserved2: zero.
 */
struct npf_secondary {
	__le16 scid;
	__le16 pcid;
	u8 state;
	u8 reserved1[3];
	__le16 vfn;
	__le16 nvq;
	__le16 nvi;
	u8 reserved2[18];
};

static_assert(sizeof(struct npf_secondary) == 32);

#define NPF_MAX_SECONDARIES	127

/**
 * struct npf_secondary_list - Secondary Controller List, Figure 331
 * @nr: entries in it.
 * @reserved: zero.
 * @entry: the entries, by ascending identifier.
 */
struct npf_secondary_list {
	u8 nr;
	u8 reserved[31];
	struct npf_secondary entry[NPF_MAX_SECONDARIES];
};

static_assert(sizeof(struct npf_secondary_list) == NVME_IDENTIFY_DATA_SIZE);

/* Migration Send, section 5.1.17, and Migration Receive, section 5.1.16 */
#define NPF_MIGRATION_SEND	0x41
#define NPF_MIGRATION_RECEIVE	0x42

/* Figure 349: Select, and Figure 351: Suspend Type, in dword 11 */
enum npf_send {
	NPF_SEND_SUSPEND	= 0x0,
	NPF_SEND_RESUME		= 0x1,
	NPF_SEND_SET_STATE	= 0x2,
};

#define NPF_SUSPEND_NOW		BIT(16)

/* Figure 353: Sequence Indicator, in dword 10: both bits for a state that comes in one piece */
#define NPF_SEQ_FIRST		BIT(16)
#define NPF_SEQ_LAST		BIT(17)

/* Figure 347: dword 0 of the completion of Get Controller State */
#define NPF_WAS_SUSPENDED	BIT(0)

/* Figures 169 and 362, and the table of all command specific values */
#define NPF_SC_NO_DATA_QUEUE	0x137
#define NPF_SC_NO_RESOURCES	0x138
#define NPF_SC_SUSPENDED	0x139
#define NPF_SC_NOT_SUSPENDED	0x13a
#define NPF_SC_DATA_QUEUE_FULL	0x13b

/**
 * struct npf_state_header - begin of a controller's state, Figure 358
 * @version: of this structure.
 * @attributes: the controller was suspended, ...
 * @reserved: zero.
 * @standard: size of what the specification defines, in dwords; 128 bits.
 * @vendor: size of what the vendor defines, behind it; the same.
 */
struct npf_state_header {
	__le16 version;
	u8 attributes;
	u8 reserved[13];
	__le64 standard[2];
	__le64 vendor[2];
};

static_assert(sizeof(struct npf_state_header) == 48);

/**
 * struct npf_state_formats - Supported Controller State Formats, Figure 329
 * @nr_versions: versions of what the specification defines.
 * @nr_vendor: formats of what the vendor defines.
 * @data: a __le16 for each version, then an UUID for each format.
 */
struct npf_state_formats {
	u8 nr_versions;
	u8 nr_vendor;
	u8 data[NVME_IDENTIFY_DATA_SIZE - 2];
};

static_assert(sizeof(struct npf_state_formats) == NVME_IDENTIFY_DATA_SIZE);

/* Figure 312: where Identify Controller has it */
#define NPF_ID_TRACKING		570

/* TRATTR. What the limit is (MRTLL) is not known */
#define NPF_TRACKS_MEMORY	BIT(0)
#define NPF_TRACKS_USER_DATA	BIT(1)
#define NPF_TRACKS_LIMITED	BIT(2)

/**
 * struct npf_tracking - what a controller can track, of Identify Controller
 * @max_ranges: of the controller (CMMRTD).
 * @max_all_ranges: of all controllers (NMMRTD).
 * @min_granularity: smallest page (MINMRTG). This driver takes it for the binary logarithm of a
 *	number of smallest memory pages (CAP.MPSMIN, 4 KiB here), as MDTS is one.
 * @max_granularity: largest page, the same (MAXMRTG).
 * @attributes: NPF_TRACKS_MEMORY, NPF_TRACKS_USER_DATA, NPF_TRACKS_LIMITED, ...
 * @reserved: zero.
 * @max_queues: User Data Migration Queues of the controller (MCUDMQ).
 * @max_all_queues: of all controllers (MNSUDMQ).
 */
struct npf_tracking {
	__le16 max_ranges;
	__le16 max_all_ranges;
	u8 min_granularity;
	u8 max_granularity;
	u8 attributes;
	u8 reserved;
	__le16 max_queues;
	__le16 max_all_queues;
};

static_assert(sizeof(struct npf_tracking) == 12);

/*
 * Track Receive, section 5.1.26, and Track Send, section 5.1.27: opcodes as nvme-cli has them,
 * dwords 10 and 12 by figures 457, 458 and 463, the controller's identifier in dword 11 as of all
 * these commands. The data structures are as libnvme 3.2 has them.
 */
#define NPF_TRACK_SEND		0x3d
#define NPF_TRACK_RECEIVE	0x3e

/* Figure 463: Select, and, of Track Memory Changes, the bit Tracking Action (libnvme) */
#define NPF_TRACK_MEMORY	0x1
#define NPF_TRACK_START		BIT(16)

/* Dword 0 of its completion (libnvme): MRTG */
#define NPF_TRACK_GRANULARITY	0xff

/**
 * struct npf_track_range - memory to track
 * @address: its begin, aligned to the granularity.
 * @length: in pages of the granularity.
 */
struct npf_track_range {
	__le64 address;
	__le32 length;
} __packed;

static_assert(sizeof(struct npf_track_range) == 12);

/**
 * struct npf_track_memory - Track Memory Changes, with one range
 * @version: of this structure, 0.
 * @reserved: zero.
 * @granularity: page to track by (RMRTG), as &npf_tracking.min_granularity.
 * @nr: number of ranges, from 1.
 * @range: the range.
 */
struct npf_track_memory {
	u8 version;
	u8 reserved[2];
	u8 granularity;
	__le32 nr;
	struct npf_track_range range;
};

static_assert(sizeof(struct npf_track_memory) == 20);

/**
 * struct npf_change - memory that was written
 * @address: its begin.
 * @length: in pages of the list's granularity.
 * @reserved: zero.
 */
struct npf_change {
	__le64 address;
	__le32 length;
	u8 reserved[4];
};

static_assert(sizeof(struct npf_change) == 16);

/**
 * struct npf_changes - Tracked Memory Changes
 * @version: of this structure, 0.
 * @attributes: there is more, the controller is suspended; not used.
 * @cntlid: identifier of the controller.
 * @nr: number of changes.
 * @granularity: of these changes (RPMPG), as &npf_tracking.min_granularity.
 * @reserved: zero.
 * @change: the changes.
 */
struct npf_changes {
	u8 version;
	u8 attributes;
	__le16 cntlid;
	__le32 nr;
	__le16 granularity;
	u8 reserved[6];
	struct npf_change change[];
};

static_assert(sizeof(struct npf_changes) == 16);

/* Figure 463: Select, and figure 464: Logging Action, of Log User Data Changes */
#define NPF_LOG_USER_DATA	0x0
#define NPF_LOG_START		BIT(16)

/*
 * Controller Data Queue, section 5.1.4: the opcode as libnvme has it, dwords 10 to 12 by figures
 * 161 to 167. Section 8.1.12.1 has Create as 1h, which is Delete in figure 161 and in libnvme.
 */
#define NPF_DATA_QUEUE		0x45

enum npf_data_queue_select {
	NPF_DATA_QUEUE_CREATE	= 0x0,
	NPF_DATA_QUEUE_DELETE	= 0x1,
};

/* Figure 163: in dword 11; the type is 0h, User Data Migration Queue */
#define NPF_CONTIGUOUS		BIT(0)

/* Figure 168: dword 0 of the completion of Create, and in dword 11 of all that names a queue */
#define NPF_DATA_QUEUE_ID	0xffff

/* Set Features, section 5.1.25.1.23: Controller Data Queue, the identifier is libnvme's */
#define NPF_FEAT_DATA_QUEUE	0x21

/* Identify with CNS 06h of the NVM Command Set: where the format of entries is (LBAMQF) */
#define NPF_ID_ENTRY_FORMAT	24

/**
 * struct npf_entry - user data that was changed: LBA Migration Queue Entry Type 0, by section 5.6
 *	of the NVM Command Set Specification
 * @nsid: the namespace.
 * @nlb: number of logical blocks, less one.
 * @slba: the first of them.
 * @reserved: zero.
 * @attributes: NPF_ENTRY_PHASE, ..., written last.
 */
struct npf_entry {
	__le32 nsid;
	__le32 nlb;
	__le64 slba;
	u8 reserved[15];
	u8 attributes;
};

static_assert(sizeof(struct npf_entry) == 32);

#define NPF_ENTRY_PHASE		BIT(0)
#define NPF_ENTRY_SEQUENCE	GENMASK(3, 1)
#define NPF_ENTRY_RESERVED	BIT(4)
#define NPF_ENTRY_DEALLOCATED	BIT(5)
#define NPF_ENTRY_RANGE		GENMASK(7, 6)

/**
 * enum npf_sequence - NPF_ENTRY_SEQUENCE (ESA): where in the log the entry is
 * @NPF_AMID: somewhere.
 * @NPF_FIRST: it is the first since logging began, or since the controller was resumed.
 * @NPF_STOPPED: it is the last, as the host has asked for.
 * @NPF_SUSPENDED: it is the last, since the controller was suspended.
 * @NPF_FULL: it is the last, since the queue is full.
 */
enum npf_sequence {
	NPF_AMID	= 0,
	NPF_FIRST	= 1,
	NPF_STOPPED	= 2,
	NPF_SUSPENDED	= 3,
	NPF_FULL	= 7,
};

/**
 * enum npf_range - NPF_ENTRY_RANGE (LBACIR): what the entry is about
 * @NPF_RANGE: the range that it has.
 * @NPF_RANGE_ALL: all of its namespace.
 * @NPF_RANGE_NONE: no blocks.
 */
enum npf_range {
	NPF_RANGE	= 0,
	NPF_RANGE_ALL	= 1,
	NPF_RANGE_NONE	= 2,
};

#endif /* _NVME_PF_HW_H */
