/* SPDX-License-Identifier: MIT */
/* root/bus/echo.c - the echo device of a child that was started with one: the example of a provider. */
#include <echo/echo.h>
#include "bus/bus_internal.h"
#include "mm/memory.h"

struct bus_echo {
    struct echo echo;
    struct bus *bus;
    struct bus_work work;
};

static void wake(struct echo *e)
{
    struct bus_echo *b = container_of(e, struct bus_echo, echo);

    bus_work_add(b->bus, &b->work);
}

static void work(struct bus_work *w)
{
    struct bus_echo *b = container_of(w, struct bus_echo, work);

    if (echo_work(&b->echo))
        bus_work_add(b->bus, &b->work);
}

bool bus_echo_create(struct bus *b)
{
    const struct vmbus_guid instance = bus_instance(b, "echo");
    struct bus_echo *e = kalloc(sizeof(*e));

    if (e == NULL)
        return false;
    e->bus = b;
    e->work.run = work;
    echo_init(&e->echo, &instance, wake);
    b->echo = e; /* whoever destroys the bus destroys it */
    return vmbus_server_offer(b->server, &e->echo.offer);
}

void bus_echo_destroy(struct bus_echo *e)
{
    if (e == NULL)
        return;
    bus_work_cancel(e->bus, &e->work);
    kfree(e);
}
