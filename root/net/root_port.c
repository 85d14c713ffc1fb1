/* SPDX-License-Identifier: MIT */
/* root/net/root_port.c - see root_port.h. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include "net/root_port.h"

#define SENDER_SHIFT 56u /* so that a sender's number is below ROOT_PORT_SENDERS */

_Static_assert(ROOT_PORT_SENDERS == 1ull << (64 - SENDER_SHIFT), "a hash is a sender's number");

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static struct root_port_slot *slot_at(struct root_port *p, uint32_t index)
{
    return &p->slots[(p->first + index) % ROOT_PORT_SLOTS];
}

/* The number of who sends from @mac. Nobody outside knows the seed, and so whose share he shares.
 */
static uint32_t sender_of(const struct root_port *p, const uint8_t *mac)
{
    uint64_t address = (uint64_t)be16_get(mac) << 32 | be32_get(mac + 2);

    return (uint32_t)((address * p->port.of->seed) >> SENDER_SHIFT);
}

/* The last slot for @frame, whose sender has some left; NULL: it has not. The queue is locked. */
static struct root_port_slot *slot_take(struct root_port *p, const struct net_frame *frame)
{
    uint32_t sender = sender_of(p, net_frame_source(frame));
    struct root_port_slot *slot;

    if (p->used == ROOT_PORT_SLOTS || p->waiting[sender] == ROOT_PORT_SHARE)
        return NULL;
    slot = slot_at(p, p->used++);
    slot->sender = sender;
    p->waiting[sender]++;
    return slot;
}

/* As it would be on a wire. Nothing that we answer is longer than a slot. */
static void port_deliver(struct vswitch_port *to, const struct net_frame *frame)
{
    struct root_port *p = to->owner;
    struct net_cursor cursor = {0};
    struct root_port_slot *slot;
    uint64_t flags;

    if (net_frame_segments(frame) != 1 || net_frame_segment_max(frame) > ROOT_PORT_FRAME_BYTES) {
        count(&p->responder.statistics.ignored);
        return;
    }
    flags = spin_lock(&p->lock);
    slot = slot_take(p, frame);
    if (slot)
        slot->length = net_frame_write(frame, &cursor, slot->bytes);
    spin_unlock(&p->lock, flags);
    if (slot)
        wake_all(&p->due);
    else
        count(&p->dropped);
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
        p->waiting[slot->sender]--;
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
