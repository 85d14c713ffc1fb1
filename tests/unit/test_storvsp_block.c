/* SPDX-License-Identifier: MIT */
/* test_storvsp_block.c - storvsp's disks are root's block devices: the glue between them is what
 * this test has, and no more. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "io/block.h"
#include "root_kernel.h"
#include "storvsp_fixture.h"

#define SECTOR  512u
#define SECTORS 1024u

/* Segments, operations and outcomes need no translation. */
_Static_assert(sizeof(struct storvsp_segment) == sizeof(struct block_segment), "");
_Static_assert(offsetof(struct storvsp_segment, physical) ==
                   offsetof(struct block_segment, physical),
               "");
_Static_assert(offsetof(struct storvsp_segment, length) == offsetof(struct block_segment, length),
               "");
_Static_assert((int)SCSI_OP_READ == (int)BLOCK_READ && (int)SCSI_OP_WRITE == (int)BLOCK_WRITE &&
                   (int)SCSI_OP_FLUSH == (int)BLOCK_FLUSH &&
                   (int)SCSI_OP_DISCARD == (int)BLOCK_DISCARD,
               "");
_Static_assert((int)SCSI_OUTCOME_OK == (int)BLOCK_OK &&
                   (int)SCSI_OUTCOME_MEDIUM_ERROR == (int)BLOCK_MEDIUM_ERROR &&
                   (int)SCSI_OUTCOME_DEVICE_ERROR == (int)BLOCK_DEVICE_ERROR &&
                   (int)SCSI_OUTCOME_OUT_OF_RANGE == (int)BLOCK_OUT_OF_RANGE &&
                   (int)SCSI_OUTCOME_READ_ONLY == (int)BLOCK_READ_ONLY &&
                   (int)SCSI_OUTCOME_GONE == (int)BLOCK_GONE &&
                   (int)SCSI_OUTCOME_UNSUPPORTED == (int)BLOCK_UNSUPPORTED,
               "");

static struct {
    uint8_t bytes[SECTORS * SECTOR];
    struct block_device device;
    struct list held;
    enum block_status next; /* what requests end with */
    uint32_t writes, flushes, discards;
    bool direct; /* the last transfer was from or to the child's own pages */
} t;

/* ---- the device ---- */

static void device_submit(struct block_device *device, struct block_request *r)
{
    (void)device;
    list_push_back(&t.held, &r->link);
}

static const struct block_operations operations = {.submit = device_submit};

static void device_transfer(const struct block_request *r)
{
    uint8_t *disk = t.bytes + r->sector * SECTOR;

    t.direct = true;
    for (uint32_t i = 0; i < r->segment_count; i++) {
        uint8_t *memory = (uint8_t *)(uintptr_t)r->segments[i].physical;

        t.direct &= memory >= world.child.memory &&
                    memory < world.child.memory + (size_t)CHILD_PAGES * CHILD_PAGE;
        memcpy(r->op == BLOCK_WRITE ? disk : memory, r->op == BLOCK_WRITE ? memory : disk,
               r->segments[i].length);
        disk += r->segments[i].length;
    }
    t.writes += r->op == BLOCK_WRITE;
}

static void device_work(void)
{
    struct list *node;

    while ((node = list_pop_front(&t.held))) {
        struct block_request *r = container_of(node, struct block_request, link);

        if (t.next == BLOCK_OK && (r->op == BLOCK_READ || r->op == BLOCK_WRITE))
            device_transfer(r);
        t.flushes += r->op == BLOCK_FLUSH;
        t.discards += r->op == BLOCK_DISCARD;
        block_complete(r, t.next);
    }
}

/* ---- the glue ---- */

static void glue_done(struct block_request *r)
{
    storvsp_io_done(r->context, (enum scsi_outcome)r->status);
}

static void glue_submit(void *disk, struct storvsp_io *io)
{
    struct block_request *r = io->memory;

    *r = (struct block_request){.op = (enum block_op)io->op,
                                .force_unit_access = io->force_unit_access,
                                .sector = io->sector,
                                .sector_count = io->sector_count,
                                .segment_count = io->segment_count,
                                .segments = (const void *)io->segments,
                                .done = glue_done,
                                .context = io,
                                .device = disk};
    block_submit(r);
}

static const struct storvsp_backend backend = {.submit = glue_submit};

static bool lun_add(void)
{
    const struct block_device *d = &t.device;
    struct scsi_disk disk = {.sector_count = d->sector_count,
                             .sector_size = d->sector_size,
                             .max_transfer_sectors = d->max_request_sectors,
                             .max_discard_sectors = d->max_discard_sectors,
                             .read_only = d->read_only,
                             .write_cache = true,
                             .can_discard = d->can_discard,
                             .vendor = "VERDIGRS"};

    return storvsp_lun_add(&world.adapter, 1, &disk, &backend, &t.device);
}

static int setup(void **state)
{
    (void)state;
    fake_kernel_reset();
    memset(&t, 0, sizeof(t));
    list_init(&t.held);
    for (size_t i = 0; i < sizeof(t.bytes); i++)
        t.bytes[i] = (uint8_t)(i / SECTOR + i);
    t.device = (struct block_device){.name = "disk0",
                                     .operations = &operations,
                                     .sector_size = SECTOR,
                                     .sector_count = SECTORS,
                                     .max_request_sectors = 256,
                                     .max_discard_sectors = SECTORS,
                                     .max_segments = 64,
                                     .queue_depth = 8,
                                     .can_discard = true,
                                     .whole_pages = true};
    world_make_with(sizeof(struct block_request));
    world_initialise();
    assert_true(lun_add());
    world_run();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_drop();
    assert_int_equal(fake.live, 0);
    return 0;
}

/* Send @packet, with data from @offset in page 0 on; its answer. */
static struct storage_packet *do_at(struct storage_packet packet, uint32_t offset)
{
    const uint64_t pages[3] = {P(0), P(7), P(3)};
    uint32_t length = packet.srb.data_transfer_length;

    packet.srb.lun = 1;
    world.answer_count = 0;
    world_send(0, 1, &packet, pages, (offset + length + CHILD_PAGE - 1) / CHILD_PAGE, offset,
               length);
    world_run();
    device_work();
    world_run();
    return world_answer(1);
}

/* ---- facts ---- */

static void the_childs_pages_are_what_the_device_gets(void **state)
{
    (void)state;
    assert_good(do_at(world_read(5, 16), 0), 16 * SECTOR);
    assert_true(t.direct);
    assert_int_equal(t.device.statistics.copied, 0);
    assert_memory_equal(child_bytes(&world.child, P(0)), t.bytes + 5 * SECTOR, CHILD_PAGE);
    assert_memory_equal(child_bytes(&world.child, P(7)), t.bytes + 13 * SECTOR, CHILD_PAGE);
    assert_int_equal(t.device.statistics.read_bytes, 16 * SECTOR);
}

static void data_that_begins_inside_a_page_is_direct_too(void **state)
{
    (void)state;
    assert_good(do_at(world_read(1, 10), CHILD_PAGE - SECTOR), 10 * SECTOR);
    assert_true(t.direct);
    assert_memory_equal(child_bytes(&world.child, P(3)), t.bytes + 10 * SECTOR, SECTOR);
}

static void forced_writes_are_flushed_where_the_device_cannot(void **state)
{
    struct storage_packet packet = world_write(9, 8);

    (void)state;
    packet.srb.data[1] = SCSI_RW_FUA;
    memset(child_bytes(&world.child, P(0)), 0x99, CHILD_PAGE);
    assert_good(do_at(packet, 0), CHILD_PAGE);
    assert_memory_equal(t.bytes + 9 * SECTOR, child_bytes(&world.child, P(0)), CHILD_PAGE);
    assert_int_equal(t.writes, 1);
    assert_int_equal(t.flushes, 1);
}

static void what_the_device_says_becomes_sense_data(void **state)
{
    (void)state;
    t.next = BLOCK_MEDIUM_ERROR;
    assert_sense(do_at(world_read(0, 8), 0), SCSI_SENSE_READ_ERROR);
    t.next = BLOCK_DEVICE_ERROR;
    assert_sense(do_at(world_write(0, 8), 0), SCSI_SENSE_INTERNAL_FAILURE);
    t.next = BLOCK_GONE;
    assert_sense(do_at(world_read(0, 8), 0), SCSI_SENSE_LUN_UNSUPPORTED);
    assert_int_equal(do_at(world_read(0, 8), 0)->srb.srb_status, STORAGE_SRB_INVALID_LUN);
}

static void no_request_is_one_that_the_block_layer_refuses(void **state)
{
    (void)state;
    assert_good(do_at(world_read(SECTORS - 8, 8), 0), CHILD_PAGE);
    assert_sense(do_at(world_read(SECTORS - 7, 8), 0), SCSI_SENSE_LBA_RANGE);
    assert_int_equal(t.device.statistics.errors, 0);
    t.device.read_only = true; /* behind storvsp's back: the block layer has the last word */
    assert_sense(do_at(world_write(0, 8), 0), SCSI_SENSE_WRITE_PROTECTED);
}

#define BLOCK_FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BLOCK_FACT(the_childs_pages_are_what_the_device_gets),
        BLOCK_FACT(data_that_begins_inside_a_page_is_direct_too),
        BLOCK_FACT(forced_writes_are_flushed_where_the_device_cannot),
        BLOCK_FACT(what_the_device_says_becomes_sense_data),
        BLOCK_FACT(no_request_is_one_that_the_block_layer_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
