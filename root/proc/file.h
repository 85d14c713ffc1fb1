/* SPDX-License-Identifier: MIT */
/* root/proc/file.h - open files: what a process's descriptors, and mappings of a file's memory,
 * refer to. A file belongs to an object of the kernel (a device, a socket, a partition), which is
 * told by `release` when nobody refers to the file any more.
 *
 * Handlers never see ring 3's addresses: reads and writes go through kernel buffers, and an ioctl's
 * structure is copied in before its handler and out after it. They are called in thread context of
 * the process that calls, may sleep, and should do so killably (sched/thread.h). Processes may share
 * a file: handlers protect what they change. Results are Linux's: 0 or more, or a negative number
 * of rootabi/errno.h. A handler that is NULL is not possible, and says so by the usual number. */
#ifndef ROOT_PROC_FILE_H
#define ROOT_PROC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_space;
struct file;
struct root_stat;
struct user_vector;
struct watch;

/* @argument is a kernel copy of the structure that the command's number names; 0 or a negative
 * error number. It is copied back only after 0. */
struct file_ioctl {
    uint32_t command;
    int64_t (*handle)(struct file *f, void *argument);
};

/* What ring 3 has asked of mmap; the file's access mode allows it. */
struct file_mmap {
    struct address_space *space;
    uint64_t address; /* 0: anywhere */
    uint64_t size;    /* more than 0 */
    uint64_t offset;  /* a multiple of the page size */
    uint32_t access;  /* SPACE_READ, perhaps SPACE_WRITE, SPACE_REPLACE; never SPACE_EXECUTE */
    bool shared;      /* MAP_SHARED; SPACE_WRITE never comes without it */
};

/* An entry of a directory. */
struct file_entry {
    const char *name; /* lives as long as the file */
    uint64_t inode;
    bool directory;
};

struct file_operations {
    const char *name;   /* for people */
    size_t message_max; /* not 0: a read or a write is one message of at most so many bytes */
    int64_t (*read)(struct file *f, char *buffer, size_t size);
    int64_t (*write)(struct file *f, const char *buffer, size_t size);
    const struct file_ioctl *ioctls;
    uint32_t ioctl_count;
    int64_t (*mmap)(struct file *f, const struct file_mmap *m); /* the address: see mm/space.h */
    /* POLL* that hold now. First it adds to @w the queue that is woken when any begins to hold, one
     * at most. NULL: reads and writes never sleep. */
    uint32_t (*poll)(struct file *f, struct watch *w);
    int64_t (*seek)(struct file *f, int64_t offset, uint32_t whence);
    void (*stat)(struct file *f, struct root_stat *s); /* fills what is not 0 */
    bool (*entry)(struct file *f, uint64_t index, struct file_entry *e); /* false: no more */
    void (*release)(struct file *f); /* the last reference is gone; thread context, may sleep */
};

struct file {
    const struct file_operations *ops; /* [I] */
    void *object;                      /* [I] whose file it is */
    uint32_t references;               /* [a] */
    uint32_t flags;                    /* [I] OPEN_READ..OPEN_READ_WRITE, OPEN_NONBLOCK */
    uint64_t position;                 /* [a] for files that have one */
};

/* A file of @object with one reference, the caller's. NULL: no memory; nothing is released. */
struct file *file_create(const struct file_operations *ops, void *object, uint32_t flags);

/* One reference more; @f itself. Any context. */
struct file *file_get(struct file *f);

/* One reference less. Thread context, no lock held that release may want; NULL is nothing. */
void file_put(struct file *f);

/* POLL* that hold now, as the operation says. */
uint32_t file_poll(struct file *f, struct watch *w);

/* The rest of the system calls' work on a file; results as theirs. */
int64_t file_read(struct file *f, struct user_vector *v);
int64_t file_write(struct file *f, struct user_vector *v);
int64_t file_ioctl(struct file *f, uint64_t command, uint64_t argument);
int64_t file_seek(struct file *f, uint64_t offset, uint64_t whence);
int64_t file_stat(struct file *f, struct root_stat *s);
int64_t file_entries(struct file *f, uint64_t buffer, uint64_t size);

#endif
