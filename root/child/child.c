/* SPDX-License-Identifier: MIT */
/* root/child/child.c - the table of children, their beginning and their end; see child.h. */
#include "child/child.h"

#include <hvabi/guest_boot.h>
#include <rootabi/errno.h>
#include <rt/mem.h>
#include "boot/handoff.h"
#include "child/hv.h"
#include "child/ports.h"
#include "child/vm.h"
#include "cpu/cpu.h"
#include "log.h"
#include "mm/memory.h"
#include "bus/bus.h"

enum {
    RECORDS = 1024,         /* children at a time, and those that ended lately */
    ID_BUCKETS = 1024,
    MEMORY_DEFAULT_MIB = 16,
    MEMORY_MAX_MIB = 1 << 20,
    MODULE_SUFFIX_MAX = 8,
};

/* Children whose partition exists, by its id. */
struct id_bucket {
    struct spinlock lock;
    struct child *first; /* [lock] */
};

static struct {
    struct id_bucket by_id[ID_BUCKETS];
    struct spinlock lock;
    struct child records[RECORDS];         /* [t] who gets which */
    struct list ending;                    /* [t] */
    struct wait_queue reaper;
    uint32_t oldest;                       /* [t] where reuse of ended records looks first */
} children;

/* ---- looking up ---- */

static bool alive(const struct child *c)
{
    return __atomic_load_n(&c->state, __ATOMIC_SEQ_CST) != CHILD_ENDED;
}

bool child_runs(const struct child *c)
{
    enum child_state state = __atomic_load_n(&c->state, __ATOMIC_ACQUIRE);

    return state == CHILD_RUNNING || state == CHILD_STARTING;
}

static struct child *get(struct child *c)
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

    for (uint32_t i = 0; i < RECORDS && found == NULL; i++)
        if (alive(&children.records[i]) && index-- == 0)
            found = get(&children.records[i]);
    spin_unlock(&children.lock, flags);
    return found;
}

struct child *child_find(const char *name)
{
    struct child *found = NULL;
    uint64_t flags = spin_lock(&children.lock);

    for (uint32_t i = 0; i < RECORDS; i++) {
        struct child *c = &children.records[i];
        if (c->name[0] != '\0' && strcmp(c->name, name) == 0 &&
            (found == NULL || alive(c) || (!alive(found) && c->id > found->id)))
            found = c;
    }
    get(found);
    spin_unlock(&children.lock, flags);
    return found;
}

/* The hypervisor numbers partitions so that those which exist differ in the low bits; nothing but the
 * length of a chain depends on it. */
static struct id_bucket *bucket_of(hv_partition_id id)
{
    return &children.by_id[id % ID_BUCKETS];
}

/* Called for every intercept. */
struct child *child_by_id(hv_partition_id id)
{
    struct id_bucket *b = bucket_of(id);
    uint64_t flags = spin_lock(&b->lock);
    struct child *c = b->first;

    while (c != NULL && c->id != id)
        c = c->next_by_id;
    get(c);
    spin_unlock(&b->lock, flags);
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

    if (child_runs(c) && c->ram_blocks != 0) {
        struct guest_boot *boot = phys_to_virt(c->ram[0] + GUEST_BOOT_GPA);
        __atomic_fetch_add(&boot->events_handled, 1, __ATOMIC_RELEASE);
    }
    spin_unlock(&c->lock, flags);
}

/* Messages on other ports are for nobody: they are taken so that their ports do not fill up. */
static void child_message(const struct hv_message *m)
{
    uint64_t port = m->header.origination_id, flags;
    struct child *c;

    if (port < PORT_BUS(0, 0) || port >= PORT_BUS(RECORDS, 0))
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

/* Of a child that ran. */
static void begin_end(struct child *c)
{
    if (c->bus != NULL)
        bus_stop(c->bus, to_reaper);
    else
        to_reaper(c);
}

void child_end(struct child *c, uint32_t end, uint32_t status, const char *fmt, ...)
{
    bool first = false;
    uint64_t flags = spin_lock(&c->lock);

    if (c->state == CHILD_RUNNING || c->state == CHILD_STARTING) {
        va_list ap;

        first = c->state == CHILD_RUNNING; /* who starts it takes a failed one back himself */
        c->state = CHILD_ENDING;
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

/* The record is all that stays. */
static void free_arrays(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    struct child_line *lines = c->lines;
    uint64_t *ram = c->ram;

    c->lines = NULL;
    c->ram = NULL;
    spin_unlock(&c->lock, flags);
    kfree(lines);
    kfree(ram);
    kfree((void *)(uintptr_t)c->stats_pages);
    c->stats_pages = NULL;
}

/* Everything that @c, which has begun to end, still has. Under hv_begin. */
static void take_back(struct child *c, const struct hv_client *h)
{
    struct bus *bus = bus_hide(c);

    id_leave(c);
    child_exits_log(c);
    if (bus != NULL)
        bus_destroy(bus, h);
    child_destroy(h, c);
    doorbell_release(&c->event);
    free_arrays(c);
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

/* ---- the beginning ---- */

/* "hello" also names the module "hello.elf". */
static const struct boot_module *find_module(const char *name)
{
    char with_suffix[VM_NAME_SIZE + MODULE_SUFFIX_MAX];
    const struct boot_module *m = handoff_find_module(name);

    if (m != NULL)
        return m;
    rt_snprintf(with_suffix, sizeof(with_suffix), "%s.elf", name);
    return handoff_find_module(with_suffix);
}

static bool allocate_arrays(struct child *c)
{
    c->ram = kalloc(c->memory_size / CHILD_RAM_BLOCK * sizeof(*c->ram));
    c->lines = kalloc(c->vp_count * sizeof(*c->lines));
    c->stats_pages = kalloc(c->vp_count * sizeof(*c->stats_pages));
    return c->ram != NULL && c->lines != NULL && c->stats_pages != NULL;
}

/* The record is used anew. Interrupt handlers may be about to look at it: its state and its lock
 * say that it has ended, until it begins. [t] */
static void begin(struct child *c, const struct vm_start *a)
{
    c->id = 0;
    rt_strlcpy(c->name, a->name, sizeof(c->name));
    c->vp_count = a->vp_count != 0 ? a->vp_count : 1;
    c->weight = a->weight;
    c->privileges = a->privileges;
    c->memory_size = (uint64_t)(a->memory_mib != 0 ? a->memory_mib : MEMORY_DEFAULT_MIB) << 20 &
                     ~(CHILD_RAM_BLOCK - 1);
    c->end = VM_END_NONE;
    c->status = 0;
    c->bus = NULL;
    c->bus_users = 0;
    c->pool = (struct child_pool){0};
    log_limit_init(&c->log, time_now());
    get(c);
    __atomic_store_n(&c->state, CHILD_STARTING, __ATOMIC_SEQ_CST);
}

/* A record for the new child, which holds it until it has ended: one that is free or has ended. */
static int64_t enter(const struct vm_start *a, struct child **out)
{
    uint64_t flags = spin_lock(&children.lock);
    int64_t result = -EAGAIN;
    struct child *found = NULL;

    for (uint32_t k = 0; k < RECORDS && result != -EEXIST; k++) {
        uint32_t i = (children.oldest + k) % RECORDS;
        struct child *c = &children.records[i];
        if (alive(c) && strcmp(c->name, a->name) == 0)
            result = -EEXIST;
        else if (found == NULL && !alive(c) && __atomic_load_n(&c->users, __ATOMIC_SEQ_CST) == 0)
            found = c;
    }
    if (found != NULL && result != -EEXIST) {
        begin(found, a);
        children.oldest = (uint32_t)(found + 1 - children.records) % RECORDS;
        *out = found;
        result = 0;
    }
    spin_unlock(&children.lock, flags);
    return result;
}

static void give_up(struct child *c, const struct hv_client *h, const char *wrong)
{
    uint64_t flags = spin_lock(&c->lock);

    c->state = CHILD_ENDING;
    c->end = VM_END_FAILURE;
    rt_strlcpy(c->reason, wrong, sizeof(c->reason));
    spin_unlock(&c->lock, flags);
    take_back(c, h);
    log_print("child %s: not started: %s", c->name, wrong);
    ended(c);
    child_put(c);
}

/* From now on its end is the reaper's; it may already have begun. */
static void let_run(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    bool ended = c->state == CHILD_ENDING;

    if (!ended)
        c->state = CHILD_RUNNING;
    spin_unlock(&c->lock, flags);
    if (ended)
        begin_end(c);
}

/* A bus for a child that has something on it. */
static int64_t make_bus(struct child *c, const struct vm_start *a)
{
    struct bus *b = NULL;
    bool wanted = a->disk_count != 0 || (a->flags & VM_START_ECHO);
    int64_t result = wanted ? bus_create(c, a, &b) : 0;
    uint64_t flags = spin_lock(&c->lock);

    c->bus = b;
    spin_unlock(&c->lock, flags);
    return result;
}

int64_t child_start(struct vm_start *a)
{
    const struct boot_module *m = find_module(a->module[0] != '\0' ? a->module : a->name);
    const struct hv_client *h;
    const char *wrong;
    struct child *c;
    int64_t result;

    if (m == NULL)
        return -ENOENT;
    if (a->name[0] == '\0' || a->vp_count > CHILD_VPS_MAX || a->memory_mib == 1 ||
        a->memory_mib > MEMORY_MAX_MIB || a->disk_count > VM_DISKS_MAX)
        return -EINVAL;
    result = enter(a, &c);
    if (result != 0)
        return result;
    result = make_bus(c, a);
    h = hv_begin();
    (void)doorbell_take(&c->event, child_number(c) % cpu_count(), child_event, c);
    wrong = result != 0 ? "its VMBus cannot be made"
            : !allocate_arrays(c)
                ? "root has no memory"
                : child_build(h, c, phys_to_virt(m->base), m->size, a->options);
    if (wrong == NULL) {
        a->partition_id = c->id;
        log_print("child %s: partition %lx, %u VPs, %lu MiB", c->name, c->id, c->vp_count,
                  c->memory_size >> 20);
        let_run(c);
    } else {
        give_up(c, h, wrong);
    }
    hv_end();
    return result != 0 ? result : wrong == NULL ? 0 : -EIO;
}

void child_init(void)
{
    static const struct hv_handlers handlers = {child_intercept, doorbell_rang, child_message};

    list_init(&children.ending);
    wait_queue_init(&children.reaper);
    for (uint32_t i = 0; i < RECORDS; i++) {
        list_init(&children.records[i].ending);
        wait_queue_init(&children.records[i].ended);
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
