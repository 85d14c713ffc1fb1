/* SPDX-License-Identifier: MIT */
/* vmms/main.c - the VM service: it owns the definitions of children, starts a worker for each that
 * runs, starts children again that are to be, and answers the shell. Root starts it from a boot module;
 * it never ends. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include "vmms/vmms.h"

enum { POLLED_MAX = 1 + CLIENTS_MAX + 2 * CHILDREN_MAX };

/* Whose file each entry of the list is; none: the listening socket. */
struct polled {
    struct pollfd list[POLLED_MAX];
    struct {
        struct client *client;
        struct child *child;
        bool partition;
    } whose[POLLED_MAX];
    nfds_t count;
};

static void add(struct polled *p, int file, short events, struct client *client,
                struct child *child, bool partition)
{
    if (file < 0)
        return;
    p->list[p->count] = (struct pollfd){.fd = file, .events = events};
    p->whose[p->count].client = client;
    p->whose[p->count].child = child;
    p->whose[p->count++].partition = partition;
}

static void collect(struct polled *p)
{
    struct child *child;

    p->count = 0;
    add(p, clients_listening(), POLLIN, NULL, NULL, false);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = client_at(i);

        if (client != NULL)
            add(p, client->socket, (short)(POLLIN | (client_waits(client) ? POLLOUT : 0)), client,
                NULL, false);
    }
    for (size_t i = 0; (child = child_at(i)) != NULL; i++) {
        add(p, child->control, POLLIN, NULL, child, false);
        add(p, child->partition, 0, NULL, child, true);
    }
}

/* Files that were closed meanwhile, by what another one brought, are not looked at. */
static void serve(const struct polled *p, nfds_t i)
{
    struct client *client = p->whose[i].client;
    struct child *child = p->whose[i].child;

    if (client != NULL) {
        if (client->socket == p->list[i].fd)
            client_ready(client, p->list[i].revents);
    } else if (child == NULL) {
        clients_accept();
    } else if (p->whose[i].partition) {
        if (child->partition == p->list[i].fd && (p->list[i].revents & POLLHUP))
            child_partition_ready(child);
    } else if (child->control == p->list[i].fd) {
        child_control_ready(child);
    }
}

int main(void)
{
    static struct polled polled;

    if (!clients_listen()) {
        fprintf(stderr, "vmms: the socket %s cannot be had: %s\n", SERVICE_SOCKET, strerror(errno));
        return 1;
    }
    children_load();
    for (;;) {
        int timeout = children_start_again(); /* before their files are collected */

        collect(&polled);
        if (poll(polled.list, polled.count, timeout) < 0) {
            fprintf(stderr, "vmms: poll: %s\n", strerror(errno));
            return 1;
        }
        for (nfds_t i = 0; i < polled.count; i++)
            if (polled.list[i].revents != 0)
                serve(&polled, i);
    }
}
