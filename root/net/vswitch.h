/* SPDX-License-Identifier: MIT */
/* root/net/vswitch.h - a virtual switch: ports of children, of root, and one uplink or none.
 *
 * A port has an address of its own, which no other port of its VLAN may use: it sends from that
 * address only and gets nothing that is for another. Only the uplink is open: what comes from it is
 * learned and forgotten, and it also gets frames whose receiver nobody knows. It carries every
 * VLAN, each other port one, whose tag its frames do not have.
 *
 * What is in a frame's header was copied from whoever sent it and is hostile; bodies are not looked
 * at.
 * Rules: [l] is vswitch.lock, a spinlock; no port is called with it held. Ports come and go while
 * frames pass. */
#ifndef ROOT_NET_VSWITCH_H
#define ROOT_NET_VSWITCH_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/list.h>
#include <rt/net_frame.h>
#include <rt/net_share.h>
#include "sched/thread.h"

#define VSWITCH_PORTS     NET_SENDERS /* of 1024 children, root and the uplink */
#define VSWITCH_ADDRESSES 1024u       /* learned at a time */
#define VSWITCH_BUCKETS   1024u
#define VSWITCH_AGE_NS    300000000000ull /* IEEE 802.1D-2004, table 7-5 */
#define VSWITCH_VLAN_MAX  4094u
#define VSWITCH_RATE_MAX  (1ull << 34) /* bytes a second */

struct vswitch;
struct vswitch_port;

struct vswitch_port_ops {
    /* Take @frame: copy what is kept, do not block. From any thread, several at a time. Whose it
     * is says its sender, the number of a port. */
    enum net_taken (*deliver)(struct vswitch_port *to, const struct net_frame *frame);
};

struct vswitch_port_config {
    char name[16];
    uint8_t mac[6]; /* its own; of the uplink it is not used */
    uint16_t vlan;  /* 0: that of frames without a tag */
    bool uplink;
    uint64_t rate;  /* bytes a second that it may send; 0: as many as it likes */
    uint32_t burst; /* bytes that it may send at once, with a rate */
};

struct vswitch_statistics { /* [a] frames: `in` came from the port, `out` were taken by it */
    uint64_t in, in_bytes, out, out_bytes;
    uint64_t dropped;   /* for the port, which had no room for them, or no link */
    uint64_t crowded;   /* for the port, which had its share of their sender's */
    uint64_t spoofed;   /* dropped: from an address that is not its own */
    uint64_t limited;   /* dropped: more than its rate */
    uint64_t malformed; /* dropped: no frame, or with a tag that it must not have */
    uint64_t flooded;   /* sent to more ports than one */
    uint64_t unlearned; /* from an address for which there was no room */
};

/* An address and where it is. */
struct vswitch_address {
    struct list in_bucket; /* [l] */
    struct list in_port;   /* [l] the oldest first; free ones: vswitch.free */
    struct vswitch_port *port;
    uint64_t key;  /* VLAN and address */
    uint64_t seen; /* when last, in ns */
};

struct vswitch_port {
    struct vswitch_port_config config;  /* [I] */
    const struct vswitch_port_ops *ops; /* [I] */
    void *owner;                        /* the port's */
    struct vswitch *of;                 /* [I] */
    struct vswitch_statistics statistics;
    uint32_t users;             /* [a] deliveries under way */
    uint32_t slot;              /* [I] once it is there */
    bool there;                 /* [l] */
    struct vswitch_address own; /* [l] */
    struct list learned;        /* [l] */
    uint32_t learned_count;     /* [l] */
    uint64_t due;               /* [l] when all that it sent would have been sent at its rate */
};

struct vswitch {
    char name[16];
    struct spinlock lock;
    uint64_t (*now)(void); /* [I] ns */
    uint64_t seed;         /* [I] what nobody outside knows: where addresses are kept */
    uint64_t identity;     /* [I] tells it from other machines' switches on the same wire */
    uint32_t slots_used;   /* [l] ports are below */
    struct vswitch_port *slots[VSWITCH_PORTS]; /* [l] */
    struct list buckets[VSWITCH_BUCKETS];      /* [l] */
    struct list free;                          /* [l] of @pool */
    uint32_t leavers;                          /* [a] threads in vswitch_port_remove */
    struct wait_queue idle;                    /* where they wait */
    struct vswitch_address pool[VSWITCH_ADDRESSES];
};

enum vswitch_result { VSWITCH_OK, VSWITCH_FULL, VSWITCH_ADDRESS_TAKEN, VSWITCH_BAD_CONFIG };

/* A switch without ports, in zeroed memory. @seed is random; @now the clock, for any context. */
void vswitch_init(struct vswitch *s, const char *name, uint64_t seed, uint64_t (*now)(void));

/* Make @port, in zeroed memory, a port of @s. Any context. */
enum vswitch_result vswitch_port_add(struct vswitch *s, struct vswitch_port *port,
                                     const struct vswitch_port_config *config,
                                     const struct vswitch_port_ops *ops, void *owner);

/* Take @port away: nothing is delivered to it when this returns. Thread context, and not from its
 * own deliver. Harmless if it is not there. */
void vswitch_port_remove(struct vswitch_port *port);

/* @from sends @frame. Any context, with no lock held that a port's deliver takes. */
void vswitch_send(struct vswitch_port *from, const struct net_frame *frame);

/* The port in slot @slot or the next one behind it, whose slot is then *@slot, and how many
 * addresses were learned there. It stays until vswitch_port_put. NULL: none. */
struct vswitch_port *vswitch_port_get(struct vswitch *s, uint32_t *slot, uint32_t *learned);
void vswitch_port_put(struct vswitch_port *port);

#endif
