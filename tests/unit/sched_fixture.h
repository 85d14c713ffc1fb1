/* SPDX-License-Identifier: MIT */
/* sched_fixture.h - the shipped scheduler on LPs and VPs that exist only for it. Time is the test's;
 * each thread acts as one LP at a time. */
#ifndef SCHED_FIXTURE_H
#define SCHED_FIXTURE_H

#include "core/partition.h"
#include "core/pcpu.h"
#include "core/vp.h"

#define WORLD_LPS        4u
#define WORLD_PARTITIONS 3u
#define WORLD_VPS        32u
#define SLICE            1000u /* ticks */
#define STEP             50u   /* ticks between two looks at the clock */

struct sched_world {
    uint64_t tsc; /* [a] */
    struct pcpu lps[WORLD_LPS];
    struct partition partitions[WORLD_PARTITIONS];  /* 0: root */
    struct vp *vps[WORLD_VPS];                      /* children's, in order of creation */
    struct vp *tables[WORLD_PARTITIONS][WORLD_VPS]; /* of the partitions */
    struct vp *root_vps[WORLD_LPS];
    uint64_t stats[8]; /* of all VPs */
    uint32_t vp_count;
    uint32_t kicks[WORLD_LPS]; /* [a] */
};
extern struct sched_world world;

/* A fresh world of @lps LPs that do nothing, root's VPs blocked; this is LP 0. */
void world_init(uint32_t lps);
void world_free(void);

/* As set-up and tear-down of a test of one LP, or two. */
int world_one(void **state);
int world_two(void **state);
int world_clean(void **state);
#define ON(lps, f) cmocka_unit_test_setup_teardown(f, world_##lps, world_clean)

/* This thread goes on as LP @lp. */
struct pcpu *world_lp(uint32_t lp);

/* A new VP of partition @partition (1, 2) on LP @lp, with @weight, blocked. */
struct vp *world_vp(uint32_t partition, uint32_t lp, uint32_t weight);

/* The same, woken. */
struct vp *awake(uint32_t partition, uint32_t lp, uint32_t weight);

/* Partition @partition gets a cap and a reserve, in permille of an LP; its VPs of now and later.
 * False: it is refused. */
bool world_limit(uint32_t partition, uint32_t cap, uint32_t reserve);

/* All LPs run their VPs, which never block, for @ticks. */
void world_run(uint64_t ticks);

/* The VP on this thread's LP goes away, and another comes. */
struct vp *world_next(bool block);

/* @vp has had @permille of @ticks, give or take @off. */
void assert_share(const struct vp *vp, uint64_t permille, uint64_t ticks, uint64_t off);

#endif
