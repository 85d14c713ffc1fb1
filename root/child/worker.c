/* SPDX-License-Identifier: MIT */
/* root/child/worker.c - see root/child/worker.h: intercepts, and who waits for them. What a worker
 * asks for besides is in root/child/worker_calls.c. */
#include "child/worker.h"

#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include <rt/mem.h>
#include "child/child.h"
#include "child/hv.h"
#include "cpu/cpu.h"
#include "mm/memory.h"
#include "proc/file.h"
#include "sched/sched.h"

/* After so many events in a row what wakes the worker has its turn. */
enum { EVENTS_IN_A_ROW = 16 };

bool worker_allocate(struct child *c)
{
    struct worker *w = &c->worker;

    w->vps = kalloc(c->vp_count * sizeof(*w->vps));
    if (w->vps == NULL)
        return false;
    for (uint32_t i = 0; i < c->vp_count; i++)
        w->vps[i].page = phys_to_virt(ram_page(c->ram, i));
    return true;
}

void worker_begin(struct child *c)
{
    struct worker *w = &c->worker;
    uint64_t flags = spin_lock(&w->queue.lock);

    w->first = w->last = PARTITION_NO_VP;
    w->any_eoi = w->news = false;
    memset(w->eoi, 0, sizeof(w->eoi));
    w->complaints = w->in_a_row = 0;
    w->on = true;
    spin_unlock(&w->queue.lock, flags);
}

/* There is something to tell. [w] */
static void announce(struct worker *w)
{
    __atomic_store_n(&w->news, true, __ATOMIC_RELEASE);
    if (w->waits != NULL)
        thread_wake(w->waits);
}

void worker_end(struct child *c)
{
    uint64_t flags = spin_lock(&c->worker.queue.lock);

    c->worker.on = false;
    announce(&c->worker);
    spin_unlock(&c->worker.queue.lock, flags);
}

void worker_free(struct child *c)
{
    kfree(c->worker.vps);
    c->worker.vps = NULL;
}

/* ---- what the hypervisor says ---- */

/* [w] */
static void make_ready(struct worker *w, uint32_t vp)
{
    w->vps[vp].state = WORKER_VP_READY;
    w->vps[vp].next = PARTITION_NO_VP;
    if (w->first == PARTITION_NO_VP)
        w->first = vp;
    else
        w->vps[w->last].next = vp;
    w->last = vp;
}

/* A VP that stands in one intercept makes another only if it was started anew in between (INIT):
 * the new one counts. [w] */
static void intercepted(struct worker *w, uint32_t vp, const struct hv_message *m)
{
    struct hv_message *page = w->vps[vp].page;

    page->header = m->header;
    memcpy(page->payload, m->payload, m->header.payload_size);
    if (w->vps[vp].state != WORKER_VP_READY)
        make_ready(w, vp);
}

/* [w] */
static void ended_interrupt(struct worker *w, const struct hv_x64_apic_eoi_message *m)
{
    uint32_t vector = m->interrupt_vector % WORKER_VECTORS;

    w->eoi[vector / 64] |= 1ull << vector % 64;
    w->any_eoi = true;
}

void worker_intercept(struct child *c, const struct hv_message *m)
{
    const struct hv_x64_intercept_message_header *h = (const void *)m->payload;
    struct worker *w = &c->worker;
    uint64_t flags = spin_lock(&w->queue.lock);

    if (w->on) {
        if (m->header.message_type == HvMessageTypeX64ApicEoi)
            ended_interrupt(w, (const void *)m->payload);
        else
            intercepted(w, h->vp_index, m);
        announce(w);
    }
    spin_unlock(&w->queue.lock, flags);
}

/* ---- the worker answers ---- */

/* Let VP @vp go on behind its intercept, with what the worker says. [w] */
static hv_status resume(const struct child *c, const struct partition_next *a)
{
    struct hv_register_assoc registers[3];
    uint32_t n = 0;

    if ((a->flags & PARTITION_ANSWER_RIP) != 0)
        registers[n++] =
            (struct hv_register_assoc){.name = HvX64RegisterRip, .value.reg64 = a->rip};
    if ((a->flags & PARTITION_ANSWER_RAX) != 0)
        registers[n++] =
            (struct hv_register_assoc){.name = HvX64RegisterRax, .value.reg64 = a->rax};
    registers[n++] = (struct hv_register_assoc){.name = HvRegisterInterceptSuspend};
    return hv_call_set_vp_registers(hv_client_here(), c->id, a->answered_vp, registers, n);
}

/* What is answered when the child has ended meanwhile goes nowhere. [w] */
static int64_t answer_locked(struct child *c, const struct partition_next *a, hv_status *st)
{
    struct worker *w = &c->worker;

    if ((a->flags & ~(PARTITION_ANSWER_RIP | PARTITION_ANSWER_RAX)) != 0 ||
        a->answered_vp >= c->vp_count)
        return -EINVAL;
    if (!w->on)
        return 0;
    if (w->vps[a->answered_vp].state != WORKER_VP_TOLD)
        return -EINVAL;
    w->vps[a->answered_vp].state = WORKER_VP_NONE;
    *st = resume(c, a);
    return 0;
}

static void check_resumed(struct child *c, const struct partition_next *a, hv_status st)
{
    if (st != HV_STATUS_SUCCESS)
        child_end(c, VM_END_FAILURE, 0, "VP %u cannot be resumed: status %x", a->answered_vp, st);
}

/* ---- what there is to tell ---- */

/* [w] */
static void tell_eoi(struct worker *w, struct partition_next *a)
{
    _Static_assert(sizeof(a->eoi) == sizeof(w->eoi), "one bit for each vector");
    memcpy(a->eoi, w->eoi, sizeof(a->eoi));
    memset(w->eoi, 0, sizeof(w->eoi));
    w->any_eoi = false;
    a->event = PARTITION_EVENT_EOI;
}

/* [w] */
static void tell_intercept(struct worker *w, struct partition_next *a)
{
    a->vp = w->first;
    a->event = PARTITION_EVENT_INTERCEPT;
    w->first = w->vps[a->vp].next;
    w->vps[a->vp].state = WORKER_VP_TOLD;
}

/* [w] */
static bool tell_locked(struct worker *w, struct partition_next *a)
{
    if (!w->on) {
        a->event = PARTITION_EVENT_ENDED;
    } else if (w->any_eoi) {
        tell_eoi(w, a);
    } else if (w->first != PARTITION_NO_VP) {
        tell_intercept(w, a);
    } else {
        return false;
    }
    w->in_a_row++;
    return true;
}

/* From now on the caller is woken for news. [w] */
static void begin_to_wait(struct worker *w, bool news)
{
    __atomic_store_n(&w->news, news, __ATOMIC_RELAXED);
    w->waits = thread_current();
}

/* Takes what there is to tell, or begins to wait for it. [w] */
static bool tell_or_wait(struct worker *w, struct partition_next *a)
{
    if (!tell_locked(w, a)) {
        begin_to_wait(w, false);
        return false;
    }
    w->waits = NULL;
    return true;
}

/* ---- what wakes it ---- */

static void wake_rang(struct watch *watch)
{
    struct worker *w = container_of(watch, struct worker, wake_watch);
    uint64_t flags = spin_lock(&w->queue.lock);

    announce(w);
    spin_unlock(&w->queue.lock, flags);
}

static void wake_set(struct worker *w, struct file *wake)
{
    if (w->wake != NULL) {
        watch_end(&w->wake_watch);
        file_put(w->wake);
    }
    w->wake = wake != NULL ? file_get(wake) : NULL;
    watch_init(&w->wake_watch, &w->wake_waiter, 1);
    w->wake_watch.rang = wake_rang;
    w->wake_due = wake != NULL;
}

void worker_gone(struct child *c)
{
    if (__atomic_exchange_n(&c->worker.busy, true, __ATOMIC_ACQUIRE))
        return; /* what wakes is somebody else's by now */
    wake_set(&c->worker, NULL);
    __atomic_store_n(&c->worker.busy, false, __ATOMIC_RELEASE);
}

static bool wake_is_due(const struct worker *w)
{
    return w->wake_due || __atomic_load_n(&w->wake_watch.woken, __ATOMIC_ACQUIRE);
}

/* It is due: is it ready? */
static bool wakes(struct worker *w, struct partition_next *a)
{
    __atomic_store_n(&w->in_a_row, 0, __ATOMIC_RELAXED);
    watch_begin(&w->wake_watch);
    w->wake_due = (file_poll(w->wake, &w->wake_watch) & (POLL_IN | POLL_HANGUP | POLL_ERROR)) != 0;
    if (w->wake_due)
        a->event = PARTITION_EVENT_WAKE;
    return w->wake_due;
}

/* ---- the worker waits ---- */

/* Answers, and takes what there is to tell at once: *@told. Who makes intercepts or ends
 * interrupts without end does not keep the worker from what else it waits for. */
static int64_t answer_and_tell(struct child *c, struct partition_next *a, bool *told)
{
    struct worker *w = &c->worker;
    hv_status st = HV_STATUS_SUCCESS;
    int64_t result = 0;
    uint64_t flags = spin_lock(&w->queue.lock);

    if (a->answered_vp != PARTITION_NO_VP)
        result = answer_locked(c, a, &st);
    if (result == 0 && (w->in_a_row < EVENTS_IN_A_ROW || !wake_is_due(w)))
        *told = tell_or_wait(w, a);
    else if (result == 0)
        begin_to_wait(w, true);
    spin_unlock(&w->queue.lock, flags);
    check_resumed(c, a, st);
    return result;
}

static bool has_news(void *context)
{
    const struct worker *w = context;

    return __atomic_load_n(&w->news, __ATOMIC_ACQUIRE) ||
           __atomic_load_n(&w->wake_watch.woken, __ATOMIC_ACQUIRE) || thread_killed();
}

/* Until there is something to look at. False: time ran out, or the caller was killed. */
static bool sleep_until_news(struct worker *w, uint64_t deadline)
{
    bool news = false;

    if (deadline == WAIT_FOREVER) {
        uint64_t flags = interrupts_off();

        news = sched_halt(has_news, w);
        interrupts_restore(flags);
    }
    if (!news) {
        uint64_t now = deadline != WAIT_FOREVER ? time_now() : 0;

        news = wait_until_killed(&w->queue, has_news, w,
                                 deadline == WAIT_FOREVER ? WAIT_FOREVER
                                 : deadline > now         ? deadline - now
                                                          : 0);
    }
    return news && !thread_killed();
}

static bool tell(struct worker *w, struct partition_next *a)
{
    uint64_t flags = spin_lock(&w->queue.lock);
    bool told = tell_or_wait(w, a);

    spin_unlock(&w->queue.lock, flags);
    return told;
}

static void wait_no_more(struct worker *w)
{
    uint64_t flags = spin_lock(&w->queue.lock);

    w->waits = NULL;
    spin_unlock(&w->queue.lock, flags);
}

static uint64_t deadline_of(uint64_t timeout_ns)
{
    uint64_t now = timeout_ns != PARTITION_TIMEOUT_NONE ? time_now() : 0;

    return timeout_ns < WAIT_FOREVER - now ? now + timeout_ns : WAIT_FOREVER;
}

/* False: time ran out, or the caller was killed. */
static bool wait_for(struct worker *w, struct partition_next *a)
{
    uint64_t deadline = deadline_of(a->timeout_ns);

    do {
        bool woken = wake_is_due(w) && wakes(w, a);

        if (woken || !sleep_until_news(w, deadline)) {
            wait_no_more(w);
            return woken;
        }
    } while (!tell(w, a));
    return true;
}

/* The one MSR of which root wants to hear by an intercept, besides that for a reset. */
static bool is_crash(const struct hv_message *m)
{
    return m->header.message_type == HvMessageTypeMsrIntercept;
}

/* Root answers the intercept that @a would tell of. */
static void crashed(struct child *c, struct partition_next *a)
{
    const struct hv_x64_intercept_message_header *h =
        (const void *)c->worker.vps[a->vp].page->payload;
    const struct partition_next on = {
        .answered_vp = a->vp,
        .flags = PARTITION_ANSWER_RIP,
        .rip = h->rip + (h->length_and_cr8 & HV_X64_INTERCEPT_LENGTH_MASK),
    };
    hv_status st = HV_STATUS_SUCCESS;
    uint64_t flags;

    worker_crash_log(c, a->vp);
    a->event = PARTITION_EVENT_CRASH;
    flags = spin_lock(&c->worker.queue.lock);
    (void)answer_locked(c, &on, &st);
    spin_unlock(&c->worker.queue.lock, flags);
    check_resumed(c, &on, st);
}

static int64_t next(struct child *c, struct partition_next *a)
{
    struct worker *w = &c->worker;
    bool told = false;
    int64_t result = answer_and_tell(c, a, &told);

    if (result != 0)
        return result;
    if (!told && !wait_for(w, a)) {
        a->event = PARTITION_EVENT_TIMEOUT;
        return thread_killed() ? -EINTR : 0;
    }
    if (a->event == PARTITION_EVENT_INTERCEPT && is_crash(w->vps[a->vp].page))
        crashed(c, a);
    return 0;
}

int64_t worker_next(struct child *c, struct partition_next *a, struct file *wake)
{
    struct worker *w = &c->worker;
    int64_t result;

    if (__atomic_exchange_n(&w->busy, true, __ATOMIC_ACQUIRE))
        return -EBUSY;
    if (wake != w->wake)
        wake_set(w, wake);
    result = next(c, a);
    __atomic_store_n(&w->busy, false, __ATOMIC_RELEASE);
    return result;
}
