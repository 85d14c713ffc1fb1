/* SPDX-License-Identifier: MIT */
/* storvsp/scsi.h - a SCSI disk's device server: what a CDB asks for, and how it is answered.
 *
 *   scsi_start                 -> task->step: SCSI_DONE      answered; data_bytes of data[] go back
 *                                             SCSI_FETCH     get data_bytes into data[], then
 *                                                            scsi_fetched
 *                                             SCSI_IO        carry out the extents, then
 *                                                            scsi_finish
 *                                             SCSI_REFUSED   the initiator contradicts itself, as
 *                                                            reason says: no SCSI status, no data
 * Pure: no state but the arguments, no allocation. Any context. The CDB is the caller's own copy;
 * everything in it and in fetched data is hostile. SPC-4, SBC-3. */
#ifndef STORVSP_SCSI_H
#define STORVSP_SCSI_H

#include <stdbool.h>
#include <stdint.h>
#include <vspabi/scsi.h>

#define SCSI_DATA_MAX    4096u /* the most that is answered, or fetched, beside sectors */
#define SCSI_EXTENTS_MAX 32u   /* of one UNMAP */
#define SCSI_SECTOR_MIN  512u
#define SCSI_SECTOR_MAX  4096u

enum scsi_op { SCSI_OP_READ, SCSI_OP_WRITE, SCSI_OP_FLUSH, SCSI_OP_DISCARD };

/* How an operation on the disk went. */
enum scsi_outcome {
    SCSI_OUTCOME_OK,
    SCSI_OUTCOME_MEDIUM_ERROR,
    SCSI_OUTCOME_DEVICE_ERROR,
    SCSI_OUTCOME_OUT_OF_RANGE,
    SCSI_OUTCOME_READ_ONLY,
    SCSI_OUTCOME_GONE,
    SCSI_OUTCOME_UNSUPPORTED,
};

/* What a disk is. Texts are padded with blanks on the wire. */
struct scsi_disk {
    uint64_t sector_count;         /* at least 1 */
    uint32_t sector_size;          /* bytes, a power of 2: SCSI_SECTOR_MIN to _MAX */
    uint8_t physical_exponent;     /* log2 of the sectors of a physical block, to 15 */
    uint32_t max_transfer_sectors; /* of one read or write */
    uint32_t max_discard_sectors;  /* of one discard, 0 without can_discard */
    uint64_t identifier;           /* unique; 60 bits are used */
    bool read_only;
    bool write_cache; /* volatile: writes are safe after a flush only */
    bool rotating;
    bool can_discard;
    bool discard_zeroes; /* each sector of a discard is certain to read as zeroes afterwards */
    char vendor[SCSI_VENDOR_LENGTH + 1];
    char product[SCSI_PRODUCT_LENGTH + 1];
    char revision[SCSI_REVISION_LENGTH + 1];
    char serial[SCSI_SERIAL_LENGTH + 1];
};

struct scsi_command {
    uint8_t cdb[SCSI_CDB_MAX];
    uint8_t cdb_length;
    uint8_t direction; /* STORAGE_DATA_*, vspabi/storage.h */
    uint32_t buffer_bytes;
};

struct scsi_extent {
    uint64_t sector;
    uint32_t count;
    uint32_t reserved;
};

/* Where a command's data and extents are put together; valid until the next command. */
struct scsi_scratch {
    uint8_t data[SCSI_DATA_MAX];
    struct scsi_extent extents[SCSI_EXTENTS_MAX];
};

enum scsi_step { SCSI_DONE, SCSI_FETCH, SCSI_IO, SCSI_REFUSED };

struct scsi_task {
    enum scsi_step step;
    enum scsi_op op;        /* SCSI_IO */
    bool force_unit_access; /* SCSI_IO: past volatile caches; a hint for reads */
    uint8_t status;         /* SCSI_DONE: SCSI_STATUS_* */
    uint32_t sense;         /* SCSI_DONE: SCSI_SENSE_*, with CHECK CONDITION */
    uint32_t data_bytes;    /* of data[]; of the sectors of a read or write */
    uint32_t extent_count;  /* SCSI_IO: of extents[], at least 1; FLUSH: 0 */
    const char *reason;     /* SCSI_REFUSED: a literal */
};

/* Begin @command on @disk. */
void scsi_start(const struct scsi_disk *disk, const struct scsi_command *command,
                struct scsi_scratch *scratch, struct scsi_task *task);

/* Go on after SCSI_FETCH, with task->data_bytes in scratch->data: never to SCSI_FETCH again. */
void scsi_fetched(const struct scsi_disk *disk, const struct scsi_command *command,
                  struct scsi_scratch *scratch, struct scsi_task *task);

/* The operation of @task ended as @outcome says: step becomes SCSI_DONE, with status and sense. */
void scsi_finish(struct scsi_task *task, enum scsi_outcome outcome);

/* Answer @task with CHECK CONDITION and @sense. */
void scsi_fail(struct scsi_task *task, uint32_t sense);

/* INQUIRY where no logical unit is: data that says so. */
void scsi_absent_inquiry(const struct scsi_command *command, struct scsi_scratch *scratch,
                         struct scsi_task *task);

/* REPORT LUNS: the units whose bits are set in @luns. */
void scsi_report_luns(const struct scsi_command *command, uint64_t luns,
                      struct scsi_scratch *scratch, struct scsi_task *task);

/* Put the sense data of @task, in fixed format, into @buffer of @size bytes; how many it took. */
uint32_t scsi_sense_put(uint32_t sense, uint8_t *buffer, uint32_t size);

#endif
