/* SPDX-License-Identifier: MIT */
/* test_keyboard.c - the synthetic keyboard, with real rings whose other ends are the test's. */
#include "fakes/test.h"

#include <keyboard/keyboard.h>

#define RING_BYTES (3 * 4096u)

static struct {
    struct keyboard keyboard;
    struct vmbus_channel server, child;
    uint8_t *rings;
    bool open, woken;
    unsigned closed, broken;
    const char *reason;
    uint32_t type, length; /* of the packet that came last */
    struct keyboard_event event;
} t;

void vmbus_server_closed(struct vmbus_channel *c)
{
    assert_ptr_equal(c, &t.server);
    t.closed++;
}

void vmbus_server_channel_broken(struct vmbus_channel *c)
{
    t.broken++;
    t.open = false;
    t.keyboard.offer.operations->closed(&t.keyboard.offer, c);
}

static void wake(struct keyboard *k)
{
    assert_ptr_equal(k, &t.keyboard);
    t.woken = true;
}

static void note(struct keyboard *k, uint32_t relid, const char *reason)
{
    (void)k;
    assert_int_equal(relid, 1);
    t.reason = reason;
}

static const struct keyboard_port port = {.wake = wake, .log = note};

static void signal_server(struct vmbus_channel *c)
{
    (void)c;
    if (t.open)
        t.keyboard.offer.operations->signalled(&t.keyboard.offer, &t.server);
}

static void signal_child(struct vmbus_channel *c)
{
    (void)c;
}

static void run(void)
{
    do
        t.woken = false;
    while (keyboard_work(&t.keyboard) || t.woken);
}

static void channel_open(void)
{
    static const uint8_t user_data[VMBUS_USER_DATA_SIZE];
    uint8_t *down = t.rings + RING_BYTES;

    vmbus_ring_format(t.rings);
    vmbus_ring_format(down);
    t.server = (struct vmbus_channel){.relid = 1, .signal = signal_child};
    t.child = (struct vmbus_channel){.relid = 1, .signal = signal_server};
    assert_true(vmbus_ring_attach_reader(&t.server.in, t.rings, RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&t.server.out, down, RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&t.child.out, t.rings, RING_BYTES));
    assert_true(vmbus_ring_attach_reader(&t.child.in, down, RING_BYTES));
    t.open = true;
    assert_true(
        t.keyboard.offer.operations->opened(&t.keyboard.offer, &t.server, user_data, false));
}

static int setup(void **state)
{
    static const struct vmbus_guid instance = {.data1 = 1};

    (void)state;
    memset(&t, 0, sizeof(t));
    t.rings = aligned_alloc(4096, (size_t)2 * RING_BYTES);
    assert_non_null(t.rings);
    keyboard_init(&t.keyboard, &port, &instance);
    channel_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (t.open)
        t.keyboard.offer.operations->closed(&t.keyboard.offer, &t.server);
    free(t.rings);
    return 0;
}

/* False: the ring is full. */
static bool send(uint16_t type, const void *bytes, uint32_t length)
{
    const struct vmbus_packet p = {.type = type,
                                   .flags = VMBUS_PACKET_FLAG_COMPLETION, /* as Linux asks */
                                   .payload = bytes,
                                   .length = length};
    bool sent = vmbus_channel_send(&t.child, &p) == VMBUS_RING_OK;

    vmbus_channel_flush(&t.child);
    return sent;
}

static bool take(void)
{
    struct vmbus_packet p;
    uint64_t buffer[16];
    bool some;

    vmbus_channel_read_begin(&t.child);
    some = vmbus_channel_read_next(&t.child, &p, buffer, sizeof(buffer)) == VMBUS_RING_OK;
    (void)!vmbus_channel_read_end(&t.child);
    if (!some)
        return false;
    assert_int_equal(p.type, VMBUS_PACKET_IN_BAND);
    memset(&t.event, 0, sizeof(t.event));
    memcpy(&t.event, p.payload, p.length < sizeof(t.event) ? p.length : sizeof(t.event));
    t.type = t.event.type;
    t.length = p.length;
    return true;
}

/* What it is answered, which says whether it is accepted. */
static uint32_t agree(uint32_t version)
{
    const struct keyboard_request m = {.type = KEYBOARD_REQUEST, .version = version};
    struct keyboard_response r;

    assert_true(send(VMBUS_PACKET_IN_BAND, &m, sizeof(m)));
    run();
    assert_true(take());
    memcpy(&r, &t.event, sizeof(r));
    assert_int_equal(r.type, KEYBOARD_RESPONSE);
    assert_int_equal(t.length, sizeof(r));
    return r.status;
}

static const struct keyboard_key key_a[] = {{0x1e, 0}, {0x1e, KEYBOARD_BREAK}};

static void a_child_sees_keys_once_it_has_agreed(void **state)
{
    (void)state;
    assert_int_equal(keyboard_press(&t.keyboard, key_a, 2), KEYBOARD_NO_DRIVER);
    assert_int_equal(agree(KEYBOARD_VERSION), KEYBOARD_ACCEPTED);
    assert_int_equal(keyboard_press(&t.keyboard, key_a, 2), KEYBOARD_OK);
    assert_true(t.woken);
    run();
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(take());
        assert_int_equal(t.type, KEYBOARD_EVENT);
        assert_int_equal(t.event.code, key_a[i].code);
        assert_int_equal(t.event.flags, key_a[i].flags);
    }
    assert_false(take());
}

static void other_versions_are_refused(void **state)
{
    (void)state;
    assert_int_equal(agree(0x00020000), 0);
    assert_int_equal(agree(0), 0);
    assert_int_equal(keyboard_press(&t.keyboard, key_a, 2), KEYBOARD_NO_DRIVER);
    assert_int_equal(agree(KEYBOARD_VERSION), KEYBOARD_ACCEPTED); /* it tries again */
}

static void keys_wait_for_room_and_not_without_end(void **state)
{
    unsigned pressed = 0, seen = 0;

    (void)state;
    assert_int_equal(agree(KEYBOARD_VERSION), KEYBOARD_ACCEPTED);
    while (keyboard_press(&t.keyboard, key_a, 2) == KEYBOARD_OK) {
        pressed += 2;
        run();
        assert_true(pressed < 2000);
    }
    assert_int_equal(t.keyboard.count, KEYBOARD_KEYS);
    while (take()) { /* which makes room, so that root is signalled */
        assert_int_equal(t.event.flags, key_a[seen % 2].flags);
        seen++;
        run();
    }
    assert_int_equal(seen, pressed);
}

static void who_asks_without_end_and_reads_nothing_is_answered_as_far_as_there_is_room(void **state)
{
    const struct keyboard_request m = {.type = KEYBOARD_REQUEST, .version = KEYBOARD_VERSION};

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        assert_true(send(VMBUS_PACKET_IN_BAND, &m, sizeof(m)));
        run();
    }
    assert_true(t.open);
    assert_true(t.keyboard.answer_due);
}

static void what_is_no_message_is_counted(void **state)
{
    const uint32_t lights[2] = {KEYBOARD_LIGHTS, 7};
    const uint32_t unknown[2] = {99, 0};

    (void)state;
    assert_true(send(VMBUS_PACKET_IN_BAND, lights, sizeof(lights)));
    run();
    assert_int_equal(t.keyboard.malformed, 0);
    assert_true(send(VMBUS_PACKET_IN_BAND, unknown, sizeof(unknown)));
    assert_true(send(VMBUS_PACKET_IN_BAND, NULL, 0));
    assert_true(send(VMBUS_PACKET_COMPLETION, lights, sizeof(lights)));
    run();
    assert_int_equal(t.keyboard.malformed, 3);
    assert_non_null(t.reason);
    assert_false(take());
    assert_int_equal(agree(KEYBOARD_VERSION), KEYBOARD_ACCEPTED);
}

static void a_packet_that_is_too_long_breaks_the_ring(void **state)
{
    static const uint8_t bytes[1024];

    (void)state;
    assert_int_equal(agree(KEYBOARD_VERSION), KEYBOARD_ACCEPTED);
    assert_true(send(VMBUS_PACKET_IN_BAND, bytes, sizeof(bytes)));
    run();
    assert_int_equal(t.broken, 1);
    assert_int_equal(t.closed, 1);
    assert_int_equal(keyboard_press(&t.keyboard, key_a, 2), KEYBOARD_NO_DRIVER);
    channel_open();
    assert_int_equal(agree(KEYBOARD_VERSION), KEYBOARD_ACCEPTED);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FACT(a_child_sees_keys_once_it_has_agreed),
        FACT(other_versions_are_refused),
        FACT(keys_wait_for_room_and_not_without_end),
        FACT(who_asks_without_end_and_reads_nothing_is_answered_as_far_as_there_is_room),
        FACT(what_is_no_message_is_counted),
        FACT(a_packet_that_is_too_long_breaks_the_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
