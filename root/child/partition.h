/* SPDX-License-Identifier: MIT */
/* root/child/partition.h - partition files (rootabi/partition.h): a child that its worker reaches
 * through a file, and ends with it. */
#ifndef ROOT_CHILD_PARTITION_H
#define ROOT_CHILD_PARTITION_H

#include <stdint.h>
#include <rootabi/vm.h>

struct child;
struct file;

/* VM_IOCTL_CREATE but for the descriptor: the file, with the caller's reference, in *@out. */
int64_t partition_create(struct vm_create *a, struct file **out);

/* VM_IOCTL_WORKER, with the files that its descriptors name; @control may be NULL. */
int64_t partition_worker(struct file *partition, struct file *control, struct vm_worker *a);

/* child/worker_process.c: start a worker for @c, whose file is @partition. */
int64_t worker_start(struct child *c, struct file *partition, struct file *control,
                     struct vm_worker *a);

#endif
