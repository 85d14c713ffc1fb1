/* SPDX-License-Identifier: MIT */
/* test_netvsc.c - netvsc with a provider in the test's hand: each answer of the initialisation may
 * be a failure, and what makes no sense is counted and dropped. */
#include "fakes/test.h"
#include "netvsc/netvsc.h"

#define RING_BYTES    (4 * HV_PAGE_SIZE)
#define RECEIVE_BYTES 20000u
#define SEND_BYTES    (4 * 2048u + 5)
#define SECTION       1728u
#define STEPS         11u /* answers of an initialisation */

static struct {
    struct netvsc netvsc;
    struct vmbus_channel end, provider;
    uint8_t *rings, *receive, *send;
    bool ready, ok;
    unsigned received, sent, links, answers;
    struct netvsc_received frame; /* the last */
    uint32_t status, length;      /* of the last answer, and of the last frame sent */
    uint64_t transaction;         /* of the last packet that the provider read */
    struct nvsp_message message;  /* and what it was */
    unsigned named, completed;    /* packets with sections */
    uint32_t request;
} test;

/* ---- what the driver tells ---- */

static void ready(struct netvsc *n, bool ok)
{
    (void)n;
    assert_false(test.ready);
    test.ready = true;
    test.ok = ok;
}

static void received(struct netvsc_channel *c, const struct netvsc_received *f)
{
    (void)c;
    test.received++;
    test.frame = *f;
}

static void sent(struct netvsc *n, void *context, uint32_t status)
{
    (void)n;
    assert_ptr_equal(context, &test);
    test.sent++;
    test.status = status;
}

static void told(struct netvsc *n, uint32_t status)
{
    (void)n;
    test.links++;
    test.status = status;
}

static void answered(struct netvsc *n, uint32_t id, uint32_t status, const uint8_t *value,
                     uint32_t length)
{
    (void)n;
    (void)value;
    assert_int_equal(id, test.request);
    test.answers++;
    test.status = status;
    test.length = length;
}

static const struct netvsc_events events = {
    .ready = ready, .received = received, .sent = sent, .link = told, .answered = answered};

/* ---- the provider ---- */

static void no_signal(struct vmbus_channel *c)
{
    (void)c;
}

static bool read_next(struct vmbus_packet *p)
{
    static uint64_t buffer[512];
    bool read;

    vmbus_channel_read_begin(&test.provider);
    read = vmbus_channel_read_next(&test.provider, p, buffer, sizeof(buffer)) == VMBUS_RING_OK;
    (void)!vmbus_channel_read_end(&test.provider);
    return read;
}

/* The next packet of the driver that is no completion, which are counted; false: there is none. */
static bool read_one(void)
{
    struct vmbus_packet p;

    while (read_next(&p)) {
        if (p.type != VMBUS_PACKET_COMPLETION) {
            test.transaction = p.transaction;
            memcpy(&test.message, p.payload, sizeof(test.message));
            return true;
        }
        assert_int_equal(p.transaction, 99);
        test.completed++;
    }
    return false;
}

static void put(uint16_t type, uint64_t transaction, const void *payload, uint32_t length)
{
    struct vmbus_packet p = {
        .type = type, .transaction = transaction, .payload = payload, .length = length};

    assert_int_equal(vmbus_channel_send(&test.provider, &p), VMBUS_RING_OK);
    vmbus_channel_flush(&test.provider);
}

static void complete(const struct nvsp_message *m)
{
    put(VMBUS_PACKET_COMPLETION, test.transaction, m, sizeof(*m));
}

/* Name @count ranges of the receive buffer. */
static void sections(const struct vmbus_range *ranges, uint32_t count)
{
    struct nvsp_message m = {.type = NVSP_RNDIS};
    struct vmbus_packet p = {.type = VMBUS_PACKET_TRANSFER_PAGES,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 99,
                             .page_set = NVSP_RECEIVE_BUFFER_ID,
                             .ranges = ranges,
                             .range_count = count,
                             .ranges_length = count * 8,
                             .payload = &m,
                             .length = sizeof(m)};

    assert_int_equal(vmbus_channel_send(&test.provider, &p), VMBUS_RING_OK);
    vmbus_channel_flush(&test.provider);
    assert_true(netvsc_poll(&test.netvsc.primary));
    test.named++;
}

static void message(const void *bytes, uint32_t length)
{
    struct vmbus_range range = {.length = length};

    memcpy(test.receive, bytes, length);
    sections(&range, 1);
}

/* Answer the control message in the section that was named last. */
static void rndis_answer(bool wrong)
{
    uint8_t bytes[512] = {0};
    struct rndis_oid_request m;
    struct rndis_query_complete a = {.status = wrong ? RNDIS_STATUS_FAILURE : 0};
    struct nvsp_message done = {.type = NVSP_RNDIS_COMPLETE, .status = NVSP_STATUS_SUCCESS};

    memcpy(&m, test.send + test.message.rndis.section * 2048, sizeof(m));
    complete(&done);
    a.header.type = m.header.type | RNDIS_COMPLETE;
    a.id = m.id;
    a.length = m.oid == OID_TCP_OFFLOAD_HARDWARE ? 156 : 6;
    a.offset = 16;
    if (m.header.type != RNDIS_QUERY)
        a.length = 0;
    a.header.length = (uint32_t)sizeof(a) + a.length;
    memcpy(bytes, &a, sizeof(a));
    bytes[sizeof(a)] = m.oid == OID_TCP_OFFLOAD_HARDWARE ? NDIS_OBJECT_OFFLOAD : 2;
    message(bytes, a.header.length);
}

static void answer(bool wrong)
{
    uint32_t status = wrong ? NVSP_STATUS_FAIL : NVSP_STATUS_SUCCESS;
    struct nvsp_message m = {.type = test.message.type + 1};

    if (test.message.type == NVSP_INIT)
        m.init_complete.status = status;
    else if (test.message.type == NVSP_RECEIVE_BUFFER)
        m.receive_buffer_complete = (struct nvsp_receive_buffer_complete){
            status, 1, {0, SECTION, RECEIVE_BYTES / SECTION, 0}};
    else if (test.message.type == NVSP_SEND_BUFFER)
        m.send_buffer_complete = (struct nvsp_send_buffer_complete){status, 2048};
    else if (test.message.type == NVSP_SUB_CHANNEL)
        m = (struct nvsp_message){.type = NVSP_SUB_CHANNEL, .sub_channel = {status, 200}};
    complete(&m);
    assert_true(netvsc_poll(&test.netvsc.primary));
}

/* Answer all questions, but step @wrong with a failure. */
static void initialise(unsigned wrong)
{
    unsigned step = 0;

    assert_true(netvsc_begin(&test.netvsc));
    while (!test.ready && read_one()) {
        if (test.message.type == NVSP_NDIS_CONFIG || test.message.type == NVSP_NDIS_VERSION)
            continue;
        step++;
        if (test.message.type == NVSP_RNDIS)
            rndis_answer(step == wrong);
        else
            answer(step == wrong);
    }
    assert_true(test.ready);
    while (read_one())
        ;
}

static int setup(void **state)
{
    struct netvsc_config config = {.version = NVSP_VERSION_6_1,
                                   .mtu = 1500,
                                   .filter = 0xd,
                                   .sub_channels = 2,
                                   .receive_bytes = RECEIVE_BYTES,
                                   .send_bytes = SEND_BYTES};

    (void)state;
    memset(&test, 0, sizeof(test));
    test.rings = aligned_alloc(HV_PAGE_SIZE, 2 * RING_BYTES);
    memset(test.rings, 0, 2 * RING_BYTES);
    config.receive = test.receive = calloc(1, RECEIVE_BYTES);
    config.send = test.send = calloc(1, SEND_BYTES);
    vmbus_ring_format(test.rings);
    vmbus_ring_format(test.rings + RING_BYTES);
    test.end.signal = no_signal;
    test.provider.signal = no_signal;
    assert_true(vmbus_ring_attach_writer(&test.end.out, test.rings, RING_BYTES));
    assert_true(vmbus_ring_attach_reader(&test.end.in, test.rings + RING_BYTES, RING_BYTES));
    assert_true(vmbus_ring_attach_reader(&test.provider.in, test.rings, RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&test.provider.out, test.rings + RING_BYTES, RING_BYTES));
    netvsc_init(&test.netvsc, &events, &test.end, &config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    while (read_one())
        ;
    assert_int_equal(test.completed, test.named); /* whatever was in them */
    free(test.rings);
    free(test.receive);
    free(test.send);
    return 0;
}

/* ---- facts ---- */

static void all_is_asked_for_in_turn(void **state)
{
    (void)state;
    initialise(0);
    assert_true(test.ok);
    assert_int_equal(test.netvsc.version, NVSP_VERSION_6_1);
    assert_int_equal(test.netvsc.sub_channels, 2); /* not 200 */
    assert_int_equal(test.netvsc.section_count, 4);
    assert_int_equal(test.netvsc.primary.stray, 0);
}

/* Of a version the next older one is tried, and sub-channels can be done without. */
static void each_answer_may_be_a_failure(void **state)
{
    for (unsigned wrong = 1; wrong <= STEPS; wrong++) {
        setup(state);
        initialise(wrong);
        assert_int_equal(test.ok, wrong == 1 || wrong == 10);
        if (wrong == 1)
            assert_int_equal(test.netvsc.version, NVSP_VERSION_6);
        if (wrong == 10)
            assert_int_equal(test.netvsc.sub_channels, 0);
        teardown(state);
    }
}

static void buffer_row(uint32_t count, uint32_t offset, uint32_t size, uint32_t number)
{
    struct nvsp_message m = {
        .type = NVSP_RECEIVE_BUFFER_COMPLETE,
        .receive_buffer_complete = {NVSP_STATUS_SUCCESS, count, {offset, size, number, 0}}};

    setup(NULL);
    assert_true(netvsc_begin(&test.netvsc));
    assert_true(read_one());
    answer(false);
    while (read_one() && test.message.type != NVSP_RECEIVE_BUFFER)
        ;
    complete(&m);
    assert_true(netvsc_poll(&test.netvsc.primary));
    assert_true(test.ready && !test.ok);
    teardown(NULL);
}

static void a_receive_buffer_is_cut_within_itself(void **state)
{
    (void)state;
    buffer_row(2, 0, SECTION, 4);
    buffer_row(0, 0, SECTION, 4);
    buffer_row(1, 64, SECTION, 4);
    buffer_row(1, 0, 67, 4);
    buffer_row(1, 0, SECTION, 12);
    buffer_row(1, 0, 0xffffffff, 0xffffffff);
}

static void a_frame_is_sent_once(void **state)
{
    uint8_t bytes[100] = {0};
    struct netvsc_frame f = {.bytes = bytes, .length = sizeof(bytes), .context = &test};
    struct nvsp_message done = {.type = NVSP_RNDIS_COMPLETE, .status = NVSP_STATUS_SUCCESS};

    (void)state;
    initialise(0);
    assert_true(netvsc_send(&test.netvsc.primary, &f));
    netvsc_flush(&test.netvsc.primary);
    assert_true(read_one());
    complete(&done);
    complete(&done);
    test.transaction ^= 1ull << 32;
    complete(&done);
    test.transaction = 0;
    complete(&done);
    assert_true(netvsc_poll(&test.netvsc.primary));
    assert_int_equal(test.sent, 1);
    assert_int_equal(test.status, NVSP_STATUS_SUCCESS);
    assert_int_equal(test.netvsc.primary.stray, 3);
}

static void there_are_as_many_frames_as_sections(void **state)
{
    uint8_t bytes[2048] = {0};
    struct netvsc_frame f = {.bytes = bytes, .length = 100, .context = &test};

    (void)state;
    initialise(0);
    f.length = 2048 - 43;
    assert_false(netvsc_send(&test.netvsc.primary, &f)); /* too long */
    f.length--;
    for (unsigned i = 0; i < 4; i++)
        assert_true(netvsc_send(&test.netvsc.primary, &f));
    assert_false(netvsc_send(&test.netvsc.primary, &f));
    netvsc_channel_closed(&test.netvsc.primary);
    assert_int_equal(test.sent, 4);
    assert_int_equal(test.status, 0);
}

/* Word @at of a frame's message is @value: it is dropped. */
static void frame_row(uint32_t at, uint32_t value, bool good)
{
    struct {
        struct rndis_packet m;
        struct rndis_info info;
        uint32_t tag;
        uint8_t frame[60];
    } message_of = {.m = {.header = {RNDIS_PACKET, sizeof(message_of)},
                          .data_offset = 52,
                          .data_length = 60,
                          .info_offset = 36,
                          .info_length = 16},
                    .info = {16, RNDIS_INFO_8021Q, 12},
                    .tag = rndis_vlan_of(7)};
    uint64_t before = test.netvsc.primary.stray;
    unsigned received_before = test.received;

    memcpy((uint8_t *)&message_of + at * 4, &value, 4);
    message(&message_of, sizeof(message_of));
    assert_int_equal(test.received, received_before + good);
    assert_int_equal(test.netvsc.primary.stray, before + !good);
}

static void frames_lie_within_their_messages(void **state)
{
    (void)state;
    initialise(0);
    frame_row(2, 52, true);
    assert_int_equal(test.frame.length, 60);
    assert_int_equal(test.frame.vlan, 7);
    frame_row(1, 0, false);
    frame_row(1, 121, false);
    frame_row(1, 0xffffffff, false);
    frame_row(2, 53, false);
    frame_row(2, 0xffffffff, false);
    frame_row(3, 13, false);
    frame_row(3, 61, false);
    frame_row(3, 0xffffffff, false);
    frame_row(7, 0xffffffff, false);
    frame_row(8, 100, false);
    frame_row(11, 0, false);
    frame_row(11, 17, false);
    frame_row(13, 13, false);
    frame_row(13, 0xffffffff, false);
    frame_row(0, 3, false);
}

static void sections_lie_within_the_buffer(void **state)
{
    static const struct vmbus_range rows[] = {
        {100, RECEIVE_BYTES}, {100, 0xffffffff}, {0xffffffff, 0}, {7, 0}, {SECTION * 11 + 1, 0}};

    (void)state;
    initialise(0);
    for (uint32_t i = 0; i < 5; i++) {
        sections(&rows[i], 1);
        assert_int_equal(test.netvsc.primary.stray, i + 1);
    }
    assert_int_equal(test.received, 0);
}

static void answers_and_indications_are_told(void **state)
{
    struct rndis_query_complete a = {.header = {RNDIS_QUERY | RNDIS_COMPLETE, sizeof(a)}};
    struct rndis_indicate m = {.header = {RNDIS_INDICATE_STATUS, sizeof(m)},
                               .status = RNDIS_STATUS_MEDIA_DISCONNECT};

    (void)state;
    initialise(0);
    test.request = netvsc_query(&test.netvsc, OID_GEN_LINK_SPEED, NULL, 0);
    assert_int_not_equal(test.request, 0);
    a.id = test.request;
    message(&a, sizeof(a));
    assert_int_equal(test.answers, 1);
    a.length = 1; /* it is not there */
    a.offset = 16;
    message(&a, sizeof(a));
    a.offset = 0xffffffff;
    message(&a, sizeof(a));
    assert_int_equal(test.answers, 1);
    assert_int_equal(test.netvsc.primary.stray, 2);
    message(&m, sizeof(m));
    assert_int_equal(test.links, 1);
    assert_int_equal(test.netvsc.link_down, 1);
    m.header.length = 16;
    message(&m, sizeof(m));
    assert_int_equal(test.links, 1);
    assert_int_equal(test.netvsc.primary.stray, 3);
}

static void no_question_is_longer_than_its_message(void **state)
{
    static uint8_t value[NETVSC_MESSAGE_BYTES];

    (void)state;
    initialise(0);
    assert_int_equal(netvsc_set(&test.netvsc, 1, value, NETVSC_MESSAGE_BYTES - 27), 0);
    assert_int_not_equal(netvsc_set(&test.netvsc, 1, value, NETVSC_MESSAGE_BYTES - 28), 0);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(all_is_asked_for_in_turn),
        cmocka_unit_test(each_answer_may_be_a_failure),
        cmocka_unit_test(a_receive_buffer_is_cut_within_itself),
        FACT(a_frame_is_sent_once),
        FACT(there_are_as_many_frames_as_sections),
        FACT(frames_lie_within_their_messages),
        FACT(sections_lie_within_the_buffer),
        FACT(answers_and_indications_are_told),
        FACT(no_question_is_longer_than_its_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
