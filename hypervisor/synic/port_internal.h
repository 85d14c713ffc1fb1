/* SPDX-License-Identifier: MIT */
/* synic/port_internal.h - ports and connections, as port.c makes them and post.c uses them. */
#ifndef SYNIC_PORT_INTERNAL_H
#define SYNIC_PORT_INTERNAL_H

#include <synic/monitor.h>
#include <synic/port.h>

struct port;

/* One of a message port's buffers: with the poster that took it from the port's free mask, then
 * with the SynIC of VP @vp, until that releases it. */
struct port_buffer {
    struct synic_message message;
    struct port *port; /* [I] */
    uint32_t vp;       /* where it was sent last */
    uint32_t bit;      /* [I] in port->free */
};

/* [I] immutable after creation; [a] atomic; [links] the links lock of port.c. */
struct port {
    struct port_space *space;      /* [I] */
    hv_port_id id;                 /* [I] */
    hv_partition_id peer;          /* [I] who may connect */
    struct hv_port_info info;      /* [I] checked */
    struct connection *connection; /* [links] */
    uint32_t users; /* [a] 1 until deleted, 1 for each post under way, 1 while it is monitored */
    uint32_t free;  /* [a] buffers that wait for nothing */
    struct port_buffer *buffer[HV_PORT_MESSAGE_BUFFER_COUNT]; /* [I] message ports only */
    struct monitor *monitor;                                  /* [I] monitor ports only */
};

struct connection {
    struct port_space *space;       /* [I] */
    hv_connection_id id;            /* [I] */
    struct hv_connection_info info; /* [I] checked */
    struct port *port; /* written under links and the space's lock, read under either; NULL: gone */
};

#define PORT_ALL_BUFFERS ((1u << HV_PORT_MESSAGE_BUFFER_COUNT) - 1)

/* A port that is not deleted, or that @port's holder still uses: use it until port_put(). */
static inline void port_hold(struct port *port)
{
    __atomic_fetch_add(&port->users, 1, __ATOMIC_RELAXED);
}

/* Whether a guest may post a message of this type and size. */
static inline bool port_message_valid(uint32_t type, uint32_t size)
{
    return type != HvMessageTypeNone && !(type & HV_MESSAGE_TYPE_HYPERVISOR_MASK) &&
           size <= HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT;
}

/* Make connection @id in @sp to a port that is gone, for restoring one that dangled. */
hv_status port_connect_nowhere(struct port_space *sp, hv_connection_id id,
                               const struct hv_connection_info *info) MUST_CHECK;

/* The last one frees the port. No lock held. */
void port_put(struct port *port);

#endif
