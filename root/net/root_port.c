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

/* Whether the sender of @frame has room left in the queue, which is locked. */
static bool has_room(struct root_port *p, const struct net_frame *frame)
{
    uint32_t theirs = 0;

    if (p->used == ROOT_PORT_SLOTS)
        return false;
    for (uint32_t i = 0; i < p->used; i++)
        theirs += memcmp(slot_at(p, i)->bytes + NET_ADDRESS_BYTES, net_frame_source(frame),
                         NET_ADDRESS_BYTES) == 0;
    return theirs < ROOT_PORT_SHARE;
}

/* As it would be on a wire. Nothing that we answer is longer than a slot. */
static void port_deliver(struct vswitch_port *to, const struct net_frame *frame)
{
    struct root_port *p = to->owner;
    struct net_cursor cursor = {0};
    uint64_t flags;
    bool taken;

    if (net_frame_segments(frame) != 1 || net_frame_segment_max(frame) > ROOT_PORT_FRAME_BYTES) {
        count(&p->responder.statistics.ignored);
        return;
    }
    flags = spin_lock(&p->lock);
    taken = has_room(p, frame);
    if (taken) {
        struct root_port_slot *slot = slot_at(p, p->used);

        slot->length = net_frame_write(frame, &cursor, slot->bytes);
        p->used++;
    } else {
        count(&p->dropped);
    }
    spin_unlock(&p->lock, flags);
    if (taken)
        wake_all(&p->due);
}

static const struct vswitch_port_ops port_ops = {.deliver = port_deliver};

enum vswitch_result root_port_add(struct root_port *p, struct vswitch *s, const uint8_t *mac,
                                  uint32_t address, uint32_t mask)
{
    struct vswitch_port_config config = {.name = "root"};

    wait_queue_init(&p->due);
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

/* The length of the oldest frame, which is then p->frame; 0: there is none. */
static uint32_t frame_take(struct root_port *p)
{
    uint64_t flags = spin_lock(&p->lock);
    uint32_t length = 0;

    if (p->used > 0) {
        const struct root_port_slot *slot = slot_at(p, 0);

        length = slot->length;
        memcpy(p->frame, slot->bytes, length);
        p->first = (p->first + 1) % ROOT_PORT_SLOTS;
        p->used--;
    }
    spin_unlock(&p->lock, flags);
    return length;
}

bool root_port_serve(struct root_port *p)
{
    uint32_t length = frame_take(p);

    if (length == 0)
        return false;
    answer_send(p, responder_answer(&p->responder, p->frame, length, p->answer));
    return true;
}

static bool is_due(void *context)
{
    struct root_port *p = context;
    uint64_t flags = spin_lock(&p->lock);
    bool due = p->used > 0;

    spin_unlock(&p->lock, flags);
    return due;
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
