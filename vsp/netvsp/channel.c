/* SPDX-License-Identifier: MIT */
/* netvsp/channel.c - a channel's worker: packets in, answers and frames out, and its end.
 *
 * What a packet asks for is done when its answer is written, so that a child that takes no answers
 * waits in its own ring. */
#include <rt/mem.h>
#include "internal.h"

#define WORK_AT_A_TIME 128u /* packets, frames of the wire and their pages, before others may have a turn */

struct netvsp_channel *netvsp_channel_create(struct netvsp_device *d, struct vmbus_channel *v)
{
    struct netvsp_channel *c = d->port->allocate(d->context, sizeof(*c));

    if (!c)
        return NULL;
    c->device = d;
    c->slot = &d->slots[v->sub_channel_index];
    c->vmbus = v;
    list_init(&c->node);
    return c;
}

void netvsp_broken(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;

    __atomic_store_n(&c->broken, true, __ATOMIC_RELEASE); /* pairs with netvsp_service */
    d->port->wake_bus(d);
}

/* ---- answers ---- */

/* The answer that waits. True: none does any more. */
static bool answer_flush(struct netvsp_channel *c)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_COMPLETION,
                             .transaction = c->answer_transaction,
                             .payload = &c->answer,
                             .length = c->answer_length};
    enum vmbus_ring_status status;

    if (!c->answer_due)
        return true;
    status = vmbus_channel_send(c->vmbus, &p);
    if (status == VMBUS_RING_BROKEN)
        netvsp_broken(c);
    if (status != VMBUS_RING_OK)
        return false;
    c->answer_due = false;
    return true;
}

void netvsp_answer(struct netvsp_channel *c, uint64_t transaction,
                   const struct nvsp_message *message, uint32_t length)
{
    c->answer_due = true;
    c->answer_transaction = transaction;
    c->answer_length = length;
    c->answer = *message;
    (void)answer_flush(c); /* else when there is room */
}

/* ---- packets ---- */

static void packet_take(struct netvsp_channel *c, const struct vmbus_packet *p)
{
    switch (p->type) {
    case VMBUS_PACKET_COMPLETION:
        netvsp_completion_take(c, p->transaction);
        break;
    case VMBUS_PACKET_IN_BAND:
    case VMBUS_PACKET_GPA_DIRECT:
        netvsp_message_take(c, p);
        break;
    default:
        netvsp_count(&c->slot->statistics.dropped, 1);
        netvsp_complain(c, "a packet of a kind that clients do not send");
        break;
    }
}

/* Nothing is read while an answer waits for room, or an errand for the bus. */
static bool may_read(const struct netvsp_channel *c)
{
    return !c->answer_due &&
           (!netvsp_is_primary(c) ||
            __atomic_load_n(&c->device->errand_state, __ATOMIC_RELAXED) == NETVSP_IDLE);
}

/* Read what @budget is enough for; what is left of it. */
static uint32_t batch_take(struct netvsp_channel *c, uint32_t budget)
{
    while (budget > 0 && may_read(c)) {
        struct vmbus_packet p;
        enum vmbus_ring_status status =
            vmbus_channel_read_next(c->vmbus, &p, c->buffer, sizeof(c->buffer));

        if (status == VMBUS_RING_BROKEN)
            netvsp_broken(c);
        if (status != VMBUS_RING_OK)
            break;
        c->spent = 1;
        packet_take(c, &p);
        budget -= c->spent < budget ? c->spent : budget;
    }
    return budget;
}

/* True: the budget did not suffice. Where reading had to stop for another reason, what ends that
 * comes back here. */
static bool packets_take(struct netvsp_channel *c)
{
    uint32_t budget = WORK_AT_A_TIME;
    bool again = true;

    while (again && budget > 0 && may_read(c)) {
        vmbus_channel_read_begin(c->vmbus);
        budget = batch_take(c, budget);
        again = vmbus_channel_read_end(c->vmbus);
    }
    return again && budget == 0;
}

/* ---- the end ---- */

bool netvsp_any_used(const struct netvsp_device *d)
{
    for (uint32_t i = 0; i < NETVSP_CHANNELS; i++)
        if (netvsp_used(&d->slots[i]))
            return true;
    return false;
}

bool netvsp_any_sends(const struct netvsp_device *d)
{
    for (uint32_t i = 0; i < NETVSP_CHANNELS; i++)
        if (__atomic_load_n(&d->slots[i].senders, __ATOMIC_SEQ_CST) > 0)
            return true;
    return false;
}

/* No frame comes for @c any more, nor, with the primary, for any channel. */
static void close_begin(struct netvsp_channel *c)
{
    __atomic_store_n(&c->slot->channel, NULL, __ATOMIC_SEQ_CST); /* then look for users */
    if (!netvsp_is_primary(c))
        return;
    netvsp_shut(&c->device->receive);
    netvsp_shut(&c->device->send);
}

/* True: somebody still uses what is to go. After that, @c is the bus's. */
static bool close_go_on(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;

    close_begin(c);
    if (netvsp_is_primary(c) ? netvsp_any_used(d) || netvsp_any_sends(d) : netvsp_used(c->slot))
        return true;
    if (netvsp_is_primary(c))
        netvsp_queues_clear(d);
    else
        netvsp_sections_reclaim(c);
    __atomic_store_n(&c->drained, true, __ATOMIC_RELEASE); /* pairs with netvsp_service */
    d->port->wake_bus(d);
    return false;
}

/* ---- work ---- */

/* What only the primary does. True: there is more of it. */
static bool primary_work(struct netvsp_channel *c)
{
    if (!netvsp_is_primary(c))
        return false;
    netvsp_enter(c->slot);
    netvsp_link_tell(c);
    netvsp_leave(c->slot);
    netvsp_table_send(c);
    return !c->answer_due && netvsp_errand_go_on(c); /* else when the answer is gone */
}

static bool frames_wait(const struct netvsp_channel *c)
{
    return (uint32_t)__atomic_load_n(&c->slot->filled.head, __ATOMIC_SEQ_CST) != 0;
}

bool netvsp_channel_work(struct netvsp_channel *c)
{
    bool more;

    if (__atomic_load_n(&c->drained, __ATOMIC_RELAXED))
        return false;
    if (__atomic_load_n(&c->closing, __ATOMIC_ACQUIRE)) /* pairs with netvsp_closed */
        return close_go_on(c);
    __atomic_store_n(&c->slot->awake, true, __ATOMIC_SEQ_CST);
    (void)answer_flush(c);
    more = packets_take(c);
    more |= primary_work(c);
    netvsp_sections_send(c);
    vmbus_channel_flush(c->vmbus);
    if (vmbus_channel_broken(c->vmbus)) /* found at the end of a batch */
        netvsp_broken(c);
    __atomic_store_n(&c->slot->awake, false, __ATOMIC_SEQ_CST); /* pairs with frame_put */
    return more || frames_wait(c);
}

/* ---- looking ---- */

void netvsp_channel_context_set(struct netvsp_channel *c, void *context)
{
    __atomic_store_n(&c->context, context, __ATOMIC_RELEASE); /* pairs with the next */
}

void *netvsp_channel_context(const struct netvsp_channel *c)
{
    return __atomic_load_n(&c->context, __ATOMIC_ACQUIRE); /* pairs with the last */
}

const struct vmbus_channel *netvsp_channel_vmbus(const struct netvsp_channel *c)
{
    return c->vmbus;
}

struct netvsp_device *netvsp_channel_device(const struct netvsp_channel *c)
{
    return c->device;
}
