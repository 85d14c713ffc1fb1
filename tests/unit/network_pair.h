/* SPDX-License-Identifier: MIT */
/* network_pair.h - a child with netvsc, and root with netvsp, over both ends of a real bus; the
 * network is a mirror: what the child sends comes back to it.
 *
 * Messages wait in queues, and doorbells and workers until they are stepped: each step does one
 * thing, chosen at random. All that the child was promised is checked when the pair is dropped:
 * each of its frames is sent exactly once, no page of it is pinned, no GPADL is used. */
#ifndef NETWORK_PAIR_H
#define NETWORK_PAIR_H

#include "fakes/test.h"
#include "netvsc/netvsc.h"
#include "netvsp/netvsp.h"

#include <vmbus/client.h>

#define PAIR_CHANNELS      4u /* the primary, and three sub-channels */
#define PAIR_MESSAGES      512u
#define PAIR_PAGE          4096u
#define PAIR_RING_BYTES    (5 * PAIR_PAGE)
#define PAIR_RECEIVE_PAGES 64u
#define PAIR_SEND_PAGES    24u
#define PAIR_DATA_PAGES    64u
#define PAIR_FIRST_PAGE    0x300u
#define PAIR_FRAMES        4096u
#define PAIR_FRAME_HEAD    22u /* Ethernet, then number and length */

struct pair_message {
    uint32_t length;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
};

struct pair_queue {
    struct pair_message messages[PAIR_MESSAGES];
    unsigned first, count;
};

/* A frame of the child's, and its part of the ledger. */
struct pair_frame {
    uint32_t length;
    uint16_t vlan;
    unsigned submitted, sent, mirrored, received;
};

struct pair_channel {
    struct vmbus_client_channel *bus; /* the child's end; NULL: not offered */
    struct netvsc_channel netvsc;     /* of a sub-channel; the primary's is in the device */
    struct netvsp_channel *netvsp;    /* root's end; NULL: not open */
    struct vmbus_channel *doorbell;   /* root's end while it is connected */
    bool open;                        /* the child may use it */
    bool ending;                      /* the child has closed it, and waits */
    bool woken;                       /* root's worker */
    bool signalled;                   /* the child */
    unsigned received;                /* frames */
};

struct pair {
    uint8_t *ram;                 /* rings, then buffers, then data */
    struct netvsp_device *device; /* freed when it is revoked */
    struct vmbus_server *server;
    struct vmbus_client client;
    struct vmbus_client_channel client_channels[PAIR_CHANNELS + 2];
    struct vmbus_client_gpadl receive, send;
    struct netvsc netvsc;
    struct netvsc_config config;
    struct pair_channel channels[PAIR_CHANNELS];
    struct pair_queue to_server, to_client;
    uint32_t seed;
    bool bus_woken;
    bool revoked, unloaded, ready, ready_ok, raw; /* raw: received() does not look at frames */
    bool receive_made, send_made;
    bool ended; /* netvsc, before its channels are closed */
    unsigned links, answers;
    uint32_t link_status, answer_status;
    uint64_t raw_frames, raw_bytes;
    size_t allocated;
    uint64_t pinned;
    uint32_t frame_count;
    struct pair_frame frames[PAIR_FRAMES];
};

extern struct pair pair;
extern const uint8_t pair_address[NET_ADDRESS_BYTES];

uint32_t pair_random(uint32_t below);

/* Make both ends; the child has just posted its first message. Its newest version, MTU, channels.
 */
void pair_begin(uint32_t seed, uint32_t version, uint32_t mtu, uint32_t sub_channels);
/* The child has got as far as netvsc's ready(), with all sub-channels open. */
bool pair_is_up(void);
/* Make both ends, and let them get there. */
void pair_make(uint32_t seed, uint32_t version, uint32_t mtu, uint32_t sub_channels);
/* End the child, however it stands, and see that nothing is left behind. */
void pair_drop(void);

/* Do one thing at random; false: there is nothing to do. */
bool pair_step(void);
/* Until there is nothing left to do. */
void pair_settle(void);

struct netvsc_channel *pair_netvsc(uint32_t index);
/* The child's data pages, as bytes and as numbers. */
uint8_t *pair_data(void);
uint64_t pair_data_page(void);

/* Send a frame of @length bytes to itself on channel @index, partly in pages if @paged. False: it
 * cannot be now. */
bool pair_send(uint32_t index, uint32_t length, bool paged, uint16_t vlan);
/* How much of what was submitted has not come back; it was all answered, once. */
uint32_t pair_missing(void);
void pair_check_all_back(void);

/* The child closes all channels, sub-channels first; @politely: it ends netvsc before. */
void pair_close(bool politely);
/* Open the primary channel, which is closed. */
void pair_open(void);

#endif
