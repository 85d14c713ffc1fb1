/* SPDX-License-Identifier: MIT */
/* root/net/nic.h - network cards as the rest of root sees them: frames out, frames in.
 *
 * A driver registers a struct nic; the switch whose uplink it is attaches to it and then has every
 * frame that comes in. A card stays known for good: when it is removed, its link is down for ever.
 * Rules: what is sent is copied before transmit returns; a frame that comes in is the driver's
 * again when the receiver returns. */
#ifndef ROOT_NET_NIC_H
#define ROOT_NET_NIC_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/list.h>
#include <rt/net_frame.h>

struct nic;

struct nic_operations {
    /* Send a copy of @frame, of which no segment has more than nic.mtu bytes behind its Ethernet
     * header. Never blocks; any context. */
    enum net_taken (*transmit)(struct nic *nic, const struct net_frame *frame);
};

/* What a card does to a frame that asks for it; the rest its driver does. */
enum nic_offload {
    NIC_OFFLOAD_CHECKSUM = 1, /* completes TCP's and UDP's checksum */
    NIC_OFFLOAD_TCP4 = 2,     /* makes segments of TCP over IPv4 */
    NIC_OFFLOAD_TCP6 = 4,
};

struct nic_statistics { /* [a] */
    uint64_t received, received_bytes, sent, sent_bytes;
    uint64_t receive_errors;  /* frames that were not whole, or too long */
    uint64_t receive_ignored; /* that nobody had attached for */
    uint64_t send_drops;      /* no room, no link, or too long */
    uint64_t send_crowded;    /* no room for more of their sender's */
    uint64_t interrupts;
};

struct nic {
    char name[16]; /* "virtio-net0" */
    char model[24];
    uint8_t mac[6];        /* [I] */
    uint16_t mtu;          /* [I] bytes behind the Ethernet header, at most */
    uint32_t offload;      /* [I] enum nic_offload */
    bool link;             /* [a] */
    bool gone;             /* [a] for good */
    uint32_t link_changes; /* [a] */
    struct nic_statistics statistics;
    const struct nic_operations *operations; /* [I] */
    /* A frame came in. Must not block. [a] NULL: nobody has attached yet */
    void (*receive)(void *context, const struct net_frame *frame);
    void *receive_context; /* [I] once somebody has */
    void *driver;
    struct list link_of_all;
};

/* Make @nic known by its name. Thread context. */
void nic_register(struct nic *nic);

/* Call @visit for every card until it returns false. */
void nic_for_each(bool (*visit)(struct nic *nic, void *context), void *context);

/* Hand what comes in to @receive from now on. Once for each card. */
void nic_attach(struct nic *nic, void (*receive)(void *context, const struct net_frame *frame),
                void *context);

/* Send a copy of @frame, or count that it was dropped. Any context. */
enum net_taken nic_transmit(struct nic *nic, const struct net_frame *frame);

/* For drivers: a frame came in; the link is up or down; the card is gone. */
void nic_receive(struct nic *nic, const struct net_frame *frame);
void nic_link_set(struct nic *nic, bool up);
void nic_gone(struct nic *nic);

#endif
