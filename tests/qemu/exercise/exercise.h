/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exerciser of the reference device: a user-space driver of its PF and two of
 * its VFs, through VFIO, that checks docs/reference-device.rst line by line.
 *
 *   vfio.c     opening functions, DMA memory, interrupts, configuration space
 *   queue.c    the rings of the PF
 *   engine.c   the VF's copy engine, and a model of its context memory
 *   precopy.c  pre-copy
 *   test-*.c   the tests; main.c lists them
 */
#ifndef EXERCISE_H
#define EXERCISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../refdev-abi.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a)   (sizeof(a) / sizeof((a)[0]))

/* -- checks: a test fails if one of its checks does ----------------------- */

extern unsigned failures;

void fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define CHECK(cond) do {                                                \
    if (!(cond)) {                                                      \
        fail(__FILE__, __LINE__, "not true: %s", #cond);                \
    }                                                                   \
} while (0)

#define CHECK_EQ(a, b) do {                                             \
    u64 a_ = (a), b_ = (b);                                             \
    if (a_ != b_) {                                                     \
        fail(__FILE__, __LINE__, "%s is %#llx, not %s = %#llx", #a,     \
             (unsigned long long)a_, #b, (unsigned long long)b_);       \
    }                                                                   \
} while (0)

void die(const char *format, ...) __attribute__((format(printf, 1, 2),
                                                 noreturn));
u64 now_ns(void);
void sleep_ms(unsigned ms);
u64 random64(void);

/* -- VFIO ------------------------------------------------------------------ */

struct function {
    char bdf[16];
    int fd;
    volatile u8 *bar;           /* BAR 0 */
    u64 config;                 /* offset of the configuration space */
    int irq[2];                 /* eventfds of the MSI-X vectors */
};

#define MEMORY_BYTES    (48u << 20)
#define MEMORY_LIMIT    (1u << 30)
#define MEMORY_IOVA     0x100000000ull      /* above 4 GiB on purpose */
#define UNMAPPED_IOVA   0x7f0000000000ull

extern u8 *memory;              /* mapped for DMA by all functions */
extern struct function pf;
extern struct function vf[2];
extern bool vfs_open;

void memory_map(void);
void memory_grow(u64 image);
u64 iova(const void *p);
void *alloc(size_t bytes);      /* page aligned, zeroed, until alloc_reset() */
void alloc_reset(void);
size_t alloc_mark(void);
void alloc_release(size_t mark);

void container_open(void);
void function_open(struct function *f, const char *bdf, const char *token);
void function_reset(struct function *f);
/* The kernel brings VF Enable back after a PF reset, but it does not know that
 * the VFs have lost their configuration by it. */
void pf_reset(void);
u16 config_read16(struct function *f, unsigned offset);
void config_write16(struct function *f, unsigned offset, u16 value);
void bus_master(struct function *f, bool on);
void interrupts_on(struct function *f);
unsigned interrupts(struct function *f, unsigned vector);  /* since last */
void vf_token(struct function *f, const u8 uuid[16]);

static inline u32 rd32(struct function *f, unsigned reg)
{
    return *(volatile u32 *)(f->bar + reg);
}

static inline u64 rd64(struct function *f, unsigned reg)
{
    return *(volatile u64 *)(f->bar + reg);
}

static inline u16 rd16(struct function *f, unsigned reg)
{
    return *(volatile u16 *)(f->bar + reg);
}

static inline u8 rd8(struct function *f, unsigned reg)
{
    return *(volatile u8 *)(f->bar + reg);
}

static inline void wr8(struct function *f, unsigned reg, u8 value)
{
    *(volatile u8 *)(f->bar + reg) = value;
}

static inline void wr16(struct function *f, unsigned reg, u16 value)
{
    *(volatile u16 *)(f->bar + reg) = value;
}

static inline void wr32(struct function *f, unsigned reg, u32 value)
{
    *(volatile u32 *)(f->bar + reg) = value;
}

static inline void wr64(struct function *f, unsigned reg, u64 value)
{
    *(volatile u64 *)(f->bar + reg) = value;
}

/* -- queue ------------------------------------------------------------------ */

struct command {
    u16 opcode, tag, function, flags;
    u64 sgl;
    u32 sgl_count, reserved;
    u64 arg[3];
    u64 reserved2[2];
};

struct completion {
    u16 tag, status;
    u32 phase;
    u64 result[3];
};

struct event {
    u16 type, function;
    u32 phase;
    u64 data;
    u64 reserved[2];
};

struct sg {
    u64 address;
    u32 length, reserved;
};

_Static_assert(sizeof(struct command) == RD_CMD_BYTES, "command");
_Static_assert(sizeof(struct completion) == RD_CPL_BYTES, "completion");
_Static_assert(sizeof(struct event) == RD_EVT_BYTES, "event");

#define FN_PF   RD_FUNCTION_PF

void queue_on(unsigned log);
void queue_off(void);
void queue_fresh(void);         /* PF FLR, then on with 64 entries */
void queue_consume(bool on);    /* off: leave completions in the ring */

/* Completions come into a table by tag; "order" counts them. */
struct done {
    bool valid;
    unsigned order;
    struct completion c;
};

u16 submit(struct command *c);              /* picks a free tag, rings */
void submit_tagged(struct command *c);      /* with the tag it has */
bool wait_for(u16 tag, struct done *done, unsigned ms);
void poll_completions(void);
bool completed(u16 tag, struct done *done);
bool next_event(struct event *e, unsigned ms);
void drop_events(void);

/* Submit and wait; 0xffff if nothing came in 5 s. */
u16 run(struct command *c, struct completion *out);

struct command cmd(u16 opcode, u16 function, u64 arg0, u64 arg1, u64 arg2);
void with_buffer(struct command *c, const void *buffer, u32 bytes);
void with_pieces(struct command *c, const void *buffer, u32 bytes, u32 piece);

/* Short forms. */
u16 do_cmd(u16 opcode, u16 function, u64 arg0, u64 arg1);
u16 enable(u16 function);
u16 disable(u16 function);
u16 suspend(u16 function, unsigned level);
u16 resume(u16 function, unsigned level);
u16 inject(u16 function, u16 opcode, u16 kind, u64 parameter, u32 hits,
           u32 pass);
u16 save(u16 function, u64 offset, void *buffer, u32 bytes, u64 *written,
         u64 *remain);
u16 load(u16 function, u64 offset, const void *buffer, u32 bytes, bool last);
u16 abort_tag(u16 tag, u64 *hit);

struct identify {
    u32 magic, fw_version, compat;
    u16 total_vfs, profiles, outstanding, sgl;
    u32 transfer;
    u64 context, image;
    u16 ranges;
    u8 page_min, page_max;
    u32 dropped;
    u64 pages;
    u32 features;
    u8 control_bar, reserved[3];
    u32 control_offset, control_bytes, window_offset, window_bytes;
    u8 reserved3[0x30];
    char name[32];
    u8 reserved2[0x60];
};

struct query {
    u32 flags;
    u16 level, profile;
    u64 copies, copied, errors, digest, applied, dma_stopped, resets;
    u64 max_copy, bandwidth, accesses;
    u64 reserved[5];
};

_Static_assert(sizeof(struct identify) == RD_IDENTIFY_BYTES, "identify");
_Static_assert(sizeof(struct query) == RD_QUERY_BYTES, "query");

extern struct identify id;      /* as of the last identify() */
u16 identify(void);
u16 query(u16 function, struct query *q);

/* Full image of a function at FULL, in pieces of that many bytes. */
u8 *save_image(u16 function, u32 piece);
u16 load_image(u16 function, const u8 *image, u64 bytes, u32 piece);

/* -- engine ------------------------------------------------------------------ */

struct desc {
    u32 size, control;
    u64 source, target, next;
    u64 reserved[4];
};

_Static_assert(sizeof(struct desc) == IO_DESC_BYTES, "desc");

/* The context memory as it should be. */
struct model {
    u64 *words;
    u64 count;
    u64 copies, copied;
};

struct engine {
    struct function *f;
    struct desc *ring;
    unsigned entries;
    u64 *completion;
    struct model model;
};

u32 crc32c(const void *data, size_t bytes);
void model_init(struct model *m);
void model_copy(struct model *m, const void *data, u32 bytes);
u64 model_digest(const struct model *m);

void engine_init(struct engine *e, struct function *f, unsigned entries);
void engine_set(struct engine *e, unsigned i, const void *source,
                void *target, u32 bytes, u32 control);
void engine_start(struct engine *e, u16 count);
unsigned engine_state(struct engine *e);
bool engine_wait(struct engine *e, unsigned state, unsigned ms);
void engine_reset(struct engine *e);
/* One copy of random data, checked and modelled. */
void engine_copy(struct engine *e, u32 bytes);
/* A chain of one descriptor that points to itself: 65535 copies. */
void engine_spin(struct engine *e, u32 bytes);

/* -- pre-copy ---------------------------------------------------------------- */

#define PAGE            RD_IMAGE_PAGE
#define EXTENT_ONE      (RD_EXTENT_HEADER + PAGE)   /* a page counts as that */

struct extent {
    u64 offset;
    u32 bytes, reserved;
};

_Static_assert(sizeof(struct extent) == RD_EXTENT_HEADER, "extent");

u16 precopy(u16 function, u64 what, u64 *unsaved, u64 *changed);
u16 save_delta(u16 function, void *buffer, u32 bytes, u64 *written,
               u64 *remain);
u16 load_delta(u16 function, u64 position, const void *buffer, u32 bytes,
               bool last);

/* VF 0 is what is saved, VF 1 what is loaded. */
extern struct engine source;

#define SOURCE_CHAIN    64

void precopy_pair(void);
void precopy_started(void);
u64 context_pages(void);
void expect_counts(u64 unsaved_pages, u64 changed_pages);
void source_copies(unsigned count);
u64 page_of_copy(u64 n);
u64 pages_changed(u64 from);

u64 extent_length(const u8 *data, u64 bytes);
void unpack(const u8 *data, u64 bytes, u8 *image);
void save_rest(u8 *image);
u32 put_extent(u8 *at, u64 offset, u32 bytes, const u8 *data);

/* -- tests -------------------------------------------------------------------- */

void test_registers(void);
void test_ring_setup(void);
void test_identify(void);
void test_sgl(void);
void test_codes(void);
void test_tags(void);
void test_many(void);
void test_wrap(void);
void test_completions_full(void);
void test_overrun(void);
void test_ring_lost(void);
void test_queue_off(void);
void test_interrupts(void);

void test_enable(void);
void test_levels(void);
void test_state(void);
void test_state_stream(void);
void test_state_bad(void);
void test_state_order(void);
void test_profiles(void);
void test_configure(void);
void test_configure_bad(void);
void test_configure_image(void);
void test_configure_off(void);
void test_tracker(void);
void test_tracker_bad(void);

void test_copy(void);
void test_chain(void);
void test_engine_errors(void);
void test_engine_commands(void);
void test_disabled_vf(void);
void test_suspend_busy(void);
void test_suspend_abort(void);
void test_full_writes(void);
void test_move(void);
void test_move_interrupt(void);

void test_fault_fail(void);
void test_fault_silent(void);
void test_fault_late(void);
void test_fault_short(void);
void test_fault_fatal(void);
void test_fault_arguments(void);
void test_abort(void);

void test_vf_flr(void);
void test_pf_flr(void);
void test_events_full(void);
void test_bus_master(void);
void test_hostile_commands(void);
void test_hostile_registers(void);
void test_hostile_images(void);

void test_precopy_cycle(void);
void test_precopy_pages(void);
void test_precopy_order(void);
void test_precopy_header(void);
void test_precopy_state(void);
void test_precopy_end(void);
void test_precopy_faults(void);
void test_precopy_late(void);
void test_precopy_again(void);
void test_precopy_load(void);
void test_precopy_load_bad(void);
void test_precopy_load_order(void);
void test_precopy_hostile(void);
void test_precopy_off(void);

void test_vf_ctrl_state(void);
void test_vf_ctrl_bad(void);
void test_vf_ctrl_ends(void);

void test_time(void);

#endif
