/* SPDX-License-Identifier: MIT */
/* vmbus_pair.c - see vmbus_pair.h. */
#include "fakes/test.h"
#include "vmbus_pair.h"

#include <hvabi/status.h>

#define RING_BYTES   (2 * WORLD_PAGE_SIZE)
#define DRIVER_PAGES 4u   /* of the client's memory for a channel's rings, from 0 on */
#define EXTRA_PAGE   600u /* of other memory that drivers share */
#define EXTRA_PAGES  60u
#define MONITOR_PAGE 700u /* and the next: what server and client signal by */
#define BUFFER_SIZE  1024u
#define WORK_A_STEP  3u

uint32_t pair_random(struct pair *p, uint32_t below)
{
    p->seed ^= p->seed << 13;
    p->seed ^= p->seed >> 17;
    p->seed ^= p->seed << 5;
    return p->seed % below;
}

/* ---- providers ------------------------------------------------------------------------------- */

static struct pair_device *device_of(const struct vmbus_offer *offer)
{
    return offer->context;
}

static bool echo_opened(struct vmbus_offer *offer, struct vmbus_channel *c,
                        const uint8_t *user_data, bool restored)
{
    struct pair_device *d = device_of(offer);
    struct echo *e = &d->echo[c->sub_channel_index];

    (void)user_data;
    assert_false(restored);
    assert_null(e->channel);
    if (pair_random(d->pair, 10) == 0)
        return false; /* the driver tries again */
    *e = (struct echo){.channel = c};
    c->context = e;
    return true;
}

static void echo_closed(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    struct echo *e = c->context;

    (void)offer;
    assert_false(e->closing);
    e->closing = true;
}

static void echo_signalled(struct vmbus_offer *offer, struct vmbus_channel *c)
{
    struct echo *e = c->context;

    (void)offer;
    e->woken = true;
}

static void echo_revoked(struct vmbus_offer *offer)
{
    struct pair_device *d = device_of(offer);

    for (uint32_t i = 0; i < ECHO_CHANNELS; i++)
        assert_null(d->echo[i].channel);
    d->offered = false;
}

static const struct vmbus_offer_operations echo_operations = {
    .opened = echo_opened,
    .closed = echo_closed,
    .signalled = echo_signalled,
    .revoked = echo_revoked,
};

void pair_offer(struct pair *p, uint32_t device)
{
    struct pair_device *d = &p->device[device];

    *d = (struct pair_device){.pair = p, .offered = true, .served = d->served};
    d->offer.instance.data1 = device;
    d->offer.sub_channel_max = device == 0 ? ECHO_CHANNELS - 1 : 0;
    d->offer.flags = device == 1 ? VMBUS_OFFER_MONITORED : 0;
    d->offer.operations = &echo_operations;
    d->offer.context = d;
    if (!vmbus_server_offer(p->world.server, &d->offer))
        d->offered = false; /* relids that are not released yet */
}

/* Take requests while there is room for their work. */
static void echo_receive(struct echo *e)
{
    static uint8_t buffer[BUFFER_SIZE] __attribute__((aligned(8)));
    struct vmbus_packet packet;
    bool again;

    do {
        vmbus_channel_read_begin(e->channel);
        while (e->count < ECHO_DEPTH && vmbus_channel_read_next(e->channel, &packet, buffer,
                                                                sizeof(buffer)) == VMBUS_RING_OK) {
            struct echo_work *w = &e->work[(e->first + e->count++) % ECHO_DEPTH];

            assert_int_equal(packet.flags, VMBUS_PACKET_FLAG_COMPLETION);
            assert_true(packet.length <= sizeof(w->payload));
            w->transaction = packet.transaction;
            w->length = packet.length;
            memcpy(w->payload, packet.payload, packet.length);
        }
        again = vmbus_channel_read_end(e->channel);
    } while (again && e->count < ECHO_DEPTH);
    e->woken = again; /* no room: it comes back by itself */
}

/* Answer up to @limit requests. */
static void echo_answer(struct echo *e, uint32_t limit)
{
    while (e->count != 0 && limit-- != 0) {
        const struct echo_work *w = &e->work[e->first];
        struct vmbus_packet packet = {.type = VMBUS_PACKET_COMPLETION,
                                      .transaction = w->transaction,
                                      .payload = w->payload,
                                      .length = w->length};

        if (vmbus_channel_send(e->channel, &packet) != VMBUS_RING_OK)
            break;
        e->first = (e->first + 1) % ECHO_DEPTH;
        e->count--;
    }
    vmbus_channel_flush(e->channel);
}

static void echo_step(struct pair_device *d, struct echo *e)
{
    struct vmbus_channel *c = e->channel;

    if (e->closing) {
        e->channel = NULL;
        vmbus_server_closed(c);
        return;
    }
    echo_receive(e);
    echo_answer(e, 1 + pair_random(d->pair, ECHO_DEPTH));
    assert_null(vmbus_channel_broken(c));
    if (c->sub_channel_index == 0 && d->offer.sub_channel_max != 0)
        vmbus_server_sub_channels(&d->offer, pair_random(d->pair, ECHO_CHANNELS));
    if (e->count != 0 && !c->out.waiting)
        e->woken = true; /* work is left, and room for its answers */
}

/* ---- drivers --------------------------------------------------------------------------------- */

static struct pair *pair_of(struct vmbus_client *b)
{
    return b->context;
}

static struct pair_driver *driver_of(struct vmbus_client_channel *c)
{
    return c->context;
}

static void driver_open(struct pair_driver *d)
{
    struct pair *p = pair_of(d->channel->client);
    uint32_t page = (uint32_t)(d - p->drivers) * DRIVER_PAGES;

    *d = (struct pair_driver){.channel = d->channel};
    assert_true(vmbus_client_open(d->channel, p->world.ram + page * WORLD_PAGE_SIZE, RING_BYTES,
                                  RING_BYTES, pair_random(p, WORLD_VPS), NULL));
}

static void driver_offered(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    struct pair *p = pair_of(b);
    struct pair_driver *d = &p->drivers[c - p->channels];

    d->channel = c;
    c->context = d;
    driver_open(d);
}

static void driver_opened(struct vmbus_client_channel *c, bool ok)
{
    struct pair_driver *d = driver_of(c);
    struct pair *p = pair_of(c->client);

    if (!ok) {
        driver_open(d);
        return;
    }
    d->open = true;
    d->woken = true;
    if (pair_random(p, 2) == 0)
        d->extra_made =
            vmbus_client_gpadl_create(&d->extra, c, p->world.ram + EXTRA_PAGE * WORLD_PAGE_SIZE,
                                      EXTRA_PAGES * WORLD_PAGE_SIZE);
}

static void driver_closed(struct vmbus_client_channel *c)
{
    struct pair *p = pair_of(c->client);

    if (c->channel.sub_channel_index != 0 && pair_random(p, 2) == 0)
        assert_true(vmbus_client_release(c));
    else
        driver_open(driver_of(c));
}

static void driver_rescinded(struct vmbus_client_channel *c)
{
    struct pair *p = pair_of(c->client);
    struct pair_driver *d = driver_of(c);
    const uint8_t *ring = p->world.ram + (size_t)(d - p->drivers) * DRIVER_PAGES * WORLD_PAGE_SIZE;

    d->open = false;
    for (uint32_t i = 0; i < DRIVER_PAGES; i++) /* it is ours alone again */
        assert_int_equal(p->world.pins[(d - p->drivers) * DRIVER_PAGES + i], 0);
    memset((uint8_t *)(uintptr_t)ring, 0x5a, DRIVER_PAGES * WORLD_PAGE_SIZE);
    assert_true(vmbus_client_release(c));
}

void pair_close(struct pair_driver *d)
{
    if (!d->open)
        return;
    d->want_close = true;
    if (d->extra_made) {
        (void)!vmbus_client_gpadl_teardown(&d->extra); /* or it is still to be created */
        return;
    }
    d->open = false;
    assert_true(vmbus_client_close(d->channel));
}

static void driver_gpadl_created(struct vmbus_client_gpadl *g, bool ok)
{
    struct pair_driver *d = driver_of(g->channel);

    d->extra_made = ok;
    if (d->want_close)
        pair_close(d);
}

static void driver_gpadl_torndown(struct vmbus_client_gpadl *g)
{
    struct pair_driver *d = driver_of(g->channel);

    d->extra_made = false;
    pair_close(d);
}

static void bus_connected(struct vmbus_client *b, uint32_t version)
{
    struct pair *p = pair_of(b);

    assert_int_not_equal(version, 0);
    p->connected = true;
    assert_int_equal(p->world.pinned, 0);
    vmbus_client_request_offers(b);
}

static void bus_unloaded(struct vmbus_client *b)
{
    struct pair *p = pair_of(b);

    p->connected = false;
    p->unloaded = true;
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
        p->drivers[i].open = false;
}

static const struct vmbus_client_events driver_events = {
    .connected = bus_connected,
    .offered = driver_offered,
    .opened = driver_opened,
    .closed = driver_closed,
    .rescinded = driver_rescinded,
    .gpadl_created = driver_gpadl_created,
    .gpadl_torndown = driver_gpadl_torndown,
    .unloaded = bus_unloaded,
};

static uint32_t request_length(uint32_t number)
{
    return number * 97 % ECHO_PAYLOAD;
}

static void driver_send(struct pair_driver *d)
{
    uint8_t payload[ECHO_PAYLOAD];

    while (d->sent < PAIR_REQUESTS) {
        struct vmbus_packet packet = {.type = VMBUS_PACKET_IN_BAND,
                                      .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                      .transaction = d->sent,
                                      .payload = payload,
                                      .length = request_length(d->sent)};

        memset(payload, (int)d->sent, sizeof(payload));
        if (vmbus_channel_send(&d->channel->channel, &packet) != VMBUS_RING_OK)
            break;
        d->sent++;
    }
    vmbus_channel_flush(&d->channel->channel);
}

static void answer_check(struct pair_driver *d, const struct vmbus_packet *packet)
{
    const uint8_t *payload = packet->payload;
    uint32_t number = (uint32_t)packet->transaction;

    assert_int_equal(packet->type, VMBUS_PACKET_COMPLETION);
    assert_true(number < d->sent && !d->answered[number]);
    assert_int_equal(packet->length, (request_length(number) + 7) / 8 * 8);
    for (uint32_t i = 0; i < request_length(number); i++)
        assert_int_equal(payload[i], number);
    d->answered[number] = true;
    d->received++;
}

static void driver_receive(struct pair_driver *d)
{
    static uint8_t buffer[BUFFER_SIZE] __attribute__((aligned(8)));
    struct vmbus_channel *c = &d->channel->channel;
    struct vmbus_packet packet;

    do {
        vmbus_channel_read_begin(c);
        while (vmbus_channel_read_next(c, &packet, buffer, sizeof(buffer)) == VMBUS_RING_OK)
            answer_check(d, &packet);
    } while (vmbus_channel_read_end(c));
    assert_null(vmbus_channel_broken(c));
}

static void driver_step(struct pair_driver *d)
{
    struct pair *p = pair_of(d->channel->client);

    d->woken = false;
    driver_receive(d);
    driver_send(d);
    if (d->received == PAIR_REQUESTS) { /* once more, from the start */
        p->device[d->channel->offer.instance.data1].served++;
        pair_close(d);
    }
}

/* ---- what travels ---------------------------------------------------------------------------- */

static hv_status client_post_mail(void *context, uint32_t connection, const void *message,
                                  uint32_t length)
{
    struct pair *p = context;
    struct world_post *m;

    assert_true(connection == VMBUS_CONNECTION_ID || connection == VMBUS_CONNECTION_ID_5);
    if (p->mail_count == MAIL_MAX || p->mail_room == 0)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    p->mail_room--;
    m = &p->mail[p->mail_count++];
    m->length = length;
    memcpy(m->bytes, message, length);
    return HV_STATUS_SUCCESS;
}

static void client_ring_doorbell(struct vmbus_channel *c)
{
    struct vmbus_client_channel *channel = container_of(c, struct vmbus_client_channel, channel);

    assert_true(c->monitor_id < 0);
    pair_of(channel->client)->rung[c->relid] = true;
}

static uint64_t client_page_number(void *context, const void *page)
{
    const struct pair *p = context;

    return (uint64_t)((const uint8_t *)page - p->world.ram) / WORLD_PAGE_SIZE;
}

static const struct vmbus_client_port client_port = {
    .post = client_post_mail,
    .signal = client_ring_doorbell,
    .page_number = client_page_number,
};

static void mail_to_server(struct pair *p)
{
    struct world_post m = p->mail[0];

    if (p->mail_count == 0)
        return;
    p->mail_count--;
    memmove(p->mail, p->mail + 1, p->mail_count * sizeof(p->mail[0]));
    world_send(&p->world, m.bytes, m.length);
}

static void mail_to_client(struct pair *p)
{
    struct world_post m = p->world.posts[0];

    if (p->world.post_count == 0)
        return;
    p->world.post_count--;
    memmove(p->world.posts, p->world.posts + 1, p->world.post_count * sizeof(p->world.posts[0]));
    vmbus_client_receive(&p->client, m.bytes, m.length);
}

static void doorbell_to_server(struct pair *p, uint32_t relid)
{
    if (!p->rung[relid])
        return;
    p->rung[relid] = false;
    if (p->world.doorbells[relid])
        vmbus_server_signalled(p->world.doorbells[relid]);
}

/* The doorbells whose bit is set in one group of the client's monitor page. */
static void group_to_server(struct pair *p, struct hv_monitor_page *page, uint32_t group)
{
    uint32_t pending =
        __atomic_exchange_n(&page->trigger_group[group].pending, 0, __ATOMIC_SEQ_CST);

    for (uint32_t relid = 1; relid <= WORLD_RELIDS; relid++) {
        struct vmbus_channel *c = p->world.doorbells[relid];
        uint32_t id = c ? (uint32_t)c->monitor_id : 0;

        if (!c || c->monitor_id < 0 || id / HV_MONITOR_TRIGGERS_PER_GROUP != group ||
            !(pending >> id % HV_MONITOR_TRIGGERS_PER_GROUP & 1))
            continue;
        p->monitored++;
        vmbus_server_signalled(c);
    }
}

/* As the hypervisor does, if the server has told it of the page. */
static void monitor_scan(struct pair *p)
{
    if (p->world.monitor[1] == 0)
        return;
    assert_int_equal(p->world.monitor[1], (MONITOR_PAGE + 1) * WORLD_PAGE_SIZE);
    for (uint32_t group = 0; group < HV_MONITOR_GROUP_COUNT; group++)
        group_to_server(p, (void *)(p->world.ram + p->world.monitor[1]), group);
}

static void doorbell_to_client(struct pair *p, uint32_t relid)
{
    struct vmbus_client_channel *c = vmbus_client_channel_of(&p->client, relid);

    if (p->world.signals[relid] == 0)
        return;
    p->world.signals[relid] = 0;
    if (c && driver_of(c) && driver_of(c)->open)
        driver_of(c)->woken = true;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void any_provider_works(struct pair *p)
{
    struct pair_device *d = &p->device[pair_random(p, PAIR_DEVICES)];
    struct echo *e = &d->echo[pair_random(p, ECHO_CHANNELS)];

    if (e->channel && (e->woken || e->closing))
        echo_step(d, e);
}

static void any_driver_works(struct pair *p)
{
    struct pair_driver *d = &p->drivers[pair_random(p, PAIR_CHANNELS)];

    if (d->open && d->woken)
        driver_step(d);
}

static void buffers_change(struct pair *p)
{
    p->world.room = pair_random(p, 4);
    (void)!vmbus_server_post_again(p->world.server);
    p->mail_room = pair_random(p, 4);
    (void)!vmbus_client_post_again(&p->client);
}

void pair_step(struct pair *p)
{
    p->steps++;
    switch (pair_random(p, 9)) {
    case 0:
    case 1:
        mail_to_server(p);
        break;
    case 2:
        mail_to_client(p);
        break;
    case 3:
        for (uint32_t i = 1; i <= WORLD_RELIDS; i++)
            if (pair_random(p, 2) == 0)
                doorbell_to_server(p, i);
        break;
    case 4:
        for (uint32_t i = 1; i <= WORLD_RELIDS; i++)
            if (pair_random(p, 2) == 0)
                doorbell_to_client(p, i);
        break;
    case 5:
        for (uint32_t i = 0; i < WORK_A_STEP; i++)
            any_provider_works(p);
        break;
    case 6:
        for (uint32_t i = 0; i < WORK_A_STEP; i++)
            any_driver_works(p);
        break;
    case 7:
        monitor_scan(p);
        break;
    default:
        buffers_change(p);
        break;
    }
}

bool pair_run(struct pair *p, bool (*done)(const struct pair *p), uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (done(p))
            return true;
        pair_step(p);
    }
    return false;
}

bool pair_served(const struct pair *p)
{
    for (uint32_t i = 0; i < PAIR_DEVICES; i++)
        if (p->device[i].offered && p->device[i].served == 0)
            return false;
    return true;
}

bool pair_unloaded(const struct pair *p)
{
    return p->unloaded;
}

bool pair_closed(const struct pair *p)
{
    for (uint32_t i = 0; i < PAIR_DEVICES; i++)
        for (uint32_t k = 0; k < ECHO_CHANNELS; k++)
            if (p->device[i].echo[k].channel)
                return false;
    return true;
}

void pair_contact(struct pair *p)
{
    static const uint32_t version[] = {VMBUS_VERSION_5_3, VMBUS_VERSION_5_0, VMBUS_VERSION_4_1,
                                       VMBUS_VERSION_2_4};

    p->connected = false;
    p->unloaded = false;
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
        p->drivers[i].open = false;
    memset(p->world.ram + MONITOR_PAGE * WORLD_PAGE_SIZE, 0, 2 * WORLD_PAGE_SIZE);
    assert_true(vmbus_client_contact(&p->client, version[pair_random(p, 4)],
                                     pair_random(p, WORLD_VPS),
                                     p->world.ram + MONITOR_PAGE * WORLD_PAGE_SIZE,
                                     p->world.ram + (MONITOR_PAGE + 1) * WORLD_PAGE_SIZE));
}

void pair_start(struct pair *p, uint32_t seed)
{
    memset(p, 0, sizeof(*p));
    world_start(&p->world);
    p->seed = seed * 2654435761u | 1;
    vmbus_client_init(&p->client, &client_port, p, &driver_events, p->channels, PAIR_CHANNELS);
    for (uint32_t i = 0; i < PAIR_DEVICES; i++)
        pair_offer(p, i);
    p->world.room = 3;
    p->mail_room = 3;
}

void pair_stop(struct pair *p)
{
    world_stop(&p->world);
}
