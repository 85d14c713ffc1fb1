/* SPDX-License-Identifier: MIT */
/* test_echo_pair.c - the example of docs/vmbus.md on the host: the echo provider as it ships, and a
 * client, over both ends of the bus. */
#include "fakes/test.h"
#include "fakes/vmbus_world.h"

#include <echo/echo.h>
#include <hvabi/status.h>
#include <vmbus/client.h>

#define RING_BYTES (2 * WORLD_PAGE_SIZE) /* with its header: a few packets */
#define PACKETS    500u

static struct {
    struct vmbus_world world;
    struct echo echo;
    bool woken; /* echo_work() is due */
    struct vmbus_client client;
    struct vmbus_client_channel channels[2];
    struct vmbus_client_channel *c;
    bool open;
    uint64_t sent, received;
} t;

/* ---- transport ------------------------------------------------------------------------------- */

static hv_status post(void *context, uint32_t connection, const void *message, uint32_t length)
{
    (void)context;
    (void)connection;
    world_send(&t.world, message, length);
    return HV_STATUS_SUCCESS;
}

static void ring_doorbell(struct vmbus_channel *c)
{
    if (t.world.doorbells[c->relid])
        vmbus_server_signalled(t.world.doorbells[c->relid]);
}

static uint64_t page_number(void *context, const void *page)
{
    (void)context;
    return (uint64_t)((const uint8_t *)page - t.world.ram) / WORLD_PAGE_SIZE;
}

static const struct vmbus_client_port port = {
    .post = post, .signal = ring_doorbell, .page_number = page_number};

static void wake(struct echo *e)
{
    assert_ptr_equal(e, &t.echo);
    t.woken = true;
}

/* Until nothing is under way any more. */
static void settle(void)
{
    while (t.world.post_count != 0 || t.woken) {
        struct world_post m = t.world.posts[0];

        if (t.world.post_count != 0) {
            t.world.post_count--;
            memmove(t.world.posts, t.world.posts + 1,
                    t.world.post_count * sizeof(t.world.posts[0]));
            vmbus_client_receive(&t.client, m.bytes, m.length);
        }
        if (t.woken) {
            t.woken = false; /* before: its own work may wake it */
            t.woken |= echo_work(&t.echo);
        }
    }
}

/* ---- the client ------------------------------------------------------------------------------ */

static void connected(struct vmbus_client *b, uint32_t version)
{
    assert_int_not_equal(version, 0);
    vmbus_client_request_offers(b);
}

static void offered(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    static const struct vmbus_guid ours = ECHO_INTERFACE;

    (void)b;
    assert_memory_equal(&c->offer.interface, &ours, sizeof(ours));
    t.c = c;
}

static void opened(struct vmbus_client_channel *c, bool ok)
{
    assert_ptr_equal(c, t.c);
    t.open = ok;
}

static void closed(struct vmbus_client_channel *c)
{
    assert_ptr_equal(c, t.c);
    t.open = false;
}

static const struct vmbus_client_events events = {
    .connected = connected, .offered = offered, .opened = opened, .closed = closed};

static void client_open(void)
{
    assert_true(vmbus_client_open(t.c, t.world.ram, RING_BYTES, RING_BYTES, 0, NULL));
    settle();
    assert_true(t.open);
    t.sent = 0;
    t.received = 0;
}

static void client_close(void)
{
    assert_true(vmbus_client_close(t.c));
    settle();
    assert_false(t.open);
    assert_null(t.echo.channel);
}

static uint32_t payload_make(uint64_t n, uint8_t *payload)
{
    uint32_t length = (uint32_t)(n * 7 % (ECHO_BYTES_MAX / 8) + 1) * 8;

    memset(payload, (int)(n & 0xff), length);
    return length;
}

/* False: the ring is full. */
static bool packet_send(void)
{
    uint8_t payload[ECHO_BYTES_MAX];
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = t.sent,
                             .payload = payload,
                             .length = payload_make(t.sent, payload)};
    enum vmbus_ring_status status = vmbus_channel_send(&t.c->channel, &p);

    assert_true(status == VMBUS_RING_OK || status == VMBUS_RING_FULL);
    t.sent += status == VMBUS_RING_OK;
    return status == VMBUS_RING_OK;
}

/* As many as there is room for. */
static void packets_send(uint64_t until)
{
    while (t.sent < until && packet_send())
        continue;
    vmbus_channel_flush(&t.c->channel);
}

static void packet_check(const struct vmbus_packet *p)
{
    uint8_t payload[ECHO_BYTES_MAX];
    uint32_t length = payload_make(t.received, payload);

    assert_int_equal(p->type, VMBUS_PACKET_COMPLETION);
    assert_int_equal(p->transaction, t.received);
    assert_int_equal(p->length, length);
    assert_memory_equal(p->payload, payload, length);
    t.received++;
}

static void packets_take(void)
{
    static uint64_t buffer[(ECHO_BYTES_MAX + 64) / 8];
    struct vmbus_packet p;

    do {
        vmbus_channel_read_begin(&t.c->channel);
        while (vmbus_channel_read_next(&t.c->channel, &p, buffer, sizeof(buffer)) == VMBUS_RING_OK)
            packet_check(&p);
    } while (vmbus_channel_read_end(&t.c->channel));
    assert_null(vmbus_channel_broken(&t.c->channel));
}

static void echo_serves(void)
{
    while (t.received < PACKETS) {
        uint64_t before = t.received;

        packets_send(PACKETS);
        settle();
        packets_take();
        assert_true(t.received > before); /* else it hangs */
    }
}

/* ---- facts ----------------------------------------------------------------------------------- */

static void every_packet_comes_back_in_order(void **state)
{
    (void)state;
    client_open();
    echo_serves();
    assert_false(t.echo.holds);
    client_close();
}

/* The client takes nothing: the provider keeps what it cannot send, reads no further, and goes on
 * when there is room. */
static void full_ring_holds_until_there_is_room(void **state)
{
    uint64_t sent;

    (void)state;
    client_open();
    do {
        sent = t.sent;
        packets_send(PACKETS);
        settle();
    } while (t.sent > sent);
    assert_true(t.sent < PACKETS);
    assert_true(t.echo.holds);
    assert_int_not_equal(t.echo.channel->statistics.full, 0);
    echo_serves();
    client_close();
}

static void what_was_held_is_not_for_the_next_client(void **state)
{
    (void)state;
    client_open();
    do {
        packets_send(PACKETS);
        settle();
    } while (!t.echo.holds);
    client_close();
    client_open();
    echo_serves();
    client_close();
}

/* The provider closes the channel, says why, and can be had again. */
static void wrong_packet_closes(const struct vmbus_packet *p, const char *reason)
{
    client_open();
    packets_send(3);
    assert_int_equal(vmbus_channel_send(&t.c->channel, p), VMBUS_RING_OK);
    vmbus_channel_flush(&t.c->channel);
    settle();
    assert_null(t.echo.channel);
    assert_string_equal(t.world.last_log, reason);
    packets_take(); /* what was right was served */
    assert_int_equal(t.received, 3);
    client_close();
    client_open();
    echo_serves();
    client_close();
}

static void packets_of_another_protocol_close_the_channel(void **state)
{
    static const uint8_t payload[ECHO_BYTES_MAX + 8];
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND, .payload = payload, .length = 8};

    (void)state;
    wrong_packet_closes(&p, "a packet is none of the echo protocol");
    p.flags = VMBUS_PACKET_FLAG_COMPLETION;
    p.type = VMBUS_PACKET_COMPLETION;
    wrong_packet_closes(&p, "a packet is none of the echo protocol");
    p.type = VMBUS_PACKET_IN_BAND;
    p.length = sizeof(payload);
    wrong_packet_closes(&p, "a packet is longer than this channel's may be");
}

static int setup(void **state)
{
    static const struct vmbus_guid instance = {.data1 = 1};

    (void)state;
    memset(&t, 0, sizeof(t));
    world_start(&t.world);
    echo_init(&t.echo, &instance, wake);
    assert_true(vmbus_server_offer(t.world.server, &t.echo.offer));
    vmbus_client_init(&t.client, &port, NULL, &events, t.channels, 2);
    assert_true(vmbus_client_contact(&t.client, VMBUS_VERSION_5_3, 0, NULL, NULL));
    settle();
    assert_non_null(t.c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_stop(&t.world);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(every_packet_comes_back_in_order),
        T(full_ring_holds_until_there_is_room),
        T(what_was_held_is_not_for_the_next_client),
        T(packets_of_another_protocol_close_the_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
