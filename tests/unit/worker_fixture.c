/* SPDX-License-Identifier: MIT */
/* tests/unit/worker_fixture.c - see worker_fixture.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <rt/format.h>
#include "child/hv.h"
#include "cpu/cpu.h"
#include "mm/memory.h"
#include <rootabi/syscall.h>
#include "proc/file.h"
#include "root_kernel.h"
#include "sched/sched.h"
#include "sched/time.h"
#include "sched/wall_clock.h"
#include "sched/watch.h"
#include "worker_fixture.h"

struct fixture fixture;

static _Alignas(8) uint8_t input[HV_PAGE_SIZE], output[HV_PAGE_SIZE];
static struct hv_client client;

/* ---- the hypervisor ---- */

uint64_t hypercall_invoke(const void *page, uint64_t control, uint64_t in, uint64_t out)
{
    uint64_t reps = control >> HV_HYPERCALL_REP_COUNT_SHIFT & 0xfff;
    struct fixture_call *call = &fixture.calls[fixture.call_count++ % FIXTURE_CALLS];

    (void)page;
    (void)in;
    (void)out;
    assert_true(fake.locks_held != 0 || fixture.interrupts_on); /* the partition exists meanwhile */
    call->code = (uint16_t)control;
    memcpy(call->input, input, sizeof(call->input));
    memcpy(output, fixture.output, sizeof(output));
    if (fixture.status != HV_STATUS_SUCCESS)
        reps = 0;
    return fixture.status | reps << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT;
}

const struct hv_client *hv_begin(void)
{
    fixture.interrupts_on = true;
    return &client;
}

void hv_end(void)
{
    fixture.interrupts_on = false;
}

const struct hv_client *hv_client_here(void)
{
    assert_int_not_equal(fake.locks_held, 0); /* interrupts are off */
    return &client;
}

hv_partition_id hv_root_id(void)
{
    return 1;
}

/* ---- the rest of root ---- */

bool child_runs(const struct child *c)
{
    return c->state == CHILD_RUNNING;
}

struct child_ram *child_ram_get(struct child *c)
{
    ram_get(c->ram);
    return c->ram;
}

void child_end(struct child *c, uint32_t end, uint32_t status, const char *fmt, ...)
{
    va_list ap;

    assert_int_equal(fake.locks_held, 0);
    c->state = CHILD_ENDING;
    fixture.end = end;
    fixture.end_status = status;
    va_start(ap, fmt);
    rt_vsnprintf(fixture.reason, sizeof(fixture.reason), fmt, ap);
    va_end(ap);
}

void memory_totals(struct memory_totals *t)
{
    *t = (struct memory_totals){.total = 1 << 30, .free = 1 << 30};
}

void page_zero(uint64_t physical, unsigned order)
{
    memset((void *)(uintptr_t)physical, 0, PAGE_SIZE << order);
}

uint64_t time_tsc_frequency(void)
{
    return 2000000000;
}

uint64_t wall_clock_now(void)
{
    return fake.now + 5000;
}

static int the_thread;

struct thread *thread_current(void)
{
    return (struct thread *)&the_thread;
}

void thread_wake(struct thread *t)
{
    assert_ptr_equal(t, thread_current());
    assert_int_not_equal(fake.locks_held, 0);
    fixture.wakes++;
}

bool thread_killed(void)
{
    return fixture.killed;
}

/* ---- waiting ---- */

/* Somebody does something; or nothing ever happens. */
static bool sleep_once(bool (*done)(void *context), void *context, bool forever)
{
    void (*sleep)(void) = fixture.sleep;

    assert_int_equal(fake.locks_held, 0);
    if (done(context))
        return true;
    fixture.sleeps++;
    fixture.sleep = NULL;
    if (sleep != NULL)
        sleep();
    else
        assert_false(forever);
    return done(context);
}

bool sched_halt(bool (*done)(void *context), void *context)
{
    return fixture.blocks ? done(context) : sleep_once(done, context, true);
}

bool wait_until_killed(struct wait_queue *q, bool (*done)(void *context), void *context,
                       uint64_t ns)
{
    assert_ptr_equal(q, &fixture.child.worker.queue);
    return sleep_once(done, context, ns == WAIT_FOREVER);
}

struct file *file_get(struct file *f)
{
    fixture.files++;
    return f;
}

void file_put(struct file *f)
{
    fixture.files -= f != NULL;
}

uint32_t file_poll(struct file *f, struct watch *w)
{
    (void)f;
    assert_int_equal(fake.locks_held, 0); /* it may sleep */
    fixture.watch = w;
    fixture.polls++;
    return fixture.poll;
}

void watch_init(struct watch *w, struct waiter *waiters, uint32_t max)
{
    *w = (struct watch){.waiters = waiters, .max = max};
}

void watch_begin(struct watch *w)
{
    w->woken = false;
}

void watch_end(struct watch *w)
{
    assert_true(fixture.watch == NULL || w == fixture.watch); /* NULL: it was never polled */
    fixture.watch = NULL;
}

/* ---- for tests ---- */

int fixture_begin(void **state)
{
    struct child *c = &fixture.child;

    (void)state;
    fake_kernel_reset();
    memset(&fixture, 0, sizeof(fixture));
    client = (struct hv_client){.page = "page", .input = input, .output = output};
    strcpy(c->name, "child");
    c->id = FIXTURE_ID;
    c->vp_count = FIXTURE_VPS;
    c->memory_size = 2 * RAM_BLOCK;
    c->state = CHILD_RUNNING;
    c->has_worker = true;
    c->ram = ram_create(c->memory_size, FIXTURE_VPS);
    assert_non_null(c->ram);
    assert_true(worker_allocate(c));
    worker_begin(c);
    return 0;
}

int fixture_end(void **state)
{
    (void)state;
    worker_end(&fixture.child);
    worker_gone(&fixture.child);
    assert_int_equal(fixture.files, 0);
    assert_null(fixture.child.worker.waits);
    worker_free(&fixture.child);
    ram_put(fixture.child.ram);
    assert_int_equal(fake.live, 0);
    assert_int_equal(fake.locks_held, 0);
    return 0;
}

void fixture_ring(void)
{
    fixture.poll = POLL_IN;
    assert_non_null(fixture.watch);
    fixture.watch->woken = true;
    fixture.watch->rang(fixture.watch);
}

void fixture_intercept(uint32_t vp, uint32_t type, uint64_t rip)
{
    struct hv_message m = {.header = {.message_type = type, .payload_size = 64}};
    struct hv_x64_intercept_message_header *h = (void *)m.payload;

    h->vp_index = vp;
    h->rip = rip;
    h->length_and_cr8 = 2;
    worker_intercept(&fixture.child, &m);
}

struct partition_next fixture_next(void)
{
    struct partition_next a = {.answered_vp = PARTITION_NO_VP, .wake_fd = -1};

    assert_int_equal(worker_next(&fixture.child, &a, NULL), 0);
    return a;
}

const void *fixture_last(uint16_t code)
{
    assert_int_not_equal(fixture.call_count, 0);
    assert_int_equal(fixture.calls[(fixture.call_count - 1) % FIXTURE_CALLS].code, code);
    return fixture.calls[(fixture.call_count - 1) % FIXTURE_CALLS].input;
}
