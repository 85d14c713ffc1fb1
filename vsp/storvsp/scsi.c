/* SPDX-License-Identifier: MIT */
/* storvsp/scsi.c - decodes CDBs, and carries out what needs no more than the disk's description;
 * see scsi.h. Everything is checked before anything is done. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include <vspabi/storage.h>
#include "scsi.h"
#include "scsi_data.h"

#define CDB_GROUP_SHIFT 5u

/* By group: of the others' CDBs nobody knows. */
static uint32_t cdb_length(uint8_t opcode)
{
    static const uint8_t lengths[8] = {6, 10, 10, 0, 16, 12, 0, 0};

    return lengths[opcode >> CDB_GROUP_SHIFT];
}

void scsi_fail(struct scsi_task *task, uint32_t sense)
{
    task->step = SCSI_DONE;
    task->status = SCSI_STATUS_CHECK_CONDITION;
    task->sense = sense;
    task->data_bytes = 0;
}

static void good(struct scsi_task *task)
{
    task->step = SCSI_DONE;
    task->status = SCSI_STATUS_GOOD;
    task->data_bytes = 0;
}

static const char wrong_length[] = "a request's CDB has a wrong length";
static const char wrong_way[] = "a request's data goes the wrong way";
static const char too_short[] = "a request's data is shorter than its CDB says";

static void refuse(struct scsi_task *task, const char *reason)
{
    task->step = SCSI_REFUSED;
    task->reason = reason;
    task->data_bytes = 0;
}

void scsi_answer(const struct scsi_command *command, uint32_t built, uint32_t allocation,
                 struct scsi_task *task)
{
    uint32_t bytes = built < allocation ? built : allocation;

    if (bytes > command->buffer_bytes)
        bytes = command->buffer_bytes;
    if (bytes > 0 && command->direction != STORAGE_DATA_IN) {
        refuse(task, wrong_way);
        return;
    }
    good(task);
    task->data_bytes = bytes;
}

static bool range_valid(const struct scsi_disk *disk, uint64_t sector, uint64_t count)
{
    return sector <= disk->sector_count && count <= disk->sector_count - sector;
}

/* ---- READ and WRITE ---- */

struct transfer {
    uint64_t sector;
    uint32_t count;
    uint8_t flags; /* byte 1, where that holds no part of the address */
};

static void transfer_decode(const uint8_t *cdb, struct transfer *t)
{
    t->flags = cdb[1];
    switch (cdb_length(cdb[0])) {
    case 6:
        t->flags = 0;
        t->sector = be32_get(cdb) & SCSI_6_LBA_MASK;
        t->count = cdb[4] ? cdb[4] : SCSI_6_COUNT_256;
        break;
    case 10:
        t->sector = be32_get(cdb + 2);
        t->count = be16_get(cdb + 7);
        break;
    case 12:
        t->sector = be32_get(cdb + 2);
        t->count = be32_get(cdb + 6);
        break;
    default:
        t->sector = be64_get(cdb + 2);
        t->count = be32_get(cdb + 10);
        break;
    }
}

/* SCSI_SENSE_NONE: nothing speaks against @t. */
static uint32_t transfer_check(const struct scsi_disk *disk, const struct transfer *t,
                               enum scsi_op op)
{
    if (t->flags & SCSI_RW_PROTECT_MASK)
        return SCSI_SENSE_INVALID_FIELD;
    if (!range_valid(disk, t->sector, t->count))
        return SCSI_SENSE_LBA_RANGE;
    if (op == SCSI_OP_WRITE && disk->read_only)
        return SCSI_SENSE_WRITE_PROTECTED;
    if (t->count > disk->max_transfer_sectors)
        return SCSI_SENSE_INVALID_FIELD;
    return SCSI_SENSE_NONE;
}

static void transfer_start(const struct scsi_disk *disk, const struct scsi_command *command,
                           enum scsi_op op, struct scsi_scratch *scratch, struct scsi_task *task)
{
    uint8_t direction = op == SCSI_OP_READ ? STORAGE_DATA_IN : STORAGE_DATA_OUT;
    struct transfer t;
    uint32_t sense;

    transfer_decode(command->cdb, &t);
    sense = transfer_check(disk, &t, op);
    if (sense != SCSI_SENSE_NONE) {
        scsi_fail(task, sense);
    } else if (t.count == 0) {
        good(task);
    } else if (command->direction != direction) {
        refuse(task, wrong_way);
    } else if ((uint64_t)t.count * disk->sector_size > command->buffer_bytes) {
        refuse(task, too_short);
    } else {
        task->step = SCSI_IO;
        task->op = op;
        task->force_unit_access = (t.flags & SCSI_RW_FUA) != 0;
        task->data_bytes = t.count * disk->sector_size;
        task->extent_count = 1;
        scratch->extents[0] = (struct scsi_extent){.sector = t.sector, .count = t.count};
    }
}

/* The whole cache is written, whatever the range; IMMED only allows to answer early. */
static void synchronize_start(const struct scsi_disk *disk, const struct scsi_command *command,
                              struct scsi_task *task)
{
    struct transfer t;

    transfer_decode(command->cdb, &t);
    if (!range_valid(disk, t.sector, t.count)) {
        scsi_fail(task, SCSI_SENSE_LBA_RANGE);
        return;
    }
    task->step = SCSI_IO;
    task->op = SCSI_OP_FLUSH;
}

/* ---- UNMAP and WRITE SAME ---- */

static void fetch(const struct scsi_command *command, uint32_t bytes, struct scsi_task *task)
{
    if (command->direction != STORAGE_DATA_OUT) {
        refuse(task, wrong_way);
        return;
    }
    if (bytes > command->buffer_bytes) {
        refuse(task, too_short);
        return;
    }
    task->step = SCSI_FETCH;
    task->data_bytes = bytes;
}

static uint32_t discard_check(const struct scsi_disk *disk, bool offered)
{
    if (!disk->can_discard || !offered)
        return SCSI_SENSE_INVALID_OPCODE;
    return disk->read_only ? SCSI_SENSE_WRITE_PROTECTED : SCSI_SENSE_NONE;
}

static void unmap_start(const struct scsi_disk *disk, const struct scsi_command *command,
                        struct scsi_task *task)
{
    uint32_t length = be16_get(command->cdb + 7);
    uint32_t sense = discard_check(disk, true);

    if (sense != SCSI_SENSE_NONE)
        scsi_fail(task, sense);
    else if (command->cdb[1] & SCSI_UNMAP_ANCHOR)
        scsi_fail(task, SCSI_SENSE_INVALID_FIELD);
    else if (length == 0)
        good(task);
    else if (length < SCSI_UNMAP_HEADER_BYTES || length > SCSI_DATA_MAX)
        scsi_fail(task, SCSI_SENSE_LIST_LENGTH);
    else
        fetch(command, length, task);
}

/* Take the descriptors in the first @bytes of the list; the sense that speaks against them. */
static uint32_t unmap_take(const struct scsi_disk *disk, struct scsi_scratch *scratch,
                           uint32_t bytes, struct scsi_task *task)
{
    uint64_t total = 0;

    task->extent_count = 0;
    for (uint32_t at = SCSI_UNMAP_HEADER_BYTES; at < bytes; at += SCSI_UNMAP_DESCRIPTOR_BYTES) {
        uint64_t sector = be64_get(scratch->data + at);
        uint32_t count = be32_get(scratch->data + at + 8);

        if (!range_valid(disk, sector, count))
            return SCSI_SENSE_LBA_RANGE;
        total += count;
        if (total > disk->max_discard_sectors)
            return SCSI_SENSE_INVALID_LIST;
        if (count > 0)
            scratch->extents[task->extent_count++] =
                (struct scsi_extent){.sector = sector, .count = count};
    }
    return SCSI_SENSE_NONE;
}

static void discard(struct scsi_task *task)
{
    task->step = SCSI_IO;
    task->op = SCSI_OP_DISCARD;
    task->data_bytes = 0;
}

static void unmap_fetched(const struct scsi_disk *disk, struct scsi_scratch *scratch,
                          struct scsi_task *task)
{
    uint32_t bytes = be16_get(scratch->data + 2); /* of descriptors */
    uint32_t sense;

    bytes -= bytes % SCSI_UNMAP_DESCRIPTOR_BYTES;
    if (bytes > task->data_bytes - SCSI_UNMAP_HEADER_BYTES) {
        scsi_fail(task, SCSI_SENSE_LIST_LENGTH);
        return;
    }
    if (bytes > SCSI_EXTENTS_MAX * SCSI_UNMAP_DESCRIPTOR_BYTES) {
        scsi_fail(task, SCSI_SENSE_INVALID_LIST);
        return;
    }
    sense = unmap_take(disk, scratch, SCSI_UNMAP_HEADER_BYTES + bytes, task);
    if (sense != SCSI_SENSE_NONE)
        scsi_fail(task, sense);
    else if (task->extent_count == 0)
        good(task);
    else
        discard(task);
}

/* Only for writing zeroes, and only where a discard is sure to do that. */
static void write_same_start(const struct scsi_disk *disk, const struct scsi_command *command,
                             struct scsi_scratch *scratch, struct scsi_task *task)
{
    uint8_t flags = command->cdb[1];
    struct transfer t;
    uint32_t sense = discard_check(disk, disk->discard_zeroes);

    transfer_decode(command->cdb, &t);
    if (sense == SCSI_SENSE_NONE && !range_valid(disk, t.sector, t.count))
        sense = SCSI_SENSE_LBA_RANGE;
    if (sense == SCSI_SENSE_NONE &&
        ((flags & (SCSI_RW_PROTECT_MASK | SCSI_SAME_ANCHOR)) || !(flags & SCSI_SAME_UNMAP) ||
         t.count == 0 || t.count > disk->max_discard_sectors))
        sense = SCSI_SENSE_INVALID_FIELD;
    if (sense != SCSI_SENSE_NONE) {
        scsi_fail(task, sense);
        return;
    }
    scratch->extents[0] = (struct scsi_extent){.sector = t.sector, .count = t.count};
    task->extent_count = 1;
    if (flags & SCSI_SAME_NDOB)
        discard(task);
    else
        fetch(command, disk->sector_size, task);
}

static void write_same_fetched(const struct scsi_scratch *scratch, struct scsi_task *task)
{
    uint8_t any = 0;

    for (uint32_t i = 0; i < task->data_bytes; i++)
        any |= scratch->data[i];
    if (any)
        scsi_fail(task, SCSI_SENSE_INVALID_FIELD);
    else
        discard(task);
}

/* ---- what is answered from the description ---- */

static void capacity_10(const struct scsi_disk *disk, const struct scsi_command *command,
                        struct scsi_scratch *scratch, struct scsi_task *task)
{
    uint64_t last = disk->sector_count - 1;

    be32_put(scratch->data, last < UINT32_MAX ? (uint32_t)last : UINT32_MAX);
    be32_put(scratch->data + 4, disk->sector_size);
    scsi_answer(command, SCSI_CAPACITY_10_BYTES, SCSI_CAPACITY_10_BYTES, task);
}

static void capacity_16(const struct scsi_disk *disk, const struct scsi_command *command,
                        struct scsi_scratch *scratch, struct scsi_task *task)
{
    uint8_t *data = scratch->data;

    memset(data, 0, SCSI_CAPACITY_16_BYTES);
    be64_put(data, disk->sector_count - 1);
    be32_put(data + 8, disk->sector_size);
    data[13] = disk->physical_exponent & SCSI_CAPACITY_PHYSICAL;
    if (disk->can_discard)
        data[14] = SCSI_CAPACITY_LBPME;
    if (disk->can_discard && disk->discard_zeroes)
        data[14] |= SCSI_CAPACITY_LBPRZ;
    scsi_answer(command, SCSI_CAPACITY_16_BYTES, be32_get(command->cdb + 10), task);
}

static void service_action_in(const struct scsi_disk *disk, const struct scsi_command *command,
                              struct scsi_scratch *scratch, struct scsi_task *task)
{
    if ((command->cdb[1] & SCSI_SERVICE_ACTION_MASK) == SCSI_SA_READ_CAPACITY_16)
        capacity_16(disk, command, scratch, task);
    else
        scsi_fail(task, SCSI_SENSE_INVALID_OPCODE);
}

/* Sense data goes back with each answer, so none is left over to ask for. */
static void request_sense(const struct scsi_command *command, struct scsi_scratch *scratch,
                          struct scsi_task *task)
{
    uint32_t built;

    if (command->cdb[1] & SCSI_REQUEST_SENSE_DESC) {
        scsi_fail(task, SCSI_SENSE_INVALID_FIELD);
        return;
    }
    built = scsi_sense_put(SCSI_SENSE_NONE, scratch->data, SCSI_SENSE_BYTES);
    scsi_answer(command, built, command->cdb[4], task);
}

static uint32_t luns_put(uint8_t *data, uint64_t luns)
{
    uint8_t *entry = data + SCSI_LUNS_HEADER_BYTES;
    uint32_t count = 0;

    for (uint32_t lun = 0; lun < 64; lun++) {
        if (!(luns >> lun & 1))
            continue;
        memset(entry, 0, SCSI_LUNS_ENTRY_BYTES);
        entry[1] = (uint8_t)lun; /* single level, peripheral device addressing */
        entry += SCSI_LUNS_ENTRY_BYTES;
        count++;
    }
    return count;
}

void scsi_report_luns(const struct scsi_command *command, uint64_t luns,
                      struct scsi_scratch *scratch, struct scsi_task *task)
{
    uint32_t allocation = be32_get(command->cdb + 6), count = 0;
    uint8_t select = command->cdb[2];

    *task = (struct scsi_task){.step = SCSI_DONE};
    if (command->cdb_length < cdb_length(SCSI_REPORT_LUNS)) {
        refuse(task, wrong_length);
        return;
    }
    if (select > SCSI_LUNS_SELECT_ALL || allocation < SCSI_LUNS_ALLOCATION_MIN) {
        scsi_fail(task, SCSI_SENSE_INVALID_FIELD);
        return;
    }
    memset(scratch->data, 0, SCSI_LUNS_HEADER_BYTES);
    if (select != SCSI_LUNS_SELECT_WELL)
        count = luns_put(scratch->data, luns);
    be32_put(scratch->data, count * SCSI_LUNS_ENTRY_BYTES);
    scsi_answer(command, SCSI_LUNS_HEADER_BYTES + count * SCSI_LUNS_ENTRY_BYTES, allocation, task);
}

/* ---- dispatch ---- */

static void dispatch(const struct scsi_disk *disk, const struct scsi_command *command,
                     struct scsi_scratch *scratch, struct scsi_task *task)
{
    switch (command->cdb[0]) {
    case SCSI_READ_6:
    case SCSI_READ_10:
    case SCSI_READ_12:
    case SCSI_READ_16:
        transfer_start(disk, command, SCSI_OP_READ, scratch, task);
        break;
    case SCSI_WRITE_6:
    case SCSI_WRITE_10:
    case SCSI_WRITE_12:
    case SCSI_WRITE_16:
        transfer_start(disk, command, SCSI_OP_WRITE, scratch, task);
        break;
    case SCSI_SYNCHRONIZE_CACHE_10:
    case SCSI_SYNCHRONIZE_CACHE_16:
        synchronize_start(disk, command, task);
        break;
    case SCSI_TEST_UNIT_READY:
        good(task);
        break;
    case SCSI_INQUIRY:
        scsi_inquiry(disk, command, scratch, task);
        break;
    case SCSI_READ_CAPACITY_10:
        capacity_10(disk, command, scratch, task);
        break;
    case SCSI_SERVICE_ACTION_IN_16:
        service_action_in(disk, command, scratch, task);
        break;
    case SCSI_MODE_SENSE_6:
        scsi_mode_sense_6(disk, command, scratch, task);
        break;
    case SCSI_MODE_SENSE_10:
        scsi_mode_sense_10(disk, command, scratch, task);
        break;
    case SCSI_REQUEST_SENSE:
        request_sense(command, scratch, task);
        break;
    case SCSI_UNMAP:
        unmap_start(disk, command, task);
        break;
    case SCSI_WRITE_SAME_16:
        write_same_start(disk, command, scratch, task);
        break;
    default:
        scsi_fail(task, SCSI_SENSE_INVALID_OPCODE);
        break;
    }
}

void scsi_start(const struct scsi_disk *disk, const struct scsi_command *command,
                struct scsi_scratch *scratch, struct scsi_task *task)
{
    uint32_t length = cdb_length(command->cdb[0]);

    *task = (struct scsi_task){.step = SCSI_DONE};
    if (command->cdb_length == 0 || command->cdb_length > SCSI_CDB_MAX ||
        command->cdb_length < length)
        refuse(task, wrong_length);
    else if (command->direction > STORAGE_DATA_NONE)
        refuse(task, wrong_way);
    else if (length == 0)
        scsi_fail(task, SCSI_SENSE_INVALID_OPCODE);
    else if (command->cdb[length - 1] & SCSI_CONTROL_NACA)
        scsi_fail(task, SCSI_SENSE_INVALID_FIELD);
    else
        dispatch(disk, command, scratch, task);
}

void scsi_fetched(const struct scsi_disk *disk, const struct scsi_command *command,
                  struct scsi_scratch *scratch, struct scsi_task *task)
{
    if (command->cdb[0] == SCSI_UNMAP)
        unmap_fetched(disk, scratch, task);
    else
        write_same_fetched(scratch, task);
}

static uint32_t outcome_sense(enum scsi_outcome outcome, enum scsi_op op)
{
    switch (outcome) {
    case SCSI_OUTCOME_OK:
        return SCSI_SENSE_NONE;
    case SCSI_OUTCOME_MEDIUM_ERROR:
        return op == SCSI_OP_READ ? SCSI_SENSE_READ_ERROR : SCSI_SENSE_WRITE_ERROR;
    case SCSI_OUTCOME_OUT_OF_RANGE:
        return SCSI_SENSE_LBA_RANGE;
    case SCSI_OUTCOME_READ_ONLY:
        return SCSI_SENSE_WRITE_PROTECTED;
    case SCSI_OUTCOME_GONE:
        return SCSI_SENSE_LUN_UNSUPPORTED;
    case SCSI_OUTCOME_UNSUPPORTED:
        return SCSI_SENSE_INVALID_OPCODE;
    case SCSI_OUTCOME_DEVICE_ERROR:
    default:
        return SCSI_SENSE_INTERNAL_FAILURE;
    }
}

void scsi_finish(struct scsi_task *task, enum scsi_outcome outcome)
{
    uint32_t sense = outcome_sense(outcome, task->op);

    if (sense != SCSI_SENSE_NONE) {
        scsi_fail(task, sense);
        return;
    }
    task->step = SCSI_DONE;
    task->status = SCSI_STATUS_GOOD;
}

uint32_t scsi_sense_put(uint32_t sense, uint8_t *buffer, uint32_t size)
{
    uint8_t data[SCSI_SENSE_BYTES] = {SCSI_SENSE_FIXED};
    uint32_t bytes = size < SCSI_SENSE_BYTES ? size : SCSI_SENSE_BYTES;

    data[SCSI_SENSE_KEY] = (uint8_t)(sense >> 16) & SCSI_SENSE_KEY_MASK;
    data[SCSI_SENSE_ADDITIONAL] = SCSI_SENSE_BYTES - SCSI_SENSE_ADDITIONAL - 1;
    data[SCSI_SENSE_CODE] = (uint8_t)(sense >> 8);
    data[SCSI_SENSE_QUALIFIER] = (uint8_t)sense;
    memcpy(buffer, data, bytes);
    return bytes;
}
