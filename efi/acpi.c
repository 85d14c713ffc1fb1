/* SPDX-License-Identifier: MIT */
/* efi/acpi.c - see efi/acpi.h. */
#include <stdbool.h>
#include <rt/mem.h>
#include "acpi.h"

/* ACPI Specification 6.4, 5.2.5.3. */
#define RSDP_SIGNATURE      "RSD PTR "
#define RSDP_SIGNATURE_SIZE 8u
#define RSDP_SIZE_V1        20u /* bytes that the first checksum covers */

static bool rsdp_is_valid(const uint8_t *rsdp)
{
    uint8_t sum = 0;

    if (rsdp == NULL || memcmp(rsdp, RSDP_SIGNATURE, RSDP_SIGNATURE_SIZE) != 0)
        return false;
    for (unsigned i = 0; i < RSDP_SIZE_V1; i++)
        sum = (uint8_t)(sum + rsdp[i]);
    return sum == 0;
}

static uint64_t find_by_guid(const EFI_SYSTEM_TABLE *table, EFI_GUID guid)
{
    for (UINTN i = 0; i < table->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *entry = &table->ConfigurationTable[i];

        if (memcmp(&entry->VendorGuid, &guid, sizeof(guid)) == 0 &&
            rsdp_is_valid(entry->VendorTable))
            return (uintptr_t)entry->VendorTable;
    }
    return 0;
}

uint64_t acpi_find_rsdp(const EFI_SYSTEM_TABLE *table)
{
    uint64_t rsdp = find_by_guid(table, (EFI_GUID)ACPI_20_TABLE_GUID);

    return rsdp != 0 ? rsdp : find_by_guid(table, (EFI_GUID)ACPI_TABLE_GUID);
}
