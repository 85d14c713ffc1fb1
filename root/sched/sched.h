/* SPDX-License-Identifier: MIT */
/* root/sched/sched.h - inside the scheduler: threads, blocking, and switching.
 *
 * A thread is on the queue of one CPU, thread->cpu. To block, it calls thread_prepare_block with
 * its wait condition's lock held, drops the lock and calls schedule; a wake in between turns that
 * schedule into a mere yield. Switches happen under the run queue's lock, so that a thread is never
 * picked before its registers are saved. */
#ifndef ROOT_SCHED_SCHED_H
#define ROOT_SCHED_SCHED_H

#include <stdbool.h>
#include <stdint.h>
#include "sched/run_queue.h"
#include "sched/thread.h"

struct cpu;
struct process;

enum thread_state { THREAD_RUNNABLE, THREAD_RUNNING, THREAD_BLOCKED, THREAD_DEAD };

struct thread {
    struct list link;            /* [run queue lock] */
    uint64_t rsp;                /* [run queue lock] saved stack pointer while not running */
    uint64_t stack_top;          /* [I] */
    enum thread_state state;     /* [run queue lock] */
    uint32_t cpu;                /* [run queue lock] */
    bool pinned;                 /* [I] */
    bool killed;                 /* [a] */
    uint32_t id;                 /* [I] */
    uint64_t run_since, run_ns;  /* [run queue lock] */
    thread_entry entry;          /* [I] */
    void *argument;              /* [I] */
    struct process *process;     /* [I] NULL: a kernel thread */
    void *fpu;                   /* [thread] of a process's thread: cpu/fpu.h */
    uint64_t fs_base;            /* [thread] of a process's thread: where its TLS is */
    char name[24];               /* [I] */
};


/* Give CPU @cpu a run queue whose running thread is what executes now, as its idle thread. */
bool sched_init_cpu(struct cpu *cpu, uint64_t stack_top);

/* Let the idle loop poll instead of halting. */
void sched_set_idle_poll(bool poll);

/* The end of a CPU's bring-up: become its idle loop. */
_Noreturn void sched_idle(void);

/* A thread that is not yet running: thread_launch lets it. @cpu < 0: anywhere. NULL: no memory. */
struct thread *thread_create(const char *name, thread_entry entry, void *argument, int cpu);
void thread_launch(struct thread *t);
void thread_discard(struct thread *t); /* that was not launched */

/* Give up the CPU: to run again at once if still runnable, else when woken. */
void schedule(void);

/* The current thread becomes blocked; interrupts are off. */
void thread_prepare_block(void);

/* The current thread waits for @done(@context). As long as no other thread wants this CPU, halt it
 * here: that spares the way to the idle thread and back. Who makes it so wakes the thread afterwards.
 * True: it is so. False: the thread must block. Interrupts are off, and may be on in between. */
bool sched_halt(bool (*done)(void *context), void *context);

/* Make @t runnable if it is blocked. Any context. */
void thread_wake(struct thread *t);

/* The body of the interrupt that cpu_kick sends. */
void sched_kicked(struct cpu *cpu);

/* switch.asm. Interrupts off; afterwards too, and what they have woken has been looked at by nobody.
 * No wake-up is lost that comes after the caller's last look, not even on an emulator that forgets
 * that STI holds interrupts off for one instruction: trap.c skips the HLT, which is one byte. */
void halt_once(void);
extern const uint8_t halt_instruction[];
void context_switch(uint64_t *save_rsp, uint64_t load_rsp);
void thread_start_stub(void); /* where a new thread's first switch returns to */

/* The first C code of a new thread. */
_Noreturn void thread_begin(void);

#endif
