/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference device: the PF as a PCI function, its registers and resets. */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "refdev.h"

#define PF_BAR          0
#define PF_BAR_MSIX     4
#define PF_BAR_BYTES    (16 * KiB)
#define MSIX_BYTES      (4 * KiB)
#define MSIX_PBA        0x800
#define PF_VECTORS      2

#define CAP_MSIX        0x70
#define CAP_EXPRESS     0xa0
#define CAP_ARI         0x100
#define CAP_SRIOV       0x120   /* nothing right behind: its reset writes on */

#define VF_BAR_BYTES    (16 * KiB)
#define VF_OFFSET       1
#define VF_STRIDE       1

bool refdev_dma(PCIDevice *dev, uint64_t address, void *data, uint64_t bytes,
                DMADirection dir)
{
    /* "memory": an access that is not to RAM is an error, so that DMA never
     * ends in a register of this device or of its bridge */
    const MemTxAttrs attrs = {
        .requester_id = pci_requester_id(dev),
        .memory = 1,
    };

    return pci_dma_rw(dev, address, data, bytes, dir, attrs) == MEMTX_OK;
}

RefdevVF *refdev_pf_vf(RefdevPF *pf, uint16_t function)
{
    PCIDevice *vf = pcie_sriov_get_vf_at_index(PCI_DEVICE(pf), function);

    return vf ? REFDEV_VF(vf) : NULL;
}

/* -- the queues' switch -------------------------------------------------- */

static bool ring_valid(const RefdevRing *ring)
{
    return !(ring->base & 0xfff) &&
           ring->log >= RD_RING_LOG_MIN && ring->log <= RD_RING_LOG_MAX;
}

static void queues_on(RefdevPF *pf)
{
    if (pf->status & (RD_STATUS_ENABLED | RD_STATUS_FATAL)) {
        return;
    }
    if (!ring_valid(&pf->cmdq) || !ring_valid(&pf->cplq) ||
        !ring_valid(&pf->evtq)) {
        refdev_fatal(pf, RD_FATAL_RING_SETUP);
        return;
    }
    pf->cmdq.head = pf->cmdq.tail = 0;
    pf->cplq.head = pf->cplq.tail = 0;
    pf->evtq.head = pf->evtq.tail = 0;
    pf->events_dropped = 0;
    pf->status |= RD_STATUS_ENABLED;
}

void refdev_pf_queues_off(RefdevPF *pf)
{
    pf->status &= ~RD_STATUS_ENABLED;
    qemu_bh_cancel(pf->bh);
    refdev_cmd_drop_all(pf);
}

static void control_write(RefdevPF *pf, uint32_t value)
{
    pf->control = value & RD_CONTROL_ENABLE;
    if (pf->control & RD_CONTROL_ENABLE) {
        queues_on(pf);
    } else {
        refdev_pf_queues_off(pf);
    }
}

/* -- registers ----------------------------------------------------------- */

static RefdevRing *ring_at(RefdevPF *pf, hwaddr offset)
{
    switch (offset & ~0xfull) {
    case RD_CMDQ_BASE:
        return &pf->cmdq;
    case RD_CPLQ_BASE:
        return &pf->cplq;
    case RD_EVTQ_BASE:
        return &pf->evtq;
    default:
        return NULL;
    }
}

static uint32_t ring_read(RefdevPF *pf, RefdevRing *ring, hwaddr reg)
{
    switch (reg) {
    case 0x0:
        return extract64(ring->base, 0, 32);
    case 0x4:
        return extract64(ring->base, 32, 32);
    case 0x8:
        return ring->log;
    default:
        return ring == &pf->cmdq ? ring->tail : ring->head;
    }
}

/* The driver has consumed up to there. Nonsense is ignored. */
static void consumer_write(RefdevPF *pf, RefdevRing *ring, uint32_t value)
{
    if (value - ring->head > ring->tail - ring->head) {
        return;
    }
    ring->head = value;
    if (ring == &pf->cplq) {
        qemu_bh_schedule(pf->bh);
    }
}

static void index_write(RefdevPF *pf, RefdevRing *ring, uint32_t value)
{
    if (!(pf->status & RD_STATUS_ENABLED)) {
        return;
    }
    if (ring == &pf->cmdq) {
        ring->tail = value;
        refdev_cmd_doorbell(pf);
    } else {
        consumer_write(pf, ring, value);
    }
}

static void ring_write(RefdevPF *pf, RefdevRing *ring, hwaddr reg,
                       uint32_t value)
{
    if (reg == 0xc) {
        index_write(pf, ring, value);
        return;
    }
    if (pf->status & RD_STATUS_ENABLED) {
        return;
    }
    switch (reg) {
    case 0x0:
        ring->base = deposit64(ring->base, 0, 32, value);
        break;
    case 0x4:
        ring->base = deposit64(ring->base, 32, 32, value);
        break;
    case 0x8:
        ring->log = value;
        break;
    }
}

static uint64_t pf_read(void *opaque, hwaddr offset, unsigned size)
{
    RefdevPF *pf = opaque;
    RefdevRing *ring = ring_at(pf, offset);

    if (ring) {
        return ring_read(pf, ring, offset & 0xf);
    }
    switch (offset) {
    case RD_MAGIC:
        return RD_MAGIC_VALUE;
    case RD_VERSION:
        return RD_VERSION_VALUE;
    case RD_STATUS:
        return pf->status;
    case RD_CONTROL:
        return pf->control;
    case RD_FATAL_CODE:
        return pf->fatal_code;
    default:
        return 0;
    }
}

static void pf_write(void *opaque, hwaddr offset, uint64_t value,
                     unsigned size)
{
    RefdevPF *pf = opaque;
    RefdevRing *ring = ring_at(pf, offset);

    if (ring) {
        ring_write(pf, ring, offset & 0xf, value);
    } else if (offset == RD_CONTROL) {
        control_write(pf, value);
    }
}

static const MemoryRegionOps pf_ops = {
    .read = pf_read,
    .write = pf_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

/* -- resets -------------------------------------------------------------- */

/* PF FLR and all other resets alike. VF Enable is cleared by the PCI core
 * after this, which resets, and thereby disables, every VF. */
static void pf_reset_hold(Object *obj, ResetType type)
{
    RefdevPF *pf = REFDEV(obj);

    refdev_pf_queues_off(pf);
    memset(&pf->cmdq, 0, sizeof(pf->cmdq));
    memset(&pf->cplq, 0, sizeof(pf->cplq));
    memset(&pf->evtq, 0, sizeof(pf->evtq));
    memset(pf->faults, 0, sizeof(pf->faults));
    pf->events_dropped = 0;
    pf->bandwidth_free = 0;
    pf->control = 0;
    pf->fatal_code = 0;
    pf->status = RD_STATUS_READY;
}

static void pf_config_write(PCIDevice *dev, uint32_t addr, uint32_t value,
                            int len)
{
    pci_default_write_config(dev, addr, value, len);
    pcie_cap_flr_write_config(dev, addr, value, len);
}

/* -- properties ---------------------------------------------------------- */

static bool parse_latency(RefdevPF *pf, const char *item, Error **errp)
{
    g_auto(GStrv) pair = g_strsplit(item, "=", 2);
    uint64_t ns;

    if (!pair[0] || !pair[1] || qemu_strtou64(pair[1], NULL, 0, &ns) < 0) {
        error_setg(errp, "latencies: '%s' is not name=nanoseconds", item);
        return false;
    }
    for (int op = 0; op < REFDEV_OPCODES; op++) {
        if (refdev_fw_known(pf, op) && !strcmp(refdev_fw_name(op), pair[0])) {
            pf->latency[op] = ns;
            return true;
        }
    }
    error_setg(errp, "latencies: no command '%s'", pair[0]);
    return false;
}

static bool parse_latencies(RefdevPF *pf, Error **errp)
{
    g_auto(GStrv) items = g_strsplit(pf->latencies ?: "", ",", -1);

    for (int op = 0; op < REFDEV_OPCODES; op++) {
        pf->latency[op] = pf->latency_ns;
    }
    for (int i = 0; items[i]; i++) {
        if (*items[i] && !parse_latency(pf, items[i], errp)) {
            return false;
        }
    }
    return true;
}

static bool plant_bug(RefdevPF *pf, const char *name, Error **errp)
{
    static const char *const bugs[] = {
        [REFDEV_BUG_NONE] = "",
        [REFDEV_BUG_DMA_AFTER_SUSPEND] = "dma-after-suspend",
        [REFDEV_BUG_LOSE_PAGE] = "lose-page",
        [REFDEV_BUG_LOSE_WRITE] = "lose-write",
        [REFDEV_BUG_STALE_DIGEST] = "stale-digest",
        [REFDEV_BUG_STALE_DELTA] = "stale-delta",
    };

    for (int i = 0; i < ARRAY_SIZE(bugs); i++) {
        if (!strcmp(name, bugs[i])) {
            pf->bug = i;
            return true;
        }
    }
    error_setg(errp, "x-bug: no bug '%s'", name);
    return false;
}

/* Another bug than x-bug, or "" for none, while the machine runs */
static void pf_plant(Object *obj, const char *name, Error **errp)
{
    plant_bug(REFDEV(obj), name, errp);
}

/* Smallest page of the tracker, while the machine runs: for the next IDENTIFY */
static void pf_tracker_page(Object *obj, const char *bytes, Error **errp)
{
    uint64_t page = 0;

    if (qemu_strtosz(bytes, NULL, &page) || !is_power_of_2(page) ||
        ctz64(page) < RD_PAGE_LOG_MIN || ctz64(page) > RD_PAGE_LOG_MAX) {
        error_setg(errp, "tracker-page must be a power of 2, 4 KiB to 1 GiB");
        return;
    }
    REFDEV(obj)->tracker_log = ctz64(page);
}

/* "silent": from now on VFs do not come out of an FLR; "": they do, and those that have not, too */
static void pf_vf_reset(Object *obj, const char *how, Error **errp)
{
    RefdevPF *pf = REFDEV(obj);

    if (*how && strcmp(how, "silent")) {
        error_setg(errp, "vf-reset must be silent or empty");
        return;
    }
    pf->vf_reset_silent = *how;
    for (unsigned i = 0; !*how && i < pf->total_vfs; i++) {
        RefdevVF *vf = refdev_pf_vf(pf, i);

        if (vf) {
            refdev_vf_answer(vf);
        }
    }
}

static bool parse_vf_ctrl(RefdevPF *pf, Error **errp)
{
    if (!pf->vf_ctrl || !*pf->vf_ctrl) {
        return true;
    }
    pf->vf_control = refdev_control_kind(pf->vf_ctrl);
    /* The window is no place for extents */
    pf->precopy = false;
    if (!pf->vf_control) {
        error_setg(errp, "vf-ctrl: '%s' is neither bar nor part",
                   pf->vf_ctrl);
    }
    return pf->vf_control;
}

static bool check_properties(RefdevPF *pf, Error **errp)
{
    if (pf->total_vfs < 1 || pf->total_vfs > 255) {
        error_setg(errp, "total-vfs must be 1 to 255");
        return false;
    }
    if (pf->context_size < 4 * KiB || pf->context_size > GiB ||
        pf->context_size % (4 * KiB)) {
        error_setg(errp,
                   "context-size must be 4 KiB to 1 GiB in steps of 4 KiB");
        return false;
    }
    return parse_vf_ctrl(pf, errp) && parse_latencies(pf, errp) &&
           plant_bug(pf, pf->x_bug ?: "", errp);
}

/* -- making and unmaking ------------------------------------------------- */

static bool add_msix(PCIDevice *dev, Error **errp)
{
    RefdevPF *pf = REFDEV(dev);

    memory_region_init(&pf->msix, OBJECT(pf), "refdev-msix", MSIX_BYTES);
    pci_register_bar(dev, PF_BAR_MSIX, REFDEV_BAR_TYPE, &pf->msix);
    if (msix_init(dev, PF_VECTORS, &pf->msix, PF_BAR_MSIX, 0, &pf->msix,
                  PF_BAR_MSIX, MSIX_PBA, CAP_MSIX, errp) < 0) {
        return false;
    }
    for (int i = 0; i < PF_VECTORS; i++) {
        msix_vector_use(dev, i);
    }
    return true;
}

static bool add_sriov(PCIDevice *dev, Error **errp)
{
    RefdevPF *pf = REFDEV(dev);

    if (!pcie_sriov_pf_init(dev, CAP_SRIOV, TYPE_REFDEV_VF, RD_VF_DEVICE_ID,
                            pf->total_vfs, pf->total_vfs, VF_OFFSET,
                            VF_STRIDE, errp)) {
        return false;
    }
    pcie_sriov_pf_init_vf_bar(dev, 0, REFDEV_BAR_TYPE, VF_BAR_BYTES);
    pcie_sriov_pf_init_vf_bar(dev, 2, REFDEV_BAR_TYPE, MSIX_BYTES);
    if (pf->vf_control && !pf->vf_control->offset) {
        pcie_sriov_pf_init_vf_bar(dev, pf->vf_control->bar, REFDEV_BAR_TYPE,
                                  pf->vf_control->bytes);
    }
    return true;
}

static void pf_realize(PCIDevice *dev, Error **errp)
{
    RefdevPF *pf = REFDEV(dev);

    if (!check_properties(pf, errp)) {
        return;
    }
    QTAILQ_INIT(&pf->cmds);
    QTAILQ_INIT(&pf->done);
    pf->status = RD_STATUS_READY;

    memory_region_init_io(&pf->bar, OBJECT(pf), &pf_ops, pf, "refdev",
                          PF_BAR_BYTES);
    pci_register_bar(dev, PF_BAR, REFDEV_BAR_TYPE, &pf->bar);
    if (!add_msix(dev, errp)) {
        return;
    }
    if (pcie_endpoint_cap_init(dev, CAP_EXPRESS) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        goto no_express;
    }
    pcie_cap_flr_init(dev);
    pcie_ari_init(dev, CAP_ARI);
    pf->bh = qemu_bh_new_guarded(refdev_cmd_bh, pf,
                                       &DEVICE(dev)->mem_reentrancy_guard);
    if (add_sriov(dev, errp)) {
        return;
    }
    qemu_bh_delete(pf->bh);
    pcie_cap_exit(dev);
no_express:
    msix_unuse_all_vectors(dev);
    msix_uninit(dev, &pf->msix, &pf->msix);
}

static void pf_exit(PCIDevice *dev)
{
    RefdevPF *pf = REFDEV(dev);

    refdev_pf_queues_off(pf);
    pcie_sriov_pf_exit(dev);
    qemu_bh_delete(pf->bh);
    pcie_cap_exit(dev);
    msix_unuse_all_vectors(dev);
    msix_uninit(dev, &pf->msix, &pf->msix);
}

static const Property pf_properties[] = {
    DEFINE_PROP_UINT32("total-vfs", RefdevPF, total_vfs, 8),
    DEFINE_PROP_SIZE("context-size", RefdevPF, context_size, MiB),
    DEFINE_PROP_UINT32("fw-version", RefdevPF, fw_version, 0x010000),
    DEFINE_PROP_STRING("fw-name", RefdevPF, fw_name),
    DEFINE_PROP_UINT32("compat", RefdevPF, compat, 1),
    DEFINE_PROP_UINT64("latency-ns", RefdevPF, latency_ns, 0),
    DEFINE_PROP_STRING("latencies", RefdevPF, latencies),
    DEFINE_PROP_SIZE("state-bandwidth", RefdevPF, state_bandwidth, 0),
    DEFINE_PROP_UINT64("copy-ns", RefdevPF, copy_ns, 1000),
    DEFINE_PROP_UINT64("tracker-pages", RefdevPF, tracker_pages, RD_MAX_PAGES),
    DEFINE_PROP_BOOL("pre-copy", RefdevPF, precopy, true),
    DEFINE_PROP_BOOL("configure", RefdevPF, configure, true),
    DEFINE_PROP_STRING("vf-ctrl", RefdevPF, vf_ctrl),
    DEFINE_PROP_STRING("x-bug", RefdevPF, x_bug),
};

static const VMStateDescription pf_vmstate = {
    .name = TYPE_REFDEV,
    .unmigratable = 1,
};

static void pf_class_init(ObjectClass *class, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);
    ResettableClass *rc = RESETTABLE_CLASS(class);

    pc->realize = pf_realize;
    pc->exit = pf_exit;
    pc->config_write = pf_config_write;
    pc->vendor_id = RD_VENDOR_ID;
    pc->device_id = RD_PF_DEVICE_ID;
    pc->class_id = PCI_CLASS_SYSTEM_OTHER;
    rc->phases.hold = pf_reset_hold;
    dc->desc = "mdev-pci reference device";
    dc->vmsd = &pf_vmstate;
    device_class_set_props(dc, pf_properties);
    object_class_property_add_str(class, "plant", NULL, pf_plant);
    object_class_property_add_str(class, "tracker-page", NULL, pf_tracker_page);
    object_class_property_add_str(class, "vf-reset", NULL, pf_vf_reset);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo pf_info = {
    .name = TYPE_REFDEV,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(RefdevPF),
    .class_init = pf_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { },
    },
};

static void pf_register(void)
{
    type_register_static(&pf_info);
}

type_init(pf_register)
