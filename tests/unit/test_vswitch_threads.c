/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vswitch_threads.c - a switch whose ports come and go while others send, each from
 * a thread of its own; under ThreadSanitizer. A port's memory is given back as soon as it is
 * removed. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "fakes/root_threads.h"
#include "net/vswitch.h"

#define SENDERS   3u
#define FRAMES    20000u
#define LIVES     300u
#define MAC_OF(n) (0x020000000100ull + (n))

static struct {
    struct vswitch *vswitch;
    struct sender {
        struct vswitch_port port;
        uint64_t mac;
        uint64_t got; /* [a] */
    } senders[SENDERS];
    uint32_t running; /* [a] senders */
    uint64_t guests_got;
} t;

/* What comes and goes. */
struct guest {
    struct vswitch_port port;
    uint64_t got; /* [a] */
};

static enum net_taken sender_gets(struct vswitch_port *to, const struct net_frame *frame)
{
    struct sender *s = to->owner;

    __atomic_fetch_add(&s->got, frame->length, __ATOMIC_RELAXED);
    return NET_TAKEN;
}

static enum net_taken guest_gets(struct vswitch_port *to, const struct net_frame *frame)
{
    struct guest *g = to->owner;

    __atomic_fetch_add(&g->got, frame->length, __ATOMIC_RELAXED);
    return NET_TAKEN;
}

static const struct vswitch_port_ops sender_ops = {.deliver = sender_gets};
static const struct vswitch_port_ops guest_ops = {.deliver = guest_gets};

static void mac_put(uint8_t *at, uint64_t mac)
{
    be16_put(at, (uint16_t)(mac >> 32));
    be32_put(at + 2, (uint32_t)mac);
}

/* To everybody, to the guest, to each other, from addresses that move between uplinks. */
static void send_all(void *argument)
{
    struct sender *s = argument;
    uint8_t header[NET_ETHERNET_BYTES] = {0};
    struct net_frame f = {
        .header = header, .header_length = sizeof(header), .length = sizeof(header)};

    for (uint32_t i = 0; i < FRAMES; i++) {
        uint64_t to = i % 8 == 0 ? 0xffffffffffffull : MAC_OF(i % (SENDERS + 2));

        mac_put(header, to);
        mac_put(header + NET_ADDRESS_BYTES,
                s->port.config.uplink ? MAC_OF(0x1000 + i % 100) : s->mac);
        vswitch_send(&s->port, &f);
    }
    __atomic_fetch_sub(&t.running, 1, __ATOMIC_RELEASE);
}

static void senders_make(void)
{
    for (uint32_t i = 0; i < SENDERS; i++) {
        struct vswitch_port_config config = {.uplink = i > 0};

        t.senders[i].mac = MAC_OF(i);
        mac_put(config.mac, MAC_OF(i));
        assert_int_equal(
            vswitch_port_add(t.vswitch, &t.senders[i].port, &config, &sender_ops, &t.senders[i]),
            VSWITCH_OK);
    }
}

/* A guest's life: it joins, others send, it goes. */
static void guest_lives(void)
{
    struct guest *g = calloc(1, sizeof(*g));
    struct vswitch_port_config config = {0};

    assert_non_null(g);
    mac_put(config.mac, MAC_OF(SENDERS));
    assert_int_equal(vswitch_port_add(t.vswitch, &g->port, &config, &guest_ops, g), VSWITCH_OK);
    thread_sleep(1);
    vswitch_port_remove(&g->port);
    assert_int_equal(g->port.users, 0);
    t.guests_got += g->got;
    free(g);
}

static void ports_come_and_go_while_frames_pass(void **state)
{
    uint32_t lives = 0;
    uint64_t sent = 0;

    (void)state;
    fake_threads_reset(SENDERS);
    t.vswitch = calloc(1, sizeof(*t.vswitch));
    assert_non_null(t.vswitch);
    vswitch_init(t.vswitch, "switch0", 0x9e3779b97f4a7c15ull, time_now);
    senders_make();
    t.running = SENDERS;
    for (uint32_t i = 0; i < SENDERS; i++)
        assert_non_null(thread_start("sender", send_all, &t.senders[i], -1));
    while (lives++ < LIVES || __atomic_load_n(&t.running, __ATOMIC_ACQUIRE) > 0)
        guest_lives();
    fake_threads_join();
    for (uint32_t i = 0; i < SENDERS; i++) {
        sent += t.senders[i].port.statistics.in;
        assert_int_equal(t.senders[i].port.statistics.out_bytes, t.senders[i].got);
        assert_int_equal(t.senders[i].port.users, 0);
        vswitch_port_remove(&t.senders[i].port);
    }
    assert_int_equal(sent, SENDERS * FRAMES);
    assert_true(t.guests_got > 0);
    free(t.vswitch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ports_come_and_go_while_frames_pass)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
