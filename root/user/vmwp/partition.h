/* SPDX-License-Identifier: MIT */
/* vmwp/partition.h - the calls of the partition file (rootabi/partition.h), for this worker's only
 * partition. A call that cannot fail on a partition that lives ends the worker: its child is over. */
#ifndef USER_VMWP_PARTITION_H
#define USER_VMWP_PARTITION_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/message.h>
#include <rootabi/partition.h>
#include <rootabi/vm.h>
#include "vmwp/ram.h"

struct partition {
    int file; /* [I] */
    struct partition_info info;  /* [I] */
    struct guest_ram ram;        /* [I] */
    const uint8_t *intercepts;   /* [I] a page for each VP */
};

/* Learn what the partition is, and map its memory. NULL, or what could not be done. */
const char *partition_open(struct partition *p, int file);

/* What VP @vp stands in. */
const struct hv_message *partition_message(const struct partition *p, uint32_t vp);

bool partition_registers_get(const struct partition *p, uint32_t vp, struct hv_register_assoc *list,
                             uint32_t count);
bool partition_registers_set(const struct partition *p, uint32_t vp,
                             const struct hv_register_assoc *list, uint32_t count);

/* HvTranslateGva*; *@gpa is set if it is _Success. */
uint32_t partition_translate(const struct partition *p, uint32_t vp, uint64_t gva, bool write,
                             uint64_t *gpa);

void partition_interrupt(const struct partition *p, const struct partition_interrupt *interrupt);

/* The child is over: VM_END_*. */
void partition_end(const struct partition *p, uint32_t end, uint32_t status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
