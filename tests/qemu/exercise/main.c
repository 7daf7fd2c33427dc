/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exercise BDF-OF-THE-PF [NAME...]: runs the tests (those named), TAP output.
 * The PF must be bound to vfio-pci with two VFs or more, also bound to it.
 * Tests that are for devices with other features are left out.
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

/* Which devices a test is for, by feature bit */
enum need { ALL, ANY, PRECOPY, NO_PRECOPY, CONFIGURE, NO_CONFIGURE, VF_CTRL };

static const struct {
    const char *name;
    void (*run)(void);
    enum need need;
} tests[] = {
    { "registers", test_registers, ALL },
    { "ring-setup", test_ring_setup, ANY },
    { "identify", test_identify, ANY },
    { "sgl", test_sgl, ANY },
    { "codes", test_codes, ANY },
    { "tags", test_tags, ANY },
    { "many-outstanding", test_many, ANY },
    { "ring-wrap", test_wrap, ANY },
    { "completions-full", test_completions_full, ANY },
    { "overrun", test_overrun, ANY },
    { "ring-lost", test_ring_lost, ANY },
    { "queue-off", test_queue_off, ANY },
    { "interrupts", test_interrupts, ANY },
    { "enable", test_enable, ANY },
    { "levels", test_levels, ANY },
    { "profiles", test_profiles, ANY },
    { "configure", test_configure, CONFIGURE },
    { "configure-bad", test_configure_bad, CONFIGURE },
    { "configure-image", test_configure_image, CONFIGURE },
    { "configure-off", test_configure_off, NO_CONFIGURE },
    { "copy", test_copy, ANY },
    { "chain", test_chain, ANY },
    { "engine-errors", test_engine_errors, ANY },
    { "engine-commands", test_engine_commands, ANY },
    { "disabled-vf", test_disabled_vf, ANY },
    { "suspend-busy", test_suspend_busy, ANY },
    { "suspend-abort", test_suspend_abort, ANY },
    { "full-writes", test_full_writes, ANY },
    { "state", test_state, ANY },
    { "state-stream", test_state_stream, ANY },
    { "state-bad", test_state_bad, ANY },
    { "state-order", test_state_order, ANY },
    { "move", test_move, ANY },
    { "move-interrupt", test_move_interrupt, ANY },
    { "tracker", test_tracker, ANY },
    { "tracker-bad", test_tracker_bad, ANY },
    { "fault-fail", test_fault_fail, ANY },
    { "fault-silent", test_fault_silent, ANY },
    { "fault-late", test_fault_late, ANY },
    { "fault-short", test_fault_short, ANY },
    { "fault-fatal", test_fault_fatal, ANY },
    { "fault-arguments", test_fault_arguments, ANY },
    { "abort", test_abort, ANY },
    { "vf-flr", test_vf_flr, ANY },
    { "pf-flr", test_pf_flr, ANY },
    { "events-full", test_events_full, ANY },
    { "bus-master", test_bus_master, ANY },
    { "hostile-commands", test_hostile_commands, ANY },
    { "hostile-registers", test_hostile_registers, ANY },
    { "hostile-images", test_hostile_images, ANY },
    { "precopy-cycle", test_precopy_cycle, PRECOPY },
    { "precopy-pages", test_precopy_pages, PRECOPY },
    { "precopy-order", test_precopy_order, PRECOPY },
    { "precopy-header", test_precopy_header, PRECOPY },
    { "precopy-state", test_precopy_state, PRECOPY },
    { "precopy-end", test_precopy_end, PRECOPY },
    { "precopy-faults", test_precopy_faults, PRECOPY },
    { "precopy-late", test_precopy_late, PRECOPY },
    { "precopy-again", test_precopy_again, PRECOPY },
    { "precopy-load", test_precopy_load, PRECOPY },
    { "precopy-load-bad", test_precopy_load_bad, PRECOPY },
    { "precopy-load-order", test_precopy_load_order, PRECOPY },
    { "precopy-hostile", test_precopy_hostile, PRECOPY },
    { "precopy-off", test_precopy_off, NO_PRECOPY },
    { "vf-ctrl-state", test_vf_ctrl_state, VF_CTRL },
    { "vf-ctrl-bad", test_vf_ctrl_bad, VF_CTRL },
    { "vf-ctrl-ends", test_vf_ctrl_ends, VF_CTRL },
    { "time", test_time, ANY },
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

static bool fits(enum need need)
{
    bool precopy = id.features & RD_FEATURE_PRECOPY;
    bool configure = id.features & RD_FEATURE_CONFIGURE;

    /* Most have VFs suspended by the rings */
    if (id.features & RD_FEATURE_VF_CTRL) {
        return need == ALL || need == VF_CTRL;
    }
    return need == ALL || need == ANY ||
           need == (precopy ? PRECOPY : NO_PRECOPY) ||
           need == (configure ? CONFIGURE : NO_CONFIGURE);
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

        if (!chosen(tests[i].name, argv + 2) || !fits(tests[i].need)) {
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
