/* SPDX-License-Identifier: MIT */
/* root/io/acpi.c - ACPI tables of this machine: feeds acpi_tables.c from physical memory. */
#include <rt/mem.h>
#include "io/acpi.h"
#include "io/acpi_tables.h"
#include "log.h"
#include "mm/memory.h"

/* Tables lie close together: one mapping of this size usually holds all of them. */
#define ACPI_WINDOW_SIZE (16 * PAGE_SIZE)

static struct {
    struct acpi_table_set tables;
    bool has_madt, has_fadt, has_mcfg, has_hpet, has_srat;
    struct acpi_madt_info madt;
    struct acpi_fadt_info fadt;
    struct acpi_mcfg_info mcfg;
    struct acpi_hpet_info hpet;
    struct acpi_srat_info srat;
} acpi; /* [I] after acpi_init */

/* The mapping that reads go through, moved when a read leaves it. */
struct window {
    uint64_t base, size;
    const volatile uint8_t *bytes;
};

static bool window_move(struct window *w, uint64_t physical, uint32_t length)
{
    uint64_t base = physical & ~(PAGE_SIZE - 1);
    uint64_t need = (physical + length + PAGE_SIZE - 1 - base) & ~(PAGE_SIZE - 1);

    w->size = need > ACPI_WINDOW_SIZE ? need : ACPI_WINDOW_SIZE;
    w->base = base;
    w->bytes = mmio_map(base, w->size);
    if (!w->bytes)
        w->size = 0;
    return w->bytes != NULL;
}

static bool physical_read(void *context, uint64_t physical, void *buffer, uint32_t length)
{
    struct window *w = context;
    uint8_t *to = buffer;

    if (physical + length + ACPI_WINDOW_SIZE < physical)
        return false;
    if (physical < w->base || physical + length > w->base + w->size) {
        if (!window_move(w, physical, length))
            return false;
    }
    for (uint32_t i = 0; i < length; i++)
        to[i] = w->bytes[physical - w->base + i];
    return true;
}

static void *table_alloc(void *context, uint32_t length)
{
    (void)context;
    return kalloc(length);
}

static void table_free(void *context, void *table)
{
    (void)context;
    kfree(table);
}

static void table_refused(void *context, const char *signature, uint64_t physical, const char *why)
{
    (void)context;
    log_print("acpi: table %.4s at %#llx is ignored: %s", signature, (unsigned long long)physical,
              why);
}

static void acpi_log(void)
{
    char names[5 * ACPI_TABLES_MAX + 1] = "";

    for (size_t i = 0; i < acpi.tables.count; i++)
        rt_snprintf(names + 5 * i, 6, " %.4s", acpi.tables.tables[i]->signature);
    log_print("acpi: tables%s", names);
    if (acpi.has_hpet)
        log_print("acpi: HPET at %#lx", acpi.hpet.address);
    if (acpi.has_srat)
        log_print("acpi: SRAT of %u processors and %u memory ranges", acpi.srat.processor_count,
                  acpi.srat.memory_count);
}

void acpi_init(uint64_t rsdp)
{
    struct window window = {.size = 0};
    struct acpi_source source = {.read = physical_read,
                                 .alloc = table_alloc,
                                 .free = table_free,
                                 .refused = table_refused,
                                 .context = &window};
    const struct acpi_header *t;

    if (!acpi_tables_load(&source, rsdp, &acpi.tables)) {
        log_print("acpi: the firmware has no tables");
        return;
    }
    acpi.has_madt = (t = acpi_find_table("APIC", 0)) && acpi_madt_parse(t, &acpi.madt);
    acpi.has_fadt = (t = acpi_find_table("FACP", 0)) && acpi_fadt_parse(t, &acpi.fadt);
    acpi.has_mcfg = (t = acpi_find_table("MCFG", 0)) && acpi_mcfg_parse(t, &acpi.mcfg);
    acpi.has_hpet = (t = acpi_find_table("HPET", 0)) && acpi_hpet_parse(t, &acpi.hpet);
    acpi.has_srat = (t = acpi_find_table("SRAT", 0)) && acpi_srat_parse(t, &acpi.srat);
    acpi_log();
}

const struct acpi_header *acpi_find_table(const char *signature, unsigned index)
{
    return acpi_tables_find(&acpi.tables, signature, index);
}

const struct acpi_madt_info *acpi_madt(void)
{
    return acpi.has_madt ? &acpi.madt : NULL;
}

const struct acpi_fadt_info *acpi_fadt(void)
{
    return acpi.has_fadt ? &acpi.fadt : NULL;
}

const struct acpi_mcfg_info *acpi_mcfg(void)
{
    return acpi.has_mcfg ? &acpi.mcfg : NULL;
}
