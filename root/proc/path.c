/* SPDX-License-Identifier: MIT */
/* root/proc/path.c - see path.h. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "proc/boot_files.h"
#include "proc/devices.h"
#include "proc/path.h"
#include "proc/process.h"

int64_t path_open(const struct process *p, const char *path, uint32_t flags, struct file **f)
{
    const struct file_operations *device;

    if ((flags & OPEN_ACCESS_MASK) > OPEN_READ_WRITE)
        return -EINVAL;
    if (boot_path_is(path))
        return boot_open(path, flags, f);
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
