/* SPDX-License-Identifier: MIT */
/* storvsp/scsi_mode.c - MODE SENSE: the caching and the control page, nothing of which can be
 * changed. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include "scsi_data.h"

/* What a CDB with 6 or 10 bytes asks for. */
struct mode_request {
    uint8_t page, subpage, control;
    bool no_descriptor;
    uint32_t header_bytes, allocation;
};

static void request_decode(const uint8_t *cdb, struct mode_request *r)
{
    r->no_descriptor = (cdb[1] & SCSI_MODE_DBD) != 0;
    r->page = cdb[2] & SCSI_MODE_PAGE_MASK;
    r->control = cdb[2] >> SCSI_MODE_CONTROL_SHIFT;
    r->subpage = cdb[3];
}

static uint32_t request_check(const struct mode_request *r)
{
    if (r->page != SCSI_MODE_PAGE_CACHING && r->page != SCSI_MODE_PAGE_CONTROL &&
        r->page != SCSI_MODE_PAGE_ALL)
        return SCSI_SENSE_INVALID_FIELD;
    if (r->subpage != 0 && r->subpage != SCSI_MODE_SUBPAGE_ALL)
        return SCSI_SENSE_INVALID_FIELD;
    return r->control == SCSI_MODE_SAVED ? SCSI_SENSE_NOT_SAVED : SCSI_SENSE_NONE;
}

static uint32_t descriptor_put(const struct scsi_disk *disk, uint8_t *data)
{
    uint64_t count = disk->sector_count;

    be32_put(data, count < UINT32_MAX ? (uint32_t)count : UINT32_MAX);
    be32_put(data + 4, disk->sector_size); /* 24 bits behind a reserved byte */
    return SCSI_MODE_DESCRIPTOR_BYTES;
}

/* The @bytes of page @code at @data are zeroes yet. Nothing is changeable: that mask stays so. */
static uint8_t *page_begin(uint8_t *data, uint8_t code, uint32_t bytes)
{
    data[0] = code;
    data[1] = (uint8_t)(bytes - 2);
    return data;
}

static uint32_t pages_put(const struct scsi_disk *disk, const struct mode_request *r, uint8_t *data)
{
    bool changeable = r->control == SCSI_MODE_CHANGEABLE;
    uint32_t used = 0;
    uint8_t *page;

    if (r->page != SCSI_MODE_PAGE_CONTROL) {
        page = page_begin(data, SCSI_MODE_PAGE_CACHING, SCSI_MODE_CACHING_BYTES);
        if (disk->write_cache && !changeable)
            page[2] = SCSI_MODE_WCE;
        used += SCSI_MODE_CACHING_BYTES;
    }
    if (r->page != SCSI_MODE_PAGE_CACHING) {
        page = page_begin(data + used, SCSI_MODE_PAGE_CONTROL, SCSI_MODE_CONTROL_BYTES);
        if (!changeable)
            page[3] = SCSI_MODE_UNRESTRICTED;
        used += SCSI_MODE_CONTROL_BYTES;
    }
    return used;
}

static uint8_t device_parameter(const struct scsi_disk *disk)
{
    return disk->read_only ? SCSI_MODE_WRITE_PROTECT | SCSI_MODE_DPOFUA : SCSI_MODE_DPOFUA;
}

/* All but the header, whose place is left. @descriptor: the length of the block descriptors. */
static uint32_t body_put(const struct scsi_disk *disk, const struct mode_request *r, uint8_t *data,
                         uint32_t *descriptor)
{
    memset(data, 0,
           SCSI_MODE_HEADER_10_BYTES + SCSI_MODE_DESCRIPTOR_BYTES + SCSI_MODE_CACHING_BYTES +
               SCSI_MODE_CONTROL_BYTES);
    data += r->header_bytes;
    *descriptor = r->no_descriptor ? 0 : descriptor_put(disk, data);
    return r->header_bytes + *descriptor + pages_put(disk, r, data + *descriptor);
}

void scsi_mode_sense_6(const struct scsi_disk *disk, const struct scsi_command *command,
                       struct scsi_scratch *scratch, struct scsi_task *task)
{
    struct mode_request r = {.header_bytes = SCSI_MODE_HEADER_6_BYTES,
                             .allocation = command->cdb[4]};
    uint8_t *data = scratch->data;
    uint32_t built, descriptor, sense;

    request_decode(command->cdb, &r);
    sense = request_check(&r);
    if (sense != SCSI_SENSE_NONE) {
        scsi_fail(task, sense);
        return;
    }
    built = body_put(disk, &r, data, &descriptor);
    data[0] = (uint8_t)(built - 1); /* the bytes that follow this one */
    data[2] = device_parameter(disk);
    data[3] = (uint8_t)descriptor;
    scsi_answer(command, built, r.allocation, task);
}

void scsi_mode_sense_10(const struct scsi_disk *disk, const struct scsi_command *command,
                        struct scsi_scratch *scratch, struct scsi_task *task)
{
    struct mode_request r = {.header_bytes = SCSI_MODE_HEADER_10_BYTES,
                             .allocation = be16_get(command->cdb + 7)};
    uint8_t *data = scratch->data;
    uint32_t built, descriptor, sense;

    request_decode(command->cdb, &r);
    sense = request_check(&r);
    if (sense != SCSI_SENSE_NONE) {
        scsi_fail(task, sense);
        return;
    }
    built = body_put(disk, &r, data, &descriptor);
    be16_put(data, (uint16_t)(built - 2));
    data[3] = device_parameter(disk);
    be16_put(data + 6, (uint16_t)descriptor);
    scsi_answer(command, built, r.allocation, task);
}
