/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control block of a VF, where it is a part of BAR 0 (vf-ctrl=part). */
#include "exercise.h"

static struct engine engine[2];
static unsigned block, window, window_bytes;

static u32 vc32(unsigned n, unsigned reg)
{
    return rd32(&vf[n], block + reg);
}

static void ring(unsigned n, u32 value, u16 opcode, u16 flags, u64 arg0, u64 arg1,
                 u32 bytes)
{
    wr32(&vf[n], block + RD_VC_COMMAND, opcode | (u32)flags << 16);
    wr64(&vf[n], block + RD_VC_ARG0, arg0);
    wr64(&vf[n], block + RD_VC_ARG1, arg1);
    wr32(&vf[n], block + RD_VC_BYTES, bytes);
    wr32(&vf[n], block + RD_VC_DOORBELL, value);
}

static bool ends(unsigned n, unsigned ms)
{
    u64 until = now_ns() + ms * 1000000ull;

    while (vc32(n, RD_VC_DONE) != vc32(n, RD_VC_DOORBELL)) {
        if (now_ns() > until) {
            return false;
        }
        sleep_ms(0);
    }
    return true;
}

/* By the block, waited for: its status */
static u32 call(unsigned n, u16 opcode, u16 flags, u64 arg0, u64 arg1, u32 bytes)
{
    ring(n, vc32(n, RD_VC_DONE) + 1, opcode, flags, arg0, arg1, bytes);
    CHECK(ends(n, 5000));
    return vc32(n, RD_VC_STATUS);
}

static void both(void)
{
    queue_fresh();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(enable(i), RD_OK);
        engine_init(&engine[i], &vf[i], 64);
    }
    block = id.control_offset;
    window = block + id.window_offset;
    window_bytes = id.window_bytes;
}

static u64 accesses(u16 function)
{
    struct query page;

    CHECK_EQ(query(function, &page), RD_OK);
    return page.accesses;
}

static void move_state(void)
{
    u64 at = 0, bytes, left;

    do {
        CHECK_EQ(call(0, RD_OP_SAVE, 0, at, 0, window_bytes), RD_OK);
        bytes = rd64(&vf[0], block + RD_VC_RESULT0);
        left = rd64(&vf[0], block + RD_VC_RESULT1);
        CHECK(bytes && bytes <= window_bytes);
        for (u64 i = 0; i < bytes; i += 8) {
            wr64(&vf[1], window + i, rd64(&vf[0], window + i));
        }
        CHECK_EQ(call(1, RD_OP_LOAD, left ? 0 : RD_LOAD_LAST, at, bytes, bytes),
                 RD_OK);
        at += bytes;
    } while (left && !failures);
    CHECK_EQ(at, id.image);
}

void test_vf_ctrl_state(void)
{
    struct query a, b;

    both();
    CHECK_EQ(vc32(0, RD_VC_MAGIC), RD_VC_MAGIC_VALUE);
    for (int i = 0; i < 20; i++) {
        engine_copy(&engine[0], 4096);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(call(i, RD_OP_STATE_SIZE, 0, 0, 0, 0), RD_OK);
        CHECK_EQ(rd64(&vf[i], block + RD_VC_RESULT0), id.image);
        CHECK_EQ(call(i, RD_OP_SUSPEND, 0, RD_LEVEL_FULL, 0, 0), RD_OK);
    }
    move_state();
    CHECK_EQ(query(0, &a), RD_OK);
    CHECK_EQ(query(1, &b), RD_OK);
    CHECK_EQ(b.applied, a.digest);
    CHECK_EQ(b.copies, 20);
    CHECK_EQ(b.digest, model_digest(&engine[0].model));
    CHECK_EQ(call(1, RD_OP_RESUME, 0, RD_LEVEL_FULL, 0, 0), RD_OK);
    CHECK_EQ(call(1, RD_OP_RESUME, 0, RD_LEVEL_P2P, 0, 0), RD_OK);
}

/* Which commands go which way, and what is not writable */
void test_vf_ctrl_bad(void)
{
    u64 n;

    both();
    CHECK_EQ(suspend(0, RD_LEVEL_P2P), RD_BAD_OPCODE);
    CHECK_EQ(do_cmd(RD_OP_STATE_SIZE, 0, 0, 0), RD_BAD_OPCODE);
    CHECK_EQ(call(0, RD_OP_ENABLE, 0, 1, 0, 0), RD_BAD_OPCODE);
    CHECK_EQ(call(0, RD_OP_IDENTIFY, 0, 0, 0, 64), RD_BAD_OPCODE);
    CHECK_EQ(call(0, RD_OP_INJECT, 0, 0, 0, 0), RD_BAD_OPCODE);
    CHECK_EQ(call(0, RD_OP_PRECOPY, 0, RD_PRECOPY_START, 0, 0), RD_BAD_OPCODE);
    CHECK_EQ(call(0, 0xffff, 0, 0, 0, 0), RD_BAD_OPCODE);
    CHECK_EQ(call(0, RD_OP_SUSPEND, 0, 3, 0, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(call(0, RD_OP_SAVE, 0, 0, 0, 64), RD_BAD_STATE);
    CHECK_EQ(call(0, RD_OP_SUSPEND, 0, RD_LEVEL_FULL, 0, 0), RD_OK);
    /* More than the window counts as the window */
    CHECK_EQ(call(0, RD_OP_SAVE, 0, 0, 0, ~0u), RD_OK);
    CHECK_EQ(rd64(&vf[0], block + RD_VC_RESULT0), window_bytes);
    CHECK_EQ(call(0, RD_OP_LOAD, 0, 0, window_bytes + 8, ~0u), RD_BAD_SGL);
    wr32(&vf[0], block + RD_VC_MAGIC, 0);
    wr32(&vf[0], block + RD_VC_DONE, 77);
    wr32(&vf[0], block + RD_VC_STATUS, 77);
    wr32(&vf[0], block + RD_VC_DOORBELL, 0);
    CHECK_EQ(vc32(0, RD_VC_MAGIC), RD_VC_MAGIC_VALUE);
    CHECK(vc32(0, RD_VC_DONE) != 77 && vc32(0, RD_VC_DONE));
    CHECK_EQ(vc32(0, RD_VC_STATUS), RD_BAD_SGL);
    n = accesses(0);
    vc32(0, RD_VC_STATUS);
    CHECK_EQ(accesses(0), n + 1);
    CHECK_EQ(disable(0), RD_OK);
    CHECK_EQ(call(0, RD_OP_STATE_SIZE, 0, 0, 0, 0), RD_BAD_STATE);
}

void test_vf_ctrl_ends(void)
{
    both();
    /* ABORT */
    CHECK_EQ(inject(0, RD_OP_SUSPEND, RD_FAULT_SILENT, 0, 1, 0), RD_OK);
    ring(0, 5, RD_OP_SUSPEND, 0, RD_LEVEL_P2P, 0, 0);
    CHECK(!ends(0, 50));
    ring(0, 6, RD_OP_STATE_SIZE, 0, 0, 0, 0);       /* ignored */
    CHECK_EQ(vc32(0, RD_VC_DOORBELL), 5);
    wr32(&vf[0], block + RD_VC_ABORT, 1);
    CHECK(ends(0, 1000));
    CHECK_EQ(vc32(0, RD_VC_STATUS), RD_ABORTED);
    /* FLR */
    CHECK_EQ(inject(0, RD_OP_SUSPEND, RD_FAULT_SILENT, 0, 1, 0), RD_OK);
    ring(0, 7, RD_OP_SUSPEND, 0, RD_LEVEL_P2P, 0, 0);
    function_reset(&vf[0]);
    sleep_ms(20);
    CHECK_EQ(vc32(0, RD_VC_DOORBELL), 0);
    CHECK_EQ(vc32(0, RD_VC_DONE), 0);
    CHECK_EQ(call(0, RD_OP_STATE_SIZE, 0, 0, 0, 0), RD_OK);
    /* The queue goes off */
    CHECK_EQ(inject(0, RD_OP_SUSPEND, RD_FAULT_SILENT, 0, 1, 0), RD_OK);
    ring(0, 9, RD_OP_SUSPEND, 0, RD_LEVEL_P2P, 0, 0);
    queue_off();
    CHECK(ends(0, 1000));
    CHECK_EQ(vc32(0, RD_VC_STATUS), RD_ABORTED);
    CHECK_EQ(call(0, RD_OP_STATE_SIZE, 0, 0, 0, 0), RD_OK);
}
