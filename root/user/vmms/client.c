/* SPDX-License-Identifier: MIT */
/* vmms/client.c - connections of the shell and of others; see vmms.h. What a client cannot be sent at
 * once is kept for it, up to a limit: a client never keeps the service waiting. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "vmms/vmms.h"

enum { OUT_MAX = 1 << 20, OUT_FIRST = 4096 };

static struct {
    int listening;
    struct client list[CLIENTS_MAX];
} clients = {.listening = -1};

bool clients_listen(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + sizeof(SERVICE_SOCKET);

    for (size_t i = 0; i < CLIENTS_MAX; i++)
        clients.list[i].socket = -1;
    memcpy(address.sun_path + 1, SERVICE_SOCKET, sizeof(SERVICE_SOCKET) - 1);
    clients.listening = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    return clients.listening >= 0 &&
           bind(clients.listening, (const struct sockaddr *)&address, size) == 0 &&
           listen(clients.listening, CLIENTS_MAX) == 0;
}

static struct client *unused(void)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (clients.list[i].socket < 0)
            return &clients.list[i];
    return NULL;
}

int clients_listening(void)
{
    return unused() != NULL ? clients.listening : -1;
}

void clients_accept(void)
{
    struct client *c = unused();
    int socket = accept(clients.listening, NULL, NULL);

    if (socket < 0)
        return;
    *c = (struct client){.socket = socket};
}

struct client *client_at(size_t index)
{
    return clients.list[index].socket >= 0 ? &clients.list[index] : NULL;
}

/* No child knows it any more. */
static void detach(struct client *c)
{
    if (c->console != NULL)
        c->console->console = NULL;
    if (c->stops != NULL)
        c->stops->stopper = NULL;
    c->console = c->stops = NULL;
}

static void client_close(struct client *c)
{
    detach(c);
    close(c->socket);
    free(c->out);
    *c = (struct client){.socket = -1};
}

bool client_waits(const struct client *c)
{
    return c->out_count != 0;
}

/* ---- to the client ---- */

/* False: it takes no more now, or never. */
static bool send_now(const struct client *c, const struct service_packet *packet, size_t size)
{
    return send(c->socket, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool keep(struct client *c, const struct service_packet *packet, uint32_t size)
{
    size_t needed = c->out_count + sizeof(size) + size;

    if (needed > c->out_size) {
        size_t room = c->out_size != 0 ? c->out_size * 2 : OUT_FIRST;
        uint8_t *out = room <= OUT_MAX ? realloc(c->out, room) : NULL;

        if (out == NULL)
            return false;
        c->out = out;
        c->out_size = room;
    }
    memcpy(c->out + c->out_count, &size, sizeof(size));
    memcpy(c->out + c->out_count + sizeof(size), packet, size);
    c->out_count = needed;
    return true;
}

void client_send(struct client *c, uint32_t type, const void *bytes, size_t count)
{
    struct service_packet packet = {.type = type};
    uint32_t size = (uint32_t)(SERVICE_HEADER_SIZE + count);

    memcpy(packet.bytes, bytes, count);
    if (c->out_count == 0 && send_now(c, &packet, size))
        return;
    if (!keep(c, &packet, size))
        c->done = true;
}

void client_print(struct client *c, const char *fmt, ...)
{
    char text[SERVICE_BYTES_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n > 0)
        client_send(c, SERVICE_TEXT, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void client_finish(struct client *c, bool success)
{
    const uint32_t status = success ? 0 : 1;

    client_send(c, SERVICE_DONE, &status, sizeof(status));
    detach(c);
    c->done = true;
}

static void send_kept(struct client *c)
{
    size_t at = 0;

    while (at < c->out_count) {
        struct service_packet packet;
        uint32_t size;

        memcpy(&size, c->out + at, sizeof(size));
        memcpy(&packet, c->out + at + sizeof(size), size);
        if (!send_now(c, &packet, size))
            break;
        at += sizeof(size) + size;
    }
    memmove(c->out, c->out + at, c->out_count - at);
    c->out_count -= at;
}

/* ---- from the client ---- */

static void act(struct client *c, struct service_packet *packet, size_t count)
{
    if (packet->type == SERVICE_COMMAND && c->console == NULL) {
        packet->bytes[count < SERVICE_BYTES_MAX ? count : SERVICE_BYTES_MAX - 1] = '\0';
        command_run(c, (char *)packet->bytes);
    } else if (c->console != NULL &&
               (packet->type == SERVICE_INPUT || packet->type == SERVICE_BREAK)) {
        child_send(c->console, packet->type, packet->bytes, count);
    }
}

/* True: it has hung up. */
static bool receive(struct client *c)
{
    struct service_packet packet;
    ssize_t n = recv(c->socket, &packet, sizeof(packet), MSG_DONTWAIT);

    if (n < 0)
        return errno != EAGAIN;
    if (n >= SERVICE_HEADER_SIZE && !c->done)
        act(c, &packet, (size_t)n - SERVICE_HEADER_SIZE);
    return n == 0;
}

void client_ready(struct client *c, short events)
{
    bool gone;

    if (events & POLLOUT)
        send_kept(c);
    gone = (events & (POLLIN | POLLHUP | POLLERR)) && receive(c);
    if (gone || (c->done && c->out_count == 0))
        client_close(c);
}
