/* SPDX-License-Identifier: MIT */
/* test_storvsp_scsi.c - what a disk says about itself: vsp/storvsp/scsi*.c. */
#include "scsi_fixture.h"

/* ---- what is there ---- */

static void inquiry_describes_a_disk_of_spc_4(void **state)
{
    (void)state;
    IN(255, 0x12, 0, 0, 0, 255, 0);
    assert_data(36);
    assert_int_equal(scratch.data[0], 0x00);
    assert_int_equal(scratch.data[1], 0x00); /* not removable */
    assert_int_equal(scratch.data[2], 0x06);
    assert_int_equal(scratch.data[3], 0x02);
    assert_int_equal(scratch.data[4], 31);
    assert_int_equal(scratch.data[7], 0x02); /* takes more than one command at a time */
    assert_memory_equal(scratch.data + 8, "VENDOR  A product       1.0 ", 28);
}

static void inquiry_gives_no_more_than_is_asked_for_and_fits(void **state)
{
    (void)state;
    IN(255, 0x12, 0, 0, 0, 5, 0);
    assert_data(5);
    IN(7, 0x12, 0, 0, 0, 255, 0);
    assert_data(7);
    IN(0, 0x12, 0, 0, 0, 0, 0);
    assert_data(0);
    IN(4096, 0x12, 0, 0, 0xff, 0xff, 0);
    assert_data(36);
}

static void inquiry_refuses_a_page_without_evpd_and_cmddt(void **state)
{
    (void)state;
    IN(255, 0x12, 0, 0x80, 0, 255, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    IN(255, 0x12, 2, 0, 0, 255, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
}

static void each_listed_vital_page_exists_and_no_other(void **state)
{
    uint8_t listed[256] = {0};

    (void)state;
    for (int discard = 0; discard < 2; discard++) {
        disk.can_discard = discard;
        memset(listed, 0, sizeof(listed));
        IN(255, 0x12, 1, 0x00, 0, 255, 0);
        assert_data(4u + be16_get(scratch.data + 2));
        for (uint32_t i = 4; i < task.data_bytes; i++)
            listed[scratch.data[i]] = 1;
        assert_int_equal(listed[0xb2], discard);
        for (uint32_t page = 0; page < 256; page++) {
            IN(255, 0x12, 1, (uint8_t)page, 0, 255, 0);
            if (listed[page]) {
                assert_data(4u + be16_get(scratch.data + 2));
                assert_int_equal(scratch.data[1], page);
            } else {
                assert_sense(SCSI_SENSE_INVALID_FIELD);
            }
        }
    }
}

static void serial_page_has_the_serial_number(void **state)
{
    (void)state;
    IN(255, 0x12, 1, 0x80, 0, 255, 0);
    assert_data(4 + 6);
    assert_memory_equal(scratch.data + 4, "SER123", 6);
    memset(disk.serial, 0, sizeof(disk.serial));
    IN(255, 0x12, 1, 0x80, 0, 255, 0);
    assert_data(4);
}

static void vital_pages_are_cut_to_what_is_asked_for(void **state)
{
    (void)state;
    IN(255, 0x12, 1, 0xb0, 0, 20, 0);
    assert_data(20);
    assert_int_equal(be16_get(scratch.data + 2), 60); /* the length of all */
    IN(255, 0x12, 1, 0xb0, 1, 0, 0);
    assert_data(64);
}

static void identification_page_has_naa_and_t10_designators(void **state)
{
    const uint8_t naa[] = {0x01, 0x03, 0, 8, 0x3e, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};

    (void)state;
    IN(255, 0x12, 1, 0x83, 0, 255, 0);
    assert_data(4 + 12 + 4 + 64);
    assert_memory_equal(scratch.data + 4, naa, sizeof(naa));
    assert_int_equal(scratch.data[16], 0x02);
    assert_int_equal(scratch.data[17], 0x01);
    assert_int_equal(scratch.data[19], 64);
    assert_memory_equal(scratch.data + 20,
                        "VENDOR  A product       SER123                                  ", 64);
}

static void block_limits_page_has_the_limits(void **state)
{
    (void)state;
    IN(255, 0x12, 1, 0xb0, 0, 255, 0);
    assert_data(64);
    assert_int_equal(be32_get(scratch.data + 8), TRANSFER);
    assert_int_equal(be32_get(scratch.data + 12), TRANSFER); /* optimal */
    assert_int_equal(be32_get(scratch.data + 28), 1);        /* granularity of UNMAP */
    assert_int_equal(be32_get(scratch.data + 20), DISCARD);
    assert_int_equal(be32_get(scratch.data + 24), 32);
    assert_int_equal(be64_get(scratch.data + 36), 0);
    disk.discard_zeroes = true;
    IN(255, 0x12, 1, 0xb0, 0, 255, 0);
    assert_int_equal(be64_get(scratch.data + 36), DISCARD);
    disk.can_discard = false;
    IN(255, 0x12, 1, 0xb0, 0, 255, 0);
    assert_int_equal(be32_get(scratch.data + 20), 0);
    assert_int_equal(be64_get(scratch.data + 36), 0);
}

static void characteristics_page_tells_if_it_rotates(void **state)
{
    (void)state;
    IN(255, 0x12, 1, 0xb1, 0, 255, 0);
    assert_data(64);
    assert_int_equal(be16_get(scratch.data + 4), 1);
    disk.rotating = true;
    IN(255, 0x12, 1, 0xb1, 0, 255, 0);
    assert_int_equal(be16_get(scratch.data + 4), 0);
}

static void provisioning_page_promises_what_is_done(void **state)
{
    (void)state;
    IN(255, 0x12, 1, 0xb2, 0, 255, 0);
    assert_data(8);
    assert_int_equal(scratch.data[5], 0x80); /* UNMAP only */
    assert_int_equal(scratch.data[6], 0x02);
    disk.discard_zeroes = true;
    IN(255, 0x12, 1, 0xb2, 0, 255, 0);
    assert_int_equal(scratch.data[5], 0xc4); /* and WRITE SAME(16), which gives zeroes */
}

static void absent_unit_says_so_in_36_bytes(void **state)
{
    (void)state;
    IN(36, 0x12, 0, 0, 0, 36, 0);
    scsi_absent_inquiry(&command, &scratch, &task);
    assert_data(36);
    assert_int_equal(scratch.data[0], 0x7f);
    IN(255, 0x12, 1, 0x83, 0, 255, 0);
    scsi_absent_inquiry(&command, &scratch, &task);
    assert_data(36);
    assert_int_equal(scratch.data[0], 0x7f);
    assert_int_equal(be16_get(scratch.data + 2), 0);
    assert_int_equal(scratch.data[4], 0);
    IN(36, 0x12, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    scsi_absent_inquiry(&command, &scratch, &task);
    assert_data(5);
    assert_int_equal(scratch.data[2], 0x06);
    assert_int_equal(scratch.data[3], 0x02);
    assert_int_equal(scratch.data[4], 31);
    command.cdb_length = 17;
    scsi_absent_inquiry(&command, &scratch, &task);
    assert_int_equal(task.step, SCSI_REFUSED);
    command.cdb_length = 5;
    scsi_absent_inquiry(&command, &scratch, &task);
    assert_int_equal(task.step, SCSI_REFUSED);
}

static void luns(uint32_t bytes, uint64_t present, uint8_t select, uint32_t allocation)
{
    uint8_t cdb[12] = {0xa0, 0, select};

    be32_put(cdb + 6, allocation);
    scsi_start_cdb(cdb, sizeof(cdb), STORAGE_DATA_IN, bytes);
    scsi_report_luns(&command, present, &scratch, &task);
}

static void report_luns_lists_them_and_nothing_else(void **state)
{
    (void)state;
    luns(4096, 1ull << 63 | 1ull << 3 | 1, 0, 4096);
    assert_data(8 + 3 * 8);
    assert_int_equal(be32_get(scratch.data), 24);
    assert_int_equal(be64_get(scratch.data + 8), 0);
    assert_int_equal(be64_get(scratch.data + 16), 3ull << 48);
    assert_int_equal(be64_get(scratch.data + 24), 63ull << 48);
    luns(4096, 0, 0, 4096);
    assert_data(8);
    assert_int_equal(be32_get(scratch.data), 0);
    luns(4096, ~0ull, 2, 4096);
    assert_data(8 + 64 * 8);
    luns(20, ~0ull, 0, 4096);
    assert_data(20);
    assert_int_equal(be32_get(scratch.data), 512); /* the length of all */
    luns(4096, ~0ull, 1, 4096);
    assert_data(8);
    luns(4096, 1, 0, 16);
    assert_data(16);
    assert_int_equal(be32_get(scratch.data + 4), 0);
}

static void report_luns_refuses_bad_fields(void **state)
{
    (void)state;
    luns(4096, 1, 3, 4096);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    luns(4096, 1, 0, 15);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    command.cdb_length = 11;
    scsi_report_luns(&command, 1, &scratch, &task);
    assert_int_equal(task.step, SCSI_REFUSED);
}

/* ---- capacity and modes ---- */

static void capacity_10_has_the_last_sector_or_all_ones(void **state)
{
    (void)state;
    IN(8, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_data(8);
    assert_int_equal(be32_get(scratch.data), SECTORS - 1);
    assert_int_equal(be32_get(scratch.data + 4), 512);
    disk.sector_count = 0xffffffff;
    IN(8, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(be32_get(scratch.data), 0xfffffffe);
    disk.sector_count = BIG;
    IN(8, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(be32_get(scratch.data), 0xffffffff);
}

static void capacity_16_has_the_last_sector_and_lbpme(void **state)
{
    (void)state;
    disk.sector_count = BIG;
    disk.sector_size = 4096;
    IN(32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
    assert_data(32);
    assert_int_equal(be64_get(scratch.data), BIG - 1);
    assert_int_equal(be32_get(scratch.data + 8), 4096);
    assert_int_equal(scratch.data[14], 0x80);
    disk.discard_zeroes = true;
    IN(32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
    assert_int_equal(scratch.data[14], 0xc0);
    disk.can_discard = false;
    IN(32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0);
    assert_data(12);
    assert_int_equal(scratch.data[14], 0x00);
    IN(32, 0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
    assert_sense(SCSI_SENSE_INVALID_OPCODE);
}

static void capacity_16_has_the_physical_block(void **state)
{
    (void)state;
    IN(32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
    assert_int_equal(scratch.data[13], 0);
    disk.physical_exponent = 3;
    IN(32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0);
    assert_int_equal(scratch.data[13], 3);
}

static void mode_sense_6_has_protection_fua_and_the_cache(void **state)
{
    (void)state;
    IN(4, 0x1a, 0, 0x3f, 0, 4, 0);
    assert_data(4);
    assert_int_equal(scratch.data[0], 3 + 8 + 20 + 12);
    assert_int_equal(scratch.data[2], 0x10);
    assert_int_equal(scratch.data[3], 8);
    disk.read_only = true;
    IN(192, 0x1a, 8, 0x08, 0, 192, 0);
    assert_data(24);
    assert_int_equal(scratch.data[0], 23);
    assert_int_equal(scratch.data[2], 0x90);
    assert_int_equal(scratch.data[3], 0);
    assert_int_equal(scratch.data[4], 0x08);
    assert_int_equal(scratch.data[5], 18);
    assert_int_equal(scratch.data[6], 0x04);
    disk.write_cache = false;
    IN(192, 0x1a, 8, 0x08, 0, 192, 0);
    assert_int_equal(scratch.data[6], 0x00);
}

static void mode_sense_10_has_its_own_header(void **state)
{
    (void)state;
    disk.sector_count = BIG;
    IN(255, 0x5a, 0, 0x3f, 0xff, 0, 0, 0, 0, 255, 0);
    assert_data(8 + 8 + 20 + 12);
    assert_int_equal(be16_get(scratch.data), 46);
    assert_int_equal(scratch.data[3], 0x10);
    assert_int_equal(be16_get(scratch.data + 6), 8);
    assert_int_equal(be32_get(scratch.data + 8), 0xffffffff);
    assert_int_equal(be32_get(scratch.data + 12), 512);
    assert_int_equal(scratch.data[16], 0x08);
    assert_int_equal(scratch.data[18], 0x04);
    assert_int_equal(scratch.data[36], 0x0a);
    assert_int_equal(scratch.data[39], 0x10);
    IN(255, 0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 7, 0);
    assert_data(48);
    IN(255, 0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 7, 0);
    assert_data(7);
}

static void mode_sense_says_that_nothing_can_be_changed(void **state)
{
    const uint8_t pages[32] = {[0] = 0x08, [1] = 18, [20] = 0x0a, [21] = 10};

    (void)state;
    IN(255, 0x1a, 8, 0x7f, 0, 255, 0);
    assert_data(36);
    assert_memory_equal(scratch.data + 4, pages, sizeof(pages));
}

static void mode_sense_refuses_other_pages_and_saved_values(void **state)
{
    (void)state;
    IN(255, 0x1a, 0, 0x1c, 0, 255, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    IN(255, 0x1a, 0, 0x08, 1, 255, 0);
    assert_sense(SCSI_SENSE_INVALID_FIELD);
    IN(255, 0x5a, 0, 0xff, 0, 0, 0, 0, 0, 255, 0);
    assert_sense(SCSI_SENSE_NOT_SAVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(inquiry_describes_a_disk_of_spc_4),
        FACT(inquiry_gives_no_more_than_is_asked_for_and_fits),
        FACT(inquiry_refuses_a_page_without_evpd_and_cmddt),
        FACT(each_listed_vital_page_exists_and_no_other),
        FACT(serial_page_has_the_serial_number),
        FACT(vital_pages_are_cut_to_what_is_asked_for),
        FACT(identification_page_has_naa_and_t10_designators),
        FACT(block_limits_page_has_the_limits),
        FACT(characteristics_page_tells_if_it_rotates),
        FACT(provisioning_page_promises_what_is_done),
        FACT(absent_unit_says_so_in_36_bytes),
        FACT(report_luns_lists_them_and_nothing_else),
        FACT(report_luns_refuses_bad_fields),
        FACT(capacity_10_has_the_last_sector_or_all_ones),
        FACT(capacity_16_has_the_last_sector_and_lbpme),
        FACT(capacity_16_has_the_physical_block),
        FACT(mode_sense_6_has_protection_fua_and_the_cache),
        FACT(mode_sense_10_has_its_own_header),
        FACT(mode_sense_says_that_nothing_can_be_changed),
        FACT(mode_sense_refuses_other_pages_and_saved_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
