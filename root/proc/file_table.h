/* SPDX-License-Identifier: MIT */
/* root/proc/file_table.h - a process's file descriptors. Only its own thread, or who starts it
 * before that thread runs, uses a table: no lock. */
#ifndef ROOT_PROC_FILE_TABLE_H
#define ROOT_PROC_FILE_TABLE_H

#include <stdint.h>
#include "proc/file.h"

enum { FILES_MAX = 4096 };

struct file_table {
    struct file **files; /* NULL: free */
    uint32_t room;       /* entries allocated */
    uint32_t lowest;     /* none below is free */
};

/* Give @f, with the caller's reference, the lowest free descriptor, which is returned. -EMFILE or
 * -ENOMEM: the reference stays the caller's. */
int64_t file_install(struct file_table *t, struct file *f);

/* The file of @fd with one reference more; NULL: there is none. */
struct file *file_of(const struct file_table *t, uint64_t fd);

/* The same, but only if it is one of @ops. */
struct file *file_of_kind(const struct file_table *t, uint64_t fd,
                          const struct file_operations *ops);

/* 0, or -EBADF. */
int64_t file_close(struct file_table *t, uint64_t fd);

/* Close all; the table is empty. */
void file_close_all(struct file_table *t);

#endif
