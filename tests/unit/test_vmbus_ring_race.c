/* SPDX-License-Identifier: MIT */
/* test_vmbus_ring_race.c - two threads at one ring: an honest peer loses neither packets nor
 * wake-ups, a hostile one changes the page while it is read and gets nothing but a broken ring. */
#include "fakes/test.h"
#include "vmbus_ring_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PACKETS     150000u
#define PAYLOAD_MAX 600u
#define PATIENCE    30 /* seconds: a lost wake-up, not a slow machine */
#define EDGES       400000u
#define ATTACKS     30000u
#define SOME        100u /* packets taken, rings broken: both have to occur */

static uint32_t random_next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* ---- nothing is lost ------------------------------------------------------------------------- */

/* Doorbells: each side sleeps on its own. */
struct exchange {
    struct ring_pair *ring;
    sem_t for_reader, for_writer;
    uint32_t sleeps; /* of the reader */
    bool failed;
};

static bool sleep_on(sem_t *doorbell)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    return sem_timedwait(doorbell, &until) == 0;
}

static void fill(uint8_t *payload, uint32_t length, uint32_t number)
{
    for (uint32_t i = 0; i < length; i++)
        payload[i] = (uint8_t)(number * 31 + i);
}

static bool packet_push(struct exchange *x, const struct vmbus_packet *packet)
{
    struct vmbus_ring *r = &x->ring->writer;
    enum vmbus_ring_status status;

    while ((status = vmbus_ring_write(r, packet)) == VMBUS_RING_FULL) {
        if (vmbus_ring_write_end(r))
            sem_post(&x->for_reader);
        if (!sleep_on(&x->for_writer))
            return false;
    }
    return status == VMBUS_RING_OK;
}

static void *writer_thread(void *context)
{
    struct exchange *x = context;
    uint8_t payload[PAYLOAD_MAX];
    uint32_t seed = 1;

    for (uint32_t i = 0; i < PACKETS; i++) {
        struct vmbus_packet packet = {.type = VMBUS_PACKET_IN_BAND,
                                      .transaction = i,
                                      .payload = payload,
                                      .length = random_next(&seed) % PAYLOAD_MAX};

        fill(payload, packet.length, i);
        if (!packet_push(x, &packet)) {
            x->failed = true;
            return NULL;
        }
        if (random_next(&seed) % 4 == 0 && vmbus_ring_write_end(&x->ring->writer))
            sem_post(&x->for_reader);
    }
    if (vmbus_ring_write_end(&x->ring->writer))
        sem_post(&x->for_reader);
    return NULL;
}

static void packet_check(const struct vmbus_packet *packet, uint32_t number)
{
    assert_int_equal(packet->transaction, number);
    assert_in_range(packet->length, 0, PAYLOAD_MAX + 7);
    if (packet->length >= 8) {
        uint8_t expected[PAYLOAD_MAX];

        fill(expected, packet->length - 7, number);
        assert_memory_equal(packet->payload, expected, packet->length - 7);
    }
}

/* Read what is there; true: look again. */
static bool batch_read(struct exchange *x, uint32_t *number)
{
    struct ring_pair *p = x->ring;
    struct vmbus_packet packet;
    enum vmbus_ring_status status;
    bool room, more;

    vmbus_ring_read_begin(&p->reader);
    while ((status = vmbus_ring_read(&p->reader, &packet, p->buffer, BUFFER_SIZE)) == VMBUS_RING_OK)
        packet_check(&packet, (*number)++);
    assert_int_equal(status, VMBUS_RING_EMPTY);
    more = vmbus_ring_read_end(&p->reader, &room);
    if (room)
        sem_post(&x->for_writer);
    return more;
}

static void threads_lose_neither_packets_nor_wake_ups(void **state)
{
    struct exchange x = {.ring = *state};
    pthread_t writer;
    uint32_t number = 0;

    sem_init(&x.for_reader, 0, 0);
    sem_init(&x.for_writer, 0, 0);
    pthread_create(&writer, NULL, writer_thread, &x);
    while (number < PACKETS) {
        while (batch_read(&x, &number))
            continue;
        if (number < PACKETS) {
            assert_true(sleep_on(&x.for_reader));
            x.sleeps++;
        }
    }
    pthread_join(writer, NULL);
    assert_false(x.failed);
    assert_int_equal(number, PACKETS);
    assert_in_range(x.sleeps, 1, PACKETS - 1); /* it did sleep, and batches did spare it signals */
}

/* ---- nothing is lost at the edge of a batch -------------------------------------------------- */

/* Writer and reader meet where the reader goes to sleep, or where the writer does: whoever was not
 * told waits for ever. Without either of the two fences in question this hangs within a second or
 * so. */
struct edge {
    struct ring_pair *ring;
    uint32_t taken;  /* [a] packets that the reader has read */
    bool for_reader; /* [a] doorbells */
    bool for_writer; /* [a] */
    bool failed;     /* [a] */
};

/* Spin until *@flag is set, and clear it. */
static bool flag_await(struct edge *e, bool *flag)
{
    time_t until = time(NULL) + PATIENCE;

    for (uint32_t i = 1; !__atomic_exchange_n(flag, false, __ATOMIC_SEQ_CST); i++) {
        if (i % 4096 != 0)
            continue;
        sched_yield(); /* there may be one processor only */
        if (time(NULL) > until || __atomic_load_n(&e->failed, __ATOMIC_RELAXED)) {
            __atomic_store_n(&e->failed, true, __ATOMIC_RELAXED);
            return false;
        }
    }
    return true;
}

static void pause_briefly(uint32_t *seed)
{
    for (uint32_t i = random_next(seed) % 64; i != 0; i--)
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static bool edge_read(struct edge *e, uint32_t *number)
{
    struct ring_pair *p = e->ring;
    struct vmbus_packet packet;
    bool room, more;

    vmbus_ring_read_begin(&p->reader);
    while (vmbus_ring_read(&p->reader, &packet, p->buffer, BUFFER_SIZE) == VMBUS_RING_OK)
        __atomic_store_n(&e->taken, ++*number, __ATOMIC_RELEASE);
    more = vmbus_ring_read_end(&p->reader, &room);
    if (room)
        __atomic_store_n(&e->for_writer, true, __ATOMIC_SEQ_CST);
    return more;
}

static void *edge_reader(void *context)
{
    struct edge *e = context;
    uint32_t number = 0, seed = 5;

    while (number < EDGES && !__atomic_load_n(&e->failed, __ATOMIC_RELAXED)) {
        while (edge_read(e, &number))
            continue;
        if (number < EDGES && !flag_await(e, &e->for_reader))
            break;
        pause_briefly(&seed);
    }
    return NULL;
}

/* Wait until the reader has taken @number packets: it is about to sleep. */
static bool taken_await(struct edge *e, uint32_t number)
{
    for (uint32_t i = 1; __atomic_load_n(&e->taken, __ATOMIC_ACQUIRE) != number; i++) {
        if (__atomic_load_n(&e->failed, __ATOMIC_RELAXED))
            return false;
        if (i % 4096 == 0)
            sched_yield();
    }
    return true;
}

static bool edge_write(struct edge *e, const struct vmbus_packet *packet)
{
    struct vmbus_ring *r = &e->ring->writer;
    enum vmbus_ring_status status;

    while ((status = vmbus_ring_write(r, packet)) == VMBUS_RING_FULL)
        if (!flag_await(e, &e->for_writer))
            return false;
    if (vmbus_ring_write_end(r))
        __atomic_store_n(&e->for_reader, true, __ATOMIC_SEQ_CST);
    return status == VMBUS_RING_OK;
}

static void edges_meet(struct ring_pair *p, uint32_t length, bool in_step)
{
    static const uint8_t payload[RING_SIZE];
    struct vmbus_packet packet = {
        .type = VMBUS_PACKET_IN_BAND, .payload = payload, .length = length};
    struct edge e = {.ring = p};
    uint32_t seed = 11;
    pthread_t reader;

    pthread_create(&reader, NULL, edge_reader, &e);
    for (uint32_t i = 0; i < EDGES; i++) {
        if ((in_step && !taken_await(&e, i)) || !edge_write(&e, &packet))
            break;
        pause_briefly(&seed);
    }
    pthread_join(reader, NULL);
    assert_false(e.failed);
    assert_int_equal(e.taken, EDGES);
}

static void reader_that_goes_to_sleep_is_woken(void **state)
{
    edges_meet(*state, 8, true);
}

static void writer_that_waits_for_room_is_woken(void **state)
{
    edges_meet(*state, RING_SIZE / 2, false); /* the ring has room for one */
}

/* ---- a page that changes while it is read ---------------------------------------------------- */

struct attack {
    struct ring_pair *ring;
    uint32_t *data; /* of it: the reader's own pointer is not there while it attaches anew */
    bool stop;      /* [a] */
};

/* Values that are wrong by a little, or a lot. */
static uint32_t nasty(uint32_t *seed)
{
    static const uint32_t values[] = {0, 2, 3, 8, 9, 64, 4088, 4096, 0xffff, 0x10000, UINT32_MAX};
    uint32_t r = random_next(seed);

    return r & 1 ? values[(r >> 1) % (sizeof(values) / sizeof(values[0]))] : r >> 1;
}

static void *attacker_thread(void *context)
{
    struct attack *a = context;
    uint32_t *data = a->data, seed = 7;

    while (!__atomic_load_n(&a->stop, __ATOMIC_RELAXED)) {
        uint32_t value = nasty(&seed);

        if (random_next(&seed) % 64 == 0)
            __atomic_store_n(&a->ring->header->write_index, value, __ATOMIC_RELAXED);
        __atomic_store_n(&data[random_next(&seed) % 64], value, __ATOMIC_RELAXED);
    }
    return NULL;
}

static uint64_t sum_of(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 14695981039346656037ull;

    for (size_t i = 0; i < count; i++)
        sum = (sum ^ bytes[i]) * 1099511628211ull;
    return sum;
}

/* Everything @packet refers to is in the buffer, and ranges add up. Returns its hash. */
static uint64_t packet_walk(const struct ring_pair *p, const struct vmbus_packet *packet)
{
    const uint8_t *payload = packet->payload;
    struct vmbus_packet_range range;
    uint32_t cursor = 0, count = 0;
    uint64_t sum = sum_of(payload, packet->length);

    assert_true(payload >= p->buffer && payload + packet->length <= p->buffer + BUFFER_SIZE);
    while (vmbus_packet_next_range(packet, &cursor, &range)) {
        count++;
        if (packet->type == VMBUS_PACKET_GPA_DIRECT)
            assert_true((uint64_t)range.page_count * 4096 >= (uint64_t)range.offset + range.length);
        for (uint32_t i = 0; i < range.page_count; i++)
            sum = sum * 31 + range.pages[i];
    }
    assert_int_equal(count, packet->range_count);
    return sum;
}

/* Write a packet that is right, for the attacker to spoil. */
static void bait_put(struct ring_pair *p, uint32_t *seed)
{
    static const struct {
        struct vmbus_range range;
        uint64_t page[4];
    } one = {{4 * 4096, 0}, {1, 2, 3, 4}};
    struct vmbus_packet bait = {.type = VMBUS_PACKET_GPA_DIRECT,
                                .ranges = &one,
                                .range_count = 1,
                                .ranges_length = sizeof(one),
                                .payload = "payload",
                                .length = 8};

    bait.type = random_next(seed) & 1 ? VMBUS_PACKET_GPA_DIRECT : VMBUS_PACKET_IN_BAND;
    __atomic_store_n(&p->header->write_index, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&p->header->read_index, 0, __ATOMIC_RELAXED);
    if (vmbus_ring_attach_writer(&p->writer, p->header, RING_BYTES) &&
        vmbus_ring_write(&p->writer, &bait) == VMBUS_RING_OK)
        (void)!vmbus_ring_write_end(&p->writer);
}

static void page_that_changes_while_it_is_read_is_read_once(void **state)
{
    struct ring_pair *p = *state;
    struct attack a = {.ring = p, .data = (uint32_t *)(void *)p->reader.data};
    uint32_t seed = 3, taken = 0, broken = 0;
    time_t until = time(NULL) + PATIENCE;
    pthread_t attacker;

    pthread_create(&attacker, NULL, attacker_thread, &a);
    for (uint32_t i = 0; i < ATTACKS || ((taken < SOME || broken < SOME) && time(NULL) < until);
         i++) {
        struct vmbus_packet packet;
        bool signal;

        if (i % 1024 == 0)
            sched_yield(); /* the attacker may have no processor of its own */
        bait_put(p, &seed);
        if (!vmbus_ring_attach_reader(&p->reader, p->header, RING_BYTES))
            continue;
        vmbus_ring_read_begin(&p->reader);
        while (vmbus_ring_read(&p->reader, &packet, p->buffer, BUFFER_SIZE) == VMBUS_RING_OK) {
            uint64_t sum = packet_walk(p, &packet);

            taken++;
            assert_int_equal(packet_walk(p, &packet), sum); /* while the attacker goes on */
        }
        (void)!vmbus_ring_read_end(&p->reader, &signal);
        broken += p->reader.broken != NULL;
    }
    __atomic_store_n(&a.stop, true, __ATOMIC_RELAXED);
    pthread_join(attacker, NULL);
    assert_in_range(taken, SOME, UINT32_MAX);
    assert_in_range(broken, SOME, UINT32_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, ring_start, ring_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(threads_lose_neither_packets_nor_wake_ups),
        T(reader_that_goes_to_sleep_is_woken),
        T(writer_that_waits_for_room_is_woken),
        T(page_that_changes_while_it_is_read_is_read_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
