/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmwp_multiboot.c - Multiboot images that are made here, flat and ELF32, sound and
 * not: what a child's memory and its VP 0 have then. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vmwp/boot/e820.h"
#include "vmwp/boot/multiboot.h"
#include "vmwp/boot/multiboot_abi.h"
#include "vmwp_fixture.h"

#define MIB        (1ull << 20)
#define RAM_BYTES  (8 * MIB)
#define IMAGE_SIZE 0x3000u
#define BASE       0x400000u

static struct {
    struct guest_ram ram;
    uint8_t image[IMAGE_SIZE];
    struct multiboot_boot boot;
    struct boot_registers registers;
    struct boot_error error;
} t;

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    t.ram = ram_make(RAM_BYTES);
    for (size_t i = 0; i < IMAGE_SIZE; i++)
        t.image[i] = (uint8_t)(i * 5 + (i >> 8));
    t.boot = (struct multiboot_boot){
        .image = {t.image, IMAGE_SIZE}, .name = "test.flat", .command_line = "one two"};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ram_free(&t.ram);
    return 0;
}

static void header_put(uint32_t offset, struct multiboot_header h)
{
    h.magic = 0x1badb002;
    h.checksum = 0u - (h.magic + h.flags);
    memcpy(t.image + offset, &h, sizeof(h));
}

/* A flat image: its header is at 0x1000 of the file, which is loaded from 0x800 on. */
static struct multiboot_header flat_header(void)
{
    return (struct multiboot_header){.flags = 1u << 16,
                                     .header_addr = BASE + 0x800,
                                     .load_addr = BASE,
                                     .load_end_addr = BASE + 0x2000,
                                     .bss_end_addr = BASE + 0x5000,
                                     .entry_addr = BASE + 0x40};
}

static void flat_put(struct multiboot_header h)
{
    header_put(0x1000, h);
}

/* Two segments: 0x1000 bytes of the file at BASE, and 0x800 with 0x1800 of zeros at BASE + 0x4000.
 */
static void elf_put(void)
{
    const struct elf32_header h = {
        .ident = {0x7f, 'E', 'L', 'F', 1, 1, 1},
        .type = 2,
        .machine = 3,
        .version = 1,
        .entry = BASE + 0x123,
        .programs = 0x40,
        .header_size = sizeof(h),
        .program_size = sizeof(struct elf32_program),
        .program_count = 3,
    };
    const struct elf32_program p[] = {
        {1, 0x1000, 0xc0000000, BASE, 0x1000, 0x1000, 5, 4096},
        {4, 0, 0, 0, 0xffffffff, 0xffffffff, 0, 0}, /* a note is none of ours */
        {1, 0x2000, 0xc0004000, BASE + 0x4000, 0x800, 0x2000, 6, 4096},
    };

    memcpy(t.image, &h, sizeof(h));
    memcpy(t.image + h.programs, p, sizeof(p));
    header_put(0x200, (struct multiboot_header){.flags = 3});
}

static void elf_program_put(uint32_t index, struct elf32_program p)
{
    memcpy(t.image + 0x40 + index * sizeof(p), &p, sizeof(p));
}

static void load(void)
{
    if (!multiboot_load(&t.ram, &t.boot, &t.registers, &t.error))
        fail_msg("refused: %s", t.error.text);
}

static void assert_refused(const char *why)
{
    assert_false(multiboot_load(&t.ram, &t.boot, &t.registers, &t.error));
    assert_string_equal(t.error.text, why);
}

static void assert_zeros(uint64_t gpa, uint64_t size)
{
    const uint8_t *bytes = ram_at(&t.ram, gpa, size);

    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], 0);
}

static const struct multiboot_info *info(void)
{
    return ram_at(&t.ram, reg64_of(&t.registers, HvX64RegisterRbx), sizeof(struct multiboot_info));
}

/* ---- images that start ---- */

static void flat_image_is_where_its_header_says(void **state)
{
    (void)state;
    flat_put(flat_header());
    memset(ram_at(&t.ram, BASE, 0x6000), 0x55, 0x6000);
    load();
    assert_memory_equal(ram_at(&t.ram, BASE, 0x2000), t.image + 0x800, 0x2000);
    assert_zeros(BASE + 0x2000, 0x3000);
    assert_int_equal(ram_u32(&t.ram, BASE + 0x5000), 0x55555555);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterRip), BASE + 0x40);
}

static void flat_image_without_ends_is_the_rest_of_the_file(void **state)
{
    struct multiboot_header h = flat_header();

    (void)state;
    h.load_end_addr = 0;
    h.bss_end_addr = 0;
    flat_put(h);
    load();
    assert_memory_equal(ram_at(&t.ram, BASE, 0x2800), t.image + 0x800, 0x2800);
    assert_zeros(BASE + 0x2800, 0x1000);
}

static void elf_segments_are_at_their_physical_addresses(void **state)
{
    (void)state;
    elf_put();
    memset(ram_at(&t.ram, BASE, 0x8000), 0x55, 0x8000);
    load();
    assert_memory_equal(ram_at(&t.ram, BASE, 0x1000), t.image + 0x1000, 0x1000);
    assert_int_equal(ram_u32(&t.ram, BASE + 0x1000), 0x55555555);
    assert_memory_equal(ram_at(&t.ram, BASE + 0x4000, 0x800), t.image + 0x2000, 0x800);
    assert_zeros(BASE + 0x4800, 0x1800);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterRip), BASE + 0x123);
}

/* The specification: "the boot loader should use them instead". */
static void addresses_of_the_header_count_more_than_elf(void **state)
{
    struct multiboot_header h = flat_header();

    (void)state;
    elf_put();
    memset(t.image + 0x200, 0, sizeof(h));
    flat_put(h);
    load();
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterRip), BASE + 0x40);
}

static void vp_starts_in_32_bit_mode_without_paging(void **state)
{
    (void)state;
    elf_put();
    load();
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterRax), 0x2badb002);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterCr0) & 0x80000001, 1);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterCr4), 0);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterEfer), 0);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterRflags), 2);
    assert_flat_segments(&t.ram, &t.registers, false);
}

/* ---- what the image is told ---- */

static void command_line_begins_with_the_images_name(void **state)
{
    (void)state;
    elf_put();
    load();
    assert_true(info()->flags & 1u << 2);
    assert_string_equal(ram_text(&t.ram, info()->cmdline), "test.flat one two");
    t.boot.command_line = "";
    load();
    assert_string_equal(ram_text(&t.ram, info()->cmdline), "test.flat");
}

static void loader_has_a_name(void **state)
{
    (void)state;
    elf_put();
    load();
    assert_true(info()->flags & 1u << 9);
    assert_string_equal(ram_text(&t.ram, info()->boot_loader_name), "Verdigris");
}

static void sizes_of_memory_end_at_the_first_hole(void **state)
{
    (void)state;
    elf_put();
    load();
    assert_true(info()->flags & 1u << 0);
    assert_int_equal(info()->mem_lower, 640);
    assert_int_equal(info()->mem_upper, 7 * 1024);
    ram_free(&t.ram);
    t.ram = ram_make(5120 * MIB);
    load();
    assert_int_equal(info()->mem_upper, 3071 * 1024);
}

static void map_of_memory_is_that_of_e820(void **state)
{
    struct e820_map map;
    uint32_t at;

    (void)state;
    ram_free(&t.ram);
    t.ram = ram_make(5120 * MIB);
    elf_put();
    load();
    e820_build(&map, &t.ram);
    assert_true(info()->flags & 1u << 6);
    at = info()->mmap_addr;
    for (uint32_t i = 0; i < map.count; i++, at += 24) {
        assert_int_equal(ram_u32(&t.ram, at), 20);
        assert_int_equal(ram_u64(&t.ram, at + 4), map.entries[i].address);
        assert_int_equal(ram_u64(&t.ram, at + 12), map.entries[i].size);
        assert_int_equal(ram_u32(&t.ram, at + 20), map.entries[i].type);
    }
    assert_int_equal(at, info()->mmap_addr + info()->mmap_length);
}

static const uint8_t module_bytes[5000] = {1, 2, 3};

static void module_add(const char *text, uint64_t size)
{
    t.boot.modules[t.boot.module_count++] = (struct multiboot_module){{module_bytes, size}, text};
}

static struct multiboot_mod module_of(uint32_t index)
{
    struct multiboot_mod mod;

    assert_true(index < info()->mods_count);
    memcpy(&mod, ram_at(&t.ram, info()->mods_addr + index * sizeof(mod), sizeof(mod)), sizeof(mod));
    return mod;
}

static void modules_are_in_pages_behind_the_image(void **state)
{
    struct multiboot_mod first, second, third;

    (void)state;
    elf_put();
    module_add("env NR_CPUS=1", 5000);
    module_add("empty", 0);
    module_add("last", 1);
    load();
    assert_true(info()->flags & 1u << 3);
    assert_int_equal(info()->mods_count, 3);
    first = module_of(0);
    second = module_of(1);
    third = module_of(2);
    assert_int_equal(first.mod_start, BASE + 0x6000);
    assert_int_equal(first.mod_end, BASE + 0x6000 + 5000);
    assert_memory_equal(ram_at(&t.ram, first.mod_start, 5000), module_bytes, 5000);
    assert_string_equal(ram_text(&t.ram, first.string), "env NR_CPUS=1");
    assert_int_equal(second.mod_start, BASE + 0x8000);
    assert_int_equal(second.mod_end, BASE + 0x8000);
    assert_string_equal(ram_text(&t.ram, second.string), "empty");
    assert_int_equal(third.mod_start, BASE + 0x8000);
    assert_string_equal(ram_text(&t.ram, third.string), "last");
}

static void without_modules_there_are_none(void **state)
{
    (void)state;
    elf_put();
    load();
    assert_int_equal(info()->mods_count, 0);
}

/* ---- what is refused ---- */

static void header_is_looked_for_in_8_kib(void **state)
{
    struct multiboot_header h = flat_header();

    (void)state;
    h.header_addr = h.load_addr;
    h.load_end_addr = 0;
    header_put(8192 - 12, h);
    load();
    memset(t.image + 8192 - 12, 0, sizeof(h));
    header_put(8192 - 8, h);
    assert_refused("is not a Multiboot 1 image: its first 8 KiB have no header");
    memset(t.image + 8192 - 8, 0, sizeof(h));
    header_put(4094, h); /* not aligned */
    assert_refused("is not a Multiboot 1 image: its first 8 KiB have no header");
}

static void wrong_checksum_is_no_header(void **state)
{
    (void)state;
    flat_put(flat_header());
    t.image[0x1008]++;
    assert_refused("is not a Multiboot 1 image: its first 8 KiB have no header");
}

static void what_the_image_must_not_ask_for_is_refused(void **state)
{
    struct multiboot_header h = flat_header();

    (void)state;
    h.flags |= 1u << 2;
    flat_put(h);
    assert_refused("asks for a graphics mode, and a child has no graphics");
    h.flags ^= 1u << 2 | 1u << 3;
    flat_put(h);
    assert_refused("asks for what its loader does not know: header flags 0x8");
    h.flags ^= 1u << 3 | 1u << 17; /* the upper half may be ignored */
    flat_put(h);
    load();
}

static void images_of_every_length_are_taken_or_refused(void **state)
{
    (void)state;
    flat_put(flat_header());
    for (uint64_t size = 0; size <= 0x2800; size++) {
        uint8_t *exact = malloc(size != 0 ? size : 1);
        memcpy(exact, t.image, size);
        t.boot.image = (struct boot_file){size != 0 ? exact : NULL, size};
        assert_int_equal(multiboot_load(&t.ram, &t.boot, &t.registers, &t.error), size == 0x2800);
        free(exact);
    }
    t.boot.image = (struct boot_file){t.image, 0x27ff};
    assert_refused("is cut short: by its header's addresses there is more of it");
}

static void elf_files_of_every_length_are_taken_or_refused(void **state)
{
    (void)state;
    elf_put();
    for (uint64_t size = 0; size <= 0x2800; size++) {
        uint8_t *exact = malloc(size != 0 ? size : 1);
        memcpy(exact, t.image, size);
        t.boot.image = (struct boot_file){size != 0 ? exact : NULL, size};
        assert_int_equal(multiboot_load(&t.ram, &t.boot, &t.registers, &t.error), size == 0x2800);
        free(exact);
    }
}

static void flat_addresses_that_contradict_each_other_are_refused(void **state)
{
    struct multiboot_header h = flat_header();

    (void)state;
    h.load_addr = h.header_addr + 4;
    flat_put(h);
    assert_refused("begins, by its header's addresses, before the file does");
    h = flat_header();
    h.header_addr = h.load_addr + 0x1004;
    flat_put(h);
    assert_refused("begins, by its header's addresses, before the file does");
    h = flat_header();
    h.load_end_addr = h.load_addr - 1;
    flat_put(h);
    assert_refused("is cut short: by its header's addresses there is more of it");
    h = flat_header();
    h.bss_end_addr = h.load_addr + 0x1fff;
    flat_put(h);
    assert_refused("ends, by its header's addresses, before its data do");
}

static void images_outside_of_memory_are_refused(void **state)
{
    struct multiboot_header h = flat_header();

    (void)state;
    h.bss_end_addr = (uint32_t)RAM_BYTES + 1;
    flat_put(h);
    assert_refused(
        "wants to be at 0x400000 to 0x800001, and the child's memory for it is 0x100000 to "
        "0x800000");
    h = (struct multiboot_header){.flags = 1u << 16,
                                  .header_addr = 0xff000 + 0x800,
                                  .load_addr = 0xff000,
                                  .entry_addr = 0xff000};
    flat_put(h);
    assert_refused(
        "wants to be at 0xff000 to 0x101800, and the child's memory for it is 0x100000 to "
        "0x800000");
    h.load_addr = 0xfffff000;
    h.header_addr = h.load_addr + 0x800;
    flat_put(h);
    assert_false(multiboot_load(&t.ram, &t.boot, &t.registers, &t.error));
}

/* Memory above 4 GiB is none that an image of 32 bits can be in. */
static void image_does_not_reach_over_the_hole(void **state)
{
    struct multiboot_header h = flat_header();

    (void)state;
    ram_free(&t.ram);
    t.ram = ram_make(5120 * MIB);
    h.bss_end_addr = 0xffffffff;
    flat_put(h);
    assert_false(multiboot_load(&t.ram, &t.boot, &t.registers, &t.error));
    h.bss_end_addr = 0xc0000000;
    flat_put(h);
    load();
}

static void entry_point_outside_of_the_image_is_refused(void **state)
{
    struct multiboot_header h = flat_header();

    (void)state;
    h.entry_addr = 0x1234;
    flat_put(h);
    assert_refused("has its entry point at 0x1234, outside of the image");
    h.entry_addr = h.bss_end_addr;
    flat_put(h);
    assert_refused("has its entry point at 0x405000, outside of the image");
}

static void elf_of_64_bits_is_refused_with_a_way_out(void **state)
{
    (void)state;
    elf_put();
    t.image[4] = 2;
    assert_refused("is an ELF64 file: make it one for 32 bits, by objcopy -O elf32-i386");
    t.image[4] = 1;
    t.image[18] = 40;
    assert_refused("is not an ELF executable for the i386");
}

static void file_without_addresses_is_refused(void **state)
{
    (void)state;
    header_put(0x200, (struct multiboot_header){.flags = 0});
    assert_refused("is neither an ELF file nor has its header any addresses");
}

static void elf_segments_outside_of_the_file_are_refused(void **state)
{
    (void)state;
    elf_put();
    elf_program_put(0, (struct elf32_program){1, 0x2001, 0, BASE, 0x1000, 0x1000, 5, 0});
    assert_refused("is cut short, or no ELF file: a segment is not in it");
    elf_program_put(0, (struct elf32_program){1, 0xfffffff0, 0, BASE, 0x20, 0x20, 5, 0});
    assert_refused("is cut short, or no ELF file: a segment is not in it");
    elf_program_put(0, (struct elf32_program){1, 0, 0, BASE, 0x20, 0x1f, 5, 0});
    assert_refused("is cut short, or no ELF file: a segment is not in it");
    elf_program_put(0, (struct elf32_program){1, 0, 0, 0xfffff000, 0, 0x2000, 5, 0});
    assert_false(multiboot_load(&t.ram, &t.boot, &t.registers, &t.error));
}

static void program_headers_outside_of_the_file_are_refused(void **state)
{
    const char *const why = "is cut short, or no ELF file: its program headers are not in it";
    uint16_t size = 31;
    uint32_t offset = 0xffffffff;

    (void)state;
    elf_put();
    memcpy(t.image + 42, &size, sizeof(size));
    assert_refused(why);
    elf_put();
    memcpy(t.image + 28, &offset, sizeof(offset));
    assert_refused(why);
    elf_put();
    memset(t.image + 42, 0xff, 4);
    assert_refused(why);
}

static void modules_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    elf_put();
    module_add("huge", 1ull << 32);
    assert_refused("leaves no room for the module \"huge\": give the child more memory");
    t.boot.modules[0].file.size = UINT64_MAX;
    assert_refused("leaves no room for the module \"huge\": give the child more memory");
    t.boot.module_count = MULTIBOOT_MODULES_MAX + 1;
    assert_refused("has more than 16 modules");
}

static void texts_that_do_not_fit_are_refused(void **state)
{
    static char text[BOOT_COMMAND_LINE_MAX];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    elf_put();
    t.boot.command_line = text;
    assert_refused("takes a command line of 65536 characters, and this one has 65535");
    t.boot.command_line = "";
    module_add(text, 1);
    assert_refused("has more text on its modules than fits");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flat_image_is_where_its_header_says),
        TEST(flat_image_without_ends_is_the_rest_of_the_file),
        TEST(elf_segments_are_at_their_physical_addresses),
        TEST(addresses_of_the_header_count_more_than_elf),
        TEST(vp_starts_in_32_bit_mode_without_paging),
        TEST(command_line_begins_with_the_images_name),
        TEST(loader_has_a_name),
        TEST(sizes_of_memory_end_at_the_first_hole),
        TEST(map_of_memory_is_that_of_e820),
        TEST(modules_are_in_pages_behind_the_image),
        TEST(without_modules_there_are_none),
        TEST(header_is_looked_for_in_8_kib),
        TEST(wrong_checksum_is_no_header),
        TEST(what_the_image_must_not_ask_for_is_refused),
        TEST(images_of_every_length_are_taken_or_refused),
        TEST(elf_files_of_every_length_are_taken_or_refused),
        TEST(flat_addresses_that_contradict_each_other_are_refused),
        TEST(images_outside_of_memory_are_refused),
        TEST(image_does_not_reach_over_the_hole),
        TEST(entry_point_outside_of_the_image_is_refused),
        TEST(elf_of_64_bits_is_refused_with_a_way_out),
        TEST(file_without_addresses_is_refused),
        TEST(elf_segments_outside_of_the_file_are_refused),
        TEST(program_headers_outside_of_the_file_are_refused),
        TEST(modules_that_do_not_fit_are_refused),
        TEST(texts_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
