/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exercise.h"

#define RING_MAX    (1u << RD_RING_LOG_MAX)

static struct command *commands;
static struct completion *completions;
static struct event *events;
static unsigned ring_log;
static u32 tail, cpl_head, evt_head;
static bool consume = true;
static struct done done_table[0x10000];
static unsigned done_count;
static u16 next_tag;

struct identify id;

/* -- setting up ---------------------------------------------------------------- */

static void rings_alloc(void)
{
    if (!commands) {
        commands = alloc(RING_MAX * sizeof(*commands));
        completions = alloc(RING_MAX * sizeof(*completions));
        events = alloc(RING_MAX * sizeof(*events));
    }
}

void queue_on(unsigned log)
{
    rings_alloc();
    memset(completions, 0, RING_MAX * sizeof(*completions));
    memset(events, 0, RING_MAX * sizeof(*events));
    memset(done_table, 0, sizeof(done_table));
    tail = cpl_head = evt_head = 0;
    ring_log = log;
    consume = true;
    wr64(&pf, RD_CMDQ_BASE, iova(commands));
    wr64(&pf, RD_CPLQ_BASE, iova(completions));
    wr64(&pf, RD_EVTQ_BASE, iova(events));
    wr32(&pf, RD_CMDQ_SIZE, log);
    wr32(&pf, RD_CPLQ_SIZE, log);
    wr32(&pf, RD_EVTQ_SIZE, log);
    wr32(&pf, RD_CONTROL, RD_CONTROL_ENABLE);
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_READY | RD_STATUS_ENABLED);
}

void queue_off(void)
{
    wr32(&pf, RD_CONTROL, 0);
    CHECK(!(rd32(&pf, RD_STATUS) & RD_STATUS_ENABLED));
}

void queue_fresh(void)
{
    pf_reset();
    queue_on(6);
}

void queue_consume(bool on)
{
    consume = on;
    if (on) {
        wr32(&pf, RD_CPLQ_HEAD, cpl_head);
    }
}

/* -- completions and events ------------------------------------------------------ */

static u32 phase_at(u32 index)
{
    return !((index >> ring_log) & 1);
}

static u32 slot(u32 index)
{
    return index & ((1u << ring_log) - 1);
}

void poll_completions(void)
{
    struct completion *c = &completions[slot(cpl_head)];
    u32 before = cpl_head;

    while ((__atomic_load_n(&c->phase, __ATOMIC_ACQUIRE) & 1) ==
           phase_at(cpl_head)) {
        done_table[c->tag].valid = true;
        done_table[c->tag].order = ++done_count;
        done_table[c->tag].c = *c;
        c = &completions[slot(++cpl_head)];
    }
    if (consume && cpl_head != before) {
        wr32(&pf, RD_CPLQ_HEAD, cpl_head);
    }
}

bool completed(u16 tag, struct done *done)
{
    poll_completions();
    if (!done_table[tag].valid) {
        return false;
    }
    if (done) {
        *done = done_table[tag];
    }
    return true;
}

bool wait_for(u16 tag, struct done *done, unsigned ms)
{
    u64 end = now_ns() + ms * 1000000ull;

    do {
        if (completed(tag, done)) {
            return true;
        }
        sleep_ms(0);
    } while (now_ns() < end);
    return completed(tag, done);
}

bool next_event(struct event *e, unsigned ms)
{
    u64 end = now_ns() + ms * 1000000ull;
    struct event *slot_event = &events[slot(evt_head)];

    do {
        if ((__atomic_load_n(&slot_event->phase, __ATOMIC_ACQUIRE) & 1) ==
            phase_at(evt_head)) {
            *e = *slot_event;
            wr32(&pf, RD_EVTQ_HEAD, ++evt_head);
            return true;
        }
        sleep_ms(0);
    } while (now_ns() < end);
    return false;
}

void drop_events(void)
{
    struct event e;

    while (next_event(&e, 0)) {
        ;
    }
}

/* -- commands ------------------------------------------------------------------ */

void submit_tagged(struct command *c)
{
    done_table[c->tag].valid = false;
    commands[slot(tail)] = *c;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    wr32(&pf, RD_CMDQ_TAIL, ++tail);
}

/* Tags 0x8000 and above are for the tests that name their own. */
u16 submit(struct command *c)
{
    c->tag = next_tag++ & 0x7fff;
    submit_tagged(c);
    return c->tag;
}

u16 run(struct command *c, struct completion *out)
{
    struct done done;

    if (!wait_for(submit(c), &done, 5000)) {
        return 0xffff;
    }
    if (out) {
        *out = done.c;
    }
    return done.c.status;
}

struct command cmd(u16 opcode, u16 function, u64 arg0, u64 arg1, u64 arg2)
{
    struct command c = {
        .opcode = opcode,
        .function = function,
        .arg = { arg0, arg1, arg2 },
    };

    return c;
}

void with_pieces(struct command *c, const void *buffer, u32 bytes, u32 piece)
{
    u32 count = (bytes + piece - 1) / piece;
    struct sg *sg = alloc(count * sizeof(*sg));

    for (u32 i = 0; i < count; i++) {
        u32 left = bytes - i * piece;

        sg[i].address = iova(buffer) + i * piece;
        sg[i].length = left < piece ? left : piece;
    }
    c->sgl = iova(sg);
    c->sgl_count = count;
}

void with_buffer(struct command *c, const void *buffer, u32 bytes)
{
    with_pieces(c, buffer, bytes, bytes);
}

u16 do_cmd(u16 opcode, u16 function, u64 arg0, u64 arg1)
{
    struct command c = cmd(opcode, function, arg0, arg1, 0);

    return run(&c, NULL);
}

u16 enable(u16 function)
{
    return do_cmd(RD_OP_ENABLE, function, 1, 0);
}

u16 disable(u16 function)
{
    return do_cmd(RD_OP_DISABLE, function, 0, 0);
}

u16 suspend(u16 function, unsigned level)
{
    return do_cmd(RD_OP_SUSPEND, function, level, 0);
}

u16 resume(u16 function, unsigned level)
{
    return do_cmd(RD_OP_RESUME, function, level, 0);
}

u16 inject(u16 function, u16 opcode, u16 kind, u64 parameter, u32 hits,
           u32 pass)
{
    struct command c = cmd(RD_OP_INJECT, function,
                           opcode | (u32)kind << 16, parameter,
                           hits | (u64)pass << 32);

    return run(&c, NULL);
}

u16 abort_tag(u16 tag, u64 *hit)
{
    struct command c = cmd(RD_OP_ABORT, FN_PF, tag, 0, 0);
    struct completion out = { 0 };
    u16 status = run(&c, &out);

    if (hit) {
        *hit = out.result[0];
    }
    return status;
}

u16 identify(void)
{
    static struct command c;
    struct identify *page = alloc(sizeof(*page));
    u16 status;

    c = cmd(RD_OP_IDENTIFY, FN_PF, 0, 0, 0);
    with_buffer(&c, page, sizeof(*page));
    status = run(&c, NULL);
    id = *page;
    return status;
}

u16 query(u16 function, struct query *q)
{
    static u8 *page;
    struct command c = cmd(RD_OP_QUERY, function, 0, 0, 0);
    u16 status;

    page = alloc(sizeof(*q));
    with_buffer(&c, page, sizeof(*q));
    status = run(&c, NULL);
    memcpy(q, page, sizeof(*q));
    return status;
}

/* -- images ---------------------------------------------------------------------- */

u16 save(u16 function, u64 offset, void *buffer, u32 bytes, u64 *written,
         u64 *remain)
{
    struct command c = cmd(RD_OP_SAVE, function, offset, 0, 0);
    struct completion out = { 0 };
    u16 status;

    if (bytes) {
        with_buffer(&c, buffer, bytes);
    }
    status = run(&c, &out);
    if (written) {
        *written = out.result[0];
    }
    if (remain) {
        *remain = out.result[1];
    }
    return status;
}

u16 load(u16 function, u64 offset, const void *buffer, u32 bytes, bool last)
{
    struct command c = cmd(RD_OP_LOAD, function, offset, bytes, 0);

    c.flags = last ? RD_LOAD_LAST : 0;
    if (bytes) {
        with_buffer(&c, buffer, bytes);
    }
    return run(&c, NULL);
}

u8 *save_image(u16 function, u32 piece)
{
    u8 *image = alloc(id.image);
    u64 offset = 0, written, remain = 1;

    while (remain) {
        u64 left = id.image - offset;
        u32 bytes = left < piece ? left : piece;

        if (save(function, offset, image + offset, bytes, &written,
                 &remain) != RD_OK) {
            CHECK(!"SAVE");
            break;
        }
        CHECK_EQ(written, bytes);
        offset += written;
        CHECK_EQ(remain, id.image - offset);
    }
    return image;
}

u16 load_image(u16 function, const u8 *image, u64 bytes, u32 piece)
{
    u16 status = RD_OK;

    for (u64 offset = 0; offset < bytes && status == RD_OK; offset += piece) {
        u32 part = bytes - offset < piece ? bytes - offset : piece;

        status = load(function, offset, image + offset, part,
                      offset + part == bytes);
    }
    return status;
}
