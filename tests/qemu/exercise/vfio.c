/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exercise.h"

u8 *memory;
static size_t memory_used, memory_bytes;
static int container = -1;

/* -- memory ------------------------------------------------------------------ */

static void dma_map(size_t from, size_t bytes)
{
    struct vfio_iommu_type1_dma_map map = {
        .argsz = sizeof(map),
        .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        .vaddr = (uintptr_t)memory + from,
        .iova = MEMORY_IOVA + from,
        .size = bytes,
    };

    if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map)) {
        die("VFIO_IOMMU_MAP_DMA: %m");
    }
    memory_bytes = from + bytes;
}

void memory_map(void)
{
    memory = mmap(NULL, MEMORY_LIMIT, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        die("no memory");
    }
    dma_map(0, MEMORY_BYTES);
}

/* Room for some images of that size. */
void memory_grow(u64 image)
{
    u64 bytes = (MEMORY_BYTES + 6 * image) & ~0xfffffull;

    if (image > 4 << 20 && bytes <= MEMORY_LIMIT) {
        dma_map(MEMORY_BYTES, bytes - MEMORY_BYTES);
    }
}

u64 iova(const void *p)
{
    return MEMORY_IOVA + ((const u8 *)p - memory);
}

void *alloc(size_t bytes)
{
    void *p = memory + memory_used;

    bytes = (bytes + 4095) & ~4095ul;
    if (memory_used + bytes > memory_bytes) {
        die("out of DMA memory");
    }
    memory_used += bytes;
    memset(p, 0, bytes);
    return p;
}

/* The first 256 KiB are the rings: queue.c allocates them once, first. */
void alloc_reset(void)
{
    memory_used = 256 << 10;
}

size_t alloc_mark(void)
{
    return memory_used;
}

void alloc_release(size_t mark)
{
    memory_used = mark;
}

/* -- functions ----------------------------------------------------------------- */

static int group_open(const char *bdf)
{
    char path[128], link[256];
    struct vfio_group_status status = { .argsz = sizeof(status) };
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
    n = readlink(path, link, sizeof(link) - 1);
    if (n < 0) {
        die("%s: %m", path);
    }
    link[n] = 0;
    snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
    fd = open(path, O_RDWR);
    if (fd < 0) {
        die("%s: %m", path);
    }
    if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) ||
        !(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
        die("%s: group is not viable", bdf);
    }
    if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container)) {
        die("%s: VFIO_GROUP_SET_CONTAINER: %m", bdf);
    }
    return fd;
}

void container_open(void)
{
    container = open("/dev/vfio/vfio", O_RDWR);
    if (container < 0) {
        die("/dev/vfio/vfio: %m");
    }
}

static void *map_region(int fd, unsigned index, u64 *offset, bool map)
{
    struct vfio_region_info info = { .argsz = sizeof(info), .index = index };
    void *p;

    if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info)) {
        die("VFIO_DEVICE_GET_REGION_INFO: %m");
    }
    *offset = info.offset;
    if (!map) {
        return NULL;
    }
    p = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
             info.offset);
    if (p == MAP_FAILED) {
        die("mmap of region %u: %m", index);
    }
    return p;
}

void function_open(struct function *f, const char *bdf, const char *token)
{
    static bool iommu_set;
    int group = group_open(bdf);
    char name[96];
    u64 offset;

    if (!iommu_set && ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
        die("VFIO_SET_IOMMU: %m");
    }
    iommu_set = true;
    snprintf(f->bdf, sizeof(f->bdf), "%s", bdf);
    snprintf(name, sizeof(name), token ? "%s vf_token=%s" : "%s", bdf, token);
    f->fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
    if (f->fd < 0) {
        die("%s: VFIO_GROUP_GET_DEVICE_FD: %m", bdf);
    }
    map_region(f->fd, VFIO_PCI_CONFIG_REGION_INDEX, &f->config, false);
    f->bar = map_region(f->fd, VFIO_PCI_BAR0_REGION_INDEX, &offset, true);
    bus_master(f, true);
}

void function_reset(struct function *f)
{
    if (ioctl(f->fd, VFIO_DEVICE_RESET)) {
        die("%s: VFIO_DEVICE_RESET: %m", f->bdf);
    }
}

u16 config_read16(struct function *f, unsigned offset)
{
    u16 value = 0xffff;

    if (pread(f->fd, &value, 2, f->config + offset) != 2) {
        die("%s: configuration space: %m", f->bdf);
    }
    return value;
}

void config_write16(struct function *f, unsigned offset, u16 value)
{
    if (pwrite(f->fd, &value, 2, f->config + offset) != 2) {
        die("%s: configuration space: %m", f->bdf);
    }
}

void bus_master(struct function *f, bool on)
{
    u16 command = config_read16(f, PCI_COMMAND);

    command |= PCI_COMMAND_MEMORY;
    command = on ? command | PCI_COMMAND_MASTER
                 : command & ~PCI_COMMAND_MASTER;
    config_write16(f, PCI_COMMAND, command);
}

void vf_token(struct function *f, const u8 uuid[16])
{
    u8 buffer[sizeof(struct vfio_device_feature) + 16];
    struct vfio_device_feature *feature = (void *)buffer;

    memset(buffer, 0, sizeof(buffer));
    feature->argsz = sizeof(buffer);
    feature->flags = VFIO_DEVICE_FEATURE_SET |
                     VFIO_DEVICE_FEATURE_PCI_VF_TOKEN;
    memcpy(feature->data, uuid, 16);
    if (ioctl(f->fd, VFIO_DEVICE_FEATURE, feature)) {
        die("VF token: %m");
    }
}

/* -- interrupts ------------------------------------------------------------------ */

static void set_irqs(struct function *f, u32 data, u32 count)
{
    u8 buffer[sizeof(struct vfio_irq_set) + 2 * sizeof(int)];
    struct vfio_irq_set *set = (void *)buffer;

    set->argsz = sizeof(buffer);
    set->flags = data | VFIO_IRQ_SET_ACTION_TRIGGER;
    set->index = VFIO_PCI_MSIX_IRQ_INDEX;
    set->start = 0;
    set->count = count;
    memcpy(set->data, f->irq, sizeof(f->irq));
    if (ioctl(f->fd, VFIO_DEVICE_SET_IRQS, set)) {
        die("%s: VFIO_DEVICE_SET_IRQS: %m", f->bdf);
    }
}

void interrupts_on(struct function *f)
{
    for (int i = 0; i < 2; i++) {
        f->irq[i] = eventfd(0, EFD_NONBLOCK);
    }
    set_irqs(f, VFIO_IRQ_SET_DATA_EVENTFD, 2);
}

void pf_reset(void)
{
    function_reset(&pf);
    bus_master(&pf, true);
    for (unsigned i = 0; i < ARRAY_SIZE(vf) && vfs_open; i++) {
        set_irqs(&vf[i], VFIO_IRQ_SET_DATA_NONE, 0);
        bus_master(&vf[i], true);
        set_irqs(&vf[i], VFIO_IRQ_SET_DATA_EVENTFD, 2);
    }
}

unsigned interrupts(struct function *f, unsigned vector)
{
    u64 count = 0;

    if (read(f->irq[vector], &count, 8) != 8) {
        return 0;
    }
    return count;
}
