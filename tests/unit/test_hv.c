/* SPDX-License-Identifier: MIT */
/* tests/unit/test_hv.c - what root's interrupt handlers spend on children, of root/child/hv.c: who
 * rings without end is kept waiting, and nobody else is. The test is the hypervisor, which sets
 * flags and leaves messages in the pages that hv_init gave it, and the clock. */
#include "fakes/test.h"

#include <pthread.h>
#include <semaphore.h>
#include <hvabi/msr.h>
#include <hvabi/synic.h>
#include <x86/insn.h>
#include "child/child.h"
#include "child/doorbell.h"
#include "child/hv.h"
#include "cpu/cpu.h"
#include "io/irq.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "sched/thread.h"
#include "sched/time.h"

#define MS 1000000ull

enum { FLOODER = 3, NEIGHBOUR = 700, FIRST_OF_MANY = 10, MANY = 12 };

static struct {
    uint64_t now; /* ns, and ticks */
    void *hypercall_page;
    struct hv_message_page *messages;
    uint64_t *flags; /* of HV_SINT_CHILDREN */
    struct irq *irqs[HV_SINTS_USED];
    uint32_t irq_count;
    unsigned messages_handled;
    unsigned to_post; /* messages that follow the one that is taken */
    void (*message_came)(void);
} machine;

static uint64_t cost; /* of a doorbell or message, ns */

/* ---- the processor ---- */

uint64_t insn_rdtsc(void)
{
    return machine.now;
}

void insn_pause(void)
{
}

static void message_put(void)
{
    struct hv_message *slot = &machine.messages->slots[HV_SINT_CHILDREN];

    slot->header.message_flags = machine.to_post != 0 ? HV_MESSAGE_FLAG_PENDING : 0;
    slot->header.message_type = 1;
}

void insn_wrmsr(uint32_t msr, uint64_t v)
{
    uint64_t page = v & ~(PAGE_SIZE - 1);

    if (msr == HV_X64_MSR_SIMP)
        machine.messages = phys_to_virt(page);
    if (msr == HV_X64_MSR_SIEFP)
        machine.flags =
            (uint64_t *)phys_to_virt(page) + HV_SINT_CHILDREN * HV_EVENT_FLAGS_COUNT / 64;
    if (msr != HV_X64_MSR_EOM)
        return;
    machine.to_post--;
    message_put();
}

uint64_t time_tsc_frequency(void)
{
    return 1000 * MS;
}

/* ---- root ---- */

uint32_t cpu_count(void)
{
    return 1;
}

struct cpu *this_cpu(void)
{
    static struct cpu cpu;

    return &cpu;
}

uint64_t interrupts_off(void)
{
    return 0;
}

void interrupts_restore(uint64_t flags)
{
    (void)flags;
}

void *kalloc(size_t size)
{
    return calloc(1, size);
}

void kfree(void *p)
{
    free(p);
}

uint64_t page_alloc(unsigned order)
{
    return (uintptr_t)aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
}

void page_free(uint64_t physical, unsigned order)
{
    (void)order;
    free(phys_to_virt(physical));
}

void page_zero(uint64_t physical, unsigned order)
{
    memset(phys_to_virt(physical), 0, PAGE_SIZE << order);
}

void *phys_to_virt(uint64_t physical)
{
    return (void *)(uintptr_t)physical;
}

uint64_t virt_to_phys(const void *address)
{
    return (uintptr_t)address;
}

bool kernel_map(uint64_t va, uint64_t physical, uint64_t flags)
{
    machine.hypercall_page = phys_to_virt(physical);
    return va != 0 && flags != 0;
}

bool irq_alloc(struct irq *irq, uint32_t cpu, irq_handler handler, void *context)
{
    *irq = (struct irq){.vector = 0x30, .cpu = cpu, .handler = handler, .context = context};
    machine.irqs[machine.irq_count++] = irq;
    return true;
}

void mutex_init(struct mutex *m)
{
    *m = (struct mutex){0};
}

void mutex_lock(struct mutex *m)
{
    (void)m;
}

void mutex_unlock(struct mutex *m)
{
    (void)m;
}

void log_print(const char *fmt, ...)
{
    fail_msg("%s", fmt);
}

/* ---- hypercalls ---- */

_Bool hypercall_present(void)
{
    return true;
}

_Bool hypercall_page_enable(uint64_t page_gpa)
{
    return page_gpa != 0;
}

hv_status hv_call_get_partition_id(const struct hv_client *c, hv_partition_id *id)
{
    (void)c;
    *id = 1;
    return HV_STATUS_SUCCESS;
}

/* ---- the SynIC's thread: it and the test run in turn ---- */

static struct {
    pthread_t id;
    sem_t its, ours; /* turns */
    thread_entry entry;
    void *argument;
    bool waits, over;
} thread;

static void give_turn(void)
{
    sem_post(&thread.ours);
    sem_wait(&thread.its);
    if (thread.over)
        pthread_exit(NULL);
}

static void *run(void *unused)
{
    sem_wait(&thread.its);
    thread.entry(thread.argument);
    return unused;
}

struct thread *thread_start(const char *name, thread_entry entry, void *argument, int cpu)
{
    (void)name;
    (void)cpu;
    thread.entry = entry;
    thread.argument = argument;
    assert_int_equal(pthread_create(&thread.id, NULL, run, NULL), 0);
    return (struct thread *)(void *)&thread;
}

/* Until it waits for something. */
static void thread_turn(void)
{
    sem_post(&thread.its);
    sem_wait(&thread.ours);
}

void thread_yield(void)
{
    thread_turn();
}

void thread_sleep(uint64_t ns)
{
    machine.now += ns;
}

void wait_queue_init(struct wait_queue *q)
{
    *q = (struct wait_queue){0};
}

void wake_all(struct wait_queue *q)
{
    (void)q;
}

void wait_until(struct wait_queue *q, bool (*condition)(void *context), void *context)
{
    (void)q;
    do {
        thread.waits = !condition(context);
        give_turn();
    } while (!condition(context));
}

/* ---- children ---- */

static void intercept(const struct hv_message *m)
{
    (void)m;
}

static void message(const struct hv_message *m)
{
    (void)m;
    machine.now += cost;
    machine.messages_handled++;
    if (machine.message_came)
        machine.message_came();
}

static void rang(void *context)
{
    machine.now += cost;
    ++*(unsigned *)context;
}

static void flag_set(const struct doorbell *d)
{
    machine.flags[d->flag / 64] |= 1ull << d->flag % 64;
}

static bool flag_is_set(const struct doorbell *d)
{
    return machine.flags[d->flag / 64] >> d->flag % 64 & 1;
}

static void interrupt(void)
{
    machine.irqs[HV_SINT_CHILDREN]->handler(machine.irqs[HV_SINT_CHILDREN]->context);
}

/* As the hypervisor does it: an interrupt only if the flag was clear. */
static void ring(const struct doorbell *d)
{
    bool was_set = flag_is_set(d);

    flag_set(d);
    if (!was_set)
        interrupt();
}

/* Its flags, and how often they were handled. */
struct bells {
    struct doorbell first, second;
    unsigned rang, rang_second;
};

static void bells_take(struct bells *b, uint32_t child)
{
    *b = (struct bells){0};
    assert_true(doorbell_take(&b->first, 0, child, rang, &b->rang));
    assert_true(doorbell_take(&b->second, 0, child, rang, &b->rang_second));
}

static void bells_release(struct bells *b)
{
    doorbell_release(&b->first);
    doorbell_release(&b->second);
}

/* ---- the tests ---- */

static struct {
    struct bells flooder, neighbour;
} world;

static int group_set_up(void **state)
{
    static const struct hv_handlers handlers = {intercept, doorbell_rang, message};

    (void)state;
    machine.now = 10 * MS;
    sem_init(&thread.its, 0, 0);
    sem_init(&thread.ours, 0, 0);
    assert_true(doorbell_init());
    assert_true(hv_init(&handlers));
    return 0;
}

static int group_end(void **state)
{
    (void)state;
    thread.over = true;
    sem_post(&thread.its);
    return pthread_join(thread.id, NULL);
}

/* A new window, with nothing left over from the one before. */
static int set_up(void **state)
{
    (void)state;
    while (!thread.waits)
        thread_turn();
    machine.now += 10 * MS;
    machine.messages_handled = 0;
    machine.to_post = 0;
    machine.message_came = NULL;
    cost = 1000;
    bells_take(&world.flooder, FLOODER);
    bells_take(&world.neighbour, NEIGHBOUR);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bells_release(&world.flooder);
    bells_release(&world.neighbour);
    return 0;
}

/* Ring @b until its flag is left alone; how often it was handled. */
static unsigned flood(struct bells *b)
{
    unsigned before = b->rang;

    for (unsigned i = 0; i < 10000 && !flag_is_set(&b->first); i++)
        ring(&b->first);
    assert_true(flag_is_set(&b->first));
    return b->rang - before;
}

static void child_that_rings_without_end_keeps_itself_waiting_only(void **state)
{
    unsigned handled = flood(&world.flooder);
    uint64_t window = machine.now;

    (void)state;
    assert_int_equal(handled, 125); /* an eighth of a millisecond of the CPU */
    for (unsigned i = 1; i <= 50; i++) {
        ring(&world.neighbour.first); /* at once, as often as it likes */
        assert_int_equal(world.neighbour.rang, i);
        assert_int_equal(world.flooder.rang, handled);
    }
    assert_true(machine.now - window < MS);
    ring(&world.flooder.second); /* another doorbell of the same child */
    assert_int_equal(world.flooder.rang_second, 0);
}

static void flags_left_set_are_handled_in_the_next_window(void **state)
{
    unsigned handled = flood(&world.flooder);

    (void)state;
    ring(&world.flooder.second);
    thread_turn();
    while (!thread.waits)
        thread_turn();
    assert_int_equal(world.flooder.rang, handled + 1);
    assert_int_equal(world.flooder.rang_second, 1);
    assert_false(flag_is_set(&world.flooder.first));
}

/* The first interrupt of a window, whoever makes it, ends the wait, and the thread finds nothing.
 */
static void interrupt_of_a_neighbour_in_the_next_window_ends_the_wait(void **state)
{
    unsigned handled = flood(&world.flooder);

    (void)state;
    machine.now += MS;
    ring(&world.neighbour.first);
    assert_int_equal(world.neighbour.rang, 1);
    assert_int_equal(world.flooder.rang, handled + 1);
    thread_turn();
    while (!thread.waits)
        thread_turn();
    assert_int_equal(world.flooder.rang, handled + 1);
}

static void many_floods_leave_everybody_a_flag_in_each_window(void **state)
{
    static struct bells many[MANY];
    uint64_t window = machine.now;
    unsigned sum = 0;

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        bells_take(&many[i], FIRST_OF_MANY + i);
        sum += flood(&many[i]);
        assert_in_range(many[i].rang, 1, 125);
    }
    assert_int_equal(many[MANY - 1].rang, 1);
    assert_in_range(sum, 500, 500 + MANY); /* half of the millisecond, and one for each */
    ring(&world.neighbour.first);
    assert_int_equal(world.neighbour.rang, 1);
    assert_true(machine.now - window < MS);
    for (uint32_t i = 0; i < MANY; i++)
        bells_release(&many[i]);
}

/* While messages are handled interrupts are off: its flag makes none. */
static void ring_neighbour(void)
{
    if (machine.messages_handled > 50)
        return;
    assert_int_equal(world.neighbour.rang, machine.messages_handled - 1);
    flag_set(&world.neighbour.first);
}

/* A thousand, one behind the other. */
static void doorbell_does_not_wait_for_many_messages(void **state)
{
    (void)state;
    machine.to_post = 1000;
    machine.message_came = ring_neighbour;
    message_put();
    interrupt();
    assert_int_equal(world.neighbour.rang, 50);
    assert_int_equal(machine.messages_handled, 325); /* what is left of 0.375 ms */
    flag_set(&world.neighbour.first);
    interrupt();
    assert_int_equal(world.neighbour.rang, 51);
    assert_int_equal(machine.messages_handled, 325);
    while (machine.messages_handled < 1001 || !thread.waits)
        thread_turn();
    assert_int_equal(machine.messages_handled, 1001);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(child_that_rings_without_end_keeps_itself_waiting_only),
        TEST(flags_left_set_are_handled_in_the_next_window),
        TEST(interrupt_of_a_neighbour_in_the_next_window_ends_the_wait),
        TEST(many_floods_leave_everybody_a_flag_in_each_window),
        TEST(doorbell_does_not_wait_for_many_messages),
    };

    return cmocka_run_group_tests(tests, group_set_up, group_end);
}
