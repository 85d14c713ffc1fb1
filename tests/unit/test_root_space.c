/* SPDX-License-Identifier: MIT */
/* tests/unit/test_root_space.c - memory that somebody lends to a ring-3 program: where and how it
 * is mapped, and when the lender learns that it is not any more. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/area.h"
#include "mm/memory.h"
#include "mm/page_table.h"
#include "mm/space.h"
#include "mm/user_copy.h"
#include "proc/file.h"
#include "syscall_fixture.h"

#define MIB2 PAGE_SIZE_2M

/* A lender of made-up physical memory: one piece, or pages that lie two pages apart. */
static struct {
    uint64_t base;
    uint64_t size;
    bool scattered;
    unsigned released;
} ram;

static void ram_release(struct file *f)
{
    (void)f;
    ram.released++;
}

static const struct file_operations ram_operations = {.name = "ram", .release = ram_release};

static uint64_t ram_find(void *context, uint64_t offset, uint64_t *length)
{
    (void)context;
    if (offset >= ram.size)
        return 0;
    *length = ram.scattered ? PAGE_SIZE : ram.size - offset;
    return ram.base + (ram.scattered ? 2 * offset : offset);
}

static struct address_space *space(void)
{
    return fake_process.process.space;
}

static struct file *lender(uint64_t base, uint64_t size, bool scattered)
{
    struct file *f = file_create(&ram_operations, NULL, OPEN_READ_WRITE);

    assert_non_null(f);
    ram.base = base;
    ram.size = size;
    ram.scattered = scattered;
    ram.released = 0;
    return f;
}

static int64_t lend(struct file *f, uint64_t address, uint64_t size, uint32_t access)
{
    return space_map_lent(
        space(), address,
        &(struct space_lent){.lender = f, .size = size, .access = access, .find = ram_find});
}

static uint64_t entry_of(uint64_t va, unsigned *level)
{
    const uint64_t *entry = pt_leaf(space()->root, va, level);

    return entry != NULL ? *entry : 0;
}

static void large_pages_are_used_where_they_fit(void **state)
{
    struct file *f = lender(4 * MIB2 - PAGE_SIZE, 3 * MIB2, false);
    int64_t at = lend(f, 64 * MIB2 - PAGE_SIZE, 3 * MIB2, SPACE_READ | SPACE_WRITE);
    unsigned level;

    (void)state;
    assert_int_equal(at, 64 * MIB2 - PAGE_SIZE);
    assert_int_equal(entry_of((uint64_t)at, &level),
                     (4 * MIB2 - PAGE_SIZE) | PTE_P | PTE_RW | PTE_US | PTE_NX);
    assert_int_equal(level, PT_LEVEL_4K);
    assert_int_equal(entry_of(65 * MIB2 + 5, &level),
                     (5 * MIB2) | PTE_P | PTE_RW | PTE_US | PTE_NX | PTE_PS);
    assert_int_equal(level, PT_LEVEL_2M);
    assert_int_equal(entry_of(66 * MIB2 + MIB2 - 2 * PAGE_SIZE, &level) & PTE_ADDR_MASK,
                     7 * MIB2 - 2 * PAGE_SIZE);
    assert_int_equal(level, PT_LEVEL_4K);
    file_put(f);
}

static void scattered_pages_are_mapped_one_by_one(void **state)
{
    struct file *f = lender(MIB2, MIB2, true);
    int64_t at = lend(f, 0, MIB2, SPACE_READ);
    unsigned level;

    (void)state;
    assert_true(at > 0 && (uint64_t)at % MIB2 == 0);
    for (uint64_t i = 0; i < MIB2; i += PAGE_SIZE)
        assert_int_equal(entry_of((uint64_t)at + i, &level),
                         (MIB2 + 2 * i) | PTE_P | PTE_US | PTE_NX);
    file_put(f);
}

static void lender_is_let_go_when_the_last_mapping_goes(void **state)
{
    struct file *f = lender(MIB2, MIB2, false);
    int64_t first = lend(f, 0, MIB2, SPACE_READ), second = lend(f, 0, PAGE_SIZE, SPACE_READ);
    uint64_t flushes = fake_process.flushes;

    (void)state;
    assert_true(first > 0 && second > 0 && first != second);
    file_put(f);
    assert_int_equal(call(SYSCALL_MUNMAP, (uint64_t)second, PAGE_SIZE, 0), 0);
    assert_int_equal(ram.released, 0);
    assert_int_equal(call(SYSCALL_MUNMAP, (uint64_t)first, MIB2, 0), 0);
    assert_int_equal(ram.released, 1);
    assert_true(fake_process.flushes >= flushes + 2);
    assert_int_equal(space()->pages, 0);
}

static void lender_is_let_go_when_the_process_ends(void **state)
{
    struct file *f = lender(MIB2, MIB2, false);

    assert_true(lend(f, 0, MIB2, SPACE_READ) > 0);
    file_put(f);
    assert_int_equal(ram.released, 0);
    fake_process_end();
    assert_int_equal(ram.released, 1);
    (void)syscall_begin(state); /* for the teardown */
}

static void lent_memory_is_not_unmapped_in_parts(void **state)
{
    struct file *f = lender(MIB2, 2 * MIB2, false);
    uint64_t at = (uint64_t)lend(f, 0, 2 * MIB2, SPACE_READ);
    unsigned level;

    (void)state;
    assert_int_equal(call(SYSCALL_MUNMAP, at, MIB2, 0), -EINVAL);
    assert_int_equal(call(SYSCALL_MUNMAP, at + MIB2, MIB2, 0), -EINVAL);
    assert_int_equal(call(SYSCALL_MUNMAP, at + PAGE_SIZE, PAGE_SIZE, 0), -EINVAL);
    assert_int_equal(map(at + PAGE_SIZE, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS | MMAP_FIXED),
                     -EINVAL);
    assert_true((entry_of(at + PAGE_SIZE, &level) & PTE_P) != 0);
    assert_int_equal(call(SYSCALL_MUNMAP, at - PAGE_SIZE, 2 * MIB2 + 2 * PAGE_SIZE, 0), 0);
    assert_int_equal(entry_of(at + PAGE_SIZE, &level), 0);
    file_put(f);
    assert_int_equal(ram.released, 1);
}

static void lent_memory_keeps_its_rights(void **state)
{
    struct file *f = lender(MIB2, MIB2, false);
    uint64_t at = (uint64_t)lend(f, 0, MIB2, SPACE_READ | SPACE_EXECUTE);
    unsigned level;

    (void)state;
    assert_int_equal(call(SYSCALL_MPROTECT, at, PAGE_SIZE, READ_WRITE), -EACCES);
    assert_int_equal(call(SYSCALL_MPROTECT, at, PAGE_SIZE, MMAP_PROT_EXEC), -EACCES);
    assert_int_equal(entry_of(at, &level) & (PTE_RW | PTE_NX), PTE_NX);
    file_put(f);
}

static void lent_memory_overlaps_nothing(void **state)
{
    struct file *f = lender(MIB2, MIB2, false);

    (void)state;
    assert_int_equal(map(0x400000, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS | MMAP_FIXED),
                     0x400000);
    assert_int_equal(lend(f, 0x400000, PAGE_SIZE, SPACE_READ), -EEXIST);
    assert_int_equal(lend(f, 0x400001, PAGE_SIZE, SPACE_READ), -EINVAL);
    assert_int_equal(lend(f, KERNEL_ADDRESS, PAGE_SIZE, SPACE_READ), -EINVAL);
    assert_int_equal(lend(f, USER_END - PAGE_SIZE, MIB2, SPACE_READ), -EINVAL);
    assert_int_equal(lend(f, 0x400000, PAGE_SIZE, SPACE_READ | SPACE_REPLACE), 0x400000);
    assert_int_equal(space()->pages, 1);
    assert_int_equal(map(0x400000, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS | MMAP_FIXED),
                     0x400000);
    file_put(f);
    assert_int_equal(ram.released, 1);
}

static void more_than_there_is_maps_nothing(void **state)
{
    struct file *f = lender(MIB2, MIB2, false);
    unsigned level;

    (void)state;
    assert_int_equal(lend(f, 64 * MIB2, 2 * MIB2, SPACE_READ), -EINVAL);
    assert_int_equal(lend(f, 0, 0, SPACE_READ), -EINVAL);
    assert_int_equal(lend(f, 0, UINT64_MAX, SPACE_READ), -EINVAL);
    assert_int_equal(entry_of(64 * MIB2, &level), 0);
    assert_true(list_empty(&space()->areas));
    file_put(f);
    assert_int_equal(ram.released, 1);
}

static void mappings_of_lent_memory_are_limited(void **state)
{
    struct file *f = lender(MIB2, PAGE_SIZE, false);
    int64_t result;

    (void)state;
    do
        result = lend(f, 0, PAGE_SIZE, SPACE_READ);
    while (result > 0);
    assert_int_equal(result, -ENOMEM);
    assert_true(space()->pages + space()->tables <= space()->pages_max);
    file_put(f);
}

static uint64_t in_use(void)
{
    return space()->pages + space()->tables;
}

/* The last of it goes to a table, so that the page has no room. */
static void page_whose_table_is_the_last_has_no_room(void **state)
{
    const uint64_t at = 64 * MIB2, next = at + MIB2;
    uint64_t page = at;

    (void)state;
    for (; in_use() + 1 < space()->pages_max; page += PAGE_SIZE)
        assert_int_equal(space_map(space(), page, PAGE_SIZE, SPACE_READ), page);
    assert_true(page < next);
    assert_int_equal(space_map(space(), next, PAGE_SIZE, SPACE_READ), -ENOMEM);
    assert_int_equal(in_use(), space()->pages_max);
    assert_int_equal(space_map(space(), next, PAGE_SIZE, SPACE_READ), -ENOMEM);
    assert_int_equal(in_use(), space()->pages_max);
}

static void lack_of_memory_lends_nothing(void **state)
{
    struct file *f = lender(MIB2, 4 * MIB2, true);
    int64_t result = -ENOMEM;

    (void)state;
    for (int64_t left = 0; result < 0; left++) {
        assert_true(left < 16);
        fake_process.allocations_left = left;
        result = lend(f, 0, 4 * MIB2, SPACE_READ);
        fake_process.allocations_left = -1;
        assert_true(result > 0 || result == -ENOMEM);
        assert_int_equal(space()->pages, result > 0);
        assert_true(list_empty(&space()->areas) == (result < 0));
    }
    file_put(f);
}

static void large_page_gives_way_to_tables_that_are_there(void **state)
{
    struct file *f = lender(MIB2, MIB2, false);
    uint64_t at = 64 * MIB2;
    unsigned level;

    (void)state;
    assert_int_equal(map(at, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS | MMAP_FIXED), at);
    assert_int_equal(lend(f, at, MIB2, SPACE_READ | SPACE_REPLACE), at);
    assert_int_equal(entry_of(at + 5 * PAGE_SIZE, &level) & PTE_ADDR_MASK, MIB2 + 5 * PAGE_SIZE);
    assert_int_equal(level, PT_LEVEL_4K);
    file_put(f);
}

/* ---- boot modules ---- */

static int64_t map_file(int64_t fd, uint64_t size, uint64_t protection, uint64_t flags,
                        uint64_t offset)
{
    return fake_syscall(SYSCALL_MMAP, 0, size, protection, flags, (uint64_t)fd, offset);
}

static void boot_module_is_mapped_without_a_copy(void **state)
{
    int64_t fd = open_path("/boot/shell.elf", OPEN_READ);
    int64_t at = map_file(fd, FAKE_MODULE_SIZE, MMAP_PROT_READ, MMAP_PRIVATE, 0);
    uint8_t bytes[8], zero[3] = {0};
    unsigned level;

    (void)state;
    assert_true(at > 0);
    assert_int_equal(call(SYSCALL_CLOSE, (uint64_t)fd, 0, 0), 0);
    assert_true(copy_from_user(bytes, (uint64_t)at + MIB2 - 4, sizeof(bytes)));
    for (unsigned i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], FAKE_MODULE_BYTE(MIB2 - 4 + i));
    assert_true((entry_of((uint64_t)at, &level) & PTE_PS) != 0);
    assert_false(copy_to_user((uint64_t)at, "x", 1));
    assert_true(copy_from_user(bytes, (uint64_t)at + FAKE_MODULE_SIZE, sizeof(zero)));
    assert_memory_equal(bytes, zero, sizeof(zero)); /* nothing of what lay behind it is seen */
    assert_false(copy_from_user(bytes, (uint64_t)at + MIB2 + 2 * PAGE_SIZE, 1));
}

static void boot_module_is_mapped_from_any_page(void **state)
{
    int64_t fd = open_path("/boot/shell.elf", OPEN_READ);
    int64_t at = map_file(fd, 1, MMAP_PROT_READ, MMAP_SHARED, MIB2);
    uint8_t byte;

    (void)state;
    assert_true(at > 0);
    assert_true(copy_from_user(&byte, (uint64_t)at + 9, 1));
    assert_int_equal(byte, FAKE_MODULE_BYTE(MIB2 + 9));
    assert_false(copy_from_user(&byte, (uint64_t)at + PAGE_SIZE, 1));
}

static void file_mappings_are_refused_beyond_their_file_and_rights(void **state)
{
    int64_t fd = open_path("/boot/shell.elf", OPEN_READ);
    int64_t console = open_path("/dev/console", OPEN_READ_WRITE);
    const uint64_t end = FAKE_MODULE_SIZE / PAGE_SIZE * PAGE_SIZE + PAGE_SIZE;

    (void)state;
    assert_int_equal(map_file(fd, PAGE_SIZE, MMAP_PROT_READ, MMAP_PRIVATE, end), -EINVAL);
    assert_int_equal(map_file(fd, end + 1, MMAP_PROT_READ, MMAP_PRIVATE, 0), -EINVAL);
    assert_int_equal(map_file(fd, PAGE_SIZE, MMAP_PROT_READ, MMAP_PRIVATE, UINT64_MAX - 4095),
                     -EINVAL);
    assert_int_equal(map_file(fd, UINT64_MAX, MMAP_PROT_READ, MMAP_PRIVATE, PAGE_SIZE), -EINVAL);
    assert_int_equal(map_file(fd, PAGE_SIZE, MMAP_PROT_READ, MMAP_PRIVATE, 1), -EINVAL);
    assert_int_equal(map_file(fd, 0, MMAP_PROT_READ, MMAP_PRIVATE, 0), -EINVAL);
    assert_int_equal(map_file(fd, PAGE_SIZE, READ_WRITE, MMAP_SHARED, 0), -EACCES);
    assert_int_equal(map_file(fd, PAGE_SIZE, READ_WRITE, MMAP_PRIVATE, 0), -EACCES);
    assert_int_equal(map_file(fd, PAGE_SIZE, MMAP_PROT_READ | MMAP_PROT_EXEC, MMAP_PRIVATE, 0),
                     -EACCES);
    assert_int_equal(map_file(fd, PAGE_SIZE, 0, MMAP_PRIVATE, 0), -EACCES);
    assert_int_equal(map_file(fd, PAGE_SIZE, MMAP_PROT_READ, MMAP_PRIVATE | MMAP_SHARED, 0),
                     -EINVAL);
    assert_int_equal(map_file(console, PAGE_SIZE, MMAP_PROT_READ, MMAP_SHARED, 0), -ENODEV);
    assert_int_equal(map_file(99, PAGE_SIZE, MMAP_PROT_READ, MMAP_SHARED, 0), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYSCALL_TEST(large_pages_are_used_where_they_fit),
        SYSCALL_TEST(scattered_pages_are_mapped_one_by_one),
        SYSCALL_TEST(lender_is_let_go_when_the_last_mapping_goes),
        SYSCALL_TEST(lender_is_let_go_when_the_process_ends),
        SYSCALL_TEST(lent_memory_is_not_unmapped_in_parts),
        SYSCALL_TEST(lent_memory_keeps_its_rights),
        SYSCALL_TEST(lent_memory_overlaps_nothing),
        SYSCALL_TEST(more_than_there_is_maps_nothing),
        SYSCALL_TEST(mappings_of_lent_memory_are_limited),
        SYSCALL_TEST(page_whose_table_is_the_last_has_no_room),
        SYSCALL_TEST(lack_of_memory_lends_nothing),
        SYSCALL_TEST(large_page_gives_way_to_tables_that_are_there),
        SYSCALL_TEST(boot_module_is_mapped_without_a_copy),
        SYSCALL_TEST(boot_module_is_mapped_from_any_page),
        SYSCALL_TEST(file_mappings_are_refused_beyond_their_file_and_rights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
