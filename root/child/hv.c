/* SPDX-License-Identifier: MIT */
/* root/child/hv.c - see root/child/hv.h. */
#include "child/hv.h"

#include <hvabi/message.h>
#include <hvabi/msr.h>
#include <rt/mem.h>
#include <x86/insn.h>
#include "child/child.h"
#include "cpu/cpu.h"
#include "io/irq.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "sched/thread.h"
#include "sched/time.h"

/* Children may keep a CPU's interrupt handlers busy for BUDGET_NS of each WINDOW_NS. What comes
 * beyond that waits in the SynIC, which then makes no more interrupts, for a thread: whatever
 * children do, root's threads get the rest of the CPU.
 *
 * Of that the doorbells of one child may have SHARE_NS: beyond, its flags, and nobody else's, are
 * left set until the window is over, and so make no interrupts. Where many children together have
 * used up the budget, each still has one flag handled in a window, so that none waits for others:
 * no more than there are children whose VPs ran within it. */
#define WINDOW_NS 1000000ull
#define BUDGET_NS 500000ull
#define SHARE_NS  125000ull
#define NS_PER_S  1000000000ull

#define FLAG_WORDS (HV_EVENT_FLAGS_COUNT / 64)

/* What a child's doorbells have used of the window that began at @window. */
struct share {
    uint64_t window, used; /* TSC ticks */
};

/* Each CPU's SynIC, and its own client. The CPU's own, interrupts off. */
struct hv_cpu {
    struct hv_client client;
    struct hv_message_page *messages;
    struct hv_synic_event_flags_page *events;
    uint64_t *counters; /* of this VP: hvabi/stats.h */
    struct irq irqs[HV_SINTS_USED];
    uint64_t window;                       /* when it began, in TSC ticks */
    uint64_t busy;                         /* ticks spent on children since */
    uint64_t counted;                      /* up to when they are in @busy */
    struct share *shares;                  /* by number of the child's record */
    struct share *pays;                    /* for what is not counted yet; NULL: no doorbell does */
    uint16_t owners[HV_EVENT_FLAGS_COUNT]; /* [a] of flags: whose share it is */
    uint64_t kept[FLAG_WORDS];             /* flags left set in this window */
    bool keeps;                            /* there are some */
    uint32_t waiting;                      /* [a] bit by SINT: something waits for the thread */
    struct wait_queue queue;
};

static struct {
    const struct hv_handlers *handlers; /* [I] */
    struct hv_cpu *cpus;                /* [I] */
    const void *page;                   /* [I] the hypercall page */
    struct hv_client client;            /* [mutex] */
    struct mutex mutex;
    hv_partition_id root_id;                          /* [I] */
    uint64_t window_ticks, budget_ticks, share_ticks; /* [I] */
    uint32_t ready;                                   /* [a] CPUs whose SynIC is on */
    bool failed;                                      /* [a] */
} hv;

const struct hv_client *hv_begin(void)
{
    mutex_lock(&hv.mutex);
    return &hv.client;
}

void hv_end(void)
{
    mutex_unlock(&hv.mutex);
}

const struct hv_client *hv_client_here(void)
{
    return &hv.cpus[this_cpu()->index].client;
}

const uint64_t *hv_counters_here(void)
{
    return hv.cpus[this_cpu()->index].counters;
}

const struct hv_client *hv_client_fast(void)
{
    return &hv.client;
}

void hv_event_owner_set(uint32_t cpu, uint32_t flag, uint32_t child)
{
    __atomic_store_n(&hv.cpus[cpu].owners[flag], (uint16_t)child, __ATOMIC_RELAXED);
}

hv_partition_id hv_root_id(void)
{
    return hv.root_id;
}

/* ---- interrupts ---- */

/* Take the message out of its slot, and ask for the next one if it waits. The type is cleared last
 * and the flag read after it: TLFS 2.0A, 14.2.2. */
static bool take_message(struct hv_message *slot, struct hv_message *copy)
{
    if (__atomic_load_n(&slot->header.message_type, __ATOMIC_ACQUIRE) == HvMessageTypeNone)
        return false;
    copy->header = slot->header;
    memcpy(copy->payload, slot->payload, copy->header.payload_size);
    __atomic_store_n(&slot->header.message_type, HvMessageTypeNone, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&slot->header.message_flags, __ATOMIC_SEQ_CST) & HV_MESSAGE_FLAG_PENDING)
        insn_wrmsr(HV_X64_MSR_EOM, 0);
    return true;
}

static bool over_budget(const struct hv_cpu *c)
{
    return c->busy >= hv.budget_ticks;
}

/* Count what was spent since this was done last. */
static void spend(struct hv_cpu *c)
{
    uint64_t now = insn_rdtsc(), spent = now - c->counted;

    c->counted = now;
    c->busy += spent;
    if (c->pays != NULL)
        c->pays->used += spent;
    c->pays = NULL;
}

/* True: all is handled. */
static bool handle_intercepts(struct hv_cpu *c)
{
    struct hv_message m;

    while (!over_budget(c)) {
        if (!take_message(&c->messages->slots[HV_SINT_INTERCEPT], &m))
            return true;
        hv.handlers->intercept(&m);
        spend(c);
    }
    return false;
}

/* Most of what a look at all flags costs: hence four words at a time. */
static bool any_of_four(const uint64_t *flags)
{
    return (__atomic_load_n(&flags[0], __ATOMIC_RELAXED) |
            __atomic_load_n(&flags[1], __ATOMIC_RELAXED) |
            __atomic_load_n(&flags[2], __ATOMIC_RELAXED) |
            __atomic_load_n(&flags[3], __ATOMIC_RELAXED)) != 0;
}

/* May the child of @s have a flag handled? */
static bool may_ring(const struct hv_cpu *c, struct share *s)
{
    if (s->window != c->window)
        *s = (struct share){.window = c->window};
    return s->used == 0 || (s->used < hv.share_ticks && !over_budget(c));
}

/* What it costs is counted when something else begins, or all is done. */
static void handle_flag(struct hv_cpu *c, uint64_t *word, uint32_t flag)
{
    uint64_t bit = 1ull << flag % 64;
    struct share *s = &c->shares[__atomic_load_n(&c->owners[flag], __ATOMIC_RELAXED)];

    if (c->pays != NULL)
        spend(c);
    if (may_ring(c, s)) {
        __atomic_fetch_and(word, ~bit, __ATOMIC_ACQ_REL);
        c->pays = s;
        hv.handlers->event(flag);
    } else {
        c->kept[flag / 64] |= bit;
        c->keeps = true;
    }
}

/* The flags of one word, of which @first is the first. */
static void handle_flags(struct hv_cpu *c, uint64_t *word, uint32_t first)
{
    uint64_t set = __atomic_load_n(word, __ATOMIC_RELAXED);

    if (set == 0)
        return;
    for (set &= ~c->kept[first / 64]; set != 0; set &= set - 1)
        handle_flag(c, word, first + (uint32_t)__builtin_ctzll(set));
}

static void handle_events(struct hv_cpu *c)
{
    uint64_t *flags = (uint64_t *)(void *)&c->events->slots[HV_SINT_CHILDREN];

    for (uint32_t i = 0; i < FLAG_WORDS; i += 4)
        if (any_of_four(&flags[i]))
            for (uint32_t k = i; k < i + 4; k++)
                handle_flags(c, &flags[k], k * 64);
}

/* Messages are nobody's share: they leave one to the doorbells. */
static bool messages_over_budget(const struct hv_cpu *c)
{
    return c->busy + hv.share_ticks >= hv.budget_ticks;
}

/* True: all is handled. Doorbells do not wait for many messages. */
static bool handle_children(struct hv_cpu *c)
{
    struct hv_message m;

    handle_events(c);
    while (!messages_over_budget(c)) {
        if (!take_message(&c->messages->slots[HV_SINT_CHILDREN], &m))
            return !c->keeps;
        if (c->pays != NULL)
            spend(c);
        hv.handlers->message(&m);
        spend(c);
        handle_events(c);
    }
    return false;
}

static void window_begin(struct hv_cpu *c)
{
    c->window = c->counted;
    c->busy = 0;
    if (c->keeps)
        memset(c->kept, 0, sizeof(c->kept));
    c->keeps = false;
}

/* What children have sent to @sint, as far as the budget goes. */
static void handle(struct hv_cpu *c, uint32_t sint)
{
    bool all;

    c->counted = insn_rdtsc();
    if (c->counted - c->window >= hv.window_ticks)
        window_begin(c);
    all = sint == HV_SINT_INTERCEPT ? handle_intercepts(c) : handle_children(c);
    spend(c);
    if (all)
        return;
    __atomic_fetch_or(&c->waiting, 1u << sint, __ATOMIC_RELEASE);
    wake_all(&c->queue);
}

static void intercept_interrupt(void *context)
{
    handle(context, HV_SINT_INTERCEPT);
}

static void children_interrupt(void *context)
{
    handle(context, HV_SINT_CHILDREN);
}

static bool something_waits(void *context)
{
    struct hv_cpu *c = context;

    return __atomic_load_n(&c->waiting, __ATOMIC_ACQUIRE) != 0;
}

/* Handles what is over the budget, a window later. On the CPU itself. */
static _Noreturn void handle_later(struct hv_cpu *c)
{
    for (;;) {
        uint32_t waiting;
        uint64_t flags;

        wait_until(&c->queue, something_waits, c);
        thread_sleep(WINDOW_NS);
        flags = interrupts_off();
        waiting = __atomic_exchange_n(&c->waiting, 0, __ATOMIC_ACQUIRE);
        for (; waiting != 0; waiting &= waiting - 1)
            handle(c, (uint32_t)__builtin_ctz(waiting));
        interrupts_restore(flags);
    }
}

/* ---- bring-up ---- */

static void *zeroed_page(void)
{
    uint64_t page = page_alloc(0);

    if (page == 0)
        return NULL;
    page_zero(page, 0);
    return phys_to_virt(page);
}

static void page_drop(const void *page)
{
    if (page != NULL)
        page_free(virt_to_phys(page), 0);
}

bool hv_client_init(struct hv_client *c)
{
    void *input = zeroed_page(), *output = zeroed_page();

    if (input == NULL || output == NULL) {
        page_drop(input);
        page_drop(output);
        return false;
    }
    *c = (struct hv_client){hv.page, input, output, virt_to_phys(input), virt_to_phys(output)};
    return true;
}

void hv_client_free(struct hv_client *c)
{
    page_drop(c->input);
    page_drop(c->output);
    *c = (struct hv_client){0};
}

static bool sint_allocate(struct hv_cpu *c, uint32_t sint, uint32_t cpu, irq_handler handler)
{
    if (!irq_alloc(&c->irqs[sint], cpu, handler, c))
        return false;
    c->irqs[sint].auto_eoi = true;
    return true;
}

static bool synic_allocate(struct hv_cpu *c, uint32_t cpu)
{
    c->messages = zeroed_page();
    c->events = zeroed_page();
    c->counters = zeroed_page();
    c->shares = kalloc(CHILDREN_MAX * sizeof(*c->shares));
    wait_queue_init(&c->queue);
    return c->messages != NULL && c->events != NULL && c->counters != NULL && c->shares != NULL &&
           hv_client_init(&c->client) &&
           sint_allocate(c, HV_SINT_INTERCEPT, cpu, intercept_interrupt) &&
           sint_allocate(c, HV_SINT_CHILDREN, cpu, children_interrupt);
}

/* The thread of each CPU. */
static void synic_on(void *argument)
{
    struct hv_cpu *c = argument;

    insn_wrmsr(HV_X64_MSR_STATS_VP_RETAIL_PAGE, virt_to_phys(c->counters) | HV_X64_MSR_PAGE_ENABLE);
    insn_wrmsr(HV_X64_MSR_SIMP, virt_to_phys(c->messages) | HV_X64_MSR_PAGE_ENABLE);
    insn_wrmsr(HV_X64_MSR_SIEFP, virt_to_phys(c->events) | HV_X64_MSR_PAGE_ENABLE);
    for (uint32_t sint = 0; sint < HV_SINTS_USED; sint++)
        insn_wrmsr(HV_X64_MSR_SINT0 + sint, c->irqs[sint].vector | HV_SYNIC_SINT_AUTO_EOI);
    insn_wrmsr(HV_X64_MSR_SCONTROL, HV_SYNIC_CONTROL_ENABLE);
    __atomic_fetch_add(&hv.ready, 1, __ATOMIC_RELEASE);
    handle_later(c);
}

static bool synics_on(void)
{
    uint32_t count = cpu_count();

    hv.cpus = kalloc(count * sizeof(*hv.cpus));
    if (hv.cpus == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!synic_allocate(&hv.cpus[i], i) ||
            thread_start("synic", synic_on, &hv.cpus[i], (int)i) == NULL)
            return false;
    while (__atomic_load_n(&hv.ready, __ATOMIC_ACQUIRE) != count)
        thread_yield();
    return true;
}

static uint64_t ticks_of(uint64_t ns)
{
    return time_tsc_frequency() / (NS_PER_S / ns);
}

bool hv_init(const struct hv_handlers *handlers)
{
    void *page = zeroed_page();

    if (!hypercall_present() || page == NULL)
        return false;
    hv.handlers = handlers;
    hv.window_ticks = ticks_of(WINDOW_NS);
    hv.budget_ticks = ticks_of(BUDGET_NS);
    hv.share_ticks = ticks_of(SHARE_NS);
    mutex_init(&hv.mutex);
    hv.page = (const void *)KERNEL_HYPERCALL_PAGE;
    if (!kernel_map(KERNEL_HYPERCALL_PAGE, virt_to_phys(page), PTE_P) ||
        !hypercall_page_enable(virt_to_phys(page)) || !hv_client_init(&hv.client) || !synics_on()) {
        log_print("hv: the hypercall interface cannot be set up: no children");
        return false;
    }
    hv_status st = hv_call_get_partition_id(&hv.client, &hv.root_id);
    if (st != HV_STATUS_SUCCESS)
        log_print("hv: HvCallGetPartitionId: status %x", st);
    return st == HV_STATUS_SUCCESS;
}
