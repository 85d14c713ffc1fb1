/* SPDX-License-Identifier: MIT */
/* attack.c - what a child does that others are not to suffer from. See net.h. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include "net.h"

#define SECTION    6144u /* root's, of the send buffer */
#define HEAD_WORDS 32u
#define SMALL      (1ull << 20) /* of a random number: the value may be a length */

static const uint8_t everyone[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* A frame from @from to @to that means nothing. */
static void frame_send(const uint8_t *to, const uint8_t *from)
{
    static uint8_t frame[NET_FRAME_BYTES];

    memcpy(frame, to, NET_ADDRESS_BYTES);
    memcpy(frame + NET_ADDRESS_BYTES, from, NET_ADDRESS_BYTES);
    be16_put(frame + 2 * NET_ADDRESS_BYTES, NET_TYPE_NONE);
    card_send(frame, sizeof(frame));
}

/* As the victim, to all; as nobody whom anybody knows, to the victim. */
static void spoof(const uint8_t *victim)
{
    uint8_t nobody[] = {0x02, 0, 0, 0, 0x99, 0};
    uint64_t count = guest_arg_number(guest_command_line(), "count", 100);

    for (uint64_t i = 0; i < count; i++) {
        nobody[5] = (uint8_t)i;
        if (i % 2 == 0)
            frame_send(everyone, victim);
        else
            frame_send(victim, nobody);
    }
    guest_printf("net: spoofed %llu frames\n", (unsigned long long)count);
    for (;;)
        guest_bus_wait();
}

static void flood(const uint8_t *victim)
{
    guest_printf("net: floods\n");
    for (;;)
        frame_send(victim, net.netvsc.address);
}

static void broadcast(const uint8_t *victim)
{
    (void)victim;
    guest_printf("net: floods all\n");
    for (;;)
        frame_send(everyone, net.netvsc.address);
}

/* What root reads of a message is written anew meanwhile, its head above all. */
static void scribbler(void)
{
    uint64_t seed = 4711;

    for (;;) {
        uint32_t section, word, value;

        seed = seed * 6364136223846793005ull + 1442695040888963407ull; /* Knuth, MMIX */
        section = (uint32_t)(seed >> 33) % (net.send_bytes / SECTION);
        word = (uint32_t)(seed >> 24) % HEAD_WORDS;
        value = (uint32_t)(seed >> 32);
        if (seed & SMALL)
            value %= 2 * NET_FRAME_BYTES;
        __atomic_store_n((uint32_t *)(void *)(net.send + section * SECTION) + word, value,
                         __ATOMIC_RELAXED);
    }
}

/* A flood of messages that the other VPs write to. */
static void scribble(const uint8_t *victim)
{
    if (net.boot->vp_count < 2) {
        guest_printf("net: has no other VP to scribble\n");
        return;
    }
    guest_others_start(net.boot, scribbler);
    flood(victim);
}

/* Answers until somebody floods it, so that he finds out where it is; then it takes nothing out of
 * its ring, and gives no section back. */
static void keep(const uint8_t *victim)
{
    (void)victim;
    guest_printf("net: waits for a flood\n");
    while (!net.flooded)
        guest_bus_wait();
    guest_printf("net: keeps what it gets\n");
    for (;;)
        insn_pause();
}

static void control(const uint8_t *victim)
{
    (void)victim;
    guest_printf("net: floods with control messages\n");
    for (;;) {
        while (netvsc_query(&net.netvsc, OID_GEN_RCV_NO_BUFFER, NULL, 0) != 0)
            ;
        netvsc_flush(&net.netvsc.primary);
        (void)guest_bus_poll();
    }
}

void attack(const char *name, uint32_t address)
{
    static const struct {
        const char *name;
        void (*run)(const uint8_t *victim);
    } attacks[] = {{"spoof", spoof}, {"flood", flood},       {"broadcast", broadcast},
                   {"keep", keep},   {"scribble", scribble}, {"control", control}};
    const uint8_t *victim = address_find(address);

    for (size_t i = 0; victim && i < sizeof(attacks) / sizeof(attacks[0]); i++)
        if (strcmp(attacks[i].name, name) == 0)
            attacks[i].run(victim);
    guest_printf("net: no such attack\n");
}
