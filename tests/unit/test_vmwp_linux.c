/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmwp_linux.c - bzImages that are made here, sound and not: what a child's memory
 * and its VP 0 have then. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vmwp/boot/bzimage.h"
#include "vmwp/boot/linux.h"
#include "vmwp_fixture.h"

#define MIB        (1ull << 20)
#define RAM_BYTES  (64 * MIB)
#define SETUP_SIZE (4 * 512u)
#define CODE_SIZE  0x3210u
#define IMAGE_SIZE (SETUP_SIZE + CODE_SIZE)
#define LOAD       (16 * MIB)
#define INIT_SIZE  (8 * MIB)

static struct {
    struct guest_ram ram;
    uint8_t image[IMAGE_SIZE];
    struct setup_header *setup; /* in image */
    struct linux_boot boot;
    struct boot_registers registers;
    struct boot_error error;
} t;

/* A kernel that has all that is asked for, and code of which each byte tells its place. */
static void image_make(void)
{
    memset(t.image, 0xcc, SETUP_SIZE);
    for (size_t i = 0; i < CODE_SIZE; i++)
        t.image[SETUP_SIZE + i] = (uint8_t)(i * 7 + (i >> 8));
    t.setup = (struct setup_header *)(t.image + SETUP_HEADER_OFFSET);
    *t.setup = (struct setup_header){
        .setup_sects = 3,
        .syssize = CODE_SIZE / 16,
        .boot_flag = 0xaa55,
        .jump_opcode = 0xeb,
        .jump_offset = 0x6a, /* 0x26c: 8 bytes beyond what we know */
        .header = 0x53726448,
        .version = 0x020f,
        .loadflags = 0x81,
        .initrd_addr_max = 0x7fffffff,
        .kernel_alignment = 0x200000,
        .relocatable_kernel = 1,
        .xloadflags = 0x7f,
        .cmdline_size = 2047,
        .setup_data = 0x1234,
        .pref_address = LOAD,
        .init_size = INIT_SIZE,
    };
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    image_make();
    t.ram = ram_make(RAM_BYTES);
    t.boot = (struct linux_boot){.kernel = {t.image, IMAGE_SIZE}, .command_line = "console=ttyS0"};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ram_free(&t.ram);
    return 0;
}

static void resize(uint64_t bytes)
{
    ram_free(&t.ram);
    t.ram = ram_make(bytes);
}

static void load(void)
{
    if (!linux_load(&t.ram, &t.boot, &t.registers, &t.error))
        fail_msg("refused: %s", t.error.text);
}

static void assert_refused(const char *why)
{
    assert_false(linux_load(&t.ram, &t.boot, &t.registers, &t.error));
    assert_string_equal(t.error.text, why);
}

/* ---- kernels that start ---- */

static void code_is_where_the_kernel_prefers_it(void **state)
{
    (void)state;
    load();
    assert_memory_equal(ram_at(&t.ram, LOAD, CODE_SIZE), t.image + SETUP_SIZE, CODE_SIZE);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterRip), LOAD + 0x200);
}

static void number_of_setup_sectors_0_means_4(void **state)
{
    (void)state;
    t.setup->setup_sects = 0;
    t.setup->syssize = (CODE_SIZE - 512) / 16;
    load();
    assert_memory_equal(ram_at(&t.ram, LOAD, CODE_SIZE - 512), t.image + 5 * 512, CODE_SIZE - 512);
}

static void vp_starts_in_64_bit_mode_at_the_zero_page(void **state)
{
    (void)state;
    load();
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterCr0), 0x80010031);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterCr4), 0x20);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterEfer), 0x500);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterRflags), 0x2);
    assert_int_equal(reg64_of(&t.registers, HvX64RegisterRsi), BOOT_INFO_GPA);
    assert_flat_segments(&t.ram, &t.registers, true);
}

/* Translate as a processor does. */
static uint64_t translate(uint64_t address)
{
    uint64_t entry = reg64_of(&t.registers, HvX64RegisterCr3), shift = 39;

    for (;; shift -= 9) {
        entry = ram_u64(&t.ram, (entry & 0xffffffffff000) + (address >> shift) % 512 * 8);
        assert_int_equal(entry & 3, 3);
        if (shift == 12 || (entry & 1 << 7))
            return (entry & 0xffffffffff000) + address % (1ull << shift);
    }
}

static void first_4_gib_are_mapped_to_themselves(void **state)
{
    (void)state;
    load();
    for (uint64_t address = 0; address < 4096 * MIB; address += 2 * MIB + 12345)
        assert_int_equal(translate(address), address);
    assert_int_equal(translate(4096 * MIB - 1), 4096 * MIB - 1);
}

static void zero_page_has_the_kernels_header_and_ours(void **state)
{
    const uint64_t page = BOOT_INFO_GPA;

    (void)state;
    t.boot.rsdp_gpa = 0xe0000;
    memset(ram_at(&t.ram, page, 4096), 0x55, 4096);
    load();
    assert_int_equal(ram_u32(&t.ram, page + 0x202), 0x53726448);
    assert_int_equal(ram_u16(&t.ram, page + 0x206), 0x020f);
    assert_int_equal(ram_u16(&t.ram, page + 0x210), 0x01ff); /* loader, flags less the heap's */
    assert_int_equal(ram_u64(&t.ram, page + 0x70), 0xe0000);
    assert_int_equal(ram_u32(&t.ram, page + 0x1ec) >> 24, 0); /* the sentinel */
    assert_int_equal(ram_u64(&t.ram, page + 0x250), 0);       /* setup_data */
    assert_int_equal(ram_u32(&t.ram, page + 0x260), INIT_SIZE);
    assert_int_equal(ram_u32(&t.ram, page), 0);
}

/* A later kernel's header is longer than ours; up to where the next part of the zero page begins.
 */
static void unknown_end_of_the_header_is_copied(void **state)
{
    (void)state;
    load();
    assert_int_equal(ram_u64(&t.ram, BOOT_INFO_GPA + 0x264), 0xccccccccccccccccull);
    assert_int_equal(ram_u64(&t.ram, BOOT_INFO_GPA + 0x26c), 0);
    t.setup->jump_offset = 0xff;
    load();
    assert_int_equal(ram_u64(&t.ram, BOOT_INFO_GPA + 0x288), 0xccccccccccccccccull);
    assert_int_equal(ram_u64(&t.ram, BOOT_INFO_GPA + 0x290), 0);
}

static void zero_page_has_the_map_of_memory(void **state)
{
    struct e820_map map;

    (void)state;
    load();
    e820_build(&map, &t.ram);
    assert_int_equal(ram_u32(&t.ram, BOOT_INFO_GPA + 0x1e8) & 0xff, map.count);
    assert_memory_equal(ram_at(&t.ram, BOOT_INFO_GPA + 0x2d0, 1), map.entries,
                        map.count * sizeof(map.entries[0]));
}

static void command_line_is_a_text_in_memory(void **state)
{
    (void)state;
    load();
    assert_string_equal(ram_text(&t.ram, ram_u32(&t.ram, BOOT_INFO_GPA + 0x228)), "console=ttyS0");
    t.boot.command_line = "";
    load();
    assert_string_equal(ram_text(&t.ram, ram_u32(&t.ram, BOOT_INFO_GPA + 0x228)), "");
}

/* ---- the initrd ---- */

static uint8_t initrd[3 * MIB + 5];

static void initrd_give(uint64_t size)
{
    for (size_t i = 0; i < sizeof(initrd); i++)
        initrd[i] = (uint8_t)(i % 251);
    t.boot.initrd = (struct boot_file){initrd, size};
}

static uint32_t initrd_at(void)
{
    return ram_u32(&t.ram, BOOT_INFO_GPA + 0x218);
}

static void assert_initrd(uint64_t at)
{
    assert_int_equal(initrd_at(), at);
    assert_int_equal(ram_u32(&t.ram, BOOT_INFO_GPA + 0x21c), t.boot.initrd.size);
    assert_memory_equal(ram_at(&t.ram, at, t.boot.initrd.size), initrd, t.boot.initrd.size);
}

static void initrd_is_at_the_end_of_memory(void **state)
{
    (void)state;
    initrd_give(sizeof(initrd));
    load();
    assert_initrd(RAM_BYTES - 3 * MIB - 4096);
}

static void initrd_of_whole_pages_ends_with_memory(void **state)
{
    (void)state;
    initrd_give(3 * MIB);
    load();
    assert_initrd(RAM_BYTES - 3 * MIB);
}

static void initrd_is_below_what_the_kernel_can_reach(void **state)
{
    (void)state;
    initrd_give(MIB);
    t.setup->initrd_addr_max = 40 * MIB - 1;
    load();
    assert_initrd(39 * MIB);
}

static void initrd_is_below_2_gib_in_a_child_of_5_gib(void **state)
{
    (void)state;
    resize(5120 * MIB);
    initrd_give(MIB);
    load();
    assert_initrd(2047 * MIB);
}

static void without_an_initrd_there_is_none(void **state)
{
    (void)state;
    t.setup->ramdisk_image = 1;
    t.setup->ramdisk_size = 2;
    load();
    assert_int_equal(initrd_at(), 0);
    assert_int_equal(ram_u32(&t.ram, BOOT_INFO_GPA + 0x21c), 0);
}

static void initrd_just_fits_behind_the_kernel(void **state)
{
    (void)state;
    resize(LOAD + INIT_SIZE + MIB);
    initrd_give(MIB);
    load();
    assert_initrd(LOAD + INIT_SIZE);
    initrd_give(MIB + 1);
    assert_refused(
        "leaves no room for the initrd of 2 MiB in the child's 25 MiB: give it more memory");
}

static void initrd_beyond_all_memory_is_refused(void **state)
{
    (void)state;
    initrd_give(MIB);
    t.boot.initrd.size = 1ull << 40;
    assert_refused(
        "leaves no room for the initrd of 1048576 MiB in the child's 64 MiB: give it more memory");
    t.boot.initrd.size = UINT64_MAX;
    assert_false(linux_load(&t.ram, &t.boot, &t.registers, &t.error));
}

/* ---- what is refused ---- */

static void files_of_other_kinds_are_named(void **state)
{
    (void)state;
    memcpy(t.image,
           "\x7f"
           "ELF",
           4);
    t.setup->header = 0;
    assert_refused("is an ELF file, not a bzImage: give arch/x86/boot/bzImage, not vmlinux");
    memcpy(t.image, "\x1f\x8b", 2);
    assert_refused("is a gzip file, not a bzImage: is it the initrd?");
    memcpy(t.image, "MZ", 2);
    assert_refused("is not a bzImage: it has no Linux setup header");
}

static void files_of_every_length_are_taken_or_refused(void **state)
{
    (void)state;
    for (uint64_t size = 0; size < IMAGE_SIZE; size++) {
        uint8_t *exact = malloc(size != 0 ? size : 1);
        memcpy(exact, t.image, size);
        t.boot.kernel = (struct boot_file){size != 0 ? exact : NULL, size};
        assert_false(linux_load(&t.ram, &t.boot, &t.registers, &t.error));
        free(exact);
    }
    t.boot.kernel = (struct boot_file){t.image, IMAGE_SIZE - 1};
    assert_refused("is cut short: 14863 bytes are there, of 14864");
}

static void old_protocols_are_refused(void **state)
{
    (void)state;
    t.setup->version = 0x020b;
    assert_refused(
        "is too old: it has boot protocol 2.11, and 2.12 is needed (Linux 3.8 or later)");
    t.setup->version = 0x020c;
    load();
}

static void zimage_is_refused(void **state)
{
    (void)state;
    t.setup->loadflags = 0;
    assert_refused("is a zImage, not a bzImage");
}

static void kernel_of_32_bits_is_refused(void **state)
{
    (void)state;
    t.setup->xloadflags = 0x7e;
    assert_refused("has no 64-bit entry point: is it a 32-bit kernel?");
}

static void kernel_without_code_is_refused(void **state)
{
    (void)state;
    t.setup->syssize = 0;
    t.boot.kernel.size = SETUP_SIZE + 0x200;
    assert_refused("has no code behind its setup header");
    t.boot.kernel.size++;
    load();
}

static void kernel_is_refused_where_it_cannot_unpack_itself(void **state)
{
    (void)state;
    resize(LOAD + INIT_SIZE - 1 * MIB);
    assert_refused(
        "needs 24 MiB of memory to unpack itself, and the child has 23 MiB: give it more");
    resize(LOAD + INIT_SIZE);
    load();
    t.setup->init_size = UINT32_MAX;
    assert_refused(
        "needs 4112 MiB of memory to unpack itself, and the child has 24 MiB: give it more");
}

static void code_larger_than_it_says_it_needs_is_counted(void **state)
{
    (void)state;
    t.setup->init_size = 0;
    resize(LOAD + 4096);
    assert_refused(
        "needs 17 MiB of memory to unpack itself, and the child has 16 MiB: give it more");
}

static void impossible_addresses_are_refused(void **state)
{
    static const uint64_t addresses[] = {
        0, 0xff000, LOAD + 1, 3072 * MIB, 4096 * MIB, UINT64_MAX & ~0xfffull, UINT64_MAX};

    (void)state;
    resize(5120 * MIB);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        t.setup->pref_address = addresses[i];
        assert_false(linux_load(&t.ram, &t.boot, &t.registers, &t.error));
        assert_non_null(strstr(t.error.text, "which cannot be"));
    }
}

static void command_line_is_refused_if_the_kernel_takes_less(void **state)
{
    static char text[BOOT_COMMAND_LINE_MAX + 1];

    (void)state;
    t.boot.command_line = text;
    memset(text, 'a', 2047);
    load();
    assert_string_equal(ram_text(&t.ram, BOOT_COMMAND_LINE_GPA), text);
    text[2047] = 'b';
    assert_refused("takes a command line of 2047 characters, and this one has 2048");
    t.setup->cmdline_size = UINT32_MAX;
    memset(text, 'a', BOOT_COMMAND_LINE_MAX - 1);
    load();
    text[BOOT_COMMAND_LINE_MAX - 1] = 'b';
    assert_refused("takes a command line of 65535 characters, and this one has 65536");
}

/* The kernel is within 2 MiB, which has no end of what the loader needs below. */
static void child_without_low_memory_is_refused(void **state)
{
    (void)state;
    t.setup->pref_address = MIB;
    t.setup->init_size = 0;
    for (uint64_t bytes = 4096; bytes < MIB + CODE_SIZE; bytes += 64 * 1024) {
        resize(bytes);
        assert_false(linux_load(&t.ram, &t.boot, &t.registers, &t.error));
    }
}

/* Whatever a byte of the header is, nothing outside of memory and file is touched. */
static void each_byte_of_the_header_may_be_anything(void **state)
{
    uint8_t *exact = malloc(IMAGE_SIZE);

    (void)state;
    initrd_give(MIB);
    for (size_t at = 0x1f1; at < 0x280; at++) {
        static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
        for (size_t v = 0; v < sizeof(values); v++) {
            memcpy(exact, t.image, IMAGE_SIZE);
            exact[at] = values[v];
            t.boot.kernel.bytes = exact;
            linux_load(&t.ram, &t.boot, &t.registers, &t.error);
        }
    }
    free(exact);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(code_is_where_the_kernel_prefers_it),
        TEST(number_of_setup_sectors_0_means_4),
        TEST(vp_starts_in_64_bit_mode_at_the_zero_page),
        TEST(first_4_gib_are_mapped_to_themselves),
        TEST(zero_page_has_the_kernels_header_and_ours),
        TEST(unknown_end_of_the_header_is_copied),
        TEST(zero_page_has_the_map_of_memory),
        TEST(command_line_is_a_text_in_memory),
        TEST(initrd_is_at_the_end_of_memory),
        TEST(initrd_of_whole_pages_ends_with_memory),
        TEST(initrd_is_below_what_the_kernel_can_reach),
        TEST(initrd_is_below_2_gib_in_a_child_of_5_gib),
        TEST(without_an_initrd_there_is_none),
        TEST(initrd_just_fits_behind_the_kernel),
        TEST(initrd_beyond_all_memory_is_refused),
        TEST(files_of_other_kinds_are_named),
        TEST(files_of_every_length_are_taken_or_refused),
        TEST(old_protocols_are_refused),
        TEST(zimage_is_refused),
        TEST(kernel_of_32_bits_is_refused),
        TEST(kernel_without_code_is_refused),
        TEST(kernel_is_refused_where_it_cannot_unpack_itself),
        TEST(code_larger_than_it_says_it_needs_is_counted),
        TEST(impossible_addresses_are_refused),
        TEST(command_line_is_refused_if_the_kernel_takes_less),
        TEST(child_without_low_memory_is_refused),
        TEST(each_byte_of_the_header_may_be_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
