/* SPDX-License-Identifier: MIT */
/* tests/unit/test_acpi.c - ACPI tables built in a small physical memory, sound and broken. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "io/acpi_tables.h"

#define MEMORY_SIZE 0x4000u
#define RSDP        0x100u
#define XSDT        0x200u
#define RSDT        0x400u
#define TABLES      0x1000u

static struct {
    uint8_t memory[MEMORY_SIZE];
    uint32_t next;  /* where the next table goes */
    uint32_t count; /* tables in the XSDT and the RSDT */
    uint32_t refusals;
    int allocated; /* tables not given back */
    struct acpi_table_set set;
} m;

static bool memory_read(void *context, uint64_t physical, void *buffer, uint32_t length)
{
    (void)context;
    if (physical > MEMORY_SIZE || length > MEMORY_SIZE - physical)
        return false;
    memcpy(buffer, m.memory + physical, length);
    return true;
}

static void *table_alloc(void *context, uint32_t length)
{
    (void)context;
    m.allocated++;
    return malloc(length);
}

static void table_free(void *context, void *table)
{
    (void)context;
    m.allocated--;
    free(table);
}

static void table_refused(void *context, const char *signature, uint64_t physical, const char *why)
{
    (void)context;
    (void)signature;
    (void)physical;
    assert_non_null(why);
    m.refusals++;
}

static bool load(uint64_t rsdp)
{
    static const struct acpi_source source = {
        .read = memory_read, .alloc = table_alloc, .free = table_free, .refused = table_refused};

    m.refusals = 0;
    return acpi_tables_load(&source, rsdp, &m.set);
}

static void *at(uint32_t physical)
{
    return m.memory + physical;
}

static uint8_t checksum(const uint8_t *p, size_t length)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + p[i]);
    return (uint8_t)-sum;
}

static void table_seal(uint32_t physical)
{
    struct acpi_header *h = at(physical);

    h->checksum = 0;
    h->checksum = checksum(at(physical), h->length);
}

static void rsdp_seal(void)
{
    struct acpi_rsdp *r = at(RSDP);

    r->checksum = 0;
    r->checksum = checksum(at(RSDP), ACPI_RSDP_V1_SIZE);
    r->extended_checksum = 0;
    r->extended_checksum = checksum(at(RSDP), sizeof(*r));
}

/* A table of @size bytes copied from @content, known to the XSDT and the RSDT; its address. */
static uint32_t table_add(const char *signature, const void *content, uint32_t size)
{
    uint32_t physical = m.next;
    uint64_t wide = physical;
    struct acpi_header *h = at(physical), *xsdt = at(XSDT), *rsdt = at(RSDT);

    memcpy(h, content, size);
    memcpy(h->signature, signature, 4);
    h->length = size;
    table_seal(physical);
    memcpy(at(XSDT + xsdt->length), &wide, sizeof(wide));
    memcpy(at(RSDT + rsdt->length), &physical, sizeof(physical));
    xsdt->length += 8;
    rsdt->length += 4;
    table_seal(XSDT);
    table_seal(RSDT);
    m.next += (size + 15u) & ~15u;
    return physical;
}

static int memory_make(void **state)
{
    struct acpi_header root = {.length = sizeof(root)};
    struct acpi_rsdp r = {
        .revision = 2, .length = sizeof(r), .xsdt_address = XSDT, .rsdt_address = RSDT};

    (void)state;
    memset(&m, 0, sizeof(m));
    m.next = TABLES;
    memcpy(r.signature, ACPI_RSDP_SIGNATURE, sizeof(r.signature));
    memcpy(at(RSDP), &r, sizeof(r));
    rsdp_seal();
    memcpy(root.signature, "XSDT", 4);
    memcpy(at(XSDT), &root, sizeof(root));
    memcpy(root.signature, "RSDT", 4);
    memcpy(at(RSDT), &root, sizeof(root));
    table_seal(XSDT);
    table_seal(RSDT);
    return 0;
}

static int memory_drop(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < m.set.count; i++) {
        m.allocated--;
        free((void *)(uintptr_t)m.set.tables[i]);
    }
    assert_int_equal(m.allocated, 0);
    return 0;
}

static const uint8_t madt_bytes[] = {
    [sizeof(struct acpi_madt) - 8] = 0x00,
    0x00,
    0xe0,
    0xfe,
    1,
    0,
    0,
    0, /* 0xfee00000, 8259 */
    0,
    8,
    0,
    0,
    1,
    0,
    0,
    0, /* APIC 0 */
    0,
    8,
    1,
    4,
    1,
    0,
    0,
    0, /* APIC 4 */
    0,
    8,
    2,
    6,
    0,
    0,
    0,
    0, /* APIC 6, disabled */
    0,
    8,
    2,
    4,
    1,
    0,
    0,
    0, /* APIC 4 again */
    9,
    16,
    0,
    0,
    0x00,
    2,
    0,
    0,
    1,
    0,
    0,
    0,
    9,
    0,
    0,
    0, /* x2APIC 0x200 */
    1,
    12,
    3,
    0,
    0,
    0,
    0xc0,
    0xfe,
    24,
    0,
    0,
    0, /* IOAPIC 3 from GSI 24 */
    2,
    10,
    0,
    9,
    9,
    0,
    0,
    0,
    0x0d,
    0, /* IRQ 9: level, active high */
    2,
    10,
    0,
    0,
    2,
    0,
    0,
    0,
    0,
    0, /* IRQ 0 is GSI 2 */
    2,
    10,
    0,
    5,
    21,
    0,
    0,
    0,
    0x0f,
    0, /* IRQ 5: level, active low */
    77,
    3,
    0, /* unknown */
    5,
    12,
    0,
    0,
    0,
    0,
    0xe1,
    0xfe,
    1,
    0,
    0,
    0, /* local APIC at 0x1fee10000 */
    0,
    8,
    3, /* cut off */
};

static void tables_are_found_by_signature_and_index(void **state)
{
    struct acpi_header h = {.revision = 1};
    uint32_t second;

    (void)state;
    table_add("SSDT", &h, sizeof(h));
    table_add("APIC", madt_bytes, sizeof(madt_bytes));
    h.revision = 2;
    second = table_add("SSDT", &h, sizeof(h));
    assert_true(load(RSDP));
    assert_int_equal(m.set.count, 3);
    assert_int_equal(m.refusals, 0);
    assert_int_equal(acpi_tables_find(&m.set, "SSDT", 0)->revision, 1);
    assert_int_equal(acpi_tables_find(&m.set, "SSDT", 1)->revision, 2);
    assert_null(acpi_tables_find(&m.set, "SSDT", 2));
    assert_null(acpi_tables_find(&m.set, "HPET", 0));
    assert_int_equal(((struct acpi_header *)at(second))->revision, 2);
}

static void rsdp_that_is_absent_or_broken_gives_no_tables(void **state)
{
    (void)state;
    assert_false(load(0));
    assert_false(load(MEMORY_SIZE));
    assert_false(load(UINT64_MAX));
    for (uint32_t i = 0; i < sizeof(struct acpi_rsdp); i++) {
        m.memory[RSDP + i] ^= 1;
        assert_false(load(RSDP));
        m.memory[RSDP + i] ^= 1;
    }
    assert_true(load(RSDP));
}

static void rsdp_of_acpi_1_leads_to_the_rsdt(void **state)
{
    struct acpi_header h = {.revision = 9};
    struct acpi_rsdp *r = at(RSDP);

    (void)state;
    table_add("HPET", &h, sizeof(h));
    r->revision = 0;
    r->xsdt_address = UINT64_MAX;
    rsdp_seal();
    assert_true(load(RSDP));
    assert_int_equal(m.set.count, 1);
}

static void broken_xsdt_falls_back_to_the_rsdt(void **state)
{
    struct acpi_header h = {.revision = 9};

    (void)state;
    table_add("HPET", &h, sizeof(h));
    m.memory[XSDT + 20] ^= 1;
    assert_true(load(RSDP));
    assert_int_equal(m.refusals, 1);
    assert_int_equal(m.set.count, 1);
}

static void table_with_a_wrong_checksum_is_as_if_absent(void **state)
{
    uint32_t madt = table_add("APIC", madt_bytes, sizeof(madt_bytes));
    struct acpi_header h = {.revision = 9};

    (void)state;
    table_add("HPET", &h, sizeof(h));
    m.memory[madt + 50] ^= 1;
    assert_true(load(RSDP));
    assert_int_equal(m.refusals, 1);
    assert_null(acpi_tables_find(&m.set, "APIC", 0));
    assert_non_null(acpi_tables_find(&m.set, "HPET", 0));
}

static void table_of_impossible_length_is_as_if_absent(void **state)
{
    static const uint32_t lengths[] = {0, 35, MEMORY_SIZE, ACPI_TABLE_LENGTH_MAX + 1, UINT32_MAX};
    uint32_t madt = table_add("APIC", madt_bytes, sizeof(madt_bytes));

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        ((struct acpi_header *)at(madt))->length = lengths[i];
        assert_true(load(RSDP));
        assert_int_equal(m.refusals, 1);
        assert_int_equal(m.set.count, 0);
    }
}

static void madt_gives_processors_ioapics_and_overrides(void **state)
{
    static struct acpi_madt_info info;

    (void)state;
    table_add("APIC", madt_bytes, sizeof(madt_bytes));
    assert_true(load(RSDP));
    assert_true(acpi_madt_parse(m.set.tables[0], &info));
    assert_true(info.lapic_address == 0x1fee10000);
    assert_true(info.has_8259);
    assert_int_equal(info.lapic_count, 3);
    assert_int_equal(info.lapic_ids[0], 0);
    assert_int_equal(info.lapic_ids[1], 4);
    assert_int_equal(info.lapic_ids[2], 0x200);
    assert_int_equal(info.ioapic_count, 1);
    assert_int_equal(info.ioapics[0].id, 3);
    assert_int_equal(info.ioapics[0].gsi_base, 24);
    assert_int_equal(info.ioapics[0].address, 0xfec00000u);
    assert_int_equal(info.override_count, 3);
    assert_true(info.overrides[0].level && !info.overrides[0].active_low);
    assert_int_equal(info.overrides[1].isa_irq, 0);
    assert_int_equal(info.overrides[1].gsi, 2);
    assert_true(!info.overrides[1].level && !info.overrides[1].active_low);
    assert_true(info.overrides[2].level && info.overrides[2].active_low);
}

static void madt_of_every_shorter_length_is_read_within_its_bounds(void **state)
{
    static struct acpi_madt_info info;

    (void)state;
    for (uint32_t length = sizeof(struct acpi_header); length < sizeof(madt_bytes); length++) {
        struct acpi_header *copy = malloc(length); /* ASan watches its end */

        memcpy(copy, madt_bytes, length);
        copy->length = length;
        assert_int_equal(acpi_madt_parse(copy, &info), length >= sizeof(struct acpi_madt));
        free(copy);
    }
}

static void more_processors_than_the_table_holds_are_left_out(void **state)
{
    enum { COUNT = ACPI_MADT_MAX_LAPICS + 10 };
    static struct {
        struct acpi_madt madt;
        struct acpi_madt_local_x2apic_entry entries[COUNT];
    } t;
    static struct acpi_madt_info info;

    (void)state;
    t.madt.header.length = sizeof(t);
    for (uint32_t i = 0; i < COUNT; i++)
        t.entries[i] = (struct acpi_madt_local_x2apic_entry){
            .head = {ACPI_MADT_LOCAL_X2APIC, sizeof(t.entries[0])}, .x2apic_id = i, .flags = 1};
    assert_true(acpi_madt_parse(&t.madt.header, &info));
    assert_int_equal(info.lapic_count, ACPI_MADT_MAX_LAPICS);
}

static void fadt_gives_timer_and_reset_register(void **state)
{
    struct acpi_fadt f = {.pm_tmr_blk = 0x608,
                          .pm_tmr_len = 4,
                          .flags = ACPI_FADT_RESET_REG_SUP | ACPI_FADT_TMR_VAL_EXT,
                          .reset_reg = {.space = ACPI_SPACE_IO, .address = 0xcf9},
                          .reset_value = 15};
    struct acpi_fadt_info info;

    (void)state;
    f.header.length = sizeof(f);
    assert_true(acpi_fadt_parse(&f.header, &info));
    assert_int_equal(info.pm_timer_port, 0x608);
    assert_true(info.pm_timer_32bit && info.reset_supported && info.reset_is_io);
    assert_int_equal(info.reset_address, 0xcf9);
    assert_int_equal(info.reset_value, 15);
    f.reset_reg.address = 0x10cf9; /* no such port */
    assert_true(acpi_fadt_parse(&f.header, &info));
    assert_false(info.reset_supported);
    f.x_pm_tmr_blk = (struct acpi_address){.space = ACPI_SPACE_IO, .address = 0xb008};
    assert_true(acpi_fadt_parse(&f.header, &info));
    assert_int_equal(info.pm_timer_port, 0xb008);
}

static void fadt_of_acpi_1_has_no_reset_register(void **state)
{
    struct acpi_fadt_info info;
    struct acpi_header *h = malloc(ACPI_FADT_LENGTH_MIN); /* ASan watches its end */

    (void)state;
    memset(h, 0xff, ACPI_FADT_LENGTH_MIN);
    h->length = ACPI_FADT_LENGTH_MIN;
    assert_true(acpi_fadt_parse(h, &info));
    assert_false(info.reset_supported);
    h->length--;
    assert_false(acpi_fadt_parse(h, &info));
    free(h);
}

static void mcfg_gives_its_sound_ranges(void **state)
{
    struct {
        struct acpi_mcfg mcfg;
        struct acpi_mcfg_entry entries[3];
        uint8_t tail[7];
    } t = {.entries = {{.base = 0xb0000000, .end_bus = 255},
                       {.base = 0xc0000000, .segment = 1, .start_bus = 9, .end_bus = 8},
                       {.base = 0x100000000, .segment = 2, .start_bus = 4, .end_bus = 7}}};
    struct acpi_mcfg_info info;

    (void)state;
    t.mcfg.header.length = offsetof(typeof(t), tail) + sizeof(t.tail);
    assert_true(acpi_mcfg_parse(&t.mcfg.header, &info));
    assert_int_equal(info.count, 2);
    assert_int_equal(info.ranges[0].base, 0xb0000000u);
    assert_int_equal(info.ranges[0].end_bus, 255);
    assert_int_equal(info.ranges[1].segment, 2);
    assert_int_equal(info.ranges[1].start_bus, 4);
}

static void hpet_outside_memory_is_refused(void **state)
{
    struct acpi_hpet h = {.base_address = {.address = 0xfed00000}, .minimum_clock_tick = 0x80};
    struct acpi_hpet_info info;

    (void)state;
    h.header.length = sizeof(h);
    assert_true(acpi_hpet_parse(&h.header, &info));
    assert_int_equal(info.address, 0xfed00000u);
    assert_int_equal(info.minimum_tick, 0x80);
    h.base_address.space = ACPI_SPACE_IO;
    assert_false(acpi_hpet_parse(&h.header, &info));
    h.base_address.space = ACPI_SPACE_MEMORY;
    h.header.length--;
    assert_false(acpi_hpet_parse(&h.header, &info));
}

static void srat_gives_domains_of_processors_and_memory(void **state)
{
    static struct acpi_srat_info info;
    struct {
        struct acpi_srat srat;
        struct acpi_srat_local_apic_entry apic[2];
        struct acpi_srat_local_x2apic_entry x2apic;
        struct acpi_srat_memory_entry memory[3];
    } __attribute__((packed, aligned(4)))
    t = {.apic = {{.head = {0, 16},
                   .apic_id = 3,
                   .flags = 1,
                   .proximity_domain_low = 7,
                   .proximity_domain_high = {1, 2, 3}},
                  {.head = {0, 16}, .apic_id = 4}},
         .x2apic = {.head = {2, 24}, .x2apic_id = 300, .proximity_domain = 9, .flags = 1},
         .memory = {{.head = {1, 40}, .base = 1u << 20, .length = 1u << 30, .flags = 1},
                    {.head = {1, 40}, .base = UINT64_MAX, .length = 2, .flags = 1},
                    {.head = {1, 40},
                     .base = 1ull << 40,
                     .length = 4096,
                     .proximity_domain = 5,
                     .flags = 3}}};

    (void)state;
    t.srat.header.length = sizeof(t);
    assert_true(acpi_srat_parse(&t.srat.header, &info));
    assert_int_equal(info.processor_count, 2);
    assert_int_equal(info.processors[0].domain, 0x03020107);
    assert_int_equal(info.processors[1].apic_id, 300);
    assert_int_equal(info.processors[1].domain, 9);
    assert_int_equal(info.memory_count, 2);
    assert_false(info.memory[0].hot_plug);
    assert_true(info.memory[1].hot_plug);
    assert_int_equal(info.memory[1].domain, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_make, memory_drop)
    const struct CMUnitTest tests[] = {
        TEST(tables_are_found_by_signature_and_index),
        TEST(rsdp_that_is_absent_or_broken_gives_no_tables),
        TEST(rsdp_of_acpi_1_leads_to_the_rsdt),
        TEST(broken_xsdt_falls_back_to_the_rsdt),
        TEST(table_with_a_wrong_checksum_is_as_if_absent),
        TEST(table_of_impossible_length_is_as_if_absent),
        TEST(madt_gives_processors_ioapics_and_overrides),
        TEST(madt_of_every_shorter_length_is_read_within_its_bounds),
        TEST(more_processors_than_the_table_holds_are_left_out),
        TEST(fadt_gives_timer_and_reset_register),
        TEST(fadt_of_acpi_1_has_no_reset_register),
        TEST(mcfg_gives_its_sound_ranges),
        TEST(hpet_outside_memory_is_refused),
        TEST(srat_gives_domains_of_processors_and_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
