/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmwp_acpi.c - the ACPI tables of a child, read as its kernel reads them. That
 * ACPICA takes the DSDT is tests/tools/test_acpi_tables.py. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>
#include "vmwp/boot/acpi.h"
#include "vmwp/boot/acpi_abi.h"
#include "vmwp/boot/aml.h"
#include "vmwp_fixture.h"

#define RAM_BYTES (2ull << 20)

static struct guest_ram ram;

static int setup(void **state)
{
    (void)state;
    ram = ram_make(RAM_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ram_free(&ram);
    return 0;
}

static uint8_t sum_of(uint64_t gpa, uint32_t size)
{
    const uint8_t *bytes = ram_at(&ram, gpa, size);
    uint8_t sum = 0;

    assert_non_null(bytes);
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum;
}

/* The table at @gpa, which has this signature and a good checksum, and is in the area for tables.
 */
static const void *table_at(uint64_t gpa, const char *signature)
{
    const struct acpi_header *h = ram_at(&ram, gpa, sizeof(*h));

    assert_true(gpa >= BOOT_ACPI_GPA && gpa + h->length <= BOOT_ACPI_GPA + BOOT_ACPI_SIZE);
    assert_memory_equal(h->signature, signature, 4);
    assert_int_equal(sum_of(gpa, h->length), 0);
    return h;
}

static const struct acpi_xsdt *build(uint32_t vps)
{
    const struct acpi_config config = {.vp_count = vps, .com1 = true, .vmbus = true};
    uint64_t gpa = acpi_build(&ram, &config);
    const struct acpi_rsdp *rsdp = ram_at(&ram, gpa, sizeof(*rsdp));

    assert_int_equal(gpa, 0xe0000); /* where those look who are not told: ACPI 6.4, 5.2.5.1 */
    assert_memory_equal(rsdp->signature, "RSD PTR ", 8);
    assert_int_equal(rsdp->revision, 2);
    assert_int_equal(rsdp->length, 36);
    assert_int_equal(rsdp->rsdt_address, 0);
    assert_int_equal(sum_of(gpa, 20), 0);
    assert_int_equal(sum_of(gpa, 36), 0);
    return table_at(rsdp->xsdt_address, "XSDT");
}

static void root_table_has_fadt_and_madt(void **state)
{
    const struct acpi_xsdt *xsdt = build(1);

    (void)state;
    assert_int_equal(xsdt->header.length, 36 + 2 * 8);
    assert_int_equal(xsdt->header.revision, 1);
    table_at(xsdt->fadt, "FACP");
    table_at(xsdt->madt, "APIC");
}

static void assert_io_byte(const struct acpi_address *a, uint16_t port)
{
    assert_int_equal(a->address_space_id, 1);
    assert_int_equal(a->register_bit_width, 8);
    assert_int_equal(a->register_bit_offset, 0);
    assert_int_equal(a->address, port);
}

static void fadt_is_hardware_reduced_with_sleep_and_reset(void **state)
{
    const struct acpi_fadt *fadt = table_at(build(1)->fadt, "FACP");

    (void)state;
    assert_int_equal(fadt->header.length, 276);
    assert_int_equal(fadt->header.revision, 6);
    assert_true(fadt->flags & 1u << 20);
    assert_true(fadt->flags & 1u << 10);
    assert_true(fadt->flags & 1u << 6); /* no fixed RTC wake */
    assert_int_equal(fadt->iapc_boot_arch, 0x5);
    assert_io_byte(&fadt->reset_reg, 0xcf9);
    assert_int_equal(fadt->reset_value, 0x06);
    assert_io_byte(&fadt->sleep_control_reg, 0x600);
    assert_io_byte(&fadt->sleep_status_reg, 0x604);
    assert_int_equal(fadt->dsdt, fadt->x_dsdt);
    table_at(fadt->x_dsdt, "DSDT");
}

static void fixed_hardware_of_full_acpi_is_absent(void **state)
{
    static const uint8_t none[96];
    const struct acpi_fadt *fadt = table_at(build(1)->fadt, "FACP");

    (void)state;
    assert_memory_equal(fadt->fixed_hardware, none, sizeof(fadt->fixed_hardware));
    assert_memory_equal(fadt->x_fixed_hardware, none, sizeof(fadt->x_fixed_hardware));
    assert_int_equal(fadt->firmware_ctrl, 0);
    assert_int_equal(fadt->x_firmware_ctrl, 0);
}

/* Processors in the order of their IDs, each enabled, then one IOAPIC. */
static void assert_processors(uint32_t vps)
{
    const struct acpi_madt *madt = table_at(build(vps)->madt, "APIC");
    const uint8_t *at = (const uint8_t *)(madt + 1);
    const uint8_t *end = (const uint8_t *)madt + madt->header.length;
    struct acpi_madt_ioapic ioapic;

    assert_int_equal(madt->local_apic_address, 0xfee00000);
    assert_int_equal(madt->flags, 0);
    for (uint32_t id = 0; id < vps; id++, at += at[1]) {
        struct acpi_madt_local_apic x;
        struct acpi_madt_local_x2apic x2;

        memcpy(&x, at, sizeof(x));
        memcpy(&x2, at, sizeof(x2));
        assert_int_equal(x.type, id <= 254 ? 0 : 9);
        assert_int_equal(x.length, id <= 254 ? 8 : 16);
        assert_int_equal(id <= 254 ? x.apic_id : x2.x2apic_id, id);
        assert_int_equal(id <= 254 ? x.processor_uid : x2.processor_uid, id);
        assert_int_equal(id <= 254 ? x.flags : x2.flags, 1);
    }
    memcpy(&ioapic, at, sizeof(ioapic));
    assert_int_equal(ioapic.type, 1);
    assert_int_equal(ioapic.length, 12);
    assert_int_equal(ioapic.address, 0xfec00000);
    assert_int_equal(ioapic.gsi_base, 0);
    assert_ptr_equal(at + ioapic.length, end);
}

static void processors_are_local_apics(void **state)
{
    (void)state;
    assert_processors(1);
    assert_processors(2);
    assert_processors(240);
    assert_processors(255);
}

static void processors_from_255_on_are_x2apics(void **state)
{
    (void)state;
    assert_processors(256);
    assert_processors(ACPI_VPS_MAX);
}

static void tables_do_not_overlap(void **state)
{
    const struct acpi_xsdt *xsdt = build(ACPI_VPS_MAX);
    const struct acpi_fadt *fadt = table_at(xsdt->fadt, "FACP");
    const uint64_t begin[] = {fadt->x_dsdt, xsdt->fadt, xsdt->madt};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct acpi_header *a = ram_at(&ram, begin[i], sizeof(*a));
        assert_true(begin[i] >= BOOT_ACPI_GPA + sizeof(struct acpi_rsdp));
        for (size_t k = 0; k < 3; k++)
            assert_true(i == k || begin[k] < begin[i] || begin[k] >= begin[i] + a->length);
    }
}

static const uint8_t *find(const uint8_t *in, size_t size, const void *what, size_t length)
{
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(in + i, what, length) == 0)
            return in + i;
    return NULL;
}

static bool dsdt_has(const struct acpi_config *config, const void *what, size_t length)
{
    const struct acpi_rsdp *rsdp = ram_at(&ram, acpi_build(&ram, config), sizeof(*rsdp));
    const struct acpi_xsdt *xsdt = table_at(rsdp->xsdt_address, "XSDT");
    const struct acpi_fadt *fadt = table_at(xsdt->fadt, "FACP");
    const struct acpi_header *dsdt = table_at(fadt->x_dsdt, "DSDT");

    return find((const uint8_t *)dsdt, dsdt->length, what, length) != NULL;
}

static void devices_are_there_if_configured(void **state)
{
    const struct acpi_config all = {1, true, true}, none = {1, false, false};

    (void)state;
    assert_true(dsdt_has(&all, "VMBus", 6) && dsdt_has(&all, "COM1", 4) &&
                dsdt_has(&all, "RTC0", 4));
    assert_false(dsdt_has(&none, "VMBus", 6));
    assert_false(dsdt_has(&none, "COM1", 4));
    assert_true(dsdt_has(&none, "RTC0", 4));
}

/* Extended interrupt descriptors, consumer, edge, active high, exclusive: ACPI 6.4, 6.4.3.6. */
static void interrupts_of_uart_and_clock_are_edges(void **state)
{
    const uint8_t uart[] = {0x89, 6, 0, 0x03, 1, 4, 0, 0, 0},
                  clock[] = {0x89, 6, 0, 0x03, 1, 8, 0, 0, 0};
    const struct acpi_config config = {1, true, true};

    (void)state;
    assert_true(dsdt_has(&config, uart, sizeof(uart)));
    assert_true(dsdt_has(&config, clock, sizeof(clock)));
}

static void impossible_configurations_are_refused(void **state)
{
    const struct acpi_config none = {0, true, true}, many = {ACPI_VPS_MAX + 1, true, true};
    const struct acpi_config one = {1, true, true};
    struct guest_ram small = {.low = ram.low, .low_bytes = BOOT_ACPI_GPA + BOOT_ACPI_SIZE - 1};

    (void)state;
    assert_int_equal(acpi_build(&ram, &none), 0);
    assert_int_equal(acpi_build(&ram, &many), 0);
    assert_int_equal(acpi_build(&small, &one), 0);
}

/* ---- the AML writer ---- */

static void lengths_of_packages_are_as_short_as_can_be(void **state)
{
    static const struct {
        size_t body, length_bytes;
        uint8_t first, second, third;
    } cases[] = {
        /* Scope(\ABCD), and so many bytes: ACPI 6.4, 20.2.4 */
        {57, 1, 0x3f, 0x5c, 'A'},
        {58, 2, 0x41, 0x04, 0x5c},
        {4088, 2, 0x4f, 0xff, 0x5c},
        {4089, 3, 0x81, 0x00, 0x01},
    };
    static uint8_t bytes[8192];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct aml a = {.bytes = bytes, .size = sizeof(bytes)};
        size_t mark = aml_scope_open(&a, "ABCD");

        a.used += cases[i].body;
        aml_close(&a, mark);
        assert_int_equal(aml_end(&a), 1 + cases[i].length_bytes + 5 + cases[i].body);
        assert_int_equal(bytes[1], cases[i].first);
        assert_int_equal(bytes[2], cases[i].second);
        assert_int_equal(bytes[3], cases[i].third);
    }
}

static void eisa_ids_are_as_the_specification_has_them(void **state)
{
    const uint8_t expected[] = {0x08, '_',  'H',  'I',  'D',
                                0x0c, 0x41, 0xd0, 0x0a, 0x03}; /* PNP0A03 */
    uint8_t bytes[sizeof(expected)];
    struct aml a = {.bytes = bytes, .size = sizeof(bytes)};

    (void)state;
    aml_name_eisa_id(&a, "_HID", "PNP0A03");
    assert_int_equal(aml_end(&a), sizeof(expected));
    assert_memory_equal(bytes, expected, sizeof(expected));
}

static void writer_stops_at_the_end(void **state)
{
    uint8_t bytes[64];

    (void)state;
    for (size_t size = 0; size < sizeof(bytes); size++) {
        struct aml a = {.bytes = bytes, .size = size};
        struct aml_resources r = {.used = 0};
        size_t mark;

        memset(bytes, 0xee, sizeof(bytes));
        mark = aml_scope_open(&a, "_SB_");
        aml_io_ports(&r, 0x3f8, 8);
        aml_name_resources(&a, "_CRS", &r);
        aml_name_integer(&a, "_UID", 300);
        aml_close(&a, mark);
        assert_int_equal(aml_end(&a), a.used <= size ? a.used : 0);
        for (size_t i = size; i < sizeof(bytes); i++)
            assert_int_equal(bytes[i], 0xee);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_table_has_fadt_and_madt),
        cmocka_unit_test(fadt_is_hardware_reduced_with_sleep_and_reset),
        cmocka_unit_test(fixed_hardware_of_full_acpi_is_absent),
        cmocka_unit_test(processors_are_local_apics),
        cmocka_unit_test(processors_from_255_on_are_x2apics),
        cmocka_unit_test(tables_do_not_overlap),
        cmocka_unit_test(devices_are_there_if_configured),
        cmocka_unit_test(interrupts_of_uart_and_clock_are_edges),
        cmocka_unit_test(impossible_configurations_are_refused),
        cmocka_unit_test(lengths_of_packages_are_as_short_as_can_be),
        cmocka_unit_test(eisa_ids_are_as_the_specification_has_them),
        cmocka_unit_test(writer_stops_at_the_end),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
