/* SPDX-License-Identifier: MIT */
/* synic/message.c - queues of messages and their delivery into slots; event flags.
 *
 * A slot is written payload first, type last, because the guest polls the type word. A message that
 * finds its slot in use sets the slot's "pending" flag and then looks at the type once more; a
 * guest empties the slot first and then looks at the flag. So one of the two always notices the
 * other: the guest writes EOM, or the message is delivered here. Rules: nothing that a guest wrote
 * into a page is used but the type word of a slot, as zero or not zero. */
#include <debug/log.h>
#include <rt/mem.h>
#include <synic/synic_internal.h>

#define FLAGS_WORD_BITS 64u
#define FLAGS_WORDS     (HV_EVENT_FLAGS_COUNT / FLAGS_WORD_BITS)

static bool slot_empty(const struct hv_message *slot)
{
    /* Pairs with the guest's release when it empties the slot. */
    return __atomic_load_n(&slot->header.message_type, __ATOMIC_ACQUIRE) == HvMessageTypeNone;
}

/* Whether @slot can be filled. If not, the guest will see that something waits for it. */
static bool slot_claim(struct hv_message *slot)
{
    if (slot_empty(slot))
        return true;
    /* A full barrier: between this flag and the type, and between synic->queued and the type. */
    __atomic_fetch_or(&slot->header.message_flags, (uint8_t)HV_MESSAGE_FLAG_PENDING,
                      __ATOMIC_SEQ_CST);
    return slot_empty(slot);
}

static void slot_fill(struct hv_message *slot, const struct hv_message *m, bool more)
{
    memcpy(slot->payload, m->payload, m->header.payload_size);
    slot->header.payload_size = m->header.payload_size;
    slot->header.message_flags = more ? HV_MESSAGE_FLAG_PENDING : 0;
    slot->header.reserved = 0;
    slot->header.origination_id = m->header.origination_id;
    /* Pairs with the guest's read of the type, after which it reads the rest. */
    __atomic_store_n(&slot->header.message_type, m->header.message_type, __ATOMIC_RELEASE);
}

/* Take @m off its queue; its owner is not told yet. */
static void message_unlink(struct synic *s, struct synic_message *m) REQUIRES(s->lock)
{
    uint32_t bit = 1u << m->sint;

    list_remove(&m->node);
    m->synic = NULL;
    if (list_empty(&s->queue[m->sint]))
        __atomic_store_n(&s->queued, s->queued & ~bit, __ATOMIC_RELAXED);
}

static void message_release(struct synic_message *m)
{
    if (m->ops && m->ops->release)
        m->ops->release(m);
}

/* Move the first message that waits for @sint into its slot, if it is empty. True: done. */
static bool deliver_locked(struct synic *s, unsigned sint) REQUIRES(s->lock)
{
    struct hv_message *slot = &s->messages->slots[sint];
    struct synic_message *m;

    if (!synic_takes_messages(s) || !slot_claim(slot))
        return false;
    m = container_of(s->queue[sint].next, struct synic_message, node);
    message_unlink(s, m);
    if (m->ops && m->ops->deliver)
        m->ops->deliver(m);
    slot_fill(slot, &m->message, !list_empty(&s->queue[sint]));
    message_release(m);
    return true;
}

uint32_t synic_deliver_all_locked(struct synic *s)
{
    uint32_t raise = 0;

    for (uint32_t left = s->queued; left; left &= left - 1) {
        unsigned sint = (unsigned)__builtin_ctz(left);

        if (deliver_locked(s, sint))
            raise |= 1u << sint;
    }
    return raise;
}

void synic_drain_locked(struct synic *s)
{
    for (unsigned sint = 0; sint < HV_SYNIC_SINT_COUNT; sint++) {
        while (!list_empty(&s->queue[sint])) {
            struct synic_message *m = container_of(s->queue[sint].next, struct synic_message, node);

            message_unlink(s, m);
            message_release(m);
        }
    }
}

void synic_raise(struct synic *s, uint32_t sints)
{
    for (; sints; sints &= sints - 1) {
        uint64_t sint = __atomic_load_n(&s->sint[__builtin_ctz(sints)], __ATOMIC_RELAXED);

        if (sint_interrupts(sint))
            synic_host_interrupt(s, (uint8_t)(sint & HV_SYNIC_SINT_VECTOR_MASK));
    }
}

void synic_rescan(struct synic *s)
{
    uint32_t raise;

    /* Whoever queued a message that is not seen here looks at the slot after a full barrier, and so
     * sees that the guest has emptied it. */
    if (!__atomic_load_n(&s->queued, __ATOMIC_RELAXED))
        return;
    spin_lock(&s->lock);
    raise = synic_deliver_all_locked(s);
    spin_unlock(&s->lock);
    synic_raise(s, raise);
}

void synic_eoi(struct synic *s, uint8_t vector)
{
    uint64_t word = __atomic_load_n(&s->used[vector / 64], __ATOMIC_RELAXED);

    if (word >> (vector % 64) & 1)
        synic_rescan(s);
}

void synic_message_init(struct synic_message *m, const struct synic_message_ops *ops)
{
    *m = (struct synic_message){.ops = ops};
    list_init(&m->node);
}

/* Queue @m for @sint before @at, a node of that queue or its head. */
static void enqueue_locked(struct synic *s, unsigned sint, struct list *at, struct synic_message *m)
    REQUIRES(s->lock)
{
    m->synic = s;
    m->sint = (uint8_t)sint;
    list_insert_before(at, &m->node);
    __atomic_store_n(&s->queued, s->queued | 1u << sint, __ATOMIC_RELAXED);
}

hv_status synic_post(struct synic *s, uint32_t sint, struct synic_message *m)
{
    bool taken, raise = false;

    BUG_ON(sint >= HV_SYNIC_SINT_COUNT || m->synic ||
           m->message.header.payload_size > HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT);
    spin_lock(&s->lock);
    taken = synic_takes_messages(s);
    if (taken) {
        m->order = s->order++;
        enqueue_locked(s, sint, &s->queue[sint], m);
        raise = deliver_locked(s, sint);
    }
    spin_unlock(&s->lock);
    if (raise)
        synic_raise(s, 1u << sint);
    return taken ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_SYNIC_STATE;
}

void synic_requeue(struct synic *s, uint32_t sint, uint64_t order, struct synic_message *m)
{
    struct list *at;

    BUG_ON(sint >= HV_SYNIC_SINT_COUNT || m->synic ||
           m->message.header.payload_size > HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT);
    spin_lock(&s->lock);
    for (at = s->queue[sint].next; at != &s->queue[sint]; at = at->next)
        if (container_of(at, struct synic_message, node)->order > order)
            break;
    m->order = order;
    enqueue_locked(s, sint, at, m);
    if (s->order <= order)
        s->order = order + 1;
    spin_unlock(&s->lock);
}

bool synic_cancel(struct synic *s, struct synic_message *m)
{
    bool queued;

    spin_lock(&s->lock);
    queued = m->synic == s;
    if (queued) {
        message_unlink(s, m);
        message_release(m);
    }
    spin_unlock(&s->lock);
    return queued;
}

hv_status synic_signal(struct synic *s, uint32_t sint, uint32_t flag)
{
    uint64_t bit = 1ull << (flag % FLAGS_WORD_BITS);
    uint64_t *word = &s->events[sint * FLAGS_WORDS + flag / FLAGS_WORD_BITS];
    uint64_t reg = __atomic_load_n(&s->sint[sint], __ATOMIC_RELAXED);

    if (!synic_takes_events(s) || sint_masked(reg))
        return HV_STATUS_INVALID_SYNIC_STATE;
    if (!(__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST) & bit))
        synic_raise(s, 1u << sint);
    return HV_STATUS_SUCCESS;
}
