/* SPDX-License-Identifier: MIT */
/* storage_pair.h - a child with storvsc, and root with storvsp, over both ends of a real bus.
 *
 * Messages wait in queues, and doorbells, disks and workers until they are stepped: each step does
 * one thing, chosen at random. All that the child was promised is checked when the pair is dropped:
 * each of its requests is done exactly once, and no page of it is pinned. */
#ifndef STORAGE_PAIR_H
#define STORAGE_PAIR_H

#include <vmbus/client.h>
#include "storage_fakes.h"
#include "storvsc/storvsc.h"

#define PAIR_CHANNELS   4u /* the primary, and three sub-channels */
#define PAIR_MESSAGES   512u
#define PAIR_RING_BYTES (4 * 4096u)
#define PAIR_DEPTH      16u /* of the client's; that of the server's is less */
#define PAIR_REQUESTS   64u
#define PAIR_SECTORS    2048u
#define PAIR_DATA_PAGE  (CHILD_FIRST_PAGE + 64u) /* the rings are before that */
#define PAIR_PAGES_EACH 8u                       /* of data for each request */

struct pair_message {
    uint32_t length;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
};

struct pair_queue {
    struct pair_message messages[PAIR_MESSAGES];
    unsigned first, count;
};

/* A request of the child, and its part of the ledger. */
struct pair_request {
    struct storvsc_request request;
    uint64_t pages[PAIR_PAGES_EACH];
    bool busy;
    unsigned submitted, done;
};

struct pair_channel {
    struct vmbus_client_channel *bus; /* the child's end; NULL: not offered */
    struct storvsc_channel storvsc;   /* of a sub-channel; the primary's is in the device */
    struct storvsc_slot slots[PAIR_DEPTH];
    struct storvsp_channel *storvsp; /* root's end; NULL: not open */
    struct vmbus_channel *doorbell;  /* root's end while it is connected */
    bool open;                       /* the child may use it */
    bool ending;                     /* the child has closed it, and waits */
    bool woken;                      /* root's worker */
    bool signalled;                  /* the child */
};

struct pair {
    struct fake_child child;
    struct fake_disk disk;
    struct storvsp_adapter *adapter; /* freed when it is revoked */
    struct vmbus_server *server;
    struct vmbus_client client;
    struct vmbus_client_channel client_channels[PAIR_CHANNELS + 2];
    struct storvsc storvsc;
    struct pair_channel channels[PAIR_CHANNELS];
    struct pair_request requests[PAIR_REQUESTS];
    struct pair_queue to_server, to_client;
    uint32_t seed, sub_channels;
    bool bus_woken;
    bool revoked, unloaded, ready, ready_ok, changed, reset;
    unsigned unexpected; /* results that nothing explains */
    size_t allocated;
};

extern struct pair pair;

/* Make both ends; the child has just posted its first message. It wants @sub_channels. */
void pair_begin(uint32_t seed, uint32_t sub_channels);
/* The child has got as far as storvsc's ready(), with all sub-channels open. */
bool pair_is_up(void);
/* Make both ends, and let them get there. */
void pair_make(uint32_t seed, uint32_t sub_channels);
/* The child makes contact anew, and has forgotten all before. False: it is just making contact. */
bool pair_contact(void);
/* End the child, however it stands, and see that nothing is left behind. */
void pair_drop(void);

/* Do one thing at random; false: there is nothing to do but what disks hold back. */
bool pair_step(void);
/* Do one thing, or let a disk operation end. */
void pair_go_on(void);
/* Until there is nothing left to do; disks complete too. */
void pair_settle(void);

/* A request that is not busy, with its data pages set; NULL: all are. */
struct pair_request *pair_request_find(void);
/* The child's memory of @r's data. */
uint8_t *pair_data(const struct pair_request *r);
/* Submit @r on @channel, with @bytes of data; false: no room. */
bool pair_submit(struct pair_request *r, uint32_t channel, uint32_t bytes);
/* The same, and wait. */
void pair_do(struct pair_request *r, uint32_t channel, uint32_t bytes);
unsigned pair_busy(void);

/* Save root's end, end it, make a new one and restore it there; the child has nothing under way. */
void pair_move(void);

/* The child closes channel @index: its requests are done when the bus says that it is closed. */
void pair_close(uint32_t index);
/* Open the primary channel, which is closed. */
void pair_open(void);

#endif
