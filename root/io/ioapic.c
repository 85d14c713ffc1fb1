/* SPDX-License-Identifier: MIT */
/* root/io/ioapic.c - see ioapic.h. Registers: Intel 82093AA data sheet, 3. */
#include <stddef.h>
#include "io/acpi.h"
#include "io/ioapic.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

#define IOAPIC_DEFAULT_ADDRESS 0xfec00000ull
#define IOAPIC_SIZE            0x1000u

/* Dword indexes of the two memory registers, and the registers behind them. */
enum { IOAPIC_SELECT = 0, IOAPIC_WINDOW = 4 };
enum { IOAPIC_VERSION = 1, IOAPIC_REDIRECTION = 0x10 };
#define IOAPIC_VERSION_NUMBER(v)   ((v) & 0xffu)
#define IOAPIC_VERSION_LAST_PIN(v) (((v) >> 16) & 0xffu)
#define IOAPIC_VERSION_ABSENT      0xffu

#define REDIRECTION_ACTIVE_LOW        (1u << 13)
#define REDIRECTION_LEVEL             (1u << 15)
#define REDIRECTION_MASKED            (1u << 16)
#define REDIRECTION_DESTINATION_SHIFT 24

struct ioapic {
    volatile uint32_t *registers; /* [I] */
    uint32_t gsi_base, pins;      /* [I] */
    struct spinlock lock;         /* the select register */
};

static struct {
    struct ioapic list[ACPI_MADT_MAX_IOAPICS];
    uint32_t count;
} ioapics; /* [I] after ioapic_init */

static uint32_t read_locked(struct ioapic *a, uint32_t reg)
{
    a->registers[IOAPIC_SELECT] = reg;
    return a->registers[IOAPIC_WINDOW];
}

static void write_locked(struct ioapic *a, uint32_t reg, uint32_t v)
{
    a->registers[IOAPIC_SELECT] = reg;
    a->registers[IOAPIC_WINDOW] = v;
}

static void ioapic_add(uint64_t address, uint32_t gsi_base)
{
    struct ioapic *a = &ioapics.list[ioapics.count];
    uint32_t version;

    a->registers = mmio_map(address, IOAPIC_SIZE);
    if (a->registers == NULL)
        return;
    version = read_locked(a, IOAPIC_VERSION);
    if (IOAPIC_VERSION_NUMBER(version) == 0 ||
        IOAPIC_VERSION_NUMBER(version) == IOAPIC_VERSION_ABSENT)
        return;
    a->gsi_base = gsi_base;
    a->pins = IOAPIC_VERSION_LAST_PIN(version) + 1;
    for (uint32_t pin = 0; pin < a->pins; pin++)
        write_locked(a, IOAPIC_REDIRECTION + 2 * pin, REDIRECTION_MASKED);
    ioapics.count++;
    log_print("ioapic: at %#lx, interrupts %u to %u", address, gsi_base, gsi_base + a->pins - 1);
}

void ioapic_init(void)
{
    const struct acpi_madt_info *madt = acpi_madt();

    if (madt == NULL) {
        ioapic_add(IOAPIC_DEFAULT_ADDRESS, 0);
        return;
    }
    for (uint32_t i = 0; i < madt->ioapic_count; i++)
        ioapic_add(madt->ioapics[i].address, madt->ioapics[i].gsi_base);
}

static struct ioapic *ioapic_of(uint32_t gsi)
{
    for (uint32_t i = 0; i < ioapics.count; i++) {
        struct ioapic *a = &ioapics.list[i];

        if (gsi >= a->gsi_base && gsi - a->gsi_base < a->pins)
            return a;
    }
    return NULL;
}

bool ioapic_route(uint32_t gsi, uint8_t vector, uint32_t apic_id, bool level, bool active_low)
{
    struct ioapic *a = ioapic_of(gsi);
    uint32_t reg, low = vector;
    uint64_t flags;

    if (a == NULL)
        return false;
    low |= (level ? REDIRECTION_LEVEL : 0) | (active_low ? REDIRECTION_ACTIVE_LOW : 0);
    reg = IOAPIC_REDIRECTION + 2 * (gsi - a->gsi_base);
    flags = spin_lock(&a->lock);
    write_locked(a, reg, low | REDIRECTION_MASKED);
    write_locked(a, reg + 1, apic_id << REDIRECTION_DESTINATION_SHIFT);
    write_locked(a, reg, low);
    spin_unlock(&a->lock, flags);
    return true;
}
