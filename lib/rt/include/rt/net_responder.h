/* SPDX-License-Identifier: MIT */
/* rt/net_responder.h - what root and the toy guest net say to the network: they answer ARP (RFC 826)
 * for their address and ICMP echo (RFC 792, RFC 1122 3.2.2.6), and nothing else.
 *
 * Pure. A frame is hostile: what is not wholly right is not answered. One frame is answered by one
 * of the same length at most (but for padding), to whoever sent it; never what was for many, nor
 * what claims to be from many. No state is kept of others. */
#ifndef RT_NET_RESPONDER_H
#define RT_NET_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct responder_statistics { /* [a] frames */
    uint64_t arp, echoes;     /* answered */
    uint64_t bad;             /* not what they should be, or with a wrong checksum */
    uint64_t ignored;         /* for others, or nothing that is answered */
    uint64_t conflicts;       /* ARP in which another says that it has the address */
};

struct responder {
    uint8_t mac[6];
    uint32_t address; /* IPv4; 0: none, so that nothing is answered */
    uint32_t mask;
    struct responder_statistics statistics;
};

/* Answer the whole frame @frame of @length bytes, which nobody changes meanwhile, into @answer with
 * room for as many, and RESPONDER_MIN. The length of the answer; 0: there is none. */
#define RESPONDER_MIN 60u
size_t responder_answer(struct responder *r, const uint8_t *frame, size_t length, uint8_t *answer);

/* The Internet checksum of @length bytes (RFC 1071): 0 over what contains its own. */
uint16_t internet_checksum(const uint8_t *bytes, size_t length);

/* Tell everybody of the address (RFC 5227, 2.3), into @frame with room for RESPONDER_MIN. Its
 * length; 0: there is none. */
size_t responder_announce(const struct responder *r, uint8_t *frame);

/* "10.0.0.2/24": an address that one machine may have, and a mask that leaves it a network. */
bool responder_address_parse(const char *text, uint32_t *address, uint32_t *mask);

#endif
