/* SPDX-License-Identifier: MIT */
/* synic/port_state.h - saving and restoring ports and connections, with the messages that wait and
 * the triggers that are pending.
 *
 * To save a space, ask for the port with the lowest identifier from 0 on, then from the one after
 * it on, until there is none; the same for connections. To restore: first the SynICs, then the
 * ports of every partition, then the connections, those to monitor ports last: what is pending there
 * is signalled through the others soon after. Nobody uses the space meanwhile. */
#ifndef SYNIC_PORT_STATE_H
#define SYNIC_PORT_STATE_H

#include <synic/port.h>

#define PORT_STATE_VERSION 2

struct port_state_message {
    uint64_t order;    /* among all that were queued in that VP's SynIC */
    uint32_t vp_index; /* where it waits */
    uint32_t reserved;
    struct hv_message message;
};
ABI_SIZE(struct port_state_message, 272);
ABI_OFFSET(struct port_state_message, vp_index, 8);
ABI_OFFSET(struct port_state_message, message, 16);

struct port_state {
    uint32_t version; /* PORT_STATE_VERSION */
    uint32_t id;
    uint64_t peer; /* the partition that may connect */
    struct hv_port_info info;
    uint32_t waiting; /* messages below that mean something */
    uint32_t reserved;
    union {
        struct port_state_message message[HV_PORT_MESSAGE_BUFFER_COUNT];
        uint8_t monitor_page[HV_PAGE_SIZE]; /* of a monitor port; its guests may have written it */
    };
};
ABI_SIZE(struct port_state, 4400);
ABI_OFFSET(struct port_state, peer, 8);
ABI_OFFSET(struct port_state, info, 16);
ABI_OFFSET(struct port_state, waiting, 40);
ABI_OFFSET(struct port_state, message, 48);
ABI_OFFSET(struct port_state, monitor_page, 48);

#define CONNECTION_STATE_VERSION 1

struct connection_state {
    uint32_t version; /* CONNECTION_STATE_VERSION */
    uint32_t id;
    uint64_t port_partition; /* HV_PARTITION_ID_INVALID: its port is gone */
    uint32_t port_id;
    uint32_t reserved;
    struct hv_connection_info info;
};
ABI_SIZE(struct connection_state, 56);
ABI_OFFSET(struct connection_state, port_partition, 8);
ABI_OFFSET(struct connection_state, port_id, 16);
ABI_OFFSET(struct connection_state, info, 24);

/* Save the port (the connection) with the lowest identifier from @from on. False: there is none. */
bool port_save(struct port_space *sp, uint32_t from, struct port_state *out) MUST_CHECK;
bool connection_save(struct port_space *sp, uint32_t from, struct connection_state *out) MUST_CHECK;

/* Make the port that was saved. HV_STATUS_INVALID_SAVE_RESTORE_STATE: not a state; else as
 * port_create(). Nothing has changed then. */
hv_status port_restore(struct port_space *sp, const struct port_state *in) MUST_CHECK;

/* Make the connection that was saved, to a port of @target; NULL: its port is gone, and so it stays
 * dangling. Statuses as above, of port_connect(). */
hv_status connection_restore(struct port_space *sp, struct port_space *target,
                             const struct connection_state *in) MUST_CHECK;

#endif
