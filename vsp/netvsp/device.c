/* SPDX-License-Identifier: MIT */
/* netvsp/device.c - the offer of a network card, and what workers leave to the bus: the buffers
 * that the child shares, sub-channels, the ends of channels. */
#include <rt/mem.h>
#include "internal.h"

/* What stands before a frame in its section, and some room. */
#define SECTION_HEAD  128u
#define SECTION_ALIGN 64u

static const struct vmbus_guid network_interface = NETWORK_INTERFACE;

/* ---- the offer: called by the server ---- */

static bool primary_may_open(struct netvsp_device *d)
{
    if (d->primary || d->slots[0].taken)
        return false;
    __atomic_store_n(&d->version, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&d->mtu, NET_MTU_DEFAULT, __ATOMIC_RELAXED);
    __atomic_store_n(&d->table_due, false, __ATOMIC_RELAXED);
    netvsp_settings_reset(d);
    return true;
}

/* A device's state is not saved, so that a child whose channel was open has to open it anew. */
static bool may_open(struct netvsp_device *d, const struct vmbus_channel *v, bool restored)
{
    if (restored || v->sub_channel_index > d->config.sub_channel_max)
        return false;
    if (v->sub_channel_index == 0)
        return primary_may_open(d);
    return d->primary && !d->slots[v->sub_channel_index].taken &&
           __atomic_load_n(&d->version, __ATOMIC_ACQUIRE) >= NVSP_VERSION_5;
}

/* The child is to hear of it where it should send from now on. */
static void table_changed(struct netvsp_device *d)
{
    __atomic_store_n(&d->table_due, true, __ATOMIC_RELEASE); /* pairs with netvsp_table_send */
    if (d->primary)
        d->port->wake(d->primary);
}

static void channel_publish(struct netvsp_device *d, struct netvsp_channel *c)
{
    c->slot->taken = true;
    list_push_back(&d->channels, &c->node);
    if (netvsp_is_primary(c))
        d->primary = c;
    __atomic_store_n(&c->slot->channel, c, __ATOMIC_SEQ_CST); /* pairs with channel_find */
    if (!netvsp_is_primary(c))
        table_changed(d);
}

static bool netvsp_opened(struct vmbus_offer *offer, struct vmbus_channel *v,
                          const uint8_t *user_data, bool restored)
{
    struct netvsp_device *d = offer->context;
    struct netvsp_channel *c;

    (void)user_data; /* Linux sends none that counts */
    if (!may_open(d, v, restored))
        return false;
    c = netvsp_channel_create(d, v);
    if (!c)
        return false;
    v->context = c;
    if (!d->port->started(d->context, c)) {
        v->context = NULL;
        d->port->free(d->context, c, sizeof(*c));
        return false;
    }
    channel_publish(d, c);
    return true;
}

static void netvsp_closed(struct vmbus_offer *offer, struct vmbus_channel *v)
{
    struct netvsp_device *d = offer->context;
    struct netvsp_channel *c = v->context;

    if (d->primary == c)
        d->primary = NULL;
    __atomic_store_n(&c->closing, true, __ATOMIC_RELEASE); /* pairs with netvsp_channel_work */
    d->port->wake(c);
}

static void netvsp_signalled(struct vmbus_offer *offer, struct vmbus_channel *v)
{
    const struct netvsp_device *d = offer->context;

    d->port->wake(v->context);
}

/* Within drained_close, that has to finish first. */
static void netvsp_revoked(struct vmbus_offer *offer)
{
    struct netvsp_device *d = offer->context;

    if (d->draining)
        d->revoke_due = true;
    else if (d->revoked)
        d->revoked(d);
}

static const struct vmbus_offer_operations offer_operations = {
    .opened = netvsp_opened,
    .closed = netvsp_closed,
    .signalled = netvsp_signalled,
    .revoked = netvsp_revoked,
};

static bool config_valid(const struct netvsp_config *c)
{
    return c->mtu_max >= NET_MTU_DEFAULT && c->mtu_max <= NET_MTU_MAX &&
           c->sub_channel_max < NETVSP_CHANNELS && c->bits_per_second > 0 &&
           !net_address_is_group(c->address) && c->name[NETVSP_NAME_BYTES - 1] == 0;
}

bool netvsp_device_init(struct netvsp_device *d, const struct netvsp_port *port, void *context,
                        const struct netvsp_config *config,
                        void (*revoked)(struct netvsp_device *d))
{
    if (!config_valid(config))
        return false;
    memset(d, 0, sizeof(*d));
    d->context = context;
    d->port = port;
    d->config = *config;
    d->revoked = revoked;
    d->mtu = NET_MTU_DEFAULT;
    d->link_speed = config->bits_per_second;
    list_init(&d->channels);
    d->offer.interface = network_interface;
    d->offer.instance = config->instance;
    d->offer.flags = VMBUS_OFFER_ENUMERATE_DEVICE_INTERFACE;
    d->offer.sub_channel_max = config->sub_channel_max;
    d->offer.operations = &offer_operations;
    d->offer.context = d;
    return true;
}

/* ---- buffers ---- */

static size_t sections_bytes(const struct netvsp_device *d)
{
    return d->receive.section_count * sizeof(struct netvsp_section);
}

static uint32_t section_size_for(uint32_t mtu)
{
    uint32_t size = NET_ETHERNET_BYTES + mtu + SECTION_HEAD;

    size = (size + SECTION_ALIGN - 1) / SECTION_ALIGN * SECTION_ALIGN;
    return size > NETVSP_SECTION_BYTES ? size : NETVSP_SECTION_BYTES;
}

static bool buffer_get(struct netvsp_device *d, struct netvsp_buffer *b, uint32_t section_size)
{
    if (!vmbus_server_gpadl_get(d->primary->vmbus, b->gpadl, &b->view))
        return false;
    b->section_size = section_size;
    b->section_count = b->view.length / section_size;
    b->held = true;
    return true;
}

static void buffer_put(struct netvsp_device *d, struct netvsp_buffer *b, struct vmbus_channel *v)
{
    if (!b->held)
        return;
    if (b == &d->receive && d->sections) {
        d->port->free(d->context, d->sections, sections_bytes(d));
        d->sections = NULL;
    }
    b->held = false;
    vmbus_server_gpadl_put(v, b->gpadl);
}

static bool receive_get(struct netvsp_device *d)
{
    struct netvsp_buffer *b = &d->receive;

    if (!buffer_get(d, b, section_size_for(d->mtu)))
        return false;
    if (b->section_count > NETVSP_SECTIONS_MAX)
        b->section_count = NETVSP_SECTIONS_MAX;
    if (b->section_count >= NETVSP_SECTIONS_MIN)
        d->sections = d->port->allocate(d->context, sections_bytes(d));
    if (!d->sections) {
        buffer_put(d, b, d->primary->vmbus);
        return false;
    }
    netvsp_sections_init(d);
    return true;
}

static bool send_get(struct netvsp_device *d)
{
    if (!buffer_get(d, &d->send, NETVSP_SEND_SECTION))
        return false;
    if (d->send.section_count > 0)
        return true;
    buffer_put(d, &d->send, d->primary->vmbus);
    return false;
}

/* As many as asked for, or as there is memory for. */
static void sub_channels_offer(struct netvsp_device *d)
{
    uint32_t are = vmbus_server_sub_channels(&d->offer, d->sub_channels);

    if (are < d->sub_channels)
        d->sub_channels = are;
}

static bool errand_run(struct netvsp_device *d)
{
    switch (d->errand) {
    case NETVSP_ERRAND_SUB_CHANNELS:
        sub_channels_offer(d);
        return true;
    case NETVSP_ERRAND_RECEIVE_GET:
        return receive_get(d);
    case NETVSP_ERRAND_SEND_GET:
        return send_get(d);
    case NETVSP_ERRAND_RECEIVE_PUT:
        buffer_put(d, &d->receive, d->primary->vmbus);
        return true;
    case NETVSP_ERRAND_SEND_PUT:
    default:
        buffer_put(d, &d->send, d->primary->vmbus);
        return true;
    }
}

/* What the primary's worker asked for. When that channel is being closed, its end sees to all. */
static void errand_do(struct netvsp_device *d)
{
    if (!d->primary ||
        __atomic_load_n(&d->errand_state, __ATOMIC_ACQUIRE) != NETVSP_ASKED) /* errand_begin */
        return;
    d->errand_done = errand_run(d);
    __atomic_store_n(&d->errand_state, NETVSP_DONE, __ATOMIC_RELEASE); /* errand_go_on */
    d->port->wake(d->primary);
}

/* ---- what workers leave to the bus ---- */

static void broken_close(struct netvsp_device *d)
{
    LIST_FOR_EACH_SAFE(node, &d->channels)
    {
        struct netvsp_channel *c = container_of(node, struct netvsp_channel, node);

        if (__atomic_exchange_n(&c->broken, false, __ATOMIC_ACQUIRE)) /* netvsp_broken */
            vmbus_server_channel_broken(c->vmbus);
    }
}

/* The first channel that nothing refers to any more; NULL: none is. */
static struct netvsp_channel *drained_find(struct netvsp_device *d)
{
    LIST_FOR_EACH(node, &d->channels)
    {
        struct netvsp_channel *c = container_of(node, struct netvsp_channel, node);

        if (__atomic_load_n(&c->drained, __ATOMIC_ACQUIRE)) /* pairs with close_go_on */
            return c;
    }
    return NULL;
}

/* Before the bus is told, so that it may tear the buffers down. */
static void buffers_end(struct netvsp_device *d, const struct netvsp_channel *c)
{
    if (!netvsp_is_primary(c))
        return;
    buffer_put(d, &d->receive, c->vmbus);
    buffer_put(d, &d->send, c->vmbus);
    d->errand = NETVSP_ERRAND_NONE;
    __atomic_store_n(&d->errand_state, NETVSP_IDLE, __ATOMIC_RELAXED);
}

/* Until the bus has disconnected its doorbell, a signal may refer to a channel. With the last of
 * them, @d may be revoked: it is the owner's at the end. */
static void drained_close(struct netvsp_device *d)
{
    struct netvsp_channel *c;

    d->draining = true;
    while ((c = drained_find(d))) {
        list_remove(&c->node);
        buffers_end(d, c);
        c->slot->taken = false;
        if (!netvsp_is_primary(c))
            table_changed(d);
        vmbus_server_closed(c->vmbus);
        d->port->stopped(d->context, c);
        d->port->free(d->context, c, sizeof(*c));
    }
    d->draining = false;
    if (d->revoke_due) {
        d->revoke_due = false;
        if (d->revoked)
            d->revoked(d);
    }
}

void netvsp_service(struct netvsp_device *d)
{
    broken_close(d);
    errand_do(d);
    drained_close(d);
}

/* ---- from the network ---- */

void netvsp_link_set(struct netvsp_device *d, bool up)
{
    struct netvsp_slot *slot = &d->slots[0];
    struct netvsp_channel *c;

    __atomic_store_n(&d->link_speed, up ? d->config.bits_per_second : 0, __ATOMIC_SEQ_CST);
    netvsp_enter(slot);
    c = __atomic_load_n(&slot->channel, __ATOMIC_SEQ_CST); /* pairs with close_begin */
    if (c)
        d->port->wake(c);
    netvsp_leave(slot);
}

/* ---- looking ---- */

_Static_assert(sizeof(struct netvsp_statistics) % sizeof(uint64_t) == 0, "nothing but counters");

void netvsp_device_statistics(const struct netvsp_device *d, struct netvsp_statistics *out)
{
    uint64_t sums[sizeof(*out) / sizeof(uint64_t)] = {0};

    for (uint32_t i = 0; i < NETVSP_CHANNELS; i++) {
        const uint64_t *counters = (const void *)&d->slots[i].statistics;

        for (uint32_t k = 0; k < sizeof(*out) / sizeof(uint64_t); k++)
            sums[k] += __atomic_load_n(counters + k, __ATOMIC_RELAXED);
    }
    memcpy(out, sums, sizeof(*out));
}

void netvsp_device_setup(const struct netvsp_device *d, struct netvsp_setup *out)
{
    *out = (struct netvsp_setup){
        .version = __atomic_load_n(&d->version, __ATOMIC_RELAXED),
        .mtu = __atomic_load_n(&d->mtu, __ATOMIC_RELAXED),
        .filter = __atomic_load_n(&d->filter, __ATOMIC_RELAXED),
        .ready = __atomic_load_n(&d->ready, __ATOMIC_RELAXED),
        .link = netvsp_has_link(d),
    };
    for (uint32_t i = 0; i < NETVSP_CHANNELS; i++)
        out->channels += __atomic_load_n(&d->slots[i].channel, __ATOMIC_RELAXED) != NULL;
    if (netvsp_open(&d->receive))
        out->sections = __atomic_load_n(&d->receive.section_count, __ATOMIC_RELAXED);
}
