/* SPDX-License-Identifier: MIT */
/* root/vm/operations.h - who answers /dev/vm: the part of root that speaks to the hypervisor
 * registers itself here once it has found one. */
#ifndef ROOT_VM_OPERATIONS_H
#define ROOT_VM_OPERATIONS_H

#include <stdint.h>
#include <rootabi/vm.h>

struct file;

/* Each is the ioctl of that name in rootabi/vm.h, with the structure in kernel memory and all its
 * texts NUL-terminated: 0, or a negative number of rootabi/errno.h. Thread context, may sleep. */
struct vm_operations {
    int64_t (*start)(struct vm_start *a);
    int64_t (*stop)(struct vm_stop *a);
    int64_t (*wait)(struct vm_wait *a);
    int64_t (*partition)(struct vm_partition *a);
    int64_t (*vp)(struct vm_vp *a);
    int64_t (*statistic)(struct vm_statistic *a);
    int64_t (*hash)(struct vm_hash *a);
    int64_t (*lp)(struct vm_lp *a);
    int64_t (*channel)(struct vm_channel *a);
    int64_t (*create)(struct vm_create *a, struct file **out); /* the file, instead of @a->fd */
    int64_t (*ask)(const struct vm_ask *a);
    int64_t (*integration)(struct vm_integration *a);
    int64_t (*item)(struct vm_item *a);
    int64_t (*keys)(const struct vm_keys *a);
    int64_t (*link)(const struct vm_link *a);
    /* The files that its descriptors name; @control may be NULL. */
    int64_t (*worker)(struct file *partition, struct file *control, struct vm_worker *a);
};

/* All members are set. Once; @operations stays. */
void vm_register(const struct vm_operations *operations);

#endif
