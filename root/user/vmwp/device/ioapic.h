/* SPDX-License-Identifier: MIT */
/* vmwp/device/ioapic.h - an IOAPIC of 24 pins: Intel 82093AA data sheet, 3; version 0x20, which has
 * the EOI register. Its local APICs are the hypervisor's: messages go there, EOIs of
 * level-triggered vectors come from there.
 *
 * Pins are asserted or not, whatever polarity an entry claims. An edge on a masked pin is lost, as
 * in the 82093AA. A level-triggered entry that is made edge-triggered forgets its remote IRR: that
 * is how systems end an interrupt whose EOI has no entry. */
#ifndef USER_VMWP_DEVICE_IOAPIC_H
#define USER_VMWP_DEVICE_IOAPIC_H

#include <hvabi/layout.h>
#include "vmwp/device/device.h"

enum { IOAPIC_PINS = 24 };

#define IOAPIC_STATE_VERSION 1u

/* Fields are only appended, together with an increment of the version. */
struct ioapic_state {
    uint32_t version;
    uint32_t size;     /* bytes, of this structure */
    uint32_t asserted; /* bit by pin */
    uint8_t select;
    uint8_t id;
    uint16_t reserved;             /* 0 */
    uint64_t entries[IOAPIC_PINS]; /* redirection table, IOAPIC_ENTRY_* */
};
ABI_SIZE(struct ioapic_state, 208);

struct ioapic {
    struct ioapic_state s;
    const struct device_host *host; /* [I] */
};

void ioapic_init(struct ioapic *a, const struct device_host *host);

/* An access of @size bytes at @offset of its page. What is no register reads as zeros. */
uint64_t ioapic_read(struct ioapic *a, uint32_t offset, unsigned size);
void ioapic_write(struct ioapic *a, uint32_t offset, unsigned size, uint64_t value);

/* A device asserts @pin, or no longer. */
void ioapic_pin(struct ioapic *a, unsigned pin, bool asserted);

/* A local APIC has ended the level-triggered interrupt @vector. */
void ioapic_eoi(struct ioapic *a, uint8_t vector);

void ioapic_save(const struct ioapic *a, struct ioapic_state *out);
bool ioapic_state_valid(const struct ioapic_state *in);
void ioapic_restore(struct ioapic *a, const struct ioapic_state *in); /* a valid one */

/* Redirection table entries. */
#define IOAPIC_ENTRY_VECTOR            0xffull
#define IOAPIC_ENTRY_DELIVERY_SHIFT    8
#define IOAPIC_ENTRY_DELIVERY_MASK     (7ull << IOAPIC_ENTRY_DELIVERY_SHIFT)
#define IOAPIC_ENTRY_LOGICAL           (1ull << 11)
#define IOAPIC_ENTRY_ACTIVE_LOW        (1ull << 13)
#define IOAPIC_ENTRY_REMOTE_IRR        (1ull << 14)
#define IOAPIC_ENTRY_LEVEL             (1ull << 15)
#define IOAPIC_ENTRY_MASKED            (1ull << 16)
#define IOAPIC_ENTRY_DESTINATION_SHIFT 56

/* Registers in its page, and behind the first two. */
enum { IOAPIC_SELECT = 0x00, IOAPIC_WINDOW = 0x10, IOAPIC_EOI = 0x40 };
enum { IOAPIC_ID = 0, IOAPIC_VERSION = 1, IOAPIC_ARBITRATION = 2, IOAPIC_REDIRECTION = 0x10 };

#endif
