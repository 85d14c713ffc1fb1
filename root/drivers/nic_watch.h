/* SPDX-License-Identifier: MIT */
/* root/drivers/nic_watch.h - what drivers of network cards have in common: a card's life, and its
 * thread, which receives when an interrupt came, follows the link, and closes the card when it is
 * broken, gone, or is to leave its slot.
 *
 * Rules: the card's operations are called by that thread only, or while there is none. */
#ifndef ROOT_DRIVERS_NIC_WATCH_H
#define ROOT_DRIVERS_NIC_WATCH_H

#include <stdbool.h>
#include "drivers/watchdog.h"
#include "io/pci.h"
#include "net/nic.h"

enum nic_received {
    NIC_RECEIVED_ALL,  /* and an interrupt comes for the next */
    NIC_RECEIVED_SOME, /* there may be more: the thread comes back when it has looked at the card */
    NIC_RECEIVE_BROKEN,
};

/* Messages that a card sends: something came in; the link may have changed. */
enum { NIC_VECTOR_RECEIVE, NIC_VECTOR_LINK, NIC_VECTORS };

struct nic_watch_operations {
    const char *name; /* of the driver */
    /* Bring the card up, and fill in its nic. NULL, or why it cannot be used. */
    const char *(*create)(void *card);
    /* Receive what is there, but some hundreds of frames at most. */
    enum nic_received (*receive)(void *card);
    /* The card's settings may have changed: whether its link is up. */
    bool (*link)(void *card);
    /* Why the card cannot go on; NULL: it can. */
    const char *(*trouble)(void *card);
    /* Tell the card once more, each second or so, of what it does nothing about. May be NULL. */
    void (*remind)(void *card);
    /* Send nothing any more, and have the device touch no memory. */
    void (*stop)(void *card);
    /* Give back what the card has but itself and its interrupts; it was stopped, or brought up by
     * half: then have the device touch no memory first. */
    void (*release)(void *card, bool half);
};

struct nic_watch {
    const struct nic_watch_operations *operations; /* [I] */
    struct nic *nic;                               /* [I] */
    void *card;                                    /* [I] */
    struct watchdog watchdog;
    char device[24]; /* the driver's name and the card's place */
    struct irq irqs[NIC_VECTORS];
    bool polled;        /* [I] after the start: no interrupts, the thread looks by itself */
    bool due;           /* [a] an interrupt came */
    bool link_due;      /* [a] the link may have changed */
    uint64_t next_look; /* the thread's: when the card is looked at again */
};

/* Bring up @card, a whole allocation, of which @w and @nic are parts. False: it cannot be used, and
 * is freed. Thread context. */
bool nic_watch_probe(struct nic_watch *w, const struct nic_watch_operations *operations,
                     struct nic *nic, void *card, struct pci_device *pci);

/* Have both messages wake the thread, else have it poll: w->polled. For create(). */
void nic_watch_interrupts(struct nic_watch *w, struct pci_device *pci);

/* A pci_driver's remove: close the card, and give back what it has. It stays known. */
void nic_watch_remove(struct pci_device *pci);

/* ---- sending ---- */

/* Who writes frames into a card's ring: they take their places under the lock, write with
 * interrupts on, and put what they wrote into the ring under the lock. */
struct nic_sending {
    struct spinlock lock;
    bool closed;      /* [lock] nothing is sent any more */
    uint32_t filling; /* [lock] frames that are being written */
};

/* Send nothing any more: nobody uses the ring when this returns. Thread context. */
void nic_sending_end(struct nic_sending *s);

#endif
