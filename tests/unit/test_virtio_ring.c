/* SPDX-License-Identifier: MIT */
/* tests/unit/test_virtio_ring.c - a split virtqueue against a device that reads and writes it as
 * the specification says (Virtio 1.2, 2.7), or as it likes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/virtio_ring.h"

#define SIZE_MAX_TESTED 256u

static struct {
    struct virtio_ring ring;
    void *memory;
    uint16_t taken, returned; /* by the device */
    uint32_t seed;
} t;

static void ring_make(uint16_t size, bool event_index)
{
    free(t.memory);
    memset(&t, 0, sizeof(t));
    t.seed = 4711;
    t.memory = malloc(virtio_ring_bytes(size)); /* no byte more: ASan watches */
    assert_non_null(t.memory);
    virtio_ring_init(&t.ring, t.memory, size, event_index);
}

static int ring_drop(void **state)
{
    (void)state;
    free(t.memory);
    t.memory = NULL;
    return 0;
}

static uint32_t random_next(void)
{
    t.seed ^= t.seed << 13;
    t.seed ^= t.seed >> 17;
    t.seed ^= t.seed << 5;
    return t.seed;
}

/* The device takes the next chain; its head. */
static uint16_t device_take(void)
{
    assert_int_not_equal(t.taken, t.ring.available->index);
    return t.ring.available->ring[t.taken++ % t.ring.size];
}

static void device_return(uint32_t id, uint32_t length)
{
    t.ring.used->ring[t.returned % t.ring.size] =
        (struct virtio_used_element){.id = id, .length = length};
    t.ring.used->index = ++t.returned;
}

/* The words behind the rings. */
static uint16_t *used_event(void)
{
    return &t.ring.available->ring[t.ring.size];
}

static void available_event_set(uint16_t index)
{
    memcpy(&t.ring.used->ring[t.ring.size], &index, sizeof(index));
}

static void parts_lie_as_the_device_expects_them(void **state)
{
    (void)state;
    for (uint16_t size = 1; size <= SIZE_MAX_TESTED; size = (uint16_t)(size * 2)) {
        const char *base;

        ring_make(size, true);
        base = t.memory;
        assert_ptr_equal(t.ring.descriptors, base);
        assert_ptr_equal(t.ring.available, base + size * 16);
        assert_int_equal((uintptr_t)((const char *)t.ring.used - base) % 4, 0);
        assert_true((const char *)t.ring.used >= (const char *)(used_event() + 1));
        assert_int_equal(virtio_ring_bytes(size),
                         (const char *)&t.ring.used->ring[size] + 2 - base);
    }
}

static void chains_go_round_many_times_in_any_order(void **state)
{
    (void)state;
    for (uint16_t size = 1; size <= SIZE_MAX_TESTED; size = (uint16_t)(size * 4)) {
        uint32_t sent = 0, got = 0;
        uint16_t out[SIZE_MAX_TESTED];
        uint16_t out_count = 0;

        ring_make(size, size % 16 != 0);
        while (got < 3 * 65536u) { /* the indices wrap thrice */
            struct virtio_used_element element;
            uint16_t burst = (uint16_t)(random_next() % size + 1);

            for (; burst > 0 && sent - got < size; burst--)
                virtio_ring_put(&t.ring, (uint16_t)(sent++ % size));
            (void)virtio_ring_publish(&t.ring);
            while (t.taken != t.ring.available->index)
                out[out_count++] = device_take();
            while (out_count > 0 && random_next() % 4 != 0) {
                uint16_t pick = (uint16_t)(random_next() % out_count);
                uint16_t head = out[pick];

                out[pick] = out[--out_count];
                device_return(head, head + 1u);
            }
            while (virtio_ring_take(&t.ring, &element) == VIRTIO_RING_TAKEN) {
                assert_int_equal(element.length, element.id + 1);
                got++;
            }
            assert_int_equal(sent - got, out_count);
        }
        assert_false(t.ring.broken);
    }
}

static void device_that_forbids_it_is_not_told(void **state)
{
    (void)state;
    ring_make(4, false);
    virtio_ring_put(&t.ring, 0);
    assert_true(virtio_ring_publish(&t.ring));
    t.ring.used->flags = VIRTIO_USED_NO_NOTIFY;
    virtio_ring_put(&t.ring, 1);
    assert_false(virtio_ring_publish(&t.ring));
    assert_false(virtio_ring_rearm(&t.ring));
    assert_int_equal(t.ring.available->flags, 0); /* it interrupts for each */
}

static void device_is_told_when_its_event_is_reached(void **state)
{
    (void)state;
    ring_make(8, true);
    for (uint32_t i = 0; i < 70000; i++) {
        struct virtio_used_element element;
        bool due = i % 3 == 0;

        /* Three in a row; it wants to be told of the first of them. */
        if (due)
            available_event_set((uint16_t)i);
        virtio_ring_put(&t.ring, 0);
        assert_int_equal(virtio_ring_publish(&t.ring), due);
        device_return(device_take(), 0);
        assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_TAKEN);
    }
}

static void device_is_told_once_of_what_goes_over_its_event(void **state)
{
    (void)state;
    ring_make(8, true);
    available_event_set(2);
    virtio_ring_put(&t.ring, 0);
    virtio_ring_put(&t.ring, 1);
    assert_false(virtio_ring_publish(&t.ring));
    virtio_ring_put(&t.ring, 2);
    virtio_ring_put(&t.ring, 3);
    assert_true(virtio_ring_publish(&t.ring));
    virtio_ring_put(&t.ring, 4);
    assert_false(virtio_ring_publish(&t.ring));
}

static void rearm_sees_what_came_before_it(void **state)
{
    struct virtio_used_element element;

    (void)state;
    ring_make(8, true);
    for (uint16_t i = 0; i < 3; i++)
        virtio_ring_put(&t.ring, i);
    (void)virtio_ring_publish(&t.ring);
    device_return(device_take(), 0);
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_TAKEN);
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_EMPTY);
    device_return(device_take(), 0); /* after the last look */
    assert_true(virtio_ring_rearm(&t.ring));
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_TAKEN);
    assert_false(virtio_ring_rearm(&t.ring));
    assert_int_equal(*used_event(), 2); /* the third is to interrupt */
}

static void put_and_publish(uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        virtio_ring_put(&t.ring, i);
    (void)virtio_ring_publish(&t.ring);
}

static void ring_stands_still_if_nothing_comes_back_between_two_looks(void **state)
{
    struct virtio_used_element element;

    (void)state;
    ring_make(8, true);
    assert_false(virtio_ring_stands_still(&t.ring)); /* there is nothing to do */
    put_and_publish(2);
    device_return(device_take(), 0);
    assert_false(virtio_ring_stands_still(&t.ring)); /* something has come back */
    assert_true(virtio_ring_stands_still(&t.ring));
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_TAKEN);
    assert_true(virtio_ring_stands_still(&t.ring));
    device_return(device_take(), 0);
    assert_false(virtio_ring_stands_still(&t.ring));
    assert_false(virtio_ring_stands_still(&t.ring)); /* all has */
    put_and_publish(1);
    t.ring.used->index = 7;
    assert_false(virtio_ring_stands_still(&t.ring)); /* it is broken */
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_BROKEN);
}

static void used_index_that_goes_back_breaks_the_ring(void **state)
{
    struct virtio_used_element element;

    (void)state;
    ring_make(8, false);
    put_and_publish(4);
    device_return(0, 0);
    device_return(1, 0);
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_TAKEN);
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_TAKEN);
    t.ring.used->index = 1;
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_BROKEN);
    t.ring.used->index = 3; /* nothing is believed any more */
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_BROKEN);
    assert_true(virtio_ring_rearm(&t.ring));
    virtio_ring_reset(&t.ring);
    assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_EMPTY);
}

static void used_index_past_what_was_sent_breaks_the_ring(void **state)
{
    struct virtio_used_element element;

    (void)state;
    for (int published = 0; published < 2; published++) {
        ring_make(8, true);
        put_and_publish(4);
        t.ring.used->index = 5;
        if (published)
            assert_true(virtio_ring_rearm(&t.ring));
        assert_int_equal(virtio_ring_take(&t.ring, &element), VIRTIO_RING_BROKEN);
    }
}

/* Whatever the device writes, no more comes back than went out, and nothing outside of the ring is
 * touched. */
static void device_that_writes_anything_gets_no_further(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 2000; round++) {
        struct virtio_used_element element;
        uint32_t sent = 0, got = 0;
        uint32_t seed = t.seed;

        ring_make(8, round % 2 == 0);
        t.seed = seed ? seed + round : 1;
        for (uint32_t step = 0; step < 50; step++) {
            for (; sent - got < 8 && random_next() % 2; sent++)
                virtio_ring_put(&t.ring, (uint16_t)(sent % 8));
            (void)virtio_ring_publish(&t.ring);
            if (random_next() % 8 == 0) {
                uint32_t *words = (void *)t.ring.used;

                for (size_t i = 0; i < (sizeof(struct virtio_used) + 8 * 8) / 4; i++)
                    words[i] = random_next();
            } else {
                t.ring.used->index = (uint16_t)(t.ring.used->index + random_next() % 2);
            }
            while (virtio_ring_take(&t.ring, &element) == VIRTIO_RING_TAKEN)
                got++;
            (void)virtio_ring_rearm(&t.ring);
            assert_true(got <= sent);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, ring_drop)
    const struct CMUnitTest tests[] = {
        TEST(parts_lie_as_the_device_expects_them),
        TEST(chains_go_round_many_times_in_any_order),
        TEST(device_that_forbids_it_is_not_told),
        TEST(device_is_told_when_its_event_is_reached),
        TEST(device_is_told_once_of_what_goes_over_its_event),
        TEST(rearm_sees_what_came_before_it),
        TEST(ring_stands_still_if_nothing_comes_back_between_two_looks),
        TEST(used_index_that_goes_back_breaks_the_ring),
        TEST(used_index_past_what_was_sent_breaks_the_ring),
        TEST(device_that_writes_anything_gets_no_further),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
