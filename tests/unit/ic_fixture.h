/* SPDX-License-Identifier: MIT */
/* ic_fixture.h - the integration services with real rings, whose other ends are the test's: it is
 * the system in the child. The bus is a fake that closes what is to be closed; time is the test's.
 */
#ifndef IC_FIXTURE_H
#define IC_FIXTURE_H

#include "fakes/test.h"
#include "ic/ic.h"

#define WORLD_RING_BYTES (4 * 4096u) /* as Linux' */
#define WORLD_SECOND     1000000000ull

struct world_channel {
    struct vmbus_channel server, child; /* the two ends */
    uint8_t *rings;                     /* to the server, then from it */
    bool open;
    unsigned closed, broken;
};

struct world {
    struct ic ic;
    struct world_channel channels[IC_KINDS];
    uint64_t now, next; /* next: what ic_work() said last */
    uint64_t wall, reference;
    bool no_moment;
    bool woken;
    unsigned logged;
    const char *reason; /* the last that was logged */

    /* The packet that came last. */
    struct ic_header header;
    uint64_t transaction;
    uint32_t length; /* of the payload behind the header */
    uint8_t payload[4096] __attribute__((aligned(8)));
    uint64_t buffer[1024];
};
extern struct world world;

int world_setup(void **state);
int world_teardown(void **state);
#define FACT(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

void world_open(enum ic_kind kind);
void world_close(enum ic_kind kind);

/* Let root work until it has nothing to do. */
void world_run(void);
/* The same @ns later. */
void world_pass(uint64_t ns);

/* The next packet of @kind's, in world.header and world.payload. False: there is none. */
bool world_take(enum ic_kind kind);
/* None has come. */
void world_none(enum ic_kind kind);

/* Send the packet that was taken back: with RESPONSE, @status, and what is in world.payload. */
void world_answer(enum ic_kind kind, uint32_t status);
/* Send these bytes as an in-band packet; false: the ring is full. */
bool world_send(enum ic_kind kind, const void *bytes, uint32_t length);

/* Open @kind and agree on frame @framework and message @major.@minor. */
void world_agree(enum ic_kind kind, uint16_t framework, uint16_t major, uint16_t minor);
/* The same with the newest. */
void world_ready(enum ic_kind kind);

#endif
