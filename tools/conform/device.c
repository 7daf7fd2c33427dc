// SPDX-License-Identifier: GPL-2.0-only
/* A VFIO device: found by UUID, PCI address or character device; opened by group or character device. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfio-user.h"

struct vdev source = { .fd = -1, .group = -1, .container = -1, .data_fd = -1 };
struct vdev destination = { .fd = -1, .group = -1, .container = -1, .data_fd = -1 };

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* The group's number, -1: it is in none */
static int group_of(const struct vdev *v)
{
	char path[sizeof(v->dir) + 16], link[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/iommu_group", v->dir);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -1;
	link[n] = 0;
	name = strrchr(link, '/');
	return atoi(name ? name + 1 : link);
}

static bool find_cdev(struct vdev *v)
{
	char path[sizeof(v->dir) + 16];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/vfio-dev", v->dir);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (!strncmp(e->d_name, "vfio", 4))
			snprintf(v->cdev, sizeof(v->cdev), "/dev/vfio/devices/%.40s", e->d_name);
	}
	if (d)
		closedir(d);
	return *v->cdev && !access(v->cdev, F_OK);
}

static const char *base_name(const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] != '/')
		n--;
	return path + n;
}

/* By its directory in sysfs, without a look whether it is there; 0 or ENOENT: no character device */
int vdev_at(struct vdev *v, const char *dir, const char *name, bool cdev)
{
	v->spec = dir;
	snprintf(v->dir, sizeof(v->dir), "%s", dir);
	snprintf(v->name, sizeof(v->name), "%s", name ?: base_name(dir));
	if (cdev)
		find_cdev(v);
	return cdev && !*v->cdev ? ENOENT : 0;
}

static bool group_is_there(const struct vdev *v)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%d", group_of(v));
	return !access(path, F_OK);
}

static bool is_bdf(const char *s)
{
	return strchr(s, ':') && strchr(s, '.') && isxdigit((unsigned char)*s);
}

/* Sets @dir, @name or @cdev */
static bool find_dir(struct vdev *v, const char *spec)
{
	const char *name = base_name(spec);

	if (!strncmp(spec, "/dev/vfio/devices/", 18)) {
		snprintf(v->cdev, sizeof(v->cdev), "%s", spec);
		snprintf(v->dir, sizeof(v->dir), "/sys/class/vfio-dev/%s/device", name);
		if (!is_dir(v->dir))
			*v->dir = 0;
		return !access(spec, F_OK);
	}
	if (*spec == '/')
		snprintf(v->dir, sizeof(v->dir), "%s", spec);
	else if (is_bdf(spec))
		snprintf(v->dir, sizeof(v->dir), "/sys/bus/pci/devices/%s%s",
			 strlen(spec) < 12 ? "0000:" : "", spec);
	else
		snprintf(v->dir, sizeof(v->dir), "/sys/bus/mdev/devices/%s", spec);
	snprintf(v->name, sizeof(v->name), "%.60s", base_name(v->dir));
	return is_dir(v->dir);
}

/* 0 or an errno. By the group if it is there and nothing else is asked for */
int vdev_find(struct vdev *v, const char *spec, bool group, bool cdev)
{
	v->spec = spec;
	if (!find_dir(v, spec)) {
		fprintf(stderr, "%s: %s: no such device (%s)\n", program_invocation_short_name, spec,
			*v->dir ? v->dir : v->cdev);
		return ENODEV;
	}
	if (*v->cdev)
		return 0;
	if (!cdev && (group || group_is_there(v)))
		return 0;
	if (!find_cdev(v)) {
		fprintf(stderr, "%s: %s: no %s; is it bound to a driver of VFIO's?\n",
			program_invocation_short_name, spec, cdev ? "character device" : "group and no character device in /dev/vfio");
		return ENODEV;
	}
	return 0;
}

/* POWER's container wants to know memory before it maps it, and some before it maps any */
static int spapr_register(struct vdev *v, void *mem, uint64_t size)
{
	struct vfio_iommu_spapr_register_memory known = {
		.argsz = sizeof(known),
		.vaddr = (uintptr_t)mem,
		.size = size,
	};

	return ioctl(v->container, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &known) ? errno : 0;
}

static int set_iommu(struct vdev *v, const char **what)
{
	static uint8_t some[65536] __attribute__((aligned(65536)));

	*what = "VFIO_SET_IOMMU";
	v->spapr = ioctl(v->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0;
	if (ioctl(v->container, VFIO_SET_IOMMU,
		  v->spapr ? VFIO_SPAPR_TCE_v2_IOMMU : VFIO_TYPE1v2_IOMMU))
		return errno;
	*what = "VFIO_IOMMU_SPAPR_REGISTER_MEMORY";
	return v->spapr ? spapr_register(v, some, sizeof(some)) : 0;
}

static int open_group(struct vdev *v, const char **what)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[32];
	int number, err;

	*what = "iommu_group link";
	number = group_of(v);
	if (number < 0)
		return errno;
	*what = "/dev/vfio/vfio";
	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return errno;
	*what = "/dev/vfio/GROUP";
	snprintf(path, sizeof(path), "/dev/vfio/%d", number);
	v->group = open(path, O_RDWR | O_CLOEXEC);
	if (v->group < 0)
		return errno;
	*what = "VFIO_GROUP_GET_STATUS";
	if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status))
		return errno;
	*what = "the group is not viable";
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return EPERM;
	*what = "VFIO_GROUP_SET_CONTAINER";
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container))
		return errno;
	err = set_iommu(v, what);
	if (err)
		return err;
	*what = "VFIO_GROUP_GET_DEVICE_FD";
	v->fd = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, v->name);
	return v->fd < 0 ? errno : 0;
}

static int open_cdev(struct vdev *v, const char **what)
{
	struct ioas_alloc ioas = { .size = sizeof(ioas) };
	struct cdev_attach attach = { .argsz = sizeof(attach) };
	struct cdev_bind bind = { .argsz = sizeof(bind) };

	*what = "/dev/iommu";
	v->container = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return errno;
	*what = v->cdev;
	v->fd = open(v->cdev, O_RDWR | O_CLOEXEC);
	if (v->fd < 0)
		return errno;
	*what = "VFIO_DEVICE_BIND_IOMMUFD";
	bind.iommufd = v->container;
	if (ioctl(v->fd, CDEV_BIND, &bind))
		return errno;
	*what = "IOMMU_IOAS_ALLOC";
	if (ioctl(v->container, IOAS_ALLOC, &ioas))
		return errno;
	v->ioas = attach.pt_id = ioas.out_ioas_id;
	*what = "VFIO_DEVICE_ATTACH_IOMMUFD_PT";
	return ioctl(v->fd, CDEV_ATTACH, &attach) ? errno : 0;
}

static bool probe(struct vdev *v, uint32_t feature)
{
	return !v2_feature(v, feature | VFIO_DEVICE_FEATURE_PROBE, NULL, 0);
}

void vdev_look(struct vdev *v)
{
	uint64_t flags = 0;

	v->info = (struct vfio_device_info) { .argsz = sizeof(v->info) };
	if (ioctl(v->fd, VFIO_DEVICE_GET_INFO, &v->info))
		bad("VFIO_DEVICE_GET_INFO: %s", ename(errno));
	if (v2_feature(v, FEATURE_MIGRATION | VFIO_DEVICE_FEATURE_GET, &flags, sizeof(flags)))
		flags = 0;
	v->flags = flags;
	v->has_size = probe(v, FEATURE_DATA_SIZE | VFIO_DEVICE_FEATURE_GET);
	v->has_log = probe(v, FEATURE_LOG_START | VFIO_DEVICE_FEATURE_SET) &&
		     probe(v, FEATURE_LOG_REPORT | VFIO_DEVICE_FEATURE_GET);
	v1_find(v);
}

int vdev_open(struct vdev *v, const char **what)
{
	int err = *v->cdev ? open_cdev(v, what) : open_group(v, what);

	if (err)
		vdev_close(v);
	return err;
}

int vdev_try_open(struct vdev *v, const char **what)
{
	int err = vdev_open(v, what);

	if (!err)
		vdev_look(v);
	return err;
}

/* close() returns before the device is closed: the previous user may just be ending */
void vdev_must_open(struct vdev *v)
{
	const char *what = "";
	int err = 0;

	for (int i = 0; i < 50; i++) {
		err = vdev_try_open(v, &what);
		if (err != EBUSY && err != EINVAL)
			break;
		sleep_ms(20);
	}
	if (err)
		bad("%s can't be opened: %s: %s", v->spec, what, ename(err));
	if (user_hooks.ready && (v->info.flags & VFIO_DEVICE_FLAGS_PCI))
		user_hooks.ready(v);
}

struct vdev *target(void)
{
	if (!destination.spec)
		return &source;
	if (destination.fd < 0)
		vdev_must_open(&destination);
	return &destination;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vdev_close(struct vdev *v)
{
	if (user_hooks.closing)
		user_hooks.closing(v);
	shut(&v->data_fd);
	shut(&v->fd);
	shut(&v->group);
	shut(&v->container);
}

struct region vdev_region(struct vdev *v, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(v->fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		return (struct region) { 0 };
	return (struct region) { info.offset, info.size, info.flags };
}

int vdev_map(struct vdev *v, uint64_t iova, void *mem, uint64_t size)
{
	struct vfio_iommu_type1_dma_map type1 = {
		.argsz = sizeof(type1),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = size,
	};
	struct ioas_map ioas = {
		.size = sizeof(ioas),
		.flags = IOAS_MAP_FLAGS,
		.ioas_id = v->ioas,
		.user_va = (uintptr_t)mem,
		.length = size,
		.iova = iova,
	};

	if (*v->cdev)
		return ioctl(v->container, IOAS_MAP, &ioas) ? errno : 0;
	if (!ioctl(v->container, VFIO_IOMMU_MAP_DMA, &type1))
		return 0;
	/* The device's own memory is known by its driver, other has still to be */
	if (!v->spapr || spapr_register(v, mem, size))
		return errno;
	return ioctl(v->container, VFIO_IOMMU_MAP_DMA, &type1) ? errno : 0;
}

int vdev_unmap(struct vdev *v, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? errno : 0;
}

const char *reset_by_ioctl(struct vdev *v)
{
	return ioctl(v->fd, VFIO_DEVICE_RESET) ? ename(errno) : NULL;
}
