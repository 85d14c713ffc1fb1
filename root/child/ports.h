/* SPDX-License-Identifier: MIT */
/* root/child/ports.h - ports between root and its children, and who has which number: 24 bits, of
 * ports and of connections apart, in each partition. */
#ifndef ROOT_CHILD_PORTS_H
#define ROOT_CHILD_PORTS_H

#include <hypercall/client.h>
#include <hvabi/port.h>

struct child;

/* Root's ports. CHILD is the number of a child's record. */
#define PORT_MESSAGE(child)  (0x2000u + (child))         /* what a toy guest posts */
#define PORT_BUS(child, way) (0x4000u + 2 * (child) + (way)) /* channel messages: bus/bus.h */
#define PORT_MONITOR(child)  (0x6000u + (child))
#define PORT_DRAIN           0x10000u
#define PORT_DOORBELL        0x100000u /* + CPU * HV_EVENT_FLAGS_COUNT + flag */

/* A child's connections; its VMBus has those that guests know, and those of its channels. */
#define CONNECTION_EVENT   0x10001u
#define CONNECTION_MESSAGE 0x10002u
#define CONNECTION_MONITOR 0x10003u

/* A child's ports, two for each of its VPs, and root's connections to them. */
#define PORT_VP_MESSAGE(vp) (1 + 2 * (vp))
#define PORT_VP_EVENT(vp)   (2 + 2 * (vp))
#define CONNECTION_VP(child, vp, event) (0x100000u + ((child) << 9) + ((vp) << 1) + (event))

/* Make port @port of root as @info says, and connection @connection of @c to it; or a port of @c and
 * root's connection to it. Deposits what the hypervisor needs. Under hv_begin. */
hv_status port_to_root(const struct hv_client *h, struct child *c, uint32_t port,
                       const struct hv_port_info *info, uint32_t connection);
hv_status port_to_child(const struct hv_client *h, struct child *c, uint32_t port,
                        const struct hv_port_info *info, uint32_t connection);

/* The same with a monitor port: its page lies at @root_page in root and at @child_page in @c. */
hv_status monitor_port_to_root(const struct hv_client *h, struct child *c, uint32_t port,
                               uint64_t root_page, uint32_t connection, uint64_t child_page);

/* Take both away; harmless if they are not there: of root's port HV_STATUS_INVALID_PORT_ID. Under
 * hv_begin. */
hv_status port_to_root_delete(const struct hv_client *h, struct child *c, uint32_t port,
                              uint32_t connection);
void port_to_child_delete(const struct hv_client *h, struct child *c, uint32_t port,
                          uint32_t connection);

#endif
