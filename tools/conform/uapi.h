/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The uapi by the headers of whoever builds this, and what is newer than some of them. Numbers
 * and layouts are the ABI; names are ours, so that they clash with no header's.
 */
#ifndef CONFORM_UAPI_H
#define CONFORM_UAPI_H

#include <linux/vfio.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* 6.2 */
#define ST_ERROR		0
#define ST_STOP			1
#define ST_RUNNING		2
#define ST_STOP_COPY		3
#define ST_RESUMING		4
#define ST_RUNNING_P2P		5
#define ST_PRE_COPY		6
#define ST_PRE_COPY_P2P		7

#define MIG_STOP_COPY		1
#define MIG_P2P			2
#define MIG_PRE_COPY		4

#define FEATURE_MIGRATION	1
#define FEATURE_STATE		2
#define FEATURE_LOG_START	6
#define FEATURE_LOG_STOP	7
#define FEATURE_LOG_REPORT	8
#define FEATURE_DATA_SIZE	9
#define FEATURE_PRECOPY_V2	12

#define GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)

/* A flag of VFIO_MIG_GET_PRECOPY_INFO, for who has set FEATURE_PRECOPY_V2 (7.1) */
#define PRECOPY_REINIT		1

struct precopy_info {
	uint32_t argsz, flags;
	uint64_t initial_bytes, dirty_bytes;
};

struct mig_state {
	uint32_t state;
	int32_t data_fd;
};

struct log_control {
	uint64_t page_size;
	uint32_t num_ranges, reserved;
	uint64_t ranges;
};

struct log_range {
	uint64_t iova, length;
};

struct log_report {
	uint64_t iova, length, page_size, bitmap;
};

/* IOMMUFD (6.2) and the character devices (6.6) */
struct ioas_alloc {
	uint32_t size, flags, out_ioas_id;
};

struct ioas_map {
	uint32_t size, flags, ioas_id, reserved;
	uint64_t user_va, length, iova;
};

struct cdev_bind {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t out_devid;
};

struct cdev_attach {
	uint32_t argsz, flags, pt_id;
};

#define IOAS_ALLOC		_IO(VFIO_TYPE, 0x81)
#define IOAS_MAP		_IO(VFIO_TYPE, 0x85)
#define IOAS_MAP_FLAGS		7	/* at a fixed address, for reading and writing */
#define CDEV_BIND		_IO(VFIO_TYPE, VFIO_BASE + 18)
#define CDEV_ATTACH		_IO(VFIO_TYPE, VFIO_BASE + 19)

/* The migration region (v1); newer headers may drop it */
struct v1_regs {
	uint32_t device_state, reserved;
	uint64_t pending_bytes, data_offset, data_size;
};

#define V1_REGION_TYPE		3
#define V1_REGION_SUBTYPE	1
#define V1_STOP			0
#define V1_RUNNING		1
#define V1_SAVING		2
#define V1_PRE_COPY		3
#define V1_RESUMING		4
#define V1_ERROR		6

#endif
