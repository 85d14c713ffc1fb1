/* SPDX-License-Identifier: MIT */
/* root/child/child.c - the table of children, their beginning and their end; see child.h. */
#include "child/child.h"

#include <hvabi/guest_boot.h>
#include <rootabi/errno.h>
#include <rt/mem.h>
#include "boot/handoff.h"
#include "child/hv.h"
#include "child/vm.h"
#include "cpu/cpu.h"
#include "log.h"
#include "mm/memory.h"

enum {
    RECORDS = 64,           /* children at a time, and those that ended lately */
    ID_BUCKETS = 64,
    MEMORY_DEFAULT_MIB = 16,
    MEMORY_MAX_MIB = 1 << 20,
    MODULE_SUFFIX_MAX = 8,
};

static struct {
    struct spinlock lock;
    struct child *records[RECORDS];        /* [t] in no order; NULL: never used */
    struct child *by_event[HV_EVENT_FLAGS_COUNT]; /* [a] */
    struct list ending;                    /* [t] */
    struct wait_queue reaper;
    uint32_t oldest;                       /* [t] where reuse of ended records looks first */
} children;

/* ---- looking up ---- */

static bool alive(const struct child *c)
{
    return __atomic_load_n(&c->state, __ATOMIC_ACQUIRE) != CHILD_ENDED;
}

struct child *child_at(uint32_t index)
{
    struct child *found = NULL;
    uint64_t flags = spin_lock(&children.lock);

    for (uint32_t i = 0; i < RECORDS && found == NULL; i++)
        if (children.records[i] != NULL && alive(children.records[i]) && index-- == 0)
            found = children.records[i];
    spin_unlock(&children.lock, flags);
    return found;
}

struct child *child_find(const char *name)
{
    struct child *found = NULL;
    uint64_t flags = spin_lock(&children.lock);

    for (uint32_t i = 0; i < RECORDS; i++) {
        struct child *c = children.records[i];
        if (c != NULL && strcmp(c->name, name) == 0 &&
            (found == NULL || alive(c) || (!alive(found) && c->id > found->id)))
            found = c;
    }
    spin_unlock(&children.lock, flags);
    return found;
}

/* Called for every intercept: RECORDS is a small constant, and no lock is taken. */
struct child *child_by_id(hv_partition_id id)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct child *c = __atomic_load_n(&children.records[i], __ATOMIC_ACQUIRE);
        if (c != NULL && __atomic_load_n(&c->id, __ATOMIC_RELAXED) == id && alive(c))
            return c;
    }
    return NULL;
}

struct child *child_by_event(uint32_t flag)
{
    return flag < HV_EVENT_FLAGS_COUNT ? __atomic_load_n(&children.by_event[flag], __ATOMIC_ACQUIRE)
                                       : NULL;
}

/* ---- events ---- */

static void child_event(uint32_t flag)
{
    struct child *c = child_by_event(flag);
    struct guest_boot *boot;

    if (c == NULL || c->ram_blocks == 0)
        return;
    boot = (struct guest_boot *)phys_to_virt(c->ram[0] + GUEST_BOOT_GPA);
    __atomic_fetch_add(&boot->events_handled, 1, __ATOMIC_RELEASE);
}

/* ---- the end ---- */

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
    if (!first)
        return;
    flags = spin_lock(&children.lock);
    list_push_back(&children.ending, &c->ending);
    spin_unlock(&children.lock, flags);
    wake_all(&children.reaper);
}

static void take_back(struct child *c)
{
    const struct hv_client *h = hv_begin();
    uint64_t flags;

    __atomic_store_n(&children.by_event[c->event_flag], NULL, __ATOMIC_RELEASE);
    child_exits_log(c);
    child_destroy(h, c);
    hv_end();
    log_print("child %s: ended: %s", c->name, c->reason);
    flags = spin_lock(&c->lock);
    c->state = CHILD_ENDED;
    spin_unlock(&c->lock, flags);
    wake_all(&c->ended);
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
            take_back(container_of(node, struct child, ending));
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

static uint32_t event_flag_take(struct child *c)
{
    for (uint32_t flag = 1; flag < HV_EVENT_FLAGS_COUNT; flag++) {
        struct child *expected = NULL;
        if (__atomic_compare_exchange_n(&children.by_event[flag], &expected, c, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return flag;
    }
    return 0;
}

static void child_free(struct child *c)
{
    kfree(c->ram);
    kfree(c->lines);
    kfree((void *)(uintptr_t)c->stats_pages);
    kfree(c);
}

static struct child *child_allocate(const struct vm_start *a, uint32_t vps, uint32_t mib)
{
    struct child *c = kalloc(sizeof(*c));

    if (c == NULL)
        return NULL;
    list_init(&c->link);
    list_init(&c->ending);
    wait_queue_init(&c->ended);
    rt_strlcpy(c->name, a->name, sizeof(c->name));
    c->vp_count = vps;
    c->weight = a->weight;
    c->lines_left = CHILD_LINES_BURST;
    c->lines_refilled = time_now();
    c->memory_size = ((uint64_t)mib << 20) & ~(CHILD_RAM_BLOCK - 1);
    c->ram = kalloc(c->memory_size / CHILD_RAM_BLOCK * sizeof(*c->ram));
    c->lines = kalloc(vps * sizeof(*c->lines));
    c->stats_pages = kalloc(vps * sizeof(*c->stats_pages));
    if (c->ram == NULL || c->lines == NULL || c->stats_pages == NULL) {
        child_free(c);
        return NULL;
    }
    return c;
}

/* Into the table, in a place that is free or holds the record of a child that has ended. */
static int64_t enter(struct child *c)
{
    uint64_t flags = spin_lock(&children.lock);
    uint32_t place = RECORDS;
    int64_t result = -EAGAIN;

    for (uint32_t k = 0; k < RECORDS; k++) {
        uint32_t i = (children.oldest + k) % RECORDS;
        struct child *old = children.records[i];
        if (old != NULL && alive(old) && strcmp(old->name, c->name) == 0) {
            result = -EEXIST;
            place = RECORDS;
            break;
        }
        if (place == RECORDS && (old == NULL || !alive(old)))
            place = i;
    }
    if (place != RECORDS) {
        /* The record that was there is not freed: somebody may still look at it. It is small. */
        __atomic_store_n(&children.records[place], c, __ATOMIC_RELEASE);
        children.oldest = (place + 1) % RECORDS;
        result = 0;
    }
    spin_unlock(&children.lock, flags);
    return result;
}

static void give_up(struct child *c, const struct hv_client *h, const char *wrong)
{
    uint64_t flags;

    log_print("child %s: not started: %s", c->name, wrong);
    child_destroy(h, c);
    __atomic_store_n(&children.by_event[c->event_flag], NULL, __ATOMIC_RELEASE);
    flags = spin_lock(&c->lock);
    c->state = CHILD_ENDED;
    c->end = VM_END_FAILURE;
    rt_strlcpy(c->reason, wrong, sizeof(c->reason));
    spin_unlock(&c->lock, flags);
    wake_all(&c->ended);
}

/* From now on its end is the reaper's; it may already have begun. */
static void let_run(struct child *c)
{
    uint64_t flags = spin_lock(&c->lock);
    bool ended = c->state == CHILD_ENDING;

    if (!ended)
        c->state = CHILD_RUNNING;
    spin_unlock(&c->lock, flags);
    if (!ended)
        return;
    flags = spin_lock(&children.lock);
    list_push_back(&children.ending, &c->ending);
    spin_unlock(&children.lock, flags);
    wake_all(&children.reaper);
}

int64_t child_start(struct vm_start *a)
{
    const struct boot_module *m = find_module(a->module[0] != '\0' ? a->module : a->name);
    uint32_t vps = a->vp_count != 0 ? a->vp_count : 1;
    uint32_t mib = a->memory_mib != 0 ? a->memory_mib : MEMORY_DEFAULT_MIB;
    const struct hv_client *h;
    const char *wrong;
    struct child *c;
    int64_t result;

    if (m == NULL)
        return -ENOENT;
    if (a->name[0] == '\0' || vps > CHILD_VPS_MAX || mib < 2 || mib > MEMORY_MAX_MIB)
        return -EINVAL;
    c = child_allocate(a, vps, mib);
    if (c == NULL)
        return -ENOMEM;
    result = enter(c);
    if (result != 0) {
        child_free(c);
        return result;
    }
    c->event_flag = event_flag_take(c);
    h = hv_begin();
    wrong = child_build(h, c, phys_to_virt(m->base), m->size, a->options);
    if (wrong != NULL)
        give_up(c, h, wrong);
    hv_end();
    if (wrong != NULL)
        return -EIO;
    a->partition_id = c->id;
    log_print("child %s: partition %lx, %u VPs, %u MiB", c->name, c->id, vps, mib);
    let_run(c);
    return 0;
}

void child_init(void)
{
    static const struct hv_handlers handlers = {child_intercept, child_event};

    list_init(&children.ending);
    wait_queue_init(&children.reaper);
    if (!hv_init(&handlers))
        return;
    if (thread_start("reaper", reaper, NULL, -1) == NULL) {
        log_print("child: no memory for the thread that ends children: no children");
        return;
    }
    vm_operations_register();
}
