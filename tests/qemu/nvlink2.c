/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A GPU or a bridge of the kind that docs/nvlink2.rst describes: memory that is in no BAR, and a
 * DVSEC that tells where. With what a test needs to see whether the memory is treated well.
 *
 * -device nvlink2,role=gpu,base=N,size=N,tgt=N and role=link,atsd=N,tgt=N,speed=N. At run time
 * the property "set" takes one of
 *
 *   0x14=60001    a dword of the DVSEC is another one
 *   restore       the DVSEC is as it was
 *   delay=N       milliseconds from a reset until the memory answers; "never": it does not
 *
 * BAR 0, 64-bit registers unless said:
 *
 *   0x00 source, 0x08 destination, 0x10 bytes: a DMA; a write to 0x18 does it, then reads
 *        1 (done) or 2 (failed)
 *   0x20 accesses to the GPU's RAM while it does not answer
 *   0x40 ATSD launches, 0x48 the last one's value, 0x50 its width, 0x58 AVA then
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"

#define TYPE_NVLINK2 "nvlink2"
OBJECT_DECLARE_SIMPLE_TYPE(Nvlink2, NVLINK2)

#define BAR_BYTES       (4 * KiB)
#define ATSD_BYTES      (4 * KiB)
#define CAP_EXPRESS     0xa0
#define CAP_DVSEC       0x100
#define DVSEC_DWORDS    16
#define DVSEC_STATUS    0x10
#define DMA_MAX         (1 * MiB)

#define ATSD_LAUNCH     0x00
#define ATSD_AVA        0x08
#define ATSD_STAT       0x10

struct Nvlink2 {
    PCIDevice parent;
    char *role;
    uint64_t base, size, tgt, atsd;
    uint32_t speed, ready_ms;
    bool dvsec;

    bool gpu, ready;
    int64_t delay;              /* ms; -1: never */
    QEMUTimer *timer;
    MemoryRegion bar, window, ram, nothing, registers;

    uint64_t dma[3], dma_status;
    uint64_t untimely;
    uint64_t launches, launch, width, ava;
};

/* -- DVSEC --------------------------------------------------------------- */

static void dvsec_set(Nvlink2 *n, unsigned at, uint32_t value)
{
    if (n->dvsec) {
        pci_set_long(PCI_DEVICE(n)->config + CAP_DVSEC + at, value);
    }
}

static void dvsec_set64(Nvlink2 *n, unsigned at, uint64_t value)
{
    dvsec_set(n, at, value);
    dvsec_set(n, at + 4, value >> 32);
}

static void dvsec_fill(Nvlink2 *n)
{
    PCIDevice *dev = PCI_DEVICE(n);
    uint16_t vendor = pci_get_word(dev->config + PCI_VENDOR_ID);
    uint32_t flags = (n->gpu ? 1 : 2) | 0x10 | (n->atsd ? 0x20 : 0) |
                     (n->gpu ? 0x40 : 0);

    dvsec_set(n, 0x04, vendor | 1 << 16 | DVSEC_DWORDS * 4 << 20);
    dvsec_set(n, 0x08, 0x4e32 | flags << 16);
    dvsec_set(n, 0x0c, 0x324c564e);
    dvsec_set(n, DVSEC_STATUS, n->ready);
    dvsec_set(n, 0x14, n->ready_ms);
    dvsec_set64(n, 0x18, n->base);
    dvsec_set64(n, 0x20, n->gpu ? n->size : 0);
    dvsec_set64(n, 0x28, n->tgt);
    dvsec_set64(n, 0x30, n->atsd);
    dvsec_set(n, 0x38, n->speed);
    dvsec_set(n, 0x3c, 0);
}

/* -- the GPU's RAM ------------------------------------------------------- */

static void now_ready(void *opaque)
{
    Nvlink2 *n = opaque;

    n->ready = true;
    dvsec_set(n, DVSEC_STATUS, 1);
    if (n->gpu) {
        memory_region_set_enabled(&n->ram, true);
    }
}

/* The content of the RAM is lost: a guest that reads on without asking sees it */
static void not_ready(Nvlink2 *n)
{
    n->ready = false;
    dvsec_set(n, DVSEC_STATUS, 0);
    timer_del(n->timer);
    if (n->gpu) {
        memory_region_set_enabled(&n->ram, false);
        memset(memory_region_get_ram_ptr(&n->ram), 0xee, n->size);
        memory_region_set_dirty(&n->ram, 0, n->size);
    }
    if (!n->delay) {
        now_ready(n);
    } else if (n->delay > 0) {
        timer_mod(n->timer,
                  qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + n->delay);
    }
}

static uint64_t nothing_read(void *opaque, hwaddr offset, unsigned size)
{
    Nvlink2 *n = opaque;

    n->untimely++;
    return ~0ull;
}

static void nothing_write(void *opaque, hwaddr offset, uint64_t value,
                          unsigned size)
{
    Nvlink2 *n = opaque;

    n->untimely++;
}

static const MemoryRegionOps nothing_ops = {
    .read = nothing_read,
    .write = nothing_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/* -- the bridge's ATSD registers ----------------------------------------- */

static uint64_t atsd_read(void *opaque, hwaddr offset, unsigned size)
{
    Nvlink2 *n = opaque;

    switch (offset) {
    case ATSD_LAUNCH:
        return n->launch;
    case ATSD_AVA:
        return n->ava;
    default:            /* ATSD_STAT: nothing is under way */
        return 0;
    }
}

static void atsd_write(void *opaque, hwaddr offset, uint64_t value,
                       unsigned size)
{
    Nvlink2 *n = opaque;

    if (offset == ATSD_AVA) {
        n->ava = value;
    } else if (offset == ATSD_LAUNCH) {
        n->launches++;
        n->launch = value;
        n->width = size;
    }
}

static const MemoryRegionOps atsd_ops = {
    .read = atsd_read,
    .write = atsd_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/* -- BAR 0 --------------------------------------------------------------- */

static bool dma_copy(Nvlink2 *n)
{
    PCIDevice *dev = PCI_DEVICE(n);
    g_autofree void *data = NULL;

    if (!n->dma[2] || n->dma[2] > DMA_MAX) {
        return false;
    }
    data = g_malloc(n->dma[2]);
    return pci_dma_read(dev, n->dma[0], data, n->dma[2]) == MEMTX_OK &&
           pci_dma_write(dev, n->dma[1], data, n->dma[2]) == MEMTX_OK;
}

static uint64_t bar_read(void *opaque, hwaddr offset, unsigned size)
{
    Nvlink2 *n = opaque;

    switch (offset) {
    case 0x18:
        return n->dma_status;
    case 0x20:
        return n->untimely;
    case 0x40:
        return n->launches;
    case 0x48:
        return n->launch;
    case 0x50:
        return n->width;
    case 0x58:
        return n->ava;
    default:
        return 0;
    }
}

static void bar_write(void *opaque, hwaddr offset, uint64_t value,
                      unsigned size)
{
    Nvlink2 *n = opaque;

    if (offset == 0x18) {
        n->dma_status = dma_copy(n) ? 1 : 2;
    } else if (offset < 0x18) {
        n->dma[offset / 8] = value;
    }
}

static const MemoryRegionOps bar_ops = {
    .read = bar_read,
    .write = bar_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 8, .max_access_size = 8 },
};

/* -- at run time --------------------------------------------------------- */

static void nvlink2_set(Object *obj, const char *text, Error **errp)
{
    Nvlink2 *n = NVLINK2(obj);
    g_auto(GStrv) pair = g_strsplit(text, "=", 2);
    uint64_t at, value;

    if (!strcmp(text, "restore")) {
        dvsec_fill(n);
    } else if (!strcmp(text, "delay=never")) {
        n->delay = -1;
    } else if (!pair[0] || !pair[1] ||
               qemu_strtou64(pair[1], NULL, 0, &value) < 0) {
        error_setg(errp, "'%s' is not name=number", text);
    } else if (!strcmp(pair[0], "delay")) {
        n->delay = value;
        if (!n->ready) {
            timer_mod(n->timer,
                      qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + n->delay);
        }
    } else if (qemu_strtou64(pair[0], NULL, 0, &at) < 0 || at % 4 ||
               at >= DVSEC_DWORDS * 4) {
        error_setg(errp, "'%s' is no dword of the DVSEC", pair[0]);
    } else {
        dvsec_set(n, at, value);
    }
}

static void reset_hold(Object *obj, ResetType type)
{
    not_ready(NVLINK2(obj));
}

static void config_write(PCIDevice *dev, uint32_t addr, uint32_t value,
                         int len)
{
    pci_default_write_config(dev, addr, value, len);
    pcie_cap_flr_write_config(dev, addr, value, len);
}

/* -- making -------------------------------------------------------------- */

static bool make_gpu(Nvlink2 *n, Error **errp)
{
    Object *obj = OBJECT(n);

    if (!n->size || n->size % (4 * KiB) || n->base % (4 * KiB)) {
        error_setg(errp, "base and size must be of whole pages");
        return false;
    }
    memory_region_init(&n->window, obj, "nvlink2-window", n->size);
    memory_region_init_io(&n->nothing, obj, &nothing_ops, n,
                          "nvlink2-nothing", n->size);
    if (!memory_region_init_ram(&n->ram, obj, "nvlink2-ram", n->size, errp)) {
        return false;
    }
    memory_region_add_subregion_overlap(&n->window, 0, &n->nothing, 0);
    memory_region_add_subregion_overlap(&n->window, 0, &n->ram, 1);
    memory_region_add_subregion_overlap(get_system_memory(), n->base,
                                        &n->window, 1);
    return true;
}

static void make_link(Nvlink2 *n)
{
    if (!n->atsd) {
        return;
    }
    memory_region_init_io(&n->registers, OBJECT(n), &atsd_ops, n,
                          "nvlink2-atsd", ATSD_BYTES);
    memory_region_add_subregion_overlap(get_system_memory(), n->atsd,
                                        &n->registers, 1);
}

static void nvlink2_realize(PCIDevice *dev, Error **errp)
{
    Nvlink2 *n = NVLINK2(dev);

    n->gpu = !g_strcmp0(n->role, "gpu");
    if (!n->gpu && g_strcmp0(n->role, "link")) {
        error_setg(errp, "role must be gpu or link");
        return;
    }
    pci_config_set_vendor_id(dev->config, n->gpu ? 0x10de : 0x1014);
    pci_config_set_device_id(dev->config, n->gpu ? 0xf0d2 : 0xf0d3);
    pci_config_set_class(dev->config, n->gpu ? 0x0302 : 0x0680);
    if (pcie_endpoint_cap_init(dev, CAP_EXPRESS) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        return;
    }
    pcie_cap_flr_init(dev);
    if (n->dvsec) {
        pcie_add_capability(dev, 0x23, 1, CAP_DVSEC, DVSEC_DWORDS * 4);
        memset(dev->wmask + CAP_DVSEC, 0, DVSEC_DWORDS * 4);
    }
    memory_region_init_io(&n->bar, OBJECT(n), &bar_ops, n, "nvlink2",
                          BAR_BYTES);
    pci_register_bar(dev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY |
                     PCI_BASE_ADDRESS_MEM_TYPE_64, &n->bar);
    n->timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, now_ready, n);
    if (n->gpu && !make_gpu(n, errp)) {
        return;
    }
    if (!n->gpu) {
        make_link(n);
    }
    dvsec_fill(n);
}

static const Property nvlink2_properties[] = {
    DEFINE_PROP_STRING("role", Nvlink2, role),
    DEFINE_PROP_UINT64("base", Nvlink2, base, 0),
    DEFINE_PROP_SIZE("size", Nvlink2, size, 0),
    DEFINE_PROP_UINT64("tgt", Nvlink2, tgt, 0),
    DEFINE_PROP_UINT64("atsd", Nvlink2, atsd, 0),
    DEFINE_PROP_UINT32("speed", Nvlink2, speed, 0),
    DEFINE_PROP_UINT32("ready-ms", Nvlink2, ready_ms, 2000),
    DEFINE_PROP_BOOL("dvsec", Nvlink2, dvsec, true),
};

static const VMStateDescription nvlink2_vmstate = {
    .name = TYPE_NVLINK2,
    .unmigratable = 1,
};

static void nvlink2_class_init(ObjectClass *class, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);
    ResettableClass *rc = RESETTABLE_CLASS(class);

    pc->realize = nvlink2_realize;
    pc->config_write = config_write;
    rc->phases.hold = reset_hold;
    dc->desc = "GPU or bridge with memory behind NVLink2, for tests";
    dc->vmsd = &nvlink2_vmstate;
    dc->hotpluggable = false;
    device_class_set_props(dc, nvlink2_properties);
    object_class_property_add_str(class, "set", NULL, nvlink2_set);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo nvlink2_info = {
    .name = TYPE_NVLINK2,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(Nvlink2),
    .class_init = nvlink2_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { },
    },
};

static void nvlink2_register(void)
{
    type_register_static(&nvlink2_info);
}

type_init(nvlink2_register)
