/* SPDX-License-Identifier: MIT */
/* root/bus/bus.c - see root/bus/bus.h. */
#include "bus/bus_internal.h"

#include <rootabi/errno.h>
#include <rt/format.h>
#include <rt/mem.h>
#include "child/child.h"
#include "child/hv.h"
#include "child/ports.h"
#include "cpu/cpu.h"
#include "lib/fnv.h"
#include "log.h"
#include "mm/memory.h"

/* What one child may have: a network adapter's receive buffer alone is 16 MiB. */
static const struct vmbus_server_limits limits = {
    .channels = 512, .gpadls = 1024, .half_built = 16, .pages = 32768, .replies = 1024};

/* When to look again whether the child has room for messages, or a provider's I/O is done. A child
 * that takes none costs less and less. */
#define POST_AGAIN_NS     1000000ull
#define POST_AGAIN_MAX_NS 100000000ull
#define STOP_AGAIN_NS     1000000ull

/* Messages, and works, of a round: the child may send without end, and be stopped nevertheless. */
enum { ROUND_MESSAGES = 256, ROUND_WORKS = 16 };

enum { CHANNEL_TEXT = 24, REASON_TEXT = 128 };

static uint64_t ends_amidst_io; /* [a] of buses */

static const uint32_t ways[BUS_WAYS] = {VMBUS_CONNECTION_ID, VMBUS_CONNECTION_ID_5};

/* ---- the log ---- */

void bus_log(struct bus *b, uint32_t relid, const char *fmt, ...)
{
    char where[CHANNEL_TEXT] = "VMBus", text[REASON_TEXT];
    uint32_t dropped;
    va_list ap;

    if (!log_limit_take(&b->log, time_now(), &dropped))
        return;
    if (dropped != 0)
        log_print("child %s: VMBus: %u lines dropped", b->child->name, dropped);
    if (relid != 0)
        rt_snprintf(where, sizeof(where), "channel %u", relid);
    va_start(ap, fmt);
    rt_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_print("child %s: %s: %s", b->child->name, where, text);
}

void bus_log_reason(void *bus, uint32_t relid, const char *reason)
{
    bus_log(bus, relid, "%s", reason);
}

/* ---- what interrupts leave ---- */

void bus_message(struct bus *b, const struct hv_message *m)
{
    uint64_t flags = spin_lock(&b->lock);

    if (b->count < b->message_max) {
        struct bus_message *to = &b->messages[(b->first + b->count++) % b->message_max];
        to->length = m->header.payload_size;
        memcpy(to->bytes, m->payload, to->length);
    } else {
        b->dropped++;
    }
    spin_unlock(&b->lock, flags);
    wake_all(&b->queue);
}

void bus_work_add(struct bus *b, struct bus_work *w)
{
    uint64_t flags = spin_lock(&b->lock);
    bool queued = w->queued;

    if (!queued) {
        w->queued = true;
        list_push_back(&b->work, &w->link);
    }
    spin_unlock(&b->lock, flags);
    if (!queued)
        wake_all(&b->queue);
}

void bus_work_cancel(struct bus *b, struct bus_work *w)
{
    uint64_t flags = spin_lock(&b->lock);

    if (w->queued)
        list_remove(&w->link);
    w->queued = false;
    spin_unlock(&b->lock, flags);
}

/* ---- workers of channels ---- */

struct bus_worker {
    struct bus_work work;
    struct bus *bus;
    bool (*run)(void *channel);
    void *channel;
};

static void channel_worker_run(struct bus_work *work)
{
    struct bus_worker *w = container_of(work, struct bus_worker, work);

    if (w->run(w->channel))
        bus_work_add(w->bus, &w->work);
}

struct bus_worker *bus_worker_create(struct bus *b, bool (*work)(void *channel), void *channel)
{
    struct bus_worker *w = kalloc(sizeof(*w));

    if (w != NULL)
        *w = (struct bus_worker){
            .work = {.run = channel_worker_run}, .bus = b, .run = work, .channel = channel};
    return w;
}

void bus_worker_wake(struct bus_worker *w)
{
    bus_work_add(w->bus, &w->work);
}

void bus_worker_destroy(struct bus_worker *w)
{
    bus_work_cancel(w->bus, &w->work);
    kfree(w);
}

/* ---- the thread ---- */

static bool something_to_do(void *context)
{
    struct bus *b = context;
    uint64_t flags = spin_lock(&b->lock);
    bool something = b->count != 0 || !list_empty(&b->work);

    spin_unlock(&b->lock, flags);
    return something || __atomic_load_n(&b->stopped, __ATOMIC_ACQUIRE) != NULL;
}

static bool take_message(struct bus *b, struct bus_message *m, uint32_t *dropped)
{
    uint64_t flags = spin_lock(&b->lock);
    bool some = b->count != 0;

    if (some) {
        *m = b->messages[b->first];
        b->first = (b->first + 1) % b->message_max;
        b->count--;
    }
    *dropped = b->dropped;
    b->dropped = 0;
    spin_unlock(&b->lock, flags);
    return some;
}

static struct bus_work *take_work(struct bus *b)
{
    uint64_t flags = spin_lock(&b->lock);
    struct list *l = list_pop_front(&b->work);
    struct bus_work *w = l != NULL ? container_of(l, struct bus_work, link) : NULL;

    if (w != NULL)
        w->queued = false;
    spin_unlock(&b->lock, flags);
    return w;
}

/* True: something came. */
static bool receive(struct bus *b)
{
    struct bus_message m;
    uint32_t dropped;
    unsigned i;

    for (i = 0; i < ROUND_MESSAGES && take_message(b, &m, &dropped); i++) {
        if (dropped != 0)
            bus_log(b, 0, "%u messages dropped: it posts more than it may", dropped);
        vmbus_server_receive(b->server, m.bytes, m.length);
    }
    return i != 0;
}

/* How long nothing is due by itself. */
static uint64_t until_due(const struct bus *b)
{
    uint64_t now = time_now();

    if (b->due == BUS_NEVER)
        return BUS_NEVER;
    return b->due > now ? b->due - now : 0;
}

/* A round of what has come; what is left makes the next one begin at once. True: a message came. */
static bool serve(struct bus *b)
{
    bool received = receive(b);
    struct bus_work *w;

    for (unsigned i = 0; i < ROUND_WORKS && (w = take_work(b)) != NULL; i++)
        w->run(w);
    if (until_due(b) == 0)
        bus_ic_run(b);
    return received;
}

/* Sleep until there is something to do, something is due, or it is time to post again (@again ns; 0:
 * nothing waits). Returns the next time. */
static uint64_t await(struct bus *b, uint64_t again)
{
    uint64_t due = until_due(b);

    if (again == 0 && due == BUS_NEVER)
        wait_until(&b->queue, something_to_do, b);
    else if (again == 0 || due < again)
        (void)wait_until_timeout(&b->queue, something_to_do, b, due);
    else if (!wait_until_timeout(&b->queue, something_to_do, b, again))
        again = 2 * again < POST_AGAIN_MAX_NS ? 2 * again : POST_AGAIN_MAX_NS;
    return again;
}

/* Post what waits to be posted. When to do it again, if it was @again before; 0: nothing waits. */
static uint64_t post_again(struct bus *b, uint64_t again, bool received)
{
    if (vmbus_server_post_again(b->server))
        return 0;
    return received || again == 0 ? POST_AGAIN_NS : again;
}

static void thread(void *context)
{
    struct bus *b = context;
    bool closed = false, stopping = false;
    uint64_t again = 0;

    while (!closed) {
        bool began = stopping; /* to stop, in an earlier round */
        bool received;

        again = await(b, again);
        mutex_lock(&b->mutex);
        stopping = __atomic_load_n(&b->stopped, __ATOMIC_ACQUIRE) != NULL;
        received = serve(b);
        if (stopping && !began && b->pages_pinned != 0)
            __atomic_fetch_add(&ends_amidst_io, 1, __ATOMIC_RELAXED);
        if (stopping)
            closed = vmbus_server_stop(b->server);
        else
            again = post_again(b, again, received);
        mutex_unlock(&b->mutex);
        if (stopping && !closed)
            thread_sleep(STOP_AGAIN_NS); /* I/O is under way */
    }
    network_leave(b);
    /* bus_stop may not be over yet: once it is, @b may be freed. */
    spin_unlock(&b->queue.lock, spin_lock(&b->queue.lock));
    b->stopped(b->child);
    thread_exit();
}

void bus_stop(struct bus *b, void (*stopped)(struct child *c))
{
    uint64_t flags = spin_lock(&b->queue.lock);

    __atomic_store_n(&b->stopped, stopped, __ATOMIC_RELEASE);
    wake_all_locked(&b->queue);
    spin_unlock(&b->queue.lock, flags);
}

bool bus_run(struct bus *b)
{
    return thread_start("vmbus", thread, b, -1) != NULL;
}

/* ---- life ---- */

static struct vmbus_server_limits limits_of(const struct child *c)
{
    struct vmbus_server_limits own = limits;

    own.vp_count = c->vp_count;
    if (own.pages > c->memory_size / PAGE_SIZE)
        own.pages = (uint32_t)(c->memory_size / PAGE_SIZE);
    return own;
}

/* What a child may post before it waits for an answer: all of its GPADLs, whose bodies Linux posts
 * one after the other, and one message for each channel. None of that is ever dropped. */
static uint32_t messages_at_once(const struct vmbus_server_limits *l)
{
    return l->pages / VMBUS_GPADL_BODY_PAGES + l->half_built + l->channels;
}

static void release(struct bus *b)
{
    hv_client_free(&b->client);
    kfree(b->vp_ports);
    kfree(b->messages);
    kfree(b);
}

static struct bus *allocate(struct child *c)
{
    struct vmbus_server_limits own = limits_of(c);
    struct bus *b = kalloc(sizeof(*b));

    if (b == NULL)
        return NULL;
    b->child = c;
    b->number = child_number(c);
    b->due = BUS_NEVER;
    mutex_init(&b->mutex);
    wait_queue_init(&b->queue);
    list_init(&b->work);
    log_limit_init(&b->log, LOG_LIMIT_BURST, time_now());
    b->message_max = messages_at_once(&own);
    b->messages = kalloc(b->message_max * sizeof(*b->messages));
    b->vp_ports = kalloc(c->vp_count * sizeof(*b->vp_ports));
    b->server = vmbus_server_create(&bus_transport, b, &own);
    if (hv_client_init(&b->client) && b->messages != NULL && b->vp_ports != NULL &&
        b->server != NULL)
        return b;
    if (b->server != NULL)
        vmbus_server_destroy(b->server);
    release(b);
    return NULL;
}

struct vmbus_guid bus_instance(const struct bus *b, const char *kind)
{
    uint64_t hash[2];
    struct vmbus_guid instance;

    hash[0] = fnv_text(fnv_text(FNV_START, kind), b->child->name);
    hash[1] = fnv_text(fnv_text(hash[0], kind), b->child->name);
    _Static_assert(sizeof(hash) == sizeof(instance), "a GUID is two of them");
    memcpy(&instance, hash, sizeof(instance));
    return instance;
}

int64_t bus_create(struct child *c, const struct bus_devices *devices, struct bus **out)
{
    struct bus *b = allocate(c);
    int64_t result = 0;

    if (b == NULL)
        return -ENOMEM;
    if (devices->disk_count != 0)
        result = storage_create(b, devices->disks, devices->disk_count, &b->storage);
    if (result == 0 && devices->network_count != 0)
        result = network_create(b, devices);
    if (result == 0 && devices->echo && !bus_echo_create(b))
        result = -ENOMEM;
    if (result == 0 && devices->integration && (!bus_ic_create(b) || !bus_keyboard_create(b)))
        result = -ENOMEM;
    if (result != 0) {
        bus_destroy(b, NULL);
        return result;
    }
    *out = b;
    return 0;
}

hv_status bus_connect(struct bus *b, const struct hv_client *h)
{
    const struct hv_port_info info = {
        .port_type = HvPortTypeMessage,
        .message = {.target_sint = HV_SINT_CHILDREN, .target_vp = b->number % cpu_count()},
    };
    hv_status st = HV_STATUS_SUCCESS;

    b->connected = true;
    for (uint32_t i = 0; i < BUS_WAYS && st == HV_STATUS_SUCCESS; i++)
        st = port_to_root(h, b->child, PORT_BUS(b->number, i), &info, ways[i]);
    return st;
}

/* Nothing of the child's is used any more. */
static void insist_on_rest(const struct bus *b)
{
    struct vmbus_server_statistics s;

    vmbus_server_statistics_get(b->server, &s);
    BUG_ON(s.open != 0 || s.gpadls != 0 || s.half_built != 0 || s.pages != 0);
    BUG_ON(b->pages_mapped != 0 || b->pages_pinned != 0);
}

void bus_destroy(struct bus *b, const struct hv_client *h)
{
    BUG_ON(!vmbus_server_stop(b->server));
    insist_on_rest(b);
    network_leave(b);
    vmbus_server_destroy(b->server);
    storage_destroy(b->storage);
    network_destroy(b);
    bus_echo_destroy(b->echo);
    bus_ic_destroy(b->ic);
    bus_keyboard_destroy(b->keyboard);
    for (uint32_t i = 0; b->connected && i < BUS_WAYS; i++)
        (void)port_to_root_delete(h, b->child, PORT_BUS(b->number, i), ways[i]);
    bus_vp_ports_delete(b, h);
    release(b);
}

/* ---- looking ---- */

uint64_t bus_ends_amidst_io(void)
{
    return __atomic_load_n(&ends_amidst_io, __ATOMIC_RELAXED);
}

static void describe(const struct bus *b, const struct vmbus_channel *c,
                     const struct vmbus_offer *offer, struct vm_channel *out)
{
    const struct vmbus_channel_statistics *s = &c->statistics;

    out->relid = c->relid;
    out->sub_channel = c->sub_channel_index;
    out->target_vp = c->target_vp;
    rt_strlcpy(out->state, vmbus_server_channel_state(c), sizeof(out->state));
    out->packets_in = s->packets_in;
    out->bytes_in = s->bytes_in;
    out->batches_in = s->batches_in;
    out->packets_out = s->packets_out;
    out->bytes_out = s->bytes_out;
    out->signals_out = s->signals_for_packets + s->signals_for_room;
    out->full = s->full;
    if (b->storage != NULL && storage_offers(b->storage, offer))
        storage_channel(c, out);
    else if (!network_offers(b, offer, out) && !bus_ic_offers(b, offer, out) &&
             !bus_keyboard_offers(b, offer, out))
        rt_strlcpy(out->provider, offer != NULL ? "echo" : "-", sizeof(out->provider));
}

bool bus_channel(struct bus *b, uint32_t index, struct vm_channel *out)
{
    const struct vmbus_offer *offer;
    const struct vmbus_channel *c;

    mutex_lock(&b->mutex);
    c = vmbus_server_channel_from(b->server, 1, &offer);
    while (c != NULL && index-- != 0)
        c = vmbus_server_channel_from(b->server, c->relid + 1, &offer);
    if (c != NULL)
        describe(b, c, offer, out);
    mutex_unlock(&b->mutex);
    return c != NULL;
}
