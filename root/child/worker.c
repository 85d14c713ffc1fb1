/* SPDX-License-Identifier: MIT */
/* root/child/worker.c - see root/child/worker.h: intercepts, and who waits for them. What a worker
 * asks for besides is in root/child/worker_calls.c. */
#include "child/worker.h"

#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include <rt/mem.h>
#include "child/child.h"
#include "child/hv.h"
#include "mm/memory.h"
#include "proc/file.h"
#include "sched/sched.h"
#include "sched/watch.h"

/* After so many intercepts in a row what wakes the worker has its turn. */
enum { INTERCEPTS_IN_A_ROW = 16 };

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
    w->any_eoi = false;
    memset(w->eoi, 0, sizeof(w->eoi));
    w->complaints = w->in_a_row = 0;
    w->on = true;
    spin_unlock(&w->queue.lock, flags);
}

void worker_end(struct child *c)
{
    uint64_t flags = spin_lock(&c->worker.queue.lock);

    c->worker.on = false;
    wake_all_locked(&c->worker.queue);
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

/* A VP that stands in one intercept makes another only if it was started anew in between (INIT): the
 * new one counts. [w] */
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
        wake_all_locked(&w->queue);
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

/* What is answered when the child has ended meanwhile goes nowhere. */
static int64_t answer(struct child *c, const struct partition_next *a)
{
    struct worker *w = &c->worker;
    hv_status st = HV_STATUS_SUCCESS;
    int64_t result = 0;
    uint64_t flags;

    if ((a->flags & ~(PARTITION_ANSWER_RIP | PARTITION_ANSWER_RAX)) != 0 ||
        a->answered_vp >= c->vp_count)
        return -EINVAL;
    flags = spin_lock(&w->queue.lock);
    if (w->on && w->vps[a->answered_vp].state != WORKER_VP_TOLD) {
        result = -EINVAL;
    } else if (w->on) {
        w->vps[a->answered_vp].state = WORKER_VP_NONE;
        st = resume(c, a);
    }
    spin_unlock(&w->queue.lock, flags);
    if (st != HV_STATUS_SUCCESS)
        child_end(c, VM_END_FAILURE, 0, "VP %u cannot be resumed: status %x", a->answered_vp, st);
    return result;
}

/* ---- the worker waits ---- */

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
    w->in_a_row++;
}

/* Takes what there is to tell. [w] */
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
    return true;
}

static bool tell(struct worker *w, struct partition_next *a)
{
    uint64_t flags = spin_lock(&w->queue.lock);
    bool told = tell_locked(w, a);

    spin_unlock(&w->queue.lock, flags);
    return told;
}

static bool wakes(struct worker *w, struct partition_next *a, struct file *wake,
                  struct watch *watch)
{
    if (wake == NULL || (file_poll(wake, watch) & (POLL_IN | POLL_HANGUP | POLL_ERROR)) == 0)
        return false;
    __atomic_store_n(&w->in_a_row, 0, __ATOMIC_RELAXED);
    a->event = PARTITION_EVENT_WAKE;
    return true;
}

/* What can be told at once. Who makes intercepts without end does not keep the worker from what else
 * it waits for. */
static bool at_once(struct worker *w, struct partition_next *a, struct file *wake)
{
    if (__atomic_load_n(&w->in_a_row, __ATOMIC_RELAXED) >= INTERCEPTS_IN_A_ROW &&
        wakes(w, a, wake, NULL))
        return true;
    return tell(w, a);
}

static uint64_t deadline_of(uint64_t timeout_ns)
{
    uint64_t now = time_now();

    return timeout_ns < WATCH_FOREVER - now ? now + timeout_ns : WATCH_FOREVER;
}

/* False: time ran out, or the caller was killed. */
static bool wait_for(struct worker *w, struct partition_next *a, struct file *wake)
{
    uint64_t deadline = deadline_of(a->timeout_ns);
    struct waiter waiters[2]; /* the worker's own queue, and that of @wake */
    struct watch watch;
    bool told;

    watch_init(&watch, waiters, 2);
    do {
        watch_begin(&watch);
        watch_add(&watch, &w->queue);
        told = tell(w, a) || wakes(w, a, wake, &watch);
    } while (!told && watch_sleep(&watch, deadline));
    watch_end(&watch);
    return told;
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

    worker_crash_log(c, a->vp);
    a->event = PARTITION_EVENT_CRASH;
    (void)answer(c, &on);
}

int64_t worker_next(struct child *c, struct partition_next *a, struct file *wake)
{
    struct worker *w = &c->worker;
    int64_t result = a->answered_vp != PARTITION_NO_VP ? answer(c, a) : 0;

    if (result != 0)
        return result;
    if (!at_once(w, a, wake) && !wait_for(w, a, wake)) {
        a->event = PARTITION_EVENT_TIMEOUT;
        return thread_killed() ? -EINTR : 0;
    }
    if (a->event == PARTITION_EVENT_INTERCEPT && is_crash(w->vps[a->vp].page))
        crashed(c, a);
    return 0;
}
