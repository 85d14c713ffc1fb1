/* SPDX-License-Identifier: MIT */
/* root/proc/process.h - ring-3 programs: one address space, one thread, some open files. */
#ifndef ROOT_PROC_PROCESS_H
#define ROOT_PROC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include "proc/file.h"
#include "sched/thread.h"

struct address_space;
struct trap_frame;

struct process {
    char name[24];               /* [I] */
    uint32_t id;                 /* [I] */
    struct address_space *space; /* [I] until the end */
    struct file_table files;     /* [its thread] */
    uint64_t entry, stack;       /* [I] where ring 3 begins */
    struct wait_queue ended_queue;
    bool ended; /* [ended_queue.lock] */
    int32_t status;
};

/* What process_wait returns for a process that a fault has ended. */
enum { PROCESS_STATUS_FAULT = 128 };

/* Load the ELF file at @file and run it with the console as files 0, 1 and 2. NULL: malformed, or
 * no memory (logged). Thread context. */
struct process *process_start(const char *name, const void *file, uint64_t size);

/* Sleep until @p has ended, free it; its status. */
int32_t process_wait(struct process *p);

/* End the calling process. */
_Noreturn void process_exit(int32_t status);

/* An exception that ring 3 caused at @f; @address is CR2. Does not return to ring 3. */
void process_exception(struct trap_frame *f, uint64_t address);

/* The caller's. */
struct process *process_current(void);

#endif
