/* SPDX-License-Identifier: MIT */
/* vmwp/boot/acpi_abi.h - the layout of the ACPI tables that a child gets; ACPI 6.4, chapter 5.2. */
#ifndef USER_VMWP_BOOT_ACPI_ABI_H
#define USER_VMWP_BOOT_ACPI_ABI_H

#include <hvabi/layout.h>

/* Table 5-1, generic address structure */
struct acpi_address {
    uint8_t address_space_id; /* ACPI_SPACE_* */
    uint8_t register_bit_width;
    uint8_t register_bit_offset;
    uint8_t access_size;
    uint64_t address;
} __attribute__((packed));
ABI_SIZE(struct acpi_address, 12);

enum { ACPI_SPACE_IO = 1, ACPI_ACCESS_BYTE = 1 };

/* Table 5-3 */
struct acpi_rsdp {
    char signature[8]; /* "RSD PTR " */
    uint8_t checksum;  /* of the first 20 bytes */
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt_address;
    uint32_t length;
    uint64_t xsdt_address;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed));
ABI_SIZE(struct acpi_rsdp, 36);
ABI_OFFSET(struct acpi_rsdp, xsdt_address, 24);

#define ACPI_RSDP_REVISION      2
#define ACPI_RSDP_CHECKSUM_SIZE 20u

/* Table 5-4 */
struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __attribute__((packed));
ABI_SIZE(struct acpi_header, 36);

/* 5.2.8: with the tables that a child has */
struct acpi_xsdt {
    struct acpi_header header;
    uint64_t fadt, madt;
} __attribute__((packed));
ABI_SIZE(struct acpi_xsdt, 52);

/* Table 5-9. What hardware-reduced ACPI ignores is left out by name. */
struct acpi_fadt {
    struct acpi_header header;
    uint32_t firmware_ctrl;
    uint32_t dsdt;
    uint8_t reserved_44;
    uint8_t preferred_pm_profile;
    uint8_t fixed_hardware[62];
    uint8_t century; /* CMOS byte; 0: none */
    uint16_t iapc_boot_arch;
    uint8_t reserved_111;
    uint32_t flags;
    struct acpi_address reset_reg;
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor_version;
    uint64_t x_firmware_ctrl;
    uint64_t x_dsdt;
    uint8_t x_fixed_hardware[96];
    struct acpi_address sleep_control_reg;
    struct acpi_address sleep_status_reg;
    uint64_t hypervisor_vendor;
} __attribute__((packed));
ABI_OFFSET(struct acpi_fadt, dsdt, 40);
ABI_OFFSET(struct acpi_fadt, century, 108);
ABI_OFFSET(struct acpi_fadt, iapc_boot_arch, 109);
ABI_OFFSET(struct acpi_fadt, flags, 112);
ABI_OFFSET(struct acpi_fadt, reset_reg, 116);
ABI_OFFSET(struct acpi_fadt, reset_value, 128);
ABI_OFFSET(struct acpi_fadt, minor_version, 131);
ABI_OFFSET(struct acpi_fadt, x_dsdt, 140);
ABI_OFFSET(struct acpi_fadt, sleep_control_reg, 244);
ABI_OFFSET(struct acpi_fadt, sleep_status_reg, 256);
ABI_SIZE(struct acpi_fadt, 276);

#define ACPI_FADT_REVISION 6
#define ACPI_FADT_MINOR    4

/* Table 5-10 */
#define ACPI_FADT_WBINVD     (1u << 0)
#define ACPI_FADT_PROC_C1    (1u << 2)
#define ACPI_FADT_PWR_BUTTON (1u << 4) /* set: there is no such fixed feature */
#define ACPI_FADT_SLP_BUTTON (1u << 5)
#define ACPI_FADT_FIX_RTC    (1u << 6)
#define ACPI_FADT_RESET_REG  (1u << 10)
#define ACPI_FADT_HW_REDUCED (1u << 20)

/* Table 5-11: there is something on the LPC bus (the UART), but no 8042, no VGA, no MSI to avoid,
 * and an RTC */
#define ACPI_BOOT_LEGACY_DEVICES (1u << 0)
#define ACPI_BOOT_NO_VGA         (1u << 2)

/* Table 5-19 */
struct acpi_madt {
    struct acpi_header header;
    uint32_t local_apic_address;
    uint32_t flags; /* bit 0, PCAT_COMPAT: there are 8259s */
} __attribute__((packed));
ABI_SIZE(struct acpi_madt, 44);

#define ACPI_MADT_REVISION 5

enum {
    ACPI_MADT_LOCAL_APIC = 0,
    ACPI_MADT_IOAPIC = 1,
    ACPI_MADT_LOCAL_X2APIC = 9,
};

#define ACPI_MADT_ENABLED 1u

/* Table 5-21 */
struct acpi_madt_local_apic {
    uint8_t type, length;
    uint8_t processor_uid;
    uint8_t apic_id; /* 255 is all of them: at most 254 */
    uint32_t flags;
} __attribute__((packed));
ABI_SIZE(struct acpi_madt_local_apic, 8);

#define ACPI_MADT_APIC_ID_MAX 254u

/* Table 5-24 */
struct acpi_madt_ioapic {
    uint8_t type, length;
    uint8_t ioapic_id;
    uint8_t reserved;
    uint32_t address;
    uint32_t gsi_base;
} __attribute__((packed));
ABI_SIZE(struct acpi_madt_ioapic, 12);

/* Table 5-34 */
struct acpi_madt_local_x2apic {
    uint8_t type, length;
    uint16_t reserved;
    uint32_t x2apic_id;
    uint32_t flags;
    uint32_t processor_uid;
} __attribute__((packed));
ABI_SIZE(struct acpi_madt_local_x2apic, 16);

#endif
