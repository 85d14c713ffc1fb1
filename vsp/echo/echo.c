/* SPDX-License-Identifier: MIT */
/* echo.c - see echo/echo.h. */
#include "echo.h"

#define PACKETS_AT_A_TIME 64u /* before others may have a turn: the child may send without end */

static struct echo *echo_of(struct vmbus_offer *offer)
{
    return container_of(offer, struct echo, offer);
}

static bool opened(struct vmbus_offer *offer, struct vmbus_channel *c, const uint8_t *user_data,
                   bool restored)
{
    struct echo *e = echo_of(offer);

    (void)user_data;
    e->channel = c;
    e->holds = false;
    if (restored) /* the signals for what is in its ring may be lost */
        e->wake(e);
    return true;
}

/* Nothing is ever under way: the rings are the server's again at once. */
static void closed(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    echo_of(offer)->channel = NULL;
    vmbus_server_closed(c);
}

static void signalled(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    struct echo *e = echo_of(offer);

    (void)c;
    e->wake(e);
}

static void revoked(struct vmbus_offer *offer)
{
    (void)offer;
}

static const struct vmbus_offer_operations operations = {opened, closed, signalled, revoked};

void echo_init(struct echo *e, const struct vmbus_guid *instance, void (*wake)(struct echo *e))
{
    *e = (struct echo){
        .offer = {.interface = ECHO_INTERFACE,
                  .instance = *instance,
                  .flags = VMBUS_OFFER_MONITORED, /* where the client can: it saves hypercalls */
                  .operations = &operations},
        .wake = wake,
    };
}

/* A packet was read: what goes back for it. False: it is none of the protocol. */
static bool answer(struct echo *e)
{
    struct vmbus_packet *p = &e->held;

    if (p->type != VMBUS_PACKET_IN_BAND || !(p->flags & VMBUS_PACKET_FLAG_COMPLETION) ||
        p->length > ECHO_BYTES_MAX) {
        vmbus_ring_break(&e->channel->in, "a packet is none of the echo protocol");
        return false;
    }
    p->type = VMBUS_PACKET_COMPLETION;
    p->flags = 0;
    e->holds = true;
    return true;
}

/* OK: what was held is on its way. FULL: the client signals when there is room. */
static enum vmbus_ring_status send(struct echo *e)
{
    enum vmbus_ring_status status =
        e->holds ? vmbus_channel_send(e->channel, &e->held) : VMBUS_RING_OK;

    if (status == VMBUS_RING_OK)
        e->holds = false;
    return status;
}

static enum vmbus_ring_status next(struct echo *e)
{
    enum vmbus_ring_status status = send(e);

    if (status != VMBUS_RING_OK)
        return status;
    status = vmbus_channel_read_next(e->channel, &e->held, e->buffer, sizeof(e->buffer));
    return status == VMBUS_RING_OK && !answer(e) ? VMBUS_RING_BROKEN : status;
}

bool echo_work(struct echo *e)
{
    enum vmbus_ring_status status = VMBUS_RING_OK;
    unsigned budget = PACKETS_AT_A_TIME;
    bool again;

    if (e->channel == NULL)
        return false;
    vmbus_channel_read_begin(e->channel);
    while (budget-- != 0 && status == VMBUS_RING_OK)
        status = next(e);
    vmbus_channel_flush(e->channel);
    again = vmbus_channel_read_end(e->channel);
    if (vmbus_channel_broken(e->channel) != NULL) /* found while reading, or at the batch's end */
        vmbus_server_channel_broken(e->channel);
    return status == VMBUS_RING_OK || (status == VMBUS_RING_EMPTY && again);
}
