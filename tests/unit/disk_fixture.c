/* SPDX-License-Identifier: MIT */
/* disk_fixture.c - see disk_fixture.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "disk_fixture.h"
#include "mm/memory.h"
#include "root_kernel.h"
#include "sched/thread.h"

struct disk_io io;

void disk_fixture_make(void (*step)(void))
{
    fake_kernel_reset();
    memset(&io, 0, sizeof(io));
    fake.step = step;
    assert_int_equal(posix_memalign((void **)&io.memory, PAGE_SIZE, DISK_MEMORY_SIZE), 0);
    for (uint32_t i = 0; i < DISK_MEMORY_SIZE / 4; i++)
        ((uint32_t *)(void *)io.memory)[i] = i * 2654435761u;
}

void disk_fixture_drop(void)
{
    free(io.memory);
}

static bool last_disk(struct block_device *device, void *context)
{
    (void)context;
    io.disk = device;
    return true;
}

void disk_probe(const struct pci_driver *driver, struct pci_device *device)
{
    assert_true(driver->match(device));
    assert_true(driver->probe(device));
    block_for_each(last_disk, NULL);
    assert_non_null(io.disk);
    fake_thread_take("partitions");
}

void disk_done(struct block_request *r)
{
    (void)r;
    io.done++;
}

struct block_request *disk_submit(uint32_t i, enum block_op op, uint64_t sector, uint32_t offset,
                                  uint32_t bytes)
{
    io.segments[i] =
        (struct block_segment){.physical = virt_to_phys(io.memory + offset), .length = bytes};
    io.requests[i] = (struct block_request){.op = op,
                                            .sector = sector,
                                            .sector_count = bytes / DISK_SECTOR,
                                            .segments = &io.segments[i],
                                            .segment_count = 1,
                                            .done = disk_done,
                                            .device = io.disk};
    block_submit(&io.requests[i]);
    return &io.requests[i];
}

enum block_status disk_perform(enum block_op op, uint64_t sector, uint32_t offset, uint32_t bytes)
{
    struct block_request *r = disk_submit(0, op, sector, offset, bytes);

    while (io.done == 0)
        thread_sleep(1000);
    io.done = 0;
    return r->status;
}
