/* SPDX-License-Identifier: MIT */
/* root/user/shell/disks.c - the disks command. */
#include <rt/mem.h>
#include <rootabi/disk.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/shell.h"

#define MIB 1048576ul

static int print_hash(const char *name)
{
    struct disk_hash h = {0};
    char hex[2 * sizeof(h.sha256) + 1];
    int64_t result;

    rt_strlcpy(h.name, name, sizeof(h.name));
    result = device_call(DEVICE_DISK, DISK_IOCTL_HASH, &h);
    if (result < 0)
        return report(name, result);
    for (size_t i = 0; i < sizeof(h.sha256); i++)
        rt_snprintf(hex + 2 * i, 3, "%02x", h.sha256[i]);
    print("%s  %s\n", hex, name);
    return 0;
}

static void print_disk(const struct disk_info *d)
{
    print("%-10s %8lu MiB, %lu sectors of %u bytes, depth %u%s, %s %s\n", d->name,
          d->sector_count * d->sector_size / MIB, d->sector_count, d->sector_size, d->queue_depth,
          (d->flags & DISK_READ_ONLY) != 0 ? ", read-only" : "", d->model, d->serial);
    print("           %lu reads of %lu KiB, %lu writes of %lu KiB, %lu flushes, %lu copied, "
          "%lu errors, %lu interrupts\n",
          d->reads, d->read_bytes / 1024, d->writes, d->written_bytes / 1024, d->flushes, d->copied,
          d->errors, d->interrupts);
}

static bool is_named(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

/* disks --fill SEED NAME: for tests; overwrites the whole disk. */
static int command_fill(int argc, char **argv)
{
    struct disk_fill f = {0};
    int64_t result;

    if (argc != 4 || !parse_number(argv[2], &f.seed)) {
        print("disks: --fill SEED NAME\n");
        return 1;
    }
    rt_strlcpy(f.name, argv[3], sizeof(f.name));
    result = device_call(DEVICE_DISK, DISK_IOCTL_FILL, &f);
    if (result < 0)
        return report(argv[3], result);
    print("%s: %lu bytes written\n", argv[3], f.bytes);
    return 0;
}

static int command_discard(int argc, char **argv)
{
    struct disk_discard d = {0};
    int64_t result;

    if (argc != 3) {
        print("disks: --discard NAME\n");
        return 1;
    }
    rt_strlcpy(d.name, argv[2], sizeof(d.name));
    result = device_call(DEVICE_DISK, DISK_IOCTL_DISCARD, &d);
    if (result < 0)
        return report(argv[2], result);
    print("%s: %lu bytes discarded\n", argv[2], d.bytes);
    return 0;
}

/* disks --read NAME: how long it takes to read the whole disk. */
static int command_read(int argc, char **argv)
{
    struct disk_read r = {0};
    int64_t result;

    if (argc != 3) {
        print("disks: --read NAME\n");
        return 1;
    }
    rt_strlcpy(r.name, argv[2], sizeof(r.name));
    result = device_call(DEVICE_DISK, DISK_IOCTL_READ, &r);
    if (result < 0)
        return report(argv[2], result);
    print("%s: %lu bytes read in %lu ns\n", argv[2], r.bytes, r.nanoseconds);
    return 0;
}

int command_disks(int argc, char **argv)
{
    bool hash = argc > 1 && strcmp(argv[1], "--hash") == 0;
    int skip = hash ? 2 : 1, failed = 0, shown = 0;
    struct disk_info d = {0};

    if (argc > 1 && strcmp(argv[1], "--fill") == 0)
        return command_fill(argc, argv);
    if (argc > 1 && strcmp(argv[1], "--discard") == 0)
        return command_discard(argc, argv);
    if (argc > 1 && strcmp(argv[1], "--read") == 0)
        return command_read(argc, argv);
    for (; device_call(DEVICE_DISK, DISK_IOCTL_INFO, &d) == 0; d.index++) {
        if (!is_named(d.name, argc - skip, argv + skip))
            continue;
        shown++;
        if (hash)
            failed += print_hash(d.name);
        else
            print_disk(&d);
    }
    if (shown == 0)
        print("disks: none\n");
    return failed != 0 || (shown == 0 && argc > skip);
}
