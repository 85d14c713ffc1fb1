/* SPDX-License-Identifier: MIT */
/* root/io/gpt.c - reads a disk's GUID partition table; see gpt.h for what it promises. */
#include <rt/mem.h>
#include "io/gpt.h"
#include "lib/crc32.h"

/* UEFI 2.10, 5.3.1: sectors 0 and 1, and the backup header, at the least. */
#define GPT_DISK_SECTORS_MIN 3u
#define GPT_ENTRY_LBA_MIN    2u

static bool protective_mbr(const uint8_t *sector)
{
    if (sector[MBR_SIGNATURE_OFFSET] != MBR_SIGNATURE_0 ||
        sector[MBR_SIGNATURE_OFFSET + 1] != MBR_SIGNATURE_1)
        return false;
    for (unsigned i = 0; i < MBR_RECORD_COUNT; i++) {
        if (sector[MBR_RECORDS + i * MBR_RECORD_SIZE + MBR_RECORD_TYPE] == MBR_TYPE_PROTECTIVE)
            return true;
    }
    return false;
}

/* The header's CRC is computed with its own field zero (UEFI 2.10, 5.3.2). @sector holds it. */
static bool header_crc_right(uint8_t *sector, const struct gpt_header *header)
{
    memset(sector + offsetof(struct gpt_header, header_crc32), 0, sizeof(header->header_crc32));
    return crc32_update(0, sector, header->header_size) == header->header_crc32;
}

static bool entry_size_valid(const struct gpt_disk *disk, uint32_t size)
{
    return size >= GPT_ENTRY_SIZE_UNIT && size <= disk->sector_size && (size & (size - 1)) == 0;
}

/* The entry array lies on the disk, outside the usable sectors and off the header and the MBR. */
static bool array_placed(const struct gpt_disk *disk, const struct gpt_header *h)
{
    uint64_t bytes = (uint64_t)h->number_of_partition_entries * h->size_of_partition_entry;
    uint64_t sectors = (bytes + disk->sector_size - 1) / disk->sector_size;
    uint64_t first = h->partition_entry_lba, end;

    if (first < GPT_ENTRY_LBA_MIN || first >= disk->sector_count ||
        sectors > disk->sector_count - first)
        return false;
    end = first + sectors;
    if (h->my_lba >= first && h->my_lba < end)
        return false;
    return end <= h->first_usable_lba || first > h->last_usable_lba;
}

/* UEFI 2.10, 5.3.2: what must hold before anything in the header is believed. */
static bool header_valid(const struct gpt_disk *disk, const struct gpt_header *h, uint64_t lba)
{
    if (h->my_lba != lba || h->revision < GPT_REVISION)
        return false;
    if (h->first_usable_lba < GPT_ENTRY_LBA_MIN || h->first_usable_lba > h->last_usable_lba ||
        h->last_usable_lba >= disk->sector_count)
        return false;
    if (lba >= h->first_usable_lba && lba <= h->last_usable_lba)
        return false;
    return h->number_of_partition_entries <= GPT_ENTRIES_MAX &&
           entry_size_valid(disk, h->size_of_partition_entry) && array_placed(disk, h);
}

static enum gpt_status header_read(const struct gpt_disk *disk, uint64_t lba,
                                   struct gpt_table *table, struct gpt_header *h)
{
    if (!disk->read(disk->context, lba, table->sector))
        return GPT_READ_ERROR;
    memcpy(h, table->sector, sizeof(*h));
    if (h->signature != GPT_SIGNATURE)
        return GPT_ABSENT;
    if (h->header_size < GPT_HEADER_SIZE || h->header_size > disk->sector_size ||
        !header_crc_right(table->sector, h))
        return GPT_DAMAGED;
    return header_valid(disk, h, lba) ? GPT_OK : GPT_DAMAGED;
}

static bool entry_used(const struct gpt_entry *e)
{
    uint8_t any = 0;

    for (size_t i = 0; i < sizeof(e->partition_type_guid); i++)
        any |= e->partition_type_guid[i];
    return any != 0;
}

static bool partition_overlaps(const struct gpt_table *table, const struct gpt_entry *e)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct gpt_partition *p = &table->partitions[i];

        if (e->starting_lba < p->first_sector + p->sector_count && p->first_sector <= e->ending_lba)
            return true;
    }
    return false;
}

/* Take entry number @number into the table; false: it makes the table unsound. */
static bool entry_take(struct gpt_table *table, const struct gpt_header *h,
                       const struct gpt_entry *e, uint32_t number)
{
    struct gpt_partition *p = &table->partitions[table->count];

    if (!entry_used(e))
        return true;
    if (e->starting_lba < h->first_usable_lba || e->ending_lba > h->last_usable_lba ||
        e->starting_lba > e->ending_lba)
        return false;
    if (table->count == GPT_MAX_PARTITIONS || partition_overlaps(table, e))
        return false;
    p->number = number;
    p->first_sector = e->starting_lba;
    p->sector_count = e->ending_lba - e->starting_lba + 1;
    memcpy(p->type, e->partition_type_guid, sizeof(p->type));
    memcpy(p->name, e->partition_name, sizeof(p->name));
    table->count++;
    return true;
}

/* Take the entries in the first @bytes of table->sector, numbered from @number. */
static bool entries_take(struct gpt_table *table, const struct gpt_header *h, uint32_t bytes,
                         uint32_t number)
{
    struct gpt_entry e;

    for (uint32_t offset = 0; offset < bytes; offset += h->size_of_partition_entry) {
        memcpy(&e, table->sector + offset, sizeof(e));
        if (!entry_take(table, h, &e, number++))
            return false;
    }
    return true;
}

/* Entries are taken as they are read, and believed only if the CRC over them all turns out right.
 */
static enum gpt_status array_read(const struct gpt_disk *disk, struct gpt_table *table,
                                  const struct gpt_header *h)
{
    uint64_t left = (uint64_t)h->number_of_partition_entries * h->size_of_partition_entry;
    uint64_t lba = h->partition_entry_lba;
    uint32_t crc = 0, number = 1;

    for (; left > 0; lba++) {
        uint32_t bytes = left < disk->sector_size ? (uint32_t)left : disk->sector_size;

        if (!disk->read(disk->context, lba, table->sector))
            return GPT_READ_ERROR;
        crc = crc32_update(crc, table->sector, bytes);
        if (!entries_take(table, h, bytes, number))
            return GPT_DAMAGED;
        number += bytes / h->size_of_partition_entry;
        left -= bytes;
    }
    return crc == h->partition_entry_array_crc32 ? GPT_OK : GPT_DAMAGED;
}

static enum gpt_status table_read(const struct gpt_disk *disk, uint64_t lba,
                                  struct gpt_table *table)
{
    struct gpt_header header;
    enum gpt_status status = header_read(disk, lba, table, &header);

    table->count = 0;
    if (status == GPT_OK)
        status = array_read(disk, table, &header);
    if (status != GPT_OK)
        table->count = 0;
    return status;
}

enum gpt_status gpt_read(const struct gpt_disk *disk, struct gpt_table *table)
{
    uint32_t size = disk->sector_size;
    enum gpt_status backup;

    table->count = 0;
    table->from_backup = false;
    if (size < GPT_SECTOR_SIZE_MIN || size > GPT_SECTOR_SIZE_MAX || (size & (size - 1)) != 0 ||
        disk->sector_count < GPT_DISK_SECTORS_MIN)
        return GPT_BAD_DISK;
    if (!disk->read(disk->context, 0, table->sector))
        return GPT_READ_ERROR;
    if (!protective_mbr(table->sector))
        return GPT_ABSENT;
    table->primary = table_read(disk, GPT_PRIMARY_LBA, table);
    if (table->primary == GPT_OK)
        return GPT_OK;
    backup = table_read(disk, disk->sector_count - 1, table);
    table->from_backup = backup == GPT_OK;
    return table->from_backup || table->primary == GPT_ABSENT ? backup : table->primary;
}

const char *gpt_status_text(enum gpt_status status)
{
    static const char *const texts[] = {
        [GPT_OK] = "sound",
        [GPT_ABSENT] = "absent",
        [GPT_DAMAGED] = "damaged",
        [GPT_READ_ERROR] = "unreadable",
        [GPT_BAD_DISK] = "impossible on this disk",
    };

    return texts[status];
}
