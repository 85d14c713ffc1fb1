/* SPDX-License-Identifier: MIT */
/* test_guest_disk.c - the guest disk over its bus, with root's end of bus and storage on the host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guest_world.h"

#define WRITE_OFFSET 123392u
#define WRITE_BYTES  1050624u
#define WRITE_SEED   77u

static bool printed(const char *text)
{
    return strstr(world_output(), text) != NULL;
}

static bool hash_is_right(void)
{
    char line[128];

    snprintf(line, sizeof(line), "disk: sha256=%s bytes=%u\n", world_disk_sha256(), WORLD_BYTES);
    return printed(line);
}

static bool hash_and_ledger_are_right(void)
{
    return hash_is_right() && printed("disk: ledger requests=") && printed(" stray=0\n");
}

static void one_vp_hashes_the_disk(void **state)
{
    (void)state;
    world_run("ledger=1", 1, GUEST_EXIT_OK, NULL, hash_and_ledger_are_right);
}

static bool four_channels_and_the_hash(void)
{
    return printed(" channels=4 ") && hash_and_ledger_are_right();
}

static void four_vps_hash_the_disk_through_four_channels(void **state)
{
    (void)state;
    world_run("ledger=1 depth=13", 4, GUEST_EXIT_OK, NULL, four_channels_and_the_hash);
}

static void small_pieces_and_an_old_bus_give_the_same_hash(void **state)
{
    (void)state;
    world_run("piece=4096 depth=32 vmbus=0x20004 ledger=1", 2, GUEST_EXIT_OK, NULL,
              hash_and_ledger_are_right);
}

static void disk_takes_little(void)
{
    world_disk()->scsi.max_transfer_sectors = 20;
}

static bool pieces_are_small(void)
{
    return printed(" piece=8192 ") && hash_and_ledger_are_right();
}

static void limit_of_the_disk_is_kept(void **state)
{
    (void)state;
    world_run("ledger=1", 2, GUEST_EXIT_OK, disk_takes_little, pieces_are_small);
}

static bool two_hashes(void)
{
    const char *first = strstr(world_output(), "disk: sha256=");

    return hash_is_right() && first && strstr(first + 1, "disk: sha256=");
}

static void loops_repeat_it(void **state)
{
    (void)state;
    world_run("loops=2", 2, GUEST_EXIT_OK, NULL, two_hashes);
}

static uint64_t pattern(uint64_t word)
{
    uint64_t z = WRITE_SEED + (word + 1) * 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* The pattern is where it was to be and nowhere else, and the disk was flushed after it. */
static bool pattern_is_on_the_disk(void)
{
    const uint8_t *data = world_disk()->data;

    for (uint32_t at = 0; at < WORLD_BYTES; at += 8) {
        bool within = at >= WRITE_OFFSET && at < WRITE_OFFSET + WRITE_BYTES;
        uint64_t word;

        memcpy(&word, data + at, sizeof(word));
        if ((word == pattern(at / 8)) != within)
            return false;
    }
    return world_disk()->flushes > 0 && world_disk()->unflushed == 0 &&
           printed("disk: wrote offset=123392 bytes=1050624 seed=77\n") && hash_is_right();
}

static void what_it_writes_is_on_the_disk(void **state)
{
    (void)state;
    world_run("write=123392,1050624,77 ledger=1", 3, GUEST_EXIT_OK, NULL, pattern_is_on_the_disk);
}

static void parts_of_sectors_are_not_written(void **state)
{
    (void)state;
    world_run("write=100,512,1", 1, GUEST_EXIT_USAGE, NULL, NULL);
    world_run("write=0,1000000000,1", 1, GUEST_EXIT_USAGE, NULL, NULL);
    world_run("write=512", 1, GUEST_EXIT_USAGE, NULL, NULL);
}

static void sector_breaks(void)
{
    world_disk()->bad_sector = 1000;
    world_disk()->failure = SCSI_OUTCOME_MEDIUM_ERROR;
}

static bool one_error_is_printed(void)
{
    return printed("sense=3/11/00\n") && printed("disk: errors=1\n") && !hash_is_right();
}

static void error_is_printed_with_its_sense_data(void **state)
{
    (void)state;
    world_run("errors=1 ledger=1", 2, GUEST_EXIT_OK, sector_breaks, one_error_is_printed);
}

static void error_ends_a_guest_that_expects_none(void **state)
{
    (void)state;
    world_run("", 2, GUEST_EXIT_FAILED, sector_breaks, NULL);
}

static void disk_is_read_only(void)
{
    world_disk()->scsi.read_only = true;
}

static bool protection_is_printed(void)
{
    return printed("sense=7/27/00\n");
}

static void disk_that_is_read_only_says_so(void **state)
{
    (void)state;
    world_run("write=0,4096,1", 1, GUEST_EXIT_FAILED, disk_is_read_only, protection_is_printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_vp_hashes_the_disk),
        cmocka_unit_test(four_vps_hash_the_disk_through_four_channels),
        cmocka_unit_test(small_pieces_and_an_old_bus_give_the_same_hash),
        cmocka_unit_test(limit_of_the_disk_is_kept),
        cmocka_unit_test(loops_repeat_it),
        cmocka_unit_test(what_it_writes_is_on_the_disk),
        cmocka_unit_test(parts_of_sectors_are_not_written),
        cmocka_unit_test(error_is_printed_with_its_sense_data),
        cmocka_unit_test(error_ends_a_guest_that_expects_none),
        cmocka_unit_test(disk_that_is_read_only_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
