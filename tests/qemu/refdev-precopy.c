/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference device: pre-copy. What of the image is still to be saved, and the
 * extents that carry it.
 *
 * Pages are those of the image: page 0 is its header, which is to be saved at
 * FULL only, page 1 the first of the context memory.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "refdev.h"

#define HEADER_PAGE     0
#define EXTENT_ONE      (RD_EXTENT_HEADER + RD_IMAGE_PAGE)
#define NO_PAGE         UINT64_MAX

/* Header of an extent */
#define X_OFFSET        0x00
#define X_BYTES         0x08
#define X_RESERVED      0x0c

static uint64_t image_pages(const RefdevVF *vf)
{
    return refdev_image_bytes(vf->pf->context_size) / RD_IMAGE_PAGE;
}

/* -- sets of pages -------------------------------------------------------- */

static void pages_free(RefdevPages *p)
{
    g_free(p->unsaved);
    g_free(p->changed);
    p->unsaved = NULL;
    p->changed = NULL;
}

static bool pages_alloc(RefdevPages *p, uint64_t count)
{
    p->unsaved = bitmap_try_new(count);
    p->changed = bitmap_try_new(count);
    if (!p->unsaved || !p->changed) {
        pages_free(p);
        return false;
    }
    return true;
}

/* This page need not be saved any more; note in "taken" what it was. */
static void page_take(RefdevPages *p, RefdevPages *taken, uint64_t page)
{
    if (test_and_clear_bit(page, p->unsaved)) {
        set_bit(page, taken->unsaved);
    } else if (test_and_clear_bit(page, p->changed)) {
        set_bit(page, taken->changed);
    }
}

/* -- on and off ------------------------------------------------------------ */

uint16_t refdev_precopy_start(RefdevVF *vf)
{
    RefdevPrecopy *pre = &vf->precopy;
    uint64_t pages = image_pages(vf);

    if (!pages_alloc(&pre->pages, pages)) {
        return RD_NO_RESOURCES;
    }
    bitmap_set(pre->pages.unsaved, 0, pages);
    pre->on = true;
    pre->session++;
    refdev_precopy_level(vf, vf->level);
    return RD_OK;
}

void refdev_precopy_end(RefdevVF *vf)
{
    pages_free(&vf->precopy.pages);
    vf->precopy.on = false;
}

/* As if nothing had been saved yet */
void refdev_precopy_again(RefdevVF *vf)
{
    RefdevPages *p = &vf->precopy.pages;
    uint64_t pages = image_pages(vf);

    bitmap_clear(p->changed, 0, pages);
    bitmap_set(p->unsaved, 0, pages);
    refdev_precopy_level(vf, vf->level);
}

/* The header is to be saved once each time the function is at FULL. */
void refdev_precopy_level(RefdevVF *vf, uint16_t level)
{
    RefdevPages *p = &vf->precopy.pages;

    if (!vf->precopy.on) {
        return;
    }
    if (level != RD_LEVEL_FULL) {
        clear_bit(HEADER_PAGE, p->unsaved);
    } else if (vf->level != RD_LEVEL_FULL) {
        set_bit(HEADER_PAGE, p->unsaved);
    }
}

void refdev_precopy_changed(RefdevVF *vf, uint64_t context_page)
{
    RefdevPages *p = &vf->precopy.pages;
    uint64_t page = RD_IMAGE_HEADER / RD_IMAGE_PAGE + context_page;

    if (vf->precopy.on && !test_bit(page, p->unsaved) &&
        vf->pf->bug != REFDEV_BUG_STALE_DELTA) {
        set_bit(page, p->changed);
    }
}

/* -- how much --------------------------------------------------------------- */

/* An upper bound: as if each page were an extent of its own */
void refdev_precopy_count(RefdevVF *vf, uint64_t *unsaved, uint64_t *changed)
{
    const RefdevPages *p = &vf->precopy.pages;
    uint64_t pages = image_pages(vf);

    *unsaved = bitmap_count_one(p->unsaved, pages) * EXTENT_ONE;
    *changed = bitmap_count_one(p->changed, pages) * EXTENT_ONE;
}

/* What a SAVE with that much room would write at most if it came now. */
uint64_t refdev_precopy_most(RefdevVF *vf, uint64_t room)
{
    uint64_t unsaved, changed;

    if (!vf->precopy.on) {
        return 0;
    }
    refdev_precopy_count(vf, &unsaved, &changed);
    return MIN(MIN(room, RD_MAX_TRANSFER), unsaved + changed);
}

/* -- saving ------------------------------------------------------------------ */

/* Extents under construction */
typedef struct Extents {
    uint8_t *data;
    uint64_t room;
    uint64_t used;
    uint8_t *last;              /* header of the last extent */
    uint64_t next;              /* the page that would go on with it */
} Extents;

static void extent_open(Extents *x, uint64_t page)
{
    x->last = x->data + x->used;
    stq_le_p(x->last + X_OFFSET, page * RD_IMAGE_PAGE);
    stl_le_p(x->last + X_BYTES, 0);
    stl_le_p(x->last + X_RESERVED, 0);
    x->used += RD_EXTENT_HEADER;
}

/* False: no room. */
static bool extent_add(Extents *x, const RefdevImage *image, uint64_t page)
{
    uint64_t need = page == x->next ? RD_IMAGE_PAGE : EXTENT_ONE;

    if (x->room - x->used < need) {
        return false;
    }
    if (page != x->next) {
        extent_open(x, page);
    }
    memcpy(x->data + x->used, image->data + page * RD_IMAGE_PAGE,
           RD_IMAGE_PAGE);
    stl_le_p(x->last + X_BYTES, ldl_le_p(x->last + X_BYTES) + RD_IMAGE_PAGE);
    x->used += RD_IMAGE_PAGE;
    x->next = page + 1;
    return true;
}

static bool extents_fill(Extents *x, const RefdevVF *vf,
                         const unsigned long *set)
{
    uint64_t pages = image_pages(vf);
    uint64_t page;

    for (page = find_first_bit(set, pages); page < pages;
         page = find_next_bit(set, pages, page + 1)) {
        if (!extent_add(x, &vf->image, page)) {
            return false;
        }
    }
    return true;
}

/* The first "bytes" of these extents have been written: what is whole in them
 * is saved. */
static void extents_saved(RefdevVF *vf, const uint8_t *data, uint64_t bytes,
                          RefdevPages *taken)
{
    while (bytes > RD_EXTENT_HEADER) {
        uint64_t page = ldq_le_p(data + X_OFFSET) / RD_IMAGE_PAGE;
        uint64_t left = MIN(ldl_le_p(data + X_BYTES),
                            bytes - RD_EXTENT_HEADER);

        data += RD_EXTENT_HEADER + left;
        bytes -= RD_EXTENT_HEADER + left;
        for (; left >= RD_IMAGE_PAGE; left -= RD_IMAGE_PAGE) {
            page_take(&vf->precopy.pages, taken, page++);
        }
    }
}

struct RefdevPrecopyUndo {
    uint64_t session;
    RefdevPages taken;
};

/* Written is not saved yet: ABORT may find the command before it completes. */
static uint16_t save_commit(RefdevCmd *cmd, RefdevVF *vf, const Extents *x)
{
    uint64_t bytes = refdev_fw_cut(cmd, x->used);
    uint64_t unsaved, changed;
    uint16_t status;

    cmd->undo = g_new0(RefdevPrecopyUndo, 1);
    if (!pages_alloc(&cmd->undo->taken, image_pages(vf))) {
        return RD_NO_RESOURCES;
    }
    status = refdev_sgl_out(cmd, x->data, bytes);
    if (status != RD_OK) {
        return status;
    }
    cmd->undo->session = vf->precopy.session;
    extents_saved(vf, x->data, bytes, &cmd->undo->taken);
    refdev_precopy_count(vf, &unsaved, &changed);
    cmd->result[0] = bytes;
    cmd->result[1] = unsaved + changed;
    return RD_OK;
}

uint16_t refdev_precopy_save(RefdevCmd *cmd, RefdevVF *vf)
{
    Extents x = {
        .room = refdev_precopy_most(vf, cmd->sg_bytes),
        .next = NO_PAGE,
    };
    g_autofree uint8_t *data = g_malloc(x.room);

    x.data = data;
    if (vf->level == RD_LEVEL_FULL) {
        refdev_context_seal(vf);
    }
    if (extents_fill(&x, vf, vf->precopy.pages.unsaved)) {
        extents_fill(&x, vf, vf->precopy.pages.changed);
    }
    return save_commit(cmd, vf, &x);
}

/* The command that has saved them ends as if it had not been. */
void refdev_precopy_undo(RefdevCmd *cmd, RefdevVF *vf)
{
    RefdevPages *p = &vf->precopy.pages, *taken = &cmd->undo->taken;
    uint64_t pages = image_pages(vf);

    if (!vf->precopy.on || vf->precopy.session != cmd->undo->session) {
        return;
    }
    if (vf->level != RD_LEVEL_FULL) {
        clear_bit(HEADER_PAGE, taken->unsaved);
    }
    bitmap_or(p->unsaved, p->unsaved, taken->unsaved, pages);
    bitmap_or(p->changed, p->changed, taken->changed, pages);
    bitmap_andnot(p->changed, p->changed, p->unsaved, pages);
}

void refdev_precopy_undo_free(RefdevPrecopyUndo *undo)
{
    if (undo) {
        pages_free(&undo->taken);
        g_free(undo);
    }
}

/* -- loading ----------------------------------------------------------------- */

static bool extent_valid(const uint8_t *extent, uint64_t left, uint64_t image)
{
    uint64_t offset = ldq_le_p(extent + X_OFFSET);
    uint64_t bytes = ldl_le_p(extent + X_BYTES);

    return bytes && bytes <= left && !((offset | bytes) % RD_IMAGE_PAGE) &&
           offset <= image && bytes <= image - offset &&
           !ldl_le_p(extent + X_RESERVED);
}

/* Are these bytes whole extents, of an image of that size? */
bool refdev_extents_valid(const uint8_t *data, uint64_t bytes, uint64_t image)
{
    while (bytes) {
        uint64_t step;

        if (bytes < RD_EXTENT_HEADER ||
            !extent_valid(data, bytes - RD_EXTENT_HEADER, image)) {
            return false;
        }
        step = RD_EXTENT_HEADER + ldl_le_p(data + X_BYTES);
        data += step;
        bytes -= step;
    }
    return true;
}

/* They are valid: put them where they belong. */
void refdev_extents_apply(RefdevImage *image, const uint8_t *data,
                          uint64_t bytes)
{
    const uint8_t *end = data + bytes;

    while (data < end) {
        uint64_t offset = ldq_le_p(data + X_OFFSET);
        uint64_t length = ldl_le_p(data + X_BYTES);

        memcpy(image->data + offset, data + RD_EXTENT_HEADER, length);
        refdev_image_touch(image, offset, length);
        data += RD_EXTENT_HEADER + length;
    }
}
