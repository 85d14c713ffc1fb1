/* SPDX-License-Identifier: MIT */
/* root/proc/path.h - what a path names, and whether a process may open it. */
#ifndef ROOT_PROC_PATH_H
#define ROOT_PROC_PATH_H

#include <stdint.h>
#include "proc/file.h"

struct process;

/* A path and its NUL. */
enum { PATH_SIZE = 128 };

/* Open @path for @p: 0 and a file with one reference in *@f. EACCES: not for this process,
 * whether it is there or not. */
int64_t path_open(const struct process *p, const char *path, uint32_t flags, struct file **f);

#endif
