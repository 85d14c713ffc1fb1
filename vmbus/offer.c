/* SPDX-License-Identifier: MIT */
/* offer.c - what providers offer, and how long a relid means something. */
#include <rt/mem.h>
#include "server_internal.h"

/* ---- relids ---------------------------------------------------------------------------------- */

struct server_channel *server_channel_find(const struct vmbus_server *s, uint32_t relid)
{
    struct server_channel *c = relid <= s->limits.channels ? s->channels[relid] : NULL;

    return c && c->offered && !c->released ? c : NULL;
}

/* The next free relid after the one given out last, so that stale messages seldom hit a new
 * channel; 0: none. */
static uint32_t relid_find(const struct vmbus_server *s)
{
    uint32_t relid = s->last_relid;

    for (uint32_t i = 0; i < s->limits.channels; i++) {
        relid = relid % s->limits.channels + 1;
        if (!s->channels[relid])
            return relid;
    }
    return 0;
}

struct server_channel *server_channel_make(struct vmbus_server *s, struct vmbus_offer *offer,
                                           uint32_t sub_channel_index, uint32_t relid)
{
    struct server_channel *c;

    if (relid == 0)
        relid = relid_find(s);
    if (relid == 0)
        return NULL;
    c = server_allocate(s, sizeof(*c));
    if (!c)
        return NULL;
    c->server = s;
    c->offer = offer;
    c->channel.relid = relid;
    c->channel.sub_channel_index = (uint16_t)sub_channel_index;
    c->channel.connection_id = relid | VMBUS_SINT << VMBUS_DOORBELL_SINT_SHIFT;
    c->channel.monitor_id = -1;
    c->channel.signal = s->port->signal;
    if (offer)
        list_push_back(&offer->channels, &c->node);
    else
        list_init(&c->node);
    s->channels[relid] = c;
    s->channel_count++;
    s->last_relid = relid;
    return c;
}

static void monitor_id_free(struct server_channel *c)
{
    uint32_t id = (uint32_t)c->channel.monitor_id;

    if (c->channel.monitor_id >= 0)
        c->server->monitor_ids[id / 64] &= ~(1ull << id % 64);
    c->channel.monitor_id = -1;
}

void server_channel_free(struct server_channel *c)
{
    struct vmbus_server *s = c->server;

    monitor_id_free(c);
    s->channels[c->channel.relid] = NULL;
    s->channel_count--;
    server_free(s, c, sizeof(*c));
}

/* ---- offering -------------------------------------------------------------------------------- */

static void monitor_id_choose(struct server_channel *c)
{
    struct vmbus_server *s = c->server;

    if (!(c->offer->flags & VMBUS_OFFER_MONITORED) || s->monitor_pages[0] == 0 ||
        c->channel.monitor_id >= 0)
        return;
    for (uint32_t i = 0; i < MONITOR_IDS / 64; i++) {
        if (s->monitor_ids[i] != UINT64_MAX) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~s->monitor_ids[i]);

            s->monitor_ids[i] |= 1ull << bit;
            c->channel.monitor_id = (int32_t)(i * 64 + bit);
            return;
        }
    }
}

void server_offer_message(struct server_channel *c, struct vmbus_offer_channel *m)
{
    const struct vmbus_offer *o = c->offer;

    monitor_id_choose(c);
    *m = (struct vmbus_offer_channel){
        .header.type = VMBUS_OFFER_CHANNEL,
        .interface = o->interface,
        .instance = o->instance,
        .flags = o->flags,
        .mmio_megabytes = o->mmio_megabytes,
        .sub_channel_index = c->channel.sub_channel_index,
        .relid = c->channel.relid,
        .monitor_id = c->channel.monitor_id >= 0 ? (uint8_t)c->channel.monitor_id : 0,
        .monitor_allocated = c->channel.monitor_id >= 0,
        .dedicated_interrupt = 1,
        .connection_id = c->channel.connection_id,
    };
    memcpy(m->user_data, o->user_data, sizeof(m->user_data));
}

void server_channel_announce(struct server_channel *c)
{
    struct vmbus_server *s = c->server;

    if (s->state != SERVER_CONNECTED || !s->offers_requested)
        return;
    c->announced = true;
    server_announce(s, VMBUS_OFFER_CHANNEL, c->channel.relid);
}

void server_request_offers(struct vmbus_server *s)
{
    struct vmbus_message m = {.type = VMBUS_ALL_OFFERS_DELIVERED};

    if (s->offers_requested) {
        server_fault(s, 0, "requests offers twice");
        return;
    }
    s->offers_requested = true;
    for (uint32_t i = VMBUS_RELID_MIN; i <= s->limits.channels; i++)
        if (s->channels[i] && s->channels[i]->state == CHANNEL_CLOSED)
            server_channel_announce(s->channels[i]);
    server_reply(s, &m, sizeof(m));
}

struct vmbus_offer *server_offer_find(const struct vmbus_server *s,
                                      const struct vmbus_guid *interface,
                                      const struct vmbus_guid *instance)
{
    LIST_FOR_EACH(node, &s->offers)
    {
        struct vmbus_offer *o = container_of(node, struct vmbus_offer, node);

        if (memcmp(&o->interface, interface, sizeof(*interface)) == 0 &&
            memcmp(&o->instance, instance, sizeof(*instance)) == 0)
            return o;
    }
    return NULL;
}

bool vmbus_server_offer(struct vmbus_server *s, struct vmbus_offer *offer)
{
    struct server_channel *c;

    if (server_offer_find(s, &offer->interface, &offer->instance))
        return false;
    list_init(&offer->channels);
    offer->sub_channels = 0;
    offer->revoking = false;
    c = server_channel_make(s, offer, 0, 0);
    if (!c)
        return false;
    offer->server = s;
    list_push_back(&s->offers, &offer->node);
    server_channel_announce(c);
    return true;
}

struct server_channel *server_channel_of(const struct vmbus_offer *offer, uint32_t index)
{
    LIST_FOR_EACH(node, &offer->channels)
    {
        struct server_channel *c = container_of(node, struct server_channel, node);

        if (c->channel.sub_channel_index == index)
            return c;
    }
    return NULL;
}

uint32_t vmbus_server_sub_channels(struct vmbus_offer *offer, uint32_t count)
{
    const struct server_channel *primary = server_channel_of(offer, 0);

    if (offer->revoking || !primary || primary->state != CHANNEL_OPEN)
        return offer->sub_channels;
    for (uint32_t index = 1; index <= offer->sub_channel_max && offer->sub_channels < count;
         index++) {
        struct server_channel *c;

        if (server_channel_of(offer, index))
            continue;
        c = server_channel_make(offer->server, offer, index, 0);
        if (!c)
            break;
        offer->sub_channels++;
        server_channel_announce(c);
    }
    return offer->sub_channels;
}

/* ---- taking back ----------------------------------------------------------------------------- */

static void offer_end_if_empty(struct vmbus_offer *offer)
{
    if (!offer->revoking || !list_empty(&offer->channels))
        return;
    list_remove(&offer->node);
    offer->operations->revoked(offer);
}

static void offer_leave(struct server_channel *c)
{
    struct vmbus_offer *offer = c->offer;

    list_remove(&c->node);
    c->offer = NULL;
    if (c->channel.sub_channel_index != 0)
        offer->sub_channels--;
    offer_end_if_empty(offer);
}

void server_channel_rescind(struct server_channel *c)
{
    struct vmbus_server *s = c->server;
    uint32_t relid = c->channel.relid;

    c->state = CHANNEL_RESCINDING;
    server_gpadls_drop(s, relid);
    offer_leave(c);
    if (c->announced && !c->released && s->state == SERVER_CONNECTED)
        server_announce(s, VMBUS_RESCIND_OFFER, relid);
    else
        server_channel_free(c);
}

void server_revoke_marked(struct vmbus_server *s)
{
    for (uint32_t i = VMBUS_RELID_MIN; i <= s->limits.channels; i++) {
        struct server_channel *c = s->channels[i];

        if (!c || !c->revoking)
            continue;
        if (c->state == CHANNEL_OPEN)
            server_channel_close(c);
        else if (c->state == CHANNEL_CLOSED)
            server_channel_rescind(c);
    }
}

void vmbus_server_revoke(struct vmbus_offer *offer)
{
    struct vmbus_server *s = offer->server;

    if (offer->revoking)
        return;
    offer->revoking = true;
    if (list_empty(&offer->channels)) { /* a restore failed */
        offer_end_if_empty(offer);
        return;
    }
    LIST_FOR_EACH(node, &offer->channels)
    container_of(node, struct server_channel, node)->revoking = true;
    server_revoke_marked(s);
}

void server_relid_released(struct vmbus_server *s, const struct vmbus_relid_message *m)
{
    struct server_channel *c = server_channel_find(s, m->relid);

    if (!c || c->state == CHANNEL_OPEN || c->state == CHANNEL_CLOSING) {
        server_fault(s, m->relid, "releases a relid that is not its to release");
        return;
    }
    c->released = true;
    if (c->state == CHANNEL_RESCINDED)
        server_channel_free(c);
    else if (c->state == CHANNEL_CLOSED && c->channel.sub_channel_index != 0)
        server_channel_rescind(c);
    else
        server_gpadls_drop(s, m->relid);
}

void server_channels_forget(struct vmbus_server *s)
{
    for (uint32_t i = VMBUS_RELID_MIN; i <= s->limits.channels; i++) {
        struct server_channel *c = s->channels[i];

        if (!c)
            continue;
        if (c->state != CHANNEL_CLOSED) {
            server_channel_free(c);
            continue;
        }
        monitor_id_free(c);
        c->announced = false;
        c->offered = false;
        c->released = false;
    }
}
