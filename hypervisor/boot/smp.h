/* SPDX-License-Identifier: MIT */
/* boot/smp.h - start the other logical processors; the boot processor calls it once. */
#ifndef BOOT_SMP_H
#define BOOT_SMP_H

#include <hvabi/boot.h>
#include <stdint.h>

struct pcpu;

/* LPs that run hypervisor code; @entry of smp_start adds one when it has left the trampoline. */
extern uint32_t smp_started;

/* Start every LP of lp_table but this one: each calls @entry on its own stack. Returns when all
 * have left the trampoline; @started is called here for each that has. */
void smp_start(const struct boot_info *info, void (*entry)(struct pcpu *),
               void (*started)(uint32_t lp));

#endif
