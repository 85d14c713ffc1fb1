/* SPDX-License-Identifier: MIT */
/* scsi_fixture.c - see scsi_fixture.h. */
#include "scsi_fixture.h"

struct scsi_disk disk;
struct scsi_scratch scratch;
struct scsi_task task;
struct scsi_command command;

int scsi_setup(void **state)
{
    (void)state;
    disk = (struct scsi_disk){.sector_count = SECTORS,
                              .sector_size = 512,
                              .max_transfer_sectors = TRANSFER,
                              .max_discard_sectors = DISCARD,
                              .identifier = 0xfedcba9876543210,
                              .write_cache = true,
                              .can_discard = true,
                              .vendor = "VENDOR",
                              .product = "A product",
                              .revision = "1.0",
                              .serial = "SER123"};
    memset(&scratch, 0xaa, sizeof(scratch));
    memset(&task, 0xaa, sizeof(task));
    memset(&command, 0, sizeof(command));
    return 0;
}

void scsi_start_cdb(const uint8_t *cdb, size_t length, uint8_t direction, uint32_t bytes)
{
    memset(&command, 0, sizeof(command));
    memcpy(command.cdb, cdb, length);
    command.cdb_length = (uint8_t)length;
    command.direction = direction;
    command.buffer_bytes = bytes;
    scsi_start(&disk, &command, &scratch, &task);
}

void assert_sense(uint32_t sense)
{
    assert_int_equal(task.step, SCSI_DONE);
    assert_int_equal(task.status, SCSI_STATUS_CHECK_CONDITION);
    assert_int_equal(task.sense, sense);
    assert_int_equal(task.data_bytes, 0);
}

void assert_data(uint32_t bytes)
{
    assert_int_equal(task.step, SCSI_DONE);
    assert_int_equal(task.status, SCSI_STATUS_GOOD);
    assert_int_equal(task.data_bytes, bytes);
}

void assert_io(enum scsi_op op, uint64_t sector, uint32_t count, bool fua)
{
    assert_int_equal(task.step, SCSI_IO);
    assert_int_equal(task.op, op);
    assert_int_equal(task.extent_count, 1);
    assert_int_equal(scratch.extents[0].sector, sector);
    assert_int_equal(scratch.extents[0].count, count);
    assert_int_equal(task.force_unit_access, fua);
}
