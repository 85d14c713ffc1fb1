/* SPDX-License-Identifier: MIT */
/* root/bus/keyboard.c - the keyboard of a child that runs a system of its own, one with a worker. */
#include <keyboard/keyboard.h>
#include <rootabi/errno.h>
#include <rt/mem.h>
#include "bus/bus_internal.h"
#include "mm/memory.h"

struct bus_keyboard {
    struct keyboard keyboard;
    struct bus *bus;
    struct bus_work work;
};

_Static_assert(VM_KEY_BREAK == KEYBOARD_BREAK && VM_KEY_E0 == KEYBOARD_E0,
               "ring 3's flags are the protocol's");

static struct bus_keyboard *keyboard_of(struct keyboard *k)
{
    return container_of(k, struct bus_keyboard, keyboard);
}

static void wake(struct keyboard *k)
{
    struct bus_keyboard *b = keyboard_of(k);

    bus_work_add(b->bus, &b->work);
}

static void log_reason(struct keyboard *k, uint32_t relid, const char *reason)
{
    bus_log_reason(keyboard_of(k)->bus, relid, reason);
}

static const struct keyboard_port port = {.wake = wake, .log = log_reason};

static void work(struct bus_work *w)
{
    struct bus_keyboard *b = container_of(w, struct bus_keyboard, work);

    if (keyboard_work(&b->keyboard))
        bus_work_add(b->bus, &b->work);
}

bool bus_keyboard_create(struct bus *b)
{
    const struct vmbus_guid instance = bus_instance(b, "keyboard");
    struct bus_keyboard *k = kalloc(sizeof(*k));

    if (k == NULL)
        return false;
    k->bus = b;
    k->work.run = work;
    keyboard_init(&k->keyboard, &port, &instance);
    b->keyboard = k; /* whoever destroys the bus destroys it */
    return vmbus_server_offer(b->server, &k->keyboard.offer);
}

void bus_keyboard_destroy(struct bus_keyboard *k)
{
    if (k == NULL)
        return;
    bus_work_cancel(k->bus, &k->work);
    kfree(k);
}

bool bus_keyboard_offers(const struct bus *b, const struct vmbus_offer *offer,
                         struct vm_channel *out)
{
    if (b->keyboard == NULL || offer != &b->keyboard->keyboard.offer)
        return false;
    rt_strlcpy(out->provider, "keyboard", sizeof(out->provider));
    return true;
}

static int64_t press(struct keyboard *k, const struct vm_keys *a)
{
    struct keyboard_key keys[VM_KEYS_MAX];

    for (uint32_t i = 0; i < a->count; i++) {
        if ((a->keys[i].flags & ~(VM_KEY_BREAK | VM_KEY_E0)) != 0)
            return -EINVAL;
        keys[i] = (struct keyboard_key){.code = a->keys[i].code, .flags = a->keys[i].flags};
    }
    switch (keyboard_press(k, keys, a->count)) {
    case KEYBOARD_OK:
        return 0;
    case KEYBOARD_FULL:
        return -EAGAIN;
    case KEYBOARD_NO_DRIVER:
    default:
        return -ENOTCONN;
    }
}

int64_t bus_keys(struct bus *b, const struct vm_keys *a)
{
    int64_t result = -ENOTCONN;

    if (a->count > VM_KEYS_MAX)
        return -EINVAL;
    mutex_lock(&b->mutex);
    if (b->keyboard != NULL)
        result = press(&b->keyboard->keyboard, a);
    mutex_unlock(&b->mutex);
    return result;
}
