/* SPDX-License-Identifier: MIT */
/* netvsp/receive.c - towards the child: messages are written into sections of its receive buffer,
 * by anybody; a channel's worker sends packets that name them; the child's completions free them.
 *
 * A section popped from a list is its taker's alone. Lists are changed by compare-and-exchange of
 * their head, whose count makes sure that no exchange succeeds on a list that is another's by now.
 */
#include <rt/mem.h>
#include "internal.h"

#define STACK_INDEX 0xffffffffull
#define STACK_COUNT (1ull << 32)
#define NONE        UINT32_MAX
#define INFOS_MAX   3u

/* ---- lists of sections ---- */

static uint32_t next_get(const struct netvsp_section *s)
{
    return __atomic_load_n(&s->next, __ATOMIC_RELAXED);
}

static void next_set(struct netvsp_section *s, uint32_t next)
{
    __atomic_store_n(&s->next, next, __ATOMIC_RELAXED);
}

static uint64_t owner_get(const struct netvsp_section *s)
{
    return __atomic_load_n(&s->owner, __ATOMIC_ACQUIRE); /* pairs with owner_set */
}

/* By whom it belongs to. */
static void owner_set(struct netvsp_section *s, uint64_t owner)
{
    __atomic_store_n(&s->owner, owner, __ATOMIC_RELEASE); /* pairs with owner_get */
}

/* The same, but for its state. */
static void state_set(struct netvsp_section *s, uint32_t state)
{
    owner_set(s, (owner_get(s) & ~0xffull) | state);
}

static void queued_set(struct netvsp_section *s, uint32_t slot)
{
    owner_set(s, NETVSP_OWNER(NETVSP_OWNER_USE(owner_get(s)), slot, NETVSP_SECTION_QUEUED));
}

/* Put the chain from @first to @last on top of @stack. True: that was empty. */
static bool stack_push(struct netvsp_device *d, struct netvsp_stack *stack, uint32_t first,
                       uint32_t last)
{
    uint64_t head = __atomic_load_n(&stack->head, __ATOMIC_RELAXED), new;

    do {
        next_set(&d->sections[last], (uint32_t)head);
        new = ((head & ~STACK_INDEX) + STACK_COUNT) | (first + 1);
    } while (!__atomic_compare_exchange_n(&stack->head, &head, new, true, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED)); /* pairs with stack_pop, stack_take */
    return (head & STACK_INDEX) == 0;
}

/* The first of @stack; NONE: it is empty. */
static uint32_t stack_pop(struct netvsp_device *d, struct netvsp_stack *stack)
{
    uint64_t head = __atomic_load_n(&stack->head, __ATOMIC_ACQUIRE), new;

    do {
        if ((head & STACK_INDEX) == 0)
            return NONE;
        new = ((head & ~STACK_INDEX) + STACK_COUNT) | next_get(&d->sections[(uint32_t)head - 1]);
    } while (!__atomic_compare_exchange_n(&stack->head, &head, new, true, __ATOMIC_ACQUIRE,
                                          __ATOMIC_ACQUIRE)); /* pairs with stack_push */
    return (uint32_t)head - 1;
}

/* All of @stack: the first, plus 1; 0: it is empty. */
static uint32_t stack_take(struct netvsp_stack *stack)
{
    uint64_t head = __atomic_load_n(&stack->head, __ATOMIC_RELAXED);

    while ((head & STACK_INDEX) != 0 &&
           !__atomic_compare_exchange_n(&stack->head, &head, (head & ~STACK_INDEX) + STACK_COUNT,
                                        true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        ; /* pairs with stack_push */
    return (uint32_t)head;
}

void netvsp_sections_init(struct netvsp_device *d)
{
    d->free.head = 0;
    d->control_free = (1u << NETVSP_CONTROL) - 1;
    for (uint32_t i = NETVSP_CONTROL; i < d->receive.section_count; i++)
        next_set(&d->sections[i], i + 1 < d->receive.section_count ? i + 2 : 0);
    d->free.head = NETVSP_CONTROL + 1;
    net_share_init(&d->share, d->receive.section_count - NETVSP_CONTROL);
}

static uint8_t *section_bytes(const struct netvsp_device *d, uint32_t index)
{
    return d->receive.view.bytes + (size_t)index * d->receive.section_size;
}

/* ---- from the network ---- */

/* A frame's message up to its data. */
struct message_head {
    struct rndis_packet packet;
    struct {
        struct rndis_info info;
        uint32_t value;
    } infos[INFOS_MAX];
};

static void info_add(struct message_head *head, uint32_t type, uint32_t value)
{
    uint32_t size = sizeof(head->infos[0]), number = head->packet.info_length / size;

    head->infos[number].info =
        (struct rndis_info){.size = size, .type = type, .offset = sizeof(struct rndis_info)};
    head->infos[number].value = value;
    head->packet.info_length += size;
}

/* What the child is told of checksums that are right; 0: nothing. */
static uint32_t checksum_info(const struct netvsp_device *d, const struct net_frame *frame,
                              const struct netvsp_flow *flow)
{
    uint32_t offloads = __atomic_load_n(&d->offloads, __ATOMIC_RELAXED);
    uint32_t wanted = flow->ip == 4 ? NETVSP_OFFLOAD_CHECK4 : NETVSP_OFFLOAD_CHECK6;
    uint32_t ip = flow->ip == 4 ? RNDIS_CHECKSUM_IP_SUCCEEDED : 0;

    if (!(frame->offload.flags & (NET_CHECKSUM_NEEDED | NET_CHECKSUM_VALID)) ||
        !(offloads & wanted))
        return 0;
    if (flow->protocol == NET_IP_TCP)
        return RNDIS_CHECKSUM_TCP_SUCCEEDED | ip;
    return flow->protocol == NET_IP_UDP ? RNDIS_CHECKSUM_UDP_SUCCEEDED | ip : 0;
}

static void head_make(const struct netvsp_device *d, const struct net_frame *frame,
                      const struct netvsp_flow *flow, uint32_t hash, struct message_head *head)
{
    uint32_t checksum = checksum_info(d, frame, flow);

    memset(head, 0, sizeof(*head));
    head->packet.header.type = RNDIS_PACKET;
    if (checksum != 0)
        info_add(head, RNDIS_INFO_CHECKSUM, checksum);
    if (frame->vlan != NET_VLAN_NONE)
        info_add(head, RNDIS_INFO_8021Q, rndis_vlan_of(frame->vlan));
    if (hash != 0)
        info_add(head, RNDIS_INFO_HASH, hash);
    if (head->packet.info_length > 0)
        head->packet.info_offset = sizeof(struct rndis_packet) - sizeof(struct rndis_header);
    head->packet.data_offset =
        (uint32_t)(sizeof(struct rndis_packet) - sizeof(struct rndis_header)) +
        head->packet.info_length;
}

/* Write the next frame of the wire that @frame is into section @index. Its length. */
static uint32_t section_write(struct netvsp_device *d, uint32_t index,
                              const struct net_frame *frame, struct net_cursor *cursor,
                              struct message_head *head)
{
    uint32_t before = (uint32_t)sizeof(head->packet) + head->packet.info_length;
    uint8_t *to = section_bytes(d, index);
    uint32_t length = net_frame_write(frame, cursor, to + before);

    head->packet.data_length = length;
    head->packet.header.length = before + length;
    memcpy(to, head, before);
    d->sections[index].length = (uint16_t)(before + length);
    return length;
}

/* A free section for a frame of @sender's; NONE: there is none for him, and *@taken is why. */
static uint32_t section_take(struct netvsp_device *d, uint16_t sender, enum net_taken *taken)
{
    uint32_t index;

    *taken = net_share_take(&d->share, sender, 1);
    if (*taken != NET_TAKEN)
        return NONE;
    index = stack_pop(d, &d->free); /* there is one: it is on the stack before it is given back */
    d->sections[index].sender = sender;
    return index;
}

/* Fill sections with @frame, and queue them in @slot. */
static enum net_taken frame_put(struct netvsp_device *d, uint32_t number,
                                const struct net_frame *frame, struct netvsp_channel *c,
                                struct message_head *head)
{
    struct netvsp_slot *slot = &d->slots[number];
    uint32_t count = net_frame_segments(frame), done = 0, top = NONE, bottom = NONE;
    enum net_taken taken = NET_TAKEN;
    struct net_cursor cursor = {0};
    uint64_t bytes = 0;

    for (; done < count; done++) {
        uint32_t index = section_take(d, frame->sender, &taken);

        if (index == NONE)
            break;
        bytes += section_write(d, index, frame, &cursor, head);
        queued_set(&d->sections[index], number);
        next_set(&d->sections[index], top + 1); /* 0 for NONE */
        top = index;
        if (bottom == NONE)
            bottom = index;
    }
    netvsp_count(&slot->statistics.received_frames, done);
    netvsp_count(&slot->statistics.received_bytes, bytes);
    if (top != NONE && stack_push(d, &slot->filled, top, bottom) &&
        !__atomic_load_n(&slot->awake, __ATOMIC_SEQ_CST)) /* pairs with netvsp_channel_work */
        d->port->wake(c);
    if (taken == NET_CROWDED)
        netvsp_count(&slot->statistics.lost_share, count - done);
    else if (taken != NET_TAKEN)
        netvsp_count(&slot->statistics.lost_no_buffer, count - done);
    return taken;
}

/* Longer than the child takes, or than a section is. */
static bool too_long(const struct netvsp_device *d, const struct net_frame *frame)
{
    uint32_t longest = net_frame_segment_max(frame);

    return longest > NET_ETHERNET_BYTES + __atomic_load_n(&d->mtu, __ATOMIC_RELAXED) ||
           longest + sizeof(struct message_head) > d->receive.section_size;
}

/* @number's channel, or the primary if there is none; the caller is a user of both. NULL: there is
 * no channel, or no buffer. */
static struct netvsp_channel *channel_find(struct netvsp_device *d, uint32_t *number)
{
    struct netvsp_channel *c;

    if (!netvsp_open(&d->receive))
        return NULL;
    c = __atomic_load_n(&d->slots[*number].channel, __ATOMIC_SEQ_CST); /* pairs with close_begin */
    if (c)
        return c;
    *number = 0;
    return __atomic_load_n(&d->slots[0].channel, __ATOMIC_SEQ_CST);
}

/* As a user of slot @number and of the primary's. */
static enum net_taken frame_take(struct netvsp_device *d, uint32_t number,
                                 const struct net_frame *frame, const struct netvsp_flow *flow,
                                 uint32_t hash)
{
    struct netvsp_channel *c = channel_find(d, &number);
    struct message_head head;

    if (!c || too_long(d, frame)) {
        netvsp_count(
            c ? &d->slots[0].statistics.lost_too_long : &d->slots[0].statistics.lost_not_ready, 1);
        return NET_LOST;
    }
    head_make(d, frame, flow, hash, &head);
    return frame_put(d, number, frame, c, &head);
}

/* Whether frames can come at all; one that cannot is counted. Asked before the door, so that
 * newcomers do not keep it from being shut. */
static bool may_come(struct netvsp_device *d)
{
    struct netvsp_statistics *s = &d->slots[0].statistics;

    if (!netvsp_has_link(d)) {
        netvsp_count(&s->lost_no_link, 1);
        return false;
    }
    if (!netvsp_open(&d->receive) || !__atomic_load_n(&d->ready, __ATOMIC_RELAXED)) {
        netvsp_count(&s->lost_not_ready, 1);
        return false;
    }
    return true;
}

enum net_taken netvsp_receive(struct netvsp_device *d, const struct net_frame *frame)
{
    struct netvsp_flow flow;
    enum net_taken taken;
    uint32_t hash, number;

    if (!may_come(d))
        return NET_LOST;
    if (!netvsp_filter_passes(d, frame)) {
        netvsp_count(&d->slots[0].statistics.filtered, 1);
        return NET_UNWANTED;
    }
    netvsp_flow_find(frame, &flow);
    number = netvsp_spread(d, &flow, &hash);
    if (!__atomic_load_n(&d->slots[number].channel, __ATOMIC_RELAXED))
        number = 0;
    netvsp_enter(&d->slots[number]);
    if (number != 0)
        netvsp_enter(&d->slots[0]);
    taken = frame_take(d, number, frame, &flow, hash);
    if (number != 0)
        netvsp_leave(&d->slots[0]);
    netvsp_leave(&d->slots[number]);
    return taken;
}

/* ---- the worker: packets ---- */

/* Put what came, the latest first, at the end of the queue. */
static void queue_take(struct netvsp_device *d, struct netvsp_slot *slot)
{
    uint32_t at = stack_take(&slot->filled), first = 0, last = at;

    while (at != 0) {
        struct netvsp_section *s = &d->sections[at - 1];
        uint32_t next = next_get(s);

        next_set(s, first);
        first = at;
        at = next;
    }
    if (first == 0)
        return;
    if (slot->last != 0)
        next_set(&d->sections[slot->last - 1], first);
    else
        slot->first = first;
    slot->last = last;
}

static bool is_control(uint32_t index)
{
    return index < NETVSP_CONTROL;
}

/* Name the first sections of the queue, all frames or all control messages, in @ranges. Their
 * number; *@last is the last of them. */
static uint32_t ranges_fill(const struct netvsp_device *d, const struct netvsp_slot *slot,
                            struct vmbus_range *ranges, uint32_t *last)
{
    uint32_t at = slot->first, count = 0;

    while (at != 0 && count < NETVSP_RANGES && is_control(at - 1) == is_control(slot->first - 1)) {
        const struct netvsp_section *s = &d->sections[at - 1];

        ranges[count++] =
            (struct vmbus_range){.length = s->length, .offset = (at - 1) * d->receive.section_size};
        *last = at - 1;
        at = next_get(s);
    }
    return count;
}

/* The sections from the queue's first to @last are the child's, for the @use'th time. */
static void sections_hand_over(struct netvsp_device *d, struct netvsp_slot *slot, uint32_t use,
                               uint32_t last)
{
    uint32_t first = slot->first - 1, rest = next_get(&d->sections[last]);

    next_set(&d->sections[last], 0);
    for (uint32_t at = next_get(&d->sections[first]); at != 0; at = next_get(&d->sections[at - 1]))
        state_set(&d->sections[at - 1], NETVSP_SECTION_FOLLOWS);
    owner_set(&d->sections[first], NETVSP_OWNER(use, slot - d->slots, NETVSP_SECTION_SENT));
    slot->first = rest;
    if (rest == 0)
        slot->last = 0;
}

/* One packet. False: there is no room for it. */
static bool packet_send(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;
    struct netvsp_slot *slot = c->slot;
    uint32_t use = NETVSP_OWNER_USE(owner_get(&d->sections[slot->first - 1])) + 1;
    struct vmbus_range ranges[NETVSP_RANGES];
    uint32_t last = 0, count = ranges_fill(d, slot, ranges, &last);
    struct nvsp_message message = {
        .type = NVSP_RNDIS,
        .rndis = {.channel = is_control(slot->first - 1) ? NVSP_CHANNEL_CONTROL : NVSP_CHANNEL_DATA,
                  .section = NVSP_SECTION_NONE}};
    struct vmbus_packet p = {.type = VMBUS_PACKET_TRANSFER_PAGES,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .page_set = NVSP_RECEIVE_BUFFER_ID,
                             .transaction = (uint64_t)use << 32 | slot->first,
                             .ranges = ranges,
                             .range_count = count,
                             .ranges_length = (uint32_t)(count * sizeof(ranges[0])),
                             .payload = &message,
                             .length = sizeof(message)};
    enum vmbus_ring_status status = vmbus_channel_send(c->vmbus, &p);

    if (status == VMBUS_RING_BROKEN)
        netvsp_broken(c);
    if (status != VMBUS_RING_OK)
        return false;
    sections_hand_over(d, slot, use, last);
    return true;
}

void netvsp_sections_send(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;

    if (!netvsp_open(&d->receive)) /* who waits for us to leave is not kept waiting */
        return;
    netvsp_enter(c->slot);
    if (netvsp_open(&d->receive)) {
        queue_take(d, c->slot);
        while (c->slot->first != 0 && packet_send(c))
            ;
    }
    netvsp_leave(c->slot);
}

/* ---- the worker: completions ---- */

static void section_free(struct netvsp_device *d, uint32_t index)
{
    uint16_t sender = d->sections[index].sender; /* on the stack it may be another's at once */

    state_set(&d->sections[index], NETVSP_SECTION_FREE);
    if (is_control(index)) {
        d->control_free |= 1u << index;
        return;
    }
    (void)stack_push(d, &d->free, index, index);
    net_share_give(&d->share, sender, 1);
}

/* Free all of the packet whose first section is @index: frames in one go. */
static void chain_free(struct netvsp_device *d, uint32_t index)
{
    uint32_t last = index, at = index + 1, count = 0;
    uint16_t senders[NETVSP_RANGES];

    if (is_control(index)) {
        while (at != 0) {
            uint32_t next = next_get(&d->sections[at - 1]);

            section_free(d, at - 1);
            at = next;
        }
        return;
    }
    for (; at != 0; at = next_get(&d->sections[last])) {
        last = at - 1;
        state_set(&d->sections[last], NETVSP_SECTION_FREE);
        senders[count++] = d->sections[last].sender;
    }
    (void)stack_push(d, &d->free, index, last);
    while (count > 0)
        net_share_give(&d->share, senders[--count], 1);
}

static bool completion_fits(const struct netvsp_channel *c, uint64_t transaction)
{
    const struct netvsp_device *d = c->device;
    uint32_t index = (uint32_t)transaction - 1;

    return index < d->receive.section_count &&
           owner_get(&d->sections[index]) ==
               NETVSP_OWNER(transaction >> 32, c->slot - d->slots, NETVSP_SECTION_SENT);
}

void netvsp_completion_take(struct netvsp_channel *c, uint64_t transaction)
{
    bool fits = false;

    if (netvsp_open(&c->device->receive)) { /* who waits for us to leave is not kept waiting */
        netvsp_enter(c->slot);
        fits = netvsp_open(&c->device->receive) && completion_fits(c, transaction);
        if (fits)
            chain_free(c->device, (uint32_t)transaction - 1);
        netvsp_leave(c->slot);
    }
    if (fits)
        return;
    netvsp_count(&c->slot->statistics.dropped, 1);
    netvsp_complain(c, "a completion of no packet that it has");
}

/* ---- ends ---- */

void netvsp_queues_clear(struct netvsp_device *d)
{
    for (uint32_t i = 0; i < NETVSP_CHANNELS; i++) {
        d->slots[i].first = 0;
        d->slots[i].last = 0;
        (void)stack_take(&d->slots[i].filled);
    }
}

void netvsp_sections_reclaim(struct netvsp_channel *c)
{
    struct netvsp_device *d = c->device;
    uint32_t number = (uint32_t)(c->slot - d->slots);

    netvsp_enter(c->slot);
    if (netvsp_open(&d->receive)) {
        c->slot->first = 0;
        c->slot->last = 0;
        (void)stack_take(&c->slot->filled);
        for (uint32_t i = NETVSP_CONTROL; i < d->receive.section_count; i++) {
            uint64_t owner = owner_get(&d->sections[i]);

            if (NETVSP_OWNER_STATE(owner) != NETVSP_SECTION_FREE &&
                NETVSP_OWNER_SLOT(owner) == number)
                section_free(d, i);
        }
    }
    netvsp_leave(c->slot);
}

/* ---- control messages ---- */

bool netvsp_control_send(struct netvsp_channel *c, const void *message, uint32_t length)
{
    struct netvsp_device *d = c->device;
    struct netvsp_slot *slot = c->slot;
    uint32_t index;

    if (!netvsp_open(&d->receive) || d->control_free == 0)
        return false;
    index = (uint32_t)__builtin_ctz(d->control_free);
    d->control_free &= d->control_free - 1;
    memcpy(section_bytes(d, index), message, length);
    d->sections[index].length = (uint16_t)length;
    queued_set(&d->sections[index], 0);
    next_set(&d->sections[index], 0);
    if (slot->last != 0)
        next_set(&d->sections[slot->last - 1], index + 1);
    else
        slot->first = index + 1;
    slot->last = index + 1;
    return true;
}
