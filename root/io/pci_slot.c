/* SPDX-License-Identifier: MIT */
/* root/io/pci_slot.c - see root/io/pci_slot.h. PCI Express Base Specification 5.0, 6.7.
 *
 * A port's interrupt only wakes the thread, which alone reads events and commands slots. Whether
 * firmware lets us have the slots only AML says (_OSC); ports that firmware keeps for itself do
 * not show the capability in QEMU. */
#include "io/pci_slot.h"
#include "io/pci.h"
#include "io/pci_regs.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

#define SLOT_EVENTS (PCI_SLOT_STATUS_BUTTON | PCI_SLOT_STATUS_PRESENCE)
#define SLOT_INTERRUPTS                                                                            \
    (PCI_SLOT_CONTROL_BUTTON | PCI_SLOT_CONTROL_PRESENCE | PCI_SLOT_CONTROL_HOT_PLUG)
#define COMMAND_NS      1000000000ull /* 6.7.3.2: the longest that a command may take */
#define COMMAND_POLL_NS 1000000ull

struct slot {
    struct pci_device *port;
    uint32_t capabilities;
    uint8_t express; /* offset of the port's capability */
    bool empty;      /* of devices that we know */
    struct irq irq;
    struct list link;
};

static struct {
    struct list slots; /* [I] after pci_slots_init */
    struct wait_queue queue;
    bool due; /* [a] an interrupt came */
} slots;

static void slot_interrupt(void *unused)
{
    (void)unused;
    __atomic_store_n(&slots.due, true, __ATOMIC_RELEASE); /* pairs with interrupt_came */
    wake_all(&slots.queue);
}

static bool interrupt_came(void *unused)
{
    (void)unused;
    return __atomic_exchange_n(&slots.due, false, __ATOMIC_ACQUIRE); /* pairs with slot_interrupt */
}

static uint32_t status_read(const struct slot *s)
{
    return pci_read16(s->port, s->express + PCI_SLOT_STATUS);
}

static void status_clear(const struct slot *s, uint32_t events)
{
    pci_write16(s->port, s->express + PCI_SLOT_STATUS, (uint16_t)events);
}

static void slot_log(const struct slot *s, const char *what)
{
    log_print("pci: slot of %02x:%02x.%x: %s", s->port->bus, s->port->device, s->port->function,
              what);
}

static void slot_command(const struct slot *s, uint32_t clear, uint32_t set)
{
    uint64_t deadline = time_now() + COMMAND_NS;

    status_clear(s, PCI_SLOT_STATUS_COMPLETED);
    pci_change16(s->port, s->express + PCI_SLOT_CONTROL, clear, set);
    while (!(s->capabilities & PCI_SLOT_CAP_NO_COMPLETED) &&
           !(status_read(s) & PCI_SLOT_STATUS_COMPLETED) && time_now() < deadline)
        thread_sleep(COMMAND_POLL_NS);
}

static bool is_behind(const struct pci_device *d, const struct pci_device *port)
{
    return d->segment == port->segment && d->bus >= pci_read8(port, PCI_SECONDARY_BUS) &&
           d->bus <= pci_read8(port, PCI_SUBORDINATE_BUS);
}

/* A walk over what is behind a slot's port. */
struct release {
    const struct slot *slot;
    bool refused; /* by a driver that cannot let go */
};

static bool function_ask(struct pci_device *d, void *context)
{
    struct release *r = context;

    if (is_behind(d, r->slot->port) && d->driver && !d->driver->remove) {
        log_print("pci: %02x:%02x.%x: driver %s cannot let go of it", d->bus, d->device,
                  d->function, d->driver->name);
        r->refused = true;
    }
    return true;
}

static bool function_release(struct pci_device *d, void *context)
{
    const struct release *r = context;

    if (is_behind(d, r->slot->port) && d->driver && d->driver->remove) {
        d->driver->remove(d);
        d->driver = NULL;
    }
    return true;
}

/* Take the devices from their drivers, and the power from the slot. */
static void slot_empty(struct slot *s)
{
    struct release r = {.slot = s};

    pci_for_each(function_release, &r);
    slot_command(s, PCI_SLOT_CONTROL_LAMP, PCI_SLOT_CONTROL_LAMP_OFF | PCI_SLOT_CONTROL_OFF);
    s->empty = true;
    slot_log(s, "switched off");
}

/* The attention button. Nobody is given time to think again: whoever presses it means it. */
static void slot_asked(struct slot *s)
{
    struct release r = {.slot = s};

    slot_log(s, "asked to let go of what is in it");
    pci_for_each(function_ask, &r);
    if (!r.refused)
        slot_empty(s);
}

static void slot_serve(struct slot *s)
{
    uint32_t status;

    /* Until none is left: only an event among none raises an interrupt (6.7.3.4). */
    while ((status = status_read(s)) & SLOT_EVENTS) {
        status_clear(s, status & SLOT_EVENTS);
        if (s->empty && (status & PCI_SLOT_STATUS_PRESENT)) {
            slot_log(s, "what was put in is left alone");
        } else if (!s->empty && !(status & PCI_SLOT_STATUS_PRESENT)) {
            slot_log(s, "what was in it is gone");
            slot_empty(s);
        } else if (!s->empty && (status & PCI_SLOT_STATUS_BUTTON)) {
            slot_asked(s);
        }
    }
}

static void slots_thread(void *unused)
{
    (void)unused;
    for (;;) {
        wait_until(&slots.queue, interrupt_came, NULL);
        LIST_FOR_EACH(node, &slots.slots)
        slot_serve(container_of(node, struct slot, link));
    }
}

static bool interrupt_route(struct slot *s)
{
    if (!irq_alloc(&s->irq, 0, slot_interrupt, NULL))
        return false;
    pci_enable(s->port); /* the MSI-X table is in memory, and a message is a write of the port's */
    if (pci_enable_msix(s->port, &s->irq, 1) || pci_enable_msi(s->port, &s->irq))
        return true;
    irq_free(&s->irq);
    return false;
}

static void slot_add(struct pci_device *port, uint8_t express, uint32_t capabilities)
{
    struct slot *s = kalloc(sizeof(*s));

    if (!s)
        return;
    s->port = port;
    s->express = express;
    s->capabilities = capabilities;
    s->empty = !(status_read(s) & PCI_SLOT_STATUS_PRESENT);
    if (!interrupt_route(s)) {
        slot_log(s, "has no message-signalled interrupt: nobody watches over it");
        kfree(s);
        return;
    }
    list_push_back(&slots.slots, &s->link);
    status_clear(s, SLOT_EVENTS);
    slot_command(s, 0, SLOT_INTERRUPTS);
    slot_log(s, s->empty ? "empty" : "occupied");
}

static bool port_look(struct pci_device *d, void *unused)
{
    uint8_t express = pci_find_capability(d, PCI_CAP_EXPRESS);
    uint32_t capabilities;

    (void)unused;
    if (!express || !(pci_read16(d, express + PCI_EXPRESS_FLAGS) & PCI_EXPRESS_FLAGS_SLOT))
        return true;
    capabilities = pci_read32(d, express + PCI_SLOT_CAPABILITIES);
    if ((capabilities & PCI_SLOT_CAP_HOT_PLUG) && (capabilities & PCI_SLOT_CAP_POWER))
        slot_add(d, express, capabilities);
    return true;
}

void pci_slots_init(void)
{
    list_init(&slots.slots);
    wait_queue_init(&slots.queue);
    pci_for_each(port_look, NULL);
    if (list_empty(&slots.slots))
        return;
    slots.due = true; /* what came before there was a thread */
    if (!thread_start("slots", slots_thread, NULL, -1))
        log_print("pci: nobody watches over slots: no thread");
}
