/* SPDX-License-Identifier: MIT */
/* vmms/service.h - the packets between the VM service and those it serves: the shell and other
 * clients at the socket SERVICE_SOCKET, and its workers at their control sockets. One packet of a
 * SOCK_SEQPACKET socket is one struct service_packet, as long as its bytes are. */
#ifndef USER_VMMS_SERVICE_H
#define USER_VMMS_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#define SERVICE_SOCKET "vmms" /* an abstract name: a zero byte precedes it in sun_path */

enum { SERVICE_BYTES_MAX = 1020 };

enum service_type {
    /* From a client. One command each connection: "list", "start NAME", ...; see vmms/command.c. */
    SERVICE_COMMAND = 1,
    /* To a client: text to print, and the end, with a uint32_t: 0, it succeeded; 1, it failed. */
    SERVICE_TEXT = 2,
    SERVICE_DONE = 3,
    /* COM1's bytes: from a client to the service to the worker, and back. */
    SERVICE_INPUT = 4,
    SERVICE_OUTPUT = 5,
    /* COM1's line is held in a break. The same way. */
    SERVICE_BREAK = 6,
    /* To a client: text that says that there is no child of that name; SERVICE_DONE follows. */
    SERVICE_NO_CHILD = 7,
};

struct service_packet {
    uint32_t type; /* enum service_type */
    uint8_t bytes[SERVICE_BYTES_MAX];
};

enum { SERVICE_HEADER_SIZE = offsetof(struct service_packet, bytes) };

#endif
