/* SPDX-License-Identifier: MIT */
/* storvsp_fixture.h - a storvsp adapter with real rings, whose other ends are the test's; the bus
 * is a fake that only notes what it is asked for.
 *
 * The test sends packets and reads answers by hand: the ledger of answers is world.answers. */
#ifndef STORVSP_FIXTURE_H
#define STORVSP_FIXTURE_H

#include "storage_fakes.h"

#define WORLD_CHANNELS   4u /* the primary is 0 */
#define WORLD_RING_BYTES (5 * 4096u)
#define WORLD_DEPTH      8u
#define WORLD_TRANSFER   0x10000u
#define WORLD_SECTORS    4096u
#define WORLD_ANSWERS    4096u

struct world_channel {
    struct vmbus_channel server, child; /* the two ends */
    uint8_t *rings;                     /* to the server, then from it */
    struct storvsp_channel *storvsp;    /* NULL: not started */
    bool woken;                         /* [a] */
    bool open;
    bool scribbled;   /* its rings need not be sound */
    unsigned closed;  /* vmbus_server_closed() */
    unsigned broken;  /* vmbus_server_channel_broken() */
    unsigned signals; /* [a] to the child */
};

struct world_answer {
    uint64_t transaction;
    uint16_t type;
    uint32_t channel;
    struct storage_packet packet;
};

struct world {
    struct fake_child child;
    struct fake_disk disk;
    struct storvsp_adapter adapter;
    struct world_channel channels[WORLD_CHANNELS];
    bool bus_woken; /* [a] */
    uint32_t sub_channels_wanted;
    unsigned revoked, bugs, logged;
    const char *reason; /* the last that was logged */
    size_t allocated;
    bool no_memory, no_start;
    bool work_in_wake; /* the worker runs before wake() returns, as on another processor */
    unsigned answer_count;
    struct world_answer answers[WORLD_ANSWERS]; /* the last member */
};

extern struct world world;

/* An adapter with the disk as LUN 0, and the primary channel open. */
void world_make(void);
/* The same with a disk of @sectors, or @backend_bytes with each operation. */
void world_make_sized(uint64_t sectors);
void world_make_with(uint32_t backend_bytes);
/* Close what is open, and see that nothing is left behind. */
void world_drop(void);

/* Open and close channel @index as the bus does. */
bool world_open(uint32_t index);
void world_close(uint32_t index);

/* Let workers and bus do what they were woken for, and the child take its answers. */
void world_run(void);
/* The same without the child: its answers stay in the ring. */
void world_work(void);
/* Once round; false: nobody was woken. The same for one channel's worker, and for the bus, each of
 * which may have a thread of its own. */
bool world_work_once(void);
bool world_channel_work_once(uint32_t index);
bool world_service_once(void);
void world_answers_take(uint32_t index);

/* Send a packet on channel @index, with @count pages of data from @pages, or none. */
void world_send(uint32_t index, uint64_t transaction, const struct storage_packet *packet,
                const uint64_t *pages, uint32_t count, uint32_t offset, uint32_t length);
/* Any packet; false: the ring is full. */
bool world_send_raw(uint32_t index, const struct vmbus_packet *p);

/* An operation that is no SRB, on the primary channel; its answer. */
struct storage_packet *world_operation(uint32_t operation, uint16_t argument);
/* All of the initialisation. */
void world_initialise(void);

/* An SRB for LUN 0. */
struct storage_packet world_srb(const uint8_t *cdb, uint8_t cdb_length, uint8_t direction,
                                uint32_t length);
struct storage_packet world_read(uint64_t sector, uint32_t count);
struct storage_packet world_write(uint64_t sector, uint32_t count);
/* Send @packet on the primary with @count pages from the child's @first on. */
void world_submit(uint64_t transaction, const struct storage_packet *packet, uint64_t first,
                  uint32_t count);

/* The same as transaction 1, on CHILD_FIRST_PAGE; its answer. Earlier answers are forgotten. */
struct storage_packet *world_ask(const struct storage_packet *packet, uint32_t count);

/* @answer is CHECK CONDITION with @sense; or success, with @bytes of data. */
void assert_sense(const struct storage_packet *answer, uint32_t sense);
void assert_good(const struct storage_packet *answer, uint32_t bytes);

struct storvsp_statistics world_statistics(uint32_t index);

/* For cmocka: world_make(), and the same with world_initialise(); world_drop(). */
int world_setup_opened(void **state);
int world_setup(void **state);
int world_teardown(void **state);

#define FACT(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#define P(i) (CHILD_FIRST_PAGE + (i)) /* page numbers */

/* How often @transaction was answered; its only answer. */
unsigned world_answered(uint64_t transaction);
struct storage_packet *world_answer(uint64_t transaction);

#endif
