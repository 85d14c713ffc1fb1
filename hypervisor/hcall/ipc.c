/* SPDX-License-Identifier: MIT */
/* hcall/ipc.c - ports, messages, events and spinning. TLFS 2.0A, 14.9 and 18.5. */
#include "core/partition.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "hcall/hcall.h"

/* The port space of partition @id, which must be initialized; put it back with put_space. */
static hv_status get_space(struct hcall *h, uint64_t id, struct partition **out)
{
    struct partition *p;
    hv_status st = hcall_partition(h, id, HCALL_SELF_ANY, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    *out = p;
    if (p->state == PARTITION_INITIALIZED)
        return HV_STATUS_SUCCESS;
    partition_put(p);
    return HV_STATUS_INVALID_PARTITION_STATE;
}

/* Make the port @in in @p, for a connection from @peer. */
static hv_status create_port(struct partition *p, struct partition *peer,
                             const struct hv_input_create_port *in)
{
    hv_status st = HV_STATUS_INVALID_PARTITION_STATE;

    spin_lock(&p->lock);
    if (p->state == PARTITION_INITIALIZED)
        st = port_create(&p->ports, in->port_id, peer->id, &in->port_info);
    spin_unlock(&p->lock);
    return st;
}

hv_status hcall_create_port(struct hcall *h)
{
    const struct hv_input_create_port *in = h->in;
    struct partition *p, *peer;
    hv_status st;

    if ((in->port_vtl | in->min_connection_vtl | in->reserved) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    st = get_space(h, in->port_partition_id, &p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = get_space(h, in->connection_partition_id, &peer);
    if (st == HV_STATUS_SUCCESS) {
        st = create_port(p, peer, in);
        partition_put(peer);
    }
    partition_put(p);
    return st;
}

hv_status hcall_delete_port(struct hcall *h)
{
    const struct hv_input_delete_port *in = h->in;
    struct partition *p;
    hv_status st = get_space(h, in->port_partition_id, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = port_delete(&p->ports, in->port_id);
    partition_put(p);
    return st;
}

hv_status hcall_connect_port(struct hcall *h)
{
    const struct hv_input_connect_port *in = h->in;
    struct partition *p, *target;
    hv_status st;

    if ((in->connection_vtl | in->reserved0 | in->reserved1) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    st = get_space(h, in->connection_partition_id, &p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = get_space(h, in->port_partition_id, &target);
    if (st == HV_STATUS_SUCCESS) {
        spin_lock(&p->lock);
        st = p->state == PARTITION_INITIALIZED ? port_connect(&p->ports, in->connection_id, &target->ports,
                                                          in->port_id, &in->connection_info)
                                               : HV_STATUS_INVALID_PARTITION_STATE;
        spin_unlock(&p->lock);
        partition_put(target);
    }
    partition_put(p);
    return st;
}

hv_status hcall_disconnect_port(struct hcall *h)
{
    const struct hv_input_disconnect_port *in = h->in;
    struct partition *p;
    hv_status st = get_space(h, in->connection_partition_id, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = port_disconnect(&p->ports, in->connection_id);
    partition_put(p);
    return st;
}

/* What root does about it is charged to the caller: pcpu.cause. */
hv_status hcall_post_message(struct hcall *h)
{
    hv_status st;

    this_cpu()->cause = h->vp;
    st = port_post_message(&h->caller->ports, h->in);
    this_cpu()->cause = NULL;
    return st;
}

hv_status hcall_signal_event(struct hcall *h)
{
    hv_status st;

    this_cpu()->cause = h->vp;
    st = port_signal_event(&h->caller->ports, h->in);
    this_cpu()->cause = NULL;
    return st;
}

static __attribute__((noinline)) hv_status yield_to_waiting(struct vp *vp)
{
    if (sched_long_spin(this_cpu(), vp))
        vp->yield = true;
    return HV_STATUS_SUCCESS;
}

hv_status hcall_notify_long_spin_wait(struct hcall *h)
{
    const struct partition *p = h->caller;

    /* Nobody to yield to: the caller spins on, at the least cost. */
    if (list_empty(&p->preempted) && list_empty(&p->spinning) &&
        __atomic_load_n(&this_cpu()->run_queue.count, __ATOMIC_RELAXED) == 0)
        return HV_STATUS_SUCCESS;
    return yield_to_waiting(h->vp);
}
