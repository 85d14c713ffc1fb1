/* SPDX-License-Identifier: MIT */
/* root/sched/sched.c - picking and switching threads; see sched.h.
 * Lock order: timer queue, wait queue, run queue. No two run queues are locked at once. */
#include <rt/mem.h>
#include <x86/cr.h>
#include <x86/msr.h>
#include "cpu/cpu.h"
#include "cpu/fpu.h"
#include "log.h"
#include "mm/space.h"
#include "sched/sched.h"
#include "sched/stack.h"
#include "sched/timer.h"

/* How long a thread runs while others wait. */
#define SLICE_NS 5000000ull

static bool idle_polls; /* [I] after boot */

static void enqueue_locked(struct cpu *cpu, struct thread *t)
{
    struct run_queue *q = &cpu->run_queue;

    t->state = THREAD_RUNNABLE;
    list_push_back(&q->ready, &t->link);
    __atomic_store_n(&q->waiting, q->waiting + 1, __ATOMIC_RELAXED);
}

static struct thread *dequeue_locked(struct run_queue *q)
{
    struct list *l = list_pop_front(&q->ready);

    if (l == NULL)
        return q->idle;
    __atomic_store_n(&q->waiting, q->waiting - 1, __ATOMIC_RELAXED);
    return container_of(l, struct thread, link);
}

static bool runs_nothing(const struct run_queue *q)
{
    return __atomic_load_n(&q->running, __ATOMIC_RELAXED) == q->idle ||
           __atomic_load_n(&q->halts, __ATOMIC_RELAXED);
}

/* After queueing a thread on @cpu: make that CPU switch @now, for it is idle, or else share its time.
 * Who switches sees himself whether there is somebody to share with. */
static void notify_queued(struct cpu *cpu, bool now)
{
    if (now)
        __atomic_store_n(&cpu->reschedule, true, __ATOMIC_RELAXED);
    if (cpu != this_cpu()) {
        cpu_kick(cpu);
        return;
    }
    if (!now && cpu->run_queue.slice_end == 0) {
        cpu->run_queue.slice_end = time_now() + SLICE_NS;
        timer_arm(cpu);
    }
}

/* The interrupt that cpu_kick sends: another CPU has queued something here. */
void sched_kicked(struct cpu *cpu)
{
    if (__atomic_load_n(&cpu->run_queue.waiting, __ATOMIC_RELAXED) != 0 &&
        !runs_nothing(&cpu->run_queue) && cpu->run_queue.slice_end == 0) {
        cpu->run_queue.slice_end = time_now() + SLICE_NS;
        timer_arm(cpu);
    }
}

/* Interrupts back to @flags, after giving way to a thread that a wake has put in front. */
static void restore_and_yield(uint64_t flags)
{
    if ((flags & RFLAGS_IF) != 0 && __atomic_load_n(&this_cpu()->reschedule, __ATOMIC_RELAXED))
        schedule();
    interrupts_restore(flags);
}

static bool is_idle(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE) &&
           runs_nothing(&cpu->run_queue) &&
           __atomic_load_n(&cpu->run_queue.waiting, __ATOMIC_RELAXED) == 0;
}

/* Where a thread that may run anywhere should go: its last CPU if that is idle, else another idle
 * one, else the last. Looks at no more than PLACEMENT_TRIES CPUs. */
enum { PLACEMENT_TRIES = 16 };
static struct cpu *place(struct cpu *last)
{
    uint32_t n = cpu_count();

    for (uint32_t i = 0; i < n && i < PLACEMENT_TRIES; i++) {
        struct cpu *cpu = cpu_get((last->index + i) % n);

        if (is_idle(cpu))
            return cpu;
    }
    return last;
}

static void queue_on(struct cpu *cpu, struct thread *t)
{
    uint64_t flags = spin_lock(&cpu->run_queue.lock);
    bool now = runs_nothing(&cpu->run_queue);

    __atomic_store_n(&t->cpu, cpu->index, __ATOMIC_RELEASE);
    enqueue_locked(cpu, t);
    notify_queued(cpu, now);
    spin_unlock(&cpu->run_queue.lock, flags);
}

/* Lock the run queue that @t is on, which may change until it is locked. */
static struct cpu *lock_home(struct thread *t, uint64_t *flags)
{
    for (;;) {
        uint32_t index = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
        struct cpu *cpu = cpu_get(index);

        *flags = spin_lock(&cpu->run_queue.lock);
        if (__atomic_load_n(&t->cpu, __ATOMIC_RELAXED) == index)
            return cpu;
        spin_unlock(&cpu->run_queue.lock, *flags);
    }
}

/* @t halts on this CPU, which has been interrupted: it looks again when that is over. */
static bool halts_here(const struct thread *t)
{
    uint64_t flags = interrupts_off();
    const struct run_queue *q = &this_cpu()->run_queue;
    bool here = q->halts && q->running == t;

    interrupts_restore(flags);
    return here;
}

void thread_wake(struct thread *t)
{
    uint64_t flags;
    struct cpu *cpu;

    if (halts_here(t))
        return;
    cpu = lock_home(t, &flags);

    if (t->state != THREAD_BLOCKED) {
        if (__atomic_load_n(&cpu->run_queue.halts, __ATOMIC_SEQ_CST) && cpu != this_cpu())
            cpu_kick(cpu); /* pairs with sched_halt, which looks again after it has said so */
        spin_unlock(&cpu->run_queue.lock, flags);
        return;
    }
    if (cpu->run_queue.running == t) { /* on its way to schedule() */
        t->state = THREAD_RUNNING;
        spin_unlock(&cpu->run_queue.lock, flags);
        return;
    }
    t->state = THREAD_RUNNABLE; /* from here on nobody else touches it */
    spin_unlock(&cpu->run_queue.lock, flags & ~RFLAGS_IF);
    queue_on(t->pinned ? cpu : place(cpu), t);
    restore_and_yield(flags);
}

/* Its process's flag is seen by whoever is on the way to ring 3, the interrupt by who is there. */
void thread_kill(struct thread *t)
{
    uint64_t flags;
    struct cpu *cpu;

    __atomic_store_n(&t->killed, true, __ATOMIC_RELEASE);
    cpu = lock_home(t, &flags);
    if (cpu->run_queue.running == t && cpu != this_cpu())
        cpu_kick(cpu);
    spin_unlock(&cpu->run_queue.lock, flags);
    thread_wake(t);
}

bool thread_killed(void)
{
    return __atomic_load_n(&thread_current()->killed, __ATOMIC_ACQUIRE);
}

void thread_prepare_block(void)
{
    struct cpu *cpu = this_cpu();
    uint64_t flags = spin_lock(&cpu->run_queue.lock);

    thread_current()->state = THREAD_BLOCKED;
    spin_unlock(&cpu->run_queue.lock, flags);
}

/* On the new thread's stack, on whatever CPU it is now. */
static void switch_finish(void)
{
    struct cpu *cpu = this_cpu();
    struct thread *previous = cpu->run_queue.switched_from;
    bool dead = previous->state == THREAD_DEAD;

    spin_unlock(&cpu->run_queue.lock, 0);
    if (dead)
        thread_reap(previous);
}

/* The running thread, @t, no longer halts: what it has is idle time. */
static void halt_end(struct run_queue *q, struct thread *t)
{
    uint64_t now = time_now();

    q->idle_ns += now - q->halted_since;
    t->run_since = now;
    __atomic_store_n(&q->halts, false, __ATOMIC_RELAXED);
}

static void account(struct run_queue *q, struct thread *previous, struct thread *next)
{
    uint64_t now = time_now();

    previous->run_ns += now - previous->run_since;
    if (previous == q->idle)
        q->idle_ns += now - previous->run_since;
    next->run_since = now;
    q->switches++;
}

/* Registers and tables that follow the thread and are not on its stack. */
static void switch_state(struct cpu *cpu, struct thread *previous, struct thread *next)
{
    if (previous->fpu != NULL && previous->state != THREAD_DEAD)
        fpu_save(previous->fpu);
    if (next->fpu != NULL) {
        fpu_load(next->fpu);
        insn_wrmsr(MSR_FS_BASE, next->fs_base);
    }
    cpu->current = next;
    cpu->kernel_rsp = next->stack_top;
    cpu->tables.tss.rsp[0] = next->stack_top;
    space_switch(cpu, next->process);
}

static void switch_to(struct cpu *cpu, struct thread *previous, struct thread *next)
{
    struct run_queue *q = &cpu->run_queue;

    account(q, previous, next);
    next->state = THREAD_RUNNING;
    q->running = next;
    q->switched_from = previous;
    switch_state(cpu, previous, next);
    context_switch(&previous->rsp, next->rsp);
    switch_finish();
}

void schedule(void)
{
    uint64_t flags = interrupts_off();
    struct cpu *cpu = this_cpu();
    struct run_queue *q = &cpu->run_queue;
    struct thread *previous = thread_current(), *next;

    spin_lock(&q->lock);
    __atomic_store_n(&cpu->reschedule, false, __ATOMIC_RELAXED);
    if (q->halts)
        halt_end(q, previous);
    if (previous->state == THREAD_RUNNING && previous != q->idle)
        enqueue_locked(cpu, previous);
    next = dequeue_locked(q);
    q->slice_end = q->waiting != 0 ? time_now() + SLICE_NS : 0;
    if (next == previous) {
        next->state = THREAD_RUNNING;
        spin_unlock(&q->lock, 0);
    } else {
        switch_to(cpu, previous, next);
    }
    timer_arm(this_cpu());
    interrupts_restore(flags);
}

void thread_begin(void)
{
    struct thread *t = thread_current();

    switch_finish();
    timer_arm(this_cpu());
    insn_sti();
    t->entry(t->argument);
    thread_exit();
}

void thread_yield(void)
{
    schedule();
}

void thread_exit(void)
{
    insn_cli();
    struct cpu *cpu = this_cpu();
    uint64_t flags = spin_lock(&cpu->run_queue.lock);

    thread_current()->state = THREAD_DEAD;
    spin_unlock(&cpu->run_queue.lock, flags);
    schedule();
    panic("sched: a dead thread runs");
}

void thread_launch(struct thread *t)
{
    uint64_t flags = interrupts_off();

    queue_on(t->pinned ? cpu_get(t->cpu) : place(this_cpu()), t);
    restore_and_yield(flags);
}

static struct thread *first_movable_locked(const struct run_queue *q)
{
    LIST_FOR_EACH (l, &q->ready) {
        struct thread *t = container_of(l, struct thread, link);

        if (!t->pinned)
            return t;
    }
    return NULL;
}

/* Take a thread that may move from the queue of @victim, which is busy; NULL: none. */
static struct thread *steal_from(struct cpu *victim)
{
    struct run_queue *q = &victim->run_queue;
    struct thread *found;
    uint64_t flags;

    if (__atomic_load_n(&q->waiting, __ATOMIC_RELAXED) == 0)
        return NULL;
    flags = spin_lock(&q->lock);
    found = first_movable_locked(q);
    if (found != NULL) {
        list_remove(&found->link);
        __atomic_store_n(&q->waiting, q->waiting - 1, __ATOMIC_RELAXED);
    }
    spin_unlock(&q->lock, flags);
    return found;
}

/* Before going idle: relieve one of the neighbours. */
static void steal(struct cpu *cpu)
{
    uint32_t n = cpu_count();

    for (uint32_t i = 1; i < n && i <= PLACEMENT_TRIES; i++) {
        struct thread *t = steal_from(cpu_get((cpu->index + i) % n));

        if (t != NULL) {
            queue_on(cpu, t);
            return;
        }
    }
}

static bool has_work(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->run_queue.waiting, __ATOMIC_RELAXED) != 0;
}

static void halt_begin(struct run_queue *q, struct thread *t)
{
    uint64_t now = time_now();

    t->run_ns += now - t->run_since;
    q->halted_since = now;
    __atomic_store_n(&q->halts, true, __ATOMIC_SEQ_CST); /* pairs with thread_wake */
}

static void halt_or_poll(void)
{
    if (idle_polls) {
        insn_sti();
        insn_nop(); /* QEMU keeps STI's shadow over PAUSE, up to CLI */
        insn_pause();
        insn_cli();
    } else {
        halt_once();
    }
}

/* An interrupt may have another thread run here, and this one go on on another CPU: schedule() has
 * ended the halt then. */
bool sched_halt(bool (*done)(void *context), void *context)
{
    struct run_queue *q = &this_cpu()->run_queue;
    bool is_done = false;

    steal(this_cpu());
    if (has_work(this_cpu()))
        return done(context);
    halt_begin(q, thread_current());
    while (q->halts && !(is_done = done(context)) && !has_work(this_cpu())) {
        halt_or_poll();
        q = &this_cpu()->run_queue;
    }
    if (q->halts)
        halt_end(q, thread_current());
    return is_done;
}

void sched_idle(void)
{
    insn_cli();
    for (;;) {
        struct cpu *cpu = this_cpu();

        if (!has_work(cpu) && cpu_count() > 1)
            steal(cpu);
        if (has_work(cpu)) {
            schedule();
            insn_cli();
        } else {
            halt_or_poll();
        }
    }
}

void sched_set_idle_poll(bool poll)
{
    idle_polls = poll;
}
