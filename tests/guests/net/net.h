/* SPDX-License-Identifier: MIT */
/* net.h - the parts of the net guest. All of it runs on VP 0, but for one attack. */
#ifndef NET_H
#define NET_H

#include <rt/net_responder.h>
#include <netvsc/netvsc.h>

#include "bus.h"

#define NET_FRAME_BYTES 1514u
#define NET_TYPE_NONE   0x88b5u /* for experiments: nobody answers it */

struct net {
    const struct guest_boot *boot;
    uint8_t *send; /* the send buffer */
    uint32_t send_bytes;
    struct netvsc netvsc;
    struct responder responder;      /* answers ARP and echo requests */
    bool ready, ok;                  /* initialisation */
    uint64_t received, sent, failed; /* frames; failed: that the provider did not take */
    uint64_t under_way;              /* frames sent and not answered */
    uint64_t udp;                    /* echoes of datagrams */
    bool promiscuous;                /* its filter lets everything through */
    bool strange, many;              /* frames came that are for another; for many */
    bool flooded;                    /* a frame came that means nothing */
};

extern struct net net;

/* ---- card.c ---- */

/* Wait for a network card and bring it up. False, with a line printed. */
bool card_open(void);

/* Send a frame, now or after waiting for room. */
void card_send(const uint8_t *bytes, uint32_t length);

/* A frame has come; the receiver's. */
void frame_received(const uint8_t *bytes, uint32_t length);

/* Wait until all that was sent is answered, and close the card. */
void card_close(void);

/* ---- talk.c ---- */

/* Answer @bytes if they are for port 7 of UDP. Whether they were. */
bool udp_echo(const uint8_t *bytes, uint32_t length);

/* Ask @address for its hardware address, then *@count times, or for 0 until the link is down, for an
 * echo of @size bytes; *@count is how often, and the result how many came back as they were. */
uint64_t ping(uint32_t address, uint64_t *count, uint32_t size);

/* Ask @address for echoes of @size bytes, @window at a time, for @ticks of the TSC, and print how
 * many came. False: none. */
bool rate(uint32_t address, uint64_t ticks, uint32_t window, uint32_t size);

/* The hardware address of @address; NULL, with a line printed: nobody says that it is his. */
const uint8_t *address_find(uint32_t address);

/* What has come, as far as ping() waits for it. */
void ping_received(const uint8_t *bytes, uint32_t length);

/* ---- attack.c ---- */

/* Do for ever what @name says, to the machine that has @address. Returns, with a line printed, if
 * there is no such attack or machine. */
void attack(const char *name, uint32_t address);

#endif
