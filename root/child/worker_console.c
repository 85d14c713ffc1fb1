/* SPDX-License-Identifier: MIT */
/* root/child/worker_console.c - see worker_console.h. */
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include <rt/mem.h>
#include "child/worker_console.h"
#include "lib/line.h"
#include "lib/log_limit.h"
#include "log.h"
#include "mm/memory.h"
#include "proc/file.h"
#include "sched/thread.h"
#include "sched/time.h"

struct worker_console {
    struct spinlock lock;
    char name[VM_NAME_SIZE];                /* [I] the child's */
    struct log_limit limit;                 /* [lock] of lines */
    uint32_t length;                        /* [lock] of the line that has begun */
    char text[WORKER_CONSOLE_LINE_MAX + 1]; /* [lock] */
};

/* With the lock, so with interrupts off: root's consoles do not let anybody wait then, and a worker
 * that is killed is at once at its end. */
static void end_line_locked(struct worker_console *w)
{
    uint32_t dropped;

    w->text[w->length] = '\0';
    w->length = 0;
    if (!log_limit_take(&w->limit, time_now(), &dropped))
        return;
    if (dropped != 0)
        log_print("[%s] vmwp: %u lines dropped", w->name, dropped);
    line_make(w->text, sizeof(w->text));
    log_print("[%s] vmwp: %s", w->name, w->text);
}

/* Up to the end of a line, or of @size bytes: how many these are. */
static size_t put(struct worker_console *w, const char *text, size_t size)
{
    uint64_t flags = spin_lock(&w->lock);
    size_t n = 0;
    bool whole = false;

    while (n < size && !whole) {
        char c = text[n++];

        if (c == '\0')
            c = '?';
        if (c != '\n')
            w->text[w->length++] = c;
        whole = c == '\n' || w->length == WORKER_CONSOLE_LINE_MAX;
    }
    if (whole)
        end_line_locked(w);
    spin_unlock(&w->lock, flags);
    return n;
}

static int64_t write_lines(struct file *f, const char *text, size_t size)
{
    for (size_t done = 0; done < size;)
        done += put(f->object, text + done, size - done);
    return (int64_t)size;
}

/* What it said last, without an end of the line, and how much it would have said. */
static void release(struct file *f)
{
    struct worker_console *w = f->object;
    uint64_t flags = spin_lock(&w->lock);

    if (w->length != 0)
        end_line_locked(w);
    if (w->limit.dropped != 0)
        log_print("[%s] vmwp: %u lines dropped", w->name, w->limit.dropped);
    spin_unlock(&w->lock, flags);
    kfree(w);
}

static const struct file_operations worker_console_operations = {
    .name = "worker's console",
    .write = write_lines,
    .release = release,
};

struct file *worker_console_create(const char *name)
{
    struct worker_console *w = kalloc(sizeof(*w));
    struct file *f;

    if (w == NULL)
        return NULL;
    rt_strlcpy(w->name, name, sizeof(w->name));
    log_limit_init(&w->limit, WORKER_CONSOLE_BURST, time_now());
    f = file_create(&worker_console_operations, w, OPEN_WRITE);
    if (f == NULL)
        kfree(w);
    return f;
}
