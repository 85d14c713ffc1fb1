/* SPDX-License-Identifier: MIT */
/* root/io/acpi_tables.h - the layouts of the ACPI tables, and the pure code that reads them.
 *
 * acpi_tables_load follows RSDP, XSDT and RSDT through a hook and keeps checked copies of all
 * tables; the acpi_*_parse functions then read one such copy. Firmware is not trusted to be right:
 * any bytes may be given to them. */
#ifndef ROOT_IO_ACPI_TABLES_H
#define ROOT_IO_ACPI_TABLES_H

#include <hvabi/layout.h>
#include "io/acpi.h"

#define ACPI_TABLES_MAX       64u
#define ACPI_TABLE_LENGTH_MAX (1u << 20) /* ours; real tables other than AML are far smaller */

/* Where tables come from and go to. */
struct acpi_source {
    /* Copy @length bytes of physical memory to @buffer; false: there is none. */
    bool (*read)(void *context, uint64_t physical, void *buffer, uint32_t length);
    /* Memory for a table that is kept for good; NULL: none. */
    void *(*alloc)(void *context, uint32_t length);
    /* Give back what alloc gave, for a table that proved bad. */
    void (*free)(void *context, void *table);
    /* Told of each table that was refused; @signature may be any four bytes. */
    void (*refused)(void *context, const char *signature, uint64_t physical, const char *why);
    void *context;
};

struct acpi_table_set {
    uint32_t count;
    const struct acpi_header *tables[ACPI_TABLES_MAX];
};

/* Load what the RSDP at @rsdp leads to. False: no root table; @set is then empty. */
bool acpi_tables_load(const struct acpi_source *source, uint64_t rsdp, struct acpi_table_set *set);

/* The @index-th table in @set with @signature, or NULL. */
const struct acpi_header *acpi_tables_find(const struct acpi_table_set *set, const char *signature,
                                           unsigned index);

/* Read a table that passed acpi_tables_load. False: it is too short for what it must hold.
 * Entries beyond the room in @info, and entries that are malformed, are left out. */
bool acpi_madt_parse(const struct acpi_header *table, struct acpi_madt_info *info);
bool acpi_fadt_parse(const struct acpi_header *table, struct acpi_fadt_info *info);
bool acpi_mcfg_parse(const struct acpi_header *table, struct acpi_mcfg_info *info);
bool acpi_hpet_parse(const struct acpi_header *table, struct acpi_hpet_info *info);
bool acpi_srat_parse(const struct acpi_header *table, struct acpi_srat_info *info);

ABI_OFFSET(struct acpi_header, checksum, 9);
ABI_OFFSET(struct acpi_header, creator_revision, 32);

/* ACPI 6.4, 5.2.5.3. */
struct acpi_rsdp {
    char signature[8]; /* "RSD PTR " */
    uint8_t checksum;  /* of the first 20 bytes */
    char oem_id[6];
    uint8_t revision; /* 0: ACPI 1.0, and nothing follows rsdt_address */
    uint32_t rsdt_address;
    uint32_t length;
    uint64_t xsdt_address;
    uint8_t extended_checksum; /* of all @length bytes */
    uint8_t reserved[3];
} __attribute__((packed));
ABI_OFFSET(struct acpi_rsdp, rsdt_address, 16);
ABI_OFFSET(struct acpi_rsdp, xsdt_address, 24);
ABI_SIZE(struct acpi_rsdp, 36);
#define ACPI_RSDP_V1_SIZE   20u
#define ACPI_RSDP_V2        2u
#define ACPI_RSDP_SIGNATURE "RSD PTR "

/* ACPI 6.4, 5.2.3.2: Generic Address Structure. */
struct acpi_address {
    uint8_t space; /* ACPI_SPACE_* */
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t access_size;
    uint64_t address;
} __attribute__((packed));
ABI_SIZE(struct acpi_address, 12);
#define ACPI_SPACE_MEMORY 0u
#define ACPI_SPACE_IO     1u

/* What every entry of the MADT and the SRAT begins with. */
struct acpi_entry {
    uint8_t type;
    uint8_t length; /* bytes, with these two */
};

/* ACPI 6.4, 5.2.12. */
struct acpi_madt {
    struct acpi_header header; /* "APIC" */
    uint32_t local_interrupt_controller_address;
    uint32_t flags;
};
ABI_SIZE(struct acpi_madt, 44);
#define ACPI_MADT_PCAT_COMPAT (1u << 0)

#define ACPI_MADT_LOCAL_APIC          0u
#define ACPI_MADT_IO_APIC             1u
#define ACPI_MADT_SOURCE_OVERRIDE     2u
#define ACPI_MADT_LOCAL_APIC_ADDRESS  5u
#define ACPI_MADT_LOCAL_X2APIC        9u
#define ACPI_MADT_PROCESSOR_ENABLED   (1u << 0) /* table 5.23: flags of types 0 and 9 */
#define ACPI_MADT_APIC_ID_BROADCAST   0xffu
#define ACPI_MADT_X2APIC_ID_BROADCAST 0xffffffffu

/* 5.2.12.2. */
struct acpi_madt_local_apic_entry {
    struct acpi_entry head;
    uint8_t processor_uid;
    uint8_t apic_id;
    uint32_t flags;
};
ABI_SIZE(struct acpi_madt_local_apic_entry, 8);

/* 5.2.12.3. */
struct acpi_madt_io_apic_entry {
    struct acpi_entry head;
    uint8_t io_apic_id;
    uint8_t reserved;
    uint32_t io_apic_address;
    uint32_t global_system_interrupt_base;
};
ABI_SIZE(struct acpi_madt_io_apic_entry, 12);

/* 5.2.12.5. */
struct acpi_madt_source_override_entry {
    struct acpi_entry head;
    uint8_t bus; /* 0: ISA */
    uint8_t source;
    uint32_t global_system_interrupt;
    uint16_t flags; /* table 5.26 */
} __attribute__((packed));
ABI_SIZE(struct acpi_madt_source_override_entry, 10);
#define ACPI_MADT_POLARITY(flags) ((flags)&3u)
#define ACPI_MADT_POLARITY_LOW    3u
#define ACPI_MADT_TRIGGER(flags)  ((flags) >> 2 & 3u)
#define ACPI_MADT_TRIGGER_LEVEL   3u

/* 5.2.12.8. */
struct acpi_madt_local_apic_address_entry {
    struct acpi_entry head;
    uint16_t reserved;
    uint64_t local_apic_address;
} __attribute__((packed));
ABI_SIZE(struct acpi_madt_local_apic_address_entry, 12);

/* 5.2.12.12. */
struct acpi_madt_local_x2apic_entry {
    struct acpi_entry head;
    uint16_t reserved;
    uint32_t x2apic_id;
    uint32_t flags;
    uint32_t processor_uid;
};
ABI_SIZE(struct acpi_madt_local_x2apic_entry, 16);

/* ACPI 6.4, 5.2.9. Older tables are shorter: what lies past their length reads as 0. */
struct acpi_fadt {
    struct acpi_header header; /* "FACP" */
    uint8_t unused0[40];
    uint32_t pm_tmr_blk;
    uint8_t unused1[11];
    uint8_t pm_tmr_len;
    uint8_t unused2[20];
    uint32_t flags;
    struct acpi_address reset_reg;
    uint8_t reset_value;
    uint8_t unused3[79];
    struct acpi_address x_pm_tmr_blk;
} __attribute__((packed, aligned(4)));
ABI_OFFSET(struct acpi_fadt, pm_tmr_blk, 76);
ABI_OFFSET(struct acpi_fadt, pm_tmr_len, 91);
ABI_OFFSET(struct acpi_fadt, flags, 112);
ABI_OFFSET(struct acpi_fadt, reset_reg, 116);
ABI_OFFSET(struct acpi_fadt, reset_value, 128);
ABI_OFFSET(struct acpi_fadt, x_pm_tmr_blk, 208);
#define ACPI_FADT_TMR_VAL_EXT   (1u << 8)  /* table 5.10 */
#define ACPI_FADT_RESET_REG_SUP (1u << 10) /* table 5.10 */
#define ACPI_FADT_PM_TMR_LEN    4u
/* The table of ACPI 1.0 ends before the reset register. */
#define ACPI_FADT_LENGTH_MIN offsetof(struct acpi_fadt, reset_reg)

/* PCI Firmware Specification 3.3, table 4-3. */
struct acpi_mcfg_entry {
    uint64_t base; /* of bus 0, even if start_bus is not 0 */
    uint16_t segment;
    uint8_t start_bus;
    uint8_t end_bus;
    uint32_t reserved;
} __attribute__((packed, aligned(4)));
ABI_SIZE(struct acpi_mcfg_entry, 16);

struct acpi_mcfg {
    struct acpi_header header; /* "MCFG" */
    uint8_t reserved[8];
};
ABI_SIZE(struct acpi_mcfg, 44);

/* IA-PC HPET Specification 1.0a, 3.2.4. */
struct acpi_hpet {
    struct acpi_header header; /* "HPET" */
    uint32_t event_timer_block_id;
    struct acpi_address base_address;
    uint8_t hpet_number;
    uint16_t minimum_clock_tick;
    uint8_t page_protection;
} __attribute__((packed, aligned(4)));
ABI_OFFSET(struct acpi_hpet, base_address, 40);
ABI_OFFSET(struct acpi_hpet, hpet_number, 52);
ABI_SIZE(struct acpi_hpet, 56);

/* ACPI 6.4, 5.2.16. */
struct acpi_srat {
    struct acpi_header header; /* "SRAT" */
    uint8_t reserved[12];
};
ABI_SIZE(struct acpi_srat, 48);
#define ACPI_SRAT_LOCAL_APIC   0u
#define ACPI_SRAT_MEMORY       1u
#define ACPI_SRAT_LOCAL_X2APIC 2u
#define ACPI_SRAT_ENABLED      (1u << 0)
#define ACPI_SRAT_HOT_PLUG     (1u << 1) /* memory only */

/* 5.2.16.1. */
struct acpi_srat_local_apic_entry {
    struct acpi_entry head;
    uint8_t proximity_domain_low;
    uint8_t apic_id;
    uint32_t flags;
    uint8_t local_sapic_eid;
    uint8_t proximity_domain_high[3];
    uint32_t clock_domain;
};
ABI_SIZE(struct acpi_srat_local_apic_entry, 16);

/* 5.2.16.2. */
struct acpi_srat_memory_entry {
    struct acpi_entry head;
    uint32_t proximity_domain;
    uint16_t reserved1;
    uint64_t base;
    uint64_t length;
    uint32_t reserved2;
    uint32_t flags;
    uint64_t reserved3;
} __attribute__((packed));
ABI_OFFSET(struct acpi_srat_memory_entry, base, 8);
ABI_OFFSET(struct acpi_srat_memory_entry, flags, 28);
ABI_SIZE(struct acpi_srat_memory_entry, 40);

/* 5.2.16.3. */
struct acpi_srat_local_x2apic_entry {
    struct acpi_entry head;
    uint16_t reserved1;
    uint32_t proximity_domain;
    uint32_t x2apic_id;
    uint32_t flags;
    uint32_t clock_domain;
    uint32_t reserved2;
};
ABI_SIZE(struct acpi_srat_local_x2apic_entry, 24);

#endif
