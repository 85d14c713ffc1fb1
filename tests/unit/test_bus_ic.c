/* SPDX-License-Identifier: MIT */
/* test_bus_ic.c - a child's integration services in root, root/bus/ic.c: its clocks, its thread,
 * and what ring 3 asks for. */
#include "fakes/test.h"
#include "bus_fixture.h"

#include <rootabi/errno.h>
#include <vspabi/ic.h>
#include "sched/wall_clock.h"

#define EPOCH_100NS 116444736000000000ull
#define WALL        2000000000000000000ull

static int setup(void **state)
{
    (void)state;
    world_make_integration();
    wall_clock_set(WALL);
    world_run();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end();
    return 0;
}

/* ---- the child's end of one channel ---- */

static struct {
    struct vmbus_ring in, out;
    struct ic_header header;
    uint8_t payload[2600] __attribute__((aligned(8)));
    uint64_t buffer[512];
} end;

static bool packet_came(void)
{
    struct vmbus_packet p;
    bool signal;

    if (vmbus_ring_read(&end.in, &p, end.buffer, sizeof(end.buffer)) != VMBUS_RING_OK)
        return false;
    (void)!vmbus_ring_read_end(&end.in, &signal);
    memcpy(&end.header, p.payload, sizeof(end.header));
    memcpy(end.payload, (const uint8_t *)p.payload + sizeof(end.header), end.header.size);
    return true;
}

static void answer(uint32_t status)
{
    uint8_t bytes[sizeof(end.header) + sizeof(end.payload)];
    const struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                                   .payload = bytes,
                                   .length = (uint32_t)sizeof(end.header) + end.header.size};

    end.header.flags = IC_FLAG_TRANSACTION | IC_FLAG_RESPONSE;
    end.header.status = status;
    end.header.pipe_size = p.length - IC_PIPE_BYTES;
    memcpy(bytes, &end.header, sizeof(end.header));
    memcpy(bytes + sizeof(end.header), end.payload, end.header.size);
    assert_int_equal(vmbus_ring_write(&end.out, &p), VMBUS_RING_OK);
    (void)!vmbus_ring_write_end(&end.out);
    guest_ring();
}

/* Open the service and agree on @major.@minor; with @then, which root signals from then on. */
static void agree_and(uint32_t service, uint16_t major, uint16_t minor, void (*then)(void))
{
    const struct ic_negotiate n = {
        .framework_count = 1, .message_count = 1, .versions = {{3, 0}, {major, minor}}};
    const uint32_t half = RING_PAGES / 2 * HV_PAGE_SIZE;
    uint32_t relid = guest_connect() + service;

    guest_forget();
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_true(vmbus_ring_attach_writer(&end.out, guest_rings(relid), half));
    assert_true(vmbus_ring_attach_reader(&end.in, guest_rings(relid) + half, half));
    assert_true(world_wait(packet_came));
    assert_int_equal(end.header.type, IC_NEGOTIATE);
    memcpy(end.payload, &n, IC_NEGOTIATE_BYTES(2));
    end.header.size = IC_NEGOTIATE_BYTES(2);
    world.signalled = then;
    answer(IC_STATUS_OK);
}

static void agree(uint32_t service, uint16_t major, uint16_t minor)
{
    agree_and(service, major, minor, NULL);
}

/* ---- facts ---- */

static void time_is(uint8_t flags, uint64_t least, uint64_t most)
{
    const struct ic_time_reference *m = (const void *)end.payload;

    assert_true(world_wait(packet_came));
    assert_int_equal(end.header.type, IC_TYPE_TIME);
    assert_int_equal(m->flags, flags);
    assert_in_range(m->parent_time, EPOCH_100NS + least / 100, EPOCH_100NS + most / 100);
    assert_int_equal(m->parent_time - EPOCH_100NS - m->reference_time, least / 100);
    answer(IC_STATUS_OK);
}

/* In the fake, time begins with 0 and passes when threads wait for it. */
static void child_is_told_the_time_and_again_when_it_was_set(void **state)
{
    (void)state;
    agree(VM_SERVICE_TIME, 4, 0);
    time_is(IC_TIME_SYNC, WALL, UINT64_MAX);
    time_is(IC_TIME_SAMPLE, WALL, UINT64_MAX);
    wall_clock_set(WALL / 2 + time_now());
    do
        assert_true(world_wait(packet_came)); /* a sample may have been under way */
    while (((const struct ic_time_reference *)(const void *)end.payload)->flags != IC_TIME_SYNC);
    assert_true(((const struct ic_time_reference *)(const void *)end.payload)->parent_time <
                EPOCH_100NS + WALL / 100);
}

static void heart_beats_while_time_passes(void **state)
{
    uint64_t sequence;

    (void)state;
    agree(VM_SERVICE_HEARTBEAT, 3, 0);
    for (uint64_t i = 0; i < 100; i++) {
        assert_true(world_wait(packet_came));
        memcpy(&sequence, end.payload, sizeof(sequence));
        assert_int_equal(sequence, i);
        sequence++;
        memcpy(end.payload, &sequence, sizeof(sequence));
        answer(IC_STATUS_OK);
    }
    assert_true(time_now() >= 99 * 2000000000ull);
}

/* Root's patience is over at once where time passes because root waits: these answer as soon as
 * they are signalled, in root's own thread. */

static void power_off_taken(void)
{
    if (!packet_came())
        return;
    if (end.header.type == IC_TYPE_SHUTDOWN)
        answer(IC_STATUS_OK);
}

static bool power_off_done(void)
{
    struct vm_integration i = {0};

    assert_int_equal(bus_integration(world.bus, &i), 0);
    return i.asks[VM_ASK_POWER_OFF].outcome == VM_ASK_DONE;
}

static bool shutdown_ready(void)
{
    struct vm_integration i = {0};

    assert_int_equal(bus_integration(world.bus, &i), 0);
    return i.services[VM_SERVICE_SHUTDOWN].state == VM_SERVICE_READY &&
           i.services[VM_SERVICE_SHUTDOWN].minor == 2;
}

static void ring_3_asks_the_child(void **state)
{
    struct vm_ask a = {.what = VM_ASK_POWER_OFF};

    (void)state;
    assert_int_equal(bus_ask(world.bus, &a), -ENOTCONN);
    agree(VM_SERVICE_SHUTDOWN, 3, 2);
    assert_true(world_wait(shutdown_ready));
    a.flags = VM_ASK_DELETE;
    assert_int_equal(bus_ask(world.bus, &a), -EINVAL);
    a = (struct vm_ask){.what = VM_ASKS};
    assert_int_equal(bus_ask(world.bus, &a), -EINVAL);
    a = (struct vm_ask){.what = VM_ASK_POWER_OFF, .flags = 2};
    assert_int_equal(bus_ask(world.bus, &a), -EINVAL);
    a.flags = 0;
    world.signalled = power_off_taken;
    assert_false(power_off_done());
    assert_int_equal(bus_ask(world.bus, &a), 0);
    assert_true(world_wait(power_off_done));
}

static bool has_item(void)
{
    struct vm_item item = {.index = 0};

    return bus_item(world.bus, &item) == 0 && strcmp(item.key, "k") == 0 &&
           strcmp(item.value, "v") == 0 && item.pool == IC_POOL_AUTO;
}

static void item_told(void)
{
    struct ic_data_enumerate *m = (void *)end.payload;

    if (!packet_came() || end.header.type != IC_TYPE_DATA)
        return;
    if (m->header.operation != IC_DATA_ENUMERATE) { /* "HostName" */
        answer(IC_STATUS_OK);
        return;
    }
    m->value.type = IC_VALUE_TEXT;
    m->value.key_size = m->value.value_size = 4;
    m->value.key[0] = 'k';
    m->value.value[0] = 'v';
    answer(m->index == 0 && m->header.pool == IC_POOL_AUTO ? IC_STATUS_OK : IC_STATUS_NO_MORE);
}

static void ring_3_sees_what_the_child_tells(void **state)
{
    struct vm_item item = {.index = 1};

    (void)state;
    agree_and(VM_SERVICE_KVP, 4, 0, item_told);
    assert_true(world_wait(has_item));
    assert_int_equal(bus_item(world.bus, &item), -ENOENT);
}

static void without_services_there_is_nothing_to_ask(void **state)
{
    struct vm_ask a = {.what = VM_ASK_FREEZE};
    struct vm_integration i = {0};
    struct vm_item item = {0};

    (void)state;
    world_make(0, false, true);
    assert_int_equal(bus_ask(world.bus, &a), -ENOTCONN);
    assert_int_equal(bus_integration(world.bus, &i), -ENOTCONN);
    assert_int_equal(bus_item(world.bus, &item), -ENOENT);
    world_end();
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FACT(child_is_told_the_time_and_again_when_it_was_set),
        FACT(heart_beats_while_time_passes),
        FACT(ring_3_asks_the_child),
        FACT(ring_3_sees_what_the_child_tells),
        cmocka_unit_test(without_services_there_is_nothing_to_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
