/* SPDX-License-Identifier: MIT */
/* test_vmbus_client.c - the guest's end of the bus and a server that is played message by message:
 * what is posted when, and what makes no sense is ignored. */
#include "fakes/test.h"

#include <hvabi/status.h>
#include <vmbus/client.h>

#define POSTS      64u
#define CHANNELS   2u
#define PAGES      100u
#define PAGE_SIZE  4096u
#define FIRST_PAGE 0x1000u /* number of memory[0] */
#define RELID      5u

struct post {
    uint32_t connection, length;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
};

static struct {
    struct vmbus_client client;
    struct vmbus_client_channel channels[CHANNELS], *channel;
    struct vmbus_client_gpadl gpadl;
    struct post posts[POSTS];
    uint32_t post_count, room;
    hv_status failure; /* of posts on connection 4 */
    uint32_t connected, version, offered, delivered, opened, refused, closed, rescinded, modified;
    uint32_t created, not_created, torndown, unloaded, signals;
    uint8_t memory[PAGES * PAGE_SIZE] __attribute__((aligned(4096)));
    struct hv_monitor_page monitor[2] __attribute__((aligned(4096)));
} t;

/* ---- the transport and the user -------------------------------------------------------------- */

static hv_status play_post(void *context, uint32_t connection, const void *message, uint32_t length)
{
    (void)context;
    if (t.failure != HV_STATUS_SUCCESS && connection == VMBUS_CONNECTION_ID_5)
        return t.failure;
    if (t.room == 0)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    t.room--;
    assert_true(t.post_count < POSTS);
    t.posts[t.post_count].connection = connection;
    t.posts[t.post_count].length = length;
    memcpy(t.posts[t.post_count++].bytes, message, length);
    return HV_STATUS_SUCCESS;
}

static void play_signal(struct vmbus_channel *c)
{
    assert_int_equal(c->connection_id, 0x2005);
    t.signals++;
}

static uint64_t play_page_number(void *context, const void *page)
{
    (void)context;
    if (page == &t.monitor[0] || page == &t.monitor[1])
        return page == &t.monitor[0] ? 0x50 : 0x51;
    return FIRST_PAGE + (uint64_t)((const uint8_t *)page - t.memory) / PAGE_SIZE;
}

static const struct vmbus_client_port port = {
    .post = play_post, .signal = play_signal, .page_number = play_page_number};

static void on_connected(struct vmbus_client *b, uint32_t version)
{
    (void)b;
    t.connected++;
    t.version = version;
}

static void on_offered(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    (void)b;
    t.offered++;
    t.channel = c;
}

static void on_delivered(struct vmbus_client *b)
{
    (void)b;
    t.delivered++;
}

static void on_opened(struct vmbus_client_channel *c, bool ok)
{
    (void)c;
    *(ok ? &t.opened : &t.refused) += 1;
}

static void on_closed(struct vmbus_client_channel *c)
{
    (void)c;
    t.closed++;
}

static void on_rescinded(struct vmbus_client_channel *c)
{
    (void)c;
    t.rescinded++;
}

static void on_modified(struct vmbus_client_channel *c, bool ok)
{
    (void)c;
    t.modified += ok;
}

static void on_created(struct vmbus_client_gpadl *g, bool ok)
{
    (void)g;
    *(ok ? &t.created : &t.not_created) += 1;
}

static void on_torndown(struct vmbus_client_gpadl *g)
{
    (void)g;
    t.torndown++;
}

static void on_unloaded(struct vmbus_client *b)
{
    (void)b;
    t.unloaded++;
}

static const struct vmbus_client_events events = {
    .connected = on_connected,
    .offered = on_offered,
    .offers_delivered = on_delivered,
    .opened = on_opened,
    .closed = on_closed,
    .rescinded = on_rescinded,
    .modified = on_modified,
    .gpadl_created = on_created,
    .gpadl_torndown = on_torndown,
    .unloaded = on_unloaded,
};

/* ---- the server, played ---------------------------------------------------------------------- */

#define RECEIVE(...) vmbus_client_receive(&t.client, &(__VA_ARGS__), sizeof(__VA_ARGS__))

static int start(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    t.room = UINT32_MAX;
    vmbus_client_init(&t.client, &port, NULL, &events, t.channels, CHANNELS);
    return 0;
}

/* The first message posted, of @type and @length, into @message. */
static void take(uint32_t type, void *message, uint32_t length)
{
    struct vmbus_message header;

    assert_true(t.post_count != 0);
    memcpy(&header, t.posts[0].bytes, sizeof(header));
    assert_int_equal(header.type, type);
    assert_int_equal(t.posts[0].length, length);
    memcpy(message, t.posts[0].bytes, length);
    t.post_count--;
    memmove(t.posts, t.posts + 1, t.post_count * sizeof(t.posts[0]));
}

static void answer_version(bool supported)
{
    RECEIVE((struct vmbus_version_response){
        .header.type = VMBUS_VERSION_RESPONSE, .supported = supported, .connection_id = 0x77});
}

static void connect_with(void *monitor_in, void *monitor_out)
{
    struct vmbus_initiate_contact contact;

    assert_true(vmbus_client_contact(&t.client, VMBUS_VERSION_5_3, 1, monitor_in, monitor_out));
    take(VMBUS_INITIATE_CONTACT, &contact, sizeof(contact));
    answer_version(true);
    assert_int_equal(t.version, VMBUS_VERSION_5_3);
}

static void offer_with(uint32_t relid, bool monitored, uint16_t sub_channel)
{
    RECEIVE((struct vmbus_offer_channel){.header.type = VMBUS_OFFER_CHANNEL,
                                         .relid = relid,
                                         .monitor_id = 37,
                                         .monitor_allocated = monitored,
                                         .dedicated_interrupt = 1,
                                         .sub_channel_index = sub_channel,
                                         .connection_id = 0x2000 | relid});
}

static void created(uint32_t id, uint32_t status)
{
    RECEIVE((struct vmbus_gpadl_created){
        .header.type = VMBUS_GPADL_CREATED, .relid = RELID, .gpadl = id, .status = status});
}

static void torndown(uint32_t id)
{
    RECEIVE((struct vmbus_gpadl_torndown){.header.type = VMBUS_GPADL_TORNDOWN, .gpadl = id});
}

static void open_result(uint32_t status)
{
    RECEIVE((struct vmbus_open_result){
        .header.type = VMBUS_OPEN_RESULT, .relid = RELID, .open_id = RELID, .status = status});
}

/* Begin to open the channel: the header of its rings is posted. The GPADL's id. */
static uint32_t open_begin(void)
{
    static const uint8_t user_data[VMBUS_USER_DATA_SIZE] = {4, 2};
    uint8_t message[28 + 4 * 8];
    struct vmbus_gpadl_header h;
    uint64_t page;

    assert_true(vmbus_client_open(t.channel, t.memory, 2 * PAGE_SIZE, 2 * PAGE_SIZE, 3, user_data));
    take(VMBUS_GPADL_HEADER, message, sizeof(message));
    memcpy(&h, message, sizeof(h));
    memcpy(&page, message + sizeof(h) + 24, sizeof(page));
    assert_int_equal(page, FIRST_PAGE + 3);
    assert_int_equal(h.relid, RELID);
    assert_int_equal(h.range_length, 8 + 32);
    assert_int_equal(h.range_count, 1);
    assert_int_equal(h.byte_count, 4 * PAGE_SIZE);
    return h.gpadl;
}

static uint32_t open_whole(void)
{
    uint32_t id = open_begin();
    struct vmbus_open_channel m;

    created(id, 0);
    take(VMBUS_OPEN_CHANNEL, &m, sizeof(m));
    assert_int_equal(m.ring_gpadl, id);
    assert_int_equal(m.downstream_page, 2);
    assert_int_equal(m.target_vp, 3);
    assert_int_equal(m.user_data[1], 2);
    open_result(0);
    assert_int_equal(t.opened, 1);
    return id;
}

static void channel_get(void)
{
    connect_with(NULL, NULL);
    offer_with(RELID, false, 0);
    assert_int_equal(t.offered, 1);
}

/* ---- contact --------------------------------------------------------------------------------- */

static void older_versions_are_tried_in_turn(void **state)
{
    static const uint32_t version[] = {VMBUS_VERSION_5_3, VMBUS_VERSION_5_2, VMBUS_VERSION_5_1,
                                       VMBUS_VERSION_5_0, VMBUS_VERSION_4_1, VMBUS_VERSION_4_0,
                                       VMBUS_VERSION_3_0, VMBUS_VERSION_2_4};
    struct vmbus_initiate_contact m;

    (void)state;
    assert_true(vmbus_client_contact(&t.client, VMBUS_VERSION_5_3, 2, NULL, NULL));
    assert_false(vmbus_client_contact(&t.client, VMBUS_VERSION_5_3, 2, NULL, NULL));
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(t.posts[0].connection, i < 4 ? 4 : 1);
        take(VMBUS_INITIATE_CONTACT, &m, sizeof(m));
        assert_int_equal(m.version, version[i]);
        assert_int_equal(m.target_vp, 2);
        assert_int_equal(m.message_sint, i < 4 ? VMBUS_SINT : 0);
        answer_version(false);
    }
    assert_int_equal(t.connected, 1);
    assert_int_equal(t.version, 0);
    assert_int_equal(t.post_count, 0);
    assert_false(vmbus_client_unload(&t.client));
}

static void connection_that_is_not_there_means_an_older_version(void **state)
{
    struct vmbus_initiate_contact m;
    struct vmbus_message request;

    (void)state;
    t.failure = HV_STATUS_INVALID_CONNECTION_ID;
    assert_true(vmbus_client_contact(&t.client, VMBUS_VERSION_5_1, 0, NULL, NULL));
    take(VMBUS_INITIATE_CONTACT, &m, sizeof(m));
    assert_int_equal(m.version, VMBUS_VERSION_4_1);
    answer_version(true);
    assert_int_equal(t.version, VMBUS_VERSION_4_1);
    vmbus_client_request_offers(&t.client);
    assert_int_equal(t.posts[0].connection, VMBUS_CONNECTION_ID); /* not the response's */
    take(VMBUS_REQUEST_OFFERS, &request, sizeof(request));
}

static void new_versions_post_where_the_server_says(void **state)
{
    struct vmbus_message m;

    (void)state;
    assert_false(vmbus_client_contact(&t.client, 0x12345678, 0, NULL, NULL));
    vmbus_client_request_offers(&t.client);
    assert_int_equal(t.post_count, 0); /* no contact yet */
    connect_with(NULL, NULL);
    vmbus_client_request_offers(&t.client);
    assert_int_equal(t.posts[0].connection, 0x77);
    take(VMBUS_REQUEST_OFFERS, &m, sizeof(m));
    RECEIVE((struct vmbus_message){.type = VMBUS_ALL_OFFERS_DELIVERED});
    assert_int_equal(t.delivered, 1);
}

/* The server says no before the next version was even tried, and more often than there are any. */
static void answers_to_no_contact_are_ignored(void **state)
{
    struct vmbus_initiate_contact contact;

    (void)state;
    assert_true(vmbus_client_contact(&t.client, VMBUS_VERSION_5_3, 0, NULL, NULL));
    take(VMBUS_INITIATE_CONTACT, &contact, sizeof(contact));
    t.room = 0;
    for (uint32_t i = 0; i < 20; i++)
        answer_version(false);
    assert_int_equal(t.connected, 0);
    t.room = UINT32_MAX;
    assert_true(vmbus_client_post_again(&t.client));
    take(VMBUS_INITIATE_CONTACT, &contact, sizeof(contact));
    assert_int_equal(contact.version, VMBUS_VERSION_5_2);
    answer_version(true);
    assert_int_equal(t.version, VMBUS_VERSION_5_2);
}

static void posts_wait_for_the_servers_buffers(void **state)
{
    struct vmbus_gpadl_body body;
    uint8_t header[28 + 26 * 8], message[16 + 28 * 8], last[16 + 6 * 8];
    uint64_t page;

    (void)state;
    channel_get();
    t.room = 1;
    assert_true(vmbus_client_gpadl_create(&t.gpadl, t.channel, t.memory, 60 * PAGE_SIZE));
    take(VMBUS_GPADL_HEADER, header, sizeof(header));
    assert_false(vmbus_client_post_again(&t.client));
    t.room = 1;
    assert_false(vmbus_client_post_again(&t.client));
    take(VMBUS_GPADL_BODY, message, sizeof(message));
    created(t.gpadl.id, 0); /* before all was said: it makes no sense */
    assert_int_equal(t.created, 0);
    t.room = UINT32_MAX;
    assert_true(vmbus_client_post_again(&t.client));
    take(VMBUS_GPADL_BODY, last, sizeof(last));
    memcpy(&body, last, sizeof(body));
    assert_int_equal(body.gpadl, t.gpadl.id);
    memcpy(&page, last + sizeof(body) + 40, sizeof(page));
    assert_int_equal(page, FIRST_PAGE + 59);
    created(t.gpadl.id, 0);
    assert_int_equal(t.created, 1);
}

static void unloading_forgets_everything(void **state)
{
    struct vmbus_message m;

    (void)state;
    channel_get();
    open_whole();
    assert_true(vmbus_client_unload(&t.client));
    take(VMBUS_UNLOAD, &m, sizeof(m));
    assert_false(vmbus_client_unload(&t.client));
    offer_with(7, false, 0);
    assert_int_equal(t.offered, 1);
    RECEIVE((struct vmbus_message){.type = VMBUS_UNLOAD_RESPONSE});
    assert_int_equal(t.unloaded, 1);
    assert_null(vmbus_client_channel_of(&t.client, RELID));
    t.offered = 0;
    channel_get();
}

/* ---- offers ---------------------------------------------------------------------------------- */

static void offers_that_cannot_be_used_are_ignored(void **state)
{
    struct vmbus_offer_channel shared = {.header.type = VMBUS_OFFER_CHANNEL, .relid = 8};

    (void)state;
    channel_get();
    offer_with(0, false, 0);
    offer_with(VMBUS_RELID_MAX + 1, false, 0);
    offer_with(UINT32_MAX, false, 0);
    offer_with(RELID, false, 0); /* it is in use */
    offer_with(7, true, 0);      /* we gave no monitor page */
    RECEIVE(shared);             /* needs an interrupt page */
    assert_int_equal(t.offered, 1);
    offer_with(7, false, 0);
    assert_int_equal(t.offered, 2);
    offer_with(9, false, 0); /* there is no memory for a third */
    assert_int_equal(t.offered, 2);
    assert_int_equal(t.client.statistics.ignored, 7);
}

static void monitored_doorbell_is_a_bit_in_the_page(void **state)
{
    struct vmbus_packet packet = {.type = VMBUS_PACKET_IN_BAND};

    (void)state;
    connect_with(&t.monitor[0], &t.monitor[1]);
    offer_with(RELID, true, 0);
    open_whole();
    assert_int_equal(vmbus_channel_send(&t.channel->channel, &packet), VMBUS_RING_OK);
    vmbus_channel_flush(&t.channel->channel);
    assert_int_equal(t.signals, 0);
    assert_int_equal(t.monitor[1].trigger_group[1].pending, 1u << (37 - 32));
}

static void contact_names_the_monitor_pages(void **state)
{
    struct vmbus_initiate_contact m;

    (void)state;
    assert_true(
        vmbus_client_contact(&t.client, VMBUS_VERSION_3_0, 0, &t.monitor[0], &t.monitor[1]));
    take(VMBUS_INITIATE_CONTACT, &m, sizeof(m));
    assert_int_equal(m.server_to_client_monitor, 0x50000);
    assert_int_equal(m.client_to_server_monitor, 0x51000);
}

static void rescinded_channel_is_released_by_its_user(void **state)
{
    struct vmbus_relid_message m, rescind = {.header.type = VMBUS_RESCIND_OFFER, .relid = RELID};

    (void)state;
    channel_get();
    assert_false(vmbus_client_release(t.channel));
    open_whole();
    RECEIVE(rescind);
    RECEIVE(rescind);
    assert_int_equal(t.rescinded, 1);
    assert_non_null(vmbus_channel_broken(&t.channel->channel));
    assert_false(vmbus_client_close(t.channel));
    offer_with(RELID, false, 0); /* not before it is released */
    assert_int_equal(t.offered, 1);
    t.room = 0;
    assert_true(vmbus_client_release(t.channel));
    t.room = UINT32_MAX;
    assert_true(vmbus_client_post_again(&t.client));
    take(VMBUS_RELID_RELEASED, &m, sizeof(m));
    assert_int_equal(m.relid, RELID);
    offer_with(RELID, false, 0);
    assert_int_equal(t.offered, 2);
}

static void closed_sub_channel_may_be_released(void **state)
{
    struct vmbus_relid_message m;

    (void)state;
    connect_with(NULL, NULL);
    offer_with(RELID, false, 1);
    assert_true(vmbus_client_release(t.channel));
    take(VMBUS_RELID_RELEASED, &m, sizeof(m));
    assert_int_equal(m.relid, RELID);
    assert_null(vmbus_client_channel_of(&t.client, RELID));
}

/* ---- channels -------------------------------------------------------------------------------- */

static void opened_channel_sends_and_is_closed(void **state)
{
    struct vmbus_packet packet = {.type = VMBUS_PACKET_IN_BAND};
    struct vmbus_gpadl_teardown teardown;
    struct vmbus_relid_message close;
    uint32_t id;

    (void)state;
    channel_get();
    id = open_whole();
    assert_ptr_equal(vmbus_client_channel_of(&t.client, RELID), t.channel);
    assert_int_equal(vmbus_channel_send(&t.channel->channel, &packet), VMBUS_RING_OK);
    vmbus_channel_flush(&t.channel->channel);
    assert_int_equal(t.signals, 1);
    torndown(id); /* nobody asked */
    assert_true(vmbus_client_close(t.channel));
    assert_false(vmbus_client_close(t.channel));
    take(VMBUS_CLOSE_CHANNEL, &close, sizeof(close));
    take(VMBUS_GPADL_TEARDOWN, &teardown, sizeof(teardown));
    assert_int_equal(teardown.gpadl, id);
    assert_int_equal(t.closed, 0);
    torndown(id);
    torndown(id);
    assert_int_equal(t.closed, 1);
}

static void sizes_that_are_no_rings_are_refused(void **state)
{
    static const uint32_t bad[] = {
        0, 4096, 4097, 8191, 8200, UINT32_MAX, UINT32_MAX - 4095, 8190u * 4096};

    (void)state;
    channel_get();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(vmbus_client_open(t.channel, t.memory, bad[i], 8192, 0, NULL));
        assert_false(vmbus_client_open(t.channel, t.memory, 8192, bad[i], 0, NULL));
    }
    assert_int_equal(t.post_count, 0);
}

static void rings_that_are_not_taken_leave_the_channel_closed(void **state)
{
    (void)state;
    channel_get();
    created(open_begin(), VMBUS_STATUS_UNSUCCESSFUL);
    assert_int_equal(t.refused, 1);
    open_whole();
}

static void channel_that_is_refused_gives_its_rings_back(void **state)
{
    struct vmbus_gpadl_teardown teardown;
    struct vmbus_open_channel m;
    uint32_t id;

    (void)state;
    channel_get();
    id = open_begin();
    created(id, 0);
    take(VMBUS_OPEN_CHANNEL, &m, sizeof(m));
    open_result(5);
    assert_int_equal(t.refused, 0); /* the server may still have the rings mapped */
    take(VMBUS_GPADL_TEARDOWN, &teardown, sizeof(teardown));
    torndown(id);
    assert_int_equal(t.refused, 1);
    open_whole();
}

static void rings_that_the_server_spoilt_are_closed_again(void **state)
{
    struct vmbus_ring_header *ring = (void *)t.memory;
    struct vmbus_gpadl_teardown teardown;
    struct vmbus_relid_message close;
    struct vmbus_open_channel m;
    uint32_t id;

    (void)state;
    channel_get();
    id = open_begin();
    created(id, 0);
    take(VMBUS_OPEN_CHANNEL, &m, sizeof(m));
    ring->read_index = 3;
    open_result(0);
    take(VMBUS_CLOSE_CHANNEL, &close, sizeof(close));
    take(VMBUS_GPADL_TEARDOWN, &teardown, sizeof(teardown));
    torndown(id);
    assert_int_equal(t.refused, 1);
    assert_int_equal(t.opened, 0);
}

static void closing_in_the_middle_of_opening(void **state)
{
    struct vmbus_gpadl_teardown teardown;
    struct vmbus_relid_message close;
    struct vmbus_open_channel m;
    uint32_t id;

    (void)state;
    channel_get();
    id = open_begin();
    assert_true(vmbus_client_close(t.channel)); /* its rings are being shared */
    assert_int_equal(t.post_count, 0);
    created(id, 0);
    take(VMBUS_GPADL_TEARDOWN, &teardown, sizeof(teardown));
    torndown(id);
    assert_int_equal(t.closed, 1);
    id = open_begin();
    assert_true(vmbus_client_close(t.channel));
    created(id, VMBUS_STATUS_UNSUCCESSFUL);
    assert_int_equal(t.closed, 2);
    id = open_begin();
    created(id, 0);
    take(VMBUS_OPEN_CHANNEL, &m, sizeof(m));
    assert_true(vmbus_client_close(t.channel)); /* the result is under way */
    open_result(0);
    take(VMBUS_CLOSE_CHANNEL, &close, sizeof(close));
    take(VMBUS_GPADL_TEARDOWN, &teardown, sizeof(teardown));
    torndown(id);
    assert_int_equal(t.closed, 3);
    assert_int_equal(t.opened + t.refused, 0);
}

static void interrupts_are_moved(void **state)
{
    struct vmbus_modify_channel m;
    struct vmbus_modify_channel_response response = {.header.type = VMBUS_MODIFY_CHANNEL_RESPONSE,
                                                     .relid = RELID};

    (void)state;
    channel_get();
    assert_false(vmbus_client_modify(t.channel, 1));
    RECEIVE(response);
    assert_int_equal(t.modified, 0);
    open_whole();
    assert_true(vmbus_client_modify(t.channel, 1));
    take(VMBUS_MODIFY_CHANNEL, &m, sizeof(m));
    assert_int_equal(m.target_vp, 1);
    RECEIVE(response);
    assert_int_equal(t.modified, 1);
}

static void other_memory_is_shared_and_taken_back(void **state)
{
    struct vmbus_gpadl_teardown teardown;

    (void)state;
    channel_get();
    assert_false(vmbus_client_gpadl_create(&t.gpadl, t.channel, t.memory, 0));
    assert_false(vmbus_client_gpadl_create(&t.gpadl, t.channel, t.memory, 100));
    assert_false(vmbus_client_gpadl_create(&t.gpadl, t.channel, t.memory, 8191u * PAGE_SIZE));
    assert_true(vmbus_client_gpadl_create(&t.gpadl, t.channel, t.memory, PAGE_SIZE));
    assert_false(vmbus_client_gpadl_teardown(&t.gpadl));
    t.post_count = 0;
    created(t.gpadl.id + 1, 0);
    created(t.gpadl.id, 0);
    created(t.gpadl.id, 0);
    assert_int_equal(t.created, 1);
    assert_true(vmbus_client_gpadl_teardown(&t.gpadl));
    take(VMBUS_GPADL_TEARDOWN, &teardown, sizeof(teardown));
    torndown(t.gpadl.id);
    assert_int_equal(t.torndown, 1);
    assert_true(vmbus_client_gpadl_create(&t.gpadl, t.channel, t.memory, PAGE_SIZE));
    created(t.gpadl.id, 1);
    assert_int_equal(t.not_created, 1);
}

/* ---- a server that makes no sense ------------------------------------------------------------ */

static void messages_of_any_length_and_type_are_survived(void **state)
{
    uint8_t *message;

    (void)state;
    channel_get();
    open_whole();
    for (uint32_t type = 0; type < 64; type++) {
        for (uint32_t length = 0; length <= VMBUS_MESSAGE_SIZE_MAX; length++) {
            message = malloc(length != 0 ? length : 1); /* no longer, for ASan */
            memset(message, 0xff, length);
            if (length >= 4)
                memset(message, 0, 4);
            if (length != 0)
                message[0] = (uint8_t)type;
            vmbus_client_receive(&t.client, message, length);
            free(message);
        }
    }
    assert_int_equal(t.offered, 1);
    assert_int_equal(t.rescinded, 0);
    assert_int_equal(t.opened, 1);
    assert_int_equal(t.unloaded + t.closed, 0);
    assert_null(vmbus_channel_broken(&t.channel->channel));
    assert_null(vmbus_client_channel_of(&t.client, UINT32_MAX));
}

#define T(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(older_versions_are_tried_in_turn),
        T(connection_that_is_not_there_means_an_older_version),
        T(new_versions_post_where_the_server_says),
        T(answers_to_no_contact_are_ignored),
        T(posts_wait_for_the_servers_buffers),
        T(unloading_forgets_everything),
        T(offers_that_cannot_be_used_are_ignored),
        T(monitored_doorbell_is_a_bit_in_the_page),
        T(contact_names_the_monitor_pages),
        T(rescinded_channel_is_released_by_its_user),
        T(closed_sub_channel_may_be_released),
        T(opened_channel_sends_and_is_closed),
        T(sizes_that_are_no_rings_are_refused),
        T(rings_that_are_not_taken_leave_the_channel_closed),
        T(channel_that_is_refused_gives_its_rings_back),
        T(rings_that_the_server_spoilt_are_closed_again),
        T(closing_in_the_middle_of_opening),
        T(interrupts_are_moved),
        T(other_memory_is_shared_and_taken_back),
        T(messages_of_any_length_and_type_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
