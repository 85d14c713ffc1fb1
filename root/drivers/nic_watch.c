/* SPDX-License-Identifier: MIT */
/* root/drivers/nic_watch.c - see nic_watch.h. */
#include "drivers/nic_watch.h"
#include "log.h"

#define LOOK_PERIOD_NS 1000000000ull

void nic_watch_receive_interrupt(void *nic_watch)
{
    struct nic_watch *w = nic_watch;

    __atomic_fetch_add(&w->nic->statistics.interrupts, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&w->due, true, __ATOMIC_RELEASE); /* pairs with card_watch */
    watchdog_wake(&w->watchdog);
}

void nic_watch_link_interrupt(void *nic_watch)
{
    struct nic_watch *w = nic_watch;

    __atomic_store_n(&w->link_due, true, __ATOMIC_RELAXED);
    nic_watch_receive_interrupt(w);
}

static bool card_is_due(const void *nic_watch)
{
    const struct nic_watch *w = nic_watch;

    return __atomic_load_n(&w->due, __ATOMIC_RELAXED);
}

static void card_close(struct nic_watch *w, const char *why)
{
    w->operations->stop(w->card);
    nic_gone(w->nic);
    log_print("net: %s: %s", w->nic->name, why);
}

/* Whether the card can go on: then its link is as it says. */
static bool card_look(struct nic_watch *w)
{
    const char *why = w->operations->trouble(w->card);

    if (why)
        card_close(w, why);
    else
        nic_link_set(w->nic, w->operations->link(w->card));
    return !why;
}

/* The card is looked at once a second, or when there is a reason, and not for each interrupt. */
static bool card_watch(void *nic_watch)
{
    struct nic_watch *w = nic_watch;
    enum nic_received received;

    (void)__atomic_exchange_n(&w->due, false, __ATOMIC_ACQUIRE);
    received = w->operations->receive(w->card);
    if (received == NIC_RECEIVED_SOME)
        __atomic_store_n(&w->due, true, __ATOMIC_RELAXED);
    if (!__atomic_exchange_n(&w->link_due, false, __ATOMIC_RELAXED) &&
        received != NIC_RECEIVE_BROKEN && time_now() < w->next_look)
        return true;
    w->next_look = time_now() + LOOK_PERIOD_NS;
    return card_look(w);
}

static void card_poll(void *nic_watch)
{
    struct nic_watch *w = nic_watch;

    if (w->operations->receive(w->card) == NIC_RECEIVE_BROKEN) {
        w->link_due = true; /* it is broken: look at it */
        __atomic_store_n(&w->due, true, __ATOMIC_RELAXED);
    }
}

static void card_leave(void *nic_watch)
{
    card_close(nic_watch, "was removed");
}

static const struct watchdog_operations watchdog_operations = {
    .is_due = card_is_due, .poll = card_poll, .watch = card_watch, .leave = card_leave};

void nic_watch_init(struct nic_watch *w, const struct nic_watch_operations *operations,
                    struct nic *nic, void *card)
{
    *w = (struct nic_watch){.operations = operations, .nic = nic, .card = card};
    watchdog_init(&w->watchdog, &watchdog_operations, w);
}

bool nic_watch_start(struct nic_watch *w)
{
    w->due = true; /* what came before there was a thread */
    return watchdog_start(&w->watchdog, w->nic->name, w->polled);
}

void nic_watch_remove(struct nic_watch *w)
{
    watchdog_remove(&w->watchdog);
}
