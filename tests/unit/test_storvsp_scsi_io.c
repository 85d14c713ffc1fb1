/* SPDX-License-Identifier: MIT */
/* test_storvsp_scsi_io.c - which CDBs reach a disk, as what, and which are refused:
 * vsp/storvsp/scsi*.c.
 */
#include "scsi_fixture.h"

/* ---- reading and writing ---- */

static void reads_and_writes_are_decoded_in_each_length(void **state)
{
    (void)state;
    IN(512, 0x08, 0xe1, 0x23, 0x45, 1, 0); /* the upper three bits are reserved */
    assert_io(SCSI_OP_READ, 0x12345, 1, false);
    IN(512, 0x08, 0x1f, 0xff, 0xff, 1, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
    IN(256 * 512, 0x08, 0, 0, 0, 0, 0);
    assert_io(SCSI_OP_READ, 0, 256, false);
    OUT(1024, 0x0a, 0x0f, 0xff, 0xfe, 2, 0);
    assert_io(SCSI_OP_WRITE, SECTORS - 2, 2, false);
    IN(3 * 512, 0x28, 0, 0, 1, 2, 3, 0, 0, 3, 0);
    assert_io(SCSI_OP_READ, 0x10203, 3, false);
    OUT(3 * 512, 0x2a, 0x08, 0, 1, 2, 3, 0, 0, 3, 0);
    assert_io(SCSI_OP_WRITE, 0x10203, 3, true);
    IN(512, 0xa8, 0x10, 0, 1, 2, 3, 0, 0, 0, 1, 0, 0);
    assert_io(SCSI_OP_READ, 0x10203, 1, false);
    OUT(512, 0xaa, 0x18, 0, 1, 2, 3, 0, 0, 0, 1, 0, 0);
    assert_io(SCSI_OP_WRITE, 0x10203, 1, true);
    disk.sector_count = BIG;
    IN(512, 0x88, 8, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x99, 0, 0, 0, 1, 0, 0);
    assert_io(SCSI_OP_READ, BIG - 1, 1, true);
    OUT(1024 * 1024, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 8, 0, 0, 0);
    assert_io(SCSI_OP_WRITE, 9, TRANSFER, false);
    assert_int_equal(task.data_bytes, TRANSFER * 512);
}

static void a_count_of_nothing_is_good(void **state)
{
    (void)state;
    NONE(0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_data(0);
    NONE(0x2a, 0, 0, 0x10, 0, 0, 0, 0, 0, 0);
    assert_data(0);
    NONE(0x2a, 0, 0, 0x10, 0, 1, 0, 0, 0, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
}

static void nothing_past_the_end_is_touched(void **state)
{
    (void)state;
    IN(1024, 0x28, 0, 0, 0x0f, 0xff, 0xff, 0, 0, 2, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
    IN(512, 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
    IN(512, 0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
    IN(512, 0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
    OUT(512, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
}

static void limits_protection_and_contradictions_are_refused(void **state)
{
    (void)state;
    IN(0xffffffff, 0x28, 0, 0, 0, 0, 0, 0, 0x08, 0x01, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD); /* a sector more than a transfer may have */
    IN(512, 0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD); /* RDPROTECT */
    OUT(512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
    IN(512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
    START(3, 512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
    IN(511, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
    NONE(0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
    NONE(0x12, 0, 0, 0, 255, 0);
    assert_data(0);
    OUT(36, 0x12, 0, 0, 0, 1, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
    assert_int_equal(task.data_bytes, 0);
}

static void a_larger_buffer_is_filled_in_part(void **state)
{
    (void)state;
    IN(4096, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_io(SCSI_OP_READ, 0, 1, false);
    assert_int_equal(task.data_bytes, 512);
}

static void a_read_only_disk_is_not_written(void **state)
{
    (void)state;
    disk.read_only = true;
    disk.discard_zeroes = true;
    OUT(512, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_sense(SCSI_SENSE_WRITE_PROTECTED);
    OUT(24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0);
    assert_sense(SCSI_SENSE_WRITE_PROTECTED);
    NONE(0x93, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0);
    assert_sense(SCSI_SENSE_WRITE_PROTECTED);
    IN(512, 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    assert_io(SCSI_OP_READ, 0, 1, false);
}

static void synchronize_cache_flushes(void **state)
{
    (void)state;
    NONE(0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(task.step, SCSI_IO);
    assert_int_equal(task.op, SCSI_OP_FLUSH);
    assert_int_equal(task.extent_count, 0);
    NONE(0x91, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0);
    assert_int_equal(task.op, SCSI_OP_FLUSH);
    NONE(0x91, 0, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 1, 0, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
}

/* ---- UNMAP and WRITE SAME ---- */

static void unmap_list(uint32_t count, uint64_t sector, uint32_t sectors)
{
    memset(scratch.data, 0, sizeof(scratch.data));
    be16_put(scratch.data, (uint16_t)(6 + 16 * count));
    be16_put(scratch.data + 2, (uint16_t)(16 * count));
    for (uint32_t i = 0; i < count; i++) {
        be64_put(scratch.data + 8 + 16 * i, sector + i);
        be32_put(scratch.data + 16 + 16 * i, sectors);
    }
    memset(scratch.data + 8 + 16 * (size_t)count, 0xff, 16); /* what is no part of the list */
    scsi_fetched(&disk, &command, &scratch, &task);
}

static void unmap(uint16_t length)
{
    OUT(length, 0x42, 0, 0, 0, 0, 0, 0, (uint8_t)(length >> 8), (uint8_t)length, 0);
}

static void unmap_discards_what_its_list_names(void **state)
{
    (void)state;
    unmap(8 + 32 * 16);
    assert_int_equal(task.step, SCSI_FETCH);
    assert_int_equal(task.data_bytes, 8 + 32 * 16);
    unmap_list(32, 5, 2);
    assert_int_equal(task.step, SCSI_IO);
    assert_int_equal(task.op, SCSI_OP_DISCARD);
    assert_int_equal(task.extent_count, 32);
    assert_int_equal(task.data_bytes, 0);
    for (uint32_t i = 0; i < 32; i++) {
        assert_int_equal(scratch.extents[i].sector, 5 + i);
        assert_int_equal(scratch.extents[i].count, 2);
    }
    unmap(24);
    unmap_list(1, SECTORS - 1, 1);
    assert_io(SCSI_OP_DISCARD, SECTORS - 1, 1, false);
    unmap(24);
    unmap_list(1, 0, DISCARD);
    assert_io(SCSI_OP_DISCARD, 0, DISCARD, false);
}

static void unmap_of_nothing_is_good(void **state)
{
    (void)state;
    unmap(0);
    assert_data(0);
    unmap(8);
    assert_int_equal(task.step, SCSI_FETCH);
    unmap_list(0, 0, 0);
    assert_data(0);
    unmap(24);
    unmap_list(1, 7, 0);
    assert_data(0);
}

static void unmap_refuses_bad_lists(void **state)
{
    (void)state;
    unmap(7);
    assert_sense(SCSI_SENSE_LIST_LENGTH);
    unmap(4096);
    assert_int_equal(task.step, SCSI_FETCH);
    unmap(4097);
    assert_sense(SCSI_SENSE_LIST_LENGTH);
    unmap(24);
    unmap_list(2, 0, 1); /* names more than was sent */
    assert_sense(SCSI_SENSE_LIST_LENGTH);
    unmap(8 + 33 * 16);
    unmap_list(33, 0, 1);
    assert_sense(SCSI_SENSE_INVALID_LIST);
    unmap(24);
    unmap_list(1, 0, DISCARD + 1);
    assert_sense(SCSI_SENSE_INVALID_LIST);
    unmap(40);
    unmap_list(2, 0, DISCARD / 2 + 1); /* together too many */
    assert_sense(SCSI_SENSE_INVALID_LIST);
    unmap(24);
    unmap_list(1, SECTORS - 1, 2);
    assert_sense(SCSI_SENSE_LBA_RANGE);
    unmap(40);
    unmap_list(2, SECTORS - 1, 1); /* the second is past the end: neither is done */
    assert_sense(SCSI_SENSE_LBA_RANGE);
    unmap(24);
    unmap_list(1, ~0ull, 0xffffffff);
    assert_sense(SCSI_SENSE_LBA_RANGE);
}

static void unmap_refuses_anchor_direction_and_short_buffers(void **state)
{
    (void)state;
    OUT(24, 0x42, 1, 0, 0, 0, 0, 0, 0, 24, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    IN(24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
    OUT(23, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
    disk.can_discard = false;
    OUT(24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0);
    assert_sense(SCSI_SENSE_INVALID_OPCODE);
}

static void write_same_writes_zeroes_where_discards_do(void **state)
{
    (void)state;
    OUT(512, 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0);
    assert_sense(SCSI_SENSE_INVALID_OPCODE);
    disk.discard_zeroes = true;
    OUT(512, 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0);
    assert_int_equal(task.step, SCSI_FETCH);
    assert_int_equal(task.data_bytes, 512);
    memset(scratch.data, 0, 512);
    scsi_fetched(&disk, &command, &scratch, &task);
    assert_io(SCSI_OP_DISCARD, 1, 2, false);
    NONE(0x93, 0x09, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0);
    assert_io(SCSI_OP_DISCARD, 1, 2, false);
    NONE(0x93, 0x09, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0);
    assert_io(SCSI_OP_DISCARD, 1, DISCARD, false);
}

static void write_same_refuses_what_is_no_discard_of_zeroes(void **state)
{
    (void)state;
    disk.discard_zeroes = true;
    OUT(512, 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0);
    memset(scratch.data, 0, 512);
    scratch.data[511] = 1;
    scsi_fetched(&disk, &command, &scratch, &task);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    OUT(512, 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0);
    memset(scratch.data, 0, 512);
    scratch.data[0] = 0x80;
    scsi_fetched(&disk, &command, &scratch, &task);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    OUT(512, 0x93, 0x00, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD); /* without UNMAP */
    OUT(512, 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD); /* to the end of the disk */
    OUT(512, 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD); /* more than a discard may have */
    OUT(512, 0x93, 0x18, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD); /* ANCHOR */
    OUT(512, 0x93, 0x08, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 1, 0, 0);
    assert_sense(SCSI_SENSE_LBA_RANGE);
    OUT(511, 0x93, 0x08, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0);
    assert_int_equal(task.step, SCSI_REFUSED);
}

/* ---- the rest ---- */

static void ready_and_request_sense_have_nothing_to_tell(void **state)
{
    (void)state;
    NONE(0x00, 0, 0, 0, 0, 0);
    assert_data(0);
    IN(252, 0x03, 0, 0, 0, 252, 0);
    assert_data(18);
    assert_int_equal(scratch.data[0], 0x70);
    assert_int_equal(scratch.data[2], 0);
    assert_int_equal(scratch.data[7], 10);
    IN(252, 0x03, 1, 0, 0, 252, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
}

static void every_other_opcode_is_unknown(void **state)
{
    const uint8_t known[] = {0x00, 0x03, 0x08, 0x0a, 0x12, 0x1a, 0x25, 0x28, 0x2a, 0x35,
                             0x42, 0x5a, 0x88, 0x8a, 0x91, 0x93, 0x9e, 0xa8, 0xaa};

    (void)state;
    for (uint32_t opcode = 0; opcode < 256; opcode++) {
        if (memchr(known, (int)opcode, sizeof(known)))
            continue;
        NONE((uint8_t)opcode, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        assert_sense(SCSI_SENSE_INVALID_OPCODE);
    }
}

static void cdbs_of_a_wrong_length_are_refused(void **state)
{
    const struct {
        uint8_t opcode, length;
    } ops[] = {{0x00, 6}, {0x12, 6}, {0x28, 10}, {0x42, 10}, {0xa8, 12}, {0x88, 16}, {0x93, 16}};

    (void)state;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        for (uint32_t length = 0; length < 256; length++) {
            command = (struct scsi_command){.cdb = {ops[i].opcode},
                                            .cdb_length = (uint8_t)length,
                                            .direction = STORAGE_DATA_NONE};
            scsi_start(&disk, &command, &scratch, &task);
            if (length < ops[i].length || length > 16)
                assert_int_equal(task.step, SCSI_REFUSED);
            else
                assert_int_not_equal(task.step, SCSI_REFUSED);
        }
    }
}

static void an_unknown_opcode_without_a_cdb_is_refused(void **state)
{
    (void)state;
    command = (struct scsi_command){.cdb = {0x7f}, .direction = STORAGE_DATA_NONE};
    scsi_start(&disk, &command, &scratch, &task);
    assert_int_equal(task.step, SCSI_REFUSED);
}

static void naca_is_refused(void **state)
{
    (void)state;
    NONE(0x00, 0, 0, 0, 0, 0x04);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    IN(512, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x04);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
}

static void outcomes_become_sense_data(void **state)
{
    const struct {
        enum scsi_op op;
        enum scsi_outcome outcome;
        uint32_t sense;
    } cases[] = {
        {SCSI_OP_READ, SCSI_OUTCOME_MEDIUM_ERROR, SCSI_SENSE_READ_ERROR},
        {SCSI_OP_WRITE, SCSI_OUTCOME_MEDIUM_ERROR, SCSI_SENSE_WRITE_ERROR},
        {SCSI_OP_FLUSH, SCSI_OUTCOME_MEDIUM_ERROR, SCSI_SENSE_WRITE_ERROR},
        {SCSI_OP_READ, SCSI_OUTCOME_DEVICE_ERROR, SCSI_SENSE_INTERNAL_FAILURE},
        {SCSI_OP_READ, SCSI_OUTCOME_OUT_OF_RANGE, SCSI_SENSE_LBA_RANGE},
        {SCSI_OP_WRITE, SCSI_OUTCOME_READ_ONLY, SCSI_SENSE_WRITE_PROTECTED},
        {SCSI_OP_READ, SCSI_OUTCOME_GONE, SCSI_SENSE_LUN_UNSUPPORTED},
        {SCSI_OP_DISCARD, SCSI_OUTCOME_UNSUPPORTED, SCSI_SENSE_INVALID_OPCODE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        task = (struct scsi_task){.step = SCSI_IO, .op = cases[i].op, .data_bytes = 512};
        scsi_finish(&task, cases[i].outcome);
        assert_sense(cases[i].sense);
    }
    task = (struct scsi_task){.step = SCSI_IO, .op = SCSI_OP_READ, .data_bytes = 512};
    scsi_finish(&task, SCSI_OUTCOME_OK);
    assert_data(512);
}

static void sense_data_is_fixed_format_and_cut_to_size(void **state)
{
    const uint8_t expected[18] = {0x70, 0, 7, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x27, 0};
    uint8_t buffer[20];

    (void)state;
    memset(buffer, 0x55, sizeof(buffer));
    assert_int_equal(scsi_sense_put(SCSI_SENSE_WRITE_PROTECTED, buffer, 20), 18);
    assert_memory_equal(buffer, expected, 18);
    assert_int_equal(buffer[18], 0x55);
    memset(buffer, 0x55, sizeof(buffer));
    assert_int_equal(scsi_sense_put(SCSI_SENSE_WRITE_PROTECTED, buffer, 3), 3);
    assert_int_equal(buffer[3], 0x55);
    assert_int_equal(scsi_sense_put(SCSI_SENSE_WRITE_PROTECTED, buffer, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(reads_and_writes_are_decoded_in_each_length),
        FACT(a_count_of_nothing_is_good),
        FACT(nothing_past_the_end_is_touched),
        FACT(limits_protection_and_contradictions_are_refused),
        FACT(a_larger_buffer_is_filled_in_part),
        FACT(a_read_only_disk_is_not_written),
        FACT(synchronize_cache_flushes),
        FACT(unmap_discards_what_its_list_names),
        FACT(unmap_of_nothing_is_good),
        FACT(unmap_refuses_bad_lists),
        FACT(unmap_refuses_anchor_direction_and_short_buffers),
        FACT(write_same_writes_zeroes_where_discards_do),
        FACT(write_same_refuses_what_is_no_discard_of_zeroes),
        FACT(ready_and_request_sense_have_nothing_to_tell),
        FACT(every_other_opcode_is_unknown),
        FACT(cdbs_of_a_wrong_length_are_refused),
        FACT(an_unknown_opcode_without_a_cdb_is_refused),
        FACT(naca_is_refused),
        FACT(outcomes_become_sense_data),
        FACT(sense_data_is_fixed_format_and_cut_to_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
