/* SPDX-License-Identifier: MIT */
/* tests/user/libc/peer.c - in the VM service's place: another process to talk to, and to kill. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "peer.h"

static volatile unsigned turns;
static char *volatile nowhere;

static void obey(char order)
{
    switch (order) {
    case PEER_SPIN:
        for (;;)
            turns++;
    case PEER_CRASH:
        *nowhere = 1;
        break;
    case PEER_EXIT:
        exit(3);
    default:
        break;
    }
}

static void serve(int client)
{
    pid_t self = getpid();
    char order;

    while (recv(client, &order, 1, 0) == 1) {
        if (send(client, &self, sizeof(self), 0) != sizeof(self))
            break;
        obey(order);
    }
    close(client);
}

int main(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + sizeof(PEER_NAME) - 1;
    int server = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    memcpy(name.sun_path, PEER_NAME, sizeof(PEER_NAME) - 1);
    if (bind(server, (void *)&name, length) != 0 || listen(server, 1) != 0) {
        perror("FAIL peer");
        return 1;
    }
    for (;;)
        serve(accept4(server, NULL, NULL, SOCK_CLOEXEC));
}
