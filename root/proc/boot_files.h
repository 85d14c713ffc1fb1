/* SPDX-License-Identifier: MIT */
/* root/proc/boot_files.h - /boot: a folder with the boot modules, to be read and mapped by those
 * whom proc/path.h lets. */
#ifndef ROOT_PROC_BOOT_FILES_H
#define ROOT_PROC_BOOT_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "proc/file.h"

struct boot_module;

/* Whether @path is /boot or below it. */
bool boot_path_is(const char *path);

/* The module that such a path names; NULL: it is the folder, or there is none of that name. */
const struct boot_module *boot_module_of(const char *path);

/* Open it: 0 and a file with one reference in *@f; ENOENT, ENOTDIR, EROFS, ENOMEM. */
int64_t boot_open(const char *path, uint32_t flags, struct file **f);

#endif
