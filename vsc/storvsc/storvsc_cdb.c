/* SPDX-License-Identifier: MIT */
/* storvsc/storvsc_cdb.c - makes commands, and reads what came back. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include "storvsc.h"

/* Begin a CDB: @opcode, the rest zeroes. */
static uint8_t *cdb_begin(struct storvsc_request *r, uint8_t opcode, uint8_t length,
                          uint8_t direction)
{
    memset(r->cdb, 0, sizeof(r->cdb));
    r->cdb[0] = opcode;
    r->cdb_length = length;
    r->direction = direction;
    return r->cdb;
}

static bool fits_10(uint64_t sector, uint32_t count)
{
    return sector <= UINT32_MAX && count <= UINT16_MAX;
}

static void range_10(uint8_t *cdb, uint64_t sector, uint32_t count)
{
    be32_put(cdb + 2, (uint32_t)sector);
    be16_put(cdb + 7, (uint16_t)count);
}

static void range_16(uint8_t *cdb, uint64_t sector, uint32_t count)
{
    be64_put(cdb + 2, sector);
    be32_put(cdb + 10, count);
}

void storvsc_prepare_ready(struct storvsc_request *r)
{
    cdb_begin(r, SCSI_TEST_UNIT_READY, 6, STORAGE_DATA_NONE);
}

void storvsc_prepare_read(struct storvsc_request *r, uint64_t sector, uint32_t count)
{
    if (fits_10(sector, count))
        range_10(cdb_begin(r, SCSI_READ_10, 10, STORAGE_DATA_IN), sector, count);
    else
        range_16(cdb_begin(r, SCSI_READ_16, 16, STORAGE_DATA_IN), sector, count);
}

void storvsc_prepare_write(struct storvsc_request *r, uint64_t sector, uint32_t count,
                           bool force_unit_access)
{
    if (fits_10(sector, count))
        range_10(cdb_begin(r, SCSI_WRITE_10, 10, STORAGE_DATA_OUT), sector, count);
    else
        range_16(cdb_begin(r, SCSI_WRITE_16, 16, STORAGE_DATA_OUT), sector, count);
    if (force_unit_access)
        r->cdb[1] = SCSI_RW_FUA;
}

void storvsc_prepare_flush(struct storvsc_request *r)
{
    cdb_begin(r, SCSI_SYNCHRONIZE_CACHE_10, 10, STORAGE_DATA_NONE);
}

void storvsc_prepare_capacity(struct storvsc_request *r)
{
    uint8_t *cdb = cdb_begin(r, SCSI_SERVICE_ACTION_IN_16, 16, STORAGE_DATA_IN);

    cdb[1] = SCSI_SA_READ_CAPACITY_16;
    be32_put(cdb + 10, SCSI_CAPACITY_16_BYTES);
}

void storvsc_prepare_inquiry(struct storvsc_request *r, uint16_t bytes)
{
    be16_put(cdb_begin(r, SCSI_INQUIRY, 6, STORAGE_DATA_IN) + 3, bytes);
}

void storvsc_prepare_vpd(struct storvsc_request *r, uint8_t page, uint16_t bytes)
{
    storvsc_prepare_inquiry(r, bytes);
    r->cdb[1] = SCSI_INQUIRY_EVPD;
    r->cdb[2] = page;
}

void storvsc_prepare_luns(struct storvsc_request *r, uint32_t bytes)
{
    be32_put(cdb_begin(r, SCSI_REPORT_LUNS, 12, STORAGE_DATA_IN) + 6, bytes);
}

void storvsc_prepare_unmap(struct storvsc_request *r, uint8_t *list, uint64_t sector,
                           uint32_t count)
{
    be16_put(cdb_begin(r, SCSI_UNMAP, 10, STORAGE_DATA_OUT) + 7, STORVSC_UNMAP_BYTES);
    memset(list, 0, STORVSC_UNMAP_BYTES);
    be16_put(list, STORVSC_UNMAP_BYTES - sizeof(uint16_t)); /* what follows this field */
    be16_put(list + 2, SCSI_UNMAP_DESCRIPTOR_BYTES);
    be64_put(list + SCSI_UNMAP_HEADER_BYTES, sector);
    be32_put(list + SCSI_UNMAP_HEADER_BYTES + sizeof(uint64_t), count);
}

void storvsc_data(struct storvsc_request *r, const uint64_t *pages, uint32_t offset,
                  uint32_t length)
{
    r->pages = pages;
    r->offset = offset;
    r->length = length;
}

bool storvsc_capacity(const struct storvsc_request *r, const uint8_t *data, uint64_t *sectors,
                      uint32_t *sector_size)
{
    uint64_t last = be64_get(data);

    *sector_size = be32_get(data + sizeof(last));
    *sectors = last + 1;
    return r->transferred >= sizeof(last) + sizeof(*sector_size) && last != UINT64_MAX &&
           *sector_size > 0 && (*sector_size & (*sector_size - 1)) == 0;
}

bool storvsc_succeeded(const struct storvsc_request *r)
{
    return r->status == STORAGE_STATUS_OK && r->srb_status == STORAGE_SRB_SUCCESS &&
           r->scsi_status == SCSI_STATUS_GOOD;
}

uint32_t storvsc_sense(const struct storvsc_request *r)
{
    if (r->sense_bytes <= SCSI_SENSE_QUALIFIER)
        return SCSI_SENSE_NONE;
    return SCSI_SENSE_OF((uint32_t)r->sense[SCSI_SENSE_KEY] & SCSI_SENSE_KEY_MASK,
                         (uint32_t)r->sense[SCSI_SENSE_CODE],
                         (uint32_t)r->sense[SCSI_SENSE_QUALIFIER]);
}
