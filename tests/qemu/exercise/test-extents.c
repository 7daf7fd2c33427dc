/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pre-copy: loading extents, right ones and others. */
#include "exercise.h"

static struct query q(u16 function)
{
    struct query page;

    CHECK_EQ(query(function, &page), RD_OK);
    return page;
}

/* VF 0 at FULL with some copies, VF 1 at FULL; its image. */
static u8 *source_image(void)
{
    precopy_pair();
    source_copies(5);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    return save_image(0, 1 << 20);
}

static bool page_is_zero(const u8 *page)
{
    return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

/* Only what is not zero, backwards, a page each; garbage before what is right;
 * LAST with and without data. */
void test_precopy_load(void)
{
    u8 *image = source_image(), *buffer = alloc(3 * EXTENT_ONE), *wrong;
    u64 position = 0;
    u32 bytes;

    wrong = alloc(PAGE);
    memset(wrong, 0xee, PAGE);
    for (u64 page = context_pages(); page > 0; page--) {
        if (page_is_zero(image + page * PAGE)) {
            continue;
        }
        bytes = put_extent(buffer, page * PAGE, PAGE, wrong);
        bytes += put_extent(buffer + bytes, 0, PAGE, wrong);
        bytes += put_extent(buffer + bytes, page * PAGE, PAGE,
                            image + page * PAGE);
        CHECK_EQ(load_delta(1, position, buffer, bytes, false), RD_OK);
        position += bytes;
    }
    bytes = put_extent(buffer, 0, PAGE, image);
    CHECK_EQ(load_delta(1, position, buffer, bytes, true), RD_OK);
    CHECK_EQ(q(1).applied, q(0).digest);
    CHECK_EQ(q(1).copies, 5);
    CHECK(!memcmp(image, save_image(1, 1 << 20), id.image));
    /* without a header it is none; nor with the page of another */
    CHECK_EQ(load_delta(1, 0, NULL, 0, false), RD_OK);
    CHECK_EQ(load_delta(1, 0, NULL, 0, true), RD_BAD_IMAGE);
    CHECK_EQ(q(1).flags, RD_QUERY_ENABLED);
    CHECK_EQ(load_delta(1, 0, buffer, bytes, true), RD_BAD_IMAGE);
    CHECK_EQ(q(1).applied, q(0).digest);
    CHECK(!memcmp(image, save_image(1, 1 << 20), id.image));
}

static const struct {
    u64 offset;         /* + the image's size if from_end */
    u32 bytes, reserved, sent;
    bool from_end;
} bad_extents[] = {
    { 0, PAGE, 0, 1, false },
    { 0, PAGE, 0, RD_EXTENT_HEADER - 1, false },
    { 0, PAGE, 0, RD_EXTENT_HEADER, false },
    { 0, PAGE, 0, EXTENT_ONE - 1, false },
    { 0, PAGE, 0, EXTENT_ONE + 1, false },
    { 0, 2 * PAGE, 0, EXTENT_ONE, false },
    { 0, 0, 0, RD_EXTENT_HEADER, false },
    { 0, PAGE / 2, 0, RD_EXTENT_HEADER + PAGE / 2, false },
    { 0, PAGE + 1, 0, EXTENT_ONE + 1, false },
    { 1, PAGE, 0, EXTENT_ONE, false },
    { PAGE / 2, PAGE, 0, EXTENT_ONE, false },
    { 0, PAGE, 1, EXTENT_ONE, false },
    { 0, PAGE, 1u << 31, EXTENT_ONE, false },
    { 0, PAGE, 0, EXTENT_ONE, true },
    { -PAGE, 2 * PAGE, 0, EXTENT_ONE + PAGE, true },
    { -(u64)PAGE, PAGE, 0, EXTENT_ONE, false },
    { 1ull << 63, PAGE, 0, EXTENT_ONE, false },
    { 1ull << 32, PAGE, 0, EXTENT_ONE, false },
    { 0, -(u32)PAGE, 0, EXTENT_ONE, false },
    { 0, ~0u, 0, EXTENT_ONE, false },
};

/* One bad extent behind a good one that, taken, would spoil the image. */
static u16 load_bad(unsigned i, u64 position, u8 *buffer)
{
    size_t mark = alloc_mark();
    u8 *wrong = alloc(PAGE);
    struct extent *x = (void *)(buffer + EXTENT_ONE);
    u16 status;

    memset(wrong, 0xee, PAGE);
    put_extent(buffer, 0, PAGE, wrong);
    *x = (struct extent) {
        bad_extents[i].offset + (bad_extents[i].from_end ? id.image : 0),
        bad_extents[i].bytes, bad_extents[i].reserved
    };
    status = load_delta(1, position, buffer, EXTENT_ONE + bad_extents[i].sent,
                        false);
    alloc_release(mark);
    return status;
}

/* They are refused and nothing of them is taken: the load goes on. */
void test_precopy_load_bad(void)
{
    u8 *image = source_image(), *buffer = alloc(4 * EXTENT_ONE), *all;
    u64 position = 0;

    all = alloc(id.image + RD_EXTENT_HEADER);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_extents); i++) {
        if (load_bad(i, 0, buffer) != RD_BAD_ARGUMENT) {
            fail(__FILE__, __LINE__, "bad extent %u is taken", i);
        }
        CHECK_EQ(q(1).flags, RD_QUERY_ENABLED);
    }
    for (u64 at = 0; at < id.image; at += 64 * PAGE) {
        u64 left = id.image - at;
        u32 bytes = put_extent(all, at, left < 64 * PAGE ? left : 64 * PAGE,
                               image + at);

        CHECK_EQ(load_delta(1, position, all, bytes, false), RD_OK);
        position += bytes;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bad_extents); i++) {
        if (load_bad(i, position, buffer) != RD_BAD_ARGUMENT ||
            load_bad(i, 0, buffer) != RD_BAD_ARGUMENT) {
            fail(__FILE__, __LINE__, "bad extent %u is taken", i);
        }
        CHECK_EQ(q(1).flags, RD_QUERY_ENABLED | RD_QUERY_LOADING);
    }
    CHECK_EQ(load_delta(1, position, NULL, 0, true), RD_OK);
    CHECK_EQ(q(1).applied, q(0).digest);
    CHECK(!memcmp(image, save_image(1, 1 << 20), id.image));
}

static u16 load_unmapped(u64 position)
{
    struct command c = cmd(RD_OP_LOAD, 1, position, EXTENT_ONE, 0);

    c.flags = RD_LOAD_DELTA;
    with_buffer(&c, memory, EXTENT_ONE);
    ((struct sg *)(memory + (c.sgl - MEMORY_IOVA)))->address = UNMAPPED_IOVA;
    return run(&c, NULL);
}

/* Position, kind, length and level; leaves a load at EXTENT_ONE. */
static void expect_load_refused(u8 *buffer)
{
    struct command c;

    CHECK_EQ(resume(1, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(load_delta(1, 0, buffer, EXTENT_ONE, false), RD_BAD_STATE);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(load_delta(1, EXTENT_ONE, buffer, EXTENT_ONE, false),
             RD_BAD_ARGUMENT);
    CHECK_EQ(load_delta(1, 0, buffer, EXTENT_ONE, false), RD_OK);
    CHECK_EQ(q(1).flags, RD_QUERY_ENABLED | RD_QUERY_LOADING);
    CHECK_EQ(resume(1, RD_LEVEL_FULL), RD_BAD_STATE);
    CHECK_EQ(load_delta(1, PAGE, buffer, EXTENT_ONE, false),
             RD_BAD_ARGUMENT);
    CHECK_EQ(load_delta(1, 2 * EXTENT_ONE, buffer, EXTENT_ONE, false),
             RD_BAD_ARGUMENT);
    CHECK_EQ(load_delta(1, ~0ull, buffer, EXTENT_ONE, false),
             RD_BAD_ARGUMENT);
    CHECK_EQ(load(1, EXTENT_ONE, buffer, PAGE, false), RD_BAD_ARGUMENT);
    CHECK_EQ(load(1, PAGE, buffer, PAGE, false), RD_BAD_ARGUMENT);
    CHECK_EQ(load_delta(1, EXTENT_ONE, buffer, id.transfer + 1, false),
             RD_BAD_ARGUMENT);
    c = cmd(RD_OP_LOAD, 1, EXTENT_ONE, 2 * EXTENT_ONE, 0);
    c.flags = RD_LOAD_DELTA;
    with_buffer(&c, buffer, EXTENT_ONE);
    CHECK_EQ(run(&c, NULL), RD_BAD_SGL);
    CHECK_EQ(load_unmapped(EXTENT_ONE), RD_DMA_ERROR);
}

void test_precopy_load_order(void)
{
    u8 *image = source_image(), *buffer = alloc(2 * EXTENT_ONE);

    put_extent(buffer, 0, PAGE, image);
    put_extent(buffer + EXTENT_ONE, PAGE, PAGE, image + PAGE);
    expect_load_refused(buffer);
    /* cut between two extents, and elsewhere */
    CHECK_EQ(inject(1, RD_OP_LOAD, RD_FAULT_SHORT, EXTENT_ONE + 1, 1, 0),
             RD_OK);
    CHECK_EQ(load_delta(1, EXTENT_ONE, buffer, 2 * EXTENT_ONE, false),
             RD_BAD_ARGUMENT);
    CHECK_EQ(inject(1, RD_OP_LOAD, RD_FAULT_SHORT, EXTENT_ONE, 1, 0), RD_OK);
    CHECK_EQ(load_delta(1, EXTENT_ONE, buffer, 2 * EXTENT_ONE, false), RD_OK);
    CHECK_EQ(load_delta(1, 2 * EXTENT_ONE, buffer, 2 * EXTENT_ONE, false),
             RD_OK);
    /* more than the image has is fine; anew, as either kind */
    CHECK_EQ(load_delta(1, 0, buffer, EXTENT_ONE, false), RD_OK);
    CHECK_EQ(load(1, 0, image, PAGE, false), RD_OK);
    CHECK_EQ(load_delta(1, PAGE, buffer, EXTENT_ONE, false),
             RD_BAD_ARGUMENT);
    CHECK_EQ(load_delta(1, 0, buffer, EXTENT_ONE, false), RD_OK);
    /* nothing is left of the one before: it lacks the other page */
    CHECK_EQ(load_delta(1, EXTENT_ONE, NULL, 0, true), RD_BAD_IMAGE);
    CHECK_EQ(load_unmapped(0), RD_DMA_ERROR);
    CHECK_EQ(q(1).flags, RD_QUERY_ENABLED);
    CHECK_EQ(load_delta(1, 0, buffer, EXTENT_ONE, false), RD_OK);
    CHECK_EQ(load_unmapped(0), RD_DMA_ERROR);
    CHECK_EQ(q(1).flags, RD_QUERY_ENABLED);
    CHECK_EQ(load_image(1, image, id.image, 1 << 20), RD_OK);
}

/* -- hostile input --------------------------------------------------------- */
static void hostile_extents(u8 *data, u32 bytes)
{
    u32 at = 0;

    for (u32 i = 0; i < bytes; i += 8) {
        *(u64 *)(data + i) = random64();
    }
    while (at + EXTENT_ONE <= bytes) {
        struct extent *x = (void *)(data + at);

        x->offset = random64() % (id.image / PAGE + 1) * PAGE;
        x->bytes = random64() % 4 * PAGE;
        x->reserved = random64() % 16 == 0;
        if (random64() % 8 == 0) {
            x->offset = random64();
        }
        at += sizeof(*x) + x->bytes;
    }
}

void test_precopy_hostile(void)
{
    unsigned statuses[16] = { 0 };
    u8 *buffer, *image;
    u64 position = 0;

    precopy_started();
    buffer = alloc(16 * EXTENT_ONE);
    image = alloc(id.image);
    for (int i = 0; i < 3000; i++) {
        u32 bytes = random64() % 8 * EXTENT_ONE;
        size_t mark = alloc_mark();
        u16 status;

        hostile_extents(buffer, 16 * EXTENT_ONE);
        status = load_delta(1, position, buffer, bytes, random64() % 64 == 0);
        CHECK(status == RD_OK || status == RD_BAD_ARGUMENT ||
              status == RD_BAD_IMAGE);
        statuses[status % 16]++;
        position = status == RD_OK ? position + bytes
                 : status == RD_BAD_IMAGE ? 0 : position;
        if (random64() % 16 == 0) {
            position = 0;
        }
        save_delta(0, buffer, EXTENT_ONE + random64() % 1000, NULL, NULL);
        precopy(0, random64() % 4, NULL, NULL);
        alloc_release(mark);
    }
    printf("# %u taken, %u bad arguments, %u bad images\n", statuses[RD_OK],
           statuses[RD_BAD_ARGUMENT], statuses[RD_BAD_IMAGE]);
    precopy(0, RD_PRECOPY_STOP, NULL, NULL);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_OK);
    source_copies(5);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    save_rest(image);
    CHECK_EQ(load_image(1, image, id.image, 1 << 20), RD_OK);
    CHECK_EQ(q(1).digest, model_digest(&source.model));
}
