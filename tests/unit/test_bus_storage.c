/* SPDX-License-Identifier: MIT */
/* test_bus_storage.c - root's disks as a child sees them, root/bus/storage.c: what they are known
 * by, and what a request may transfer. */
#include "fakes/test.h"
#include "bus_fixture.h"

#include <vspabi/scsi.h>
#include <vspabi/storage.h>

#define DATA_PAGE  32u
#define DATA_BYTES 255u
#define NAA_AT     8u /* in page 83h: behind the header and that of the first designator */

static struct {
    struct vmbus_ring in, out;
    struct storage_packet answer;
} guest;

/* ---- the child's driver ---- */

static bool has_answer(void)
{
    struct vmbus_packet p;
    uint64_t buffer[16];

    if (vmbus_ring_read(&guest.in, &p, buffer, sizeof(buffer)) != VMBUS_RING_OK)
        return false;
    assert_true(p.length >= sizeof(guest.answer));
    memcpy(&guest.answer, p.payload, sizeof(guest.answer));
    return true;
}

/* With @bytes of data at DATA_PAGE. */
static void ask(const struct storage_packet *packet, uint32_t bytes)
{
    const struct {
        struct vmbus_range range;
        uint64_t page;
    } data = {{.length = bytes}, DATA_PAGE};
    const struct vmbus_packet p = {.type =
                                       bytes != 0 ? VMBUS_PACKET_GPA_DIRECT : VMBUS_PACKET_IN_BAND,
                                   .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                   .ranges = &data,
                                   .range_count = bytes != 0,
                                   .ranges_length = bytes != 0 ? sizeof(data) : 0,
                                   .payload = packet,
                                   .length = sizeof(*packet)};

    assert_int_equal(vmbus_ring_write(&guest.out, &p), VMBUS_RING_OK);
    (void)!vmbus_ring_write_end(&guest.out);
    guest_ring();
    assert_true(world_wait(has_answer));
    assert_int_equal(guest.answer.status, STORAGE_STATUS_OK);
}

static void operation(uint32_t operation, uint16_t version)
{
    const struct storage_packet p = {
        .operation = operation, .flags = STORAGE_FLAG_COMPLETION, .version.major_minor = version};

    ask(&p, 0);
}

/* What root says of itself goes to *@properties. */
static void driver_begin(struct storage_properties *properties)
{
    const uint32_t half = RING_PAGES / 2 * HV_PAGE_SIZE;
    uint32_t relid;

    world_run();
    relid = guest_connect();
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_true(vmbus_ring_attach_writer(&guest.out, guest_rings(relid), half));
    assert_true(vmbus_ring_attach_reader(&guest.in, guest_rings(relid) + half, half));
    operation(STORAGE_BEGIN_INITIALIZATION, 0);
    operation(STORAGE_QUERY_PROTOCOL_VERSION, STORAGE_VERSION_6_2);
    operation(STORAGE_QUERY_PROPERTIES, 0);
    *properties = guest.answer.properties;
    operation(STORAGE_END_INITIALIZATION, 0);
}

static const uint8_t *vital_page(uint8_t lun, uint8_t page)
{
    const struct storage_packet p = {
        .operation = STORAGE_EXECUTE_SRB,
        .flags = STORAGE_FLAG_COMPLETION,
        .srb = {.length = STORAGE_SRB_BYTES,
                .lun = lun,
                .cdb_length = 6,
                .data_in = STORAGE_DATA_IN,
                .data_transfer_length = DATA_BYTES,
                .data = {SCSI_INQUIRY, SCSI_INQUIRY_EVPD, page, 0, DATA_BYTES}}};

    ask(&p, DATA_BYTES);
    assert_int_equal(guest.answer.srb.srb_status, STORAGE_SRB_SUCCESS);
    return world.ram + (size_t)DATA_PAGE * HV_PAGE_SIZE;
}

static void assert_serial(uint8_t lun, const char *serial)
{
    const uint8_t *page = vital_page(lun, SCSI_VPD_SERIAL);

    assert_int_equal(page[3], strlen(serial));
    assert_memory_equal(page + SCSI_VPD_HEADER_BYTES, serial, strlen(serial));
}

static uint64_t identifier(uint8_t lun)
{
    uint64_t naa;

    memcpy(&naa, vital_page(lun, SCSI_VPD_IDENTIFICATION) + NAA_AT, sizeof(naa));
    return naa;
}

/* ---- disks ---- */

static struct block_device disk(const char *name, const char *serial, uint32_t request_sectors)
{
    struct block_device d = {.model = "A model",
                             .sector_size = 512,
                             .sector_count = 4096,
                             .max_request_sectors = request_sectors,
                             .max_segments = 257,
                             .queue_depth = 16};

    strcpy(d.name, name);
    strcpy(d.serial, serial);
    return d;
}

static void begin(const struct block_device *first, const struct block_device *second,
                  struct storage_properties *properties)
{
    world_make_disks(first, second);
    driver_begin(properties);
}

/* ---- the tests ---- */

static void child_knows_a_disk_again_wherever_it_is_found(void **state)
{
    struct block_device plain = disk("nvme0", "S1", 64), part = disk("nvme1p3", "S2", 64);
    struct storage_properties properties;
    uint64_t first, second;

    (void)state;
    part.partition = 3;
    begin(&plain, &part, &properties);
    assert_serial(0, "S1");
    assert_serial(1, "S2-p3");
    first = identifier(0);
    second = identifier(1);
    assert_int_not_equal(first, second);
    world_end();
    strcpy(plain.name, "nvme1");
    strcpy(part.name, "nvme0p3");
    begin(&part, &plain, &properties);
    assert_serial(1, "S1");
    assert_int_equal(identifier(1), first);
    assert_int_equal(identifier(0), second);
    world_end();
}

static void disks_of_one_serial_number_are_told_apart(void **state)
{
    struct block_device a = disk("ahci0", "S", 64), b = disk("ahci1", "S", 64);
    struct storage_properties properties;

    (void)state;
    begin(&a, &b, &properties);
    assert_serial(1, "S");
    assert_int_not_equal(identifier(0), identifier(1));
    world_end();
}

static void request_may_transfer_what_each_disk_takes(void **state)
{
    struct block_device large = disk("large", "S1", 65536), small = disk("small", "S2", 256);
    struct storage_properties properties;

    (void)state;
    begin(&large, &small, &properties);
    assert_int_equal(properties.max_transfer_bytes, 256 * 512);
    world_end();
    small.max_request_sectors = 65536;
    small.max_segments = 17;
    begin(&large, &small, &properties);
    assert_int_equal(properties.max_transfer_bytes, 16 * HV_PAGE_SIZE);
    world_end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_knows_a_disk_again_wherever_it_is_found),
        cmocka_unit_test(disks_of_one_serial_number_are_told_apart),
        cmocka_unit_test(request_may_transfer_what_each_disk_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
