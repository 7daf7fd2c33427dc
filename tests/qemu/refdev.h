/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference device of mdev-pci: the objects of the model and their calls.
 *
 *   refdev-pf.c       the PF as a PCI function: registers, resets, properties
 *   refdev-cmd.c      command, completion and event rings; a command's life
 *   refdev-sgl.c      scatter-gather lists of commands
 *   refdev-fw.c       what each command does
 *   refdev-fault.c    fault injection
 *   refdev-vf.c       a VF as a PCI function: registers, resets, its DMA
 *   refdev-ioat.c     the VF's copy engine
 *   refdev-context.c  context memory, digest, state image
 *   refdev-precopy.c  what of the image is to be saved; extents
 *   refdev-control.c  a VF's control block: its commands without the rings
 *   refdev-tracker.c  dirty page tracker
 *   refdev-crc.c      CRC-32C
 *
 * Everything runs under QEMU's big lock. DMA reaches RAM only (see
 * refdev_dma()), so no DMA can call back into the model.
 */
#ifndef REFDEV_H
#define REFDEV_H

#include "qemu/queue.h"
#include "qemu/timer.h"
#include "qemu/bitmap.h"
#include "qom/object.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/msix.h"

#include "refdev-abi.h"

#define TYPE_REFDEV     "refdev"
#define TYPE_REFDEV_VF  "refdev-vf"

typedef struct RefdevPF RefdevPF;
typedef struct RefdevVF RefdevVF;
typedef struct RefdevCmd RefdevCmd;
typedef struct RefdevPrecopyUndo RefdevPrecopyUndo;

DECLARE_INSTANCE_CHECKER(RefdevPF, REFDEV, TYPE_REFDEV)
DECLARE_INSTANCE_CHECKER(RefdevVF, REFDEV_VF, TYPE_REFDEV_VF)

#define REFDEV_BAR_TYPE     (PCI_BASE_ADDRESS_SPACE_MEMORY | \
                             PCI_BASE_ADDRESS_MEM_TYPE_64 | \
                             PCI_BASE_ADDRESS_MEM_PREFETCH)

#define REFDEV_OPCODES      0x40
#define REFDEV_MAX_LIVE     128     /* commands the device holds, waiting
                                       completions and ABORTs included */

/* -- faults ------------------------------------------------------------- */

typedef struct RefdevFault {
    uint16_t function;
    uint16_t opcode;
    uint16_t kind;          /* 0: none */
    uint64_t parameter;
    uint32_t hits;          /* commands it still hits */
    uint32_t pass;          /* commands it lets pass before */
} RefdevFault;

uint16_t refdev_fault_inject(RefdevPF *pf, uint16_t function,
                             const uint64_t *arg);
RefdevFault refdev_fault_take(RefdevPF *pf, uint16_t function,
                              uint16_t opcode);

/* -- commands ----------------------------------------------------------- */

typedef enum RefdevCmdState {
    CMD_QUEUED,             /* behind another command of its function */
    CMD_RUNNING,            /* its latency passes */
    CMD_STOPPING,           /* SUSPEND: a copy under way has to end */
    CMD_LATE,               /* carried out, completion held back */
    CMD_LOST,               /* never completes */
    CMD_DONE,               /* its completion waits for room in the ring */
} RefdevCmdState;

typedef struct RefdevSg {
    uint64_t address;
    uint32_t length;
} RefdevSg;

struct RefdevCmd {
    QTAILQ_ENTRY(RefdevCmd) next;
    RefdevPF *pf;
    RefdevCmdState state;
    QEMUTimer timer;
    RefdevFault fault;

    RefdevVF *control;      /* it came by that VF's control block, or NULL */
    uint16_t opcode;
    uint16_t tag;           /* of a command from the ring */
    uint16_t function;
    uint16_t flags;
    uint64_t sgl;
    uint32_t sgl_count;
    uint64_t arg[3];

    uint16_t early;         /* status found before it is carried out */
    RefdevSg *sg;           /* the list, read when the command starts */
    uint64_t sg_bytes;

    uint16_t status;
    uint64_t result[3];
    RefdevPrecopyUndo *undo;    /* of a DELTA SAVE that was carried out */
};

typedef struct RefdevRing {
    uint64_t base;
    uint32_t log;           /* log2 of its entries */
    uint32_t head;          /* consumer, free running */
    uint32_t tail;          /* producer, free running */
} RefdevRing;

void refdev_cmd_doorbell(RefdevPF *pf);
RefdevCmd *refdev_cmd_new(RefdevPF *pf);
void refdev_cmd_control(RefdevCmd *cmd);
void refdev_cmd_abort(RefdevCmd *cmd);
void refdev_cmd_drop_all(RefdevPF *pf);
void refdev_cmd_end_function(RefdevPF *pf, uint16_t function);
bool refdev_cmd_abort_tag(RefdevPF *pf, uint16_t tag, RefdevCmd *by);
void refdev_cmd_stopped(RefdevPF *pf, uint16_t function);
void refdev_cmd_bh(void *opaque);
void refdev_event(RefdevPF *pf, uint16_t type, uint16_t function,
                  uint64_t data);
void refdev_fatal(RefdevPF *pf, uint32_t code);

/* -- scatter-gather lists ------------------------------------------------ */

uint16_t refdev_sgl_read(RefdevCmd *cmd);
uint16_t refdev_sgl_out(RefdevCmd *cmd, const void *data, uint64_t bytes);
uint16_t refdev_sgl_in(RefdevCmd *cmd, void *data, uint64_t bytes);

/* -- firmware ------------------------------------------------------------ */

#define REFDEV_PENDING  0x10000     /* completes later: refdev_cmd_stopped() */

const char *refdev_fw_name(uint16_t opcode);
bool refdev_fw_known(const RefdevPF *pf, uint16_t opcode);
bool refdev_fw_has_data(const RefdevPF *pf, uint16_t opcode);
uint64_t refdev_fw_bytes(RefdevCmd *cmd);
uint64_t refdev_fw_cut(const RefdevCmd *cmd, uint64_t bytes);
uint32_t refdev_fw_run(RefdevCmd *cmd);
void refdev_fw_stopped(RefdevCmd *cmd);

/* -- PF ------------------------------------------------------------------ */

typedef enum RefdevBug {
    REFDEV_BUG_NONE,
    REFDEV_BUG_DMA_AFTER_SUSPEND,
    REFDEV_BUG_LOSE_PAGE,
    REFDEV_BUG_LOSE_WRITE,
    REFDEV_BUG_STALE_DIGEST,
    REFDEV_BUG_STALE_DELTA,
} RefdevBug;

/* Where a device's VFs have their control blocks */
typedef struct RefdevControlKind {
    const char *name;           /* value of the property */
    uint8_t bar;
    uint32_t offset;            /* in the BAR; 0: it has one of its own */
    uint32_t bytes;
    uint32_t window;            /* offset of the data window, to the end */
} RefdevControlKind;

struct RefdevPF {
    PCIDevice parent_obj;

    MemoryRegion bar;
    MemoryRegion msix;
    QEMUBH *bh;                 /* completions out, commands in */

    uint32_t status;
    uint32_t control;
    uint32_t fatal_code;
    RefdevRing cmdq;
    RefdevRing cplq;
    RefdevRing evtq;
    uint32_t events_dropped;

    QTAILQ_HEAD(, RefdevCmd) cmds;      /* in the order they were fetched */
    QTAILQ_HEAD(, RefdevCmd) done;      /* in the order they completed */
    unsigned live;
    int64_t bandwidth_free;             /* when the last transfer ends */

    RefdevFault faults[RD_MAX_FAULTS];

    /* properties */
    uint32_t total_vfs;
    uint64_t context_size;
    uint32_t fw_version;
    uint32_t compat;
    uint64_t latency_ns;
    char *latencies;
    uint64_t state_bandwidth;
    uint64_t copy_ns;
    uint64_t tracker_pages;
    unsigned tracker_log;               /* of the smallest page; 0: as the ABI has it */
    bool precopy;
    bool configure;
    char *vf_ctrl;
    char *fw_name;
    char *x_bug;

    uint64_t latency[REFDEV_OPCODES];
    RefdevBug bug;
    bool vf_reset_silent;               /* VFs do not come out of an FLR */
    const RefdevControlKind *vf_control;     /* or NULL */
};

/* The VF of that number, or NULL if there is none or VF Enable is off. */
RefdevVF *refdev_pf_vf(RefdevPF *pf, uint16_t function);
void refdev_pf_queues_off(RefdevPF *pf);

/* DMA by one function, to and from RAM. */
bool refdev_dma(PCIDevice *dev, uint64_t address, void *data, uint64_t bytes,
                DMADirection dir);

uint32_t refdev_crc(uint32_t crc, const uint8_t *data, size_t bytes);

/* -- context memory and state image -------------------------------------- */

typedef struct RefdevImage {
    uint8_t *data;              /* header, then context memory */
    unsigned long *touched;     /* context pages that may not be zero */
} RefdevImage;

bool refdev_image_alloc(RefdevImage *image, uint64_t context);
void refdev_image_free(RefdevImage *image, uint64_t context);
void refdev_image_clear(RefdevImage *image, uint64_t context);
void refdev_image_touch(RefdevImage *image, uint64_t offset, uint64_t bytes);

void refdev_context_copied(RefdevVF *vf, uint32_t crc);
uint64_t refdev_context_digest(RefdevVF *vf);
uint64_t refdev_context_reported(RefdevVF *vf);
void refdev_context_seal(RefdevVF *vf);
bool refdev_context_apply(RefdevVF *vf);

static inline uint64_t refdev_image_bytes(uint64_t context)
{
    return RD_IMAGE_HEADER + context;
}

/* -- pre-copy ------------------------------------------------------------- */

/* Pages of the image that are to be saved; a page is in one of them at most */
typedef struct RefdevPages {
    unsigned long *unsaved;     /* not saved since START */
    unsigned long *changed;     /* saved, and changed since */
} RefdevPages;

typedef struct RefdevPrecopy {
    bool on;
    uint64_t session;           /* counts STARTs */
    RefdevPages pages;
} RefdevPrecopy;

uint16_t refdev_precopy_start(RefdevVF *vf);
void refdev_precopy_end(RefdevVF *vf);
void refdev_precopy_again(RefdevVF *vf);
void refdev_precopy_level(RefdevVF *vf, uint16_t level);
void refdev_precopy_changed(RefdevVF *vf, uint64_t context_page);
void refdev_precopy_count(RefdevVF *vf, uint64_t *unsaved, uint64_t *changed);
uint64_t refdev_precopy_most(RefdevVF *vf, uint64_t room);
uint16_t refdev_precopy_save(RefdevCmd *cmd, RefdevVF *vf);
void refdev_precopy_undo(RefdevCmd *cmd, RefdevVF *vf);
void refdev_precopy_undo_free(RefdevPrecopyUndo *undo);
bool refdev_extents_valid(const uint8_t *data, uint64_t bytes,
                          uint64_t image);
void refdev_extents_apply(RefdevImage *image, const uint8_t *data,
                          uint64_t bytes);

/* -- tracker ------------------------------------------------------------- */

typedef struct RefdevRange {
    uint64_t iova;
    uint64_t length;
    unsigned long *dirty;
} RefdevRange;

typedef struct RefdevTracker {
    bool running;
    unsigned page_log;
    unsigned ranges;
    RefdevRange range[RD_MAX_RANGES];
} RefdevTracker;

uint16_t refdev_tracker_start(RefdevTracker *t, uint64_t max_pages,
                              unsigned page_log, const uint64_t *ranges,
                              unsigned count);
void refdev_tracker_stop(RefdevTracker *t);
void refdev_tracker_wrote(RefdevTracker *t, uint64_t iova, uint64_t bytes);
RefdevRange *refdev_tracker_find(RefdevTracker *t, uint64_t iova,
                                 uint64_t length);
uint64_t refdev_tracker_get(RefdevTracker *t, RefdevRange *r, uint64_t first,
                            uint64_t pages, uint8_t *bitmap);
void refdev_tracker_clear(RefdevTracker *t, RefdevRange *r, uint64_t first,
                          uint64_t pages);

/* -- VF ------------------------------------------------------------------ */

/* The engine: all of it that is state, and thus in the image. */
typedef struct RefdevIoat {
    uint8_t genctrl;
    uint8_t intrctrl;
    uint8_t attention;
    uint8_t state;              /* IO_STS_* */
    uint16_t intrdelay;
    uint16_t chanctrl;
    uint16_t dmacount;
    uint16_t done;              /* descriptors of this chain so far */
    uint8_t armed;              /* an interrupt may be sent */
    uint8_t pending;            /* an interrupt waits for that */
    uint64_t chainaddr;
    uint64_t chancmp;
    uint64_t completed;         /* address of the last descriptor done */
    uint64_t next;              /* address of the next one */
    uint32_t chanerr;
    uint32_t chanerrmsk;
    uint32_t dcactrl;
} RefdevIoat;

typedef struct RefdevDesc {
    uint64_t address;
    uint32_t size;
    uint32_t control;
    uint64_t source;
    uint64_t target;
    uint64_t next;
} RefdevDesc;

typedef struct RefdevControl {
    MemoryRegion bar;
    RefdevCmd *cmd;             /* under way, or NULL */
    uint8_t regs[RD_VC_REGS_END];
    uint8_t *window;
    uint64_t accesses;          /* by anyone, since VF Enable */
} RefdevControl;

struct RefdevVF {
    PCIDevice parent_obj;

    RefdevPF *pf;
    MemoryRegion bar;
    MemoryRegion msix;

    bool silent;                /* has not come out of an FLR: answers all ones */
    bool enabled;
    uint16_t profile;
    uint64_t max_copy;          /* bytes; CONFIGURE */
    uint64_t bandwidth;         /* MiB/s, 0: no limit; CONFIGURE */
    uint16_t level;
    bool stopping;              /* a SUSPEND waits: begin no copy */

    RefdevIoat io;
    RefdevDesc desc;            /* the copy under way */
    bool copying;
    bool suspend_after;         /* CHANCMD SUSPEND came during it */
    QEMUTimer copy_timer;

    RefdevImage image;
    bool sealed;                /* the image's header is that of now */
    uint64_t digest;
    bool digest_valid;
    uint64_t digest_latch;      /* of the context page */
    uint64_t digest_applied;
    uint64_t digest_stale;      /* x-bug=stale-digest */
    bool digest_stale_set;

    RefdevPrecopy precopy;

    RefdevImage staged;
    bool loading;
    bool load_delta;            /* the load is one of extents */
    uint64_t load_offset;

    RefdevTracker tracker;
    RefdevControl control;

    uint64_t copies;
    uint64_t copied;
    uint64_t errors;            /* in the image */
    uint64_t dropped;           /* writes at FULL: not in the image */
    uint64_t dma_stopped;
    uint64_t resets;
};

/* -- control block ----------------------------------------------------------- */

const RefdevControlKind *refdev_control_kind(const char *name);
void refdev_control_init(RefdevVF *vf, MemoryRegion *bar0);
void refdev_control_free(RefdevVF *vf);
void refdev_control_reset(RefdevVF *vf);
void refdev_control_done(RefdevCmd *cmd);
bool refdev_control_has(const RefdevPF *pf, uint16_t opcode);

void refdev_vf_answer(RefdevVF *vf);
bool refdev_vf_enable(RefdevVF *vf, uint16_t profile);
void refdev_vf_disable(RefdevVF *vf);
void refdev_vf_stop(RefdevVF *vf);
void refdev_vf_stop_cancel(RefdevVF *vf);
void refdev_vf_set_level(RefdevVF *vf, uint16_t level);
void refdev_vf_load_drop(RefdevVF *vf);
uint16_t refdev_vf_number(RefdevVF *vf);
bool refdev_vf_dma(RefdevVF *vf, uint64_t address, void *data, uint64_t bytes,
                   DMADirection dir);
bool refdev_vf_may_dma(RefdevVF *vf);
bool refdev_vf_may_begin(RefdevVF *vf);

uint64_t refdev_vf_profile_copy(const RefdevVF *vf);
uint64_t refdev_ioat_read(RefdevVF *vf, hwaddr offset, unsigned size);
void refdev_ioat_write(RefdevVF *vf, hwaddr offset, uint64_t value,
                       unsigned size);
void refdev_ioat_reset(RefdevVF *vf);
void refdev_ioat_resumed(RefdevVF *vf);
void refdev_ioat_timer(void *opaque);
bool refdev_ioat_sane(const RefdevIoat *io);

#endif
