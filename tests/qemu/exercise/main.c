/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exercise BDF-OF-THE-PF [NAME...]: runs the tests (those named), TAP output.
 * The PF must be bound to vfio-pci with two VFs or more, also bound to it.
 *
 * exercise BDF-OF-THE-PF --hold N: enables N VFs, whoever drives them, and says
 * so; when its standard input ends, says what they have done, and leaves.
 */
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "exercise.h"

struct function pf;
struct function vf[2];
bool vfs_open;
unsigned failures;

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "registers", test_registers },
    { "ring-setup", test_ring_setup },
    { "identify", test_identify },
    { "sgl", test_sgl },
    { "codes", test_codes },
    { "tags", test_tags },
    { "many-outstanding", test_many },
    { "ring-wrap", test_wrap },
    { "completions-full", test_completions_full },
    { "overrun", test_overrun },
    { "ring-lost", test_ring_lost },
    { "queue-off", test_queue_off },
    { "interrupts", test_interrupts },
    { "enable", test_enable },
    { "levels", test_levels },
    { "profiles", test_profiles },
    { "copy", test_copy },
    { "chain", test_chain },
    { "engine-errors", test_engine_errors },
    { "engine-commands", test_engine_commands },
    { "disabled-vf", test_disabled_vf },
    { "suspend-busy", test_suspend_busy },
    { "suspend-abort", test_suspend_abort },
    { "full-writes", test_full_writes },
    { "state", test_state },
    { "state-stream", test_state_stream },
    { "state-bad", test_state_bad },
    { "state-order", test_state_order },
    { "move", test_move },
    { "move-interrupt", test_move_interrupt },
    { "tracker", test_tracker },
    { "tracker-bad", test_tracker_bad },
    { "fault-fail", test_fault_fail },
    { "fault-silent", test_fault_silent },
    { "fault-late", test_fault_late },
    { "fault-short", test_fault_short },
    { "fault-fatal", test_fault_fatal },
    { "fault-arguments", test_fault_arguments },
    { "abort", test_abort },
    { "vf-flr", test_vf_flr },
    { "pf-flr", test_pf_flr },
    { "events-full", test_events_full },
    { "bus-master", test_bus_master },
    { "hostile-commands", test_hostile_commands },
    { "hostile-registers", test_hostile_registers },
    { "hostile-images", test_hostile_images },
    { "time", test_time },
};

/* -- small things --------------------------------------------------------------- */

/* The first few of a test are enough. */
void fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    if (++failures > 8) {
        return;
    }
    printf("# %s:%d: ", file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

void die(const char *format, ...)
{
    va_list args;

    printf("Bail out! ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    exit(2);
}

u64 now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void sleep_ms(unsigned ms)
{
    struct timespec t = { ms / 1000, ms ? ms % 1000 * 1000000 : 20000 };

    nanosleep(&t, NULL);
}

u64 random64(void)
{
    static u64 x = 0x243f6a8885a308d3ull;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x * 0x2545f4914f6cdd1dull;
}

/* -- the run ----------------------------------------------------------------------- */

/* What a VF's user has to show that the PF's user, which is us, let it. */
#define VF_TOKEN    "6d646576-2d70-6369-2d72-656664657600"

static void open_pf(const char *bdf)
{
    static const u8 token[16] = "mdev-pci-refdev";

    container_open();
    function_open(&pf, bdf, NULL);
    vf_token(&pf, token);
    interrupts_on(&pf);
    memory_map();
}

static void open_vfs(const char *bdf)
{
    char path[96], link[256];
    ssize_t n;

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/virtfn%d", bdf,
                 i);
        n = readlink(path, link, sizeof(link) - 1);
        if (n < 0) {
            die("%s: %m", path);
        }
        link[n] = 0;
        function_open(&vf[i], strrchr(link, '/') + 1, VF_TOKEN);
        interrupts_on(&vf[i]);
    }
    vfs_open = true;
}

static bool chosen(const char *name, char **names)
{
    for (char **n = names; *n; n++) {
        if (!strcmp(*n, name)) {
            return true;
        }
    }
    return !*names;
}

/* The rings come out of the memory once and for all. */
static void prepare(void)
{
    queue_fresh();
    if (identify() != RD_OK) {
        die("IDENTIFY failed");
    }
    memory_grow(id.image);
}

static int hold(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (enable(i) != RD_OK) {
            die("ENABLE of VF %u failed", i);
        }
    }
    printf("# enabled: %u\n", count);
    while (getchar() != EOF) {
        ;
    }
    for (unsigned i = 0; i < count; i++) {
        struct query q;

        if (query(i, &q) != RD_OK) {
            die("QUERY of VF %u failed", i);
        }
        printf("VF %u: copies=%llu bytes=%llu errors=%llu digest=%016llx "
               "dma_stopped=%llu resets=%llu\n", i,
               (unsigned long long)q.copies, (unsigned long long)q.copied,
               (unsigned long long)q.errors, (unsigned long long)q.digest,
               (unsigned long long)q.dma_stopped,
               (unsigned long long)q.resets);
        alloc_reset();
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned bad = 0, number = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2) {
        die("usage: exercise BDF [TEST...] | BDF --hold N");
    }
    open_pf(argv[1]);
    prepare();
    if (argc == 4 && !strcmp(argv[2], "--hold")) {
        return hold(atoi(argv[3]));
    }
    open_vfs(argv[1]);
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        u64 start = now_ns();

        if (!chosen(tests[i].name, argv + 2)) {
            continue;
        }
        failures = 0;
        alloc_reset();
        bus_master(&vf[0], true);
        bus_master(&vf[1], true);
        tests[i].run();
        bad += failures != 0;
        printf("%sok %u - %s # %llu ms\n", failures ? "not " : "", ++number,
               tests[i].name, (unsigned long long)(now_ns() - start) / 1000000);
    }
    printf("1..%u\n", number);
    return bad != 0;
}
