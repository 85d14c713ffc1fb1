/* SPDX-License-Identifier: MIT */
/* root/drivers/ahci_prdt.c - region descriptors, trim ranges and identification data. */
#include <rt/mem.h>
#include "drivers/ahci_prdt.h"
#include "io/dma.h"

/* Whether @prd goes on at @address and has room for more. */
static uint32_t prd_room(const struct ahci_prd *prd, uint64_t address)
{
    uint32_t length = prd->count + 1;

    return prd->address + length == address ? AHCI_PRD_BYTES_MAX - length : 0;
}

uint32_t ahci_prdt_build(const struct block_segment *segments, uint32_t count,
                         struct ahci_prd *prdt, uint32_t room)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t address = dma_map(segments[i].physical, segments[i].length);
        uint32_t left = segments[i].length;

        while (left > 0) {
            uint32_t n = used > 0 ? prd_room(&prdt[used - 1], address) : 0;
            bool joins = n > 0;

            if (!joins && used == room)
                return 0;
            n = joins ? n : AHCI_PRD_BYTES_MAX;
            n = n < left ? n : left;
            if (joins)
                prdt[used - 1].count += n;
            else
                prdt[used++] = (struct ahci_prd){.address = address, .count = n - 1};
            address += n;
            left -= n;
        }
    }
    return used;
}

void ahci_trim_build(uint64_t sector, uint32_t count, uint64_t ranges[ATA_TRIM_RANGES])
{
    memset(ranges, 0, ATA_TRIM_BLOCK);
    for (uint32_t i = 0; i < ATA_TRIM_RANGES && count > 0; i++) {
        uint32_t n = count < ATA_TRIM_LENGTH_MAX ? count : ATA_TRIM_LENGTH_MAX;

        ranges[i] = (uint64_t)n << ATA_TRIM_LENGTH_SHIFT | sector;
        sector += n;
        count -= n;
    }
}

/* ATA's strings have the first character in a word's high byte (ACS 3.3.10). */
static void string_read(const uint16_t *words, uint32_t count, char *text)
{
    char raw[2 * ATA_ID_MODEL_WORDS];

    for (size_t i = 0; i < count; i++) {
        raw[2 * i] = (char)(words[i] >> 8);
        raw[2 * i + 1] = (char)(words[i] & 0xff);
    }
    block_text(text, raw, 2 * count);
}

static uint32_t sector_size_read(const uint16_t *words)
{
    uint16_t flags = words[ATA_ID_SECTOR_SIZE];

    if ((flags & ATA_ID_SECTOR_VALID) != ATA_ID_SECTOR_VALUE || !(flags & ATA_ID_SECTOR_LONG))
        return ATA_SECTOR_SIZE;
    return 2 * (words[ATA_ID_SECTOR_WORDS] | (uint32_t)words[ATA_ID_SECTOR_WORDS + 1] << 16);
}

bool ata_identify_parse(const uint16_t words[ATA_ID_WORDS], struct ata_identity *identity)
{
    *identity = (struct ata_identity){.sector_size = sector_size_read(words)};
    if (!(words[ATA_ID_COMMANDS_2] & ATA_ID_LBA48))
        return false;
    string_read(words + ATA_ID_MODEL, ATA_ID_MODEL_WORDS, identity->model);
    string_read(words + ATA_ID_SERIAL, ATA_ID_SERIAL_WORDS, identity->serial);
    for (uint32_t i = 0; i < 4; i++)
        identity->sector_count |= (uint64_t)words[ATA_ID_SECTORS + i] << 16 * i;
    if (words[ATA_ID_SATA] & ATA_ID_SATA_NCQ)
        identity->queue_depth = (words[ATA_ID_QUEUE_DEPTH] & 31u) + 1;
    identity->can_trim = (words[ATA_ID_DATA_SET] & ATA_ID_DATA_SET_TRIM) != 0;
    return identity->sector_count > 0 && identity->sector_size >= ATA_SECTOR_SIZE &&
           identity->sector_size <= 4096 &&
           (identity->sector_size & (identity->sector_size - 1)) == 0;
}
