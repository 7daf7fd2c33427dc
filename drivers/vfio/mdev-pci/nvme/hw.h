/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What <linux/nvme.h> does not have of Linux 6.1 on. Figures and sections are
 * those of the NVM Express Base Specification, revision 2.1.
 */
#ifndef _NVME_PF_HW_H
#define _NVME_PF_HW_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/nvme.h>
#include <linux/uuid.h>

/* Reads of registers of a device that is gone return this */
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
 * The numbers are those of the field Resource Type of Virtualization
 * Management, and of the bits of the field CRT of &struct npf_primary.
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

/*
 * Figure 353: Sequence Indicator, in dword 10: both bits for a state that is
 * sent in one command
 */
#define NPF_SEQ_FIRST		BIT(16)
#define NPF_SEQ_LAST		BIT(17)

/* Figure 347: dword 0 of the completion of Get Controller State */
#define NPF_WAS_SUSPENDED	BIT(0)

/* Figures 169 and 362, and the table of all command specific values */
#define NPF_SC_NO_RESOURCES	0x138
#define NPF_SC_SUSPENDED	0x139
#define NPF_SC_NOT_SUSPENDED	0x13a

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

#endif /* _NVME_PF_HW_H */
