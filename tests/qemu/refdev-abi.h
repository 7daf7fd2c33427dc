/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The numbers of docs/reference-device.rst, for the device model and for the
 * program that exercises it. Defines only: usable with and without QEMU.
 */
#ifndef REFDEV_ABI_H
#define REFDEV_ABI_H

#define RD_VENDOR_ID            0x8086
#define RD_PF_DEVICE_ID         0xf0d0
#define RD_VF_DEVICE_ID         0x2021

/* PF registers, BAR 0 */
#define RD_MAGIC                0x000
#define RD_VERSION              0x004
#define RD_STATUS               0x008
#define RD_CONTROL              0x00c
#define RD_CMDQ_BASE            0x010
#define RD_CMDQ_SIZE            0x018
#define RD_CMDQ_TAIL            0x01c
#define RD_CPLQ_BASE            0x020
#define RD_CPLQ_SIZE            0x028
#define RD_CPLQ_HEAD            0x02c
#define RD_EVTQ_BASE            0x030
#define RD_EVTQ_SIZE            0x038
#define RD_EVTQ_HEAD            0x03c
#define RD_FATAL_CODE           0x040

#define RD_MAGIC_VALUE          0x56454452u
#define RD_VERSION_VALUE        0x00010001u
#define RD_STATUS_READY         0x1u
#define RD_STATUS_FATAL         0x2u
#define RD_STATUS_ENABLED       0x4u
#define RD_CONTROL_ENABLE       0x1u

#define RD_RING_LOG_MIN         5
#define RD_RING_LOG_MAX         10
#define RD_CMD_BYTES            64
#define RD_CPL_BYTES            32
#define RD_EVT_BYTES            32

#define RD_VECTOR_COMPLETION    0
#define RD_VECTOR_EVENT         1

/* Limits of this device, as IDENTIFY tells them */
#define RD_MAX_OUTSTANDING      64
#define RD_MAX_SGL              4096
#define RD_MAX_TRANSFER         (16u << 20)
#define RD_MAX_RANGES           16
#define RD_PAGE_LOG_MIN         12
#define RD_PAGE_LOG_MAX         30
#define RD_MAX_PAGES            (1ull << 25)    /* unless a property says so */
#define RD_MAX_FAULTS           64
#define RD_IMAGE_HEADER         4096
#define RD_IMAGE_PAGE           4096    /* what pre-copy counts in */
#define RD_EXTENT_HEADER        16

#define RD_FUNCTION_PF          0xffff

/* Status codes */
#define RD_OK                   0
#define RD_BAD_OPCODE           1
#define RD_BAD_FUNCTION         2
#define RD_BAD_ARGUMENT         3
#define RD_BAD_STATE            4
#define RD_BAD_SGL              5
#define RD_DMA_ERROR            6
#define RD_BUSY                 7
#define RD_NO_RESOURCES         8
#define RD_ABORTED              9
#define RD_BAD_IMAGE            10
#define RD_INTERNAL             11

/* Fatal codes */
#define RD_FATAL_RING_SETUP     1
#define RD_FATAL_RING_ACCESS    2
#define RD_FATAL_RING_OVERRUN   3
#define RD_FATAL_INJECTED       4

/* Commands */
#define RD_OP_IDENTIFY          0x01
#define RD_OP_ENABLE            0x02
#define RD_OP_DISABLE           0x03
#define RD_OP_CONFIGURE         0x04
#define RD_OP_SUSPEND           0x10
#define RD_OP_RESUME            0x11
#define RD_OP_STATE_SIZE        0x12
#define RD_OP_SAVE              0x13
#define RD_OP_LOAD              0x14
#define RD_OP_PRECOPY           0x15
#define RD_OP_QUERY             0x16
#define RD_OP_TRACKER_START     0x20
#define RD_OP_TRACKER_REPORT    0x21
#define RD_OP_TRACKER_STOP      0x22
#define RD_OP_ABORT             0x30
#define RD_OP_INJECT            0x31

#define RD_SAVE_DELTA           0x1
#define RD_LOAD_LAST            0x1
#define RD_LOAD_DELTA           0x2

#define RD_CONFIGURE_MAX_COPY   1
#define RD_CONFIGURE_BANDWIDTH  2
#define RD_MAX_COPY_MIN         4096
#define RD_BANDWIDTH_MAX        (1u << 20)      /* MiB/s */

#define RD_PRECOPY_QUERY        0
#define RD_PRECOPY_START        1
#define RD_PRECOPY_STOP         2

#define RD_LEVEL_RUNNING        0
#define RD_LEVEL_P2P            1
#define RD_LEVEL_FULL           2

/* Events */
#define RD_EVT_FUNCTION_RESET   1
#define RD_EVT_FATAL            2

/* Fault kinds */
#define RD_FAULT_FAIL           1
#define RD_FAULT_SILENT         2
#define RD_FAULT_LATE           3
#define RD_FAULT_SHORT          4
#define RD_FAULT_FATAL          5
#define RD_FAULT_AGAIN          6

/* Identify page */
#define RD_IDENTIFY_BYTES       256
#define RD_IDENTIFY_MAGIC       0x44495652u
#define RD_FEATURE_PRECOPY      0x1u
#define RD_FEATURE_CONFIGURE    0x2u
#define RD_FEATURE_VF_CTRL     0x4u

#define RD_ID_CONTROL_BAR       0x3c    /* with VF_CTRL: where VFs have it */
#define RD_ID_CONTROL_OFFSET    0x40
#define RD_ID_CONTROL_BYTES     0x44
#define RD_ID_WINDOW_OFFSET     0x48    /* in the control block */
#define RD_ID_WINDOW_BYTES      0x4c

/* Function page */
#define RD_QUERY_BYTES          128
#define RD_QUERY_ENABLED        0x1u
#define RD_QUERY_LOADING        0x2u
#define RD_QUERY_TRACKING       0x4u
#define RD_QUERY_PRECOPY        0x8u
#define RD_QUERY_ACCESSES       0x50    /* with VF_CTRL */

/* Context page of a VF, BAR 0 */
#define RD_CTX_MAGIC            0x2000
#define RD_CTX_BYTES            0x2008
#define RD_CTX_COPIES           0x2010
#define RD_CTX_COPIED           0x2018
#define RD_CTX_ERRORS           0x2020
#define RD_CTX_DIGEST           0x2028
#define RD_CTX_MAGIC_VALUE      0x4d585443u

/* Control block of a VF */
#define RD_VC_MAGIC             0x00
#define RD_VC_COMMAND           0x04    /* opcode, flags in the upper half */
#define RD_VC_ARG0              0x08
#define RD_VC_ARG1              0x10
#define RD_VC_ARG2              0x18
#define RD_VC_BYTES             0x20
#define RD_VC_DOORBELL          0x24
#define RD_VC_DONE              0x28
#define RD_VC_STATUS            0x2c
#define RD_VC_RESULT0           0x30
#define RD_VC_RESULT1           0x38
#define RD_VC_RESULT2           0x40
#define RD_VC_ABORT             0x48
#define RD_VC_REGS_END          0x80
#define RD_VC_MAGIC_VALUE       0x43564452u

/* State image */
#define RD_IMAGE_MAGIC          0x54534452u

/* The VF's engine (IOAT 3.2): general registers, then those of the channel */
#define IO_CHANCNT              0x00
#define IO_XFERCAP              0x01
#define IO_GENCTRL              0x02
#define IO_INTRCTRL             0x03
#define IO_ATTNSTATUS           0x04
#define IO_CBVER                0x08
#define IO_INTRDELAY            0x0c
#define IO_DMACAP               0x10
#define IO_CHANCTRL             0x80
#define IO_COMPAT               0x82
#define IO_CHANCMD              0x84
#define IO_DMACOUNT             0x86
#define IO_CHANSTS              0x88
#define IO_CHAINADDR            0x90
#define IO_CHANCMP              0x98
#define IO_CDAR                 0xa0
#define IO_CHANERR              0xa8
#define IO_CHANERRMSK           0xac
#define IO_DCACTRL              0xb0

#define IO_INTRCTRL_MASTER      0x01
#define IO_INTRCTRL_STATUS      0x02
#define IO_INTRCTRL_INT         0x04
#define IO_INTRCTRL_MSIX        0x08

#define IO_CHANCTRL_REARM       0x0001
#define IO_CHANCTRL_ERR_CPL     0x0004
#define IO_CHANCTRL_ERR_ABORT   0x0008
#define IO_CHANCTRL_ERR_INT     0x0010

#define IO_CMD_START            0x01
#define IO_CMD_APPEND           0x02
#define IO_CMD_SUSPEND          0x04
#define IO_CMD_ABORT            0x08
#define IO_CMD_RESUME           0x10
#define IO_CMD_RESET            0x20

#define IO_STS_ACTIVE           0
#define IO_STS_IDLE             1
#define IO_STS_SUSPENDED        2
#define IO_STS_HALTED           3
#define IO_STS_ARMED            4
#define IO_STS_MASK             7

#define IO_ERR_CHAIN_READ       0x0004
#define IO_ERR_ALIGN            0x0008
#define IO_ERR_CHAIN_VALUE      0x0010
#define IO_ERR_COMMAND          0x0020
#define IO_ERR_READ             0x0100
#define IO_ERR_WRITE            0x0200
#define IO_ERR_CONTROL          0x0400
#define IO_ERR_LENGTH           0x0800
#define IO_ERR_COMPLETION       0x1000

#define IO_DESC_BYTES           64
#define IO_DESC_INT             0x01u
#define IO_DESC_COMPLETE        0x08u
#define IO_DESC_FENCE           0x10u
#define IO_DESC_NULL            0x20u
#define IO_DESC_OP_SHIFT        24

#endif
