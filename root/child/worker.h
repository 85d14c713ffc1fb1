/* SPDX-License-Identifier: MIT */
/* root/child/worker.h - a child whose intercepts a ring-3 worker answers: what root keeps of it, and
 * what the worker's calls do (rootabi/partition.h has their structures, docs/workers.md the life).
 *
 * [w] is queue.lock, a spinlock that interrupt handlers take. While it is held and @on is true, the
 * partition exists, so calls that need registers only are made under it, by the CPU's own client.
 * All arguments of the worker_... calls are ring 3's: they are checked here. 0, or a negative error
 * number. Lock order: child.lock, [w]. */
#ifndef ROOT_CHILD_WORKER_H
#define ROOT_CHILD_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/message.h>
#include <rootabi/partition.h>
#include "sched/thread.h"
#include "sched/watch.h"

struct child;
struct file;

enum { WORKER_VECTORS = 256 };

/* What a VP's intercept is waiting for. */
enum worker_vp_state { WORKER_VP_NONE, WORKER_VP_READY, WORKER_VP_TOLD };

struct worker_vp {
    enum worker_vp_state state; /* [w] */
    uint32_t next;              /* [w] on the ready list; PARTITION_NO_VP: the last */
    struct hv_message *page;    /* [I] of the child's RAM object; shown to the worker */
};

/* All zeros: a child without one. */
struct worker {
    struct wait_queue queue;
    bool on;                     /* [w] there may be somebody to ask */
    bool news;                   /* [a] there may be something to tell */
    struct thread *waits;        /* [w] the thread that waits for it in worker_next, or NULL */
    struct worker_vp *vps;       /* [w] while on */
    uint32_t first, last;        /* [w] ready VPs; PARTITION_NO_VP: none */
    uint64_t eoi[WORKER_VECTORS / 64]; /* [w] of level-triggered vectors, not told yet */
    bool any_eoi;                /* [w] */
    uint32_t complaints;         /* [w] logged */
    uint32_t in_a_row;           /* [w] events told since the last look at what wakes */
    bool busy;                   /* [a] somebody is in worker_next, or changes what follows */
    struct file *wake;           /* [busy] what wakes it, or NULL */
    struct waiter wake_waiter;   /* of @wake_watch */
    struct watch wake_watch;     /* [busy] rings when @wake may be ready */
    bool wake_due;               /* [busy] it may be ready, without a ring */
};

/* Have room for @c's VPs, whose pages are in its RAM. False: no memory. Before it is built. */
bool worker_allocate(struct child *c);

/* From now on intercepts are the worker's. Thread context. */
void worker_begin(struct child *c);

/* @c has begun to end: tell whoever waits. When this returns no call uses its partition any more.
 * Harmless without a worker. Any context. */
void worker_end(struct child *c);

/* The last use of what worker_allocate made. */
void worker_free(struct child *c);

/* Whoever used its file is gone, and with it what was to wake it. Thread context. */
void worker_gone(struct child *c);

/* The hypervisor says @m about @c, and one of its VPs. Interrupts off. */
void worker_intercept(struct child *c, const struct hv_message *m);

/* child/crash.c: VP @vp stands in a crash report of the child's system (an intercept of its crash MSR):
 * put it into the log. Thread context. */
void worker_crash_log(struct child *c, uint32_t vp);

/* PARTITION_IOCTL_NEXT; @wake is the file of a->wake_fd, or NULL. -EINTR: the caller was killed.
 * What wakes is watched from one call to the next: it costs only when it changes. */
int64_t worker_next(struct child *c, struct partition_next *a, struct file *wake);

/* The other calls of rootabi/partition.h: those that root does without waiting for its turn ... */
int64_t worker_registers_get(struct child *c, struct partition_registers *a);
int64_t worker_registers_set(struct child *c, const struct partition_registers *a);
int64_t worker_translate(struct child *c, struct partition_translate *a);
int64_t worker_interrupt(struct child *c, const struct partition_interrupt *a);

/* ... and those that wait for their turn (hv_begin). */
int64_t worker_ports(struct child *c, const struct partition_ports *a);
int64_t worker_run(struct child *c);
int64_t worker_pause(struct child *c, bool pause);
int64_t worker_info(struct child *c, struct partition_info *a);
int64_t worker_end_child(struct child *c, struct partition_end *a);

#endif
