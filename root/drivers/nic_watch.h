/* SPDX-License-Identifier: MIT */
/* root/drivers/nic_watch.h - the thread of a network card: it receives when an interrupt came,
 * follows the link, and closes the card when it is broken, gone, or is to leave its slot.
 *
 * Rules: the card's operations are called by that thread only. */
#ifndef ROOT_DRIVERS_NIC_WATCH_H
#define ROOT_DRIVERS_NIC_WATCH_H

#include <stdbool.h>
#include "drivers/watchdog.h"
#include "net/nic.h"

enum nic_received {
    NIC_RECEIVED_ALL,  /* and an interrupt comes for the next */
    NIC_RECEIVED_SOME, /* there may be more: the thread comes back when it has looked at the card */
    NIC_RECEIVE_BROKEN,
};

struct nic_watch_operations {
    /* Receive what is there, but some hundreds of frames at most. */
    enum nic_received (*receive)(void *card);
    /* The card's settings may have changed: whether its link is up. */
    bool (*link)(void *card);
    /* Why the card cannot go on; NULL: it can. */
    const char *(*trouble)(void *card);
    /* Send nothing any more, and have the device touch no memory. */
    void (*stop)(void *card);
};

struct nic_watch {
    const struct nic_watch_operations *operations; /* [I] */
    struct nic *nic;                               /* [I] */
    void *card;                                    /* [I] */
    struct watchdog watchdog;
    bool polled;        /* [I] after the start: no interrupts, the thread looks by itself */
    bool due;           /* [a] an interrupt came */
    bool link_due;      /* [a] the link may have changed */
    uint64_t next_look; /* the thread's: when the card is looked at again */
};

/* Before any interrupt. */
void nic_watch_init(struct nic_watch *w, const struct nic_watch_operations *operations,
                    struct nic *nic, void *card);

/* Begin, with a first look. False: there is no thread. Thread context. */
bool nic_watch_start(struct nic_watch *w);

/* Interrupt handlers: something came in; the link may have changed. */
void nic_watch_receive_interrupt(void *nic_watch);
void nic_watch_link_interrupt(void *nic_watch);

/* The device is to go: close the card, and wait until that is done. Thread context. */
void nic_watch_remove(struct nic_watch *w);

#endif
