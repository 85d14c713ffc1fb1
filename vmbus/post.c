/* SPDX-License-Identifier: MIT */
/* post.c - messages to the child, in order. The child decides when it takes them, so they wait in a
 * queue that cannot overflow: of each relid there is at most one offer and one rescind in it, since
 * a relid is used again only after those were posted, and answers have a limit. */
#include <rt/mem.h>
#include "server_internal.h"

static struct queued_post *post_at(const struct vmbus_server *s, uint32_t index)
{
    return &s->posts[(s->post_first + index) % s->post_capacity];
}

static bool is_announcement(const struct queued_post *q)
{
    return q->type == VMBUS_OFFER_CHANNEL || q->type == VMBUS_RESCIND_OFFER;
}

static void post_drop_first(struct vmbus_server *s)
{
    if (!is_announcement(post_at(s, 0)))
        s->replies--;
    s->post_first = (s->post_first + 1) % s->post_capacity;
    s->post_count--;
}

/* False: the child has no room for it now. */
static bool post_now(struct vmbus_server *s, const void *message, uint32_t length)
{
    hv_status status = s->port->post(s->context, s->target_vp, message, length);

    if (status == HV_STATUS_INSUFFICIENT_BUFFERS)
        return false;
    if (status != HV_STATUS_SUCCESS)
        s->lost_posts++;
    return true;
}

static bool offer_post(struct vmbus_server *s, struct server_channel *c)
{
    struct vmbus_offer_channel m;

    if (!c || !c->offer)
        return true; /* revoked before the child was told */
    server_offer_message(c, &m);
    if (!post_now(s, &m, sizeof(m)))
        return false;
    c->offered = true;
    return true;
}

static bool rescind_post(struct vmbus_server *s, struct server_channel *c)
{
    struct vmbus_relid_message m = {.header.type = VMBUS_RESCIND_OFFER, .relid = c->channel.relid};

    if (!c->offered || c->released) {
        server_channel_free(c);
        return true;
    }
    if (!post_now(s, &m, sizeof(m)))
        return false;
    c->state = CHANNEL_RESCINDED;
    return true;
}

/* False: the child has no room for it now. */
static bool post_first(struct vmbus_server *s)
{
    const struct queued_post *q = post_at(s, 0);

    switch (q->type) {
    case VMBUS_OFFER_CHANNEL:
        return offer_post(s, s->channels[q->relid]);
    case VMBUS_RESCIND_OFFER:
        return rescind_post(s, s->channels[q->relid]);
    default:
        return post_now(s, q->bytes, q->length);
    }
}

bool vmbus_server_post_again(struct vmbus_server *s)
{
    while (s->post_count != 0 && post_first(s))
        post_drop_first(s);
    return s->post_count == 0;
}

static struct queued_post *post_add(struct vmbus_server *s)
{
    return post_at(s, s->post_count++);
}

void server_reply(struct vmbus_server *s, const void *message, uint32_t length)
{
    struct queued_post *q;

    if (s->state == SERVER_RESETTING || s->state == SERVER_STOPPED)
        return; /* the child has forgotten what it asked for */
    if (s->replies >= s->limits.replies) {
        s->lost_posts++;
        server_fault(s, 0, "takes no messages: an answer is lost");
        return;
    }
    q = post_add(s);
    *q = (struct queued_post){.length = length};
    memcpy(&q->type, message, sizeof(q->type));
    memcpy(q->bytes, message, length);
    s->replies++;
    vmbus_server_post_again(s);
}

void server_announce(struct vmbus_server *s, uint32_t type, uint32_t relid)
{
    *post_add(s) = (struct queued_post){.type = type, .relid = relid};
    vmbus_server_post_again(s);
}

static bool is_queued(const struct vmbus_server *s, const struct queued_post *q)
{
    for (uint32_t i = 0; i < s->post_count; i++)
        if (post_at(s, i)->type == q->type && post_at(s, i)->relid == q->relid)
            return true;
    return false;
}

static bool announcement_valid(const struct vmbus_server *s, const struct queued_post *q)
{
    const struct server_channel *c = q->relid <= s->limits.channels ? s->channels[q->relid] : NULL;

    return c && q->length == 0 && !is_queued(s, q) &&
           (q->type == VMBUS_RESCIND_OFFER ? c->state == CHANNEL_RESCINDING
                                           : c->announced && !c->offered);
}

bool server_post_restore(struct vmbus_server *s, const struct queued_post *q)
{
    bool announcement = is_announcement(q);

    if (announcement ? !announcement_valid(s, q)
                     : q->relid != 0 || s->replies >= s->limits.replies ||
                           q->length < sizeof(struct vmbus_message) || q->length > sizeof(q->bytes))
        return false;
    if (!announcement)
        s->replies++;
    *post_add(s) = *q;
    return true;
}

void server_posts_clear(struct vmbus_server *s)
{
    s->post_count = 0;
    s->replies = 0;
}
