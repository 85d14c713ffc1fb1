/* SPDX-License-Identifier: MIT */
/* root/proc/syscall_memory.c - system calls on a process's memory. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/process.h"
#include "proc/syscalls.h"

#define PROTECTIONS (MMAP_PROT_READ | MMAP_PROT_WRITE | MMAP_PROT_EXEC)
#define FLAGS       (MMAP_SHARED | MMAP_PRIVATE | MMAP_FIXED | MMAP_FIXED_NOREPLACE | MMAP_ANONYMOUS | \
                     MMAP_NORESERVE)

/* SPACE_* for PROT_*; what can be written is never code. */
static int64_t access_of(uint64_t protection, uint32_t *access)
{
    if ((protection & ~(uint64_t)PROTECTIONS) != 0)
        return -EINVAL;
    if ((protection & MMAP_PROT_WRITE) != 0 && (protection & MMAP_PROT_EXEC) != 0)
        return -EACCES;
    *access = ((protection & MMAP_PROT_READ) != 0 ? SPACE_READ : 0u) |
              ((protection & MMAP_PROT_WRITE) != 0 ? SPACE_WRITE : 0u) |
              ((protection & MMAP_PROT_EXEC) != 0 ? SPACE_EXECUTE : 0u);
    return 0;
}

/* The file that @fd and its access mode allow @m to map, with one reference more. */
static int64_t mapped_file(const struct process *p, uint64_t fd, const struct file_mmap *m,
                           struct file **f)
{
    const struct file_operations *ops;
    uint32_t mode;

    if (m->offset % PAGE_SIZE != 0 || m->size == 0)
        return -EINVAL;
    if ((m->access & SPACE_READ) == 0 || (m->access & SPACE_EXECUTE) != 0)
        return -EACCES;
    if ((m->access & SPACE_WRITE) != 0 && !m->shared)
        return -EACCES;
    *f = file_of(&p->files, fd);
    if (*f == NULL)
        return -EBADF;
    ops = (*f)->ops;
    mode = (*f)->flags & OPEN_ACCESS_MASK;
    if (ops->mmap != NULL && mode != OPEN_WRITE &&
        (mode == OPEN_READ_WRITE || (m->access & SPACE_WRITE) == 0))
        return 0;
    file_put(*f);
    return ops->mmap == NULL ? -ENODEV : -EACCES;
}

static int64_t map_file(const struct process *p, uint64_t fd, const struct file_mmap *m)
{
    struct file *f;
    int64_t result = mapped_file(p, fd, m, &f);

    if (result == 0) {
        result = f->ops->mmap(f, m);
        file_put(f);
    }
    return result;
}

int64_t sys_mmap(struct process *p, const uint64_t *a)
{
    const uint64_t size = a[1], flags = a[3], kind = flags & (MMAP_SHARED | MMAP_PRIVATE);
    struct file_mmap m = {.space = p->space, .size = size, .offset = a[5]};
    int64_t result = access_of(a[2], &m.access);

    if (result < 0)
        return result;
    if ((flags & ~(uint64_t)FLAGS) != 0 || (kind != MMAP_SHARED && kind != MMAP_PRIVATE))
        return -EINVAL;
    if ((flags & (MMAP_FIXED | MMAP_FIXED_NOREPLACE)) != 0) {
        m.address = a[0];
        if (m.address == 0)
            return -EINVAL;
        m.access |= (flags & MMAP_FIXED_NOREPLACE) != 0 ? 0u : SPACE_REPLACE;
    }
    m.shared = kind == MMAP_SHARED;
    if ((flags & MMAP_ANONYMOUS) == 0)
        return map_file(p, a[4], &m);
    return m.shared ? -EINVAL : space_map(p->space, m.address, size, m.access);
}

int64_t sys_munmap(struct process *p, const uint64_t *a)
{
    return space_unmap(p->space, a[0], a[1]);
}

int64_t sys_mprotect(struct process *p, const uint64_t *a)
{
    uint32_t access;
    int64_t result = access_of(a[2], &access);

    return result < 0 ? result : space_protect(p->space, a[0], a[1], access);
}

/* All of it is advice: memory is given and taken back at once. */
int64_t sys_madvise(struct process *p, const uint64_t *a)
{
    (void)p;
    return a[0] % PAGE_SIZE != 0 ? -EINVAL : 0;
}

int64_t sys_brk(struct process *p, const uint64_t *a)
{
    return (int64_t)space_brk(p->space, a[0]);
}
