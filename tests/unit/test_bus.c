/* SPDX-License-Identifier: MIT */
/* test_bus.c - root's end of a child's bus: its thread, its messages, its end. */
#include "fakes/test.h"
#include "bus_fixture.h"

#include <rootabi/errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD 3u

static int with_disk(void **state)
{
    (void)state;
    world_make(CHILD, true, false);
    return 0;
}

static int with_echo(void **state)
{
    (void)state;
    world_make(CHILD, false, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end();
    return 0;
}

/* Whoever stops it may be held up, and the bus be gone when he goes on. */
static void bus_is_not_used_once_it_has_stopped(void **state)
{
    (void)state;
    world_run();
    world.destroy_early = true;
    fake.slow_wakes = true;
}

/* ---- a child that never stops ---- */

static struct {
    struct vmbus_ring in, out;
    unsigned turns; /* [a] */
} talker;

/* As fast as root answers: take the answers, send again. */
static void talk(void)
{
    static const uint8_t payload[8];
    const struct vmbus_packet packet = {.type = VMBUS_PACKET_IN_BAND,
                                        .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                        .payload = payload,
                                        .length = sizeof(payload)};
    struct vmbus_packet answer;
    uint64_t buffer[16];
    bool signal;

    while (vmbus_ring_read(&talker.in, &answer, buffer, sizeof(buffer)) == VMBUS_RING_OK)
        ;
    (void)!vmbus_ring_read_end(&talker.in, &signal);
    while (vmbus_ring_write(&talker.out, &packet) == VMBUS_RING_OK)
        ;
    (void)!vmbus_ring_write_end(&talker.out);
    __atomic_fetch_add(&talker.turns, 1, __ATOMIC_RELAXED);
}

static bool has_talked(void)
{
    return __atomic_load_n(&talker.turns, __ATOMIC_RELAXED) > 1000;
}

static void child_that_never_stops_sending_can_be_stopped(void **state)
{
    const uint32_t half = RING_PAGES / 2 * HV_PAGE_SIZE;
    uint32_t relid;

    (void)state;
    world_run();
    relid = guest_connect();
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_true(vmbus_ring_attach_writer(&talker.out, guest_rings(relid), half));
    assert_true(vmbus_ring_attach_reader(&talker.in, guest_rings(relid) + half, half));
    talker.turns = 0;
    world.signalled = talk;
    talk();
    guest_ring();
    assert_true(world_wait(has_talked));
}

/* It gets an answer, a failure, and has posted the next one before root has looked up. */
static void ask_again(void)
{
    const struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .relid = 99};

    guest_forget();
    guest_post(&m, sizeof(m));
}

static bool has_asked(void)
{
    return __atomic_load_n(&world.posts, __ATOMIC_RELAXED) > 1000;
}

static void child_that_never_stops_posting_can_be_stopped(void **state)
{
    (void)state;
    world_run();
    guest_connect();
    world.posted = ask_again;
    ask_again();
    assert_true(world_wait(has_asked));
}

/* ---- offers ---- */

static struct vmbus_guid instance_of(const char *name, uint32_t number, bool disk)
{
    world_make_named(name, number, disk, !disk);
    world_run();
    guest_connect();
    world_end();
    return world.instance;
}

static void devices_are_the_same_whenever_the_child_is_started(void **state)
{
    const struct vmbus_guid first = instance_of("debian", 3, true);
    struct vmbus_guid other = instance_of("debian", 4, true);

    (void)state;
    assert_memory_equal(&first, &other, sizeof(first));
    other = instance_of("debian2", 3, true);
    assert_memory_not_equal(&first, &other, sizeof(first));
    other = instance_of("debian", 3, false);
    assert_memory_not_equal(&first, &other, sizeof(first));
}

static void disk_that_cannot_be_one_is_refused_with_a_reason(void **state)
{
    struct vm_disk disk = {.name = "disk0"};
    const struct bus_devices devices = {.disks = &disk, .disk_count = 1};
    struct bus *b = NULL;

    (void)state;
    world.disk.max_segments = 1;
    assert_int_equal(bus_create(&world.child, &devices, &b), -EINVAL);
    assert_true(fake_logged("disk disk0: its driver takes requests of a single piece of memory"));
    world.disk.max_segments = 2;
    world.disk.sector_size = 520;
    assert_int_equal(bus_create(&world.child, &devices, &b), -EINVAL);
    assert_true(fake_logged("disk disk0: its sectors are of a size that a SCSI disk cannot have"));
    strcpy(disk.name, "disk1");
    assert_int_equal(bus_create(&world.child, &devices, &b), -ENOENT);
    assert_true(fake_logged("disk disk1: there is none of that name"));
}

/* ---- doorbells ---- */

static void first_channels_of_children_ring_different_cpus(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < WORLD_CPUS; number++) {
        uint32_t relid;

        world_make(number, true, false);
        world_run();
        relid = guest_connect();
        assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
        assert_int_equal(world.bell_cpu, (number + relid) % WORLD_CPUS);
        world_end();
    }
}

static void nothing(void *context)
{
    (void)context;
}

static struct doorbell taken[HV_EVENT_FLAGS_COUNT];

/* All that the CPU of the first channel has, which must be all there are. */
static void bells_take(uint32_t cpu)
{
    for (uint32_t i = 0; i < HV_EVENT_FLAGS_COUNT - 1; i++)
        assert_true(doorbell_take(&taken[i], cpu, 0, nothing, NULL));
    assert_false(doorbell_take(&taken[HV_EVENT_FLAGS_COUNT - 1], cpu, 0, nothing, NULL));
}

static void bells_release(void)
{
    for (uint32_t i = 0; i < HV_EVENT_FLAGS_COUNT - 1; i++)
        doorbell_release(&taken[i]);
}

static uint32_t cpu_of(uint32_t relid)
{
    return (CHILD + relid) % WORLD_CPUS;
}

static void cpu_without_bells_is_no_reason_to_refuse_a_channel(void **state)
{
    uint32_t relid;

    (void)state;
    world_run();
    relid = guest_connect();
    bells_take(cpu_of(relid));
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_int_not_equal(world.bell_cpu, cpu_of(relid));
    bells_release();
}

/* ---- monitored doorbells ---- */

#define MONITOR_PAGE  (32 * HV_PAGE_SIZE)
#define MONITOR_GROUP HV_MONITOR_TRIGGERS_PER_GROUP

static bool is_armed(uint32_t id)
{
    uint32_t group = id / MONITOR_GROUP, trigger = id % MONITOR_GROUP;

    return guest_monitor_page()->latency[group][trigger] != 0 &&
           guest_monitor_page()->parameter[group][trigger].connection_id != 0;
}

static bool is_clear(uint32_t id)
{
    uint32_t group = id / MONITOR_GROUP, trigger = id % MONITOR_GROUP;

    return guest_monitor_page()->latency[group][trigger] == 0 &&
           guest_monitor_page()->parameter[group][trigger].connection_id == 0;
}

static void closed_channel_is_monitored_no_more(void **state)
{
    struct vmbus_channel near = {.connection_id = 7, .monitor_id = 1};
    struct vmbus_channel far = {.connection_id = 8, .monitor_id = MONITOR_GROUP};
    uint32_t relid;

    (void)state;
    world_run();
    relid = guest_connect_monitored(MONITOR_PAGE);
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_true(is_armed(0));
    assert_int_equal(guest_monitor_page()->trigger_state, 1);
    assert_true(bus_monitor_add(world.bus, &near)); /* its thread has nothing to do */
    assert_true(bus_monitor_add(world.bus, &far));
    assert_true(is_armed(1) && is_armed(MONITOR_GROUP));
    assert_int_equal(guest_monitor_page()->trigger_state, 3);
    guest_close(relid);
    assert_true(is_clear(0) && is_armed(1) && is_armed(MONITOR_GROUP));
    assert_int_equal(guest_monitor_page()->trigger_state, 3);
    bus_monitor_remove(world.bus, &near);
    assert_true(is_clear(1));
    assert_int_equal(guest_monitor_page()->trigger_state, 2);
    bus_monitor_remove(world.bus, &far);
    assert_int_equal(guest_monitor_page()->trigger_state, 0);
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_true(is_armed(0));
}

static void channel_that_cannot_be_opened_is_not_monitored(void **state)
{
    uint32_t relid, ports;

    (void)state;
    world_run();
    relid = guest_connect_monitored(MONITOR_PAGE);
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    guest_close(relid);
    ports = world.ports;
    world.no_ports = true;
    assert_int_not_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_true(is_clear(0));
    assert_int_equal(guest_monitor_page()->trigger_state, 0);
    assert_int_equal(world.ports, ports);
}

static void channel_whose_monitor_page_is_none_is_refused(void **state)
{
    uint32_t relid, ports = world.ports;

    (void)state;
    world_run();
    relid = guest_connect_monitored(WORLD_RAM_BYTES);
    assert_int_not_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_true(fake_logged("no memory for a doorbell"));
    assert_int_equal(world.ports, ports + 2); /* those to VP 1 */
    bells_take(cpu_of(relid));                /* none is lost */
    bells_release();
}

/* In a process of its own, which ends by it. */
static void port_that_stays_is_a_bug(void **state)
{
    uint32_t relid;
    pid_t pid;
    int status = 0;

    (void)state;
    world_run();
    relid = guest_connect_monitored(MONITOR_PAGE);
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    guest_close(relid);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(STDERR_FILENO);
        world.ports_stay = true;
        (void)bus_monitor_set(world.bus, 0, 0);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- messages ---- */

/* As Linux does: it posts them all, and only then waits. */
static void large_gpadl_is_complete_however_late_root_looks(void **state)
{
    struct vmbus_gpadl_created created;
    uint32_t relid, gpadl;

    (void)state;
    world_run();
    relid = guest_connect();
    mutex_lock(&world.bus->mutex);
    gpadl = guest_share(relid, 1, WORLD_RAM_PAGES - 10);
    mutex_unlock(&world.bus->mutex);
    guest_take(VMBUS_GPADL_CREATED, &created, sizeof(created));
    assert_int_equal(created.gpadl, gpadl);
    assert_int_equal(created.status, VMBUS_STATUS_SUCCESS);
    assert_int_equal(fake.log_lines, 0);
}

#define MS 1000000ull

enum { TRIES = 40 };

static struct {
    uint64_t at[TRIES]; /* fake.now at each post */
    uint32_t count;     /* [a] */
    uint32_t allowed;   /* [a] the bus's thread waits before it tries more often */
} tries;

static bool has_tried(void)
{
    return __atomic_load_n(&tries.count, __ATOMIC_ACQUIRE) >=
           __atomic_load_n(&tries.allowed, __ATOMIC_ACQUIRE);
}

static void note_try(void)
{
    if (tries.count < TRIES)
        tries.at[tries.count] = fake.now;
    __atomic_fetch_add(&tries.count, 1, __ATOMIC_RELEASE);
    while (has_tried())
        usleep(100);
}

static void child_that_takes_no_messages_is_asked_less_and_less(void **state)
{
    const struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .relid = 99};
    uint32_t soon = TRIES / 2;

    (void)state;
    world_run();
    guest_connect();
    world.takes_nothing = true;
    tries.count = 0;
    tries.allowed = TRIES / 2;
    world.posted = note_try;
    guest_post(&m, sizeof(m));
    assert_true(world_wait(has_tried));
    assert_int_equal(tries.at[2] - tries.at[1], MS);
    assert_int_equal(tries.at[soon - 1] - tries.at[soon - 2], 100 * MS);
    guest_post(&m, sizeof(m)); /* it lives: soon again */
    __atomic_store_n(&tries.allowed, TRIES, __ATOMIC_RELEASE);
    assert_true(world_wait(has_tried));
    while (soon < TRIES && tries.at[soon] - tries.at[soon - 1] != MS)
        soon++;
    assert_true(soon < TRIES);
    __atomic_store_n(&tries.allowed, UINT32_MAX, __ATOMIC_RELEASE);
}

/* ---- the log ---- */

static uint64_t posts_wanted;

static bool has_posted(void)
{
    return __atomic_load_n(&world.posts, __ATOMIC_RELAXED) >= posts_wanted;
}

/* Do something wrong @times times, that root has answered each. */
static void be_wrong(unsigned times)
{
    const struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .relid = 99};

    for (unsigned i = 0; i < times; i++) {
        posts_wanted = __atomic_load_n(&world.posts, __ATOMIC_RELAXED) + 1;
        guest_post(&m, sizeof(m));
        assert_true(world_wait(has_posted));
        guest_forget();
    }
}

static void log_has_few_lines_however_much_is_wrong(void **state)
{
    (void)state;
    world_run();
    guest_connect();
    be_wrong(LOG_LIMIT_BURST + 7);
    assert_int_equal(fake.log_lines, LOG_LIMIT_BURST);
    assert_true(fake_logged("child guest: channel 99: opens a channel that is not there"));
    __atomic_fetch_add(&fake.now, 1000000000, __ATOMIC_RELAXED);
    be_wrong(LOG_LIMIT_BURST); /* the first line says how many there were not */
    assert_int_equal(fake.log_lines, LOG_LIMIT_BURST + 1 + LOG_LIMIT_PER_SECOND);
}

#define DISK(name) cmocka_unit_test_setup_teardown(name, with_disk, end)
#define ECHO(name) cmocka_unit_test_setup_teardown(name, with_echo, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DISK(bus_is_not_used_once_it_has_stopped),
        ECHO(child_that_never_stops_sending_can_be_stopped),
        DISK(child_that_never_stops_posting_can_be_stopped),
        cmocka_unit_test(devices_are_the_same_whenever_the_child_is_started),
        ECHO(disk_that_cannot_be_one_is_refused_with_a_reason),
        cmocka_unit_test(first_channels_of_children_ring_different_cpus),
        DISK(cpu_without_bells_is_no_reason_to_refuse_a_channel),
        ECHO(closed_channel_is_monitored_no_more),
        ECHO(channel_that_cannot_be_opened_is_not_monitored),
        ECHO(channel_whose_monitor_page_is_none_is_refused),
        ECHO(port_that_stays_is_a_bug),
        DISK(large_gpadl_is_complete_however_late_root_looks),
        DISK(child_that_takes_no_messages_is_asked_less_and_less),
        DISK(log_has_few_lines_however_much_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
