/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two ways to a VFIO device and its DMA, for the programs here and in tests/bench: the device's
 * group with a type1 container (on POWER: one of its own kind), or its character device with an address
 * space of IOMMUFD.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Newer than some headers: 6.2 and 6.6 */
struct access_ioas_alloc {
	uint32_t size, flags, out_ioas_id;
};

struct access_ioas_map {
	uint32_t size, flags, ioas_id, reserved;
	uint64_t user_va, length, iova;
};

struct access_bind {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t out_devid;
};

struct access_attach {
	uint32_t argsz, flags, pt_id;
};

#define ACCESS_IOAS_ALLOC	_IO(VFIO_TYPE, 0x81)
#define ACCESS_IOAS_MAP		_IO(VFIO_TYPE, 0x85)
#define ACCESS_BIND		_IO(VFIO_TYPE, VFIO_BASE + 18)
#define ACCESS_ATTACH		_IO(VFIO_TYPE, VFIO_BASE + 19)
#define ACCESS_MAP_FLAGS	7	/* where we say, for writing and reading */

static int device = -1;

static struct {
	bool cdev;
	int group;		/* not with a cdev */
	bool spapr;		/* POWER's container */
	int dma;		/* the container, or IOMMUFD */
	uint32_t ioas;
} access_to = { .group = -1, .dma = -1 };

/* -1: no such link */
static int access_group_of(const char *dir)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/iommu_group", dir);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -1;
	link[n] = 0;
	return atoi(basename(link));
}

/* POWER's container wants to know memory before it maps it, and some before it maps any */
static int access_register(void *mem, uint64_t size)
{
	struct vfio_iommu_spapr_register_memory known = {
		.argsz = sizeof(known),
		.vaddr = (uintptr_t)mem,
		.size = size,
	};

	return ioctl(access_to.dma, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &known) ? errno : 0;
}

static int access_enable_spapr(void)
{
	static uint8_t some[65536] __attribute__((aligned(65536)));

	return access_register(some, sizeof(some));
}

/* 0 or the errno of the first step that failed, named in *what */
static int access_by_group(const char *dir, const char *name, const char **what)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[64];
	int number;

	*what = "iommu_group link";
	number = access_group_of(dir);
	if (number < 0)
		return errno;
	*what = "/dev/vfio/vfio";
	access_to.dma = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (access_to.dma < 0)
		return errno;
	*what = "group";
	snprintf(path, sizeof(path), "/dev/vfio/%d", number);
	access_to.group = open(path, O_RDWR | O_CLOEXEC);
	if (access_to.group < 0)
		return errno;
	*what = "group status";
	if (ioctl(access_to.group, VFIO_GROUP_GET_STATUS, &status))
		return errno;
	*what = "group is not viable";
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return EPERM;
	*what = "VFIO_GROUP_SET_CONTAINER";
	if (ioctl(access_to.group, VFIO_GROUP_SET_CONTAINER, &access_to.dma))
		return errno;
	*what = "VFIO_SET_IOMMU";
	access_to.spapr = ioctl(access_to.dma, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0;
	if (ioctl(access_to.dma, VFIO_SET_IOMMU,
		  access_to.spapr ? VFIO_SPAPR_TCE_v2_IOMMU : VFIO_TYPE1v2_IOMMU))
		return errno;
	*what = "VFIO_IOMMU_SPAPR_REGISTER_MEMORY";
	if (access_to.spapr && access_enable_spapr())
		return errno;
	*what = "VFIO_GROUP_GET_DEVICE_FD";
	device = ioctl(access_to.group, VFIO_GROUP_GET_DEVICE_FD, name);
	return device < 0 ? errno : 0;
}

/* The one entry of the directory vfio-dev; ENOENT: there is none */
static int access_cdev_of(const char *dir, char *path, size_t size)
{
	char entries[PATH_MAX];
	struct dirent *e;
	int err = ENOENT;
	DIR *d;

	snprintf(entries, sizeof(entries), "%s/vfio-dev", dir);
	d = opendir(entries);
	if (!d)
		return errno;
	while ((e = readdir(d))) {
		if (strncmp(e->d_name, "vfio", 4))
			continue;
		snprintf(path, size, "/dev/vfio/devices/%.32s", e->d_name);
		err = 0;
	}
	closedir(d);
	return err;
}

static int access_attach(void)
{
	struct access_attach attach = { .argsz = sizeof(attach), .pt_id = access_to.ioas };

	return ioctl(device, ACCESS_ATTACH, &attach) ? errno : 0;
}

static int access_by_cdev(const char *dir, const char **what)
{
	struct access_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct access_bind bind = { .argsz = sizeof(bind) };
	char path[64];
	int err;

	*what = "vfio-dev";
	err = access_cdev_of(dir, path, sizeof(path));
	if (err)
		return err;
	*what = "/dev/iommu";
	access_to.dma = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (access_to.dma < 0)
		return errno;
	*what = "/dev/vfio/devices";
	device = open(path, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return errno;
	*what = "VFIO_DEVICE_BIND_IOMMUFD";
	bind.iommufd = access_to.dma;
	if (ioctl(device, ACCESS_BIND, &bind))
		return errno;
	*what = "IOMMU_IOAS_ALLOC";
	if (ioctl(access_to.dma, ACCESS_IOAS_ALLOC, &ioas))
		return errno;
	access_to.ioas = ioas.out_ioas_id;
	*what = "VFIO_DEVICE_ATTACH_IOMMUFD_PT";
	return access_attach();
}

/* @name: of the device in its group */
static int access_open(const char *dir, const char *name, bool cdev, const char **what)
{
	access_to.cdev = cdev;
	return cdev ? access_by_cdev(dir, what) : access_by_group(dir, name, what);
}

/* 0 or an errno */
static inline int access_map(uint64_t iova, void *mem, uint64_t size)
{
	struct vfio_iommu_type1_dma_map type1 = {
		.argsz = sizeof(type1),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = size,
	};
	struct access_ioas_map ioas = {
		.size = sizeof(ioas),
		.flags = ACCESS_MAP_FLAGS,
		.ioas_id = access_to.ioas,
		.user_va = (uintptr_t)mem,
		.length = size,
		.iova = iova,
	};

	if (access_to.cdev)
		return ioctl(access_to.dma, ACCESS_IOAS_MAP, &ioas) ? errno : 0;
	if (!ioctl(access_to.dma, VFIO_IOMMU_MAP_DMA, &type1))
		return 0;
	/* The device's own memory is known by its driver, other has still to be */
	if (!access_to.spapr || access_register(mem, size))
		return errno;
	return ioctl(access_to.dma, VFIO_IOMMU_MAP_DMA, &type1) ? errno : 0;
}

/* Not with a cdev; 0 or an errno */
static inline int access_unmap(uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return ioctl(access_to.dma, VFIO_IOMMU_UNMAP_DMA, &unmap) ? errno : 0;
}

/* VFIO_DEVICE_FEATURE, to and from @data; 0 or an errno */
static inline int access_feature(uint32_t flags, void *data, size_t size)
{
	struct vfio_device_feature *f = calloc(1, sizeof(*f) + size);
	int err;

	f->argsz = sizeof(*f) + size;
	f->flags = flags;
	memcpy(f->data, data, size);
	err = ioctl(device, VFIO_DEVICE_FEATURE, f) < 0 ? errno : 0;
	memcpy(data, f->data, size);
	free(f);
	return err;
}

static inline void access_close(void)
{
	close(device);
	if (access_to.group >= 0)
		close(access_to.group);
	close(access_to.dma);
}
