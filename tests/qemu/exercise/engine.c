/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exercise.h"

/* -- the model of the context memory, written from the document alone ------------ */

u32 crc32c(const void *data, size_t bytes)
{
    const u8 *p = data;
    u32 crc = ~0u;

    while (bytes--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

void model_init(struct model *m)
{
    free(m->words);
    m->count = id.context / 8;
    m->words = calloc(m->count, 8);
    m->copies = 0;
    m->copied = 0;
}

void model_copy(struct model *m, const void *data, u32 bytes)
{
    u64 c = crc32c(data, bytes);
    u64 n = ++m->copies;
    u64 line = (n * 0x9e3779b97f4a7c15ull >> 20) % (m->count / 8);
    u64 *w = m->words + line * 8;

    m->copied += bytes;
    for (u64 i = 0; i < 8; i++) {
        w[i] = w[i] * 6364136223846793005ull + (c << 32 | (u32)n) + i;
    }
}

u64 model_digest(const struct model *m)
{
    u64 d = 0xcbf29ce484222325ull;

    for (u64 i = 0; i < m->count; i++) {
        d = (d ^ m->words[i]) * 0x100000001b3ull;
    }
    return d;
}

/* -- driving the channel ----------------------------------------------------------- */

void engine_reset(struct engine *e)
{
    wr8(e->f, IO_CHANCMD, IO_CMD_RESET);
    for (int i = 0; i < 1000 && rd8(e->f, IO_CHANCMD) & IO_CMD_RESET; i++) {
        sleep_ms(1);
    }
    CHECK_EQ(engine_state(e), IO_STS_HALTED);
    wr32(e->f, IO_CHANERR, rd32(e->f, IO_CHANERR));
    CHECK_EQ(rd32(e->f, IO_CHANERR), 0);
}

void engine_init(struct engine *e, struct function *f, unsigned entries)
{
    e->f = f;
    e->entries = entries;
    e->ring = alloc(entries * sizeof(*e->ring));
    e->completion = alloc(64);
    for (unsigned i = 0; i < entries; i++) {
        e->ring[i].next = iova(&e->ring[(i + 1) % entries]);
    }
    model_init(&e->model);
    engine_reset(e);
    wr16(f, IO_CHANCTRL, IO_CHANCTRL_REARM | IO_CHANCTRL_ERR_CPL |
                         IO_CHANCTRL_ERR_ABORT | IO_CHANCTRL_ERR_INT);
    wr32(f, IO_CHANCMP, iova(e->completion));
    wr32(f, IO_CHANCMP + 4, iova(e->completion) >> 32);
    wr8(f, IO_INTRCTRL, IO_INTRCTRL_MSIX);
}

void engine_set(struct engine *e, unsigned i, const void *source,
                void *target, u32 bytes, u32 control)
{
    e->ring[i].size = bytes;
    e->ring[i].control = control;
    e->ring[i].source = iova(source);
    e->ring[i].target = iova(target);
}

/* A new chain from the ring's first entry. */
void engine_start(struct engine *e, u16 count)
{
    *e->completion = 0;
    wr64(e->f, IO_CHAINADDR, iova(e->ring));
    wr16(e->f, IO_DMACOUNT, count);
}

unsigned engine_state(struct engine *e)
{
    return rd64(e->f, IO_CHANSTS) & IO_STS_MASK;
}

bool engine_wait(struct engine *e, unsigned state, unsigned ms)
{
    u64 end = now_ns() + ms * 1000000ull;

    do {
        if (engine_state(e) == state) {
            return true;
        }
        sleep_ms(0);
    } while (now_ns() < end);
    return engine_state(e) == state;
}

void engine_copy(struct engine *e, u32 bytes)
{
    static u8 *source, *target;

    source = alloc(bytes);
    target = alloc(bytes);
    for (u32 i = 0; i < bytes; i++) {
        source[i] = random64();
    }
    engine_set(e, 0, source, target, bytes, IO_DESC_COMPLETE);
    engine_start(e, 1);
    CHECK(engine_wait(e, IO_STS_IDLE, 2000));
    CHECK(!memcmp(source, target, bytes));
    CHECK_EQ(*(volatile u64 *)e->completion, iova(e->ring) | IO_STS_IDLE);
    model_copy(&e->model, source, bytes);
    wr8(e->f, IO_CHANCMD, IO_CMD_SUSPEND);
    CHECK(engine_wait(e, IO_STS_SUSPENDED, 100));
}

void engine_spin(struct engine *e, u32 bytes)
{
    u8 *buffer = alloc(2 * ((bytes + 4095) & ~4095u));

    engine_set(e, 0, buffer, buffer + ((bytes + 4095) & ~4095u), bytes,
               IO_DESC_COMPLETE);
    e->ring[0].next = iova(e->ring);
    engine_start(e, 0xffff);
}
