/* SPDX-License-Identifier: MIT */
/* tests/unit/test_elf.c - symbol tables of ELF files. What is checked of executables is in
 * test_boot_image.c. The file lies in memory of exactly its size, for ASan. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/elf.h>

/* The names begin with an empty one. */
static const char names[] = "\0first\0data\0second";
enum { FIRST = 1, DATA = 7, SECOND = 12 };

struct file {
    struct elf_header header;
    struct elf_section sections[3];
    struct elf_symbol symbols[3];
    char names[sizeof(names)];
};

static struct file *file;
static struct elf_symbols table;

static int begin(void **state)
{
    const struct elf_symbol symbols[] = {
        {.name = FIRST, .info = ELF_SYMBOL_FUNCTION, .value = 0x1000, .size = 0x10},
        {.name = DATA, .info = 1, .value = 0x1010, .size = 0x10},
        {.name = SECOND, .info = ELF_SYMBOL_FUNCTION, .value = 0x1020, .size = 0x10}};

    (void)state;
    file = calloc(1, sizeof(*file));
    assert_non_null(file);
    memcpy(file->header.ident, ELF_MAGIC, ELF_MAGIC_SIZE);
    file->header.sections = offsetof(struct file, sections);
    file->header.section_size = sizeof(struct elf_section);
    file->header.section_count = 3;
    file->sections[1] = (struct elf_section){.type = ELF_SECTION_SYMBOLS,
                                             .offset = offsetof(struct file, symbols),
                                             .size = sizeof(symbols),
                                             .link = 2};
    file->sections[2] =
        (struct elf_section){.offset = offsetof(struct file, names), .size = sizeof(names)};
    memcpy(file->symbols, symbols, sizeof(symbols));
    memcpy(file->names, names, sizeof(names));
    memset(&table, 0, sizeof(table));
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(file);
    return 0;
}

static const char *name_of(uint64_t address, uint64_t *offset)
{
    elf_symbols_find(file, sizeof(*file), &table);
    return elf_symbol_name(&table, address, offset);
}

static void a_function_is_found_by_any_of_its_addresses(void **state)
{
    uint64_t offset;

    (void)state;
    assert_string_equal(name_of(0x1000, &offset), "first");
    assert_int_equal(offset, 0);
    assert_string_equal(name_of(0x102f, &offset), "second");
    assert_int_equal(offset, 15);
}

static void what_is_no_function_has_no_name(void **state)
{
    uint64_t offset;

    (void)state;
    assert_null(name_of(0x1010, &offset));
    assert_null(name_of(0xfff, &offset));
    assert_null(name_of(0x1030, &offset));
}

static void a_name_outside_the_strings_is_none(void **state)
{
    uint64_t offset;

    (void)state;
    file->symbols[0].name = sizeof(names);
    assert_null(name_of(0x1000, &offset));
}

static void tables_outside_the_file_are_none(void **state)
{
    uint64_t offset;

    (void)state;
    file->sections[1].size = sizeof(*file);
    assert_null(name_of(0x1000, &offset));
    end(state);
    begin(state);
    file->sections[2].offset = UINT64_MAX;
    assert_null(name_of(0x1000, &offset));
    end(state);
    begin(state);
    file->sections[1].link = 3;
    assert_null(name_of(0x1000, &offset));
    end(state);
    begin(state);
    file->header.sections = sizeof(*file) - 8;
    assert_null(name_of(0x1000, &offset));
}

static void strings_without_an_end_are_none(void **state)
{
    uint64_t offset;

    (void)state;
    file->sections[2].size--;
    assert_null(name_of(0x1000, &offset));
}

static void an_unaligned_table_is_none(void **state)
{
    uint64_t offset;

    (void)state;
    file->sections[1].offset++;
    assert_null(name_of(0x1000, &offset));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_function_is_found_by_any_of_its_addresses),
        TEST(what_is_no_function_has_no_name),
        TEST(a_name_outside_the_strings_is_none),
        TEST(tables_outside_the_file_are_none),
        TEST(strings_without_an_end_are_none),
        TEST(an_unaligned_table_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
