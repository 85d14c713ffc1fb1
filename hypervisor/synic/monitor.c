/* SPDX-License-Identifier: MIT */
/* synic/monitor.c - see synic/monitor.h.
 *
 * A trigger that is found pending is armed, and signalled when it has been so for its latency. Both
 * bits are cleared in one go before the signal, so a guest that sets "pending" once more meanwhile
 * is seen again. Rules: the page is a guest's: each word is loaded once, and used as it was then.
 *
 * Asleep or not: a monitor that goes to sleep counts itself in sp->asleep, a locked operation, and
 * then looks for running VPs and for triggers once more. Whoever loads a VP says so in a locked
 * operation and then reads sp->asleep. One of the two sees the other. */
#include <core/timer.h>
#include <debug/log.h>
#include <mm/overlay.h>
#include <mm/phys.h>
#include <mm/pool.h>
#include <rt/mem.h>
#include <synic/monitor.h>
#include <synic/port_internal.h>

#define GROUPS   HV_MONITOR_GROUP_COUNT
#define TRIGGERS HV_MONITOR_TRIGGERS_PER_GROUP

/* [I] immutable once made; [links] the links lock of port.c; [from] from->lock. */
struct monitor {
    struct spinlock lock;
    struct port *port;            /* [I] */
    struct hv_monitor_page *page; /* [I] */
    struct overlay at_receiver;   /* the port's maker's and deleter's */
    struct overlay at_sender;     /* [links] */
    struct port_space *from;      /* [lock] the sender's; NULL: not connected */
    struct timer timer;           /* [lock] */
    uint32_t holds;               /* [lock] counts on the port that timer, list and callers have */
    struct list node;             /* [from] on from->sleeping */
    uint32_t base;                /* [lock] 100 ns between two looks while triggers are pending */
    uint32_t pause;               /* [lock] 100 ns until the next one if none is */
    uint32_t paced;               /* [lock] when base was worked out */
    uint32_t first;               /* [lock] the group that the next look begins with */
};

/* One look at the page. Times are in units of 100 ns, and wrap around. */
struct look {
    uint32_t now;
    uint32_t next;    /* until the first armed trigger is due; 0: there are more than fitted in */
    uint32_t pending; /* triggers found so in enabled groups, ... */
    uint32_t parked;  /* ... in others */
    uint32_t left;    /* signals that may still be sent */
    bool allowed;     /* the sender may signal */
};

static uint64_t connected; /* [a] */

uint64_t monitor_count(void)
{
    return __atomic_load_n(&connected, __ATOMIC_RELAXED);
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t bits_in(uint32_t v)
{
    uint32_t n = 0;

    for (; v; v &= v - 1)
        n++;
    return n;
}

/* ---- triggers ---------------------------------------------------------------------------------
 */

static uint64_t group_load(const struct monitor *m, unsigned group)
{
    return __atomic_load_n(&m->page->trigger_group[group].as_uint64, __ATOMIC_SEQ_CST);
}

/* How long trigger @i, which is pending, still has to wait; 0: it is due. Whatever the guest has
 * written beside it, that is no longer than its latency. */
static uint32_t trigger_wait(const struct monitor *m, unsigned group, unsigned i, bool armed,
                             uint32_t now)
{
    uint32_t latency = __atomic_load_n(&m->page->latency[group][i], __ATOMIC_RELAXED);
    uint32_t wait;

    if (!armed)
        return latency;
    wait = __atomic_load_n(&m->page->next_check_time[group][i], __ATOMIC_RELAXED) - now;
    return wait <= latency ? wait : 0;
}

/* Signal what trigger @i asks for. What comes of it is nobody's business: TLFS 2.0A, 14.5.3. */
static void trigger_signal(struct monitor *m, unsigned group, unsigned i) REQUIRES(m->lock)
{
    struct hv_monitor_parameter *at = &m->page->parameter[group][i];
    struct hv_input_signal_event in = {
        .connection_id = __atomic_load_n(&at->connection_id, __ATOMIC_RELAXED),
        .flag_number = __atomic_load_n(&at->flag_number, __ATOMIC_RELAXED),
    };

    (void)!port_signal_event(m->from, &in);
}

/* Take the triggers @due back, and signal those that are still pending. */
static void group_fire(struct monitor *m, struct look *l, unsigned group, uint32_t due)
    REQUIRES(m->lock)
{
    uint64_t both = (uint64_t)due << 32 | due;
    /* A full barrier: what the guest wrote before it set a trigger is there for who is signalled.
     */
    uint64_t old =
        __atomic_fetch_and(&m->page->trigger_group[group].as_uint64, ~both, __ATOMIC_SEQ_CST);

    for (uint32_t left = (uint32_t)old & due; left && l->allowed; left &= left - 1)
        trigger_signal(m, group, (unsigned)__builtin_ctz(left));
}

/* Arm the triggers of @pending that are not; a bit for each that is due. */
static uint32_t group_due(struct monitor *m, struct look *l, unsigned group, uint32_t pending,
                          uint32_t armed)
{
    uint32_t due = 0, arm = 0;

    for (uint32_t left = pending; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);
        uint32_t bit = 1u << i, wait = trigger_wait(m, group, i, armed & bit, l->now);

        if (!wait) {
            due |= bit;
            continue;
        }
        l->next = min_u32(l->next, wait);
        if (armed & bit)
            continue;
        __atomic_store_n(&m->page->next_check_time[group][i], l->now + wait, __ATOMIC_RELAXED);
        arm |= bit;
    }
    if (arm)
        __atomic_fetch_or(&m->page->trigger_group[group].as_uint64, (uint64_t)arm << 32,
                          __ATOMIC_SEQ_CST);
    return due;
}

static void group_look(struct monitor *m, struct look *l, unsigned group) REQUIRES(m->lock)
{
    uint64_t seen = group_load(m, group);
    uint32_t pending = (uint32_t)seen, due, count;

    if (!pending)
        return;
    l->pending |= pending;
    due = group_due(m, l, group, pending, (uint32_t)(seen >> 32));
    count = bits_in(due);
    if (count > l->left) { /* soon, and the first such group before the others */
        if (l->next)
            m->first = group;
        l->next = 0;
        l->left = 0;
        return;
    }
    l->left -= count;
    if (due)
        group_fire(m, l, group, due);
}

/* ---- the pace ---------------------------------------------------------------------------------
 */

/* The lowest latency that a trigger of @groups names; 0: none does. */
static uint32_t lowest_latency(const struct monitor *m, uint32_t groups)
{
    uint32_t lowest = 0;

    for (unsigned g = 0; g < GROUPS; g++) {
        for (unsigned i = 0; i < TRIGGERS && groups >> g & 1; i++) {
            uint32_t latency = __atomic_load_n(&m->page->latency[g][i], __ATOMIC_RELAXED);

            if (latency && (!lowest || latency < lowest))
                lowest = latency;
        }
    }
    return lowest;
}

/* Latencies hardly ever change, and there are many: they are looked at now and then. */
static void pace_refresh(struct monitor *m, uint32_t groups, uint32_t now) REQUIRES(m->lock)
{
    uint32_t lowest;

    if (m->base && now - m->paced < MONITOR_PAUSE_REST)
        return;
    lowest = lowest_latency(m, groups);
    m->base = lowest ? max_u32(lowest, MONITOR_PAUSE_MIN) : MONITOR_PAUSE_DEFAULT;
    m->paced = now;
}

/* How long a page on which nothing is pending is left alone in the end. */
static uint32_t pace_slowest(const struct monitor *m) REQUIRES(m->lock)
{
    uint32_t senders = __atomic_load_n(&m->from->monitors, __ATOMIC_RELAXED);

    return senders > MONITOR_SLEEPERS_MAX ? MONITOR_PAUSE_REST : MONITOR_IDLE_FACTOR * m->base;
}

/* How long to leave the page alone after look @l at @groups. */
static uint32_t pace_pause(struct monitor *m, const struct look *l, uint32_t groups)
    REQUIRES(m->lock)
{
    if (!groups)
        return MONITOR_PAUSE_REST;
    if (l->pending) {
        m->pause = m->base;
        return max_u32(min_u32(l->next, m->base), MONITOR_PAUSE_MIN);
    }
    m->pause = min_u32(2 * m->pause, pace_slowest(m));
    return m->pause;
}

/* ---- sleeping ---------------------------------------------------------------------------------
 */

/* Take @m off the list of sleepers. False: it is not there. */
static bool sleep_end(struct monitor *m, struct port_space *sp)
{
    bool asleep;

    spin_lock(&sp->lock);
    asleep = !list_empty(&m->node);
    list_remove(&m->node);
    __atomic_store_n(&sp->asleep, sp->asleep - asleep, __ATOMIC_RELAXED);
    spin_unlock(&sp->lock);
    return asleep;
}

/* Put @m on the list of sleepers. False: it is full. */
static bool sleep_begin(struct monitor *m, struct port_space *sp)
{
    bool room;

    spin_lock(&sp->lock);
    room = sp->asleep < MONITOR_SLEEPERS_MAX;
    if (room) {
        list_push_back(&sp->sleeping, &m->node);
        __atomic_fetch_add(&sp->asleep, 1, __ATOMIC_SEQ_CST);
    }
    spin_unlock(&sp->lock);
    return room;
}

static bool any_pending(const struct monitor *m)
{
    uint64_t seen = 0;

    for (unsigned g = 0; g < GROUPS; g++)
        seen |= group_load(m, g);
    return (uint32_t)seen;
}

/* Whether @m sleeps now, or has been woken already; the timer is then another's to arm. */
static bool sleep_try(struct monitor *m) REQUIRES(m->lock)
{
    struct port_space *sp = m->from;

    if (monitor_host_runs(sp->partition) || !sleep_begin(m, sp))
        return false;
    if (!monitor_host_runs(sp->partition) && !any_pending(m))
        return true;
    return !sleep_end(m, sp);
}

static void arm(struct monitor *m, uint32_t units) REQUIRES(m->lock)
{
    timer_arm(&m->timer, insn_rdtsc() + tsc_from_100ns(units));
}

/* Whether the caller, who has taken @m off the timer or the list, and the count on the port with
 * it, is to go on. False: @m has been disconnected meanwhile, perhaps connected again, which has a
 * count of its own; the caller puts the one that it has. */
static bool claim(struct monitor *m) REQUIRES(m->lock)
{
    if (m->from && m->holds == 1)
        return true;
    m->holds--;
    return false;
}

/* Go on after a sleep; see claim(). */
static bool wake_one(struct monitor *m)
{
    bool on;

    spin_lock(&m->lock);
    on = claim(m);
    if (on) {
        m->pause = m->base;
        arm(m, m->base);
    }
    spin_unlock(&m->lock);
    return on;
}

void monitor_wake(struct port_space *sp)
{
    struct list *node;

    do {
        spin_lock(&sp->lock);
        node = list_pop_front(&sp->sleeping);
        __atomic_store_n(&sp->asleep, sp->asleep - (node ? 1 : 0), __ATOMIC_RELAXED);
        spin_unlock(&sp->lock);
        if (node && !wake_one(container_of(node, struct monitor, node)))
            port_put(container_of(node, struct monitor, node)->port);
    } while (node);
}

/* ---- looking ----------------------------------------------------------------------------------
 */

static void look(struct monitor *m) REQUIRES(m->lock)
{
    uint32_t groups = __atomic_load_n(&m->page->trigger_state, __ATOMIC_RELAXED) &
                      HV_MONITOR_STATE_GROUP_ENABLE_MASK;
    struct partition *sender = m->from->partition;
    uint64_t start = insn_rdtsc();
    struct look l = {
        .now = (uint32_t)tsc_to_100ns(start),
        .next = UINT32_MAX,
        .left = MONITOR_SIGNALS_MAX,
        .allowed = monitor_host_begin(sender),
    };

    pace_refresh(m, groups, l.now);
    for (unsigned i = 0, first = m->first; i < GROUPS; i++) {
        unsigned g = (first + i) % GROUPS;

        if (groups >> g & 1)
            group_look(m, &l, g);
        else
            l.parked |= (uint32_t)group_load(m, g);
    }
    monitor_host_end(sender, insn_rdtsc() - start);
    if (l.pending | l.parked || !sleep_try(m))
        arm(m, pace_pause(m, &l, groups));
}

static void look_expired(struct timer *t)
{
    struct monitor *m = container_of(t, struct monitor, timer);
    bool on;

    spin_lock(&m->lock);
    on = claim(m);
    if (on)
        look(m);
    spin_unlock(&m->lock);
    if (!on)
        port_put(m->port);
}

/* ---- life -------------------------------------------------------------------------------------
 */

static hv_status overlay_place(struct monitor *m, struct port_space *sp, struct overlay *o,
                               uint64_t address)
{
    return monitor_host_overlay(sp->partition, o, true, address >> HV_PAGE_SHIFT, ptr_hpa(m->page));
}

static void overlay_remove(struct monitor *m, struct port_space *sp, struct overlay *o)
{
    hv_status st = monitor_host_overlay(sp->partition, o, false, 0, ptr_hpa(m->page));

    BUG_ON(st != HV_STATUS_SUCCESS); /* taking away needs no memory */
}

hv_status monitor_create(struct port *port, uint64_t address, struct monitor **out)
{
    struct monitor *m = pool_alloc(port->space->pool, sizeof(*m));
    hv_status st;
    hpa_t page;

    *out = m;
    if (!m)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    m->port = port;
    timer_init(&m->timer, look_expired);
    list_init(&m->node);
    overlay_init(&m->at_receiver);
    overlay_init(&m->at_sender);
    st = pool_page_alloc(port->space->pool, &page);
    if (st != HV_STATUS_SUCCESS)
        return st;
    m->page = hpa_ptr(page);
    return overlay_place(m, port->space, &m->at_receiver, address);
}

void monitor_hide(struct monitor *m)
{
    overlay_remove(m, m->port->space, &m->at_receiver);
}

void monitor_destroy(struct monitor *m)
{
    struct pool *pool;

    if (!m)
        return;
    pool = m->port->space->pool;
    if (m->page) {
        monitor_hide(m);
        pool_page_free(pool, ptr_hpa(m->page));
    }
    pool_free(pool, m);
}

hv_status monitor_connect(struct monitor *m, struct port_space *sender, uint64_t address)
{
    hv_status st = overlay_place(m, sender, &m->at_sender, address);

    if (st != HV_STATUS_SUCCESS)
        return st;
    port_hold(m->port);
    spin_lock(&m->lock);
    m->from = sender;
    m->holds++;
    m->base = 0;
    m->pause = MONITOR_PAUSE_MIN;
    __atomic_fetch_add(&sender->monitors, 1, __ATOMIC_RELAXED);
    arm(m, MONITOR_PAUSE_MIN);
    spin_unlock(&m->lock);
    __atomic_fetch_add(&connected, 1, __ATOMIC_RELAXED);
    return HV_STATUS_SUCCESS;
}

void monitor_disconnect(struct monitor *m)
{
    struct port_space *sender;
    bool held;

    spin_lock(&m->lock); /* and so no look is under way */
    sender = m->from;
    m->from = NULL;
    held = timer_cancel(&m->timer) || sleep_end(m, sender);
    m->holds -= held;
    __atomic_fetch_sub(&sender->monitors, 1, __ATOMIC_RELAXED);
    spin_unlock(&m->lock);
    overlay_remove(m, sender, &m->at_sender);
    __atomic_fetch_sub(&connected, 1, __ATOMIC_RELAXED);
    if (held) /* otherwise who has just taken it will see that it is over */
        port_put(m->port);
}

void monitor_page_save(const struct monitor *m, void *out)
{
    memcpy(out, m->page, HV_PAGE_SIZE);
}

void monitor_page_restore(struct monitor *m, const void *in)
{
    memcpy(m->page, in, HV_PAGE_SIZE);
}
