/* SPDX-License-Identifier: MIT */
/* root/drivers/e1000e_ring.c - see e1000e_ring.h. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include "drivers/e1000e_ring.h"
#include "net/nic_frame.h"

#define TAG_AT                                                                                     \
    (NET_ADDRESS_BYTES + NET_ADDRESS_BYTES) /* where a tag is, and without one the type */

_Static_assert(E1000E_DESCRIPTORS * sizeof(struct e1000e_send) == E1000E_RING_BYTES,
               "a ring's length is that of its descriptors");
_Static_assert(NET_ETHERNET_BYTES + NET_VLAN_BYTES + E1000E_MTU <= E1000E_BUFFER,
               "a packet fits into a buffer");

void e1000e_ring_init(struct e1000e_ring *r, void *memory, uint8_t *buffers,
                      uint64_t buffers_device)
{
    *r = (struct e1000e_ring){.buffers = buffers, .buffers_device = buffers_device};
    r->send = memory;
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

        if (!(__atomic_load_n(&r->send[oldest].status, __ATOMIC_ACQUIRE) & E1000E_SEND_DONE))
            return;
        r->busy--;
    }
}

/* Write the next segment of @frame into the next descriptor, with its tag. */
static void segment_put(struct e1000e_ring *r, const struct net_frame *frame,
                        struct net_cursor *cursor)
{
    uint8_t *at = buffer_at(r, r->next);
    uint32_t tag = frame->vlan != NET_VLAN_NONE ? NET_VLAN_BYTES : 0;
    uint32_t length = net_frame_write(frame, cursor, at + tag);

    if (tag > 0) {
        memmove(at, at + tag, TAG_AT);
        be16_put(at + TAG_AT, NET_TYPE_VLAN);
        be16_put(at + TAG_AT + sizeof(uint16_t), frame->vlan);
    }
    r->send[r->next] = (struct e1000e_send){
        .address = buffer_address(r, r->next),
        .length = (uint16_t)(tag + length),
        .command = E1000E_SEND_END | E1000E_SEND_CRC | E1000E_SEND_REPORT,
    };
    r->next = (r->next + 1) % E1000E_DESCRIPTORS;
    r->busy++;
}

bool e1000e_send(struct e1000e_ring *r, const struct net_frame *frame)
{
    uint32_t segments = net_frame_segments(frame);
    struct net_cursor cursor = {0};

    if (net_frame_segment_max(frame) > NET_ETHERNET_BYTES + E1000E_MTU)
        return false;
    sent_take(r);
    /* One stays free: head and tail at the same place say that the ring is empty. */
    if (segments > E1000E_DESCRIPTORS - 1 - r->busy)
        return false;
    for (; segments > 0; segments--)
        segment_put(r, frame, &cursor);
    return true;
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

uint32_t e1000e_receive_return(struct e1000e_ring *r)
{
    uint32_t index = r->next;

    receive_put(r, index);
    r->next = (r->next + 1) % E1000E_DESCRIPTORS;
    return index;
}
