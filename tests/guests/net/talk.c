/* SPDX-License-Identifier: MIT */
/* talk.c - what the net guest says: echoes of UDP (RFC 862), and pings (RFC 792). See net.h. */
#include <hvabi/msr.h>
#include <rt/big_endian.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include "net.h"

/* Where things are in a frame without options. */
#define TYPE          12u
#define IP            14u
#define IP_LENGTH     (IP + 2)
#define IP_PROTOCOL   (IP + 9)
#define IP_CHECKSUM   (IP + 10)
#define IP_FROM       (IP + 12)
#define IP_TO         (IP + 16)
#define IP_BYTES      20u
#define IP_BEGIN      0x4500u /* version 4, 20 bytes, no service asked for */
#define IP_TTL_ICMP   0x4001u /* 64 routers; ICMP */
#define NEXT          (IP + IP_BYTES)
#define HEADS         (NEXT + 8) /* with the header of UDP or ICMP */
#define UDP_FROM      NEXT
#define UDP_TO        (NEXT + 2)
#define UDP_ECHO      7u
#define ICMP_CHECKSUM (NEXT + 2)
#define ICMP_ID       (NEXT + 4)
#define ICMP_REQUEST  0x0800u /* type and code */
#define ICMP_REPLY    0u

#define ARP_REPLY      2u
#define ARP_OPERATION  (IP + 6)
#define ARP_SENDER_MAC (IP + 8)
#define ARP_SENDER     (IP + 14)
#define ARP_TARGET     (IP + 24)
#define ARP_BYTES      (IP + 28)

#define PATIENCE 20000000u /* 100 ns: 2 s for an answer */
#define TRIES    3u
#define TICK     100000u  /* 100 ns: 10 ms */
#define GIVE_UP  2000000u /* 100 ns: 200 ms without an answer */

static struct {
    uint32_t address;
    uint8_t mac[NET_ADDRESS_BYTES];
    bool known;    /* where it is */
    bool answered; /* the latest request */
    bool endless;  /* until the link is down */
    uint64_t replies;
    uint64_t number; /* of that */
    uint32_t size;
    uint8_t frame[NET_FRAME_BYTES]; /* the latest request */
} peer;

static void swap(uint8_t *a, uint8_t *b, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        uint8_t kept = a[i];

        a[i] = b[i];
        b[i] = kept;
    }
}

bool udp_echo(const uint8_t *bytes, uint32_t length)
{
    uint8_t answer[NET_FRAME_BYTES];

    if (length < HEADS || length > sizeof(answer) || be16_get(bytes + TYPE) != NET_TYPE_IPV4 ||
        be16_get(bytes + IP) >> 8 != IP_BEGIN >> 8 || bytes[IP_PROTOCOL] != NET_IP_UDP ||
        be32_get(bytes + IP_TO) != net.responder.address || be16_get(bytes + UDP_TO) != UDP_ECHO)
        return false;
    memcpy(answer, bytes,
           length); /* sums stay what they are when addresses and ports change places */
    swap(answer, answer + NET_ADDRESS_BYTES, NET_ADDRESS_BYTES);
    swap(answer + IP_FROM, answer + IP_TO, sizeof(uint32_t));
    swap(answer + UDP_FROM, answer + UDP_TO, sizeof(uint16_t));
    net.udp++;
    card_send(answer, length);
    return true;
}

/* ---- pings ---- */

static void arp_ask(void)
{
    uint8_t *f = peer.frame;

    responder_announce(&net.responder, f); /* all but whom it asks for is right */
    be32_put(f + ARP_TARGET, peer.address);
    card_send(f, RESPONDER_MIN);
}

static void echo_ask(void)
{
    uint8_t *f = peer.frame;
    uint32_t length = HEADS + peer.size;

    memcpy(f, peer.mac, NET_ADDRESS_BYTES);
    memcpy(f + NET_ADDRESS_BYTES, net.responder.mac, NET_ADDRESS_BYTES);
    be16_put(f + TYPE, NET_TYPE_IPV4);
    memset(f + IP, 0, HEADS - IP);
    be16_put(f + IP, IP_BEGIN);
    be16_put(f + IP_LENGTH, (uint16_t)(length - IP));
    be16_put(f + IP_PROTOCOL - 1, IP_TTL_ICMP);
    be32_put(f + IP_FROM, net.responder.address);
    be32_put(f + IP_TO, peer.address);
    be16_put(f + IP_CHECKSUM, internet_checksum(f + IP, IP_BYTES));
    be16_put(f + NEXT, ICMP_REQUEST);
    be32_put(f + ICMP_ID, (uint32_t)peer.number);
    for (uint32_t i = HEADS; i < length; i++)
        f[i] = (uint8_t)(peer.number * 7 + i);
    be16_put(f + ICMP_CHECKSUM, internet_checksum(f + NEXT, length - NEXT));
    card_send(f, length);
}

static void arp_take(const uint8_t *bytes, uint32_t length)
{
    if (length < ARP_BYTES || be16_get(bytes + ARP_OPERATION) != ARP_REPLY ||
        be32_get(bytes + ARP_SENDER) != peer.address)
        return;
    memcpy(peer.mac, bytes + ARP_SENDER_MAC, NET_ADDRESS_BYTES);
    peer.known = true;
}

/* The reply to the latest request: what was sent, with right sums. */
static bool is_reply(const uint8_t *bytes, uint32_t length)
{
    uint32_t whole = HEADS + peer.size;

    return length >= whole && bytes[IP_PROTOCOL] == NET_IP_ICMP &&
           be32_get(bytes + IP_FROM) == peer.address && be16_get(bytes + IP_LENGTH) == whole - IP &&
           internet_checksum(bytes + IP, IP_BYTES) == 0 &&
           internet_checksum(bytes + NEXT, whole - NEXT) == 0 &&
           be16_get(bytes + NEXT) == ICMP_REPLY &&
           memcmp(bytes + ICMP_ID, peer.frame + ICMP_ID, whole - ICMP_ID) == 0;
}

void ping_received(const uint8_t *bytes, uint32_t length)
{
    if (length <= TYPE + 1)
        return;
    if (be16_get(bytes + TYPE) == NET_TYPE_ARP)
        arp_take(bytes, length);
    else if (be16_get(bytes + TYPE) == NET_TYPE_IPV4 && is_reply(bytes, length)) {
        peer.answered = true;
        peer.replies++;
    }
}

static bool cut_off(void)
{
    return peer.endless && net.netvsc.link_down != 0;
}

/* Have @ask done until *@answered, or several times in vain. */
static bool insist(void (*ask)(void), const bool *answered)
{
    for (uint32_t i = 0; i < TRIES && !*answered && !cut_off(); i++) {
        uint64_t begin = guest_time();

        ask();
        while (!*answered && !cut_off() && guest_time() - begin < PATIENCE)
            if (!guest_bus_poll())
                insn_pause(); /* nothing would end a halt */
    }
    return *answered;
}

const uint8_t *address_find(uint32_t address)
{
    peer.address = address;
    peer.known = false;
    if (insist(arp_ask, &peer.known))
        return peer.mac;
    guest_printf("net: nobody says that the address is his\n");
    return NULL;
}

/* The next request. False: the link is down, and nobody can answer it. */
static bool next_ask(uint64_t *replies)
{
    peer.number++;
    peer.answered = false;
    *replies += insist(echo_ask, &peer.answered);
    if (peer.endless && *replies == 1 && peer.number == 1)
        guest_printf("net: pings\n");
    return peer.answered || !cut_off();
}

uint64_t ping(uint32_t address, uint64_t *count, uint32_t size)
{
    uint64_t replies = 0, done = 0;

    peer.size = size;
    if (!address_find(address))
        return 0;
    peer.endless = *count == 0;
    while ((peer.endless || done < *count) && next_ask(&replies))
        done++;
    *count = done;
    return replies;
}

/* ---- as many as it can ---- */

/* A halt ends TICK later, whatever comes. */
static void ticks_begin(void)
{
    insn_wrmsr(HV_X64_MSR_STIMER0_COUNT, TICK);
    insn_wrmsr(HV_X64_MSR_STIMER0_CONFIG,
               HV_STIMER_ENABLE | HV_STIMER_PERIODIC | HV_STIMER_DIRECT_MODE |
                   (uint64_t)GUEST_VECTOR_KICK << HV_STIMER_APIC_VECTOR_SHIFT);
}

static struct {
    uint64_t asked, lost; /* requests; lost: given up */
    uint64_t quiet;       /* since when nothing has come; 0: something has just now */
} count;

/* One look at what comes. All requests of a window have one number; what is not answered for a
 * while is given up, and the next have another. */
static void answers_wait(void)
{
    uint64_t before = peer.replies;

    guest_bus_wait();
    if (peer.replies != before)
        count.quiet = 0;
    else if (count.quiet == 0)
        count.quiet = guest_time();
    else if (guest_time() - count.quiet > GIVE_UP) {
        count.lost = count.asked - peer.replies;
        count.quiet = 0;
        peer.number++;
    }
}

static uint64_t under_way(void)
{
    return count.asked - count.lost - peer.replies;
}

bool rate(uint32_t address, uint64_t ticks, uint32_t window, uint32_t size)
{
    uint64_t begin, replies;

    peer.size = size;
    peer.number = 1;
    if (!address_find(address))
        return false;
    ticks_begin();
    begin = insn_rdtsc();
    while (insn_rdtsc() - begin < ticks) {
        for (; under_way() < window; count.asked++)
            echo_ask();
        answers_wait();
    }
    replies = peer.replies;
    while (under_way() > 0) /* to see whether they were lost */
        answers_wait();
    guest_printf("net: rate replies=%llu lost=%llu\n", (unsigned long long)replies,
                 (unsigned long long)(count.asked - peer.replies));
    return replies > 0;
}
