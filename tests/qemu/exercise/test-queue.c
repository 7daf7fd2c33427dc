/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers, rings, tags, scatter-gather lists. */
#include "exercise.h"

void test_registers(void)
{
    static const unsigned sizes[] = { RD_CMDQ_SIZE, RD_CPLQ_SIZE,
                                      RD_EVTQ_SIZE };

    pf_reset();
    CHECK_EQ(rd32(&pf, RD_MAGIC), RD_MAGIC_VALUE);
    CHECK_EQ(rd32(&pf, RD_VERSION), RD_VERSION_VALUE);
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_READY);
    CHECK_EQ(rd32(&pf, RD_CONTROL), 0);
    wr64(&pf, RD_CMDQ_BASE, 0x123456789000ull);
    CHECK_EQ(rd64(&pf, RD_CMDQ_BASE), 0x123456789000ull);
    wr32(&pf, RD_CPLQ_BASE, 0x5000);
    wr32(&pf, RD_CPLQ_BASE + 4, 0x7);
    CHECK_EQ(rd64(&pf, RD_CPLQ_BASE), 0x700005000ull);
    CHECK_EQ(rd32(&pf, RD_CPLQ_BASE + 4), 0x7);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (unsigned log = 5; log <= 10; log++) {
            wr32(&pf, sizes[i], log);
            CHECK_EQ(rd32(&pf, sizes[i]), log);
        }
    }
    /* bit 0 is the only one of CONTROL */
    wr32(&pf, RD_CONTROL, ~RD_CONTROL_ENABLE);
    CHECK_EQ(rd32(&pf, RD_CONTROL), 0);
    CHECK_EQ(rd32(&pf, RD_FATAL_CODE), 0);
    wr32(&pf, RD_MAGIC, 0);
    wr32(&pf, RD_VERSION, 0);
    wr32(&pf, RD_STATUS, 0);
    CHECK_EQ(rd32(&pf, RD_MAGIC), RD_MAGIC_VALUE);
    CHECK_EQ(rd32(&pf, RD_VERSION), RD_VERSION_VALUE);
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_READY);
    CHECK_EQ(rd32(&pf, 0x800), 0);
    /* an index is not taken while the queues are off */
    wr32(&pf, RD_CMDQ_TAIL, 5);
    CHECK_EQ(rd32(&pf, RD_CMDQ_TAIL), 0);
    queue_on(5);
    CHECK_EQ(rd32(&pf, RD_CONTROL), RD_CONTROL_ENABLE);
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_READY | RD_STATUS_ENABLED);
    wr32(&pf, RD_CMDQ_SIZE, 9);
    wr64(&pf, RD_CMDQ_BASE, 0);
    CHECK_EQ(rd32(&pf, RD_CMDQ_SIZE), 5);
    CHECK(rd64(&pf, RD_CMDQ_BASE) != 0);
    CHECK_EQ(identify(), RD_OK);
    queue_off();
    CHECK_EQ(rd32(&pf, RD_CONTROL), 0);
    wr32(&pf, RD_CMDQ_SIZE, 9);
    CHECK_EQ(rd32(&pf, RD_CMDQ_SIZE), 9);
}

static void bad_setup(unsigned reg, u64 value, unsigned bytes)
{
    queue_fresh();
    queue_off();
    if (bytes == 8) {
        wr64(&pf, reg, value);
    } else {
        wr32(&pf, reg, value);
    }
    wr32(&pf, RD_CONTROL, RD_CONTROL_ENABLE);
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_FATAL);
    CHECK_EQ(rd32(&pf, RD_FATAL_CODE), RD_FATAL_RING_SETUP);
    /* no way out but an FLR */
    wr32(&pf, RD_CONTROL, 0);
    wr32(&pf, RD_CONTROL, RD_CONTROL_ENABLE);
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_FATAL);
}

void test_ring_setup(void)
{
    static const unsigned base[] = { RD_CMDQ_BASE, RD_CPLQ_BASE,
                                     RD_EVTQ_BASE };

    for (unsigned i = 0; i < ARRAY_SIZE(base); i++) {
        bad_setup(base[i], MEMORY_IOVA + 0x800, 8);
        bad_setup(base[i] + 8, 4, 4);
        bad_setup(base[i] + 8, 11, 4);
        bad_setup(base[i] + 8, 0xffffffff, 4);
    }
    queue_fresh();
    CHECK_EQ(rd32(&pf, RD_FATAL_CODE), 0);
    CHECK_EQ(identify(), RD_OK);
    for (unsigned log = 5; log <= 10; log++) {
        queue_off();
        queue_on(log);
        CHECK_EQ(identify(), RD_OK);
    }
}

void test_identify(void)
{
    queue_fresh();
    CHECK_EQ(identify(), RD_OK);
    CHECK_EQ(id.magic, RD_IDENTIFY_MAGIC);
    CHECK(id.fw_version != 0);
    CHECK(id.total_vfs >= 2);
    CHECK_EQ(id.profiles, 2);
    CHECK(id.outstanding >= 32);
    CHECK(id.sgl >= 1);
    CHECK_EQ(id.features & ~(RD_FEATURE_PRECOPY | RD_FEATURE_CONFIGURE), 0);
    CHECK(id.transfer >= (id.features & RD_FEATURE_PRECOPY ? 8192 : 4096));
    CHECK_EQ(id.image, id.context + 4096);
    CHECK_EQ(id.dropped, 0);
    CHECK(id.page_min <= 12 && id.page_max >= id.page_min);
    printf("# firmware %.32s %u.%u.%u, compat %u, %u VFs, context %llu, "
           "%u commands, %u MiB a transfer\n", id.name, id.fw_version >> 16,
           id.fw_version >> 8 & 0xff, id.fw_version & 0xff, id.compat,
           id.total_vfs, (unsigned long long)id.context, id.outstanding,
           id.transfer >> 20);
}

static u16 identify_with(u64 sgl, u32 count)
{
    struct command c = cmd(RD_OP_IDENTIFY, FN_PF, 0, 0, 0);

    c.sgl = sgl;
    c.sgl_count = count;
    return run(&c, NULL);
}

void test_sgl(void)
{
    struct command c = cmd(RD_OP_IDENTIFY, FN_PF, 0, 0, 0);
    struct sg *sg = alloc(4100 * sizeof(*sg));
    u8 *buffer = alloc(8192);
    struct completion out;

    queue_fresh();
    /* in 256 pieces of a byte, at odd addresses */
    with_pieces(&c, buffer + 3, RD_IDENTIFY_BYTES, 1);
    CHECK_EQ(run(&c, &out), RD_OK);
    CHECK_EQ(out.result[0], RD_IDENTIFY_BYTES);
    CHECK(!memcmp(buffer + 3, &(u32){ RD_IDENTIFY_MAGIC }, 4));
    CHECK_EQ(buffer[2], 0);
    /* empty entries count for nothing; the rest of the list stays untouched */
    memset(buffer, 0, 8192);
    for (int i = 0; i < 4096; i++) {
        sg[i] = (struct sg) { UNMAPPED_IOVA, 0, 0 };
    }
    sg[4095] = (struct sg) { iova(buffer), 4096, 0 };
    CHECK_EQ(identify_with(iova(sg), 4096), RD_OK);
    CHECK(!memcmp(buffer, &(u32){ RD_IDENTIFY_MAGIC }, 4));
    buffer[RD_IDENTIFY_BYTES] = 0x5a;
    CHECK_EQ(identify_with(iova(sg), 4096), RD_OK);
    CHECK_EQ(buffer[RD_IDENTIFY_BYTES], 0x5a);
    CHECK_EQ(identify_with(iova(sg), 4097), RD_BAD_SGL);
    CHECK_EQ(identify_with(iova(sg), 0xffffffff), RD_BAD_SGL);
    CHECK_EQ(identify_with(iova(sg), 4095), RD_BAD_SGL);
    CHECK_EQ(identify_with(0, 0), RD_BAD_SGL);
    CHECK_EQ(identify_with(UNMAPPED_IOVA, 1), RD_DMA_ERROR);
    CHECK_EQ(identify_with(~0ull - 15, 1), RD_DMA_ERROR);
    sg[0] = (struct sg) { iova(buffer), 255, 0 };
    CHECK_EQ(identify_with(iova(sg), 1), RD_BAD_SGL);
    sg[0] = (struct sg) { UNMAPPED_IOVA, 256, 0 };
    CHECK_EQ(identify_with(iova(sg), 1), RD_DMA_ERROR);
    sg[0] = (struct sg) { ~0ull, 0xffffffff, 0 };
    CHECK_EQ(identify_with(iova(sg), 1), RD_DMA_ERROR);
    /* a device's registers are not memory */
    sg[0] = (struct sg) { 0xfee00000, 256, 0 };
    CHECK_EQ(identify_with(iova(sg), 1), RD_DMA_ERROR);
    CHECK_EQ(identify(), RD_OK);
}

void test_codes(void)
{
    static const u16 vf_ops[] = {
        RD_OP_ENABLE, RD_OP_DISABLE, RD_OP_SUSPEND, RD_OP_RESUME,
        RD_OP_STATE_SIZE, RD_OP_SAVE, RD_OP_LOAD, RD_OP_QUERY,
        RD_OP_TRACKER_START, RD_OP_TRACKER_REPORT, RD_OP_TRACKER_STOP,
    };
    static const u16 unknown[] = { 0, 0x05, 0x17, 0x23, 0x32, 0x3f, 0x40,
                                   0x100, 0xffff };

    queue_fresh();
    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
        CHECK_EQ(do_cmd(unknown[i], FN_PF, 0, 0), RD_BAD_OPCODE);
        CHECK_EQ(do_cmd(unknown[i], 0, 0, 0), RD_BAD_OPCODE);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(vf_ops); i++) {
        CHECK_EQ(do_cmd(vf_ops[i], FN_PF, 1, 0), RD_BAD_FUNCTION);
        CHECK_EQ(do_cmd(vf_ops[i], id.total_vfs, 1, 0), RD_BAD_FUNCTION);
        CHECK_EQ(do_cmd(vf_ops[i], 0xfffe, 1, 0), RD_BAD_FUNCTION);
    }
    CHECK_EQ(do_cmd(RD_OP_IDENTIFY, 0, 0, 0), RD_BAD_FUNCTION);
    CHECK_EQ(do_cmd(RD_OP_ABORT, 0, 0, 0), RD_BAD_FUNCTION);
    CHECK_EQ(do_cmd(RD_OP_ABORT, FN_PF, 0x10000, 0), RD_BAD_ARGUMENT);
    CHECK_EQ(do_cmd(RD_OP_INJECT, id.total_vfs, 0, 0), RD_BAD_FUNCTION);
}

void test_tags(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    struct done done;

    queue_fresh();
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_SILENT, 0, 1, 0), RD_OK);
    c.tag = 0x9000;
    submit_tagged(&c);
    sleep_ms(20);
    CHECK(!completed(0x9000, NULL));
    submit_tagged(&c);
    CHECK(wait_for(0x9000, &done, 2000));
    CHECK_EQ(done.c.status, RD_BUSY);
    /* the first one is still out there */
    CHECK_EQ(abort_tag(0x9000, NULL), RD_OK);
    CHECK(wait_for(0x9000, &done, 2000));
    CHECK_EQ(done.c.status, RD_ABORTED);
    submit_tagged(&c);
    CHECK(wait_for(0x9000, &done, 2000));
    CHECK_EQ(done.c.status, RD_OK);
    CHECK_EQ(done.c.result[0], id.image);
}

/* As many as IDENTIFY says are held at once; one more is refused; commands of
 * another function go past them; ABORT ends each. */
void test_many(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    struct done done;
    u64 hit;

    queue_fresh();
    queue_off();
    queue_on(10);
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(enable(1), RD_OK);
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_SILENT, 0, 1000, 0), RD_OK);
    for (unsigned i = 0; i < id.outstanding - 1u; i++) {
        c.tag = 0x9000 + i;
        submit_tagged(&c);
    }
    CHECK_EQ(do_cmd(RD_OP_STATE_SIZE, 1, 0, 0), RD_OK);
    c.tag = 0x9000 + id.outstanding - 1;
    submit_tagged(&c);
    CHECK_EQ(do_cmd(RD_OP_STATE_SIZE, 1, 0, 0), RD_NO_RESOURCES);
    for (int i = id.outstanding - 1; i >= 0; i--) {
        CHECK(!completed(0x9000 + i, NULL));
        CHECK_EQ(abort_tag(0x9000 + i, &hit), RD_OK);
        CHECK_EQ(hit, 1);
        CHECK(completed(0x9000 + i, &done));
        CHECK_EQ(done.c.status, RD_ABORTED);
        CHECK_EQ(abort_tag(0x9000 + i, &hit), RD_OK);
        CHECK_EQ(hit, 0);
    }
    CHECK_EQ(do_cmd(RD_OP_STATE_SIZE, 1, 0, 0), RD_OK);
}

void test_wrap(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    struct done done;
    u16 tags[16];

    queue_fresh();
    queue_off();
    queue_on(5);
    CHECK_EQ(enable(0), RD_OK);
    for (int i = 0; i < 300; i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(tags); j++) {
            tags[j] = submit(&c);
        }
        for (unsigned j = 0; j < ARRAY_SIZE(tags); j++) {
            CHECK(wait_for(tags[j], &done, 2000));
            CHECK_EQ(done.c.status, RD_OK);
            CHECK_EQ(done.c.result[0], id.image);
        }
    }
}

/* Nothing is overwritten while the driver does not consume. */
void test_completions_full(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    struct done done;
    unsigned seen = 0;

    queue_fresh();
    queue_off();
    queue_on(5);
    CHECK_EQ(enable(0), RD_OK);
    queue_consume(false);
    for (unsigned i = 0; i < 32; i++) {
        c.tag = 0x9000 + i;
        submit_tagged(&c);
    }
    sleep_ms(50);
    for (unsigned i = 0; i < 32; i++) {
        c.tag = 0x9100 + i;
        submit_tagged(&c);
    }
    sleep_ms(50);
    for (unsigned i = 0; i < 32; i++) {
        CHECK(completed(0x9000 + i, &done));
        seen += completed(0x9100 + i, NULL);
    }
    CHECK_EQ(seen, 0);
    /* nonsense in the consumer index changes nothing */
    wr32(&pf, RD_CPLQ_HEAD, 0x80000000);
    sleep_ms(20);
    CHECK(!completed(0x9100, NULL));
    queue_consume(true);
    for (unsigned i = 0; i < 32; i++) {
        CHECK(wait_for(0x9100 + i, &done, 2000));
        CHECK_EQ(done.c.status, RD_OK);
    }
}

static void expect_fatal(u32 code)
{
    for (int i = 0; i < 200 && !(rd32(&pf, RD_STATUS) & RD_STATUS_FATAL);
         i++) {
        sleep_ms(5);
    }
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_FATAL);
    CHECK_EQ(rd32(&pf, RD_FATAL_CODE), code);
}

void test_overrun(void)
{
    struct event e;

    queue_fresh();
    wr32(&pf, RD_CMDQ_TAIL, 65);
    expect_fatal(RD_FATAL_RING_OVERRUN);
    CHECK(next_event(&e, 1000));
    CHECK_EQ(e.type, RD_EVT_FATAL);
    CHECK_EQ(e.data, RD_FATAL_RING_OVERRUN);
    queue_fresh();
    CHECK_EQ(identify(), RD_OK);
    /* backwards is a ring ahead, too */
    wr32(&pf, RD_CMDQ_TAIL, 0);
    expect_fatal(RD_FATAL_RING_OVERRUN);
    queue_fresh();
    CHECK_EQ(identify(), RD_OK);
}

/* A ring that the IOMMU does not map. */
static void lost_ring(unsigned reg)
{
    queue_fresh();
    queue_off();
    wr64(&pf, reg, UNMAPPED_IOVA);
    wr32(&pf, RD_CONTROL, RD_CONTROL_ENABLE);
    CHECK_EQ(rd32(&pf, RD_STATUS), RD_STATUS_READY | RD_STATUS_ENABLED);
    if (reg == RD_EVTQ_BASE) {
        if (!vfs_open) {
            return;
        }
        function_reset(&vf[0]);
    } else {
        wr32(&pf, RD_CMDQ_TAIL, 1);
    }
    expect_fatal(RD_FATAL_RING_ACCESS);
}

void test_ring_lost(void)
{
    lost_ring(RD_CMDQ_BASE);
    lost_ring(RD_CPLQ_BASE);
    lost_ring(RD_EVTQ_BASE);
    queue_fresh();
    CHECK_EQ(identify(), RD_OK);
}

void test_queue_off(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);

    queue_fresh();
    CHECK_EQ(enable(0), RD_OK);
    CHECK_EQ(inject(0, RD_OP_STATE_SIZE, RD_FAULT_LATE, 50000000, 1, 0),
             RD_OK);
    c.tag = 0x9000;
    submit_tagged(&c);
    sleep_ms(10);
    queue_off();
    sleep_ms(100);
    poll_completions();
    CHECK(!completed(0x9000, NULL));
    queue_on(6);
    sleep_ms(50);
    CHECK(!completed(0x9000, NULL));
    /* the functions outlive it */
    CHECK_EQ(do_cmd(RD_OP_STATE_SIZE, 0, 0, 0), RD_OK);
}

void test_interrupts(void)
{
    struct command c = cmd(RD_OP_STATE_SIZE, 0, 0, 0, 0);
    unsigned count = 0;

    queue_fresh();
    CHECK_EQ(enable(0), RD_OK);
    sleep_ms(10);
    interrupts(&pf, 0);
    interrupts(&pf, 1);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(run(&c, NULL), RD_OK);
        for (int j = 0; j < 100 && !count; j++) {
            sleep_ms(1);
            count = interrupts(&pf, RD_VECTOR_COMPLETION);
        }
        CHECK_EQ(count, 1);
        count = 0;
    }
    CHECK_EQ(interrupts(&pf, RD_VECTOR_EVENT), 0);
    function_reset(&vf[0]);
    for (int j = 0; j < 100 && !count; j++) {
        sleep_ms(1);
        count = interrupts(&pf, RD_VECTOR_EVENT);
    }
    CHECK(count >= 1);
}
