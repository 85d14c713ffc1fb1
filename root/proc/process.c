/* SPDX-License-Identifier: MIT */
/* root/proc/process.c - see process.h. */
#include <rt/mem.h>
#include <rootabi/syscall.h>
#include "cpu/cpu.h"
#include "cpu/fpu.h"
#include "cpu/trap.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/elf_load.h"
#include "proc/process.h"
#include "sched/sched.h"

#define STACK_TOP   0x00007ffffff00000ull
#define STACK_SIZE  (64 * PAGE_SIZE)
#define PAGES_MAX   (1ull << 16) /* 256 MiB for each process */
#define DEV_CONSOLE "/dev/console"


struct process *process_current(void)
{
    return thread_current()->process;
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

    trap_return(&f);
}

/* The System V start frame: argc, argv[0], the ends of argv, envp and the auxiliary vector. */
static bool stack_fill(struct process *p)
{
    enum { WORDS = 6, NAME_ROOM = 32 };
    uint64_t name = STACK_TOP - NAME_ROOM;
    uint64_t words[WORDS] = {1, name, 0, 0, 0, 0};

    p->stack = name - sizeof(words); /* 16-byte aligned, as the ABI wants */
    return space_map(p->space, STACK_TOP - STACK_SIZE, STACK_SIZE, SPACE_READ | SPACE_WRITE) >= 0 &&
           space_write(p->space, name, p->name, sizeof(p->name)) &&
           space_write(p->space, p->stack, words, sizeof(words));
}

static const char *process_fill(struct process *p, const void *file, uint64_t size)
{
    const char *wrong;

    p->space = space_create(PAGES_MAX);
    if (p->space == NULL)
        return "no memory";
    wrong = elf_load(p->space, file, size, &p->entry);
    if (wrong != NULL)
        return wrong;
    if (!stack_fill(p))
        return "no memory for the stack";
    for (unsigned fd = 0; fd <= 2; fd++)
        if (file_open(&p->files, DEV_CONSOLE, OPEN_READ_WRITE) < 0)
            return "no console";
    return NULL;
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
    thread_launch(t);
    return true;
}

static void process_free(struct process *p)
{
    if (p->space != NULL)
        space_destroy(p->space);
    kfree(p);
}

struct process *process_start(const char *name, const void *file, uint64_t size)
{
    struct process *p = kalloc(sizeof(*p));
    const char *wrong = "no memory";

    if (p != NULL) {
        rt_strlcpy(p->name, name, sizeof(p->name));
        wait_queue_init(&p->ended_queue);
        wrong = process_fill(p, file, size);
        if (wrong == NULL && !process_launch(p))
            wrong = "no memory for its thread";
    }
    if (wrong == NULL)
        return p;
    log_print("process: %s: %s", name, wrong);
    if (p != NULL)
        process_free(p);
    return NULL;
}

static bool has_ended(void *context)
{
    return ((const struct process *)context)->ended;
}

int32_t process_wait(struct process *p)
{
    int32_t status;

    wait_until(&p->ended_queue, has_ended, p);
    status = p->status;
    process_free(p);
    return status;
}

void process_exit(int32_t status)
{
    struct process *p = process_current();
    uint64_t flags = interrupts_off();

    thread_current()->process = NULL;
    space_switch(this_cpu(), NULL);
    interrupts_restore(flags);
    space_destroy(p->space);
    p->space = NULL;
    flags = spin_lock(&p->ended_queue.lock);
    p->status = status;
    p->ended = true;
    wake_all_locked(&p->ended_queue);
    spin_unlock(&p->ended_queue.lock, flags & ~RFLAGS_IF); /* @p may be gone from here on */
    thread_exit();
}

void process_exception(struct trap_frame *f, uint64_t address)
{
    struct process *p = process_current();

    log_print("process: %s: %s at %#lx, address %#lx: ended", p->name, trap_name(f->vector), f->rip,
              address);
    trap_dump(f);
    insn_sti();
    process_exit(PROCESS_STATUS_FAULT);
}
