/* SPDX-License-Identifier: MIT */
/* root/child/child.h - children: partitions, from their making to their end.
 *
 * There are two kinds. child_start fills and runs a toy guest from a boot module, and root answers
 * its few intercepts itself; child_create makes a partition that a ring-3 worker fills, runs and
 * serves (child/worker.h, child/partition.h). Either ends when it asks for it, does what nobody
 * answers, is stopped, or loses its worker. Then one thread takes everything back, and what remains
 * is a record of why, until the record is needed for another child. Records are in one table for
 * good, and are not reused while somebody has one in hand (child.users).
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
#include "child/ram.h"
#include "child/worker.h"
#include "sched/thread.h"
#include "sched/timer.h"

struct boot_module;
struct process;

enum {
    CHILDREN_MAX = 1024, /* at a time, with those that ended lately */
    CHILD_VPS_MAX = 240, /* the hypervisor's limit */
    CHILD_LINE_MAX = 200,
};

enum child_state { CHILD_ENDED, CHILD_STARTING, CHILD_RUNNING, CHILD_ENDING };

struct child_line {
    uint32_t length;
    char text[CHILD_LINE_MAX + 1];
};

struct child {
    struct list ending;        /* [t] on the reaper's list */
    uint32_t users;            /* [a] who has the record in hand; 0: it may be reused once it ended */
    char name[VM_NAME_SIZE];   /* [I] "": never used */
    bool name_free;            /* [t] another may have it: all that is left is to say that it ended */
    hv_partition_id id;        /* [h] 0: not yet; fixed while the child is found by it */
    struct child *next_by_id;  /* its bucket's lock */
    uint32_t vp_count;         /* [I] */
    uint32_t weight;           /* [I] 0: the hypervisor's default */
    uint32_t cap, reserve;     /* [I] the same */
    uint64_t privileges;       /* [I] those that it has beyond every child's */
    uint64_t memory_size;      /* [I] bytes */
    uint32_t flags;            /* [I] VM_START_* or VM_CREATE_*, but not _LINK_DOWN */
    bool has_worker;           /* [I] it was made by child_create */
    struct child_ram *ram;     /* [c] to change; NULL: not yet, or no more */
    struct doorbell event;     /* [h] for the events of toy guests */
    struct bus *bus;           /* [c] to change: its VMBus; NULL: it has none, or no more */
    uint32_t bus_users;        /* [c] who looks at it */
    struct child_pool pool;    /* [h] */
    bool created, initialized; /* [h] */
    bool started, paused;      /* [h] of one with a worker: its VPs */
    struct spinlock lock;
    enum child_state state;    /* [c] */
    uint32_t end, status;      /* [c] VM_END_* */
    uint32_t stopping;         /* [c] what still has to stop before it can be taken back */
    uint32_t crashes;          /* [a] that its system has reported */
    bool worker_came;          /* [c] it has, or had, a worker */
    bool worker_runs;          /* [c] and that has not ended */
    struct process *process;   /* [c] to set: its worker's, until it is taken back */
    struct timer grace;        /* after its end: until its worker is killed */
    char reason[128];          /* [c] */
    struct child_line *lines;  /* [c] one for each VP; NULL: it has ended */
    struct log_limit log;      /* [c] of those lines */
    const void **stats_pages;  /* [h] each VP's statistics page (hvabi/stats.h), or NULL */
    struct wait_queue ended;
    struct worker worker;      /* [w] and more: child/worker.h */
};

/* Set up children: registers /dev/vm. Nothing happens without a hypervisor. Thread context. */
void child_init(void);

/* child/start.c: make and run a toy guest; make a partition for a worker, which the caller holds, to
 * be given back by child_put. 0, or a negative error number; the reason is in the log. Slow. */
int64_t child_start(struct vm_start *a);
int64_t child_create(struct vm_create *a, struct child **out);

/* child/start.c: the boot module @name or @name.elf; NULL: there is none. */
const struct boot_module *child_program(const char *name);

/* The child that has this name, or the latest that had it; the @index-th that has not ended;
 * the one of partition @id that has not ended. NULL: none. The caller gives it back by child_put.
 * child_by_id: interrupts off; the others: threads. */
struct child *child_find(const char *name);
struct child *child_at(uint32_t index);
struct child *child_by_id(hv_partition_id id);
void child_put(struct child *c);
/* One user more of a record that the caller knows to have one; @c itself, or NULL. Any context. */
struct child *child_get(struct child *c);

/* The number of its record, by which its ports are known. */
uint32_t child_number(const struct child *c);

/* Its bus, which stays until child_bus_put; NULL: it has none. Thread context. */
struct bus *child_bus_get(struct child *c);
void child_bus_put(struct child *c);

/* From now on child_by_id finds @c, whose partition exists, until its end. */
void child_id_enter(struct child *c);

/* Does @c run, or start? [c] if the answer shall last. */
bool child_runs(const struct child *c);

/* Has it ended, and all that it had been given back? */
bool child_has_ended(const struct child *c);

/* Its RAM with one user more, to be given back by ram_put; NULL: it has none, or no more. Any
 * context. */
struct child_ram *child_ram_get(struct child *c);

/* Begin the end of @c, if nothing else has. Any context. */
void child_end(struct child *c, uint32_t end, uint32_t status, const char *fmt, ...)
    FORMAT_PRINTF(4, 5);

/* One thing less that keeps @c, which has begun to end, from being taken back: its bus or its worker
 * has stopped. Any context. */
void child_stopped(struct child *c);

/* What a child shall be, of either kind. */
struct child_plan {
    const char *name;
    uint32_t vp_count, memory_mib, weight, cap, reserve; /* 0: the default */
    uint64_t privileges;
    const struct vm_disk *disks;
    uint32_t disk_count;
    const struct vm_network *networks;
    uint32_t network_count;
    uint32_t flags; /* VM_START_* or VM_CREATE_* */
    bool has_worker;
};

/* For child/start.c. A record for the new child, in *@out, which holds it until it has ended: 0, or
 * -EEXIST, or -EAGAIN: there are too many. Then either let it run, or give it up, with the reason,
 * under hv_begin. */
int64_t child_enter(const struct child_plan *plan, struct child **out);
void child_let_run(struct child *c);
void child_give_up(struct child *c, const struct hv_client *h, const char *wrong);

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

/* What child_build says where no processor has room for the reserve. */
extern const char child_no_room[];

/* child/build.c: the partition with its memory, its VPs and the ports of its bus, and everything
 * back. NULL, or what is wrong, in words. False: the partition is still there, and with it its RAM.
 * Under hv_begin. */
const char *child_build(const struct hv_client *h, struct child *c);
bool child_destroy(const struct hv_client *h, struct child *c);

/* child/build.c: "@what: status ...", valid under hv_begin. */
const char *child_failed(const char *what, hv_status st);

/* child/toy.c: what makes a toy guest of it (docs/guests.md): its image and boot data in its RAM; its
 * ports, intercepts and first registers, and its VPs let go. The same results; toy_boot under
 * hv_begin, as toy_ports_delete. */
const char *toy_load(struct child *c, const void *image, size_t size, const char *options,
                     uint64_t *entry);
const char *toy_boot(const struct hv_client *h, struct child *c, uint64_t entry);
void toy_ports_delete(const struct hv_client *h, struct child *c);

/* child/build.c: have the hypervisor use up root's own pool, so that calls charged to root run short:
 * by ports that nobody connects to. Thread context, after hv_init. */
void child_drain_root(void);

/* child/build.c: HvCallMapStatsPage, with deposits into root's own pool. Under hv_begin. */
hv_status child_map_stats_page(const struct hv_client *h, const struct hv_input_map_stats_page *in);

#endif
