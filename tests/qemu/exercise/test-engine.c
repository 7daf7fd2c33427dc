/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VF's copy engine, and suspending it. */
#include "exercise.h"

static struct engine e, e2;

static void one(void)
{
    queue_fresh();
    CHECK_EQ(enable(0), RD_OK);
    engine_init(&e, &vf[0], 64);
}

static struct query q(u16 function)
{
    struct query page;

    CHECK_EQ(query(function, &page), RD_OK);
    return page;
}

void test_copy(void)
{
    static const u32 sizes[] = { 1, 8, 63, 4096, 4097, 65536, 65537,
                                 1 << 20 };

    one();
    CHECK_EQ(rd32(&vf[0], RD_CTX_MAGIC), RD_CTX_MAGIC_VALUE);
    CHECK_EQ(rd64(&vf[0], RD_CTX_BYTES), id.context);
    CHECK_EQ(rd64(&vf[0], RD_CTX_DIGEST), model_digest(&e.model));
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        u64 low, high;

        alloc_reset();
        engine_init(&e2, &vf[0], 1);
        e2.model = e.model;
        engine_copy(&e2, sizes[i]);
        e.model = e2.model;
        e2.model.words = NULL;
        low = rd32(&vf[0], RD_CTX_DIGEST);
        high = rd32(&vf[0], RD_CTX_DIGEST + 4);
        CHECK_EQ(low | high << 32, model_digest(&e.model));
    }
    CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), ARRAY_SIZE(sizes));
    CHECK_EQ(rd64(&vf[0], RD_CTX_COPIED), e.model.copied);
    CHECK_EQ(rd64(&vf[0], RD_CTX_ERRORS), 0);
}

/* A ring with copies and null descriptors, DMACOUNT raised in steps, and an
 * interrupt for each that asks for it while it is re-armed. */
void test_chain(void)
{
    u8 *data = alloc(64 * 64), *target = alloc(64 * 64);
    u64 last = 0;

    one();
    for (int i = 0; i < 64 * 64; i++) {
        data[i] = random64();
    }
    for (int i = 0; i < 64; i++) {
        engine_set(&e, i, data + 64 * i, target + 64 * i, 64,
                   IO_DESC_COMPLETE | IO_DESC_INT |
                   (i % 4 ? 0 : IO_DESC_NULL));
    }
    interrupts(&vf[0], 0);
    for (unsigned count = 8; count <= 128; count += 8) {
        if (count == 8) {
            engine_start(&e, count);
        } else {
            wr16(&vf[0], IO_DMACOUNT, count);
        }
        CHECK(engine_wait(&e, IO_STS_IDLE, 2000));
        last = iova(&e.ring[(count - 1) % 64]);
        CHECK_EQ(rd64(&vf[0], IO_CHANSTS), last | IO_STS_IDLE);
        CHECK_EQ(rd64(&vf[0], IO_CDAR), last);
        CHECK_EQ(*(volatile u64 *)e.completion, last | IO_STS_IDLE);
        sleep_ms(2);
        /* one until it is re-armed, which sends the next */
        CHECK_EQ(interrupts(&vf[0], 0), 1);
        CHECK(rd32(&vf[0], IO_ATTNSTATUS) & 1);
        CHECK_EQ(rd32(&vf[0], IO_ATTNSTATUS), 0);
        wr16(&vf[0], IO_CHANCTRL, rd16(&vf[0], IO_CHANCTRL));
        sleep_ms(2);
        CHECK_EQ(interrupts(&vf[0], 0), 1);
        wr16(&vf[0], IO_CHANCTRL, rd16(&vf[0], IO_CHANCTRL));
        sleep_ms(1);
        CHECK_EQ(interrupts(&vf[0], 0), 0);
    }
    for (int i = 0; i < 128; i++) {
        if (i % 4) {
            model_copy(&e.model, data + 64 * (i % 64), 64);
        }
    }
    for (int i = 0; i < 64; i++) {
        CHECK(i % 4 == 0 || !memcmp(data + 64 * i, target + 64 * i, 64));
        CHECK(i % 4 || (!target[64 * i] && !target[64 * i + 63]));
    }
    CHECK_EQ(q(0).copies, 96);
    CHECK_EQ(q(0).digest, model_digest(&e.model));
}

static void expect_error(u32 error, u64 completed)
{
    CHECK(engine_wait(&e, IO_STS_HALTED, 2000));
    CHECK_EQ(rd32(&vf[0], IO_CHANERR), error);
    CHECK_EQ(rd64(&vf[0], IO_CHANSTS), completed | IO_STS_HALTED);
    wr32(&vf[0], IO_CHANERR, error);
    CHECK_EQ(rd32(&vf[0], IO_CHANERR), 0);
    /* doorbells do nothing now */
    wr16(&vf[0], IO_DMACOUNT, 9);
    CHECK_EQ(engine_state(&e), IO_STS_HALTED);
}

void test_engine_errors(void)
{
    u8 *data = alloc(8192);

    one();
    engine_set(&e, 0, data, data + 4096, 64, IO_DESC_COMPLETE);
    engine_set(&e, 1, data, data + 4096, 64, IO_DESC_COMPLETE);
    e.ring[1].source = UNMAPPED_IOVA;
    interrupts(&vf[0], 0);
    engine_start(&e, 2);
    expect_error(IO_ERR_READ, iova(&e.ring[0]));
    CHECK_EQ(*(volatile u64 *)e.completion,
             iova(&e.ring[0]) | IO_STS_HALTED);
    sleep_ms(2);
    CHECK_EQ(interrupts(&vf[0], 0), 1);
    engine_set(&e, 1, data, data + 4096, 64, IO_DESC_COMPLETE);
    e.ring[1].target = UNMAPPED_IOVA;
    engine_start(&e, 2);
    expect_error(IO_ERR_WRITE, iova(&e.ring[0]));
    engine_set(&e, 1, data, data + 4096, 0, IO_DESC_COMPLETE);
    engine_start(&e, 2);
    expect_error(IO_ERR_LENGTH, iova(&e.ring[0]));
    engine_set(&e, 1, data, data + 4096, (1 << 20) + 1, IO_DESC_COMPLETE);
    engine_start(&e, 2);
    expect_error(IO_ERR_LENGTH, iova(&e.ring[0]));
    engine_set(&e, 1, data, data + 4096, 64, 0x87u << IO_DESC_OP_SHIFT);
    engine_start(&e, 2);
    expect_error(IO_ERR_CONTROL, iova(&e.ring[0]));
    engine_set(&e, 1, data, data + 4096, 64, IO_DESC_COMPLETE);
    e.ring[0].next = iova(&e.ring[1]) + 32;
    engine_start(&e, 2);
    expect_error(IO_ERR_ALIGN, iova(&e.ring[0]));
    e.ring[0].next = UNMAPPED_IOVA;
    engine_start(&e, 2);
    expect_error(IO_ERR_CHAIN_READ, iova(&e.ring[0]));
    wr64(&vf[0], IO_CHAINADDR, UNMAPPED_IOVA);
    wr16(&vf[0], IO_DMACOUNT, 1);
    expect_error(IO_ERR_CHAIN_VALUE, 0);
    wr8(&vf[0], IO_CHANCMD, IO_CMD_SUSPEND | IO_CMD_RESUME);
    expect_error(IO_ERR_COMMAND, 0);
    wr64(&vf[0], IO_CHANCMP, UNMAPPED_IOVA);
    engine_start(&e, 1);
    expect_error(IO_ERR_COMPLETION, iova(&e.ring[0]));
    CHECK_EQ(q(0).errors, 10);
    CHECK_EQ(q(0).copies, 8);
    wr64(&vf[0], IO_CHANCMP, iova(e.completion));
    engine_start(&e, 1);
    CHECK(engine_wait(&e, IO_STS_IDLE, 1000));
}

void test_engine_commands(void)
{
    u8 *data = alloc(8192);

    one();
    CHECK_EQ(rd8(&vf[0], IO_CHANCNT), 1);
    CHECK_EQ(rd8(&vf[0], IO_CBVER), 0x32);
    CHECK_EQ(rd32(&vf[0], IO_CHANCNT), 0x08001401u);
    CHECK_EQ(rd32(&vf[0], IO_DMACAP), 0);
    engine_set(&e, 0, data, data + 4096, 64, IO_DESC_COMPLETE);
    wr32(&vf[0], IO_CHAINADDR, iova(e.ring));
    wr32(&vf[0], IO_CHAINADDR + 4, iova(e.ring) >> 32);
    CHECK_EQ(rd64(&vf[0], IO_CHAINADDR), iova(e.ring));
    CHECK_EQ(engine_state(&e), IO_STS_ARMED);
    wr16(&vf[0], IO_DMACOUNT, 0);
    CHECK_EQ(engine_state(&e), IO_STS_ARMED);
    wr16(&vf[0], IO_DMACOUNT, 1);
    CHECK(engine_wait(&e, IO_STS_IDLE, 1000));
    wr8(&vf[0], IO_CHANCMD, IO_CMD_SUSPEND);
    CHECK_EQ(engine_state(&e), IO_STS_SUSPENDED);
    engine_set(&e, 1, data, data + 4096, 64, IO_DESC_COMPLETE);
    wr16(&vf[0], IO_DMACOUNT, 2);
    sleep_ms(5);
    CHECK_EQ(engine_state(&e), IO_STS_SUSPENDED);
    CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), 1);
    wr8(&vf[0], IO_CHANCMD, IO_CMD_RESUME);
    CHECK(engine_wait(&e, IO_STS_IDLE, 1000));
    CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), 2);
    wr8(&vf[0], IO_CHANCMD, IO_CMD_ABORT);
    CHECK_EQ(engine_state(&e), IO_STS_HALTED);
    engine_spin(&e, 4096);
    CHECK_EQ(engine_state(&e), IO_STS_ACTIVE);
    wr64(&vf[0], IO_CHAINADDR, UNMAPPED_IOVA);      /* not while active */
    CHECK_EQ(rd64(&vf[0], IO_CHAINADDR), iova(e.ring));
    wr8(&vf[0], IO_CHANCMD, IO_CMD_SUSPEND);
    CHECK(engine_wait(&e, IO_STS_SUSPENDED, 1000));
    wr8(&vf[0], IO_CHANCMD, IO_CMD_RESUME);
    CHECK_EQ(engine_state(&e), IO_STS_ACTIVE);
    engine_reset(&e);
    CHECK_EQ(rd64(&vf[0], IO_CHAINADDR), 0);
    CHECK_EQ(rd16(&vf[0], IO_DMACOUNT), 0);
}

void test_disabled_vf(void)
{
    queue_fresh();
    CHECK_EQ(rd8(&vf[0], IO_CHANCNT), 0);
    wr32(&vf[0], IO_CHANERRMSK, 0x55);
    CHECK_EQ(rd32(&vf[0], IO_CHANERRMSK), 0);
    CHECK_EQ(enable(0), RD_OK);
    wr32(&vf[0], IO_CHANERRMSK, 0x55);
    CHECK_EQ(rd32(&vf[0], IO_CHANERRMSK), 0x55);
    engine_init(&e, &vf[0], 1);
    engine_spin(&e, 4096);
    CHECK_EQ(disable(0), RD_OK);
    CHECK_EQ(rd8(&vf[0], IO_CHANCNT), 0);
    CHECK_EQ(rd32(&vf[0], IO_CHANERRMSK), 0);
    CHECK_EQ(engine_state(&e), IO_STS_HALTED);
    CHECK_EQ(rd64(&vf[0], RD_CTX_DIGEST), 0);
}

/* SUSPEND while copies run: nothing moves after it, and it goes on after
 * RESUME where it stood. */
void test_suspend_busy(void)
{
    u64 copies, later;

    one();
    engine_spin(&e, 65536);
    for (int i = 0; i < 20; i++) {
        volatile u64 *target = (void *)(memory +
                                        (e.ring[0].target - MEMORY_IOVA));

        sleep_ms(random64() % 4);
        CHECK_EQ(suspend(0, i % 2 ? RD_LEVEL_P2P : RD_LEVEL_FULL), RD_OK);
        *target = 0x1234567890abcdefull;
        copies = rd64(&vf[0], RD_CTX_COPIES);
        sleep_ms(5);
        CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), copies);
        CHECK_EQ(*target, 0x1234567890abcdefull);
        CHECK_EQ(engine_state(&e), IO_STS_ACTIVE);
        if (i % 2 == 0) {
            CHECK_EQ(resume(0, RD_LEVEL_FULL), RD_OK);
            sleep_ms(2);
            CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), copies);
        }
        CHECK_EQ(resume(0, RD_LEVEL_P2P), RD_OK);
        for (int j = 0; j < 500; j++) {
            later = rd64(&vf[0], RD_CTX_COPIES);
            if (later > copies) {
                break;
            }
            sleep_ms(1);
        }
        CHECK(later > copies);
    }
    wr8(&vf[0], IO_CHANCMD, IO_CMD_RESET);
    CHECK_EQ(q(0).dma_stopped, 0);
    CHECK_EQ(q(0).errors, 0);
}

/* Doorbells at P2P wait for RESUME; a channel that is reset while a SUSPEND
 * waits lets it complete; ABORT of a SUSPEND leaves the function running. */
void test_suspend_abort(void)
{
    struct command c = cmd(RD_OP_SUSPEND, 0, RD_LEVEL_P2P, 0, 0);
    struct done done;
    u8 *data = alloc(8192);
    unsigned aborted = 0;
    u64 hit, copies;

    one();
    engine_set(&e, 0, data, data + 4096, 64, IO_DESC_COMPLETE);
    CHECK_EQ(suspend(0, RD_LEVEL_P2P), RD_OK);
    engine_start(&e, 1);
    sleep_ms(5);
    CHECK_EQ(engine_state(&e), IO_STS_ACTIVE);
    CHECK_EQ(*e.completion, 0);
    CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), 0);
    CHECK_EQ(resume(0, RD_LEVEL_P2P), RD_OK);
    CHECK(engine_wait(&e, IO_STS_IDLE, 1000));
    CHECK_EQ(rd64(&vf[0], RD_CTX_COPIES), 1);

    engine_spin(&e, 1 << 20);
    CHECK_EQ(inject(0, RD_OP_SUSPEND, RD_FAULT_SILENT, 0, 1, 0), RD_OK);
    c.tag = 0x9000;
    submit_tagged(&c);
    sleep_ms(10);
    CHECK_EQ(abort_tag(0x9000, &hit), RD_OK);
    CHECK_EQ(hit, 1);
    CHECK(wait_for(0x9000, &done, 1000));
    CHECK_EQ(done.c.status, RD_ABORTED);
    copies = rd64(&vf[0], RD_CTX_COPIES);
    for (int i = 0; i < 20; i++) {
        submit_tagged(&c);
        abort_tag(0x9000, &hit);
        CHECK(wait_for(0x9000, &done, 1000));
        CHECK_EQ(done.c.status, hit ? RD_ABORTED : RD_OK);
        aborted += hit;
        if (!hit) {
            CHECK_EQ(resume(0, RD_LEVEL_P2P), RD_OK);
        }
    }
    printf("# %u of 20 SUSPENDs aborted\n", aborted);
    sleep_ms(50);
    CHECK(rd64(&vf[0], RD_CTX_COPIES) > copies);
    submit_tagged(&c);
    wr8(&vf[0], IO_CHANCMD, IO_CMD_RESET);
    CHECK(wait_for(0x9000, &done, 1000));
    CHECK_EQ(done.c.status, RD_OK);
    CHECK_EQ(q(0).level, RD_LEVEL_P2P);
}

/* At FULL nothing changes, but dropped writes are counted. */
void test_full_writes(void)
{
    u8 *before, *after;

    one();
    engine_copy(&e, 64);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    before = save_image(0, 1 << 20);
    wr64(&vf[0], IO_CHAINADDR, 0x40);
    wr16(&vf[0], IO_DMACOUNT, 1);
    wr8(&vf[0], IO_CHANCMD, IO_CMD_RESET);
    wr32(&vf[0], IO_CHANERRMSK, 1);
    rd32(&vf[0], IO_ATTNSTATUS);
    CHECK_EQ(engine_state(&e), IO_STS_SUSPENDED);
    CHECK_EQ(rd32(&vf[0], IO_CHANERRMSK), 0);
    after = save_image(0, 1 << 20);
    CHECK(!memcmp(before, after, id.image));
    CHECK_EQ(q(0).errors, 4);
    CHECK_EQ(rd64(&vf[0], RD_CTX_ERRORS), 4);
}

static void pair(void)
{
    queue_fresh();
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(enable(1), RD_OK);
    engine_init(&e, &vf[0], 64);
}

static void move(u16 from, u16 to)
{
    size_t mark = alloc_mark();

    CHECK_EQ(suspend(from, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(suspend(to, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(load_image(to, save_image(from, 100000), id.image, 300000),
             RD_OK);
    CHECK_EQ(resume(to, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(resume(to, RD_LEVEL_P2P), RD_OK);
    alloc_release(mark);
}

/* A chain that runs is moved back and forth; the data and digest come out as
 * if it had never been. */
void test_move(void)
{
    enum { COPIES = 4000, BYTES = 4096 };
    u8 *data = alloc(64 * BYTES), *target = alloc(64 * BYTES);
    u64 copies = 0;
    struct query page;
    int moves = 0;

    pair();
    for (int i = 0; i < 64 * BYTES; i++) {
        data[i] = random64();
    }
    for (int i = 0; i < 64; i++) {
        engine_set(&e, i, data + BYTES * i, target + BYTES * i, BYTES,
                   IO_DESC_COMPLETE);
    }
    engine_start(&e, COPIES);
    for (int i = 0; i < 10; i++) {
        move(i % 2, !(i % 2));
        page = q(!(i % 2));
        CHECK_EQ(page.applied, q(i % 2).digest);
        moves += page.copies < COPIES;
    }
    e.f = &vf[0];
    CHECK(engine_wait(&e, IO_STS_IDLE, 20000));
    for (int i = 0; i < COPIES; i++) {
        model_copy(&e.model, data + BYTES * (i % 64), BYTES);
    }
    copies = rd64(&vf[0], RD_CTX_COPIES);
    CHECK_EQ(copies, COPIES);
    CHECK(!memcmp(data, target, 64 * BYTES));
    CHECK_EQ(q(0).digest, model_digest(&e.model));
    CHECK_EQ(*(volatile u64 *)e.completion,
             iova(&e.ring[(COPIES - 1) % 64]) | IO_STS_IDLE);
    CHECK_EQ(q(0).dma_stopped + q(1).dma_stopped, 0);
    printf("# %d of 10 moves while copies were left\n", moves);
    CHECK(moves > 0);
}

/* An interrupt that waited for re-arming is not lost on the way. */
void test_move_interrupt(void)
{
    u8 *data = alloc(8192);

    pair();
    interrupts(&vf[0], 0);
    interrupts(&vf[1], 0);
    engine_set(&e, 0, data, data + 4096, 64, IO_DESC_INT);
    engine_set(&e, 1, data, data + 4096, 64, IO_DESC_INT);
    engine_start(&e, 2);
    CHECK(engine_wait(&e, IO_STS_IDLE, 1000));
    sleep_ms(2);
    CHECK_EQ(interrupts(&vf[0], 0), 1);
    move(0, 1);
    sleep_ms(2);
    CHECK_EQ(interrupts(&vf[0], 0) + interrupts(&vf[1], 0), 0);
    wr16(&vf[1], IO_CHANCTRL, IO_CHANCTRL_REARM);
    sleep_ms(2);
    CHECK_EQ(interrupts(&vf[1], 0), 1);
}
