/* SPDX-License-Identifier: MIT */
/* root/net/net.c - see net.h. */
#include <rt/format.h>
#include <rt/mem.h>
#include <rootabi/net.h>
#include "lib/fnv.h"
#include "log.h"
#include "mm/memory.h"
#include <rt/net_mac.h>
#include "net/net.h"
#include "net/nic.h"
#include "net/root_port.h"
#include "proc/random.h"

/* A switch and its uplink's port. */
struct network {
    struct vswitch vswitch;
    struct vswitch_port uplink;
    struct nic *nic; /* NULL: none */
};

static struct {
    struct network *networks[NET_SWITCHES]; /* [I] after net_init */
    uint32_t count;                         /* [I] */
    struct root_port *root;                 /* [I] NULL: no memory */
} net;

/* ---- an uplink ---- */

static enum net_taken uplink_deliver(struct vswitch_port *to, const struct net_frame *frame)
{
    const struct network *n = to->owner;

    return nic_transmit(n->nic, frame);
}

static const struct vswitch_port_ops uplink_ops = {.deliver = uplink_deliver};

static void uplink_receive(void *context, const struct net_frame *frame)
{
    struct network *n = context;

    vswitch_send(&n->uplink, frame);
}

static void uplink_add(struct network *n, struct nic *nic)
{
    struct vswitch_port_config config = {.uplink = true};

    n->nic = nic;
    rt_strlcpy(config.name, nic->name, sizeof(config.name));
    (void)vswitch_port_add(&n->vswitch, &n->uplink, &config, &uplink_ops, n); /* it is empty */
    nic_attach(nic, uplink_receive, n);
}

/* ---- switches ---- */

/* A new switch, with @nic as its uplink unless it is NULL. False: there is no room. */
static bool network_add(struct nic *nic)
{
    struct network *n = net.count < NET_SWITCHES ? kalloc(sizeof(*n)) : NULL;
    char name[sizeof(n->vswitch.name)];
    uint64_t seed;

    if (!n) {
        log_print("net: no room for a switch with %s", nic ? nic->name : "no uplink");
        return false;
    }
    random_bytes(&seed, sizeof(seed));
    rt_snprintf(name, sizeof(name), "switch%u", net.count);
    vswitch_init(&n->vswitch, name, seed, time_now);
    n->vswitch.identity = FNV_START;
    for (uint32_t i = 0; nic && i < NET_ADDRESS_BYTES; i++)
        n->vswitch.identity = fnv_byte(n->vswitch.identity, nic->mac[i]);
    if (nic)
        uplink_add(n, nic);
    net.networks[net.count++] = n;
    log_print("net: %s: uplink %s", name, nic ? nic->name : "none");
    return true;
}

static bool nic_visit(struct nic *nic, void *unused)
{
    (void)unused;
    return network_add(nic);
}

/* ---- root's port ---- */

/* The uplink's address, which is not the uplink's own within the switch; else one made up. */
static void root_mac(const struct network *n, uint8_t *mac)
{
    if (n->nic && mac_is_unicast(n->nic->mac)) {
        memcpy(mac, n->nic->mac, NET_ADDRESS_BYTES);
        return;
    }
    random_bytes(mac, NET_ADDRESS_BYTES);
    mac[0] = (uint8_t)((mac[0] & ~MAC_GROUP) | MAC_LOCAL);
}

static void root_add(struct network *n, uint32_t address, uint32_t mask)
{
    struct root_port *p = kalloc(sizeof(*p));
    uint8_t mac[NET_ADDRESS_BYTES];

    root_mac(n, mac);
    if (!p || root_port_add(p, &n->vswitch, mac, address, mask) != VSWITCH_OK ||
        !thread_start("root port", root_port_thread, p, -1)) {
        log_print("net: root has no port: no memory");
        if (p)
            vswitch_port_remove(&p->port);
        kfree(p);
        return;
    }
    net.root = p;
    log_print("net: root is " MAC_FORMAT " at %s", MAC_ARGUMENTS(mac), n->vswitch.name);
}

void net_init(const char *address)
{
    uint32_t ip = 0, mask = 0;

    nic_for_each(nic_visit, NULL);
    if (net.count == 0 && !network_add(NULL))
        return;
    if (address && !responder_address_parse(address, &ip, &mask)) {
        log_print("net: rootaddress=%s is no address and prefix of one: root has none", address);
        ip = 0;
    }
    root_add(net.networks[0], ip, mask);
}

struct vswitch *net_switch(uint32_t index)
{
    return index < net.count ? &net.networks[index]->vswitch : NULL;
}

static uint64_t counter(const uint64_t *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

bool net_root_tell(struct net_root *out)
{
    const struct responder *r;

    if (!net.root)
        return false;
    r = &net.root->responder;
    *out = (struct net_root){
        .arp = counter(&r->statistics.arp),
        .echoes = counter(&r->statistics.echoes),
        .bad = counter(&r->statistics.bad),
        .ignored = counter(&r->statistics.ignored),
        .conflicts = counter(&r->statistics.conflicts),
        .dropped = counter(&net.root->dropped),
        .address = r->address,
        .mask = r->mask,
    };
    return true;
}
