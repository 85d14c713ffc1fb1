/* SPDX-License-Identifier: MIT */
/* vmwp/boot/acpi.c - see acpi.h.
 *
 * Hardware-reduced ACPI: there is no timer, no SCI, no power-management registers but those for
 * sleep and reset. The UART's and the clock's interrupts are extended interrupt descriptors, which
 * Linux takes for what they say: it looks no IRQ up among those of the PICs, which are not there.
 * Processors are in the MADT alone: with devices for them in the DSDT, Linux would run its idle
 * governor over their one idle state, and tick more often than without. */
#include <string.h>
#include "vmwp/boot/acpi.h"
#include "vmwp/boot/acpi_abi.h"
#include "vmwp/boot/aml.h"
#include "vmwp/boot/boot.h"

#define TABLE_ALIGN 64u

/* The room for tables, filled from its beginning. */
struct area {
    uint8_t *bytes;
    uint32_t size, used;
};

/* The next @size bytes, zeroed, whose address goes to *@gpa; NULL: there are no more. */
static void *area_take(struct area *area, uint32_t size, uint32_t *gpa)
{
    uint8_t *at = area->bytes + area->used;

    if (size > area->size - area->used)
        return NULL;
    *gpa = BOOT_ACPI_GPA + area->used;
    area->used += (size + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN;
    if (area->used > area->size)
        area->used = area->size;
    memset(at, 0, size);
    return at;
}

static uint8_t checksum(const void *table, size_t size)
{
    const uint8_t *bytes = table;
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return (uint8_t)-sum;
}

/* Fill the header of a table that is otherwise complete. */
static void header_fill(struct acpi_header *h, const char *signature, uint8_t revision,
                        uint32_t length)
{
    memcpy(h->signature, signature, sizeof(h->signature));
    memcpy(h->oem_id, "VERDGR", sizeof(h->oem_id));
    memcpy(h->oem_table_id, "VERDIGRS", sizeof(h->oem_table_id));
    memcpy(h->creator_id, "VDGR", sizeof(h->creator_id));
    h->length = length;
    h->revision = revision;
    h->oem_revision = 1;
    h->creator_revision = 1;
    h->checksum = 0;
    h->checksum = checksum(h, length);
}

/* ---- DSDT ---- */

static void dsdt_vmbus(struct aml *a)
{
    struct aml_resources window = {.used = 0}, none = {.used = 0};
    size_t module = aml_device_open(a, "VMOD"), bus;

    aml_name_string(a, "_HID", "ACPI0004");
    aml_name_integer(a, "_UID", 0);
    aml_memory_window(&window, ACPI_VMBUS_WINDOW_GPA, ACPI_VMBUS_WINDOW_SIZE);
    aml_name_resources(a, "_CRS", &window);
    bus = aml_device_open(a, "VMBS");
    aml_name_string(a, "_HID", "VMBus");
    aml_name_string(a, "_DDN", "VMBUS");
    aml_name_integer(a, "_UID", 0);
    aml_name_integer(a, "_STA", 0xf); /* present, enabled, shown, working */
    aml_name_resources(a, "_CRS", &none);
    aml_close(a, bus);
    aml_close(a, module);
}

static void dsdt_isa_device(struct aml *a, const char *name, const char *id, uint32_t port,
                            uint8_t ports, uint32_t irq)
{
    struct aml_resources resources = {.used = 0};
    size_t device = aml_device_open(a, name);

    aml_name_eisa_id(a, "_HID", id);
    aml_name_integer(a, "_UID", 1);
    aml_io_ports(&resources, (uint16_t)port, ports);
    aml_edge_interrupt(&resources, irq);
    aml_name_resources(a, "_CRS", &resources);
    aml_close(a, device);
}

static void dsdt_body(struct aml *a, const struct acpi_config *config)
{
    const uint8_t s5[] = {ACPI_S5_TYPE, 0, 0, 0};
    size_t scope;

    aml_name_package(a, "_S5_", s5, sizeof(s5));
    scope = aml_scope_open(a, "_SB_");
    if (config->vmbus)
        dsdt_vmbus(a);
    if (config->com1)
        dsdt_isa_device(a, "COM1", "PNP0501", ACPI_COM1_PORT, 8, ACPI_COM1_IRQ);
    dsdt_isa_device(a, "RTC0", "PNP0B00", ACPI_RTC_PORT, 2, ACPI_RTC_IRQ);
    aml_close(a, scope);
}

static bool dsdt_write(struct area *area, const struct acpi_config *config, uint32_t *gpa)
{
    uint8_t bytes[1024];
    struct aml a = {.bytes = bytes, .size = sizeof(bytes)};
    struct acpi_header *dsdt;
    size_t size;

    dsdt_body(&a, config);
    size = aml_end(&a);
    dsdt = size != 0 ? area_take(area, (uint32_t)(sizeof(*dsdt) + size), gpa) : NULL;
    if (dsdt == NULL)
        return false;
    memcpy(dsdt + 1, bytes, size);
    header_fill(dsdt, "DSDT", 2, (uint32_t)(sizeof(*dsdt) + size)); /* 2: integers of 64 bits */
    return true;
}

/* ---- the other tables ---- */

static struct acpi_address io_byte(uint32_t port)
{
    return (struct acpi_address){.address_space_id = ACPI_SPACE_IO,
                                 .register_bit_width = 8,
                                 .access_size = ACPI_ACCESS_BYTE,
                                 .address = port};
}

static bool fadt_write(struct area *area, uint32_t dsdt, uint32_t *gpa)
{
    struct acpi_fadt *fadt = area_take(area, sizeof(*fadt), gpa);

    if (fadt == NULL)
        return false;
    fadt->dsdt = dsdt;
    fadt->x_dsdt = dsdt;
    fadt->iapc_boot_arch = ACPI_BOOT_LEGACY_DEVICES | ACPI_BOOT_NO_VGA;
    fadt->flags = ACPI_FADT_WBINVD | ACPI_FADT_PROC_C1 | ACPI_FADT_PWR_BUTTON |
                  ACPI_FADT_SLP_BUTTON | ACPI_FADT_FIX_RTC | ACPI_FADT_RESET_REG |
                  ACPI_FADT_HW_REDUCED;
    fadt->reset_reg = io_byte(ACPI_RESET_PORT);
    fadt->reset_value = ACPI_RESET_VALUE;
    fadt->minor_version = ACPI_FADT_MINOR;
    fadt->sleep_control_reg = io_byte(ACPI_SLEEP_CONTROL_PORT);
    fadt->sleep_status_reg = io_byte(ACPI_SLEEP_STATUS_PORT);
    memcpy(&fadt->hypervisor_vendor, "VERDIGRS", sizeof(fadt->hypervisor_vendor));
    header_fill(&fadt->header, "FACP", ACPI_FADT_REVISION, sizeof(*fadt));
    return true;
}

/* The entry of the processor @id, at @to; its size. */
static uint32_t madt_processor(uint8_t *to, uint32_t id)
{
    const struct acpi_madt_local_x2apic x2 = {
        .type = ACPI_MADT_LOCAL_X2APIC,
        .length = sizeof(x2),
        .x2apic_id = id,
        .flags = ACPI_MADT_ENABLED,
        .processor_uid = id,
    };
    const struct acpi_madt_local_apic x = {
        .type = ACPI_MADT_LOCAL_APIC,
        .length = sizeof(x),
        .processor_uid = (uint8_t)id,
        .apic_id = (uint8_t)id,
        .flags = ACPI_MADT_ENABLED,
    };

    if (id > ACPI_MADT_APIC_ID_MAX) {
        memcpy(to, &x2, sizeof(x2));
        return sizeof(x2);
    }
    memcpy(to, &x, sizeof(x));
    return sizeof(x);
}

static uint32_t madt_size(uint32_t processors)
{
    uint32_t small = processors <= ACPI_MADT_APIC_ID_MAX ? processors : ACPI_MADT_APIC_ID_MAX + 1;

    return (uint32_t)(sizeof(struct acpi_madt) + small * sizeof(struct acpi_madt_local_apic) +
                      (processors - small) * sizeof(struct acpi_madt_local_x2apic) +
                      sizeof(struct acpi_madt_ioapic));
}

static bool madt_write(struct area *area, uint32_t processors, uint32_t *gpa)
{
    const struct acpi_madt_ioapic ioapic = {
        .type = ACPI_MADT_IOAPIC, .length = sizeof(ioapic), .address = ACPI_IOAPIC_GPA};
    uint32_t size = madt_size(processors);
    struct acpi_madt *madt = area_take(area, size, gpa);
    uint8_t *at;

    if (madt == NULL)
        return false;
    madt->local_apic_address = ACPI_LAPIC_GPA;
    at = (uint8_t *)(madt + 1);
    for (uint32_t id = 0; id < processors; id++)
        at += madt_processor(at, id);
    memcpy(at, &ioapic, sizeof(ioapic));
    header_fill(&madt->header, "APIC", ACPI_MADT_REVISION, size);
    return true;
}

static bool xsdt_write(struct area *area, uint32_t fadt, uint32_t madt, uint32_t *gpa)
{
    struct acpi_xsdt *xsdt = area_take(area, sizeof(*xsdt), gpa);

    if (xsdt == NULL)
        return false;
    xsdt->fadt = fadt;
    xsdt->madt = madt;
    header_fill(&xsdt->header, "XSDT", 1, sizeof(*xsdt));
    return true;
}

static void rsdp_fill(struct acpi_rsdp *rsdp, uint32_t xsdt)
{
    memcpy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
    memcpy(rsdp->oem_id, "VERDGR", sizeof(rsdp->oem_id));
    rsdp->revision = ACPI_RSDP_REVISION;
    rsdp->length = sizeof(*rsdp);
    rsdp->xsdt_address = xsdt;
    rsdp->checksum = checksum(rsdp, ACPI_RSDP_CHECKSUM_SIZE);
    rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
}

uint64_t acpi_build(const struct guest_ram *ram, const struct acpi_config *config)
{
    struct area area = {.bytes = ram_at(ram, BOOT_ACPI_GPA, BOOT_ACPI_SIZE),
                        .size = BOOT_ACPI_SIZE};
    uint32_t rsdp_gpa, dsdt, fadt, madt, xsdt;
    struct acpi_rsdp *rsdp;

    if (area.bytes == NULL || config->vp_count == 0 || config->vp_count > ACPI_VPS_MAX)
        return 0;
    rsdp = area_take(&area, sizeof(*rsdp), &rsdp_gpa);
    if (rsdp == NULL || !dsdt_write(&area, config, &dsdt) || !fadt_write(&area, dsdt, &fadt) ||
        !madt_write(&area, config->vp_count, &madt) || !xsdt_write(&area, fadt, madt, &xsdt))
        return 0;
    rsdp_fill(rsdp, xsdt);
    return rsdp_gpa;
}
