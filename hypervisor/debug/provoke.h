/* SPDX-License-Identifier: MIT */
/* debug/provoke.h - bugs on demand, to prove that the dump tells the truth.
 *
 * boot.cfg: hvdebug = KIND[,lp=N][,context=root|child]. KIND: panic, assert, fault, lock. The bug
 * happens at the first exit on LP N (0) of a VP of root (or of a child). */
#ifndef DEBUG_PROVOKE_H
#define DEBUG_PROVOKE_H

#include <stdbool.h>

struct pcpu;
struct vp;

/* @options: boot_info.options, or NULL. Unknown words are logged and ignored. */
void provoke_init(const char *options);

extern bool provoke_armed; /* [I] */
void provoke(const struct pcpu *cpu, const struct vp *vp);

#endif
