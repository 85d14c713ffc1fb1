/* SPDX-License-Identifier: MIT */
/* netvsp/netvsp.h - a synthetic network card that one child sees on its bus.
 *
 * A device (struct netvsp_device) is one offer. What the child sends comes out at the port's
 * send(), within the worker's call, and is answered when that returns: nothing is queued on the
 * way. What is given to netvsp_receive() is copied into the child's receive buffer at once and
 * waits there; the child owns those sections until it says that it took them. A child that never
 * does loses its frames, which are counted, and nothing else. Each sender has a share of the
 * sections (rt/net_share.h), so that one who floods leaves some for others. Headers are copied once
 * and private from then on; the rest of a frame is read once, by whoever copies it.
 *
 * Four kinds of callers; a function says whose it is.
 * - Bus: whatever serialises the calls of the child's vmbus_server, which this uses. That is
 *   netvsp_service(), init, and the server's own callbacks.
 * - Worker of a channel: netvsp_channel_work(), one call at a time for each channel; those of
 *   different channels may run at the same time, and at the same time as the bus. One thread for
 *   the bus and all channels of a child will do.
 * - Network: netvsp_receive() and netvsp_link_set(), any number at a time, at the same time as all
 *   others, from the switch's end.
 * - Any context, interrupts too: the server's signalled(), which only wakes.
 * No locks; nothing waits; memory is allocated by the bus only. */
#ifndef NETVSP_NETVSP_H
#define NETVSP_NETVSP_H

#include <rt/list.h>
#include <rt/net_frame.h>
#include <rt/net_share.h>
#include <vmbus/server.h>
#include <vspabi/network.h>

#define NETVSP_CHANNELS      64u /* the primary and its sub-channels */
#define NETVSP_SECTIONS_MAX  16384u
#define NETVSP_CONTROL       8u /* sections for answers and indications; the rest is for frames */
#define NETVSP_SECTIONS_MIN  (2 * NETVSP_CONTROL)
#define NETVSP_SECTION_BYTES 1728u /* at least */
#define NETVSP_SEND_SECTION  6144u
#define NETVSP_NAME_BYTES    64u
#define NETVSP_MULTICAST_MAX 32u

struct netvsp_device;
struct netvsp_channel;

/* ---- the transport: what the owner does for a device -------------------------------------- */

/* None of these calls back into the device, but for send(): netvsp_receive() of any device is
 * allowed from there. @context is that of netvsp_device_init(). */
struct netvsp_port {
    /* The child sends @frame: hand it to the network. What it does not copy is gone when it
     * returns. Worker; those of several channels at a time. */
    void (*send)(void *context, const struct net_frame *frame);

    /* Pin @count of the child's pages for reading, and say where each is mapped. Duplicates are
     * possible. False: one is not the child's RAM; none is pinned. Worker. */
    bool (*pin)(void *context, const uint64_t *pages, uint32_t count, const uint8_t **at);
    /* Undo it. Worker. */
    void (*unpin)(void *context, const uint64_t *pages, uint32_t count);

    /* See to it that netvsp_channel_work(@c) is called soon. Any context. */
    void (*wake)(struct netvsp_channel *c);
    /* See to it that netvsp_service(@d) is called soon. Any context. */
    void (*wake_bus)(struct netvsp_device *d);

    /* @c may be worked on from now on. False: it cannot be. netvsp_channel_context_set(). Bus. */
    bool (*started)(void *context, struct netvsp_channel *c);
    /* When it returns, no netvsp_channel_work(@c) is under way and none will come. No wake(@c)
     * comes any more; the channel of the bus may be gone already. Bus. */
    void (*stopped)(void *context, struct netvsp_channel *c);

    /* Zeroed memory aligned to 16, or NULL. Bus. */
    void *(*allocate)(void *context, size_t size);
    void (*free)(void *context, void *memory, size_t size);

    /* The child did something wrong: @reason is a literal. As often as the child likes: this port
     * limits what it logs. Worker. */
    void (*log)(void *context, uint32_t relid, const char *reason);
};

/* ---- devices ------------------------------------------------------------------------------ */

struct netvsp_config {
    struct vmbus_guid instance; /* of the device on the child's bus */
    uint8_t address[NET_ADDRESS_BYTES];
    uint32_t mtu_max;             /* NET_MTU_DEFAULT to NET_MTU_MAX */
    uint32_t sub_channel_max;     /* to NETVSP_CHANNELS - 1 */
    uint64_t bits_per_second;     /* that the link is said to have */
    char name[NETVSP_NAME_BYTES]; /* ASCII, for the child's user; may be empty */
};

/* Counted since the device was made. Frames of the wire; a frame that is cut counts once for each
 * piece towards the child, and once altogether from it. */
struct netvsp_statistics {
    uint64_t sent_frames, sent_bytes;         /* by the child */
    uint64_t received_frames, received_bytes; /* by the child: put into its buffer */
    uint64_t lost_no_buffer;                  /* the child has all sections */
    uint64_t lost_share;                      /* it has its sender's share of them */
    uint64_t lost_not_ready; /* it does not receive, or its channel is being closed */
    uint64_t lost_too_long;  /* longer than its MTU */
    uint64_t lost_no_link;   /* to the child or from it, while its link was down */
    uint64_t filtered;       /* by the packet filter that it set */
    uint64_t malformed;      /* messages and frames of the child that made no sense */
    uint64_t control;        /* RNDIS messages but frames */
    uint64_t control_lost;   /* answers that found no section */
    uint64_t dropped;        /* packets and completions that belong to nothing */
};

/* All below is the device's own. */

/* A list of sections that many push to and one or many pop from: in the low half the first
 * section's number plus 1, in the high half a count against the same list seen twice. */
struct netvsp_stack {
    uint64_t head; /* [a] */
};

/* What a channel shares with those who bring frames for it: here, because it is here before and
 * after the channel. */
struct netvsp_slot {
    struct netvsp_channel *channel; /* [a] NULL: there is none, or it is being closed */
    uint32_t users;                 /* [a] of the receive buffer and of @channel, at the moment */
    uint32_t senders;               /* [a] of the send buffer */
    uint32_t first, last;           /* worker, as a user: sections to be sent, plus 1 */
    struct netvsp_stack filled;     /* by the network, for the worker; the latest first */
    bool awake;                     /* [a] the worker will look at @filled by itself */
    bool taken;                     /* bus: a channel has this slot */
    struct netvsp_statistics statistics; /* [a] */
};

/* A buffer that the child shares: @open while it may be used by a slot's users. */
struct netvsp_buffer {
    bool open; /* [a] */
    bool held; /* bus: to be put */
    uint32_t gpadl;
    struct vmbus_gpadl_view view;
    uint32_t section_size, section_count;
};

struct netvsp_section;

/* The owner's memory, from netvsp_device_init() until its offer is revoked, or its server
 * destroyed. netvsp_receive() and netvsp_link_set() may be called all that time. */
struct netvsp_device {
    struct vmbus_offer offer;
    void *context; /* the owner's */
    const struct netvsp_port *port;
    struct netvsp_config config;

    struct list channels;           /* bus */
    struct netvsp_channel *primary; /* bus; NULL: closed, or being closed */
    bool draining, revoke_due;      /* bus; for a revocation while channels are being closed */
    void (*revoked)(struct netvsp_device *d);

    /* What the primary's worker asks of the bus: one thing at a time. */
    uint32_t errand;       /* NETVSP_ERRAND_* */
    uint32_t errand_state; /* [a] */
    bool errand_done;      /* the bus's answer */
    uint32_t sub_channels; /* that the bus is to offer; its answer: that there are */
    bool table_due;        /* [a] the child is to be told to which channels it should send */

    /* NVSP and RNDIS, set by the primary's worker. */
    uint32_t version;    /* [a] NVSP_VERSION_*; 0: none yet */
    uint32_t mtu;        /* [a] */
    bool ready;          /* [a] RNDIS is initialised */
    uint32_t filter;     /* [a] NDIS_FILTER_* */
    uint32_t offloads;   /* [a] NETVSP_OFFLOAD_*, that the child wants to have done */
    uint32_t hash_types; /* [a] NDIS_RSS_HASH_*; 0: all goes to the primary */
    uint32_t hash_key[NDIS_RSS_KEY_BYTES / 4]; /* [a] each */
    uint8_t spread[NDIS_RSS_TABLE_ENTRIES];    /* [a] each: slots */
    uint64_t multicast[NETVSP_MULTICAST_MAX];  /* [a] each: addresses */
    uint32_t multicast_count;                  /* [a] */
    uint64_t link_speed;                       /* [a] bits a second; 0: there is no link */
    uint64_t link_told;                        /* primary's worker: what the child knows */

    struct netvsp_buffer receive, send;
    struct netvsp_section *sections; /* of the receive buffer */
    struct netvsp_stack free;        /* of them, for frames */
    struct net_share share;          /* of those, for each sender */
    uint32_t control_free;           /* primary's worker: bits of the first NETVSP_CONTROL */
    struct netvsp_slot slots[NETVSP_CHANNELS];
};

/* A device whose link is up. False: the configuration makes no sense. Then offer d->offer by
 * vmbus_server_offer(); @revoked (may be NULL) tells when it is the owner's again, after a
 * vmbus_server_revoke() or the server's end. Bus. */
bool netvsp_device_init(struct netvsp_device *d, const struct netvsp_port *port, void *context,
                        const struct netvsp_config *config,
                        void (*revoked)(struct netvsp_device *d))
    __attribute__((warn_unused_result));

/* Do what workers left to the bus: after wake_bus(). @d may be revoked when it returns. Bus. */
void netvsp_service(struct netvsp_device *d);

/* Give @frame to the child, or drop and count it: cut and with its checksums complete, if it has
 * offloads. Tags are handed over beside the frame. Network. */
enum net_taken netvsp_receive(struct netvsp_device *d, const struct net_frame *frame);

/* The link is up (@up) or down, and stays so when the child opens its channel anew. The child is
 * told; while it is down, frames are lost, either way, but for those under way. Network. */
void netvsp_link_set(struct netvsp_device *d, bool up);

/* The sum of all channels'. Any context. */
void netvsp_device_statistics(const struct netvsp_device *d, struct netvsp_statistics *out);

/* How the child set it up, for the shell. Any context. */
struct netvsp_setup {
    uint32_t version; /* NVSP_VERSION_*; 0: the child has no driver for it yet */
    uint32_t mtu;
    uint32_t filter; /* NDIS_FILTER_* */
    bool ready;      /* RNDIS is initialised */
    bool link;
    uint32_t channels; /* that are open */
    uint32_t sections; /* of the receive buffer; 0: there is none */
};
void netvsp_device_setup(const struct netvsp_device *d, struct netvsp_setup *out);

/* ---- channels ----------------------------------------------------------------------------- */

/* Read packets, answer them, send what came for the child. True: there is more to do, call it again
 * (others may come first). Else wake() is called when there is. Worker. */
bool netvsp_channel_work(struct netvsp_channel *c) __attribute__((warn_unused_result));

/* The owner's pointer, NULL at first; and what the channel is. Any context; the channel of the bus
 * until stopped(). */
void netvsp_channel_context_set(struct netvsp_channel *c, void *context);
void *netvsp_channel_context(const struct netvsp_channel *c);
const struct vmbus_channel *netvsp_channel_vmbus(const struct netvsp_channel *c);
struct netvsp_device *netvsp_channel_device(const struct netvsp_channel *c);

#endif
