/* SPDX-License-Identifier: MIT */
/* test_netvsc_threads.c - netvsp as netvsp.h allows it to be used: threads of the network bring
 * frames, others take the link away and give it back, while each channel has a worker and the bus
 * its own; the child is netvsc. Each of them acts only when it was woken or signalled: a wake-up
 * that is lost leaves them all waiting.
 *
 * Built a second time under ThreadSanitizer (test_netvsc_tsan). */
#include <pthread.h>
#include <rt/big_endian.h>
#include <sched.h>
#include <unistd.h>
#include "netvsc/netvsc.h"
#include "netvsp_fixture.h"

#define CHANNELS       WORLD_CHANNELS
#define SENDERS        2u
#define FLAPPERS       2u
#define UP             8u /* times longer than the link is down */
#define FLOWS          8u
#define FRAMES         20000u /* of each sender */
#define OUT            5000u  /* of the child */
#define LENGTH         200u
#define CLOSES         100u
#define REVOKES        100u
#define PRIMARY_CLOSES 5000u
#define PATIENCE       250u /* seconds: something hangs, not a slow machine */

static struct {
    struct netvsc device;
    struct netvsc_channel sub[CHANNELS]; /* but the first */
    pthread_mutex_t bus;                 /* the bus, and what is done by it */
    pthread_t threads[CHANNELS + 1 + FLAPPERS + SENDERS];
    unsigned thread_count, seen[CHANNELS];
    uint32_t next[SENDERS][FLOWS]; /* the number that a flow's next frame has at least */
    uint64_t received, sent_out;
    uint64_t went_out;        /* [a] */
    uint32_t delivering;      /* [a] senders that are not done */
    bool ready, moving, stop; /* [a] stop */
} test;

/* ---- root's threads ---- */

static bool stopping(void)
{
    return __atomic_load_n(&test.stop, __ATOMIC_ACQUIRE);
}

static void *bus_thread(void *unused)
{
    while (!stopping()) {
        pthread_mutex_lock(&test.bus);
        (void)world_service_once();
        pthread_mutex_unlock(&test.bus);
        sched_yield();
    }
    return unused;
}

/* The last channel comes and goes, by the bus: its worker is in the same thread. */
static void *worker_thread(void *context)
{
    uint32_t index = (uint32_t)(uintptr_t)context;
    bool shared = index == CHANNELS - 1;

    while (!stopping()) {
        if (shared)
            pthread_mutex_lock(&test.bus);
        (void)world_channel_work_once(index);
        if (shared)
            pthread_mutex_unlock(&test.bus);
        sched_yield();
    }
    return context;
}

static void frame_make(uint8_t *bytes, uint32_t sender, uint32_t flow, uint32_t number)
{
    memset(bytes, (int)number, LENGTH);
    memcpy(bytes, world_address, NET_ADDRESS_BYTES);
    be16_put(bytes + 12, NET_TYPE_IPV4);
    bytes[14] = 0x45;
    be16_put(bytes + 20, 0);
    bytes[23] = NET_IP_TCP;
    be32_put(bytes + 26, sender);
    be32_put(bytes + 30, flow);
    be32_put(bytes + 34, 0);
    be32_put(bytes + 60, number);
}

static void *sender_thread(void *context)
{
    uint32_t sender = (uint32_t)(uintptr_t)context;
    uint8_t bytes[LENGTH];

    for (uint32_t i = 0; i < FRAMES; i++) {
        frame_make(bytes, sender, i % FLOWS, i);
        world_receive(bytes, LENGTH);
        if (i % 16 == 0)
            sched_yield();
    }
    __atomic_fetch_sub(&test.delivering, 1, __ATOMIC_RELEASE);
    return context;
}

/* Each leaves the link up. */
static void *link_thread(void *unused)
{
    while (!stopping()) {
        netvsp_link_set(&world.device, false);
        sched_yield();
        netvsp_link_set(&world.device, true);
        for (uint32_t i = 0; i < UP; i++)
            sched_yield();
    }
    return unused;
}

static void thread_begin(void *(*run)(void *), uint32_t index)
{
    assert_int_equal(
        pthread_create(&test.threads[test.thread_count++], NULL, run, (void *)(uintptr_t)index), 0);
}

static void threads_begin(void)
{
    thread_begin(bus_thread, 0);
    for (uint32_t i = 0; i < CHANNELS; i++)
        thread_begin(worker_thread, i);
    for (uint32_t i = 0; i < FLAPPERS; i++)
        thread_begin(link_thread, i);
    test.delivering = SENDERS;
    for (uint32_t i = 0; i < SENDERS; i++)
        thread_begin(sender_thread, i);
}

static bool delivering(void)
{
    return __atomic_load_n(&test.delivering, __ATOMIC_ACQUIRE) > 0;
}

static void threads_end(void)
{
    __atomic_store_n(&test.stop, true, __ATOMIC_RELEASE);
    while (test.thread_count > 0)
        pthread_join(test.threads[--test.thread_count], NULL);
}

static void frame_out(const struct net_frame *f)
{
    (void)f;
    __atomic_fetch_add(&test.went_out, 1, __ATOMIC_SEQ_CST);
}

/* ---- the child ---- */

static struct netvsc_channel *channel(uint32_t index)
{
    return index == 0 ? &test.device.primary : &test.sub[index];
}

static void ready(struct netvsc *n, bool ok)
{
    (void)n;
    test.ready = ok;
}

/* A flow's frames keep their order, though some may be lost, unless it moves between channels. */
static void received(struct netvsc_channel *c, const struct netvsc_received *f)
{
    uint32_t sender = be32_get(f->bytes + 26), flow = be32_get(f->bytes + 30);
    uint32_t number = be32_get(f->bytes + 60);

    (void)c;
    assert_int_equal(f->length, LENGTH);
    assert_true(sender < SENDERS && flow < FLOWS);
    assert_true(test.moving || number >= test.next[sender][flow]);
    assert_int_equal(f->bytes[LENGTH - 1], (uint8_t)number);
    test.next[sender][flow] = number + 1;
    test.received++;
}

static void sent(struct netvsc *n, void *context, uint32_t status)
{
    (void)n;
    (void)context;
    assert_true(status == NVSP_STATUS_SUCCESS || status == 0);
}

static void told(struct netvsc *n, uint32_t status)
{
    (void)n;
    (void)status;
}

static void answered(struct netvsc *n, uint32_t id, uint32_t status, const uint8_t *value,
                     uint32_t length)
{
    (void)n;
    (void)id;
    (void)value;
    (void)length;
    assert_int_equal(status, RNDIS_STATUS_SUCCESS);
}

static const struct netvsc_events events = {
    .ready = ready, .received = received, .sent = sent, .link = told, .answered = answered};

/* Take what is there, if there was a signal since the last time. */
static void poll_if_signalled(uint32_t index)
{
    unsigned signals = __atomic_load_n(&world.channels[index].signals, __ATOMIC_SEQ_CST);

    if (signals == test.seen[index]) {
        sched_yield();
        return;
    }
    test.seen[index] = signals;
    assert_true(netvsc_poll(channel(index)));
}

static void poll_all(void)
{
    for (uint32_t i = 0; i < CHANNELS; i++)
        if (world.channels[i].open)
            poll_if_signalled(i);
}

static void frame_send(void)
{
    uint8_t bytes[LENGTH];
    struct netvsc_frame f = {.bytes = bytes, .length = LENGTH};

    frame_make(bytes, 0, 0, (uint32_t)test.sent_out);
    for (uint32_t i = 0; i < CHANNELS - 1 && test.sent_out < OUT; i++) {
        test.sent_out += netvsc_send(channel(i), &f);
        netvsc_flush(channel(i));
    }
}

/* ---- the tests ---- */

static void channel_begin(uint32_t index)
{
    assert_true(world_open(index));
    test.seen[index] = 0;
    world.channels[index].signals = 0;
    assert_true(netvsc_channel_add(&test.device, channel(index), &world.channels[index].child));
}

static void spread(void)
{
    static const uint32_t entries[] = {0, 1, 2, 3};
    uint8_t key[NDIS_RSS_KEY_BYTES];

    for (uint32_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(i * 37 + 11);
    assert_int_not_equal(netvsc_spread(&test.device, key, entries, 4), 0);
}

static void begin(void)
{
    struct netvsc_config config = {.version = NVSP_VERSION_6_1,
                                   .mtu = 1500,
                                   .filter = NDIS_FILTER_DIRECTED,
                                   .sub_channels = CHANNELS - 1,
                                   .receive_bytes = WORLD_RECEIVE_BYTES,
                                   .receive_gpadl = WORLD_RECEIVE,
                                   .send_bytes = WORLD_SEND_BYTES,
                                   .send_gpadl = WORLD_SEND};

    memset(&test, 0, sizeof(test));
    pthread_mutex_init(&test.bus, NULL);
    world_make(1500);
    world.send = frame_out;
    config.receive = world.buffers[WORLD_RECEIVE];
    config.send = world.buffers[WORLD_SEND];
    netvsc_init(&test.device, &events, &world.channels[0].child, &config);
    assert_true(netvsc_begin(&test.device));
    while (!test.ready) {
        world_work();
        poll_if_signalled(0);
    }
    for (uint32_t i = 1; i < CHANNELS; i++)
        channel_begin(i);
    spread();
    world_work();
    poll_all();
    alarm(PATIENCE);
}

/* With no thread left: all sections are free. */
static void assert_all_free(void)
{
    uint32_t sections = world.device.receive.section_count - NETVSP_CONTROL;
    struct netvsp_statistics before = world_statistics(), after;
    uint8_t bytes[LENGTH];

    for (uint32_t i = 0; i < sections / 2 + 1; i++) {
        frame_make(bytes, 0, 0, FRAMES + i);
        world_receive(bytes, LENGTH);
    }
    after = world_statistics();
    assert_int_equal(after.received_frames - before.received_frames, sections / 2);
    assert_int_equal(after.lost_share - before.lost_share, 1);
}

static void settle(void)
{
    do {
        world_work();
        poll_all();
    } while (world_work_once());
}

static bool link_is_up(void)
{
    struct netvsp_setup setup;

    netvsp_device_setup(&world.device, &setup);
    return setup.link;
}

/* With no thread left: the child knows that the link is up, and of the next time that it is not. */
static void assert_link_is_told(void)
{
    uint64_t lost = world_statistics().lost_no_link;
    uint8_t bytes[LENGTH];

    assert_true(link_is_up() && !test.device.link_down);
    netvsp_link_set(&world.device, false);
    settle();
    assert_true(test.device.link_down);
    frame_make(bytes, 0, 0, FRAMES);
    world_receive(bytes, LENGTH);
    assert_int_equal(world_statistics().lost_no_link, lost + 1);
    netvsp_link_set(&world.device, true);
    settle();
    assert_false(test.device.link_down);
}

static void end(void)
{
    alarm(0);
    threads_end();
    settle();
    assert_link_is_told();
    assert_all_free();
    for (uint32_t i = 0; i < CHANNELS; i++)
        assert_int_equal(channel(i)->stray, 0);
    world_drop();
    pthread_mutex_destroy(&test.bus);
}

/* Frames either way of which it is known what became of them. */
static uint64_t accounted(const struct netvsp_statistics *s)
{
    return s->received_frames + s->lost_share + s->lost_no_link + s->sent_frames;
}

static void every_frame_is_received_or_counted(void **state)
{
    struct netvsp_statistics s;

    (void)state;
    begin();
    threads_begin();
    while (delivering() || test.sent_out < OUT) {
        frame_send();
        poll_all();
    }
    do {
        s = world_statistics();
        poll_all();
    } while (accounted(&s) < SENDERS * FRAMES + OUT || test.received < s.received_frames ||
             __atomic_load_n(&test.went_out, __ATOMIC_SEQ_CST) < s.sent_frames);
    s = world_statistics();
    assert_int_equal(accounted(&s), SENDERS * FRAMES + OUT);
    assert_int_equal(test.received, s.received_frames);
    assert_int_equal(test.went_out, s.sent_frames);
    assert_true(s.received_frames > 0 && s.sent_frames > 0);
    end();
}

/* The last channel is closed and opened while frames for it come. */
static void a_channel_comes_and_goes_amidst_frames(void **state)
{
    struct world_channel *last = &world.channels[CHANNELS - 1];
    unsigned closes = 0;

    (void)state;
    begin();
    test.moving = true;
    threads_begin();
    while (delivering() || closes < CLOSES) {
        poll_all();
        pthread_mutex_lock(&test.bus);
        if (last->open && closes < CLOSES) {
            netvsc_channel_closed(channel(CHANNELS - 1));
            world_close(CHANNELS - 1);
            closes++;
        } else if (!last->open && !last->netvsp) {
            test.device.channel_count = CHANNELS - 1; /* it takes its place again */
            channel_begin(CHANNELS - 1);
        }
        pthread_mutex_unlock(&test.bus);
    }
    end();
}

/* The receive buffer is taken back and given again; the child reads nothing of it. */
static void the_buffer_comes_and_goes_amidst_frames(void **state)
{
    struct nvsp_message revoke = {.type = NVSP_RECEIVE_BUFFER_REVOKE,
                                  .revoke_id = NVSP_RECEIVE_BUFFER_ID};
    struct nvsp_message give = {.type = NVSP_RECEIVE_BUFFER,
                                .buffer = {WORLD_RECEIVE, NVSP_RECEIVE_BUFFER_ID, 0}};
    struct vmbus_packet p = {
        .type = VMBUS_PACKET_IN_BAND, .payload = &revoke, .length = sizeof(revoke)};
    unsigned revokes = 0;

    (void)state;
    begin();
    threads_begin();
    while (delivering() || revokes < REVOKES) {
        p.payload = &revoke;
        if (revokes < REVOKES && world_send_raw(0, &p)) {
            p.payload = &give;
            while (!world_send_raw(0, &p))
                sched_yield();
            revokes++;
        }
        for (uint32_t i = 0; i < CHANNELS; i++)
            world_packets_take(i);
        world.packet_count = 0;
        sched_yield();
    }
    alarm(0);
    threads_end();
    world_work();
    assert_int_equal(world.logged, 0); /* each was revoked, and there again */
    assert_int_equal(world.got[WORLD_RECEIVE], 1);
    assert_true(link_is_up());
    world_drop();
    pthread_mutex_destroy(&test.bus);
}

/* Who changes the link may have found the channel that is closed. */
static void the_primary_comes_and_goes_as_the_link_does(void **state)
{
    (void)state;
    memset(&test, 0, sizeof(test));
    world_make(1500);
    alarm(PATIENCE);
    for (uint32_t i = 0; i < FLAPPERS; i++)
        thread_begin(link_thread, i);
    for (unsigned i = 0; i < PRIMARY_CLOSES; i++) {
        world_close(0);
        while (world.channels[0].netvsp)
            (void)world_work_once();
        assert_true(world_open(0));
    }
    alarm(0);
    threads_end();
    assert_true(link_is_up());
    world_drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_is_received_or_counted),
        cmocka_unit_test(a_channel_comes_and_goes_amidst_frames),
        cmocka_unit_test(the_buffer_comes_and_goes_amidst_frames),
        cmocka_unit_test(the_primary_comes_and_goes_as_the_link_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
