/* SPDX-License-Identifier: MIT */
/* root/net/root_port.c - see root_port.h. */
#include <rt/mem.h>
#include "net/root_port.h"

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static struct root_port_slot *slot_at(struct root_port *p, uint32_t index)
{
    return &p->slots[(p->first + index) % ROOT_PORT_SLOTS];
}

/* The last slot; who asks has a share for it. */
static struct root_port_slot *slot_take(struct root_port *p)
{
    uint64_t flags = spin_lock(&p->lock);
    struct root_port_slot *slot = slot_at(p, p->used++);

    spin_unlock(&p->lock, flags);
    return slot;
}

/* The first slot is free. */
static void slot_give(struct root_port *p)
{
    struct root_port_slot *slot = slot_at(p, 0);
    uint16_t sender = slot->sender;
    uint64_t flags = spin_lock(&p->lock);

    slot->length = 0;
    p->first = (p->first + 1) % ROOT_PORT_SLOTS;
    p->used--;
    spin_unlock(&p->lock, flags);
    net_share_give(&p->share, sender, 1);
}

/* As it would be on a wire. Nothing that we answer is longer than a slot. */
static enum net_taken port_deliver(struct vswitch_port *to, const struct net_frame *frame)
{
    struct root_port *p = to->owner;
    struct net_cursor cursor = {0};
    struct root_port_slot *slot;
    enum net_taken taken;

    if (net_frame_segments(frame) != 1 || net_frame_segment_max(frame) > ROOT_PORT_FRAME_BYTES) {
        count(&p->responder.statistics.ignored);
        return NET_UNWANTED;
    }
    taken = net_share_take(&p->share, frame->sender, 1);
    if (taken != NET_TAKEN) {
        count(&p->dropped);
        return taken;
    }
    slot = slot_take(p);
    slot->sender = frame->sender;
    __atomic_store_n(&slot->length, net_frame_write(frame, &cursor, slot->bytes),
                     __ATOMIC_RELEASE); /* pairs with frame_length */
    wake_all(&p->due);
    return NET_TAKEN;
}

static const struct vswitch_port_ops port_ops = {.deliver = port_deliver};

enum vswitch_result root_port_add(struct root_port *p, struct vswitch *s, const uint8_t *mac,
                                  uint32_t address, uint32_t mask)
{
    struct vswitch_port_config config = {.name = "root"};

    wait_queue_init(&p->due);
    net_share_init(&p->share, ROOT_PORT_SLOTS);
    memcpy(config.mac, mac, sizeof(config.mac));
    memcpy(p->responder.mac, mac, sizeof(p->responder.mac));
    p->responder.address = address;
    p->responder.mask = mask;
    return vswitch_port_add(s, &p->port, &config, &port_ops, p);
}

/* Send the @length bytes at p->answer, all of them ours. */
static void answer_send(struct root_port *p, size_t length)
{
    uint32_t header = length < NET_HEADER_MAX ? (uint32_t)length : NET_HEADER_MAX;
    struct net_piece rest = {.bytes = p->answer + header, .length = (uint32_t)length - header};
    struct net_frame frame = {.header = p->answer,
                              .header_length = header,
                              .pieces = &rest,
                              .piece_count = rest.length > 0,
                              .length = (uint32_t)length};

    if (length > 0)
        vswitch_send(&p->port, &frame);
}

void root_port_announce(struct root_port *p)
{
    answer_send(p, responder_announce(&p->responder, p->answer));
}

/* Of the oldest frame; 0: it is not there yet, or there is none. */
static uint32_t frame_length(struct root_port *p)
{
    return __atomic_load_n(&slot_at(p, 0)->length, __ATOMIC_ACQUIRE); /* pairs with port_deliver */
}

bool root_port_serve(struct root_port *p)
{
    uint32_t length = frame_length(p);
    size_t answer;

    if (length == 0)
        return false;
    answer = responder_answer(&p->responder, slot_at(p, 0)->bytes, length, p->answer);
    slot_give(p);
    answer_send(p, answer);
    return true;
}

static bool is_due(void *context)
{
    return frame_length(context) != 0;
}

void root_port_thread(void *root_port)
{
    struct root_port *p = root_port;

    root_port_announce(p);
    for (;;) {
        wait_until(&p->due, is_due, p);
        while (root_port_serve(p))
            ;
    }
}
