/* SPDX-License-Identifier: MIT */
/* root/proc/devices.c - the list of device files. */
#include <rt/mem.h>
#include "proc/devices.h"

const struct file_operations *device_find(const char *path)
{
    static const struct file_operations *const devices[] = {&dev_console, &dev_root, &dev_vm,
                                                            &dev_disk, &dev_net};

    for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
        if (strcmp(devices[i]->name, path) == 0)
            return devices[i];
    return NULL;
}
