/* SPDX-License-Identifier: MIT */
/* storage_pair.c - see storage_pair.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hvabi/status.h>
#include "storage_pair.h"

#define ALIGNMENT 16u

struct pair pair;

/* ---- messages ---- */

static hv_status queue_put(struct pair_queue *q, const void *message, uint32_t length)
{
    struct pair_message *m = &q->messages[(q->first + q->count) % PAIR_MESSAGES];

    /* Now and then there is no room, as with the real thing. */
    if (q->count == PAIR_MESSAGES || fake_random(&pair.seed) % 5 == 0)
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
    return child_bytes(&pair.child, pages[0]);
}

static void server_unmap(void *context, void *mapping, const uint64_t *pages, uint32_t count)
{
    (void)context;
    (void)count;
    assert_ptr_equal(mapping, child_bytes(&pair.child, pages[0]));
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

static bool server_retarget(void *context, struct vmbus_channel *c, uint32_t vp)
{
    (void)context;
    (void)c;
    (void)vp;
    return true;
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
    .doorbell_retarget = server_retarget,
    .signal = server_signal,
    .allocate = allocate,
    .free = deallocate,
    .log = server_log,
};

/* ---- root's storvsp ---- */

static void storvsp_wake(struct storvsp_channel *c)
{
    struct pair_channel *p = storvsp_channel_context(c);

    p->woken = true;
}

static void storvsp_wake_bus(struct storvsp_adapter *a)
{
    assert_ptr_equal(a, pair.adapter);
    pair.bus_woken = true;
}

static bool storvsp_started(void *context, struct storvsp_channel *c)
{
    (void)context;
    channel_of(storvsp_channel_vmbus(c))->storvsp = c;
    storvsp_channel_context_set(c, channel_of(storvsp_channel_vmbus(c)));
    return true;
}

static void storvsp_stopped(void *context, struct storvsp_channel *c)
{
    struct pair_channel *p = storvsp_channel_context(c);

    (void)context;
    assert_ptr_equal(p->storvsp, c);
    p->storvsp = NULL;
}

static void storvsp_bug(const char *what)
{
    fail_msg("%s", what);
}

static const struct storvsp_port storvsp_port = {
    .pin = child_pin,
    .unpin = child_unpin,
    .copy = child_copy,
    .wake = storvsp_wake,
    .wake_bus = storvsp_wake_bus,
    .started = storvsp_started,
    .stopped = storvsp_stopped,
    .allocate = allocate,
    .free = deallocate,
    .log = server_log,
    .bug = storvsp_bug,
};

static void adapter_revoked(struct storvsp_adapter *a)
{
    assert_ptr_equal(a, pair.adapter);
    assert_false(pair.revoked);
    pair.revoked = true;
    free(a);
    pair.adapter = NULL;
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
    return CHILD_FIRST_PAGE + (uint64_t)((const uint8_t *)page - pair.child.memory) / CHILD_PAGE;
}

static const struct vmbus_client_port client_port = {
    .post = client_post, .signal = client_signal, .page_number = client_page_number};

/* ---- the child's storvsc ---- */

static void storvsc_ready(struct storvsc *s, bool ok)
{
    assert_ptr_equal(s, &pair.storvsc);
    pair.ready = true;
    pair.ready_ok = ok;
}

static void storvsc_changed(struct storvsc *s)
{
    assert_ptr_equal(s, &pair.storvsc);
    pair.changed = true;
}

static void storvsc_was_reset(struct storvsc *s, bool ok)
{
    assert_ptr_equal(s, &pair.storvsc);
    pair.reset = ok;
}

static const struct storvsc_events storvsc_events = {
    .ready = storvsc_ready, .changed = storvsc_changed, .reset = storvsc_was_reset};

static struct storvsc_channel *storvsc_of(uint32_t index)
{
    return index == 0 ? &pair.storvsc.primary : &pair.channels[index].storvsc;
}

/* ---- the child's bus ---- */

static void connected(struct vmbus_client *b, uint32_t version)
{
    assert_int_equal(version, VMBUS_VERSION_5_3);
    vmbus_client_request_offers(b);
}

static void channel_open(uint32_t index)
{
    uint8_t *rings = pair.child.memory + (size_t)index * 2 * PAIR_RING_BYTES;

    assert_true(vmbus_client_open(pair.channels[index].bus, rings, PAIR_RING_BYTES, PAIR_RING_BYTES,
                                  0, NULL));
}

static void offered(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    uint32_t index = c->channel.sub_channel_index;

    (void)b;
    assert_true(storvsc_is_ours(&c->offer.interface));
    assert_true(index < PAIR_CHANNELS);
    pair.channels[index].bus = c;
    channel_open(index);
}

static void opened(struct vmbus_client_channel *c, bool ok)
{
    uint32_t index = c->channel.sub_channel_index;
    struct pair_channel *p = &pair.channels[index];

    if (!ok)
        return;
    p->open = true;
    if (index == 0) {
        storvsc_init(&pair.storvsc, &storvsc_events, &c->channel, p->slots, PAIR_DEPTH);
        assert_true(storvsc_begin(&pair.storvsc, pair.sub_channels));
    } else {
        assert_true(
            storvsc_channel_add(&pair.storvsc, &p->storvsc, &c->channel, p->slots, PAIR_DEPTH));
    }
}

static void channel_over(uint32_t index)
{
    struct pair_channel *p = &pair.channels[index];

    if (p->open || p->ending)
        storvsc_channel_closed(storvsc_of(index));
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

static void channels_forget(void)
{
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++) {
        channel_over(i);
        pair.channels[i].bus = NULL;
    }
    pair.ready = false;
}

static void unloaded(struct vmbus_client *b)
{
    (void)b;
    channels_forget();
    pair.unloaded = true;
}

static const struct vmbus_client_events client_events = {.connected = connected,
                                                         .offered = offered,
                                                         .opened = opened,
                                                         .closed = over,
                                                         .rescinded = rescinded,
                                                         .unloaded = unloaded};

/* ---- steps: true if there was something to do ---- */

static bool step_to_server(void)
{
    struct pair_message m;

    if (!pair.server || !queue_take(&pair.to_server, &m))
        return false;
    vmbus_server_receive(pair.server, m.bytes, m.length);
    return true;
}

static bool step_to_client(void)
{
    struct pair_message m;

    if (!queue_take(&pair.to_client, &m))
        return false;
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
    if (pair.adapter)
        storvsp_service(pair.adapter);
    return true;
}

static bool step_worker(uint32_t index)
{
    struct pair_channel *p = &pair.channels[index];

    if (!p->storvsp || !p->woken)
        return false;
    p->woken = false;
    if (storvsp_channel_work(p->storvsp))
        p->woken = true;
    return true;
}

static bool step_child(uint32_t index)
{
    struct pair_channel *p = &pair.channels[index];

    if (!p->open || !p->signalled)
        return false;
    p->signalled = false;
    assert_true(storvsc_poll(storvsc_of(index)));
    return true;
}

static bool step(uint32_t which)
{
    uint32_t index = which / 8 % PAIR_CHANNELS;

    switch (which % 8) {
    case 0:
        return step_to_server();
    case 1:
        return step_to_client();
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
    uint32_t first = fake_random(&pair.seed) % (8 * PAIR_CHANNELS);

    for (uint32_t i = 0; i < 8 * PAIR_CHANNELS; i++) {
        if (step((first + i * 13) % (8 * PAIR_CHANNELS)))
            return true;
    }
    return false;
}

void pair_go_on(void)
{
    bool disk = fake_random(&pair.seed) % 3 == 0;

    if (!disk && pair_step())
        return;
    if (pair.disk.count > 0)
        disk_complete(&pair.disk, fake_random(&pair.seed) % pair.disk.count);
}

void pair_settle(void)
{
    for (;;) {
        while (pair_step())
            ;
        if (pair.disk.count == 0)
            return;
        disk_complete(&pair.disk, fake_random(&pair.seed) % pair.disk.count);
    }
}

/* ---- life ---- */

/* Root's end: a server that offers an adapter with a disk. */
static void root_make(void)
{
    static const struct storvsp_config config = {.instance = {.data1 = 7},
                                                 .queue_depth = PAIR_DEPTH / 2,
                                                 .max_transfer_bytes = 0x10000,
                                                 .backend_bytes = 16,
                                                 .sub_channel_max = PAIR_CHANNELS - 1};
    static const struct vmbus_server_limits limits = {
        .vp_count = 2, .channels = 16, .gpadls = 16, .half_built = 4, .pages = 256, .replies = 64};

    pair.server = vmbus_server_create(&server_port, NULL, &limits);
    assert_non_null(pair.server);
    pair.adapter = malloc(sizeof(*pair.adapter));
    assert_true(
        storvsp_adapter_init(pair.adapter, &storvsp_port, &pair.child, &config, adapter_revoked));
    pair.revoked = false;
    pair.disk.scsi.max_transfer_sectors = 0x10000 / 512;
    assert_true(storvsp_lun_add(pair.adapter, 0, &pair.disk.scsi, &fake_disk_backend, &pair.disk));
    assert_true(vmbus_server_offer(pair.server, &pair.adapter->offer));
}

void pair_begin(uint32_t seed, uint32_t sub_channels)
{
    memset(&pair, 0, sizeof(pair));
    pair.seed = seed * 2654435761u + 1;
    pair.sub_channels = sub_channels;
    child_make(&pair.child);
    disk_make(&pair.disk, &pair.child, PAIR_SECTORS, 512, 3);
    pair.disk.mode = DISK_WHEN_TOLD;
    root_make();
    vmbus_client_init(&pair.client, &client_port, NULL, &client_events, pair.client_channels,
                      PAIR_CHANNELS + 2);
    assert_true(pair_contact());
}

bool pair_contact(void)
{
    if (!vmbus_client_contact(&pair.client, VMBUS_VERSION_5_3, 0, NULL, NULL))
        return false;
    channels_forget();
    return true;
}

bool pair_is_up(void)
{
    return pair.channels[0].open && pair.ready && pair.ready_ok &&
           pair.storvsc.channel_count == 1 + pair.sub_channels;
}

void pair_make(uint32_t seed, uint32_t sub_channels)
{
    pair_begin(seed, sub_channels);
    pair_settle();
    assert_true(pair_is_up());
}

static void root_drop(void)
{
    while (!vmbus_server_stop(pair.server)) {
        pair.to_server.count = 0;
        pair_settle();
    }
    vmbus_server_destroy(pair.server);
    pair.server = NULL;
    assert_true(pair.revoked);
    assert_int_equal(pair.allocated, 0);
}

void pair_move(void)
{
    size_t size = vmbus_server_state_size(pair.server);
    struct storvsp_state adapter_state;
    uint8_t *server_state = malloc(size);

    assert_null(storvsp_save(pair.adapter, &adapter_state));
    assert_null(vmbus_server_save(pair.server, server_state, size));
    root_drop();
    root_make();
    assert_null(storvsp_restore(pair.adapter, &adapter_state));
    assert_null(vmbus_server_restore(pair.server, server_state, size));
    free(server_state);
}

void pair_drop(void)
{
    root_drop();
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++) {
        assert_null(pair.channels[i].storvsp);
        assert_null(pair.channels[i].doorbell);
        channel_over(i);
    }
    for (uint32_t i = 0; i < PAIR_REQUESTS; i++) {
        assert_false(pair.requests[i].busy);
        assert_int_equal(pair.requests[i].done, pair.requests[i].submitted);
    }
    assert_int_equal(pair.unexpected, 0);
    disk_drop(&pair.disk);
    child_drop(&pair.child);
}

/* ---- requests ---- */

static void request_done(struct storvsc_request *request)
{
    struct pair_request *r = request->context;
    bool closed = request->status == STORVSC_STATUS_CLOSED;

    assert_ptr_equal(request, &r->request);
    assert_true(r->busy);
    r->busy = false;
    r->done++;
    if (!closed && !storvsc_succeeded(request) && pair.disk.bad_sector == UINT64_MAX &&
        !pair.disk.fail_all)
        pair.unexpected++;
}

struct pair_request *pair_request_find(void)
{
    for (uint32_t i = 0; i < PAIR_REQUESTS; i++) {
        struct pair_request *r = &pair.requests[i];

        if (r->busy)
            continue;
        for (uint32_t k = 0; k < PAIR_PAGES_EACH; k++)
            r->pages[k] = PAIR_DATA_PAGE + i * PAIR_PAGES_EACH + k;
        r->request.context = r;
        r->request.done = request_done;
        return r;
    }
    return NULL;
}

uint8_t *pair_data(const struct pair_request *r)
{
    return child_bytes(&pair.child, r->pages[0]);
}

bool pair_submit(struct pair_request *r, uint32_t channel, uint32_t bytes)
{
    struct storvsc_channel *c = storvsc_of(channel);

    storvsc_data(&r->request, r->pages, 0, bytes);
    if (!pair.channels[channel].open || !storvsc_submit(c, &r->request)) {
        if (pair.channels[channel].open)
            storvsc_flush(c);
        return false;
    }
    r->busy = true;
    r->submitted++;
    storvsc_flush(c);
    return true;
}

void pair_do(struct pair_request *r, uint32_t channel, uint32_t bytes)
{
    assert_true(pair_submit(r, channel, bytes));
    pair_settle();
    assert_false(r->busy);
}

unsigned pair_busy(void)
{
    unsigned busy = 0;

    for (uint32_t i = 0; i < PAIR_REQUESTS; i++)
        busy += pair.requests[i].busy;
    return busy;
}

void pair_close(uint32_t index)
{
    struct pair_channel *p = &pair.channels[index];

    p->open = false;
    p->ending = true;
    assert_true(vmbus_client_close(p->bus));
}

void pair_open(void)
{
    pair.ready = false;
    channel_open(0);
}
