/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pre-copy: saving while the function runs. */
#include "exercise.h"

static struct query q(u16 function)
{
    struct query page;

    CHECK_EQ(query(function, &page), RD_OK);
    return page;
}

/* -- the whole way --------------------------------------------------------- */

/* One DELTA SAVE of VF 0, loaded into VF 1 at once and put into the image. */
static u64 step(u8 *buffer, u32 room, u8 *image, u64 *position)
{
    size_t mark = alloc_mark();
    u64 written = 0, remain = 0;

    CHECK_EQ(save_delta(0, buffer, room, &written, &remain), RD_OK);
    if (written > room) {
        CHECK(!"no more than there is room for");
        return 0;
    }
    unpack(buffer, written, image);
    CHECK_EQ(load_delta(1, *position, buffer, written, false), RD_OK);
    *position += written;
    alloc_release(mark);
    return remain;
}

static u64 unsaved_now(void)
{
    size_t mark = alloc_mark();
    u64 unsaved = 0;

    CHECK_EQ(precopy(0, RD_PRECOPY_QUERY, &unsaved, NULL), RD_OK);
    alloc_release(mark);
    return unsaved;
}

/* Rounds while the engine copies; returns how many left something behind. */
static unsigned while_running(u8 *buffer, u8 *image, u64 *position)
{
    unsigned rounds = 0, dirty = 0;

    while (unsaved_now() && rounds++ < 100000 && !failures) {
        step(buffer, EXTENT_ONE + random64() % (128 << 10), image, position);
    }
    for (int i = 0; i < 20; i++) {
        dirty += step(buffer, 64 << 10, image, position) != 0;
    }
    printf("# %u rounds, then %u of 20 left changed pages\n", rounds, dirty);
    return dirty;
}

static void rest_of(u8 *buffer, u8 *image, u64 *position)
{
    while (step(buffer, 1 << 20, image, position) && !failures) {
        ;
    }
    CHECK_EQ(step(buffer, 1 << 20, image, position), 0);
}

static void expect_goes_on(u64 before)
{
    u64 now = before;

    for (int i = 0; i < 30000 && now == before; i++) {
        sleep_ms(1);
        now = rd64(&vf[1], RD_CTX_COPIES);
    }
    CHECK(now > before);
}

/* VF 0 goes to VF 1 while its engine copies, and on there. */
void test_precopy_cycle(void)
{
    u8 *buffer, *image;
    u64 position = 0;

    precopy_started();
    buffer = alloc(1 << 20);
    image = alloc(id.image);
    engine_spin(&source, 65536);
    CHECK(while_running(buffer, image, &position) > 0);
    CHECK_EQ(suspend(0, RD_LEVEL_P2P), RD_OK);
    rest_of(buffer, image, &position);
    expect_counts(0, 0);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    expect_counts(1, 0);
    rest_of(buffer, image, &position);
    expect_counts(0, 0);
    CHECK(!memcmp(image, save_image(0, 1 << 20), id.image));
    CHECK_EQ(q(1).flags, RD_QUERY_ENABLED | RD_QUERY_LOADING);
    CHECK_EQ(load_delta(1, position, NULL, 0, true), RD_OK);
    CHECK_EQ(q(1).flags, RD_QUERY_ENABLED);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED | RD_QUERY_PRECOPY);
    CHECK_EQ(q(1).digest, q(0).digest);
    CHECK_EQ(q(1).applied, q(0).digest);
    CHECK_EQ(q(1).copies, q(0).copies);
    CHECK(!memcmp(image, save_image(1, 1 << 20), id.image));
    CHECK_EQ(resume(1, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(resume(1, RD_LEVEL_P2P), RD_OK);
    expect_goes_on(q(0).copies);
    source.f = &vf[1];
    engine_reset(&source);
    CHECK_EQ(q(0).dma_stopped + q(1).dma_stopped, 0);
}

/* -- what is recorded ------------------------------------------------------ */

/* Each page that a copy changes is saved once more, and nothing else is. */
void test_precopy_pages(void)
{
    u64 written, remain, unsaved, changed, before;
    u8 *buffer, *image;
    struct extent *x;

    precopy_pair();
    buffer = alloc(1 << 20);
    image = alloc(id.image);
    x = (void *)buffer;
    source_copies(3);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, &unsaved, &changed), RD_OK);
    CHECK_EQ(unsaved, context_pages() * EXTENT_ONE);
    CHECK_EQ(changed, 0);
    expect_counts(context_pages(), 0);
    /* changed, but not saved yet: that counts once */
    source_copies(5);
    expect_counts(context_pages(), 0);
    save_rest(image);
    expect_counts(0, 0);
    CHECK(!memcmp(image + PAGE, source.model.words, id.context));
    CHECK_EQ(save_delta(0, buffer, 1 << 20, &written, &remain), RD_OK);
    CHECK_EQ(written, 0);
    CHECK_EQ(remain, 0);
    /* one page */
    source_copies(1);
    expect_counts(0, 1);
    CHECK_EQ(save_delta(0, buffer, 1 << 20, &written, &remain), RD_OK);
    CHECK_EQ(written, EXTENT_ONE);
    CHECK_EQ(remain, 0);
    CHECK_EQ(x->offset, page_of_copy(source.model.copies) * PAGE);
    unpack(buffer, written, image);
    CHECK(!memcmp(image + PAGE, source.model.words, id.context));
    expect_counts(0, 0);
    /* some, through a list in odd pieces */
    before = source.model.copies;
    source_copies(SOURCE_CHAIN);
    expect_counts(0, pages_changed(before));
    CHECK(pages_changed(before) > 1 || context_pages() == 1);
    save_rest(image);
    expect_counts(0, 0);
    CHECK(!memcmp(image + PAGE, source.model.words, id.context));
}

/* In the order of the image, and what touches is one extent */
static void expect_upwards(const u8 *data, u64 bytes)
{
    u64 end = 0, length;

    while (bytes && (length = extent_length(data, bytes))) {
        const struct extent *x = (const void *)data;

        CHECK(!end || x->offset > end);
        end = x->offset + x->bytes;
        data += length;
        bytes -= length;
    }
}

/* A list in pieces; as many pages as there is room for. Returns how many pages
 * it has saved. */
static u64 expect_room(u8 *buffer)
{
    struct command c = cmd(RD_OP_SAVE, 0, 0, 0, 0);
    const struct extent *x = (void *)buffer;
    struct completion out = { 0 };
    u64 written;

    c.flags = RD_SAVE_DELTA;
    with_pieces(&c, buffer, EXTENT_ONE + 2 * PAGE, 1000);
    CHECK_EQ(run(&c, &out), RD_OK);
    CHECK_EQ(out.result[0], EXTENT_ONE + 2 * PAGE);
    CHECK_EQ(out.result[1], (context_pages() - 3) * EXTENT_ONE);
    CHECK_EQ(x->offset, PAGE);
    CHECK_EQ(x->bytes, 3 * PAGE);
    CHECK_EQ(x->reserved, 0);
    /* a byte less than two, behind those */
    memset(buffer, 0xee, 3 * PAGE);
    CHECK_EQ(save_delta(0, buffer, EXTENT_ONE + PAGE - 1, &written, NULL),
             RD_OK);
    CHECK_EQ(written, EXTENT_ONE);
    CHECK_EQ(x->offset, 4 * PAGE);
    CHECK_EQ(buffer[EXTENT_ONE], 0xee);
    return 4;
}

/* Pages that were not saved before those that have changed. */
static void expect_unsaved_first(u8 *buffer, u64 saved)
{
    u64 left = (context_pages() - saved - 2) * PAGE + RD_EXTENT_HEADER;
    const struct extent *x = (void *)buffer;
    u64 written, remain;

    CHECK_EQ(save_delta(0, buffer, EXTENT_ONE + PAGE, &written, &remain),
             RD_OK);
    CHECK_EQ(x->offset, (saved + 1) * PAGE);
    CHECK_EQ(written, EXTENT_ONE + PAGE);
    /* the rest of those, then the changed ones from the first on */
    CHECK_EQ(save_delta(0, buffer, 2 * id.context, &written, &remain), RD_OK);
    CHECK_EQ(remain, 0);
    CHECK_EQ(x->offset, (saved + 3) * PAGE);
    CHECK_EQ(x->bytes, left - RD_EXTENT_HEADER);
    if (written <= left + EXTENT_ONE || written > 2 * id.context) {
        CHECK(!"changed pages");
        return;
    }
    x = (void *)(buffer + left);
    CHECK(x->offset <= saved * PAGE);
    expect_upwards(buffer + left, written - left);
}

void test_precopy_order(void)
{
    u64 saved, unsaved, changed, remain;
    u8 *buffer;

    precopy_started();
    buffer = alloc(2 * id.context);
    saved = expect_room(buffer);
    while (saved < context_pages() / 2) {
        size_t mark = alloc_mark();

        CHECK_EQ(save_delta(0, buffer, EXTENT_ONE, NULL, &remain), RD_OK);
        CHECK_EQ(remain, (context_pages() - ++saved) * EXTENT_ONE);
        alloc_release(mark);
    }
    source_copies(SOURCE_CHAIN);
    CHECK_EQ(precopy(0, RD_PRECOPY_QUERY, &unsaved, &changed), RD_OK);
    CHECK_EQ(unsaved, (context_pages() - saved) * EXTENT_ONE);
    CHECK(changed > EXTENT_ONE);
    if (2 * id.context <= id.transfer) {
        expect_unsaved_first(buffer, saved);
    }
}

/* The header: at FULL only, and anew each time. */
void test_precopy_header(void)
{
    u64 written, remain, unsaved;
    u8 *buffer, *image;
    struct extent *x;

    precopy_started();
    buffer = alloc(1 << 20);
    image = alloc(id.image);
    x = (void *)buffer;
    save_rest(image);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(suspend(0, RD_LEVEL_P2P), RD_OK);
        expect_counts(0, 0);
        CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
        expect_counts(1, 0);
        if (i != 1) {
            CHECK_EQ(save_delta(0, buffer, EXTENT_ONE, &written, &remain),
                     RD_OK);
            CHECK_EQ(written, EXTENT_ONE);
            CHECK_EQ(remain, 0);
            CHECK_EQ(x->offset, 0);
            CHECK(!memcmp(x + 1, save_image(0, 1 << 20), PAGE));
            CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
            expect_counts(0, 0);
        }
        CHECK_EQ(resume(0, RD_LEVEL_FULL), RD_OK);
        expect_counts(0, 0);
        CHECK_EQ(save_delta(0, buffer, EXTENT_ONE, &written, NULL), RD_OK);
        CHECK_EQ(written, 0);
        CHECK_EQ(resume(0, RD_LEVEL_P2P), RD_OK);
    }
    /* begun at FULL */
    CHECK_EQ(precopy(0, RD_PRECOPY_STOP, NULL, NULL), RD_OK);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, &unsaved, NULL), RD_OK);
    CHECK_EQ(unsaved, (context_pages() + 1) * EXTENT_ONE);
    /* a plain SAVE goes as ever, and counts for nothing here */
    save_image(0, 1 << 20);
    expect_counts(context_pages() + 1, 0);
    memset(image, 0xee, id.image);
    save_rest(image);
    CHECK(!memcmp(image, save_image(0, 1 << 20), id.image));
}

/* -- refusals and ends ----------------------------------------------------- */

static u16 save_flags(u16 flags, u64 offset, u32 bytes)
{
    struct command c = cmd(RD_OP_SAVE, 0, offset, 0, 0);

    c.flags = flags;
    with_buffer(&c, alloc(1 << 16), bytes);
    return run(&c, NULL);
}

static u16 load_flags(u16 flags, u64 offset, u32 bytes)
{
    struct command c = cmd(RD_OP_LOAD, 0, offset, bytes, 0);

    c.flags = flags;
    with_buffer(&c, alloc(1 << 16), bytes);
    return run(&c, NULL);
}

void test_precopy_state(void)
{
    u64 unsaved, changed;

    precopy_pair();
    CHECK_EQ(precopy(FN_PF, RD_PRECOPY_START, NULL, NULL), RD_BAD_FUNCTION);
    for (u64 what = 0; what < 4; what += 2) {
        CHECK_EQ(precopy(0, what, &unsaved, &changed), RD_BAD_STATE);
        CHECK_EQ(unsaved + changed, 0);
    }
    CHECK_EQ(precopy(0, 3, NULL, NULL), RD_BAD_ARGUMENT);
    CHECK_EQ(precopy(0, ~0ull, NULL, NULL), RD_BAD_ARGUMENT);
    CHECK_EQ(save_flags(RD_SAVE_DELTA, 1, 1), RD_BAD_STATE);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_OK);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED | RD_QUERY_PRECOPY);
    CHECK_EQ(q(1).flags, RD_QUERY_ENABLED);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_BAD_STATE);
    CHECK_EQ(precopy(0, 3, NULL, NULL), RD_BAD_ARGUMENT);
    CHECK_EQ(save_flags(RD_SAVE_DELTA, 1, 1), RD_BAD_ARGUMENT);
    CHECK_EQ(save_flags(RD_SAVE_DELTA, 0, EXTENT_ONE - 1), RD_BAD_SGL);
    CHECK_EQ(do_cmd(RD_OP_SAVE, 0, 0, 0), RD_BAD_STATE);
    for (u16 flag = 2; flag; flag <<= 1) {
        CHECK_EQ(save_flags(flag, 0, PAGE), RD_BAD_ARGUMENT);
        CHECK_EQ(save_flags(flag | RD_SAVE_DELTA, 0, 1 << 16),
                 RD_BAD_ARGUMENT);
        CHECK_EQ(load_flags(flag == 2 ? 4 : flag, 0, PAGE),
                 RD_BAD_ARGUMENT);
    }
    expect_counts(context_pages(), 0);
    CHECK_EQ(save_flags(RD_SAVE_DELTA, 0, EXTENT_ONE), RD_OK);
    CHECK_EQ(precopy(0, RD_PRECOPY_STOP, &unsaved, &changed), RD_OK);
    CHECK_EQ(unsaved + changed, 0);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED);
    CHECK_EQ(precopy(0, RD_PRECOPY_STOP, NULL, NULL), RD_BAD_STATE);
    /* not while there is a load; but a load may begin after it */
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(load(0, 0, alloc(PAGE), PAGE, false), RD_OK);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_BAD_STATE);
    CHECK_EQ(load(0, PAGE, NULL, 0, true), RD_BAD_IMAGE);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_OK);
    CHECK_EQ(load(0, 0, alloc(PAGE), PAGE, false), RD_OK);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED | RD_QUERY_PRECOPY |
                         RD_QUERY_LOADING);
}

static void expect_off(void)
{
    CHECK_EQ(q(0).flags & RD_QUERY_PRECOPY, 0);
    CHECK_EQ(precopy(0, RD_PRECOPY_QUERY, NULL, NULL), RD_BAD_STATE);
}

/* Anew: nothing is left of what was saved before. */
static void start_anew(void)
{
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_OK);
    expect_counts(context_pages(), 0);
    CHECK_EQ(save_flags(RD_SAVE_DELTA, 0, 4 * EXTENT_ONE), RD_OK);
}

void test_precopy_end(void)
{
    u8 *image;

    precopy_pair();
    start_anew();
    CHECK_EQ(precopy(0, RD_PRECOPY_STOP, NULL, NULL), RD_OK);
    expect_off();
    start_anew();
    function_reset(&vf[0]);
    expect_off();
    start_anew();
    CHECK_EQ(disable(0), RD_OK);
    CHECK_EQ(q(0).flags, 0);
    CHECK_EQ(enable(0), RD_OK);
    expect_off();
    start_anew();
    pf_reset();
    queue_on(6);
    CHECK_EQ(enable(0), RD_OK);
    expect_off();
    start_anew();
    /* not by a load that is refused */
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    image = save_image(0, 1 << 20);
    image[0] ^= 1;
    CHECK_EQ(load_image(0, image, id.image, 1 << 20), RD_BAD_IMAGE);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED | RD_QUERY_PRECOPY);
    image[0] ^= 1;
    CHECK_EQ(load_image(0, image, id.image, 1 << 20), RD_OK);
    expect_off();
    /* nor by another function's reset */
    CHECK_EQ(resume(0, RD_LEVEL_FULL), RD_OK);
    start_anew();
    function_reset(&vf[1]);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED | RD_QUERY_PRECOPY);
    bus_master(&vf[0], true);
    bus_master(&vf[1], true);
}

/* -- SAVEs that do not come about ------------------------------------------ */

static u16 save_short(u64 bytes, u8 *buffer, u64 *written, u64 *remain)
{
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_SHORT, bytes, 1, 0), RD_OK);
    return save_delta(0, buffer, 1 << 16, written, remain);
}

static struct command delta_command(const u8 *buffer, u32 bytes)
{
    struct command c = cmd(RD_OP_SAVE, 0, 0, 0, 0);

    c.flags = RD_SAVE_DELTA;
    c.tag = 0x9000;
    with_buffer(&c, buffer, bytes);
    return c;
}

static void expect_aborted(void)
{
    struct done done;
    u64 hit;

    CHECK_EQ(abort_tag(0x9000, &hit), RD_OK);
    CHECK_EQ(hit, 1);
    CHECK(completed(0x9000, &done));
    CHECK_EQ(done.c.status, RD_ABORTED);
    CHECK_EQ(done.c.result[0] + done.c.result[1], 0);
}

/* FAIL, SILENT and a DMA error */
static void expect_nothing_saved(u8 *buffer)
{
    u64 written, remain, pages = context_pages();
    struct command c;

    CHECK_EQ(inject(0, RD_OP_PRECOPY, RD_FAULT_FAIL, 0x77, 1, 0), RD_OK);
    CHECK_EQ(precopy(0, RD_PRECOPY_STOP, NULL, NULL), 0x77);
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_FAIL, 0x77, 1, 0), RD_OK);
    CHECK_EQ(save_delta(0, buffer, 1 << 16, &written, &remain), 0x77);
    CHECK_EQ(written + remain, 0);
    expect_counts(pages, 0);
    /* what was written before the DMA error counts for nothing */
    c = delta_command(buffer, 1 << 16);
    c.sgl_count = 2;
    ((struct sg *)(memory + (c.sgl - MEMORY_IOVA)))[0].length = EXTENT_ONE;
    ((struct sg *)(memory + (c.sgl - MEMORY_IOVA)))[1] =
        (struct sg) { UNMAPPED_IOVA, 1 << 16, 0 };
    CHECK_EQ(run(&c, NULL), RD_DMA_ERROR);
    expect_counts(pages, 0);
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_SILENT, 0, 1, 0), RD_OK);
    c = delta_command(buffer, 1 << 16);
    submit_tagged(&c);
    expect_counts(pages, 0);
    expect_aborted();
    expect_counts(pages, 0);
}

void test_precopy_faults(void)
{
    u64 written, remain, pages;
    u8 *buffer;

    precopy_started();
    pages = context_pages();
    buffer = alloc(1 << 20);
    expect_nothing_saved(buffer);
    /* cut within the first page, behind it, within the second */
    CHECK_EQ(save_short(0, buffer, &written, &remain), RD_OK);
    CHECK_EQ(written, 0);
    CHECK_EQ(remain, pages * EXTENT_ONE);
    CHECK_EQ(save_short(8, buffer, &written, &remain), RD_OK);
    CHECK_EQ(save_short(EXTENT_ONE - 1, buffer, &written, &remain), RD_OK);
    CHECK_EQ(written, EXTENT_ONE - 1);
    CHECK_EQ(remain, pages * EXTENT_ONE);
    expect_counts(pages, 0);
    CHECK_EQ(save_short(EXTENT_ONE + PAGE - 1, buffer, &written, &remain),
             RD_OK);
    CHECK_EQ(written, EXTENT_ONE + PAGE - 1);
    CHECK_EQ(remain, (pages - 1) * EXTENT_ONE);
    expect_counts(pages - 1, 0);
    /* such data is no whole extent */
    CHECK_EQ(load_delta(1, 0, buffer, written, false), RD_BAD_ARGUMENT);
    CHECK_EQ(save_delta(0, buffer, EXTENT_ONE, NULL, NULL), RD_OK);
    CHECK_EQ(((struct extent *)buffer)->offset, 2 * PAGE);
}

/* A SAVE that was carried out but has not completed. */
static void late_save(u8 *buffer, u64 ns)
{
    struct command c = delta_command(buffer, 1 << 20);
    volatile u32 *bytes = &((struct extent *)buffer)->bytes;

    *bytes = 0;
    CHECK_EQ(inject(0, RD_OP_SAVE, RD_FAULT_LATE, ns, 1, 0), RD_OK);
    submit_tagged(&c);
    for (int i = 0; i < 2000 && !*bytes; i++) {
        sleep_ms(1);
    }
    CHECK(*bytes != 0);
}

/* ABORT between the two makes it as if it had never been; what changes between
 * the two is changed, either way. */
static void expect_late_pages(u8 *buffer, u8 *image)
{
    struct done done;
    u64 before;

    late_save(buffer, ~0ull);
    source_copies(1);
    expect_aborted();
    expect_counts(context_pages(), 0);
    save_rest(image);
    before = source.model.copies;
    source_copies(10);
    expect_counts(0, pages_changed(before));
    late_save(buffer, ~0ull);
    source_copies(10);
    expect_aborted();
    expect_counts(0, pages_changed(before));
    save_rest(image);
    CHECK(!memcmp(image + PAGE, source.model.words, id.context));
    /* it completes after all */
    source_copies(1);
    late_save(buffer, 100000000);
    before = source.model.copies;
    source_copies(3);
    CHECK(wait_for(0x9000, &done, 5000));
    CHECK_EQ(done.c.status, RD_OK);
    CHECK_EQ(done.c.result[0], EXTENT_ONE);
    expect_counts(0, pages_changed(before));
}

/* The header, as long as the function is at FULL */
static void expect_late_header(u8 *buffer, u8 *image)
{
    save_rest(image);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    late_save(buffer, ~0ull);
    expect_aborted();
    expect_counts(1, 0);
    late_save(buffer, ~0ull);
    CHECK_EQ(resume(0, RD_LEVEL_FULL), RD_OK);
    expect_aborted();
    expect_counts(0, 0);
}

/* STOP and START between the two; the queues go off between the two. */
static void expect_late_end(u8 *buffer, u8 *image)
{
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    late_save(buffer, ~0ull);
    CHECK_EQ(precopy(0, RD_PRECOPY_STOP, NULL, NULL), RD_OK);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_OK);
    save_rest(image);
    expect_aborted();
    expect_counts(0, 0);
    CHECK_EQ(resume(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    late_save(buffer, ~0ull);
    queue_off();
    queue_on(6);
    CHECK_EQ(inject(0, 0, 0, 0, 0, 0), RD_OK);
    expect_counts(1, 0);
}

void test_precopy_late(void)
{
    u8 *buffer, *image;

    precopy_started();
    buffer = alloc(1 << 20);
    image = alloc(id.image);
    expect_late_pages(buffer, image);
    expect_late_header(buffer, image);
    expect_late_end(buffer, image);
}

/* -- all of it again --------------------------------------------------------- */

/* Nothing counts as saved any more, so all of it is saved once more. */
void test_precopy_again(void)
{
    u8 *image;

    precopy_pair();
    image = alloc(id.image);
    source_copies(3);
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_OK);
    save_rest(image);
    source_copies(1);
    CHECK_EQ(inject(0, RD_OP_PRECOPY, RD_FAULT_AGAIN, 0, 1, 0), RD_OK);
    expect_counts(context_pages(), 0);
    expect_counts(context_pages(), 0);
    memset(image, 0, id.image);
    save_rest(image);
    expect_counts(0, 0);
    CHECK(!memcmp(image + PAGE, source.model.words, id.context));
    /* the header is one of them where the function stands still */
    CHECK_EQ(suspend(0, RD_LEVEL_P2P), RD_OK);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(inject(0, RD_OP_PRECOPY, RD_FAULT_AGAIN, 0, 1, 0), RD_OK);
    expect_counts(context_pages() + 1, 0);
}

/* -- a device without ------------------------------------------------------ */

void test_precopy_off(void)
{
    precopy_pair();
    CHECK_EQ(id.features, 0);
    for (u64 what = 0; what < 4; what++) {
        CHECK_EQ(precopy(0, what, NULL, NULL), RD_BAD_OPCODE);
    }
    CHECK_EQ(precopy(FN_PF, RD_PRECOPY_START, NULL, NULL), RD_BAD_OPCODE);
    CHECK_EQ(inject(0, RD_OP_PRECOPY, RD_FAULT_FAIL, 1, 1, 0),
             RD_BAD_ARGUMENT);
    source_copies(5);
    CHECK_EQ(save_flags(RD_SAVE_DELTA, 0, 1 << 16), RD_BAD_ARGUMENT);
    CHECK_EQ(suspend(0, RD_LEVEL_FULL), RD_OK);
    CHECK_EQ(save_flags(RD_SAVE_DELTA, 0, 1 << 16), RD_BAD_ARGUMENT);
    CHECK_EQ(load_flags(RD_LOAD_DELTA, 0, EXTENT_ONE), RD_BAD_ARGUMENT);
    CHECK_EQ(load_flags(RD_LOAD_DELTA | RD_LOAD_LAST, 0, EXTENT_ONE),
             RD_BAD_ARGUMENT);
    CHECK_EQ(q(0).flags, RD_QUERY_ENABLED);
    CHECK_EQ(load_image(1, save_image(0, 1 << 20), id.image, 1 << 20), RD_OK);
    CHECK_EQ(q(1).digest, model_digest(&source.model));
}
