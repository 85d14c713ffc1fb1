/* SPDX-License-Identifier: MIT */
/* tests/unit/test_block_identity.c - what a disk is known by: root/io/block_identity.c. */
#include "fakes/test.h"

#include "io/block.h"

static struct block_device disk(const char *name, const char *serial)
{
    struct block_device d = {.model = "A model"};

    strcpy(d.name, name);
    strcpy(d.serial, serial);
    return d;
}

static struct block_identity identity(const struct block_device *d)
{
    struct block_identity i;

    memset(&i, 0x5a, sizeof(i));
    block_identify(d, &i);
    return i;
}

static void disk_is_the_same_in_whatever_order_it_is_found(void **state)
{
    struct block_device first = disk("nvme0", "S1"), later = disk("nvme3", "S1");

    (void)state;
    assert_string_equal(identity(&first).serial, "S1");
    assert_string_equal(identity(&later).serial, "S1");
    assert_int_equal(identity(&first).hash, identity(&later).hash);
}

static void disks_units_and_partitions_differ(void **state)
{
    struct block_device all[] = {disk("a", "S1"), disk("a", "S2"), disk("a", "S1"),
                                 disk("a", "S1"), disk("a", "S1"), disk("a", "S1")};
    const unsigned count = sizeof(all) / sizeof(all[0]);

    (void)state;
    all[2].partition = 2;
    all[3].unit = 2;
    all[4].unit = 2;
    all[4].partition = 3;
    strcpy(all[5].model, "Another");
    assert_string_equal(identity(&all[2]).serial, "S1-p2");
    assert_string_equal(identity(&all[3]).serial, "S1-n2");
    assert_string_equal(identity(&all[4]).serial, "S1-n2-p3");
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(identity(&all[i]).hash, identity(&all[k]).hash);
}

static void disk_without_a_serial_number_has_its_name(void **state)
{
    struct block_device d = disk("virtio0p1", "");

    (void)state;
    d.partition = 1;
    assert_string_equal(identity(&d).serial, "virtio0p1");
}

static void longest_identity_is_whole(void **state)
{
    struct block_device d = disk("nvme0p128", "12345678901234567890");

    (void)state;
    d.unit = UINT32_MAX;
    d.partition = 128;
    assert_string_equal(identity(&d).serial, "12345678901234567890-n4294967295-p128");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk_is_the_same_in_whatever_order_it_is_found),
        cmocka_unit_test(disks_units_and_partitions_differ),
        cmocka_unit_test(disk_without_a_serial_number_has_its_name),
        cmocka_unit_test(longest_identity_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
