/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SNAP model: a virtio-blk PF with SR-IOV and an administration virtqueue, as
 * a DPU has them, and VFs that it stops, saves and loads by device parts. The
 * objects of the model and their calls.
 *
 *   snap-pci.c      the two kinds of PCI functions: BARs, capabilities, resets
 *   snap-pf.c       the PF: properties, what L0's monitor may ask
 *   snap-regs.c     registers of the virtio transport
 *   snap-ring.c     split virtqueues: descriptor chains in and out, interrupts
 *   snap-io.c       requests in flight; stopping and resuming
 *   snap-blk.c      block requests
 *   snap-volume.c   the volume behind all VFs, and the oracle
 *   snap-admin.c    administration commands: permissions, and the life of a command
 *   snap-object.c   capabilities and resource objects
 *   snap-parts.c    device parts
 *   snap-fault.c    fault injection
 *
 * Everything runs under QEMU's big lock. DMA reaches RAM only (snap_dma()), so
 * no DMA can call back into the model. What registers, rings, descriptors,
 * requests and commands say comes from a guest or a host and is checked.
 */
#ifndef SNAP_H
#define SNAP_H

#include "qemu/queue.h"
#include "qemu/timer.h"
#include "qom/object.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/msix.h"

#include "snap-abi.h"

#define TYPE_SNAP_FN    "snap-fn"
#define TYPE_SNAP_PF    "snap"
#define TYPE_SNAP_VF    "snap-vf"

#define SNAP_MAX_QUEUES     4       /* of requests; the PF has one more */
#define SNAP_RING_SIZE      128     /* largest, and the default */
#define SNAP_MAX_SEGMENTS   16384   /* of a chain, indirect ones included */
#define SNAP_BLK_SEGMENTS   126     /* of a block request's data */
#define SNAP_BLK_SEGMENT    65536   /* largest of them, bytes */
#define SNAP_MAX_OBJECTS    255
#define SNAP_MAX_FAULTS     32
#define SNAP_MAX_DATA       (64u << 20)     /* of a command */

typedef struct SnapFn SnapFn;
typedef struct SnapPF SnapPF;

DECLARE_INSTANCE_CHECKER(SnapFn, SNAP_FN, TYPE_SNAP_FN)
DECLARE_INSTANCE_CHECKER(SnapPF, SNAP_PF, TYPE_SNAP_PF)

/* -- virtqueues ---------------------------------------------------------- */

typedef struct SnapQueue {
    /* registers */
    uint16_t size;
    uint16_t vector;
    uint16_t enabled;
    uint64_t desc;
    uint64_t driver;
    uint64_t device;

    /* the place in the ring; in no part: see snap_ring_rewind() */
    uint16_t taken;             /* next entry of the driver's area */
    uint16_t given;             /* next entry of the device's area */
    uint16_t signalled;         /* "given" at the last interrupt */
    bool signalled_valid;
} SnapQueue;

typedef struct SnapSeg {
    uint64_t address;
    uint32_t length;
} SnapSeg;

/* A chain of descriptors that was taken from a queue */
typedef struct SnapChain {
    QTAILQ_ENTRY(SnapChain) next;
    int64_t due;                /* when its request ends */
    uint16_t queue;
    uint16_t head;
    GArray *out;                /* SnapSeg, readable for the device */
    GArray *in;                 /* SnapSeg, writable */
    uint64_t out_bytes;
    uint64_t in_bytes;
} SnapChain;

typedef QTAILQ_HEAD(, SnapChain) SnapChains;

#define SNAP_HELD   INT64_MAX   /* of SnapChain.due */

SnapChain *snap_ring_take(SnapFn *fn, unsigned nr);
void snap_ring_give(SnapFn *fn, SnapChain *chain, uint32_t bytes);
void snap_ring_signal(SnapFn *fn, unsigned nr, bool always);
void snap_ring_rewind(SnapFn *fn, unsigned nr);
uint64_t snap_chain_read(SnapFn *fn, SnapChain *chain, uint64_t offset,
                         void *data, uint64_t bytes);
uint64_t snap_chain_write(SnapFn *fn, SnapChain *chain, uint64_t offset,
                          const void *data, uint64_t bytes);
void snap_chain_free(SnapChain *chain);

/* -- functions ----------------------------------------------------------- */

struct SnapFn {
    PCIDevice parent_obj;

    SnapPF *pf;
    MemoryRegion bar;
    MemoryRegion msix;
    QEMUBH *bh;                 /* looks at the queues */
    QEMUTimer timer;            /* the next request ends */
    SnapChains flying;          /* in the order in which they end */

    uint64_t offered;
    uint64_t accepted;
    uint32_t offered_select;
    uint32_t accepted_select;
    uint16_t config_vector;
    uint16_t queue_select;
    uint8_t status;
    uint8_t isr;
    unsigned queues;            /* of requests */
    SnapQueue queue[SNAP_MAX_QUEUES + 1];

    bool stopped;               /* by DEV_MODE_SET */
    bool loaded;                /* by DEV_PARTS_SET since it was stopped */
    bool hold;                  /* each second request ends at a stop only */

    /* the oracle's: state that no register shows */
    uint64_t writes;
    uint64_t digest;
    uint64_t *ballast;

    /* for tests, in no part */
    uint64_t requests;
    uint64_t order;             /* chains taken, for their latencies */
    uint64_t in_flight_at_stop;
    uint64_t illegal_dma;       /* while stopped */
    uint64_t illegal_interrupts;
    uint64_t resets;
    uint64_t loads;
};

bool snap_is_pf(const SnapFn *fn);
bool snap_dma(SnapFn *fn, uint64_t address, void *data, uint64_t bytes,
              DMADirection dir);
void snap_interrupt(SnapFn *fn, uint16_t vector, uint8_t isr);
void snap_needs_reset(SnapFn *fn, const char *why);
void snap_fn_reset(SnapFn *fn);
bool snap_fn_realize(SnapFn *fn, SnapPF *pf, Error **errp);
void snap_fn_exit(PCIDevice *dev);

extern const MemoryRegionOps snap_reg_ops;

void snap_io_bh(void *opaque);
void snap_io_timer(void *opaque);
void snap_io_drop(SnapFn *fn);
void snap_io_stop(SnapFn *fn);
void snap_io_resume(SnapFn *fn);
unsigned snap_io_held(const SnapFn *fn);

uint32_t snap_blk_run(SnapFn *fn, SnapChain *chain);
uint64_t snap_blk_config(SnapFn *fn, uint64_t offset, unsigned size);

/* -- the volume and its oracle ------------------------------------------- */

/* Behind the volume, in the same file: it stays where the volume is */
typedef struct SnapTruth {
    uint64_t writes;
    uint64_t digest;
    uint64_t reserved[510];
    uint64_t ballast[];
} SnapTruth;

QEMU_BUILD_BUG_ON(sizeof(SnapTruth) != 4096);

bool snap_volume_open(SnapPF *pf, Error **errp);
void snap_volume_close(SnapPF *pf);
uint8_t *snap_volume_at(SnapFn *fn, uint64_t sector, uint64_t bytes);
uint64_t snap_volume_sectors(const SnapFn *fn);
void snap_oracle_begin(SnapFn *fn);
void snap_oracle_wrote(SnapFn *fn, uint64_t sector);
void snap_oracle_say(const SnapFn *fn, char *id, size_t size);

/* -- faults and bugs ------------------------------------------------------- */

typedef enum SnapFaultKind {
    SNAP_FAULT_NONE,
    SNAP_FAULT_FAIL,
    SNAP_FAULT_SILENT,
    SNAP_FAULT_LATE,
    SNAP_FAULT_SHORT,
    SNAP_FAULT_LENGTH,
    SNAP_FAULT_SIZE,
    SNAP_FAULT_STALE,
    SNAP_FAULT_MISSING,
    SNAP_FAULT_GARBLE,
} SnapFaultKind;

#define SNAP_ANY_MEMBER     UINT64_MAX

typedef struct SnapFault {
    SnapFaultKind kind;
    uint64_t member;        /* VF number + 1, or SNAP_ANY_MEMBER */
    uint16_t opcode;
    uint64_t parameter;
    uint32_t hits;          /* commands that it still hits */
    uint32_t pass;          /* commands that it lets pass before */
} SnapFault;

bool snap_fault_inject(SnapPF *pf, const char *text, Error **errp);
SnapFault snap_fault_take(SnapPF *pf, uint64_t member, uint16_t opcode);

typedef enum SnapBug {
    SNAP_BUG_NONE,
    SNAP_BUG_STRICT_GROUP,
    SNAP_BUG_STRICT_SELF,
    SNAP_BUG_NO_PLATFORM,
    SNAP_BUG_DROP_REQUESTS,
    SNAP_BUG_STALE_INDEX,
    SNAP_BUG_STALE_PART,
    SNAP_BUG_LOSE_WRITE,
    SNAP_BUG_DMA_STOPPED,
} SnapBug;

/* -- administration -------------------------------------------------------- */

typedef struct SnapObject {
    bool there;
    uint8_t op;
    uint64_t member;
} SnapObject;

typedef struct SnapCmd {
    SnapPF *pf;
    SnapFn *fn;             /* the member, of commands that have one */
    uint16_t opcode;
    uint16_t group;
    uint64_t member;
    uint8_t *data;
    uint64_t bytes;
    uint64_t room;          /* for the result */
    GByteArray *result;
    uint16_t qualifier;
    SnapFault fault;
} SnapCmd;

/* An answer that comes later, or never */
typedef struct SnapAnswer {
    QTAILQ_ENTRY(SnapAnswer) next;
    SnapChain *chain;
    int64_t due;            /* INT64_MAX: never */
    uint32_t bytes;
} SnapAnswer;

struct SnapPF {
    SnapFn fn;

    uint64_t used_commands[2];      /* by group type */
    uint8_t limit[2];               /* objects, by operation */
    SnapObject object[SNAP_MAX_OBJECTS];
    uint64_t count[SNAP_NR_OPCODES];
    SnapFault fault[SNAP_MAX_FAULTS];
    QTAILQ_HEAD(, SnapAnswer) answers;
    QEMUTimer answer_timer;

    uint8_t *volume;                /* of all VFs */
    SnapTruth *truth;
    uint8_t *own_volume;            /* the PF's */
    SnapBug bug;

    /* properties */
    uint32_t total_vfs;
    uint32_t queues;
    uint32_t objects;
    uint64_t latency_ns;
    uint64_t command_ns;
    uint64_t volume_size;
    uint64_t ballast;
    char *volume_path;
    bool trace;
    char *x_bug;
};

bool snap_pf_check(SnapPF *pf, Error **errp);
uint64_t snap_features(const SnapFn *fn);
void snap_pf_class_init(ObjectClass *class);

const char *snap_admin_name(uint16_t opcode);
void snap_admin_serve(SnapPF *pf, SnapChain *chain);
void snap_admin_reset(SnapPF *pf);
void snap_admin_timer(void *opaque);
uint64_t snap_cmd_arg(const SnapCmd *cmd, uint64_t at, unsigned size);
uint16_t snap_cmd_fail(SnapCmd *cmd, uint16_t status, uint16_t qualifier);
void snap_put(GByteArray *out, uint64_t value, unsigned size);

uint16_t snap_cap_id_list_query(SnapCmd *cmd);
uint16_t snap_device_cap_get(SnapCmd *cmd);
uint16_t snap_driver_cap_set(SnapCmd *cmd);
uint16_t snap_obj_create(SnapCmd *cmd);
uint16_t snap_obj_modify(SnapCmd *cmd);
uint16_t snap_obj_query(SnapCmd *cmd);
uint16_t snap_obj_destroy(SnapCmd *cmd);
SnapObject *snap_obj_find(SnapCmd *cmd);

uint16_t snap_parts_metadata_get(SnapCmd *cmd);
uint16_t snap_parts_get(SnapCmd *cmd);
uint16_t snap_parts_set(SnapCmd *cmd);

#endif
