/* SPDX-License-Identifier: MIT */
/* root/child/child.c - the table of children, and their end; see child.h. */
#include "child/child.h"

#include <hvabi/guest_boot.h>
#include <rootabi/errno.h>
#include <rt/mem.h>
#include "child/hv.h"
#include "child/ports.h"
#include "child/vm.h"
#include "cpu/cpu.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/spinlock_off.h"
#include "proc/process.h"
#include "bus/bus.h"

enum {
    ID_BUCKETS = 1024,
    MEMORY_DEFAULT_MIB = 16,
};

/* How long the worker of a child that has ended may take to end itself. */
#define GRACE_NS 1000000000ull

/* Children whose partition exists, by its id. */
struct id_bucket {
    struct spinlock lock;
    struct child *first; /* [lock] */
};

static struct {
    struct id_bucket by_id[ID_BUCKETS];
    struct spinlock lock;
    struct child records[CHILDREN_MAX];         /* [t] who gets which */
    struct list ending;                    /* [t] */
    struct wait_queue reaper;
    uint32_t oldest;                       /* [t] where reuse of ended records looks first */
} children;

/* ---- looking up ---- */

bool child_has_ended(const struct child *c)
{
    return __atomic_load_n(&c->state, __ATOMIC_SEQ_CST) == CHILD_ENDED;
}

static bool alive(const struct child *c)
{
    return !child_has_ended(c);
}

/* [t] */
static bool has_name(const struct child *c)
{
    return alive(c) && !c->name_free;
}

bool child_runs(const struct child *c)
{
    enum child_state state = __atomic_load_n(&c->state, __ATOMIC_ACQUIRE);

    return state == CHILD_RUNNING || state == CHILD_STARTING;
}

struct child *child_get(struct child *c)
{
    if (c != NULL)
        __atomic_fetch_add(&c->users, 1, __ATOMIC_SEQ_CST);
    return c;
}

void child_put(struct child *c)
{
    __atomic_fetch_sub(&c->users, 1, __ATOMIC_RELEASE);
}

struct child *child_at(uint32_t index)
{
    struct child *found = NULL;
    uint64_t flags = spin_lock(&children.lock);

    for (uint32_t i = 0; i < CHILDREN_MAX && found == NULL; i++)
        if (alive(&children.records[i]) && index-- == 0)
            found = child_get(&children.records[i]);
    spin_unlock(&children.lock, flags);
    return found;
}

struct child *child_find(const char *name)
{
    struct child *found = NULL;
    uint64_t flags = spin_lock(&children.lock);

    for (uint32_t i = 0; i < CHILDREN_MAX; i++) {
        struct child *c = &children.records[i];
        if (c->name[0] != '\0' && strcmp(c->name, name) == 0 &&
            (found == NULL || has_name(c) || (!has_name(found) && c->id > found->id)))
            found = c;
    }
    child_get(found);
    spin_unlock(&children.lock, flags);
    return found;
}

/* The hypervisor numbers partitions so that those which exist differ in the low bits; nothing but the
 * length of a chain depends on it. */
static struct id_bucket *bucket_of(hv_partition_id id)
{
    return &children.by_id[id % ID_BUCKETS];
}

/* Called for every intercept, with interrupts off anyway. */
struct child *child_by_id(hv_partition_id id)
{
    struct id_bucket *b = bucket_of(id);
    struct child *c;

    spin_lock_off(&b->lock);
    c = b->first;
    while (c != NULL && c->id != id)
        c = c->next_by_id;
    child_get(c);
    spin_unlock_off(&b->lock);
    return c;
}

void child_id_enter(struct child *c)
{
    struct id_bucket *b = bucket_of(c->id);
    uint64_t flags = spin_lock(&b->lock);

    c->next_by_id = b->first;
    b->first = c;
    spin_unlock(&b->lock, flags);
}

/* Harmless for one that was never entered. */
static void id_leave(const struct child *c)
{
    struct id_bucket *b = bucket_of(c->id);
    uint64_t flags = spin_lock(&b->lock);

    for (struct child **at = &b->first; *at != NULL; at = &(*at)->next_by_id) {
        if (*at != c)
            continue;
        *at = c->next_by_id;
        break;
    }
    spin_unlock(&b->lock, flags);
}

/* ---- events and messages ---- */

/* Under the lock: what has begun to end gets its memory taken away. */
void child_event(void *context)
{
    struct child *c = context;
    uint64_t flags = spin_lock(&c->lock);

    if (child_runs(c) && c->ram != NULL) {
        struct guest_boot *boot = phys_to_virt(ram_at(c->ram, GUEST_BOOT_GPA));
        __atomic_fetch_add(&boot->events_handled, 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&c->lock, flags);
}

/* Messages on other ports are for nobody: they are taken so that their ports do not fill up. */
static void child_message(const struct hv_message *m)
{
    uint64_t port = m->header.origination_id, flags;
    struct child *c;

    if (port < PORT_BUS(0, 0) || port >= PORT_BUS(CHILDREN_MAX, 0))
        return;
    c = &children.records[(port - PORT_BUS(0, 0)) / 2];
    flags = spin_lock(&c->lock);
    if (c->bus != NULL && child_runs(c))
        bus_message(c->bus, m);
    spin_unlock(&c->lock, flags);
}

uint32_t child_number(const struct child *c)
{
    return (uint32_t)(c - children.records);
}

struct child_ram *child_ram_get(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    struct child_ram *r = c->ram;

    if (r != NULL)
        ram_get(r);
    spin_unlock(&c->lock, flags);
    return r;
}

struct bus *child_bus_get(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    struct bus *b = c->bus;

    if (b != NULL)
        c->bus_users++;
    spin_unlock(&c->lock, flags);
    return b;
}

void child_bus_put(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);

    c->bus_users--;
    spin_unlock(&c->lock, flags);
}

/* Nobody finds the bus of @c any more, or looks at it. */
static struct bus *bus_hide(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    struct bus *b = c->bus;

    c->bus = NULL;
    while (c->bus_users != 0) {
        spin_unlock(&c->lock, flags);
        thread_yield();
        flags = spin_lock(&c->lock);
    }
    spin_unlock(&c->lock, flags);
    return b;
}

/* ---- the end ---- */

/* Nothing uses the memory of @c any more but its VPs. */
static void to_reaper(struct child *c)
{
    uint64_t flags = spin_lock(&children.lock);

    list_push_back(&children.ending, &c->ending);
    spin_unlock(&children.lock, flags);
    wake_all(&children.reaper);
}

void child_stopped(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    bool last = --c->stopping == 0;

    spin_unlock(&c->lock, flags);
    if (last)
        to_reaper(c);
}

/* @c, which runs, does so no more. What has to stop, and begin_end, is counted at the same time. [c] */
static void mark_ending(struct child *c)
{
    c->state = CHILD_ENDING;
    c->stopping = 1u + (c->bus != NULL) + c->worker_runs;
}

/* Of a child that ran, and that was marked. */
static void begin_end(struct child *c)
{
    worker_end(c);
    if (c->worker_runs)
        timer_start(&c->grace, time_now() + GRACE_NS);
    if (c->bus != NULL)
        bus_stop(c->bus, child_stopped);
    child_stopped(c);
}

/* Its worker has seen that it ended, and is still there. */
static void grace_over(struct timer *t)
{
    struct child *c = container_of(t, struct child, grace);
    uint64_t flags = spin_lock(&c->lock);

    if (c->process != NULL)
        process_kill(c->process);
    spin_unlock(&c->lock, flags);
}

void child_end(struct child *c, uint32_t end, uint32_t status, const char *fmt, ...)
{
    bool first = false;
    uint64_t flags = spin_lock(&c->lock);

    if (c->state == CHILD_RUNNING || c->state == CHILD_STARTING) {
        va_list ap;

        first = c->state == CHILD_RUNNING; /* who starts it takes a failed one back himself */
        mark_ending(c);
        c->end = end;
        c->status = status;
        va_start(ap, fmt);
        rt_vsnprintf(c->reason, sizeof(c->reason), fmt, ap);
        va_end(ap);
    }
    spin_unlock(&c->lock, flags);
    if (first)
        begin_end(c);
}

/* The record is all that stays. @all: nothing of its partition is left. */
static void free_arrays(struct child *c, bool all)
{
    uint64_t flags = spin_lock(&c->lock);
    struct child_line *lines = c->lines;
    struct child_ram *ram = c->ram;

    c->lines = NULL;
    c->ram = NULL;
    spin_unlock(&c->lock, flags);
    kfree(lines);
    if (ram != NULL && all)
        ram_put(ram);
    kfree((void *)(uintptr_t)c->stats_pages);
    c->stats_pages = NULL;
    worker_free(c);
}

static void put_process(struct child *c)
{
    struct process *p = c->process;
    uint64_t flags;

    timer_cancel(&c->grace);
    flags = spin_lock(&c->lock);
    c->process = NULL;
    spin_unlock(&c->lock, flags);
    if (p != NULL)
        process_put(p);
}

static void free_name(struct child *c)
{
    uint64_t flags = spin_lock(&children.lock);

    c->name_free = true;
    spin_unlock(&children.lock, flags);
}

/* Everything that @c, which has begun to end, still has; at last its name, before anybody reads that it
 * ended. Under hv_begin. */
static void take_back(struct child *c, const struct hv_client *h)
{
    struct bus *bus = bus_hide(c);

    put_process(c);
    id_leave(c);
    child_exits_log(c);
    if (bus != NULL)
        bus_destroy(bus, h);
    free_arrays(c, child_destroy(h, c));
    doorbell_release(&c->event);
    free_name(c);
}

static void ended(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);

    __atomic_store_n(&c->state, CHILD_ENDED, __ATOMIC_SEQ_CST);
    spin_unlock(&c->lock, flags);
    wake_all(&c->ended);
}

static void reap(struct child *c)
{
    take_back(c, hv_begin());
    hv_end();
    log_print("child %s: ended: %s", c->name, c->reason);
    ended(c);
    child_put(c);
}

static bool somebody_ends(void *unused)
{
    (void)unused;
    return !list_empty(&children.ending);
}

static void reaper(void *unused)
{
    for (;;) {
        uint64_t flags;
        struct list *node;

        wait_until(&children.reaper, somebody_ends, unused);
        flags = spin_lock(&children.lock);
        node = list_pop_front(&children.ending);
        spin_unlock(&children.lock, flags);
        if (node != NULL)
            reap(container_of(node, struct child, ending));
    }
}

/* ---- the beginning: the rest of it is in child/start.c ---- */

/* The record is used anew. Interrupt handlers may be about to look at it: its state and its lock
 * say that it has ended, until it begins. [t] */
static void begin(struct child *c, const struct child_plan *plan)
{
    c->id = 0;
    c->name_free = false;
    rt_strlcpy(c->name, plan->name, sizeof(c->name));
    c->vp_count = plan->vp_count != 0 ? plan->vp_count : 1;
    c->weight = plan->weight;
    c->cap = plan->cap;
    c->reserve = plan->reserve;
    c->privileges = plan->privileges;
    c->flags = plan->flags & ~VM_CREATE_LINK_DOWN; /* which may change */
    c->has_worker = plan->has_worker;
    c->memory_size = (uint64_t)(plan->memory_mib != 0 ? plan->memory_mib : MEMORY_DEFAULT_MIB)
                         << 20 &
                     ~(RAM_BLOCK - 1);
    c->started = c->paused = c->worker_came = c->worker_runs = false;
    c->end = VM_END_NONE;
    c->status = 0;
    c->crashes = 0;
    c->bus = NULL;
    c->bus_users = 0;
    c->pool = (struct child_pool){0};
    log_limit_init(&c->log, LOG_LIMIT_BURST, time_now());
    timer_init(&c->grace, grace_over);
    child_get(c);
    __atomic_store_n(&c->state, CHILD_STARTING, __ATOMIC_SEQ_CST);
}

/* One that is free or has ended. */
int64_t child_enter(const struct child_plan *plan, struct child **out)
{
    uint64_t flags = spin_lock(&children.lock);
    int64_t result = -EAGAIN;
    struct child *found = NULL;

    for (uint32_t k = 0; k < CHILDREN_MAX && result != -EEXIST; k++) {
        uint32_t i = (children.oldest + k) % CHILDREN_MAX;
        struct child *c = &children.records[i];
        if (has_name(c) && strcmp(c->name, plan->name) == 0)
            result = -EEXIST;
        else if (found == NULL && !alive(c) && __atomic_load_n(&c->users, __ATOMIC_SEQ_CST) == 0)
            found = c;
    }
    if (found != NULL && result != -EEXIST) {
        begin(found, plan);
        children.oldest = (uint32_t)(found + 1 - children.records) % CHILDREN_MAX;
        *out = found;
        result = 0;
    }
    spin_unlock(&children.lock, flags);
    return result;
}

void child_give_up(struct child *c, const struct hv_client *h, const char *wrong)
{
    uint64_t flags = spin_lock(&c->lock);

    c->state = CHILD_ENDING;
    c->end = VM_END_FAILURE;
    rt_strlcpy(c->reason, wrong, sizeof(c->reason));
    spin_unlock(&c->lock, flags);
    worker_end(c);
    take_back(c, h);
    log_print("child %s: not started: %s", c->name, wrong);
    ended(c);
    child_put(c);
}

/* From now on its end is the reaper's; it may already have begun. */
void child_let_run(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    bool ended = c->state == CHILD_ENDING;

    if (ended)
        mark_ending(c); /* its bus is there by now */
    else
        c->state = CHILD_RUNNING;
    spin_unlock(&c->lock, flags);
    if (ended)
        begin_end(c);
}

void child_init(void)
{
    static const struct hv_handlers handlers = {child_intercept, doorbell_rang, child_message};

    list_init(&children.ending);
    wait_queue_init(&children.reaper);
    for (uint32_t i = 0; i < CHILDREN_MAX; i++) {
        list_init(&children.records[i].ending);
        wait_queue_init(&children.records[i].ended);
        wait_queue_init(&children.records[i].worker.queue);
    }
    if (!doorbell_init()) {
        log_print("child: no memory for events: no children");
        return;
    }
    if (!hv_init(&handlers))
        return;
    if (pool_uses_pages())
        child_drain_root();
    if (thread_start("reaper", reaper, NULL, -1) == NULL) {
        log_print("child: no memory for the thread that ends children: no children");
        return;
    }
    vm_operations_register();
}
