/* SPDX-License-Identifier: MIT */
/* root/proc/path.c - see path.h. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "proc/boot_files.h"
#include "proc/devices.h"
#include "proc/path.h"
#include "proc/process.h"

/* A worker has the files that its child is made of, and cannot tell what else there is: the other
 * children's definitions, kernels and initial RAM disks are in the same folder. */
static bool may_open_boot(const struct process *p, const char *path)
{
    const struct boot_module *m;

    if (p->kind == PROCESS_SYSTEM)
        return true;
    m = boot_module_of(path);
    for (uint32_t i = 0; m != NULL && i < p->boot_file_count; i++)
        if (p->boot_files[i] == m)
            return true;
    return false;
}

int64_t path_open(const struct process *p, const char *path, uint32_t flags, struct file **f)
{
    const struct file_operations *device;

    if ((flags & OPEN_ACCESS_MASK) > OPEN_READ_WRITE)
        return -EINVAL;
    if (boot_path_is(path))
        return may_open_boot(p, path) ? boot_open(path, flags, f) : -EACCES;
    device = device_find(path);
    if (device == NULL)
        return -ENOENT;
    if (p->kind != PROCESS_SYSTEM)
        return -EACCES;
    if ((flags & OPEN_DIRECTORY) != 0)
        return -ENOTDIR;
    *f = file_create(device, NULL, flags);
    return *f != NULL ? 0 : -ENOMEM;
}
