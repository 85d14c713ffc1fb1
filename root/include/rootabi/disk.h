/* SPDX-License-Identifier: MIT */
/* rootabi/disk.h - /dev/disk: the disks and their contents' hashes. */
#ifndef ROOTABI_DISK_H
#define ROOTABI_DISK_H

#include <rootabi/ioctl.h>

enum {
    DISK_READ_ONLY = 1,
    DISK_PARTITION = 2, /* of another disk */
    DISK_FIRMWARE = 4,  /* has an EFI system partition, which the firmware starts from */
    DISK_MEMORY = 8,    /* root's own memory */
};

struct disk_info {
    uint32_t index; /* in; ENOENT: there are fewer */
    uint32_t flags;
    char name[16];
    char model[48];
    char serial[24];
    uint32_t sector_size;
    uint32_t queue_depth;
    uint64_t sector_count;
    uint64_t reads, writes, read_bytes, written_bytes, errors, interrupts;
    uint64_t flushes;
    uint64_t copied; /* requests whose data the disk could not reach as it lay */
};
ABI_SIZE(struct disk_info, 176);

struct disk_hash {
    char name[16]; /* in; ENOENT: no such disk; EIO: a read failed */
    uint64_t bytes;
    uint8_t sha256[32];
};
ABI_SIZE(struct disk_hash, 56);

/* Overwrites the whole disk: the 8 bytes at byte offset 8 * i become the i-th output of SplitMix64
 * with state @seed, little-endian; the last write is forced to the medium, and then the disk's cache
 * is flushed. */
struct disk_fill {
    char name[16]; /* in; ENOENT: no such disk; EIO: a write failed */
    uint64_t seed; /* in */
    uint64_t bytes;
};
ABI_SIZE(struct disk_fill, 32);

/* Tells the disk that nothing of its contents is needed any more; what it has then is up to it. */
struct disk_discard {
    char name[16]; /* in; ENOENT: no such disk; ENOTTY: it cannot; EIO: it failed */
    uint64_t bytes;
};
ABI_SIZE(struct disk_discard, 24);

/* Reads all of the disk and keeps nothing: one request of a MiB, or what the disk takes at once, after
 * the other. */
struct disk_read {
    char name[16]; /* in; ENOENT: no such disk; EIO: a read failed */
    uint64_t bytes;
    uint64_t nanoseconds;
};
ABI_SIZE(struct disk_read, 32);

#define DISK_IOCTL_INFO IOCTL_EXCHANGE('d', 0, struct disk_info)
#define DISK_IOCTL_HASH IOCTL_EXCHANGE('d', 1, struct disk_hash)
#define DISK_IOCTL_FILL IOCTL_EXCHANGE('d', 2, struct disk_fill)
#define DISK_IOCTL_DISCARD IOCTL_EXCHANGE('d', 3, struct disk_discard)
#define DISK_IOCTL_READ IOCTL_EXCHANGE('d', 4, struct disk_read)

#endif
