/* SPDX-License-Identifier: MIT */
/* synic/port.h - ports and connections of partitions: the workers of HvCreatePort, HvDeletePort,
 * HvConnectPort, HvDisconnectPort, HvPostMessage and HvSignalEvent. TLFS 2.0A, 14.4 and 14.9.
 *
 * A port belongs to the partition that receives, a connection to the one that sends. A connection
 * refers to one port and a port has at most one connection. Deleting the port leaves the connection
 * dangling: it then yields HV_STATUS_INVALID_PORT_ID until it is disconnected.
 *
 * The hypercall layer looks up partitions, checks privileges, parenthood and that partitions are
 * active, and passes their port spaces; everything that the TLFS says of identifiers, port types,
 * SINTs, VPs, flags and buffers is checked here.
 *
 * HV_ANY_VP. The target is the first VP that can take the message or event, counting up and around
 * from the port id modulo the number of VPs: ports spread over the VPs, and one port keeps to one
 * VP (and so keeps its messages in order) as long as the same VPs can take messages.
 *
 * Memory. A port, its 16 message buffers or its monitor (synic/monitor.h) and its table nodes come
 * from the pool of its partition, a connection from its own; deletion gives everything back, queued
 * messages included.
 *
 * Locks, in this order: the links lock (one, connects and deletions only), a monitor's, a space's
 * lock, a SynIC's lock, a pool's. A post holds only a count of users on its port while it works;
 * the last user of a deleted port frees it. */
#ifndef SYNIC_PORT_H
#define SYNIC_PORT_H

#include <core/spinlock.h>
#include <core/types.h>
#include <hvabi/hypercall.h>
#include <hvabi/port.h>
#include <hvabi/status.h>
#include <synic/id_table.h>
#include <synic/synic.h>

struct partition;
struct pool;

/* The ports and connections of one partition; embedded in it. */
struct port_space {
    struct spinlock lock;
    hv_partition_id id;          /* [I] */
    struct partition *partition; /* [I] for the hook */
    struct pool *pool;           /* [I] */
    struct synic_set set;        /* the SynICs of its VPs, for synic_init() */
    struct id_table ports;       /* [lock] struct port */
    struct id_table connections; /* [lock] struct connection */
    uint32_t live;               /* [a] ports and connections not yet freed */
    uint32_t monitors;           /* [a] monitors through which it sends (synic/monitor.h) */
    uint32_t asleep;             /* [a] to read, [lock] to write: length of */
    struct list sleeping;        /* [lock] those that wait until a VP of the partition runs */
};

/* ---- hooks: defined by core, and by the tests ------------------------------------------------ */

/* The SynIC of VP @vp_index of @p, kept alive until port_host_synic_put(); NULL: no such VP. Called
 * with no lock held. */
struct synic *port_host_synic(struct partition *p, uint32_t vp_index);
void port_host_synic_put(struct synic *s);

/* ---- life ------------------------------------------------------------------------------------ */

/* Before the first synic_init() of the partition. */
void port_space_init(struct port_space *sp, hv_partition_id id, struct partition *partition,
                     struct pool *pool);

/* For statistics: how many there are in all spaces. */
void port_counts(uint64_t *ports, uint64_t *connections);

/* Delete up to @budget ports and connections. True: nothing is left, no other LP uses any of them,
 * and all memory is back in the pool. False: call again. Nobody creates or connects in @sp any
 * more.
 */
bool port_space_drain(struct port_space *sp, unsigned budget) MUST_CHECK;

/* ---- hypercall workers: inputs are copies that no guest can change -----------------------------
 */

/* Make port @id in @sp, for a connection from the partition @connection_partition. With a monitor
 * port, as with its connection, the partition is initialized, and stays so during the call. */
hv_status port_create(struct port_space *sp, hv_port_id id, hv_partition_id connection_partition,
                      const struct hv_port_info *info) MUST_CHECK;

/* Delete a port and what waits in its buffers. */
hv_status port_delete(struct port_space *sp, hv_port_id id) MUST_CHECK;

/* Make connection @id in @sp, to port @port_id of @target. */
hv_status port_connect(struct port_space *sp, hv_connection_id id, struct port_space *target,
                       hv_port_id port_id, const struct hv_connection_info *info) MUST_CHECK;

/* Sever a connection, dangling or not; messages that wait are still delivered. */
hv_status port_disconnect(struct port_space *sp, hv_connection_id id) MUST_CHECK;

/* @sp: of the caller. */
hv_status port_post_message(struct port_space *sp,
                            const struct hv_input_post_message *in) MUST_CHECK;
hv_status port_signal_event(struct port_space *sp,
                            const struct hv_input_signal_event *in) MUST_CHECK;

#endif
