/* SPDX-License-Identifier: MIT */
/* netvsp_fixture.c - see netvsp_fixture.h. */
#include "netvsp_fixture.h"

#define ALIGNMENT  16u
#define PAGE       4096u
#define ROUNDS_MAX 1000000u

struct world world;
const uint8_t world_address[NET_ADDRESS_BYTES] = {0x02, 0x15, 0x5d, 1, 2, 3};

/* ---- the bus ---- */

uint32_t vmbus_server_sub_channels(struct vmbus_offer *offer, uint32_t count)
{
    assert_ptr_equal(offer, &world.device.offer);
    world.sub_channels_wanted = count;
    return count < world.sub_channels_room ? count : world.sub_channels_room;
}

void vmbus_server_closed(struct vmbus_channel *c)
{
    struct world_channel *w = container_of(c, struct world_channel, server);

    assert_non_null(w->netvsp);
    /* A last signal that was under way when the channel was closed. */
    world.device.offer.operations->signalled(&world.device.offer, c);
    w->closed++;
}

void vmbus_server_channel_broken(struct vmbus_channel *c)
{
    struct world_channel *w = container_of(c, struct world_channel, server);

    w->broken++;
    if (!w->open)
        return;
    w->open = false;
    world.device.offer.operations->closed(&world.device.offer, c);
}

bool vmbus_server_gpadl_get(struct vmbus_channel *c, uint32_t id, struct vmbus_gpadl_view *view)
{
    assert_ptr_equal(c, &world.channels[0].server);
    if (id >= WORLD_GPADLS || !world.buffers[id])
        return false;
    world.got[id]++;
    *view = (struct vmbus_gpadl_view){.bytes = world.buffers[id], .length = world.lengths[id]};
    return true;
}

void vmbus_server_gpadl_put(struct vmbus_channel *c, uint32_t id)
{
    assert_ptr_equal(c, &world.channels[0].server);
    assert_true(id < WORLD_GPADLS && world.got[id] > 0);
    world.got[id]--;
}

/* ---- the owner ---- */

static void frame_note(const struct net_frame *f)
{
    struct world_frame *w = &world.frames[world.frame_count];
    uint32_t pieces = 0;

    assert_true(world.frame_count < WORLD_FRAMES);
    assert_true(f->length >= NET_ETHERNET_BYTES && f->length <= NET_FRAME_MAX);
    assert_int_equal(f->header_length, f->length < NET_HEADER_MAX ? f->length : NET_HEADER_MAX);
    for (uint32_t i = 0; i < f->piece_count; i++)
        pieces += f->pieces[i].length;
    assert_int_equal(f->header_length + pieces, f->length);
    w->bytes = malloc(f->length);
    net_frame_copy(f, w->bytes);
    w->length = f->length;
    w->header_length = f->header_length;
    w->offload = f->offload;
    w->vlan = f->vlan;
    world.frame_count++;
}

static void port_send(void *context, const struct net_frame *frame)
{
    assert_ptr_equal(context, &world);
    if (world.send)
        world.send(frame);
    else
        frame_note(frame);
}

static bool page_is_ram(uint64_t page)
{
    return page >= WORLD_FIRST_PAGE && page < WORLD_FIRST_PAGE + WORLD_PAGES &&
           page != world.refuse_page;
}

static bool port_pin(void *context, const uint64_t *pages, uint32_t count, const uint8_t **at)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++) {
        if (!page_is_ram(pages[i]))
            return false;
        at[i] = world.ram + (pages[i] - WORLD_FIRST_PAGE) * PAGE;
    }
    __atomic_fetch_add(&world.pinned, count, __ATOMIC_SEQ_CST);
    return true;
}

static void port_unpin(void *context, const uint64_t *pages, uint32_t count)
{
    (void)context;
    (void)pages;
    __atomic_fetch_sub(&world.pinned, count, __ATOMIC_SEQ_CST);
}

static void port_wake(struct netvsp_channel *c)
{
    struct world_channel *w = netvsp_channel_context(c);

    assert_non_null(w);
    __atomic_store_n(&w->woken, true, __ATOMIC_SEQ_CST);
}

static void port_wake_bus(struct netvsp_device *d)
{
    assert_ptr_equal(d, &world.device);
    __atomic_store_n(&world.bus_woken, true, __ATOMIC_SEQ_CST);
}

static bool port_started(void *context, struct netvsp_channel *c)
{
    const struct vmbus_channel *v = netvsp_channel_vmbus(c);
    struct world_channel *w = &world.channels[v->sub_channel_index];

    assert_ptr_equal(context, &world);
    assert_ptr_equal(netvsp_channel_device(c), &world.device);
    if (world.no_start)
        return false;
    w->netvsp = c;
    netvsp_channel_context_set(c, w);
    return true;
}

static void port_stopped(void *context, struct netvsp_channel *c)
{
    struct world_channel *w = netvsp_channel_context(c);

    (void)context;
    assert_ptr_equal(w->netvsp, c);
    w->netvsp = NULL;
}

static void *port_allocate(void *context, size_t size)
{
    void *memory = NULL;

    (void)context;
    if (world.no_memory)
        return NULL;
    assert_int_equal(posix_memalign(&memory, ALIGNMENT, size), 0);
    memset(memory, 0, size);
    world.allocated += size;
    return memory;
}

static void port_free(void *context, void *memory, size_t size)
{
    (void)context;
    world.allocated -= size;
    free(memory);
}

static void port_log(void *context, uint32_t relid, const char *reason)
{
    (void)context;
    assert_true(relid >= 1 && relid <= WORLD_CHANNELS);
    __atomic_fetch_add(&world.logged, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&world.reason, reason, __ATOMIC_SEQ_CST);
}

static const struct netvsp_port port = {
    .send = port_send,
    .pin = port_pin,
    .unpin = port_unpin,
    .wake = port_wake,
    .wake_bus = port_wake_bus,
    .started = port_started,
    .stopped = port_stopped,
    .allocate = port_allocate,
    .free = port_free,
    .log = port_log,
};

static void revoked(struct netvsp_device *d)
{
    assert_ptr_equal(d, &world.device);
    world.revoked++;
}

/* ---- channels ---- */

static void child_signalled(struct vmbus_channel *c)
{
    __atomic_fetch_add(&container_of(c, struct world_channel, server)->signals, 1,
                       __ATOMIC_SEQ_CST);
}

static void server_signalled(struct vmbus_channel *c)
{
    struct world_channel *w = container_of(c, struct world_channel, child);

    if (w->open)
        world.device.offer.operations->signalled(&world.device.offer, &w->server);
}

static void rings_make(struct world_channel *w, uint32_t index)
{
    uint8_t *up = w->rings, *down = w->rings + WORLD_RING_BYTES;

    memset(w->rings, 0, 2 * WORLD_RING_BYTES);
    vmbus_ring_format(up);
    vmbus_ring_format(down);
    memset(&w->server, 0, sizeof(w->server));
    memset(&w->child, 0, sizeof(w->child));
    w->server.relid = index + 1;
    w->server.sub_channel_index = (uint16_t)index;
    w->child.sub_channel_index = (uint16_t)index;
    w->server.signal = child_signalled;
    w->child.signal = server_signalled;
    assert_true(vmbus_ring_attach_reader(&w->server.in, up, WORLD_RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&w->server.out, down, WORLD_RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&w->child.out, up, WORLD_RING_BYTES));
    assert_true(vmbus_ring_attach_reader(&w->child.in, down, WORLD_RING_BYTES));
}

bool world_open(uint32_t index)
{
    static const uint8_t user_data[VMBUS_USER_DATA_SIZE];
    struct world_channel *w = &world.channels[index];

    assert_false(w->open);
    w->broken_allowed = false;
    rings_make(w, index);
    w->open =
        world.device.offer.operations->opened(&world.device.offer, &w->server, user_data, false);
    return w->open;
}

void world_close(uint32_t index)
{
    struct world_channel *w = &world.channels[index];

    assert_true(w->open);
    w->open = false;
    world.device.offer.operations->closed(&world.device.offer, &w->server);
}

static void buffer_make(uint32_t id, uint32_t bytes)
{
    world.buffers[id] = malloc(bytes);
    world.lengths[id] = bytes;
    memset(world.buffers[id], 0xa5, bytes);
}

void world_make(uint32_t mtu_max)
{
    struct netvsp_config config = {.mtu_max = mtu_max,
                                   .sub_channel_max = WORLD_CHANNELS - 1,
                                   .bits_per_second = 10000000000,
                                   .name = "net0"};

    memset(&world, 0, offsetof(struct world, packets));
    world.sub_channels_room = WORLD_CHANNELS - 1;
    memcpy(config.address, world_address, sizeof(world_address));
    world.ram = calloc(WORLD_PAGES, PAGE);
    buffer_make(WORLD_RECEIVE, WORLD_RECEIVE_BYTES);
    buffer_make(WORLD_SEND, WORLD_SEND_BYTES);
    buffer_make(WORLD_SMALL, WORLD_SMALL_BYTES);
    for (uint32_t i = 0; i < WORLD_CHANNELS; i++)
        assert_int_equal(
            posix_memalign((void **)&world.channels[i].rings, PAGE, 2 * WORLD_RING_BYTES), 0);
    assert_true(netvsp_device_init(&world.device, &port, &world, &config, revoked));
    assert_true(world_open(0));
}

void world_drop(void)
{
    for (uint32_t i = WORLD_CHANNELS; i-- > 0;)
        if (world.channels[i].open)
            world_close(i);
    world_work();
    for (uint32_t i = 0; i < WORLD_CHANNELS; i++) {
        assert_null(world.channels[i].netvsp);
        free(world.channels[i].rings);
    }
    for (uint32_t i = 0; i < WORLD_GPADLS; i++) {
        assert_int_equal(world.got[i], 0);
        free(world.buffers[i]);
    }
    for (uint32_t i = 0; i < world.frame_count; i++)
        free(world.frames[i].bytes);
    assert_int_equal(world.allocated, 0);
    assert_int_equal(world.pinned, 0);
    free(world.ram);
}

/* ---- running ---- */

bool world_channel_work_once(uint32_t index)
{
    struct world_channel *w = &world.channels[index];

    if (!w->netvsp || !__atomic_exchange_n(&w->woken, false, __ATOMIC_SEQ_CST))
        return false;
    if (netvsp_channel_work(w->netvsp))
        __atomic_store_n(&w->woken, true, __ATOMIC_SEQ_CST);
    return true;
}

bool world_service_once(void)
{
    if (!__atomic_exchange_n(&world.bus_woken, false, __ATOMIC_SEQ_CST))
        return false;
    netvsp_service(&world.device);
    return true;
}

bool world_work_once(void)
{
    bool worked = false;

    for (uint32_t i = 0; i < WORLD_CHANNELS; i++)
        worked |= world_channel_work_once(i);
    return world_service_once() || worked;
}

void world_work(void)
{
    for (unsigned rounds = 0; world_work_once(); rounds++)
        if (rounds == ROUNDS_MAX)
            fail_msg("somebody never rests");
}

static void packet_note(uint32_t index, const struct vmbus_packet *p)
{
    struct world_packet *w = &world.packets[world.packet_count];
    uint32_t bytes = p->length < sizeof(w->table) ? p->length : sizeof(w->table);

    assert_true(world.packet_count < WORLD_PACKETS);
    memset(w, 0, sizeof(*w));
    w->transaction = p->transaction;
    w->type = p->type;
    w->flags = p->flags;
    w->page_set = p->page_set;
    w->channel = index;
    w->length = p->length;
    memcpy(&w->table, p->payload, bytes);
    if (p->type == VMBUS_PACKET_TRANSFER_PAGES) {
        assert_true(p->range_count >= 1 && p->range_count <= 32);
        w->range_count = p->range_count;
        memcpy(w->ranges, p->ranges, p->range_count * sizeof(w->ranges[0]));
    }
    world.packet_count++;
}

static void batch_take(struct world_channel *w, uint32_t index)
{
    static uint64_t buffer[512];
    struct vmbus_packet p;
    enum vmbus_ring_status status;

    vmbus_channel_read_begin(&w->child);
    while ((status = vmbus_channel_read_next(&w->child, &p, buffer, sizeof(buffer))) ==
           VMBUS_RING_OK)
        packet_note(index, &p);
    assert_true(status == VMBUS_RING_EMPTY || w->broken_allowed);
}

void world_packets_take(uint32_t index)
{
    struct world_channel *w = &world.channels[index];

    if (!w->child.in.header || w->deaf)
        return;
    do
        batch_take(w, index);
    while (vmbus_channel_read_end(&w->child));
}

void world_run(void)
{
    unsigned before;

    do {
        before = world.packet_count;
        world_work();
        for (uint32_t i = 0; i < WORLD_CHANNELS; i++)
            world_packets_take(i);
    } while (world.packet_count != before);
}

struct netvsp_statistics world_statistics(void)
{
    struct netvsp_statistics s;

    netvsp_device_statistics(&world.device, &s);
    return s;
}

int world_setup_opened(void **state)
{
    (void)state;
    world_make(NET_MTU_MAX);
    return 0;
}

int world_setup(void **state)
{
    (void)state;
    world_make(NET_MTU_MAX);
    world_initialise();
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    world_drop();
    return 0;
}
