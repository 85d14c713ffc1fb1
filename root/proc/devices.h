/* SPDX-License-Identifier: MIT */
/* root/proc/devices.h - the device files: each open is a file of its own, without an object. */
#ifndef ROOT_PROC_DEVICES_H
#define ROOT_PROC_DEVICES_H

#include "proc/file.h"

extern const struct file_operations dev_console;
extern const struct file_operations dev_root; /* rootabi/root.h */
extern const struct file_operations dev_vm;   /* rootabi/vm.h */
extern const struct file_operations dev_disk; /* rootabi/disk.h */
extern const struct file_operations dev_net;  /* rootabi/net.h */

/* The device file of that path; NULL: there is none. */
const struct file_operations *device_find(const char *path);

#endif
