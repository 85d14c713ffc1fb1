/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_acpi.c - any firmware: tables are read within their bounds, nothing leaks.
 *
 * Input: one byte of flags, then physical memory from address 16 on, where the RSDP is. Flag bit 0
 * makes the checksums right as tables are read. */
#include <stdlib.h>
#include <string.h>
#include "io/acpi_tables.h"

#define RSDP          16u
#define FIX_CHECKSUMS 1u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    const uint8_t *bytes;
    size_t size;
    uint8_t flags;
};

static uint8_t sum(const uint8_t *p, size_t length)
{
    uint8_t s = 0;

    for (size_t i = 0; i < length; i++)
        s = (uint8_t)(s + p[i]);
    return s;
}

static void checksum_fix(uint8_t *p, size_t length, size_t at)
{
    p[at] = (uint8_t)(p[at] - sum(p, length));
}

static bool memory_read(void *context, uint64_t physical, void *buffer, uint32_t length)
{
    const struct memory *m = context;

    if (physical < RSDP || physical - RSDP > m->size || length > m->size - (physical - RSDP))
        return false;
    memcpy(buffer, m->bytes + (physical - RSDP), length);
    if (!(m->flags & FIX_CHECKSUMS))
        return true;
    if (physical != RSDP) {
        checksum_fix(buffer, length, offsetof(struct acpi_header, checksum));
    } else if (length >= ACPI_RSDP_V1_SIZE) {
        checksum_fix(buffer, ACPI_RSDP_V1_SIZE, offsetof(struct acpi_rsdp, checksum));
        if (length == sizeof(struct acpi_rsdp))
            checksum_fix(buffer, length, offsetof(struct acpi_rsdp, extended_checksum));
    }
    return true;
}

static void *table_alloc(void *context, uint32_t length)
{
    (void)context;
    return malloc(length);
}

static void table_free(void *context, void *table)
{
    (void)context;
    free(table);
}

static void table_refused(void *context, const char *signature, uint64_t physical, const char *why)
{
    (void)context;
    (void)physical;
    if (!signature || !why)
        abort();
}

/* Every parser must bear every table, whatever its signature says. */
static void table_parse(const struct acpi_header *t)
{
    static struct acpi_madt_info madt;
    static struct acpi_fadt_info fadt;
    static struct acpi_mcfg_info mcfg;
    static struct acpi_hpet_info hpet;
    static struct acpi_srat_info srat;

    acpi_madt_parse(t, &madt);
    acpi_fadt_parse(t, &fadt);
    acpi_mcfg_parse(t, &mcfg);
    acpi_hpet_parse(t, &hpet);
    acpi_srat_parse(t, &srat);
    if (madt.lapic_count > ACPI_MADT_MAX_LAPICS || mcfg.count > ACPI_MCFG_MAX_RANGES ||
        srat.memory_count > ACPI_SRAT_MAX_MEMORY)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory = {.bytes = data + 1, .size = size - 1};
    struct acpi_source source = {.read = memory_read,
                                 .alloc = table_alloc,
                                 .free = table_free,
                                 .refused = table_refused,
                                 .context = &memory};
    struct acpi_table_set set;

    if (size < 1)
        return 0;
    memory.flags = data[0];
    acpi_tables_load(&source, RSDP, &set);
    for (uint32_t i = 0; i < set.count; i++) {
        table_parse(set.tables[i]);
        free((void *)(uintptr_t)set.tables[i]);
    }
    return 0;
}
