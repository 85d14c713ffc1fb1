/* SPDX-License-Identifier: MIT */
/* root/drivers/ahci.c - AHCI: finds controllers and their disks, takes interrupts, and runs one
 * worker thread a controller, which recovers ports from errors. */
#include <rt/format.h>
#include "cpu/cpu.h"
#include "drivers/ahci_controller.h"
#include "drivers/drivers.h"
#include "io/mmio.h"
#include "log.h"
#include "mm/memory.h"

#define RESET_POLL_NS 1000000ull
#define RESET_NS      1000000000ull /* 10.4.3: GHC.HR is done within a second */
#define HANDOFF_NS    2000000000ull /* 10.6.3 */

static uint32_t hba_read(const struct ahci *c, uint32_t offset)
{
    return mmio_read32(c->registers, offset);
}

static void hba_write(struct ahci *c, uint32_t offset, uint32_t v)
{
    mmio_write32(c->registers, offset, v);
}

static bool hba_wait_clear(const struct ahci *c, uint32_t offset, uint32_t bits, uint64_t ns)
{
    uint64_t deadline = time_now() + ns;

    while (hba_read(c, offset) & bits) {
        if (time_now() > deadline)
            return false;
        thread_sleep(RESET_POLL_NS);
    }
    return true;
}

/* BIOS/OS hand-off (10.6.3), where the controller has it. Firmware that does not let go within its
 * time has lost its right. */
static void hba_take_over(struct ahci *c)
{
    if (!(hba_read(c, AHCI_CAP2) & AHCI_CAP2_HANDOFF))
        return;
    hba_write(c, AHCI_BOHC, hba_read(c, AHCI_BOHC) | AHCI_BOHC_OS);
    if (!hba_wait_clear(c, AHCI_BOHC, AHCI_BOHC_BIOS, HANDOFF_NS))
        log_print("%s: the firmware does not let go", c->name);
}

/* HBA reset (10.4.3), AHCI mode on. */
static bool hba_reset(struct ahci *c)
{
    hba_write(c, AHCI_GHC, AHCI_GHC_ENABLE);
    hba_write(c, AHCI_GHC, AHCI_GHC_ENABLE | AHCI_GHC_RESET);
    if (!hba_wait_clear(c, AHCI_GHC, AHCI_GHC_RESET, RESET_NS))
        return false;
    hba_write(c, AHCI_GHC, AHCI_GHC_ENABLE);
    c->capabilities = hba_read(c, AHCI_CAP);
    return true;
}

static void hba_interrupt(void *context)
{
    struct ahci *c = context;
    uint32_t ports = hba_read(c, AHCI_IS);

    for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
        if ((ports & 1u << i) && c->ports[i])
            ahci_queue_interrupt(c->ports[i]);
    }
    /* After the ports' own bits (10.7.2.1); a message for what comes in between is sent again. */
    hba_write(c, AHCI_IS, ports);
}

static void hba_interrupt_create(struct ahci *c)
{
    if (irq_alloc(&c->irq, 0, hba_interrupt, c)) {
        if (pci_enable_msi(c->pci, &c->irq) || pci_enable_msix(c->pci, &c->irq, 1))
            return;
        irq_free(&c->irq);
    }
    log_print("%s: no message-signalled interrupts, polling", c->name);
    c->polled = true;
}

static bool any_port_failed(const void *device)
{
    const struct ahci *c = device;
    bool any = false;

    for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++)
        any |= c->ports[i] && __atomic_load_n(&c->ports[i]->failed, __ATOMIC_RELAXED) &&
               !c->ports[i]->closed;
    return any;
}

/* Look at every port once; false: no disk is left. */
static bool ports_watch(void *device)
{
    struct ahci *c = device;
    bool gone = hba_read(c, AHCI_GHC) == AHCI_GONE, any = false;

    for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
        if (!c->ports[i] || c->ports[i]->closed)
            continue;
        if (gone)
            ahci_port_close(c->ports[i], BLOCK_GONE);
        else
            any |= ahci_port_watch(c->ports[i]);
    }
    return any;
}

static void ports_poll(void *device)
{
    struct ahci *c = device;

    for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++)
        if (c->ports[i])
            ahci_queue_interrupt(c->ports[i]);
}

static const struct watchdog_operations watchdog_operations = {
    .is_due = any_port_failed, .poll = ports_poll, .watch = ports_watch};

static void ports_create(struct ahci *c)
{
    uint32_t implemented = hba_read(c, AHCI_PI);

    for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
        uint64_t end = AHCI_PORTS + (i + 1) * AHCI_PORT_STRIDE;

        if ((implemented & 1u << i) && end <= c->pci->bars[AHCI_BAR].size)
            c->ports[i] = ahci_port_create(c, i);
    }
}

static void disks_register(struct ahci *c)
{
    hba_write(c, AHCI_IS, UINT32_MAX);
    hba_write(c, AHCI_GHC, AHCI_GHC_ENABLE | AHCI_GHC_INTERRUPTS);
    for (uint32_t i = 0; i < AHCI_PORTS_MAX; i++) {
        if (!c->ports[i])
            continue;
        ahci_port_start(c->ports[i]);
        block_register(&c->ports[i]->block);
    }
}

static bool hba_bring_up(struct ahci *c)
{
    hba_take_over(c);
    if (!hba_reset(c)) {
        log_print("%s: does not come out of reset", c->name);
        return false;
    }
    if (!(c->capabilities & AHCI_CAP_64BIT)) {
        log_print("%s: cannot address all of memory", c->name);
        return false;
    }
    return true;
}

static bool ahci_match(const struct pci_device *d)
{
    return d->class_code == AHCI_CLASS && d->subclass == AHCI_SUBCLASS &&
           d->prog_if == AHCI_PROG_IF;
}

static bool ahci_probe(struct pci_device *d)
{
    struct ahci *c = kalloc(sizeof(*c));

    if (!c)
        return false;
    c->pci = d;
    rt_snprintf(c->name, sizeof(c->name), "ahci-%02x:%02x.%x", d->bus, d->device, d->function);
    watchdog_init(&c->watchdog, &watchdog_operations, c);
    pci_enable(d);
    c->registers = d->bars[AHCI_BAR].size >= AHCI_PORTS ? pci_map_bar(d, AHCI_BAR) : NULL;
    if (!c->registers || !hba_bring_up(c)) {
        kfree(c);
        return false;
    }
    hba_interrupt_create(c);
    ports_create(c);
    disks_register(c);
    if (!watchdog_start(&c->watchdog, "ahci", c->polled))
        log_print("%s: nobody watches over it: no thread", c->name);
    return true;
}

const struct pci_driver ahci_driver = {.name = "ahci", .match = ahci_match, .probe = ahci_probe};
