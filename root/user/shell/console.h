/* SPDX-License-Identifier: MIT */
/* root/user/shell/console.h - this terminal at a child's COM1, by a connection to vmms. */
#ifndef SHELL_CONSOLE_H
#define SHELL_CONSOLE_H

#include <stddef.h>
#include <stdint.h>
#include "vmms/service.h"

/* Pass keys and output on until Ctrl-] is typed or the child ends; Ctrl-^ is a break. The command's
 * status. */
int console_attach(int socket);

/* Type @text into the shell that the child runs at COM1, once that answers; print what its
 * commands print, until they are done, or Ctrl-C or Ctrl-] is typed. 0: the last of them
 * succeeded. */
int console_run(int socket, const char *text);

/* shell/vm.c: one packet; the number of its bytes, or a negative error number. */
int64_t service_send(int socket, uint32_t type, const void *bytes, size_t count);
int64_t service_receive(int socket, struct service_packet *packet);
/* What SERVICE_DONE says: 0, or 1. */
int service_status(const struct service_packet *packet, int64_t count);

#endif
