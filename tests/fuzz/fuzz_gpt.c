/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_gpt.c - any disk: the partitions that come out lie inside it, and apart.
 *
 * Input: one byte of flags, then the disk in sectors of 512 bytes. The flags let the fuzzer past
 * the checksums: bit 0 makes the headers' right, bit 1 the entry arrays'. */
#include <stdlib.h>
#include <string.h>
#include "io/gpt.h"
#include "lib/crc32.h"

#define SECTOR      512u
#define FIX_HEADERS 1u
#define FIX_ARRAYS  2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
    uint8_t *bytes;
    uint64_t sectors;
};

static bool image_read(void *context, uint64_t sector, void *buffer)
{
    const struct image *image = context;

    if (sector >= image->sectors)
        abort();
    memcpy(buffer, image->bytes + sector * SECTOR, SECTOR);
    return true;
}

static void checksums_fix(const struct image *image, uint64_t lba, uint8_t flags)
{
    uint8_t *sector = image->bytes + lba * SECTOR;
    struct gpt_header h;
    uint64_t length;

    memcpy(&h, sector, sizeof(h));
    length = (uint64_t)h.number_of_partition_entries * h.size_of_partition_entry;
    if ((flags & FIX_ARRAYS) && h.partition_entry_lba < image->sectors &&
        length <= (image->sectors - h.partition_entry_lba) * SECTOR)
        h.partition_entry_array_crc32 =
            crc32_update(0, image->bytes + h.partition_entry_lba * SECTOR, length);
    h.header_crc32 = 0;
    memcpy(sector, &h, sizeof(h));
    if (h.header_size <= SECTOR)
        h.header_crc32 = crc32_update(0, sector, h.header_size);
    memcpy(sector, &h, sizeof(h));
}

static void partitions_check(const struct gpt_table *table, uint64_t sectors)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct gpt_partition *a = &table->partitions[i];

        if (a->sector_count == 0 || a->first_sector >= sectors ||
            a->sector_count > sectors - a->first_sector)
            abort();
        for (uint32_t k = 0; k < i; k++) {
            const struct gpt_partition *b = &table->partitions[k];

            if (a->first_sector < b->first_sector + b->sector_count &&
                b->first_sector < a->first_sector + a->sector_count)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gpt_table table;
    struct image image;
    struct gpt_disk disk = {.read = image_read, .context = &image, .sector_size = SECTOR};
    enum gpt_status status;

    if (size < 1 + SECTOR)
        return 0;
    image.sectors = (size - 1) / SECTOR;
    image.bytes = malloc(image.sectors * SECTOR);
    memcpy(image.bytes, data + 1, image.sectors * SECTOR);
    if ((data[0] & FIX_HEADERS) && image.sectors > 1) {
        checksums_fix(&image, GPT_PRIMARY_LBA, data[0]);
        checksums_fix(&image, image.sectors - 1, data[0]);
    }
    disk.sector_count = image.sectors;
    status = gpt_read(&disk, &table);
    if (status != GPT_OK && table.count != 0)
        abort();
    partitions_check(&table, image.sectors);
    free(image.bytes);
    return 0;
}
