/* SPDX-License-Identifier: MIT */
/* fuzz_partition.c - any sequence of a worker's calls of its partition file, with anything in their
 * structures, while its child makes intercepts and ends: the hypervisor hears about this partition
 * only, its VPs, and nothing of what is root's; an intercept is answered once and only after it was
 * told; mappings stay within the child's memory; nothing leaks.
 *
 * Input: records. The structure of a call is the record's body, again and again. */
#include <stdlib.h>
#include <string.h>
#include <hvabi/management.h>
#include <hvabi/msr.h>
#include <rootabi/errno.h>
#include <rootabi/ioctl.h>
#include <rootabi/syscall.h>
#include "child/partition.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "proc/file.h"
#include "proc/process.h"
#include "root_kernel.h"
#include "sched/watch.h"
#include "worker_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct record {
    uint8_t what;
    uint8_t vp;        /* of what the hypervisor says; high bits: what is to wake the worker */
    uint8_t status;    /* what the hypervisor answers */
    uint8_t meanwhile; /* happens if the worker sleeps; high bits: files are ready; no memory */
    uint8_t body[28];
};

enum { CALL, MAP = CALL + 11, INTERCEPT, CRASH, EOI, END, WHATS };
enum { RECORDS_MAX = 64, OTHER_FD = 4, MAP_LIMIT = 47 };

static struct {
    const struct file_operations *operations; /* of partition files */
    struct file partition, other, memory;
    bool memory_made, no_memory;
    struct process process;
    struct record record;
    bool told[FIXTURE_VPS]; /* an intercept, that is not answered */
    int live;
} world;

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* ---- the rest of root ---- */

struct process *process_current(void)
{
    return &world.process;
}

struct file *file_of(const struct file_table *t, uint64_t fd)
{
    (void)t;
    if (fd == PARTITION_FD)
        return file_get(&world.partition);
    return fd == OTHER_FD ? file_get(&world.other) : NULL;
}

struct file *file_create(const struct file_operations *ops, void *object, uint32_t flags)
{
    struct file *f = object == &fixture.child ? &world.partition : &world.memory;

    if (world.no_memory)
        return NULL;
    *f = (struct file){.ops = ops, .object = object, .flags = flags};
    world.memory_made = f == &world.memory;
    return file_get(f);
}

int64_t child_create(struct vm_create *a, struct child **out)
{
    (void)a;
    *out = &fixture.child;
    return 0;
}

bool child_has_ended(const struct child *c)
{
    return c->state == CHILD_ENDED;
}

void child_put(struct child *c)
{
    (void)c;
}

void watch_add(struct watch *w, struct wait_queue *q)
{
    (void)w;
    (void)q;
}

int64_t worker_start(struct child *c, struct file *partition, struct file *control,
                     struct vm_worker *a)
{
    (void)c;
    (void)partition;
    (void)control;
    (void)a;
    return 0;
}

/* All that would be mapped is there. Where it is the child's, the sanitizer knows. */
int64_t space_map_lent(struct address_space *s, uint64_t address, const struct space_lent *lent)
{
    (void)s;
    for (uint64_t at = 0; at < lent->size;) {
        uint64_t length = 0, physical = lent->find(lent->context, at, &length);
        volatile uint8_t *bytes = phys_to_virt(physical);

        require(physical != 0 && length != 0);
        if (length > lent->size - at)
            length = lent->size - at;
        (void)bytes[0];
        (void)bytes[length - 1];
        at += length;
    }
    return (int64_t)address;
}

/* ---- what the hypervisor and others do ---- */

static void say(uint32_t type, uint32_t number)
{
    struct hv_message m = {.header = {.message_type = type, .payload_size = 240}};
    struct hv_x64_intercept_message_header *h = (void *)m.payload;

    memcpy(m.payload, world.record.body, sizeof(world.record.body));
    if (type == HvMessageTypeX64ApicEoi)
        ((struct hv_x64_apic_eoi_message *)m.payload)->interrupt_vector = number;
    else
        h->vp_index = number;
    if (type == HvMessageTypeMsrIntercept)
        ((struct hv_x64_msr_intercept_message *)m.payload)->msr_number = HV_X64_MSR_CRASH_CTL;
    worker_intercept(&fixture.child, &m);
    if (type != HvMessageTypeX64ApicEoi && fixture.child.worker.on)
        world.told[number] = false; /* it was started anew */
}

static void intercepts(void)
{
    say(HvMessageTypeX64IoPortIntercept, world.record.vp % FIXTURE_VPS);
}

static void crashes(void)
{
    say(HvMessageTypeMsrIntercept, world.record.vp % FIXTURE_VPS);
}

static void interrupt_ends(void)
{
    say(HvMessageTypeX64ApicEoi, world.record.body[0] | (uint32_t)world.record.body[1] << 8);
}

static void ends(void)
{
    fixture.child.state = CHILD_ENDING;
    worker_end(&fixture.child);
}

static void killed(void)
{
    fixture.killed = true;
}

static void rings(void)
{
    if (fixture.watch != NULL)
        fixture_ring();
    else
        killed();
}

/* Whoever waits is woken, or would wait for ever. */
static void prepare(void)
{
    static void (*const sleeps[])(void) = {intercepts, crashes, interrupt_ends,
                                           ends,       killed,  rings};
    static const hv_status statuses[] = {
        HV_STATUS_SUCCESS,           HV_STATUS_SUCCESS,
        HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_REGISTER_VALUE,
        HV_STATUS_INVALID_VP_STATE,  HV_STATUS_INVALID_PARTITION_ID};

    fixture.sleep = sleeps[world.record.meanwhile % 6];
    fixture.poll = (world.record.meanwhile & 0x40) != 0 ? POLL_IN : 0;
    fixture.status = statuses[world.record.status % 6];
    fixture.killed = false;
    world.no_memory = (world.record.meanwhile & 0x80) != 0;
}

/* ---- what the hypervisor has heard ---- */

/* Getting begins as setting. */
static void check_vp(const struct hv_input_set_vp_registers *in)
{
    require(in->partition_id == FIXTURE_ID && in->vp_index < FIXTURE_VPS);
}

static void check_ports(const struct hv_input_install_intercept *in)
{
    uint64_t first = in->intercept_parameter & 0xffff;
    uint64_t last = in->intercept_parameter >> HV_INTERCEPT_PARAMETER_PORT_RANGE_END_SHIFT;

    require(in->partition_id == FIXTURE_ID && in->intercept_type == HvInterceptTypeX64IoPortRange);
    require(first <= last && last <= 0xffff);
}

static void check_call(const struct fixture_call *call)
{
    const struct hv_input_assert_virtual_interrupt *interrupt = (const void *)call->input;
    const struct hv_input_translate_virtual_address *translate = (const void *)call->input;

    switch (call->code) {
    case HvCallSetVpRegisters:
    case HvCallGetVpRegisters:
        check_vp((const void *)call->input);
        break;
    case HvCallInstallIntercept:
        check_ports((const void *)call->input);
        break;
    case HvCallAssertVirtualInterrupt:
        require(interrupt->partition_id == FIXTURE_ID && interrupt->requested_vector <= UINT8_MAX);
        break;
    case HvCallTranslateVirtualAddress:
        require(translate->partition_id == FIXTURE_ID && translate->vp_index < FIXTURE_VPS);
        break;
    default:
        abort();
    }
}

/* ---- the worker's calls ---- */

/* What was taken as an answer was due, and is not any more. */
static void check_answered(uint32_t vp, bool on)
{
    if (vp == PARTITION_NO_VP)
        return;
    require(vp < FIXTURE_VPS);
    require(!on || world.told[vp]);
    world.told[vp] = false;
}

/* Those by which root holds VPs. */
static void check_names(const struct partition_registers *a)
{
    require(a->vp < FIXTURE_VPS && a->count != 0 && a->count <= PARTITION_REGISTERS_MAX);
    for (uint32_t i = 0; i < a->count; i++)
        require(a->registers[i].name != HvRegisterExplicitSuspend &&
                a->registers[i].name != HvRegisterInterceptSuspend &&
                a->registers[i].name != HvRegisterDispatchSuspend);
}

static void check_next(const struct partition_next *a)
{
    const struct hv_message *m;

    switch (a->event) {
    case PARTITION_EVENT_INTERCEPT:
        require(a->vp < FIXTURE_VPS && !world.told[a->vp]);
        m = phys_to_virt(ram_page(fixture.child.ram, a->vp));
        require(((const struct hv_x64_intercept_message_header *)m->payload)->vp_index == a->vp);
        world.told[a->vp] = true;
        break;
    case PARTITION_EVENT_EOI:
        require((a->eoi[0] | a->eoi[1] | a->eoi[2] | a->eoi[3]) != 0);
        break;
    case PARTITION_EVENT_ENDED:
        require(!fixture.child.worker.on);
        break;
    case PARTITION_EVENT_WAKE:
    case PARTITION_EVENT_TIMEOUT:
    case PARTITION_EVENT_CRASH:
        break;
    default:
        abort();
    }
}

static void fill(uint8_t *argument, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        argument[i] = world.record.body[i % sizeof(world.record.body)];
}

/* PARTITION_IOCTL_NEXT; what is told while it sleeps comes after its answer. */
static int64_t call_next(const struct file_ioctl *i, struct partition_next *a)
{
    static const int32_t wakes[] = {-1, OTHER_FD, PARTITION_FD, OTHER_FD + 1, -1, OTHER_FD};
    uint32_t answered = a->answered_vp;
    bool on = fixture.child.worker.on, was_told[FIXTURE_VPS];
    int64_t result;

    a->wake_fd = wakes[(world.record.vp >> 4) % 6];
    memcpy(was_told, world.told, sizeof(was_told));
    result = i->handle(&world.partition, a);
    if (result != 0)
        return result;
    if (answered < FIXTURE_VPS)
        world.told[answered] = was_told[answered];
    check_answered(answered, on);
    check_next(a);
    return result;
}

static void call(const struct file_ioctl *i)
{
    uint32_t size = IOCTL_SIZE(i->command), calls = fixture.call_count;
    void *argument = calloc(1, size + 1u); /* the sanitizer knows where it ends */
    int64_t result;

    require(argument != NULL);
    if ((IOCTL_DIRECTION(i->command) & IOCTL_WRITE) != 0)
        fill(argument, size);
    result = i->command == PARTITION_IOCTL_NEXT ? call_next(i, argument)
                                                : i->handle(&world.partition, argument);
    require(result <= 0 && result > -4096);
    if (result == 0 && (i->command == PARTITION_IOCTL_REGISTERS_SET ||
                        i->command == PARTITION_IOCTL_REGISTERS_GET))
        check_names(argument);
    for (; calls != fixture.call_count; calls++)
        check_call(&fixture.calls[calls % FIXTURE_CALLS]);
    free(argument);
}

static void map(void)
{
    struct file_mmap m = {.access = SPACE_READ | (world.record.vp & 1 ? SPACE_WRITE : 0),
                          .shared = (world.record.vp & 2) == 0};

    memcpy(&m.offset, world.record.body, sizeof(m.offset));
    memcpy(&m.size, world.record.body + 8, sizeof(m.size));
    m.offset &= ~(PAGE_SIZE - 1);
    m.size = (m.size & ((1ull << MAP_LIMIT) - 1) & ~(PAGE_SIZE - 1)) + PAGE_SIZE;
    world.memory_made = false;
    (void)world.operations->mmap(&world.partition, &m);
    if (world.memory_made)
        world.memory.ops->release(&world.memory);
    require(fixture.child.ram->users == 1);
}

static void one(void)
{
    unsigned what = world.record.what % WHATS;

    prepare();
    if (what < MAP)
        call(&world.operations->ioctls[what % world.operations->ioctl_count]);
    else if (what == MAP)
        map();
    else if (what == INTERCEPT)
        intercepts();
    else if (what == CRASH)
        crashes();
    else if (what == EOI)
        interrupt_ends();
    else
        ends();
    if (fixture.child.state != CHILD_RUNNING && fixture.child.worker.on)
        worker_end(&fixture.child); /* as child_end does */
    require(fake.locks_held == 0 && !fixture.interrupts_on);
}

/* Once: its memory is large. */
static void begin_world(void)
{
    struct vm_create a = {.vp_count = FIXTURE_VPS};
    struct file *f;

    if (world.operations != NULL)
        return;
    fixture_begin(NULL);
    require(partition_create(&a, &f) == 0 && f == &world.partition);
    world.operations = f->ops;
    require(world.operations->ioctl_count == MAP - CALL);
    world.live = fake.live;
}

static void begin_child(void)
{
    struct child *c = &fixture.child;

    c->state = CHILD_RUNNING;
    c->started = c->paused = false;
    c->crashes = 0;
    memset(world.told, 0, sizeof(world.told));
    for (uint32_t i = 0; i < FIXTURE_VPS; i++)
        c->worker.vps[i].state = WORKER_VP_NONE;
    fixture.files = 0;
    fixture.call_count = 0;
    worker_begin(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_world();
    begin_child();
    for (unsigned n = 0; size >= sizeof(world.record) && n < RECORDS_MAX; n++) {
        memcpy(&world.record, data, sizeof(world.record));
        data += sizeof(world.record);
        size -= sizeof(world.record);
        one();
    }
    worker_end(&fixture.child);
    worker_gone(&fixture.child);
    require(fixture.files == 0 && fixture.watch == NULL && fixture.child.worker.waits == NULL);
    require(fake.live == world.live);
    return 0;
}
