/* SPDX-License-Identifier: MIT */
/* core/timer.c - see core/timer.h. */
#include "core/timer.h"

#include <rt/list.h>
#include <x86/insn.h>
#include "core/lapic_physical.h"
#include "core/pcpu.h"

void timer_init(struct timer *t, timer_fn fn)
{
    *t = (struct timer){.fn = fn};
}

/* Set this LP's physical timer to the earliest deadline. Caller holds cpu->timer_lock. */
static void program(struct pcpu *cpu)
{
    const struct heap_node *first = heap_first(&cpu->timers);
    uint64_t deadline = first != NULL ? first->key : UINT64_MAX;

    if (deadline == cpu->timer_programmed)
        return;
    cpu->timer_programmed = deadline;
    lapic_physical_timer(deadline);
}

/* Lock the heap that @t is, or was last, queued on. */
static struct pcpu *lock_home(struct timer *t) NO_LOCK_CHECK
{
    for (;;) {
        struct pcpu *cpu = lp_table[__atomic_load_n(&t->lp, __ATOMIC_RELAXED)];
        spin_lock(&cpu->timer_lock);
        if (cpu->lp_index == t->lp)
            return cpu;
        spin_unlock(&cpu->timer_lock);
    }
}

void timer_arm(struct timer *t, uint64_t deadline_tsc)
{
    struct pcpu *cpu = this_cpu();

    if (t->lp != cpu->lp_index) {
        timer_cancel(t);
        t->lp = cpu->lp_index;
    }
    spin_lock(&cpu->timer_lock);
    heap_remove(&cpu->timers, &t->node);
    heap_insert(&cpu->timers, &t->node, deadline_tsc);
    program(cpu);
    spin_unlock(&cpu->timer_lock);
}

/* A cancelled timer that was the earliest leaves the physical timer as it is: it then fires once
 * for nothing, which is cheaper than programming it again. */
bool timer_cancel(struct timer *t) NO_LOCK_CHECK
{
    if (!__atomic_load_n(&t->node.queued, __ATOMIC_ACQUIRE)) /* then nobody looks at the node */
        return false;
    struct pcpu *cpu = lock_home(t);
    bool queued = t->node.queued;

    heap_remove(&cpu->timers, &t->node);
    spin_unlock(&cpu->timer_lock);
    return queued;
}

void timers_run(struct pcpu *cpu)
{
    spin_lock(&cpu->timer_lock);
    cpu->timer_programmed = lapic_physical_timer_repeats() ? 0 : UINT64_MAX;
    for (;;) {
        struct heap_node *first = heap_first(&cpu->timers);
        if (first == NULL || first->key > insn_rdtsc())
            break;
        heap_remove(&cpu->timers, first);
        struct timer *t = container_of(first, struct timer, node);
        spin_unlock(&cpu->timer_lock);
        t->fn(t);
        spin_lock(&cpu->timer_lock);
    }
    program(cpu);
    spin_unlock(&cpu->timer_lock);
}

#define UNITS_PER_SECOND 10000000ull /* of 100 ns */

/* @value * @to / @from, exact; @from and @to below 2^43. */
static uint64_t scale(uint64_t value, uint64_t from, uint64_t to)
{
    return value / from * to + value % from * to / from;
}

uint64_t tsc_from_100ns(uint64_t units)
{
    return scale(units, UNITS_PER_SECOND, tsc_hz);
}

uint64_t tsc_to_100ns(uint64_t ticks)
{
    return scale(ticks, tsc_hz, UNITS_PER_SECOND);
}
