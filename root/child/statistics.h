/* SPDX-License-Identifier: MIT */
/* root/child/statistics.h - counters of the hypervisor, of root's deposits and buses, and of
 * children. */
#ifndef ROOT_CHILD_STATISTICS_H
#define ROOT_CHILD_STATISTICS_H

#include <stdint.h>
#include <rootabi/vm.h>

struct child;

/* Have the hypervisor's own counters shown to root; without them they read as 0. Thread context. */
void child_statistics_init(void);

/* VM_IOCTL_STATISTIC. */
int64_t child_statistic(struct vm_statistic *a);

/* The @index-th VP of all children: its child, to be given back by child_put, and *@vp. */
struct child *child_vp_at(uint32_t index, uint32_t *vp);

#endif
