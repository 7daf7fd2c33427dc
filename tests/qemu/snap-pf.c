/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: properties of the PF, also those that tests read and write. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "snap.h"

static bool parse_bug(SnapPF *pf, const char *bug, Error **errp)
{
    static const char *const bugs[] = {
        [SNAP_BUG_NONE] = "",
        [SNAP_BUG_STRICT_GROUP] = "strict-group",
        [SNAP_BUG_STRICT_SELF] = "strict-self",
        [SNAP_BUG_NO_PLATFORM] = "no-platform",
        [SNAP_BUG_DROP_REQUESTS] = "drop-requests",
        [SNAP_BUG_STALE_INDEX] = "stale-index",
        [SNAP_BUG_STALE_PART] = "stale-part",
        [SNAP_BUG_LOSE_WRITE] = "lose-write",
        [SNAP_BUG_DMA_STOPPED] = "dma-stopped",
    };

    for (int i = 0; i < ARRAY_SIZE(bugs); i++) {
        if (!strcmp(bug ?: "", bugs[i])) {
            pf->bug = i;
            return true;
        }
    }
    error_setg(errp, "x-bug: no bug '%s'", bug);
    return false;
}

bool snap_pf_check(SnapPF *pf, Error **errp)
{
    if (pf->total_vfs < 1 || pf->total_vfs > 16) {
        error_setg(errp, "total-vfs must be 1 to 16");
    } else if (pf->queues < 1 || pf->queues > SNAP_MAX_QUEUES) {
        error_setg(errp, "queues must be 1 to %d", SNAP_MAX_QUEUES);
    } else if (pf->objects > SNAP_MAX_OBJECTS) {
        error_setg(errp, "objects must be at most %d", SNAP_MAX_OBJECTS);
    } else if (pf->volume_size < MiB || pf->volume_size > GiB ||
               pf->volume_size % MiB) {
        error_setg(errp, "volume-size must be 1 MiB to 1 GiB in steps of it");
    } else if (pf->ballast > 32 * MiB || pf->ballast % 8) {
        error_setg(errp, "ballast must be a multiple of 8, at most 32 MiB");
    } else {
        return parse_bug(pf, pf->x_bug, errp);
    }
    return false;
}

/* -- for tests: qom-get and qom-set ------------------------------------------ */

static char *get_commands(Object *obj, Error **errp)
{
    SnapPF *pf = SNAP_PF(obj);
    g_autoptr(GString) s = g_string_new("");

    for (int op = 0; op < SNAP_NR_OPCODES; op++) {
        if (snap_admin_name(op)) {
            g_string_append_printf(s, "%s%s=%" PRIu64, s->len ? " " : "",
                                   snap_admin_name(op), pf->count[op]);
        }
    }
    return g_string_free(g_steal_pointer(&s), false);
}

static void describe(const SnapFn *fn, unsigned vf, GString *s)
{
    char oracle[SNAP_BLK_ID_BYTES + 1];

    snap_oracle_say(fn, oracle, sizeof(oracle));
    g_string_append_printf(s, "vf%u: stopped=%d status=0x%x requests=%" PRIu64
                           " held=%u in-flight-at-stop=%" PRIu64
                           " loads=%" PRIu64
                           " resets=%" PRIu64 " illegal-dma=%" PRIu64
                           " illegal-interrupts=%" PRIu64 " oracle=%s\n", vf,
                           fn->stopped, fn->status, fn->requests,
                           snap_io_held(fn), fn->in_flight_at_stop, fn->loads, fn->resets,
                           fn->illegal_dma, fn->illegal_interrupts, oracle);
}

static char *get_functions(Object *obj, Error **errp)
{
    SnapPF *pf = SNAP_PF(obj);
    g_autoptr(GString) s = g_string_new("");
    unsigned objects = 0;

    for (unsigned vf = 0; vf < pcie_sriov_num_vfs(PCI_DEVICE(pf)); vf++) {
        describe(SNAP_FN(pcie_sriov_get_vf_at_index(PCI_DEVICE(pf), vf)), vf,
                 s);
    }
    for (int i = 0; i < SNAP_MAX_OBJECTS; i++) {
        objects += pf->object[i].there;
    }
    g_string_append_printf(s, "objects=%u\n", objects);
    return g_string_free(g_steal_pointer(&s), false);
}

static char *get_inject(Object *obj, Error **errp)
{
    return g_strdup("");
}

static void set_inject(Object *obj, const char *text, Error **errp)
{
    snap_fault_inject(SNAP_PF(obj), text, errp);
}

/* "vfN"; NULL and an error: there is none */
static PCIDevice *find_vf(Object *obj, const char *text, Error **errp)
{
    PCIDevice *pf = PCI_DEVICE(obj);
    uint64_t vf;

    if (!g_str_has_prefix(text, "vf") ||
        qemu_strtou64(text + 2, NULL, 10, &vf) < 0 ||
        vf >= pcie_sriov_num_vfs(pf)) {
        error_setg(errp, "no VF '%s'", text);
        return NULL;
    }
    return pcie_sriov_get_vf_at_index(pf, vf);
}

static char *get_hold(Object *obj, Error **errp)
{
    return g_strdup("");
}

/* Of this one each second request from now on ends at a stop */
static void set_hold(Object *obj, const char *text, Error **errp)
{
    PCIDevice *vf = find_vf(obj, text, errp);

    if (vf) {
        SNAP_FN(vf)->hold = true;
    }
}

static char *get_forget(Object *obj, Error **errp)
{
    return g_strdup("");
}

/* This one is as after a reset of the PF, of which the host was not told */
static void set_forget(Object *obj, const char *text, Error **errp)
{
    PCIDevice *vf = find_vf(obj, text, errp);

    if (vf) {
        pci_device_reset(vf);
    }
}

static char *get_bug(Object *obj, Error **errp)
{
    return g_strdup("");
}

/* As x-bug, while the device runs; "none" ends it */
static void set_bug(Object *obj, const char *text, Error **errp)
{
    SnapPF *pf = SNAP_PF(obj);

    if (!parse_bug(pf, strcmp(text, "none") ? text : "", errp)) {
        return;
    }
    for (int i = 0; i < pcie_sriov_num_vfs(PCI_DEVICE(pf)); i++) {
        SnapFn *fn = SNAP_FN(pcie_sriov_get_vf_at_index(PCI_DEVICE(pf), i));

        fn->offered = snap_features(fn);
    }
}

static const Property pf_properties[] = {
    DEFINE_PROP_UINT32("total-vfs", SnapPF, total_vfs, 4),
    DEFINE_PROP_UINT32("queues", SnapPF, queues, 1),
    DEFINE_PROP_UINT32("objects", SnapPF, objects, 16),
    DEFINE_PROP_UINT64("latency-ns", SnapPF, latency_ns, 100000),
    DEFINE_PROP_UINT64("command-ns", SnapPF, command_ns, 0),
    DEFINE_PROP_SIZE("volume-size", SnapPF, volume_size, 32 * MiB),
    DEFINE_PROP_SIZE("ballast", SnapPF, ballast, 0),
    DEFINE_PROP_STRING("volume", SnapPF, volume_path),
    DEFINE_PROP_BOOL("trace", SnapPF, trace, false),
    DEFINE_PROP_STRING("x-bug", SnapPF, x_bug),
};

void snap_pf_class_init(ObjectClass *class)
{
    DeviceClass *dc = DEVICE_CLASS(class);

    dc->desc = "SNAP model: virtio-blk PF with an administration virtqueue";
    device_class_set_props(dc, pf_properties);
    object_class_property_add_str(class, "commands", get_commands, NULL);
    object_class_property_add_str(class, "functions", get_functions, NULL);
    object_class_property_add_str(class, "inject", get_inject, set_inject);
    object_class_property_add_str(class, "hold", get_hold, set_hold);
    object_class_property_add_str(class, "forget", get_forget, set_forget);
    object_class_property_add_str(class, "bug", get_bug, set_bug);
}
