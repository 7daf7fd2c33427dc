// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linked with upstream's selftests/vfio, so that their sources can stay as they are:
 *
 *   SELFTESTS_IOMMU=MODE   the way to the IOMMU where a test does not say one; their own
 *                          choice is iommufd, which not all kernels have
 *   SELFTESTS_MDEV=UUID    the device that they know as BDF is this mdev: its group and character
 *                          device are looked for in the mdev's directory, and from its group
 *                          it is asked for by UUID
 *
 * Their limits for a test (30 s, 60 s) are for hardware: here they are ten times that.
 */
#include <dirent.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"

extern const char *default_iommu_mode;

int __real_ioctl(int fd, unsigned long request, void *arg);
DIR *__real_opendir(const char *path);
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
ssize_t __real_readlink(const char *path, char *buf, size_t size);

__attribute__((constructor)) static void choose_mode(void)
{
	const char *mode = getenv("SELFTESTS_IOMMU");

	if (mode)
		default_iommu_mode = mode;
}

/* "/sys/bus/pci/devices/BDF/REST" -> the same of the mdev */
static const char *renamed(const char *path, char *buf, size_t size)
{
	static const char pci[] = "/sys/bus/pci/devices/";
	const char *mdev = getenv("SELFTESTS_MDEV"), *rest;

	if (!mdev || strncmp(path, pci, sizeof(pci) - 1))
		return path;
	rest = strchr(path + sizeof(pci) - 1, '/');
	if (!rest || (strncmp(rest, "/vfio-dev", 9) && strcmp(rest, "/iommu_group")))
		return path;
	snprintf(buf, size, "/sys/bus/mdev/devices/%s%s", mdev, rest);
	return buf;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	char name[PATH_MAX];

	return __real_readlink(renamed(path, name, sizeof(name)), buf, size);
}

DIR *__wrap_opendir(const char *path)
{
	char name[PATH_MAX];

	return __real_opendir(renamed(path, name, sizeof(name)));
}

/* How the harness waits for a test */
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	return __real_poll(fds, n, ms > 0 ? ms * 10 : ms);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	char *mdev = getenv("SELFTESTS_MDEV");
	void *arg;
	va_list ap;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	/* Without a token, which they give to none but SR-IOV's tests */
	if (request == VFIO_GROUP_GET_DEVICE_FD && mdev)
		arg = mdev;
	return __real_ioctl(fd, request, arg);
}

#ifdef NEED_CALLOC_ASSERT
void *names_calloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}
#endif
