/* SPDX-License-Identifier: MIT */
/* bus_fixture.c - see bus_fixture.h: the child and its memory, disk and messages. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own */
#define _GNU_SOURCE /* memfd_create */
#include "fakes/test.h"
#include "bus_fixture.h"

#include <hvabi/partition.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "child/hv.h"
#include "child/ports.h"
#include "cpu/cpu.h"
#include "mm/alias.h"
#include "mm/memory.h"
#include "net/net.h"
#include "sched/wall_clock.h"

#define POSTS    4096u
#define PATIENCE 20000u /* times a millisecond */
#define ROOT_ID  1u
#define OPEN_ID  77u

struct bus_world world;

static struct {
    pthread_mutex_t lock;
    struct {
        uint32_t length;
        uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    } post[POSTS];
    uint32_t first, count; /* [lock] */
    uint32_t next_gpadl;
    int memory;         /* file */
    bool runs, stopped; /* [a] stopped */
} guest = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the network ---- */

struct vswitch *net_switch(uint32_t index)
{
    return index == 0 ? world.vswitch : NULL;
}

/* ---- the clock, which nobody but a test sets ---- */

static struct wall_clock_watch *watch; /* the only one */
static uint64_t clock_offset;

uint64_t wall_clock_now(void)
{
    return time_now() + __atomic_load_n(&clock_offset, __ATOMIC_RELAXED);
}

void wall_clock_set(uint64_t ns)
{
    __atomic_store_n(&clock_offset, ns - time_now(), __ATOMIC_RELAXED);
    watch->set(watch);
}

void wall_clock_watch(struct wall_clock_watch *w)
{
    assert_null(watch);
    watch = w;
}

void wall_clock_unwatch(struct wall_clock_watch *w)
{
    assert_ptr_equal(watch, w);
    watch = NULL;
}

/* ---- the hypervisor ---- */

hv_status hv_call_get_partition_property(const struct hv_client *c, hv_partition_id id,
                                         uint32_t property, uint64_t *value)
{
    (void)c;
    (void)id;
    assert_int_equal(property, HvPartitionPropertyReferenceTime);
    *value = time_now() / 100;
    return HV_STATUS_SUCCESS;
}

static struct {
    _Alignas(HV_PAGE_SIZE) uint8_t input[HV_PAGE_SIZE], output[HV_PAGE_SIZE];
} pages;

static const struct hv_client client = {
    .input = pages.input, .output = pages.output, .input_gpa = 0, .output_gpa = 0};

const struct hv_client *hv_begin(void)
{
    return &client;
}

void hv_end(void)
{
}

const struct hv_client *hv_client_fast(void)
{
    return &client;
}

bool hv_client_init(struct hv_client *c)
{
    *c = (struct hv_client){.input = kalloc(HV_PAGE_SIZE)};
    return true;
}

void hv_client_free(struct hv_client *c)
{
    kfree(c->input);
}

void hv_event_owner_set(uint32_t cpu, uint32_t flag, uint32_t child)
{
    (void)cpu;
    (void)flag;
    (void)child;
}

hv_partition_id hv_root_id(void)
{
    return ROOT_ID;
}

hv_status hv_call_post_message(const struct hv_client *c, hv_connection_id connection,
                               uint32_t type, const void *payload, uint32_t size)
{
    hv_status status = HV_STATUS_SUCCESS;

    assert_ptr_not_equal(c, &client); /* which others may have for long */
    assert_int_equal(type, VMBUS_MESSAGE_TYPE);
    assert_int_equal(connection, CONNECTION_VP(world.number, 1, 0));
    __atomic_fetch_add(&world.posts, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&guest.lock);
    if (__atomic_load_n(&world.takes_nothing, __ATOMIC_RELAXED) || guest.count == POSTS) {
        status = HV_STATUS_INSUFFICIENT_BUFFERS;
    } else {
        uint32_t at = (guest.first + guest.count++) % POSTS;

        guest.post[at].length = size;
        memcpy(guest.post[at].bytes, payload, size);
    }
    pthread_mutex_unlock(&guest.lock);
    if (world.posted != NULL)
        world.posted();
    return status;
}

hv_status hv_call_signal_event(const struct hv_client *c, hv_connection_id connection,
                               uint16_t flag)
{
    (void)c;
    (void)flag;
    assert_int_equal(connection, CONNECTION_VP(world.number, 1, 1));
    if (world.signalled != NULL)
        world.signalled();
    return HV_STATUS_SUCCESS;
}

static void count(uint32_t *counter, uint32_t change)
{
    __atomic_fetch_add(counter, change, __ATOMIC_SEQ_CST);
}

hv_status port_to_root(const struct hv_client *h, struct child *c, uint32_t port,
                       const struct hv_port_info *info, uint32_t connection)
{
    (void)h;
    (void)port;
    (void)connection;
    assert_ptr_equal(c, &world.child);
    if (world.no_ports)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    if (info->port_type == HvPortTypeEvent) {
        world.bell_cpu = info->event.target_vp;
        world.bell_flag = info->event.base_flag_number;
    }
    count(&world.ports, 1);
    return HV_STATUS_SUCCESS;
}

hv_status port_to_child(const struct hv_client *h, struct child *c, uint32_t port,
                        const struct hv_port_info *info, uint32_t connection)
{
    (void)h;
    (void)port;
    (void)info;
    (void)connection;
    assert_ptr_equal(c, &world.child);
    count(&world.ports, 1);
    return HV_STATUS_SUCCESS;
}

hv_status monitor_port_to_root(const struct hv_client *h, struct child *c, uint32_t port,
                               uint64_t root_page, uint32_t connection, uint64_t child_page)
{
    (void)h;
    (void)c;
    (void)connection;
    assert_int_equal(port, PORT_MONITOR(world.number));
    assert_int_equal(world.monitor_root, 0); /* there is one */
    if (child_page >= WORLD_RAM_BYTES)
        return HV_STATUS_INVALID_PARAMETER;
    memset(phys_to_virt(root_page), 0, HV_PAGE_SIZE); /* the hypervisor's, over it */
    world.monitor_root = root_page;
    world.monitor_child = child_page;
    count(&world.ports, 1);
    return HV_STATUS_SUCCESS;
}

hv_status port_to_root_delete(const struct hv_client *h, struct child *c, uint32_t port,
                              uint32_t connection)
{
    (void)h;
    (void)c;
    (void)connection;
    if (world.ports_stay)
        return HV_STATUS_INVALID_PORT_ID;
    if (port == PORT_MONITOR(world.number))
        world.monitor_root = 0;
    count(&world.ports, -1u);
    return HV_STATUS_SUCCESS;
}

void port_to_child_delete(const struct hv_client *h, struct child *c, uint32_t port,
                          uint32_t connection)
{
    (void)port_to_root_delete(h, c, port, connection);
}

uint32_t child_number(const struct child *c)
{
    assert_ptr_equal(c, &world.child);
    return world.number;
}

/* ---- memory: root's physical addresses are the host's ---- */

void *alias_map(const uint64_t *physical, uint32_t page_count)
{
    uint8_t *area = mmap(NULL, (size_t)page_count * HV_PAGE_SIZE, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(area != MAP_FAILED);
    for (uint32_t i = 0; i < page_count; i++) {
        uint64_t offset = physical[i] - (uintptr_t)world.ram;

        assert_true(offset < WORLD_RAM_BYTES);
        assert_true(mmap(area + (size_t)i * HV_PAGE_SIZE, HV_PAGE_SIZE, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_FIXED, guest.memory, (off_t)offset) != MAP_FAILED);
    }
    count(&world.mappings, 1);
    return area;
}

void alias_unmap(void *alias, uint32_t page_count)
{
    assert_int_equal(munmap(alias, (size_t)page_count * HV_PAGE_SIZE), 0);
    count(&world.mappings, -1u);
}

enum { BLOCKS = WORLD_RAM_BYTES / RAM_BLOCK };

/* Of root's memory the child's RAM is all there is. */
void memory_totals(struct memory_totals *out)
{
    *out = (struct memory_totals){0};
}

static void ram_make(void)
{
    guest.memory = memfd_create("ram", 0);
    assert_int_equal(ftruncate(guest.memory, (off_t)WORLD_RAM_BYTES), 0);
    world.ram = mmap(NULL, WORLD_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, guest.memory, 0);
    assert_true(world.ram != MAP_FAILED);
    world.child.memory_size = WORLD_RAM_BYTES;
    world.child.ram = calloc(1, sizeof(*world.child.ram) + BLOCKS * sizeof(uint64_t));
    assert_non_null(world.child.ram);
    world.child.ram->size = world.child.ram->low = WORLD_RAM_BYTES;
    world.child.ram->count = BLOCKS;
    for (uint32_t i = 0; i < BLOCKS; i++)
        world.child.ram->blocks[i] = (uintptr_t)world.ram + i * RAM_BLOCK;
}

static void ram_drop(void)
{
    munmap(world.ram, WORLD_RAM_BYTES);
    close(guest.memory);
    free(world.child.ram);
}

/* ---- the disk ---- */

struct block_device *block_find(const char *name)
{
    if (strcmp(name, world.disk.name) == 0)
        return &world.disk;
    return strcmp(name, world.second.name) == 0 ? &world.second : NULL;
}

void block_submit(struct block_request *r)
{
    world.requests[__atomic_fetch_add(&world.request_count, 1, __ATOMIC_SEQ_CST)] = r;
}

/* ---- life ---- */

static void world_begin(const char *name, uint32_t number)
{
    static bool bells;

    fake_threads_reset(WORLD_CPUS);
    bells = bells || doorbell_init();
    assert_true(bells);
    fake.live = 0;
    world = (struct bus_world){.number = number};
    guest.first = 0;
    guest.count = 0;
    guest.runs = false;
    guest.stopped = false;
    world.disk = (struct block_device){.name = "disk0",
                                       .sector_size = 512,
                                       .sector_count = 4096,
                                       .max_request_sectors = 2048,
                                       .max_segments = 257,
                                       .queue_depth = 16};
    strcpy(world.child.name, name);
    world.child.vp_count = WORLD_VPS;
    ram_make();
}

static void bus_make(uint32_t disk_count, bool echo)
{
    struct vm_disk disks[2] = {0};
    const struct bus_devices devices = {.disks = disks, .disk_count = disk_count, .echo = echo};

    strcpy(disks[0].name, world.disk.name);
    strcpy(disks[1].name, world.second.name);
    assert_int_equal(bus_create(&world.child, &devices, &world.bus), 0);
    assert_int_equal(bus_connect(world.bus, &client), HV_STATUS_SUCCESS);
}

void world_make_named(const char *name, uint32_t number, bool disk, bool echo)
{
    world_begin(name, number);
    bus_make(disk, echo);
}

void world_make_disks(const struct block_device *first, const struct block_device *second)
{
    world_begin("guest", 0);
    world.disk = *first;
    world.second = *second;
    bus_make(2, false);
}

int64_t world_make_card(struct vswitch *s, const struct vm_network *card)
{
    const struct bus_devices devices = {.networks = card, .network_count = 1};

    return world_make_devices(s, &devices);
}

int64_t world_make_devices(struct vswitch *s, const struct bus_devices *devices)
{
    int64_t result;

    world_begin("guest", 0);
    world.vswitch = s;
    result = bus_create(&world.child, devices, &world.bus);
    if (result == 0)
        assert_int_equal(bus_connect(world.bus, &client), HV_STATUS_SUCCESS);
    else
        ram_drop();
    return result;
}

void world_make_integration(void)
{
    const struct bus_devices devices = {.integration = true};

    world_begin("guest", 0);
    assert_int_equal(bus_create(&world.child, &devices, &world.bus), 0);
    assert_int_equal(bus_connect(world.bus, &client), HV_STATUS_SUCCESS);
}

void world_make(uint32_t number, bool disk, bool echo)
{
    world_make_named("guest", number, disk, echo);
}

void world_run(void)
{
    guest.runs = true;
    assert_true(bus_run(world.bus));
}

/* The bus's thread: the child's memory may go. */
static void stopped(struct child *c)
{
    assert_ptr_equal(c, &world.child);
    if (world.destroy_early)
        bus_destroy(world.bus, &client);
    __atomic_store_n(&guest.stopped, true, __ATOMIC_RELEASE);
}

static bool has_stopped(void)
{
    return __atomic_load_n(&guest.stopped, __ATOMIC_ACQUIRE);
}

void world_end(void)
{
    if (guest.runs)
        bus_stop(world.bus, stopped);
    assert_true(!guest.runs || world_wait(has_stopped));
    fake_threads_join();
    if (!world.destroy_early)
        bus_destroy(world.bus, &client);
    assert_int_equal(world.ports, 0);
    assert_int_equal(world.mappings, 0);
    assert_int_equal(fake.live, 0);
    ram_drop();
}

bool world_wait(bool (*condition)(void))
{
    for (uint32_t i = 0; i < PATIENCE; i++) {
        if (condition())
            return true;
        usleep(1000);
    }
    return false;
}

/* ---- the child ---- */

void guest_post(const void *message, uint32_t length)
{
    struct hv_message m = {.header = {.payload_size = (uint8_t)length}};

    memcpy(m.payload, message, length);
    bus_message(world.bus, &m);
}

static bool something_came(void)
{
    bool some;

    pthread_mutex_lock(&guest.lock);
    some = guest.count != 0;
    pthread_mutex_unlock(&guest.lock);
    return some;
}

/* Copies the next message to @message if it is of @type; whether it is. */
static bool take(uint32_t type, void *message, uint32_t size)
{
    uint32_t found;
    bool wanted;

    assert_true(world_wait(something_came));
    pthread_mutex_lock(&guest.lock);
    memcpy(&found, guest.post[guest.first].bytes, sizeof(found));
    wanted = found == type && guest.post[guest.first].length >= size;
    if (wanted)
        memcpy(message, guest.post[guest.first].bytes, size);
    guest.first = (guest.first + 1) % POSTS;
    guest.count--;
    pthread_mutex_unlock(&guest.lock);
    return wanted;
}

void guest_take(uint32_t type, void *message, uint32_t size)
{
    assert_true(take(type, message, size));
}

void guest_skip_to(uint32_t type, void *message, uint32_t size)
{
    while (!take(type, message, size))
        ;
}

void guest_forget(void)
{
    pthread_mutex_lock(&guest.lock);
    guest.count = 0;
    pthread_mutex_unlock(&guest.lock);
}

uint32_t guest_connect(void)
{
    return guest_connect_monitored(0);
}

const struct hv_monitor_page *guest_monitor_page(void)
{
    assert_int_not_equal(world.monitor_root, 0);
    return phys_to_virt(world.monitor_root);
}

uint32_t guest_connect_monitored(uint64_t page)
{
    struct vmbus_initiate_contact contact = {.header.type = VMBUS_INITIATE_CONTACT,
                                             .version = VMBUS_VERSION_5_3,
                                             .target_vp = 1,
                                             .message_sint = VMBUS_SINT,
                                             .server_to_client_monitor = page,
                                             .client_to_server_monitor = page};
    struct vmbus_message m = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_version_response response = {0};
    struct vmbus_offer_channel offer = {0};

    guest_post(&contact, sizeof(contact));
    guest_take(VMBUS_VERSION_RESPONSE, &response, sizeof(response));
    assert_int_equal(response.supported, 1);
    guest_post(&m, sizeof(m));
    guest_take(VMBUS_OFFER_CHANNEL, &offer, sizeof(offer));
    world.instance = offer.instance;
    guest_skip_to(VMBUS_ALL_OFFERS_DELIVERED, &m, sizeof(m));
    return offer.relid;
}

/* @head of @size bytes and as many page numbers from @page on as fit; how many. */
static uint32_t pages_post(const void *head, uint32_t size, uint32_t page, uint32_t left)
{
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
    uint32_t n = (VMBUS_MESSAGE_SIZE_MAX - size) / 8;

    n = n < left ? n : left;
    memcpy(bytes, head, size);
    for (uint32_t i = 0; i < n; i++)
        memcpy(bytes + size + (size_t)8 * i, &(uint64_t){page + i}, 8);
    guest_post(bytes, size + 8 * n);
    return n;
}

uint32_t guest_share(uint32_t relid, uint32_t page, uint32_t page_count)
{
    struct vmbus_gpadl_header h = {.header.type = VMBUS_GPADL_HEADER,
                                   .relid = relid,
                                   .gpadl = ++guest.next_gpadl,
                                   .range_length = (uint16_t)(8 + 8 * page_count),
                                   .range_count = 1,
                                   .byte_count = page_count * HV_PAGE_SIZE};
    struct vmbus_gpadl_body b = {.header.type = VMBUS_GPADL_BODY, .gpadl = h.gpadl};
    uint32_t sent = pages_post(&h, sizeof(h), page, page_count);

    while (sent < page_count)
        sent += pages_post(&b, sizeof(b), page + sent, page_count - sent);
    return h.gpadl;
}

static uint32_t rings_page(uint32_t relid)
{
    return WORLD_RINGS + relid * RING_PAGES;
}

uint8_t *guest_rings(uint32_t relid)
{
    return world.ram + (size_t)rings_page(relid) * HV_PAGE_SIZE;
}

uint32_t guest_open(uint32_t relid)
{
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL,
                                   .relid = relid,
                                   .open_id = OPEN_ID,
                                   .target_vp = 1,
                                   .downstream_page = RING_PAGES / 2};
    struct vmbus_gpadl_created created = {0};
    struct vmbus_open_result result = {0};

    memset(guest_rings(relid), 0, (size_t)RING_PAGES * HV_PAGE_SIZE);
    m.ring_gpadl = guest_share(relid, rings_page(relid), RING_PAGES);
    guest_take(VMBUS_GPADL_CREATED, &created, sizeof(created));
    assert_int_equal(created.status, VMBUS_STATUS_SUCCESS);
    guest_post(&m, sizeof(m));
    guest_take(VMBUS_OPEN_RESULT, &result, sizeof(result));
    return result.status;
}

static bool is_closed(void)
{
    return bus_channels_connected() == 0;
}

void guest_close(uint32_t relid)
{
    const struct vmbus_relid_message m = {.header.type = VMBUS_CLOSE_CHANNEL, .relid = relid};

    guest_post(&m, sizeof(m));
    assert_true(world_wait(is_closed));
}

void guest_ring(void)
{
    this_cpu()->index = world.bell_cpu;
    doorbell_rang(world.bell_flag);
}
