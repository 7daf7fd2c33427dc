/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SNAP model: the capability of device parts and its resource objects. */
#include "qemu/osdep.h"
#include "snap.h"

#define CREATE_OP   16      /* in the data of CREATE and MODIFY */

uint16_t snap_cap_id_list_query(SnapCmd *cmd)
{
    snap_put(cmd->result, 1ull << SNAP_CAP_DEV_PARTS, 8);
    return 0;
}

uint16_t snap_device_cap_get(SnapCmd *cmd)
{
    if (snap_cmd_arg(cmd, 0, 2) != SNAP_CAP_DEV_PARTS) {
        return snap_cmd_fail(cmd, ENXIO, SNAP_Q_INVALID_FIELD);
    }
    snap_put(cmd->result, cmd->pf->objects, 1);
    snap_put(cmd->result, cmd->pf->objects, 1);
    return 0;
}

static bool any_object(const SnapPF *pf)
{
    for (int i = 0; i < SNAP_MAX_OBJECTS; i++) {
        if (pf->object[i].there) {
            return true;
        }
    }
    return false;
}

uint16_t snap_driver_cap_set(SnapCmd *cmd)
{
    uint8_t get = snap_cmd_arg(cmd, 8, 1), set = snap_cmd_arg(cmd, 9, 1);

    if (snap_cmd_arg(cmd, 0, 2) != SNAP_CAP_DEV_PARTS) {
        return snap_cmd_fail(cmd, ENXIO, SNAP_Q_INVALID_FIELD);
    }
    if (any_object(cmd->pf)) {
        return snap_cmd_fail(cmd, EBUSY, SNAP_Q_INVALID_COMMAND);
    }
    if (get > cmd->pf->objects || set > cmd->pf->objects) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_FIELD);
    }
    cmd->pf->limit[SNAP_OBJ_GET] = get;
    cmd->pf->limit[SNAP_OBJ_SET] = set;
    return 0;
}

static uint32_t object_id(const SnapCmd *cmd)
{
    return snap_cmd_arg(cmd, 4, 4);
}

/* The object that the command names, if it is one of its member */
SnapObject *snap_obj_find(SnapCmd *cmd)
{
    uint32_t id = object_id(cmd);
    SnapObject *o = id < SNAP_MAX_OBJECTS ? &cmd->pf->object[id] : NULL;

    return o && o->there && o->member == cmd->member &&
           snap_cmd_arg(cmd, 0, 2) == SNAP_OBJ_DEV_PARTS ? o : NULL;
}

uint16_t snap_obj_create(SnapCmd *cmd)
{
    uint32_t id = object_id(cmd);
    uint8_t op = snap_cmd_arg(cmd, CREATE_OP, 1);

    if (snap_cmd_arg(cmd, 0, 2) != SNAP_OBJ_DEV_PARTS || op > SNAP_OBJ_SET ||
        id >= cmd->pf->limit[op]) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_FIELD);
    }
    if (cmd->pf->object[id].there) {
        return snap_cmd_fail(cmd, EEXIST, SNAP_Q_INVALID_FIELD);
    }
    cmd->pf->object[id] = (SnapObject) {
        .there = true,
        .op = op,
        .member = cmd->member,
    };
    return 0;
}

/* All that an object has is what it is for, which does not change */
uint16_t snap_obj_modify(SnapCmd *cmd)
{
    SnapObject *o = snap_obj_find(cmd);

    if (!o) {
        return snap_cmd_fail(cmd, ENXIO, SNAP_Q_INVALID_FIELD);
    }
    if (snap_cmd_arg(cmd, CREATE_OP, 1) != o->op) {
        return snap_cmd_fail(cmd, EINVAL, SNAP_Q_INVALID_FIELD);
    }
    return 0;
}

uint16_t snap_obj_query(SnapCmd *cmd)
{
    SnapObject *o = snap_obj_find(cmd);

    if (!o) {
        return snap_cmd_fail(cmd, ENXIO, SNAP_Q_INVALID_FIELD);
    }
    snap_put(cmd->result, o->op, 8);
    return 0;
}

uint16_t snap_obj_destroy(SnapCmd *cmd)
{
    SnapObject *o = snap_obj_find(cmd);

    if (!o) {
        return snap_cmd_fail(cmd, ENXIO, SNAP_Q_INVALID_FIELD);
    }
    o->there = false;
    return 0;
}
