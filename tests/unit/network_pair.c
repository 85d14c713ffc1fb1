/* SPDX-License-Identifier: MIT */
/* network_pair.c - see network_pair.h. */
#include <hvabi/status.h>
#include <rt/big_endian.h>
#include "network_pair.h"

#define ALIGNMENT    16u
#define RINGS_PAGES  (PAIR_CHANNELS * 2 * PAIR_RING_BYTES / PAIR_PAGE)
#define RECEIVE_PAGE RINGS_PAGES
#define SEND_PAGE    (RECEIVE_PAGE + PAIR_RECEIVE_PAGES)
#define DATA_PAGE    (SEND_PAGE + PAIR_SEND_PAGES)
#define PAGES        (DATA_PAGE + PAIR_DATA_PAGES)
#define PAGED_BYTES  64u /* of a paged frame that are in its section */

struct pair pair;
const uint8_t pair_address[NET_ADDRESS_BYTES] = {0x02, 0x15, 0x5d, 9, 8, 7};

uint32_t pair_random(uint32_t below)
{
    pair.seed = pair.seed * 1664525u + 1013904223u;
    return (pair.seed >> 8) % below;
}

static uint8_t *page_bytes(uint64_t number)
{
    assert_true(number >= PAIR_FIRST_PAGE && number < PAIR_FIRST_PAGE + PAGES);
    return pair.ram + (number - PAIR_FIRST_PAGE) * PAIR_PAGE;
}

uint8_t *pair_data(void)
{
    return pair.ram + DATA_PAGE * PAIR_PAGE;
}

uint64_t pair_data_page(void)
{
    return PAIR_FIRST_PAGE + DATA_PAGE;
}

/* ---- messages ---- */

static hv_status queue_put(struct pair_queue *q, const void *message, uint32_t length)
{
    struct pair_message *m = &q->messages[(q->first + q->count) % PAIR_MESSAGES];

    /* Now and then there is no room, as with the real thing. */
    if (q->count == PAIR_MESSAGES || pair_random(5) == 0)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    assert_true(length <= sizeof(m->bytes));
    m->length = length;
    memcpy(m->bytes, message, length);
    q->count++;
    return HV_STATUS_SUCCESS;
}

static bool queue_take(struct pair_queue *q, struct pair_message *m)
{
    if (q->count == 0)
        return false;
    *m = q->messages[q->first];
    q->first = (q->first + 1) % PAIR_MESSAGES;
    q->count--;
    return true;
}

/* ---- root's transport ---- */

static hv_status server_post(void *context, uint32_t vp, const void *message, uint32_t length)
{
    (void)context;
    assert_int_equal(vp, 0);
    return queue_put(&pair.to_client, message, length);
}

static void *server_map(void *context, const uint64_t *pages, uint32_t count)
{
    (void)context;
    for (uint32_t i = 1; i < count; i++)
        assert_int_equal(pages[i], pages[0] + i);
    return page_bytes(pages[0]);
}

static void server_unmap(void *context, void *mapping, const uint64_t *pages, uint32_t count)
{
    (void)context;
    (void)count;
    assert_ptr_equal(mapping, page_bytes(pages[0]));
}

static struct pair_channel *channel_of(const struct vmbus_channel *c)
{
    assert_true(c->sub_channel_index < PAIR_CHANNELS);
    return &pair.channels[c->sub_channel_index];
}

static bool server_connect(void *context, struct vmbus_channel *c)
{
    (void)context;
    channel_of(c)->doorbell = c;
    return true;
}

static void server_disconnect(void *context, struct vmbus_channel *c)
{
    (void)context;
    channel_of(c)->doorbell = NULL;
}

static void server_signal(struct vmbus_channel *c)
{
    channel_of(c)->signalled = true;
}

static void *allocate(void *context, size_t size)
{
    void *memory = NULL;

    (void)context;
    assert_int_equal(posix_memalign(&memory, ALIGNMENT, size), 0);
    memset(memory, 0, size);
    pair.allocated += size;
    return memory;
}

static void deallocate(void *context, void *memory, size_t size)
{
    (void)context;
    pair.allocated -= size;
    free(memory);
}

static void server_log(void *context, uint32_t relid, const char *reason)
{
    (void)context;
    (void)relid;
    (void)reason;
}

static const struct vmbus_server_port server_port = {
    .post = server_post,
    .map = server_map,
    .unmap = server_unmap,
    .doorbell_connect = server_connect,
    .doorbell_disconnect = server_disconnect,
    .signal = server_signal,
    .allocate = allocate,
    .free = deallocate,
    .log = server_log,
};

/* ---- root's netvsp ---- */

static void mirror(void *context, const struct net_frame *frame)
{
    uint32_t number = be32_get(frame->header + NET_ETHERNET_BYTES);

    (void)context;
    if (!pair.raw && number < pair.frame_count)
        pair.frames[number].mirrored++;
    netvsp_receive(pair.device, frame);
}

static bool device_pin(void *context, const uint64_t *pages, uint32_t count, const uint8_t **at)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        at[i] = page_bytes(pages[i]);
    pair.pinned += count;
    return true;
}

static void device_unpin(void *context, const uint64_t *pages, uint32_t count)
{
    (void)context;
    (void)pages;
    pair.pinned -= count;
}

static void netvsp_wake(struct netvsp_channel *c)
{
    struct pair_channel *p = netvsp_channel_context(c);

    p->woken = true;
}

static void netvsp_wake_bus(struct netvsp_device *d)
{
    assert_ptr_equal(d, pair.device);
    pair.bus_woken = true;
}

static bool netvsp_started(void *context, struct netvsp_channel *c)
{
    struct pair_channel *p = channel_of(netvsp_channel_vmbus(c));

    (void)context;
    p->netvsp = c;
    netvsp_channel_context_set(c, p);
    return true;
}

static void netvsp_stopped(void *context, struct netvsp_channel *c)
{
    struct pair_channel *p = netvsp_channel_context(c);

    (void)context;
    assert_ptr_equal(p->netvsp, c);
    p->netvsp = NULL;
}

static const struct netvsp_port netvsp_port = {
    .send = mirror,
    .pin = device_pin,
    .unpin = device_unpin,
    .wake = netvsp_wake,
    .wake_bus = netvsp_wake_bus,
    .started = netvsp_started,
    .stopped = netvsp_stopped,
    .allocate = allocate,
    .free = deallocate,
    .log = server_log,
};

static void device_revoked(struct netvsp_device *d)
{
    assert_ptr_equal(d, pair.device);
    assert_false(pair.revoked);
    pair.revoked = true;
    free(d);
    pair.device = NULL;
}

/* ---- the child's transport ---- */

static hv_status client_post(void *context, uint32_t connection_id, const void *message,
                             uint32_t length)
{
    (void)context;
    (void)connection_id;
    return queue_put(&pair.to_server, message, length);
}

static void client_signal(struct vmbus_channel *c)
{
    struct vmbus_channel *doorbell = channel_of(c)->doorbell;

    if (doorbell && doorbell->connection_id == c->connection_id)
        vmbus_server_signalled(doorbell);
}

static uint64_t client_page_number(void *context, const void *page)
{
    (void)context;
    return PAIR_FIRST_PAGE + (uint64_t)((const uint8_t *)page - pair.ram) / PAIR_PAGE;
}

static const struct vmbus_client_port client_port = {
    .post = client_post, .signal = client_signal, .page_number = client_page_number};

/* ---- the child's netvsc ---- */

static void ready(struct netvsc *n, bool ok)
{
    assert_ptr_equal(n, &pair.netvsc);
    pair.ready = true;
    pair.ready_ok = ok;
}

/* Whether @bytes are those of frame @number. */
static void frame_check(const uint8_t *bytes, uint32_t number, uint32_t length)
{
    for (uint32_t i = PAIR_FRAME_HEAD; i < length; i++)
        assert_int_equal(bytes[i], (uint8_t)(number + i * 3));
}

static void received(struct netvsc_channel *c, const struct netvsc_received *f)
{
    uint32_t number = be32_get(f->bytes + NET_ETHERNET_BYTES);

    channel_of(c->vmbus)->received++;
    pair.raw_frames++;
    pair.raw_bytes += f->length;
    if (pair.raw)
        return;
    assert_true(number < pair.frame_count);
    assert_int_equal(f->length, pair.frames[number].length);
    assert_int_equal(f->vlan, pair.frames[number].vlan);
    frame_check(f->bytes, number, f->length);
    pair.frames[number].received++;
}

static void sent(struct netvsc *n, void *context, uint32_t status)
{
    struct pair_frame *f = context;

    (void)n;
    if (!f)
        return;
    /* 0: closed; what was not taken before the end is refused. */
    assert_true(status == NVSP_STATUS_SUCCESS || status == 0 || pair.ended);
    f->sent++;
}

static void link(struct netvsc *n, uint32_t status)
{
    (void)n;
    pair.links++;
    pair.link_status = status;
}

static void answered(struct netvsc *n, uint32_t id, uint32_t status, const uint8_t *value,
                     uint32_t length)
{
    (void)n;
    (void)value;
    (void)length;
    assert_int_not_equal(id, 0);
    pair.answers++;
    pair.answer_status = status;
}

static const struct netvsc_events netvsc_events = {
    .ready = ready, .received = received, .sent = sent, .link = link, .answered = answered};

struct netvsc_channel *pair_netvsc(uint32_t index)
{
    return index == 0 ? &pair.netvsc.primary : &pair.channels[index].netvsc;
}

/* ---- the child's bus ---- */

static void connected(struct vmbus_client *b, uint32_t version)
{
    assert_int_equal(version, VMBUS_VERSION_5_3);
    vmbus_client_request_offers(b);
}

static void channel_open(uint32_t index)
{
    uint8_t *rings = pair.ram + (size_t)index * 2 * PAIR_RING_BYTES;

    assert_true(vmbus_client_open(pair.channels[index].bus, rings, PAIR_RING_BYTES, PAIR_RING_BYTES,
                                  0, NULL));
}

static void offered(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    uint32_t index = c->channel.sub_channel_index;

    (void)b;
    assert_true(netvsc_is_ours(&c->offer.interface));
    assert_true(index < PAIR_CHANNELS);
    pair.channels[index].bus = c;
    channel_open(index);
}

static void buffers_share(struct vmbus_client_channel *c)
{
    pair.receive_made = false;
    pair.send_made = false;
    assert_true(vmbus_client_gpadl_create(&pair.receive, c, pair.ram + RECEIVE_PAGE * PAIR_PAGE,
                                          PAIR_RECEIVE_PAGES * PAIR_PAGE));
    assert_true(vmbus_client_gpadl_create(&pair.send, c, pair.ram + SEND_PAGE * PAIR_PAGE,
                                          PAIR_SEND_PAGES * PAIR_PAGE));
}

static void gpadl_created(struct vmbus_client_gpadl *g, bool ok)
{
    if (!ok || !pair.channels[0].open)
        return;
    pair.receive_made |= g == &pair.receive;
    pair.send_made |= g == &pair.send;
    if (!pair.receive_made || !pair.send_made)
        return;
    pair.config.receive = pair.ram + RECEIVE_PAGE * PAIR_PAGE;
    pair.config.receive_bytes = PAIR_RECEIVE_PAGES * PAIR_PAGE;
    pair.config.receive_gpadl = pair.receive.id;
    pair.config.send = pair.ram + SEND_PAGE * PAIR_PAGE;
    pair.config.send_bytes = PAIR_SEND_PAGES * PAIR_PAGE;
    pair.config.send_gpadl = pair.send.id;
    netvsc_init(&pair.netvsc, &netvsc_events, &pair.channels[0].bus->channel, &pair.config);
    assert_true(netvsc_begin(&pair.netvsc));
}

static void opened(struct vmbus_client_channel *c, bool ok)
{
    uint32_t index = c->channel.sub_channel_index;
    struct pair_channel *p = &pair.channels[index];

    if (!ok)
        return;
    p->open = true;
    if (index == 0)
        buffers_share(c);
    else
        assert_true(netvsc_channel_add(&pair.netvsc, &p->netvsc, &c->channel));
}

static void channel_over(uint32_t index)
{
    struct pair_channel *p = &pair.channels[index];

    if ((p->open || p->ending) && pair.receive_made && pair.send_made)
        netvsc_channel_closed(pair_netvsc(index));
    p->open = false;
    p->ending = false;
}

static void over(struct vmbus_client_channel *c)
{
    channel_over(c->channel.sub_channel_index);
}

static void rescinded(struct vmbus_client_channel *c)
{
    over(c);
    pair.channels[c->channel.sub_channel_index].bus = NULL;
    assert_true(vmbus_client_release(c));
}

static void unloaded(struct vmbus_client *b)
{
    (void)b;
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++) {
        channel_over(i);
        pair.channels[i].bus = NULL;
    }
    pair.ready = false;
    pair.unloaded = true;
}

static const struct vmbus_client_events client_events = {.connected = connected,
                                                         .offered = offered,
                                                         .opened = opened,
                                                         .closed = over,
                                                         .rescinded = rescinded,
                                                         .gpadl_created = gpadl_created,
                                                         .unloaded = unloaded};

/* ---- steps: true if there was something to do ---- */

static bool step_message(bool to_server)
{
    struct pair_message m;

    if (to_server && (!pair.server || !queue_take(&pair.to_server, &m)))
        return false;
    if (!to_server && !queue_take(&pair.to_client, &m))
        return false;
    if (to_server)
        vmbus_server_receive(pair.server, m.bytes, m.length);
    else
        vmbus_client_receive(&pair.client, m.bytes, m.length);
    return true;
}

static bool step_post_again(void)
{
    bool all = vmbus_client_post_again(&pair.client);

    if (pair.server)
        all = vmbus_server_post_again(pair.server) && all;
    return !all;
}

static bool step_service(void)
{
    if (!pair.bus_woken)
        return false;
    pair.bus_woken = false;
    if (pair.device)
        netvsp_service(pair.device);
    return true;
}

static bool step_worker(uint32_t index)
{
    struct pair_channel *p = &pair.channels[index];

    if (!p->netvsp || !p->woken)
        return false;
    p->woken = false;
    if (netvsp_channel_work(p->netvsp))
        p->woken = true;
    return true;
}

static bool step_child(uint32_t index)
{
    struct pair_channel *p = &pair.channels[index];

    if (!p->open || !p->signalled || !pair.receive_made || !pair.send_made)
        return false;
    p->signalled = false;
    assert_true(netvsc_poll(pair_netvsc(index)));
    return true;
}

static bool step(uint32_t which)
{
    uint32_t index = which / 8 % PAIR_CHANNELS;

    switch (which % 8) {
    case 0:
    case 1:
        return step_message(which % 8 == 0);
    case 2:
        return step_service();
    case 3:
    case 4:
        return step_worker(index);
    case 5:
    case 6:
        return step_child(index);
    default:
        return step_post_again();
    }
}

bool pair_step(void)
{
    uint32_t first = pair_random(8 * PAIR_CHANNELS);

    for (uint32_t i = 0; i < 8 * PAIR_CHANNELS; i++)
        if (step((first + i * 13) % (8 * PAIR_CHANNELS)))
            return true;
    return false;
}

void pair_settle(void)
{
    while (pair_step())
        ;
}

/* ---- life ---- */

/* Root's end: a server that offers a device. */
static void root_make(void)
{
    struct netvsp_config config = {.instance = {.data1 = 7},
                                   .mtu_max = NET_MTU_MAX,
                                   .sub_channel_max = PAIR_CHANNELS - 1,
                                   .bits_per_second = 1000000000};
    static const struct vmbus_server_limits limits = {
        .vp_count = 2, .channels = 16, .gpadls = 16, .half_built = 4, .pages = 256, .replies = 64};

    memcpy(config.address, pair_address, sizeof(pair_address));
    pair.server = vmbus_server_create(&server_port, NULL, &limits);
    assert_non_null(pair.server);
    pair.device = malloc(sizeof(*pair.device));
    assert_true(netvsp_device_init(pair.device, &netvsp_port, NULL, &config, device_revoked));
    assert_true(vmbus_server_offer(pair.server, &pair.device->offer));
}

void pair_begin(uint32_t seed, uint32_t version, uint32_t mtu, uint32_t sub_channels)
{
    memset(&pair, 0, sizeof(pair));
    pair.seed = seed * 2654435761u + 1;
    pair.config = (struct netvsc_config){.version = version,
                                         .mtu = mtu,
                                         .filter = NDIS_FILTER_DIRECTED,
                                         .sub_channels = sub_channels,
                                         .check = true};
    pair.ram = aligned_alloc(PAIR_PAGE, PAGES * PAIR_PAGE);
    memset(pair.ram, 0, PAGES * PAIR_PAGE);
    root_make();
    vmbus_client_init(&pair.client, &client_port, NULL, &client_events, pair.client_channels,
                      PAIR_CHANNELS + 2);
    assert_true(vmbus_client_contact(&pair.client, VMBUS_VERSION_5_3, 0, NULL, NULL));
}

bool pair_is_up(void)
{
    return pair.channels[0].open && pair.ready && pair.ready_ok &&
           pair.netvsc.channel_count == 1 + pair.netvsc.sub_channels;
}

void pair_make(uint32_t seed, uint32_t version, uint32_t mtu, uint32_t sub_channels)
{
    pair_begin(seed, version, mtu, sub_channels);
    pair_settle();
    assert_true(pair_is_up());
}

void pair_drop(void)
{
    while (!vmbus_server_stop(pair.server)) {
        pair.to_server.count = 0;
        pair_settle();
    }
    vmbus_server_destroy(pair.server);
    pair.server = NULL;
    assert_true(pair.revoked);
    assert_int_equal(pair.allocated, 0);
    assert_int_equal(pair.pinned, 0);
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++) {
        assert_null(pair.channels[i].netvsp);
        assert_null(pair.channels[i].doorbell);
        channel_over(i);
    }
    for (uint32_t i = 0; i < pair.frame_count; i++) {
        assert_int_equal(pair.frames[i].sent, pair.frames[i].submitted);
        assert_true(pair.frames[i].mirrored <= pair.frames[i].submitted);
        assert_true(pair.frames[i].received <= pair.frames[i].mirrored);
    }
    free(pair.ram);
}

void pair_close(bool politely)
{
    pair.ended = politely;
    if (politely && pair.ready && pair.ready_ok && netvsc_end(&pair.netvsc))
        pair_settle();
    if (pair.channels[0].open && pair.receive_made && pair.send_made) {
        (void)vmbus_client_gpadl_teardown(&pair.receive);
        (void)vmbus_client_gpadl_teardown(&pair.send);
    }
    for (uint32_t i = PAIR_CHANNELS; i-- > 0;) {
        struct pair_channel *p = &pair.channels[i];

        if (!p->bus || !vmbus_client_close(p->bus))
            continue;
        p->ending = p->open;
        p->open = false;
    }
}

void pair_open(void)
{
    pair.ready = false;
    pair.ended = false;
    channel_open(0);
}

/* ---- frames ---- */

static void frame_make(uint8_t *bytes, uint32_t number, uint32_t length)
{
    memcpy(bytes, pair_address, NET_ADDRESS_BYTES);
    memcpy(bytes + NET_ADDRESS_BYTES, pair_address, NET_ADDRESS_BYTES);
    be16_put(bytes + 12, 0x88b5);
    be32_put(bytes + NET_ETHERNET_BYTES, number);
    be32_put(bytes + NET_ETHERNET_BYTES + 4, length);
    for (uint32_t i = PAIR_FRAME_HEAD; i < length; i++)
        bytes[i] = (uint8_t)(number + i * 3);
}

bool pair_send(uint32_t index, uint32_t length, bool paged, uint16_t vlan)
{
    static uint8_t bytes[NET_ETHERNET_BYTES + NET_MTU_MAX];
    static uint64_t pages[4];
    uint64_t slot = pair.frame_count % (PAIR_DATA_PAGES / 4) * 4;
    struct pair_frame *p = &pair.frames[pair.frame_count];
    struct netvsc_frame f = {
        .bytes = bytes, .length = length, .vlan = vlan, .context = p, .page_offset = 7};

    assert_true(pair.frame_count < PAIR_FRAMES);
    if (!pair.channels[index].open)
        return false;
    frame_make(bytes, pair.frame_count, length);
    if (paged && length > PAGED_BYTES) {
        f.length = PAGED_BYTES;
        f.page_bytes = length - PAGED_BYTES;
        f.pages = pages;
        for (uint32_t i = 0; i < 4; i++)
            pages[i] = pair_data_page() + slot + i;
        memcpy(pair_data() + slot * PAIR_PAGE + 7, bytes + PAGED_BYTES, f.page_bytes);
    }
    if (!netvsc_send(pair_netvsc(index), &f)) {
        netvsc_flush(pair_netvsc(index));
        return false;
    }
    netvsc_flush(pair_netvsc(index));
    *p = (struct pair_frame){.length = length, .vlan = vlan, .submitted = 1};
    pair.frame_count++;
    return true;
}

uint32_t pair_missing(void)
{
    uint32_t missing = 0;

    for (uint32_t i = 0; i < pair.frame_count; i++) {
        assert_int_equal(pair.frames[i].sent, 1);
        missing += 1u - pair.frames[i].received;
    }
    return missing;
}

void pair_check_all_back(void)
{
    assert_int_equal(pair_missing(), 0);
}
