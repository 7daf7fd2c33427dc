/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ConnectX: PF and VFs as PCI functions; properties. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "cx.h"

#define BAR_TYPE    (PCI_BASE_ADDRESS_SPACE_MEMORY | \
                     PCI_BASE_ADDRESS_MEM_TYPE_64 | \
                     PCI_BASE_ADDRESS_MEM_PREFETCH)
#define MSIX_BAR    2
#define MSIX_BYTES  (4 * KiB)
#define MSIX_PBA    0x800
#define CAP_EXPRESS 0x60
#define CAP_MSIX    0x9c
#define CAP_ARI     0x100
#define CAP_SRIOV   0x180
#define VENDOR      0x15b3
#define PF_DEVICE   0x1021
#define VF_DEVICE   0x101e
#define PF_VECTORS  8
#define VF_VECTORS  4
#define MAX_PAD     (512 * MiB)

CxVhca *cx_function(CxPF *pf, uint16_t id)
{
    if (!id) {
        return &pf->vhca;
    }
    return id <= pf->total_vfs ? pf->vf[id - 1] : NULL;
}

bool cx_bug(const CxVhca *v, const char *name)
{
    return v->pf->x_bug && !strcmp(v->pf->x_bug, name);
}

/* The one place where a function's DMA is issued */
bool cx_dma(CxVhca *v, uint64_t addr, void *data, uint64_t len, bool write)
{
    const MemTxAttrs attrs = {
        .requester_id = pci_requester_id(v->dev),
        .memory = 1,
    };

    if (v->level == CX_STOPPED) {
        v->bad_dma++;
    }
    if (write) {
        cx_tracker_wrote(v, addr, len);
    }
    return pci_dma_rw(v->dev, addr, data, len,
                      write ? DMA_DIRECTION_FROM_DEVICE :
                      DMA_DIRECTION_TO_DEVICE, attrs) == MEMTX_OK;
}

static void retry(void *opaque)
{
    cx_rc_run(opaque);
}

static void config_write(PCIDevice *dev, uint32_t addr, uint32_t value, int len)
{
    pci_default_write_config(dev, addr, value, len);
    pcie_cap_flr_write_config(dev, addr, value, len);
}

static void vhca_free(CxVhca *v)
{
    cx_commands_drop(v);
    cx_forget(v);
    cx_state_free(&v->s);
    if (v->tracker) {
        cx_tracker_free(v->tracker);
    }
    cx_migration_reset(v);
    g_byte_array_unref(v->save.out);
    g_byte_array_unref(v->load.in);
    g_free(v->pad_dirty);
    g_array_unref(v->pages);
    timer_free(v->retry);
    qemu_bh_delete(v->bh);
}

static void vhca_init(CxVhca *v, PCIDevice *dev, CxPF *pf, uint16_t id)
{
    v->dev = dev;
    v->pf = pf;
    v->id = id;
    v->enabled = !id;
    QTAILQ_INIT(&v->waiting);
    v->pages = g_array_new(false, false, sizeof(uint64_t));
    v->save.out = g_byte_array_new();
    v->load.in = g_byte_array_new();
    v->pad_dirty = bitmap_new(MAX(1, pf->pad_state / CX_PAD_BLOCK));
    v->retry = timer_new_ns(QEMU_CLOCK_VIRTUAL, retry, v);
    v->bh = qemu_bh_new_guarded(cx_command_bh, v,
                                &DEVICE(dev)->mem_reentrancy_guard);
    cx_state_init(&v->s, v);
}

static bool vhca_add_capabilities(CxVhca *v, uint64_t bar, unsigned vectors,
                                  Error **errp)
{
    PCIDevice *dev = v->dev;

    cx_bar_init(v, bar);
    pci_register_bar(dev, 0, BAR_TYPE, &v->bar);
    memory_region_init(&v->msix, OBJECT(dev), "connectx-msix", MSIX_BYTES);
    pci_register_bar(dev, MSIX_BAR, BAR_TYPE, &v->msix);
    if (msix_init(dev, vectors, &v->msix, MSIX_BAR, 0, &v->msix, MSIX_BAR,
                  MSIX_PBA, CAP_MSIX, errp) < 0) {
        return false;
    }
    for (unsigned i = 0; i < vectors; i++) {
        msix_vector_use(dev, i);
    }
    if (pcie_endpoint_cap_init(dev, CAP_EXPRESS) < 0) {
        error_setg(errp, "no room for the PCI Express capability");
        msix_unuse_all_vectors(dev);
        msix_uninit(dev, &v->msix, &v->msix);
        return false;
    }
    pcie_cap_flr_init(dev);
    pcie_ari_init(dev, CAP_ARI);
    return true;
}

static void vhca_remove_capabilities(CxVhca *v)
{
    pcie_cap_exit(v->dev);
    msix_unuse_all_vectors(v->dev);
    msix_uninit(v->dev, &v->msix, &v->msix);
}

/* -- PF ------------------------------------------------------------------------ */

static bool properties_valid(CxPF *pf, Error **errp)
{
    static const char *const bugs[] = {
        "lose-arm", "lose-producer", "lose-pd", "stale-delta", "lose-dirty",
        NULL,
    };

    if (!pf->total_vfs || pf->total_vfs > CX_MAX_VFS) {
        error_setg(errp, "total-vfs must be 1 to %u", CX_MAX_VFS);
        return false;
    }
    if (pf->pad_state % CX_PAD_BLOCK || pf->pad_state > MAX_PAD) {
        error_setg(errp, "pad-state must be a multiple of 64K, at most 512M");
        return false;
    }
    if (pf->chunk && (pf->chunk < 4096 || pf->chunk % 4096)) {
        error_setg(errp, "chunk must be 0 or a multiple of 4096");
        return false;
    }
    if (pf->command_ms > 60000) {
        error_setg(errp, "command-ms must be at most 60000");
        return false;
    }
    if (pf->psid && strlen(pf->psid) > 16) {
        error_setg(errp, "psid must have at most 16 characters");
        return false;
    }
    if (pf->x_bug && !g_strv_contains(bugs, pf->x_bug)) {
        error_setg(errp, "x-bug: there is no '%s'", pf->x_bug);
        return false;
    }
    return true;
}

static void pf_realize(PCIDevice *dev, Error **errp)
{
    CxPF *pf = CX_PF(dev);

    if (!properties_valid(pf, errp)) {
        return;
    }
    if (pf->ethernet) {
        pci_config_set_class(dev->config, PCI_CLASS_NETWORK_ETHERNET);
    }
    vhca_init(&pf->vhca, dev, pf, 0);
    if (!vhca_add_capabilities(&pf->vhca, CX_PF_BAR, PF_VECTORS, errp)) {
        vhca_free(&pf->vhca);
        return;
    }
    if (!pcie_sriov_pf_init(dev, CAP_SRIOV, TYPE_CX_VF, VF_DEVICE,
                            pf->total_vfs, pf->total_vfs, 1, 1, errp)) {
        vhca_remove_capabilities(&pf->vhca);
        vhca_free(&pf->vhca);
        return;
    }
    pcie_sriov_pf_init_vf_bar(dev, 0, BAR_TYPE, CX_VF_BAR);
    pcie_sriov_pf_init_vf_bar(dev, MSIX_BAR, BAR_TYPE, MSIX_BYTES);
}

static void pf_exit(PCIDevice *dev)
{
    CxPF *pf = CX_PF(dev);

    cx_forget(&pf->vhca);
    pcie_sriov_pf_exit(dev);
    vhca_remove_capabilities(&pf->vhca);
    vhca_free(&pf->vhca);
}

static void pf_reset_hold(Object *obj, ResetType type)
{
    CxPF *pf = CX_PF(obj);

    cx_reset(&pf->vhca);
    g_array_set_size(pf->vhca.pages, 0);
    for (unsigned i = 0; i < pf->total_vfs; i++) {
        if (pf->vf[i]) {
            pf->vf[i]->enabled = false;
            cx_reset(pf->vf[i]);
            g_array_set_size(pf->vf[i]->pages, 0);
        }
    }
}

/* -- VFs ------------------------------------------------------------------------ */

static void vf_realize(PCIDevice *dev, Error **errp)
{
    CxVF *vf = CX_VF(dev);
    CxPF *pf = CX_PF(pcie_sriov_get_pf(dev));
    uint16_t n = pcie_sriov_vf_number(dev);

    if (n >= CX_MAX_VFS) {
        error_setg(errp, "there are only %u VFs", CX_MAX_VFS);
        return;
    }
    if (pf->ethernet) {
        pci_config_set_class(dev->config, PCI_CLASS_NETWORK_ETHERNET);
    }
    vhca_init(&vf->vhca, dev, pf, n + 1);
    if (!vhca_add_capabilities(&vf->vhca, CX_VF_BAR, VF_VECTORS, errp)) {
        vhca_free(&vf->vhca);
        return;
    }
    pf->vf[n] = &vf->vhca;
}

static void vf_exit(PCIDevice *dev)
{
    CxVF *vf = CX_VF(dev);

    vf->vhca.pf->vf[vf->vhca.id - 1] = NULL;
    vhca_remove_capabilities(&vf->vhca);
    vhca_free(&vf->vhca);
}

/* An FLR; or VF Enable was set or cleared; or the machine is reset */
static void vf_reset_hold(Object *obj, ResetType type)
{
    CxVF *vf = CX_VF(obj);

    if (vf->vhca.pf) {
        cx_reset(&vf->vhca);
    }
}

/* -- properties -------------------------------------------------------------------- */

static void describe(GString *text, CxVhca *v)
{
    static const char *const levels[] = { "running", "p2p", "stopped" };

    g_string_append_printf(text, "function=%u enabled=%u level=%s pages=%u "
                           "commands=%" PRIu64 " events=%" PRIu64
                           " lost_events=%" PRIu64 " bad_dma=%" PRIu64
                           " resets=%" PRIu64 " tracking=%u tracker=%u "
                           "mkeys=%u lid=%u\n",
                           v->id, v->enabled, levels[v->level], v->pages->len,
                           v->s.commands, v->events, v->lost_events,
                           v->bad_dma, v->resets, v->save.tracking,
                           v->tracker != NULL, g_hash_table_size(v->s.mkeys),
                           v->s.lid);
}

/* For tests: a line for each function */
static char *state_property(Object *obj, Error **errp)
{
    CxPF *pf = CX_PF(obj);
    GString *text = g_string_new("");

    for (unsigned id = 0; id <= pf->total_vfs; id++) {
        CxVhca *v = cx_function(pf, id);

        if (v && v->pf) {
            describe(text, v);
        }
    }
    return g_string_free(text, false);
}

static void pf_instance_init(Object *obj)
{
    CxPF *pf = CX_PF(obj);

    object_property_add_str(obj, "inject", NULL, cx_fault_property);
    object_property_add_str(obj, "functions", state_property, NULL);
    object_property_add_uint64_ptr(obj, "not-migratable", &pf->not_migratable,
                                   OBJ_PROP_FLAG_READWRITE);
}

static const Property pf_properties[] = {
    DEFINE_PROP_UINT32("total-vfs", CxPF, total_vfs, 8),
    DEFINE_PROP_UINT32("vf-pages", CxPF, vf_pages, 6),
    DEFINE_PROP_UINT32("chunk", CxPF, chunk, 0),
    DEFINE_PROP_UINT32("command-ms", CxPF, command_ms, 0),
    DEFINE_PROP_UINT32("fw-subminor", CxPF, fw_subminor, 2006),
    DEFINE_PROP_SIZE("pad-state", CxPF, pad_state, 2 * MiB),
    DEFINE_PROP_SIZE("state-bandwidth", CxPF, state_bandwidth, 0),
    DEFINE_PROP_BOOL("tracker", CxPF, tracker, true),
    DEFINE_PROP_BOOL("migration", CxPF, migration, true),
    DEFINE_PROP_BOOL("pre-copy", CxPF, precopy, true),
    DEFINE_PROP_BOOL("ethernet", CxPF, ethernet, false),
    DEFINE_PROP_BOOL("verbose", CxPF, verbose, false),
    DEFINE_PROP_STRING("psid", CxPF, psid),
    DEFINE_PROP_STRING("x-bug", CxPF, x_bug),
};

static const VMStateDescription pf_vmstate = {
    .name = TYPE_CX_PF,
    .unmigratable = 1,
};

static const VMStateDescription vf_vmstate = {
    .name = TYPE_CX_VF,
    .unmigratable = 1,
};

static void class_common(ObjectClass *class, uint16_t device)
{
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);

    pc->config_write = config_write;
    pc->vendor_id = VENDOR;
    pc->device_id = device;
    pc->class_id = 0x0207;          /* InfiniBand */
    set_bit(DEVICE_CATEGORY_NETWORK, DEVICE_CLASS(class)->categories);
}

static void pf_class_init(ObjectClass *class, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);

    class_common(class, PF_DEVICE);
    PCI_DEVICE_CLASS(class)->realize = pf_realize;
    PCI_DEVICE_CLASS(class)->exit = pf_exit;
    RESETTABLE_CLASS(class)->phases.hold = pf_reset_hold;
    dc->desc = "ConnectX with SR-IOV, for mdev-pci's tests";
    dc->vmsd = &pf_vmstate;
    device_class_set_props(dc, pf_properties);
}

static void vf_class_init(ObjectClass *class, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);

    class_common(class, VF_DEVICE);
    PCI_DEVICE_CLASS(class)->realize = vf_realize;
    PCI_DEVICE_CLASS(class)->exit = vf_exit;
    RESETTABLE_CLASS(class)->phases.hold = vf_reset_hold;
    dc->desc = "VF of a ConnectX";
    dc->vmsd = &vf_vmstate;
    dc->user_creatable = false;
}

static const TypeInfo types[] = {
    {
        .name = TYPE_CX_PF,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(CxPF),
        .instance_init = pf_instance_init,
        .class_init = pf_class_init,
        .interfaces = (InterfaceInfo[]) { { INTERFACE_PCIE_DEVICE }, { } },
    }, {
        .name = TYPE_CX_VF,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(CxVF),
        .class_init = vf_class_init,
        .interfaces = (InterfaceInfo[]) { { INTERFACE_PCIE_DEVICE }, { } },
    },
};

DEFINE_TYPES(types)
