/* SPDX-License-Identifier: MIT */
/* vmwp/boot/e820.c - see e820.h. */
#include "vmwp/boot/acpi.h"
#include "vmwp/boot/boot.h"
#include "vmwp/boot/e820.h"

#define APIC_PAGE 0x1000u

static void entry_add(struct e820_map *map, uint64_t begin, uint64_t end, uint32_t type)
{
    if (begin < end)
        map->entries[map->count++] = (struct e820_entry){begin, end - begin, type};
}

/* The part of [begin, end) that is below @limit. */
static void entry_add_below(struct e820_map *map, uint64_t begin, uint64_t end, uint64_t limit,
                            uint32_t type)
{
    entry_add(map, begin, end < limit ? end : limit, type);
}

void e820_build(struct e820_map *map, const struct guest_ram *ram)
{
    map->count = 0;
    entry_add_below(map, 0, BOOT_LOW_END, ram->low_bytes, E820_RAM);
    entry_add_below(map, BOOT_ACPI_GPA, BOOT_ACPI_GPA + BOOT_ACPI_SIZE, ram->low_bytes, E820_ACPI);
    entry_add_below(map, BOOT_FIRMWARE_GPA, BOOT_IMAGE_GPA, ram->low_bytes, E820_RESERVED);
    entry_add(map, BOOT_IMAGE_GPA, ram->low_bytes, E820_RAM);
    entry_add(map, ACPI_IOAPIC_GPA, ACPI_IOAPIC_GPA + APIC_PAGE, E820_RESERVED);
    entry_add(map, ACPI_LAPIC_GPA, ACPI_LAPIC_GPA + APIC_PAGE, E820_RESERVED);
    entry_add(map, GUEST_RAM_HIGH_GPA, GUEST_RAM_HIGH_GPA + ram->high_bytes, E820_RAM);
}
