/* SPDX-License-Identifier: MIT */
/* disk_fixture.h - for tests of a disk driver over a fake controller: memory to read into, and
 * requests in flight. A test sees all of it in @io. */
#ifndef DISK_FIXTURE_H
#define DISK_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include "io/block.h"
#include "io/pci.h"

#define DISK_SECTOR       512u
#define DISK_MEMORY_SIZE  (8u << 20)
#define DISK_REQUESTS_MAX 200u

struct disk_io {
    uint8_t *memory; /* page-aligned, DISK_MEMORY_SIZE bytes, none like its neighbour */
    struct block_device *disk;
    uint32_t done;         /* requests; the fixture or the test counts them off */
    uint32_t remove_after; /* requests; 0: never. For the step function of the test. */
    struct block_request requests[DISK_REQUESTS_MAX];
    struct block_segment segments[DISK_REQUESTS_MAX];
};
extern struct disk_io io;

/* A fresh kernel whose devices work by @step. The test drops the driver's memory, then this. */
void disk_fixture_make(void (*step)(void));
void disk_fixture_drop(void);

/* Bind @driver to @device; its last disk becomes io.disk. */
void disk_probe(const struct pci_driver *driver, struct pci_device *device);

/* Submit request @i for @bytes at @offset of io.memory; disk_done counts it. */
struct block_request *disk_submit(uint32_t i, enum block_op op, uint64_t sector, uint32_t offset,
                                  uint32_t bytes);
void disk_done(struct block_request *r);

/* Submit request 0 and wait for it. */
enum block_status disk_perform(enum block_op op, uint64_t sector, uint32_t offset, uint32_t bytes);

#endif
