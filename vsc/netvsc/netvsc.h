/* SPDX-License-Identifier: MIT */
/* netvsc/netvsc.h - a driver for synthetic network cards.
 *
 *   the bus offers a channel with netvsc_is_ours(); open it, share two buffers with its provider by
 *   GPADLs (vmbus/client.h), then netvsc_init() and netvsc_begin()     -> ready()
 *   the bus offers sub-channels, if any were asked for; open each, then netvsc_channel_add()
 *   netvsc_send() ..., netvsc_flush()                                  -> sent(), from
 * netvsc_poll() frames come                                                        -> received(),
 * the same netvsc_query(), netvsc_set()                                       -> answered(), the
 * same
 *
 * Nothing waits and nothing is allocated. The server is trusted to be there, not to be right: what
 * makes no sense is counted and dropped.
 *
 * Rules: the user serialises all calls for one device, callbacks included, which may send. */
#ifndef NETVSC_NETVSC_H
#define NETVSC_NETVSC_H

#include <rt/net_frame.h>
#include <stdbool.h>
#include <stdint.h>
#include <vmbus/channel.h>
#include <vspabi/network.h>

#define NETVSC_CHANNELS_MAX  64u
#define NETVSC_SECTIONS_MAX  256u /* of the send buffer, that are used */
#define NETVSC_PAGES_MAX     32u  /* of a frame */
#define NETVSC_RANGES_MAX    375u /* frames in a packet of the provider's */
#define NETVSC_BUFFER_BYTES  4096u
#define NETVSC_MESSAGE_BYTES 1024u /* of a control message */

struct netvsc;

struct netvsc_channel {
    struct netvsc *device;
    struct vmbus_channel *vmbus;
    uint64_t received_packets, sent_packets, completed, stray; /* stray: what belongs to nothing */
    bool answer_due;                                           /* a completion that found no room */
    uint64_t answer;
    uint64_t buffer[NETVSC_BUFFER_BYTES / sizeof(uint64_t)];
};

/* A frame to be sent: @bytes are copied, the rest lies in pages of the user's until sent(). */
struct netvsc_frame {
    const uint8_t *bytes;
    uint32_t length;
    const uint64_t *pages; /* numbers of the pages of the rest */
    uint32_t page_offset;  /* of the rest in its first page */
    uint32_t page_bytes;   /* 0: there is none */
    uint32_t checksum;     /* RNDIS_CHECKSUM_*; 0: none is to be computed */
    uint32_t lso;          /* RNDIS_LSO_*; 0: not to be cut */
    uint16_t vlan;         /* NET_VLAN_NONE */
    void *context;         /* for sent() */
};

/* A frame that came, in the receive buffer until received() returns. */
struct netvsc_received {
    const uint8_t *bytes;
    uint32_t length;
    uint32_t checksum; /* RNDIS_CHECKSUM_*; 0: nobody says anything of it */
    uint32_t hash;     /* 0: there is none */
    uint16_t vlan;     /* NET_VLAN_NONE */
};

struct netvsc_events {
    /* Initialisation is over; not @ok: the server does not want to. Then sub-channels are offered,
     * device->sub_channels of them at most. */
    void (*ready)(struct netvsc *n, bool ok);
    void (*received)(struct netvsc_channel *c, const struct netvsc_received *frame);
    /* The provider has taken a frame. NVSP_STATUS_*; 0: its channel was closed. */
    void (*sent)(struct netvsc *n, void *context, uint32_t status);
    /* The link came or went, or has another speed. */
    void (*link)(struct netvsc *n, uint32_t status);
    /* What netvsc_query() or netvsc_set() asked for, as @id. RNDIS_STATUS_*. */
    void (*answered)(struct netvsc *n, uint32_t id, uint32_t status, const uint8_t *value,
                     uint32_t length);
};

/* One section of the send buffer, while a message is in it. The driver's own. */
struct netvsc_section {
    bool busy;
    bool control;
    uint32_t use; /* counts, so that no answer fits twice */
    struct netvsc_channel *channel;
    void *context;
};

struct netvsc_config {
    uint32_t version; /* NVSP_VERSION_*: the newest to be tried */
    uint32_t mtu;
    uint32_t filter; /* NDIS_FILTER_* */
    uint32_t sub_channels;
    bool check;              /* be told of right checksums */
    uint8_t *receive, *send; /* shared with the provider of the primary channel */
    uint32_t receive_bytes, send_bytes;
    uint32_t receive_gpadl, send_gpadl;
};

struct netvsc {
    struct netvsc_channel primary;
    struct netvsc_channel *channels[NETVSC_CHANNELS_MAX]; /* [0] is the primary */
    uint32_t channel_count;
    uint32_t send_table[NVSP_SEND_TABLE_ENTRIES]; /* where the provider wants frames to go */
    uint32_t version;                             /* from ready() on, and so on */
    uint32_t mtu;
    uint32_t sub_channels;
    uint32_t link_down;
    uint8_t address[NET_ADDRESS_BYTES];
    struct ndis_offload offload; /* that the provider can do */
    uint32_t section_size;       /* of the send buffer */
    void *context;               /* the user's */

    /* The driver's own. */
    const struct netvsc_events *events;
    struct netvsc_config config;
    struct netvsc_section sections[NETVSC_SECTIONS_MAX];
    uint32_t section_count, next_section;
    uint32_t step, attempt; /* of the initialisation */
    uint32_t request;       /* the last control message's identifier */
    uint32_t received_max;  /* bytes of the receive buffer that the provider uses */
};

bool netvsc_is_ours(const struct vmbus_guid *interface);

/* @primary is open. All of @events must be there. */
void netvsc_init(struct netvsc *n, const struct netvsc_events *events,
                 struct vmbus_channel *primary, const struct netvsc_config *config);

/* Begin initialisation. False: the ring is full or broken. */
bool netvsc_begin(struct netvsc *n) __attribute__((warn_unused_result));

/* Use the open sub-channel @vmbus, with @c for it. False: there are enough. */
bool netvsc_channel_add(struct netvsc *n, struct netvsc_channel *c, struct vmbus_channel *vmbus)
    __attribute__((warn_unused_result));

/* Send @f on @c; it is sure to be seen only after netvsc_flush(). False: too much is under way, or
 * the ring is full (try again after a sent() or a signal), or the frame is too long. */
bool netvsc_send(struct netvsc_channel *c, const struct netvsc_frame *f)
    __attribute__((warn_unused_result));
void netvsc_flush(struct netvsc_channel *c);

/* Ask for, or set, an object of the device, with @length bytes of @value. The identifier for
 * answered(); 0: no room, or the value is too long. */
uint32_t netvsc_query(struct netvsc *n, uint32_t oid, const void *value, uint32_t length);
uint32_t netvsc_set(struct netvsc *n, uint32_t oid, const void *value, uint32_t length);

/* Spread what comes over the channels: entry i of the table is entries[i % @count]. As
 * netvsc_set(). */
uint32_t netvsc_spread(struct netvsc *n, const uint8_t key[NDIS_RSS_KEY_BYTES],
                       const uint32_t *entries, uint32_t count);

/* RNDIS is over, and the buffers are not the provider's any more: no frames come. Their GPADLs may
 * be torn down, and the channels closed. False: no room; begin again later. */
bool netvsc_end(struct netvsc *n) __attribute__((warn_unused_result));

/* Take what is there. False: the ring is broken. */
bool netvsc_poll(struct netvsc_channel *c);

/* The channel is closed: everything that was under way on it is sent, with status 0. */
void netvsc_channel_closed(struct netvsc_channel *c);

#endif
