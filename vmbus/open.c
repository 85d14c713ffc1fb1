/* SPDX-License-Identifier: MIT */
/* open.c - opening and closing channels. */
#include <rt/mem.h>
#include "server_internal.h"

#define RING_PAGES_MIN 2u /* header and data */

/* ---- opening --------------------------------------------------------------------------------- */

/* Whether sub-channels of an earlier opening are still there. */
static bool sub_channels_linger(const struct server_channel *c)
{
    return c->channel.sub_channel_index == 0 && c->offer->sub_channels != 0;
}

bool server_rings_valid(const struct gpadl *ring, uint32_t downstream_page)
{
    return ring->byte_offset == 0 && ring->byte_count % HV_PAGE_SIZE == 0 &&
           downstream_page >= RING_PAGES_MIN && downstream_page <= ring->page_count &&
           ring->page_count - downstream_page >= RING_PAGES_MIN;
}

static const char *open_check(const struct vmbus_server *s, const struct server_channel *c,
                              const struct gpadl *ring, const struct vmbus_open_channel *m)
{
    if (!c || c->state != CHANNEL_CLOSED || sub_channels_linger(c))
        return "opens a channel that is not there, or not closed";
    if (!ring || !server_rings_valid(ring, m->downstream_page))
        return "opens a channel without two rings of whole pages";
    if (m->target_vp >= s->limits.vp_count)
        return "opens a channel for a VP that does not exist";
    return NULL;
}

/* Whoever looks at the channel finds neither rings nor provider. */
static void channel_detach(struct server_channel *c)
{
    static const struct vmbus_ring none = {.broken = "the channel is closed"};

    c->channel.in = none;
    c->channel.out = none;
    c->channel.context = NULL;
}

/* Our ends of the rings are where the child's memory says, or have to be at @indices. */
static const char *rings_attach(struct server_channel *c, const struct gpadl *ring,
                                const uint32_t *indices)
{
    uint32_t upstream = c->downstream_page * HV_PAGE_SIZE;
    uint8_t *memory = ring->mapping;
    struct vmbus_channel *channel = &c->channel;

    if (!vmbus_ring_attach_reader(&channel->in, memory, upstream))
        return channel->in.broken;
    if (!vmbus_ring_attach_writer(&channel->out, memory + upstream, ring->byte_count - upstream))
        return channel->out.broken;
    if (indices && (channel->in.own != indices[0] || channel->out.own != indices[1]))
        return "the rings are not as they were saved";
    return NULL;
}

const char *server_channel_start(struct server_channel *c, struct gpadl *ring,
                                 const uint32_t *indices)
{
    struct vmbus_server *s = c->server;
    const char *wrong = rings_attach(c, ring, indices);

    if (wrong)
        goto err_detach;
    wrong = "no memory for a doorbell";
    if (!s->port->doorbell_connect(s->context, &c->channel))
        goto err_detach;
    wrong = "its provider refuses a channel";
    c->state = CHANNEL_OPEN;
    if (!c->offer->operations->opened(c->offer, &c->channel, c->user_data, indices != NULL))
        goto err_disconnect;
    s->busy++;
    ring->users++;
    c->ring = ring;
    __atomic_store_n(&c->ready, true, __ATOMIC_RELEASE);
    return NULL;

err_disconnect:
    c->state = CHANNEL_CLOSED;
    s->port->doorbell_disconnect(s->context, &c->channel);
err_detach:
    channel_detach(c);
    return wrong;
}

static const char *open_try(struct vmbus_server *s, const struct vmbus_open_channel *m)
{
    struct server_channel *c = server_channel_find(s, m->relid);
    struct gpadl *ring = server_gpadl_find(s, m->relid, m->ring_gpadl);
    const char *wrong = open_check(s, c, ring, m);

    if (wrong)
        return wrong;
    c->open_id = m->open_id;
    c->downstream_page = m->downstream_page;
    c->channel.target_vp = m->target_vp;
    c->channel.context = NULL;
    c->channel.transport = NULL;
    c->channel.statistics = (struct vmbus_channel_statistics){0};
    memcpy(c->user_data, m->user_data, sizeof(c->user_data));
    return server_channel_start(c, ring, NULL);
}

void server_open(struct vmbus_server *s, const struct vmbus_open_channel *m)
{
    const char *wrong = open_try(s, m);
    struct vmbus_open_result result = {
        .header.type = VMBUS_OPEN_RESULT,
        .relid = m->relid,
        .open_id = m->open_id,
        .status = wrong ? VMBUS_STATUS_UNSUCCESSFUL : VMBUS_STATUS_SUCCESS,
    };

    if (wrong)
        server_fault(s, m->relid, wrong);
    server_reply(s, &result, sizeof(result));
}

/* ---- closing --------------------------------------------------------------------------------- */

void server_channel_close(struct server_channel *c)
{
    struct vmbus_offer *offer = c->offer;

    if (c->state != CHANNEL_OPEN)
        return;
    c->state = CHANNEL_CLOSING;
    __atomic_store_n(&c->ready, false, __ATOMIC_RELEASE);
    if (sub_channels_linger(c)) {
        LIST_FOR_EACH(node, &offer->channels)
        if (node != &c->node)
            container_of(node, struct server_channel, node)->revoking = true;
        server_revoke_marked(c->server);
    }
    offer->operations->closed(offer, &c->channel);
}

void vmbus_server_closed(struct vmbus_channel *c)
{
    struct server_channel *self = server_channel(c);
    struct vmbus_server *s = self->server;
    struct gpadl *ring = self->ring;

    if (self->state != CHANNEL_CLOSING)
        return;
    s->port->doorbell_disconnect(s->context, c);
    channel_detach(self);
    self->ring = NULL;
    self->state = CHANNEL_CLOSED;
    s->busy--;
    server_gpadl_put(s, ring);
    if (self->revoking)
        server_channel_rescind(self);
    server_reset_advance(s);
}

void server_close(struct vmbus_server *s, const struct vmbus_relid_message *m)
{
    struct server_channel *c = server_channel_find(s, m->relid);

    /* It may not know yet that the channel was closed for it. */
    if (!c || c->state == CHANNEL_CLOSED)
        server_fault(s, m->relid, "closes a channel that is not open");
    else
        server_channel_close(c);
}

void vmbus_server_channel_broken(struct vmbus_channel *c)
{
    struct server_channel *self = server_channel(c);
    const char *reason = vmbus_channel_broken(c);

    if (self->state != CHANNEL_OPEN)
        return;
    server_fault(self->server, c->relid, reason ? reason : "its provider gives a channel up");
    server_channel_close(self);
}

/* ---- another VP ------------------------------------------------------------------------------ */

static const char *modify_try(struct vmbus_server *s, const struct vmbus_modify_channel *m)
{
    struct server_channel *c = server_channel_find(s, m->relid);

    if (s->version < VMBUS_VERSION_4_1)
        return "modifies a channel, which its version cannot";
    if (!c || c->state != CHANNEL_OPEN)
        return "modifies a channel that is not open";
    if (m->target_vp >= s->limits.vp_count)
        return "modifies a channel for a VP that does not exist";
    if (!s->port->doorbell_retarget(s->context, &c->channel, m->target_vp))
        return "modifies a channel for a VP that cannot be interrupted";
    __atomic_store_n(&c->channel.target_vp, m->target_vp, __ATOMIC_RELAXED);
    return NULL;
}

void server_modify(struct vmbus_server *s, const struct vmbus_modify_channel *m)
{
    const char *wrong = modify_try(s, m);
    struct vmbus_modify_channel_response response = {
        .header.type = VMBUS_MODIFY_CHANNEL_RESPONSE,
        .relid = m->relid,
        .status = wrong ? VMBUS_STATUS_UNSUCCESSFUL : VMBUS_STATUS_SUCCESS,
    };

    if (wrong)
        server_fault(s, m->relid, wrong);
    if (s->version >= VMBUS_VERSION_5_3)
        server_reply(s, &response, sizeof(response));
}
