/* SPDX-License-Identifier: MIT */
/* root/child/worker_process.c - the process of a worker: a child that is served by one ends when it
 * ends, and is taken back only when it is gone. A thread for each waits for that. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include <rt/format.h>
#include "boot/handoff.h"
#include "child/child.h"
#include "child/partition.h"
#include "child/worker_console.h"
#include "mm/memory.h"
#include "proc/process.h"

enum { REASON_SIZE = 96 };

/* The worker's files: standard input is there, but cannot be read. */
enum { CONSOLE_FILES = 3, WORKER_FILES = 5 };
_Static_assert((int)PARTITION_FD == (int)CONSOLE_FILES &&
                   (int)PARTITION_CONTROL_FD == (int)WORKER_FILES - 1,
               "rootabi/partition.h");

/* From now on the end of @c waits for its worker. */
static int64_t claim(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    int64_t result = c->state != CHILD_RUNNING ? -ENODEV : c->worker_came ? -EBUSY : 0;

    if (result == 0)
        c->worker_came = c->worker_runs = true;
    spin_unlock(&c->lock, flags);
    return result;
}

/* There is no worker, or no more. True: @c has begun to end before, and waits no longer for it. */
static bool unclaim(struct child *c, bool came)
{
    uint64_t flags = spin_lock(&c->lock);
    bool ending = c->state == CHILD_ENDING;

    c->worker_came = came;
    c->worker_runs = false;
    spin_unlock(&c->lock, flags);
    if (ending)
        child_stopped(c);
    return ending;
}

/* A child that has ended in the meantime has set its time of grace going, with nobody to kill. */
static void adopt(struct child *c, struct process *p)
{
    uint64_t flags = spin_lock(&c->lock);
    bool over = c->state != CHILD_RUNNING;

    c->process = p;
    spin_unlock(&c->lock, flags);
    if (over)
        process_kill(p);
}

static void describe(char *text, const struct process *p, int32_t status)
{
    if (status == PROCESS_STATUS_KILLED || status == PROCESS_STATUS_FAULT)
        rt_snprintf(text, REASON_SIZE, "its worker has ended: %s", p->reason);
    else
        rt_snprintf(text, REASON_SIZE, "its worker has ended with status %d", status);
}

static void watch_worker(void *argument)
{
    struct child *c = argument;
    char text[REASON_SIZE];

    describe(text, c->process, process_wait(c->process));
    worker_gone(c);
    if (!unclaim(c, true))
        child_end(c, VM_END_FAILURE, 0, "%s", text);
    child_put(c);
}

/* What a worker is made of, and what it is to have of /boot. */
struct program {
    const struct boot_module *module;
    const struct boot_module *files[VM_WORKER_FILES_MAX];
};
_Static_assert((int)VM_WORKER_FILES_MAX == (int)PROCESS_BOOT_FILES_MAX, "proc/process.h");

static int64_t find(struct program *p, const struct vm_worker *a)
{
    if (a->file_count > VM_WORKER_FILES_MAX)
        return -EINVAL;
    p->module = child_program(a->module);
    if (p->module == NULL)
        return -ENOENT;
    for (uint32_t i = 0; i < a->file_count; i++) {
        p->files[i] = handoff_find_module(a->files[i]);
        if (p->files[i] == NULL)
            return -ENOENT;
    }
    return 0;
}

static struct process *start(const struct child *c, struct file *partition, struct file *control,
                             const struct vm_worker *a, const struct program *program)
{
    struct file *console = worker_console_create(c->name);
    struct file *const files[WORKER_FILES] = {console, console, console, partition, control};
    const char *const argv[] = {a->module, a->argument};
    const struct process_start s = {
        .name = a->module,
        .file = phys_to_virt(program->module->base),
        .size = program->module->size,
        .argv = argv,
        .argc = sizeof(argv) / sizeof(argv[0]),
        .kind = PROCESS_WORKER,
        .files = files,
        .file_count = control != NULL ? WORKER_FILES : WORKER_FILES - 1,
        .boot_files = program->files,
        .boot_file_count = a->file_count,
    };
    struct process *p = console != NULL ? process_start(&s) : NULL;

    file_put(console);
    return p;
}

int64_t worker_start(struct child *c, struct file *partition, struct file *control,
                     struct vm_worker *a)
{
    struct program program;
    struct process *p;
    int64_t result = find(&program, a);

    if (result == 0)
        result = claim(c);
    if (result != 0)
        return result;
    p = start(c, partition, control, a, &program);
    if (p == NULL) {
        (void)unclaim(c, false);
        return -ENOEXEC;
    }
    a->process_id = p->id;
    adopt(c, p);
    if (thread_start("worker", watch_worker, child_get(c), -1) != NULL)
        return 0;
    process_kill(p);
    watch_worker(c); /* which gives back what the thread would have */
    return -ENOMEM;
}
