/* SPDX-License-Identifier: MIT */
/* echo/echo.h - the smallest provider: sends each packet back. An example (docs/vmbus.md), and what
 * tests the bus with nothing else in the way. All of it under the rules of vmbus/server.h; memory is
 * the owner's. */
#ifndef ECHO_ECHO_H
#define ECHO_ECHO_H

#include <vmbus/server.h>
#include <vspabi/echo.h>

struct echo {
    struct vmbus_offer offer;      /* the owner offers it by vmbus_server_offer() */
    void (*wake)(struct echo *e);  /* see to it that echo_work(@e) is called soon; any context */
    struct vmbus_channel *channel; /* NULL: closed */
    struct vmbus_packet held;      /* what came and could not be sent back yet */
    bool holds;
    uint64_t buffer[(ECHO_BYTES_MAX + sizeof(struct vmbus_packet_descriptor)) / 8];
};

/* A device that one child may have @instance of. */
void echo_init(struct echo *e, const struct vmbus_guid *instance, void (*wake)(struct echo *e));

/* Send back some of what has come. True: there is more, call it again (others may come first). Else
 * wake() is called when there is. Serialised with the server's calls. */
bool echo_work(struct echo *e) __attribute__((warn_unused_result));

#endif
