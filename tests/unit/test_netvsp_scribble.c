/* SPDX-License-Identifier: MIT */
/* test_netvsp_scribble.c - a child one of whose VPs writes to all that it may write to, while the
 * other sends frames and gets some, and the link comes and goes: what was decided stays decided,
 * all is contained, and each frame accounted for. */
#include <pthread.h>
#include <rt/big_endian.h>
#include <sched.h>
#include <unistd.h>
#include "netvsp_fixture.h"

#define ROUNDS  1500u
#define ENOUGH  100u /* of what comes of it, at least */
#define BROKEN  10u  /* rings, the same */
#define LENGTH  3000u
#define MSS     1400u
#define PIECES  3u /* that such a frame has then */
#define SECTION 3u /* where world_rndis() puts its messages */
#define DOWN_US 20u
#define UP_US   200u

static struct {
    pthread_mutex_t pause; /* the scribbler's, while it writes, and who changes the link */
    pthread_t scribbler, flapper;
    bool rings;   /* these too */
    bool stop;    /* [a] */
    bool waiting; /* [a] the other VP, for this one to pause */
    unsigned out; /* frames that went out */
    uint32_t seed;
} test;

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* ---- the VP that writes ---- */

static void scribble_word(uint8_t *memory, uint32_t bytes, uint32_t *seed)
{
    uint8_t *at = memory + draw(seed, bytes / 4) * 4;
    uint32_t value = draw(seed, 3) == 0 ? draw(seed, 2000) : draw(seed, 1u << 24) * 257u;

    for (uint32_t i = 0; i < 4; i++)
        __atomic_store_n(at + i, (uint8_t)(value >> 8 * i), __ATOMIC_RELAXED);
}

static void scribble_once(uint32_t *seed)
{
    uint8_t *section = world.buffers[WORLD_SEND] + SECTION * NETVSP_SEND_SECTION;

    scribble_word(section, 128, seed); /* the head of the message above all */
    scribble_word(section, NETVSP_SEND_SECTION, seed);
    scribble_word(world.ram, 4096, seed);
    scribble_word(world.buffers[WORLD_RECEIVE], WORLD_RECEIVE_BYTES / 4 * 4, seed);
    /* Mostly packets, seldom the indices, which end it all. */
    if (test.rings)
        scribble_word(world.channels[0].rings + (draw(seed, 512) == 0 ? 0 : 4096),
                      WORLD_RING_BYTES - 4096, seed);
}

/* Take the pause, but not before the other VP when it waits for that. */
static void pause_take(void)
{
    while (__atomic_load_n(&test.waiting, __ATOMIC_ACQUIRE))
        sched_yield();
    pthread_mutex_lock(&test.pause);
}

static void *scribble_thread(void *unused)
{
    uint32_t seed = 5;

    while (!__atomic_load_n(&test.stop, __ATOMIC_ACQUIRE)) {
        pause_take();
        for (uint32_t i = 0; i < 50; i++)
            scribble_once(&seed);
        pthread_mutex_unlock(&test.pause);
    }
    return unused;
}

/* ---- the network ---- */

static void link_change(bool up, uint32_t us)
{
    pause_take();
    netvsp_link_set(&world.device, up);
    pthread_mutex_unlock(&test.pause);
    usleep(us);
}

static void *link_thread(void *unused)
{
    while (!__atomic_load_n(&test.stop, __ATOMIC_ACQUIRE)) {
        link_change(false, DOWN_US);
        link_change(true, UP_US);
    }
    return unused;
}

static void frame_out(const struct net_frame *f)
{
    uint32_t longest = net_frame_segment_max(f), bytes = f->header_length, written = 0;
    uint8_t *out = malloc(longest), header[NET_HEADER_MAX];
    struct net_cursor cursor = {0};

    assert_true(f->header_length <= NET_HEADER_MAX && longest <= NET_ETHERNET_BYTES + 1500);
    memcpy(header, f->header, f->header_length);
    for (uint32_t i = 0; i < f->piece_count; i++)
        bytes += f->pieces[i].length;
    assert_int_equal(bytes, f->length);
    for (uint32_t i = 0; i < net_frame_segments(f); i++)
        written += net_frame_write(f, &cursor, out);
    assert_true(written >= f->length);
    assert_memory_equal(header, f->header, f->header_length);
    free(out);
    test.out++;
}

static uint32_t tcp(uint8_t *bytes, uint32_t length)
{
    memset(bytes, 0x33, length);
    memcpy(bytes, world_address, NET_ADDRESS_BYTES);
    be16_put(bytes + 12, NET_TYPE_IPV4);
    bytes[14] = 0x45;
    be16_put(bytes + 16, (uint16_t)(length - 14));
    be16_put(bytes + 20, 0);
    bytes[23] = NET_IP_TCP;
    bytes[46] = 0x50;
    return length;
}

/* The frame between the two is in one sum: its pieces, or it itself. */
static void assert_accounted(const struct netvsp_statistics *a, const struct netvsp_statistics *b)
{
    uint64_t pieces = b->received_frames - a->received_frames + b->lost_share - a->lost_share +
                      b->lost_no_buffer - a->lost_no_buffer;
    uint64_t whole = b->lost_no_link - a->lost_no_link + b->lost_not_ready - a->lost_not_ready +
                     b->lost_too_long - a->lost_too_long + b->filtered - a->filtered;

    assert_true((pieces == PIECES && whole == 0) || (pieces == 0 && whole == 1));
}

static void frame_in(uint8_t *bytes)
{
    struct netvsp_statistics before = world_statistics(), after;
    struct net_offload_wish wish = {.mss = MSS};
    struct net_piece piece = {.bytes = bytes + NET_HEADER_MAX, .length = LENGTH - NET_HEADER_MAX};
    struct net_frame f = {.header = bytes,
                          .header_length = NET_HEADER_MAX,
                          .pieces = &piece,
                          .piece_count = 1,
                          .length = tcp(bytes, LENGTH)};

    assert_null(net_offload_prepare(bytes, NET_HEADER_MAX, LENGTH, &wish, &f.offload));
    netvsp_receive(&world.device, &f);
    after = world_statistics();
    assert_accounted(&before, &after);
}

static void all_complete(void)
{
    for (unsigned i = 0; i < world.packet_count && world.channels[0].open; i++) {
        struct vmbus_packet c = {.type = VMBUS_PACKET_COMPLETION,
                                 .transaction = world.packets[i].transaction};

        if (world.packets[i].type == VMBUS_PACKET_TRANSFER_PAGES)
            (void)world_send_raw(0, &c);
    }
    world.packet_count = 0;
    world_work();
}

static void begin(bool rings)
{
    memset(&test, 0, sizeof(test));
    test.rings = rings;
    test.seed = 9;
    pthread_mutex_init(&test.pause, NULL);
    world_make(1500);
    world_initialise();
    world.send = frame_out;
    assert_int_equal(pthread_create(&test.scribbler, NULL, scribble_thread, NULL), 0);
    assert_int_equal(pthread_create(&test.flapper, NULL, link_thread, NULL), 0);
}

static void threads_end(void)
{
    __atomic_store_n(&test.stop, true, __ATOMIC_RELEASE);
    pthread_join(test.scribbler, NULL);
    pthread_join(test.flapper, NULL);
}

/* With no thread left: the link is up, and frames pass either way. */
static void end(void)
{
    struct netvsp_statistics before = world_statistics(), after;
    uint8_t frame[LENGTH], message[LENGTH + 100];
    uint32_t length = world_message(message, frame, tcp(frame, LENGTH / PIECES), NULL, 0);

    frame_in(frame);
    assert_int_equal(world_rndis_pages(0, NVSP_CHANNEL_DATA, message, length, 0),
                     NVSP_STATUS_SUCCESS);
    after = world_statistics();
    assert_int_equal(after.received_frames, before.received_frames + PIECES);
    assert_int_equal(after.sent_frames, before.sent_frames + 1);
    assert_int_equal(test.out, after.sent_frames);
    world_drop();
    pthread_mutex_destroy(&test.pause);
}

/* ---- the VP that sends ---- */

/* The message in a section, which has changed when it is looked at, by ourselves if nobody else. */
static void ask_section(const uint8_t *message, uint32_t length, bool change)
{
    uint8_t *section = world.buffers[WORLD_SEND] + SECTION * NETVSP_SEND_SECTION;
    struct nvsp_message m = {.type = NVSP_RNDIS, .rndis = {NVSP_CHANNEL_DATA, SECTION, length}};

    memcpy(section, message, length);
    for (uint32_t i = 0; change && i < 3; i++)
        scribble_once(&test.seed);
    assert_non_null(world_ask(0, &m));
}

static void buffers_that_change_do_no_harm(void **state)
{
    struct {
        struct rndis_info info;
        uint32_t value;
    } lso = {{16, RNDIS_INFO_LSO, 12}, MSS | RNDIS_LSO_VERSION_2};
    uint8_t frame[LENGTH], message[LENGTH + 100];

    (void)state;
    begin(false);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t length = world_message(message, frame, tcp(frame, LENGTH), &lso, sizeof(lso));

        if (i % 2)
            ask_section(message, length, i % 4 == 1);
        else
            (void)world_rndis_pages(0, NVSP_CHANNEL_DATA, message, length, 0);
        frame_in(frame);
        world_run();
        all_complete();
        assert_true(world.channels[0].open);
    }
    assert_true(test.out > ENOUGH && world_statistics().malformed > ENOUGH);
    assert_int_equal(world_statistics().dropped, 0);
    threads_end();
    all_complete();
    end();
}

/* Any message, without a look at what comes back. */
static void send_blindly(void)
{
    struct nvsp_message m = {
        .type = NVSP_RNDIS,
        .rndis = {draw(&test.seed, 2), draw(&test.seed, 20), draw(&test.seed, 7000)}};
    struct {
        struct vmbus_range range;
        uint64_t page;
    } range = {{3000, 100}, WORLD_FIRST_PAGE + draw(&test.seed, WORLD_PAGES + 1)};
    struct vmbus_packet p = {.type = draw(&test.seed, 2) ? VMBUS_PACKET_IN_BAND
                                                         : VMBUS_PACKET_GPA_DIRECT,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = draw(&test.seed, 100),
                             .payload = &m,
                             .length = sizeof(m)};

    if (p.type == VMBUS_PACKET_GPA_DIRECT) {
        p.ranges = &range;
        p.range_count = 1;
        p.ranges_length = sizeof(range);
    }
    (void)world_send_raw(0, &p);
}

static void open_again(void)
{
    world.channels[0].deaf = false;
    world.packet_count = 0;
    assert_true(world_open(0));
    world_initialise();
}

static void reopen(void)
{
    __atomic_store_n(&test.waiting, true, __ATOMIC_RELEASE);
    pthread_mutex_lock(&test.pause);
    open_again();
    world.channels[0].broken_allowed = true;
    world.channels[0].deaf = true; /* the ring from root is sound, but not for whom to read */
    pthread_mutex_unlock(&test.pause);
    __atomic_store_n(&test.waiting, false, __ATOMIC_RELEASE);
}

static void rings_that_change_are_closed(void **state)
{
    struct world_channel *w = &world.channels[0];
    uint8_t frame[LENGTH];

    (void)state;
    begin(true);
    w->broken_allowed = true;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        world.packet_count = 0;
        send_blindly();
        scribble_once(&test.seed);
        if (i % 50 == 25) /* an index that is none */
            __atomic_store_n((uint32_t *)(void *)w->rings, draw(&test.seed, 1u << 24) | 1,
                             __ATOMIC_RELAXED);
        frame_in(frame);
        if (i % 200 == 199 && w->open)
            world_close(0); /* a child may also just have filled its ring */
        world_work();
        if (!w->netvsp)
            reopen();
    }
    assert_true(w->broken >= BROKEN);
    threads_end();
    if (w->open)
        world_close(0);
    world_work();
    open_again();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_that_change_do_no_harm),
        cmocka_unit_test(rings_that_change_are_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
