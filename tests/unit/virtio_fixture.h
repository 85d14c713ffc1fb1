/* SPDX-License-Identifier: MIT */
/* virtio_fixture.h - for tests of the virtio block driver: it, over a fake device. */
#ifndef VIRTIO_FIXTURE_H
#define VIRTIO_FIXTURE_H

#include "disk_fixture.h"
#include "drivers/drivers.h"
#include "drivers/virtio_blk_disk.h"
#include "fake_virtio.h"
#include "root_kernel.h"

/* cmocka's setup and teardown: the latter checks that the device found nothing wrong. */
int virtio_make(void **state);
int virtio_drop(void **state);

/* Bind the driver; its disk is io.disk. */
void virtio_probe(void);

/* The driver does not take the device, and leaves nothing behind. */
void virtio_is_refused(void);

/* Let the watchdog run until @requests are done; then the device goes, and it ends. */
void virtio_watch(uint32_t requests);

/* The slot's thread takes the device away while the watchdog's is at work. */
void virtio_take_away(void);

#endif
