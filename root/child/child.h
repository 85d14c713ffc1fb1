/* SPDX-License-Identifier: MIT */
/* root/child/child.h - children: partitions made from boot modules, watched until their end.
 *
 * A child lives from child_start to its end: it asked for it (exit port), did what nobody answers,
 * or was stopped. Then one thread takes everything back, and what remains is a record of why, until
 * the record is needed for another child. Records are in one table for good, and are not reused
 * while somebody has one in hand (child.users).
 * Locks: [t] the table's lock, a spinlock; [c] child.lock, a spinlock that interrupt handlers take;
 * [h] hv_begin; [I] fixed when it starts. Lock order: [h], [t], [c]; a bucket of the hash by id is a
 * leaf. */
#ifndef ROOT_CHILD_CHILD_H
#define ROOT_CHILD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/stats.h>
#include <hvabi/synic.h>
#include <rootabi/vm.h>
#include <rt/format.h>
#include <rt/list.h>
#include "child/doorbell.h"
#include "child/pool.h"
#include "lib/log_limit.h"
#include "sched/thread.h"

enum {
    CHILD_VPS_MAX = 240, /* the hypervisor's limit */
    CHILD_LINE_MAX = 200,
    CHILD_RAM_BLOCK_ORDER = 9, /* 2 MiB */
};
#define CHILD_RAM_BLOCK (2ull << 20)

enum child_state { CHILD_ENDED, CHILD_STARTING, CHILD_RUNNING, CHILD_ENDING };

struct child_line {
    uint32_t length;
    char text[CHILD_LINE_MAX + 1];
};

struct child {
    struct list ending;        /* [t] on the reaper's list */
    uint32_t users;            /* [a] who has the record in hand; 0: it may be reused once it ended */
    char name[VM_NAME_SIZE];   /* [I] "": never used */
    hv_partition_id id;        /* [h] 0: not yet; fixed while the child is found by it */
    struct child *next_by_id;  /* its bucket's lock */
    uint32_t vp_count;         /* [I] */
    uint32_t weight;           /* [I] 0: the hypervisor's default */
    uint64_t privileges;       /* [I] those that it has beyond every child's */
    uint64_t memory_size;      /* [I] bytes */
    uint64_t *ram;             /* [h] physical addresses of the 2 MiB blocks; [c] too, to free it */
    uint32_t ram_blocks;       /* [h] */
    struct doorbell event;     /* [h] for the events of toy guests */
    struct bus *bus;           /* [c] to change: its VMBus; NULL: it has none, or no more */
    uint32_t bus_users;        /* [c] who looks at it */
    struct child_pool pool;    /* [h] */
    bool created, initialized; /* [h] */
    struct spinlock lock;
    enum child_state state;    /* [c] */
    uint32_t end, status;      /* [c] VM_END_* */
    char reason[128];          /* [c] */
    struct child_line *lines;  /* [c] one for each VP; NULL: it has ended */
    struct log_limit log;      /* [c] of those lines */
    const void **stats_pages;  /* [h] each VP's statistics page (hvabi/stats.h), or NULL */
    struct wait_queue ended;
};

/* Set up children: registers /dev/vm. Nothing happens without a hypervisor. Thread context. */
void child_init(void);

/* Make and run a child. 0, or a negative error number; the reason is in the log. */
int64_t child_start(struct vm_start *a);

/* The child named so that has not ended, or the latest that has; the @index-th that has not ended;
 * the one of partition @id that has not ended. NULL: none. The caller gives it back by child_put.
 * child_by_id: any context; the others: threads. */
struct child *child_find(const char *name);
struct child *child_at(uint32_t index);
struct child *child_by_id(hv_partition_id id);
void child_put(struct child *c);

/* The number of its record, by which its ports are known. */
uint32_t child_number(const struct child *c);

/* Its bus, which stays until child_bus_put; NULL: it has none. Thread context. */
struct bus *child_bus_get(struct child *c);
void child_bus_put(struct child *c);

/* From now on child_by_id finds @c, whose partition exists, until its end. */
void child_id_enter(struct child *c);

/* Does @c run, or start? [c] if the answer shall last. */
bool child_runs(const struct child *c);

/* Begin the end of @c, if nothing else has. Any context. */
void child_end(struct child *c, uint32_t end, uint32_t status, const char *fmt, ...)
    FORMAT_PRINTF(4, 5);

/* child/intercept.c: a message from the hypervisor about one of our children. Interrupts off. */
void child_intercept(const struct hv_message *m);

/* child/exits.c: how often its VPs left guest mode, and why. Valid until child_destroy. */
#define CHILD_EXIT_INDEX(constant, name) CHILD_EXIT_##constant,
enum { HV_STATS_VP_EXITS(CHILD_EXIT_INDEX) CHILD_EXIT_REASONS };
extern const char *const child_exit_names[CHILD_EXIT_REASONS];
uint64_t child_counter(const struct child *c, uint32_t vp, uint32_t which); /* HvStatsVp* */
/* Say what it did most. */
void child_exits_log(const struct child *c);

/* What a toy guest's event does. Any context. */
void child_event(void *context);

/* child/build.c: everything up to the first instruction, and everything back. Under hv_begin. */
const char *child_build(const struct hv_client *h, struct child *c, const void *image, size_t size,
                        const char *options);
void child_destroy(const struct hv_client *h, struct child *c);

/* child/build.c: have the hypervisor use up root's own pool, so that calls charged to root run short:
 * by ports that nobody connects to. Thread context, after hv_init. */
void child_drain_root(void);

/* child/build.c: HvCallMapStatsPage, with deposits into root's own pool. Under hv_begin. */
hv_status child_map_stats_page(const struct hv_client *h, const struct hv_input_map_stats_page *in);

#endif
