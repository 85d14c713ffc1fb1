/* SPDX-License-Identifier: MIT */
/* port_fixture.h - three partitions, of which the child sends to root, for the tests of ports. */
#ifndef TESTS_PORT_FIXTURE_H
#define TESTS_PORT_FIXTURE_H

#include "fakes/synic_world.h"
#include "fakes/test.h"

#define SINT   2
#define VECTOR 0x51
#define PORT   0x123456u
#define CONN   0x654321u

extern struct partition *root, *child, *other;
extern const struct hv_connection_info message_conn, event_conn;

/* Setup and teardown: every test must end with all memory back. VP 0 of root is enabled. */
int start(void **state);
int stop(void **state);

struct hv_port_info message_port(uint32_t vp);
struct hv_port_info event_port(uint32_t vp, uint16_t base, uint16_t count);

/* A port of root for the child, and a connection of the child to it. */
hv_status create(hv_port_id id, struct hv_port_info info);
hv_status connect_child(hv_connection_id id, hv_port_id port,
                        const struct hv_connection_info *info);

/* What the child does: a message with 8 bytes, an event. */
hv_status post(hv_connection_id id, uint32_t type);
hv_status signal_event(hv_connection_id id, uint16_t flag);

/* PORT and CONN, connected. */
void link_message(uint32_t vp);
void link_event(uint32_t vp, uint16_t base, uint16_t count);

#endif
