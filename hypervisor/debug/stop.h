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
    uint32_t vp;      /* of the k-th exit, as the rest; written before .reached */
    uint32_t reason;
    bool mid_rep;     /* a rep hypercall that will go on */
    bool reached;     /* [a] */
};

/* @seed and @max: from boot.cfg; 0: the defaults. */
void stop_init(uint64_t seed, uint32_t max);

/* Handle @exit of @vp, and stop if it is the one. On the VP's LP. */
void stop_exit(struct vp *vp, struct vp_exit *exit);

/* @p is about to be taken apart. [p] */
void stop_report(struct partition *p);

#endif
