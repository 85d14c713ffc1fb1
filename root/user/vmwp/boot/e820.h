/* SPDX-License-Identifier: MIT */
/* vmwp/boot/e820.h - the map of a child's memory that its kernel is given. */
#ifndef USER_VMWP_BOOT_E820_H
#define USER_VMWP_BOOT_E820_H

#include <hvabi/layout.h>
#include "vmwp/ram.h"

/* ACPI 6.4, table 15-5: types of address ranges. */
enum {
    E820_RAM = 1,
    E820_RESERVED = 2,
    E820_ACPI = 3,
};

enum { E820_ENTRIES_MAX = 8 };

struct e820_entry {
    uint64_t address;
    uint64_t size;
    uint32_t type; /* E820_* */
} __attribute__((packed));
ABI_SIZE(struct e820_entry, 20);
ABI_OFFSET(struct e820_entry, type, 16);

struct e820_map {
    uint32_t count;
    struct e820_entry entries[E820_ENTRIES_MAX]; /* in ascending order, apart from each other */
};

/* Make the map of @ram: its memory, less the hole below 1 MiB, the ACPI tables, the APICs. */
void e820_build(struct e820_map *map, const struct guest_ram *ram);

#endif
