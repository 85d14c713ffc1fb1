/* SPDX-License-Identifier: MIT */
/* test_storvsc_pair.c - storvsc against storvsp over both ends of the bus, with everything that can
 * be reordered or delayed done in a random order. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "storage_pair.h"

#define STEPS         400u /* amidst I/O, each with a seed of its own */
#define OPENINGS      8u   /* of each kind */
#define OPENING_STEPS 15u  /* that any has at least */

#define SECTOR          512u
#define REQUEST_BYTES   (PAIR_PAGES_EACH * CHILD_PAGE)
#define REQUEST_SECTORS (REQUEST_BYTES / SECTOR)

static uint32_t any_channel(void)
{
    return fake_random(&pair.seed) % (1 + pair.sub_channels);
}

static struct pair_request *find(void)
{
    struct pair_request *r = pair_request_find();

    assert_non_null(r);
    return r;
}

/* Submit on any channel; true: it went, else there is no room now. */
static bool submit_somewhere(struct pair_request *r, uint32_t bytes)
{
    return pair_submit(r, any_channel(), bytes);
}

/* ---- what a child sees ---- */

static void a_child_finds_its_disk(void **state)
{
    struct pair_request *r;
    uint64_t sectors;
    uint32_t size;

    (void)state;
    pair_make(1, 0);
    assert_int_equal(pair.storvsc.version, STORAGE_VERSION_6_2);
    assert_int_equal(pair.storvsc.max_transfer_bytes, 0x10000);
    r = find();
    storvsc_prepare_luns(&r->request, 4096);
    pair_do(r, 0, 4096);
    assert_int_equal(r->request.transferred, 16);
    storvsc_prepare_inquiry(&r->request, 36);
    pair_do(r, 0, 36);
    assert_int_equal(r->request.transferred, 36);
    assert_memory_equal(pair_data(r) + 8, "FAKE    Disk of a test  1   ", 28);
    storvsc_prepare_vpd(&r->request, SCSI_VPD_SERIAL, 255);
    pair_do(r, 0, 255);
    assert_memory_equal(pair_data(r) + 4, "0001", 4);
    storvsc_prepare_capacity(&r->request);
    pair_do(r, 0, 32);
    assert_true(storvsc_capacity(&r->request, pair_data(r), &sectors, &size));
    assert_int_equal(sectors, PAIR_SECTORS);
    assert_int_equal(size, SECTOR);
    storvsc_prepare_ready(&r->request);
    pair_do(r, 0, 0);
    assert_true(storvsc_succeeded(&r->request));
    pair_drop();
}

/* Read all of the disk by requests of REQUEST_BYTES, on all channels, and compare. */
static void disk_compare(void)
{
    uint64_t next = 0, sector_of[PAIR_REQUESTS];
    bool expected[PAIR_REQUESTS] = {false};
    unsigned compared = 0;

    while (compared < PAIR_SECTORS / REQUEST_SECTORS) {
        struct pair_request *r = next < PAIR_SECTORS ? pair_request_find() : NULL;

        if (r && !expected[r - pair.requests]) {
            storvsc_prepare_read(&r->request, next, REQUEST_SECTORS);
            if (submit_somewhere(r, REQUEST_BYTES)) {
                sector_of[r - pair.requests] = next;
                expected[r - pair.requests] = true;
                next += REQUEST_SECTORS;
            }
        }
        pair_go_on();
        for (uint32_t i = 0; i < PAIR_REQUESTS; i++) {
            if (!expected[i] || pair.requests[i].busy)
                continue;
            assert_true(storvsc_succeeded(&pair.requests[i].request));
            assert_memory_equal(pair_data(&pair.requests[i]),
                                pair.disk.data + sector_of[i] * SECTOR, REQUEST_BYTES);
            expected[i] = false;
            compared++;
        }
    }
}

static void the_whole_disk_is_read(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        pair_make(seed, seed % PAIR_CHANNELS);
        disk_compare();
        pair_drop();
    }
}

static void what_is_written_is_on_the_disk(void **state)
{
    static uint8_t model[PAIR_SECTORS * SECTOR];

    (void)state;
    pair_make(5, 3);
    memcpy(model, pair.disk.data, sizeof(model));
    for (uint32_t sector = 64; sector < PAIR_SECTORS - 64; sector += REQUEST_SECTORS) {
        struct pair_request *r;

        while (!(r = pair_request_find()))
            pair_go_on();
        storvsc_prepare_write(&r->request, sector, REQUEST_SECTORS, sector % 128 == 0);
        memset(pair_data(r), (int)(sector / 3), REQUEST_BYTES);
        memset(model + sector * SECTOR, (int)(sector / 3), REQUEST_BYTES);
        while (!submit_somewhere(r, REQUEST_BYTES))
            pair_go_on();
    }
    pair_settle();
    assert_int_equal(pair_busy(), 0);
    assert_memory_equal(model, pair.disk.data, sizeof(model));
    assert_true(pair.disk.unflushed > 0 && pair.disk.forced > 0);
    storvsc_prepare_flush(&pair.requests[0].request);
    pair_do(&pair.requests[0], 2, 0);
    assert_int_equal(pair.disk.unflushed, 0);
    disk_compare();
    pair_drop();
}

static void unmapped_sectors_are_zeroes(void **state)
{
    static const uint8_t zeroes[64 * SECTOR];
    struct pair_request *r;

    (void)state;
    pair_make(6, 0);
    r = find();
    storvsc_prepare_unmap(&r->request, pair_data(r), 100, 64);
    pair_do(r, 0, STORVSC_UNMAP_BYTES);
    assert_true(storvsc_succeeded(&r->request));
    assert_memory_equal(pair.disk.data + 100 * SECTOR, zeroes, sizeof(zeroes));
    assert_memory_not_equal(pair.disk.data + 164 * SECTOR, zeroes, SECTOR);
    pair_drop();
}

static void errors_reach_the_child_as_sense_data(void **state)
{
    struct pair_request *r;

    (void)state;
    pair_make(7, 0);
    pair.disk.bad_sector = 9;
    r = find();
    storvsc_prepare_read(&r->request, 8, 8);
    pair_do(r, 0, CHILD_PAGE);
    assert_false(storvsc_succeeded(&r->request));
    assert_int_equal(storvsc_sense(&r->request), SCSI_SENSE_READ_ERROR);
    assert_int_equal(r->request.transferred, 0);
    storvsc_prepare_read(&r->request, 16, 8);
    pair_do(r, 0, CHILD_PAGE);
    assert_true(storvsc_succeeded(&r->request));
    assert_int_equal(storvsc_sense(&r->request), SCSI_SENSE_NONE);
    pair_drop();
}

static void disks_that_come_and_go_are_told(void **state)
{
    struct pair_request *r;

    (void)state;
    pair_make(8, 0);
    assert_true(storvsp_lun_add(pair.adapter, 3, &pair.disk.scsi, &fake_disk_backend, &pair.disk));
    pair_settle();
    assert_true(pair.changed);
    r = find();
    pair.disk.fail_all = true; /* it is torn out */
    pair.disk.failure = SCSI_OUTCOME_GONE;
    pair.disk.bad_sector = 0; /* failures are expected now */
    pair.changed = false;
    storvsc_prepare_flush(&r->request);
    pair_do(r, 0, 0);
    pair_settle();
    assert_true(pair.changed);
    storvsc_prepare_ready(&r->request);
    pair_do(r, 0, 0);
    assert_int_equal(r->request.srb_status, STORAGE_SRB_INVALID_LUN);
    r->request.lun = 3;
    pair_do(r, 0, 0);
    assert_true(storvsc_succeeded(&r->request));
    pair_drop();
}

static void a_reset_comes_after_what_was_begun(void **state)
{
    struct pair_request *r;

    (void)state;
    pair_make(9, 1);
    r = find();
    storvsc_prepare_read(&r->request, 0, 8);
    assert_true(pair_submit(r, 1, CHILD_PAGE));
    while (pair_step())
        ;
    assert_true(storvsc_reset(&pair.storvsc));
    while (pair_step())
        ;
    assert_false(pair.reset);
    pair_settle();
    assert_true(pair.reset);
    assert_false(r->busy);
    pair_drop();
}

static void a_full_slot_table_refuses(void **state)
{
    unsigned submitted = 0;

    (void)state;
    pair_make(10, 0);
    for (;;) {
        struct pair_request *r = find();

        storvsc_prepare_read(&r->request, 0, 8);
        if (!pair_submit(r, 0, CHILD_PAGE))
            break;
        submitted++;
    }
    assert_int_equal(submitted, PAIR_DEPTH);
    pair_settle();
    assert_int_equal(pair_busy(), 0);
    assert_int_equal(pair.storvsc.primary.completed, PAIR_DEPTH);
    assert_int_equal(pair.storvsc.primary.stray, 0);
    pair_drop();
}

/* ---- ends in mid-I/O ---- */

/* Have a random load of reads and writes under way. */
static void load(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        struct pair_request *r = pair_request_find();

        if (r && fake_random(&pair.seed) % 2) {
            uint64_t sector = fake_random(&pair.seed) % (PAIR_SECTORS - REQUEST_SECTORS);

            if (fake_random(&pair.seed) % 2)
                storvsc_prepare_read(&r->request, sector, REQUEST_SECTORS);
            else
                storvsc_prepare_write(&r->request, sector, REQUEST_SECTORS, false);
            submit_somewhere(r, REQUEST_BYTES);
        }
        pair_go_on();
    }
}

/* Nothing of the child is used any more, and all its requests are done. */
static void assert_idle(void)
{
    pair_settle();
    assert_int_equal(pair_busy(), 0);
    assert_int_equal(pair.child.pinned, 0);
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
        assert_null(pair.channels[i].storvsp);
}

static void the_child_closes_in_mid_io(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_make(seed, seed % PAIR_CHANNELS);
        load(seed);
        for (uint32_t i = pair.sub_channels + 1; i-- > 0;) {
            pair_close(i);
            load(seed % 5);
        }
        assert_idle();
        assert_false(pair.revoked);
        pair_drop();
    }
}

static void a_closed_controller_opens_again(void **state)
{
    (void)state;
    pair_make(11, 0);
    for (unsigned round = 0; round < 20; round++) {
        load(round * 11);
        pair_close(0);
        assert_idle();
        pair_open();
        pair_settle();
        assert_true(pair_is_up());
    }
    disk_compare();
    pair_drop();
}

static void root_takes_the_controller_back_in_mid_io(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_make(seed, seed % PAIR_CHANNELS);
        load(seed);
        vmbus_server_revoke(&pair.adapter->offer);
        load(seed % 50);
        assert_idle();
        assert_true(pair.revoked);
        assert_null(pair.channels[0].bus);
        pair_drop();
    }
}

static void the_child_leaves_the_bus_in_mid_io(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_make(seed, seed % PAIR_CHANNELS);
        load(seed);
        vmbus_client_unload(&pair.client);
        load(seed % 50);
        assert_idle();
        assert_true(pair.unloaded);
        pair_drop();
    }
}

static void the_child_is_stopped_in_mid_io(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_make(seed, seed % PAIR_CHANNELS);
        load(seed);
        pair_drop(); /* which checks that all comes back */
    }
}

static void root_moves_and_the_child_goes_on(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 10; seed++) {
        pair_make(seed, seed % PAIR_CHANNELS);
        load(seed * 31 % 300);
        pair_settle();
        assert_int_equal(pair_busy(), 0);
        pair_move();
        disk_compare();
        load(100);
        pair_drop();
    }
}

/* ---- ends while it begins ---- */

/* Whatever was left of an opening is given back, and the controller can be had anew. */
static void assert_comes_up(void)
{
    struct pair_request *r;

    pair_settle();
    if (!pair.channels[0].open) {
        assert_idle();
        pair_open();
        pair_settle();
    }
    assert_true(pair_is_up());
    r = find();
    storvsc_prepare_read(&r->request, 64, REQUEST_SECTORS);
    pair_do(r, any_channel(), REQUEST_BYTES);
    assert_true(storvsc_succeeded(&r->request));
    assert_memory_equal(pair_data(r), pair.disk.data + 64 * SECTOR, REQUEST_BYTES);
}

/* Every channel, however far it is. */
static void disturb_by_closing(void)
{
    for (uint32_t i = PAIR_CHANNELS; i-- > 0;) {
        struct pair_channel *p = &pair.channels[i];

        if (!p->bus || !vmbus_client_close(p->bus))
            continue;
        p->ending = p->open;
        p->open = false;
    }
    assert_comes_up();
}

static void disturb_by_closing_the_primary(void)
{
    struct pair_channel *p = &pair.channels[0];

    if (p->bus && vmbus_client_close(p->bus)) {
        p->ending = p->open;
        p->open = false;
    }
    assert_comes_up();
}

static void disturb_by_contact(void)
{
    (void)pair_contact();
    assert_comes_up();
}

static void disturb_by_unloading(void)
{
    bool unloads = vmbus_client_unload(&pair.client);

    pair_settle();
    assert_int_equal(pair.unloaded, unloads);
    if (unloads) {
        assert_idle();
        assert_true(pair_contact());
    }
    assert_comes_up();
}

static void disturb_by_revoking(void)
{
    vmbus_server_revoke(&pair.adapter->offer);
    assert_idle();
    assert_true(pair.revoked);
    assert_null(pair.channels[0].bus);
}

static void disturb_by_stopping(void)
{
    /* pair_drop() does, and checks that all comes back */
}

static void opening_is_disturbed_at_every_step(void **state)
{
    static void (*const disturbances[])(void) = {
        disturb_by_closing,  disturb_by_closing_the_primary,
        disturb_by_contact,  disturb_by_unloading,
        disturb_by_revoking, disturb_by_stopping,
    };

    (void)state;
    for (uint32_t i = 0; i < OPENINGS * sizeof(disturbances) / sizeof(disturbances[0]); i++) {
        uint32_t at = 0;
        bool up;

        do {
            pair_begin(1 + i, i % PAIR_CHANNELS);
            for (uint32_t steps = 0; steps < at && !pair_is_up(); steps++)
                pair_go_on();
            up = pair_is_up();
            disturbances[i / OPENINGS]();
            pair_drop();
            at++;
        } while (!up);
        assert_true(at > OPENING_STEPS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_finds_its_disk),
        cmocka_unit_test(the_whole_disk_is_read),
        cmocka_unit_test(what_is_written_is_on_the_disk),
        cmocka_unit_test(unmapped_sectors_are_zeroes),
        cmocka_unit_test(errors_reach_the_child_as_sense_data),
        cmocka_unit_test(disks_that_come_and_go_are_told),
        cmocka_unit_test(a_reset_comes_after_what_was_begun),
        cmocka_unit_test(a_full_slot_table_refuses),
        cmocka_unit_test(the_child_closes_in_mid_io),
        cmocka_unit_test(a_closed_controller_opens_again),
        cmocka_unit_test(root_takes_the_controller_back_in_mid_io),
        cmocka_unit_test(the_child_leaves_the_bus_in_mid_io),
        cmocka_unit_test(the_child_is_stopped_in_mid_io),
        cmocka_unit_test(root_moves_and_the_child_goes_on),
        cmocka_unit_test(opening_is_disturbed_at_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
