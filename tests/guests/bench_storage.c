/* SPDX-License-Identifier: MIT */
/* bench_storage.c - what a read of the child's first disk costs, from submit to completion:
 *   bench: NAME instructions=N child=N hypervisor=N root=N exits=N.NN root_exits=N.NN REASON=N.NN
 * ... for one request, at random offsets. Each completion is taken by its interrupt, whose handler
 * writes EOI; while there is none this VP spins, so that the LP never idles.
 *
 * Ticks of this VP and of root's in guest mode are the hypervisor's counts (hvabi/stats.h), what is
 * left of the whole is the hypervisor's. Asking for root's takes time itself: what an empty stretch
 * costs is subtracted. */
#include <hvabi/msr.h>
#include <hvabi/stats.h>
#include <rt/format.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include "bench.h"
#include "disk/disk.h"

#define DEPTH_MAX          32u
#define BYTES_MAX          (1u << 20)
#define MEMORY             ((uint64_t)8 * BYTES_MAX) /* of all buffers of a figure */
#define SEED               0x5eedull
#define SEQUENCE_INCREMENT 0x9e3779b97f4a7c15ull /* SplitMix64 */
#define NOT_COUNTED        UINT32_MAX            /* root's answer when nobody counts ticks */

#define EXIT_NAME(constant, name) #name,
static const char *const exit_names[] = {HV_STATS_VP_EXITS(EXIT_NAME)};
#define EXIT_REASONS (sizeof(exit_names) / sizeof(exit_names[0]))
#define COUNTERS     (HvStatsVpExitFirst + EXIT_REASONS)

struct disk disk; /* of disk/controller.c */

/* A figure: @count reads of @bytes, @depth of them at a time. */
struct reads {
    const char *name;
    uint32_t bytes, depth, count;
};

static const struct reads figures[] = {
    {"storvsc_read_4k_d1", 4096, 1, 512},
    {"storvsc_read_4k_d32", 4096, 32, 4096},
    {"storvsc_read_1m_d1", BYTES_MAX, 1, 16},
    {"storvsc_read_1m_d8", BYTES_MAX, 8, 48},
};

static uint64_t counters[512] __attribute__((aligned(4096)));

static struct {
    struct storvsc_request requests[DEPTH_MAX];
    struct storvsc_request *free[DEPTH_MAX];
    uint32_t free_count;
    uint64_t done;
    uint64_t random;
    uint8_t *memory;
    uint64_t *pages;
} run;

/* ---- reading ---- */

static uint64_t random_next(void)
{
    uint64_t z = run.random += SEQUENCE_INCREMENT;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void read_done(struct storvsc_request *r)
{
    if (!storvsc_succeeded(r) || r->transferred != r->length)
        controller_failed(r, 0);
    run.free[run.free_count++] = r;
    run.done++;
}

static void requests_prepare(const struct reads *f)
{
    run.free_count = 0;
    for (uint32_t i = 0; i < f->depth; i++) {
        struct storvsc_request *r = &run.requests[i];

        *r = (struct storvsc_request){.lun = disk.options.lun, .done = read_done};
        storvsc_data(r, run.pages + (uint64_t)i * f->bytes / HV_PAGE_SIZE, 0, f->bytes);
        run.free[run.free_count++] = r;
    }
}

/* Begin as many as may be under way; how many @left remain then. */
static uint64_t reads_submit(const struct reads *f, uint64_t left)
{
    uint64_t places = (disk_bytes() - f->bytes) / HV_PAGE_SIZE + 1, before = left;

    while (left != 0 && run.free_count != 0) {
        struct storvsc_request *r = run.free[run.free_count - 1];
        uint64_t at = random_next() % places * HV_PAGE_SIZE;

        storvsc_prepare_read(r, at / disk.sector_size, f->bytes / disk.sector_size);
        if (!storvsc_submit(&disk.storvsc.primary, r))
            break;
        run.free_count--;
        left--;
    }
    if (left != before)
        storvsc_flush(&disk.storvsc.primary);
    return left;
}

static void reads_run(const struct reads *f, uint64_t count)
{
    uint64_t left = count;

    run.done = 0;
    while (run.done != count) {
        left = reads_submit(f, left);
        insn_sti_nop_cli();
        if (!guest_bus_poll())
            insn_pause();
    }
}

/* ---- counting ---- */

struct sample {
    uint64_t tsc, ticks; /* all, this VP's */
    uint64_t counters[COUNTERS];
    uint32_t root_ticks, root_exits;
};

/* No exit came between what is read, or they do not belong together. */
static void own_sample(struct sample *s)
{
    do {
        for (unsigned i = 0; i < COUNTERS; i++)
            s->counters[i] = __atomic_load_n(&counters[i], __ATOMIC_RELAXED);
        s->tsc = insn_rdtsc();
        s->ticks = s->counters[HvStatsVpGuestTicks] + s->tsc;
    } while (__atomic_load_n(&counters[HvStatsVpTotalExits], __ATOMIC_RELAXED) !=
             s->counters[HvStatsVpTotalExits]);
}

static void root_sample(struct sample *s)
{
    s->root_ticks = insn_in32(GUEST_PORT_ROOT_TICKS);
    s->root_exits = insn_in32(GUEST_PORT_ROOT_EXITS);
}

/* @count reads; what they cost in @cost: differences. */
static void stretch(const struct reads *f, uint64_t count, struct sample *cost)
{
    struct sample begin, end;

    root_sample(&begin);
    own_sample(&begin);
    reads_run(f, count);
    own_sample(&end);
    root_sample(&end);
    cost->tsc = end.tsc - begin.tsc;
    cost->ticks = end.ticks - begin.ticks;
    for (unsigned i = 0; i < COUNTERS; i++)
        cost->counters[i] = end.counters[i] - begin.counters[i];
    cost->root_ticks = end.root_ticks - begin.root_ticks;
    cost->root_exits = end.root_exits - begin.root_exits;
}

/* ---- reporting ---- */

static size_t exits_put(char *line, size_t size, const char *name, uint64_t exits, uint64_t count)
{
    uint64_t hundredths = (exits * 100 + count / 2) / count;

    return rt_snprintf(line, size, " %s=%lu.%02lu", name, hundredths / 100, hundredths % 100);
}

static void report(const struct reads *f, const struct sample *cost, bool counted)
{
    char line[GUEST_LINE_MAX];
    size_t n = rt_snprintf(line, sizeof(line), "bench: %s instructions=%lu", f->name,
                           cost->tsc / f->count);

    if (counted)
        n += rt_snprintf(line + n, sizeof(line) - n, " child=%lu hypervisor=%lu root=%lu",
                         cost->ticks / f->count,
                         (cost->tsc - cost->ticks - cost->root_ticks) / f->count,
                         (uint64_t)cost->root_ticks / f->count);
    n += exits_put(line + n, sizeof(line) - n, "exits", cost->counters[HvStatsVpTotalExits],
                   f->count);
    if (counted)
        n += exits_put(line + n, sizeof(line) - n, "root_exits", cost->root_exits, f->count);
    for (unsigned i = 0; i < EXIT_REASONS; i++)
        if (cost->counters[HvStatsVpExitFirst + i] * 200 >= f->count)
            n += exits_put(line + n, sizeof(line) - n, exit_names[i],
                           cost->counters[HvStatsVpExitFirst + i], f->count);
    guest_printf("%s\n", line);
}

static void measure(const struct reads *f)
{
    struct sample cost, empty;

    requests_prepare(f);
    run.random = SEED;
    reads_run(f, f->count / 2); /* warm up */
    stretch(f, 0, &empty);
    stretch(f, f->count, &cost);
    cost.root_ticks -= empty.root_ticks;
    cost.root_exits -= empty.root_exits;
    report(f, &cost, insn_in32(GUEST_PORT_ROOT_TICKS) != NOT_COUNTED);
}

uint8_t bench_storage(void)
{
    char only[32] = "";

    (void)guest_arg_text(guest_command_line(), "only", only, sizeof(only));
    disk.depth = DEPTH_MAX;
    if (!guest_bus_connect() || !controller_open(1))
        return GUEST_EXIT_FAILED;
    if (disk_bytes() < BYTES_MAX) {
        guest_printf("bench: a disk of 1 MiB at least is needed\n");
        return GUEST_EXIT_USAGE;
    }
    insn_wrmsr(HV_X64_MSR_STATS_VP_RETAIL_PAGE,
               (uint64_t)(uintptr_t)counters | HV_X64_MSR_PAGE_ENABLE);
    run.memory = guest_memory(MEMORY);
    run.pages = guest_page_numbers(run.memory, MEMORY / HV_PAGE_SIZE);
    for (unsigned i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        if (only[0] == '\0' || strcmp(only, figures[i].name) == 0)
            measure(&figures[i]);
    guest_bus_leave();
    return GUEST_EXIT_OK;
}
