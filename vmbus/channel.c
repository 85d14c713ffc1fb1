/* SPDX-License-Identifier: MIT */
/* channel.c - see vmbus/channel.h: rings, counted, and the doorbell that they ask for. */
#include <vmbus/channel.h>

void vmbus_channel_read_begin(struct vmbus_channel *c)
{
    c->statistics.batches_in++;
    vmbus_ring_read_begin(&c->in);
}

enum vmbus_ring_status vmbus_channel_read_next(struct vmbus_channel *c, struct vmbus_packet *p,
                                               void *buffer, uint32_t size)
{
    enum vmbus_ring_status status = vmbus_ring_read(&c->in, p, buffer, size);

    if (status == VMBUS_RING_OK) {
        c->statistics.packets_in++;
        c->statistics.bytes_in += p->length;
    }
    return status;
}

bool vmbus_channel_read_end(struct vmbus_channel *c)
{
    bool signal, again = vmbus_ring_read_end(&c->in, &signal);

    if (signal) {
        c->statistics.signals_for_room++;
        c->signal(c);
    }
    return again;
}

enum vmbus_ring_status vmbus_channel_send(struct vmbus_channel *c, const struct vmbus_packet *p)
{
    enum vmbus_ring_status status = vmbus_ring_write(&c->out, p);

    if (status == VMBUS_RING_OK) {
        c->statistics.packets_out++;
        c->statistics.bytes_out += p->length;
    } else if (status == VMBUS_RING_FULL) {
        c->statistics.full++;
    }
    return status;
}

void vmbus_channel_flush(struct vmbus_channel *c)
{
    c->statistics.batches_out++;
    if (vmbus_ring_write_end(&c->out)) {
        c->statistics.signals_for_packets++;
        c->signal(c);
    }
}

const char *vmbus_channel_broken(const struct vmbus_channel *c)
{
    return c->in.broken ? c->in.broken : c->out.broken;
}
