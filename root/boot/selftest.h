/* SPDX-License-Identifier: MIT */
/* root/boot/selftest.h - what only the running kernel can prove about its threads, time and memory,
 * and bugs on demand.
 *
 * boot.cfg: selftest = yes prints one "PASS fact" or "FAIL fact" a line. rootdebug =
 * KIND[,lp=N][,child=NAME] makes the bug happen in a thread on LP N (0), once root is up, or once the
 * child of that name runs; KIND: panic, assert, fault, overflow (of a kernel stack), triple (fault),
 * frame (pointer that leads nowhere), dump (that itself faults), intrude (into the hypervisor's
 * memory). rootdebug = late: the second processor comes after it was given up. */
#ifndef ROOT_BOOT_SELFTEST_H
#define ROOT_BOOT_SELFTEST_H

#include <stdbool.h>

/* Do what the options ask for, else nothing. Thread context, all CPUs up. */
void selftest_run(void);
/* Does boot.cfg say selftest = yes? */
bool selftest_wanted(void);
void provoke_run(void);

/* Is the processor that is started now to come too late? Once true. */
bool provoke_late_cpu(void);

#endif
