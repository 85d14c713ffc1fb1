/* SPDX-License-Identifier: MIT */
/* tests/fuzz/root_locks.h - root's locks and queues for a target of one thread: what is locked
 * twice, waited for in vain or woken with a lock held is a finding. */
#ifndef FUZZ_ROOT_LOCKS_H
#define FUZZ_ROOT_LOCKS_H

unsigned locks_held(void);

#endif
