/* SPDX-License-Identifier: MIT */
/* server.c - the life of a server, and looking at it. See vmbus/server.h and server_internal.h. */
#include "server_internal.h"

void *server_allocate(struct vmbus_server *s, size_t size)
{
    return s->port->allocate(s->context, size);
}

void server_free(struct vmbus_server *s, void *memory, size_t size)
{
    if (memory)
        s->port->free(s->context, memory, size);
}

void server_fault(struct vmbus_server *s, uint32_t relid, const char *reason)
{
    s->refused++;
    s->port->log(s->context, relid, reason);
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool limits_valid(const struct vmbus_server_limits *l)
{
    return l->vp_count != 0 && l->channels != 0 && l->channels <= VMBUS_RELID_MAX &&
           l->replies != 0;
}

static size_t channels_size(const struct vmbus_server *s)
{
    return (s->limits.channels + 1) * sizeof(struct server_channel *);
}

static size_t posts_size(const struct vmbus_server *s)
{
    return s->post_capacity * sizeof(struct queued_post);
}

static void memory_free(struct vmbus_server *s)
{
    server_free(s, s->posts, posts_size(s));
    server_free(s, s->channels, channels_size(s));
    server_free(s, s, sizeof(*s));
}

struct vmbus_server *vmbus_server_create(const struct vmbus_server_port *port, void *context,
                                         const struct vmbus_server_limits *limits)
{
    struct vmbus_server *s;

    if (!limits_valid(limits))
        return NULL;
    s = port->allocate(context, sizeof(*s));
    if (!s)
        return NULL;
    s->port = port;
    s->context = context;
    s->limits = *limits;
    list_init(&s->offers);
    for (uint32_t i = 0; i < GPADL_BUCKETS; i++)
        list_init(&s->gpadls[i]);
    s->post_capacity = 2 * limits->channels + limits->replies + 1; /* + ALL_OFFERS_DELIVERED */
    s->posts = server_allocate(s, posts_size(s));
    s->channels = server_allocate(s, channels_size(s));
    if (s->posts && s->channels)
        return s;
    memory_free(s);
    return NULL;
}

bool vmbus_server_stop(struct vmbus_server *s)
{
    if (s->state != SERVER_STOPPED)
        server_reset(s, SERVER_STOPPED);
    return s->busy == 0;
}

void vmbus_server_destroy(struct vmbus_server *s)
{
    while (!list_empty(&s->offers))
        vmbus_server_revoke(container_of(s->offers.next, struct vmbus_offer, node));
    memory_free(s);
}

/* ---- looking --------------------------------------------------------------------------------- */

void vmbus_server_signalled(struct vmbus_channel *c)
{
    const struct server_channel *self = server_channel(c);

    if (__atomic_load_n(&self->ready, __ATOMIC_ACQUIRE))
        self->offer->operations->signalled(self->offer, c);
}

static uint32_t open_count(const struct vmbus_server *s)
{
    uint32_t n = 0;

    for (uint32_t i = VMBUS_RELID_MIN; i <= s->limits.channels; i++)
        n += s->channels[i] && s->channels[i]->state == CHANNEL_OPEN;
    return n;
}

void vmbus_server_statistics_get(const struct vmbus_server *s, struct vmbus_server_statistics *out)
{
    *out = (struct vmbus_server_statistics){
        .received = s->received,
        .refused = s->refused,
        .lost_posts = s->lost_posts,
        .version = s->version,
        .waiting = s->post_count,
        .channels = s->channel_count,
        .open = open_count(s),
        .gpadls = s->gpadl_count,
        .half_built = s->half_built,
        .pages = s->pages,
    };
}

const struct vmbus_channel *vmbus_server_channel_from(const struct vmbus_server *s, uint32_t relid,
                                                      const struct vmbus_offer **offer)
{
    for (uint32_t i = relid; i <= s->limits.channels; i++) {
        if (s->channels[i]) {
            *offer = s->channels[i]->offer;
            return &s->channels[i]->channel;
        }
    }
    return NULL;
}

const char *vmbus_server_channel_state(const struct vmbus_channel *c)
{
    static const char *const name[] = {
        [CHANNEL_CLOSED] = "closed",       [CHANNEL_OPEN] = "open",
        [CHANNEL_CLOSING] = "closing",     [CHANNEL_RESCINDING] = "rescinded",
        [CHANNEL_RESCINDED] = "rescinded",
    };

    return name[server_channel(c)->state];
}
