/* SPDX-License-Identifier: MIT */
/* root/proc/boot_files.c - see boot_files.h. A module's memory is never freed or written, and what
 * lies behind it in its last page is zero (boot/handoff.h): its pages are mapped as they are. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "boot/handoff.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/boot_files.h"

#define FOLDER "/boot"

enum { INODE_FOLDER = 1, INODE_MODULES, ENTRY_SELF = 0, ENTRY_PARENT, ENTRY_MODULES };

/* ---- a module ---- */

static int64_t module_read(struct file *f, char *buffer, size_t size)
{
    const struct boot_module *m = f->object;
    uint64_t at = __atomic_load_n(&f->position, __ATOMIC_RELAXED);

    if (at >= m->size)
        return 0;
    if (size > m->size - at)
        size = m->size - at;
    memcpy(buffer, (const uint8_t *)phys_to_virt(m->base) + at, size);
    __atomic_store_n(&f->position, at + size, __ATOMIC_RELAXED);
    return (int64_t)size;
}

static int64_t module_seek(struct file *f, int64_t offset, uint32_t whence)
{
    const struct boot_module *m = f->object;
    int64_t from = 0;

    if (whence == SEEK_FROM_HERE)
        from = (int64_t)__atomic_load_n(&f->position, __ATOMIC_RELAXED);
    if (whence == SEEK_FROM_END)
        from = (int64_t)m->size;
    if (__builtin_add_overflow(from, offset, &offset) || offset < 0)
        return -EINVAL;
    __atomic_store_n(&f->position, (uint64_t)offset, __ATOMIC_RELAXED);
    return offset;
}

struct window {
    uint64_t base, size; /* physical */
};

static uint64_t window_find(void *context, uint64_t offset, uint64_t *length)
{
    const struct window *w = context;

    *length = w->size - offset;
    return w->base + offset;
}

static int64_t module_mmap(struct file *f, const struct file_mmap *m)
{
    const struct boot_module *module = f->object;
    uint64_t pages = (module->size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    struct window w = {module->base + m->offset, 0};

    if ((m->access & SPACE_WRITE) != 0)
        return -EACCES;
    if (m->offset >= pages || m->size > pages - m->offset)
        return -EINVAL;
    w.size = (m->size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    return space_map_lent(m->space, m->address,
                          &(struct space_lent){
                              .lender = f,
                              .size = m->size,
                              .access = m->access,
                              .find = window_find,
                              .context = &w,
                          });
}

static uint64_t module_index(const struct boot_module *m)
{
    return (uint64_t)(m - handoff_module(0));
}

static void module_stat(struct file *f, struct root_stat *s)
{
    enum { STAT_BLOCK = 512 };
    const struct boot_module *m = f->object;

    s->mode = STAT_REGULAR | 0444;
    s->inode = INODE_MODULES + module_index(m);
    s->size = (int64_t)m->size;
    s->blocks = (int64_t)((m->size + STAT_BLOCK - 1) / STAT_BLOCK);
}

static const struct file_operations module_operations = {
    .name = "boot module",
    .read = module_read,
    .seek = module_seek,
    .mmap = module_mmap,
    .stat = module_stat,
};

/* ---- the folder ---- */

static void folder_stat(struct file *f, struct root_stat *s)
{
    (void)f;
    s->mode = STAT_DIRECTORY | 0555;
    s->inode = INODE_FOLDER;
}

static bool folder_entry(struct file *f, uint64_t index, struct file_entry *e)
{
    const struct boot_module *m;

    (void)f;
    *e = (struct file_entry){index == ENTRY_SELF ? "." : "..", INODE_FOLDER, true};
    if (index < ENTRY_MODULES)
        return true;
    m = index - ENTRY_MODULES < UINT32_MAX ? handoff_module((uint32_t)index - ENTRY_MODULES) : NULL;
    if (m == NULL)
        return false;
    *e = (struct file_entry){m->name, INODE_MODULES + module_index(m), false};
    return true;
}

static int64_t folder_seek(struct file *f, int64_t offset, uint32_t whence)
{
    if (whence != SEEK_FROM_START || offset < 0)
        return -EINVAL;
    __atomic_store_n(&f->position, (uint64_t)offset, __ATOMIC_RELAXED);
    return offset;
}

static const struct file_operations folder_operations = {
    .name = FOLDER,
    .seek = folder_seek,
    .stat = folder_stat,
    .entry = folder_entry,
};

/* ---- opening ---- */

bool boot_path_is(const char *path)
{
    size_t n = sizeof(FOLDER) - 1;

    return strncmp(path, FOLDER, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* A file's object is not const; this one is only ever read. */
static void *object_of(const struct boot_module *m)
{
    union {
        const struct boot_module *module;
        void *object;
    } u = {m};

    return u.object;
}

/* Behind the folder's; "": the folder. */
static const char *name_of(const char *path)
{
    const char *name = path + sizeof(FOLDER) - 1;

    while (*name == '/')
        name++;
    return name;
}

const struct boot_module *boot_module_of(const char *path)
{
    const char *name = name_of(path);

    return *name != '\0' ? handoff_find_module(name) : NULL;
}

int64_t boot_open(const char *path, uint32_t flags, struct file **f)
{
    const struct boot_module *m = boot_module_of(path);

    if (m == NULL && *name_of(path) != '\0')
        return -ENOENT;
    if (m != NULL && (flags & OPEN_DIRECTORY) != 0)
        return -ENOTDIR;
    if ((flags & OPEN_ACCESS_MASK) != OPEN_READ)
        return -EROFS;
    *f = file_create(m != NULL ? &module_operations : &folder_operations, object_of(m), flags);
    return *f != NULL ? 0 : -ENOMEM;
}
