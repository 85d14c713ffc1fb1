/* SPDX-License-Identifier: MIT */
/* debug/provoke.h - bugs on demand, to prove that the dump tells the truth.
 *
 * boot.cfg: hvdebug = KIND[,lp=N][,context=root|child]. The bug happens at the first exit on LP N (0)
 * of a VP of root (or of a child). KIND: panic, assert, fault (a stray one), lock (a wait without end,
 * for which the watchdog is given less patience), overflow (of the stack), log (a fault with the log's
 * lock held), dump (a fault within the dump). KIND stop is no bug: debug/stop.h; nor is ticks: statistics
 * pages count ticks in guest mode (hvabi/stats.h). */
#ifndef DEBUG_PROVOKE_H
#define DEBUG_PROVOKE_H

#include <stdbool.h>

struct pcpu;
struct vp;
struct vp_exit;

/* @options: boot_info.options, or NULL. Unknown words are logged and ignored. */
void provoke_init(const char *options);

extern bool provoke_armed; /* [I] */
extern bool provoke_ticks; /* [I] */
/* Before and after vp_exit_handle, if armed. */
void provoke_before(const struct pcpu *cpu, struct vp *vp);
void provoke_after(const struct vp *vp, const struct vp_exit *exit);

#endif
