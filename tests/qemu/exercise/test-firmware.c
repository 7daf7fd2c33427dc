/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Enabling, levels, the state image, the tracker. */
#include "exercise.h"

static struct engine engine[2];

/* Both VFs enabled, with engines ready. */
static void both(void)
{
    queue_fresh();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(enable(i), RD_OK);
        engine_init(&engine[i], &vf[i], 16);
    }
}

static struct query q(u16 function)
{
    struct query page;

    CHECK_EQ(query(function, &page), RD_OK);
    return page;
}

void test_enable(void)
{
    struct query page;

    queue_fresh();
    page = q(0);
    CHECK_EQ(page.flags, 0);
    CHECK_EQ(page.digest, 0);
    CHECK_EQ(do_cmd(RD_OP_ENABLE, 0, 0, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(do_cmd(RD_OP_ENABLE, 0, 3, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(do_cmd(RD_OP_ENABLE, 0, ~0ull, 0), RD_BAD_ARGUMENT);
    for (u16 op = RD_OP_DISABLE; op <= RD_OP_TRACKER_STOP; op++) {
        if (op != RD_OP_QUERY && do_cmd(op, 0, 1, 0) != RD_BAD_OPCODE) {
            CHECK_EQ(do_cmd(op, 0, 1, 0), RD_BAD_STATE);
        }
    }
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(enable(0), RD_BAD_STATE);
    page = q(0);
    CHECK_EQ(page.flags, RD_QUERY_ENABLED);
    CHECK_EQ(page.profile, 1);
    CHECK_EQ(page.level, RD_LEVEL_RUNNING);
    CHECK_EQ(page.copies + page.copied + page.errors + page.applied, 0);
    CHECK(page.digest != 0);
    CHECK_EQ(page.digest, rd64(&vf[0], RD_CTX_DIGEST));
    CHECK_EQ(disable(0), RD_OK);
    CHECK_EQ(disable(0), RD_BAD_STATE);
    CHECK_EQ(q(0).flags, 0);
    CHECK_EQ(enable(0), RD_OK);
}

void test_levels(void)
{
    /* [level][SUSPEND P2P, SUSPEND FULL, RESUME P2P, RESUME FULL] */
    static const int next[3][4] = {
        { RD_LEVEL_P2P, RD_LEVEL_FULL, -1, -1 },
        { RD_LEVEL_P2P, RD_LEVEL_FULL, RD_LEVEL_RUNNING, -1 },
        { -1, RD_LEVEL_FULL, -1, RD_LEVEL_P2P },
    };

    queue_fresh();
    CHECK_EQ(enable(0), RD_OK);
    for (int level = 0; level < 3; level++) {
        for (int move = 0; move < 4; move++) {
            u16 op = move < 2 ? RD_OP_SUSPEND : RD_OP_RESUME;
            int want = next[level][move];

            alloc_reset();
            disable(0);
            CHECK_EQ(enable(0), RD_OK);
            if (level) {
                CHECK_EQ(suspend(0, level), RD_OK);
            }
            CHECK_EQ(q(0).level, level);
            CHECK_EQ(do_cmd(op, 0, 1 + move % 2, 0),
                     want < 0 ? RD_BAD_STATE : RD_OK);
            CHECK_EQ(q(0).level, want < 0 ? level : want);
        }
    }
    CHECK_EQ(suspend(0, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(suspend(0, 3), RD_BAD_ARGUMENT);
    CHECK_EQ(resume(0, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(resume(0, 3), RD_BAD_ARGUMENT);
}

/* VF 0's state goes to VF 1: whole, in odd pieces, and twice. */
void test_state(void)
{
    struct query a, b;
    u8 *image, *again;

    both();
    for (int i = 0; i < 40; i++) {
        engine_copy(&engine[0], 1 + random64() % 5000);
    }
    a = q(0);
    CHECK_EQ(a.digest, model_digest(&engine[0].model));
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    image = save_image(0, 1 << 20);
    again = save_image(0, 70001);
    CHECK(!memcmp(image, again, id.image));
    CHECK_EQ(load_image(1, again, id.image, 65537), RD_OK);
    b = q(1);
    CHECK_EQ(b.digest, a.digest);
    CHECK_EQ(b.applied, a.digest);
    CHECK_EQ(b.copies, a.copies);
    CHECK_EQ(b.copied, a.copied);
    CHECK_EQ(b.flags, RD_QUERY_ENABLED);
    /* what was loaded is what will be saved */
    CHECK(!memcmp(image, save_image(1, 1 << 20), id.image));
    CHECK_EQ(resume(1, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(resume(1, RD_LEVEL_P2P), RD_OK);
    /* it goes on from there: same registers, same model */
    CHECK_EQ(engine_state(&engine[1]), IO_STS_SUSPENDED);
    CHECK_EQ(rd64(&vf[1], IO_CHANCMP), iova(engine[0].completion));
    engine_init(&engine[1], &vf[1], 16);
    free(engine[1].model.words);
    engine[1].model = engine[0].model;
    engine[0].model.words = NULL;
    engine_copy(&engine[1], 3000);
    CHECK_EQ(q(1).digest, model_digest(&engine[1].model));
    CHECK_EQ(q(1).dma_stopped, 0);
    CHECK_EQ(q(0).dma_stopped, 0);
}

/* VF 0's state goes to VF 1 piece by piece through one buffer, whatever its
 * size. */
void test_state_stream(void)
{
    u32 piece = id.transfer < 1 << 20 ? id.transfer : 1 << 20;
    u8 *buffer = alloc(piece);
    u64 offset = 0, written, remain = 1, start;

    both();
    for (int i = 0; i < 200; i++) {
        size_t mark = alloc_mark();

        engine_copy(&engine[0], 64);
        alloc_release(mark);
    }
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    start = now_ns();
    while (remain) {
        size_t mark = alloc_mark();

        if (save(0, offset, buffer, piece, &written, &remain) != RD_OK ||
            load(1, offset, buffer, written, !remain) != RD_OK) {
            CHECK(!"SAVE or LOAD");
            break;
        }
        alloc_release(mark);
        offset += written;
    }
    printf("# SAVE and LOAD of %llu MiB: %llu ms\n",
           (unsigned long long)offset >> 20,
           (unsigned long long)(now_ns() - start) / 1000000);
    CHECK_EQ(offset, id.image);
    CHECK_EQ(q(1).applied, q(0).digest);
    CHECK_EQ(q(1).digest, model_digest(&engine[0].model));
}

static void expect_untouched(const struct query *before)
{
    struct query now = q(1);

    CHECK_EQ(now.digest, before->digest);
    CHECK_EQ(now.copies, before->copies);
    CHECK_EQ(now.applied, before->applied);
    CHECK_EQ(now.flags, RD_QUERY_ENABLED);
}

void test_state_bad(void)
{
    struct query before;
    size_t spots[] = { 0, 4, 8, 12, 0x10, 0x18, 0x30, 0x43, 0x60, 0xfff,
                       4096, 0 };
    u8 *image;

    both();
    engine_copy(&engine[0], 100);
    engine_copy(&engine[1], 200);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    before = q(1);
    image = save_image(0, 1 << 20);
    spots[ARRAY_SIZE(spots) - 1] = id.image - 1;
    for (unsigned i = 0; i < ARRAY_SIZE(spots); i++) {
        image[spots[i]] ^= 0x40;
        CHECK_EQ(load_image(1, image, id.image, 1 << 20), RD_BAD_IMAGE);
        image[spots[i]] ^= 0x40;
        expect_untouched(&before);
    }
    /* cut off */
    CHECK_EQ(load_image(1, image, 4096, 4096), RD_BAD_IMAGE);
    CHECK_EQ(load_image(1, image, id.image - 8, 1 << 20), RD_BAD_IMAGE);
    expect_untouched(&before);
    CHECK_EQ(load_image(1, image, id.image, 1 << 20), RD_OK);
    /* another profile's */
    CHECK_EQ(disable(1), RD_OK);
    CHECK_EQ(do_cmd(RD_OP_ENABLE, 1, 2, 0), RD_OK);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(load_image(1, image, id.image, 1 << 20), RD_BAD_IMAGE);
}

void test_state_order(void)
{
    u8 *buffer = alloc(1 << 20);
    struct command c;
    u64 written, remain;

    both();
    CHECK_EQ(save(0, 0, buffer, 4096, NULL, NULL), RD_BAD_STATE);
    CHECK_EQ(load(0, 0, buffer, 4096, false), RD_BAD_STATE);
    CHECK_EQ(suspend(0, RD_LEVEL_P2P), RD_OK);
    CHECK_EQ(save(0, 0, buffer, 4096, NULL, NULL), RD_BAD_STATE);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(save(0, 0, buffer, 0, &written, &remain), RD_OK);
    CHECK_EQ(written, 0);
    CHECK_EQ(remain, id.image);
    CHECK_EQ(save(0, id.image, buffer, 4096, &written, &remain), RD_OK);
    CHECK_EQ(written + remain, 0);
    CHECK_EQ(save(0, id.image - 1, buffer, 4096, &written, &remain), RD_OK);
    CHECK_EQ(written, 1);
    CHECK_EQ(save(0, id.image + 1, buffer, 4096, NULL, NULL),
             RD_BAD_ARGUMENT);
    CHECK_EQ(save(0, ~0ull, buffer, 4096, NULL, NULL), RD_BAD_ARGUMENT);

    CHECK_EQ(load(0, 4096, buffer, 4096, false), RD_BAD_ARGUMENT);
    CHECK_EQ(load(0, 0, buffer, 4096, false), RD_OK);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED | RD_QUERY_LOADING);
    CHECK_EQ(resume(0, RD_LEVEL_FULL), RD_BAD_STATE);
    CHECK_EQ(load(0, 8192, buffer, 4096, false), RD_BAD_ARGUMENT);
    CHECK_EQ(load(0, 4095, buffer, 4096, false), RD_BAD_ARGUMENT);
    CHECK_EQ(load(0, 4096, buffer, 4096, false), RD_OK);
    CHECK_EQ(load(0, 8192, buffer, 0, false), RD_OK);
    /* longer than the list; longer than a transfer; past the end */
    c = cmd(RD_OP_LOAD, 0, 8192, 4097, 0);
    with_buffer(&c, buffer, 4096);
    CHECK_EQ(run(&c, NULL), RD_BAD_SGL);
    CHECK_EQ(do_cmd(RD_OP_LOAD, 0, 8192, (u64)id.transfer + 1),
             RD_BAD_ARGUMENT);
    CHECK_EQ(do_cmd(RD_OP_LOAD, 0, 8192, id.image - 8191), RD_BAD_ARGUMENT);
    CHECK_EQ(do_cmd(RD_OP_LOAD, 0, 8192, ~0ull), RD_BAD_ARGUMENT);
    /* none of those has ended the load; a DMA error does not, either */
    c = cmd(RD_OP_LOAD, 0, 8192, 4096, 0);
    with_buffer(&c, buffer, 4096);
    ((struct sg *)(memory + (c.sgl - MEMORY_IOVA)))->address = UNMAPPED_IOVA;
    CHECK_EQ(run(&c, NULL), RD_DMA_ERROR);
    CHECK_EQ(load(0, 8192, buffer, 4096, false), RD_OK);
    /* anew */
    CHECK_EQ(load(0, 0, buffer, 4096, false), RD_OK);
    CHECK_EQ(load(0, 12288, buffer, 4096, false), RD_BAD_ARGUMENT);
    CHECK_EQ(load(0, 4096, buffer, 4096, true), RD_BAD_IMAGE);
    /* one that cannot begin has not begun */
    c = cmd(RD_OP_LOAD, 0, 0, 4096, 0);
    with_buffer(&c, buffer, 4096);
    ((struct sg *)(memory + (c.sgl - MEMORY_IOVA)))->address = UNMAPPED_IOVA;
    CHECK_EQ(run(&c, NULL), RD_DMA_ERROR);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED);
    CHECK_EQ(resume(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(resume(0, RD_LEVEL_P2P), RD_OK);
}

void test_profiles(void)
{
    queue_fresh();
    CHECK_EQ(do_cmd(RD_OP_ENABLE, 0, 1, 0), RD_OK);
    CHECK_EQ(rd8(&vf[0], IO_XFERCAP), 20);
    CHECK_EQ(disable(0), RD_OK);
    CHECK_EQ(do_cmd(RD_OP_ENABLE, 0, 2, 0), RD_OK);
    CHECK_EQ(rd8(&vf[0], IO_XFERCAP), 16);
    CHECK_EQ(q(0).profile, 2);
}

/* -- tracker ----------------------------------------------------------------------- */

static u16 tracker_start(u64 log, const u64 *ranges, unsigned count)
{
    struct command c = cmd(RD_OP_TRACKER_START, 0, log, count, 0);
    u64 *list = alloc(4096);

    memcpy(list, ranges, count * 16);
    with_buffer(&c, list, count * 16);
    return run(&c, NULL);
}

static u16 tracker_report(u64 from, u64 length, u8 *bitmap, u32 bytes,
                          u64 *dirty)
{
    struct command c = cmd(RD_OP_TRACKER_REPORT, 0, from, length, 0);
    struct completion out = { 0 };
    u16 status;

    with_buffer(&c, bitmap, bytes);
    status = run(&c, &out);
    *dirty = out.result[0];
    return status;
}

void test_tracker(void)
{
    u8 *area = alloc(64 * 4096);
    u8 *bitmap = alloc(4096);
    u64 ranges[4], dirty;

    both();
    ranges[0] = iova(area);
    ranges[1] = 32 * 4096;
    ranges[2] = iova(area) + 40 * 4096;
    ranges[3] = 8 * 4096;
    CHECK_EQ(tracker_start(12, ranges, 2), RD_OK);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED | RD_QUERY_TRACKING);
    CHECK_EQ(tracker_start(12, ranges, 2), RD_BAD_STATE);
    CHECK_EQ(tracker_report(ranges[0], ranges[1], bitmap, 4, &dirty), RD_OK);
    CHECK_EQ(dirty, 0);
    /* pages 3, 4 (over a page's end), 31 and, in the hole, 33; 40 */
    engine_set(&engine[0], 0, area, area + 5 * 4096 - 10, 10, 0);
    engine_set(&engine[0], 1, area, area + 4 * 4096 - 1, 1, 0);
    engine_set(&engine[0], 2, area, area + 31 * 4096 + 100, 4097, 0);
    engine_set(&engine[0], 3, area, area + 33 * 4096, 64, 0);
    engine_set(&engine[0], 4, area, area + 39 * 4096, 4097, 0);
    engine_start(&engine[0], 5);
    CHECK(engine_wait(&engine[0], IO_STS_IDLE, 2000));
    CHECK_EQ(rd32(&vf[0], IO_CHANERR), 0);
    /* nothing is cleared by a report that fails */
    CHECK_EQ(tracker_report(ranges[0], ranges[1], bitmap, 3, &dirty),
             RD_BAD_SGL);
    CHECK_EQ(tracker_report(ranges[0], 4 * 4096, bitmap, 1, &dirty), RD_OK);
    CHECK_EQ(dirty, 1);
    CHECK_EQ(bitmap[0], 0x08);
    CHECK_EQ(tracker_report(ranges[0], ranges[1], bitmap, 4, &dirty), RD_OK);
    CHECK_EQ(dirty, 2);
    CHECK_EQ(*(u32 *)bitmap, 1u << 4 | 1u << 31);
    CHECK_EQ(tracker_report(ranges[0], ranges[1], bitmap, 4, &dirty), RD_OK);
    CHECK_EQ(dirty, 0);
    CHECK_EQ(tracker_report(ranges[2], ranges[3], bitmap, 1, &dirty), RD_OK);
    CHECK_EQ(dirty, 1);
    CHECK_EQ(bitmap[0], 0x01);
    CHECK_EQ(do_cmd(RD_OP_TRACKER_STOP, 0, 0, 0), RD_OK);
    CHECK_EQ(do_cmd(RD_OP_TRACKER_STOP, 0, 0, 0), RD_BAD_STATE);
    CHECK_EQ(tracker_report(ranges[2], ranges[3], bitmap, 1, &dirty),
             RD_BAD_STATE);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED);
}

void test_tracker_bad(void)
{
    u64 r[2 * 64] = { 0 }, dirty;
    u8 *bitmap = alloc(4096);
    struct command c = cmd(RD_OP_TRACKER_START, 0, 12, 2, 0);

    both();
    r[0] = 0x10000;
    r[1] = 0x4000;
    CHECK_EQ(tracker_start(id.page_min - 1, r, 1), RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_start(id.page_max + 1, r, 1), RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_start(~0ull, r, 1), RD_BAD_ARGUMENT);
    CHECK_EQ(do_cmd(RD_OP_TRACKER_START, 0, 12, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(do_cmd(RD_OP_TRACKER_START, 0, 12, 1), RD_BAD_SGL);
    CHECK_EQ(do_cmd(RD_OP_TRACKER_START, 0, 12, ~0ull), RD_NO_RESOURCES);
    with_buffer(&c, bitmap, 31);
    CHECK_EQ(run(&c, NULL), RD_BAD_SGL);
    CHECK_EQ(tracker_start(13, (u64[]){ 0x1000, 0x4000 }, 1),
             RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_start(12, (u64[]){ 0x1000, 0x4001 }, 1),
             RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_start(12, (u64[]){ 0x1000, 0 }, 1), RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_start(12, (u64[]){ ~0xfffull, 0x2000 }, 1),
             RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_start(12, (u64[]){ 0x1000, 0x3000, 0x3000, 0x1000 }, 2),
             RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_start(12, (u64[]){ 0, id.pages + 1 << 12 }, 1),
             RD_NO_RESOURCES);
    CHECK_EQ(tracker_start(12, (u64[]){ 0, ~0xfffull }, 1), RD_NO_RESOURCES);
    for (unsigned i = 0; i < id.ranges + 1u; i++) {
        r[2 * i] = i * 0x10000;
        r[2 * i + 1] = 0x1000;
    }
    CHECK_EQ(tracker_start(12, r, id.ranges + 1), RD_NO_RESOURCES);
    CHECK_EQ(tracker_start(12, r, id.ranges), RD_OK);
    CHECK_EQ(tracker_report(0x1000, 0x1000, bitmap, 1, &dirty),
             RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_report(0, 0x2000, bitmap, 1, &dirty), RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_report(0, 0, bitmap, 1, &dirty), RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_report(0x800, 0x800, bitmap, 1, &dirty),
             RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_report(~0xfffull, 0x2000, bitmap, 1, &dirty),
             RD_BAD_ARGUMENT);
    CHECK_EQ(tracker_report(0x10000, 0x1000, bitmap, 1, &dirty), RD_OK);
    function_reset(&vf[0]);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED);
    /* the largest bitmap */
    CHECK_EQ(tracker_start(12, (u64[]){ 0, id.pages << 12 }, 1), RD_OK);
    CHECK_EQ(do_cmd(RD_OP_TRACKER_STOP, 0, 0, 0), RD_OK);
    /* from 0 to the last page but one of all there is */
    CHECK_EQ(tracker_start(id.page_max,
                           (u64[]){ 0, id.pages << id.page_max }, 1), RD_OK);
}
