/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: device parts, which are all of a VF's state. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "snap.h"

#define GET_WHAT    8       /* in the data of METADATA_GET and GET */
#define GET_WANTED  16      /* headers of the parts that are wanted */

/* Registers of the common configuration, a part each */
static const struct {
    uint8_t offset;
    uint8_t bytes;
} common[] = {
    { SNAP_DEVICE_FEATURE_SELECT, 4 },
    { SNAP_DRIVER_FEATURE_SELECT, 4 },
    { SNAP_CONFIG_MSIX_VECTOR, 2 },
    { SNAP_NUM_QUEUES, 2 },
    { SNAP_QUEUE_SELECT, 2 },
};

/* -- getting ------------------------------------------------------------------- */

static void put_header(GByteArray *out, uint16_t type, uint8_t flags,
                       uint64_t selector, uint32_t bytes)
{
    snap_put(out, type, 2);
    snap_put(out, flags, 1);
    snap_put(out, 0, 1);
    snap_put(out, selector, 8);
    snap_put(out, bytes, 4);
}

static void put_part(GByteArray *out, uint16_t type, uint64_t selector,
                     uint64_t value, unsigned bytes)
{
    put_header(out, type, 0, selector, bytes);
    snap_put(out, value, bytes);
}

static uint32_t *common_register(SnapFn *fn, uint8_t offset, uint32_t *copy)
{
    switch (offset) {
    case SNAP_DEVICE_FEATURE_SELECT:
        return &fn->offered_select;
    case SNAP_DRIVER_FEATURE_SELECT:
        return &fn->accepted_select;
    case SNAP_CONFIG_MSIX_VECTOR:
        *copy = fn->config_vector;
        break;
    case SNAP_NUM_QUEUES:
        *copy = fn->queues;
        break;
    default:
        *copy = fn->queue_select;
    }
    return copy;
}

static void put_common(SnapFn *fn, GByteArray *out)
{
    for (int i = 0; i < ARRAY_SIZE(common); i++) {
        uint32_t copy;

        put_part(out, SNAP_PART_COMMON_CFG, common[i].offset,
                 *common_register(fn, common[i].offset, &copy),
                 common[i].bytes);
    }
}

static void put_queues(SnapFn *fn, GByteArray *out)
{
    for (unsigned nr = 0; nr < fn->queues; nr++) {
        SnapQueue *q = &fn->queue[nr];

        put_header(out, SNAP_PART_VQ_CFG, 0, nr, SNAP_VQ_CFG_BYTES);
        snap_put(out, q->size, 2);
        snap_put(out, q->vector, 2);
        snap_put(out, q->enabled, 2);
        snap_put(out, 0, 2);
        snap_put(out, q->desc, 8);
        snap_put(out, q->driver, 8);
        snap_put(out, q->device, 8);
    }
    for (unsigned nr = 0; nr < fn->queues; nr++) {
        put_part(out, SNAP_PART_VQ_NOTIFY, nr, nr, SNAP_VQ_NOTIFY_BYTES);
    }
}

static void put_oracle(SnapFn *fn, GByteArray *out)
{
    put_header(out, SNAP_PART_ORACLE, 0, 0, 16 + fn->pf->ballast);
    snap_put(out, fn->writes, 8);
    snap_put(out, fn->digest, 8);
    g_byte_array_append(out, (uint8_t *)fn->ballast, fn->pf->ballast);
}

/* All of them, in the specification's order, filled up to a multiple of 8 */
static GByteArray *parts_of(SnapFn *fn)
{
    GByteArray *out = g_byte_array_new();

    put_header(out, SNAP_PART_DEV_FEATURES, SNAP_PART_OPTIONAL, 0, 8);
    snap_put(out, fn->offered, 8);
    put_part(out, SNAP_PART_DRV_FEATURES, 0, fn->accepted, 8);
    put_common(fn, out);
    put_part(out, SNAP_PART_STATUS, 0, fn->status, 1);
    put_queues(fn, out);
    put_oracle(fn, out);
    snap_put(out, 0, -out->len & 7);
    return out;
}

static uint32_t part_bytes(const uint8_t *part)
{
    return SNAP_PART_HEADER + ldl_le_p(part + 12);
}

/* Of a whole of our own making. What is left at its end is no part. */
#define FOR_EACH_PART(part, all) \
    for (uint8_t *part = (all)->data; \
         part + SNAP_PART_HEADER <= (all)->data + (all)->len; \
         part += part_bytes(part))

/* The fault MISSING: a whole without the parts of a type */
static GByteArray *without(GByteArray *all, uint16_t type)
{
    GByteArray *out = g_byte_array_new();

    FOR_EACH_PART(part, all) {
        if (lduw_le_p(part) != type) {
            g_byte_array_append(out, part, part_bytes(part));
        }
    }
    snap_put(out, 0, -out->len & 7);
    g_byte_array_free(all, true);
    return out;
}

static GByteArray *parts_for(SnapCmd *cmd)
{
    GByteArray *all = parts_of(cmd->fn);

    if (cmd->fault.kind == SNAP_FAULT_MISSING) {
        all = without(all, cmd->fault.parameter);
    }
    return all;
}

static uint16_t fits(SnapCmd *cmd)
{
    return cmd->result->len <= cmd->room ? 0 :
           snap_cmd_fail(cmd, ENOMEM, SNAP_Q_NORESOURCE);
}

uint16_t snap_parts_metadata_get(SnapCmd *cmd)
{
    g_autoptr(GByteArray) all = NULL;
    uint8_t what = snap_cmd_arg(cmd, GET_WHAT, 1);
    uint32_t count = 0;

    if (!snap_obj_find(cmd)) {
        return snap_cmd_fail(cmd, ENXIO, SNAP_Q_INVALID_FIELD);
    }
    if (what > SNAP_METADATA_LIST) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_FIELD);
    }
    all = parts_for(cmd);
    FOR_EACH_PART(part, all) {
        count++;
    }
    snap_put(cmd->result, what == SNAP_METADATA_SIZE ? all->len : count, 8);
    if (what == SNAP_METADATA_LIST) {
        FOR_EACH_PART(part, all) {
            g_byte_array_append(cmd->result, part, SNAP_PART_HEADER);
        }
    }
    return fits(cmd);
}

static bool is_wanted(SnapCmd *cmd, const uint8_t *part)
{
    for (uint64_t at = GET_WANTED; at + SNAP_PART_HEADER <= cmd->bytes;
         at += SNAP_PART_HEADER) {
        if (!memcmp(part, cmd->data + at, 2) &&
            !memcmp(part + 4, cmd->data + at + 4, 8)) {
            return true;
        }
    }
    return false;
}

uint16_t snap_parts_get(SnapCmd *cmd)
{
    g_autoptr(GByteArray) all = NULL;
    uint8_t what = snap_cmd_arg(cmd, GET_WHAT, 1);
    SnapObject *o = snap_obj_find(cmd);

    if (!o) {
        return snap_cmd_fail(cmd, ENXIO, SNAP_Q_INVALID_FIELD);
    }
    if (o->op != SNAP_OBJ_GET || what > SNAP_GET_ALL) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_FIELD);
    }
    all = parts_for(cmd);
    if (what == SNAP_GET_ALL) {
        g_byte_array_append(cmd->result, all->data, all->len);
    } else {
        FOR_EACH_PART(part, all) {
            if (is_wanted(cmd, part)) {
                g_byte_array_append(cmd->result, part, part_bytes(part));
            }
        }
    }
    return fits(cmd);
}

/* -- setting --------------------------------------------------------------------- */

/* Each: is it valid? And if "apply" is set it takes effect */

static bool set_common(SnapFn *fn, uint32_t offset, const uint8_t *value,
                       uint32_t bytes, bool apply)
{
    uint32_t v, i;

    for (i = 0; i < ARRAY_SIZE(common); i++) {
        if (common[i].offset == offset && common[i].bytes == bytes) {
            break;
        }
    }
    if (i == ARRAY_SIZE(common)) {
        return false;
    }
    v = ldn_le_p(value, bytes);
    if (offset == SNAP_NUM_QUEUES) {
        return v == fn->queues;
    }
    if (!apply) {
        return true;
    }
    switch (offset) {
    case SNAP_DEVICE_FEATURE_SELECT:
        fn->offered_select = v;
        break;
    case SNAP_DRIVER_FEATURE_SELECT:
        fn->accepted_select = v;
        break;
    case SNAP_CONFIG_MSIX_VECTOR:
        fn->config_vector = v;
        break;
    case SNAP_QUEUE_SELECT:
        fn->queue_select = v;
        break;
    }
    return true;
}

static bool vector_valid(SnapFn *fn, uint16_t vector)
{
    return vector == SNAP_NO_VECTOR ||
           vector < PCI_DEVICE(fn)->msix_entries_nr;
}

static bool set_queue(SnapFn *fn, uint16_t nr, const uint8_t *value,
                      bool apply)
{
    uint16_t size = lduw_le_p(value), vector = lduw_le_p(value + 2);
    uint16_t enabled = lduw_le_p(value + 4);
    SnapQueue *q = &fn->queue[nr];

    if (!size || size > SNAP_RING_SIZE || size & (size - 1) || enabled > 1 ||
        !vector_valid(fn, vector)) {
        return false;
    }
    if (apply) {
        q->size = size;
        q->vector = vector;
        q->enabled = enabled;
        q->desc = ldq_le_p(value + 8);
        q->driver = ldq_le_p(value + 16);
        q->device = ldq_le_p(value + 24);
    }
    return true;
}

static bool set_drv_features(SnapFn *fn, uint64_t features, bool apply)
{
    if (features & ~fn->offered) {
        return false;
    }
    if (apply) {
        fn->accepted = features;
    }
    return true;
}

static bool set_status(SnapFn *fn, uint8_t status, bool apply)
{
    if (status & ~SNAP_S_ALL) {
        return false;
    }
    if (apply) {
        fn->status = status;
    }
    return true;
}

static void set_oracle(SnapFn *fn, const uint8_t *value)
{
    if (fn->pf->bug == SNAP_BUG_STALE_PART) {
        return;
    }
    fn->writes = ldq_le_p(value);
    fn->digest = ldq_le_p(value + 8);
    memcpy(fn->ballast, value + 16, fn->pf->ballast);
}

static bool set_part(SnapFn *fn, const uint8_t *part, bool apply)
{
    const uint8_t *value = part + SNAP_PART_HEADER;
    uint32_t bytes = ldl_le_p(part + 12), selector = ldl_le_p(part + 4);
    uint16_t nr = selector;

    switch (lduw_le_p(part)) {
    case SNAP_PART_DEV_FEATURES:
        return bytes == 8 && ldq_le_p(value) == fn->offered;
    case SNAP_PART_DRV_FEATURES:
        return bytes == 8 && set_drv_features(fn, ldq_le_p(value), apply);
    case SNAP_PART_COMMON_CFG:
        return set_common(fn, selector, value, bytes, apply);
    case SNAP_PART_STATUS:
        return bytes == 1 && set_status(fn, *value, apply);
    case SNAP_PART_VQ_CFG:
        return bytes == SNAP_VQ_CFG_BYTES && nr < fn->queues &&
               set_queue(fn, nr, value, apply);
    case SNAP_PART_VQ_NOTIFY:
        return bytes == SNAP_VQ_NOTIFY_BYTES && nr < fn->queues &&
               lduw_le_p(value) == nr;
    case SNAP_PART_ORACLE:
        if (bytes != 16 + fn->pf->ballast) {
            return false;
        }
        if (apply) {
            set_oracle(fn, value);
        }
        return true;
    default:
        return part[2] & SNAP_PART_OPTIONAL;
    }
}

static bool set_parts(SnapCmd *cmd, bool apply)
{
    const uint8_t *at = cmd->data + SNAP_OBJ_HEADER;
    uint64_t left = cmd->bytes - MIN(cmd->bytes, SNAP_OBJ_HEADER);

    while (left >= SNAP_PART_HEADER) {
        uint64_t bytes = (uint64_t)SNAP_PART_HEADER + ldl_le_p(at + 12);
        bool skip = apply && cmd->fault.kind == SNAP_FAULT_MISSING &&
                    lduw_le_p(at) == cmd->fault.parameter;

        if (bytes > left || (!skip && !set_part(cmd->fn, at, apply))) {
            return false;
        }
        at += bytes;
        left -= bytes;
    }
    /* What fills it up to a multiple of 8 */
    for (; left; left--, at++) {
        if (*at || left > 7) {
            return false;
        }
    }
    return true;
}

/* All or nothing; takes effect when the function is resumed */
uint16_t snap_parts_set(SnapCmd *cmd)
{
    SnapObject *o = snap_obj_find(cmd);

    if (!o) {
        return snap_cmd_fail(cmd, ENXIO, SNAP_Q_INVALID_FIELD);
    }
    if (o->op != SNAP_OBJ_SET || !cmd->fn->stopped) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_COMMAND);
    }
    if (!set_parts(cmd, false)) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_FIELD);
    }
    if (cmd->fault.kind != SNAP_FAULT_STALE) {
        set_parts(cmd, true);
    }
    cmd->fn->loaded = true;
    cmd->fn->loads++;
    return 0;
}
