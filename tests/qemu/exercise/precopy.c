/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pre-copy: its commands, extents, and what the tests of it have in common. */
#include "exercise.h"

/* -- commands -------------------------------------------------------------- */

/* What a command that failed has as results is for the caller to see, too. */
u16 precopy(u16 function, u64 what, u64 *unsaved, u64 *changed)
{
    struct command c = cmd(RD_OP_PRECOPY, function, what, 0, 0);
    struct completion out = { .result = { ~0ull, ~0ull } };
    u16 status = run(&c, &out);

    if (unsaved) {
        *unsaved = out.result[0];
    }
    if (changed) {
        *changed = out.result[1];
    }
    return status;
}

u16 save_delta(u16 function, void *buffer, u32 bytes, u64 *written,
               u64 *remain)
{
    struct command c = cmd(RD_OP_SAVE, function, 0, 0, 0);
    struct completion out = { .result = { ~0ull, ~0ull } };
    u16 status;

    c.flags = RD_SAVE_DELTA;
    with_buffer(&c, buffer, bytes);
    status = run(&c, &out);
    if (written) {
        *written = out.result[0];
    }
    if (remain) {
        *remain = out.result[1];
    }
    return status;
}

u16 load_delta(u16 function, u64 position, const void *buffer, u32 bytes,
               bool last)
{
    struct command c = cmd(RD_OP_LOAD, function, position, bytes, 0);

    c.flags = RD_LOAD_DELTA | (last ? RD_LOAD_LAST : 0);
    if (bytes) {
        with_buffer(&c, buffer, bytes);
    }
    return run(&c, NULL);
}

/* -- VF 0, the source ------------------------------------------------------ */

#define COPY        64

struct engine source;

u64 context_pages(void)
{
    return id.context / PAGE;
}

/* VF 0 with an engine, VF 1 ready to be loaded. */
void precopy_pair(void)
{
    queue_fresh();
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(enable(1), RD_OK);
    CHECK_EQ(suspend(1, RD_LEVEL_FULL), RD_OK);
    engine_init(&source, &vf[0], SOURCE_CHAIN);
}

void precopy_started(void)
{
    precopy_pair();
    CHECK_EQ(precopy(0, RD_PRECOPY_START, NULL, NULL), RD_OK);
}

/* PRECOPY QUERY has to say just that. */
void expect_counts(u64 unsaved_pages, u64 changed_pages)
{
    u64 unsaved, changed;

    CHECK_EQ(precopy(0, RD_PRECOPY_QUERY, &unsaved, &changed), RD_OK);
    CHECK_EQ(unsaved, unsaved_pages * EXTENT_ONE);
    CHECK_EQ(changed, changed_pages * EXTENT_ONE);
}

/* As many copies, at most SOURCE_CHAIN, in one chain. */
void source_copies(unsigned count)
{
    size_t mark = alloc_mark();
    u8 *data = alloc(SOURCE_CHAIN * COPY), *target = alloc(SOURCE_CHAIN * COPY);

    for (unsigned i = 0; i < count; i++) {
        *(u64 *)(data + COPY * i) = random64();
        engine_set(&source, i, data + COPY * i, target + COPY * i, COPY,
                   IO_DESC_COMPLETE);
        model_copy(&source.model, data + COPY * i, COPY);
    }
    engine_start(&source, count);
    CHECK(engine_wait(&source, IO_STS_IDLE, 5000));
    alloc_release(mark);
}

/* The page of the image that the n-th copy changes. */
u64 page_of_copy(u64 n)
{
    u64 line = (n * 0x9e3779b97f4a7c15ull >> 20) % (id.context / 64);

    return 1 + line * 64 / PAGE;
}

/* Pages that the copies since the first "from" have changed */
u64 pages_changed(u64 from)
{
    u8 *seen = calloc(context_pages() + 1, 1);
    u64 count = 0;

    for (u64 n = from + 1; n <= source.model.copies; n++) {
        count += !seen[page_of_copy(n)];
        seen[page_of_copy(n)] = 1;
    }
    free(seen);
    return count;
}

/* -- extents --------------------------------------------------------------- */

/* The length of the extent that these bytes begin with; 0 if there is none
 * that is as the document says. */
u64 extent_length(const u8 *data, u64 bytes)
{
    const struct extent *x = (const void *)data;

    if (bytes < sizeof(*x) || bytes - sizeof(*x) < x->bytes ||
        !x->bytes || x->bytes % PAGE || x->offset % PAGE || x->reserved ||
        x->offset > id.image || x->bytes > id.image - x->offset) {
        CHECK(!"extent");
        return 0;
    }
    return sizeof(*x) + x->bytes;
}

/* Puts extents into an image. */
void unpack(const u8 *data, u64 bytes, u8 *image)
{
    u64 length;

    while (bytes && (length = extent_length(data, bytes))) {
        const struct extent *x = (const void *)data;

        memcpy(image + x->offset, x + 1, x->bytes);
        data += length;
        bytes -= length;
    }
}

/* DELTA SAVEs until nothing remains. */
void save_rest(u8 *image)
{
    u64 written, remain = 1;
    size_t mark = alloc_mark();
    u8 *buffer = alloc(1 << 20);

    while (remain) {
        size_t inner = alloc_mark();

        if (save_delta(0, buffer, 1 << 20, &written, &remain) != RD_OK ||
            written > 1 << 20) {
            CHECK(!"SAVE");
            break;
        }
        CHECK(remain == 0 || written > 0);
        unpack(buffer, written, image);
        alloc_release(inner);
    }
    alloc_release(mark);
}

u32 put_extent(u8 *at, u64 offset, u32 bytes, const u8 *data)
{
    struct extent *x = (void *)at;

    *x = (struct extent) { offset, bytes, 0 };
    memcpy(x + 1, data, bytes);
    return sizeof(*x) + bytes;
}
