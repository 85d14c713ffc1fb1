/* SPDX-License-Identifier: MIT */
/* guest_world.c - see guest_world.h. One lock is held by whoever uses root's end or the queues. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <hvabi/message.h>
#include <hvabi/msr.h>
#include <kern/guest_cpu.h>
#include <rt/format.h>
#include <rt/sha256.h>
#include <vmbus/server.h>
#include "guest_world.h"

#define MESSAGES 256u
#define CHANNELS 4u
#define VPS      4u
#define RELIDS   64u
#define OUTPUT   65536u
#define TICK     1000u /* of guest_time() between two looks: 100 us */
#define MEMORY   ((uint64_t)CHILD_PAGES * CHILD_PAGE)
#define TIME_OUT 60u /* s: a guest that waits for ever */

/* In the process of a run there is no cmocka. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct message {
    uint32_t length;
    uint8_t bytes[VMBUS_MESSAGE_SIZE_MAX];
};

struct queue {
    struct message messages[MESSAGES];
    uint32_t first, count;
};

/* Root's end of one channel. */
struct channel {
    struct storvsp_channel *storvsp;
    struct vmbus_channel *doorbell;
    bool woken;
};

static struct {
    pthread_mutex_t lock;
    struct fake_child child;
    struct fake_disk disk;
    struct storvsp_adapter *adapter;
    struct vmbus_server *server;
    struct channel channels[CHANNELS];
    struct queue to_server, to_client;
    bool bus_woken;
    bool flags[VPS][RELIDS]; /* event flags */
    uint64_t time, used;     /* used: bytes of the child's memory */
    uint32_t seed;
    size_t allocated;
    uint8_t sha256[SHA256_DIGEST_SIZE]; /* of the disk */
    char hex[SHA256_HEX_SIZE];
    char output[OUTPUT];
    size_t printed;

    struct guest_boot boot;
    const char *command_line;
    uint8_t code;
    bool (*check)(void);
} world = {.lock = PTHREAD_MUTEX_INITIALIZER, .seed = 1};

static _Thread_local struct guest_cpu cpu;

static void lock(void)
{
    MUST(pthread_mutex_lock(&world.lock) == 0);
}

static void unlock(void)
{
    MUST(pthread_mutex_unlock(&world.lock) == 0);
}

/* ---- messages ---- */

static hv_status queue_put(struct queue *q, const void *message, uint32_t length)
{
    struct message *m = &q->messages[(q->first + q->count) % MESSAGES];

    if (q->count == MESSAGES)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    MUST(length <= sizeof(m->bytes));
    memset(m, 0, sizeof(*m));
    m->length = length;
    memcpy(m->bytes, message, length);
    q->count++;
    return HV_STATUS_SUCCESS;
}

static bool queue_take(struct queue *q, struct message *m)
{
    if (q->count == 0)
        return false;
    *m = q->messages[q->first];
    q->first = (q->first + 1) % MESSAGES;
    q->count--;
    return true;
}

/* ---- root's transport ---- */

static hv_status server_post(void *context, uint32_t vp, const void *message, uint32_t length)
{
    (void)context;
    MUST(vp == 0);
    return queue_put(&world.to_client, message, length);
}

static void *server_map(void *context, const uint64_t *pages, uint32_t count)
{
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        if (pages[i] != pages[0] + i || pages[i] < CHILD_FIRST_PAGE ||
            pages[i] >= CHILD_FIRST_PAGE + CHILD_PAGES)
            return NULL;
    return child_bytes(&world.child, pages[0]);
}

static void server_unmap(void *context, void *mapping, const uint64_t *pages, uint32_t count)
{
    (void)context;
    (void)count;
    MUST(mapping == child_bytes(&world.child, pages[0]));
}

static struct channel *channel_of(const struct vmbus_channel *c)
{
    MUST(c->sub_channel_index < CHANNELS);
    return &world.channels[c->sub_channel_index];
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
    return vp < world.boot.vp_count;
}

static void server_signal(struct vmbus_channel *c)
{
    MUST(c->target_vp < VPS && c->relid < RELIDS);
    world.flags[c->target_vp][c->relid] = true;
}

static void *allocate(void *context, size_t size)
{
    void *memory = calloc(1, size);

    (void)context;
    MUST(memory);
    world.allocated += size;
    return memory;
}

static void deallocate(void *context, void *memory, size_t size)
{
    (void)context;
    world.allocated -= size;
    free(memory);
}

static void root_log(void *context, uint32_t relid, const char *reason)
{
    (void)context;
    printf("root: channel %u: %s\n", relid, reason);
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
    .log = root_log,
};

/* ---- root's storvsp ---- */

static void storvsp_wake(struct storvsp_channel *c)
{
    channel_of(storvsp_channel_vmbus(c))->woken = true;
}

static void storvsp_wake_bus(struct storvsp_adapter *a)
{
    (void)a;
    world.bus_woken = true;
}

static bool storvsp_started(void *context, struct storvsp_channel *c)
{
    (void)context;
    channel_of(storvsp_channel_vmbus(c))->storvsp = c;
    return true;
}

static void storvsp_stopped(void *context, struct storvsp_channel *c)
{
    (void)context;
    for (uint32_t i = 0; i < CHANNELS; i++)
        if (world.channels[i].storvsp == c)
            world.channels[i].storvsp = NULL;
}

static void storvsp_bug(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
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
    .log = root_log,
    .bug = storvsp_bug,
};

static void adapter_revoked(struct storvsp_adapter *a)
{
    free(a);
    world.adapter = NULL;
}

/* ---- root runs while the guest waits ---- */

static void root_step(void)
{
    struct message m;

    if (world.disk.count > 0 && fake_random(&world.seed) % 4 == 0)
        disk_complete(&world.disk, fake_random(&world.seed) % world.disk.count);
    if (queue_take(&world.to_server, &m))
        vmbus_server_receive(world.server, m.bytes, m.length);
    (void)vmbus_server_post_again(world.server);
    if (world.bus_woken) {
        world.bus_woken = false;
        storvsp_service(world.adapter);
    }
    for (uint32_t i = 0; i < CHANNELS; i++) {
        struct channel *c = &world.channels[i];

        if (c->storvsp && c->woken)
            c->woken = storvsp_channel_work(c->storvsp);
    }
}

static void root_runs(void)
{
    if (cpu.index != 0)
        return;
    lock();
    root_step();
    unlock();
}

static void root_make(void)
{
    static const struct storvsp_config config = {.instance = {.data1 = 7},
                                                 .queue_depth = 8,
                                                 .max_transfer_bytes = 0x10000,
                                                 .backend_bytes = 16,
                                                 .sub_channel_max = CHANNELS - 1};
    const struct vmbus_server_limits limits = {.vp_count = world.boot.vp_count,
                                               .channels = 16,
                                               .gpadls = 16,
                                               .half_built = 4,
                                               .pages = 256,
                                               .replies = 64};

    world.server = vmbus_server_create(&server_port, NULL, &limits);
    MUST(world.server);
    world.adapter = malloc(sizeof(*world.adapter));
    MUST(
        storvsp_adapter_init(world.adapter, &storvsp_port, &world.child, &config, adapter_revoked));
    MUST(storvsp_lun_add(world.adapter, 0, &world.disk.scsi, &fake_disk_backend, &world.disk));
    MUST(vmbus_server_offer(world.server, &world.adapter->offer));
}

static void root_drop(void)
{
    lock(); /* for good: the other VPs stop */
    while (!vmbus_server_stop(world.server))
        root_step();
    vmbus_server_destroy(world.server);
    MUST(!world.adapter);
    MUST(world.allocated == 0);
    MUST(world.child.pinned == 0);
}

/* ---- what the guest has instead of its library ---- */

uint64_t guest_time(void)
{
    root_runs();
    return __atomic_add_fetch(&world.time, TICK, __ATOMIC_RELAXED);
}

bool guest_synic_message(struct hv_message *m)
{
    struct message next;
    bool any;

    root_runs();
    lock();
    any = cpu.index == 0 && queue_take(&world.to_client, &next);
    unlock();
    if (!any)
        return false;
    m->header.message_type = VMBUS_MESSAGE_TYPE;
    m->header.payload_size = (uint8_t)next.length;
    memcpy(m->payload, next.bytes, sizeof(next.bytes));
    return true;
}

static bool flag_take(uint32_t relid)
{
    bool set;

    lock();
    set = world.flags[cpu.index][relid];
    world.flags[cpu.index][relid] = false;
    unlock();
    return set;
}

bool guest_synic_events(void (*handler)(uint32_t flag))
{
    bool any = false;

    for (uint32_t relid = 1; relid < RELIDS; relid++) {
        if (!flag_take(relid))
            continue;
        any = true;
        handler(relid);
    }
    return any;
}

void guest_synic_enable(uint32_t sint)
{
    MUST(sint == VMBUS_SINT);
}

void guest_halt(void)
{
    root_runs();
    sched_yield();
}

void guest_kick(uint32_t vp)
{
    MUST(vp < world.boot.vp_count);
}

hv_status hv_call_post_message(const struct hv_client *c, hv_connection_id connection,
                               uint32_t type, const void *payload, uint32_t size)
{
    hv_status status;

    (void)c;
    MUST(type == VMBUS_MESSAGE_TYPE);
    MUST(connection == VMBUS_CONNECTION_ID || connection == VMBUS_CONNECTION_ID_5);
    root_runs();
    lock();
    status = queue_put(&world.to_server, payload, size);
    unlock();
    return status;
}

hv_status hv_call_signal_event(const struct hv_client *c, hv_connection_id connection,
                               uint16_t flag)
{
    (void)c;
    MUST(flag == 0);
    lock();
    for (uint32_t i = 0; i < CHANNELS; i++) {
        struct vmbus_channel *doorbell = world.channels[i].doorbell;

        if (doorbell && doorbell->connection_id == connection)
            vmbus_server_signalled(doorbell);
    }
    unlock();
    return HV_STATUS_SUCCESS;
}

uint64_t guest_memory_left(void)
{
    return MEMORY - world.used;
}

void *guest_memory(uint64_t bytes)
{
    uint64_t size = (bytes + CHILD_PAGE - 1) / CHILD_PAGE * CHILD_PAGE, at;

    lock();
    at = world.used;
    world.used += size;
    unlock();
    MUST(at + size <= MEMORY);
    return world.child.memory + at;
}

uint64_t guest_page_number(const void *page)
{
    return CHILD_FIRST_PAGE + (uint64_t)((const uint8_t *)page - world.child.memory) / CHILD_PAGE;
}

uint64_t *guest_page_numbers(const void *memory, uint32_t count)
{
    uint64_t *numbers = guest_memory(count * sizeof(*numbers));

    for (uint32_t i = 0; i < count; i++)
        numbers[i] = guest_page_number(memory) + i;
    return numbers;
}

void guest_printf(const char *format, ...)
{
    char line[GUEST_LINE_MAX + 1];
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    rt_vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    length = strlen(line);
    lock();
    MUST(length < OUTPUT - world.printed);
    memcpy(world.output + world.printed, line, length + 1);
    world.printed += length;
    unlock();
    fputs(line, stdout);
}

const char *guest_command_line(void)
{
    return world.command_line;
}

bool guest_hypercall_enable(void)
{
    return true;
}

const struct hv_client *guest_client(void)
{
    return NULL;
}

struct guest_cpu *guest_cpu_this(void)
{
    return &cpu;
}

void insn_pause(void);
void insn_pause(void)
{
    sched_yield();
}

uint64_t insn_rdmsr(uint32_t msr);
uint64_t insn_rdmsr(uint32_t msr)
{
    MUST(msr == HV_X64_MSR_SIMP || msr == HV_X64_MSR_HYPERCALL);
    return (CHILD_FIRST_PAGE + CHILD_PAGES - (msr == HV_X64_MSR_SIMP ? 2 : 1)) *
           (uint64_t)CHILD_PAGE;
}

void insn_wrmsr(uint32_t msr, uint64_t v);
void insn_wrmsr(uint32_t msr, uint64_t v)
{
    (void)msr;
    (void)v;
    MUST(false);
}

/* ---- VPs ---- */

struct other_vp {
    void (*entry)(void);
    uint32_t index;
};

static void *other_vp_main(void *argument)
{
    const struct other_vp *vp = argument;

    cpu.index = vp->index;
    vp->entry();
    return NULL;
}

/* They stay until the process ends. */
void guest_others_start(const struct guest_boot *boot, void (*entry)(void))
{
    static struct other_vp others[VPS];
    pthread_t thread;

    for (uint32_t i = 1; i < boot->vp_count; i++) {
        others[i] = (struct other_vp){.entry = entry, .index = i};
        MUST(pthread_create(&thread, NULL, other_vp_main, &others[i]) == 0);
        MUST(pthread_detach(thread) == 0);
    }
}

/* The end of a run, from wherever. */
_Noreturn void guest_exit(uint8_t code)
{
    bool ok = code == world.code && (!world.check || world.check());

    printf("guest: exit code %u\n", code);
    root_drop();
    fflush(stdout);
    _exit(ok ? 0 : 1);
}

/* ---- runs ---- */

struct fake_disk *world_disk(void)
{
    return &world.disk;
}

const char *world_output(void)
{
    return world.output;
}

const char *world_disk_sha256(void)
{
    struct sha256 s;

    sha256_init(&s);
    sha256_update(&s, world.disk.data, WORLD_BYTES);
    sha256_final(&s, world.sha256);
    sha256_hex(world.sha256, world.hex);
    return world.hex;
}

static _Noreturn void run(void (*prepare)(void))
{
    alarm(TIME_OUT);
    child_make(&world.child);
    disk_make(&world.disk, &world.child, WORLD_SECTORS, WORLD_SECTOR_SIZE, 3);
    world.disk.mode = DISK_WHEN_TOLD;
    world.disk.scsi.max_transfer_sectors = 0x10000 / WORLD_SECTOR_SIZE;
    if (prepare)
        prepare();
    root_make();
    guest_exit(guest_main(&world.boot));
}

void world_run(const char *command_line, uint32_t vps, uint8_t code, void (*prepare)(void),
               bool (*check)(void))
{
    pid_t child;
    int status;

    world.boot.memory_size = CHILD_FIRST_PAGE * (uint64_t)CHILD_PAGE + MEMORY;
    world.boot.vp_count = vps;
    world.command_line = command_line;
    world.code = code;
    world.check = check;
    fflush(stdout);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run(prepare);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
