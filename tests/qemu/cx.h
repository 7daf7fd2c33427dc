/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ConnectX, as far as stock mlx5_core, mlx5_ib and VFIO drivers need it:
 * docs/connectx-model.rst says what and why.
 *
 *   cx-pci.c      PF and VFs as PCI functions; properties
 *   cx-bar.c      BAR 0: initialization segment, doorbells
 *   cx-command.c  command queue and mailboxes; a command's life; the opcodes
 *   cx-fault.c    fault injection
 *   cx-hca.c      HCA commands: enable, capabilities, pages; what a reset forgets
 *   cx-object.c   numbered objects: PDs, UARs...; memory keys and their DMA
 *   cx-eq.c       event queues and interrupts
 *   cx-cq.c       completion queues
 *   cx-qp.c       RC queue pairs and their commands
 *   cx-rc.c       what queue pairs do: SEND, WRITE, READ
 *   cx-port.c     what mlx5_ib asks of the port
 *   cx-migrate.c  migration commands
 *   cx-image.c    a function's state as bytes
 *   cx-tracker.c  the page tracker
 *
 * Everything runs under QEMU's big lock. DMA reaches RAM only, so no DMA can
 * call back into the model. Whatever a driver, a guest or an image names is
 * checked before it is used.
 */
#ifndef CX_H
#define CX_H

#include "qemu/bitmap.h"
#include "qemu/bitops.h"
#include "qemu/queue.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"

#define TYPE_CX_PF      "connectx"
#define TYPE_CX_VF      "connectx-vf"

typedef struct CxPF CxPF;
typedef struct CxVhca CxVhca;
typedef struct CxCmd CxCmd;
typedef struct CxTracker CxTracker;

/* Status of a command */
enum {
    CX_OK = 0x00, CX_BAD_OP = 0x02, CX_BAD_PARAM = 0x03, CX_BAD_SYS = 0x04,
    CX_BAD_RES = 0x05, CX_BUSY = 0x06, CX_LIMIT = 0x08, CX_BAD_STATE = 0x09,
    CX_BAD_INDEX = 0x0a, CX_NO_RES = 0x0f, CX_BAD_INLEN = 0x50,
    CX_BAD_OUTLEN = 0x51,
};

/* Types of events */
enum { CX_EV_COMP = 0x00, CX_EV_CMD = 0x0a, CX_EV_PAGES = 0x0b };

#define CX_PF_BAR       (1 * MiB)
#define CX_VF_BAR       (256 * KiB)
#define CX_ISEG_BYTES   0x2000
#define CX_UAR_BYTES    4096
#define CX_FIRST_UAR    8
#define CX_FIRST_RMP    2048
#define CX_VHCA_ID_BASE 0x10
#define CX_MAX_VFS      128
#define CX_SLOTS        32
#define CX_EQS          32
#define CX_CQS          256
#define CX_QPS          256
#define CX_IDS          4096
#define CX_MKEYS        65536
#define CX_CAP_BYTES    0x100
#define CX_TRACK_LOG_MIN 12
#define CX_TRACK_LOG_MAX 52
#define CX_PAD_BLOCK    (64 * KiB)
/* Behind all that CREATE_MKEY gives */
#define CX_RESERVED_LKEY (CX_MKEYS << 8 | 0x500)
/* Most bytes of one RDMA message, of one command, of one image */
#define CX_MAX_MESSAGE  (16 * MiB)
#define CX_MAX_COMMAND  (4 * MiB)
#define CX_MAX_IMAGE    (1 * GiB)

/* -- memory of the host, as pages ----------------------------------------- */

typedef struct CxPages {
    uint64_t *pa;
    uint32_t nr;
    uint8_t shift;
    uint32_t base;          /* where it begins in the first page */
    uint64_t bytes;
} CxPages;

bool cx_pages_read(CxPages *p, const CxCmd *c, uint32_t at, uint64_t bytes,
                   unsigned shift, unsigned offset);
bool cx_pages_valid(const CxPages *p);
void cx_pages_free(CxPages *p);
bool cx_pages_dma(CxVhca *v, const CxPages *p, uint64_t off, void *data,
                  uint64_t len, bool write);

/* -- what is a function's state -------------------------------------------- */

typedef struct CxEq {
    CxPages pages;
    uint8_t log_size;
    bool armed;
    uint16_t vector;
    uint32_t uar;
    uint32_t ci, pi;
    uint64_t mask[4];
} CxEq;

typedef struct CxCq {
    CxPages pages;
    uint8_t log_size;
    bool armed;
    uint32_t eqn;
    uint32_t pi;
    uint64_t record;
} CxCq;

typedef enum CxQpState {
    CX_QP_RESET = 0, CX_QP_INIT = 1, CX_QP_RTR = 2, CX_QP_RTS = 3, CX_QP_ERR = 6,
} CxQpState;

typedef struct CxQp {
    CxPages pages;
    uint8_t type;           /* 0: RC */
    uint8_t state;
    bool has_rq, has_sq;
    uint8_t log_rq, log_stride, log_sq;
    uint32_t pd;
    uint32_t rq_cq, sq_cq;
    uint32_t user_index;
    uint32_t remote;
    uint16_t remote_lid;
    uint16_t rq_ci, sq_ci;
    uint64_t record;
} CxQp;

typedef struct CxMkey {
    CxPages pages;
    uint8_t mode;           /* 0 physical, 1 by pages */
    uint8_t key;
    uint8_t access;         /* CX_LOCAL_READ... */
    uint32_t pd;
    uint64_t start, len;
} CxMkey;

enum {
    CX_LOCAL_READ = 1, CX_LOCAL_WRITE = 2, CX_REMOTE_READ = 4,
    CX_REMOTE_WRITE = 8,
};

enum {
    CX_ID_PD, CX_ID_UAR, CX_ID_XRCD, CX_ID_SRQ, CX_ID_RMP, CX_ID_TD,
    CX_ID_KINDS,
};

typedef struct CxState {
    uint64_t cmdq;
    uint8_t nic_interface;
    bool inited;
    bool caps_set;
    uint16_t lid;           /* moves with the state, as the GUIDs do */
    uint32_t doorbells;     /* slots that wait */
    uint32_t next_mkey;
    uint64_t commands;      /* executed */
    uint8_t caps[CX_CAP_BYTES];
    unsigned long ids[CX_ID_KINDS][BITS_TO_LONGS(CX_IDS)];
    CxEq *eq[CX_EQS];
    CxCq *cq[CX_CQS];
    CxQp *qp[CX_QPS];
    GHashTable *mkeys;      /* index -> CxMkey */
    uint64_t *pad;          /* what each block of the pad is made of */
    uint32_t pad_blocks;
} CxState;

void cx_state_init(CxState *s, const CxVhca *v);
void cx_state_objects_free(CxState *s);
void cx_state_free(CxState *s);

/* -- a virtual HCA: the PF's or a VF's --------------------------------------- */

typedef enum CxLevel { CX_RUNNING, CX_P2P, CX_STOPPED } CxLevel;

typedef struct CxSave {
    bool tracking;
    bool chunked;           /* the last query asked for chunks */
    uint64_t epoch;         /* which images belong together */
    uint32_t sequence;
    uint64_t generation;    /* of the last image */
    GByteArray *out;        /* an image that leaves in chunks */
    uint32_t out_pos;
} CxSave;

typedef struct CxLoad {
    uint64_t epoch;
    uint32_t sequence;
    GByteArray *in;         /* an image that arrives in chunks */
} CxLoad;

struct CxVhca {
    PCIDevice *dev;
    CxPF *pf;
    uint16_t id;            /* 0 the PF, N + 1 VF N */
    bool enabled;
    uint8_t syndrome;       /* health buffer: not 0 is fatal */
    CxLevel level;
    CxState s;
    uint64_t generation;    /* counts changes of the state */
    unsigned long *pad_dirty;
    CxSave save;
    CxLoad load;
    GArray *pages;          /* given by the host, in the PF's DMA space */
    CxTracker *tracker;
    QTAILQ_HEAD(, CxCmd) waiting;
    MemoryRegion bar, msix;
    QEMUBH *bh;
    QEMUTimer *retry;       /* a receiver was not ready */
    uint32_t cq_doorbell;   /* first half of one */
    /* counters for tests */
    uint64_t events, lost_events, bad_dma, resets;
};

typedef struct CxVF {
    PCIDevice parent_obj;
    CxVhca vhca;
} CxVF;

#define CX_FAULTS 16
#define CX_ANY_FUNCTION 0xffff

typedef enum CxFaultKind {
    CX_FAULT_NONE, CX_FAULT_FAIL, CX_FAULT_SILENT, CX_FAULT_LATE,
    CX_FAULT_DELIVERY, CX_FAULT_VALUE, CX_FAULT_FATAL, CX_FAULT_KINDS,
} CxFaultKind;

typedef struct CxFault {
    CxFaultKind kind;
    uint16_t function;      /* 0 the PF, N + 1 VF N, or any */
    uint16_t opcode;
    uint32_t parameter;
    uint32_t hits, pass;
} CxFault;

struct CxPF {
    PCIDevice parent_obj;
    CxVhca vhca;
    CxVhca *vf[CX_MAX_VFS];
    CxFault faults[CX_FAULTS];
    int64_t transfer_end;   /* of the last SAVE or LOAD, state-bandwidth */
    /* properties */
    uint32_t total_vfs;
    uint32_t vf_pages;
    uint32_t chunk;
    uint32_t command_ms;
    uint32_t fw_subminor;
    uint64_t pad_state;
    uint64_t state_bandwidth;
    uint64_t not_migratable;
    bool tracker;
    bool migration;
    bool precopy;
    bool ethernet;
    bool verbose;
    char *psid;
    char *x_bug;
};

DECLARE_INSTANCE_CHECKER(CxPF, CX_PF, TYPE_CX_PF)
DECLARE_INSTANCE_CHECKER(CxVF, CX_VF, TYPE_CX_VF)

CxVhca *cx_function(CxPF *pf, uint16_t id);
void cx_state_changed(CxVhca *v);
void cx_forget(CxVhca *v);
void cx_reset(CxVhca *v);
bool cx_bug(const CxVhca *v, const char *name);
bool cx_dma(CxVhca *v, uint64_t addr, void *data, uint64_t len, bool write);
void cx_bar_init(CxVhca *v, uint64_t bytes);
void cx_command_bh(void *opaque);

#define cx_log(v, fmt, ...) do { if ((v)->pf->verbose) \
    fprintf(stderr, "connectx %u: " fmt "\n", (v)->id, ##__VA_ARGS__); } while (0)

/* -- fields: big endian, bit 0 is the most significant of a 32-bit word ------ */

static inline uint32_t cx_get(const uint8_t *p, unsigned byte, unsigned bit,
                              unsigned width)
{
    uint32_t word = ldl_be_p(p + byte + bit / 32 * 4);

    return extract32(word, 32 - bit % 32 - width, width);
}

static inline void cx_set(uint8_t *p, unsigned byte, unsigned bit,
                          unsigned width, uint32_t value)
{
    uint8_t *at = p + byte + bit / 32 * 4;

    stl_be_p(at, deposit32(ldl_be_p(at), 32 - bit % 32 - width, width, value));
}

/* -- commands ------------------------------------------------------------------ */

typedef int CxRun(CxVhca *v, CxCmd *c);

typedef struct CxOp {
    uint16_t opcode;
    uint16_t in, out;       /* least bytes of input and output */
    uint8_t flags;
    uint8_t value;          /* where "value" faults write */
    const char *name;
    CxRun *run;
} CxOp;

enum {
    CX_PF_ONLY = 1,
    CX_SUBJECT = 2,         /* is about the function with vhca_id at 8.16 */
    CX_TRANSFER = 4,        /* takes as long as state-bandwidth says */
};

struct CxCmd {
    QTAILQ_ENTRY(CxCmd) next;
    CxVhca *v;
    unsigned slot;
    const CxOp *op;
    CxFault fault;
    uint8_t entry[64];
    uint8_t *in, *out;
    uint32_t inlen, outlen;
    uint16_t op_mod;
    uint32_t syndrome;
    bool with_event;        /* the command EQ was there before it */
    QEMUTimer timer;
};

const CxOp *cx_op(uint16_t opcode);
const CxOp *cx_op_by_name(const char *name);
void cx_commands_drop(CxVhca *v);
void cx_commands_hold(CxVhca *v);

/* -- faults ----------------------------------------------------------------------- */

CxFault cx_fault_take(CxPF *pf, uint16_t function, uint16_t opcode);
void cx_fault_property(Object *obj, const char *value, Error **errp);

/* -- objects ----------------------------------------------------------------------- */

CxRun cx_alloc_id, cx_free_id, cx_create_mkey, cx_destroy_mkey;
void cx_mkey_free(void *mkey);
bool cx_mkey_dma(CxVhca *v, uint32_t mkey, uint8_t access, uint64_t va,
                 void *data, uint64_t len);
bool cx_uar_valid(const CxVhca *v, uint32_t uar);

CxRun cx_create_eq, cx_destroy_eq;
void cx_eq_free(CxEq *eq);
void cx_eq_doorbell(CxVhca *v, uint32_t value, bool arm);
void cx_eq_post(CxVhca *v, unsigned n, uint8_t type, const uint8_t *data);
void cx_eq_kick(CxVhca *v);
void cx_event(CxVhca *v, uint8_t type, const uint8_t *data);
bool cx_has_command_eq(const CxVhca *v);

CxRun cx_create_cq, cx_destroy_cq;
void cx_cq_free(CxCq *cq);
void cx_cq_doorbell(CxVhca *v, uint64_t value);
void cx_cq_post(CxVhca *v, uint32_t n, uint8_t *cqe, uint8_t opcode);

CxRun cx_create_qp, cx_destroy_qp, cx_modify_qp, cx_query_qp;
void cx_qp_free(CxQp *qp);
CxQp *cx_qp(CxVhca *v, uint32_t n);
uint64_t cx_qp_rq_bytes(const CxQp *qp);
uint64_t cx_qp_bytes(const CxQp *qp);

/* -- what queue pairs do --------------------------------------------------------------- */

typedef enum CxDelivery { CX_DELIVERED, CX_NOT_READY, CX_REFUSED } CxDelivery;

CxDelivery cx_rc_receive(CxVhca *v, CxQp *qp, uint32_t qpn, uint8_t *data,
                         uint32_t len, const uint32_t *immediate);
void cx_rc_run(CxVhca *v);
void cx_rc_flush(CxVhca *v, CxQp *qp, uint32_t qpn);

/* -- HCA, port, migration, tracker ------------------------------------------------------ */

CxRun cx_enable_hca, cx_disable_hca, cx_init_hca, cx_teardown_hca;
CxRun cx_query_pages, cx_manage_pages, cx_query_hca_cap, cx_set_hca_cap;
CxRun cx_query_issi, cx_query_adapter;
CxRun cx_query_vport, cx_query_gid, cx_query_pkey, cx_query_special;
CxRun cx_access_reg;
CxRun cx_suspend, cx_resume, cx_query_state, cx_save_state, cx_load_state;
CxRun cx_create_object, cx_modify_object, cx_query_object, cx_destroy_object;

CxVhca *cx_subject(CxVhca *v, const CxCmd *c);
void cx_migration_reset(CxVhca *v);

/* The layout of images is documented in docs/connectx-model.rst */
typedef enum CxImageKind { CX_IMAGE_FULL, CX_IMAGE_DELTA, CX_IMAGE_END } CxImageKind;

#define CX_IMAGE_HEADER 64

uint64_t cx_image_bytes(CxVhca *v, CxImageKind kind);
GByteArray *cx_image_save(CxVhca *v, CxImageKind kind);
uint64_t cx_image_total(const uint8_t *data, size_t len);
bool cx_image_load(CxVhca *v, const uint8_t *data, size_t len);

void cx_tracker_wrote(CxVhca *v, uint64_t iova, uint64_t len);
void cx_tracker_free(CxTracker *t);

#endif
