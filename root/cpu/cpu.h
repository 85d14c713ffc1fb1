/* SPDX-License-Identifier: MIT */
/* root/cpu/cpu.h - one struct per CPU, found through GS, and what CPUs ask of each other.
 *
 * Rules: this_cpu() is valid only while the thread cannot move (interrupts off); members marked
 * [a] are atomic and may be touched by other CPUs, [lock] by holders of that lock, all others
 * belong to the CPU itself. */
#ifndef ROOT_CPU_CPU_H
#define ROOT_CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <x86/insn.h>
#include "cpu/descriptors.h"
#include "mm/page_cache.h"
#include "sched/run_queue.h"
#include "sched/timer.h"

struct irq;
struct address_space;

enum {
    CPU_MAX = 512,
    CPU_VECTORS = 256,
};

struct cpu {
    struct cpu *self;       /* GS:0 */
    struct thread *current; /* GS:8 */
    uint64_t kernel_rsp;    /* top of the current thread's kernel stack, for SYSCALL */
    uint64_t user_rsp;      /* SYSCALL's scratch */
    uint32_t index;
    uint32_t apic_id;
    bool online;                  /* [a] in the table of CPUs, and told to go on */
    bool reschedule;              /* [a] the current thread should give way */
    uint32_t active_vector;       /* [a] device vector whose handler runs; 0: none */
    struct address_space *space;  /* [a] loaded in CR3; NULL: the kernel's alone */
    uint64_t tlb_requested;       /* [a] flushes other CPUs have asked for */
    uint64_t tlb_done;            /* [a] the value of tlb_requested that the last flush saw */
    uint64_t interrupts;          /* taken */
    uint64_t timer_deadline;      /* the local timer's, in time_now() units; 0: stopped */
    struct run_queue run_queue;
    struct timer_queue timers;
    struct page_cache pages;
    struct irq *irqs[CPU_VECTORS]; /* [a] */
    struct descriptor_tables tables;
};
_Static_assert(offsetof(struct cpu, self) == 0, "insn_read_gs_self reads GS:0");

static inline struct cpu *this_cpu(void)
{
    return (struct cpu *)(uintptr_t)insn_read_gs64(offsetof(struct cpu, self));
}

static inline struct thread *thread_current(void)
{
    return (struct thread *)(uintptr_t)insn_read_gs64(offsetof(struct cpu, current));
}

/* CPUs known, and the @index-th (0 is the bootstrap processor); fixed after cpu_start_others. */
uint32_t cpu_count(void);
struct cpu *cpu_get(uint32_t index);

/* Bootstrap processor, first thing: GS, descriptor tables, control registers. */
void cpu_init_boot(void);

/* Start the other processors, one after the other, by INIT-SIPI-SIPI. One that does not answer
 * within 10 s is logged and left out, and halts if it comes later. Thread context of the bootstrap
 * processor, interrupts on. */
void cpu_start_others(const uint32_t *apic_ids, uint32_t count);

/* Make CPU @cpu take a look at its run queue. Any context. */
void cpu_kick(struct cpu *cpu);

/* Stop all other CPUs for good, by NMI. For panic. */
void cpu_stop_others(void);

/* Whether a stop has been asked for: the NMI handler's question. */
bool cpu_stop_requested(void);

/* Interrupts off; the flags for interrupts_restore. */
static inline uint64_t interrupts_off(void)
{
    uint64_t flags = insn_pushf();

    insn_cli();
    return flags;
}

static inline void interrupts_restore(uint64_t flags)
{
    insn_popf(flags);
}

#endif
