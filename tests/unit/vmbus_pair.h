/* SPDX-License-Identifier: MIT */
/* vmbus_pair.h - a server and a client of the bus in one process, with echoing providers and
 * drivers that use them. Nothing moves but by pair_step(), which does one of the things that may
 * happen next: a message or a doorbell arrives, at any time after it was sent, or somebody works a
 * little; the hypervisor looks at the monitor page, by which one of the devices is signalled.
 * Messages of one direction keep their order, everything else may overtake. All from one seed. */
#ifndef VMBUS_PAIR_H
#define VMBUS_PAIR_H

#include "fakes/vmbus_world.h"

#include <vmbus/client.h>

#define PAIR_DEVICES  3u
#define PAIR_CHANNELS 12u
#define PAIR_REQUESTS 30u /* that a channel has to answer before a device counts as served */
#define ECHO_DEPTH    4u
#define ECHO_PAYLOAD  500u
#define ECHO_CHANNELS 3u /* a primary and two sub-channels */
#define MAIL_MAX      64u

struct echo_work {
    uint64_t transaction;
    uint32_t length;
    uint8_t payload[ECHO_PAYLOAD + 8];
};

/* A provider's channel: it answers each request with its payload, a few at a time. */
struct echo {
    struct vmbus_channel *channel;
    bool woken, closing;
    uint32_t first, count;
    struct echo_work work[ECHO_DEPTH];
};

struct pair_device {
    struct vmbus_offer offer;
    struct pair *pair;
    bool offered;
    uint32_t served; /* drivers that got all their answers */
    struct echo echo[ECHO_CHANNELS];
};

/* A driver of the client's channel: sends requests, and checks that each is answered once. */
struct pair_driver {
    struct vmbus_client_channel *channel;
    bool open, woken, want_close, answered[PAIR_REQUESTS], extra_made;
    uint32_t sent, received;
    struct vmbus_client_gpadl extra;
};

struct pair {
    struct vmbus_world world;
    struct pair_device device[PAIR_DEVICES];
    struct vmbus_client client;
    struct vmbus_client_channel channels[PAIR_CHANNELS];
    struct pair_driver drivers[PAIR_CHANNELS];
    struct world_post mail[MAIL_MAX]; /* from client to server */
    uint32_t mail_count;
    uint32_t mail_room;          /* buffers of the server's port */
    bool rung[WORLD_RELIDS + 1]; /* by the client */
    bool connected, unloaded;
    uint32_t monitored; /* doorbells that the monitor page has rung */
    uint32_t seed, steps;
};

void pair_start(struct pair *p, uint32_t seed);
void pair_stop(struct pair *p);
uint32_t pair_random(struct pair *p, uint32_t below);

/* Begin: contact with some version; offers are asked for and opened as they come. */
void pair_contact(struct pair *p);
void pair_offer(struct pair *p, uint32_t device);
void pair_close(struct pair_driver *d);
void pair_step(struct pair *p);
/* Let everything that is under way come to its end, for up to @steps: until @done says so. */
bool pair_run(struct pair *p, bool (*done)(const struct pair *p), uint32_t steps);

/* Conditions for pair_run(). */
bool pair_served(const struct pair *p); /* all devices */
bool pair_unloaded(const struct pair *p);
bool pair_closed(const struct pair *p); /* no provider has a channel */

#endif
