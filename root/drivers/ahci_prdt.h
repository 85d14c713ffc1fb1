/* SPDX-License-Identifier: MIT */
/* root/drivers/ahci_prdt.h - what a disk says of itself, and a request's memory as AHCI wants it.
 * Pure functions. */
#ifndef ROOT_DRIVERS_AHCI_PRDT_H
#define ROOT_DRIVERS_AHCI_PRDT_H

#include "drivers/ahci.h"
#include "io/block.h"

/* Describe @segments in @prdt, which has room for @room entries: neighbours are joined, what is
 * longer than an entry may be is cut. The number of entries; 0: there are too many. */
uint32_t ahci_prdt_build(const struct block_segment *segments, uint32_t count,
                         struct ahci_prd *prdt, uint32_t room);

/* Fill the ranges of a TRIM of [@sector, @sector + @count), at most ATA_TRIM_SECTORS_MAX. */
void ahci_trim_build(uint64_t sector, uint32_t count, uint64_t ranges[ATA_TRIM_RANGES]);

struct ata_identity {
    char model[41], serial[21];
    uint64_t sector_count;
    uint32_t sector_size;
    uint32_t queue_depth; /* 0: no native command queuing */
    bool can_trim;
};

/* Read IDENTIFY DEVICE's answer. False: it is not a disk that 48-bit commands reach. */
bool ata_identify_parse(const uint16_t words[ATA_ID_WORDS], struct ata_identity *identity);

#endif
