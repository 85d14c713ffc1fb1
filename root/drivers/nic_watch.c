/* SPDX-License-Identifier: MIT */
/* root/drivers/nic_watch.c - see nic_watch.h. */
#include "drivers/nic_watch.h"
#include "log.h"

#define WATCH_PERIOD_NS 1000000000ull
#define POLL_PERIOD_NS  1000000ull

void nic_watch_init(struct nic_watch *w, const struct nic_watch_operations *operations,
                    struct nic *nic, void *card)
{
    *w = (struct nic_watch){.operations = operations, .nic = nic, .card = card};
    wait_queue_init(&w->queue);
}

void nic_watch_receive_interrupt(void *nic_watch)
{
    struct nic_watch *w = nic_watch;

    __atomic_fetch_add(&w->nic->statistics.interrupts, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&w->due, true, __ATOMIC_RELEASE); /* pairs with is_due */
    wake_all(&w->queue);
}

void nic_watch_link_interrupt(void *nic_watch)
{
    struct nic_watch *w = nic_watch;

    __atomic_store_n(&w->link_due, true, __ATOMIC_RELAXED);
    nic_watch_receive_interrupt(w);
}

static bool is_to_go(const struct nic_watch *w)
{
    return __atomic_load_n(&w->removed, __ATOMIC_ACQUIRE); /* pairs with nic_watch_remove */
}

static bool is_due(void *context)
{
    struct nic_watch *w = context;

    /* pairs with nic_watch_receive_interrupt */
    return __atomic_exchange_n(&w->due, false, __ATOMIC_ACQUIRE) || is_to_go(w);
}

static bool is_over(void *context)
{
    const struct nic_watch *w = context;

    return __atomic_load_n(&w->over, __ATOMIC_ACQUIRE); /* pairs with watch_thread */
}

/* Why the card cannot go on; NULL: it can, and its link is as the card says. */
static const char *card_look(const struct nic_watch *w)
{
    const char *why = is_to_go(w) ? "was removed" : w->operations->trouble(w->card);

    if (!why)
        nic_link_set(w->nic, w->operations->link(w->card));
    return why;
}

/* Until the card cannot go on; the reason. */
static const char *card_serve(struct nic_watch *w)
{
    uint64_t next = time_now() + WATCH_PERIOD_NS;
    const char *why = NULL;

    while (!why) {
        bool sound;

        (void)wait_until_timeout(&w->queue, is_due, w,
                                 w->polled ? POLL_PERIOD_NS : WATCH_PERIOD_NS);
        sound = is_to_go(w) || w->operations->receive(w->card);
        if (!__atomic_exchange_n(&w->link_due, false, __ATOMIC_RELAXED) && sound && !is_to_go(w) &&
            time_now() < next)
            continue;
        next = time_now() + WATCH_PERIOD_NS;
        why = card_look(w);
    }
    return why;
}

static void watch_thread(void *argument)
{
    struct nic_watch *w = argument;
    const char *why = card_serve(w);

    w->operations->stop(w->card);
    nic_gone(w->nic);
    log_print("net: %s: %s", w->nic->name, why);
    __atomic_store_n(&w->over, true, __ATOMIC_RELEASE); /* pairs with is_over */
    wake_all(&w->queue);
}

bool nic_watch_start(struct nic_watch *w)
{
    w->due = true; /* what came before there was a thread */
    return thread_start(w->nic->name, watch_thread, w, -1) != NULL;
}

void nic_watch_remove(struct nic_watch *w)
{
    __atomic_store_n(&w->removed, true, __ATOMIC_RELEASE); /* pairs with is_to_go */
    wake_all(&w->queue);
    wait_until(&w->queue, is_over, w);
}
