/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: PF and VFs as PCI functions; their DMA, interrupts, resets. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/pci/pcie_sriov.h"
#include "migration/vmstate.h"
#include "snap.h"

#define BAR_TYPE        (PCI_BASE_ADDRESS_SPACE_MEMORY | \
                         PCI_BASE_ADDRESS_MEM_TYPE_64 | \
                         PCI_BASE_ADDRESS_MEM_PREFETCH)
#define MSIX_BYTES      (4 * KiB)
#define MSIX_PBA        0x800
#define CAP_ARI         0x100
#define CAP_SRIOV       0x120
#define SUBSYSTEM_ID    0x1100

bool snap_is_pf(const SnapFn *fn)
{
    return fn == &fn->pf->fn;
}

/* -- DMA and interrupts ------------------------------------------------------ */

bool snap_dma(SnapFn *fn, uint64_t address, void *data, uint64_t bytes,
              DMADirection dir)
{
    const MemTxAttrs attrs = {
        .requester_id = pci_requester_id(PCI_DEVICE(fn)),
        .memory = 1,
    };

    fn->illegal_dma += fn->stopped;
    if (pci_dma_rw(PCI_DEVICE(fn), address, data, bytes, dir,
                   attrs) == MEMTX_OK) {
        return true;
    }
    snap_needs_reset(fn, "an access to memory failed");
    return false;
}

void snap_interrupt(SnapFn *fn, uint16_t vector, uint8_t isr)
{
    PCIDevice *dev = PCI_DEVICE(fn);

    fn->illegal_interrupts += fn->stopped;
    fn->isr |= isr;
    if (vector < dev->msix_entries_nr && msix_enabled(dev)) {
        msix_notify(dev, vector);
    }
}

/* Once the driver has begun it is told, too */
void snap_needs_reset(SnapFn *fn, const char *why)
{
    if (fn->status & SNAP_S_NEEDS_RESET) {
        return;
    }
    fprintf(stderr, "snap: function %x needs a reset: %s\n",
            PCI_DEVICE(fn)->devfn, why);
    fn->status |= SNAP_S_NEEDS_RESET;
    if (fn->status & SNAP_S_DRIVER_OK) {
        snap_interrupt(fn, fn->config_vector, SNAP_ISR_CONFIG);
    }
}

/* -- resets -------------------------------------------------------------------- */

static void reset_queues(SnapFn *fn)
{
    memset(fn->queue, 0, sizeof(fn->queue));
    for (int i = 0; i < ARRAY_SIZE(fn->queue); i++) {
        fn->queue[i].size = SNAP_RING_SIZE;
        fn->queue[i].vector = SNAP_NO_VECTOR;
    }
}

/* The driver's, by 0 in device_status. What is stopped stays so. */
void snap_fn_reset(SnapFn *fn)
{
    snap_io_drop(fn);
    fn->accepted = 0;
    fn->offered_select = fn->accepted_select = 0;
    fn->config_vector = SNAP_NO_VECTOR;
    fn->queue_select = 0;
    fn->status = 0;
    fn->isr = 0;
    fn->loaded = false;
    fn->hold = false;
    fn->writes = fn->digest = 0;
    if (fn->ballast) {
        memset(fn->ballast, 0, fn->pf->ballast);
    }
    reset_queues(fn);
    if (snap_is_pf(fn)) {
        snap_admin_reset(fn->pf);
    }
}

/* FLR and all others. It also ends "stopped": after one the function runs. */
static void reset_hold(Object *obj, ResetType type)
{
    SnapFn *fn = SNAP_FN(obj);

    snap_fn_reset(fn);
    fn->stopped = false;
    fn->resets++;
    if (fn->pf->trace) {
        fprintf(stderr, "snap: function %x: reset\n", PCI_DEVICE(fn)->devfn);
    }
}

static void config_write(PCIDevice *dev, uint32_t addr, uint32_t value,
                         int len)
{
    pci_default_write_config(dev, addr, value, len);
    pcie_cap_flr_write_config(dev, addr, value, len);
}

/* -- making and unmaking ---------------------------------------------------------- */

/* A capability that says where in a BAR a structure of virtio's is */
static bool add_structure(PCIDevice *dev, uint8_t type, uint32_t at,
                          uint32_t bytes, Error **errp)
{
    uint8_t size = type == SNAP_CAP_NOTIFY ? 20 : 16;
    int cap = pci_add_capability(dev, PCI_CAP_ID_VNDR, 0, size, errp);
    uint8_t *config = dev->config + cap;

    if (cap < 0) {
        return false;
    }
    memset(config + 2, 0, size - 2);
    config[2] = size;
    config[3] = type;
    config[4] = SNAP_BAR;
    stl_le_p(config + 8, at);
    stl_le_p(config + 12, bytes);
    if (type == SNAP_CAP_NOTIFY) {
        stl_le_p(config + 16, SNAP_NOTIFY_MULTIPLIER);
    }
    return true;
}

static bool add_structures(PCIDevice *dev, Error **errp)
{
    return add_structure(dev, SNAP_CAP_COMMON, SNAP_AT_COMMON,
                         SNAP_COMMON_BYTES, errp) &&
           add_structure(dev, SNAP_CAP_ISR, SNAP_AT_ISR, 4, errp) &&
           add_structure(dev, SNAP_CAP_DEVICE, SNAP_AT_DEVICE,
                         SNAP_DEVICE_BYTES, errp) &&
           add_structure(dev, SNAP_CAP_NOTIFY, SNAP_AT_NOTIFY,
                         SNAP_NOTIFY_MULTIPLIER * (SNAP_MAX_QUEUES + 1), errp);
}

static bool add_bars(SnapFn *fn, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(fn);
    /* Configuration, each queue of requests, and the PF's of commands */
    int vectors = fn->queues + 1 + snap_is_pf(fn);

    memory_region_init_io(&fn->bar, OBJECT(fn), &snap_reg_ops, fn, "snap",
                          SNAP_BAR_BYTES);
    pci_register_bar(dev, SNAP_BAR, BAR_TYPE, &fn->bar);
    memory_region_init(&fn->msix, OBJECT(fn), "snap-msix", MSIX_BYTES);
    pci_register_bar(dev, SNAP_BAR_MSIX, BAR_TYPE, &fn->msix);
    if (msix_init(dev, vectors, &fn->msix, SNAP_BAR_MSIX, 0, &fn->msix,
                  SNAP_BAR_MSIX, MSIX_PBA, 0, errp) < 0) {
        return false;
    }
    for (int i = 0; i < vectors; i++) {
        msix_vector_use(dev, i);
    }
    return true;
}

uint64_t snap_features(const SnapFn *fn)
{
    uint64_t f = SNAP_F_BLK_SIZE_MAX | SNAP_F_BLK_SEG_MAX |
                 SNAP_F_BLK_BLK_SIZE | SNAP_F_BLK_FLUSH |
                 SNAP_F_INDIRECT_DESC | SNAP_F_EVENT_IDX | SNAP_F_VERSION_1;

    if (fn->pf->bug != SNAP_BUG_NO_PLATFORM) {
        f |= SNAP_F_ACCESS_PLATFORM;
    }
    if (fn->queues > 1) {
        f |= SNAP_F_BLK_MQ;
    }
    return snap_is_pf(fn) ? f | SNAP_F_SR_IOV | SNAP_F_ADMIN_VQ : f;
}

/* What PF and VFs have in common */
bool snap_fn_realize(SnapFn *fn, SnapPF *pf, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(fn);

    fn->pf = pf;
    fn->queues = pf->queues;
    fn->offered = snap_features(fn);
    QTAILQ_INIT(&fn->flying);
    pci_config_set_revision(dev->config, 1);
    stw_le_p(dev->config + PCI_SUBSYSTEM_VENDOR_ID, SNAP_VENDOR_ID);
    stw_le_p(dev->config + PCI_SUBSYSTEM_ID, SUBSYSTEM_ID);
    if (!add_bars(fn, errp)) {
        return false;
    }
    if (!add_structures(dev, errp)) {
        goto no_msix;
    }
    if (pcie_endpoint_cap_init(dev, 0) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        goto no_msix;
    }
    pcie_cap_flr_init(dev);
    pcie_ari_init(dev, CAP_ARI);
    timer_init_ns(&fn->timer, QEMU_CLOCK_VIRTUAL, snap_io_timer, fn);
    fn->bh = qemu_bh_new_guarded(snap_io_bh, fn,
                                 &DEVICE(dev)->mem_reentrancy_guard);
    snap_fn_reset(fn);
    return true;

no_msix:
    msix_unuse_all_vectors(dev);
    msix_uninit(dev, &fn->msix, &fn->msix);
    return false;
}

void snap_fn_exit(PCIDevice *dev)
{
    SnapFn *fn = SNAP_FN(dev);

    snap_io_drop(fn);
    qemu_bh_delete(fn->bh);
    pcie_cap_exit(dev);
    msix_unuse_all_vectors(dev);
    msix_uninit(dev, &fn->msix, &fn->msix);
    g_free(fn->ballast);
    fn->ballast = NULL;
}

static void vf_realize(PCIDevice *dev, Error **errp)
{
    SnapFn *fn = SNAP_FN(dev);
    SnapPF *pf = SNAP_PF(pcie_sriov_get_pf(dev));

    fn->ballast = g_malloc0(pf->ballast + 1);
    if (!snap_fn_realize(fn, pf, errp)) {
        g_free(fn->ballast);
        fn->ballast = NULL;
    }
}

static bool add_sriov(PCIDevice *dev, Error **errp)
{
    SnapPF *pf = SNAP_PF(dev);

    if (!pcie_sriov_pf_init(dev, CAP_SRIOV, TYPE_SNAP_VF, SNAP_DEVICE_ID,
                            pf->total_vfs, pf->total_vfs, 1, 1, errp)) {
        return false;
    }
    pcie_sriov_pf_init_vf_bar(dev, SNAP_BAR, BAR_TYPE, SNAP_BAR_BYTES);
    pcie_sriov_pf_init_vf_bar(dev, SNAP_BAR_MSIX, BAR_TYPE, MSIX_BYTES);
    return true;
}

/* The VFs are made by the last step, and take from the PF what they need */
static void pf_realize(PCIDevice *dev, Error **errp)
{
    SnapPF *pf = SNAP_PF(dev);

    QTAILQ_INIT(&pf->answers);
    timer_init_ns(&pf->answer_timer, QEMU_CLOCK_VIRTUAL, snap_admin_timer, pf);
    if (!snap_pf_check(pf, errp) || !snap_volume_open(pf, errp)) {
        return;
    }
    if (!snap_fn_realize(&pf->fn, pf, errp)) {
        snap_volume_close(pf);
        return;
    }
    if (!add_sriov(dev, errp)) {
        snap_fn_exit(dev);
        snap_volume_close(pf);
    }
}

static void pf_exit(PCIDevice *dev)
{
    SnapPF *pf = SNAP_PF(dev);

    pcie_sriov_pf_exit(dev);
    snap_admin_reset(pf);
    snap_fn_exit(dev);
    snap_volume_close(pf);
}

static const VMStateDescription fn_vmstate = {
    .name = TYPE_SNAP_FN,
    .unmigratable = 1,
};

static void fn_class_init(ObjectClass *class, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);
    ResettableClass *rc = RESETTABLE_CLASS(class);

    pc->config_write = config_write;
    pc->vendor_id = SNAP_VENDOR_ID;
    pc->device_id = SNAP_DEVICE_ID;
    pc->class_id = PCI_CLASS_STORAGE_SCSI;
    rc->phases.hold = reset_hold;
    dc->vmsd = &fn_vmstate;
    set_bit(DEVICE_CATEGORY_STORAGE, dc->categories);
}

static void vf_class_init(ObjectClass *class, void *data)
{
    DEVICE_CLASS(class)->desc = "VF of the SNAP model: virtio-blk";
    DEVICE_CLASS(class)->user_creatable = false;
    PCI_DEVICE_CLASS(class)->realize = vf_realize;
    PCI_DEVICE_CLASS(class)->exit = snap_fn_exit;
}

static void pf_class_init(ObjectClass *class, void *data)
{
    PCI_DEVICE_CLASS(class)->realize = pf_realize;
    PCI_DEVICE_CLASS(class)->exit = pf_exit;
    snap_pf_class_init(class);
}

static const TypeInfo snap_types[] = {
    {
        .name = TYPE_SNAP_FN,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(SnapFn),
        .abstract = true,
        .class_init = fn_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { },
        },
    },
    {
        .name = TYPE_SNAP_PF,
        .parent = TYPE_SNAP_FN,
        .instance_size = sizeof(SnapPF),
        .class_init = pf_class_init,
    },
    {
        .name = TYPE_SNAP_VF,
        .parent = TYPE_SNAP_FN,
        .class_init = vf_class_init,
    },
};

DEFINE_TYPES(snap_types)
