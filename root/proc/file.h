/* SPDX-License-Identifier: MIT */
/* root/proc/file.h - open files. Every file is a device file; what a device can do is a struct
 * device. Devices never see ring 3's addresses: reads and writes go through kernel buffers, and an
 * ioctl's structure is copied in before its handler and out after it. */
#ifndef ROOT_PROC_FILE_H
#define ROOT_PROC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @argument is a kernel copy of the structure that the command's number names; 0 or a negative
 * error number. It is copied back only after 0. */
struct device_ioctl {
    uint32_t command;
    int64_t (*handle)(void *argument);
};

struct device {
    const char *path;
    /* Bytes done, or a negative error number; NULL: not possible. May sleep. */
    int64_t (*read)(char *buffer, size_t size);
    bool (*would_sleep)(void); /* read; NULL: never */
    int64_t (*write)(const char *buffer, size_t size);
    const struct device_ioctl *ioctls;
    uint32_t ioctl_count;
};

/* The device files, and their number. */
extern const struct device *const file_devices[];
extern const uint32_t file_device_count;

enum { FILES_MAX = 32 };

/* One process's descriptors; single-threaded processes need no lock. */
struct file_table {
    const struct device *files[FILES_MAX]; /* NULL: free */
    uint16_t flags[FILES_MAX];             /* OPEN_* */
};

/* All results: as the system call's of that name. @buffer and @argument are ring-3 addresses. */
int64_t file_open(struct file_table *t, const char *path, uint32_t flags);
int64_t file_close(struct file_table *t, uint64_t fd);
int64_t file_read(struct file_table *t, uint64_t fd, uint64_t buffer, uint64_t size);
int64_t file_write(struct file_table *t, uint64_t fd, uint64_t buffer, uint64_t size);
int64_t file_ioctl(struct file_table *t, uint64_t fd, uint64_t command, uint64_t argument);

#endif
