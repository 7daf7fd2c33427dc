/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONFIGURE: what is set on a VF before it is used. */
#include "exercise.h"

static struct engine engine[2];

static struct query q(u16 function)
{
    struct query page;

    CHECK_EQ(query(function, &page), RD_OK);
    return page;
}

static u16 configure(u16 function, u64 item, u64 value)
{
    return do_cmd(RD_OP_CONFIGURE, function, item, value);
}

static void both(void)
{
    queue_fresh();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(enable(i), RD_OK);
        engine_init(&engine[i], &vf[i], 64);
    }
}

static void expect_values(u16 function, u64 max_copy, u64 bandwidth)
{
    CHECK_EQ(q(function).max_copy, max_copy);
    CHECK_EQ(q(function).bandwidth, bandwidth);
    CHECK_EQ(1ull << rd8(&vf[function], IO_XFERCAP), max_copy);
}

/* A copy of so many bytes: CHANERR afterwards */
static u32 copy_error(struct engine *e, u32 bytes)
{
    u8 *buffer = alloc(2 * bytes);
    u32 error;

    engine_set(e, 0, buffer, buffer + bytes, bytes, 0);
    engine_start(e, 1);
    CHECK(engine_wait(e, IO_STS_IDLE, 2000) ||
          engine_state(e) == IO_STS_HALTED);
    error = rd32(e->f, IO_CHANERR);
    engine_reset(e);
    return error;
}

/* So many copies of 4 KiB: how long they take, in nanoseconds */
static u64 copies_take(struct engine *e, unsigned count)
{
    u8 *buffer = alloc(2 * 4096);
    u64 start;

    for (unsigned i = 0; i < count; i++) {
        engine_set(e, i, buffer, buffer + 4096, 4096, 0);
    }
    start = now_ns();
    engine_start(e, count);
    CHECK(engine_wait(e, IO_STS_IDLE, 10000));
    start = now_ns() - start;
    engine_reset(e);
    return start;
}

void test_configure(void)
{
    both();
    expect_values(0, 1 << 20, 0);
    CHECK_EQ(configure(0, RD_CONFIGURE_MAX_COPY, 4096), RD_OK);
    CHECK_EQ(configure(0, RD_CONFIGURE_BANDWIDTH, 1), RD_OK);
    expect_values(0, 4096, 1);
    expect_values(1, 1 << 20, 0);
    CHECK_EQ(copy_error(&engine[0], 4096), 0);
    CHECK_EQ(copy_error(&engine[0], 4097), IO_ERR_LENGTH);
    CHECK_EQ(copy_error(&engine[1], 4097), 0);
    /* 1 MiB/s: 60 pages take 234 ms at least. A lower bound holds on any machine */
    CHECK(copies_take(&engine[0], 60) >= 234000000);
    /* it survives a reset of the function, and nothing else */
    function_reset(&vf[0]);
    expect_values(0, 4096, 1);
    CHECK_EQ(disable(0), RD_OK);
    CHECK_EQ(q(0).max_copy | q(0).bandwidth, 0);
    CHECK_EQ(enable(0), RD_OK);
    expect_values(0, 1 << 20, 0);
    CHECK_EQ(disable(0), RD_OK);
    CHECK_EQ(do_cmd(RD_OP_ENABLE, 0, 2, 0), RD_OK);
    expect_values(0, 1 << 16, 0);
}

void test_configure_bad(void)
{
    static const u64 sizes[] = { 0, 1, 2048, 4095, 4097, 12288, 1 << 17, 1 << 20,
                                 1ull << 32 | 4096, ~0ull };

    queue_fresh();
    CHECK_EQ(configure(0, RD_CONFIGURE_MAX_COPY, 4096), RD_BAD_STATE);
    CHECK_EQ(configure(FN_PF, RD_CONFIGURE_MAX_COPY, 4096), RD_BAD_FUNCTION);
    CHECK_EQ(configure(id.total_vfs, RD_CONFIGURE_MAX_COPY, 4096),
             RD_BAD_FUNCTION);
    CHECK_EQ(do_cmd(RD_OP_ENABLE, 0, 2, 0), RD_OK);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        CHECK_EQ(configure(0, RD_CONFIGURE_MAX_COPY, sizes[i]),
                 RD_BAD_ARGUMENT);
    }
    CHECK_EQ(configure(0, 0, 4096), RD_BAD_ARGUMENT);
    CHECK_EQ(configure(0, 3, 4096), RD_BAD_ARGUMENT);
    CHECK_EQ(configure(0, 1ull << 32 | 1, 4096), RD_BAD_ARGUMENT);
    CHECK_EQ(configure(0, RD_CONFIGURE_BANDWIDTH, RD_BANDWIDTH_MAX + 1ull),
             RD_BAD_ARGUMENT);
    CHECK_EQ(configure(0, RD_CONFIGURE_BANDWIDTH, ~0ull), RD_BAD_ARGUMENT);
    expect_values(0, 1 << 16, 0);
    CHECK_EQ(configure(0, RD_CONFIGURE_BANDWIDTH, RD_BANDWIDTH_MAX), RD_OK);
    CHECK_EQ(suspend(0, RD_LEVEL_P2P), RD_OK);
    CHECK_EQ(configure(0, RD_CONFIGURE_MAX_COPY, 4096), RD_BAD_STATE);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(configure(0, RD_CONFIGURE_MAX_COPY, 4096), RD_BAD_STATE);
    expect_values(0, 1 << 16, RD_BANDWIDTH_MAX);
}

/* An image fits a function with an equal max_copy, whatever its bandwidth */
void test_configure_image(void)
{
    u8 *image;

    both();
    CHECK_EQ(configure(0, RD_CONFIGURE_MAX_COPY, 8192), RD_OK);
    CHECK_EQ(configure(0, RD_CONFIGURE_BANDWIDTH, 1000), RD_OK);
    engine_copy(&engine[0], 100);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    image = save_image(0, 1 << 20);
    CHECK_EQ(load_image(1, image, id.image, 1 << 20), RD_BAD_IMAGE);
    CHECK_EQ(resume(1, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(resume(1, RD_LEVEL_P2P), RD_OK);
    CHECK_EQ(configure(1, RD_CONFIGURE_MAX_COPY, 8192), RD_OK);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(load_image(1, image, id.image, 1 << 20), RD_OK);
    expect_values(1, 8192, 0);
    CHECK_EQ(q(1).copies, 1);
}

void test_configure_off(void)
{
    queue_fresh();
    CHECK_EQ(id.features & RD_FEATURE_CONFIGURE, 0);
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(configure(0, RD_CONFIGURE_MAX_COPY, 4096), RD_BAD_OPCODE);
}
