/* SPDX-License-Identifier: MIT */
/* root/sched/timer.c - see timer.h. */
#include "cpu/apic.h"
#include "cpu/cpu.h"
#include "sched/timer.h"

void timer_init(struct timer *t, timer_handler handler)
{
    *t = (struct timer){.handler = handler};
}

void timer_start(struct timer *t, uint64_t deadline)
{
    uint64_t flags = interrupts_off();
    struct cpu *cpu = this_cpu();
    uint64_t lock_flags = spin_lock(&cpu->timers.lock);

    t->cpu = cpu->index;
    heap_insert(&cpu->timers.heap, &t->node, deadline);
    spin_unlock(&cpu->timers.lock, lock_flags);
    timer_arm(cpu);
    interrupts_restore(flags);
}

void timer_cancel(struct timer *t)
{
    struct timer_queue *q = &cpu_get(t->cpu)->timers;
    uint64_t flags = spin_lock(&q->lock);

    heap_remove(&q->heap, &t->node);
    spin_unlock(&q->lock, flags);
    flags = interrupts_off();
    /* On its own CPU only the handler itself can find it running. */
    while (&this_cpu()->timers != q && __atomic_load_n(&q->running, __ATOMIC_ACQUIRE) == t)
        insn_pause();
    interrupts_restore(flags);
}

/* The first timer due at @now, off the heap and marked running; NULL: none. */
static struct timer *timer_take_due(struct timer_queue *q, uint64_t now)
{
    uint64_t flags = spin_lock(&q->lock);
    struct heap_node *first = heap_first(&q->heap);
    struct timer *t = NULL;

    if (first != NULL && first->key <= now) {
        heap_remove(&q->heap, first);
        t = container_of(first, struct timer, node);
    }
    __atomic_store_n(&q->running, t, __ATOMIC_RELEASE);
    spin_unlock(&q->lock, flags);
    return t;
}

static uint64_t timer_next(struct cpu *cpu)
{
    uint64_t flags = spin_lock(&cpu->timers.lock);
    struct heap_node *first = heap_first(&cpu->timers.heap);
    uint64_t next = first != NULL ? first->key : UINT64_MAX;

    spin_unlock(&cpu->timers.lock, flags);
    if (cpu->run_queue.slice_end != 0 && cpu->run_queue.slice_end < next)
        next = cpu->run_queue.slice_end;
    return next;
}

void timer_arm(struct cpu *cpu)
{
    uint64_t next = timer_next(cpu);

    /* An interrupt that comes too early, or for nothing, arms what is left. That is rare, while what is
     * next changes at each switch, and to a hypervisor arming costs as much as an interrupt. A deadline
     * that has passed is no reason to wait for its interrupt: if that was lost, no other would come. */
    uint64_t armed = cpu->timer_deadline;
    if (next == UINT64_MAX || (armed != 0 && armed <= next && time_now() < armed))
        return;
    cpu->timer_deadline = next;
    apic_timer_set(next);
}

void timer_interrupt(struct cpu *cpu)
{
    struct timer *t;

    cpu->timer_deadline = 0;
    while ((t = timer_take_due(&cpu->timers, time_now())) != NULL)
        t->handler(t);
    if (cpu->run_queue.slice_end != 0 && cpu->run_queue.slice_end <= time_now()) {
        cpu->run_queue.slice_end = 0;
        __atomic_store_n(&cpu->reschedule, true, __ATOMIC_RELAXED);
    }
    timer_arm(cpu);
}
