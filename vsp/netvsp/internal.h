/* SPDX-License-Identifier: MIT */
/* netvsp/internal.h - what the files of netvsp share.
 *
 *   device.c    the offer, and what is left to the bus: buffers, sub-channels, the ends of channels
 *   channel.c   a channel's worker: packets in, answers out, its end
 *   nvsp.c      NVSP: the messages that set up the device
 *   send.c      frames from the child
 *   receive.c   frames to the child: sections, and the packets that name them
 *   spread.c    which channel a frame goes to, and whether the child wants it
 *   rndis.c     RNDIS: the control messages
 *   oid.c       what they ask for and set
 *
 * The receive buffer, the sections, and a slot's channel are used by the users of a slot only
 * (netvsp_enter(), netvsp_leave()), the send buffer by its senders: whoever wants to take them away
 * shuts the door, by buffer.open or slot.channel, and waits until those are gone. Who comes looks
 * at the door before he enters, too, so that this takes no longer than what is under way: senders
 * do not keep the receive buffer, nor those who bring frames the send buffer.
 *
 * A section is free (on device.free, or a bit of control_free), being filled (one user's), queued
 * (on slot.filled, then in the worker's queue), or the child's: in a chain of those that one packet
 * named, whose first is known by the transaction. */
#ifndef NETVSP_INTERNAL_H
#define NETVSP_INTERNAL_H

#include "netvsp.h"

#define NETVSP_PAGE         4096u
#define NETVSP_PAGES_MAX    256u /* of a message that the child sends */
#define NETVSP_PACKET_BYTES 8192u
#define NETVSP_CONTROL_MAX  1024u /* bytes of a control message from the child */
#define NETVSP_ANSWER_MAX   512u  /* and of one to it; a section is longer */
#define NETVSP_INFO_MAX     256u  /* of a frame's per-packet information */
#define NETVSP_MESSAGES_MAX 8u    /* frames in one message of the child */
#define NETVSP_ALIGNMENT    3u    /* of them: a power of 2 */
#define NETVSP_RANGES       32u   /* frames in one packet to the child */

/* device.errand, done by the bus for the primary's worker. */
enum {
    NETVSP_ERRAND_NONE,
    NETVSP_ERRAND_RECEIVE_GET,
    NETVSP_ERRAND_RECEIVE_PUT,
    NETVSP_ERRAND_SEND_GET,
    NETVSP_ERRAND_SEND_PUT,
    NETVSP_ERRAND_SUB_CHANNELS,
};

/* device.errand_state: who is to do something next. */
enum {
    NETVSP_IDLE,
    NETVSP_WAITING, /* the worker, for users of a buffer to leave */
    NETVSP_ASKED,   /* the bus */
    NETVSP_DONE,    /* the worker */
};

/* device.offloads */
#define NETVSP_OFFLOAD_CHECK4 0x1u /* say that TCP's and UDP's checksums are right */
#define NETVSP_OFFLOAD_CHECK6 0x2u

enum { NETVSP_SECTION_FREE, NETVSP_SECTION_QUEUED, NETVSP_SECTION_SENT, NETVSP_SECTION_FOLLOWS };

/* Its owner in one word, so that whoever looks sees no half of it: one who finds SENT and its own
 * slot there knows that it stays so. */
#define NETVSP_OWNER(use, slot, state) ((uint64_t)(use) << 32 | (uint32_t)(slot) << 8 | (state))
#define NETVSP_OWNER_USE(owner)        ((uint32_t)((owner) >> 32))
#define NETVSP_OWNER_SLOT(owner)       ((uint32_t)(owner) >> 8 & 0xff)
#define NETVSP_OWNER_STATE(owner)      ((uint32_t)(owner)&0xff)

struct netvsp_section {
    uint32_t next;   /* [a] plus 1, in whatever list it is */
    uint16_t length; /* of its message */
    uint16_t sender; /* of a frame, while it is not free */
    uint64_t owner;  /* [a] NETVSP_OWNER: its use counts, so that no completion fits twice */
};

struct netvsp_channel {
    struct netvsp_device *device; /* [I] */
    struct netvsp_slot *slot;     /* [I] */
    struct vmbus_channel *vmbus;  /* [I] */
    void *context;                /* [a] the owner's */
    struct list node;             /* bus: in device->channels */

    bool closing; /* [a] the bus wants it closed */
    bool broken;  /* [a] for the bus: a ring is */
    bool drained; /* [a] for the bus: nothing refers to it any more */

    /* The worker's. */
    bool answer_due; /* @answer found no room; nothing is read meanwhile */
    uint64_t answer_transaction;
    uint32_t answer_length;
    struct nvsp_message answer;
    bool errand_answer; /* the errand under way is to be answered, as @errand_transaction */
    uint64_t errand_transaction;
    uint32_t spent; /* of the budget, by the packet under way: its frames as on the wire, and pages */
    uint32_t piece_count;
    struct net_piece pieces[1 + NETVSP_PAGES_MAX];       /* of a message */
    struct net_piece frame_pieces[1 + NETVSP_PAGES_MAX]; /* of a frame in it */
    const uint8_t *at[NETVSP_PAGES_MAX];                 /* its pages */
    uint64_t pages[NETVSP_PAGES_MAX];
    uint64_t control[NETVSP_CONTROL_MAX / 8];
    uint64_t buffer[NETVSP_PACKET_BYTES / 8];
};

/* ---- counting and telling ---- */

static inline void netvsp_count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* The child did something wrong: say so. Worker. */
static inline void netvsp_complain(const struct netvsp_channel *c, const char *reason)
{
    c->device->port->log(c->device->context, c->vmbus->relid, reason);
}

static inline bool netvsp_has_link(const struct netvsp_device *d)
{
    return __atomic_load_n(&d->link_speed, __ATOMIC_RELAXED) != 0;
}

/* ---- doors ---- */

/* The caller uses the receive buffer, and the slot's channel, until netvsp_leave(): if they are
 * there, which is to be asked after this. */
static inline void netvsp_enter(struct netvsp_slot *s)
{
    __atomic_fetch_add(&s->users, 1, __ATOMIC_SEQ_CST); /* before looking at a door */
}

static inline void netvsp_leave(struct netvsp_slot *s)
{
    __atomic_fetch_sub(&s->users, 1, __ATOMIC_SEQ_CST);
}

static inline bool netvsp_open(const struct netvsp_buffer *b)
{
    return __atomic_load_n(&b->open, __ATOMIC_SEQ_CST); /* pairs with netvsp_shut */
}

static inline void netvsp_shut(struct netvsp_buffer *b)
{
    __atomic_store_n(&b->open, false, __ATOMIC_SEQ_CST); /* then look for users */
}

static inline bool netvsp_used(const struct netvsp_slot *s)
{
    return __atomic_load_n(&s->users, __ATOMIC_SEQ_CST) > 0;
}

/* Somebody is a user of any slot; a sender of any. */
bool netvsp_any_used(const struct netvsp_device *d);
bool netvsp_any_sends(const struct netvsp_device *d);

/* ---- channel.c ---- */

/* A channel of @d in @slot, with its memory; NULL: there is none. */
struct netvsp_channel *netvsp_channel_create(struct netvsp_device *d, struct vmbus_channel *v);

/* Answer packet @transaction with @length bytes of @message, now or when there is room. */
void netvsp_answer(struct netvsp_channel *c, uint64_t transaction,
                   const struct nvsp_message *message, uint32_t length);

/* A ring of @c is broken: the bus is to close it. */
void netvsp_broken(struct netvsp_channel *c);

static inline bool netvsp_is_primary(const struct netvsp_channel *c)
{
    return c->slot == &c->device->slots[0];
}

/* ---- nvsp.c ---- */

/* An NVSP message of @c in packet @p. */
void netvsp_message_take(struct netvsp_channel *c, const struct vmbus_packet *p);

/* The errand that is under way: go on, if it is time. True: call it again. Primary. */
bool netvsp_errand_go_on(struct netvsp_channel *c);

/* Tell the child what is due: to which channels it is to send. Primary. */
void netvsp_table_send(struct netvsp_channel *c);

/* ---- send.c ---- */

/* The RNDIS message that @message and the ranges of @p name; what NVSP answers, NVSP_STATUS_*. */
uint32_t netvsp_rndis_take(struct netvsp_channel *c, const struct nvsp_message *message,
                           const struct vmbus_packet *p);

/* ---- receive.c ---- */

/* A new receive buffer: all sections are free. Bus. */
void netvsp_sections_init(struct netvsp_device *d);

/* The child is done with the packet of @transaction. */
void netvsp_completion_take(struct netvsp_channel *c, uint64_t transaction);

/* Send what is queued for @c, while there is room. */
void netvsp_sections_send(struct netvsp_channel *c);

/* Forget what is queued, when the receive buffer is shut and nobody uses any slot. Primary. */
void netvsp_queues_clear(struct netvsp_device *d);

/* Free all sections that @c's child has or that are queued for it. Only @c's slot has no users. */
void netvsp_sections_reclaim(struct netvsp_channel *c);

/* Queue @length bytes of a control message, NETVSP_ANSWER_MAX at most, for the child. False: there
 * is no section for it. The primary's worker, as a user. */
bool netvsp_control_send(struct netvsp_channel *c, const void *message, uint32_t length);

/* ---- spread.c ---- */

#define NETVSP_FLOW_WORDS 9u

/* What a frame's header says of where it belongs. */
struct netvsp_flow {
    uint8_t ip;         /* 4, 6; 0: neither */
    uint8_t protocol;   /* of a whole datagram; 0: of a fragment, or unknown */
    uint8_t word_count; /* of addresses, and of ports if they are there */
    bool ports;
    uint32_t words[NETVSP_FLOW_WORDS];
};

void netvsp_flow_find(const struct net_frame *frame, struct netvsp_flow *flow);

/* Whether the child's packet filter lets @frame through. */
bool netvsp_filter_passes(const struct netvsp_device *d, const struct net_frame *frame);

/* The slot that frames of @flow go to; *@hash is the hash, 0: it has none. */
uint32_t netvsp_spread(const struct netvsp_device *d, const struct netvsp_flow *flow,
                       uint32_t *hash);

/* ---- rndis.c, oid.c ---- */

/* A control message of @length bytes, private. The primary's worker, as a user. */
void netvsp_control_take(struct netvsp_channel *c, const uint8_t *message, uint32_t length);

/* Tell the child of a link that is not as it knows it, if it is there to be told. The same. */
void netvsp_link_tell(struct netvsp_channel *c);

/* Forget all settings: the device is as after its primary channel was opened. */
void netvsp_settings_reset(struct netvsp_device *d);

/* The value of @oid, to @value (NETVSP_ANSWER_MAX - sizeof(struct rndis_query_complete) bytes);
 * *@length is its length. RNDIS_STATUS_*. */
uint32_t netvsp_oid_query(struct netvsp_device *d, uint32_t oid, const uint8_t *asked,
                          uint32_t asked_length, uint8_t *value, uint32_t *length);

/* Set @oid. RNDIS_STATUS_*. */
uint32_t netvsp_oid_set(struct netvsp_device *d, uint32_t oid, const uint8_t *value,
                        uint32_t length);

#endif
