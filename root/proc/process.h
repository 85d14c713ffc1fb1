/* SPDX-License-Identifier: MIT */
/* root/proc/process.h - ring-3 programs: one address space, one thread, some open files. */
#ifndef ROOT_PROC_PROCESS_H
#define ROOT_PROC_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proc/file_table.h"
#include "sched/thread.h"

struct address_space;
struct boot_module;
struct trap_frame;

/* What a process may do. */
enum process_kind {
    PROCESS_SYSTEM, /* everything */
    PROCESS_WORKER, /* use the files it was given, and read those of /boot that it is to have */
};

enum { PROCESS_REASON_SIZE = 64, PROCESS_ARGUMENTS_MAX = 64, PROCESS_BOOT_FILES_MAX = 10 };

struct process {
    char name[24];               /* [I] */
    uint32_t id;                 /* [I] */
    enum process_kind kind;      /* [I] */
    /* [I] what a worker can open of /boot */
    const struct boot_module *boot_files[PROCESS_BOOT_FILES_MAX];
    uint32_t boot_file_count;    /* [I] */
    uint32_t references;         /* [a] its thread's, and others' */
    struct address_space *space; /* [I] until the end */
    struct file_table files;     /* [its thread] */
    uint64_t entry, stack;       /* [I] where ring 3 begins */
    struct list link;            /* [table lock] of all processes */
    struct thread *thread;       /* [table lock] NULL: it ends */
    struct wait_queue ended_queue;
    bool ended; /* [ended_queue.lock] the rest is valid then, and fixed */
    int32_t status;
    char reason[PROCESS_REASON_SIZE]; /* for people */
};

/* The status of a process that did not end by itself. */
enum { PROCESS_STATUS_FAULT = 128, PROCESS_STATUS_KILLED = 137 };

/* How to start a program. */
struct process_start {
    const char *name;        /* for the log */
    const void *file;        /* ELF, static, at fixed addresses */
    uint64_t size;           /* of it */
    const char *const *argv; /* NULL: {name} */
    uint32_t argc;           /* PROCESS_ARGUMENTS_MAX at most */
    enum process_kind kind;
    struct file *const *files; /* its descriptors from 0 on; an entry that is NULL: the console */
    uint32_t file_count;       /* at least 0, 1 and 2 are the console where there are fewer */
    const struct boot_module *const *boot_files; /* what a worker can open of /boot */
    uint32_t boot_file_count;                    /* PROCESS_BOOT_FILES_MAX at most */
};

/* Load it and let it run; the caller's reference to it. NULL: malformed, or no memory (logged).
 * Each of the files gets a reference more. Thread context. */
struct process *process_start(const struct process_start *s);

/* One reference to @p less. */
void process_put(struct process *p);

/* Sleep until @p has ended; its status. @p stays the caller's. */
int32_t process_wait(struct process *p);

/* End @p, wherever it is: it gives up what it waits for and never sees ring 3 again. Does not wait.
 * Any context. Harmless if it has ended. */
void process_kill(struct process *p);

/* The same for the process with that ID: 0, or -ESRCH. */
int64_t process_kill_id(uint64_t id);

/* End the calling process. @reason is for people; NULL: it did it itself. */
_Noreturn void process_exit(int32_t status, const char *reason);

/* An exception that ring 3 caused at @f; @address is CR2. Does not return to ring 3. */
void process_exception(struct trap_frame *f, uint64_t address);

/* End the calling process if somebody has killed it: before every return to ring 3. Interrupts off.
 */
void process_leave_kernel(void);

/* The caller's. */
struct process *process_current(void);

#endif
