/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference device: context memory, its digest, and the state image.
 *
 * An image is kept as it is saved: 4 KiB of header, then the context memory.
 * Memory is mapped, not allocated, so that what no copy has touched costs
 * nothing; a bitmap of touched pages keeps the digest of a mostly empty
 * memory cheap.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include <sys/mman.h>
#include "refdev.h"

#define CTX_PAGE        4096
#define LINE_BYTES      64
#define LINE_WORDS      8
#define FNV_BASIS       0xcbf29ce484222325ull
#define FNV_PRIME       0x100000001b3ull

/* Header of the image. All that is not named is zero. */
#define H_MAGIC         0x000
#define H_COMPAT        0x004
#define H_PROFILE       0x008
#define H_CRC           0x00c   /* CRC-32C of the header, this field zero */
#define H_CONTEXT       0x010
#define H_COPIES        0x018
#define H_COPIED        0x020
#define H_ERRORS        0x028
#define H_DIGEST        0x030
#define H_GENCTRL       0x040
#define H_INTRCTRL      0x041
#define H_ATTENTION     0x042
#define H_STATE         0x043
#define H_ARMED         0x044
#define H_PENDING       0x045
#define H_INTRDELAY     0x046
#define H_CHANCTRL      0x048
#define H_DMACOUNT      0x04a
#define H_DONE          0x04c
#define H_CHAINADDR     0x050
#define H_CHANCMP       0x058
#define H_COMPLETED     0x060
#define H_NEXT          0x068
#define H_CHANERR       0x070
#define H_CHANERRMSK    0x074
#define H_DCACTRL       0x078
#define H_MAX_COPY      0x07c   /* 0: that of the profile */

/* -- memory --------------------------------------------------------------- */

bool refdev_image_alloc(RefdevImage *image, uint64_t context)
{
    void *data = mmap(NULL, refdev_image_bytes(context),
                      PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (data == MAP_FAILED) {
        return false;
    }
    image->data = data;
    image->touched = bitmap_new(context / CTX_PAGE);
    return true;
}

void refdev_image_free(RefdevImage *image, uint64_t context)
{
    if (image->data) {
        munmap(image->data, refdev_image_bytes(context));
        g_free(image->touched);
    }
    image->data = NULL;
    image->touched = NULL;
}

void refdev_image_clear(RefdevImage *image, uint64_t context)
{
    uint64_t pages = context / CTX_PAGE;
    uint64_t page;

    memset(image->data, 0, RD_IMAGE_HEADER);
    for (page = find_first_bit(image->touched, pages); page < pages;
         page = find_next_bit(image->touched, pages, page + 1)) {
        memset(image->data + RD_IMAGE_HEADER + page * CTX_PAGE, 0, CTX_PAGE);
    }
    bitmap_zero(image->touched, pages);
}

/* These bytes of the image have been written: note what is not zero. */
void refdev_image_touch(RefdevImage *image, uint64_t offset, uint64_t bytes)
{
    uint64_t end = offset + bytes;

    offset = MAX(offset, RD_IMAGE_HEADER);
    while (offset < end) {
        uint64_t stop = MIN(end, ROUND_DOWN(offset, CTX_PAGE) + CTX_PAGE);

        if (!buffer_is_zero(image->data + offset, stop - offset)) {
            set_bit((offset - RD_IMAGE_HEADER) / CTX_PAGE, image->touched);
        }
        offset = stop;
    }
}

/* -- mutation and digest -------------------------------------------------- */

/* A copy has completed, the one that vf->copies counts. */
void refdev_context_copied(RefdevVF *vf, uint32_t crc)
{
    uint64_t n = vf->copies;
    uint64_t lines = vf->pf->context_size / LINE_BYTES;
    uint64_t line = (n * 0x9e3779b97f4a7c15ull >> 20) % lines;
    uint64_t add = (uint64_t)crc << 32 | (n & 0xffffffff);
    uint8_t *w = vf->image.data + RD_IMAGE_HEADER + line * LINE_BYTES;

    for (int i = 0; i < LINE_WORDS; i++, w += 8) {
        stq_le_p(w, ldq_le_p(w) * 6364136223846793005ull + add + i);
    }
    set_bit(line * LINE_BYTES / CTX_PAGE, vf->image.touched);
    refdev_precopy_changed(vf, line * LINE_BYTES / CTX_PAGE);
    vf->digest_valid = false;
}

static uint64_t digest_page(uint64_t d, const uint8_t *page)
{
    for (int i = 0; i < CTX_PAGE; i += 8) {
        d = (d ^ ldq_le_p(page + i)) * FNV_PRIME;
    }
    return d;
}

/* What a page of zeros multiplies the digest with. */
static uint64_t digest_zero_page(void)
{
    uint64_t factor = 1;

    for (int i = 0; i < CTX_PAGE; i += 8) {
        factor *= FNV_PRIME;
    }
    return factor;
}

static uint64_t image_digest(const RefdevImage *image, uint64_t context)
{
    const uint8_t *page = image->data + RD_IMAGE_HEADER;
    uint64_t zero = digest_zero_page();
    uint64_t d = FNV_BASIS;

    for (uint64_t i = 0; i < context / CTX_PAGE; i++, page += CTX_PAGE) {
        d = test_bit(i, image->touched) ? digest_page(d, page) : d * zero;
    }
    return d;
}

uint64_t refdev_context_digest(RefdevVF *vf)
{
    if (!vf->enabled) {
        return 0;
    }
    if (!vf->digest_valid) {
        vf->digest = image_digest(&vf->image, vf->pf->context_size);
        vf->digest_valid = true;
    }
    return vf->digest;
}

/* The digest as registers and QUERY tell it: the truth, unless x-bug. */
uint64_t refdev_context_reported(RefdevVF *vf)
{
    uint64_t digest = refdev_context_digest(vf);

    if (vf->pf->bug != REFDEV_BUG_STALE_DIGEST || !vf->enabled) {
        return digest;
    }
    if (!vf->digest_stale_set) {
        vf->digest_stale = digest;
        vf->digest_stale_set = true;
    }
    return vf->digest_stale;
}

/* -- header --------------------------------------------------------------- */

static uint32_t header_crc(const uint8_t *header)
{
    g_autofree uint8_t *copy = g_memdup2(header, RD_IMAGE_HEADER);

    stl_le_p(copy + H_CRC, 0);
    return refdev_crc(0xffffffff, copy, RD_IMAGE_HEADER) ^ 0xffffffff;
}

static void engine_pack(uint8_t *h, const RefdevIoat *io)
{
    h[H_GENCTRL] = io->genctrl;
    h[H_INTRCTRL] = io->intrctrl;
    h[H_ATTENTION] = io->attention;
    h[H_STATE] = io->state;
    h[H_ARMED] = io->armed;
    h[H_PENDING] = io->pending;
    stw_le_p(h + H_INTRDELAY, io->intrdelay);
    stw_le_p(h + H_CHANCTRL, io->chanctrl);
    stw_le_p(h + H_DMACOUNT, io->dmacount);
    stw_le_p(h + H_DONE, io->done);
    stq_le_p(h + H_CHAINADDR, io->chainaddr);
    stq_le_p(h + H_CHANCMP, io->chancmp);
    stq_le_p(h + H_COMPLETED, io->completed);
    stq_le_p(h + H_NEXT, io->next);
    stl_le_p(h + H_CHANERR, io->chanerr);
    stl_le_p(h + H_CHANERRMSK, io->chanerrmsk);
    stl_le_p(h + H_DCACTRL, io->dcactrl);
}

static void engine_unpack(RefdevIoat *io, const uint8_t *h)
{
    io->genctrl = h[H_GENCTRL];
    io->intrctrl = h[H_INTRCTRL];
    io->attention = h[H_ATTENTION];
    io->state = h[H_STATE];
    io->armed = h[H_ARMED];
    io->pending = h[H_PENDING];
    io->intrdelay = lduw_le_p(h + H_INTRDELAY);
    io->chanctrl = lduw_le_p(h + H_CHANCTRL);
    io->dmacount = lduw_le_p(h + H_DMACOUNT);
    io->done = lduw_le_p(h + H_DONE);
    io->chainaddr = ldq_le_p(h + H_CHAINADDR);
    io->chancmp = ldq_le_p(h + H_CHANCMP);
    io->completed = ldq_le_p(h + H_COMPLETED);
    io->next = ldq_le_p(h + H_NEXT);
    io->chanerr = ldl_le_p(h + H_CHANERR);
    io->chanerrmsk = ldl_le_p(h + H_CHANERRMSK);
    io->dcactrl = ldl_le_p(h + H_DCACTRL);
}

static uint32_t image_max_copy(const RefdevVF *vf)
{
    return vf->max_copy == refdev_vf_profile_copy(vf) ? 0 : vf->max_copy;
}

/* The function is at FULL: make its image complete. */
void refdev_context_seal(RefdevVF *vf)
{
    uint8_t *h = vf->image.data;

    if (vf->sealed) {
        return;
    }
    memset(h, 0, RD_IMAGE_HEADER);
    stl_le_p(h + H_MAGIC, RD_IMAGE_MAGIC);
    stl_le_p(h + H_COMPAT, vf->pf->compat);
    stw_le_p(h + H_PROFILE, vf->profile);
    stq_le_p(h + H_CONTEXT, vf->pf->context_size);
    stq_le_p(h + H_COPIES, vf->copies);
    stq_le_p(h + H_COPIED, vf->copied);
    stq_le_p(h + H_ERRORS, vf->errors);
    stq_le_p(h + H_DIGEST, refdev_context_digest(vf));
    engine_pack(h, &vf->io);
    stl_le_p(h + H_MAX_COPY, image_max_copy(vf));
    stl_le_p(h + H_CRC, header_crc(h));
    vf->sealed = true;
}

static bool header_good(RefdevVF *vf, const uint8_t *h)
{
    return ldl_le_p(h + H_MAGIC) == RD_IMAGE_MAGIC &&
           ldl_le_p(h + H_CRC) == header_crc(h) &&
           ldl_le_p(h + H_COMPAT) == vf->pf->compat &&
           lduw_le_p(h + H_PROFILE) == vf->profile &&
           ldl_le_p(h + H_MAX_COPY) == image_max_copy(vf) &&
           ldq_le_p(h + H_CONTEXT) == vf->pf->context_size;
}

static void lose_page(RefdevImage *image, uint64_t context)
{
    uint64_t pages = context / CTX_PAGE;
    uint64_t page = find_first_bit(image->touched, pages);

    if (page < pages) {
        memset(image->data + RD_IMAGE_HEADER + page * CTX_PAGE, 0, CTX_PAGE);
    }
}

/* Replace the function's state by the staged image, or refuse it whole. */
bool refdev_context_apply(RefdevVF *vf)
{
    uint64_t context = vf->pf->context_size;
    const uint8_t *h = vf->staged.data;
    RefdevIoat io = { 0 };

    engine_unpack(&io, h);
    if (!header_good(vf, h) || !refdev_ioat_sane(&io) ||
        ldq_le_p(h + H_DIGEST) != image_digest(&vf->staged, context)) {
        return false;
    }
    if (vf->pf->bug == REFDEV_BUG_LOSE_PAGE) {
        lose_page(&vf->staged, context);
    }
    vf->io = io;
    vf->copies = ldq_le_p(h + H_COPIES);
    vf->copied = ldq_le_p(h + H_COPIED);
    vf->errors = ldq_le_p(h + H_ERRORS);
    vf->dropped = 0;
    refdev_image_free(&vf->image, context);
    vf->image = vf->staged;
    vf->staged.data = NULL;
    refdev_precopy_end(vf);
    vf->sealed = false;
    vf->digest_valid = false;
    vf->digest_applied = refdev_context_digest(vf);
    return true;
}
