/* SPDX-License-Identifier: MIT */
/* root/proc/boot_files.h - /boot: a folder with the boot modules, to be read and mapped by anybody. */
#ifndef ROOT_PROC_BOOT_FILES_H
#define ROOT_PROC_BOOT_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "proc/file.h"

/* Whether @path is /boot or below it. */
bool boot_path_is(const char *path);

/* Open it: 0 and a file with one reference in *@f; ENOENT, ENOTDIR, EROFS, ENOMEM. */
int64_t boot_open(const char *path, uint32_t flags, struct file **f);

#endif
