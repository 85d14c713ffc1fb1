/* SPDX-License-Identifier: MIT */
/* vmwp/control.c - the worker's side of its control socket; see worker.h and vmms/service.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "vmms/service.h"
#include "vmwp/worker.h"

/* A packet fits: see control_wake(). */
static void queue_input(struct worker *w, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count && w->input_count < WORKER_INPUT_MAX; i++)
        w->input[(w->input_first + w->input_count++) % WORKER_INPUT_MAX] = bytes[i];
}

void control_type(struct worker *w)
{
    while (w->input_count != 0) {
        size_t piece = WORKER_INPUT_MAX - w->input_first;
        size_t taken;

        piece = piece < w->input_count ? piece : w->input_count;
        taken = machine_console_in(&w->machine, w->input + w->input_first, piece);
        if (taken == 0)
            return;
        w->input_first = (w->input_first + taken) % WORKER_INPUT_MAX;
        w->input_count -= taken;
    }
}

static void act(struct worker *w, const struct service_packet *packet, size_t count)
{
    switch (packet->type) {
    case SERVICE_INPUT:
        queue_input(w, packet->bytes, count);
        control_type(w);
        break;
    case SERVICE_BREAK:
        machine_console_break(&w->machine);
        break;
    default:
        break;
    }
}

int control_wake(const struct worker *w)
{
    return WORKER_INPUT_MAX - w->input_count >= SERVICE_BYTES_MAX ? w->control : -1;
}

void control_serve(struct worker *w)
{
    struct service_packet packet;
    ssize_t n = recv(w->control, &packet, sizeof(packet), MSG_DONTWAIT);

    if (n >= SERVICE_HEADER_SIZE) {
        act(w, &packet, (size_t)n - SERVICE_HEADER_SIZE);
    } else if (n >= 0 || errno != EAGAIN) { /* the service is gone: the child goes on without it */
        close(w->control);
        w->control = -1;
    }
}

/* What the child says while there is no service is lost: root's console is not the child's. */
void control_console_out(void *context, const uint8_t *bytes, size_t count)
{
    struct worker *w = context;
    struct service_packet packet = {.type = SERVICE_OUTPUT};

    while (count != 0 && w->control >= 0) {
        size_t piece = count < SERVICE_BYTES_MAX ? count : SERVICE_BYTES_MAX;

        memcpy(packet.bytes, bytes, piece);
        send(w->control, &packet, SERVICE_HEADER_SIZE + piece, 0);
        bytes += piece;
        count -= piece;
    }
}
