/* SPDX-License-Identifier: MIT */
/* storvsp_fixture.c - see storvsp_fixture.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "storvsp_fixture.h"

#define ALIGNMENT     16u
#define BACKEND_BYTES 8u

struct world world;

/* ---- the bus ---- */

uint32_t vmbus_server_sub_channels(struct vmbus_offer *offer, uint32_t count)
{
    assert_ptr_equal(offer, &world.adapter.offer);
    world.sub_channels_wanted = count;
    return count;
}

void vmbus_server_closed(struct vmbus_channel *c)
{
    struct world_channel *w = container_of(c, struct world_channel, server);

    assert_non_null(w->storvsp);
    /* A last signal that was under way when the channel was closed. */
    world.adapter.offer.operations->signalled(&world.adapter.offer, c);
    w->closed++;
}

void vmbus_server_channel_broken(struct vmbus_channel *c)
{
    struct world_channel *w = container_of(c, struct world_channel, server);

    w->broken++;
    if (!w->open)
        return;
    w->open = false;
    world.adapter.offer.operations->closed(&world.adapter.offer, c);
}

/* ---- the owner ---- */

static void port_wake(struct storvsp_channel *c)
{
    struct world_channel *w = storvsp_channel_context(c);

    assert_non_null(w);
    __atomic_store_n(&w->woken, true, __ATOMIC_SEQ_CST);
    if (world.work_in_wake)
        world_work_once();
}

static void port_wake_bus(struct storvsp_adapter *a)
{
    assert_ptr_equal(a, &world.adapter);
    __atomic_store_n(&world.bus_woken, true, __ATOMIC_SEQ_CST);
}

static bool port_started(void *context, struct storvsp_channel *c)
{
    const struct vmbus_channel *v = storvsp_channel_vmbus(c);
    struct world_channel *w = &world.channels[v->sub_channel_index];

    assert_ptr_equal(context, &world.child);
    assert_ptr_equal(storvsp_channel_adapter(c), &world.adapter);
    if (world.no_start)
        return false;
    w->storvsp = c;
    storvsp_channel_context_set(c, w);
    return true;
}

static void port_stopped(void *context, struct storvsp_channel *c)
{
    struct world_channel *w = storvsp_channel_context(c);

    (void)context;
    assert_ptr_equal(w->storvsp, c);
    w->storvsp = NULL;
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
    (void)relid;
    world.logged++;
    world.reason = reason;
}

static void port_bug(const char *what)
{
    (void)what;
    world.bugs++;
}

static const struct storvsp_port port = {
    .pin = child_pin,
    .unpin = child_unpin,
    .copy = child_copy,
    .wake = port_wake,
    .wake_bus = port_wake_bus,
    .started = port_started,
    .stopped = port_stopped,
    .allocate = port_allocate,
    .free = port_free,
    .log = port_log,
    .bug = port_bug,
};

static void revoked(struct storvsp_adapter *a)
{
    assert_ptr_equal(a, &world.adapter);
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
        world.adapter.offer.operations->signalled(&world.adapter.offer, &w->server);
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
    w->scribbled = false;
    rings_make(w, index);
    w->open =
        world.adapter.offer.operations->opened(&world.adapter.offer, &w->server, user_data, false);
    return w->open;
}

void world_close(uint32_t index)
{
    struct world_channel *w = &world.channels[index];

    assert_true(w->open);
    w->open = false;
    world.adapter.offer.operations->closed(&world.adapter.offer, &w->server);
}

static void make(uint64_t sectors, uint32_t backend_bytes)
{
    const struct storvsp_config config = {.queue_depth = WORLD_DEPTH,
                                          .max_transfer_bytes = WORLD_TRANSFER,
                                          .backend_bytes = backend_bytes,
                                          .sub_channel_max = WORLD_CHANNELS - 1};

    memset(&world, 0, offsetof(struct world, answers));
    child_make(&world.child);
    disk_make(&world.disk, &world.child, sectors, 512, 1);
    for (uint32_t i = 0; i < WORLD_CHANNELS; i++)
        assert_int_equal(
            posix_memalign((void **)&world.channels[i].rings, CHILD_PAGE, 2 * WORLD_RING_BYTES), 0);
    assert_true(storvsp_adapter_init(&world.adapter, &port, &world.child, &config, revoked));
    assert_true(
        storvsp_lun_add(&world.adapter, 0, &world.disk.scsi, &fake_disk_backend, &world.disk));
    world.disk.scsi.max_transfer_sectors = WORLD_TRANSFER / 512;
    assert_true(world_open(0));
}

void world_make(void)
{
    make(WORLD_SECTORS, BACKEND_BYTES);
}

void world_make_sized(uint64_t sectors)
{
    make(sectors, BACKEND_BYTES);
}

void world_make_with(uint32_t backend_bytes)
{
    make(WORLD_SECTORS, backend_bytes);
}

void world_drop(void)
{
    for (uint32_t i = 0; i < WORLD_CHANNELS; i++) {
        if (world.channels[i].open)
            world_close(i);
    }
    if (world.disk.mode != DISK_BY_THREAD)
        disk_complete_all(&world.disk);
    world_work();
    for (uint32_t i = 0; i < WORLD_CHANNELS; i++) {
        while (world.channels[i].storvsp) /* the disk's thread is at it */
            world_work();
        free(world.channels[i].rings);
    }
    assert_int_equal(world.allocated, 0);
    assert_int_equal(world.bugs, 0);
    disk_drop(&world.disk);
    child_drop(&world.child);
}

/* ---- running ---- */

static bool channel_work(struct world_channel *w)
{
    bool again;

    if (!w->storvsp || !__atomic_exchange_n(&w->woken, false, __ATOMIC_SEQ_CST))
        return false;
    again = storvsp_channel_work(w->storvsp);
    if (again)
        __atomic_store_n(&w->woken, true, __ATOMIC_SEQ_CST);
    return true;
}

bool world_channel_work_once(uint32_t index)
{
    return channel_work(&world.channels[index]);
}

bool world_service_once(void)
{
    if (!__atomic_exchange_n(&world.bus_woken, false, __ATOMIC_SEQ_CST))
        return false;
    storvsp_service(&world.adapter);
    return true;
}

bool world_work_once(void)
{
    bool worked = false;

    for (uint32_t i = 0; i < WORLD_CHANNELS; i++)
        worked |= channel_work(&world.channels[i]);
    return world_service_once() || worked;
}

void world_work(void)
{
    while (world_work_once())
        ;
}

static void answer_note(uint32_t index, const struct vmbus_packet *p)
{
    struct world_answer *a = &world.answers[world.answer_count];

    assert_true(world.answer_count < WORLD_ANSWERS);
    assert_int_equal(p->length, sizeof(a->packet));
    a->transaction = p->transaction;
    a->type = p->type;
    a->channel = index;
    memcpy(&a->packet, p->payload, sizeof(a->packet));
    world.answer_count++;
}

static void answers_take_batch(struct world_channel *w, uint32_t index)
{
    struct vmbus_packet p;
    uint64_t buffer[16];
    enum vmbus_ring_status status;

    vmbus_channel_read_begin(&w->child);
    while ((status = vmbus_channel_read_next(&w->child, &p, buffer, sizeof(buffer))) ==
           VMBUS_RING_OK)
        answer_note(index, &p);
    assert_true(status == VMBUS_RING_EMPTY || w->scribbled);
}

void world_answers_take(uint32_t index)
{
    struct world_channel *w = &world.channels[index];

    if (!w->child.in.header)
        return;
    do
        answers_take_batch(w, index);
    while (vmbus_channel_read_end(&w->child));
}

void world_run(void)
{
    unsigned before;

    do {
        before = world.answer_count;
        world_work();
        for (uint32_t i = 0; i < WORLD_CHANNELS; i++)
            world_answers_take(i);
    } while (world.answer_count != before);
}

/* ---- sending ---- */

bool world_send_raw(uint32_t index, const struct vmbus_packet *p)
{
    struct world_channel *w = &world.channels[index];
    enum vmbus_ring_status status = vmbus_channel_send(&w->child, p);

    vmbus_channel_flush(&w->child);
    return status == VMBUS_RING_OK;
}

void world_send(uint32_t index, uint64_t transaction, const struct storage_packet *packet,
                const uint64_t *pages, uint32_t count, uint32_t offset, uint32_t length)
{
    uint8_t ranges[sizeof(struct vmbus_range) + 64 * sizeof(uint64_t)];
    struct vmbus_range range = {.length = length, .offset = offset};
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = transaction,
                             .payload = packet,
                             .length = sizeof(*packet)};

    if (count > 0) {
        assert_true(count <= 64);
        memcpy(ranges, &range, sizeof(range));
        memcpy(ranges + sizeof(range), pages, count * sizeof(pages[0]));
        p.type = VMBUS_PACKET_GPA_DIRECT;
        p.ranges = ranges;
        p.range_count = 1;
        p.ranges_length = (uint32_t)(sizeof(range) + count * sizeof(pages[0]));
    }
    assert_true(world_send_raw(index, &p));
}

struct storage_packet *world_operation(uint32_t operation, uint16_t argument)
{
    static uint64_t transaction = 0xfffffffffffffff0ull;
    struct storage_packet packet = {.operation = operation, .flags = STORAGE_FLAG_COMPLETION};

    packet.sub_channel_count = argument; /* or the version: they are in the same place */
    world_send(0, --transaction, &packet, NULL, 0, 0, 0);
    world_run();
    return world_answer(transaction);
}

void world_initialise(void)
{
    assert_int_equal(world_operation(STORAGE_BEGIN_INITIALIZATION, 0)->status, 0);
    assert_int_equal(world_operation(STORAGE_QUERY_PROTOCOL_VERSION, STORAGE_VERSION_6_2)->status,
                     0);
    assert_int_equal(world_operation(STORAGE_QUERY_PROPERTIES, 0)->status, 0);
    assert_int_equal(world_operation(STORAGE_END_INITIALIZATION, 0)->status, 0);
}

struct storage_packet world_srb(const uint8_t *cdb, uint8_t cdb_length, uint8_t direction,
                                uint32_t length)
{
    struct storage_packet packet = {.operation = STORAGE_EXECUTE_SRB,
                                    .flags = STORAGE_FLAG_COMPLETION,
                                    .srb = {.length = STORAGE_SRB_BYTES,
                                            .cdb_length = cdb_length,
                                            .sense_info_length = STORAGE_SENSE_BYTES,
                                            .data_in = direction,
                                            .data_transfer_length = length}};

    memcpy(packet.srb.data, cdb, cdb_length);
    return packet;
}

static struct storage_packet transfer(uint8_t opcode, uint8_t direction, uint64_t sector,
                                      uint32_t count)
{
    uint8_t cdb[16] = {opcode};

    be64_put(cdb + 2, sector);
    be32_put(cdb + 10, count);
    return world_srb(cdb, sizeof(cdb), direction, count * 512);
}

struct storage_packet world_read(uint64_t sector, uint32_t count)
{
    return transfer(SCSI_READ_16, STORAGE_DATA_IN, sector, count);
}

struct storage_packet world_write(uint64_t sector, uint32_t count)
{
    return transfer(SCSI_WRITE_16, STORAGE_DATA_OUT, sector, count);
}

void world_submit(uint64_t transaction, const struct storage_packet *packet, uint64_t first,
                  uint32_t count)
{
    uint64_t pages[64];

    for (uint32_t i = 0; i < count; i++)
        pages[i] = first + i;
    world_send(0, transaction, packet, pages, count, 0, packet->srb.data_transfer_length);
}

unsigned world_answered(uint64_t transaction)
{
    unsigned count = 0;

    for (unsigned i = 0; i < world.answer_count; i++)
        count += world.answers[i].transaction == transaction;
    return count;
}

struct storage_packet *world_answer(uint64_t transaction)
{
    struct storage_packet *found = NULL;

    for (unsigned i = 0; i < world.answer_count; i++) {
        if (world.answers[i].transaction != transaction)
            continue;
        assert_null(found);
        assert_int_equal(world.answers[i].type, VMBUS_PACKET_COMPLETION);
        assert_int_equal(world.answers[i].packet.operation, STORAGE_COMPLETE_IO);
        found = &world.answers[i].packet;
    }
    assert_non_null(found);
    return found;
}

struct storage_packet *world_ask(const struct storage_packet *packet, uint32_t count)
{
    world.answer_count = 0;
    world_submit(1, packet, CHILD_FIRST_PAGE, count);
    world_run();
    return world_answer(1);
}

void assert_sense(const struct storage_packet *answer, uint32_t sense)
{
    assert_int_equal(answer->srb.srb_status, STORAGE_SRB_ERROR | STORAGE_SRB_AUTOSENSE);
    assert_int_equal(answer->srb.scsi_status, SCSI_STATUS_CHECK_CONDITION);
    assert_int_equal(answer->srb.data_transfer_length, 0);
    assert_int_equal(answer->srb.sense_info_length, 18);
    assert_int_equal(answer->srb.data[2], sense >> 16);
    assert_int_equal(answer->srb.data[12], sense >> 8 & 0xff);
    assert_int_equal(answer->srb.data[13], sense & 0xff);
}

void assert_good(const struct storage_packet *answer, uint32_t bytes)
{
    assert_int_equal(answer->status, 0);
    assert_int_equal(answer->srb.srb_status, STORAGE_SRB_SUCCESS);
    assert_int_equal(answer->srb.scsi_status, 0);
    assert_int_equal(answer->srb.data_transfer_length, bytes);
    assert_int_equal(answer->srb.sense_info_length, 0);
}

struct storvsp_statistics world_statistics(uint32_t index)
{
    struct storvsp_statistics s;

    storvsp_channel_statistics(world.channels[index].storvsp, &s);
    return s;
}

int world_setup_opened(void **state)
{
    (void)state;
    world_make();
    return 0;
}

int world_setup(void **state)
{
    (void)state;
    world_make();
    world_initialise();
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    world_drop();
    return 0;
}
