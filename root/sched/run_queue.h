/* SPDX-License-Identifier: MIT */
/* root/sched/run_queue.h - one CPU's runnable threads: round robin. */
#ifndef ROOT_SCHED_RUN_QUEUE_H
#define ROOT_SCHED_RUN_QUEUE_H

#include <stdint.h>
#include "sched/thread.h"

struct run_queue {
    struct spinlock lock;
    struct list ready;            /* [lock] */
    uint32_t waiting;             /* [lock; read by anyone] threads on ready */
    struct thread *running;       /* [lock] */
    struct thread *idle;          /* [I] never on ready */
    struct thread *switched_from; /* [lock] for the far side of a switch */
    bool halts;                   /* [a] the running thread does, in the idle thread's stead */
    uint64_t halted_since;        /* [CPU] when it began to */
    uint64_t slice_end;           /* [CPU] when the running thread must share; 0: never */
    uint64_t switches, idle_ns;   /* [lock] */
};

#endif
