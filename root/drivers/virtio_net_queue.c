/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_net_queue.c - see virtio_net_queue.h. */
#include <rt/mem.h>
#include "drivers/virtio_net_queue.h"
#include "net/nic_frame.h"

void virtio_net_queue_init(struct virtio_net_queue *q, void *ring_memory, uint16_t size,
                           bool event_index, uint8_t *buffers, uint64_t buffers_device,
                           uint32_t buffer_bytes)
{
    *q = (struct virtio_net_queue){.buffers = buffers,
                                   .buffers_device = buffers_device,
                                   .buffer_bytes = buffer_bytes,
                                   .free_count = size};
    net_share_init(&q->share, size);
    virtio_ring_init(&q->ring, ring_memory, size, event_index);
    for (uint16_t i = 0; i < size; i++)
        q->free[i] = (uint16_t)(size - 1 - i);
}

static uint8_t *buffer_at(const struct virtio_net_queue *q, uint16_t id)
{
    return q->buffers + (size_t)id * q->buffer_bytes;
}

static void descriptor_write(struct virtio_net_queue *q, uint16_t id, uint32_t length,
                             uint16_t flags, uint16_t next)
{
    q->ring.descriptors[id] = (struct virtio_descriptor){
        .address = q->buffers_device + (uint64_t)id * q->buffer_bytes,
        .length = length,
        .flags = flags,
        .next = next,
    };
}

/* The chain that begins with @id is the driver's again. */
static void chain_free(struct virtio_net_queue *q, uint16_t id)
{
    uint16_t count = q->flight[id];

    q->flight[id] = 0;
    for (; count > 0; count--) {
        q->free[q->free_count++] = id;
        id = q->next[id];
    }
}

/* The next chain that the device returns: its first descriptor, and the bytes that it wrote. False:
 * there is none, or the device is broken. */
static bool chain_take(struct virtio_net_queue *q, struct virtio_used_element *element)
{
    enum virtio_ring_result result =
        q->broken ? VIRTIO_RING_BROKEN : virtio_ring_take(&q->ring, element);

    if (result == VIRTIO_RING_TAKEN && element->id < q->ring.size && q->flight[element->id] > 0)
        return true;
    q->broken = result != VIRTIO_RING_EMPTY;
    return false;
}

/* ---- sending ---- */

bool virtio_net_sent_take(struct virtio_net_queue *q)
{
    struct virtio_used_element element;

    while (chain_take(q, &element)) {
        uint16_t head = (uint16_t)element.id;

        net_share_give(&q->share, q->sender[head], q->flight[head]);
        chain_free(q, head);
    }
    return !q->broken;
}

static uint16_t descriptor_take(struct virtio_net_queue *q)
{
    return q->free[--q->free_count];
}

/* What the device is to do to @frame, which is @moved bytes longer in front of its payload. */
static struct virtio_net_header header_for(const struct net_frame *f, uint32_t moved)
{
    const struct net_offload *o = &f->offload;
    struct virtio_net_header h = {.segments = VIRTIO_NET_SEGMENTS_NONE};

    if (o->flags & NET_CHECKSUM_NEEDED) {
        h.flags = VIRTIO_NET_HEADER_NEEDS_CHECKSUM;
        h.checksum_start = (uint16_t)(o->l4_offset + moved);
        h.checksum_offset = o->checksum_offset;
    }
    if (o->mss > 0) {
        h.segments = net_frame_type(f) == NET_TYPE_IPV4 ? VIRTIO_NET_SEGMENTS_TCP4
                                                        : VIRTIO_NET_SEGMENTS_TCP6;
        h.segment_size = o->mss;
        h.header_length = (uint16_t)(o->payload_offset + moved);
    }
    return h;
}

static uint32_t tag_bytes(const struct net_frame *f)
{
    return f->vlan != NET_VLAN_NONE ? NET_VLAN_BYTES : 0;
}

static uint32_t descriptors_needed(const struct virtio_net_queue *q, const struct net_frame *f,
                                   bool cut)
{
    uint32_t bytes = (uint32_t)sizeof(struct virtio_net_header) + tag_bytes(f) + f->length;

    return cut ? net_frame_segments(f) : (bytes + q->buffer_bytes - 1) / q->buffer_bytes;
}

enum net_taken virtio_net_send_begin(struct virtio_net_queue *q, const struct net_frame *frame,
                                     bool cut, struct virtio_net_place *place)
{
    uint32_t needed = descriptors_needed(q, frame, cut);
    enum net_taken taken = net_share_take(&q->share, frame->sender, needed);
    uint16_t last;

    if (taken != NET_TAKEN)
        return taken;
    last = descriptor_take(q);
    *place = (struct virtio_net_place){.first = last, .count = (uint16_t)needed, .cut = cut};
    while (--needed > 0) {
        q->next[last] = descriptor_take(q);
        last = q->next[last];
    }
    return NET_TAKEN;
}

/* The device has nothing left to do for any of the segments. */
static void segments_fill(struct virtio_net_queue *q, const struct net_frame *f,
                          const struct virtio_net_place *place)
{
    static const struct virtio_net_header header = {.segments = VIRTIO_NET_SEGMENTS_NONE};
    struct net_cursor cursor = {0};
    uint16_t id = place->first;

    for (uint16_t i = 0; i < place->count; i++, id = q->next[id]) {
        uint8_t *at = buffer_at(q, id);
        uint32_t length = nic_frame_write(f, &cursor, at + sizeof(header));

        memcpy(at, &header, sizeof(header));
        descriptor_write(q, id, (uint32_t)sizeof(header) + length, 0, 0);
    }
}

void virtio_net_send_fill(struct virtio_net_queue *q, const struct net_frame *frame,
                          const struct virtio_net_place *place)
{
    struct virtio_net_header header = header_for(frame, tag_bytes(frame));
    uint16_t id = place->first;
    uint32_t used = sizeof(header);
    struct nic_copy copy;

    if (place->cut) {
        segments_fill(q, frame, place);
        return;
    }
    memcpy(buffer_at(q, id), &header, sizeof(header));
    nic_copy_begin(&copy, frame);
    for (;;) {
        used += nic_copy(&copy, buffer_at(q, id) + used, q->buffer_bytes - used);
        if (copy.left == 0)
            break;
        descriptor_write(q, id, used, VIRTIO_DESCRIPTOR_NEXT, q->next[id]);
        id = q->next[id];
        used = 0;
    }
    descriptor_write(q, id, used, 0, 0);
}

/* The chain of @count descriptors from @head on is the device's. */
static void chain_put(struct virtio_net_queue *q, uint16_t head, uint16_t count, uint16_t sender)
{
    q->flight[head] = count;
    q->sender[head] = sender;
    virtio_ring_put(&q->ring, head);
}

void virtio_net_send_end(struct virtio_net_queue *q, const struct net_frame *frame,
                         const struct virtio_net_place *place)
{
    uint16_t id = place->first;

    if (!place->cut) {
        chain_put(q, id, place->count, frame->sender);
        return;
    }
    for (uint16_t i = 0; i < place->count; i++, id = q->next[id])
        chain_put(q, id, 1, frame->sender);
}

/* ---- receiving ---- */

void virtio_net_receive_fill(struct virtio_net_queue *q)
{
    while (q->free_count > 0) {
        uint16_t id = descriptor_take(q);

        q->flight[id] = 1;
        descriptor_write(q, id, q->buffer_bytes, VIRTIO_DESCRIPTOR_WRITE, 0);
        virtio_ring_put(&q->ring, id);
    }
}

void virtio_net_receive_return(struct virtio_net_queue *q, const struct virtio_net_packet *packet)
{
    for (uint16_t i = 0; i < packet->count; i++)
        chain_free(q, packet->ids[i]);
    virtio_net_receive_fill(q);
}

/* A returned buffer behind the packet's others, of @length bytes from @skip on; one that is too
 * many goes back at once. */
static void piece_add(struct virtio_net_queue *q, struct virtio_net_packet *p, uint16_t id,
                      uint32_t skip, uint32_t length)
{
    if (p->count == VIRTIO_NET_RECEIVE_PIECES) {
        chain_free(q, id);
        return;
    }
    p->ids[p->count] = id;
    p->pieces[p->count] =
        (struct net_piece){.bytes = buffer_at(q, id) + skip, .length = length - skip};
    p->count++;
}

/* The buffers behind a packet's first: @count of them. The device shows all at once (5.1.6.4.1).
 * False: it is broken, or they do not make one packet. */
static bool pieces_take(struct virtio_net_queue *q, struct virtio_net_packet *p, uint32_t count)
{
    bool whole = count < VIRTIO_NET_RECEIVE_PIECES;

    for (uint32_t i = 0; i < count; i++) {
        struct virtio_used_element element;

        if (p->count > 0 && i > 0) /* each but the last is full */
            whole &= p->pieces[p->count - 1].length == q->buffer_bytes;
        if (!chain_take(q, &element) || element.length == 0 || element.length > q->buffer_bytes) {
            q->broken = true;
            return false;
        }
        piece_add(q, p, (uint16_t)element.id, 0, element.length);
    }
    return whole;
}

/* How many buffers the packet of which @id is the first goes over. */
static uint16_t buffer_count(const struct virtio_net_queue *q, uint16_t id)
{
    const struct virtio_net_header *h = (const void *)buffer_at(q, id);

    return __atomic_load_n(&h->buffer_count, __ATOMIC_RELAXED);
}

enum virtio_net_received virtio_net_receive_take(struct virtio_net_queue *q, bool mergeable,
                                                 struct virtio_net_packet *packet)
{
    struct virtio_used_element element;
    uint32_t buffers = 1;
    bool whole;

    packet->count = 0;
    if (!chain_take(q, &element))
        return q->broken ? VIRTIO_NET_BROKEN : VIRTIO_NET_NOTHING;
    if (element.length < sizeof(struct virtio_net_header) || element.length > q->buffer_bytes) {
        q->broken = true;
        return VIRTIO_NET_BROKEN;
    }
    if (mergeable)
        buffers = buffer_count(q, (uint16_t)element.id);
    if (buffers == 0 || buffers > q->ring.size) {
        q->broken = true;
        return VIRTIO_NET_BROKEN;
    }
    piece_add(q, packet, (uint16_t)element.id, sizeof(struct virtio_net_header), element.length);
    whole = buffers == 1 || element.length == q->buffer_bytes;
    whole &= pieces_take(q, packet, buffers - 1);
    if (q->broken)
        return VIRTIO_NET_BROKEN;
    if (whole && packet->pieces[0].length >= NET_ETHERNET_BYTES) {
        nic_frame_make(&packet->frame, packet->header, packet->pieces, packet->count);
        return VIRTIO_NET_PACKET;
    }
    virtio_net_receive_return(q, packet);
    return VIRTIO_NET_BAD_PACKET;
}
