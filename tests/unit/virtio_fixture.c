/* SPDX-License-Identifier: MIT */
/* virtio_fixture.c - see virtio_fixture.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "virtio_fixture.h"

static void device_step(void)
{
    fake_virtio_step();
    if (io.remove_after && io.done >= io.remove_after)
        virtio.removed = true;
}

int virtio_make(void **state)
{
    (void)state;
    disk_fixture_make(device_step);
    fake_virtio_make();
    return 0;
}

int virtio_drop(void **state)
{
    (void)state;
    if (io.disk) {
        list_remove(&io.disk->link);
        virtio_blk_destroy(io.disk->driver);
    }
    disk_fixture_drop();
    fake_virtio_drop();
    assert_int_equal(virtio.wrong, 0);
    assert_int_equal(virtio.outside, 0);
    return 0;
}

void virtio_probe(void)
{
    disk_probe(&virtio_blk_driver, &virtio.pci);
}

void virtio_is_refused(void)
{
    assert_true(virtio_blk_driver.match(&virtio.pci));
    assert_false(virtio_blk_driver.probe(&virtio.pci));
    assert_int_equal(fake.live, 0);
    assert_int_equal(fake_pci.irqs, 0);
    assert_false(fake_pci.command & PCI_COMMAND_MASTER);
}

void virtio_watch(uint32_t requests)
{
    io.remove_after = requests;
    fake_threads_run();
}

/* On one host thread, the watchdog runs when the device works next. */
static void watchdog_runs_meanwhile(void)
{
    fake.step = device_step;
    fake_threads_run();
}

void virtio_take_away(void)
{
    fake.step = watchdog_runs_meanwhile;
    virtio_blk_driver.remove(&virtio.pci);
}
