/* SPDX-License-Identifier: MIT */
/* root/net/nic.c - see nic.h. */
#include "log.h"
#include <rt/net_mac.h>
#include "net/nic.h"
#include "sched/thread.h"

static struct {
    struct spinlock lock;
    struct list all; /* [lock]; only ever grows */
} nics = {.all = {&nics.all, &nics.all}};

static void count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

void nic_register(struct nic *nic)
{
    uint64_t flags = spin_lock(&nics.lock);

    list_push_back(&nics.all, &nic->link_of_all);
    spin_unlock(&nics.lock, flags);
    log_print("net: %s: %s, " MAC_FORMAT ", MTU %u, link %s", nic->name, nic->model,
              MAC_ARGUMENTS(nic->mac), nic->mtu, nic->link ? "up" : "down");
}

/* The card after @nic, or the first for NULL. They stay, so that no lock is held while one is
 * looked at. */
static struct nic *nic_next(const struct nic *nic)
{
    uint64_t flags = spin_lock(&nics.lock);
    struct list *next = nic ? nic->link_of_all.next : nics.all.next;

    spin_unlock(&nics.lock, flags);
    return next == &nics.all ? NULL : container_of(next, struct nic, link_of_all);
}

void nic_for_each(bool (*visit)(struct nic *nic, void *context), void *context)
{
    struct nic *nic = nic_next(NULL);

    while (nic && visit(nic, context))
        nic = nic_next(nic);
}

void nic_attach(struct nic *nic, void (*receive)(void *context, const struct net_frame *frame),
                void *context)
{
    nic->receive_context = context;
    __atomic_store_n(&nic->receive, receive, __ATOMIC_RELEASE); /* pairs with nic_receive */
}

/* Whether each frame that goes on the wire is short enough. */
static bool frame_fits(const struct nic *nic, const struct net_frame *frame)
{
    return net_frame_segment_max(frame) <= nic->mtu + NET_ETHERNET_BYTES;
}

enum net_taken nic_transmit(struct nic *nic, const struct net_frame *frame)
{
    enum net_taken taken = NET_LOST;

    if (__atomic_load_n(&nic->link, __ATOMIC_RELAXED) && frame_fits(nic, frame))
        taken = nic->operations->transmit(nic, frame);
    if (taken != NET_TAKEN) {
        count(taken == NET_CROWDED ? &nic->statistics.send_crowded : &nic->statistics.send_drops,
              1);
        return taken;
    }
    count(&nic->statistics.sent, 1);
    count(&nic->statistics.sent_bytes, frame->length);
    return NET_TAKEN;
}

void nic_receive(struct nic *nic, const struct net_frame *frame)
{
    void (*receive)(void *context, const struct net_frame *frame) =
        __atomic_load_n(&nic->receive, __ATOMIC_ACQUIRE); /* pairs with nic_attach */

    count(&nic->statistics.received, 1);
    count(&nic->statistics.received_bytes, frame->length);
    if (receive)
        receive(nic->receive_context, frame);
    else
        count(&nic->statistics.receive_ignored, 1);
}

void nic_link_set(struct nic *nic, bool up)
{
    if (__atomic_exchange_n(&nic->link, up, __ATOMIC_RELAXED) == up)
        return;
    __atomic_fetch_add(&nic->link_changes, 1, __ATOMIC_RELAXED);
    log_print("net: %s: link %s", nic->name, up ? "up" : "down");
}

void nic_gone(struct nic *nic)
{
    __atomic_store_n(&nic->gone, true, __ATOMIC_RELAXED);
    nic_link_set(nic, false);
}
