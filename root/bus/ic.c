/* SPDX-License-Identifier: MIT */
/* root/bus/ic.c - the integration services of a child that runs a system of its own, one with a
 * worker. The bus's thread does all of it; it sleeps no longer than bus.due. */
#include <ic/ic.h>
#include <hvabi/partition.h>
#include <rootabi/errno.h>
#include <rt/mem.h>
#include "bus/bus_internal.h"
#include "child/child.h"
#include "mm/memory.h"
#include "sched/thread.h"
#include "sched/wall_clock.h"

#define NS_PER_100NS   100u
#define EPOCH_100NS    116444736000000000ull /* from 1601 to 1970 */
#define SAMPLES        4u                    /* of which the one is taken that took least */
#define SAMPLE_GOOD_NS 20000u                /* with which nobody looks for a better one */

struct bus_ic {
    struct ic ic;
    struct bus *bus;
    struct bus_work work;
    struct wall_clock_watch watch;
    bool clock_set; /* [a] the child is to be told */
};

static const char *const names[IC_KINDS] = {"heartbeat", "shutdown", "time", "kvp", "vss"};

_Static_assert((int)VM_SERVICES == (int)IC_KINDS && (int)VM_ASKS == (int)IC_REQUESTS,
               "ring 3 knows all of them, in the same order");
_Static_assert((int)VM_ASK_POWER_OFF == (int)IC_POWER_OFF && (int)VM_ASK_FREEZE == (int)IC_FREEZE &&
                   (int)VM_ASK_THAW == (int)IC_THAW && (int)VM_ASK_SET == (int)IC_SET &&
                   (int)VM_ASK_REFRESH == (int)IC_REFRESH,
               "what can be asked");
_Static_assert((int)VM_ASK_PENDING == (int)IC_PENDING && (int)VM_ASK_GONE == (int)IC_GONE &&
                   (int)VM_SERVICE_READY == (int)IC_READY &&
                   (int)VM_SERVICE_REFUSED == (int)IC_REFUSED,
               "states and outcomes");

/* ---- the port ---- */

static void wake(struct ic *ic)
{
    struct bus_ic *i = ic->context;

    bus_work_add(i->bus, &i->work);
}

static void log_reason(struct ic *ic, uint32_t relid, const char *reason)
{
    const struct bus_ic *i = ic->context;

    bus_log_reason(i->bus, relid, reason);
}

/* How long it took, in ns; UINT64_MAX: there is no partition any more. */
static uint64_t sample(struct bus *b, struct ic_moment *out)
{
    uint64_t before = wall_clock_now(), after;

    if (hv_call_get_partition_property(&b->client, b->child->id, HvPartitionPropertyReferenceTime,
                                       &out->reference) != HV_STATUS_SUCCESS)
        return UINT64_MAX;
    after = wall_clock_now();
    out->wall = EPOCH_100NS + (before + (after - before) / 2) / NS_PER_100NS;
    return after - before; /* huge, if the clock was set meanwhile */
}

/* This thread may lose its processor between the looks at both clocks: who takes the best of some
 * is off by half of what that took. */
static bool moment(struct ic *ic, struct ic_moment *out)
{
    const struct bus_ic *i = ic->context;
    uint64_t best = UINT64_MAX;

    for (unsigned n = 0; n < SAMPLES && best > SAMPLE_GOOD_NS; n++) {
        struct ic_moment m;
        uint64_t took = sample(i->bus, &m);

        if (took < best) {
            best = took;
            *out = m;
        }
    }
    return best != UINT64_MAX;
}

static const struct ic_port port = {.wake = wake, .moment = moment, .log = log_reason};

/* ---- work ---- */

static void run(struct bus_work *w)
{
    struct bus_ic *i = container_of(w, struct bus_ic, work);

    if (__atomic_exchange_n(&i->clock_set, false, __ATOMIC_ACQUIRE)) /* pairs with clock_set */
        ic_clock_set(&i->ic);
    if (ic_work(&i->ic, time_now(), &i->bus->due))
        bus_work_add(i->bus, w);
}

void bus_ic_run(struct bus *b)
{
    run(&b->ic->work);
}

/* The wall clock's lock is held. */
static void clock_set(struct wall_clock_watch *w)
{
    struct bus_ic *i = container_of(w, struct bus_ic, watch);

    __atomic_store_n(&i->clock_set, true, __ATOMIC_RELEASE);
    bus_work_add(i->bus, &i->work);
}

/* ---- life ---- */

bool bus_ic_create(struct bus *b)
{
    struct vmbus_guid instances[IC_KINDS];
    struct bus_ic *i = kalloc(sizeof(*i));

    if (i == NULL)
        return false;
    i->bus = b;
    i->work.run = run;
    for (uint32_t kind = 0; kind < IC_KINDS; kind++)
        instances[kind] = bus_instance(b, names[kind]);
    ic_init(&i->ic, &port, i, instances);
    ic_own_add(&i->ic, "HostName", "Verdigris");
    ic_own_add(&i->ic, "VirtualMachineName", b->child->name);
    b->ic = i; /* whoever destroys the bus destroys it */
    i->watch.set = clock_set;
    wall_clock_watch(&i->watch);
    for (uint32_t kind = 0; kind < IC_KINDS; kind++)
        if (!vmbus_server_offer(b->server, &i->ic.services[kind].offer))
            return false;
    return true;
}

void bus_ic_destroy(struct bus_ic *i)
{
    if (i == NULL)
        return;
    wall_clock_unwatch(&i->watch);
    bus_work_cancel(i->bus, &i->work);
    kfree(i);
}

/* ---- for ring 3 ---- */

bool bus_ic_offers(const struct bus *b, const struct vmbus_offer *offer, struct vm_channel *out)
{
    for (uint32_t kind = 0; b->ic != NULL && offer != NULL && kind < IC_KINDS; kind++) {
        if (offer != &b->ic->ic.services[kind].offer)
            continue;
        rt_strlcpy(out->provider, names[kind], sizeof(out->provider));
        return true;
    }
    return false;
}

int64_t bus_ask(struct bus *b, const struct vm_ask *a)
{
    bool deletes = (a->flags & VM_ASK_DELETE) != 0, sets = a->what == VM_ASK_SET;
    enum ic_ask_result result = IC_ASK_NO_SERVICE;

    if (a->what >= VM_ASKS || (a->flags & ~VM_ASK_DELETE) != 0 || (deletes && !sets))
        return -EINVAL;
    mutex_lock(&b->mutex);
    if (b->ic != NULL)
        result = ic_ask(&b->ic->ic, (enum ic_request)a->what, sets ? a->key : NULL,
                        sets && !deletes ? a->value : NULL);
    mutex_unlock(&b->mutex);
    switch (result) {
    case IC_ASK_OK:
        return 0;
    case IC_ASK_BUSY:
        return -EBUSY;
    case IC_ASK_INVALID:
        return -EINVAL;
    case IC_ASK_NO_SERVICE:
    default:
        return -ENOTCONN;
    }
}

static void describe(const struct ic *ic, struct vm_integration *out)
{
    uint64_t now = time_now();

    for (uint32_t kind = 0; kind < IC_KINDS; kind++) {
        const struct ic_service *s = &ic->services[kind];

        out->services[kind] = (struct vm_service){
            .state = s->state,
            .major = s->message.major,
            .minor = s->message.minor,
            .asked = s->counters.asked,
            .answered = s->counters.answered,
            .unasked = s->counters.unasked,
            .malformed = s->counters.malformed,
            .late = s->counters.late,
        };
    }
    for (uint32_t i = 0; i < IC_REQUESTS; i++)
        out->asks[i] = (struct vm_asked){ic->requests[i].outcome, ic->requests[i].status};
    out->heartbeat_ns = ic->heartbeat_last == IC_NEVER ? UINT64_MAX : now - ic->heartbeat_last;
    out->frozen = ic->frozen;
    out->item_count = ic->item_count;
}

int64_t bus_integration(struct bus *b, struct vm_integration *out)
{
    struct ic_moment m;
    bool there;

    mutex_lock(&b->mutex);
    there = b->ic != NULL;
    if (there) {
        describe(&b->ic->ic, out);
        if (moment(&b->ic->ic, &m)) {
            out->wall_ns = (m.wall - EPOCH_100NS) * NS_PER_100NS;
            out->reference_ns = m.reference * NS_PER_100NS;
        }
    }
    mutex_unlock(&b->mutex);
    return there ? 0 : -ENOTCONN;
}

int64_t bus_item(struct bus *b, struct vm_item *out)
{
    bool there;

    _Static_assert(sizeof(out->key) == IC_KEY_MAX && sizeof(out->value) == IC_VALUE_MAX,
                   "nothing is cut");
    mutex_lock(&b->mutex);
    there = b->ic != NULL && out->index < b->ic->ic.item_count;
    if (there) {
        const struct ic_item *item = &b->ic->ic.items[out->index];

        out->pool = item->pool;
        memcpy(out->key, item->key, sizeof(out->key));
        memcpy(out->value, item->value, sizeof(out->value));
    }
    mutex_unlock(&b->mutex);
    return there ? 0 : -ENOENT;
}
