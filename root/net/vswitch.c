/* SPDX-License-Identifier: MIT */
/* root/net/vswitch.c - see vswitch.h. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include <rt/net_mac.h>
#include "net/vswitch.h"

#define NS_PER_S          1000000000ull
#define KEY_VLAN          48u     /* the VLAN's place in a key, above the address */
#define TYPE_SERVICE_VLAN 0x88a8u /* IEEE 802.1Q, table 9-1 */
#define KEY_SHIFT         54u     /* so that a hash is below VSWITCH_BUCKETS */

_Static_assert(VSWITCH_BUCKETS == 1ull << (64 - KEY_SHIFT), "a hash is a bucket's number");

static void count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* ---- addresses ---- */

static uint64_t address_key(const uint8_t *mac, uint16_t vlan)
{
    return (uint64_t)vlan << KEY_VLAN | (uint64_t)be16_get(mac) << 32 | be32_get(mac + 2);
}

/* Multiply and shift by what nobody outside knows: who chooses addresses does not choose buckets.
 */
static struct list *bucket_of(struct vswitch *s, uint64_t key)
{
    return &s->buckets[(key * s->seed) >> KEY_SHIFT];
}

static struct vswitch_address *address_find(struct vswitch *s, uint64_t key)
{
    LIST_FOR_EACH(node, bucket_of(s, key))
    {
        struct vswitch_address *a = container_of(node, struct vswitch_address, in_bucket);

        if (a->key == key)
            return a;
    }
    return NULL;
}

static bool is_own(const struct vswitch_address *a)
{
    return a == &a->port->own;
}

/* Give back what was learned. */
static void address_forget(struct vswitch *s, struct vswitch_address *a)
{
    a->port->learned_count--;
    list_remove(&a->in_bucket);
    list_remove(&a->in_port);
    list_push_back(&s->free, &a->in_port);
}

static void learned_forget(struct vswitch *s, struct vswitch_port *port)
{
    while (!list_empty(&port->learned))
        address_forget(s, container_of(port->learned.next, struct vswitch_address, in_port));
}

/* An address for @port: a free one, or the one of its own that was not seen for longest. NULL:
 * there is none. */
static struct vswitch_address *address_take(struct vswitch *s, struct vswitch_port *port)
{
    struct list *node;

    if (list_empty(&s->free) && !list_empty(&port->learned))
        address_forget(s, container_of(port->learned.next, struct vswitch_address, in_port));
    node = list_pop_front(&s->free);
    return node ? container_of(node, struct vswitch_address, in_port) : NULL;
}

static void address_put(struct vswitch *s, struct vswitch_port *port, struct vswitch_address *a,
                        uint64_t key)
{
    a->port = port;
    a->key = key;
    list_push_back(bucket_of(s, key), &a->in_bucket);
    list_push_back(&port->learned, &a->in_port);
    port->learned_count++;
}

/* @port sends from @key: keep that in mind. False: it is another port's own. */
static bool address_learn(struct vswitch *s, struct vswitch_port *port, uint64_t key, uint64_t now)
{
    struct vswitch_address *a = address_find(s, key);

    if (a && is_own(a))
        return a->port == port;
    if (a) /* perhaps it has moved; it is its port's youngest now */
        address_forget(s, a);
    a = address_take(s, port);
    if (!a) {
        count(&port->statistics.unlearned, 1);
        return true;
    }
    address_put(s, port, a, key);
    a->seen = now;
    return true;
}

/* The port that @key is known to be at, or NULL. */
static struct vswitch_port *address_port(struct vswitch *s, uint64_t key, uint64_t now)
{
    struct vswitch_address *a = address_find(s, key);

    if (!a)
        return NULL;
    if (is_own(a) || now - a->seen <= VSWITCH_AGE_NS)
        return a->port;
    address_forget(s, a);
    return NULL;
}

/* ---- what a port may send ---- */

/* The time that @length bytes take at the port's rate. */
static uint64_t rate_cost(const struct vswitch_port *port, uint32_t length)
{
    return (length * NS_PER_S + port->config.rate - 1) / port->config.rate;
}

/* A bucket of tokens that fills at the port's rate, told by the time at which it is full again. */
static bool rate_allows(struct vswitch_port *port, uint32_t length, uint64_t now)
{
    const struct vswitch_port_config *c = &port->config;

    if (c->rate == 0)
        return true;
    if (port->due > now && port->due - now > c->burst * NS_PER_S / c->rate)
        return false;
    port->due = (port->due > now ? port->due : now) + rate_cost(port, length);
    return true;
}

/* The port's frame had to be copied @copies times more. */
static void rate_charge(struct vswitch *s, struct vswitch_port *port, uint32_t length,
                        uint32_t copies)
{
    uint64_t flags;

    if (port->config.rate == 0)
        return;
    flags = spin_lock(&s->lock);
    port->due += copies * rate_cost(port, length);
    spin_unlock(&s->lock, flags);
}

static bool source_allowed(struct vswitch *s, struct vswitch_port *port, uint64_t key, uint64_t now)
{
    if (port->config.uplink)
        return address_learn(s, port, key, now);
    return key == port->own.key;
}

/* A frame and the way that it goes. */
struct passage {
    struct vswitch_port *from;
    const struct net_frame *frame;
    uint16_t vlan; /* within the switch */
    uint64_t now;
};

/* A frame that a switch may pass on, with a tag only where there may be one. */
static bool frame_read(struct passage *p)
{
    const struct net_frame *f = p->frame;
    const struct vswitch_port_config *c = &p->from->config;

    if (f->header_length < NET_ETHERNET_BYTES || f->length < f->header_length ||
        !mac_is_unicast(net_frame_source(f)))
        return false;
    if (c->uplink) {
        p->vlan = NET_VLAN_ID(f->vlan);
    } else {
        /* A tag among its bytes would be the outermost one on the wire. */
        if (NET_VLAN_ID(f->vlan) != 0 || net_frame_type(f) == NET_TYPE_VLAN ||
            net_frame_type(f) == TYPE_SERVICE_VLAN)
            return false;
        p->vlan = c->vlan;
    }
    return p->vlan <= VSWITCH_VLAN_MAX;
}

/* Whether the frame passes; why not is counted. The switch is locked. */
static bool frame_admit(struct vswitch *s, const struct passage *p)
{
    struct vswitch_statistics *counts = &p->from->statistics;
    uint64_t source = address_key(net_frame_source(p->frame), p->vlan);

    if (!rate_allows(p->from, p->frame->length, p->now)) {
        count(&counts->limited, 1);
        return false;
    }
    if (!source_allowed(s, p->from, source, p->now)) {
        count(&counts->spoofed, 1);
        return false;
    }
    return true;
}

/* ---- where it goes ---- */

/* Whether @port gets a frame that is for many, or with @unknown for nobody knows whom. */
static bool port_overhears(const struct vswitch_port *port, const struct passage *p, bool unknown)
{
    const struct vswitch_port_config *c = &port->config;

    if (port == p->from || (!c->uplink && c->vlan != p->vlan))
        return false;
    return !unknown || c->uplink;
}

static void taken_count(struct vswitch_statistics *s, enum net_taken taken, uint32_t length)
{
    switch (taken) {
    case NET_TAKEN:
        count(&s->out, 1);
        count(&s->out_bytes, length);
        break;
    case NET_LOST:
        count(&s->dropped, 1);
        break;
    case NET_CROWDED:
        count(&s->crowded, 1);
        break;
    case NET_UNWANTED:
    default:
        break;
    }
}

/* Deliver to @to, which is then put. Tags are for the uplink only. */
static void frame_deliver(struct vswitch_port *to, const struct passage *p)
{
    struct net_frame out = *p->frame;

    out.sender = (uint16_t)p->from->slot;
    out.vlan = NET_VLAN_NONE;
    if (to->config.uplink)
        out.vlan = (uint16_t)(p->frame->vlan - NET_VLAN_ID(p->frame->vlan) + p->vlan);
    taken_count(&to->statistics, to->ops->deliver(to, &out), out.length);
    vswitch_port_put(to);
}

/* The next port from slot *@slot on that overhears the frame, with a use of it; NULL: no more. */
static struct vswitch_port *listener_next(struct vswitch *s, const struct passage *p, bool unknown,
                                          uint32_t *slot)
{
    struct vswitch_port *found = NULL;
    uint64_t flags = spin_lock(&s->lock);

    while (!found && *slot < s->slots_used) {
        struct vswitch_port *port = s->slots[(*slot)++];

        if (port && port_overhears(port, p, unknown))
            found = port;
    }
    if (found)
        __atomic_fetch_add(&found->users, 1, __ATOMIC_RELAXED);
    spin_unlock(&s->lock, flags);
    return found;
}

static void frame_flood(struct vswitch *s, const struct passage *p, bool unknown)
{
    uint32_t slot = 0, copies = 0;
    struct vswitch_port *to;

    while ((to = listener_next(s, p, unknown, &slot))) {
        frame_deliver(to, p);
        copies++;
    }
    if (copies <= 1)
        return;
    count(&p->from->statistics.flooded, 1);
    rate_charge(s, p->from, p->frame->length, copies - 1);
}

enum way { WAY_NONE, WAY_PORT, WAY_MANY, WAY_UNKNOWN };

/* Admit the frame and look where it goes; a use of *@to, if it is one port. */
static enum way frame_route(struct vswitch *s, const struct passage *p, struct vswitch_port **to)
{
    const uint8_t *target = net_frame_destination(p->frame);
    enum way way = WAY_NONE;
    uint64_t flags = spin_lock(&s->lock);

    if (p->from->there && frame_admit(s, p)) {
        way = WAY_MANY;
        if (!net_address_is_group(target)) {
            *to = address_port(s, address_key(target, p->vlan), p->now);
            way = !*to ? WAY_UNKNOWN : *to == p->from ? WAY_NONE : WAY_PORT;
        }
    }
    if (way == WAY_PORT)
        __atomic_fetch_add(&(*to)->users, 1, __ATOMIC_RELAXED);
    spin_unlock(&s->lock, flags);
    return way;
}

void vswitch_send(struct vswitch_port *from, const struct net_frame *frame)
{
    struct vswitch *s = from->of;
    struct passage p = {.from = from, .frame = frame, .now = s->now()};
    struct vswitch_port *to = NULL;

    if (!frame_read(&p)) {
        count(&from->statistics.malformed, 1);
        return;
    }
    count(&from->statistics.in, 1);
    count(&from->statistics.in_bytes, frame->length);
    switch (frame_route(s, &p, &to)) {
    case WAY_PORT:
        frame_deliver(to, &p);
        break;
    case WAY_MANY:
        frame_flood(s, &p, false);
        break;
    case WAY_UNKNOWN:
        frame_flood(s, &p, true);
        break;
    case WAY_NONE:
    default:
        break;
    }
}

/* ---- ports ---- */

void vswitch_init(struct vswitch *s, const char *name, uint64_t seed, uint64_t (*now)(void))
{
    rt_strlcpy(s->name, name, sizeof(s->name));
    s->now = now;
    s->seed = seed | 1; /* multiplication by an even number loses bits */
    list_init(&s->free);
    wait_queue_init(&s->idle);
    for (uint32_t i = 0; i < VSWITCH_BUCKETS; i++)
        list_init(&s->buckets[i]);
    for (uint32_t i = 0; i < VSWITCH_ADDRESSES; i++) {
        list_init(&s->pool[i].in_bucket);
        list_push_back(&s->free, &s->pool[i].in_port);
    }
}

static bool config_suits(const struct vswitch_port_config *c)
{
    return c->vlan <= VSWITCH_VLAN_MAX && c->rate <= VSWITCH_RATE_MAX &&
           (c->uplink ? c->vlan == 0 : mac_is_unicast(c->mac));
}

/* Its own address in the table. What was learned of it elsewhere is forgotten: it was there first,
 * but it is this port's. False: another port has it. */
static bool own_put(struct vswitch *s, struct vswitch_port *port)
{
    struct vswitch_address *a;

    port->own.port = port;
    list_init(&port->own.in_bucket);
    if (port->config.uplink)
        return true;
    port->own.key = address_key(port->config.mac, port->config.vlan);
    a = address_find(s, port->own.key);
    if (a && is_own(a))
        return false;
    if (a)
        address_forget(s, a);
    list_push_back(bucket_of(s, port->own.key), &port->own.in_bucket);
    return true;
}

static enum vswitch_result port_put(struct vswitch *s, struct vswitch_port *port)
{
    uint32_t slot = 0;

    while (slot < s->slots_used && s->slots[slot])
        slot++;
    if (slot == VSWITCH_PORTS)
        return VSWITCH_FULL;
    if (!own_put(s, port))
        return VSWITCH_ADDRESS_TAKEN;
    s->slots[slot] = port;
    if (slot == s->slots_used)
        s->slots_used++;
    port->slot = slot;
    port->there = true;
    return VSWITCH_OK;
}

enum vswitch_result vswitch_port_add(struct vswitch *s, struct vswitch_port *port,
                                     const struct vswitch_port_config *config,
                                     const struct vswitch_port_ops *ops, void *owner)
{
    enum vswitch_result result;
    uint64_t flags;

    if (!config_suits(config))
        return VSWITCH_BAD_CONFIG;
    port->config = *config;
    port->ops = ops;
    port->owner = owner;
    port->of = s;
    list_init(&port->learned);
    flags = spin_lock(&s->lock);
    result = port_put(s, port);
    spin_unlock(&s->lock, flags);
    return result;
}

static bool port_is_idle(void *context)
{
    const struct vswitch_port *port = context;

    return __atomic_load_n(&port->users, __ATOMIC_SEQ_CST) == 0;
}

void vswitch_port_remove(struct vswitch_port *port)
{
    struct vswitch *s = port->of;
    uint64_t flags;

    if (!s)
        return;
    flags = spin_lock(&s->lock);
    if (port->there) {
        s->slots[port->slot] = NULL;
        while (s->slots_used > 0 && !s->slots[s->slots_used - 1])
            s->slots_used--;
        list_remove(&port->own.in_bucket);
        learned_forget(s, port);
        port->there = false;
    }
    spin_unlock(&s->lock, flags);
    /* Nobody begins to use it any more. Either the last to do so sees that somebody waits, or we
     * see that he was the last. */
    __atomic_fetch_add(&s->leavers, 1, __ATOMIC_SEQ_CST);
    wait_until(&s->idle, port_is_idle, port);
    __atomic_fetch_sub(&s->leavers, 1, __ATOMIC_SEQ_CST);
}

struct vswitch_port *vswitch_port_get(struct vswitch *s, uint32_t *slot, uint32_t *learned)
{
    struct vswitch_port *port = NULL;
    uint64_t flags = spin_lock(&s->lock);

    while (*slot < s->slots_used && !(port = s->slots[*slot]))
        (*slot)++;
    if (port) {
        *learned = port->learned_count;
        __atomic_fetch_add(&port->users, 1, __ATOMIC_RELAXED);
    }
    spin_unlock(&s->lock, flags);
    return port;
}

void vswitch_port_put(struct vswitch_port *port)
{
    struct vswitch *s = port->of;

    /* The port may be gone when it has no user. Pairs with vswitch_port_remove. */
    if (__atomic_fetch_sub(&port->users, 1, __ATOMIC_SEQ_CST) == 1 &&
        __atomic_load_n(&s->leavers, __ATOMIC_SEQ_CST) > 0)
        wake_all(&s->idle);
}
