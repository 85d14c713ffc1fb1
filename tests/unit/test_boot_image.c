/* SPDX-License-Identifier: MIT */
/* tests/unit/test_boot_image.c - ELF images: what is loaded, and what is refused. The file lies in
 * memory of exactly its size, so that ASan sees a read beyond its end. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/elf.h>
#include "image.h"

#define BASE       0xffffffff80000000ull
#define TEXT_AT    0x400u /* file offsets */
#define DATA_AT    0x500u
#define NOTE_AT    0x600u
#define FILE_SIZE  0x700u
#define SECTION_AT (FILE_SIZE - (unsigned)sizeof(struct elf_section))

static struct {
    uint8_t *file;
    size_t size;
    struct elf_header header;
    struct elf_program segments[2];
    struct elf_section section;
    struct image_plan plan;
} t;

static void note_write(uint8_t *at)
{
    static const uint8_t build_id[] = {0x12, 0x34, 0x56, 0x78};
    const struct elf_note note = {sizeof("GNU"), sizeof(build_id), ELF_NOTE_BUILD_ID};

    memcpy(at, &note, sizeof(note));
    memcpy(at + sizeof(note), "GNU", sizeof("GNU"));
    memcpy(at + sizeof(note) + sizeof("GNU"), build_id, sizeof(build_id));
}

static int setup(void **state)
{
    (void)state;
    t.size = FILE_SIZE;
    t.file = calloc(1, FILE_SIZE);
    t.header = (struct elf_header){
        .ident = {0x7f, 'E', 'L', 'F', ELF_CLASS_64, ELF_LITTLE_ENDIAN},
        .type = ELF_TYPE_EXECUTABLE,
        .machine = ELF_MACHINE_X86_64,
        .entry = BASE + 0x10,
        .programs = sizeof(t.header),
        .program_size = sizeof(t.segments[0]),
        .program_count = 2,
        .sections = SECTION_AT,
        .section_size = sizeof(t.section),
        .section_count = 1,
    };
    t.segments[0] = (struct elf_program){.type = ELF_PROGRAM_LOAD,
                                           .flags = ELF_PROGRAM_READ | ELF_PROGRAM_EXECUTE,
                                           .offset = TEXT_AT,
                                           .virtual_address = BASE,
                                           .file_size = 0x100,
                                           .memory_size = 0x100};
    t.segments[1] = (struct elf_program){.type = ELF_PROGRAM_LOAD,
                                           .flags = ELF_PROGRAM_READ | ELF_PROGRAM_WRITE,
                                           .offset = DATA_AT,
                                           .virtual_address = BASE + 0x2010,
                                           .file_size = 0x80,
                                           .memory_size = 0x1100};
    t.section = (struct elf_section){.type = ELF_SECTION_NOTE, .offset = NOTE_AT, .size = 20};
    memset(t.file + TEXT_AT, 0xaa, 0x100);
    memset(t.file + DATA_AT, 0xbb, 0x80);
    note_write(t.file + NOTE_AT);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(t.file);
    return 0;
}

static const char *check(void)
{
    memcpy(t.file, &t.header, sizeof(t.header));
    memcpy(t.file + sizeof(t.header), t.segments, sizeof(t.segments));
    memcpy(t.file + SECTION_AT, &t.section, sizeof(t.section));
    return image_check(t.file, t.size, &t.plan);
}

static void good_image_is_planned(void **state)
{
    (void)state;
    assert_null(check());
    assert_int_equal(t.plan.virtual_base, BASE);
    assert_int_equal(t.plan.size, 0x4000);
    assert_int_equal(t.plan.entry, BASE + 0x10);
    assert_int_equal(t.plan.segment_count, 2);
    assert_int_equal(t.plan.segments[0].access, IMAGE_READ | IMAGE_EXECUTE);
    assert_int_equal(t.plan.segments[1].access, IMAGE_READ | IMAGE_WRITE);
}

static void build_id_is_found(void **state)
{
    (void)state;
    assert_null(check());
    assert_int_equal(t.plan.build_id_size, 4);
    assert_memory_equal(t.plan.build_id, "\x12\x34\x56\x78", 4);
}

static void note_that_overruns_its_section_is_ignored(void **state)
{
    const struct elf_note note = {0xfffffff0u, 0xfffffff0u, ELF_NOTE_BUILD_ID};

    (void)state;
    memcpy(t.file + NOTE_AT, &note, sizeof(note));
    assert_null(check());
    assert_int_equal(t.plan.build_id_size, 0);
}

static void sections_outside_the_file_are_ignored(void **state)
{
    (void)state;
    t.header.section_count = 2;
    assert_null(check());
    assert_int_equal(t.plan.build_id_size, 0);
    t.header.section_count = 1;
    t.section.offset = FILE_SIZE;
    assert_null(check());
    assert_int_equal(t.plan.build_id_size, 0);
}

static void segments_are_placed_and_the_rest_is_zero(void **state)
{
    uint8_t memory[0x4000];

    (void)state;
    memset(memory, 0xee, sizeof(memory));
    assert_null(check());
    image_place(&t.plan, t.file, memory);
    assert_int_equal(memory[0], 0xaa);
    assert_int_equal(memory[0xff], 0xaa);
    assert_int_equal(memory[0x100], 0);
    assert_int_equal(memory[0x200f], 0);
    assert_int_equal(memory[0x2010], 0xbb);
    assert_int_equal(memory[0x208f], 0xbb);
    assert_int_equal(memory[0x2090], 0);
    assert_int_equal(memory[0x3fff], 0);
}

static void short_file_is_refused(void **state)
{
    (void)state;
    assert_null(check());
    assert_string_equal(image_check(t.file, sizeof(t.header) - 1, &t.plan), "it is too short");
    assert_string_equal(image_check(t.file, 0, &t.plan), "it is too short");
}

static void other_files_are_refused(void **state)
{
    (void)state;
    t.header.ident[0] = 'M';
    assert_string_equal(check(), "it is not an ELF file");
}

static void other_machines_are_refused(void **state)
{
    (void)state;
    t.header.machine = 183;
    assert_string_equal(check(), "it is not an ELF file for x86-64");
}

static void relocatable_files_are_refused(void **state)
{
    (void)state;
    t.header.type = 3;
    assert_string_equal(check(), "it is not a fixed-address executable");
}

static void program_headers_outside_the_file_are_refused(void **state)
{
    (void)state;
    t.header.programs = FILE_SIZE - 1;
    assert_string_equal(check(), "its program headers are not inside the file");
    t.header.programs = UINT64_MAX - 8;
    assert_string_equal(check(), "its program headers are not inside the file");
}

static void segment_outside_the_file_is_refused(void **state)
{
    (void)state;
    t.segments[1].offset = FILE_SIZE - 0x7f;
    assert_string_equal(check(), "a segment is not inside the file");
    t.segments[1].offset = UINT64_MAX;
    assert_string_equal(check(), "a segment is not inside the file");
}

static void segment_smaller_in_memory_than_in_the_file_is_refused(void **state)
{
    (void)state;
    t.segments[1].memory_size = 0x7f;
    assert_string_equal(check(), "a segment is not inside the file");
}

static void low_segment_is_refused(void **state)
{
    (void)state;
    t.segments[0].virtual_address = 0x100000;
    assert_string_equal(check(), "a segment is linked outside the topmost 2 GiB");
}

static void segment_that_wraps_around_is_refused(void **state)
{
    (void)state;
    t.segments[1].virtual_address = UINT64_MAX - 0xfff;
    t.segments[1].memory_size = 0x2000;
    assert_string_equal(check(), "a segment is linked outside the topmost 2 GiB");
    t.segments[1].virtual_address = BASE + 0x2000;
    t.segments[1].memory_size = UINT64_MAX;
    assert_string_equal(check(), "a segment is linked outside the topmost 2 GiB");
}

static void segments_that_share_a_page_are_refused(void **state)
{
    (void)state;
    t.segments[1].virtual_address = BASE + 0x800;
    assert_string_equal(check(), "its segments overlap, share a page or are out of order");
}

static void segments_far_apart_are_refused(void **state)
{
    (void)state;
    t.segments[1].virtual_address = BASE + IMAGE_SPAN_MAX;
    assert_string_equal(check(), "its segments are too far apart");
}

static void entry_outside_code_is_refused(void **state)
{
    (void)state;
    t.header.entry = BASE + 0x2010;
    assert_string_equal(check(), "its entry point is not in an executable segment");
    t.header.entry = BASE + 0x100;
    assert_string_equal(check(), "its entry point is not in an executable segment");
}

static void image_without_segments_is_refused(void **state)
{
    (void)state;
    t.header.program_count = 0;
    assert_string_equal(check(), "it has no segments to load");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_image_is_planned),
        TEST(build_id_is_found),
        TEST(note_that_overruns_its_section_is_ignored),
        TEST(sections_outside_the_file_are_ignored),
        TEST(segments_are_placed_and_the_rest_is_zero),
        TEST(short_file_is_refused),
        TEST(other_files_are_refused),
        TEST(other_machines_are_refused),
        TEST(relocatable_files_are_refused),
        TEST(program_headers_outside_the_file_are_refused),
        TEST(segment_outside_the_file_is_refused),
        TEST(segment_smaller_in_memory_than_in_the_file_is_refused),
        TEST(low_segment_is_refused),
        TEST(segment_that_wraps_around_is_refused),
        TEST(segments_that_share_a_page_are_refused),
        TEST(segments_far_apart_are_refused),
        TEST(entry_outside_code_is_refused),
        TEST(image_without_segments_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
