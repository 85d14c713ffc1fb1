/* SPDX-License-Identifier: MIT */
/* storage_fakes.c - see storage_fakes.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "storage_fakes.h"

/* Also for fuzzing, where there is no cmocka. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

uint32_t fake_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* ---- the child ---- */

void child_make(struct fake_child *child)
{
    memset(child, 0, sizeof(*child));
    child->memory = mmap(NULL, CHILD_PAGES * CHILD_PAGE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(child->memory != MAP_FAILED);
}

void child_drop(struct fake_child *child)
{
    MUST(child->pinned == 0);
    munmap(child->memory, CHILD_PAGES * CHILD_PAGE);
}

static bool is_ram(const struct fake_child *child, uint64_t page)
{
    return page >= CHILD_FIRST_PAGE && page - CHILD_FIRST_PAGE < CHILD_PAGES &&
           page != child->refuse_page;
}

uint8_t *child_bytes(struct fake_child *child, uint64_t page)
{
    MUST(page >= CHILD_FIRST_PAGE && page - CHILD_FIRST_PAGE < CHILD_PAGES);
    return child->memory + (page - CHILD_FIRST_PAGE) * CHILD_PAGE;
}

bool child_pin(void *context, const uint64_t *pages, uint32_t count, bool write, uint64_t *physical)
{
    struct fake_child *child = context;

    (void)write;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_ram(child, pages[i]))
            return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        __atomic_fetch_add(&child->pins[pages[i] - CHILD_FIRST_PAGE], 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&child->pinned, 1, __ATOMIC_RELAXED);
        physical[i] = (uint64_t)(uintptr_t)child_bytes(child, pages[i]);
    }
    return true;
}

/* Visit the pages of @segments: their index, once for each segment. */
static void pages_visit(struct fake_child *child, const struct storvsp_segment *segments,
                        uint32_t count, void (*visit)(struct fake_child *child, uint64_t index))
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = segments[i].physical - (uint64_t)(uintptr_t)child->memory;
        uint64_t last = (start + segments[i].length - 1) / CHILD_PAGE;

        MUST(segments[i].length > 0 && last < CHILD_PAGES);
        for (uint64_t index = start / CHILD_PAGE; index <= last; index++)
            visit(child, index);
    }
}

static void page_unpin(struct fake_child *child, uint64_t index)
{
    MUST(__atomic_fetch_sub(&child->pins[index], 1, __ATOMIC_RELAXED) > 0);
    __atomic_fetch_sub(&child->pinned, 1, __ATOMIC_RELAXED);
}

static void page_is_pinned(struct fake_child *child, uint64_t index)
{
    MUST(__atomic_load_n(&child->pins[index], __ATOMIC_RELAXED) > 0);
}

void child_unpin(void *context, const struct storvsp_segment *segments, uint32_t count)
{
    pages_visit(context, segments, count, page_unpin);
}

bool child_copy(void *context, uint64_t page, uint32_t offset, void *buffer, uint32_t length,
                bool to_child)
{
    struct fake_child *child = context;
    uint8_t *bytes;

    MUST(offset < CHILD_PAGE && length <= CHILD_PAGE - offset);
    if (!is_ram(child, page))
        return false;
    bytes = child_bytes(child, page) + offset;
    memcpy(to_child ? bytes : buffer, to_child ? buffer : bytes, length);
    return true;
}

/* ---- the disk ---- */

static uint64_t segments_bytes(const struct storvsp_io *io)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < io->segment_count; i++) {
        MUST((io->segments[i].physical | io->segments[i].length) % 4 == 0);
        bytes += io->segments[i].length;
    }
    return bytes;
}

static void io_check(const struct fake_disk *disk, const struct storvsp_io *io)
{
    const struct scsi_disk *scsi = &disk->scsi;

    MUST(((uintptr_t)io->memory & 15) == 0);
    if (io->op == SCSI_OP_FLUSH) {
        MUST(io->segment_count == 0);
        return;
    }
    MUST(io->sector_count > 0 && io->sector < scsi->sector_count &&
         io->sector_count <= scsi->sector_count - io->sector);
    if (io->op == SCSI_OP_DISCARD) {
        MUST(io->segment_count == 0 && scsi->can_discard && !scsi->read_only);
        MUST(io->sector_count <= scsi->max_discard_sectors);
        return;
    }
    MUST(io->op == SCSI_OP_READ || !scsi->read_only);
    MUST(io->sector_count <= scsi->max_transfer_sectors);
    MUST(segments_bytes(io) == (uint64_t)io->sector_count * scsi->sector_size);
    pages_visit(disk->child, io->segments, io->segment_count, page_is_pinned);
}

static void transfer(struct fake_disk *disk, const struct storvsp_io *io)
{
    uint8_t *data = disk->data + io->sector * disk->scsi.sector_size;

    for (uint32_t i = 0; i < io->segment_count; i++) {
        uint8_t *memory = (uint8_t *)(uintptr_t)io->segments[i].physical;
        uint32_t length = io->segments[i].length;

        memcpy(io->op == SCSI_OP_READ ? memory : data, io->op == SCSI_OP_READ ? data : memory,
               length);
        data += length;
    }
}

static void carry_out(struct fake_disk *disk, const struct storvsp_io *io)
{
    switch (io->op) {
    case SCSI_OP_WRITE:
        disk->forced += io->force_unit_access;
        disk->unflushed += !io->force_unit_access;
        transfer(disk, io);
        break;
    case SCSI_OP_READ:
        transfer(disk, io);
        break;
    case SCSI_OP_FLUSH:
        disk->flushes++;
        disk->unflushed = 0;
        break;
    case SCSI_OP_DISCARD:
    default:
        disk->discards++;
        memset(disk->data + io->sector * disk->scsi.sector_size, 0,
               (size_t)io->sector_count * disk->scsi.sector_size);
        break;
    }
}

static enum scsi_outcome outcome_of(const struct fake_disk *disk, const struct storvsp_io *io)
{
    bool bad = disk->bad_sector >= io->sector && disk->bad_sector - io->sector < io->sector_count;

    return disk->fail_all || bad ? disk->failure : SCSI_OUTCOME_OK;
}

/* With the lock held, which is let go. */
static void io_end(struct fake_disk *disk, struct storvsp_io *io)
{
    enum scsi_outcome outcome = outcome_of(disk, io);

    io_check(disk, io);
    if (outcome == SCSI_OUTCOME_OK)
        carry_out(disk, io);
    disk->completed++;
    pthread_mutex_unlock(&disk->lock);
    storvsp_io_done(io, outcome);
}

/* Operation @index, which is taken out of the queue. */
static struct storvsp_io *queue_take(struct fake_disk *disk, unsigned index)
{
    struct storvsp_io *io = disk->queue[index];

    MUST(index < disk->count);
    disk->count--;
    memmove(&disk->queue[index], &disk->queue[index + 1],
            (disk->count - index) * sizeof(struct storvsp_io *));
    return io;
}

static void disk_submit(void *context, struct storvsp_io *io)
{
    struct fake_disk *disk = context;

    pthread_mutex_lock(&disk->lock);
    io_check(disk, io);
    disk->submitted++;
    *(uint64_t *)io->memory = disk->submitted;
    if (disk->mode == DISK_AT_ONCE) {
        io_end(disk, io);
        return;
    }
    MUST(disk->count < DISK_QUEUE);
    disk->queue[disk->count++] = io;
    pthread_cond_signal(&disk->queued);
    pthread_mutex_unlock(&disk->lock);
}

const struct storvsp_backend fake_disk_backend = {.submit = disk_submit};

void disk_complete(struct fake_disk *disk, unsigned index)
{
    pthread_mutex_lock(&disk->lock);
    io_end(disk, queue_take(disk, index));
}

uint64_t disk_submitted(struct fake_disk *disk)
{
    uint64_t count;

    pthread_mutex_lock(&disk->lock);
    count = disk->submitted;
    pthread_mutex_unlock(&disk->lock);
    return count;
}

uint64_t disk_oldest(struct fake_disk *disk)
{
    uint64_t oldest = UINT64_MAX;

    pthread_mutex_lock(&disk->lock);
    for (unsigned i = 0; i < disk->count; i++) {
        uint64_t number = *(const uint64_t *)disk->queue[i]->memory;

        if (number < oldest)
            oldest = number;
    }
    pthread_mutex_unlock(&disk->lock);
    return oldest;
}

void disk_complete_all(struct fake_disk *disk)
{
    while (disk->count > 0)
        disk_complete(disk, disk->count - 1);
}

static void *disk_thread(void *context)
{
    struct fake_disk *disk = context;
    uint32_t seed = 4711;

    for (;;) {
        pthread_mutex_lock(&disk->lock);
        while (disk->count == 0 && !disk->stop)
            pthread_cond_wait(&disk->queued, &disk->lock);
        if (disk->count == 0)
            break;
        io_end(disk, queue_take(disk, fake_random(&seed) % disk->count));
    }
    pthread_mutex_unlock(&disk->lock);
    return NULL;
}

void disk_thread_start(struct fake_disk *disk)
{
    disk->mode = DISK_BY_THREAD;
    MUST(pthread_create(&disk->thread, NULL, disk_thread, disk) == 0);
}

void disk_make(struct fake_disk *disk, struct fake_child *child, uint64_t sectors,
               uint32_t sector_size, uint32_t seed)
{
    memset(disk, 0, sizeof(*disk));
    disk->child = child;
    disk->bad_sector = UINT64_MAX;
    disk->failure = SCSI_OUTCOME_MEDIUM_ERROR;
    disk->scsi = (struct scsi_disk){.sector_count = sectors,
                                    .sector_size = sector_size,
                                    .max_transfer_sectors = 0x10000,
                                    .max_discard_sectors = (uint32_t)sectors,
                                    .identifier = seed,
                                    .write_cache = true,
                                    .can_discard = true,
                                    .discard_zeroes = true,
                                    .vendor = "FAKE",
                                    .product = "Disk of a test",
                                    .revision = "1",
                                    .serial = "0001"};
    disk->data = malloc(sectors * sector_size);
    MUST(disk->data);
    for (uint64_t i = 0; i < sectors * sector_size / sizeof(seed); i++) {
        uint32_t value = fake_random(&seed);

        memcpy(disk->data + i * sizeof(value), &value, sizeof(value));
    }
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->queued, NULL);
}

void disk_drop(struct fake_disk *disk)
{
    if (disk->mode == DISK_BY_THREAD) {
        pthread_mutex_lock(&disk->lock);
        disk->stop = true;
        pthread_cond_signal(&disk->queued);
        pthread_mutex_unlock(&disk->lock);
        pthread_join(disk->thread, NULL);
    }
    MUST(disk->count == 0 && disk->submitted == disk->completed);
    pthread_mutex_destroy(&disk->lock);
    pthread_cond_destroy(&disk->queued);
    free(disk->data);
}
