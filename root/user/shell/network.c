/* SPDX-License-Identifier: MIT */
/* root/user/shell/network.c - the commands nics and switch. */
#include <rootabi/net.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/shell.h"

#define BYTE_BITS 8u

static void print_mac(const uint8_t *mac)
{
    print("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static const char *link_text(uint32_t flags)
{
    return (flags & NET_NIC_GONE) != 0   ? "gone"
           : (flags & NET_NIC_LINK) != 0 ? "link up"
                                         : "link down";
}

int command_nics(int argc, char **argv)
{
    struct net_nic n = {0};

    (void)argc;
    (void)argv;
    for (; device_call(DEVICE_NET, NET_IOCTL_NIC, &n) == 0; n.index++) {
        print("%-14s ", n.name);
        print_mac(n.mac);
        print(", %s, MTU %u, %s, %u link changes\n", n.model, n.mtu, link_text(n.flags),
              n.link_changes);
        print("               %lu frames of %lu bytes received, %lu of %lu sent, %lu errors, %lu "
              "dropped, %lu beyond a share, %lu interrupts\n",
              n.received, n.received_bytes, n.sent, n.sent_bytes, n.receive_errors, n.send_drops,
              n.send_crowded, n.interrupts);
    }
    if (n.index == 0)
        print("nics: none\n");
    return 0;
}

static void print_port(const struct net_port *p)
{
    print("  %-16s ", p->name);
    if ((p->flags & NET_PORT_UPLINK) != 0)
        print("uplink");
    else
        print_mac(p->mac);
    if (p->vlan != 0)
        print(", VLAN %u", p->vlan);
    if (p->rate != 0)
        print(", %lu bytes/s", p->rate);
    print(", %u addresses learned\n", p->learned);
    print("                   in %lu of %lu bytes, %lu flooded, %lu spoofed, %lu limited, %lu "
          "malformed\n",
          p->in, p->in_bytes, p->flooded, p->spoofed, p->limited, p->malformed);
    print("                   out %lu of %lu bytes, %lu dropped, %lu beyond a share\n", p->out,
          p->out_bytes, p->dropped, p->crowded);
}

static void print_root(void)
{
    struct net_root r;

    if (device_call(DEVICE_NET, NET_IOCTL_ROOT, &r) < 0)
        return;
    print("root: ");
    if (r.address == 0)
        print("no address");
    else
        print("%u.%u.%u.%u", r.address >> 3 * BYTE_BITS, r.address >> 2 * BYTE_BITS & UINT8_MAX,
              r.address >> BYTE_BITS & UINT8_MAX, r.address & UINT8_MAX);
    print(", %lu ARP and %lu echoes answered, %lu bad, %lu ignored, %lu conflicts, %lu dropped\n",
          r.arp, r.echoes, r.bad, r.ignored, r.conflicts, r.dropped);
}

int command_switch(int argc, char **argv)
{
    struct net_port p = {0};

    (void)argc;
    (void)argv;
    for (;;) {
        uint32_t first = p.port;
        int64_t result = device_call(DEVICE_NET, NET_IOCTL_PORT, &p);

        if (result < 0 && first == 0)
            break;
        if (result < 0) {
            p.network++;
            p.port = 0;
            continue;
        }
        if (first == 0)
            print("%s\n", p.network_name);
        print_port(&p);
        p.port++;
    }
    print_root();
    return 0;
}
