/* SPDX-License-Identifier: MIT */
/* root/drivers/e1000e_ring.c - see e1000e_ring.h. */
#include "drivers/e1000e_ring.h"
#include "net/nic_frame.h"

_Static_assert(E1000E_DESCRIPTORS * sizeof(struct e1000e_send) == E1000E_RING_BYTES,
               "a ring's length is that of its descriptors");
_Static_assert(NET_ETHERNET_BYTES + NET_VLAN_BYTES + E1000E_MTU <= E1000E_BUFFER,
               "a packet fits into a buffer");

void e1000e_ring_init(struct e1000e_ring *r, void *memory, uint8_t *buffers,
                      uint64_t buffers_device)
{
    *r = (struct e1000e_ring){.buffers = buffers, .buffers_device = buffers_device};
    r->send = memory;
    /* One stays free: head and tail at the same place say that the ring is empty. */
    net_share_init(&r->share, E1000E_DESCRIPTORS - 1);
}

static uint32_t after(uint32_t index)
{
    return (index + 1) % E1000E_DESCRIPTORS;
}

static uint8_t *buffer_at(const struct e1000e_ring *r, uint32_t index)
{
    return r->buffers + (size_t)index * E1000E_BUFFER;
}

static uint64_t buffer_address(const struct e1000e_ring *r, uint32_t index)
{
    return r->buffers_device + (uint64_t)index * E1000E_BUFFER;
}

/* ---- sending ---- */

/* Take back what the device has sent: in its order. */
static void sent_take(struct e1000e_ring *r)
{
    while (r->busy > 0) {
        uint32_t oldest = (r->next + E1000E_DESCRIPTORS - r->busy) % E1000E_DESCRIPTORS;

        if (oldest == r->tail ||
            !(__atomic_load_n(&r->send[oldest].status, __ATOMIC_ACQUIRE) & E1000E_SEND_DONE))
            return;
        net_share_give(&r->share, r->sender[oldest], 1);
        r->busy--;
    }
}

enum net_taken e1000e_send_begin(struct e1000e_ring *r, const struct net_frame *frame,
                                 struct e1000e_place *place)
{
    enum net_taken taken;

    *place = (struct e1000e_place){.first = r->next, .count = net_frame_segments(frame)};
    if (net_frame_segment_max(frame) > NET_ETHERNET_BYTES + E1000E_MTU)
        return NET_LOST;
    sent_take(r);
    taken = net_share_take(&r->share, frame->sender, place->count);
    if (taken != NET_TAKEN)
        return taken;
    for (uint32_t i = 0; i < place->count; i++, r->next = after(r->next))
        r->sender[r->next] = frame->sender;
    r->busy += place->count;
    return NET_TAKEN;
}

void e1000e_send_fill(struct e1000e_ring *r, const struct net_frame *frame,
                      const struct e1000e_place *place)
{
    struct net_cursor cursor = {0};

    for (uint32_t i = 0, at = place->first; i < place->count; i++, at = after(at))
        r->send[at] = (struct e1000e_send){
            .address = buffer_address(r, at),
            .length = (uint16_t)nic_frame_write(frame, &cursor, buffer_at(r, at)),
            .command = E1000E_SEND_END | E1000E_SEND_CRC | E1000E_SEND_REPORT,
        };
}

bool e1000e_send_end(struct e1000e_ring *r, const struct e1000e_place *place)
{
    uint32_t told = r->tail;

    for (uint32_t i = 0, at = place->first; i < place->count; i++, at = after(at))
        r->filled[at] = true;
    while (r->filled[r->tail]) {
        r->filled[r->tail] = false;
        r->tail = after(r->tail);
    }
    return r->tail != told;
}

/* ---- receiving ---- */

static void receive_put(struct e1000e_ring *r, uint32_t index)
{
    r->receive[index] = (struct e1000e_receive){.address = buffer_address(r, index)};
}

void e1000e_receive_fill(struct e1000e_ring *r)
{
    for (uint32_t i = 0; i < E1000E_DESCRIPTORS; i++)
        receive_put(r, i);
}

enum e1000e_received e1000e_receive_take(struct e1000e_ring *r, struct e1000e_packet *packet)
{
    const struct e1000e_receive *d = &r->receive[r->next];
    uint8_t status = __atomic_load_n(&d->status, __ATOMIC_ACQUIRE);
    uint32_t length;

    if (!(status & E1000E_RECEIVE_DONE))
        return E1000E_NOTHING;
    length = __atomic_load_n(&d->length, __ATOMIC_RELAXED);
    if (!(status & E1000E_RECEIVE_END) ||
        (__atomic_load_n(&d->errors, __ATOMIC_RELAXED) & E1000E_RECEIVE_LOST) != 0 ||
        length < NET_ETHERNET_BYTES || length > E1000E_BUFFER)
        return E1000E_BAD_PACKET;
    packet->piece = (struct net_piece){.bytes = buffer_at(r, r->next), .length = length};
    nic_frame_make(&packet->frame, packet->header, &packet->piece, 1);
    return E1000E_PACKET;
}

bool e1000e_receive_flush(struct e1000e_ring *r, uint32_t *tail)
{
    if (r->untold == 0)
        return false;
    *tail = (r->next + E1000E_DESCRIPTORS - 1) % E1000E_DESCRIPTORS;
    r->untold = 0;
    return true;
}

bool e1000e_receive_return(struct e1000e_ring *r, uint32_t *tail)
{
    uint32_t index = r->next;

    receive_put(r, index);
    r->next = after(index);
    return ++r->untold == E1000E_BURST && e1000e_receive_flush(r, tail);
}
