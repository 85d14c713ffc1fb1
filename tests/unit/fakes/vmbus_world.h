/* SPDX-License-Identifier: MIT */
/* fakes/vmbus_world.h - what a bus server needs around it: a child's memory whose pages can be
 * mapped side by side, counted pins and allocations, the messages that it posts, doorbells, and a
 * provider. Without cmocka, for the fuzzer too: what must never happen aborts. */
#ifndef FAKES_VMBUS_WORLD_H
#define FAKES_VMBUS_WORLD_H

#include <vmbus/server.h>

#define WORLD_PAGES     1024u /* of the child's memory */
#define WORLD_HOLE      512u  /* a page that is none of its RAM */
#define WORLD_PAGE_SIZE 4096u
#define WORLD_RELIDS    64u
#define WORLD_VPS       4u
#define WORLD_POSTS     256u

struct world_post {
    uint32_t vp, length;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
};

struct vmbus_world {
    struct vmbus_server *server;
    struct vmbus_server_limits limits;
    int memory; /* file */
    uint8_t *ram;
    uint32_t pins[WORLD_PAGES];
    uint32_t pinned, mappings;
    struct world_post posts[WORLD_POSTS]; /* in order, from the first */
    uint32_t post_count;
    uint32_t room;          /* messages that the child takes before it has no buffers left */
    hv_status post_failure; /* what it says instead, unless 0 */
    struct vmbus_channel *doorbells[WORLD_RELIDS + 1];
    uint32_t doorbell_count;
    bool no_doorbells, no_monitor;
    uint32_t signals[WORLD_RELIDS + 1];
    uint64_t monitor[2];
    uint64_t allocated; /* bytes */
    uint32_t allocations_left;
    uint32_t log_lines;
    const char *last_log;
};

/* A provider. */
struct world_device {
    struct vmbus_offer offer;
    struct vmbus_channel *channel[8]; /* by sub-channel index: open or closing */
    bool closing[8];
    bool refuses, defers; /* opening; the end of closing */
    uint32_t opened, closed, signalled, revoked;
    bool restored; /* the last opening was a restore */
    uint8_t user_data[VMBUS_USER_DATA_SIZE];
};

/* A world with a server; the limits are small. */
void world_start(struct vmbus_world *w);
/* Stop and destroy the server, and see that everything was given back. */
void world_stop(struct vmbus_world *w);
/* A server without offers, in the same world. */
struct vmbus_server *world_server(struct vmbus_world *w);

/* Make @d a device, distinguished by @number, and offer it. */
void device_offer(struct vmbus_world *w, struct world_device *d, uint32_t number,
                  uint32_t sub_channel_max);
/* End the deferred closing of its channels. */
void device_finish(struct world_device *d);

void world_send(struct vmbus_world *w, const void *message, uint32_t length);
/* The message posted first, if it is of @type and not shorter than @size: copied and dropped. */
bool world_take(struct vmbus_world *w, uint32_t type, void *message, uint32_t size);

#endif
