/* SPDX-License-Identifier: MIT */
/* test_gva.c - a guest's own page tables, walked as its processor would, in every paging mode; and
 * the bytes of its instructions. */
#include "fakes/test.h"

#include <x86/cr.h>
#include <x86/pte.h>
#include "emul/gva.h"
#include "fakes/hv_machine.h"

enum { TOP = 0x2000, MIDDLE = 0x3000, LOW = 0x4000, LEAF = 0x5000, PAGE = 0x6000, NEXT = 0x8000 };
#define RIGHTS (PTE_P | PTE_RW | PTE_US)

static struct partition *child;
static struct vp *vp;
static struct fake_vp *f;

static int setup(void **state)
{
    (void)state;
    machine_init(1);
    child = machine_child(1, 16);
    vp = partition_vp(child, 0);
    f = fake_of(vp);
    return 0;
}

static void put(uint64_t table, unsigned index, uint64_t entry, unsigned size)
{
    memcpy((uint8_t *)machine_ptr(machine_child_ram(child, table)) + index * size, &entry, size);
}

/* The address whose indices are @a, @b, @c, @d, as 4-level paging cuts it up. */
static uint64_t address(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t va = a << 39 | b << 30 | c << 21 | d << 12;

    return a & 0x100 ? va | 0xffff000000000000 : va;
}

static void long_mode(uint64_t rights)
{
    f->cr0 |= CR0_PG | CR0_WP;
    f->cr4 |= CR4_PAE;
    f->efer |= EFER_LME | EFER_LMA | EFER_NXE;
    f->cr3 = TOP | CR3_PWT;
    put(TOP, 0x101, MIDDLE | RIGHTS, 8);
    put(MIDDLE, 2, LOW | RIGHTS, 8);
    put(LOW, 3, LEAF | RIGHTS, 8);
    put(LEAF, 4, PAGE | rights, 8);
}

static enum gva_result walk(uint64_t va, unsigned access)
{
    gpa_t at;

    return gva_translate(vp, va, access, &at);
}

static uint64_t found(uint64_t va)
{
    gpa_t at = gpa(0);

    assert_int_equal(gva_translate(vp, va, 0, &at), GVA_OK);
    return at.v;
}

static void without_paging_addresses_are_physical(void **state)
{
    (void)state;
    assert_int_equal(found(0x1234), 0x1234);
}

static void four_levels_lead_to_the_page(void **state)
{
    (void)state;
    long_mode(RIGHTS);
    assert_int_equal(found(address(0x101, 2, 3, 4) | 0xabc), PAGE | 0xabc);
    assert_int_equal(walk(address(0x101, 2, 3, 5), 0), GVA_NOT_PRESENT);
    assert_int_equal(walk(address(0x102, 2, 3, 4), 0), GVA_NOT_PRESENT);
}

static void five_levels_lead_to_the_page(void **state)
{
    (void)state;
    long_mode(RIGHTS);
    f->cr4 |= CR4_LA57;
    f->cr3 = NEXT;
    put(NEXT, 1, TOP | RIGHTS, 8);
    put(TOP, 1, MIDDLE | RIGHTS, 8);
    assert_int_equal(found(1ull << 48 | address(1, 2, 3, 4)), PAGE);
}

static void address_that_is_not_canonical_is_not_present(void **state)
{
    (void)state;
    long_mode(RIGHTS);
    assert_int_equal(walk(address(0x101, 2, 3, 4) & 0x0000ffffffffffff, 0), GVA_NOT_PRESENT);
    assert_int_equal(walk(address(0x101, 2, 3, 4) ^ 1ull << 60, 0), GVA_NOT_PRESENT);
    put(TOP, 1, MIDDLE | RIGHTS, 8);
    assert_int_equal(walk(address(1, 2, 3, 4), 0), GVA_OK);
    assert_int_equal(walk(address(1, 2, 3, 4) | 1ull << 48, 0), GVA_NOT_PRESENT);
}

static void large_pages_keep_the_rest_of_the_address(void **state)
{
    (void)state;
    long_mode(RIGHTS);
    put(LOW, 6, 0x7fe00000 | PTE_PS | RIGHTS, 8);
    assert_int_equal(found(address(0x101, 2, 6, 5) | 0x123), 0x7fe05123);
    put(MIDDLE, 7, 0x9c0000000 | PTE_PS | RIGHTS, 8);
    assert_int_equal(found(address(0x101, 7, 6, 5) | 0x123), 0x9c0c05123);
}

static void rights_are_those_of_all_levels(void **state)
{
    const uint64_t va = address(0x101, 2, 3, 4);

    (void)state;
    long_mode(RIGHTS);
    assert_int_equal(walk(va, GVA_WRITE | GVA_USER), GVA_OK);
    put(MIDDLE, 2, LOW | PTE_P | PTE_US, 8);
    assert_int_equal(walk(va, GVA_USER), GVA_OK);
    assert_int_equal(walk(va, GVA_WRITE | GVA_USER), GVA_PROTECTION);
    put(MIDDLE, 2, LOW | PTE_P | PTE_RW, 8);
    assert_int_equal(walk(va, GVA_USER), GVA_PROTECTION);
    assert_int_equal(walk(va, GVA_WRITE), GVA_OK);
    put(MIDDLE, 2, LOW | RIGHTS | PTE_NX, 8);
    assert_int_equal(walk(va, GVA_FETCH), GVA_PROTECTION);
    assert_int_equal(walk(va, 0), GVA_OK);
}

static void supervisor_writes_to_read_only_pages_without_wp(void **state)
{
    const uint64_t va = address(0x101, 2, 3, 4);

    (void)state;
    long_mode(PTE_P | PTE_US);
    assert_int_equal(walk(va, GVA_WRITE), GVA_PROTECTION);
    f->cr0 &= ~CR0_WP;
    assert_int_equal(walk(va, GVA_WRITE), GVA_OK);
    assert_int_equal(walk(va, GVA_WRITE | GVA_USER), GVA_PROTECTION);
}

static void smep_and_smap_keep_the_supervisor_off_user_pages(void **state)
{
    const uint64_t va = address(0x101, 2, 3, 4);

    (void)state;
    long_mode(RIGHTS);
    assert_int_equal(walk(va, GVA_FETCH), GVA_OK);
    f->cr4 |= CR4_SMEP | CR4_SMAP;
    assert_int_equal(walk(va, GVA_FETCH), GVA_PROTECTION);
    assert_int_equal(walk(va, GVA_FETCH | GVA_USER), GVA_OK);
    assert_int_equal(walk(va, 0), GVA_PROTECTION);
    vp->rflags |= RFLAGS_AC;
    assert_int_equal(walk(va, 0), GVA_OK);
    vp->rflags &= ~RFLAGS_AC;
}

/* What comes of @entry, and of it without @bit. */
static void bit_is_reserved(uint64_t table, unsigned index, uint64_t entry, uint64_t bit,
                            unsigned size, uint64_t va)
{
    put(table, index, entry & ~bit, size);
    assert_int_not_equal(walk(va, 0), GVA_RESERVED_BIT);
    put(table, index, entry | bit, size);
    assert_int_equal(walk(va, 0), GVA_RESERVED_BIT);
    put(table, index, entry & ~bit, size);
}

static void reserved_bits_are_told_in_long_mode(void **state)
{
    const uint64_t va = address(0x101, 2, 3, 4);

    (void)state;
    long_mode(RIGHTS);
    put(LEAF, 4, PAGE | RIGHTS | 0x7ffull << 52, 8); /* available to software */
    assert_int_equal(walk(va, 0), GVA_OK);
    bit_is_reserved(TOP, 0x101, MIDDLE | RIGHTS, PTE_PS, 8, va);
    bit_is_reserved(LEAF, 4, PAGE | RIGHTS, 1ull << 51, 8, va); /* no such physical address */
    f->efer &= ~(uint64_t)EFER_NXE;
    bit_is_reserved(LEAF, 4, PAGE | RIGHTS, PTE_NX, 8, va);
    bit_is_reserved(LOW, 3, PTE_PS | PTE_PAT_LARGE | RIGHTS, 1ull << 20, 8, va);
    bit_is_reserved(LOW, 3, PTE_PS | PTE_PAT_LARGE | RIGHTS, 1ull << 13, 8, va);
    bit_is_reserved(MIDDLE, 2, PTE_PS | RIGHTS, 1ull << 29, 8, va);
}

static void reserved_bits_are_told_in_the_other_modes(void **state)
{
    (void)state;
    f->cr0 |= CR0_PG;
    f->cr4 |= CR4_PAE;
    f->efer = 0;
    f->cr3 = TOP;
    put(MIDDLE, 3, LEAF | RIGHTS, 8);
    put(LEAF, 4, PAGE | RIGHTS, 8);
    bit_is_reserved(TOP, 0, MIDDLE | PTE_P, PTE_RW, 8, 3u << 21 | 4u << 12);
    bit_is_reserved(LEAF, 4, PAGE | RIGHTS, 1ull << 52, 8, 3u << 21 | 4u << 12);
    f->cr4 = CR4_PSE;
    bit_is_reserved(TOP, 0, 0x400000 | PTE_PS | RIGHTS, 1u << 21, 4, 4u << 12);
}

static void tables_where_the_guest_has_no_memory_are_told(void **state)
{
    (void)state;
    long_mode(RIGHTS);
    put(LOW, 3, 0x70000000 | RIGHTS, 8);
    assert_int_equal(walk(address(0x101, 2, 3, 4), 0), GVA_TABLE_UNMAPPED);
    f->cr3 = 0xffffffffff000;
    assert_int_equal(walk(address(0x101, 2, 3, 4), 0), GVA_TABLE_UNMAPPED);
}

static void pae_has_three_levels(void **state)
{
    (void)state;
    f->cr0 |= CR0_PG;
    f->cr4 |= CR4_PAE;
    f->efer = 0;
    f->cr3 = TOP | 0x20;
    put(TOP + 0x20, 2, MIDDLE | PTE_P, 8); /* no rights here, and none are asked for */
    put(MIDDLE, 3, LEAF | RIGHTS, 8);
    put(LEAF, 4, PAGE | RIGHTS, 8);
    assert_int_equal(found(2u << 30 | 3 << 21 | 4 << 12 | 5), PAGE | 5);
    assert_int_equal(walk(2u << 30 | 3 << 21 | 4 << 12, GVA_WRITE | GVA_USER), GVA_OK);
    put(MIDDLE, 5, 0x40000000 | PTE_PS | RIGHTS, 8);
    assert_int_equal(found(2u << 30 | 5 << 21 | 0x1fffff), 0x401fffff);
    assert_int_equal(walk(0x700000000 | 2u << 30 | 3 << 21 | 4 << 12, 0), GVA_NOT_PRESENT);
}

static void legacy_has_two_levels_and_4_mib_pages(void **state)
{
    (void)state;
    f->cr0 |= CR0_PG;
    f->cr4 = 0;
    f->efer = 0;
    f->cr3 = TOP;
    put(TOP, 0x3ff, LEAF | RIGHTS, 4);
    put(LEAF, 0x3fe, PAGE | RIGHTS, 4);
    assert_int_equal(found(0xffffe123), PAGE | 0x123);
    put(TOP, 1, 0x40000000 | 0x3 << 13 | PTE_PS | RIGHTS, 4); /* PSE-36: bits 33:32 */
    f->cr4 = CR4_PSE;
    assert_int_equal(found(0x00712345), 0x340312345);
    f->cr4 = 0; /* without PSE it points to a table, where no memory is */
    assert_int_equal(walk(0x00712345, 0), GVA_TABLE_UNMAPPED);
}

static void fetch_ends_where_the_next_page_is_missing(void **state)
{
    uint8_t bytes[X86_INSN_MAX];
    uint64_t va = address(0x101, 2, 3, 4);

    (void)state;
    long_mode(RIGHTS);
    memset(machine_ptr(machine_child_ram(child, PAGE)), 0x90, PAGE_SIZE);
    vp->rip = va + PAGE_SIZE - 5;
    assert_int_equal(gva_fetch(vp, bytes), 5);
    put(LEAF, 5, NEXT | RIGHTS, 8);
    memset(machine_ptr(machine_child_ram(child, NEXT)), 0xf4, PAGE_SIZE);
    assert_int_equal(gva_fetch(vp, bytes), X86_INSN_MAX);
    assert_int_equal(bytes[4], 0x90);
    assert_int_equal(bytes[5], 0xf4);
    vp->rip = va;
    put(LEAF, 4, PAGE | RIGHTS | PTE_NX, 8);
    assert_int_equal(gva_fetch(vp, bytes), 0);
}

/* The first byte that is fetched, twice, so that the second fetch may go the way of the first; or
 * -1: none. */
static int fetched_twice(void)
{
    uint8_t bytes[X86_INSN_MAX], again[X86_INSN_MAX];
    unsigned count = gva_fetch(vp, bytes);

    assert_int_equal(gva_fetch(vp, again), count);
    assert_memory_equal(bytes, again, count);
    return count != 0 ? bytes[0] : -1;
}

static void fetch_follows_whatever_its_way_depends_on(void **state)
{
    (void)state;
    long_mode(PTE_P | PTE_RW);
    memset(machine_ptr(machine_child_ram(child, PAGE)), 0xa1, PAGE_SIZE);
    memset(machine_ptr(machine_child_ram(child, NEXT)), 0xb2, PAGE_SIZE);
    vp->rip = address(0x101, 2, 3, 4) | 0x10;
    assert_int_equal(fetched_twice(), 0xa1);
    put(LEAF, 4, NEXT | PTE_P, 8); /* another page */
    assert_int_equal(fetched_twice(), 0xb2);
    put(LEAF, 4, NEXT | PTE_P | PTE_NX, 8); /* not to be executed */
    assert_int_equal(fetched_twice(), -1);
    put(LEAF, 4, PAGE | RIGHTS, 8);
    assert_int_equal(fetched_twice(), 0xa1);
    f->cr4 |= CR4_SMEP; /* a user page */
    assert_int_equal(fetched_twice(), -1);
    f->cr4 &= ~CR4_SMEP;
    assert_int_equal(fetched_twice(), 0xa1);
    put(MIDDLE, 2, LOW | PTE_RW, 8); /* a table on the way is gone */
    assert_int_equal(fetched_twice(), -1);
    put(MIDDLE, 2, LOW | RIGHTS, 8);
    *(uint8_t *)((uint8_t *)machine_ptr(machine_child_ram(child, PAGE)) + 0x10) = 0xc3; /* the code */
    assert_int_equal(fetched_twice(), 0xc3);
    f->cr3 = NEXT; /* other tables, which hold nothing */
    memset(machine_ptr(machine_child_ram(child, NEXT)), 0, PAGE_SIZE);
    assert_int_equal(fetched_twice(), -1);
}

static void fetch_uses_the_code_segment_outside_64_bit_mode(void **state)
{
    uint8_t bytes[X86_INSN_MAX];

    (void)state;
    f->efer = 0;
    f->segments[1].attributes = 0x9b;
    f->segments[1].base = 0xfffff000;
    vp->rip = PAGE + 0x1000;
    memset(machine_ptr(machine_child_ram(child, PAGE)), 0x42, PAGE_SIZE);
    assert_int_equal(gva_fetch(vp, bytes), X86_INSN_MAX);
    assert_int_equal(bytes[0], 0x42);
    assert_int_equal(gva_mode(vp), X86_MODE_16);
    f->segments[1].attributes = 0xc09b;
    assert_int_equal(gva_mode(vp), X86_MODE_32);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_paging_addresses_are_physical),
        TEST(four_levels_lead_to_the_page),
        TEST(five_levels_lead_to_the_page),
        TEST(address_that_is_not_canonical_is_not_present),
        TEST(large_pages_keep_the_rest_of_the_address),
        TEST(rights_are_those_of_all_levels),
        TEST(supervisor_writes_to_read_only_pages_without_wp),
        TEST(smep_and_smap_keep_the_supervisor_off_user_pages),
        TEST(reserved_bits_are_told_in_long_mode),
        TEST(reserved_bits_are_told_in_the_other_modes),
        TEST(tables_where_the_guest_has_no_memory_are_told),
        TEST(pae_has_three_levels),
        TEST(legacy_has_two_levels_and_4_mib_pages),
        TEST(fetch_ends_where_the_next_page_is_missing),
        TEST(fetch_follows_whatever_its_way_depends_on),
        TEST(fetch_uses_the_code_segment_outside_64_bit_mode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
