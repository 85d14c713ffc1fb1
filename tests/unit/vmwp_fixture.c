/* SPDX-License-Identifier: MIT */
/* tests/unit/vmwp_fixture.c - see vmwp_fixture.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "vmwp_fixture.h"

static uint8_t *map(uint64_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_true(at != MAP_FAILED);
    return at;
}

struct guest_ram ram_make(uint64_t bytes)
{
    struct guest_ram ram = {.low_bytes = bytes};

    if (bytes > GUEST_RAM_LOW_MAX) {
        ram.low_bytes = GUEST_RAM_LOW_MAX;
        ram.high_bytes = bytes - GUEST_RAM_LOW_MAX;
        ram.high = map(ram.high_bytes);
    }
    ram.low = map(ram.low_bytes);
    return ram;
}

void ram_free(struct guest_ram *ram)
{
    munmap(ram->low, ram->low_bytes);
    if (ram->high_bytes != 0)
        munmap(ram->high, ram->high_bytes);
}

const struct hv_register_value *register_of(const struct boot_registers *r, uint32_t name)
{
    const struct hv_register_value *found = NULL;

    assert_true(r->count <= BOOT_REGISTERS_MAX);
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->list[i].name != name)
            continue;
        assert_null(found);
        assert_int_equal(r->list[i].reserved0, 0);
        assert_int_equal(r->list[i].reserved1, 0);
        found = &r->list[i].value;
    }
    assert_non_null(found);
    return found;
}

uint64_t reg64_of(const struct boot_registers *r, uint32_t name)
{
    return register_of(r, name)->reg64;
}

/* A register is what loading its selector from the GDT would make of it. */
static void assert_loaded(const struct guest_ram *ram, const struct hv_x64_table_register *gdtr,
                          const struct hv_x64_segment_register *s)
{
    uint64_t d;

    assert_true(s->selector + 7u <= gdtr->limit);
    d = ram_u64(ram, gdtr->base + s->selector);
    assert_int_equal(s->base, 0);
    assert_int_equal(s->limit, UINT32_MAX);
    assert_int_equal(d & 0x000f00000000ffffull, 0x000f00000000ffffull);
    assert_int_equal(d & 0xff0000ffffff0000ull, 0);
    assert_int_equal(s->attributes & 0xff, d >> 40 & 0xff);
    assert_int_equal(s->attributes >> 12, d >> 52 & 0xf);
}

void assert_flat_segments(const struct guest_ram *ram, const struct boot_registers *r,
                          bool long_mode)
{
    static const uint32_t data[] = {HvX64RegisterDs, HvX64RegisterEs, HvX64RegisterFs,
                                    HvX64RegisterGs, HvX64RegisterSs};
    const struct hv_x64_table_register *gdtr = &register_of(r, HvX64RegisterGdtr)->table;
    const struct hv_x64_segment_register *cs = &register_of(r, HvX64RegisterCs)->segment;

    assert_int_equal(cs->attributes, long_mode ? 0xa09b : 0xc09b);
    assert_int_equal(cs->selector, 0x10);
    assert_loaded(ram, gdtr, cs);
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        const struct hv_x64_segment_register *s = &register_of(r, data[i])->segment;
        assert_int_equal(s->attributes, 0xc093);
        assert_int_equal(s->selector, 0x18);
        assert_loaded(ram, gdtr, s);
    }
}

uint16_t ram_u16(const struct guest_ram *ram, uint64_t gpa)
{
    uint16_t value;

    memcpy(&value, ram_at(ram, gpa, sizeof(value)), sizeof(value));
    return value;
}

uint32_t ram_u32(const struct guest_ram *ram, uint64_t gpa)
{
    uint32_t value;

    memcpy(&value, ram_at(ram, gpa, sizeof(value)), sizeof(value));
    return value;
}

uint64_t ram_u64(const struct guest_ram *ram, uint64_t gpa)
{
    uint64_t value;

    memcpy(&value, ram_at(ram, gpa, sizeof(value)), sizeof(value));
    return value;
}

const char *ram_text(const struct guest_ram *ram, uint64_t gpa)
{
    return ram_at(ram, gpa, 1);
}
