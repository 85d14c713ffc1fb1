/* SPDX-License-Identifier: MIT */
/* bench_count.c - what a stretch of work costs, by who does it: see bench.h.
 *
 * Ticks of this VP and of root's in guest mode are the hypervisor's counts (hvabi/stats.h), what is
 * left of the whole is the hypervisor's. Asking for root's takes time itself: what an empty stretch
 * costs is subtracted. */
#include <hvabi/msr.h>
#include <rt/format.h>
#include <x86/insn.h>

#include "bench.h"

#define STRETCHES   3u
#define NOT_COUNTED UINT32_MAX /* root's answer when nobody counts ticks */

#define EXIT_NAME(constant, name) #name,
static const char *const exit_names[] = {HV_STATS_VP_EXITS(EXIT_NAME)};
_Static_assert(sizeof(exit_names) / sizeof(exit_names[0]) == BENCH_EXIT_REASONS,
               "one name for each reason");

static uint64_t counters[512] __attribute__((aligned(4096)));

struct sample {
    struct bench_own own;
    uint32_t root_ticks, root_exits;
};

void bench_count(void)
{
    insn_wrmsr(HV_X64_MSR_STATS_VP_RETAIL_PAGE,
               (uint64_t)(uintptr_t)counters | HV_X64_MSR_PAGE_ENABLE);
}

/* No exit came between what is read, or they do not belong together. */
void bench_own_read(struct bench_own *own)
{
    do {
        for (unsigned i = 0; i < BENCH_COUNTERS; i++)
            own->counters[i] = __atomic_load_n(&counters[i], __ATOMIC_RELAXED);
        own->tsc = insn_rdtsc();
        own->ticks = own->counters[HvStatsVpGuestTicks] + own->tsc;
    } while (__atomic_load_n(&counters[HvStatsVpTotalExits], __ATOMIC_RELAXED) !=
             own->counters[HvStatsVpTotalExits]);
}

void bench_add(struct bench_cost *cost, const struct bench_own *begin, const struct bench_own *end)
{
    cost->child += end->ticks - begin->ticks;
    for (unsigned i = 0; i < BENCH_COUNTERS; i++)
        cost->counters[i] += end->counters[i] - begin->counters[i];
}

static void root_sample(struct sample *s)
{
    s->root_ticks = insn_in32(GUEST_PORT_ROOT_TICKS);
    s->root_exits = insn_in32(GUEST_PORT_ROOT_EXITS);
}

/* @count times @work with @figure. */
static struct bench_cost stretch(bench_work *work, const void *figure, uint64_t count)
{
    struct bench_cost cost = {0};
    struct sample begin, end;

    root_sample(&begin);
    bench_own_read(&begin.own);
    work(figure, count, &cost);
    bench_own_read(&end.own);
    root_sample(&end);
    cost.tsc = end.own.tsc - begin.own.tsc;
    cost.root = end.root_ticks - begin.root_ticks;
    cost.root_exits = end.root_exits - begin.root_exits;
    bench_add(&cost, &begin.own, &end.own);
    return cost;
}

void bench_measure(bench_work *work, const void *figure, uint64_t count, struct bench_cost *cost)
{
    struct bench_cost empty = {0};

    work(figure, count / 2, &empty); /* warm up */
    empty = stretch(work, figure, 0);
    *cost = stretch(work, figure, count);
    for (unsigned i = 1; i < STRETCHES; i++) {
        struct bench_cost again = stretch(work, figure, count);

        if (again.tsc < cost->tsc)
            *cost = again;
    }
    cost->root -= empty.root;
    cost->root_exits -= empty.root_exits;
}

static size_t exits_put(char *line, size_t size, const char *name, uint64_t exits, uint64_t count)
{
    uint64_t hundredths = (exits * 100 + count / 2) / count;

    return rt_snprintf(line, size, " %s=%lu.%02lu", name, hundredths / 100, hundredths % 100);
}

void bench_report(const char *name, const struct bench_cost *cost, uint64_t count)
{
    char line[GUEST_LINE_MAX];
    bool counted = insn_in32(GUEST_PORT_ROOT_TICKS) != NOT_COUNTED;
    size_t n =
        rt_snprintf(line, sizeof(line), "bench: %s instructions=%lu", name, cost->tsc / count);

    if (counted)
        n += rt_snprintf(line + n, sizeof(line) - n, " child=%lu hypervisor=%lu root=%lu",
                         cost->child / count, (cost->tsc - cost->child - cost->root) / count,
                         (uint64_t)cost->root / count);
    n += exits_put(line + n, sizeof(line) - n, "exits", cost->counters[HvStatsVpTotalExits], count);
    if (counted)
        n += exits_put(line + n, sizeof(line) - n, "root_exits", cost->root_exits, count);
    for (unsigned i = 0; i < BENCH_EXIT_REASONS; i++)
        if (cost->counters[HvStatsVpExitFirst + i] * 200 >= count)
            n += exits_put(line + n, sizeof(line) - n, exit_names[i],
                           cost->counters[HvStatsVpExitFirst + i], count);
    guest_printf("%s\n", line);
}
