/* SPDX-License-Identifier: MIT */
/* root/sched/thread.c - making threads, their stacks, and the first thread of a CPU. */
#include <rt/mem.h>
#include <x86/msr.h>
#include "cpu/cpu.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "sched/sched.h"
#include "sched/stack.h"

#define STACK_SIZE (4 * PAGE_SIZE)
#define STACK_SLOT (8 * PAGE_SIZE) /* the lower part is the guard */

static struct {
    struct spinlock lock;
    uint64_t next_slot; /* [lock] */
    uint64_t free_top;  /* [lock] first of a list whose links are in the stacks' last words */
} stacks;

static uint64_t *stack_link(uint64_t top)
{
    return (uint64_t *)(uintptr_t)(top - sizeof(uint64_t));
}

/* A stack that was used before; 0: none. */
static uint64_t stack_reuse(void)
{
    uint64_t flags = spin_lock(&stacks.lock);
    uint64_t top = stacks.free_top;

    if (top != 0)
        stacks.free_top = *stack_link(top);
    spin_unlock(&stacks.lock, flags);
    return top;
}

static uint64_t stack_slot(void)
{
    return KERNEL_STACKS_BASE +
           __atomic_fetch_add(&stacks.next_slot, 1, __ATOMIC_RELAXED) * STACK_SLOT;
}

uint64_t stack_alloc(void)
{
    uint64_t top = stack_reuse(), slot;

    if (top != 0)
        return top;
    slot = stack_slot();
    for (uint64_t va = slot + STACK_SLOT - STACK_SIZE; va < slot + STACK_SLOT; va += PAGE_SIZE) {
        uint64_t page = page_alloc(0);

        if (page == 0 || !kernel_map(va, page, PTE_RW | PTE_NX))
            return 0; /* the slot and its pages stay lost: memory has run out */
        page_zero(page, 0); /* see heap.c, slab_create */
    }
    return slot + STACK_SLOT;
}

void stack_free(uint64_t top)
{
    uint64_t flags = spin_lock(&stacks.lock);

    *stack_link(top) = stacks.free_top;
    stacks.free_top = top;
    spin_unlock(&stacks.lock, flags);
}

static bool stack_is_any(uint64_t address)
{
    uint64_t end = KERNEL_STACKS_BASE +
                   __atomic_load_n(&stacks.next_slot, __ATOMIC_RELAXED) * STACK_SLOT;

    return address >= KERNEL_STACKS_BASE && address < end;
}

bool stack_is_same(uint64_t on, uint64_t address)
{
    return stack_is_any(address) && !stack_is_guard(address) &&
           on / STACK_SLOT == address / STACK_SLOT;
}

bool stack_is_guard(uint64_t address)
{
    return stack_is_any(address) && address % STACK_SLOT < STACK_SLOT - STACK_SIZE;
}

static uint32_t thread_next_id(void)
{
    static uint32_t last;

    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

/* What context_switch and thread_start_stub expect on a stack that has never run: six registers,
 * the return address, and 16 bytes that keep the stack aligned. */
static uint64_t stack_prepare(uint64_t top)
{
    enum { SAVED_REGISTERS = 6, PADDING = 2 };
    uint64_t *sp = (uint64_t *)(uintptr_t)top;

    for (unsigned i = 0; i < PADDING; i++)
        *--sp = 0;
    *--sp = (uint64_t)(uintptr_t)thread_start_stub;
    for (unsigned i = 0; i < SAVED_REGISTERS; i++)
        *--sp = 0;
    return (uint64_t)(uintptr_t)sp;
}

struct thread *thread_create(const char *name, thread_entry entry, void *argument, int cpu)
{
    struct thread *t = kalloc(sizeof(*t));

    if (t == NULL)
        return NULL;
    t->stack_top = stack_alloc();
    if (t->stack_top == 0) {
        kfree(t);
        return NULL;
    }
    t->rsp = stack_prepare(t->stack_top);
    t->state = THREAD_RUNNABLE;
    t->pinned = cpu >= 0;
    t->cpu = cpu >= 0 ? (uint32_t)cpu : 0;
    t->id = thread_next_id();
    t->entry = entry;
    t->argument = argument;
    list_init(&t->link);
    rt_strlcpy(t->name, name, sizeof(t->name));
    return t;
}

struct thread *thread_start(const char *name, thread_entry entry, void *argument, int cpu)
{
    struct thread *t = thread_create(name, entry, argument, cpu);

    if (t != NULL)
        thread_launch(t);
    return t;
}

uint64_t thread_fs_base(void)
{
    return thread_current()->fs_base;
}

void thread_set_fs_base(uint64_t base)
{
    uint64_t flags = interrupts_off();

    thread_current()->fs_base = base;
    insn_wrmsr(MSR_FS_BASE, base);
    interrupts_restore(flags);
}

void thread_discard(struct thread *t)
{
    thread_reap(t);
}

void thread_reap(struct thread *t)
{
    stack_free(t->stack_top);
    kfree(t->fpu);
    kfree(t);
}

bool sched_init_cpu(struct cpu *cpu, uint64_t stack_top)
{
    struct run_queue *q = &cpu->run_queue;
    struct thread *idle = kalloc(sizeof(*idle));

    if (idle == NULL)
        return false;
    list_init(&q->ready);
    idle->stack_top = stack_top;
    idle->state = THREAD_RUNNING;
    idle->pinned = true;
    idle->cpu = cpu->index;
    idle->run_since = time_now();
    list_init(&idle->link);
    rt_strlcpy(idle->name, "idle", sizeof(idle->name));
    q->idle = idle;
    q->running = idle;
    cpu->current = idle;
    return true;
}
