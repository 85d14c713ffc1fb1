/* SPDX-License-Identifier: MIT */
/* tests/unit/test_gpt.c - GUID partition tables, sound and damaged, on a disk in memory. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "io/gpt.h"
#include "lib/crc32.h"

#define SECTOR       512u
#define SECTORS      256u
#define ENTRIES      128u
#define ARRAY_SIZE   (ENTRIES * (uint32_t)sizeof(struct gpt_entry))
#define FIRST_USABLE 34u
#define LAST_USABLE  (SECTORS - 34u)
#define BACKUP_LBA   (SECTORS - 1u)
#define BACKUP_ARRAY (SECTORS - 33u)

static struct {
    uint8_t bytes[SECTORS * SECTOR];
    uint64_t bad_sector; /* reads of it fail */
    struct gpt_table table;
} d;

static bool memory_read(void *context, uint64_t sector, void *buffer)
{
    (void)context;
    assert_true(sector < SECTORS); /* the reader must never ask for more */
    if (sector == d.bad_sector)
        return false;
    memcpy(buffer, d.bytes + sector * SECTOR, SECTOR);
    return true;
}

static enum gpt_status disk_read(void)
{
    struct gpt_disk disk = {.read = memory_read, .sector_size = SECTOR, .sector_count = SECTORS};

    return gpt_read(&disk, &d.table);
}

static struct gpt_header *header_at(uint64_t lba)
{
    return (struct gpt_header *)(void *)(d.bytes + lba * SECTOR);
}

static struct gpt_entry *entries_of(const struct gpt_header *h)
{
    return (struct gpt_entry *)(void *)(d.bytes + h->partition_entry_lba * SECTOR);
}

static void header_seal(struct gpt_header *h)
{
    uint64_t bytes = (uint64_t)h->number_of_partition_entries * h->size_of_partition_entry;

    if (bytes <= ARRAY_SIZE && h->partition_entry_lba < SECTORS - 32)
        h->partition_entry_array_crc32 = crc32_update(0, entries_of(h), bytes);
    h->header_crc32 = 0;
    h->header_crc32 = crc32_update(0, h, h->header_size <= SECTOR ? h->header_size : SECTOR);
}

static void header_make(uint64_t lba, uint64_t other, uint64_t array)
{
    *header_at(lba) = (struct gpt_header){
        .signature = GPT_SIGNATURE,
        .revision = GPT_REVISION,
        .header_size = GPT_HEADER_SIZE,
        .my_lba = lba,
        .alternate_lba = other,
        .first_usable_lba = FIRST_USABLE,
        .last_usable_lba = LAST_USABLE,
        .partition_entry_lba = array,
        .number_of_partition_entries = ENTRIES,
        .size_of_partition_entry = sizeof(struct gpt_entry),
    };
}

/* Put the partition [@first, @last] at place @i of both tables. */
static void partition_put(uint32_t i, uint64_t first, uint64_t last)
{
    struct gpt_entry e = {.starting_lba = first, .ending_lba = last, .partition_name = {'r', 't'}};

    memset(e.partition_type_guid, 0x11, sizeof(e.partition_type_guid));
    entries_of(header_at(GPT_PRIMARY_LBA))[i] = e;
    entries_of(header_at(BACKUP_LBA))[i] = e;
}

static void seal(void)
{
    header_seal(header_at(GPT_PRIMARY_LBA));
    header_seal(header_at(BACKUP_LBA));
}

static int disk_make(void **state)
{
    (void)state;
    memset(&d, 0, sizeof(d));
    d.bad_sector = UINT64_MAX;
    d.bytes[MBR_RECORDS + MBR_RECORD_TYPE] = MBR_TYPE_PROTECTIVE;
    d.bytes[MBR_SIGNATURE_OFFSET] = MBR_SIGNATURE_0;
    d.bytes[MBR_SIGNATURE_OFFSET + 1] = MBR_SIGNATURE_1;
    header_make(GPT_PRIMARY_LBA, BACKUP_LBA, 2);
    header_make(BACKUP_LBA, GPT_PRIMARY_LBA, BACKUP_ARRAY);
    partition_put(0, 40, 99);
    partition_put(4, 100, LAST_USABLE);
    seal();
    return 0;
}

static void assert_two_partitions(bool from_backup)
{
    assert_int_equal(disk_read(), GPT_OK);
    assert_int_equal(d.table.from_backup, from_backup);
    assert_int_equal(d.table.count, 2);
    assert_int_equal(d.table.partitions[0].number, 1);
    assert_int_equal(d.table.partitions[0].first_sector, 40);
    assert_int_equal(d.table.partitions[0].sector_count, 60);
    assert_int_equal(d.table.partitions[0].name[1], 't');
    assert_int_equal(d.table.partitions[1].number, 5);
    assert_int_equal(d.table.partitions[1].first_sector, 100);
    assert_int_equal(d.table.partitions[1].sector_count, LAST_USABLE - 99);
}

static void assert_damaged(void)
{
    assert_int_equal(disk_read(), GPT_DAMAGED);
    assert_int_equal(d.table.count, 0);
}

static void sound_table_gives_its_partitions(void **state)
{
    (void)state;
    assert_two_partitions(false);
}

static void every_byte_of_the_primary_header_is_protected(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < GPT_HEADER_SIZE; i++) {
        d.bytes[SECTOR + i] ^= 0x40;
        assert_two_partitions(true);
        d.bytes[SECTOR + i] ^= 0x40;
    }
}

static void damaged_primary_array_falls_back_to_the_backup(void **state)
{
    (void)state;
    entries_of(header_at(GPT_PRIMARY_LBA))[77].attributes = 1;
    assert_two_partitions(true);
    assert_int_equal(d.table.primary, GPT_DAMAGED);
}

static void unreadable_primary_falls_back_to_the_backup(void **state)
{
    (void)state;
    d.bad_sector = 5;
    assert_two_partitions(true);
    assert_int_equal(d.table.primary, GPT_READ_ERROR);
}

static void both_tables_damaged_give_no_partition(void **state)
{
    (void)state;
    entries_of(header_at(GPT_PRIMARY_LBA))[0].attributes = 1;
    entries_of(header_at(BACKUP_LBA))[0].attributes = 1;
    assert_damaged();
}

static void disk_without_protective_mbr_has_no_table(void **state)
{
    (void)state;
    d.bytes[MBR_RECORDS + MBR_RECORD_TYPE] = 0x83;
    assert_int_equal(disk_read(), GPT_ABSENT);
    d.bytes[MBR_RECORDS + MBR_RECORD_TYPE] = MBR_TYPE_PROTECTIVE;
    d.bytes[MBR_SIGNATURE_OFFSET] = 0;
    assert_int_equal(disk_read(), GPT_ABSENT);
}

static void disk_without_headers_has_no_table(void **state)
{
    (void)state;
    memset(header_at(GPT_PRIMARY_LBA), 0, SECTOR);
    memset(header_at(BACKUP_LBA), 0, SECTOR);
    assert_int_equal(disk_read(), GPT_ABSENT);
}

static void overlapping_partitions_are_refused(void **state)
{
    static const uint64_t overlaps[][2] = {{99, 99}, {34, 40}, {41, 50}, {34, 120}, {200, 210}};

    (void)state;
    for (size_t i = 0; i < sizeof(overlaps) / sizeof(overlaps[0]); i++) {
        partition_put(9, overlaps[i][0], overlaps[i][1]);
        seal();
        assert_damaged();
    }
    partition_put(9, 34, 39);
    seal();
    assert_int_equal(disk_read(), GPT_OK);
    assert_int_equal(d.table.count, 3);
}

static void partitions_outside_the_usable_sectors_are_refused(void **state)
{
    static const uint64_t bad[][2] = {
        {33, 35},        {LAST_USABLE + 1, LAST_USABLE + 1}, {39, 38},        {38, LAST_USABLE + 1},
        {0, UINT64_MAX}, {UINT64_MAX, UINT64_MAX},           {UINT64_MAX, 0}, {36, UINT64_MAX}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        partition_put(9, bad[i][0], bad[i][1]);
        seal();
        assert_damaged();
    }
}

/* Change the header of both tables, seal, and expect them to be refused. */
#define ASSERT_HEADER_REFUSED(member, value)                                                       \
    do {                                                                                           \
        disk_make(NULL);                                                                           \
        header_at(GPT_PRIMARY_LBA)->member = (value);                                              \
        header_at(BACKUP_LBA)->member = (value);                                                   \
        seal();                                                                                    \
        assert_damaged();                                                                          \
    } while (0)

static void header_that_contradicts_the_disk_is_refused(void **state)
{
    (void)state;
    ASSERT_HEADER_REFUSED(my_lba, 7);
    ASSERT_HEADER_REFUSED(revision, 0);
    ASSERT_HEADER_REFUSED(header_size, 0);
    ASSERT_HEADER_REFUSED(header_size, GPT_HEADER_SIZE - 1);
    ASSERT_HEADER_REFUSED(header_size, SECTOR + 1);
    ASSERT_HEADER_REFUSED(header_size, UINT32_MAX);
    ASSERT_HEADER_REFUSED(first_usable_lba, 0);
    ASSERT_HEADER_REFUSED(first_usable_lba, UINT64_MAX);
    ASSERT_HEADER_REFUSED(last_usable_lba, 0);
    ASSERT_HEADER_REFUSED(last_usable_lba, SECTORS);
    ASSERT_HEADER_REFUSED(last_usable_lba, UINT64_MAX);
    ASSERT_HEADER_REFUSED(partition_entry_lba, 0);
    ASSERT_HEADER_REFUSED(partition_entry_lba, 1);
    ASSERT_HEADER_REFUSED(partition_entry_lba, FIRST_USABLE);
    ASSERT_HEADER_REFUSED(partition_entry_lba, SECTORS - 3);
    ASSERT_HEADER_REFUSED(partition_entry_lba, UINT64_MAX);
    ASSERT_HEADER_REFUSED(size_of_partition_entry, 0);
    ASSERT_HEADER_REFUSED(size_of_partition_entry, 64);
    ASSERT_HEADER_REFUSED(size_of_partition_entry, 129);
    ASSERT_HEADER_REFUSED(size_of_partition_entry, 1u << 31);
    ASSERT_HEADER_REFUSED(number_of_partition_entries, UINT32_MAX);
    ASSERT_HEADER_REFUSED(number_of_partition_entries, GPT_ENTRIES_MAX);
}

static void larger_entries_are_read_at_their_size(void **state)
{
    uint64_t lbas[] = {GPT_PRIMARY_LBA, BACKUP_LBA};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct gpt_header *h = header_at(lbas[i]);

        /* Entries 0 and 4 of 128 bytes are entries 0 and 2 of 256. */
        h->size_of_partition_entry = 256;
        h->number_of_partition_entries = ENTRIES / 2;
    }
    seal();
    assert_int_equal(disk_read(), GPT_OK);
    assert_int_equal(d.table.count, 2);
    assert_int_equal(d.table.partitions[1].number, 3);
}

static void impossible_disks_are_refused(void **state)
{
    static const uint32_t sizes[] = {0, 1, 256, 520, 8192, UINT32_MAX};
    struct gpt_disk disk = {.read = memory_read, .sector_size = SECTOR, .sector_count = 2};

    (void)state;
    assert_int_equal(gpt_read(&disk, &d.table), GPT_BAD_DISK);
    disk.sector_count = SECTORS;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        disk.sector_size = sizes[i];
        assert_int_equal(gpt_read(&disk, &d.table), GPT_BAD_DISK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sound_table_gives_its_partitions, disk_make),
        cmocka_unit_test_setup(every_byte_of_the_primary_header_is_protected, disk_make),
        cmocka_unit_test_setup(damaged_primary_array_falls_back_to_the_backup, disk_make),
        cmocka_unit_test_setup(unreadable_primary_falls_back_to_the_backup, disk_make),
        cmocka_unit_test_setup(both_tables_damaged_give_no_partition, disk_make),
        cmocka_unit_test_setup(disk_without_protective_mbr_has_no_table, disk_make),
        cmocka_unit_test_setup(disk_without_headers_has_no_table, disk_make),
        cmocka_unit_test_setup(overlapping_partitions_are_refused, disk_make),
        cmocka_unit_test_setup(partitions_outside_the_usable_sectors_are_refused, disk_make),
        cmocka_unit_test_setup(header_that_contradicts_the_disk_is_refused, disk_make),
        cmocka_unit_test_setup(larger_entries_are_read_at_their_size, disk_make),
        cmocka_unit_test_setup(impossible_disks_are_refused, disk_make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
