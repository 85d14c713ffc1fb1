/* SPDX-License-Identifier: MIT */
/* root/drivers/nic_watch.c - see nic_watch.h. */
#include "drivers/nic_watch.h"
#include "log.h"
#include "mm/memory.h"
#include <rt/format.h>

#define LOOK_PERIOD_NS 1000000000ull
#define FILL_POLL_NS   100000ull

static void receive_interrupt(void *nic_watch)
{
    struct nic_watch *w = nic_watch;

    __atomic_fetch_add(&w->nic->statistics.interrupts, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&w->due, true, __ATOMIC_RELEASE); /* pairs with card_watch */
    watchdog_wake(&w->watchdog);
}

static void link_interrupt(void *nic_watch)
{
    struct nic_watch *w = nic_watch;

    __atomic_store_n(&w->link_due, true, __ATOMIC_RELAXED);
    receive_interrupt(w);
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

    if (why) {
        card_close(w, why);
        return false;
    }
    if (w->operations->remind)
        w->operations->remind(w->card);
    nic_link_set(w->nic, w->operations->link(w->card));
    return true;
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

static void watch_init(struct nic_watch *w, const struct nic_watch_operations *operations,
                       struct nic *nic, void *card)
{
    *w = (struct nic_watch){.operations = operations, .nic = nic, .card = card};
    w->polled = true; /* until there are interrupts */
    w->due = true;    /* what comes before there is a thread */
    watchdog_init(&w->watchdog, &watchdog_operations, w);
}

void nic_watch_interrupts(struct nic_watch *w, struct pci_device *pci)
{
    static const irq_handler handlers[NIC_VECTORS] = {
        [NIC_VECTOR_RECEIVE] = receive_interrupt,
        [NIC_VECTOR_LINK] = link_interrupt,
    };
    uint32_t n = 0;

    while (n < NIC_VECTORS && irq_alloc(&w->irqs[n], 0, handlers[n], w))
        n++;
    w->polled = n < NIC_VECTORS || !pci_enable_msix(pci, w->irqs, n);
    if (!w->polled)
        return;
    while (n > 0)
        irq_free(&w->irqs[--n]);
    log_print("%s: no message-signalled interrupts, polling", w->device);
}

static void card_release(struct nic_watch *w, bool half)
{
    w->operations->release(w->card, half);
    for (uint32_t i = 0; !w->polled && i < NIC_VECTORS; i++)
        irq_free(&w->irqs[i]);
}

bool nic_watch_probe(struct nic_watch *w, const struct nic_watch_operations *operations,
                     struct nic *nic, void *card, struct pci_device *pci)
{
    const char *why;

    watch_init(w, operations, nic, card);
    rt_snprintf(w->device, sizeof(w->device), "%s-%02x:%02x.%x", operations->name, pci->bus,
                pci->device, pci->function);
    pci_enable(pci);
    why = operations->create(card);
    if (!why && !watchdog_start(&w->watchdog, nic->name, w->polled))
        why = "there is no thread to receive";
    if (why) {
        log_print("%s: %s", w->device, why);
        card_release(w, true);
        kfree(card);
        return false;
    }
    pci->driver_data = w;
    nic_register(nic);
    return true;
}

void nic_watch_remove(struct pci_device *pci)
{
    struct nic_watch *w = pci->driver_data;

    watchdog_remove(&w->watchdog);
    card_release(w, false);
}

void nic_sending_end(struct nic_sending *s)
{
    bool busy = true;

    while (busy) {
        uint64_t flags = spin_lock(&s->lock);

        s->closed = true;
        busy = s->filling > 0;
        spin_unlock(&s->lock, flags);
        if (busy)
            thread_sleep(FILL_POLL_NS);
    }
}
