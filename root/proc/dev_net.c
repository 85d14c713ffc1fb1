/* SPDX-License-Identifier: MIT */
/* root/proc/dev_net.c - /dev/net: cards, switches and ports; see rootabi/net.h. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/net.h>
#include "net/net.h"
#include "net/nic.h"
#include "proc/devices.h"

struct search {
    uint32_t skip;
    const struct nic *found;
};

static bool visit_index(struct nic *nic, void *context)
{
    struct search *s = context;

    if (s->skip == 0)
        s->found = nic;
    return s->skip-- != 0;
}

static uint64_t counter(const uint64_t *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static uint32_t nic_flags(const struct nic *nic)
{
    return (__atomic_load_n(&nic->link, __ATOMIC_RELAXED) ? NET_NIC_LINK : 0u) |
           (__atomic_load_n(&nic->gone, __ATOMIC_RELAXED) ? NET_NIC_GONE : 0u);
}

static int64_t net_nic(struct file *f, void *argument)
{
    struct net_nic *n = argument;
    struct search s = {.skip = n->index};
    const struct nic_statistics *counts;

    (void)f;
    nic_for_each(visit_index, &s);
    if (s.found == NULL)
        return -ENOENT;
    counts = &s.found->statistics;
    *n = (struct net_nic){
        .index = n->index,
        .flags = nic_flags(s.found),
        .mtu = s.found->mtu,
        .link_changes = __atomic_load_n(&s.found->link_changes, __ATOMIC_RELAXED),
        .received = counter(&counts->received),
        .received_bytes = counter(&counts->received_bytes),
        .sent = counter(&counts->sent),
        .sent_bytes = counter(&counts->sent_bytes),
        .receive_errors = counter(&counts->receive_errors),
        .send_drops = counter(&counts->send_drops),
        .send_crowded = counter(&counts->send_crowded),
        .interrupts = counter(&counts->interrupts),
    };
    memcpy(n->mac, s.found->mac, sizeof(n->mac));
    rt_strlcpy(n->name, s.found->name, sizeof(n->name));
    rt_strlcpy(n->model, s.found->model, sizeof(n->model));
    return 0;
}

static void port_tell(const struct vswitch_port *port, struct net_port *p)
{
    const struct vswitch_port_config *c = &port->config;
    const struct vswitch_statistics *counts = &port->statistics;

    p->flags = c->uplink ? NET_PORT_UPLINK : 0u;
    p->vlan = c->vlan;
    p->rate = c->rate;
    p->in = counter(&counts->in);
    p->in_bytes = counter(&counts->in_bytes);
    p->out = counter(&counts->out);
    p->out_bytes = counter(&counts->out_bytes);
    p->spoofed = counter(&counts->spoofed);
    p->limited = counter(&counts->limited);
    p->malformed = counter(&counts->malformed);
    p->flooded = counter(&counts->flooded);
    p->dropped = counter(&counts->dropped);
    p->crowded = counter(&counts->crowded);
    memcpy(p->mac, c->mac, sizeof(p->mac));
    rt_strlcpy(p->name, c->name, sizeof(p->name));
}

static int64_t net_port(struct file *f, void *argument)
{
    struct net_port *p = argument;
    struct vswitch *s = net_switch(p->network);
    struct net_port told = {.network = p->network, .port = p->port};
    struct vswitch_port *port;

    (void)f;
    if (s == NULL)
        return -ENOENT;
    port = vswitch_port_get(s, &told.port, &told.learned);
    if (port == NULL)
        return -ENOENT;
    port_tell(port, &told);
    vswitch_port_put(port);
    rt_strlcpy(told.network_name, s->name, sizeof(told.network_name));
    *p = told;
    return 0;
}

static int64_t net_root(struct file *f, void *argument)
{
    struct net_root *r = argument;

    (void)f;
    return net_root_tell(r) ? 0 : -ENOENT;
}

static const struct file_ioctl ioctls[] = {
    {NET_IOCTL_NIC, net_nic},
    {NET_IOCTL_PORT, net_port},
    {NET_IOCTL_ROOT, net_root},
};

const struct file_operations dev_net = {
    .name = "/dev/net",
    .ioctls = ioctls,
    .ioctl_count = sizeof(ioctls) / sizeof(ioctls[0]),
};
