/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_ring.c - see virtio_ring.h. */
#include <rt/mem.h>
#include "drivers/virtio_ring.h"

#define USED_ALIGNMENT 4u

static size_t used_offset(uint16_t size)
{
    size_t end = size * sizeof(struct virtio_descriptor) + sizeof(struct virtio_available) +
                 (size + 1u) * sizeof(uint16_t);

    return (end + USED_ALIGNMENT - 1) / USED_ALIGNMENT * USED_ALIGNMENT;
}

size_t virtio_ring_bytes(uint16_t size)
{
    return used_offset(size) + sizeof(struct virtio_used) +
           size * sizeof(struct virtio_used_element) + sizeof(uint16_t);
}

void virtio_ring_init(struct virtio_ring *ring, void *memory, uint16_t size, bool event_index)
{
    char *base = memory;

    ring->descriptors = memory;
    ring->available = (void *)(base + size * sizeof(struct virtio_descriptor));
    ring->used = (void *)(base + used_offset(size));
    ring->size = size;
    ring->event_index = event_index;
    virtio_ring_reset(ring);
}

void virtio_ring_reset(struct virtio_ring *ring)
{
    memset(ring->descriptors, 0, virtio_ring_bytes(ring->size));
    ring->sent = ring->told = ring->returned = ring->taken = ring->seen = 0;
    ring->broken = false;
}

void virtio_ring_put(struct virtio_ring *ring, uint16_t head)
{
    ring->available->ring[ring->sent % ring->size] = head;
    ring->sent++;
}

/* Whether the step from @old to @new goes over @event (2.7.10). */
static bool goes_over(uint16_t event, uint16_t new, uint16_t old)
{
    return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* The device's word on when to be told, behind its ring. */
static uint16_t *available_event(const struct virtio_ring *ring)
{
    return (uint16_t *)(void *)&ring->used->ring[ring->size];
}

bool virtio_ring_publish(struct virtio_ring *ring)
{
    uint16_t old = ring->told, event;

    /* The device sees the chain before the index that leads to it. */
    __atomic_store_n(&ring->available->index, ring->sent, __ATOMIC_RELEASE);
    /* It sees the index, or we see that it wants to be told: it looks at the one after it has
     * written the other (2.7.13.4.1). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    ring->told = ring->sent;
    if (!ring->event_index)
        return !(__atomic_load_n(&ring->used->flags, __ATOMIC_RELAXED) & VIRTIO_USED_NO_NOTIFY);
    event = __atomic_load_n(available_event(ring), __ATOMIC_RELAXED);
    return goes_over(event, ring->sent, old);
}

/* Read the used index, which can only have gone on, and not past what was sent. */
static void returned_read(struct virtio_ring *ring)
{
    uint16_t index = __atomic_load_n(&ring->used->index, __ATOMIC_ACQUIRE);

    if ((uint16_t)(index - ring->returned) > (uint16_t)(ring->sent - ring->returned))
        ring->broken = true;
    else
        ring->returned = index;
}

enum virtio_ring_result virtio_ring_take(struct virtio_ring *ring,
                                         struct virtio_used_element *element)
{
    const struct virtio_used_element *next;

    if (!ring->broken && ring->taken == ring->returned)
        returned_read(ring);
    if (ring->broken)
        return VIRTIO_RING_BROKEN;
    if (ring->taken == ring->returned)
        return VIRTIO_RING_EMPTY;
    next = &ring->used->ring[ring->taken % ring->size];
    element->id = __atomic_load_n(&next->id, __ATOMIC_RELAXED);
    element->length = __atomic_load_n(&next->length, __ATOMIC_RELAXED);
    ring->taken++;
    return VIRTIO_RING_TAKEN;
}

bool virtio_ring_rearm(struct virtio_ring *ring)
{
    uint16_t *used_event = &ring->available->ring[ring->size];

    if (!ring->event_index || ring->broken)
        return ring->broken; /* each chain interrupts: the flag that forbids it is never set */
    __atomic_store_n(used_event, ring->taken, __ATOMIC_RELAXED);
    /* The device sees the event, or we see what it returned before (2.7.7.2). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    returned_read(ring);
    return ring->broken || ring->taken != ring->returned;
}

bool virtio_ring_stands_still(struct virtio_ring *ring)
{
    uint16_t before = ring->seen;

    if (ring->broken)
        return false;
    returned_read(ring);
    ring->seen = ring->returned;
    return !ring->broken && ring->returned == before && ring->returned != ring->sent;
}
