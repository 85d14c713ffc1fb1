/* SPDX-License-Identifier: MIT */
/* rootabi/net.h - /dev/net: network cards, switches and their ports, and their counters. */
#ifndef ROOTABI_NET_H
#define ROOTABI_NET_H

#include <rootabi/ioctl.h>

enum {
    NET_NIC_LINK = 1, /* it is up */
    NET_NIC_GONE = 2, /* removed, or broken: not used any more */
};

struct net_nic {
    uint32_t index; /* in; ENOENT: there are fewer */
    uint32_t flags;
    char name[16];
    char model[24];
    uint8_t mac[6];
    uint16_t mtu;
    uint32_t link_changes;
    uint32_t reserved;
    uint64_t received, received_bytes, sent, sent_bytes; /* frames */
    uint64_t receive_errors;
    uint64_t send_drops;
    uint64_t send_crowded; /* dropped: their sender had his share of the card's ring */
    uint64_t interrupts;
};
ABI_SIZE(struct net_nic, 128);

enum { NET_PORT_UPLINK = 1 };

struct net_port {
    uint32_t network; /* in: the switch's number; ENOENT: there are fewer, or no more ports */
    uint32_t port;    /* in: from which number on; out: its number */
    uint32_t flags;
    uint32_t learned; /* addresses */
    char network_name[16];
    char name[16];
    uint8_t mac[6];
    uint16_t vlan;
    uint64_t rate; /* bytes a second that it may send; 0: as many as it likes */
    uint64_t in, in_bytes, out, out_bytes; /* frames; in: from the port, out: taken by it */
    uint64_t spoofed, limited, malformed;  /* of those that were in, dropped */
    uint64_t flooded;
    uint64_t dropped, crowded; /* for the port: it had no room; none for more of their sender's */
};
ABI_SIZE(struct net_port, 144);

/* What root's own port has done with frames. */
struct net_root {
    uint64_t arp, echoes; /* answered */
    uint64_t bad, ignored, conflicts, dropped;
    uint32_t address, mask; /* IPv4; address 0: none */
};
ABI_SIZE(struct net_root, 56);

#define NET_IOCTL_NIC  IOCTL_EXCHANGE('n', 0, struct net_nic)
#define NET_IOCTL_PORT IOCTL_EXCHANGE('n', 1, struct net_port)
#define NET_IOCTL_ROOT IOCTL_MAKE(IOCTL_READ, 'n', 2, struct net_root) /* ENOENT: it has no port */

#endif
