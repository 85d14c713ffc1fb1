/* SPDX-License-Identifier: MIT */
/* root/io/gpt.h - reads a disk's GUID partition table (UEFI 2.10, chapter 5.3).
 *
 * Pure: the disk is reached through a hook, nothing is allocated. Whatever is on the disk, the
 * partitions handed out lie within the disk, apart from each other and from the table itself. The
 * primary table is taken if it is sound, else the backup; a table with one bad entry is not sound.
 * Every sector is read once, so that a disk that changes its mind gains nothing. */
#ifndef ROOT_IO_GPT_H
#define ROOT_IO_GPT_H

#include <stdbool.h>
#include <hvabi/layout.h>

#define GPT_MAX_PARTITIONS  128u
#define GPT_SECTOR_SIZE_MIN 512u
#define GPT_SECTOR_SIZE_MAX 4096u

enum gpt_status {
    GPT_OK,
    GPT_ABSENT,     /* no protective MBR, or no header where one should be */
    GPT_DAMAGED,    /* a checksum is wrong, or a field contradicts another or the disk */
    GPT_READ_ERROR, /* the hook failed */
    GPT_BAD_DISK,   /* a sector size that no disk has, or too few sectors for a table */
};

/* What the table is read from. @read fills @buffer with sector @sector; false: it cannot. */
struct gpt_disk {
    bool (*read)(void *context, uint64_t sector, void *buffer);
    void *context;
    uint32_t sector_size;
    uint64_t sector_count;
};

struct gpt_partition {
    uint32_t number; /* from 1, the place in the table */
    uint64_t first_sector;
    uint64_t sector_count;
    uint8_t type[16];
    uint16_t name[36]; /* UTF-16, as on the disk */
};

struct gpt_table {
    bool from_backup;
    enum gpt_status primary; /* what was wrong with the primary table, if from_backup */
    uint32_t count;
    struct gpt_partition partitions[GPT_MAX_PARTITIONS];
    uint8_t sector[GPT_SECTOR_SIZE_MAX] __attribute__((aligned(16))); /* workspace */
};

/* Read the table of @disk into @table. Not GPT_OK: @table->count is 0. */
enum gpt_status gpt_read(const struct gpt_disk *disk, struct gpt_table *table);

const char *gpt_status_text(enum gpt_status status);

/* On-disk structures. */

#define GPT_SIGNATURE       0x5452415020494645ull /* "EFI PART" */
#define GPT_REVISION        0x00010000u
#define GPT_PRIMARY_LBA     1u
#define GPT_ENTRY_SIZE_UNIT 128u  /* an entry's size is this times a power of two */
#define GPT_ENTRIES_MAX     8192u /* ours: bounds what a damaged header makes us read */

/* UEFI 2.10, table 5-5. */
struct gpt_header {
    uint64_t signature;
    uint32_t revision;
    uint32_t header_size;
    uint32_t header_crc32;
    uint32_t reserved;
    uint64_t my_lba;
    uint64_t alternate_lba;
    uint64_t first_usable_lba;
    uint64_t last_usable_lba;
    uint8_t disk_guid[16];
    uint64_t partition_entry_lba;
    uint32_t number_of_partition_entries;
    uint32_t size_of_partition_entry;
    uint32_t partition_entry_array_crc32;
    uint32_t tail; /* past the header: the sector's rest, reserved */
};
ABI_OFFSET(struct gpt_header, header_size, 12);
ABI_OFFSET(struct gpt_header, header_crc32, 16);
ABI_OFFSET(struct gpt_header, my_lba, 24);
ABI_OFFSET(struct gpt_header, first_usable_lba, 40);
ABI_OFFSET(struct gpt_header, disk_guid, 56);
ABI_OFFSET(struct gpt_header, partition_entry_lba, 72);
ABI_OFFSET(struct gpt_header, partition_entry_array_crc32, 88);
ABI_OFFSET(struct gpt_header, tail, 92);
#define GPT_HEADER_SIZE offsetof(struct gpt_header, tail)

/* UEFI 2.10, table 5-6. */
struct gpt_entry {
    uint8_t partition_type_guid[16]; /* all zero: unused */
    uint8_t unique_partition_guid[16];
    uint64_t starting_lba;
    uint64_t ending_lba; /* inclusive */
    uint64_t attributes;
    uint16_t partition_name[36];
};
ABI_OFFSET(struct gpt_entry, starting_lba, 32);
ABI_OFFSET(struct gpt_entry, attributes, 48);
ABI_OFFSET(struct gpt_entry, partition_name, 56);
ABI_SIZE(struct gpt_entry, 128);

/* UEFI 2.10, tables 5-1, 5-3 and 5-4: what the protective MBR is known by. */
#define MBR_RECORDS          446u
#define MBR_RECORD_SIZE      16u
#define MBR_RECORD_COUNT     4u
#define MBR_RECORD_TYPE      4u /* byte of a record */
#define MBR_TYPE_PROTECTIVE  0xeeu
#define MBR_SIGNATURE_OFFSET 510u
#define MBR_SIGNATURE_0      0x55u
#define MBR_SIGNATURE_1      0xaau

#endif
