/* SPDX-License-Identifier: MIT */
/* root/proc/process.c - see process.h. */
#include <rt/format.h>
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "cpu/cpu.h"
#include "cpu/fpu.h"
#include "cpu/trap.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/devices.h"
#include "proc/elf_load.h"
#include "proc/process.h"
#include "proc/start_frame.h"
#include "sched/sched.h"

#define STACK_TOP  0x00007ffffff00000ull
#define STACK_SIZE (64 * PAGE_SIZE)
#define PAGES_MAX  (1ull << 16) /* 256 MiB for each process */

enum { CONSOLE_FILES = 3 };

/* Lock order: this one before a run queue's; a process's ended_queue.lock is not taken under it. */
static struct {
    struct spinlock lock;
    struct list all; /* [lock] processes with a thread */
} table = {.all = {&table.all, &table.all}};

struct process *process_current(void)
{
    return thread_current()->process;
}

void process_leave_kernel(void)
{
    if (!thread_killed())
        return;
    insn_sti();
    process_exit(PROCESS_STATUS_KILLED, "killed");
}

/* A process's thread starts here, in ring 0, and leaves for ring 3. */
static void process_begin(void *argument)
{
    struct process *p = argument;
    struct trap_frame f = {
        .rip = p->entry,
        .cs = SELECTOR_USER_CODE,
        .rflags = RFLAGS_IF | RFLAGS_RESERVED1,
        .rsp = p->stack,
        .ss = SELECTOR_USER_DATA,
    };

    insn_cli();
    process_leave_kernel();
    trap_return(&f);
}

/* ---- making one ---- */

static const char *fill_memory(struct process *p, const struct process_start *s)
{
    const char *const own_name[] = {p->name};
    struct elf_loaded elf;
    const char *wrong = elf_load(p->space, s->file, s->size, &elf);

    if (wrong != NULL)
        return wrong;
    if (space_map(p->space, STACK_TOP - STACK_SIZE, STACK_SIZE, SPACE_READ | SPACE_WRITE) < 0)
        return "no memory for the stack";
    p->space->brk_base = elf.end;
    p->space->brk = elf.end;
    p->entry = elf.entry;
    p->stack = start_frame_write(p->space, STACK_TOP, s->argv != NULL ? s->argv : own_name,
                                 s->argv != NULL ? s->argc : 1, &elf);
    return p->stack != 0 ? NULL : "its arguments are too long";
}

/* @console gets as many references as there are descriptors of it. */
static bool fill_files(struct process *p, const struct process_start *s, struct file *console)
{
    for (uint32_t fd = 0; fd < s->file_count || fd < CONSOLE_FILES; fd++) {
        bool given = fd < s->file_count && s->files[fd] != NULL;
        struct file *f = file_get(given ? s->files[fd] : console);

        if (file_install(&p->files, f) < 0) {
            file_put(f);
            return false;
        }
    }
    return true;
}

static const char *process_fill(struct process *p, const struct process_start *s)
{
    struct file *console = file_create(&dev_console, NULL, OPEN_READ_WRITE);
    bool filled = console != NULL && fill_files(p, s, console);

    file_put(console);
    if (!filled)
        return "no memory for its files";
    p->space = space_create(PAGES_MAX);
    return p->space != NULL ? fill_memory(p, s) : "no memory";
}

static void table_add(struct process *p, struct thread *t)
{
    uint64_t flags = spin_lock(&table.lock);

    p->thread = t;
    list_push_back(&table.all, &p->link);
    spin_unlock(&table.lock, flags);
}

static bool process_launch(struct process *p)
{
    struct thread *t = thread_create(p->name, process_begin, p, -1);

    if (t == NULL)
        return false;
    t->fpu = fpu_create();
    if (t->fpu == NULL) {
        thread_discard(t);
        return false;
    }
    t->process = p;
    p->id = t->id;
    p->references++; /* the thread's */
    table_add(p, t);
    thread_launch(t);
    return true;
}

static struct process *process_create(const struct process_start *s)
{
    struct process *p = kalloc(sizeof(*p));

    BUG_ON(s->boot_file_count > PROCESS_BOOT_FILES_MAX);
    if (p == NULL)
        return NULL;
    rt_strlcpy(p->name, s->name, sizeof(p->name));
    p->kind = s->kind;
    p->boot_file_count = s->boot_file_count;
    for (uint32_t i = 0; i < s->boot_file_count; i++)
        p->boot_files[i] = s->boot_files[i];
    p->references = 1;
    list_init(&p->link);
    wait_queue_init(&p->ended_queue);
    return p;
}

void process_put(struct process *p)
{
    if (__atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    file_close_all(&p->files);
    if (p->space != NULL)
        space_destroy(p->space);
    kfree(p);
}

struct process *process_start(const struct process_start *s)
{
    struct process *p = process_create(s);
    const char *wrong = p != NULL ? process_fill(p, s) : "no memory";

    if (wrong == NULL && !process_launch(p))
        wrong = "no memory for its thread";
    if (wrong == NULL)
        return p;
    log_print("process: %s: %s", s->name, wrong);
    if (p != NULL)
        process_put(p);
    return NULL;
}

/* ---- its end ---- */

static bool has_ended(void *context)
{
    return ((const struct process *)context)->ended;
}

int32_t process_wait(struct process *p)
{
    wait_until(&p->ended_queue, has_ended, p);
    return p->status;
}

static void kill_locked(struct process *p)
{
    if (p->thread != NULL)
        thread_kill(p->thread);
}

void process_kill(struct process *p)
{
    uint64_t flags = spin_lock(&table.lock);

    kill_locked(p);
    spin_unlock(&table.lock, flags);
}

int64_t process_kill_id(uint64_t id)
{
    uint64_t flags = spin_lock(&table.lock);
    int64_t result = -ESRCH;

    LIST_FOR_EACH (l, &table.all) {
        struct process *p = container_of(l, struct process, link);

        if (p->id != id)
            continue;
        kill_locked(p);
        result = 0;
        break;
    }
    spin_unlock(&table.lock, flags);
    return result;
}

static void table_remove(struct process *p)
{
    uint64_t flags = spin_lock(&table.lock);

    p->thread = NULL;
    list_remove(&p->link);
    spin_unlock(&table.lock, flags);
}

/* Take all that the process has: its files' and lenders' ends may sleep. */
static void give_back(struct process *p)
{
    uint64_t flags = interrupts_off();

    thread_current()->process = NULL;
    space_switch(this_cpu(), NULL);
    interrupts_restore(flags);
    file_close_all(&p->files);
    space_destroy(p->space);
    p->space = NULL;
}

static void announce_end(struct process *p, int32_t status, const char *reason)
{
    uint64_t flags;

    if (reason == NULL)
        log_print("process: %s (%u): exit status %d", p->name, p->id, status);
    else if (status != PROCESS_STATUS_FAULT) /* which has been dumped */
        log_print("process: %s (%u): %s", p->name, p->id, reason);
    flags = spin_lock(&p->ended_queue.lock);
    p->status = status;
    rt_strlcpy(p->reason, reason != NULL ? reason : "ended", sizeof(p->reason));
    p->ended = true;
    wake_all_locked(&p->ended_queue);
    spin_unlock(&p->ended_queue.lock, flags);
}

void process_exit(int32_t status, const char *reason)
{
    struct process *p = process_current();

    table_remove(p);
    give_back(p);
    announce_end(p, status, reason);
    process_put(p);
    thread_exit();
}

void process_exception(struct trap_frame *f, uint64_t address)
{
    struct process *p = process_current();
    char reason[PROCESS_REASON_SIZE];

    log_print("process: %s: %s at %#lx, address %#lx: ended", p->name, trap_name(f->vector), f->rip,
              address);
    trap_dump(f);
    insn_sti();
    rt_snprintf(reason, sizeof(reason), "%s at %#lx", trap_name(f->vector), f->rip);
    process_exit(PROCESS_STATUS_FAULT, reason);
}
