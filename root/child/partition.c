/* SPDX-License-Identifier: MIT */
/* root/child/partition.c - see root/child/partition.h: what the calls of a partition file are in
 * terms of child/worker.h, and its memory. A file's object is its child, which it has in hand. */
#include "child/partition.h"

#include <rootabi/errno.h>
#include <rootabi/partition.h>
#include <rootabi/syscall.h>
#include "child/child.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/file.h"
#include "proc/process.h"
#include "sched/watch.h"

/* ---- calls ---- */

static int64_t call_info(struct file *f, void *argument)
{
    return worker_info(f->object, argument);
}

static int64_t call_ports(struct file *f, void *argument)
{
    return worker_ports(f->object, argument);
}

static int64_t call_registers_get(struct file *f, void *argument)
{
    return worker_registers_get(f->object, argument);
}

static int64_t call_registers_set(struct file *f, void *argument)
{
    return worker_registers_set(f->object, argument);
}

static int64_t call_translate(struct file *f, void *argument)
{
    return worker_translate(f->object, argument);
}

static int64_t call_interrupt(struct file *f, void *argument)
{
    return worker_interrupt(f->object, argument);
}

static int64_t call_run(struct file *f, void *argument)
{
    (void)argument;
    return worker_run(f->object);
}

static int64_t call_pause(struct file *f, void *argument)
{
    (void)argument;
    return worker_pause(f->object, true);
}

static int64_t call_resume(struct file *f, void *argument)
{
    (void)argument;
    return worker_pause(f->object, false);
}

static int64_t call_next(struct file *f, void *argument)
{
    struct partition_next *a = argument;
    struct file *wake = NULL;
    int64_t result;

    if (a->wake_fd >= 0) {
        wake = file_of(&process_current()->files, (uint32_t)a->wake_fd);
        if (wake == NULL)
            return -EBADF;
    }
    result = worker_next(f->object, a, wake);
    file_put(wake);
    return result;
}

static int64_t call_end(struct file *f, void *argument)
{
    return worker_end_child(f->object, argument);
}

/* The search is from the front: what a worker calls most comes first. */
static const struct file_ioctl ioctls[] = {
    {PARTITION_IOCTL_NEXT, call_next},
    {PARTITION_IOCTL_INTERRUPT, call_interrupt},
    {PARTITION_IOCTL_REGISTERS_GET, call_registers_get},
    {PARTITION_IOCTL_REGISTERS_SET, call_registers_set},
    {PARTITION_IOCTL_TRANSLATE, call_translate},
    {PARTITION_IOCTL_INFO, call_info},
    {PARTITION_IOCTL_PORTS, call_ports},
    {PARTITION_IOCTL_RUN, call_run},
    {PARTITION_IOCTL_PAUSE, call_pause},
    {PARTITION_IOCTL_RESUME, call_resume},
    {PARTITION_IOCTL_END, call_end},
};

/* ---- memory ---- */

/* Whoever maps some of a child's memory has a file of this kind, whose object is the memory: it stays
 * when the child and its file have gone. */
static void memory_release(struct file *f)
{
    ram_put(f->object);
}

static const struct file_operations memory_operations = {
    .name = "memory of a child",
    .release = memory_release,
};

/* A stretch of it. */
struct stretch {
    const struct child_ram *ram;
    uint64_t offset; /* a guest physical address, or of the single pages */
};

static uint64_t find_ram(void *context, uint64_t offset, uint64_t *length)
{
    const struct stretch *s = context;
    uint64_t gpa = s->offset + offset;

    *length = RAM_BLOCK - gpa % RAM_BLOCK;
    return ram_at(s->ram, gpa);
}

static uint64_t find_page(void *context, uint64_t offset, uint64_t *length)
{
    const struct stretch *s = context;

    *length = PAGE_SIZE;
    return ram_page(s->ram, (uint32_t)((s->offset + offset) / PAGE_SIZE));
}

static int64_t map(const struct file_mmap *m, struct file *lender)
{
    struct stretch s = {lender->object, m->offset};
    struct space_lent lent = {
        .lender = lender,
        .size = m->size,
        .access = m->access,
        .find = find_ram,
        .context = &s,
    };

    if (m->offset >= PARTITION_MAP_INTERCEPT) {
        s.offset -= PARTITION_MAP_INTERCEPT;
        lent.find = find_page;
        if (s.offset / PAGE_SIZE >= s.ram->pages ||
            m->size > s.ram->pages * PAGE_SIZE - s.offset)
            return -ENXIO;
        if ((m->access & SPACE_WRITE) != 0)
            return -EACCES;
    } else if (!ram_covers(s.ram, m->offset, m->size)) {
        return -ENXIO;
    }
    return space_map_lent(m->space, m->address, &lent);
}

static int64_t partition_mmap(struct file *f, const struct file_mmap *m)
{
    struct child_ram *r = m->shared ? child_ram_get(f->object) : NULL;
    struct file *lender;
    int64_t result;

    if (r == NULL)
        return m->shared ? -ENODEV : -EINVAL;
    lender = file_create(&memory_operations, r, OPEN_READ_WRITE);
    if (lender == NULL) {
        ram_put(r);
        return -ENOMEM;
    }
    result = map(m, lender);
    file_put(lender);
    return result;
}

/* ---- life ---- */

static uint32_t partition_poll(struct file *f, struct watch *w)
{
    struct child *c = f->object;

    watch_add(w, &c->ended);
    return child_has_ended(c) ? POLL_HANGUP : 0;
}

static void partition_release(struct file *f)
{
    struct child *c = f->object;

    child_end(c, VM_END_FAILURE, 0, "nobody has its partition file any more");
    child_put(c);
}

static const struct file_operations partition_operations = {
    .name = "partition",
    .ioctls = ioctls,
    .ioctl_count = sizeof(ioctls) / sizeof(ioctls[0]),
    .mmap = partition_mmap,
    .poll = partition_poll,
    .release = partition_release,
};

int64_t partition_create(struct vm_create *a, struct file **out)
{
    struct child *c;
    int64_t result = child_create(a, &c);

    if (result != 0)
        return result;
    *out = file_create(&partition_operations, c, OPEN_READ_WRITE);
    if (*out != NULL)
        return 0;
    child_end(c, VM_END_FAILURE, 0, "root has no memory for its partition file");
    child_put(c);
    return -ENOMEM;
}

/* A worker with the partition of another would have two. */
int64_t partition_worker(struct file *partition, struct file *control, struct vm_worker *a)
{
    if (partition->ops != &partition_operations)
        return -EBADF;
    if (control != NULL && control->ops == &partition_operations)
        return -EINVAL;
    return worker_start(partition->object, partition, control, a);
}
