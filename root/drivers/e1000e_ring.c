/* SPDX-License-Identifier: MIT */
/* root/drivers/e1000e_ring.c - see e1000e_ring.h. */
#include "drivers/e1000e_ring.h"
#include "net/nic_frame.h"

#define IP4_PROTOCOL 9u /* where it is in the header */

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

/* Whether the device is to compute the checksum. That of QEMU before 8.0 is wrong for IPv6, and
 * what it makes of a frame to be cut are fragments of IP. */
static bool is_summed(const struct net_frame *f)
{
    return (f->offload.flags & NET_CHECKSUM_NEEDED) && f->offload.mss == 0 &&
           net_frame_type(f) == NET_TYPE_IPV4;
}

enum net_taken e1000e_send_begin(struct e1000e_ring *r, const struct net_frame *frame,
                                 struct e1000e_place *place)
{
    enum net_taken taken;

    *place = (struct e1000e_place){.first = r->next, .summed = is_summed(frame)};
    place->count = place->summed ? 2 : net_frame_segments(frame);
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

/* By a context of its own: the one before may be another's. */
static void summed_fill(struct e1000e_ring *r, const struct net_frame *f,
                        const struct e1000e_place *place)
{
    bool tcp = f->header[NET_ETHERNET_BYTES + IP4_PROTOCOL] == NET_IP_TCP;
    uint32_t data = after(place->first), l4 = f->offload.l4_offset;
    struct nic_copy copy;

    nic_copy_begin(&copy, f);
    l4 += copy.head_bytes - f->header_length; /* the tag */
    r->context[place->first] = (struct e1000e_context){
        .l4_start = (uint8_t)l4,
        .l4_offset = (uint8_t)(l4 + f->offload.checksum_offset),
        .command = E1000E_KIND_CONTEXT | E1000E_COMMAND(E1000E_SEND_REPORT | E1000E_CONTEXT_IPV4 |
                                                        (tcp ? E1000E_CONTEXT_TCP : 0)),
    };
    r->data[data] = (struct e1000e_data){
        .address = buffer_address(r, data),
        .command = E1000E_KIND_DATA | nic_copy(&copy, buffer_at(r, data), E1000E_BUFFER) |
                   E1000E_COMMAND(E1000E_SEND_END | E1000E_SEND_CRC | E1000E_SEND_REPORT),
        .options = E1000E_OPTION_L4_CHECKSUM,
    };
}

void e1000e_send_fill(struct e1000e_ring *r, const struct net_frame *frame,
                      const struct e1000e_place *place)
{
    struct net_cursor cursor = {0};

    if (place->summed) {
        summed_fill(r, frame, place);
        return;
    }
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
    uint8_t status = __atomic_load_n(&d->status, __ATOMIC_ACQUIRE), errors;
    uint32_t length;

    if (!(status & E1000E_RECEIVE_DONE))
        return E1000E_NOTHING;
    length = __atomic_load_n(&d->length, __ATOMIC_RELAXED);
    errors = __atomic_load_n(&d->errors, __ATOMIC_RELAXED);
    if (!(status & E1000E_RECEIVE_END) || (errors & E1000E_RECEIVE_LOST) ||
        length < NET_ETHERNET_BYTES || length > E1000E_BUFFER)
        return E1000E_BAD_PACKET;
    packet->piece = (struct net_piece){.bytes = buffer_at(r, r->next), .length = length};
    nic_frame_make(&packet->frame, packet->header, &packet->piece, 1);
    if ((status & (E1000E_RECEIVE_NOT_SUMMED | E1000E_RECEIVE_L4_SUMMED)) ==
            E1000E_RECEIVE_L4_SUMMED &&
        !(errors & E1000E_RECEIVE_L4_WRONG))
        packet->frame.offload.flags = NET_CHECKSUM_VALID;
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
