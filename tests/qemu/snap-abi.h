/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SNAP model: numbers of the virtio specification 1.4 that the model uses.
 * docs/snap-device.rst has them in words.
 */
#ifndef SNAP_ABI_H
#define SNAP_ABI_H

#define SNAP_VENDOR_ID          0x1af4
#define SNAP_DEVICE_ID          0x1042  /* 0x1040 + 2: block */

/* Features */
#define SNAP_F(bit)             (1ull << (bit))
#define SNAP_F_BLK_SIZE_MAX     SNAP_F(1)
#define SNAP_F_BLK_SEG_MAX      SNAP_F(2)
#define SNAP_F_BLK_BLK_SIZE     SNAP_F(6)
#define SNAP_F_BLK_FLUSH        SNAP_F(9)
#define SNAP_F_BLK_MQ           SNAP_F(12)
#define SNAP_F_INDIRECT_DESC    SNAP_F(28)
#define SNAP_F_EVENT_IDX        SNAP_F(29)
#define SNAP_F_VERSION_1        SNAP_F(32)
#define SNAP_F_ACCESS_PLATFORM  SNAP_F(33)
#define SNAP_F_SR_IOV           SNAP_F(37)
#define SNAP_F_ADMIN_VQ         SNAP_F(41)

/* device_status */
#define SNAP_S_ACKNOWLEDGE      0x01
#define SNAP_S_DRIVER           0x02
#define SNAP_S_DRIVER_OK        0x04
#define SNAP_S_FEATURES_OK      0x08
#define SNAP_S_NEEDS_RESET      0x40
#define SNAP_S_FAILED           0x80
#define SNAP_S_ALL              0xcf

#define SNAP_NO_VECTOR          0xffff

#define SNAP_ISR_QUEUE          1
#define SNAP_ISR_CONFIG         2

/* BAR 0: one page for each structure, so that each can be mapped alone */
#define SNAP_BAR                0
#define SNAP_BAR_MSIX           4
#define SNAP_AT_COMMON          0x0000
#define SNAP_AT_ISR             0x1000
#define SNAP_AT_DEVICE          0x2000
#define SNAP_AT_NOTIFY          0x3000
#define SNAP_BAR_BYTES          0x4000
#define SNAP_COMMON_BYTES       64
#define SNAP_DEVICE_BYTES       64
#define SNAP_NOTIFY_MULTIPLIER  4

/* cfg_type of the capabilities that name them */
#define SNAP_CAP_COMMON         1
#define SNAP_CAP_NOTIFY         2
#define SNAP_CAP_ISR            3
#define SNAP_CAP_DEVICE         4

/* Common configuration structure */
#define SNAP_DEVICE_FEATURE_SELECT  0
#define SNAP_DEVICE_FEATURE         4
#define SNAP_DRIVER_FEATURE_SELECT  8
#define SNAP_DRIVER_FEATURE         12
#define SNAP_CONFIG_MSIX_VECTOR     16
#define SNAP_NUM_QUEUES             18
#define SNAP_DEVICE_STATUS          20
#define SNAP_CONFIG_GENERATION      21
#define SNAP_QUEUE_SELECT           22
#define SNAP_QUEUE_SIZE             24
#define SNAP_QUEUE_MSIX_VECTOR      26
#define SNAP_QUEUE_ENABLE           28
#define SNAP_QUEUE_NOTIFY_OFF       30
#define SNAP_QUEUE_DESC             32
#define SNAP_QUEUE_DRIVER           40
#define SNAP_QUEUE_DEVICE           48
#define SNAP_ADMIN_QUEUE_INDEX      60
#define SNAP_ADMIN_QUEUE_NUM        62

/* Descriptors, 16 bytes */
#define SNAP_DESC_BYTES         16
#define SNAP_DESC_NEXT          1
#define SNAP_DESC_WRITE         2
#define SNAP_DESC_INDIRECT      4

/* Block requests */
#define SNAP_SECTOR             512
#define SNAP_BLK_HEADER         16
#define SNAP_BLK_ID_BYTES       20
#define SNAP_BLK_IN             0
#define SNAP_BLK_OUT            1
#define SNAP_BLK_FLUSH          4
#define SNAP_BLK_GET_ID         8
#define SNAP_BLK_OK             0
#define SNAP_BLK_IOERR          1
#define SNAP_BLK_UNSUPP         2

/* Administration commands */
enum {
    SNAP_LIST_QUERY,
    SNAP_LIST_USE,
    SNAP_CAP_ID_LIST_QUERY = 7,
    SNAP_DEVICE_CAP_GET,
    SNAP_DRIVER_CAP_SET,
    SNAP_OBJ_CREATE,
    SNAP_OBJ_MODIFY,
    SNAP_OBJ_QUERY,
    SNAP_OBJ_DESTROY,
    SNAP_PARTS_METADATA_GET,
    SNAP_PARTS_GET,
    SNAP_PARTS_SET,
    SNAP_MODE_SET,
    SNAP_NR_OPCODES,
};

#define SNAP_GROUP_SELF         0
#define SNAP_GROUP_SRIOV        1

#define SNAP_CMD_HEADER         24      /* then the command's data */
#define SNAP_CMD_STATUS         8       /* then the command's result */

/* Qualifiers of a status; the status itself is Linux's errno */
enum {
    SNAP_Q_OK,
    SNAP_Q_INVALID_COMMAND,
    SNAP_Q_INVALID_OPCODE,
    SNAP_Q_INVALID_FIELD,
    SNAP_Q_INVALID_GROUP,
    SNAP_Q_INVALID_MEMBER,
    SNAP_Q_NORESOURCE,
    SNAP_Q_TRYAGAIN,
};

#define SNAP_CAP_DEV_PARTS      0       /* the only capability */
#define SNAP_OBJ_DEV_PARTS      0       /* the only type of objects */
#define SNAP_OBJ_HEADER         8       /* type le16, 2, id le32 */
#define SNAP_OBJ_GET            0
#define SNAP_OBJ_SET            1

#define SNAP_METADATA_SIZE      0
#define SNAP_METADATA_COUNT     1
#define SNAP_METADATA_LIST      2
#define SNAP_GET_SELECTED       0
#define SNAP_GET_ALL            1
#define SNAP_MODE_STOPPED       1

/* Device parts: type le16, flags, 0, selector (8 bytes), length le32; value */
#define SNAP_PART_HEADER        16
#define SNAP_PART_OPTIONAL      1
#define SNAP_PART_DEV_FEATURES  0x100
#define SNAP_PART_DRV_FEATURES  0x101
#define SNAP_PART_COMMON_CFG    0x102
#define SNAP_PART_STATUS        0x103
#define SNAP_PART_VQ_CFG        0x104
#define SNAP_PART_VQ_NOTIFY     0x105
/* Of the device type's own range, where the specification has none for block */
#define SNAP_PART_ORACLE        0x5f0
#define SNAP_VQ_CFG_BYTES       32
#define SNAP_VQ_NOTIFY_BYTES    8

#endif
