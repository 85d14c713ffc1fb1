/* SPDX-License-Identifier: MIT */
/* root/proc/devices.h - the device files that have files of their own. */
#ifndef ROOT_PROC_DEVICES_H
#define ROOT_PROC_DEVICES_H

#include "proc/file.h"

extern const struct device dev_root; /* rootabi/root.h */
extern const struct device dev_vm;   /* rootabi/vm.h */
extern const struct device dev_disk; /* rootabi/disk.h */

#endif
