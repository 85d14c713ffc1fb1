/* SPDX-License-Identifier: MIT */
/* main.c - the net guest: a machine with one network card, that answers and asks. What it does and
 * its arguments are in docs/guests.md. */
#include <rt/big_endian.h>
#include <rt/mem.h>

#include "net.h"

#define PING_COUNT 10u
#define PING_BYTES 56u
#define PING_MAX   1472u /* of an MTU of 1500 */
#define WINDOW     16u

enum { TEXT = 24 };

struct net net;

/* With promiscuous=1: say once what is not for this card alone. */
static void overhear(const uint8_t *bytes, uint32_t length)
{
    bool many, own;

    if (length < NET_ADDRESS_BYTES || !net.promiscuous)
        return;
    many = net_address_is_group(bytes);
    own = memcmp(bytes, net.netvsc.address, NET_ADDRESS_BYTES) == 0;
    if (many && !net.many)
        guest_printf("net: hears what is for many\n");
    if (!many && !own && !net.strange)
        guest_printf("net: hears what is for another\n");
    net.many |= many;
    net.strange |= !many && !own;
}

void frame_received(const uint8_t *bytes, uint32_t length)
{
    static uint8_t answer[NET_FRAME_BYTES];
    size_t n;

    overhear(bytes, length);
    net.flooded |=
        length >= NET_ETHERNET_BYTES && be16_get(bytes + 2 * NET_ADDRESS_BYTES) == NET_TYPE_NONE;
    ping_received(bytes, length);
    if (length > sizeof(answer) || udp_echo(bytes, length))
        return;
    n = responder_answer(&net.responder, bytes, length, answer);
    if (n != 0)
        card_send(answer, (uint32_t)n);
}

/* @key=A.B.C.D/PREFIX. False, with a line printed: it is there, and is none. */
static bool address_get(const char *key, uint32_t *address, uint32_t *mask)
{
    char text[TEXT];

    *address = 0;
    if (!guest_arg_text(guest_command_line(), key, text, sizeof(text)) ||
        responder_address_parse(text, address, mask))
        return true;
    guest_printf("net: %s=%s is no address/prefix of a machine\n", key, text);
    return false;
}

static bool talk(uint32_t target)
{
    const char *line = guest_command_line();
    uint64_t count = guest_arg_number(line, "count", PING_COUNT);
    uint64_t size = guest_arg_number(line, "size", PING_BYTES);
    uint64_t ticks = guest_arg_number(line, "rate", 0);
    uint32_t bytes = (uint32_t)(size < PING_MAX ? size : PING_MAX);
    char name[TEXT];

    if (guest_arg_text(line, "attack", name, sizeof(name))) {
        attack(name, target);
        return false;
    }
    if (target != 0 && ticks != 0)
        return rate(target, ticks, (uint32_t)guest_arg_number(line, "window", WINDOW), bytes);
    if (target != 0) {
        uint64_t replies = ping(target, &count, bytes);

        guest_printf("net: ping requests=%llu replies=%llu\n", (unsigned long long)count,
                     (unsigned long long)replies);
        if (replies != count)
            return false;
    }
    if (guest_arg_number(line, "serve", 0) != 0) {
        guest_printf("net: serves\n");
        for (;;)
            guest_bus_wait();
    }
    return true;
}

uint8_t guest_main(const struct guest_boot *boot)
{
    uint32_t target, unused;
    bool ok;

    net.boot = boot;
    if (!address_get("address", &net.responder.address, &net.responder.mask) ||
        !address_get("ping", &target, &unused) || !guest_bus_connect() || !card_open())
        return GUEST_EXIT_FAILED;
    memcpy(net.responder.mac, net.netvsc.address, NET_ADDRESS_BYTES);
    ok = talk(target);
    card_close();
    guest_bus_leave();
    guest_printf("net: received=%llu sent=%llu failed=%llu\n", (unsigned long long)net.received,
                 (unsigned long long)net.sent, (unsigned long long)net.failed);
    return ok && net.failed == 0 ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}
