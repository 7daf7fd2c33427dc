/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference device: a VF as a PCI function, its BAR, level, DMA and resets. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/pci/pcie_sriov.h"
#include "migration/vmstate.h"
#include "refdev.h"

#define VF_BAR          0
#define VF_BAR_MSIX     2
#define VF_BAR_BYTES    (16 * KiB)
#define VF_IOAT_END     0x1000
#define VF_CONTEXT_END  0x3000
#define MSIX_BYTES      (4 * KiB)
#define MSIX_PBA        0x800
#define VF_VECTORS      2
#define CAP_MSIX        0x70
#define CAP_EXPRESS     0xa0
#define CAP_ARI         0x100

uint16_t refdev_vf_number(RefdevVF *vf)
{
    return pcie_sriov_vf_number(PCI_DEVICE(vf));
}

/* -- DMA: the one place where a VF's is issued ----------------------------- */

bool refdev_vf_dma(RefdevVF *vf, uint64_t address, void *data, uint64_t bytes,
                   DMADirection dir)
{
    if (vf->level != RD_LEVEL_RUNNING) {
        vf->dma_stopped++;
    }
    if (dir == DMA_DIRECTION_FROM_DEVICE &&
        vf->pf->bug != REFDEV_BUG_LOSE_WRITE) {
        refdev_tracker_wrote(&vf->tracker, address, bytes);
    }
    return refdev_dma(PCI_DEVICE(vf), address, data, bytes, dir);
}

/* May the function write to memory, interrupts included? */
bool refdev_vf_may_dma(RefdevVF *vf)
{
    return vf->enabled && (vf->level == RD_LEVEL_RUNNING ||
                           vf->pf->bug == REFDEV_BUG_DMA_AFTER_SUSPEND);
}

/* May it begin a copy? Not while a SUSPEND waits for the one under way. */
bool refdev_vf_may_begin(RefdevVF *vf)
{
    return refdev_vf_may_dma(vf) &&
           (!vf->stopping || vf->pf->bug == REFDEV_BUG_DMA_AFTER_SUSPEND);
}

/* -- level ----------------------------------------------------------------- */

void refdev_vf_stop(RefdevVF *vf)
{
    vf->stopping = true;
}

void refdev_vf_stop_cancel(RefdevVF *vf)
{
    vf->stopping = false;
    refdev_ioat_resumed(vf);
}

void refdev_vf_set_level(RefdevVF *vf, uint16_t level)
{
    vf->stopping = false;
    refdev_precopy_level(vf, level);
    vf->level = level;
    if (level != RD_LEVEL_FULL) {
        vf->sealed = false;
    }
    if (level == RD_LEVEL_RUNNING) {
        refdev_ioat_resumed(vf);
    }
}

/* -- lifetime -------------------------------------------------------------- */

void refdev_vf_load_drop(RefdevVF *vf)
{
    refdev_image_free(&vf->staged, vf->pf->context_size);
    vf->loading = false;
    vf->load_delta = false;
    vf->load_offset = 0;
}

/* All that ENABLE, DISABLE and FLR have in common: no state, no activity. */
static void vf_clear(RefdevVF *vf)
{
    vf->level = RD_LEVEL_RUNNING;
    vf->stopping = false;
    refdev_ioat_reset(vf);
    refdev_vf_load_drop(vf);
    refdev_tracker_stop(&vf->tracker);
    refdev_precopy_end(vf);
    vf->sealed = false;
    vf->copies = 0;
    vf->copied = 0;
    vf->errors = 0;
    vf->dropped = 0;
    vf->digest_valid = false;
    vf->digest_applied = 0;
    vf->digest_latch = 0;
    vf->digest_stale_set = false;
}

/* The largest copy of one descriptor, unless CONFIGURE has said less */
uint64_t refdev_vf_profile_copy(const RefdevVF *vf)
{
    return vf->profile == 2 ? 64 * KiB : MiB;
}

bool refdev_vf_enable(RefdevVF *vf, uint16_t profile)
{
    if (!refdev_image_alloc(&vf->image, vf->pf->context_size)) {
        return false;
    }
    vf_clear(vf);
    vf->dma_stopped = 0;
    vf->profile = profile;
    vf->max_copy = refdev_vf_profile_copy(vf);
    vf->bandwidth = 0;
    vf->enabled = true;
    return true;
}

void refdev_vf_disable(RefdevVF *vf)
{
    vf->enabled = false;
    vf_clear(vf);
    vf->profile = 0;
    vf->max_copy = 0;
    vf->bandwidth = 0;
    refdev_image_free(&vf->image, vf->pf->context_size);
}

/* -- resets ---------------------------------------------------------------- */

static void vf_flr(RefdevVF *vf)
{
    uint16_t number = refdev_vf_number(vf);

    refdev_cmd_end_function(vf->pf, number);
    refdev_control_reset(vf);
    vf_clear(vf);
    if (vf->enabled) {
        refdev_image_clear(&vf->image, vf->pf->context_size);
    }
    vf->resets++;
    vf->silent = vf->pf->vf_reset_silent;
    refdev_event(vf->pf, RD_EVT_FUNCTION_RESET, number, 0);
}

void refdev_vf_answer(RefdevVF *vf)
{
    vf->silent = false;
}

/* An FLR; or VF Enable was set or cleared; or the machine is reset. */
static void vf_reset_hold(Object *obj, ResetType type)
{
    RefdevVF *vf = REFDEV_VF(obj);
    PCIDevice *dev = PCI_DEVICE(obj);
    uint8_t *devctl = dev->config + dev->exp.exp_cap + PCI_EXP_DEVCTL;

    if (pci_get_word(devctl) & PCI_EXP_DEVCTL_BCR_FLR) {
        vf_flr(vf);
        return;
    }
    refdev_cmd_end_function(vf->pf, refdev_vf_number(vf));
    refdev_control_reset(vf);
    refdev_vf_disable(vf);
    vf->silent = false;
    vf->control.accesses = 0;
    vf->resets = 0;
    vf->dma_stopped = 0;
}

static uint32_t vf_config_read(PCIDevice *dev, uint32_t addr, int len)
{
    if (REFDEV_VF(dev)->silent) {
        return MAKE_64BIT_MASK(0, 8 * len);
    }
    return pci_default_read_config(dev, addr, len);
}

static void vf_config_write(PCIDevice *dev, uint32_t addr, uint32_t value,
                            int len)
{
    if (REFDEV_VF(dev)->silent) {
        return;
    }
    pci_default_write_config(dev, addr, value, len);
    pcie_cap_flr_write_config(dev, addr, value, len);
}

/* -- BAR 0 ----------------------------------------------------------------- */

static uint64_t context_qword(RefdevVF *vf, hwaddr reg, bool low)
{
    switch (reg) {
    case RD_CTX_MAGIC:
        return RD_CTX_MAGIC_VALUE;
    case RD_CTX_BYTES:
        return vf->pf->context_size;
    case RD_CTX_COPIES:
        return vf->copies;
    case RD_CTX_COPIED:
        return vf->copied;
    case RD_CTX_ERRORS:
        return vf->errors + vf->dropped;
    case RD_CTX_DIGEST:
        if (low) {
            vf->digest_latch = refdev_context_reported(vf);
        }
        return vf->digest_latch;
    default:
        return 0;
    }
}

static uint64_t context_read(RefdevVF *vf, hwaddr offset, unsigned size)
{
    unsigned shift = (offset & 7) * 8;

    return context_qword(vf, offset & ~7ull, !shift) >> shift;
}

static uint64_t vf_read(void *opaque, hwaddr offset, unsigned size)
{
    RefdevVF *vf = opaque;

    if (vf->silent) {
        return UINT64_MAX;
    }
    if (offset < VF_IOAT_END) {
        return refdev_ioat_read(vf, offset, size);
    }
    if (offset >= RD_CTX_MAGIC && offset < VF_CONTEXT_END) {
        return context_read(vf, offset, size);
    }
    return 0;
}

static void vf_write(void *opaque, hwaddr offset, uint64_t value,
                     unsigned size)
{
    RefdevVF *vf = opaque;

    if (!vf->enabled || vf->silent) {
        return;
    }
    if (vf->level == RD_LEVEL_FULL) {
        vf->dropped++;
    } else if (offset < VF_IOAT_END) {
        refdev_ioat_write(vf, offset, value, size);
    }
}

static const MemoryRegionOps vf_ops = {
    .read = vf_read,
    .write = vf_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/* -- making and unmaking --------------------------------------------------- */

static bool vf_add_msix(PCIDevice *dev, Error **errp)
{
    RefdevVF *vf = REFDEV_VF(dev);

    memory_region_init(&vf->msix, OBJECT(vf), "refdev-vf-msix", MSIX_BYTES);
    pci_register_bar(dev, VF_BAR_MSIX, REFDEV_BAR_TYPE, &vf->msix);
    if (msix_init(dev, VF_VECTORS, &vf->msix, VF_BAR_MSIX, 0, &vf->msix,
                  VF_BAR_MSIX, MSIX_PBA, CAP_MSIX, errp) < 0) {
        return false;
    }
    for (int i = 0; i < VF_VECTORS; i++) {
        msix_vector_use(dev, i);
    }
    return true;
}

/* The PF realizes its VFs; its own state is set by then. */
static void vf_realize(PCIDevice *dev, Error **errp)
{
    RefdevVF *vf = REFDEV_VF(dev);

    vf->pf = REFDEV(pcie_sriov_get_pf(dev));
    /*
     * What belongs to no capability can't be written. QEMU has it otherwise, and
     * a guest could leave there what makes its VF look different from others.
     */
    memset(dev->wmask + PCI_CONFIG_HEADER_SIZE, 0,
           pci_config_size(dev) - PCI_CONFIG_HEADER_SIZE);
    timer_init_ns(&vf->copy_timer, QEMU_CLOCK_VIRTUAL, refdev_ioat_timer, vf);
    memory_region_init_io(&vf->bar, OBJECT(vf), &vf_ops, vf, "refdev-vf",
                          VF_BAR_BYTES);
    pci_register_bar(dev, VF_BAR, REFDEV_BAR_TYPE, &vf->bar);
    refdev_control_init(vf, &vf->bar);
    if (!vf_add_msix(dev, errp)) {
        refdev_control_free(vf);
        return;
    }
    if (pcie_endpoint_cap_init(dev, CAP_EXPRESS) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        refdev_control_free(vf);
        msix_unuse_all_vectors(dev);
        msix_uninit(dev, &vf->msix, &vf->msix);
        return;
    }
    pcie_cap_flr_init(dev);
    pcie_ari_init(dev, CAP_ARI);
    refdev_ioat_reset(vf);
}

static void vf_exit(PCIDevice *dev)
{
    RefdevVF *vf = REFDEV_VF(dev);

    refdev_vf_disable(vf);
    refdev_control_free(vf);
    pcie_cap_exit(dev);
    msix_unuse_all_vectors(dev);
    msix_uninit(dev, &vf->msix, &vf->msix);
}

static const VMStateDescription vf_vmstate = {
    .name = TYPE_REFDEV_VF,
    .unmigratable = 1,
};

static void vf_class_init(ObjectClass *class, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);
    ResettableClass *rc = RESETTABLE_CLASS(class);

    pc->realize = vf_realize;
    pc->exit = vf_exit;
    pc->config_read = vf_config_read;
    pc->config_write = vf_config_write;
    pc->vendor_id = RD_VENDOR_ID;
    pc->device_id = RD_VF_DEVICE_ID;
    pc->class_id = PCI_CLASS_SYSTEM_OTHER;
    rc->phases.hold = vf_reset_hold;
    dc->desc = "VF of the mdev-pci reference device";
    dc->vmsd = &vf_vmstate;
    dc->user_creatable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo vf_info = {
    .name = TYPE_REFDEV_VF,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(RefdevVF),
    .class_init = vf_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { },
    },
};

static void vf_register(void)
{
    type_register_static(&vf_info);
}

type_init(vf_register)
