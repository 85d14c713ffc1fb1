/* SPDX-License-Identifier: MIT */
/* vmbus_child.h - a child that speaks to the server message by message, for tests: each helper
 * asserts the answer that it names. */
#ifndef VMBUS_CHILD_H
#define VMBUS_CHILD_H

#include "fakes/vmbus_world.h"

#define CHILD_RING  100u /* its memory: the ring's pages from here on */
#define CHILD_PAGES 4u   /* two rings of a header and a page each */

/* A world with the devices, of which the first has up to 3 sub-channels. */
#define CHILD_DEVICES 3u

struct child {
    struct vmbus_world world;
    struct world_device device[CHILD_DEVICES];
    uint32_t relid[CHILD_DEVICES]; /* of the primary channels, once offered */
    uint32_t next_gpadl;
};

/* cmocka's set-up and tear-down: *@state is a struct child. Everything must be given back. */
int child_start(void **state);
int child_stop(void **state);

/* Make contact: whether the version is accepted. */
bool child_contact(struct child *c, uint32_t version);
/* Get the offers of all devices. */
void child_request_offers(struct child *c);
/* Contact with 5.3, and the offers. */
void child_connect(struct child *c);

/* Take the next message, which must be of @type. */
#define child_take(c, type, m) assert_true(world_take(&(c)->world, type, m, sizeof(*(m))))
/* Nothing else was posted. */
#define child_took_all(c) assert_int_equal((c)->world.post_count, 0)

/* Post a GPADL_HEADER, and bodies as needed, for @count pages from @page on. Its id. */
uint32_t child_share(struct child *c, uint32_t relid, uint32_t page, uint32_t count);
/* The status of GPADL_CREATED, which must have come. */
uint32_t child_created(struct child *c, uint32_t gpadl);
void child_tear_down(struct child *c, uint32_t relid, uint32_t gpadl);
void child_torndown(struct child *c, uint32_t gpadl);

/* Post an OPEN_CHANNEL; the status of the result. */
uint32_t child_open_with(struct child *c, const struct vmbus_open_channel *m);
/* Share rings at CHILD_RING and open @relid. The GPADL's id. */
uint32_t child_open(struct child *c, uint32_t relid);
/* CLOSE_CHANNEL, RELID_RELEASED. */
void child_relid(struct child *c, uint32_t type, uint32_t relid);
void child_unload(struct child *c);

struct vmbus_server_statistics child_statistics(const struct child *c);
/* What a message that was refused without an answer may not change. */
void child_untouched(struct child *c, const struct vmbus_server_statistics *before);

/* A GPADL_HEADER for tests to spoil. */
struct child_header {
    struct vmbus_gpadl_header h;
    uint8_t pages[VMBUS_MESSAGE_SIZE_MAX - sizeof(struct vmbus_gpadl_header)];
};

/* It says @count pages, which follow if they fit. */
struct child_header child_header_make(struct child *c, uint32_t relid, const uint64_t *pages,
                                      uint32_t count);
/* Post it with so many of its pages. */
void child_header_send(struct child *c, const struct child_header *m, uint32_t pages);

#endif
