/* SPDX-License-Identifier: MIT */
/* tests/unit/test_ahci_prdt.c - AHCI region descriptors, trim ranges, ATA identification. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/ahci_prdt.h"
#include "io/dma.h"

#define ROOM 8u

static struct ahci_prd prdt[ROOM + 1];

uint64_t dma_map(uint64_t physical, size_t length)
{
    (void)length;
    return physical;
}

void block_text(char *text, const char *field, uint32_t length)
{
    memcpy(text, field, length);
    text[length] = '\0';
}

static uint32_t build(const struct block_segment *segments, uint32_t count)
{
    memset(prdt, 0xee, sizeof(prdt));
    return ahci_prdt_build(segments, count, prdt, ROOM);
}

static void assert_prd(uint32_t index, uint64_t address, uint32_t length)
{
    assert_true(prdt[index].address == address);
    assert_int_equal(prdt[index].count, length - 1);
    assert_int_equal(prdt[index].reserved, 0);
    assert_int_equal(prdt[index].count & 1, 1);
}

static void scattered_segments_get_an_entry_each(void **state)
{
    struct block_segment s[] = {{.physical = 0x1000, .length = 512},
                                {.physical = 0x700000004, .length = 4},
                                {.physical = 0x3000, .length = 4096}};

    (void)state;
    assert_int_equal(build(s, 3), 3);
    assert_prd(0, 0x1000, 512);
    assert_prd(1, 0x700000004, 4);
    assert_prd(2, 0x3000, 4096);
}

static void neighbours_are_joined(void **state)
{
    struct block_segment s[] = {{.physical = 0x1000, .length = 4096},
                                {.physical = 0x2000, .length = 4096},
                                {.physical = 0x3000, .length = 512},
                                {.physical = 0x3204, .length = 512}};

    (void)state;
    assert_int_equal(build(s, 4), 2);
    assert_prd(0, 0x1000, 8704);
    assert_prd(1, 0x3204, 512);
}

static void entry_never_exceeds_four_mebibytes(void **state)
{
    struct block_segment s[] = {{.physical = 0x100000000, .length = 3u << 20},
                                {.physical = 0x100300000, .length = 6u << 20}};

    (void)state;
    assert_int_equal(build(s, 2), 3);
    assert_prd(0, 0x100000000, 4u << 20);
    assert_prd(1, 0x100400000, 4u << 20);
    assert_prd(2, 0x100800000, 1u << 20);
}

static void one_mebibyte_of_single_pages_fits_a_command_table(void **state)
{
    static struct ahci_command_table table;
    static struct block_segment s[257];

    (void)state;
    for (uint32_t i = 0; i < 257; i++)
        s[i] = (struct block_segment){.physical = 0x100000 + i * 0x2000, .length = 4096};
    assert_int_equal(ahci_prdt_build(s, 257, table.prdt, AHCI_PRDT_ENTRIES), 257);
}

static void too_many_segments_are_refused_without_overrun(void **state)
{
    struct block_segment s[ROOM + 1];

    (void)state;
    for (uint32_t i = 0; i <= ROOM; i++)
        s[i] = (struct block_segment){.physical = i * 0x2000, .length = 512};
    assert_int_equal(build(s, ROOM), ROOM);
    assert_int_equal(build(s, ROOM + 1), 0);
    assert_int_equal(prdt[ROOM].count, 0xeeeeeeeeu);
}

static void trim_covers_exactly_its_sectors(void **state)
{
    static const uint32_t counts[] = {1, 65535, 65536, 1000000, ATA_TRIM_SECTORS_MAX};
    uint64_t ranges[ATA_TRIM_RANGES];

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint64_t next = 0x123456789aull;

        ahci_trim_build(next, counts[i], ranges);
        for (uint32_t k = 0; k < ATA_TRIM_RANGES && ranges[k] >> 48; k++) {
            assert_true((ranges[k] & 0xffffffffffffull) == next);
            next += ranges[k] >> 48;
        }
        assert_true(next == 0x123456789aull + counts[i]);
    }
}

static void identify_set(uint16_t words[ATA_ID_WORDS])
{
    memset(words, 0, 2 * ATA_ID_WORDS);
    words[ATA_ID_COMMANDS_2] = ATA_ID_LBA48;
    words[ATA_ID_SECTORS] = 0x1234;
    words[ATA_ID_SECTORS + 2] = 1;
    words[ATA_ID_SERIAL] = 'a' << 8 | 'b';
    words[ATA_ID_MODEL + 19] = 'y' << 8 | 'z';
}

static void identification_gives_size_and_names(void **state)
{
    uint16_t words[ATA_ID_WORDS];
    struct ata_identity id;

    (void)state;
    identify_set(words);
    assert_true(ata_identify_parse(words, &id));
    assert_true(id.sector_count == 0x100001234ull);
    assert_int_equal(id.sector_size, 512);
    assert_int_equal(id.queue_depth, 0);
    assert_false(id.can_trim);
    assert_memory_equal(id.serial, "ab", 2);
    assert_memory_equal(id.model + 38, "yz", 3);
}

static void identification_gives_queue_depth_trim_and_sector_size(void **state)
{
    uint16_t words[ATA_ID_WORDS];
    struct ata_identity id;

    (void)state;
    identify_set(words);
    words[ATA_ID_SATA] = ATA_ID_SATA_NCQ;
    words[ATA_ID_QUEUE_DEPTH] = 31;
    words[ATA_ID_DATA_SET] = ATA_ID_DATA_SET_TRIM;
    words[ATA_ID_SECTOR_SIZE] = ATA_ID_SECTOR_VALUE | ATA_ID_SECTOR_LONG;
    words[ATA_ID_SECTOR_WORDS] = 2048;
    assert_true(ata_identify_parse(words, &id));
    assert_int_equal(id.queue_depth, 32);
    assert_true(id.can_trim);
    assert_int_equal(id.sector_size, 4096);
    words[ATA_ID_SECTOR_SIZE] |= 0x8000; /* the word is not valid */
    assert_true(ata_identify_parse(words, &id));
    assert_int_equal(id.sector_size, 512);
}

static void unusable_disks_are_refused(void **state)
{
    uint16_t words[ATA_ID_WORDS];
    struct ata_identity id;

    (void)state;
    identify_set(words);
    words[ATA_ID_COMMANDS_2] = 0;
    assert_false(ata_identify_parse(words, &id));
    identify_set(words);
    words[ATA_ID_SECTORS] = words[ATA_ID_SECTORS + 2] = 0;
    assert_false(ata_identify_parse(words, &id));
    identify_set(words);
    words[ATA_ID_SECTOR_SIZE] = ATA_ID_SECTOR_VALUE | ATA_ID_SECTOR_LONG;
    for (uint32_t size = 0; size < 3; size++) {
        words[ATA_ID_SECTOR_WORDS] = (uint16_t[]){0, 260, 4096}[size];
        assert_false(ata_identify_parse(words, &id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scattered_segments_get_an_entry_each),
        cmocka_unit_test(neighbours_are_joined),
        cmocka_unit_test(entry_never_exceeds_four_mebibytes),
        cmocka_unit_test(one_mebibyte_of_single_pages_fits_a_command_table),
        cmocka_unit_test(too_many_segments_are_refused_without_overrun),
        cmocka_unit_test(trim_covers_exactly_its_sectors),
        cmocka_unit_test(identification_gives_size_and_names),
        cmocka_unit_test(identification_gives_queue_depth_trim_and_sector_size),
        cmocka_unit_test(unusable_disks_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
