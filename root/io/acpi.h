/* SPDX-License-Identifier: MIT */
/* root/io/acpi.h - the static ACPI tables: found once, checked, copied out. No AML.
 *
 * acpi_init runs once on the bootstrap processor, after the page allocator and mmio_map work and
 * before interrupts are routed; everything else may be called from any thread afterwards.
 * Rules: every table's length and checksum are checked before a byte of its body is used; a bad
 * table is logged and treated as absent. */
#ifndef ROOT_IO_ACPI_H
#define ROOT_IO_ACPI_H

#include <stdbool.h>
#include <stdint.h>

/* ACPI 6.4, 5.2.6: the header of every system description table. */
struct acpi_header {
    char signature[4];
    uint32_t length; /* bytes, with this header */
    uint8_t revision;
    uint8_t checksum; /* makes the sum of all bytes zero */
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    uint32_t creator_id;
    uint32_t creator_revision;
};
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.4, table 5.4");

enum {
    ACPI_MADT_MAX_LAPICS = 512,
    ACPI_MADT_MAX_IOAPICS = 16,
    ACPI_MADT_MAX_OVERRIDES = 32,
};

struct acpi_madt_ioapic {
    uint32_t id;
    uint32_t gsi_base;
    uint64_t address; /* physical */
};

/* ACPI 6.4, 5.2.12.5: an ISA interrupt that is not the GSI of the same number. */
struct acpi_madt_override {
    uint8_t isa_irq;
    bool level;
    bool active_low;
    uint32_t gsi;
};

struct acpi_madt_info {
    uint64_t lapic_address;
    uint32_t lapic_count;
    uint32_t ioapic_count;
    uint32_t override_count;
    bool has_8259;                            /* PCAT_COMPAT: a pair of 8259s must be masked */
    uint32_t lapic_ids[ACPI_MADT_MAX_LAPICS]; /* of enabled processors (LAPIC and x2APIC entries) */
    struct acpi_madt_ioapic ioapics[ACPI_MADT_MAX_IOAPICS];
    struct acpi_madt_override overrides[ACPI_MADT_MAX_OVERRIDES];
};

/* ACPI 6.4, 5.2.9: what root needs of the FADT. Addresses of 0 mean absent. */
struct acpi_fadt_info {
    uint16_t pm_timer_port; /* PM_TMR_BLK */
    bool pm_timer_32bit;    /* TMR_VAL_EXT */
    bool reset_supported;   /* RESET_REG_SUP */
    bool reset_is_io;       /* the reset register is a port, else memory */
    uint64_t reset_address;
    uint8_t reset_value;
};

enum {
    ACPI_MCFG_MAX_RANGES = 16,
    ACPI_SRAT_MAX_PROCESSORS = 512,
    ACPI_SRAT_MAX_MEMORY = 128,
};

/* PCI Firmware Specification 3.3, 4.1.2: configuration space mapped to memory. */
struct acpi_mcfg_range {
    uint64_t base; /* physical, of bus 0: of @start_bus it is base + (start_bus << 20) */
    uint16_t segment;
    uint8_t start_bus;
    uint8_t end_bus; /* inclusive */
};

struct acpi_mcfg_info {
    uint32_t count;
    struct acpi_mcfg_range ranges[ACPI_MCFG_MAX_RANGES];
};

struct acpi_hpet_info {
    uint64_t address;      /* physical */
    uint16_t minimum_tick; /* counter ticks */
    uint8_t number;
};

struct acpi_srat_processor {
    uint32_t apic_id;
    uint32_t domain;
};

struct acpi_srat_memory {
    uint64_t base;
    uint64_t length;
    uint32_t domain;
    bool hot_plug;
};

/* ACPI 6.4, 5.2.16: which processors and memory are near each other. */
struct acpi_srat_info {
    uint32_t processor_count;
    uint32_t memory_count;
    struct acpi_srat_processor processors[ACPI_SRAT_MAX_PROCESSORS];
    struct acpi_srat_memory memory[ACPI_SRAT_MAX_MEMORY];
};

/* Find the tables from @rsdp (physical; 0: the firmware has none, then no table is ever found). */
void acpi_init(uint64_t rsdp);

/* The @index-th (from 0) table with the four characters @signature, checked and mapped for good;
 * NULL: there is none. */
const struct acpi_header *acpi_find_table(const char *signature, unsigned index);

/* The MADT, parsed; NULL: there is none. */
const struct acpi_madt_info *acpi_madt(void);

/* The FADT, parsed; NULL: there is none. */
const struct acpi_fadt_info *acpi_fadt(void);

/* The same for the MCFG, the HPET's table and the SRAT. */
const struct acpi_mcfg_info *acpi_mcfg(void);

#endif
