/* SPDX-License-Identifier: MIT */
/* tests/tools/acpi_dump.c - writes the ACPI tables of a child to files, for test_acpi_tables.py:
 * acpi_dump FOLDER VPS makes FOLDER/XSDT.dat and so on. */
#include <stdio.h>
#include <stdlib.h>
#include "vmwp/boot/acpi.h"
#include "vmwp/boot/acpi_abi.h"

#define RAM_BYTES (1u << 20)

static void require(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "acpi_dump: %s\n", what);
    exit(1);
}

static const void *table_write(const struct guest_ram *ram, uint64_t gpa, const char *folder)
{
    const struct acpi_header *h = ram_at(ram, gpa, sizeof(*h));
    char path[1024];
    FILE *f;

    require(h != NULL && ram_at(ram, gpa, h->length) != NULL, "a table is not in memory");
    snprintf(path, sizeof(path), "%s/%.4s.dat", folder, h->signature);
    f = fopen(path, "wb");
    require(f != NULL && fwrite(h, 1, h->length, f) == h->length && fclose(f) == 0, path);
    return h;
}

int main(int argc, char **argv)
{
    struct guest_ram ram = {.low = calloc(1, RAM_BYTES), .low_bytes = RAM_BYTES};
    struct acpi_config config = {.com1 = true, .vmbus = true};
    const struct acpi_rsdp *rsdp;
    const struct acpi_xsdt *xsdt;
    const struct acpi_fadt *fadt;
    uint64_t gpa;

    require(argc == 3 && ram.low != NULL, "usage: acpi_dump FOLDER VPS");
    config.vp_count = (uint32_t)strtoul(argv[2], NULL, 10);
    gpa = acpi_build(&ram, &config);
    require(gpa != 0, "no tables");
    rsdp = ram_at(&ram, gpa, sizeof(*rsdp));
    xsdt = table_write(&ram, rsdp->xsdt_address, argv[1]);
    fadt = table_write(&ram, xsdt->fadt, argv[1]);
    table_write(&ram, xsdt->madt, argv[1]);
    table_write(&ram, fadt->x_dsdt, argv[1]);
    free(ram.low);
    return 0;
}
