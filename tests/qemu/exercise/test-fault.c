/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fault injection, ABORT, resets, hostile input, time. */
#include <linux/pci_regs.h>

#include "exercise.h"

static struct engine e;

static void one(void)
{
    queue_fresh();
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(enable(1), RD_OK);
}

static struct query q(u16 function)
{
    struct query page;

    CHECK_EQ(query(function, &page), RD_OK);
    return page;
}

static u16 state_size(u16 function)
{
    return do_cmd(RD_OP_STATE_SIZE, function, 0, 0);
}

/* -- the kinds that each command has -------------------------------------------- */

void test_fault_fail(void)
{
    one();
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_FAIL, 0x123, 2, 1), RD_OK);
    CHECK_EQ(state_size(0), RD_OK);
    CHECK_EQ(state_size(1), RD_OK);
    CHECK_EQ(state_size(0), 0x123);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED);
    CHECK_EQ(state_size(0), 0x123);
    CHECK_EQ(state_size(0), RD_OK);
    /* of any function, and the function's own before that */
    CHECK_EQ(inject(FN_PF, RD_OP_STATE_SIZE, RD_FAULT_FAIL, 0x80, 100, 0),
             RD_OK);
    CHECK_EQ(inject(1, RD_OP_STATE_SIZE, RD_FAULT_FAIL, 0x81, 1, 0), RD_OK);
    CHECK_EQ(state_size(0), 0x80);
    CHECK_EQ(state_size(1), 0x81);
    CHECK_EQ(state_size(1), 0x80);
    /* disarmed, one and all */
    CHECK_EQ(inject(FN_PF, RD_OP_STATE_SIZE, 0, 0, 0, 0), RD_OK);
    CHECK_EQ(state_size(1), RD_OK);
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_FAIL, 1, 1, 0), RD_OK);
    CHECK_EQ(inject(0, RD_OP_SUSPEND, RD_FAULT_FAIL, 1, 1, 0), RD_OK);
    CHECK_EQ(inject(0, 0, 0, 0, 0, 0), RD_OK);
    CHECK_EQ(state_size(0), RD_OK);
    /* nothing is done */
    CHECK_EQ(inject(0, RD_OP_SUSPEND, RD_FAULT_FAIL, 0xffff, 1, 0), RD_OK);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), 0xffff);
    CHECK_EQ(q(0).level, RD_LEVEL_RUNNING);
}

void test_fault_silent(void)
{
    struct command c = cmd(RD_OP_SUSPEND, 0, RD_LEVEL_FULL, 0, 0);
    struct done done;
    u64 hit;

    one();
    CHECK_EQ(inject(0, RD_OP_SUSPEND, RD_FAULT_SILENT, 0, 1, 0), RD_OK);
    c.tag = 0x9000;
    submit_tagged(&c);
    sleep_ms(100);
    CHECK(!completed(0x9000, NULL));
    /* it does not hold up the ones behind it, nor was it carried out */
    CHECK_EQ(q(0).level, RD_LEVEL_RUNNING);
    CHECK_EQ(abort_tag(0x9000, &hit), RD_OK);
    CHECK_EQ(hit, 1);
    CHECK(completed(0x9000, &done));
    CHECK_EQ(done.c.status, RD_ABORTED);
}

void test_fault_late(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    struct done late, quick;
    u64 start = now_ns();

    one();
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_LATE, 200000000, 1, 0),
             RD_OK);
    c.tag = 0x9000;
    start = now_ns();
    submit_tagged(&c);
    c.tag = 0x9001;
    submit_tagged(&c);
    CHECK(wait_for(0x9001, &quick, 1000));
    CHECK(wait_for(0x9000, &late, 2000));
    CHECK(now_ns() - start >= 200000000);
    CHECK_EQ(late.c.status, RD_OK);
    CHECK_EQ(late.c.result[0], id.image);
    CHECK(quick.order < late.order);
}

void test_fault_short(void)
{
    u8 *buffer = alloc(16384);
    struct command c = cmd(RD_OP_IDENTIFY, FN_PF, 0, 0, 0);
    struct completion out;
    u64 written, remain;

    one();
    CHECK_EQ(inject(FN_PF, RD_OP_IDENTIFY, RD_FAULT_SHORT, 100, 1, 0), RD_OK);
    memset(buffer, 0xee, 16384);
    with_buffer(&c, buffer, 256);
    CHECK_EQ(run(&c, &out), RD_OK);
    CHECK_EQ(out.result[0], 100);
    CHECK_EQ(buffer[99], 0);
    CHECK_EQ(buffer[100], 0xee);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_SHORT, 1000, 1, 0), RD_OK);
    CHECK_EQ(save(0, 0, buffer, 8192, &written, &remain), RD_OK);
    CHECK_EQ(written, 1000);
    CHECK_EQ(remain, id.image - 1000);
    CHECK_EQ(buffer[1000], 0xee);
    CHECK_EQ(save(0, 1000, buffer + 1000, 8192 - 1000, &written, NULL),
             RD_OK);
    CHECK_EQ(inject(0, RD_OP_LOAD, RD_FAULT_SHORT, 10, 1, 0), RD_OK);
    c = cmd(RD_OP_LOAD, 0, 0, 8192, 0);
    with_buffer(&c, buffer, 8192);
    CHECK_EQ(run(&c, &out), RD_OK);
    CHECK_EQ(out.result[0], 10);
    CHECK_EQ(load(0, 8192, buffer, 100, false), RD_BAD_ARGUMENT);
    CHECK_EQ(load(0, 10, buffer, 100, false), RD_OK);
    CHECK_EQ(load(0, 110, buffer, 0, true), RD_BAD_IMAGE);
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_SHORT, 0, 1, 0), RD_OK);
    CHECK_EQ(save(0, 0, buffer, 8192, &written, &remain), RD_OK);
    CHECK_EQ(written, 0);
}

void test_fault_fatal(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    struct event event;

    one();
    interrupts(&pf, 1);
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_FATAL, 0, 1, 0), RD_OK);
    drop_events();
    submit(&c);
    CHECK(next_event(&event, 1000));
    CHECK_EQ(event.type, RD_EVT_FATAL);
    CHECK_EQ(event.data, RD_FATAL_INJECTED);
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_FATAL);
    CHECK_EQ(rd32(&pf, RD_FATAL_CODE), RD_FATAL_INJECTED);
    sleep_ms(5);
    CHECK(interrupts(&pf, 1) > 0);
    queue_fresh();
    CHECK_EQ(identify(), RD_OK);
}

void test_fault_arguments(void)
{
    unsigned armed = 0;
    u16 status = RD_OK;

    one();
    CHECK_EQ(inject(0, RD_OP_SAVE, 0, 0, 1, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(inject(0, RD_OP_SAVE, 7, 0, 1, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_AGAIN, 0, 1, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_FAIL, 0, 1, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_FAIL, 0x10000, 1, 0),
             RD_BAD_ARGUMENT);
    CHECK_EQ(inject(0, 0x17, RD_FAULT_FAIL, 1, 1, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(inject(0, 0xffff, RD_FAULT_FAIL, 1, 1, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(inject(0, RD_OP_INJECT, RD_FAULT_FAIL, 1, 1, 0),
             RD_BAD_ARGUMENT);
    CHECK_EQ(do_cmd(RD_OP_INJECT, 0, 1ull << 32, 0), RD_BAD_ARGUMENT);
    for (u16 fn = 0; fn < id.total_vfs && status == RD_OK; fn++) {
        for (u16 op = 1; op <= RD_OP_ABORT && status == RD_OK; op++) {
            if (op <= 3 || (op >= 0x10 && op <= 0x14) || op == 0x16 ||
                (op >= 0x20 && op <= 0x22) || op == 0x30) {
                status = inject(fn, op, RD_FAULT_FAIL, 0x99, 1, 1000);
                armed += status == RD_OK;
            }
        }
    }
    CHECK_EQ(status, armed == RD_MAX_FAULTS ? RD_NO_RESOURCES : RD_OK);
    CHECK_EQ(inject(0, 0, 0, 0, 0, 0), RD_OK);
}

/* ABORT of what waits behind another, and of what is done already. */
void test_abort(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    struct done done, aborted;
    u64 hit;

    one();
    CHECK_EQ(abort_tag(0x9000, &hit), RD_OK);
    CHECK_EQ(hit, 0);
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_LATE, 300000000, 1, 0),
             RD_OK);
    c.tag = 0x9000;
    submit_tagged(&c);
    c = cmd(RD_OP_ABORT, FN_PF, 0x9000, 0, 0);
    c.tag = 0x9001;
    submit_tagged(&c);
    CHECK(wait_for(0x9001, &done, 200));
    CHECK(completed(0x9000, &aborted));
    CHECK_EQ(aborted.c.status, RD_ABORTED);
    CHECK_EQ(aborted.c.result[0], 0);
    CHECK_EQ(done.c.result[0], 1);
    CHECK(aborted.order < done.order);
    /* itself it does not see */
    c.arg[0] = 0x9001;
    submit_tagged(&c);
    CHECK(wait_for(0x9001, &done, 1000));
    CHECK_EQ(done.c.status, RD_OK);
    CHECK_EQ(done.c.result[0], 0);
    /* DISABLE ends the function's commands, and only its */
    CHECK_EQ(inject(FN_PF, RD_OP_STATE_SIZE, RD_FAULT_SILENT, 0, 2, 0),
             RD_OK);
    c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    c.tag = 0x9002;
    submit_tagged(&c);
    c.function = 1;
    c.tag = 0x9003;
    submit_tagged(&c);
    CHECK_EQ(disable(0), RD_OK);
    CHECK(completed(0x9002, &done));
    CHECK_EQ(done.c.status, RD_ABORTED);
    CHECK(!completed(0x9003, &done));
}

/* -- resets ------------------------------------------------------------------------ */

void test_vf_flr(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    struct event event;
    struct query page;
    struct done done;
    u64 zero, resets;

    one();
    zero = q(0).digest;
    resets = q(0).resets;
    engine_init(&e, &vf[0], 4);
    engine_copy(&e, 1000);
    CHECK(q(0).digest != zero);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(load(0, 0, alloc(4096), 4096, false), RD_OK);
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_SILENT, 0, 1, 0), RD_OK);
    c.tag = 0x9000;
    submit_tagged(&c);
    sleep_ms(20);
    drop_events();
    function_reset(&vf[0]);
    CHECK(wait_for(0x9000, &done, 1000));
    CHECK_EQ(done.c.status, RD_ABORTED);
    CHECK(next_event(&event, 1000));
    CHECK_EQ(event.type, RD_EVT_FUNCTION_RESET);
    CHECK_EQ(event.function, 0);
    page = q(0);
    CHECK_EQ(page.flags, RD_QUERY_ENABLED);
    CHECK_EQ(page.profile, 1);
    CHECK_EQ(page.level, RD_LEVEL_RUNNING);
    CHECK_EQ(page.digest, zero);
    CHECK_EQ(page.copies + page.copied + page.errors + page.applied, 0);
    CHECK_EQ(page.resets, resets + 1);
    bus_master(&vf[0], true);
    CHECK_EQ(rd8(&vf[0], IO_INTRCTRL), 0);
    CHECK_EQ(engine_state(&e), IO_STS_HALTED);
    engine_init(&e, &vf[0], 4);
    engine_copy(&e, 1000);
    CHECK_EQ(q(0).digest, model_digest(&e.model));
    /* in the middle of a copy */
    engine_spin(&e, 1 << 20);
    function_reset(&vf[0]);
    bus_master(&vf[0], true);
    CHECK_EQ(q(0).digest, zero);
    CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), 0);
    sleep_ms(10);
    CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), 0);
}

/* The kernel restores VF Enable after a PF reset; the firmware has forgotten
 * everything all the same. */
void test_pf_flr(void)
{
    one();
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_FAIL, 0x99, 9, 0), RD_OK);
    engine_init(&e, &vf[0], 4);
    engine_spin(&e, 4096);
    pf_reset();
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_READY);
    CHECK_EQ(rd32(&pf, RD_CONTROL), 0);
    CHECK_EQ(rd64(&pf, RD_CMDQ_BASE), 0);
    CHECK_EQ(rd32(&pf, RD_CMDQ_SIZE), 0);
    queue_on(6);
    CHECK_EQ(q(0).flags, 0);
    CHECK_EQ(q(1).flags, 0);
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(state_size(0), RD_OK);
}

void test_events_full(void)
{
    struct event event;
    unsigned seen = 0;

    queue_fresh();
    queue_off();
    queue_on(5);
    for (int i = 0; i < 36; i++) {
        function_reset(&vf[0]);
    }
    CHECK_EQ(identify(), RD_OK);
    CHECK_EQ(id.dropped, 4);
    while (next_event(&event, 20)) {
        CHECK_EQ(event.type, RD_EVT_FUNCTION_RESET);
        seen++;
    }
    CHECK_EQ(seen, 32);
    function_reset(&vf[1]);
    CHECK(next_event(&event, 1000));
    CHECK_EQ(event.function, 1);
    bus_master(&vf[0], true);
    bus_master(&vf[1], true);
    queue_off();
    queue_on(5);
    CHECK_EQ(identify(), RD_OK);
    CHECK_EQ(id.dropped, 0);
}

/* Each function masters the bus by its own Command register. */
void test_bus_master(void)
{
    u8 *data;

    one();
    data = alloc(8192);
    engine_init(&e, &vf[0], 1);
    engine_set(&e, 0, data, data + 4096, 64, 0);
    bus_master(&vf[0], false);
    engine_start(&e, 1);
    CHECK(engine_wait(&e, IO_STS_HALTED, 1000));
    CHECK_EQ(rd32(&vf[0], IO_CHANERR), IO_ERR_CHAIN_VALUE);
    bus_master(&vf[0], true);
    bus_master(&pf, false);
    engine_start(&e, 1);
    CHECK(engine_wait(&e, IO_STS_IDLE, 1000));
    wr32(&pf, RD_CMDQ_TAIL, rd32(&pf, RD_CMDQ_TAIL) + 1);
    sleep_ms(20);
    CHECK_EQ(rd32(&pf, RD_FATAL_CODE), RD_FATAL_RING_ACCESS);
    queue_fresh();
}

/* -- hostile input ------------------------------------------------------------------ */

static u64 hostile64(void)
{
    static const u64 values[] = { 0, 1, 2, 3, 0xfff, 0x1000, 0xffff, 0x10000,
                                  0xffffffff, 1ull << 32, 1ull << 63, ~0ull,
                                  MEMORY_IOVA, MEMORY_IOVA + MEMORY_BYTES,
                                  0xfee00000, UNMAPPED_IOVA };

    switch (random64() % 4) {
    case 0:
        return random64();
    case 1:
        return MEMORY_IOVA + random64() % MEMORY_BYTES;
    default:
        return values[random64() % ARRAY_SIZE(values)];
    }
}

static struct command hostile_command(void)
{
    static const u16 ops[] = { 0, 1, 2, 3, 4, 0x10, 0x11, 0x12, 0x13, 0x14, 0x14,
                               0x15, 0x16, 0x20, 0x21, 0x22, 0x30, 0x31, 0x7f };
    struct command c;

    for (unsigned i = 0; i < sizeof(c) / 8; i++) {
        ((u64 *)&c)[i] = hostile64();
    }
    c.opcode = ops[random64() % ARRAY_SIZE(ops)];
    c.function = random64() % 16 ? random64() % 2 : (u16)random64();
    if (c.opcode == RD_OP_IDENTIFY || random64() % 32 == 0) {
        c.function = FN_PF;
    }
    c.flags = random64() % 8 ? random64() % 4 : (u16)random64();
    c.sgl_count = random64() % 4 ? random64() % 8 : (u32)hostile64();
    if (random64() % 2) {
        c.arg[0] = random64() % 4;
    }
    return c;
}

/* What the commands may write over: not the rings. */
static void hostile_memory(void)
{
    u64 *p = (u64 *)(memory + (1 << 20));

    for (int i = 0; i < 8192; i++) {
        p[i] = hostile64();
        if (p[i] >= MEMORY_IOVA && p[i] < MEMORY_IOVA + (2 << 20)) {
            p[i] += 2 << 20;
        }
    }
}

/* Each completes, except those that SILENT has swallowed. */
void test_hostile_commands(void)
{
    unsigned missing = 0, statuses[16] = { 0 };
    struct done done;

    one();
    suspend(0, RD_LEVEL_FULL);
    for (int round = 0; round < 200; round++) {
        hostile_memory();
        if (round % 4 == 0) {
            enable(0);
            enable(1);
            suspend(round / 4 % 2, RD_LEVEL_FULL);
        }
        for (unsigned i = 0; i < 32; i++) {
            struct command c = hostile_command();

            c.tag = 0xa000 + i;
            c.sgl = MEMORY_IOVA + (1 << 20) + (random64() % 8192) * 8;
            if (random64() % 16 == 0) {
                c.sgl = hostile64() | 1ull << 46;
            }
            if (c.opcode == RD_OP_INJECT && random64() % 2) {
                c.opcode = RD_OP_QUERY;
            }
            submit_tagged(&c);
        }
        for (unsigned i = 0; i < 32; i++) {
            if (!wait_for(0xa000 + i, &done, missing ? 50 : 2000)) {
                missing++;
                continue;
            }
            statuses[done.c.status < 16 ? done.c.status : 15]++;
        }
        if (rd32(&pf, RD_STATUS) & RD_STATUS_FATAL) {
            CHECK_EQ(rd32(&pf, RD_FATAL_CODE), RD_FATAL_INJECTED);
            one();
            missing = 0;
        }
        if (missing || round % 16 == 15) {
            one();
            missing = 0;
        }
    }
    printf("# statuses:");
    for (unsigned i = 0; i < 16; i++) {
        printf(" %u:%u", i, statuses[i]);
    }
    printf("\n");
    queue_fresh();
    CHECK_EQ(identify(), RD_OK);
}

void test_hostile_registers(void)
{
    static const unsigned engine_regs[] = {
        IO_CHANCTRL, IO_CHANCMD, IO_DMACOUNT, IO_CHAINADDR, IO_CHAINADDR + 4,
        IO_CHANCMP, IO_CHANCMP + 4, IO_CHANERR, IO_CHANERRMSK, IO_INTRCTRL,
        IO_GENCTRL, IO_INTRDELAY, IO_DCACTRL, 0, 4, 8, 0x2000, 0x2028,
    };

    one();
    for (int i = 0; i < 20000; i++) {
        unsigned reg = random64() % 2 ? random64() % 0x4000
                     : engine_regs[random64() % ARRAY_SIZE(engine_regs)];
        u64 value = hostile64() | 1ull << 40;

        switch (random64() % 8) {
        case 0:
            wr8(&vf[0], reg, value);
            break;
        case 1:
            wr16(&vf[0], reg & ~1u, value);
            break;
        case 2:
            wr32(&vf[0], reg & ~3u, value);
            break;
        case 3:
            wr64(&vf[0], reg & ~7u, value);
            break;
        case 4:
            rd64(&vf[0], reg & ~7u);
            rd8(&vf[0], reg);
            break;
        case 5:
            wr64(&vf[0], IO_CHAINADDR,
                 MEMORY_IOVA + (1 << 20) + random64() % 4096 * 64);
            break;
        case 6:
            wr16(&vf[0], IO_DMACOUNT, random64());
            break;
        default:
            wr8(&vf[0], IO_CHANCMD, 1 << random64() % 8);
            break;
        }
    }
    engine_init(&e, &vf[0], 4);
    e.model.copies = rd64(&vf[0], RD_CTX_COPIES);
    engine_copy(&e, 4096);
    queue_off();
    for (int i = 0; i < 5000; i++) {
        wr32(&pf, random64() % 2 ? random64() % 0x48 & ~3u
                                 : random64() % 0x4000 & ~3u,
             random64() % 2 ? hostile64() : random64() % 16);
    }
    queue_fresh();
    CHECK_EQ(identify(), RD_OK);
}

/* Images with a right checksum and anything in them. */
void test_hostile_images(void)
{
    unsigned taken = 0, rounds = id.image > 4 << 20 ? 20 : 300;
    u8 *image, *copy;

    one();
    engine_init(&e, &vf[0], 4);
    engine_copy(&e, 100);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    image = save_image(0, 1 << 20);
    copy = alloc(id.image);
    memcpy(copy, image, id.image);
    for (unsigned i = 0; i < rounds; i++) {
        size_t mark = alloc_mark();
        u16 status;
        u32 crc;

        memcpy(copy, image, 4096);
        for (int j = 0; j < 3; j++) {
            u64 value = hostile64();

            memcpy(copy + 0x40 + random64() % 0x3c, &value,
                   1 + random64() % 8);
        }
        memset(copy + 12, 0, 4);
        crc = crc32c(copy, 4096);
        memcpy(copy + 12, &crc, 4);
        status = load_image(0, copy, id.image, 8 << 20);
        CHECK(status == RD_OK || status == RD_BAD_IMAGE);
        taken += status == RD_OK;
        resume(0, RD_LEVEL_FULL);
        resume(0, RD_LEVEL_P2P);
        wr16(&vf[0], IO_DMACOUNT, 3);
        CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
        alloc_release(mark);
    }
    CHECK(taken > 0);
    disable(0);
    CHECK_EQ(enable(0), RD_OK);
    engine_init(&e, &vf[0], 4);
    engine_copy(&e, 100);
    CHECK_EQ(q(0).digest, model_digest(&e.model));
}

/* -- time: only numbers; the caller knows the device's properties -------------------- */

static void report(const char *what, u64 start, u64 bytes)
{
    u64 ns = now_ns() - start;

    printf("# time: %s: %llu us", what, (unsigned long long)ns / 1000);
    if (bytes) {
        printf(", %llu MB/s", (unsigned long long)(bytes * 1000 / ns));
    }
    printf("\n");
}

void test_time(void)
{
    struct command c[2];
    u16 tags[2];
    u64 start;
    u8 *buffer = alloc(16 << 20);

    one();
    start = now_ns();
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(state_size(0), RD_OK);
    }
    report("50 STATE_SIZE one after another", start, 0);
    start = now_ns();
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    report("SUSPEND FULL", start, 0);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    start = now_ns();
    save_image(0, 1 << 20);
    report("SAVE of an image by 1 MiB", start, id.image);
    start = now_ns();
    for (int i = 0; i < 2; i++) {
        c[i] = cmd(RD_OP_SAVE, i, 0, 0, 0);
        with_buffer(&c[i], buffer + (i << 20), 1 << 20);
        tags[i] = submit(&c[i]);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(wait_for(tags[i], NULL, 10000));
    }
    report("SAVE of 1 MiB by two VFs at once", start, 2 << 20);
    start = now_ns();
    q(0);
    report("QUERY", start, 0);
    CHECK_EQ(resume(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(resume(0, RD_LEVEL_P2P), RD_OK);
    engine_init(&e, &vf[0], 1);
    engine_spin(&e, 4096);
    start = now_ns();
    sleep_ms(200);
    printf("# time: %llu copies of 4 KiB a second\n",
           (unsigned long long)rd64(&vf[0], RD_CTX_COPIES) * 1000000000 /
           (now_ns() - start));
    engine_reset(&e);
}
