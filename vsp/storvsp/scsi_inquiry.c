/* SPDX-License-Identifier: MIT */
/* storvsp/scsi_inquiry.c - INQUIRY: the standard data and the vital product data of a disk. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include "scsi_data.h"

#define NAA_BYTES          8u
#define DESIGNATOR_HEADER  4u
#define T10_BYTES          (SCSI_VENDOR_LENGTH + SCSI_PRODUCT_LENGTH + SCSI_SERIAL_LENGTH)
#define INQUIRY_CDB_LENGTH 6u

static void text_put(uint8_t *field, const char *text, uint32_t length)
{
    size_t used = strlen(text);

    memset(field, ' ', length);
    memcpy(field, text, used < length ? used : length);
}

static uint32_t standard_put(const struct scsi_disk *disk, uint8_t *data)
{
    memset(data, 0, SCSI_INQUIRY_BYTES);
    data[0] = SCSI_PERIPHERAL_DISK;
    data[2] = SCSI_INQUIRY_VERSION;
    data[3] = SCSI_INQUIRY_FORMAT;
    data[4] = SCSI_INQUIRY_BYTES - 5; /* the bytes that follow this one */
    data[7] = SCSI_INQUIRY_CMDQUE;
    text_put(data + 8, disk->vendor, SCSI_VENDOR_LENGTH);
    text_put(data + 16, disk->product, SCSI_PRODUCT_LENGTH);
    text_put(data + 32, disk->revision, SCSI_REVISION_LENGTH);
    return SCSI_INQUIRY_BYTES;
}

/* ---- vital product data: each puts its page behind the header, and returns its length ---- */

static uint32_t supported_put(const struct scsi_disk *disk, uint8_t *page)
{
    static const uint8_t pages[] = {SCSI_VPD_SUPPORTED,       SCSI_VPD_SERIAL,
                                    SCSI_VPD_IDENTIFICATION,  SCSI_VPD_BLOCK_LIMITS,
                                    SCSI_VPD_CHARACTERISTICS, SCSI_VPD_PROVISIONING};

    memcpy(page, pages, sizeof(pages));
    return disk->can_discard ? sizeof(pages) : sizeof(pages) - 1; /* the last is for discards */
}

static uint32_t serial_put(const struct scsi_disk *disk, uint8_t *page)
{
    uint32_t length = (uint32_t)strlen(disk->serial);

    memcpy(page, disk->serial, length);
    return length;
}

/* Two designators of the logical unit: an NAA one that is locally assigned, and a T10 one. */
static uint32_t identification_put(const struct scsi_disk *disk, uint8_t *page)
{
    uint8_t *t10 = page + DESIGNATOR_HEADER + NAA_BYTES;

    page[0] = SCSI_DESIGNATOR_BINARY;
    page[1] = SCSI_DESIGNATOR_NAA;
    page[3] = NAA_BYTES;
    be64_put(page + DESIGNATOR_HEADER, SCSI_NAA_LOCAL | (disk->identifier & SCSI_NAA_LOCAL_MASK));
    t10[0] = SCSI_DESIGNATOR_ASCII;
    t10[1] = SCSI_DESIGNATOR_T10;
    t10[3] = T10_BYTES;
    t10 += DESIGNATOR_HEADER;
    text_put(t10, disk->vendor, SCSI_VENDOR_LENGTH);
    text_put(t10 + SCSI_VENDOR_LENGTH, disk->product, SCSI_PRODUCT_LENGTH);
    text_put(t10 + SCSI_VENDOR_LENGTH + SCSI_PRODUCT_LENGTH, disk->serial, SCSI_SERIAL_LENGTH);
    return 2 * DESIGNATOR_HEADER + NAA_BYTES + T10_BYTES;
}

/* SBC-3, 6.6.4; offsets there count from the header. */
static uint32_t limits_put(const struct scsi_disk *disk, uint8_t *page)
{
    page -= SCSI_VPD_HEADER_BYTES;
    be32_put(page + 8, disk->max_transfer_sectors);
    be32_put(page + 12, disk->max_transfer_sectors); /* optimal */
    if (disk->can_discard) {
        be32_put(page + 20, disk->max_discard_sectors);
        be32_put(page + 24, SCSI_EXTENTS_MAX);
        be32_put(page + 28, 1); /* granularity */
    }
    if (disk->can_discard && disk->discard_zeroes)
        be64_put(page + 36, disk->max_discard_sectors); /* of WRITE SAME */
    return SCSI_VPD_B_BYTES - SCSI_VPD_HEADER_BYTES;
}

static uint32_t characteristics_put(const struct scsi_disk *disk, uint8_t *page)
{
    if (!disk->rotating) /* its rate is not reported, as 0 says */
        be16_put(page, SCSI_ROTATION_NONE);
    return SCSI_VPD_B_BYTES - SCSI_VPD_HEADER_BYTES;
}

static uint32_t provisioning_put(const struct scsi_disk *disk, uint8_t *page)
{
    page[1] = SCSI_PROVISIONING_LBPU;
    if (disk->discard_zeroes)
        page[1] |= SCSI_PROVISIONING_LBPWS | SCSI_PROVISIONING_LBPRZ;
    page[2] = SCSI_PROVISIONING_THIN;
    return SCSI_VPD_B2_BYTES - SCSI_VPD_HEADER_BYTES;
}

/* The length of the page's body; 0 if there is no such page. The serial number's may be empty. */
static bool page_put(const struct scsi_disk *disk, uint8_t code, uint8_t *page, uint32_t *length)
{
    switch (code) {
    case SCSI_VPD_SUPPORTED:
        *length = supported_put(disk, page);
        return true;
    case SCSI_VPD_SERIAL:
        *length = serial_put(disk, page);
        return true;
    case SCSI_VPD_IDENTIFICATION:
        *length = identification_put(disk, page);
        return true;
    case SCSI_VPD_BLOCK_LIMITS:
        *length = limits_put(disk, page);
        return true;
    case SCSI_VPD_CHARACTERISTICS:
        *length = characteristics_put(disk, page);
        return true;
    case SCSI_VPD_PROVISIONING:
        *length = provisioning_put(disk, page);
        return disk->can_discard;
    default:
        return false;
    }
}

static void vital_data(const struct scsi_disk *disk, const struct scsi_command *command,
                       struct scsi_scratch *scratch, struct scsi_task *task)
{
    uint8_t *data = scratch->data;
    uint32_t length;

    memset(data, 0, SCSI_VPD_HEADER_BYTES + SCSI_VPD_B_BYTES + T10_BYTES);
    data[0] = SCSI_PERIPHERAL_DISK;
    data[1] = command->cdb[2];
    if (!page_put(disk, command->cdb[2], data + SCSI_VPD_HEADER_BYTES, &length)) {
        scsi_fail(task, SCSI_SENSE_INVALID_FIELD);
        return;
    }
    be16_put(data + 2, (uint16_t)length);
    scsi_answer(command, SCSI_VPD_HEADER_BYTES + length, be16_get(command->cdb + 3), task);
}

/* Whether the CDB asks for something that no INQUIRY of SPC-4 gives. */
static bool inquiry_invalid(const uint8_t *cdb)
{
    return (cdb[1] & SCSI_INQUIRY_CMDDT) || (!(cdb[1] & SCSI_INQUIRY_EVPD) && cdb[2] != 0);
}

void scsi_inquiry(const struct scsi_disk *disk, const struct scsi_command *command,
                  struct scsi_scratch *scratch, struct scsi_task *task)
{
    if (inquiry_invalid(command->cdb))
        scsi_fail(task, SCSI_SENSE_INVALID_FIELD);
    else if (command->cdb[1] & SCSI_INQUIRY_EVPD)
        vital_data(disk, command, scratch, task);
    else
        scsi_answer(command, standard_put(disk, scratch->data), be16_get(command->cdb + 3), task);
}

void scsi_absent_inquiry(const struct scsi_command *command, struct scsi_scratch *scratch,
                         struct scsi_task *task)
{
    uint8_t *data = scratch->data;

    *task =
        (struct scsi_task){.step = SCSI_REFUSED, .reason = "an inquiry's CDB has a wrong length"};
    if (command->cdb_length < INQUIRY_CDB_LENGTH || command->cdb_length > SCSI_CDB_MAX)
        return;
    memset(data, 0, SCSI_INQUIRY_BYTES);
    data[0] = SCSI_PERIPHERAL_ABSENT;
    if (!(command->cdb[1] & SCSI_INQUIRY_EVPD)) {
        data[2] = SCSI_INQUIRY_VERSION;
        data[3] = SCSI_INQUIRY_FORMAT;
        data[4] = SCSI_INQUIRY_BYTES - 5;
    }
    scsi_answer(command, SCSI_INQUIRY_BYTES, be16_get(command->cdb + 3), task);
}
