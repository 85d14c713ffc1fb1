/* SPDX-License-Identifier: MIT */
/* synic/stimer.c - synthetic timers: registers, expiry, catching up.
 * Rules: all under stimers->lock, but for the two calls that the SynIC makes about the message. */
#include <rt/mem.h>
#include <synic/stimer.h>

/* @a + @b, or the end of time. */
static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint32_t config_sint(uint64_t config)
{
    return (uint32_t)((config & HV_STIMER_SINT_MASK) >> HV_STIMER_SINT_SHIFT);
}

static uint8_t config_vector(uint64_t config)
{
    return (uint8_t)((config & HV_STIMER_APIC_VECTOR_MASK) >> HV_STIMER_APIC_VECTOR_SHIFT);
}

/* ---- the message ------------------------------------------------------------------------------
 */

static struct hv_timer_message_payload *payload_of(struct stimer *t)
{
    return (struct hv_timer_message_payload *)t->message.message.payload;
}

static void message_deliver(struct synic_message *m)
{
    struct stimer *t = container_of(m, struct stimer, message);

    payload_of(t)->delivery_time = reftime_now(t->owner->reftime);
}

static void message_release(struct synic_message *m)
{
    struct stimer *t = container_of(m, struct stimer, message);

    /* Pairs with the acquire in message_waits(): the message may then be written again. */
    __atomic_store_n(&t->waiting, false, __ATOMIC_RELEASE);
}

static const struct synic_message_ops message_ops = {
    .deliver = message_deliver,
    .release = message_release,
};

static bool message_waits(const struct stimer *t)
{
    return __atomic_load_n(&t->waiting, __ATOMIC_ACQUIRE);
}

/* Fill in the message for the expiration @when. It does not wait. */
static void message_fill(struct stimer *t, uint64_t when)
{
    t->message.message.header = (struct hv_message_header){
        .message_type = HvMessageTimerExpired,
        .payload_size = sizeof(struct hv_timer_message_payload),
    };
    *payload_of(t) = (struct hv_timer_message_payload){
        .timer_index = t->index,
        .expiration_time = when,
    };
    __atomic_store_n(&t->waiting, true, __ATOMIC_RELAXED);
}

static bool message_post(struct stimer *t, uint64_t when)
{
    if (message_waits(t))
        return false;
    message_fill(t, when);
    if (synic_post(t->owner->synic, config_sint(t->config), &t->message) == HV_STATUS_SUCCESS)
        return true;
    __atomic_store_n(&t->waiting, false, __ATOMIC_RELAXED);
    return false;
}

/* ---- expiry ------------------------------------------------------------------------------------
 */

/* Tell the guest of the expiration @when. False: it could not be told now. */
static bool fire(struct stimer *t, uint64_t when)
{
    if (!(t->config & HV_STIMER_DIRECT_MODE))
        return message_post(t, when);
    synic_host_interrupt(t->owner->synic, config_vector(t->config));
    return true;
}

/* Expirations of @t that are due at @now. */
static uint64_t owed_at(const struct stimer *t, uint64_t now)
{
    return now < t->due ? 0 : (now - t->due) / t->count + 1;
}

/* Drop what a timer need not catch up with, and return what it still owes. */
static uint64_t owed_kept(struct stimer *t, uint64_t now)
{
    uint64_t owed = owed_at(t, now);
    uint64_t keep = t->config & HV_STIMER_LAZY ? 0 : min_u64(owed, STIMER_MAX_OWED);

    t->due = add_saturating(t->due, (owed - keep) * t->count);
    return keep;
}

/* How long to leave a guest alone that does not take its messages: twice as long each time. */
static uint64_t backoff_next(struct stimer *t)
{
    uint64_t next = t->backoff ? 2 * t->backoff : max_u64(t->count / 2, STIMER_MIN_PERIOD);

    t->backoff = min_u64(next, STIMER_MAX_BACKOFF);
    return t->backoff;
}

static void expire_periodic(struct stimer *t, uint64_t now)
{
    uint64_t pause = t->count / 2;
    bool owes;

    if (fire(t, t->due)) {
        t->due = add_saturating(t->due, t->count);
        t->backoff = 0;
    } else {
        pause = backoff_next(t);
    }
    owes = owed_kept(t, now) > 0;
    t->wake = owes || t->backoff ? add_saturating(now, pause) : t->due;
    if (!owes)
        t->wake = max_u64(t->wake, t->due);
    t->wake = max_u64(t->wake, add_saturating(now, STIMER_MIN_PERIOD));
}

static void expire_once(struct stimer *t)
{
    t->running = false;
    t->config &= ~HV_STIMER_ENABLE;
    (void)fire(t, t->due);
}

/* Expire @t if it is time, and arm it for the next time. */
static void run_locked(struct stimers *all, struct stimer *t) REQUIRES(all->lock)
{
    uint64_t now = reftime_now(all->reftime), tsc;

    if (!t->running || all->paused)
        return;
    if (now >= t->wake) {
        if (t->config & HV_STIMER_PERIODIC)
            expire_periodic(t, now);
        else
            expire_once(t);
    }
    if (t->running && reftime_deadline(all->reftime, t->wake, &tsc))
        timer_arm(&t->timer, tsc);
}

static void timer_expired(struct timer *timer)
{
    struct stimer *t = container_of(timer, struct stimer, timer);
    struct stimers *all = t->owner;

    spin_lock(&all->lock);
    run_locked(all, t);
    spin_unlock(&all->lock);
}

/* ---- registers --------------------------------------------------------------------------------
 */

/* Forget a running expiry and a message that waits. After that the message is nowhere. */
static void stop_locked(struct stimers *all, struct stimer *t) REQUIRES(all->lock)
{
    t->running = false;
    t->backoff = 0;
    timer_cancel(&t->timer);
    (void)synic_cancel(all->synic, &t->message);
}

static bool target_valid(uint64_t config)
{
    return config & HV_STIMER_DIRECT_MODE ? config_vector(config) >= HV_SYNIC_FIRST_VALID_VECTOR
                                          : config_sint(config) != 0;
}

/* Run @t as its registers now say. */
static void start_locked(struct stimers *all, struct stimer *t) REQUIRES(all->lock)
{
    uint64_t now = reftime_now(all->reftime);

    if (!target_valid(t->config))
        t->config &= ~HV_STIMER_ENABLE;
    t->running = t->config & HV_STIMER_ENABLE && t->count;
    if (!t->running)
        return;
    t->due = t->config & HV_STIMER_PERIODIC ? add_saturating(now, t->count) : t->count;
    t->wake = t->due;
    run_locked(all, t);
}

static void config_write(struct stimers *all, struct stimer *t, uint64_t v)
{
    spin_lock(&all->lock);
    stop_locked(all, t);
    t->config = v;
    start_locked(all, t);
    spin_unlock(&all->lock);
}

static void count_write(struct stimers *all, struct stimer *t, uint64_t v)
{
    spin_lock(&all->lock);
    stop_locked(all, t);
    t->count = v;
    if (!v)
        t->config &= ~HV_STIMER_ENABLE;
    else if (t->config & HV_STIMER_AUTO_ENABLE)
        t->config |= HV_STIMER_ENABLE;
    start_locked(all, t);
    spin_unlock(&all->lock);
}

static bool config_valid(const struct stimers *all, uint64_t v)
{
    return !(v & HV_STIMER_RESERVED) && (all->direct || !(v & HV_STIMER_DIRECT_MODE));
}

/* CONFIG and COUNT alternate, from timer 0's CONFIG on. */
static bool msr_is_stimer(uint32_t msr)
{
    return msr >= HV_X64_MSR_STIMER0_CONFIG && msr <= HV_X64_MSR_STIMER3_COUNT;
}

static bool msr_is_count(uint32_t msr)
{
    return (msr - HV_X64_MSR_STIMER0_CONFIG) % 2;
}

static struct stimer *msr_timer(struct stimers *all, uint32_t msr)
{
    return &all->timer[(msr - HV_X64_MSR_STIMER0_CONFIG) / 2];
}

bool stimer_msr_read(struct stimers *all, uint32_t msr, uint64_t *v)
{
    struct stimer *t;

    if (!msr_is_stimer(msr))
        return false;
    t = msr_timer(all, msr);
    spin_lock(&all->lock);
    *v = msr_is_count(msr) ? t->count : t->config;
    spin_unlock(&all->lock);
    return true;
}

bool stimer_msr_write(struct stimers *all, uint32_t msr, uint64_t v)
{
    if (!msr_is_stimer(msr))
        return false;
    if (msr_is_count(msr)) {
        count_write(all, msr_timer(all, msr), v);
        return true;
    }
    if (!config_valid(all, v))
        return false;
    config_write(all, msr_timer(all, msr), v);
    return true;
}

/* ---- life --------------------------------------------------------------------------------------
 */

void stimers_init(struct stimers *all, struct synic *synic, struct reftime *reftime, bool direct)
{
    *all = (struct stimers){.synic = synic, .reftime = reftime, .direct = direct};
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++) {
        struct stimer *t = &all->timer[i];

        t->owner = all;
        t->index = (uint8_t)i;
        timer_init(&t->timer, timer_expired);
        synic_message_init(&t->message, &message_ops);
    }
}

void stimers_reset(struct stimers *all)
{
    spin_lock(&all->lock);
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++) {
        stop_locked(all, &all->timer[i]);
        all->timer[i].config = 0;
        all->timer[i].count = 0;
    }
    spin_unlock(&all->lock);
}

void stimers_destroy(struct stimers *all)
{
    stimers_reset(all);
}

void stimers_pause(struct stimers *all)
{
    spin_lock(&all->lock);
    all->paused = true;
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++)
        timer_cancel(&all->timer[i].timer);
    spin_unlock(&all->lock);
}

void stimers_resume(struct stimers *all)
{
    spin_lock(&all->lock);
    all->paused = false;
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++)
        run_locked(all, &all->timer[i]);
    spin_unlock(&all->lock);
}

/* ---- save and restore -------------------------------------------------------------------------
 */

static void save_one(struct stimer *t, struct stimer_state_one *out)
{
    *out = (struct stimer_state_one){
        .config = t->config,
        .count = t->count,
        .due = t->running ? t->due : 0,
        .running = t->running,
    };
    if (!message_waits(t))
        return;
    out->waiting_sint = t->message.sint;
    out->order = t->message.order;
    out->expiration = payload_of(t)->expiration_time;
}

void stimers_save(struct stimers *all, struct stimer_state *out)
{
    *out = (struct stimer_state){.version = STIMER_STATE_VERSION};
    spin_lock(&all->lock);
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++)
        save_one(&all->timer[i], &out->timer[i]);
    spin_unlock(&all->lock);
}

static bool one_valid(const struct stimers *all, const struct stimer_state_one *in)
{
    if (!config_valid(all, in->config) || in->waiting_sint >= HV_SYNIC_SINT_COUNT ||
        in->running > 1 || in->order == UINT64_MAX)
        return false;
    return !in->running || (in->config & HV_STIMER_ENABLE && in->count && target_valid(in->config));
}

static bool state_valid(const struct stimers *all, const struct stimer_state *in)
{
    bool valid = in->version == STIMER_STATE_VERSION && !in->reserved;

    for (unsigned i = 0; valid && i < HV_STIMER_COUNT; i++)
        valid = one_valid(all, &in->timer[i]);
    return valid;
}

static void restore_one(struct stimer *t, const struct stimer_state_one *in)
{
    t->config = in->config;
    t->count = in->count;
    t->running = in->running;
    t->due = t->wake = in->due;
    if (!in->waiting_sint)
        return;
    message_fill(t, in->expiration);
    synic_requeue(t->owner->synic, in->waiting_sint, in->order, &t->message);
}

hv_status stimers_restore(struct stimers *all, const struct stimer_state *in)
{
    if (!state_valid(all, in))
        return HV_STATUS_INVALID_SAVE_RESTORE_STATE;
    spin_lock(&all->lock);
    all->paused = true;
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++)
        restore_one(&all->timer[i], &in->timer[i]);
    spin_unlock(&all->lock);
    return HV_STATUS_SUCCESS;
}
