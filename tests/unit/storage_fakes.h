/* SPDX-License-Identifier: MIT */
/* storage_fakes.h - a child's memory and disks for the tests of storvsp: pages that count their
 * pins, and a disk in memory that ends its operations at once, when told, or from a thread.
 *
 * The disk checks what it is given: ranges within it, segments that add up, pages that are pinned
 * from submit to completion. */
#ifndef STORAGE_FAKES_H
#define STORAGE_FAKES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "storvsp/storvsp.h"

#define CHILD_PAGE       4096u
#define CHILD_PAGES      1024u
#define CHILD_FIRST_PAGE 0x100u /* its page numbers begin here */

struct fake_child {
    uint8_t *memory;
    uint32_t pins[CHILD_PAGES]; /* [a] */
    uint64_t pinned;            /* [a] sum of the above */
    uint64_t refuse_page;       /* not RAM, though it is in range; 0: none */
};

void child_make(struct fake_child *child);
void child_drop(struct fake_child *child);
uint8_t *child_bytes(struct fake_child *child, uint64_t page);

/* As struct storvsp_port wants them, with a struct fake_child as context. */
bool child_pin(void *context, const uint64_t *pages, uint32_t count, bool write,
               uint64_t *physical);
void child_unpin(void *context, const struct storvsp_segment *segments, uint32_t count);
bool child_copy(void *context, uint64_t page, uint32_t offset, void *buffer, uint32_t length,
                bool to_child);

#define DISK_QUEUE 4096u

enum disk_mode { DISK_AT_ONCE, DISK_WHEN_TOLD, DISK_BY_THREAD };

struct fake_disk {
    struct fake_child *child;
    struct scsi_disk scsi;
    uint8_t *data;
    enum disk_mode mode;
    uint64_t bad_sector;       /* operations that touch it fail; UINT64_MAX: none */
    enum scsi_outcome failure; /* with this; or all operations, if fail_all */
    bool fail_all;

    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t queued;
    pthread_t thread;
    bool stop;
    struct storvsp_io *queue[DISK_QUEUE];
    unsigned count; /* in the queue */
    uint64_t submitted, completed, flushes, discards, forced;
    uint64_t unflushed; /* writes since the last flush that were not forced */
};

extern const struct storvsp_backend fake_disk_backend;

void disk_make(struct fake_disk *disk, struct fake_child *child, uint64_t sectors,
               uint32_t sector_size, uint32_t seed);
void disk_drop(struct fake_disk *disk);

/* From now on a thread of its own completes operations, in a random order. */
void disk_thread_start(struct fake_disk *disk);

/* End operation @index of the queue. */
void disk_complete(struct fake_disk *disk, unsigned index);
/* End all of them, those that are submitted meanwhile too, the latest first. */
void disk_complete_all(struct fake_disk *disk);

/* How many operations it was given so far; the number, from 1 on, of the first of those that wait in
 * its queue, UINT64_MAX: none does. */
uint64_t disk_submitted(struct fake_disk *disk);
uint64_t disk_oldest(struct fake_disk *disk);

uint32_t fake_random(uint32_t *seed);

#endif
