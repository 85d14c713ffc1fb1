/* SPDX-License-Identifier: MIT */
/* root/sched/thread.h - kernel threads, and how they wait.
 *
 * The kernel is SMP and preemptible: per-CPU run queues, no global lock. Spinlocks turn interrupts
 * off; mutexes and wait queues sleep and are for thread context only. */
#ifndef ROOT_SCHED_THREAD_H
#define ROOT_SCHED_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/list.h>

struct spinlock {
    uint32_t next, owner; /* ticket lock */
};

/* Takes @l with interrupts off; returns the flags for spin_unlock. */
uint64_t spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l, uint64_t flags);

struct wait_queue {
    struct spinlock lock;
    struct list waiters; /* [lock] */
};

void wait_queue_init(struct wait_queue *q);
/* Sleep until @condition(@context) is true; it is checked with q->lock held. */
void wait_until(struct wait_queue *q, bool (*condition)(void *context), void *context);
/* The same, at most @ns nanoseconds; false: time ran out. */
bool wait_until_timeout(struct wait_queue *q, bool (*condition)(void *context), void *context,
                        uint64_t ns);
#define WAIT_FOREVER UINT64_MAX
/* The same for what ring 3 waits for; WAIT_FOREVER: for ever. False: also that the thread has been
 * killed. */
bool wait_until_killed(struct wait_queue *q, bool (*condition)(void *context), void *context,
                       uint64_t ns);
/* Wake all waiters, which check their conditions again. Any context. */
void wake_all(struct wait_queue *q);
/* The same, with q->lock held. */
void wake_all_locked(struct wait_queue *q);

/* Had by one thread after the other, in the order in which they asked: who unlocks it and wants it
 * again at once waits for his turn. */
struct mutex {
    struct wait_queue queue;
    uint32_t next, serving; /* [queue.lock] turns ever given, and whose it is; equal: nobody's */
};

void mutex_init(struct mutex *m);
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);

struct thread;
typedef void (*thread_entry)(void *argument);

/* Start a kernel thread; @cpu < 0: any. NULL: no memory. */
struct thread *thread_start(const char *name, thread_entry entry, void *argument, int cpu);
void thread_yield(void);
void thread_sleep(uint64_t ns);
/* The same; false: the thread has been killed, perhaps before the time was over. */
bool thread_sleep_killed(uint64_t ns);

/* Have @t give up what it waits for killably, and its process end at its next step to ring 3. It
 * must not have ended. Any context. */
void thread_kill(struct thread *t);
/* Whether that has been done to the caller. */
bool thread_killed(void);
_Noreturn void thread_exit(void);

/* Where the caller's thread-local data is in ring 3: FS base. */
uint64_t thread_fs_base(void);
void thread_set_fs_base(uint64_t base);

/* Nanoseconds since boot, monotonic on all CPUs. Any context. */
uint64_t time_now(void);
/* Busy-wait, with PAUSE. Any context. */
void time_delay(uint64_t ns);

#endif
