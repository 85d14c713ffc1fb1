/* SPDX-License-Identifier: MIT */
/* debug/stop.h - suspend each child at its k-th exit, to prove that its parent can take it back
 * from there.
 *
 * boot.cfg: hvdebug = stop[,seed=N][,max=N]. For each child partition but the first, which may watch
 * the others, k is drawn from 1 to max (200) by the seed (1) and the number of the partition, and
 * with it whether the VP of that exit stops alone or all VPs do. They are suspended as by
 * HvRegisterExplicitSuspend before that exit is handled: what it does to others (a message, an
 * INIT) is left waiting. When the parent finalizes the partition, the log says in which state it
 * is. */
#ifndef DEBUG_STOP_H
#define DEBUG_STOP_H

#include <stdbool.h>
#include <stdint.h>

struct partition;
struct vp;
struct vp_exit;

/* What a partition keeps for this. */
struct stop_record {
    uint32_t exits;   /* [a] of all its VPs */
    uint64_t rip;     /* before the k-th exit; this and .vp are written before .begun */
    uint32_t vp;      /* its index */
    uint32_t reason;  /* this and .mid_rep are written before .reached */
    bool mid_rep;     /* a rep hypercall that will go on */
    bool begun;       /* [a] */
    bool reached;     /* [a] */
};

/* @seed and @max: from boot.cfg; 0: the defaults. */
void stop_init(uint64_t seed, uint32_t max);

/* Around the handling of each exit of @vp: stop it if it is the one, and note how it ended. On the
 * VP's LP. */
void stop_before(struct vp *vp);
void stop_after(const struct vp *vp, const struct vp_exit *exit);

/* @p is about to be taken apart. [p] */
void stop_report(struct partition *p);

#endif
