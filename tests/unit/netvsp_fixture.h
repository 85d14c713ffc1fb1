/* SPDX-License-Identifier: MIT */
/* netvsp_fixture.h - a netvsp device with real rings, whose other ends are the test's; the bus is a
 * fake that knows the buffers and notes what it is asked for, and the network a ledger of frames.
 *
 * The test sends packets and reads what comes by hand (world.packets), or has netvsc do it
 * (netvsc_fixture.h). Buffers are on the heap, so that a byte beyond them is seen. */
#ifndef NETVSP_FIXTURE_H
#define NETVSP_FIXTURE_H

#include "fakes/test.h"
#include "netvsp/netvsp.h"

#define WORLD_CHANNELS   4u /* the primary is 0 */
#define WORLD_RING_BYTES (9 * 4096u)
#define WORLD_PAGES      64u
#define WORLD_FIRST_PAGE 0x100u /* page numbers of the child's RAM begin here */
#define WORLD_PACKETS    4096u
#define WORLD_FRAMES     512u

/* GPADLs of the child's. */
enum { WORLD_RECEIVE = 11, WORLD_SEND = 12, WORLD_SMALL = 13, WORLD_GPADLS = 14 };
#define WORLD_RECEIVE_BYTES (64 * 1728u + 100)
#define WORLD_SEND_BYTES    (16 * 6144u + 7)
#define WORLD_SMALL_BYTES   4096u

struct world_channel {
    struct vmbus_channel server, child; /* the two ends */
    uint8_t *rings;                     /* to the server, then from it */
    struct netvsp_channel *netvsp;      /* NULL: not started */
    bool woken;                         /* [a] */
    bool open;
    bool broken_allowed; /* its rings need not be sound */
    bool deaf;           /* the child does not read */
    unsigned closed;     /* vmbus_server_closed() */
    unsigned broken;     /* vmbus_server_channel_broken() */
    unsigned signals;    /* [a] to the child */
};

/* What came to the child. */
struct world_packet {
    uint64_t transaction;
    uint16_t type, flags, page_set;
    uint32_t channel, length;
    union {
        struct nvsp_message message;
        struct nvsp_send_table_message table;
    };
    uint32_t range_count;
    struct vmbus_range ranges[32];
};

/* A frame that the child sent. */
struct world_frame {
    uint8_t *bytes; /* all of it, as it was handed over */
    uint32_t length, header_length;
    struct net_offload offload;
    uint16_t vlan;
};

struct world {
    struct netvsp_device device;
    struct world_channel channels[WORLD_CHANNELS];
    uint8_t *ram, *buffers[WORLD_GPADLS];
    uint32_t lengths[WORLD_GPADLS];
    unsigned got[WORLD_GPADLS];
    uint64_t refuse_page; /* not RAM, though it is in range; 0: none */
    uint64_t pinned;      /* [a] */
    bool bus_woken;       /* [a] */
    uint32_t sub_channels_wanted;
    uint32_t sub_channels_room; /* that the bus can offer */
    unsigned revoked, logged;
    const char *reason; /* the last that was logged */
    size_t allocated;
    bool no_memory, no_start;
    void (*send)(const struct net_frame *frame); /* instead of the ledger */
    unsigned frame_count, packet_count;
    struct world_frame frames[WORLD_FRAMES];
    struct world_packet packets[WORLD_PACKETS]; /* the last member */
};

extern struct world world;
extern const uint8_t world_address[NET_ADDRESS_BYTES];

/* A device with the primary channel open; @mtu_max, and WORLD_CHANNELS - 1 sub-channels. */
void world_make(uint32_t mtu_max);
/* Close what is open, and see that nothing is left behind. */
void world_drop(void);

bool world_open(uint32_t index);
void world_close(uint32_t index);

/* Let workers and bus do what they were woken for, and the child read. */
void world_run(void);
void world_work(void);
bool world_work_once(void);
bool world_channel_work_once(uint32_t index);
bool world_service_once(void);
void world_packets_take(uint32_t index);

/* Send a packet; false: the ring is full. */
bool world_send_raw(uint32_t index, const struct vmbus_packet *p);

/* Send @m on channel @index and let all run: its answer; NULL: none came. */
struct world_packet *world_ask(uint32_t index, const struct nvsp_message *m);
/* The same without a wish for an answer. */
void world_tell(uint32_t index, const struct nvsp_message *m);

/* The child's initialisation up to a version, to its buffers, and to frames of all kinds. */
void world_version(uint32_t version);
void world_buffers(uint32_t mtu);
void world_initialise(void);

/* Bytes of an RNDIS message, in a section of the send buffer or in pages: NVSP's status. */
uint32_t world_rndis(uint32_t index, uint32_t channel, const void *message, uint32_t length);
uint32_t world_rndis_pages(uint32_t index, uint32_t channel, const void *message, uint32_t length,
                           uint32_t offset);
/* A control message; its answer in the receive buffer, whose section is given back; NULL: none. */
const uint8_t *world_control(const void *message, uint32_t length);
/* A query or a setting: its status; the value. */
uint32_t world_query(uint32_t oid, const void *asked, uint32_t length, void *value,
                     uint32_t *value_length);
uint32_t world_set(uint32_t oid, const void *value, uint32_t length);

/* A frame's message around @frame, with @info of @info_length bytes; its length. */
uint32_t world_message(uint8_t *to, const void *frame, uint32_t length, const void *info,
                       uint32_t info_length);

/* Give the sections of packet @p back. */
void world_complete(const struct world_packet *p);
/* The next packet after @from that has sections for data; NULL: none. */
struct world_packet *world_sections(unsigned from);
/* The message in range @i of @p. */
const uint8_t *world_section(const struct world_packet *p, uint32_t i);

/* A frame to the child, from memory. */
void world_receive(const uint8_t *bytes, uint32_t length);

struct netvsp_statistics world_statistics(void);

int world_setup_opened(void **state);
int world_setup(void **state);
int world_teardown(void **state);

#define FACT(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
