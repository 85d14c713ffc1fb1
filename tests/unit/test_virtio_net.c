/* SPDX-License-Identifier: MIT */
/* test_virtio_net.c - the virtio network driver over a fake device that does not hear that it was
 * told of something: the card's thread tells it again. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/drivers.h"
#include "drivers/virtio_net.h"
#include "fake_virtio.h"
#include "net/nic.h"
#include "proc/random.h"
#include "root_kernel.h"

#define HEADER  sizeof(struct virtio_net_header)
#define LENGTH  300u
#define LOOK_NS 1000000000ull
#define PATIENT (5 * LOOK_NS) /* how long a test waits for what should be there in two looks */

static const uint8_t address[NET_ADDRESS_BYTES] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

static struct {
    struct nic *nic;
    uint64_t end, sent_at, received_at; /* the card is taken away; frames passed, the last time */
    uint32_t sent, received;
    uint32_t waiting; /* frames on the wire, for which the device has no buffer yet */
    uint16_t buffers[FAKE_VIRTIO_QUEUE];
    uint32_t buffer_count;
    uint8_t frame[LENGTH];
} t;

void random_bytes(void *bytes, size_t size)
{
    memset(bytes, 0x5a, size);
}

/* ---- the device ---- */

static uint32_t config_read(uint32_t at, uint32_t width)
{
    if (at < VIRTIO_NET_MAC + NET_ADDRESS_BYTES) {
        virtio.wrong += width != 1;
        return address[at - VIRTIO_NET_MAC];
    }
    virtio.wrong += width != 2 || at != VIRTIO_NET_STATUS;
    return VIRTIO_NET_STATUS_LINK;
}

static struct virtio_descriptor descriptor(uint32_t queue, uint16_t head)
{
    const struct virtio_descriptor *ring = (void *)(uintptr_t)virtio.queues[queue].descriptors;

    virtio.wrong += (ring[head].flags & VIRTIO_DESCRIPTOR_NEXT) != 0; /* one holds it all */
    return ring[head];
}

static void frame_sent(uint16_t head)
{
    struct virtio_descriptor d = descriptor(VIRTIO_NET_QUEUE_SEND, head);
    const uint8_t *bytes = (const void *)(uintptr_t)d.address;

    assert_int_equal(d.flags & VIRTIO_DESCRIPTOR_WRITE, 0);
    assert_int_equal(d.length, HEADER + LENGTH);
    assert_memory_equal(bytes + HEADER, t.frame, LENGTH);
    t.sent++;
    t.sent_at = fake.now;
    fake_virtio_return(VIRTIO_NET_QUEUE_SEND, head, 0);
}

static void chain(uint32_t queue, uint16_t head)
{
    if (queue == VIRTIO_NET_QUEUE_SEND)
        frame_sent(head);
    else
        t.buffers[t.buffer_count++] = head;
}

static const struct fake_virtio_kind kind = {.read = config_read, .chain = chain};

/* A frame from the wire into a buffer that the device has. */
static void frame_come(void)
{
    struct virtio_net_header header = {.buffer_count = 1};
    uint16_t head = t.buffers[--t.buffer_count];
    struct virtio_descriptor d = descriptor(VIRTIO_NET_QUEUE_RECEIVE, head);
    uint8_t *bytes = (void *)(uintptr_t)d.address;

    virtio.wrong += !(d.flags & VIRTIO_DESCRIPTOR_WRITE) || d.length < HEADER + LENGTH;
    memcpy(bytes, &header, sizeof(header));
    memcpy(bytes + HEADER, t.frame, LENGTH);
    fake_virtio_return(VIRTIO_NET_QUEUE_RECEIVE, head, HEADER + LENGTH);
}

/* When its time is over, it is taken away, and the card's thread ends. */
static void device_step(void)
{
    fake_virtio_step();
    for (; t.waiting > 0 && t.buffer_count > 0 && !virtio.removed; t.waiting--)
        frame_come();
    if (fake.now >= t.end)
        virtio.removed = true;
}

/* ---- the card ---- */

static void received(void *context, const struct net_frame *frame)
{
    assert_ptr_equal(context, &t);
    assert_int_equal(frame->length, LENGTH);
    assert_memory_equal(net_frame_destination(frame), t.frame, NET_ADDRESS_BYTES);
    t.received++;
    t.received_at = fake.now;
}

static bool last_nic(struct nic *nic, void *context)
{
    (void)context;
    t.nic = nic;
    return true;
}

static void card_probe(void)
{
    assert_true(virtio_net_driver.match(&virtio.pci));
    assert_true(virtio_net_driver.probe(&virtio.pci));
    nic_for_each(last_nic, NULL);
    assert_non_null(t.nic);
    assert_memory_equal(t.nic->mac, address, sizeof(address));
    nic_attach(t.nic, received, &t);
    fake_virtio_step();
}

static void frame_send(void)
{
    struct net_piece rest = {.bytes = t.frame + NET_HEADER_MAX, .length = LENGTH - NET_HEADER_MAX};
    struct net_frame frame = {.header = t.frame,
                              .header_length = NET_HEADER_MAX,
                              .pieces = &rest,
                              .piece_count = 1,
                              .length = LENGTH};

    assert_int_equal(nic_transmit(t.nic, &frame), NET_TAKEN);
    fake_virtio_step();
}

/* The card's thread looks at it for some time. */
static void card_watch(void)
{
    t.end = fake.now + PATIENT;
    fake_threads_run();
    assert_true(virtio.removed && t.nic->gone);
}

static int card_make(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    for (uint32_t i = 0; i < LENGTH; i++)
        t.frame[i] = (uint8_t)(i * 7);
    t.end = UINT64_MAX;
    fake_kernel_reset();
    fake.step = device_step;
    fake_virtio_make();
    virtio.kind = &kind;
    virtio.pci.device_id = VIRTIO_PCI_NET;
    virtio.features =
        VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_INDEX | VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS;
    virtio.queue_limit = 2;
    return 0;
}

static int card_drop(void **state)
{
    (void)state;
    virtio_net_driver.remove(&virtio.pci);
    assert_int_equal(fake.live, 1); /* the card, which stays known */
    assert_int_equal(fake_pci.irqs, 0);
    fake_virtio_drop();
    assert_int_equal(virtio.wrong, 0);
    assert_int_equal(virtio.outside, 0);
    return 0;
}

/* ---- the tests ---- */

/* The first frame was heard of: only the second look finds that nothing has happened since. */
static void unheard_frame_is_told_of_again(void **state)
{
    uint32_t notified;
    uint64_t start;

    (void)state;
    card_probe();
    frame_send();
    assert_int_equal(t.sent, 1);
    virtio.deaf = 1;
    notified = virtio.notified[VIRTIO_NET_QUEUE_SEND];
    start = fake.now;
    frame_send();
    assert_int_equal(virtio.deaf, 0);
    assert_int_equal(virtio.notified[VIRTIO_NET_QUEUE_SEND], notified + 1);
    assert_int_equal(t.sent, 1);
    card_watch();
    assert_int_equal(t.sent, 2);
    assert_in_range(t.sent_at - start, LOOK_NS, 2 * LOOK_NS);
    assert_int_equal(virtio.notified[VIRTIO_NET_QUEUE_SEND], notified + 2);
}

static void unheard_buffers_are_told_of_again(void **state)
{
    uint64_t start;

    (void)state;
    virtio.deaf = 1;
    card_probe();
    assert_int_equal(virtio.deaf, 0);
    assert_int_equal(virtio.notified[VIRTIO_NET_QUEUE_RECEIVE], 1);
    assert_int_equal(t.buffer_count, 0);
    t.waiting = 3;
    start = fake.now;
    card_watch();
    assert_int_equal(t.received, 3);
    assert_true(t.received_at - start <= 2 * LOOK_NS);
    assert_int_equal(t.nic->statistics.received, 3);
}

static void device_that_hears_is_not_told_again(void **state)
{
    (void)state;
    card_probe();
    assert_int_equal(t.buffer_count, FAKE_VIRTIO_QUEUE);
    t.waiting = 1;
    frame_send();
    card_watch();
    assert_int_equal(t.sent, 1);
    assert_int_equal(t.received, 1);
    assert_int_equal(virtio.notified[VIRTIO_NET_QUEUE_SEND], 1);
}

#define CARD_TEST(name) cmocka_unit_test_setup_teardown(name, card_make, card_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CARD_TEST(unheard_frame_is_told_of_again),
        CARD_TEST(unheard_buffers_are_told_of_again),
        CARD_TEST(device_that_hears_is_not_told_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
