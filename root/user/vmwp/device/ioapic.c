/* SPDX-License-Identifier: MIT */
/* vmwp/device/ioapic.c - see ioapic.h. Intel 82093AA data sheet, 3.0 to 3.2. */
#include <string.h>
#include <hvabi/management.h>
#include "vmwp/device/ioapic.h"

#define VERSION_NUMBER         0x20u
#define VERSION_LAST_PIN_SHIFT 16
#define ID_SHIFT               24
#define ID_MASK                0x0fu
#define VECTOR_FIRST_VALID     16u

#define ENTRY_LOW_WRITABLE                                                                         \
    (IOAPIC_ENTRY_VECTOR | IOAPIC_ENTRY_DELIVERY_MASK | IOAPIC_ENTRY_LOGICAL |                     \
     IOAPIC_ENTRY_ACTIVE_LOW | IOAPIC_ENTRY_LEVEL | IOAPIC_ENTRY_MASKED)
#define ENTRY_HIGH_WRITABLE (0xffull << IOAPIC_ENTRY_DESTINATION_SHIFT)
#define ENTRY_HIGH_SHIFT    32
#define LOW_HALF            0xffffffffull

#define REGISTER_LAST (IOAPIC_REDIRECTION + 2 * IOAPIC_PINS - 1)

static uint32_t delivery_of(uint64_t entry)
{
    return (uint32_t)((entry & IOAPIC_ENTRY_DELIVERY_MASK) >> IOAPIC_ENTRY_DELIVERY_SHIFT);
}

static bool carries_vector(uint64_t entry)
{
    uint32_t delivery = delivery_of(entry);

    return delivery == HvX64InterruptTypeFixed || delivery == HvX64InterruptTypeLowestPriority;
}

/* NMI and INIT are edges, whatever the entry says. */
static bool is_level(uint64_t entry)
{
    return (entry & IOAPIC_ENTRY_LEVEL) && carries_vector(entry);
}

/* There is no SMI, and no 8259 for ExtINT. A local APIC refuses vectors below 16. */
static bool deliverable(uint64_t entry)
{
    uint32_t delivery = delivery_of(entry);

    return carries_vector(entry)
               ? (entry & IOAPIC_ENTRY_VECTOR) >= VECTOR_FIRST_VALID
               : delivery == HvX64InterruptTypeNmi || delivery == HvX64InterruptTypeInit;
}

/* @pin has a reason to send: an edge, or it is level-triggered and may be asserted. */
static void service(struct ioapic *a, unsigned pin)
{
    uint64_t *entry = &a->s.entries[pin], e = *entry;

    if ((e & IOAPIC_ENTRY_MASKED) || !deliverable(e))
        return;
    if (is_level(e)) {
        if ((e & IOAPIC_ENTRY_REMOTE_IRR) || !(a->s.asserted >> pin & 1))
            return;
        *entry = e | IOAPIC_ENTRY_REMOTE_IRR;
    }
    a->host->interrupt(a->host->context, (uint32_t)(e & IOAPIC_ENTRY_VECTOR),
                       (uint32_t)(e >> IOAPIC_ENTRY_DESTINATION_SHIFT), e & IOAPIC_ENTRY_LOGICAL,
                       delivery_of(e), is_level(e));
}

void ioapic_pin(struct ioapic *a, unsigned pin, bool asserted)
{
    uint32_t bit = 1u << pin;

    if (asserted == ((a->s.asserted & bit) != 0))
        return;
    a->s.asserted ^= bit;
    if (asserted)
        service(a, pin);
}

void ioapic_eoi(struct ioapic *a, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t *entry = &a->s.entries[pin];

        if (!(*entry & IOAPIC_ENTRY_REMOTE_IRR) || (*entry & IOAPIC_ENTRY_VECTOR) != vector)
            continue;
        *entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
        service(a, pin);
    }
}

/* ---- registers ---- */

static void entry_low_write(struct ioapic *a, unsigned pin, uint32_t value)
{
    uint64_t *entry = &a->s.entries[pin];

    *entry = (*entry & ~ENTRY_LOW_WRITABLE) | (value & ENTRY_LOW_WRITABLE);
    if (is_level(*entry))
        service(a, pin);
    else
        *entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
}

static void entry_high_write(struct ioapic *a, unsigned pin, uint32_t value)
{
    uint64_t *entry = &a->s.entries[pin];

    *entry = (*entry & LOW_HALF) | ((uint64_t)value << ENTRY_HIGH_SHIFT & ENTRY_HIGH_WRITABLE);
}

static uint32_t register_read(const struct ioapic *a)
{
    unsigned r = a->s.select, index = r - IOAPIC_REDIRECTION;

    if (r >= IOAPIC_REDIRECTION && r <= REGISTER_LAST)
        return (uint32_t)(a->s.entries[index / 2] >> (index % 2 != 0 ? ENTRY_HIGH_SHIFT : 0));
    switch (r) {
    case IOAPIC_ID:
    case IOAPIC_ARBITRATION:
        return (uint32_t)a->s.id << ID_SHIFT;
    case IOAPIC_VERSION:
        return VERSION_NUMBER | (IOAPIC_PINS - 1u) << VERSION_LAST_PIN_SHIFT;
    default:
        return 0;
    }
}

static void register_write(struct ioapic *a, uint32_t value)
{
    unsigned r = a->s.select, index = r - IOAPIC_REDIRECTION;

    if (r == IOAPIC_ID)
        a->s.id = value >> ID_SHIFT & ID_MASK;
    if (r < IOAPIC_REDIRECTION || r > REGISTER_LAST)
        return;
    if (index % 2 != 0)
        entry_high_write(a, index / 2, value);
    else
        entry_low_write(a, index / 2, value);
}

uint64_t ioapic_read(struct ioapic *a, uint32_t offset, unsigned size)
{
    uint32_t value = 0;

    if (offset == IOAPIC_SELECT)
        value = a->s.select;
    else if (offset == IOAPIC_WINDOW)
        value = register_read(a);
    return size < sizeof(value) ? value & ((1u << 8 * size) - 1) : value;
}

void ioapic_write(struct ioapic *a, uint32_t offset, unsigned size, uint64_t value)
{
    if (offset == IOAPIC_SELECT)
        a->s.select = (uint8_t)value;
    else if (offset == IOAPIC_WINDOW && size >= sizeof(uint32_t))
        register_write(a, (uint32_t)value);
    else if (offset == IOAPIC_EOI)
        ioapic_eoi(a, (uint8_t)value);
}

/* ---- state ---- */

void ioapic_init(struct ioapic *a, const struct device_host *host)
{
    memset(a, 0, sizeof(*a));
    a->host = host;
    a->s.version = IOAPIC_STATE_VERSION;
    a->s.size = sizeof(a->s);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        a->s.entries[pin] = IOAPIC_ENTRY_MASKED;
}

void ioapic_save(const struct ioapic *a, struct ioapic_state *out)
{
    *out = a->s;
}

static bool entry_valid(uint64_t entry)
{
    uint64_t known = ENTRY_HIGH_WRITABLE | ENTRY_LOW_WRITABLE | IOAPIC_ENTRY_REMOTE_IRR;

    return (entry & ~known) == 0 && (!(entry & IOAPIC_ENTRY_REMOTE_IRR) || is_level(entry));
}

bool ioapic_state_valid(const struct ioapic_state *in)
{
    if (in->version != IOAPIC_STATE_VERSION || in->size != sizeof(*in) || in->reserved != 0 ||
        in->asserted >> IOAPIC_PINS != 0 || (in->id & ~ID_MASK) != 0)
        return false;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if (!entry_valid(in->entries[pin]))
            return false;
    }
    return true;
}

void ioapic_restore(struct ioapic *a, const struct ioapic_state *in)
{
    a->s = *in;
}
